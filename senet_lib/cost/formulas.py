"""What squeeze-and-excitation adds to a network, in whole numbers: parameters and multiply-accumulates.

The formulas need no network, and no torch: the figures use them. ``senet_lib.cost.measure`` counts on a real network.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 4: for N_s blocks of C_s channels in
stage s, SE adds 2/r · Σ N_s · C_s² weights. We deviate in two points: C/r is rounded down, as in
``senet_lib.networks.squeeze_excitation``, and biases are counted unless you ask otherwise. ``bias=False`` gives the
paper's count.
"""

from collections.abc import Collection
from dataclasses import dataclass

from senet_lib.common.validation import require_reduction, require_stages, require_whole


@dataclass(frozen=True)
class SEMacs:
    """Multiply-accumulates (MACs) of SE for one picture. ReLU and sigmoid are not counted.

    Attributes:
        squeeze: the H·W·C additions of the means, each counted as one MAC.
        excitation: the 2·C·(C // r) MACs of the two layers.
        rescale: the H·W·C multiplications by the gates, each counted as one MAC.
    """

    squeeze: int = 0
    excitation: int = 0
    rescale: int = 0

    @property
    def total(self) -> int:
        return self.squeeze + self.excitation + self.rescale

    def __add__(self, other: "SEMacs") -> "SEMacs":
        return SEMacs(self.squeeze + other.squeeze, self.excitation + other.excitation, self.rescale + other.rescale)

    def __mul__(self, blocks: int) -> "SEMacs":
        return SEMacs(self.squeeze * blocks, self.excitation * blocks, self.rescale * blocks)


@dataclass(frozen=True)
class Stage:
    """Residual blocks of one size.

    Attributes:
        blocks: N, the number of blocks.
        channels: C, of each block's output: SE works on these.
        height: of each block's output, in places.
        width: of each block's output, in places.
    """

    blocks: int
    channels: int
    height: int
    width: int

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            require_whole(name, value)


@dataclass(frozen=True)
class Network:
    """A residual network without SE.

    Attributes:
        name: as people write it.
        stages: stage 1 first.
        parameters: weights and biases of the whole network.
        macs: multiply-accumulates of its convolutions and linear layers for one picture.
    """

    name: str
    stages: tuple[Stage, ...]
    parameters: int
    macs: int

    def __post_init__(self) -> None:
        require_whole("parameters", self.parameters)
        require_whole("macs", self.macs)


@dataclass(frozen=True)
class StageCost:
    """What the SE blocks of one stage add together; zeros if the stage has none.

    Attributes:
        stage: its number, from 1.
        parameters: of all its SE blocks.
        macs: of all its SE blocks, for one picture.
    """

    stage: int
    parameters: int
    macs: SEMacs


def _on_imagenet(name: str, blocks: tuple[int, ...], last_channels: int, parameters: int, macs: int) -> Network:
    """torchvision's: four stages, 1,000 classes, pictures of 224x224. Each stage halves the size and doubles C."""
    stages = (Stage(n, last_channels >> (3 - s), 56 >> s, 56 >> s) for s, n in enumerate(blocks))
    return Network(name, tuple(stages), parameters, macs)


