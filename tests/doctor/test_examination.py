"""Tests of senet_lib.doctor: it finds each specimen's fault, none in sound networks, and leaves the model as it was."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from timm.layers.squeeze_excite import SqueezeExciteCl
from timm.models.maxxvit import MaxxVitConvCfg, MbConvBlock
from torch import Tensor, nn

from senet_lib.doctor import SELayer, examine
from senet_lib.doctor.examination import LINE
from senet_lib.doctor.specimens import SPECIMENS
from senet_lib.doctor.specimens.specimen_networks import ChannelGate, GatedNetwork, SoftmaxInside
from senet_lib.networks import insert_squeeze_excitation, residual_branches
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from senet_lib.training.device import best_device
from tests.sample_networks import noise, shaken

# A layer of no hidden unit has nothing to initialise, and torch says so.
pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors", "ignore:.*torch.jit")


def only_layer(gate: Callable[[int], nn.Module], side: int = 32) -> SELayer:
    """How the doctor describes a gate of 24 channels in a small network without shortcuts."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 24, 3, padding=1, bias=False), gate(24), nn.Flatten(), nn.LazyLinear(4))
    network(noise(2, 3, side, side))  # LazyLinear learns its size
    report = examine(network, (3, side, side))
    (layer,) = report.layers
    assert report.faults == ()
    return layer


# --- the specimens ----------------------------------------------------------------------------------------------------

NOTES = {"rounded-width", "one-bias", "convolution-bias", "gated-shortcut", "gated-sum", "norm-after-gate"}
NOTES |= {"relu-before-gate", "projected-shortcut", "wide-stem"}


@pytest.mark.parametrize("name", SPECIMENS)
@pytest.mark.parametrize("is_trained", [False, True], ids=["new", "trained"])
def test_each_faulty_specimen_gets_its_finding_and_its_sound_twin_gets_none(name, is_trained):
    specimen = SPECIMENS[name]
    for seed in (0, 1):
        torch.manual_seed(seed)
        faulty, sound = (make(num_classes=7) for make in (specimen.make_faulty, specimen.make_sound))
        report = examine(shaken(faulty) if is_trained else faulty, specimen.input_size)
        assert {finding.code for finding in report.findings} == {specimen.finding}
        assert {finding.kind for finding in report.findings} == {"note" if name in NOTES else "fault"}
        assert examine(shaken(sound) if is_trained else sound, specimen.input_size).findings == ()


@pytest.mark.parametrize(
    ("name", "places"),
    {
        "input-squared": ["unit1.gate", "unit2.gate"],
        "no-hidden-unit": ["unit1.gate", "unit2.gate"],
        "no-return": ["unit1.gate"],
        "softmax-output": [""],
        "convolution-bias": ["unit1.conv1", "unit1.conv2", "unit2.conv1", "unit2.conv2"],
        "projected-shortcut": ["unit2.shortcut.0"],
    }.items(),
)
def test_findings_say_where(name, places):
    torch.manual_seed(0)
    assert [finding.where for finding in examine(SPECIMENS[name].make_faulty()).findings] == places


def test_a_network_without_return_is_one_of_those_faults():
    class Forgetful(GatedNetwork):
        def forward(self, x: Tensor) -> Any:
            super().forward(x)

    (finding,) = examine(Forgetful()).findings
    assert (finding.code, finding.kind, finding.where) == ("returns-none", "fault", "")


def test_what_cannot_run_is_to_be_mended_first():
    assert str(examine(SPECIMENS["no-return"].make_faulty())).endswith("\nMend this first, then examine again.")


def test_torchs_defaults_do_not_matter():
    faulty = SPECIMENS["relu-gate"].make_faulty()
    report = examine(faulty)
    torch.set_default_dtype(torch.float64)
    try:
        assert examine(faulty) == report
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        assert examine(faulty) == report


