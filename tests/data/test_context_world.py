"""Tests of senet_lib.data.context_world. What a picture shows is read from its pixels, not from the scene behind it."""

from collections import Counter
from dataclasses import dataclass
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from senet_lib.data.context_world import (
    COLOURS,
    CUE_SIZE,
    GLYPH_SIZE,
    SHAPES,
    SIZE,
    WINDOW_FOR_BOTH,
    ContextWorld,
    Scene,
    glyph,
)


@dataclass(frozen=True)
class Reading:
    """What somebody sees who looks at the pixels alone. Masks are bool (H, W)."""

    cue_colour: int
    cue: np.ndarray
    shapes: tuple[str, ...]
    glyphs: tuple[np.ndarray, ...]


def read(picture: np.ndarray) -> Reading:
    """The cue is the only filled square of its size; what is left in each colour is a glyph."""
    lit = picture > 0
    squares = sliding_window_view(lit, (CUE_SIZE, CUE_SIZE), axis=(1, 2)).all((3, 4))
    ((cue_colour, row, column),) = np.argwhere(squares)
    cue = np.zeros((SIZE, SIZE), dtype=bool)
    cue[row : row + CUE_SIZE, column : column + CUE_SIZE] = True
    glyphs = tuple(channel & ~cue if colour == cue_colour else channel for colour, channel in enumerate(lit))
    return Reading(int(cue_colour), cue, tuple(shape_in(crop(mask)) for mask in glyphs), glyphs)


