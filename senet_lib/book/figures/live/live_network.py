"""Networks that answer a figure in the notebook: torch runs them in the kernel, also the reader's own.

The figures are :class:`senet_lib.book.figures.network_in_page.NetworkInPage`, for scenes of the Context World, and
:class:`senet_lib.book.figures.photograph_in_page.PhotographInPage`, for any picture. In a built page, without a kernel,
they run the same networks from ONNX files of the same :class:`senet_lib.export.overridable_network.OverridableNetwork`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from torch import nn

from senet_lib.book.figures.network_in_page import NetworkInPage, scene_from_dict
from senet_lib.book.figures.parts.network_state import NetworkState
from senet_lib.book.figures.photograph_in_page import PhotographInPage
from senet_lib.common.messages import in_one_line
from senet_lib.data.context_world import COLOURS, SHAPES, SIZE, render_scene
from senet_lib.export.overridable_network import OverridableNetwork
from senet_lib.weights.weight_files import load_pretrained

PICTURE = (len(COLOURS), SIZE, SIZE)
AnyFigure = TypeVar("AnyFigure", bound=NetworkState)
CAPTION = (
    "Drag the cue and the glyphs, or move them with the arrow keys. torch runs the network in this notebook's kernel. "
    "Which gates follow the cue's colour?"
)
PHOTOGRAPH_CAPTION = (
    "Choose a picture, or bring your own; torch runs the network in this notebook's kernel. Then mute a gate, or a "
    "whole block. How much does it take to change the answer?"
)


def answers(network: OverridableNetwork, pictures: np.ndarray) -> np.ndarray:
    """What a network says of pictures: with its own gates, and with all gates 1.

    Args:
        network: with K classes.
        pictures: uint8 (B, 3, 32, 32).

    Returns:
        float32 (2, B, K + all channels): the logits, then the gates of block after block. A network without SE has
        nothing to switch off: (1, B, K).
    """
    open_gates = {name: [1.0] * channels for name, channels in network.channels.items()}
    ways = [None, open_gates] if open_gates else [None]
    runs = [network.run(pictures, overrides) for overrides in ways]
    return np.stack([np.concatenate([logits, *gates.values()], axis=1) for logits, gates in runs])


def network_figure(
    model: nn.Module | None = None,
    *,
    name: str = "your own",
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
) -> NetworkInPage:
    """The figure in which the reader moves glyphs and cue, answered by torch in this kernel.

    Args:
        model: a network for the Context World, to be shown beside those that come with the library; or None.
        name: what to call it.
        mean: of each colour channel in its training; those of the library's networks if None.
        std: the same for the standard deviation.

    Returns:
        The figure. End a cell with it. Built into a page it shows the examples, and runs the library's networks there.

    Raises:
        ValueError: if the model is no network, does not give 4 logits for a picture (3, 32, 32), or its name is taken.
    """
    figure = NetworkInPage.example()
    figure.caption = CAPTION
    known: dict[str, OverridableNetwork] = {}
    if model is not None:
        usual = load_pretrained("context-world-reduction-plain")
        known[name] = _require_classifier(model, mean or usual.mean, std or usual.std, len(SHAPES))
        _show_first(figure, name, known[name], render_scenes(figure))
    return _answered_by_torch(figure, known)


def render_scenes(figure: NetworkInPage) -> np.ndarray:
    """The example scenes of a figure as pictures: uint8 (B, 3, 32, 32)."""
    return np.stack([render_scene(scene_from_dict(scene)) for scene in figure.scenes])


def photograph_figure(
    model: nn.Module | None = None,
    class_names: Sequence[str] | None = None,
    *,
    name: str = "your own",
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
) -> PhotographInPage:
    """The figure in which networks look at the reader's picture, answered by torch in this kernel.

    Args:
        model: a classifier of colour pictures of 32x32 pixels, with SE blocks or without, to be shown beside those that
            come with the library; or None.
        class_names: K names, one for each of its logits. If None: those of CIFAR-10 where K is 10, else numbers.
        name: what to call the model.
        mean: of each colour channel in its training; those of the library's networks if None.
        std: the same for the standard deviation.

    Returns:
        The figure. End a cell with it. Built into a page it shows the offered pictures, and runs the library's networks
        there.

    Raises:
        ValueError: if the model is no network, gives no row of logits for a picture (3, 32, 32), has not one name for
            each of them, or its own name is taken; or if there are class names but no model.
    """
    figure = PhotographInPage.example()
    figure.caption = PHOTOGRAPH_CAPTION
    first = figure.networks[0]
    known: dict[str, OverridableNetwork] = {}
    if model is not None:
        usual = load_pretrained(first["file"].removesuffix(".onnx"))
        known[name] = _require_classifier(model, mean or usual.mean, std or usual.std)
        _, logits = _shape_of_answer(known[name])
        classes = _require_class_names(class_names, logits, first["classes"])
        _show_first(figure, name, known[name], figure.pictures, {"classes": classes})
    elif class_names is not None:
        raise ValueError(f"class_names has {len(class_names)} names but there is no model; give the model too")
    return _answered_by_torch(figure, known)


def _require_class_names(names: Sequence[str] | None, logits: int, usual: list[str]) -> list[str]:
    if names is None:
        return usual if logits == len(usual) else [f"class {index}" for index in range(logits)]
    if isinstance(names, str) or len(names) != logits:
        raise ValueError(f"class_names has {len(names)} names for {logits} logits; give a list with one for each")
    return [str(one) for one in names]


def _show_first(
    figure: NetworkState,
    name: str,
    network: OverridableNetwork,
    pictures: np.ndarray,
    facts: dict[str, Any] | None = None,
) -> None:
    """Put the reader's network in front of the library's, with its answers for the examples."""
    if name in [one["name"] for one in figure.networks]:
        raise ValueError(f"name is {name!r}, as one of the library's networks; choose another")
    entry = {"name": name, "label": name, "file": "", "channels": network.channels, **(facts or {})}
    figure.networks = [entry, *figure.networks]
    figure.answers = {**figure.answers, name: answers(network, pictures)}
    figure.network = name


def _answered_by_torch(figure: AnyFigure, known: dict[str, OverridableNetwork]) -> AnyFigure:
    """The figure, whose requests this kernel answers: by networks that are known by name, or those of the library."""
    files = {network["name"]: network["file"].removesuffix(".onnx") for network in figure.networks}

    def find(wanted: str) -> OverridableNetwork:
        if wanted not in known:
            known[wanted] = OverridableNetwork.of(load_pretrained(files[wanted]))
        return known[wanted]

    figure.observe(partial(_answer, figure, find), "request")
    figure.kernel = True
    return figure


def _answer(figure: NetworkState, find: Callable[[str], OverridableNetwork], change: dict[str, Any]) -> None:
    """Run what the reader has asked for. Whatever goes wrong is said in the figure: a notebook shows no errors here."""
    request = change["new"]
    if not request:
        return
    answer: dict[str, Any] = {"key": request.get("key", "")}
    try:
        picture = np.array(request["picture"], np.uint8).reshape(1, *PICTURE)
        logits, gates = find(request["network"]).run(picture, request["overrides"])
        answer |= {"logits": logits[0].tolist(), "gates": {name: rows[0].tolist() for name, rows in gates.items()}}
    except Exception as error:
        answer["error"] = in_one_line(error)
    figure.answer = answer


def _require_classifier(
    model: Any, mean: tuple[float, ...], std: tuple[float, ...], classes: int | None = None
) -> OverridableNetwork:
    """The model with its gates, if it gives a row of logits for each picture: so many, or any number of them."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is {type(model).__name__}; give a network, such as create_model('se_small_resnet')")
    for what, numbers in (("mean", mean), ("std", std)):
        if len(numbers) != len(COLOURS):
            raise ValueError(f"{what} has {len(numbers)} numbers; give one for each of the {len(COLOURS)} colours")
    network = OverridableNetwork(model, mean, std)
    try:
        shape = _shape_of_answer(network)
    except Exception as error:  # whatever somebody else's network raises
        raise ValueError(f"the model does not run on pictures {PICTURE}: it said {in_one_line(error)}") from error
    if len(shape) != 2 or shape[0] != 2 or shape[1] not in (classes or shape[1],):
        raise ValueError(f"the model gives {shape} for two pictures; it must give (2, {classes or 'K'}) logits")
    return network


def _shape_of_answer(network: OverridableNetwork) -> tuple[int, ...]:
    """Of the logits for two pictures."""
    return network.run(np.zeros((2, *PICTURE), np.uint8))[0].shape
