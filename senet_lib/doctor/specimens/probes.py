"""Tests that expose faults of SE code, one for each kind. Copy what you need into your own project.

Each takes a network of ``senet_lib.doctor.specimens.specimen_networks`` and raises an ``AssertionError`` that says what
is wrong; its docstring says what it does. Three tricks do most of the work: open or shut all gates by hand, so that you
know what must come out; change one thing that must not matter; and look at what gets no gradient.
"""

from typing import Any

import torch
from torch import Tensor, nn

from senet_lib.doctor.specimens.specimen_networks import ChannelGate

OPEN, HALF_OPEN, SHUT = 100.0, 0.0, -100.0  # before the sigmoid: 1, 0.5 and 0


def maps(channels: int = 16, side: int = 16, pictures: int = 4) -> Tensor:
    """Noise (B, C, H, W) to try a block on."""
    return torch.randn(pictures, channels, side, side, generator=torch.Generator().manual_seed(0))


def set_gates(gate: ChannelGate, logit: float) -> None:
    """Let the two layers of an SE block say the same number for each channel and each picture."""
    nn.init.zeros_(gate.widen.weight)
    nn.init.constant_(gate.widen.bias, logit)


def hidden_width(gate: ChannelGate) -> int:
    return gate.narrow.weight.shape[0]


# --- the SE block -----------------------------------------------------------------------------------------------------


def gates_act_once(network: Any) -> None:
    """Compare what the block returns with x times its gates."""
    gate, x = network.unit1.gate, maps()
    assert torch.allclose(gate(x), x * gate.gates(x)), "The block does not return x times its gates."


def shut_gates_shut_the_channel(network: Any) -> None:
    """Shut all gates: nothing may come through."""
    gate = network.unit1.gate
    set_gates(gate, SHUT)
    assert gate(maps()).abs().max() < 1e-3, "All gates are shut, and something comes through."


def gates_are_at_most_1(network: Any) -> None:
    """Feed a strong input: no gate may be above 1."""
    largest = network.unit1.gate.gates(1000 * maps()).max()
    assert largest <= 1, f"For a strong input a gate is {largest:.1f}."


def gates_are_at_least_0(network: Any) -> None:
    """Feed a strong input: no gate may be below 0."""
    smallest = network.unit1.gate.gates(1000 * maps()).min()
    assert smallest >= 0, f"For a strong input a gate is {smallest:.1f}: it turns the sign of its channel."


def all_gates_can_open(network: Any) -> None:
    """Give each channel the same large number: all gates must open."""
    gate = network.unit1.gate
    set_gates(gate, OPEN)
    smallest = gate.gates(maps()).min()
    assert smallest > 0.99, f"With the same large number for each channel the gates are {smallest:.3f}, not 1."


def gates_see_the_last_corner(network: Any) -> None:
    """Change the last corner of a larger map: some gate must move."""
    gate, x = network.unit1.gate, maps(side=24)
    changed = x.clone()
    changed[:, :, -1, -1] += 100
    assert not torch.equal(gate.gates(x), gate.gates(changed)), "The last corner of a map of 24x24 changes no gate."


def order_of_columns_does_not_matter(network: Any) -> None:
    """Mirror the map: the gates must stay."""
    gate, x = network.unit1.gate, maps()
    assert torch.allclose(gate.gates(x), gate.gates(x.flip(3)), atol=1e-5), "A mirrored map gets other gates."


def a_picture_stands_alone(network: Any) -> None:
    """Give a picture alone and in a batch: its gates must be the same."""
    gate, x = network.unit1.gate, maps()
    alone, among_others = gate.gates(x[:1]), gate.gates(x)[:1]
    assert torch.allclose(alone, among_others, atol=1e-5), "A picture's gates change with the others in its batch."


def something_is_returned(network: Any) -> None:
    """Run the block: something must come back."""
    assert network.unit1.gate(maps()) is not None, "The block returns None."


def hidden_units_exist(network: Any) -> None:
    """Count the hidden units: there must be one."""
    assert hidden_width(network.unit1.gate) >= 1, "There is no hidden unit: the gates are constant."


