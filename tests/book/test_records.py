"""Records are read, summed up and paired; what is not there is named."""

import json

import pytest

from senet_lib.book import records
from senet_lib.book.records import curves, list_records, load_record, paired_differences, results_folder, summarise


def entry(seed, arm, accuracy):
    epochs = [{"test_accuracy": 0.1, "seconds": 2.0}, {"test_accuracy": accuracy, "seconds": 3.0}]
    return {"seed": seed, "arm": arm, "epochs": epochs}


@pytest.fixture
def record():
    return {"runs": [entry(0, "plain", 0.5), entry(0, "se", 0.9), entry(1, "plain", 0.7), entry(2, "se", 0.8)]}


def test_every_record_of_the_book_can_be_read_and_summed_up():
    names = list_records()
    assert {"context-world", "cifar10-gates"} <= set(names)
    for name in names:
        for values in summarise(load_record(name)).values():
            assert 0 < values["mean"] <= 1 and values["seconds"] > 0


@pytest.mark.parametrize(
    "name", ["reduction", "bottleneck", "placement", "squeeze", "gate", "depth"], ids=lambda name: name
)
def test_each_experiment_in_the_context_world_has_five_paired_seeds(name):
    summary = summarise(load_record(f"context-world-{name}"))
    assert all(set(values["accuracies"]) >= {0, 1, 2, 3, 4} for values in summary.values())


def test_curves_have_a_row_for_each_seed(record):
    assert curves(record, "plain").tolist() == [[0.1, 0.5], [0.1, 0.7]]


def test_curves_come_in_the_order_of_the_seeds(record):
    record["runs"].reverse()
    assert curves(record, "plain").tolist() == [[0.1, 0.5], [0.1, 0.7]]
    assert list(summarise(record)["plain"]["accuracies"]) == [0, 1]


def test_only_seeds_that_both_have_make_a_pair(record):
    assert paired_differences(record, "plain", "se") == {0: pytest.approx(0.4)}
    assert paired_differences(record, "plain", "nothing") == {}


def test_what_is_not_there_is_named(record, tmp_path, refused):
    with refused("no record 'contxt-world'", "did you mean 'context-world'?"):
        load_record("contxt-world")
    with refused("no arm 'SE'", "plain, se"):
        curves(record, "SE")
    with refused("no metric 'speed'", "test_accuracy"):
        curves(record, "se", "speed")
    (tmp_path / "half.json").write_text(json.dumps(record)[:30])
    with refused("half.json is not a valid record"):
        load_record("half", tmp_path)


def test_the_records_of_a_checkout_are_its_own(root):
    assert results_folder() == root / "results"


def test_a_folder_named_results_beside_the_installed_library_is_not_ours(tmp_path, monkeypatch):
    ours, somebodys = tmp_path / "senet_lib" / "results", tmp_path / "results"
    for folder in (ours, somebodys):
        folder.mkdir(parents=True)
    monkeypatch.setattr(records, "__file__", str(tmp_path / "senet_lib" / "book" / "records.py"))
    assert results_folder() == ours
