"""The walk through a block: every quantity of both pictures against torch's, and the ways to move through it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import expect

from senet_lib.book.figures.block_walkthrough import BlockWalkthrough
from senet_lib.data.context_world import COLOURS, draw_scene, render_scene
from senet_lib.export.arrays import network_arrays
from senet_lib.weights.weight_files import load_pretrained
from tests.browser.figures import open_figure
from tests.sample_networks import seen_in_block

pytestmark = pytest.mark.browser

SIDES = ("first", "second")
CHANNELS, HIDDEN = 16, 4


def close(expected):
    return pytest.approx(np.asarray(expected, dtype=float), rel=1e-5, abs=1e-5)


def make_pictures() -> np.ndarray:
    """Two layouts with each of the three cues: uint8 (6, 3, 32, 32)."""
    random = np.random.default_rng(2)
    scenes = [draw_scene(random) for _ in range(2)]
    return np.stack([render_scene(replace(scene, cue_colour=cue)) for scene in scenes for cue in range(3)])


TRAINED, PICTURES = load_pretrained("context-world-reduction-r4"), make_pictures()


def make_figure() -> BlockWalkthrough:
    return BlockWalkthrough(
        network=network_arrays(TRAINED.model, TRAINED.mean, TRAINED.std, stages=1),
        pictures=PICTURES,
        picture_names=[f"{layout}, {colour} cue" for layout in "AB" for colour in COLOURS],
        caption="What differs?",
        step=4,
    )


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    """What hooks see in torch when the six pictures pass the network."""
    return seen_in_block(TRAINED, PICTURES, "layer1.0")


def maps(opened, letter: str, side: str) -> list[list[float]]:
    """The numbers behind all maps of one picture."""
    return opened.root.evaluate(
        """(root, [letter, side]) => [...root.querySelectorAll('.walk-maps canvas')]
          .filter((one) => one.ariaLabel.startsWith(`${letter} of channel `))
          .filter((one) => one.ariaLabel.endsWith(`, ${side} picture`))
          .map((one) => Array.from(one.values))""",
        [letter, side],
    )


def bars(opened, label: str) -> list[float]:
    """The numbers behind bars, found by the start of their description."""
    return opened.root.locator(f'.walk-strip[aria-label^="{label}"]').evaluate("one => Array.from(one.values)")


def outlined(opened) -> list[str]:
    """The outlined maps, by description."""
    return opened.root.locator(".walk-maps [data-chosen] canvas").evaluate_all("all => all.map((one) => one.ariaLabel)")


def shown_stages(opened) -> list[str]:
    """The stages whose quantities are in sight, for both pictures."""
    return opened.root.locator(".walk-stage").evaluate_all(
        """all => all.filter((one) => {
          const seen = [...one.querySelectorAll('.walk-cell :is(canvas, i)')].map(
            (part) => part.checkVisibility({ visibilityProperty: true }));
          if (seen.some(Boolean) !== seen.every(Boolean)) throw new Error(`half a stage: ${one.dataset.stage}`);
          return seen[0];
        }).map((one) => one.dataset.stage)"""
    )


@pytest.mark.parametrize("pair", [(0, 1), (2, 2), (5, 0)])
def test_each_quantity_of_both_pictures_is_torchs(opened, expected, pair):
    for trait, index in zip(("first", "second"), pair, strict=True):
        opened.root.locator(f'select[data-trait="{trait}"]').select_option(index=index)
    opened.settle()
    channel = 11
    opened.move("channel", channel)
    for side, index in zip(SIDES, pair, strict=True):
        for letter, name in (("u", "u"), ("x̃", "x_tilde")):
            shown = np.array(maps(opened, letter, side)).reshape(expected[name][index].shape)
            assert shown == close(expected[name][index])
            large = opened.values(f"{letter} of the chosen channel, {side} picture")
            assert large == close(expected[name][index, channel].ravel()), "the chosen one stands there large"
        for letter, name in (("z", "z"), ("hidden units", "hidden"), ("s", "s")):
            assert bars(opened, f"{letter}, {side}") == close(expected[name][index])


def test_the_differences_are_those_of_torchs_gates(opened, expected):
    apart = expected["s"][0] - expected["s"][4]
    opened.set("second", 4)
    assert bars(opened, "difference of the gates") == close(apart)
    assert opened.number("largest-ds") == close(np.abs(apart).max())
    assert opened.number("largest-ds-channel") == np.abs(apart).argmax()
    opened.move("channel", 9)
    assert opened.number("difference") == close(apart[9])


def test_the_same_picture_twice_has_the_same_gates(opened):
    opened.set("second", 0)
    assert bars(opened, "difference of the gates") == [0] * CHANNELS
    assert [opened.number(name) for name in ("difference", "largest-ds")] == [0, 0]
    assert "Twice the same picture" in opened.root.locator(".walk-story").inner_text()


def test_the_trained_gates_follow_the_cue_and_not_the_glyphs(expected):
    """What the chapter says of these six pictures."""
    s = expected["s"].reshape(2, 3, CHANNELS)  # layout, cue
    same_cue = np.abs(s[0] - s[1]).max(-1)
    other_cue = [np.abs(s[layout, a] - s[layout, b]).max() for layout in (0, 1) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert same_cue.max() < 0.2
    assert min(other_cue) > 0.6


def check_channel(opened, expected, channel):
    """The numbers and outlines of a channel, in each row of both columns (pictures 0 and 1)."""
    for index, side in enumerate(SIDES):
        assert opened.number(f"{side}-z") == close(expected["z"][index, channel])
        assert opened.number(f"{side}-s") == close(expected["s"][index, channel])
    names = [f"{letter} of channel {channel}, {side} picture" for letter in ("u", "x̃") for side in SIDES]
    assert sorted(outlined(opened)) == sorted(names)
    assert opened.get("channel") == channel
    assert f"Channel {channel} keeps {round(100 * expected['s'][0, channel])}%" in opened.root.inner_text()


def test_slider_keys_and_clicks_choose_the_channel(opened, expected):
    check_channel(opened, expected, 0)
    opened.move("channel", 7)
    check_channel(opened, expected, 7)
    opened.root.locator('input[data-trait="channel"]').focus()
    opened.press("ArrowRight")
    check_channel(opened, expected, 8)
    for step, label, channel in ((3, "u of channel 3, first picture", 3), (4, "x̃ of channel 12, second picture", 12)):
        opened.set("step", step)
        opened.root.locator(".walk-guest").first.wait_for(state="detached")
        opened.click(opened.root.locator(f'canvas[aria-label="{label}"]'))
        assert opened.get("channel") == channel
    check_channel(opened, expected, channel)
    for label, channel in (("z, second", 15), ("s, first", 0), ("difference of the gates", 5)):
        opened.click(opened.root.locator(f'.walk-strip[aria-label^="{label}"] > span').nth(channel))
        check_channel(opened, expected, channel)


STAGES = ["x", "u", "z", "hidden", "s", "scaled"]
SHOWN = [STAGES[:1], STAGES[:2], STAGES[:3], STAGES[:5], STAGES]  # after each step


def test_it_opens_at_the_picture():
    assert BlockWalkthrough().step == 0


@pytest.mark.parametrize("width", [390, 600, 1280])
def test_next_and_back_show_the_rows_in_order_and_nothing_jumps(opened, width):
    opened.look(width, "light")
    opened.set("step", 0)
    stories, heights = set(), set()
    for step in range(5):
        assert opened.get("step") == step
        assert shown_stages(opened) == SHOWN[step]
        for name in ("first-s", "largest-ds"):
            assert opened.text(name).startswith("0.") == (step >= 3), "no number before its step"
        stories.add(opened.root.locator(".walk-story").inner_text())
        heights.add(opened.root.bounding_box()["height"])
        if step < 4:
            opened.click("Next")
    assert "last step" in opened.root.get_by_role("button", name="Next").get_attribute("title")
    assert len(stories) == 5 and len(heights) == 1
    opened.click("Back")
    assert shown_stages(opened) == SHOWN[3]
    opened.look(1280, "light")


def test_data_fly_from_step_to_step_and_can_be_stopped(opened):
    opened.set("step", 0)
    guests = opened.root.locator(".walk-guest")
    flights = {
        "maps from the picture": 1,
        "maps into means": 1,
        "means through the neck": 1,
        "maps, and gates that dim them": 2,
    }
    for flown, things in flights.items():
        opened.click("Next")
        assert guests.count() == 2 * things * CHANNELS, flown
        starts = guests.evaluate_all(
            "all => all.flatMap((one) => one.getAnimations()).map((one) => one.effect.getKeyframes().length)"
        )
        assert set(starts) == {3 if "neck" in flown else 2}
        guests.first.wait_for(state="detached")
        assert guests.count() == 0
    opened.click("Back")
    assert guests.count() == 0, "it flies forwards only"
    opened.click("Next")
    opened.click("Back")
    assert guests.count() == 0 and opened.page.evaluate("document.getAnimations().length") == 0, "a step ends a flight"


def test_who_wants_less_motion_steps_without_it(browser, tmp_path):
    with open_figure(browser, make_figure(), tmp_path, motion="reduce") as opened:
        opened.set("step", 0)
        assert not opened.root.get_by_role("button", name="Play").is_visible()
        for step in range(1, 5):
            opened.root.get_by_role("button", name="Next").click()
            assert opened.page.evaluate("document.getAnimations().length") == 0
            assert shown_stages(opened) == SHOWN[step]


def test_before_the_guess_the_walk_ends_at_the_means(browser, tmp_path):
    figure = make_figure()
    figure.update(asks=True, step=0)
    with open_figure(browser, figure, tmp_path) as opened:
        for _ in range(2):
            opened.click("Next")
        opened.root.get_by_role("button", name="Next").press("Enter")
        assert opened.get("step") == 2
        assert "Guess" in opened.root.get_by_role("button", name="Next").get_attribute("title")
        opened.set("step", 4)
        assert shown_stages(opened) == SHOWN[2] and opened.text("first-s") == "–"
        opened.click("Show me")
        assert shown_stages(opened) == SHOWN[4] and opened.text("first-s") != "–"


def test_the_steps_buttons_work_from_the_keyboard(opened):
    opened.root.locator('input[data-trait="step"]:checked').focus()
    for step in (3, 2, 1, 0):
        opened.press("ArrowLeft")
        assert opened.get("step") == step
        assert shown_stages(opened) == SHOWN[step]
    opened.root.get_by_role("button", name="Next").focus()
    for _ in range(6):
        opened.page.keyboard.press("Enter")
    opened.settle()
    assert opened.get("step") == 4
    assert opened.page.evaluate("document.activeElement.textContent") == "Next", "the focus stays"


def test_play_begins_anew_stops_at_the_end_and_when_asked(opened):
    opened.page.clock.install()
    play = opened.root.locator("button[aria-pressed]")
    play.click()
    assert opened.get("step") == 0
    for step in (1, 2, 3, 4):
        opened.page.clock.run_for(2400)
        assert opened.get("step") == step
    assert play.get_attribute("aria-pressed") == "false"
    opened.page.clock.run_for(5000)
    assert opened.get("step") == 4
    play.click()
    opened.page.clock.run_for(2400)
    opened.root.get_by_role("button", name="Next").click()
    assert (opened.get("step"), play.get_attribute("aria-pressed")) == (2, "false")
    opened.page.clock.run_for(5000)
    assert opened.get("step") == 2
    play.click()
    assert opened.get("step") == 3, "Play goes on at once"
    assert opened.root.locator(".walk-guest").count() > 0
    opened.page.evaluate("document.getAnimations().forEach((one) => one.pause())")  # else they would land by themselves
    play.click()
    expect(opened.root.locator(".walk-guest"), "Stop ends the flight as well").to_have_count(0)
    opened.page.clock.run_for(5000)
    assert (opened.get("step"), play.get_attribute("aria-pressed")) == (3, "false")


def test_the_maps_follow_the_pages_theme(opened, browser, tmp_path):
    pixels = "root => root.querySelector('.walk-maps canvas').toDataURL()"
    light = opened.root.evaluate(pixels)
    with open_figure(browser, make_figure(), tmp_path, theme="dark") as other:
        dark = other.root.evaluate(pixels)
    opened.look(1280, "dark")
    assert opened.root.evaluate(pixels) == dark != light
    opened.look(1280, "light")


def test_both_pictures_have_one_scale(opened, expected):
    largest = np.sort(np.abs(expected["u"][:2]).max((2, 3)).ravel())
    assert opened.number("scale-u") == close(largest[CHANNELS] / 2)
    z, hidden = expected["z"][:2], expected["hidden"][:2].max()
    assert opened.text("scale-z") == f"−{abs(z.min()):.2f} to {z.max():.2f}"
    assert opened.text("scale-hidden") == f"0 to {hidden:.2f}"
    assert opened.text("scale-s") == "0 to 1"


BLOCK = "layer1.0"
FAULTS = {
    f"{BLOCK}.conv1.weight": (CHANNELS, 3, 3, 3),
    f"{BLOCK}.conv1.bias": (4,),
    f"{BLOCK}.conv2.weight": (CHANNELS, 8, 3, 3),
    f"{BLOCK}.conv2.bias": (1,),
    f"{BLOCK}.downsample.weight": (CHANNELS, 1, 1, 1),
    f"{BLOCK}.attention.fc1.weight": (HIDDEN, CHANNELS + 1),
    f"{BLOCK}.attention.fc1.bias": (HIDDEN + 1,),
    f"{BLOCK}.attention.fc2.weight": (CHANNELS, HIDDEN + 1),
    f"{BLOCK}.attention.fc2.bias": (HIDDEN,),
    "conv1.weight": (CHANNELS, 1, 3, 3),
    "conv1.bias": (CHANNELS + 1,),
    "mean": (1,),
    "std": (4,),
}


def test_arrays_that_do_not_fit_each_other_are_named(opened):
    figure = make_figure()
    good = figure.network
    cases = {
        "attention.fc1.weight": {name: array for name, array in good.items() if "attention" not in name},
        "has no block": {name: array for name, array in good.items() if not name.startswith("layer")},
        f"{BLOCK}.stride is 0": {**good, f"{BLOCK}.stride": np.array([0])},
    } | {f"network.{name} has shape": {**good, name: np.zeros(shape, np.float32)} for name, shape in FAULTS.items()}
    for message, network in cases.items():
        figure.network = network
        opened.says(figure, message)


def test_bad_pictures_names_and_indices_are_named(opened):
    for trait, value in (("first", 6), ("second", -1), ("channel", CHANNELS), ("step", 5)):
        opened.refuses(f"{trait} is {value}", **{trait: value})
    opened.refuses("picture_names has 2 names for 6 pictures", picture_names=["one", "two"])
    figure = make_figure()
    figure.pictures = PICTURES / 255
    opened.says(figure, "pictures")


def test_the_state_is_small():
    assert len(json.dumps(make_figure()._plain_state())) < 60_000
