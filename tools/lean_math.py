"""A Sphinx extension: each formula keeps about as much room free as it will take, so that no line moves then.

MathJax comes after the text, and a formula's source is several times as long as the formula. Here its size is
guessed from the source; book.css keeps that much free until it is typeset. A full stop or a comma after it stays in its
line.
"""

import re
from html import unescape
from typing import Any

from sphinx.application import Sphinx

INLINE = re.compile(
    r'<span class="math notranslate nohighlight">\\\((?P<source>.*?)\\\)</span>(?P<after>[.,;:!?)’”]*)', re.DOTALL
)
DISPLAY = re.compile(r'<div class="(?:amsmath )?math notranslate nohighlight"[^>]*>(?P<source>.*?)</div>', re.DOTALL)

FRACTION = re.compile(r"\\[dt]?frac\{(?P<over>[^{}]*)\}\{(?P<under>[^{}]*)\}")
SCRIPT = re.compile(r"[_^](?:\{(?P<group>(?:[^{}]|\{[^{}]*\})*)\}|(?P<sign>\\[a-zA-Z]+|[^\s\\]))")
# These change how others look, or where they stand. Of \text and its like, the letters count.
SILENT = re.compile(
    r"\\(?:math(?:bf|bb|rm|cal)|boldsymbol|text(?:bf|rm)?|operatorname|(?:wide)?(?:tilde|hat|bar)|left|right)(?![a-zA-Z])"
    r"|\\[,!;]|[{}&]"
)
SIGN = re.compile(r"\\[a-zA-Z]+|\\?\S")
# Widths in em of MathJax's letters; those of = and its like with the space around them.
WIDTHS = (
    (re.compile(r"[=<>]|\\(?:in|le|ge|ne|to|approx|leftarrow|rightarrow|sim|ll|gg)"), 1.33),
    (re.compile(r"[-+−]|\\(?:times|pm|dots|ldots|cdots|odot|sum)"), 1.45),
    (re.compile(r"\\(?:min|max|log|exp)"), 1.7),
    (re.compile(r"[A-Z]|\\?%"), 1.05),
    (re.compile(r"\\cdot"), 0.9),
    (re.compile(r"[()\[\]|.,:;'iltj]"), 0.4),
    (re.compile(r"\\(?:sqrt|,)"), 0.9),
)
USUAL = 0.62
SMALL = 0.8  # the size of what stands above or below
TALL = re.compile(r"\\(?:sum|prod|int|[dt]?frac|underbrace|overbrace)(?![a-zA-Z])")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", reserve_in_body)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def reserve_in_body(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = reserve_room(context["body"], app.config.mathjax3_config["svg"]["scale"])


def reserve_room(html: str, scale: float) -> str:
    """HTML whose formulas say how much room they will take. ``scale``: MathJax's, beside the letters around them."""

    def inline(found: re.Match[str]) -> str:
        width = scale * estimate_width(unescape(found["source"]))
        formula = found[0].replace(">", f' style="--width: {width:.2f}em">', 1)
        return f'<span class="unbroken">{formula}</span>' if found["after"] else formula

    def display(found: re.Match[str]) -> str:
        return found[0].replace(">", f' style="--height: {estimate_height(unescape(found["source"])):.1f}em">', 1)

    return DISPLAY.sub(display, INLINE.sub(inline, html))


def estimate_width(source: str) -> float:
    """The width in em of a formula that stands in a line of text, before it is scaled."""
    parts = [0.1 + SMALL * max(map(estimate_width, one.groups())) for one in FRACTION.finditer(source)]
    source = FRACTION.sub("", source)
    parts += [SMALL * estimate_width(one["group"] or one["sign"]) for one in SCRIPT.finditer(source)]
    source = SILENT.sub("", SCRIPT.sub("", source))
    for sign in SIGN.findall(source):
        parts.append(next((width for kind, width in WIDTHS if kind.fullmatch(sign)), USUAL))
    return sum(parts)


def estimate_height(source: str) -> float:
    """The height in em of a formula that stands by itself, with the space around it."""
    lines = source.split("\\\\")
    return 1.95 + sum(3.5 if TALL.search(line) else 1.9 for line in lines)
