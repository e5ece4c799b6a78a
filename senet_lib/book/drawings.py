"""Drawings of blocks, in the book's colours: the SE block, the residual block without and with it, and so on.

Each is an SVG file in ``block_drawings``, 360 units wide, so that its letters can be read on a phone, with a title for
those who do not see it. At the end of a notebook's cell it shows itself; ``str(residual_blocks())`` is its text.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "block_drawings"


@dataclass(frozen=True)
class Drawing:
    """A picture of the file of this name."""

    name: str

    def __str__(self) -> str:
        return (FOLDER / f"{self.name}.svg").read_text(encoding="utf-8")

    def _repr_svg_(self) -> str:
        return str(self)


def se_block() -> Drawing:
    """From X to X̃: the maps on the left, and on the right what decides about them."""
    return Drawing("se_block")


def residual_blocks() -> Drawing:
    """The block of ResNet, and the same with SE."""
    return Drawing("residual_blocks")


def bottleneck() -> Drawing:
    """The block of ResNet-50, with SE."""
    return Drawing("bottleneck")


def inception_modules() -> Drawing:
    """The module of Inception, and the same with SE: the paper's Figure 2."""
    return Drawing("inception_modules")
