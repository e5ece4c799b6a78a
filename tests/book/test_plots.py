"""Tests of senet_lib.book.plots: each function draws what it was given, where it was told to."""

import json
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import same_color, to_rgb

from senet_lib.book.plots import (
    COLOURS,
    CUE_COLOURS,
    SHADES,
    STYLE,
    plot_accuracy,
    plot_bars,
    plot_effective_field,
    plot_field_growth,
    plot_functions,
    plot_gates,
    plot_map,
    plot_picture,
    plot_window,
    quantity_map,
    use_book_style,
)

X = np.linspace(-2, 2, 9)
NAMES = ("red cue", "green cue", "blue cue")
GATES = np.array([[0.15, 0.9, 0.5, 0.2], [0.8, 0.2, 0.6, 0.3], [0.3, 0.1, 0.4, 0.7]])
EACH = {
    "picture": lambda ax: plot_picture(np.zeros((3, 4, 5)), ax=ax),
    "window": lambda ax: plot_window(1, 2, 3, ax=ax),
    "map": lambda ax: plot_map(np.ones((4, 5)), ax=ax),
    "bars": lambda ax: plot_bars([0.25, 0.5], ["a", "b"], "z", "z", ax=ax),
    "field growth": lambda ax: plot_field_growth([3, 7], ["a", "b"], 15, ax=ax),
    "effective field": lambda ax: plot_effective_field(np.ones((4, 4)), 2, ax=ax),
    "accuracy": lambda ax: plot_accuracy({"plain": [0.2, 0.4]}, ax=ax),
    "functions": lambda ax: plot_functions({"sigmoid": 1 / (1 + np.exp(-X))}, X, "x", "y", ax=ax),
    "gates": lambda ax: plot_gates(GATES, NAMES, CUE_COLOURS, ax=ax),
}


@pytest.fixture(autouse=True)
def clean_canvas():
    """On the Agg backend, with the default style."""
    plt.switch_backend("agg")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


@pytest.fixture
def ax() -> Axes:
    return plt.subplots()[1]


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("plot", EACH.values(), ids=EACH)
def test_it_draws_on_the_axes_that_it_is_given_or_on_its_own(plot, ax):
    own = plot(None)
    assert isinstance(own, Axes) and own is not ax and len(plt.get_fignums()) == 2
    assert not ax.has_data()
    before = len(ax.get_children())
    assert plot(ax) is ax
    assert len(ax.get_children()) > before
    assert len(plt.get_fignums()) == 2
    ax.figure.canvas.draw()


def test_a_picture_is_drawn_with_its_colours_last(ax):
    picture = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    plot_picture(picture, "a picture", ax)
    (image,) = ax.images
    assert np.array_equal(image.get_array(), picture.transpose(1, 2, 0))
    assert ax.get_title() == "a picture"
    assert ax.get_xticks().size == ax.get_yticks().size == 0


def test_pure_red_green_and_blue_are_drawn_in_softer_shades(ax):
    plot_picture(np.eye(3).reshape(3, 3, 1) * 0.5, ax=ax)
    (image,) = ax.images
    assert np.allclose(image.get_array()[:, 0], np.array([to_rgb(shade) for shade in SHADES]) / 2)


def test_pages_draw_them_in_the_same_shades(root):
    figures = root / "senet_lib/book/figures"
    wanted = 255 * np.array([to_rgb(shade) for shade in SHADES])
    kit = re.search(r"softer = (\[\[.*?\]\])", (figures / "parts/kit.js").read_text(encoding="utf-8"))
    assert np.allclose(json.loads(kit[1]), wanted)
    xray = re.search(r'feColorMatrix", \{ values: "([^"]*)"', (figures / "network_xray.js").read_text(encoding="utf-8"))
    to_rgba = np.array(xray[1].split(), float).reshape(4, 5)
    assert np.allclose(255 * to_rgba[:3, :3].T, wanted, atol=1.5)


