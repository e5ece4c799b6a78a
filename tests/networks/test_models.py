"""Tests of senet_lib.networks.models: names and numbers against torchvision, and what SE adds."""

import copy
import pickle
from dataclasses import replace
from unittest.mock import patch

import pytest
import torch
from torch import nn
from torchvision import models as torchvision_models
from torchvision.models.feature_extraction import create_feature_extractor

from senet_lib.networks.architectures import ARCHITECTURES
from senet_lib.networks.insert import insert_squeeze_excitation
from senet_lib.networks.models import ResNet, create_model, list_models
from senet_lib.networks.squeeze_excitation import SqueezeExcitation, hidden_width
from tests.sample_networks import assert_same_logits, count_parameters, empty, noise, shaken, squeeze_excitations


def shallow(name: str, **options) -> ResNet:
    """A network by name with few blocks: two in its first stage, one in each other."""
    plain = name.removeprefix("se_")
    few = replace(ARCHITECTURES[plain], depths=(2, *(1 for _ in ARCHITECTURES[plain].depths[1:])))
    with patch.dict(ARCHITECTURES, {plain: few}):
        return create_model(name, **options)


# --- the plain network ------------------------------------------------------------------------------------------------


def test_a_small_resnet_has_16_and_32_channels_and_halves_the_picture_once():
    model = create_model("small_resnet").eval()
    assert model.features(noise(2, 3, 32, 32)).shape == (2, 32, 16, 16)
    assert model.layer1[0].conv2.out_channels == 16


def test_strides_are_those_of_each_stages_first_block():
    model = ResNet((2, 1, 2), (4, 6, 8), (1, 3, 2), num_classes=2)
    strides = [block.conv1.stride[0] for name in model.stage_names for block in model.get_submodule(name)]
    assert strides == [1, 1, 3, 2, 1]
    assert model.eval().features(noise(1, 3, 12, 18)).shape == (1, 8, 2, 3)


@pytest.mark.parametrize("name", ["small_resnet", "se_small_resnet"])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (17, 9), (1, 1), (2, 5)])
@pytest.mark.parametrize(("in_channels", "num_classes"), [(1, 10), (3, 4)])
def test_any_size_of_picture_and_one_channel_will_do(name, height, width, in_channels, num_classes):
    model = create_model(name, num_classes=num_classes, in_channels=in_channels)
    logits = model(noise(2, in_channels, height, width))
    assert logits.shape == (2, num_classes) and logits.isfinite().all()
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", ["small_resnet", "se_small_resnet"])
def test_the_same_seed_gives_the_same_network(name):
    def weights(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        return create_model(name).state_dict()

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_weights_start_as_he_et_al_say():
    torch.manual_seed(0)
    model = ResNet((2,), (64,), (1,), num_classes=100, attention=lambda channels: SqueezeExcitation(channels, 2))
    conv = model.layer1[1].conv1.weight
    se = squeeze_excitations(model)[0]
    assert model.conv1.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)  # 64 outputs, not 3 inputs
    assert conv.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.03)
    assert se.fc1.weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.1)
    assert se.fc2.weight.std().item() == pytest.approx((2 / 32) ** 0.5, rel=0.1)
    assert not se.fc1.bias.any() and not se.fc2.bias.any() and not model.fc.bias.any()


# --- wrong input ------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize(
    ("depths", "widths", "strides", "said"),
    [
        ((1, 1), (8,), (1,), "depths has 2 stages, widths has 1, strides has 1"),
        ((1,), (8, 16), (1,), "depths has 1 stages, widths has 2, strides has 1"),
        ((1,), (8,), (1, 2), "depths has 1 stages, widths has 1, strides has 2"),
        ((1, -1), (8, 8), (1, 2), "depths is (1, -1)"),
        ((1,), (0,), (1,), "widths is (0,)"),
        ((1,), (8,), (0,), "strides is (0,)"),
        ((1.5,), (8,), (1,), "depths is (1.5,)"),
        ((1,), ("8",), (1,), "widths is ('8',)"),
        ((), (), (), "depths is ()"),
    ],
)
def test_stages_need_one_whole_number_of_each_kind(depths, widths, strides, said, refused):
    with refused(said):
        ResNet(depths, widths, strides, num_classes=2)


WRONG = [
    ("se_small_resnet", {"reduction": 17}, ["stage 1", "reduction is 17", "use a reduction from 1 to 16"]),
    ("se_resnet20", {"reduction": 33, "stages": [2, 3]}, ["stage 2", "reduction is 33", "from 1 to 32"]),
    *(
        ("se_resnet50", {"stages": [1, wrong]}, [f"stages holds {wrong!r}", "the stages 1 to 4"])
        for wrong in (0, 5, 2.0, "2", True)
    ),
    *(("se_resnet50", {"stages": wrong}, ["stages is", "[1, 2]"]) for wrong in (3, "3")),
    ("resnet20", {"stem": "5x5"}, ["stem is '5x5'", "7x7, 3x3, caffe"]),
    *(
        ("resnet50", options, ["resnet50 has none", "use se_resnet50"])
        for options in ({"placement": "pre"}, {"stages": [1]}, {"reduction": 8}, {"bias": False}, {"squeeze": "max"})
    ),
    ("resnet20", {"attention": nn.BatchNorm2d, "reduction": 4}, ["resnet20 has none"]),
    ("se_resnet50", {"attention": nn.BatchNorm2d}, ["se_resnet50 has SE", "use resnet50"]),
    ("resnet18", {"stride_in": "1x1"}, ["stride_in is '1x1'", "resnet18 has no bottlenecks"]),
    ("se_resnet5", {}, ["no network 'se_resnet5'", "se_resnet50"]),
    ("SE-ResNet-50", {}, ["no network 'SE-ResNet-50'", "se_resnet50"]),
    ("resnext50", {}, ["no network 'resnext50'", "resnext50_32x4d"]),
    ("", {}, ["no network ''", "list"]),
]


