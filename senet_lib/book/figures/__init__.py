"""Interactive figures: one ``.py`` and one ``.js`` for each. Import each from its module.

    from senet_lib.book.figures.squeeze_explorer import SqueezeExplorer

The ``.py`` names the state and draws a still picture. The ``.js`` draws the live figure and does all arithmetic, so
that it works in a rendered page without a kernel. What several figures use, or what would make one too long, is in
``parts``. ``figure.py`` joins all this, ``host.js`` brings a figure to life in a plain page, ``figure.css`` holds the
book's colours, and ``heights.json`` how much room a page keeps free for each figure.
"""
