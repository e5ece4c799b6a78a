"""All pages of the built book as one page, to print: `tools/pdf.py` makes the PDF of it.

The articles stand one after the other, in the order of _toc.yml, with a title page and the contents before them. Links
between pages become links inside the page. What only works on a screen stays behind: a figure is its still picture, and
what else was folded is open. Listings stand behind their figure. At the back are the answers of all tests, and then
the code that the pages fold.
"""

import json
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag

import senet_lib
from tools.print_figures import print_listings, print_self_test, printed_words

HERE = Path(__file__).parent
# What names ids of the same page.
ID_LISTS = ("aria-labelledby", "aria-describedby", "for", "headers")
SVG_REFERENCE = re.compile(r"url\(#([^)]+)\)")
# The code that sets a figure up is of no use where the figure is a picture.
ONLY_ON_A_SCREEN = (
    "script, style, button, .senet-screen, .headerlink, .toctree-wrapper, .only-dark, "
    ".cell:has(.senet-figure) > :not(.cell_output)"
)
SHEETS = ("../vendor/katex/katex.min.css", "pygments.css", "figure.css", "print.css")
SHORT = 14  # lines of code that are not torn apart
COVER = "../book/drawings/context_world.svg"  # seen from the page


class Place(NamedTuple):
    """Where a page stands in the book."""

    name: str  # its path without ``.html``, such as "notebooks/02_squeeze"
    part: str | None = None  # the caption of the part that it opens, or None
    foot: str | None = None  # what stands at the foot of its pages; its title if this is None
    follows: bool = False  # whether it goes on where the page before it ends

    @property
    def key(self) -> str:
        """What the ids of the page begin with. It is the id of its article."""
        return self.name.replace("/", "-")

    @property
    def sheet(self) -> str:
        """The name of its paper. From one name to another Chromium begins a new page."""
        return "sheet-" + (re.sub(r"\W+", "-", self.foot) if self.foot else self.key)


@dataclass(frozen=True)
class Page:
    """One page of the built book: its place, and its text, ready to stand beside others."""

    place: Place
    article: Tag

    @property
    def title(self) -> str:
        return heading_text(self.article.h1)


def list_places(contents: Path) -> list[Place]:
    """All pages, from _toc.yml. Those of a part without numbers are no chapters, and follow one another on paper."""
    toc = yaml.safe_load(contents.read_text(encoding="utf-8"))
    places = [Place(toc["root"])]
    for part in toc["parts"]:
        foot = None if part.get("numbered") else part["caption"]
        first, *others = (chapter["file"] for chapter in part["chapters"])
        places += [Place(first, part["caption"], foot), *(Place(one, None, foot, foot is not None) for one in others)]
    return places


def read_pages(html: Path, contents: Path, folder: Path) -> list[Page]:
    """The pages of a built book in order, with addresses as they look from a page in `folder`."""
    places = {place.name: place for place in list_places(contents)}
    pages, answers, code = [], [], []
    for name, place in places.items():
        soup = BeautifulSoup((html / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        article = find_one(soup, "article.bd-article")
        listings = [print_listings(figure, soup) for figure in article.select(".senet-figure")]
        found = "".join([print_self_test(article), *listings])
        show_stills(article)
        for element in article.select(ONLY_ON_A_SCREEN):
            element.decompose()
        unfold(article)
        mark_headings(article)
        move_addresses(article, name, places, html, folder)
        make_ids_unique(article, place.key)
        pages.append(Page(place, article))
        answers.append((pages[-1], found))
        code.append((pages[-1], take_code(article, place.key)))
    backs = (("answers", "Answers to the self-tests", answers), ("code", "Code that the pages fold", code))
    return [*pages, *(Page(Place(key), draw_back(key, title, taken)) for key, title, taken in backs)]


def take_code(article: Tag, key: str) -> str:
    """Leave a link in the place of code that a page folds. Returns the code as HTML."""
    taken: list[str] = []
    for code in article.select("details.hide"):
        name = f"Code {heading_text(article.h1).partition('.')[0]}.{len(taken) + 1}."
        anchor = f"code-{key}--{len(taken) + 1}"
        words = heading_text(find_one(code, "summary").extract().p).replace("Show the code", "For what follows")
        title = f"<strong>{name}</strong> {words}"
        taken.append(f'<p id="{len(taken) + 1}">{title}</p>{find_one(code, ".cell_input").extract()}')
        link = f'<p><a href="#{anchor}">{title}, page <span data-of="{anchor}">000</span></a></p>'
        code.insert_before(BeautifulSoup(link, "html.parser"))
        code.unwrap()
    return "".join(taken)


def draw_back(prefix: str, title: str, taken: list[tuple[Page, str]]) -> Tag:
    """An article at the back: what was taken from the chapters, chapter by chapter."""
    article = BeautifulSoup(f'<article class="bd-article"><h1>{title}</h1></article>', "html.parser")
    for page, found in taken:
        if not found:
            continue
        key = f"{prefix}-{page.place.key}"
        text = f'<section id="{key}"><h2>{escape(page.title)}</h2>{found}</section>'
        section = BeautifulSoup(text, "html.parser")
        make_ids_unique(section, key)
        find_one(article, "article").append(section)
    mark_headings(article)
    return find_one(article, "article")


def find_one(parent: Tag, selector: str) -> Tag:
    """The first thing that a selector fits.

    Raises:
        ValueError: if there is none.
    """
    found = parent.select_one(selector)
    if found is None:
        raise ValueError(f"a page has no {selector}; has the theme changed, or a figure's HTML?")
    return found


def show_stills(article: Tag) -> None:
    """Each live figure as its title, its still picture, and words for paper in the place of its caption."""
    for figure in article.select(".senet-figure"):
        title = BeautifulSoup(f'<p class="senet-title">{escape(str(figure["data-title"]))}</p>', "html.parser")
        find_one(figure, ".senet-still").insert(0, title)
        find_one(figure, ".senet-caption").string = printed_words(figure)


def unfold(article: Tag) -> None:
    for details in article.select("details"):
        details["open"] = ""
    for code in article.select("div.highlight pre"):
        if len(code.get_text().splitlines()) <= SHORT:
            code["class"] = "short"


def mark_headings(article: Tag) -> None:
    for heading in article.find_all(re.compile(r"^h[1-6]$")):
        heading["data-level"] = heading.name[1]


def move_addresses(article: Tag, name: str, known: Mapping[str, Place], html: Path, folder: Path) -> None:
    """Links to pages of the book lead to their place in this page, pictures to their files from `folder`."""
    home = (html / name).parent
    for picture in article.select("img[src]"):
        parts = urlsplit(str(picture["src"]))
        if not parts.scheme and not parts.netloc:
            picture["src"] = Path(os.path.relpath(home / unquote(str(picture["src"])), folder)).as_posix()
    for link in article.select("a[href]"):
        parts = urlsplit(str(link["href"]))
        if parts.scheme or parts.netloc:
            continue
        target = name
        if parts.path:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path)))
            target = target.removesuffix(".html")
        if target not in known:
            link.unwrap()
            continue
        link["href"] = f"#{known[target].key}" + (f"--{parts.fragment}" if parts.fragment else "")


