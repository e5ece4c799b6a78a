"""What an experiment asks of the gates of a network that it has just trained, for the record.

Two questions. How do the gates look (Hu et al., Section 7.2)? And what do they cause: how does the accuracy on the same
test pictures change, with the same weights, when the gates are replaced? The paper asks only the first.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

from senet_lib.analysis import (
    effective_rank,
    explained_share,
    mutual_information,
    numerical_rank,
    permuted_information,
    saturation,
)
from senet_lib.batches import Batches
from senet_lib.blocks import SqueezeExcitation
from senet_lib.evaluation import evaluate
from senet_lib.gate_modules import find_gates
from senet_lib.gate_statistics import record_dataset
from senet_lib.interventions import Replacement, constant, given, mean_gates, ones, replace_excitations, shuffled
from senet_lib.recording import ExcitationRecord
from senet_lib.residual_branches import evaluating

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
        name of each block to measures of ``senet_lib.analysis``.
    """
    if not any(isinstance(module, SqueezeExcitation) for module in model.modules()):
        return None
    blocks = tuple(find_gates(model))
    count = sum(len(labels) for _, labels in batches)
    record = record_dataset(model, batches, keep_pictures=count).pictures
    return {
        "accuracy": evaluate(model, batches).accuracy,
        "interventions": _interventions(model, batches, record, stages_of(blocks), seed),
        "blocks": {block: describe_gates(record[block], record.labels) for block in blocks},
    }


def stages_of(blocks: Iterable[str]) -> list[str]:
    """The names of the stages that have SE: layer1 for layer1.0.attention, in the order of the blocks."""
    return list(dict.fromkeys(re.sub(r"\..*", "", block) for block in blocks))


def describe_gates(gates: np.ndarray, labels: np.ndarray | None) -> dict[str, float]:
    """One number each for the gates (N, C) of a block: shares 0 to 1, ranks in directions, information in bits."""
    assert labels is not None
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
    model: nn.Module, batches: Batches, record: ExcitationRecord, stages: list[str], seed: int
) -> list[dict[str, Any]]:
    assert record.labels is not None
    random = np.random.default_rng(seed)
    anybody = random.permutation(len(record))
    twins = same_class_order(record.labels, random)
    # Called with the place of a batch's first picture: the gates of other pictures differ from batch to batch.
    kinds: dict[str, Callable[[int, int], Replacement]] = {
        "1": lambda start, end: ones,
        "mean": lambda start, end: mean_gates(record),
        "another picture": lambda start, end: _gates_of(record, anybody[start:end]),
        "another picture, same class": lambda start, end: _gates_of(record, twins[start:end]),
        "shuffled channels": lambda start, end: shuffled(seed),
        "0.5": lambda start, end: constant(0.5),
    }
    asked = [(name, ALL) for name in kinds]
    asked += [(name, stage) for stage in stages for name in kinds if name not in ONLY_OF_ALL and len(stages) > 1]
    return [
        {"gates": name, "blocks": where, "accuracy": _accuracy(model, batches, kinds[name], where)}
        for name, where in asked
    ]


def same_class_order(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """For each picture the place of one of the same class, each used once: (N,)."""
    order = np.arange(len(labels))
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        order[places] = random.permutation(places)
    return order


def _gates_of(record: ExcitationRecord, places: np.ndarray) -> Replacement:
    return given({block: record[block][places] for block in record.blocks})


@torch.inference_mode()
def _accuracy(model: nn.Module, batches: Batches, replacement: Callable[[int, int], Replacement], where: str) -> float:
    """The share of right answers with other gates, 0 to 1."""
    right, start = 0, 0
    with evaluating(model):
        for pictures, labels in batches:
            end = start + len(labels)
            with replace_excitations(model, replacement(start, end), None if where == ALL else where):
                right += int((model(pictures).argmax(1) == labels).sum())
            start = end
    return right / start
