"""Tests of squeeze_excitation: the block against torchvision's, its formulas, and what it says to wrong input."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm import layers as timm_layers
from torch import nn
from torchvision import ops

from senet_lib.networks.squeeze_excitation import (
    NoSqueeze,
    SqueezeExcitation,
)
from tests.sample_networks import count_parameters, noise

# B, C, H, W, r: odd sizes, one picture, one place, one channel, a reduction that does not divide C, the extremes of r.
SIZES = [(2, 64, 14, 14, 16), (3, 12, 9, 4, 5), (1, 16, 7, 5, 16), (2, 6, 1, 1, 1), (1, 1, 3, 3, 1), (5, 30, 3, 8, 4)]
MEMORY_FORMATS = [torch.contiguous_format, torch.channels_last]


def seeded_block(channels: int = 8, reduction: int = 2, seed: int = 0, **options) -> SqueezeExcitation:
    torch.manual_seed(seed)
    return SqueezeExcitation(channels, reduction, **options)


def torchvision_peer(block: SqueezeExcitation, **options) -> ops.SqueezeExcitation:
    """torchvision's block with the same weights; its 1x1 convolutions hold our matrices."""
    peer = ops.SqueezeExcitation(block.channels, block.fc1.out_features, **options).to(block.fc1.weight.dtype)
    peer.load_state_dict(
        {name: value[:, :, None, None] if value.dim() == 2 else value for name, value in block.state_dict().items()}
    )
    return peer


# --- against torchvision ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory_format", MEMORY_FORMATS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-13)])
@pytest.mark.parametrize(("batch", "channels", "height", "width", "reduction"), SIZES)
def test_outputs_and_all_gradients_are_torchvisions(
    batch, channels, height, width, reduction, dtype, tolerance, memory_format
):
    block = seeded_block(channels, reduction).to(dtype)
    peer = torchvision_peer(block)
    x = noise(batch, channels, height, width, dtype=dtype).contiguous(memory_format=memory_format)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    upstream = noise(batch, channels, height, width, seed=1, dtype=dtype) / (height * width)
    y, expected = block(ours), peer(theirs)
    y.backward(upstream)
    expected.backward(upstream)

    def assert_same(value, right):
        torch.testing.assert_close(value, right, atol=tolerance, rtol=tolerance)

    assert_same(y, expected)
    assert_same(ours.grad, theirs.grad)
    for (name, parameter), (peer_name, peer_parameter) in zip(
        block.named_parameters(), peer.named_parameters(), strict=True
    ):
        assert name == peer_name
        assert_same(parameter.grad, peer_parameter.grad.reshape(parameter.shape))


@pytest.mark.parametrize(("activation", "gate"), [(nn.SiLU, nn.Hardsigmoid), (nn.ReLU, nn.Tanh), (nn.GELU, nn.Sigmoid)])
def test_activation_and_gate_can_be_chosen(activation, gate):
    block = seeded_block(activation=activation, gate=gate)
    peer = torchvision_peer(block, activation=activation, scale_activation=gate)
    x = 3 * noise(2, 8, 4, 5)
    assert isinstance(block.activation, activation) and isinstance(block.gate, gate)
    torch.testing.assert_close(block(x), peer(x))


# --- parameters -------------------------------------------------------------------------------------------------------


def test_a_block_of_64_channels_and_reduction_16_has_512_weights_and_up_to_68_biases():
    assert count_parameters(SqueezeExcitation(64, 16, bias=False)) == 512
    assert count_parameters(SqueezeExcitation(64, 16)) == 580
    assert count_parameters(SqueezeExcitation(64)) == 580  # the paper's r is the default
    second_only = SqueezeExcitation(64, 16)
    second_only.fc1.bias = None
    assert count_parameters(second_only) == 576
    assert second_only(noise(1, 64, 2, 2)).shape == (1, 64, 2, 2)


