"""What an experiment asks of the gates: each intervention does what its name says, and the record holds it."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from senet_lib.book.experiments.catalogue import EXPERIMENTS
from senet_lib.book.experiments.experiment import Experiment
from senet_lib.book.experiments.gate_probe import ALL, describe_gates, probe_gates, same_class_order, stages_of
from senet_lib.book.experiments.running import run
from senet_lib.book.records import gate_measures, intervention_accuracies, load_record
from senet_lib.gates.interventions import ones, replace_excitations
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from senet_lib.training import Recipe, evaluate
from tests.sample_networks import shaken

CLASSES = 4


class FourClasses:
    """Batches of noise with four classes, some of them small."""

    def __init__(self, count: int = 60):
        generator = torch.Generator().manual_seed(0)
        self.y = torch.randint(CLASSES, (count,), generator=generator)
        self.x = torch.randn(count, 3, 16, 16, generator=generator) + self.y[:, None, None, None] / 3

    def __iter__(self):
        yield from zip(self.x.split(16), self.y.split(16), strict=True)


def opened() -> nn.Module:
    """An SE network whose gates differ from picture to picture."""
    torch.manual_seed(0)
    model = shaken(create_model("se_small_resnet", num_classes=CLASSES)).eval()
    for block in model.blocks():
        nn.init.normal_(block.attention.fc2.weight, std=3.0)
    return model


@pytest.fixture(scope="module")
def probed():
    return probe_gates(opened(), FourClasses(), seed=1)


def accuracy_of(probed, gates, blocks=ALL):
    (found,) = (one["accuracy"] for one in probed["interventions"] if (one["gates"], one["blocks"]) == (gates, blocks))
    return found


def test_its_own_accuracy_and_that_with_gates_of_one(probed):
    model, batches = opened(), FourClasses()
    assert probed["accuracy"] == evaluate(model, batches).accuracy
    with replace_excitations(model, ones):
        assert accuracy_of(probed, "1") == evaluate(model, batches).accuracy
    with replace_excitations(model, ones, "layer2"):
        assert accuracy_of(probed, "1", "layer2") == evaluate(model, batches).accuracy


class GatesForLogits(nn.Module):
    """What each channel is multiplied by is the answer: whoever's gates are used, his class is given."""

    def __init__(self):
        super().__init__()
        self.layer1 = SqueezeExcitation(CLASSES, reduction=1)
        for layer in (self.layer1.fc1, self.layer1.fc2):
            nn.init.eye_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        u = x.unflatten(2, (4, -1)).mean((1, 3, 4))[:, :, None, None].exp()  # four numbers, above 0
        return (self.layer1(u) / u).flatten(1)


def test_each_picture_gets_the_gates_of_another_one():
    torch.manual_seed(0)
    model, batches = GatesForLogits().eval(), FourClasses()
    with torch.no_grad():
        answers = torch.cat([model(x).argmax(1) for x, _ in batches]).numpy()
    labels = batches.y.numpy()
    assert len(set(answers)) > 1
    random = np.random.default_rng(7)
    anybody, twins = random.permutation(len(labels)), same_class_order(labels, random)
    found = probe_gates(model, batches, seed=7)
    assert accuracy_of(found, "another picture") == (answers[anybody] == labels).mean()
    assert accuracy_of(found, "another picture, same class") == (answers[twins] == labels).mean()
    # Of the same class: the same answers among themselves, so as many right ones.
    assert accuracy_of(found, "another picture, same class") == found["accuracy"]
    assert accuracy_of(found, "another picture") != found["accuracy"]


def test_partners_of_the_same_class_have_the_same_class():
    labels = np.array([2, 0, 1, 1, 0, 2, 2, 2, 0, 3])
    order = same_class_order(labels, np.random.default_rng(0))
    assert sorted(order) == list(range(10)) and (labels[order] == labels).all()
    assert (order != np.arange(10)).any() and order[9] == 9


def test_the_stages_are_those_that_have_gates(probed):
    assert stages_of(["layer1.0.attention", "layer1.1.attention", "layer3.0.attention"]) == ["layer1", "layer3"]
    assert {one["blocks"] for one in probed["interventions"]} == {ALL, "layer1", "layer2"}
    only_first = probe_gates(create_model("se_small_resnet", num_classes=CLASSES, stages=(1,)).eval(), FourClasses())
    assert {one["blocks"] for one in only_first["interventions"]} == {ALL}


def test_a_network_without_se_has_nothing_to_say():
    assert probe_gates(create_model("small_resnet", num_classes=CLASSES).eval(), FourClasses()) is None


def test_gates_that_never_change_make_no_difference_but_for_their_size():
    model = create_model("se_small_resnet", num_classes=CLASSES).eval()
    for block in model.blocks():
        nn.init.zeros_(block.attention.fc2.weight)
        nn.init.zeros_(block.attention.fc2.bias)
    found = probe_gates(model, FourClasses())
    assert {accuracy_of(found, gates) for gates in ("mean", "another picture", "0.5")} == {found["accuracy"]}
    for measures in found["blocks"].values():
        assert measures["mean"] == 0.5 and measures["spread_over_pictures"] == 0 and measures["effective_rank"] == 0


def test_the_measures_are_whole_sentences_of_numbers():
    labels = np.repeat(np.arange(CLASSES), 50)
    gates = np.where(labels[:, None] == np.arange(CLASSES), 0.95, 0.05)
    measures = describe_gates(gates, labels)
    assert measures["explained_by_class"] == 1 and measures["numerical_rank"] == 3
    assert (measures["below_0.1"], measures["above_0.9"], measures["channels"]) == (0.75, 0.25, 4)
    assert json.loads(json.dumps(measures)) == measures


def test_a_record_holds_the_gates_and_is_read_by_arm(tmp_path, monkeypatch):
    tiny = Experiment(
        title="tiny",
        data="digits",
        batch_size=64,
        recipe=Recipe(epochs=1, learning_rate=0.01),
        arms={"se": partial(create_model, "se_small_resnet"), "plain": partial(create_model, "small_resnet")},
        probe=probe_gates,
    )
    monkeypatch.setitem(EXPERIMENTS, "tiny", tiny)
    run("tiny", range(2), "cpu", tmp_path)
    record = load_record("tiny", tmp_path)
    found = intervention_accuracies(record, "se")
    finals = [run["epochs"][-1]["test_accuracy"] for run in record["runs"] if run["arm"] == "se"]
    assert found["own", "all"].tolist() == pytest.approx(finals)
    assert all(accuracies.shape == (2,) for accuracies in found.values())
    assert found["mean", "layer2"].tolist() != found["own", "all"].tolist()
    assert list(gate_measures(record, "se")) == ["layer1.0.attention", "layer2.0.attention"]
    with pytest.raises(ValueError, match="no gates of 'plain'; it has those of se"):
        intervention_accuracies(record, "plain")
