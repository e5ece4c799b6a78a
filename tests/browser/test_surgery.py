"""SE inserted from the page: what it shows of a choice is what its own line of Python then does to the real network."""

import json

import numpy as np
import pytest
from torch import nn

import senet_lib.networks
from senet_lib.book.figures.surgery import EXAMPLE, Surgery
from senet_lib.book.surgeries import (
    INPUT_SIZE,
    PATIENTS,
    REDUCTIONS,
    START_GATES,
    context_world_logits,
    make_patient,
    prepare_networks,
)
from senet_lib.cost.formulas import se_macs
from senet_lib.cost.measure import measure_cost

pytestmark = pytest.mark.browser


def make_figure() -> Surgery:
    return Surgery.example()


@pytest.fixture(scope="module")
def networks() -> dict:
    return {one["name"]: one for one in make_figure().networks}


def operate(line: str, network: str):
    """The network after the line of Python, the SE blocks' names, and what the library refuses."""
    model = make_patient(network)
    names = vars(senet_lib.networks) | {"nn": nn, "model": model}
    try:
        return model, eval(line, names), ""
    except ValueError as error:
        return model, [], str(error)


def check_the_line_does_what_is_shown(opened, networks, name: str) -> str:
    """Execute it; return what the library refuses."""
    line, before = opened.text("line"), networks[name]
    model, inserted, refusal = operate(line, name)
    cost = measure_cost(model, INPUT_SIZE)
    assert cost.parameters == opened.number("parameters") + opened.number("added parameters")
    assert len(inserted) == opened.number("blocks")
    maps = {place["name"]: place["maps"] for place in before["places"]}
    ticked = opened.get("ticked") if inserted else []
    macs = [se_macs(maps[one][0], opened.get("reduction"), *maps[one][1:]) for one in ticked]
    assert opened.number("added macs") == sum(one.total for one in macs)
    assert cost.macs == opened.number("macs") + sum(one.excitation for one in macs)
    assert refusal in opened.text("said") or not ticked
    assert ("Refused" in opened.text("said")) == bool(refusal and opened.get("ticked"))
    return refusal


@pytest.mark.parametrize("name", PATIENTS)
def test_the_line_of_python_costs_what_the_figure_shows(opened, networks, name):
    opened.select("Network", name)
    assert opened.get("ticked") == []
    choices = opened.root.locator(".surgery-ladder:enabled .surgery-quick button")
    for index, choice in enumerate(networks[name]["choices"]):
        opened.click(choices.nth(index))
        assert f"({choice['code']}, reduction=16" in opened.text("line")
        refusal = check_the_line_does_what_is_shown(opened, networks, name)
        assert bool(refusal) == (choice["code"] == "model, nn.ReLU")
    opened.click(choices.last)
    assert opened.get("ticked") == [] and "Nothing is ticked" in opened.text("said")

    random = np.random.default_rng(0)
    places = [place["name"] for place in networks[name]["places"]]
    for reduction in (REDUCTIONS[0], REDUCTIONS[-1]):  # the last one is too much for some maps
        opened.set_all(reduction=reduction, ticked=random.choice(places, 3, replace=False).tolist())
        check_the_line_does_what_is_shown(opened, networks, name)


def test_each_refused_place_is_refused_in_the_librarys_words(opened, networks):
    for name, network in networks.items():
        opened.select("Network", name)
        for place in (place for place in network["places"] if place["refusal"]):
            box = opened.root.locator(f'.surgery-ladder:enabled input[value="{place["name"]}"]')
            opened.press("Space", on=box)
            assert check_the_line_does_what_is_shown(opened, networks, name) == place["refusal"]
            opened.press("Space", on=box)
            assert opened.get("ticked") == []


def test_only_at_one_no_logit_moves(opened):
    figure = make_figure()
    still = figure.logits[0]
    opened.set("part", "start")
    for index, gate in enumerate(figure.start_gates):
        opened.move("start_gate", index)
        now = figure.logits[index + 1]
        assert opened.number("largest") == pytest.approx(np.abs(now - still).max(), abs=1e-6)
        assert opened.number("changed") == (now.argmax(1) != still.argmax(1)).sum()
        assert (opened.number("largest") == 0) == (gate == 1) == ("bit for bit" in opened.text("moved"))
        assert f"start_gate={gate:g})" in opened.root.locator('[data-name="line"]').text_content()
        points = opened.root.locator(".surgery-points").get_attribute("d").replace("h0", "").split("M")[1:]
        x, y = np.array([point.split() for point in points], float).T
        assert np.allclose(x, 240 - y) == (gate == 1), "all on the diagonal"


def test_the_example_is_what_the_library_says_now(networks):
    assert json.loads(EXAMPLE.read_text())["networks"] == prepare_networks()
    logits = context_world_logits(make_figure().logits.shape[1])
    assert np.abs(logits - make_figure().logits).max() < 1e-3
    moved = np.abs(logits[1:] - logits[0]).max((1, 2))
    assert (moved == 0).tolist() == [gate == 1 for gate in START_GATES]


def test_the_line_is_copied_or_selected(opened):
    opened.click('"layer4.*.bn3"')
    opened.page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    opened.click("Copy")
    assert opened.page.evaluate("window.copied") == opened.text("line")
    opened.page.evaluate("() => { navigator.clipboard.writeText = async () => { throw new Error('no'); }; }")
    opened.click("Copy")
    assert opened.page.evaluate("getSelection().toString()") == opened.text("line")


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_moves_from_network_to_network(opened, width):
    opened.look(width, "light")
    heights = {opened.root.bounding_box()["height"]}
    for name in PATIENTS:
        opened.select("Network", name)
        for choice in opened.root.locator(".surgery-ladder:enabled .surgery-quick button").all():
            opened.click(choice)
            heights.add(opened.root.bounding_box()["height"])
    assert len(heights) == 1
    opened.look(1280, "light")


def test_bad_state_is_named(opened):
    opened.refuses("ticked holds layer9", ticked=["layer9"])
    for trait, value in (("networks", []), ("start_gates", []), ("logits", np.zeros((3, 4), np.float32))):
        figure = make_figure()
        setattr(figure, trait, value)
        opened.says(figure, trait)
