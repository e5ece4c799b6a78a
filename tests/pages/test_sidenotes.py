"""The notes in the margin: every chapter has some, they are short, and they read well where nothing sets them apart."""

import re
from pathlib import Path

import pytest

CHAPTERS = sorted((Path(__file__).parent.parent.parent / "notebooks").glob("*.md"))
# With blank lines around the text it is Markdown, in the book, in Jupyter and on Colab.
NOTE = re.compile(r'^<aside class="sidenote">\n\n(.+)\n\n</aside>\n', re.MULTILINE)
FOLDED = re.compile(r"^<details.*?^</details>", re.DOTALL | re.MULTILINE)
ONE_WORD = re.compile(r"\$[^$]*\$|`[^`]*`|\]\([^)]*\)")
LONGEST = 35  # words


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_has_a_few_short_notes_each_after_what_it_is_about(chapter):
    text = chapter.read_text(encoding="utf-8")
    notes = NOTE.findall(text)
    assert 2 <= len(notes) <= 4
    assert len(notes) == text.count("<aside") == text.count("</aside>"), "a note is one line between two blank ones"
    assert [note for note in notes if len(ONE_WORD.sub(" word ", note).split()) > LONGEST] == []
    assert [note for note in notes if not note.endswith((".", ".*"))] == []
    assert not any("<aside" in folded for folded in FOLDED.findall(text)), "a folded note would be in the margin alone"
    assert not re.search(r"^#.*\n\n<aside|</aside>\n\n<aside", text, re.MULTILINE), "nothing stands between"
