"""Checkers for the exercises: they try your answer and, where it is wrong, say what is wrong with it.

In a notebook: ``check("squeeze", my_squeeze)``. The name of each exercise stands in its text.
"""

import difflib
from dataclasses import dataclass
from typing import Any

from senet_lib.book.exercises import (
    attention_exercises,
    block_exercises,
    field_exercises,
    gate_exercises,
    network_exercises,
    se_code_exercises,
    training_exercises,
)
from senet_lib.book.exercises.answers import Wrong

CHAPTERS = (
    field_exercises,
    block_exercises,
    network_exercises,
    training_exercises,
    gate_exercises,
    attention_exercises,
    se_code_exercises,
)
EXERCISES = {name: exercise for chapters in CHAPTERS for name, exercise in chapters.EXERCISES.items()}


@dataclass(frozen=True, repr=False)
class CheckResult:
    """Whether an answer is right, and what to say about it. A notebook shows the message."""

    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{'✓' if self.passed else '✗'} {self.message}"


def check(exercise: str, answer: Any) -> CheckResult:
    """Try an answer to an exercise.

    Args:
        exercise: the name from the exercise's text.
        answer: what the exercise asks for, a function or a value.

    Returns:
        The verdict with its explanation. An error in your own function is part of the verdict, not raised.

    Raises:
        ValueError: if there is no such exercise.
    """
    if not isinstance(exercise, str):
        raise ValueError(f"the first argument is {exercise!r}; give the exercise's name first, then your answer")
    if exercise not in EXERCISES:
        nearest = difflib.get_close_matches(exercise, EXERCISES, n=1, cutoff=0)
        raise ValueError(f"there is no exercise {exercise!r}; did you mean {nearest[0]!r}?")
    if answer is None or answer is ...:
        return CheckResult(False, "Not answered yet: replace the ... by your answer and run the cell again.")
    checker, praise = EXERCISES[exercise]
    try:
        checker(answer)
    except Wrong as wrong:
        return CheckResult(False, str(wrong))
    except Exception as error:  # an answer of a kind that the checker did not expect is wrong, not an accident
        return CheckResult(False, f"Your answer cannot be checked ({type(error).__name__}: {error}).")
    return CheckResult(True, praise)
