"""The library of the book on squeeze-and-excitation networks.

Import from the package that holds what you need, for example ``from senet_lib.networks import SqueezeExcitation``.
"""

__version__ = "0.1.0"
