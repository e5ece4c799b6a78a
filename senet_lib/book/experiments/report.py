"""The page of recorded results, made from the records alone."""

from pathlib import Path
from statistics import mean
from typing import Any

from senet_lib.book.experiments.catalogue import EXPERIMENTS, SECTIONS
from senet_lib.book.experiments.markdown import markdown_table, mean_of, signed
from senet_lib.book.experiments.tables import ARM_NAMES, milestones_table, summary_table
from senet_lib.book.records import Record, list_records, load_record, paired_differences, summarise
from senet_lib.training import Recipe


def report(results: Path) -> str:
    """The page of recorded results, in Markdown."""
    recorded = sorted(list_records(results), key=list(EXPERIMENTS).index)
    records = [load_record(name, results) for name in recorded]
    if not records:
        raise ValueError(f"there are no records in {results.resolve()}; run this in the repository, or name --results")
    return "\n".join([REPORT_HEAD, _overview(records), *map(_report_one, records)])


def _overview(records: list[Record]) -> str:
    """All experiments in one table: networks, seeds, what came out, where it is told, and the file."""
    rows = [_overview_row(record) for record in records]
    head = ("experiment", "networks", "seeds", "mean test accuracy", "told in", "record")
    return f'## All experiments\n\n<div class="senet-overview">\n\n{markdown_table(head, rows)}\n\n</div>\n'


def _overview_row(record: Record) -> tuple[str, ...]:
    name, title = record["experiment"], _title(record)
    accuracies = {arm: list(values["accuracies"].values()) for arm, values in summarise(record).items()}
    means = {arm: mean(values) for arm, values in accuracies.items()}
    least, most = (choose(means, key=means.__getitem__) for choose in (min, max))
    ends = [f"{mean_of(accuracies[arm])} ({ARM_NAMES.get(arm, arm)})" for arm in (least, most)]
    is_one = mean_of(accuracies[least]) == mean_of(accuracies[most])
    counts = sorted({len(values) for values in accuracies.values()})
    file = f"{name.replace('-', '_')}.json"
    return (
        f"[{title}](#{slug(title)})",
        str(len(means)),
        " to ".join(str(count) for count in dict.fromkeys([counts[0], counts[-1]])),
        f"{'all ' * (len(means) > 1)}{mean_of(accuracies[least])}" if is_one else " to ".join(ends),
        _told_in(name),
        f'<a href="../results/{file}" title="{file}">JSON</a>',
    )


def _told_in(name: str) -> str:
    section = SECTIONS.get(name, "")
    if section.startswith("five_tutorials"):
        return f"[Five tutorials]({section})"
    return f"[chapter {int(section.partition('_')[0])}](../notebooks/{section})" if section else "–"


def slug(title: str) -> str:
    """The anchor that the page gives a heading, as GitHub does."""
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


# What a reader must know about data that differ from what their name suggests.
DATA_NOTES = {
    "CIFAR-10 (JPEG-75)": " CIFAR-10, encoded anew as JPEG of quality 75:\n"
    "  do not compare these accuracies with published ones on CIFAR-10.",
}

# "nosearch": nobody searches for a number of a table, and the search page would have to load them all.
REPORT_HEAD = """\
---
nosearch: true
---

# Recorded results

Every number here comes from a recorded run. Its file in `results/` names the settings, seeds, machine and versions, and
holds the statistics of every epoch. Accuracies are those after the last epoch, not the best of all epochs. "±" is the
standard deviation over seeds. Paired seeds means: with the same seed, all networks see the same batches in the same
order. The time is that of a network's fastest epoch, times the epochs; it is too long where the machine was busy
all along. What SE costs in time is measured side by side, in `benchmarks/`.

<!-- Made by `python -m senet_lib.book.experiments report` from results/*.json: edit neither by hand. -->
"""


