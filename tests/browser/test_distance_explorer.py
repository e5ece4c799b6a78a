"""How far does a network see? Nothing is told before a guess; what is told then are the numbers of the record."""

import numpy as np
import pytest

from senet_lib.book.figures.distance_explorer import FIELDS, DistanceExplorer
from senet_lib.data.context_world import SOLVED
from senet_lib.data.distance_world import window_that_holds, window_that_touches
from tests.browser.figures import open_figure

pytestmark = pytest.mark.browser


@pytest.fixture
def figure() -> DistanceExplorer:
    return DistanceExplorer.example()


@pytest.fixture
def opened(browser, figure, tmp_path):
    with open_figure(browser, figure, tmp_path) as page:
        yield page
        assert page.faults == []


def guess(opened, answer: str) -> None:
    opened.click(opened.root.locator(f'.parts-guess [data-guess="{answer}"]'))


def verdict(figure, network: int, gap: int) -> str:
    finals = figure.accuracies[network, gap]
    solved = finals[finals >= 0] >= SOLVED
    return "all" if solved.all() else "some" if solved.any() else "none"


def points(opened) -> int:
    """Of networks, in the chart over the distance."""
    return opened.root.locator(".senet-chart").first.locator(".senet-chart-line > path[transform]").count()


def test_a_guess_uncovers_one_point_and_lasts_over_a_reload(opened, figure):
    assert points(opened) == 0
    right = verdict(figure, 0, 0)
    guess(opened, right)
    assert points(opened) == 1
    assert opened.text("guess").startswith("Right. ")
    assert opened.text("score") == "Right so far: 1 of 1."
    opened.move("gap", len(figure.gaps) - 1)
    assert opened.text("guess") == ""
    guess(opened, "all" if verdict(figure, 0, len(figure.gaps) - 1) != "all" else "none")
    assert opened.text("guess").startswith("Not so. ")
    assert opened.text("score") == "Right so far: 1 of 2."
    opened.page.reload()
    opened.page.wait_for_selector('[data-mounted="yes"]')
    opened.settle()
    assert points(opened) == 2 and opened.text("score") == "Right so far: 1 of 2."
    line = opened.root.locator(".senet-chart").first.locator(".senet-chart-line:has(> path[transform]) > path").first
    assert line.get_attribute("d").count("L") == 0, "no line over distances that are not guessed"


def test_the_windows_and_the_fields_are_those_of_the_world(opened, figure):
    for place, gap in enumerate(figure.gaps):
        opened.move("gap", place)
        assert opened.number("touches") == window_that_touches(gap)
        assert opened.number("holds") == window_that_holds(gap)
    for name in figure.networks:
        opened.set("network", name)
        if name.startswith("plain"):
            assert opened.number("sees") == FIELDS[name]
    opened.set("network", "SE, 2 blocks")
    assert opened.text("sees") == "all"


def test_show_all_uncovers_each_accuracy_of_the_record_and_counts_as_no_guess(opened, figure):
    opened.click("Show all")
    assert opened.get("show_all") is False and opened.text("score") == "Right so far: none yet."
    assert points(opened) == len(figure.networks) * len(figure.gaps)
    for place, gap in enumerate(figure.gaps):
        opened.move("gap", place)
        for network, name in enumerate(figure.networks):
            opened.set("network", name)
            finals = figure.accuracies[network, place]
            finals = finals[finals >= 0]
            least, most = f"{finals.min():.2f}", f"{finals.max():.2f}"
            said = opened.text("guess")
            assert f"{len(finals)} seeds" in said and least in said and most in said, (gap, name)
    opened.click("Guess again")
    assert points(opened) == len(figure.networks) * len(figure.gaps) - 1


def test_patience_shows_a_line_for_each_recorded_seed_or_says_that_there_is_none(opened, figure):
    opened.set("show_all", True)
    cover = opened.root.locator(".distance-patience")
    lines = opened.root.locator(".senet-chart").nth(1).locator(".senet-chart-line")
    for network, place in np.ndindex(len(figure.networks), len(figure.gaps)):
        opened.set("network", figure.networks[network])
        opened.move("gap", place)
        runs = figure.curves[network, place]
        count = int((runs[:, 0] >= 0).sum())
        assert lines.count() == 1 + count  # and the line of the blind vote
        assert ("parts-covered" in cover.get_attribute("class")) == (count == 0)
