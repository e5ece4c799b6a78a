"""Trained weights in and out of files.

``weight_files.py`` reads and writes safetensors, and loads the small trained networks in ``pretrained/`` by name.
``timm_weights.py`` translates timm's names.
"""

from senet_lib.weights.weight_files import Pretrained, load_pretrained, load_weights, save_weights

__all__ = ["Pretrained", "load_pretrained", "load_weights", "save_weights"]
