"""Gates by hand: what the figure counts is what the arithmetic gives, by sliders and by dragging."""

import numpy as np
import pytest

from senet_lib.book.figures.gate_by_hand import GateByHand
from senet_lib.data.context_world import ContextWorld
from tests.browser.figures import Opened, open_figure

pytestmark = pytest.mark.browser

WORLD = ContextWorld.generate(count=600, seed=1)
Z = (WORLD.pictures / 255).mean((2, 3))
WANTED = np.array([scene.cue_colour for scene in WORLD.scenes])[:, None] == np.arange(3)
PLOT = {"left": 44, "right": 12, "top": 34, "floor": 206, "most": 0.15}


def make_figure() -> GateByHand:
    return GateByHand.from_world(WORLD, caption="Drag.")


def count_right(threshold: float, steepness: float) -> tuple[int, int, int]:
    """Pictures with three right gates; gates that do not open enough; gates that do not shut enough."""
    gates = 1 / (1 + np.exp(-steepness * (Z - threshold)))
    wrong = np.abs(gates - WANTED) > 0.1
    return int((~wrong.any(1)).sum()), int((wrong & WANTED).sum()), int((wrong & ~WANTED).sum())


def drag_knob(opened: Opened, start: tuple[float, float], z: float) -> None:
    """Drag from a place of the plot, as z and gate, sideways to z."""
    chart = opened.root.locator(".hand-chart")
    chart.scroll_into_view_if_needed()
    box, mouse = chart.bounding_box(), opened.page.mouse
    across = (box["width"] - PLOT["left"] - PLOT["right"]) / PLOT["most"]
    y = box["y"] + PLOT["floor"] - start[1] * (PLOT["floor"] - PLOT["top"])
    mouse.move(box["x"] + PLOT["left"] + start[0] * across, y)
    mouse.down()
    mouse.move(box["x"] + PLOT["left"] + z * across, y, steps=4)
    mouse.up()
    opened.settle()


def test_threshold_and_steepness_give_the_gates_that_the_arithmetic_gives(opened):
    height, counts = opened.root.bounding_box()["height"], set()
    for threshold, steepness in ((0.03, 50), (0.07, 50), (0.07, 90), (0.07, 200), (0.1, 400), (0.045, 1000), (0.0, 10)):
        opened.move("threshold", threshold)
        opened.move("steepness", steepness)
        right, shut, still_open = count_right(threshold, steepness)
        counts.add(right)
        said = opened.text("result")
        assert opened.number("result") == right
        assert f"right in {'all ' if right == 600 else f'{right} of '}600 pictures" in said
        assert right == 600 or f"open enough: {shut:,}; that do not shut enough: {still_open:,}" in said
        assert opened.root.bounding_box()["height"] == height
    assert {0, 600} < counts, "one of the rules gets all right, one none, and some a part"


def test_dragging_the_two_knobs_finds_gates_that_are_all_right(opened):
    drag_knob(opened, (0.03, 0.5), 0.07)
    assert opened.get("threshold") == pytest.approx(0.07, abs=0.0011)
    knob = opened.get("threshold") + np.log(9) / opened.get("steepness")
    drag_knob(opened, (knob, 0.9), 0.08)
    assert opened.get("steepness") == pytest.approx(np.log(9) / (0.08 - opened.get("threshold")), abs=6)
    assert opened.number("result") == 600 == count_right(opened.get("threshold"), opened.get("steepness"))[0]


def test_a_cue_that_cannot_be_is_named(opened):
    figure = make_figure()
    figure.cues = np.full(600, 3)
    opened.says(figure, "cues holds 3")


def test_the_count_waits_for_a_guess(browser, tmp_path):
    figure = make_figure()
    figure.asks = True
    with open_figure(browser, figure, tmp_path) as asking:
        result = asking.root.locator("[data-name=result]")
        assert "in ? of 600" in result.inner_text()
        asking.click(asking.root.locator('.parts-guess [data-guess="all"]'))
        assert asking.text("guess").startswith("Right. There is a gap") and "?" not in result.inner_text()
