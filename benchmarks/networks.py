"""What SE costs a whole network in time: SE-ResNet-50 beside ResNet-50, torchvision's and timm's beside ours.

    python -m benchmarks.networks            (--quick for a look; --device cuda for a GPU)

Inference, and a step of training (forward, loss, backward, SGD), on pictures of 224x224 in both memory layouts. The
networks run in turn; see benchmarks/timing.py. Result: a table, and benchmarks/results/networks.json. The exit status
is 1 if, with channels last, SE makes a step of training more than a tenth slower.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import timm
import torch
import torchvision
from torch import Tensor, nn

from benchmarks import timing
from benchmarks.timing import LAYOUTS, median_ms, paired_ratio
from senet_lib.networks.models import create_model

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "resnet50": partial(create_model, "resnet50"),
    "se_resnet50": partial(create_model, "se_resnet50"),
    "torchvision resnet50": torchvision.models.resnet50,
    "timm seresnet50": lambda: timm.create_model("seresnet50"),
}
# What is divided by what.
RATIOS = [
    ("se_resnet50", "resnet50"),
    ("resnet50", "torchvision resnet50"),
    ("se_resnet50", "timm seresnet50"),
]
WORKS = ("inference", "training")
SIZE = 224
BUDGET = 1.10  # SE / plain: training, channels last


def main() -> int:
    more = {"--batch": {"type": int, "default": 4, "help": "pictures (default 4)"}}
    options = timing.parse_options(__doc__, repeats=15, what="layout", quick="2 pictures, 3 rounds", more=more)
    repeats, batch, device = options.repeats, 2 if options.quick else options.batch, options.device
    rows = []
    for layout in LAYOUTS:
        for row in measure(layout, batch, repeats, device):
            rows.append(row)
            print(format_row(row), flush=True)
    record = timing.begin_record("networks", device, repeats=repeats, batch=batch, size=SIZE, rows=rows)
    return timing.finish("networks", record, find_misses(rows), write=not options.quick)


def measure(layout: str, batch: int, repeats: int, device: torch.device) -> list[dict[str, Any]]:
    """One row for inference and one for training: the networks' times, and on a GPU the peaks of memory."""
    torch.manual_seed(0)
    x = torch.randn(batch, 3, SIZE, SIZE, device=device).contiguous(memory_format=LAYOUTS[layout])
    labels = torch.arange(batch, device=device)
    networks = {name: make().to(device).to(memory_format=LAYOUTS[layout]) for name, make in NETWORKS.items()}
    rows = []
    for which in WORKS:
        works = {name: work(network, x, labels, which) for name, network in networks.items()}
        times = timing.time_in_turn(works, repeats, device, warmups=1)
        row: dict[str, Any] = {"work": which, "layout": layout, "median_ms": median_ms(times)}
        row["ratios"] = {f"{one} / {other}": paired_ratio(times[one], times[other]) for one, other in RATIOS}
        if device.type == "cuda":
            row["peak_bytes"] = {name: timing.peak_bytes(one, device) for name, one in works.items()}
        rows.append(row)
    return rows


def work(network: nn.Module, x: Tensor, labels: Tensor, which: str) -> Callable[[], object]:
    """One piece of work of a network, as a function without arguments."""
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)

    def infer() -> None:
        network.eval()
        with torch.inference_mode():
            network(x)

    def train() -> None:
        network.train()
        loss = nn.functional.cross_entropy(network(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return infer if which == "inference" else train


def find_misses(rows: list[dict[str, Any]]) -> list[str]:
    """The budget of SE, where it is not kept, in words."""
    return [
        f"{row['layout']}: a step of training takes {ratio['median']} times as long with SE, budget {BUDGET}"
        for row in rows
        if (row["work"], row["layout"]) == ("training", "channels_last")
        and (ratio := row["ratios"]["se_resnet50 / resnet50"])["median"] > BUDGET
    ]


def format_row(row: dict[str, Any]) -> str:
    lines = [f"{row['work']}, {row['layout']}"]
    for name, ms in row["median_ms"].items():
        peak = f"  {row['peak_bytes'][name] / 1e6:8.1f} MB" if "peak_bytes" in row else ""
        lines.append(f"  {name:40} {ms:9.1f} ms{peak}")
    for name, one in row["ratios"].items():
        lines.append(f"  {name:40} {timing.in_words(one)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
