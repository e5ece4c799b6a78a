"""Two or more networks trained in lock step on the same batches: a race that can be watched, stopped and recorded.

Each batch is drawn once and given to every network in turn, each with an optimiser of its own. So what differs between
the lanes is the networks, and nothing else; each ends with the weights that it would have got from
:func:`senet_lib.training.fit` alone. Only layers that draw random numbers (dropout) part from that, because all lanes
draw from torch's one generator.
"""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.common.validation import require_whole
from senet_lib.data.epoch_plan import Batch
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from senet_lib.training.device import wait_for
from senet_lib.training.evaluation import RunningMean
from senet_lib.training.loop import EpochBatches, left_usable, repeatable
from senet_lib.training.recipe import Recipe
from senet_lib.training.trainer import DivergedError, Trainer

# A race reports about so many times, however long it is: enough for a smooth curve, and little to send to a browser.
REPORTS = 200
# Stands in an array for a number that there is not: a test accuracy within an epoch, a spread without gates.
NOTHING = -1.0


@dataclass(frozen=True)
class LaneStats:
    """How one network of a race is doing.

    Attributes:
        name: of the network.
        loss: mean over the pictures since the last report, while the weights moved, in nats.
        accuracy: the same for accuracy, 0 to 1.
        test_accuracy: on the test set after an epoch, 0 to 1; None in reports within an epoch.
        pictures_per_second: training speed since the last report, from the time of this network's own steps.
        gate_spread: how much the gates differ from picture to picture: the standard deviation of each gate over the
            pictures of the newest batch, averaged over the channels of a block and then over the blocks. 0 means that
            every picture gets the same gates. None for a network without ``SqueezeExcitation``, or a compiled one.
    """

    name: str
    loss: float
    accuracy: float
    test_accuracy: float | None
    pictures_per_second: float
    gate_spread: float | None


