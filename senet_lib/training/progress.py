"""What somebody sees while a network trains: a bar in a terminal, and a plain line for each epoch everywhere.

    progress = Progress(recipe.epochs, len(train), finished_epochs("runs/se"))
    for stats in progress.shown(fit(model, train, test, recipe, checkpoints="runs/se", on_step=progress.step)):
        ...

Epochs that an earlier start has finished are counted, and not shown as if they were new.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from senet_lib.training.evaluation import RunningMean
from senet_lib.training.loop import EpochStats

SECONDS_BETWEEN_LOOKS = 0.5  # reading a loss from a GPU waits for it
WORDS = {
    "resuming": "resuming after epoch {finished} of {epochs}",
    "all finished": "all {epochs} epochs were finished before; nothing is left to train",
    "epoch": (
        "epoch {epoch} of {epochs}: training loss {train_loss:.3f}, test loss {test_loss:.3f}, "
        "test accuracy {test_accuracy:.2%}{top5}, "
        "{pictures_per_second:,.0f} pictures/s, {seconds:,.0f} s"
    ),
    "top5": ", top-5 {share:.2%}",
    "start": "{name}epoch {epoch}/{epochs}",
    "now": "{name}epoch {epoch}/{epochs}: loss {loss:.3f}, accuracy {accuracy:.1%}, {speed:,.0f} pictures/s",
    "row": "{epoch:>5}  {train_loss:>13.3f}  {test_loss:>9.3f}  {test_accuracy:>13.2%}  {mark}",
    "heading": "epoch  training loss  test loss  test accuracy",
    "best": "best",
    "rows left out": "  ...",
}
BAR = "{desc} |{bar}| {percentage:.0f}%, {remaining} left"
FIRST_ROWS, LAST_ROWS = 3, 8  # of the summary; the best one is always there


class Progress:
    """Shows a run on a terminal, or in a log.

    Args:
        epochs: of the whole run.
        steps: batches in an epoch.
        finished: how many epochs an earlier start has finished.
        name: put in front of each line.
        out: where lines go, and the bar if it is a terminal; stdout if None.

    Attributes:
        has_begun: whether a step was made.
    """

    def __init__(self, epochs: int, steps: int, finished: int = 0, name: str = "", out: TextIO | None = None):
        self.epochs, self.steps, self.finished = epochs, steps, finished
        self._name = name
        self._out = out or sys.stdout
        self.has_begun = False
        self._bar: Any = None
        self._began = self._looked = 0.0
        self._epoch = finished + 1

    def say(self, line: str) -> None:
        """A line, above the bar if there is one."""
        if self._bar is not None:
            self._bar.clear()
        print(f"{self._name}{line}", file=self._out, flush=True)

    def shown(self, stats: Iterable[EpochStats]) -> Iterator[EpochStats]:
        """Pass on the statistics of the epochs, and show those that are new."""
        if self.finished:
            key = "all finished" if self.finished >= self.epochs else "resuming"
            self.say(WORDS[key].format(finished=self.finished, epochs=self.epochs))
        if self.finished < self.epochs:
            self._bar = self._open_bar()
        self._start_epoch(self.finished + 1)
        try:
            for one in stats:
                if one.epoch > self.finished:
                    self.say(epoch_line(one, self.epochs))
                yield one
                if one.epoch > self.finished:
                    self._start_epoch(one.epoch + 1)
        finally:
            if self._bar is not None:
                self._bar.close()
                self._bar = None

    def step(self, mean: RunningMean) -> None:
        """After a step; for ``fit``'s ``on_step``."""
        self.has_begun = True
        if self._bar is None:
            return
        self._bar.update()
        now = time.perf_counter()
        if now - self._looked >= SECONDS_BETWEEN_LOOKS:
            self._looked = now
            speed = mean.pictures / max(now - self._began, 1e-9)
            self._describe("now", loss=mean.loss, accuracy=mean.accuracy, speed=speed)

    def _open_bar(self) -> Any:
        if not self._out.isatty():
            return None
        from tqdm import tqdm  # here, because whoever only calls fit needs none

        return tqdm(
            total=self.epochs * self.steps,
            initial=self.finished * self.steps,
            bar_format=BAR,
            dynamic_ncols=True,
            leave=False,
            file=self._out,
        )

    def _start_epoch(self, epoch: int) -> None:
        self._epoch, self._began = epoch, time.perf_counter()
        if epoch <= self.epochs:
            self._describe("start")

    def _describe(self, key: str, **numbers: float) -> None:
        if self._bar is not None:
            words = WORDS[key].format(name=self._name, epoch=self._epoch, epochs=self.epochs, **numbers)
            self._bar.set_description_str(words)


def epoch_line(stats: EpochStats, epochs: int) -> str:
    """What one epoch gave, in one line."""
    return WORDS["epoch"].format(epochs=epochs, top5=top5_words(stats.test_top5_accuracy), **vars(stats))


def top5_words(share: float) -> str:
    """What to say of the top-5 accuracy: nothing if it is 1, as it always is with up to five classes."""
    return WORDS["top5"].format(share=share) if share < 1 else ""


def best_epoch(history: Iterable[EpochStats]) -> EpochStats:
    """The epoch of the highest test accuracy; of equals, the one of the lowest test loss."""
    return max(history, key=lambda stats: stats.goodness)


def summary_table(history: Sequence[EpochStats]) -> str:
    """A row for each epoch, the best one marked; of many epochs the best, the first and the last ones."""
    best = best_epoch(history)
    left_out = range(FIRST_ROWS, len(history) - LAST_ROWS) if len(history) > FIRST_ROWS + LAST_ROWS else range(0)
    lines = [WORDS["heading"]]
    for number, one in enumerate(history):
        if number not in left_out or one is best:
            lines.append(WORDS["row"].format(mark=WORDS["best"] if one is best else "", **vars(one)).rstrip())
        elif lines[-1] != WORDS["rows left out"]:
            lines.append(WORDS["rows left out"])
    return "\n".join(lines)
