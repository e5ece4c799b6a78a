"""Make the cover and the picture of a shared link in book/drawings with the library: `make drawings`."""

import argparse
import io
from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import yaml
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

from senet_lib.book import plots
from senet_lib.data.context_world import COLOURS, SHAPES, Scene, render_scene

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "book" / "drawings"
COVER = FOLDER / "context_world.svg"  # of the printed book
COVER_INCHES = (8.2, 2.2)
SOCIAL = FOLDER / "social.png"
SOCIAL_SIZE = (1200, 630)  # pixels, as the sites that show it recommend
SOCIAL_DOTS_PER_INCH = 120


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    FOLDER.mkdir(exist_ok=True)
    COVER.write_text(draw_cover(), encoding="utf-8")
    draw_social().save(SOCIAL, optimize=True)


def draw_cover() -> str:
    """What SE does to one picture: x, z, s and x̃. Returns the SVG's text."""
    with plt.style.context(plots.STYLE):
        figure, grid = plt.subplots(1, 4, figsize=COVER_INCHES, layout=ConstrainedLayoutEngine(wspace=0.06))
        draw_block(grid.flat)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(figure)
    return text.getvalue()


def draw_block(axes: Iterable[Axes]) -> None:
    """One picture of the Context World on four axes: x, z, s and x̃."""
    scene = Scene((1, 2, 0), ((24, 2), (25, 13), (24, 24)), 1, (0, 19), 0)
    x = render_scene(scene) / 255
    z = x.mean((1, 2))
    # The weights of chapter 3, chosen by hand.
    s = 1 / (1 + np.exp(-(5 * np.maximum(100 * z - 7, 0) - 5)))
    before, squeezed, gates, after = axes
    plots.plot_picture(x, "x: what is the label?", ax=before)
    plots.plot_bars(z, COLOURS, "z", "", ax=squeezed)
    plots.plot_bars(s, COLOURS, "s", "", ax=gates)
    plots.plot_picture(x * s[:, None, None], f"x̃: it is a {SHAPES[scene.label]}", ax=after)
    squeezed.set_title("z: squeeze")
    gates.set_title("s: excite")
    for ax in (squeezed, gates):
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)


def draw_social() -> Image.Image:
    """What a link to the book shows where it is shared: its title, and the drawing of the cover."""
    title = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["title"]
    width, height = (pixels / SOCIAL_DOTS_PER_INCH for pixels in SOCIAL_SIZE)
    with plt.style.context(plots.STYLE):
        place = ConstrainedLayoutEngine(rect=(0.03, 0.15, 0.94, 0.56), wspace=0.08)
        figure, axes = plt.subplots(1, 4, figsize=(width, height), layout=place)
        draw_block(axes)
        figure.text(0.5, 0.83, title, ha="center", va="center", fontsize=25, weight="bold")
        figure.text(0.5, 0.06, "A book whose figures are alive", ha="center", va="center", fontsize=15)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=SOCIAL_DOTS_PER_INCH, facecolor="white", bbox_inches=None)
        plt.close(figure)
    return Image.open(file).convert("RGB").quantize(64)


if __name__ == "__main__":
    main()
