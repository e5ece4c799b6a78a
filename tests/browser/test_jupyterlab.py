"""The figures in a running JupyterLab, driven in Chromium: page and Python stay in step, in both directions."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from senet_lib.book.figures.figure import Figure
from tests.browser.figures import all_figures
from tests.browser.jupyterlab import CONTROL, open_and_run, save_notebook, wait_for

pytestmark = pytest.mark.browser
QUIET_SECONDS = 0.5

# The kernel writes down each change that it hears of, and obeys orders: so the test sees Python's side.
CELL = """
import asyncio, json
from pathlib import Path
from {module} import {name}

figure = {name}.example()
heard = {{}}


def hear(change):
    heard[change["name"]] = change["new"]
    Path("heard.json").write_text(json.dumps(heard))


figure.observe(hear, {traits!r})


async def obey():
    order = Path("order.json")
    while True:
        if order.exists():
            values = json.loads(order.read_text())
            order.unlink()
            with figure.hold_sync():
                for name, value in values.items():
                    setattr(figure, name, value)
        await asyncio.sleep(0.05)


task = asyncio.ensure_future(obey())
figure
"""


def write_notebook(figure: type[Figure], folder: Path) -> None:
    traits = [name for name in figure.class_traits(sync=True) if not name.startswith("_") and name != "layout"]
    own = [name for name in traits if name not in Figure.class_traits()]
    save_notebook(folder / "figure.ipynb", CELL.format(module=figure.__module__, name=figure.__name__, traits=own))


# The landing page's scene has no control of this kind: its square is dragged, and no notebook shows it.
STEPPED = [figure for figure in all_figures() if figure.__name__ != "LandingScene"]


@pytest.mark.parametrize("figure", STEPPED, ids=lambda figure: figure.__name__)
def test_page_and_python_stay_in_step(browser, lab, figure):
    address, root = lab
    folder = root / figure.__name__
    write_notebook(figure, folder)
    heard, order = folder / "heard.json", folder / "order.json"
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    try:
        open_and_run(page, f"{address}/lab/workspaces/{figure.__name__}/tree/{figure.__name__}/figure.ipynb")
        control = page.locator(CONTROL).first
        before = control.input_value()
        control.focus()
        for key in ("ArrowRight", "ArrowLeft"):  # one of the two moves it, wherever it stands
            page.keyboard.press(
                key.replace("Right", "Down").replace("Left", "Up")
                if control.evaluate("el => el.tagName") == "SELECT"
                else key
            )
            if control.input_value() != before:
                break
        moved = control.input_value()
        assert moved != before
        trait = control.get_attribute("data-trait")

        def changes() -> dict[str, Any] | None:
            """What Python has heard, when nothing more comes: a control may move other traits with its own."""
            if not heard.exists() or time.time() - heard.stat().st_mtime < QUIET_SECONDS:
                return None
            found = json.loads(heard.read_text())
            return found if trait in found else None

        changed = wait_for("Python's hearing of it", changes)
        original = {name: getattr(figure.example(), name) for name in changed}
        assert changed[trait] != original[trait]
        written = folder / "written.json"  # whole before the kernel sees it
        written.write_text(json.dumps(original))
        written.rename(order)
        wait_for("the figure's move", lambda: True if control.input_value() == before else None)
        assert not page.locator(".senet-problem").first.is_visible()
        assert faults == []
    finally:
        page.close()
