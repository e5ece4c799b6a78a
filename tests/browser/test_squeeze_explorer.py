"""The squeeze explorer: maps and z against torch's, shuffling, squeezing, painting, the pin, the close-up."""

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch.nn import functional

from senet_lib.book.draws import uniform_draws
from senet_lib.book.figures.squeeze_explorer import SqueezeExplorer
from senet_lib.export.arrays import network_arrays
from senet_lib.networks.squeeze_excitation import SQUEEZE_OPERATORS, SqueezeExcitation
from senet_lib.weights.weight_files import load_pretrained
from tests.browser.figures import Opened, open_figure
from tests.sample_networks import seen_in_block

pytestmark = pytest.mark.browser

NAMES = ("astronaut", "chelsea", "coffee", "rocket")
SIZE = 48
CHANNELS = 16
CHOSEN = 13


def close(expected):
    return pytest.approx(np.asarray(expected, dtype=float), rel=1e-5, abs=1e-5)


def assert_close(found, expected) -> None:
    """The same for many numbers, of which approx would take long."""
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5, atol=1e-5)


def photograph(name: str) -> np.ndarray:
    """The middle of one of scikit-image's pictures: uint8 (3, 48, 48)."""
    image = Image.fromarray(getattr(data, name)())
    left = (image.width - image.height) // 2
    square = image.crop((left, 0, left + image.height, image.height)).resize((SIZE, SIZE))
    return np.moveaxis(np.asarray(square), -1, 0)


def features(trained, pictures: np.ndarray) -> torch.Tensor:
    """What reaches the first block's SE in torch: u (N, C, H', W')."""
    return torch.tensor(seen_in_block(trained, pictures, "layer1.0")["u"])


def explorer(trained, pictures: np.ndarray, **state) -> SqueezeExplorer:
    network = network_arrays(trained.model, trained.mean, trained.std, stages=1)
    names = [f"picture {number}" for number in range(len(pictures))]
    return SqueezeExplorer(network=network, pictures=pictures, picture_names=names, **state)


TRAINED, PICTURES = load_pretrained("pictures-se"), np.stack([photograph(name) for name in NAMES])


def make_figure() -> SqueezeExplorer:
    return explorer(TRAINED, PICTURES, channel=CHOSEN)


@pytest.fixture(scope="module")
def u() -> torch.Tensor:
    return features(TRAINED, PICTURES)


def choose_picture(opened: Opened, index: int) -> None:
    choose(opened, "picture", index)


def choose(opened: Opened, trait: str, value) -> None:
    opened.click(opened.root.locator(f'label:has(input[data-trait="{trait}"][value="{value}"])'))


def tick_shuffle(opened: Opened) -> None:
    opened.click(opened.root.get_by_label("Shuffle the pixels of u"))


def all_maps(opened: Opened) -> np.ndarray:
    """The numbers behind the small maps, (C, H * W)."""
    canvases = opened.root.locator('canvas[aria-label^="map of channel"]')
    return np.array(canvases.evaluate_all("all => all.map((one) => Array.from(one.values))"))


def all_z(opened: Opened) -> list[float]:
    return [opened.number(f"z-{channel}") for channel in range(CHANNELS)]


def permutation(seed: int, count: int) -> np.ndarray:
    """The page's random order, in Python."""
    draws, order = uniform_draws(seed, count), np.arange(count)
    for i in range(count - 1, 0, -1):
        other = int(draws[i] * (i + 1))
        order[[i, other]] = order[[other, i]]
    return order


# ----------------------------------------------------------------------------------------------------- maps, and z


def test_the_maps_are_torchs_features_of_each_picture(opened, u):
    for index in range(len(NAMES)):
        choose_picture(opened, index)
        assert opened.get("picture") == index
        assert_close(all_maps(opened), u[index].flatten(1))


@pytest.mark.parametrize("operator", SQUEEZE_OPERATORS)
def test_z_is_the_blocks_squeeze_for_each_picture(opened, u, operator):
    expected = SqueezeExcitation(CHANNELS, 4, squeeze=operator).squeeze(u)
    choose(opened, "operator", operator)
    for index in range(len(NAMES)):
        choose_picture(opened, index)
        assert all_z(opened) == close(expected[index])
        assert opened.number("z") == close(expected[index, CHOSEN])


