"""Find the fault: the figure's file says what sources, tests, doctor and records say now."""

import json
from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from senet_lib.book.experiments.find_the_fault_record import PROBES, TRAININGS, describe, describe_probe, main
from senet_lib.book.experiments.specimen_runs import NOT_ON_DIGITS, NOT_TRAINED
from senet_lib.book.figures.find_the_fault import EXAMPLE, FindTheFault
from senet_lib.book.records import load_record, paired_differences
from senet_lib.doctor.specimens import SPECIMENS

MOST_BYTES = 100_000
FILE = json.loads(EXAMPLE.read_text(encoding="utf-8"))
SAVED: dict[str, Any] = {one["name"]: one for one in FILE["specimens"]}
TESTS: dict[str, Any] = {one["name"]: one for one in FILE["probes"]}


@pytest.fixture(scope="module")
def records() -> dict[str, Any]:
    return {name: load_record(name) for name in TRAININGS}


def record(*runs: tuple[str, int, float]) -> dict[str, Any]:
    """A record of runs, each with its arm, seed and final test accuracy."""
    return {
        "runs": [
            {"arm": arm, "seed": seed, "epochs": [{"test_accuracy": accuracy, "seconds": 1.0}]}
            for arm, seed, accuracy in runs
        ]
    }


NO_RUNS = {name: record() for name in TRAININGS}


def test_all_specimens_are_in_the_file_in_their_order():
    assert list(SAVED) == list(SPECIMENS)


@pytest.mark.parametrize("name", SPECIMENS)
def test_the_figures_file_is_what_the_command_writes_now(name, records):
    assert SAVED[name] == describe(name, records)


@pytest.mark.parametrize("name", SPECIMENS)
def test_each_specimen_is_trained_or_says_why_not(name, records):
    titles = [training["title"] for training in SAVED[name]["trainings"]]
    if name in NOT_TRAINED:
        assert titles == [] and SAVED[name]["untrained"].startswith("It was not trained: ")
    elif name in NOT_ON_DIGITS:
        assert titles == ["Context World"]
        assert SAVED[name]["untrained"].startswith("Digits: it was not trained. With pictures of 8x8 it does not run.")
    else:
        assert titles == ["Context World", "Digits"] and SAVED[name]["untrained"] == ""


def test_the_accuracies_are_those_of_both_twins_with_the_same_seeds():
    runs = record(("sound", 0, 0.5), ("sound", 2, 0.75), ("batch-mean", 2, 0.25), ("batch-mean", 1, 0.1))
    (training,) = describe("batch-mean", {**NO_RUNS, "digits-specimens": runs})["trainings"]
    assert training == {"title": "Digits", "seeds": [2], "faulty": [0.25], "sound": [0.75]}
    assert paired_differences(runs, "sound", "batch-mean") == {2: -0.5}


def test_a_specimen_has_the_accuracies_of_its_own_twin():
    runs = record(("sound", 0, 0.1), ("width-is-ratio, sound", 0, 0.9), ("width-is-ratio", 0, 0.8))
    (training,) = describe("width-is-ratio", {**NO_RUNS, "context-world-specimens": runs})["trainings"]
    assert (training["faulty"], training["sound"]) == ([0.8], [0.9])


def test_what_is_not_on_record_yet_is_left_out():
    assert describe("one-bias", NO_RUNS)["trainings"] == []


def test_what_a_listing_does_not_show_is_said():
    """Each name that a class takes from outside is explained: else x * gate(x) may be right or wrong."""
    assert "nn.CrossEntropyLoss" in SAVED["softmax-output"]["setting"]
    for one in SAVED.values():
        _, *inside = one["code"]
        for name in ("SELayer", "SEBasicBlock", "conv3x3", "downsample"):
            uses_it = any(f"{name}(" in line or f"{name}=" in line for line in inside)
            assert uses_it == (name in one["setting"]) or "self.downsample" in "".join(inside), one["name"]


def test_the_first_listing_shows_all_that_one_must_know():
    """Both multiplications stand in it: nothing is said of code elsewhere, but for the shortcut."""
    first = SAVED[next(iter(SAVED))]
    code = "\n".join(first["code"])
    assert "return u * s" in code and "out = self.se(out) * out" in code and "SELayer" not in code


