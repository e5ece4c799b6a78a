"""The library of the book on squeeze-and-excitation networks.

Import what you need from the module that holds it, for example ``from senet_lib.blocks import SqueezeExcitation``.
"""

__version__ = "0.1.0"
