"""Tests of attention and map_attention: against timm's and torchvision's modules, or the paper's equation."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from timm import layers as timm_layers
from timm.layers.cbam import CbamModule
from timm.layers.grn import GlobalResponseNorm
from torch import Tensor, fx, nn
from torchvision import ops
from torchvision.models import mobilenet_v3_large, mobilenet_v3_small

from senet_lib.gates.interventions import ones, replace_excitations
from senet_lib.gates.modules import find_gates
from senet_lib.gates.recording import record_excitations
from senet_lib.networks.attention import (
    ATTENTIONS,
    ChannelAttention,
    ConvolutionalBlockAttention,
    EffectiveSqueezeExcitation,
    EfficientChannelAttention,
    GatherExcite,
    hard_squeeze_excitation,
)
from senet_lib.networks.map_attention import GlobalContext, GlobalResponseNormalisation, SimpleAttention
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests.sample_networks import noise

SIZES = [(2, 64, 14, 14), (3, 24, 9, 4), (1, 32, 7, 5), (2, 16, 1, 1), (1, 40, 3, 8)]  # B, C, H, W
HAVE_CHANNEL_GATES = ("se", "eca", "cbam", "ge", "ese", "hard_se")


def restless(module: nn.Module) -> nn.Module:
    """All parameters drawn anew, so that none is idle at 0."""
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data.normal_(0, 1 / math.sqrt(max(parameter[0].numel(), 4)), generator=generator)
    return module


def assert_same_with_gradients(ours: nn.Module, theirs: nn.Module, x: Tensor) -> None:
    """Equal outputs, and equal gradients of the input."""
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    outputs = [module(one) for module, one in zip((ours, theirs), inputs, strict=True)]
    assert (outputs[0] - x).abs().max() > 1e-3  # not the identity
    torch.testing.assert_close(*outputs, atol=1e-5, rtol=1e-5)
    for output in outputs:
        (output * noise(*x.shape, seed=1)).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, atol=1e-4, rtol=1e-4)


# --- against timm and torchvision -------------------------------------------------------------------------------------


def timms_cbam(channels: int) -> nn.Module:
    """Without its normalisation, which the paper's equations do not have."""
    peer = CbamModule(channels, rd_ratio=1 / 4, spatial_kernel_size=3)
    peer.spatial.conv.bn = nn.Identity()
    return peer


def timms_global_context(channels: int) -> nn.Module:
    peer = timm_layers.GlobalContext(channels, fuse_add=True, fuse_scale=False)
    peer.conv_attn.bias = None  # the softmax cancels it
    peer.mlp_add.norm.eps = 1e-5
    return peer


def torchvisions_hard_se(channels: int) -> nn.Module:
    width = hard_squeeze_excitation(channels).fc1.out_features
    return ops.SqueezeExcitation(channels, width, scale_activation=nn.Hardsigmoid)


CBAM_NAMES = {"channel.fc1.": "fc1.", "channel.fc2.": "fc2.", "spatial.conv.conv.": "conv."}
GC_NAMES = {"conv_attn.": "place_logits.", "mlp_add.": ""}
# Our module and its peer from C, and where the beginnings of the peer's names differ from ours.
PEERS: dict[str, tuple[Callable[[int], nn.Module], Callable[[int], nn.Module], dict[str, str]]] = {
    "eca": (EfficientChannelAttention, timm_layers.EcaModule, {}),
    "cbam": (partial(ConvolutionalBlockAttention, reduction=4, kernel=3), timms_cbam, CBAM_NAMES),
    "gc": (partial(GlobalContext, reduction=8), timms_global_context, GC_NAMES),
    "ese": (EffectiveSqueezeExcitation, timm_layers.EffectiveSEModule, {}),
    "grn": (GlobalResponseNormalisation, partial(GlobalResponseNorm, channels_last=False), {}),
    "hard_se": (hard_squeeze_excitation, torchvisions_hard_se, {}),
    "ge": (GatherExcite, partial(timm_layers.GatherExcite, extent=0, use_mlp=False), {}),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PEERS)
def test_it_is_timms_or_torchvisions(name, size):
    make, make_peer, beginnings = PEERS[name]
    ours, peer = restless(make(size[1])), make_peer(size[1]).eval()
    state = {}
    for key, parameter in peer.named_parameters():
        own = next((key.replace(theirs, mine) for theirs, mine in beginnings.items() if key.startswith(theirs)), key)
        state[key] = ours.get_parameter(own).reshape(parameter.shape)
    assert len(state) == len(list(ours.parameters()))
    peer.load_state_dict(state)
    assert_same_with_gradients(ours, peer, 3 * noise(*size))


