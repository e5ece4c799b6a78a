"""The PDF of the whole book: nothing is missing, nothing is cut off, and its links lead to the right page."""

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from pypdf import PdfReader

from tests.browser.conftest import HTML, ROOT
from tests.browser.test_pages import list_pages
from tools.pdf import find_numbers, make_pdf
from tools.print_figures import PRINTED
from tools.print_page import Place, list_places, read_pages

pytestmark = pytest.mark.browser

DOTS_PER_POINT = 1.0
MARGIN_POINTS = {"left": 54, "right": 54, "top": 54}  # 20 mm, less a little for letters that lean over
COUNT_ANIMATIONS = "dispatchEvent(new Event('beforeprint')); document.getAnimations().length"
TEXT_ENDS_POINTS = 60  # from the bottom
ORDERS = re.compile(r"(?<!\.)\b(press|drag|click)\b", re.IGNORECASE)  # mlr.press is an address
FOOT_POINTS = (22, 40)  # where the title of the chapter and the number of the page are, from the bottom


@dataclass(frozen=True)
class Printed:
    """A PDF, as text and as ink."""

    path: Path

    @property
    def reader(self) -> PdfReader:
        return PdfReader(self.path)

    def texts(self) -> list[str]:
        """The text of each page."""
        with pypdfium2.PdfDocument(self.path) as document:
            return [page.get_textpage().get_text_range() for page in document]

    def feet(self) -> list[str]:
        """What stands below the text of each page."""
        low, high = FOOT_POINTS
        with pypdfium2.PdfDocument(self.path) as document:
            return [page.get_textpage().get_text_bounded(bottom=low, top=high) for page in document]

    def pictures(self) -> list[tuple[int, int]]:
        """Width and height of each picture, in pixels."""
        kinds = [pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]
        with pypdfium2.PdfDocument(self.path) as document:
            return [one.get_px_size() for page in document for one in page.get_objects(kinds, max_depth=20)]

    def ink(self) -> list[np.ndarray]:
        """Each page as an array (height, width): where it is not white."""
        with pypdfium2.PdfDocument(self.path) as document:
            pictures = [page.render(scale=DOTS_PER_POINT, grayscale=True).to_pil() for page in document]
        return [np.asarray(picture) < 250 for picture in pictures]


def squeeze(text: str) -> str:
    """Without white space, of which a line that wraps has other than a line that does not."""
    return re.sub(r"[\s\u00ad\ufffe\ufeff\u200b]+", "", text)


@pytest.fixture(scope="module")
def articles() -> dict[str, BeautifulSoup]:
    if not (HTML / "index.html").exists():
        pytest.fail("there is no built book; run: make book")
    texts = {name: (HTML / f"{name}.html").read_text(encoding="utf-8") for name in list_pages()}
    return {name: BeautifulSoup(text, "html.parser").select_one("article") for name, text in texts.items()}


@pytest.fixture(scope="module")
def book(browser, articles, tmp_path_factory) -> Printed:
    path = tmp_path_factory.mktemp("pdf") / "book.pdf"
    make_pdf(browser, path)
    return Printed(path)


@pytest.fixture(scope="module")
def texts(book) -> list[str]:
    return book.texts()


def title_of(article: BeautifulSoup) -> str:
    heading = article.h1
    return " ".join(heading.get_text().replace("#", "").split())


def test_every_page_of_the_contents_file_is_printed():
    assert [place.name for place in list_places(ROOT / "_toc.yml")] == list_pages()


def flat_outline(outline: list, depth: int = 0) -> list[tuple[int, object]]:
    found = []
    for entry in outline:
        found += flat_outline(entry, depth + 1) if isinstance(entry, list) else [(depth, entry)]
    return found


