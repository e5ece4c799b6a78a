"""The race behind the live figure: it obeys within a step, and leaves networks to use."""

import time

import numpy as np
import pytest
import torch

from senet_lib.book.figures.live.live_race import Choices, live_race
from senet_lib.networks.models import create_model


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def race():
    made = live_race("digits", epochs=2, pictures=300, report_every=1, device="cpu")
    yield made
    made.close()


def weights(race):
    return [value for model in race.models.values() for value in model.state_dict().values()]


def test_start_pause_resume_change_nothing_of_the_result(race):
    whole = live_race("digits", epochs=2, pictures=300, report_every=1, device="cpu").run()
    race.start()
    wait_for(lambda: race.history)
    race.pause()
    wait_for(lambda: race.figure.state == "paused")
    seen = len(race.history)
    time.sleep(0.2)
    assert len(race.history) == seen and race.is_running  # and this thread has gone on meanwhile
    race.resume()
    race.wait()
    assert race.figure.state == "finished"
    assert all(torch.equal(a, b) for a, b in zip(weights(race), weights(whole), strict=True))
    whole.close()


def test_stop_leaves_networks_that_can_be_used(race):
    race.start()
    wait_for(lambda: race.history)
    race.stop()
    assert race.figure.state == "stopped" and not race.is_running
    for model in race.models.values():
        assert not model.training and model(torch.zeros(1, 1, 8, 8)).isfinite().all()


def test_a_second_start_is_refused(race, refused):
    race.start()
    with refused("a race is running", "stop it"):
        race.start()
    race.stop()


@pytest.mark.parametrize(
    ("choice", "value", "fix"),
    [
        ("reduction", 3, "1, 2, 4, 8, 16"),
        ("depth", 7, "6, 8, 20, 56"),
        ("depth", "6", "whole number"),
        ("depth", 6.0, "whole number"),
        ("reduction", True, "whole number"),
        ("epochs", "1", "whole number"),
        ("data_set", 5, "give a name"),
    ],
)
def test_a_choice_out_of_range_or_of_another_type_is_refused(choice, value, fix, refused):
    with refused(f"{choice} is {value!r}", fix):
        Choices(**{choice: value})


def test_choices_may_be_numbers_of_numpy():
    made = live_race("digits", depth=np.int64(8), epochs=np.int32(2), seed=np.uint8(3), device="cpu")
    assert (made.figure.depth, made.figure.epochs, made.figure.seed) == (8, 2, 3)
    made.close()


def test_networks_are_those_of_the_seed_and_no_generator_outside_is_touched(monkeypatch):
    def touched(*arguments, **options):
        raise AssertionError("a generator that belongs to the whole process")

    torch.manual_seed(3)
    wanted = create_model("se_small_resnet", reduction=4, num_classes=10, in_channels=1)
    with monkeypatch.context() as patch:
        for name in ("manual_seed", "set_rng_state"):
            patch.setattr(torch, name, touched)
        for name in ("manual_seed_all", "set_rng_state"):
            patch.setattr(torch.cuda, name, touched)
        before = torch.get_rng_state()
        race = Choices("digits", seed=3, pictures=40).make_race(torch.device("cpu"))
    assert torch.equal(torch.get_rng_state(), before)
    made = race.models["SE"].state_dict()
    assert all(torch.equal(value, made[name]) for name, value in wanted.state_dict().items())


def test_settings_of_the_whole_process_stay_while_a_race_runs(race, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    race.start()
    wait_for(lambda: race.history)
    assert race.is_running and not torch.backends.cudnn.benchmark


def test_an_error_in_the_thread_is_shown_in_one_line(race):
    race.figure.data_set = "folder:/no/such/folder"
    race.start()
    race.wait()
    assert race.figure.state == "failed"
    assert "/no/such/folder does not exist" in race.figure.message and "\n" not in race.figure.message
