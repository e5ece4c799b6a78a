"""The checks of arguments that all modules share."""

import numbers
from collections.abc import Collection, Sequence
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


def require_reduction(channels: Any, reduction: Any) -> None:
    """Raise a ``ValueError`` that names the value, unless both are whole and 1 <= reduction <= channels."""
    require_whole("channels", channels)
    require_whole("reduction", reduction)
    if reduction > channels:
        raise ValueError(
            f"reduction is {reduction}, but there are only {channels} channels: the hidden width would be 0; "
            f"use a reduction from 1 to {channels}"
        )


def require_stages(name: str, stages: Any, count: int, owner: str) -> set[int]:
    """The stages as a set; a ``ValueError`` that names the value, unless it is a collection of numbers in 1..count."""
    if not isinstance(stages, Collection) or isinstance(stages, str):
        raise ValueError(f"{name} is {stages!r}; give the stages in a list, such as [1, 2]")
    for stage in stages:
        if not is_whole(stage) or not 1 <= stage <= count:
            raise ValueError(f"{name} holds {stage!r}; {owner} has the stages 1 to {count}")
    return set(stages)


def require_odd(name: str, value: Any) -> None:
    """Raise a ``ValueError`` that names the value and the nearest odd ones, unless it is odd and at least 1."""
    require_whole(name, value)
    if value % 2 == 0:
        raise ValueError(f"{name} is {value}; it must be odd, to have a middle: use {value - 1} or {value + 1}")


def require_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Raise a ``ValueError`` that names the value, unless it is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {value!r}; use one of {', '.join(choices)}")


def require_input_size(input_size: Any, example: tuple[int, int, int] = (3, 224, 224)) -> tuple[int, ...]:
    """The size of a picture as Python's numbers; a ``ValueError`` that names it, unless it is three whole ones."""
    is_sequence = isinstance(input_size, Sequence) and not isinstance(input_size, str)
    if not is_sequence or not all(is_whole(number) and number > 0 for number in input_size):
        raise ValueError(f"input_size is {input_size!r}; give (channels, height, width), such as {example}")
    size = tuple(int(number) for number in input_size)
    if len(size) != 3:
        fix = f"such as {example}"
        if len(size) == 4:
            fix = f"so {size[1:]} if the first one is a batch; pictures of three dimensions are not supported"
        raise ValueError(f"input_size is {size}, not three numbers; give (channels, height, width), {fix}")
    return size
