"""The laboratory in a notebook: both contestants train in the kernel, with PyTorch, on its GPU if it has one.

The figure is :class:`senet_lib.book.figures.laboratory.Laboratory`; in a page it trains by itself. Here its traits
``request_a`` and ``request_b`` say what the reader wants of each contestant, and a thread for each run obeys.
torch lets go of Python while it computes, so the kernel answers meanwhile.
"""

import atexit
import math
import threading
import time
from functools import partial
from typing import Any

import numpy as np
import torch

from senet_lib.book.contestants import BATCH, CONTESTANTS
from senet_lib.book.experiments.training_steps import make
from senet_lib.book.figures.laboratory import TRAIN_SEED, Laboratory
from senet_lib.book.figures.live.live_race import OwnGenerator
from senet_lib.common.machine import describe_machine
from senet_lib.common.messages import in_one_line
from senet_lib.data import Batches, PictureSet, train_and_test_batches
from senet_lib.data.context_world import COLOURS, SHAPES
from senet_lib.data.distance_world import DistanceWorld
from senet_lib.gates.modules import gates_if_any
from senet_lib.gates.recording import record_excitations
from senet_lib.training import Recipe
from senet_lib.training.device import best_device, require_device
from senet_lib.training.evaluation import evaluate
from senet_lib.training.recipe import make_optimiser, make_schedule

SECONDS_BETWEEN_REPORTS = 0.25
LANES = ("a", "b")
PROBES = 96  # training pictures, of which the gates are shown
TEST_SEED = 1  # of the scenes
CAPTION = (
    "Bet, then train. PyTorch trains both networks in this notebook's kernel; other cells run meanwhile. "
    "From which distance on does a network miss the cue?"
)


