"""The decks of slides: every mark is used, a slide holds what its marks mean, and nothing is from elsewhere."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from tools import slides
from tools.notebooks import MARK

ROOT = Path(__file__).parent.parent.parent
HTML = ROOT / "_build" / "html"
SOURCES = [*sorted((ROOT / "notebooks").glob("*.md")), ROOT / "book" / "index.md"]
PAGE = """<h1><span class="section-number">4. </span>Rescale<a class="headerlink" href="#x">#</a></h1>
<section id="a"><h2>A part</h2>
<!-- slide: 45/4 90/10 | What is left?
Wait. -->
<p>See <a href="02_squeeze.html#z" id="link">there</a>, or <a href="#b">below</a>.</p>
<!-- claim: digits | se | ahead of plain -->
<!-- slide+ -->
<!-- slide: 90/12 | This is left -->
<div class="cell"><div class="cell_input"><div class="highlight"><pre>u * s</pre></div></div>
<div class="cell_output"><img src="../_images/one.png" alt="one"></div></div>
<!-- slide+ open -->
<details><summary>More</summary><p>A fold.</p></details>
<!-- slide+ first -->
<!-- slide+ last -->
<ul><li>One</li><li>Two</li></ul></section>"""


def read(html: str = PAGE) -> list[slides.Slide]:
    return slides.read_slides(BeautifulSoup(html, "html.parser"), "notebooks/04_rescale")


def test_a_mark_takes_the_block_behind_it():
    question, answer = read()
    assert (question.title, question.minutes, question.notes) == ("What is left?", {45: 4, 90: 10}, "Wait.")
    assert [part.name for part in question.parts] == ["p", "img"]
    assert [part.get_text() for part in answer.parts] == ["", "A fold.", "One", "Two"]
    slide = BeautifulSoup(slides.draw_slide(question, 90), "html.parser")
    links = [link["href"] for link in slide.select("a")]
    page = "../notebooks/04_rescale.html"
    assert links == [f"{page}#a", "../notebooks/02_squeeze.html#z", f"{page}#b"]
    assert slide.select_one(".pictures img")["src"] == "../_images/one.png"


@pytest.mark.parametrize("wrong", ["slide: 45 | No minute", "slide: 45/3 | A | B | C", "slide: 45/3 | A | upside"])
def test_a_mark_that_is_not_understood_is_reported(refused, wrong):
    with refused("notebooks/04_rescale", wrong):
        read(PAGE.replace("slide: 90/12 | This is left", wrong))


def test_a_mark_without_its_block_is_reported(refused):
    with refused("nothing for this mark to take", "slide+"):
        read(PAGE.replace("<img", "<hr"))
    with refused("nothing for this mark to take", "slide+ first"):
        read(PAGE.replace("<ul><li>One</li><li>Two</li></ul>", ""))


@pytest.fixture(scope="module")
def files() -> dict[Path, str]:
    if not (HTML / "index.html").exists():
        pytest.fail("there is no built book; run: make book")
    return slides.make_decks(HTML)


def read_deck(files: dict[Path, str], plan: int) -> list:
    return BeautifulSoup(files[slides.FOLDER / f"{plan}.html"], "html.parser").select(".slide")


def test_every_mark_is_used(files):
    titles = {slide.h2.get_text() for plan in slides.PLANS for slide in read_deck(files, plan)}
    marks = [mark for source in SOURCES for mark in MARK.findall(source.read_text(encoding="utf-8"))]
    begun = [slides.BEGINS.fullmatch(mark.strip().removeprefix("<!-- ").removesuffix(" -->")) for mark in marks]
    assert {mark["title"] for mark in begun if mark} == titles
    assert all(mark or "<!-- slide+" in text for mark, text in zip(begun, marks, strict=True))


@pytest.mark.parametrize(("plan", "least", "most"), [(45, 25, 40), (90, 45, 65)])
def test_a_deck_follows_its_plan_and_no_slide_lacks_title_picture_or_notes(files, plan, least, most):
    deck = read_deck(files, plan)
    assert least <= len(deck) <= most
    titles = [slide.h2.get_text() for slide in deck]
    assert len(set(titles)) == len(titles)
    assert all(slide.select_one(".body > *") and slide.select_one(".notes").get_text() for slide in deck)
    assert sum(slide.select_one(".pictures, .math, .highlight, pre") is not None for slide in deck) >= 0.75 * len(deck)
    assert all(
        frame["data-src"] and frame.find_next_sibling("img") for slide in deck for frame in slide.select("iframe")
    )
    text = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (\d+) \|(?! a break)", text.partition(f"\n## {plan} minutes")[2].partition("\n## ")[0], re.M
    )
    assert len(rows) >= 10 and set(rows) <= {slide["data-minute"] for slide in deck}


def test_all_that_a_deck_loads_and_links_is_in_the_book(files):
    for path, text in files.items():
        page = BeautifulSoup(text, "html.parser")
        loads = [one["href"] for one in page.select("link, .chapter a")]
        loads += [one["src"] for one in page.select("img, script[src]")]
        for address in loads:
            if not address.startswith("data:image/"):
                assert re.match(r"\.\./(?!\.\.)", address), address
                assert (HTML / unquote(urlsplit(address).path).removeprefix("../")).exists(), address
        assert all(slides.FOLDER / one["data-src"] in files for one in page.select("iframe")), path
