"""The book's recorded experiments and their command line.

    python -m senet_lib.book.experiments list
    python -m senet_lib.book.experiments run context-world --seeds 5
    python -m senet_lib.book.experiments run pictures --seeds 1 --data folder:PATH --call-it "my pictures"
    python -m senet_lib.book.experiments report

``run`` writes one JSON file to ``results/``, after each network that is trained; started again with the same
settings, it goes on where it stopped, in the middle of a network too. With ``--pictures``, ``--epochs`` or ``--size``
it is a quick trial, which is kept apart from the book's results. ``report`` makes ``book/results.md`` and the tables
of the chapters from the files in ``results/``; after it, run ``make notebooks``.

- The experiments: ``small_worlds.py``, ``distance.py``, ``photographs.py``, ``specimen_runs.py`` and ``tutorials.py``,
  all named in ``catalogue.py``. ``experiment.py`` says what one is, ``running.py`` runs it, and ``gate_probe.py`` asks
  the gates of its networks. ``small_attentions.py`` makes modules for networks of few channels.
- Their results in words: ``report.py`` and ``tables.py``, with a module of tables for some chapters.
- What figures show of trained networks, each a command of its own: ``class_gates_record.py``,
  ``find_the_fault_record.py``, ``golden_losses.py``, ``landing_scenes.py``, ``page_networks.py``, ``training_steps.py``
  and ``xray_examples.py``.
"""
