"""Every page of the built book, in a real Chromium, from a server and from a folder, with all other hosts blocked."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.browser.audit import Audit, audit
from tests.browser.conftest import ROOT, serve

pytestmark = pytest.mark.browser


def list_pages() -> list[str]:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    return [contents["root"], *chapters]


CHAPTERS = [page for page in list_pages() if page.startswith("notebooks/")]


# How a page is looked at: the width of the window and the reader's colour scheme. It is loaded in the first.
VIEWS = {
    "http": ((1280, "light"), (1280, "dark"), (390, "dark"), (390, "light")),
    "file": ((390, "dark"), (390, "light"), (1280, "light"), (1280, "dark")),
}


@pytest.fixture(scope="session")
def audited(browser, addresses) -> Callable[..., Audit]:
    """``audited(page, "http", 1280, "light")``: what that page showed. Each is opened once, whoever asks."""

    @functools.cache
    def look(page: str, way: str) -> dict[tuple[int, str], Audit]:
        found = audit(browser, f"{addresses[way]}/{page}.html", addresses[way], VIEWS[way])
        return dict(zip(VIEWS[way], found, strict=True))

    return lambda page, way, width, scheme: look(page, way)[width, scheme]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("way", ["http", "file"])
@pytest.mark.parametrize("page", list_pages())
def test_page_is_complete_and_asks_nobody_else(audited, page, way, width, scheme):
    assert audited(page, way, width, scheme).problems == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_chapter_has_typeset_mathematics(audited, page):
    assert audited(page, "http", 1280, "light").formulas >= 5


@pytest.mark.parametrize("page", CHAPTERS)
def test_chapter_has_live_figures(audited, page):
    found = audited(page, "file", 1280, "light")
    assert found.figures >= 1 and found.problems == []


def test_front_door_leads_to_the_landing_page(browser, addresses):
    page = browser.new_page()
    page.goto(f"{addresses['file']}/index.html")
    page.wait_for_url("**/book/index.html")
    assert "Squeeze-and-Excitation" in page.get_by_role("heading", level=1).inner_text()
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
<img src="missing.png"><img src="https://example.org/pixel.png" alt="pixel">
<div style="width: 600px">wide</div><div class="senet-figure" data-mounted="no"></div><span class="math">\\(x\\)</span>
<script>window.MathJax = {startup: {promise: Promise.resolve()}}; throw new Error("oops")</script>
</article></body></html>"""


def test_the_audit_finds_what_it_looks_for(browser, tmp_path: Path):
    """Otherwise a test above could pass because the audit is blind."""
    (tmp_path / "bad.html").write_text(BAD_PAGE)
    server = serve(tmp_path)
    home = f"http://127.0.0.1:{server.server_port}"
    problems = "\n".join(audit(browser, f"{home}/bad.html", home, [(390, "light")])[0].problems)
    server.shutdown()
    for sign in (
        "asks another host: https://example.org/pixel.png",
        "script error: oops",
        "1 of 1 formulas are not typeset",
        "px wide in a window of 390 px",
        "a figure is not alive",
        "the page is dark, but the reader's system is light",
        f"broken picture: {home}/missing.png",
        f"picture without a description: {home}/missing.png",
    ):
        assert sign in problems
