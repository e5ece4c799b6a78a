"""The Chromium of this machine: it makes the PDF, and the browser tests drive it."""

import os
import shutil

HOW_TO_ENABLE = "no Chromium found; on Debian and Ubuntu: sudo apt-get install chromium (or set CHROMIUM to its path)"


def find_chromium() -> str | None:
    """The path of a Chromium, or None: what CHROMIUM names, else the first of the usual names on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
