"""A Sphinx extension: each picture of a page says how large it is, so that no text moves when it comes."""

import re
from pathlib import Path
from typing import Any

import imagesize
from sphinx.application import Sphinx

PICTURE = re.compile(r'<img (?=[^>]*?src="[^":]*?_images/(?P<name>[^"/]+)")')


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_sizes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_sizes(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    sources = {name: Path(app.srcdir, source) for source, name in app.builder.images.items()}
    if "body" in context:
        context["body"] = PICTURE.sub(lambda found: found[0] + size_of(sources[found["name"]]), context["body"])


def size_of(picture: Path) -> str:
    """A picture's own size in pixels, as attributes of its tag."""
    width, height = imagesize.get(picture)
    return f'width="{round(width)}" height="{round(height)}" '
