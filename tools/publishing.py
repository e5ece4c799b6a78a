"""A Sphinx extension: what search engines, shared links and people with a notebook need. _config.yml names it.

All addresses come from the repository's (`tools/addresses.py`), or from Jupyter Book's setting `html.baseurl` where a
book has a domain of its own. sphinxext-opengraph makes descriptions and the tags of a shared link, sphinx-sitemap the
list of the pages.
"""

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

from tools.addresses import find_repository
from tools.notebooks import named_in, render

LOGGER = logging.getLogger(__name__)
PICTURE = "social.png"
PICTURE_SIZE = (1200, 630)
PICTURE_SAYS = "One picture of the Context World, squeezed, excited and rescaled: only what matters is left."


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinxext.opengraph")
    app.connect("config-inited", set_addresses)
    app.connect("config-inited", leave_out_buttons)
    app.connect("html-page-context", offer_notebook)
    app.connect("html-page-context", mend_lists, priority=900)  # after the tags are there
    app.connect("build-finished", serve_files)
    app.connect("build-finished", write_robots)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def set_addresses(app: Sphinx, config: Config) -> None:
    book = config.html_baseurl or find_repository(Path(app.srcdir)).book
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
    """No buttons of Colab, Binder and GitHub that would lead nowhere.

    While the repository has no home, there are none. Colab and Binder run the notebooks that are there, and these must
    name it, or their install cells would look elsewhere.
    """
    repository = find_repository(Path(app.srcdir))
    options = config.html_theme_options
    options["repository_url"] = repository.url
    if not repository.is_real:
        options |= {"launch_buttons": {}, "use_issues_button": False, "use_repository_button": False}
    elif any(named_in(path).url != repository.url for path in list_notebooks(app)):
        LOGGER.info("the notebooks name another repository than %s; run: make notebooks", repository.url)
        options |= {"launch_buttons": {}}


def list_notebooks(app: Sphinx) -> list[Path]:
    return sorted(Path(app.srcdir, "notebooks").glob("*.ipynb"))


def offer_notebook(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Each chapter can be downloaded as a notebook, not only as its source."""
    if page.startswith("notebooks/"):
        context["ipynb_source"] = f"{page}.ipynb"


def serve_files(app: Sphinx, error: Exception | None) -> None:
    """The notebooks, and beside them the library's wheel, which their install cells take; and the records."""
    if error or app.builder.name != "html":
        return
    folder = Path(app.outdir, "_sources", "notebooks")
    folder.mkdir(parents=True, exist_ok=True)
    for path in list_notebooks(app):
        text = render(path.with_suffix(".md"), find_repository(Path(app.srcdir)))
        (folder / path.name).write_text(text, encoding="utf-8")
    records = Path(app.outdir, "results")
    records.mkdir(exist_ok=True)
    for record in Path(app.srcdir, "results").glob("*.json"):
        shutil.copy(record, records)
    for wheel in Path(app.srcdir, "_build").glob("senet_lib-*.whl"):
        shutil.copy(wheel, folder)


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
