"""Put the book's letters, Inter, into a style sheet.

    python -m tools.letters SHEET

They stand in the sheet itself, so that a page is drawn with them from the start: nothing jumps when a font comes late,
and a page from a folder has them in every browser. The sheet holds the weights that the book uses.
"""

import base64
import sys
from io import BytesIO
from pathlib import Path

from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

INTER = Path("node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2")
LIGHTEST, BOLDEST = 400, 700
FACE = """@font-face {{
  font-family: "Inter Variable";
  font-weight: {lightest} {boldest};
  src: url("data:font/woff2;base64,{data}") format("woff2");
}}
"""


def letters(font: Path = INTER) -> str:
    """A rule for a style sheet that holds a variable font, with the weights from ``LIGHTEST`` to ``BOLDEST``."""
    narrowed = instantiateVariableFont(TTFont(font), {"wght": (LIGHTEST, BOLDEST)})
    narrowed.flavor = "woff2"
    written = BytesIO()
    narrowed.save(written)
    data = base64.b64encode(written.getvalue()).decode()
    return FACE.format(lightest=LIGHTEST, boldest=BOLDEST, data=data)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(letters(), encoding="utf-8")
