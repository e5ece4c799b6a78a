"""The placement chooser: its pulses are those of a real network, and all of it works by hand and from the keyboard."""

from datetime import datetime, timedelta
from functools import partial

import pytest
import torch
from torch import nn

from senet_lib.book.figures.placement_chooser import ERRORS, FORMULAS, PlacementChooser
from senet_lib.networks.models import create_model
from senet_lib.networks.residual_blocks import Bottleneck
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests.browser.figures import open_figure, serious_violations, unreachable_controls
from tests.sample_networks import count_parameters, empty

pytestmark = pytest.mark.browser

PLACES = tuple(FORMULAS)
# Pairs of texts, boxes and circles of the drawing that overlap without one being inside the other.
OVERLAPS = """async (root, states) => {
  const found = [];
  const sheet = root.querySelector('.senet-place-drawing');
  for (const state of states) {
    for (const [name, value] of Object.entries(state)) root.model.set(name, value);
    await new Promise((drawn) => setTimeout(drawn));
    const shown = '.senet-place-taken *, [fill=transparent]';
    const nodes = [...sheet.querySelectorAll('text, rect, circle:not([fill])')].filter((one) => !one.matches(shown));
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


def real_network(placement: str, gate: float, branch: float) -> nn.Sequential:
    """16 bottlenecks of the library whose branch is branch * x, with SE whose gates are all forced to one number."""
    blocks = []
    for _ in range(16):
        block = Bottleneck(4, 4, 1, partial(SqueezeExcitation, reduction=2), placement=placement, width_per_group=256)
        block.double()
        for layer in block.children():
            if isinstance(layer, nn.Conv2d):
                nn.init.dirac_(layer.weight)
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = 0.0
        nn.init.constant_(block.last_norm.weight, branch)
        block.attention.gate.register_forward_hook(lambda layer, inputs, gates: torch.full_like(gates, gate))
        blocks.append(block)
    return nn.Sequential(*blocks).eval()


def test_pulses_and_gradients_are_those_of_a_real_network(opened):
    pulse = torch.rand(1, 4, 3, 3, dtype=torch.float64) + 0.1
    for gate, branch in ((0.1, 0.0), (0.1, 1.0), (0.5, 0.3), (1.0, 0.0)):
        opened.set_all(gate=gate, branch=branch, sent=list(PLACES))
        for place in PLACES:
            x = pulse.clone().requires_grad_()
            y = real_network(place, gate, branch)(x)
            y.sum().backward()
            left = (y / x).mean().item()
            torch.testing.assert_close(y, left * x)
            torch.testing.assert_close(x.grad, torch.full_like(x, left))
            assert opened.number(f"pulse-{place}") == pytest.approx(left, rel=1e-9), (place, gate, branch)


def test_the_weights_are_those_of_the_real_networks_and_the_errors_the_papers(opened):
    plain = count_parameters(empty(create_model, "resnet50"))
    for place in PLACES:
        model = empty(create_model, "se_resnet50", placement=place, reduction=16, bias=False)
        assert opened.number(f"weights-{place}") == count_parameters(model) - plain
        assert opened.text(f"error-{place}") == ERRORS[place]
    assert ERRORS == {"standard": "22.28", "pre": "22.23", "post": "22.78", "identity": "22.20", "3x3": "22.48"}


def test_dragging_a_press_and_the_arrow_keys_move_se(opened):
    mouse, se = opened.page.mouse, opened.root.locator(".senet-place-se")

    def middle(locator):
        box = locator.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    for place in ("post", "identity", "3x3", "pre", "standard"):
        slot = opened.root.locator(f'[data-place="{place}"] .senet-place-slot')
        x, y = middle(slot)
        mouse.move(*middle(se))
        mouse.down()
        mouse.move(x + 9, y - 7)
        mouse.up()
        opened.settle()
        assert opened.get("placement") == place
        assert middle(se) == pytest.approx((x, y), abs=1)
    opened.click(opened.root.locator('[data-place="pre"] .senet-place-slot'))
    assert opened.get("placement") == "pre"
    radio = opened.root.get_by_role("radio", name="pre")
    opened.press("ArrowRight", on=radio)
    assert opened.get("placement") == "post"
    assert opened.text("formula").replace("( ", "(").replace(" )", ")") == FORMULAS["post"]
    assert "s·(1 + f) = 0.1" in opened.text("factor") and "gone for good" in opened.text("story")


def test_the_bet_is_judged_when_all_five_pulses_have_arrived(browser, tmp_path):
    """From the keyboard alone; the figure keeps its height, and with reduced motion nothing moves."""
    figure = make_figure()
    figure.asks = True
    with open_figure(browser, figure, tmp_path, width=390, **OPTIONS) as opened:
        height = opened.root.bounding_box()["height"]
        send = opened.root.get_by_role("button", name="Send a pulse")
        opened.press("Enter", on=send)
        assert send.get_attribute("aria-disabled") == "true" and opened.get("sent") == []
        assert opened.text("factor").endswith("?") and "Guess first" in opened.text("story")
        assert unreachable_controls(opened) == []
        opened.press("Enter", on=opened.root.locator('[data-guess="most"]'))
        assert opened.text("guess") == "You said all but post. Send a pulse through all five places: then it shows."
        for place in PLACES:
            assert opened.text(f"pulse-{place}") == "not sent"
            opened.press("Space", on=opened.root.locator(f'input[value="{place}"]'))
            opened.press("Enter", on=opened.root.get_by_role("button", name="Send a pulse"))
        assert [opened.text(f"pulse-{place}") for place in PLACES] == ["1", "1", "10⁻¹⁶", "10⁻¹⁶", "1"]
        assert opened.text("guess").startswith("Not so. ")
        opened.click("Guess again")
        opened.click(opened.root.locator('[data-guess="branch"]'))
        assert opened.text("guess").startswith("Right. ")
        assert opened.root.bounding_box()["height"] == height
        assert serious_violations(opened.page) == [] and opened.faults == []


def test_a_pulse_goes_block_by_block_and_can_be_stopped(browser, tmp_path):
    with open_figure(browser, make_figure(), tmp_path) as opened:
        opened.set("placement", "post")
        clock, now = opened.page.clock, datetime(2030, 1, 1)
        clock.install(time=now)
        clock.pause_at(now + timedelta(hours=1))  # from here on, time passes only where the test says so

        def press(name: str, milliseconds: int) -> None:
            opened.root.get_by_role("button", name=name, exact=True).click()
            clock.run_for(milliseconds)

        press("Send a pulse", 5 * 120)
        assert opened.text("pulse-post") == "10⁻⁵"
        press("Stop", 1000)
        assert opened.text("pulse-post") == "not sent"
        press("Send through all five", 16 * 120)
        assert opened.text("pulse-post") == "10⁻¹⁶"
        spots = opened.root.locator(".senet-place-pulse").evaluate_all("all => all.map((one) => one.cy.baseVal.value)")
        ticks = opened.root.locator(".senet-chart-grid").evaluate_all("all => all.map((one) => one.getBBox().y)")
        assert spots == pytest.approx([ticks[4], ticks[0]], abs=0.01)  # 1 and 1e-16


def test_drawing_and_pulse_stand_beside_each_other_where_a_window_of_1280_has_a_scrollbar(opened):
    opened.look(657, "light")
    drawing, pulse = (opened.root.locator(".senet-place > *").nth(place).bounding_box() for place in (0, 1))
    assert drawing["y"] == pulse["y"] and drawing["x"] + drawing["width"] < pulse["x"]
    opened.look(1280, "light")


def test_a_bad_state_is_named_with_what_is_allowed(opened):
    for state, parts in (
        ({"placement": "between"}, ("placement is between", "standard, pre, post, identity, 3x3")),
        ({"gate": 0.0}, ("gate is 0", "0.1, 0.2, 0.3")),
        ({"branch": None}, ("branch is not a number", "0, 0.1, 0.2")),
    ):
        opened.refuses(*parts, **state)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_in_the_drawing_overlaps_or_is_cut_off(opened, width):
    opened.look(width, "light")
    opened.fits(".senet-frame", ".senet-place")
    assert opened.root.evaluate(OVERLAPS, [{"placement": place} for place in PLACES]) == []
    opened.look(1280, "light")


def test_the_still_picture_has_the_same_formulas_and_numbers():
    shown = [text.get_text() for ax in PlacementChooser().draw_still().axes for text in ax.texts]
    assert set(FORMULAS.values()) <= set(shown)
    assert shown.count("1e-16") == 2 and shown.count("157,184") == 1
