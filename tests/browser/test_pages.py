"""Every page of the built book, in a real Chromium, from a server and from a folder, with all other hosts blocked."""

import functools
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import yaml
from jupyter_cache import get_cache
from myst_nb.core.read import myst_nb_reader_plugin

from tests.browser.audit import Audit, audit
from tests.browser.conftest import ROOT, serve
from tools.execute import CACHE, list_sources, list_warnings

pytestmark = pytest.mark.browser


def list_pages() -> list[str]:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    return [contents["root"], *chapters]


PAGES = [*list_pages(), "search", "genindex"]
CHAPTERS = [page for page in list_pages() if page.startswith("notebooks/")]


# How a page is looked at: the width of the window and the reader's colour scheme. It is loaded in the first.
WIDTHS = (1440, 768, 390)
VIEWS = {
    "http": list(product(WIDTHS, ("light", "dark"))),
    "file": list(product((390, 1440), ("dark", "light"))),
}
LOOKS = [(way, *view) for way, views in VIEWS.items() for view in views]


@pytest.fixture(scope="session")
def audited(browser, addresses) -> Callable[..., Audit]:
    """``audited(page, "http", 1440, "light")``: what that page showed. Each is opened once, whoever asks."""

    @functools.cache
    def look(page: str, way: str) -> dict[tuple[int, str], Audit]:
        address = f"{addresses[way]}/{page}.html"
        found = audit(browser, address, addresses[way], VIEWS[way], thorough=way == "http")
        return dict(zip(VIEWS[way], found, strict=True))

    return lambda page, way, width, scheme: look(page, way)[width, scheme]


@pytest.mark.parametrize(("way", "width", "scheme"), LOOKS)
@pytest.mark.parametrize("page", PAGES)
def test_page_is_complete_and_calm_for_every_reader_and_asks_nobody_else(audited, page, way, width, scheme):
    assert audited(page, way, width, scheme).problems == []


@pytest.mark.parametrize("source", list_sources(), ids=lambda source: source.stem)
def test_no_cell_shows_a_warning(source):
    cache = get_cache(CACHE)
    record = cache.match_cache_notebook(myst_nb_reader_plugin(str(source)))
    assert list_warnings(cache.get_cache_bundle(record.pk).nb) == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_chapter_has_typeset_mathematics(audited, page):
    assert audited(page, "http", 1440, "light").formulas >= 5


@pytest.mark.parametrize("page", CHAPTERS)
def test_chapter_has_live_figures(audited, page):
    found = audited(page, "file", 1440, "light")
    assert found.figures >= 1 and found.problems == []


def test_front_door_leads_to_the_landing_page(browser, addresses):
    page = browser.new_page()
    page.goto(f"{addresses['file']}/index.html")
    page.wait_for_url("**/book/index.html")
    assert "Squeeze-and-Excitation" in page.get_by_role("heading", level=1).inner_text()
    page.close()


def test_what_goes_on_behind_an_edge_fades_there(browser, addresses):
    """On a phone. What fits has hard edges, and so has the end of what was scrolled."""
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(f"{addresses['http']}/{CHAPTERS[0]}.html")
    looks = """() => {
      const seen = [...document.querySelectorAll('.bd-article pre')].filter((one) => one.checkVisibility());
      const fade = (one, side) => parseFloat(getComputedStyle(one).getPropertyValue(`--fade-${side}`));
      return seen.map((one) => [one.scrollWidth - one.clientWidth, [fade(one, 'left'), fade(one, 'right')]]);
    }"""
    found = page.evaluate(looks)
    assert {tuple(fade) for rest, fade in found if rest <= 0} == {(0, 0)}
    assert all(left == 0 and right > 20 for rest, (left, right) in found if rest > 50)
    page.evaluate("document.querySelectorAll('.bd-article pre').forEach((one) => { one.scrollLeft = 1e6; })")
    page.wait_for_timeout(200)
    assert all(left > 10 and right == 0 for rest, (left, right) in page.evaluate(looks) if rest > 50)
    page.close()


def test_a_solution_opens_from_the_keyboard(browser, addresses):
    page = browser.new_page()
    page.goto(f"{addresses['http']}/{CHAPTERS[0]}.html")
    solution = page.locator("details:has(> summary:text-is('Solution'))").first
    code = solution.locator("pre").first
    assert not code.is_visible()
    solution.locator("summary").focus()
    page.keyboard.press("Enter")
    assert code.is_visible()
    page.close()


BAD_PAGE = """<!doctype html><html data-theme="dark"><body><article class="bd-article">
<style>h1 { height: 300px; }</style>
<img src="missing.png"><img src="https://example.org/pixel.png" alt="pixel">
<div style="width: 600px">wide</div>
<svg width="200" height="40"><text y="20">one text</text><text y="24" x="30">another</text></svg>
<button style="margin-bottom: -1rem; display: block">A button</button><button style="color: #ccc">and another</button>
<div class="senet-figure"></div><span class="math">\\(x\\)</span>
<script>
const article = document.querySelector("article");
setTimeout(() => {
  article.prepend(document.createElement("h1"), "late");
  document.querySelector(".senet-figure").dataset.mounted = "no";
}, 300);
throw new Error("oops");</script>
</article></body></html>"""


def test_the_audit_finds_what_it_looks_for(browser, tmp_path: Path):
    """Otherwise a test above could pass because the audit is blind."""
    (tmp_path / "bad.html").write_text(BAD_PAGE)
    server = serve(tmp_path)
    home = f"http://127.0.0.1:{server.server_port}"
    problems = "\n".join(audit(browser, f"{home}/bad.html", home, [(390, "light")], thorough=True)[0].problems)
    server.shutdown()
    for sign in (
        "asks another host: https://example.org/pixel.png",
        "script error: oops",
        "1 of 1 formulas are not typeset",
        "px wide in a window of 390 px",
        "a figure is not alive",
        "what is read jumps by 0.",
        '"one text" and "another" lie on each other',
        'button "A button" and button "and another" lie on each other',
        "color-contrast: ",
        "the page is dark, but the reader's system is light",
        f"broken picture: {home}/missing.png",
        f"picture without a description: {home}/missing.png",
    ):
        assert sign in problems
