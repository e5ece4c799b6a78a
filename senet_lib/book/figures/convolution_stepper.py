"""A convolution, one place at a time: equation 1 of the paper, number by number."""

from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from senet_lib.book import plots
from senet_lib.book.figures.figure import Array, Asking, Figure
from senet_lib.data.context_world import COLOURS, draw_scene, render_scene

KERNEL = 3
NEGATIVE = "#D55E00"  # --senet-negative of figure.css


class ConvolutionStepper(Asking, Figure):
    """A 3x3 window that slides over the channels of x, and the sum of products that it makes at each place.

    The convolution has stride 1 and no padding, so u has H - 2 rows and W - 2 columns.

    With ``asks``, there is a guess to make: what will the second filter say at the place that is shown first?

    Attributes:
        x: (S, H, W), the input: S is 1 to 3 channels, H and W are 3 to 10 pixels.
        filters: (F, S, 3, 3), the filters v. Each has one slice for each channel of x.
        filter_names: F texts.
        channel_names: S texts.
        filter: which filter is shown, 0 to F - 1; a menu moves it.
        row: of the output, and of the window's upper left pixel, 0 to H - 3; a slider, the keyboard, clicks on the maps
            and the step buttons move it.
        column: the same for W.
        whole: whether all of u is shown, or only the places up to the current one, row by row; a box to tick.
    """

    title = "A convolution, number by number"
    description = (
        "Top: the input channels side by side, a 3 by 3 window outlined in each. Below each: the nine numbers of "
        "the window times the nine weights of the filter's slice, and their sum. Right: the output map, filled up to "
        "the window's place."
    )
    x = Array()
    filters = Array()
    filter_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    channel_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    filter = traitlets.Int(0).tag(sync=True)
    row = traitlets.Int(0).tag(sync=True)
    column = traitlets.Int(0).tag(sync=True)
    whole = traitlets.Bool(False).tag(sync=True)

    @classmethod
    def example(cls) -> Self:
        scene = draw_scene(np.random.default_rng(seed=3))
        ones, none = np.ones((3, 3)), np.zeros((3, 3))
        edge = np.array([[-1, 0, 1]] * 3)
        blur = np.array([[0.1, 0.1, 0.1], [0.1, 0.2, 0.1], [0.1, 0.1, 0.1]])
        filters = {
            "all ones: adds up what it sees": (ones, ones, ones),
            "red minus green": (ones, -ones, none),
            "vertical edge": (edge, edge, edge),
            "blur": (blur, blur, blur),
        }
        return cls(
            x=render_scene(scene)[:, 6:14, 23:31] / 255,
            filters=np.array(list(filters.values())),
            filter_names=list(filters),
            channel_names=list(COLOURS),
            row=3,
            column=3,
            caption="Move the window. What does the filter make of a place where red and green meet?",
        )

    def draw_still(self) -> Any:
        x, v = self.x, self.filters[self.filter]
        windows = np.lib.stride_tricks.sliding_window_view(x, (KERNEL, KERNEL), axis=(1, 2))
        u = np.einsum("srcij,sij->rc", windows, v)
        figure = plt.figure(figsize=(7.6, 3.6), constrained_layout=True)
        grid = figure.add_gridspec(2, len(x) + 1, width_ratios=[*[1.0] * len(x), 1.9])
        for s, name in enumerate(self.channel_names):
            window = windows[s, self.row, self.column]
            ax = plots.plot_map(x[s], f"$x^{s + 1}$: {name}", "x", x.max(), figure.add_subplot(grid[0, s]))
            plots.plot_window(self.row, self.column, KERNEL, "#1A1A2E", ax)
            _plot_products(window, v[s], figure.add_subplot(grid[1, s]))
        _plot_output(u, self.row, self.column, figure.add_subplot(grid[:, -1]))
        return figure


def _plot_products(window: np.ndarray, weights: np.ndarray, ax: Axes) -> None:
    """The nine products of a window and a slice, and their sum."""
    products = window * weights
    _plot_signed(products, np.abs(products).max(), ax)
    for (row, column), product in np.ndenumerate(products):
        factors = f"{window[row, column]:g} · {_bracketed(float(weights[row, column]))}"
        ax.text(column, row, f"{factors}\n= {product + 0:.3g}", ha="center", va="center", fontsize=5.8)
    ax.set_title(f"sum = {products.sum():.3g}", fontsize=9)


def _plot_output(u: np.ndarray, row: int, column: int, ax: Axes) -> None:
    """The output map up to a place, with its numbers."""
    visited = np.arange(u.size).reshape(u.shape) <= row * u.shape[1] + column
    _plot_signed(np.where(visited, u, 0), np.abs(u).max(), ax)
    for (r, c), value in np.ndenumerate(u):
        if visited[r, c]:
            ax.text(c, r, f"{value + 0:.3g}", ha="center", va="center", fontsize=7)
    plots.plot_window(row, column, 1, "#1A1A2E", ax)
    ax.set_title(f"u({row}, {column}) = {u[row, column] + 0:.3g}")


def _plot_signed(values: np.ndarray, largest: float, ax: Axes) -> None:
    """A map in a light colour of u, or of negative numbers."""
    colours = LinearSegmentedColormap.from_list("signed", [NEGATIVE, "#FFFFFF", plots.COLOURS["u"]])
    ax.imshow(values, cmap=colours, vmin=-2 * largest or -1, vmax=2 * largest or 1)
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)


def _bracketed(value: float) -> str:
    return f"({value:.3g})" if value < 0 else f"{value:.3g}"