def test_hard_se_has_the_widths_of_mobilenet_v3_but_one():
    """Read from torchvision's networks: only C = 72 is rounded up, from 18 to 24, where 16 is nearer."""
    with torch.device("meta"):
        modules = [module for make in (mobilenet_v3_large, mobilenet_v3_small) for module in make().modules()]
        theirs = {m.fc2.out_channels: m.fc1.out_channels for m in modules if isinstance(m, ops.SqueezeExcitation)}
        ours = {channels: hard_squeeze_excitation(channels).fc1.out_features for channels in theirs}
    assert len(theirs) >= 8
    assert {c: (ours[c], theirs[c]) for c in theirs if ours[c] != theirs[c]} == {72: (16, 24)}


# --- what has no peer, and what is said of the rules ------------------------------------------------------------------


@pytest.mark.parametrize("size", [(2, 3, 4, 5), (1, 2, 1, 2)])
def test_simam_is_the_inverse_of_the_papers_least_energy(size):
    """Equation 5, number by number, with the authors' code's H·W - 1 in the variance."""
    x, smoothing = noise(*size, dtype=torch.float64), 0.1
    y = SimpleAttention(size[1], smoothing=smoothing)(x)
    for b in range(size[0]):
        for c in range(size[1]):
            numbers = x[b, c].flatten().tolist()
            mean = sum(numbers) / len(numbers)
            variance = sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1)
            for number, value in zip(numbers, y[b, c].flatten().tolist(), strict=True):
                least = 4 * (variance + smoothing) / ((number - mean) ** 2 + 2 * variance + 2 * smoothing)
                assert value == pytest.approx(number / (1 + math.exp(-1 / least)), rel=1e-12)


def test_simam_gates_are_above_0_62_and_one_place_gives_no_nan():
    block, seen = SimpleAttention(3), []
    block.gate.register_forward_hook(lambda module, inputs, s: seen.append(s))
    x = noise(2, 3, 6, 6)
    assert block(x).shape == x.shape and seen[0].shape == x.shape and seen[0].min() > 0.62
    one_place = noise(2, 3, 1, 1)
    torch.testing.assert_close(block(one_place), one_place * torch.sigmoid(torch.tensor(0.5)))


def test_a_gate_of_gather_excite_depends_on_its_own_channel_alone_and_one_of_eca_on_its_neighbours():
    x = noise(1, 16, 4, 4)
    changed = x.clone()
    changed[:, 8] += 1
    moved = {
        name: (block(changed) - block(x)).abs().amax((0, 2, 3)).nonzero().flatten().tolist()
        for name, block in {"ge": GatherExcite(16), "eca": EfficientChannelAttention(16, 5)}.items()
    }
    assert moved == {"ge": [8], "eca": [6, 7, 8, 9, 10]}


def test_weights_of_global_context_choose_the_places():
    """A weight of 50 on one channel: the context is that of the place where this channel is largest."""
    block = GlobalContext(4, 2)
    block.place_logits.weight.data = torch.tensor([50.0, 0, 0, 0])[None, :, None]
    x = noise(1, 4, 3, 3)
    x[0, 0, 1, 2] = 9
    torch.testing.assert_close(block.context(x)[0, :, 0], x[0, :, 1, 2])


def test_new_gc_and_grn_are_the_identity_also_in_a_network():
    torch.manual_seed(0)
    plain = create_model("resnet8").eval()
    x, pictures = noise(2, 16, 5, 4), noise(2, 3, 16, 16)
    for make in (lambda channels: GlobalContext(channels, 4), GlobalResponseNormalisation):
        assert torch.equal(make(16)(x), x)
        model = create_model("resnet8", attention=make).eval()
        own = {name for name in model.state_dict() if ".attention." in name}
        missing, unexpected = model.load_state_dict(plain.state_dict(), strict=False)
        assert set(missing) == own and not unexpected
        assert torch.equal(model(pictures), plain(pictures))


def test_grn_of_channels_as_strong_as_each_other_and_of_an_empty_map():
    block = restless(GlobalResponseNormalisation(3))
    torch.testing.assert_close(block.relative_strength(torch.ones(1, 3, 2, 2)), torch.ones(1, 3))
    x = torch.zeros(1, 3, 2, 2, requires_grad=True)
    torch.testing.assert_close(block(x), block.bias[None, :, None, None].expand(1, 3, 2, 2))
    block(x).sum().backward()
    assert x.grad.isfinite().all()


# --- in the slots, with recordings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ATTENTIONS)
def test_each_fits_the_slot_of_a_network_learns_and_keeps_shape_format_and_type(name):
    torch.manual_seed(0)
    block = ATTENTIONS[name](32)
    x = noise(2, 32, 5, 7).contiguous(memory_format=torch.channels_last)
    y = block(x)
    assert (y.shape, y.stride(), y.dtype) == (x.shape, x.stride(), x.dtype)
    assert block.double()(x.double()).dtype == torch.float64
    model = restless(create_model("resnet8", attention=_small(name)))
    model(noise(4, 3, 16, 16)).square().sum().backward()
    idle = [key for key, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert idle == []


@pytest.mark.parametrize("name", ATTENTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_each_runs_under_autocast_and_keeps_the_inputs_type(name, dtype):
    block, x = restless(ATTENTIONS[name](32)), noise(2, 32, 5, 7)
    expected = block(x)
    with torch.autocast("cpu", torch.bfloat16):
        y = block(x.to(dtype))
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), expected, atol=5e-2, rtol=5e-2)


