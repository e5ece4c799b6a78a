"""Tests of senet_lib.training."""

import csv
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from torch import distributed

from senet_lib.training import Recipe
from senet_lib.training import __main__ as train
from senet_lib.training.__main__ import SETUPS, Setup, main
from senet_lib.training.checkpoints import list_checkpoints
from senet_lib.training.distributed import Group
from tests.torchrun import torchrun

SMALL = ("--batch-size", "8", "--image-size", "32", "--workers", "0", "--device", "cpu")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Sixteen JPEG pictures of two classes to train, and five to test."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for split, counts in (("train", (8, 8)), ("val", (2, 3))):
        for label, count in zip("ab", counts, strict=True):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (36 + number, 48, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / label / f"{number}.jpg")
    return folder


@pytest.fixture
def tiny(monkeypatch, pictures, tmp_path):
    """A set-up with a small network, as a command: its exit code."""
    recipe = Recipe(epochs=2, learning_rate=0.01, optimiser="sgd")
    monkeypatch.setitem(SETUPS, "tiny", Setup("se_small_resnet", recipe, batch_size=4, image_size=32))

    def run(*options: str | Path) -> int:
        given = ("tiny", "--data", pictures, "--checkpoints", tmp_path / "run", "--workers", "0", "--device", "cpu")
        return main([str(word) for word in (*given, *options)])

    return run


@pytest.mark.parametrize(
    ("name", "model"), [("imagenet-resnet50", "resnet50"), ("imagenet-se-resnet50", "se_resnet50")]
)
def test_the_settings_are_those_of_the_paper(name, model):
    setup = SETUPS[name]
    assert (setup.model, setup.batch_size, setup.image_size) == (model, 1024, 224)
    recipe = setup.recipe
    assert (recipe.optimiser, recipe.momentum, recipe.weight_decay) == ("sgd", 0.9, 1e-4)
    assert (recipe.learning_rate, recipe.schedule, recipe.step_epochs, recipe.epochs) == (0.6, "step", 30, 100)
    assert setup.resized(1024) == recipe
    assert setup.resized(256).learning_rate == pytest.approx(0.15)


def test_two_processes_train_se_resnet50_and_one_prints(pictures, tmp_path):
    run = torchrun(
        *("-m", "senet_lib.training", "imagenet-se-resnet50", "--data", pictures, "--checkpoints", tmp_path / "run"),
        *("--epochs", "1", "--pictures", "9", "--csv", tmp_path / "epochs.csv", *SMALL),
    )
    assert run.returncode == 0, run.stderr
    first, line = run.stdout.splitlines()
    assert first.startswith("imagenet-se-resnet50: 9 pictures of 2 classes in batches of 8, ") and "2 x cpu" in first
    assert line.startswith("epoch 1 of 1: ")
    (row,) = csv.DictReader((tmp_path / "epochs.csv").open())
    assert float(row["test_accuracy"]) * 5 == pytest.approx(round(float(row["test_accuracy"]) * 5))
    (checkpoint,) = list_checkpoints(tmp_path / "run")
    with safe_open(checkpoint / "weights.safetensors", "pt") as weights:
        assert weights.get_slice("fc.weight").get_shape() == [2, 2048]


def test_of_processes_that_fail_the_first_says_why(tiny, capsys, monkeypatch):
    store = distributed.HashStore()
    for rank in (1, 0):
        group = nullcontext(Group(rank=rank, processes=2, store=store))
        monkeypatch.setattr(train, "join_group", lambda group=group: group)
        assert tiny("--batch-size", "7") == 2
    said = capsys.readouterr()
    assert said.err == "senet_lib.training: batch_size is 7, which 2 processes cannot share equally; use 8\n"
    assert said.out == ""


def test_a_process_whose_partner_is_gone_is_quiet(tiny, capsys, monkeypatch):
    store = distributed.HashStore()
    assert Group(processes=2, store=store).fails_first()
    monkeypatch.setattr(train, "join_group", lambda: nullcontext(Group(rank=1, processes=2, store=store)))
    monkeypatch.setattr(train, "create_model", lambda *_, **__: 1 / None)
    assert tiny() == 2
    assert capsys.readouterr().err == ""


def test_one_process_trains_and_goes_on_where_it_was(tiny, tmp_path, capsys, monkeypatch):
    assert tiny("--csv", tmp_path / "whole.csv", "--checkpoints", tmp_path / "whole") == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert "batches of 4, learning rate 0.01, 1 x cpu" in first
    assert [line[:14] for line in lines] == ["epoch 1 of 2: ", "epoch 2 of 2: "]

    def stop_after_one(stats, options):
        yield next(stats)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train, "_logged", stop_after_one)
        assert tiny() == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert tiny() == 0
    assert len(capsys.readouterr().out.splitlines()) == 3, "the finished epoch is shown again"
    for ending in ("weights", "training"):
        whole, resumed = (list_checkpoints(tmp_path / name)[0] / f"{ending}.safetensors" for name in ("whole", "run"))
        assert whole.read_bytes() == resumed.read_bytes()


def test_the_seed_decides(tiny, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.rand(3)
        tiny("--epochs", "1", "--pictures", "4", "--seed", str(seed), "--checkpoints", tmp_path / name)
    first, same, other = ((tmp_path / name / "epoch-0001" / "weights.safetensors").read_bytes() for name in "abc")
    assert first == same != other


def test_tensorboard_gets_its_curves(tiny, tmp_path):
    pytest.importorskip("tensorboard")
    assert tiny("--epochs", "1", "--tensorboard", tmp_path / "curves") == 0
    assert list((tmp_path / "curves").glob("events.*"))


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--data", "nowhere"), ("nowhere does not exist", "one sub-folder a class")),
        (("--data", "senet_lib/book/figures"), ("senet_lib/book/figures", "has no ")),
        (("--device", "tpu9"), ("device is 'tpu9'", "try", "cpu")),
        (("--batch-size", "0"), ("batch_size is 0", "at least 1")),
        (("--batch-size", "many"), ("--batch-size", "'many'", "--help")),
        (("--epochs", "0"), ("epochs is 0",)),
        (("--image-size", "0"), ("image_size is 0",)),
        (("--workers", "-1"), ("workers is -1",)),
        (("--pictures", "0"), ("pictures is 0",)),
        (("--learning-rate", "1"), ("unrecognized arguments: --learning-rate", "--help")),
        (("--csv", "senet_lib"), ("senet_lib", "cannot be written")),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(tiny, root, capsys, monkeypatch, options, parts):
    monkeypatch.chdir(root)
    assert tiny(*options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("senet_lib.training: ")
    for part in parts:
        assert part in line


def test_a_name_that_is_none_is_refused_with_those_that_are(capsys):
    assert main(["imagenet", "--data", ".", "--checkpoints", "."]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "imagenet-se-resnet50" in line


def test_a_run_with_other_settings_is_refused(tiny, capsys):
    assert tiny() == 0
    assert tiny("--batch-size", "8") == 2
    assert "the run in" in capsys.readouterr().err.splitlines()[-1]


def test_a_mistake_of_ours_keeps_its_traceback(tiny, monkeypatch):
    monkeypatch.setattr(train, "create_model", lambda *_, **__: 1 / None)
    with pytest.raises(TypeError):
        tiny()
