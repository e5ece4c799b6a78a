"""A Sphinx extension: the first time a chapter uses a word of the glossary, the word shows what it means.

_config.yml names it. The sources of the chapters stay plain Markdown, so that they read well as notebooks too. When a
page is written, the first place of each word of ``book/glossary.md`` becomes a link to its entry, with the definition.
``glossary_links.css`` shows it where the pointer or the focus is. No script is needed.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

GLOSSARY = "book/glossary"
CHAPTERS = "notebooks/"
HERE = Path(__file__).parent


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", lambda app, config: config.html_static_path.append(str(HERE / "glossary_links.css")))
    app.connect("doctree-resolved", link_first_uses)
    app.connect("html-page-context", leave_out_plurals)
    app.add_css_file("glossary_links.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def leave_out_plurals(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """In the index, where a word has an entry, its other form needs none."""
    for place, (letter, words) in enumerate(context.get("genindexentries", ())):
        known = {name for name, _ in words}
        kept = [(name, links) for name, links in words if not (name.endswith("s") and name[:-1] in known)]
        context["genindexentries"][place] = (letter, kept)


def link_first_uses(app: Sphinx, doctree: nodes.document, page: str) -> None:
    if not page.startswith(CHAPTERS) or app.builder.format != "html":
        return
    entries = read_glossary(app.env)
    if not entries:
        return
    address = app.builder.get_relative_uri(page, GLOSSARY)
    wanted = dict(entries)
    for paragraph in filter(is_running_text, list(doctree.findall(nodes.paragraph))):
        for text in list(own_words(paragraph)):
            parts = list(split(str(text), wanted, address))
            if len(parts) > 1:
                paragraph.replace(text, parts)


def is_running_text(paragraph: nodes.paragraph) -> bool:
    """Not the cell of a table. Of a paragraph only its own words are linked, not those in its links, code, formulas."""
    return not isinstance(paragraph.parent, nodes.entry)


def own_words(paragraph: nodes.paragraph) -> Iterator[nodes.Text]:
    """The paragraph's own text, without what stands inside a link that is written as HTML."""
    is_link = False
    for child in paragraph.children:
        if isinstance(child, nodes.raw):
            is_link = child.astext().startswith("<a ") or (is_link and child.astext() != "</a>")
        elif isinstance(child, nodes.Text) and not is_link:
            yield child


def read_glossary(env: BuildEnvironment) -> dict[str, tuple[str, str]]:
    """From each word, in lower case, to the anchor of its entry and its definition; empty if there is no glossary."""
    if GLOSSARY not in env.all_docs:
        return {}
    entries = {}
    for item in env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        definition = " ".join(one.astext() for one in item.findall(nodes.paragraph))
        terms = list(item.findall(nodes.term))  # the word, and its other forms
        for term in terms:
            entries[term.astext().lower()] = (terms[0]["ids"][0], " ".join(definition.split()))
    return entries


def split(text: str, wanted: dict[str, tuple[str, str]], address: str) -> Iterator[nodes.Node]:
    """The text in parts: links for the words that are still wanted, which then are no longer."""
    start = 0
    for found in pattern_of(wanted).finditer(text):
        entry = wanted.pop(found[0].lower(), None)
        if entry is None:
            continue
        for word in [word for word, other in wanted.items() if other == entry]:  # other forms of the same word
            del wanted[word]
        anchor, definition = entry
        link = f'<a class="senet-term" href="{address}#{anchor}" data-definition="{escape(definition)}">'
        yield nodes.Text(text[start : found.start()])
        yield nodes.raw("", f"{link}{escape(found[0])}</a>", format="html")
        start = found.end()
    yield nodes.Text(text[start:])


def pattern_of(words: dict[str, tuple[str, str]]) -> re.Pattern[str]:
    """Any of the words, the longest first: "residual block" is not to be taken for "block"."""
    either = "|".join(map(re.escape, sorted(words, key=len, reverse=True))) or r"(?!)"
    return re.compile(rf"(?<![\w-])(?:{either})(?![\w-])", re.IGNORECASE)
