"""The deck of slides: it holds what the pages hold, and nothing from elsewhere."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from tools import slides
from tools.slides import Slide

HTML = Path(__file__).parent.parent.parent / "_build" / "html"
PAGE = """<h1><span class="section-number">4. </span>Rescale<a class="headerlink" href="#x">#</a></h1>
<section id="a"><h2><span class="section-number">4.1. </span>A part</h2>
<p>Read. <strong>What is left?</strong></p>
<p>See <a href="02_squeeze.html#z" id="link">there</a>, or <a href="#b">below</a>.</p>
<img src="../_images/one.png" alt="one"><p>An <a href="https://example.org/">address</a>.</p></section>"""


def render(*picks: str) -> BeautifulSoup:
    page = BeautifulSoup(PAGE, "html.parser")
    return BeautifulSoup(slides.render(Slide("notebooks/04_rescale", "a", picks), page), "html.parser")


def test_a_slide_says_where_it_is_from():
    slide = render("p")
    assert slide.select_one("h2").get_text() == "A part"
    link = slide.select_one(".chapter a")
    assert (link.get_text(), link["href"]) == ("Rescale", "../notebooks/04_rescale.html#a")


def test_a_question_stands_alone_and_pictures_stand_beside_the_words():
    slide = render("strong", "img")
    assert slide.select_one(".words .question").get_text() == "What is left?"
    assert "Read." not in slide.get_text()
    assert slide.select_one(".pictures img")["src"] == "../_images/one.png"


def test_links_hold_in_the_deck_too():
    links = [link["href"] for link in render(slides.says("See"), slides.says("An")).select(".words a")]
    assert links == ["../notebooks/02_squeeze.html#z", "../notebooks/04_rescale.html#b", "https://example.org/"]


def test_a_page_that_has_changed_is_reported(refused):
    with refused("notebooks/04_rescale, a: nothing fits 'table'", "mend SLIDES in tools/slides.py"):
        render("table")
    with refused("notebooks/04_rescale has no section 'b'", "mend SLIDES in tools/slides.py"):
        slides.render(Slide("notebooks/04_rescale", "b", ()), BeautifulSoup(PAGE, "html.parser"))


@pytest.fixture(scope="module")
def deck() -> BeautifulSoup:
    if not (HTML / "index.html").exists():
        pytest.fail("there is no built book; run: make book")
    return BeautifulSoup(slides.make_deck(HTML), "html.parser")


def test_a_lecture_has_as_many_slides_as_its_time_allows(deck):
    assert 15 <= len(deck.select(".slide")) <= 25
    assert all(slide.select_one("h2") and slide.select_one(".body > *") for slide in deck.select(".slide"))


def test_all_that_the_deck_loads_and_links_is_in_the_book(deck):
    links = [one["href"] for one in deck.select(".chapter a")]
    loads = [one["src"] for one in deck.select("img, script[src]")] + [one["href"] for one in deck.select("link")]
    assert len(loads) > 15
    for address in (*links, *loads):
        if not address.startswith("data:image/"):
            assert re.match(r"\.\./(?!\.\.)", address), address
            assert (HTML / unquote(urlsplit(address).path).removeprefix("../")).exists(), address
