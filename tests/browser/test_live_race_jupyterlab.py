"""The live race in a running JupyterLab: its buttons, and another cell that runs meanwhile."""

import pytest
from playwright.sync_api import Page

from tests.browser.jupyterlab import open_and_run, save_notebook, wait_for

pytestmark = pytest.mark.browser

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


def run_cell(page: Page, number: int, begin: str) -> str:
    """Run a cell and return its output, which begins so."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    output = cell.locator(".jp-OutputArea-output").filter(has_text=begin)
    output.wait_for(timeout=20_000)
    return output.inner_text()


def test_start_pause_resume_and_stop_work_while_other_cells_run(browser, lab):
    address, root = lab
    save_notebook(root / "race" / "race.ipynb", RACE, OTHER, USE)
    page = browser.new_page(viewport={"width": 1280, "height": 1800})
    try:
        open_and_run(page, f"{address}/lab/workspaces/race/tree/race/race.ipynb")
        frame = page.locator(".senet-frame").first
        step = frame.locator('[data-name="step"]')

        def press(name: str, then: str) -> None:
            frame.get_by_role("button", name=name, exact=True).click()
            frame.locator('[data-name="status"]', has_text=then).wait_for(timeout=20_000)

        def shown() -> str:
            return step.get_attribute("data-value")

        press("Start", "Running.")
        wait_for("the first report", lambda: True if shown() not in (None, "NaN") else None)
        assert "running" in run_cell(page, 1, "steps so far:")  # beside the race
        press("Pause", "Paused.")
        paused = shown()
        page.wait_for_timeout(700)
        assert shown() == paused
        press("Resume", "Running.")
        wait_for("the next report", lambda: True if shown() != paused else None)
        press("Stop", "Stopped.")
        assert run_cell(page, 2, "usable:").strip() == "usable: [(3, 10), (3, 10)] False"
    finally:
        page.close()