@pytest.mark.parametrize(("name", "options", "said"), WRONG)
def test_wrong_names_and_settings_are_refused(name, options, said, refused):
    with refused(*said):
        empty(create_model, name, **options)


@pytest.mark.parametrize("wrong", [0, 16.0, True])
def test_a_stem_has_at_least_one_channel(wrong, refused):
    with refused(f"stem_channels is {wrong}", "at least 1"):
        ResNet((1,), (8,), (1,), num_classes=2, stem_channels=wrong)


@pytest.mark.parametrize(("height", "width"), [(6, 224), (224, 1), (3, 3)])
@pytest.mark.parametrize("stem", ["7x7", "caffe"])
def test_a_picture_smaller_than_the_stems_window_is_refused(stem, height, width, refused):
    model = empty(create_model, "resnet18", stem=stem).eval()
    with refused(f"{height}x{width} pixels", "7x7 stem needs at least 7x7", 'stem="3x3"'):
        model(torch.ones(1, 3, height, width, device="meta"))
    assert model(torch.ones(1, 3, 7, 9, device="meta")).shape == (1, 1000)
    with refused("0x8 pixels", "at least 1x1"):
        empty(create_model, "small_resnet")(torch.ones(1, 3, 0, 8, device="meta"))


# --- networks by name -------------------------------------------------------------------------------------------------

OF_TORCHVISION = [name for name in list_models() if hasattr(torchvision_models, name)]
# Totals of the paper's and of the book's tables, weights and biases.
TOTALS = [
    ("resnet50", {}, 25_557_032),
    ("se_resnet50", {}, 28_088_024),
    ("se_resnet50", {"reduction": 4}, 35_635_688),
    ("se_resnet50", {"bias": False}, 28_071_976),
    ("se_resnet50", {"bias": False, "stages": [1, 2, 3]}, 25_557_032 + 942_080),
    ("se_resnet50", {"bias": False, "placement": "3x3"}, 25_557_032 + 157_184),
    ("resnet20", {}, 272_474),
    ("resnet20", {"shortcut": "padded"}, 269_722),
    ("se_resnet20", {}, 272_474 + 2_373),
    ("se_small_resnet", {}, 20_084 + 148 + 552),
    ("resnet110", {}, 1_730_714),
]


def test_torchvision_has_ten_of_our_networks():
    assert len(OF_TORCHVISION) == 10 and {"resnet152", "resnext101_64x4d", "wide_resnet101_2"} <= set(OF_TORCHVISION)


def layers(model: nn.Module) -> dict[str, str]:
    """Each layer's name, and its settings as torch prints them: sizes, stride, groups, bias."""
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.Linear, nn.MaxPool2d)
    return {name: str(layer) for name, layer in model.named_modules() if isinstance(layer, kinds)}


def test_each_network_has_torchvisions_layers_under_the_same_names():
    for name in OF_TORCHVISION:
        assert layers(empty(create_model, name)) == layers(empty(getattr(torchvision_models, name))), name


@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d"])
def test_with_torchvisions_weights_a_network_has_torchvisions_logits(name):
    peer = shaken(getattr(torchvision_models, name)(weights=None))
    model = empty(create_model, name)
    model.load_state_dict(peer.state_dict(), assign=True)
    assert_same_logits(model, peer)


@pytest.mark.parametrize(("name", "options", "total"), TOTALS)
def test_totals(name, options, total):
    assert count_parameters(empty(create_model, name, **options)) == total


def test_each_network_of_the_family_has_a_twin_with_se():
    names = list_models()
    assert len(names) == len(set(names)) == 36
    for name in list_models("resne*") + list_models("wide*"):
        assert f"se_{name}" in names
        assert not squeeze_excitations(empty(shallow, name))
        model = empty(shallow, f"se_{name}")
        assert len(squeeze_excitations(model)) == len(model.blocks())  # none is shared


def test_list_models_takes_a_pattern():
    assert list_models("se_resnext101*") == ["se_resnext101_32x4d", "se_resnext101_32x8d", "se_resnext101_64x4d"]
    assert list_models("vgg*") == []


