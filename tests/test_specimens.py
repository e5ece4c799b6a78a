"""Tests of senet_lib.specimen_tests: each exposes its specimen's fault, and none is found in the sound twin."""

import pytest
import torch

from senet_lib.experiments.specimens import NOT_ON_DIGITS, NOT_TRAINED, SPECIMEN_EXPERIMENTS, twin_of
from senet_lib.specimens import SPECIMENS

# A layer of no hidden unit has nothing to initialise, and torch says so.
pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")


@pytest.mark.parametrize("name", SPECIMENS)
@pytest.mark.parametrize("seed", range(3))
def test_a_specimens_test_fails_for_it_and_passes_for_its_twin(name, seed):
    specimen = SPECIMENS[name]
    torch.manual_seed(seed)
    with pytest.raises(AssertionError, match=r"\w.*\.$"):
        specimen.test(specimen.make_faulty())
    specimen.test(specimen.make_sound())


@pytest.mark.parametrize("name", SPECIMENS)
def test_a_test_exposes_one_kind_of_fault(name):
    """The sound network that most specimens share passes each test that fits its widths."""
    if name not in ("rounded-width", "projected-shortcut", "wide-stem"):
        torch.manual_seed(0)
        SPECIMENS[name].test(SPECIMENS["gates-squared"].make_sound())


def test_every_specimen_that_can_be_trained_is_trained_beside_its_twin():
    for name, left_out in (("context-world-specimens", NOT_TRAINED), ("digits-specimens", NOT_TRAINED + NOT_ON_DIGITS)):
        arms = SPECIMEN_EXPERIMENTS[name].arms
        assert set(SPECIMENS) - set(left_out) == set(SPECIMENS) & set(arms)
        for specimen in set(SPECIMENS) & set(arms):
            assert arms[twin_of(specimen)] is SPECIMENS[specimen].make_sound
