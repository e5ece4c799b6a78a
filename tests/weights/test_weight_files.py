"""Weights go into a file and come back; a file that does not fit is refused kindly and changes nothing."""

import re

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models as torchvision_models

from senet_lib.data import load_pictures, train_and_test_batches
from senet_lib.networks.models import create_model
from senet_lib.training import evaluate
from senet_lib.weights.timm_weights import from_timm
from senet_lib.weights.weight_files import (
    PRETRAINED,
    PRETRAINED_MODELS,
    load_pretrained,
    load_weights,
    save_weights,
)
from tests.sample_networks import assert_same_logits, empty, shaken


def states_equal(first, second) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def test_weights_come_back_bit_for_bit_with_their_texts(tmp_path):
    model, other = create_model("se_small_resnet"), create_model("se_small_resnet")
    model.to(memory_format=torch.channels_last).bn1.running_mean += 1
    path = save_weights(model, tmp_path / "new" / "folder" / "model.safetensors", {"seed": "3"})
    assert load_weights(other, path) == {"seed": "3"}
    assert states_equal(model.state_dict(), other.state_dict())


def test_weights_of_another_network_are_refused_and_change_nothing(tmp_path, refused):
    path = save_weights(create_model("se_small_resnet", reduction=2), tmp_path / "model.safetensors")
    model = create_model("se_small_resnet", reduction=4)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with refused(
        "another network", "6 tensors", "layer1.0.attention.fc1.weight (has shape (8, 16), the model needs (4"
    ):
        load_weights(model, path)
    with refused("8 tensors"):
        load_weights(create_model("small_resnet"), path)
    assert states_equal(before, model.state_dict())


@pytest.mark.parametrize("name", PRETRAINED_MODELS)
def test_trained_networks_come_with_the_library(name):
    pretrained = load_pretrained(name)
    assert not pretrained.model.training
    assert len(pretrained.mean) == len(pretrained.std) == 3
    assert {"experiment", "arm", "seed", "data"} <= set(pretrained.about)


def test_no_file_of_weights_is_left_without_a_name():
    assert {path.stem for path in PRETRAINED.iterdir()} == set(PRETRAINED_MODELS)


def test_trained_se_networks_solve_the_context_world_and_the_plain_one_does_not():
    train, test = (load_pictures("context-world", train=one) for one in (True, False))
    _, batches = train_and_test_batches(train, test, batch_size=250)
    for name in ("r1", "r2", "r4", "r8", "r16", "plain"):
        pretrained = load_pretrained(f"context-world-reduction-{name}")
        assert batches.mean == pytest.approx(pretrained.mean)
        accuracy = evaluate(pretrained.model, batches).accuracy
        assert accuracy < 0.6 if name == "plain" else accuracy > 0.95


def test_unknown_trained_network_is_refused(refused):
    with refused("resnet50", "pictures-se"):
        load_pretrained("resnet50")


def test_what_wrappers_put_in_front_of_names_is_left_out(tmp_path):
    model = create_model("se_small_resnet")
    for wrapped in (nn.DataParallel(model), torch.compile(model)):
        loaded = create_model("se_small_resnet")
        load_weights(loaded, wrapped.state_dict())
        assert states_equal(model.state_dict(), loaded.state_dict())
    for wrap in (nn.DataParallel, torch.compile):
        loaded = create_model("se_small_resnet")
        load_weights(wrap(loaded), save_weights(wrap(model), tmp_path / "model.safetensors"))
        assert states_equal(model.state_dict(), loaded.state_dict())


def test_a_module_with_two_names_comes_back_under_both(tmp_path):
    def twice() -> nn.Module:
        layer = nn.Conv2d(4, 4, 1)
        return nn.Sequential(layer, nn.ReLU(), layer)

    model, loaded = twice(), twice()
    load_weights(loaded, save_weights(model, tmp_path / "model.safetensors"))
    assert loaded[0] is loaded[2] and states_equal(model.state_dict(), loaded.state_dict())


def test_counts_of_batches_may_be_missing_but_not_the_weights_of_se(refused):
    model, loaded = create_model("small_resnet"), create_model("small_resnet")
    old = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    load_weights(loaded, old)
    assert states_equal(model.state_dict(), loaded.state_dict())
    with refused("8 tensors", "load them into the network without SE", "insert_squeeze_excitation"):
        load_weights(create_model("se_small_resnet"), old)


