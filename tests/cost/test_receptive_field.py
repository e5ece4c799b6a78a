"""Tests of senet_lib.cost.receptive_field: by hand, and against gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.models import resnet18, resnet50

from senet_lib.cost.receptive_field import Layer, effective_field, main_path, receptive_field
from senet_lib.data.context_world import WINDOW_FOR_BOTH
from senet_lib.networks.models import create_model
from tests.sample_networks import noise

LAYERS = st.lists(st.builds(Layer, st.integers(1, 4), st.integers(1, 3), st.integers(1, 2)), min_size=1, max_size=3)


def positive_stack(layers: list[Layer]) -> nn.Sequential:
    """Convolutions of one channel without padding, whose weights are all above zero."""
    convolutions = [
        nn.Conv2d(1, 1, layer.kernel, layer.stride, dilation=layer.dilation, bias=False) for layer in layers
    ]
    stack = nn.Sequential(*convolutions).double()
    for weight in stack.parameters():
        nn.init.uniform_(weight, 0.1, 1.0, generator=torch.Generator().manual_seed(0))
    return stack


def bounding_box(field: torch.Tensor) -> tuple[int, int, int, int]:
    """First and last row, first and last column that are not zero."""
    rows, columns = field.any(1).nonzero(), field.any(0).nonzero()
    return rows.min().item(), rows.max().item(), columns.min().item(), columns.max().item()


# --- by hand ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "sizes", "jumps"),
    [
        ([], [1], [1]),
        ([Layer(3)], [1, 3], [1, 1]),
        ([Layer(3), Layer(3), Layer(3)], [1, 3, 5, 7], [1, 1, 1, 1]),
        ([Layer(3, 2), Layer(3)], [1, 3, 7], [1, 2, 2]),
        ([Layer(3), Layer(3, 2)], [1, 3, 5], [1, 1, 2]),
        ([Layer(7, 2), Layer(3, 2), Layer(3)], [1, 7, 11, 19], [1, 2, 4, 4]),
        ([Layer(3, 1, 2), Layer(3, 2, 4), Layer(3)], [1, 5, 13, 17], [1, 1, 2, 2]),
        ([Layer(1, 2), Layer(1, 3), Layer(2)], [1, 1, 1, 7], [1, 2, 6, 6]),
    ],
)
def test_fields_that_one_can_do_by_hand(layers, sizes, jumps):
    fields = receptive_field(layers)
    assert [field.size for field in fields] == sizes
    assert [field.jump for field in fields] == jumps


@pytest.mark.parametrize(("make", "size"), [(resnet18, 435), (resnet50, 427)])
def test_published_fields_of_resnets(make, size):
    """435 pixels for ResNet-18. ResNet-50 has 483 with the stride in the first 1x1 layer; torchvision's sees 427."""
    with torch.device("meta"):  # the layers' sizes are enough
        layers = main_path(make())
    layers.insert(1, Layer(3, 2))  # the pooling after the stem is no convolution
    assert receptive_field(layers)[-1].size == size


# --- against gradients ------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(LAYERS, st.integers(0, 3))
def test_the_field_is_the_bounding_box_of_the_gradients(layers, extra):
    field = receptive_field(layers)[-1]
    side = field.size + extra * field.jump  # so that the last map has 1 + extra units a side
    measured = effective_field(positive_stack(layers), noise(1, 1, side, side, dtype=torch.float64))
    first = field.jump * ((1 + extra) // 2)
    last = first + field.size - 1
    assert bounding_box(measured) == (first, last, first, last)


@given(LAYERS)
def test_main_path_reads_the_layers_that_were_built(layers):
    assert main_path(positive_stack(layers)) == layers


def test_effective_field_adds_up_sizes_of_gradients_and_takes_the_mean_over_pictures():
    weights = torch.tensor([[1.0, -2.0], [0.5, 0.0]])
    pictures = torch.tensor([1.0, -3.0])[:, None, None, None].expand(2, 2, 2, 2).clone()

    def features(x: torch.Tensor) -> torch.Tensor:
        return (weights * x.square() / 2).sum((1, 2, 3), keepdim=True)

    assert effective_field(features, pictures).tolist() == [[4.0, 8.0], [2.0, 0.0]]
    assert pictures.grad is None and not pictures.requires_grad


# --- the book's networks ----------------------------------------------------------------------------------------------


def test_a_unit_of_the_small_resnet_sees_17_pixels_and_never_both_cue_and_glyph():
    fields = receptive_field(main_path(create_model("small_resnet")))
    assert [field.size for field in fields] == [1, 3, 5, 9, 13, 17]
    assert fields[-1].jump == 2
    assert fields[-1].size < WINDOW_FOR_BOTH


def test_se_does_not_change_the_main_path():
    assert main_path(create_model("se_small_resnet")) == main_path(create_model("small_resnet"))


def field_of(name: str) -> torch.Tensor:
    torch.manual_seed(0)
    return effective_field(create_model(name).double().eval().features, noise(8, 3, 32, 32, dtype=torch.float64))


def test_the_small_resnets_measured_field_is_17_pixels_and_zero_outside():
    measured = field_of("small_resnet")
    assert measured.shape == (32, 32) and measured.min() == 0
    assert bounding_box(measured) == (8, 24, 8, 24)  # 8 pixels to all sides of 2 * (16 // 2)


def test_a_unit_of_the_se_network_sees_the_whole_picture():
    assert (field_of("se_small_resnet") > 0).all()


# --- wrong input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["kernel", "stride", "dilation"])
@pytest.mark.parametrize("value", [0, -1])
def test_layers_refuse_sizes_below_one(name, value, refused):
    with refused(f"{name} is {value}", "at least 1"):
        Layer(**{"kernel": 3, name: value})
