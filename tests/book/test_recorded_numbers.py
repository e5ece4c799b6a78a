"""Pages about recorded runs show what ``results/`` holds: their tables are made again, and their prose is looked up."""

import json
import re
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pytest

from senet_lib.book import paper
from senet_lib.book.experiments.catalogue import EXPERIMENTS, SECTIONS
from senet_lib.book.experiments.report import report
from senet_lib.book.experiments.tables import TABLE, fill_tables
from senet_lib.book.figures.paired_seeds import T_QUANTILES
from senet_lib.book.records import (
    curves,
    gate_measures,
    intervention_accuracies,
    list_records,
    load_record,
    paired_differences,
    results_folder,
    summarise,
)
from senet_lib.cost.formulas import NETWORKS, added_macs, added_parameters
from tests.book.test_claims import interval

ROOT = Path(__file__).parent.parent.parent
CHAPTERS = ("08_the_race", "09_the_reduction_ratio", "10_what_the_gates_say", "11_after_se", "12_se_code_in_the_wild")
TUTORIALS = "five_tutorials"  # the page in book/
PROSE = ("03_excitation", "06_what_it_costs", "07_the_se_family", *CHAPTERS, TUTORIALS)
# Numbers of other sources, each with the words that name the source beside it.
CITED = {
    "(Table 8)": {18.68, 4.47},
    "4.27 GFLOPs": {4.27, 3.87},
    "pytorchcv": {5.97, 6.01, 22.80, 20.86},
    "issue 18": {6.89, 8.42},
    "a footnote": {22.20, 23.29},
    "footnote 2": {23.21, 22.20},
    "[A](#tutorial-a)": {83.47, 0.00904},
    "[D](#tutorial-d)": {26.20, 23.43},
}


def seeds_alone() -> set[float]:
    """How far apart the blocks of chapter 11 lie, and the runs of one ResNet-56 in the issue that it cites."""
    accuracies = [arm["mean"] for arm in summarise(load_record("cifar10-attention")).values()]
    return {np.ptp(accuracies), 8.42 - 6.89}


def costs_of_resnet50() -> set[float]:
    """Shares in percent, billions of MACs, millions of parameters, and ratios of times, of SE in ResNet-50."""
    resnet50, new = NETWORKS["resnet50"], added_macs("resnet50", 16).total
    rows = json.loads((ROOT / "benchmarks" / "results" / "networks.json").read_text())["rows"]
    ratios = {row["ratios"]["se_resnet50 / resnet50"]["median"] for row in rows}
    parts = json.loads((ROOT / "benchmarks" / "results" / "stages.json").read_text())["networks"]["resnet50"]
    ratios.add(1 + sum(parts["added_ms"][1:-1]) / sum(parts["ms"]))
    first_stages = added_parameters("resnet50", 16, bias=False, dropped_stages=[4])
    of_the_paper = {3.86, 3.87, 0.01, 100 * 0.01 / 3.86}
    with_running_means = {30.64, 30.65}
    shares = {100 * first_stages / resnet50.parameters, 100 * new / resnet50.macs, 100 * new / 3_857_973_248}
    return {resnet50.macs / 1e9} | ratios | of_the_paper | with_running_means | shares


# Numbers that a chapter derives: what it measures on the page; voting on the Context World; the slope s (1 - s) at 0.1
# and 0.9; how far apart ten blocks lie, and six runs of one network; SimAM's lowest gate; the lowest loss behind two
# softmaxes.
DERIVED = {
    "03_excitation": {0.05, 0.07, 0.06, 0.75},
    "06_what_it_costs": costs_of_resnet50(),
    "07_the_se_family": set(),
    "08_the_race": {100 * 9 / 16, 1 / 360, np.log(10)},  # what a test picture of the digits is worth; a blind guess
    "09_the_reduction_ratio": {100 * 9 / 16},
    "10_what_the_gates_say": {0.1 * (1 - 0.1)},
    "11_after_se": {1 / (1 + np.exp(-1 / 2))} | seeds_alone(),
    TUTORIALS: {np.log(1 + 9 / np.e)},
    "12_se_code_in_the_wild": {np.log(1 + 3 / np.e), np.log(1 + 9 / np.e)},
}
# A number with at least two digits after the point. Fewer are too coarse to look up.
NUMBER = re.compile(r"(?<![\w.])\d+\.\d{2,}(?![\w.])")


def read(chapter: str) -> str:
    return page_of(f"{chapter}.md").read_text(encoding="utf-8")


