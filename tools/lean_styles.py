"""A Sphinx extension: one small style sheet for all pages. _config.yml names it.

By itself, a page would wait for ten style sheets, 500 KB, before it shows a word. Four fifths of them are rules for
things that are in none of this book's pages. So, when all pages are written, their sheets are joined in their order,
rules are left out whose class or id stands in no page and no script, and the pages ask for the rest alone.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tinycss2
from sphinx.application import Sphinx
from sphinx.util import logging
from tinycss2.ast import AtRule, Declaration, Node, QualifiedRule

LOGGER = logging.getLogger(__name__)
SHEET = "_static/lean.css"
LINK = re.compile(
    r'<link\b(?=[^>]*\brel="stylesheet")[^>]*\bhref="(?P<root>(?:\.\./)*)(?P<file>_static/[^"?]+)[^"]*"[^>]*>\n?'
)
ADDRESS = re.compile(r"url\(\s*[\"']?(?!data:|#)(?P<file>[^\"')]+)[\"']?\s*\)")
IMPORT = re.compile(r'@import "(?P<file>[^"]+)";')
NAMES = re.compile(r'\b(?:class|id)="(?P<names>[^"]*)"')
SCRIPT = re.compile(
    r'<script\b(?:[^>]*\bsrc="(?:\.\./)*(?P<file>_static/(?!\.\.)[^"?]+))?[^>]*>(?P<text>.*?)</script>', re.DOTALL
)
PROPERTY = re.compile(r"var\(\s*(--[\w-]+)")
NESTED = ("media", "supports", "container", "layer")


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
        text = f"/* Of {', '.join(files)} */\n" + prune(joined, names_in(folder, pages.values()))
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


def names_in(folder: Path, pages: Iterable[str]) -> set[str]:
    """The classes and ids of pages, and all words of their scripts: any of them could become one."""
    texts, files = [], set()
    for page in pages:
        texts += [found["names"] for found in NAMES.finditer(page)] + [found["text"] for found in SCRIPT.finditer(page)]
        files |= {found["file"] for found in SCRIPT.finditer(page) if found["file"]}
    texts += [path.read_text(encoding="utf-8") for file in files if (path := folder / file).exists()]
    return {word for text in texts for word in re.findall(r"[\w-]+", text)}


def prune(sheet: str, names: set[str]) -> str:
    """The rules of a style sheet that may apply where only these classes and ids exist, without comments.

    Names inside :not(), :is() and their like do not count, nor do attributes: what is in doubt stays. Values that no
    rule asks for go as well, and those that only they have asked for.
    """
    while True:
        rules = tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)
        pruned = prune_rules(rules, names, names | set(PROPERTY.findall(sheet)))
        if pruned == sheet:
            return sheet
        sheet = pruned


def prune_rules(rules: Iterable[Node], names: set[str], properties: set[str]) -> str:
    texts = []
    for rule in rules:
        if isinstance(rule, QualifiedRule):
            selectors = [one for one in split(rule.prelude) if is_possible(one, names)]
            if selectors and (content := prune_content(rule.content, properties)):
                texts.append(f"{','.join(map(write, selectors))}{{{content}}}\n")
        elif isinstance(rule, AtRule) and rule.lower_at_keyword in NESTED and rule.content is not None:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            if kept := prune_rules(inner, names, properties):
                texts.append(f"@{rule.at_keyword} {write(rule.prelude)}{{{kept}}}\n")
        elif not (isinstance(rule, AtRule) and rule.lower_at_keyword == "charset"):
            texts.append(f"{rule.serialize()}\n")
    return "".join(texts)


def prune_content(content: list[Node], properties: set[str]) -> str:
    """What a rule declares, without the custom properties that nobody asks for."""
    texts = []
    for one in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
        if not isinstance(one, Declaration):
            texts.append(write([one]))
        elif not one.name.startswith("--") or one.name in properties:
            texts.append(f"{one.name}:{write(one.value)}{' !important' if one.important else ''}")
    return ";".join(texts)


def split(prelude: list[Node]) -> list[list[Node]]:
    """The selectors of a rule: its head, cut at the commas."""
    parts: list[list[Node]] = [[]]
    for token in prelude:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def is_possible(selector: list[Node], names: set[str]) -> bool:
    """Whether there may be an element that this selector means."""
    before: Node | None = None
    for token in selector:
        is_class = token.type == "ident" and before is not None and before == "."
        if (is_class or token.type == "hash") and token.value not in names:
            return False
        before = token
    return True


def write(tokens: list[Node]) -> str:
    """The text of tokens, without comments and with no more than one space in a row."""
    kept = [token for token in tokens if token.type != "comment"]
    for token in kept:
        if token.type == "whitespace":
            token.value = " "
    return tinycss2.serialize(kept).strip()
