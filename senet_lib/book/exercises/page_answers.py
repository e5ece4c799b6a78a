"""Answers that a page checks as a kernel does: numbers, several numbers, formulas.

What is right, what is wrong and what is said then are data here. ``check`` reads them, and so does the form in the page
(``book/_static/exercises.js``). Their conditions and values are expressions that mean the same in both: numbers, names,
``+ - * / // % **``, comparisons (``*`` stands for "and"), and the functions of ``FUNCTIONS``.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from senet_lib.book.exercises.answers import Wrong, call, number, several_numbers

FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": math.ceil,
    "clamp": lambda value, least, most: max(least, min(most, value)),
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log2": math.log2,
    "max": max,
    "min": min,
    "sqrt": math.sqrt,
}


@dataclass(frozen=True)
class Rule:
    """What is said of one number.

    The texts hold ``{name:format}``, where a format is ``g``, ``.4g`` or ``.4f``, with any number of digits.
    """

    wanted: str  # what to give, if it is no number
    right: str  # holds for a right answer, an expression of ``given``
    replies: dict[str, str]  # from a condition to what is said; the first that holds speaks
    otherwise: str  # what is said of all other wrong answers
    values: dict[str, str] = field(default_factory=dict)  # more names for the texts: name -> expression of ``given``

    def reply(self, given: float) -> str | None:
        """What is wrong with a number; None if it is right."""
        text = self.otherwise  # of what is no finite number, too
        if math.isfinite(given):
            if evaluate(self.right, given=given):
                return None
            text = next((text for when, text in self.replies.items() if evaluate(when, given=given)), text)
        shown = {name: evaluate(one, given=given) for name, one in self.values.items()}
        return text.format(given=given, **shown)

    def for_page(self) -> dict[str, Any]:
        return asdict(self) | {"replies": list(self.replies.items())}


class NumberAnswer(Rule):
    """An exercise that asks for one number, and the rule for it."""

    def __call__(self, answer: Any) -> None:
        refuse(self.reply(float(number(answer, self.wanted))))

    def form(self) -> dict[str, Any]:
        """What the page needs: names of the fields, rules of the fields, replies to all of them together."""
        return {"labels": [""], "rules": [self.for_page()], "together": []}


@dataclass(frozen=True)
class SeveralNumbers:
    """An exercise that asks for some numbers in their order, or for a dictionary of them if it has ``keys``."""

    wanted: str  # what to give, if it is none of these
    labels: tuple[str, ...]  # what each number is
    rules: tuple[Rule, ...]  # of each number
    # what is said of certain answers as a whole, before the numbers are looked at
    together: tuple[tuple[tuple[float, ...], str], ...] = ()

    def __call__(self, answer: Any) -> None:
        given = several_numbers(answer, len(self.rules), self.wanted)
        refuse(next((text for numbers, text in self.together if numbers == tuple(given)), None))
        for rule, one in zip(self.rules, given, strict=True):
            refuse(rule.reply(float(one)))

    def form(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "rules": [rule.for_page() for rule in self.rules],
            "together": [[list(numbers), text] for numbers, text in self.together],
        }


@dataclass(frozen=True)
class FormulaAnswer:
    """An exercise that asks for a function of numbers: in a page, for a formula of ``variables``."""

    variables: tuple[str, ...]  # the arguments, in their order
    cases: tuple[tuple[tuple[float, ...], Rule], ...]  # arguments to try, and the rule for the value there
    template: str  # a formula of the right form, which is wrong, to begin with

    def __call__(self, answer: Any) -> None:
        for arguments, rule in self.cases:
            refuse(rule.reply(float(number(call(answer, *arguments), rule.wanted))))

    def form(self) -> dict[str, Any]:
        cases = [[[float(one) for one in arguments], rule.for_page()] for arguments, rule in self.cases]
        return {"variables": list(self.variables), "cases": cases, "template": self.template}


def refuse(text: str | None) -> None:
    if text is not None:
        raise Wrong(text)


def near(value: str | float, within: float) -> str:
    """The condition that ``given`` is no further from a value than ``within``."""
    return f"abs(given - ({value})) <= {within}"


def evaluate(expression: str, **values: float) -> Any:
    """The value of one of the book's own expressions; never of a reader's text."""
    return eval(expression, {"__builtins__": {}}, {**FUNCTIONS, **values})
