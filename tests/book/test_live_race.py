"""The race behind the live figure: it obeys within a step, and leaves networks to use."""

import time

import pytest
import torch

from senet_lib.book.figures.live.live_race import live_race


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


def test_a_choice_out_of_range_is_refused(refused):
    with refused("reduction is '3'", "1, 2, 4, 8, 16"):
        live_race("digits", reduction=3)


def test_an_error_in_the_thread_is_shown_in_one_line(race):
    race.figure.data_set = "folder:/no/such/folder"
    race.start()
    race.wait()
    assert race.figure.state == "failed"
    assert "/no/such/folder does not exist" in race.figure.message and "\n" not in race.figure.message
