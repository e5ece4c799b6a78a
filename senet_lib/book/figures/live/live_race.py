"""A race that the reader starts, pauses, resumes and stops in a figure, while the notebook stays free for other cells.

The race runs in a thread. torch lets go of Python while it computes, so the kernel answers meanwhile. The thread asks
:meth:`senet_lib.training.race.TrainingRace.steps` for one step after the other; between two of them it looks at two
flags, so that Pause and Stop are obeyed within a step. It shows its reports in the figure up to four times a second;
the figure has a lock, because the kernel changes the same traits when the reader moves a control.

A press on a button reaches Python as a message of the notebook. Where a kernel takes messages while a cell runs
(ipykernel 7 with JupyterLab 4.4 or later) it is obeyed at once, elsewhere when the cell has ended.
"""

import atexit
import json
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from senet_lib.book.figures.training_race import TrainingRaceFigure
from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.machine import describe_machine
from senet_lib.common.messages import in_one_line
from senet_lib.common.validation import is_whole, require_choice, require_whole
from senet_lib.data import Augmentation, PictureSet, load_pictures, pad_crop_flip, train_and_test_batches
from senet_lib.networks.models import create_model
from senet_lib.training import Recipe
from senet_lib.training.device import best_device, require_device
from senet_lib.training.race import RaceStats, TrainingRace, history_to_arrays

SECONDS_BETWEEN_DRAWINGS = 0.25
# A network of each depth: all have a stem for small pictures.
NETWORKS = {6: "small_resnet", 8: "resnet8", 20: "resnet20", 56: "resnet56"}
REDUCTIONS = (1, 2, 4, 8, 16)
DATA_SETS = ("context-world", "digits", "cifar10")
CONTROLS = ("data_set", "depth", "reduction", "epochs", "seed")
CAPTION = (
    "In a notebook, choose a race and press Start: a plain network, and the same one with SE, learn from the same "
    "batches. Other cells run meanwhile."
)


@dataclass(frozen=True)
class Habits:
    """How networks are trained on a data set.

    Attributes:
        batch_size: pictures in a batch.
        learning_rate: the peak of the cycle.
        augment: changes the training pictures, or None.
    """

    batch_size: int = 32
    learning_rate: float = 0.005
    augment: Augmentation | None = None


# Sets that are not named here are photographs.
HABITS = {"context-world": Habits(), "digits": Habits()}
FOR_PHOTOGRAPHS = Habits(batch_size=128, learning_rate=0.01, augment=pad_crop_flip)


