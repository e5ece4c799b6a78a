"""The laboratory's graphs train as PyTorch did: no further from its float64 run than its own float32 runs are."""

import json

import numpy as np
import pytest
import torch

from senet_lib.book.contestants import CONTESTANTS
from senet_lib.book.experiments import training_steps
from senet_lib.book.experiments.golden_losses import RECORD, SEED, STEPS, WEIGHTS_AFTER, golden_batches, sample
from senet_lib.export.onnx_training_step import TrainingStep
from senet_lib.export.training_step import schedule, start_state

GOLDEN = json.loads(RECORD.read_text(encoding="utf-8"))
LONG = {"plain-2", "se-2-r4"}  # these for sixty steps; the others for the first ten, which tell a wrong graph
MANY = 60
TWICE = 2


@pytest.fixture(scope="module")
def batches():
    """Pictures from 0 to 1 and labels of the first epoch, and the mean and deviation of the pictures."""
    train = golden_batches()[0]
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (train.mean, train.std))
    pairs = [((x * std + mean).round().contiguous().numpy(), y.numpy()) for x, y in train.epoch(0)]  # all 0 or 1
    return pairs, train.mean, train.std


@pytest.mark.parametrize("contestant", CONTESTANTS, ids=lambda one: one.name)
def test_a_graph_trains_as_pytorch_did(contestant, batches):
    pairs, mean, std = batches
    golden = GOLDEN["first"][contestant.name]
    exact = np.array(golden["float64"]["losses"])
    own = [np.array(golden[kind]["losses"]) for kind in ("float32", "float32, 2 threads")]
    step = TrainingStep(training_steps.FOLDER / f"{contestant.name}.train.onnx", mean, std)
    torch.manual_seed(SEED)
    state = start_state(training_steps.make(contestant))
    losses = []
    rates = schedule(training_steps.RECIPE, STEPS)
    for number in range(MANY if contestant.name in LONG else WEIGHTS_AFTER):
        state, result = step.run(state, *pairs[number], *rates[number])
        losses.append(result.loss)
        if number + 1 == WEIGHTS_AFTER:
            weights = np.array(sample(torch.from_numpy(state.weights)))
    # Other processors round otherwise: the record's own runs of float32 say what rounding does, and no more.
    apart = [np.abs(one - exact) for one in own]
    assert abs(losses[0] - exact[0]) <= TWICE * max(one[0] for one in apart) + 4e-6
    assert losses[:10] == pytest.approx(exact[:10], abs=1e-3)
    assert np.abs(np.array(losses) - exact[: len(losses)]).max() <= TWICE * max(one.max() for one in apart)
    of_pytorch = max(
        np.abs(np.subtract(golden[kind]["weights"], golden["float64"]["weights"])).mean()
        for kind in ("float32", "float32, 2 threads")
    )
    assert np.abs(weights - golden["float64"]["weights"]).mean() <= TWICE * of_pytorch + 1e-4


def test_all_contestants_are_on_record_and_the_two_first_whole():
    assert GOLDEN["first"].keys() == {one.name for one in CONTESTANTS}
    for epochs, accuracies in GOLDEN["whole"]["se-2-r4"].items():
        assert accuracies[-1] >= 0.97, epochs
    for epochs, accuracies in GOLDEN["whole"]["plain-2"].items():
        assert accuracies[-1] < 0.65, epochs
