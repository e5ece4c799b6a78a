"""SE blocks to compare ours with: torchvision's, timm's, and the two forms that tutorials teach, with our weights."""

import torch
from timm.layers import SEModule
from torch import Tensor, nn
from torchvision import ops

from senet_lib.networks.squeeze_excitation import SqueezeExcitation


class LinearTutorial(nn.Module):
    """Adaptive pooling, a Sequential of two linear layers without biases, views, expand_as."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, hidden, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.shape
        y = self.pool(x).view(b, c)
        y = self.fc(y).view(b, c, 1, 1)
        return x * y.expand_as(x)


class ConvTutorial(nn.Module):
    """Adaptive pooling and two 1x1 convolutions with biases."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        s = torch.relu(self.fc1(self.pool(x)))
        return x * torch.sigmoid(self.fc2(s))


def make_blocks(channels: int, reduction: int = 16) -> dict[str, nn.Module]:
    """Ours, then its peers, with the same weights. Biases are 0, for one of the peers has none."""
    ours = SqueezeExcitation(channels, reduction)
    hidden = ours.fc1.out_features
    nn.init.zeros_(ours.fc1.bias)
    nn.init.zeros_(ours.fc2.bias)
    peers = {
        "torchvision": ops.SqueezeExcitation(channels, hidden),
        "timm": SEModule(channels, rd_channels=hidden),
        "linear tutorial": LinearTutorial(channels, hidden),
        "conv tutorial": ConvTutorial(channels, hidden),
    }
    for peer in peers.values():
        copy_weights(ours, peer)
    return {"ours": ours, **peers}


def copy_weights(ours: SqueezeExcitation, peer: nn.Module) -> None:
    """Give a peer our two matrices, whatever their shape there, and our biases where it has some."""
    layers = [module for module in peer.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        for layer, own in zip(layers, (ours.fc1, ours.fc2), strict=True):
            layer.weight.copy_(own.weight.view_as(layer.weight))
            if layer.bias is not None:
                layer.bias.copy_(own.bias)
