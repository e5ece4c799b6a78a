"""What each stage of a network costs, four ways: parameters, multiply-accumulates, memory, and time.

    python -m benchmarks.stages            (--quick for a look; --device cuda for a GPU)

The parts of a network are its stem, its stages, and its classifier. Parameters and MACs are counted on each. Memory is
what one picture makes autograd keep, by how much it grows with each part. Time is that of a forward and a backward
pass of each part alone, with SE (r = 16) and without, all parts in turn; on the CPU by a clock of the processor's time,
which stands still while other programs run. See benchmarks/timing.py. Result: a table,
benchmarks/results/stages.json, and the same numbers in senet_lib/book/figures/cost_calculator_stages.json, for the
figure of chapter 6.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.timing import begin_record, finish, parse_options, time_in_turn
from senet_lib.cost.measure import measure_cost
from senet_lib.networks.models import create_model

# Each with the height and width of its pictures, and how many of them one pass takes.
NETWORKS = {
    "resnet50": (224, 4),
    "resnet18": (224, 4),
    "resnet101": (224, 4),
    "resnet20": (32, 64),
    "small_resnet": (32, 64),
}
REDUCTION = 16
OF_THE_FIGURE = Path("senet_lib/book/figures/cost_calculator_stages.json")


class Classifier(nn.Module):
    """The end of a network: the mean of each map, and the linear layer."""

    def __init__(self, fc: nn.Module):
        super().__init__()
        self.fc = fc

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.mean((2, 3)))


def main() -> int:
    options = parse_options(__doc__, repeats=15, what="network", quick="3 rounds of the small networks")
    repeats, device = options.repeats, options.device
    rows = {}
    for name, (size, batch) in NETWORKS.items():
        if options.quick and size > 32:
            continue
        rows[name] = {"batch": batch, "size": size, **count_parts(name, size)}
        rows[name] |= time_parts(name, size, batch, repeats, device)
        print(format_row(name, rows[name]), flush=True)
    record = begin_record("stages", device, repeats=repeats, reduction=REDUCTION, networks=rows)
    if not options.quick:
        OF_THE_FIGURE.write_text(for_the_figure(rows), encoding="utf-8")
    return finish("stages", record, write=not options.quick, kept="All parts measured.")


def split(model: nn.Module) -> list[nn.Module]:
    """The parts of one of our ResNets: stem, stages, classifier; one after the other they are the network."""
    stem = nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
    return [stem, *(model.get_submodule(name) for name in model.stage_names), Classifier(model.fc)]


def count_parts(name: str, size: int) -> dict[str, list[int]]:
    """Of each part without SE: parameters, MACs, and bytes that one picture makes autograd keep."""
    parts = split(create_model(name))
    grown = [measure_cost(nn.Sequential(*parts[: end + 1]), (3, size, size)) for end in range(len(parts))]
    counts = {}
    for quantity in ("parameters", "macs", "activation_bytes"):
        sums = [0, *(getattr(cost, quantity) for cost in grown)]
        counts[quantity] = [after - before for before, after in itertools.pairwise(sums)]
    return counts


def time_parts(name: str, size: int, batch: int, repeats: int, device: torch.device) -> dict[str, list[float]]:
    """Median milliseconds of a forward and a backward pass of each part without SE, and what SE adds."""
    works: dict[str, Callable[[], object]] = {}
    for kind, model in (("plain", create_model(name)), ("se", create_model(f"se_{name}", reduction=REDUCTION))):
        torch.manual_seed(0)
        x = torch.randn(batch, 3, size, size, device=device)
        for number, part in enumerate(split(model.to(device).train())):
            works[f"{kind} {number}"] = work(part, x)
            with torch.no_grad():
                x = part(x).requires_grad_()
    clock = time.process_time if device.type == "cpu" else None
    times = time_in_turn(works, repeats, device, warmups=1, clock=clock)
    plain, with_se = ([ms for one, ms in times.items() if one.startswith(kind)] for kind in ("plain", "se"))
    pairs = [zip(*both, strict=True) for both in zip(plain, with_se, strict=True)]
    return {
        "ms": [round(median(part), 3) for part in plain],
        "added_ms": [round(median(se - one for one, se in part), 3) for part in pairs],
    }


def work(part: nn.Module, x: Tensor) -> Callable[[], None]:
    """A forward and a backward pass of one part, as a function without arguments."""

    def run() -> None:
        part.zero_grad()
        x.grad = None
        y = part(x)
        y.backward(torch.ones_like(y))

    return run


def for_the_figure(rows: dict[str, dict[str, Any]]) -> str:
    kinds = ("parameters", "macs", "activation_bytes", "ms", "added_ms")
    lines = [f"{json.dumps(name)}: {json.dumps({kind: row[kind] for kind in kinds})}" for name, row in rows.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def format_row(name: str, row: dict[str, Any]) -> str:
    stages = range(1, len(row["ms"]) - 1)
    lines = [f"{name}, {row['batch']} pictures of {row['size']}x{row['size']}"]
    for number, part in enumerate(["stem", *(f"stage {stage}" for stage in stages), "classifier"]):
        counts = f"{row['parameters'][number]:12,} {row['macs'][number]:15,} {row['activation_bytes'][number]:12,} B"
        lines.append(f"  {part:10} {counts} {row['ms'][number]:9.2f} ms, SE adds {row['added_ms'][number]:9.2f} ms")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