def test_outline_has_each_chapter_in_order_below_its_part_on_the_page_that_shows_its_title(book, texts, articles):
    reader = book.reader
    entries = [
        (depth, " ".join(entry.title.split()), reader.get_destination_page_number(entry))
        for depth, entry in flat_outline(reader.outline)
    ]
    titles = [title for _, title, _ in entries]
    wanted = []
    for place in list_places(ROOT / "_toc.yml"):
        wanted += [place.part] if place.part else []
        wanted.append(title_of(articles[place.name]))
    places = [titles.index(title) for title in wanted]
    assert places == sorted(places)
    for title, place in zip(wanted, places, strict=True):
        depth, _, page = entries[place]
        assert squeeze(title) in squeeze(texts[page])
        assert depth == 1 or not re.match(r"\d+\. ", title), "a chapter is below its part"
    assert [title for _, title, page in entries if squeeze(title) not in squeeze(texts[page])] == [], "torn headings"
    assert len(titles) > sum(len(article.select("h2")) for article in articles.values())


def test_contents_show_the_page_to_which_they_lead(book, texts, articles):
    numbers = find_numbers(book.reader)
    contents = squeeze("".join(texts[1 : numbers["book-index"] - 1]))
    for name, article in articles.items():
        number = numbers[Place(name).key]
        assert squeeze(title_of(article)) + str(number) in contents
        assert squeeze(title_of(article)) in squeeze(texts[number - 1])


def test_each_page_but_the_first_has_its_number_at_its_foot(book):
    feet = book.feet()
    assert feet[0].strip() == ""
    assert [count for count, foot in enumerate(feet[1:], 2) if foot.split()[-1:] != [str(count)]] == []


def links(book: Printed) -> tuple[set[str], set[str]]:
    """Names of places in the book, and addresses elsewhere, to which links lead."""
    inside, outside = set(), set()
    for page in book.reader.pages:
        for one in page.get("/Annots", []):
            annotation = one.get_object()
            if "/Dest" in annotation:
                inside.add(str(annotation["/Dest"]).removeprefix("/"))
            elif "/URI" in annotation.get("/A", {}):
                outside.add(str(annotation["/A"]["/URI"]))
    return inside, outside


def test_links_inside_lead_to_places_that_exist_and_links_outside_are_kept(book, articles):
    inside, outside = links(book)
    assert inside <= set(find_numbers(book.reader))
    assert {Place(name).key for name in articles} <= inside
    wanted = {a["href"] for article in articles.values() for a in article.select('a[href^="http"]')}
    assert len(wanted) > 10
    assert {address.rstrip("/") for address in wanted} <= {address.rstrip("/") for address in outside}


def stills(article: BeautifulSoup) -> list[tuple[int, int]]:
    pictures = [base64.b64decode(one["src"].partition(",")[2]) for one in article.select(".senet-still img")]
    return [Image.open(io.BytesIO(picture)).size for picture in pictures]


def test_each_figure_has_its_still_picture_and_says_what_its_page_lets_a_reader_do(book, texts, articles):
    printed, everything = book.pictures(), squeeze("".join(texts))
    for name, article in articles.items():
        for size in stills(article):
            assert size in printed, f"{name}: a still picture of {size} pixels is missing"
        for figure in article.select(".senet-figure"):
            assert squeeze(PRINTED[figure["data-kind"]]) in everything, name


def test_no_printed_page_gives_an_order_that_paper_cannot_follow():
    for page in read_pages(HTML, ROOT / "_toc.yml", HTML):
        for code in page.article.select("pre, code"):
            code.decompose()
        assert ORDERS.findall(page.article.get_text()) == [], page.place.name


def alternatives(node: object) -> list[str]:
    """The texts that stand in a PDF for what cannot be heard, below a place in its structure."""
    node = node.get_object()
    if not isinstance(node, (dict, list)):
        return []
    below = node if isinstance(node, list) else [node["/K"]] if "/K" in node else []
    own = [str(node["/Alt"])] if isinstance(node, dict) and "/Alt" in node else []
    return own + [text for one in below for text in alternatives(one)]


def test_each_formula_says_what_it_is(book, articles):
    said = {squeeze(text) for text in alternatives(book.reader.root_object["/StructTreeRoot"])}
    formulas = {squeeze(one.get_text()) for article in articles.values() for one in article.select("annotation")}
    assert len(formulas) > 100
    assert formulas - said == set()


