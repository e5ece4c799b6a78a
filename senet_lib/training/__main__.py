"""Train a network of the paper's size on a folder of pictures, on one GPU or on several.

    torchrun --nproc_per_node 8 -m senet_lib.training imagenet-se-resnet50 --data PATH --checkpoints FOLDER
    python -m senet_lib.training imagenet-se-resnet50 --data PATH --checkpoints FOLDER --batch-size 256

PATH holds the folders train and val, and each of them a folder of pictures for each class. After each epoch the run is
kept in FOLDER; the same command goes on with it, also on another number of GPUs. The settings are those of Section 5.1
of the paper, and the weight decay that its author names (github.com/hujie-frank/SENet/issues/37). We deviate in 16 bits
on GPUs that are fast at them, and with another batch size the learning rate changes in proportion (Goyal et al., arXiv
1706.02677).
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import torch

from senet_lib.common.messages import in_one_line
from senet_lib.data.streaming import StreamedBatches
from senet_lib.networks.models import create_model
from senet_lib.training import EpochStats, Recipe, fit
from senet_lib.training.device import best_device
from senet_lib.training.distributed import Group, join_group, share_gradients
from senet_lib.training.logs import log_csv, log_tensorboard

READERS_ERRORS = (ValueError, OSError, ArithmeticError, MemoryError, ModuleNotFoundError)
MOST_WORKERS = 16


@dataclass(frozen=True)
class Setup:
    """A network and how it is trained.

    Attributes:
        model: a name for ``create_model``.
        recipe: for batches of ``batch_size``.
        batch_size: pictures a step, of all processes together.
        image_size: height and width of the pictures, in pixels.
    """

    model: str
    recipe: Recipe
    batch_size: int
    image_size: int

    def resized(self, batch_size: int) -> Recipe:
        """The recipe for another batch size: the learning rate in proportion."""
        return replace(self.recipe, learning_rate=self.recipe.learning_rate * batch_size / self.batch_size)


PAPER_RECIPE = Recipe(
    epochs=100,
    learning_rate=0.6,
    weight_decay=1e-4,
    optimiser="sgd",
    momentum=0.9,
    schedule="step",
    step_epochs=30,
)
SETUPS = {
    "imagenet-resnet50": Setup("resnet50", PAPER_RECIPE, batch_size=1024, image_size=224),
    "imagenet-se-resnet50": Setup("se_resnet50", PAPER_RECIPE, batch_size=1024, image_size=224),
}


class _Parser(argparse.ArgumentParser):
    """A parser that raises, because with several processes only one of them may print."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; {self.prog} --help lists what there is")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; the first process prints a line an epoch. The exit code: 0, or 2 after a mistake of the reader's."""
    with join_group() as group:
        try:
            _train(_parse(arguments), group)
        except KeyboardInterrupt:
            _say_first(group, "stopped; the same command goes on after the last epoch that was finished")
            return 130
        except Exception as error:
            if not _say_first(group, in_one_line(error)):
                return 2  # what happens here is a consequence
            if not isinstance(error, READERS_ERRORS):
                raise
            return 2
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="python -m senet_lib.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=SETUPS)
    parser.add_argument("--data", required=True, metavar="PATH", help="folder of the pictures")
    parser.add_argument("--checkpoints", required=True, metavar="FOLDER", help="where the run is kept")
    parser.add_argument("--epochs", type=int, help="default: the paper's 100")
    parser.add_argument("--batch-size", type=int, help="of all processes together; default: the paper's 1024")
    parser.add_argument("--image-size", type=int, help="in pixels; default: the paper's 224")
    parser.add_argument("--pictures", type=int, help="for a quick trial: how many to train on, and how many to test on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cuda or cpu; default: the fastest")
    parser.add_argument("--workers", type=int, help="processes that read, for each that trains; default: all cores")
    parser.add_argument("--csv", metavar="FILE", help="keep a table of the epochs")
    parser.add_argument("--tensorboard", metavar="FOLDER", help="keep curves for TensorBoard")
    return parser.parse_args(arguments)


def _train(options: argparse.Namespace, group: Group) -> None:
    setup = SETUPS[options.name]
    device = group.device(options.device or best_device().type)
    batch_size = setup.batch_size if options.batch_size is None else options.batch_size
    train, test = (_stream(options, setup, batch_size, device, group, train=train) for train in (True, False))
    recipe = setup.resized(batch_size)
    recipe = recipe if options.epochs is None else replace(recipe, epochs=options.epochs)
    torch.manual_seed(options.seed)  # the same in all processes, so that a resumed run needs only one random state
    model = create_model(setup.model, num_classes=len(train.classes)).to(device).to(memory_format=torch.channels_last)
    epochs = fit(share_gradients(model), train, test, recipe, checkpoints=options.checkpoints)
    if group.leads:
        print(
            f"{options.name}: {train.pictures:,} pictures of {len(train.classes):,} classes in batches of "
            f"{batch_size:,}, learning rate {recipe.learning_rate:g}, {group.processes} x {device.type}",
            flush=True,
        )
        epochs = _logged(epochs, options)
    for stats in epochs:
        if group.leads:
            print(_line(stats, recipe.epochs), flush=True)


def _stream(
    options: argparse.Namespace, setup: Setup, batch_size: int, device: torch.device, group: Group, *, train: bool
) -> StreamedBatches:
    return StreamedBatches(
        options.data,
        train=train,
        batch_size=batch_size,
        image_size=setup.image_size if options.image_size is None else options.image_size,
        workers=_default_workers() if options.workers is None else options.workers,
        seed=options.seed,
        device=device,
        share=group.share,
        pictures=options.pictures,
    )


def _logged(stats: Iterator[EpochStats], options: argparse.Namespace) -> Iterator[EpochStats]:
    if options.csv:
        stats = log_csv(stats, options.csv)
    return log_tensorboard(stats, options.tensorboard) if options.tensorboard else stats


def _line(stats: EpochStats, epochs: int) -> str:
    return (
        f"epoch {stats.epoch} of {epochs}: training loss {stats.train_loss:.3f}, test loss {stats.test_loss:.3f}, "
        f"test accuracy {stats.test_accuracy:.2%}, top-5 {stats.test_top5_accuracy:.2%}, "
        f"{stats.pictures_per_second:,.0f} pictures/s, {stats.seconds:,.0f} s"
    )


def _default_workers() -> int:
    """This process's part of the machine's cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores // int(os.environ.get("LOCAL_WORLD_SIZE", 1)), MOST_WORKERS))


def _say_first(group: Group, message: str) -> bool:
    """Print a line to stderr unless another process has failed before. Whether it was printed."""
    first = group.fails_first()
    if first:
        print(f"senet_lib.training: {message}", file=sys.stderr, flush=True)
    return first


if __name__ == "__main__":
    sys.exit(main())
