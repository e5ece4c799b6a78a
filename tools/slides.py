"""Make two decks of slides, for a lecture of 45 minutes and for one of 90, from the pages of the built book.

    python -m tools.slides

Marks in the pages' sources say what a slide takes, so that it moves with the text. They are comments, which no reader
sees. Each stands before the block that it means: a paragraph, a formula, or a code cell, of which the figure, the
picture or else the printed text is taken.

    <!-- slide: 45/4 90/10 | The field grows with each layer
    What to say, which wrong answers will come, and where to wait. -->
    <!-- slide+ -->

The first begins a slide: its minute in each plan, its title, and the speaker's notes. The second adds the next block to
it. A mark may end in a word of HOW: ``| open`` takes what a fold holds. The decks stand beside the pages and ask no
other host. Figures are alive in them, each in a page of its own.
"""

import copy
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Comment, Tag

from tools.print_page import list_places

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HTML = ROOT / "_build" / "html"
FOLDER = Path("slides")
PLANS = (45, 90)  # minutes
SHEETS = ("vendor/katex/katex.min.css", "_static/pygments.css", "_static/letters.css", "_static/book.css")
BEGINS = re.compile(
    r"slide: (?P<when>\d+/\d+( \d+/\d+)*) \| (?P<title>[^|\n]+?)( \| (?P<how>\w+))?\s*(\n(?P<notes>.+))?", re.DOTALL
)
ADDS = re.compile(r"slide\+( (?P<how>\w+))?")
HINTS = "Arrow keys: go. Home, End: first, last. N: notes. F: full screen. Esc leaves a figure."


@dataclass
class Slide:
    """What one slide shows."""

    title: str  # differs from slide to slide
    minutes: dict[int, int]  # when it comes, for each plan that has it
    notes: str  # what to say, or ""
    page: str  # the name in _toc.yml of the page that it is from
    section: str  # the id of the section there
    chapter: str  # the page's title
    parts: list[Tag] = field(default_factory=list)  # copies of what it takes from the page, in order


def main() -> int:
    if not (HTML / "index.html").exists():
        print("There is no book yet; run: make book", file=sys.stderr)
        return 1
    for path, text in make_decks(HTML).items():
        (HTML / path).parent.mkdir(exist_ok=True)
        (HTML / path).write_text(text, encoding="utf-8")
    print(f"The slides are in {HTML.relative_to(ROOT) / FOLDER}: {', '.join(f'{plan}.html' for plan in PLANS)}")
    return 0


def make_decks(html: Path) -> dict[Path, str]:
    """The texts of the decks, and of the figures' pages, by their paths in a folder of built pages."""
    slides, files = [], {}
    for name, *_ in list_places(ROOT / "_toc.yml"):
        text = (html / f"{name}.html").read_text(encoding="utf-8")
        if "<!-- slide" in text:
            page = BeautifulSoup(text, "html.parser")
            found = read_slides(page, name)
            slides += found
            for figure in (
                part for slide in found for part in slide.parts if "senet-figure" in part.get_attribute_list("class")
            ):
                files[FOLDER / figure_file(figure)] = draw_figure(figure, page)
    for plan in PLANS:
        chosen = sorted((slide for slide in slides if plan in slide.minutes), key=lambda slide: slide.minutes[plan])
        files[FOLDER / f"{plan}.html"] = draw_deck(chosen, plan)
    return files


def read_slides(page: BeautifulSoup, name: str) -> list[Slide]:
    """The slides that a page's marks ask for, in the order of the page.

    Raises:
        ValueError: if a mark is not written as it should be, or if there is nothing for it to take.
    """
    slides: list[Slide] = []
    for mark in page.find_all(string=lambda text: isinstance(text, Comment) and text.strip().startswith("slide")):
        text = mark.strip()
        section = mark.find_parent("section", id=True)
        begins = BEGINS.fullmatch(text)
        found = begins or ADDS.fullmatch(text)
        if section is None or found is None or not (begins or slides):
            raise ValueError(f"{name}: a mark is not written as tools/slides.py says: {text!r}")
        if begins:
            minutes = {int(plan): int(minute) for plan, minute in re.findall(r"(\d+)/(\d+)", begins["when"])}
            notes = " ".join((begins["notes"] or "").split())
            slides.append(Slide(begins["title"], minutes, notes, name, str(section["id"]), text_of(page.find("h1"))))
        how = found["how"] or "whole"
        block = mark.find_next_sibling()
        taken = [absolute(copy.copy(part), name) for part in HOW[how](block)] if block and how in HOW else []
        if not taken:
            raise ValueError(f"{name}: there is nothing for this mark to take: {text!r}")
        slides[-1].parts += taken
    return slides


def whole(block: Tag) -> Iterable[Tag]:
    """A block as it stands; of a code cell its figure, its pictures, or what it prints."""
    if "cell" not in block.get_attribute_list("class"):
        return [block]
    return (
        block.select(".senet-figure")
        or block.select(".cell_output img, .cell_output > svg")
        or block.select(".cell_output pre")
    )


def still(block: Tag) -> Iterable[Tag]:
    return block.select(".senet-still img")


