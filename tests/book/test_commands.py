"""The program senet: its help, its errors, and a whole day of an engineer."""

import csv
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torch import distributed

from senet_lib.book.commands import program, training_run
from senet_lib.book.commands.named_networks import Wanted, make_network
from senet_lib.book.commands.program import COMMANDS
from senet_lib.book.commands.train_options import RECIPE
from senet_lib.common.command_line import run_command
from senet_lib.training import EpochStats, Recipe
from senet_lib.training.distributed import Group
from senet_lib.training.paper_setups import SETUPS, Setup
from senet_lib.training.progress import Progress, summary_table
from senet_lib.weights.weight_files import save_weights
from tests.torchrun import torchrun

SMALL = ("--image-size", "32", "--batch-size", "8", "--workers", "0", "--device", "cpu")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Eighteen pictures of two classes to train, and five to test."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for split, counts in (("train", (9, 9)), ("val", (2, 3))):
        for label, count in zip("ab", counts, strict=True):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 200, (32, 32, 3), dtype=np.uint8)
                pixels[..., "ab".index(label)] += 50
                Image.fromarray(pixels).save(folder / split / label / f"{number}.png")
    return folder


@pytest.fixture
def senet(monkeypatch, tmp_path, capsys):
    """The program in this process, in an empty folder: its exit status, and the lines of stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str | Path) -> tuple[int, list[str], list[str]]:
        status = program.main([str(word) for word in words])
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err.splitlines()

    return run


def start(*words: str | Path) -> subprocess.Popen[str]:
    """The program in a process of its own, in this folder."""
    environment = os.environ | {"PYTHONPATH": str(Path(program.__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "senet_lib.book.commands.program", *map(str, words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, preexec_fn=hear_ctrl_c)


def hear_ctrl_c() -> None:
    """Where a shell runs the tests in the background, they ignore Ctrl-C, and all that they start would, too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def read_until(process: subprocess.Popen[str], sign: str) -> list[str]:
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if sign in line:
            break
    return lines


