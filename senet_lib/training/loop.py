"""One training loop for any classifier: a generator that yields statistics and prints nothing.

Printing, plotting and logging are consumers of :func:`fit`. Batches come from :class:`senet_lib.data.Batches`, from
``StreamedBatches`` in ``senet_lib.data.streaming``, or from anything with ``epoch(number)`` that yields (pictures,
labels).
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from senet_lib.common.torch_modules import unwrap
from senet_lib.data.epoch_plan import Batch
from senet_lib.training.checkpoints import Checkpoint, Tensors, load_newest, require_writable, save_checkpoint
from senet_lib.training.device import peak_memory_mb, reset_peak_memory
from senet_lib.training.distributed import is_first_process, require_same, share_buffers
from senet_lib.training.evaluation import RunningMean, evaluate
from senet_lib.training.recipe import Recipe
from senet_lib.training.trainer import Trainer


class EpochBatches(Protocol):
    """What :func:`fit` trains on: a known number of batches, and the batches of epoch 0, 1, 2, …

    If it also has ``fingerprint()``, a text that changes with the pictures, a run is not resumed on other pictures.
    """

    def __len__(self) -> int: ...

    def epoch(self, number: int) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class EpochStats:
    """What one epoch gave.

    Attributes:
        epoch: 1 for the first.
        train_loss: mean over the pictures of the epoch while the weights moved, in nats.
        train_accuracy: the same for accuracy, 0 to 1.
        test_loss: after the epoch, on the test set, in nats.
        test_accuracy: the same for accuracy, 0 to 1.
        test_top5_accuracy: the same for the five highest logits, 0 to 1.
        seconds: time for the epoch's training, without the test.
        pictures_per_second: training speed.
        peak_memory_mb: on a GPU the most that torch has held in this epoch, elsewhere the most that the process has
            held since it began, in 10^6 bytes; not a number where the system does not tell.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    test_top5_accuracy: float
    seconds: float
    pictures_per_second: float
    peak_memory_mb: float

    @property
    def goodness(self) -> tuple[float, float]:
        """What the best epoch has most of: test accuracy, and of equals the lowest test loss has it."""
        return self.test_accuracy, -self.test_loss


OnStep = Callable[[RunningMean], None]


def fit(
    model: nn.Module,
    train: EpochBatches,
    test: Iterable[Batch],
    recipe: Recipe,
    *,
    checkpoints: str | Path | None = None,
    keep_all: bool = False,
    on_step: OnStep | None = None,
) -> Iterator[EpochStats]:
    """Train a classifier in place and yield the statistics of each epoch.

    The model must be on the device of the batches. It is in evaluation mode whenever the generator is not
    running an epoch, also after an interruption (Ctrl-C) or an error, so that it can be used at once: it keeps what it
    has learned in this epoch, unless weights have become NaN or infinite; then it has those from before it.

    Args:
        model: maps pictures (B, C, H, W) to logits (B, number of classes).
        train: the batches to learn from.
        test: the batches to measure on after each epoch.
        recipe: how to train.
        checkpoints: a folder for this run. After each epoch its state is kept there; started again with the same
            arguments, the run goes on after the last finished epoch and ends, on a CPU, with the same bits as if
            nothing had happened. It yields the statistics of the earlier epochs first. The weights that were
            evaluated are in ``weights.safetensors``, or with ``ema_decay`` in ``averaged.safetensors``: see
            ``senet_lib.training.checkpoints``.
        keep_all: keep the checkpoints of all epochs, not only the newest.
        on_step: called after each step with the epoch's mean so far. On a GPU, reading a loss or an accuracy from it
            waits for the device, so do that now and then only.

    Yields:
        One ``EpochStats`` an epoch.

    Raises:
        DivergedError: as soon as a loss is seen to be NaN or infinite. The message names the step. The model gets back
            the weights that it had at the end of the last good epoch, or at the start.
        ValueError: if the checkpoint belongs to another network, another recipe or other pictures, or is damaged; the
            model has no parameters, or all are frozen; train has no epochs of batches; or there is nothing in train or
            in test.
        OSError: if a checkpoint cannot be written. Where that can be known, it is said before the first epoch. The
            earlier one is whole, and the model keeps what it has learned.
        MemoryError: if a batch does not fit into memory. The message says which size to try.
    """
    try:
        yield from _fit(model, train, test, recipe, Path(checkpoints) if checkpoints else None, keep_all, on_step)
    finally:
        model.eval()


def _fit(
    model: nn.Module,
    train: EpochBatches,
    test: Iterable[Batch],
    recipe: Recipe,
    folder: Path | None,
    keep_all: bool,
    on_step: OnStep | None,
) -> Iterator[EpochStats]:
    _require_batches(train, test)
    trainer = Trainer(model, recipe, len(train))
    history = _resume(trainer, train, folder) if folder else []
    require_same("batches in an epoch", len(train))
    require_same("finished epochs", len(history))
    if folder and is_first_process() and len(history) < recipe.epochs:
        require_writable(folder)
    yield from history
    for epoch in range(len(history), recipe.epochs):
        with repeatable(recipe.deterministic), left_usable(trainer):
            stats = _run_epoch(trainer, train, test, epoch, on_step)
        history.append(stats)
        if folder and is_first_process():
            save_checkpoint(folder, epoch + 1, _checkpoint(trainer, train, history), keep_all)
        yield stats
    trainer.keep_average()


