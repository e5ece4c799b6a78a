"""The placement chooser: its counts are those of the real networks, its errors the paper's, its drawing readable."""

import itertools
from functools import cache
from typing import Any

import pytest
import torch

from senet_lib.book.figures.placement_chooser import BLOCKS, PlacementChooser, network_list
from senet_lib.networks.models import create_model
from senet_lib.networks.residual_blocks import PLACEMENTS, BasicBlock, Bottleneck
from tests.browser.figures import Opened, open_figure, serious_violations
from tests.sample_networks import count_parameters, empty

pytestmark = pytest.mark.browser

REDUCTIONS = (2, 4, 8, 16, 32)
FORMULAS = {
    "standard": "y = ReLU( SE(F(x)) + x )",
    "pre": "y = ReLU( F(SE(x)) + x )",
    "post": "y = SE( ReLU(F(x) + x) )",
    "identity": "y = ReLU( F(x) + SE(x) )",
    "3x3": "y = ReLU( F₂(SE(F₁(x))) + x )",
}
# The paper's Tables 14 and 15: ResNet-50, r = 16, top-1 and top-5 error in %.
ERRORS = {
    "none": ("23.30", "6.55"),
    "standard": ("22.28", "6.03"),
    "pre": ("22.23", "6.00"),
    "post": ("22.78", "6.35"),
    "identity": ("22.20", "6.15"),
    "3x3": ("22.48", "6.02"),
}
# Pairs of texts, boxes and circles of the drawing that overlap without one being inside the other.
OVERLAPS = """async (root, states) => {
  const found = [];
  const sheet = root.querySelector('svg');
  for (const state of states) {
    for (const [name, value] of Object.entries(state)) root.model.set(name, value);
    await new Promise((drawn) => setTimeout(drawn));
    const nodes = [...sheet.querySelectorAll('text, rect, circle:not([fill])')];
    const boxes = nodes.map((one) => one.getBoundingClientRect());
    const outside = sheet.getBoundingClientRect();
    const holds = (a, b) => a.left <= b.left && a.right >= b.right && a.top <= b.top && a.bottom >= b.bottom;
    const meets = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 0.5 && b.top < a.bottom - 0.5;
    const name = (index) => nodes[index].textContent || nodes[index].tagName;
    boxes.forEach((a, i) => {
      if (!holds(outside, a)) found.push([name(i), 'is cut off', state]);
      boxes.slice(i + 1).forEach((b, j) => {
        const isText = nodes[i].tagName === 'text' && nodes[i + 1 + j].tagName === 'text';
        const nested = !isText && (holds(a, b) || holds(b, a));
        if (meets(a, b) && !nested) found.push([name(i), name(i + 1 + j), state]);
      });
    });
  }
  return found;
}"""
OPTIONS = {"motion": "reduce"}


make_figure = PlacementChooser.example


def drawn(opened: Opened) -> list[str]:
    return opened.root.locator(".senet-place-drawing text").all_text_contents()


def states(name: str) -> list[dict[str, Any]]:
    """All that a network can be set to."""
    places = [place for place in PLACEMENTS if place != "3x3" or BLOCKS[name] == "bottleneck"]
    reductions = [r for r in REDUCTIONS if r <= (16 if name in ("resnet20", "resnet56") else 64)]
    return [
        {"network": name, "placement": place, "reduction": reduction}
        for place, reduction in itertools.product(places, reductions)
    ]


@cache
def real_network(name: str, placement: str = "", reduction: int = 0) -> Any:
    """A network without numbers in it; with SE if a placement is given."""
    if not placement:
        return empty(create_model, name)
    return empty(create_model, f"se_{name}", placement=placement, reduction=reduction, bias=False)


# --- the counts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BLOCKS)
def test_the_added_weights_are_those_of_the_real_network(opened, name):
    every = states(name)
    readings = opened.readings(every)
    assert opened.problem is None
    plain = count_parameters(real_network(name))
    for state, shown in zip(every, readings, strict=True):
        model = real_network(name, state["placement"], state["reduction"])
        added = count_parameters(model) - plain
        assert shown["added"] == [str(added), f"{added:,}"], state
        assert float(shown["share"][0]) == pytest.approx(100 * added / plain), state


@pytest.mark.parametrize("name", ["resnet50", "resnet34", "resnet20"])
def test_each_stage_has_the_channels_and_weights_of_its_blocks(opened, name):
    reduction = 8
    for placement in PLACEMENTS if BLOCKS[name] == "bottleneck" else PLACEMENTS[:4]:
        model = real_network(name, placement, reduction)
        for stage, layer in enumerate(model.stage_names, 1):
            first, *_, last = model.get_submodule(layer).children()
            state = {"network": name, "placement": placement, "reduction": reduction, "stage": stage}
            (shown,) = opened.readings([state])
            channels = last.attention.fc1.in_features
            assert shown["seen"] == [str(channels), f"{channels:,}"]
            assert float(shown["block"][0]) == count_parameters(last.attention)
            in_first = shown.get("first", shown["block"])
            assert float(in_first[0]) == count_parameters(first.attention)
            assert f"{channels} → {channels // reduction} → {channels}" in drawn(opened)
            convolutions = [module for module in last.modules() if isinstance(module, torch.nn.Conv2d)]
            for conv in convolutions:
                text = f"conv {conv.kernel_size[0]}×{conv.kernel_size[0]}, {conv.out_channels}"
                assert any(one.startswith(text) for one in drawn(opened)), text


