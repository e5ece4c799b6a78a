"""Firefox and WebKit open every page as Chromium does: figures live, formulas drawn, nothing too wide, same numbers."""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.other_browsers import firefox, webkit
from tests.browser.test_pages import PAGES

pytestmark = pytest.mark.browser

# Brings each figure of a page into view, waits until all live, and tells what a reader would see of the page.
WALK = """
const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
const figures = [...document.querySelectorAll('.senet-figure')];
for (const figure of figures) {
  figure.scrollIntoView();
  while (!['yes', 'no'].includes(figure.dataset.mounted)) await frame();
}
const answer = () => document.querySelector('[data-kind=LandingScene] [data-name="se answer"]');
while (answer()?.textContent === '') await frame(); // its networks run once the figure stands
const inSight = (one) => one.checkVisibility({ visibilityProperty: true });
const numbers = figures.flatMap((figure) =>
  [...figure.querySelectorAll('[data-name]')].filter(inSight)
    .filter((one) => Number.isFinite(Number(one.dataset.value || NaN)))
    .map((one) => [`${figure.dataset.kind}: ${one.dataset.name}`, Number(one.dataset.value)]));
return {
  dead: figures.filter((figure) => figure.dataset.mounted === 'no').map((figure) => figure.dataset.kind),
  problems: [...document.querySelectorAll('.senet-problem:not([hidden])')].map((one) => one.textContent),
  tooWide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  apart: [...document.querySelectorAll('.senet-choice:not([hidden]), .desk-hand')].filter(inSight).map((choice) => {
    const [name, button] = [choice.querySelector('legend > span'), choice.querySelector('label, input')];
    return name && button && getComputedStyle(name.parentElement).display === 'contents'
      ? Math.round(button.getBoundingClientRect().top - name.getBoundingClientRect().top) : 0;
  }),
  formulas: [...document.querySelectorAll('.katex-html')].filter((one) => one.getBoundingClientRect().width > 0).length,
  numbers,
};
"""
ASYNC = (
    f"const done = arguments[0]; (async () => {{ {WALK} }})().then(done, (error) => done({{ error: String(error) }}));"
)


@pytest.fixture(scope="session")
def of_chromium(browser, addresses) -> Callable[[str], dict[str, Any]]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})

    @functools.cache
    def look(name: str) -> dict[str, Any]:
        page.goto(f"{addresses['http']}/{name}.html")
        return page.evaluate(f"async () => {{ {WALK} }}")

    return look


@pytest.fixture(scope="module", params=[firefox, webkit], ids=lambda one: one.__name__)
def driver(request) -> Iterator[WebDriver]:
    start: Callable[[], AbstractContextManager[WebDriver]] = request.param
    with start() as driver:
        driver.set_window_size(1280, 1000)
        yield driver


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_it_is_in_chromium(driver, addresses, of_chromium, name):
    driver.get(f"{addresses['http']}/{name}.html")
    found, wanted = driver.execute_async_script(ASYNC), of_chromium(name)
    assert "error" not in found, found
    assert found["dead"] == wanted["dead"] == []
    assert found["problems"] == []
    assert found["tooWide"] <= 0
    assert found["apart"] == pytest.approx(wanted["apart"], abs=8)  # a name stands beside its buttons
    assert found["formulas"] == wanted["formulas"]
    assert [one for one, _ in found["numbers"]] == [one for one, _ in wanted["numbers"]]
    assert [value for _, value in found["numbers"]] == pytest.approx(
        [value for _, value in wanted["numbers"]], rel=1e-5
    )
