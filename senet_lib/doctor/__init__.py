"""Examine somebody's SE network: ``print(examine(model))`` says what its SE layers are, and what is wrong with them.

``examination.py`` is the whole examination; ``layer_findings.py``, ``network_findings.py``, ``place_gates.py``,
``branch_gates.py`` and ``further_passes.py`` are what it can find. How it knows: ``operations.py`` records what a
network computes, ``gate_sites.py`` finds in it where channels are gated, and ``se_layers.py`` measures what the gates
are.
``python -m senet_lib.doctor`` is the same from the command line, also for ONNX files.
"""

from senet_lib.doctor.examination import Report, examine
from senet_lib.doctor.network_findings import Finding
from senet_lib.doctor.se_layers import SELayer

__all__ = ["Finding", "Report", "SELayer", "examine"]
