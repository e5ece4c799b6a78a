"""Networks that look at photographs in the page, also at the reader's own: class scores and every gate at once.

Before anything is loaded the figure shows what the networks answer for the offered pictures. When the reader asks, or
brings a picture, the page loads ONNX Runtime Web and a network, both served with the book. The reader's picture stays
in the browser. Beside a kernel, torch answers instead: see :func:`senet_lib.live_network.photograph_figure`.
"""

import json
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as StillPicture

from senet_lib import plots
from senet_lib.figures.figure import HERE, Array, Arrays, Figure

EXAMPLES = HERE / "photograph_in_page_example.json"  # made by python -m senet_lib.experiments.networks
SHAPE = (3, 32, 32)
STILL_PICTURES = 3


class PhotographInPage(Figure):
    """A picture that the reader chooses or brings, and a trained network that answers at once.

    Somebody in Python may answer ``request`` where ``kernel`` is true; its HTML form has no kernel and uses ONNX files.

    Attributes:
        networks: of each network its "name", the "label" that the reader reads, the "file" in ``folder`` ("" if the
            page has none), its "classes", K names, and "channels", from the names of its SE blocks to their numbers of
            channels.
        offered: of each offered picture its "name", "what" it shows with its article, its "label" ("" if it is of no
            class), its "source", and a larger "preview" as a data address.
        pictures: uint8 (P, 3, 32, 32), what the networks see of the offered pictures.
        answers: for each network float32 (V, P, K + all channels): the logits and the gates for each offered picture.
            V is 2: with the network's own gates, and with all gates 1; or 1 for a network without SE.
        folder: of the ONNX files, from the root of the book.
        runtime: folder of ONNX Runtime Web, from the root of the book.
        network: the name of the network that answers. This and the following are the reader's.
        picture: index of an offered picture, or -1 for the reader's own.
        own: the pixels of the reader's own picture, 0 to 255, as (3, 32, 32) in C order; [] if there is none.
        own_name: what it is called.
        se: whether the gates are used; if not, all are 1.
        hand: from the name of a block to its gates that are set by hand, 0 to 2, None for the network's own.
        block: the block of the chosen gate.
        channel: the chosen gate, 0 to C - 1.
        state: "examples", "loading", "ready" or "failed".
        message: why it has failed.
        kernel: whether Python answers.
        request: what Python is asked: "key", "network", "picture" (3072 bytes) and "overrides".
        answer: "key", "logits", "gates" by block, and "milliseconds"; or "key" and "error".
    """

    title = "Your picture, and what the gates say"
    description = (
        "Three of the pictures that the figure offers, in 32x32 pixels. Under each are the probabilities of the ten "
        "classes, as the first of the trained networks has them."
    )
    networks = traitlets.List(traitlets.Dict()).tag(sync=True)
    offered = traitlets.List(traitlets.Dict()).tag(sync=True)
    pictures = Array()
    answers = Arrays()
    folder = traitlets.Unicode("networks/").tag(sync=True)
    runtime = traitlets.Unicode("vendor/onnxruntime/").tag(sync=True)
    network = traitlets.Unicode().tag(sync=True)
    picture = traitlets.Int(0).tag(sync=True)
    own = traitlets.List(traitlets.Int()).tag(sync=True)
    own_name = traitlets.Unicode().tag(sync=True)
    se = traitlets.Bool(True).tag(sync=True)
    hand = traitlets.Dict().tag(sync=True)
    block = traitlets.Unicode().tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)
    state = traitlets.Unicode("examples").tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    kernel = traitlets.Bool(False).tag(sync=True)
    request = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)

    @classmethod
    def example(cls) -> "PhotographInPage":
        """The networks for photographs that come with the library."""
        saved = json.loads(EXAMPLES.read_text(encoding="utf-8"))
        first = saved["networks"][0]
        return cls(
            networks=saved["networks"],
            offered=saved["offered"],
            pictures=np.array(saved["pictures"], np.uint8).reshape(-1, *SHAPE),
            answers={
                name: np.array(said["values"], np.float32).reshape(said["shape"])
                for name, said in saved["answers"].items()
            },
            network=first["name"],
            block=next(iter(first["channels"]), ""),
            caption="Choose a picture, or bring your own: the networks know only 32 × 32 pixels of it. Mute a gate, "
            "or a whole block. How much does it take to change the answer?",
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
            powers = np.exp(row - row.max())
            below.barh(classes[::-1], (powers / powers.sum())[::-1], color=plots.COLOURS["plain"])
            below.set(xlim=(0, 1), xlabel="probability")
        return figure

    def _plain_state(self) -> dict[str, Any]:
        """Where this goes there is no kernel, nothing is loaded yet, and the reader's picture is nobody else's."""
        return super()._plain_state() | {
            **{"kernel": False, "state": "examples", "message": "", "request": {}, "answer": {}},
            **{"picture": max(self.picture, 0), "own": [], "own_name": ""},
        }
