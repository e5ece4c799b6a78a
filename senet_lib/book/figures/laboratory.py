"""The laboratory: two small networks train in the reader's page, side by side, after a bet on how it ends.

Each trains in a Web Worker of its own: a whole step is an ONNX graph (``senet_lib.export.training_step``) that ONNX
Runtime Web runs. The scenes are those of :mod:`senet_lib.data.distance_world`, the start and the order of the batches
those of PyTorch, so that a run is the same run as in Python. Where nothing can be trained, recorded runs are shown.
"""

from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as Picture

from senet_lib.book import plots
from senet_lib.book.contestants import CONTESTANTS, Contestant
from senet_lib.book.figures.figure import Figure
from senet_lib.book.records import list_records, load_record
from senet_lib.data.context_world import SOLVED
from senet_lib.data.distance_world import DistanceWorld

GAPS = (1, 4, 8, 12, 16, 20)
BLIND_VOTE = 9 / 16
TRAIN_SEED = 0  # of the scenes
# Colour, dash and marker of recorded networks in the still picture.
LOOKS = {
    "plain-2": (plots.COLOURS["plain"], "--", "s"),
    "plain-4": (plots.COLOURS["x"], ":", "D"),
    "plain-6": (plots.COLOURS["x_tilde"], "-.", "^"),
    "se-2-r4": (plots.COLOURS["se"], "-", "o"),
}
# Arm of the records of distances -> contestant.
RECORDED = {
    "plain, 2 blocks": "plain-2",
    "plain, 4 blocks": "plain-4",
    "plain, 6 blocks": "plain-6",
    "SE, 2 blocks": "se-2-r4",
}
# What the chapters ask of the laboratory: where its controls begin.
PRESETS: dict[str, dict[str, Any]] = {
    # Both solve it in six epochs: chapter 1 has just said so.
    "in half the time": {"kind_a": "plain", "blocks_a": 2, "kind_b": "plain", "blocks_b": 4, "gap": 4, "epochs": 3},
    "add SE": {"kind_a": "plain", "kind_b": "se", "gap": 12, "epochs": 3},
    # So short that hardly a seed finds the rule: who ends higher is luck.
    "deal seeds": {
        **{"kind_a": "se", "reduction_a": 1, "kind_b": "se", "gap": 12, "epochs": 2, "pictures": 1600},
        "question": "higher",
    },
    "choose r": {"kind_a": "se", "reduction_a": 16, "kind_b": "se", "reduction_b": 1, "gap": 12, "epochs": 3},
}