class ContestantTraining:
    """One run of a contestant, step by step. It is the run that the page makes of the same job.

    Args:
        job: ``name`` of the contestant, ``gap``, ``seed``, ``epochs``, ``pictures``, ``testPictures``,
            ``learningRate`` and ``schedule``, as the figure sends them.
        device: to train on.

    Attributes:
        step: steps that are done.
        steps: of the whole run.
        losses: after each step: the mean cross-entropy of its batch, in nats, before it.
        rights: the share of its batch that was right, 0 to 1.
        tests: test accuracy after each epoch, 0 to 1.

    Raises:
        ValueError: if there is no such contestant, or a number is out of range.
    """

    def __init__(self, job: dict[str, Any], device: torch.device):
        known = {contestant.name: contestant for contestant in CONTESTANTS}
        if job.get("name") not in known:
            raise ValueError(f"there is no contestant {job.get('name')!r}; there are {', '.join(known)}")
        worlds = [
            DistanceWorld.generate(job[count], seed, job["gap"])
            for count, seed in (("pictures", TRAIN_SEED), ("testPictures", TEST_SEED))
        ]
        train, test = (_as_set(world) for world in worlds)
        self._batches, self._test = train_and_test_batches(train, test, BATCH, seed=job["seed"], device=device)
        with OwnGenerator(torch.Generator().manual_seed(job["seed"])):
            self.model = make(known[job["name"]])
        self.model.to(device).to(memory_format=torch.channels_last)
        recipe = Recipe(job["epochs"], job["learningRate"], schedule=job["schedule"])
        self._optimiser = make_optimiser(self.model.parameters(), recipe)
        self._schedule = make_schedule(self._optimiser, recipe, len(self._batches))
        self.steps_per_epoch = len(self._batches)
        self.steps = recipe.epochs * self.steps_per_epoch
        self.step = 0
        self.losses: list[float] = []
        self.rights: list[float] = []
        self.tests: list[float] = []
        self._epoch = iter(self._batches.epoch(0))
        mean, std = self._batches.mean, self._batches.std
        self._probes = list(Batches(train.subset(PROBES), PROBES, mean=mean, std=std, device=device))
        cues = np.array([scene.cue_colour for scene in worlds[0].scenes[:PROBES]])
        self._by_cue = [np.flatnonzero(cues == colour) for colour in range(len(COLOURS))]
        self._seconds = 0.0

    @property
    def is_over(self) -> bool:
        """Whether all steps are done, or the loss is no number any more."""
        return self.step == self.steps or self.has_diverged

    @property
    def has_diverged(self) -> bool:
        return bool(self.losses) and not math.isfinite(self.losses[-1])

    def advance(self) -> None:
        """One step, and after an epoch's last one the test."""
        start = time.perf_counter()
        pictures, labels = next(self._epoch)
        self.model.train()
        logits = self.model(pictures)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        self._schedule.step()
        self.step += 1
        self.losses.append(loss.item())
        self.rights.append((logits.argmax(dim=1) == labels).float().mean().item())
        self._seconds += time.perf_counter() - start
        if self.step % self.steps_per_epoch == 0 and not self.has_diverged:
            self.tests.append(evaluate(self.model, self._test).accuracy)
            self._epoch = iter(self._batches.epoch(self.step // self.steps_per_epoch))

    def describe(self) -> dict[str, Any]:
        """What the figure shows, but the phase."""
        seconds = self._seconds / max(1, self.step)
        in_epoch = self.rights[(self.step - 1) // self.steps_per_epoch * self.steps_per_epoch :] if self.step else []
        numbers = [loss for loss in self.losses if math.isfinite(loss)]
        return {
            "step": self.step,
            "steps": self.steps,
            "stepsPerEpoch": self.steps_per_epoch,
            "losses": numbers,
            "rights": self.rights[: len(numbers)],
            "tests": self.tests,
            "accuracy": float(np.mean(in_epoch)) if in_epoch else None,
            "picturesPerSecond": BATCH / seconds if seconds else None,
            "secondsLeft": (self.steps - self.step) * seconds,
            "gates": self._gates(),
        }

    def _gates(self) -> dict[str, list[list[float]]] | None:
        """The mean of each gate by the cue's colour, block by block."""
        if not gates_if_any(self.model):
            return None
        with record_excitations(self.model) as record:
            evaluate(self.model, self._probes)
        return {
            block.removesuffix(".attention"): [record[block][places].mean(axis=0).tolist() for places in self._by_cue]
            for block in record.blocks
        }


def _as_set(world: DistanceWorld) -> PictureSet:
    return PictureSet(torch.from_numpy(world.pictures), torch.from_numpy(world.labels), SHAPES, "distance-world")


class _Run(threading.Thread):
    """A contestant's training in the background, up to the step that is wanted."""

    def __init__(self, figure: Laboratory, lane: str, request: dict[str, Any], device: torch.device):
        # A daemon, so that Python can end; and told to stop then, because torch may not be cut off while it computes.
        super().__init__(name=f"senet-laboratory-{lane}", daemon=True)
        self._figure, self._report, self._device = figure, f"report_{lane}", device
        self._request = request
        self._wish = threading.Condition()
        self._stopped = False
        self._told_at = -math.inf

    @property
    def run_id(self) -> str:
        """The page's name for this run."""
        return self._request["id"]

    def want(self, request: dict[str, Any]) -> None:
        """Another step to train to."""
        with self._wish:
            self._request = request
            self._wish.notify()

    def stop(self) -> None:
        """End before the next step."""
        with self._wish:
            self._stopped = True
            self._wish.notify()

    def run(self) -> None:
        atexit.register(self.stop)
        try:
            training = ContestantTraining(self._request["job"], self._device)
            while not training.is_over and self._may_go_on(training):
                training.advance()
                if training.is_over or time.monotonic() - self._told_at >= SECONDS_BETWEEN_REPORTS:
                    self._tell(training, _phase_of(training))
        except Exception as error:
            self._figure.update(**{self._report: self._signed({"phase": "failed", "message": in_one_line(error)})})
        finally:
            atexit.unregister(self.stop)

    def _may_go_on(self, training: ContestantTraining) -> bool:
        """Wait out a pause. False: the run is to end."""
        while self._request["until"] <= training.step and not self._stopped:
            told = self._request
            self._tell(training, "paused")
            with self._wish:
                if self._request is told and not self._stopped:
                    self._wish.wait()
        return not self._stopped

    def _tell(self, training: ContestantTraining, phase: str) -> None:
        self._told_at = time.monotonic()
        message = f"The loss is no number any more at step {training.step}: training has stopped there."
        more = {"phase": phase, "message": message if phase == "diverged" else ""}
        self._figure.update(**{self._report: self._signed(training.describe() | more)})

    def _signed(self, report: dict[str, Any]) -> dict[str, Any]:
        return report | {"id": self._request["id"], "until": self._request["until"]}


def _phase_of(training: ContestantTraining) -> str:
    return "diverged" if training.has_diverged else "finished" if training.is_over else "running"


def live_laboratory(preset: str = "add SE", *, device: str | torch.device | None = None, **state: Any) -> Laboratory:
    """The laboratory, trained by this kernel. End a cell with it. Built into a page it trains in the page.

    Args:
        preset: a key of ``senet_lib.book.figures.laboratory.PRESETS``: where the controls begin.
        device: to train on; None for the best that is there.
        **state: traits that are to be otherwise.

    Raises:
        ValueError: if there is no such preset, or the device is not there.
    """
    chosen = best_device() if device is None else require_device(device)
    name = "its CPU" if chosen.type == "cpu" else describe_machine(chosen)["device"]
    figure = Laboratory.preset(preset, **{"caption": CAPTION, "kernel": True, "device": name, **state})
    runs: dict[str, _Run] = {}

    def obey(lane: str, change: dict[str, Any]) -> None:
        request, run = change["new"], runs.get(lane)
        if run is not None and request.get("id") == run.run_id:
            run.want(request)
            return
        if run is not None:
            run.stop()
        if request.get("id"):
            runs[lane] = _Run(figure, lane, request, chosen)
            runs[lane].start()

    def end(change: dict[str, Any]) -> None:
        if change["new"] is None:
            for run in runs.values():
                run.stop()

    for lane in LANES:
        figure.observe(partial(obey, lane), f"request_{lane}")
    figure.observe(end, "comm")
    return figure