def test_the_operators_are_the_librarys(opened):
    options = opened.root.locator('input[data-trait="operator"]').evaluate_all("all => all.map((one) => one.value)")
    assert options == list(SQUEEZE_OPERATORS)


def test_a_first_block_that_halves_the_picture(opened):
    trained = load_pretrained("context-world-reduction-r4")
    pictures = np.asarray(SqueezeExplorer.example().pictures)
    u = features(trained, pictures)
    assert u.shape[2:] == (16, 16)
    opened.show(explorer(trained, pictures, picture=1))
    assert_close(all_maps(opened), u[1].flatten(1))
    assert all_z(opened) == close(u[1].mean((1, 2)))
    assert opened.number("count") == 256


# ---------------------------------------------------------------------------------------------------------- shuffling


@pytest.mark.parametrize("operator", SQUEEZE_OPERATORS)
def test_shuffling_moves_every_map_alike_and_no_z(opened, operator):
    choose(opened, "operator", operator)
    before, z = all_maps(opened), all_z(opened)
    assert opened.text("largest-change") == "–"
    tick_shuffle(opened)
    assert opened.get("shuffled") is True
    after = all_maps(opened)
    assert np.abs(after - before).max() > 1
    assert (after == before[:, permutation(0, SIZE**2)]).all()
    assert (np.sort(after) == np.sort(before)).all()
    assert all_z(opened) == pytest.approx(z, abs=1e-6)
    assert 0 <= opened.number("largest-change") <= 1e-6
    assert opened.text("largest-change") == "0.0000"
    tick_shuffle(opened)
    assert (all_maps(opened) == before).all()


def test_another_order_is_another_order(opened):
    before = all_maps(opened)
    for seed in (1, 2):
        opened.click("Another order")
        assert (opened.get("shuffled"), opened.get("shuffle_seed")) == (True, seed)
        assert (all_maps(opened) == before[:, permutation(seed, SIZE**2)]).all()


# ------------------------------------------------------------------------------------------------ squeezing, by steps


@pytest.mark.parametrize("operator", SQUEEZE_OPERATORS)
def test_each_step_squeezes_tiles_and_the_last_one_is_z(opened, u, operator):
    choose(opened, "operator", operator)
    for step, side in enumerate([1, 2, 4, 8, 16, SIZE]):
        opened.move("squeezed", step)
        mean, largest = functional.avg_pool2d(u[0], side), functional.max_pool2d(u[0], side)
        small = {"avg": mean, "max": largest, "both": (mean + largest) / 2}[operator]
        tiles = small.repeat_interleave(side, 1).repeat_interleave(side, 2)
        assert_close(all_maps(opened), tiles.flatten(1))
        assert_close(opened.values("the chosen map"), tiles[CHOSEN].flatten())
    assert all_maps(opened)[:, 0] == close(all_z(opened))


def test_a_side_that_cannot_be_halved_ends_the_steps(opened):
    figure = SqueezeExplorer.example()
    figure.pictures = np.asarray(figure.pictures)[:, :, :20, :12]
    opened.show(figure)
    assert opened.root.locator('input[data-trait="squeezed"]').get_attribute("max") == "3"
    whole = all_maps(opened)
    opened.move("squeezed", 2)
    blocks = whole.reshape(CHANNELS, 5, 4, 3, 4).mean((2, 4))
    assert_close(all_maps(opened).reshape(CHANNELS, 20, 12)[:, ::4, ::4], blocks)
    opened.move("squeezed", 3)
    assert_close(all_maps(opened), np.repeat(whole.mean(1, keepdims=True), 240, axis=1))


def bars_in_sight(opened: Opened, names: str = "^=z-") -> int:
    outputs = opened.root.locator(f"[data-name{names}]")
    return sum(outputs.evaluate_all("all => all.map((one) => one.checkVisibility({ visibilityProperty: true }))"))


def let_squeeze(opened: Opened) -> None:
    """Wait until the tiles have fallen together, and the maps are whole again."""
    opened.page.wait_for_selector("button[aria-pressed=true]")
    opened.page.wait_for_selector("button[aria-pressed=true]", state="detached")
    opened.settle()


