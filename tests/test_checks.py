"""Tests of senet_lib.checks: right answers pass, and each typical mistake hears what is wrong with it."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from senet_lib.blocks import SqueezeExcitation
from senet_lib.checks import EXERCISES, CheckResult, check
from senet_lib.context_world import WINDOW_FOR_BOTH
from senet_lib.models import small_resnet
from senet_lib.receptive_field import Layer, grow, main_path, receptive_field

# --- answers ----------------------------------------------------------------------------------------------------------


def field_size(kernels, strides):
    size, jump = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        size += (kernel - 1) * jump
        jump *= stride
    return size


def field_size_with_own_stride(kernels, strides):
    size, jump = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        jump *= stride
        size += (kernel - 1) * jump
    return size


def squeeze_with_a_loop(u):
    z = torch.zeros(u.shape[:2])
    for picture in range(len(u)):
        for channel in range(u.shape[1]):
            z[picture, channel] = u[picture, channel].sum() / u[picture, channel].numel()
    return z


def excite(z, w1, w2):
    return torch.sigmoid(torch.relu(z @ w1.T) @ w2.T)


def excite_with_functions(z, w1, w2):
    return nn.functional.linear(nn.functional.linear(z, w1).clamp(min=0), w2).sigmoid()


def se_parameters(channels, reduction, bias):
    hidden = channels // reduction
    return 2 * channels * hidden + (channels + hidden if bias else 0)


def rescale(x, s):
    return x * s[:, :, None, None]


def rescale_in_place(x, s):
    x *= s[:, :, None, None]
    return x


def only_for_squares(x, s):
    return x * s.repeat_interleave(4, 1).repeat_interleave(4, 1).view(2, 4, 4, 4)


def open_block(bias: float = 5.0, reduction: int = 16, weights: float = 0.0):
    def make(channels):
        block = SqueezeExcitation(channels, reduction)
        nn.init.constant_(block.fc2.weight, weights)
        nn.init.constant_(block.fc2.bias, bias)
        return block

    return make


def frozen_block(channels):
    return open_block()(channels).requires_grad_(False)


def block_with_another_gate(channels):
    block = open_block()(channels)
    block.gate = nn.Identity()
    return block


def block_with_untouched_weights(channels):
    torch.manual_seed(0)
    return SqueezeExcitation(channels)


def fails(*_):
    raise ZeroDivisionError("the reader's own mistake")


SPOT, GLOW = torch.zeros(4, 4), torch.ones(4, 4)
SPOT[1, 2] = 16.0
FIELD = receptive_field(main_path(small_resnet()))[-1]
NOTHING_YET = "returns nothing yet"

RIGHT = {
    "field_size": [field_size],
    "layers_to_see_both": [1],
    "cue_blind_three_shapes": [17 / 27, 3 / 27 * 1 + 18 / 27 * 2 / 3 + 6 / 27 / 3, 0.63, np.float64(17 / 27)],
    "squeeze": [lambda u: u.mean((2, 3)), lambda u: u.flatten(2).mean(-1), squeeze_with_a_loop],
    "same_squeeze": [(SPOT, GLOW), (torch.tensor([[0, 4]]), torch.tensor([[2, 2]]))],
    "excite": [excite, excite_with_functions],
    "se_parameters": [se_parameters, lambda c, r, bias: 2 * c * (c // r) + bias * (c + c // r)],
    "rescale": [rescale, lambda x, s: torch.einsum("bchw,bc->bchw", x, s)],
    "near_identity": [open_block(), open_block(reduction=4), open_block(bias=6.0, weights=1e-4)],
}

# For each exercise: wrong answers, and words of what the reader must hear.
WRONG = {
    "field_size": [
        (lambda kernels, strides: sum(kernels), "add whole kernels"),
        (lambda kernels, strides: 1 + sum(kernel - 1 for kernel in kernels), "leave out the strides"),
        (field_size_with_own_stride, "own stride does not widen its own window"),
        (lambda kernels, strides: 7, "For kernels [3] and strides [1] you give 7; it is 3."),
        (lambda kernels, strides: None, NOTHING_YET),
        (3, "Give the function itself, not 3"),
        (lambda kernels: 3, "TypeError"),
    ],
    "layers_to_see_both": [
        (0, f"stays {FIELD.size} pixels wide, and the nearest cue and glyph need {WINDOW_FOR_BOTH}"),
        (2, f"{FIELD.size} + {2 * FIELD.jump} per layer"),
        (WINDOW_FOR_BOTH, f"You give {WINDOW_FOR_BOTH}."),
        ("1", "Give a whole number, not '1'"),
    ],
    "cue_blind_three_shapes": [
        (9 / 16, "four shapes"),
        (1 / 3, "pure guessing"),
        (1 / 9, "all three shapes are the same"),
        (5 / 9, "the six with three different ones"),
        (0.7, "You give 0.7000"),
        ("17/27", "Give a number"),
    ],
    "squeeze": [
        (lambda u: u.mean((2, 3), keepdim=True), "Drop the two places of size 1"),
        (lambda u: u.sum((2, 3)), "You add the values up"),
        (lambda u: u.amax((2, 3)), "You take the largest value"),
        (lambda u: u.mean(1), "shape (2, 4, 5); it must be (B, C) = (2, 3)"),
        (lambda u: u.mean(), "shape (); it must be"),
        (lambda u: u.amin((2, 3)), "not the means over height and width"),
        (lambda u: u.tolist(), "returns a list"),
        (lambda u: ..., NOTHING_YET),
        (torch.ones(2, 3), "Give the function itself"),
        (lambda u: u.mean((2, 4)), "IndexError"),
    ],
    "same_squeeze": [
        (SPOT, "Give two tensors"),
        ((SPOT, GLOW, GLOW), "Give two tensors"),
        ((SPOT, 2 * GLOW), "Their means are 1.000 and 2.000"),
        ((GLOW, GLOW.clone()), "The two maps are the same"),
        ((SPOT, SPOT.T), "largest values are both 16"),
        ((SPOT, GLOW[:2]), "(4, 4) and (2, 4)"),
        ((SPOT[None], GLOW[None]), "(1, 4, 4) and (1, 4, 4)"),
    ],
    "excite": [
        (lambda z, w1, w2: torch.relu(z @ w1.T) @ w2.T, "leave out the sigmoid"),
        (lambda z, w1, w2: torch.sigmoid(z @ w1.T @ w2.T), "leave out the ReLU"),
        (lambda z, w1, w2: torch.softmax(torch.relu(z @ w1.T) @ w2.T, 1), "softmax"),
        (lambda z, w1, w2: torch.relu(torch.sigmoid(z @ w1.T) @ w2.T), "swapped the two functions"),
        (lambda z, w1, w2: torch.sigmoid(torch.relu(torch.relu(z @ w1.T) @ w2.T)), "no gate can fall below 0.5"),
        (lambda z, w1, w2: torch.tanh(torch.relu(z @ w1.T) @ w2.T), "not those of sigmoid"),
        (lambda z, w1, w2: torch.relu(z @ w1.T), "shape (2, 2); it must be (B, C) = (2, 8)"),
        (lambda z, w1, w2: z @ w1, "RuntimeError"),
        (lambda z, w1, w2: None, NOTHING_YET),
    ],
    "se_parameters": [
        (lambda c, r, bias: c * (c // r) + bias * (c + c // r), "count one weight matrix"),
        (lambda c, r, bias: 2 * c * (c // r), "leave out the biases"),
        (lambda c, r, bias: 2 * c * (c // r) + c + c // r, "Without biases there are only the weights"),
        (lambda c, r, bias: 2 * c * (c // r) + bias * 2 * c, "The first layer has C // r biases"),
        (lambda c, r, bias: 2 * c * (c // r) + bias * c, "The first layer has C // r biases"),
        (lambda c, r, bias: 2 * c * c / r + bias * (c + c // r), "The hidden width is a whole number"),
        (lambda c, r, bias: 600, "For C = 64, r = 16, bias = False you give 600; it is 512."),
        (lambda c, r: 600, "TypeError"),
    ],
    "rescale": [
        (lambda x, s: x * s, "give s two more places"),
        (rescale_in_place, "changes x itself"),
        (lambda x, s: x * x * s[:, :, None, None], "You multiply by x twice"),
        (lambda x, s: x * s[:, None, None, :], "You scale rows or columns"),
        (lambda x, s: x * s[:, None, :, None], "You scale rows or columns"),
        (lambda x, s: x + s[:, :, None, None], "is not multiplied by s[b, c]"),
        (lambda x, s: s[:, :, None, None], "shape (2, 4, 1, 1)"),
        (only_for_squares, "RuntimeError"),
        (lambda x, s: None, NOTHING_YET),
    ],
    "near_identity": [
        (open_block(bias=4.0), "above 4.6"),
        (block_with_untouched_weights, "all must be above 0.99"),
        (frozen_block, "Some weights are frozen"),
        (block_with_another_gate, "Keep the sigmoid gate"),
        (lambda channels: nn.Identity(), "not a module of type Identity"),
        (lambda channels: SqueezeExcitation(channels, 64), "use a reduction from 1 to 32"),
        (lambda channels: None, NOTHING_YET),
    ],
}


def each(answers: dict) -> list:
    return [
        pytest.param(exercise, answer, id=f"{exercise} {number}")
        for exercise, list_of_answers in answers.items()
        for number, answer in enumerate(list_of_answers, start=1)
    ]


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_every_exercise_is_tested():
    assert RIGHT.keys() == WRONG.keys() == EXERCISES.keys()


@pytest.mark.parametrize(("exercise", "answer"), each(RIGHT))
def test_right_answers_pass_with_praise(exercise, answer):
    result = check(exercise, answer)
    assert result.passed, result.message
    assert repr(result) == f"✓ {result.message}" and result.message.startswith("Right")


@pytest.mark.parametrize(("exercise", "wrong"), each(WRONG))
def test_wrong_answers_hear_what_is_wrong(exercise, wrong):
    answer, fault = wrong
    result = check(exercise, answer)
    assert not result.passed
    assert fault in result.message
    assert repr(result) == f"✗ {result.message}"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_different_faults_hear_different_things(exercise):
    messages = {fault: check(exercise, answer).message for answer, fault in WRONG[exercise]}
    assert len(set(messages.values())) == len(messages) >= 3


@pytest.mark.parametrize("exercise", EXERCISES)
@pytest.mark.parametrize("answer", [None, ...])
def test_no_answer_yet_is_no_fault(exercise, answer):
    result = check(exercise, answer)
    assert not result.passed and "Not answered yet" in result.message


FUNCTIONS = ("field_size", "squeeze", "excite", "se_parameters", "rescale", "near_identity")


@pytest.mark.parametrize("exercise", FUNCTIONS)
def test_an_error_in_the_readers_function_is_reported_not_raised(exercise):
    assert check(exercise, fails) == CheckResult(
        False, "Your function stops with ZeroDivisionError: the reader's own mistake"
    )


def test_ctrl_c_in_the_readers_function_still_stops():
    def stop(u):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("squeeze", stop)


def test_the_answers_of_the_checker_do_not_depend_on_the_global_seed():
    for seed in (0, 1):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        assert check("excite", excite).passed and check("rescale", rescale).passed
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "nearest"), [("sqeeze", "squeeze"), ("Excite", "excite"), ("parameters", "se_parameters"), ("", "")]
)
def test_an_unknown_exercise_suggests_the_nearest(name, nearest, refused):
    with refused(f"no exercise {name!r}", f"did you mean '{nearest}"):
        check(name, 1)


def test_what_layers_to_see_both_says_is_true_of_the_network_and_the_world():
    with_one_more = grow(FIELD, Layer(3))
    assert FIELD.size < WINDOW_FOR_BOTH <= with_one_more.size
    words = f"{FIELD.size} + 2·{FIELD.jump} = {with_one_more.size} pixels, and {WINDOW_FOR_BOTH} are enough"
    assert words in check("layers_to_see_both", 1).message


# --- strange answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [math.nan, math.inf, -1, 62.96])
def test_a_number_that_is_no_share_is_wrong(answer):
    result = check("cue_blind_three_shapes", answer)
    assert not result.passed and re.search(rf"You give {answer:.4f}", result.message)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        ("field_size", lambda kernels, strides: torch.ones(2)),
        ("field_size", lambda kernels, strides: np.ones(2)),
        ("layers_to_see_both", np.ones(2)),
        ("squeeze", lambda u: u.double().mean((2, 3))),
        ("excite", lambda z, w1, w2: excite(z, w1, w2).double()),
        ("rescale", lambda x, s: x.double() * s[:, :, None, None]),
        ("se_parameters", lambda c, r, bias: torch.ones(3)),
        ("near_identity", lambda channels: open_block(reduction=4)(16)),
    ],
)
def test_an_answer_of_another_kind_gets_a_verdict(exercise, answer):
    assert check(exercise, answer).message


def test_a_block_in_the_place_of_the_function_that_makes_it_is_named():
    assert "Give the function" in check("near_identity", open_block()(32)).message


def test_a_fraction_is_a_number():
    assert check("cue_blind_three_shapes", Fraction(17, 27)).passed


def test_swapped_arguments_are_refused(refused):
    with refused("exercise"):
        check(squeeze_with_a_loop, "squeeze")
