"""How long an SE network trains until it reaches an accuracy, and what a step costs with SE and without.

    python -m benchmarks.time_to_accuracy --device cuda                     (CIFAR-10; --data folder:PATH for yours)
    python -m benchmarks.time_to_accuracy --data digits --network se_resnet8 --epochs 4 --batch 64 --no-augment \\
        --optimiser adamw --learning-rate 0.01 --targets 0.5 --quick        (half a minute on a CPU)

A tutorial on SE reports 83.47% on CIFAR-10 after 805 s on a GPU; the other target is 94%. The clock starts when the
first epoch does, with the pictures on the device, and counts once without the test after each epoch and once with it.
Result: a table, and benchmarks/results/time_to_accuracy.json. The exit status is 1 if a target is not reached.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from benchmarks.timing import (
    chosen_device,
    median_ms,
    paired_ratio,
    peak_bytes,
    provenance,
    time_in_turn,
    write_record,
)
from senet_lib.data import Batches, load_pictures, pad_crop_flip, train_and_test_batches
from senet_lib.data.pictures import FOLDER
from senet_lib.networks.models import create_model
from senet_lib.training import Recipe, Trainer, fit

SE = "se_"


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="cifar10", help="for load_pictures, e.g. folder:PATH (default cifar10)")
    parser.add_argument("--call-it", metavar="TEXT", help="what the record calls these data")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--targets", type=float, nargs="+", default=[0.8347, 0.94], help="accuracies, 0 to 1")
    parser.add_argument("--network", default="se_resnet18", help="with SE, its stem for small pictures")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--learning-rate", type=float, default=0.4, help="the peak of one cycle (default 0.4)")
    parser.add_argument("--optimiser", default="sgd")
    parser.add_argument("--weight-decay", type=float, default=5e-4)
    parser.add_argument("--no-augment", action="store_true", help="neither crop nor flip")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=21, help="rounds of steps with SE and without (default 21)")
    parser.add_argument("--quick", action="store_true", help="no record")
    options = parser.parse_args(arguments)
    try:
        return _run(options, arguments)
    except (ValueError, ConnectionError) as error:
        parser.exit(2, f"{error}\n")


def _run(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    device = chosen_device(options.device)
    recipe = Recipe(
        options.epochs,
        options.learning_rate,
        options.weight_decay,
        optimiser=options.optimiser,
        label_smoothing=0.1,
    )
    train, test = _load(options, device)
    networks = make_networks(options.network, train, options.seed)
    record = {
        **provenance("python -m benchmarks.time_to_accuracy " + " ".join(without_paths(arguments)), device),
        "data": options.call_it or options.data.partition(":")[0],
        "pictures": {"train": len(train.pictures), "test": len(test.pictures), "fingerprint": train.fingerprint()},
        "network": options.network,
        "batch": options.batch,
        "seed": options.seed,
        "recipe": asdict(recipe),
        "step": measure_step(networks, train, recipe, options.repeats),
    }
    print(format_step(record["step"]))
    model = make_networks(options.network, train, options.seed)[options.network]
    record["epochs"] = epochs = []
    for epoch in measure_epochs(model, train, test, recipe):
        epochs.append(epoch)
        print(format_epoch(epoch), flush=True)
    record["reached"] = reached = find_reached(epochs, options.targets)
    print("\n".join(["", *(format_reached(target, epoch) for target, epoch in reached.items())]))
    if not options.quick:
        print(f"Written: {write_record('time_to_accuracy', record)}")
    return 1 if None in reached.values() else 0


def _load(options: argparse.Namespace, device: torch.device) -> tuple[Batches, Batches]:
    train_set, test_set = load_pictures(options.data), load_pictures(options.data, train=False)
    augment = None if options.no_augment else pad_crop_flip
    return train_and_test_batches(train_set, test_set, options.batch, augment=augment, seed=options.seed, device=device)


def make_networks(name: str, train: Batches, seed: int) -> dict[str, nn.Module]:
    """The network, and the one without SE, on the device of the batches.

    Raises:
        ValueError: if the network is unknown or has no SE.
    """
    if not name.startswith(SE):
        raise ValueError(f"network is {name!r}, which has no SE; use {SE}{name}")
    networks = {}
    for one in (name, name.removeprefix(SE)):
        torch.manual_seed(seed)
        classes = int(train.labels.max()) + 1
        network = create_model(one, num_classes=classes, in_channels=train.pictures.shape[1], stem="3x3")
        networks[one] = network.to(train.pictures.device, memory_format=torch.channels_last)
    return networks


def measure_step(networks: dict[str, nn.Module], train: Batches, recipe: Recipe, repeats: int) -> dict[str, Any]:
    """The time of a step of training with SE and without, on one batch, their ratio, and on a GPU the peaks of memory.

    Args:
        networks: first the one with SE, then the one without, on the device of the batches.
        train: the first batch of epoch 0 is used.
        recipe: how to train.
        repeats: rounds, at least 2.
    """
    batch = next(train.epoch(0))

    def step(network: nn.Module) -> Callable[[], object]:
        trainer = Trainer(network, recipe, steps_per_epoch=repeats + 3)
        trainer.start_epoch()
        return lambda: trainer.step(*batch)

    device = train.pictures.device
    works = {name: step(network) for name, network in networks.items()}
    times = time_in_turn(works, repeats, device)
    se, plain = times.values()
    row: dict[str, Any] = {"median_ms": median_ms(times), "se_to_plain": paired_ratio(se, plain)}
    if device.type == "cuda":
        row["peak_bytes"] = {name: peak_bytes(work, device) for name, work in works.items()}
    return row


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
    """For each target the first epoch that reaches it; None if there is none."""
    return {
        str(target): next((epoch for epoch in epochs if epoch["test_accuracy"] >= target), None) for target in targets
    }


def format_step(step: dict[str, Any]) -> str:
    ratio = step["se_to_plain"]
    times = ", ".join(f"{name} {ms:.1f} ms" for name, ms in step["median_ms"].items())
    quartiles = f"{ratio['first_quartile']:.3f} to {ratio['third_quartile']:.3f}"
    peaks = "".join(f"; {name} needs {peak / 1e9:.2f} GB" for name, peak in step.get("peak_bytes", {}).items())
    return f"a step of training: {times}; with SE / without: {ratio['median']:.3f} ({quartiles}){peaks}"


def format_epoch(epoch: dict[str, Any]) -> str:
    times = f"{epoch['training_seconds']:.1f} s of training, {epoch['seconds']:.1f} s with the tests"
    return f"epoch {epoch['epoch']:3}   accuracy {epoch['test_accuracy']:.2%}   {times}"


def format_reached(target: str, epoch: dict[str, Any] | None) -> str:
    reached = "NOT REACHED" if epoch is None else format_epoch(epoch)
    return f"target {float(target):.2%}: {reached}"


def without_paths(arguments: Sequence[str]) -> list[str]:
    """A record does not say where somebody keeps the pictures."""
    return [f"{FOLDER}PATH" if argument.startswith(FOLDER) else argument for argument in arguments]


if __name__ == "__main__":
    sys.exit(main())
