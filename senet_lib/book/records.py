"""The records of the book's experiments: read them, and sum them up.

A record is one JSON file in the repository's ``results/``, which an installed package holds too. ``python -m
senet_lib.book.experiments`` writes them; this module needs neither torch nor a network to read them. A record is a
dictionary: ``settings``, ``pictures`` (how many), ``data_sha256`` and ``runs``. Each run has its ``seed``, its ``arm``
(which network), ``machine``, ``started``, and ``epochs``, a list of ``EpochStats`` as dictionaries. Where the
experiment asks the gates (``senet_lib.book.experiments.gate_probe``), a run with SE also has ``gates``.
"""

import difflib
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

Record = dict[str, Any]


def results_folder() -> Path:
    """Where the records are: in a checkout ``results/``, in an installed package its copy."""
    package = Path(__file__).parent.parent
    installed = package / "results"
    return installed if installed.is_dir() else package.parent / "results"


def list_records(folder: Path | None = None) -> list[str]:
    """The names of all records."""
    return sorted(path.stem.replace("_", "-") for path in (folder or results_folder()).glob("*.json"))


def load_record(name: str, folder: Path | None = None) -> Record:
    """A record by the name of its experiment, such as "context-world".

    Raises:
        ValueError: if there is none of this name, or its file is damaged.
    """
    folder = folder or results_folder()
    known = list_records(folder)
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"there is no record {name!r}; {hint}There are {', '.join(known) or 'none'}")
    path = record_path(name, folder)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a valid record ({error}); restore it, or move it away and run again") from None


def record_path(name: str, folder: Path) -> Path:
    """The file of an experiment's record."""
    return folder / f"{name.replace('-', '_')}.json"


def summarise(record: Record) -> dict[str, dict[str, Any]]:
    """For each arm: final test accuracies by seed, their mean and standard deviation, and the training time in seconds.

    The time is that of the fastest epoch of all runs, times the epochs: whatever else ran on the machine can only have
    made an epoch slower. Where runs stop early, it is the mean number of their epochs.
    """
    summary: dict[str, dict[str, Any]] = {}
    for arm in dict.fromkeys(entry["arm"] for entry in record["runs"]):
        runs = _runs_of(record, arm)
        accuracies = {entry["seed"]: entry["epochs"][-1]["test_accuracy"] for entry in runs}
        seconds = [epoch["seconds"] for entry in runs for epoch in entry["epochs"]]
        summary[arm] = {
            "accuracies": accuracies,
            "mean": mean(accuracies.values()),
            "std": stdev(accuracies.values()) if len(accuracies) > 1 else 0.0,
            "seconds": min(seconds) * mean(len(entry["epochs"]) for entry in runs),
        }
    return summary


def curves(record: Record, arm: str, metric: str = "test_accuracy") -> np.ndarray:
    """A metric after each epoch, for each seed, in the order of the seeds: (seeds, epochs).

    Args:
        record: as :func:`load_record` gives it.
        arm: name of a network of the record.
        metric: an attribute of ``EpochStats``.

    Raises:
        ValueError: if the record has no such arm, or no such metric.
    """
    runs = _runs_of(record, arm)
    if not runs:
        arms = ", ".join(dict.fromkeys(entry["arm"] for entry in record["runs"]))
        raise ValueError(f"there is no arm {arm!r} in this record; it has {arms}")
    if metric not in runs[0]["epochs"][0]:
        raise ValueError(f"there is no metric {metric!r} in this record; it has {', '.join(runs[0]['epochs'][0])}")
    return np.array([[epoch[metric] for epoch in entry["epochs"]] for entry in runs])


def intervention_accuracies(record: Record, arm: str) -> dict[tuple[str, str], np.ndarray]:
    """Test accuracies with other gates: from (what is put there, which blocks) to (seeds,), in the order of the seeds.

    The accuracy with the network's own gates is under ("own", "all").

    Raises:
        ValueError: if the record has no gates of such an arm.
    """
    runs = _runs_with_gates(record, arm)
    found = {("own", "all"): np.array([gates["accuracy"] for gates in runs])}
    for place, asked in enumerate(runs[0]["interventions"]):
        accuracies = [gates["interventions"][place]["accuracy"] for gates in runs]
        found[asked["gates"], asked["blocks"]] = np.array(accuracies)
    return found


def gate_measures(record: Record, arm: str) -> dict[str, dict[str, np.ndarray]]:
    """From each SE block to its measures, such as "explained_by_class": (seeds,), in the order of the seeds.

    Errors are those of :func:`intervention_accuracies`.
    """
    runs = [gates["blocks"] for gates in _runs_with_gates(record, arm)]
    return {
        block: {name: np.array([blocks[block][name] for blocks in runs]) for name in measures}
        for block, measures in runs[0].items()
    }


def _runs_with_gates(record: Record, arm: str) -> list[dict[str, Any]]:
    found = [entry["gates"] for entry in _runs_of(record, arm) if "gates" in entry]
    if not found:
        arms = dict.fromkeys(entry["arm"] for entry in record["runs"] if "gates" in entry)
        raise ValueError(f"the record has no gates of {arm!r}; it has those of {', '.join(arms) or 'none'}")
    return found


def _runs_of(record: Record, arm: str) -> list[dict[str, Any]]:
    """An arm's runs in the order of their seeds; the record has them in the order in which they ended."""
    return sorted((entry for entry in record["runs"] if entry["arm"] == arm), key=lambda entry: entry["seed"])


def paired_differences(record: Record, without: str, with_it: str) -> dict[int, float]:
    """For each seed that both arms have: the second arm's final test accuracy less the first one's."""
    summary = summarise(record)
    if without not in summary or with_it not in summary:
        return {}
    first, second = summary[without]["accuracies"], summary[with_it]["accuracies"]
    return {seed: second[seed] - first[seed] for seed in sorted(first.keys() & second.keys())}
