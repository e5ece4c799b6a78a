"""The settings of a recipe do what they say, and are refused out of range."""

import math
from dataclasses import asdict
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn, optim

from senet_lib.training import Recipe, Trainer
from senet_lib.training.device import best_device, fast_half_precision, list_devices, memory_advice, peak_memory_mb
from senet_lib.training.evaluation import RunningMean
from senet_lib.training.recipe import SCHEDULES, make_optimiser, make_schedule


def rates(recipe, steps_per_epoch=2):
    optimiser = make_optimiser(nn.Linear(2, 2).parameters(), recipe)
    schedule = make_schedule(optimiser, recipe, steps_per_epoch)
    seen = []
    for _ in range(recipe.epochs * steps_per_epoch):
        seen.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return seen


def test_the_step_schedule_divides_by_ten():
    recipe = Recipe(epochs=3, learning_rate=0.5, optimiser="sgd", schedule="step", step_epochs=1)
    assert rates(recipe) == pytest.approx([0.5, 0.5, 0.05, 0.05, 0.005, 0.005])


def test_the_constant_schedule_is_constant():
    assert rates(Recipe(epochs=2, learning_rate=0.1, schedule="constant")) == [0.1] * 4


@pytest.mark.parametrize(("name", "kind"), [("adamw", optim.AdamW), ("adam", optim.Adam), ("sgd", optim.SGD)])
def test_each_optimiser_is_torchs(name, kind):
    optimiser = make_optimiser(
        nn.Linear(2, 2).parameters(), Recipe(1, 0.1, weight_decay=0.25, optimiser=name, momentum=0.8)
    )
    assert type(optimiser) is kind and optimiser.param_groups[0]["weight_decay"] == 0.25
    assert optimiser.param_groups[0].get("momentum", 0.8) == 0.8


@pytest.mark.parametrize(
    ("setting", "value", "fix"),
    [
        *(("epochs", wrong, "at least 1") for wrong in (0, -3, 1.5, True)),
        *(("learning_rate", wrong, "above 0") for wrong in (0, -0.1, math.nan, math.inf)),
        *(("weight_decay", wrong, "at least 0") for wrong in (-1, math.nan, math.inf)),
        *(("label_smoothing", wrong, "from 0 to below 1") for wrong in (1, -0.1, math.nan)),
        ("optimiser", "lion", "adamw, adam, sgd"),
        ("schedule", "cosine", "one-cycle, step, constant"),
        ("momentum", 1, "below 1"),
        ("learning_rate", "0.1", "a number above 0"),
        ("weight_decay", True, "a number at least 0"),
        ("clip_norm", 0, "above 0"),
        ("ema_decay", 1, "below 1"),
        ("step_epochs", 0, "at least 1"),
    ],
)
def test_a_setting_out_of_range_is_refused(setting, value, fix, refused):
    with refused(setting, str(value), fix):
        Recipe(**{"epochs": 1, "learning_rate": 0.1, setting: value})


def one_step(**settings):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    before = model[1].weight.detach().clone()
    recipe = Recipe(1, 1.0, weight_decay=0, optimiser="sgd", momentum=0, schedule="constant", **settings)
    trainer = Trainer(model, recipe, 1)
    trainer.start_epoch()
    trainer.step(100 * torch.ones(8, 1, 2, 2), torch.arange(8) % 2)
    trainer.finish_epoch()
    return before, model, trainer


def test_a_clipped_gradient_has_that_norm():
    torch.manual_seed(0)
    bias = nn.Linear(4, 2).bias.detach()
    before, model, _ = one_step(clip_norm=0.5)
    step = torch.cat([(model[1].weight - before).flatten(), model[1].bias - bias]).detach()
    assert step.norm().item() == pytest.approx(0.5, rel=1e-4)


