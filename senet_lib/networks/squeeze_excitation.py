"""The squeeze-and-excitation block.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 3, equations 2 to 4.
We deviate in one point: the two layers have biases unless you ask otherwise, as in the authors' released
networks and in torchvision. The paper counts weights only; ``bias=False`` gives that count.
"""

from collections.abc import Callable

import torch
from torch import Tensor, fx, nn

from senet_lib.common.validation import require_reduction, require_whole

SqueezeOperator = Callable[[Tensor], Tensor]


def average_squeeze(x: Tensor) -> Tensor:
    """Mean of each channel over all places: (B, C, H, W) -> (B, C). Equation 2.

    It is ``x.mean((2, 3))``, written as a sum. The gradient of a sum is one value per channel, which autograd
    broadcasts; that of ``mean`` is written out for every place, which takes time on a CPU (``benchmarks/se_block.py``).
    """
    if not torch.jit.is_scripting():  # torch.jit cannot compile the questions in here, nor the checks of the block
        large = not is_traced(x) and x.element_size() >= 4  # the sum of a large map can be too large for float16
        return x.sum((2, 3)) / (x.shape[2] * x.shape[3]) if large else x.mean((2, 3))
    return x.mean((2, 3))


def max_squeeze(x: Tensor) -> Tensor:
    """Largest value of each channel: (B, C, H, W) -> (B, C). The paper's Table 11."""
    return x.amax((2, 3))


def both_squeeze(x: Tensor) -> Tensor:
    """Midpoint of the mean and the largest value of each channel: (B, C, H, W) -> (B, C)."""
    return (average_squeeze(x) + max_squeeze(x)) / 2


SQUEEZE_OPERATORS: dict[str, SqueezeOperator] = {
    "avg": average_squeeze,
    "max": max_squeeze,
    "both": both_squeeze,
}