@dataclass(frozen=True)
class RaceStats:
    """How a race is going.

    Attributes:
        step: steps that each network has made.
        steps: steps that each will make.
        epoch: 1 in the first.
        epochs: how many there will be.
        lanes: the networks, in the race's order.
        seconds: time spent on training and testing; pauses do not count.
        seconds_left: what is left at the pace so far. Before the first test it leaves the tests out.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    lanes: tuple[LaneStats, ...]
    seconds: float
    seconds_left: float


class TrainingRace:
    """Trains networks in lock step on the same batches.

    Args:
        models: the networks by name, two or more, on the same device as the batches; trained in place.
        train: the batches to learn from.
        test: the batches to measure on after each epoch.
        recipe: how to train, for all alike.
        report_every: steps between reports, at least 1; None for about 200 reports in all.

    Raises:
        ValueError: if there are fewer than two networks, or they share parameters or are on different devices.
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        train: EpochBatches,
        test: Iterable[Batch],
        recipe: Recipe,
        *,
        report_every: int | None = None,
    ):
        self.models = dict(models)
        _require_apart(self.models)
        self.train = train
        self.test = test
        self.recipe = recipe
        self.total_steps = recipe.epochs * len(train)
        self.report_every = max(1, self.total_steps // REPORTS) if report_every is None else report_every
        require_whole("report_every", self.report_every)

    def run(self) -> Generator[RaceStats, None, None]:
        """Train, and yield a report every ``report_every`` steps and after each epoch.

        However it ends (finished, closed, interrupted, with an error), all networks are in evaluation mode and keep
        what they have learned.

        Raises:
            DivergedError: if a network's loss is not finite. The message names the network.
            MemoryError: if a batch does not fit into memory.
        """
        with closing(self.steps()) as steps:
            while True:
                try:
                    with repeatable(self.recipe.deterministic):
                        stats = next(steps)
                except StopIteration:
                    return
                if stats is not None:
                    yield stats

    def steps(self) -> Generator[RaceStats | None, None, None]:
        """As :meth:`run`, but yields after every step and every test batch: a report if one is due, else None.

        So whoever asks for the next one can pause the race, or stop it, between any two steps. It may be asked in a
        thread: torch's settings for the whole process stay as they are, and ``Recipe.deterministic`` is for ``run``.
        """
        try:
            yield from _Progress(self).run()
        finally:
            for model in self.models.values():
                model.eval()


class _Progress:
    """Where a race is. Only the time inside it counts, so that a pause does not."""

    def __init__(self, race: TrainingRace):
        self.race = race
        self.step = self.epoch = 0
        self.seconds = {"training": 0.0, "testing": 0.0}
        self.resumed = time.perf_counter()

    def run(self) -> Iterator[RaceStats | None]:
        race = self.race
        lanes = [_Lane(name, Trainer(model, race.recipe, len(race.train))) for name, model in race.models.items()]
        with left_usable(*(lane.trainer for lane in lanes)):
            for epoch in range(race.recipe.epochs):
                yield from self._train(lanes, epoch)
                yield from self._test(lanes)
                self.epoch = epoch + 1
                yield from self._hand_over("testing", lanes)
        for lane in lanes:
            lane.trainer.keep_average()

    def _train(self, lanes: list["_Lane"], epoch: int) -> Iterator[RaceStats | None]:
        race = self.race
        for lane in lanes:
            lane.trainer.start_epoch()
        for pictures, labels in race.train.epoch(epoch):
            is_last = self.step + 1 == (epoch + 1) * len(race.train)
            is_due = (self.step + 1) % race.report_every == 0 and not is_last
            for lane in lanes:
                lane.learn(pictures, labels, watch_gates=is_due or is_last)
            self.step += 1
            yield from self._hand_over("training", lanes if is_due else ())

    def _test(self, lanes: list["_Lane"]) -> Iterator[RaceStats | None]:
        for lane in lanes:
            lane.start_test()
        for pictures, labels in self.race.test:
            for lane in lanes:
                lane.test(pictures, labels)
            yield from self._hand_over("testing")
        for lane in lanes:
            lane.finish_test(self.race.test)

    def _hand_over(self, phase: str, lanes: Sequence["_Lane"] = ()) -> Iterator[RaceStats | None]:
        """A report of these lanes, None without lanes; until somebody asks for the next one the clock stands."""
        self.seconds[phase] += time.perf_counter() - self.resumed
        yield self._report(lanes) if lanes else None
        self.resumed = time.perf_counter()

    def _report(self, lanes: Sequence["_Lane"]) -> RaceStats:
        total, epochs = self.race.total_steps, self.race.recipe.epochs
        left = self.seconds["training"] / self.step * (total - self.step)
        if self.epoch:
            left += self.seconds["testing"] / self.epoch * (epochs - self.epoch)
        epoch = (self.step - 1) // len(self.race.train) + 1
        reports = tuple(lane.report() for lane in lanes)
        return RaceStats(self.step, total, epoch, epochs, reports, sum(self.seconds.values()), left)


class _Lane:
    """One network of a race with its trainer, and what it has done since its last report."""

    def __init__(self, name: str, trainer: Trainer):
        self.name = name
        self.trainer = trainer
        self._since_report = RunningMean()
        self._seconds = 0.0
        self._gate_spread: float | None = None
        self._tested: RunningMean | None = None

    def learn(self, pictures: Tensor, labels: Tensor, watch_gates: bool) -> None:
        start = time.perf_counter()
        with self._named(), _watched_gates(self.trainer.model, watch_gates) as gates:
            self._since_report.add(*self.trainer.step(pictures, labels), labels)
        wait_for(self.trainer.device)
        self._seconds += time.perf_counter() - start
        self._gate_spread = _spread(gates)

    def start_test(self) -> None:
        with self._named():
            self.trainer.finish_epoch()
        self._tested = RunningMean()

    @torch.inference_mode()
    def test(self, pictures: Tensor, labels: Tensor) -> None:
        assert self._tested is not None
        with self._named():
            self._tested.test(self.trainer.evaluated_model, pictures, labels)

    def finish_test(self, test: Iterable[Batch]) -> None:
        assert self._tested is not None
        with self._named():
            self.trainer.require_finite_test(self._tested.loss, test)

    def report(self) -> LaneStats:
        mean, self._since_report = self._since_report, RunningMean()
        tested, self._tested = self._tested, None
        seconds, self._seconds = self._seconds, 0.0
        return LaneStats(
            name=self.name,
            loss=mean.loss,
            accuracy=mean.accuracy,
            test_accuracy=tested.accuracy if tested else None,
            pictures_per_second=mean.pictures / seconds,
            gate_spread=self._gate_spread,
        )

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say which network an error is about."""
        try:
            yield
        except (DivergedError, MemoryError) as error:
            raise type(error)(f"{self.name}: {error}") from error


def history_to_arrays(history: Iterable[RaceStats]) -> dict[str, np.ndarray]:
    """The reports of a race as arrays, in the form that ``TrainingRaceFigure`` replays.

    Args:
        history: T reports of a race of L networks; T may be 0.

    Returns:
        "step", "epoch" (T,), integers; "seconds" and "seconds_left" (T,); "loss", "accuracy", "test_accuracy",
        "pictures_per_second" and "gate_spread" (T, L), as in :class:`LaneStats`, with -1 where there is none; and
        "totals" (2,): the steps and the epochs of the whole race.
    """
    reports = list(history)
    if not reports:
        return {}
    arrays = {name: np.array([getattr(one, name) for one in reports]) for name in ("step", "epoch")}
    for name in ("seconds", "seconds_left"):
        arrays[name] = np.array([getattr(one, name) for one in reports], np.float32)
    for name in ("loss", "accuracy", "test_accuracy", "pictures_per_second", "gate_spread"):
        values = [[_or_nothing(getattr(lane, name)) for lane in one.lanes] for one in reports]
        arrays[name] = np.array(values, np.float32)
    arrays["totals"] = np.array([reports[-1].steps, reports[-1].epochs])
    return arrays


@contextmanager
def _watched_gates(model: nn.Module, watch: bool) -> Iterator[list[Tensor]]:
    """A list that fills with the gates (B, C) of each SE block during a forward pass. The hooks go in any case."""
    gates: list[Tensor] = []
    blocks = [block for block in model.modules() if isinstance(block, SqueezeExcitation)] if watch else []
    hooks = [block.gate.register_forward_hook(lambda module, inputs, s: gates.append(s.detach())) for block in blocks]
    try:
        yield gates
    finally:
        for hook in hooks:
            hook.remove()


def _spread(gates: list[Tensor]) -> float | None:
    """Standard deviation over the pictures, mean over the channels, mean over the blocks: B x (B, C) -> one number."""
    return fmean(float(s.float().std(0, correction=0).mean()) for s in gates) if gates else None


def _or_nothing(value: float | None) -> float:
    return NOTHING if value is None else value


def _require_apart(models: Mapping[str, nn.Module]) -> None:
    """Raise a ``ValueError`` unless there are several models on one device, each with parameters of its own."""
    if len(models) < 2:
        raise ValueError(f"there are {len(models)} networks in the race; it takes at least two")
    owners: dict[int, str] = {}
    devices: dict[str, torch.device] = {}
    for name, model in models.items():
        for parameter in model.parameters():
            if (owner := owners.setdefault(id(parameter), name)) != name:
                raise ValueError(
                    f"{owner} and {name} share parameters, so each would train the other; make a network for each lane"
                )
            devices.setdefault(name, parameter.device)
        if name not in devices:
            raise ValueError(f"{name} has no parameters; there is nothing to train")
    if len(set(devices.values())) > 1:
        places = ", ".join(f"{name} is on {device}" for name, device in devices.items())
        raise ValueError(f"{places}; move all networks to the same device with .to(device)")
