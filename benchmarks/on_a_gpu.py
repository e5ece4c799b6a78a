"""All that is to be measured on a GPU, in one go of a few minutes.

    python -m benchmarks.on_a_gpu            (--data folder:PATH --call-it CIFAR-10 for pictures that are there already)
    python -m benchmarks.on_a_gpu --quick --device cpu         (small networks and pictures, no record; half a minute)

First a step of training of SE-ResNet-50 and of ResNet-50 on pictures of 224x224, in turn, with channels last, in 16 and
in 32 bits: time and memory. Then tutorial A's recipe, with our loop and with its own, as in
benchmarks/input_pipeline.py. Both are written to benchmarks/results/on_a_gpu.json before the longest part begins:
benchmarks/time_to_accuracy.py, which writes its own record. A table of all comes last. The exit status is 1 if a target
of time_to_accuracy is not reached.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from benchmarks import input_pipeline, time_to_accuracy
from benchmarks.timing import parse_options, provenance, write_record
from senet_lib.data import Batches
from senet_lib.networks.models import create_model
from senet_lib.training import Recipe

NETWORKS = ("se_resnet50", "resnet50")
BATCH, SIZE = 64, 224
TUTORIAL_A = input_pipeline.TRAININGS["tutorial A"]
# For a look: the same work on a small network.
QUICK_NETWORKS = ("se_resnet8", "resnet8")
QUICK_BATCH, QUICK_SIZE, QUICK_REPEATS = 4, 32, 3
QUICK_TUTORIAL_A = replace(
    TUTORIAL_A, batch=4, batches=2, size=40, network=partial(create_model, "se_resnet8", num_classes=10)
)
QUICK_TIME_TO_ACCURACY = (
    *("--data", "digits", "--network", "se_resnet8", "--epochs", "2", "--batch", "64", "--no-augment"),
    *("--optimiser", "adamw", "--learning-rate", "0.01", "--targets", "0.2", "--repeats", "3", "--quick"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    more = {
        "--data": {"default": "cifar10", "help": "for time_to_accuracy, e.g. folder:PATH (default cifar10)"},
        "--call-it": {"metavar": "TEXT", "help": "what the record calls these data"},
    }
    quick = "small networks and pictures, digits"
    options = parse_options(__doc__, arguments, repeats=21, what="step", quick=quick, device="cuda", more=more)
    device = options.device
    start = time.perf_counter()
    command = " ".join(["python -m benchmarks.on_a_gpu", *time_to_accuracy.without_paths(arguments)])
    record: dict[str, Any] = provenance(command, device)
    record["steps"] = measure_steps(options.quick, options.repeats, device)
    tutorial = QUICK_TUTORIAL_A if options.quick else TUTORIAL_A
    row = {"part": "training", "setup": "tutorial A", **input_pipeline.measure(tutorial, QUICK_REPEATS, device)}
    record["tutorial"] = row
    table = [*(format_step(row) for row in record["steps"]), input_pipeline.format_row(record["tutorial"])]
    if not options.quick:
        table.append(f"Written: {write_record('on_a_gpu', record)}")
    print("\n".join(table), flush=True)
    status = time_to_accuracy.main(["--device", str(device), *_time_to_accuracy_options(options)])
    print("\n".join(["", *table, f"in all {(time.perf_counter() - start) / 60:.1f} minutes"]))
    return status


def measure_steps(quick: bool, repeats: int, device: torch.device) -> list[dict[str, Any]]:
    """One row in 16 bits, where the device is fast at them, and one in 32: see ``time_to_accuracy.measure_step``."""
    names, batch, size = (QUICK_NETWORKS, QUICK_BATCH, QUICK_SIZE) if quick else (NETWORKS, BATCH, SIZE)
    batches = Batches(input_pipeline.make_pictures(batch, channels=3, side=size), batch, shuffle=True, device=device)
    rows = []
    for mixed in (True, False):
        torch.manual_seed(0)
        networks = {name: create_model(name).to(device, memory_format=torch.channels_last) for name in names}
        recipe = Recipe(1, 0.01, optimiser="sgd", mixed_precision=mixed)
        step = time_to_accuracy.measure_step(networks, batches, recipe, repeats)
        rows.append({"batch": batch, "size": size, "mixed_precision": mixed, **step})
    return rows


def format_step(row: dict[str, Any]) -> str:
    bits = "mixed precision" if row["mixed_precision"] else "32 bits"
    return f"{bits}, {row['batch']} pictures of {row['size']}x{row['size']}, {time_to_accuracy.format_step(row)}"


def _time_to_accuracy_options(options: argparse.Namespace) -> Sequence[str]:
    if options.quick:
        return QUICK_TIME_TO_ACCURACY
    return ["--data", options.data, *(["--call-it", options.call_it] if options.call_it else [])]


if __name__ == "__main__":
    sys.exit(main())
