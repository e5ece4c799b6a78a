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
    opened.root.locator(f'[data-guess="{answer}"]').click(force=True)
    opened.settle()


def verdict(figure, network: int, gap: int) -> str:
    finals = figure.accuracies[network, gap]
    solved = finals[finals >= 0] >= SOLVED
    return "all" if solved.all() else "some" if solved.any() else "none"


def points(opened) -> int:
    """Of networks, in the chart over the distance."""
    return opened.root.locator(".senet-chart").first.locator(".senet-chart-line > path[transform]").count()


def test_it_opens_without_any_verdict_and_a_guess_uncovers_one(opened, figure):
    assert points(opened) == 0
    assert opened.text("answer") == "Guess, and you will see."
    right = verdict(figure, 0, 0)
    guess(opened, right)
    assert points(opened) == 1
    assert opened.text("answer").startswith("Right: ")
    assert opened.text("score") == "Right so far: 1 of 1."
    opened.move("gap", len(figure.gaps) - 1)
    assert opened.text("answer") == "Guess, and you will see."
    guess(opened, "all" if verdict(figure, 0, len(figure.gaps) - 1) != "all" else "none")
    assert opened.text("answer").startswith("Not so: ")
    assert opened.text("score") == "Right so far: 1 of 2."


def test_guesses_last_over_a_reload(opened):
    guess(opened, "all")
    told = opened.text("score")
    kept = "localStorage['senet-book/distances']"
    opened.page.evaluate(f"{kept} = JSON.stringify({{ 'x/1': 3, ...JSON.parse({kept}) }})")  # of another edition
    opened.page.reload()
    opened.page.wait_for_selector('[data-mounted="yes"]')
    opened.settle()
    assert points(opened) == 1 and opened.text("score") == told


def test_a_second_guess_does_not_count_and_the_button_says_why(opened):
    guess(opened, "all")
    told = opened.text("score")
    guess(opened, "none")
    assert opened.text("score") == told
    assert "shown already" in opened.root.locator('[data-guess="none"]').get_attribute("title")


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


def test_show_all_uncovers_each_accuracy_of_the_record(opened, figure):
    opened.set("show_all", True)
    assert points(opened) == len(figure.networks) * len(figure.gaps)
    for place, gap in enumerate(figure.gaps):
        opened.move("gap", place)
        for network, name in enumerate(figure.networks):
            opened.set("network", name)
            finals = figure.accuracies[network, place]
            finals = finals[finals >= 0]
            least, most = f"{finals.min():.2f}", f"{finals.max():.2f}"
            said = opened.text("answer")
            seeds = "one seed" if len(finals) == 1 else f"{len(finals)} seeds"
            assert seeds in said and least in said and most in said, (gap, name)


def test_patience_shows_a_line_for_each_recorded_seed(opened, figure):
    opened.set("show_all", True)
    lines = opened.root.locator(".senet-chart").nth(1).locator(".senet-chart-line")
    for network, place in np.ndindex(len(figure.networks), len(figure.gaps)):
        opened.set("network", figure.networks[network])
        opened.move("gap", place)
        runs = figure.curves[network, place]
        assert lines.count() == 1 + int((runs[:, 0] >= 0).sum())  # and the line of the blind vote
