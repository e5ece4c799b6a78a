"""Trained networks that run in the page: move the cue, and watch every gate and the class scores follow.

Before anything is loaded the figure shows what the networks answer for a few scenes. When the reader asks, the page
loads ONNX Runtime Web and a network, both served with the book. Beside a kernel, torch answers instead: see
:func:`senet_lib.book.figures.live.live_network.network_figure`.
"""

import json
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as StillPicture

from senet_lib.book import plots
from senet_lib.book.figures.figure import HERE, Arrays, Asking, Figure
from senet_lib.book.figures.parts.network_state import NetworkState, draw_probabilities, recorded_networks
from senet_lib.data.context_world import COLOURS, SHAPES, Scene, render_scene

EXAMPLES = HERE / "network_in_page_example.json"  # made by python -m senet_lib.book.experiments.page_networks
STILL_SCENES = 3
# What the board can put into a block in place of the picture's own gates: the mean over pictures, the gates of another
# picture, those of another one with the same cue, and 1.
GATE_SOURCES = ("own", "mean", "another", "same cue", "open")


class NetworkInPage(Asking, NetworkState, Figure):
    """A scene of the Context World that the reader changes, and a trained network that answers at once.

    A board gives one block other gates: it shows how many answers of 2,000 pictures stay right, and what becomes of the
    scene's. With ``asks``, the board's numbers and the gates wait for a guess. The traits of the networks and of their
    answers are those of :class:`NetworkState`.

    Attributes:
        boards: from the names of networks to what :func:`senet_lib.book.experiments.gate_board.board_of` finds out. A
            network without one has no board.
        swapped: from the same names to float32 (blocks x 4, N, 4 + all channels): logits and gates of each example with
            other gates in one block, of each source but "own" in the order of ``GATE_SOURCES``.
        donors: labels of the pictures whose gates the others are given, one for each colour of the cue.
        swap: "", or the block that gets other gates and one of ``GATE_SOURCES``, such as "layer1.0/mean".
        part: what is shown: the "board", or one "scene" and each gate.
        scenes: the N examples, each with the fields of :class:`senet_lib.data.context_world.Scene`.
        red: index into ``SHAPES`` of the red glyph; so green and blue.
        cue_colour: index into ``COLOURS``.
        quarter_turns: how often the picture is turned by 90 degrees, 0 to 3.
        places: (row, column) of the upper left pixel of the red, the green and the blue glyph, and of the cue, before
            the picture is turned: 0 to 25 for a glyph, 0 to 24 for the cue.
    """

    title = "A network that runs in this page"
    description = (
        "The same three glyphs with a red, a green and a blue cue. Under each picture are the probabilities of the "
        "four shapes, as a trained network with SE has them: the answer follows the cue."
    )
    boards = traitlets.Dict().tag(sync=True)
    swapped = Arrays()
    donors = traitlets.List(traitlets.Int()).tag(sync=True)
    swap = traitlets.Unicode().tag(sync=True)
    part = traitlets.Unicode("scene").tag(sync=True)
    scenes = traitlets.List(traitlets.Dict()).tag(sync=True)
    red = traitlets.Int(0).tag(sync=True)
    green = traitlets.Int(1).tag(sync=True)
    blue = traitlets.Int(2).tag(sync=True)
    cue_colour = traitlets.Int(0).tag(sync=True)
    quarter_turns = traitlets.Int(0).tag(sync=True)
    places = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)

    @classmethod
    def example(cls) -> "NetworkInPage":
        """The networks of the Context World that come with the library."""
        saved = json.loads(EXAMPLES.read_text(encoding="utf-8"))
        return cls(
            **recorded_networks(saved),
            scenes=saved["scenes"],
            boards=saved["boards"],
            swapped={
                name: np.array(said["values"], np.float32).reshape(said["shape"])
                for name, said in saved["swapped"].items()
            },
            donors=saved["donors"],
            caption="Give one block other gates: what do the answers become? In one scene, which gates follow the cue?",
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
            draw_probabilities(below, row, SHAPES)
        return figure


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