def page_of(file: str) -> Path:
    """The chapters are in notebooks/, and begin with their number; other pages are in book/."""
    return ROOT / ("notebooks" if file[:2].isdecimal() else "book") / file


def prose(text: str) -> str:
    """A chapter without its head, cells, tables, formulas and exercises: what a person has written about results."""
    text = text.partition("\n## Exercises")[0].partition("\n---\n")[2]
    text = TABLE.sub("", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return re.sub(r"\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)", "", text, flags=re.DOTALL)


def recorded_numbers() -> set[float]:
    """Final accuracies of all records, their statistics, and those of paired differences, also as errors in percent."""
    found: set[float] = set()
    for name in list_records():
        record = load_record(name)
        summary = summarise(record)
        for arm, values in summary.items():
            accuracies = list(values["accuracies"].values())
            found |= {values["mean"], values["std"], min(accuracies), max(accuracies)}
            if "stop_at" not in record["settings"]:  # else the runs are not equally long
                assert np.isclose(values["mean"], curves(record, arm)[:, -1].mean())
        for without, with_it in permutations(summary, 2):
            found |= statistics_of(list(paired_differences(record, without, with_it).values()))
    return found | {100 * one for one in found} | {100 * (1 - one) for one in found}


def numbers_of_gates() -> set[float]:
    """Means over the seeds: accuracies with other gates, what they lose, and the measures of each block."""
    found: set[float] = set()
    for name in ("context-world-gates", "digits-gates", "cifar10-gates"):
        record = load_record(name)
        for arm in dict.fromkeys(run["arm"] for run in record["runs"] if "gates" in run):
            accuracies = {key: values.mean() for key, values in intervention_accuracies(record, arm).items()}
            own = accuracies["own", "all"]
            found |= {*accuracies.values(), *(own - one for one in accuracies.values())}
            measures = gate_measures(record, arm).values()
            found |= {float(values.mean()) for block in measures for values in block.values()}
    return found


def statistics_of(differences: list[float]) -> set[float]:
    mean, n = np.mean(differences), len(differences)
    if n < 2:
        return {abs(mean)}
    spread = np.std(differences, ddof=1)
    return {abs(mean), spread, T_QUANTILES[n - 2] * spread / n**0.5}


def papers_numbers() -> set[float]:
    errors = [ratio.errors for ratio in (*paper.REDUCTION.values(), paper.REDUCTION_PLAIN)]
    errors += [*paper.EXCITATION.values(), *paper.NO_SQUEEZE.values()]
    pairs = [pair for table in (paper.IMAGENET, paper.CIFAR10, paper.CIFAR100) for pair in table.values()]
    errors += [one for pair in pairs for one in pair]
    top1 = [one.top1 for one in errors]
    gaps = {abs(a - b) for a, b in permutations([ratio.errors.top1 for ratio in paper.REDUCTION.values()], 2)}
    gaps |= {a.top1 - b.top1 for a, b in pairwise(paper.NO_SQUEEZE.values())}
    accuracies = {one.top1 for one in paper.AFTER_SE}
    return {paper.ILSVRC_TOP5, *accuracies, *top1, *gaps, *(pair.plain.top1 - pair.with_se.top1 for pair in pairs)}


def cited_numbers(text: str) -> set[float]:
    return set().union(*(numbers for source, numbers in CITED.items() if source in text))


def numbers_without_a_source(chapter: str, text: str) -> list[str]:
    """The numbers of a page's prose that no record, no table of the paper and no named source holds."""
    pool = recorded_numbers() | papers_numbers() | cited_numbers(text) | DERIVED[chapter]
    if chapter == "08_the_race":  # its intervals; those of all records would let a wrong number pass
        for name, with_se in (("digits", "se"), ("context-world", "se")):
            pool |= {abs(end) for end in interval(load_record(name), "plain", with_se)}
    if chapter == "10_what_the_gates_say":  # elsewhere so many numbers would let a wrong one pass
        pool |= numbers_of_gates()

    def is_known(number: str) -> bool:
        digits = len(number.partition(".")[2])
        return any(abs(float(number) - one) <= 0.5001 * 10**-digits for one in pool)

    return [number for number in NUMBER.findall(prose(text)) if not is_known(number)]


def test_the_results_page_is_what_report_makes():
    page = (ROOT / "book" / "results.md").read_text(encoding="utf-8")
    assert page == report(results_folder()), "run: python -m senet_lib.book.experiments report"


def test_recorded_context_world_keeps_the_books_promise():
    """Plain at most 0.65, SE at least 0.97, over five or more paired seeds, with the record's provenance."""
    record = load_record("context-world")
    summary = summarise(record)
    plain, se = summary["plain"]["accuracies"], summary["se"]["accuracies"]
    assert set(plain) == set(se) and len(plain) >= 5
    assert max(plain.values()) <= 0.65 and min(se.values()) >= 0.97
    assert record["settings"] == EXPERIMENTS["context-world"].settings(4, 3), "recorded with other settings"
    for entry in record["runs"]:
        assert {"device", "cores", "python", "torch", "torchvision"} <= set(entry["machine"])


def test_each_record_leads_to_the_chapter_that_asks_its_question():
    assert set(list_records()) <= set(SECTIONS) <= set(EXPERIMENTS)
    page = (ROOT / "book" / "results.md").read_text(encoding="utf-8")
    for section in (SECTIONS[name] for name in list_records()):
        file, _, anchor = section.partition("#")
        headings = re.findall(r"^## (.+)$", page_of(file).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings], section
        assert f"]({'../notebooks/' if file[:2].isdecimal() else ''}{section})" in page


@pytest.mark.parametrize("chapter", [*CHAPTERS, TUTORIALS])
def test_the_tables_of_a_chapter_are_what_report_makes(chapter):
    text = read(chapter)
    assert len(TABLE.findall(text)) >= 1
    assert text == fill_tables(text, results_folder()), "run: python -m senet_lib.book.experiments report"


@pytest.mark.parametrize("chapter", PROSE)
def test_each_number_in_the_prose_has_a_source(chapter):
    text = read(chapter)
    assert len(NUMBER.findall(prose(text))) >= 3
    assert numbers_without_a_source(chapter, text) == []


def test_a_wrong_number_is_found():
    text = read("08_the_race")
    assert "is 0.439" in text
    assert numbers_without_a_source("08_the_race", text.replace("is 0.439", "is 0.43917")) == ["0.43917"]
    page = fill_tables("<!-- table: digits -->\n\nmade by hand\n\n<!-- end -->", results_folder())
    assert "made by hand" not in page and "| plain | " in page


def test_chapter_8_counts_wins_and_losses_as_the_record_has_them():
    text = " ".join(read("08_the_race").split())
    differences = np.array(list(paired_differences(load_record("digits"), "plain", "se").values()))
    wins, losses = (int((sign * differences > 1e-9).sum()) for sign in (1, -1))
    assert (
        f"wins with {wins} seeds, loses with {losses}, and ends level with {len(differences) - wins - losses}" in text
    )
    assert f"recorded runs: {len(differences)} seeds on the digits" in text


def test_chapter_8_says_who_leads_after_the_first_epoch():
    text = " ".join(read("08_the_race").split())
    plain, se = (curves(load_record("context-world"), arm)[:, 0] for arm in ("plain", "se"))
    assert (len(se), (se > plain).sum(), (se < plain).sum()) == (10, 5, 5)
    assert "In ten recorded races of six epochs, the one with SE is ahead after the first epoch in five" in text


def test_chapter_8_gives_the_range_of_the_papers_gains():
    text = " ".join(read("08_the_race").split())
    gains = [
        [pair.plain.top1 - pair.with_se.top1 for table in tables for pair in table.values()]
        for tables in ((paper.IMAGENET, paper.CIFAR10, paper.CIFAR100), (paper.IMAGENET,))
    ]
    for some in gains:
        assert f"by {min(some):.2f} to {max(some):.2f} points" in text


def test_no_interval_is_written_with_the_sign_of_the_standard_deviation():
    for path in (ROOT / "notebooks").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"interval[^.|]{0,40}±", TABLE.sub("", text)), path.name
        for table in TABLE.finditer(text):
            assert ("±" in table[0]) == ("standard deviation" in table[0]), (path.name, table["name"])


def test_a_table_that_was_never_filled_takes_nothing_with_it():
    empty = "<!-- table: digits -->\n<!-- end -->"
    page = fill_tables(f"{empty}\n\nprose\n\n{empty}\n", results_folder())
    assert page.count("| plain | ") == 2 and "\n\nprose\n\n" in page


def test_an_unknown_table_is_named(refused):
    with refused("no table 'raaces'", "did you mean 'races'?"):
        fill_tables("<!-- table: raaces -->\n\n<!-- end -->", results_folder())