def test_a_window_is_the_outline_around_its_pixels(ax):
    plot_window(row=10, column=4, size=13, colour="red", ax=ax)
    (window,) = ax.patches
    assert (window.get_x(), window.get_y()) == (3.5, 9.5)
    assert (window.get_width(), window.get_height()) == (13, 13)
    assert not window.get_fill() and same_color(window.get_edgecolor(), "red")


@pytest.mark.parametrize(("largest", "limit"), [(None, 6), (10, 10), (3.5, 3.5)])
def test_a_map_is_drawn_from_zero_to_the_largest_value(ax, largest, limit):
    values = np.array([[1, 2, 3], [4, 5, 6]])
    plot_map(values, "u", "u", largest, ax)
    (image,) = ax.images
    assert np.array_equal(image.get_array(), values)
    assert image.get_clim() == (0, limit)
    assert ax.get_title() == "u"


@pytest.mark.parametrize("quantity", ["x", "u", "z", "s", "x_tilde"])
def test_a_quantitys_map_goes_from_white_over_its_colour_to_dark(quantity):
    colours = quantity_map(quantity)(np.linspace(0, 1, 257))[:, :3]
    luminance = colours @ (0.2126, 0.7152, 0.0722)
    assert np.allclose(colours[0], 1)
    assert np.abs(colours - to_rgb(COLOURS[quantity])).sum(1).min() < 0.02
    assert (np.diff(luminance) <= 1e-9).all()


def test_bars_have_their_heights_names_values_and_colours(ax):
    plot_bars([0.25, 1.5, 0.0], ["a", "b", "c"], "z", "mean (levels)", ax=ax)
    plot_bars([1, 2, 3], "rgb", "z", "z", colours=CUE_COLOURS, ax=(other := plt.subplots()[1]))
    assert [bar.get_height() for bar in ax.patches] == [0.25, 1.5, 0.0]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert texts(ax) == ["0.25", "1.50", "0.00"]
    assert ax.get_ylabel() == "mean (levels)"
    for bars, colours in ((ax.patches, [COLOURS["z"]] * 3), (other.patches, CUE_COLOURS)):
        assert all(same_color(bar.get_facecolor(), colour) for bar, colour in zip(bars, colours, strict=True))


def test_field_growth_shows_each_layer_from_the_top_and_the_limit(ax):
    plot_field_growth([3, 7, 13], ["stem", "block 1", "block 2"], 15, ax)
    assert [bar.get_width() for bar in ax.patches] == [3, 7, 13]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["stem", "block 1", "block 2"]
    assert ax.yaxis.get_inverted()
    (limit,) = ax.lines
    assert list(limit.get_xdata()) == [15, 15]
    assert texts(ax) == ["3", "7", "13"] and "15 pixels" in ax.get_title(loc="right")
    assert ax.get_xlim()[1] > 15 and "pixels" in ax.get_xlabel()
    assert plot_field_growth([40], ["deep"], 15).get_xlim()[1] > 40
    assert len(plot_field_growth([40], ["deep"]).lines) == 0


@pytest.mark.parametrize(
    ("rows", "columns", "size"), [((10, 22), (10, 22), 13), ((0, 4), (6, 10), 5), ((3, 6), (1, 4), 4)]
)
def test_an_effective_field_is_relative_to_its_strongest_pixel_and_framed(ax, rows, columns, size):
    field = np.zeros((32, 32))
    field[rows[0] : rows[1] + 1, columns[0] : columns[1] + 1] = 4.0
    field[rows[0], columns[0]] = 8.0
    plot_effective_field(field, size, "field", ax)
    (image,), (frame,) = ax.images, ax.patches
    assert np.array_equal(image.get_array(), field / 8) and image.get_clim() == (0, 1)
    assert (frame.get_y() + 0.5, frame.get_x() + 0.5, frame.get_width()) == (rows[0], columns[0], size)
    assert ax.get_title() == "field"
    assert not plot_effective_field(field).patches


