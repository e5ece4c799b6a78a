"""Tests of senet_lib.book.exercises: right answers pass, and each typical mistake hears what is wrong with it."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from senet_lib.book.exercises import EXERCISES, CheckResult, check
from senet_lib.cost.receptive_field import Layer, grow, main_path, receptive_field
from senet_lib.data.context_world import WINDOW_FOR_BOTH
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests import attention_answers, gate_answers, network_answers, se_code_answers, training_answers

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


def field_size_with_the_last_stride(kernels, strides):
    size, jump = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        size += (kernel - 1) * jump
        jump = stride
    return size


def field_size_with_whole_kernels(kernels, strides):
    size, jump = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        size += kernel * jump
        jump *= stride
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


def se_parameters_rounded_by(rounding):
    def count(channels, reduction, bias):
        hidden = rounding(channels / reduction)
        return 2 * channels * hidden + bias * (channels + hidden)

    return count


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


def block_with_hidden(bias: float, weights: float | None = None):
    """An open block whose hidden units have this bias, and these weights if any are given."""

    def make(channels):
        block = open_block()(channels)
        nn.init.constant_(block.fc1.bias, bias)
        if weights is not None:
            nn.init.constant_(block.fc1.weight, weights)
        return block

    return make


def block_with_one_shut_gate(channels):
    block = open_block()(channels)
    with torch.no_grad():
        block.fc2.bias[3] = 100.0
    return block


def block_with_untouched_weights(channels):
    torch.manual_seed(0)
    return SqueezeExcitation(channels)


def logits(z, w1, b1, w2, b2):
    return torch.relu(z @ w1.T + b1) @ w2.T + b2


def gates(x, *weights):
    return torch.sigmoid(logits(x.mean((2, 3)), *weights))


def whole_block(x, *weights):
    return x * gates(x, *weights)[:, :, None, None]


def whole_block_step_by_step(x, w1, b1, w2, b2):
    hidden = nn.functional.linear(x.flatten(2).mean(-1), w1, b1).relu()
    return torch.einsum("bchw,bc->bchw", x, nn.functional.linear(hidden, w2, b2).sigmoid())


def whole_block_in_place(x, *weights):
    x *= gates(x, *weights)[:, :, None, None]
    return x


def buggy_block(x, *weights):
    return x * (x * gates(x, *weights)[:, :, None, None])


def block_with_max(x, *weights):
    return x * torch.sigmoid(logits(x.amax((2, 3)), *weights))[:, :, None, None]


def block_without_sigmoid(x, *weights):
    return x * logits(x.mean((2, 3)), *weights)[:, :, None, None]


def fails(*_):
    raise ZeroDivisionError("the reader's own mistake")


SPOT, GLOW = torch.zeros(4, 4), torch.ones(4, 4)
SPOT[1, 2] = 16.0
FIELD = receptive_field(main_path(create_model("small_resnet")))[-1]
NOTHING_YET = "returns nothing yet"

RIGHT = {
    "field_size": [field_size],
    "layers_to_see_both": [1, torch.tensor(1)],
    "cue_blind_three_shapes": [
        *(17 / 27, 3 / 27 * 1 + 18 / 27 * 2 / 3 + 6 / 27 / 3, 0.63),
        *(np.float64(17 / 27), np.array(17 / 27), torch.tensor(17 / 27)),
    ],
    "squeeze": [
        *(lambda u: u.mean((2, 3)), lambda u: u.flatten(2).mean(-1), squeeze_with_a_loop),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    ],
    "same_squeeze": [(SPOT, GLOW), (torch.tensor([[0, 4]]), torch.tensor([[2, 2]]))],
    "excite": [excite, excite_with_functions],
    "se_parameters": [se_parameters, lambda c, r, bias: 2 * c * (c // r) + bias * (c + c // r)],
    "rescale": [rescale, lambda x, s: torch.einsum("bchw,bc->bchw", x, s)],
    "hidden_widths": [
        {16: 1, 64: 4, 100: 6, 2048: 128},
        {channels: channels // 16 for channels in (2048, 100, 64, 32, 16)},
        {channels: torch.tensor(channels // 16) for channels in (16, 64, 100, 2048)},
    ],
    "near_identity": [
        *(open_block(), open_block(reduction=4), open_block(bias=6.0, weights=1e-4), open_block(bias=10.0)),
        block_with_hidden(bias=0.0),
    ],
    "find_the_bug": [whole_block, whole_block_step_by_step],
}

# For each exercise: wrong answers, and words of what the reader must hear.
WRONG = {
    "field_size": [
        (lambda kernels, strides: sum(kernels), "add whole kernels"),
        (lambda kernels, strides: 1 + sum(kernel - 1 for kernel in kernels), "leave out the strides"),
        (field_size_with_own_stride, "own stride does not widen its own window"),
        (field_size_with_the_last_stride, "jump *= stride"),
        (field_size_with_whole_kernels, "kernel - 1 times the jump"),
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
        (63, "You give 63: give a fraction, not percent"),
        (torch.tensor(62.96), "You give 62.96: give a fraction, not percent"),
        (torch.tensor(9 / 16), "four shapes"),
        (torch.tensor(True), "Give a number, such as 9 / 16, not True"),
        (torch.tensor([17 / 27]), "Give a number"),
        ("17/27", "Give a number"),
    ],
    "squeeze": [
        (lambda u: u.sum((2, 3)) / 20, "You divide by 20, which is H·W for maps of 4x5 only"),
        (lambda u: nn.functional.avg_pool2d(u, (4, 5)).flatten(1), "Your window is 4x5 for each map"),
        (lambda u: nn.functional.adaptive_avg_pool2d(u, 1).squeeze(), "(4,); it must be (B, C) = (1, 4). squeeze()"),
        (lambda u: u.view(2, 3, -1).mean(-1), "shape (2, 3); it must be (B, C) = (3, 2)"),
        (lambda u: u.mean((2, 3), keepdim=True), "Drop the two places of size 1"),
        (nn.AdaptiveAvgPool2d(1), "Drop the two places of size 1"),
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
        (lambda z, w1, w2: torch.tanh(torch.relu(z @ w1.T) @ w2.T), "You end with tanh"),
        (lambda z, w1, w2: torch.relu(torch.relu(z @ w1.T) @ w2.T), "You end with ReLU"),
        (lambda z, w1, w2: torch.sigmoid(torch.sigmoid(z @ w1.T) @ w2.T), "You apply the sigmoid twice"),
        (lambda z, w1, w2: torch.sigmoid(torch.tanh(z @ w1.T) @ w2.T), "not those of sigmoid"),
        (lambda z, w1, w2: torch.relu(z @ w1.T), "shape (3, 2); it must be (B, C) = (3, 8)"),
        (lambda z, w1, w2: excite(z, w1, w2).squeeze(), "(6,); it must be (B, C) = (1, 6)"),
        (lambda z, w1, w2: excite(z, w1.view(2, 8), w2), "RuntimeError"),
        (lambda z, w1, w2: z @ w1, "w1 is (C/r, C): multiply by its transpose, z @ w1.T"),
        (lambda z, w1, w2: torch.relu(z @ w1.T) @ w2, "The same goes for w2, which is (C, C/r)"),
        (lambda z, w1, w2: torch.relu(w1 @ z.T) @ w2.T, "multiply by its transpose, z @ w1.T."),
        (nn.Sigmoid(), "TypeError"),
        (lambda z, w1, w2: None, NOTHING_YET),
    ],
    "se_parameters": [
        (lambda c, r, bias: c * (c // r) + bias * (c + c // r), "count one weight matrix"),
        (lambda c, r, bias: 2 * c * (c // r), "leave out the biases"),
        (lambda c, r, bias: 2 * c * (c // r) + c + c // r, "Without biases there are only the weights"),
        (lambda c, r, bias: 2 * c * (c // r) + bias * 2 * c, "The first layer has C // r biases"),
        (lambda c, r, bias: 2 * c * (c // r) + bias * c, "The first layer has C // r biases"),
        (lambda c, r, bias: 2 * c * c / r + bias * (c + c // r), "The hidden width is a whole number"),
        (se_parameters_rounded_by(round), "You round 7.5 to 8; C // r always rounds down, here to 7"),
        (se_parameters_rounded_by(math.ceil), "You round 7.5 to 8; C // r always rounds down, here to 7"),
        (lambda c, r, bias: 600, "For C = 64, r = 16, bias = False you give 600; it is 512."),
        (lambda c, r: 600, "TypeError"),
    ],
    "hidden_widths": [
        ([1, 4, 6, 128], "Give a dictionary from channels to hidden width"),
        ({16: 1, 64: 4, 2048: 128}, "no width for 100."),
        ({1: 16, 4: 64, 6: 100, 128: 2048}, "Its keys are the numbers of channels"),
        ({16: 1, 64: 4, 100: ..., 2048: 128}, "replace the ... in your dictionary"),
        ({16: 16, 64: 16, 100: 16, 2048: 16}, "16 is r"),
        ({16: 1, 64: 4, 100: 7, 2048: 128}, "For 100 channels you round 6.25 up to 7; C // r rounds down"),
        ({16: 1.0, 64: 4.0, 100: 6.25, 2048: 128.0}, "100 / 16 is 6.25, but a width is a whole number"),
        ({16: 0, 64: 4, 100: 6, 2048: 128}, "For 16 channels you give 0; 16 // 16 is 1."),
        ({16: 1, 64: 4, 100: "6", 2048: 128}, "Give a whole number for 100 channels, not '6'"),
    ],
    "rescale": [
        (lambda x, s: x * s, "give s two more places, at the right end, s[:, :, None, None]."),
        (lambda x, s: x * s[None, None], "give s two more places, at the right end, s[:, :, None, None]."),
        (rescale_in_place, "changes x itself"),
        (lambda x, s: x * x * s[:, :, None, None], "You multiply by x twice"),
        (lambda x, s: x * s[:, None, None, :], "You scale rows or columns"),
        (lambda x, s: x * s[:, None, :, None], "You scale rows or columns"),
        (lambda x, s: x + s[:, :, None, None], "is not multiplied by s[b, c]"),
        (lambda x, s: s[:, :, None, None], "shape (2, 4, 1, 1)"),
        (only_for_squares, "RuntimeError"),
        (lambda x, s: rescale(x, s).squeeze(0), "(4, 5, 3); it must be (B, C, H, W) = (1, 4, 5, 3)"),
        (lambda x, s: None, NOTHING_YET),
    ],
    "near_identity": [
        (open_block(bias=4.0), "above 4.6"),
        (block_with_untouched_weights, "all must be above 0.99"),
        (frozen_block, "Some weights are frozen"),
        (block_with_another_gate, "Keep the sigmoid gate"),
        (open_block(bias=100.0), "exactly 0. A bias of about 6 is open enough"),
        (open_block(bias=20.0), "exactly 0. A bias of about 6 is open enough"),
        (block_with_one_shut_gate, "1 of 32 gates cannot learn"),
        (block_with_hidden(bias=-100.0), "its hidden units are 0 for every picture"),
        (block_with_hidden(bias=0.0, weights=0.0), "its hidden units are 0 for every picture"),
        (lambda channels: SqueezeExcitation(channels, bias=False), "Keep the biases"),
        (lambda channels: nn.Identity(), "not a module of type Identity"),
        (lambda channels: SqueezeExcitation(channels, 64), "use a reduction from 1 to 32"),
        (lambda channels: open_block()(32), "near_identity(48) returns a block for 32 channels"),
        (lambda channels: None, NOTHING_YET),
    ],
    "find_the_bug": [
        (lambda x, *weights: whole_block(x, *weights).view(3, 8, 4, 5), "RuntimeError"),
        (lambda x, *weights: whole_block(x, *weights).squeeze(0), "(6, 5, 5); it must be (B, C, H, W) = (1, 6, 5, 5)"),
        (buggy_block, "Still x twice"),
        (block_with_max, "largest value"),
        (block_without_sigmoid, "The sigmoid is missing"),
        (gates, "You return only the gates s."),
        (lambda x, *weights: gates(x, *weights)[:, :, None, None], "You return only the gates s."),
        (lambda x, *weights: gates(x, *weights)[:, :, None, None].expand_as(x), "the gates s, at every place"),
        (lambda x, *weights: x + whole_block(x, *weights), "the values are not x·s"),
        (lambda x, *weights: x * gates(x, *weights), "give s two more places, at the right end"),
        (lambda x, w1, b1, w2, b2: x.mean((2, 3)) @ w1, "multiply by its transpose, z @ w1.T"),
        (lambda x, *weights: x.mean((2, 3)), "shape (3, 8); it must be"),
        (whole_block_in_place, "changes x itself"),
        (lambda x, *weights: None, NOTHING_YET),
        (lambda x, s: x, "TypeError"),
    ],
}


for answers in (network_answers, training_answers, gate_answers, attention_answers, se_code_answers):
    RIGHT |= answers.RIGHT
    WRONG |= answers.WRONG


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_every_exercise_is_tested():
    assert RIGHT.keys() == WRONG.keys() == EXERCISES.keys()


@pytest.mark.parametrize("exercise", EXERCISES)
def test_right_answers_pass_with_praise_and_each_wrong_one_hears_what_is_wrong(exercise):
    for number, answer in enumerate(RIGHT[exercise]):
        result = check(exercise, answer)
        assert result.passed, (number, result.message)
        assert repr(result) == f"✓ {result.message}" and result.message.startswith("Right")
    messages = {}
    for number, (answer, fault) in enumerate(WRONG[exercise]):
        result = check(exercise, answer)
        assert not result.passed and fault in result.message, (number, result.message)
        assert repr(result) == f"✗ {result.message}"
        messages[fault] = result.message
    assert len(set(messages.values())) == len(messages) >= 3, "different faults hear different things"
    for answer in (None, ...):
        result = check(exercise, answer)
        assert not result.passed and "Not answered yet" in result.message


FUNCTIONS = [exercise for exercise, answers in RIGHT.items() if callable(answers[0])]


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


@pytest.mark.parametrize("answer", [math.nan, math.inf, -1, 170.0])
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


@pytest.mark.parametrize("reduction", [4, 16, 32])
def test_no_draw_of_the_first_layer_spoils_a_right_block(reduction):
    """However narrow the hidden layer is, and whatever biases it drew, its units are not taken for dead ones."""
    for seed in range(50):
        torch.manual_seed(seed)
        result = check("near_identity", open_block(bias=6.0, reduction=reduction))
        assert result.passed, result.message


def test_the_block_of_the_reader_keeps_no_gradients():
    blocks = {channels: open_block()(channels) for channels in (32, 48)}
    assert check("near_identity", blocks.get).passed
    assert all(parameter.grad is None for block in blocks.values() for parameter in block.parameters())


def test_a_fraction_is_a_number():
    assert check("cue_blind_three_shapes", Fraction(17, 27)).passed


def test_swapped_arguments_are_refused(refused):
    with refused("exercise"):
        check(squeeze_with_a_loop, "squeeze")
