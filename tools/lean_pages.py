"""A Sphinx extension: pages that load little script. _config.yml names it.

By itself, each page would load 1.7 MB of script before it holds a figure. A page's budgets say what may stay
(tests/browser/test_lean_pages.py, benchmarks/pages.py). The fullest chapter's figures bring it to 144 KB already. Each
piece here is paid for by one of them:

- 150 KB of script. Font Awesome's script, 1.5 MB, puts some twenty icons in place of empty tags. They are the same in
  each page, so they are put there when the page is written. Their outlines come from the font that the theme brings.
- 150 KB of script. Bootstrap's script, 81 KB, opens the menus of the header, shows tips, and runs the button to the top
  of the page. ``lean_pages.js`` (2 KB) and ``lean_pages.css`` do that.
- 150 KB of script. The index of the whole book and the search in it, 100 KB, are for results that appear while one
  types. This book does not use them; its search page loads them by itself. Where the search is not loaded, the script
  that marks found words begins to work, in the text of formulas and figures too: it goes as well.
- 150 KB of script. A figure's HTML stands alone, so each one holds all that it needs. What several share, a page needs
  once.
- 300 KB of state. The kernel's state of all widgets of a page: each figure holds its own state already.
- One second until a page can be read. What it can show before its scripts have come, it shows before: they are
  deferred, a line of script in its head asks whether the reader's system is dark, and what figures hold, their states
  and modules, stands behind the text.

No budget asks for two more, but readers do. The theme writes a top bar that this book does not show, with a second set
of buttons. Its scripts act on the first of two buttons of a kind, and that was the hidden one: the bar is emptied. And
a few attributes are mended that mislead those who hear a page instead of seeing it.

The theme's templates hold all this in their own text, where no setting reaches it. So the written page is edited, just
before it goes into its file. When something is not where it was, there is a warning, which stops `make book`.
"""

import functools
import re
from pathlib import Path
from typing import Any

import pydata_sphinx_theme
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.jinja2glue import BuiltinTemplateLoader
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
HERE = Path(__file__).parent
FONTS = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static/vendor/fontawesome/webfonts"
FONT_FILES = {
    "fa-brands": "fa-brands-400.ttf",
    "fa-regular": "fa-regular-400.ttf",
    "fa-solid": "fa-solid-900.ttf",
    "fab": "fa-brands-400.ttf",
    "far": "fa-regular-400.ttf",
    "fas": "fa-solid-900.ttf",
}
# In the font, y grows upwards from the line of text; in a picture it grows downwards from the top, 448 units higher.
FONT_TO_PICTURE = (1, 0, 0, -1, 0, 448)

NEVER = ("fontawesome.js", "bootstrap.js")
FOR_SEARCH = ("searchtools.js", "language_data.js", "searchindex.js", "sphinx_highlight.js")
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"

DEFERRED = ("clipboard.min.js", "copybutton.js", "sphinx-book-theme.js")
DEFERRED_BUT_FOR_SEARCH = ("doctools.js",)
# The theme's own script, which comes late, does the same.
#
# A browser draws first with other letters, even where a style sheet holds the font, and then all text moves. So nothing
# is shown until the sheet is there and its font is read, some milliseconds later. The text is taken in meanwhile.
FIRST_SCRIPT = """\\g<0>
  <script>
    if (document.documentElement.dataset.theme === "auto") {
      document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    }
    if (document.fonts) {
      const { style } = document.documentElement;
      const show = () => { style.visibility = ""; };
      style.visibility = "hidden";
      document.addEventListener("error", show, true);
      addEventListener("load", show);
      document.addEventListener("load", ({ target }) => {
        if (target.rel === "stylesheet") document.fonts.load('1em "Inter Variable"').then(show, show);
      }, true);
    }
  </script>"""
STORED_MODE = re.compile(r'<script data-cfasync="false">.*?</script>', re.DOTALL)
# Of a name that hides the text which stands there, and of a list without items.
MISLEADING = (
    (r'(<summary) aria-label="Toggle hidden content"', r"\1"),
    (r'(<button class="btn search-button-field[^>]*) aria-label="Search"', r"\1"),
    (r'<div role="list" class="citation-list">', r'<div class="citation-list">'),
)

