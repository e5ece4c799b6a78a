"""The kernel's half of the figure: torch answers what the reader asks, also with the reader's own network."""

import numpy as np
import pytest
import torch
from torch import nn

from senet_lib.book.figures.live.live_network import network_figure, photograph_figure
from senet_lib.book.figures.network_in_page import NetworkInPage, scene_from_dict
from senet_lib.book.figures.photograph_in_page import PhotographInPage
from senet_lib.data.context_world import ContextWorld, render_scene
from senet_lib.export.overridable_network import OverridableNetwork
from senet_lib.networks.models import create_model
from senet_lib.weights.weight_files import load_pretrained
from tests.sample_networks import shaken

PICTURE = ContextWorld.generate(1, seed=2).pictures[0]


def ask(
    figure: NetworkInPage | PhotographInPage, network: str, overrides: dict | None = None, picture: np.ndarray = PICTURE
) -> dict:
    """What the browser does, and what it gets."""
    figure.request = {
        "key": f"{network} {overrides} {picture.sum()}",
        "network": network,
        "picture": picture.flatten().tolist(),
        "overrides": overrides or {},
    }
    return figure.answer


def test_the_librarys_networks_answer():
    figure = network_figure()
    assert figure.kernel
    for network, file in (("r4", "context-world-reduction-r4"), ("plain", "context-world-reduction-plain")):
        pretrained = load_pretrained(file)
        mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (pretrained.mean, pretrained.std))
        with torch.no_grad():
            logits = pretrained.model((torch.tensor(PICTURE)[None] / 255 - mean) / std)[0]
        answer = ask(figure, network)
        assert answer["key"] == figure.request["key"]
        assert answer["logits"] == pytest.approx(logits.tolist(), abs=1e-5)
        assert {name: len(row) for name, row in answer["gates"].items()} == (
            {"layer1.0": 16, "layer2.0": 32} if network == "r4" else {}
        )


def test_an_override_acts_on_what_comes_after_it_only():
    figure = network_figure()
    own = ask(figure, "r4")
    moved = ask(figure, "r4", {"layer1.0": [0.0] * 8 + [None] * 8})
    assert moved["gates"]["layer1.0"] == own["gates"]["layer1.0"]
    assert moved["gates"]["layer2.0"] != own["gates"]["layer2.0"] and moved["logits"] != own["logits"]
    kept = ask(figure, "r4", {"layer1.0": own["gates"]["layer1.0"], "layer2.0": [None] * 32})
    assert kept["logits"] == pytest.approx(own["logits"], abs=1e-5)


def test_the_readers_own_network_is_shown_first_and_answers():
    torch.manual_seed(0)
    model = shaken(create_model("se_small_resnet", reduction=8)).train()
    figure = network_figure(model, name="mine")
    assert figure.network == "mine" and figure.networks[0]["channels"] == {"layer1.0": 16, "layer2.0": 32}
    picture = render_scene(scene_from_dict(figure.scenes[0]))
    answer = ask(figure, "mine", picture=picture)
    recorded = figure.answers["mine"]
    assert recorded.shape == (2, len(figure.scenes), 4 + 16 + 32)
    assert [*answer["logits"], *answer["gates"]["layer1.0"], *answer["gates"]["layer2.0"]] == pytest.approx(
        recorded[0, 0].tolist(), abs=1e-5
    )
    off = ask(figure, "mine", {"layer1.0": [1] * 16, "layer2.0": [1] * 32}, picture)
    assert off["logits"] == pytest.approx(recorded[1, 0, :4].tolist(), abs=1e-5)
    assert not any(block._forward_hooks for block in model.modules())


def test_a_network_without_se_has_no_gates():
    figure = network_figure(create_model("small_resnet"), name="mine")
    assert figure.answers["mine"].shape == (1, len(figure.scenes), 4)
    assert ask(figure, "mine")["gates"] == {}


def test_the_html_form_has_no_kernel():
    figure = network_figure()
    figure.answer, figure.state = {"key": "old"}, "ready"
    state = figure._plain_state()
    assert (state["kernel"], state["state"], state["answer"], state["request"]) == (False, "examples", {}, {})


def test_what_goes_wrong_is_said_in_the_figure():
    figure = network_figure()
    assert "has 3 gates for 16 channels" in ask(figure, "r4", {"layer1.0": [1, 1, 1]})["error"]
    assert "nobody" in ask(figure, "nobody")["error"]
    assert "error" in ask(figure, "r4", picture=PICTURE[:, :16])
    assert "error" not in ask(figure, "r4")


