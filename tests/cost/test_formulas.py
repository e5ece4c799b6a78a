"""Tests of senet_lib.cost.formulas: the paper's numbers, and a count of real blocks and real networks."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import models as torchvision_models

from senet_lib.cost.formulas import (
    NETWORKS,
    Network,
    SEMacs,
    Stage,
    added_macs,
    added_parameters,
    se_macs,
    se_parameters,
    stage_costs,
)
from senet_lib.cost.measure import measure_cost
from senet_lib.networks.models import ResNet, create_model
from senet_lib.networks.residual_blocks import BasicBlock, Bottleneck
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests.sample_networks import count_parameters, empty

# r: weights only, with biases, and the totals of both for ResNet-50.
RESNET50 = {
    2: (20_119_552, 20_142_208, 45_676_584, 45_699_240),
    4: (10_059_776, 10_078_656, 35_616_808, 35_635_688),
    8: (5_029_888, 5_046_880, 30_586_920, 30_603_912),
    16: (2_514_944, 2_530_992, 28_071_976, 28_088_024),
    32: (1_257_472, 1_273_048, 26_814_504, 26_830_080),
}
NOT_WHOLE = [0, -1, 2.0, "2", True, None]
ON_CIFAR = {"resnet20": 3, "resnet32": 5, "resnet44": 7, "resnet56": 9, "resnet110": 18}
ON_IMAGENET = [name for name in NETWORKS if name not in ON_CIFAR and name != "small_resnet"]


def real_network(name: str) -> tuple[nn.Module, int]:
    """A network of the table without numbers in it (on the meta device), and the size of its pictures."""
    with torch.device("meta"):
        if name in ON_CIFAR:
            return ResNet((ON_CIFAR[name],) * 3, (16, 32, 64), (1, 2, 2), num_classes=10), 32
        if name == "small_resnet":
            return create_model("small_resnet"), 32
        return getattr(torchvision_models, name)(weights=None), 224


def outputs_of_blocks(network: nn.Module, size: int) -> list[list[tuple[int, int, int]]]:
    """For each stage, the shape (C, H, W) of each block's output, by hooks on a forward pass."""
    stages = [module for name, module in network.named_children() if name.startswith("layer")]
    shapes: list[list[tuple[int, int, int]]] = [[] for _ in stages]
    for stage, found in zip(stages, shapes, strict=True):
        for block in stage:
            block.register_forward_hook(lambda module, inputs, output, found=found: found.append(output.shape[1:]))
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, size, size, device="meta"))
    return [[tuple(shape) for shape in found] for found in shapes]


# --- one block --------------------------------------------------------------------------------------------------------


@given(st.integers(1, 300), st.data(), st.booleans())
def test_the_formula_counts_the_real_block(channels, data, bias):
    reduction = data.draw(st.integers(1, channels))
    with torch.device("meta"):
        block = SqueezeExcitation(channels, reduction, bias=bias)
    assert se_parameters(channels, reduction, bias=bias) == count_parameters(block)


def test_small_integers_of_numpy_do_not_overflow():
    assert se_parameters(np.int32(65_536), np.int32(1), bias=False) == 2 * 65_536**2
    assert se_macs(np.int32(2_048), np.int32(1), np.int32(2_000), np.int32(2_000)).squeeze == 2_048 * 2_000**2
    wide = Network("wide", (Stage(np.int32(9), np.int32(65_536), np.int32(1), np.int32(1)),), 1, 1)
    assert added_parameters(wide, np.int32(1), bias=False) == 18 * 65_536**2


# --- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_stages_are_those_of_the_real_network(name):
    stages = [[(s.channels, s.height, s.width)] * s.blocks for s in NETWORKS[name].stages]
    assert stages == outputs_of_blocks(*real_network(name))


@pytest.mark.parametrize("name", ON_IMAGENET)
def test_the_papers_formula_is_the_sum_over_the_stages(name):
    stages = NETWORKS[name].stages
    for reduction in (2, 4, 8, 16, 32):
        formula = 2 * sum(s.blocks * s.channels**2 for s in stages) // reduction
        assert added_parameters(name, reduction, bias=False) == formula


@pytest.mark.parametrize("reduction", RESNET50)
def test_exact_totals_of_se_resnet50(reduction):
    weights, with_biases, total, total_with_biases = RESNET50[reduction]
    base = NETWORKS["resnet50"].parameters
    assert base == 25_557_032
    assert added_parameters("resnet50", reduction, bias=False) == weights == total - base
    assert added_parameters("resnet50", reduction, bias=True) == with_biases == total_with_biases - base


def test_se_resnet50_stage_by_stage_and_without_the_last():
    costs = stage_costs("resnet50", 16, bias=False)
    assert [cost.stage for cost in costs] == [1, 2, 3, 4]
    assert [cost.parameters for cost in costs] == [24_576, 131_072, 786_432, 1_572_864]
    assert added_parameters("resnet50", 16, bias=False, dropped_stages=[4]) == 942_080
    assert 942_080 / NETWORKS["resnet50"].parameters == pytest.approx(0.0369, abs=5e-5)


def test_macs_of_se_resnet50():
    numbers = 3 * 256 * 56**2 + 4 * 512 * 28**2 + 6 * 1024 * 14**2 + 3 * 2048 * 7**2
    assert added_macs("resnet50", 16) == SEMacs(numbers, 2_514_944, numbers)
    assert stage_costs("resnet50", 16)[3].macs == SEMacs(3 * 2048 * 49, 1_572_864, 3 * 2048 * 49)


