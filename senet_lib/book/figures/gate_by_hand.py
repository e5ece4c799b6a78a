"""Gates that are set by hand: a threshold and a steepness, the same for each channel."""

from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as Picture

from senet_lib.book.figures.figure import Array, Asking, Figure
from senet_lib.book.plots import COLOURS as QUANTITY_COLOURS
from senet_lib.book.plots import CUE_COLOURS
from senet_lib.data.context_world import COLOURS, ContextWorld


class GateByHand(Asking, Figure):
    """One sigmoid for three channels: s = sigmoid(steepness * (z - threshold)). Which pictures have the right gates?

    A gate is right if it is within 0.1 of the wanted one: 1 for the channel of the cue's colour, 0 for the others.
    With ``asks``, the count waits for a guess: how many pictures can one such rule get right?

    Attributes:
        z: squeezed colour channels, float (N, 3), from 0 to 0.15.
        cues: the cue's colour in each picture, (N,): 0 red, 1 green, 2 blue.
        threshold: z at which a gate is half open, 0 to 0.15; the reader drags it.
        steepness: how fast a gate opens from there, 10 to 1,000; the reader drags it.
        channel: the channel whose gates are drawn, 0 to 2; the reader chooses it.
    """

    title = "Gates by hand"
    description = "A dot for each picture: the squeezed red channel, and the gate that a sigmoid makes of it."
    z = Array()
    cues = Array()
    threshold = traitlets.Float(0.03).tag(sync=True)
    steepness = traitlets.Float(50.0).tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)

    @classmethod
    def example(cls) -> Self:
        return cls.from_world(ContextWorld.generate(count=100, seed=1), caption="Drag the curve: right gates are full.")

    @classmethod
    def from_world(cls, world: ContextWorld, **state: Any) -> Self:
        """The figure of these scenes' colour channels."""
        cues = [scene.cue_colour for scene in world.scenes]
        return cls(z=(world.pictures / 255).mean((2, 3)), cues=np.array(cues), **state)

    def draw_still(self) -> Picture:
        picture, ax = plt.subplots(figsize=(7, 3), layout="constrained")
        z = np.linspace(0, 0.15, 301)
        ax.plot(z, self._gate(z), color=QUANTITY_COLOURS["s"])
        for cue, name in enumerate(COLOURS):
            values = self.z[self.cues == cue, self.channel]
            ax.plot(values, self._gate(values), ".", color=CUE_COLOURS[cue], label=f"{name} cue")
        ax.set(xlabel=f"z of the {COLOURS[self.channel]} channel", ylabel="gate s", ylim=(-0.05, 1.05))
        ax.legend()
        return picture

    def _gate(self, z: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-self.steepness * (z - self.threshold)))
