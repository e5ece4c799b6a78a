"""The figures in a running JupyterLab, driven in Chromium: page and Python stay in step, in both directions."""

import json
import time
from typing import Any

import pytest

from senet_lib.book.figures.figure import Figure
from tests.browser.figures import all_figures
from tests.browser.jupyterlab import open_and_run, save_notebook, wait_for

pytestmark = pytest.mark.browser
QUIET_SECONDS = 0.5

# The kernel writes down each change that it hears of, and obeys orders: so the test sees Python's side.
CELL = """
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


def test_page_and_python_stay_in_step(browser, lab):
    """All figures in one notebook: a control of each is moved, Python hears of it, and moves it back."""
    address, root = lab
    folder = root / "figures"
    figures = {figure.__name__: (figure.__module__, own_traits(figure)) for figure in STEPPED}
    save_notebook(folder / "figures.ipynb", CELL.format(figures=figures))
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    open_and_run(page, f"{address}/lab/workspaces/figures/tree/figures/figures.ipynb")
    frames = page.locator(".senet-frame")
    frames.nth(len(STEPPED) - 1).wait_for(timeout=300_000)
    assert frames.count() == len(STEPPED)
    controls, before = {}, {}
    for place, figure in enumerate(STEPPED):
        name = figure.__name__
        control = frames.nth(place).locator(':is(input[type="range"], select)[data-trait]').first
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
    assert page.locator(".senet-problem:visible").count() == 0
    assert faults == []
    page.close()
