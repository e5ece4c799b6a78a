"""The self-test of a chapter, in a real Chromium: an answer shows whether it is right when it is opened, not before."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.test_pages import CHAPTERS

pytestmark = pytest.mark.browser

LOOK = """row => {
  const [own, mark] = [getComputedStyle(row), getComputedStyle(row.querySelector('summary'), '::before')];
  return {content: mark.content, colour: mark.color, circle: mark.borderTopWidth, frame: own.borderTopColor};
}"""
MARKS = {True: '"✓"', False: '"✗"'}


WAYS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "without scripts": {"java_script_enabled": False},
}


@pytest.fixture(scope="module", params=WAYS)
def page(request, browser, addresses) -> Iterator[Page]:
    """The first chapter, on a phone."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, **WAYS[request.param])
    page = context.new_page()
    page.goto(f"{addresses['file']}/{CHAPTERS[0]}.html")
    yield page
    context.close()


def options(page: Page) -> list[Locator]:
    return page.locator("details.senet-option").all()


def is_right(option: Locator) -> bool:
    return "senet-right" in (option.get_attribute("class") or "").split()


def test_all_answers_look_alike_until_they_are_opened(page):
    looks = [option.evaluate(LOOK) for option in options(page)]
    assert len(looks) >= 9 and all(look == looks[0] for look in looks)
    assert looks[0]["content"] == '""' and looks[0]["circle"] == "2px"


def test_an_answer_is_a_row_that_a_finger_hits(page):
    widths = set()
    for option in options(page):
        box = option.locator("summary").bounding_box()
        assert box and box["height"] >= 24
        widths.add(round(box["width"]))
    assert len(widths) == 1 and widths.pop() > 300


def test_an_opened_answer_shows_its_mark_and_its_reason(page):
    for option in options(page):
        reason = option.locator("p")
        assert not reason.is_visible()
        option.locator("summary").click()
        assert reason.is_visible()
        look = option.evaluate(LOOK)
        assert look["content"] == MARKS[is_right(option)] and look["frame"] == look["colour"]
        option.locator("summary").click()


def test_on_paper_all_answers_are_open_and_marked(page):
    page.emulate_media(media="print")
    for option in options(page):
        assert option.locator("p").is_visible()
        assert option.evaluate(LOOK)["content"] == MARKS[is_right(option)]
    page.emulate_media(media="screen")