def make_ids_unique(article: Tag, key: str) -> None:
    for element in article.find_all(True):
        for name, value in list(element.attrs.items()):
            if name == "id":
                element["id"] = f"{key}--{value}"
            elif name in ID_LISTS:
                words = value if isinstance(value, list) else str(value).split()
                element[name] = " ".join(f"{key}--{word}" for word in words)
            elif name == "xlink:href" and str(value).startswith("#"):
                element[name] = f"#{key}--{str(value)[1:]}"
            elif isinstance(value, str) and "url(#" in value:
                element[name] = SVG_REFERENCE.sub(rf"url(#{key}--\1)", value)


def heading_text(heading: Tag | None) -> str:
    return " ".join(heading.get_text().split()) if heading else ""


def draw_contents(pages: list[Page]) -> str:
    """A line for each part, chapter and section. `tools/pdf.py` fills in the numbers of the pages."""
    lines = []
    for page in pages:
        if page.place.part:
            lines.append(f'<li class="part">{escape(page.place.part)}</li>')
        lines.append(draw_line("chapter", page.place.key, page.title))
        for section in page.article.select('[data-level="2"]'):
            lines.append(draw_line("section", anchor_of(section), heading_text(section)))
    return f'<nav class="contents"><h1 data-level="1">Contents</h1>\n<ol>{"".join(lines)}</ol></nav>'


def anchor_of(heading: Tag) -> str:
    """The id of a heading, or else of the section that it opens."""
    holder = heading if heading.get("id") else heading.find_parent(id=True)
    if holder is None:
        raise ValueError(f"the heading {heading_text(heading)!r} has no id, nor has its section")
    return str(holder["id"])


def draw_line(kind: str, anchor: str, title: str) -> str:
    return (
        f'<li class="{kind}"><a href="#{escape(anchor)}"><span>{escape(title)}</span>'
        f'<span class="leader"></span><span class="number" data-of="{escape(anchor)}">000</span></a></li>\n'
    )


def draw_running_titles(pages: list[Page]) -> Iterator[str]:
    """The style of each chapter's pages: its title at the foot."""
    for page in pages:
        title = json.dumps(page.place.foot or page.title, ensure_ascii=False)
        yield f"@page {page.place.sheet} {{ @bottom-left {{ content: {title}; }} }}"


def draw_chapters(pages: list[Page]) -> Iterator[str]:
    is_in_part = False
    for page in pages:
        place = page.place
        is_in_part |= place.part is not None
        if is_in_part:  # room for the headings of parts, one level above; what they look like hangs on data-level
            for heading in page.article.select("[data-level]"):
                heading.name = f"h{min(int(str(heading['data-level'])) + 1, 6)}"
        part = f'<h1 class="part">{escape(place.part)}</h1>' if place.part else ""
        article = page.article.decode_contents()
        style = f"page: {place.sheet}" + ("; break-before: auto; margin-top: 14mm" if place.follows else "")
        yield f'<article class="bd-article" id="{place.key}" style="{style}">{part}\n{article}</article>'


def join(pages: list[Page], settings: Mapping[str, Any], static: str) -> str:
    """The text of the page, with the settings of _config.yml; ``static`` has the book's sheets, seen from there."""
    title, author = escape(settings["title"]), escape(settings["author"])
    licence = re.sub(r"</?p>", "", settings["html"]["extra_footer"]).strip()
    contents = draw_contents(pages)  # before the headings go down
    sheets = "".join(f'<link rel="stylesheet" href="{static}/{name}">\n' for name in SHEETS)
    running = "\n".join(draw_running_titles(pages))
    body = "\n".join(draw_chapters(pages))
    return f"""<!doctype html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="author" content="{author}">
{sheets}<style>
{(HERE / "print_page.css").read_text(encoding="utf-8")}
{running}
</style>
<script>
{(HERE / "print_page.js").read_text(encoding="utf-8")}
</script>
</head>
<body>
<header class="title-page">
<p class="title">{title}</p>
<p class="author">{author}</p>
<img alt="" src="{COVER}">
<p>The figures of this book are alive in a browser. Here each one is a still picture.</p>
<p>Version {senet_lib.__version__}. {licence}</p>
</header>
{contents}
<main>
{body}
</main>
</body>
</html>
"""
