"""Snapshots: what the figures' still pictures and the library's tables look like, kept to see what a change changes.

    python -m tools.snapshots            # a page with each changed one beside the one that is kept
    python -m tools.snapshots --accept   # the changed ones are what is kept from now on

``tests/book/test_snapshots.py`` draws all anew. It leaves what differs beside the old, as NAME-changed.
"""

import argparse
import base64
import html
from pathlib import Path

from matplotlib.testing.compare import compare_images

from senet_lib.common.atomic_files import write_atomically

FOLDER = Path(__file__).parent.parent / "tests" / "snapshots"
PAGE = Path("_build/snapshots.html")
# Root mean square of pixels from 0 to 255: another digit in a label is 1 or more, rounding on another processor less.
TOLERANCE = 0.3


def check_snapshot(name: str, new: bytes, folder: Path = FOLDER) -> None:
    """Compare a picture (NAME.png) or a text (NAME.txt) with the one that is kept, and keep a changed one beside it.

    Raises:
        AssertionError: if they differ, or none is kept yet; the message says how to see and how to accept it.
    """
    kept = folder / name
    changed = kept.with_stem(f"{kept.stem}-changed")
    changed.write_bytes(new)
    if kept.is_file() and _is_same(kept, changed):
        changed.unlink()
        return
    raise AssertionError(f"the snapshot {name} has changed: `python -m tools.snapshots` shows it, --accept keeps it")


def _is_same(kept: Path, changed: Path) -> bool:
    if kept.suffix != ".png":
        return kept.read_bytes() == changed.read_bytes()
    difference = compare_images(str(kept), str(changed), TOLERANCE)
    changed.with_stem(f"{changed.stem}-failed-diff").unlink(missing_ok=True)  # show() has the two themselves
    return difference is None


def changed_snapshots(folder: Path = FOLDER) -> list[tuple[Path, Path]]:
    """What is kept, which may not exist, and what is new, by name."""
    found = sorted(folder.glob("*-changed.*"))
    return [(path.with_stem(path.stem.removesuffix("-changed")), path) for path in found]


def show(folder: Path, page: Path) -> str:
    """Write a page with each pair; what there is to say."""
    pairs = changed_snapshots(folder)
    if not pairs:
        return "no snapshot has changed"
    rows = [f"<h2>{kept.name}</h2><div>{_shown(kept)}{_shown(changed)}</div>" for kept, changed in pairs]
    style = "div { display: flex; flex-wrap: wrap; gap: 1rem } img, pre { border: 1px solid; max-width: 48% }"
    write_atomically(page, f"<!doctype html><meta charset=utf-8><style>{style}</style>{''.join(rows)}".encode())
    return f"{len(pairs)} changed, the kept one on the left: {page.resolve().as_uri()}"


def _shown(path: Path) -> str:
    if not path.is_file():
        return "<pre>none is kept yet</pre>"
    if path.suffix == ".png":
        return f'<img alt="" src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'
    return f"<pre>{html.escape(path.read_text(encoding='utf-8'))}</pre>"


def accept(folder: Path) -> str:
    """The changed ones take the place of those that are kept; what there is to say."""
    pairs = changed_snapshots(folder)
    for kept, changed in pairs:
        changed.replace(kept)
    return f"{len(pairs)} accepted"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.snapshots", description="See or accept changed snapshots.")
    parser.add_argument("--accept", action="store_true", help="keep the changed ones from now on")
    print(accept(FOLDER) if parser.parse_args().accept else show(FOLDER, PAGE))


if __name__ == "__main__":
    main()
