"""The Context World in miniature: three means, an excitation, three votes. Nothing but the excitation learns.

A scene is reduced to its glyphs: the shape of each colour's glyph is a vote for a class, and the gates, computed from
the three channel means, weight the votes. A training takes a few hundredths of a second, so many seeds can be compared.
``figures/parts/excitation_training.js`` does the same in a page, with the same first weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from senet_lib.book.draws import normal_draws
from senet_lib.common.validation import require_whole
from senet_lib.data.context_world import COLOURS, SHAPES, ContextWorld

STEPS = 300
SCALE = 4.0  # a vote with an open gate adds so much to its class's logit
LEARNING_RATE = 0.05


@dataclass(frozen=True)
class Scenes:
    """Scenes as the miniature sees them, in float64."""

    # (N, 3), how many pixels of each colour there are, with mean 0 and standard deviation 1 over the training
    z: Tensor
    votes: Tensor  # (N, 3, 4), 1 at the shape of each colour's glyph
    labels: Tensor  # int64 (N,)


def read_worlds(train: ContextWorld, test: ContextWorld) -> tuple[Scenes, Scenes]:
    """The scenes to train on, and those to test on."""
    pixels = train.pixel_counts()
    mean, deviation = pixels.mean(0), pixels.std(0)

    def read(world: ContextWorld) -> Scenes:
        shapes = torch.tensor([scene.shapes for scene in world.scenes])
        z = torch.from_numpy((world.pixel_counts() - mean) / deviation)
        return Scenes(z, F.one_hot(shapes, len(SHAPES)).double(), torch.from_numpy(world.labels))

    return read(train), read(test)


def first_weights(hidden: int, seed: int) -> list[Tensor]:
    """The excitation's two layers before training, float64: (hidden, 3), (hidden,), (3, hidden), (3,).

    By He's rule, as in the book's networks; the biases are 0.
    """
    channels = len(COLOURS)
    draws = torch.from_numpy(normal_draws(seed, 2 * channels * hidden).astype(np.float64))
    reduce, expand = draws.split(channels * hidden)
    return [
        reduce.reshape(hidden, channels) * (2 / channels) ** 0.5,
        torch.zeros(hidden, dtype=torch.float64),
        expand.reshape(channels, hidden) * (2 / hidden) ** 0.5,
        torch.zeros(channels, dtype=torch.float64),
    ]


def vote(weights: Sequence[Tensor], scenes: Scenes) -> Tensor:
    """The logits of all scenes by many excitations at once, whose weights have a first axis R: (R, N, 4)."""
    reduce, reduce_bias, expand, expand_bias = weights
    h = F.relu(scenes.z @ reduce.mT + reduce_bias[:, None])
    s = torch.sigmoid(h @ expand.mT + expand_bias[:, None])  # (R, N, 3)
    return SCALE * torch.einsum("rnc,ncq->rnq", s, scenes.votes)


def train_miniatures(hidden: int, seeds: Sequence[int], train: Scenes, test: Scenes, steps: int = STEPS) -> np.ndarray:
    """Train one excitation for each seed, side by side, on all scenes at once with Adam.

    Args:
        hidden: hidden units between the three means and the three gates.
        seeds: of the first weights; nothing else differs.
        train: the scenes to learn from.
        test: the scenes to count right answers on.
        steps: how many.

    Returns:
        The share of right answers, float64 (seeds,), 0 to 1.

    Raises:
        ValueError: if hidden is not a whole number of at least 1.
    """
    require_whole("hidden", hidden)
    first = [first_weights(hidden, seed) for seed in seeds]
    weights = [torch.stack(parts).requires_grad_() for parts in zip(*first, strict=True)]
    optimiser = torch.optim.Adam(weights, lr=LEARNING_RATE)
    labels = train.labels.expand(len(seeds), -1)
    for _ in range(steps):
        optimiser.zero_grad()
        losses = F.cross_entropy(vote(weights, train).permute(0, 2, 1), labels, reduction="none").mean(1)
        losses.sum().backward()  # each excitation has its own loss, and Adam looks at each weight alone
        optimiser.step()
    with torch.no_grad():
        return (vote(weights, test).argmax(2) == test.labels).double().mean(1).numpy()
