"""Every page of the built book, in a real Chromium, from a server and from a folder, with all other hosts blocked."""

from pathlib import Path

import pytest
import yaml
from jupyter_cache import get_cache
from myst_nb.core.read import myst_nb_reader_plugin

from tests.browser.audit import audit
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
VIEWS = {"http": [(1440, "light"), (1440, "dark"), (768, "light"), (390, "dark")], "file": [(390, "dark")]}


@pytest.mark.parametrize("way", VIEWS)
@pytest.mark.parametrize("page", PAGES)
def test_page_is_complete_and_calm_for_every_reader_and_asks_nobody_else(browser, addresses, page, way):
    found = audit(browser, f"{addresses[way]}/{page}.html", addresses[way], VIEWS[way], thorough=way == "http")
    assert found.problems == []
    if page in CHAPTERS:
        assert found.figures >= 1 and found.formulas >= 5


@pytest.mark.parametrize("source", list_sources(), ids=lambda source: source.stem)
def test_no_cell_shows_a_warning(source):
    cache = get_cache(CACHE)
    record = cache.match_cache_notebook(myst_nb_reader_plugin(str(source)))
    assert list_warnings(cache.get_cache_bundle(record.pk).nb) == []


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
    page.wait_for_function(f"({looks})().every(([rest, [left, right]]) => rest <= 50 || (left > 10 && right === 0))")
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
<svg class="svg-inline--fa" width="40" height="40"><path d="M0 0H5V5H0"/></svg><i class="fa-sun"></i>
<svg width="200" height="40"><text y="20">one text</text><text y="24" x="30">another</text></svg>
<button style="margin-bottom: -1rem; display: block">A button</button><button style="color: #ccc">and another</button>
<script type="application/json">SPACE</script><div class="senet-figure"></div><span class="math">\\(x\\)</span>
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
    (tmp_path / "bad.html").write_text(BAD_PAGE.replace("SPACE", 300_001 * " "))
    server = serve(tmp_path)
    home = f"http://127.0.0.1:{server.server_port}"
    problems = "\n".join(audit(browser, f"{home}/bad.html", home, [(390, "light")], thorough=True).problems)
    server.shutdown()
    for sign in (
        "only 1 icons are seen",
        "an icon of 40,40,5,5 px",
        "no picture: fa-sun",
        "no scripts are loaded",
        "300001 bytes of data",
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
