"""Firefox and WebKit train as Chromium does: the same losses to the last digit."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from senet_lib.book.figures.laboratory import Laboratory
from tests.browser.figures import page_of, serve
from tests.browser.other_browsers import PATIENCE_S, firefox, webkit
from tests.browser.test_laboratory import TINY, bet_and_train, losses, open_laboratory, wait_for
from tools.as_scripts import write_scripts

pytestmark = pytest.mark.browser


CARDS = "[...document.querySelectorAll('[data-lane]')]"
PHASES = f"return {CARDS}.map((card) => card.dataset.phase)"
LOSSES = f"return {CARDS}.map((card) => [...((card.wrappedJSObject ?? card).losses ?? [])])"
STATUS = "return document.querySelector('[data-name=status]').textContent"


@pytest.fixture
def home(site) -> Iterator[dict[str, str]]:
    """A page with a laboratory, as a server and as a folder give it."""
    figure = Laboratory.preset("add SE", **TINY)
    text = page_of(figure.to_html())
    (site / "laboratory.html").write_text(text, encoding="utf-8")
    server = serve(site)
    yield {"http": f"http://127.0.0.1:{server.server_port}/laboratory.html", "file": _uri(site / "laboratory.html")}
    server.shutdown()


def _uri(path: Path) -> str:
    return path.resolve().as_uri()


def train(driver: WebDriver, address: str) -> list[list[float]]:
    """The losses of both networks in a whole training."""
    assert press_train(driver, address) == {"finished"}, driver.execute_script(STATUS)
    return driver.execute_script(LOSSES)


def press_train(driver: WebDriver, address: str) -> set[str]:
    """Bet and train as a reader does; how it ends."""
    driver.get(address)
    wait = WebDriverWait(driver, PATIENCE_S)
    wait.until(lambda driver: driver.execute_script(PHASES) == ["idle", "idle"])
    driver.find_element(By.CSS_SELECTOR, "[data-bet=b]").click()
    go = driver.find_element(By.CSS_SELECTOR, ".lab-go")
    wait.until(lambda driver: go.get_attribute("aria-disabled") != "true" and go.is_enabled())
    go.click()
    wait.until(lambda driver: set(driver.execute_script(PHASES)) <= {"finished", "failed"})
    return set(driver.execute_script(PHASES))


@pytest.fixture
def of_chromium(browser, site) -> np.ndarray:
    with open_laboratory(browser, site) as opened:
        bet_and_train(opened)
        wait_for(opened, "finished")
        return np.array([losses(opened, lane) for lane in "ab"], np.float32)


def test_firefox_trains_to_the_last_digit_as_chromium_does_also_from_a_folder(site, home, of_chromium):
    write_scripts(site)
    with firefox() as driver:
        for way in ("http", "file"):
            assert np.array_equal(np.array(train(driver, home[way]), np.float32), of_chromium), way


def test_webkit_trains_to_the_last_digit_as_chromium_does_and_says_why_a_folder_will_not_do(site, home, of_chromium):
    write_scripts(site)
    with webkit() as driver:
        assert np.array_equal(np.array(train(driver, home["http"]), np.float32), of_chromium)
        assert press_train(driver, home["file"]) == {"failed"}
        assert "serve the book" in driver.execute_script(STATUS)
