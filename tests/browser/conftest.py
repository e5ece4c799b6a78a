"""A real Chromium, a server for the built book on 127.0.0.1, and no other host."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.figures import Opened, open_figure, serve
from tests.browser.jupyterlab import ROOT, run_lab
from tools.as_scripts import PARTS
from tools.chromium import HOW_TO_ENABLE, find_chromium, open_chromium

HTML = ROOT / "_build" / "html"
FIRST_SCREENS = [(1440, 900), (1366, 768), (390, 800)]
VENDOR = ROOT / "_build" / "extra" / "vendor" / "onnxruntime"
STEPS = ROOT / "results" / "training_steps"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if find_chromium() is None:
        (pytest.fail if os.environ.get("REQUIRE_CHROMIUM") else pytest.skip)(HOW_TO_ENABLE)
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(request, browser, tmp_path_factory) -> Iterator[Opened]:
    """A page with the figure that the module's ``make_figure`` makes; the module may name ``OPTIONS`` of the page."""
    options = getattr(request.module, "OPTIONS", {})
    with open_figure(browser, request.module.make_figure(), tmp_path_factory.mktemp("page"), **options) as page:
        yield page


@pytest.fixture
def opened(page) -> Iterator[Opened]:
    """The module's figure in its first state, in a page that its tests share."""
    page.reset()
    yield page
    assert page.problem is None
    assert page.faults == []


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The address of a running JupyterLab, and its folder: give each notebook a folder of its own in there."""
    folder = tmp_path_factory.mktemp("lab")
    with run_lab(folder) as address:
        yield address, folder


@pytest.fixture(scope="session")
def addresses() -> Iterator[dict[str, str]]:
    """Where the built book is: as a server, and as a folder."""
    if not (HTML / "index.html").exists():
        pytest.fail("there is no built book; run: make book")
    server = serve(HTML)
    yield {"http": f"http://127.0.0.1:{server.server_port}", "file": HTML.as_uri()}
    server.shutdown()


@pytest.fixture
def site(tmp_path) -> Path:
    """A folder with the runtime and two contestants where the built book has them; copies, to be spoilt."""
    if not (VENDOR / "LICENSE").exists():
        pytest.fail("there is no ONNX Runtime Web to serve; run: make book")
    runtime, contestants = tmp_path / "vendor" / "onnxruntime", tmp_path / "networks" / "training"
    runtime.mkdir(parents=True)
    contestants.mkdir(parents=True)
    for file in VENDOR.glob("*.*"):
        (runtime / file.name).symlink_to(file)
    for name in ("plain-2", "se-2-r4"):
        for part in PARTS:
            shutil.copy(STEPS / f"{name}{part}", contestants)
    return tmp_path


@pytest.fixture
def visit(browser, addresses) -> Iterator:
    """Opens a page in the test's own window; no script may have failed at the end."""
    context = browser.new_context(reduced_motion="reduce")
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def go(name: str, way: str = "file", size: tuple[int, int] = FIRST_SCREENS[0]) -> Page:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(f"{addresses[way]}/{name}.html")
        return page

    yield go
    context.close()
    assert errors == []
