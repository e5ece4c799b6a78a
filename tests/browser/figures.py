"""Put a figure into a bare page, open it in Chromium, and try what holds for every figure."""

import functools
import importlib
import json
import pkgutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Route

import senet_lib.book.figures
from senet_lib.book.figures.figure import Figure
from tests.browser.jupyterlab import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PAPER = {"light": "#ffffff", "dark": "#121212"}
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>figure</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<style>{letters} body {{ margin: 0; background: {paper}; }}</style></head>
<body><main><h1>A figure</h1>{figures}</main></body></html>"""

# Set each state in turn, and read the numbers that are in sight then: by name, exact, and as the reader sees them.
READ = """async (root, states) => {
  const readings = [];
  for (const state of states) {
    for (const [name, value] of Object.entries(state)) root.model.set(name, value);
    await new Promise((drawn) => setTimeout(drawn));
    const inSight = (one) => one.checkVisibility({ visibilityProperty: true });
    const shown = [...root.querySelectorAll('[data-name]')].filter((one) => inSight(one) && one.dataset.value);
    readings.push(Object.fromEntries(shown.map((one) => [one.dataset.name, [one.dataset.value, one.textContent]])));
  }
  return readings;
}"""

# Set all traits of a state in which arrays are packed as in a page.
SHOW = """(el, state) => {
  const unpack = (value) => {
    if (value?.constructor !== Object) return value;
    if (typeof value.data === 'string') {
      const bytes = Uint8Array.from(atob(value.data), (letter) => letter.charCodeAt(0));
      return { ...value, data: new DataView(bytes.buffer) };
    }
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, unpack(inner)]));
  };
  for (const [name, value] of Object.entries(state)) el.model.set(name, unpack(value));
}"""

_made: dict[tuple[str, str], str] = {}


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def serve(folder: Path) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def all_figures() -> list[type[Figure]]:
    """Every figure of the library: all subclasses of Figure in senet_lib/book/figures."""
    for module in pkgutil.iter_modules(senet_lib.book.figures.__path__):
        importlib.import_module(f"senet_lib.book.figures.{module.name}")
    own = [cls for cls in Figure.__subclasses__() if cls.__module__.startswith("senet_lib.book.figures.")]
    return sorted(own, key=lambda cls: cls.__name__)


@dataclass
class Opened:
    """An open page with a figure.

    Attributes:
        page: the page.
        root: the (first) figure's element.
        faults: script errors, failed requests, and requests to other hosts so far.
        traits: names of the figure's traits.
    """

    page: Page
    traits: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def root(self) -> Locator:
        return self.page.locator(".senet-figure").first

    def set(self, trait: str, value: Any) -> None:
        """Set a trait as Python would, and wait for the drawing."""
        self.root.evaluate("(el, [name, value]) => el.model.set(name, value)", [trait, value])
        self.settle()

    def set_all(self, **traits: Any) -> None:
        """Set traits together, before one drawing: one by one, some would not fit the others."""
        self.root.evaluate("(el, traits) => Object.entries(traits).forEach((one) => el.model.set(...one))", traits)
        self.settle()

    def reset(self) -> None:
        """Set all traits to what they were when this was called first; leave the mouse and the focus nowhere."""
        self.page.mouse.move(0, 0)
        self.root.evaluate(
            """(el, names) => {
              document.activeElement.blur();
              window.first ??= names.map((name) => [name, el.model.get(name)]);
              for (const [name, value] of window.first) el.model.set(name, value);
            }""",
            self.traits,
        )
        self.settle()

    def click(self, target: str | Locator, **options: Any) -> None:
        """Click on an element, or on the button with this name."""
        button = self.root.get_by_role("button", name=target, exact=True) if isinstance(target, str) else target
        button.click(**options)
        self.settle()

    def press(self, *keys: str, on: Locator | None = None) -> None:
        """Press keys one after the other, on an element or where the focus is."""
        for key in keys:
            on.press(key) if on else self.page.keyboard.press(key)
        self.settle()

    def select(self, label: str, option: str) -> None:
        """Choose in the menu with this label."""
        self.root.get_by_label(label, exact=True).select_option(label=option)
        self.settle()

    def readings(self, states: Sequence[dict[str, Any]]) -> list[dict[str, list[str]]]:
        """What the figure shows in each of these states: from each name to the exact number, and the text of it."""
        return self.root.evaluate(READ, states)

    def refuses(self, *parts: str, **state: Any) -> None:
        """The frame says all parts, in this order, of a bad state; "Start again" mends it."""
        before = self.readings([{}])
        self.set_all(**state)
        said = self.problem
        assert said is not None, f"{state} passes unseen"
        for part in parts:
            assert part in said, (part, self.problem)
            said = said.partition(part)[2]
        assert not self.root.locator(".senet-body").is_visible()
        self.click("Start again")
        assert self.problem is None
        assert self.readings([{}]) == before

    def fits(self, *selectors: str) -> None:
        """Nothing is wrong, and none of these elements is wider than its frame."""
        assert self.problem is None
        for selector in selectors:
            width = self.root.locator(selector).evaluate("el => el.scrollWidth - el.clientWidth")
            assert width <= 0, selector

    def show(self, figure: Figure) -> None:
        """Set all traits to those of another figure, as its page would have them."""
        self.root.evaluate(SHOW, figure._plain_state())
        self.settle()

    def says(self, figure: Figure, *parts: str) -> None:
        """With this figure's bad state the frame says all parts, and is well again when that is mended."""
        self.show(figure)
        assert all(part in (self.problem or "") for part in parts), (parts, self.problem)
        self.reset()
        assert self.problem is None

    def get(self, trait: str) -> Any:
        return self.root.evaluate("(el, name) => el.model.get(name)", trait)

    def move(self, trait: str, position: float) -> None:
        """Move the slider of a trait as a reader would, to a value, or to an index if it runs over a list."""
        control = self.root.locator(f'input[type="range"][data-trait="{trait}"]').first
        control.evaluate(
            "(el, v) => { el.value = v; el.dispatchEvent(new Event('input', {bubbles: true})); }", position
        )
        self.settle()

    def look(self, width: int, theme: str) -> None:
        """See the same page in a window of another width, in pixels, and in "light" or "dark"."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.evaluate(
            "([theme, paper]) => { document.documentElement.dataset.theme = theme; "
            "document.body.style.background = paper; }",
            [theme, PAPER[theme]],
        )
        self.settle()

    def settle(self) -> None:
        """Wait until what has changed is drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")

    def number(self, name: str) -> float:
        """The exact value of a number that the figure shows."""
        return float(self.root.locator(f'[data-name="{name}"]').first.get_attribute("data-value"))

    def text(self, name: str) -> str:
        return self.root.locator(f'[data-name="{name}"]').first.inner_text()

    def values(self, label: str) -> list[float]:
        """The numbers behind a map or bars, found by the start of their description."""
        return self.root.locator(f'canvas[aria-label^="{label}"]').first.evaluate("el => Array.from(el.values)")

    @property
    def problem(self) -> str | None:
        """What the frame says is wrong, or None."""
        alert = self.root.locator(".senet-problem")
        return alert.locator("span").inner_text() if alert.is_visible() else None


