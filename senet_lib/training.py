"""One training loop for any classifier: a generator that yields statistics and prints nothing.

Printing, plotting and logging are consumers of :func:`fit`. Batches come from :class:`senet_lib.batches.Batches`, or
from anything with ``epoch(number)`` that yields pairs (pictures, labels).
"""

import copy
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet_lib.validation import require_whole

Batch = tuple[Tensor, Tensor]


class EpochBatches(Protocol):
    """What :func:`fit` trains on: a known number of batches, and the batches of epoch 0, 1, 2, …"""

    def __len__(self) -> int: ...

    def epoch(self, number: int) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Recipe:
    """How to train: AdamW, one cycle of the learning rate, cross-entropy.

    Attributes:
        epochs: passes over the training set, at least 1.
        learning_rate: the peak of the cycle, above 0.
        weight_decay: decay per step as a share of the learning rate (AdamW), at least 0.
        label_smoothing: from 0 up to, but not including, 1.
    """

    epochs: int
    learning_rate: float
    weight_decay: float = 0.01
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        require_whole("epochs", self.epochs)
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0, and finite")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay is {self.weight_decay}; it must be at least 0, and finite")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing is {self.label_smoothing}; it must be from 0 to below 1")


@dataclass(frozen=True)
class Evaluation:
    """Averages over pictures, not over batches.

    Attributes:
        loss: mean cross-entropy in nats.
        accuracy: share of pictures whose highest logit is the label, 0 to 1.
    """

    loss: float
    accuracy: float


@dataclass(frozen=True)
class EpochStats:
    """What one epoch gave.

    Attributes:
        epoch: 1 for the first.
        train_loss: mean over the pictures of the epoch while the weights moved, in nats.
        train_accuracy: the same for accuracy, 0 to 1.
        test_loss: after the epoch, on the test set, in nats.
        test_accuracy: the same for accuracy, 0 to 1.
        seconds: time for the epoch's training, without the test.
        pictures_per_second: training speed.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float
    pictures_per_second: float


class DivergedError(ArithmeticError):
    """The loss is no longer a finite number. The model has the weights of the last good epoch."""


def fit(model: nn.Module, train: EpochBatches, test: Iterable[Batch], recipe: Recipe) -> Iterator[EpochStats]:
    """Train a classifier in place and yield the statistics of each epoch.

    The model must be on the device of the batches. It is in evaluation mode whenever the generator is not
    running an epoch, also after an interruption (Ctrl-C) or an error, so that it can be used at once.

    Args:
        model: maps pictures (B, C, H, W) to logits (B, number of classes).
        train: the batches to learn from.
        test: the batches to measure on after each epoch.
        recipe: how to train.

    Yields:
        One ``EpochStats`` an epoch.

    Raises:
        DivergedError: as soon as a loss is NaN or infinite. The message names the step. The model gets back the
            weights that it had at the end of the last good epoch, or at the start.
    """
    try:
        yield from _fit(model, train, test, recipe)
    finally:
        model.eval()


def _fit(model: nn.Module, train: EpochBatches, test: Iterable[Batch], recipe: Recipe) -> Iterator[EpochStats]:
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.epochs * len(train)
    )
    for epoch in range(recipe.epochs):
        good_weights = copy.deepcopy(model.state_dict())
        start = time.perf_counter()
        model.train()
        try:
            learned = _train_epoch(model, train, epoch, optimiser, schedule, recipe)
            seconds = time.perf_counter() - start
            model.eval()
            tested = evaluate(model, test)
            _check_finite(tested.loss, (epoch + 1) * len(train), epoch, recipe)
        except DivergedError:
            model.load_state_dict(good_weights)
            raise
        yield EpochStats(
            epoch=epoch + 1,
            train_loss=learned.loss,
            train_accuracy=learned.accuracy,
            test_loss=tested.loss,
            test_accuracy=tested.accuracy,
            seconds=seconds,
            pictures_per_second=learned.pictures / seconds,
        )


def require_device(name: str | torch.device) -> torch.device:
    """The device of this name, if this machine has it."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"device is {str(name)!r}, which torch cannot use on this machine; try 'cpu'") from error
    return device


@torch.inference_mode()
def evaluate(model: nn.Module, batches: Iterable[Batch]) -> Evaluation:
    """Loss and accuracy of a classifier in evaluation mode. Its mode afterwards is the one from before.

    Raises:
        ValueError: if there are no pictures.
    """
    was_training = model.training
    model.eval()
    mean = _Mean()
    try:
        for pictures, labels in batches:
            logits = model(pictures)
            mean.add(F.cross_entropy(logits, labels), logits, labels)
    finally:
        model.train(was_training)
    return Evaluation(mean.loss, mean.accuracy)


def _train_epoch(
    model: nn.Module,
    train: EpochBatches,
    epoch: int,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    recipe: Recipe,
) -> "_Mean":
    mean = _Mean()
    for step, (pictures, labels) in enumerate(train.epoch(epoch), start=epoch * len(train) + 1):
        logits = model(pictures)
        loss = F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        _check_finite(loss.item(), step, epoch, recipe)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        mean.add(loss, logits, labels)
    return mean


def _check_finite(loss: float, step: int, epoch: int, recipe: Recipe) -> None:
    if not math.isfinite(loss):
        raise DivergedError(
            f"the loss is {loss} at step {step} (epoch {epoch + 1}); the model has its weights from before this epoch; "
            f"try a learning rate below {recipe.learning_rate:g}"
        )


class _Mean:
    """Sums over pictures."""

    def __init__(self) -> None:
        self.pictures = 0
        self._loss: Tensor | float = 0.0
        self._correct: Tensor | int = 0

    def add(self, mean_loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        self.pictures += len(labels)
        self._loss = self._loss + mean_loss.detach() * len(labels)
        self._correct = self._correct + (logits.detach().argmax(1) == labels).sum()

    @property
    def loss(self) -> float:
        return float(self._loss) / self._count()

    @property
    def accuracy(self) -> float:
        return int(self._correct) / self._count()

    def _count(self) -> int:
        if self.pictures == 0:
            raise ValueError("there are no pictures to average over")
        return self.pictures
