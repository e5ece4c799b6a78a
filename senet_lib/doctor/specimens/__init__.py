"""Faults that copied SE code has, each in a small network beside its sound twin, with a test that exposes it.

``faults.py`` lists them as ``SPECIMENS``, ``specimen_networks.py`` has the networks, ``probes.py`` the tests to copy,
``written_forms.py`` the code of each as people write it, and ``listings.py`` says which of its lines are wrong.
``senet_lib.doctor`` finds each of them by measuring.
"""

from senet_lib.doctor.specimens.faults import SPECIMENS, MakeNetwork, Specimen

__all__ = ["SPECIMENS", "MakeNetwork", "Specimen"]
