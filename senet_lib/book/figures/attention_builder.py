"""What came after SE, built from three parts: how a block gathers the map, how it decides, and how it acts on it.

The equations are those of ``senet_lib.networks.attention`` and ``senet_lib.networks.map_attention``. The page counts
parameters by the formulas of ``senet_lib.cost.attention_formulas``.
"""

from typing import Any, Self

import matplotlib.pyplot as plt
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from senet_lib.book.figures.figure import Asking, Figure
from senet_lib.book.plots import COLOURS
from senet_lib.book.records import Record, load_record, summarise
from senet_lib.cost.attention_formulas import ATTENTION_NAMES
from senet_lib.data.context_world import SOLVED

# The parts of each known method: gather, decide, act. By the names of arms in the records.
METHODS: dict[str, tuple[str, str, str]] = {
    "se": ("mean", "two", "sigmoid"),
    "eca": ("mean", "neighbours", "sigmoid"),
    "cbam": ("mean-max", "two-free", "places"),
    "gc": ("weighted", "two-norm", "add"),
    "ge": ("mean", "nothing", "sigmoid"),
    "ese": ("mean", "one", "hard"),
    "hard_se": ("mean", "two-eights", "hard"),
    "grn": ("strength", "relative", "scale"),
    "simam": ("mean-variance", "distinct", "sigmoid"),
    "maximum": ("max", "two", "sigmoid"),
    "none": ("nothing", "two", "sigmoid"),
}
TITLES = ATTENTION_NAMES | {"plain": "plain", "maximum": "SE, maximum", "none": "SE, no squeeze"}
WORDS = {
    "se": "squeeze-and-excitation",
    "eca": "efficient channel attention",
    "cbam": "convolutional block attention",
    "gc": "global context",
    "ge": "gather-excite, without parameters",
    "ese": "effective SE",
    "hard_se": "SE as in MobileNetV3",
    "grn": "global response normalisation",
    "simam": "a gate for each value, without parameters",
    "maximum": "SE with another squeeze, as in chapter 2",
    "none": "gates that do not see the whole map, as in chapter 2",
    "plain": "the network without a block",
    "context": "Context World, test accuracy",
    "photographs": "CIFAR-10 (JPEG-75), test accuracy",
}


class AttentionBuilder(Asking, Figure):
    """Three menus make a block; if it is a known one, it has a name, and its recorded runs.

    With ``asks``, the runs of each known method wait for a guess: with how many seeds does it solve the Context World?

    Attributes:
        methods: dictionaries with a ``name``, a ``title``, what it is ``called`` in full, its ``parts`` (gather,
            decide, act; none for the network without a block), its final test accuracies in the Context World
            (``context``, one for each seed) and on photographs (``photographs``; perhaps none), each 0 to 1, and how
            many ``parameters`` it adds to the network of the Context World. "plain" and "se" must be there.
        gather: what is taken from the map; a menu moves it.
        decide: what is computed from that; a menu moves it.
        act: what it does to the map; a menu moves it.
        channels: C of the block whose parameters are counted; the slider moves it.
        reduction: r of the same block.
    """

    title = "Gather, decide, act"
    description = (
        "The final test accuracy of each block after SE, a dot for each seed: on the left in the Context World, on the "
        "right on photographs of CIFAR-10."
    )
    methods = traitlets.List(traitlets.Dict()).tag(sync=True)
    gather = traitlets.Unicode("mean").tag(sync=True)
    decide = traitlets.Unicode("nothing").tag(sync=True)
    act = traitlets.Unicode("sigmoid").tag(sync=True)
    channels = traitlets.Int(256).tag(sync=True)
    reduction = traitlets.Int(16).tag(sync=True)
    _solved = traitlets.Float(SOLVED).tag(sync=True)

    @classmethod
    def from_records(cls, context: Record, squeeze: Record, photographs: Record, **state: Any) -> Self:
        """The figure of recorded experiments.

        Args:
            context: of all blocks in the Context World, "context-world-attention".
            squeeze: of SE with other squeezes there, with the same recipe and data, "context-world-squeeze".
            photographs: of all blocks on photographs, "cifar10-attention".
            state: other traits.

        Raises:
            ValueError: if both records of the Context World have other recipes or other data.
        """
        if _conditions(context) != _conditions(squeeze):
            raise ValueError("context and squeeze have other recipes or data; give records that one may compare")
        runs = summarise(squeeze) | summarise(context)
        parameters = squeeze["settings"]["parameters"] | context["settings"]["parameters"]
        pictured = summarise(photographs)
        methods = [
            {
                "name": name,
                "title": TITLES[name],
                "called": WORDS[name],
                "parts": list(METHODS.get(name, ())),
                "context": list(runs[name]["accuracies"].values()),
                "photographs": list(pictured.get(name, {"accuracies": {}})["accuracies"].values()),
                "parameters": parameters[name] - parameters["plain"],
            }
            for name in ("plain", *METHODS)
        ]
        return cls(methods=methods, **state)

    @classmethod
    def example(cls) -> Self:
        return cls.from_records(
            *(load_record(name) for name in ("context-world-attention", "context-world-squeeze", "cifar10-attention")),
            caption="Change one part at a time. Which parts does the Context World need? In the runs, r is 4.",
        )

    def draw_still(self) -> Picture:
        picture, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained", sharey=True)
        for ax, key in zip(axes, ("context", "photographs"), strict=True):
            _draw_runs(ax, self.methods, key)
        return picture


def _conditions(record: Record) -> list[Any]:
    """What must be the same in two records of the Context World before one may compare their runs."""
    return [record["data_sha256"], *(record["settings"][key] for key in ("batch_size", "recipe"))]


def _draw_runs(ax: Axes, methods: list[dict[str, Any]], key: str) -> None:
    """A row for each method, a dot for each of its runs."""
    for row, method in enumerate(methods):
        colour = COLOURS["plain" if method["name"] == "plain" else "se"]
        ax.scatter(method[key], [row] * len(method[key]), s=16, c=colour, alpha=0.8, linewidths=0)
    ax.set_yticks(range(len(methods)), [method["title"] for method in methods], fontsize=8)
    ax.set_ylim(len(methods) - 0.5, -0.5)
    ax.set_title(WORDS[key], loc="left", fontsize=10)
    ax.tick_params(axis="x", labelsize=8)
