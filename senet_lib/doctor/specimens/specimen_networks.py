"""The small networks of ``senet_lib.doctor.specimens``: a sound one, and one class for each fault.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), for what is sound. A class with a fault says
in its methods what is wrong, and shares all the rest: compare each method with the one of the same name in
``ChannelGate``, ``GatedUnit`` or ``GatedNetwork``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

# --- the sound network ------------------------------------------------------------------------------------------------


class ChannelGate(nn.Module):
    """A sound SE block: (B, C, H, W) in, the same out.

    Args:
        channels: C.
        reduction: r; the hidden width is C // r.
    """

    biases = (True, True)

    def __init__(self, channels: int, reduction: int = 4):
        super().__init__()
        hidden = self.hidden_width(channels, reduction)
        self.narrow = nn.Linear(channels, hidden, bias=self.biases[0])
        self.widen = nn.Linear(hidden, channels, bias=self.biases[1])

    def hidden_width(self, channels: int, reduction: int) -> int:
        return channels // reduction

    def squeeze(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C)"""
        return x.mean((2, 3))

    def gate_function(self, t: Tensor) -> Tensor:
        return torch.sigmoid(t)

    def gates(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, 1, 1)"""
        s = self.gate_function(self.widen(torch.relu(self.narrow(self.squeeze(x)))))
        return s[:, :, None, None]

    def forward(self, x: Tensor) -> Tensor:
        s = self.gates(x)
        return x * s


class GatedUnit(nn.Module):
    """A sound residual block of two 3x3 convolutions, with SE at the end of the branch.

    Shapes: (B, in_channels, H, W) -> (B, channels, ceil(H / stride), ceil(W / stride)).
    """

    has_convolution_biases = False

    def __init__(self, in_channels: int, channels: int, stride: int, gate: Callable[[int], ChannelGate]):
        super().__init__()
        bias = self.has_convolution_biases
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=bias)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)
        self.norm2 = nn.BatchNorm2d(channels)
        self.gate = gate(channels)
        self.shortcut: nn.Module = nn.Identity()
        if self.needs_projection(in_channels, channels, stride):
            projection = nn.Conv2d(in_channels, channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(channels))

    def needs_projection(self, in_channels: int, channels: int, stride: int) -> bool:
        return stride != 1 or in_channels != channels

    def branch(self, x: Tensor) -> Tensor:
        """The convolutions, without SE."""
        return self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))

    def forward(self, x: Tensor) -> Tensor:
        u = self.branch(x)
        return torch.relu(self.gate(u) + self.shortcut(x))


class GatedNetwork(nn.Module):
    """A sound network: a 3x3 stem, two residual blocks, global average pooling, one linear layer.

    Args:
        num_classes: K, the number of logits.
        in_channels: of the pictures.
        widths: channels of the two blocks; the stem has those of the first.
        strides: of the two blocks.
        unit: makes a residual block from (in_channels, channels, stride, gate).
        gate: makes an SE block from its number of channels.

    Shapes: (B, in_channels, H, W) -> (B, K).
    """

    def __init__(
        self,
        num_classes: int = 4,
        in_channels: int = 3,
        *,
        widths: Sequence[int] = (16, 32),
        strides: Sequence[int] = (2, 1),
        unit: Callable[..., nn.Module] = GatedUnit,
        gate: Callable[[int], nn.Module] = ChannelGate,
    ):
        super().__init__()
        self.stem = self.make_stem(in_channels, widths[0])
        self.unit1 = unit(widths[0], widths[0], strides[0], gate)
        self.unit2 = unit(widths[0], widths[1], strides[1], gate)
        self.classifier = nn.Linear(widths[1], num_classes)

    def make_stem(self, in_channels: int, channels: int) -> nn.Module:
        convolution = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.unit2(self.unit1(self.stem(x))).mean((2, 3)))


class ReducingStem(GatedNetwork):
    """With a stem for pictures of 224x224: 56x56 places are left."""

    def make_stem(self, in_channels: int, channels: int) -> nn.Module:
        convolution = nn.Conv2d(in_channels, channels, 7, 2, padding=3, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1))


# --- faults of the SE block -------------------------------------------------------------------------------------------


class GatesSquared(ChannelGate):
    def forward(self, x: Tensor) -> Tensor:
        s = self.gates(x)
        return x * s * s


class WidthIsRatio(ChannelGate):
    def hidden_width(self, channels: int, reduction: int) -> int:
        return reduction


class RoundedWidth(ChannelGate):
    def hidden_width(self, channels: int, reduction: int) -> int:
        return round(channels / reduction)


class OneBias(ChannelGate):
    biases = (False, True)


class ReluGate(ChannelGate):
    def gate_function(self, t: Tensor) -> Tensor:
        return torch.relu(t)


class NoGateFunction(ChannelGate):
    def gate_function(self, t: Tensor) -> Tensor:
        return t


class SoftmaxGate(ChannelGate):
    def gate_function(self, t: Tensor) -> Tensor:
        return torch.softmax(t, 1)


class FixedPool(ChannelGate):
    def squeeze(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x, 16).flatten(1)


class RowMeans(ChannelGate):
    def squeeze(self, x: Tensor) -> Tensor:
        return x.mean((1, 2))  # one number a column of the map; it fits where W happens to be C


class BatchMeans(ChannelGate):
    def squeeze(self, x: Tensor) -> Tensor:
        return x.mean((0, 2, 3))[None]  # one number a channel, for all pictures together


class AddedGates(ChannelGate):
    def forward(self, x: Tensor) -> Tensor:
        s = self.gates(x)
        return x + s


class ForgottenReturn(ChannelGate):
    def forward(self, x: Tensor) -> Any:
        s = self.gates(x)
        x * s


# --- faults of the residual block and of the network ------------------------------------------------------------------


class InputTwice(GatedUnit):
    def forward(self, x: Tensor) -> Tensor:
        u = self.branch(x)
        return torch.relu(self.gate(u) * u + self.shortcut(x))


class BiasedConvolutions(GatedUnit):
    has_convolution_biases = True


class GatedShortcut(GatedUnit):
    def forward(self, x: Tensor) -> Tensor:
        u = self.branch(x)
        return torch.relu(u + self.gate(self.shortcut(x)))


class GatedSum(GatedUnit):
    def forward(self, x: Tensor) -> Tensor:
        u = self.branch(x)
        return self.gate(torch.relu(u + self.shortcut(x)))


class RectifiedBranch(GatedUnit):
    def branch(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x))))))


class NormAfterGate(GatedUnit):
    def forward(self, x: Tensor) -> Tensor:
        u = self.conv2(torch.relu(self.norm1(self.conv1(x))))
        return torch.relu(self.norm2(self.gate(u)) + self.shortcut(x))


class ProjectsWhereItFits(GatedUnit):
    def needs_projection(self, in_channels: int, channels: int, stride: int) -> bool:
        return stride == 2 or in_channels == channels


class SoftmaxInside(GatedNetwork):
    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.classifier(self.unit2(self.unit1(self.stem(x))).mean((2, 3))), 1)
