"""The tables of chapter 12: what faults of copied code do to training, and the answers to common questions."""

from collections.abc import Callable
from pathlib import Path

from senet_lib.book.experiments.markdown import markdown_table, mean_and_spread
from senet_lib.book.experiments.specimen_runs import NOT_TRAINED, QUESTIONS, twin_of
from senet_lib.book.records import load_record, summarise
from senet_lib.doctor.specimens import SPECIMENS


def faults_table(results: Path) -> str:
    """Each fault's test accuracies with and without it; the one that costs most comes first."""
    world, digits = (_accuracies(f"{data}-specimens", results) for data in ("context-world", "digits"))
    trained = [name for name in SPECIMENS if name not in NOT_TRAINED]
    trained.sort(key=lambda name: sum(world[name]) / len(world[name]))
    rows = [
        (
            SPECIMENS[name].name.replace("batch normalisation", "batch norm"),  # else it is too wide for a phone
            *(
                mean_and_spread(found[arm]) if name in found else "does not fit"
                for found in (world, digits)
                for arm in (name, twin_of(name))
            ),
        )
        for name in trained
    ]
    head = ("fault", "Context World: with it", "without", "digits: with it", "without")
    return markdown_table(head, rows)


def questions_table(results: Path) -> str:
    """The arms of the questions on both data sets."""
    found = [_accuracies(f"{data}-questions", results) for data in ("context-world", "digits")]
    parameters = load_record("context-world-questions", results)["settings"]["parameters"]
    rows = [(arm, f"{parameters[arm]:,}", *(mean_and_spread(one[arm]) for one in found)) for arm in QUESTIONS]
    return markdown_table(("SE with", "parameters of the network", "Context World", "digits"), rows)


def _accuracies(name: str, results: Path) -> dict[str, list[float]]:
    """The final test accuracies of each arm of a record."""
    summary = summarise(load_record(name, results))
    return {arm: list(values["accuracies"].values()) for arm, values in summary.items()}


SPECIMEN_TABLES: dict[str, Callable[[Path], str]] = {
    "specimen-faults": faults_table,
    "specimen-questions": questions_table,
}
