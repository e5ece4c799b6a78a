"""What the live figures cost a reader: the script and state of each page, and the time until something moves.

    make bench            (or: python -m benchmarks.figures, with the book built)

Measured in a headless Chromium, on the built pages: the bytes of script, state and still pictures; the time from a
page's content being loaded to its first figure being live; with 2048 channels the time from a slider's move to the end
of the frame that shows it; and for the networks that run in the page the time from the click that loads one to its
first answer, then from each change to the answer that belongs to it. The exit status is 1 if a budget is missed.
Result: tables, benchmarks/results/figures.json and, of the networks, benchmarks/results/network_in_page.json.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Browser, Page, Response

from benchmarks.timing import begin_record, finish
from senet_lib.book.figures.excitation_explorer import ExcitationExplorer
from tests.browser.conftest import HTML, ROOT
from tests.browser.figures import open_figure, serve
from tools.chromium import open_chromium
from tools.print_page import list_places

CPU = torch.device("cpu")
BUDGETS = {"script_bytes": 150_000, "state_bytes": 300_000, "first_live_ms": 300}
REPAINT_BUDGETS = {"median_ms": 16, "p95_ms": 33}
CHANNELS = 2048  # of the figure whose drawing is heaviest
# The page of a network, the place of its figure there, the trait that moves it and its number of values, and how many
# milliseconds an answer may take.
NETWORKS = {
    "Context World": ("notebooks/10_what_the_gates_say.html", -2, "cue_colour", 3, 30),
    "photographs": ("notebooks/10_what_the_gates_say.html", -1, "picture", 8, 50),
}
LOAD_BUDGET_MS = 2000
LOADS = 5

INLINE_BYTES = """() => {
  const bytes = (nodes) => nodes.reduce((sum, node) => sum + new Blob([node.textContent]).size, 0);
  const all = [...document.scripts].filter((node) => !node.src);
  const modules = all.filter((node) => node.classList.contains("senet-module"));
  const data = all.filter((node) => /json/.test(node.type) && !modules.includes(node));
  const code = all.filter((node) => !data.includes(node));
  const stills = [...document.querySelectorAll(".senet-still img")].reduce((sum, image) => sum + image.src.length, 0);
  const figures = document.querySelectorAll(".senet-figure").length;
  return { script: bytes(code), state: bytes(data), stills, figures };
}"""

# Marks the moment at which the first figure's control stands in the page.
WATCH = """() => {
  const seen = () => document.querySelector(".senet-frame :is(input, select, button)") !== null;
  const observer = new MutationObserver(() => {
    if (!seen()) return;
    observer.disconnect();
    performance.mark("figure-live");
  });
  observer.observe(document, { childList: true, subtree: true });
}"""
LIVE_AFTER = """() => performance.getEntriesByName("figure-live")[0].startTime
  - performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd"""

# Real input events reach a page at the start of a frame, so each move is made there; the message arrives after it.
MOVE = """async ([trait, count]) => {
  const input = document.querySelector(`.senet-frame input[data-trait="${trait}"]`);
  const [min, max] = [Number(input.min), Number(input.max)];
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const times = [];
  for (let move = 0; move < count; move += 1) {
    await frame();
    const start = performance.now();
    const channel = new MessageChannel();
    const painted = new Promise((done) => (channel.port1.onmessage = done));
    const steps = Math.max(1, Math.round((max - min) / (Number(input.step) || 1)));
    input.value = min + (Number(input.step) || 1) * (move % (steps + 1));
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await Promise.resolve();
    channel.port2.postMessage(null);
    await painted;
    times.push(performance.now() - start);
  }
  return times;
}"""

LOAD_NETWORK = """async (el) => {
  const ready = () => el.model.get('state') === 'ready' && Object.keys(el.model.get('answer')).length > 0;
  const start = performance.now();
  [...el.querySelectorAll('button')].find((one) => /^Run the network/.test(one.textContent)).click();
  while (!ready()) await new Promise((done) => setTimeout(done, 5));
  return performance.now() - start;
}"""
# The figure says on its body whether what it shows is the answer to what was asked.
ASK_NETWORK = """async (el, [trait, values, count]) => {
  const answered = () => new Promise((done) => {
    const body = el.querySelector('.senet-body');
    const look = () => body.dataset.answered === 'true' && (observer.disconnect(), done());
    const observer = new MutationObserver(look);
    observer.observe(body, { attributes: true, attributeFilter: ['data-answered'] });
  });
  const times = [];
  for (let i = 1; i <= count; i += 1) {
    await new Promise((done) => setTimeout(done, 30));
    const start = performance.now();
    const wait = answered();
    el.model.set(trait, i % values);
    await wait;
    times.push(performance.now() - start);
  }
  return times;
}"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="how often each page is loaded (default 5)")
    parser.add_argument("--moves", type=int, default=60, help="of each slider, and answers of a network (default 60)")
    options = parser.parse_args()
    if not (HTML / "index.html").exists():
        parser.exit(2, "there is no built book; run: make book\n")
    server = serve(HTML)
    home = f"http://127.0.0.1:{server.server_port}"
    with open_chromium() as browser:
        pages = measure_pages(browser, home, options.repeats)
        repaint = measure_repaint(browser, options.moves)
        rows = [measure_network(browser, home, name, options.moves) for name in NETWORKS]
        version = browser.version
    server.shutdown()
    print(format_pages(pages, repaint))
    facts: dict[str, Any] = {"chromium": version, "budgets": BUDGETS | REPAINT_BUDGETS}
    record = begin_record("figures", CPU, **facts, repeats=options.repeats, pages=pages, repaint=repaint)
    status = finish("figures", record, find_misses(pages, repaint), write=True)
    print("\n".join(map(format_network, rows)))
    record = begin_record("figures", CPU, chromium=version, loads=LOADS, moves=options.moves, rows=rows)
    return finish("network_in_page", record, find_slow_networks(rows), write=True) or status


