"""A training step in a graph is PyTorch's: losses, gradients, weights and statistics, for every kind of network."""

import dataclasses
import json
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from senet_lib.book.contestants import Contestant
from senet_lib.book.experiments import training_steps
from senet_lib.book.experiments.small_attentions import SMALL_ATTENTIONS
from senet_lib.book.experiments.small_worlds import small_resnet_of
from senet_lib.book.experiments.training_gradients import OPTIMISERS, RECORD, gradient_errors
from senet_lib.export.onnx_training_step import Evaluation, TrainingStep
from senet_lib.export.training_step import (
    export_evaluation,
    export_training_step,
    load_state,
    schedule,
    start_state,
    statistics_of,
)
from senet_lib.networks.models import ResNet, create_model, list_models
from senet_lib.networks.residual_blocks import Bottleneck
from senet_lib.networks.squeeze_excitation import NoSqueeze, SqueezeExcitation
from senet_lib.training.recipe import Recipe, make_optimiser, make_schedule

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
BATCH, SIZE = 4, 16
RECIPE = Recipe(epochs=1, learning_rate=0.005, label_smoothing=0.1, weight_decay=0.02)
STEPS = 4
ATTENTIONS = {**SMALL_ATTENTIONS, "no squeeze": partial(NoSqueeze, reduction=4)}


class AllAttentions(nn.Module):
    """Each kind of attention of chapter 11, one after the other: one export is as long as that of a few."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.attentions = nn.ModuleList(make(8) for make in ATTENTIONS.values())
        self.fc = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for attention in self.attentions:
            x = (x + attention(x)) / 2
        return self.fc(x.mean((2, 3)))


KINDS = {
    "all attentions": AllAttentions,
    "se": partial(ResNet, (1,), (8,), (2,), num_classes=3, attention=SMALL_ATTENTIONS["se"]),
    "plain": partial(ResNet, (2,), (8,), (1,), num_classes=3),
    "groups, 7x7 stem with pooling": partial(
        ResNet,
        (1, 1),
        (16, 32),
        (1, 2),
        num_classes=5,
        stem="7x7",
        block=partial(Bottleneck, groups=4, width_per_group=16, placement="pre"),
        attention=partial(SqueezeExcitation, reduction=4),
    ),
    "normalised vectors": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(3 * SIZE**2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)
    ),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def batches(classes: int, count: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.random((count, BATCH, 3, SIZE, SIZE), np.float32), random.integers(classes, size=(count, BATCH))


def in_torch(model: nn.Module, recipe: Recipe, pictures: np.ndarray, labels: np.ndarray) -> list[dict]:
    """What PyTorch's own training says of each step; the gradient is that after it is clipped."""
    model.train()
    optimiser = make_optimiser(model.parameters(), recipe)
    rates = make_schedule(optimiser, recipe, len(pictures))
    mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]
    said = []
    for x, y in zip(torch.from_numpy(pictures), torch.from_numpy(labels), strict=True):
        logits = model((x - mean) / std)
        loss = F.cross_entropy(logits, y, label_smoothing=recipe.label_smoothing)
        optimiser.zero_grad()
        loss.backward()
        if recipe.clip_norm is not None:
            norm = nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
            assert norm > recipe.clip_norm, "there is something to clip"
        gradient = torch.cat([one.grad.flatten() for one in model.parameters()])
        optimiser.step()
        rates.step()
        said.append({"loss": loss.item(), "correct": int((logits.argmax(1) == y).sum()), "gradient": gradient})
    return said


def compare(tmp_path, model: nn.Module, recipe: Recipe = RECIPE) -> None:
    """Train a model in torch and in a graph, and hold one to the other."""
    classes = model.fc.out_features
    path = export_training_step(model, tmp_path / "step.onnx", (3, SIZE, SIZE), recipe, BATCH)
    step = TrainingStep(path, MEAN, STD)
    pictures, labels = batches(classes)
    first = state = start_state(model, recipe.optimiser)
    ours = []
    for x, y, rates in zip(pictures, labels, schedule(recipe, STEPS), strict=True):
        state, result = step.run(state, x, y, *rates)
        ours.append((state, result))
    theirs = in_torch(model, recipe, pictures, labels)
    assert [result.loss for _, result in ours] == pytest.approx([one["loss"] for one in theirs], rel=1e-4)
    assert ours[0][1].loss == pytest.approx(theirs[0]["loss"], abs=1e-6)
    assert ours[0][1].correct == theirs[0]["correct"]
    gradient = theirs[0]["gradient"].numpy()
    assert relative(gradient_of(recipe, first, ours[0][0]), gradient) < 1e-4
    trained = start_state(model)
    # AdamW's first steps are nearly signs: where a gradient is nearly 0, rounding may turn one of many.
    assert np.abs(state.weights - trained.weights).mean() < 1e-5
    assert np.allclose(state.statistics, trained.statistics, atol=1e-4)


