"""The built book as text: links, hosts, the numbers it shows; and the build's exit code when something is wrong."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

from tools import lean_pages
from tools.addresses import find_repository

ROOT = Path(__file__).parent.parent.parent
HTML = ROOT / "_build" / "html"


class PageParser(HTMLParser):
    """Collects the ids of a page, what it links to, and what it loads."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids.update(filter(None, (attributes.get("id"), attributes.get("name"))))
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag in ("script", "img", "iframe", "source", "audio", "video") and attributes.get("src"):
            self.loads.append(attributes["src"])
        if tag == "link" and attributes.get("rel") in ("stylesheet", "preload", "icon", "shortcut icon"):
            self.loads.append(attributes["href"])


@pytest.fixture(scope="module")
def pages() -> dict[Path, PageParser]:
    if not (HTML / "index.html").exists():
        pytest.fail("there is no built book; run: make book")
    files = [path for path in HTML.rglob("*.html") if "vendor" not in path.parts]
    return {path: PageParser(path.read_text(encoding="utf-8")) for path in files}


VIEW = re.compile(r"(\w+)\?(.*)")  # of a link that sets a figure


def is_local(address: str) -> bool:
    return not urlsplit(address).scheme and not urlsplit(address).netloc


def test_internal_links_and_anchors_resolve(pages):
    broken = []
    for path, page in pages.items():
        for link in filter(is_local, page.links):
            parts = urlsplit(link)
            if VIEW.match(parts.fragment):
                continue  # the next test's
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor_is_missing = target in pages and unquote(parts.fragment) not in {"", *pages[target].ids}
            if not target.exists() or anchor_is_missing:
                broken.append(f"{path.relative_to(HTML)}: {link}")
    assert broken == []


def test_a_phrase_sets_what_a_figure_of_its_page_shares():
    count = 0
    for path in (HTML / "notebooks").glob("*.html"):
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        shares = {one["data-kind"]: one["data-shares"].split() for one in page.select(".senet-figure")}
        for link in page.select("a.senet-set"):
            kind, settings = VIEW.match(urlsplit(link["href"]).fragment).groups()
            for name, value in parse_qsl(settings):
                json.loads(value)
                assert name in shares.get(kind, []), (path.name, link["href"])
                count += 1
    assert count > 10


def test_pages_load_only_their_own_files(pages):
    loads = {(path.name, address) for path, page in pages.items() for address in page.loads}
    assert len(loads) > 20
    assert [load for load in loads if not is_local(load[1]) and not load[1].startswith("data:")] == []


def test_no_page_has_a_raw_directive_or_a_traceback(pages):
    for path in pages:
        text = html.unescape(re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8")))
        assert not re.search(r"```\{|:::\{|Traceback \(most recent", text), path.name


def test_no_page_holds_the_kernels_state_of_widgets(pages):
    """A figure holds its own state, so that it lives without a kernel; the kernel's would be the same again."""
    assert [path.name for path in pages if "jupyter.widget" in path.read_text(encoding="utf-8")] == []


def chapters(pages) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in pages if path.parent.name == "notebooks"}


def test_a_page_holds_shared_parts_of_its_figures_once(pages):
    for path, text in chapters(pages).items():
        keys = re.findall(r'<(?:script|style)[^>]* data-key="([^"]+)"', text)
        assert keys and len(keys) == len(set(keys)), path.name


def test_solutions_are_folded(pages):
    for path, text in chapters(pages).items():
        heads = re.findall(r"<details([^>]*)>\s*<summary>\s*Solution", text)
        assert heads and not any("open" in head for head in heads), path.name


def test_the_colab_button_opens_the_notebook_of_this_repository_if_it_has_a_home(pages):
    repository = find_repository()
    start = f"{repository.url}/blob/{repository.branch}/".replace("github.com", "colab.research.google.com/github")
    for path in chapters(pages):
        assert (f"{start}notebooks/{path.stem}.ipynb" in pages[path].links) == repository.is_real
        assert (ROOT / "notebooks" / f"{path.stem}.ipynb").exists()


def last_test_accuracy(chapter: str) -> float:
    """From the table that `train` prints on the page: epoch, train loss, train accuracy, test accuracy, speed."""
    text = re.sub(r"<[^>]+>", "", (HTML / "notebooks" / f"{chapter}.html").read_text(encoding="utf-8"))
    rows = re.findall(r"^ +\d+ +\d+\.\d{3} +\d\.\d{3} +(\d\.\d{3}) +\d+$", text, re.MULTILINE)
    return float(rows[-1])


def test_plain_network_is_stuck_on_the_page():
    assert 0.5 <= last_test_accuracy("01_local_receptive_fields") <= 0.65


