"""Checkers for the exercises on what came after SE: chapter 11."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from senet_lib.book.exercises.answers import (
    Exercises,
    Wrong,
    call,
    call_for_tensor,
    compare,
    number,
    random_numbers,
    refuse_changed,
)


def _hard_sigmoid(answer: Any) -> None:
    a = torch.tensor([-5.0, -3.0, -1.5, 0.0, 1.0, 2.9, 4.0])
    given = call_for_tensor(answer, (7,), "(N,)", a.clone())
    right = nn.functional.hardsigmoid(a)
    wrong = int(torch.argmax((given - right).abs()))
    mistakes = {
        "Below -3 and above 3 it is still a straight line. A gate lies between 0 and 1: cut it off there.": a / 6 + 0.5,
        "That is the soft sigmoid. The hard one has three straight pieces.": torch.sigmoid(a),
        "Yours rises from -1 to 1. The hard sigmoid rises from -3 to 3: its slope is 1/6.": ((a + 1) / 2).clamp(0, 1),
        "Yours is 0 at a = 0. Move it up by 1/2: a logit of 0 gives a gate of 0.5.": (a / 6).clamp(0, 1),
        "That is what comes before the division by 6.": (a + 3).clamp(0, 6),
    }
    otherwise = f"For a = {a[wrong]:g} you give {float(given[wrong]):.4f}; it is {float(right[wrong]):.4f}."
    compare(given, right, mistakes, otherwise)
    call_for_tensor(answer, (1,), "(N,)", a[:1].clone())


def _eca_kernel(answer: Any) -> None:
    for channels, right in ((64, 3), (256, 5), (2048, 7), (16, 3), (512, 5)):
        given = number(call(answer, channels), "a whole number")
        if given == right:
            continue
        if not float(given).is_integer():
            raise Wrong(f"For {channels} channels you give {given:g}. k is a whole number: round down first.")
        if given % 2 == 0:
            raise Wrong(f"For {channels} channels you give {given}. k must be odd, to have a middle: add 1.")
        if math.isclose(given, math.log2(channels), abs_tol=1.01):
            raise Wrong(f"For {channels} channels you give {given}. You forget to halve: it is (log2(C) + 1) / 2.")
        raise Wrong(f"For {channels} channels you give {given}, not {right}.")


def _relative_strength(answer: Any) -> None:
    for shape in ((2, 4, 3, 3), (1, 3, 4, 5)):
        _relative_strength_of(answer, random_numbers(*shape) * torch.arange(1.0, 1 + shape[1])[:, None, None])


def _relative_strength_of(answer: Any, x: Tensor) -> None:
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
    "hard_sigmoid": (_hard_sigmoid, "Right: three straight pieces, and no exponential."),
    "eca_kernel": (_eca_kernel, "Right: a few neighbours, more where there are more channels."),
    "relative_strength": (_relative_strength, "Right: each channel beside the others of its picture."),
}
