"""What a page loads is little, and what lean_pages.py left out is not missed: icons, menus, sidebars, search."""

import io
from collections.abc import Iterator
from itertools import product

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.audit import COUNT_MATH_ERRORS
from tests.browser.conftest import HTML
from tests.browser.test_pages import CHAPTERS, PAGES
from tools.addresses import find_repository

pytestmark = pytest.mark.browser

HOME = "book/notation"  # has no figure, and the same header as all others
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 800}


@pytest.fixture
def visit(browser, addresses) -> Iterator:
    """Opens a page in a window of its own. At the end, no page may have had a script error."""
    contexts, errors = [], []

    def open_page(name: str, way: str = "http", viewport: dict = WIDE, **options) -> Page:
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        # A browser asks each server for this file; it is no part of a page.
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{addresses[way]}/{name}.html")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def colours(element: Locator) -> int:
    """How many shades of grey a screenshot of an element has: 1 if nothing is drawn."""
    return len(Image.open(io.BytesIO(element.screenshot())).convert("L").getcolors())


def test_every_button_of_the_header_has_a_name_and_shows_something(visit):
    page = visit(HOME)
    for viewport, scheme in product((WIDE, NARROW), ("light", "dark")):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)
        page.locator(f"html[data-theme={scheme}]").wait_for()
        header = page.locator(".bd-header-article")
        shown = header.locator(".btn").filter(visible=True).all()
        assert len(shown) >= 4
        assert [button.get_attribute("class") for button in shown if colours(button) < 5] == []
    names = ["Toggle primary sidebar", *MENUS, "Fullscreen mode", "Color mode", "Search", "Toggle secondary sidebar"]
    assert [header.get_by_role("button", name=name, exact=True).count() for name in names] == [1] * len(shown)


def test_the_copy_button_has_its_icon_and_copies(visit):
    page = visit(CHAPTERS[0], permissions=["clipboard-read", "clipboard-write"])
    code = page.locator("div.highlight:visible").first
    code.hover()
    button = code.locator("button.copybtn")
    assert colours(button) > 5
    button.click()
    page.locator("button.copybtn.success").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").strip() == code.locator("pre").inner_text().strip()


OF_THE_REPOSITORY = ["Launch interactive content", "Source repositories"]
MENUS = [*(OF_THE_REPOSITORY if find_repository().is_real else []), "Download this page"]


def find_menu(page: Page, label: str) -> tuple[Locator, Locator]:
    """A button of the header and its menu."""
    button = page.get_by_role("button", name=label)
    return button, button.locator("+ .dropdown-menu")


@pytest.mark.parametrize("way", ["http", "file"])
def test_a_menu_opens_on_the_first_click(visit, way):
    page = visit(HOME, way)
    for viewport, label in product((WIDE, NARROW), MENUS):
        page.set_viewport_size(viewport)
        button, menu = find_menu(page, label)
        button.click()
        # The theme shows a menu below the pointer anyway.
        page.mouse.move(5, 600)
        assert menu.is_visible()
        assert button.get_attribute("aria-expanded") == "true"
        box = menu.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= viewport["width"]
        assert all(item.is_visible() for item in menu.locator(".dropdown-item").all())
        page.mouse.click(5, 600)
        assert not menu.is_visible()
        assert button.get_attribute("aria-expanded") == "false"


def test_a_second_menu_closes_the_first_and_a_second_click_closes_its_own(visit):
    page = visit(HOME)
    page.locator(".bd-header-article .dropdown").last.evaluate("one => one.after(one.cloneNode(true))")
    buttons, menus = find_menu(page, MENUS[-1])
    (first, first_menu), (second, second_menu) = ((buttons.nth(place), menus.nth(place)) for place in (0, 1))
    first.click()
    second.click()
    assert not first_menu.is_visible() and second_menu.is_visible()
    second.click()
    page.mouse.move(5, 600)
    assert not second_menu.is_visible()


