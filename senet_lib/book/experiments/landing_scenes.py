"""The networks and scenes of the landing page, for its figure: weights as arrays, and scenes to go through.

    python -m senet_lib.book.experiments.landing_scenes  # some seconds

The two networks are those of the experiment ``context-world-reduction``, of one seed: without SE, and with r = 4.
"""

import argparse
import base64
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import product

import numpy as np
import torch

from senet_lib.book.figures.landing_scene import EXAMPLE
from senet_lib.common.atomic_files import write_atomically
from senet_lib.data.context_world import COLOURS, CUE_SIZE, SHAPES, SIZE, ContextWorld, Scene, render_scene
from senet_lib.export.arrays import network_arrays
from senet_lib.weights.weight_files import Pretrained, load_pretrained

NETWORKS = {"plain": "context-world-reduction-plain", "se": "context-world-reduction-r4"}
COMMAND = "python -m senet_lib.book.experiments.landing_scenes"
SEED = 12
DRAWN = 3000
SHOWN = 12
LOOK_LIKE_NO_CUE = set(range(len(SHAPES) - 1))
LEAST_LEAD = 0.03  # of the first shape over the second, in probability: below it, an answer without SE is nearly a tie


def variants(scene: Scene) -> list[Scene]:
    """A scene with its cue in each colour and each column of the first row: what the reader can make of it."""
    places = product(range(len(COLOURS)), range(SIZE - CUE_SIZE + 1))
    return [replace(scene, cue_colour=colour, cue_corner=(0, column)) for colour, column in places]


def probabilities(network: Pretrained, scenes: Sequence[Scene]) -> np.ndarray:
    """(N, 4): of each shape, for each of N scenes."""
    pictures = torch.from_numpy(np.stack([render_scene(scene) for scene in scenes])) / 255
    mean, std = (torch.tensor(values)[:, None, None] for values in (network.mean, network.std))
    with torch.no_grad():
        return torch.softmax(network.model((pictures - mean) / std), 1).numpy()


def choose_scenes(networks: dict[str, Pretrained]) -> Iterator[Scene]:
    """Upright scenes of a plus, a ring and a cross, in which the network without SE keeps to one answer.

    A block would look like a second cue.

    In the others its votes are so close to a tie that they change with each step of the cue, which would look as if
    the network heard of it. The network with SE must be right wherever the cue is. As they begin, the answer without
    SE is wrong.
    """
    for scene in ContextWorld.generate(DRAWN, SEED).scenes:
        if scene.quarter_turns or set(scene.shapes) != LOOK_LIKE_NO_CUE:
            continue
        changed = variants(scene)
        without, with_se = (probabilities(networks[name], changed) for name in ("plain", "se"))
        first, second = np.sort(without)[:, :-3:-1].T
        answers = set(without.argmax(1).tolist())
        is_right = (with_se.argmax(1) == [one.label for one in changed]).all()
        if len(answers) == 1 and (first - second).min() >= LEAST_LEAD and is_right:
            wrong = [colour for colour in range(len(COLOURS)) if scene.shapes[colour] not in answers]
            yield replace(scene, cue_colour=wrong[scene.cue_colour % len(wrong)])


def example() -> dict[str, object]:
    """What the figure begins with."""
    networks = {name: load_pretrained(file) for name, file in NETWORKS.items()}
    found = choose_scenes(networks)
    scenes = [next(found) for _ in range(SHOWN)]
    return {
        "command": COMMAND,
        "networks": {
            name: {key: pack(array) for key, array in network_arrays(one.model, one.mean, one.std).items()}
            for name, one in networks.items()
        },
        "scenes": [asdict(scene) for scene in scenes],
        "answers": [
            [round(float(value), 4) for value in probabilities(one, scenes[:1])[0]] for one in networks.values()
        ],
    }


def pack(array: np.ndarray) -> dict[str, object]:
    """An array for JSON, without loss."""
    return {"dtype": array.dtype.name, "shape": array.shape, "data": base64.b64encode(array.tobytes()).decode()}


def main(arguments: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(
        prog=COMMAND, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(arguments)
    write_atomically(EXAMPLE, json.dumps(example(), separators=(",", ":")) + "\n")
    print(EXAMPLE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
