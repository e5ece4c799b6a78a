"""The figures in a running JupyterLab, driven in Chromium: page and Python stay in step, and the kernel trains.

All in one notebook: a server, its page and a kernel with PyTorch take longer to start than the tests that use them.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from senet_lib.book.figures.figure import Figure
from senet_lib.book.figures.network_in_page import NetworkInPage, scene_from_dict
from senet_lib.data.context_world import render_scene
from tests.browser import test_network_in_page as in_page
from tests.browser.figures import all_figures
from tests.browser.jupyterlab import open_and_run, save_notebook, wait_for
from tests.browser.test_laboratory import TINY

pytestmark = pytest.mark.browser
QUIET_SECONDS = 0.5
WAIT = 60_000  # milliseconds at most; what is waited for is an event

RACE = """
from senet_lib.book.figures.live.live_race import live_race

race = live_race("digits", epochs=40, report_every=2, device="cpu")
race
"""
OTHER = 'print("steps so far:", len(race.history), race.figure.state)'
USE = """
import torch

print("usable:", [tuple(model(torch.zeros(3, 1, 8, 8)).shape) for model in race.models.values()], race.is_running)
"""
LABORATORY = f"""
from senet_lib.book.figures.live.live_laboratory import live_laboratory

live_laboratory(**{TINY!r}, device="cpu")
"""

# The kernel writes down each change that it hears of, and obeys orders: so the test sees Python's side.
OWN_NETWORK = """
import torch
from senet_lib.book.figures.live.live_network import network_figure
from senet_lib.networks import create_model

torch.manual_seed(0)
network_figure(create_model("se_small_resnet"), name="mine")
"""

FIGURES = """
import asyncio, json
from importlib import import_module
from pathlib import Path
from IPython.display import display

figures = {{name: getattr(import_module(module), name).example() for name, (module, _) in {figures!r}.items()}}
heard = {{name: {{}} for name in figures}}


def note_changes(name, traits):
    def hear(change):
        heard[name][change["name"]] = change["new"]
        Path("heard.json").write_text(json.dumps(heard))

    figures[name].observe(hear, traits)


async def obey():
    order = Path("order.json")
    while not order.exists():
        await asyncio.sleep(0.05)
    for name, values in json.loads(order.read_text()).items():
        with figures[name].hold_sync():
            for trait, value in values.items():
                setattr(figures[name], trait, value)


for name, (_, traits) in {figures!r}.items():
    note_changes(name, traits)
task = asyncio.ensure_future(obey())
display(*figures.values())
"""
# The landing page's scene has no control of this kind: its square is dragged, and no notebook shows it.
STEPPED = [figure for figure in all_figures() if figure.__name__ != "LandingScene"]


def own_traits(figure: type[Figure]) -> list[str]:
    traits = [name for name in figure.class_traits(sync=True) if not name.startswith("_") and name != "layout"]
    return [name for name in traits if name not in Figure.class_traits()]


@pytest.fixture(scope="module")
def notebook(browser, lab) -> Iterator[Page]:
    """A page with all cells above, of which the first has run."""
    address, root = lab
    figures = {figure.__name__: (figure.__module__, own_traits(figure)) for figure in STEPPED}
    cells = (RACE, OTHER, USE, LABORATORY, OWN_NETWORK, FIGURES.format(figures=figures))
    save_notebook(root / "book" / "book.ipynb", *cells)
    page = browser.new_page(viewport={"width": 1280, "height": 1800})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    open_and_run(page, f"{address}/lab/workspaces/book/tree/book/book.ipynb")
    yield page
    assert faults == []
    page.close()


def run(page: Page, number: int) -> Locator:
    """Run a cell to its end; its output."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
    prompt = cell.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")

    def is_over() -> bool | None:
        now = prompt.inner_text()
        return True if now != before and re.search(r"\d", now) else None

    wait_for("the end of the cell", is_over)
    output = cell.locator(".jp-OutputArea-output").first
    output.wait_for(timeout=WAIT)
    return output


def test_start_pause_resume_and_stop_work_while_other_cells_run(notebook):
    frame = notebook.locator(".senet-frame").first
    step = frame.locator('[data-name="step"]')

    def press(name: str, then: str) -> None:
        frame.get_by_role("button", name=name, exact=True).click()
        frame.locator('[data-name="status"]', has_text=then).wait_for(timeout=WAIT)

    def shown() -> str:
        return step.get_attribute("data-value")

    press("Start", "Running.")
    wait_for("the first report", lambda: True if shown() not in (None, "NaN") else None)
    assert "running" in run(notebook, 1).inner_text()  # beside the race
    press("Pause", "Paused.")
    paused = shown()
    assert run(notebook, 1).inner_text() == run(notebook, 1).inner_text()
    assert shown() == paused
    press("Resume", "Running.")
    wait_for("the next report", lambda: True if shown() != paused else None)
    press("Stop", "Stopped.")
    assert run(notebook, 2).inner_text().strip() == "usable: [(3, 10), (3, 10)] False"