def test_network_with_se_solves_the_context_world_on_the_page():
    assert last_test_accuracy("04_rescale") >= 0.97


NOTEBOOK = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# A page

```{code-cell} ipython3
from senet_lib.book.figures.cost_calculator import CostCalculator

CostCalculator.example()
```
"""
EXECUTED = re.compile(r"^\S*/(\w+\.md): \d+ s$", re.MULTILINE)
FORK = "https://github.com/Some-Body/their-book"
# Its tests share a folder, and the library is built once for all that leave it alone. The first ones look at what the
# fixture has built; each of the others begins by writing its page.


@dataclass
class SmallBook:
    """A fork of this repository with one tiny notebook, and with the environment that is there already."""

    folder: Path

    @property
    def html(self) -> Path:
        return self.folder / "_build" / "html"

    def page(self) -> str:
        return (self.html / "notebooks" / "page.html").read_text(encoding="utf-8")

    def build(self, page: str = NOTEBOOK, in_step: bool = True) -> subprocess.CompletedProcess:
        """`make book`, with the environment that runs this test instead of a new one."""
        source = self.folder / "notebooks" / "page.md"
        is_new = not source.exists() or source.read_text(encoding="utf-8") != page
        source.write_text(page, encoding="utf-8")
        if in_step and is_new:
            subprocess.run([sys.executable, "-m", "tools.notebooks", "write"], cwd=self.folder, check=True)
        keep = ["-o", ".venv/.installed", "-o", "node_modules/.package-lock.json"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        return subprocess.run(
            ["make", "--no-print-directory", *keep, "book"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            env={**environment, "NO_COLOR": "1"},
        )

    def executes(self) -> list[str]:
        """The notebooks that a build, which succeeds, executes, as tools/execute.py names them."""
        result = self.build()
        assert result.returncode == 0, result.stdout + result.stderr
        assert "_build/html/index.html" in result.stdout.splitlines()[-1]
        return EXECUTED.findall(result.stdout)


@pytest.fixture(scope="module")
def small_book(tmp_path_factory) -> SmallBook:
    book = tmp_path_factory.mktemp("book")
    copied = ("Makefile", "_config.yml", "pyproject.toml", "package.json", "package-lock.json", "constraints.txt")
    copied += ("README.md", "LICENSE")
    for path in [*map(ROOT.joinpath, copied), *ROOT.glob("requirements*.txt")]:
        shutil.copy2(path, book)
    for folder in ("senet_lib", "results", "tools", "book"):
        shutil.copytree(ROOT / folder, book / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (book / "notebooks").mkdir()
    (book / "book" / "index.md").write_text("# A book\n")
    (book / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n  - file: notebooks/page\n  - file: book/references\n"
    )
    for name in ("results.md", "notation.md"):
        (book / "book" / name).unlink()
    (book / "node_modules").symlink_to(ROOT / "node_modules")
    (book / ".venv").symlink_to(sys.prefix)
    settings = book / "_config.yml"
    text, count = re.subn(r"^  url: .*$", f"  url: {FORK}", settings.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count == 1, "a fork changes one line"
    settings.write_text(text, encoding="utf-8")
    small = SmallBook(book)
    assert small.executes() == ["page.md"]
    return small


def test_from_one_line_follows_all_that_names_a_fork(small_book):
    """The buttons, the install cell, and what crawlers and shared links read."""
    page = small_book.page()
    for address in (
        "https://some-body.github.io/their-book/notebooks/page.html",
        "https://some-body.github.io/their-book/social.png",
        "https://colab.research.google.com/github/Some-Body/their-book/blob/main/notebooks/page.ipynb",
        "https://mybinder.org/v2/gh/Some-Body/their-book/main?urlpath=lab/tree/notebooks/page.ipynb",
        f"{FORK}/issues",
    ):
        assert address in page
    html, notebook = small_book.html, small_book.folder / "notebooks" / "page.ipynb"
    assert "https://some-body.github.io/their-book/notebooks/page.html" in (html / "sitemap.xml").read_text()
    assert "https://some-body.github.io/their-book/sitemap.xml" in (html / "robots.txt").read_text()
    assert f"git+{FORK}@main" in notebook.read_text(encoding="utf-8")
    placeholder = urlsplit(yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"])
    owner = placeholder.path.split("/")[1]
    assert [path for path in html.rglob("*.html") if owner in path.read_text(encoding="utf-8")] == []


def files(page: str) -> list[str]:
    """What a page loads, without the checksums that Sphinx adds to some addresses at a rebuild."""
    return [address.partition("?")[0] for address in PageParser(page).loads]


def test_a_page_with_a_figure_is_lean_also_when_it_is_rebuilt_alone(small_book):
    first = small_book.page()
    assert first.count('class="senet-state"') == 1
    assert "jupyter.widget" not in first
    (small_book.folder / "notebooks" / "page.md").write_text(NOTEBOOK + "\nOne more line.\n", encoding="utf-8")
    rebuild = [".venv/bin/jupyter-book", "build", ".", "-W", "-n"]
    subprocess.run(rebuild, cwd=small_book.folder, check=True, capture_output=True)
    second = small_book.page()
    assert "One more line." in second
    assert files(second) == files(first)
    assert second.count("<svg") == first.count("<svg")
    assert "jupyter.widget" not in second


FAILING = NOTEBOOK.partition("from senet_lib")[0] + "1 / 0\n```\n"
FAULTS_OF_SPHINX = """
See [another page](nowhere.md) and [a section](#no-such-section).

```{no-such-directive}
```
"""


def names_faults(result: subprocess.CompletedProcess, *signs: str) -> bool:
    return result.returncode != 0 and all(sign in result.stdout + result.stderr for sign in signs)


def test_build_fails_and_names_the_faults_of_sphinx_also_when_nothing_is_executed(small_book):
    signs = ("nowhere.md", "no-such-section", "no-such-directive")
    results = [small_book.build(NOTEBOOK + FAULTS_OF_SPHINX) for _ in range(2)]
    assert all(names_faults(result, *signs) for result in results)
    assert EXECUTED.findall(results[1].stdout) == [], "nothing has changed since"


def test_a_failing_cell_fails_each_build_until_it_is_mended(small_book):
    for _ in ("the first time", "and when nothing has changed since"):
        assert names_faults(small_book.build(FAILING), "page.md", "ZeroDivisionError")


def test_a_notebook_is_executed_again_when_the_library_changes(small_book):
    (small_book.folder / "senet_lib" / "__init__.py").touch()
    assert small_book.executes() == ["page.md"]
    assert (small_book.html / "vendor" / "katex" / "katex.min.css").exists()


def test_build_fails_when_a_notebook_is_out_of_step(small_book):
    result = small_book.build(NOTEBOOK + "\nNot in the notebook.\n", in_step=False)
    assert result.returncode != 0
    assert "make notebooks" in result.stderr


def test_a_page_keeps_the_first_copy_of_what_its_figures_share():
    kit, host = '<script class="senet-module" data-key="a1">"kit"</script>', '<script data-key="b2">host</script>'
    style, own = '<style data-key="c3">p{margin:0 auto}</style>', '<script class="senet-state">{}</script>'
    figure = f"<div>{style}{own}{kit}{host}</div>"
    assert lean_pages.keep_first_copies(figure + figure) == f"{figure}<div>{own}</div>"
    written = style.replace("p{margin:0 auto}", "/* Text. */\np {\n  margin:0  auto;\n}\n")
    assert lean_pages.keep_first_copies(written).replace(" </style>", "</style>").replace("> p", ">p") == style


def test_what_figures_hold_stands_behind_the_text():
    state = '<script type="application/json" class="senet-state" data-of="figure-1">{}</script>'
    module = '<script type="application/json" class="senet-module" data-key="a1">"kit"</script>'
    page = f"<body><div>{state}{module}still</div><p>text</p></body></html>"
    assert lean_pages.move_behind_text(page) == f"<body><div>still</div><p>text</p>{state}{module}</body></html>"


def test_a_theme_that_writes_its_scripts_elsewhere_is_reported(caplog):
    lean_pages.make_lean("<html></html>", "a page")
    for name in (*lean_pages.NEVER, *lean_pages.FOR_SEARCH, "top bar"):
        assert f"a page: there is no {name}" in caplog.text


def test_an_icon_becomes_a_picture_that_keeps_its_place_in_the_theme():
    tag = '<i class="theme-switch fa-solid fa-sun fa-lg" data-mode="light" title="Light"></i>'
    icon = lean_pages.ICON.sub(lean_pages.draw_icon, tag)
    assert icon.startswith('<svg class="svg-inline--fa theme-switch fa-sun fa-lg" data-mode="light"')
    assert "<title>Light</title>" in icon
    assert "</i>" not in icon


@pytest.mark.parametrize("tag", ['<i class="fa-solid fa-no-such-icon"></i>', '<i class="fa-lg"></i>', "<i>text</i>"])
def test_what_the_font_has_no_icon_for_is_left_alone(tag):
    assert lean_pages.ICON.sub(lean_pages.draw_icon, tag) == tag
