"""Checkers for the exercises on faults of copied code: chapter 12."""

from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch import Tensor

from senet_lib.book.exercises.answers import (
    Exercises,
    Wrong,
    call,
    call_for_tensor,
    compare,
    random_numbers,
    same,
    tried_with,
)

# --- a test for the rescale -------------------------------------------------------------------------------------------

# What a block may return, and whether that is right.
RESCALES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], bool]] = {
    "x · s": (lambda x, s: x * s, True),
    "x · s · s": (lambda x, s: x * s * s, False),
    "x · x · s": (lambda x, s: x * x * s, False),
    "x + s": (lambda x, s: x + s, False),
    "x": (lambda x, s: x, False),
    "s, for every place": (lambda x, s: s.expand_as(x), False),
}


def _multiplies_once(answer: Any) -> None:
    verdicts = {words: _verdict(answer, rescale) for words, (rescale, _) in RESCALES.items()}
    if all(verdicts.values()):
        raise Wrong("Your test passes all blocks, also one that adds s. Compare what the block returns with x · s.")
    for words, passes in verdicts.items():
        is_right = RESCALES[words][1]
        if passes and not is_right:
            raise Wrong(f"Your test passes a block that returns {words}.{_why_it_passes(words)}")
        if is_right and not passes:
            raise Wrong("Your test fails the sound block, x · s. Compare with torch.allclose, not bit by bit.")


def _verdict(test: Any, block: Callable[..., Tensor]) -> bool:
    """What the reader's test says of a block, or of a part of it; the same random numbers for all of them."""
    torch.manual_seed(0)
    verdict = call(test, block)
    if not isinstance(verdict, bool):
        raise Wrong(f"Your test returns {verdict!r}; let it return True or False.")
    return verdict


def _why_it_passes(words: str) -> str:
    return {
        "x · s · s": " Do you try gates of 0 and 1 only? Their squares are what they are.",
        "x · x · s": " Do you try maps of 1 only? Their squares are 1.",
        "x": " Do you try gates of 1 only?",
    }.get(words, "")


# --- which shortcuts need a convolution -------------------------------------------------------------------------------


def _needs_projection(answer: Any) -> None:
    cases = list(product((1, 2, 3), (16, 32), (16, 32)))
    given = [bool(call(answer, *case)) for case in cases]
    mistakes = {
        "That is the condition of the copied code. It has a convolution where the input fits as it is.": (
            lambda stride, before, after: stride == 2 or before == after
        ),
        "A stride of 3 makes the map smaller, too: ask whether the stride is other than 1.": (
            lambda stride, before, after: stride == 2 or before != after
        ),
        "You look for more channels only. Fewer do not fit either: ask whether the two numbers differ.": (
            lambda stride, before, after: stride != 1 or before < after
        ),
        "You look at the stride alone: 16 channels cannot be added to 32.": lambda stride, before, after: stride != 1,
        "You look at the channels alone: with a stride of 2 the map is half as high.": (
            lambda stride, before, after: before != after
        ),
        "One reason is enough: write or, not and.": lambda stride, before, after: stride != 1 and before != after,
        "It is the other way round: this says where the input fits.": (
            lambda stride, before, after: stride == 1 and before == after
        ),
    }
    for message, rule in mistakes.items():
        if given == [rule(*case) for case in cases]:
            raise Wrong(message)
    for (stride, before, after), said in zip(cases, given, strict=True):
        if said != (stride != 1 or before != after):
            raise Wrong(f"For a stride of {stride}, {before} channels in and {after} out you say {said}.")


# --- a test for whose gates they are ----------------------------------------------------------------------------------


def _own_gates(x: Tensor) -> Tensor:
    return torch.sigmoid(5 * x.mean((2, 3)))


# What may make the gates of a batch, and whether a picture's company matters to it.
GATE_MAKERS: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "takes each picture's own mean": (_own_gates, False),
    "does so, and rounds otherwise in a batch of another size": (lambda x: _own_gates(x) * (1 + 1e-7 * len(x)), False),
    "takes the mean over the batch": (lambda x: _own_gates(x.mean(0, keepdim=True)).expand(len(x), -1), True),
    "takes the first picture's mean for all": (lambda x: _own_gates(x[:1]).expand(len(x), -1), True),
    "takes the mean of the picture before": (lambda x: _own_gates(x).roll(1, 0), True),
}


def _company_matters(answer: Any) -> None:
    verdicts = {words: _verdict(answer, make) for words, (make, _) in GATE_MAKERS.items()}
    if not any(verdicts.values()):
        raise Wrong("Your test says False of all. Compare a picture's gates among others with those that it has alone.")
    if all(verdicts.values()):
        raise Wrong("Your test says True of all, also where each picture has gates of its own. Compare like with like.")
    for words, said in verdicts.items():
        if said != GATE_MAKERS[words][1]:
            raise Wrong(f"Your test says {said} of a block that {words}.{_why_it_errs(words)}")


def _why_it_errs(words: str) -> str:
    return {
        "takes each picture's own mean": " Do you compare each picture's gates with that picture's own?",
        "does so, and rounds otherwise in a batch of another size": " Compare with torch.allclose, not bit by bit.",
        "takes the mean over the batch": " The same pictures in another order have the same mean: take others.",
        "takes the first picture's mean for all": " Do you look at the first picture only?",
    }.get(words, "")


# --- a number about a whole set ---------------------------------------------------------------------------------------


@tried_with((5, 4, 4), (4, 6, 3), (1, 5, 5))
def _channel_std(answer: Any, count: int, height: int, width: int) -> None:
    pictures = random_numbers(count, 3, height, width) + 3 * random_numbers(count, 3, 1, 1, seed=1)
    given = call_for_tensor(answer, (3,), "(3,)", pictures)
    right = pictures.std((0, 2, 3))
    if same(given, right) or same(given, pictures.std((0, 2, 3), correction=0)):
        return
    mistakes = {
        "You average the deviations of single pictures. What the pictures differ in as a whole is lost.": pictures.std(
            (2, 3)
        ).mean(0),
        "That is the deviation of all colours together; each of the three has its own.": pictures.std().expand(3),
        "You take the deviation of the pictures' means. What differs within a picture is lost.": pictures.mean(
            (2, 3)
        ).std(0),
        "That is the variance; take its root.": right.square(),
        "That is the mean.": pictures.mean((0, 2, 3)),
    }
    otherwise = "One number for each colour: the deviation over all places of all pictures together."
    compare(given, right, mistakes, otherwise)


EXERCISES: Exercises = {
    "multiplies_once": (_multiplies_once, "Right: it passes the sound block, and none of the five others."),
    "needs_projection": (_needs_projection, "Right: a convolution where the shapes differ, and nowhere else."),
    "company_matters": (_company_matters, "Right: it finds all three that look aside, and lets rounding pass."),
    "channel_std": (_channel_std, "Right: over all places of all pictures, for each colour."),
}
