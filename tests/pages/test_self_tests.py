"""Each chapter ends with a self-test: three questions, each with one right answer, and a reason for every answer."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.notebooks import MARK

CHAPTERS = {path.stem: path for path in sorted((Path(__file__).parent.parent.parent / "notebooks").glob("*.md"))}
HEADINGS = re.compile(r"^## (.+)$", re.MULTILINE)
QUESTION = re.compile(r"^\*\*\d\. (.+)\*\*\n", re.MULTILINE)
OPTION = re.compile(
    r'^<details class="senet-option(?P<right> senet-right)?"><summary>(?P<answer>.+)</summary>\n\n'
    r"(?P<reason>[^\n]+)\n\n</details>\n",
    re.MULTILINE,
)
# A number with two digits after the point is a result, and not one that anybody computes in the head.
RESULT = re.compile(r"\d+\.\d{2,}")


@dataclass(frozen=True)
class Option:
    answer: str
    reason: str
    right: bool


def self_test(chapter: str) -> str:
    return MARK.sub("", CHAPTERS[chapter].read_text(encoding="utf-8").partition("\n## Test yourself\n")[2])


def questions(chapter: str) -> dict[str, list[Option]]:
    """The options of each question, by its text."""
    _, *parts = QUESTION.split(self_test(chapter))
    return {
        question: [Option(m["answer"], m["reason"], m["right"] is not None) for m in OPTION.finditer(options)]
        for question, options in zip(parts[::2], parts[1::2], strict=True)
    }


def all_options() -> list[list[Option]]:
    return [options for chapter in CHAPTERS for options in questions(chapter).values()]


def test_no_full_stop_tells_the_right_answer():
    for options in all_options():
        assert len({option.answer.endswith(".") for option in options}) == 1, options[0].answer


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_ends_with_what_to_remember_and_a_self_test(chapter):
    assert HEADINGS.findall(CHAPTERS[chapter].read_text(encoding="utf-8"))[-2:] == ["To remember", "Test yourself"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_self_test_is_three_questions_with_one_right_answer_and_a_reason_for_each(chapter):
    rest = QUESTION.sub("", OPTION.sub("", self_test(chapter)))
    assert rest.split() == [], "this is neither a question nor an option"
    assert len(questions(chapter)) == 3
    for question, options in questions(chapter).items():
        assert question.endswith("?")
        assert len({option.answer for option in options}) in (3, 4), question
        assert [option.right for option in options].count(True) == 1, question
        for option in options:
            assert option.reason.startswith("Right. " if option.right else "No. "), option.reason
            assert 6 <= len(option.reason.split()) <= 50, option.reason
            # Answers stand in a line of HTML, where neither formulas nor Markdown are set.
            assert not re.search(r"[$`*\\<>]|\]\(", option.answer), option.answer


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_result_in_a_self_test_stands_in_its_chapter(chapter):
    above = CHAPTERS[chapter].read_text(encoding="utf-8").partition("\n## Test yourself\n")[0]
    assert [number for number in RESULT.findall(self_test(chapter)) if number not in above] == []


def test_a_guess_in_the_text_has_one_right_answer_and_a_reason_for_each():
    for path in CHAPTERS.values():
        text = path.read_text(encoding="utf-8").partition("\n## Test yourself\n")[0].replace(" senet-guess", "")
        options = [Option(m["answer"], m["reason"], m["right"] is not None) for m in OPTION.finditer(text)]
        assert len(options) == text.count('class="senet-option') and len(options) in (0, 3), path.name
        assert [option.right for option in options].count(True) == len(options) / 3
        assert all(option.reason.startswith("Right. " if option.right else "No. ") for option in options)


def test_the_right_answer_can_be_found_by_thinking_only():
    """It is neither mostly at one place nor mostly the longest."""
    right = [next(place for place, option in enumerate(options) if option.right) for options in all_options()]
    assert all(right.count(place) >= len(right) / 4 for place in range(3))
    longest = sum(max(options, key=lambda option: len(option.answer)).right for options in all_options())
    assert longest <= len(right) / 2
