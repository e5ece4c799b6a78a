"""The recorded experiments: paired, resumable, atomic, and reported from the record alone."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch
from PIL import Image

from senet_lib.book.experiments import running
from senet_lib.book.experiments.__main__ import main
from senet_lib.book.experiments.catalogue import EXPERIMENTS
from senet_lib.book.experiments.experiment import Experiment
from senet_lib.book.experiments.markdown import SPREAD, markdown_table, signed
from senet_lib.book.experiments.report import report
from senet_lib.book.experiments.running import Trial, run
from senet_lib.book.experiments.tutorials import SMALL_TUTORIALS, TUTORIALS
from senet_lib.book.records import summarise
from senet_lib.data import channel_statistics, load_pictures
from senet_lib.networks.models import create_model
from senet_lib.training import Recipe
from senet_lib.weights.weight_files import load_weights


@pytest.fixture
def tiny(monkeypatch) -> str:
    """An experiment of seconds, under the name "tiny"."""
    experiment = Experiment(
        title="Tiny",
        data="digits",
        batch_size=256,
        recipe=Recipe(epochs=2, learning_rate=0.01),
        arms={"plain": partial(create_model, "small_resnet"), "se": partial(create_model, "se_small_resnet")},
        compare=("plain", "se"),
    )
    monkeypatch.setitem(EXPERIMENTS, "tiny", experiment)
    return "tiny"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_run_records_every_epoch_of_every_arm_and_seed(tiny, tmp_path):
    record = read(run(tiny, [0, 1], "cpu", tmp_path))
    assert [(entry["seed"], entry["arm"]) for entry in record["runs"]] == [
        (0, "plain"),
        (0, "se"),
        (1, "plain"),
        (1, "se"),
    ]
    assert all([epoch["epoch"] for epoch in entry["epochs"]] == [1, 2] for entry in record["runs"])
    assert record["pictures"] == {"train": 1437, "test": 360}
    assert all(entry["machine"]["torch"] == torch.__version__ for entry in record["runs"])
    parameters = record["settings"]["parameters"]
    assert parameters["se"] - parameters["plain"] == 700  # 2·16·4 + 2·32·8 weights, 16 + 4 + 32 + 8 biases


def test_run_that_was_stopped_goes_on_and_does_not_repeat(tiny, tmp_path, monkeypatch):
    real_fit, started = running.fit, []

    def fit_that_stops(model, train, test, recipe, **options):
        started.append(train.seed)
        if len(started) == 3:
            raise KeyboardInterrupt
        return real_fit(model, train, test, recipe, **options)

    monkeypatch.setattr(running, "fit", fit_that_stops)
    with pytest.raises(KeyboardInterrupt):
        run(tiny, [0, 1], "cpu", tmp_path)
    before = read(tmp_path / "tiny.json")["runs"]
    assert len(before) == 2
    after = read(run(tiny, [0, 1], "cpu", tmp_path))["runs"]
    assert after[:2] == before and len(after) == 4
    assert started == [0, 0, 1, 1, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.json"]


def test_record_with_other_settings_is_not_mixed(tiny, tmp_path, refused):
    path = run(tiny, [0], "cpu", tmp_path)
    record = read(path)
    for key, other in (("settings", record["settings"] | {"batch_size": 7}), ("data_sha256", "0" * 64)):
        path.write_text(json.dumps(record | {key: other}))
        with refused(f"other {key}", "move it away"):
            run(tiny, [0, 1], "cpu", tmp_path)


def test_resumed_run_keeps_the_machine_of_the_earlier_runs(tiny, tmp_path, monkeypatch):
    run(tiny, [0], "cpu", tmp_path)
    monkeypatch.setattr(running, "describe_machine", lambda device: {"device": "another"})
    runs = read(run(tiny, [0, 1], "cpu", tmp_path))["runs"]
    assert [entry["machine"]["device"] == "another" for entry in runs] == [False, False, True, True]


def test_weights_that_are_asked_for_are_kept_with_what_their_input_must_look_like(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, tiny, replace(EXPERIMENTS[tiny], keep_weights=True, also_keep=(("se", 1),)))
    run(tiny, [0, 1], "cpu", tmp_path, weights=tmp_path / "kept")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "tiny-plain.safetensors",
        "tiny-se-seed1.safetensors",
        "tiny-se.safetensors",
    ]
    about = load_weights(
        create_model("se_small_resnet", num_classes=10, in_channels=1), tmp_path / "kept" / "tiny-se.safetensors"
    )
    assert (about["experiment"], about["arm"], about["seed"], about["data"]) == ("tiny", "se", "0", "digits")
    assert json.loads(about["mean"]) == list(channel_statistics(load_pictures("digits"))[0])


def test_other_data_are_named_in_record_and_report(tiny, tmp_path):
    for split, count in (("train", 4), ("test", 2)):
        for name in "abcdefghij":
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for number in range(count):
                Image.new("L", (16, 16), 20 * number).save(tmp_path / "data" / split / name / f"{number}.png")
    options = ["--seeds", "1", "--results", str(tmp_path / "results"), "--data", f"folder:{tmp_path / 'data'}"]
    assert main(["run", tiny, *options, "--checkpoints", str(tmp_path / "unfinished"), "--call-it", "ten greys"]) == 0
    record = read(tmp_path / "results" / "tiny.json")
    assert record["settings"]["data"] == "ten greys" and record["pictures"] == {"train": 40, "test": 20}
    page = report(tmp_path / "results")
    assert (
        "\n## Tiny, on ten greys\n" in page
        and "Data: ten greys" in page
        and 'run tiny --seeds 1 --data folder:PATH --call-it "ten greys"`' in page
    )
    assert str(tmp_path) not in json.dumps(record)


def test_augmentation_reaches_the_training_pictures_and_the_record(tiny, tmp_path, monkeypatch):
    seen = []

    def shift(pictures, generator):
        seen.append(len(pictures))
        return pictures.roll(1, 3)

    monkeypatch.setitem(EXPERIMENTS, tiny, replace(EXPERIMENTS[tiny], augment=shift))
    record = read(run(tiny, [0], "cpu", tmp_path))
    assert sum(seen) == 2 * 2 * 1437
    assert record["settings"]["augment"] == "shift"
    page = report(tmp_path)
    assert "It is one run of each" in page.partition("## Tiny")[2]
    assert "pictures changed by `shift`" in page and "| 1 |" in page and "±" not in page.partition("## Tiny")[2]


def test_summary_and_report_follow_the_record():
    def entry(seed, arm, accuracy):
        return {
            "seed": seed,
            "arm": arm,
            "epochs": [{"test_accuracy": 0.1, "seconds": 2.0}, {"test_accuracy": accuracy, "seconds": 3.0}],
        }

    record = {"runs": [entry(0, "plain", 0.5), entry(0, "se", 0.9), entry(1, "plain", 0.7), entry(1, "se", 0.8)]}
    plain = summarise(record)["plain"]
    assert plain["mean"] == pytest.approx(0.6) and plain["std"] == pytest.approx(0.1414, abs=1e-4)
    assert plain["accuracies"] == {0: 0.5, 1: 0.7} and plain["seconds"] == 4.0


def test_report_shows_mean_spread_difference_and_command(tiny, tmp_path):
    record = read(run(tiny, [0, 1], "cpu", tmp_path))
    summary, page = summarise(record), report(tmp_path)
    assert f"{summary['se']['mean']:.3f}{SPREAD}{summary['se']['std']:.3f}" in page
    assert f"is {signed(summary['se']['mean'] - summary['plain']['mean'], 3)}; the smallest" in page
    assert "run tiny --seeds 2`" in page and torch.__version__ in page and record["data_sha256"][:12] in page


@pytest.mark.parametrize(("number", "text"), [(0.01, "+0.01"), (-0.01, "−0.01"), (-0.004, "0.00"), (0, "0.00")])
def test_a_difference_has_its_sign_and_nothing_has_none(number, text):
    assert signed(number, 2) == text


def test_report_of_half_a_pair_says_so(tiny, tmp_path):
    path = run(tiny, [0], "cpu", tmp_path)
    record = read(path)
    path.write_text(json.dumps(record | {"runs": record["runs"][:1]}))
    assert "no complete pair" in report(tmp_path)


def test_command_line_lists_runs_and_reports(tiny, tmp_path, capsys):
    assert main(["list"]) == 0
    assert "context-world: Context World" in capsys.readouterr().out
    assert main(["run", "tiny", "--seeds", "1", "--results", str(tmp_path), "--checkpoints", str(tmp_path / "c")]) == 0
    assert "seed 0 se: epoch 2 of 2: training loss" in capsys.readouterr().out
    page = tmp_path / "page.md"
    chapter = tmp_path / "chapter.md"
    chapter.write_text("before\n\n<!-- table: tiny -->\n\nold\n\n<!-- end -->\n\nafter\n")
    places = ["--results", str(tmp_path), "--page", str(page), "--chapters", str(tmp_path)]
    assert main(["report", *places]) == 0
    assert "## Tiny" in page.read_text(encoding="utf-8")
    text = chapter.read_text(encoding="utf-8")
    assert text.startswith("before") and text.endswith("after\n") and "| plain | " in text and "old" not in text


def test_tensorboard_gets_a_folder_of_curves_for_each_network(tiny, tmp_path):
    places = ["--results", str(tmp_path), "--checkpoints", str(tmp_path / "c"), "--tensorboard", str(tmp_path / "tb")]
    assert main(["run", tiny, "--seeds", "1", *places]) == 0
    curves = {path.name: sum(1 for _ in path.glob("events*")) for path in (tmp_path / "tb").iterdir()}
    assert curves == {"tiny-plain-seed0": 1, "tiny-se-seed0": 1}


@pytest.mark.parametrize(
    ("arguments", "sign"),
    [
        (["run", "tinny"], "'tinny' is unknown; did you mean tiny"),
        (["run", "tiny", "--seeds", "0"], "--seeds is 0"),
        (["run", "tiny", "--device", "gpu"], "device is 'gpu'"),
        (["report", "--results", "nowhere"], "no records in"),
    ],
)
def test_command_line_names_what_is_wrong_in_one_line(tiny, arguments, sign, capsys):
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sign in line


def test_a_network_that_was_stopped_goes_on_where_it_was_and_ends_the_same(tiny, tmp_path, monkeypatch):
    whole = read(run(tiny, [0], "cpu", tmp_path / "whole"))["runs"]
    real_fit = running.fit

    def fit_that_stops(*arguments, **options):
        for stats in real_fit(*arguments, **options):
            yield stats
            raise KeyboardInterrupt

    monkeypatch.setattr(running, "fit", fit_that_stops)
    with pytest.raises(KeyboardInterrupt):
        run(tiny, [0], "cpu", tmp_path / "results", checkpoints=tmp_path / "unfinished")
    assert [path.name for path in (tmp_path / "unfinished").glob("*/epoch-*")] == ["epoch-0001"]
    monkeypatch.setattr(running, "fit", real_fit)
    resumed = read(run(tiny, [0], "cpu", tmp_path / "results", checkpoints=tmp_path / "unfinished"))["runs"]
    for one, other in zip(whole, resumed, strict=True):
        assert [e["train_loss"] for e in one["epochs"]] == [e["train_loss"] for e in other["epochs"]]
    assert list((tmp_path / "unfinished").glob("*")) == []


def test_two_processes_share_a_record(tiny, tmp_path):
    path = run(tiny, [0], "cpu", tmp_path)
    empty = read(path) | {"runs": []}
    running._append(path, empty, read(path)["runs"][0] | {"seed": 7})
    assert [(entry["seed"], entry["arm"]) for entry in read(path)["runs"]] == [(0, "plain"), (0, "se"), (7, "plain")]


@pytest.mark.parametrize("name", TUTORIALS)
def test_each_tutorial_runs_on_a_few_small_pictures(name, tmp_path, monkeypatch):
    arms = dict(list(EXPERIMENTS[name].arms.items())[:1])  # the deep ones take long; all arms are made for the record
    monkeypatch.setitem(EXPERIMENTS, name, replace(EXPERIMENTS[name], arms=arms))
    trial = Trial(data="digits", pictures=8, epochs=1, size=32)
    record = read(run(name, [0], "cpu", tmp_path / "results", checkpoints=tmp_path / "kept", trial=trial))
    assert record["pictures"] == {"train": 8, "test": 8} and len(record["runs"]) == 1
    assert len(list((tmp_path / "kept").glob("*/epoch-0001"))) == (name == "tutorial-e")


def test_every_network_of_every_experiment_can_be_made():
    for name, experiment in EXPERIMENTS.items():
        if name not in ("tutorial-d", *SMALL_TUTORIALS):  # large; its networks are those of other tests
            assert min(experiment.settings(10, 3)["parameters"].values()) > 10_000
        assert experiment.compare is None or set(experiment.compare) <= set(experiment.arms)


def test_a_quick_trial_gets_neither_among_the_results_nor_over_the_weights(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(EXPERIMENTS, tiny, replace(EXPERIMENTS[tiny], keep_weights=True))
    assert main(["run", tiny, "--seeds", "1", "--pictures", "40", "--epochs", "1", "--size", "9"]) == 0
    assert not (tmp_path / "results").exists() and not (tmp_path / "senet_lib").exists()
    record = read(tmp_path / "_build" / "trials" / "results" / "tiny.json")
    assert record["pictures"]["train"] == 40 and record["settings"]["size"] == 9
    assert [len(entry["epochs"]) for entry in record["runs"]] == [1, 1]
    assert main(["run", tiny, "--seeds", "1"]) == 0
    assert len(read(tmp_path / "results" / "tiny.json")["runs"][0]["epochs"]) == 2


def test_an_experiment_on_a_few_pictures_takes_the_first_and_a_trial_may_take_fewer(tiny):
    few = replace(EXPERIMENTS[tiny], pictures=400)
    train, test = Trial().load(few)
    assert (len(train), len(test)) == (400, 360)
    assert torch.equal(train.pictures, load_pictures("digits").pictures[:400])
    assert [len(both) for both in Trial(pictures=50).load(few)] == [50, 50]


@pytest.mark.parametrize("option", ["pictures", "epochs", "size"])
def test_a_trial_of_nothing_is_refused(option, refused):
    with refused(f"--{option} is 0", "at least 1"):
        Trial(**{option: 0})


def test_the_report_shows_losses_and_errors_at_the_milestones(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, tiny, replace(EXPERIMENTS[tiny], milestones=(1, 2, 30)))
    record = read(run(tiny, [0, 1], "cpu", tmp_path))
    rows = [line for line in report(tmp_path).splitlines() if line.startswith("| plain | ")][1:]
    assert [row.split(" | ")[1] for row in rows] == ["1", "2"]
    ends = [entry["epochs"][1] for entry in record["runs"] if entry["arm"] == "plain"]
    loss = sum(end["train_loss"] for end in ends) / 2
    errors = [1 - sum(end[name] for end in ends) / 2 for name in ("test_accuracy", "test_top5_accuracy")]
    assert f"| {loss:.3f} |" in rows[1] and rows[1].endswith(f"| {errors[0]:.2%} | {errors[1]:.2%} |")


def test_columns_of_numbers_but_for_the_first_keep_to_the_right():
    rows = [("8", "1,000", "–", "12 of 16"), ("4", "does not fit", "-0.5", "see below")]
    assert markdown_table(("r", "mixed", "numbers", "both"), [*rows, ("2", "7", "0.1", "see above")]).splitlines()[
        1
    ] == ("|---|---:|---:|---|")
