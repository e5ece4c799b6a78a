"""Checkers for the exercises: they try your answer and, where it is wrong, say what is wrong with it.

In a notebook: ``check("squeeze", my_squeeze)``. The name of each exercise stands in its text.
"""

import difflib
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.blocks import SqueezeExcitation
from senet_lib.receptive_field import Layer, receptive_field


@dataclass(frozen=True, repr=False)
class CheckResult:
    """Whether an answer is right, and what to say about it. A notebook shows the message."""

    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{'✓' if self.passed else '✗'} {self.message}"


class Wrong(Exception):
    """The answer is wrong; the message tells the reader why."""


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


def _call(function: Any, *arguments: Any) -> Any:
    """The value of the reader's function; whatever goes wrong in it is a wrong answer, with its reason."""
    if isinstance(function, nn.Module):
        raise Wrong(f"Give the function itself, not the {type(function).__name__} that it returns.")
    if not callable(function):
        raise Wrong(f"Give the function itself, not {function!r}.")
    try:
        value = function(*arguments)
    except Exception as error:  # whatever the reader's code raises is the reader's to see
        raise Wrong(f"Your function stops with {type(error).__name__}: {error}") from error
    if value is None or value is ...:
        raise Wrong("Your function returns nothing yet: replace the ... by your code, and return the result.")
    return value


def _call_for_tensor(function: Any, shape: tuple[int, ...], letters: str, *arguments: Any) -> Tensor:
    value = _call(function, *arguments)
    if not isinstance(value, Tensor):
        raise Wrong(f"Your function returns a {type(value).__name__}; it must return a tensor of shape {letters}.")
    if tuple(value.shape) != shape:
        raise Wrong(f"Your result has shape {tuple(value.shape)}; it must be {letters} = {shape}.")
    return value


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a.double(), b.double(), rtol=1e-4, atol=1e-6)


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _is_number(value: Any) -> bool:
    return isinstance(value, (numbers.Real, np.number)) and not isinstance(value, bool)


def _field_size(answer: Any) -> None:
    for kernels, strides in [([3], [1]), ([3, 3], [1, 1]), ([3, 3], [2, 1]), ([3, 3], [1, 2]), ([7, 3, 3], [2, 2, 1])]:
        layers = [Layer(kernel, stride) for kernel, stride in zip(kernels, strides, strict=True)]
        right = receptive_field(layers)[-1].size
        given = _call(answer, kernels, strides)
        if given == right:
            continue
        hint = ""
        if given == sum(kernels):
            hint = " You add whole kernels; each layer adds kernel - 1 steps to what was there."
        elif given == 1 + sum(kernel - 1 for kernel in kernels):
            hint = " You leave out the strides: after a stride of 2, each step of a kernel spans 2 pixels."
        elif given == 1 + sum((k - 1) * math.prod(strides[: i + 1]) for i, k in enumerate(kernels)):
            hint = " A layer's own stride does not widen its own window, only the windows of the layers after it."
        raise Wrong(f"For kernels {kernels} and strides {strides} you give {given}; it is {right}.{hint}")


def _layers_to_see_both(answer: Any) -> None:
    if not _is_number(answer):
        raise Wrong(f"Give a whole number, not {answer!r}.")
    if answer == 0:
        raise Wrong("With no more layers the field stays 17 pixels wide, and the nearest cue and glyph need 18.")
    if answer != 1:
        raise Wrong(
            f"You give {answer}. Each further 3x3 layer adds 2 steps, and a step is now 2 pixels: 17 + 4 per layer. "
            "You need at least 18, with as few layers as you can."
        )


def _cue_blind_three_shapes(answer: Any) -> None:
    if not _is_number(answer):
        raise Wrong(f"Give a number, such as 9 / 16, not {answer!r}.")
    if math.isclose(answer, 17 / 27, abs_tol=1e-3):
        return
    hints = {
        9 / 16: "That is the value for four shapes; here there are three.",
        1 / 3: "That is pure guessing. Whoever sees the glyphs can vote for the shape that is there most often.",
        1 / 9: "That is how often all three shapes are the same. The other cases also give something.",
        5 / 9: "You have counted the cases with a repeated shape, and left out the six with three different ones.",
    }
    for value, hint in hints.items():
        if math.isclose(answer, value, abs_tol=1e-3):
            raise Wrong(hint)
    raise Wrong(
        f"You give {float(answer):.4f}. There are 27 triples: count those with three equal shapes, with two, and with "
        "none, and weigh them by 1, 2/3 and 1/3."
    )


