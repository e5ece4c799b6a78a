"""Attention without per-channel gates: it adds to the map, scales it by relative strength, or gates each place.

Sources: GCNet (arXiv 1904.11492), ConvNeXt V2 (2301.00808) for GRN, SimAM (Yang et al., ICML 2021, PMLR volume 139).
Each class says how it deviates. ``senet_lib.networks.attention`` has the gates of channels, and names all in
``ATTENTIONS``.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from senet_lib.common.validation import is_number, require_whole
from senet_lib.cost.attention_formulas import require_hidden_pair
from senet_lib.networks.squeeze_excitation import hidden_width, require_maps


class GlobalContext(nn.Module):
    """GC: gather the map by a weighted mean whose weights the map itself decides, and add what two layers make of it.

    ``x + W2 relu(norm(W1 c))`` with the context ``c = Σ_j a_j x_j`` over the places j and ``a = softmax(w x)``.
    Cao et al., "GCNet" (arXiv 1904.11492), in its section on the global context block. W2 starts at 0, as in the
    authors' code, so a new block is the identity. We deviate in one point: w has no bias, because the softmax would
    cancel it. timm's class multiplies by gates unless told to add, has r = 8, and an epsilon of 1e-6 in its norm.

    All layers are convolutions along the row of places: what re-initialises a network's linear layers and 2-D
    convolutions, as ``senet_lib.networks.models`` does, leaves W2 at 0.

    Args:
        channels: C, the number of channels of the input; at least 2.
        reduction: r, from 1 to C / 2. The hidden width is ``channels // reduction``; it must be at least 2, because
            LayerNorm makes 0 of a single number.

    Shapes: (B, C, H, W) in, the same out; H and W are free.

    Raises:
        ValueError: if an argument is out of range, or the input is not a floating-point tensor (B, C, H, W).
    """

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        hidden = hidden_width(channels, reduction)
        require_hidden_pair(channels, reduction)
        self.channels, self.reduction = channels, reduction
        self.place_logits = nn.Conv1d(channels, 1, 1, bias=False)
        self.fc1 = nn.Conv1d(channels, hidden, 1)
        self.norm = nn.LayerNorm([hidden, 1])
        self.fc2 = nn.Conv1d(hidden, channels, 1)
        nn.init.kaiming_normal_(self.place_logits.weight, nonlinearity="relu")
        for parameter in self.fc2.parameters():
            nn.init.zeros_(parameter)

    def context(self, x: Tensor) -> Tensor:
        """The weighted mean of each channel over all places: (B, C, H, W) -> (B, C, 1)."""
        require_maps(x, self.channels)
        places = x.flatten(2)  # (B, C, H·W)
        weights = self.place_logits(places).softmax(2)  # (B, 1, H·W), a sum of 1 over the places
        return places @ weights.mT

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.norm(self.fc1(self.context(x))))
        return x + self.fc2(hidden)[..., None]  # (B, C, 1) -> (B, C, 1, 1): the same for every place

    def extra_repr(self) -> str:
        return f"channels={self.channels}, reduction={self.reduction}"


class GlobalResponseNormalisation(nn.Module):
    """GRN: scale each channel by its strength relative to the other channels.

    ``x * (1 + γ n) + β`` with ``n = g / (mean(g) + ε)`` and g the L2 norm of each channel over all places. γ and β, one
    value per channel each, start at 0: a new block is the identity. Woo et al., "ConvNeXt V2" (arXiv 2301.00808),
    Algorithm 1; the text beside it divides by the sum of g, the algorithm and ours by the mean. There it stands inside
    the block, on the 4C hidden channels; in our slots it stands on the branch's output.

    Args:
        channels: C, the number of channels of the input.
        epsilon: added to the mean, so that a map of zeros stays one; above 0.

    Shapes: (B, C, H, W) in, the same out; H and W are free.

    Raises:
        ValueError: if an argument is out of range, or the input is not a floating-point tensor (B, C, H, W).
    """

    def __init__(self, channels: int, *, epsilon: float = 1e-6):
        super().__init__()
        require_whole("channels", channels)
        _require_positive("epsilon", epsilon)
        self.channels, self.epsilon = channels, epsilon
        self.weight = nn.Parameter(torch.zeros(channels))  # γ
        self.bias = nn.Parameter(torch.zeros(channels))  # β

    def relative_strength(self, x: Tensor) -> Tensor:
        """n, with a mean of 1 over the channels: (B, C, H, W) -> (B, C)."""
        require_maps(x, self.channels)
        g = torch.linalg.vector_norm(x, dim=(2, 3))
        return g / (g.mean(1, keepdim=True) + self.epsilon)

    def forward(self, x: Tensor) -> Tensor:
        scale = 1 + self.weight * self.relative_strength(x)
        scale, shift = scale.to(x.dtype), self.bias.to(x.dtype)  # under autocast, 32 bits would make the map so too
        return x * scale[:, :, None, None] + shift[:, None, None]

    def extra_repr(self) -> str:
        return f"channels={self.channels}, epsilon={self.epsilon}"


class SimpleAttention(nn.Module):
    """SimAM: a gate for each place of each channel, the nearer to 1 the more it differs from its channel's mean.

    ``x * gate((x - μ)² / (4 (σ² + λ)) + 1/2)`` with μ and σ² the mean and the variance of each channel over all places.
    No parameters; a gate is never below 0.62. Yang et al. (ICML 2021, PMLR volume 139), Section 3, where the fraction
    is the inverse of the least energy. The paper's σ² divides by H·W, the authors' code by H·W - 1, and so do we. On
    maps of one place, where their code gives NaN, σ² is 0 here.

    Args:
        channels: C, the number of channels of the input.
        smoothing: λ, above 0.
        gate: makes the module that ends it. Its output has the shape of the map, (B, C, H, W).

    Shapes: (B, C, H, W) in, the same out; H and W are free.

    Raises:
        ValueError: if an argument is out of range, or the input is not a floating-point tensor (B, C, H, W).
    """

    def __init__(self, channels: int, *, smoothing: float = 1e-4, gate: Callable[[], nn.Module] = nn.Sigmoid):
        super().__init__()
        require_whole("channels", channels)
        _require_positive("smoothing", smoothing)
        self.channels, self.smoothing = channels, smoothing
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        require_maps(x, self.channels)
        is_one_place = x.shape[2] * x.shape[3] == 1
        variance, mean = torch.var_mean(x, (2, 3), correction=0 if is_one_place else 1, keepdim=True)
        distinct = (x - mean).square() * (0.25 / (variance + self.smoothing)) + 0.5
        return x * self.gate(distinct)

    def extra_repr(self) -> str:
        return f"channels={self.channels}, smoothing={self.smoothing}"


def _require_positive(name: str, value: float) -> None:
    if not is_number(value) or not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} is {value!r}; it must be a number above 0, such as 1e-4")