def code(block: Tag) -> Iterable[Tag]:
    return block.select(".cell_input div.highlight")


def unfold(block: Tag) -> Iterable[Tag]:
    return block.find_all(lambda inner: inner.parent is block and inner.name != "summary")


def item(block: Tag, number: int) -> Iterable[Tag]:
    """An item of a list."""
    if found := block.find_all("li")[number:][:1]:
        found = [copy.copy(found[0])]
        found[0].name = "div"
    return found


def first(block: Tag) -> Iterable[Tag]:
    return item(block, 0)


def last(block: Tag) -> Iterable[Tag]:
    return item(block, -1)


HOW: dict[str, Callable[[Tag], Iterable[Tag]]] = {
    "whole": whole,
    "still": still,
    "code": code,
    "open": unfold,
    "first": first,
    "last": last,
}


def figure_file(figure: Tag) -> str:
    """The file of the page that a figure has for itself."""
    return f"{figure['id']}.html"


def draw_figure(figure: Tag, page: BeautifulSoup) -> str:
    """A page that holds a figure alone, with what its own page keeps for it elsewhere."""
    needed = {*str(figure["data-modules"]).split()}
    scripts = [
        str(script)
        for script in page.find_all("script")
        if script.get("data-key") in needed or script.get("data-of") == figure["id"] or "senetHost" in script.get_text()
    ]
    styles = "".join(str(style) for style in page.select("style[data-key]"))
    only = copy.copy(figure)
    for extra in only.select("script, style, button"):
        extra.decompose()
    return (
        '<!doctype html>\n<html lang="en" data-theme="light" data-content_root="../">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(str(figure['data-title']))}</title>\n"
        '<link rel="stylesheet" href="../_static/figure.css">\n'
        f"{styles}<style>{(HERE / 'slides_figure.css').read_text(encoding='utf-8')}</style>\n</head>\n"
        f'<body class="bd-article">\n{only}\n{"".join(dict.fromkeys(scripts))}\n'
        f"<script>\n{(HERE / 'slides_figure.js').read_text(encoding='utf-8')}</script>\n</body>\n</html>\n"
    )


def draw_deck(slides: list[Slide], plan: int) -> str:
    """A deck as a page."""
    body = "\n".join(draw_slide(slide, plan) for slide in slides)
    sheets = "".join(f'<link rel="stylesheet" href="../{sheet}">\n' for sheet in SHEETS)
    style, script = ((HERE / f"slides.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return (
        '<!doctype html>\n<html lang="en" data-theme="light">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{plan} minutes: {escape(slides[0].chapter)}</title>\n"
        f"{sheets}<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f'<footer><output id="place" title="{HINTS}"></output>\n'
        '<button type="button" data-key="PageUp">Back</button><button type="button" data-key="PageDown">Next</button>'
        '<button type="button" data-key="n">Notes</button><button type="button" data-key="f">Full screen</button>'
        f"</footer>\n<script>\n{script}</script>\n</body>\n</html>\n"
    )


def draw_slide(slide: Slide, plan: int) -> str:
    """One slide as HTML."""
    address = f"../{slide.page}.html#{slide.section}"
    columns: dict[str, list[str]] = {"words bd-article": [], "pictures": []}
    for part in slide.parts:
        is_figure = "senet-figure" in part.get_attribute_list("class")
        is_picture = is_figure or part.name in ("img", "svg")
        columns["pictures" if is_picture else "words bd-article"].append(draw_live(part) if is_figure else str(part))
    body = "".join(f'<div class="{name}">{"".join(parts)}</div>' for name, parts in columns.items() if parts)
    return (
        f'<section class="slide" data-minute="{slide.minutes[plan]}">\n'
        f'<p class="chapter"><a href="{address}">{escape(slide.chapter)}</a></p><h2>{escape(slide.title)}</h2>\n'
        f'<div class="body">{body}</div>\n<aside class="notes" hidden>{escape(slide.notes)}</aside>\n</section>'
    )


def draw_live(figure: Tag) -> str:
    """A figure's frame, which the deck fills when its slide comes, and its still picture for paper."""
    title = escape(str(figure["data-title"]))
    image = figure.select_one(".senet-still img")
    return f'<iframe title="{title}" data-src="{figure_file(figure)}"></iframe>{image}'


def absolute(part: Tag, page: str) -> Tag:
    """A part whose addresses hold in the deck: it is in another folder than some of the pages."""
    for one in (part, *part.find_all(True)):
        for name in ("href", "src"):
            if (address := one.get(name)) and not urlsplit(str(address)).scheme:
                # From the top of the book, and from there back to the deck.
                one[name] = f"..{urljoin(f'/{page}.html', str(address))}"
        if not part.get("data-kind"):
            del one["id"]
    return part


def text_of(heading: Tag | None) -> str:
    """A heading's words, without its number and its link."""
    if heading is None:
        raise ValueError("a page has no heading")
    heading = copy.copy(heading)
    for extra in heading.select(".section-number, .headerlink"):
        extra.decompose()
    return heading.get_text().strip()


if __name__ == "__main__":
    sys.exit(main())
