"""The landing page's figure: both networks answer as torch does; a drag changes one answer; nothing stops the page."""

import json

import pytest

from senet_lib.book.experiments.landing_scenes import NETWORKS, example, probabilities, variants
from senet_lib.book.figures.landing_scene import EXAMPLE, LandingScene
from senet_lib.book.figures.network_in_page import scene_from_dict
from senet_lib.data.context_world import SHAPES
from senet_lib.weights.weight_files import load_pretrained
from tests.browser.figures import Opened, open_figure

pytestmark = pytest.mark.browser

SCENES = [scene_from_dict(scene) for scene in LandingScene.example().scenes]
TRAINED = {kind: load_pretrained(name) for kind, name in NETWORKS.items()}
OPTIONS = {"motion": "reduce", "width": 1100}
ANSWERED = """() => {
  const { model } = document.querySelector('.senet-figure');
  const said = document.querySelector('.senet-body').dataset.answered;
  if (!said) return false;
  const { shapes, places, cueColour } = JSON.parse(said);
  return shapes.join() === model.get('scenes')[model.get('scene')].shapes.join()
    && cueColour === model.get('cue_colour') && places.at(-1)[1] === model.get('cue_column');
}"""
COUNT_PIECES = """() => {
  const post = MessagePort.prototype.postMessage;
  window.pieces = 0;
  MessagePort.prototype.postMessage = function (...rest) {
    window.pieces += 1;
    return post.apply(this, rest);
  };
}"""


def make_figure() -> LandingScene:
    return LandingScene.example()


def answers(opened: Opened) -> tuple[str, str]:
    """Of the network without SE, and of that with SE, for what the picture shows now."""
    opened.page.wait_for_function(ANSWERED)
    return opened.text("plain answer"), opened.text("se answer")


def middle(opened: Opened, selector: str) -> tuple[float, float]:
    box = opened.root.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(opened: Opened, start: tuple[float, float], end: tuple[float, float]) -> None:
    opened.page.mouse.move(*start)
    opened.page.mouse.down()
    opened.page.mouse.move(*end, steps=6)
    opened.page.mouse.up()
    opened.settle()


def colour(number: int) -> str:
    return f".landing-tray label:nth-of-type({number + 1})"


def test_the_example_is_what_its_command_writes():
    assert json.loads(EXAMPLE.read_text(encoding="utf-8")) == json.loads(json.dumps(example()))


def test_both_networks_answer_as_torch_does_wherever_the_square_is(opened):
    for number, scene in enumerate(SCENES):
        without = set()
        for variant in variants(scene)[::11]:
            opened.set_all(scene=number, cue_colour=variant.cue_colour, cue_column=variant.cue_corner[1])
            said = answers(opened)
            assert said[1] == SHAPES[variant.label]
            without.add(said[0])
            for kind, network in TRAINED.items():
                shown = [opened.number(f"{kind} {shape}") for shape in SHAPES]
                assert shown == pytest.approx(probabilities(network, [variant])[0].tolist(), abs=1e-4)
        assert len(without) == 1, "it would look as if this network heard of the square"


def test_a_square_dragged_into_the_picture_changes_one_answer_and_the_page_says_so(opened):
    before = answers(opened)
    assert before == (SHAPES[1], SHAPES[SCENES[0].label])
    drag(opened, middle(opened, colour(2)), middle(opened, ".landing-stage"))
    after = answers(opened)
    assert opened.get("cue_colour") == 2 and opened.get("cue_column") == 12
    assert after == (before[0], SHAPES[SCENES[0].shapes[2]])
    assert f"from {before[1]} to {after[1]}" in opened.text("story") and before[0] in opened.text("story")
    assert not opened.root.locator(".landing-ghost").is_visible()


def test_a_square_that_is_dropped_elsewhere_changes_nothing_and_a_press_is_enough(opened):
    start = middle(opened, colour(0))
    drag(opened, start, (start[0] + 200, start[1]))
    assert opened.get("cue_colour") == SCENES[0].cue_colour
    opened.page.mouse.click(*start)
    opened.settle()
    assert opened.get("cue_colour") == 0
    assert answers(opened)[1] == SHAPES[SCENES[0].shapes[0]]


def test_the_square_is_moved_by_hand_and_by_keys_and_stays_in_the_picture(opened):
    said = answers(opened)
    x, y = middle(opened, ".landing-square")
    drag(opened, (x, y), (x + 2000, y + 100))
    assert opened.get("cue_column") == 24
    square = opened.root.get_by_role("slider")
    for keys, column in ((["ArrowLeft"], 23), (["Home"], 0), (["ArrowLeft", "PageUp", "ArrowRight"], 7), (["End"], 24)):
        opened.press(*keys, on=square)
        assert opened.get("cue_column") == column
        assert square.get_attribute("aria-valuenow") == str(column)
    assert answers(opened) == said
    assert "neither answer changed" in opened.text("story")


def test_other_shapes_come_in_turn(opened):
    for number in (*range(1, len(SCENES)), 0):
        opened.click("Other shapes")
        assert opened.get("scene") == number
        said = answers(opened)
        assert said[0] != said[1] == SHAPES[SCENES[number].label]


@pytest.mark.parametrize("width", [1100, 600, 358])
def test_nothing_jumps_in_use_and_a_finger_hits_every_control(browser, tmp_path, width):
    with open_figure(browser, make_figure(), tmp_path, width=width, motion="reduce") as opened:
        heights = set()
        for number in (0, 3):
            for variant in variants(SCENES[number])[::25]:
                opened.set_all(scene=number, cue_colour=variant.cue_colour, cue_column=variant.cue_corner[1])
                answers(opened)
                heights.add(round(opened.root.bounding_box()["height"]))
        opened.page.mouse.click(*middle(opened, colour(0)))
        answers(opened)
        assert heights == {round(opened.root.bounding_box()["height"])}
        for control in (".landing-square", ".landing-side > button", *map(colour, range(3))):
            box = opened.root.locator(control).bounding_box()
            assert min(box["width"], box["height"]) >= 44, control
        assert {"none"} == {
            opened.root.locator(one).first.evaluate("one => getComputedStyle(one).touchAction")
            for one in (".landing-square", colour(1))
        }


def test_an_answer_is_worked_out_in_pieces_between_which_the_page_moves(opened):
    opened.page.evaluate(COUNT_PIECES)
    opened.set("cue_column", 20)
    answers(opened)
    assert opened.page.evaluate("pieces") >= 12


def test_whoever_only_looks_sees_one_square_change_and_a_touch_ends_that(browser, tmp_path):
    with open_figure(browser, make_figure(), tmp_path, width=1100, clock=True) as opened:
        opened.page.clock.run_for(5500)
        assert opened.get("cue_colour") != SCENES[0].cue_colour
        assert answers(opened) == (SHAPES[1], SHAPES[SCENES[0].shapes[2]])
        assert "Now you" in opened.text("story")
    with open_figure(browser, make_figure(), tmp_path, width=1100, clock=True) as opened:
        opened.press("ArrowRight", on=opened.root.get_by_role("slider"))
        opened.page.clock.run_for(5500)
        assert opened.get("cue_colour") == SCENES[0].cue_colour
        assert opened.faults == []