def test_softmax_in_evaluation_mode_alone_is_no_fault():
    class Probabilities(GatedNetwork):
        def forward(self, x: Tensor) -> Tensor:
            logits = super().forward(x)
            return logits if self.training else logits.softmax(1)

    assert examine(Probabilities()).findings == ()


class OwnSize(ChannelGate):
    def squeeze(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, x.shape[2:]).flatten(1)


class Crop(ChannelGate):
    def squeeze(self, x: Tensor) -> Tensor:
        return x[:, :, :8, :8].mean((2, 3))


class Tanh(ChannelGate):
    def gate_function(self, t: Tensor) -> Tensor:
        return torch.tanh(t)


class Context(ChannelGate):
    def forward(self, x: Tensor) -> Tensor:
        return x + self.gates(x)

    def gate_function(self, t: Tensor) -> Tensor:
        return t


class Eight(ChannelGate):
    def hidden_width(self, channels: int, reduction: int) -> int:
        return 8


class Cube(ChannelGate):
    def forward(self, x: Tensor) -> Tensor:
        return x * x * super().forward(x)


@pytest.mark.parametrize(
    ("gate", "found"),
    [
        (OwnSize, set()),
        (Crop, {("squeeze-not-global", "fault")}),
        (Tanh, {("gate-tanh", "note")}),
        (Context, {("gates-added", "note")}),
        (Eight, {("hidden-constant", "note")}),
        (Cube, {("input-squared", "fault")}),
    ],
)
def test_what_is_found_in_other_gates(gate, found):
    report = examine(GatedNetwork(gate=gate, widths=(16, 64)))
    assert {(finding.code, finding.kind) for finding in report.findings} == found
    assert [layer.squeeze for layer in report.layers] == (["other"] if gate is Crop else ["mean"]) * 2
    if gate is Cube:
        assert "8 times" in report.findings[0].what


def test_new_gates_that_insert_keeps_at_1_are_a_note():
    model = create_model("small_resnet")
    insert_squeeze_excitation(model, residual_branches, start_gate=1, reduction=4)
    assert {(finding.code, finding.kind) for finding in examine(model).findings} == {("gate-constant", "note")}


# --- sound networks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("placement", ["standard", "pre", "post", "identity"])
def test_the_paper_s_placements_are_told_apart_and_are_no_faults(placement):
    report = examine(create_model("se_small_resnet", placement=placement))
    assert [layer.place for layer in report.layers] == [placement] * 2
    expected = [] if placement == "standard" else [(f"place-{placement}", "note")] * 2
    assert [(finding.code, finding.kind) for finding in report.findings] == expected


def test_se_in_the_middle_of_a_bottleneck_is_inside():
    report = examine(create_model("se_resnet50", placement="3x3", num_classes=10), (3, 64, 64))
    assert [layer.place for layer in report.layers] == ["inside"] * 16
    assert report.findings == ()


@pytest.mark.parametrize(("name", "size", "count"), [("20", 32, 9), ("18", 64, 8), ("50", 64, 16)])
def test_our_networks_get_no_finding(name, size, count):
    report = examine(create_model(f"se_resnet{name}"), (3, size, size))
    assert report.findings == ()
    assert len(report.layers) == count
    assert {(layer.ratio, layer.place, layer.gate) for layer in report.layers} == {(16, "standard", "sigmoid")}


