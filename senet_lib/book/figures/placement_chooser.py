"""Where SE stands in a residual block: the paper's five places, what each computes, and what each costs."""

from typing import Any, Self

import matplotlib.pyplot as plt
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.patches import FancyBboxPatch

from senet_lib.book.figures.figure import Asking, Figure
from senet_lib.book.plots import COLOURS
from senet_lib.cost.formulas import NETWORKS, se_parameters

# The networks of the menu, and the block that each is made of.
BLOCKS = {
    "resnet50": "bottleneck",
    "resnet101": "bottleneck",
    "resnet152": "bottleneck",
    "resnet18": "basic",
    "resnet34": "basic",
    "resnet20": "basic",
    "resnet56": "basic",
}
CONVOLUTIONS = {"bottleneck": ("1×1", "3×3", "1×1"), "basic": ("3×3", "3×3")}
FORMULAS = {
    "standard": "y = ReLU(SE(F(x)) + x)",
    "pre": "y = ReLU(F(SE(x)) + x)",
    "post": "y = SE(ReLU(F(x) + x))",
    "identity": "y = ReLU(F(x) + SE(x))",
    "3x3": "y = ReLU(F₂(SE(F₁(x))) + x)",
}
INK = "#1A1A2E"


def network_list() -> list[dict[str, Any]]:
    """The networks in the form that the figure takes; stem is the input of stage 1, a stage is [blocks, channels]."""
    return [
        {
            "name": name,
            "title": NETWORKS[name].name,
            "block": block,
            "stem": NETWORKS[name].stages[0].channels // (4 if block == "bottleneck" else 1),
            "parameters": NETWORKS[name].parameters,
            "stages": [[stage.blocks, stage.channels] for stage in NETWORKS[name].stages],
        }
        for name, block in BLOCKS.items()
    ]


class PlacementChooser(Asking, Figure):
    """A residual block, drawn: move SE between the five places of the paper's Section 6.5.

    With ``asks``, the errors wait for a guess: which place is the worst?

    Attributes:
        network: a key of ``BLOCKS``; it decides which block is drawn. The menu moves it.
        placement: "standard", "pre", "post", "identity", or in a bottleneck "3x3"; the buttons move it, and so does a
            click on a dashed circle.
        stage: the drawn block's stage, from 1; the buttons move it.
        reduction: r, one of 2, 4, 8, 16, 32, and not above the channels of stage 1; the slider moves it.
    """

    title = "Where does the gate stand?"
    description = (
        "A residual block: convolutions in a row, a shortcut around them, an addition, ReLU. Five numbered places for "
        "SE: 1 before the addition, 2 before the convolutions, 3 after the ReLU, 4 on the shortcut, 5 after the 3×3 "
        "convolution of a bottleneck. Below, the block as a formula and the weights that SE adds, for each place."
    )
    network = traitlets.Unicode("resnet50").tag(sync=True)
    placement = traitlets.Unicode("standard").tag(sync=True)
    stage = traitlets.Int(1).tag(sync=True)
    reduction = traitlets.Int(16).tag(sync=True)
    _networks = traitlets.List(traitlets.Dict()).tag(sync=True)

    @traitlets.default("_networks")
    def _all_networks(self) -> list[dict[str, Any]]:
        return network_list()

    @classmethod
    def example(cls) -> Self:
        return cls(
            caption="Move SE through its places. Which formula leaves x alone on its way through the shortcut? "
            "Which place costs least, and what does it lose?"
        )

    def draw_still(self) -> Picture:
        block, name = BLOCKS[self.network], NETWORKS[self.network].name
        picture, (drawing, table) = plt.subplots(2, 1, figsize=(7, 3.7), height_ratios=(1, 1), layout="constrained")
        _draw_block(drawing, CONVOLUTIONS[block], self.placement)
        for number, (place, formula) in enumerate(FORMULAS.items(), 1):
            _draw_place(table, 0.2, number, number, place == self.placement)
            is_there = place != "3x3" or block == "bottleneck"
            weights = f"{self._added_weights(place):,}" if is_there else "only in bottlenecks"
            for x, text, side in (
                (0.55, place.replace("x", "×"), "left"),
                (2, formula, "left"),
                (10, weights, "right"),
            ):
                weight = "bold" if place == self.placement else "normal"
                table.text(x, number, text, ha=side, va="center", fontweight=weight)
        heading = f"weights that SE adds to {name}, r = {self.reduction}"
        table.text(10, 0.1, heading, ha="right", va="center", color=COLOURS["plain"])
        table.set(xlim=(0, 10), ylim=(5.5, -0.3))
        table.axis("off")
        return picture

    def _added_weights(self, placement: str) -> int:
        """Of all SE blocks in this place; a wrong name or ratio raises: then the live figure says what is wrong."""
        is_bottleneck = BLOCKS[self.network] == "bottleneck"
        stages = NETWORKS[self.network].stages
        before = stages[0].channels // (4 if is_bottleneck else 1)
        total = 0
        for stage in stages:
            channels = stage.channels // (4 if placement == "3x3" else 1)
            first = before if placement == "pre" else channels
            total += se_parameters(first, self.reduction, bias=False)
            total += (stage.blocks - 1) * se_parameters(channels, self.reduction, bias=False)
            before = stage.channels
        return total


