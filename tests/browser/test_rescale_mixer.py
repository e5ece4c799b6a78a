"""The mixing desk against torch: gates from the page are put into the same network by a hook on its gate."""

from copy import deepcopy
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
import torch

from senet_lib.book.figures.rescale_mixer import RescaleMixer
from senet_lib.data.context_world import COLOURS, SHAPES, ContextWorld, render_scene
from senet_lib.export.arrays import network_arrays
from senet_lib.weights.weight_files import load_pretrained
from tests.sample_networks import seen_in_block

pytestmark = pytest.mark.browser

BLOCKS = {"layer1.0": 16, "layer2.0": 32}
TRAINED = load_pretrained("context-world-reduction-r4")
SCENES = [scene for scene in ContextWorld.generate(200, seed=1).scenes if len(set(scene.shapes)) == 3][:2]
VIEWS = [replace(scene, cue_colour=(scene.cue_colour + shift) % 3) for scene in SCENES for shift in (0, 1)]
LABELS = [[view.shapes[donor.cue_colour] for donor in VIEWS] for view in VIEWS]
PICTURES = np.stack([render_scene(view) for view in VIEWS])


def make_figure(**state) -> RescaleMixer:
    return RescaleMixer(
        network=network_arrays(TRAINED.model, TRAINED.mean, TRAINED.std),
        pictures=PICTURES,
        picture_names=[f"{COLOURS[view.cue_colour]} cue" for view in VIEWS],
        labels=LABELS,
        class_names=list(SHAPES),
        **state,
    )


def torch_run(picture: int, block: str, gates=None) -> dict[str, np.ndarray]:
    """Torch's logits, and u, s and x_tilde of a block, with these gates instead of the block's own; None: its own."""
    return {name: values[0] for name, values in seen_in_block(TRAINED, PICTURES[[picture]], block, gates).items()}


@torch.no_grad()
def logits_without_se(picture: int, block: str) -> np.ndarray:
    model = deepcopy(TRAINED.model)
    model.get_submodule(block).attention = torch.nn.Identity()
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (TRAINED.mean, TRAINED.std))
    return model((torch.tensor(PICTURES[[picture]]) / 255 - mean) / std)[0].numpy()


def close(numbers):
    return pytest.approx(np.asarray(numbers, dtype=float).ravel().tolist(), rel=1e-5, abs=1e-5)


def check_against_torch(opened, picture: int, block: str, gates=None) -> np.ndarray:
    """Compare gates, scores and answer in the page with torch's, and return torch's logits."""
    expected = torch_run(picture, block, gates)
    assert [opened.number(f"gate {c}") for c in range(BLOCKS[block])] == close(expected["s"])
    assert [opened.number(f"logit {i}") for i in range(4)] == close(expected["logits"])
    probabilities = torch.tensor(expected["logits"]).softmax(0)
    assert [opened.number(f"probability {i}") for i in range(4)] == close(probabilities)
    assert opened.text("answer") == SHAPES[expected["logits"].argmax()]
    return expected["logits"]


def fader(opened, channel: int):
    return opened.root.get_by_role("slider", name=f"gate of channel {channel}", exact=True)


def choose(opened, trait: str, value) -> None:
    opened.root.locator(f'input[data-trait="{trait}"][value="{value}"]').check()
    opened.settle()


def test_with_trained_gates_the_scores_are_torchs(opened):
    for picture, block in product(range(4), BLOCKS):
        choose(opened, "block", block)
        choose(opened, "picture", picture)
        logits = check_against_torch(opened, picture, block)
        assert logits.argmax() == VIEWS[picture].label
        assert opened.text("verdict") == "– right"
        assert opened.text("told") == "All gates have their trained values."


@pytest.mark.parametrize("block", BLOCKS)
def test_any_gates_give_torchs_scores_and_maps(opened, block):
    gates = np.random.default_rng(3).uniform(0, 2, BLOCKS[block]).astype(np.float32).tolist()
    channel = BLOCKS[block] - 3
    opened.set_all(picture=1, block=block, faders=gates, channel=channel)
    logits = check_against_torch(opened, 1, block, gates)
    assert logits != close(torch_run(1, block)["logits"])
    expected = torch_run(1, block, gates)
    for c in (0, channel):
        assert opened.values(f"u of channel {c}") == close(expected["u"][c])
        assert opened.values(f"x̃ of channel {c}") == close(expected["x_tilde"][c])
    assert opened.values("u of the chosen channel") == close(expected["u"][channel])
    assert opened.values("x̃ of the chosen channel") == close(expected["x_tilde"][channel])
    assert opened.number("gate") == pytest.approx(gates[channel])
    assert opened.number("trained gate") == pytest.approx(torch_run(1, block)["s"][channel], rel=1e-5)


