"""The book's plots in matplotlib. Each function draws arrays on the given Axes, or on new ones, and returns the Axes.

One colour for each quantity, everywhere in the book: x, u, z, s and x̃. They are from the palette of Okabe and Ito
(2008), which colour-blind readers can tell apart.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba_array
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

COLOURS = {
    "x": "#0072B2",
    "u": "#56B4E9",
    "z": "#E69F00",
    "s": "#CC79A7",
    "x_tilde": "#009E73",
    "plain": "#5F6B7A",
    "se": "#A8447C",
}
# Red, green and blue of the Context World, as marks on a white page.
CUE_COLOURS = ("#D1351B", "#1B8A3B", "#2F5BD3")
# On black, red, green and blue as a screen has them glare, and blue is hard to see.
SHADES = ("#F0523D", "#2EBD5F", "#4D82FF")
# Plus, ring, cross and block have no colour of their own.
SHAPE_COLOURS = ("#1A1A2E", "#8A6D00", "#A8447C", "#5F8A8B")

STYLE: dict[str, Any] = {
    "figure.figsize": (5.4, 3.2),
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "font.family": ["Inter", "DejaVu Sans"],  # the letters of the pages, and what Inter lacks
    "font.size": 11.5,  # 10 px where a phone shows the picture 345 px wide
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.edgecolor": "#8794A3",
    "axes.labelcolor": "#3B4754",
    "xtick.color": "#8794A3",
    "xtick.labelcolor": "#3B4754",
    "ytick.color": "#8794A3",
    "ytick.labelcolor": "#3B4754",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "mathtext.fontset": "cm",  # as the formulas of the pages
    "svg.hashsalt": "senet",
}

# Parts of Inter (SIL Open Font License 1.1), as TrueType: matplotlib reads no web fonts.
for _font in Path(__file__).with_name("letters").glob("*.ttf"):
    font_manager.fontManager.addfont(_font)


def use_book_style() -> None:
    """Give all later figures the book's fonts, sizes and grid."""
    plt.style.use(STYLE)


def quantity_map(quantity: str) -> LinearSegmentedColormap:
    """A colour map from white to the colour of a quantity, for non-negative maps."""
    return LinearSegmentedColormap.from_list(quantity, ["#FFFFFF", COLOURS[quantity]])


def plot_picture(picture: ArrayLike, title: str = "", ax: Axes | None = None) -> Axes:
    """A colour picture. Pure red, green and blue, as our worlds have them, are drawn in softer shades.

    Args:
        picture: (3, H, W), integers 0 to 255 or floats 0 to 1.
    """
    ax = _axes(ax)
    pixels = np.moveaxis(np.asarray(picture), 0, -1)
    if (np.count_nonzero(pixels, axis=-1) <= 1).all():
        largest = 255 if pixels.dtype.kind in "iu" else 1
        pixels = pixels / largest @ to_rgba_array(SHADES)[:, :3]
    ax.imshow(pixels)
    return _bare(ax, title)


def plot_window(row: int, column: int, size: int, colour: str = "white", ax: Axes | None = None) -> Axes:
    """The outline of a square window whose upper left pixel is (row, column), in pixels."""
    ax = _axes(ax)
    ax.add_patch(Rectangle((column - 0.5, row - 0.5), size, size, fill=False, edgecolor=colour, linewidth=2))
    return ax


def plot_map(values: ArrayLike, title: str = "", quantity: str = "u", largest: float | None = None, ax=None) -> Axes:
    """One channel as a picture in the colour of its quantity.

    Args:
        values: (H, W), at least 0.
        largest: the value that gets the darkest colour; the largest one if None.
    """
    ax = _axes(ax)
    ax.imshow(np.asarray(values), cmap=quantity_map(quantity), vmin=0, vmax=largest, interpolation="nearest")
    return _bare(ax, title)


