"""What the live figures cost a reader, beside Jupyter Book's default way to show the same widget.

    make bench            (or: python -m benchmarks.figures, with the book built)

Measured in a headless Chromium: for each page of the book the bytes of script, state and still pictures, and the time
from the page's content being loaded to the first figure being live; for 2048 channels the time from a slider's move to
the end of the frame that shows it. The same figure then stands in a page as Jupyter Book shows widgets by default:
RequireJS, html-manager and anywidget, here served from 127.0.0.1 as well. Both ways alternate, so that a noisy machine
is noisy for both. Result: a table, and benchmarks/results/figures.json.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anywidget
import yaml
from ipywidgets.embed import embed_data
from playwright.sync_api import Browser, Page, Response, sync_playwright

from benchmarks.timing import finish
from senet_lib.book.figures.excitation_explorer import ExcitationExplorer
from senet_lib.book.figures.figure import Figure
from tests.browser.conftest import HTML, ROOT, find_chromium, serve

HERE = Path(__file__).parent
BUDGETS = {
    "script_bytes": 150_000,
    "state_bytes": 300_000,
    "first_live_ms": 300,
    "repaint_median_ms": 16,
    "repaint_p95_ms": 33,
}
# The figure whose drawing is heaviest, and the sliders' traits that the benchmark moves.
CHANNELS = 2048

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

# Marks the moment at which the first figure's control stands in the page, in both ways of showing it.
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="how often each page is loaded (default 5)")
    parser.add_argument("--moves", type=int, default=60, help="how often each slider is moved (default 60)")
    options = parser.parse_args()
    if not (HTML / "index.html").exists():
        parser.exit(2, "there is no built book; run: make book\n")
    if not (HERE / "node_modules").exists():
        parser.exit(2, "the libraries to compare with are not installed; run: make bench\n")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        record = {
            "command": "python -m benchmarks.figures",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {
                "processor": platform.machine(),
                "chromium": browser.version,
                "python": platform.python_version(),
            },
            "repeats": options.repeats,
            "moves": options.moves,
            "budgets": BUDGETS,
            "pages": measure_pages(browser, options.repeats),
            "side_by_side": measure_side_by_side(browser, options.repeats, options.moves),
        }
        browser.close()
    print(format_record(record))
    return finish("figures", record, find_misses(record), write=True)


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


def script_bytes(page: Page, responses: list[Response]) -> int:
    """Bytes of all scripts of an open page, files and inline."""
    files = [one for one in responses if one.request.resource_type == "script"]
    fetched = sum(len(one.body()) for one in files if not one.url.startswith("blob:"))
    return fetched + page.evaluate(INLINE_BYTES)["script"]


def measure_pages(browser: Browser, repeats: int) -> dict[str, dict[str, Any]]:
    """Bytes of each page of the book; where it has figures, also the time until the first one is live."""
    server = serve(HTML)
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [contents["root"], *(chapter["file"] for part in contents["parts"] for chapter in part["chapters"])]
    measured = {}
    for name in names:
        address = f"http://127.0.0.1:{server.server_port}/{name}.html"
        with open_page(browser) as (page, responses):
            page.goto(address, wait_until="load")
            page.wait_for_timeout(500)
            inline = page.evaluate(INLINE_BYTES)
            first = page.locator(".senet-figure").first.get_attribute("id") if inline["figures"] else None
            measured[name] = {
                "figures": inline["figures"],
                "script_bytes": script_bytes(page, responses),
                "state_bytes": inline["state"],
                "still_bytes": inline["stills"],
            }
        if first:
            times = [time_to_live(browser, f"{address}#{first}") for _ in range(repeats)]
            measured[name]["first_live_ms"] = round(statistics.median(times), 1)
    server.shutdown()
    return measured


def time_to_live(browser: Browser, address: str) -> float:
    """Milliseconds from the content's being loaded to the first figure's being live, opened at the figure."""
    with open_page(browser) as (page, _):
        page.goto(address, wait_until="load")
        page.wait_for_function("() => performance.getEntriesByName('figure-live').length > 0", timeout=60_000)
        return page.evaluate(LIVE_AFTER)


OURS = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>ours</title></head>
<body>{html}</body></html>"""
# What sphinx and myst-nb write for a widget view by default, with local copies in place of the CDN's.
DEFAULT = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>default</title>
<script src="require.js"></script>
<script>require.config({{ paths: {{ anywidget: "anywidget" }} }});</script>
<script src="embed-amd.js"></script></head><body>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
<script type="application/vnd.jupyter.widget-view+json">{view}</script></body></html>"""


def write_both_ways(figure: Figure, folder: Path) -> None:
    (folder / "ours.html").write_text(OURS.format(html=figure.to_html()), encoding="utf-8")
    data = embed_data(views=[figure], drop_defaults=False)  # the module is a default, too
    state, view = (json.dumps(part).replace("<", "\\u003c") for part in (data["manager_state"], data["view_specs"][0]))
    (folder / "default.html").write_text(DEFAULT.format(state=state, view=view), encoding="utf-8")
    modules = HERE / "node_modules"
    for name, source in {
        "require.js": modules / "requirejs" / "require.js",
        "embed-amd.js": modules / "@jupyter-widgets" / "html-manager" / "dist" / "embed-amd.js",
        "anywidget.js": Path(anywidget.__file__).parent / "nbextension" / "index.js",
    }.items():
        (folder / name).write_bytes(source.read_bytes())


def measure_side_by_side(browser: Browser, repeats: int, moves: int) -> dict[str, dict[str, Any]]:
    """The same figure in our page and in Jupyter Book's default page, in turn."""
    figure = ExcitationExplorer.example()
    figure.channels = CHANNELS
    with tempfile.TemporaryDirectory() as folder:
        write_both_ways(figure, Path(folder))
        server = serve(Path(folder))
        home = f"http://127.0.0.1:{server.server_port}"
        live: dict[str, list[float]] = {"ours": [], "default": []}
        repaints: dict[str, dict[str, list[float]]] = {"ours": {}, "default": {}}
        scripts: dict[str, int] = {}
        for _ in range(repeats):
            for way in live:
                live[way].append(time_to_live(browser, f"{home}/{way}.html"))
                with open_page(browser) as (page, responses):
                    page.goto(f"{home}/{way}.html", wait_until="load")
                    page.locator(".senet-frame input[type=range]").first.wait_for(timeout=60_000)
                    scripts[way] = script_bytes(page, responses)
                    for trait in slider_traits(page):
                        repaints[way].setdefault(trait, []).extend(page.evaluate(MOVE, [trait, moves]))
        server.shutdown()
    return {
        way: {
            "script_bytes": scripts[way],
            "first_live_ms": round(statistics.median(live[way]), 1),
            "repaint": {trait: summarise(times) for trait, times in repaints[way].items()},
        }
        for way in live
    }


