"""The Chromium of this machine: it makes the PDF and measures figures, and the browser tests drive it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

HOW_TO_ENABLE = "no Chromium found; on Debian and Ubuntu: sudo apt-get install chromium (or set CHROMIUM to its path)"
# The first two: each new window would also load the pop-ups of its address bar, which nobody opens, in a process of
# their own. The others are those of Playwright's chromiumSwitches.ts, since only the last --disable-features counts.
UNUSED_FEATURES = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
    *("AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync"),
    *("DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay"),
    *("MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch"),
    *("TcpPortRandomizationWin", "ThirdPartyStoragePartitioning"),
)
SWITCHES = [
    "--no-sandbox",  # as root, as in a container, Chromium starts only without it; it opens nothing but our own pages
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    f"--disable-features={','.join(UNUSED_FEATURES)}",
]


def find_chromium() -> str | None:
    """The path of a Chromium, or None: what CHROMIUM names, else the first of the usual names on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """A Chromium without a window, until the block ends.

    Raises:
        FileNotFoundError: if there is none on this machine; the message says how to get one.
    """
    path = find_chromium()
    if path is None:
        raise FileNotFoundError(HOW_TO_ENABLE)
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path, args=SWITCHES) as browser:
        yield browser
