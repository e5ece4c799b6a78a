"""Tests of senet_lib.gates.interventions: new gates act where they should, and afterwards the network is as before."""

from collections.abc import Callable

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from senet_lib.gates.gate_statistics import record_dataset
from senet_lib.gates.interventions import (
    constant,
    given,
    mean_gates,
    ones,
    replace_excitations,
    shuffled,
)
from senet_lib.gates.recording import record_excitations
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests.gates.conftest import BLOCKS
from tests.sample_networks import hooks_of, noise, shaken


def logits(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return model(x)


def without_se(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> None:
    """Take all SE blocks out."""
    for parent in model.modules():
        for name, child in parent.named_children():
            if isinstance(child, kinds):
                setattr(parent, name, nn.Identity())


# --- what each replacement does ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("placement", ["standard", "pre", "post", "identity"])
def test_gates_of_one_make_the_network_without_se(placement):
    torch.manual_seed(0)
    model = shaken(create_model("se_resnet20", placement=placement)).eval()
    plain = create_model("resnet20").eval()
    plain.load_state_dict({name: tensor for name, tensor in model.state_dict().items() if "attention" not in name})
    x = noise(3, 3, 32, 32)
    before = logits(model, x)
    with replace_excitations(model, ones):
        after = logits(model, x)
    expected = logits(plain, x)
    assert (after - expected).abs().max() <= 1e-6 * expected.abs().max().clamp(min=1)
    assert (before - expected).abs().max() > 0.01  # SE did something


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (lambda: timm.create_model("seresnet18"), (timm.layers.SEModule,)),
        (lambda: timm.create_model("ese_vovnet19b_dw"), (timm.layers.EffectiveSEModule,)),
        (lambda: timm.create_model("mobilenetv3_small_050"), (timm.models._efficientnet_blocks.SqueezeExcite,)),
        (torchvision.models.mobilenet_v3_small, (torchvision.ops.SqueezeExcitation,)),
    ],
    ids=["timm seresnet18", "timm ese_vovnet", "timm mobilenetv3", "torchvision mobilenet_v3"],
)
def test_gates_of_one_take_se_out_of_timms_and_torchvisions_networks(make: Callable[[], nn.Module], kinds):
    torch.manual_seed(0)
    model = shaken(make()).eval()
    x = noise(2, 3, 64, 64)
    before = logits(model, x)
    with replace_excitations(model, ones):
        after = logits(model, x)
    assert torch.equal(logits(model, x), before)
    without_se(model, kinds)
    expected = logits(model, x)
    torch.testing.assert_close(after, expected, atol=1e-6, rtol=1e-6)
    assert not torch.allclose(before, expected, rtol=1e-3, atol=1e-5)


def test_only_the_chosen_blocks_change(model):
    plain = create_model("resnet8").eval()
    plain.load_state_dict({name: tensor for name, tensor in model.state_dict().items() if "attention" not in name})
    plain.layer1[0].attention = model.layer1[0].attention
    plain.layer3[0].attention = model.layer3[0].attention
    x = noise(2, 3, 16, 16)
    for blocks in ("layer2", "layer2.*", [BLOCKS[1]]):
        with replace_excitations(model, ones, blocks) as chosen:
            assert chosen == (BLOCKS[1],)
            torch.testing.assert_close(logits(model, x), logits(plain, x), atol=1e-6, rtol=1e-6)


def test_a_constant_multiplies_the_features(model):
    block = nn.Sequential(SqueezeExcitation(8, 2))
    x = noise(2, 8, 3, 3)
    for value in (0, 0.25, 2.0):
        with replace_excitations(block, constant(value)):
            assert torch.equal(logits(block, x), x * value)


def test_the_mean_is_that_of_the_data_and_says_nothing_of_the_picture(model):
    batches = [(noise(6, 3, 16, 16, seed=seed), torch.arange(6) % 3) for seed in range(3)]
    statistics = record_dataset(model, batches)
    with replace_excitations(model, mean_gates(statistics)), record_excitations(model) as record:
        logits(model, batches[0][0])
    for block in BLOCKS:
        np.testing.assert_allclose(record[block], np.tile(statistics.mean(block), (6, 1)), rtol=1e-6)
    with record_excitations(model) as own:
        for pictures, _ in batches:
            logits(model, pictures)
    with replace_excitations(model, mean_gates(own)), record_excitations(model) as again:
        logits(model, batches[1][0])
    np.testing.assert_allclose(again[BLOCKS[2]], record[BLOCKS[2]], rtol=1e-6)


def test_a_picture_with_its_own_gates_is_itself_and_with_others_it_is_not(model):
    x = noise(4, 3, 16, 16)
    with record_excitations(model) as record:
        before = logits(model, x)
    of_third = given({block: record[block][2] for block in BLOCKS})
    with replace_excitations(model, of_third), record_excitations(model) as replaced:
        after = logits(model, x)
    assert torch.equal(after[2], before[2])
    assert all((after[other] - before[other]).abs().max() > 1e-4 for other in (0, 1, 3))
    assert all(np.array_equal(replaced[BLOCKS[0]][row], record[BLOCKS[0]][2]) for row in range(4))


def test_each_picture_can_get_the_gates_of_its_twin(model):
    x, twins = noise(4, 3, 16, 16), noise(4, 3, 16, 16, seed=1)
    with record_excitations(model) as taken:
        answers = logits(model, twins)
    with replace_excitations(model, given(taken)), record_excitations(model) as record:
        assert torch.equal(logits(model, twins), answers)
        logits(model, x)
    assert np.array_equal(record[BLOCKS[1]][4:], taken[BLOCKS[1]])
    by_hand = {BLOCKS[0]: np.linspace(0, 1, 16), BLOCKS[1]: torch.rand(4, 32)}
    with replace_excitations(model, given(by_hand), list(by_hand)), record_excitations(model) as record:
        logits(model, x)
    np.testing.assert_allclose(record[BLOCKS[0]], np.tile(by_hand[BLOCKS[0]], (4, 1)), atol=1e-7)
    assert np.array_equal(record[BLOCKS[1]], by_hand[BLOCKS[1]].numpy())


