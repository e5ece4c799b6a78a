"""The training steps of the laboratory's networks, as files from which the page trains.

    python -m senet_lib.book.experiments.training_steps                # all of them; ten seconds each
    python -m senet_lib.book.experiments.training_steps plain-2 se-2-r4

For each network three files in ``results/training_steps``: ``NAME.train.onnx`` and ``NAME.test.onnx``, which
``senet_lib.export.training_step`` describes, and ``NAME.json`` with the sizes of the vectors and how the first weights
are drawn from a seed (``senet_lib.export.initial_draws``).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from senet_lib.book.contestants import BATCH, CONTESTANTS, TEST_BATCH, Contestant
from senet_lib.common.atomic_files import write_atomically
from senet_lib.data.context_world import COLOURS, SHAPES, SIZE
from senet_lib.export.initial_draws import initial_draws, initial_fills
from senet_lib.export.training_step import export_evaluation, export_training_step, start_state, statistics_of
from senet_lib.gates.modules import gates_if_any
from senet_lib.networks.models import ResNet
from senet_lib.networks.residual_blocks import BasicBlock
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from senet_lib.training import Recipe

FOLDER = Path("results/training_steps")
INPUT_SIZE = (len(COLOURS), SIZE, SIZE)
RECIPE = Recipe(epochs=6, learning_rate=0.005)  # that of the recorded experiments in the Distance World
COMMAND = "python -m senet_lib.book.experiments.training_steps"


def make(contestant: Contestant) -> ResNet:
    """A new network of this kind. Its weights are drawn as ``create_model`` draws those of "small_resnet"."""
    reduction = contestant.reduction
    return ResNet(
        (contestant.blocks // 2,) * 2,
        (16, 32),
        (2, 1),
        num_classes=len(SHAPES),
        block=partial(BasicBlock, placement=contestant.placement),
        attention=None if reduction is None else partial(SqueezeExcitation, reduction=reduction),
    )


def write_contestant(contestant: Contestant, folder: Path) -> list[Path]:
    """The three files of a network."""
    model = make(contestant)
    place = folder / contestant.name
    return [
        export_training_step(model, Path(f"{place}.train.onnx"), INPUT_SIZE, RECIPE, BATCH),
        export_evaluation(model, Path(f"{place}.test.onnx"), INPUT_SIZE, TEST_BATCH),
        write_atomically(Path(f"{place}.json"), json.dumps(_facts(contestant, model), separators=(",", ":")) + "\n"),
    ]


def _facts(contestant: Contestant, model: ResNet) -> dict[str, object]:
    state = start_state(model)
    blocks = {name.removesuffix(".attention"): model.get_submodule(name).channels for name in gates_if_any(model)}
    return {
        "name": contestant.name,
        "weights": len(state.weights),
        "statistics": len(state.statistics),
        "blocks": blocks,
        "draws": initial_draws(partial(make, contestant)),
        "start_statistics": initial_fills(statistics_of(model)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog=COMMAND, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = {contestant.name: contestant for contestant in CONTESTANTS}
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(known)}")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"default: {FOLDER}")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"there is no network {unknown[0]!r}; there are {', '.join(known)}")
    for name in options.names or known:
        write_contestant(known[name], options.folder)
        print(options.folder / name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