@dataclass(frozen=True)
class Choices:
    """One race: what is in the figure's controls.

    Attributes:
        data_set: a name for :func:`senet_lib.data.load_pictures`.
        depth: layers of both networks, a key of ``NETWORKS``.
        reduction: r of the SE blocks, one of ``REDUCTIONS``.
        epochs: passes over the training pictures, at least 1.
        seed: of the weights and of the batches, at least 0.
        pictures: train on the first so many pictures only, and test on a quarter as many; None for all.
        report_every: steps between reports; None for about 200 reports in all.

    Raises:
        ValueError: if a choice is out of range.
    """

    data_set: str = "context-world"
    depth: int = 6
    reduction: int = 4
    epochs: int = 6
    seed: int = 0
    pictures: int | None = None
    report_every: int | None = None

    def __post_init__(self) -> None:
        require_whole("epochs", self.epochs)
        require_whole("seed", self.seed, least=0)
        for name, allowed in (("depth", NETWORKS), ("reduction", REDUCTIONS)):
            require_whole(name, value := getattr(self, name))
            if value not in allowed:
                raise ValueError(f"{name} is {value}; use one of {', '.join(map(str, allowed))}")
        if not isinstance(self.data_set, str):
            raise ValueError(f"data_set is {self.data_set!r}; give a name, such as {DATA_SETS[0]!r}")
        for name, limit in (("pictures", self.pictures), ("report_every", self.report_every)):
            if limit is not None:
                require_whole(name, limit)
        for name, value in vars(self).items():  # the figure's controls take no numbers of NumPy
            object.__setattr__(self, name, int(value) if is_whole(value) else value)

    def load(self) -> tuple[PictureSet, PictureSet]:
        """The training and the test pictures."""
        train, test = (load_pictures(self.data_set, train=is_train) for is_train in (True, False))
        if self.pictures is None:
            return train, test
        return train.subset(min(self.pictures, len(train))), test.subset(min(max(1, self.pictures // 4), len(test)))

    def make_race(self, device: torch.device) -> TrainingRace:
        """The pictures in batches, and the two networks, on a device; both networks from the same seed."""
        train_set, test_set = self.load()
        habits = HABITS.get(self.data_set, FOR_PHOTOGRAPHS)
        train, test = train_and_test_batches(
            train_set, test_set, habits.batch_size, augment=habits.augment, seed=self.seed, device=device
        )
        make = partial(create_model, num_classes=len(train_set.classes), in_channels=train_set.pictures.shape[1])
        name = NETWORKS[self.depth]
        models = {
            "plain": self._seeded(partial(make, name)),
            "SE": self._seeded(partial(make, f"se_{name}", reduction=self.reduction)),
        }
        on_device = {name: model.to(device).to(memory_format=torch.channels_last) for name, model in models.items()}
        recipe = Recipe(self.epochs, habits.learning_rate)
        return TrainingRace(on_device, train, test, recipe, report_every=self.report_every)

    def _seeded(self, make: Callable[[], nn.Module]) -> nn.Module:
        """Made with the seed, on the CPU."""
        with OwnGenerator(torch.Generator().manual_seed(self.seed)):
            return make()


class OwnGenerator(TorchDispatchMode):
    """In this thread, weights are drawn from a generator of their own.

    torch's own one belongs to the whole process. The reader may draw from it at the same time, and must find it as if
    nothing had happened.
    """

    def __init__(self, generator: torch.Generator):
        super().__init__()
        self._generator = generator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        draws = any(argument.name == "generator" for argument in func._schema.arguments)
        own = {"generator": self._generator} if draws else {}
        return func(*args, **(kwargs or {}) | own)


class LiveRace:
    """A race in a figure, with its thread. End a cell with it to show it.

    Args:
        choices: what the figure's controls begin with.
        device: to train on.

    Attributes:
        figure: what the reader sees.
        models: the networks by name, "plain" and "SE", once a race has begun. After Stop, or an error, they keep what
            they have learned and are in evaluation mode.
        history: the reports of the race so far.
    """

    def __init__(self, choices: Choices, device: torch.device):
        shown = {name: getattr(choices, name) for name in CONTROLS}
        data_sets = list(dict.fromkeys([*DATA_SETS, choices.data_set]))
        self.figure = TrainingRaceFigure(mode="live", asks=True, data_sets=data_sets, caption=CAPTION, **shown)
        self.device = device
        self.models: dict[str, nn.Module] = {}
        self.history: list[RaceStats] = []
        self._choices = choices
        self._go_on = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._drawn_at = 0.0
        self.figure.observe(self._obey, "command")
        self.figure.observe(self._end_with_figure, "comm")

    @property
    def is_running(self) -> bool:
        """Whether there is a race that has not ended; it may be paused."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin a race with the figure's choices, in the background.

        Raises:
            ValueError: if a race is running, or a choice is out of range.
        """
        if self.is_running:
            raise ValueError("a race is running; stop it before you start another")
        self._choices = replace(self._choices, **{name: getattr(self.figure, name) for name in CONTROLS})
        self.models, self.history = {}, []
        self._stopping.clear()
        self._go_on.set()
        self.figure.update(record={}, moment=0, source="", message="", state="loading")
        # A daemon, so that Python can end; and told to stop then, because torch may not be cut off while it computes.
        self._thread = threading.Thread(target=self._work, name="senet-race", daemon=True)
        atexit.register(self.stop)
        self._thread.start()

    def pause(self) -> None:
        """Hold the race before its next step."""
        self._go_on.clear()

    def resume(self) -> None:
        """Let a paused race go on."""
        self._go_on.set()

    def stop(self) -> None:
        """End the race before its next step, and wait for that."""
        self._ask_to_stop()
        self.wait()

    def wait(self, seconds: float | None = None) -> Self:
        """Wait until the race has ended, or for so long. Returns the race, to end a cell with."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)
        return self

    def run(self) -> Self:
        """Race to the end; only then the cell is over. Ctrl-C, or the notebook's stop button, stops the race.

        Returns:
            The race, to end a cell with: a built page then holds the record of it.

        Raises:
            RuntimeError: if the race has failed; the message says why.
        """
        self.start()
        try:
            self.wait()
        except KeyboardInterrupt:
            self.stop()
        if self.figure.state == "failed":
            raise RuntimeError(self.figure.message)
        return self

    def run_unattended(self) -> Self:
        """:meth:`run` where nobody can press Start, as in the build of a book; elsewhere do nothing."""
        return self if _has_reader() else self.run()

    def save(self, path: str | Path) -> None:
        """Write the record to a JSON file, for ``TrainingRaceFigure.from_file``.

        Raises:
            ValueError: if there is nothing to save yet.
        """
        if not self.history:
            raise ValueError("there is no report to save yet; start the race first")
        record = {name: _short_numbers(values) for name, values in history_to_arrays(self.history).items()}
        saved = {
            "command": self._command(path),
            "machine": describe_machine(self.device),
            "source": self.figure.source,
            "lanes": [lane.name for lane in self.history[-1].lanes],
            "record": record,
        }
        write_atomically(Path(path), json.dumps(saved, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Stop the race, and take the figure off the page."""
        self._ask_to_stop()
        self.figure.close()
        self.wait()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.figure._repr_mimebundle_(**options)

    # ------------------------------------------------------------------------------------------------- the thread

    def _work(self) -> None:
        try:
            race = self._choices.make_race(self.device)
            self.models = race.models
            for model in self.models.values():
                model.eval()  # they can be used from now on, whatever happens
            self.figure.update(lanes=list(self.models), source=self._source(), state="running")
            self._show(state="finished" if self._follow(race) else "stopped")
        except Exception as error:
            self._show(state="failed", message=in_one_line(error))
        finally:
            atexit.unregister(self.stop)

    def _follow(self, race: TrainingRace) -> bool:
        """Race to the end (True), or until somebody stops it (False)."""
        with closing(race.steps()) as steps:
            while self._may_go_on():
                stats = next(steps, _END)
                if stats is _END:
                    return True
                if stats is not None:
                    self.history.append(stats)
                    if time.monotonic() - self._drawn_at >= SECONDS_BETWEEN_DRAWINGS:
                        self._show()
        return False

    def _may_go_on(self) -> bool:
        """Wait out a pause. False: the race is to stop."""
        if not self._go_on.is_set() and not self._stopping.is_set():
            self._show(state="paused")
            self._go_on.wait()
            if not self._stopping.is_set():
                self.figure.update(state="running")
        return not self._stopping.is_set()

    def _show(self, **more: str) -> None:
        """All reports so far, and more traits, in one message."""
        self._drawn_at = time.monotonic()
        self.figure.update(record=history_to_arrays(self.history), moment=max(0, len(self.history) - 1), **more)

    # ---------------------------------------------------------------------------------------------- the reader

    def _obey(self, change: dict[str, Any]) -> None:
        """Do what the reader has asked for. Nothing here waits for the thread: that one may wait for this message."""
        command = change["new"]
        if not command:
            return
        actions = {"start": self.start, "pause": self.pause, "resume": self.resume, "stop": self._ask_to_stop}
        try:
            require_choice("command", command, actions)
            actions[command]()
        except ValueError as error:
            self.figure.update(message=str(error))
        finally:
            self.figure.update(command="")

    def _ask_to_stop(self) -> None:
        self._stopping.set()
        self._go_on.set()

    def _end_with_figure(self, change: dict[str, Any]) -> None:
        if change["new"] is None:
            self._ask_to_stop()

    # ---------------------------------------------------------------------------------------------- the record

    def _source(self) -> str:
        """What is raced, and where, in plain words."""
        one, machine = self._choices, describe_machine(self.device)
        pictures = one.data_set if one.pictures is None else f"{one.pictures:,} of {one.data_set}"
        device = "a CPU" if self.device.type == "cpu" else machine["device"]
        torch_version, _, _ = machine["torch"].partition("+")  # what it was built with is no matter for a reader
        return (
            f"Pictures: {pictures}. Networks: {NETWORKS[one.depth]} with {one.depth} layers, without SE and with SE of "
            f"r = {one.reduction}; seed {one.seed}. Recorded on {device}, with PyTorch {torch_version}."
        )

    def _command(self, path: str | Path) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in asdict(self._choices).items() if value is not None)
        return f"live_race({settings}, device={str(self.device)!r}).run().save({Path(path).name!r})"


_END: Any = object()


def live_race(
    data_set: str = "context-world",
    *,
    depth: int = 6,
    reduction: int = 4,
    epochs: int = 6,
    seed: int = 0,
    pictures: int | None = None,
    report_every: int | None = None,
    device: str | torch.device | None = None,
) -> LiveRace:
    """A plain network against the same one with SE, in a figure with Start, Pause, Resume and Stop.

    Args:
        data_set: a name for :func:`senet_lib.data.load_pictures`; this and the next four are where the controls begin.
        depth: layers: 6, 8, 20 or 56.
        reduction: r of the SE blocks: 1, 2, 4, 8 or 16.
        epochs: passes over the training pictures.
        seed: of the weights and of the batches.
        pictures: see :class:`Choices`, as for report_every.
        report_every: steps between reports.
        device: None for the best that is there.

    Raises:
        ValueError: if a choice is out of range, or the device is not there.
    """
    choices = Choices(data_set, depth, reduction, epochs, seed, pictures, report_every)
    return LiveRace(choices, best_device() if device is None else require_device(device))


def _has_reader() -> bool:
    """Whether somebody sits at this notebook. Programs that run notebooks tell the kernel that it cannot ask."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return bool(getattr(getattr(get_ipython(), "kernel", None), "_allow_stdin", False))


def _short_numbers(values: Any) -> list:
    """As lists, with as many digits as a browser needs."""
    if values.dtype.kind != "f":
        return values.tolist()
    return [_short_numbers(row) if row.ndim else float(f"{row:.4g}") for row in values]