def test_each_line_of_code_is_whole(texts, articles):
    everything = squeeze("".join(texts))
    lines = [
        (name, line)
        for name, article in articles.items()
        for pre in article.select("pre")
        if not (cell := pre.find_parent(class_="cell")) or not cell.select(".senet-figure")
        for line in pre.get_text().splitlines()
    ]
    assert max(len(line) for _, line in lines) > 85
    assert [(name, line) for name, line in lines if squeeze(line) not in everything] == []


def test_what_is_folded_on_a_screen_is_open(texts, articles):
    everything = squeeze("".join(texts))
    folded = [p for article in articles.values() for p in article.select("details > p") if not p.select(".math")]
    assert len(folded) > 20
    assert [p.get_text() for p in folded if squeeze(p.get_text()) not in everything] == []


def test_the_reasons_of_the_self_tests_and_the_faults_of_the_listings_stand_at_the_back(book, texts, articles):
    number = find_numbers(book.reader)["answers"]
    before, back = (squeeze("".join(part)) for part in (texts[: number - 1], texts[number - 1 :]))
    answers = ".senet-option:not(.senet-guess) > p"
    reasons = [p for article in articles.values() for p in article.select(answers) if not p.select(".math")]
    assert len(reasons) > 60
    assert [p.get_text() for p in reasons if squeeze(p.get_text()) not in back] == []
    listings = re.findall(r"Listing(\d+):", back)
    assert len(listings) > 20 and all(f"Listing{number}.In" in before for number in listings)


def test_code_that_pages_fold_stands_at_the_back_on_the_page_that_its_link_names(texts, articles):
    links = re.findall(r"(Code \d+\.\d+\. .+), page (\d+)", "\n".join(texts))
    assert (
        len(links)
        == sum(len(one.select(".cell:not(:has(.senet-figure)) details.hide")) for one in articles.values())
        > 50
    )
    assert [name for name, page in links if squeeze(name) not in squeeze(texts[int(page) - 1])] == []


def test_no_ink_is_in_the_margins_and_no_page_is_empty(book):
    left, right, top = (int(MARGIN_POINTS[side] * DOTS_PER_POINT) for side in ("left", "right", "top"))
    low, high, end = (int(points * DOTS_PER_POINT) for points in (*FOOT_POINTS, TEXT_ENDS_POINTS))
    pages = book.ink()
    ends = [ink[:-end].any(axis=1).nonzero()[0].max() / len(ink) for ink in pages]
    assert sum(height < 0.7 for height in ends) < 0.12 * len(pages), "many pages are nearly empty"
    for count, ink in enumerate(pages, 1):
        assert not ink[:, :left].any(), f"page {count}, at the left"
        assert not ink[:, -right:].any(), f"page {count}, at the right"
        assert not ink[:top].any(), f"page {count}, at the top"
        assert not ink[-low:].any() and not ink[-end:-high].any(), f"page {count}, at the bottom"
        assert ink[top:-end].any(axis=1).sum() > 20, f"page {count} is empty"


def test_the_file_is_small_and_says_what_it_is(book):
    assert book.path.stat().st_size < 12e6
    assert book.reader.metadata.title
    assert book.reader.root_object["/Lang"] == "en" and book.reader.root_object["/MarkInfo"]["/Marked"]
    assert 60 < len(book.reader.pages) < 250


def test_a_single_page_prints_light_and_open_from_a_dark_browser(browser, addresses, articles, tmp_path):
    name = "notebooks/01_local_receptive_fields"
    page = browser.new_page(color_scheme="dark")
    page.goto(f"{addresses['http']}/{name}.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.pdf(path=tmp_path / "page.pdf", format="A4", print_background=True)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark", "it stays dark on the screen"
    assert page.locator("details[open]").count() == 0
    page.emulate_media(media="print")
    assert page.evaluate(COUNT_ANIMATIONS) == 0, "what fades in is printed as nothing"
    page.close()
    printed = Printed(tmp_path / "page.pdf")
    everything = squeeze("".join(printed.texts()))
    solutions = [p.get_text() for p in articles[name].select("details > p") if not p.select(".math")]
    assert solutions and [text for text in solutions if squeeze(text) not in everything] == []
    assert "Search" not in everything and "previous" not in everything
    assert max(ink.mean() for ink in printed.ink()) < 0.6, "white paper"