def gradient_of(recipe: Recipe, before, after) -> np.ndarray:
    """The gradient of the first step, out of the moments that it left."""
    if recipe.optimiser == "sgd":
        return after.moments - recipe.weight_decay * before.weights
    momentum = schedule(recipe, STEPS)[0][1]
    gradient = after.moments[: len(before.weights)] / np.float32(1 - momentum)
    return gradient - (recipe.weight_decay * before.weights if recipe.optimiser == "adam" else 0)


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


CLIPPED_SGD = dataclasses.replace(RECIPE, optimiser="sgd", clip_norm=0.5)


@pytest.mark.parametrize(
    ("kind", "recipe"), [("all attentions", RECIPE), ("groups, 7x7 stem with pooling", CLIPPED_SGD)]
)
def test_each_kind_of_network_learns_as_in_torch(tmp_path, kind, recipe):
    torch.manual_seed(0)
    compare(tmp_path, KINDS[kind](), recipe)


@pytest.mark.parametrize(("kind", "optimiser"), [*zip(("se", "normalised vectors"), OPTIMISERS, strict=True)])
def test_with_numbers_of_64_bits_the_gradient_is_torchs_to_eleven_digits(kind, optimiser):
    torch.manual_seed(0)
    errors = gradient_errors(KINDS[kind](), optimiser, (3, SIZE, SIZE), BATCH)
    assert errors.graph_64 < 1e-11
    assert errors.graph_32 < 1e-5


def test_the_networks_on_record_lose_no_more_of_their_gradient_than_torch_does():
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))["errors"]
    assert recorded.keys() <= set(list_models()) and len(recorded) >= 8
    for name, of_optimisers in recorded.items():
        for errors in of_optimisers.values():
            assert errors["graph_64"] < 1e-11, name
            assert errors["graph_32"] < max(1e-4, 2 * errors["torch_32"]), name


def test_a_network_of_drawn_depth_width_and_reduction_learns_as_in_torch(tmp_path):
    random = np.random.default_rng(0)
    stages = int(random.integers(1, 4))
    widths = tuple(int(8 * width) for width in random.integers(1, 4, stages))
    depths = tuple(int(depth) for depth in random.integers(1, 3, stages))
    strides = tuple(int(stride) for stride in random.integers(1, 3, stages))
    attention = partial(SqueezeExcitation, reduction=int(random.integers(1, 9)))
    model = ResNet(depths, widths, strides, num_classes=int(random.integers(2, 7)), attention=attention)
    compare(tmp_path, model, dataclasses.replace(RECIPE, optimiser="adam"))


