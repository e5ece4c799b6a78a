"""The Pair World: the Context World with two cues, which only together name the glyph.

Two filled squares, each in one of three colours, stand where the Context World has one. Two of the same colour name
that colour; two different ones name the third. So whether the red glyph counts depends on how much red there is *and*
on how much green and blue: gates that look at one channel each cannot tell. A vote that does not see the cues gets
9/16, as in the Context World. The data set is ours, not the paper's.
"""

from dataclasses import dataclass

import numpy as np

from senet_lib.data.context_world import COLOURS, CUE_SIZE, SIZE, Scene, World, draw_scene, render_scene

HALF = SIZE // 2  # one cue stands in the left half, one in the right: they never overlap


@dataclass(frozen=True)
class PairScene:
    """What a picture shows.

    Attributes:
        first: the scene with the left cue; its ``cue_colour`` is the left one's.
        second_colour: index into ``COLOURS`` of the right cue.
        second_corner: (row, column) of the right cue, before the scene is turned.
    """

    first: Scene
    second_colour: int
    second_corner: tuple[int, int]

    @property
    def named_colour(self) -> int:
        """Index into ``COLOURS``: of two equal colours that one, of two different ones the third."""
        return -(self.first.cue_colour + self.second_colour) % len(COLOURS)

    @property
    def label(self) -> int:
        """Index into ``SHAPES`` of the glyph that the pair names."""
        return self.first.shapes[self.named_colour]


class PairWorld(World[PairScene]):
    """The Pair World's pictures, labels and scenes."""

    @classmethod
    def generate(cls, count: int, seed: int) -> "PairWorld":
        """Draw ``count`` scenes at random. The same seed gives the same pictures on every machine.

        Raises:
            ValueError: if count is not a whole number of at least 1, or seed not one of at least 0.
        """
        return cls._draw(count, seed, draw_pair_scene, render_pair_scene)


def draw_pair_scene(random: np.random.Generator) -> PairScene:
    """Draw one scene: shapes, places and both cues are independent of each other and uniform."""
    scene = draw_scene(random)
    left, right = (int(column) for column in random.integers(HALF - CUE_SIZE + 1, size=2))
    row = scene.cue_corner[0]
    first = Scene(scene.shapes, scene.glyph_corners, scene.cue_colour, (row, left), scene.quarter_turns)
    return PairScene(first, int(random.integers(len(COLOURS))), (row, HALF + right))


def render_pair_scene(scene: PairScene) -> np.ndarray:
    """Paint a scene: uint8 (3, 32, 32), 0 or 255."""
    picture = np.rot90(render_scene(scene.first), -scene.first.quarter_turns, axes=(1, 2)).copy()
    row, column = scene.second_corner
    picture[scene.second_colour, row : row + CUE_SIZE, column : column + CUE_SIZE] = 255
    return np.rot90(picture, scene.first.quarter_turns, axes=(1, 2)).copy()
