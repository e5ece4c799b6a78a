"""The drawings are in step with the code that makes them."""

import pytest

from tools import drawings


@pytest.mark.parametrize("path", drawings.LANDING, ids=lambda path: path.stem)
def test_drawing_is_what_the_library_draws(path):
    assert path.read_text(encoding="utf-8") == drawings.draw_landing(*drawings.LANDING[path]), "run: make drawings"
