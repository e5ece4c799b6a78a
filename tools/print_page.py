"""All pages of the built book as one page, to print: `tools/pdf.py` makes the PDF of it.

The articles stand one after the other, in the order of _toc.yml, with a title page and the contents before them. Links
between pages become links inside the page. What only works on a screen stays behind: a figure is its still picture, and
what was folded is open. Listings stand behind their figure, and the answers of all tests at the back.
"""

import json
import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag

from tools.print_figures import print_listings, print_self_test, printed_words

HERE = Path(__file__).parent
# What names ids of the same page.
ID_LISTS = ("aria-labelledby", "aria-describedby", "for", "headers")
SVG_REFERENCE = re.compile(r"url\(#([^)]+)\)")
# The code that sets a figure up is of no use where the figure is a picture.
ONLY_ON_A_SCREEN = (
    "script, style, button, .senet-screen, .headerlink, .toctree-wrapper, .only-dark, details.hide > summary, "
    ".cell:has(.senet-figure) > :not(.cell_output)"
)
SHEETS = ("../vendor/katex/katex.min.css", "pygments.css", "figure.css", "print.css")
SHORT = 14  # lines of code that are not torn apart


@dataclass(frozen=True)
class Book:
    """What the title page says."""

    title: str
    author: str
    version: str
    licence: str
    drawing: str  # address of a picture, seen from the page


@dataclass(frozen=True)
class Page:
    """One page of the built book.

    Attributes:
        name: its path without ``.html``, such as "notebooks/02_squeeze".
        part: the caption of the part that it opens, or None.
        article: its text, ready to stand beside others.
        foot: what stands at the foot of its pages; its title if this is None.
        follows: whether it goes on where the page before it ends.
    """

    name: str
    part: str | None
    article: Tag
    foot: str | None = None
    follows: bool = False

    @property
    def key(self) -> str:
        return key_of(self.name)

    @property
    def title(self) -> str:
        return heading_text(self.article.h1)

    @property
    def sheet(self) -> str:
        """The name of its paper. From one name to another Chromium begins a new page."""
        return "sheet-" + (re.sub(r"\W+", "-", self.foot) if self.foot else self.key)


def key_of(name: str) -> str:
    """What the ids of a page begin with. It is the id of its article."""
    return name.replace("/", "-")


def list_names(contents: Path) -> list[tuple[str, str | None]]:
    """From _toc.yml: each page's name, and the caption of the part that it opens."""
    toc = yaml.safe_load(contents.read_text(encoding="utf-8"))
    parts = toc.get("parts", [{"caption": None, "chapters": toc.get("chapters", [])}])
    names: list[tuple[str, str | None]] = [(toc["root"], None)]
    for part in parts:
        files = [chapter["file"] for chapter in part["chapters"]]
        names += [(file, part["caption"] if file == files[0] else None) for file in files]
    return names


def list_loose(contents: Path) -> dict[str, str]:
    """The pages that are no chapters, each with the caption of its part: on paper they follow one another."""
    toc = yaml.safe_load(contents.read_text(encoding="utf-8"))
    loose = [part for part in toc.get("parts", []) if not part.get("numbered")]
    return {chapter["file"]: part["caption"] for part in loose for chapter in part["chapters"]}


