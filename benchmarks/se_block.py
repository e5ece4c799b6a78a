"""How fast one SE block is, beside torchvision's, timm's and the two forms that tutorials teach.

    python -m benchmarks.se_block            (--quick for a look; --device cuda for a GPU)

Maps of the sizes of ResNet-50's stages, in both memory layouts, forward alone and forward with backward. All blocks
have the same weights and run in turn; see benchmarks/timing.py. Result: a table, and benchmarks/results/se_block.json.
The exit status is 1 if a peer's forward and backward pass is faster than ours.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import timing
from benchmarks.peers import make_blocks
from benchmarks.timing import LAYOUTS

# Batch, channels, height and width: the stages of ResNet-50, and of ResNet-34 where it has other channels.
SIZES = [(16, 64, 56), (16, 128, 28), (8, 256, 56), (8, 512, 28), (16, 1024, 14), (16, 2048, 7)]
QUICK_SIZES = [(16, 64, 56), (16, 2048, 7)]
PASSES = ("forward", "forward and backward")
BUDGET = 1.0  # ours / each peer: forward and backward


def main() -> int:
    options = timing.parse_options(__doc__, repeats=51, what="size", quick="two sizes, 11 rounds", quick_repeats=11)
    rows: list[dict[str, Any]] = []
    print(f"{'pass':20} {'layout':13} {'B x C x H':>13} {'ours ms':>8}  peer ms, ours / peer (quartiles)")
    for size in QUICK_SIZES if options.quick else SIZES:
        for layout in LAYOUTS:
            for row in measure(size, layout, options.repeats, options.device):
                rows.append(row)
                print(format_row(row), flush=True)
    record = timing.begin_record("se_block", options.device, repeats=options.repeats, rows=rows)
    return timing.finish("se_block", record, find_misses(rows), write=not options.quick, kept="No peer is faster.")


def measure(size: tuple[int, int, int], layout: str, repeats: int, device: torch.device) -> list[dict[str, Any]]:
    """One row for each pass: the blocks' times on maps of one size."""
    batch, channels, height = size
    torch.manual_seed(0)
    x = torch.randn(batch, channels, height, height, device=device).contiguous(memory_format=LAYOUTS[layout])
    x.requires_grad_()
    upstream = torch.randn_like(x)
    blocks = {name: block.to(device) for name, block in make_blocks(channels).items()}
    facts = {"layout": layout, "batch": batch, "channels": channels, "height": height}
    rows = []
    for which in PASSES:
        works = {name: work(block, x, upstream, which) for name, block in blocks.items()}
        times = timing.time_in_turn(works, repeats, device)
        ratios = {name: timing.paired_ratio(times["ours"], times[name]) for name in times if name != "ours"}
        rows.append({"pass": which, **facts, "median_ms": timing.median_ms(times), "ours_to_peer": ratios})
    return rows


def work(block: nn.Module, x: Tensor, upstream: Tensor, which: str) -> Callable[[], object]:
    """One pass through a block, as a function without arguments."""

    def forward() -> None:
        with torch.no_grad():
            block(x)

    def forward_and_backward() -> None:
        torch.autograd.grad(block(x), [x, *block.parameters()], upstream)

    return forward if which == "forward" else forward_and_backward


def find_misses(rows: list[dict[str, Any]]) -> list[str]:
    """Each peer that is faster than ours, forward and backward, in words."""
    return [
        f"{row['channels']} channels, {row['layout']}: ours takes {ratio['median']} times as long as {peer}"
        for row in rows
        if row["pass"] == "forward and backward"
        for peer, ratio in row["ours_to_peer"].items()
        if ratio["median"] > BUDGET
    ]


def format_row(row: dict[str, Any]) -> str:
    size = f"{row['batch']}x{row['channels']}x{row['height']}"
    medians = row["median_ms"]
    ratios = row["ours_to_peer"].items()
    peers = [f"{name} {medians[name]:.2f}, {timing.in_words(one, 2)}" for name, one in ratios]
    return f"{row['pass']:20} {row['layout']:13} {size:>13} {medians['ours']:8.2f}  {', '.join(peers)}"


if __name__ == "__main__":
    sys.exit(main())
