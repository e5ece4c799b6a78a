"""Make the .ipynb beside each notebooks/*.md, or check that they are in step.

    python -m tools.notebooks write
    python -m tools.notebooks check

The .md is what people edit and what the book executes. The .ipynb is for Jupyter and Colab: it has no outputs, an
install cell after the title, and links that work away from the book. `check` takes the repository's address as it
stands there: a clone that is not published need not write its own. The marks of the slides (tools/slides.py) stay in
the .md.
"""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path

import jupytext
import nbformat

from tools.addresses import Repository, find_repository, read_configured

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"

INSTALL_CELL = """\
# On Colab: install the book's library. --no-deps leaves Colab's own torch alone.
# A wheel of the library that lies beside the notebook comes first: the book serves one.
import importlib.util
from pathlib import Path

if importlib.util.find_spec("senet_lib") is None:
    library = next((str(wheel) for wheel in Path().glob("senet_lib-*.whl")), "senet-lib @ git+{url}@{branch}")
    %pip install --quiet --no-deps torchinfo anywidget psygnal "{{library}}"
"""
# A phrase that sets a figure of the page: in a notebook it is plain text.
SETS_FIGURE = re.compile(r'<a class="senet-set" href="#[^"]*">(.*?)</a>')
MARK = re.compile(r"<!-- slide\b.*?-->\n*", re.DOTALL)
ADDRESS = re.compile(r"senet-lib @ git\+(?P<url>\S+?)@")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["write", "check"])
    action = parser.parse_args().action
    sources = {source.with_suffix(".ipynb"): source for source in sorted(NOTEBOOKS.glob("*.md"))}
    repositories = {path: find_repository() if action == "write" else named_in(path) for path in sources}
    expected = {path: render(source, repositories[path]) for path, source in sources.items()}
    if action == "write":
        for path, text in expected.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path for path, text in expected.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    orphans = sorted(set(NOTEBOOKS.glob("*.ipynb")) - set(expected))
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not in step with its .md; run: make notebooks", file=sys.stderr)
    for path in orphans:
        print(f"{path.relative_to(ROOT)} has no .md beside it; delete it, or add the .md", file=sys.stderr)
    return 1 if stale or orphans else 0


def named_in(path: Path) -> Repository:
    """The repository that a notebook's install cell names; that of the project if there is none."""
    found = ADDRESS.search(path.read_text(encoding="utf-8")) if path.exists() else None
    return replace(read_configured(), url=found["url"]) if found else find_repository()


def render(source: Path, repository: Repository) -> str:
    """The text of the .ipynb that belongs to a MyST notebook."""
    notebook = jupytext.read(source)
    install = nbformat.v4.new_code_cell(INSTALL_CELL.format(url=repository.url, branch=repository.branch).strip())
    notebook.cells.insert(1, install)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = SETS_FIGURE.sub(r"\1", MARK.sub("", cell.source)).strip()
            cell.source = absolute_links(text, source, repository)
    notebook.cells = [cell for cell in notebook.cells if cell.source]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
    notebook.metadata.pop("jupytext", None)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def absolute_links(markdown: str, source: Path, repository: Repository) -> str:
    """Turn links to other pages, ``](02_squeeze.md#anchor)``, into addresses of the repository."""

    def replace(match: re.Match[str]) -> str:
        target = (source.parent / match["page"]).resolve().relative_to(ROOT)
        if target.parent.name == "notebooks":
            target = target.with_suffix(".ipynb")
        return f"]({repository.url}/blob/{repository.branch}/{target.as_posix()})"

    return re.sub(r"\]\((?P<page>[^):\s]+\.md)(#[^)\s]*)?\)", replace, markdown)


if __name__ == "__main__":
    sys.exit(main())
