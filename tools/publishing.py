"""A Sphinx extension: what search engines and shared links need to know of each page. _config.yml names it.

All addresses come from the repository's (`tools/addresses.py`), or from Jupyter Book's setting `html.baseurl` where a
book has a domain of its own. sphinxext-opengraph makes descriptions and the tags of a shared link, sphinx-sitemap the
list of the pages.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from sphinx.application import Sphinx
from sphinx.config import Config

from tools.addresses import read_repository

PICTURE = "social.png"
PICTURE_SIZE = (1200, 630)
PICTURE_SAYS = "One picture of the Context World, squeezed, excited and rescaled: only what matters is left."


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinxext.opengraph")
    app.connect("config-inited", set_addresses)
    app.connect("config-inited", leave_out_buttons)
    app.connect("html-page-context", mend_lists, priority=900)  # after the tags are there
    app.connect("build-finished", write_robots)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def set_addresses(app: Sphinx, config: Config) -> None:
    book = config.html_baseurl or read_repository(Path(app.srcdir)).book
    if book is None:
        return
    config.html_baseurl = book
    app.setup_extension("sphinx_sitemap")  # here, since it complains about a book without an address
    config.sitemap_url_scheme = "{link}"
    config.sitemap_excludes = ["genindex.html", "search.html"]
    config.ogp_site_url = book
    config.ogp_site_name = config.html_title
    config.ogp_image = urljoin(book, PICTURE)
    config.ogp_image_alt = PICTURE_SAYS
    width, height = PICTURE_SIZE
    config.ogp_custom_meta_tags = [
        f'<meta property="og:image:width" content="{width}" />',
        f'<meta property="og:image:height" content="{height}" />',
        '<meta name="twitter:card" content="summary_large_image" />',
    ]


def leave_out_buttons(app: Sphinx, config: Config) -> None:
    """No buttons of Colab, Binder and GitHub while the repository has no home: they would lead nowhere."""
    if not read_repository(Path(app.srcdir)).is_real:
        config.html_theme_options |= {
            "launch_buttons": {},
            "use_issues_button": False,
            "use_repository_button": False,
        }


def mend_lists(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """A description that begins with a list has a comma behind each item; ours end with a semicolon."""
    if "metatags" in context:  # the index has none
        context["metatags"] = context["metatags"].replace(";, ", "; ")


def write_robots(app: Sphinx, error: Exception | None) -> None:
    """robots.txt, which names the sitemap."""
    if error or not app.config.html_baseurl or app.builder.format != "html":
        return
    robots = f"User-agent: *\nAllow: /\nSitemap: {urljoin(app.config.html_baseurl, 'sitemap.xml')}\n"
    Path(app.outdir, "robots.txt").write_text(robots, encoding="utf-8")
