"""The walk through a block: every quantity of both pictures against torch's, and the ways to move through it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from senet_lib.book.figures.block_walkthrough import BlockWalkthrough
from senet_lib.data.context_world import COLOURS, draw_scene, render_scene
from senet_lib.export.arrays import network_arrays
from senet_lib.weights.weight_files import load_pretrained
from tests.browser.figures import open_figure

pytestmark = pytest.mark.browser

SIDES = ("left", "right")
CHANNELS, HIDDEN = 16, 4


def close(expected):
    return pytest.approx(np.asarray(expected, dtype=float), rel=1e-5, abs=1e-5)


@pytest.fixture(scope="module")
def trained():
    return load_pretrained("context-world-reduction-r4")


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Two layouts with each of the three cues: uint8 (6, 3, 32, 32)."""
    random = np.random.default_rng(2)
    scenes = [draw_scene(random) for _ in range(2)]
    return np.stack([render_scene(replace(scene, cue_colour=cue)) for scene in scenes for cue in range(3)])


@pytest.fixture
def figure(trained, pictures) -> BlockWalkthrough:
    return BlockWalkthrough(
        network=network_arrays(trained.model, trained.mean, trained.std, stages=1),
        pictures=pictures,
        picture_names=[f"{layout}, {colour} cue" for layout in "AB" for colour in COLOURS],
        caption="What differs?",
    )


@pytest.fixture(scope="module")
def expected(trained, pictures) -> dict[str, np.ndarray]:
    """What hooks see in torch when the six pictures pass the network."""
    mean, std = (torch.tensor(three)[:, None, None] for three in (trained.mean, trained.std))
    seen = {}
    attention = trained.model.layer1[0].attention

    def keep(name):
        return lambda module, inputs, output: seen.update({name: output})

    handles = [
        attention.register_forward_pre_hook(lambda module, inputs: seen.update(u=inputs[0])),
        attention.fc1.register_forward_pre_hook(lambda module, inputs: seen.update(z=inputs[0])),
        attention.activation.register_forward_hook(keep("hidden")),
        attention.gate.register_forward_hook(keep("s")),
        attention.register_forward_hook(keep("scaled")),
    ]
    with torch.no_grad():
        trained.model((torch.tensor(pictures) / 255 - mean) / std)
    for handle in handles:
        handle.remove()
    return {name: values.numpy() for name, values in seen.items()}


def maps(opened, letter: str, side: str) -> list[list[float]]:
    """The numbers behind all maps of one side."""
    return opened.root.evaluate(
        """(root, [letter, side]) => [...root.querySelectorAll(`.walk-${side} canvas`)]
          .filter((one) => one.ariaLabel.startsWith(`${letter} of channel`)).map((one) => Array.from(one.values))""",
        [letter, side],
    )


def outlined(opened) -> list[str]:
    """The outlined maps, by description."""
    return opened.root.locator(".walk-chosen").evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")


def shown_stages(opened) -> list[str]:
    """The stages whose quantities are in sight, in both columns."""
    return opened.root.locator(".walk-stage").evaluate_all(
        """all => all.filter((one) => {
          const seen = [...one.querySelectorAll('.walk-cell > *')].map(
            (part) => part.checkVisibility({ visibilityProperty: true }));
          if (seen.some(Boolean) !== seen.every(Boolean)) throw new Error(`half a row: ${one.dataset.stage}`);
          return seen[0];
        }).map((one) => one.dataset.stage)"""
    )


@pytest.mark.parametrize("pair", [(0, 1), (2, 2), (5, 0)])
def test_each_quantity_of_both_pictures_is_torchs(browser, figure, expected, tmp_path, pair):
    with open_figure(browser, figure, tmp_path) as opened:
        for trait, index in zip(("first", "second"), pair, strict=True):
            opened.root.locator(f'select[data-trait="{trait}"]').select_option(index=index)
        opened.settle()
        for side, index in zip(SIDES, pair, strict=True):
            for letter, name in (("u", "u"), ("x̃", "scaled")):
                shown = np.array(maps(opened, letter, side)).reshape(expected[name][index].shape)
                assert shown == close(expected[name][index])
            for letter, name in (("z", "z"), ("hidden numbers", "hidden"), ("s", "s")):
                assert opened.values(f"{letter}, {side}") == close(expected[name][index])