def test_se_settings_reach_every_block():
    model = empty(create_model, "se_resnet18", reduction=8, bias=False, squeeze="max", hidden_multiple=8)
    for block in squeeze_excitations(model):
        assert block.reduction == 8 and block.fc1.bias is None
        assert block.fc1.out_features == hidden_width(block.channels, 8, 8)
    assert create_model("se_resnet8").layer1[0].attention.reduction == 4
    assert empty(create_model, "se_resnet20").layer1[0].attention.reduction == 16


def test_other_attention_takes_the_slot():
    model = create_model("resnet20", attention=nn.BatchNorm2d, placement="identity", stages=[2])
    kinds = [type(block.attention) for block in model.blocks()]
    assert kinds == [nn.Identity] * 3 + [nn.BatchNorm2d] * 3 + [nn.Identity] * 3


@pytest.mark.parametrize(
    ("stem", "size", "places"), [("7x7", 224, 7), ("caffe", 224, 7), ("3x3", 32, 4), ("3x3", 28, 4)]
)
def test_stems_leave_the_places_that_fit_the_picture(stem, size, places):
    model = empty(create_model, "se_resnet50", stem=stem, in_channels=1, num_classes=10).eval()
    x = torch.zeros(1, 1, size, size, device="meta")
    assert model.features(x).shape[2:] == (places, places) and model(x).shape == (1, 10)


def test_zero_init_makes_every_block_its_shortcut():
    torch.manual_seed(0)
    model = create_model("se_resnet20", zero_init_last=True).train()
    x = noise(2, 16, 8, 8)
    for block in model.layer1:
        assert torch.equal(block(x.relu()), x.relu())
    bottleneck = create_model("resnet50", zero_init_last=True).layer1[1].train()
    x = noise(2, 256, 4, 4).relu()
    assert torch.equal(bottleneck(x), x)


# --- what every network can do ----------------------------------------------------------------------------------------


KINDS = [
    ("se_resnet20", {}),
    ("se_resnet20", {"shortcut": "padded", "placement": "pre"}),
    ("se_resnet20", {"squeeze": "both", "placement": "post", "stages": [2, 3]}),
    ("se_resnet50", {"stem": "3x3", "placement": "identity"}),
    ("se_resnet50", {"placement": "3x3"}),
    ("se_resnext50_32x4d", {"stem": "caffe", "stride_in": "1x1"}),
    ("resnet18", {}),
]
FORMS = [KINDS[1], KINDS[2], KINDS[4]]  # with all that a forward function can do


@pytest.mark.parametrize(("name", "options"), FORMS)
def test_a_network_is_copied_pickled_and_exported(name, options):
    torch.manual_seed(0)
    model = shaken(shallow(name, num_classes=5, **options)).eval()
    x = noise(2, 3, 12, 10)
    exported = torch.export.export(model, (x,)).module()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), exported):
        torch.testing.assert_close(twin(x), model(x))


@pytest.mark.parametrize(("name", "options"), FORMS)
def test_a_compiled_network_is_one_graph(name, options):
    torch._dynamo.reset()
    torch.manual_seed(0)
    model = shaken(shallow(name, num_classes=5, **options))
    x = noise(2, 3, 24, 17)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), model(x))


@pytest.mark.parametrize(("name", "options"), KINDS)
def test_a_network_gives_its_features_to_torchvisions_extractor(name, options):
    """Which traces with torch.fx, as others do who quantise or rewrite networks."""
    torch.manual_seed(0)
    model = shaken(shallow(name, num_classes=5, **options)).eval()
    x = noise(2, 3, 24, 17)
    found = create_feature_extractor(model, {"layer2": "middle", model.stage_names[-1]: "last"})(x)
    torch.testing.assert_close(found["last"], model.features(x))
    assert found["middle"].shape[1] == 2 * model.layer1[-1].last_norm.num_features


@pytest.mark.parametrize(("name", "options"), KINDS[:3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_network_moves_to_other_number_types_and_layouts(name, options, dtype):
    torch.manual_seed(0)
    model = shaken(shallow(name, num_classes=5, **options)).eval()
    x = noise(2, 3, 16, 16)
    with torch.no_grad():
        expected = model(x)
        moved = model.to(dtype, memory_format=torch.channels_last)(x.to(dtype))
    torch.testing.assert_close(moved.float(), expected, atol=0.15 if dtype == torch.bfloat16 else 1e-5, rtol=0.05)


@pytest.mark.parametrize("name", ["se_resnet8", "resnet8"])
def test_torch_jit_compiles_a_network_and_a_block_and_leaves_them_as_they_are(name):
    model = create_model(name).eval()
    block = SqueezeExcitation(16, 4)
    for module, size in ((model, (2, 3, 24, 32)), (block, (2, 16, 5, 7)), (nn.Sequential(block), (2, 16, 5, 7))):
        x = torch.randn(size)
        scripted = torch.jit.script(module)
        torch.testing.assert_close(scripted(x), module(x))
        assert scripted.state_dict().keys() == module.state_dict().keys()
    insert_squeeze_excitation(model, "layer1.*.conv1", reduction=4, input_size=(3, 32, 32))
    with pytest.raises(ValueError, match=r"torch.jit cannot compile .*; try torch.export"):
        torch.jit.script(nn.Sequential(model.layer1))