def _require_batches(train: Any, test: Any) -> None:
    if not hasattr(train, "epoch") or not hasattr(train, "__len__"):
        raise ValueError(
            f"train is a {type(train).__name__}; give Batches, or anything with len() and epoch(number) that yields "
            "(pictures, labels)"
        )
    for name, batches in (("train", train), ("test", test)):
        if hasattr(batches, "__len__") and len(batches) == 0:
            raise ValueError(f"{name} has no batches; give at least one")


def _run_epoch(
    trainer: Trainer, train: EpochBatches, test: Iterable[Batch], epoch: int, on_step: OnStep | None
) -> EpochStats:
    device = trainer.device
    reset_peak_memory(device)
    mean = RunningMean()
    start = time.perf_counter()
    trainer.start_epoch()
    for pictures, labels in train.epoch(epoch):
        mean.add(*trainer.step(pictures, labels), labels)
        if on_step is not None:
            on_step(mean)
    trainer.finish_epoch()
    seconds = time.perf_counter() - start
    # One, unless weights are averaged; in the same order in all processes, which a set would not have.
    for shared in dict.fromkeys((unwrap(trainer.model), trainer.evaluated_model)):
        share_buffers(shared)
    mean.gather()
    tested = evaluate(trainer.evaluated_model, test)
    trainer.require_finite_test(tested.loss, test)
    return EpochStats(
        epoch=epoch + 1,
        train_loss=mean.loss,
        train_accuracy=mean.accuracy,
        test_loss=tested.loss,
        test_accuracy=tested.accuracy,
        test_top5_accuracy=tested.top5_accuracy,
        seconds=seconds,
        pictures_per_second=mean.pictures / seconds,
        peak_memory_mb=peak_memory_mb(device),
    )


def _checkpoint(trainer: Trainer, train: EpochBatches, history: list[EpochStats]) -> Checkpoint:
    tensors, facts = trainer.state()
    facts |= {
        "recipe": asdict(trainer.recipe),
        "pictures": _fingerprint(train),
        "history": [asdict(stats) for stats in history],
    }
    averaged = trainer.evaluated_model.state_dict() if trainer.recipe.ema_decay is not None else None
    return Checkpoint(unwrap(trainer.model).state_dict(), tensors, facts, averaged)


def _resume(trainer: Trainer, train: EpochBatches, folder: Path) -> list[EpochStats]:
    """Take up the newest checkpoint, if there is one: the statistics of the finished epochs."""
    checkpoint = load_newest(folder)
    if checkpoint is None:
        return []
    _require_same_run(checkpoint, trainer, train, folder)
    unwrap(trainer.model).load_state_dict(dict(checkpoint.weights))
    if trainer.recipe.ema_decay is not None:
        if checkpoint.averaged is None:
            raise ValueError(f"the newest checkpoint in {folder} lacks its averaged weights; delete it, and run again")
        trainer.evaluated_model.load_state_dict(dict(checkpoint.averaged))
    trainer.restore(dict(checkpoint.training), checkpoint.facts)
    return [EpochStats(**stats) for stats in checkpoint.facts["history"]]


def _require_same_run(checkpoint: Checkpoint, trainer: Trainer, train: EpochBatches, folder: Path) -> None:
    elsewhere = "choose another folder for this run"
    then, now = checkpoint.facts["recipe"], asdict(trainer.recipe)
    for name in now:
        if then.get(name) != now[name]:
            raise ValueError(
                f"the run in {folder} has {name} {then.get(name)!r}, but you ask for {now[name]!r}; {elsewhere}"
            )
    if checkpoint.facts["pictures"] != _fingerprint(train):
        raise ValueError(
            f"the run in {folder} has learned from other pictures, or other batches, than these; bring them back, or "
            f"{elsewhere}"
        )
    own, theirs = _shapes(unwrap(trainer.model).state_dict()), _shapes(checkpoint.weights)
    differ = [
        name for name in [*own, *(name for name in theirs if name not in own)] if own.get(name) != theirs.get(name)
    ]
    if differ:
        raise ValueError(
            f"the run in {folder} trains another network: {len(differ)} tensors do not fit, the first is {differ[0]} "
            f"with {theirs.get(differ[0], 'no')} there and {own.get(differ[0], 'none')} here; {elsewhere}"
        )


def _shapes(tensors: Tensors) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _fingerprint(train: EpochBatches) -> str | None:
    fingerprint = getattr(train, "fingerprint", None)
    return f"{len(train)} batches of {fingerprint()}" if fingerprint else None


@contextmanager
def repeatable(deterministic: bool) -> Iterator[None]:
    """On a GPU: the same bits each time, or else the fastest convolutions.

    These settings are the whole process's, so they hold only for a while, and never while other code may run.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    try:
        if deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, cuBLAS refuses
            torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = not deterministic
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.benchmark = benchmark


@contextmanager
def left_usable(*trainers: Trainer) -> Iterator[None]:
    """However a block is left before its end, the models can be used."""
    try:
        yield
    except BaseException:
        for trainer in trainers:
            with suppress(RuntimeError):  # of a device that is lost; the error that lost it is the one to show
                trainer.leave()
        raise
