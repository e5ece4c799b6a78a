"""An X-ray for anybody's network: drop an ONNX file, see its SE blocks, and set their gates.

A Web Worker reads the file (``parts/onnx_files.js``), finds the blocks by the rules of
:mod:`senet_lib.export.gate_rules` (``parts/gate_rules.js``), makes a copy whose gates are outputs and inputs, and runs
it in ONNX Runtime Web. Nothing leaves the browser. In Python, :func:`senet_lib.export.reveal_gates.reveal_gates` does
the same.
"""

import json
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as StillPicture

from senet_lib.book import plots
from senet_lib.book.figures.figure import HERE, Asking, Figure
from senet_lib.book.figures.parts.network_state import draw_probabilities
from senet_lib.data.context_world import SIZE

EXAMPLE = HERE / "network_xray_example.json"  # made by python -m senet_lib.book.experiments.xray_examples
STILL_NAMES = ("a scene", "what the network says")


class NetworkXray(Asking, Figure):
    """A file that the reader brings, what was found in it, and its gates and class scores on a picture.

    Attributes:
        examples: networks to try: of each its "name", "file" in ``folder``, a "note", "settings" of other traits, and
            perhaps "classes".
        pictures: of each its "name", "source", and a "preview", a data address; of a photograph also "small", the
            32x32 pixels that the figure ``photograph_in_page`` has, without loss.
        imagenet: names of ImageNet's 1000 classes.
        still: of the still picture: "scene", uint8 (3, 32, 32) as a list; "gates" by block; "classes"; "logits".
        folder, runtime, reader: where the examples, ONNX Runtime Web, and what reads ONNX files are, from the book's
            root.
        picture: index of one of ``pictures``, or -1 for the reader's own.
        height, width: in pixels, of what a network sees whose file leaves its size free.
        scaling: "imagenet", "unit" (0 to 1) or "signed" (-1 to 1).
        names: of the classes: "auto", "imagenet", "own" or "none".
        own_names: one a line.
        scope: what the buttons set: "gate", "block" or "all".
        block, channel: the chosen gate.
        hand: gates that the reader has set, by block: C numbers, None for the network's own.
        state: "empty", "loading", "opened" or "failed".
        progress: 0 to 1, of a file that is being opened.
        answered: changes with each answer.
    """

    title = "An X-ray for anybody's network"
    description = (
        "A scene of the Context World, the gates of the two SE blocks of a small network as bars, and how sure it is "
        "of each of its four classes."
    )
    shares = ("picture", "height", "width", "scaling", "names", "scope")
    examples = traitlets.List(traitlets.Dict()).tag(sync=True)
    pictures = traitlets.List(traitlets.Dict()).tag(sync=True)
    imagenet = traitlets.List(traitlets.Unicode()).tag(sync=True)
    still = traitlets.Dict()
    folder = traitlets.Unicode("networks/").tag(sync=True)
    runtime = traitlets.Unicode("vendor/onnxruntime/").tag(sync=True)
    reader = traitlets.Unicode("vendor/onnx_proto/onnx_proto.js").tag(sync=True)
    picture = traitlets.Int(1).tag(sync=True)
    height = traitlets.Int(224).tag(sync=True)
    width = traitlets.Int(224).tag(sync=True)
    scaling = traitlets.Unicode("imagenet").tag(sync=True)
    names = traitlets.Unicode("auto").tag(sync=True)
    own_names = traitlets.Unicode().tag(sync=True, transient=True)
    scope = traitlets.Unicode("block").tag(sync=True)
    block = traitlets.Unicode().tag(sync=True, transient=True)
    channel = traitlets.Int(0).tag(sync=True, transient=True)
    hand = traitlets.Dict().tag(sync=True, transient=True)
    state = traitlets.Unicode("empty").tag(sync=True, transient=True)
    progress = traitlets.Float(0.0).tag(sync=True, transient=True)
    answered = traitlets.Unicode().tag(sync=True, transient=True)

    @classmethod
    def example(cls) -> "NetworkXray":
        """The networks and pictures that come with the book."""
        saved: dict[str, Any] = json.loads(EXAMPLE.read_text(encoding="utf-8"))
        traits = {name: saved[name] for name in ("examples", "pictures", "imagenet", "still")}
        return cls(
            **traits,
            caption="Take an example, mute its last block, then give it its mean. Then bring a network of "
            "yours: export it with torch.onnx.export.",
        )

    def draw_still(self) -> StillPicture:
        """The scene, the gates of each block, and the probabilities, as recorded."""
        gates = self.still["gates"]
        figure, axes = plt.subplots(
            1, 2 + len(gates), figsize=(7.2, 2.2), layout="constrained", width_ratios=[1, *(1.2 for _ in gates), 1]
        )
        plots.plot_picture(np.array(self.still["scene"], np.uint8).reshape(3, SIZE, SIZE), STILL_NAMES[0], ax=axes[0])
        for ax, (block, values) in zip(axes[1:], gates.items(), strict=False):
            ax.bar(range(len(values)), values, color=plots.COLOURS["s"])
            ax.set(title=f"gates of {block}", ylim=(0, 1))
        draw_probabilities(axes[-1], np.array(self.still["logits"]), self.still["classes"])
        return figure