def test_a_network_that_does_not_fit_is_refused(refused):
    with refused("model is str", "give a network"):
        network_figure("resnet")
    with refused("does not run on pictures"):
        network_figure(create_model("se_small_resnet", in_channels=1))
    with refused("(2, 10)", "(2, 4) logits"):
        network_figure(create_model("se_small_resnet", num_classes=10))
    with refused("name is 'r4'", "choose another"):
        network_figure(create_model("se_small_resnet"), name="r4")
    with refused("std has 1 numbers", "3 colours"):
        network_figure(create_model("se_small_resnet"), std=(0.5,))


def test_hooks_are_gone_when_the_network_fails():
    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = create_model("se_small_resnet")

        def forward(self, x):
            raise RuntimeError(f"no {len(self.inner(x))}")

    model = Fails()
    network = OverridableNetwork(model, (0.0,) * 3, (1.0,) * 3)
    with pytest.raises(RuntimeError, match="no 1"):
        network.run(PICTURE[None])
    assert not any(module._forward_hooks for module in model.modules())


# --- photographs ------------------------------------------------------------------------------------------------------


def test_the_librarys_networks_answer_for_photographs():
    figure = photograph_figure()
    assert figure.kernel and figure.picture == 0
    for entry in figure.networks:
        network = OverridableNetwork.of(load_pretrained(entry["file"].removesuffix(".onnx")))
        logits, gates = network.run(figure.pictures[3][None])
        answer = ask(figure, entry["name"], picture=figure.pictures[3])
        assert answer["logits"] == pytest.approx(logits[0].tolist(), abs=1e-5)
        assert answer["gates"] == {name: pytest.approx(rows[0].tolist(), abs=1e-5) for name, rows in gates.items()}
        assert len(entry["classes"]) == len(answer["logits"]) == 10


def test_the_readers_own_network_has_its_own_classes_and_blocks():
    torch.manual_seed(0)
    figure = photograph_figure(
        shaken(create_model("se_resnet20", num_classes=3, reduction=8)), ["tea", "coffee", "milk"], name="mine"
    )
    entry = figure.networks[0]
    assert figure.network == "mine" and entry["classes"] == ["tea", "coffee", "milk"] and len(entry["channels"]) == 9
    recorded = figure.answers["mine"]
    assert recorded.shape == (2, len(figure.offered), 3 + sum(entry["channels"].values()))
    answer = ask(figure, "mine", picture=figure.pictures[1])
    said = [*answer["logits"], *(gate for row in answer["gates"].values() for gate in row)]
    assert said == pytest.approx(recorded[0, 1].tolist(), abs=1e-5)


def test_classes_without_names_are_cifar10s_or_numbers():
    assert photograph_figure(create_model("resnet8")).networks[0]["classes"][3] == "cat"
    assert photograph_figure(create_model("resnet8", num_classes=2)).networks[0]["classes"] == ["class 0", "class 1"]


def test_a_page_gets_nothing_of_the_readers_picture():
    figure = photograph_figure()
    figure.own, figure.own_name, figure.picture = PICTURE.flatten().tolist(), "me.jpg", -1
    ask(figure, "plain")
    state = figure._plain_state()
    assert (state["own"], state["own_name"], state["picture"]) == ([], "", 0)
    assert (state["kernel"], state["answer"], state["request"]) == (False, {}, {})


def test_a_network_that_does_not_fit_the_photographs_is_refused(refused):
    class Maps(nn.Module):
        def forward(self, x):
            return x

    with refused("model is list", "give a network"):
        photograph_figure([1])
    with refused("does not run on pictures (3, 32, 32)"):
        photograph_figure(create_model("se_resnet8", in_channels=1))
    with refused("(2, 3, 32, 32) for two pictures", "(2, K) logits"):
        photograph_figure(Maps())
    with refused("class_names has 2 names for 10 logits"):
        photograph_figure(create_model("resnet8"), ["cat", "dog"])
    with refused("class_names has 3 names for 3 logits", "a list"):
        photograph_figure(create_model("resnet8", num_classes=3), "abc")
    with refused("class_names has 2 names", "no model"):
        photograph_figure(class_names=["cat", "dog"])
    with refused("name is 'plain'", "choose another"):
        photograph_figure(create_model("resnet8"), name="plain")
    with refused("mean has 1 numbers", "3 colours"):
        photograph_figure(create_model("resnet8"), mean=(0.5,))


def test_an_override_of_no_block_and_pictures_that_are_no_bytes_are_refused(refused):
    network = OverridableNetwork(create_model("se_small_resnet"), (0.0,) * 3, (1.0,) * 3)
    with refused("no block 'layer9.0'", "the network has layer1.0, "):
        network.run(PICTURE[None], {"layer9.0": [1.0] * 8})
    with refused("float64", "give bytes, 0 to 255"):
        network.run(PICTURE[None] / 255)
