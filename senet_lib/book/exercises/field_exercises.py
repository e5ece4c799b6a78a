"""Checkers for the exercises on the receptive field: chapter 1."""

import math
from typing import Any

from senet_lib.book.exercises.answers import Exercises, Wrong, call
from senet_lib.book.exercises.page_answers import NumberAnswer, near
from senet_lib.cost.receptive_field import Layer, receptive_field

LAYERS_TO_SEE_BOTH = NumberAnswer(
    wanted="a whole number",
    right="given == 1",
    replies={
        "given == 0": "With no more layers the field stays 17 pixels wide, and the nearest cue and glyph need 18."
    },
    otherwise="You give {given:g}. Each further 3x3 layer adds 2 steps, and a step is now 2 pixels: 17 + 4 per "
    "layer. You need at least 18, with as few layers as you can.",
)
CUE_BLIND_THREE_SHAPES = NumberAnswer(
    wanted="a number, such as 9 / 16",
    right=near("17 / 27", 1e-3),
    replies={
        "(1 < given) * (given <= 100)": "You give {given:g}: give a fraction, not percent. Always right is 1.",
        near("9 / 16", 1e-3): "That is the value for four shapes; here there are three.",
        near("1 / 3", 1e-3): "That is pure guessing. Whoever sees the glyphs can vote for the shape that is there most "
        "often.",
        near("1 / 9", 1e-3): "That is how often all three shapes are the same. The other cases also give something.",
        near("5 / 9", 1e-3): "You have counted the cases with a repeated shape, and left out the six with three "
        "different ones.",
    },
    otherwise="You give {given:.4f}. There are 27 triples: count those with three equal shapes, with two, and with "
    "none, and weigh them by 1, 2/3 and 1/3.",
)


def _field_size(answer: Any) -> None:
    for kernels, strides in [([3], [1]), ([3, 3], [1, 1]), ([3, 3], [2, 1]), ([3, 3], [1, 2]), ([7, 3, 3], [2, 2, 1])]:
        layers = [Layer(kernel, stride) for kernel, stride in zip(kernels, strides, strict=True)]
        right = receptive_field(layers)[-1].size
        given = call(answer, kernels, strides)
        if given != right:
            hint = _field_size_hint(given, kernels, strides)
            raise Wrong(f"For kernels {kernels} and strides {strides} you give {given}; it is {right}.{hint}")


def _field_size_hint(given: Any, kernels: list[int], strides: list[int]) -> str:
    def width(steps: list[int], jumps: list[int]) -> int:
        return 1 + sum(step * jump for step, jump in zip(steps, jumps, strict=True))

    steps = [kernel - 1 for kernel in kernels]
    jumps, own_jumps = ([math.prod(strides[: i + own]) for i in range(len(strides))] for own in (0, 1))
    mistakes = [
        (sum(kernels), "You add whole kernels; each layer adds kernel - 1 steps to what was there."),
        (1 + sum(steps), "You leave out the strides: after a stride of 2, each step of a kernel spans 2 pixels."),
        (
            width(steps, own_jumps),
            "A layer's own stride does not widen its own window, only the windows of the layers after it.",
        ),
        (
            width(steps, [1, *strides[:-1]]),
            "Your jump is only the last stride. Strides multiply, jump *= stride: after two strides of 2, a step spans "
            "4 pixels.",
        ),
        (
            width(kernels, jumps),
            "You add kernel times the jump; each layer adds kernel - 1 times the jump, for one pixel is there already.",
        ),
    ]
    return next((f" {hint}" for size, hint in mistakes if given == size), "")


EXERCISES: Exercises = {
    "field_size": (_field_size, "Right: strides before a layer widen its steps, its own does not."),
    "layers_to_see_both": (LAYERS_TO_SEE_BOTH, "Right: 17 + 2·2 = 21 pixels, and 18 are enough."),
    "cue_blind_three_shapes": (CUE_BLIND_THREE_SHAPES, "Right: 3/27·1 + 18/27·2/3 + 6/27·1/3 = 17/27."),
}
