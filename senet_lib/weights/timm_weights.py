"""State dicts of timm's SE networks with our names; refused where the names fit and the arithmetic does not.

timm has ``seresnet…`` and ``seresnext…``: layers as in torchvision, SE as 1x1 convolutions whose hidden widths are
rounded to multiples of 8. Its ``legacy_…`` networks hold what the SE paper's authors released for Caffe: the stem's
pooling has no padding, and the stride of a bottleneck without groups is in its first convolution.
"""

import re
from collections.abc import Mapping

from torch import Tensor, nn

from senet_lib.networks.residual_blocks import BasicBlock, Bottleneck, PaddedShortcut
from senet_lib.networks.squeeze_excitation import SqueezeExcitation, average_squeeze
from senet_lib.weights.families import family_of, family_of_model

State = Mapping[str, Tensor]

LEGACY = "layer0.conv1.weight"


def is_timms(state: State) -> bool:
    """Whether the names are those of an SE network of timm's."""
    return LEGACY in state or any(".se.fc" in key or ".se_module.fc" in key for key in state)


def from_timm(state: State) -> dict[str, Tensor]:
    """A state dict of one of timm's residual networks with our names; SE's 1x1 convolutions become matrices.

    One with our names or torchvision's comes back as it is. The same names do not promise the same arithmetic: load
    with ``load_weights``, which checks it.
    """
    renamed = {}
    for key, value in state.items():
        key = re.sub(r"^layer0\.", "", key)
        key = re.sub(r"^last_linear\.", "fc.", key)
        key = re.sub(r"\.(se|se_module)\.(?=fc\d\.)", ".attention.", key)
        is_matrix = ".attention.fc" in key and value.dim() == 4
        renamed[key] = value[:, :, 0, 0] if is_matrix else value
    return renamed


def require_timms_arithmetic(model: nn.Module, state: State) -> None:
    """Raise a ``ValueError`` that says what to change, unless the model computes what timm's network does."""
    legacy = LEGACY in state
    if legacy:
        _require_caffes_network(model, state)
    _require_arithmetic(model, legacy)


def _require_caffes_network(model: nn.Module, state: State) -> None:
    """All that differs is said at once: the family, the stem and the place of the stride."""
    if "layer1.0.conv3.weight" not in state:
        raise ValueError(LEGACY_BASIC)
    if "layer0.conv2.weight" in state:
        raise ValueError(
            "these are the weights of timm's legacy_senet154, whose stem has three convolutions; this library has no "
            "such network: use timm's class"
        )
    weight = state["layer1.0.conv2.weight"]
    stride_in = "1x1" if weight.shape[0] == weight.shape[1] else "3x3"
    strides = {block.stride_in for block in model.modules() if isinstance(block, Bottleneck)}
    family = family_of(from_timm(state))
    if strides != {stride_in} or not _pools_as_caffe(model) or family_of_model(model) != family:
        call = f'create_model("{family}", ' if family else "the network of its family ("
        raise ValueError(
            "these are the weights of a legacy network of timm's, with the pooling and the strides of Caffe; load them "
            f'into {call}stem="caffe", stride_in="{stride_in}")'
        )


LEGACY_BASIC = (
    "timm's legacy networks with basic blocks apply ReLU before SE, ours do not: the paper puts SE before the "
    "addition, and ReLU after it; use timm's seresnet18 or seresnet34"
)


def _pools_as_caffe(model: nn.Module) -> bool:
    pool = getattr(model, "maxpool", None)
    return isinstance(pool, nn.MaxPool2d) and pool.ceil_mode


def _require_arithmetic(model: nn.Module, legacy: bool) -> None:
    if not isinstance(getattr(model, "maxpool", None), nn.MaxPool2d) or _pools_as_caffe(model) != legacy:
        raise ValueError(f'the stem differs from timm\'s; make the network with stem="{"caffe" if legacy else "7x7"}"')
    for name, module in model.named_modules():
        if isinstance(module, BasicBlock | Bottleneck):
            _require_timms_block(name, module, legacy)
        elif isinstance(module, SqueezeExcitation) and module.squeeze_operator is not average_squeeze:
            raise ValueError(f"{name} squeezes in another way; timm's networks have the mean: use squeeze='avg'")


def _require_timms_block(name: str, block: BasicBlock | Bottleneck, legacy: bool) -> None:
    if block.placement != "standard":
        raise ValueError(f"{name} has placement {block.placement!r}; timm's networks have 'standard' only")
    if isinstance(block.downsample, PaddedShortcut):
        raise ValueError(f"{name} has a padded shortcut; timm's networks have shortcut='projection' only")
    if not isinstance(block, Bottleneck):
        if legacy:
            raise ValueError(LEGACY_BASIC)
        return
    stride_in = "1x1" if legacy and block.conv2.groups == 1 else "3x3"
    if block.stride_in != stride_in:
        raise ValueError(f'{name} has its stride in {block.stride_in}; make the network with stride_in="{stride_in}"')
