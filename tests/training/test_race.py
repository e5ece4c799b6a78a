"""A race trains each network as if it were alone, and can be left at any moment."""

from contextlib import closing
from functools import partial

import numpy as np
import pytest
import torch

from senet_lib.data import load_pictures, train_and_test_batches
from senet_lib.networks.models import create_model
from senet_lib.training import DivergedError, Recipe, fit
from senet_lib.training.race import TrainingRace, history_to_arrays

RECIPE = Recipe(epochs=2, learning_rate=0.01)


def batches():
    pictures, test = (load_pictures("digits", train=train).subset(200) for train in (True, False))
    return train_and_test_batches(pictures, test, 64)


def networks():
    makers = {"plain": partial(create_model, "small_resnet"), "se": partial(create_model, "se_small_resnet")}
    made = {}
    for name, make in makers.items():
        torch.manual_seed(0)
        made[name] = make(num_classes=10, in_channels=1).to(memory_format=torch.channels_last)
    return made


def same(first, second):
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_each_lane_ends_with_the_weights_of_a_training_alone():
    raced, alone = networks(), networks()
    history = list(TrainingRace(raced, *batches(), RECIPE, report_every=1).run())
    for name, model in alone.items():
        stats = list(fit(model, *batches(), RECIPE))
        assert same(raced[name], model)
        tested = [lane.test_accuracy for report in history for lane in report.lanes if lane.name == name]
        assert [value for value in tested if value is not None] == [epoch.test_accuracy for epoch in stats]


def test_a_race_that_is_left_leaves_networks_to_use_and_no_hooks():
    raced = networks()
    with closing(TrainingRace(raced, *batches(), RECIPE, report_every=1).run()) as reports:
        first = next(reports)
    assert first.step == 1 and first.seconds_left > 0
    for model in raced.values():
        assert not model.training and model(torch.zeros(1, 1, 8, 8)).isfinite().all()
        assert not any(module._forward_hooks for module in model.modules())


def test_only_a_network_with_gates_has_a_spread():
    *_, last = TrainingRace(networks(), *batches(), RECIPE).run()
    plain, se = last.lanes
    assert plain.gate_spread is None and 0 < se.gate_spread < 0.5
    arrays = history_to_arrays([last])
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_network_that_diverges_is_named():
    with pytest.raises(DivergedError, match="plain"):
        list(TrainingRace(networks(), *batches(), Recipe(epochs=1, learning_rate=1e38)).run())


def test_a_race_of_one_and_shared_networks_are_refused(refused):
    one = networks()["se"]
    with refused("two"):
        TrainingRace({"se": one}, *batches(), RECIPE)
    with refused("share"):
        TrainingRace({"se": one, "again": one}, *batches(), RECIPE)
