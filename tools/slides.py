"""Make a deck of slides for a lecture of 45 minutes from the pages of the built book.

    python -m tools.slides

It holds no text of its own. Each slide names a section of a chapter, and what to take from it: a question, an equation,
a plot, a figure's still picture. The deck stands beside the pages and asks no other host. Each slide leads to its place
in the book, where the figures are alive.
"""

import copy
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

HERE = Path(__file__).resolve().parent
HTML = HERE.parent / "_build" / "html"
DECK = Path("slides/index.html")
SHEETS = ("vendor/katex/katex.min.css", "_static/pygments.css", "_static/book.css")
HEADINGS = ["h1", "h2"]


@dataclass(frozen=True)
class Slide:
    """A part of a page.

    Attributes:
        page: its name in _toc.yml.
        section: the section's id.
        picks: selectors, as in a style sheet; each takes the first thing in the section that it fits.
    """

    page: str
    section: str
    picks: tuple[str, ...]


FIELDS, SQUEEZE, EXCITATION, RESCALE, NETWORK, COST, RACE = (
    f"notebooks/{name}"
    for name in (
        "01_local_receptive_fields",
        "02_squeeze",
        "03_excitation",
        "04_rescale",
        "05_se_in_a_network",
        "06_what_it_costs",
        "08_the_race",
    )
)
QUESTION, PLOT, STILL, FORMULA = "p strong", ".cell_output img", ".senet-still img", "div.math"


def says(words: str) -> str:
    """The paragraph with these words."""
    return f"p:-soup-contains({words!r})"


def asks(words: str) -> str:
    """The question in the paragraph with these words: it is in bold."""
    return f"{says(words)} strong"


SLIDES = (
    Slide("book/index", "squeeze-and-excitation-hands-on", (says("keyhole"),)),
    Slide(FIELDS, "a-question-first", (QUESTION, PLOT, ":scope > details")),
    Slide(FIELDS, "a-convolution-by-hand", (FORMULA, says("Read it from the inside"))),
    Slide(FIELDS, "how-far-does-a-unit-see", (FORMULA, PLOT)),
    Slide(FIELDS, "how-far-does-a-unit-see", (asks("Seventeen pixels"), STILL)),
    Slide(FIELDS, "where-does-a-blind-network-end", (says("vote for the shape"), "ul", FORMULA)),
    Slide(
        FIELDS,
        "where-does-a-blind-network-end",
        ("div.math ~ p ~ div.math", says("Such a sum can say"), says("The best sum ignores")),
    ),
    Slide(FIELDS, "train-it", (PLOT, says("The network learns"))),
    Slide(SQUEEZE, "a-question-first", (says("only one number for each channel"), PLOT)),
    Slide(SQUEEZE, "one-number-for-each-channel", (FORMULA, PLOT, says("The gap is wide"))),
    Slide(SQUEEZE, "squeeze-a-photograph", (says("Paint on a map"), STILL)),
    Slide(EXCITATION, "a-question-first", (says("Could you do that by hand"), STILL)),
    Slide(EXCITATION, "two-layers-and-a-sigmoid", (says("small network with two layers"), FORMULA)),
    Slide(RESCALE, "a-question-first", (QUESTION, PLOT)),
    Slide(RESCALE, "the-multiplication", (FORMULA, "div.highlight")),
    Slide(RESCALE, "the-whole-block", ("div.highlight",)),
    Slide(RESCALE, "the-whole-block", (asks("Now run it on pictures"), STILL)),
    Slide(RESCALE, "the-same-network-with-se", (PLOT, says("The derivation of chapter 1"))),
    Slide(RESCALE, "do-the-gates-cause-it", (asks("Do it by hand"), STILL)),
    Slide(NETWORK, "a-question-first", (QUESTION, STILL)),
    Slide(COST, "a-question-first", (asks("Now a large one"), STILL)),
    Slide(RACE, "one-run-proves-nothing", (asks("Does the verdict hold"), STILL)),
    Slide(
        RESCALE, "test-yourself", (asks("solves the Context World"), *(f"details:nth-of-type({n})" for n in (4, 5, 6)))
    ),
    Slide(RESCALE, "to-remember", ("p",)),
)


