"""Real pictures, the feature maps that a network makes of them, and one number for each map: equation 2."""

from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.colors import LinearSegmentedColormap

from senet_lib.book import plots
from senet_lib.book.figures.figure import Array, Arrays, Asking, Figure
from senet_lib.book.figures.parts.untrained_network import untrained_network
from senet_lib.data.context_world import ContextWorld

SIGNED = LinearSegmentedColormap.from_list("u, signed", ["#D55E00", "#FFFFFF", plots.COLOURS["u"]])


class SqueezeExplorer(Asking, Figure):
    """A picture, the maps u of the first residual block, and their squeezed numbers z; all are computed in the page.

    The reader paints on a map, and sees its tiles fall together into one bar. With ``asks``, shuffling waits for a
    guess: how many of the means change if the places of u are shuffled?

    Attributes:
        pictures: uint8 (N, 3, H, W).
        picture_names: N short names, for the menu.
        picture: which picture is shown, 0 to N - 1; the reader chooses it. N is one of the reader's own, from a
            file; it stays in the browser.
        network: of ``senet_lib.export.network_arrays(model, mean, std, stages=1)``: the stem and the first block, with
            weights for 3 colours. u is what its second convolution puts out, normalised: (C, H', W').
        operator: "avg", "max" or "both", as in ``senet_lib.networks.squeeze_excitation.SQUEEZE_OPERATORS``; the reader
            chooses it.
        channel: the map that is shown large, and painted on, 0 to C - 1; the reader chooses it.
        squeezes: how often the maps were squeezed to the end: before the first time no bar is shown.
        brush: what the brush leaves: "+" and "-" the number with the full colour, or its opposite, "0" nothing. The
            reader chooses it.
        painted: what the reader has painted: from "picture.channel" to a text of H' * W' signs, row by row: "+", "-"
            and "0" as above, "." where the map is as it was.
        pinned: the bars that stay beside those of the picture: empty for none, or {"picture": its index, "painted": as
            above}; a button sets it.
        squeezed: how far the maps are squeezed. 0: not at all. Each step makes one number of 2 by 2, as long as both
            sides can be halved; the last step (5 for 48 by 48 places) leaves one number for each map. The reader moves
            it.
        shuffled: whether the places of u are in a random order, the same one for all maps; the reader ticks it.
        shuffle_seed: decides that order, a whole number from 0; a button counts it up.
        maps: u of the picture that is shown first, (C, H', W'), for the still picture only. It stays in Python.
            Without it the still picture shows the pictures alone.
    """

    title = "Squeeze a photograph"
    description = (
        "A photograph, the feature maps that the first block of a trained network makes of it, and below them one bar "
        "for each map: its mean."
    )
    pictures = Array()
    picture_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    picture = traitlets.Int(0).tag(sync=True)
    network = Arrays()
    operator = traitlets.Unicode("avg").tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)
    squeezes = traitlets.Int(0).tag(sync=True)
    brush = traitlets.Unicode("+").tag(sync=True)
    painted = traitlets.Dict().tag(sync=True)
    pinned = traitlets.Dict().tag(sync=True)
    squeezed = traitlets.Int(0).tag(sync=True)
    shuffled = traitlets.Bool(False).tag(sync=True)
    shuffle_seed = traitlets.Int(0).tag(sync=True)
    maps = traitlets.Any(None)

    @classmethod
    def example(cls) -> Self:
        """Three scenes of the Context World, and 16 maps from random weights."""
        return cls(
            pictures=ContextWorld.generate(count=3, seed=1).pictures,
            picture_names=["scene 1", "scene 2", "scene 3"],
            network=untrained_network(widths=(16,), stride=1),
            channel=3,
            caption="Paint on a map and let go: which bar moves? Then shuffle the pixels: which one does now?",
        )

    def draw_still(self) -> Any:
        if self.maps is None:
            figure, axes = plt.subplots(1, len(self.pictures), figsize=(7, 2.2), squeeze=False)
            for ax, picture, name in zip(axes[0], self.pictures, self.picture_names, strict=True):
                plots.plot_picture(picture, name, ax=ax)
            return figure
        return self._draw_maps(np.asarray(self.maps))

    def _draw_maps(self, u: np.ndarray) -> Any:
        channels, columns = len(u), (len(u) + 1) // 2
        figure = plt.figure(figsize=(7, 3.8), layout="constrained")
        grid = figure.add_gridspec(3, columns + 3, height_ratios=[1, 1, 1.6])
        shown = self.picture if self.picture < len(self.pictures) else 0
        plots.plot_picture(self.pictures[shown], self.picture_names[shown], figure.add_subplot(grid[:2, :3]))
        strongest = np.abs(u).max() / 2
        for c in range(channels):
            ax = figure.add_subplot(grid[c // columns, 3 + c % columns])
            ax.imshow(u[c], cmap=SIGNED, vmin=-strongest, vmax=strongest)
            ax.set_title(f"$u_{{{c}}}$", pad=2, fontsize=9)
            ax.set_axis_off()
        ax = figure.add_subplot(grid[2, :])
        ax.bar(range(channels), u.mean((1, 2)), color=plots.COLOURS["z"])
        ax.axhline(0, color="#1A1A2E", linewidth=0.8)
        ax.set(xlabel="channel c", ylabel="mean $z_c$", xticks=range(channels))
        return figure