@pytest.mark.parametrize("label", MENUS)
def test_a_menu_opens_by_touch(visit, label):
    page = visit(HOME, viewport=NARROW, has_touch=True, is_mobile=True)
    button, menu = find_menu(page, label)
    button.tap()
    assert menu.is_visible()
    assert button.get_attribute("aria-expanded") == "true"


@pytest.mark.parametrize("label", MENUS)
def test_a_menu_works_from_the_keyboard(visit, label):
    page = visit(HOME)
    button, menu = find_menu(page, label)
    items = menu.locator(".dropdown-item")
    has_focus = "one => one === document.activeElement"
    for key in ("Enter", "Space"):
        button.focus()
        page.keyboard.press(key)
        assert menu.is_visible()
        page.keyboard.press("Tab")
        assert items.first.evaluate(has_focus)
        page.keyboard.press("Escape")
        assert not menu.is_visible() and button.evaluate(has_focus)
    page.keyboard.press("ArrowDown")
    assert menu.is_visible() and items.first.evaluate(has_focus)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert items.last.evaluate(has_focus)
    page.keyboard.press("Tab")
    assert not menu.is_visible(), "who leaves a menu leaves it closed"
    assert page.evaluate("window.scrollY") == 0


def test_the_keyboard_sees_the_name_of_a_button(visit):
    page = visit(HOME)
    page.locator(".btn-fullscreen-button").focus()
    page.keyboard.press("Tab")
    tip = "getComputedStyle(document.activeElement, '::after').content"
    assert page.evaluate(tip) == '"Color mode"'
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(tip) == '"Fullscreen mode"'


def test_the_chapter_list_can_be_put_away_and_brought_back(visit):
    page = visit(HOME)
    chapters = page.locator("#pst-primary-sidebar")
    toggle = page.get_by_role("button", name="Toggle primary sidebar")
    toggle.click()
    chapters.wait_for(state="hidden")
    toggle.click()
    chapters.wait_for(state="visible")


@pytest.mark.parametrize(
    ("label", "dialog", "text"),
    [
        ("Toggle primary sidebar", "#pst-primary-sidebar-modal", "Recorded results"),
        ("Toggle secondary sidebar", "#pst-secondary-sidebar-modal", "Contents"),
    ],
    ids=["chapters", "contents"],
)
def test_a_sidebar_opens_on_a_phone(visit, label, dialog, text):
    page = visit(CHAPTERS[0], viewport=NARROW)
    toggle, sidebar = page.get_by_role("button", name=label), page.locator(dialog)
    for open_it in (toggle.click, lambda: toggle.press("Enter")):
        open_it()
        sidebar.wait_for(state="visible")
        assert sidebar.get_by_text(text).first.is_visible()
        page.keyboard.press("Escape")
        sidebar.wait_for(state="hidden")


def test_the_theme_switch_goes_round_and_shows_where_it_is(visit):
    page = visit(HOME, color_scheme="light")
    seen = []
    for _ in range(3):
        page.get_by_role("button", name="Color mode").click()
        (shown,) = page.locator(".theme-switch").filter(visible=True).all()
        mode = page.locator("html").get_attribute("data-mode")
        assert shown.get_attribute("data-mode") == mode
        seen.append((mode, page.locator("html").get_attribute("data-theme")))
    assert sorted(seen) == [("auto", "light"), ("dark", "dark"), ("light", "light")]


def test_fullscreen_mode_is_entered_and_left(visit):
    page = visit(HOME)
    button = page.get_by_role("button", name="Fullscreen mode")
    button.click()
    page.wait_for_function("document.fullscreenElement !== null")
    button.click()
    page.wait_for_function("document.fullscreenElement === null")


def test_the_button_to_the_top_comes_when_one_scrolls_up(visit):
    page = visit(CHAPTERS[0], viewport=NARROW)  # the theme shows it on narrow screens only
    to_top = page.get_by_role("button", name="Back to top")
    page.mouse.move(200, 400)
    page.evaluate("window.scrollTo(0, 2000)")
    page.wait_for_function("window.scrollY === 2000")
    assert not to_top.is_visible()
    page.mouse.wheel(0, -300)
    to_top.wait_for(state="visible")
    to_top.click()
    page.wait_for_function("window.scrollY === 0")


