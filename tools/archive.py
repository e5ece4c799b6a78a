"""Pack the built book into one file that works from a folder, without a server: `_build/senet-book.zip`.

    python -m tools.archive

The same book gives the same file: names are sorted, and all times are the same.
"""

import argparse
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import senet_lib

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
OUTPUT = BUILD / "senet-book.zip"
FOLDER = "senet-book"
MOMENT = (1980, 1, 1, 0, 0, 0)  # the first that an archive can name
WHEEL = BUILD / f"senet_lib-{senet_lib.__version__}-py3-none-any.whl"
READ_ME = """\
Squeeze-and-Excitation, hands on: an interactive book

Read:  unpack all of this archive, and open index.html with a double click. You need no internet.
       The figures are alive; in Firefox, Chrome and Edge networks run and train there, too. In Safari these ask for a
       server: run

           python3 -m http.server --bind 127.0.0.1

       in this folder, and open http://127.0.0.1:8000

Run:   the folder jupyter holds the chapters as notebooks, and the library that they use. In that folder:

           pip install jupyterlab {wheel}
           jupyter lab

Licences are in LICENSE, those of others in the folders under vendor.
"""
# For servers, or for Sphinx at its next build. The last three train by WebGPU, which a page from a folder does not.
NOT_FOR_READERS = {
    *(".buildinfo", ".nojekyll", "objects.inv", "sitemap.xml", "robots.txt"),
    *("ort.jspi.bundle.min.mjs", "ort-wasm-simd-threaded.jspi.wasm", "training_webgpu.mjs"),
}


def list_files(html: Path) -> Iterator[tuple[str, bytes]]:
    """Name in the archive, and content."""
    yield "READ-ME-FIRST.txt", READ_ME.format(wheel=WHEEL.name).encode()
    yield "LICENSE", (ROOT / "LICENSE").read_bytes()
    for path in html.rglob("*"):
        if path.is_file() and path.name not in NOT_FOR_READERS:
            yield path.relative_to(html).as_posix(), path.read_bytes()
    for path in [*(ROOT / "notebooks").glob("*.ipynb"), WHEEL]:
        yield f"jupyter/{path.name}", path.read_bytes()


def pack(files: Iterable[tuple[str, bytes]], output: Path) -> None:
    """Write an archive whose bytes depend on nothing but the files."""
    with zipfile.ZipFile(output, "w") as archive:
        for name, content in sorted(files):
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", MOMENT)
            entry.external_attr = 0o644 << 16  # else only its owner may read what is unpacked
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    html = BUILD / "html"
    if not (html / "index.html").exists():
        print("There is no book yet; run: make book", file=sys.stderr)
        return 1
    pack(list_files(html), OUTPUT)
    print(f"The book is in {OUTPUT.relative_to(ROOT)}, {OUTPUT.stat().st_size / 2**20:.1f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