def test_the_numbers_come_with_the_squeeze_and_the_maps_are_whole_again(opened):
    button, whole = opened.root.locator("button[aria-pressed]"), all_maps(opened)
    height = opened.root.bounding_box()["height"]
    for times in (1, 2):
        assert bars_in_sight(opened) == (0 if times == 1 else CHANNELS)
        button.click()
        assert button.inner_text() == "Stop"
        opened.page.wait_for_function("document.querySelector('.senet-figure').model.get('squeezed') === 5")
        opened.settle()
        assert bars_in_sight(opened) == CHANNELS and opened.get("squeezes") == times
        let_squeeze(opened)
        assert button.inner_text() == "Squeeze" and opened.get("squeezed") == 0
    assert (all_maps(opened) == whole).all() and opened.root.bounding_box()["height"] == height
    choose(opened, "picture", 1)  # another picture: all bars anew
    assert bars_in_sight(opened) == 0
    let_squeeze(opened)
    assert bars_in_sight(opened) == CHANNELS


def test_the_button_stops_what_it_started(opened):
    button = opened.root.locator("button[aria-pressed]")
    button.evaluate("one => { one.click(); one.click(); }")
    opened.settle()
    assert (opened.get("squeezed"), bars_in_sight(opened)) == (0, 0)
    assert button.get_attribute("aria-pressed") == "false"
    assert opened.page.evaluate("document.getAnimations().length") == 0


def test_with_reduced_motion_the_numbers_come_at_once(browser, tmp_path):
    with open_figure(browser, make_figure(), tmp_path, motion="reduce") as still:
        still.click("Squeeze")
        assert bars_in_sight(still) == CHANNELS
        pad = still.root.locator(".squeeze-large")
        pad.click(position={"x": 30, "y": 30})
        still.settle()
        assert bars_in_sight(still) == CHANNELS and "16 of 2,304 places" in still.text("painted")
        assert still.page.evaluate("document.getAnimations().length") == 0


# ----------------------------------------------------------------------------------------------- painting, and the pin


def stroke(opened: Opened, *shares: tuple[float, float]) -> None:
    """Press on the large map, drag through these places (shares of its width and height), and let go."""
    pad = opened.root.locator(".squeeze-large")
    pad.scroll_into_view_if_needed()
    box, mouse = pad.bounding_box(), opened.page.mouse
    for index, (across, down) in enumerate(shares):
        mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        if index == 0:
            mouse.down()
    opened.settle()
    assert bars_in_sight(opened, f"=z-{CHOSEN}") == 0, "what is being painted has no mean yet"
    mouse.up()
    let_squeeze(opened)


def test_painting_moves_one_z_by_the_mean_of_what_was_painted(opened, u):
    before, z = all_maps(opened), np.array(all_z(opened))
    for sign, value in (("+", 3), ("-", -3), ("0", 0)):
        choose(opened, "brush", sign)
        stroke(opened, (0.1, 0.1), (0.9, 0.6), (0.2, 0.8))
        after, found = all_maps(opened), np.array(all_z(opened))
        difference = after - before
        assert (after[CHOSEN][difference[CHOSEN] != 0] == value).all() and (difference[CHOSEN] != 0).sum() > 300
        assert not np.delete(difference, CHOSEN, 0).any()
        assert (np.delete(found, CHOSEN) == np.delete(z, CHOSEN)).all()
        assert found[CHOSEN] - z[CHOSEN] == close(difference[CHOSEN].mean())
        assert f"= {difference[CHOSEN].mean():+.3f} to its mean".replace("-", "−") in opened.text("painted")
    opened.click("Empty the map")
    let_squeeze(opened)
    assert opened.number(f"z-{CHOSEN}") == 0 and not all_maps(opened)[CHOSEN].any()
    opened.click("Undo all paint")
    let_squeeze(opened)
    assert all_z(opened) == close(z) and opened.get("painted") == {}


def test_the_keyboard_paints_where_the_brush_stands_also_on_shuffled_maps(opened):
    tick_shuffle(opened)
    before, pad = all_maps(opened), opened.root.locator(".squeeze-large")

    def place_of_brush() -> tuple[int, int]:
        row, column = re.search(r"row (\d+), column (\d+)", pad.get_attribute("aria-label")).groups()
        return int(row) - 1, int(column) - 1

    opened.press(*["ArrowUp"] * 12, *["ArrowLeft"] * 12, on=pad)
    assert place_of_brush() == (0, 0)
    opened.press("ArrowDown", "ArrowDown", "ArrowRight", on=pad)
    assert place_of_brush() == (8, 4)
    opened.press("Space", on=pad)
    let_squeeze(opened)
    changed = np.flatnonzero((all_maps(opened) != before)[CHOSEN])
    assert [divmod(int(place), SIZE) for place in changed] == [(i, j) for i in range(6, 10) for j in range(2, 6)]