def _squeeze(answer: Any) -> None:
    x = _random(2, 3, 4, 5)
    value = _call(answer, x)
    if isinstance(value, Tensor) and tuple(value.shape) == (2, 3, 1, 1):
        raise Wrong("Your result has shape (2, 3, 1, 1). Drop the two places of size 1: z is (B, C).")
    z = _call_for_tensor(answer, (2, 3), "(B, C)", x)
    if _same(z, x.sum((2, 3))):
        raise Wrong("You add the values up. A mean also divides by H·W, so that z does not depend on the map's size.")
    if _same(z, x.amax((2, 3))):
        raise Wrong("You take the largest value. Squeeze takes the mean over all places.")
    if not _same(z, x.mean((2, 3))):
        raise Wrong("The shape is right, but the values are not the means over height and width of each channel.")


def _same_squeeze(answer: Any) -> None:
    if not (isinstance(answer, tuple) and len(answer) == 2 and all(isinstance(a, Tensor) for a in answer)):
        raise Wrong("Give two tensors: check('same_squeeze', (a, b)).")
    a, b = answer
    if a.dim() != 2 or a.shape != b.shape:
        raise Wrong(f"Give two maps of the same shape (H, W); yours are {tuple(a.shape)} and {tuple(b.shape)}.")
    if not _same(a.float().mean(), b.float().mean()):
        raise Wrong(f"Their means are {a.float().mean():.3f} and {b.float().mean():.3f}; they must be equal.")
    if torch.equal(a, b):
        raise Wrong("The two maps are the same.")
    if _same(a.float().max(), b.float().max()):
        raise Wrong(f"Their largest values are both {a.max():g}; choose maps that a max squeeze can tell apart.")


def _excite(answer: Any) -> None:
    z, w1, w2 = _random(2, 8, seed=0), _random(2, 8, seed=1), _random(8, 2, seed=2)
    s = _call_for_tensor(answer, (2, 8), "(B, C)", z, w1, w2)
    hidden = z @ w1.T
    wrong = {
        "You leave out the sigmoid: gates must lie between 0 and 1.": torch.relu(hidden) @ w2.T,
        "You leave out the ReLU between the two layers.": torch.sigmoid(hidden @ w2.T),
        "You end with softmax: then the gates share one unit of attention, and opening one closes the others.": (
            torch.softmax(torch.relu(hidden) @ w2.T, 1)
        ),
        "You have swapped the two functions: ReLU comes between the layers, the sigmoid at the end.": (
            torch.relu(torch.sigmoid(hidden) @ w2.T)
        ),
        "You apply ReLU to the last layer before the sigmoid: then no gate can fall below 0.5.": (
            torch.sigmoid(torch.relu(torch.relu(hidden) @ w2.T))
        ),
    }
    for message, value in wrong.items():
        if _same(s, value):
            raise Wrong(message)
    if not _same(s, torch.sigmoid(torch.relu(hidden) @ w2.T)):
        raise Wrong("The shape is right, but the values are not those of sigmoid(relu(z W1ᵀ) W2ᵀ).")


def _se_parameters(answer: Any) -> None:
    for channels, reduction, bias in [(64, 16, False), (64, 16, True), (32, 4, True), (30, 4, False)]:
        block = SqueezeExcitation(channels, reduction, bias=bias)
        right = sum(parameter.numel() for parameter in block.parameters())
        given = _call(answer, channels, reduction, bias)
        if given == right:
            continue
        hidden, hint = channels // reduction, ""
        if given == channels * hidden + (channels + hidden) * bias:
            hint = " You count one weight matrix; there are two, W1 and W2."
        elif bias and given == 2 * channels * hidden:
            hint = " You leave out the biases."
        elif not bias and given == 2 * channels * hidden + channels + hidden:
            hint = " Without biases there are only the weights."
        elif bias and given in (2 * channels * hidden + 2 * channels, 2 * channels * hidden + channels):
            hint = " The first layer has C // r biases, the second has C."
        elif given == 2 * channels**2 / reduction:
            hint = " The hidden width is a whole number: C // r, not C / r."
        raise Wrong(f"For C = {channels}, r = {reduction}, bias = {bias} you give {given}; it is {right}.{hint}")


