"""Tests of the Distance World and the Pair World. What a picture shows is read from its pixels, turned upright."""

from collections import Counter

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from senet_lib.data import load_pictures
from senet_lib.data.context_world import COLOURS, CUE_SIZE, GLYPH_SIZE, SHAPES, SIZE, glyph
from senet_lib.data.distance_world import CUE_HEIGHT, MOST_GAP, DistanceWorld, window_that_holds, window_that_touches
from senet_lib.data.pair_world import PairWorld

GAPS = (0, 4, 12, MOST_GAP)
MAKERS = [lambda count, seed: DistanceWorld.generate(count, seed, gap=8), PairWorld.generate]
PICTURES = 40


def upright(picture: np.ndarray, quarter_turns: int) -> np.ndarray:
    return np.rot90(picture, -quarter_turns, axes=(1, 2)) > 0


def shape_at(lit: np.ndarray, row: int, column: int) -> int:
    """Which glyph stands in this channel, with its upper left corner here."""
    box = lit[row : row + GLYPH_SIZE, column : column + GLYPH_SIZE]
    return [np.array_equal(glyph(shape), box) for shape in range(len(SHAPES))].index(True)


def some_window(size: int, *masks: np.ndarray, whole: bool = False) -> bool:
    """Whether a square window of this size holds a pixel of each mask, or each mask as a whole."""
    counts = [sliding_window_view(mask, (size, size)).sum((2, 3)) for mask in masks]
    wanted = [mask.sum() if whole else 1 for mask in masks]
    return bool(np.all([count >= least for count, least in zip(counts, wanted, strict=True)], 0).any())


@pytest.mark.parametrize("gap", GAPS)
def test_a_distance_world_shows_what_its_scenes_say_and_no_smaller_window_touches_or_holds(gap):
    world = DistanceWorld.generate(PICTURES, seed=3, gap=gap)
    assert world.pictures.dtype == np.uint8 and set(np.unique(world.pictures)) == {0, 255}
    touching, holding = window_that_touches(gap), window_that_holds(gap)
    for picture, scene, label in zip(world.pictures, world.scenes, world.labels, strict=True):
        lit = upright(picture, scene.quarter_turns)
        first, last = np.flatnonzero(lit.any((0, 2)))[[0, -1]]
        cues, glyphs = lit.copy(), lit.copy()
        cues[:, first + CUE_HEIGHT :] = glyphs[:, : last + 1 - GLYPH_SIZE] = False
        assert np.array_equal(cues | glyphs, lit) and not (cues & glyphs).any()
        assert np.argwhere(cues.any((1, 2))).tolist() == [[scene.cue_colour]]
        assert cues.sum() == len(COLOURS) * CUE_HEIGHT * GLYPH_SIZE
        shapes = [shape_at(glyphs[c], last + 1 - GLYPH_SIZE, scene.columns[c]) for c in range(len(COLOURS))]
        assert tuple(shapes) == scene.shapes and label == shapes[scene.cue_colour]
        cue, mask = cues.any(0), glyphs.any(0)
        assert (some_window(touching - 1, cue, mask), some_window(touching, cue, mask)) == (False, True)
        for column in scene.columns:
            pair = [one[:, column : column + GLYPH_SIZE] for one in (cue, mask)]
            framed = [np.pad(one, ((0, 0), (column, SIZE - column - GLYPH_SIZE))) for one in pair]
            assert some_window(holding, *framed, whole=True)
            assert not some_window(holding - 1, *framed, whole=True)


def test_a_pair_world_shows_two_cues_that_name_one_glyph():
    world = PairWorld.generate(PICTURES, seed=3)
    assert world.pictures.dtype == np.uint8 and set(np.unique(world.pictures)) == {0, 255}
    for picture, scene, label in zip(world.pictures, world.scenes, world.labels, strict=True):
        lit = upright(picture, scene.first.quarter_turns)
        squares = np.argwhere(sliding_window_view(lit, (CUE_SIZE, CUE_SIZE), axis=(1, 2)).all((3, 4)))
        left, right = squares[np.argsort(squares[:, 2])][[0, -1]]  # two of one colour may touch
        assert left[2] + CUE_SIZE <= SIZE // 2 <= right[2]
        colours = {int(left[0]), int(right[0])}
        (named,) = colours if len(colours) == 1 else {0, 1, 2} - colours
        row, column = scene.first.glyph_corners[named]
        assert label == shape_at(lit[named], row, column)
        assert lit.sum() == 2 * CUE_SIZE**2 + sum(glyph(shape).sum() for shape in scene.first.shapes)


@pytest.mark.parametrize("generate", MAKERS)
def test_a_vote_without_the_cues_is_right_on_nine_sixteenths_and_colours_are_uniform(generate):
    world = generate(4000, 1)
    scenes = [getattr(scene, "first", scene) for scene in world.scenes]
    votes = [Counter(scene.shapes).most_common(1)[0][0] for scene in scenes]
    assert np.mean(votes == world.labels) == pytest.approx(9 / 16, abs=0.03)
    seconds = [getattr(scene, "second_colour", 0) for scene in world.scenes]
    pairs = Counter(zip([scene.cue_colour for scene in scenes], seconds, strict=True))
    assert min(pairs.values()) > 0.8 * 4000 / len(pairs) and len(pairs) in (3, 9)
    starts = Counter(scene.cue_row if hasattr(scene, "cue_row") else scene.cue_corner[1] for scene in scenes)
    assert min(starts.values()) > 0.7 * 4000 / len(starts) and len(starts) in (9, 13)
    assert set(np.bincount([scene.quarter_turns for scene in scenes]) > 900) == {True}


@pytest.mark.parametrize("generate", MAKERS)
def test_the_seed_decides(generate):
    one, same, other = generate(20, 0), generate(20, 0), generate(20, 1)
    assert np.array_equal(one.pictures, same.pictures) and one.scenes == same.scenes
    assert np.array_equal(one.labels, same.labels)
    assert (one.pictures != other.pictures).any((1, 2, 3)).all()


def test_worlds_are_loaded_by_name(refused):
    for name, test_set in (
        ("distance-world:8", DistanceWorld.generate(2000, 1, gap=8)),
        ("pair-world", PairWorld.generate(2000, 1)),
    ):
        train, test = load_pictures(name), load_pictures(name, train=False)
        assert (len(train), train.classes, train.name) == (8000, SHAPES, name)
        assert np.array_equal(test.pictures, test_set.pictures) and np.array_equal(test.labels, test_set.labels)
    assert load_pictures("distance-world:8", train=False, size=16).pictures.shape == (2000, 3, 16, 16)
    for gap in ("", "x", "-1", "1.5", str(MOST_GAP + 1)):
        with refused(f"'distance-world:{gap}': the gap is '{gap}'", f"whole number to {MOST_GAP}"):
            load_pictures(f"distance-world:{gap}")


def test_numbers_out_of_range_are_refused(refused):
    with refused(f"gap is {MOST_GAP + 1}", f"more than {MOST_GAP} rows"):
        DistanceWorld.generate(1, seed=0, gap=MOST_GAP + 1)
    for gap in (-1, 1.5):
        with refused(f"gap is {gap}", "whole number of at least 0"):
            DistanceWorld.generate(1, seed=0, gap=gap)
    for generate in MAKERS:
        with refused("count is 0", "at least 1"):
            generate(0, 0)
        with refused("seed is -1", "at least 0"):
            generate(1, -1)
