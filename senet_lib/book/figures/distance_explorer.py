"""How far does a network see? The reader moves the cue, guesses, and uncovers what training reached.

The pictures are those of :mod:`senet_lib.data.distance_world`; the accuracies are recorded by
``senet_lib.book.experiments.distance``. Nothing is shown of a distance before the reader has guessed, or asked for all.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets

from senet_lib.book import plots
from senet_lib.book.figures.figure import Array, Asking, Figure
from senet_lib.book.records import list_records, load_record
from senet_lib.data.context_world import GLYPH_SIZE, SIZE
from senet_lib.data.distance_world import CUE_HEIGHT, MOST_GAP, DistanceScene, DistanceWorld, render_distance_scene

# Arm of the records -> width of a unit's field in pixels; with SE a unit hears of the whole picture.
FIELDS = {"plain, 2 blocks": 17, "plain, 4 blocks": 33, "plain, 6 blocks": 49, "SE, 2 blocks": SIZE}
MISSING = -1.0
SCENE_SEED = 21  # the glyph that is meant stands in the middle


class DistanceExplorer(Asking, Figure):
    """Accuracies of networks over the distance between cue and glyphs, uncovered guess by guess.

    Attributes:
        gaps: the G distances, in rows, ascending.
        networks: names of the A networks.
        fields: of each network, how many pixels a unit sees across.
        accuracies: (A, G, S), test accuracy after six epochs for each of S seeds, 0 to 1; -1 where there is none.
        curves: (A, G, P, E), test accuracy after each of E epochs at a constant learning rate for each of P seeds; -1
            after the end of a run.
        pictures: uint8 (G, 3, 32, 32), one scene with its cues at each distance.
        places: int (G, 3), in each picture: row of the cues, row of the glyphs, column of the glyph that is meant.
        gap: the distance that is shown, one of ``gaps``; the reader moves it.
        network: the network that is asked, one of ``networks``; the reader chooses.
        show_all: set it, and everything is uncovered.
    """

    title = "How far does a network see?"
    description = (
        "Scenes with three coloured glyphs and a cue above each, at growing distances. A square of 17 pixels, what one "
        "unit sees, holds glyph and cue whole only where they are near."
    )
    gaps = traitlets.List(traitlets.Int()).tag(sync=True)
    networks = traitlets.List(traitlets.Unicode()).tag(sync=True)
    fields = traitlets.List(traitlets.Int()).tag(sync=True)
    accuracies = Array()
    curves = Array()
    pictures = Array()
    places = Array()
    gap = traitlets.Int(1).tag(sync=True)
    network = traitlets.Unicode("plain, 2 blocks").tag(sync=True)
    asks = traitlets.Bool(True).tag(sync=True)
    show_all = traitlets.Bool(False).tag(sync=True)

    @classmethod
    def of_records(cls, networks: Sequence[str] = tuple(FIELDS), **state: Any) -> Self:
        """The explorer over the book's records, for these arms of them.

        Raises:
            ValueError: if a record has none of these arms.
        """
        known = list_records()
        gaps = [gap for gap in range(MOST_GAP + 1) if f"distance-{gap}" in known]
        worlds = [DistanceWorld.generate(1, SCENE_SEED, gap) for gap in gaps]
        patient = [f"distance-{gap}-patient" for gap in gaps]
        return cls(
            gaps=gaps,
            networks=list(networks),
            fields=[FIELDS[name] for name in networks],
            accuracies=_histories([f"distance-{gap}" for gap in gaps], networks)[..., -1],
            curves=_histories([name if name in known else None for name in patient], networks),
            pictures=np.stack([render_distance_scene(_upright(world), world.gap) for world in worlds]),
            places=np.array([_places(_upright(world), world.gap) for world in worlds]),
            **{"gap": gaps[0], **state},
        )

    @classmethod
    def example(cls) -> Self:
        return cls.of_records(caption="Choose a distance and a network, and guess before you look.")

    def draw_still(self) -> plt.Figure:
        figure, axes = plt.subplots(1, len(self.gaps), figsize=(7, 1.7), layout="constrained", squeeze=False)
        for ax, gap, picture, (cue, glyph, column) in zip(
            axes[0], self.gaps, self.pictures, self.places.tolist(), strict=True
        ):
            plots.plot_picture(picture, f"gap {gap}", ax=ax)
            top, left = (cue + glyph + GLYPH_SIZE - self.fields[0]) // 2, column + (GLYPH_SIZE - self.fields[0]) // 2
            plots.plot_window(top, left, self.fields[0], ax=ax)
            ax.set(xlim=(-0.5, SIZE - 0.5), ylim=(SIZE - 0.5, -0.5))
        return figure


def _histories(names: Sequence[str | None], arms: Sequence[str]) -> np.ndarray:
    """Test accuracies after each epoch: (arms, names, seeds, epochs).

    ``MISSING`` stands where a run has ended or is not there. The last column is the accuracy after a run's last
    epoch if all runs are equally long.
    """
    found = [[_runs(name, arm) for name in names] for arm in arms]
    seeds = max([1, *(len(runs) for of_arm in found for runs in of_arm)])
    epochs = max([1, *(len(run) for of_arm in found for runs in of_arm for run in runs)])
    padded = np.full((len(arms), len(names), seeds, epochs), MISSING, np.float32)
    for arm, of_arm in enumerate(found):
        for place, runs in enumerate(of_arm):
            for seed, run in enumerate(runs):
                padded[arm, place, seed, : len(run)] = run
    return padded


def _runs(name: str | None, arm: str) -> list[list[float]]:
    runs = [run for run in load_record(name)["runs"] if run["arm"] == arm] if name else []
    ordered = sorted(runs, key=lambda run: run["seed"])
    return [[epoch["test_accuracy"] for epoch in run["epochs"]] for run in ordered]


def _upright(world: DistanceWorld) -> DistanceScene:
    return replace(world.scenes[0], quarter_turns=0)


def _places(scene: DistanceScene, gap: int) -> tuple[int, int, int]:
    """Row of the cues, row of the glyphs, column of the glyph that the cue means."""
    return scene.cue_row, scene.cue_row + CUE_HEIGHT + gap, scene.columns[scene.cue_colour]
