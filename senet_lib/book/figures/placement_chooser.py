"""Where SE stands in a residual block: the paper's five places, and what is left of a pulse behind 16 such blocks."""

from typing import Any, Self

import matplotlib.pyplot as plt
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.patches import FancyBboxPatch

from senet_lib.book.figures.figure import Asking, Figure
from senet_lib.book.plots import COLOURS
from senet_lib.cost.formulas import NETWORKS, se_parameters

BLOCKS = 16  # one after the other, as in ResNet-50
FORMULAS = {
    "standard": "y = ReLU(SE(F(x)) + x)",
    "pre": "y = ReLU(F(SE(x)) + x)",
    "post": "y = SE(ReLU(F(x) + x))",
    "identity": "y = ReLU(F(x) + SE(x))",
    "3x3": "y = ReLU(F₂(SE(F₁(x))) + x)",
}
# Top-1 errors of SE-ResNet-50 in %, as the paper prints them: Table 14; 3x3 from Table 15.
ERRORS = {"standard": "22.28", "pre": "22.23", "post": "22.78", "identity": "22.20", "3x3": "22.48"}
REDUCTION = 16
INK = "#1A1A2E"


def pulse_factor(placement: str, gate: float, branch: float) -> float:
    """What one block multiplies a pulse by: a number x > 0 that a silent or a faithful branch hands on as branch * x.

    Args:
        placement: a key of ``FORMULAS``.
        gate: s, the same for all channels and blocks, 0 to 1.
        branch: f, so that F(x) = f * x; 0 for a silent branch.
    """
    if placement == "post":
        return gate * (1 + branch)
    return gate + branch if placement == "identity" else 1 + gate * branch


def added_weights(placement: str) -> int:
    """Of all SE blocks of ResNet-50 in this place, with r = 16 and without biases."""
    stages = NETWORKS["resnet50"].stages
    total, before = 0, 64  # the stem's channels
    for stage in stages:
        channels = stage.channels // (4 if placement == "3x3" else 1)
        first = before if placement == "pre" else channels
        total += se_parameters(first, REDUCTION, bias=False)
        total += (stage.blocks - 1) * se_parameters(channels, REDUCTION, bias=False)
        before = stage.channels
    return total


class PlacementChooser(Asking, Figure):
    """A residual block, drawn: drag SE to one of the five places of the paper's Section 6.5, and send a pulse.

    With ``asks``, there are no pulses before a bet: in which places does one come through?

    Attributes:
        placement: a key of ``FORMULAS``: dragging SE moves it, a press on a dashed circle, and the buttons.
        gate: s, the same number in all blocks, 0.1 to 1; the slider moves it.
        branch: f, what the convolutions hand on of a pulse, 0 to 1; the slider moves it.
        sent: the places through which the reader has sent a pulse.
    """

    title = "Where does the gate stand?"
    description = (
        "A residual block: convolutions in a row, a shortcut around them, an addition, ReLU. Five numbered places for "
        "SE: 1 before the addition, 2 before the convolutions, 3 after the ReLU, 4 on the shortcut, 5 after the 3×3 "
        "convolution. Below, for each place, the block as a formula, and what 16 blocks leave of a pulse."
    )
    placement = traitlets.Unicode("standard").tag(sync=True)
    gate = traitlets.Float(0.1).tag(sync=True)
    branch = traitlets.Float(0.0).tag(sync=True)
    sent = traitlets.List(traitlets.Unicode()).tag(sync=True, transient=True)
    _places = traitlets.List(traitlets.List()).tag(sync=True)

    @traitlets.default("_places")
    def _all_places(self) -> list[list[Any]]:
        return [[place, added_weights(place), ERRORS[place]] for place in FORMULAS]

    @classmethod
    def example(cls) -> Self:
        return cls(
            caption="Send a pulse through each place. Then let the convolutions F hand something on, too: move f."
        )

    def draw_still(self) -> Picture:
        picture, (drawing, table) = plt.subplots(2, 1, figsize=(7, 3.7), height_ratios=(1, 1), layout="constrained")
        _draw_block(drawing, self.placement)
        for number, (place, formula) in enumerate(FORMULAS.items(), 1):
            _draw_place(table, 0.2, number, number, place == self.placement)
            left = f"{pulse_factor(place, self.gate, self.branch) ** BLOCKS:.2g}"
            for x, text, side in (
                (0.55, place.replace("x", "×"), "left"),
                (2, formula, "left"),
                (7.5, left, "right"),
                (10, f"{added_weights(place):,}", "right"),
            ):
                weight = "bold" if place == self.placement else "normal"
                table.text(x, number, text, ha=side, va="center", fontweight=weight)
        for x, heading in ((7.5, f"of a pulse, gates {self.gate:g}"), (10, "weights of SE")):
            table.text(x, 0.1, heading, ha="right", va="center", color=COLOURS["plain"])
        table.set(xlim=(0, 10), ylim=(5.5, -0.3))
        table.axis("off")
        return picture


def _draw_block(ax: Axes, chosen: str) -> None:
    """The block from left to right, its shortcut above it, and the numbers of the places."""
    for x, kernel in ((2.85, "1×1"), (4.75, "3×3"), (7.4, "1×1")):
        _draw_box(ax, x, 1.5, 0.9, f"conv\n{kernel}")
    plus, end = 9.45, 12.95
    _draw_box(ax, plus, 0.5, 0.5, "+")
    _draw_box(ax, plus + 1.2, 1.1, 0.6, "ReLU")
    ax.plot([0.35, end - 0.5], [0, 0], color=INK, linewidth=1, zorder=1)
    ax.plot([0.95, 0.95, plus, plus], [0, 1.25, 1.25, 0.5], color=INK, linewidth=1, zorder=1)
    for tip, tail in (((plus, 0.25), (plus, 0.8)), ((end, 0), (end - 0.8, 0))):
        ax.annotate("", tip, tail, arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0})
    ax.text(0.15, 0, "x", ha="center", va="center", fontsize=12)
    ax.text(end + 0.2, 0, "y", ha="center", va="center", fontsize=12)
    where = {"standard": (plus - 0.8, 0), "pre": (1.5, 0), "post": (plus + 2.3, 0), "identity": (0.5 + plus / 2, 1.25)}
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
