"""Networks that look at photographs in the page, also at the reader's own: class scores and every gate at once.

Before anything is loaded the figure shows what the networks answer for the offered pictures. When the reader asks, or
brings a picture, the page loads ONNX Runtime Web and a network, both served with the book. The reader's picture stays
in the browser. Beside a kernel, torch answers instead: see
:func:`senet_lib.book.figures.live.live_network.photograph_figure`.
"""

import json
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as StillPicture

from senet_lib.book import plots
from senet_lib.book.figures import class_gates
from senet_lib.book.figures.figure import HERE, Array, Asking, Figure
from senet_lib.book.figures.parts.network_state import NetworkState, draw_probabilities, recorded_networks

EXAMPLES = HERE / "photograph_in_page_example.json"  # made by python -m senet_lib.book.experiments.page_networks
SHAPE = (3, 32, 32)
STILL_PICTURES = 3


class PhotographInPage(Asking, NetworkState, Figure):
    """A picture that the reader chooses or brings, and a trained network that answers at once.

    With ``asks``, the gates wait for a guess: how many of the answers change when all gates are 1? The traits of the
    networks and of their answers are those of :class:`NetworkState`.

    Attributes:
        networks: each also has its "classes", K names, and perhaps "means", from the names of its SE blocks to the mean
            of each gate over many pictures: what the reader may put in a gate's place.
        offered: of each offered picture its "name", "what" it shows with its article, its "label" ("" if it is of no
            class), its "source", and a larger "preview" as a data address.
        pictures: uint8 (N, 3, 32, 32), what the networks see of the offered pictures.
        picture: index of an offered picture, or -1 for the reader's own.
        part: what is shown: the "picture" and its scores, or its "gates".
        own: the pixels of the reader's own picture, 0 to 255, as (3, 32, 32) in C order; [] if there is none.
        own_name: what it is called.
    """

    title = "Your picture, and what the gates say"
    description = (
        "Three of the pictures that the figure offers, in 32x32 pixels. Under each are the probabilities of the ten "
        "classes, as the first of the trained networks has them."
    )
    offered = traitlets.List(traitlets.Dict()).tag(sync=True)
    pictures = Array()
    picture = traitlets.Int(0).tag(sync=True)
    part = traitlets.Unicode("picture").tag(sync=True)
    own = traitlets.List(traitlets.Int()).tag(sync=True, transient=True)  # nobody else's
    own_name = traitlets.Unicode().tag(sync=True, transient=True)

    @classmethod
    def example(cls) -> "PhotographInPage":
        """The networks for photographs that come with the library."""
        saved = json.loads(EXAMPLES.read_text(encoding="utf-8"))
        means = recorded_mean_gates()
        for network in saved["networks"]:
            if found := means.get(network["file"].removesuffix(".onnx")):
                network["means"] = found
        return cls(
            **recorded_networks(saved),
            offered=saved["offered"],
            pictures=np.array(saved["pictures"], np.uint8).reshape(-1, *SHAPE),
            caption="Choose a picture, or bring your own. Then mute some of its gates, or give a block its mean over "
            "10,000 pictures. How much does it take to change the answer?",
        )

    def draw_still(self) -> StillPicture:
        """The first offered pictures and the probabilities that the first network has for them, as recorded."""
        shown = self.offered[:STILL_PICTURES]
        first = self.networks[0]
        classes = first["classes"]
        logits = self.answers[first["name"]][0, :, : len(classes)]
        figure, axes = plt.subplots(2, len(shown), figsize=(6.8, 5), layout="constrained", squeeze=False, sharey="row")
        for facts, pixels, row, (above, below) in zip(shown, self.pictures, logits, axes.T, strict=False):
            plots.plot_picture(pixels, facts["name"], ax=above)
            draw_probabilities(below, row, classes)
        return figure

    def _plain_state(self) -> dict[str, Any]:
        """Without the reader's picture an offered one is shown."""
        return super()._plain_state() | {"picture": max(self.picture, 0)}


def recorded_mean_gates() -> dict[str, dict[str, list[float]]]:
    """Of each network in the record of the class gates: from its blocks to the C mean gates over all its pictures."""
    recorded = json.loads(class_gates.EXAMPLE.read_text(encoding="utf-8"))["networks"]
    return {
        network["name"]: {
            block: np.average(gates["means"], axis=0, weights=network["counts"]).round(4).tolist()
            for block, gates in network["blocks"].items()
        }
        for network in recorded
    }
