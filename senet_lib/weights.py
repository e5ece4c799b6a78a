"""Weights of a network in a file and back, as safetensors: a format that holds numbers and cannot run code.

Weights may come from torchvision, whose names are ours, and from timm: its ``seresnet…`` and ``seresnext…`` networks,
and the ``legacy_…`` ones, which hold what the SE paper's authors released for Caffe. ``to_timm`` leads back.

The small trained networks that come with the library are loaded by name; ``senet_lib/experiments.py`` made them.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from senet_lib.blocks import SqueezeExcitation, hidden_width
from senet_lib.models import ResNet, resnet8, se_resnet8, small_resnet, small_se_resnet
from senet_lib.residual_blocks import Bottleneck

State = Mapping[str, Tensor]

SHOWN_KEYS = 5
PRETRAINED = Path(__file__).parent / "pretrained"
PRETRAINED_MODELS: dict[str, Callable[[], ResNet]] = {
    "context-world-reduction-plain": small_resnet,
    **{f"context-world-reduction-r{r}": partial(small_se_resnet, reduction=r) for r in (1, 2, 4, 8, 16)},
    "pictures-plain": resnet8,
    "pictures-se": se_resnet8,
}


@dataclass(frozen=True)
class Pretrained:
    """A trained network, and what its input must look like.

    Attributes:
        model: in evaluation mode.
        mean: of each colour channel in training; black is 0 and white is 1.
        std: the same for the standard deviation.
        about: experiment, arm, seed and data of the training.
    """

    model: ResNet
    mean: tuple[float, ...]
    std: tuple[float, ...]
    about: dict[str, str]


def load_pretrained(name: str) -> Pretrained:
    """A trained network that comes with the library.

    Raises:
        ValueError: if there is none of this name.
    """
    if name not in PRETRAINED_MODELS:
        raise ValueError(f"there is no trained network {name!r}; choose one of {', '.join(PRETRAINED_MODELS)}")
    model = PRETRAINED_MODELS[name]().eval()
    about = load_weights(model, PRETRAINED / f"{name}.safetensors")
    mean, std = (tuple(json.loads(about.pop(key))) for key in ("mean", "std"))
    return Pretrained(model, mean, std, about)


def save_weights(model: nn.Module, path: str | Path, about: dict[str, str] | None = None) -> Path:
    """Write the weights and buffers of a model, atomically: an interruption leaves the old file or the new one.

    Args:
        model: any module.
        path: of the file; its folder is made if there is none.
        about: short texts to keep in the file, for example how the weights were trained.

    Returns:
        The path of the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".tmp")
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    draft.write_bytes(save(state, about))
    draft.replace(path)
    return path


def load_weights(model: nn.Module, source: str | Path | State) -> dict[str, str]:
    """Read weights into a model that has the same layers.

    Args:
        model: any module.
        source: a safetensors file, or a state dict; ours, torchvision's or timm's.

    Returns:
        The texts that were saved with the weights; none with a state dict.

    Raises:
        ValueError: if there is no such file, it is no safetensors file, or it belongs to another network; the message
            names up to five layers that do not fit, and why. The model is unchanged then.
    """
    about: dict[str, str] = {}
    if isinstance(source, Mapping):
        name, state = "the state dict", dict(source)
    else:
        name = str(source)
        state, about = _read(source)
    if _is_legacy(state):
        _require_caffe_layout(model, state)
    state = from_timm(state)
    own = model.state_dict()
    misfits = [_describe_misfit(key, own, state) for key in [*own, *(key for key in state if key not in own)]]
    if found := [misfit for misfit in misfits if misfit]:
        named = ", ".join(found[:SHOWN_KEYS])
        raise ValueError(
            f"{name} holds the weights of another network; {len(found)} layers do not fit: {named}{_hint(own, state)}"
        )
    model.load_state_dict(state)
    return about


def from_timm(state: State) -> dict[str, Tensor]:
    """A state dict of one of timm's residual networks with our names; SE's 1x1 convolutions become matrices.

    One with our names or torchvision's comes back as it is. The same names do not promise the same arithmetic:
    :func:`load_weights` checks where the legacy networks pool and stride.
    """
    renamed = {}
    for key, value in state.items():
        key = re.sub(r"^layer0\.", "", key)
        key = re.sub(r"^last_linear\.", "fc.", key)
        key = re.sub(r"\.(se|se_module)\.(?=fc\d\.)", ".attention.", key)
        is_matrix = ".attention.fc" in key and value.dim() == 4
        renamed[key] = value[:, :, 0, 0] if is_matrix else value
    return renamed


