"""Tests of senet_lib.cost.measure: counts against torchinfo, against the formulas, and by hand."""

import copy
from functools import partial

import numpy as np
import pytest
import timm
import torch
import torchinfo
from torch import nn
from torchvision import models as torchvision_models

from senet_lib.cost.formulas import (
    NETWORKS,
)
from senet_lib.cost.measure import measure_cost
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests.cost.test_formulas import real_network
from tests.sample_networks import empty, noise

# Bytes for one picture of 3x4x6; a number has 4. By hand, what each layer's gradient needs.
PICTURE, MAPS = 3 * 4 * 6 * 4, 5 * 4 * 6 * 4
POOLED = MAPS // 4


@pytest.mark.parametrize("name", NETWORKS)
def test_a_measured_network_costs_what_the_table_says(name):
    model, size = real_network(name)
    cost = measure_cost(model, (3, size, size))
    assert (cost.parameters, cost.macs) == (NETWORKS[name].parameters, NETWORKS[name].macs)


def torchinfos_macs(model: nn.Module, size: int) -> int:
    """torchinfo's mult-adds without what it counts besides weights: biases, and two a channel of normalisation."""
    summary = torchinfo.summary(model, (1, 3, size, size), device="meta", verbose=0)
    macs = summary.total_mult_adds
    for layer in summary.summary_list:
        bias = getattr(layer.module, "bias", None)
        if isinstance(layer.module, nn.BatchNorm2d):
            macs -= 2 * layer.module.num_features
        elif isinstance(layer.module, nn.Conv2d) and bias is not None:
            macs -= layer.output_size[1] * layer.output_size[2] * layer.output_size[3]
        elif isinstance(layer.module, nn.Linear) and bias is not None:
            macs -= layer.output_size[1]
    return macs


@pytest.mark.parametrize(
    "make",
    [
        torchvision_models.resnet18,
        partial(create_model, "se_resnet50"),
        torchvision_models.resnext50_32x4d,
        torchvision_models.vgg16_bn,
        torchvision_models.mobilenet_v2,
        partial(timm.create_model, "seresnet50"),
    ],
    ids=["resnet18", "se_resnet50", "resnext50_32x4d", "vgg16_bn", "mobilenet_v2", "timm seresnet50"],
)
def test_parameters_and_macs_are_torchinfos(make):
    cost = measure_cost(empty(make), (3, 224, 224))
    assert cost.macs == torchinfos_macs(empty(make), 224)
    assert cost.parameters == torchinfo.summary(empty(make), device="meta", verbose=0).total_params


@pytest.mark.parametrize(
    ("make", "kept_bytes"),
    [
        (lambda: [nn.Conv2d(3, 5, 3, padding=1)], PICTURE),
        # The ReLU keeps its output, not its input.
        (lambda: [nn.Conv2d(3, 5, 3, padding=1), nn.ReLU()], PICTURE + MAPS),
        # The linear layer keeps its input, which is the ReLU's output: once.
        (lambda: [nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(120, 7)], PICTURE + MAPS),
        # Batch normalisation keeps its input; what it keeps of a whole batch, the statistics, is no picture's.
        (lambda: [nn.Conv2d(3, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU()], PICTURE + 2 * MAPS),
        # Pooling keeps its input, which is the ReLU's output, and one index of 8 bytes for each number of its output.
        (lambda: [nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)], PICTURE + MAPS + 2 * POOLED),
        # The mean keeps nothing; the hidden layer z and its own output; the last layer that output; the gate its output
        # s; the product x, which is the picture of the convolution's outputs, and s.
        (lambda: [nn.Conv2d(3, 5, 3, padding=1), SqueezeExcitation(5, 2)], PICTURE + MAPS + 4 * (5 + 2 + 5)),
    ],
    ids=["convolution", "ReLU", "linear", "normalisation", "pooling", "SE"],
)
def test_what_autograd_keeps_is_what_one_counts_by_hand(make, kept_bytes):
    assert measure_cost(nn.Sequential(*make()), (3, 4, 6)).activation_bytes == kept_bytes