class Laboratory(Figure):
    """Two contestants, a bet, and their training as it goes.

    Of A and B each has four traits of its own, such as ``kind_a`` and ``kind_b``. A network that is not in the
    ``catalogue`` is refused.

    Attributes:
        catalogue: file names of the networks that can be trained, such as "plain-2" and "se-2-r4".
        recorded: recorded test accuracies, from a network's name to those by distance, seed by seed and epoch by epoch.
        kind_a: "plain" or "se".
        blocks_a: 2, 4 or 6 residual blocks.
        reduction_a: r of its SE blocks, 1, 2, 4, 8 or 16.
        place_a: where its gates stand, "standard", "pre", "post" or "identity".
        gap: rows between a cue and its glyph, one of ``GAPS``.
        seed: of weights and batches, 0 to 99.
        epochs: 1 to 20.
        pictures: how many to learn from, 320, 800, 1600, 4000 or 8000: the first ones of the training set.
        learning_rate: the peak, or the constant rate.
        schedule: "one-cycle" or "constant".
        question: what the bet is about: "solve", which one reaches 0.97, or "higher", which one ends higher.
        bet: the reader's answer: "a", "b", "both" or "none" (for "higher": level), or "" before the bet.
        runtime: folder of ONNX Runtime Web, from the book's root.
        folder: folder of the contestants' files, from the book's root.
        kernel: whether a notebook's kernel trains; in a page there is none.
        device: what the kernel trains on, in words.
        request_a: what is wanted of the kernel: ``id`` of the run, its ``job``, and ``until``, the step to train to.
        report_a: what the kernel has done: the state of ``parts/training_contestant.js``, with ``id`` and ``until``.
    """

    title = "The laboratory: train two networks in this page"
    description = (
        "A scene of three glyphs, each with a cue at a distance, and test accuracies over six epochs of recorded "
        "trainings on such scenes. Lines mark 9/16 and 0.97."
    )
    catalogue = traitlets.List(traitlets.Unicode(), [one.name for one in CONTESTANTS]).tag(sync=True)
    recorded = traitlets.Dict().tag(sync=True)
    kind_a = traitlets.Unicode("plain").tag(sync=True)
    blocks_a = traitlets.Int(2).tag(sync=True)
    reduction_a = traitlets.Int(4).tag(sync=True)
    place_a = traitlets.Unicode("standard").tag(sync=True)
    kind_b = traitlets.Unicode("se").tag(sync=True)
    blocks_b = traitlets.Int(2).tag(sync=True)
    reduction_b = traitlets.Int(4).tag(sync=True)
    place_b = traitlets.Unicode("standard").tag(sync=True)
    gap = traitlets.Int(12).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    epochs = traitlets.Int(6).tag(sync=True)
    pictures = traitlets.Int(8000).tag(sync=True)
    learning_rate = traitlets.Float(0.005).tag(sync=True)
    schedule = traitlets.Unicode("one-cycle").tag(sync=True)
    question = traitlets.Unicode("solve").tag(sync=True)
    bet = traitlets.Unicode().tag(sync=True, transient=True)
    runtime = traitlets.Unicode("vendor/onnxruntime/").tag(sync=True)
    folder = traitlets.Unicode("networks/training/").tag(sync=True)
    kernel = traitlets.Bool(False).tag(sync=True, transient=True)
    device = traitlets.Unicode().tag(sync=True, transient=True)
    request_a = traitlets.Dict().tag(sync=True, transient=True)
    request_b = traitlets.Dict().tag(sync=True, transient=True)
    report_a = traitlets.Dict().tag(sync=True, transient=True)
    report_b = traitlets.Dict().tag(sync=True, transient=True)

    @classmethod
    def preset(cls, name: str, **state: Any) -> Self:
        """The laboratory as a chapter needs it, with the book's records to fall back on.

        Args:
            name: a key of ``PRESETS``.
            **state: traits that are to be otherwise.

        Raises:
            ValueError: if there is no such preset.
        """
        if name not in PRESETS:
            raise ValueError(f"there is no preset {name!r}; use one of {', '.join(PRESETS)}")
        return cls(**{"recorded": read_recorded(), **PRESETS[name], **state})

    @classmethod
    def example(cls) -> Self:
        caption = (
            "Bet, then train. Nothing leaves this page. Which network finds the cue, and from which distance on not?"
        )
        return cls.preset("add SE", caption=caption)

    def contestant(self, lane: str) -> Contestant:
        """The network that is chosen for a lane, "a" or "b"."""
        kind, blocks, reduction, place = (
            getattr(self, f"{part}_{lane}") for part in ("kind", "blocks", "reduction", "place")
        )
        return Contestant(blocks) if kind == "plain" else Contestant(blocks, reduction, place)

    def draw_still(self) -> Picture:
        figure, (left, ax) = plt.subplots(1, 2, figsize=(7, 2.6), width_ratios=(1, 2), layout="constrained")
        scene = DistanceWorld.generate(1, TRAIN_SEED, self.gap)
        plots.plot_picture(scene.pictures[0], f"{self.gap} rows between", ax=left)
        chosen = {self.contestant(lane).name for lane in ("a", "b")}
        runs = {name: self.recorded.get(name, {}).get(str(self.gap), []) for name in LOOKS}
        shown = [name for name in LOOKS if runs[name] and (name in chosen or not any(map(runs.get, chosen)))]
        for name in shown:
            colour, dash, marker = LOOKS[name]
            for index, run in enumerate(runs[name]):
                label = name if index == 0 else None
                ax.plot(range(1, len(run) + 1), run, color=colour, linestyle=dash, marker=marker, label=label)
        for level, text in ((BLIND_VOTE, "9/16"), (SOLVED, f"{SOLVED}")):
            ax.axhline(level, color="0.5", linewidth=0.8, linestyle=":")
            ax.annotate(text, (1.005, level), xycoords=("axes fraction", "data"), va="center", fontsize=9)
        ax.set(xlabel="epochs", ylim=(0.2, 1.03))
        ax.set_title("test accuracy, recorded", loc="left", fontsize=10)
        if shown:
            ax.legend(frameon=False, loc="lower right", ncols=2)
        return figure


def read_recorded() -> dict[str, dict[str, list[list[float]]]]:
    """The book's records of the distances: contestant -> gap, as text -> test accuracies of each seed's epochs."""
    known = list_records()
    recorded: dict[str, dict[str, list[list[float]]]] = {}
    for gap in GAPS:
        if f"distance-{gap}" not in known:
            continue
        for run in sorted(load_record(f"distance-{gap}")["runs"], key=lambda run: run["seed"]):
            if run["arm"] in RECORDED:
                curves = recorded.setdefault(RECORDED[run["arm"]], {}).setdefault(str(gap), [])
                curves.append([round(float(np.float32(epoch["test_accuracy"])), 4) for epoch in run["epochs"]])
    return recorded
