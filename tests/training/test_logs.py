"""Tests of senet_lib.training.logs."""

import csv
import itertools
import sys
import time
from dataclasses import dataclass

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils import tensorboard

from senet_lib.training.logs import log_csv, log_tensorboard

LOGS = {"csv": log_csv, "tensorboard": log_tensorboard}
each_log = pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)


@dataclass(frozen=True)
class Stats:
    epoch: int
    loss: float
    memory_mb: float | None = None


def stats(*losses: float, first: int = 1) -> list[Stats]:
    return [Stats(epoch, loss) for epoch, loss in enumerate(losses, first)]


def interrupted(some: list[Stats], error: BaseException):
    yield from some
    raise error


def table(path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def curves(folder) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows: for each name its (epoch, value), values as float32."""
    events = EventAccumulator(str(folder)).Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


@pytest.fixture
def seconds_pass(monkeypatch):
    """Each look at the clock is a second later: TensorBoard reads the files in the order of their seconds."""
    monkeypatch.setattr(time, "time", itertools.count(time.time()).__next__)


@each_log
def test_statistics_pass_through_one_at_a_time_and_unchanged(log, tmp_path):
    asked = []

    def source():
        for one in stats(0.5, 0.25):
            asked.append(one)
            yield one

    passed = log(source(), tmp_path / "run")
    assert asked == []
    assert next(passed) is asked[0] and len(asked) == 1
    assert next(passed) is asked[1]
    assert next(passed, None) is None


def test_the_table_has_every_digit_and_an_empty_cell_for_none(tmp_path):
    path = tmp_path / "new" / "run.csv"
    list(log_csv([Stats(1, 1 / 3), Stats(2, 1e-9, memory_mb=2.5)], path))
    assert path.read_text() == "epoch,loss,memory_mb\n1,0.3333333333333333,\n2,1e-09,2.5\n"


def test_each_number_is_a_curve_and_none_is_no_point(tmp_path):
    list(log_tensorboard([Stats(1, 0.5), Stats(2, 0.25, memory_mb=2.5)], tmp_path / "new" / "run"))
    assert curves(tmp_path / "new" / "run") == {"loss": [(1, 0.5), (2, 0.25)], "memory_mb": [(2, 2.5)]}


def test_both_files_are_complete_after_each_epoch(tmp_path):
    chain = log_tensorboard(log_csv(stats(0.5, 0.25, 0.125), tmp_path / "run.csv"), tmp_path / "run")
    for done, _ in enumerate(chain, start=1):
        assert len(table(tmp_path / "run.csv")) == len(curves(tmp_path / "run")["loss"]) == done


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ArithmeticError("diverged")], ids=["interruption", "error"])
def test_an_interruption_passes_and_the_epochs_before_it_stay(error, tmp_path):
    source = interrupted(stats(0.5, 0.25), error)
    with pytest.raises(type(error)):
        list(log_tensorboard(log_csv(source, tmp_path / "run.csv"), tmp_path / "run"))
    assert [row["loss"] for row in table(tmp_path / "run.csv")] == ["0.5", "0.25"]
    assert curves(tmp_path / "run") == {"loss": [(1, 0.5), (2, 0.25)]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.csv"]


@pytest.mark.parametrize("leave", ["end", "stop", "error"])
def test_the_writer_of_curves_is_closed_however_the_run_ends(leave, tmp_path, monkeypatch):
    closed = []

    class Watched(tensorboard.SummaryWriter):
        def close(self):
            closed.append(self.log_dir)
            super().close()

    monkeypatch.setattr(tensorboard, "SummaryWriter", Watched)
    source = interrupted(stats(0.5), OSError()) if leave == "error" else stats(0.5, 0.25)
    passed = log_tensorboard(source, tmp_path)
    next(passed)
    assert closed == []
    if leave == "stop":
        passed.close()
    elif leave == "error":
        with pytest.raises(OSError):
            next(passed)
    else:
        list(passed)
    assert closed == [str(tmp_path)]


def test_a_resumed_run_duplicates_nothing(tmp_path, seconds_pass):
    for losses in ([0.5, 0.25, 9.0], [0.5, 0.25, 0.125, 0.0625]):  # the second yields the first's epochs again
        list(log_tensorboard(log_csv(stats(*losses), tmp_path / "run.csv"), tmp_path / "run"))
    assert [(row["epoch"], row["loss"]) for row in table(tmp_path / "run.csv")] == [
        ("1", "0.5"),
        ("2", "0.25"),
        ("3", "0.125"),
        ("4", "0.0625"),
    ]
    assert curves(tmp_path / "run")["loss"] == [(1, 0.5), (2, 0.25), (3, 0.125), (4, 0.0625)]


def test_a_run_that_goes_on_without_its_earlier_epochs_keeps_their_curves(tmp_path, seconds_pass):
    for some in (stats(0.5, 0.25, 9.0), stats(0.125, first=3)):
        list(log_tensorboard(some, tmp_path))
    assert curves(tmp_path)["loss"] == [(1, 0.5), (2, 0.25), (3, 0.125)]


def test_a_full_disk_leaves_the_table_of_the_epoch_before(tmp_path, monkeypatch):
    passed = log_csv(stats(0.5, 0.25), tmp_path / "run.csv")
    next(passed)

    def refuse(path, text, **_):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(tmp_path), "write_bytes", refuse)
    with pytest.raises(OSError, match="No space left"):
        next(passed)
    assert [row["epoch"] for row in table(tmp_path / "run.csv")] == ["1"]


@each_log
def test_a_path_that_cannot_be_written_is_refused_before_the_run(log, tmp_path, refused):
    (tmp_path / "file").touch()
    with refused(str(tmp_path / "file" / "run"), "cannot be written", "choose another path"):
        log(interrupted([], AssertionError("the run has begun")), tmp_path / "file" / "run")


def test_a_folder_is_no_table_and_a_file_is_no_folder(tmp_path, refused):
    (tmp_path / "file").touch()
    with refused(str(tmp_path), "it is a folder"):
        log_csv([], tmp_path)
    with refused(str(tmp_path / "file"), "cannot be written"):
        log_tensorboard([], tmp_path / "file")


def test_a_table_is_not_touched_before_the_first_epoch_ends(tmp_path):
    list(log_csv(stats(0.5), tmp_path / "run.csv"))
    with pytest.raises(KeyboardInterrupt):
        list(log_csv(interrupted([], KeyboardInterrupt()), tmp_path / "run.csv"))
    assert len(table(tmp_path / "run.csv")) == 1


def test_without_tensorboard_one_line_says_how_to_install_it(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("tensorboard", "torch.utils.tensorboard"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # as if it were not there
    with pytest.raises(ModuleNotFoundError, match="pip install tensorboard") as caught:
        log_tensorboard([], tmp_path)
    assert "\n" not in str(caught.value)