# From timm's and torchvision's names to the number of layers that gate channels.
SOUND = {
    "test_efficientnet": 2,
    "test_byobnet": 4,
    "lcnet_035": 2,
    "mobilenetv3_small_050": 9,
    "mnasnet_small": 10,
    "tinynet_e": 10,
    "ghostnet_050": 7,
    "ghostnetv2_100": 7,
    "efficientvit_m0": 2,
    "ese_vovnet19b_slim_dw": 4,
    "regnety_002": 13,
    "efficientnet_b0": 16,
    "hardcorenas_a": 8,
    "fbnetv3_b": 18,
    "rexnet_100": 13,
    "legacy_seresnet18": 8,
    "seresnet18": 8,
    "ecaresnet26t": 8,
    "gcresnext26ts": 8,
    "nf_seresnet26": 8,
    "torchvision mobilenet_v3_small": 9,
    "torchvision efficientnet_b0": 16,
    "torchvision regnet_y_400mf": 16,
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_networks_of_others_get_no_fault(name):
    torch.manual_seed(0)
    library, _, own = name.rpartition(" ")
    model = getattr(torchvision.models, own)(weights=None) if library else timm.create_model(name)
    report = examine(model, (3, 64, 64))
    assert report.faults == ()
    assert report.not_examined == ()
    assert len(report.layers) == SOUND[name]


def test_gates_before_the_normalisation_as_in_timms_coatnets_are_a_note():
    block = MbConvBlock(16, 16, cfg=MaxxVitConvCfg(attn_early=True))
    report = examine(nn.Sequential(nn.Conv2d(3, 16, 3), block, nn.Flatten(2)))
    assert {(finding.code, finding.kind) for finding in report.findings} == {("norm-after-gate", "note")}
    assert [layer.place for layer in report.layers] == ["inside"]


# --- what a layer is --------------------------------------------------------------------------------------------------


CONVOLUTION = "1x1 convolution"


@pytest.mark.parametrize(
    ("gate", "hidden", "biases", "kind", "function", "squeeze"),
    [
        (lambda C: timm.layers.SEModule(C, rd_channels=6), 6, (True, True), CONVOLUTION, "sigmoid", "mean"),
        (
            lambda C: timm.layers.SEModule(C, rd_channels=6, add_maxpool=True, bias=False),
            *(6, (False, False), CONVOLUTION, "sigmoid", "mean and max"),
        ),
        (timm.layers.EffectiveSEModule, None, (True,), CONVOLUTION, "hard sigmoid", "mean"),
        (timm.layers.EcaModule, None, (False,), "1-d convolution", "sigmoid", "mean"),
        (timm.layers.CecaModule, None, (False,), "1-d convolution", "sigmoid", "other"),  # means in a circle
        (lambda C: torchvision.ops.SqueezeExcitation(C, 3), 3, (True, True), CONVOLUTION, "sigmoid", "mean"),
        (lambda C: ChannelGate(C, reduction=6), 4, (True, True), "Linear", "sigmoid", "mean"),
    ],
)
def test_layers_of_others_are_described(gate, hidden, biases, kind, function, squeeze):
    name = type(gate(24)).__name__
    expected = SELayer("1", name, 24, hidden, biases, kind, function, squeeze, "no shortcut")
    assert only_layer(gate) == expected
    assert expected.ratio == (24 / hidden if hidden else None)


FUNCTIONS = {
    "tanh": torch.tanh,
    "1 + tanh": lambda t: 1 + torch.tanh(t),
    "2 * sigmoid": lambda t: 2 / (1 + torch.exp(-t)),
    "hard sigmoid": lambda t: torch.clamp(t + 3, 0, 6) / 6,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_gate_function_is_measured(name):
    class Other(ChannelGate):
        def gate_function(self, t: Tensor) -> Tensor:
            return FUNCTIONS[name](t)

    assert only_layer(Other).gate == name


class Inline(nn.Module):
    """Squeeze and excitation without modules of their own, in a block that torch.fx cannot trace."""

    def __init__(self, channels: int):
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.matrices = nn.ParameterList([torch.randn(3, channels), torch.randn(channels, 3)])

    def forward(self, x: Tensor) -> Tensor:
        u = self.convolution(x)
        z = u.view(u.shape[0], u.shape[1], -1).max(2)[0]
        if z.sum() > 1e9:
            return x
        s = (F.relu(z @ self.matrices[0].T) @ self.matrices[1].T).sigmoid()
        return x + u.mul_(s.view(*z.shape, 1, 1).expand_as(u))


def test_se_is_found_inside_somebodys_forward():
    assert only_layer(Inline) == SELayer("1", "Inline", 24, 3, (False, False), "Linear", "sigmoid", "max", "standard")


class ChannelsLast(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.se = SqueezeExciteCl(channels, rd_channels=6)

    def forward(self, x: Tensor) -> Tensor:
        return self.se(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def test_channels_may_come_last():
    layer = only_layer(ChannelsLast)
    assert (layer.name, layer.channels, layer.hidden, layer.squeeze) == ("1.se", 24, 6, "mean")


def test_a_map_of_one_place_counts():
    layer = only_layer(ChannelGate, side=1)
    assert (layer.channels, layer.hidden, layer.squeeze) == (24, 6, "mean")


def test_two_squeezes_that_share_their_layers_are_one_excitation():
    class Both(ChannelGate):
        def gates(self, x: Tensor) -> Tensor:
            logits = [self.widen(torch.relu(self.narrow(z))) for z in (x.mean((2, 3)), x.amax((2, 3)))]
            return torch.sigmoid(sum(logits))[:, :, None, None]

    layer = only_layer(Both)
    assert (layer.hidden, layer.biases, layer.squeeze, layer.gate) == (6, (True, True), "mean and max", "sigmoid")


class SpatialAttention(nn.Module):
    """As in CBAM: a gate for each place, after the gates for the channels."""

    def __init__(self, channels: int):
        super().__init__()
        self.se = ChannelGate(channels)
        self.convolution = nn.Conv2d(1, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        u = self.se(x)
        return x + u * torch.sigmoid(self.convolution(u.mean(1, keepdim=True)))


def test_a_gate_for_each_place_is_no_se_and_moves_none():
    layer = only_layer(SpatialAttention)
    assert (layer.name, layer.place) == ("1.se", "standard")


# --- the model stays what it was --------------------------------------------------------------------------------------


def state_of(model: nn.Module) -> list[Any]:
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    return [hooks, [m.training for m in model.modules()], [p.requires_grad for p in model.parameters()]]


def assert_unchanged(model: nn.Module, examined: Callable[[], None]) -> None:
    """In training mode, with one frozen part in evaluation mode and one hook."""
    model.train()
    model.unit1.eval().requires_grad_(False)
    model.unit2.register_forward_hook(lambda module, inputs, output: None)
    tensors, state, random = copy.deepcopy(model.state_dict()), state_of(model), torch.get_rng_state()
    buffers = [buffer.data_ptr() for buffer in model.buffers()]
    examined()
    assert state_of(model) == state
    assert torch.equal(torch.get_rng_state(), random)
    assert [buffer.data_ptr() for buffer in model.buffers()] == buffers
    after = model.state_dict()
    assert list(after) == list(tensors)
    assert all(torch.equal(after[name], tensors[name]) for name in tensors)


class Restless(SoftmaxInside):
    """Changes itself and torch's random state in each pass, in evaluation mode too; and the softmax asks for a pass in
    training mode."""

    def __init__(self, fails: bool):
        super().__init__()
        self.fails = fails
        self.register_buffer("passes", torch.zeros(()))
        self.register_buffer("last", torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        self.last = torch.rand(2)
        output = super().forward(x)
        if self.fails:
            raise RuntimeError("the disk is full")
        return output


def test_the_model_is_bit_identical_afterwards():
    model = Restless(fails=False)
    assert_unchanged(model, lambda: examine(model))


def test_the_model_is_bit_identical_after_its_forward_raised(refused):
    model = Restless(fails=True)

    def examined() -> None:
        with refused("does not run on input_size (3, 32, 32)", "the disk is full", "give the size of its pictures"):
            examine(model)

    assert_unchanged(model, examined)


@pytest.mark.parametrize("options", [{"dtype": torch.float64}, {"dtype": torch.bfloat16}, {"device": best_device()}])
def test_the_model_keeps_its_type_and_its_device(options):
    """On a GPU, where there is one: then all of them."""
    is_elsewhere = options.get("device", torch.device("cpu")).type != "cpu"
    for name in SPECIMENS if is_elsewhere else ("input-squared", "relu-gate", "wrong-axes"):
        specimen = SPECIMENS[name]
        torch.manual_seed(0)
        faulty, sound = (make().to(**options) for make in (specimen.make_faulty, specimen.make_sound))
        codes = {finding.code for finding in examine(faulty, specimen.input_size).findings}
        assert codes == {specimen.finding}, name
        report = examine(sound, specimen.input_size)
        assert report.findings == ()
        assert {(layer.gate, layer.squeeze) for layer in report.layers} == {("sigmoid", "mean")}
        weight = next(faulty.parameters())
        assert weight.dtype == options.get("dtype", torch.float32)
        assert weight.device.type == options.get("device", torch.device("cpu")).type


# --- errors and the text ----------------------------------------------------------------------------------------------


def test_mistakes_get_one_line(refused):
    with refused("model is 'se_resnet20'", "give a network"):
        examine("se_resnet20")
    for size in ((32, 32), (2, 3, 32, 32), (3, 0, 32), (3, 32.5, 32), "332", 32):
        with refused("input_size is", "give (channels, height, width)"):
            examine(create_model("se_small_resnet"), size)
    with refused("does not run on input_size (1, 32, 32)", "give the size of its pictures"):
        examine(create_model("se_small_resnet"), (1, 32, 32))
    with refused("0 is made by torch.jit", "the network it was made from"):
        examine(nn.Sequential(torch.jit.trace(nn.Conv2d(3, 4, 1), noise(2, 3, 32, 32))))
    compiled = create_model("se_small_resnet")
    compiled.layer1.compile()
    with refused("layer1 is compiled", "the network it was made from"):
        examine(compiled)
    with torch.device("meta"), refused("meta device", "CPU or a GPU"):
        examine(create_model("se_small_resnet"))


def test_a_network_without_se_is_told_what_to_do():
    report = examine(create_model("small_resnet"))
    (finding,) = report.findings
    assert (report.layers, finding.code, finding.kind) == ((), "no-se", "note")
    assert "no SE" in str(report).replace("No SE", "no SE") and "insert_squeeze_excitation" in str(report)


def test_the_report_reads_well():
    torch.manual_seed(0)
    text = str(examine(create_model("se_resnet20", placement="post")))
    assert text.startswith("9 SE layers:\n")
    lines = text.split("\n")
    first, second, head, row, *_ = lines[1:]
    assert first.startswith("  The same in all: class SqueezeExcitation; C/hidden 16; layers Linear; biases yes, yes;")
    assert second.endswith("place post.")
    assert lines[-1] == "Nothing else was found."
    assert "layer1.0.attention, layer1.1.attention, layer1.2.attention and 6 more" in text
    assert max(map(len, lines)) <= LINE
    assert head.split() == ["name", "C", "hidden"]
    assert row.split() == ["layer1.0.attention", "16", "1"]


def test_what_differs_between_layers_is_a_column():
    head = str(examine(torchvision.models.mobilenet_v3_small(), (3, 224, 224))).split("\n")[3]
    assert head.split() == ["name", "C", "hidden", "C/hidden", "place"]


def test_one_layer_is_a_row_of_all_columns():
    head = str(examine(SqueezeExcitation(16, reduction=4), (16, 8, 8))).split("\n")[1]
    assert head.split()[:3] == ["name", "class", "C"] and head.split()[-1] == "place"


def test_faults_come_before_notes():
    report = examine(SoftmaxInside(unit=SPECIMENS["gated-sum"].make_faulty.keywords["unit"]))
    assert [finding.kind for finding in report.findings] == ["fault", "note", "note"]
    assert str(report).index("FAULT") < str(report).index("NOTE")
    assert report.findings == report.faults + report.notes
