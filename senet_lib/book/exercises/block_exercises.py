"""Checkers for the exercises on the block: chapters 2 to 4."""

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
    same,
    tried_with,
)
from senet_lib.book.exercises.page_answers import FormulaAnswer, Rule, SeveralNumbers
from senet_lib.networks.squeeze_excitation import SqueezeExcitation, hidden_width

# (B, C, H, W) to try an answer on: three sizes, several channels, and a batch of one.
MAPS = ((2, 3, 4, 5), (3, 2, 6, 6), (1, 4, 5, 3))
# What to add to an error of torch in the reader's code.
TRANSPOSES = "w1 is (C/r, C): multiply by its transpose, z @ w1.T. The same goes for w2, which is (C, C/r)."
PLACES_FOR_S = (
    "Broadcasting lines shapes up from the right, but s must meet the channels, not (H, W): "
    "give s two more places, at the right end, s[:, :, None, None]."
)


def _squeeze(answer: Any) -> None:
    for shape in MAPS:
        x = random_numbers(*shape)
        value = call(answer, x)
        if isinstance(value, Tensor) and tuple(value.shape) == (*shape[:2], 1, 1):
            raise Wrong(f"Your result has shape {tuple(value.shape)}. Drop the two places of size 1: z is (B, C).")
        z = call_for_tensor(answer, shape[:2], "(B, C)", x)
        mistakes = {
            "You add the values up. A mean also divides by H·W, so that z does not depend on the map's size.": (
                x.sum((2, 3))
            ),
            "You take the largest value. Squeeze takes the mean over all places.": x.amax((2, 3)),
            "You divide by 20, which is H·W for maps of 4x5 only. Take H and W from the shape of x, or use mean.": (
                x.sum((2, 3)) / 20
            ),
            "Your window is 4x5 for each map, so of a larger one you see a corner only. Squeeze takes the whole map, "
            "however large it is.": x[:, :, :4, :5].mean((2, 3)),
        }
        otherwise = "The shape is right, but the values are not the means over height and width of each channel."
        compare(z, x.mean((2, 3)), mistakes, otherwise)


def _same_squeeze(answer: Any) -> None:
    if not (isinstance(answer, tuple) and len(answer) == 2 and all(isinstance(a, Tensor) for a in answer)):
        raise Wrong("Give two tensors: check('same_squeeze', (a, b)).")
    a, b = answer
    if a.dim() != 2 or a.shape != b.shape:
        raise Wrong(f"Give two maps of the same shape (H, W); yours are {tuple(a.shape)} and {tuple(b.shape)}.")
    if not same(a.float().mean(), b.float().mean()):
        raise Wrong(f"Their means are {a.float().mean():.3f} and {b.float().mean():.3f}; they must be equal.")
    if torch.equal(a, b):
        raise Wrong("The two maps are the same.")
    if same(a.float().max(), b.float().max()):
        raise Wrong(f"Their largest values are both {a.max():g}; choose maps that a max squeeze can tell apart.")


@tried_with((3, 8, 2), (1, 6, 3), (2, 4, 1))
def _excite(answer: Any, pictures: int, channels: int, hidden_units: int) -> None:
    z = random_numbers(pictures, channels, seed=0)
    w1, w2 = random_numbers(hidden_units, channels, seed=1), random_numbers(channels, hidden_units, seed=2)
    hints = {"cannot be multiplied": TRANSPOSES}
    s = call_for_tensor(answer, (pictures, channels), "(B, C)", z, w1, w2, hints=hints)
    hidden = z @ w1.T
    mistakes = {
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
        "You end with tanh, which goes from -1 to 1. A gate must lie between 0 and 1: end with the sigmoid.": (
            torch.tanh(torch.relu(hidden) @ w2.T)
        ),
        "You end with ReLU, which has no upper end. A gate must lie between 0 and 1: end with the sigmoid.": (
            torch.relu(torch.relu(hidden) @ w2.T)
        ),
        "You apply the sigmoid twice: ReLU comes between the layers, the sigmoid only at the end.": (
            torch.sigmoid(torch.sigmoid(hidden) @ w2.T)
        ),
    }
    otherwise = "The shape is right, but the values are not those of sigmoid(relu(z W1ᵀ) W2ᵀ)."
    compare(s, torch.sigmoid(torch.relu(hidden) @ w2.T), mistakes, otherwise)


class WidthsByChannels(SeveralNumbers):
    """Several numbers that a notebook gives as a dictionary, from channels to hidden width."""

    def __call__(self, answer: Any) -> None:
        if not isinstance(answer, dict):
            raise Wrong(f"Give a dictionary from channels to hidden width, {{16: ..., 64: ...}}, not {answer!r}.")
        missing = [str(c) for c in WIDTHS_OF if c not in answer]
        if missing:
            raise Wrong(f"Your dictionary has no width for {', '.join(missing)}. Its keys are the numbers of channels.")
        if any(answer[c] is None or answer[c] is ... for c in WIDTHS_OF):
            raise Wrong("Not answered yet: replace the ... in your dictionary by widths.")
        super().__call__(
            [number(answer[c], rule.wanted) for c, rule in zip(WIDTHS_OF, self.rules, strict=True)],
        )