def plot_bars(
    values: ArrayLike,
    names: Sequence[str],
    quantity: str,
    label: str,
    colours: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """One bar for each channel, with its value above it.

    Args:
        values: (C,).
        names: C names below the bars.
        quantity: gives the colour.
        label: of the vertical axis, with the unit.
        colours: C colours instead of the quantity's.
    """
    ax = _axes(ax)
    bars = ax.bar(range(len(names)), values, color=colours or COLOURS[quantity], width=0.65)
    ax.bar_label(bars, fmt="%.2f", padding=2)
    ax.set_xticks(range(len(names)), names)
    ax.set_ylabel(label)
    ax.margins(y=0.15)
    ax.grid(axis="x", visible=False)
    return ax


def plot_field_growth(
    sizes: Sequence[int], names: Sequence[str], limit: int | None = None, ax: Axes | None = None
) -> Axes:
    """How the receptive field grows from layer to layer.

    Args:
        sizes: width in pixels after each layer.
        names: of the layers.
        limit: the smallest width that touches cue and glyph, drawn as a line; or None.
    """
    ax = _axes(ax)
    bars = ax.barh(range(len(sizes)), sizes, color=COLOURS["u"], height=0.65)
    ax.bar_label(bars, label_type="center")
    if limit is not None:
        ax.axvline(limit, color=COLOURS["plain"], linestyle="--")
        ax.set_title(f"at least {limit} pixels touch cue and glyph", color=COLOURS["plain"], loc="right")
    ax.set_yticks(range(len(sizes)), names)
    ax.invert_yaxis()
    ax.set_xlim(0, max(*sizes, limit or 0) + 3)
    ax.set_xlabel("width of the receptive field (pixels)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(axis="y", visible=False)
    return ax


def plot_effective_field(field: ArrayLike, size: int | None = None, title: str = "", ax: Axes | None = None) -> Axes:
    """How strongly each pixel moves a unit, relative to the strongest.

    Args:
        field: (H, W), at least 0.
        size: width in pixels of the theoretical field, drawn as a square around the pixels that matter; or None.
    """
    ax = _axes(ax)
    field = np.asarray(field)
    ax.imshow(field / field.max(), cmap=quantity_map("u"), vmin=0, vmax=1)
    if size is not None:
        row, column = (round((place.min() + place.max() - size + 1) / 2) for place in np.nonzero(field))
        plot_window(row, column, size, "#D55E00", ax)
    return _bare(ax, title)


def plot_accuracy(
    curves: Mapping[str, Sequence[float]],
    reference: float | None = None,
    reference_name: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Test accuracy after each epoch.

    Args:
        curves: for each name ("plain", "se" or other) the accuracies, 0 to 1.
        reference: an accuracy to compare with, drawn as a line with its name.
    """
    ax = _axes(ax)
    for name, accuracies in curves.items():
        if len(accuracies) == 0:  # stopped in the first epoch
            continue
        epochs = range(1, len(accuracies) + 1)
        ax.plot(epochs, accuracies, marker="o", markersize=4, color=COLOURS.get(name.lower()), label=name)
    if reference is not None:
        ax.axhline(reference, color="#1A1A2E", linestyle="--", linewidth=1)
        ax.annotate(reference_name, (1, reference), (0, 4), ("axes fraction", "data"), "offset points", ha="right")
    ax.set(xlabel="epoch", ylabel="test accuracy", ylim=(0, 1.04))
    ax.legend(loc="lower right")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def plot_functions(
    functions: Mapping[str, ArrayLike], x: ArrayLike, xlabel: str, ylabel: str, ax: Axes | None = None
) -> Axes:
    """Up to three functions of one variable, each with its name in the legend."""
    ax = _axes(ax)
    inks = [(COLOURS["s"], "-"), (COLOURS["plain"], "--"), ("#1A1A2E", ":")]
    if len(functions) > len(inks):
        raise ValueError(f"there are {len(functions)} functions; at most {len(inks)} can be told apart")
    for (name, values), (colour, line) in zip(functions.items(), inks, strict=False):
        ax.plot(x, values, color=colour, linestyle=line, linewidth=2, label=name)
    ax.axhline(0, color="#1A1A2E", linewidth=0.8)
    ax.legend()
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return ax


def plot_gates(
    gates: ArrayLike, names: Sequence[str], colours: Sequence[str], title: str = "", ax: Axes | None = None
) -> Axes:
    """The mean gate of each channel for each group of pictures.

    Args:
        gates: (G, C), 0 to 1: a row for each of up to four groups.
        names: of the G groups.
        colours: of the G groups; each also has a marker of its own.
    """
    ax = _axes(ax)
    gates = np.asarray(gates)
    order = np.lexsort((-gates.max(0), gates.argmax(0)))
    for row, name, colour, marker in zip(gates[:, order], names, colours, "o^sD", strict=False):
        ax.plot(row, marker, color=colour, markersize=5, label=name)
    ax.vlines(range(gates.shape[1]), gates.min(0)[order], gates.max(0)[order], color="#B8BEC6", linewidth=1, zorder=0)
    ax.set(xlabel="channel, sorted by the group that opens it most", ylabel="mean gate s", ylim=(-0.04, 1.04))
    ax.set_title(title, loc="left")
    ax.set_xticks([])
    ax.legend(ncols=4, loc="lower right", bbox_to_anchor=(1.02, 0.98), handletextpad=0.1, columnspacing=0.8)
    return ax


def _axes(ax: Axes | None) -> Axes:
    return ax if ax is not None else plt.subplots()[1]


def _bare(ax: Axes, title: str) -> Axes:
    ax.set_title(title)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_color("#B8BEC6")
    return ax
