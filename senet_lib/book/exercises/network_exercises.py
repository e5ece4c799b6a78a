"""Checkers for the exercises on networks: chapters 5 to 7."""

from collections.abc import Sequence
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
from senet_lib.book.exercises.page_answers import NumberAnswer, Rule, SeveralNumbers, near

Stages = Sequence[tuple[int, int]]

RESNET50: Stages = ((3, 256), (4, 512), (6, 1024), (3, 2048))
RESNET20: Stages = ((3, 16), (3, 32), (3, 64))


@tried_with((2, 3, 4, 5), (1, 2, 6, 6))
def _se_residual(answer: Any, *shape: int) -> None:
    x = random_numbers(*shape)
    weights = random_numbers(x.shape[1], x.shape[1], seed=1)

    def branch(maps: Tensor) -> Tensor:
        return torch.einsum("dc,bchw->bdhw", weights, maps)

    def se(maps: Tensor) -> Tensor:
        return maps * torch.sigmoid(3 * maps.mean((2, 3), keepdim=True))

    def shortcut(maps: Tensor) -> Tensor:
        return 2 * maps

    relu = torch.relu
    y = call_for_tensor(answer, tuple(x.shape), "(B, C, H, W)", x, branch, se, shortcut)
    u, kept = branch(x), shortcut(x)
    mistakes = {
        "The gate stands behind the addition, so it shuts the shortcut too. That is 'post', the paper's worst place: "
        "gate the branch alone, then add.": se(relu(u + kept)),
        "The gate stands behind the addition. Gate the branch alone, then add.": relu(se(u + kept)),
        "There is a ReLU in front of SE. The gate must see what is negative, too: one ReLU, at the very end.": relu(
            se(relu(u)) + kept
        ),
        "The last ReLU is missing.": se(u) + kept,
        "The shortcut is missing: the block returns the branch alone.": relu(se(u)),
        "You add x itself. Where the shape changes it does not fit: call shortcut(x).": relu(se(u) + x),
        "SE is missing.": relu(u + kept),
        "The gate stands on the shortcut. That works too, but asked for is the standard place: on the branch.": relu(
            u + se(kept)
        ),
        "The gate stands in front of the branch. That works too, but asked for is the standard place: behind it.": relu(
            branch(se(x)) + kept
        ),
        "ReLU is applied to the branch only; it belongs to the sum.": relu(se(u)) + kept,
    }
    otherwise = "The shape is right, but the values are not relu(se(branch(x)) + shortcut(x))."
    compare(y, relu(se(u) + kept), mistakes, otherwise)


def _largest_reduction_rule(right: int, where: str) -> Rule:
    return Rule(
        wanted="a whole number",
        right=f"given == {right}",
        replies={
            f"given > {right}": f"With SE in {where} you give r = {{given:g}}. A block of {right} channels would have "
            f"{right} // {{given:g}} = 0 hidden units."
        },
        otherwise=f"With SE in {where} you give r = {{given:g}}, but a larger r works: {right} // {right} is still "
        "one hidden unit.",
    )


LARGEST_REDUCTION = SeveralNumbers(
    wanted="a pair, such as (8, 8): with SE in all stages, and in the last one only",
    labels=("SE in all stages: r", "in the last one only: r"),
    rules=(_largest_reduction_rule(16, "all stages"), _largest_reduction_rule(64, "the last stage only")),
)


