"""Files to watch a run with: a CSV table, and curves for TensorBoard.

Both are put around :func:`senet_lib.training.fit`, or around each other. They write down the statistics of an epoch
and pass them on:

    for stats in log_tensorboard(log_csv(fit(model, train, test, recipe), "runs/se.csv"), "runs/se"):
        print(stats.epoch, stats.test_accuracy)

After each epoch the files are complete, so that an interruption or an error loses nothing. A resumed run yields its
earlier epochs again; they replace what the files hold.
"""

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from senet_lib.common.atomic_files import write_atomically
from senet_lib.training.loop import EpochStats


def log_csv(stats: Iterable[EpochStats], path: str | Path) -> Iterator[EpochStats]:
    """Keep a table of the epochs in a CSV file: a line with the names, and a line for each epoch.

    Args:
        stats: what ``fit`` yields.
        path: of the file; its folder is made if there is none. After each epoch the file is replaced as a whole. What
            it held before is gone after the first.

    Yields:
        The statistics, as they come, once they are written.

    Raises:
        ValueError: at once, before the training begins, if no file can be written there.
    """
    path = Path(path)
    _require_writable(path)
    return _write_table(stats, path)


def log_tensorboard(stats: Iterable[EpochStats], folder: str | Path) -> Iterator[EpochStats]:
    """Write a curve for each number of the statistics; to look at them: ``tensorboard --logdir FOLDER``.

    Args:
        stats: what ``fit`` yields.
        folder: of this run; it is made if there is none. Give each run its own, side by side in one folder, and
            TensorBoard shows them in one plot.

    Yields:
        The statistics, as they come, once they are written.

    Raises:
        ModuleNotFoundError: at once, before the training begins, if TensorBoard is not installed.
        ValueError: at once as well, if no file can be written there.
    """
    folder = Path(folder)
    make_writer = _summary_writer()
    _require_writable(folder / "events")
    return _write_curves(stats, lambda epoch: make_writer(str(folder), purge_step=epoch))


def _write_table(stats: Iterable[EpochStats], path: Path) -> Iterator[EpochStats]:
    rows = {}
    for one in stats:
        rows[one.epoch] = asdict(one)
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, fieldnames=list(rows[one.epoch]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())
        write_atomically(path, table.getvalue())
        yield one


def _write_curves(stats: Iterable[EpochStats], open_writer: Callable[[int], Any]) -> Iterator[EpochStats]:
    writer = None
    try:
        for one in stats:
            if writer is None:
                writer = open_writer(one.epoch)  # it hides what an interrupted run has written from this epoch on
            for name, value in asdict(one).items():
                if name != "epoch" and value is not None:
                    writer.add_scalar(name, value, one.epoch)
            writer.flush()
            yield one
    finally:
        if writer is not None:
            writer.close()


def _summary_writer() -> Callable[..., Any]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ModuleNotFoundError(f"TensorBoard cannot be loaded ({error}); run: pip install tensorboard") from error
    return SummaryWriter


def _require_writable(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be written ({error.strerror}); choose another path") from error
