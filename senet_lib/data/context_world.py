"""The Context World: small pictures that nobody can classify by looking at one place.

A picture of 32x32 pixels holds three glyphs, one in each colour channel, and far away a cue: a filled square in one
of the three colours. The label is the shape of the glyph that has the cue's colour. Any window that touches both the
cue and a glyph is at least 18 pixels wide or high (``WINDOW_FOR_BOTH``). The data set is ours, not the
paper's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import numpy as np

from senet_lib.common.validation import require_whole

SIZE = 32
COLOURS = ("red", "green", "blue")
SHAPES = ("plus", "ring", "cross", "block")

GLYPH_SIZE = 7
CUE_SIZE = 8
SOLVED = 0.97  # the test accuracy from which on the book calls the task solved: hardly any picture is wrong
# Before it is turned, a scene has its cue in the top rows and its glyphs in the bottom rows.
CUE_ROWS = 8
GLYPH_ROWS = 8
SLOT_WIDTH = 11
# Rows between cue and glyphs, and the nearest row of each: no smaller window touches both.
WINDOW_FOR_BOTH = SIZE - CUE_ROWS - GLYPH_ROWS + 2


SomeScene = TypeVar("SomeScene")


@dataclass(frozen=True)
class Scene:
    """What a picture shows. Corners are (row, column) of the upper left pixel, before the scene is turned.

    Attributes:
        shapes: index into ``SHAPES`` of the red, the green and the blue glyph.
        glyph_corners: corner of the red, the green and the blue glyph.
        cue_colour: index into ``COLOURS``.
        cue_corner: corner of the cue.
        quarter_turns: how often the picture is turned by 90 degrees, 0 to 3.
    """

    shapes: tuple[int, ...]
    glyph_corners: tuple[tuple[int, int], ...]
    cue_colour: int
    cue_corner: tuple[int, int]
    quarter_turns: int

    @property
    def label(self) -> int:
        """Index into ``SHAPES`` of the glyph that has the cue's colour."""
        return self.shapes[self.cue_colour]


@dataclass(frozen=True)
class World(Generic[SomeScene]):
    """Pictures, labels and the scenes behind them, of any of the worlds.

    Attributes:
        pictures: uint8 (N, 3, 32, 32), 0 or 255.
        labels: int64 (N,), index into ``SHAPES``.
        scenes: N scenes.
    """

    pictures: np.ndarray
    labels: np.ndarray
    scenes: tuple[SomeScene, ...]

    @classmethod
    def _draw(
        cls,
        count: int,
        seed: int,
        draw: Callable[[np.random.Generator], SomeScene],
        render: Callable[[SomeScene], np.ndarray],
        **more: Any,
    ) -> Self:
        """``count`` scenes, drawn one after the other and painted."""
        require_whole("count", count)
        require_whole("seed", seed, least=0)
        random = np.random.default_rng(seed)
        scenes: tuple[Any, ...] = tuple(draw(random) for _ in range(count))
        labels = np.array([scene.label for scene in scenes], dtype=np.int64)
        return cls(np.stack([render(scene) for scene in scenes]), labels, scenes, **more)


class ContextWorld(World[Scene]):
    """The Context World's pictures, labels and scenes."""

    @classmethod
    def generate(cls, count: int, seed: int) -> "ContextWorld":
        """Draw ``count`` scenes at random. The same seed gives the same pictures on every machine.

        Raises:
            ValueError: if count is not a whole number of at least 1, or seed not one of at least 0.
        """
        return cls._draw(count, seed, draw_scene, render_scene)

    def pixel_counts(self) -> np.ndarray:
        """How many pixels of each colour a picture has: int64 (N, 3). A 1,024th of that is the mean of its channel."""
        return (self.pictures > 0).sum((2, 3))


def glyph(shape: int) -> np.ndarray:
    """The mask of a shape: bool (7, 7)."""
    middle = GLYPH_SIZE // 2
    row, column = np.indices((GLYPH_SIZE, GLYPH_SIZE))
    from_middle = np.maximum(abs(row - middle), abs(column - middle))
    masks = {
        "plus": (abs(row - middle) <= 1) | (abs(column - middle) <= 1),
        "ring": from_middle >= middle - 1,
        "cross": (abs(row - column) <= 1) | (abs(row + column - 2 * middle) <= 1),
        "block": from_middle <= middle,
    }
    return masks[SHAPES[shape]]


def draw_scene(random: np.random.Generator) -> Scene:
    """Draw one scene: shapes, places and cue are independent of each other and uniform."""
    slots = random.permutation(3)
    corners = tuple(
        (
            int(random.integers(SIZE - GLYPH_ROWS, SIZE - GLYPH_SIZE + 1)),
            int(slot * SLOT_WIDTH + random.integers(SLOT_WIDTH - GLYPH_SIZE)),
        )
        for slot in slots
    )
    return Scene(
        shapes=tuple(int(shape) for shape in random.integers(len(SHAPES), size=3)),
        glyph_corners=corners,
        cue_colour=int(random.integers(len(COLOURS))),
        cue_corner=(int(random.integers(CUE_ROWS - CUE_SIZE + 1)), int(random.integers(SIZE - CUE_SIZE + 1))),
        quarter_turns=int(random.integers(4)),
    )


def render_scene(scene: Scene) -> np.ndarray:
    """Paint a scene: uint8 (3, 32, 32), 0 or 255."""
    picture = np.zeros((3, SIZE, SIZE), dtype=np.uint8)
    for colour, (shape, (row, column)) in enumerate(zip(scene.shapes, scene.glyph_corners, strict=True)):
        picture[colour, row : row + GLYPH_SIZE, column : column + GLYPH_SIZE] = 255 * glyph(shape)
    row, column = scene.cue_corner
    picture[scene.cue_colour, row : row + CUE_SIZE, column : column + CUE_SIZE] = 255
    return np.rot90(picture, scene.quarter_turns, axes=(1, 2)).copy()
