"""A Sphinx extension: what search engines and shared links need to know of each page. _config.yml names it.

All addresses come from the repository's (`tools/addresses.py`), or from Jupyter Book's setting `html.baseurl` where a
book has a domain of its own. Descriptions and the tags of a shared link are made by sphinxext-opengraph.
"""

from html import escape
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
    app.connect("html-page-context", mend_lists, priority=900)  # after the tags are there
    app.connect("build-finished", write_what_crawlers_read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def set_addresses(app: Sphinx, config: Config) -> None:
    book = config.html_baseurl or read_repository(Path(app.srcdir)).book
    if book is None:
        return
    config.html_baseurl = book
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


def mend_lists(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """A description that begins with a list has a comma behind each item; ours end with a semicolon."""
    if "metatags" in context:  # the index has none
        context["metatags"] = context["metatags"].replace(";, ", "; ")


def write_what_crawlers_read(app: Sphinx, error: Exception | None) -> None:
    """sitemap.xml with the pages of the book, and robots.txt, which names it."""
    if error or not app.config.html_baseurl or app.builder.format != "html":
        return
    pages = sorted(app.env.found_docs)
    places = [escape(urljoin(app.config.html_baseurl, app.builder.get_target_uri(page))) for page in pages]
    lines = "".join(f"<url><loc>{place}</loc></url>\n" for place in places)
    namespace = "http://www.sitemaps.org/schemas/sitemap/0.9"
    sitemap = f'<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="{namespace}">\n{lines}</urlset>\n'
    Path(app.outdir, "sitemap.xml").write_text(sitemap, encoding="utf-8")
    robots = f"User-agent: *\nAllow: /\nSitemap: {urljoin(app.config.html_baseurl, 'sitemap.xml')}\n"
    Path(app.outdir, "robots.txt").write_text(robots, encoding="utf-8")
