"""A Sphinx extension: KaTeX makes the formulas while the book is built, so no page loads a script for them.

_config.yml names it. sphinxcontrib-katex does the work, in one process of node for all pages. It gets the KaTeX of
package.json, whose style sheet and fonts are served with the book, and the node of this environment. A formula that
KaTeX does not understand stops the build; by itself, it would stand in the page in red.
"""

import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinxcontrib import katex

PATIENCE = 60  # seconds, for a busy machine


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinxcontrib.katex")
    app.connect("config-inited", use_our_katex)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def use_our_katex(app: Sphinx, config: Config) -> None:
    katex.NODEJS_BINARY = str(Path(sys.executable).with_name("node"))
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = PATIENCE
    # By itself it connects to a socket at which nobody may listen yet, and is refused. This way it tries again.
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True
    config.katex_js_path = str(Path(app.srcdir) / "node_modules/katex/dist/katex.min.js")
