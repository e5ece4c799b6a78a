"""What an experiment asks of the gates of a network that it has just trained, for the record.

Two questions. How do the gates look (Hu et al., Section 7.2)? And what do they cause: how does the accuracy on the same
test pictures change, with the same weights, when the gates are replaced? The paper asks only the first.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from senet_lib.common.torch_modules import evaluating
from senet_lib.data import Batches
from senet_lib.gates.analysis import (
    effective_rank,
    explained_share,
    mutual_information,
    numerical_rank,
    permuted_information,
    saturation,
)
from senet_lib.gates.gate_statistics import record_dataset
from senet_lib.gates.interventions import Replacement, constant, given, ones, replace_excitations, shuffled
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from senet_lib.training import evaluate

ALL = "all"
DIGITS = 4
PERMUTATIONS = 3
# Asked of all blocks together only; the others of each stage too.
ONLY_OF_ALL = ("shuffled channels", "0.5", "another picture, same class")


def probe_gates(model: nn.Module, batches: Batches, seed: int = 0) -> dict[str, Any] | None:
    """How the gates look on the test pictures, and the accuracies with other gates.

    Args:
        model: a trained classifier.
        batches: the test pictures, in an order that does not change.
        seed: of the channels' order, and of who gets whose gates.

    Returns:
        None for a network without SE. Else "accuracy" with the network's own gates; "interventions", each with its
        "gates" (what is put there), "blocks" ("all" or the name of a stage) and "accuracy"; and "blocks", from the
        name of each block to measures of ``senet_lib.gates.analysis``.
    """
    if not any(isinstance(module, SqueezeExcitation) for module in model.modules()):
        return None
    record = record_dataset(model, batches, keep_pictures=sys.maxsize).pictures
    gates = {block: record[block] for block in record.blocks}
    assert record.labels is not None
    return {
        "accuracy": evaluate(model, batches).accuracy,
        "interventions": _interventions(model, batches, gates, record.labels, seed),
        "blocks": {block: describe_gates(s, record.labels) for block, s in gates.items()},
    }


def stages_of(blocks: Iterable[str]) -> list[str]:
    """The names of the stages that have SE: layer1 for layer1.0.attention, in the order of the blocks."""
    return list(dict.fromkeys(re.sub(r"\..*", "", block) for block in blocks))


def describe_gates(gates: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """One number each for the gates (N, C) of a block: shares 0 to 1, ranks in directions, information in bits."""
    ends = saturation(gates)
    measures = {
        "mean": gates.mean(),
        "spread_over_channels": gates.mean(0).std(),
        "spread_over_pictures": gates.std(0).mean(),
        "below_0.1": ends.low.mean(),
        "above_0.9": ends.high.mean(),
        "explained_by_class": explained_share(gates, labels),
        "effective_rank": effective_rank(gates),
        "numerical_rank": numerical_rank(gates),
        "information_mean": mutual_information(gates, labels).mean(),
        "information_of_shuffled_labels": permuted_information(gates, labels, permutations=PERMUTATIONS).mean(),
    }
    return {name: round(float(value), DIGITS) for name, value in measures.items()} | {"channels": gates.shape[1]}


def _interventions(
    model: nn.Module, batches: Batches, gates: Mapping[str, np.ndarray], labels: np.ndarray, seed: int
) -> list[dict[str, Any]]:
    """The accuracy for each kind of other gates; ``gates`` are the network's own, (N, C), and ``labels`` are (N,)."""
    random = np.random.default_rng(seed)
    kinds: dict[str, Replacement | np.ndarray] = {
        "1": ones,
        "mean": given({block: s.mean(0, dtype=np.float64) for block, s in gates.items()}),
        "another picture": random.permutation(len(labels)),
        "another picture, same class": same_class_order(labels, random),
        "shuffled channels": shuffled(seed),
        "0.5": constant(0.5),
    }
    stages = stages_of(gates)
    asked = [(name, ALL) for name in kinds]
    asked += [(name, stage) for stage in stages for name in kinds if name not in ONLY_OF_ALL and len(stages) > 1]
    return [
        {"gates": name, "blocks": where, "accuracy": _accuracy(model, batches, gates, kinds[name], where)}
        for name, where in asked
    ]


def same_class_order(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """For each picture the place of one of the same class, each used once: (N,)."""
    order = np.arange(len(labels))
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        order[places] = random.permutation(places)
    return order


@torch.inference_mode()
def _accuracy(
    model: nn.Module,
    batches: Batches,
    gates: Mapping[str, np.ndarray],
    other: Replacement | np.ndarray,
    where: str,
) -> float:
    """The share of right answers, 0 to 1. ``other`` is a replacement, or for each picture the place of its partner."""
    right, start = 0, 0
    with evaluating(model):
        for pictures, labels in batches:
            end = start + len(labels)
            replacement = (
                other if callable(other) else given({block: s[other[start:end]] for block, s in gates.items()})
            )
            with replace_excitations(model, replacement, None if where == ALL else where):
                right += int((model(pictures).argmax(1) == labels).sum())
            start += len(labels)
    return right / start