def test_shuffled_channels_have_the_same_gates_in_another_order(model):
    x = noise(4, 3, 16, 16)

    def gates_with(seed: int) -> dict[str, np.ndarray]:
        # Around: the old gates of block 1 only, since those after it see other features.
        around = record_excitations(model, "layer1")
        with around as old, replace_excitations(model, shuffled(seed)), record_excitations(model) as new:
            logits(model, x)
        return {"old": old[BLOCKS[0]], **{block: new[block] for block in BLOCKS}}

    first = gates_with(0)
    assert np.array_equal(np.sort(first["old"]), np.sort(first[BLOCKS[0]]))
    assert not np.array_equal(first["old"], first[BLOCKS[0]])
    moved = [int(np.flatnonzero((first["old"] == column[:, None]).all(0))[0]) for column in first[BLOCKS[0]].T]
    assert sorted(moved) == list(range(16))  # one order for all pictures
    again, other = gates_with(0), gates_with(1)
    assert all(np.array_equal(first[block], again[block]) for block in first)
    assert not np.array_equal(first[BLOCKS[0]], other[BLOCKS[0]])


def test_an_own_function_sees_names_and_gates_and_gradients_pass(model):
    seen = []

    def halved(block: str, s: Tensor) -> Tensor:
        seen.append((block, tuple(s.shape)))
        return s / 2

    x = noise(2, 3, 16, 16).requires_grad_()
    with replace_excitations(model, halved):
        model(x).sum().backward()
    assert seen == [(BLOCKS[0], (2, 16)), (BLOCKS[1], (2, 32)), (BLOCKS[2], (2, 64))]
    assert model.layer1[0].attention.fc2.weight.grad.abs().sum() > 0
    model.zero_grad()
    with replace_excitations(model, ones):
        model(x).sum().backward()
    assert model.layer1[0].attention.fc2.weight.grad is None


def test_two_of_them_act_one_after_the_other(model):
    x = noise(2, 3, 16, 16)
    with (
        record_excitations(model, "layer1") as outside,
        replace_excitations(model, constant(0.5), "layer1"),
        replace_excitations(model, lambda block, s: s * s),
        record_excitations(model, "layer1") as inside,
    ):
        logits(model, x)
    with record_excitations(model, "layer1") as own:
        logits(model, x)
    assert np.array_equal(outside[BLOCKS[0]], own[BLOCKS[0]]) and (inside[BLOCKS[0]] == 0.25).all()


def test_half_precision_keeps_its_type(model):
    model = model.to(torch.bfloat16)
    with record_excitations(model) as record:
        before = logits(model, noise(2, 3, 16, 16).bfloat16())
    with replace_excitations(model, given(record)):
        after = logits(model, noise(2, 3, 16, 16).bfloat16())
    assert after.dtype == torch.bfloat16 and torch.equal(after, before)


# --- afterwards -------------------------------------------------------------------------------------------------------


def replacements() -> dict[str, Callable]:
    return {"ones": ones, "constant": constant(0.1), "shuffled": shuffled(3)}


@pytest.mark.parametrize("name", replacements())
def test_afterwards_and_after_an_error_the_outputs_are_the_same_bit_for_bit(model, name, refused):
    x = noise(3, 3, 16, 16)
    before, state = logits(model, x), {key: value.clone() for key, value in model.state_dict().items()}
    with replace_excitations(model, replacements()[name]):
        inside = logits(model, x)
    assert not torch.equal(inside, before)
    assert torch.equal(logits(model, x), before) and hooks_of(model) == 0
    with refused("channels"), replace_excitations(model, replacements()[name]):
        logits(model, noise(1, 4, 16, 16))
    assert torch.equal(logits(model, x), before) and hooks_of(model) == 0
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


# --- what is refused --------------------------------------------------------------------------------------------------


def test_wrong_replacements_are_refused(model, refused):
    x = noise(2, 3, 16, 16)
    for wrong in (1.0, None, "ones", nn.Sigmoid):
        with refused("replacement is", "constant(0.5)"), replace_excitations(model, wrong):
            pass
    for wrong, fault in (
        (lambda block, s: s[0], "shape (16,)"),
        (lambda block, s: s.numpy(), "shape (2, 16)"),
        (lambda block, s: None, "type NoneType"),
    ):
        with refused(BLOCKS[0], fault, "(2, 16)"), replace_excitations(model, wrong):
            logits(model, x)
    for value in ("1", True, float("nan"), float("inf")):
        with refused(f"value is {value!r}"):
            constant(value)
    with refused("seed is -1"):
        shuffled(-1)


def test_given_gates_that_do_not_fit_are_refused(model, refused):
    x = noise(2, 3, 16, 16)
    with record_excitations(model, "layer1") as record:
        logits(model, noise(3, 3, 16, 16))
    fault = ("no gates for layer2.0.attention", "only for layer1.0.attention")
    with refused(*fault), replace_excitations(model, given({BLOCKS[0]: record[BLOCKS[0]][0]})):
        logits(model, x)
    with refused(BLOCKS[0], "shape (3, 16)", "(2, 16)", "(16,)"), replace_excitations(model, given(record), "layer1"):
        logits(model, x)
    assert hooks_of(model) == 0
