"""Equation 4 as a mixing desk: a fader for each gate of a trained network, x̃ = s·u, and the answer that follows."""

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as StillPicture

from senet_lib.book import plots
from senet_lib.book.figures.figure import Array, Arrays, Asking, Figure
from senet_lib.book.figures.parts.untrained_network import untrained_network
from senet_lib.data.context_world import SHAPES, ContextWorld

STILL_GATES = {0.0: "0·u: mute", 0.5: "0.5·u", 1.0: "1·u: unchanged", 2.0: "2·u: boost"}


class RescaleMixer(Asking, Figure):
    """Mute, boost or exchange the gates of one block, and see what the network answers.

    The gates that no fader has moved are those that the network computes for the picture: the trained values. With
    ``asks``, the scores wait for a guess: what is the answer for the first picture with the gates of the last one?

    Attributes:
        network: a network with SE, from ``senet_lib.export.network_arrays``; all stages, with the last layer.
        pictures: uint8 (K, 3, H, W), 0 to 255.
        picture_names: K short names.
        labels: (K, K), each an index into ``class_names``: [i, j] is right for picture i if it had the cue of picture
            j, so that the diagonal holds the labels.
        class_names: of the network's outputs.
        picture: index of the picture that passes the network. The reader moves it.
        block: name of the block whose gates are mixed, for example "layer1.0". The reader moves it; the faders go back.
        faders: a gate for each of the block's C channels, 0 to 2, or None for the trained value; an empty list for all
            trained values. The reader moves them, or takes the gates that the network has for another picture.
        channel: the channel that is shown large, 0 to C - 1. The reader moves it.
    """

    title = "A mixing desk for channels"
    description = (
        "Above, the pictures with their names and labels. Below, one channel u multiplied by four gates: with 0 "
        "nothing is left, with 1/2 it is fainter, with 1 it is unchanged, with 2 it is twice as strong."
    )
    network = Arrays()
    pictures = Array()
    picture_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    labels = Array()
    class_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    picture = traitlets.Int(0).tag(sync=True)
    block = traitlets.Unicode("layer1.0").tag(sync=True)
    faders = traitlets.List(traitlets.Float(allow_none=True)).tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)

    @classmethod
    def example(cls) -> "RescaleMixer":
        world = ContextWorld.generate(count=3, seed=0)
        return cls(
            network=untrained_network(),
            pictures=world.pictures,
            picture_names=[f"picture {letter}" for letter in "ABC"],
            labels=[[scene.shapes[donor.cue_colour] for donor in world.scenes] for scene in world.scenes],
            class_names=list(SHAPES),
            caption="This network is not trained, it answers by chance. Move a fader, and see how the scores follow.",
        )

    def draw_still(self) -> StillPicture:
        """The pictures, and four gates on one channel. No network runs here: a colour of the picture stands for u."""
        figure, axes = plt.subplots(2, len(STILL_GATES), figsize=(6.8, 3.9), layout="constrained")
        for ax in axes.flat:
            ax.set_axis_off()
        labels = np.diagonal(self.labels)
        for picture, name, label, ax in zip(self.pictures, self.picture_names, labels, axes[0], strict=False):
            ax.set_axis_on()
            plots.plot_picture(picture, f"{name}:\n{self.class_names[label]}", ax=ax)
        u = max(self.pictures[0] / 255, key=np.sum)
        for (gate, name), ax in zip(STILL_GATES.items(), axes[1], strict=True):
            ax.set_axis_on()
            plots.plot_map(gate * u, name, "x_tilde", max(STILL_GATES), ax)
        return figure