def test_what_is_no_state_dict_is_refused_with_the_fix(tmp_path, refused):
    model = create_model("small_resnet")
    for missing in (tmp_path / "missing", tmp_path):
        with refused(str(missing), "cannot be read"):
            load_weights(model, missing)
    with refused("as 'state_dict'", "the one with the tensors"):
        load_weights(model, {"state_dict": model.state_dict(), "epoch": 3})
    for wrong in (None, model, 3):
        with refused(f"source is a {type(wrong).__name__}", "safetensors file, or a state dict"):
            load_weights(model, wrong)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    with refused("not a safetensors file", "torch.load(path, weights_only=True)"):
        load_weights(model, tmp_path / "model.pth")


# --- weights of torchvision and timm ----------------------------------------------------------------------------------

# timm's name, ours, and what our network needs to be told. timm starts with 0 in each branch's last normalisation.
OF_TIMM = {
    "seresnet18": ("se_resnet18", {"hidden_multiple": 8}),
    "seresnet34": ("se_resnet34", {"hidden_multiple": 8}),
    "seresnet50": ("se_resnet50", {}),
    "seresnet101": ("se_resnet101", {}),
    "seresnet152": ("se_resnet152", {}),
    "seresnext50_32x4d": ("se_resnext50_32x4d", {}),
    "seresnext101_32x4d": ("se_resnext101_32x4d", {}),
    "seresnext101_32x8d": ("se_resnext101_32x8d", {}),
    "seresnext101_64x4d": ("se_resnext101_64x4d", {}),
    "legacy_seresnet50": ("se_resnet50", {"stem": "caffe", "stride_in": "1x1"}),
    "legacy_seresnet101": ("se_resnet101", {"stem": "caffe", "stride_in": "1x1"}),
    "legacy_seresnet152": ("se_resnet152", {"stem": "caffe", "stride_in": "1x1"}),
    "legacy_seresnext50_32x4d": ("se_resnext50_32x4d", {"stem": "caffe", "stride_in": "3x3"}),
    "legacy_seresnext101_32x4d": ("se_resnext101_32x4d", {"stem": "caffe", "stride_in": "3x3"}),
}


def timms(name: str, **options) -> nn.Module:
    return timm.create_model(name, pretrained=False, drop_rate=0.0, **options)  # the legacy ones have dropout


def test_these_are_all_networks_that_timm_shares_with_us():
    # Others have deep stems, pooled shortcuts, blur pooling, other stages; legacy basic blocks have ReLU before SE.
    differ = re.compile(r"^nf_|aa|\d{3}d|50t|33ts|seresnext26|^legacy_seresnet(18|34)$")
    assert {name for name in timm.list_models("*seresne*") if not differ.search(name)} == set(OF_TIMM)


def convolutions(model: nn.Module) -> list[tuple]:
    """What each convolution outside of SE is, in the order of the network."""
    named = [(name, one) for name, one in model.named_modules() if isinstance(one, nn.Conv2d)]
    own = [one for name, one in named if not re.search(r"\bse(_module)?\b|attention", name)]
    return [(one.weight.shape, one.stride, one.padding, one.dilation, one.groups) for one in own]


DEEP = [name for name in OF_TIMM if re.search("101|152", name)]


@pytest.mark.parametrize("name", DEEP)
def test_a_deep_network_of_timms_has_more_of_the_same_layers_under_names_that_fit(name):
    ours, options = OF_TIMM[name]
    peer, model = empty(timms, name), empty(create_model, ours, **options)
    load_weights(model, peer.state_dict())
    assert len(convolutions(model)) > 100 and convolutions(model) == convolutions(peer)


@pytest.mark.parametrize("name", [name for name in OF_TIMM if name not in DEEP])
def test_with_timms_weights_each_network_has_timms_logits(name):
    ours, options = OF_TIMM[name]
    peer = shaken(timms(name))
    model = empty(create_model, ours, **options).to_empty(device="cpu")
    load_weights(model, peer.state_dict())
    assert_same_logits(model, peer)


def test_a_safetensors_file_of_timm_can_be_loaded(tmp_path):
    peer = timms("seresnet50", num_classes=3)
    save_file(peer.state_dict(), tmp_path / "model.safetensors")
    model = create_model("se_resnet50", num_classes=3)
    load_weights(model, tmp_path / "model.safetensors")
    assert torch.equal(model.layer1[0].attention.fc1.weight, peer.layer1[0].se.fc1.weight[:, :, 0, 0])