class SqueezeExcitation(nn.Module):
    """Scale each channel by a gate that is computed from all channels: ``x * s(x)``.

    The block does three things. ``squeeze`` turns each channel into one value z. ``excite`` turns the C values
    into C gates s by two small layers, W1 with C/r outputs and W2 with C outputs. The result is ``x`` with each
    channel multiplied by its gate.

    A linear layer on C values and a 1x1 convolution on a 1x1 map hold the same matrix; we use the former.

    Args:
        channels: C, the number of channels of the input.
        reduction: r, from 1 to C. The hidden width is ``channels // reduction``.
        bias: whether the two layers have biases.
        hidden_multiple: round the hidden width to a multiple of this; timm's networks have 8.
        squeeze: "avg", "max" or "both", or a function from (B, C, H, W) to (B, C).
        activation: makes the module between the two layers.
        gate: makes the module that ends the excitation. Its output is s, so a forward hook on ``block.gate``
            sees the gates, shape (B, C).

    Shapes: (B, C, H, W) in, the same out; H and W are free.

    Raises:
        ValueError: if an argument is out of range, or the input is not a floating-point tensor (B, C, H, W).
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        *,
        bias: bool = True,
        hidden_multiple: int = 1,
        squeeze: str | SqueezeOperator = "avg",
        activation: Callable[[], nn.Module] = nn.ReLU,
        gate: Callable[[], nn.Module] = nn.Sigmoid,
    ):
        super().__init__()
        self.channels = channels
        self.reduction = reduction
        hidden = hidden_width(channels, reduction, hidden_multiple)
        self.squeeze_operator = _squeeze_operator(squeeze)
        self.fc1 = nn.Linear(channels, hidden, bias=bias)
        self.activation = activation()
        self.fc2 = nn.Linear(hidden, channels, bias=bias)
        self.gate = gate()

    def squeeze(self, x: Tensor) -> Tensor:
        """One number for each channel: x (B, C, H, W) -> z (B, C)."""
        if not torch.jit.is_scripting():
            require_maps(x, self.channels)
        z = self.squeeze_operator(x)
        if not torch.jit.is_scripting():
            _require_squeezed(z, x)
        return z

    def excite(self, z: Tensor) -> Tensor:
        """One gate for each channel: z (B, C) -> s (B, C). Equation 3."""
        if not torch.jit.is_scripting():
            _require_numbers(z, self.channels)
        return self.gate(self.fc2(self.activation(self.fc1(z))))

    def forward(self, x: Tensor) -> Tensor:
        s = self.excite(self.squeeze(x))
        return x * s[:, :, None, None]  # (B, C) -> (B, C, 1, 1), so that it multiplies every place. Equation 4.

    def extra_repr(self) -> str:
        return f"channels={self.channels}, reduction={self.reduction}"


class NoSqueeze(nn.Module):
    """The excitation without the squeeze: each place computes its own gates from its own channels. Section 7.1.

    The two layers are 1x1 convolutions with as many weights as in :class:`SqueezeExcitation`. What is missing is only
    what lies outside a place's receptive field, so a comparison of the two shows what the squeeze is for.

    Args:
        channels: C, the number of channels of the input.
        reduction: r, from 1 to C. The hidden width is ``channels // reduction``.

    Shapes: (B, C, H, W) in, the same out; H and W are free.

    Raises:
        ValueError: if an argument is out of range, or the input is not a floating-point tensor (B, C, H, W).
    """

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        self.channels = channels
        self.reduction = reduction
        hidden = hidden_width(channels, reduction)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        require_maps(x, self.channels)
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(x))))

    def extra_repr(self) -> str:
        return f"channels={self.channels}, reduction={self.reduction}"


def hidden_width(channels: int, reduction: int, multiple: int = 1) -> int:
    """``channels // reduction``, the width of the bottleneck; at least 1.

    Args:
        channels: C.
        reduction: r, from 1 to C.
        multiple: above 1, the width is C / r rounded to the nearest multiple of it that is not 0, half of it upwards.

    Raises:
        ValueError: if an argument is not a whole number of at least 1, or reduction is above channels.
    """
    require_reduction(channels, reduction)
    require_whole("hidden_multiple", multiple)
    if multiple == 1:
        return channels // reduction
    return max(multiple, int(channels / reduction + multiple / 2) // multiple * multiple)


def _squeeze_operator(squeeze: str | SqueezeOperator) -> SqueezeOperator:
    if callable(squeeze):
        return squeeze
    if not isinstance(squeeze, str) or squeeze not in SQUEEZE_OPERATORS:
        raise ValueError(f"squeeze is {squeeze!r}; use one of {', '.join(SQUEEZE_OPERATORS)}, or a function")
    return SQUEEZE_OPERATORS[squeeze]


def _require_squeezed(z: Tensor, x: Tensor) -> None:
    if not is_traced(x) and z.shape != x.shape[:2]:
        raise ValueError(
            f"the squeeze operator returned shape {tuple(z.shape)}; it must be (B, C) = {tuple(x.shape[:2])}"
        )


def _require_numbers(z: Tensor, channels: int) -> None:
    if not is_traced(z) and (z.dim() != 2 or z.shape[1] != channels):
        raise ValueError(f"z has shape {tuple(z.shape)}; it must be (B, {channels}), as squeeze makes it")


def is_traced(x: Tensor) -> bool:
    """Whether this is a stand-in with which ``torch.fx`` traces a network: it has no size and no type to look at."""
    return isinstance(x, fx.Proxy)


def require_maps(x: Tensor, channels: int) -> None:
    """Raise a ``ValueError`` that names the fault, unless x is floating point and (B, channels, H, W)."""
    if is_traced(x):
        return
    if x.dim() != 4:
        fix = "; add a batch dimension with x[None]" if x.dim() == 3 else ""
        raise ValueError(f"the input has shape {tuple(x.shape)}; it must be (B, C, H, W){fix}")
    if x.shape[1] != channels:
        raise ValueError(
            f"the input has {x.shape[1]} channels, but this module was made for {channels}; make it for {x.shape[1]}"
        )
    if not x.is_floating_point():
        raise ValueError(f"the input has type {x.dtype}; convert it to floating point with x.float()")
