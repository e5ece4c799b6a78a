"""The whole block on two pictures at once: convolutions, squeeze, excitation, rescale (equations 2 to 4)."""

from typing import Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets

from senet_lib.book import plots
from senet_lib.book.figures.figure import Array, Arrays, Asking, Figure
from senet_lib.book.figures.parts.untrained_network import untrained_network
from senet_lib.data.context_world import Scene, render_scene

STILL_STAGES = (  # letter, quantity, how it is made
    ("x", "x", "the picture"),
    ("u", "u", "convolutions of x"),
    ("z", "z", "$z_c$ = mean of $u_c$"),
    ("s", "s", r"$s = \sigma(W_2\,\mathrm{ReLU}(W_1 z + b_1) + b_2)$"),
    ("x̃", "x_tilde", r"$\tilde{x}_c = s_c \cdot u_c$"),
)


class BlockWalkthrough(Asking, Figure):
    """Two pictures pass one block, side by side: the same weights, and gates of their own.

    With ``asks``, the gates wait for a guess: how far apart are those that differ most?

    Attributes:
        network: of ``export.network_arrays(model, mean, std, stages=1)``; the first block, with SE, is the one shown.
        pictures: uint8 (K, 3, H, W), the K pictures to choose from.
        picture_names: K names, for the menus.
        first: index of the left picture, 0 to K - 1; a menu moves it.
        second: index of the right picture, 0 to K - 1; a menu moves it.
        channel: the channel followed, 0 to C - 1; the slider moves it, and so does a click on a map or a bar.
        step: how far the walk has come, 0 to 4: x, u, z, s, x̃. The steps' buttons move it, and what comes flies in,
            unless the reader wants less motion.
    """

    title = "One block, two pictures"
    description = (
        "Two pictures, left and right, and between them the steps of one block that both pass: maps u, means z, "
        "gates s, rescaled maps x̃. The weights are the same for both; the gates are computed from each picture."
    )
    network = Arrays()
    pictures = Array()
    picture_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    first = traitlets.Int(0).tag(sync=True)
    second = traitlets.Int(1).tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)

    @classmethod
    def example(cls) -> Self:
        """Three pictures of the Context World, and a network of random weights."""
        corners = ((24, 1), (25, 13), (24, 24))
        scenes = [Scene((0, 1, 2), corners, 0, (0, 4), 0), Scene((0, 1, 2), corners, 1, (0, 4), 0)]
        scenes.append(Scene((3, 2, 0), corners, 0, (0, 20), 1))
        return cls(
            network=untrained_network(widths=(8,), reduction=2),
            pictures=np.stack([render_scene(scene) for scene in scenes]),
            picture_names=["red cue", "green cue", "other glyphs"],
            caption="Only the colour of the cue differs. Where does the difference reach the gates?",
        )

    def draw_still(self) -> plt.Figure:
        """The two pictures, and between them the steps; numbers are the live figure's business."""
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7, 3), width_ratios=(1, 1.35, 1))
        for ax, index in ((left, self.first), (right, self.second)):
            plots.plot_picture(self.pictures[index], self.picture_names[index], ax=ax)
        for place, (letter, quantity, text) in enumerate(STILL_STAGES):
            if place > 0:
                arrow = {"arrowstyle": "->", "color": plots.COLOURS["plain"]}
                middle.annotate("", (0.05, -place + 0.33), (0.05, -place + 0.67), arrowprops=arrow)
            box = {"boxstyle": "round", "facecolor": "white", "edgecolor": plots.COLOURS[quantity], "linewidth": 2}
            middle.text(0.05, -place, letter, ha="center", va="center", bbox=box)
            middle.text(0.18, -place, text, va="center", fontsize=9)
        middle.set(xlim=(0, 1), ylim=(-len(STILL_STAGES) + 0.5, 0.5), title="one block, the same weights")
        middle.axis("off")
        return figure
