"""What figures are made of. Each figure's ``.js`` imports what it needs from here.

- ``kit``: the frame with its errors, controls, numbers, maps and bars. Every figure uses it.
- Arithmetic: ``network_arithmetic`` (a whole network), ``excitation``, ``excitation_training`` (training in the
  page), ``receptive_field``, ``gate_groups`` (gates by group of pictures), ``seeded_draws`` (random numbers, the same
  as in Python), ``statistics`` (means and their intervals).
- For training in the page, all the same as in Python: ``numpy_random`` and ``torch_random`` (their generators),
  ``distance_world`` (pictures of both worlds), ``training_data`` (order, statistics and schedule).
- Controls: ``gate_desk`` (gates set by hand), ``network_controls`` (which network runs, and its gates),
  ``layer_stack`` (convolutions), ``scene_drawing`` and ``context_scene`` (glyphs and cue, and a stage for them),
  ``picture_input`` (file and camera).
- To look at: ``line_chart``, ``score_table``, ``similarity_table``, ``code_lines``.
- ``book_files`` says where the files of the book are, seen from a page.
- ``onnx_session`` runs trained networks, in the page or in the kernel; ``network_state`` holds the traits for that.
"""
