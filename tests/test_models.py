"""Tests of senet_lib.models: names and numbers against torchvision, and what SE adds."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet

from senet_lib.blocks import SqueezeExcitation, hidden_width
from senet_lib.models import ResNet, small_resnet, small_se_resnet
from tests.networks import count_parameters, noise


def squeeze_excitations(model: nn.Module) -> list[SqueezeExcitation]:
    return [module for module in model.modules() if isinstance(module, SqueezeExcitation)]


def settled(model: nn.Module, seed: int = 0) -> nn.Module:
    """In evaluation mode, after it has seen some pictures."""
    model.train()
    with torch.no_grad():
        for step in range(2):
            model(noise(4, 3, 9, 9, seed=seed + step))
    return model.eval()


class Ones(nn.Module):
    """A gate that is always open."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(x)


# --- the plain network ------------------------------------------------------------------------------------------------


def test_names_are_torchvisions():
    theirs = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1]).state_dict()
    names = {name for name in theirs if not name.startswith(("layer3", "layer4"))}
    assert set(ResNet((1, 1), (64, 128), (1, 2), num_classes=2).state_dict()) == names
    assert {"conv1.weight", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight", "fc.bias"} <= names
    # torchvision has no projection in the first stage, because its first stage keeps the resolution
    assert {name.replace("layer1.0.downsample", "layer2.0.downsample") for name in small_resnet().state_dict()} == names


def test_with_torchvisions_weights_it_computes_what_torchvision_computes():
    torch.manual_seed(0)
    peer = resnet.ResNet(resnet.BasicBlock, [2, 1, 1, 1], num_classes=5)
    peer.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)  # for small pictures: no large stem, no pooling
    peer.maxpool = nn.Identity()
    settled(peer)
    model = ResNet((2, 1, 1, 1), (64, 128, 256, 512), (1, 2, 2, 2), num_classes=5).eval()
    model.load_state_dict(peer.state_dict())
    x = noise(2, 3, 9, 14)
    torch.testing.assert_close(model(x), peer(x), atol=1e-5, rtol=1e-5)


def test_a_small_resnet_has_16_and_32_channels_and_halves_the_picture_once():
    model = small_resnet().eval()
    assert model.features(noise(2, 3, 32, 32)).shape == (2, 32, 16, 16)
    assert model.layer1[0].conv2.out_channels == 16


def test_strides_are_those_of_each_stages_first_block():
    model = ResNet((2, 1, 2), (4, 6, 8), (1, 3, 2), num_classes=2)
    strides = [block.conv1.stride[0] for name in model.stage_names for block in model.get_submodule(name)]
    assert strides == [1, 1, 3, 2, 1]
    assert model.eval().features(noise(1, 3, 12, 18)).shape == (1, 8, 2, 3)


def test_logits_are_the_linear_layer_of_the_mean_of_the_features():
    model = settled(small_resnet())
    x = noise(2, 3, 11, 8)
    torch.testing.assert_close(model(x), model.fc(model.features(x).mean((2, 3))))


@pytest.mark.parametrize("make", [small_resnet, small_se_resnet])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (17, 9), (1, 1), (2, 5)])
@pytest.mark.parametrize(("in_channels", "num_classes"), [(1, 10), (3, 4)])
def test_any_size_of_picture_and_one_channel_will_do(make, height, width, in_channels, num_classes):
    model = make(num_classes=num_classes, in_channels=in_channels)
    logits = model(noise(2, in_channels, height, width))
    assert logits.shape == (2, num_classes) and logits.isfinite().all()
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("make", [small_resnet, small_se_resnet])
def test_the_same_seed_gives_the_same_network(make):
    def weights(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        return make().state_dict()

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


# --- what SE adds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", [1, 3, 4, 16])
def test_se_adds_exactly_the_parameters_of_the_formula(reduction):
    added = count_parameters(small_se_resnet(reduction=reduction)) - count_parameters(small_resnet())
    assert added == sum(
        2 * channels * (channels // reduction) + channels + channels // reduction for channels in (16, 32)
    )


def test_the_default_se_network_also_adds_what_its_blocks_say():
    model = small_se_resnet()
    blocks = squeeze_excitations(model)
    assert [block.channels for block in blocks] == [16, 32]
    hidden = [hidden_width(block.channels, block.reduction) for block in blocks]
    added = sum(2 * block.channels * h + block.channels + h for block, h in zip(blocks, hidden, strict=True))
    assert count_parameters(model) == count_parameters(small_resnet()) + added


def test_every_block_has_attention_of_its_own():
    model = ResNet((2, 3), (8, 16), (1, 2), num_classes=2, attention=lambda channels: SqueezeExcitation(channels, 4))
    assert [block.channels for block in squeeze_excitations(model)] == [8, 8, 16, 16, 16]


def test_a_plain_networks_weights_fit_into_the_se_network_and_only_the_gates_are_left():
    missing, unexpected = small_se_resnet().load_state_dict(small_resnet().state_dict(), strict=False)
    assert unexpected == []
    assert missing == [
        f"{layer}.0.attention.{name}"
        for layer in ("layer1", "layer2")
        for name in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")
    ]


@pytest.mark.parametrize("training", [True, False])
def test_with_all_gates_at_one_the_se_network_is_the_plain_network(training):
    torch.manual_seed(0)
    plain, with_se = settled(small_resnet()), small_se_resnet()
    with_se.load_state_dict(plain.state_dict(), strict=False)
    plain.train(training)
    with_se.train(training)
    x = noise(4, 3, 13, 16)
    assert not torch.allclose(with_se(x), plain(x), atol=1e-3)
    for block in squeeze_excitations(with_se):
        block.gate = Ones()
    assert torch.equal(with_se(x), plain(x))


# --- wrong input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depths", "widths", "strides"),
    [((1, 1), (8,), (1,)), ((1,), (8, 16), (1,)), ((1,), (8,), (1, 2)), ((), (8,), (1,)), ((1, 1), (8, 8), (1,))],
)
def test_one_depth_one_width_and_one_stride_a_stage_are_needed(depths, widths, strides, refused):
    said = f"depths has {len(depths)} stages, widths has {len(widths)}, strides has {len(strides)}"
    with refused(said, "one number a stage"):
        ResNet(depths, widths, strides, num_classes=2)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize(
    ("depths", "widths", "strides", "said"),
    [
        ((0,), (8,), (1,), "0"),
        ((1, -1), (8, 8), (1, 2), "-1"),
        ((1,), (0,), (1,), "0"),
        ((1,), (-8,), (1,), "-8"),
        ((1,), (8,), (0,), "0"),
        ((), (), (), "stage"),
    ],
)
def test_depths_widths_and_strides_below_one_are_refused(depths, widths, strides, said, refused):
    with refused(said, "at least 1"):
        ResNet(depths, widths, strides, num_classes=2)


def test_a_reduction_above_the_narrowest_stage_is_refused(refused):
    with refused("reduction is 17", "use a reduction from 1 to 16"):
        small_se_resnet(reduction=17)
