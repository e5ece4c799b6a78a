"""Weights of a network in a file and back, as safetensors: a format that holds tensors and cannot run code.

Weights may come from torchvision, whose names are ours, and from timm: its ``seresnet…`` and ``seresnext…`` networks,
and the ``legacy_…`` ones, which hold what the SE paper's authors released for Caffe; see
``senet_lib.weights.timm_weights``.

The small trained networks that come with the library are loaded by name; ``senet_lib/book/experiments`` made them.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.torch_modules import unwrap
from senet_lib.networks.models import ResNet, create_model
from senet_lib.weights.families import family_of, family_of_model
from senet_lib.weights.timm_weights import State, from_timm, is_timms, require_timms_arithmetic

SHOWN_KEYS = 5
PRETRAINED = Path(__file__).parent / "pretrained"
_small_se = partial(create_model, "se_small_resnet")
PRETRAINED_MODELS: dict[str, Callable[[], ResNet]] = {
    "context-world-reduction-plain": partial(create_model, "small_resnet"),
    **{f"context-world-reduction-r{r}": partial(_small_se, reduction=r) for r in (1, 2, 4, 8, 16)},
    "context-world-reduction-r16-seed2": partial(_small_se, reduction=16),  # the seed that got stuck
    "pictures-se": partial(create_model, "se_resnet8"),
    **{f"cifar10-gates-r{r}": partial(create_model, "se_resnet20", reduction=r) for r in (4, 16)},
    "cifar10-gates-plain": partial(create_model, "resnet20"),
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
        ValueError: if the name is unknown.
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
        path: of the file; its folder is created if needed.
        about: short texts to keep in the file, for example how the weights were trained.

    Returns:
        The path of the file.
    """
    state = unwrap(model).state_dict()
    # Copies, because a module may have two names, and safetensors refuses tensors that share their memory.
    state = {name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in state.items()}
    return write_atomically(Path(path), save(state, about))


def load_weights(model: nn.Module, source: str | Path | State) -> dict[str, str]:
    """Read weights into a model that has the same layers.

    What ``DataParallel`` and ``torch.compile`` put in front of names is left out. Weights that timm has named are
    refused if the model computes something else than timm's network. Torchvision's names are ours: nothing can be seen
    there.

    Args:
        model: any module.
        source: a safetensors file, or a state dict; ours, torchvision's or timm's. Counts of batches may be missing.

    Returns:
        The texts that were saved with the weights; none with a state dict.

    Raises:
        ValueError: if there is no such file, it is not a safetensors file, or it belongs to another network; the
            message names up to five layers that do not fit, and why. The model is unchanged then.
    """
    name, state, about = _read(source)
    model = unwrap(model)
    if is_timms(state):
        require_timms_arithmetic(model, state)
    state = from_timm(state)
    own = model.state_dict()
    state = {key: value for key, value in own.items() if key.endswith("num_batches_tracked")} | state
    misfits = [_describe_misfit(key, own, state) for key in [*own, *(key for key in state if key not in own)]]
    if found := [misfit for misfit in misfits if misfit]:
        raise ValueError(
            f"{name} holds the weights of another network{_families(model, state)}; {len(found)} tensors do not fit: "
            f"{_named(found)}{_hint(own, state)}"
        )
    model.load_state_dict(state)
    return about


def _read(source: str | Path | State) -> tuple[str, dict[str, Tensor], dict[str, str]]:
    """What to call the source, its tensors by their plain names, and its texts."""
    if isinstance(source, Mapping):
        name, state = "the state dict", dict(source)
        about: dict[str, str] = {}
        for key, value in state.items():
            if not isinstance(value, Tensor):
                raise ValueError(
                    f"the state dict holds a {type(value).__name__} as {key!r}; give the one with the tensors"
                )
    elif isinstance(source, str | Path):
        name = str(source)
        state, about = _read_file(source)
    else:
        raise ValueError(f"source is a {type(source).__name__}; give the path of a safetensors file, or a state dict")
    return name, {re.sub(r"^(module\.|_orig_mod\.)+", "", key): value for key, value in state.items()}, about


def _read_file(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            return state, file.metadata() or {}
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error}); give a file that save_weights has written") from None
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a safetensors file ({error}); give one that save_weights has written, or the state dict "
            "that torch.load(path, weights_only=True) reads"
        ) from None


def _describe_misfit(key: str, own: State, state: State) -> str | None:
    """What is wrong with a tensor; None if it fits."""
    if key not in state:
        return f"{key} (missing)"
    if key not in own:
        return f"{key} (not in the model)"
    theirs, ours = tuple(state[key].shape), tuple(own[key].shape)
    return None if theirs == ours else f"{key} (has shape {theirs}, the model needs {ours})"


def _families(model: nn.Module, state: State) -> str:
    """What both are, if that is known and differs."""
    theirs, ours = family_of(state), family_of_model(model)
    return f", {theirs}, and the model is {ours}" if theirs and ours and theirs != ours else ""


def _named(misfits: list[str]) -> str:
    """Some of them, from both halves: what the state lacks or has in another shape, and what the model lacks."""
    extra = [misfit for misfit in misfits if misfit.endswith("(not in the model)")]
    others = [misfit for misfit in misfits if misfit not in set(extra)]
    shown = others[: max(SHOWN_KEYS - len(extra), SHOWN_KEYS // 2 + 1)]
    return ", ".join([*shown, *extra[: SHOWN_KEYS - len(shown)]])


def _hint(own: State, state: State) -> str:
    """The fix, where the networks differ in one thing only."""
    if only_missing := {key for key in own if key not in state}:
        if all(".attention." in key for key in only_missing) and not state.keys() - own.keys():
            return "; load them into the network without SE, and put it in with insert_squeeze_excitation"
        return ""
    differ = [key for key in own if own[key].shape != state[key].shape]
    if differ and all(".attention.fc" in key for key in differ):
        return "; make the network with the reduction of these weights, and if they are timm's with hidden_multiple=8"
    if differ and all(key.startswith("fc.") for key in differ):
        return "; make the network with the num_classes of these weights, and replace model.fc afterwards"
    return ""
