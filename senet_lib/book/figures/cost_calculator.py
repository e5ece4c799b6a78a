"""What SE costs: a network's stages as an invoice, in parameters and in multiply-accumulates."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import traitlets
from matplotlib.figure import Figure as Picture

from senet_lib.book.figures.figure import Asking, Figure
from senet_lib.book.plots import COLOURS
from senet_lib.cost.formulas import NETWORKS, Network, SEMacs, Stage, se_macs, se_parameters, stage_costs


def network_list(networks: Mapping[str, Network] = NETWORKS) -> list[dict[str, Any]]:
    """Networks in the form that the figure takes; a stage is [blocks, channels, height, width]."""
    return [
        {
            "name": name,
            "title": network.name,
            "parameters": network.parameters,
            "macs": network.macs,
            "stages": [[s.blocks, s.channels, s.height, s.width] for s in network.stages],
        }
        for name, network in networks.items()
    ]


class CostCalculator(Asking, Figure):
    """Choose a network and r: what SE adds stage by stage, and what a stage without SE saves.

    With ``asks``, the bars wait for a guess: which stage of the network that is shown first pays most?

    Attributes:
        networks: what the menu offers, in the form of :func:`network_list`; all of ``senet_lib.cost.formulas.NETWORKS``
        if
            you give none.
        network: the name of one of them; the menu moves it.
        reduction: r, one of 1, 2, 4, … 64, and not above the channels of a stage with SE; the slider moves it.
        bias: whether the SE blocks have biases; the box moves it.
        quantity: "weights", or "MACs" for multiply-accumulates for one picture; the two buttons move it.
        dropped: the numbers, from 1, of the stages that have no SE; each stage's box moves it.
    """

    title = "What SE costs"
    description = (
        "A bar for each stage of a network, as long as what SE adds there. "
        "Below, a bar to scale: the network, and all that SE adds to it."
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
    def example(cls) -> "CostCalculator":
        return cls(
            caption="Drop SE in the last stage. How much of the cost is gone? Then switch to MACs: which stage costs "
            "most now? ReLU, sigmoid and biases take no MACs here."
        )

    def draw_still(self) -> Picture:
        network = self._network()
        costs = stage_costs(network, self.reduction, bias=self.bias, dropped_stages=self.dropped)
        added = [self._amount(cost.parameters, cost.macs) for cost in costs]
        base = self._amount(network.parameters, SEMacs(excitation=network.macs))
        unit = "MACs" if self.quantity == "MACs" else "parameters"

        picture, (stages, whole) = plt.subplots(2, 1, figsize=(7, 3.8), height_ratios=(6, 1), layout="constrained")
        names = [
            f"stage {cost.stage}: {self._formula(stage)}" for cost, stage in zip(costs, network.stages, strict=True)
        ]
        bars = stages.barh(names, added, color=COLOURS["s"])
        labels = ["no SE" if cost.stage in self.dropped else f"{one:,}" for cost, one in zip(costs, added, strict=True)]
        stages.bar_label(bars, labels, padding=3)
        stages.invert_yaxis()
        stages.margins(x=0.2)
        stages.set_title(f"{unit} that SE adds to {network.name}, r = {self.reduction}", loc="left")
        whole.barh([""], [base], color=COLOURS["plain"])
        whole.barh([""], [sum(added)], left=[base], color=COLOURS["s"])
        whole.set_xlim(0, base + sum(added))
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

    def _amount(self, parameters: int, macs: SEMacs) -> int:
        return macs.total if self.quantity == "MACs" else parameters

    def _formula(self, stage: Stage) -> str:
        """What one block costs, times the blocks."""
        if self.reduction > stage.channels:  # without SE, or the live figure says why not
            return f"{stage.blocks} blocks"
        parameters = se_parameters(stage.channels, self.reduction, bias=self.bias)
        macs = se_macs(stage.channels, self.reduction, stage.height, stage.width)
        return f"{stage.blocks} × {self._amount(parameters, macs):,}"
