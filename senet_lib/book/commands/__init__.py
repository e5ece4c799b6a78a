"""The program ``senet``: one word for each thing to do.

``program.py`` picks the command. ``train_options.py``, ``train_command.py`` and ``training_run.py`` train;
``cost_command.py`` counts, ``export_command.py`` writes ONNX files, ``figures_command.py`` writes figures.
``named_networks.py`` makes a network from what a command line names, ``run_settings.py`` keeps the settings of a run
in a file. The commands of the doctor and of the experiments are the modules that ``python -m`` runs too.
"""
