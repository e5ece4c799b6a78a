"""The archive of the book, unpacked: its pages work from a folder, and it is the same each time."""

import re
import zipfile
from pathlib import Path

import pytest

import senet_lib
from tests.browser.audit import audit
from tests.browser.conftest import HTML
from tests.browser.test_pages import CHAPTERS
from tools.archive import FOLDER, list_files, pack

pytestmark = pytest.mark.browser

# Of the pages from a folder, which test_pages.py looks at: one with a network, and one with large figures.
PAGES = ("book/index", CHAPTERS[-1])
TEXTS = {".css", ".html", ".ipynb", ".js", ".json", ".md", ".mjs", ".txt", ".xml"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    if not (HTML / "index.html").exists():
        pytest.fail("there is no built book; run: make book")
    folder = tmp_path_factory.mktemp("archive")
    pack(list_files(HTML), folder / "book.zip")
    return folder / "book.zip"


@pytest.fixture(scope="module")
def unpacked(archive) -> Path:
    with zipfile.ZipFile(archive) as book:
        assert {Path(name).parts[0] for name in book.namelist()} == {FOLDER}
        book.extractall(archive.parent)
    return archive.parent / FOLDER


def test_archive_holds_the_book_the_notebooks_and_the_library(unpacked):
    assert {"index.html", "READ-ME-FIRST.txt", "LICENSE"} <= {path.name for path in unpacked.iterdir()}
    names = {path.name for path in (unpacked / "jupyter").iterdir()}
    wheel = f"senet_lib-{senet_lib.__version__}-py3-none-any.whl"
    assert names == {f"{Path(chapter).name}.ipynb" for chapter in CHAPTERS} | {wheel}
    assert wheel in (unpacked / "READ-ME-FIRST.txt").read_text(encoding="utf-8")
    with zipfile.ZipFile(unpacked / "jupyter" / wheel) as library:
        assert "senet_lib/networks/squeeze_excitation.py" in library.namelist()


def test_the_same_files_in_any_order_make_the_same_bytes(tmp_path):
    files = [(name, content) for name, content in list_files(HTML) if name.startswith(("book/", "jupyter/"))]
    for name, order in (("one", files), ("other", files[::-1])):
        pack(order, tmp_path / name)
    assert len(files) > 20 and (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_archive_names_no_folder_of_the_machine_that_made_it(unpacked):
    ours = re.compile(re.escape(str(HTML.parent.parent)) + r"[/\"]")
    for path in unpacked.rglob("*"):
        if path.suffix in TEXTS:
            assert not ours.search(path.read_text(encoding="utf-8", errors="replace")), path


@pytest.mark.parametrize("page", PAGES)
def test_page_is_alive_from_a_folder_and_asks_nobody(browser, unpacked, page):
    found = audit(browser, (unpacked / f"{page}.html").as_uri(), unpacked.as_uri(), [(1280, "light")])
    assert found.problems == []
    assert found.figures >= 1
    assert page == "book/index" or found.formulas >= 5


def test_a_double_click_on_the_front_door_opens_the_landing_page(browser, unpacked):
    page = browser.new_page()
    page.goto((unpacked / "index.html").as_uri())
    page.wait_for_url("**/book/index.html")
    assert page.get_by_role("heading", level=1).is_visible()
    page.close()


def test_a_trained_network_runs_from_a_folder(browser, unpacked):
    page = browser.new_page()
    page.goto((unpacked / f"{CHAPTERS[9]}.html").as_uri())
    figure = page.locator('[data-kind="NetworkInPage"]')
    figure.scroll_into_view_if_needed()
    figure.get_by_label("one scene").check()
    figure.get_by_role("button", name="Run").first.click()
    page.wait_for_function("document.querySelector('[data-kind=NetworkInPage]').model.get('state') === 'ready'")
    page.close()
