"""Make the drawings in book/drawings with the library: `make drawings`."""

import argparse
import io
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from senet_lib import plots
from senet_lib.context_world import COLOURS, SHAPES, Scene, render_scene

ROOT = Path(__file__).parent.parent
LANDING = ROOT / "book" / "drawings" / "context_world.svg"


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    LANDING.parent.mkdir(exist_ok=True)
    LANDING.write_text(draw_landing(), encoding="utf-8")


def draw_landing() -> str:
    """What SE does to one picture: x, z, s and x̃. Returns the SVG's text."""
    scene = Scene((1, 2, 0), ((24, 2), (25, 13), (24, 24)), 1, (0, 19), 0)
    x = render_scene(scene) / 255
    z = x.mean((1, 2))
    # The weights of chapter 3, chosen by hand.
    s = 1 / (1 + np.exp(-(5 * np.maximum(100 * z - 7, 0) - 5)))
    with plt.style.context(plots.STYLE):
        figure, grid = plt.subplots(2, 2, figsize=(5.4, 4.6))
        axes = grid.flat
        plots.plot_picture(x, "x: what is the label?", ax=axes[0])
        plots.plot_bars(z, COLOURS, "z", "", ax=axes[1])
        plots.plot_bars(s, COLOURS, "s", "", ax=axes[2])
        plots.plot_picture(x * s[:, None, None], f"x̃: it is a {SHAPES[scene.label]}", ax=axes[3])
        axes[1].set_title("z: squeeze")
        axes[2].set_title("s: excite")
        for ax in axes[1:3]:
            ax.set_yticks([])
            ax.spines["left"].set_visible(False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(figure)
    return text.getvalue()


if __name__ == "__main__":
    main()