def test_a_frozen_model_keeps_nothing():
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU())
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    assert measure_cost(model, (3, 4, 6)).activation_bytes == 0


@pytest.mark.parametrize("name", ["resnet50", "resnet20"])
def test_a_real_device_keeps_as_much(name):
    torch.manual_seed(0)
    model, size = create_model(f"se_{name}"), 64
    kept = []
    for batch in (2, 3):
        storages = set()
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, storages=storages: storages.add(tensor.untyped_storage()) or tensor, lambda tensor: tensor
        ):
            model(torch.zeros(batch, 3, size, size))
        kept.append(sum(storage.nbytes() for storage in storages))
    assert measure_cost(model, (3, size, size)).activation_bytes == kept[1] - kept[0]


def test_the_parts_add_up_and_print_as_a_table():
    cost = measure_cost(create_model("se_resnet20"), (3, 32, 32))
    assert [part.name for part in cost.parts] == ["conv1", "bn1", "layer1", "layer2", "layer3", "fc"]
    assert sum(part.parameters for part in cost.parts) == cost.parameters
    assert sum(part.macs for part in cost.parts) == cost.macs
    lines = str(cost).splitlines()
    assert lines[0].split() == ["part", "parameters", "share", "MACs", "share"]
    assert lines[1].split() == ["conv1", "432", "0.2%", "442,368", "1.1%"]
    assert lines[-2].split()[0] == "total" and f"{cost.macs:,}" in lines[-2]
    assert lines[-1] == f"kept for the backward pass: {cost.activation_bytes / 1e6:.1f} MB per picture"
    assert len({len(line) for line in lines[:-1]}) == 1  # the columns are straight


