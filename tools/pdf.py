"""Make a PDF of the whole built book, with Chromium.

    python -m tools.pdf

All pages are joined to one (`tools/print_page.py`). Chromium prints it twice, since a page cannot say in its contents
where something will stand: the first PDF tells on which page each chapter and section is.
"""

import argparse
import io
import sys
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Browser
from pypdf import PdfReader

from tools.chromium import open_chromium
from tools.print_page import join, read_pages

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
OUTPUT = BUILD / "senet-book.pdf"
# A page of the joined book is as wide as the text on paper, so that what is too wide can be found beforehand.
TEXT_WIDTH_PIXELS = 642  # 170 mm
PATIENCE = 600_000  # milliseconds: alone it takes ten seconds, on a busy machine minutes
PAPER: dict[str, Any] = {"prefer_css_page_size": True, "print_background": True}


def write_print_page() -> Path:
    """The joined page, in a file beside the built book."""
    html = BUILD / "html"
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    pages = read_pages(html, ROOT / "_toc.yml", BUILD)
    path = BUILD / "print.html"
    path.write_text(join(pages, settings, "html/_static"), encoding="utf-8")
    return path


def make_pdf(browser: Browser, output: Path = OUTPUT) -> None:
    """Print the built book into a file."""
    window = browser.new_page(viewport={"width": TEXT_WIDTH_PIXELS, "height": 900})
    window.set_default_timeout(PATIENCE)
    window.emulate_media(media="print", color_scheme="light")
    window.goto(write_print_page().as_uri())
    window.evaluate("settle()")
    window.evaluate("fit()")
    draft = window.pdf(**PAPER)
    window.evaluate("number", find_numbers(PdfReader(io.BytesIO(draft))))
    window.pdf(path=output, outline=True, tagged=True, **PAPER)
    window.close()


def find_numbers(pdf: PdfReader) -> dict[str, int]:
    """On which page each place is that a link leads to, from 1."""
    found = {name: pdf.get_destination_page_number(place) for name, place in pdf.named_destinations.items()}
    return {name.removeprefix("/"): index + 1 for name, index in found.items() if index is not None}


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    if not (BUILD / "html" / "index.html").exists():
        print("There is no book yet; run: make book", file=sys.stderr)
        return 1
    try:
        with open_chromium() as browser:
            make_pdf(browser)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The book is in {OUTPUT.relative_to(ROOT)}, {OUTPUT.stat().st_size / 2**20:.1f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
