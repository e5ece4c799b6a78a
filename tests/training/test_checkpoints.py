"""A checkpoint is whole or not there; a run that was killed goes on and ends with the same bits."""

import copy
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from senet_lib.data import load_pictures, train_and_test_batches
from senet_lib.networks.models import create_model
from senet_lib.training import Recipe, checkpoints, evaluate, fit
from senet_lib.training.checkpoints import CheckpointError, list_checkpoints
from senet_lib.weights.weight_files import load_weights

RECIPES = {
    "adamw": Recipe(epochs=3, learning_rate=0.01),
    "sgd": Recipe(
        epochs=3, learning_rate=0.05, optimiser="sgd", schedule="step", step_epochs=1, clip_norm=1.0, ema_decay=0.9
    ),
    "adam": Recipe(epochs=3, learning_rate=0.001, optimiser="adam", schedule="constant"),
}
RUN = """
import sys
import torch
torch.set_num_threads(1)
from tests.training.test_checkpoints import RECIPES, go_on, network
from senet_lib.weights.weight_files import save_weights
model = network()
for stats in go_on(model, RECIPES["adamw"], sys.argv[1]):
    print(stats.epoch, flush=True)
save_weights(model, sys.argv[2])
"""


def network():
    torch.manual_seed(0)
    return create_model("se_small_resnet", num_classes=10, in_channels=1)


def batches(count=300):
    pictures, test = (load_pictures("digits", train=train).subset(count) for train in (True, False))
    return train_and_test_batches(pictures, test, 32)


def go_on(model, recipe, folder, **options):
    return fit(model, *batches(), recipe, checkpoints=folder, **options)


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in {**first, **second})


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_run_that_stops_after_each_epoch_ends_with_the_same_bits(recipe, tmp_path):
    whole = network()
    story = list(fit(whole, *batches(), recipe))
    for stop in range(1, recipe.epochs + 1):
        resumed, told = network(), []
        for stats in go_on(resumed, recipe, tmp_path):
            told.append(stats.train_loss)
            if stats.epoch == stop < recipe.epochs:
                break
    assert same(whole.state_dict(), resumed.state_dict())
    assert told == [stats.train_loss for stats in story]


