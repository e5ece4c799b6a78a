"""The landing page of the built book: its first screen, the chapters as cards, and which of them have been opened."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import FIRST_SCREENS
from tests.browser.test_pages import CHAPTERS

pytestmark = pytest.mark.browser

# What the theme keeps, it may keep: its own scripts would fail.
REFUSE = """for (const name of ['getItem', 'setItem']) {
  const own = Storage.prototype[name];
  Storage.prototype[name] = function (key, ...rest) {
    if (key.startsWith('senet')) throw new DOMException('refused', 'SecurityError');
    return own.call(this, key, ...rest);
  };
}"""


@pytest.mark.parametrize("size", FIRST_SCREENS, ids=str)
def test_question_figure_and_beginning_stand_in_the_first_screen(visit, size):
    page = visit("book/index", size=size)
    expect(page.locator('[data-name="se answer"]')).not_to_be_empty()
    for seen in (".senet-ask", ".landing-stage", '[data-kind="se"].landing-verdict', ".senet-begin a"):
        box = page.locator(seen).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= size[1], seen
    assert page.locator(".senet-begin a").get_attribute("href").endswith(f"{CHAPTERS[0]}.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_chapter_is_a_card_with_a_drawing_that_keeps_its_colours(visit, scheme):
    page = visit("book/index")
    page.emulate_media(color_scheme=scheme)
    expect(page.locator("html")).to_have_attribute("data-theme", scheme)
    cards = page.locator(".senet-card")
    links = cards.get_by_role("link").evaluate_all("all => all.map((one) => one.href)")
    assert [link.partition("/html/")[2] for link in links] == [f"{chapter}.html" for chapter in CHAPTERS]
    looks = cards.locator("img").evaluate_all(
        "all => all.map((one) => [one.naturalWidth > 0, getComputedStyle(one).filter, one.alt !== ''])"
    )
    assert looks == [[True, "none", True]] * len(CHAPTERS)


@pytest.mark.parametrize("way", ["file", "http"])
def test_chapters_that_were_opened_are_marked_until_the_reader_erases_it(visit, way):
    page = visit("book/index", way)
    assert page.locator(".senet-opened, .senet-progress").count() == 0
    for chapter in (CHAPTERS[0], CHAPTERS[1], CHAPTERS[4], CHAPTERS[0]):
        visit(chapter, way)
    visit("book/index", way)
    assert page.locator(".senet-card:has(.senet-opened)").count() == 3
    line = page.locator(".senet-progress")
    assert "3 of 12" in line.inner_text()
    assert line.get_by_role("link").get_attribute("href").endswith(f"{CHAPTERS[2]}.html")
    line.get_by_role("button", name="Erase").click()
    assert page.locator(".senet-opened, .senet-progress").count() == 0
    assert visit("book/index", way).locator(".senet-opened, .senet-progress").count() == 0


def test_a_browser_that_refuses_to_keep_anything_shows_the_pages_all_the_same(visit):
    page = visit("book/notation")
    page.add_init_script(REFUSE)
    visit(CHAPTERS[0])
    visit("book/index")
    assert page.locator(".senet-card").count() == len(CHAPTERS)
    assert page.locator(".senet-progress").count() == 0
