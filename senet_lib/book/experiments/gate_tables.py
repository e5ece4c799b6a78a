"""The tables of chapter 10: what the gates of trained networks say, and what happens with other gates."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from senet_lib.book.experiments.gate_probe import stages_of
from senet_lib.book.experiments.markdown import markdown_table, mean_and_spread, seeds_in_words
from senet_lib.book.records import Record, curves, gate_measures, intervention_accuracies, load_record


@dataclass(frozen=True)
class _Asked:
    """Where a table's numbers are: a record, what its pictures are called, and the names of its arms."""

    record: str
    pictures: str
    with_se: str
    without_last_stage: str
    plain: str


WORLD = _Asked("context-world-gates", "Context World", "r=4", "r=4, stage 1 only", "plain")
PHOTOGRAPHS = _Asked("cifar10-gates", "photographs", "r=4", "r=4, stages 1 and 2", "plain")
DIGITS = _Asked("digits-gates", "digits", "se", "", "plain")

REPLACED = {
    "own": "its own gates",
    "another picture, same class": "those of another picture of its class",
    "another picture": "those of any other picture",
    "mean": "the channel's mean gate",
    "shuffled channels": "its own, shuffled over the channels",
    "0.5": "0.5",
    "1": "1: all open",
}
OF_STAGES = ("another picture", "mean", "1")


def interventions_table(results: Path) -> str:
    """What the gates are replaced by, in all blocks, against the accuracy on three kinds of pictures."""
    asked = (WORLD, DIGITS, PHOTOGRAPHS)
    found = [intervention_accuracies(load_record(one.record, results), one.with_se) for one in asked]
    seeds = [seeds_in_words(len(accuracies["own", "all"])) for accuracies in found]
    head = ["each picture gets", *(f"{one.pictures} ({count})" for one, count in zip(asked, seeds, strict=True))]
    rows = [[words, *(mean_and_spread(one[gates, "all"]) for one in found)] for gates, words in REPLACED.items()]
    return markdown_table(head, rows)


def stages_table(results: Path) -> str:
    """The same for one stage at a time; the others keep their gates."""
    rows = []
    for asked in (WORLD, PHOTOGRAPHS):
        record = load_record(asked.record, results)
        found = intervention_accuracies(record, asked.with_se)
        for number, stage in enumerate(stages_of(gate_measures(record, asked.with_se)), start=1):
            name = f"{asked.pictures}, stage\N{NO-BREAK SPACE}{number}"
            rows.append([name, *(mean_and_spread(found[gates, stage]) for gates in OF_STAGES)])
    return markdown_table(("pictures", *(REPLACED[gates] for gates in OF_STAGES)), rows)


def blocks_table(results: Path) -> str:
    """What the gates of each block look like, as means over the seeds."""
    rows = []
    for asked in (WORLD, PHOTOGRAPHS):
        blocks = gate_measures(load_record(asked.record, results), asked.with_se)
        rows += [
            _block_row(f"{asked.pictures}\N{NO-BREAK SPACE}{block}", measures) for block, measures in blocks.items()
        ]
    head = ("block", "explained by class", "mean gate", "spread over pictures")
    return markdown_table((*head, "below 0.1", "above 0.9", "effective rank"), rows)


def _block_row(block: str, measures: dict[str, np.ndarray]) -> list[str]:
    mean = {measure: values.mean() for measure, values in measures.items()}
    return [
        block.removesuffix(".attention").replace("layer", ""),
        f"{mean['explained_by_class']:.3f}",
        *(f"{mean[measure]:.2f}" for measure in ("mean", "spread_over_pictures")),
        *(f"{mean[measure]:.0%}" for measure in ("below_0.1", "above_0.9")),
        f"{mean['effective_rank']:.1f}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}{mean['channels']:.0f}",
    ]


def pruning_table(results: Path) -> str:
    """SE in the last stage: kept, replaced by what costs nothing, or never trained; for two kinds of pictures."""
    tables = []
    for asked in (WORLD, PHOTOGRAPHS):
        record = load_record(asked.record, results)
        found = intervention_accuracies(record, asked.with_se)
        last = stages_of(gate_measures(record, asked.with_se))[-1]
        arms = (asked.with_se, asked.without_last_stage, asked.plain)
        everywhere, fewer, none = (record["settings"]["parameters"][arm] for arm in arms)
        ways = (
            ("SE in every stage", everywhere, found["own", "all"]),
            ("last stage's gates fixed at their means", fewer, found["mean", last]),
            ("last stage's gates fixed at 1", fewer, found["1", last]),
            ("trained without SE in the last stage", fewer, _final(record, asked.without_last_stage)),
            ("trained without any SE", none, _final(record, asked.plain)),
        )
        rows = [[words, f"{count - none:,}", mean_and_spread(right)] for words, count, right in ways]
        tables.append(markdown_table((asked.pictures, "parameters of SE", "test accuracy"), rows))
    return "\n\n".join(tables)


def _final(record: Record, arm: str) -> np.ndarray:
    """For each seed."""
    return curves(record, arm)[:, -1]


GATE_TABLES: dict[str, Callable[[Path], str]] = {
    "gate-interventions": interventions_table,
    "gate-stages": stages_table,
    "gate-blocks": blocks_table,
    "gate-pruning": pruning_table,
}
