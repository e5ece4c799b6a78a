"""How a network is trained: the settings, and the optimiser and the schedule that they stand for.

The defaults are the book's own short recipe: AdamW and one cycle of the learning rate (Smith and Topin, arXiv
1708.07120). The paper trains with SGD, momentum 0.9, and divides the rate by 10 every 30 epochs (Section 5.1): that is
``optimiser="sgd", schedule="step"``.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, optim
from torch.optim import Optimizer, lr_scheduler

from senet_lib.common.validation import is_number, is_whole, require_choice, require_whole

OPTIMISERS = ("adamw", "adam", "sgd")
SCHEDULES = ("one-cycle", "step", "constant")


@dataclass(frozen=True)
class Recipe:
    """How to train a classifier with cross-entropy.

    Attributes:
        epochs: passes over the training set, at least 1.
        learning_rate: the peak of the cycle, or the rate to start with; above 0.
        weight_decay: at least 0. With "adamw" per step as a share of the learning rate, else as a term of the gradient.
        label_smoothing: from 0 up to, but not including, 1.
        optimiser: "adamw", "adam" or "sgd".
        momentum: of "sgd", from 0 to below 1, in every schedule.
        schedule: of the learning rate: "one-cycle"; "step", a tenth after each ``step_epochs``; or "constant". As torch
            has it, one cycle also moves the first beta of "adamw" and "adam", from 0.95 to 0.85 and back.
        step_epochs: at least 1.
        clip_norm: largest norm of the gradient of all parameters together, above 0; None for any.
        ema_decay: evaluate, and keep in the end, an exponential moving average of the weights with this decay a step,
            above 0 and below 1; None for the weights themselves.
        mixed_precision: compute in 16 bits where the device is a GPU that is fast at it. On a CPU it changes nothing.
        compile: let ``torch.compile`` make faster code; the first steps then take a minute.
        deterministic: use only operations that give the same bits each time, also on a GPU.

    Numbers of NumPy are taken, and kept as Python's.

    Raises:
        ValueError: if a setting is out of range.
    """

    epochs: int
    learning_rate: float
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    optimiser: str = "adamw"
    momentum: float = 0.9
    schedule: str = "one-cycle"
    step_epochs: int = 30
    clip_norm: float | None = None
    ema_decay: float | None = None
    mixed_precision: bool = True
    compile: bool = False
    deterministic: bool = False

    def __post_init__(self) -> None:
        require_whole("epochs", self.epochs)
        require_whole("step_epochs", self.step_epochs)
        require_choice("optimiser", self.optimiser, OPTIMISERS)
        require_choice("schedule", self.schedule, SCHEDULES)
        _require("learning_rate", self.learning_rate, lambda one: 0 < one < math.inf, "above 0, and finite")
        _require("weight_decay", self.weight_decay, lambda one: 0 <= one < math.inf, "at least 0, and finite")
        _require("label_smoothing", self.label_smoothing, lambda one: 0 <= one < 1, "from 0 to below 1")
        _require("momentum", self.momentum, lambda one: 0 <= one < 1, "from 0 to below 1")
        for name in ("mixed_precision", "compile", "deterministic"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be True or False")
        if self.clip_norm is not None:
            _require("clip_norm", self.clip_norm, lambda one: 0 < one < math.inf, "above 0, and finite, or None")
        if self.ema_decay is not None:
            _require("ema_decay", self.ema_decay, lambda one: 0 < one < 1, "above 0 and below 1, or None")
        for name, value in vars(self).items():  # a checkpoint's JSON holds Python's numbers only
            object.__setattr__(self, name, _plain(value))


def make_optimiser(parameters: Iterable[Tensor], recipe: Recipe) -> Optimizer:
    """The recipe's optimiser for these parameters."""
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimiser == "sgd":
        return optim.SGD(parameters, lr=rate, momentum=recipe.momentum, weight_decay=decay)
    if recipe.optimiser == "adam":
        return optim.Adam(parameters, lr=rate, weight_decay=decay)
    return optim.AdamW(parameters, lr=rate, weight_decay=decay)


def make_schedule(optimiser: Optimizer, recipe: Recipe, steps_per_epoch: int) -> lr_scheduler.LRScheduler:
    """The recipe's schedule; it moves once a step, not once an epoch."""
    if recipe.schedule == "step":
        return lr_scheduler.StepLR(optimiser, recipe.step_epochs * steps_per_epoch, gamma=0.1)
    if recipe.schedule == "constant":
        return lr_scheduler.ConstantLR(optimiser, factor=1.0, total_iters=0)
    return lr_scheduler.OneCycleLR(
        optimiser,
        recipe.learning_rate,
        total_steps=recipe.epochs * steps_per_epoch,
        cycle_momentum=recipe.optimiser != "sgd",
    )


def _plain(value: Any) -> Any:
    if is_whole(value):
        return int(value)
    return float(value) if is_number(value) else bool(value) if isinstance(value, np.bool_) else value


def _require(name: str, value: Any, holds: Callable[[float], bool], allowed: str) -> None:
    if not is_number(value) or not holds(value):
        raise ValueError(f"{name} is {value!r}; it must be a number {allowed}")
