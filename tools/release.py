"""Check that a tag may become a release, and print what the changelog says about it.

    python -m tools.release v0.1.0

It needs nothing but Python: a release that is not ready fails before anything is installed.
"""

import argparse
import re
import sys
from pathlib import Path

import senet_lib

ROOT = Path(__file__).resolve().parent.parent


def find_notes(tag: str, changelog: str, citation: str, version: str = senet_lib.__version__) -> str:
    """The changelog's section of a version.

    Raises:
        ValueError: if the tag, the library, the citation and the changelog do not name the same version.
    """
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, but senet_lib.__version__ is {version}; it must be v{version}")
    cited = re.search(r"^version: (\S+)$", citation, re.MULTILINE)
    if cited is None or cited[1] != version:
        raise ValueError(f"CITATION.cff names the version {cited and cited[1]}; it must be {version}")
    section = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if section is None:
        raise ValueError(f"CHANGELOG.md has no section [{version}]; rename [Unreleased], and begin a new one")
    return section[1].strip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tag")
    tag = parser.parse_args().tag
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("CHANGELOG.md", "CITATION.cff")]
    try:
        print(find_notes(tag, *texts), end="")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
