"""What came after squeeze-and-excitation: other modules for the slot where SE stands.

Each is made from its number of channels, takes (B, C, H, W) and returns the same shape, so each fits the ``attention=``
of ``senet_lib.networks.models``. Here are those that multiply each channel by one gate;
``senet_lib.networks.map_attention`` has the others. ``ATTENTIONS`` names them all,
and ``ATTENTION_COSTS`` has what each costs.

Sources: ECA-Net (arXiv 1910.03151), CBAM (1807.06521), Gather-Excite (1810.12348), CenterMask (1911.06667) for eSE,
MobileNetV3 (1905.02244) for hard SE. Each class says how it deviates.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from senet_lib.common.validation import require_odd, require_whole
from senet_lib.cost import attention_formulas as formulas
from senet_lib.cost.attention_formulas import AttentionCost
from senet_lib.networks.map_attention import GlobalContext, GlobalResponseNormalisation, SimpleAttention
from senet_lib.networks.squeeze_excitation import (
    SqueezeExcitation,
    average_squeeze,
    hidden_width,
    max_squeeze,
    require_maps,
)


class ChannelAttention(nn.Module):
    """What the blocks with one gate a channel share: ``x * gate(logits(x))``.

    A subclass says in ``logits`` what goes into its gate. The output of ``gate`` is s, shape (B, C), so
    ``senet_lib.gates.recording`` and ``senet_lib.gates.interventions`` see it.
    """

    def __init__(self, channels: int, gate: Callable[[], nn.Module]):
        super().__init__()
        require_whole("channels", channels)
        self.channels = channels
        self.gate = gate()

    def logits(self, x: Tensor) -> Tensor:
        """One number for each gate: (B, C, H, W) -> (B, C)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        require_maps(x, self.channels)
        s = self.gate(self.logits(x))
        return x * s[:, :, None, None]  # (B, C) -> (B, C, 1, 1)

    def extra_repr(self) -> str:
        return f"channels={self.channels}"


def adaptive_kernel(channels: int) -> int:
    """ECA's k: (log2(C) + 1) / 2 rounded down, and one more if that is even. 3 for 64 channels, 7 for 2048.

    Raises:
        ValueError: if channels is not a whole number of at least 1.
    """
    require_whole("channels", channels)
    return int(channels).bit_length() // 2 | 1  # log2(C) rounded down is one less than C's bits


