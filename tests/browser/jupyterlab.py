"""A JupyterLab for tests: start one, give it a notebook, open and run it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page

ROOT = Path(__file__).parent.parent.parent
CONTROL = '.senet-frame :is(input[type="range"], select)[data-trait]'


def wait_for(what: str, read: Callable[[], Any], seconds: float = 300) -> Any:
    """The first result that is not None. The bound only ends a test that would wait for ever."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = read()
        if result is not None:
            return result
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen within {seconds} s")


@contextmanager
def run_lab(folder: Path) -> Iterator[str]:
    """The address of a JupyterLab on 127.0.0.1 for a folder. It asks no other host for news or extensions."""
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
    with (folder / "lab.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        address = f"http://127.0.0.1:{port}"

        def answers() -> bool | None:
            if server.poll() is not None:
                pytest.fail(f"JupyterLab ended:\n{(folder / 'lab.log').read_text()}")
            try:
                return urllib.request.urlopen(f"{address}/api").status == 200
            except OSError:
                return None

        try:
            wait_for("JupyterLab's start", answers)
            yield address
        finally:
            server.terminate()
            server.wait()


def save_notebook(path: Path, *cells: str) -> None:
    """A notebook of code cells, in a new folder."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = [nbformat.v4.new_code_cell(cell.strip()) for cell in cells]
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": kernel}), path)


def open_and_run(page: Page, address: str) -> None:
    page.goto(address)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.wait_for(timeout=300_000)
    page.get_by_text("| Idle").wait_for(timeout=300_000)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.locator(CONTROL).first.wait_for(timeout=300_000)
