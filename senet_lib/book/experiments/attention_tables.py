"""The tables of chapter 11: what came after SE."""

from collections.abc import Callable
from pathlib import Path

from senet_lib.book import paper
from senet_lib.book.experiments.markdown import markdown_table, mean_and_spread, solved_of
from senet_lib.book.records import load_record, summarise
from senet_lib.cost.attention_formulas import ATTENTION_NAMES
from senet_lib.networks import ATTENTION_COSTS

CHANNELS, SIZE = 256, 56  # of the block whose cost is shown: the first stage of ResNet-50


def solved_table(results: Path) -> str:
    """Which of them solve the Context World, and how sure."""
    record = load_record("context-world-attention", results)
    plain = record["settings"]["parameters"]["plain"]
    rows = []
    for arm, values in summarise(record).items():
        accuracies = list(values["accuracies"].values())
        new = f"{record['settings']['parameters'][arm] - plain:,}"
        rows.append((ATTENTION_NAMES.get(arm, arm), new, mean_and_spread(accuracies), solved_of(accuracies)))
    return markdown_table(("attention", "new parameters", "test accuracy", "seeds that solve it"), rows)


def photographs_table(results: Path) -> str:
    """Each of them in a small network on photographs, one run of each."""
    record = load_record("cifar10-attention", results)
    parameters = record["settings"]["parameters"]
    rows = []
    for arm, values in summarise(record).items():
        new = f"{parameters[arm] - parameters['plain']:,}"
        rows.append((ATTENTION_NAMES.get(arm, arm), new, mean_and_spread(list(values["accuracies"].values()))))
    return markdown_table(("attention", "new parameters", "test accuracy"), rows)


def costs_table(results: Path) -> str:
    """Parameters of one block, and its MACs in millions, by formula."""
    rows = []
    for name, cost_of in ATTENTION_COSTS.items():
        cost = cost_of(CHANNELS, SIZE, SIZE)
        parts = (cost.macs.squeeze, cost.macs.excitation, cost.macs.rescale)
        rows.append(
            (ATTENTION_NAMES[name], f"{cost.parameters:,}", *(f"{part / 1e6:.3f}" if part else "0" for part in parts))
        )
    return markdown_table(("attention", "parameters", "gather", "decide", "act"), rows)


def published_table(results: Path) -> str:
    """What others have printed for ResNet-50 on ImageNet, with the source of each number."""
    rows = [(one.network, f"{one.top1:.2f}", one.source) for one in paper.AFTER_SE]
    return markdown_table(("network", "top-1 accuracy, %", "source"), rows)


ATTENTION_TABLES: dict[str, Callable[[Path], str]] = {
    "attention-solved": solved_table,
    "attention-photographs": photographs_table,
    "attention-costs": costs_table,
    "attention-published": published_table,
}
