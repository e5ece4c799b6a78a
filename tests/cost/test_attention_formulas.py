"""Tests of senet_lib.cost.attention_formulas: each formula against a count on the real module."""

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from timm import layers as timm_layers
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from senet_lib.cost.attention_formulas import (
    AttentionCost,
    cbam_cost,
    eca_cost,
    gc_cost,
    hard_se_cost,
    se_cost,
)
from senet_lib.cost.formulas import NETWORKS
from senet_lib.cost.measure import measure_cost
from senet_lib.networks.attention import (
    ATTENTION_COSTS,
    ATTENTIONS,
    ConvolutionalBlockAttention,
    EfficientChannelAttention,
    GlobalContext,
    adaptive_kernel,
    hard_squeeze_excitation,
)
from tests.sample_networks import count_parameters

# Which parts of a formula are convolutions and matrix products, and which act on all numbers of the map.
LAYERS, ON_THE_MAP = ("excitation",), ("squeeze", "rescale")
PARTS = {name: (LAYERS, ON_THE_MAP) for name in ATTENTIONS} | {
    "gc": (("squeeze", "excitation"), ("rescale",)),
    "grn": ((), ON_THE_MAP),
    "simam": ((), ("squeeze", "excitation", "rescale")),
}
GATHERINGS = {"sum": 1, "mean": 1, "amax": 1, "linalg_vector_norm": 1, "var_mean": 2}
ALTERATIONS = ("mul", "sub", "pow", "add")


class Operations(TorchDispatchMode):
    """Counts the MACs of what gathers tensors of this many numbers or alters each number; no matrix products.

    An addition to the latest product belongs to that multiplication.
    """

    def __init__(self, numbers: int):
        super().__init__()
        self.numbers, self.macs, self.product = numbers, 0, None

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        output = function(*arguments, **(options or {}))
        name, first = function.overloadpacket.__name__, arguments[0]
        is_whole = isinstance(first, Tensor) and first.numel() == self.numbers
        if is_whole and name == "avg_pool2d":
            self.macs += numbers_in_windows(first, *arguments[1:4])
        elif is_whole and not (name == "add" and first is self.product):
            self.macs += self.numbers * GATHERINGS.get(name, int(name in ALTERATIONS))
        if name == "mul":
            self.product = output
        return output


def numbers_in_windows(x: Tensor, kernel: list[int], stride: list[int], padding: list[int]) -> int:
    """How many numbers of x all windows hold together, by pooling ones."""
    return int(F.avg_pool2d(torch.ones(x.shape), kernel, stride, padding, divisor_override=1).sum())


def count_operations(module: nn.Module, size: tuple[int, int, int], numbers: int) -> int:
    with torch.no_grad(), Operations(numbers) as counter:
        module(torch.randn(1, *size))
    return counter.macs


def assert_formula_is_count(name: str, cost: AttentionCost, module: nn.Module, size: tuple[int, int, int]) -> None:
    """Parameters, the MACs of layers, and those on the map."""
    layers, on_the_map = (sum(getattr(cost.macs, part) for part in parts) for parts in PARTS[name])
    assert cost.parameters == count_parameters(module)
    assert layers == measure_cost(module, size).macs
    assert on_the_map == count_operations(module, size, math.prod(size))


# --- one block --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ATTENTIONS)
@settings(max_examples=10)
@given(channels=st.integers(32, 200), height=st.integers(2, 9), width=st.integers(2, 9))
def test_the_formula_is_a_count_on_the_real_module(name, channels, height, width):
    size = (channels, height, width)
    assert_formula_is_count(name, ATTENTION_COSTS[name](*size), ATTENTIONS[name](channels), size)


@settings(max_examples=15)
@given(st.data(), st.integers(1, 99), st.integers(1, 7), st.integers(1, 7))
def test_the_formulas_are_counts_for_other_settings(data, channels, height, width):
    size = (channels, height, width)
    kernel = 2 * data.draw(st.integers(0, 4)) + 1
    reduction = data.draw(st.integers(1, channels))
    cases = [
        ("eca", eca_cost(*size, kernel), EfficientChannelAttention(channels, kernel)),
        ("hard_se", hard_se_cost(*size, reduction), hard_squeeze_excitation(channels, reduction)),
    ]
    for name, cost, module in cases:
        assert_formula_is_count(name, cost, module, size)
    # A count by size would take the two maps of CBAM's places for its channels, so only its layers are counted here.
    cbam, cost = ConvolutionalBlockAttention(channels, reduction, kernel=kernel), cbam_cost(*size, reduction, kernel)
    assert (cost.parameters, cost.macs.excitation) == (count_parameters(cbam), measure_cost(cbam, size).macs)
    if channels // reduction >= 2:
        gc, cost = GlobalContext(channels, reduction), gc_cost(*size, reduction)
        assert (cost.parameters, cost.macs.squeeze + cost.macs.excitation) == (
            count_parameters(gc),
            measure_cost(gc, size).macs,
        )


