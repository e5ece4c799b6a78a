"""Scenes of the Context World without their labels: the reader names each, and then learns which glyph was meant."""

from typing import Any, Self

import matplotlib.pyplot as plt
import traitlets

from senet_lib.book import plots
from senet_lib.book.figures.figure import Array, Asking, Figure
from senet_lib.data.context_world import COLOURS, SHAPES, ContextWorld


class SceneLabels(Asking, Figure):
    """Name the label of one scene after the other; the figure says whether it is right, and counts.

    Attributes:
        pictures: uint8 (K, 3, 32, 32).
        labels: int (K,), of each picture its shape, 0 to 3.
        cues: int (K,), of each picture the colour of its cue, 0 to 2.
        shapes: names of the shapes.
        colours: names of the colours.
        scene: which picture is shown, 0 to K - 1; the reader moves it.
    """

    title = "What is its label?"
    description = (
        "Scenes with a red, a green and a blue glyph, and far from them a coloured square. They have no labels."
    )
    pictures = Array()
    labels = Array()
    cues = Array()
    shapes = traitlets.List(traitlets.Unicode(), list(SHAPES)).tag(sync=True)
    colours = traitlets.List(traitlets.Unicode(), list(COLOURS)).tag(sync=True)
    scene = traitlets.Int(0).tag(sync=True)
    asks = traitlets.Bool(True).tag(sync=True)

    @classmethod
    def of_world(cls, world: ContextWorld, **state: Any) -> Self:
        """The figure of some scenes."""
        cues = [scene.cue_colour for scene in world.scenes]
        return cls(pictures=world.pictures, labels=world.labels, cues=cues, **state)

    @classmethod
    def example(cls) -> Self:
        world = ContextWorld.generate(count=8, seed=3)
        return cls.of_world(world, caption="Name the label. After some pictures you know whether your rule is right.")

    def draw_still(self) -> Any:
        figure, axes = plt.subplots(1, len(self.pictures), figsize=(7, 1.2), layout="constrained", squeeze=False)
        for ax, picture in zip(axes[0], self.pictures, strict=True):
            plots.plot_picture(picture, ax=ax)
        return figure
