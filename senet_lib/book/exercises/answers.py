"""What all checkers share: calling a reader's function, comparing numbers, saying what is wrong."""

import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

# For each exercise: how to check it, and what to say when it is right.
Exercises = dict[str, tuple[Callable[[Any], None], str]]


class Wrong(Exception):
    """The answer is wrong; the message tells the reader why."""


def call(function: Any, *arguments: Any, hints: dict[str, str] | None = None) -> Any:
    """The value of the reader's function; whatever goes wrong in it is a wrong answer, with its reason.

    ``hints`` explains errors: words of torch's message -> what to add to it.
    """
    if not callable(function):
        raise Wrong(f"Give the function itself, not {function!r}.")
    try:
        value = function(*arguments)
    except Exception as error:  # whatever the reader's code raises is the reader's to see
        hint = "".join(f". {hint}" for words, hint in (hints or {}).items() if words in str(error))
        raise Wrong(f"Your function stops with {type(error).__name__}: {error}{hint}") from error
    if value is None or value is ...:
        raise Wrong("Your function returns nothing yet: replace the ... by your code, and return the result.")
    return value


def tried_with(*cases: Sequence[Any]) -> Callable[[Callable[..., None]], Callable[[Any], None]]:
    """Make a checker of an answer out of one that also gets a case: it tries the answer with each of them."""

    def tries_all(checker: Callable[..., None]) -> Callable[[Any], None]:
        def check(answer: Any) -> None:
            for case in cases:
                checker(answer, *case)

        return check

    return tries_all


def call_for_tensor(
    function: Any, shape: tuple[int, ...], letters: str, *arguments: Any, hints: dict[str, str] | None = None
) -> Tensor:
    value = call(function, *arguments, hints=hints)
    if not isinstance(value, Tensor):
        raise Wrong(f"Your function returns a {type(value).__name__}; it must return a tensor of shape {letters}.")
    if tuple(value.shape) != shape:
        is_squeezed = tuple(value.shape) == tuple(length for length in shape if length != 1)
        hint = " squeeze() takes away every length of 1, also that of a batch of one." if is_squeezed else ""
        raise Wrong(f"Your result has shape {tuple(value.shape)}; it must be {letters} = {shape}.{hint}")
    return value


def same(a: Tensor, b: Tensor, rtol: float = 1e-4) -> bool:
    return torch.allclose(a.double(), b.double(), rtol=rtol, atol=1e-6)


def random_numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def compare(value: Tensor, right: Tensor, mistakes: dict[str, Tensor], otherwise: str, rtol: float = 1e-4) -> None:
    """Refuse what is not right: with the mistake whose result it is, if it is one of these, else with ``otherwise``."""
    if not same(value, right, rtol):
        raise Wrong(next((message for message, result in mistakes.items() if same(value, result)), otherwise))


def refuse_known_numbers(value: float, mistakes: dict[str, float], within: float = 1e-9) -> None:
    """The same for a number: the mistake whose result is not further from it than ``within``."""
    for message, result in mistakes.items():
        if math.isclose(value, result, rel_tol=0, abs_tol=within):
            raise Wrong(message)


def refuse_changed(x: Tensor, before: Tensor) -> None:
    if not torch.equal(x, before):
        raise Wrong("Your function changes x itself. Return a new tensor: the shortcut still needs the old one.")


def several_numbers(answer: Any, count: int, wanted: str) -> list[Any]:
    """The answer as plain numbers, out of a list, a tuple, an array or a tensor of as many."""
    listed = answer.tolist() if isinstance(answer, (Tensor, np.ndarray)) else answer
    if not isinstance(listed, (list, tuple)) or len(listed) != count:
        raise Wrong(f"Give {wanted}, not {answer!r}.")
    return [number(one, "whole numbers") for one in listed]


def number(answer: Any, wanted: str) -> Any:
    """The answer as a plain number, taken out of its tensor if it stands alone in one."""
    if isinstance(answer, (Tensor, np.ndarray)) and answer.ndim == 0:
        answer = answer.item()
    if not isinstance(answer, numbers.Real) or isinstance(answer, bool):
        raise Wrong(f"Give {wanted}, not {answer!r}.")
    return answer
