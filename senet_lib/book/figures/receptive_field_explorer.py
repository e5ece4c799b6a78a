"""The receptive field: stack layers, move a unit over a scene, and see what can reach it and what it uses.

Sources: Araujo et al. (Distill, 2019, doi 10.23915/distill.00021) for the recursion; Luo et al. (arXiv 1701.04128) for
the effective field. The browser measures it as ``senet_lib.cost.receptive_field.effective_field`` does, on a stack of
convolutions with ``EFFECTIVE_CHANNELS`` channels and new He-normal weights for each of ``EFFECTIVE_DRAWS`` pictures.
"""

from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets

from senet_lib.book import plots
from senet_lib.book.figures.figure import Array, Asking, Figure
from senet_lib.data.context_world import CUE_SIZE, GLYPH_SIZE, SIZE, WINDOW_FOR_BOTH, ContextWorld

# As in receptive_field_explorer.js.
EFFECTIVE_CHANNELS = 4
EFFECTIVE_DRAWS = 64


class ReceptiveFieldExplorer(Asking, Figure):
    """A stack of convolutions over scenes of the Context World, and the field of one unit of its last map.

    Each layer pads with zeros by dilation · (kernel - 1) / 2 on each side, so that a map of n units becomes one of
    ceil(n / stride), and unit i of the last map looks at the pixels around pixel i · jump.

    With ``asks``, there is a guess to make: how many units see cue and glyph, with the layers that it begins with?

    Attributes:
        kernels: width of each layer's kernel, 1 to 8 layers, each one of 1, 3, 5, 7; the reader edits them.
        strides: of the same layers, each 1 or 2; the reader edits them.
        dilations: of the same layers, each 1, 2 or 3; the reader edits them.
        row: the unit's row in the last map, from 0; the reader moves it.
        column: the unit's column in the last map, from 0; the reader moves it.
        show: "theory" for what can reach the unit, "effective" for how much each pixel counts; the reader chooses.
        scene: which picture, from 0; the reader chooses.
        pictures: uint8 (N, 3, 32, 32), 0 to 255.
        cue_boxes: (N, 4) pixels: top, left, height and width of the cue in each picture.
        glyph_boxes: (N, 3, 4) pixels: the same for the red, the green and the blue glyph.
    """

    title = "What a unit sees"
    description = (
        "Left: a scene of the Context World, with the square of pixels that one unit sees. Right: how the width of "
        "that square grows from layer to layer, beside the 18 pixels that it takes to touch cue and glyph."
    )
    kernels = traitlets.List([3, 3, 3, 3, 3]).tag(sync=True)
    strides = traitlets.List([1, 2, 1, 1, 1]).tag(sync=True)
    dilations = traitlets.List([1, 1, 1, 1, 1]).tag(sync=True)
    row = traitlets.Int(8).tag(sync=True)
    column = traitlets.Int(8).tag(sync=True)
    show = traitlets.Unicode("theory").tag(sync=True)
    scene = traitlets.Int(0).tag(sync=True)
    pictures = Array()
    cue_boxes = Array()
    glyph_boxes = Array()

    @classmethod
    def of_world(cls, world: ContextWorld, **state: Any) -> Self:
        """The explorer over the pictures of a world, with the places of their cues and glyphs."""
        cues, glyphs = [], []
        for scene in world.scenes:
            cues.append(turned_box(scene.cue_corner, CUE_SIZE, scene.quarter_turns))
            glyphs.append([turned_box(corner, GLYPH_SIZE, scene.quarter_turns) for corner in scene.glyph_corners])
        return cls(pictures=world.pictures, cue_boxes=np.array(cues), glyph_boxes=np.array(glyphs), **state)

    @classmethod
    def example(cls) -> Self:
        return cls.of_world(
            ContextWorld.generate(count=3, seed=98),
            caption="Can you find a unit that sees the cue and a glyph? Add a layer, and look again.",
        )

    def draw_still(self) -> plt.Figure:
        figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), width_ratios=(1, 1.5), layout="constrained")
        sizes, jump = field_sizes(self.kernels, self.strides, self.dilations)
        top, start = (place * jump - (sizes[-1] - 1) // 2 for place in (self.row, self.column))
        plots.plot_picture(self.pictures[self.scene], f"one unit sees {sizes[-1]} × {sizes[-1]} pixels", ax=left)
        plots.plot_window(top, start, sizes[-1], ax=left)
        left.set(xlim=(-0.5, SIZE - 0.5), ylim=(SIZE - 0.5, -0.5))
        names = [f"layer {number}" for number in range(1, len(sizes) + 1)]
        plots.plot_field_growth(sizes, names, WINDOW_FOR_BOTH, ax=right)
        return figure


def turned_box(corner: tuple[int, int], size: int, quarter_turns: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of a square of a scene, in the picture that is turned by 90 degrees so often."""
    top, left = corner
    for _ in range(quarter_turns):
        top, left = SIZE - left - size, top
    return top, left, size, size


def field_sizes(kernels: list[int], strides: list[int], dilations: list[int]) -> tuple[list[int], int]:
    """Width of the field in pixels after each layer, and the jump after the last one."""
    sizes, size, jump = [], 1, 1
    for kernel, stride, dilation in zip(kernels, strides, dilations, strict=True):
        size += (kernel - 1) * dilation * jump
        jump *= stride
        sizes.append(size)
    return sizes, jump
