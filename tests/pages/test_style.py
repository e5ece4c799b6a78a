"""The pages' sentences: none so long that one must read it twice, and no word that tells readers they are slow; 10%.

Spelling is checked by ``make lint``.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [*sorted(ROOT.glob("notebooks/*.md")), *sorted(ROOT.glob("book/*.md")), ROOT / "README.md"]
WITH_TEXT = [*PAGES, *(path for kind in ("js", "py", "json") for path in sorted(ROOT.glob(f"senet_lib/**/*.{kind}")))]
PERCENT_APART = re.compile(r"[\d}](?:\s|\\,|\\u00a0)+\\?%(?! \d)")  # a digit behind it: a remainder
LONGEST = 45  # words in a sentence
# What is obvious need not be said, and to whom it is not obvious, it should not be said.
TABOO = re.compile(
    r"\b(obviously|simply|trivial|trivially|of course|needless to say|basically|in order to|utili[sz]e|note that)\b",
    re.IGNORECASE,
)
NO_PROSE = (
    re.compile(r"\A---\n.*?\n---\n", re.DOTALL),  # the head of a notebook
    re.compile(r"^(`{3,}).*?^\1$", re.DOTALL | re.MULTILINE),  # code
    re.compile(r"\$\$.*?\$\$", re.DOTALL),
    re.compile(r"</?[a-z][^<>]*>"),
    re.compile(r"^\s*\|.*$", re.MULTILINE),  # a row of a table
    re.compile(r"^(#.*|>|\s*[-*] |\s*\d+\. )", re.MULTILINE),  # headings; the marks of items
)
STAND_INS = ((re.compile(r"\$[^$]*\$|`[^`]*`"), "X"), (re.compile(r"\]\([^)]*\)"), "]"))


def sentences(text: str) -> list[str]:
    """The sentences of a page's running text; a formula or a piece of code in it counts as one word."""
    for pattern in NO_PROSE:
        text = pattern.sub("\n\n", text)
    for pattern, word in STAND_INS:
        text = pattern.sub(word, text)
    paragraphs = re.split(r"\n\s*\n", text)
    found = [" ".join(one.split()) for paragraph in paragraphs for one in re.split(r"(?<=[.!?:;])[\s*)]+", paragraph)]
    return [one for one in found if one]


def too_long(text: str) -> list[str]:
    return [one for one in sentences(text) if len(re.findall(r"[\w’'-]+", one)) > LONGEST]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_sentences_are_short_and_kind(page):
    text = page.read_text(encoding="utf-8")
    assert too_long(text) == []
    assert [one for one in sentences(text) if TABOO.search(one)] == []


def test_no_space_stands_before_a_percent_sign():
    assert [path for path in WITH_TEXT if PERCENT_APART.search(path.read_text(encoding="utf-8"))] == []


def test_faults_of_style_are_found():
    apart = ["10 %", "10\n%", "10\N{NO-BREAK SPACE}%", "`${share} %`", r"56.25\,\%", r"22\u00a0%"]
    assert all(PERCENT_APART.search(one) for one in apart)
    assert not any(PERCENT_APART.search(one) for one in ("10%", r"56.25\%", "{share:.1%}", "index % 10"))
    assert too_long("---\na: b\n---\n" + "word " * (LONGEST + 1) + ". Short.") != []
    assert too_long("```\n" + "word " * (LONGEST + 1) + "\n```\n") == []
    assert [one for one in sentences("It is simply $x$. You see.") if TABOO.search(one)] == ["It is simply X."]
