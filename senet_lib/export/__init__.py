"""Networks in other forms: as plain arrays for the figures, and as ONNX files that show every gate and let it be set.

``arrays.py`` makes the arrays. ``gated_network.py`` is a network whose gates are outputs and can be overridden,
``onnx_writer.py`` writes it into a file, and ``onnx_network.py`` runs such a file: without torch, so
nothing is imported here before somebody asks for it.
"""

from typing import TYPE_CHECKING

from senet_lib.lazy import lazy_names

if TYPE_CHECKING:
    from senet_lib.export.arrays import network_arrays
    from senet_lib.export.gated_network import GatedNetwork
    from senet_lib.export.onnx_network import OnnxNetwork, load_onnx
    from senet_lib.export.onnx_writer import export_onnx

__all__ = ["GatedNetwork", "OnnxNetwork", "export_onnx", "load_onnx", "network_arrays"]

__getattr__ = lazy_names(
    __name__,
    {
        "arrays": ["network_arrays"],
        "gated_network": ["GatedNetwork"],
        "onnx_network": ["OnnxNetwork", "load_onnx"],
        "onnx_writer": ["export_onnx"],
    },
)
