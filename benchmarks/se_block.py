"""How fast one SE block is, beside torchvision's, timm's and the two forms that tutorials teach.

    python -m benchmarks.se_block            (--quick for a look; --device cuda for a GPU)

Maps of the sizes of ResNet-50's stages, in both memory layouts, in eager mode and compiled, forward alone and forward
with backward. All blocks have the same weights and run in turn; see benchmarks/timing.py. Result: a table, and
benchmarks/results/se_block.json. The exit status is 1 if, in eager mode, a peer's forward and backward pass is faster
than ours.
"""

import sys
import textwrap
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
BUDGET = 1.0  # ours / each peer: forward and backward, eager


def main() -> int:
    more = {"--eager-only": {"action": "store_true", "help": "leave out what is compiled; compiling takes minutes"}}
    quick = "two sizes, 11 rounds, eager"
    options = timing.parse_options(__doc__, repeats=51, what="size and mode", quick=quick, quick_repeats=11, more=more)
    modes = ["eager"] if options.quick or options.eager_only else ["eager", "compiled"]
    rows: list[dict[str, Any]] = []
    print(heading())
    for mode in modes:
        for size in QUICK_SIZES if options.quick else SIZES:
            for layout in LAYOUTS:
                for row in measure(size, layout, mode, options.repeats, options.device):
                    rows.append(row)
                    print(format_row(row), flush=True)
    record = timing.begin_record("se_block", options.device, repeats=options.repeats, rows=rows)
    return timing.finish("se_block", record, find_misses(rows), write=not options.quick, kept="No peer is faster.")


def measure(
    size: tuple[int, int, int], layout: str, mode: str, repeats: int, device: torch.device
) -> list[dict[str, Any]]:
    """One row for each pass: the blocks' times on maps of one size, and what could not be compiled."""
    batch, channels, height = size
    torch.manual_seed(0)
    x = torch.randn(batch, channels, height, height, device=device).contiguous(memory_format=LAYOUTS[layout])
    x.requires_grad_()
    upstream = torch.randn_like(x)
    blocks = {name: block.to(device) for name, block in make_blocks(channels).items()}
    failed: dict[str, str] = {}
    if mode == "compiled":
        torch.compiler.reset()  # it compiles one piece of code for a few sizes only
        blocks, failed = compile_all(blocks, x, upstream)
    rows = []
    for which in PASSES:
        works = {name: work(block, x, upstream, which) for name, block in blocks.items()}
        times = timing.time_in_turn(works, repeats, device)
        rows.append(
            {
                "mode": mode,
                "pass": which,
                "layout": layout,
                "batch": batch,
                "channels": channels,
                "height": height,
                "median_ms": timing.median_ms(times),
                "ours_to_peer": {
                    name: timing.paired_ratio(times["ours"], times[name])
                    for name in times
                    if "ours" in times and name != "ours"
                },
                **({"failed": failed} if failed else {}),
            }
        )
    return rows


def work(block: nn.Module, x: Tensor, upstream: Tensor, which: str) -> Callable[[], object]:
    """One pass through a block, as a function without arguments."""

    def forward() -> None:
        with torch.no_grad():
            block(x)

    def forward_and_backward() -> None:
        torch.autograd.grad(block(x), [x, *block.parameters()], upstream)

    return forward if which == "forward" else forward_and_backward


def compile_all(
    blocks: dict[str, nn.Module], x: Tensor, upstream: Tensor
) -> tuple[dict[str, nn.Module], dict[str, str]]:
    """The compiled blocks, each tried in both passes, and for those that cannot be compiled here the reason."""
    compiled: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name, block in blocks.items():
        fast: Any = torch.compile(block, dynamic=False)
        try:
            for which in PASSES:
                work(fast, x, upstream, which)()
        except Exception as error:  # without a C++ compiler, for example
            failed[name] = textwrap.shorten(f"{type(error).__name__}: {error}", 160, placeholder=" ...")
        else:
            compiled[name] = fast
    return compiled, failed


def find_misses(rows: list[dict[str, Any]]) -> list[str]:
    """Each peer that is faster than ours in eager mode, forward and backward, in words."""
    return [
        f"{row['channels']} channels, {row['layout']}: ours takes {ratio['median']} times as long as {peer}"
        for row in rows
        if (row["mode"], row["pass"]) == ("eager", "forward and backward")
        for peer, ratio in row["ours_to_peer"].items()
        if ratio["median"] > BUDGET
    ]


def heading() -> str:
    return f"{'mode':8} {'pass':20} {'layout':13} {'B x C x H':>13} {'ours ms':>8}  peer ms (ours / peer, quartiles)"


def format_row(row: dict[str, Any]) -> str:
    size = f"{row['batch']}x{row['channels']}x{row['height']}"
    medians = row["median_ms"]
    peers = [
        f"{name} {medians[name]:.2f} ({one['median']:.2f}, {one['first_quartile']:.2f}–{one['third_quartile']:.2f})"
        for name, one in row["ours_to_peer"].items()
    ]
    peers += [f"{name} failed: {reason}" for name, reason in row.get("failed", {}).items()]
    ours = f"{medians['ours']:8.2f}" if "ours" in medians else f"{'–':>8}"
    return f"{row['mode']:8} {row['pass']:20} {row['layout']:13} {size:>13} {ours}  {', '.join(peers)}"


if __name__ == "__main__":
    sys.exit(main())
