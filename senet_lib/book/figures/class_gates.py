"""What the gates of trained networks say for each class of pictures, block after block, as it was recorded.

Source of the idea: Hu et al. (arXiv 1709.01507v4), Section 7.2. We add the standard deviation within classes, the
share of the gates' variance that the classes explain, and the similarity of the blocks. Any other grouping of the
pictures can stand in place of the classes.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from senet_lib.book.figures.figure import HERE, Arrays, Asking, Figure
from senet_lib.book.plots import COLOURS, CUE_COLOURS

EXAMPLE = HERE / "class_gates_example.json"
NEVER_CHANGES = -1.0  # in place of a similarity: a block whose gates are the same for all pictures has none
# Of the groups, in their order, as in class_gates.css: to be told apart with every kind of colour vision.
GROUP_COLOURS = (
    *("#04508c", "#b04800", "#01766a", "#c770b0", "#98945c"),
    *("#4594ff", "#80181a", "#14141f", "#6a2fff", "#d38203"),
)
NAMED_COLOURS = dict(zip(("red", "green", "blue"), CUE_COLOURS, strict=True))


class ClassGates(Asking, Figure):
    """The mean gate of each channel for each group of pictures; the block, the groups and the order are the reader's.

    With ``asks``, some shares wait for a guess: in which block of the deepest network do the groups explain most?

    Attributes:
        networks: of each network its "name", the "label" that the reader reads, "groups" (K names), "counts" (pictures
            of each group), "grouped_by" (such as "class"), "blocks", from the names of its SE blocks, in order of
            depth, to their numbers of channels C, and perhaps "data", what the pictures are.
        means: from "network/block" to the mean gates by group, float32 (K, C), 0 to 1.
        spreads: the same for the standard deviation within the group.
        similarity: from the name of a network to the linear CKA of its blocks, (blocks, blocks), 0 to 1; -1 where a
            block never changes.
        network: the name of the network that is shown. This and the following are the reader's.
        block: the name of one of its blocks.
        shown: indices of the groups that are drawn, 0 to K - 1.
        focus: index of the group that is brought out, with a band of one standard deviation; -1 for none. Where more
            than four are drawn, the others are grey dots.
        order: of the channels: "number", "mean" (the highest mean gate first) or "difference" (where the groups'
            means differ most first).
        channel: the one that is read out, 0 to C - 1.
    """

    title = "What the gates say, class by class"
    description = (
        "The mean gate of each channel for each group of pictures, a line for each group: on the left in the first "
        "block with SE, on the right in the last one. A dashed line is at 0.5."
    )
    networks = traitlets.List(traitlets.Dict()).tag(sync=True)
    means = Arrays()
    spreads = Arrays()
    similarity = Arrays()
    network = traitlets.Unicode().tag(sync=True)
    block = traitlets.Unicode().tag(sync=True)
    shown = traitlets.List(traitlets.Int()).tag(sync=True)
    focus = traitlets.Int(-1).tag(sync=True)
    order = traitlets.Unicode("number").tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)

    @traitlets.default("network")
    def _first_network(self) -> str:
        return str(self.networks[0].get("name", "")) if self.networks else ""

    @traitlets.default("block")
    def _first_block(self) -> str:
        return str(next(iter(self._chosen().get("blocks", {})), ""))

    @traitlets.default("shown")
    def _all_groups(self) -> list[int]:
        return list(range(len(self._chosen().get("groups", ()))))

    def _chosen(self) -> dict[str, Any]:
        return next((one for one in self.networks if one.get("name") == self.network), {})

    @classmethod
    def from_networks(cls, networks: Sequence[Mapping[str, Any]], **state: Any) -> Self:
        """The figure over recorded networks.

        Args:
            networks: each with "name", "label", "groups", "counts" and "grouped_by" as in the trait; "blocks", from
                the name of each block, in order of depth, to its "means" and "spreads", both (K, C), as
                ``class_means`` and ``class_spreads`` of :class:`senet_lib.gates.gate_statistics.ExcitationStatistics`
                give them; and "similarity", (blocks, blocks), as :func:`senet_lib.gates.analysis.block_similarity`
                gives it: nan, None or -1 stands for a block that never changes. Perhaps "data".
            **state: other traits.

        Raises:
            ValueError: if something is missing, or is not a table of numbers.
        """
        described, means, spreads, similarity = [], {}, {}, {}
        for one in networks:
            name, channels = _part(one, "name", "a network"), {}
            for block, recorded in _part(one, "blocks", name).items():
                key = f"{name}/{block}"
                means[key] = _table(_part(recorded, "means", key), f"means of {key}")
                spreads[key] = _table(_part(recorded, "spreads", key), f"spreads of {key}")
                channels[block] = means[key].shape[1]
            alike = _table(_part(one, "similarity", name), f"similarity of {name}")
            similarity[name] = np.nan_to_num(alike, nan=NEVER_CHANGES)
            texts = {key: _part(one, key, name) for key in ("label", "groups", "counts", "grouped_by")}
            described.append({"name": name, **texts, "blocks": channels, "data": one.get("data", "")})
        return cls(networks=described, means=means, spreads=spreads, similarity=similarity, **state)

    @classmethod
    def read(cls, path: str | Path, **state: Any) -> Self:
        """The figure over a file that ``python -m senet_lib.book.experiments.class_gates_record`` has written.

        Raises:
            ValueError: if it is none of these.
        """
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls.from_networks(_part(saved, "networks", "the file"), **state)
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} holds no gates by class: {error}") from None

    @classmethod
    def example(cls) -> Self:
        return cls.read(
            EXAMPLE,
            caption="Move the block, and order the channels by difference. In which block do the groups lie farthest "
            "apart? Then bring one group out: how far does a single picture stray from its mean?",
        )

    def draw_still(self) -> Picture:
        network = self.networks[0]
        names = list(network["blocks"])
        ends = dict.fromkeys([names[0], names[-1]])  # there may be one block only
        picture, axes = plt.subplots(1, len(ends), figsize=(7, 3.2), layout="constrained", sharey=True, squeeze=False)
        for block, ax in zip(ends, axes[0], strict=True):
            _draw_block(ax, self.means[f"{network['name']}/{block}"], network["groups"])
            ax.set_title(block, loc="left", fontsize=10)
        axes[0, 0].set(ylabel="mean gate s", ylim=(0, 1))
        handles, labels = axes[0, 0].get_legend_handles_labels()
        picture.suptitle(network["label"], x=0.01, ha="left", fontsize=11)
        picture.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
        return picture


def group_colour(groups: Sequence[str], index: int) -> str:
    """A group's colour on a white page: that of the cue if the group is named so, else by its place."""
    return NAMED_COLOURS.get(groups[index], GROUP_COLOURS[index % len(GROUP_COLOURS)])


def _part(whole: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in whole:
        raise ValueError(f'{where} has no "{key}"; it has {", ".join(map(str, whole)) or "nothing"}')
    return whole[key]


def _table(values: ArrayLike, where: str) -> np.ndarray:
    """float32 with two axes; None becomes nan."""
    try:
        table = np.array(values, np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"{where} is not a table of numbers; give rows of equal length") from None
    if table.ndim != 2:
        raise ValueError(f"{where} has shape {table.shape}; give a table with two axes")
    return table


def _draw_block(ax: Axes, means: np.ndarray, groups: Sequence[str]) -> None:
    """A line for each group over the channels."""
    ax.axhline(0.5, color=COLOURS["plain"], linestyle="--", linewidth=1)
    for index, (name, gates) in enumerate(zip(groups, means, strict=True)):
        ax.plot(gates, color=group_colour(groups, index), linewidth=1, marker="o", markersize=2, label=name)
    ax.set(xlabel="channel")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(axis="x", visible=False)
