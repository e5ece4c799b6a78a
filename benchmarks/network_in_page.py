"""How long a reader waits for the networks that run in the page.

    python -m benchmarks.network_in_page      (with the book built)

Measured in a headless Chromium, on the built pages: the time from the click that loads the runtime and a network to
its first answer; then, move by move, the time from a new cue or a new picture to the gates and scores that belong to
it, drawn. Result: a table, and benchmarks/results/network_in_page.json. The exit status is 1 if a budget is missed. It
needs a quiet machine.
"""

import argparse
import platform
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from benchmarks.timing import finish
from tests.browser.conftest import HTML, find_chromium, serve

LOAD_BUDGET_MS = 2000
# The page, the place of the figure on it, the trait that moves it and its number of values, and the budget for an
# answer, in milliseconds.
FIGURES = {
    "Context World": ("notebooks/10_what_the_gates_say.html", -2, "cue_colour", 3, 30),
    "photographs": ("notebooks/10_what_the_gates_say.html", -1, "picture", 8, 50),
}

# The figure says on its body whether what it shows is the answer to what was asked.
ANSWERED = """const answered = (el) => new Promise((done) => {
  const body = el.querySelector('.senet-body');
  const look = () => body.dataset.answered === 'true' && (observer.disconnect(), done());
  const observer = new MutationObserver(look);
  observer.observe(body, { attributes: true, attributeFilter: ['data-answered'] });
});"""
LOAD = """async (el) => {
  const ready = () => el.model.get('state') === 'ready' && Object.keys(el.model.get('answer')).length > 0;
  const start = performance.now();
  [...el.querySelectorAll('button')].find((one) => /^Run the network/.test(one.textContent)).click();
  while (!ready()) await new Promise((done) => setTimeout(done, 5));
  return performance.now() - start;
}"""
MOVE = f"""async (el, [trait, values, count]) => {{
  {ANSWERED}
  const times = [];
  for (let i = 1; i <= count; i += 1) {{
    await new Promise((done) => setTimeout(done, 30));
    const start = performance.now();
    const wait = answered(el);
    el.model.set(trait, i % values);
    await wait;
    times.push(performance.now() - start);
  }}
  return times;
}}"""


def measure(browser: Browser, home: str, name: str, loads: int, moves: int) -> dict[str, Any]:
    """Milliseconds until the first answer, and for each move, of one figure."""
    page_name, place, trait, values, budget = FIGURES[name]
    load_ms, move_ms = [], []
    for _ in range(loads):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(f"{home}/{page_name}", wait_until="load")
        figure = page.locator(".senet-figure").nth(place)
        figure.scroll_into_view_if_needed()
        figure.locator("button", has_text="Run the network").first.wait_for()
        load_ms.append(figure.evaluate(LOAD))
        move_ms += figure.evaluate(MOVE, [trait, values, moves])
        context.close()
    return {
        "figure": name,
        "load_median_ms": round(statistics.median(load_ms)),
        "load_budget_ms": LOAD_BUDGET_MS,
        "answer_median_ms": round(statistics.median(move_ms), 1),
        "answer_quartiles_ms": [round(one, 1) for one in statistics.quantiles(move_ms, n=4)[::2]],
        "answer_budget_ms": budget,
    }


def find_misses(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [
        f"{row['figure']}: {what} takes {row[f'{what}_median_ms']} ms, more than {row[f'{what}_budget_ms']}"
        for row in rows
        for what in ("load", "answer")
        if row[f"{what}_median_ms"] > row[f"{what}_budget_ms"]
    ]


def format_row(row: dict[str, Any]) -> str:
    low, high = row["answer_quartiles_ms"]
    return (
        f"{row['figure']:14} first answer {row['load_median_ms']} ms (budget {row['load_budget_ms']}), then "
        f"{row['answer_median_ms']} ms an answer, quartiles {low} to {high} (budget {row['answer_budget_ms']})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=5, help="how often each page is loaded (default 5)")
    parser.add_argument("--moves", type=int, default=40, help="answers after each load (default 40)")
    options = parser.parse_args()
    if not (HTML / "index.html").exists():
        parser.exit(2, "there is no built book; run: make book\n")
    server = serve(HTML)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        home = f"http://127.0.0.1:{server.server_port}"
        rows = [measure(browser, home, name, options.loads, options.moves) for name in FIGURES]
        record = {
            "command": "python -m benchmarks.network_in_page",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"processor": platform.machine(), "chromium": browser.version},
            "loads": options.loads,
            "moves": options.moves,
            "rows": rows,
        }
        browser.close()
    server.shutdown()
    print("\n".join(map(format_row, rows)))
    return finish("network_in_page", record, find_misses(rows), write=True)


if __name__ == "__main__":
    sys.exit(main())