def test_the_differences_are_those_of_torchs_gates(browser, figure, expected, tmp_path):
    dz, ds = (expected[name][0] - expected[name][4] for name in "zs")
    with open_figure(browser, figure, tmp_path) as opened:
        opened.set("second", 4)
        assert opened.values("difference of the gates") == close(ds)
        for name, difference in (("z", dz), ("s", ds)):
            assert opened.number(f"largest-d{name}") == close(np.abs(difference).max())
            assert opened.number(f"largest-d{name}-channel") == np.abs(difference).argmax()
        opened.move("channel", 9)
        assert opened.number("difference") == close(ds[9])
        assert (opened.text("same-weights"), opened.text("same-gates")) == ("yes", "no")


def test_the_same_picture_twice_has_the_same_gates(browser, figure, tmp_path):
    with open_figure(browser, figure, tmp_path) as opened:
        opened.set("second", 0)
        assert opened.values("difference of the gates") == [0] * CHANNELS
        assert [opened.number(name) for name in ("difference", "largest-dz", "largest-ds")] == [0, 0, 0]
        assert (opened.text("same-weights"), opened.text("same-gates")) == ("yes", "yes")


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
        assert opened.number(f"{side}-u") == close(np.abs(expected["u"][index, channel]).max())
        assert opened.number(f"{side}-x-tilde") == close(np.abs(expected["scaled"][index, channel]).max())
    names = [f"{letter} of channel {channel}, {side}" for letter in ("u", "x̃") for side in SIDES]
    assert sorted(outlined(opened)) == sorted(names)
    assert opened.get("channel") == channel
    assert f"Channel {channel} keeps {round(100 * expected['s'][0, channel])}%" in opened.root.inner_text()


def test_slider_keys_and_clicks_choose_the_channel(browser, figure, expected, tmp_path):
    with open_figure(browser, figure, tmp_path) as opened:
        check_channel(opened, expected, 0)
        opened.move("channel", 7)
        check_channel(opened, expected, 7)
        opened.root.locator('input[data-trait="channel"]').focus()
        opened.page.keyboard.press("ArrowRight")
        opened.settle()
        check_channel(opened, expected, 8)
        for label, channel in (("u of channel 3, left", 3), ("x̃ of channel 12, right", 12)):
            opened.root.locator(f'canvas[aria-label="{label}"]').click()
            opened.settle()
            check_channel(opened, expected, channel)
        for label, channel in (("z, right", 15), ("s, left", 0), ("difference of the gates", 5)):
            chart = opened.root.locator(f'canvas[aria-label^="{label}"]')
            box = chart.bounding_box()
            chart.click(position={"x": box["width"] * (channel + 0.5) / CHANNELS, "y": box["height"] / 2})
            opened.settle()
            check_channel(opened, expected, channel)


STAGES = ["x", "u", "z", "hidden", "s", "scaled"]
SHOWN = [STAGES[:1], STAGES[:2], STAGES[:3], STAGES[:5], STAGES]  # after each step


def test_next_and_back_show_the_rows_in_order(browser, figure, tmp_path):
    figure.step = 0
    with open_figure(browser, figure, tmp_path) as opened:
        comparison = opened.root.locator('[data-name="same-gates"]')
        stories = []
        for step in range(5):
            assert opened.get("step") == step
            assert shown_stages(opened) == SHOWN[step]
            assert comparison.is_visible() == (step >= 3), "the gates are compared when there are gates"
            stories.append(opened.root.locator(".walk-story").inner_text())
            if step < 4:
                opened.root.get_by_role("button", name="Next").click()
                opened.settle()
        assert opened.root.get_by_role("button", name="Next").get_attribute("aria-disabled") == "true"
        assert len(set(stories)) == 5
        opened.root.get_by_role("button", name="Back").click()
        opened.settle()
        assert shown_stages(opened) == SHOWN[3]


def test_the_steps_buttons_work_from_the_keyboard(browser, figure, tmp_path):
    with open_figure(browser, figure, tmp_path) as opened:
        opened.root.locator('input[data-trait="step"]:checked').focus()
        for step in (3, 2, 1, 0):
            opened.page.keyboard.press("ArrowLeft")
            opened.settle()
            assert opened.get("step") == step
            assert shown_stages(opened) == SHOWN[step]
        opened.root.get_by_role("button", name="Next").focus()
        for _ in range(6):
            opened.page.keyboard.press("Enter")
        opened.settle()
        assert opened.get("step") == 4
        assert opened.page.evaluate("document.activeElement.textContent") == "Next", "the focus stays"


