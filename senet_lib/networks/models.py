"""Residual networks, plain and with squeeze-and-excitation, as thin factories over one class.

Sources: He et al. (arXiv 1512.03385) for the networks, which ``architectures.py`` names; Hu et al.
(arXiv 1709.01507v4) for SE. Names of the layers are torchvision's, so that its weights fit.
"""

import difflib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from torch import Tensor, fx, nn

from senet_lib.common.messages import short
from senet_lib.common.validation import is_whole, require_choice, require_stages, require_whole
from senet_lib.networks.architectures import ARCHITECTURES, Architecture
from senet_lib.networks.residual_blocks import Attention, BasicBlock, Bottleneck, ResidualBlock
from senet_lib.networks.squeeze_excitation import SqueezeExcitation, SqueezeOperator, is_traced, require_maps

BlockMaker = Callable[..., ResidualBlock]


@dataclass(frozen=True)
class Stem:
    """The first layers: a convolution with batch normalisation and ReLU, then optionally a pooling."""

    kernel: int  # width of the convolution
    stride: int  # of the convolution
    pool: Callable[[], nn.Module] = nn.Identity  # makes the pooling


STEMS = {
    # For pictures of 224x224: 56x56 places are left.
    "7x7": Stem(7, 2, partial(nn.MaxPool2d, 3, 2, padding=1)),
    # For pictures of 32x32 and of 28x28: all places are left.
    "3x3": Stem(3, 1),
    # As "7x7", with the pooling of the SE paper's Caffe networks: its windows start at the edge, without padding.
    "caffe": Stem(7, 2, partial(nn.MaxPool2d, 3, 2, ceil_mode=True)),
}


