"""Reading SE code: one listing at a time in which one thing is wrong. The reader tests it, and finds the line.

The specimens are those of ``senet_lib.doctor.specimens``. The figure reads a file that ``python -m
senet_lib.book.experiments.find_the_fault_record`` writes.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from senet_lib.book.figures.figure import HERE, Asking, Figure
from senet_lib.book.figures.paired_seeds import T_QUANTILES
from senet_lib.book.plots import COLOURS

EXAMPLE = HERE / "find_the_fault_example.json"
# Of the dots: key of a training, name, colour and marker, as in find_the_fault.js.
LOOKS = (("faulty", "faulty", "#D55E00", "D"), ("sound", "sound twin", COLOURS["x_tilde"], "o"))
ROW_INCHES = 0.22


class FindTheFault(Asking, Figure):
    """A listing with a fault, and tests to run on it; after the reader's guess, its mend and what it does to training.

    Attributes:
        probes: the tests, dictionaries: each has a ``name``, a sentence on ``what`` it does, its lines of ``code``, and
            its ``helpers`` (a sentence, or "").
        specimens: dictionaries, each with a ``name`` of its own, the ``title`` that tells the fault, the ``setting``
            (what one must know besides the code), the ``code`` (its lines), ``faulty`` (indices of the wrong ones, one
            or more), the ``method`` where they are ("" if above all methods), the sentences ``fault`` and ``mend``, the
            ``difference`` (pairs of "-", "+", " " or "…" and a line), what each test that is offered ``says`` of it
            ("" if it passes; the sound twin passes all), the ``probe`` of these that exposes the fault, a ``finding``
            of the doctor ("code", "kind" and "what"), ``trainings``, and ``untrained``: a sentence on what was not
            trained, or "". A training has a ``title``, its ``seeds``, and the final test accuracies of both networks
            with them, ``faulty`` and ``sound`` (0 to 1).
        chosen: place of the one that is shown, from 0; the menu and two buttons move it.
        tested: from the name of a specimen to the tests that the reader has run on it, the last one at the end.
        marked: from the name of a specimen to the lines that the reader has chosen, in their order.
        hinted: names of the specimens whose hint the reader has asked for.
        revealed: names of the specimens whose fault is told, found or not.
    """

    title = "Find the fault"
    description = (
        "The final test accuracy of each faulty network and of its sound twin, a dot for each seed: on the left in the "
        "Context World, on the right on digits. Some faults cost much, others nothing that is to be seen."
    )
    probes = traitlets.List(traitlets.Dict()).tag(sync=True)
    specimens = traitlets.List(traitlets.Dict()).tag(sync=True)
    chosen = traitlets.Int(0).tag(sync=True)
    tested = traitlets.Dict(traitlets.List(traitlets.Unicode()), key_trait=traitlets.Unicode()).tag(sync=True)
    marked = traitlets.Dict(traitlets.List(traitlets.Int()), key_trait=traitlets.Unicode()).tag(sync=True)
    hinted = traitlets.List(traitlets.Unicode()).tag(sync=True)
    revealed = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _quantiles = traitlets.List(traitlets.Float(), T_QUANTILES).tag(sync=True)

    @classmethod
    def read(cls, path: str | Path, **state: Any) -> Self:
        """The figure over a file that ``python -m senet_lib.book.experiments.find_the_fault_record`` has written.

        Raises:
            ValueError: if it is none of these.
        """
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(probes=saved["probes"], specimens=saved["specimens"], **state)
        except (ValueError, TypeError, KeyError, traitlets.TraitError) as error:
            raise ValueError(
                f"{path} holds no specimens ({error!r}); "
                "write one with python -m senet_lib.book.experiments.find_the_fault_record"
            ) from None

    @classmethod
    def example(cls) -> Self:
        return cls.read(
            EXAMPLE,
            caption="After your answer, dots show five trainings: which faults would you never notice in them?",
        )

    def draw_still(self) -> Picture:
        shown = [one for one in self.specimens if one["trainings"]]
        titles = list(dict.fromkeys(training["title"] for one in shown for training in one["trainings"]))
        picture, axes = plt.subplots(
            1, len(titles), figsize=(7, 1 + ROW_INCHES * len(shown)), layout="constrained", sharey=True, squeeze=False
        )
        for title, ax in zip(titles, axes[0], strict=True):
            _draw_trainings(ax, title, shown)
        dots = [axes[0, 0].scatter([], [], c=colour, marker=marker) for _, _, colour, marker in LOOKS]
        names = [name for _, name, _, _ in LOOKS]
        picture.legend(dots, names, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
        return picture


def _draw_trainings(ax: Axes, title: str, specimens: Sequence[dict[str, Any]]) -> None:
    """A row for each specimen: the sound twin's seeds in its upper half, the faulty network's in its lower."""
    for row, one in enumerate(specimens):
        for training in (each for each in one["trainings"] if each["title"] == title):
            for (key, _, colour, marker), lane in zip(LOOKS, (0.17, -0.17), strict=True):
                heights = np.full(len(training[key]), row + lane)
                ax.scatter(training[key], heights, s=11, c=colour, marker=marker, alpha=0.75, linewidths=0)
    ax.set_yticks(range(len(specimens)), [one["title"] for one in specimens], fontsize=8)
    ax.set_ylim(len(specimens) - 0.5, -0.5)
    ax.set_title(title, loc="left", fontsize=10)
    ax.set_xlabel("test accuracy", fontsize=9)
    ax.tick_params(axis="x", labelsize=8)
    ax.grid(axis="y", visible=False)
    for row in range(1, len(specimens), 2):
        ax.axhspan(row - 0.5, row + 0.5, color="#000000", alpha=0.04, linewidth=0)