class EfficientChannelAttention(ChannelAttention):
    """ECA: each gate is computed from the means of k neighbouring channels, with the same k weights for all channels.

    ``s = gate(conv_k(z))`` with z the means: one convolution along the channels, no bottleneck, no bias, k parameters.
    Wang et al. (arXiv 1910.03151), Section 3.2. The default k is the paper's: ``(log2(C) + 1) / 2``, rounded down, and
    one more if that is even, as in the authors' code. Below 8 channels that is 1, where timm has at least 3.

    Args:
        channels: C, the number of channels of the input.
        kernel: k, an odd number; None for the paper's.
        gate: makes the module that ends the excitation. Its output is s, shape (B, C).

    Shapes: (B, C, H, W) in, the same out; H and W are free.

    Raises:
        ValueError: if an argument is out of range, or the input is not a floating-point tensor (B, C, H, W).
    """

    def __init__(self, channels: int, kernel: int | None = None, *, gate: Callable[[], nn.Module] = nn.Sigmoid):
        super().__init__(channels, gate)
        self.kernel = adaptive_kernel(channels) if kernel is None else kernel
        require_odd("kernel", self.kernel)
        self.conv = nn.Conv1d(1, 1, self.kernel, padding=self.kernel // 2, bias=False)

    def logits(self, x: Tensor) -> Tensor:
        z = average_squeeze(x)
        return self.conv(z[:, None])[:, 0]  # (B, C) -> (B, 1, C): the channels in a row -> (B, C)

    def extra_repr(self) -> str:
        return f"channels={self.channels}, kernel={self.kernel}"


class EffectiveSqueezeExcitation(ChannelAttention):
    """eSE: SE with one layer instead of two, so nothing is lost in a bottleneck: ``s = gate(W z + b)``.

    Lee and Park, "CenterMask" (arXiv 1911.06667), in its section on VoVNetV2. The paper writes a sigmoid; the authors'
    code and timm have the hard sigmoid, and so have we.

    Args:
        channels: C, the number of channels of the input.
        gate: makes the module that ends the excitation. Its output is s, shape (B, C).

    Shapes: (B, C, H, W) in, the same out; H and W are free.

    Raises:
        ValueError: if channels is below 1, or the input is not a floating-point tensor (B, C, H, W).
    """

    def __init__(self, channels: int, *, gate: Callable[[], nn.Module] = nn.Hardsigmoid):
        super().__init__(channels, gate)
        self.fc = nn.Linear(channels, channels)

    def logits(self, x: Tensor) -> Tensor:
        return self.fc(average_squeeze(x))


class GatherExcite(ChannelAttention):
    """GE-θ⁻: SE without its two layers. The mean of a channel is the logit of its own gate; there are no parameters.

    Hu et al. (arXiv 1810.12348), in the sections on the framework and on the pairings without parameters. Ours has the
    global extent: a mean over the whole map. The paper's other extents are means over windows.

    Args:
        channels: C, the number of channels of the input.
        gate: makes the module that ends it. Its output is s, shape (B, C).

    Shapes: (B, C, H, W) in, the same out; H and W are free.

    Raises:
        ValueError: if channels is below 1, or the input is not a floating-point tensor (B, C, H, W).
    """

    def __init__(self, channels: int, *, gate: Callable[[], nn.Module] = nn.Sigmoid):
        super().__init__(channels, gate)

    def logits(self, x: Tensor) -> Tensor:
        return average_squeeze(x)


class ConvolutionalBlockAttention(ChannelAttention):
    """CBAM: gates for the channels, then gates for the places.

    The gates of the channels: ``s = gate(W2 relu(W1 mean(x)) + W2 relu(W1 max(x)))``. Those of the places:
    ``spatial_gate(conv(m))``, where m has two maps, the mean and the largest value over the channels at each place.
    Woo et al. (arXiv 1807.06521), Section 3, the equations of M_c and M_s. Like these, we have no biases and no
    normalisation; the authors' code and timm normalise the convolution's output over the batch, and the authors' two
    layers have biases. Recordings and interventions see the gates of the channels only.

    Args:
        channels: C, the number of channels of the input.
        reduction: r, from 1 to C. The hidden width is ``channels // reduction``.
        kernel: width of the convolution over the places, an odd number.
        gate: makes both gates: ``gate``, shape (B, C), and ``spatial_gate``, shape (B, 1, H, W).

    Shapes: (B, C, H, W) in, the same out; H and W are free.

    Raises:
        ValueError: if an argument is out of range, or the input is not a floating-point tensor (B, C, H, W).
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        *,
        kernel: int = 7,
        gate: Callable[[], nn.Module] = nn.Sigmoid,
    ):
        super().__init__(channels, gate)
        hidden = hidden_width(channels, reduction)
        require_odd("kernel", kernel)
        self.reduction, self.kernel = reduction, kernel
        self.fc1 = nn.Linear(channels, hidden, bias=False)
        self.fc2 = nn.Linear(hidden, channels, bias=False)
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.spatial_gate = gate()

    def logits(self, x: Tensor) -> Tensor:
        average, largest = (self.fc2(torch.relu(self.fc1(z))) for z in (average_squeeze(x), max_squeeze(x)))
        return average + largest

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        m = torch.stack([x.mean(1), x.amax(1)], dim=1)  # (B, 2, H, W)
        return x * self.spatial_gate(self.conv(m))

    def extra_repr(self) -> str:
        return f"channels={self.channels}, reduction={self.reduction}, kernel={self.kernel}"


def hard_squeeze_excitation(channels: int, reduction: int = 4) -> SqueezeExcitation:
    """SE as in MobileNetV3: r = 4, a hidden width that is a multiple of 8, and a hard sigmoid.

    Howard et al. (arXiv 1905.02244), Section 5.3. We round C / r to the nearest multiple of 8. MobileNetV3's own code
    rounds up where that would lose more than a tenth: with 72 channels it has 24 hidden units, and we have 16.

    Raises:
        ValueError: if an argument is not a whole number of at least 1, or reduction is above channels.
    """
    return SqueezeExcitation(channels, reduction, hidden_multiple=8, gate=nn.Hardsigmoid)


# Each makes a module from its number of channels C; r and other settings are those of its paper.
ATTENTIONS: dict[str, Callable[[int], nn.Module]] = {
    "se": SqueezeExcitation,
    "eca": EfficientChannelAttention,
    "cbam": ConvolutionalBlockAttention,
    "gc": GlobalContext,
    "ge": GatherExcite,
    "ese": EffectiveSqueezeExcitation,
    "hard_se": hard_squeeze_excitation,
    "grn": GlobalResponseNormalisation,
    "simam": SimpleAttention,
}


def _eca_cost(channels: int, height: int, width: int) -> AttentionCost:
    return formulas.eca_cost(channels, height, width, adaptive_kernel(channels))


# What each of them costs, from channels, height and width of the map.
ATTENTION_COSTS: dict[str, Callable[[int, int, int], AttentionCost]] = {
    "se": formulas.se_cost,
    "eca": _eca_cost,
    "cbam": formulas.cbam_cost,
    "gc": formulas.gc_cost,
    "ge": formulas.ge_cost,
    "ese": formulas.ese_cost,
    "hard_se": formulas.hard_se_cost,
    "grn": formulas.grn_cost,
    "simam": formulas.simam_cost,
}
