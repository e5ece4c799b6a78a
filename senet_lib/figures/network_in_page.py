"""Trained networks that run in the page: move the cue, and watch every gate and the class scores follow.

Before anything is loaded the figure shows what the networks answer for a few scenes. When the reader asks, the page
loads ONNX Runtime Web and a network, both served with the book. Beside a kernel, torch answers instead: see
:func:`senet_lib.live_network.network_figure`.
"""

import json
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as StillPicture

from senet_lib import plots
from senet_lib.context_world import COLOURS, SHAPES, Scene, render_scene
from senet_lib.figures.figure import HERE, Arrays, Figure

EXAMPLES = HERE / "network_in_page_example.json"  # made by python -m senet_lib.experiments.networks
STILL_SCENES = 3


class NetworkInPage(Figure):
    """A scene of the Context World that the reader changes, and a trained network that answers at once.

    Somebody in Python may answer ``request`` where ``kernel`` is true; its HTML form has no kernel and uses ONNX files.

    Attributes:
        networks: of each network its "name", the "label" that the reader reads, the "file" in ``folder`` ("" if the
            page has none), and "channels", from the names of its SE blocks to their numbers of channels.
        scenes: K examples, each with the fields of :class:`senet_lib.context_world.Scene`.
        answers: for each network float32 (V, K, 4 + all channels): the logits and the gates for each example. V is 2:
            with the network's own gates, and with all gates 1; or 1 for a network without SE.
        folder: of the ONNX files, from the root of the book.
        runtime: folder of ONNX Runtime Web, from the root of the book.
        network: the name of the network that answers. This and the following are the reader's.
        se: whether the gates are used; if not, all are 1.
        red: index into ``SHAPES`` of the red glyph; so green and blue.
        cue_colour: index into ``COLOURS``.
        quarter_turns: how often the picture is turned by 90 degrees, 0 to 3.
        places: (row, column) of the upper left pixel of the red, the green and the blue glyph, and of the cue, before
            the picture is turned: 0 to 25 for a glyph, 0 to 24 for the cue.
        hand: from the name of a block to its gates that are set by hand, 0 to 2, None for the network's own.
        block: the block of the chosen gate.
        channel: the chosen gate, 0 to C - 1.
        state: "examples", "loading", "ready" or "failed".
        message: why it has failed.
        kernel: whether Python answers.
        request: what Python is asked: "key", "network", "picture" (3072 bytes) and "overrides".
        answer: "key", "logits", "gates" by block, and "milliseconds"; or "key" and "error".
    """

    title = "A network that runs in this page"
    description = (
        "The same three glyphs with a red, a green and a blue cue. Under each picture are the probabilities of the "
        "four shapes, as a trained network with SE has them: the answer follows the cue."
    )
    networks = traitlets.List(traitlets.Dict()).tag(sync=True)
    scenes = traitlets.List(traitlets.Dict()).tag(sync=True)
    answers = Arrays()
    folder = traitlets.Unicode("networks/").tag(sync=True)
    runtime = traitlets.Unicode("vendor/onnxruntime/").tag(sync=True)
    network = traitlets.Unicode().tag(sync=True)
    se = traitlets.Bool(True).tag(sync=True)
    red = traitlets.Int(0).tag(sync=True)
    green = traitlets.Int(1).tag(sync=True)
    blue = traitlets.Int(2).tag(sync=True)
    cue_colour = traitlets.Int(0).tag(sync=True)
    quarter_turns = traitlets.Int(0).tag(sync=True)
    places = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    hand = traitlets.Dict().tag(sync=True)
    block = traitlets.Unicode().tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)
    state = traitlets.Unicode("examples").tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    kernel = traitlets.Bool(False).tag(sync=True)
    request = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)

    @classmethod
    def example(cls) -> "NetworkInPage":
        """The networks of the Context World that come with the library."""
        saved = json.loads(EXAMPLES.read_text(encoding="utf-8"))
        first = saved["networks"][0]
        return cls(
            networks=saved["networks"],
            scenes=saved["scenes"],
            answers={
                name: np.array(said["values"], np.float32).reshape(said["shape"])
                for name, said in saved["answers"].items()
            },
            network=first["name"],
            block=next(iter(first["channels"])),
            caption="First choose an example. Then load the network, and drag the cue and the glyphs, or move them "
            "with the arrow keys. Which gates follow the cue's colour?",
            **scene_traits(scene_from_dict(saved["scenes"][0])),
        )

    def draw_still(self) -> StillPicture:
        """The first scenes and the probabilities that the first network has for them, as recorded."""
        shown = self.scenes[:STILL_SCENES]
        figure, axes = plt.subplots(2, len(shown), figsize=(6.8, 4.2), layout="constrained", squeeze=False)
        logits = self.answers[self.networks[0]["name"]][0, :, : len(SHAPES)]
        for scene_state, row, (above, below) in zip(shown, logits, axes.T, strict=False):
            scene = scene_from_dict(scene_state)
            plots.plot_picture(render_scene(scene), f"the cue is {COLOURS[scene.cue_colour]}", ax=above)
            powers = np.exp(row - row.max())
            below.barh(SHAPES[::-1], (powers / powers.sum())[::-1], color=plots.COLOURS["plain"])
            below.set(xlim=(0, 1), xlabel="probability")
        return figure

    def _plain_state(self) -> dict[str, Any]:
        """Where this goes there is no kernel, and nothing is loaded yet."""
        return super()._plain_state() | {
            "kernel": False,
            "state": "examples",
            "message": "",
            "request": {},
            "answer": {},
        }


def scene_from_dict(state: Mapping[str, Any]) -> Scene:
    """A scene from its fields, as JSON has them."""
    return Scene(
        shapes=tuple(state["shapes"]),
        glyph_corners=tuple((row, column) for row, column in state["glyph_corners"]),
        cue_colour=state["cue_colour"],
        cue_corner=(state["cue_corner"][0], state["cue_corner"][1]),
        quarter_turns=state["quarter_turns"],
    )


def scene_traits(scene: Scene) -> dict[str, Any]:
    """A scene as the traits that the reader moves."""
    return {
        **dict(zip(COLOURS, scene.shapes, strict=True)),
        "cue_colour": scene.cue_colour,
        "quarter_turns": scene.quarter_turns,
        "places": [list(corner) for corner in (*scene.glyph_corners, scene.cue_corner)],
    }
