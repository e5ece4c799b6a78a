"""The page for instructors: its table names every exercise of the chapters, and its plans end in time."""

import re
from pathlib import Path

import pytest

from senet_lib.book import exercises as checks

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
EXERCISE = re.compile(r"^\*\*(\d)\. (.+?)\.?\*\*.*?^check\(\"(\w+)\"", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| ([○◐●]) \| (\d+\.\d) (.+?) \| (\d+) \| (.+?) \|(?P<page> •)? \| `(\w+)` \|$", re.MULTILINE)


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}")[2].partition("\n## ")[0]


def exercises() -> set[tuple[str, str, str]]:
    """Number, title and name of each exercise of the chapters."""
    found = set()
    for source in (ROOT / "notebooks").glob("*.md"):
        text = source.read_text(encoding="utf-8").partition("\n## Exercises\n")[2]
        found |= {(f"{int(source.name[:2])}.{number}", title, name) for number, title, name in EXERCISE.findall(text)}
    return found


def test_the_table_has_every_exercise_once_from_easy_to_hard():
    rows = ROW.findall(PAGE)
    assert {name for *_, name in rows} == set(checks.EXERCISES)
    assert {(number, title, name) for _, number, title, *_, name in rows} == exercises()
    assert {name for *_, dot, name in rows if dot} == {
        name for name, (checker, _) in checks.EXERCISES.items() if hasattr(checker, "form")
    }
    assert len(rows) == len(checks.EXERCISES)
    places = [("○◐●".index(mark), *map(int, number.split("."))) for mark, number, *_ in rows]
    assert places == sorted(places)


@pytest.mark.parametrize("minutes", [45, 90])
def test_a_plan_goes_forward_and_ends_in_time(minutes):
    starts = [int(start) for start in re.findall(r"^\| (\d+) \|", section(f"{minutes} minutes"), re.MULTILINE)]
    assert starts[0] == 0 and len(starts) >= 10
    assert starts == sorted(set(starts)) and minutes - 5 <= starts[-1] < minutes


def test_a_plan_names_exercises_that_exist_and_stand_on_the_worksheet():
    sheet = (ROOT / "book" / "worksheet.md").read_text(encoding="utf-8")
    planned, printed = (set(re.findall(r"\b[Ee]xercise (\d+\.\d)", text)) for text in (PAGE, sheet))
    assert planned == printed and planned <= {number for number, _, _ in exercises()}


def test_the_licences_are_those_of_the_repository():
    licence = " ".join((ROOT / "LICENSE").read_text(encoding="utf-8").split())
    for words in ("the code cells in notebooks", "MIT License", "creativecommons.org/licenses/by/4.0/"):
        assert words in licence and words in PAGE
    assert "If you use this book or its library, please cite it, and the paper that it explains." in (
        ROOT / "CITATION.cff"
    ).read_text(encoding="utf-8")
