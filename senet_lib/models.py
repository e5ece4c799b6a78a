"""Residual networks, plain and with squeeze-and-excitation, as thin factories over one class.

Source: He et al. (arXiv 1512.03385) for the network; Hu et al. (arXiv 1709.01507v4), Figure 3, for the place of SE.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from senet_lib.blocks import Attention, BasicBlock, SqueezeExcitation, require_maps
from senet_lib.validation import require_whole


class ResNet(nn.Module):
    """A 3x3 stem, stages of residual blocks, global average pooling, one linear layer.

    Names of the layers are torchvision's.

    Args:
        depths: number of blocks in each stage.
        widths: channels of each stage; the stem has the first.
        strides: of each stage's first block; 2 halves height and width.
        num_classes: number of outputs (logits).
        in_channels: channels of the picture.
        attention: makes the module in each block's slot from its number of channels; None for a plain network.

    Shapes: (B, in_channels, H, W) -> (B, num_classes).
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        strides: Sequence[int],
        *,
        num_classes: int,
        in_channels: int = 3,
        attention: Attention | None = None,
    ):
        super().__init__()
        if not len(depths) == len(widths) == len(strides):
            raise ValueError(
                f"depths has {len(depths)} stages, widths has {len(widths)}, strides has {len(strides)}; "
                "give one number a stage in each"
            )
        for name, numbers in (("depths", depths), ("widths", widths), ("strides", strides)):
            if not numbers or min(numbers) < 1:
                raise ValueError(f"{name} is {tuple(numbers)}; it needs at least one stage, and numbers of at least 1")
        require_whole("num_classes", num_classes)
        require_whole("in_channels", in_channels)
        self.conv1 = nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU()
        channels = widths[0]
        self.stage_names = [f"layer{number}" for number in range(1, len(depths) + 1)]
        for name, depth, width, stride in zip(self.stage_names, depths, widths, strides, strict=True):
            self.add_module(name, _stage(channels, width, depth, stride, attention))
            channels = width
        self.fc = nn.Linear(channels, num_classes)
        _he_initialise(self)

    def features(self, x: Tensor) -> Tensor:
        """The last feature map, before pooling: (B, in_channels, H, W) -> (B, C, H', W')."""
        require_maps(x, self.conv1.in_channels)
        x = self.relu(self.bn1(self.conv1(x)))
        for name in self.stage_names:
            x = self.get_submodule(name)(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean((2, 3)))


def small_resnet(num_classes: int = 4, *, in_channels: int = 3, attention: Attention | None = None) -> ResNet:
    """A stem and two residual blocks with 16 and 32 channels: the book's laboratory network.

    The first block halves the resolution. Each unit of the last feature map sees 17x17 pixels of the picture, no more.
    """
    return ResNet((1, 1), (16, 32), (2, 1), num_classes=num_classes, in_channels=in_channels, attention=attention)


def small_se_resnet(num_classes: int = 4, *, in_channels: int = 3, reduction: int = 4) -> ResNet:
    """:func:`small_resnet` with an SE block in each residual block."""
    return small_resnet(
        num_classes,
        in_channels=in_channels,
        attention=lambda channels: SqueezeExcitation(channels, reduction),
    )


def resnet8(num_classes: int = 10, *, in_channels: int = 3, attention: Attention | None = None) -> ResNet:
    """The smallest ResNet of He et al. for 32x32 pictures: three stages of one block, 16, 32 and 64 channels."""
    return ResNet(
        (1, 1, 1), (16, 32, 64), (1, 2, 2), num_classes=num_classes, in_channels=in_channels, attention=attention
    )


def se_resnet8(num_classes: int = 10, *, in_channels: int = 3, reduction: int = 4) -> ResNet:
    """:func:`resnet8` with an SE block in each residual block."""
    return resnet8(
        num_classes,
        in_channels=in_channels,
        attention=lambda channels: SqueezeExcitation(channels, reduction),
    )


def _stage(in_channels: int, channels: int, depth: int, stride: int, attention: Attention | None) -> nn.Sequential:
    first = BasicBlock(in_channels, channels, stride, attention)
    rest = (BasicBlock(channels, channels, 1, attention) for _ in range(depth - 1))
    return nn.Sequential(first, *rest)


def _he_initialise(model: nn.Module) -> None:
    """He et al. (arXiv 1502.01852), as the paper does: keep the size of the signal through ReLU layers.

    It matters for SE: with torch's default for linear layers, which is 2.4 times smaller, the gates of a new network
    hardly differ from 0.5 and take long to leave it.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
