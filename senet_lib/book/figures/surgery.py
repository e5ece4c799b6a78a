"""SE in a network that exists: tick the places, see the cost, or why not, and the line of Python that does it."""

import json
from pathlib import Path
from typing import Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets

from senet_lib.book import plots
from senet_lib.book.figures.figure import Array, Asking, Figure

EXAMPLE = Path(__file__).parent / "surgery_example.json"
WORDS = {
    "x": "logit without SE",
    "y": "logit with SE inserted",
    "gate": "all gates start at {gate:g}",
}


class Surgery(Asking, Figure):
    """Tick modules of a network, and see what ``insert_squeeze_excitation`` makes of it.

    With ``asks``, the logits wait for a guess: how many answers change if the gates start at 0.9?

    Attributes:
        networks: of ``senet_lib.book.surgeries.prepare_networks()``.
        network: the name of one of them. The menu moves it; then nothing is ticked.
        ticked: names of its places that get SE. The reader ticks them.
        reduction: r, one of 4, 8, 16, 32. The reader moves it.
        start_gates: G numbers above 0 and up to 1, the last one 1.
        start_gate: one of them: where all gates start. The slider moves it.
        part: what is shown: the "places" for SE, or the "start" gate.
        logits: float32 (1 + G, B, classes), of a small network without SE, then with each start gate.
    """

    title = "Put SE into a network"
    description = (
        "Logits of a small network with SE inserted, against its logits without. With gates that start at 0.9 the "
        "points lie off the diagonal. With gates that start at 1 all lie on it."
    )
    networks = traitlets.List(traitlets.Dict()).tag(sync=True)
    network = traitlets.Unicode("resnet50").tag(sync=True)
    ticked = traitlets.List(traitlets.Unicode()).tag(sync=True)
    reduction = traitlets.Int(16).tag(sync=True)
    start_gates = traitlets.List(traitlets.Float()).tag(sync=True)
    start_gate = traitlets.Float(0.9).tag(sync=True)
    part = traitlets.Unicode("places").tag(sync=True)
    logits = Array()

    @classmethod
    def example(cls) -> Self:
        """The chapter's networks, and logits of 40 pictures, as ``python -m senet_lib.book.surgeries`` wrote them."""
        example = json.loads(EXAMPLE.read_text(encoding="utf-8"))
        return cls(
            networks=example["networks"],
            start_gates=example["start_gates"],
            logits=np.array(example["logits"], np.float32),
            caption="Tick blocks, and copy the line. Then slide the start gate: where do all logits stay?",
        )

    def draw_still(self) -> plt.Figure:
        """Two start gates, and the logits that they give."""
        before, *after = self.logits
        figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.3), sharey=True, layout="constrained")
        for ax, gate in zip(axes, (self.start_gate, 1.0), strict=True):
            ax.axline((0, 0), slope=1, color=plots.COLOURS["plain"], linewidth=1)
            ax.plot(before.ravel(), after[self.start_gates.index(gate)].ravel(), ".", color=plots.COLOURS["s"])
            ax.set(title=WORDS["gate"].format(gate=gate), xlabel=WORDS["x"])
        axes[0].set_ylabel(WORDS["y"])
        return figure
