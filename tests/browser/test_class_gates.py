"""The gates by class: lines, orders and numbers against NumPy on the gates themselves, the controls, and bad states."""

import copy
import json
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from senet_lib.book.figures.class_gates import EXAMPLE, GROUP_COLOURS, ClassGates
from senet_lib.gates.analysis import block_similarity, class_means, class_spreads
from tests.browser.figures import Opened, open_figure, serious_violations

pytestmark = pytest.mark.browser

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CHANNELS = {f"layer{stage}.{block}": 8 * 2**stage for stage, block in product((1, 2, 3), range(3))}
STILL = "layer2.0"  # the block that never changes
PICTURES = 600
# The chart's axis from gate 0 to gate 1, in CSS pixels, as the module has it; positions have one digit.
FLOOR, TOP = 192, 24
PIXEL = 0.06 / (FLOOR - TOP)
LINES = """root => Object.fromEntries([...root.querySelectorAll('.senet-gates-chart [data-group]')].map((group) => [
  group.dataset.group, group.querySelector('.senet-gates-line').getAttribute('d').match(/[-\\d.]+/g).map(Number)]))"""
BAND = """root => root.querySelector('.senet-gates-chart .senet-gates-band')
  .getAttribute('d').match(/[-\\d.]+/g).map(Number)"""