def dropped_sets(network: Network) -> list[tuple[int, ...]]:
    numbers = range(1, len(network.stages) + 1)
    return [some for count in range(len(numbers) + 1) for some in itertools.combinations(numbers, count)]


@pytest.mark.parametrize("name", ["resnet50", "resnet20", "small_resnet"])
def test_a_dropped_stage_costs_nothing_and_the_others_the_same(name):
    whole = stage_costs(name, 4)
    for dropped in dropped_sets(NETWORKS[name]):
        costs = stage_costs(name, 4, dropped_stages=dropped)
        for before, after in zip(whole, costs, strict=True):
            assert after.parameters == (0 if after.stage in dropped else before.parameters)
            assert after.macs == (SEMacs() if after.stage in dropped else before.macs)
        assert added_parameters(name, 4, dropped_stages=dropped) == sum(cost.parameters for cost in costs)
        assert added_macs(name, 4, dropped_stages=dropped).total == sum(cost.macs.total for cost in costs)


@st.composite
def architectures(draw):
    count = draw(st.integers(1, 4))
    numbers = partial(st.lists, min_size=count, max_size=count)
    return {
        "depths": draw(numbers(st.integers(1, 2))),
        "widths": [4 * width for width in draw(numbers(st.integers(1, 24)))],
        "strides": draw(numbers(st.integers(1, 2))),
        "block": draw(st.sampled_from([BasicBlock, Bottleneck])),
        "attention_stages": draw(st.sets(st.integers(1, count))),
    }


@settings(max_examples=20)  # each builds and runs two networks
@given(architectures(), st.data(), st.booleans())
def test_the_formulas_are_the_count_for_any_architecture(architecture, data, bias):
    depths, widths, stages = (architecture[key] for key in ("depths", "widths", "attention_stages"))
    reduction = data.draw(st.integers(1, min(widths)))
    make = partial(empty, ResNet, num_classes=3, **architecture)
    plain = measure_cost(make(), (3, 17, 20))
    with_se = measure_cost(
        make(attention=lambda channels: SqueezeExcitation(channels, reduction, bias=bias)), (3, 17, 20)
    )
    blocks = [(depths[number - 1], widths[number - 1]) for number in stages]
    assert with_se.parameters - plain.parameters == sum(n * se_parameters(c, reduction, bias=bias) for n, c in blocks)
    assert with_se.macs - plain.macs == sum(n * 2 * c * (c // reduction) for n, c in blocks)


# --- wrong input ------------------------------------------------------------------------------------------------------


def test_a_stage_without_hidden_units_is_named_with_the_largest_r_that_works(refused):
    with refused("reduction is 17", "stage 1 of ResNet-20", "16 channels", "from 1 to 16"):
        added_parameters("resnet20", 17)
    with refused("reduction is 64", "stage 2 of ResNet-20", "32 channels", "from 1 to 32"):
        added_macs("resnet20", 64, dropped_stages=(1,))
    assert added_parameters("resnet20", 64, bias=False, dropped_stages=(1, 2)) == 3 * 2 * 64
    assert added_parameters("resnet20", 10**6, dropped_stages=(1, 2, 3)) == 0


WRONG = [
    *((se_parameters, (wrong, 1), {}, [f"channels is {wrong!r}", "at least 1"]) for wrong in NOT_WHOLE),
    *((se_parameters, (8, wrong), {}, [f"reduction is {wrong!r}", "at least 1"]) for wrong in NOT_WHOLE),
    (se_parameters, (8, 9), {}, ["reduction is 9", "only 8 channels", "from 1 to 8"]),
    *((se_macs, (8, 2, wrong, 4), {}, [f"height is {wrong!r}", "at least 1"]) for wrong in NOT_WHOLE),
    *((se_macs, (8, 2, 4, wrong), {}, [f"width is {wrong!r}", "at least 1"]) for wrong in NOT_WHOLE),
    *((stage_costs, ("resnet50", wrong), {}, [f"reduction is {wrong!r}", "at least 1"]) for wrong in NOT_WHOLE),
    (stage_costs, ("resnet50", 0), {"dropped_stages": [1, 2, 3, 4]}, ["reduction is 0", "at least 1"]),
    *(
        (
            stage_costs,
            ("resnet50", 16),
            {"dropped_stages": [wrong]},
            [f"holds {wrong!r}", "ResNet-50 has the stages 1 to 4"],
        )
        for wrong in (*NOT_WHOLE, 5)
    ),
    *(
        (stage_costs, ("resnet50", 16), {"dropped_stages": wrong}, [f"dropped_stages is {wrong!r}", "[1, 2]"])
        for wrong in (4, "4", None)
    ),
    *(
        (added_parameters, (wrong, 16), {}, [f"network is {wrong!r}", "resnet50", "or a Network"])
        for wrong in ("ResNet-50", None, ["resnet50"])
    ),
    (Stage, (1, 2.5, 4, 4), {}, ["channels is 2.5", "at least 1"]),
    (Stage, (1, 2, 4, 0), {}, ["width is 0", "at least 1"]),
    (Network, ("mine", (Stage(1, 2, 4, 4),), 10, 1.0), {}, ["macs is 1.0", "at least 1"]),
]


@pytest.mark.parametrize(("function", "arguments", "options", "said"), WRONG)
def test_wrong_arguments_are_named(function, arguments, options, said, refused):
    with refused(*said):
        function(*arguments, **options)
