"""Put the book's letters, Inter, into a style sheet.

    python -m tools.letters SHEET

They stand in the sheet itself, so that a page is drawn with them from the start: nothing jumps when a font comes late,
and a page from a folder has them in every browser. A slow line waits for them, so the sheet holds only the weights that
the book uses, and each letter in one form, with digits of one width.
"""

import base64
import sys
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

INTER = Path("node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2")
LIGHTEST, BOLDEST = 400, 700
FEATURES = ["kern", "tnum", "ccmp", "mark"]
FACE = """@font-face {{
  font-family: "Inter Variable";
  font-weight: {lightest} {boldest};
  src: url("data:font/woff2;base64,{data}") format("woff2");
}}
"""


def letters(font: Path = INTER) -> str:
    """A rule for a style sheet that holds a variable font, with the weights from ``LIGHTEST`` to ``BOLDEST``."""
    whole = TTFont(font)
    for glyph in whole.getGlyphOrder():
        whole["gvar"].variations.setdefault(glyph, [])  # fontTools' subsetter looks for each of them
    letters_only = Subsetter(Options(layout_features=FEATURES))
    letters_only.populate(unicodes=whole.getBestCmap())
    letters_only.subset(whole)
    narrowed = instantiateVariableFont(whole, {"wght": (LIGHTEST, BOLDEST)})
    narrowed.flavor = "woff2"
    written = BytesIO()
    narrowed.save(written)
    data = base64.b64encode(written.getvalue()).decode()
    return FACE.format(lightest=LIGHTEST, boldest=BOLDEST, data=data)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(letters(), encoding="utf-8")