def test_two_pictures_stand_on_one_scale_and_its_change_is_said(opened, u):
    assert "press Squeeze" in opened.root.locator(".squeeze-pin").get_attribute("title")
    opened.click("Squeeze")
    let_squeeze(opened)
    opened.click("Pin these bars")
    choose_picture(opened, 3)
    let_squeeze(opened)

    def heights(kind: str) -> np.ndarray:
        bars = opened.root.locator(f".squeeze-box .squeeze-{kind}")
        return np.array(bars.evaluate_all("all => all.map((one) => parseFloat(one.style.height))"))

    means = u.mean((2, 3)).numpy()
    assert "−1 to 1" in opened.text("scale")
    np.testing.assert_allclose(heights("pinned"), 50 * abs(means[0]), atol=1e-3)
    np.testing.assert_allclose(heights("now"), 50 * abs(means[3]), atol=1e-3)
    assert [opened.number(f"pinned-z-{c}") for c in range(CHANNELS)] == close(means[0])
    opened.set("painted", {f"3.{CHOSEN}": "+" * SIZE**2})
    assert "now −1 to 5, no longer −1 to 1" in opened.text("scale")
    np.testing.assert_allclose(heights("pinned"), 100 / 6 * abs(means[0]), atol=1e-3)
    assert heights("now")[CHOSEN] == pytest.approx(50)
    opened.click("Take the pin out")
    assert opened.get("pinned") == {} and not opened.root.locator(".squeeze-box .squeeze-pinned").first.is_visible()


def test_a_dropped_picture_passes_the_same_network(opened):
    file = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(file, "PNG")
    given = opened.root.locator("input[type=file]")
    own = opened.root.locator('input[data-trait="picture"][value="4"]')
    assert own.is_disabled()
    given.set_input_files({"name": "bad.png", "mimeType": "image/png", "buffer": b"no picture"})
    opened.page.wait_for_function("/not a picture/.test(document.querySelector('[data-name=own]').textContent)")
    given.set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": file.getvalue()})
    opened.page.wait_for_function("document.querySelector('.senet-figure').model.get('picture') === 4")
    opened.settle()
    teal = np.broadcast_to(np.array([0, 128, 128], np.uint8)[:, None, None], (3, SIZE, SIZE))
    assert own.is_checked() and all_z(opened) == close(features(TRAINED, teal[None])[0].mean((1, 2)))


# --------------------------------------------------------------------------------------------------------- the close-up


def test_the_close_up_spells_the_mean_and_the_maximum_in_numbers(opened, u):
    choose(opened, "operator", "both")
    for channel in (0, 7, 15):
        choose(opened, "channel", channel)
        values = u[0, channel].double()
        place = divmod(int(values.argmax()), SIZE)
        assert opened.get("channel") == channel
        assert opened.number("sum") == pytest.approx(values.sum().item(), rel=1e-5, abs=1e-2)  # of 2,304 numbers
        assert opened.number("count") == SIZE**2
        assert opened.number("mean") == close(values.mean())
        assert opened.number("largest-value") == close(values.max())
        assert (opened.number("row"), opened.number("column")) == (place[0] + 1, place[1] + 1)
        assert opened.number("z") == close((values.mean() + values.max()) / 2)
        assert opened.number("least") == close(values.min())
        assert opened.number("largest") == close(values.max())
        ring = opened.root.locator(".squeeze-ring").bounding_box()
        box = opened.root.locator('canvas[aria-label="the chosen map"]').bounding_box()
        down = (ring["y"] + ring["height"] / 2 - box["y"]) / box["height"] * SIZE
        right = (ring["x"] + ring["width"] / 2 - box["x"]) / box["width"] * SIZE
        assert (down - 0.5, right - 0.5) == pytest.approx(place, abs=0.2)