def ratio_is_the_same_everywhere(network: Any) -> None:
    """Divide C by the hidden width in both blocks: the ratio must be the same."""
    narrow, wide = (unit.gate.narrow.in_features / hidden_width(unit.gate) for unit in (network.unit1, network.unit2))
    assert narrow == wide, f"C over the hidden width is {narrow:g} in one block and {wide:g} in the other."


def hidden_width_is_rounded_down(network: Any) -> None:
    """Count the hidden units of the wider block: there must be C // 16."""
    gate = network.unit2.gate
    paper, found = gate.narrow.in_features // 16, hidden_width(gate)
    assert found == paper, f"For C = {gate.narrow.in_features} and r = 16 there are {found} hidden units, not {paper}."


def both_layers_have_biases_or_none(network: Any) -> None:
    """Look for biases in the excitation: both layers must have one, or none."""
    gate = network.unit1.gate
    has = [layer.bias is not None for layer in (gate.narrow, gate.widen)]
    assert has[0] == has[1], f"Biases: {has[0]} in the first layer, {has[1]} in the second."


# --- the residual block -----------------------------------------------------------------------------------------------


def open_gates_leave_a_plain_block(network: Any) -> None:
    """Open all gates: what is left must be the block without SE."""
    unit, x = network.unit1, maps()
    set_gates(unit.gate, OPEN)
    plain = torch.relu(unit.branch(x) + unit.shortcut(x))
    assert torch.allclose(unit(x), plain, atol=1e-5), "All gates are 1, and the block is not what it is without SE."


def shut_gates_leave_the_shortcut(network: Any) -> None:
    """Shut all gates: what is left must be the shortcut."""
    unit, x = network.unit1, maps()
    set_gates(unit.gate, SHUT)
    assert torch.allclose(unit(x), torch.relu(unit.shortcut(x)), atol=1e-3), "All gates are 0: the shortcut is lost."


def small_gates_make_a_small_branch(network: Any) -> None:
    """Open all gates, then set them to 0.5: the output must change."""
    unit, x = network.unit1.train(), maps()
    set_gates(unit.gate, OPEN)
    full = unit(x)
    set_gates(unit.gate, HALF_OPEN)
    change = (unit(x) - full).abs().mean() / full.abs().mean()
    assert change > 0.05, "Gates of 0.5 and of 1 give the same."


def the_branch_can_take_away(network: Any) -> None:
    """Compare the output with the shortcut: some number must be smaller."""
    unit, x = network.unit1, maps()
    assert (unit(x) < torch.relu(unit.shortcut(x)) - 1e-6).any(), "The branch makes no number smaller."


def a_shortcut_that_fits_is_free(network: Any) -> None:
    """Send x through a shortcut whose shapes fit: it must come out as it was."""
    unit, x = network.unit2, maps()
    assert torch.equal(unit.shortcut(x), x), "The shapes fit, and the shortcut changes x."


# --- the network ------------------------------------------------------------------------------------------------------


def everything_gets_a_gradient(network: Any) -> None:
    """Run the backward pass: each weight must get a gradient."""
    logits = network.train()(maps(3, 32, pictures=8))
    (logits * maps(1, 1, pictures=8).flatten(1)).sum().backward()
    dead = [name for name, one in network.named_parameters() if one.grad is None or one.grad.abs().max() < 1e-5]
    assert not dead, f"No gradient for {dead[0]}" + (f" and {len(dead) - 1} more." if dead[1:] else ".")


def outputs_are_no_probabilities(network: Any) -> None:
    """Add up the outputs of a picture: the sum must not be 1."""
    sums = network(maps(3, 32)).sum(1)
    assert not torch.allclose(sums, torch.ones_like(sums)), "The outputs of each picture sum to 1: they are not logits."


def the_stem_reduces_large_pictures(network: Any) -> None:
    """Send a picture of 128x128 through the stem: at most 1/16 of its places may be left."""
    height, width = network.stem(maps(3, 128, pictures=1)).shape[2:]
    assert height * width <= 128 * 128 / 16, f"Behind the stem a picture of 128x128 still has {height}x{width} places."