def draw_gates() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Gates of single pictures by block, (N, C), following the class more in deeper blocks; and the classes, (N,)."""
    random = np.random.default_rng(0)
    labels = np.append(np.arange(10), random.choice(10, PICTURES - 10, p=np.arange(1, 11) / 55))
    gates = {}
    for depth, (block, channels) in enumerate(CHANNELS.items()):
        logits = random.normal(0, 1.5, channels) + random.normal(0, 0.15 * depth, (10, channels))[labels]
        gates[block] = 1 / (1 + np.exp(-logits - random.normal(0, 0.4, (PICTURES, channels))))
    gates[STILL][:] = 0.5
    return gates, labels


GATES, LABELS = draw_gates()


def describe(groups: tuple[str, ...] = CLASSES, **other: Any) -> dict[str, Any]:
    """What ``from_networks`` takes, from the gates of single pictures."""
    blocks = {
        block: {"means": class_means(gates, LABELS).tolist(), "spreads": class_spreads(gates, LABELS).tolist()}
        for block, gates in GATES.items()
    }
    counts = np.bincount(LABELS).tolist()
    similarity = block_similarity(GATES).tolist()
    about = {"name": "many", "label": "Many, r = 4", "grouped_by": "class", "data": "draws"}
    return {**about, "groups": list(groups), "counts": counts, "blocks": blocks, "similarity": similarity, **other}


SMALL = {
    "name": "small",
    "label": "Small",
    "groups": ["cats", "dogs"],
    "counts": [1, 3],
    "grouped_by": "animal",
    "blocks": {"se": {"means": [[0.2, 0.95, 0.5], [0.4, 0.99, 0.05]], "spreads": [[0, 0, 0], [0.1, 0, 0.2]]}},
    "similarity": [[1]],
}
START = {"network": "many", "block": "layer3.2", "shown": list(range(10)), "focus": -1, "order": "number", "channel": 0}


def make_figure() -> ClassGates:
    return ClassGates.from_networks([describe(), SMALL], caption="mine", **START)


def unfold(opened: Opened) -> None:
    """Open what is folded: groups, numbers, and the panels over all blocks."""
    for rest in opened.root.locator("details:not([open]) > summary").all():
        rest.click()
    opened.settle()


@pytest.fixture
def opened(opened: Opened) -> Opened:
    unfold(opened)
    return opened


def gates_of(points: list[float]) -> np.ndarray:
    """The gates behind the points of a path: x, y, x, y, …"""
    return (FLOOR - np.array(points[1::2])) / (FLOOR - TOP)


def expected_order(gates: np.ndarray, order: str) -> np.ndarray:
    """The order of the channels from the gates of single pictures, (N, C)."""
    means = class_means(gates, LABELS)
    key = {
        "number": np.zeros(gates.shape[1]),
        "mean": gates.mean(0),
        "difference": np.average((means - gates.mean(0)) ** 2, axis=0, weights=np.bincount(LABELS)),
    }[order]
    return np.argsort(-key, kind="stable")


# --- the numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [block for block in CHANNELS if block != STILL])
def test_the_numbers_are_those_of_the_single_pictures(opened, block):
    opened.set("block", block)
    gates = GATES[block]
    residuals = gates - class_means(gates, LABELS)[LABELS]
    mean, total = gates.mean(0), gates.var(0).sum()
    expected = {
        "explained": 100 * (1 - (residuals**2).mean(0).sum() / total),
        "chance": 100 * 9 / (PICTURES - 1),
        "outer": np.sqrt((total - (residuals**2).mean(0).sum()) / len(mean)),
        "inner": np.sqrt((residuals**2).mean()),
        "overall": gates.mean(),
        "low": 100 * (mean < 0.1).mean(),
        "high": 100 * (mean > 0.9).mean(),
    }
    for name, value in expected.items():
        assert opened.number(name) == pytest.approx(value, rel=2e-5, abs=1e-6), name
    said = opened.root.inner_text()
    assert f"{block}: {CHANNELS[block]} gates, {PICTURES} pictures" in said
    assert "Many, r = 4: over all channels and all groups" in said and "Recorded: draws." in said


def test_counts_weigh_and_a_share_has_its_limits(opened):
    opened.set_all(network="small", block="se", shown=[0, 1], channel=0)
    assert opened.number("overall") == pytest.approx((0.25 * 1.65 + 0.75 * 1.44) / 3, abs=1e-6)
    assert opened.number("high") == pytest.approx(100 / 3)
    assert opened.number("low") == 0
    between = sum(0.25 * 0.75 * gap**2 for gap in (0.2, 0.04, 0.45))
    assert opened.number("explained") == pytest.approx(100 * between / (between + 0.75 * 0.05), rel=1e-5)


def test_a_block_that_never_changes_has_no_share(opened):
    opened.set("block", STILL)
    assert opened.text("explained") == "–"
    assert opened.number("overall") == 0.5


# --- the chart --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("block", "order"), [*product(("layer1.0", "layer3.2"), ("number", "mean", "difference"))])
def test_the_lines_are_the_mean_gates_in_the_order_that_is_named(opened, block, order):
    opened.set_all(block=block, order=order)
    channels = expected_order(GATES[block], order)
    lines = opened.root.evaluate(LINES)
    assert list(lines) == [str(group) for group in range(10)]
    for group, means in enumerate(class_means(GATES[block], LABELS)):
        assert gates_of(lines[str(group)]) == pytest.approx(means[channels], abs=PIXEL)
        assert np.all(np.diff(lines[str(group)][::2]) > 0)
    control = opened.root.get_by_role("slider", name="mean gates")
    opened.press("Home", on=control)
    assert opened.get("channel") == channels[0]
    opened.press("PageUp", on=control)
    opened.press("ArrowRight", on=control)
    assert opened.get("channel") == channels[11]
    opened.press("End", on=control)
    assert opened.get("channel") == channels[-1]


def test_a_press_on_the_chart_reads_out_the_channel(opened):
    opened.set("order", "mean")
    order = expected_order(GATES["layer3.2"], "mean")
    box = opened.root.locator(".senet-gates-chart").bounding_box()
    first, *_, last = opened.root.evaluate(LINES)["0"][::2]
    for place in (0, 5, 63):
        x = first + place * (last - first) / 63
        opened.page.mouse.click(box["x"] + x, box["y"] + 100)
        opened.settle()
        assert opened.get("channel") == order[place]
        means, spreads = (of(GATES["layer3.2"], LABELS)[:, order[place]] for of in (class_means, class_spreads))
        assert [opened.number(f"gate {group}") for group in range(10)] == pytest.approx(means.tolist(), abs=1e-6)
        assert [opened.number(f"spread {group}") for group in range(10)] == pytest.approx(spreads.tolist(), abs=1e-6)
        said = opened.root.get_by_role("slider", name="mean gates").get_attribute("aria-valuetext")
        assert said.startswith(f"channel {order[place]}: airplane {means[0]:.2f}, automobile {means[1]:.2f}")


@pytest.mark.parametrize("group", [0, 7])
def test_a_band_is_the_mean_and_one_standard_deviation(opened, group):
    opened.root.get_by_role("radio", name=f"bring out {CLASSES[group]}", exact=True).check()
    opened.settle()
    assert opened.get("focus") == group
    means, spreads = (of(GATES["layer3.2"], LABELS)[group] for of in (class_means, class_spreads))
    upper, lower = np.split(gates_of(opened.root.evaluate(BAND)), 2)
    assert upper == pytest.approx(np.clip(means + spreads, 0, 1), abs=PIXEL)
    assert lower[::-1] == pytest.approx(np.clip(means - spreads, 0, 1), abs=PIXEL)
    assert f"{CLASSES[group]}: mean ± one standard deviation" in opened.root.inner_text()
    opened.set("shown", sorted({0, 3, 7}))
    assert opened.root.locator(".senet-gates-behind").count() == 2


def test_of_many_groups_one_is_a_line_over_the_dots_of_the_others(opened):
    opened.root.get_by_label("network", exact=True).select_option(label="Small")
    opened.select("network", "Many, r = 4")
    assert opened.get("focus") == 0
    groups = opened.root.locator(".senet-gates-chart [data-group]")
    for focus in (0, 3):
        opened.set("focus", focus)
        looks = groups.evaluate_all("all => all.map((one) => [Number(one.dataset.group), one.getAttribute('class')])")
        assert looks[-1] == [focus, None]
        assert [look for _, look in looks[:-1]] == ["senet-gates-dots"] * 9
        strokes = opened.root.locator(".senet-gates-line").evaluate_all("all => all.map((one) => one.style.stroke)")
        assert len(set(strokes[:-1])) == 1 and strokes[-1] == f"var(--gates-{focus})"
    opened.set("shown", [0, 3, 4, 5])
    assert opened.root.locator(".senet-gates-dots").count() == 0


def test_a_press_on_a_dot_brings_its_group_out(opened):
    opened.set("focus", 2)
    x, y = (opened.root.evaluate(LINES)["7"][2 * 30 + axis] for axis in (0, 1))
    box = opened.root.locator(".senet-gates-chart").bounding_box()
    opened.page.mouse.click(box["x"] + x, box["y"] + y)
    opened.settle()
    assert (opened.get("focus"), opened.get("channel")) == (7, 30)
    lowest = max(line[2 * 30 + 1] for line in opened.root.evaluate(LINES).values())
    opened.page.mouse.click(box["x"] + x, box["y"] + (lowest + FLOOR) / 2)  # far from all
    opened.settle()
    assert opened.get("focus") == 7


def test_the_mouse_over_a_group_shows_its_band_for_the_moment(opened):
    opened.root.locator("tr[data-group='3']").hover()
    opened.settle()
    assert "cat: mean ± one" in opened.root.inner_text()
    assert opened.get("focus") == -1
    opened.page.mouse.move(0, 0)
    opened.settle()
    assert opened.root.locator(".senet-gates-chart .senet-gates-band").count() == 0


# --- groups and blocks ------------------------------------------------------------------------------------------------


def test_groups_go_off_and_on_and_few_have_marks_of_their_own(opened):
    root = opened.root
    marks = root.locator(".senet-gates-chart [data-group] path:not(.senet-gates-line)")
    assert marks.count() == 0
    opened.click(root.get_by_role("button", name="None", exact=True))
    assert opened.get("shown") == [] and opened.root.evaluate(LINES) == {}
    assert "Tick a group" in root.inner_text()
    for name in ("truck", "bird", "airplane"):
        opened.press("Space", on=root.get_by_role("checkbox", name=name, exact=True))
    assert opened.get("shown") == [0, 2, 9]
    assert list(opened.root.evaluate(LINES)) == ["0", "2", "9"]
    assert marks.count() == 3 * 64
    assert not root.locator('[data-name="gate 1"]').is_visible() and root.locator('[data-name="gate 2"]').is_visible()
    styles = root.locator(".senet-gates-line").evaluate_all("all => all.map((one) => one.getAttribute('style'))")
    assert len(set(styles)) == 3 and "dasharray: 2 3" in styles[2]
    root.get_by_role("radio", name="bring out dog", exact=True).check()  # what is not shown has no band, so it is shown
    opened.settle()
    assert (opened.get("shown"), opened.get("focus")) == ([0, 2, 5, 9], 5)
    root.get_by_role("checkbox", name="dog", exact=True).uncheck()
    opened.settle()
    assert (opened.get("shown"), opened.get("focus")) == ([0, 2, 9], -1)
    opened.click(root.get_by_role("button", name="All", exact=True))
    assert opened.get("shown") == list(range(10))
    assert marks.count() == 0


def test_the_block_slider_says_where_it_is_and_takes_a_channel_that_is_there(opened):
    control = opened.root.get_by_label("block", exact=True)
    opened.set("channel", 63)
    said = []
    control.press("Home")
    for _ in CHANNELS:
        opened.settle()
        said.append((opened.get("block"), control.get_attribute("aria-valuetext"), opened.get("channel")))
        control.press("ArrowRight")
    assert said[4] == ("layer2.1", "layer2.1: stage 2, block 2 of 3", 15)
    assert [block for block, *_ in said] == list(CHANNELS)
    opened.set_all(network="small", block="se", shown=[0], channel=2)
    assert control.get_attribute("aria-valuetext") == "se: block 1 of 1"


def test_the_bars_are_the_shares_and_a_press_goes_to_the_block(opened):
    shares = {}
    for block in CHANNELS:
        opened.set("block", block)
        shares[block] = opened.number("explained") if block != STILL else None
    opened.set("channel", 40)
    for block in ("layer1.1", "layer3.0"):
        opened.click(opened.root.locator(f'svg [data-block="{block}"] text'))
        assert opened.get("block") == block
        assert opened.root.locator(".senet-gates-chosen").get_attribute("data-block") == block
    assert opened.get("channel") == 15
    bars = opened.root.locator(".senet-gates-bar")
    heights = bars.evaluate_all("all => all.map((one) => Number(one.getAttribute('height')))")
    known = [share for share in shares.values() if share is not None]
    assert heights == pytest.approx([max(1.5, 0.92 * share) for share in known], abs=0.1)
    titles = opened.root.locator("[data-block] title").all_text_contents()
    wanted = ["never changes" if share is None else f"{share:.1f}%" for share in shares.values()]
    assert titles == [f"{block}: {text}" for block, text in zip(CHANNELS, wanted, strict=True)]


def test_the_table_of_similarities_is_read_by_mouse_and_keys(opened):
    cells = opened.root.locator(".senet-gates-alike td[data-value]")
    values = cells.evaluate_all("all => all.map((one) => Number(one.dataset.value))")
    alike = np.nan_to_num(block_similarity(GATES), nan=-1)
    assert values == pytest.approx(alike.ravel().tolist(), abs=1e-6)
    cells.nth(9 + 2).hover()
    assert opened.text("reading") == f"layer1.1 and layer1.2: {alike[1, 2]:.3f}"
    cells.first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowRight"):
        opened.page.keyboard.press(key)
    assert opened.text("reading") == f"layer1.0 and layer1.2: {alike[0, 2]:.3f}"
    opened.page.keyboard.press("ArrowRight")
    assert opened.text("reading") == f"layer1.0 and {STILL}: one of them never changes"
    assert opened.root.locator(".senet-gates-alike td[tabindex='0']").count() == 1
    marked = opened.root.locator(".senet-gates-alike th[data-chosen]").all_text_contents()
    assert marked == ["3.2", "3.2"]


def test_another_network_fits_the_state_to_itself(opened):
    opened.set_all(shown=[4, 9], focus=9, channel=50)
    opened.select("network", "Small")
    state = {name: opened.get(name) for name in ("network", "block", "shown", "focus", "channel")}
    assert state == {"network": "small", "block": "se", "shown": [0, 1], "focus": -1, "channel": 2}
    assert opened.problem is None
    opened.select("network", "Many, r = 4")
    assert (opened.get("block"), opened.get("shown")) == ("layer1.0", list(range(10)))
    assert opened.problem is None


def test_python_too_may_choose_another_network_or_block_alone(opened):
    opened.set_all(channel=50, focus=9)
    opened.set("block", "layer1.0")
    assert (opened.get("channel"), opened.problem) == (15, None)
    opened.set("network", "small")
    state = [opened.get(name) for name in ("block", "shown", "focus", "channel")]
    assert (state, opened.problem) == (["se", [0, 1], -1, 2], None)
    opened.set_all(network="many", block="layer3.0", shown=[2, 4], focus=4, channel=60)  # set together, it stays
    state = [opened.get(name) for name in ("block", "shown", "focus", "channel")]
    assert (state, opened.problem) == (["layer3.0", [2, 4], 4, 60], None)


def test_a_network_with_the_same_groups_keeps_what_is_shown(browser, tmp_path):
    figure = ClassGates.from_networks(
        [describe(), describe(name="twin", label="Twin")], shown=[1, 3], focus=3, channel=9
    )
    with open_figure(browser, figure, tmp_path) as opened:
        unfold(opened)
        opened.select("network", "Twin")
        state = [opened.get(name) for name in ("network", "shown", "focus", "channel")]
        assert state == ["twin", [1, 3], 3, 9]
        assert opened.problem is None


def test_a_guess_covers_the_shares_of_the_deepest_network_only(browser, tmp_path):
    figure = ClassGates.from_networks([SMALL, describe()], asks=True)
    between = {block: class_means(gates, LABELS)[LABELS].var(0).sum() for block, gates in GATES.items()}
    shares = {block: between[block] / GATES[block].var(0).sum() for block in GATES if block != STILL}
    most = max(shares, key=lambda block: shares[block])
    with open_figure(browser, figure, tmp_path) as opened:
        unfold(opened)
        assert opened.root.locator("[data-name=share]").is_visible()
        opened.select("network", "Many, r = 4")
        unfold(opened)
        telling = opened.root.locator("[data-name=share], [data-name=explained], .senet-gates-bar")
        assert opened.root.locator(".senet-gates-line").first.is_visible()
        assert not any(one.is_visible() for one in telling.all())
        opened.click("Show me")
        assert telling.count() > 8 and all(one.is_visible() for one in telling.all())
        said = f"in block {list(GATES).index(most) + 1} ({most}: {100 * shares[most]:.1f}%), least"
        assert said in opened.text("guess")


# --- the example ------------------------------------------------------------------------------------------------------


def test_the_examples_lines_and_share_are_those_of_its_file(browser, tmp_path):
    with open_figure(browser, ClassGates.example(), tmp_path) as opened:
        unfold(opened)
        for network in json.loads(EXAMPLE.read_text(encoding="utf-8"))["networks"]:
            groups, weights = network["groups"], np.array(network["counts"]) / sum(network["counts"])
            for block, recorded in network["blocks"].items():
                opened.set_all(network=network["name"], block=block, shown=list(range(len(groups))), focus=-1)
                assert opened.problem is None
                means, spreads = np.array(recorded["means"]), np.array(recorded["spreads"])
                lines = opened.root.evaluate(LINES)
                assert [gates_of(line) for line in lines.values()] == pytest.approx(means, abs=PIXEL)
                within = weights @ spreads**2
                total = weights @ (spreads**2 + means**2) - (weights @ means) ** 2
                share = 100 * (1 - within.sum() / total.sum())
                assert opened.number("explained") == pytest.approx(share, rel=1e-3, abs=1e-3)
        assert opened.root.get_by_label("network", exact=True).is_visible() == (len(opened.get("networks")) > 1)
        assert opened.faults == []


# --- bad input --------------------------------------------------------------------------------------------------------


BAD_STATES = [
    ({"network": "none"}, "network is none; it must be one of many, small."),
    ({"block": "layer9.0"}, "block is layer9.0; it must be one of layer1.0, layer1.1"),
    ({"shown": [0, 10]}, "shown is [0,10]; it must be a list of different groups of Many, r = 4, each from 0 to 9."),
    ({"shown": [1, 1]}, "shown is [1,1]"),
    ({"shown": None}, "shown is null"),
    ({"focus": 10}, "focus is 10; it must be a group of Many, r = 4, from 0 to 9, or -1 for none."),
    ({"channel": 64}, "channel is 64; layer3.2 has the channels 0 to 63."),
    ({"channel": 1.5}, "channel is 1.5"),
    ({"order": "size"}, "order is size; it must be one of number, mean, difference."),
    ({"networks": []}, "networks is not a list, or is empty"),
    (
        {"network": "small", "block": "se", "shown": [5], "channel": 0},
        "shown is [5]; it must be a list of different groups of Small, each from 0 to 1.",
    ),
]


def spoilt(*path: Any, value: Any) -> dict[str, Any]:
    """The state with the small network alone, and another value at a place of its description."""
    networks = copy.deepcopy(ClassGates.from_networks([SMALL]).networks)
    inner = networks[0]
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return {"networks": networks, "network": "small", "block": "se", "shown": [0]}


BAD_NETWORKS = [
    (spoilt("name", value=7), "networks has the name 7 at place 0; each needs a text of its own."),
    (spoilt("groups", value=["cats"]), "network small has the groups [cats]; give at least two different names."),
    (spoilt("groups", value=["cats"] * 2), "network small has the groups [cats,cats]"),
    (spoilt("groups", value=["a", "b", "c"]), "network small has the counts [1,3] for 3 groups"),
    (spoilt("counts", value=[1, 0]), "network small has the counts [1,0] for 2 groups; give a whole number"),
    (spoilt("grouped_by", value=""), "network small has grouped_by ; say what the groups are"),
    (spoilt("blocks", value={}), "network small has the blocks {}; give each name its number of channels."),
    (spoilt("blocks", "se", value=4), "means.small/se has shape (2,3); it must be (2, 4)"),
    (spoilt("blocks", value={"other": 3}), "means.small/other has shape (none); it must be (2, 3)"),
]


def test_a_bad_state_is_named_and_can_be_mended(opened):
    opened.root.locator("details[open] > summary").click()  # built anew, it is folded
    opened.settle()
    for state, sign in BAD_STATES + BAD_NETWORKS:
        opened.refuses(sign, **state)


BAD_ARRAYS = [
    ("means", {"small/se": [[0, 0, 0], [0, 1.5, 0]]}, "means.small/se has 1.5 for dogs in channel 1; it must be"),
    ("spreads", {"small/se": [[0, 0, -0.5], [0, 0, 0]]}, "spreads.small/se has -0.5 for cats in channel 2"),
    ("spreads", {"small/se": [[0, 0], [0, 0]]}, "spreads.small/se has shape (2,2); it must be (2, 3)"),
    ("spreads", {}, "spreads.small/se has shape (none)"),
    ("similarity", {"small": [[1, 0], [0, 1]]}, "similarity.small has shape (2,2); it must be (1, 1)"),
    ("similarity", {"small": [[2]]}, "similarity.small has 2; it must be from 0 to 1, or -1"),
]


def test_arrays_that_do_not_fit_are_named(opened):
    for trait, arrays, sign in BAD_ARRAYS:
        figure = ClassGates.from_networks([SMALL])
        setattr(figure, trait, {name: np.array(values, np.float32) for name, values in arrays.items()})
        opened.says(figure, sign)


# --- Python's side ----------------------------------------------------------------------------------------------------


def test_what_is_missing_or_no_table_is_named(tmp_path):
    with pytest.raises(ValueError, match='small has no "counts"; it has name, label'):
        ClassGates.from_networks([{key: value for key, value in SMALL.items() if key != "counts"}])
    with pytest.raises(ValueError, match='small/se has no "spreads"; it has means'):
        ClassGates.from_networks([{**SMALL, "blocks": {"se": {"means": [[1, 0]]}}}])
    with pytest.raises(ValueError, match="means of small/se is not a table of numbers"):
        ClassGates.from_networks([{**SMALL, "blocks": {"se": {"means": [[1], [1, 0]], "spreads": [[0]]}}}])
    with pytest.raises(ValueError, match=r"similarity of small has shape \(1,\); give a table"):
        ClassGates.from_networks([{**SMALL, "similarity": [1]}])
    file = tmp_path / "gates.json"
    nothing = 'has no "networks"; it has nothing'
    for text, sign in (
        ("{", "Expecting"),
        ("{}", nothing),
        ('{"runs": 1}', 'has no "networks"; it has runs'),
        ("[1]", "has no"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=f"gates.json holds no gates by class: .*{sign}"):
            ClassGates.read(file)


def test_a_file_gives_the_same_figure_and_none_stands_for_never(tmp_path):
    many = describe()
    assert np.isnan(many["similarity"][3]).all()
    many["similarity"] = [[None if np.isnan(one) else one for one in row] for row in many["similarity"]]
    file = tmp_path / "gates.json"
    file.write_text(json.dumps({"command": "mine", "networks": [many]}), encoding="utf-8")
    read, direct = ClassGates.read(file, block="layer2.1"), ClassGates.from_networks([describe()], block="layer2.1")
    assert (read.similarity["many"][3] == -1).all()
    assert read._plain_state() == direct._plain_state()
    assert (read.network, read.block, read.shown) == ("many", "layer2.1", list(range(10)))


def test_the_still_picture_shows_the_first_and_the_last_block():
    figure = ClassGates.from_networks([describe(), SMALL])
    picture = figure.draw_still()
    drawn = [[line for line in ax.lines if line.get_label() in CLASSES] for ax in picture.axes]
    assert [ax.get_title(loc="left") for ax in picture.axes] == ["layer1.0", "layer3.2"]
    for block, lines in zip(("layer1.0", "layer3.2"), drawn, strict=True):
        assert np.array([line.get_ydata() for line in lines]) == pytest.approx(
            class_means(GATES[block], LABELS), abs=1e-6
        )
        assert [line.get_color() for line in lines] == list(GROUP_COLOURS)
    assert len(ClassGates.from_networks([SMALL]).draw_still().axes) == 1
    plt.close("all")


# --- for every reader -------------------------------------------------------------------------------------------------


def test_ten_classes_and_nine_blocks_fit_a_narrow_frame_in_light_and_dark(opened):
    for theme in ("dark", "light"):
        opened.look(390, theme)
        opened.set("focus", 4)
        assert serious_violations(opened.page) == []
        opened.fits(".senet-frame", ".senet-gates-board", ".senet-gates-groups", ".senet-gates-numbers")
        colours = []
        for focus in range(10):
            opened.set("focus", focus)
            line = opened.root.locator(f".senet-gates-chart [data-group='{focus}'] .senet-gates-line")
            colours.append(line.evaluate("el => getComputedStyle(el).stroke"))
        assert len(set(colours)) == 10
        if theme == "light":  # those of the still picture
            parts = [[int(colour[start : start + 2], 16) for start in (1, 3, 5)] for colour in GROUP_COLOURS]
            assert colours == [f"rgb({r}, {g}, {b})" for r, g, b in parts]
    opened.look(1280, "light")


def test_the_table_of_similarities_follows_the_theme(opened):
    cell = opened.root.locator(".senet-gates-alike td[data-value]").nth(8)
    seen = []
    for theme in ("dark", "light"):
        opened.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        opened.settle()
        seen.append(cell.evaluate("el => [el.style.background, el.style.color]"))
    assert seen[0][0] != seen[1][0]
    assert [colour for _, colour in seen] == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]


def test_fifty_blocks_fit_a_narrow_frame_without_numbers_in_their_cells(browser, tmp_path):
    block = {"means": [[0.4, 0.5], [0.6, 0.7]], "spreads": [[0.1, 0.1], [0.1, 0.1]]}
    stages = [f"layer{stage}.{one}" for stage, count in ((1, 3), (2, 8), (3, 36), (4, 3)) for one in range(count)]
    deep = {**SMALL, "blocks": dict.fromkeys(stages, block), "similarity": np.eye(50).tolist()}
    with open_figure(browser, ClassGates.from_networks([deep]), tmp_path, width=390) as opened:
        unfold(opened)
        opened.fits(".senet-frame")
        table = opened.root.locator(".senet-gates-alike")
        assert table.bounding_box()["width"] <= 356
        cell = table.locator("td[data-value]").nth(52)
        assert cell.evaluate("el => getComputedStyle(el).fontSize") == "0px"
        cell.hover()
        assert opened.text("reading") == "layer1.1 and layer1.2: 0"