def test_the_close_up_shows_what_its_operator_needs(opened):
    opened.root.locator("details").evaluate("one => { one.open = true; }")
    parts = {"sum": "sum", "largest": "largest-value"}
    opened.set("squeezes", 1)
    for operator, shown in {"avg": {"sum"}, "max": {"largest"}, "both": {"sum", "largest"}}.items():
        choose(opened, "operator", operator)
        visible = {part for part, name in parts.items() if opened.root.locator(f'[data-name="{name}"]').is_visible()}
        assert visible == shown
        assert opened.root.locator(".squeeze-ring").is_visible() == ("largest" in shown)


def test_the_histogram_counts_values_and_marks_z(opened, u):
    values = u[0, CHOSEN].numpy()
    counts, _ = np.histogram(values, bins=48)
    drawn = opened.root.locator(".squeeze-plot path").get_attribute("d")
    heights = np.zeros(48)
    for column in drawn.split("M")[1:]:
        place, _, top = column.partition(" 100V")
        heights[int(place)] = 100 - float(top.partition("h")[0])
    tall = counts > 0.05 * counts.max()
    assert heights[tall] == pytest.approx(100 * counts[tall] / counts.max(), abs=100 * 1.5 / counts.max())  # edges
    assert (heights > 0).tolist() == (counts > 0).tolist()
    mark = float(opened.root.locator(".squeeze-mark").evaluate("one => parseFloat(one.style.left)"))
    assert mark == pytest.approx(100 * (values.mean() - values.min()) / np.ptp(values), abs=1e-3)
    opened.move("squeezed", 2)
    tick_shuffle(opened)
    assert opened.root.locator(".squeeze-plot path").get_attribute("d") == drawn


def test_channels_are_chosen_by_pointer_and_keys_on_maps_and_bars(opened):
    page = opened.page
    box = opened.root.locator('canvas[aria-label="map of channel 4"]').bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.settle()
    assert opened.get("channel") == 4
    page.keyboard.press("ArrowRight")
    opened.settle()
    assert opened.get("channel") == 5
    opened.click(opened.root.locator(".squeeze-box").nth(9))
    assert opened.get("channel") == 9


# ----------------------------------------------------------------------------------------------------------- bad state


def zeros(*shape):
    return np.zeros(shape, np.float32)


BAD_NETWORKS = [
    ({"conv1.weight": zeros(16, 1, 3, 3)}, "network.conv1.weight has shape (16,1,3,3)"),
    ({"layer1.0.conv1.weight": zeros(16, 8, 3, 3)}, "network.layer1.0.conv1.weight has shape (16,8,3,3)"),
    ({"layer1.0.conv2.bias": zeros(8)}, "network.layer1.0.conv2.bias has shape (8)"),
    ({"layer1.0.stride": np.array([0])}, "network.layer1.0.stride is 0"),
    ({"std": zeros(3)}, "network.std holds 0"),
]
BAD_STATES = [
    ({"network": {"mean": zeros(3)}}, "network has no block"),
    ({"picture_names": ["one"]}, "picture_names has 1 names for 3 pictures"),
    ({"pictures": np.full((3, 3, 8, 8), 0.5)}, "pictures must be bytes"),
    ({"pictures": zeros(3, 1, 8, 8)}, "pictures has shape (3,1,8,8)"),
    ({"shuffle_seed": -1}, "shuffle_seed is -1"),
    ({"squeezed": 6}, "squeezed is 6"),
    ({"channel": 16}, "channel is 16"),
    ({"painted": {"0.3": "+-0."}}, "painted.0.3 must be a text of"),
    ({"pinned": {"picture": 7}}, "pinned.picture is 7"),
]


def test_a_bad_state_is_named(opened):
    network = SqueezeExplorer.example().network
    for change, said in [*(({"network": {**network, **one}}, said) for one, said in BAD_NETWORKS), *BAD_STATES]:
        figure = SqueezeExplorer.example()
        for name, value in change.items():
            setattr(figure, name, value)
        opened.says(figure, said)


# ---------------------------------------------------------------------------------------------------- the still picture


def test_maps_stay_in_python_and_make_the_still_picture(u):
    without = explorer(TRAINED, PICTURES)
    with_maps = explorer(TRAINED, PICTURES, maps=u[0].numpy())
    assert "maps" not in with_maps._plain_state()
    assert len(with_maps.draw_still().axes) == 1 + CHANNELS + 1
    assert len(without.draw_still().axes) == len(PICTURES)
