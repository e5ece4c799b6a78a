"""The Distance World: the Context World with the distance between cue and glyphs as a dial.

A picture of 32x32 pixels holds three glyphs, as in ``senet_lib.data.context_world``, and above each of them a copy of
the cue, always ``gap`` rows away. The label is the shape of the glyph that has the cue's colour. So two windows are
known for each picture: the smallest that touches a cue and a glyph, and the smallest that holds a glyph and its cue
whole. The data set is ours, not the paper's.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from senet_lib.common.validation import require_whole
from senet_lib.data.context_world import COLOURS, GLYPH_SIZE, SHAPES, SIZE, SLOT_WIDTH, World, glyph

CUE_HEIGHT = 5  # a cue is as wide as a glyph, and lower: no shape looks like it
MOST_GAP = SIZE - CUE_HEIGHT - GLYPH_SIZE


def require_gap(gap: Any) -> None:
    """Raise a ``ValueError`` that names the gap, unless cue and glyph fit into the picture with it."""
    require_whole("gap", gap, least=0)
    if gap > MOST_GAP:
        raise ValueError(f"gap is {gap}; with more than {MOST_GAP} rows between them, cue and glyph leave the picture")


def window_that_touches(gap: int) -> int:
    """Pixels across: no smaller window holds a pixel of a cue and one of a glyph."""
    return gap + 2


def window_that_holds(gap: int) -> int:
    """Pixels across: no smaller window holds a glyph and its cue whole."""
    return CUE_HEIGHT + gap + GLYPH_SIZE


@dataclass(frozen=True)
class DistanceScene:
    """What a picture shows, before it is turned. Rows and columns are those of upper left pixels.

    Attributes:
        shapes: index into ``SHAPES`` of the red, the green and the blue glyph.
        columns: of the red, the green and the blue glyph, and of the cues above them.
        cue_row: of all three cues; the glyphs begin ``CUE_HEIGHT + gap`` rows below it.
        cue_colour: index into ``COLOURS``.
        quarter_turns: how often the picture is turned by 90 degrees, 0 to 3.
    """

    shapes: tuple[int, ...]
    columns: tuple[int, ...]
    cue_row: int
    cue_colour: int
    quarter_turns: int

    @property
    def label(self) -> int:
        """Index into ``SHAPES`` of the glyph that has the cue's colour."""
        return self.shapes[self.cue_colour]


@dataclass(frozen=True)
class DistanceWorld(World[DistanceScene]):
    """The Distance World's pictures, labels and scenes.

    Attributes:
        gap: black rows between a cue and its glyph.
    """

    gap: int

    @classmethod
    def generate(cls, count: int, seed: int, gap: int) -> "DistanceWorld":
        """Draw ``count`` scenes at random. The same seed and gap give the same pictures on every machine.

        Raises:
            ValueError: if count is not a whole number of at least 1, seed not one of at least 0, or gap not one from 0
                to ``MOST_GAP``.
        """
        require_gap(gap)
        draw, render = partial(draw_distance_scene, gap=gap), partial(render_distance_scene, gap=gap)
        return cls._draw(count, seed, draw, render, gap=gap)


def draw_distance_scene(random: np.random.Generator, gap: int) -> DistanceScene:
    """Draw one scene: shapes, places and cue are independent of each other and uniform."""
    slots = random.permutation(len(COLOURS))
    columns = tuple(int(slot * SLOT_WIDTH + random.integers(SLOT_WIDTH - GLYPH_SIZE)) for slot in slots)
    return DistanceScene(
        shapes=tuple(int(shape) for shape in random.integers(len(SHAPES), size=len(COLOURS))),
        columns=columns,
        cue_colour=int(random.integers(len(COLOURS))),
        quarter_turns=int(random.integers(4)),
        cue_row=int(random.integers(MOST_GAP - gap + 1)),
    )


def render_distance_scene(scene: DistanceScene, gap: int) -> np.ndarray:
    """Paint a scene: uint8 (3, 32, 32), 0 or 255."""
    picture = np.zeros((len(COLOURS), SIZE, SIZE), dtype=np.uint8)
    glyph_row = scene.cue_row + CUE_HEIGHT + gap
    for colour, (shape, column) in enumerate(zip(scene.shapes, scene.columns, strict=True)):
        columns = slice(column, column + GLYPH_SIZE)
        picture[colour, glyph_row : glyph_row + GLYPH_SIZE, columns] = 255 * glyph(shape)
        picture[scene.cue_colour, scene.cue_row : scene.cue_row + CUE_HEIGHT, columns] = 255
    return np.rot90(picture, scene.quarter_turns, axes=(1, 2)).copy()
