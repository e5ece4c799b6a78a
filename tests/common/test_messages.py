"""What others say fits into our messages of one line."""

import pytest

from senet_lib.common.messages import LONGEST_QUOTE, in_one_line, short


@pytest.mark.parametrize(
    ("value", "said"),
    [(ValueError("two\n  lines"), "ValueError: two lines"), ("text", "'text'"), ([1, 2], "[1, 2]")],
)
def test_a_value_or_an_error_is_quoted_in_one_line(value, said):
    assert short(value) == said


def test_a_long_one_is_cut():
    assert len(short(["word"] * 99)) <= LONGEST_QUOTE and short(["word"] * 99).endswith(" ...")


def test_an_error_that_says_nothing_is_named_by_its_kind():
    assert in_one_line(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert in_one_line(ValueError("two\n  lines")) == "two lines"
