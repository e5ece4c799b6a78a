"""Each specimen beside its twin: a test exposes the fault and passes for the twin, and both are small networks."""

from typing import Any

import pytest
import torch

from senet_lib.book.experiments.specimen_runs import NOT_ON_DIGITS, NOT_TRAINED, SPECIMEN_EXPERIMENTS, twin_of
from senet_lib.doctor.specimens import SPECIMENS, MakeNetwork
from tests.sample_networks import count_parameters, noise, shaken

# A layer of no hidden unit has nothing to initialise, and torch says so.
pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")

CLASSES = 5


def made(make: MakeNetwork, seed: int = 0, is_trained: bool = False) -> Any:
    """A new network, or one with such numbers as training leaves."""
    torch.manual_seed(seed)
    network = make(num_classes=CLASSES)
    return shaken(network).eval() if is_trained else network


@pytest.mark.parametrize("name", SPECIMENS)
@pytest.mark.parametrize("is_trained", [False, True], ids=["new", "trained"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_specimens_test_fails_for_it_and_passes_for_its_twin(name, seed, is_trained):
    specimen = SPECIMENS[name]
    with pytest.raises(AssertionError, match=r"\w.*\.$"):
        specimen.test(made(specimen.make_faulty, seed, is_trained))
    specimen.test(made(specimen.make_sound, seed, is_trained))


@pytest.mark.parametrize("name", SPECIMENS)
def test_a_test_exposes_one_kind_of_fault(name):
    """The sound network that most specimens share passes each test that fits its widths."""
    if name not in ("rounded-width", "projected-shortcut", "wide-stem"):
        SPECIMENS[name].test(made(SPECIMENS["gates-squared"].make_sound))


@pytest.mark.parametrize("name", SPECIMENS)
def test_specimens_are_small_networks_for_any_number_of_classes_with_a_sentence_each(name):
    specimen = SPECIMENS[name]
    for make in (specimen.make_sound, specimen.make_faulty):
        network = made(make, is_trained=True)
        assert count_parameters(network) < 150_000
        if name != "no-return" or make is specimen.make_sound:
            assert network(noise(2, *specimen.input_size)).shape == (2, CLASSES)
    for sentence in (specimen.fault, specimen.mend):
        assert sentence.endswith(".") and "\n" not in sentence and sentence[0].isupper()
    assert specimen.name and not specimen.name.endswith(".")


def test_every_specimen_that_can_be_trained_is_trained_beside_its_twin():
    for name, left_out in (("context-world-specimens", NOT_TRAINED), ("digits-specimens", NOT_TRAINED + NOT_ON_DIGITS)):
        arms = SPECIMEN_EXPERIMENTS[name].arms
        assert set(SPECIMENS) - set(left_out) == set(SPECIMENS) & set(arms)
        for specimen in set(SPECIMENS) & set(arms):
            assert arms[twin_of(specimen)] is SPECIMENS[specimen].make_sound