def _report_one(record: Record) -> str:
    name = record["experiment"]
    settings, pictures, recipe = record["settings"], record["pictures"], record["settings"]["recipe"]
    machines = "\n".join(f"- Machine: {machine}." for machine in dict.fromkeys(map(_machine_in_words, record["runs"])))
    seed_count = 1 + max(entry["seed"] for entry in record["runs"])
    return f"""\
## {_title(record)}
{_question(name)}
<!-- table: {name} -->

{summary_table(record)}

<!-- end -->

{_paired_difference(record)}
{_milestones(record)}
<details>
<summary>How it was run</summary>

- Data: {settings["data"]}, {pictures["train"]:,} pictures to train and {pictures["test"]:,} to test,
  fingerprint `{record["data_sha256"][:12]}`.{DATA_NOTES.get(settings["data"], "")}
- Recipe: {_epochs_in_words(settings)}, batches of {settings["batch_size"]},
  {_recipe_in_words(recipe)}{_augmentation(settings)}.
{machines}
- Command: `python -m senet_lib.book.experiments run {name} --seeds {seed_count}{_data_options(record)}`.
  It completes the record; move the record away to make it anew.

</details>
"""


def _title(record: Record) -> str:
    """With the name of the data, where these are not the experiment's own."""
    experiment, data = EXPERIMENTS[record["experiment"]], record["settings"]["data"]
    return experiment.title if data == experiment.data else f"{experiment.title}, on {data}"


def _question(name: str) -> str:
    """A line that leads to the chapter; nothing for an experiment that the book does not treat."""
    if name not in SECTIONS:
        return ""
    section = SECTIONS[name]
    if section.startswith("five_tutorials"):
        return f"\n[Five tutorials, made again]({section}) says what this makes again.\n"
    chapter = int(section.partition("_")[0])
    return f"\n[Chapter {chapter}](../notebooks/{section}) asks the question that this answers.\n"


def _milestones(record: Record) -> str:
    table = milestones_table(record)
    return f"\n{table}\n" if table else ""


OPTIMISER_NAMES = {"adamw": "AdamW", "adam": "Adam", "sgd": "SGD"}


def _recipe_in_words(settings: dict[str, Any]) -> str:
    recipe = Recipe(**settings)
    rate = {
        "one-cycle": "with one cycle up to ",
        "step": f"divided by 10 every {recipe.step_epochs} epochs, from ",
        "constant": "at a constant rate of ",
    }[recipe.schedule]
    return f"{OPTIMISER_NAMES[recipe.optimiser]} {rate}{recipe.learning_rate:g}, weight decay {recipe.weight_decay:g}"


def _epochs_in_words(settings: dict[str, Any]) -> str:
    epochs = f"{settings['recipe']['epochs']} epochs"
    return f"until a test accuracy of {settings['stop_at']}, at most {epochs}" if "stop_at" in settings else epochs


def _augmentation(settings: dict[str, Any]) -> str:
    return f"; pictures changed by `{settings['augment']}`" if "augment" in settings else ""


def _data_options(record: Record) -> str:
    """The options that tell ``run`` about data other than the experiment's own."""
    data = record["settings"]["data"]
    return "" if data == EXPERIMENTS[record["experiment"]].data else f' --data folder:PATH --call-it "{data}"'


def _seeds_in_words(seeds: list[int]) -> str:
    is_range = len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if is_range else ", ".join(map(str, seeds))


def _paired_difference(record: Record) -> str:
    compare = EXPERIMENTS[record["experiment"]].compare
    if compare is None:
        return "There is nothing to compare it with."
    differences = paired_differences(record, *compare)
    if not differences:
        return "There is no complete pair yet."
    without, with_it = (ARM_NAMES.get(arm, arm) for arm in compare)
    what = f"({with_it} less {without})"
    if len(differences) == 1:
        (only,) = differences.values()
        return f"The difference {what} is {signed(only, 3)}. It is one run of each: another seed may move it as much."
    seeds = _seeds_in_words(list(differences))
    return (
        f"The mean difference {what} over the {len(differences)} paired seeds ({seeds}) is "
        f"{signed(mean(differences.values()), 3)}; the smallest is {signed(min(differences.values()), 3)}, the largest "
        f"{signed(max(differences.values()), 3)}."
    )


def _machine_in_words(entry: dict[str, Any]) -> str:
    machine = entry["machine"]
    return (
        f"{machine['device']}, {machine['cores']} cores{_threads(machine)}; Python {machine['python']}, "
        f"torch {machine['torch']}, torchvision {machine['torchvision']}, senet_lib {machine['senet_lib']}; "
        f"{entry['started'][:10]}"
    )


def _threads(machine: dict[str, Any]) -> str:
    """How many threads, where the record holds it: each number of them adds up, and rounds, in another order."""
    threads = machine.get("threads")
    return "" if threads is None else f", {threads} {'thread' if threads == 1 else 'threads'}"
