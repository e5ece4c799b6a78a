"""Execute the notebooks that are not in the book's cache yet, several at a time, as on Colab.

    python -m tools.execute

Each runs in an empty folder of its own and imports the library as pip installs it, so that it finds nothing of the
repository beside it. It must leave nothing behind. The book is then built from the cache.
"""

import importlib
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from myst_nb.core.read import myst_nb_reader_plugin
from nbclient import NotebookClient
from nbformat import NotebookNode

from tools.wheel import copy_library

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "_build" / ".jupyter_cache"  # where Jupyter Book looks
LIBRARY = ROOT / "_build" / "site"
TIMEOUT = 1200  # seconds a cell
QUIET = ["--log-level=ERROR"]  # else each kernel warns that it talks to us without encryption


def list_sources(root: Path = ROOT) -> list[Path]:
    """The pages of the book that have code."""
    pages = [root / "book" / "index.md", *sorted((root / "notebooks").glob("*.md"))]
    return [page for page in pages if page.exists() and "{code-cell}" in page.read_text(encoding="utf-8")]


def install_library(library: Path, root: Path = ROOT) -> None:
    """The library as pip installs it, without what it depends on, in a folder of its own that is made anew."""
    shutil.rmtree(library, ignore_errors=True)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--target", str(library)]
    with TemporaryDirectory() as folder:
        copy_library(Path(folder), root)
        subprocess.run([sys.executable, "-m", "pip", "install", *options, folder], check=True)


def execute(sources: Sequence[Path], cache_folder: Path = CACHE, library: Path | None = LIBRARY) -> list[str]:
    """Execute what is not in the cache.

    Args:
        sources: MyST notebooks.
        cache_folder: of the executed notebooks; it is made if there is none.
        library: where to install the library for them; None for the one of this environment.

    Returns:
        For each notebook that failed, why.
    """
    cache = get_cache(cache_folder)
    notebooks = {str(source): myst_nb_reader_plugin(str(source)) for source in sources}
    pending = [uri for uri, notebook in notebooks.items() if not _is_cached(cache, notebook)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # several at once would wait for each other's threads
    if pending and library is not None:
        install_library(library)
        environment["PYTHONPATH"] = str(library)
    if pending:
        # The list of the machine's fonts, which would else be made by all notebooks at once, with a word in each page.
        importlib.import_module("matplotlib.font_manager")
    run = partial(_run, environment=environment)
    failed = []
    # A thread each is enough: the work is done in the kernels, which are processes.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for uri, result in zip(pending, pool.map(run, [notebooks[uri] for uri in pending]), strict=True):
            print(f"{uri}: {result.seconds:.0f} s", flush=True)
            if result.fault:
                failed.append(f"{uri}: {result.fault}")
                continue
            for warning in list_warnings(notebooks[uri]):
                print(f"{uri}: readers will see this warning:\n{warning}", file=sys.stderr, flush=True)
            bundle = CacheBundleIn(notebooks[uri], uri, data={"execution_seconds": result.seconds})
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


class _Result(NamedTuple):
    seconds: float
    fault: str | None


def _run(notebook: NotebookNode, environment: Mapping[str, str]) -> _Result:
    """Execute a notebook, in its place, in an empty folder, which must be empty afterwards."""
    start, fault = time.monotonic(), None
    with TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        try:
            # Times in the cells would make another notebook of it, which the cache does not find.
            client = NotebookClient(
                notebook, resources=resources, timeout=TIMEOUT, record_timing=False, extra_arguments=QUIET
            )
            client.execute(env=environment)
        except Exception:  # a cell that fails, or a kernel that does not start
            fault = traceback.format_exc()
        else:
            if left := os.listdir(folder):
                fault = f"it leaves {', '.join(left)} behind; a notebook must not"
    return _Result(time.monotonic() - start, fault)


def main() -> int:
    failed = execute(list_sources())
    print("\n\n".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
