"""What squeeze-and-excitation costs, and how far a network sees: by formula, and by count.

``formulas.py`` has the paper's formula 2/r·ΣN·C² and what belongs to it, ``attention_formulas.py`` the same for what
came after SE; neither needs torch. ``measure.py`` counts any network, ``receptive_field.py`` computes and measures how
much of a picture a unit sees. Import from these.
"""
