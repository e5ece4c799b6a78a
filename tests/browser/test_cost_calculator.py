"""The cost calculator: its numbers are those of the formulas, it reaches all of its states, and it refuses kindly."""

import itertools
import json

import pytest
import timm
import torchvision

from benchmarks.stages import count_parts
from benchmarks.timing import RESULTS
from senet_lib.book.figures.cost_calculator import PARTS, RATIOS, CostCalculator, network_list
from senet_lib.cost.formulas import NETWORKS, SEMacs, Stage, added_macs, added_parameters, stage_costs
from senet_lib.cost.measure import measure_cost
from senet_lib.networks.models import create_model
from tests.browser.figures import Opened, serious_violations
from tests.sample_networks import empty

pytestmark = pytest.mark.browser

REDUCTIONS = RATIOS

OPTIONS = {"motion": "reduce"}

make_figure = CostCalculator.example


def numbers(opened: Opened) -> dict[str, float]:
    return {name: float(value) for name, (value, _) in opened.readings([{}])[0].items()}


def formula(opened: Opened, stage: int) -> str:
    return opened.root.locator(".senet-cost-sum").nth(stage - 1).inner_text()


def stages_as_shown(name: str, reduction: int, bias: bool, in_macs: bool) -> dict[int, int]:
    """What SE costs in each stage that is wide enough; of the others the figure shows 0."""
    widths = [stage.channels for stage in NETWORKS[name].stages]
    narrow = [number for number, channels in enumerate(widths, 1) if channels < reduction]
    costs = stage_costs(name, reduction, bias=bias, dropped_stages=narrow)
    return {cost.stage: cost.macs.total if in_macs else cost.parameters for cost in costs}


def dropped_sets(name: str, reduction: int) -> list[list[int]]:
    """None, the last, all but the first, and all stages; those too narrow for r are always dropped."""
    stages = NETWORKS[name].stages
    every = list(range(1, len(stages) + 1))
    narrow = {number for number in every if stages[number - 1].channels < reduction}
    sets = [sorted(narrow | set(some)) for some in ([], every[-1:], every[1:], every)]
    return [one for index, one in enumerate(sets) if one not in sets[:index]]


@pytest.mark.parametrize("quantity", ["weights", "MACs"])
@pytest.mark.parametrize("name", PARTS)
def test_every_integer_is_that_of_senet_lib_cost(opened, name, quantity):
    in_macs = quantity == "MACs"
    network = NETWORKS[name]
    before = network.macs if in_macs else network.parameters
    states = [
        {"network": name, "quantity": quantity, "reduction": reduction, "bias": bias, "dropped": dropped}
        for reduction, bias in itertools.product(REDUCTIONS, (False, True))
        for dropped in dropped_sets(name, reduction)
    ]
    readings = opened.readings(states)
    assert opened.problem is None
    for state, shown in zip(states, readings, strict=True):
        reduction, bias, dropped = state["reduction"], state["bias"], state["dropped"]
        macs = added_macs(name, reduction, dropped_stages=dropped)
        weights = added_parameters(name, reduction, bias=bias, dropped_stages=dropped)
        added = macs.total if in_macs else weights
        stages = stages_as_shown(name, reduction, bias, in_macs)
        integers = {f"stage-{number}": cost for number, cost in stages.items()}
        integers |= {"base": before, "added": added, "total": before + added}
        shares = {f"{part}-per-cent": 100 * integers[part] / before for part in ("base", "added", "total")}
        if in_macs:
            integers |= vars(macs)
            shares |= {f"{part}-per-cent": 100 * count / before for part, count in vars(macs).items()}
        if added:
            kept = {number: 0 if number in dropped else cost for number, cost in stages.items()}
            shares |= {f"share-{number}": 100 * cost / added for number, cost in kept.items() if cost}
        assert set(shown) == set(integers) | set(shares)
        for one, count in integers.items():
            assert shown[one] == [str(count), f"{count:,}"], (one, state)
        for one, share in shares.items():
            assert float(shown[one][0]) == pytest.approx(share, abs=1e-5, rel=1e-5), (one, state)


@pytest.mark.parametrize("name", PARTS)
def test_parts_and_memory_are_those_of_the_real_network(opened, name):
    size = 224 if len(NETWORKS[name].stages) == 4 else 32
    assert {kind: PARTS[name][kind] for kind in ("parameters", "macs", "activation_bytes")} == count_parts(name, size)
    assert sum(PARTS[name]["parameters"]) == NETWORKS[name].parameters
    opened.set_all(network=name, quantity="memory")
    for reduction in (4, 16):
        opened.set("reduction", reduction)
        with_se = measure_cost(empty(create_model, f"se_{name}", reduction=reduction), (3, size, size))
        assert opened.number("total") == with_se.activation_bytes


