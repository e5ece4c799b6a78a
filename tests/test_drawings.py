"""The drawings and the results page are in step with the code and the records that make them."""

import json
from pathlib import Path

import pytest

from senet_lib.experiments.catalogue import EXPERIMENTS
from senet_lib.experiments.report import report
from senet_lib.records import summarise
from tools import drawings

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("path", drawings.LANDING, ids=lambda path: path.stem)
def test_drawing_is_what_the_library_draws(path):
    assert path.read_text(encoding="utf-8") == drawings.draw_landing(*drawings.LANDING[path]), "run: make drawings"


def test_results_page_is_what_the_records_say():
    page = (ROOT / "book" / "results.md").read_text(encoding="utf-8")
    assert page == report(ROOT / "results"), "run: python -m senet_lib.experiments report"


def test_recorded_context_world_keeps_the_books_promise():
    """Plain at most 0.65, SE at least 0.97, over five or more paired seeds, with the record's provenance."""
    record = json.loads((ROOT / "results" / "context_world.json").read_text(encoding="utf-8"))
    summary = summarise(record)
    plain, se = summary["plain"]["accuracies"], summary["se"]["accuracies"]
    assert set(plain) == set(se) and len(plain) >= 5
    assert max(plain.values()) <= 0.65 and min(se.values()) >= 0.97
    assert record["settings"] == EXPERIMENTS["context-world"].settings(4, 3), "recorded with other settings"
    for entry in record["runs"]:
        assert {"device", "cores", "python", "torch", "torchvision"} <= set(entry["machine"])
