"""The arrays that the page runs are the network: a forward pass on them alone gives the model's numbers."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from senet_lib.export.arrays import network_arrays
from senet_lib.networks.models import ResNet, create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation

MEAN, STD = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)


def unsettle(model: nn.Module) -> nn.Module:
    """Batch normalisation as after training, with nothing at its start value."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


def run(arrays: dict[str, np.ndarray], pictures: torch.Tensor) -> torch.Tensor:
    """The network on its arrays: what network_arithmetic.js does, in torch's functions."""
    a = {name: torch.tensor(array) for name, array in arrays.items()}
    x = (pictures - a["mean"][:, None, None]) / a["std"][:, None, None]
    x = F.relu(F.conv2d(x, a["conv1.weight"], a["conv1.bias"], padding=1))
    for name in sorted({key.rpartition(".conv1")[0] for key in a if ".conv1.weight" in key}):
        stride = int(a[f"{name}.stride"])
        u = F.relu(F.conv2d(x, a[f"{name}.conv1.weight"], a[f"{name}.conv1.bias"], stride, padding=1))
        u = F.conv2d(u, a[f"{name}.conv2.weight"], a[f"{name}.conv2.bias"], padding=1)
        if f"{name}.downsample.weight" in a:
            x = F.conv2d(x, a[f"{name}.downsample.weight"], a[f"{name}.downsample.bias"], stride)
        if f"{name}.attention.fc1.weight" in a:
            fc1, fc2 = (
                [a[f"{name}.attention.{layer}.{part}"] for part in ("weight", "bias")] for layer in ("fc1", "fc2")
            )
            u = u * F.linear(F.relu(F.linear(u.mean((2, 3)), *fc1)), *fc2).sigmoid()[:, :, None, None]
        x = F.relu(u + x)
    return F.linear(x.mean((2, 3)), a["fc.weight"], a["fc.bias"]) if "fc.weight" in a else x


@pytest.mark.parametrize(
    "make",
    [
        partial(create_model, "small_resnet"),
        partial(create_model, "se_small_resnet"),
        partial(create_model, "resnet8"),
        partial(create_model, "se_resnet8"),
    ],
)
def test_the_arrays_give_the_models_logits(make):
    model = unsettle(make())
    pictures = torch.rand(3, 3, 32, 32)
    normalised = (pictures - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    arrays = network_arrays(model, MEAN, STD)
    assert all(array.dtype == np.float32 for name, array in arrays.items() if not name.endswith("stride"))
    with torch.no_grad():
        assert torch.allclose(run(arrays, pictures), model(normalised), atol=1e-4)


def test_the_first_stages_alone_give_feature_maps():
    arrays = network_arrays(unsettle(create_model("se_resnet8")), MEAN, STD, stages=1)
    assert {name.split(".")[0] for name in arrays} == {"mean", "std", "conv1", "layer1"}
    assert run(arrays, torch.rand(2, 3, 40, 48)).shape == (2, 16, 40, 48)


def test_blocks_without_biases_get_zeros():
    model = create_model("small_resnet", attention=lambda channels: SqueezeExcitation(channels, 4, bias=False))
    arrays = network_arrays(model, MEAN, STD)
    assert not arrays["layer1.0.attention.fc1.bias"].any()


def test_what_the_page_cannot_run_is_refused(refused):
    model = create_model("small_resnet", attention=lambda channels: nn.Dropout())
    with refused("layer1.0", "Dropout"):
        network_arrays(model, MEAN, STD)
    with refused("layer1.0", "placement"):
        network_arrays(create_model("se_small_resnet", placement="pre"), MEAN, STD)
    with refused("layer1.0", "shortcut"):
        network_arrays(create_model("small_resnet", shortcut="padded"), MEAN, STD)
    with refused('stem="3x3"'):
        network_arrays(create_model("small_resnet", stem="7x7"), MEAN, STD)
    for stages in (0, 3):
        with refused(f"stages is {stages}", "1 to 2"):
            network_arrays(create_model("small_resnet"), MEAN, STD, stages=stages)
    strange = ResNet((1,), (8,), (1,), num_classes=2)
    strange.layer1[0] = nn.Conv2d(8, 8, 1)
    with refused("layer1.0", "Conv2d"):
        network_arrays(strange, MEAN, STD)
