"""Gates that hang on one hidden unit: move it along its line, and subtract one gate from another.

The excitation of Hu et al. (arXiv 1709.01507v4), Section 3.2, with a single hidden unit: each gate is a sigmoid of a
straight line.
"""

from collections.abc import Sequence
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as Picture
from numpy.typing import ArrayLike

from senet_lib.book.figures.figure import Array, Asking, Figure
from senet_lib.book.plots import COLOURS, CUE_COLOURS

CUES = ("red", "green", "blue")
ROOM = 0.2  # of the axis behind the largest value


class GatesOnALine(Asking, Figure):
    """A slider for the hidden unit h, all gates as curves over it, and the difference of two that the reader picks.

    With ``asks``, the curves wait for a guess: for which cue can no single gate open alone? It is the middle one.

    Attributes:
        weights: W2 (C,), from the hidden unit to each gate.
        biases: b (C,), of each gate.
        cues: (3, 3), the smallest, the median and the largest h of pictures with a red, a green and a blue cue; no two
            of the ranges overlap.
        hidden: h, 0 to a little more than the largest of ``cues``; the slider moves it, and so does the chart.
        plus: the gate that is added, 0 to C - 1; minus: the one that is subtracted. The bars choose them.
    """

    title = "Gates that hang on one number"
    description = (
        "Above: each gate as a curve over the hidden unit h, rising or falling all the way. Bands mark the values of h "
        "for red, green and blue cues. Below: the difference of two gates."
    )
    weights = Array()
    biases = Array()
    cues = Array()
    hidden = traitlets.Float(0.0).tag(sync=True)
    plus = traitlets.Int(0).tag(sync=True)
    minus = traitlets.Int(1).tag(sync=True)

    @classmethod
    def from_block(
        cls, weights: ArrayLike, biases: ArrayLike, hidden_by_cue: Sequence[ArrayLike], **state: Any
    ) -> Self:
        """The figure of a block with one hidden unit.

        Args:
            weights: (C,).
            biases: (C,).
            hidden_by_cue: what the hidden unit says for pictures with a red, a green and a blue cue, three lists.
            **state: other traits.

        Raises:
            ValueError: if there are not as many weights as biases, or not three lists.
        """
        weights, biases = np.ravel(weights), np.ravel(biases)
        if len(weights) != len(biases):
            raise ValueError(f"there are {len(weights)} weights for {len(biases)} biases; give both for each gate")
        if len(hidden_by_cue) != len(CUES):
            raise ValueError(f"hidden_by_cue has {len(hidden_by_cue)} lists; give one for each of {', '.join(CUES)}")
        cues = np.array([np.quantile(np.asarray(h, float), [0, 0.5, 1]) for h in hidden_by_cue])
        return cls(weights=weights, biases=biases, cues=cues, **state)

    @classmethod
    def example(cls) -> Self:
        return cls.from_block(
            [-1.2, -1.6, -2.0, 1.1, -1.3, 2.8, 0.8, 4.0, -1.1, 1.2, 2.2, 0.5],
            [0.5, 0.1, -0.2, 0.4, 0.6, -0.1, 0.2, -0.6, 0.1, -0.7, -1.0, 0.0],
            [[0, 0, 0], [0.6, 0.95, 1.4], [2.1, 2.65, 3.1]],
            caption="Drag h from cue to cue. Does any gate open for green alone? Then pick two whose difference does.",
        )

    def draw_still(self) -> Picture:
        largest = float(self.cues.max()) + ROOM
        h = np.linspace(0, largest, 121)
        gates = 1 / (1 + np.exp(-(self.biases[:, None] + self.weights[:, None] * h)))
        picture, axes = plt.subplots(2, 1, figsize=(7, 4.4), layout="constrained", sharex=True, height_ratios=(3, 2))
        axes[0].plot(h, gates.T, color=COLOURS["s"], linewidth=1, alpha=0.5)
        for gate, look in ((self.plus, "-"), (self.minus, "--")):
            axes[0].plot(h, gates[gate], look, color=COLOURS["s"], linewidth=2)
        axes[1].plot(h, gates[self.plus] - gates[self.minus], color=COLOURS["x_tilde"], linewidth=2)
        for ax in axes:
            for (low, _, high), colour in zip(self.cues, CUE_COLOURS, strict=True):
                ax.axvspan(low - 0.02, high + 0.02, color=colour, alpha=0.2, linewidth=0)
        axes[0].set(ylabel="gate s", ylim=(0, 1))
        axes[1].set(xlabel="the hidden unit h", ylabel=f"gate {self.plus} − gate {self.minus}", ylim=(-1, 1))
        return picture