def test_a_run_killed_at_a_random_moment_ends_with_the_same_bits(tmp_path, root):
    whole = network()
    list(fit(whole, *batches(), RECIPES["adamw"]))
    command = [sys.executable, "-c", RUN, str(tmp_path / "run"), str(tmp_path / "end.safetensors")]
    environment = os.environ | {"PYTHONPATH": str(root)}
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "1"
    time.sleep(random.random() / 5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    assert same(whole.state_dict(), load_file(tmp_path / "end.safetensors"))


def test_a_recipe_of_numpys_numbers_can_be_kept(tmp_path):
    recipe = Recipe(np.int64(1), np.float32(0.01), deterministic=np.False_)
    (stats,) = go_on(network(), recipe, tmp_path)
    assert list(go_on(network(), recipe, tmp_path)) == [stats]
    with pytest.raises(TypeError):
        checkpoints.save_checkpoint(tmp_path, 2, checkpoints.Checkpoint({}, {}, {"a": object()}))
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0001"]


def test_only_the_newest_is_kept_unless_all_are_asked_for(tmp_path):
    list(go_on(network(), RECIPES["adam"], tmp_path / "newest"))
    list(go_on(network(), RECIPES["adam"], tmp_path / "all", keep_all=True))
    assert [path.name for path in list_checkpoints(tmp_path / "newest")] == ["epoch-0003"]
    assert [path.name for path in list_checkpoints(tmp_path / "all")] == ["epoch-0001", "epoch-0002", "epoch-0003"]
    model = network()
    load_weights(model, tmp_path / "all" / "epoch-0001" / "weights.safetensors")


def test_the_averaged_weights_that_were_evaluated_have_a_file(tmp_path):
    model = network()
    *_, last = go_on(model, RECIPES["sgd"], tmp_path)
    (folder,) = list_checkpoints(tmp_path)
    assert same(load_file(folder / "averaged.safetensors"), model.state_dict())
    assert not same(load_file(folder / "weights.safetensors"), model.state_dict())
    load_weights(used := network(), folder / "averaged.safetensors")
    assert evaluate(used, batches()[1]).loss == last.test_loss


def test_a_full_disk_leaves_the_last_checkpoint_and_says_so(tmp_path, monkeypatch):
    run = go_on(network(), RECIPES["adamw"], tmp_path)
    next(run)

    def full(path, content):
        path.write_bytes(content[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoints, "_write_to_disk", full)
    with pytest.raises(
        CheckpointError, match=r"epoch 2 cannot be written.*No space left.*epoch-0001 is whole"
    ) as caught:
        next(run)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0001"]
    assert checkpoints.load_newest(tmp_path).facts["steps"] == 10


@pytest.mark.parametrize("folder", ["file", "file/run"])
def test_a_folder_that_cannot_be_made_is_named_before_the_first_epoch(tmp_path, folder):
    (tmp_path / "file").write_text("")
    start = copy.deepcopy(model := network())
    with pytest.raises(CheckpointError, match=r"no checkpoint can be written in .*file.*choose another folder"):
        next(go_on(model, RECIPES["adamw"], tmp_path / folder))
    assert same(start.state_dict(), model.state_dict())


def test_an_earlier_checkpoint_is_named_or_that_there_is_none(tmp_path):
    with pytest.raises(CheckpointError, match=r"epoch 1 cannot be written.*there is no earlier one"):
        (tmp_path / "file").write_text("")
        checkpoints.save_checkpoint(tmp_path / "file", 1, checkpoints.Checkpoint({}, {}, {}))


@pytest.mark.parametrize("name", ["weights", "averaged", "training", "facts"])
def test_a_truncated_checkpoint_is_named(tmp_path, name, refused):
    next(go_on(network(), RECIPES["sgd"], tmp_path))
    (file,) = (tmp_path / "epoch-0001").glob(f"{name}.*")
    file.write_bytes(file.read_bytes()[:-20])
    with refused("epoch-0001 is not a valid checkpoint", "delete it"):
        list(go_on(network(), RECIPES["sgd"], tmp_path))


def test_a_checkpoint_without_its_averaged_weights_is_refused(tmp_path, refused):
    next(go_on(network(), RECIPES["sgd"], tmp_path))
    (tmp_path / "epoch-0001" / "averaged.safetensors").unlink()
    with refused("lacks its averaged weights", "delete it"):
        list(go_on(network(), RECIPES["sgd"], tmp_path))


def test_the_averaged_weights_are_written_once(tmp_path):
    next(go_on(model := network(), RECIPES["sgd"], tmp_path))
    kept = load_file(tmp_path / "epoch-0001" / "training.safetensors")
    momenta = [name for name in kept if name.startswith("optimiser.")]
    assert len(momenta) == len(list(model.parameters()))
    assert set(kept) - set(momenta) <= {"random.cpu", "random.cuda", "averaged_steps"}


def test_another_network_recipe_or_other_pictures_are_refused(tmp_path, refused):
    next(go_on(network(), RECIPES["adamw"], tmp_path))
    with refused("trains another network", "choose another folder"):
        list(go_on(create_model("small_resnet", num_classes=10, in_channels=1), RECIPES["adamw"], tmp_path))
    with refused("has epochs 3, but you ask for 4"):
        list(go_on(network(), Recipe(epochs=4, learning_rate=0.01), tmp_path))
    with refused("has learned from other pictures"):
        list(fit(network(), *batches(299), RECIPES["adamw"], checkpoints=tmp_path))


@pytest.mark.parametrize("wrap", [torch.nn.DataParallel, lambda model: torch.compile(model, backend="eager")])
def test_a_wrapped_network_is_kept_without_its_wrapping(tmp_path, wrap):
    recipe = Recipe(epochs=1, learning_rate=0.01)
    wrapped, model = network(), network()
    (stats,) = go_on(wrap(wrapped), recipe, tmp_path)
    assert list(go_on(model, recipe, tmp_path)) == [stats]
    assert same(model.state_dict(), wrapped.state_dict())


def test_a_checkpoint_holds_nothing_that_can_run(tmp_path):
    next(go_on(network(), RECIPES["adamw"], tmp_path))
    names = sorted(path.name for path in (tmp_path / "epoch-0001").iterdir())
    assert names == ["facts.json", "training.safetensors", "weights.safetensors"]
    assert json.loads((tmp_path / "epoch-0001" / "facts.json").read_text())["history"][0]["epoch"] == 1
