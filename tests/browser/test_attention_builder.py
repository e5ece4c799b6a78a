"""Gather, decide, act: known blocks have their name, their real count and their recorded runs; others have no run."""

from functools import partial
from typing import Any

import pytest

from senet_lib.book.figures.attention_builder import METHODS, AttentionBuilder
from senet_lib.book.records import load_record, summarise
from senet_lib.networks import ATTENTIONS, SqueezeExcitation
from senet_lib.networks.attention import ConvolutionalBlockAttention, hard_squeeze_excitation
from senet_lib.networks.map_attention import GlobalContext
from tests.browser.figures import Opened, open_figure, serious_violations

pytestmark = pytest.mark.browser

RECORDS = [load_record(name) for name in ("context-world-attention", "context-world-squeeze", "cifar10-attention")]
CONTEXT = summarise(RECORDS[1]) | summarise(RECORDS[0])
PHOTOGRAPHS = summarise(RECORDS[2])
NEEDS_R: dict[str, Any] = {
    "se": SqueezeExcitation,
    "maximum": SqueezeExcitation,
    "none": SqueezeExcitation,
    "cbam": ConvolutionalBlockAttention,
    "gc": GlobalContext,
    "hard_se": hard_squeeze_excitation,
}
PARTS = ("gather", "decide", "act")
make_figure = AttentionBuilder.example


def parts_of(name: str) -> dict[str, str]:
    return dict(zip(PARTS, METHODS[name], strict=True))


def choose(opened: Opened, name: str) -> None:
    opened.root.get_by_label("known block").select_option(name)
    opened.settle()


def dots(opened: Opened, chart: int, row: str) -> int:
    return opened.root.locator("svg.senet-chart").nth(chart).locator(f'[data-row="{row}"] path').count()


@pytest.mark.parametrize("name", METHODS)
def test_a_known_block_sets_the_menus_has_its_name_and_as_many_parameters_as_the_real_one(opened, name):
    choose(opened, name)
    assert {key: opened.get(key) for key in PARTS} == parts_of(name)
    title = next(one["title"] for one in make_figure().methods if one["name"] == name)
    assert opened.text("method").startswith(f"This is {title}: ")
    for channels, reduction in ((32, 4), (64, 16), (256, 16), (2048, 8)):
        opened.set_all(channels=channels, reduction=reduction)
        make = partial(NEEDS_R[name], reduction=reduction) if name in NEEDS_R else ATTENTIONS[name]
        assert opened.number("parameters") == sum(one.numel() for one in make(channels).parameters()), channels
    slider = opened.root.locator('input[data-trait="reduction"]')
    assert slider.is_visible() == (name in NEEDS_R)


@pytest.mark.parametrize("name", METHODS)
def test_its_recorded_runs_stand_beside_those_of_se_and_of_the_plain_network(opened, name):
    choose(opened, name)
    accuracies = list(CONTEXT[name]["accuracies"].values())
    counts = [len(CONTEXT[arm]["accuracies"]) for arm in ("plain", "se", name)]
    assert [dots(opened, 0, row) for row in ("plain", "se", "this")] == counts
    assert [dots(opened, 1, row) for row in ("plain", "se", "this")] == [1, 1, int(name in PHOTOGRAPHS)]
    solved = sum(one >= 0.97 for one in accuracies)
    assert f"with {solved} of {len(accuracies)} seeds: {CONTEXT[name]['mean']:.3f} on average" in opened.text("verdict")
    if name in PHOTOGRAPHS:
        assert f"one run of each: {PHOTOGRAPHS[name]['mean']:.3f}, plain 0.724" in opened.text("photographs")
    else:
        assert opened.text("photographs") == "On photographs nobody has run it here."


def test_what_no_record_has_nobody_has_run(opened):
    opened.select("gather", "the maximum")
    assert opened.text("method") == "This block has no name here."
    assert opened.text("verdict") == "Nobody has run this here." and dots(opened, 0, "this") == 0
    assert opened.root.get_by_label("known block").input_value() == "own"
    opened.select("decide", "two layers, norm between")
    opened.select("act", "multiply: 1 + it")
    assert opened.text("formula") == "= 2Ch + 3h + C + C, with h = 16"
    assert opened.number("parameters") == 2 * 256 * 16 + 3 * 16 + 2 * 256
    opened.set_all(**parts_of("se"))
    assert opened.text("method").startswith("This is SE: ")