def _draw_block(ax: Axes, convolutions: tuple[str, ...], chosen: str) -> None:
    """The block from left to right, its shortcut above it, and the numbers of the places."""
    is_bottleneck = len(convolutions) == 3
    x = 2.85
    for index, kernel in enumerate(convolutions):
        _draw_box(ax, x, 1.5, 0.9, f"conv\n{kernel}")
        x += 2.65 if is_bottleneck and index == 1 else 1.9
    plus, end = x + 0.15, x + 3.65
    _draw_box(ax, plus, 0.5, 0.5, "+")
    _draw_box(ax, plus + 1.2, 1.1, 0.6, "ReLU")
    ax.plot([0.35, end - 0.5], [0, 0], color=INK, linewidth=1, zorder=1)
    ax.plot([0.95, 0.95, plus, plus], [0, 1.25, 1.25, 0.5], color=INK, linewidth=1, zorder=1)
    for tip, tail in (((plus, 0.25), (plus, 0.8)), ((end, 0), (end - 0.8, 0))):
        ax.annotate("", tip, tail, arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0})
    ax.text(0.15, 0, "x", ha="center", va="center", fontsize=12)
    ax.text(end + 0.2, 0, "y", ha="center", va="center", fontsize=12)
    where = {"standard": (plus - 0.8, 0), "pre": (1.5, 0), "post": (plus + 2.3, 0), "identity": (0.5 + plus / 2, 1.25)}
    if is_bottleneck:
        where["3x3"] = (6.08, 0)
    for number, (place, (across, up)) in enumerate(where.items(), 1):
        _draw_place(ax, across, up, number, place == chosen)
    ax.set(xlim=(-0.1, end + 0.5), ylim=(-0.6, 1.6), aspect="equal")
    ax.axis("off")


def _draw_box(ax: Axes, x: float, width: float, height: float, text: str) -> None:
    style = f"round,pad=0,rounding_size={0.1 if 'conv' in text else height / 2}"
    box = FancyBboxPatch((x - width / 2, -height / 2), width, height, boxstyle=style, fc="#EEF0F3", ec=INK, zorder=2)
    ax.add_patch(box)
    ax.text(x, -0.02, text, ha="center", va="center", linespacing=1.1, zorder=3)


def _draw_place(ax: Axes, x: float, y: float, number: int, is_chosen: bool) -> None:
    """A numbered circle: filled where SE stands."""
    face = COLOURS["s"] if is_chosen else "white"
    ring = {"boxstyle": "circle,pad=0.25", "facecolor": face, "edgecolor": COLOURS["se"]}
    ax.text(x, y, str(number), ha="center", va="center", fontsize=9, color=INK, bbox=ring, zorder=4)
