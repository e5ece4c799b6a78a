"""Tests of the experiments in the Distance World: their networks, how far those see, and when a run stops."""

import json
from dataclasses import replace

import pytest
import torch

from senet_lib.book.experiments.catalogue import EXPERIMENTS
from senet_lib.book.experiments.distance import DISTANCES, SHARES, measure_field
from senet_lib.book.experiments.running import Trial, run
from senet_lib.cost.receptive_field import main_path, receptive_field
from tests.sample_networks import noise

ARMS = {name: make for experiment in DISTANCES.values() for name, make in experiment.arms.items()}
FIELDS = {"plain, 2 blocks": 17, "plain, 4 blocks": 33, "plain, 6 blocks": 49, "dilation 2": 25}


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_runs_and_its_measured_field_is_inside_the_computed_one(arm):
    torch.manual_seed(0)
    model = ARMS[arm](num_classes=4, in_channels=3)
    assert model(noise(2, 3, 32, 32)).shape == (2, 4)
    field = measure_field(model)["field"]
    sides = [field[str(share)] for share in SHARES]
    assert sides == sorted(sides) and all(side % 2 == 1 for side in sides) and model.training
    computed = receptive_field(main_path(model))[-1].size
    assert computed == FIELDS.get(arm, computed)
    if arm in FIELDS or arm == "stride 4":
        assert sides[-1] <= computed
    if arm == "SE, 2 blocks":
        assert sides[-1] > computed  # the gates see all


def test_a_run_stops_at_its_accuracy_and_records_what_was_asked_after_each_epoch(tmp_path, monkeypatch):
    name = "distance-1-patient"
    arms = {"plain, 2 blocks": ARMS["plain, 2 blocks"]}
    trial = Trial(pictures=64, epochs=3)
    seen = []

    def probe(model):
        seen.append(measure_field(model))
        return seen[-1]

    for stop_at, count in ((0.01, 1), (1.1, 3)):
        seen.clear()
        monkeypatch.setitem(
            EXPERIMENTS, name, replace(DISTANCES[name], arms=arms, compare=None, stop_at=stop_at, epoch_probe=probe)
        )
        path = run(name, [0], "cpu", tmp_path / str(count), checkpoints=tmp_path / "kept", trial=trial)
        record = json.loads(path.read_text(encoding="utf-8"))
        assert record["settings"]["stop_at"] == stop_at
        (entry,) = record["runs"]
        assert [epoch["field"] for epoch in entry["epochs"]] == [one["field"] for one in seen]
        assert len(entry["epochs"]) == count
    assert not (tmp_path / "kept").exists()  # it would begin anew: a resumed run has no values of its first epochs