class ResNet(nn.Module):
    """A stem, stages of residual blocks, global average pooling, one linear layer.

    Args:
        depths: number of blocks in each stage.
        widths: channels of each stage's output.
        strides: of each stage's first block; 2 halves height and width.
        num_classes: number of outputs (logits).
        in_channels: channels of the picture.
        block: makes a residual block from (in_channels, channels, stride, attention): ``BasicBlock``, ``Bottleneck``,
            or one of them with settings, for example ``partial(Bottleneck, placement="pre")``.
        stem: a key of ``STEMS``: "7x7" for pictures of 224x224, "3x3" for those of 32x32 or 28x28.
        stem_channels: of the stem; those of the first stage if None.
        attention: makes the module in each block's slot from its number of channels; None for a plain network.
        attention_stages: the stages that have attention, counted from 1; all if None.
        zero_init_last: start with 0 as the weight of each branch's last normalisation, so that each new block is its
            shortcut (Goyal et al., arXiv 1706.02677, Section 5.1).

    Shapes: (B, in_channels, H, W) -> (B, num_classes).

    Raises:
        ValueError: if an argument is out of range, or attention cannot be made in a stage, which is named. In use: if
            the input has other channels, or is smaller than the kernel of a stem with a stride.
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        strides: Sequence[int],
        *,
        num_classes: int,
        in_channels: int = 3,
        block: BlockMaker = BasicBlock,
        stem: str = "3x3",
        stem_channels: int | None = None,
        attention: Attention | None = None,
        attention_stages: Collection[int] | None = None,
        zero_init_last: bool = False,
    ):
        super().__init__()
        _require_stages(depths, widths, strides)
        require_whole("num_classes", num_classes)
        require_whole("in_channels", in_channels)
        require_choice("stem", stem, STEMS)
        everywhere = range(1, len(depths) + 1)
        chosen = everywhere if attention_stages is None else attention_stages
        attended = require_stages("stages", chosen, len(depths), "the network")
        channels = widths[0] if stem_channels is None else stem_channels
        require_whole("stem_channels", channels)
        kernel, stride = STEMS[stem].kernel, STEMS[stem].stride
        self.conv1 = nn.Conv2d(in_channels, channels, kernel, stride, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.maxpool = STEMS[stem].pool()
        self.stage_names = [f"layer{number}" for number in everywhere]
        for number, (depth, width, stride) in enumerate(zip(depths, widths, strides, strict=True), 1):
            try:
                stage = _stage(block, channels, width, depth, stride, attention if number in attended else None)
            except ValueError as error:
                raise ValueError(f"stage {number}: {error}") from None
            self.add_module(f"layer{number}", stage)
            channels = width
        self.fc = nn.Linear(channels, num_classes)
        _he_initialise(self)
        if zero_init_last:
            for stage_block in self.blocks():
                nn.init.zeros_(stage_block.last_norm.weight)

    def blocks(self) -> list[Any]:
        """All residual blocks, in the order in which they run."""
        return [block for name in self.stage_names for block in self.get_submodule(name).children()]

    def features(self, x: Tensor) -> Tensor:
        """The last feature map, before pooling: (B, in_channels, H, W) -> (B, C, H', W')."""
        require_maps(x, self.conv1.in_channels)
        self._require_size(x)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for name in self.stage_names:
            x = self.get_submodule(name)(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean((2, 3)))

    def __prepare_scriptable__(self) -> nn.Module:
        """What torch.jit.script compiles in its place: the operations without the checks, on the same parameters.

        Raises:
            ValueError: if a module in a slot cannot be traced.
        """
        try:
            return fx.symbolic_trace(self)
        except Exception as error:  # of somebody else's attention
            raise ValueError(
                f"torch.jit cannot compile this network: torch.fx said {short(error)}; try torch.export, or "
                "senet_lib.export.onnx_writer.export_onnx"
            ) from error

    def _require_size(self, x: Tensor) -> None:
        (kernel, _), (stride, _) = self.conv1.kernel_size, self.conv1.stride
        least = kernel if stride > 1 else 1  # a smaller picture is less than one window of a stem that makes it smaller
        if not is_traced(x) and min(x.shape[2:]) < least:
            fix = '; for small pictures make the network with stem="3x3"' if stride > 1 else ""
            raise ValueError(
                f"the input has {x.shape[2]}x{x.shape[3]} pixels, but the {kernel}x{kernel} stem needs at least "
                f"{least}x{least}{fix}"
            )


def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int = 3,
    stem: str | None = None,
    reduction: int | None = None,
    bias: bool = True,
    hidden_multiple: int = 1,
    squeeze: str | SqueezeOperator = "avg",
    attention: Attention | None = None,
    placement: str = "standard",
    stages: Collection[int] | None = None,
    shortcut: str = "projection",
    stride_in: str | None = None,
    zero_init_last: bool = False,
) -> ResNet:
    """A network by name, for example "resnet50", "se_resnext50_32x4d" or "se_resnet20".

    Args:
        name: one of :func:`list_models`. "se_" in front puts an SE block into each residual block.
        num_classes: number of logits; None for the network's own: 1,000, and 10 for those for 32x32 pictures.
        in_channels: channels of the picture.
        stem: a key of ``STEMS``; None for the network's own. Give "3x3" for pictures of 32x32 or 28x28.
        reduction: r of the SE blocks; None for 16, and 4 for the book's two small networks.
        bias: of the SE blocks, like hidden_multiple and squeeze; see ``SqueezeExcitation``.
        hidden_multiple: 8 for networks that take timm's weights.
        squeeze: "avg", "max" or "both", or a function.
        attention: another module for the slots, made from its number of channels; for names without "se_".
        placement: where in each block SE, or other attention, acts; see ``BasicBlock`` and ``Bottleneck``.
        stages: the stages that have it, counted from 1; all if None.
        shortcut: "projection", or "padded" for shortcuts without parameters.
        stride_in: which convolution of a bottleneck takes its stride: "3x3", the default, or "1x1".
        zero_init_last: see :class:`ResNet`.

    Raises:
        ValueError: if the name is unknown, with the nearest ones, or an argument does not fit the network.
    """
    architecture = _architecture(name)
    se_settings = {"reduction": reduction, "bias": bias, "hidden_multiple": hidden_multiple, "squeeze": squeeze}
    attention = _attention(name, attention, se_settings, architecture.reduction)
    if attention is None and (placement, stages) != ("standard", None):
        raise ValueError(f"placement and stages say where SE is, but {name} has none; use se_{name}")
    options: dict[str, Any] = {**architecture.block_options, "placement": placement, "shortcut": shortcut}
    if stride_in is not None:
        if architecture.block is not Bottleneck:
            raise ValueError(f"stride_in is {stride_in!r}, but {name} has no bottlenecks: its stride is in a 3x3 layer")
        options["stride_in"] = stride_in
    return ResNet(
        architecture.depths,
        architecture.widths,
        architecture.strides,
        num_classes=architecture.num_classes if num_classes is None else num_classes,
        in_channels=in_channels,
        block=partial(architecture.block, **options),
        stem=architecture.stem if stem is None else stem,
        stem_channels=architecture.stem_channels,
        attention=attention,
        attention_stages=stages,
        zero_init_last=zero_init_last,
    )


def list_models(pattern: str = "*") -> list[str]:
    """The names that :func:`create_model` accepts and that match a pattern, for example "se_resnet*"."""
    names = [prefix + name for prefix in ("", "se_") for name in ARCHITECTURES]
    return [name for name in names if fnmatchcase(name, pattern)]


def _architecture(name: str) -> Architecture:
    names = list_models()
    if name in names:
        return ARCHITECTURES[name.removeprefix("se_")]
    wanted = str(name).lower().replace("-", "_")
    begun = [known for known in names if wanted and known.startswith(wanted)]
    near = begun[:3] or difflib.get_close_matches(wanted, names, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "list_models() has all names"
    raise ValueError(f"there is no network {name!r}; {hint}")


def _attention(
    name: str, attention: Attention | None, se_settings: dict[str, Any], usual_reduction: int
) -> Attention | None:
    """What goes into the slots: SE with these settings in a network of this name, or the attention that was chosen."""
    if name.startswith("se_"):
        if attention is not None:
            raise ValueError(
                f"{name} has SE in its slots; to put other attention there, use {name.removeprefix('se_')}"
            )
        if se_settings["reduction"] is None:
            se_settings = se_settings | {"reduction": usual_reduction}
        return partial(SqueezeExcitation, **se_settings)
    if se_settings != {"reduction": None, "bias": True, "hidden_multiple": 1, "squeeze": "avg"}:
        raise ValueError(f"{', '.join(se_settings)} are settings of SE, but {name} has none; use se_{name}")
    return attention


def _require_stages(depths: Sequence[int], widths: Sequence[int], strides: Sequence[int]) -> None:
    if not len(depths) == len(widths) == len(strides):
        raise ValueError(
            f"depths has {len(depths)} stages, widths has {len(widths)}, strides has {len(strides)}; "
            "give one number per stage in each"
        )
    for name, numbers in (("depths", depths), ("widths", widths), ("strides", strides)):
        if not numbers or not all(is_whole(number) and number >= 1 for number in numbers):
            raise ValueError(f"{name} is {tuple(numbers)}; give at least one stage, and whole numbers of at least 1")


def _stage(
    block: BlockMaker, in_channels: int, channels: int, depth: int, stride: int, attention: Attention | None
) -> nn.Sequential:
    first = block(in_channels, channels, stride, attention)
    rest = (block(channels, channels, 1, attention) for _ in range(depth - 1))
    return nn.Sequential(first, *rest)


def _he_initialise(model: nn.Module) -> None:
    """He et al. (arXiv 1502.01852), as the paper does: keep the size of the signal through ReLU layers.

    It matters for SE: with torch's default for linear layers, which is 2.4 times smaller, the gates of a new network
    stay close to 0.5 for a long time.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
