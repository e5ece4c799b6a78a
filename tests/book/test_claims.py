"""Sentences that a record decides, held to it.

Where a page says what a record shows, a comment that no reader sees stands beside the sentence:

    <!-- claim: distance-12 | plain, 2 blocks | fails -->

with the record, a network of it, and what is said: ``solves`` (every seed reaches 0.97), ``fails`` (no seed does),
``sometimes solves`` (one does, or more), ``differs`` (some do, some do not), ``ahead of NETWORK``, ``behind NETWORK``
(the 95% interval of the paired differences leaves 0 out), ``not told from NETWORK`` (it holds 0), ``below NUMBER`` and
``above NUMBER`` (every seed), ``solves more seeds than NETWORK`` (Fisher's exact test gives less than 0.05), and
``solves as many seeds as NETWORK`` (it gives more).
"""

import re
from pathlib import Path

import pytest
from scipy import stats

from senet_lib.book.records import list_records, load_record, paired_differences, summarise
from senet_lib.data.context_world import SOLVED

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "book").glob("*.md")), *sorted((ROOT / "notebooks").glob("*.md"))]
CLAIM = re.compile(r"<!-- claim: (?P<record>[\w-]+) \| (?P<arm>[^|]+) \| (?P<verb>[^|]+?) -->")

KINDS = r"(ahead of|behind|not told from|below|above|solves more seeds than|solves as many seeds as) (.+)"


def claims_of(text: str) -> list[tuple[str, str, str]]:
    found = [match.groups() for match in CLAIM.finditer(text)]
    assert len(found) == text.count("<!-- claim:"), "a claim is not written as this file says"
    return found


def interval(record: dict, without: str, with_it: str) -> tuple[float, float]:
    """95%, for the mean of the paired differences."""
    differences = list(paired_differences(record, without, with_it).values())
    assert len(differences) > 1, f"there are no pairs of {without!r} and {with_it!r}"
    if len(set(differences)) == 1:
        return differences[0], differences[0]
    return tuple(stats.ttest_1samp(differences, 0).confidence_interval())


def holds(record: dict, arm: str, verb: str) -> bool:
    accuracies = list(summarise(record)[arm]["accuracies"].values())
    solved = sum(accuracy >= SOLVED for accuracy in accuracies)
    simple = {"solves": solved == len(accuracies), "fails": solved == 0, "sometimes solves": solved > 0}
    simple["differs"] = 0 < solved < len(accuracies)
    if verb in simple:
        return simple[verb]
    kind, other = re.fullmatch(KINDS, verb).groups()
    if kind.startswith("solves"):
        of_others = [accuracy >= SOLVED for accuracy in summarise(record)[other]["accuracies"].values()]
        table = [[solved, len(accuracies) - solved], [sum(of_others), len(of_others) - sum(of_others)]]
        told_apart = stats.fisher_exact(table).pvalue < 0.05
        is_more = solved * len(of_others) > sum(of_others) * len(accuracies)
        return {"solves more seeds than": told_apart and is_more, "solves as many seeds as": not told_apart}[kind]
    if kind == "below":
        return max(accuracies) < float(other)
    if kind == "above":
        return min(accuracies) > float(other)
    low, high = interval(record, other, arm)
    return {"ahead of": low > 0, "behind": high < 0, "not told from": low <= 0 <= high}[kind]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_claims_is_what_the_record_says(page):
    for name, arm, verb in claims_of(page.read_text(encoding="utf-8")):
        assert holds(load_record(name), arm, verb), f"{page.name}: {arm!r} of {name} does not show: {verb}"


def test_claims_there_are():
    assert sum(len(claims_of(page.read_text(encoding="utf-8"))) for page in PAGES) >= 20


@pytest.mark.parametrize(
    ("arm", "verb"),
    [
        ("plain", "solves"),
        ("se", "fails"),
        ("plain", "differs"),
        ("plain", "ahead of se"),
        ("se", "not told from plain"),
        ("se", "solves as many seeds as plain"),
        ("plain", "solves more seeds than se"),
    ],
)
def test_a_false_claim_is_caught(arm, verb):
    assert not holds(load_record("context-world"), arm, verb)


def test_no_record_goes_unquoted():
    """Each is named in a chapter: in a claim, as a table, or where its numbers are read."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES if page.name != "results.md")
    quoted = set(re.findall(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", text))
    assert [name for name in list_records() if name not in quoted] == []