def _width_rule(channels: int, reduction: int) -> Rule:
    quotient, width = channels / reduction, hidden_width(channels, reduction)
    up = f"For {channels} channels you round {quotient:g} up to {{given:g}}; C // r rounds down."
    return Rule(
        wanted=f"a whole number for {channels} channels",
        right=f"given == {width}",
        replies={
            f"given == {quotient}": f"{channels} / {reduction} is {quotient:g}, but a width is a whole number: "
            "C // r rounds down.",
            f"given == {math.ceil(quotient)}": up,
        },
        otherwise=f"For {channels} channels you give {{given:.10g}}; {channels} // {reduction} is {width}.",
    )


WIDTHS_OF = (16, 64, 100, 2048)
HIDDEN_WIDTHS = WidthsByChannels(
    wanted="four whole numbers",
    labels=tuple(f"C = {channels}" for channels in WIDTHS_OF),
    rules=tuple(_width_rule(channels, 16) for channels in WIDTHS_OF),
    together=(
        (
            (16, 16, 16, 16),
            "16 is r, by how much the layer narrows. The hidden width is C // r, another one for each C.",
        ),
    ),
)


def _se_parameters_rule(channels: int, reduction: int, bias: bool) -> Rule:
    hidden, rounded_up = channels // reduction, math.ceil(channels / reduction)
    right = sum(one.numel() for one in SqueezeExcitation(channels, reduction, bias=bias).parameters())
    lead = f"For C = {channels}, r = {reduction}, bias = {bias} you give {{given:.10g}}; it is {right}."
    hints = [
        (channels * hidden + (channels + hidden) * bias, "You count one weight matrix; there are two, W1 and W2."),
        (2 * channels**2 / reduction, "The hidden width is a whole number: C // r, not C / r."),
        (
            2 * channels * rounded_up + (channels + rounded_up) * bias,
            f"You round {channels / reduction:g} to {rounded_up}; C // r always rounds down, here to {hidden}.",
        ),
    ]
    if bias:
        hints.insert(1, (2 * channels * hidden, "You leave out the biases."))
        own_biases = "The first layer has C // r biases, the second has C."
        hints[2:2] = [(2 * channels * hidden + count, own_biases) for count in (2 * channels, channels)]
    else:
        hints.insert(1, (2 * channels * hidden + channels + hidden, "Without biases there are only the weights."))
    replies: dict[str, str] = {}
    for value, hint in hints:
        if value != right:
            replies.setdefault(f"given == {value}", f"{lead} {hint}")  # of two with one value the first speaks
    return Rule(wanted="a whole number", right=f"given == {right}", replies=replies, otherwise=lead)


SE_PARAMETERS = FormulaAnswer(
    variables=("C", "r", "bias"),
    cases=tuple(
        (arguments, _se_parameters_rule(*arguments))
        for arguments in ((64, 16, False), (64, 16, True), (32, 4, True), (30, 4, False))
    ),
    template="C // r + bias * C",
)


@tried_with((2, 4, 4, 4), *MAPS)  # as many rows and columns as channels: else a wrong axis is an error of torch
def _rescale(answer: Any, *shape: int) -> None:
    x, s = random_numbers(*shape), torch.sigmoid(random_numbers(*shape[:2], seed=1))
    before = x.clone()
    x_tilde = call_for_tensor(answer, shape, "(B, C, H, W)", x, s, hints={"must match the size": PLACES_FOR_S})
    refuse_changed(x, before)
    mistakes = {"You multiply by x twice: this is x²·s. The block scales x once.": x * x * s[:, :, None, None]}
    if shape[1] == shape[2] == shape[3] and any(
        same(x_tilde, x * wrong) for wrong in (s[:, None, None, :], s[:, None, :, None])
    ):
        raise Wrong("You scale rows or columns, not channels: the C of s must stand in the second place, (B, C, 1, 1).")
    otherwise = "The shape is right, but channel c of picture b is not multiplied by s[b, c]."
    compare(x_tilde, x * s[:, :, None, None], mistakes, otherwise)