def page_of(figures: str, theme: str = "light") -> str:
    """A page with the HTML of figures, in the letters of the built book: with others, a figure has other widths."""
    letters = (ROOT / "_build" / "letters.css").read_text(encoding="utf-8")
    return PAGE.format(theme=theme, paper=PAPER[theme], letters=letters, figures=figures)


@contextmanager
def open_html(
    browser: Browser,
    html: str,
    folder: Path,
    *,
    way: str = "file",
    width: int = 1280,
    theme: str = "light",
    motion: str = "no-preference",
    scripts: bool = True,
    clock: bool = False,
) -> Iterator[Opened]:
    """A page with this HTML, from a folder ("file") or a server on 127.0.0.1 ("http"); all other hosts are blocked.

    With a clock, a test can let time pass at once, by Playwright's ``page.clock``.
    """
    (folder / "page.html").write_text(page_of(html, theme), encoding="utf-8")
    server = serve(folder) if way == "http" else None
    home = f"http://127.0.0.1:{server.server_port}" if server else folder.as_uri()
    context = browser.new_context(
        viewport={"width": width, "height": 900}, reduced_motion=motion, java_script_enabled=scripts
    )
    opened = Opened(context.new_page())
    try:
        _watch(opened, home)
        if clock:
            opened.page.clock.install()
        opened.page.goto(f"{home}/page.html")
        if scripts:
            opened.page.evaluate("document.fonts.ready.then(() => {})")
            opened.page.wait_for_selector(".senet-figure[data-mounted]:not([data-mounted=soon])", state="attached")
            opened.settle()
        yield opened
    finally:
        context.close()
        if server:
            server.shutdown()


