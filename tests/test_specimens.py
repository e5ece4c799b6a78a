"""Tests of senet_lib.specimens: a property of each sound network that its faulty twin lacks, without the doctor."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet_lib.specimens import SPECIMENS
from tests.networks import count_parameters, noise, shaken

# A layer of no hidden unit has nothing to initialise, and torch says so.
pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")

CLASSES = 5
Property = Callable[[Any], bool]


class Half(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / 2


class Nothing(nn.Module):
    """A shortcut that adds 0."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(())


def made(make: Callable[..., nn.Module]) -> Any:
    torch.manual_seed(0)
    return shaken(make(num_classes=CLASSES)).eval()


def maps_of(gate: Any, pictures: int = 2, side: int = 16) -> Tensor:
    return noise(pictures, gate.narrow.in_features, side, side)


def fill(gate: Any, logit: float) -> None:
    """Let the excitation's second layer give this number for each channel."""
    nn.init.zeros_(gate.widen.weight)
    nn.init.constant_(gate.widen.bias, logit)


# --- the properties ---------------------------------------------------------------------------------------------------


def twice_the_branch_counts_twice(network: Any) -> bool:
    unit = network.unit1
    unit.gate, unit.shortcut = Half(), Nothing()
    outputs = []
    for factor in (1, 2):
        unit.branch = lambda x, factor=factor: factor * x.abs()
        outputs.append(unit(maps_of(network.unit2.gate)))
    return torch.allclose(outputs[1], 2 * outputs[0])


def a_gate_of_a_half_halves(network: Any) -> bool:
    gate = network.unit1.gate
    gate.gates = lambda x: torch.tensor(0.5)
    x = maps_of(gate)
    return torch.allclose(gate(x), x / 2)


def certainty_costs_nothing(network: Any) -> bool:
    with torch.no_grad():
        network.classifier.bias[0] += 100
    return F.cross_entropy(network(noise(2, 3, 32, 32)), torch.tensor([0, 0])).item() < 0.01


def hidden_widths_grow_with_the_channels(network: Any) -> bool:
    first, second = network.unit1.gate.narrow, network.unit2.gate.narrow
    return first.in_features * second.out_features == second.in_features * first.out_features


def gates_differ_between_pictures(network: Any) -> bool:
    gate = network.unit1.gate
    s = gate.gates(maps_of(gate))
    return not torch.equal(s[0], s[1])


