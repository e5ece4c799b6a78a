"""What somebody else's values and errors say, as part of our messages of one line."""

import textwrap

LONGEST_QUOTE = 160  # characters


def short(value: object) -> str:
    """A value, or the kind and the text of an error, cut to ``LONGEST_QUOTE``."""
    text = repr(value) if not isinstance(value, BaseException) else f"{type(value).__name__}: {value}"
    return textwrap.shorten(text, LONGEST_QUOTE, placeholder=" ...")


def in_one_line(error: BaseException) -> str:
    """The whole text of an error; its kind if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
