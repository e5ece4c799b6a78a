"""A network of anybody's in the numbers that the cost calculator takes."""

import copy
import itertools
import statistics
from collections.abc import Sequence

from torch import nn

from senet_lib.cost.formulas import Network, Stage
from senet_lib.cost.measure import measure_cost
from senet_lib.doctor.examination import find_se
from senet_lib.networks.insert import insert_squeeze_excitation
from senet_lib.networks.residual_branches import residual_branches


def count_network(model: nn.Module, input_size: Sequence[int], name: str) -> tuple[Network, float | None]:
    """What a network costs without SE, with the stages in which SE stands, and its ratio r; None if it has no SE.

    Blocks with maps of one size that follow one another are a stage. In a network without SE they are the residual
    branches.

    Raises:
        ValueError: if the model does not run on input_size, or has neither SE layers nor residual branches.
    """
    found = find_se(model, input_size)
    ratio = statistics.median(layer.ratio or 1.0 for layer, *_ in found) if found else None
    if not found:
        if not (branches := residual_branches(model)):
            raise ValueError(f"{name} has neither SE layers nor residual branches: there is nowhere to count SE")
        model = copy.deepcopy(model)
        insert_squeeze_excitation(model, branches, reduction=1, input_size=input_size)
        found = find_se(model, input_size)
    cost = measure_cost(model, input_size, se=[module for _, modules, _ in found for module in modules])
    stages = [Stage(len([*same]), *shape[1:]) for shape, same in itertools.groupby(shape for *_, shape in found)]
    return Network(name, tuple(stages), cost.parameters - cost.se_parameters, cost.macs - cost.se_macs), ratio