def _rescale(answer: Any) -> None:
    x, s = _random(2, 4, 4, 4), torch.rand(2, 4, generator=torch.Generator().manual_seed(1))
    before = x.clone()
    try:
        x_tilde = _call_for_tensor(answer, (2, 4, 4, 4), "(B, C, H, W)", x, s)
    except Wrong as wrong:
        if "must match the size" in str(wrong):
            raise Wrong(
                f"{wrong}. Broadcasting lines shapes up from the right, so (B, C) meets (H, W): give s two more places."
            ) from wrong
        raise
    if not torch.equal(x, before):
        raise Wrong("Your function changes x itself. Return a new tensor: the shortcut still needs the old one.")
    if _same(x_tilde, x * x * s[:, :, None, None]):
        raise Wrong("You multiply by x twice: this is x²·s. The block scales x once.")
    if any(_same(x_tilde, x * wrong) for wrong in (s[:, None, None, :], s[:, None, :, None])):
        raise Wrong("You scale rows or columns, not channels: the C of s must stand in the second place, (B, C, 1, 1).")
    if not _same(x_tilde, x * s[:, :, None, None]):
        raise Wrong("The shape is right, but channel c of picture b is not multiplied by s[b, c].")
    wide = _random(2, 4, 5, 6)
    _call_for_tensor(answer, (2, 4, 5, 6), "(B, C, H, W)", wide, s)


def _near_identity(answer: Any) -> None:
    block = _call(answer, 32)
    if not isinstance(block, SqueezeExcitation):
        raise Wrong(f"Return a SqueezeExcitation block, not a module of type {type(block).__name__}.")
    if block.channels != 32:
        raise Wrong(f"near_identity(32) returns a block for {block.channels} channels; use the argument.")
    if not isinstance(block.gate, nn.Sigmoid):
        raise Wrong("Keep the sigmoid gate: the exercise is about where it starts.")
    if not all(parameter.requires_grad for parameter in block.parameters()):
        raise Wrong("Some weights are frozen. The block must start near the identity, and still be able to learn.")
    x = _random(8, 32, 6, 6)
    with torch.no_grad():
        gates = block.excite(block.squeeze(x))
    if gates.min() > 0.99:
        return
    if gates.max() - gates.min() < 1e-6:
        raise Wrong(
            f"All gates are {gates.mean():.3f}: the second layer's weights no longer matter, good. Its bias decides "
            "where the sigmoid starts; for more than 0.99 it must be above 4.6."
        )
    raise Wrong(
        f"The gates go from {gates.min():.3f} to {gates.max():.3f}; all must be above 0.99. First make the second "
        "layer's weights zero, so that the gates do not depend on z; then choose its bias."
    )


# For each exercise: how to check it, and what to say when it is right.
EXERCISES: dict[str, tuple[Callable[[Any], None], str]] = {
    "field_size": (_field_size, "Right: strides before a layer widen its steps, its own does not."),
    "layers_to_see_both": (_layers_to_see_both, "Right: 17 + 2·2 = 21 pixels, and 18 are enough."),
    "cue_blind_three_shapes": (_cue_blind_three_shapes, "Right: 3/27·1 + 18/27·2/3 + 6/27·1/3 = 17/27."),
    "squeeze": (_squeeze, "Right: one mean for each channel, whatever the size of the map."),
    "same_squeeze": (_same_squeeze, "Right: the mean cannot tell these maps apart, the maximum can."),
    "excite": (_excite, "Right: narrow, ReLU, widen, sigmoid."),
    "se_parameters": (_se_parameters, "Right: two matrices of C · (C // r) weights, and C // r + C biases."),
    "rescale": (_rescale, "Right: each channel times its own gate, at every place."),
    "near_identity": (
        _near_identity,
        "Right: the block starts by letting everything pass, and learns what to hold back.",
    ),
}
