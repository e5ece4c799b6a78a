"""The listings of the specimens: what they show is what runs, and the lines that they call faulty are at fault."""

import ast
import copy
from collections.abc import Callable
from inspect import signature
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from senet_lib.doctor.specimens import SPECIMENS
from senet_lib.doctor.specimens.listings import listing
from senet_lib.doctor.specimens.specimen_networks import ChannelGate, GatedNetwork, GatedUnit
from senet_lib.doctor.specimens.written_forms import WRITTEN_FORMS
from tests.sample_networks import noise, shaken

# A layer of no hidden unit has nothing to initialise, and torch says so.
pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")

PARTS: dict[str, type[nn.Module]] = {"gate": ChannelGate, "block": GatedUnit, "network": GatedNetwork}
# What a listing may use without showing it.
AROUND = {
    "torch": torch,
    "nn": nn,
    "F": F,
    "conv3x3": lambda before, after, stride=1: nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
    "SELayer": ChannelGate,
    "SEBasicBlock": lambda before, after, stride: GatedUnit(before, after, stride, ChannelGate),
}


def made(make: Callable[..., nn.Module]) -> Any:
    torch.manual_seed(0)
    return shaken(make()).eval()


def runnable(lines: tuple[str, ...]) -> Any:
    namespace = dict(AROUND)
    exec("\n".join(lines), namespace)
    return namespace[lines[0].removeprefix("class ").partition("(")[0]]


def remade(cls: Any, old: Any) -> nn.Module:
    """A module of a listing's class in the place of another one, made with its defaults, with the same weights."""
    if isinstance(old, ChannelGate):
        new = cls(old.narrow.in_features)
    elif isinstance(old, GatedUnit):
        passed = {"downsample": copy.deepcopy(old.shortcut)} if "downsample" in signature(cls).parameters else {}
        new = cls(old.conv1.in_channels, old.conv1.out_channels, old.conv1.stride[0], **passed)
    else:
        new = cls()
    for mine, theirs in zip(new.state_dict().values(), old.state_dict().values(), strict=True):
        mine.copy_(theirs.view_as(mine))  # a linear layer may be a 1x1 convolution here
    return new.eval()


@pytest.mark.parametrize("which", ["faulty", "sound"])
@pytest.mark.parametrize("name", SPECIMENS)
def test_what_is_listed_computes_what_the_network_computes(name, which):
    specimen = SPECIMENS[name]
    found = listing(name)
    cls = runnable(getattr(found, which))
    network = made(specimen.make_faulty if which == "faulty" else specimen.make_sound)
    modules = [module for module in network.modules() if isinstance(module, PARTS[found.part])]
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
                torch.testing.assert_close(computed, expected)


@pytest.mark.parametrize("name", SPECIMENS)
def test_the_difference_leads_from_one_listing_to_the_other(name):
    found = listing(name)
    gone = [line for mark, line in found.difference if mark == "-"]
    new = [line for mark, line in found.difference if mark == "+"]
    assert gone == [found.faulty[place] for place in found.faulty_lines]
    assert new and all(line in found.sound for line in new)
    left = [line for place, line in enumerate(found.faulty) if line and place not in found.faulty_lines]
    kept = list(filter(None, found.sound))
    for line in new:
        kept.remove(line)
    assert left == kept


@pytest.mark.parametrize("name", SPECIMENS)
def test_a_listing_is_short_code_whose_names_do_not_tell(name):
    found = listing(name)
    assert 10 <= len(found.faulty) <= 30 and max(map(len, found.faulty)) <= 80
    assert found.faulty_lines and all(found.faulty[line].strip() for line in found.faulty_lines)
    (tree,) = ast.parse("\n".join(found.faulty)).body
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | {"__init__", "forward"}
    assert {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} <= called
    assert found.faulty[0] == found.sound[0]


def test_few_listings_share_a_form():
    forms = [form.sound for form in WRITTEN_FORMS.values()]
    assert list(WRITTEN_FORMS) == list(SPECIMENS)
    assert max(map(forms.count, forms)) <= 3
    assert all(first != second for first, second in pairwise(forms))


METHODS = {
    "no-hidden-unit": ("__init__", "def __init__(self, num_channels, reduction_ratio=64):"),
    "rounded-width": ("__init__", "width = round(in_chnls / ratio)"),
    "no-return": ("forward", "x * self.gate(x_se)"),
    "gated-sum": ("forward", "return self.se(F.relu(out))"),
}


@pytest.mark.parametrize("name", METHODS)
def test_method_and_line_of_the_fault(name):
    found = listing(name)
    assert (found.method, found.faulty[found.faulty_lines[0]].strip()) == METHODS[name]


def test_a_specimen_that_is_not_there_has_no_listing(refused):
    with refused("name is 'all-right'", "it must be one of input-squared"):
        listing("all-right")
