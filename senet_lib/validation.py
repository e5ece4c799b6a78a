"""The check of whole numbers that all modules share."""

import numbers
from typing import Any


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number; NumPy's count, True and False do not."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def require_whole(name: str, value: Any, least: int = 1) -> None:
    """Raise a ``ValueError`` that names the value, unless it is a whole number of at least ``least``."""
    if not is_whole(value) or value < least:
        raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}")
