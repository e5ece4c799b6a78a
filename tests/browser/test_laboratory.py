"""The laboratory: the runs of PyTorch, after a bet, held and resumed at will, kept and erased; kind where it fails."""

import csv
import inspect
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.train_in_page import RECORD
from senet_lib.book.contestants import CONTESTANTS
from senet_lib.book.figures.laboratory import PRESETS, Laboratory
from senet_lib.book.figures.live.live_laboratory import ContestantTraining
from senet_lib.data.context_world import SOLVED
from tests.browser.conftest import STEPS
from tests.browser.figures import Opened, open_figure
from tools.as_scripts import PARTS, write_scripts

pytestmark = pytest.mark.browser

TINY = {"pictures": 320, "epochs": 1, "seed": 3, "gap": 12}  # ten steps
WAIT = 60_000  # milliseconds at most; what is waited for is an event
LONG_WAIT = 1_800_000
PHASES = "[...document.querySelectorAll('[data-lane]')].map((card) => card.dataset.phase)"


@contextmanager
def open_laboratory(browser, site: Path, *, way: str = "http", faults: bool = False, **state: Any) -> Iterator[Opened]:
    """A laboratory with a tiny run. It ends without a script error, unless ``faults`` are expected."""
    figure = Laboratory.preset("add SE", **TINY | state)
    with open_figure(browser, figure, site, way=way) as opened:
        yield opened
        assert opened.problem is None
        assert faults or opened.faults == []


def bet_and_train(opened: Opened, bet: str = "b") -> None:
    opened.click(opened.root.locator(f'[data-bet="{bet}"]'))
    opened.click("Train")


def wait_for(opened: Opened, *phases: str, patience: int = WAIT) -> None:
    """Until both networks are in one of these phases."""
    ends = json.dumps([*phases, "failed"])
    opened.page.wait_for_function(f"{PHASES}.every((phase) => {ends}.includes(phase))", timeout=patience)
    opened.settle()
    assert "failed" in phases or "failed" not in opened.page.evaluate(PHASES), opened.text("status")


def losses(opened: Opened, lane: str) -> list[float]:
    return opened.root.locator(f'[data-lane="{lane}"]').evaluate("(card) => card.losses")


def test_a_run_in_the_page_is_the_run_of_torch(browser, site):
    """Of two epochs, so that the second order of the pictures counts."""
    job = {"learningRate": 0.005, "schedule": "one-cycle", "testPictures": 200}
    with open_laboratory(browser, site, epochs=2) as opened:
        bet_and_train(opened)
        wait_for(opened, "finished")
        for lane, name in {"a": "plain-2", "b": "se-2-r4"}.items():
            training = ContestantTraining({"name": name} | TINY | {"epochs": 2} | job, torch.device("cpu"))
            while not training.is_over:
                training.advance()
            found = losses(opened, lane)
            assert found[0] == pytest.approx(training.losses[0], abs=1e-5)
            assert found[:10] == pytest.approx(training.losses[:10], abs=1e-3)
            assert found == pytest.approx(training.losses, abs=1e-2)
            assert opened.number(f"test_accuracy_{lane}") == pytest.approx(training.tests[-1], abs=0.02)


def test_a_whole_training_in_the_page_parts_the_two(browser, site):
    """Four short epochs, for both alike: what a reader sees who waits for a minute."""
    with open_laboratory(browser, site, pictures=4000, epochs=4, seed=0) as opened:
        bet_and_train(opened)
        wait_for(opened, "finished", patience=LONG_WAIT)
        lanes = [opened.root.locator(f'[data-lane="{lane}"]') for lane in "ab"]
        plain, se = (lane.evaluate("(card) => card.tests.at(-1)") for lane in lanes)
        assert plain < 0.65 and se >= SOLVED


def test_a_bet_can_be_on_who_ends_higher(browser, site):
    same = {"reduction_a": 4, "question": "higher", "kind_a": "plain"}
    with open_laboratory(browser, site, **same) as opened:
        bet_and_train(opened, "a")
        wait_for(opened, "finished")
        lanes = [opened.root.locator(f'[data-lane="{lane}"]') for lane in "ab"]
        plain, se = (lane.evaluate("(card) => card.tests.at(-1)") for lane in lanes)
        assert opened.text("answer").startswith("Right: A ended" if plain > se else "Not so: A ended")
        assert opened.root.locator("[data-bet]").all_inner_texts() == ["A", "B", "level"]


