"""The laboratory's graphs train as PyTorch did: no further from its float64 run than its own float32 runs are."""

import json
from functools import partial

import numpy as np
import pytest
import torch

from senet_lib.book.contestants import CONTESTANTS
from senet_lib.book.experiments import training_steps
from senet_lib.book.experiments.golden_losses import RECORD, SEED, STEPS, WEIGHTS_AFTER, golden_batches, sample
from senet_lib.export.initial_draws import initial_draws
from senet_lib.export.onnx_training_step import Evaluation, TrainingStep
from senet_lib.export.training_step import schedule, start_state

GOLDEN = json.loads(RECORD.read_text(encoding="utf-8"))
LONG = {"plain-2", "se-2-r4"}  # these for a hundred steps; the others for the first ten, which tell a wrong graph
TWICE = 2


@pytest.fixture(scope="module")
def batches():
    """Pictures from 0 to 1 and labels of the first epoch, and the mean and deviation of the pictures."""
    train = golden_batches()[0]
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (train.mean, train.std))
    pairs = [((x * std + mean).round().contiguous().numpy(), y.numpy()) for x, y in train.epoch(0)]  # all 0 or 1
    return pairs, train.mean, train.std


def follow(draws: list, count: int, seed: int) -> np.ndarray:
    """Draw a network's first weights as a page does, with torch's own generator."""
    torch.manual_seed(seed)
    weights = torch.full((count,), torch.nan)
    for kind, length, *numbers, offset in draws:
        drawn = torch.empty(length)
        getattr(drawn, {"uniform": "uniform_", "normal": "normal_", "fill": "fill_"}[kind])(*numbers)
        if offset >= 0:
            weights[offset : offset + length] = drawn
    return weights.numpy()


@pytest.mark.parametrize("contestant", CONTESTANTS, ids=lambda one: one.name)
def test_a_contestants_files_fit_it_and_its_graph_trains_as_pytorch_did(contestant, batches):
    facts = json.loads((training_steps.FOLDER / f"{contestant.name}.json").read_text(encoding="utf-8"))
    assert facts["draws"] == initial_draws(partial(training_steps.make, contestant))
    torch.manual_seed(SEED)
    model = training_steps.make(contestant)
    state = start_state(model)
    assert np.array_equal(follow(facts["draws"], facts["weights"], SEED), state.weights)
    assert np.array_equal(follow(facts["start_statistics"], facts["statistics"], SEED), state.statistics)
    pairs, mean, std = batches
    golden = GOLDEN["first"][contestant.name]
    exact = np.array(golden["float64"]["losses"])
    own = [np.array(golden[kind]["losses"]) for kind in ("float32", "float32, 2 threads")]
    step = TrainingStep(training_steps.FOLDER / f"{contestant.name}.train.onnx", mean, std)
    for graph, kind in ((step, "train"), (Evaluation(training_steps.FOLDER / f"{contestant.name}.test.onnx"), "test")):
        assert (training_steps.FOLDER / f"{contestant.name}.{kind}.onnx").stat().st_size <= 100_000
        assert graph.blocks == facts["blocks"]
        assert [shape for _, shape in graph.layout["weights"]] == [list(one.shape) for one in model.parameters()]
    losses = []
    rates = schedule(training_steps.RECIPE, STEPS)
    for number in range(STEPS if contestant.name in LONG else WEIGHTS_AFTER):
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
