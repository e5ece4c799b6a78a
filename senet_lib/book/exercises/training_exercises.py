"""Checkers for the exercises on races and on the reduction ratio: chapters 8 and 9."""

import math
from collections.abc import Sequence
from statistics import mean, pstdev, stdev, variance
from typing import Any

from senet_lib.book.exercises.answers import Exercises, Wrong, call, number, refuse_known_numbers

PLAIN = [0.90, 0.93, 0.91, 0.94]
WITH_SE = [0.92, 0.94, 0.94, 0.95]
DIFFERENCES = [b - a for a, b in zip(PLAIN, WITH_SE, strict=True)]


def _paired_difference(answer: Any) -> None:
    given = call(answer, list(PLAIN), list(WITH_SE))
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 2:
        raise Wrong(f"Return two numbers, the mean difference and its standard error, not {given!r}.")
    middle, error = (number(one, "numbers") for one in given)
    if math.isclose(middle, -mean(DIFFERENCES), abs_tol=1e-9):
        raise Wrong("The sign is wrong: the difference is SE less plain, so that a gain is positive.")
    if not math.isclose(middle, mean(DIFFERENCES), abs_tol=1e-9):
        raise Wrong(f"Your mean difference is {float(middle):.5f}; for the lists in the hint it is 0.01750.")
    root = math.sqrt(len(PLAIN))
    right = stdev(DIFFERENCES) / root
    unpaired = math.sqrt(variance(PLAIN) + variance(WITH_SE)) / root
    mistakes = {
        "That is the standard deviation of the differences. Their mean's error is smaller by the root of n.": right
        * root,
        "You divide by n. Divide by the root of n.": right / root,
        "You divide the squares by n. The mean comes from the same numbers, so divide by n - 1.": pstdev(DIFFERENCES)
        / root,
        "You forget the pairs: that is the error of two unrelated lists. Take the differences first.": unpaired,
    }
    refuse_known_numbers(error, mistakes)
    if not math.isclose(error, right, abs_tol=1e-9):
        raise Wrong(f"Your standard error is {float(error):.5f}; for the lists in the hint it is {right:.5f}.")


def _seeds_needed(answer: Any) -> None:
    given = number(answer, "a whole number of seeds")
    hints = {
        8: "That is the root of it: the error falls with the root of n, so solve for n, not for its root.",
        16: "You leave out the factor 2: the interval is twice the standard error to each side.",
        4: "You leave out the factor 2, and the square.",
        32: "The factor 2 is squared, too: (2 · 0.008 / 0.002)².",
        256: "You take the whole width of the interval for the half: it is 0.002 to each side.",
    }
    if given in hints:
        raise Wrong(hints[given])
    if given != 64:
        error = 2 * 0.008 / math.sqrt(given) if given > 0 else math.inf
        raise Wrong(f"With {given:g} seeds the interval is ± {error:.4f}; it must be ± 0.002.")


def _mean_accuracy(answer: Any) -> None:
    batches = [(90, 100), (80, 100), (1, 4)]  # correct, pictures
    given = number(call(answer, list(batches)), "a number between 0 and 1")
    right = 171 / 204
    mistakes = {
        "You still average the batches. The last one has 4 pictures and counts as much as one of 100.": mean(
            correct / pictures for correct, pictures in batches
        ),
        "You divide by the number of batches times the size of the first. The last batch is smaller.": 171 / 300,
        "You leave out the last batch. Its pictures count, too.": 170 / 200,
        "That is the number of correct answers. Divide it by the number of pictures.": 171.0,
        "You divide by the number of batches. Divide by the number of pictures.": 171 / 3,
    }
    refuse_known_numbers(given, mistakes)
    if not math.isclose(given, right, abs_tol=1e-9):
        raise Wrong(f"For {batches} you give {float(given):.4f}; it is {right:.4f}: 171 of 204.")