def test_a_bet_comes_first_then_steps_pause_and_reset_lead_to_the_same_run(browser, site):
    with open_laboratory(browser, site) as opened:
        opened.click("Train", force=True)
        assert "Bet first" in opened.text("status")
        assert opened.page.evaluate(PHASES) == ["idle", "idle"]
        opened.click(opened.root.locator('[data-bet="none"]'))
        for step in (1, 2):
            opened.click("One step")
            wait_for(opened, "paused")
            assert [opened.number(f"step_{lane}") for lane in "ab"] == [step, step]
        assert opened.root.locator(".lab-network input").first.is_disabled()
        assert "Reset frees them" in opened.text("lock")
        opened.root.locator(".lab-go").evaluate("(button) => { button.click(); button.click(); }")  # Train, then Pause
        wait_for(opened, "paused")
        assert all(2 <= opened.number(f"step_{lane}") <= 3 for lane in "ab")
        opened.click("Train")
        wait_for(opened, "finished")
        assert opened.number("step_a") == 10 and opened.number("pace_a") > 0
        first = [losses(opened, lane) for lane in "ab"]
        assert "Bets won so far" in opened.text("answer")
        opened.click("Reset")
        assert opened.number("step_b") == 0 and opened.text("lock") == ""
        opened.click("Train")
        wait_for(opened, "finished")
        assert [losses(opened, lane) for lane in "ab"] == first


def test_finished_runs_outlive_the_page_and_erase_leaves_nothing(browser, site):
    with open_laboratory(browser, site) as opened:
        page = opened.page
        page.set_viewport_size({"width": 390, "height": 900})
        assert opened.text("status") == "A run takes about 5 s on a slow computer: an estimate."
        opened.press("Enter", on=opened.root.locator('[data-bet="none"]'))
        opened.press("Enter", on=opened.root.get_by_role("button", name="Train", exact=True))
        wait_for(opened, "finished")
        finals = [opened.number(f"test_accuracy_{lane}") for lane in "ab"]
        assert re.match("Right: A did not .*, B did not", opened.text("answer"))
        opened.click("Next seed")
        assert opened.get("seed") == TINY["seed"] + 1 and opened.get("bet") == "none"
        assert re.match(
            r"Ready, with seed 4. A run takes about \d+ (s|min), going by your last one", opened.text("status")
        )
        opened.click("Train")
        wait_for(opened, "finished")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.reload()
        page.wait_for_selector(".lab-table tbody tr")
        rows = opened.root.locator(".lab-table tbody tr").all_inner_texts()
        assert len(rows) == 2 and all(f"{final:.2f}, " in row for final, row in zip(finals, rows, strict=True))
        with page.expect_download() as download:
            opened.root.get_by_role("button", name="Save as CSV").click()
        table = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
        assert [(row["network"], row["seed"]) for row in table] == [
            (name, str(seed)) for seed in (3, 4) for name in ("plain-2", "se-2-r4")
        ]
        assert [float(row["test accuracy after epoch 1"]) for row in table[:2]] == finals
        opened.click("Erase")
        assert opened.root.locator(".lab-table tbody tr").count() == 0
        assert page.evaluate("localStorage.length") == 0


def test_the_estimate_goes_by_the_benchmarks_record():
    text = (Path(inspect.getfile(Laboratory)).parent / "parts" / "training_settings.js").read_text()
    known = dict(re.findall(r"(\d): (\d+)", re.search("STEP_MS = {(.*)}", text)[1]))
    recorded = json.loads(RECORD.read_text())["step_ms"]
    assert known == {blocks: f"{recorded[f'se-{blocks}-r4']:.0f}" for blocks in known}


REFUSING = "() => { Storage.prototype.setItem = () => { throw new DOMException('no', '%s'); }; }"


