"""Tests of insert: SE in other people's networks, what stays as it was, and what it says to wrong choices."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
import timm
import torch
import torchvision.models as tv
from torch import Tensor, distributed, fx, nn
from torchvision.models.googlenet import Inception
from torchvision.models.inception import InceptionA, InceptionB, InceptionC, InceptionD, InceptionE
from torchvision.models.shufflenetv2 import InvertedResidual

from senet_lib.cost.formulas import se_parameters
from senet_lib.networks.insert import TwiceSigmoid, WithAttention, insert_squeeze_excitation
from senet_lib.networks.models import create_model
from senet_lib.networks.residual_branches import residual_branches
from tests.sample_networks import count_parameters, noise, settled, squeeze_excitations


@dataclass(frozen=True)
class Case:
    """A network of torchvision's, what to choose in it, and the channels of what is chosen."""

    make: Callable[[], nn.Module]
    after: object
    channels: tuple[int, ...]
    size: int = 64


def relus_of_features(model: nn.Module) -> list[str]:
    return [f"features.{name}" for name, m in model.get_submodule("features").named_modules() if isinstance(m, nn.ReLU)]


def small_vgg16_bn() -> nn.Module:
    """VGG-16 with a small last part: its own has 120 million weights and no convolutions."""
    with torch.device("meta"):
        model = tv.vgg16_bn(init_weights=False)
    model.avgpool, model.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(512, 10)
    model.features.to_empty(device="cpu")
    for module in model.features:
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model


