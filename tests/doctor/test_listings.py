"""The listings of the specimens: what they show is what runs, and the lines that they call faulty are at fault."""

import ast
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from senet_lib.doctor.specimens import SPECIMENS, specimen_networks
from senet_lib.doctor.specimens.listings import listing
from senet_lib.doctor.specimens.specimen_networks import ChannelGate, GatedNetwork, GatedUnit
from tests.sample_networks import noise, shaken

# A layer of no hidden unit has nothing to initialise, and torch says so.
pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")

BASES = (ChannelGate, GatedUnit, GatedNetwork)


def made(make: Callable[..., nn.Module]) -> Any:
    torch.manual_seed(0)
    return shaken(make()).eval()


def runnable(lines: tuple[str, ...]) -> type[nn.Module]:
    """The class of a listing, with the same names around it as in ``senet_lib.doctor.specimens.specimen_networks``."""
    namespace = dict(vars(specimen_networks))
    exec("\n".join(lines), namespace)
    return namespace[lines[0].removeprefix("class ").partition("(")[0]]


def remade(cls: type[nn.Module], old: Any) -> nn.Module:
    """A module of a listing's class in the place of another one, made with its defaults, with the same weights."""
    if isinstance(old, ChannelGate):
        new = cls(old.narrow.in_features)
    elif isinstance(old, GatedUnit):
        new = cls(old.conv1.in_channels, old.conv1.out_channels, old.conv1.stride[0], type(old.gate))
    else:
        new = cls()
    new.load_state_dict(old.state_dict())
    return new.eval()


def places(network: nn.Module, name: str) -> list[nn.Module]:
    """The modules of a network that are of the class of this name, or of an heir."""
    base = next(one for one in BASES if one.__name__ == name)
    return [module for module in network.modules() if isinstance(module, base)]


@pytest.mark.parametrize("which", ["faulty", "sound"])
@pytest.mark.parametrize("name", SPECIMENS)
def test_what_is_listed_computes_what_the_network_computes(name, which):
    specimen = SPECIMENS[name]
    found = listing(specimen)
    cls = runnable(getattr(found, which))
    network = made(specimen.make_faulty if which == "faulty" else specimen.make_sound)
    modules = places(network, found.name)
    assert modules
    for module in modules:
        if isinstance(module, ChannelGate):
            size = (module.narrow.in_features, 16, 16)
        else:
            size = (module.conv1.in_channels, 32, 32) if isinstance(module, GatedUnit) else specimen.input_size
        for is_training in (False, True):
            x = noise(3, *size)
            with torch.no_grad():
                expected, computed = (one.train(is_training)(x) for one in (module, remade(cls, module)))
            if name == "no-return" and which == "faulty":
                assert expected is None and computed is None
            else:
                assert torch.equal(computed, expected)


@pytest.mark.parametrize("name", SPECIMENS)
def test_the_difference_leads_from_one_listing_to_the_other(name):
    found = listing(SPECIMENS[name])
    gone = [line for mark, line in found.difference if mark == "-" and line]
    new = [line for mark, line in found.difference if mark == "+" and line]
    assert gone == [found.faulty[place] for place in found.faulty_lines]
    assert new and all(line in found.sound for line in new)
    left = [line for place, line in enumerate(found.faulty) if line and place not in found.faulty_lines]
    kept = list(filter(None, found.sound))
    for line in new:
        kept.remove(line)
    assert left == kept


@pytest.mark.parametrize("name", SPECIMENS)
def test_a_listing_is_code_to_read_and_its_name_does_not_tell(name):
    found = listing(SPECIMENS[name])
    assert found.name in [base.__name__ for base in BASES]
    assert 15 <= len(found.faulty) <= 30 and max(map(len, found.faulty)) <= 125
    assert found.faulty_lines and all(found.faulty[line].strip() for line in found.faulty_lines)
    text = "\n".join(found.faulty)
    assert "#" not in text and '"""' not in text and "->" not in text and "Tensor" not in text
    (tree,) = ast.parse(text).body
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | {"__init__", "forward"}
    assert {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} <= called


METHODS = {
    "no-hidden-unit": ("__init__", "def __init__(self, channels, reduction=64):"),
    "one-bias": ("", "biases = (False, True)"),
    "rounded-width": ("hidden_width", "return round(channels / reduction)"),
    "wrong-axes": ("squeeze", "return x.mean((1, 2))"),
    "no-return": ("forward", "x * s"),
    "norm-after-gate": ("forward", "u = self.conv2(torch.relu(self.norm1(self.conv1(x))))"),
    "projected-shortcut": ("needs_projection", "return stride == 2 or in_channels == channels"),
    "wide-stem": ("make_stem", "convolution = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)"),
}


@pytest.mark.parametrize("name", METHODS)
def test_method_and_line_of_the_fault(name):
    found = listing(SPECIMENS[name])
    assert (found.method, found.faulty[found.faulty_lines[0]].strip()) == METHODS[name]


def test_a_network_that_is_its_own_twin_has_no_listing(refused):
    specimen = replace(SPECIMENS["gates-squared"], make_sound=SPECIMENS["gates-squared"].make_faulty)
    with refused("gate applied twice", "do not differ"):
        listing(specimen)


def test_listing_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        listing(SPECIMENS["no-hidden-unit"])
