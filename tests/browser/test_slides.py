"""The decks in a real Chromium: keys go through them, each slide fits, figures live, paper holds one slide a page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import HTML
from tools import slides

pytestmark = pytest.mark.browser

IS_READY = "document.getElementById('place').textContent !== ''"
SHOWN = "slides.flatMap((one, index) => one.checkVisibility() ? [index + 1] : [])"
OVERFLOW = """slides.filter((one) => one.checkVisibility()).map((one) =>
  Math.max(one.scrollHeight - one.clientHeight, one.scrollWidth - one.clientWidth))"""
# A figure is no smaller than three quarters of its size in the book, or so.
IS_WHOLE = "() => document.documentElement.scrollHeight <= innerHeight && document.body.style.zoom > 0.72"
HAS_ITS_PICTURES = "[...slides[current()].querySelectorAll('img')].every((one) => one.naturalWidth > 0)"


@pytest.fixture(scope="module", params=slides.PLANS)
def deck(browser, addresses, request) -> Iterator[Page]:
    assert slides.main() == 0
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    faults: list[str] = []
    page.on("request", lambda one: one.url.startswith(("file:", "data:", "blob:")) or faults.append(one.url))
    page.on("requestfailed", lambda one: faults.append(one.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((HTML / slides.FOLDER / f"{request.param}.html").as_uri())
    page.wait_for_function(IS_READY)
    yield page
    page.close()
    assert faults == []


def press(deck: Page, key: str, expected: int) -> None:
    deck.keyboard.press(key)
    deck.wait_for_function(f"{SHOWN}.join() === '{expected}'")


def test_keys_go_forward_and_back_and_to_both_ends_and_show_the_notes(deck):
    deck.evaluate("location.hash = '1'")
    for key, expected in {"ArrowRight": 2, "Space": 3, "PageUp": 2, "End": deck.evaluate("slides.length")}.items():
        press(deck, key, expected)
    press(deck, "Home", 1)
    assert not deck.locator(".notes:visible").count()
    deck.keyboard.press("n")
    assert deck.locator(".notes:visible").inner_text()
    deck.keyboard.press("n")


def test_each_slide_fits_its_figure_lives_and_its_pictures_and_formulas_are_there(deck):
    for number in range(1, deck.evaluate("slides.length") + 1):
        deck.evaluate(f"location.hash = '{number}'")
        deck.wait_for_function(f"{SHOWN}.join() === '{number}'")
        deck.evaluate("slides[current()].querySelectorAll('details').forEach((one) => (one.open = true))")
        assert deck.evaluate(OVERFLOW) == [0], f"slide {number} is larger than the window"
        assert deck.evaluate(HAS_ITS_PICTURES), number
        if deck.locator("iframe:visible").count():
            figure = deck.frame_locator("iframe:visible").locator('.senet-figure[data-mounted="yes"]')
            figure.wait_for()
            assert figure.evaluate(IS_WHOLE), f"the figure of slide {number} is higher than the slide"
    assert deck.locator(".math:not(:has(.katex-html))").count() == 0
    assert deck.locator(".katex-html").count() >= 8


def test_a_figure_grows_with_the_screen_and_a_clicker_goes_on_from_inside_it(deck):
    number = 1 + deck.evaluate("slides.findIndex((one) => one.querySelector('iframe'))")
    deck.evaluate(f"location.hash = '{number}'")
    figure = deck.frame_locator("iframe:visible").locator(".senet-guess, .senet-body").first
    figure.click(position={"x": 4, "y": 4})
    press(deck, "PageDown", number + 1)
    press(deck, "PageUp", number)
    before = figure.bounding_box()["width"]
    deck.set_viewport_size({"width": 1920, "height": 1080})
    assert figure.bounding_box()["width"] > 1.3 * before
    deck.set_viewport_size({"width": 1280, "height": 720})


def test_on_paper_there_is_one_slide_a_page(deck):
    assert deck.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == deck.evaluate("slides.length")
