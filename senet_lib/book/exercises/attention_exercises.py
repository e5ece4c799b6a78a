"""Checkers for the exercises on what came after SE: chapter 11."""

import math
from typing import Any

import torch
from scipy.special import expit

from senet_lib.book.exercises.answers import (
    Exercises,
    call_for_tensor,
    compare,
    random_numbers,
    refuse_changed,
    tried_with,
)
from senet_lib.book.exercises.page_answers import FormulaAnswer, Rule, near, refuse


class FormulaOfTensor(FormulaAnswer):
    """A formula that a notebook gives as a function of a tensor."""

    def __call__(self, answer: Any) -> None:
        points = [arguments[0] for arguments, _ in self.cases]
        given = call_for_tensor(answer, (len(points),), "(N,)", torch.tensor(points))
        for (_, rule), value in zip(self.cases, given.tolist(), strict=True):
            refuse(rule.reply(value))
        call_for_tensor(answer, (1,), "(N,)", torch.tensor(points[:1]))


def _hard_sigmoid_rule(a: float, *mistakes: tuple[float, str]) -> Rule:
    right = min(max(a / 6 + 0.5, 0.0), 1.0)
    return Rule(
        wanted="a number",
        right=near(right, 1e-4),
        replies={near(value, 1e-4): text for value, text in mistakes},
        otherwise=f"For a = {a:g} you give {{given:.4f}}; it is {right:.4f}.",
    )


SOFT = "That is the soft sigmoid. The hard one has three straight pieces."
UNCUT = "Below -3 and above 3 it is still a straight line. A gate lies between 0 and 1: cut it off there."
LOW = "Yours is 0 at a = 0. Move it up by 1/2: a logit of 0 gives a gate of 0.5."
STEEP = "Yours rises from -1 to 1. The hard sigmoid rises from -3 to 3: its slope is 1/6."
WHOLE = "That is what comes before the division by 6."
# In this order each mistake is met first where no other gives the same.
HARD_SIGMOID = FormulaOfTensor(
    variables=("a",),
    cases=(
        ((4.0,), _hard_sigmoid_rule(4.0, (4 / 6 + 0.5, UNCUT), (expit(4), SOFT), (4 / 6, LOW), (6.0, WHOLE))),
        ((1.0,), _hard_sigmoid_rule(1.0, (1.0, STEEP))),
        ((0.0,), _hard_sigmoid_rule(0.0)),
        ((-1.5,), _hard_sigmoid_rule(-1.5)),
        ((2.9,), _hard_sigmoid_rule(2.9)),
        ((-3.0,), _hard_sigmoid_rule(-3.0)),
        ((-5.0,), _hard_sigmoid_rule(-5.0, (-5 / 6 + 0.5, UNCUT))),
    ),
    template="max(0, a)",
)


def _eca_kernel_rule(channels: int, right: int) -> Rule:
    lead = f"For {channels} channels you give {{given:g}}"
    return Rule(
        wanted="a whole number",
        right=f"given == {right}",
        replies={
            "given != floor(given)": f"{lead}. k is a whole number: round down first.",
            "given % 2 == 0": f"{lead}. k must be odd, to have a middle: add 1.",
            near(math.log2(channels), 1.01): f"{lead}. You forget to halve: it is (log2(C) + 1) / 2.",
        },
        otherwise=f"{lead}, not {right}.",
    )


ECA_KERNEL = FormulaAnswer(
    variables=("C",),
    cases=tuple(
        ((channels,), _eca_kernel_rule(channels, right))
        for channels, right in ((64, 3), (256, 5), (2048, 7), (16, 3), (512, 5))
    ),
    template="log2(C) / 2",
)


@tried_with((2, 4, 3, 3), (1, 3, 4, 5))
def _relative_strength(answer: Any, *shape: int) -> None:
    x = random_numbers(*shape) * torch.arange(1.0, 1 + shape[1])[:, None, None]
    before = x.clone()
    given = call_for_tensor(answer, tuple(x.shape[:2]), "(B, C)", x)
    refuse_changed(x, before)
    g = x.square().sum((2, 3)).sqrt()
    mistakes = {
        "That is the strength g itself. Divide it by the mean of g over the channels.": g,
        "You divide by the sum over the channels. With the mean, a channel of usual strength has 1.": g
        / g.sum(1, keepdim=True),
        "You take the mean over the places: positive and negative values cancel. The strength is the root of the sum "
        "of squares.": x.mean((2, 3)) / x.mean((2, 3)).mean(1, keepdim=True),
        "You leave out the root: the strength is the L2 norm, not its square.": g.square()
        / g.square().mean(1, keepdim=True),
        "You take the mean over the pictures. Each picture has its own mean, over its channels.": g
        / g.mean(0, keepdim=True),
        "You take the mean over all pictures and channels. Each picture has its own.": g / g.mean(),
    }
    otherwise = "For each picture: the L2 norm of each channel over all places, over the mean of these norms."
    compare(given, g / g.mean(1, keepdim=True), mistakes, otherwise, rtol=1e-3)


EXERCISES: Exercises = {
    "hard_sigmoid": (HARD_SIGMOID, "Right: three straight pieces, and no exponential."),
    "eca_kernel": (ECA_KERNEL, "Right: a few neighbours, more where there are more channels."),
    "relative_strength": (_relative_strength, "Right: each channel beside the others of its picture."),
}
