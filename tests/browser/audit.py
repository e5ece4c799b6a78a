"""Open a page in Chromium and list what is wrong with it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route

from tests.browser.figures import serious_violations
from tests.browser.layout import OVERLAPS, READ_ON, SHIFTS, VISIT_FIGURES, WATCH_SHIFTS

# Of a page as it is read, in the sense of https://web.dev/articles/cls, but all of them together, not the worst 5 s.
LARGEST_SHIFT = 0.05
# Bytes that a page may have of scripts, and of data of its figures.
BUDGETS = (150_000, 300_000)
# What axe-core asks again when only the colours have changed.
COLOUR_RULES = ("color-contrast", "link-in-text-block")
# Colours fade into each other for a moment. What is folded away never ends doing so.
SETTLE = """() => Promise.allSettled(document.getAnimations()
  .filter(({ effect }) => effect.target.checkVisibility() && effect.getComputedTiming().endTime < 2000)
  .map((one) => one.finished))"""
OPEN_ALL = "() => document.querySelectorAll('.bd-article details').forEach((one) => { one.open = true; })"

COUNT_MATH = "document.querySelectorAll('span.math, div.math').length"
COUNT_TYPESET = "document.querySelectorAll('.math .katex-html').length"
COUNT_MATH_ERRORS = "document.querySelectorAll('.katex-error, merror').length"
WIDTH = "document.documentElement.scrollWidth"
BROKEN_IMAGES = "[...document.images].filter(i => i.complete && i.naturalWidth === 0).map(i => i.src)"
NAMELESS_IMAGES = """[...document.querySelectorAll('.bd-article img')]
  .filter(i => !i.alt || i.alt.startsWith('../_images'))
  .filter(i => !i.closest('button')?.innerText.trim())  // a button's text says what its picture shows
  .map(i => i.src.slice(0, 100))"""
BAD_ICONS = """() => {
  const sizes = [...document.querySelectorAll('svg.svg-inline--fa')].filter((one) => one.checkVisibility()).map(
    (one) => [one, one.querySelector('path')].flatMap((part) => {
      const { width, height } = part.getBoundingClientRect();
      return [width, height];
    }));
  return [
    ...(sizes.length < 4 ? [`only ${sizes.length} icons are seen`] : []),
    ...sizes.filter((all) => Math.min(...all) < 6).map((all) => `an icon of ${all} px`),
    ...[...document.querySelectorAll(":is(i, span)[class*='fa-']")].map(({ className }) => `no picture: ${className}`),
  ];
}"""
# The text of a figure's module is JSON, so that it may stand in a page, but it is run: it counts as script.
TOO_HEAVY = """([script, state]) => {
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  const files = performance.getEntriesByType('resource').filter(({ name }) => /[.]m?js([?]|$)/.test(name));
  const inline = [...document.scripts].filter((one) => !one.src);
  const isScript = (one) => one.matches('.senet-module') || !one.type || /javascript|module/.test(one.type);
  const bytes = (scripts) => sum(scripts.map((one) => new Blob([one.textContent]).size));
  const scripts = bytes(inline.filter(isScript)) + sum(files.map((one) => one.decodedBodySize));
  const states = bytes(inline.filter((one) => !isScript(one)));
  return [
    ...(files.length > 3 ? [] : ['no scripts are loaded, or this is blind']),
    ...(scripts > script ? [`${scripts} bytes of script`] : []),
    ...(states > state ? [`${states} bytes of data`] : []),
  ];
}"""
# A page of the book follows the reader's system, in a moment.
FOLLOW = """async (scheme) => {
  const theme = () => document.documentElement.dataset.theme ?? scheme;
  for (let i = 0; i < 250 && theme() !== scheme; i++) await new Promise(r => setTimeout(r, 20));
  return theme() === scheme ? [] : [`the page is ${theme()}, but the reader's system is ${scheme}`];
}"""
# Figures come to life when they are near the window: go to each, and say what is wrong with it.
FIGURES = """async () => {
  const faults = [];
  for (const figure of document.querySelectorAll('.senet-figure')) {
    figure.scrollIntoView();
    for (let i = 0; i < 500 && !['yes', 'no'].includes(figure.dataset.mounted); i++) {
      await new Promise(r => setTimeout(r, 20));
    }
    await new Promise(r => requestAnimationFrame(() => setTimeout(r)));
    const frame = figure.querySelector('.senet-frame');
    if (figure.dataset.mounted !== 'yes' || !frame) { faults.push('a figure is not alive'); continue; }
    const name = frame.getAttribute('aria-label');
    const problem = frame.querySelector('.senet-problem');
    if (!problem.hidden) faults.push(`figure "${name}" says: ${problem.textContent}`);
    const limit = frame.getBoundingClientRect().right;
    const out = [...frame.querySelectorAll('*')].filter((one) => one.checkVisibility()
      && one.getBoundingClientRect().right > limit + 1 && !one.closest('svg'));
    if (out.length) faults.push(`figure "${name}": a ${out[0].tagName} (${out[0].className}) is cut off at its right`);
  }
  return faults;
}"""


@dataclass
class Audit:
    """What a page showed. ``problems`` is empty for a good page; each says in which view it was seen."""

    formulas: int = 0
    figures: int = 0
    problems: list[str] = field(default_factory=list)


def audit(browser: Browser, address: str, home: str, views: Sequence[tuple[int, str]], thorough: bool = False) -> Audit:
    """Open an address with all hosts but ``home`` blocked, and look at it in several ways.

    The page is loaded in the first view, and gone through to its end; what jumps on the way, and does so again, is a
    problem of this view.
    Then the window and the system change to the other views, one after the other.

    Args:
        browser: a Chromium.
        address: of the page.
        home: what all its requests must begin with.
        views: widths of the window in pixels, and the reader's colour scheme.
        thorough: read it from start to end and weigh it, then open all that is folded, and in the widest views let
            axe-core look at it, too. Otherwise it is visited as by links: from its end to each figure.
    """
    widest = max(width for width, _ in views)
    found, noticed = Audit(), []
    with _read(browser, address, home, views[0], thorough, noticed) as page:
        if jumps := _find_jumps(page):
            # One look in thousands saw a jump that never came again. A page that jumps for its readers does.
            with _read(browser, address, home, views[0], thorough, []) as again:
                noticed += jumps if _find_jumps(again) else []
        if thorough:
            noticed += page.evaluate(TOO_HEAVY, BUDGETS)
            page.evaluate(OPEN_ALL)
        for index, (width, scheme) in enumerate(views):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            noticed += page.evaluate(FOLLOW, scheme) + page.evaluate(FIGURES)
            page.evaluate(SETTLE)
            if index == 0 or width != views[index - 1][0]:
                noticed += _inspect(page, width, found) + page.evaluate(OVERLAPS)
            if thorough and width == widest:
                noticed += serious_violations(page, "html", COLOUR_RULES if index else ())
            found.problems += [f"{width} px, {scheme}: {one}" for one in noticed]
            noticed.clear()
    return found


@contextmanager
def _read(
    browser: Browser, address: str, home: str, view: tuple[int, str], thorough: bool, problems: list[str]
) -> Iterator[Page]:
    """A page that was gone through to its end, or to each figure, by a reader who comes for the first time."""
    width, scheme = view
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        page = context.new_page()
        _watch(page, home, problems)
        page.add_init_script(WATCH_SHIFTS)
        page.goto(address)
        page.evaluate(READ_ON if thorough else VISIT_FIGURES)
        yield page
    finally:
        context.close()


def _find_jumps(page: Page) -> list[str]:
    shifts = page.evaluate(SHIFTS)
    total = sum(one["value"] for one in shifts)
    if total <= LARGEST_SHIFT:
        return []
    worst = max(shifts, key=lambda one: one["value"])
    where = f"{worst['value']:.3f} at {worst['scrolled']} px: {', '.join(worst['moves'][:3])}"
    return [f"what is read jumps by {total:.3f}, of which {where}"]


def _watch(page: Page, home: str, problems: list[str]) -> None:
    def pass_or_block(route: Route) -> None:
        url = route.request.url
        if url.startswith((home, "data:", "blob:")):
            route.continue_()
        else:
            problems.append(f"asks another host: {url}")
            route.abort()

    def on_failure(request: Request) -> None:
        problems.append(f"request failed: {request.url}")

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"script error: {message.text}")

    page.route("**/*", pass_or_block)
    page.on("requestfailed", on_failure)
    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))


def _inspect(page: Page, width: int, found: Audit) -> list[str]:
    """Formulas, pictures, icons, and what is too wide."""
    found.figures = page.locator(".senet-figure").count()
    found.formulas = page.evaluate(COUNT_TYPESET)
    problems = []
    if (wanted := page.evaluate(COUNT_MATH)) != found.formulas:
        problems.append(f"{wanted - found.formulas} of {wanted} formulas are not typeset")
    if errors := page.evaluate(COUNT_MATH_ERRORS):
        problems.append(f"{errors} formulas have errors")
    if (page_width := page.evaluate(WIDTH)) > width:
        problems.append(f"the page is {page_width} px wide in a window of {width} px")
    problems += [f"broken picture: {source}" for source in page.evaluate(BROKEN_IMAGES)]
    problems += [f"picture without a description: {source}" for source in page.evaluate(NAMELESS_IMAGES)]
    return problems + page.evaluate(BAD_ICONS)
