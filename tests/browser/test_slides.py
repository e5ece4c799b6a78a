"""The deck of slides in a real Chromium: keys go through it, each slide fits, and paper holds one slide a page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import HTML
from tools import slides

pytestmark = pytest.mark.browser

IS_READY = "document.getElementById('place').textContent !== ''"
SHOWN = "[...document.querySelectorAll('.slide')].flatMap((one, index) => one.checkVisibility() ? [index + 1] : [])"
OVERFLOW = """[...document.querySelectorAll('.slide')].filter((one) => one.checkVisibility()).map((one) =>
  Math.max(one.scrollHeight - one.clientHeight, one.scrollWidth - one.clientWidth))"""


@pytest.fixture(scope="module")
def deck(browser, addresses) -> Iterator[Page]:
    assert slides.main() == 0
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    faults: list[str] = []
    page.on("request", lambda one: one.url.startswith(("file:", "data:")) or faults.append(one.url))
    page.on("requestfailed", lambda one: faults.append(one.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((HTML / slides.DECK).as_uri())
    page.wait_for_function(IS_READY)
    yield page
    page.close()
    assert faults == []


def test_keys_go_forward_and_back_and_open_what_is_folded(deck):
    deck.evaluate("location.hash = '1'")
    deck.keyboard.press("ArrowRight")
    deck.wait_for_function(f"{SHOWN}[0] === 2")
    folded = deck.locator(".slide:visible details")
    assert folded.get_attribute("open") is None
    deck.keyboard.press("ArrowRight")
    assert folded.get_attribute("open") is not None and deck.evaluate(SHOWN) == [2]
    deck.keyboard.press("Space")
    deck.wait_for_function(f"{SHOWN}[0] === 3")
    deck.keyboard.press("PageUp")
    deck.wait_for_function(f"{SHOWN}[0] === 2")


def test_each_slide_fits_and_its_formulas_are_set(deck):
    for number in range(1, len(slides.SLIDES) + 1):
        deck.evaluate(f"location.hash = '{number}'")
        deck.wait_for_function(f"{SHOWN}.join() === '{number}'")
        deck.evaluate("document.querySelectorAll('.slide details').forEach((one) => (one.open = true))")
        assert deck.evaluate(OVERFLOW) == [0], f"slide {number} is larger than the window"
    assert deck.locator(".math:not(:has(.katex-html))").count() == 0
    assert deck.locator(".katex-html").count() >= 8


def test_on_paper_there_is_one_slide_a_page(deck):
    assert deck.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == len(slides.SLIDES)