@contextmanager
def open_page(browser: Browser) -> Iterator[tuple[Page, list[Response]]]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    page.add_init_script(f"({WATCH})()")
    try:
        yield page, responses
    finally:
        page.close()


def measure_pages(browser: Browser, home: str, repeats: int) -> dict[str, dict[str, Any]]:
    """Bytes of each page of the book; where it has figures, also the time until the first one is live."""
    measured = {}
    for name, *_ in list_places(ROOT / "_toc.yml"):
        address = f"{home}/{name}.html"
        with open_page(browser) as (page, responses):
            page.goto(address, wait_until="load")
            page.wait_for_timeout(500)
            inline = page.evaluate(INLINE_BYTES)
            files = [one for one in responses if one.request.resource_type == "script"]
            fetched = sum(len(one.body()) for one in files if not one.url.startswith("blob:"))
            first = page.locator(".senet-figure").first.get_attribute("id") if inline["figures"] else None
        measured[name] = {
            "figures": inline["figures"],
            "script_bytes": fetched + inline["script"],
            "state_bytes": inline["state"],
            "still_bytes": inline["stills"],
        }
        if first:
            times = [time_to_live(browser, f"{address}#{first}") for _ in range(repeats)]
            measured[name]["first_live_ms"] = round(statistics.median(times), 1)
    return measured


def time_to_live(browser: Browser, address: str) -> float:
    """Milliseconds from the content's being loaded to the first figure's being live, opened at the figure."""
    with open_page(browser) as (page, _):
        page.goto(address, wait_until="load")
        page.wait_for_function("() => performance.getEntriesByName('figure-live').length > 0", timeout=60_000)
        return page.evaluate(LIVE_AFTER)


