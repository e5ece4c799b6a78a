"""The gates on a line: at a dragged h they are the arithmetic's, as is the difference; nothing changes its height."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from senet_lib.book.figures.gates_on_a_line import GatesOnALine
from tests.browser.figures import Opened, open_figure

pytestmark = pytest.mark.browser

FIGURE = GatesOnALine.example()
COUNT = len(FIGURE.weights)
PICKS = [(7, 9), (7, 8), (0, 3), (2, 5), (4, 11)]


def gates_at(h: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(FIGURE.biases + FIGURE.weights * h)))


def drag_to(opened: Opened, share: float) -> None:
    """Press at the left end of the chart's axis, and drag to a place on it."""
    box = opened.root.locator(".line-chart .senet-chart").bounding_box()
    left, right = box["x"] + 40, box["x"] + box["width"] - 10
    opened.page.mouse.move(left, box["y"] + 100)
    opened.page.mouse.down()
    opened.page.mouse.move(left + share * (right - left), box["y"] + 150, steps=4)
    opened.page.mouse.up()
    opened.settle()


@pytest.mark.parametrize("width", [390, 1100])
def test_the_gates_at_a_dragged_h_are_those_of_the_arithmetic(browser, tmp_path, width):
    with open_figure(browser, FIGURE, tmp_path, width=width) as opened:
        most = float(opened.root.locator("input[type=range]").get_attribute("max"))
        for share in (0, 0.3, 0.62, 1):
            drag_to(opened, share)
            h = opened.get("hidden")
            assert h == pytest.approx(share * most, abs=0.02)
            for label in ("all gates at this h, the one to add", "all gates at this h, the one to subtract"):
                assert opened.values(label) == pytest.approx(gates_at(h).tolist(), abs=1e-6)
        assert opened.faults == []


@pytest.mark.parametrize(("plus", "minus"), PICKS)
def test_the_difference_of_two_gates_is_read_and_judged(browser, tmp_path, plus, minus):
    with open_figure(browser, FIGURE, tmp_path) as opened:
        opened.set_all(plus=plus, minus=minus, hidden=1.7)
        difference = gates_at(1.7)
        assert opened.number("now") == pytest.approx(difference[plus] - difference[minus], abs=1e-6)
        at_cues = [gates_at(h)[plus] - gates_at(h)[minus] for h in FIGURE.cues[:, 1]]
        assert [opened.number(cue) for cue in ("red", "green", "blue")] == pytest.approx(at_cues, abs=1e-6)
        above = at_cues[1] - max(at_cues[0], at_cues[2])
        sentence = opened.text("sentence")
        assert sentence.startswith("A hump:") == (above > 0.1)
        assert ("highest at" in sentence) == (above <= 0)
        assert f"{abs(above):.2f}" in sentence or above <= 0


def test_some_pair_makes_a_hump_and_no_single_gate_does():
    at_cues = np.array([gates_at(h) for h in FIGURE.cues[:, 1]])  # (3, C)
    assert all(min(low, high) <= middle <= max(low, high) for low, middle, high in at_cues.T)
    differences = [at_cues[:, plus] - at_cues[:, minus] for plus, minus in permutations(range(COUNT), 2)]
    assert max(one[1] - max(one[0], one[2]) for one in differences) > 0.2


def test_bars_choose_the_two_gates_by_press_and_by_key(browser, tmp_path):
    with open_figure(browser, FIGURE, tmp_path) as opened:
        for trait, gate in (("plus", 5), ("minus", 11)):
            bars = opened.root.locator(f'[data-pick="{trait}"] canvas')
            width = bars.bounding_box()["width"]
            bars.click(position={"x": (gate + 0.5) * width / COUNT, "y": 20})
            opened.settle()
            assert opened.get(trait) == gate
            opened.press("ArrowLeft", on=bars)
            assert opened.get(trait) == gate - 1
            assert f" gate {gate - 1}" in opened.root.locator(f'[data-pick="{trait}"]').inner_text()


def test_nothing_changes_its_height_in_use(browser, tmp_path):
    with open_figure(browser, FIGURE, tmp_path) as opened:
        for width in (320, 390, 822, 1100):
            opened.look(width, "light")
            found = set()
            for h, (plus, minus) in zip((0, 0.95, 1.7, 2.65, 3.2), PICKS, strict=True):
                opened.set_all(hidden=h, plus=plus, minus=minus)
                track = opened.root.locator("input[type=range]").bounding_box()
                found.add((opened.root.bounding_box()["height"], track["width"], track["y"]))
            assert len(found) == 1, (width, found)
            opened.fits(".senet-frame", ".senet-body")


def test_mistakes_are_named(browser, tmp_path, refused):
    with refused("3 weights for 2 biases", "give both"):
        GatesOnALine.from_block([1, 2, 3], [1, 2], [[0]] * 3)
    with refused("hidden_by_cue has 2 lists", "red, green, blue"):
        GatesOnALine.from_block([1], [1], [[0]] * 2)
    with open_figure(browser, FIGURE, tmp_path) as opened:
        bad: list[tuple[str, Any, str]] = [
            ("plus", COUNT, f"plus is {COUNT}; it must be a whole number from 0 to {COUNT - 1}"),
            ("minus", -1, "minus is -1"),
            ("hidden", 9, "hidden is 9; it must be from 0 to"),
        ]
        for trait, value, fault in bad:
            opened.refuses(fault, **{trait: value})
    bad_cues = GatesOnALine(weights=[1.0], biases=[0.0], cues=[[0, 0, 0], [1, 0.5, 2], [3, 3, 3]], minus=0)
    with open_figure(browser, bad_cues, tmp_path) as opened:
        assert "cues has 1, 0.5, 2 for green" in (opened.problem or "")


def test_the_still_picture_draws_the_pair():
    figure = GatesOnALine.example()
    figure.plus, figure.minus = 7, 9
    _, below = figure.draw_still().axes
    h, difference = below.lines[0].get_data()
    expected = [gates_at(one)[7] - gates_at(one)[9] for one in h]
    assert difference.tolist() == pytest.approx(expected, abs=1e-6)
