"""Execute the notebooks that are not in the book's cache yet, several at a time, each in an empty folder.

    python -m tools.execute

The Makefile puts the library as pip installs it on PYTHONPATH, so that a notebook finds nothing of the repository
beside it. It must leave nothing behind. The book is then built from the cache.

Jupyter-cache has a parallel executor of its own, which is no slower. But its processes choose ports for their kernels
without knowing of each other, and a kernel whose port is taken dies: of 16 that start at once, two had a port in common
in every fifth trial. The threads of one process share what they know. Nor does it see what a notebook leaves behind.
"""

import importlib
import os
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from myst_nb.core.read import myst_nb_reader_plugin
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "_build" / ".jupyter_cache"  # where Jupyter Book looks
TIMEOUT = 1200  # seconds a cell
QUIET = ["--log-level=ERROR"]  # else each kernel warns that it talks to us without encryption


def list_sources(root: Path = ROOT) -> list[Path]:
    """The pages of the book that have code."""
    pages = [root / "book" / "index.md", *sorted((root / "notebooks").glob("*.md"))]
    return [page for page in pages if page.exists() and "{code-cell}" in page.read_text(encoding="utf-8")]


def execute(sources: Sequence[Path], cache_folder: Path = CACHE) -> list[str]:
    """Execute those MyST notebooks that are not in the cache: for each one that failed, why."""
    cache = get_cache(cache_folder)
    notebooks = {str(source): myst_nb_reader_plugin(str(source)) for source in sources}
    pending = {uri: notebook for uri, notebook in notebooks.items() if not _is_cached(cache, notebook)}
    if pending:
        # The list of the machine's fonts, which would else be made by all notebooks at once, with a word in each page.
        importlib.import_module("matplotlib.font_manager")
    failed = []
    # A thread each is enough: the work is done in the kernels, which are processes.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (uri, notebook), (seconds, fault) in zip(pending.items(), pool.map(_run, pending.values()), strict=True):
            print(f"{uri}: {seconds:.0f} s", flush=True)
            if fault:
                failed.append(f"{uri}: {fault}")
                continue
            for warning in list_warnings(notebook):
                print(f"{uri}: readers will see this warning:\n{warning}", file=sys.stderr, flush=True)
            bundle = CacheBundleIn(notebook, uri, data={"execution_seconds": seconds})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return failed


def list_warnings(notebook: NotebookNode) -> list[str]:
    """What the cells of an executed notebook wrote to stderr: it stands in the page, and seldom is for the reader."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]


def _is_cached(cache: JupyterCacheAbstract, notebook: NotebookNode) -> bool:
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True


def _run(notebook: NotebookNode) -> tuple[float, str]:
    """Execute a notebook, in its place, in an empty folder, which must be empty afterwards: seconds, and the fault."""
    start, fault = time.monotonic(), ""
    with TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        try:
            # Times in the cells would make another notebook of it, which the cache does not find.
            client = NotebookClient(
                notebook, resources=resources, timeout=TIMEOUT, record_timing=False, extra_arguments=QUIET
            )
            client.execute()
        except Exception:  # a cell that fails, or a kernel that does not start
            fault = traceback.format_exc()
        else:
            if left := os.listdir(folder):
                fault = f"it leaves {', '.join(left)} behind; a notebook must not"
    return time.monotonic() - start, fault


def main() -> int:
    failed = execute(list_sources())
    print("\n\n".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