@pytest.mark.parametrize(("error", "said"), [("QuotaExceededError", "is full"), ("SecurityError", "is refused")])
def test_a_storage_that_takes_nothing_is_named_and_the_table_lasts_as_long_as_the_page(browser, site, error, said):
    with open_laboratory(browser, site) as opened:
        opened.page.evaluate(REFUSING % error)
        bet_and_train(opened)
        wait_for(opened, "finished")
        assert said in opened.text("status")
        assert opened.root.locator(".lab-table tbody tr").count() == 2


def lose(file: str):
    return lambda site: (site / file).unlink()


def cut(file: str):
    return lambda site: (site / file).write_bytes((site / file).read_bytes()[: (site / file).stat().st_size // 2])


# The names of levels through which a curve of points goes.
CROSSED = """() => {
  const chart = document.querySelector('.lab-charts svg');
  const curves = [...chart.querySelectorAll('.senet-chart-line:has(> path[transform]) > path:first-child')];
  const places = curves.flatMap((line) => Array.from({ length: 500 },
    (_, i) => line.getPointAtLength((line.getTotalLength() * i) / 499)));
  return [...chart.querySelectorAll('.senet-chart-line text')].filter((name) => {
    const { x, y, width, height } = name.getBBox();
    return places.some((at) => at.x > x && at.x < x + width && at.y > y && at.y < y + height);
  }).map((name) => name.textContent);
}"""
REFUSED = "() => { window.Worker = function () { throw new DOMException('workers are refused'); }; }"
TRAIN = "networks/training/se-2-r4.train.onnx"
FAULTS = {
    "no graph": (lose(TRAIN), "", f"{TRAIN} cannot be loaded (404)"),
    "a graph cut short": (cut(TRAIN), "", f"{TRAIN} is damaged or cut off"),
    "no runtime": (lose("vendor/onnxruntime/ort.wasm.bundle.min.mjs"), "", "serve the book"),
    "no wasm": (lose("vendor/onnxruntime/ort-wasm-simd-threaded.wasm"), "", "cannot be loaded (404)"),
    "no WebAssembly": (lambda site: None, "() => delete window.WebAssembly", "no WebAssembly"),
    "no workers": (lambda site: None, REFUSED, "workers are refused"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_where_nothing_can_be_trained_it_says_why_and_the_recorded_runs_play(browser, site, fault):
    spoil, script, said = FAULTS[fault]
    spoil(site)
    with open_laboratory(browser, site, faults=True, epochs=6) as opened:  # as many as are on record
        opened.page.evaluate(script or "0")
        bet_and_train(opened)
        opened.page.wait_for_function(f"{PHASES}.includes('failed')", timeout=WAIT)
        opened.settle()
        assert said in opened.text("status") and "Below is a recorded run" in opened.text("status")
        opened.page.wait_for_function("document.querySelector('[data-name=answer]').textContent.startsWith('Right: ')")
        recorded = Laboratory.example().recorded
        assert opened.number("test_accuracy_b") == recorded["se-2-r4"]["12"][0][-1]
        assert opened.page.evaluate("localStorage.length") == 0
        assert opened.page.evaluate(CROSSED) == []


def test_a_bet_on_a_run_of_another_length_than_the_recorded_one_stays_open(browser, site):
    with open_laboratory(browser, site, faults=True, epochs=3) as opened:
        opened.page.evaluate(REFUSED)
        bet_and_train(opened)
        told = "document.querySelector('[data-name=answer]').textContent"
        opened.page.wait_for_function(f"{told}.endsWith('so your bet stays open.')")


HIDE = """Object.defineProperty(document, 'hidden', { get: () => true });
  document.dispatchEvent(new Event('visibilitychange'));"""


def test_a_hidden_page_pauses_a_worker_that_dies_is_named_and_reset_begins_anew(browser, site):
    with open_laboratory(browser, site, pictures=8000, faults=True) as opened:
        bet_and_train(opened)
        wait_for(opened, "running")
        opened.page.evaluate(HIDE)
        wait_for(opened, "paused")
        assert "the page was hidden" in opened.text("status") and opened.faults == []
        opened.page.evaluate("delete document.hidden")
        opened.click("Train")
        wait_for(opened, "running")
        opened.page.workers[0].evaluate("setTimeout(() => { throw new Error('out of memory'); })")
        opened.page.wait_for_function(f"{PHASES}.includes('failed')", timeout=WAIT)
        opened.settle()
        assert "has died" in opened.text("status") and "out of memory" in opened.text("status")
        opened.set_all(pictures=320)
        opened.click(opened.root.locator('[data-bet="b"]'))
        opened.click("Train")
        wait_for(opened, "finished")


def test_a_loss_that_is_no_number_stops_that_network_and_keeps_the_curve(browser, site):
    about = site / "networks" / "training" / "plain-2.json"
    spoilt = json.loads(about.read_text())
    spoilt["draws"].append(["fill", spoilt["weights"], 3e38, 0])
    about.write_text(json.dumps(spoilt))
    with open_laboratory(browser, site) as opened:
        bet_and_train(opened)
        wait_for(opened, "finished", "diverged")
        assert opened.page.evaluate(PHASES) == ["diverged", "finished"]
        assert "A: The loss is no number any more at step 1" in opened.text("status")
        assert len(losses(opened, "b")) == 10
        assert opened.root.locator(".lab-table tbody tr").count() == 1


SAFARI = """() => Object.defineProperty(navigator, 'userAgent', { configurable: true,
  get: () => 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15' })"""


def test_a_page_from_a_folder_trains_too(browser, site):
    with open_laboratory(browser, site, way="file", faults=True) as opened:
        bet_and_train(opened)
        opened.page.wait_for_function(f"{PHASES}.includes('failed')", timeout=WAIT)
        opened.settle()
        assert "unpack the whole archive" in opened.text("status")
        opened.page.evaluate(SAFARI)
        opened.click("Reset")
        opened.click("Train")
        opened.page.wait_for_function(f"{PHASES}.includes('failed')", timeout=WAIT)
        opened.settle()
        assert "may run no network in this browser; serve the book" in opened.text("status")
        opened.page.evaluate("() => delete navigator.userAgent")
        write_scripts(site)
        for file in site.glob("networks/training/*.onnx"):
            file.unlink()
        opened.click("Reset")
        opened.click("Train")
        wait_for(opened, "finished")
        with open_laboratory(browser, site, way="file") as again:
            bet_and_train(again)
            wait_for(again, "finished")
            assert losses(again, "b") == losses(opened, "b")


def test_what_is_not_offered_is_grey_and_says_why(browser, tmp_path):
    catalogue = ["plain-2", "se-2-r4", "se-2-r4-pre", "se-2-r8", "se-4-r8"]
    with open_figure(browser, Laboratory(catalogue=catalogue, place_b="pre"), tmp_path) as opened:
        opened.refuses("se-2-r1-pre (reduction_b, place_b) is not offered", "se-2-r4-pre", reduction_b=1)
        opened.refuses("bet is c; it must be one of a, b, both, none", bet="c")
        opened.root.locator("summary", has_text="More settings").click()
        r_of_b = opened.root.get_by_label("r of B", exact=True)
        assert opened.root.get_by_label("r of A", exact=True).is_disabled() and "no gate" in opened.text("offer_a")
        assert r_of_b.locator("option:not(:disabled)").all_inner_texts() == ["4"]
        assert "not offered" in opened.text("offer_b")
        opened.root.locator('[data-trait="blocks_b"][value="4"]').check(force=True)
        opened.settle()
        assert [opened.get(name) for name in ("blocks_b", "reduction_b", "place_b")] == [4, 8, "standard"]


def test_each_network_of_the_catalogue_and_of_the_presets_has_its_files():
    names = {about.stem for about in STEPS.glob("*.json")}
    assert names == {one.name for one in CONTESTANTS}
    assert all((STEPS / f"{name}{part}").is_file() for name in names for part in PARTS)
    for name in PRESETS:
        figure = Laboratory.preset(name)
        assert {figure.contestant("a").name, figure.contestant("b").name} <= names
    with pytest.raises(ValueError, match="there is no preset 'none'; use one of in half the time"):
        Laboratory.preset("none")