def test_tests_say_what_they_do_and_are_what_their_module_has():
    for name, one in TESTS.items():
        assert one == describe_probe(name)
        assert one["what"].endswith(".") and one["code"][0].startswith(f"def {name}(")
        assert any("assert " in line for line in one["code"]) and not any('"""' in line for line in one["code"])
    assert TESTS["hidden_width_is_rounded_down"]["helpers"].startswith("hidden_width is in senet_lib/doctor/specimens/")
    assert set(TESTS) <= set(PROBES)


@pytest.mark.parametrize("name", SPECIMENS)
def test_of_four_tests_one_exposes_the_fault_and_its_place_tells_nothing(name):
    one = SAVED[name]
    assert len(one["says"]) == 4 and set(one["says"]) <= set(TESTS)
    assert one["probe"] == SPECIMENS[name].test.__name__
    assert all(said == "" or said.startswith("AssertionError: ") for said in one["says"].values())
    assert one["says"][one["probe"]] and "" in one["says"].values()
    assert len({list(each["says"]).index(each["probe"]) for each in SAVED.values()}) == 4


def test_a_test_says_the_numbers_that_it_has_measured():
    assert "there are 6 hidden units, not 5" in SAVED["rounded-width"]["says"]["hidden_width_is_rounded_down"]
    assert "4 in one block and 16" in SAVED["width-is-ratio"]["says"]["ratio_is_the_same_everywhere"]


def test_what_does_not_run_says_why():
    assert "TypeError: unsupported operand" in SAVED["no-return"]["untrained"]
    assert "MB for each picture of 128x128" in SAVED["wide-stem"]["untrained"]


def sees_nothing(network: nn.Module) -> None:
    assert network is not None


def test_a_test_that_passes_for_the_fault_is_refused(monkeypatch, refused):
    monkeypatch.setitem(PROBES, "sees_nothing", sees_nothing)
    monkeypatch.setitem(SPECIMENS, "one-bias", replace(SPECIMENS["one-bias"], test=sees_nothing))
    with refused("the test of 'bias in one layer only' does not tell"):
        describe("one-bias", NO_RUNS)


def test_the_command_writes_the_file(tmp_path, capsys):
    for name in TRAININGS:
        runs = record(("sound", 0, 1.0), ("one-bias", 0, 0.5))
        (tmp_path / f"{name.replace('-', '_')}.json").write_text(json.dumps(runs))
    out = tmp_path / "figure.json"
    assert main(["--results", str(tmp_path), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    figure = FindTheFault.read(out)
    assert [one["name"] for one in figure.specimens] == list(SPECIMENS)
    (one,) = (one for one in figure.specimens if one["name"] == "one-bias")
    assert [training["faulty"] for training in one["trainings"]] == [[0.5], [0.5]]


def test_without_records_the_command_says_so(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--results", str(tmp_path), "--out", str(tmp_path / "figure.json")])
    message = capsys.readouterr().err
    assert caught.value.code == 2 and "there is no record" in message and message.count("\n") == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"specimens": 1}', '{"specimens": ["a"]}'])
def test_a_file_of_something_else_is_refused(tmp_path, refused, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with refused("other.json holds no specimens", "python -m senet_lib.book.experiments.find_the_fault_record"):
        FindTheFault.read(path)


def test_the_state_is_small():
    state = FindTheFault.example()._plain_state()
    assert len(json.dumps(state).encode()) < MOST_BYTES
    assert (state["chosen"], state["tested"], state["marked"], state["hinted"], state["revealed"]) == (
        0,
        {},
        {},
        [],
        [],
    )


def test_the_still_picture_has_a_row_for_each_trained_specimen_and_a_dot_for_each_seed():
    figure = FindTheFault.example()
    picture = figure.draw_still()
    trained = [one for one in figure.specimens if one["trainings"]]
    assert [text.get_text() for text in picture.axes[0].get_yticklabels()] == [one["title"] for one in trained]
    for ax in picture.axes:
        own = [each for one in trained for each in one["trainings"] if each["title"] == ax.get_title(loc="left")]
        dots = sorted(x for dots in ax.collections for x, _ in dots.get_offsets().tolist())
        assert dots == sorted(x for each in own for x in each["faulty"] + each["sound"])
