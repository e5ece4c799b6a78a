"""The Context World in miniature, trained in the page: one run step by step, or a hundred, to be counted."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as Picture

from senet_lib.book.figures.figure import Arrays, Asking, Figure
from senet_lib.book.plots import COLOURS
from senet_lib.data.context_world import SOLVED, ContextWorld

LEVELS = {"9/16": 9 / 16, "3/4": 3 / 4}  # the vote alone; one cue known, and a guess between the two others


class GateTraining(Asking, Figure):
    """Train the gates of a scene's three votes; then train them from a hundred seeds, and count.

    With ``asks``, the count waits for a guess: how many of a hundred trainings with one hidden unit solve it?

    Attributes:
        train: the scenes to learn from: ``pixels`` (N, 3), how many there are of each colour; ``shapes`` (N, 3), of the
            red, the green and the blue glyph; ``cues`` (N,), the cue's colour. :meth:`from_worlds` makes it.
        test: the scenes to count right answers on, alike.
        hidden: hidden units between three means and three gates, 1 to 8; the slider moves it.
        seed: of the first weights, 0 to 99; the slider and the button move it.
        step: how far the training is, 0 to 300; the slider moves it, and Train.
        part: what is shown: "one" training step by step, or "many", to be counted.
        accuracies: final ones by hidden units, each a list, for the still picture.
    """

    title = "Train the gates in this page"
    description = (
        "A row for each number of hidden units, 1 to 8. Each of many trainings is a point at its test accuracy. "
        "Lines mark 9/16 and 3/4."
    )
    train = Arrays()
    test = Arrays()
    hidden = traitlets.Int(1).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    part = traitlets.Unicode("one").tag(sync=True)
    accuracies: Mapping[int, Sequence[float]]

    def __init__(self, accuracies: Mapping[int, Sequence[float]] | None = None, **state: Any):
        super().__init__(**state)
        self.accuracies = accuracies or {}

    @classmethod
    def from_worlds(cls, train: ContextWorld, test: ContextWorld, **state: Any) -> Self:
        """The figure of some scenes to learn from, and others to test on."""
        return cls(train=_read_world(train), test=_read_world(test), **state)

    @classmethod
    def example(cls) -> Self:
        return cls.from_worlds(
            ContextWorld.generate(count=200, seed=0),
            ContextWorld.generate(count=200, seed=1),
            caption="Press Train. Then take another seed, and another number of hidden units.",
        )

    def draw_still(self) -> Picture:
        picture, ax = plt.subplots(figsize=(7, 3), layout="constrained")
        for name, level in LEVELS.items():
            ax.axvline(level, color=COLOURS["plain"], linestyle="--", linewidth=1)
            ax.text(level, -0.15, name, ha="center", va="bottom")
        for hidden, values in self.accuracies.items():
            height = hidden + np.linspace(-0.3, 0.3, len(values))
            ax.plot(values, height, ".", color=COLOURS["s"], markersize=4)
            solved = sum(value >= SOLVED for value in values)
            ax.text(1.02, hidden, f"{solved} of {len(values)} solve it", va="center")
        ax.set(xlim=(0.5, 1.01), ylim=(8.6, 0), xlabel="test accuracy at the end", ylabel="hidden units")
        ax.set_yticks(range(1, 9))
        return picture


def _read_world(world: ContextWorld) -> dict[str, np.ndarray]:
    return {
        "pixels": world.pixel_counts(),
        "shapes": np.array([scene.shapes for scene in world.scenes]),
        "cues": np.array([scene.cue_colour for scene in world.scenes]),
    }
