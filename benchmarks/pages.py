"""What each page of the book weighs, and how soon it can be read over a slow line.

    make bench            (or: python -m benchmarks.pages, with the book built)

Measured in a headless Chromium, from a server on 127.0.0.1 that compresses as static hosts do, and from one that does
not. Bytes: all that a page transfers while it is read to its end, without MathJax and without what a figure loads at
the reader's wish. Time: with an empty cache and DevTools' "fast 3G" (1.6 Mbit/s down, 0.75 up, 150 ms), in a window of
390 x 844, until the article is laid out and painted to the lower edge of the window, or to its end if that comes
first; formulas may still be missing. Result: a table, and benchmarks/results/pages.json.
"""

import argparse
import functools
import gzip
import os
import platform
import statistics
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.timing import write_record
from tests.browser.audit import MATH_IS_READY
from tests.browser.conftest import HTML, SWITCHES, QuietHandler, find_chromium
from tests.browser.layout import READ_ON
from tests.browser.test_pages import PAGES

WAYS = ("compressed", "plain")
FAST_3G = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
BUDGETS = {"bytes": 1_000_000, "readable_ms": 1000}
WINDOW = {"width": 390, "height": 844}
ON_DEMAND = ("/vendor/", "/networks/", "/favicon.ico")
COMPRESSED_TYPES = ("text/", "application/json", "image/svg+xml")

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


class QuietServer(ThreadingHTTPServer):
    """Says nothing when a page is closed before it has all of a file."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class CompressingHandler(QuietHandler):
    """Sends texts as gzip, as static hosts do."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        kind = self.guess_type(str(path))
        if not path.is_file() or not kind.startswith(COMPRESSED_TYPES):
            return super().do_GET()
        body = _compress(path)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@functools.cache
def _compress(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="how often each page is loaded (default 5)")
    parser.add_argument("--quick", action="store_true", help="load each page once, and write no record")
    options = parser.parse_args()
    if not (HTML / "index.html").exists():
        parser.exit(2, "there is no built book; run: make book\n")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        record = {
            "command": "python -m benchmarks.pages",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "chromium": browser.version},
            "line": FAST_3G,
            "repeats": 1 if options.quick else options.repeats,
            "budgets": BUDGETS,
        }
        record["pages"] = measure_pages(browser, record["repeats"])
        browser.close()
    misses = find_misses(record["pages"])
    print(format_pages(record["pages"]))
    print("\n".join(["", *(f"OVER BUDGET: {miss}" for miss in misses)]) if misses else "\nAll budgets are kept.")
    if not options.quick:
        write_record("pages", record)
    return 1 if misses else 0


def measure_pages(browser: Browser, repeats: int) -> dict[str, dict[str, dict[str, float]]]:
    """Of each page and each way of serving it: bytes, first paint and readable, the times as medians of the loads."""
    measured: dict[str, dict[str, dict[str, float]]] = {page: {} for page in PAGES}
    for way in WAYS:
        with serve(way) as home:
            for page in PAGES:
                address = f"{home}/{page}.html"
                times = [time_to_read(browser, address) for _ in range(repeats)]
                medians = {key: round(statistics.median(one[key] for one in times)) for key in times[0]}
                measured[page][way] = {"bytes": weigh(browser, address), **medians}
    return measured


@contextmanager
def serve(way: str) -> Iterator[str]:
    """The built book, "compressed" or "plain"."""
    handler = functools.partial(CompressingHandler if way == "compressed" else QuietHandler, directory=str(HTML))
    server = QuietServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


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


def weigh(browser: Browser, address: str) -> int:
    """Bytes that a page transfers, with the heads of the answers, while it is read to its end."""
    urls: dict[str, str] = {}
    total = 0

    def finish(event: dict[str, Any]) -> None:
        nonlocal total
        url = urls.get(event["requestId"], "")
        if url.startswith("http") and not any(part in url for part in ON_DEMAND):
            total += int(event["encodedDataLength"])

    with open_page(browser) as (page, tools):
        tools.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
        tools.on("Network.loadingFinished", finish)
        page.goto(address, wait_until="networkidle")
        page.evaluate(MATH_IS_READY)
        page.evaluate(READ_ON)
        page.wait_for_load_state("networkidle")
    return total


def time_to_read(browser: Browser, address: str) -> dict[str, float]:
    """Milliseconds from the start of the navigation over a slow line."""
    with open_page(browser) as (page, tools):
        tools.send("Network.emulateNetworkConditions", FAST_3G)
        page.add_init_script(WATCH)
        page.goto(address, wait_until="commit")
        return page.wait_for_function(TIMES, timeout=60_000).json_value()


def find_misses(pages: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """Each number above its budget, in words. The time is for a host that compresses; the bytes are for any."""
    misses = []
    for name, ways in pages.items():
        for way in WAYS:
            if ways[way]["bytes"] > BUDGETS["bytes"]:
                misses.append(f"{name}: {ways[way]['bytes']} bytes {way}, budget {BUDGETS['bytes']}")
        if ways["compressed"]["readable_ms"] > BUDGETS["readable_ms"]:
            misses.append(f"{name}: readable after {ways['compressed']['readable_ms']} ms, budget 1000")
    return misses


def format_pages(pages: dict[str, dict[str, dict[str, float]]]) -> str:
    lines = [f"{'page':36}" + "".join(f"{way + ': kB':>16}  first paint ms  readable ms" for way in WAYS)]
    for name, ways in pages.items():
        numbers = ((one["bytes"] / 1000, one["first_paint_ms"], one["readable_ms"]) for one in map(ways.get, WAYS))
        lines.append(f"{name:36}" + "".join(f"{size:16.0f}{paint:16.0f}{read:13.0f}" for size, paint, read in numbers))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
