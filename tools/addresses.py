"""Where the repository is, and what follows from it. _config.yml's `repository.url` is the one place that holds it.

A fork changes that line, and everything else follows: the install cells of the notebooks, the address of the published
book, its sitemap, and what a shared link shows. (The theme derives the buttons of Colab, Binder and GitHub.)
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub.

    Attributes:
        url: its address, without a slash at the end.
        branch: the one that is published.
    """

    url: str
    branch: str

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


def read_repository(root: Path = ROOT) -> Repository:
    """From _config.yml."""
    settings = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]
    return Repository(settings["url"].rstrip("/"), settings["branch"])
