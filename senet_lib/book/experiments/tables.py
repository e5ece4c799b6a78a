"""The tables of the chapters and of the results page, in Markdown, made from the records and the paper's numbers alone.

A page holds a table between two comments, ``<!-- table: NAME -->`` and ``<!-- end -->``. :func:`fill_tables` writes
what belongs there.
"""

import difflib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean

from senet_lib.book import paper
from senet_lib.book.experiments.attention_tables import ATTENTION_TABLES
from senet_lib.book.experiments.catalogue import EXPERIMENTS
from senet_lib.book.experiments.distance_tables import DISTANCE_TABLES
from senet_lib.book.experiments.gate_tables import GATE_TABLES
from senet_lib.book.experiments.markdown import (
    SPREAD,
    markdown_table,
    mean_and_spread,
    seeds_in_words,
    signed,
    solved_of,
)
from senet_lib.book.experiments.networks_of_others import NETWORKS_OF_OTHERS_TABLES
from senet_lib.book.experiments.specimen_tables import SPECIMEN_TABLES
from senet_lib.book.records import Record, curves, list_records, load_record, paired_differences, summarise
from senet_lib.cost.attention_formulas import ATTENTION_NAMES
from senet_lib.cost.formulas import NETWORKS, added_parameters
from senet_lib.doctor.specimens import SPECIMENS

TABLE = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
MEANING_OF_SPREAD = "“±” stands before the standard deviation over the seeds."
# How the tables write the names of arms.
ARM_NAMES = (
    ATTENTION_NAMES
    | {name: specimen.name for name, specimen in SPECIMENS.items()}
    | {f"{name}, sound": f"{specimen.name}: sound twin" for name, specimen in SPECIMENS.items()}
    | {"se": "with SE", "se, r=4": "SE, r=4", "se, r=1": "SE, r=1"}
)


def fill_tables(text: str, results: Path) -> str:
    """A page with its tables made anew.

    Raises:
        ValueError: if the page asks for a table that there is not.
    """

    def fill(found: re.Match[str]) -> str:
        return f"{found[1]}\n{make_table(found['name'], results)}\n\n{found[3]}"

    return TABLE.sub(fill, text)


def make_table(name: str, results: Path) -> str:
    """A table by its name: one of ``TABLES``, or the name of a record for the summary of that, and what its ± means.

    Raises:
        ValueError: if there is no such table.
    """
    table = _table(name, results)
    return f"{table}\n\n{MEANING_OF_SPREAD}" if SPREAD in table else table


def _table(name: str, results: Path) -> str:
    if name in TABLES:
        return TABLES[name](results)
    known = [*TABLES, *list_records(results)]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0)
        raise ValueError(f"there is no table {name!r}; did you mean {near[0]!r}?")
    return summary_table(load_record(name, results))


def summary_table(record: Record) -> str:
    """Each network of a record with its parameters, accuracies and time."""
    parameters = record["settings"]["parameters"]
    rows = [
        (
            ARM_NAMES.get(arm, arm),
            f"{parameters[arm]:,}",
            str(len(values["accuracies"])),
            mean_and_spread(list(values["accuracies"].values())),
            _range_of(list(values["accuracies"].values())),
            f"{values['seconds']:.0f} s",
        )
        for arm, values in summarise(record).items()
    ]
    return markdown_table(("network", "parameters", "seeds", "test accuracy", "lowest to highest", "time"), rows)


def milestones_table(record: Record) -> str:
    """Losses and errors at some epochs, means over the seeds; "" if the experiment names none, or none is reached."""
    reached = min(len(entry["epochs"]) for entry in record["runs"])
    epochs = [epoch for epoch in EXPERIMENTS[record["experiment"]].milestones if epoch <= reached]
    arms = dict.fromkeys(entry["arm"] for entry in record["runs"])
    rows = [_milestone(record, arm, epoch) for arm in arms for epoch in epochs]
    head = ("network", "epoch", "training loss", "training accuracy", "test loss", "top-1 error", "top-5 error")
    return markdown_table(head, rows) if rows else ""


def _milestone(record: Record, arm: str, epoch: int) -> tuple[str, ...]:
    def at(metric: str) -> float:
        return curves(record, arm, metric)[:, epoch - 1].mean()

    means = [f"{at(metric):.3f}" for metric in ("train_loss", "train_accuracy", "test_loss")]
    errors = [f"{1 - at(metric):.2%}" for metric in ("test_accuracy", "test_top5_accuracy")]
    return ARM_NAMES.get(arm, arm), str(epoch), *means, *errors


def _range_of(accuracies: list[float]) -> str:
    return f"{min(accuracies):.3f} to\N{NO-BREAK SPACE}{max(accuracies):.3f}" if len(accuracies) > 1 else "–"


# ---------------------------------------------------------------------------------------------- the race (chapter 8)

