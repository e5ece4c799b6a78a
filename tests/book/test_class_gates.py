"""Gates by class: the figure's file says what the networks say; the way to ImageNet runs on noise."""

import json

import numpy as np
import pytest
from PIL import Image

from senet_lib.book.experiments import class_gates_record
from senet_lib.book.experiments.class_gates_record import (
    ALL_OTHERS,
    IMAGENET_BLOCKS,
    IMAGENET_CHANNELS,
    SCENES,
    SCENES_SEED,
    context_world_networks,
    imagenet_network,
    main,
    photograph_networks,
)
from senet_lib.book.figures.class_gates import EXAMPLE, ClassGates
from senet_lib.data.context_world import ContextWorld
from senet_lib.export.overridable_network import OverridableNetwork
from senet_lib.gates.analysis import explained_share
from senet_lib.weights.weight_files import load_pretrained


@pytest.fixture(scope="module")
def made() -> list[dict]:
    return context_world_networks()


def test_the_figures_file_is_what_the_command_makes_now(made):
    saved = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    on_record = {network["name"]: network for network in saved["networks"]}
    for now in made:
        network = on_record[now["name"]]
        assert {**network, "blocks": 0, "similarity": 0} == {**now, "blocks": 0, "similarity": 0}
        assert np.array(network["similarity"]) == pytest.approx(np.array(now["similarity"]), abs=2e-4)
        for block, rows in now["blocks"].items():
            for what in ("means", "spreads"):
                assert np.array(network["blocks"][block][what]) == pytest.approx(np.array(rows[what]), abs=2e-4)


def test_means_are_those_of_the_networks_gates(made):
    world = ContextWorld.generate(SCENES, SCENES_SEED)
    _, gates = OverridableNetwork.of(load_pretrained("context-world-reduction-r4")).run(world.pictures)
    by_cue, by_answer = made
    reds = np.array([scene.cue_colour == 0 for scene in world.scenes])
    assert by_cue["blocks"]["layer1.0"]["means"][0] == pytest.approx(gates["layer1.0"][reds].mean(0), abs=1e-4)
    rings = world.labels == by_answer["groups"].index("ring")
    assert by_answer["blocks"]["layer2.0"]["spreads"][1] == pytest.approx(gates["layer2.0"][rings].std(0), abs=1e-4)
    assert by_answer["counts"][1] == rings.sum()
    assert explained_share(gates["layer2.0"], world.labels) > 0.9


def test_a_second_command_keeps_what_it_does_not_make(made, tmp_path, monkeypatch):
    monkeypatch.setattr(class_gates_record, "context_world_networks", lambda: made)
    path = tmp_path / "gates.json"
    old = {"command": "", "networks": [{"name": "context-world-cue", "label": "old"}, {"name": "another"}]}
    path.write_text(json.dumps(old))
    assert main(["--out", str(path)]) == 0
    names = [network["name"] for network in json.loads(path.read_text())["networks"]]
    assert names == ["context-world-cue", "context-world-answer", "another"]
    assert json.loads(path.read_text())["networks"][0]["label"] != "old"


@pytest.fixture
def imagenet(tmp_path):
    """A few pictures of noise, named as in ImageNet."""
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        for number in ("n01443537", "n02110958", "n00000001", "n00000002"):
            folder = tmp_path / split / number
            folder.mkdir(parents=True)
            for i in range(2 if split == "val" else 1):
                noise = random.integers(0, 256, (80, 100, 3), np.uint8)
                Image.fromarray(noise).save(folder / f"{i}.jpg")
    return tmp_path


def test_imagenet_is_sorted_into_the_papers_classes_and_all_others(imagenet, monkeypatch):
    network = imagenet_network(imagenet, "random", workers=0)
    assert network["groups"] == ["goldfish", "pug", ALL_OTHERS] and network["counts"] == [2, 2, 4]
    assert list(network["blocks"]) == list(IMAGENET_BLOCKS)
    assert np.array(network["blocks"]["layer4.2"]["means"]).shape == (3, IMAGENET_CHANNELS)
    figure = ClassGates.from_networks([network])
    assert figure.networks[0]["blocks"]["layer1.2"] == IMAGENET_CHANNELS


def test_what_does_not_fit_is_said_in_one_line(imagenet, capsys, refused):
    with refused("digits has the classes 0, 1", "it must have airplane"):
        photograph_networks("digits")
    for arguments, said in (
        (["--imagenet", str(imagenet / "nowhere")], "nowhere does not exist"),
        (["--imagenet", str(imagenet), "--weights", "no such.safetensors"], "no such.safetensors"),
        (["--photographs", "cifr10"], "cifr10"),
    ):
        with pytest.raises(SystemExit) as caught:
            main([*arguments, "--out", str(imagenet / "out.json")])
        assert caught.value.code == 2
        message = capsys.readouterr().err
        assert said in message and message.count("\n") == 1


def test_a_folder_without_the_papers_classes_is_refused(imagenet, refused):
    for split in ("train", "val"):
        for number in ("n01443537", "n02110958"):
            (imagenet / split / number).rename(imagenet / split / f"x{number}")
    with refused("has no class named n01443537 or"):
        imagenet_network(imagenet, "random", workers=0)
