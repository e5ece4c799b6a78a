"""Drawings of blocks, in the book's colours: the SE block, the residual block without and with it, and so on.

At the end of a notebook's cell each shows itself. ``str(residual_blocks())`` is its SVG, for a page or a file. They are
360 units wide, so that their letters can be read on a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from senet_lib.book.plots import COLOURS

WIDTH = 360
BOX_HEIGHT, GAP = 24, 16
INK, PALE, FONT = "#1A1A2E", "#EEF1F4", "system-ui, sans-serif"
CONVOLUTION, SE, OTHER = COLOURS["u"], COLOURS["s"], PALE
# A box of a column: what it says, and its colour.
Box = tuple[str, str]


@dataclass
class Drawing:
    """SVG elements, in the order in which they are painted."""

    height: int  # in units; the width is 360
    words: str  # what is drawn, for those who do not see it
    parts: list[str] = field(default_factory=list)  # the elements

    def line(self, *points: tuple[float, float], arrow: bool = True) -> None:
        """Straight pieces from point to point, with an arrow at the end."""
        d = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        end = ' marker-end="url(#arrow)"' if arrow else ""
        self.parts.append(f'<path d="{d}" fill="none" stroke="{INK}" stroke-width="1.4"{end}/>')

    def box(self, x: float, y: float, width: float, text: str, colour: str) -> None:
        """A rounded box around the centre (x, y)."""
        left, top = x - width / 2, y - BOX_HEIGHT / 2
        shape = f'x="{left:g}" y="{top:g}" width="{width:g}" height="{BOX_HEIGHT}" rx="5"'
        self.parts.append(f'<rect {shape} fill="#fff"/>')  # a line may pass below
        self.parts.append(f'<rect {shape} fill="{colour}" fill-opacity="0.45" stroke="{INK}"/>')
        self.text(x, y + 4, text)

    def text(self, x: float, y: float, text: str, anchor: str = "middle", weight: str = "normal") -> None:
        style = f'text-anchor="{anchor}" font-weight="{weight}" font-size="12" fill="{INK}"'
        self.parts.append(f'<text x="{x:g}" y="{y:g}" {style}>{escape(text)}</text>')

    def operator(self, x: float, y: float, sign: str) -> None:
        """A circle with + or ×."""
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="9" fill="#fff" stroke="{INK}" stroke-width="1.2"/>')
        self.text(x, y + 4.5, sign, weight="bold")

    def channels(self, x: float, y: float, shades: Sequence[float], colour: str) -> None:
        """A row of squares around the centre, one a channel, each as strong as its number from 0 to 1."""
        side = 14
        for index, shade in enumerate(shades):
            left = x + (index - len(shades) / 2) * side
            shape = f'x="{left:g}" y="{y - side / 2:g}" width="{side}" height="{side}"'
            self.parts.append(f'<rect {shape} fill="{colour}" fill-opacity="{shade:g}" stroke="{INK}"/>')

    def maps(self, x: float, y: float, shades: Sequence[float], colour: str) -> None:
        """A pile of maps, one a channel."""
        side, step = 34, 6
        for index, shade in enumerate(shades):
            left, top = x - side / 2 + (index - 1.5) * step, y - side / 2 - (index - 1.5) * step
            shape = f'x="{left:g}" y="{top:g}" width="{side}" height="{side}"'
            self.parts.append(f'<rect {shape} fill="#fff" stroke="none"/>')
            self.parts.append(f'<rect {shape} fill="{colour}" fill-opacity="{shade:g}" stroke="{INK}"/>')

    def _repr_svg_(self) -> str:
        return str(self)

    def __str__(self) -> str:
        arrow = (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0L8 4L0 8z" fill="{INK}"/></marker></defs>'
        )
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" width="540" role="img"'
        title = f"<title>{escape(self.words)}</title>"
        return "\n".join([f'{head} font-family="{FONT}">', title, arrow, *self.parts, "</svg>"]) + "\n"


def draw_column(
    drawing: Drawing,
    x: float,
    top: float,
    branch: Sequence[Box],
    *,
    width: float = 96,
    side: float = 66,
    after: Sequence[Box] = (),
) -> None:
    """A residual block from top to bottom: the branch, the shortcut at its side, the sum, and what comes after it."""
    step = BOX_HEIGHT + GAP
    drawing.text(x, top - 4, "x")
    fork, y = top + 8, top + 8 + step - BOX_HEIGHT / 2
    start = top
    for text, colour in branch:
        drawing.line((x, start), (x, y - BOX_HEIGHT / 2))
        drawing.box(x, y, width, text, colour)
        start, y = y + BOX_HEIGHT / 2, y + step
    total = y - 6
    drawing.line((x, start), (x, total - 9))
    drawing.line((x, fork), (x + side, fork), (x + side, total), (x + 9, total))
    drawing.operator(x, total, "+")
    start, y = total + 9, total + step - 4
    for text, colour in after:
        drawing.line((x, start), (x, y - BOX_HEIGHT / 2))
        drawing.box(x, y, width, text, colour)
        start, y = y + BOX_HEIGHT / 2, y + step
    drawing.line((x, start), (x, start + GAP))


def se_block() -> Drawing:
    """From X to X̃: the maps on the left, and on the right what decides about them."""
    drawing = Drawing(
        440,
        "The SE block. A convolution makes the maps U of X. The mean of each channel gives z. A layer narrows z to C/r "
        "numbers, ReLU, a layer widens them to C, and a sigmoid gives the gates s. Each channel of U is multiplied by "
        "its gate: that is X tilde.",
    )
    left, right = 84, 254
    drawing.maps(left, 36, (0.2, 0.2, 0.2), COLOURS["x"])
    drawing.text(left - 48, 40, "X", weight="bold")
    drawing.line((left, 60), (left, 76))
    drawing.box(left, 88, 104, "convolution", CONVOLUTION)
    drawing.line((left, 100), (left, 122))
    drawing.maps(left, 148, (0.5, 0.5, 0.5, 0.5), COLOURS["u"])
    drawing.text(left - 48, 152, "U", weight="bold")
    drawing.line((left, 176), (left, 337))
    drawing.line((left + 32, 148), (right, 148), (right, 164))
    drawing.text(right - 4, 140, "squeeze: each map's mean", weight="bold")
    drawing.channels(right, 174, (0.2, 0.9, 0.5, 0.3), COLOURS["z"])
    drawing.text(right + 44, 178, "z")
    for y, text in ((206, "narrow: C to C/r"), (242, "ReLU"), (278, "widen: C/r to C"), (314, "sigmoid")):
        drawing.line((right, y - 24), (right, y - 12))
        drawing.box(right, y, 136, text, OTHER)
    drawing.line((right, 326), (right, 337))
    drawing.channels(right, 346, (0.05, 1, 0.6, 0.1), COLOURS["s"])
    drawing.text(right + 44, 350, "s")
    drawing.line((right - 30, 346), (left + 9, 346))
    drawing.text((left + right) / 2 + 2, 338, "rescale", weight="bold")
    drawing.operator(left, 346, "×")
    drawing.line((left, 355), (left, 377))
    drawing.maps(left, 404, (0.05, 1, 0.6, 0.1), COLOURS["x_tilde"])
    drawing.text(left - 48, 408, "X̃", weight="bold")
    return drawing


BASIC = [("3×3 convolution", CONVOLUTION), ("BN, ReLU", OTHER), ("3×3 convolution", CONVOLUTION), ("BN", OTHER)]
GATE = ("SE", SE)
RELU = ("ReLU", OTHER)


def residual_blocks() -> Drawing:
    """The block of ResNet, and the same with SE."""
    drawing = Drawing(
        352,
        "Two blocks side by side. Left, ResNet: two 3×3 convolutions, each with batch normalisation, and a shortcut "
        "around them; both are added, then ReLU. Right, SE-ResNet: the same, with SE behind the second batch "
        "normalisation, before the sum.",
    )
    drawing.text(80, 18, "ResNet", weight="bold")
    draw_column(drawing, 80, 44, BASIC, width=110, side=74, after=[RELU])
    drawing.text(262, 18, "SE-ResNet", weight="bold")
    draw_column(drawing, 262, 44, [*BASIC, GATE], width=110, side=74, after=[RELU])
    return drawing


def bottleneck() -> Drawing:
    """The block of ResNet-50, with SE."""
    drawing = Drawing(
        412,
        "The bottleneck block of SE-ResNet-50: a 1×1 convolution from 256 to 64 channels, a 3×3 convolution on 64, a "
        "1×1 convolution from 64 to 256, each with batch normalisation; then SE on 256 channels with a hidden width of "
        "16, the sum with the shortcut, and ReLU.",
    )
    branch = [
        ("1×1 convolution, 256 → 64", CONVOLUTION),
        ("BN, ReLU", OTHER),
        ("3×3 convolution, 64 → 64", CONVOLUTION),
        ("BN, ReLU", OTHER),
        ("1×1 convolution, 64 → 256", CONVOLUTION),
        ("BN", OTHER),
        ("SE on 256, r = 16", SE),
    ]
    draw_column(drawing, 160, 22, branch, width=176, side=122, after=[RELU])
    drawing.text(292, 190, "shortcut", anchor="start")
    return drawing


def inception_modules() -> Drawing:
    """The module of Inception, and the same with SE: the paper's Figure 2."""
    drawing = Drawing(
        388,
        "Two columns. Left, an Inception module between x and its output. Right, the same module, and beside the line "
        "behind it the mean of each channel, a layer that narrows, ReLU, a layer that widens, and a sigmoid; then the "
        "module's output is multiplied by the gates. There is no shortcut and no sum.",
    )
    left, right, side, total = 66, 194, 286, 328
    for x, name in ((left, "Inception"), (right, "SE-Inception")):
        drawing.text(x, 18, name, weight="bold")
        drawing.text(x, 42, "x")
        drawing.line((x, 48), (x, 64))
        drawing.box(x, 76, 120, "Inception module", CONVOLUTION)
    drawing.line((left, 88), (left, 108))
    drawing.line((right, 88), (right, total - 9))
    drawing.line((right, 104), (side, 104), (side, 118))
    for index, text in enumerate(("each map's mean", "narrow: C to C/r", "ReLU", "widen: C/r to C", "sigmoid")):
        y = 130 + index * 40
        drawing.box(side, y, 116, text, OTHER)
        if index:
            drawing.line((side, y - 28), (side, y - 12))
    drawing.line((side, 302), (side, total), (right + 9, total))
    drawing.operator(right, total, "×")
    drawing.line((right, total + 9), (right, total + 29))
    drawing.text(right, total + 44, "x̃")
    return drawing
