"""The figures in a running JupyterLab, driven in Chromium: page and Python stay in step, in both directions."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page

from senet_lib.figures.figure import Figure
from tests.browser.conftest import ROOT
from tests.browser.figures import all_figures

pytestmark = pytest.mark.browser

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
CONTROL = '.senet-frame :is(input[type="range"], select)[data-trait]'


def wait_for(what: str, read: Callable[[], Any], seconds: float = 20) -> Any:
    """The first result that is not None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = read()
        if result is not None:
            return result
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen within {seconds} s")


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab on 127.0.0.1, and its folder. It asks no other host for news or extensions."""
    folder = tmp_path_factory.mktemp("lab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.root_dir": folder,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "IdentityProvider.token": "",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.extension_manager": "readonly",
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]
    no_news = folder / "config" / "labconfig" / "page_config.json"
    no_news.parent.mkdir(parents=True)
    no_news.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
    environment = os.environ | {
        "HOME": str(folder),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    log = (folder / "lab.log").open("w")
    server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool | None:
        if server.poll() is not None:
            pytest.fail(f"JupyterLab ended:\n{(folder / 'lab.log').read_text()}")
        try:
            return urllib.request.urlopen(f"{address}/api").status == 200
        except OSError:
            return None

    wait_for("JupyterLab's start", answers, seconds=90)
    yield address, folder
    server.terminate()
    server.wait()
    log.close()


def write_notebook(figure: type[Figure], folder: Path) -> None:
    traits = [name for name in figure.class_traits(sync=True) if not name.startswith("_") and name != "layout"]
    own = [name for name in traits if name not in Figure.class_traits()]
    code = CELL.format(module=figure.__module__, name=figure.__name__, traits=own)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code.strip())], metadata={"kernelspec": kernel}
    )
    folder.mkdir()
    nbformat.write(notebook, folder / "figure.ipynb")


def open_and_run(page: Page, address: str) -> None:
    page.goto(address)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.wait_for(timeout=60_000)
    page.get_by_text("| Idle").wait_for(timeout=60_000)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.locator(CONTROL).first.wait_for(timeout=60_000)


@pytest.mark.parametrize("figure", all_figures(), ids=lambda figure: figure.__name__)
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
            """What Python has heard; a control may move other traits with its own."""
            found = json.loads(heard.read_text()) if heard.exists() and heard.read_text() else {}
            return found if trait in found else None

        changed = wait_for("Python's hearing of it", changes)
        original = {name: getattr(figure.example(), name) for name in changed}
        assert changed[trait] != original[trait]
        order.write_text(json.dumps(original))
        wait_for("the figure's move", lambda: True if control.input_value() == before else None)
        assert not page.locator(".senet-problem").first.is_visible()
        assert faults == []
    finally:
        page.close()