@pytest.mark.parametrize("channels", [2, 16, 50])
def test_grn_computes_two_macs_a_channel_between_map_and_map(channels):
    size = (channels, 5, 3)
    macs = ATTENTION_COSTS["grn"](*size).macs
    assert macs.excitation == 2 * channels == count_operations(ATTENTIONS["grn"](channels), size, channels)


def test_a_block_of_64_channels():
    """By hand, on maps of 56x56."""
    costs = {name: cost(64, 56, 56) for name, cost in ATTENTION_COSTS.items()}
    assert {name: cost.parameters for name, cost in costs.items()} == {
        "se": 580,
        "eca": 3,
        "cbam": 512 + 98,
        "gc": 64 + 512 + 4 + 64 + 8,
        "ge": 0,
        "ese": 64 * 64 + 64,
        "hard_se": 2 * 64 * 16 + 16 + 64,
        "grn": 128,
        "simam": 0,
    }
    maps = 64 * 56 * 56
    assert costs["cbam"].macs.total == 6 * maps + 2 * 512 + 98 * 56 * 56
    assert costs["simam"].macs.total == 6 * maps and costs["ge"].macs.total == 2 * maps


def test_all_kinds_have_a_cost():
    assert list(ATTENTION_COSTS) == list(ATTENTIONS)


# --- ECA's kernel -----------------------------------------------------------------------------------------------------


@given(st.integers(1, 10_000))
def test_ecas_kernel_is_the_papers_rule(channels):
    """Its authors' code, with logarithms; timm's, which has at least 3."""
    nearest = int(abs((math.log2(channels) + 1) / 2))
    assert adaptive_kernel(channels) == (nearest if nearest % 2 else nearest + 1)
    assert timm_layers.EcaModule(channels).conv.kernel_size == (max(3, adaptive_kernel(channels)),)


def test_eca_adds_86_parameters_to_resnet50():
    """Table 1 of the ECA paper; the four stages have kernels of 5, 5, 5 and 7."""
    stages = NETWORKS["resnet50"].stages
    assert [adaptive_kernel(stage.channels) for stage in stages] == [5, 5, 5, 7]
    assert (
        sum(
            stage.blocks * ATTENTION_COSTS["eca"](stage.channels, stage.height, stage.width).parameters
            for stage in stages
        )
        == 86
    )


# --- whole numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ATTENTION_COSTS)
def test_small_integers_of_numpy_do_not_overflow(name):
    size = (65_536, 300, 300)
    assert ATTENTION_COSTS[name](*map(np.int32, size)) == ATTENTION_COSTS[name](*size)


SIZES = ("channels", "height", "width")
WRONG = [
    *(
        (cost, {"channels": 64, "height": 4, "width": 4, name: wrong}, [f"{name} is {wrong!r}", "at least 1"])
        for cost in ATTENTION_COSTS.values()
        for name in SIZES
        for wrong in (0, 2.0, "2", True, None)
    ),
    *(
        (cost, {"reduction": 9}, ["reduction is 9", "only 8 channels", "from 1 to 8"])
        for cost in (se_cost, hard_se_cost, cbam_cost, gc_cost)
    ),
    (eca_cost, {"kernel": 4}, ["kernel is 4", "use 3 or 5"]),
    (cbam_cost, {"reduction": 2, "kernel": 2}, ["kernel is 2", "use 1 or 3"]),
    (gc_cost, {"reduction": 8}, ["reduction is 8", "one hidden unit for 8 channels", "from 1 to 4"]),
]


@pytest.mark.parametrize(("cost", "options", "said"), WRONG)
def test_wrong_arguments_are_named(cost, options, said, refused):
    with refused(*said):
        cost(**{"channels": 8, "height": 4, "width": 4, **options})