class Odd(nn.Module):
    """A parameter of its own, a layer under two names, a list that never runs itself, a tensor that is no buffer."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3, 1, 1))
        self.first = nn.Conv2d(3, 3, 1, bias=False)
        self.pair = nn.ModuleList([self.first, nn.Conv2d(3, 3, 1, bias=False)])
        self.shift = torch.ones(3, 1, 1, requires_grad=True) * 2  # deepcopy refuses such a tensor

    def forward(self, x):
        x = self.first(x) * self.scale + self.shift + torch.ones(3, 1, 1)
        for layer in self.pair:
            x = layer(x)
        return torch.einsum("bchw,cd->bdhw", x, self.scale.flatten(1) @ self.scale.flatten(1).T)


def test_what_is_shared_counts_once_and_what_is_in_no_part_is_the_rest():
    cost = measure_cost(Odd(), (3, 4, 5))
    assert cost.parameters == 3 + 9 + 9
    assert cost.macs == 3 * 9 * 20 + 9 + 9 * 20  # the shared layer runs twice
    assert [(part.name, part.parameters) for part in cost.parts] == [("first", 9), ("pair", 9), ("(rest)", 3)]
    assert [part.macs for part in cost.parts] == [2 * 9 * 20, 9 * 20, 9 + 9 * 20]


def test_matrix_products_of_attention_count():
    cost = measure_cost(empty(torchvision_models.vit_b_16), (3, 224, 224))
    assert (cost.parameters, round(cost.macs / 1e9, 2)) == (86_567_656, 17.56)  # torchvision's page: 86.6M, 17.56


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_other_number_types(dtype):
    bits = torch.finfo(dtype).bits
    whole, other = (measure_cost(create_model("se_resnet20").to(kind), (3, 32, 32)) for kind in (torch.float32, dtype))
    assert (other.parameters, other.macs) == (whole.parameters, whole.macs)
    assert other.activation_bytes * 32 == whole.activation_bytes * bits


def test_a_compiled_model_costs_what_it_did_and_gradients_may_be_off():
    model = create_model("small_resnet")
    expected = measure_cost(model, (3, 32, 32))
    assert measure_cost(torch.compile(model), (3, 32, 32)) == expected
    for off in (torch.no_grad, torch.inference_mode):
        with off():
            assert measure_cost(model, (3, 32, 32)) == expected


class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout()

    def forward(self, x):
        x = self.drop(self.norm(self.conv(x)))
        if x.shape[-1] != 8:
            raise RuntimeError("pictures of\n8 pixels, please")
        return x


@pytest.mark.parametrize("size", [8, 9])
def test_the_model_is_as_it_was(size):
    torch.manual_seed(0)
    model, calls = Broken(), []
    model.conv.weight.requires_grad_(False)
    model(noise(2, 3, 8, 8)).sum().backward()
    model.norm.eval()
    model.conv.register_forward_hook(lambda *inputs: calls.append(inputs))
    model.register_forward_pre_hook(lambda *inputs: calls.append(inputs))
    before = copy.deepcopy(model)
    gradients = {name: p.grad for name, p in model.named_parameters()}
    random, identities = torch.get_rng_state(), [id(p) for p in model.parameters()]
    try:
        measure_cost(model, (3, size, size))
    except ValueError:
        assert size == 9
    assert [module.training for module in model.modules()] == [module.training for module in before.modules()]
    for (name, value), expected in zip(model.state_dict().items(), before.state_dict().values(), strict=True):
        assert torch.equal(value, expected) and value.device.type == "cpu", name
    assert [p.requires_grad for p in model.parameters()] == [p.requires_grad for p in before.parameters()]
    assert all(p.grad is gradients[name] for name, p in model.named_parameters())
    assert [id(p) for p in model.parameters()] == identities
    assert torch.equal(torch.get_rng_state(), random)
    assert [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()] == [
        (len(m._forward_hooks), len(m._forward_pre_hooks)) for m in before.modules()
    ]
    assert calls == []
    assert torch.is_grad_enabled()


# --- wrong input ------------------------------------------------------------------------------------------------------


def test_a_model_that_refuses_the_pictures_is_quoted(refused):
    with refused("does not run on input_size (1, 32, 32)", "the input has 1 channels", "give the size of its pictures"):
        measure_cost(create_model("small_resnet"), (1, 32, 32))
    with refused("does not run on input_size (3, 9, 9)", "RuntimeError: pictures of 8 pixels, please"):
        measure_cost(Broken(), (3, 9, 9))


def test_the_part_that_fails_is_named_with_what_it_holds_and_got(refused):
    model = nn.Sequential(nn.Conv2d(3, 64, 3), SqueezeExcitation(16, reduction=4))
    with refused("1, a SqueezeExcitation", "got (3, 64, 30, 30)", "let what it holds fit what it gets"):
        measure_cost(model, (3, 32, 32))


class NeedsValues(nn.Module):
    """It runs, but not on a device without values."""

    def __init__(self, kind):
        super().__init__()
        self.convolution, self.kind = nn.Conv2d(3, 4, 1), kind

    def forward(self, x):
        y = self.convolution(x)
        if self.kind == "item":
            return y if y.mean().item() < 1e9 else x
        constant = torch.from_numpy(np.ones(4, np.float32)) if self.kind == "numpy" else torch.ones(4, device="cpu")
        return y * constant[:, None, None]


@pytest.mark.parametrize("kind", ["item", "numpy", "cpu"])
def test_a_model_that_needs_values_is_counted_on_its_own_device(kind):
    model = NeedsValues(kind)
    random = torch.get_rng_state()
    cost = measure_cost(model, (3, 8, 8))
    assert torch.equal(torch.get_rng_state(), random)
    assert (cost.parameters, cost.macs) == (16, 3 * 4 * 64)
    plain = measure_cost(nn.Conv2d(3, 4, 1), (3, 8, 8)).activation_bytes
    assert plain <= cost.activation_bytes <= plain + 2 * 4 * 64 * 4


@pytest.mark.parametrize("wrong", [None, (3, 0, 4), (32, 32), (1, 3, 32, 32)])
def test_an_input_size_is_three_whole_numbers(refused, wrong):
    with refused(f"input_size is {wrong!r}", "(channels, height, width)"):
        measure_cost(create_model("small_resnet"), wrong)


@pytest.mark.parametrize("wrong", ["resnet50", None, create_model])
def test_a_model_is_a_module(refused, wrong):
    with refused("model is", "give a network"):
        measure_cost(wrong, (3, 32, 32))
