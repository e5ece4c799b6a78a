"""A finger that goes up or down scrolls the page and changes nothing; one that goes sideways sets a value."""

import pytest
from playwright.sync_api import Page

from senet_lib.book.figures.gate_by_hand import GateByHand
from senet_lib.book.figures.gates_on_a_line import GatesOnALine
from senet_lib.book.figures.receptive_field_explorer import ReceptiveFieldExplorer
from tests.browser.figures import html_of, open_html

pytestmark = pytest.mark.browser

# With sliders, and with a chart, lines and a picture that are dragged.
FIGURES = (GateByHand, GatesOnALine, ReceptiveFieldExplorer)
HELD = ".senet-live :is(input[type=range]:not(:disabled), .parts-drag:has(canvas), canvas.parts-drag, svg.senet-chart)"
PLACE = """(one) => {
  one.scrollIntoView({ block: 'center', behavior: 'instant' });
  const { x, y, width, height } = one.getBoundingClientRect();
  return [x + 0.75 * width, y + 0.5 * height];
}"""
STEPS, STEP = 10, 9  # pixels


def values(page: Page) -> list[list[str | None]]:
    held = "[...document.querySelectorAll('input, [role=slider]')]"
    return page.evaluate(f"{held}.map((one) => [one.value, one.ariaValueText])")


def swipe(page: Page, x: float, y: float, across: int, down: int) -> None:
    hand = page.context.new_cdp_session(page)
    points = [{"x": x + index * across, "y": y + index * down} for index in range(STEPS + 1)]
    for index, point in enumerate(points):
        kind = "touchMove" if index else "touchStart"
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    hand.detach()


def test_a_finger_that_scrolls_changes_nothing_and_one_that_goes_sideways_does(browser, tmp_path):
    room = "<div style='height: 1000px'></div>"
    figures = room + "".join(html_of(cls.example()) for cls in FIGURES) + room
    with open_html(browser, figures, tmp_path, width=390) as opened:
        page = opened.page
        opened.page.evaluate("document.querySelectorAll('.senet-figure').forEach((one) => one.scrollIntoView())")
        page.wait_for_function(f"document.querySelectorAll('[data-mounted=yes]').length === {len(FIGURES)}")
        held = [one for one in page.locator(HELD).all() if one.is_visible()]
        assert len(held) >= 6
        for one in held:
            x, y = one.evaluate(PLACE)
            before, top = values(page), page.evaluate("scrollY")
            swipe(page, x, y, 0, -STEP)
            page.wait_for_function("(top) => scrollY > top", arg=top)
            assert values(page) == before, one
            swipe(page, *one.evaluate(PLACE), -STEP // 2, 0)
            opened.settle()
            assert values(page) != before, one
        assert opened.faults == []