def test_the_papers_counts_for_se_resnet50(opened):
    assert opened.text("added") == "2,514,944"
    opened.set("placement", "3x3")
    assert opened.text("added") == "157,184"
    assert "four times fewer channels, sixteen times fewer weights" in opened.text("story")


def test_the_list_of_networks_is_that_of_the_real_ones():
    for entry in network_list():
        model = real_network(entry["name"])
        kind = {"bottleneck": Bottleneck, "basic": BasicBlock}[entry["block"]]
        assert all(isinstance(block, kind) for block in model.blocks())
        assert entry["stem"] == model.conv1.out_channels
        assert entry["parameters"] == count_parameters(model)
        stages = [list(model.get_submodule(name).children()) for name in model.stage_names]
        assert entry["stages"] == [[len(stage), stage[0].last_norm.num_features] for stage in stages]


# --- the controls -----------------------------------------------------------------------------------------------------


def test_moving_r_halves_and_doubles_the_weights(opened):
    for position, reduction in enumerate(REDUCTIONS):
        opened.move("reduction", position)
        assert opened.get("reduction") == reduction
        assert opened.number("added") == 40_239_104 // reduction
        assert f"256 → {256 // reduction} → 256" in drawn(opened)


def test_the_radio_moves_se_and_its_formula_from_the_keyboard(opened):
    radio = opened.root.get_by_role("radio", name="standard")
    for place in PLACEMENTS[1:]:
        opened.press("ArrowRight", on=radio)
        assert opened.get("placement") == place
        assert opened.text("formula") == FORMULAS[place]
        assert opened.root.locator(".senet-place-formula mark").all_text_contents() == ["SE"]
        radio = opened.root.get_by_role("radio", name=place.replace("x", "×"), exact=True)


def test_each_place_has_a_story_of_its_own(opened):
    stories = set()
    for place in PLACEMENTS:
        opened.set("placement", place)
        stories.add(opened.text("story"))
    assert len(stories) == len(PLACEMENTS)


def test_a_click_on_a_dashed_circle_moves_se_there(opened):
    for place in ("post", "identity", "3x3", "pre", "standard"):
        circle = opened.root.locator(f'[data-place="{place}"] .senet-place-slot')
        spot = circle.bounding_box()
        opened.click(circle)
        assert opened.get("placement") == place
        assert circle.count() == 0
        assert opened.root.locator("[data-place]").count() == 4
        box = opened.root.locator(".senet-place-se rect").bounding_box()
        for start, size in (("x", "width"), ("y", "height")):
            assert box[start] + box[size] / 2 == pytest.approx(spot[start] + spot[size] / 2, abs=1)


def test_a_basic_block_has_no_place_inside_a_bottleneck(opened):
    opened.set_all(placement="3x3", stage=4, reduction=32)
    opened.root.get_by_label("network").select_option(label="ResNet-20 for 32×32: basic blocks")
    opened.settle()
    assert opened.problem is None
    assert [opened.get(name) for name in ("placement", "stage", "reduction")] == ["standard", 3, 16]
    assert opened.root.get_by_role("radio", name="3×3").is_disabled()
    assert opened.root.get_by_role("radio", name="4", exact=True).is_disabled()
    assert opened.root.locator('[data-place="3x3"]').count() == 0
    assert opened.root.locator("[data-place]").count() == 3
    assert opened.text("letters") == "F: the two convolutions"
    opened.root.get_by_role("radio", name="identity").press("ArrowRight")  # past 3×3, to the first
    opened.settle()
    assert opened.get("placement") == "standard"
    opened.set("network", "resnet50")
    assert opened.root.get_by_role("radio", name="3×3").is_enabled()
    assert opened.root.locator('[data-place="3x3"]').count() == 1


# --- the paper's errors -----------------------------------------------------------------------------------------------


def test_the_papers_errors_and_their_dots_wait_for_the_readers_guess(opened):
    assert not opened.root.locator(".senet-place-errors").is_visible()
    opened.root.get_by_text("The paper’s errors").click()
    ticks = opened.root.locator(".senet-place-ticks .senet-place-track span")
    (left, right), spots = [middle(ticks.nth(index)) for index in (0, 3)], {}
    for index, (place, (top1, top5)) in enumerate(ERRORS.items()):
        assert (opened.text(f"top1-{place}"), opened.text(f"top5-{place}")) == (top1, top5)
        spots[place] = middle(opened.root.locator(".senet-place-track span:empty").nth(index))
        assert spots[place] == pytest.approx(left + (right - left) * (float(top1) - 22) / 1.5, abs=1)
    assert ticks.all_text_contents() == ["22", "22.5", "23", "23.5"]
    for place in PLACEMENTS:
        opened.set("placement", place)
        assert opened.root.locator(".senet-place-chosen th").all_inner_texts() == [place.replace("x", "×")]
    opened.root.get_by_text("The paper’s errors").click()