def _small(name: str) -> Callable[[int], nn.Module]:
    """For 16 channels, where the papers' r of 16 leaves too little."""
    make = ATTENTIONS[name]
    return (lambda channels: make(channels, 4)) if name in ("se", "cbam", "gc") else make


@pytest.mark.parametrize("name", [name for name in ATTENTIONS if name != "simam"])
def test_it_can_be_traced(name):
    """SimAM looks at the size of the map, which torch.fx does not know."""
    block, x = restless(_small(name)(16)), noise(2, 16, 6, 5)
    torch.testing.assert_close(fx.symbolic_trace(block)(x), block(x))


@pytest.mark.parametrize("name", HAVE_CHANNEL_GATES)
def test_recordings_see_the_gates_and_interventions_change_them(name):
    block, x = restless(_small(name)(16)), noise(2, 16, 6, 5)
    # CBAM has gates of its places after those of its channels.
    scale = partial(ChannelAttention.forward, block) if name == "cbam" else block
    model = nn.Sequential(block)
    with torch.no_grad(), record_excitations(model) as record:
        y = model(x)
    s = torch.as_tensor(record["0"])
    assert s.shape == (2, 16) and s.std() > 0.01
    torch.testing.assert_close(scale(x), x * s[:, :, None, None])
    with torch.no_grad(), replace_excitations(model, ones):
        assert torch.equal(scale(x), x)
        assert (model(x) - y).abs().max() > 0.01
    assert len(find_gates(create_model("resnet8", attention=_small(name)))) == 3


@pytest.mark.parametrize("name", sorted(set(ATTENTIONS) - set(HAVE_CHANNEL_GATES)))
def test_what_has_no_gate_a_channel_is_not_recorded(name, refused):
    with refused("no SE block"):
        find_gates(create_model("resnet8", attention=_small(name)))


class PlaceGates(ChannelAttention):
    """Against the rule of its base, its gates differ from place to place."""

    def forward(self, x):
        return x * self.gate(x)


def test_gates_of_places_are_refused_with_their_shape(refused):
    model = create_model("resnet8", attention=lambda channels: PlaceGates(channels, nn.Sigmoid))
    with record_excitations(model), refused("layer1.0.attention", "(1, 16, 16, 16)", "not per-channel gates"):
        model(noise(1, 3, 16, 16))


# --- wrong input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ATTENTIONS)
def test_another_input_is_refused(name, refused):
    block = ATTENTIONS[name](32)
    with refused("3 channels", "made for 32"):
        block(torch.ones(2, 3, 4, 4))
    with refused("shape (32, 4, 4)", "x[None]"):
        block(torch.ones(32, 4, 4))
    with refused("torch.uint8", "x.float()"):
        block(torch.ones(1, 32, 4, 4, dtype=torch.uint8))


WRONG = [
    *(
        (make, {"channels": wrong}, [f"channels is {wrong!r}", "at least 1"])
        for make in ATTENTIONS.values()
        for wrong in (0, 2.0, "16", None, True)
    ),
    *(
        (make, {"channels": 8, "reduction": 9}, ["reduction is 9", "only 8 channels", "from 1 to 8"])
        for make in (SqueezeExcitation, ConvolutionalBlockAttention, GlobalContext)
    ),
    *(
        (make, {"channels": 16, "kernel": kernel}, [f"kernel is {kernel}", said])
        for make in (EfficientChannelAttention, ConvolutionalBlockAttention)
        for kernel, said in ((4, "use 3 or 5"), (0, "at least 1"))
    ),
    *(
        (make, {"channels": 8, name: wrong}, [f"{name} is {wrong!r}", "above 0"])
        for make, name in ((SimpleAttention, "smoothing"), (GlobalResponseNormalisation, "epsilon"))
        for wrong in (0, -1e-4, math.nan, math.inf, "1", None)
    ),
    (GlobalContext, {"channels": 16}, ["reduction is 16", "one hidden unit for 16 channels", "from 1 to 8"]),
    (GlobalContext, {"channels": 1, "reduction": 1}, ["reduction is 1", "at least 2 channels"]),
]


@pytest.mark.parametrize(("make", "options", "said"), WRONG)
def test_wrong_settings_are_refused(make, options, said, refused):
    with refused(*said):
        make(**options)


def test_a_stage_that_attention_does_not_fit_is_named(refused):
    with refused("stage 1", "reduction is 16", "from 1 to 8"):
        create_model("resnet8", attention=GlobalContext)
    assert GlobalContext(16, 8).fc1.out_channels == 2