def test_own_and_torchvisions_names_stay_as_they_are():
    for state in (create_model("se_small_resnet").state_dict(), torchvision_models.resnet18(weights=None).state_dict()):
        assert from_timm(state).keys() == state.keys()
        assert states_equal(state, from_timm(state))


def test_hidden_widths_that_timm_has_rounded_are_named_with_the_fix(refused):
    state = empty(timms, "seresnet18").state_dict()
    with refused(
        "tensors do not fit",
        "layer1.0.attention.fc1.weight (has shape (8, 64), the model needs (4, 64))",
        "hidden_multiple=8",
    ):
        load_weights(empty(create_model, "se_resnet18"), state)


def test_another_number_of_classes_is_named_with_the_fix(refused):
    state = empty(timms, "seresnet50").state_dict()
    with refused("2 tensors", "fc.weight (has shape (1000, 2048), the model needs (10, 2048))", "num_classes"):
        load_weights(empty(create_model, "se_resnet50", num_classes=10), state)


def test_the_first_five_layers_that_do_not_fit_are_named(refused):
    deep, shallow = empty(create_model, "se_resnet50"), empty(create_model, "resnet18")
    with refused("another network", "layer1.0.conv1.weight (has shape (64, 64, 1, 1), the model needs (64, 64, 3, 3))"):
        load_weights(shallow, deep.state_dict())
    with refused("layer1.0.attention.fc1.weight (missing)", "layer1.0.attention.fc2.bias (missing)"):
        load_weights(empty(create_model, "se_resnet18"), shallow.state_dict())
    with refused("layer1.0.attention.fc1.weight (not in the model)"):
        load_weights(shallow, empty(create_model, "se_resnet18").state_dict())


@pytest.mark.parametrize(
    ("name", "ours", "stride_in"),
    [("legacy_seresnet50", "se_resnet50", "1x1"), ("legacy_seresnext50_32x4d", "se_resnext50_32x4d", "3x3")],
)
def test_legacy_weights_need_the_layout_of_caffe(name, ours, stride_in, refused):
    state = empty(timms, name).state_dict()
    other = {"1x1": "3x3", "3x3": "1x1"}[stride_in]
    for options in ({}, {"stem": "caffe", "stride_in": other}, {"stride_in": stride_in}):
        with refused('stem="caffe"', f'stride_in="{stride_in}"'):
            load_weights(empty(create_model, ours, **options), state)


def test_the_family_of_legacy_weights_is_named_with_all_that_differs(refused):
    """Following the advice works: no setting sends to another one."""
    weights = empty(timms, "legacy_seresnext50_32x4d").state_dict()
    for options in ({}, {"stem": "caffe", "stride_in": "1x1"}, {"stem": "caffe", "stride_in": "3x3"}):
        with refused('create_model("se_resnext50_32x4d", stem="caffe", stride_in="3x3")'):
            load_weights(empty(create_model, "se_resnet50", **options), weights)
    with refused("legacy_senet154", "this library has no such network"):
        load_weights(empty(create_model, "se_resnet152", stem="caffe"), empty(timms, "legacy_senet154").state_dict())


def test_both_families_and_both_halves_of_what_differs_are_named(refused):
    state = empty(create_model, "se_resnet50").state_dict()
    with refused("another network, se_resnet50, and the model is resnet18", "the model needs", "(not in the model)"):
        load_weights(empty(create_model, "resnet18"), state)


def test_legacy_networks_with_basic_blocks_are_refused_for_their_relu(refused):
    with refused("ReLU before SE"):
        load_weights(empty(create_model, "se_resnet18", stem="caffe"), empty(timms, "legacy_seresnet18").state_dict())


# What a network can have that timm's of the same names does not compute, and what must be heard.
OTHER_ARITHMETIC = [
    ("se_resnet50", {"placement": "post"}, "layer1.0 has placement 'post'"),
    ("se_resnet50", {"squeeze": "max"}, "layer1.0.attention squeezes in another way"),
    ("se_resnet50", {"shortcut": "padded"}, "layer1.0 has a padded shortcut"),
    ("se_resnet50", {"stride_in": "1x1"}, 'stride_in="3x3"'),
    ("se_resnet50", {"stem": "3x3"}, 'stem="7x7"'),
]


@pytest.mark.parametrize(("name", "options", "said"), OTHER_ARITHMETIC)
def test_timms_weights_are_refused_where_the_arithmetic_differs(name, options, said, refused):
    with refused(said):
        load_weights(empty(create_model, name, **options), empty(timms, "seresnet50").state_dict())