INCEPTION = {"aux_logits": False, "init_weights": False, "num_classes": 10}
CASES = {
    "vgg16_bn": Case(
        small_vgg16_bn, relus_of_features, (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    ),
    "googlenet": Case(partial(tv.googlenet, **INCEPTION), Inception, (256, 480, 512, 512, 512, 528, 832, 832, 1024)),
    "inception_v3": Case(
        partial(tv.inception_v3, **INCEPTION),
        (InceptionA, InceptionB, InceptionC, InceptionD, InceptionE),
        (256, 288, 288, 768, 768, 768, 768, 768, 1280, 2048, 2048),
        size=75,
    ),
    "mobilenet_v2": Case(
        partial(tv.mobilenet_v2, num_classes=10), residual_branches, (24, 32, 32, 64, 64, 64, 96, 96, 160, 160)
    ),
    "shufflenet_v2_x1_0": Case(
        partial(tv.shufflenet_v2_x1_0, num_classes=10), InvertedResidual, (116,) * 4 + (232,) * 8 + (464,) * 4
    ),
    "densenet121": Case(partial(tv.densenet121, num_classes=10), "features.denseblock*", (256, 512, 1024, 1024)),
    "convnext_tiny": Case(
        partial(tv.convnext_tiny, num_classes=10), residual_branches, (96,) * 3 + (192,) * 3 + (384,) * 9 + (768,) * 3
    ),
}


class Block(nn.Module):
    """A small residual block with two layers and a shared ReLU."""

    def __init__(self, channels: int = 4):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(x + self.norm(self.conv(self.relu(x))))


class Net(nn.Sequential):
    """A stem, two residual blocks and a linear layer for pictures of 8x8."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.first = Block()
        self.second = Block()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flat = nn.Flatten()
        self.head = nn.Linear(4, 5)


SMALL = {"reduction": 2, "input_size": (3, 8, 8)}


def small_net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return settled(Net())


def gates_of(model: nn.Module, x: Tensor) -> list[Tensor]:
    """The gates of all SE blocks in one run."""
    seen: list[Tensor] = []
    for block in squeeze_excitations(model):
        block.gate.register_forward_hook(lambda module, inputs, s: seen.append(s))
    model(x)
    return seen


# --- networks of other people -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_a_network_of_torchvisions_is_unchanged_at_first_then_learns_and_has_the_formulas_parameters(name):
    torch.manual_seed(0)
    case = CASES[name]
    model, x = settled(case.make()), noise(2, 3, case.size, case.size)
    expected, old = model(x).detach(), list(model.parameters())
    options = {"reduction": 8, "bias": False, "start_gate": 1, "input_size": x.shape[1:]}
    names = insert_squeeze_excitation(model, case.after, **options)
    assert expected.isfinite().all() and expected.std() > 0 and torch.equal(model(x), expected)
    blocks = [model.get_submodule(name).attention for name in names]
    assert tuple(block.channels for block in blocks) == case.channels
    added = count_parameters(model) - sum(parameter.numel() for parameter in old)
    assert added == sum(se_parameters(c, 8, bias=False) for c in case.channels)
    model.train()(x).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert all(block.fc2.weight.grad.any() for block in blocks)


def test_a_resnet18_of_torchvisions_gives_our_se_resnet18s_logits():
    model, ours = tv.resnet18(num_classes=10), create_model("se_resnet18", num_classes=10).eval()
    insert_squeeze_excitation(settled(model), residual_branches, input_size=(3, 64, 64))
    names = ((name.replace("bn2.attention.", "attention."), value) for name, value in model.state_dict().items())
    ours.load_state_dict({name.replace(".body.", "."): value for name, value in names})
    x = noise(2, 3, 64, 64)
    assert torch.equal(model(x), ours(x))


# --- choosing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "names"),
    [
        (nn.BatchNorm2d, ["first.norm", "second.norm"]),
        ((nn.Conv2d, Block), ["stem", "first", "first.body.conv", "second", "second.body.conv"]),
        ("*.norm", ["first.norm", "second.norm"]),
        ("s*", ["stem", "second"]),
        ("first", ["first"]),
        (["second.conv", "stem"], ["stem", "second.conv"]),
        (("first", "first.norm"), ["first", "first.body.norm"]),
        (lambda model: ["first.norm", "first"], ["first", "first.body.norm"]),
        (residual_branches, ["first.norm", "second.norm"]),
    ],
    ids=["class", "classes", "pattern", "outermost", "name", "list", "tuple", "function", "residual"],
)
def test_modules_can_be_chosen_by_type_name_and_rule(after, names):
    model = small_net()
    assert insert_squeeze_excitation(model, after, **SMALL) == names
    assert all(isinstance(model.get_submodule(name), WithAttention) for name in names)
    assert len(squeeze_excitations(model)) == len(names)


def test_a_module_inside_another_gets_its_own_block_and_both_act():
    model, x = small_net(), noise(2, 3, 8, 8)
    plain = copy.deepcopy(model)
    insert_squeeze_excitation(model, ["first", "first.norm"], start_gate=0.25, **SMALL)
    h = plain.stem(x)
    first = plain.first.relu(h + 0.25 * plain.first.norm(plain.first.conv(plain.first.relu(h)))) * 0.25
    rest = nn.Sequential(plain.second, plain.pool, plain.flat, plain.head)
    torch.testing.assert_close(model(x), rest(first))


def test_a_part_of_a_network_is_a_network():
    model = small_vgg16_bn()
    names = insert_squeeze_excitation(model.features, nn.ReLU, input_size=(3, 32, 32))
    assert [f"features.{name}" for name in names] == [
        name for name, m in model.named_modules() if isinstance(m, WithAttention)
    ]
    assert len(squeeze_excitations(model)) == 13


def test_a_module_that_runs_twice_gets_one_block_for_both():
    model = small_net()
    assert insert_squeeze_excitation(model, "first.relu", **SMALL) == ["first.relu"]
    assert len(gates_of(model, noise(1, 3, 8, 8))) == 2


def test_a_module_with_two_names_gets_one_block_under_both():
    model = small_net()
    model.second.norm = model.first.norm
    assert insert_squeeze_excitation(model, "second.norm", **SMALL) == ["first.norm"]
    assert model.first.norm is model.second.norm and isinstance(model.first.norm, WithAttention)
    assert len(squeeze_excitations(model)) == 1


def test_other_modules_can_get_se_later():
    model, x = small_net(), noise(2, 3, 8, 8)
    expected = model(x)
    for after, names in (
        (residual_branches, ["first.norm", "second.norm"]),
        (nn.ReLU, ["first.relu", "second.relu"]),  # not those of the SE blocks
        (Block, ["first", "second"]),  # which hold modules that have SE
    ):
        assert insert_squeeze_excitation(model, after, start_gate=1, **SMALL) == names
    assert len(squeeze_excitations(model)) == 6
    assert torch.equal(model(x), expected)


# --- residual branches ------------------------------------------------------------------------------------------------


def names_of_blocks(*depths: int, end: str) -> list[str]:
    return [f"layer{stage}.{block}.{end}" for stage, depth in enumerate(depths, 1) for block in range(depth)]


KNOWN = {
    "resnet18": (tv.resnet18, names_of_blocks(2, 2, 2, 2, end="bn2")),
    "resnet50": (tv.resnet50, names_of_blocks(3, 4, 6, 3, end="bn3")),
    "mobilenet_v2": (tv.mobilenet_v2, [f"features.{n}.conv" for n in (3, 5, 6, 8, 9, 10, 12, 13, 15, 16)]),
    "convnext_tiny": (
        tv.convnext_tiny,
        [f"features.{n}.{block}.block" for n, depth in ((1, 3), (3, 3), (5, 9), (7, 3)) for block in range(depth)],
    ),
    "our resnet20": (partial(create_model, "resnet20"), names_of_blocks(3, 3, 3, end="bn2")),
    "padded": (partial(create_model, "resnet20", shortcut="padded"), names_of_blocks(3, 3, 3, end="bn2")),
    "our resnet50": (partial(create_model, "resnet50"), names_of_blocks(3, 4, 6, 3, end="bn3")),
    "our se_resnet20": (partial(create_model, "se_resnet20"), names_of_blocks(3, 3, 3, end="attention")),
    "timm's resnet18": (partial(timm.create_model, "resnet18"), names_of_blocks(2, 2, 2, 2, end="bn2")),
    "timm's seresnet18": (partial(timm.create_model, "seresnet18"), names_of_blocks(2, 2, 2, 2, end="se")),
    "dropped paths": (
        partial(timm.create_model, "resnet18", drop_path_rate=0.5),
        names_of_blocks(2, 2, 2, 2, end="bn2"),
    ),
    "normalisation with activation": (
        partial(timm.create_model, "efficientnet_b0"),
        [f"blocks.{s}.{block}.bn3" for s, depth in enumerate((2, 2, 3, 3, 4), 1) for block in range(1, depth)],
    ),
    "vgg11": (tv.vgg11, []),
    "densenet121": (tv.densenet121, []),
    "googlenet": (partial(tv.googlenet, init_weights=False), []),
    "shufflenet": (tv.shufflenet_v2_x1_0, []),
}


@pytest.mark.parametrize("name", KNOWN)
def test_residual_branches_of_known_networks(name):
    make, names = KNOWN[name]
    with torch.device("meta"):
        model = make().train()
    assert residual_branches(model) == names
    assert all(module.training for module in model.modules())


class Custom(nn.Module):
    """A module with any forward function, and three convolutions."""

    def __init__(self, forward: Callable):
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(4, 4, 1) for _ in range(3))
        self.pair = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Dropout(0.5))
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.run = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


@pytest.mark.parametrize(
    ("forward", "names"),
    [
        (lambda m, x: x + m.a(x), ["a"]),
        (lambda m, x: torch.add(m.a(x), x), ["a"]),
        (lambda m, x: m.a(x).add(x), ["a"]),
        (lambda m, x: m.a(x).add_(x), ["a"]),
        (lambda m, x: x + torch.relu(m.scale * m.a(x)), ["a"]),
        (lambda m, x: x + nn.functional.dropout(m.a(x), 0.5), ["a"]),
        (lambda m, x: x + torch.tanh(m.a(x)), ["a"]),
        (lambda m, x: (y := m.a(x)) * torch.sigmoid(m.b(y.mean((2, 3), keepdim=True))) + x, ["a"]),
        (lambda m, x: x + m.pair(x), ["pair"]),
        (lambda m, x: m.c(x) + m.b(m.a(x)), ["b"]),
        (lambda m, x: x.flip(2).flip(3).flip(2) + m.a(x), ["a"]),
        (lambda m, x: x + m.a(x) * m.b(x), []),  # no module gives what is added
        (lambda m, x: m.b(x + m.a(x)) + x, ["a", "b"]),
        (lambda m, x: m.a(x) + m.b(x), []),  # which is the shortcut?
        (lambda m, x: (y := m.a(x)) + 2 * y, []),
        (lambda m, x: m.a(x) + m.scale, []),
        (lambda m, x: m.a(x) + 1, []),
        (lambda m, x: x + m.a(x).flip(2), []),
        (lambda m, x: torch.cat([x, m.a(x)], 1), []),
    ],
)
def test_residual_branches_of_small_networks(forward, names):
    assert residual_branches(Custom(forward)) == names


def test_what_cannot_be_traced_counts_as_one_piece_and_its_parts_are_traced():
    def checks(m, x):
        if x.sum() > 0:
            raise ValueError
        return m.a(x)

    inner = Custom(lambda m, x: x + m.a(x))
    model = Custom(lambda m, x: x + m.b(m.a(x)))
    model.b = Custom(checks)
    model.b.inner = inner
    assert residual_branches(model) == ["b", "b.inner.a"]


# --- how the gates start ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start_gate", [0.001, 0.25, 0.5, 0.9, 1, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_gates_start_where_asked(start_gate, dtype):
    model = small_net().to(dtype)
    insert_squeeze_excitation(model, residual_branches, start_gate=start_gate, **SMALL)
    gates = torch.cat(gates_of(model, noise(3, 3, 8, 8, dtype=dtype)))
    assert gates.shape == (6, 4) and gates.dtype == dtype
    torch.testing.assert_close(gates, torch.full_like(gates, start_gate))


def test_gates_of_new_blocks_start_around_a_half_and_differ():
    model = small_net()
    insert_squeeze_excitation(model, residual_branches, **SMALL)
    for block in squeeze_excitations(model):
        assert isinstance(block.gate, nn.Sigmoid)
        assert not block.fc1.bias.any() and not block.fc2.bias.any() and block.fc2.weight.all()
    gates = torch.cat(gates_of(model, noise(64, 3, 8, 8)))
    assert gates.std() > 0.01 and 0.2 < gates.mean() < 0.8


def test_new_layers_have_he_initialisation():
    model = nn.Sequential(nn.Conv2d(3, 512, 1))
    insert_squeeze_excitation(model, nn.Conv2d, reduction=2, input_size=(3, 1, 1))
    (block,) = squeeze_excitations(model)
    for layer in (block.fc1, block.fc2):
        assert layer.weight.std().item() == pytest.approx((2 / layer.in_features) ** 0.5, rel=0.02)


@pytest.mark.parametrize("bias", [True, False])
def test_blocks_that_start_as_the_identity_learn(bias):
    model, x = small_net().train(), noise(8, 3, 8, 8)
    insert_squeeze_excitation(model, residual_branches, reduction=1, start_gate=1, bias=bias, input_size=(3, 8, 8))
    blocks = squeeze_excitations(model)
    optimiser = torch.optim.SGD([parameter for block in blocks for parameter in block.parameters()], lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        model(x).square().sum().backward()
        assert all(block.fc2.weight.grad.any() for block in blocks)
        optimiser.step()
    assert all(block.fc1.weight.grad.any() for block in blocks)  # from the second step on
    gates = torch.cat(gates_of(model, x))
    assert gates.min() < 1 < gates.max()


def test_twice_a_sigmoid_is_1_at_0_with_slope_a_half_and_ends_at_0_and_2():
    a = torch.tensor([-200.0, 0.0, 200.0], requires_grad=True)
    s = TwiceSigmoid()(a)
    s.sum().backward()
    assert s.tolist() == [0, 1, 2] and a.grad.tolist() == [0, 0.5, 0]


# --- what stays as it was ---------------------------------------------------------------------------------------------


def test_the_networks_own_tensors_are_kept():
    model = small_net()
    old = {name: (tensor, tensor.clone()) for name, tensor in model.state_dict(keep_vars=True).items()}
    insert_squeeze_excitation(model, residual_branches, **SMALL)
    new = model.state_dict(keep_vars=True)
    for name, (tensor, value) in old.items():
        kept = new[name.replace("norm.", "norm.body.")]
        assert kept is tensor and torch.equal(kept, value)


def test_batch_statistics_modes_and_hooks_are_kept():
    model = small_net().train()
    model.first.norm.eval()
    modes = [module.training for module in model.modules()]
    old_modules = list(model.modules())
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    insert_squeeze_excitation(model, residual_branches, **SMALL)
    assert [module.training for module in old_modules] == modes
    assert not any(module._forward_hooks for module in model.modules())
    assert not model.first.norm.training and not model.first.norm.attention.training
    assert model.second.norm.training and model.second.norm.attention.gate.training
    assert all(torch.equal(buffer, buffers[name.replace(".body.", ".")]) for name, buffer in model.named_buffers())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_network_runs_twice_in_evaluation_mode_without_gradients():
    seen = []
    model = Custom(lambda m, x: seen.append((x.shape, m.training, torch.is_grad_enabled())) or m.a(x))
    insert_squeeze_excitation(model, "a", reduction=2, input_size=[4, 3, 5])
    assert seen == [((1, 4, 3, 5), False, False)] * 2 and model.training


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_new_blocks_have_the_networks_number_type(dtype):
    model = small_net().to(dtype)
    insert_squeeze_excitation(model, residual_branches, **SMALL)
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    assert model(noise(1, 3, 8, 8).to(dtype)).dtype == dtype


@pytest.mark.parametrize(
    "again",
    [
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        fx.symbolic_trace,
        lambda model: torch.export.export(model, (noise(2, 3, 8, 8),)).module(),
    ],
    ids=["copied", "pickled", "traced", "exported"],
)
def test_a_changed_network_can_be(again):
    model, x = small_net(), noise(2, 3, 8, 8)
    insert_squeeze_excitation(model, residual_branches, **SMALL)
    other = again(model)
    torch.testing.assert_close(other(x), model(x))


def test_inputs_by_keyword_reach_the_module():
    model = Custom(lambda m, x: m.a(input=x))
    assert insert_squeeze_excitation(model, "a", reduction=2, input_size=(4, 2, 2)) == ["a"]
    assert model(noise(1, 4, 2, 2)).shape == (1, 4, 2, 2)


# --- wrong choices ----------------------------------------------------------------------------------------------------


def narrow_and_wide() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 6, 1), nn.Conv2d(6, 20, 1))


class ReadsAWeight(Custom):
    """Runs a convolution, and then looks at its weights."""

    def __init__(self) -> None:
        super().__init__(lambda m, x: m.a(x) * m.a.weight.mean())


class HasAList(nn.Module):
    """Runs a convolution that it also has in a list, from the list."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.run_these = [self.conv]

    def forward(self, x: Tensor) -> Tensor:
        return self.run_these[0](x)


def shared_relu_of_two_widths() -> nn.Module:
    relu = nn.ReLU()
    return nn.Sequential(nn.Conv2d(3, 4, 1), relu, nn.Conv2d(4, 8, 1), relu)


class Gives(nn.Module):
    """What a function makes of its input."""

    def __init__(self, function: Callable):
        super().__init__()
        self.function = function

    def forward(self, x: object) -> object:
        return self.function(x)


def b_gives(function: Callable) -> Callable[[], nn.Module]:
    """Makes a network whose module b gives what a function makes of a (B, C, H, W)."""

    def make() -> nn.Module:
        model = Custom(lambda m, x: m.b(m.a(x)))
        model.b = Gives(function)
        return model

    return make


SIZE_4 = {"input_size": (4, 8, 8)}
WRONG = {
    "no such type": (small_net, nn.GELU, {}, ["no GELU inside", "Conv2d, Block, BatchNorm2d"]),
    "the model itself": (small_net, Net, {}, ["no Net inside"]),
    "one layer": (lambda: nn.Conv2d(3, 8, 3), nn.Conv2d, {}, ["no Conv2d inside", "it has no modules"]),
    "no such name": (small_net, "frist.norm", {}, ["no module 'frist.norm'", "did you mean first.norm"]),
    "no such pattern": (small_net, "zzz*", {}, ["no module 'zzz*'", "it has stem, first, first.conv", "more"]),
    "no such name in a list": (small_net, ["stem", "secnd"], {}, ["'secnd'", "did you mean second or"]),
    "no such name by a rule": (small_net, lambda model: ["", "stem"], {}, ["no module ''"]),
    "an empty list": (small_net, [], {}, ["found no module", "choose modules by type"]),
    "a rule without names": (small_net, lambda model: None, {}, ["the function in after returns None"]),
    "a number": (small_net, 3, {}, ["after is 3", "a module class"]),
    "another class": (small_net, int, {}, ["after is <class 'int'>"]),
    "a module": (small_net, nn.ReLU(), {}, ["after is ReLU()", "a module class"]),
    "mixed": (small_net, (nn.ReLU, "stem"), {}, ["after is (<class", "a module class"]),
    "no residual branch": (narrow_and_wide, residual_branches, {}, ["found no residual branch", "by type", "by name"]),
    "a branch that ends in a function": (
        partial(Custom, lambda m, x: x + m.a(x).flip(2)),
        residual_branches,
        {},
        ["found no residual branch that ends in a module, but in flip", "by type"],
    ),
    "shape without places": (small_net, "head", {}, ["head gives shape (1, 5)", "(B, C, H, W)"]),
    "no tensor": (b_gives(lambda x: (x, x)), "b", SIZE_4, ["b gives a tuple", "(B, C, H, W)"]),
    "whole numbers": (b_gives(lambda x: x.long()), "b", SIZE_4, ["b gives type torch.int64", "floating-point"]),
    "channels last": (
        b_gives(lambda x: x.permute(0, 2, 3, 1)),
        "b",
        SIZE_4,
        ["b gives shape (1, 8, 8, 4), with its channels last", "(B, C, H, W)"],
    ),
    "does not run": (partial(Custom, lambda m, x: m.a(x)), ["a", "c"], SIZE_4, ["c does not run in evaluation mode"]),
    "two widths": (shared_relu_of_two_widths, nn.ReLU, {}, ["1 runs 2 times, with 4 and 8 channels"]),
    "too few channels": (
        narrow_and_wide,
        nn.Conv2d,
        {"reduction": 7},
        ["reduction is 7", "1 has only 6 channels", "use a reduction from 1 to 6"],
    ),
    "other channels": (
        small_net,
        Block,
        {"input_size": (1, 8, 8)},
        ["does not run on input_size (1, 8, 8)", "3 channels", "give the size of its pictures"],
    ),
    "reads a weight": (ReadsAWeight, "a", SIZE_4, ["does not run with SE", "no attribute 'weight'"]),
    "has a list": (HasAList, "conv", SIZE_4, ["SE after conv does not run"]),
    "reduction 0": (small_net, Block, {"reduction": 0}, ["reduction is 0", "at least 1"]),
    "a size without channels": (small_net, Block, {"input_size": 8}, ["input_size is 8", "(3, 224, 224)"]),
    "a size of 0": (small_net, Block, {"input_size": (3, 0, 8)}, ["input_size is (3, 0, 8)"]),
    "a gate of 0": (small_net, Block, {"start_gate": 0}, ["start_gate is 0", "above 0 and up to 1"]),
    "a gate above 1": (small_net, Block, {"start_gate": 1.5}, ["start_gate is 1.5"]),
    "a gate that is true": (small_net, Block, {"start_gate": True}, ["start_gate is True"]),
    "a gate that is no number": (small_net, Block, {"start_gate": "1"}, ["start_gate is '1'"]),
    "a gate without bias": (small_net, Block, {"start_gate": 0.9, "bias": False}, ["start_gate is 0.9", "bias=True"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_choice_is_refused_and_changes_nothing(name, refused):
    make, after, options, message = WRONG[name]
    model = make().train()
    modules, state = list(model.named_modules(remove_duplicate=False)), copy.deepcopy(model.state_dict())
    with refused(*message):
        insert_squeeze_excitation(model, after, **{**SMALL, **options})
    assert list(model.named_modules(remove_duplicate=False)) == modules
    assert all(module.training and not module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("after", [residual_branches, nn.Conv2d, ["first"], "*conv*"])
def test_the_same_call_twice_is_refused_and_changes_nothing(after, refused):
    model = small_net()
    names = insert_squeeze_excitation(model, after, **SMALL)
    modules = list(model.modules())
    with refused(f"{names[0]}", "has SE from an earlier call", "choose other modules"):
        insert_squeeze_excitation(model, after, **SMALL)
    assert list(model.modules()) == modules


def test_a_network_without_additions_that_cannot_be_traced_is_refused(refused):
    model = Custom(lambda m, x: m.a(x) if x.sum() > 0 else m.b(x))
    with refused("cannot be traced", "torch.fx said TraceError", "choose modules by type", "by name"):
        residual_branches(model)


def test_a_rules_own_error_comes_through_and_changes_nothing():
    model = small_net()
    with pytest.raises(ZeroDivisionError):
        insert_squeeze_excitation(model, lambda model: [str(1 / 0)], **SMALL)
    assert not squeeze_excitations(model)


def test_an_interruption_while_modules_are_replaced_changes_nothing():
    class Interrupted(Block):
        def register_module(self, name: str, module: nn.Module | None) -> None:
            if isinstance(module, WithAttention):
                raise KeyboardInterrupt
            super().register_module(name, module)

    model = small_net()
    model.second = Interrupted()
    modules = list(model.modules())
    with pytest.raises(KeyboardInterrupt):
        insert_squeeze_excitation(model, residual_branches, **SMALL)
    assert list(model.modules()) == modules


def test_a_network_that_is_wrapped_for_several_processes_is_refused(refused):
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(small_net())
        names = list(wrapped.state_dict())
        with refused("model is a DistributedDataParallel", "insert SE into the plain network first, and wrap it then"):
            insert_squeeze_excitation(wrapped, Block)
        assert list(wrapped.state_dict()) == names
    finally:
        distributed.destroy_process_group()