def test_the_list_of_contents_follows_jumps_in_both_directions(visit):
    page = visit("notebooks/03_excitation")
    lit = page.locator("#pst-page-toc-nav a[aria-current]")
    titles = page.locator("#pst-page-toc-nav a").all_inner_texts()
    top, end = "scrollTo(0, 0)", "scrollTo(0, document.body.scrollHeight)"
    inside = "document.querySelector('#why-a-sigmoid').scrollIntoView()"
    for jump, expected in [(end, titles[-1]), (top, None), (inside, "3.4. Why a sigmoid?"), (top, None)]:
        page.evaluate(jump)
        expect(lit).to_have_text([expected] if expected else [])


@pytest.mark.parametrize(("way", "viewport"), [("button", NARROW), ("keys", WIDE)])
def test_search_finds_words_from_any_page(visit, way, viewport):
    page = visit(HOME, viewport=viewport)
    if way == "button":
        page.get_by_role("button", name="Search").filter(visible=True).first.click()
    else:
        page.keyboard.press("Control+k")
    page.get_by_role("searchbox").fill("sigmoid")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=sigmoid")
    results = page.locator("#search-results li a")
    results.first.wait_for()
    first = [one.split("\n")[0] for one in results.all_inner_texts()[:3]]
    assert any("Glossary" in one for one in first) and any("Excitation" in one for one in first), first
    # The page that was found is as it always is: no word in it is marked, no formula broken.
    results.filter(has_text="Excitation").first.click()
    page.wait_for_url("**/notebooks/*.html*")
    assert page.evaluate(COUNT_MATH_ERRORS) == 0
    assert page.locator(".highlighted, .highlight-link").count() == 0


def test_search_finds_words_in_a_folder(browser, addresses):
    """Not with ``visit``: in a folder, Sphinx may not read the pages for their first lines, and says so as an error."""
    page = browser.new_page()
    page.goto(f"{addresses['file']}/search.html?q=sigmoid")
    page.locator("#search-results li a").first.wait_for()
    page.close()


def test_this_file_looks_at_all_pages():
    built = {path.relative_to(HTML).with_suffix("").as_posix() for path in HTML.rglob("*.html")}
    others = {name for name in built if name == "index" or name.startswith(("_static/", "vendor/", "slides/"))}
    assert built - others == set(PAGES)


def test_search_shows_a_page_once_and_quotes_its_text_not_its_buttons(visit):
    page = visit("search")
    page.goto(page.url.partition("?")[0] + "?q=squeeze")
    results = page.locator("ul.search li")
    page.wait_for_function("document.querySelectorAll('ul.search li p.context').length > 5")
    links = results.locator("a").evaluate_all("all => all.map((one) => one.href.split(/[#?]/)[0])")
    assert len(set(links)) == len(links) > 5
    said = " ".join(results.all_inner_texts())
    for quoted in ("System Settings", "Show the code", "Contents", "mathbf"):
        assert quoted not in said


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", ["book/index", CHAPTERS[0], CHAPTERS[3]])
def test_no_text_moves_when_pictures_come_late(browser, addresses, name, viewport):
    page = browser.new_page(viewport=viewport)
    held = []
    page.route("**/*.svg", lambda route: held.append(route))
    page.goto(f"{addresses['http']}/{name}.html", wait_until="domcontentloaded")
    places = """() => [...document.querySelectorAll(':is(h1, h2, h3, p):not(.senet-figure *)')].map(
      (one) => one.getBoundingClientRect().top)"""
    page.evaluate("document.fonts.ready")
    before = page.evaluate(places)
    assert held
    for picture in held:
        picture.continue_()
    page.wait_for_function("[...document.images].every((one) => one.complete && one.naturalWidth > 0)")
    assert page.evaluate(places) == pytest.approx(before, abs=3)  # parts of pixels
    page.close()
