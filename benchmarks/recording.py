"""What it costs in time to record the gates: a forward pass with and without.

    python -m benchmarks.recording            (--quick for a look; --device cuda for a GPU)

Inference of SE-ResNet-20 on 128 pictures of 32x32, and of SE-ResNet-50 on a few of 64x64, three ways in turn: plain;
inside ``record_excitations``, with all gates taken out as arrays; and through ``record_dataset``, with statistics for
1,000 classes. All that recording does is in the time: finding the blocks, hooks on and off, arithmetic. See
benchmarks/timing.py. Result: a table, and benchmarks/results/recording.json. The exit status is 1 if recording takes
more than a tenth of the time of the pass.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.timing import (
    add_common_options,
    begin_record,
    finish,
    median_ms,
    paired_ratio,
    parse_options,
    time_in_turn,
)
from senet_lib.gates.gate_statistics import record_dataset
from senet_lib.gates.recording import record_excitations
from senet_lib.networks.models import create_model

# Network, batch, height and width.
SETUPS: list[tuple[str, Callable[[], nn.Module], int, int]] = [
    ("se_resnet20", partial(create_model, "se_resnet20"), 128, 32),
    ("se_resnet50", partial(create_model, "se_resnet50"), 8, 64),
]
CLASSES = 1000
PLAIN = "plain"
BUDGET = 1.10  # recorded / plain


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_options(parser, repeats=51, what="network")
    parser.add_argument("--quick", action="store_true", help="7 rounds, no record")
    options, device = parse_options(parser)
    repeats = 7 if options.quick else options.repeats
    rows = []
    for name, make, batch, size in SETUPS:
        row = {"network": name, "batch": batch, "size": size, **measure(make, batch, size, repeats, device)}
        rows.append(row)
        print(format_row(row), flush=True)
    record = begin_record("recording", device, repeats=repeats, rows=rows)
    return finish("recording", record, find_misses(rows), write=not options.quick)


def measure(make: Callable[[], nn.Module], batch: int, size: int, repeats: int, device: torch.device) -> dict[str, Any]:
    """The times of a network's pass with and without recording, and their ratios."""
    torch.manual_seed(0)
    model = make().eval().to(device, memory_format=torch.channels_last)
    x = torch.randn(batch, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
    times = time_in_turn(works(model, x), repeats, device)
    recorded = [name for name in times if name != PLAIN]
    return {
        "median_ms": median_ms(times),
        "to_plain": {name: paired_ratio(times[name], times[PLAIN]) for name in recorded},
    }


def works(model: nn.Module, x: Tensor) -> dict[str, Callable[[], object]]:
    """One pass each, as functions without arguments."""
    batches = [(x, torch.arange(len(x)) * 37 % CLASSES)]

    def run() -> Tensor:
        with torch.inference_mode():
            return model(x)

    def run_recorded() -> dict[str, Any]:
        with record_excitations(model) as record:
            run()
        return {block: record[block] for block in record.blocks}

    def run_data_set() -> object:
        return record_dataset(model, batches, num_classes=CLASSES)

    return {PLAIN: run, "record_excitations": run_recorded, "record_dataset": run_data_set}


def find_misses(rows: list[dict[str, Any]]) -> list[str]:
    """The budget, where it is not kept, in words."""
    return [
        f"{row['network']}: a pass takes {ratio['median']} times as long with {name}, budget {BUDGET}"
        for row in rows
        for name, ratio in row["to_plain"].items()
        if ratio["median"] > BUDGET
    ]


def format_row(row: dict[str, Any]) -> str:
    medians = row["median_ms"]
    recorded = [
        f"{name} {medians[name]:.2f} ({one['median']:.3f}, {one['first_quartile']:.3f}–{one['third_quartile']:.3f})"
        for name, one in row["to_plain"].items()
    ]
    plain = f"{row['network']}, {row['batch']} pictures of {row['size']}x{row['size']}: plain {medians[PLAIN]:.2f} ms"
    return f"{plain}, {', '.join(recorded)}  (ratio to plain, quartiles)"


if __name__ == "__main__":
    sys.exit(main())
