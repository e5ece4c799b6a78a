"""What the tests of gates share: a small network, and the names of its SE blocks."""

import pytest
import torch
from torch import nn

from senet_lib.networks.models import create_model
from tests.sample_networks import shaken

BLOCKS = ("layer1.0.attention", "layer2.0.attention", "layer3.0.attention")


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return shaken(create_model("se_resnet8")).eval()
