"""What figures share in which a trained network answers the reader, in the page or in the kernel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from senet_lib.book.figures.figure import Arrays
from senet_lib.book.plots import COLOURS


class NetworkState(traitlets.HasTraits):
    """The traits of such a figure; it stands before ``Figure`` among the bases.

    In the page ONNX Runtime Web runs the networks (``onnx_session.js``). Where ``kernel`` is true, Python answers
    ``request`` (``senet_lib.book.figures.live.live_network``). The HTML form of a figure has no kernel, and nothing is
    loaded in it yet.

    Attributes:
        networks: of each network its "name", the "label" that the reader reads, perhaps a "note" that says more when it
            is chosen, the "file" in ``folder`` ("" if the
            page has none), and "channels", from the names of its SE blocks to their numbers of channels; a figure may
            want more.
        answers: for each network float32 (V, N, K + all channels): the logits and the gates for each of N examples. V
            is 2: with the network's own gates, and with all gates 1; or 1 for a network without SE.
        folder: of the ONNX files, from the root of the book.
        runtime: folder of ONNX Runtime Web, from the root of the book.
        network: the name of the network that answers. This and the following are the reader's.
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

    networks = traitlets.List(traitlets.Dict()).tag(sync=True)
    answers = Arrays()
    folder = traitlets.Unicode("networks/").tag(sync=True)
    runtime = traitlets.Unicode("vendor/onnxruntime/").tag(sync=True)
    network = traitlets.Unicode().tag(sync=True)
    se = traitlets.Bool(True).tag(sync=True)
    hand = traitlets.Dict().tag(sync=True)
    block = traitlets.Unicode().tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)
    state = traitlets.Unicode("examples").tag(sync=True, transient=True)
    message = traitlets.Unicode().tag(sync=True, transient=True)
    kernel = traitlets.Bool(False).tag(sync=True, transient=True)
    request = traitlets.Dict().tag(sync=True, transient=True)
    answer = traitlets.Dict().tag(sync=True, transient=True)


def recorded_networks(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The traits that a file of ``senet_lib.book.experiments.page_networks`` holds; the first network is chosen."""
    first = saved["networks"][0]
    answers = {
        name: np.array(said["values"], np.float32).reshape(said["shape"]) for name, said in saved["answers"].items()
    }
    block = next(iter(first["channels"]), "")
    return {"networks": saved["networks"], "answers": answers, "network": first["name"], "block": block}


def draw_probabilities(ax: Axes, logits: ArrayLike, classes: Sequence[str]) -> None:
    """A bar for each class, the first one on top. logits: (K,)."""
    powers = np.exp(np.asarray(logits) - np.max(logits))
    ax.barh(classes[::-1], (powers / powers.sum())[::-1], color=COLOURS["plain"])
    ax.set(xlim=(0, 1), xlabel="probability")
