"""Measure in Chromium how high each figure is, so that a page keeps that much free before the figure lives.

    python -m tools.heights [NAME ...]

Without names: all figures of the library. Result: senet_lib/book/figures/heights.json, which figure.py reads.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from senet_lib.book.figures.figure import HEIGHTS, Figure
from tests.browser.figures import all_figures, open_figure
from tools.chromium import open_chromium

# In pixels. A phone of 390 px leaves 358, a laptop 790, and the landing page up to 1120.
WIDTHS = (280, 358, 420, 480, 540, 600, 660, 720, 790, 920, 1120)


def measure(browser: Browser, figure: type[Figure], widths: Sequence[int] = WIDTHS) -> list[list[int]]:
    """Widths of a figure's example and its heights, in pixels; of one that asks, with its question, as in the book."""
    example = figure.example()
    if example.has_trait("asks"):
        example.asks = True
    with TemporaryDirectory() as folder, open_figure(browser, example, Path(folder)) as opened:
        heights = []
        for width in widths:
            opened.look(width, "light")
            opened.settle()
            heights.append([width, round(opened.root.evaluate("figure => figure.getBoundingClientRect().height"))])
    return heights


def main(names: Sequence[str]) -> int:
    figures = {figure.__name__: figure for figure in all_figures()}
    if unknown := set(names) - set(figures):
        print(f"there is no figure {', '.join(sorted(unknown))}; there are {', '.join(figures)}", file=sys.stderr)
        return 2
    known = json.loads(HEIGHTS.read_text(encoding="utf-8"))
    kept = {name: known[name] for name in figures if name in known}
    with open_chromium() as browser:
        measured = {name: measure(browser, figures[name]) for name in names or figures}
    lines = [f"{json.dumps(name)}: {json.dumps(one)}" for name, one in sorted((kept | measured).items())]
    HEIGHTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