def read_pages(html: Path, contents: Path, folder: Path) -> list[Page]:
    """The pages of a built book in order, with addresses as they look from a page in `folder`."""
    names = list_names(contents)
    known = {name for name, _ in names}
    loose = list_loose(contents)
    pages, answers = [], []
    for name, part in names:
        soup = BeautifulSoup((html / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        article = find_one(soup, "article.bd-article")
        listings = [print_listings(figure, soup) for figure in article.select(".senet-figure")]
        found = [print_self_test(article), *listings]
        for prepare in (show_stills, drop_what_needs_a_screen, unfold, mark_headings):
            prepare(article)
        move_addresses(article, name, known, html, folder)
        make_ids_unique(article, key_of(name))
        pages.append(Page(name, part, article, loose.get(name), name in loose and part is None))
        if any(found):
            answers.append((pages[-1].title, "".join(found), name))
    return [*pages, Page("answers", None, draw_answers(answers))] if answers else pages


def draw_answers(answers: list[tuple[str, str, str]]) -> Tag:
    """The last article: what the tests of the chapters ask, by title, answers and name of the chapter."""
    article = BeautifulSoup('<article class="bd-article"><h1>Answers to the self-tests</h1></article>', "html.parser")
    for title, found, name in answers:
        section = BeautifulSoup(
            f'<section id="answers-{key_of(name)}"><h2>{escape(title)}</h2>{found}</section>', "html.parser"
        )
        make_ids_unique(section, f"answers-{key_of(name)}")
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


def drop_what_needs_a_screen(article: Tag) -> None:
    for element in article.select(ONLY_ON_A_SCREEN):
        element.decompose()


def unfold(article: Tag) -> None:
    for code in article.select("details.hide"):
        code.unwrap()
    for details in article.select("details"):
        details["open"] = ""
    for code in article.select("div.highlight pre"):
        if code.get_text().count("\n") <= SHORT:
            code["class"] = "short"


def mark_headings(article: Tag) -> None:
    for heading in article.find_all(re.compile(r"^h[1-6]$")):
        heading["data-level"] = heading.name[1]


def lower_headings(article: Tag) -> None:
    """Make room for the headings of parts, one level above. What they look like hangs on data-level."""
    for heading in article.select("[data-level]"):
        heading.name = f"h{min(int(str(heading['data-level'])) + 1, 6)}"


def move_addresses(article: Tag, name: str, known: set[str], html: Path, folder: Path) -> None:
    """Links to pages of the book lead to their place in this page, pictures to their files from `folder`."""
    home = (html / name).parent
    for picture in article.select("img[src]"):
        if is_local(str(picture["src"])):
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
        link["href"] = f"#{key_of(target)}" + (f"--{parts.fragment}" if parts.fragment else "")


def is_local(address: str) -> bool:
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc


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


def draw_title_page(book: Book) -> str:
    return f"""<header class="title-page">
<p class="title">{escape(book.title)}</p>
<p class="author">{escape(book.author)}</p>
<img alt="" src="{escape(book.drawing)}">
<p>The figures of this book are alive in a browser. Here each one is a still picture.</p>
<p>Version {escape(book.version)}. {book.licence}</p>
</header>"""


def draw_contents(pages: list[Page]) -> str:
    """A line for each part, chapter and section. `tools/pdf.py` fills in the numbers of the pages."""
    lines = []
    for page in pages:
        if page.part:
            lines.append(f'<li class="part">{escape(page.part)}</li>')
        lines.append(draw_line("chapter", page.key, page.title))
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
        title = json.dumps(page.foot or page.title, ensure_ascii=False)
        yield f"@page {page.sheet} {{ @bottom-left {{ content: {title}; }} }}"


def draw_chapters(pages: list[Page]) -> Iterator[str]:
    is_in_part = False
    for page in pages:
        is_in_part |= page.part is not None
        if is_in_part:
            lower_headings(page.article)
        part = f'<h1 class="part">{escape(page.part)}</h1>' if page.part else ""
        article = page.article.decode_contents()
        style = f"page: {page.sheet}" + ("; break-before: auto; margin-top: 14mm" if page.follows else "")
        yield f'<article class="bd-article" id="{page.key}" style="{style}">{part}\n{article}</article>'


def join(pages: list[Page], book: Book, static: str) -> str:
    """The text of the page.

    Args:
        pages: of the book, in order.
        book: what the title page says.
        static: where the book's style sheets are, seen from the page.
    """
    contents = draw_contents(pages)  # before the headings go down
    sheets = "".join(f'<link rel="stylesheet" href="{static}/{name}">\n' for name in SHEETS)
    running = "\n".join(draw_running_titles(pages))
    body = "\n".join(draw_chapters(pages))
    return f"""<!doctype html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<title>{escape(book.title)}</title>
<meta name="author" content="{escape(book.author)}">
{sheets}<style>
{(HERE / "print_page.css").read_text(encoding="utf-8")}
{running}
</style>
<script>
{(HERE / "print_page.js").read_text(encoding="utf-8")}
</script>
</head>
<body>
{draw_title_page(book)}
{contents}
<main>
{body}
</main>
</body>
</html>
"""