def main() -> int:
    if not (HTML / "index.html").exists():
        print("There is no book yet; run: make book", file=sys.stderr)
        return 1
    (HTML / DECK).parent.mkdir(exist_ok=True)
    (HTML / DECK).write_text(make_deck(HTML), encoding="utf-8")
    print(f"{len(SLIDES)} slides are in {(HTML / DECK).relative_to(HERE.parent)}; arrow keys go through them")
    return 0


def make_deck(html: Path) -> str:
    """The deck as a page, from the pages in a folder."""
    names = dict.fromkeys(slide.page for slide in SLIDES)
    pages = {name: BeautifulSoup((html / f"{name}.html").read_text(encoding="utf-8"), "html.parser") for name in names}
    slides = "\n".join(render(slide, pages[slide.page]) for slide in SLIDES)
    title = pages["book/index"].select_one("h1")
    sheets = "".join(f'<link rel="stylesheet" href="../{sheet}">\n' for sheet in SHEETS)
    style, script = ((HERE / f"slides.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Slides: {escape(text_of(title))}</title>\n"
        f"{sheets}<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f'{slides}\n</main>\n<output id="place"></output>\n<script>\n{script}</script>\n</body>\n</html>\n'
    )


def render(slide: Slide, page: BeautifulSoup) -> str:
    """One slide as HTML."""
    section = page.find(id=slide.section)
    if not isinstance(section, Tag):
        raise ValueError(f"{slide.page} has no section {slide.section!r}; mend SLIDES in tools/slides.py")
    chapter, heading = (text_of(one) for one in (page.find("h1"), section.find(HEADINGS)))
    address = f"../{slide.page}.html#{slide.section}"
    above = f'<p class="chapter"><a href="{address}">{escape(chapter)}</a></p>' if chapter != heading else ""
    columns: dict[str, list[str]] = {"words bd-article": [], "pictures": []}
    for pick in slide.picks:
        part = absolute(pick_from(section, pick, slide), slide.page)
        columns["pictures" if part.name == "img" else "words bd-article"].append(str(part))
    body = "".join(f'<div class="{name}">{"".join(parts)}</div>' for name, parts in columns.items() if parts)
    return f'<section class="slide">\n{above}<h2>{escape(heading)}</h2>\n<div class="body">{body}</div>\n</section>'


def pick_from(section: Tag, pick: str, slide: Slide) -> Tag:
    """A copy of the first thing in a section that a selector fits."""
    found = section.select_one(pick)
    if found is None:
        raise ValueError(f"{slide.page}, {slide.section}: nothing fits {pick!r}; mend SLIDES in tools/slides.py")
    part = copy.copy(found)
    if part.name == "strong":  # the question of a paragraph stands alone
        part.name, part["class"] = "p", "question"
    return part


def absolute(part: Tag, page: str) -> Tag:
    """A part whose addresses hold in the deck: it is in another folder than some of the pages."""
    for one in (part, *part.find_all(True)):
        for name in ("href", "src"):
            if (address := one.get(name)) and not urlsplit(str(address)).scheme:
                # From the top of the book, and from there back to the deck.
                one[name] = f"..{urljoin(f'/{page}.html', str(address))}"
        del one["id"]
    return part


def text_of(heading: Tag | None) -> str:
    """A heading's words, without its number and its link."""
    if heading is None:
        raise ValueError("a page or a section has no heading")
    heading = copy.copy(heading)
    for extra in heading.select(".section-number, .headerlink"):
        extra.decompose()
    return heading.get_text().strip()


if __name__ == "__main__":
    sys.exit(main())
