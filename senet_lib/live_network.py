"""Networks that answer a figure in the notebook: torch runs them in the kernel, also the reader's own.

The figure is :class:`senet_lib.figures.network_in_page.NetworkInPage`. In a built page, without a kernel, it runs the
same networks from ONNX files (:mod:`senet_lib.onnx_export`); inputs, overrides and outputs mean the same in both.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.blocks import SqueezeExcitation
from senet_lib.context_world import COLOURS, SHAPES, SIZE, render_scene
from senet_lib.figures.network_in_page import NetworkInPage, scene_from_dict
from senet_lib.weights import Pretrained, load_pretrained

PICTURE = (len(COLOURS), SIZE, SIZE)
CAPTION = (
    "Drag the cue and the glyphs, or move them with the arrow keys. torch runs the network in this notebook's kernel. "
    "Which gates follow the cue's colour?"
)


class GatedNetwork:
    """A classifier whose gates are seen, and can be set by hand; as the files of ``export_onnx``.

    Args:
        model: any classifier of pictures. It is put into evaluation mode.
        mean: of each colour channel in training; black is 0 and white is 1.
        std: the same for the standard deviation.

    Attributes:
        blocks: the SE blocks by name, such as "layer2.0".
    """

    def __init__(self, model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]):
        self.model = model.eval()
        self.device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
        self.mean, self.std = (torch.tensor(numbers, device=self.device)[:, None, None] for numbers in (mean, std))
        self.blocks = {
            name.removesuffix(".attention"): module
            for name, module in model.named_modules()
            if isinstance(module, SqueezeExcitation)
        }

    @classmethod
    def of(cls, pretrained: Pretrained) -> "GatedNetwork":
        return cls(pretrained.model, pretrained.mean, pretrained.std)

    @property
    def channels(self) -> dict[str, int]:
        """Of each block."""
        return {name: block.channels for name, block in self.blocks.items()}

    @torch.no_grad()
    def run(
        self, pictures: np.ndarray, overrides: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Pictures -> logits and the gates that each block computes.

        Args:
            pictures: uint8 (B, C, H, W).
            overrides: from the name of a block to the gates that it shall use, (C,); None or NaN keeps its own.

        Returns:
            logits (B, K), and for each block (B, C): its own gates, also where an override takes their place.
        """
        gates: dict[str, Tensor] = {}
        given = overrides or {}
        hooks = [
            block.gate.register_forward_hook(partial(self._note, gates, name, self._row(given.get(name), block)))
            for name, block in self.blocks.items()
        ]
        try:
            x = torch.tensor(pictures, device=self.device).float() / 255
            logits = self.model((x - self.mean) / self.std)
        finally:
            for hook in hooks:
                hook.remove()
        return logits.cpu().numpy(), {name: gates[name].cpu().numpy() for name in self.blocks}

    def _row(self, override: Any, block: SqueezeExcitation) -> Tensor | None:
        if override is None:
            return None
        row = torch.tensor([math.nan if gate is None else float(gate) for gate in override], device=self.device)
        if len(row) != block.channels:
            raise ValueError(f"an override has {len(row)} gates for {block.channels} channels; give one for each")
        return row

    @staticmethod
    def _note(
        gates: dict[str, Tensor], name: str, override: Tensor | None, module: nn.Module, inputs: Any, s: Tensor
    ) -> Tensor:
        gates[name] = s
        return s if override is None else torch.where(torch.isnan(override), s, override)


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
