"""The replay of a race: at each moment the numbers of its record, and Play that moves through it."""

import numpy as np
import pytest

from senet_lib.book.figures.training_race import TrainingRaceFigure
from tests.browser.figures import open_figure

pytestmark = pytest.mark.browser
OPTIONS = {"clock": True}

ROWS = ("loss", "accuracy", "test_accuracy", "pictures_per_second", "gate_spread")


make_figure = TrainingRaceFigure.example


@pytest.fixture(scope="module")
def figure() -> TrainingRaceFigure:
    return make_figure()


def newest(values: np.ndarray, moment: int) -> float | None:
    """The last number up to a moment; None if there is none yet. The record has -1 where there is none."""
    there = values[: moment + 1][values[: moment + 1] != -1]
    return float(there[-1]) if len(there) else None


def test_it_opens_after_the_first_epoch_so_that_the_end_can_be_guessed(opened, figure):
    assert figure.moment == len(figure.record["step"]) - 1
    assert opened.number("epoch") == 1
    assert opened.get("moment") == np.flatnonzero(figure.record["test_accuracy"][:, 0] >= 0)[0]


def test_each_moment_shows_the_numbers_of_the_record(opened, figure):
    count = len(figure.record["step"])
    for moment in (0, 1, count // 4, count // 2, count - 1):
        opened.move("moment", moment)
        for name in ("step", "epoch", "seconds", "seconds_left"):
            assert opened.number(name) == pytest.approx(float(figure.record[name][moment]), abs=1e-5)
        for name in ROWS:
            for lane in range(2):
                expected = newest(figure.record[name][:, lane], moment)
                if expected is None:
                    assert opened.text(f"{name}-{lane}") == "–"
                else:
                    assert opened.number(f"{name}-{lane}") == pytest.approx(expected, rel=1e-6, abs=1e-5)


def test_the_example_is_a_real_race_that_says_where_it_comes_from(opened, figure):
    assert "Recorded on a CPU" in opened.text("source") and "seed 0" in opened.text("source")
    plain, se = figure.record["test_accuracy"][-1]
    assert plain < 0.65 and se > 0.97


def test_play_runs_from_the_start_to_the_end_and_can_be_stopped(opened, figure):
    opened.root.get_by_role("radio", name="5 s", exact=True).check(force=True)
    play = opened.root.get_by_role("button", name="Play")
    play.click()
    opened.page.clock.run_for(1500)
    opened.root.get_by_role("button", name="Stop").click()
    stopped = opened.get("moment")
    assert 0 < stopped < len(figure.record["step"]) - 1
    opened.page.clock.run_for(400)
    assert opened.get("moment") == stopped
    play.click()
    opened.page.clock.run_for(5500)
    assert opened.get("moment") == len(figure.record["step"]) - 1
    assert opened.root.get_by_role("button", name="Play").is_visible()


def test_a_page_without_a_kernel_offers_no_start(browser, tmp_path):
    live = TrainingRaceFigure(mode="live", record=TrainingRaceFigure.example().record)
    with open_figure(browser, live, tmp_path) as opened:
        assert opened.root.get_by_role("button", name="Start", exact=True).count() == 0
        assert opened.root.get_by_role("button", name="Play").is_visible()


def test_a_bad_state_is_named(opened):
    opened.refuses("moment is 100000; it must be a whole number from 0 to", moment=100_000)
    opened.refuses("it must be a list of 1 to 4 names", lanes=[])
    opened.refuses("replay_seconds is 7; it must be one of 5, 15, 60", replay_seconds=7)