# Our races of plain against SE: a record, how its pictures and networks are called, and its two arms.
OUR_RACES = (
    ("context-world", "Context World", "small ResNet", "plain", "se"),
    ("digits", "digits", "small ResNet", "plain", "se"),
    ("pictures", "CIFAR-10 (JPEG-75)", "ResNet-8", "plain", "se"),
)


def _races(results: Path) -> str:
    """Ours, then the paper's: errors in percent without and with SE."""
    ours = [_our_race(load_record(name, results), *words) for name, *words in OUR_RACES]
    imagenet = [("ImageNet", name, pair, "Table 2") for name, pair in paper.IMAGENET.items()]
    cifar10 = [("CIFAR-10", name, pair, "Table 4; plain by others") for name, pair in paper.CIFAR10.items()]
    cifar100 = [("CIFAR-100", name, pair, "Table 5; plain by others") for name, pair in paper.CIFAR100.items()]
    theirs = [_their_race(*row) for row in (*cifar10, *cifar100, *imagenet)]
    head = ("pictures", "network", "plain", "with SE", "SE less plain", "runs, or table")
    return markdown_table(head, [*ours, *theirs])


def _our_race(record: Record, pictures: str, network: str, plain: str, with_se: str) -> tuple[str, ...]:
    summary, differences = summarise(record), paired_differences(record, plain, with_se)
    errors = [f"{100 * (1 - summary[arm]['mean']):.2f}" for arm in (plain, with_se)]
    counts = seeds_in_words(len(differences)), f"{record['settings']['recipe']['epochs']} epochs"
    runs = ", ".join(count.replace(" ", "\N{NO-BREAK SPACE}") for count in counts)
    return pictures, network, *errors, signed(-100 * mean(differences.values()), 2), runs


def _their_race(pictures: str, network: str, pair: paper.Pair, table: str) -> tuple[str, ...]:
    plain, with_se = pair.plain.top1, pair.with_se.top1
    return pictures, network, f"{plain:.2f}", f"{with_se:.2f}", signed(with_se - plain, 2), table


# ----------------------------------------------------------------------------------- the reduction ratio (chapter 9)


def _context_world_ratios(results: Path) -> str:
    """r, the hidden units of the two blocks, the price, the accuracy, and how many seeds solve the task."""
    record = load_record("context-world-reduction", results)
    parameters = record["settings"]["parameters"]
    channels = [stage.channels for stage in NETWORKS["small_resnet"].stages]
    rows = []
    for arm, values in summarise(record).items():
        r = _ratio_of(arm)
        accuracies = list(values["accuracies"].values())
        rows.append(
            (
                arm,
                " and ".join(str(C // r) for C in channels) if r else "–",
                f"{parameters[arm] - parameters['plain']:,}",
                mean_and_spread(accuracies),
                f"{min(accuracies):.3f}",
                solved_of(accuracies),
            )
        )
    return markdown_table(
        ("network", "hidden units", "new parameters", "test accuracy", "lowest", "seeds that solve it"), rows
    )


def _context_world_narrow(results: Path) -> str:
    """How many seeds solve the task, for each number of hidden units and each rule for the first weights."""
    summary = summarise(load_record("context-world-narrow", results))
    finals = {arm: list(values["accuracies"].values()) for arm, values in summary.items()}
    rows = [(arm, solved_of(final), mean_and_spread(final), _range_of(final)) for arm, final in finals.items()]
    return markdown_table(("first block", "seeds that solve it", "test accuracy", "lowest to highest"), rows)


def _papers_ratios(results: Path) -> str:
    """Table 10 of the paper, with the exact count of parameters beside the printed one."""
    rows = [("without SE", "–", f"{paper.REDUCTION_PLAIN.millions}M", *_both(paper.REDUCTION_PLAIN.errors))]
    for r, ratio in paper.REDUCTION.items():
        exact = added_parameters("resnet50", r, bias=False)
        rows.append((f"r={r}", f"{exact:,}", f"{ratio.millions}M", *_both(ratio.errors)))
    return markdown_table(
        ("network", "new weights, exact", "all, as printed", "top-1 error, %", "top-5 error, %"), rows
    )


def _both(errors: paper.Errors) -> tuple[str, str]:
    return f"{errors.top1:.2f}", f"{errors.top5:.2f}"


def _milestones_of(name: str, results: Path) -> str:
    return milestones_table(load_record(name, results))


def _ratio_of(arm: str) -> int | None:
    return int(arm.removeprefix("r=")) if arm.startswith("r=") else None


TABLES: dict[str, Callable[[Path], str]] = {
    "races": _races,
    "context-world-ratios": _context_world_ratios,
    "narrow-seeds": _context_world_narrow,
    "papers-ratios": _papers_ratios,
    **{f"{name}-milestones": partial(_milestones_of, f"{name}-small") for name in ("tutorial-b", "tutorial-d")},
    **DISTANCE_TABLES,
    **GATE_TABLES,
    **ATTENTION_TABLES,
    **SPECIMEN_TABLES,
    **NETWORKS_OF_OTHERS_TABLES,
}
