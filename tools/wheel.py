"""Build the library's wheel, from a copy of its sources: `_build/senet_lib-VERSION-py3-none-any.whl`.

python -m tools.wheel
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import senet_lib

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
TEXTS = ("pyproject.toml", "README.md", "LICENSE")


def copy_library(folder: Path, root: Path = ROOT) -> None:
    """All that pip needs of the library, and nothing else: pip leaves its work there, and would find it again."""
    for path in (*map(root.joinpath, TEXTS), *root.glob("requirements*.txt")):
        shutil.copy(path, folder)
    for name in ("senet_lib", "results"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def build_wheel(output: Path = BUILD) -> Path:
    """The file of the wheel. Its bytes depend on the sources and on SOURCE_DATE_EPOCH."""
    with TemporaryDirectory() as name:
        copy_library(Path(name))
        options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(output)]
        environment = {"SOURCE_DATE_EPOCH": "315532800"} | os.environ
        subprocess.run([sys.executable, "-m", "pip", "wheel", *options, name], check=True, env=environment)
    return output / f"senet_lib-{senet_lib.__version__}-py3-none-any.whl"


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(build_wheel())
    return 0


if __name__ == "__main__":
    sys.exit(main())
