"""Tests of senet_lib.gates.modules: the gates are what the blocks multiply by, each pass counts once, hooks go."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
import timm
import torch
import torchvision
from torch import Tensor, fx, nn

from senet_lib.gates.modules import GATES, Patterns, find_gates, watch_passes
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import NoSqueeze, SqueezeExcitation
from tests.gates.conftest import BLOCKS
from tests.sample_networks import hooks_of, noise


@contextmanager
def watching(model: nn.Module, blocks: Patterns = None, gates: Mapping = GATES) -> Iterator[list[dict[str, Tensor]]]:
    """A list that gets the gates of each pass."""
    passes: list[dict[str, Tensor]] = []
    with watch_passes(model, find_gates(model, blocks, gates), passes.append):
        yield passes


def inputs_of(model: nn.Module, names: list[str], x: Tensor) -> dict[str, tuple[nn.Module, Tensor]]:
    """The SE blocks by name, each with its input in a pass of x."""
    seen = {}
    blocks = {name: model.get_submodule(name) for name in names}
    handles = [
        block.register_forward_pre_hook(lambda m, inputs, name=name: seen.update({name: (m, inputs[0].clone())}))
        for name, block in blocks.items()
    ]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return seen


# --- where the gates are ----------------------------------------------------------------------------------------------

FOREIGN: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "timm seresnet18": (lambda: timm.create_model("seresnet18"), 8),
    "timm legacy_seresnet18": (lambda: timm.create_model("legacy_seresnet18"), 8),
    "timm efficientnet_b0": (lambda: timm.create_model("efficientnet_b0"), 16),
    "timm mobilenetv3_small_050": (lambda: timm.create_model("mobilenetv3_small_050"), 9),
    "timm ese_vovnet19b_dw": (lambda: timm.create_model("ese_vovnet19b_dw"), 4),
    "timm hgnet_tiny": (lambda: timm.create_model("hgnet_tiny"), 5),
    "timm regnety_002": (lambda: timm.create_model("regnety_002"), 13),
    "torchvision mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, 9),
    "torchvision regnet_y_400mf": (torchvision.models.regnet_y_400mf, 16),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_timms_and_torchvisions_gates_are_what_their_blocks_multiply_by(name):
    make, count = FOREIGN[name]
    torch.manual_seed(0)
    model = make().eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.bias)  # gates that differ from channel to channel
    x = noise(2, 3, 64, 64)
    with watching(model) as passes, torch.no_grad():
        model(x)
    (gates,) = passes
    assert len(gates) == count
    for block, (module, u) in inputs_of(model, list(gates), x).items():
        with torch.no_grad():
            assert torch.allclose(module(u), u * gates[block][:, :, None, None], atol=1e-6)
        assert gates[block].std() > 0.01


def test_gates_with_channels_last_are_a_matrix_too():
    model = nn.Sequential(timm.layers.squeeze_excite.SqueezeExciteCl(16))
    x = noise(3, 5, 4, 16)
    with watching(model) as passes, torch.no_grad():
        y = model(x)
    assert passes[0]["0"].shape == (3, 16)
    assert torch.allclose(y, x * passes[0]["0"][:, None, None, :])


def test_a_class_of_ones_own_is_named_in_the_mapping():
    class Squeeze(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.sigmoid = nn.Linear(4, 4), nn.Sigmoid()

        def forward(self, x):
            return x * self.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]

    class Special(Squeeze):
        pass

    model = nn.Sequential(Squeeze(), Special(), SqueezeExcitation(4, 2))
    for key in (Squeeze, f"{Squeeze.__module__}.{Squeeze.__qualname__}"):
        found = find_gates(model, gates={**GATES, key: "sigmoid"})
        assert found == {"0": model[0].sigmoid, "1": model[1].sigmoid, "2": model[2].gate}
    assert list(find_gates(model)) == ["2"]
    spatial = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Sigmoid())
    classifier = nn.Sequential(nn.Linear(4, 2), nn.Sigmoid())
    others = nn.Sequential(nn.Sequential(model[0]), spatial, classifier)  # without a known class: by the parts
    with model[0].sigmoid.register_forward_hook(lambda *_: pytest.fail("to look for gates is no pass")):
        assert find_gates(others) == {"0.0": model[0].sigmoid}


def test_blocks_are_chosen_by_name_pattern_or_stage():
    model = create_model("se_resnet20")
    third = [f"layer3.{number}.attention" for number in range(3)]
    assert list(find_gates(model, "layer3")) == list(find_gates(model, "layer3.*")) == third
    assert list(find_gates(model, ["layer3.1", "layer3.0.attention"])) == third[:2]
    assert list(find_gates(model, "*.1.attention")) == [f"layer{stage}.1.attention" for stage in (1, 2, 3)]
    assert len(find_gates(model)) == 9
    assert find_gates(model)["layer2.1.attention"] is model.layer2[1].attention.gate


def test_each_class_of_the_mapping_is_there():
    for key in GATES:
        module, _, name = key.rpartition(".")
        assert isinstance(getattr(__import__(module, fromlist=[name]), name), type)


# --- passes that count, and hooks that go -----------------------------------------------------------------------------


def test_no_hook_is_left_and_only_ours_are_taken_away(model):
    own = model.layer1[0].attention.gate.register_forward_hook(lambda *_: None)
    before = hooks_of(model)
    with watching(model):
        assert hooks_of(model) == before + 5
    assert hooks_of(model) == before
    own.remove()
    with pytest.raises(KeyboardInterrupt), watching(model):
        raise KeyboardInterrupt
    assert hooks_of(model) == 0


def test_a_pass_that_fails_does_not_count(model):
    with watching(model) as passes:
        fc, model.fc = model.fc, nn.Linear(3, 3)
        with pytest.raises(RuntimeError):
            model(noise(2, 3, 16, 16))
        model.fc = fc
        model(noise(3, 3, 16, 16))
    assert [len(one[BLOCKS[0]]) for one in passes] == [3]


def test_parts_of_the_model_alone_and_checkpointing_are_no_passes(model):
    x = noise(2, 3, 16, 16)
    with watching(model) as passes:
        model.features(x)
        model(x)
        model.layer1(noise(2, 16, 8, 8))
    assert len(passes) == 1

    class Checkpointed(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return torch.utils.checkpoint.checkpoint(self.inner, x, use_reentrant=False)

    checkpointed = Checkpointed(model)
    with watching(checkpointed) as passes:
        checkpointed(x.requires_grad_()).sum().backward()  # runs all blocks a second time
    assert len(passes) == 1


def test_what_does_not_run_exactly_once_a_pass_is_refused(refused):
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.once, self.twice, self.never = (SqueezeExcitation(4, 2) for _ in range(3))

        def forward(self, x):
            return self.twice(self.twice(self.once(x)))

    model, x = Shared(), noise(2, 4, 3, 3)
    with refused("twice runs twice", "choose other blocks"), watching(model):
        model(x)
    with refused("never did not run", "choose other blocks"), watching(model, ["once", "never"]):
        model(x)
    with watching(model, "once") as passes:
        model(x)
    assert passes[0]["once"].shape == (2, 4) and hooks_of(model) == 0


# --- what is refused --------------------------------------------------------------------------------------------------


def test_models_without_gates_are_refused(refused):
    with refused("no SE block", "create_model('se_resnet20')", "insert_squeeze_excitation", "gates="):
        find_gates(create_model("resnet8"))
    without = create_model("small_resnet", attention=lambda channels: NoSqueeze(channels, 4))
    with refused("NoSqueeze only", "place to place", "SqueezeExcitation"):
        find_gates(without)
    with refused("model is a str", "create_model('se_resnet20')"):
        find_gates("se_resnet20")
    with refused("DataParallel", "model.module"):
        find_gates(nn.DataParallel(create_model("se_resnet8")))


def test_compiled_models_are_refused(model, refused):
    with refused("compiled", "model._orig_mod"):
        find_gates(torch.compile(model, backend="eager"))
    model.layer1.compile(backend="eager")
    with refused("layer1 is compiled"):
        find_gates(model)
    model.compile(backend="eager")
    with refused("the model is compiled"):
        find_gates(model)


def test_gates_of_each_place_and_wrong_mappings_are_refused(refused):
    model = create_model("small_resnet", attention=lambda channels: NoSqueeze(channels, 4))
    with refused("layer1.0.attention have shape (2, 16, 4, 4)", "(B, C)"), watching(model, gates={NoSqueeze: "fc2"}):
        model(noise(2, 3, 8, 8))
    with refused("layer1.0.attention, a NoSqueeze", "'sigmoid'", "it has fc1, fc2"):
        find_gates(model, gates={NoSqueeze: "sigmoid"})
    sigmoid = nn.Sigmoid()
    shared = nn.Sequential(*(SqueezeExcitation(4, 2, gate=lambda: sigmoid) for _ in range(2)))
    with refused("0 and 1 share one gate"):
        find_gates(shared)


def test_unknown_blocks_are_refused_with_the_names_that_there_are(model, refused):
    for blocks in ("layer4", ["layer1", "layer4"]):
        with refused("no SE block fits 'layer4'", *BLOCKS):
            find_gates(model, blocks)
    for blocks in ([], 3, [3]):
        with refused(f"blocks is {blocks!r}"):
            find_gates(model, blocks)


class WithFunction(nn.Module):
    """As in EfficientNet-PyTorch: the gate is a function, not a submodule."""

    def __init__(self):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 3, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.expand(torch.relu(self.reduce(x.mean((2, 3), keepdim=True)))))


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_advice_can_be_followed_where_no_hook_can_see_the_gate(refused):
    model = nn.Sequential(WithFunction())
    for gates in (GATES, GATES | {WithFunction: "sigmoid"}):
        with refused("If its gate is a function", "make it a submodule, nn.Sigmoid()", "senet_lib.export.reveal_gates"):
            find_gates(model, gates=gates)
    with refused("is made by torch.fx", "give the network it was made from"):
        find_gates(fx.symbolic_trace(model))
    traced = nn.Sequential(torch.jit.trace(model, torch.zeros(1, 3, 4, 4)))
    with refused("0 is made by torch.jit", "give the network it was made from"):
        find_gates(traced)
