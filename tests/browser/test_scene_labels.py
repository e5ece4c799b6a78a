"""What is its label? Nothing of it is told before a guess; after it, which glyph was meant, and the score."""

import pytest

from senet_lib.book.figures.scene_labels import SceneLabels
from senet_lib.data.context_world import COLOURS, SHAPES

pytestmark = pytest.mark.browser


make_figure = SceneLabels.example


def test_each_guess_is_judged_and_counted(opened):
    figure = make_figure()
    for scene, (label, cue) in enumerate(zip(figure.labels, figure.cues, strict=True)):
        told = f"The cue is {COLOURS[cue]}, and the {COLOURS[cue]} glyph is a {SHAPES[label]}."
        assert opened.get("scene") == scene and told not in opened.root.inner_text()
        given = label if scene % 2 else (label + 1) % len(SHAPES)
        opened.click(SHAPES[given])
        assert opened.text("guess") == f"{'Right' if scene % 2 else 'Not so'}. {told}"
        assert (opened.number("right"), opened.number("guessed")) == ((scene + 1) // 2, scene + 1)
        opened.click("Next picture")
    opened.click("Guess again")
    assert opened.number("guessed") == len(figure.labels) - 1


def test_a_bad_state_is_named(opened):
    opened.refuses("shapes", shapes=[])
    opened.refuses("labels", "0 to 0", shapes=["plus"])