def test_the_average_is_what_is_evaluated_and_what_is_kept():
    _, model, trainer = one_step(ema_decay=0.9)
    trainer.start_epoch()
    trainer.step(torch.ones(8, 1, 2, 2), torch.ones(8, dtype=torch.int64))
    averaged = trainer.evaluated_model.state_dict()
    assert not torch.equal(averaged["1.weight"], model[1].weight)
    trainer.keep_average()
    assert torch.equal(averaged["1.weight"], model[1].weight)


def first_beta_or_momentum(recipe):
    optimiser = make_optimiser(nn.Linear(2, 2).parameters(), recipe)
    schedule = make_schedule(optimiser, recipe, 5)
    seen = []
    for _ in range(5):
        (group,) = optimiser.param_groups
        seen.append(group["betas"][0] if "betas" in group else group["momentum"])
        optimiser.step()
        schedule.step()
    return seen


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("momentum", [0, 0.5, 0.9])
def test_sgd_has_the_momentum_that_is_given(schedule, momentum):
    assert set(first_beta_or_momentum(Recipe(1, 0.1, optimiser="sgd", momentum=momentum, schedule=schedule))) == {
        momentum
    }


@pytest.mark.parametrize("optimiser", ["adam", "adamw"])
def test_one_cycle_moves_the_first_beta_as_it_did_when_the_records_were_made(optimiser):
    betas = first_beta_or_momentum(Recipe(1, 0.1, optimiser=optimiser))
    assert betas[0] == betas[-1] == 0.95 and min(betas) < 0.9


def test_numbers_of_numpy_become_pythons():
    given = Recipe(np.int64(2), np.float32(0.5), clip_norm=np.float64(1), ema_decay=Fraction(1, 2), compile=np.False_)
    kinds = {name: type(value) for name, value in asdict(given).items()}
    assert set(kinds.values()) <= {int, float, str, bool}
    assert given == Recipe(2, 0.5, clip_norm=1.0, ema_decay=0.5)


@pytest.mark.parametrize("name", ["mixed_precision", "compile", "deterministic"])
def test_a_switch_is_true_or_false(name, refused):
    with refused(f"{name} is 'no'", "True or False"):
        Recipe(1, 0.1, **{name: "no"})


def test_the_scaling_of_float16_survives_any_device():
    """A GPU with float16, then a CPU or bfloat16, then float16 again; a run may also begin without."""
    *_, trainer = one_step()
    tensors, facts = trainer.state()
    assert facts["scaler"] == {}
    trainer._scaler = torch.amp.GradScaler("cpu")
    trainer.restore(tensors, facts)
    assert trainer._scaler.get_scale() == 65536
    trainer._scaler.load_state_dict(trainer._scaler.state_dict() | {"scale": 512.0})
    *_, without = one_step()
    without.restore(tensors, trainer.state()[1])
    trainer._scaler = torch.amp.GradScaler("cpu")
    trainer.restore(*without.state())
    assert trainer._scaler.get_scale() == 512


def test_a_cpu_gets_no_16_bits_and_is_always_there():
    assert fast_half_precision(torch.device("cpu")) is None
    assert list_devices()[-1] == "cpu" and best_device().type in {"cuda", "mps", "cpu"}
    assert peak_memory_mb(torch.device("cpu")) > 10


def test_a_full_memory_names_the_batch_size_and_a_smaller_one():
    with pytest.raises(MemoryError, match=r"batch of 64 pictures.*try batch_size 32"), memory_advice(64):
        torch.empty(1 << 60)
    with pytest.raises(RuntimeError, match="shape"), memory_advice(64):
        raise RuntimeError("shapes differ")


def test_top_5_counts_labels_among_the_five_highest():
    logits = torch.arange(7.0).repeat(3, 1)
    mean = RunningMean()
    mean.add(torch.tensor(1.0), logits, torch.tensor([6, 2, 1]))
    assert mean.accuracy == pytest.approx(1 / 3) and mean.top5_accuracy == pytest.approx(2 / 3)
    few = RunningMean()
    few.add(torch.tensor(1.0), logits[:, :4], torch.tensor([0, 1, 2]))
    assert few.top5_accuracy == 1
