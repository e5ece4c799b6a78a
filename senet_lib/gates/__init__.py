"""What the gates of a network do: record them, sum them up, replace them, measure what they say.

    from senet_lib.gates.recording import record_excitations

``recording.py`` keeps the gates of a few passes, ``gate_statistics.py`` sums up a whole data set in little memory.
``interventions.py`` puts other gates in their place, and has the kinds of them; ``analysis.py`` measures saturation,
rank, information and similarity. Under them: ``modules.py`` finds a network's gates, and ``moments.py`` has means and
standard deviations by class. Import from these: ``analysis.py`` and ``moments.py`` need no torch.
"""