def _watch(opened: Opened, home: str) -> None:
    def pass_or_block(route: Route) -> None:
        if route.request.url.startswith((home, "data:", "blob:")):
            route.continue_()
        else:
            opened.faults.append(f"asks another host: {route.request.url}")
            route.abort()

    page, faults = opened.page, opened.faults
    page.route("**/*", pass_or_block)
    page.on("requestfailed", lambda request: faults.append(f"request failed: {request.url}"))
    page.on("console", lambda message: message.type == "error" and faults.append(f"script error: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))


def html_of(figure: Figure) -> str:
    """``figure.to_html()``, made once for each class and state: drawing the still picture takes long.

    What stays in Python is no part of the state; it shows in the still picture only.
    """
    key = (type(figure).__qualname__, json.dumps(figure._plain_state()))
    if key not in _made:
        _made[key] = figure.to_html()
    return _made[key]


@contextmanager
def open_figure(browser: Browser, figure: Figure, folder: Path, **options: Any) -> Iterator[Opened]:
    """A page with one figure; options as for ``open_html``."""
    with open_html(browser, html_of(figure), folder, **options) as opened:
        opened.traits = list(figure._plain_state())
        yield opened


def says(browser: Browser, figure: Figure, folder: Path, *parts: str) -> None:
    """A figure that begins in a bad state says what is wrong."""
    with open_figure(browser, figure, folder) as opened:
        assert all(part in (opened.problem or "") for part in parts), opened.problem
        assert opened.faults == []


def serious_violations(page: Page, scope: str = ".senet-figure", rules: Sequence[str] = ()) -> list[str]:
    """What axe-core calls serious or critical in a part of this page; by these rules only, or by all."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = page.evaluate("async ([scope, options]) => (await axe.run(scope, options)).violations", [scope, options])
    return [
        f"{one['id']}: {one['help']} ({len(one['nodes'])}: {json.dumps(one['nodes'][0]['target'])})"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


CONTROLS = ":is(input, select, button, [role=slider], summary)"


def unreachable_controls(opened: Opened) -> list[str]:
    """Controls that the Tab key does not reach. Of radio buttons it must reach one a group."""
    page = opened.page
    page.evaluate("document.activeElement.blur()")
    wanted = opened.root.evaluate(
        """(root, controls) => [...root.querySelectorAll(`.senet-live ${controls}`)]
          .filter((one) => one.checkVisibility({ visibilityProperty: true }))
          .filter((one) => !one.matches(':disabled') && one.tabIndex >= 0)
          .map((one, index) => {
            const key = one.type === 'radio' ? `radio ${one.name}` : `control ${index}`;
            one.dataset.reach = key;
            return key;
          })""",
        CONTROLS,
    )
    reached: set[str] = set()
    for _ in range(2 * len(wanted) + 2):  # a box that scrolls is a stop too
        if reached >= set(wanted):
            break
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.reach"))
    return sorted(set(wanted) - reached)


def controls_without_effect(opened: Opened) -> list[str]:
    """Sliders, menus, radio groups and boxes that change no trait from the keyboard."""
    page, root = opened.page, opened.root
    root.locator("details").evaluate_all("all => all.forEach((one) => (one.open = true))")
    idle = []
    count = root.locator("[data-trait]").count()
    seen_groups = set()
    for index in range(count):
        control = root.locator("[data-trait]").nth(index)
        if not control.is_visible() and control.get_attribute("type") != "radio":
            continue
        if control.is_disabled():
            continue
        trait, kind = control.get_attribute("data-trait"), control.get_attribute("type")
        if kind == "radio":
            group = control.get_attribute("name")
            if group in seen_groups:
                continue
            seen_groups.add(group)
            control = root.locator(f'input[name="{group}"]:checked').first
        before = json.dumps(opened.get(trait))
        for key in {"checkbox": ["Space"]}.get(kind or "", ["ArrowRight", "ArrowLeft", "ArrowLeft"]):
            control.focus()
            page.keyboard.press(
                key
                if control.evaluate("el => el.tagName") != "SELECT"
                else key.replace("Right", "Down").replace("Left", "Up")
            )
            opened.settle()
            if json.dumps(opened.get(trait)) != before:
                break
            control = root.locator(f'input[name="{group}"]:checked').first if kind == "radio" else control
        else:
            idle.append(trait)
        opened.set(trait, json.loads(before))
    return idle
