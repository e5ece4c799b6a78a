"""Checkers for the exercises on races and on the reduction ratio: chapters 8 and 9."""

import math
from statistics import mean, pstdev, stdev, variance
from typing import Any

from senet_lib.book.exercises.answers import (
    Exercises,
    Wrong,
    call,
    number,
    refuse_known_numbers,
    several_numbers,
    tried_with,
)
from senet_lib.book.exercises.page_answers import NumberAnswer, Rule, SeveralNumbers

# Accuracies without and with SE, in the order of the seeds; the first two lists are those of the hint.
RACES = (
    ([0.90, 0.93, 0.91, 0.94], [0.92, 0.94, 0.94, 0.95]),
    ([0.81, 0.84, 0.80], [0.80, 0.85, 0.84]),
    ([0.70, 0.72, 0.75, 0.71, 0.74, 0.73], [0.71, 0.75, 0.74, 0.74, 0.76, 0.72]),
)


@tried_with(*RACES)
def _paired_difference(answer: Any, plain: list[float], with_se: list[float]) -> None:
    given = call(answer, list(plain), list(with_se))
    middle, error = several_numbers(given, 2, "two numbers, the mean difference and its standard error")
    differences = [b - a for a, b in zip(plain, with_se, strict=True)]
    if math.isclose(middle, -mean(differences), abs_tol=1e-9):
        raise Wrong("The sign is wrong: the difference is SE less plain, so that a gain is positive.")
    lists = f"for {plain} without and {with_se} with SE"
    if not math.isclose(middle, mean(differences), abs_tol=1e-9):
        raise Wrong(f"Your mean difference is {float(middle):.5f}; {lists} it is {mean(differences):.5f}.")
    root = math.sqrt(len(differences))
    right = stdev(differences) / root
    mistakes = {
        "That is the standard deviation of the differences. Their mean's error is smaller by the root of n.": (
            stdev(differences)
        ),
        "You divide by n. Divide by the root of n.": right / root,
        "You divide the squares by n. The mean comes from the same numbers, so divide by n - 1.": (
            pstdev(differences) / root
        ),
        "You forget the pairs: that is the error of two unrelated lists. Take the differences first.": (
            math.sqrt(variance(plain) + variance(with_se)) / root
        ),
        "You divide by 2, the root of n for four seeds only. Take the root of the length of the lists.": (
            stdev(differences) / 2
        ),
    }
    if not math.isclose(error, right, abs_tol=1e-9):
        refuse_known_numbers(error, mistakes)
        raise Wrong(f"Your standard error is {float(error):.5f}; {lists} it is {right:.5f}.")


SEEDS_NEEDED = NumberAnswer(
    wanted="a whole number of seeds",
    right="given == 64",
    replies={
        "given == 8": "That is the root of it: the error falls with the root of n, so solve for n, not for its root.",
        "given == 16": "You leave out the factor 2: the interval is twice the standard error to each side.",
        "given == 4": "You leave out the factor 2, and the square.",
        "given == 32": "The factor 2 is squared, too: (2 · 0.008 / 0.002)².",
        "given == 256": "You take the whole width of the interval for the half: it is 0.002 to each side.",
        "given > 64": "With {given:g} seeds the interval reaches {reach:.4f} to each side: enough, but not "
        "the fewest that are.",
        "given <= 0": "With {given:g} seeds there is no interval: it must not be more than 0.002 to each side.",
    },
    otherwise="With {given:g} seeds the interval reaches {reach:.4f} to each side: it must not be more than 0.002.",
    values={"reach": "2 * 0.008 / sqrt(clamp(given, 1e-9, 1e300))"},
)


# The mean loss of each batch, and how many pictures it has: the last one is smaller, or all are alike, or there is one.
EPOCHS = [(0.5, 64), (0.7, 64), (2.0, 16)], [(0.6, 32), (0.4, 32)], [(0.9, 10)]


@tried_with(*((batches,) for batches in EPOCHS))
def _mean_loss(answer: Any, batches: list[tuple[float, int]]) -> None:
    given = number(call(answer, list(batches)), "a number")
    losses, sizes = zip(*batches, strict=True)
    total = sum(loss * size for loss, size in batches)
    mistakes = {
        "You still add up one mean for each batch, and divide by the number of pictures: it comes out as many times "
        "too small as a batch has pictures.": sum(losses) / sum(sizes),
        "That is the mean of the batches' means. The last one has 16 pictures, and counts as much as one of 64.": (
            mean(losses)
        ),
        "You take every batch for as large as the first. The last one is smaller.": sizes[0] * sum(losses) / sum(sizes),
        "You divide by the number of batches times the size of the first. The last batch is smaller.": (
            total / (len(batches) * sizes[0])
        ),
        "That is the sum over the pictures. Divide it by their number.": total,
        "You divide the sum over the pictures by the number of batches. Divide by that of the pictures.": (
            total / len(batches)
        ),
    }
    right = total / sum(sizes)
    if not math.isclose(given, right, abs_tol=1e-6):
        refuse_known_numbers(given, mistakes)
        raise Wrong(f"For {batches} you give {float(given):.4f}; it is {right:.4f}.")


def _hidden_units_rule(stage: int, channels: int) -> Rule:
    text = f"Stage {stage} has {channels} channels, so {channels} // 16 hidden units, not {{given:g}}."
    return Rule(wanted="a whole number", right=f"given == {channels // 16}", replies={}, otherwise=text)


HIDDEN_UNITS = SeveralNumbers(
    wanted="three whole numbers, such as (4, 4, 4)",
    labels=("stage 1", "stage 2", "stage 3"),
    rules=tuple(_hidden_units_rule(stage, channels) for stage, channels in enumerate((16, 32, 64), 1)),
    together=(
        ((4, 2, 1), "The order is wrong: the first stage has the fewest channels."),
        ((16, 16, 16), "r is not the hidden width: the channels are divided by it."),
        ((1, 1, 1), "The channels double from stage to stage, and the hidden width with them."),
        ((256, 512, 1024), "You multiply by r. Divide."),
        ((8, 8, 8), "That is timm's rule, which rounds to multiples of 8. Here it is C // r."),
        ((16, 32, 64), "These are the channels. Divide them by r."),
    ),
)


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


RANK_OF_LOGITS = NumberAnswer(
    wanted="a whole number",
    right="given == 4",
    replies={
        "given == 64": "That is the number of gates. They are made from fewer numbers.",
        "given == 16": "That is r. There are C / r hidden units.",
        "given == 100": "That is the number of pictures. Each row is made from a few hidden units.",
        "given == 5": "That would be with the bias, which adds 1. It is taken away here.",
        "given == 1": "That is the rank for a single hidden unit. Here are 64 / 16.",
    },
    otherwise="You give {given:g}. The matrix is a product of (100, 64 / 16) and (64 / 16, 64).",
)


EXERCISES: Exercises = {
    "paired_difference": (_paired_difference, "Right: the differences first, then their mean and its error."),
    "seeds_needed": (SEEDS_NEEDED, "Right: 64. Half the interval costs four times the seeds."),
    "mean_loss": (_mean_loss, "Right: each batch counts as often as it has pictures."),
    "hidden_units": (HIDDEN_UNITS, "Right: each block of the first stage has a single hidden unit."),
    "smallest_reduction": (_smallest_reduction, "Right: the most hidden units that the budget allows."),
    "rank_of_logits": (RANK_OF_LOGITS, "Right: C / r, however many pictures and channels there are."),
}