@pytest.mark.parametrize("channels", [24, 64, 100, 128, 200, 256, 2048])
@pytest.mark.parametrize("multiple", [4, 8])
def test_a_rounded_hidden_width_is_timms(channels, multiple):
    peer = timm_layers.SEModule(channels, rd_ratio=1 / 16, rd_divisor=multiple)
    block = SqueezeExcitation(channels, 16, hidden_multiple=multiple)
    assert block.fc1.out_features == peer.fc1.out_channels
    assert count_parameters(block) == count_parameters(peer)


def test_the_printed_block_says_its_channels_and_its_reduction():
    assert "channels=30, reduction=4" in repr(SqueezeExcitation(30, 4))


# --- squeeze, excite, rescale -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("avg", lambda x: x.mean((2, 3))),
        ("max", lambda x: x.amax((2, 3))),
        ("both", lambda x: (x.mean((2, 3)) + x.amax((2, 3))) / 2),
        (lambda x: x[:, :, 0, 0], lambda x: x[:, :, 0, 0]),
    ],
    ids=["avg", "max", "both", "a function"],
)
def test_squeeze_can_be_chosen(name, expected):
    block = seeded_block(squeeze=name)
    x = noise(3, 8, 5, 4)
    assert torch.equal(block.squeeze(x), expected(x))
    assert torch.equal(block(x), x * block.excite(expected(x))[:, :, None, None])


@pytest.mark.parametrize("bias", [True, False])
def test_excite_is_equation_3(bias):
    block = seeded_block(bias=bias)
    z = noise(4, 8)
    hidden = torch.relu(z @ block.fc1.weight.T + (block.fc1.bias if bias else 0))
    s = torch.sigmoid(hidden @ block.fc2.weight.T + (block.fc2.bias if bias else 0))
    torch.testing.assert_close(block.excite(z), s)


@given(st.integers(0, 2**31), st.sampled_from(["avg", "max", "both"]))
def test_gates_do_not_depend_on_where_things_are(seed, squeeze):
    block, x = seeded_block(squeeze=squeeze).double(), noise(2, 8, 4, 3, seed=seed, dtype=torch.float64)
    shuffled = x.flatten(2)[:, :, torch.randperm(12, generator=torch.Generator().manual_seed(seed))].view_as(x)
    torch.testing.assert_close(block.excite(block.squeeze(shuffled)), block.excite(block.squeeze(x)))


def test_pictures_of_a_batch_do_not_see_each_other():
    block, x = seeded_block().double(), noise(3, 8, 4, 5, dtype=torch.float64)
    alone = torch.cat([block(picture[None]) for picture in x])
    torch.testing.assert_close(block(x), alone)


def test_gradients_are_right_in_double_precision():
    block = seeded_block(4, 2, gate=nn.Tanh, activation=nn.SiLU).double()
    assert torch.autograd.gradcheck(block, noise(2, 4, 3, 2, dtype=torch.float64).requires_grad_())


def test_the_input_stays_as_it_was():
    x = noise(2, 8, 3, 3)
    before = x.clone()
    seeded_block()(x)
    assert torch.equal(x, before)


# --- memory formats and number types ----------------------------------------------------------------------------------


@pytest.mark.parametrize("squeeze", ["avg", "max", "both"])
@pytest.mark.parametrize("memory_format", MEMORY_FORMATS)
def test_memory_format_is_kept(memory_format, squeeze):
    x = noise(2, 8, 5, 7).contiguous(memory_format=memory_format)
    y = seeded_block(squeeze=squeeze)(x)
    assert y.is_contiguous(memory_format=memory_format)
    assert y.stride() == x.stride()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float16, 5e-3), (torch.bfloat16, 3e-2)])
