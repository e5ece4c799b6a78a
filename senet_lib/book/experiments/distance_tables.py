"""Tables of the Distance World: what six epochs reach, how long patience takes, and how wide the networks look."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from senet_lib.book.experiments.distance import GAPS
from senet_lib.book.experiments.markdown import markdown_table
from senet_lib.book.records import Record, list_records, load_record, summarise
from senet_lib.data.context_world import SOLVED
from senet_lib.data.distance_world import window_that_holds, window_that_touches

STUCK = 0.6  # test accuracy below which a network is taken to be at the blind vote, 0.5625


def distance_table(results: Path, with_se: bool = False) -> str:
    """For each recorded distance its two windows, and of each network the mean accuracy and how many seeds solve it."""
    records = {gap: load_record(f"distance-{gap}", results) for gap in _recorded(results, "distance-{}")}
    arms = [arm for arm in _arms(records.values()) if arm.startswith("plain") or with_se]
    rows = []
    for gap, record in records.items():
        summary = summarise(record)
        reached = [_mean_and_solved(summary[arm]["accuracies"].values()) if arm in summary else "" for arm in arms]
        rows.append((str(gap), str(window_that_touches(gap)), str(window_that_holds(gap)), *reached))
    return markdown_table(("gap", "touches both", "holds both", *arms), rows)


def patience_table(results: Path) -> str:
    """For each distance and network the epochs that each seed needed, or the longest that was tried in vain."""
    rows = []
    for gap in _recorded(results, "distance-{}-patient"):
        record = load_record(f"distance-{gap}-patient", results)
        for arm in dict.fromkeys(run["arm"] for run in record["runs"]):
            runs = sorted((run for run in record["runs"] if run["arm"] == arm), key=lambda run: run["seed"])
            rows.append((str(gap), arm, ", ".join(_epochs_needed(run) for run in runs)))
    return markdown_table(("gap", "network", f"epochs to {SOLVED:g}, for each seed"), rows)


def field_table(results: Path) -> str:
    """For each run that took its time: how wide a unit looked before it left the blind vote, and at the end.

    The width is the side of the middle square of pixels that holds 90% of the influence on pictures of noise.
    """
    rows = []
    for gap in _recorded(results, "distance-{}-patient"):
        runs = load_record(f"distance-{gap}-patient", results)["runs"]
        for run in sorted(runs, key=lambda run: (run["arm"], run["seed"])):
            stuck = [epoch for epoch in run["epochs"] if epoch["test_accuracy"] < STUCK] or run["epochs"][:1]
            before, after = (epoch["field"]["0.9"] for epoch in (stuck[-1], run["epochs"][-1]))
            cells = (str(run["seed"]), str(before), str(after), f"{run['epochs'][-1]['test_accuracy']:.3f}")
            rows.append((run["arm"], str(gap), *cells))
    return markdown_table(("network", "gap", "seed", "pixels while stuck", "pixels at the end", "accuracy"), rows)


def _recorded(results: Path, template: str) -> list[int]:
    known = list_records(results)
    return [gap for gap in GAPS if template.format(gap) in known]


def _arms(records: Iterable[Record]) -> list[str]:
    return list(dict.fromkeys(run["arm"] for record in records for run in record["runs"]))


def _mean_and_solved(accuracies: Iterable[float]) -> str:
    values = list(accuracies)
    solved = sum(accuracy >= SOLVED for accuracy in values)
    return f"{sum(values) / len(values):.3f} ({solved}/{len(values)})"


def _epochs_needed(run: dict[str, Any]) -> str:
    last = run["epochs"][-1]
    return str(last["epoch"]) if last["test_accuracy"] >= SOLVED else f"not in {last['epoch']}"


DISTANCE_TABLES: dict[str, Callable[[Path], str]] = {
    "distance": distance_table,
    "distance-with-se": partial(distance_table, with_se=True),
    "distance-patience": patience_table,
    "distance-fields": field_table,
}