def hidden_widths_are_the_quotient_without_rest(network: Any) -> bool:
    layers = [unit.gate.narrow for unit in (network.unit1, network.unit2)]
    return all(layer.out_features == layer.in_features // 16 for layer in layers)


def both_layers_have_biases(network: Any) -> bool:
    gate = network.unit1.gate
    return (gate.narrow.bias is None) == (gate.widen.bias is None)


def gates_stay_below_1(network: Any) -> bool:
    gate = network.unit1.gate
    fill(gate, 5)
    return gate.gates(maps_of(gate)).max().item() <= 1


def gates_stay_above_0(network: Any) -> bool:
    gate = network.unit1.gate
    fill(gate, -5)
    return gate.gates(maps_of(gate)).min().item() >= 0


def a_channels_logit_moves_its_own_gate_alone(network: Any) -> bool:
    gate = network.unit1.gate
    x = maps_of(gate)
    before = gate.gates(x)
    with torch.no_grad():
        gate.widen.bias[0] += 1
    return torch.equal(gate.gates(x)[:, 1:], before[:, 1:])


def the_far_corner_of_a_larger_map_counts(network: Any) -> bool:
    gate = network.unit1.gate
    x = maps_of(gate, side=24)
    other = x.clone()
    other[:, :, -1, -1] += 100
    return not torch.equal(gate.squeeze(x), gate.squeeze(other))


def a_squeezed_number_knows_its_own_channel_alone(network: Any) -> bool:
    gate = network.unit1.gate
    x = maps_of(gate)
    other = x.clone()
    other[:, 0] += 1
    return torch.equal(gate.squeeze(x)[:, 1:], gate.squeeze(other)[:, 1:])


def a_picture_alone_gets_the_same_gates(network: Any) -> bool:
    gate = network.unit1.gate
    x = maps_of(gate)
    return torch.allclose(gate.gates(x)[:1], gate.gates(x[:1]), atol=1e-6)


def shut_gates_give_0(network: Any) -> bool:
    gate = network.unit1.gate
    fill(gate, -100)
    return gate(maps_of(gate)).abs().max().item() < 1e-6


def the_block_returns_its_maps(network: Any) -> bool:
    gate = network.unit1.gate
    return isinstance(gate(maps_of(gate)), Tensor)


def half_gates_change_a_training_step(network: Any) -> bool:
    unit = network.unit1.train()
    unit.shortcut = Nothing()
    outputs = []
    for factor in (1.0, 0.5):
        unit.gate.gates = lambda x, factor=factor: torch.tensor(factor)
        outputs.append(unit(maps_of(unit.gate, side=32)))
    return not torch.allclose(*outputs, rtol=0.05, atol=0.05)


def every_parameter_of_a_convolution_learns(network: Any) -> bool:
    network.train()
    F.cross_entropy(network(noise(8, 3, 32, 32)), torch.arange(8) % CLASSES).backward()
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    return all(p.grad.abs().max() > 1e-5 for layer in convolutions for p in layer.parameters())


def shut_gates_leave_the_shortcut(network: Any) -> bool:
    unit = network.unit1
    fill(unit.gate, -100)
    x = maps_of(unit.gate)
    kept = torch.relu(unit.shortcut(x))
    return kept.max().item() > 0 and torch.allclose(unit(x), kept)


def the_gated_branch_has_both_signs(network: Any) -> bool:
    unit = network.unit1
    seen = []
    unit.gate.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    unit(maps_of(unit.gate))
    return bool((seen[0] < 0).any() and (seen[0] > 0).any())


def a_shortcut_that_fits_stays_as_it_is(network: Any) -> bool:
    x = maps_of(network.unit2.gate)
    assert network.unit2.branch(x).shape == x.shape
    return torch.equal(network.unit2.shortcut(x), x)


def the_stem_leaves_a_sixteenth_of_the_places(network: Any) -> bool:
    return network.stem(noise(1, 3, 128, 128)).shape[2:] == (32, 32)


PROPERTIES: dict[str, Property] = {
    "input-squared": twice_the_branch_counts_twice,
    "gates-squared": a_gate_of_a_half_halves,
    "softmax-output": certainty_costs_nothing,
    "width-is-ratio": hidden_widths_grow_with_the_channels,
    "no-hidden-unit": gates_differ_between_pictures,
    "rounded-width": hidden_widths_are_the_quotient_without_rest,
    "one-bias": both_layers_have_biases,
    "relu-gate": gates_stay_below_1,
    "no-gate-function": gates_stay_above_0,
    "softmax-gate": a_channels_logit_moves_its_own_gate_alone,
    "fixed-pool": the_far_corner_of_a_larger_map_counts,
    "wrong-axes": a_squeezed_number_knows_its_own_channel_alone,
    "batch-mean": a_picture_alone_gets_the_same_gates,
    "added-gates": shut_gates_give_0,
    "no-return": the_block_returns_its_maps,
    "norm-after-gate": half_gates_change_a_training_step,
    "convolution-bias": every_parameter_of_a_convolution_learns,
    "gated-shortcut": shut_gates_leave_the_shortcut,
    "gated-sum": shut_gates_leave_the_shortcut,
    "relu-before-gate": the_gated_branch_has_both_signs,
    "projected-shortcut": a_shortcut_that_fits_stays_as_it_is,
    "wide-stem": the_stem_leaves_a_sixteenth_of_the_places,
}


def test_each_specimen_has_a_property():
    assert set(PROPERTIES) == set(SPECIMENS)


@pytest.mark.parametrize("name", SPECIMENS)
def test_the_sound_twin_has_a_property_that_the_faulty_one_lacks(name):
    holds = PROPERTIES[name]
    assert holds(made(SPECIMENS[name].make_sound))
    assert not holds(made(SPECIMENS[name].make_faulty))


@pytest.mark.parametrize("name", SPECIMENS)
def test_specimens_are_small_networks_for_any_number_of_classes(name):
    specimen = SPECIMENS[name]
    for make in (specimen.make_sound, specimen.make_faulty):
        network = made(make)
        assert count_parameters(network) < 150_000
        if name != "no-return" or make is specimen.make_sound:
            assert network(noise(2, *specimen.input_size)).shape == (2, CLASSES)


@pytest.mark.parametrize("name", SPECIMENS)
def test_fault_and_mend_are_one_sentence_each(name):
    specimen = SPECIMENS[name]
    for sentence in (specimen.fault, specimen.mend):
        assert sentence.endswith(".") and "\n" not in sentence and sentence[0].isupper()
    assert specimen.name and not specimen.name.endswith(".")