def test_a_whole_day_of_an_engineer(senet, pictures, tmp_path):
    """Train, stop by Ctrl-C, go on, be killed, go on, evaluate, export, examine. README has the same commands."""
    begin = ("train", "test_resnet", "--insert-se", "--data", pictures, "--run", "runs/mine", "--epochs", "16", *SMALL)
    process = start(*begin)
    read_until(process, "epoch 2 of 16")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    (line,) = said.splitlines()
    stopped = re.fullmatch(
        r"senet train: stopped after epoch (\d+) of 16; to go on: senet (train --settings \S+)", line
    )
    go_on = stopped[2].split()

    process = start(*go_on)
    lines = read_until(process, "epoch ")
    lines += read_until(process, "epoch ")
    process.kill()
    process.communicate()
    assert f"resuming after epoch {stopped[1]} of 16" in lines

    settings = Path("runs/mine/settings.toml")
    finished = training_run.finished_epochs(Path("runs/mine"))
    status, out, _ = senet(*go_on)
    assert status == 0 and f"resuming after epoch {finished} of 16" in out
    assert sum(line.startswith("epoch ") for line in out) == 16 - finished + 1, "the new epochs and a heading"
    rows = list(csv.DictReader(Path("runs/mine/epochs.csv").read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 17))
    best = max(float(row["test_accuracy"]) for row in rows)

    assert senet(*go_on, "--run", "runs/again")[0] == 0
    one, other = (load_file(f"runs/{run}/last.safetensors") for run in ("mine", "again"))
    assert all(torch.equal(one[key], other[key]) for key in one), "the settings make the same run again, bit for bit"
    assert settings.read_text().count("runs/mine") == 3

    status, (line,), _ = senet(*go_on, "--evaluate")
    assert status == 0 and f"test accuracy {best:.2%}" in line and "best.safetensors" in line
    status, (line,), _ = senet("export", "runs/mine")
    assert status == 0 and line.startswith("runs/mine/model.onnx is written: 4 SE blocks whose gates can be set, 2 cl")
    status, out, _ = senet("doctor", "runs/mine/model.onnx")
    assert status == 0 and "squeeze mean" in "".join(out) and out[-1] == "No fault was found."


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS), ("experiments", "run")])
def test_help_fits_a_screen(command, capsys):
    with pytest.raises(SystemExit) as stop:
        program.main([*command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert stop.value.code == 0 and 8 < len(lines) <= 30 and max(map(len, lines)) <= 80
    assert not any(".py" in line or "``" in line for line in lines)


def test_help_all_names_every_setting_of_a_run(capsys):
    with pytest.raises(SystemExit) as stop:
        program.main(["train", "--help-all"])
    told = capsys.readouterr().out.replace("[no-]", "").split()
    assert stop.value.code == 0
    assert {f"--{name.replace('_', '-')}" for name in RECIPE} <= set(told)


def test_the_readme_asks_for_what_there_is(root, capsys):
    lines = re.findall(r"^senet (\w+) ([^#\n]*)", (root / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 6
    for name, words in lines:
        with pytest.raises(SystemExit):
            program.main([name, "--help"])
        told = capsys.readouterr().out.replace("[no-]", "")
        assert all(option in told for option in re.findall(r"--[\w-]+", words))


TRAIN = ("train", "se_small_resnet", "--data", "PICTURES", *SMALL)


@pytest.mark.parametrize(
    ("words", "status", "parts"),
    [
        (("trian",), 2, ("'trian' is unknown", "did you mean train")),
        (("train",), 2, ("no MODEL",)),
        (("train", "resnet8"), 2, ("no --data",)),
        (("train", "se_resnet5", "--data", "PICTURES"), 2, ("no network 'se_resnet5'", "se_resnet50")),
        (("train", "none:made", "--data", "PICTURES"), 2, ("none:made gives no network",)),
        ((*TRAIN, "--data", "nowhere"), 2, ("nowhere does not exist", "one sub-folder a class")),
        ((*TRAIN, "--epochs", "0"), 2, ("epochs is 0",)),
        ((*TRAIN, "--epochs", "many"), 2, ("--epochs", "'many'", "--help")),
        ((*TRAIN, "--optimiser", "lion"), 2, ("optimiser is 'lion'", "adamw")),
        ((*TRAIN, "--batch-size", "0"), 2, ("batch_size is 0",)),
        ((*TRAIN, "--image-size", "0"), 2, ("image_size is 0",)),
        ((*TRAIN, "--workers", "-1"), 2, ("workers is -1",)),
        ((*TRAIN, "--device", "tpu9"), 2, ("device is 'tpu9'", "try", "cpu")),
        ((*TRAIN, "--reduction", "99"), 2, ("reduction is 99", "1 to 16")),
        ((*TRAIN, "--weights", "none.safetensors"), 2, ("none.safetensors", "cannot be read")),
        ((*TRAIN, "--pretrained"), 2, ("--pretrained is for networks of timm",)),
        ((*TRAIN, "--evaluate"), 2, ("best.safetensors does not exist", "--weights FILE")),
        ((*TRAIN, "--csv", "."), 2, ("'.' cannot be written",)),
        ((*TRAIN, "--run", "/dev/null/x"), 1, ("/dev/null",)),
        (("cost", "resnet8", "--by", "stges"), 2, ("'stges' is unknown", "stage")),
        (("cost", "resnet8", "-r", "4"), 2, ("reduction is 4", "--insert-se")),
        (("cost",), 2, ("no MODEL",)),
        (("export", "."), 2, ("best.safetensors", "run of senet train")),
        (("export", "PICTURES/train/a/0.png"), 2, ("no network",)),
        (("figures", "cost"), 2, ("'cost' is unknown",)),
        (("figures", "cost_calculator", "--to", "/dev/null/x"), 1, ("/dev/null",)),
        (("experiments", "run", "digit"), 2, ("'digit' is unknown", "digits")),
    ],
)
def test_a_mistake_is_one_line(senet, pictures, words, status, parts):
    found, out, err = senet(*(str(word).replace("PICTURES", str(pictures)) for word in words))
    assert (found, out, len(err)) == (status, [], 1), (found, out, err)
    assert err[0].startswith(f"senet {words[0]}: " if words[0] in COMMANDS else "senet: ")
    for part in parts:
        assert part in err[0]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("epoch = 3", ("'epoch' is unknown", "epochs")),
        ('epochs = "many"', ("--epochs", "'many'")),
        ("insert_se = 1", ("insert_se = 1", "true or false")),
        ("seed = [1]", ("seed = [1]", "a number or a text")),
        ("epochs 3", ("not a TOML file",)),
    ],
)
def test_a_settings_file_with_a_mistake_is_refused(senet, text, parts):
    Path("run.toml").write_text(text)
    status, _, (line,) = senet("train", "resnet8", "--data", ".", "--settings", "run.toml")
    assert status == 2 and all(part in line for part in parts), line


def test_a_full_disk_is_said_in_one_line_and_the_run_goes_on(senet, pictures, monkeypatch):
    run = ("train", "small_resnet", "--data", pictures, "--epochs", "2", *SMALL)
    write = Path.write_bytes

    def until_it_is_full(path: Path, content: bytes) -> int:
        if b"best" in content or b'"epoch":"2"' in content:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", until_it_is_full)
    status, _, (line,) = senet(*run)
    assert status == 1 and "runs/small_resnet/last.safetensors cannot be written: the disk is full" in line
    monkeypatch.setattr(Path, "write_bytes", write)
    status, out, _ = senet(*run)
    assert status == 0 and "all 2 epochs were finished before; nothing is left to train" in out
    with safe_open("runs/small_resnet/last.safetensors", "pt") as file:
        assert file.metadata()["epoch"] == "2" and json.loads(file.metadata()["classes"]) == ["a", "b"]


def test_weights_may_have_other_classes_and_lack_the_se(tmp_path):
    plain = make_network(Wanted("test_resnet", image_size=32), 5)
    path = str(save_weights(plain.model, tmp_path / "plain.safetensors"))
    made = make_network(Wanted("test_resnet", insert_se=True, reduction=8, image_size=32, weights=path), 3)
    assert made.notes == (f"{path} is of 5 classes, so fc is new: 3 classes",) and made.mean == (0.5, 0.5, 0.5)
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        ours, theirs = (one.model.eval().forward_features(x) for one in (made, plain))
    assert torch.equal(ours, theirs), "SE starts as the identity"
    again = str(save_weights(made.model, tmp_path / "with.safetensors"))
    same = make_network(Wanted("test_resnet", insert_se=True, reduction=8, image_size=32, weights=again), 3)
    assert all(torch.equal(value, same.model.state_dict()[key]) for key, value in made.model.state_dict().items())


def test_pretrained_weights_of_timm_are_where_training_starts(senet, pictures, tmp_path, monkeypatch):
    """Timm reads them from a file here, where it would download; its class layer is new, and SE changes nothing."""
    path = save_weights(timm.create_model("test_resnet"), tmp_path / "theirs.safetensors")
    config = timm.models.get_pretrained_cfg("test_resnet")
    own = replace(config, file=str(path), hf_hub_id=None)
    monkeypatch.setitem(timm.models._registry._model_pretrained_cfgs, "test_resnet", own)
    made = make_network(Wanted("test_resnet", insert_se=True, reduction=8, image_size=32, pretrained=True), 2)
    theirs = timm.create_model("test_resnet", pretrained=True, num_classes=2).eval()
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(made.model.eval().forward_features(x), theirs.forward_features(x))
    assert load_file(path)["conv1.0.weight"].equal(theirs.conv1[0].weight) and made.mean == config.mean
    begin = ("train", "test_resnet", "--pretrained", "--data", pictures, *SMALL)
    assert senet(*begin, "--epochs", "1")[0] == 0
    assert "pretrained = true" in Path("runs/test_resnet/settings.toml").read_text()
    path.unlink()
    status, _, (line,) = senet(*begin, "--run", "runs/other")
    assert status == 1 and "cannot be downloaded" in line and "--weights FILE" in line


def stats(epoch: int, accuracy: float = 0.5) -> EpochStats:
    return EpochStats(epoch, 1.0, 0.5, 1 / epoch, accuracy, 1.0, 2.0, 100.0, 50.0)


def test_a_terminal_gets_a_bar_and_the_summary_marks_the_best_epoch():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    class Mean:
        pictures, loss, accuracy = 64, 0.25, 0.75

    progress = Progress(3, 4, finished=1, out=Terminal())
    shown = progress.shown(iter([stats(1), stats(2), stats(3)]))
    next(shown)
    for _ in range(4):
        progress.step(Mean())
    progress._bar.refresh()
    list(shown)
    said = progress._out.getvalue()
    for part in (
        "resuming after epoch 1 of 3\n",
        "epoch 2 of 3: training loss 1.000",
        "epoch 2/3: loss 0.250, accuracy 75.0%, ",
        "%, 00:0",
        "epoch 3 of 3: t",
    ):
        assert part in said, part
    assert "epoch 1 of 3: training" not in said and "top-5" not in said
    rows = summary_table([stats(number, 0.9 if number in (4, 5) else 0.5) for number in range(1, 31)]).splitlines()
    assert len(rows) == 15 and [row for row in rows if row.endswith("best")] == [rows[5]] and rows.count("  ...") == 2


# --- costs and figures ------------------------------------------------------------------------------------------------


def test_costs_are_the_papers_and_parts_add_up(senet):
    status, out, _ = senet("cost", "se_resnet50", "--by", "block", "--json")
    counted = json.loads("\n".join(out))
    assert status == 0 and counted["formula"].endswith("= 2,514,944") and len(counted["se_layers"]) == 16
    assert counted["se_parameters"] == 2_514_944 + sum(one["channels"] + one["hidden"] for one in counted["se_layers"])
    assert counted["se_macs"] == 2_514_944
    for key in ("parameters", "macs", "se_parameters", "se_macs"):
        assert sum(part[key] for part in counted["parts"]) == counted[key]
    assert {"layer1.0", "layer4.2", "fc"} <= {part["name"] for part in counted["parts"]}
    _, out, _ = senet("cost", "--list", "se_resnet1*")
    assert out == ["ours:", "  se_resnet18 se_resnet101 se_resnet152 se_resnet110"]


def test_a_figure_is_written_as_a_page_that_stands_alone(senet):
    status, out, _ = senet("figures")
    assert status == 0 and "cost_calculator           What SE costs" in out
    assert senet("figures", "gate-by-hand", "--to", "new/page.html")[0] == 0
    page = Path("new/page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and 'class="senet-figure"' in page and "</html>" in page
    status, (line,), _ = senet("figures", "network_xray")
    assert status == 0 and line.endswith("put it into the folder of a built book, beside index.html")


# --- several processes, the paper's settings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model"), [("imagenet-resnet50", "resnet50"), ("imagenet-se-resnet50", "se_resnet50")]
)
def test_the_recipes_are_the_papers(name, model):
    setup = SETUPS[name]
    assert (setup.model, setup.batch_size, setup.image_size) == (model, 1024, 224)
    recipe = setup.recipe
    assert (recipe.optimiser, recipe.momentum, recipe.weight_decay) == ("sgd", 0.9, 1e-4)
    assert (recipe.learning_rate, recipe.schedule, recipe.step_epochs, recipe.epochs) == (0.6, "step", 30, 100)
    assert setup.resized(1024) == recipe
    assert setup.resized(256).learning_rate == pytest.approx(0.15)


def test_two_processes_train_and_one_prints(pictures, tmp_path):
    run = torchrun(
        *("-m", "senet_lib.training", "se_resnet20", "--data", pictures, "--checkpoints", tmp_path / "run"),
        *("--epochs", "1", "--pictures", "9", *SMALL),
    )
    assert run.returncode == 0, run.stderr
    first, line, *_ = run.stdout.splitlines()
    assert first.startswith("se_resnet20: 9 pictures of 2 classes in batches of 8, ") and "2 x cpu" in first
    assert line.startswith("epoch 1 of 1: ") and run.stdout.count("epoch 1 of 1") == 1
    (row,) = csv.DictReader((tmp_path / "run" / "epochs.csv").read_text().splitlines())
    assert float(row["test_accuracy"]) * 5 == pytest.approx(round(float(row["test_accuracy"]) * 5))


def test_of_processes_that_fail_the_first_says_why(senet, pictures, monkeypatch):
    store = distributed.HashStore()
    run = ("train", "small_resnet", "--data", pictures, *SMALL, "--batch-size", "7")
    for rank in (1, 0):
        group = nullcontext(Group(rank=rank, processes=2, store=store))
        monkeypatch.setattr(training_run, "join_group", lambda group=group: group)
        if rank:
            assert senet(*run) == (
                2,
                [],
                ["senet train: batch_size is 7, which 2 processes cannot share equally; use 8"],
            )
        else:
            with pytest.raises(SystemExit):
                senet(*run)
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit):
        senet("train", "--no-such-option")


def test_recipes_seeds_and_curves(senet, pictures, monkeypatch):
    recipe = Recipe(epochs=1, learning_rate=0.01, optimiser="sgd")
    monkeypatch.setitem(SETUPS, "tiny", Setup("se_small_resnet", recipe, batch_size=4, image_size=32))
    run = ("train", "tiny", "--data", pictures, "--workers", "0", "--device", "cpu", "--batch-size", "8")
    status, out, _ = senet(*run, "--tensorboard", "curves", "--reduction", "2")
    assert status == 0 and "in batches of 8, learning rate 0.02, 1 x cpu" in out[0]
    assert list(Path("curves").glob("events.*"))
    assert load_file("runs/tiny/best.safetensors")["layer1.0.attention.fc1.weight"].shape == (8, 16)
    status, _, (line,) = senet(*run, "--reduction", "2", "--epochs", "2")
    assert status == 2 and "the run in runs/tiny has epochs 1, but you ask for 2" in line
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.rand(3)
        assert senet(*run, "--seed", seed, "--run", name)[0] == 0
    one, same, other = (load_file(f"{name}/last.safetensors")["fc.weight"] for name in "abc")
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.fixture
def usual_ctrl_c() -> Iterator[None]:
    """A test in the same process may have left another handler."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_that_an_import_turns_into_another_error_is_ctrl_c(capsys, usual_ctrl_c):
    def cut_short() -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise AttributeError("module 'numpy' has no attribute 'subtract'") from None
        return 0

    assert run_command("senet export", cut_short) == 130
    assert capsys.readouterr().err == "senet export: stopped; nothing was left half written\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_mistake_of_ours_keeps_its_traceback(senet, pictures, monkeypatch):
    monkeypatch.setattr(training_run, "make_network", lambda *_, **__: 1 / None)
    with pytest.raises(TypeError):
        senet("train", "small_resnet", "--data", pictures)
