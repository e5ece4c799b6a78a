"""The landing page's figure: a square that the reader drags, and two networks that answer at once, one without SE.

Both networks are small enough for plain JavaScript (``parts/network_arithmetic.js``): nothing is loaded, and it works
from a folder.
"""

import base64
import json
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as StillPicture

from senet_lib.book import plots
from senet_lib.book.figures.figure import HERE, Arrays, Figure
from senet_lib.book.figures.network_in_page import scene_from_dict
from senet_lib.data.context_world import SHAPES, render_scene

EXAMPLE = HERE / "landing_scene_example.json"  # made by python -m senet_lib.book.experiments.landing_scenes
NAMES = ("without SE", "with SE")


class LandingScene(Figure):
    """A scene of the Context World whose cue the reader drags or replaces, and the answers of two trained networks.

    It takes no guess: in the book's first ten seconds a question before the answer would only stand in the way. The
    reader is to see two verdicts change under the finger, and to ask why; chapter 1 asks for the rule.

    Attributes:
        plain: a network without SE, from ``senet_lib.export.network_arrays``, with its last layer.
        se: the same for a network with SE.
        scenes: the N scenes to go through, upright, with the fields of :class:`senet_lib.data.context_world.Scene`.
        answers: probabilities of the four shapes for the first scene, by each network: for the still picture.
        scene: which one is shown, 0 to N - 1; a button moves it.
        cue_colour: index into ``COLOURS``; the squares beside the picture move it.
        cue_column: column of the cue's left edge, 0 to 24; the reader drags it.
    """

    title = "Two networks look at one picture"
    description = (
        "A black picture with three small coloured shapes at the bottom and a coloured square far away at the top. "
        "Beside it, how sure two networks are of each of four shapes: without SE three shapes share the votes, with "
        "SE one shape has nearly all."
    )
    plain = Arrays()
    se = Arrays()
    scenes = traitlets.List(traitlets.Dict()).tag(sync=True)
    answers = traitlets.List(traitlets.List(traitlets.Float()))
    scene = traitlets.Int(0).tag(sync=True)
    cue_colour = traitlets.Int(0).tag(sync=True)
    cue_column = traitlets.Int(0).tag(sync=True)

    @classmethod
    def example(cls) -> "LandingScene":
        """Two networks of the Context World that come with the library."""
        saved = json.loads(EXAMPLE.read_text(encoding="utf-8"))
        first = saved["scenes"][0]
        return cls(
            **{name: _unpack(arrays) for name, arrays in saved["networks"].items()},
            scenes=saved["scenes"],
            answers=saved["answers"],
            cue_colour=first["cue_colour"],
            cue_column=first["cue_corner"][1],
            caption="Both networks run in this page. "
            "Scenes in which the answer without SE is almost a tie are left out.",
        )

    def draw_still(self) -> StillPicture:
        """The first scene, and how sure each network is of each shape."""
        figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="constrained")
        plots.plot_picture(render_scene(scene_from_dict(self.scenes[0])), "which shape is meant?", ax=axes[0])
        for ax, name, shares in zip(axes[1:], NAMES, self.answers, strict=True):
            ax.barh(SHAPES[::-1], shares[::-1], color=plots.COLOURS["plain"])
            ax.set(xlim=(0, 1), xlabel="probability", title=f"the network {name}")
        return figure


def _unpack(arrays: dict[str, dict[str, Any]]) -> dict[str, np.ndarray]:
    return {
        name: np.frombuffer(base64.b64decode(one["data"]), one["dtype"]).reshape(one["shape"])
        for name, one in arrays.items()
    }