def measure_repaint(browser: Browser, moves: int) -> dict[str, dict[str, float]]:
    """Of each slider but the one for the number of channels, which stays at its largest."""
    figure = ExcitationExplorer.example()
    figure.channels = CHANNELS
    with tempfile.TemporaryDirectory() as folder, open_figure(browser, figure, Path(folder)) as opened:
        sliders = opened.page.locator(".senet-frame input[type=range]")
        traits = dict.fromkeys(sliders.evaluate_all("all => all.map((one) => one.dataset.trait)"))
        return {
            trait: summarise(opened.page.evaluate(MOVE, [trait, moves]))
            for trait in traits
            if trait and trait != "channels"
        }


def summarise(times: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(statistics.median(times), 2),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 2),
        "moves": len(times),
    }


def measure_network(browser: Browser, home: str, name: str, moves: int) -> dict[str, Any]:
    """Milliseconds until the first answer, and for each change, of one figure; each time in a browser's empty cache."""
    page_name, place, trait, values, budget = NETWORKS[name]
    load_ms, answer_ms = [], []
    for _ in range(LOADS):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(f"{home}/{page_name}", wait_until="load")
        figure = page.locator(".senet-figure").nth(place)
        figure.scroll_into_view_if_needed()
        figure.locator("button", has_text="Run the network").first.wait_for()
        load_ms.append(figure.evaluate(LOAD_NETWORK))
        answer_ms += figure.evaluate(ASK_NETWORK, [trait, values, moves])
        context.close()
    return {
        "figure": name,
        "load_median_ms": round(statistics.median(load_ms)),
        "load_budget_ms": LOAD_BUDGET_MS,
        "answer_median_ms": round(statistics.median(answer_ms), 1),
        "answer_quartiles_ms": [round(one, 1) for one in statistics.quantiles(answer_ms, n=4)[::2]],
        "answer_budget_ms": budget,
    }


def find_misses(pages: dict[str, dict[str, Any]], repaint: dict[str, dict[str, float]]) -> list[str]:
    """Each measured number above its budget, in words."""
    measured = [(name, page, BUDGETS) for name, page in pages.items()]
    measured += [(f"repaint, {trait}", times, REPAINT_BUDGETS) for trait, times in repaint.items()]
    return [
        f"{name}: {key} is {numbers[key]}, budget {budget}"
        for name, numbers, budgets in measured
        for key, budget in budgets.items()
        if numbers.get(key, 0) > budget
    ]


def find_slow_networks(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"{row['figure']}: {what} takes {row[f'{what}_median_ms']} ms, more than {row[f'{what}_budget_ms']}"
        for row in rows
        for what in ("load", "answer")
        if row[f"{what}_median_ms"] > row[f"{what}_budget_ms"]
    ]


def format_pages(pages: dict[str, dict[str, Any]], repaint: dict[str, dict[str, float]]) -> str:
    lines = [f"{'page':40} figures  script kB  state kB  stills kB  first live ms"]
    for name, page in pages.items():
        script, state, stills = (page[key] / 1000 for key in ("script_bytes", "state_bytes", "still_bytes"))
        live = f"{page['first_live_ms']:.0f}" if "first_live_ms" in page else "–"
        lines.append(f"{name:40} {page['figures']:7} {script:10.1f} {state:9.1f} {stills:10.1f} {live:>14}")
    repaints = ", ".join(f"{trait} {t['median_ms']} ({t['p95_ms']})" for trait, t in repaint.items())
    return "\n".join([*lines, "", f"slider to repaint with {CHANNELS} channels, ms: median (95th perc.): {repaints}"])


def format_network(row: dict[str, Any]) -> str:
    low, high = row["answer_quartiles_ms"]
    return (
        f"{row['figure']:14} first answer {row['load_median_ms']} ms (budget {row['load_budget_ms']}), then "
        f"{row['answer_median_ms']} ms an answer, quartiles {low} to {high} (budget {row['answer_budget_ms']})"
    )


if __name__ == "__main__":
    sys.exit(main())
