"""Make classic scripts of the networks in the page and of what runs them: a page from a folder may fetch nothing.

    python -m tools.as_scripts [EXTRA]

EXTRA is the folder whose content comes into the book's root, `_build/extra`. What ONNX Runtime Web consists of comes
into `vendor/onnxruntime/as_script/`, one script for each file, and so does what reads ONNX files; a network's file into
`networks/NAME.js`, a contestant's into `networks/training/NAME.js`.
Each script puts texts into `senetFiles`, by file name: base64 of what gzip makes of the file. The worker undoes both.
"""

import base64
import gzip
import json
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRA = ROOT / "_build" / "extra"
RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
PARTS = (".train.onnx", ".test.onnx", ".json")  # of a contestant


def script_of(files: Sequence[Path]) -> str:
    """A classic script that holds these files. The same files give the same script."""
    lines = [f"senetFiles[{json.dumps(file.name)}] = {json.dumps(_pack(file.read_bytes()))};" for file in files]
    return "\n".join(["globalThis.senetFiles ??= {};", *lines, ""])


def _pack(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def write_scripts(extra: Path) -> list[Path]:
    """Write the scripts beside the files in ``extra``. Returns their paths."""
    runtime, contestants = extra / "vendor" / "onnxruntime", extra / "networks" / "training"
    made = {runtime / "as_script" / f"{name}.js": [runtime / name] for name in RUNTIME}
    for reader in sorted((extra / "vendor" / "onnx_proto").glob("*.js")):
        made[reader.parent / "as_script" / f"{reader.name}.js"] = [reader]
    for network in sorted((extra / "networks").glob("*.onnx")):
        made[network.with_suffix(".js")] = [network]
    for about in sorted(contestants.glob("*.json")):
        made[about.with_suffix(".js")] = [contestants / f"{about.stem}{part}" for part in PARTS]
    for script, files in made.items():
        script.parent.mkdir(exist_ok=True)
        script.write_text(script_of(files), encoding="ascii")
    return list(made)


def main(arguments: Sequence[str]) -> int:
    extra = Path(arguments[0]) if arguments else EXTRA
    try:
        scripts = write_scripts(extra)
    except FileNotFoundError as error:
        print(f"{error.filename} is missing; run: make book", file=sys.stderr)
        return 1
    print(f"{len(scripts)} scripts, {sum(script.stat().st_size for script in scripts) / 2**20:.1f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
