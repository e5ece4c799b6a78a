"""A race of networks on the same batches: live beside a kernel, replayed from its record without one."""

import json
from pathlib import Path
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from senet_lib.book.figures.figure import HERE, Arrays, Asking, Figure
from senet_lib.book.plots import COLOURS

EXAMPLE = HERE / "training_race_example.json"
# Colour, dash and marker of each lane, as in the live figure.
LOOKS = (
    (COLOURS["plain"], "--", "s"),
    (COLOURS["se"], "-", "o"),
    (COLOURS["x"], ":", "D"),
    (COLOURS["x_tilde"], "-.", "^"),
)


class TrainingRaceFigure(Asking, Figure):
    """The curves and numbers of a race, up to a moment that the reader chooses, or while it runs.

    In the mode "live" it has controls to choose a race, and to start, pause, resume and stop it; somebody in Python
    must obey ``command`` and keep ``state`` and ``record`` (:func:`senet_lib.book.figures.live.live_race.live_race`
    does). Its HTML form, which has no kernel, is always a replay of what was recorded. Only a replay asks.

    Attributes:
        mode: "replay" or "live".
        lanes: names of the L networks, 1 to 4.
        record: the arrays of :func:`senet_lib.training.race.history_to_arrays`; empty before the first report.
        moment: the report that is shown, from 0 to T - 1; the slider and Play move it.
        replay_seconds: time for the whole replay, 5, 15 or 60 seconds.
        source: what was recorded, where and how, in a line.
        data_sets: the names that the menu of pictures offers.
        data_set: the chosen one. It, and the next four, are for the next race.
        depth: layers of both networks: 6, 8, 20 or 56.
        reduction: r of the SE blocks: 1, 2, 4, 8 or 16.
        epochs: 1 to 40.
        seed: 0 to 20.
        command: what the reader has asked for: "start", "pause", "resume" or "stop"; "" once it is heard.
        state: "ready", "loading", "running", "paused", "stopped", "finished" or "failed".
        message: a line to show beside the state.
    """

    title = "A race on the same batches"
    shares = ()  # what it shows is a run, which no address can hold
    description = (
        "Two charts over the epochs. On the left the accuracy of each network, on the training pictures as a thin line "
        "and on the test pictures as points; on the right the training loss."
    )
    mode = traitlets.Unicode("replay").tag(sync=True)
    lanes = traitlets.List(traitlets.Unicode(), ["plain", "SE"]).tag(sync=True)
    record = Arrays()
    moment = traitlets.Int(0).tag(sync=True)
    replay_seconds = traitlets.Int(15).tag(sync=True)
    source = traitlets.Unicode().tag(sync=True)
    data_sets = traitlets.List(traitlets.Unicode(), ["context-world", "digits", "cifar10"]).tag(sync=True)
    data_set = traitlets.Unicode("context-world").tag(sync=True)
    depth = traitlets.Int(6).tag(sync=True)
    reduction = traitlets.Int(4).tag(sync=True)
    epochs = traitlets.Int(6).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    command = traitlets.Unicode().tag(sync=True)
    state = traitlets.Unicode("ready").tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(self, **state: Any):
        super().__init__(**{"moment": _last_moment(state.get("record", {})), **state})

    @classmethod
    def from_file(cls, path: str | Path, **state: Any) -> Self:
        """A replay of a race that was saved, for example by ``LiveRace.save``.

        Raises:
            ValueError: if the file is not a record of a race.
        """
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            record = {name: np.array(values) for name, values in saved["record"].items()}
            return cls(record=record, lanes=saved["lanes"], source=saved["source"], **state)
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is not a record of a race ({error!r}); save one with LiveRace.save") from None

    @classmethod
    def example(cls) -> Self:
        return cls.from_file(
            EXAMPLE,
            caption="Move the step, or press Play. Both networks see the same batches. When do they part, and what do "
            "the gates do at that time?",
        )

    def draw_still(self) -> Picture:
        picture, (accuracy, loss) = plt.subplots(1, 2, figsize=(7, 2.9), layout="constrained")
        if self.record:
            epochs = self.record["step"] * (self.record["totals"][1] / self.record["totals"][0])
            for lane, (name, look) in enumerate(zip(self.lanes, LOOKS, strict=False)):
                _draw_lane(
                    accuracy, loss, epochs, {key: values.T[lane] for key, values in self._per_lane()}, name, look
                )
        accuracy.set(xlabel="epochs", ylim=(0, 1.02))
        accuracy.set_title("accuracy: points test, thin training", loc="left", fontsize=10)
        loss.set(xlabel="epochs")
        loss.set_ylim(bottom=0)
        loss.set_title("training loss (nats)", loc="left", fontsize=10)
        if self.record:
            picture.legend(*accuracy.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
        return picture

    def _per_lane(self) -> list[tuple[str, np.ndarray]]:
        return [(name, values) for name, values in self.record.items() if values.ndim == 2]

    def _plain_state(self) -> dict[str, Any]:
        """Where this goes there is no kernel, and nobody to obey: what was recorded can be replayed.

        It opens after the first epoch, unless a moment was chosen: who sees the end first has nothing to guess.
        """
        state = super()._plain_state() | {"mode": "replay"}
        if self.moment == _last_moment(self.record):
            state["moment"] = _first_epochs_end(self.record)
        return state


def _last_moment(record: dict[str, Any]) -> int:
    return max(0, len(record.get("step", ())) - 1)


def _first_epochs_end(record: dict[str, Any]) -> int:
    """The first report with an accuracy on the test set; the last one if there is none."""
    tested = np.asarray(record["test_accuracy"])[:, 0] >= 0 if record else np.array([])
    return int(np.argmax(tested)) if tested.any() else _last_moment(record)


def _draw_lane(
    accuracy: Axes, loss: Axes, epochs: np.ndarray, lane: dict[str, np.ndarray], name: str, look: tuple[str, str, str]
) -> None:
    colour, dash, marker = look
    tested = lane["test_accuracy"] >= 0
    accuracy.plot(epochs, lane["accuracy"], color=colour, linewidth=0.8, alpha=0.7, linestyle=dash)
    accuracy.plot(
        epochs[tested], lane["test_accuracy"][tested], color=colour, linestyle=dash, marker=marker, label=name
    )
    loss.plot(epochs, lane["loss"], color=colour, linestyle=dash)