def slider_traits(page: Page) -> list[str]:
    """The traits of all sliders but the one for the number of channels, which stays at its largest."""
    traits = page.locator(".senet-frame input[type=range]").evaluate_all("all => all.map((one) => one.dataset.trait)")
    return [trait for trait in dict.fromkeys(traits) if trait and trait != "channels"]


def summarise(times: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(statistics.median(times), 2),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 2),
        "moves": len(times),
    }


def find_misses(record: dict[str, Any]) -> list[str]:
    """Each measured number above its budget, in words."""
    misses = []
    for name, page in record["pages"].items():
        for key in ("script_bytes", "state_bytes", "first_live_ms"):
            if page.get(key, 0) > BUDGETS[key]:
                misses.append(f"{name}: {key} is {page[key]}, budget {BUDGETS[key]}")
    for trait, times in record["side_by_side"]["ours"]["repaint"].items():
        for key in ("median_ms", "p95_ms"):
            if times[key] > BUDGETS[f"repaint_{key}"]:
                misses.append(f"{trait}: repaint {key} is {times[key]}, budget {BUDGETS[f'repaint_{key}']}")
    return misses


def format_record(record: dict[str, Any]) -> str:
    lines = [f"{'page':40} figures  script kB  state kB  stills kB  first live ms"]
    for name, page in record["pages"].items():
        numbers = [page[key] / 1000 for key in ("script_bytes", "state_bytes", "still_bytes")]
        live = f"{page['first_live_ms']:.0f}" if "first_live_ms" in page else "–"
        lines.append(
            f"{name:40} {page['figures']:7} {numbers[0]:10.1f} {numbers[1]:9.1f} {numbers[2]:10.1f} {live:>14}"
        )
    lines += [
        "",
        f"one figure, {CHANNELS} channels       script kB  first live ms  slider to repaint, ms: median (95th perc.)",
    ]
    for way, one in record["side_by_side"].items():
        repaints = ", ".join(f"{trait} {t['median_ms']} ({t['p95_ms']})" for trait, t in one["repaint"].items())
        lines.append(f"{way:29} {one['script_bytes'] / 1000:10.1f} {one['first_live_ms']:14.1f}  {repaints}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
