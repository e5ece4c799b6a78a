"""The glossary: each of its words is linked where a chapter first uses it, and shows its definition there."""

import re
from html import unescape

import pytest
from docutils import nodes

from tests.conftest import ROOT
from tools.glossary_links import leave_out_plurals, own_words, split

HTML = ROOT / "_build" / "html"
LINK = re.compile(r'<a class="senet-term" href="([^"]+)#([^"]+)" data-definition="([^"]+)">([^<]+)</a>')
ENTRIES = {
    "gate": ("term-gate", 'From 0 to 1: "open" is 1.'),
    "gates": ("term-gate", 'From 0 to 1: "open" is 1.'),
    "residual block": ("term-residual-block", "It adds."),
    "block": ("term-block", "Some layers."),
}


def linked(text: str, wanted: dict) -> list[str]:
    parts = list(split(text, wanted, "glossary.html"))
    assert re.sub("<[^>]*>", "", "".join(unescape(part.astext()) for part in parts)) == text
    return [LINK.search(part.astext())[4] for part in parts if isinstance(part, nodes.raw)]


def test_the_first_use_of_each_word_is_linked_whatever_its_form():
    wanted = dict(ENTRIES)
    assert linked("Gates, a gate, and a residual block. Block", wanted) == ["Gates", "residual block", "Block"]
    assert wanted == {}
    assert linked("one more gate", wanted) == []


def test_parts_of_words_are_left_alone():
    assert linked("A gated blockade, gate-like.", dict(ENTRIES)) == []


def test_a_definition_may_hold_quotation_marks():
    (_, link, _) = split("a gate.", dict(ENTRIES), "glossary.html")
    assert unescape(LINK.search(link.astext())[3]) == 'From 0 to 1: "open" is 1.'


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted((HTML / "notebooks").glob("*.html"))}
    if not found:
        pytest.fail(f"there are no pages in {HTML}; run: make book")
    return found


def test_each_word_is_used_in_a_chapter(pages):
    glossary = (HTML / "book" / "glossary.html").read_text(encoding="utf-8")
    # Of several forms of a word, which stand one above the other, the first one has the entry.
    entries = re.findall(r'(?<!</dt>)<dt id="(term-[^"]+)"', glossary)
    used = {anchor for page in pages.values() for _, anchor, _, _ in LINK.findall(page)}
    assert len(entries) >= 30
    assert used == set(entries)


def test_each_chapter_links_words_and_each_word_once(pages):
    for name, page in pages.items():
        anchors = [anchor for _, anchor, _, _ in LINK.findall(page)]
        assert len(anchors) >= 5, name
        assert len(anchors) == len(set(anchors)), name


def test_the_index_has_each_word_once():
    entries = [("C", [("channel", 1), ("channels", 2), ("cross", 3)]), ("S", [("s", 4)])]
    leave_out_plurals(None, "genindex", "", context := {"genindexentries": entries}, None)
    assert context["genindexentries"] == [("C", [("channel", 1), ("cross", 3)]), ("S", [("s", 4)])]


def test_no_word_inside_a_link_is_linked_again():
    paragraph = nodes.paragraph()
    parts = ["gate ", nodes.raw("", '<a href="#x">'), "channel", nodes.raw("", "</a>"), " unit"]
    paragraph.extend(nodes.Text(part) if isinstance(part, str) else part for part in parts)
    assert [str(text) for text in own_words(paragraph)] == ["gate ", " unit"]
