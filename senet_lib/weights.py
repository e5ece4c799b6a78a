"""Weights of a network in a file and back, as safetensors: a format that holds numbers and cannot run code.

The small trained networks that come with the library are loaded by name; ``senet_lib/experiments.py`` made them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from senet_lib.models import ResNet, resnet8, se_resnet8, small_resnet, small_se_resnet

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


def load_weights(model: nn.Module, path: str | Path) -> dict[str, str]:
    """Read weights into a model that has the same layers.

    Returns:
        The texts that were saved with the weights.

    Raises:
        ValueError: if there is no such file, it is no safetensors file, or it belongs to another network; the message
            names up to five layers that do not fit. The model is unchanged then.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            about = file.metadata() or {}
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error}); name a file that save_weights has written") from None
    except SafetensorError as error:
        raise ValueError(
            f"{path} is no safetensors file ({error}); name a file that save_weights has written"
        ) from None
    own = model.state_dict()
    misfits = [name for name in own if name not in state or state[name].shape != own[name].shape]
    misfits += [name for name in state if name not in own]
    if misfits:
        named = ", ".join(misfits[:SHOWN_KEYS])
        raise ValueError(f"{path} holds the weights of another network; {len(misfits)} layers do not fit: {named}")
    model.load_state_dict(state)
    return about
