"""Figures that something in the kernel drives: ``live_race.py`` a race, ``live_network.py`` your own network."""
