"""Interactive figures: one ``.py`` and one ``.js`` for each. Import each from its module.

    from senet_lib.figures.squeeze_explorer import SqueezeExplorer

The ``.py`` names the state and draws a still picture. The ``.js`` draws the live figure and does all arithmetic, so
that it works in a rendered page without a kernel. ``figure.py`` joins the two, ``kit.js`` holds what all figures share,
``host.js`` brings a figure to life in a plain page, and ``figure.css`` holds the book's colours.
"""