@tried_with((32,), (48,))
def _near_identity(answer: Any, channels: int) -> None:
    if isinstance(answer, nn.Module):
        raise Wrong(f"Give the function that makes the block, not the {type(answer).__name__} itself.")
    block = call(answer, channels)
    if not isinstance(block, SqueezeExcitation):
        raise Wrong(f"Return a SqueezeExcitation block, not a module of type {type(block).__name__}.")
    if block.channels != channels:
        raise Wrong(f"near_identity({channels}) returns a block for {block.channels} channels; use the argument.")
    if not isinstance(block.gate, nn.Sigmoid):
        raise Wrong("Keep the sigmoid gate: the exercise is about where it starts.")
    if block.fc2.bias is None:
        raise Wrong("Keep the biases (bias=True): the bias of the second layer is what opens the gates.")
    if not all(parameter.requires_grad for parameter in block.parameters()):
        raise Wrong("Some weights are frozen. The block must start near the identity, and still be able to learn.")
    x = random_numbers(8, channels, 6, 6)
    with torch.no_grad():
        gates = block.excite(block.squeeze(x))
    if gates.min() > 0.99:
        _refuse_stuck(block)
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


def _refuse_stuck(block: SqueezeExcitation) -> None:
    """A block whose gates cannot move is wrong: after one backward pass, fc2 must have gradients."""
    shape = (64, block.channels, 4, 4)
    x = random_numbers(*shape) + 3 * random_numbers(
        *shape[:2], 1, 1, seed=1
    )  # so varied a z wakes every hidden unit that can wake
    loss = (block(x) * random_numbers(*shape, seed=2)).sum()
    to_weight, to_bias = torch.autograd.grad(loss, (block.fc2.weight, block.fc2.bias))
    stuck = int((to_bias == 0).sum())
    if stuck:
        raise Wrong(
            f"{stuck} of {block.channels} gates cannot learn: they are so close to 1 that the sigmoid is flat, and "
            "the gradient of fc2.bias and fc2.weight is exactly 0. A bias of about 6 is open enough."
        )
    if not to_weight.any():
        raise Wrong(
            "The block cannot learn to look at z: its hidden units are 0 for every picture, so neither fc2.weight nor "
            "fc1 gets a gradient. Leave fc1 as it was made; only the weights of fc2 need be zero."
        )


@tried_with(((3, 8, 4, 5), 2), ((1, 6, 5, 5), 3))
def _find_the_bug(answer: Any, shape: tuple[int, int, int, int], hidden: int) -> None:
    channels = shape[1]
    x = random_numbers(*shape) + random_numbers(*shape[:2], 1, 1, seed=1)
    w1, b1, w2, b2 = (
        random_numbers(hidden, channels, seed=2),
        random_numbers(hidden, seed=3),
        random_numbers(channels, hidden, seed=4),
        random_numbers(channels, seed=5),
    )

    def logits(z: Tensor) -> Tensor:
        return (torch.relu(z @ w1.T + b1) @ w2.T + b2)[:, :, None, None]

    s = torch.sigmoid(logits(x.mean((2, 3))))
    before = x.clone()
    hints = {"cannot be multiplied": TRANSPOSES, "singleton dimension 3": PLACES_FOR_S}
    value = call(answer, x, w1, b1, w2, b2, hints=hints)
    refuse_changed(x, before)
    if isinstance(value, Tensor) and value.numel() == s.numel() and same(value.flatten(), s.flatten()):
        raise Wrong("You return only the gates s. The block returns x with each channel multiplied by its gate.")
    x_tilde = call_for_tensor(answer, shape, "(B, C, H, W)", x, w1, b1, w2, b2)
    mistakes = {
        "Still x twice: this is x²·s, which is never negative. In which line does x come in once too often?": x * x * s,
        "You squeeze with the largest value now. The mean was right; look further down.": (
            x * torch.sigmoid(logits(x.amax((2, 3))))
        ),
        "The sigmoid is missing now. It was right, for gates must lie between 0 and 1; look further down.": (
            x * logits(x.mean((2, 3)))
        ),
        "You return only the gates s, at every place. The block returns x, multiplied by them.": s.expand_as(x),
    }
    otherwise = "The shape is right, but the values are not x·s. The lines for z and s were right; keep them."
    compare(x_tilde, x * s, mistakes, otherwise)


EXERCISES: Exercises = {
    "squeeze": (_squeeze, "Right: one mean for each channel, whatever the size of the map."),
    "same_squeeze": (_same_squeeze, "Right: the mean cannot tell these maps apart, the maximum can."),
    "excite": (_excite, "Right: narrow, ReLU, widen, sigmoid."),
    "se_parameters": (SE_PARAMETERS, "Right: two matrices of C · (C // r) weights, and C // r + C biases."),
    "hidden_widths": (
        HIDDEN_WIDTHS,
        "Right: C // 16. With 16 channels one hidden unit is all that is left.",
    ),
    "rescale": (_rescale, "Right: each channel times its own gate, at every place."),
    "near_identity": (
        _near_identity,
        "Right: the block starts by letting everything pass, and learns what to hold back.",
    ),
    "find_the_bug": (_find_the_bug, "Right: x once, times its gate."),
}