def test_a_fader_changes_its_own_gate_only(opened):
    own = torch_run(0, "layer1.0")["s"]
    opened.move("faders", 1.35)  # the first one
    gates = [1.35, *own[1:]]
    check_against_torch(opened, 0, "layer1.0", gates)
    assert opened.get("faders") == [1.35] + [None] * 15
    assert opened.text("told") == "1 of 16 gates are not at their trained values."

    fader(opened, 5).focus()
    opened.press("Home")
    assert opened.get("channel") == 5
    gates[5] = 0
    check_against_torch(opened, 0, "layer1.0", gates)
    assert set(opened.values("x̃ of channel 5")) == {0}
    assert max(map(abs, opened.values("u of channel 5"))) > 0.1

    for key, gate in (("ArrowRight", 0.05), ("ArrowUp", 0.1), ("ArrowLeft", 0.05), ("End", 2)):
        opened.press(key)
        assert opened.number("gate 5") == pytest.approx(gate)


@pytest.mark.parametrize(("width", "direction"), [(390, "right"), (1280, "up")])
def test_a_fader_follows_the_pointer(opened, width, direction):
    """It lies on a narrow screen, and stands on a wide one."""
    opened.look(width, "light")
    fader(opened, 2).scroll_into_view_if_needed()
    box = fader(opened, 2).bounding_box()
    assert (box["height"] > box["width"]) == (direction == "up")
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    far = (middle[0], box["y"] + 1) if direction == "up" else (box["x"] + box["width"] - 1, middle[1])
    opened.page.mouse.move(*middle)
    opened.page.mouse.down()
    opened.settle()
    assert opened.number("gate 2") == pytest.approx(1, abs=0.11)
    assert opened.get("channel") == 2
    opened.page.mouse.move(*far)
    opened.page.mouse.up()
    opened.settle()
    assert opened.number("gate 2") == 2
    assert [gate is None for gate in opened.get("faders")].count(False) == 1
    opened.look(1280, "light")


def test_buttons_of_the_chosen_channel(opened):
    own = torch_run(2, "layer1.0")["s"]
    opened.set_all(picture=2, channel=4)
    for name, gate in (("Mute", 0), ("Boost", 2), ("Trained", own[4])):
        opened.click(name)
        check_against_torch(opened, 2, "layer1.0", [*own[:4], gate, *own[5:]])
    opened.root.locator('.mixer-strip:has([aria-label="gate of channel 7"]) canvas').first.click()
    opened.click("Mute")
    check_against_torch(opened, 2, "layer1.0", [*own[:7], 0, *own[8:]])


@pytest.mark.parametrize("block", BLOCKS)
def test_all_open_all_closed_and_back(opened, block):
    count = BLOCKS[block]
    opened.set("block", block)
    opened.click("All s = 1")
    check_against_torch(opened, 0, block, [1] * count)
    assert [opened.number(f"logit {i}") for i in range(4)] == close(logits_without_se(0, block))
    assert opened.text("told") == "All gates are open: the block works as if it had no SE."
    opened.click("All s = 0")
    check_against_torch(opened, 0, block, [0] * count)
    assert "only the shortcut" in opened.text("told")
    opened.click("All trained")
    check_against_torch(opened, 0, block)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_gates_of_another_picture_are_a_swap_in_torch(opened, block):
    opened.set("block", block)
    donors = opened.root.locator(".mixer-pictures button")
    for picture, donor in product(range(4), range(4)):
        choose(opened, "picture", picture)
        donors.nth(donor).click()
        opened.settle()
        answer = check_against_torch(opened, picture, block, torch_run(donor, block)["s"]).argmax()
        assert donors.nth(donor).get_attribute("aria-current") == "true"
        assert donors.and_(opened.page.locator("[aria-current=true]")).count() == 1
        assert (opened.get("faders") == []) == (donor == picture)
        label, wanted = VIEWS[picture].label, LABELS[picture][donor]
        if donor == picture:
            assert opened.text("told") == "All gates have their trained values."
            continue
        end = {wanted: f": the answer is {SHAPES[wanted]}.", label: ", but the answer stays."}
        said = " as well." if wanted == label else end.get(answer, ", but the answer is another one.")
        assert opened.text("told").endswith(f"that cue means {SHAPES[wanted]}{said}")


def test_the_answer_follows_the_twins_gates_in_the_first_block(opened):
    opened.click(opened.root.locator(".mixer-pictures button").nth(1))
    assert opened.text("answer") == SHAPES[VIEWS[1].label] != SHAPES[VIEWS[0].label]