TOP_BAR = re.compile(r'(<header id="pst-header"[^>]*>).*?(</header>)', re.DOTALL)
ICON = re.compile(r'<(i|span) class="(?P<classes>[^"]*\bfa-[^"]*)"(?P<others>[^>]*)></\1>')
SHARED = re.compile(r'<(script|style)\b[^>]*\bdata-key="(?P<key>\w+)"[^>]*>.*?</\1>\n?', re.DOTALL)
HELD = re.compile(r'<script type="application/json" class="senet-(state|module)"[^>]*>.*?</script>\n?', re.DOTALL)
CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SPARE = re.compile(r"\s*([{};,])\s*|\s+")
# It would take its share of a slow line from the style sheet, for which the reader waits.
HURRY = r'<link rel="preload" as="script"[^>]*>\n?'
TITLE = re.compile(r'title="(?P<text>[^"]*)"')


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", use_lean_templates)
    # After myst-nb, which adds the state at the default priority, 500.
    app.connect("html-page-context", drop_widget_state, priority=900)
    app.connect("html-page-context", add_search_script)
    app.add_css_file("lean_pages.css")
    app.add_js_file("lean_pages.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def use_lean_templates(app: Sphinx, config: Config) -> None:
    config.template_bridge = f"{__name__}.{LeanTemplates.__name__}"
    config.html_static_path += [str(HERE / "lean_pages.css"), str(HERE / "lean_pages.js")]


def add_search_script(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """What the search page shows of each page is read by a script of the book's own."""
    if page == "search":
        app.add_js_file("search_page.js", loading_method="defer")


def drop_widget_state(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Take the kernel's widget state out of the scripts of a page, in place: later extensions add to the same list."""
    scripts = context["script_files"]
    scripts[:] = [script for script in scripts if script.attributes.get("type") != WIDGET_STATE]


class LeanTemplates(BuiltinTemplateLoader):
    """Sphinx's templates, with their whole pages made lean."""

    def render(self, template: str, context: dict[str, Any]) -> str:  # type: ignore[override]
        text = super().render(template, context)
        # The theme also renders parts of a page, to see whether they are empty.
        is_page = text.rstrip().endswith("</html>")
        return make_lean(text, context.get("pagename", template)) if is_page else text


def make_lean(html: str, page: str) -> str:
    """The text of a page without the scripts that it can do without, and with its icons in place."""
    for name in NEVER if page == "search" else NEVER + FOR_SEARCH:
        # The theme asks for some of its scripts twice: early, by a link, and where they run.
        wanted = rf'<(link|script)\b[^>]*["/]{re.escape(name)}[^>]*>(</script>)?\n?'
        html = replace(wanted, "", html, f"{page}: there is no {name} to leave out")
    for name in DEFERRED if page == "search" else DEFERRED + DEFERRED_BUT_FOR_SEARCH:
        late = rf'<script (?=src="[^"]*/{re.escape(name)}[?"])'
        html = replace(late, "<script defer ", html, f"{page}: there is no {name} to defer")
    html = replace(HURRY, "", html, f"{page}: there is no script to load later")
    html = replace(STORED_MODE, FIRST_SCRIPT, html, f"{page}: there is no script for the colours")
    html = replace(TOP_BAR, r"\1\2", html, f"{page}: there is no top bar to empty")
    for pattern, replacement in MISLEADING:
        html = re.sub(pattern, replacement, html)
    return move_behind_text(keep_first_copies(ICON.sub(draw_icon, html)))


def move_behind_text(html: str) -> str:
    """What figures hold, at the end of the page: only scripts read it."""
    held = "".join(part[0] for part in HELD.finditer(html))
    head, end, tail = HELD.sub("", html).rpartition("</body>")
    return f"{head}{held}{end}{tail}"


def keep_first_copies(html: str) -> str:
    """Of the parts of figures that have the same key, and so the same text, only the first."""
    seen: set[str] = set()

    def keep_or_drop(part: re.Match[str]) -> str:
        is_first = part["key"] not in seen
        seen.add(part["key"])
        whole = shorten_style(part[0]) if part[1] == "style" else part[0]
        return whole if is_first else ""

    return SHARED.sub(keep_or_drop, html)


def shorten_style(css: str) -> str:
    """A style sheet without its comments and its spare white space."""
    return SPARE.sub(lambda found: found[1] or " ", CSS_COMMENT.sub("", css)).replace(";}", "}")


def replace(pattern: str | re.Pattern[str], replacement: str, html: str, complaint: str) -> str:
    html, count = re.subn(pattern, replacement, html)
    if count == 0:
        LOGGER.warning("%s. Has the theme changed?", complaint, type="lean_pages")
    return html


def draw_icon(tag: re.Match[str]) -> str:
    """The picture in place of an icon's empty tag, with its attributes and without the class that names a font.

    Font Awesome's script does it this way, and the theme's style sheets expect it. An icon that the font has under
    another name is left alone: the style sheets draw it with the whole font.
    """
    fonts = [FONT_FILES[one] for one in tag["classes"].split() if one in FONT_FILES]
    classes = [one for one in tag["classes"].split() if one not in FONT_FILES]
    drawings = [outline(font, one.removeprefix("fa-")) for font in fonts for one in classes]
    if not any(drawings):
        return tag[0]
    width, path = next(filter(None, drawings))
    found = TITLE.search(tag["others"])
    title = f"<title>{found['text']}</title>" if found else ""
    attributes = f'class="svg-inline--fa {" ".join(classes)}"{TITLE.sub("", tag["others"])} aria-hidden="true"'
    return f'<svg {attributes} viewBox="0 0 {width} 512">{title}<path fill="currentColor" d="{path}"/></svg>'


@functools.cache
def outline(file: str, name: str) -> tuple[int, str] | None:
    """Width and path of an icon, 512 units high; None if the font has no glyph of that name."""
    glyphs = read_glyphs(file)
    if name not in glyphs:
        return None
    pen = SVGPathPen(glyphs)
    glyphs[name].draw(TransformPen(pen, FONT_TO_PICTURE))
    return glyphs[name].width, pen.getCommands()


@functools.cache
def read_glyphs(file: str) -> Any:
    return TTFont(FONTS / file).getGlyphSet()
