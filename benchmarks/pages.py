"""What each page of the book weighs, and how soon it can be read over a slow line.

    make bench            (or: python -m benchmarks.pages, with the book built)

Measured in a headless Chromium, from a server that compresses as static hosts do. Bytes: all that a page loads while it
is read to its end, unpacked and as it came over the line, without the fonts of formulas, which all pages share (up to
100 kB), and without what a figure loads at the reader's wish. Time: with an empty cache and DevTools' "fast 3G"
(1.6 Mbit/s down, 0.75 up, 150 ms), in a window of 390 x 844, until the article is laid out and painted to the lower
edge of the window, or to its end if that comes first; the fonts of formulas may still be missing. Result: a table, and
benchmarks/results/pages.json.
"""

import argparse
import asyncio
import statistics
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Browser, CDPSession, Page
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, StaticFileHandler

from benchmarks.timing import begin_record, finish
from tests.browser.conftest import HTML
from tests.browser.layout import READ_ON
from tests.browser.test_pages import PAGES
from tools.chromium import open_chromium

FAST_3G = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
BUDGETS = {"bytes": 1_000_000, "readable_ms": 1000}
WINDOW = {"width": 390, "height": 844}
NOT_COUNTED = ("/vendor/katex/fonts/", "/vendor/onnxruntime/", "/networks/", "/favicon.ico")

# A frame is drawn only when nothing blocks the drawing any more, so the first one that finds the article there counts.
WATCH = """
  const look = () => {
    const article = document.querySelector(".bd-article, .bd-search-container");
    const filled = article && article.getBoundingClientRect().bottom >= innerHeight;
    if (filled || (article && document.readyState !== "loading")) {
      requestAnimationFrame(() => setTimeout(() => performance.mark("readable")));
    } else {
      requestAnimationFrame(look);
    }
  };
  requestAnimationFrame(look);
"""
TIMES = """() => {
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const [mark] = performance.getEntriesByName("readable");
  if (!paint || !mark) return null;
  return { first_paint_ms: paint.startTime, readable_ms: Math.max(paint.startTime, mark.startTime) };
}"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="how often each page is loaded (default 5)")
    parser.add_argument("--quick", action="store_true", help="load each page once, and write no record")
    options = parser.parse_args()
    if not (HTML / "index.html").exists():
        parser.exit(2, "there is no built book; run: make book\n")
    repeats = 1 if options.quick else options.repeats
    with open_chromium() as browser:
        pages = measure_pages(browser, repeats)
        facts: dict[str, Any] = {"chromium": browser.version, "line": FAST_3G, "repeats": repeats, "budgets": BUDGETS}
    print(format_pages(pages))
    record = begin_record("pages", torch.device("cpu"), **facts, pages=pages)
    return finish("pages", record, find_misses(pages), write=not options.quick)


def measure_pages(browser: Browser, repeats: int) -> dict[str, dict[str, float]]:
    """Of each page: bytes, bytes on the line, first paint and readable, the times as medians of the loads."""
    measured = {}
    with serve(HTML) as home:
        for page in PAGES:
            address = f"{home}/{page}.html"
            times = [time_to_read(browser, address) for _ in range(repeats)]
            medians = {key: round(statistics.median(one[key] for one in times)) for key in times[0]}
            measured[page] = {**weigh(browser, address), **medians}
    return measured


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address of a folder whose texts come compressed, until the block ends. A thread of its own serves it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> int:
        files = {"path": str(folder)}
        application = Application(
            [(r"/(.*)", StaticFileHandler, files)], compress_response=True, log_function=lambda handler: None
        )
        sockets = bind_sockets(0, "127.0.0.1")
        HTTPServer(application).add_sockets(sockets)
        return sockets[0].getsockname()[1]

    try:
        yield f"http://127.0.0.1:{asyncio.run_coroutine_threadsafe(listen(), loop).result()}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@contextmanager
def open_page(browser: Browser) -> Iterator[tuple[Page, CDPSession]]:
    """A page with an empty cache, and the connection to its DevTools."""
    context = browser.new_context(viewport=WINDOW)
    page = context.new_page()
    tools = context.new_cdp_session(page)
    tools.send("Network.enable")
    try:
        yield page, tools
    finally:
        context.close()


def weigh(browser: Browser, address: str) -> dict[str, int]:
    """Bytes that a page loads while it is read to its end, and those that the line carries, with the answers' heads."""
    urls: dict[str, str] = {}
    sizes: Counter[str] = Counter(bytes=0, line_bytes=0)

    def counts(event: dict[str, Any]) -> bool:
        url = urls.get(event["requestId"], "")
        return url.startswith("http") and not any(part in url for part in NOT_COUNTED)

    def receive(event: dict[str, Any]) -> None:
        sizes["bytes"] += counts(event) * int(event["dataLength"])

    def finish(event: dict[str, Any]) -> None:
        sizes["line_bytes"] += counts(event) * int(event["encodedDataLength"])

    with open_page(browser) as (page, tools):
        tools.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
        tools.on("Network.dataReceived", receive)
        tools.on("Network.loadingFinished", finish)
        page.goto(address, wait_until="networkidle")
        page.evaluate(READ_ON)
        page.wait_for_load_state("networkidle")
    return dict(sizes)


def time_to_read(browser: Browser, address: str) -> dict[str, float]:
    """Milliseconds from the start of the navigation over a slow line."""
    with open_page(browser) as (page, tools):
        tools.send("Network.emulateNetworkConditions", FAST_3G)
        page.add_init_script(WATCH)
        page.goto(address, wait_until="commit")
        return page.wait_for_function(TIMES, timeout=60_000).json_value()


def find_misses(pages: dict[str, dict[str, float]]) -> list[str]:
    """Each number above its budget, in words. The bytes count unpacked, so the budget holds on any host."""
    return [
        f"{page}: {key} {numbers[key]:,.0f}, budget {budget:,}"
        for page, numbers in pages.items()
        for key, budget in BUDGETS.items()
        if numbers[key] > budget
    ]


def format_pages(pages: dict[str, dict[str, float]]) -> str:
    lines = [f"{'page':36}{'kB':>6}{'on the line':>13}{'first paint ms':>16}{'readable ms':>13}"]
    for page, sizes in pages.items():
        weights = f"{sizes['bytes'] / 1000:6.0f}{sizes['line_bytes'] / 1000:13.0f}"
        lines.append(f"{page:36}{weights}{sizes['first_paint_ms']:16.0f}{sizes['readable_ms']:13.0f}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
