"""Examine somebody's SE network: ``print(examine(model))`` says what its SE layers are, and what is wrong with them.

``examination.py`` is the whole examination; ``layer_findings.py`` and ``network_findings.py`` are what it can find.
How it knows: ``operations.py`` records what a network computes, ``gate_sites.py`` finds in it where channels are gated,
and ``se_layers.py`` measures what the gates are.
"""

from senet_lib.doctor.examination import Report, examine
from senet_lib.doctor.network_findings import Finding
from senet_lib.doctor.se_layers import SELayer

__all__ = ["Finding", "Report", "SELayer", "examine"]