def test_play_begins_anew_stops_at_the_end_and_when_asked(browser, figure, tmp_path):
    with open_figure(browser, figure, tmp_path) as opened:
        opened.page.clock.install()
        play = opened.root.locator("button[aria-pressed]")
        play.click()
        assert opened.get("step") == 0
        for step in (1, 2, 3, 4):
            opened.page.clock.run_for(2000)
            assert opened.get("step") == step
        assert play.get_attribute("aria-pressed") == "false"
        opened.page.clock.run_for(5000)
        assert opened.get("step") == 4
        play.click()
        opened.page.clock.run_for(2000)
        opened.root.get_by_role("button", name="Next").click()
        assert (opened.get("step"), play.get_attribute("aria-pressed")) == (2, "false")
        opened.page.clock.run_for(5000)
        assert opened.get("step") == 2
        play.click()
        opened.root.locator(".senet-choice label", has_text="u").click()
        opened.page.clock.run_for(5000)
        assert (opened.get("step"), play.get_attribute("aria-pressed")) == (1, "false")


def test_the_maps_follow_the_pages_theme(browser, figure, tmp_path):
    pixels = "root => root.querySelector('.walk-maps canvas').toDataURL()"
    with open_figure(browser, figure, tmp_path, theme="dark") as opened:
        dark = opened.root.evaluate(pixels)
    with open_figure(browser, figure, tmp_path) as opened:
        assert opened.root.evaluate(pixels) != dark
        opened.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        opened.settle()
        assert opened.root.evaluate(pixels) == dark


def test_both_pictures_have_one_scale(browser, figure, expected, tmp_path):
    with open_figure(browser, figure, tmp_path) as opened:
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


EXCHANGE = """(el, [name, shape]) => {
  window.whole ??= el.model.get("network");
  const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
  el.model.set("network", { ...window.whole, [name]: { dtype: "float32", shape, data: new DataView(values.buffer) } });
}"""


def test_arrays_that_do_not_fit_each_other_are_named(browser, figure, tmp_path):
    with open_figure(browser, figure, tmp_path) as opened:
        for name, shape in FAULTS.items():
            opened.root.evaluate(EXCHANGE, [name, list(shape)])
            opened.settle()
            assert opened.problem is not None, f"network.{name} of shape {shape} passes unseen"
            assert f"network.{name} has shape" in opened.problem
        opened.root.evaluate("el => el.model.set('network', window.whole)")
        opened.settle()
        assert opened.problem is None
        assert opened.faults == []


def test_a_network_without_gates_or_blocks_and_a_bad_stride_are_named(browser, figure, tmp_path):
    good = figure.network
    cases = {
        "attention.fc1.weight": {name: array for name, array in good.items() if "attention" not in name},
        "has no block": {name: array for name, array in good.items() if not name.startswith("layer")},
        f"{BLOCK}.stride is 0": {**good, f"{BLOCK}.stride": np.array([0])},
    }
    for message, network in cases.items():
        figure.network = network
        with open_figure(browser, figure, tmp_path) as opened:
            assert opened.problem is not None and message in opened.problem
            assert opened.faults == []


def test_bad_pictures_names_and_indices_are_named(browser, figure, pictures, tmp_path):
    with open_figure(browser, figure, tmp_path) as opened:
        names = opened.get("picture_names")
        opened.set("picture_names", names[:2])
        assert opened.problem is not None and "picture_names has 2 names for 6 pictures" in opened.problem
        opened.set("picture_names", names)
        for trait, value in (("first", 6), ("second", -1), ("channel", CHANNELS), ("step", 5)):
            good = opened.get(trait)
            opened.set(trait, value)
            assert opened.problem is not None and opened.problem.startswith(f"{trait} is {value}")
            opened.set(trait, good)
            assert opened.problem is None
    figure.pictures = pictures / 255
    with open_figure(browser, figure, tmp_path) as opened:
        assert opened.problem is not None and "pictures" in opened.problem


def test_the_state_is_small(figure):
    assert len(json.dumps(figure._plain_state())) < 60_000
