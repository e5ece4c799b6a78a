"""Checkers for the exercises on what gates say and cause: chapter 10."""

import math
from typing import Any

import torch
from torch import Tensor

from senet_lib.book.exercises.answers import (
    Exercises,
    Wrong,
    call,
    call_for_tensor,
    compare,
    number,
    random_numbers,
    refuse_changed,
    refuse_known_numbers,
    same,
    tried_with,
)
from senet_lib.book.exercises.page_answers import NumberAnswer, near

# Classes of different sizes: whoever does not weigh them is found out.
LABELS = torch.tensor([0, 0, 0, 0, 0, 1, 1, 2])
GATES = torch.sigmoid(random_numbers(8, 6, seed=3) + LABELS[:, None] * torch.tensor([1.5, 0, -1, 0, 2, 0]))


@tried_with((GATES, LABELS), (GATES[:7, :4], LABELS[:7]))
def _explained_share(answer: Any, gates: Tensor, labels: Tensor) -> None:
    s, count = gates.clone(), int(labels.max()) + 1
    given = number(call(answer, s, labels.clone()), "a number between 0 and 1")
    refuse_changed(s, gates)
    classes = torch.stack([gates[k == labels].mean(0) for k in range(count)])
    means = classes[labels]
    between, total = ((means - gates.mean(0)) ** 2).sum(0), ((gates - gates.mean(0)) ** 2).sum(0)
    right = float(between.sum() / total.sum())
    mistakes = {
        "That is what the classes leave unexplained: the variance within them. It is 1 less that.": 1 - right,
        "You average the shares of the channels. Add up the variances first, and divide once: a channel that hardly "
        "moves should hardly count.": float((between / total).mean()),
        "Each class counts the same in your sum. A class with five pictures counts five times: weigh with n_k.": float(
            ((classes - gates.mean(0)) ** 2).sum() / total.sum()
        ),
        "You take the mean of the class means for the mean of all pictures. The classes differ in size.": float(
            ((means - classes.mean(0)) ** 2).sum() / total.sum()
        ),
        "That is a share of standard deviations. Variances add up, standard deviations do not.": math.sqrt(right),
    }
    if not math.isclose(given, right, abs_tol=1e-5):
        refuse_known_numbers(given, mistakes, within=1e-5)
        raise Wrong(f"For {len(s)} pictures of {count} classes you give {float(given):.4f}; it is {right:.4f}.")


@tried_with(((3, 4, 5, 5), [1, 2, 0]), ((4, 2, 4, 6), [2, 0, 3, 1]), ((1, 3, 4, 4), [0]))
def _gates_of_others(answer: Any, shape: tuple[int, ...], partners: list[int]) -> None:
    u, order = random_numbers(*shape), torch.tensor(partners)
    s, before = torch.sigmoid(random_numbers(*u.shape[:2], seed=1)), u.clone()
    hints = {"must match the size": "u has four axes and s has two: s[:, :, None, None]."}
    given = call_for_tensor(answer, tuple(u.shape), "(B, C, H, W)", u, s.clone(), order.clone(), hints=hints)
    refuse_changed(u, before)
    wide = s[:, :, None, None]
    back = torch.argsort(order)
    mistakes = {
        "Each picture still gets its own gates. Row b must use the gates of picture order[b].": u * wide,
        "You exchange the pictures, not the gates: u[order] has its own gates there.": u[order] * wide[order],
        "You exchange u and leave the gates. The picture stays; its gates come from another.": u[order] * wide,
        "You go the wrong way round: picture order[b] gets the gates of b, but b must get those of order[b].": u
        * wide[back],
        "Each picture gets the gates of the next one, whatever order says.": u * wide.roll(-1, 0),
        "All pictures get the mean gates. Here each gets those of one other picture.": u * wide.mean(0, keepdim=True),
    }
    otherwise = "Row b of the result must be u[b], each channel times its gate in s[order[b]]."
    compare(given, u * wide[order], mistakes, otherwise)


@tried_with((6,), (3,), (1,))
def _fold_gates(answer: Any, channels: int) -> None:
    weight, bias = random_numbers(channels), random_numbers(channels, seed=1)
    gates = torch.sigmoid(random_numbers(channels, seed=2))
    given = call(answer, weight.clone(), bias.clone(), gates.clone())
    if not isinstance(given, tuple | list) or len(given) != 2 or not all(isinstance(one, Tensor) for one in given):
        raise Wrong("Return two tensors of shape (C,): the new weight and the new bias.")
    if any(tuple(one.shape) != (channels,) for one in given):
        shapes = f"{tuple(given[0].shape)} and {tuple(given[1].shape)}"
        raise Wrong(f"Your tensors have shapes {shapes}; both must be ({channels},).")
    new_weight, new_bias = given
    if same(new_weight, weight * gates) and same(new_bias, bias * gates):
        return
    if same(new_weight, weight / gates):
        raise Wrong("You divide. The gate multiplies what comes out of the normalisation.")
    if same(new_weight, weight):
        raise Wrong("The weight stays as it was. Multiply out: s·(w·n + b) has s·w in front of n.")
    if same(new_weight, weight * gates) and same(new_bias, bias):
        raise Wrong("The bias stays as it was. The gate multiplies all of w·n + b, so b too.")
    if same(new_weight, weight * gates) and same(new_bias, bias + gates):
        raise Wrong("You add the gate to the bias. It multiplies the bias.")
    if same(new_weight, weight * gates.mean()):
        raise Wrong("You use one number for all channels. Each channel has a gate of its own.")
    raise Wrong("For some input, your layer differs from the old one times the gates. Multiply out s·(w·n + b).")


GATE_SPREAD = NumberAnswer(
    wanted="a number",
    right=near(0.05, 0.002),
    replies={
        near(0.2, 1e-9): "That is the spread of the logits. The sigmoid is flatter than the identity: at 0 its "
        "slope is s(1 − s).",
        near(0.5, 1e-9): "That is the mean gate. How far do the gates scatter around it?",
        near(0.1, 1e-9): "The slope of the sigmoid at 0 is not 1/2: it is s(1 − s) with s = 1/2.",
        near(0.04, 1e-9): "That is the variance of the logits, 0.2². You need their standard deviation, times the "
        "slope.",
        near(0.01, 1e-9): "That is a variance times the slope. Take the standard deviation.",
        near(0.8, 1e-9): "You divide by the slope. Multiply with it.",
        near(0.25, 1e-9): "That is the slope. Multiply it with the spread of the logits.",
    },
    otherwise="You give {given:g}. Near 0 the sigmoid is almost a straight line of slope 1/4.",
)


EXERCISES: Exercises = {
    "gate_spread": (GATE_SPREAD, "Right: 0.2 · 1/4. A fresh block holds all its gates near a half."),
    "explained_share": (_explained_share, "Right: between the classes, over all there is."),
    "gates_of_others": (_gates_of_others, "Right: the picture stays, and hears what was meant for another."),
    "fold_gates": (_fold_gates, "Right: constant gates cost nothing, neither parameters nor time."),
}