def _added_weights(answer: Any) -> None:
    for stages, reduction in ((RESNET50, 16), (RESNET20, 4), (((2, 30),), 4), (((1, 8),), 8)):
        right = sum(N * 2 * C * (C // reduction) for N, C in stages)
        given = call(answer, list(stages), reduction)
        if given != right:
            hint = _added_weights_hint(given, stages, reduction)
            raise Wrong(f"For stages {list(stages)} and r = {reduction} you give {given}; it is {right}.{hint}")


def _added_weights_hint(given: Any, stages: Stages, r: int) -> str:
    mistakes = {
        "A block has two matrices; you count one.": sum(N * C * (C // r) for N, C in stages),
        "You count one block a stage; there are N.": sum(2 * C * (C // r) for _, C in stages),
        "You square N · C. Only C is squared, N just counts the blocks.": sum(2 * (N * C) ** 2 // r for N, C in stages),
        "C is squared: each matrix is as wide as C and as high as C // r.": sum(2 * N * C // r for N, C in stages),
        "You round too late: the hidden width is C // r, in each block.": sum(2 * N * C**2 // r for N, C in stages),
        "You do not round: the hidden width is C // r, a whole number.": sum(2 * N * C**2 / r for N, C in stages),
        "You count biases; the paper's formula counts weights only.": sum(
            N * (2 * C * (C // r) + C + C // r) for N, C in stages
        ),
        "You forget to divide by r.": sum(2 * N * C**2 for N, C in stages),
    }
    return next((f" {hint}" for hint, value in mistakes.items() if value == given), "")


LAST_STAGE_SHARE = NumberAnswer(
    wanted="a fraction, such as 1 / 2",
    right=near("192 / 579", 5e-4),
    replies={
        near("192 / 579", 2e-3): "You give {given:.4f}. It is about a third, but not that: give the quotient of your "
        "sums.",
        "(1 < given) * (given <= 100)": "You give {given:g}: give a fraction, not percent. All of it is 1.",
        near(0.625, 2e-3): "That is ResNet-50, with 6 blocks in stage 3. ResNet-101 has 23 there.",
        near("3 / 33", 2e-3): "That is the share of the blocks. A block of stage 4 is dearer than the others: C counts "
        "squared.",
        near("24 / 127", 2e-3): "You weigh the blocks by C. C counts squared.",
        near("64 / 85", 2e-3): "You leave out N, the number of blocks in a stage.",
    },
    otherwise="You give {given:.4f}. Divide N · C² of the last stage by the sum over all four stages.",
)


def _to_matrix(answer: Any) -> None:
    for out_features, in_features in ((4, 6), (1, 6), (6, 1), (5, 5)):
        weight = random_numbers(out_features, in_features, 1, 1)
        value = call(answer, weight)
        if not isinstance(value, Tensor):
            raise Wrong(f"Your function returns a {type(value).__name__}; it must return a tensor of shape (out, in).")
        shape = tuple(value.shape)
        if 1 in (out_features, in_features) and value.dim() < 2:
            raise Wrong(
                f"A weight of shape {tuple(weight.shape)} becomes {shape}: squeeze() takes away every length of 1, "
                "also the hidden width. Take away the last two only."
            )
        if shape == (in_features, out_features) != (out_features, in_features):
            raise Wrong(f"You transpose: {tuple(weight.shape)} becomes {shape}. Both layers store (out, in).")
        if shape != (out_features, in_features):
            raise Wrong(f"A weight of shape {tuple(weight.shape)} becomes {shape}; it must become (out, in).")
        if out_features == in_features and same(value, weight[:, :, 0, 0].T):
            raise Wrong("The shape is right, but you transpose. Both layers store (out, in).")
        if not same(value, weight[:, :, 0, 0]):
            raise Wrong("The shape is right, but the numbers have changed their places or values.")


LOGIT_OF_GATE = NumberAnswer(
    wanted="a number",
    right=near("log(3)", 2e-3),
    replies={
        near(1.5, 2e-3): "That is the gate itself. Which a makes 2·sigmoid(a) = 1.5?",
        near(0.75, 2e-3): "That is sigmoid(a). Solve for a once more: a = log(s / (1 - s)).",
        near("1 / (1 + exp(-1.5))", 2e-3): "That is sigmoid(1.5). You need the other direction: the a whose gate is "
        "1.5.",
        near("2 / (1 + exp(-1.5))", 2e-3): "That is the gate at a = 1.5. You need the other direction: the a whose "
        "gate is 1.5.",
        near("-log(3)", 2e-3): "The sign is wrong: a gate above 1 needs a above 0.",
    },
    otherwise="At a = {given:.4g} the gate is {gate:.4f}; it must be 1.5.",
    values={"gate": "2 / (1 + exp(-clamp(given, -50, 50)))"},
)


EXERCISES: Exercises = {
    "se_residual": (_se_residual, "Right: gate the branch, add the shortcut, and one ReLU at the end."),
    "largest_reduction": (LARGEST_REDUCTION, "Right: the narrowest stage with SE decides."),
    "added_weights": (_added_weights, "Right: two matrices a block, N blocks a stage, whole hidden widths."),
    "last_stage_share": (LAST_STAGE_SHARE, "Right: 192 of 579. The depth of ResNet-101 is in stage 3."),
    "to_matrix": (_to_matrix, "Right: the last two places go, whatever the other two are."),
    "logit_of_gate": (LOGIT_OF_GATE, "Right: a = log 3, because sigmoid(a) = 0.75."),
}
