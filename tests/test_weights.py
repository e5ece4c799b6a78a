"""Weights go into a file and come back; a file that does not fit is refused kindly and changes nothing."""

import pytest
import torch

from senet_lib.batches import train_and_test_batches
from senet_lib.data import load_images
from senet_lib.models import small_resnet, small_se_resnet
from senet_lib.training import evaluate
from senet_lib.weights import PRETRAINED, PRETRAINED_MODELS, load_pretrained, load_weights, save_weights


def states_equal(first, second) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def test_weights_come_back_bit_for_bit_with_their_texts(tmp_path):
    model, other = small_se_resnet(), small_se_resnet()
    model.bn1.running_mean += 1
    path = save_weights(model, tmp_path / "new" / "folder" / "model.safetensors", {"seed": "3"})
    assert load_weights(other, path) == {"seed": "3"}
    assert states_equal(model.state_dict(), other.state_dict())


def test_saving_leaves_no_draft_and_replaces_the_old_file(tmp_path):
    path = tmp_path / "model.safetensors"
    save_weights(small_resnet(), path)
    newer = small_resnet()
    save_weights(newer, path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
    loaded = small_resnet()
    load_weights(loaded, path)
    assert states_equal(newer.state_dict(), loaded.state_dict())


def test_weights_in_channels_last_can_be_saved(tmp_path):
    model = small_resnet().to(memory_format=torch.channels_last)
    loaded = small_resnet()
    load_weights(loaded, save_weights(model, tmp_path / "model.safetensors"))
    assert states_equal(model.state_dict(), loaded.state_dict())


def test_weights_of_another_network_are_refused_and_change_nothing(tmp_path, refused):
    path = save_weights(small_se_resnet(reduction=2), tmp_path / "model.safetensors")
    model = small_se_resnet(reduction=4)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with refused("another network", "6 layers", "layer1.0.attention.fc1.weight"):
        load_weights(model, path)
    with refused("8 layers"):
        load_weights(small_resnet(), path)
    assert states_equal(before, model.state_dict())


def test_what_is_no_weights_file_is_refused(tmp_path, refused):
    bad = tmp_path / "notes.txt"
    bad.write_text("not weights at all, and longer than a header")
    with refused("notes.txt", "safetensors"):
        load_weights(small_resnet(), bad)
    with refused("missing"):
        load_weights(small_resnet(), tmp_path / "missing")
    with refused("cannot be read"):
        load_weights(small_resnet(), tmp_path)


@pytest.mark.parametrize("name", PRETRAINED_MODELS)
def test_trained_networks_come_with_the_library(name):
    pretrained = load_pretrained(name)
    assert not pretrained.model.training
    assert len(pretrained.mean) == len(pretrained.std) == 3
    assert {"experiment", "arm", "seed", "data"} <= set(pretrained.about)


def test_no_file_of_weights_is_left_without_a_name():
    assert {path.stem for path in PRETRAINED.iterdir()} == set(PRETRAINED_MODELS)


@pytest.mark.parametrize("r", [1, 2, 4, 8, 16])
def test_trained_se_networks_solve_the_context_world_and_the_plain_one_does_not(r):
    test_set = load_images("context-world", train=False)
    for name, passes in ((f"r{r}", lambda a: a > 0.95), ("plain", lambda a: a < 0.6)):
        pretrained = load_pretrained(f"context-world-reduction-{name}")
        _, batches = train_and_test_batches(load_images("context-world", train=True), test_set, batch_size=256)
        assert batches.mean == pytest.approx(pretrained.mean)
        assert passes(evaluate(pretrained.model, batches).accuracy)


def test_unknown_trained_network_is_refused(refused):
    with refused("resnet50", "pictures-se"):
        load_pretrained("resnet50")
