"""The Context World in miniature: what its scenes are, what it can reach, and how many trainings get there."""

import numpy as np
import pytest
import torch
from torch import nn

from senet_lib.book.miniature import SCALE, first_weights, read_worlds, train_miniatures, vote
from senet_lib.data.context_world import ContextWorld


@pytest.fixture(scope="module")
def worlds() -> tuple[ContextWorld, ContextWorld]:
    return ContextWorld.generate(count=500, seed=0), ContextWorld.generate(count=1000, seed=1)


@pytest.fixture(scope="module")
def scenes(worlds):
    return read_worlds(*worlds)


def test_means_are_those_of_the_pictures_with_the_trainings_mean_and_spread(worlds, scenes):
    means = [torch.tensor(world.pictures / 255).mean((2, 3)) for world in worlds]
    centre, spread = means[0].mean(0), means[0].std(0, correction=0)
    for mean, found in zip(means, scenes, strict=True):
        torch.testing.assert_close(found.z, (mean - centre) / spread)


def test_the_vote_of_the_cues_glyph_is_the_label(worlds, scenes):
    for world, found in zip(worlds, scenes, strict=True):
        cues = torch.tensor([scene.cue_colour for scene in world.scenes])
        assert torch.equal(found.votes[torch.arange(len(cues)), cues].argmax(1), found.labels)
        assert torch.equal(found.votes.sum(2), torch.ones(len(cues), 3, dtype=torch.float64))


def test_logits_are_those_of_two_linear_layers_and_a_sum_over_the_votes(scenes):
    weights = first_weights(hidden=5, seed=3)
    excite = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 3), nn.Sigmoid()).double()
    for parameter, value in zip(excite.parameters(), weights, strict=True):
        parameter.data.copy_(value)
    test = scenes[1]
    expected = SCALE * (excite(test.z)[:, :, None] * test.votes).sum(1)
    torch.testing.assert_close(vote([part[None] for part in weights], test)[0], expected)


def test_open_gates_reach_nine_sixteenths_and_one_known_cue_three_quarters():
    """The two levels that the book derives, over all that three glyphs and a cue can be."""
    shapes = torch.cartesian_prod(*[torch.arange(4)] * 3)
    right_by_vote = right_with_red_known = 0.0
    for cue in range(3):
        for glyphs in shapes.tolist():
            counts = np.bincount(glyphs, minlength=4)
            right_by_vote += (counts[glyphs[cue]] == counts.max()) / (counts == counts.max()).sum()
            right_with_red_known += 1.0 if cue == 0 or glyphs[1] == glyphs[2] else 0.5
    assert right_by_vote / (3 * len(shapes)) == pytest.approx(9 / 16)
    assert right_with_red_known / (3 * len(shapes)) == pytest.approx(3 / 4)


def test_trainings_side_by_side_are_those_one_by_one(scenes):
    together = train_miniatures(2, [4, 0, 7], *scenes, steps=40)
    alone = [train_miniatures(2, [seed], *scenes, steps=40)[0] for seed in (4, 0, 7)]
    assert together.tolist() == alone


def test_a_narrow_bottleneck_makes_trainings_fail(scenes):
    failed = [int((train_miniatures(hidden, range(20), *scenes) < 0.97).sum()) for hidden in (1, 2, 6)]
    assert failed[0] > 2 * failed[1] and failed[2] == 0


@pytest.mark.parametrize("hidden", [0, 1.5, None])
def test_bad_numbers_of_hidden_units_are_named(scenes, hidden):
    with pytest.raises(ValueError, match="hidden"):
        train_miniatures(hidden, [0], *scenes)
