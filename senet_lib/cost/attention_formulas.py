"""What each kind of attention adds for one block, in whole numbers: parameters and multiply-accumulates.

The formulas need no network, and no torch. They follow ``senet_lib.cost.formulas``: a MAC is a multiplication, an
addition, or one with the other. Activations, gates, softmax, divisions and the normalisation of C/r values are not
counted. ``senet_lib.networks.attention`` and ``senet_lib.networks.map_attention`` have the modules, with their sources.
Each raises a ``ValueError`` if a size is not a whole number of at least 1, or a setting is out of range.
"""

from dataclasses import dataclass

from senet_lib.common.validation import require_odd, require_whole
from senet_lib.cost.formulas import SEMacs, se_macs, se_parameters


@dataclass(frozen=True)
class AttentionCost:
    """What one block costs.

    Attributes:
        parameters: weights and biases.
        macs: for one picture, in three parts: what gathers the map, what is computed from that, what acts on the map.
    """

    parameters: int
    macs: SEMacs


def se_cost(channels: int, height: int, width: int, reduction: int = 16, *, bias: bool = True) -> AttentionCost:
    """SE, as ``senet_lib.cost.formulas`` has it: 2·C·(C // r) weights, and C // r + C biases."""
    macs = se_macs(channels, reduction, height, width)
    return AttentionCost(se_parameters(channels, reduction, bias=bias), macs)


def hard_se_cost(channels: int, height: int, width: int, reduction: int = 4) -> AttentionCost:
    """SE as in MobileNetV3: the hidden width h is the multiple of 8 nearest to C / r, at least 8."""
    channels, maps = _counted(channels, height, width)
    se_parameters(channels, reduction)  # refuses a wrong r
    reduction = int(reduction)
    hidden = max(8, (channels + 4 * reduction) // (8 * reduction) * 8)
    weights = 2 * channels * hidden
    return AttentionCost(weights + hidden + channels, SEMacs(maps, weights, maps))


def eca_cost(channels: int, height: int, width: int, kernel: int) -> AttentionCost:
    """ECA: k weights, used once for each channel. kernel: k, an odd number."""
    channels, maps = _counted(channels, height, width)
    require_odd("kernel", kernel)
    return AttentionCost(int(kernel), SEMacs(maps, int(kernel) * channels, maps))


def cbam_cost(channels: int, height: int, width: int, reduction: int = 16, kernel: int = 7) -> AttentionCost:
    """CBAM: 2·C·(C // r) + 2·k² weights. kernel: k, an odd number.

    The map is gathered four times, by mean and maximum over the places and over the channels, and scaled twice. The two
    layers run twice; the convolution runs at each place.
    """
    require_odd("kernel", kernel)
    _, maps = _counted(channels, height, width)
    layers, convolution = se_parameters(channels, reduction, bias=False), 2 * int(kernel) ** 2
    macs = SEMacs(4 * maps, 2 * layers + convolution * int(height) * int(width), 2 * maps)
    return AttentionCost(layers + convolution, macs)


def gc_cost(channels: int, height: int, width: int, reduction: int = 16) -> AttentionCost:
    """GC, with h = C // r of at least 2: C weights for the places, 2·C·h + h + C for two layers, 2·h for a norm.

    A number of the map is used twice to gather it: for its place's logit, and in the weighted mean.
    """
    channels, maps = _counted(channels, height, width)
    layers = se_parameters(channels, reduction)
    require_hidden_pair(channels, reduction)
    hidden = channels // int(reduction)
    return AttentionCost(channels + layers + 2 * hidden, SEMacs(2 * maps, 2 * channels * hidden, maps))


def ge_cost(channels: int, height: int, width: int) -> AttentionCost:
    """GE-θ⁻ with the global extent: no parameters."""
    _, maps = _counted(channels, height, width)
    return AttentionCost(0, SEMacs(maps, 0, maps))


def ese_cost(channels: int, height: int, width: int) -> AttentionCost:
    """eSE: C² weights and C biases."""
    channels, maps = _counted(channels, height, width)
    return AttentionCost(channels**2 + channels, SEMacs(maps, channels**2, maps))


def grn_cost(channels: int, height: int, width: int) -> AttentionCost:
    """GRN: 2·C parameters. C additions make the mean of the norms, and C MACs the scales."""
    channels, maps = _counted(channels, height, width)
    return AttentionCost(2 * channels, SEMacs(maps, 2 * channels, maps))


def simam_cost(channels: int, height: int, width: int) -> AttentionCost:
    """SimAM: no parameters. Mean and variance gather the map; each number is centred, squared and scaled."""
    _, maps = _counted(channels, height, width)
    return AttentionCost(0, SEMacs(2 * maps, 3 * maps, maps))


# How texts and figures write the keys of ``senet_lib.networks.attention.ATTENTIONS``.
ATTENTION_NAMES = {
    "se": "SE",
    "eca": "ECA",
    "cbam": "CBAM",
    "gc": "GC",
    "ge": "GE-θ⁻",
    "ese": "eSE",
    "hard_se": "hard SE",
    "grn": "GRN",
    "simam": "SimAM",
}


def require_hidden_pair(channels: int, reduction: int) -> None:
    """Raise a ``ValueError`` if C // r is below 2, where LayerNorm has nothing to compare."""
    if channels // reduction < 2:
        fix = f"use a reduction from 1 to {channels // 2}" if channels > 1 else "use at least 2 channels"
        raise ValueError(
            f"reduction is {reduction}, which leaves one hidden unit for {channels} channels, and LayerNorm maps a "
            f"single value to 0; {fix}"
        )


def _counted(channels: int, height: int, width: int) -> tuple[int, int]:
    """C, and the numbers in a map, C·H·W, as Python's integers, which never overflow."""
    for name, value in (("channels", channels), ("height", height), ("width", width)):
        require_whole(name, value)
    return int(channels), int(channels) * int(height) * int(width)
