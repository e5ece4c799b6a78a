"""The ONNX files that the book serves, and the examples that the figures show first: both say what torch says."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from senet_lib.book.experiments import page_networks
from senet_lib.book.experiments.offered_pictures import offered_pictures
from senet_lib.book.experiments.page_networks import (
    CLASS_NAMES,
    FOLDER,
    SHOWN,
    SHOWN_PHOTOGRAPHS,
    example_scenes,
    write_network,
)
from senet_lib.book.figures import network_in_page, photograph_in_page
from senet_lib.book.figures.network_in_page import NetworkInPage, scene_from_dict
from senet_lib.book.figures.photograph_in_page import PhotographInPage
from senet_lib.data.context_world import SHAPES, ContextWorld
from senet_lib.export.onnx_network import load_onnx
from senet_lib.export.overridable_network import OverridableNetwork
from senet_lib.weights.weight_files import load_pretrained

PICTURES = 100
IN_THE_PAGE = (*SHOWN, *SHOWN_PHOTOGRAPHS)


@pytest.mark.parametrize("name", IN_THE_PAGE)
def test_a_file_says_what_torch_says(root, name):
    """Logits and gates of a hundred pictures, to 1e-4; half of them with gates set by hand."""
    pretrained = load_pretrained(name)
    network, file = OverridableNetwork.of(pretrained), load_onnx(root / FOLDER / f"{name}.onnx")
    assert (file.channels, file.mean, file.std, file.about) == (
        network.channels,
        pretrained.mean,
        pretrained.std,
        pretrained.about,
    )
    assert file.class_names == tuple(CLASS_NAMES[pretrained.about["data"]])
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (PICTURES, 3, 32, 32), np.uint8)
    if pretrained.about["data"] == "context-world":
        pictures = ContextWorld.generate(PICTURES, seed=12).pictures
    hand = {block: random.uniform(0, 2, count) for block, count in network.channels.items()}
    for row in hand.values():
        row[::2] = np.nan
    for overrides in (None, hand):
        logits, gates = network.run(pictures, overrides)
        found, found_gates = file.run(pictures.astype(np.float32) / 255, overrides)
        assert found == pytest.approx(logits, abs=1e-4, rel=1e-4)
        for block, rows in gates.items():
            assert found_gates[block] == pytest.approx(rows, abs=1e-4)


def test_there_is_a_file_for_each_network_and_no_other(root):
    assert {path.name for path in (root / FOLDER).iterdir()} == {f"{name}.onnx" for name in IN_THE_PAGE}
    for figure, shown in ((NetworkInPage, SHOWN), (PhotographInPage, SHOWN_PHOTOGRAPHS)):
        assert {one["file"] for one in figure.example().networks} == {f"{name}.onnx" for name in shown}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder with the examples that the command writes now."""
    folder = tmp_path_factory.mktemp("written")
    files = ["--examples", f"{folder}/network_in_page.json", "--photographs", f"{folder}/photograph_in_page.json"]
    assert page_networks.main(["--examples-only", *files]) == 0
    return folder


@pytest.mark.parametrize("module", [network_in_page, photograph_in_page])
def test_the_examples_on_record_are_what_the_networks_say(written, module):
    name = module.__name__.rpartition(".")[2]
    saved, now = (json.loads(path.read_text("utf-8")) for path in (module.EXAMPLES, written / f"{name}.json"))
    for one in [*saved.get("offered", []), *now.get("offered", [])]:
        one.pop("preview")  # another version of the encoder may make other bytes
    assert {**saved, "answers": None} == {**now, "answers": None}
    assert list(saved["answers"]) == list(now["answers"])
    for name, said in now["answers"].items():
        assert saved["answers"][name]["shape"] == said["shape"]
        assert saved["answers"][name]["values"] == pytest.approx(said["values"], abs=1e-4, rel=1e-5)


def test_the_previews_show_the_offered_pictures():
    for facts, offered in zip(PhotographInPage.example().offered, offered_pictures(), strict=True):
        kind, _, data = facts["preview"].partition(";base64,")
        preview = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
        wanted = np.asarray(offered.image.resize(preview.size), float)
        assert kind == "data:image/webp" and np.abs(np.asarray(preview) - wanted).mean() < 8


def test_the_state_of_the_figure_with_photographs_is_small():
    assert len(json.dumps(PhotographInPage.example()._plain_state())) < 120_000


def test_the_examples_show_that_the_answer_follows_the_cue():
    """Three scenes differ in the cue's colour only: SE is right each time, the network without SE is not."""
    twins = example_scenes()[:3]
    assert len({scene.label for scene in twins}) == 3 and len({scene.glyph_corners for scene in twins}) == 1
    figure = NetworkInPage.example()
    assert tuple(scene_from_dict(scene) for scene in figure.scenes[:3]) == twins
    right = {
        name: [row[: len(SHAPES)].argmax() == scene.label for row, scene in zip(said[0], twins, strict=False)]
        for name, said in figure.answers.items()
    }
    assert right["r4"] == [True] * 3 and not all(right["plain"])


def test_the_command_writes_the_networks_where_it_is_told(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(page_networks, "write_network", lambda *given: calls.append(given))
    for make in ("examples", "photograph_examples"):
        monkeypatch.setattr(page_networks, make, dict)
    files = ["--examples", f"{tmp_path}/examples.json", "--photographs", f"{tmp_path}/photographs.json"]
    assert page_networks.main(["--networks", f"{tmp_path}/nets", *files]) == 0
    assert calls == [(name, tmp_path / "nets") for name in IN_THE_PAGE]
    assert page_networks.main(["--examples-only", *files]) == 0
    assert len(calls) == len(IN_THE_PAGE)


def test_an_unknown_network_is_refused(tmp_path, refused):
    with refused("no trained network 'nobody'"):
        write_network("nobody", tmp_path)