def to_timm(model: ResNet) -> dict[str, Tensor]:
    """The state dict of a network for its counterpart in timm; with the stem "caffe", for the ``legacy_…`` one.

    Raises:
        ValueError: if timm has no counterpart: because of a placement, of padded shortcuts, or of a hidden width that
            timm would round.
    """
    legacy = _pools_as_caffe(model)
    for name, module in model.named_modules():
        if getattr(module, "placement", "standard") != "standard":
            raise ValueError(f"{name} has placement {module.placement!r}; timm's networks have 'standard' only")
        if isinstance(module, SqueezeExcitation):
            _require_timms_width(name, module, legacy)
    slot = "se_module" if legacy else "se"
    state = {}
    for key, value in model.state_dict().items():
        key = key.replace(".attention.", f".{slot}.")
        if legacy:
            key = re.sub(r"^(?=(conv1|bn1)\.)", "layer0.", key)
            key = re.sub(r"^fc\.", "last_linear.", key)
        is_convolution = f".{slot}.fc" in key and value.dim() == 2
        state[key] = value[:, :, None, None] if is_convolution else value
    return state


def _read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            return state, file.metadata() or {}
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error}); name a file that save_weights has written") from None
    except SafetensorError as error:
        raise ValueError(
            f"{path} is no safetensors file ({error}); name a file that save_weights has written"
        ) from None


def _describe_misfit(key: str, own: State, state: State) -> str | None:
    """What is wrong with a layer; None if it fits."""
    if key not in state:
        return f"{key} (missing)"
    if key not in own:
        return f"{key} (not in the model)"
    theirs, ours = tuple(state[key].shape), tuple(own[key].shape)
    return None if theirs == ours else f"{key} (has shape {theirs}, the model needs {ours})"


def _hint(own: State, state: State) -> str:
    """The fix, where all layers have a counterpart and only some shapes differ."""
    if own.keys() != state.keys():
        return ""
    differ = [key for key in own if own[key].shape != state[key].shape]
    if all(".attention.fc" in key for key in differ):
        return "; make the network with the reduction of these weights, and if they are timm's with hidden_multiple=8"
    if all(key.startswith("fc.") for key in differ):
        return "; make the network with the num_classes of these weights, and replace model.fc afterwards"
    return ""


def _is_legacy(state: State) -> bool:
    return "layer0.conv1.weight" in state


def _pools_as_caffe(model: nn.Module) -> bool:
    pool = getattr(model, "maxpool", None)
    return isinstance(pool, nn.MaxPool2d) and pool.ceil_mode


def _require_caffe_layout(model: nn.Module, state: State) -> None:
    """Legacy weights fit by name into networks that pool, stride or gate in another place: refuse those."""
    if "layer1.0.conv3.weight" not in state:
        raise ValueError(
            "these are the weights of a legacy network with basic blocks; timm's apply ReLU before SE there, ours do "
            "not: the paper puts SE before the addition, and ReLU after it"
        )
    has_groups = state["layer1.0.conv2.weight"].shape[1] < state["layer1.0.conv2.weight"].shape[0]
    stride_in = "3x3" if has_groups else "1x1"
    strided = [block for block in model.modules() if isinstance(block, Bottleneck) and block.stride_in == stride_in]
    if not strided or not _pools_as_caffe(model):
        raise ValueError(
            "these are the weights of a legacy network, with the pooling and the strides of Caffe; make the network "
            f'with stem="caffe", stride_in="{stride_in}"'
        )


def _require_timms_width(name: str, block: SqueezeExcitation, legacy: bool) -> None:
    width = hidden_width(block.channels, 16, 1 if legacy else 8)
    if block.fc1.out_features != width:
        raise ValueError(
            f"{name} has {block.fc1.out_features} hidden units, timm's has {width}: timm's networks have r = 16"
            + ("" if legacy else ", and round C/r to a multiple of 8; make the network with hidden_multiple=8")
        )
    if block.fc1.bias is None:
        raise ValueError(f"{name} has no biases, timm's has; make the network with bias=True")