def test_equations_follow_the_menus_and_what_cannot_be_built_says_why(opened):
    choose(opened, "cbam")
    assert opened.text("gather-equation") == "z = mean x, z′ = max x"
    assert opened.text("decide-equation") == "d = W₂ δ(W₁ z) + the same of z′"
    choose(opened, "simam")
    assert opened.text("decide-equation").startswith("d = (x − μ)²") and opened.number("parameters") == 0
    opened.select("gather", "the mean")
    assert opened.text("method").startswith("It cannot be built: ") and opened.text("parameters") == "–"


def test_the_runs_of_each_block_wait_for_a_guess_of_their_own(browser, tmp_path):
    figure = make_figure()
    figure.asks = True
    with open_figure(browser, figure, tmp_path) as opened:
        said = opened.root.locator(".parts-conclusion")

        def is_covered() -> bool:
            covered = "parts-covered" in (said.get_attribute("class") or "")
            assert covered == ("guess first" in opened.root.locator(".senet-chart").first.get_attribute("aria-label"))
            assert covered <= (dots(opened, 0, "this") == 0)
            return covered

        assert is_covered() and opened.text("method").startswith("This is GE-θ⁻")
        height = opened.root.bounding_box()["height"]
        opened.click(opened.root.locator('[data-guess="no"]'))
        assert opened.text("guess") == "Not so. GE-θ⁻ solves it with 5 of 5 seeds." and not is_covered()
        choose(opened, "gc")
        assert is_covered()
        opened.click(opened.root.locator('[data-guess="some"]'))
        assert opened.text("guess") == "Right. GC solves it with 1 of 5 seeds."
        choose(opened, "none")
        opened.click(opened.root.locator('[data-guess="no"]'))
        assert opened.text("guess").startswith("Right. SE, no squeeze solves it with 0 of 5")
        opened.select("gather", "the L2 norm")  # no name, no record: nothing to guess
        assert not is_covered() and not opened.root.locator(".parts-guess").is_visible()
        choose(opened, "ge")
        assert opened.text("guess").startswith("Not so.") and not is_covered()
        assert opened.root.bounding_box()["height"] == height
        assert serious_violations(opened.page) == [] and opened.faults == []


def test_no_choice_changes_the_height_and_nothing_is_wider_than_the_frame(browser, tmp_path):
    figure = make_figure()
    figure.asks = True
    with open_figure(browser, figure, tmp_path) as opened:
        for width in (320, 390, 600, 860, 1440):
            opened.look(width, "light")
            heights = set()
            for name in METHODS:
                choose(opened, name)
                for action in ("Show me", "Guess again"):
                    heights.add(opened.root.bounding_box()["height"])
                    opened.click(action)
                opened.set("gather", "strength")
                heights.add(opened.root.bounding_box()["height"])
            assert max(heights) - min(heights) <= 2, width
            opened.fits(".senet-frame")


def test_a_bad_state_is_named(browser, tmp_path):
    with open_figure(browser, make_figure(), tmp_path) as opened:
        plain, *others = make_figure().methods
        opened.refuses("gather is median; it must be one of mean, max", gather="median")
        opened.refuses("reduction is 3; it must be one of 2, 4", reduction=3)
        opened.refuses("methods is not a list, or is empty", methods=[])
        opened.refuses("methods has no runs of “plain”", methods=others)
        opened.refuses("context of “plain” in methods is [2]", methods=[plain | {"context": [2]}, *others])
        opened.refuses('parts of “plain” in methods is ["all"]', methods=[plain | {"parts": ["all"]}, *others])
        opened.refuses("give each the texts name, title and called", methods=[plain | {"called": ""}, *others])


def test_records_with_other_recipes_are_not_compared(refused):
    with refused("context and squeeze have other recipes or data"):
        AttentionBuilder.from_records(RECORDS[0], load_record("distance-1"), RECORDS[2])