def test_times_are_those_of_the_record(opened):
    record = json.loads((RESULTS / "stages.json").read_text(encoding="utf-8"))
    assert record["reduction"] == 16 and record["machine"]["threads"] == 1
    opened.set("quantity", "time")
    for name, row in record["networks"].items():
        assert {kind: row[kind] for kind in PARTS[name]} == PARTS[name]
        opened.set("network", name)
        assert opened.number("base") == pytest.approx(sum(row["ms"]))
        shown = [opened.number(f"stage-{stage}") for stage in range(1, len(row["ms"]) - 1)]
        assert shown == pytest.approx(row["added_ms"][1:-1])


def test_the_papers_numbers_for_se_resnet50(opened):
    assert [formula(opened, stage) for stage in (1, 2, 3, 4)] == [
        "3 × 2·256²/16 = 24,576",
        "4 × 2·512²/16 = 131,072",
        "6 × 2·1024²/16 = 786,432",
        "3 × 2·2048²/16 = 1,572,864",
    ]
    assert [opened.text(name) for name in ("base", "added", "total")] == ["25,557,032", "2,514,944", "28,071,976"]
    assert opened.text("added-per-cent") == "9.84"
    assert opened.text("note").startswith("SE adds 2/r · Σ N·C² weights")


def test_moving_r_doubles_and_halves(opened):
    added = [int(opened.number("added"))]
    for position in range(len(REDUCTIONS)):
        opened.move("reduction", position)
        assert opened.get("reduction") == REDUCTIONS[position]
        added.append(int(opened.number("added")))
    assert added == [2_514_944] + [40_239_104 // reduction for reduction in REDUCTIONS]


def test_the_sums_are_spelt_out_with_biases_and_for_macs(opened):
    opened.press("Space", on=opened.root.get_by_label("with biases"))
    assert formula(opened, 4) == "3 × (2·2048²/16 + 128 + 2048) = 1,579,392"
    assert opened.number("added") == 2_530_992
    opened.press("ArrowRight", on=opened.root.get_by_role("radio", name="weights"))
    assert opened.get("quantity") == "MACs"
    assert not opened.root.get_by_label("with biases").is_visible()
    assert formula(opened, 4) == "3 × (2·7·7·2048 + 2·2048²/16) = 2,174,976"
    assert numbers(opened)["squeeze"] == numbers(opened)["rescale"] == 5_519_360
    assert opened.number("excitation") == 2_514_944
    assert opened.number("added-per-cent") == pytest.approx(100 * 13_553_664 / 4_089_184_256, abs=1e-5)


def test_a_network_whose_parts_were_not_counted_has_two_areas_and_two_quantities(opened):
    """C/r is rounded down."""
    networks = [{"name": "mine", "parameters": 9_999, "macs": 999_999, "stages": [[2, 30, 5, 3]]}]
    opened.set_all(networks=[*network_list(), *networks], network="mine", reduction=4)
    assert formula(opened, 1) == "2 × 2·30·7 = 840"
    (own, _, _), (se, _, _) = areas(opened, 0)
    assert se / own == pytest.approx(840 / 9_999, abs=1 / own)
    radio = opened.root.get_by_role("radio", name="time")
    assert radio.is_disabled() and "ResNets" in radio.get_attribute("title")
    opened.set_all(network="resnet20", quantity="time")
    opened.select("network", "mine")
    assert opened.get("quantity") == "weights"
    opened.set("quantity", "memory")
    assert opened.problem == "quantity is memory; for mine it must be one of weights, MACs."
    opened.set("quantity", "weights")


def test_dropping_the_last_stage_from_the_keyboard(opened):
    box = opened.root.get_by_label("drop SE in stage 4")
    opened.press("Space", on=box)
    assert opened.get("dropped") == [4]
    assert opened.text("added") == "942,080"
    assert opened.number("added-per-cent") == pytest.approx(100 * 942_080 / 25_557_032, abs=1e-5)
    line = " ".join(opened.root.locator(".senet-cost-dropped").inner_text().split())
    assert line == "stage 4 saved drop 3 × 2·2048²/16 = 1,572,864"
    opened.click(opened.root.get_by_label("drop SE in stage 2"))
    assert opened.get("dropped") == [2, 4]
    opened.press("Space", on=box)
    assert opened.get("dropped") == [2]
    assert opened.number("added") == added_parameters("resnet50", 16, bias=False, dropped_stages=[2])


def areas(opened: Opened, which: int) -> list[tuple[float, float, float]]:
    """Of each column of an area: its width in pixels, its height, and the height of SE's piece."""
    script = """el => [...el.children].map((one) => {
      const [{ width, height }, se] = [one, one.firstChild].map((part) => part.getBoundingClientRect());
      return [width, height, se.height];
    })"""
    return opened.root.locator(".senet-cost-area").nth(which).evaluate(script)


@pytest.mark.parametrize("quantity", ["weights", "MACs", "memory", "time"])
@pytest.mark.parametrize("width", [390, 1280])
def test_areas_are_to_scale_to_a_pixel_and_nothing_changes_height(opened, quantity, width):
    opened.look(width, "light")
    height = opened.root.bounding_box()["height"]
    for dropped in ([], [4]):
        opened.set_all(quantity=quantity, dropped=dropped)
        kind = {"weights": "parameters", "MACs": "macs", "memory": "activation_bytes", "time": "ms"}[quantity]
        base = PARTS["resnet50"][kind]
        se = [0, *(0 if stage in dropped else opened.number(f"stage-{stage}") for stage in (1, 2, 3, 4)), 0]
        whole, alone = areas(opened, 0), areas(opened, 1)
        full = sum(column[0] for column in whole)
        for (wide, high, piece), own, added in zip(whole, base, se, strict=True):
            assert wide == pytest.approx(full * (own + added) / (sum(base) + sum(se)), abs=1)
            assert piece == pytest.approx(high * added / (own + added), abs=1)
        expected = [full * added / sum(se) for added in se[1:-1]]
        assert [column[0] for column in alone] == pytest.approx(expected, abs=1)
        assert opened.root.bounding_box()["height"] == height
    label = opened.root.locator(".senet-cost-area").first.get_attribute("aria-label")
    assert label.count("%") == 6 and "classifier" in label
    opened.look(1280, "light")


def test_the_areas_are_switched_from_the_keyboard_and_glide_unless_stillness_is_wanted(opened):
    for quantity in ("MACs", "memory", "time"):
        opened.press("ArrowRight", on=opened.root.locator('input[type="radio"]:checked'))
        assert opened.get("quantity") == quantity
    column = opened.root.locator(".senet-cost-column").first
    style = "el => getComputedStyle(el).transitionDuration"
    assert column.evaluate(style) == "0s"
    opened.page.emulate_media(reduced_motion="no-preference")
    assert column.evaluate(style) == "0.6s, 0.6s"
    opened.page.emulate_media(reduced_motion="reduce")


def test_choosing_a_narrow_network_fits_r_and_the_dropped_stages(opened):
    opened.set_all(reduction=64, dropped=[4])
    opened.select("network", "ResNet-20 for 32×32")
    assert opened.problem is None
    assert (opened.get("network"), opened.get("reduction"), opened.get("dropped")) == ("resnet20", 16, [])
    assert opened.root.locator(".senet-cost-stage:visible").count() == 3
    assert opened.root.locator('input[type="range"]').get_attribute("max") == "4"
    assert opened.text("added") == "2,016"


def test_a_stage_that_comes_back_brings_its_largest_r(opened):
    opened.set_all(network="resnet20", dropped=[1, 2], reduction=64)
    assert opened.problem is None
    assert formula(opened, 1) == "no hidden unit for r = 64: 0"
    opened.press("Space", on=opened.root.get_by_label("drop SE in stage 2"))
    assert (opened.get("dropped"), opened.get("reduction")) == ([1], 32)
    assert opened.number("added") == added_parameters("resnet20", 32, bias=False, dropped_stages=[1])


REMARKS = {
    2: "The paper’s Table 10 prints 45.7 million, too.",
    4: "The paper’s Table 10 prints 35.7 million; this is 35.6.",
    8: "The paper’s Table 10 prints 30.7 million; this is 30.6.",
    16: "The paper’s Table 10 prints 28.1 million, too.",
    32: "The paper’s Table 10 prints 26.9 million; this is 26.8.",
    64: "",
}


def test_the_papers_printed_total_beside_the_exact_one(opened):
    for reduction, remark in REMARKS.items():
        opened.set("reduction", reduction)
        assert opened.text("printed") == remark
        for trait, value in (("bias", True), ("quantity", "MACs"), ("dropped", [4]), ("network", "resnet101")):
            before = opened.get(trait)
            opened.set(trait, value)
            assert opened.text("printed") == ""
            opened.set(trait, before)


# --- bad input --------------------------------------------------------------------------------------------------------


def test_an_r_without_hidden_units_is_refused_with_the_stage_and_the_largest(opened):
    parts = ("reduction is 32", "stage 1 of ResNet-20", "16 channels", "largest r that works is 16")
    opened.refuses(*parts, network="resnet20", reduction=32)
    parts = ("reduction is 64", "stage 2 of ResNet-20", "32 channels", "largest r that works is 32")
    opened.refuses(*parts, network="resnet20", reduction=64, dropped=[1])


GOOD = {"name": "mine", "parameters": 10, "macs": 20, "stages": [[1, 8, 2, 2]]}
STAGE = "[blocks, channels, height, width]"
BAD_NETWORKS = [
    ([], ("networks is not a list, or is empty",)),
    ("resnet50", ("networks is not a list, or is empty",)),
    ([None], ("networks has the name undefined at place 0",)),
    ([{**GOOD, "name": 3}], ("networks has the name 3 at place 0",)),
    ([GOOD, GOOD], ("networks has the name mine at place 1",)),
    ([{**GOOD, "parameters": 10.5}], ("networks has parameters 10.5 for mine",)),
    ([{**GOOD, "parameters": None}], ("networks has parameters null for mine",)),
    ([{**GOOD, "macs": 2**53}], ("networks has macs 9007199254740992 for mine",)),
    ([{**GOOD, "stages": []}], ("networks has no list of stages for mine",)),
    ([{**GOOD, "stages": [[1, 8, 2, 2], [1, 8, 2]]}], ("networks has [1,8,2] for stage 2 of mine", STAGE)),
    ([{**GOOD, "stages": [[1, 0, 2, 2]]}], ("networks has [1,0,2,2] for stage 1 of mine", STAGE)),
    ([{**GOOD, "stages": [8]}], ("networks has [8] for stage 1 of mine", STAGE)),
    ([{**GOOD, "parts": {"macs": [1, 2]}}], ("networks has parts for mine", "stem, stages, classifier")),
    ([GOOD], ("network is resnet50", "mine")),
]


def test_a_bad_state_is_named_and_can_be_mended(opened):
    for reduction in (0, -2, 3, 2.5, "16", None):
        opened.refuses("reduction is", "1, 2, 4, 8, 16, 32, 64", reduction=reduction)
    for dropped in ([5], [0], [2, 1.5], ["4"], [None]):
        opened.refuses("dropped is [", "ResNet-50 has the stages 1 to 4", dropped=dropped)
    for dropped in (4, "4", None):
        opened.refuses(f"dropped is {'null' if dropped is None else dropped}", "[4]", dropped=dropped)
    opened.refuses("network is resnet51", "resnet50", network="resnet51")
    for networks, parts in BAD_NETWORKS:
        opened.refuses(*parts, networks=networks)


# --- for every reader, and in print -----------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_and_a_narrow_frame_in_the_states_that_the_example_does_not_show(opened, theme):
    opened.look(390, theme)
    opened.set_all(network="resnet101", reduction=1, quantity="MACs", dropped=[1, 4])
    assert serious_violations(opened.page) == []
    for state in ({}, {"dropped": []}, {"quantity": "weights", "bias": True}, {"network": "small_resnet"}):
        opened.set_all(**state)
        opened.fits(".senet-frame", ".senet-body", ".senet-cost-details")
    opened.look(1280, "light")


def test_networks_have_the_form_of_the_library(opened):
    listed = {entry["name"]: entry for entry in network_list(NETWORKS)}
    assert list(listed) == list(NETWORKS)
    for name, network in NETWORKS.items():
        assert tuple(Stage(*numbers) for numbers in listed[name]["stages"]) == network.stages
        assert (listed[name]["parameters"], listed[name]["macs"]) == (network.parameters, network.macs)
    assert opened.get("networks") == [listed[name] for name in PARTS]


def test_the_figure_of_ones_own_network_counts_what_the_table_of_the_figure_says():
    own = {entry["name"]: {key: entry[key] for key in ("parameters", "macs", "stages")} for entry in network_list()}
    for model in (create_model("se_resnet20"), create_model("resnet20")):
        figure = CostCalculator.from_model(model, (3, 32, 32), "mine", dropped=[1])
        assert figure.networks == [{"name": "mine", "title": "mine", **own["resnet20"]}]
        assert (figure.reduction, figure.dropped) == (16, [1]) and "mine, r = 16" in texts(figure)
    assert CostCalculator.from_model(timm.create_model("efficientnet_b0")).networks[0]["parameters"] == 4_652_008
    with pytest.raises(ValueError, match="neither SE layers nor residual branches"):
        CostCalculator.from_model(torchvision.models.vgg11())


def texts(figure: CostCalculator) -> str:
    picture = figure.draw_still()
    return " ".join(
        text.get_text() for ax in picture.axes for text in [*ax.texts, *ax.get_yticklabels(), ax.title, ax._left_title]
    )


def test_the_still_picture_has_the_same_numbers():
    assert "stage 4: 3 × 524,288" in texts(CostCalculator())
    assert "25,557,032 + 2,514,944 = 28,071,976" in texts(CostCalculator())
    dropped = texts(CostCalculator(network="resnet20", reduction=32, dropped=[1], quantity="MACs"))
    macs = added_macs("resnet20", 32, dropped_stages=[1])
    assert isinstance(macs, SEMacs) and f"40,813,184 + {macs.total:,}" in dropped
    assert "no SE" in dropped