def test_other_number_types_give_the_same_numbers_to_their_precision(dtype, tolerance):
    block, x = seeded_block(), noise(2, 8, 5, 7)
    expected = block(x)
    y = block.to(dtype)(x.to(dtype))
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_runs_under_autocast_and_keeps_the_inputs_type(dtype):
    block, x = seeded_block(), noise(2, 8, 5, 7)
    expected = block(x)
    with torch.autocast("cpu", torch.bfloat16):
        y = block(x.to(dtype))
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), expected, atol=3e-2, rtol=3e-2)
    y.sum().backward()
    assert block.fc1.weight.grad.dtype == torch.float32


# --- wrong input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -4, 2.0, "4", None, True])
@pytest.mark.parametrize("name", ["channels", "reduction", "hidden_multiple"])
def test_sizes_are_whole_numbers_of_at_least_one(name, value, refused):
    with refused(f"{name} is {value!r}", "whole number of at least 1"):
        SqueezeExcitation(**{"channels": 8, "reduction": 1, name: value})


@pytest.mark.parametrize(("channels", "reduction"), [(8, 9), (1, 2), (15, 16)])
def test_a_reduction_above_the_number_of_channels_is_refused(channels, reduction, refused):
    for make in (SqueezeExcitation, NoSqueeze):
        with refused(f"reduction is {reduction}", f"only {channels} channels", f"use a reduction from 1 to {channels}"):
            make(channels, reduction)


@pytest.mark.parametrize("value", ["average", "", None, 3])
def test_an_unknown_squeeze_is_refused(value, refused):
    with refused(f"squeeze is {value!r}", "use one of avg, max, both, or a function"):
        SqueezeExcitation(8, 2, squeeze=value)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (torch.ones(8, 4, 5), ["shape (8, 4, 5)", "must be (B, C, H, W)", "x[None]"]),
        (torch.ones(2, 8), ["shape (2, 8)", "must be (B, C, H, W)"]),
        (torch.ones(1, 2, 8, 4, 5), ["shape (1, 2, 8, 4, 5)", "must be (B, C, H, W)"]),
        (torch.ones(2, 3, 8, 8), ["the input has 3 channels", "made for 8"]),
        (torch.ones(2, 8, 4, 4, dtype=torch.uint8), ["torch.uint8", "x.float()"]),
        (torch.ones(2, 8, 4, 4, dtype=torch.bool), ["torch.bool", "x.float()"]),
    ],
)
def test_other_inputs_are_refused(x, said, refused):
    for module in (seeded_block(), seeded_block().squeeze, NoSqueeze(8, 2)):
        with refused(*said):
            module(x)


def test_what_the_squeeze_returns_and_what_excite_takes_is_one_value_per_channel(refused):
    with refused("the squeeze operator returned shape (2,)", "(B, C) = (2, 8)"):
        seeded_block(squeeze=lambda x: x.mean((1, 2, 3)))(noise(2, 8, 3, 3))
    with refused("z has shape (2, 7)", "(B, 8)"):
        seeded_block().excite(noise(2, 7))


# --- without the squeeze ----------------------------------------------------------------------------------------------


def test_without_places_no_squeeze_is_the_se_block():
    """On a map of one place there is nothing to gather."""
    torch.manual_seed(0)
    se, without = SqueezeExcitation(12, 4), NoSqueeze(12, 4)
    state = {name: value.reshape(without.state_dict()[name].shape) for name, value in se.state_dict().items()}
    without.load_state_dict(state)
    x = torch.randn(3, 12, 1, 1)
    torch.testing.assert_close(without(x), se(x))


def test_without_squeeze_a_place_knows_nothing_of_another():
    torch.manual_seed(0)
    se, without = SqueezeExcitation(12, 4), NoSqueeze(12, 4)
    x = torch.randn(1, 12, 5, 5)
    changed = x.clone()
    changed[..., 4, 4] += 1
    assert torch.equal(without(x)[..., :4, :], without(changed)[..., :4, :])
    assert not torch.equal(se(x)[..., :4, :], se(changed)[..., :4, :])
