"""Residual blocks with a slot for attention: the basic block and the bottleneck.

Sources: He et al., "Deep Residual Learning" (arXiv 1512.03385), Figure 5, for the two blocks and Section 4.2 for the
shortcuts; Xie et al., "Aggregated Residual Transformations" (arXiv 1611.05431), for groups; Hu et al., "Squeeze-and-
Excitation Networks" (arXiv 1709.01507v4), Section 6.5, for the five places of SE. Names of the layers are
torchvision's. We deviate in one point: a bottleneck's stride is in its 3x3 convolution, as in torchvision;
``stride_in="1x1"`` puts it where the paper's networks have it.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet_lib.common.validation import require_choice, require_whole

Attention = Callable[[int], nn.Module]

PLACEMENTS = ("standard", "pre", "post", "identity", "3x3")
SHORTCUTS = ("projection", "padded")
STRIDES_IN = ("3x3", "1x1")


class ResidualBlock(nn.Module):
    """What both blocks share: the slot for attention, the shortcut, and the order in which they act.

    A subclass makes its layers, calls ``fill_slots`` and says in ``branch`` what it computes.
    """

    placement: str
    attention: nn.Module
    downsample: nn.Module

    def fill_slots(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        inner_channels: int | None,
        attention: Attention | None,
        placement: str,
        shortcut: str,
    ) -> None:
        """Make attention and shortcut. inner_channels: of a bottleneck's 3x3 convolution, None in a basic block."""
        require_choice("placement", placement, PLACEMENTS)
        if placement == "3x3" and inner_channels is None:
            raise ValueError(
                "placement is '3x3', but a basic block has no bottleneck to put attention into; "
                "use standard, pre, post or identity, or a network of bottlenecks such as se_resnet50"
            )
        widths = {"pre": in_channels, "3x3": inner_channels or channels}
        self.placement = placement
        self.attention = attention(widths.get(placement, channels)) if attention else nn.Identity()
        self.downsample = _shortcut(in_channels, channels, stride, shortcut)

    def branch(self, x: Tensor) -> Tensor:
        """The convolutions: (B, in_channels, H, W) -> (B, channels, H', W')."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        kept = self.downsample(x)
        if self.placement == "identity":
            kept = self.attention(kept)
        u = self.branch(self.attention(x) if self.placement == "pre" else x)
        if self.placement == "standard":
            u = self.attention(u)
        y = torch.relu(u + kept)
        return self.attention(y) if self.placement == "post" else y


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions around a shortcut, with a slot for attention.

    Args:
        in_channels: channels of the input.
        channels: channels of the output.
        stride: step of the first convolution; 2 halves height and width.
        attention: makes a module from the number of channels, for example
            ``lambda channels: SqueezeExcitation(channels, reduction=4)``; None for a plain block.
        placement: where attention acts. "standard": on the branch, before the addition. "pre": on the branch's input.
            "post": on the block's output, after the addition and its ReLU. "identity": on the shortcut.
        shortcut: what fits a shortcut to another shape. "projection": a 1x1 convolution. "padded": every stride-th
            place, and zeros for the new channels, without parameters.

    Shapes: (B, in_channels, H, W) -> (B, channels, ceil(H / stride), ceil(W / stride)).

    Raises:
        ValueError: if placement or shortcut is unknown, or the block has no such place.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        attention: Attention | None = None,
        *,
        placement: str = "standard",
        shortcut: str = "projection",
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.fill_slots(in_channels, channels, stride, None, attention, placement, shortcut)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The branch's last layer; with a weight of 0, a new block is its shortcut."""
        return self.bn2

    def branch(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(x))


class Bottleneck(ResidualBlock):
    """A 1x1 convolution that narrows, a 3x3 one, a 1x1 one that widens, around a shortcut, with a slot for attention.

    Args:
        in_channels: channels of the input.
        channels: channels of the output, a multiple of 4.
        stride: step of one convolution; 2 halves height and width.
        attention: as in :class:`BasicBlock`.
        placement: as in :class:`BasicBlock`, or "3x3": right after the 3x3 convolution and its ReLU, on fewer channels.
        shortcut: as in :class:`BasicBlock`.
        groups: of the 3x3 convolution; 32 in a ResNeXt.
        width_per_group: the 3x3 convolution has ``channels / 4 * width_per_group / 64 * groups`` channels.
        stride_in: which convolution takes the stride, "3x3" as in torchvision or "1x1" (the first one) as in the paper.

    Shapes and errors: those of :class:`BasicBlock`.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        attention: Attention | None = None,
        *,
        placement: str = "standard",
        shortcut: str = "projection",
        groups: int = 1,
        width_per_group: int = 64,
        stride_in: str = "3x3",
    ):
        super().__init__()
        require_choice("stride_in", stride_in, STRIDES_IN)
        inner = _inner_width(channels, groups, width_per_group)
        self.stride_in = stride_in
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = nn.Conv2d(in_channels, inner, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, second, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.fill_slots(in_channels, channels, stride, inner, attention, placement, shortcut)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The branch's last layer; with a weight of 0, a new block is its shortcut."""
        return self.bn3

    def branch(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        if self.placement == "3x3":
            x = self.attention(x)
        return self.bn3(self.conv3(x))


class PaddedShortcut(nn.Module):
    """A shortcut without parameters: every stride-th place, and channels of zeros after the old ones.

    Shapes: (B, in_channels, H, W) -> (B, in_channels + new_channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, new_channels: int, stride: int):
        super().__init__()
        self.new_channels, self.stride = new_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.new_channels))

    def extra_repr(self) -> str:
        return f"new_channels={self.new_channels}, stride={self.stride}"


def _inner_width(channels: int, groups: int, width_per_group: int) -> int:
    for name, value in (("channels", channels), ("groups", groups), ("width_per_group", width_per_group)):
        require_whole(name, value)
    if channels % 4:
        raise ValueError(f"channels is {channels}; a bottleneck's must be a multiple of 4")
    inner = channels // 4 * width_per_group // 64 * groups
    if inner < 1:
        raise ValueError(
            f"width_per_group is {width_per_group}; it leaves a bottleneck of {channels} channels no width"
        )
    return inner


def _shortcut(in_channels: int, channels: int, stride: int, shortcut: str) -> nn.Module:
    """What makes the shortcut fit: nothing if it fits already."""
    require_choice("shortcut", shortcut, SHORTCUTS)
    if stride == 1 and in_channels == channels:
        return nn.Identity()
    if shortcut == "projection":
        return nn.Sequential(
            nn.Conv2d(in_channels, channels, 1, stride, bias=False),
            nn.BatchNorm2d(channels),
        )
    if channels < in_channels:
        raise ValueError(
            f"shortcut is 'padded', but {channels} channels are fewer than the input's {in_channels}; use 'projection'"
        )
    return PaddedShortcut(channels - in_channels, stride)
