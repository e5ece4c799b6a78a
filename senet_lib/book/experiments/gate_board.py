"""Other gates in one block of a small network, while the other blocks keep their own: how many answers stay right.

``python -m senet_lib.book.experiments.page_networks`` writes it into the example of the figure of chapter 10.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.book.figures.network_in_page import GATE_SOURCES
from senet_lib.data import Normalisation
from senet_lib.data.context_world import COLOURS, ContextWorld, Scene, render_scene
from senet_lib.export.overridable_network import OverridableNetwork
from senet_lib.gates.interventions import given, replace_excitations
from senet_lib.gates.recording import record_excitations
from senet_lib.weights.weight_files import Pretrained

PICTURES, SEED = 2000, 1
BATCH = 100
ACCURACY_DIGITS = 4
GATE_DIGITS = 6  # significant ones


def twins_of(scene: Scene) -> list[Scene]:
    """The same scene with the cue in each of the colours."""
    return [Scene(**{**asdict(scene), "cue_colour": colour}) for colour in range(len(COLOURS))]


def board_of(trained: Pretrained, donors: Sequence[Scene]) -> dict[str, Any]:
    """What the figure's board knows of a network.

    Args:
        trained: a network of the Context World with SE.
        donors: a scene for each colour of the cue, in the order of ``COLOURS``, whose gates other scenes are given.

    Returns:
        ``accuracies``, from each block to the share of right answers on 2,000 pictures for each of ``GATE_SOURCES`` in
        that block alone; ``means``, from each block to its mean gates; ``donors``, for each donor its gates by block.
    """
    world = ContextWorld.generate(PICTURES, SEED)
    model = trained.model.eval()
    x = Normalisation(trained.mean, trained.std, len(COLOURS), "cpu")(torch.from_numpy(world.pictures))
    with record_excitations(model) as record:
        logits = _logits(model, x)
    cues = np.array([scene.cue_colour for scene in world.scenes])
    accuracies = {}
    for block in record.blocks:
        others = (_logits(model, x, {block: rows}) for rows in _other_gates(record[block], cues))
        found = [logits, *others]
        right = [float((one.argmax(1).numpy() == world.labels).mean()) for one in found]
        accuracies[_short(block)] = [round(share, ACCURACY_DIGITS) for share in right]
    _, gates = OverridableNetwork.of(trained).run(np.stack([render_scene(scene) for scene in donors]))
    return {
        "accuracies": accuracies,
        "means": {_short(block): _rounded(record.mean(block)) for block in record.blocks},
        "donors": [{block: _rounded(rows[index]) for block, rows in gates.items()} for index in range(len(donors))],
    }


def swapped_answers(network: OverridableNetwork, board: dict[str, Any], scenes: Sequence[Scene]) -> np.ndarray:
    """What a network says of N scenes with other gates in one block: float32 (blocks x 4, N, 4 + all channels)."""
    ways = []
    for block in network.channels:
        for source in GATE_SOURCES[1:]:
            runs = [
                network.run(render_scene(scene)[None], {block: gates_from(source, block, board, scene.cue_colour)})
                for scene in scenes
            ]
            ways.append([np.concatenate([logits[0], *(s[0] for s in gates.values())]) for logits, gates in runs])
    return np.array(ways, np.float32)


def gates_from(source: str, block: str, board: dict[str, Any], cue_colour: int) -> list[float]:
    """The gates that the board puts into a block, for a scene with this cue. "another" has the next colour's cue."""
    if source == "mean":
        return board["means"][block]
    if source == "open":
        return [1.0] * len(board["means"][block])
    donor = (cue_colour + (source == "another")) % len(COLOURS)
    return board["donors"][donor][block]


def _logits(model: nn.Module, x: Tensor, gates: Mapping[str, np.ndarray] | None = None) -> Tensor:
    """What a network says of N pictures, with these gates (N, C) in their blocks; in batches that a cache can hold."""
    found = []
    for places in torch.arange(len(x)).split(BATCH):
        rows = {block: every[places.numpy()] for block, every in (gates or {}).items()}
        with torch.no_grad(), replace_excitations(model, given(rows), tuple(rows)) if rows else nullcontext():
            found.append(model(x[places]))
    return torch.cat(found)


def _other_gates(own: np.ndarray, cues: np.ndarray) -> list[np.ndarray]:
    """Of ``GATE_SOURCES`` without "own", in their order: gates (N, C) for N pictures, each from the own ones."""
    random = np.random.default_rng(0)
    others = random.permutation(len(cues))
    same_cue = np.arange(len(cues))
    for colour in range(len(COLOURS)):
        places = np.flatnonzero(cues == colour)
        same_cue[places] = random.permutation(places)
    return [np.broadcast_to(own.mean(0), own.shape), own[others], own[same_cue], np.ones_like(own)]


def _short(block: str) -> str:
    return block.removesuffix(".attention")


def _rounded(gates: np.ndarray) -> list[float]:
    return [float(f"{gate:.{GATE_DIGITS}g}") for gate in gates]