def test_the_evaluation_and_the_gates_are_torchs(tmp_path):
    torch.manual_seed(0)
    model = KINDS["se"]()
    state = start_state(model)
    path = export_evaluation(model, tmp_path / "test.onnx", (3, SIZE, SIZE), BATCH)
    pictures, labels = batches(3, 1)
    seen = []
    model.layer1[0].attention.gate.register_forward_hook(lambda module, inputs, s: seen.append(s.detach().numpy()))
    with torch.no_grad():
        x = (torch.from_numpy(pictures[0]) - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
        logits = model.eval()(x).numpy()
    result = Evaluation(path, MEAN, STD).run(state, pictures[0], labels[0])
    assert np.allclose(result.logits, logits, atol=1e-5)
    assert result.correct == (logits.argmax(1) == labels[0]).sum()
    assert list(result.gates) == ["layer1.0"]
    assert np.allclose(result.gates["layer1.0"], seen[0], atol=1e-6)


def test_a_state_goes_back_into_a_model():
    torch.manual_seed(1)
    trained, other = KINDS["se"](), KINDS["se"]()
    load_state(other, start_state(trained))
    assert all(torch.equal(a, b) for a, b in zip(trained.parameters(), other.parameters(), strict=True))
    with pytest.raises(ValueError, match="numbers where the model has"):
        load_state(KINDS["plain"](), start_state(trained))


# --- the laboratory's contestants -------------------------------------------------------------------------------------


def test_a_contestant_is_the_network_of_the_recorded_experiments():
    same = {
        Contestant(2): partial(create_model, "small_resnet"),
        Contestant(2, 4): partial(create_model, "se_small_resnet"),
        Contestant(6): partial(small_resnet_of, depths=(3, 3)),
    }
    for contestant, make in same.items():
        torch.manual_seed(3)
        ours = training_steps.make(contestant)
        torch.manual_seed(3)
        assert np.array_equal(start_state(ours).weights, start_state(make()).weights)
        assert str(ours) == str(make())


def test_the_same_network_gives_the_same_file(tmp_path):
    made = training_steps.write_contestant(Contestant(2, 4), tmp_path)
    for path in made:
        assert path.read_bytes() == (training_steps.FOLDER / path.name).read_bytes(), path.name


# --- bad input --------------------------------------------------------------------------------------------------------


class WithTopK(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        return self.fc(torch.special.bessel_j0(x.mean((2, 3))))


def with_dropout() -> nn.Module:
    model = KINDS["plain"]()
    model.set_submodule("fc", nn.Sequential(nn.Dropout(0.2), model.fc))
    return model


def frozen() -> nn.Module:
    model = KINDS["plain"]()
    model.layer1[0].conv1.requires_grad_(False)
    return model


def with_cumulative_average() -> nn.Module:
    model = KINDS["plain"]()
    model.bn1.momentum = None
    return model


def with_unused_layer() -> nn.Module:
    model = KINDS["plain"]()
    model.spare = nn.Linear(2, 2)
    return model


REFUSED = {
    "fc.0, a Dropout, draws random numbers": with_dropout,
    "layer1.0.conv1.weight is frozen": frozen,
    "bn1 keeps no running average": with_cumulative_average,
    "spare.weight gets no gradient": with_unused_layer,
    "the model has no parameters": nn.Flatten,
    "the model cannot be trained in a graph": WithTopK,
    "the model does not run on": partial(nn.Linear, 5, 5),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_cannot_be_in_a_graph_is_named(tmp_path, said):
    with pytest.raises(ValueError, match=said) as error:
        export_training_step(REFUSED[said](), tmp_path / "step.onnx", (3, SIZE, SIZE), RECIPE, BATCH)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_wrong_file_a_wrong_shape_and_an_average_are_refused(tmp_path):
    step = TrainingStep(training_steps.FOLDER / "plain-2.train.onnx")
    state = start_state(create_model("small_resnet"))
    x, y = np.zeros((32, 3, 32, 32), np.float32), np.zeros(32, np.int64)
    with pytest.raises(ValueError, match=r"the pictures are float32 of shape \(31, 3, 32, 32\); this file needs"):
        step.run(state, x[:31], y, 0.1)
    with pytest.raises(ValueError, match="the labels have shape"):
        step.run(state, x, y[:5], 0.1)
    with pytest.raises(ValueError, match="weights has shape"):
        step.run(start_state(create_model("se_small_resnet")), x, y, 0.1)
    with pytest.raises(ValueError, match="mean has shape"):
        TrainingStep(training_steps.FOLDER / "plain-2.train.onnx", mean=[0.5])
    with pytest.raises(ValueError, match="cannot be read"):
        TrainingStep(tmp_path / "nothing.onnx")
    with pytest.raises(ValueError, match="has no output 'new_weights'"):
        TrainingStep(training_steps.FOLDER / "plain-2.test.onnx")
    with pytest.raises(ValueError, match="ema_decay is"):
        export_training_step(create_model("small_resnet"), tmp_path / "a", (3, 32, 32), Recipe(1, 0.1, ema_decay=0.9))


def test_statistics_leave_out_the_count_of_batches():
    assert all("num_batches" not in name for name in statistics_of(KINDS["plain"]()))
