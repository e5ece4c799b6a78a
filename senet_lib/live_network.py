"""Networks that answer a figure in the notebook: torch runs them in the kernel, also the reader's own.

The figure is :class:`senet_lib.figures.network_in_page.NetworkInPage`. In a built page, without a kernel, it runs the
same networks from ONNX files of the same :class:`senet_lib.gated_network.GatedNetwork`.
"""

from functools import partial
from typing import Any

import numpy as np
from torch import nn

from senet_lib.context_world import COLOURS, SHAPES, SIZE, render_scene
from senet_lib.figures.network_in_page import NetworkInPage, scene_from_dict
from senet_lib.gated_network import GatedNetwork
from senet_lib.weights import load_pretrained

PICTURE = (len(COLOURS), SIZE, SIZE)
CAPTION = (
    "Drag the cue and the glyphs, or move them with the arrow keys. torch runs the network in this notebook's kernel. "
    "Which gates follow the cue's colour?"
)


def answers(network: GatedNetwork, pictures: np.ndarray) -> np.ndarray:
    """What a network says of pictures: with its own gates, and with all gates 1.

    Args:
        network: of the Context World.
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
    known: dict[str, GatedNetwork] = {}
    if model is not None:
        usual = load_pretrained("context-world-reduction-plain")
        own = _require_classifier(model, mean or usual.mean, std or usual.std)
        if name in [network["name"] for network in figure.networks]:
            raise ValueError(f"name is {name!r}, as one of the library's networks; choose another")
        pictures = np.stack([render_scene(scene_from_dict(scene)) for scene in figure.scenes])
        known[name] = own
        figure.networks = [{"name": name, "label": name, "file": "", "channels": own.channels}, *figure.networks]
        figure.answers = {**figure.answers, name: answers(own, pictures)}
        figure.network = name
    files = {network["name"]: network["file"].removesuffix(".onnx") for network in figure.networks}

    def find(wanted: str) -> GatedNetwork:
        if wanted not in known:
            known[wanted] = GatedNetwork.of(load_pretrained(files[wanted]))
        return known[wanted]

    figure.observe(partial(_answer, figure, find), "request")
    figure.kernel = True
    return figure


def _answer(figure: NetworkInPage, find: Any, change: dict[str, Any]) -> None:
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
        answer["error"] = " ".join(str(error).split()) or type(error).__name__
    figure.answer = answer


def _require_classifier(model: Any, mean: tuple[float, ...], std: tuple[float, ...]) -> GatedNetwork:
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is {type(model).__name__}; give a network, such as small_se_resnet()")
    network = GatedNetwork(model, mean, std)
    try:
        logits, _ = network.run(np.zeros((2, *PICTURE), np.uint8))
    except Exception as error:  # whatever somebody else's network raises
        raise ValueError(f"the model does not run on pictures {PICTURE}: it said {error}") from error
    if logits.shape != (2, len(SHAPES)):
        raise ValueError(f"the model gives {logits.shape} for two pictures; it must give (2, {len(SHAPES)}) logits")
    return network
