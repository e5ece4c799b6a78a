"""A Sphinx extension: no line ends between a number and its unit, beside × and ±, or before a formula's comma.

The sources of the pages stay plain text, in which nobody can see whether a space breaks. Tables have their own rule for
±: in a narrow column the spread may stand below its mean (``senet_lib/book/experiments/markdown.py``).
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

UNITS = ("s", "ms", "minutes?", "hours?", "[KMG]B", "px", "pixels", "points?", "nats", "million", "MACs", "FLOPs")
BEFORE_UNIT = rf"(?<=\d)\s(?=(?:{'|'.join(UNITS)})\b)"
IN_TABLES = re.compile(BEFORE_UNIT)
IN_TEXT = re.compile(rf"\s(?=[×±](?:\s|$))|(?<=[×±])\s|{BEFORE_UNIT}")
BEHIND_FORMULA = re.compile(r"[^\s\w(“]+")
AS_THEY_ARE = (nodes.FixedTextElement, nodes.literal, nodes.math, nodes.math_block, nodes.raw)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", keep_together)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def keep_together(app: Sphinx, doctree: nodes.document, page: str) -> None:
    for text in list(doctree.findall(nodes.Text)):
        if not is_in(text, AS_THEY_ARE):
            rule = IN_TABLES if is_in(text, (nodes.entry,)) else IN_TEXT
            text.parent.replace(text, nodes.Text(unbroken(text, rule)))
    for formula in list(doctree.findall(nodes.math)):
        hold_punctuation(formula)


def hold_punctuation(formula: nodes.math) -> None:
    """Put a formula and the comma or full stop behind it into one part that book.css keeps in one line.

    Browsers may end a line behind a formula, whatever comes then: its letters stand in boxes.
    """
    behind = formula.next_node(descend=False, siblings=True)
    if isinstance(behind, nodes.Text) and (mark := BEHIND_FORMULA.match(behind)):
        formula.parent.replace(behind, nodes.Text(behind[mark.end() :]))
        together = nodes.inline(classes=["senet-together"])
        formula.parent.replace(formula, together)
        together += [formula, nodes.Text(mark[0])]


def is_in(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def unbroken(text: str, rule: re.Pattern[str] = IN_TEXT) -> str:
    """The text with spaces that do not break where a line must not end."""
    return rule.sub("\N{NO-BREAK SPACE}", text)
