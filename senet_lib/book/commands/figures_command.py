"""``senet figures``: the live figures by name, and one of them as a page that stands alone."""

import argparse
import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.command_line import DONE, OneLineParser, WrongUse, run_command, unknown

WORDS = {
    "about": "List the live figures of the book, or write one as an HTML page that\n"
    "stands alone: it needs no server, no kernel and no internet. Those that\n"
    "run networks need the folder of a built book.",
    "usage": "%(prog)s\n       %(prog)s NAME [--to FILE]",
    "to": "where to write; default NAME.html",
    "otherwise": "senet figures lists all",
    "no example": "{name} needs a trained network, so there is nothing to write; the book shows it",
    "written": "{path} is written; open it in a browser",
    "needs files": "{path} is written; it runs networks: put it into the folder of a built book, beside index.html",
}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>:root {{ color-scheme: light; }} body {{ max-width: 72rem; margin: 1.5rem auto; padding: 0 1rem;
font-family: system-ui, sans-serif; background: #fff; color: #111; }}</style></head>
<body><main><h1>{title}</h1>
{figure}
</main></body></html>
"""


def main(arguments: Sequence[str] | None = None, prog: str = "senet figures") -> int:
    """List the figures, or write one; the exit status."""
    return run_command(prog, lambda: _run(arguments, prog))


def _run(arguments: Sequence[str] | None, prog: str) -> int:
    parser = OneLineParser(prog=prog, usage=WORDS["usage"], description=WORDS["about"])
    parser.add_argument("name", nargs="?", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--to", metavar="FILE", help=WORDS["to"])
    options = parser.parse_args(arguments)
    figures = _figures()
    if options.name is None:
        width = max(map(len, figures))
        print("\n".join(f"{name:{width}}  {figure.title}" for name, figure in figures.items()))
        return DONE
    name = options.name.replace("-", "_").removesuffix(".html")
    if name not in figures:
        raise WrongUse(unknown(options.name, figures, WORDS["otherwise"]))
    try:
        figure = figures[name].example()
    except NotImplementedError:
        raise WrongUse(WORDS["no example"].format(name=name)) from None
    path = Path(options.to or f"{name}.html")
    html = figure.to_html()
    write_atomically(path, PAGE.format(title=escape(figure.title), figure=html))
    print(WORDS["needs files" if "vendor/onnxruntime" in html else "written"].format(path=path))
    return DONE


def _figures() -> dict[str, Any]:
    """The figures by the names of their modules."""
    import senet_lib.book.figures
    from senet_lib.book.figures.figure import Figure

    found = {}
    for module in pkgutil.iter_modules(senet_lib.book.figures.__path__):
        if not module.ispkg:
            inside = vars(importlib.import_module(f"senet_lib.book.figures.{module.name}")).values()
            for one in inside:
                if inspect.isclass(one) and issubclass(one, Figure) and one.__module__.endswith(f".{module.name}"):
                    found[module.name] = one
    found.pop("figure", None)
    return found