def _hidden_numbers(answer: Any) -> None:
    if not isinstance(answer, Sequence) or isinstance(answer, str) or len(answer) != 3:
        raise Wrong(f"Give three whole numbers, such as (4, 4, 4), not {answer!r}.")
    given = tuple(number(one, "whole numbers") for one in answer)
    if given == (1, 2, 4):
        return
    hints = {
        (4, 2, 1): "The order is wrong: the first stage has the fewest channels.",
        (16, 16, 16): "r is not the hidden width: the channels are divided by it.",
        (1, 1, 1): "The channels double from stage to stage, and the hidden width with them.",
        (256, 512, 1024): "You multiply by r. Divide.",
        (8, 8, 8): "That is timm's rule, which rounds to multiples of 8. Here it is C // r.",
        (16, 32, 64): "These are the channels. Divide them by r.",
    }
    if given in hints:
        raise Wrong(hints[given])
    wrong = next(i for i in range(3) if given[i] != (1, 2, 4)[i])
    C = (16, 32, 64)[wrong]
    raise Wrong(f"Stage {wrong + 1} has {C} channels, so {C} // 16 hidden numbers, not {given[wrong]}.")


RESNET50 = ([(3, 256), (4, 512), (6, 1024), (3, 2048)], 25_557_032)
RESNET20 = ([(3, 16), (3, 32), (3, 64)], 272_474)


def _smallest_reduction(answer: Any) -> None:
    for (stages, parameters), share in ((RESNET50, 0.1), (RESNET50, 0.4), (RESNET20, 0.03), (RESNET20, 0.008)):
        right = _smallest(stages, parameters * share)
        given = call(answer, list(stages), parameters, share)
        if given != right:
            hint = _smallest_reduction_hint(given, stages, parameters, share)
            raise Wrong(f"For {parameters:,} parameters and a share of {share:g} you give {given}, not {right}.{hint}")


def _smallest(stages: list[tuple[int, int]], limit: float) -> int:
    return next(r for r in (2**k for k in range(20)) if _weights(stages, r) <= limit)


def _weights(stages: list[tuple[int, int]], r: int) -> int:
    return sum(N * 2 * C * (C // r) for N, C in stages)


def _smallest_reduction_hint(given: Any, stages: list[tuple[int, int]], parameters: int, share: float) -> str:
    right = _smallest(stages, share * parameters)
    any_whole = next(r for r in range(1, 1000) if _weights(stages, r) <= share * parameters)
    mistakes = {
        any_whole: " Try powers of two only: 1, 2, 4, …",
        right // 2: " With that r, SE adds more than the share. A block has two matrices, and a stage has N blocks.",
        _smallest(stages, share * sum(N for N, _ in stages)): " The share is of the network's parameters.",
        right * 2: " A smaller r is within the share, too.",
    }
    return mistakes.get(given, "")


def _rank_of_logits(answer: Any) -> None:
    given = number(answer, "a whole number")
    hints = {
        64: "That is the number of gates. They are made from fewer numbers.",
        16: "That is r. The hidden numbers are C / r.",
        100: "That is the number of pictures. Each row is made from a few hidden numbers.",
        5: "That would be with the bias, which adds 1. It is taken away here.",
        1: "That is the rank for a single hidden number. Here are 64 / 16.",
    }
    if given in hints:
        raise Wrong(hints[given])
    if given != 4:
        raise Wrong(f"You give {given:g}. The matrix is a product of (100, 64 / 16) and (64 / 16, 64).")


EXERCISES: Exercises = {
    "paired_difference": (_paired_difference, "Right: the differences first, then their mean and its error."),
    "seeds_needed": (_seeds_needed, "Right: 64. Half the interval costs four times the seeds."),
    "mean_accuracy": (_mean_accuracy, "Right: count pictures, then divide once."),
    "hidden_numbers": (_hidden_numbers, "Right: the whole first stage hangs on one number a block."),
    "smallest_reduction": (_smallest_reduction, "Right: the most hidden numbers that the budget allows."),
    "rank_of_logits": (_rank_of_logits, "Right: C / r, however many pictures and channels there are."),
}
