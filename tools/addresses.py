"""Where the repository is, and what follows from it.

On GitHub's machines the variable GITHUB_REPOSITORY says it, in a clone the git remote "origin" does, and anywhere else
_config.yml's `repository.url`. Everything else follows: the install cells of the notebooks, the buttons of Colab,
Binder and GitHub, the address of the published book, its sitemap, and what a shared link shows.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parent.parent
REMOTE = re.compile(r"(?:https://|ssh://git@|git@)github\.com[/:](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub."""

    url: str  # its address, without a slash at the end
    branch: str  # the one that is published

    @property
    def is_real(self) -> bool:
        """Whether somebody can own it. The placeholder's owner begins with a hyphen, and no account on GitHub does."""
        return not urlsplit(self.url).path.startswith("/-")

    @property
    def book(self) -> str | None:
        """The address of the published book, with a slash at the end; None if the repository is not on GitHub."""
        if urlsplit(self.url).hostname != "github.com":
            return None
        owner, _, name = urlsplit(self.url).path.strip("/").removesuffix(".git").partition("/")
        host = f"{owner.lower()}.github.io"
        return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def find_repository(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Repository:
    """From GITHUB_REPOSITORY, else from the git remote if it is on GitHub, else from _config.yml."""
    configured = read_configured(root)
    name = environment.get("GITHUB_REPOSITORY") or read_remote(root)
    return replace(configured, url=f"https://github.com/{name}") if name else configured


def read_configured(root: Path = ROOT) -> Repository:
    """What _config.yml says."""
    settings = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]
    return Repository(settings["url"].rstrip("/"), settings["branch"])


def read_remote(root: Path) -> str | None:
    """Owner and name of the git remote "origin" of this folder; None if it is elsewhere than on GitHub, or is none."""
    if not (root / ".git").exists():  # else git would look for a repository in the folders above
        return None
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        address = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return None
    found = REMOTE.fullmatch(address)
    return found["name"] if found else None
