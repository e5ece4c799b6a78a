"""The checks of arguments that all modules share."""

import numbers
from collections.abc import Collection
from typing import Any


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number; NumPy's count, True and False do not."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a real number; NumPy's count, True, False and texts do not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def require_whole(name: str, value: Any, least: int = 1) -> None:
    """Raise a ``ValueError`` that names the value, unless it is a whole number of at least ``least``."""
    if not is_whole(value) or value < least:
        raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}")


def require_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Raise a ``ValueError`` that names the value, unless it is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {value!r}; use one of {', '.join(choices)}")