def test_accuracies_are_drawn_from_epoch_one_each_with_its_name_and_colour(ax):
    plot_accuracy({"plain": [0.3, 0.5, 0.6], "SE": [0.4, 1.0], "other": [0.1]}, ax=ax)
    plain, with_se, other = ax.lines
    assert list(plain.get_xdata()) == [1, 2, 3] and list(plain.get_ydata()) == [0.3, 0.5, 0.6]
    assert list(with_se.get_xdata()) == [1, 2] and list(with_se.get_ydata()) == [0.4, 1.0]
    assert list(other.get_xdata()) == [1]
    assert same_color(plain.get_color(), COLOURS["plain"]) and same_color(with_se.get_color(), COLOURS["se"])
    assert [name.get_text() for name in ax.get_legend().get_texts()] == ["plain", "SE", "other"]
    assert ax.get_ylim()[0] == 0 and ax.get_ylim()[1] >= 1


def test_a_reference_accuracy_is_a_line_with_its_name(ax):
    plot_accuracy({"plain": [0.3, 0.5]}, 9 / 16, "cannot see the cue", ax)
    assert list(ax.lines[-1].get_ydata()) == [9 / 16, 9 / 16]
    assert texts(ax)[-1] == "cannot see the cue"


def test_functions_are_drawn_over_x_each_with_its_name(ax):
    plot_functions({"relu": np.maximum(X, 0), "line": X}, X, "input", "output", ax)
    relu, line, axis = ax.lines
    assert np.array_equal(relu.get_xdata(), X) and np.array_equal(relu.get_ydata(), np.maximum(X, 0))
    assert np.array_equal(line.get_ydata(), X)
    assert list(axis.get_ydata()) == [0, 0]
    assert not same_color(relu.get_color(), line.get_color())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["relu", "line"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input", "output")


def test_more_functions_than_can_be_told_apart_are_refused(ax):
    plot_functions({name: X for name in "abc"}, X, "x", "y", ax)
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines[:3]}) == 3
    with pytest.raises(ValueError, match="there are 4 functions; at most 3"):
        plot_functions({name: X for name in "abcd"}, X, "x", "y", ax)


def test_a_run_that_was_stopped_in_its_first_epoch_is_drawn_as_nothing(ax):
    plot_accuracy({"plain": [], "se": [0.4]}, ax=ax)
    assert list(ax.lines[-1].get_ydata()) == [0.4]


def test_gates_are_drawn_for_each_group_sorted_by_the_group_that_opens_them_most(ax):
    plot_gates(GATES, NAMES, CUE_COLOURS, "gates", ax)
    order = [1, 0, 2, 3]  # red opens channel 1; green opens 0 more than 2; blue opens 3
    for line, colour, name, gates in zip(ax.lines, CUE_COLOURS, NAMES, GATES, strict=True):
        assert list(line.get_ydata()) == [gates[channel] for channel in order]
        assert line.get_label() == name and same_color(line.get_color(), colour)
    (ranges,) = ax.collections
    spans = [tuple(segment[:, 1]) for segment in ranges.get_segments()]
    assert spans == [(GATES[:, channel].min(), GATES[:, channel].max()) for channel in order]
    assert ax.get_title(loc="left") == "gates" and "gate s" in ax.get_ylabel()


def test_arrays_stay_as_they_were(ax):
    gates, field = GATES.copy(), np.full((4, 4), 2.0)
    plot_gates(gates, NAMES, CUE_COLOURS, ax=ax)
    plot_effective_field(field, ax=ax)
    assert np.array_equal(gates, GATES) and (field == 2.0).all()


def test_use_book_style_sets_the_style():
    assert matplotlib.rcParams["axes.spines.top"] is True
    use_book_style()
    assert matplotlib.rcParams["axes.spines.top"] is STYLE["axes.spines.top"] is False
    assert matplotlib.rcParams["font.size"] == STYLE["font.size"]


def test_every_quantity_has_a_colour_of_its_own():
    assert len({to_rgb(colour) for colour in COLOURS.values()}) == len(COLOURS)
