"""The laboratory's kernel: it trains as the experiments do, up to the step that is wanted, and says what is wrong."""

import time

import pytest
import torch

from senet_lib.book.contestants import CONTESTANTS
from senet_lib.book.experiments.training_steps import make
from senet_lib.book.figures.live.live_laboratory import ContestantTraining, live_laboratory
from senet_lib.data import PictureSet, train_and_test_batches
from senet_lib.data.context_world import SHAPES
from senet_lib.data.distance_world import DistanceWorld
from senet_lib.training import Recipe, fit

JOB = {
    **{"name": "se-2-r4", "gap": 12, "seed": 3, "epochs": 2, "pictures": 128, "testPictures": 100},
    **{"learningRate": 0.005, "schedule": "one-cycle"},
}


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_a_contestant_trains_as_the_experiments_do():
    worlds = [DistanceWorld.generate(count, seed, 12) for count, seed in ((128, 0), (100, 1))]
    sets = [PictureSet(*map(torch.from_numpy, (one.pictures, one.labels)), SHAPES, "scenes") for one in worlds]
    train, test = train_and_test_batches(*sets, 32, seed=3)
    torch.manual_seed(3)
    model = make(next(one for one in CONTESTANTS if one.name == "se-2-r4"))
    expected = list(fit(model.to(memory_format=torch.channels_last), train, test, Recipe(2, 0.005)))
    training = ContestantTraining(JOB, torch.device("cpu"))
    while not training.is_over:
        training.advance()
    means = [sum(training.losses[start : start + 4]) / 4 for start in (0, 4)]
    assert means == pytest.approx([epoch.train_loss for epoch in expected], abs=1e-6)
    assert training.tests == pytest.approx([epoch.test_accuracy for epoch in expected])
    assert {block: len(rows) for block, rows in training.describe()["gates"].items()} == {"layer1.0": 3, "layer2.0": 3}


def test_requests_hold_and_end_a_run_and_what_fails_is_told():
    figure = live_laboratory(device="cpu")

    def ask(run_id: str, until: int, phase: str, job: dict = JOB) -> dict:
        figure.request_b = {"id": run_id, "job": job, "until": until}
        wait_for(lambda: [figure.report_b.get(name) for name in ("id", "until", "phase")] == [run_id, until, phase])
        return figure.report_b

    assert ask("first", 0, "paused")["step"] == 0
    assert ask("first", 1, "paused")["step"] == 1
    whole = ask("first", 1000, "finished")
    assert whole["step"] == whole["steps"] == 8 and len(whole["tests"]) == 2
    assert ask("second", 1, "paused")["losses"] == whole["losses"][:1]
    diverged = ask("third", 1000, "diverged", JOB | {"learningRate": 1e30})
    assert f"at step {diverged['step']}:" in diverged["message"] and len(diverged["losses"]) == diverged["step"] - 1
    assert (
        "there is no contestant 'other'; there are plain-2"
        in ask("fourth", 0, "failed", JOB | {"name": "other"})["message"]
    )
    state = figure._plain_state()
    assert state["kernel"] is False and state["request_b"] == state["report_b"] == {}
    figure.close()
