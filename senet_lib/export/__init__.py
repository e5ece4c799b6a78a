"""Networks in other forms: as plain arrays for the figures, and as ONNX files that show every gate and let it be set.

    from senet_lib.export.arrays import network_arrays

``arrays.py`` makes the arrays. ``overridable_network.py`` is a network whose gates are outputs and can be overridden,
``onnx_writer.py`` writes it into a file, and ``onnx_network.py`` runs such a file. ``reveal_gates.py`` makes such a
file of somebody else's, by the rules in ``gate_rules.py``. Import from these: the last three need no torch.

Names of blocks: ``senet_lib.gates`` calls an SE block by its name in the model, ``layer1.0.attention``, as it must, for
networks of any library. In ONNX files and figures it has the name of its residual block, ``layer1.0``.
"""

from senet_lib.export.reveal_gates import Revealed, reveal_gates

__all__ = ["Revealed", "reveal_gates"]
