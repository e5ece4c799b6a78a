"""What SE costs: a network's stages as areas, by weights, multiply-accumulates, memory or time."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from senet_lib.book.figures.figure import Asking, Figure
from senet_lib.book.plots import COLOURS
from senet_lib.cost.formulas import NETWORKS, Network, SEMacs, Stage, se_macs, se_parameters, stage_costs

if TYPE_CHECKING:
    from torch import nn

# Of each network, in lists over stem, stages and classifier: what they cost without SE, and the milliseconds that SE
# adds at r = 16. Made by python -m benchmarks.stages.
PARTS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cost_calculator_stages.json").read_text(encoding="utf-8")
)

RATIOS = (1, 2, 4, 8, 16, 32, 64)  # what the slider for r has


def network_list(networks: Mapping[str, Network] | None = None) -> list[dict[str, Any]]:
    """Networks in the form that the figure takes; a stage is [blocks, channels, height, width].

    Args:
        networks: by name; those whose parts are counted and timed, if you give none.
    """
    chosen = {name: NETWORKS[name] for name in PARTS} if networks is None else networks
    return [
        {
            "name": name,
            "title": network.name,
            "parameters": network.parameters,
            "macs": network.macs,
            "stages": [[s.blocks, s.channels, s.height, s.width] for s in network.stages],
            **({"parts": PARTS[name]} if network is NETWORKS.get(name) and name in PARTS else {}),
        }
        for name, network in chosen.items()
    ]


class CostCalculator(Asking, Figure):
    """Choose a network, r and a quantity: areas show what each stage owns, and what of it is SE's.

    With ``asks``, the areas wait for a guess: which stage of the network that is shown first pays most?

    Attributes:
        networks: what the menu offers, in the form of :func:`network_list`; its own choice if you give none. Without
            "parts", a network is one area, and has neither memory nor time.
        network: the name of one of them; the menu moves it.
        reduction: r, one of 1, 2, 4, … 64, and not above the channels of a stage with SE; the slider moves it.
        bias: whether the SE blocks have biases; the box moves it.
        quantity: "weights"; "MACs", multiply-accumulates for one picture; "memory", bytes kept for the backward pass of
            one picture; or "time", milliseconds of a forward and a backward pass; the buttons move it.
        dropped: the numbers, from 1, of the stages that have no SE; each stage's box moves it.
    """

    title = "What SE costs"
    description = (
        "A bar for each stage of a network, as long as what SE adds there. Below, how weights, MACs, memory and time "
        "are shared among the network's stem, stages and classifier."
    )
    networks = traitlets.List(traitlets.Dict()).tag(sync=True)
    network = traitlets.Unicode("resnet50").tag(sync=True)
    reduction = traitlets.Int(16).tag(sync=True)
    bias = traitlets.Bool(False).tag(sync=True)
    quantity = traitlets.Unicode("weights").tag(sync=True)
    dropped = traitlets.List(traitlets.Int()).tag(sync=True)

    @traitlets.default("networks")
    def _all_networks(self) -> list[dict[str, Any]]:
        return network_list()

    @classmethod
    def from_model(
        cls, model: nn.Module, input_size: Sequence[int] = (3, 224, 224), name: str = "your network", **settings: Any
    ) -> CostCalculator:
        """The figure for a network of your own. Blocks with maps of one size that follow one another are a stage.

        Args:
            model: any network of pictures. If it has no SE layers, they are counted as if they stood at the end of each
                residual branch. It is not changed.
            input_size: of one picture, (channels, height, width).
            name: what the figure calls it.
            settings: of the figure, such as ``asks``; r starts at the network's own, or near it.

        Raises:
            ValueError: if the model does not run on input_size, or has neither SE layers nor residual branches.
        """
        from senet_lib.book.figures.live.model_costs import count_network  # loads torch, which the figure need not

        network, ratio = count_network(model, input_size, name)
        narrowest = min(stage.channels for stage in network.stages)
        reduction = min(RATIOS, key=lambda r: (r > narrowest, abs(math.log2(r / (ratio or 16)))))
        return cls(networks=network_list({name: network}), network=name, **{"reduction": reduction, **settings})

    @classmethod
    def example(cls) -> CostCalculator:
        return cls(caption="Switch to MACs, memory and time: which stage owns most? Then drop SE in the last stage.")

    def draw_still(self) -> Picture:
        network = self._network()
        costs = stage_costs(network, self.reduction, bias=self.bias, dropped_stages=self.dropped)
        added = [self._amount(cost.parameters, cost.macs) for cost in costs]
        base = self._amount(network.parameters, SEMacs(excitation=network.macs))
        unit = "MACs" if self.quantity == "MACs" else "parameters"

        picture, (stages, whole) = plt.subplots(2, 1, figsize=(7, 4.2), height_ratios=(3, 2), layout="constrained")
        names = [
            f"stage {cost.stage}: {self._formula(stage)}" for cost, stage in zip(costs, network.stages, strict=True)
        ]
        bars = stages.barh(names, added, color=COLOURS["s"])
        labels = ["no SE" if cost.stage in self.dropped else f"{one:,}" for cost, one in zip(costs, added, strict=True)]
        stages.bar_label(bars, labels, padding=3)
        stages.invert_yaxis()
        stages.margins(x=0.2)
        stages.set_title(f"{unit} that SE adds to {network.name}, r = {self.reduction}", loc="left")
        _draw_shares(whole, self._amounts_by_part() or {"whole": [base, sum(added)]})
        whole.set_title(f"{base:,} + {sum(added):,} = {base + sum(added):,}", loc="left")
        for ax in (stages, whole):
            ax.spines[:].set_visible(False)
            ax.tick_params(left=False, bottom=False, labelbottom=False)
            ax.grid(visible=False)
        return picture

    def _network(self) -> Network:
        """The chosen network. A wrong name or form raises: then the live figure says what is wrong."""
        entry = {entry["name"]: entry for entry in self.networks}[self.network]
        stages = tuple(Stage(*numbers) for numbers in entry["stages"])
        return Network(entry.get("title", self.network), stages, entry["parameters"], entry["macs"])

    def _amounts_by_part(self) -> dict[str, list[float]]:
        """What stem, stages and classifier cost, by quantity; empty where that was not counted."""
        parts = {entry["name"]: entry for entry in self.networks}[self.network].get("parts", {})
        names = {"weights": "parameters", "MACs": "macs", "memory": "activation_bytes", "time": "ms"}
        return {title: parts[name] for title, name in names.items()} if parts else {}

    def _amount(self, parameters: int, macs: SEMacs) -> int:
        return macs.total if self.quantity == "MACs" else parameters

    def _formula(self, stage: Stage) -> str:
        """What one block costs, times the blocks."""
        if self.reduction > stage.channels:  # without SE, or the live figure says why not
            return f"{stage.blocks} blocks"
        parameters = se_parameters(stage.channels, self.reduction, bias=self.bias)
        macs = se_macs(stage.channels, self.reduction, stage.height, stage.width)
        return f"{stage.blocks} × {self._amount(parameters, macs):,}"


def _draw_shares(ax: Axes, quantities: Mapping[str, list[float]]) -> None:
    """A line for each quantity: who owns which share of it, from the stem to the classifier."""
    for line, (name, amounts) in enumerate(quantities.items()):
        start = 0.0
        for number, amount in enumerate(amounts):
            share = amount / sum(amounts)
            ax.barh([name], [share], left=[start], color=COLOURS["plain"], alpha=0.3 + 0.12 * number, edgecolor="white")
            if 0 < number < len(amounts) - 1 and share > 0.04:
                ax.text(start + share / 2, line, f"{number}", ha="center", va="center")
            start += share
    ax.set_xlim(0, 1)
    ax.invert_yaxis()