def test_in_a_laboratory_the_kernel_trains(notebook):
    figure = run(notebook, 3)
    lane = figure.locator('[data-lane="b"]')
    lane.wait_for(timeout=WAIT)

    def press(name: str, then: str) -> None:
        figure.get_by_role("button", name=name, exact=True).click()
        figure.locator(f'[data-lane="a"][data-phase="{then}"]').wait_for(timeout=WAIT)
        figure.locator(f'[data-lane="b"][data-phase="{then}"]').wait_for(timeout=WAIT)

    figure.locator('[data-bet="b"]').click()
    press("One step", "paused")
    figure.locator('[data-name="step_b"][data-value="1"]').wait_for(timeout=WAIT)
    press("Train", "finished")
    assert len(lane.evaluate("(card) => card.losses")) == 10
    assert "A did not" in figure.locator('[data-name="answer"]').inner_text()


def test_torch_answers_for_the_readers_own_network(notebook):
    frame = run(notebook, 4).locator(".senet-frame")
    frame.locator('[data-name="status"]', has_text="torch runs the network").wait_for(timeout=WAIT)
    answered = frame.locator('.senet-body[data-answered="true"]')
    network = frame.get_by_role("combobox", name="Network")
    network.select_option(label="SE, r = 4")
    frame.get_by_role("combobox", name="red glyph").select_option(label="block")
    for _ in range(3):
        frame.locator(".scene-handle").nth(3).press("ArrowLeft")
    answered.wait_for(timeout=WAIT)
    frame.locator('[data-name="milliseconds"]:visible').wait_for(timeout=WAIT)
    first = NetworkInPage.example().scenes[0]
    row, column = first["cue_corner"]
    scene = scene_from_dict(first | {"shapes": [3, *first["shapes"][1:]], "cue_corner": [row, column - 3]})
    logits, gates = in_page.network(in_page.R4).run(render_scene(scene)[None])
    seen = frame.evaluate(in_page.SHOWN)
    assert seen["logits"] == pytest.approx(logits[0].tolist(), **in_page.CLOSE)
    assert seen["gates"]["layer2.0"] == pytest.approx(gates["layer2.0"][0].tolist(), **in_page.CLOSE)
    network.select_option(label="mine")
    answered.wait_for(timeout=WAIT)
    assert frame.evaluate(in_page.SHOWN)["logits"] != seen["logits"]
    assert not frame.locator(".senet-problem").is_visible()


def test_page_and_python_stay_in_step(notebook, lab):
    """Of all figures: a control of each is moved, Python hears of it, and moves it back."""
    folder = lab[1] / "book"
    run(notebook, 5)
    frames = notebook.locator(".jp-CodeCell").nth(5).locator(".senet-frame")
    frames.nth(len(STEPPED) - 1).wait_for(timeout=300_000)
    assert frames.count() == len(STEPPED)
    controls, before = {}, {}
    for place, figure in enumerate(STEPPED):
        name = figure.__name__
        frames.nth(place).evaluate("el => el.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
        control = frames.nth(place).locator(':is(input[type="range"], select)[data-trait]:visible').first
        controls[name], before[name] = control, control.input_value()
        is_menu = control.evaluate("el => el.tagName") == "SELECT"
        for key in ("ArrowDown", "ArrowUp") if is_menu else ("ArrowRight", "ArrowLeft"):
            control.press(key)  # one of the two moves it, wherever it stands
            if control.input_value() != before[name]:
                break
        assert control.input_value() != before[name], name
    moved = {name: control.get_attribute("data-trait") for name, control in controls.items()}
    heard = folder / "heard.json"

    def changes() -> dict[str, Any] | None:
        """What Python has heard, when nothing more comes: a control may move other traits with its own."""
        if not heard.exists() or time.time() - heard.stat().st_mtime < QUIET_SECONDS:
            return None
        found = json.loads(heard.read_text())
        return found if all(trait in found[name] for name, trait in moved.items()) else None

    changed = wait_for("Python's hearing of all", changes)
    original = {cls.__name__: {one: getattr(cls.example(), one) for one in changed[cls.__name__]} for cls in STEPPED}
    assert [name for name, trait in moved.items() if changed[name][trait] == original[name][trait]] == []
    written = folder / "written.json"  # whole before the kernel sees it
    written.write_text(json.dumps(original))
    written.rename(folder / "order.json")
    for name, control in controls.items():
        wait_for(f"{name}'s move", lambda c=control, b=before[name]: True if c.input_value() == b else None)
    assert notebook.locator(".senet-problem:visible").count() == 0