def test_faders_survive_another_picture_and_leave_with_another_block(opened):
    opened.set("channel", 9)
    opened.click("Mute")
    choose(opened, "picture", 3)
    own = torch_run(3, "layer1.0")["s"]
    check_against_torch(opened, 3, "layer1.0", [*own[:9], 0, *own[10:]])
    choose(opened, "block", "layer2.0")
    check_against_torch(opened, 3, "layer2.0")
    assert opened.get("faders") == [] and opened.get("channel") == 0


@pytest.mark.parametrize("width", [390, 760])
def test_a_fader_stays_where_it_is_when_the_text_above_changes(opened, width):
    opened.look(width, "light")
    places = [fader(opened, 0).bounding_box()]
    opened.click(opened.root.locator(".mixer-pictures button").nth(3))
    places.append(fader(opened, 0).bounding_box())
    opened.move("faders", 0.5)
    places.append(fader(opened, 0).bounding_box())
    assert places[0] == places[1] == places[2]
    opened.look(1280, "light")


def test_32_faders_fit_a_phone(opened):
    opened.look(390, "light")
    opened.set("block", "layer2.0")
    boxes = [fader(opened, channel).bounding_box() for channel in range(32)]
    assert all(box["width"] >= 64 and box["height"] >= 32 and box["x"] + box["width"] <= 390 for box in boxes)
    rows = [[box for box in boxes if box["y"] == y] for y in sorted({box["y"] for box in boxes})]
    assert all(low[0]["y"] - high[0]["y"] >= 32 for high, low in pairwise(rows))
    assert opened.root.bounding_box()["height"] < 2 * 844
    opened.look(1280, "light")


BAD_STATES = [
    ("faders", [1.0, 0.5], "list of 16 gates"),
    ("faders", [0.5] * 15 + [2.5], "channel 15"),
    ("faders", [0.5] * 15 + [-0.1], "channel 15"),
    ("faders", ["loud"] + [0.5] * 15, "channel 0"),
    ("channel", 16, "channel is 16"),
    ("channel", 0.5, "channel is 0.5"),
    ("picture_names", ["one"], "picture_names"),
    ("class_names", [], "class_names"),
    ("class_names", [*SHAPES, "star"], "network.fc.weight"),
    ("network", {}, "network has no block"),
]
BAD_ARRAYS = [
    ("pictures", np.full((4, 3, 32, 32), 0.5, np.float32)),
    ("pictures", np.zeros((4, 2, 32, 32), np.uint8)),
    ("pictures", np.zeros((5, 3, 32, 32), np.uint8)),
    ("labels", np.zeros((3, 4), np.uint8)),
    ("labels", np.full((4, 4), 0.5, np.float32)),
    ("labels", np.full((4, 4), 4, np.float32)),
]
BAD_SHAPES = {
    "layer1.0.conv2.weight": (16, 8, 3, 3),
    "layer1.0.downsample.weight": (8, 16, 1, 1),
    "layer2.0.conv1.weight": (32, 8, 3, 3),
    "layer2.0.attention.fc1.weight": (8, 16),
    "layer2.0.attention.fc2.bias": (16,),
    "fc.weight": (4, 16),
}


def test_bad_state_is_named_and_can_be_mended(opened):
    for trait, value, named in BAD_STATES:
        opened.refuses(named, **{trait: value})
    for trait, array in BAD_ARRAYS:
        figure = make_figure()
        setattr(figure, trait, array)
        opened.says(figure, trait[:6])  # five pictures have too few names
    for key, shape in BAD_SHAPES.items():
        figure = make_figure()
        figure.network = {**figure.network, key: np.full(shape, 0.1, np.float32)}
        opened.says(figure, f"network.{key}")
    figure.network = {key: array for key, array in make_figure().network.items() if "attention" not in key}
    opened.says(figure, "no block with SE")


def test_the_network_runs_on_only_when_its_input_changes(opened):
    """To look at another channel takes no run of the network, and so a fraction of the time."""
    milliseconds = opened.root.evaluate(
        """async (el) => {
          const run = async (name, values) => {
            const times = [];
            for (const value of values) {
              const start = performance.now();
              el.model.set(name, value);
              await null; await null;
              times.push(performance.now() - start);
            }
            return times.sort((a, b) => a - b)[values.length >> 1];
          };
          const moved = Array.from({ length: 21 }, (_, i) => [i / 20, ...Array(15).fill(null)]);
          return { fader: await run('faders', moved), channel: await run('channel', moved.map((_, i) => i % 16)) };
        }"""
    )
    assert milliseconds["channel"] < milliseconds["fader"]
