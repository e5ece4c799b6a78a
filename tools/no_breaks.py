"""A Sphinx extension: no line of the book ends between a number and its unit, or beside × and ±.

The sources of the pages stay plain text, in which nobody can see whether a space breaks. Tables have their own rule: in
a narrow column the spread may stand below its mean (``senet_lib/experiments/markdown.py``).
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

UNITS = ("s", "ms", "minutes?", "hours?", "[KMG]B", "px", "pixels", "points?", "nats", "million", "MACs", "FLOPs")
NO_BREAK = re.compile(rf"\s(?=[×±](?:\s|$))|(?<=[×±])\s|(?<=\d)\s(?=(?:{'|'.join(UNITS)})\b)")
AS_THEY_ARE = (nodes.FixedTextElement, nodes.literal, nodes.math, nodes.math_block, nodes.raw, nodes.entry)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", keep_together)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def keep_together(app: Sphinx, doctree: nodes.document, page: str) -> None:
    for text in list(doctree.findall(nodes.Text)):
        if not is_in(text, AS_THEY_ARE):
            text.parent.replace(text, nodes.Text(unbroken(text)))


def is_in(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def unbroken(text: str) -> str:
    """The text with spaces that do not break where a line must not end."""
    return NO_BREAK.sub("\N{NO-BREAK SPACE}", text)
