"""The table of other people's networks is its record's, and the record is what the library says today."""

from pathlib import Path

import pytest

from senet_lib.book.experiments.networks_of_others import read_record, row_of
from senet_lib.book.experiments.tables import fill_tables
from senet_lib.book.records import results_folder

ROOT = Path(__file__).parent.parent.parent
RECORD = read_record(ROOT / "results" / "golden" / "networks_of_others.json")
# Small ones of the libraries that are installed for the tests: SE, a gate along the channels, and none that counts.
AGAIN = (("timm", "mobilenetv3_small_050"), ("timm", "nf_ecaresnet26"), ("timm", "skresnet18"))


def test_the_table_is_the_records_and_nothing_was_missed_or_made_up():
    text = (ROOT / "book" / "networks_of_others.md").read_text(encoding="utf-8")
    assert text == fill_tables(text, results_folder()), "run: python -m senet_lib.book.experiments report"
    assert len(RECORD["rows"]) >= 100 and RECORD["failed"] == []
    for row in RECORD["rows"]:
        assert row["found"] == row["known"], row["network"]
        assert "fault" not in [kind for kind, _, _ in row["findings"]], row["network"]
        assert row.get("in_onnx", {"found": row["known"], "faults": []}) == {"found": row["known"], "faults": []}


@pytest.mark.parametrize("network", AGAIN)
def test_a_network_gives_its_recorded_row_again(network):
    (row,) = [row for row in RECORD["rows"] if (row["library"], row["network"]) == network]
    assert row_of(*network) == row
