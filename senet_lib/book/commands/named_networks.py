"""A network from what a command line names: ours, timm's, what a factory makes, or that of an earlier run."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from senet_lib.common.factories import EXAMPLE, make_by_name
from senet_lib.data.streaming import IMAGENET_MEAN, IMAGENET_STD
from senet_lib.networks import create_model, insert_squeeze_excitation, list_models, residual_branches
from senet_lib.networks.architectures import ARCHITECTURES
from senet_lib.weights.weight_files import load_weights

TIMM = "timm/"
WORDS = {
    "unknown": "there is no network {name!r}; {hint}",
    "near": "did you mean {names}?",
    "far": f"senet cost --list names ours and timm's, and {EXAMPLE} is what a MODULE:FACTORY looks like",
    "no timm": "there is no network {name!r} of ours, and timm is not installed; run: pip install timm",
    "no ratio": "reduction is {reduction}, but {name} has no SE of ours to which it could belong; add --insert-se",
    "not timm's": "--pretrained is for networks of timm, and {name} is none; give --weights FILE",
    "download": "timm's weights of {name} cannot be downloaded ({reason}); give a file of your own with --weights FILE",
    "new layer": "{path} is of {theirs:,} classes, so {layer} is new: {own:,} classes",
}


@dataclass(frozen=True)
class Wanted:
    """What a command line says about a network."""

    name: str  # ours, timm's (with or without "timm/"), or MODULE:FACTORY
    insert_se: bool = False  # whether SE is put into its residual branches, starting as the identity
    reduction: int | None = None  # r of SE; None for the network's own, and 16 for SE that is put in
    image_size: int | None = None  # height and width of a picture in pixels; None for the network's own
    pretrained: bool = False  # whether to start from timm's weights
    weights: str | None = None  # a safetensors file to start from


@dataclass(frozen=True)
class Made:
    """A network with what its pictures must look like."""

    model: nn.Module  # on the CPU
    image_size: int  # height and width, in pixels
    mean: tuple[float, ...] = IMAGENET_MEAN  # of each colour channel, black is 0 and white is 1
    std: tuple[float, ...] = IMAGENET_STD  # the same for the standard deviation
    notes: tuple[str, ...] = ()  # a line for each thing to know


def make_network(wanted: Wanted, num_classes: int | None = None) -> Made:
    """Make it, give it its weights, put SE in.

    Weights that have a layer for other classes leave that layer new. They may be of the network before SE is put in, or
    of the one with it.

    Args:
        wanted: what the command line says.
        num_classes: number of logits; None for the network's own.

    Raises:
        ValueError: if there is no such network, a setting does not fit it, or the weights do not.
        OSError: if timm cannot download its weights.
    """
    state = None if wanted.weights is None else _read_state(wanted.weights)
    model, config = _plain(wanted, num_classes)
    mean, std = (tuple(config.get(key, usual)) for key, usual in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)))
    size = config["input_size"][-1] if wanted.image_size is None else wanted.image_size
    notes: tuple[str, ...] = ()
    has_se = state is not None and any(".attention.fc" in key for key in state)
    if state is not None and not (wanted.insert_se and has_se):
        notes = _load(model, wanted.weights, state, config)
    if wanted.insert_se:
        ratio = 16 if wanted.reduction is None else wanted.reduction
        insert_squeeze_excitation(model, residual_branches, reduction=ratio, start_gate=1, input_size=(3, size, size))
        if state is not None and has_se:
            notes = _load(model, wanted.weights, state, config)
    return Made(model, size, mean, std, notes)


def list_networks(pattern: str = "*") -> tuple[list[str], list[str]]:
    """The names of our networks, and of timm's if it is installed."""
    timm = _timm()
    return list_models(pattern), [] if timm is None else timm.list_models(pattern)


def _plain(wanted: Wanted, num_classes: int | None) -> tuple[nn.Module, dict[str, Any]]:
    """The network without anything put in, and its settings as timm calls them."""
    name = wanted.name
    is_ours = name in list_models()
    is_timms = not is_ours and _is_timms(name)
    if wanted.pretrained and not is_timms:
        raise ValueError(WORDS["not timm's"].format(name=name))
    if wanted.reduction is not None and not wanted.insert_se and not (is_ours and name.startswith("se_")):
        raise ValueError(WORDS["no ratio"].format(reduction=wanted.reduction, name=name))
    if is_ours:
        architecture = ARCHITECTURES[name.removeprefix("se_")]
        size = 32 if architecture.stem == "3x3" else 224
        ratio = None if wanted.insert_se else wanted.reduction
        model: nn.Module = create_model(name, num_classes=num_classes, reduction=ratio)
        return model, {"input_size": (3, size, size), "classifier": "fc"}
    if is_timms:
        model = _made_by_timm(name.removeprefix(TIMM), wanted.pretrained, num_classes)
        return model, {"input_size": (3, 224, 224), **vars(model).get("default_cfg", {})}
    if ":" in name:
        own = {} if num_classes is None else {"num_classes": num_classes}
        return make_by_name(name, **own), {"input_size": (3, 224, 224)}
    raise ValueError(_no_such(name))


def _made_by_timm(name: str, pretrained: bool, num_classes: int | None) -> nn.Module:
    timm: Any = _timm()
    own = {} if num_classes is None else {"num_classes": num_classes}
    try:
        return timm.create_model(name, pretrained=pretrained, **own)
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise OSError(WORDS["download"].format(name=name, reason=type(error).__name__)) from error


def _timm() -> Any:
    try:
        import timm
    except ImportError:
        return None
    return timm


def _is_timms(name: str) -> bool:
    timm = _timm()
    return timm is not None and bool(timm.is_model(name.removeprefix(TIMM)))


def _no_such(name: str) -> str:
    ours, timms = list_networks()
    if not timms:
        return WORDS["no timm"].format(name=name)
    near = difflib.get_close_matches(name, {*ours, *timms}, n=3)
    hint = WORDS["near"].format(names=" or ".join(near)) if near else WORDS["far"]
    return WORDS["unknown"].format(name=name, hint=hint)


def _read_state(path: str) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"--weights {path} cannot be read ({error}); give a safetensors file") from None


def _load(model: nn.Module, path: str | None, state: dict[str, Tensor], config: dict[str, Any]) -> tuple[str, ...]:
    """Load the weights; a last layer for other classes stays new, which the note says."""
    classifier = config.get("classifier")
    own = model.state_dict()
    notes = []
    for layer in _names(classifier):
        found = state.get(f"{layer}.weight")
        if found is not None and f"{layer}.weight" in own and found.shape[:1] != own[f"{layer}.weight"].shape[:1]:
            theirs, ours = len(found), len(own[f"{layer}.weight"])
            state = state | {key: own[key] for key in own if key.startswith(f"{layer}.")}
            notes.append(WORDS["new layer"].format(path=path, theirs=theirs, layer=layer, own=ours))
    try:
        load_weights(model, state)
    except ValueError as error:
        raise ValueError(str(error).replace("the state dict", str(path), 1)) from None
    return tuple(notes)


def _names(classifier: Any) -> Sequence[str]:
    return [classifier] if isinstance(classifier, str) else list(classifier or ())


def run_folder(name: str) -> Path:
    """Where a run of this network is kept if nothing else is said."""
    return Path("runs") / name.replace("/", "-").replace(":", "-")
