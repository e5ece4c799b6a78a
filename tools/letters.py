"""Put the book's letters, Inter, into a style sheet.

    python -m tools.letters SHEET

They stand in the sheet itself, so that a page is drawn with them from the start: nothing jumps when a font comes late,
and a page from a folder has them in every browser. A slow line waits for the sheet, so it holds the weights that the
book uses, and of Inter's letters those that stand in its sources, each in one form, with digits of one width.
"""

import base64
import string
import sys
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

INTER = Path("node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2")
SOURCES = ("book/*.md", "book/*.bib", "notebooks/*.md", "senet_lib/book/figures/**/*.js", "senet_lib/book/**/*.py")
LIGHTEST, BOLDEST = 400, 700
FEATURES = ["kern", "tnum", "ccmp", "mark"]
FACE = """@font-face {{
  font-family: "Inter Variable";
  font-weight: {lightest} {boldest};
  src: url("data:font/woff2;base64,{data}") format("woff2");
}}
"""


def letters_in(sources: Iterable[Path]) -> set[str]:
    """All characters of some texts, and those of ASCII."""
    return set(string.printable).union(*(source.read_text(encoding="utf-8") for source in sources))


def face(letters: Iterable[str], font: Path = INTER) -> str:
    """A rule for a style sheet that holds these letters of a variable font, from ``LIGHTEST`` to ``BOLDEST``."""
    whole = TTFont(font)
    for glyph in whole.getGlyphOrder():
        whole["gvar"].variations.setdefault(glyph, [])  # fontTools' subsetter looks for each of them
    subsetter = Subsetter(Options(layout_features=FEATURES))
    subsetter.populate(unicodes=map(ord, letters))
    subsetter.subset(whole)
    narrowed = instantiateVariableFont(whole, {"wght": (LIGHTEST, BOLDEST)})
    narrowed.flavor = "woff2"
    written = BytesIO()
    narrowed.save(written)
    data = base64.b64encode(written.getvalue()).decode()
    return FACE.format(lightest=LIGHTEST, boldest=BOLDEST, data=data)


if __name__ == "__main__":
    sources = [path for pattern in SOURCES for path in Path().glob(pattern)]
    Path(sys.argv[1]).write_text(face(letters_in(sources)), encoding="utf-8")