def middle(locator: Any) -> float:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2


def test_elsewhere_the_figure_says_that_the_paper_has_no_errors(opened):
    errors, absent = (opened.root.locator(f'[data-name="{name}"]') for name in ("errors", "no-errors"))
    for trait, value in (("reduction", 8), ("network", "resnet101"), ("network", "resnet18")):
        assert errors.is_visible() and not absent.is_visible()
        before = opened.get(trait)
        opened.set(trait, value)
        assert absent.is_visible() and not errors.is_visible()
        assert "only of ResNet-50 with r\u00a0=\u00a016" in absent.inner_text()
        opened.set(trait, before)


# --- bad input --------------------------------------------------------------------------------------------------------


BAD_STATES = (
    ({"placement": "between"}, ("placement is between", "standard, pre, post, identity, 3x3")),
    ({"placement": None}, ("placement is", "standard")),
    ({"network": "resnet20", "placement": "3x3"}, ("placement is 3x3", "ResNet-20", "standard, pre", "resnet50")),
    ({"network": "resnet51"}, ("network is resnet51", "resnet50, resnet101, resnet152, resnet18")),
    ({"network": "<b>bold</b>"}, ("network is <b>bold</b>", "resnet50")),
    ({"stage": 5}, ("stage is 5", "1, 2, 3, 4")),
    ({"stage": 0}, ("stage is 0", "1, 2, 3, 4")),
    ({"stage": 1.5}, ("stage is 1.5", "1, 2, 3, 4")),
    ({"network": "resnet56", "stage": 4}, ("stage is 4", "ResNet-56", "stages 1 to 3")),
    ({"reduction": 3}, ("reduction is 3", "2, 4, 8, 16, 32")),
    ({"reduction": 0}, ("reduction is 0", "2, 4, 8, 16, 32")),
    ({"reduction": "16"}, ("reduction is 16", "2, 4, 8, 16, 32")),
    ({"network": "resnet20", "reduction": 32}, ("reduction is 32", "ResNet-20", "16 channels", "2, 4, 8, 16.")),
)


def test_a_bad_state_is_named_with_what_is_allowed(opened):
    for state, parts in BAD_STATES:
        opened.refuses(*parts, **state)
        assert opened.root.locator("b").count() == 0


# --- for every reader, and in print -----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_in_the_drawing_overlaps_or_is_cut_off(browser, tmp_path, width):
    every = [
        {"network": name, "placement": place, "stage": stage, "reduction": 2}
        for name, place, stage in itertools.product(("resnet50", "resnet18"), PLACEMENTS, (1, 4))
        if name == "resnet50" or place != "3x3"
    ]
    with open_figure(browser, make_figure(), tmp_path, width=width, **OPTIONS) as opened:
        assert opened.root.evaluate(OVERLAPS, every) == []
        sizes = opened.root.locator("svg text").evaluate_all(
            "all => all.map((one) => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a)"
        )
        assert min(sizes) >= 10.9


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_and_a_narrow_frame_in_other_states(opened, theme):
    opened.look(390, theme)
    for state in ({"placement": "3x3", "stage": 4}, {"placement": "pre"}, {"network": "resnet20", "stage": 3}):
        opened.set_all(**state)
        opened.fits(".senet-frame", ".senet-place", ".senet-place-side")
    assert serious_violations(opened.page) == []
    opened.look(1280, "light")


def test_se_glides_to_its_place_unless_the_reader_wants_stillness(browser, tmp_path, opened):
    style = "el => getComputedStyle(el).transitionDuration"
    assert opened.root.locator(".senet-place-se").evaluate(style) == "0s"
    with open_figure(browser, make_figure(), tmp_path) as moving:
        assert moving.root.locator(".senet-place-se").evaluate(style) == "0.25s"


def texts(figure: PlacementChooser) -> list[str]:
    return [text.get_text() for ax in figure.draw_still().axes for text in ax.texts]


@pytest.mark.parametrize(("name", "placement"), [("resnet50", "3x3"), ("resnet18", "pre"), ("resnet20", "identity")])
def test_the_still_picture_has_the_same_formulas_and_counts(name, placement):
    shown = texts(PlacementChooser(network=name, placement=placement, reduction=8))
    for place, formula in FORMULAS.items():
        assert formula.replace("( ", "(").replace(" )", ")") in shown
        if place != "3x3" or BLOCKS[name] == "bottleneck":
            added = count_parameters(real_network(name, place, 8)) - count_parameters(real_network(name))
            assert f"{added:,}" in shown
    assert ("only in bottlenecks" in shown) == (BLOCKS[name] == "basic")
    assert [shown.count(str(number)) for number in range(1, 6)] == [2, 2, 2, 2, 2 if name == "resnet50" else 1]
