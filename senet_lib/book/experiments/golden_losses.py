"""What PyTorch says of the laboratory's trainings, for the graphs and the page to be held to.

    python -m senet_lib.book.experiments.golden_losses             # what is not on record yet; half a minute each
    python -m senet_lib.book.experiments.golden_losses --epochs 3  # whole trainings; up to two minutes each

For each contestant, from the weights of one seed: the losses of the first steps in float64, and in float32 on one
thread and on two, so that one sees how soon rounding makes two runs of PyTorch differ; and some of the weights after
ten steps. Of a whole training, the test accuracy after each epoch. ``results/golden/training_losses.json`` holds them.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from senet_lib.book.contestants import BATCH, CONTESTANTS, Contestant
from senet_lib.book.experiments.training_steps import RECIPE, make
from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.machine import describe_machine
from senet_lib.data import Batches, load_pictures, train_and_test_batches
from senet_lib.training import Recipe, fit
from senet_lib.training.trainer import Trainer

GAP, SEED, STEPS, PICTURES = 12, 0, 100, 3200  # of the first epoch
WEIGHTS_AFTER, SAMPLED = 10, 64  # steps, and how many weights are kept, at equal distances
RECORD = Path("results/golden/training_losses.json")
KINDS = {"float64": (torch.float64, 1), "float32": (torch.float32, 1), "float32, 2 threads": (torch.float32, 2)}


def golden_batches(seed: int = SEED, pictures: int = PICTURES) -> tuple[Batches, Batches]:
    """The batches of the laboratory: the first scenes of the training set, and all of the test set."""
    name = f"distance-world:{GAP}"
    train, test = load_pictures(name, train=True).subset(pictures), load_pictures(name, train=False)
    return train_and_test_batches(train, test, BATCH, seed=seed)


def first_losses(contestant: Contestant, kind: torch.dtype, threads: int) -> dict[str, list[float]]:
    """Losses of the first steps, and a sample of the weights after a few of them."""
    torch.manual_seed(SEED)
    model = make(contestant).to(kind).to(memory_format=torch.channels_last)
    trainer = Trainer(model, RECIPE, STEPS)
    losses: list[float] = []
    weights: list[float] = []
    with _threads(threads):
        trainer.start_epoch()
        for pictures, labels in golden_batches()[0].epoch(0):
            losses.append(float(trainer.step(pictures.to(kind), labels)[0]))
            if len(losses) == WEIGHTS_AFTER:
                weights = sample(torch.cat([one.detach().flatten() for one in model.parameters()]))
    return {"losses": losses, "weights": weights}


def sample(weights: Tensor) -> list[float]:
    """Some of a vector's numbers, at equal distances."""
    return weights[:: len(weights) // SAMPLED][:SAMPLED].tolist()


def whole_training(contestant: Contestant, recipe: Recipe) -> list[float]:
    """Test accuracy after each epoch of a whole training in the laboratory's first setting."""
    torch.manual_seed(SEED)
    model = make(contestant).to(memory_format=torch.channels_last)
    with _threads(1):
        return [stats.test_accuracy for stats in fit(model, *golden_batches(pictures=8000), recipe)]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _settings() -> dict[str, Any]:
    return {"gap": GAP, "seed": SEED, "pictures": PICTURES, "epochs": RECIPE.epochs, "rate": RECIPE.learning_rate}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m senet_lib.book.experiments.golden_losses",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--record", type=Path, default=RECORD, help=f"default: {RECORD}")
    parser.add_argument("--epochs", type=int, metavar="N", help="record whole trainings of N epochs instead")
    options = parser.parse_args(arguments)
    empty = {"settings": _settings(), "machine": describe_machine("cpu"), "first": {}, "whole": {}}
    known = json.loads(options.record.read_text(encoding="utf-8")) if options.record.exists() else empty
    if known["settings"] != _settings():
        parser.error(f"{options.record} was recorded with other settings; move it away to record anew")
    for contestant in CONTESTANTS:
        if options.epochs:
            whole, epochs = known["whole"].setdefault(contestant.name, {}), str(options.epochs)
            if epochs not in whole:
                whole[epochs] = whole_training(contestant, Recipe(options.epochs, RECIPE.learning_rate))
        elif contestant.name not in known["first"]:
            known["first"][contestant.name] = {name: first_losses(contestant, *kind) for name, kind in KINDS.items()}
        print(contestant.name, flush=True)
        write_atomically(options.record, json.dumps(known, separators=(",", ":")) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
