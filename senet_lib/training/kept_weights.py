"""The weights of a run that somebody takes away: those of the best epoch and those of the last, as safetensors files.

They are copied from the checkpoints, so that a run that was killed between the two is put right when it goes on.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from safetensors.torch import save

from senet_lib.common.atomic_files import write_atomically
from senet_lib.training.checkpoints import evaluated_weights, list_checkpoints
from senet_lib.training.loop import EpochStats

BEST, LAST = "best.safetensors", "last.safetensors"


def keep_best_and_last(
    stats: Iterable[EpochStats], folder: str | Path, about: Mapping[str, str]
) -> Iterator[EpochStats]:
    """Keep the weights of the best epoch so far, and of the last one, beside the checkpoints.

    Args:
        stats: what ``fit`` yields with ``checkpoints=folder``.
        folder: of the run.
        about: short texts to keep in both files; the epoch and its test accuracy are added.

    Yields:
        The statistics, as they come, once the files are written.

    Raises:
        OSError: if a file cannot be written; the ones from before are whole.
    """
    folder = Path(folder)
    most = (-1.0, 0.0)
    for one in stats:
        is_best = one.goodness > most
        most = max(most, one.goodness)
        newest = list_checkpoints(folder)[-1]
        if newest.name == f"epoch-{one.epoch:04d}":  # of older epochs the files were written then
            told = {**about, "epoch": str(one.epoch), "test_accuracy": f"{one.test_accuracy:.6f}"}
            content = save(evaluated_weights(newest), told)
            for name in (LAST, BEST) if is_best else (LAST,):
                write_atomically(folder / name, content)
        yield one