def _on_cifar(depth: int, parameters: int, macs: int) -> Network:
    """He et al. (arXiv 1512.03385), Section 4.2, with projections: depth = 6n + 2, 10 classes, pictures of 32x32."""
    stages = (Stage((depth - 2) // 6, 16 << s, 32 >> s, 32 >> s) for s in range(3))
    return Network(f"ResNet-{depth} for 32×32", tuple(stages), parameters, macs)


# The tests count each number again, on the real network.
NETWORKS: dict[str, Network] = {
    "resnet18": _on_imagenet("ResNet-18", (2, 2, 2, 2), 512, 11_689_512, 1_814_073_344),
    "resnet34": _on_imagenet("ResNet-34", (3, 4, 6, 3), 512, 21_797_672, 3_663_761_408),
    "resnet50": _on_imagenet("ResNet-50", (3, 4, 6, 3), 2048, 25_557_032, 4_089_184_256),
    "resnet101": _on_imagenet("ResNet-101", (3, 4, 23, 3), 2048, 44_549_160, 7_801_405_440),
    "resnet152": _on_imagenet("ResNet-152", (3, 8, 36, 3), 2048, 60_192_808, 11_513_626_624),
    "resnext50_32x4d": _on_imagenet("ResNeXt-50 32×4d", (3, 4, 6, 3), 2048, 25_028_904, 4_230_479_872),
    "resnext101_32x8d": _on_imagenet("ResNeXt-101 32×8d", (3, 4, 23, 3), 2048, 88_791_336, 16_414_015_488),
    "resnet20": _on_cifar(20, 272_474, 40_813_184),
    "resnet32": _on_cifar(32, 466_906, 69_124_736),
    "resnet44": _on_cifar(44, 661_338, 97_436_288),
    "resnet56": _on_cifar(56, 855_770, 125_747_840),
    "resnet110": _on_cifar(110, 1_730_714, 253_149_824),
    "small_resnet": Network("the book's small ResNet", (Stage(1, 16, 16, 16), Stage(1, 32, 16, 16)), 20_084, 5_357_696),
}


def se_parameters(channels: int, reduction: int, *, bias: bool = True) -> int:
    """Parameters of one SE block: 2·C·(C // r), and with biases C // r + C more.

    Raises:
        ValueError: if channels or reduction is not a whole number, or reduction is not in 1..channels.
    """
    channels, hidden = _widths(channels, reduction)
    return 2 * channels * hidden + (hidden + channels if bias else 0)


def se_macs(channels: int, reduction: int, height: int, width: int) -> SEMacs:
    """MACs of one SE block for one picture, on maps of height x width places.

    Raises:
        ValueError: if an argument is not a whole number of at least 1, or reduction is above channels.
    """
    channels, hidden = _widths(channels, reduction)
    require_whole("height", height)
    require_whole("width", width)
    numbers = int(height) * int(width) * channels
    return SEMacs(squeeze=numbers, excitation=2 * channels * hidden, rescale=numbers)


def stage_costs(
    network: Network | str, reduction: int, *, bias: bool = True, dropped_stages: Collection[int] = ()
) -> tuple[StageCost, ...]:
    """What SE adds in each stage.

    Args:
        network: one of yours, or a name in ``NETWORKS``.
        reduction: r, the same in all stages.
        bias: whether the SE blocks have biases.
        dropped_stages: the stages that have no SE, counted from 1.

    Raises:
        ValueError: if the name or a stage's number is unknown, or r leaves a stage without hidden units.
    """
    network = _network(network)
    dropped = require_stages("dropped_stages", dropped_stages, len(network.stages), network.name)
    _require_hidden_units(network, reduction, dropped)
    costs = []
    for number, stage in enumerate(network.stages, 1):
        parameters, macs = 0, SEMacs()
        if number not in dropped:
            blocks = int(stage.blocks)
            parameters = se_parameters(stage.channels, reduction, bias=bias) * blocks
            macs = se_macs(stage.channels, reduction, stage.height, stage.width) * blocks
        costs.append(StageCost(number, parameters, macs))
    return tuple(costs)


def added_parameters(
    network: Network | str, reduction: int, *, bias: bool = True, dropped_stages: Collection[int] = ()
) -> int:
    """Parameters that SE adds to a network. Arguments and errors are those of :func:`stage_costs`."""
    return sum(cost.parameters for cost in stage_costs(network, reduction, bias=bias, dropped_stages=dropped_stages))


def added_macs(network: Network | str, reduction: int, *, dropped_stages: Collection[int] = ()) -> SEMacs:
    """MACs that SE adds to a network, for one picture. Arguments and errors are those of :func:`stage_costs`."""
    return sum((cost.macs for cost in stage_costs(network, reduction, dropped_stages=dropped_stages)), SEMacs())


def formula_in_words(channels: Collection[int], reduction: int) -> str:
    """The paper's 2/r · Σ N · C² with the numbers of a network, such as "2/16 · (3 · 256² + 4 · 512²) = 155,648".

    Args:
        channels: C of each SE block.
        reduction: r, the same in all.

    Raises:
        ValueError: if there is no block, or a number is not whole and at least 1.
    """
    require_whole("reduction", reduction)
    if not channels:
        raise ValueError("channels is empty; give C of each SE block")
    for one in channels:
        require_whole("channels", one)
    counts = {one: list(channels).count(one) for one in dict.fromkeys(channels)}
    terms = " + ".join(f"{count} · {one}²" for one, count in counts.items())
    return f"2/{reduction} · ({terms}) = {2 * sum(one**2 for one in channels) / reduction:,.0f}"


def _widths(channels: int, reduction: int) -> tuple[int, int]:
    """C and C // r, as Python's integers, which never overflow. As ``senet_lib.networks.hidden_width``."""
    require_reduction(channels, reduction)
    return int(channels), int(channels) // int(reduction)


def _network(network: Network | str) -> Network:
    if isinstance(network, Network):
        return network
    if not isinstance(network, str) or network not in NETWORKS:
        raise ValueError(f"network is {network!r}; use one of {', '.join(NETWORKS)}, or a Network")
    return NETWORKS[network]


def _require_hidden_units(network: Network, reduction: int, dropped: set[int]) -> None:
    require_whole("reduction", reduction)
    kept = {number: s.channels for number, s in enumerate(network.stages, 1) if number not in dropped}
    narrowest = min(kept, key=lambda number: kept[number], default=None)
    if narrowest is not None and reduction > kept[narrowest]:
        raise ValueError(
            f"reduction is {reduction}, but stage {narrowest} of {network.name} has only {kept[narrowest]} channels: "
            f"its hidden width would be 0; use a reduction from 1 to {kept[narrowest]}, or drop the stage"
        )
