"""All that is to be measured on a GPU, in one go of a few minutes.

    python -m benchmarks.on_a_gpu            (--data folder:PATH --call-it CIFAR-10 for pictures that are there already)
    python -m benchmarks.on_a_gpu --quick --device cpu         (small networks and pictures, no record; half a minute)

First a step of training of SE-ResNet-50 and of ResNet-50 on pictures of 224x224, in turn, with channels last, in 16 and
in 32 bits: time and memory. Then tutorial A's recipe, with our loop and with its own, as in
benchmarks/input_pipeline.py. Last, how long SE-ResNet-18 trains on CIFAR-10 until it reaches an accuracy: a tutorial on
SE reports 83.47% after 805 s on a GPU; the other target is 94%. The clock starts when the first epoch does, with the
pictures on the device, and counts once without the test after each epoch and once with it. Result: a table, and
benchmarks/results/on_a_gpu.json, which is written before the longest part begins, too. The exit status is 1 if a target
is not reached.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks import input_pipeline, timing
from senet_lib.data import Batches, load_pictures, pad_crop_flip, train_and_test_batches
from senet_lib.data.pictures import FOLDER
from senet_lib.networks.models import create_model
from senet_lib.training import Recipe, Trainer, fit


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    step_networks: tuple[str, str]  # with SE, and without
    step_batch: int
    step_size: int  # height and width of its pictures
    tutorial: input_pipeline.Setup
    network: str  # that trains until it reaches the targets, with a stem for small pictures
    batch: int
    recipe: Recipe
    targets: tuple[float, ...]  # accuracies


TUTORIAL_A = input_pipeline.TRAININGS["tutorial A"]
FULL = Plan(
    step_networks=("se_resnet50", "resnet50"),
    step_batch=64,
    step_size=224,
    tutorial=TUTORIAL_A,
    network="se_resnet18",
    batch=512,
    recipe=Recipe(24, 0.4, 5e-4, optimiser="sgd", label_smoothing=0.1),
    targets=(0.8347, 0.94),
)
_small_network = partial(create_model, "se_resnet8", num_classes=10)
QUICK = Plan(
    step_networks=("se_resnet8", "resnet8"),
    step_batch=4,
    step_size=32,
    tutorial=replace(TUTORIAL_A, batch=4, batches=2, size=40, network=_small_network),
    network="se_resnet8",
    batch=64,
    recipe=Recipe(2, 0.01, 5e-4, label_smoothing=0.1),
    targets=(0.2,),
)
TUTORIAL_ROUNDS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    more = {
        "--data": {"help": "for load_pictures, e.g. folder:PATH; default cifar10, and digits with --quick"},
        "--call-it": {"metavar": "TEXT", "help": "what the record calls these data"},
    }
    quick = "small networks and pictures"
    options = timing.parse_options(__doc__, arguments, repeats=21, what="step", quick=quick, device="cuda", more=more)
    plan, device, start = QUICK if options.quick else FULL, options.device, time.perf_counter()
    data = options.data or ("digits" if options.quick else "cifar10")
    command = " ".join(["python -m benchmarks.on_a_gpu", *without_paths(arguments)])
    record: dict[str, Any] = timing.provenance(command, device)
    record["steps"] = measure_steps(plan, options.repeats, device)
    tutorial = input_pipeline.measure(plan.tutorial, TUTORIAL_ROUNDS, device)
    record["tutorial"] = {"part": "training", "setup": "tutorial A", **tutorial}
    table = [*(format_step(row) for row in record["steps"]), input_pipeline.format_row(record["tutorial"])]
    print("\n".join(table), flush=True)
    write = (lambda *_: None) if options.quick else timing.write_record
    write("on_a_gpu", record)
    record["training"] = measure_training(plan, data, options.call_it, device)
    reached = record["training"]["reached"]
    table += [format_reached(target, epoch) for target, epoch in reached.items()]
    print("\n".join(["", *table, f"in all {(time.perf_counter() - start) / 60:.1f} minutes"]))
    write("on_a_gpu", record)
    return 1 if None in reached.values() else 0


def measure_steps(plan: Plan, repeats: int, device: torch.device) -> list[dict[str, Any]]:
    """One row in 16 bits, where the device is fast at them, and one in 32: times, their ratio, and on a GPU memory."""
    pictures = input_pipeline.make_pictures(plan.step_batch, channels=3, side=plan.step_size)
    batch = next(Batches(pictures, plan.step_batch, shuffle=True, device=device).epoch(0))
    rows = []
    for mixed in (True, False):
        torch.manual_seed(0)
        recipe = Recipe(1, 0.01, optimiser="sgd", mixed_precision=mixed)
        works = {name: training_step(name, recipe, batch, repeats, device) for name in plan.step_networks}
        times = timing.time_in_turn(works, repeats, device)
        se, plain = times.values()
        row = {"batch": plan.step_batch, "size": plan.step_size, "mixed_precision": mixed}
        row |= {"median_ms": timing.median_ms(times), "se_to_plain": timing.paired_ratio(se, plain)}
        if device.type == "cuda":
            row["peak_bytes"] = {name: timing.peak_bytes(work, device) for name, work in works.items()}
        rows.append(row)
    return rows


def training_step(
    name: str, recipe: Recipe, batch: input_pipeline.Batch, repeats: int, device: torch.device
) -> Callable[[], object]:
    """A step of a new network on one batch, as a function without arguments."""
    network = create_model(name).to(device, memory_format=torch.channels_last)
    trainer = Trainer(network, recipe, steps_per_epoch=repeats + 3)
    trainer.start_epoch()
    return lambda: trainer.step(*batch)


def measure_training(plan: Plan, data: str, call_it: str | None, device: torch.device) -> dict[str, Any]:
    """The epochs of a training, and for each target the first one that reaches it; None if there is none."""
    sets = (load_pictures(data, train=train) for train in (True, False))
    augment = None if plan is QUICK else pad_crop_flip
    train, test = train_and_test_batches(*sets, plan.batch, augment=augment, device=device)
    torch.manual_seed(0)
    classes, channels = int(train.labels.max()) + 1, train.pictures.shape[1]
    network = create_model(plan.network, num_classes=classes, in_channels=channels, stem="3x3")
    epochs = []
    for epoch in measure_epochs(network.to(device, memory_format=torch.channels_last), train, test, plan.recipe):
        epochs.append(epoch)
        print(format_epoch(epoch), flush=True)
    return {
        "data": call_it or data.partition(":")[0],
        "pictures": {"train": len(train.pictures), "test": len(test.pictures), "fingerprint": train.fingerprint()},
        "network": plan.network,
        "batch": plan.batch,
        "recipe": asdict(plan.recipe),
        "epochs": epochs,
        "reached": find_reached(epochs, plan.targets),
    }


def measure_epochs(model: nn.Module, train: Batches, test: Batches, recipe: Recipe) -> Iterator[dict[str, Any]]:
    """Train, and yield for each epoch its accuracy and the seconds since the start, without and with the tests."""
    start, training = time.perf_counter(), 0.0
    for stats in fit(model, train, test, recipe):
        training += stats.seconds
        yield {
            "epoch": stats.epoch,
            "test_accuracy": stats.test_accuracy,
            "training_seconds": round(training, 3),
            "seconds": round(time.perf_counter() - start, 3),
        }


def find_reached(epochs: Sequence[dict[str, Any]], targets: Sequence[float]) -> dict[str, dict[str, Any] | None]:
    return {
        str(target): next((epoch for epoch in epochs if epoch["test_accuracy"] >= target), None) for target in targets
    }


def format_step(row: dict[str, Any]) -> str:
    bits = "mixed precision" if row["mixed_precision"] else "32 bits"
    times = ", ".join(f"{name} {ms:.1f} ms" for name, ms in row["median_ms"].items())
    peaks = "".join(f"; {name} needs {peak / 1e9:.2f} GB" for name, peak in row.get("peak_bytes", {}).items())
    return (
        f"{bits}, {row['batch']} pictures of {row['size']}x{row['size']}, a step of training: {times}; "
        f"with SE / without: {timing.in_words(row['se_to_plain'])}{peaks}"
    )


def format_epoch(epoch: dict[str, Any]) -> str:
    times = f"{epoch['training_seconds']:.1f} s of training, {epoch['seconds']:.1f} s with the tests"
    return f"epoch {epoch['epoch']:3}   accuracy {epoch['test_accuracy']:.2%}   {times}"


def format_reached(target: str, epoch: dict[str, Any] | None) -> str:
    return f"target {float(target):.2%}: {'NOT REACHED' if epoch is None else format_epoch(epoch)}"


def without_paths(arguments: Sequence[str]) -> list[str]:
    """A record does not say where somebody keeps the pictures."""
    return [f"{FOLDER}PATH" if argument.startswith(FOLDER) else argument for argument in arguments]


if __name__ == "__main__":
    sys.exit(main())