def crop(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def shape_in(box: np.ndarray) -> str:
    """Tell the shapes apart by what makes them: corners, middles of the sides, centre."""
    middle = len(box) // 2
    corners = box[[0, 0, -1, -1], [0, -1, 0, -1]]
    sides = box[[0, middle, middle, -1], [middle, 0, -1, middle]]
    assert box.shape == (GLYPH_SIZE, GLYPH_SIZE)
    assert corners.all() or not corners.any()
    assert sides.all() or not sides.any()
    seen = (bool(corners[0]), bool(sides[0]), bool(box[middle, middle]))
    return {
        (False, True, True): "plus",
        (True, True, False): "ring",
        (True, False, True): "cross",
        (True, True, True): "block",
    }[seen]


@pytest.fixture(scope="module")
def world() -> ContextWorld:
    return ContextWorld.generate(400, seed=0)


@pytest.fixture(scope="module")
def readings(world) -> list[Reading]:
    return [read(picture) for picture in world.pictures]


@pytest.fixture(scope="module")
def many() -> ContextWorld:
    return ContextWorld.generate(6400, seed=1)


# --- what is promised of the arrays -----------------------------------------------------------------------------------


def test_arrays_have_the_promised_shapes_types_and_values(world):
    assert world.pictures.shape == (400, 3, SIZE, SIZE) and world.pictures.dtype == np.uint8
    assert world.labels.shape == (400,) and world.labels.dtype == np.int64
    assert np.unique(world.pictures).tolist() == [0, 255]
    assert np.unique(world.labels).tolist() == list(range(len(SHAPES)))
    assert len(world.scenes) == 400


def test_the_same_seed_gives_the_same_world_and_another_seed_another(world):
    again, other = ContextWorld.generate(400, seed=0), ContextWorld.generate(400, seed=2)
    assert np.array_equal(world.pictures, again.pictures)
    assert np.array_equal(world.labels, again.labels)
    assert world.scenes == again.scenes
    assert (world.pictures != other.pictures).any((1, 2, 3)).all()


def test_a_larger_world_begins_with_the_smaller_one(world):
    small = ContextWorld.generate(3, seed=0)
    assert np.array_equal(small.pictures, world.pictures[:3])


def test_pictures_repeat_hardly_ever(many):
    assert len({picture.tobytes() for picture in many.pictures}) > 0.99 * len(many.pictures)


# --- the label --------------------------------------------------------------------------------------------------------


def test_the_label_is_the_shape_of_the_glyph_in_the_cues_colour(world, readings):
    expected = [SHAPES.index(reading.shapes[reading.cue_colour]) for reading in readings]
    assert world.labels.tolist() == expected


def test_cue_blind_optimum_is_nine_sixteenths_by_enumeration():
    """The best that one can do without the cue: vote for the label that most of the three cues would give."""
    corners = ((22, 0), (22, 11), (22, 22))
    votes = []
    for shapes in product(range(len(SHAPES)), repeat=3):
        labels = Counter(Scene(shapes, corners, cue_colour, (0, 0), 0).label for cue_colour in range(len(COLOURS)))
        votes.append(labels.most_common(1)[0][1] / len(COLOURS))
    assert np.mean(votes) == 9 / 16


# --- geometry ---------------------------------------------------------------------------------------------------------


def windows_that_touch_both(reading: Reading, size: int) -> int:
    """How many square windows of this size hold a pixel of the cue and a pixel of a glyph."""

    def touches(mask: np.ndarray) -> np.ndarray:
        return sliding_window_view(mask, (size, size)).any((2, 3))

    return int((touches(reading.cue) & touches(np.any(reading.glyphs, axis=0))).sum())


def test_no_window_below_the_promised_size_touches_cue_and_glyph(readings):
    assert all(windows_that_touch_both(reading, WINDOW_FOR_BOTH - 1) == 0 for reading in readings)


def test_the_promised_size_is_the_smallest_such_window(readings):
    assert any(windows_that_touch_both(reading, WINDOW_FOR_BOTH) > 0 for reading in readings)


def test_nothing_overlaps_and_nothing_is_cut_off(world, readings):
    for picture, reading in zip(world.pictures, readings, strict=True):
        assert (picture > 0).sum(0).max() == 1
        lit = sum(int(glyph(SHAPES.index(shape)).sum()) for shape in reading.shapes) + CUE_SIZE**2
        assert (picture > 0).sum() == lit
        boxes = np.zeros((SIZE, SIZE), dtype=int)
        for mask in (*reading.glyphs, reading.cue):
            rows, columns = np.nonzero(mask)
            boxes[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] += 1
        assert boxes.max() == 1


def test_corners_in_the_scene_are_those_of_the_picture_before_it_was_turned(world):
    for scene, picture in zip(world.scenes, world.pictures, strict=True):
        reading = read(np.rot90(picture, -scene.quarter_turns, axes=(1, 2)))
        corners = [tuple(np.argwhere(mask).min(0).tolist()) for mask in (*reading.glyphs, reading.cue)]
        assert tuple(corners[:3]) == scene.glyph_corners
        assert corners[3] == scene.cue_corner


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_a_glyph_fills_its_box_and_looks_the_same_after_a_turn(shape):
    mask = glyph(shape)
    assert mask.shape == crop(mask).shape == (GLYPH_SIZE, GLYPH_SIZE) and mask.dtype == bool
    assert shape_in(mask) == SHAPES[shape]
    for turned in (np.rot90(mask), np.rot90(mask, 2), np.rot90(mask, 3), mask.T, mask[::-1]):
        assert np.array_equal(turned, mask)


# --- chances ----------------------------------------------------------------------------------------------------------


def assert_uniform(values: list, kinds: int) -> None:
    """Chi-square at most six standard deviations above its mean."""
    counts = np.array(list(Counter(values).values()))
    assert len(counts) == kinds
    expected = len(values) / kinds
    freedom = kinds - 1
    assert ((counts - expected) ** 2 / expected).sum() < freedom + 6 * (2 * freedom) ** 0.5


def test_shapes_cues_and_turns_are_uniform_and_independent(many):
    scenes = many.scenes
    assert_uniform([scene.shapes for scene in scenes], len(SHAPES) ** 3)
    assert_uniform([scene.cue_colour for scene in scenes], len(COLOURS))
    assert_uniform([scene.quarter_turns for scene in scenes], 4)
    assert_uniform([(scene.cue_colour, scene.quarter_turns, scene.label) for scene in scenes], 48)


def test_the_colours_stand_in_any_order(many):
    orders = [tuple(np.argsort([column for _, column in scene.glyph_corners]).tolist()) for scene in many.scenes]
    assert_uniform(orders, 6)


# --- wrong input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_one_is_refused(count, refused):
    with refused(f"count is {count}", "at least 1"):
        ContextWorld.generate(count, seed=0)


@pytest.mark.parametrize("seed", [-1, 1.5])
def test_a_seed_that_is_no_whole_number_from_zero_is_refused(seed, refused):
    with refused(f"seed is {seed}", "whole number of at least 0"):
        ContextWorld.generate(3, seed=seed)


def logits_of_a_sum(triple, colours):
    """Logits (3, 4) of g + b, with b[c, k] = 3·k·c, that are right on these colours of a triple whose shapes rise.

    Two shapes are equal halfway between their colours: with that, g follows from one shape to the next.
    """
    g = np.full(4, -1e3)
    shapes = [triple[colour] for colour in colours]
    g[shapes[0]] = 0.0
    for (c1, k1), (c2, k2) in pairwise(zip(colours, shapes, strict=True)):
        if k2 > k1:
            g[k2] = g[k1] - 3 * (c1 + c2) / 2 * (k2 - k1)
    return g + 3 * np.outer(np.arange(3), np.arange(4))


def test_a_sum_of_glyphs_and_cue_can_be_right_in_three_quarters_of_all_cases():
    """What chapter 1 says of 9/16: it is where training ends, not a law for the accuracy of a local network."""
    parts = [part for size in (1, 2, 3) for part in combinations(range(3), size)]
    right = 0
    for triple in product(range(4), repeat=3):
        rising = [part for part in parts if all(triple[a] <= triple[b] for a, b in pairwise(part))]
        right += max((logits_of_a_sum(triple, part).argmax(1) == triple).sum() for part in rising)
    assert right == 144 and right / (64 * 3) == 0.75
