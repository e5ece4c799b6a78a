"""Tests of residual_blocks: the places of attention, the shortcuts. test_models.py has the blocks of whole networks."""

import pytest
import torch
from torch import nn

from senet_lib.networks.residual_blocks import BasicBlock, Bottleneck, PaddedShortcut
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests.sample_networks import count_parameters, noise, settled

KINDS = [BasicBlock, Bottleneck]


def squeeze_excitation(channels: int) -> SqueezeExcitation:
    return SqueezeExcitation(channels, 2)


def test_the_stride_can_be_in_the_first_1x1_convolution():
    block = Bottleneck(8, 16, stride=2, stride_in="1x1")
    assert (block.conv1.stride, block.conv2.stride) == ((2, 2), (1, 1))
    assert block(noise(2, 8, 9, 7)).shape == (2, 16, 5, 4)


# What each placement computes, from the block's parts.
BY_HAND = {
    "standard": lambda b, x: torch.relu(b.attention(b.branch(x)) + b.downsample(x)),
    "pre": lambda b, x: torch.relu(b.branch(b.attention(x)) + b.downsample(x)),
    "post": lambda b, x: b.attention(torch.relu(b.branch(x) + b.downsample(x))),
    "identity": lambda b, x: torch.relu(b.branch(x) + b.attention(b.downsample(x))),
}


@pytest.mark.parametrize("shortcut", ["projection", "padded"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("placement", BY_HAND)
def test_attention_acts_where_the_placement_says(placement, kind, shortcut):
    torch.manual_seed(0)
    block = settled(kind(8, 16, 2, squeeze_excitation, placement=placement, shortcut=shortcut))
    x = noise(2, 8, 5, 6)
    torch.testing.assert_close(block(x), BY_HAND[placement](block, x))
    assert block.attention.channels == (8 if placement == "pre" else 16)


def test_attention_in_the_bottleneck_acts_after_the_3x3_convolution():
    torch.manual_seed(0)
    block = settled(Bottleneck(32, 32, 1, squeeze_excitation, placement="3x3"))
    x = noise(2, 32, 5, 6)
    u = torch.relu(block.bn1(block.conv1(x)))
    u = block.attention(torch.relu(block.bn2(block.conv2(u))))
    torch.testing.assert_close(block(x), torch.relu(block.bn3(block.conv3(u)) + x))
    assert block.attention.channels == 8


@pytest.mark.parametrize(("stride", "shape"), [(1, (2, 7, 5, 6)), (2, (2, 7, 3, 3)), (3, (2, 7, 2, 2))])
def test_a_padded_shortcut_keeps_places_and_adds_zeros(stride, shape):
    x = noise(2, 4, 5, 6)
    y = PaddedShortcut(3, stride)(x)
    assert y.shape == shape
    assert torch.equal(y[:, :4], x[:, :, ::stride, ::stride])
    assert (y[:, 4:] == 0).all()


def test_a_padded_shortcut_has_no_parameters_and_a_fitting_one_stays_as_it_is():
    assert count_parameters(BasicBlock(4, 8, 2, shortcut="padded").downsample) == 0
    assert isinstance(BasicBlock(8, 8, shortcut="padded").downsample, nn.Identity)


# --- wrong input ------------------------------------------------------------------------------------------------------


WRONG = [
    *((kind, (8, 8), {"placement": "before"}, ["'before'", "standard, pre, post, identity, 3x3"]) for kind in KINDS),
    *((kind, (8, 16), {"shortcut": None}, ["shortcut is None", "projection, padded"]) for kind in KINDS),
    (Bottleneck, (8, 8), {"stride_in": "7x7"}, ["stride_in is '7x7'", "3x3, 1x1"]),
    (BasicBlock, (8, 8), {"placement": "3x3"}, ["placement is '3x3'", "basic block", "se_resnet50"]),
    (Bottleneck, (8, 6), {}, ["channels is 6"]),
    (Bottleneck, (8, 0), {}, ["channels is 0"]),
    (Bottleneck, (8, 8), {"groups": 0}, ["groups is 0"]),
    (Bottleneck, (8, 8), {"width_per_group": 3.0}, ["width_per_group is 3.0"]),
    (Bottleneck, (8, 8), {"width_per_group": 4}, ["width_per_group is 4"]),
    (BasicBlock, (8, 4), {"shortcut": "padded"}, ["'padded'", "4 channels are fewer than the input's 8", "projection"]),
]


@pytest.mark.parametrize(("kind", "channels", "options", "said"), WRONG)
def test_wrong_settings_are_refused(kind, channels, options, said, refused):
    with refused(*said):
        kind(*channels, **options)
