"""Tests of senet_lib.gates.analysis: each measure on data whose answer is known, and against a plain computation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from senet_lib.gates.analysis import (
    block_similarity,
    class_means,
    class_spreads,
    effective_rank,
    explained_share,
    mutual_information,
    numerical_rank,
    permuted_information,
    saturation,
)

RANDOM = np.random.default_rng(0)
GATES = RANDOM.uniform(size=(60, 5))
LABELS = np.arange(60) % 4


# --- by class ---------------------------------------------------------------------------------------------------------


def test_means_and_spreads_are_those_of_each_class():
    means, spreads = class_means(torch.tensor(GATES), torch.tensor(LABELS)), class_spreads(GATES, LABELS)
    assert means.shape == spreads.shape == (4, 5)
    for label in range(4):
        np.testing.assert_allclose(means[label], GATES[label == LABELS].mean(0), atol=1e-14)
        np.testing.assert_allclose(spreads[label], GATES[label == LABELS].std(0), atol=1e-14)


def test_a_class_without_pictures_is_nan():
    means = class_means(GATES, LABELS * 2, num_classes=8)
    assert means.shape == (8, 5)
    assert np.isnan(means[1::2]).all() and np.isfinite(means[::2]).all()
    assert np.isnan(class_spreads(GATES, LABELS * 2)[1]).all()


# --- one block --------------------------------------------------------------------------------------------------------


def test_the_classes_explain_what_their_means_vary():
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), (5, 2, 3))
    centres = random.random((3, 4))
    assert explained_share(centres[labels], labels) == pytest.approx(1)
    values = centres[labels] + 0.1 * random.standard_normal((10, 4))
    means = class_means(values, labels)[labels]
    total = values.var(0).sum()
    assert explained_share(values, labels) == pytest.approx(means.var(0).sum() / total)
    assert explained_share(values, labels) == pytest.approx(1 - (values - means).var(0).sum() / total)
    assert explained_share(np.ones((10, 4)), labels) == 0


def test_where_the_class_does_not_matter_it_still_explains_a_little():
    """(K - 1) / (N - 1) of it, as the docstring says."""
    random = np.random.default_rng(0)
    labels = np.arange(100) % 10
    shares = [explained_share(random.standard_normal((100, 20)), labels) for _ in range(20)]
    assert np.mean(shares) == pytest.approx(9 / 99, rel=0.1)


def test_saturation_counts_what_is_beyond_the_thresholds():
    gates = np.array([[0.0, 0.1, 0.95], [0.05, 0.9, 0.95], [0.5, 0.99, 0.2], [0.09, 0.91, 0.05]])
    found = saturation(gates)
    assert found.low.tolist() == [0.75, 0, 0.25] and found.high.tolist() == [0, 0.5, 0.5]


def spread_in(directions: int, channels: int = 8, pictures: int = 200) -> np.ndarray:
    """Gates that move alike in so many directions at right angles, around a mean."""
    shape = (pictures, directions)
    moves = RANDOM.normal(size=shape)
    moves = np.linalg.qr(moves - moves.mean(0))[0]
    ways = np.linalg.qr(RANDOM.normal(size=(channels, directions)))[0]
    return 0.5 + moves @ ways.T


@pytest.mark.parametrize("directions", [1, 2, 5, 8])
def test_equal_directions_are_counted_by_both_ranks(directions):
    gates = spread_in(directions)
    assert numerical_rank(gates) == directions
    assert effective_rank(gates) == pytest.approx(directions, abs=1e-6)
    assert numerical_rank(gates.astype(np.float32)) == directions  # rounding is no direction


def test_a_weak_direction_counts_little_in_the_effective_rank():
    strong, weak = RANDOM.normal(size=(2, 500))
    gates = np.stack([strong, 1e-3 * weak, np.zeros(500)], 1)
    assert numerical_rank(gates) == 2 and 1 < effective_rank(gates) < 1.02


def test_gates_that_never_change_have_rank_0():
    for value in (0.1, 1 / 3):
        gates = np.full((30, 4), value)
        assert numerical_rank(gates) == 0 and effective_rank(gates) == 0
    assert effective_rank(np.ones((1, 4))) == 0


def test_logits_of_a_bottleneck_have_at_most_its_rank_and_the_sigmoid_bends_them():
    logits = np.maximum(RANDOM.normal(size=(400, 3)), 0) @ RANDOM.normal(size=(3, 16))
    assert numerical_rank(logits) == 3 < numerical_rank(1 / (1 + np.exp(-logits)))


# --- information ------------------------------------------------------------------------------------------------------


def test_a_gate_that_says_the_class_has_all_bits_and_one_that_does_not_has_none():
    labels = np.tile(np.arange(4), 500)
    gates = np.stack([labels / 4, labels // 2 / 1.0, RANDOM.uniform(size=2000), np.full(2000, 0.5)], 1)
    plain = mutual_information(gates, labels, bins=4, correction="none")
    assert plain[:2] == pytest.approx([2, 1]) and 0 < plain[2] < 0.02 and plain[3] == 0
    corrected = mutual_information(gates, labels, bins=4)
    assert corrected[0] == pytest.approx(2, abs=0.01) and abs(corrected[2]) < 0.005


def test_it_is_scikit_learns_number_on_the_same_bins():
    gates, labels = RANDOM.normal(size=(300, 2)), RANDOM.integers(3, size=300)
    gates[:, 0] += labels
    edges = np.quantile(gates, np.arange(1, 6) / 6, axis=0, method="lower")
    expected = [mutual_info_score(labels, np.digitize(gates[:, c], edges[:, c], right=True)) for c in range(2)]
    found = mutual_information(gates, labels, bins=6, correction="none")
    np.testing.assert_allclose(found, np.array(expected) / math.log(2), atol=1e-12)


@given(st.integers(0, 1000))
def test_any_rising_function_of_the_gate_and_any_names_of_classes_give_the_same(seed):
    random = np.random.default_rng(seed)
    gates, labels = random.normal(size=(50, 2)), random.integers(3, size=50)
    expected = mutual_information(gates, labels)
    for rising in (np.exp, np.arctan, lambda s: 3 * s - 1):
        np.testing.assert_allclose(mutual_information(rising(gates), labels), expected, atol=1e-12)
    np.testing.assert_allclose(mutual_information(gates, 7 * (2 - labels)), expected, atol=1e-12)


def test_the_correction_takes_the_bias_away():
    """Mean over many trials with nothing to know: bias as the docstring says, and about 0 with the correction."""
    bins, classes, pictures = 4, 3, 300
    plain, corrected = [], []
    for seed in range(200):
        random = np.random.default_rng(seed)
        gates, labels = random.uniform(size=(pictures, 1)), random.integers(classes, size=pictures)
        plain.append(mutual_information(gates, labels, bins, "none")[0])
        corrected.append(mutual_information(gates, labels, bins)[0])
    expected = (bins - 1) * (classes - 1) / (2 * pictures * math.log(2))  # 0.0144 bits
    assert np.mean(plain) == pytest.approx(expected, rel=0.15)
    assert abs(np.mean(corrected)) < 0.15 * expected


def test_shuffled_labels_show_what_nothing_looks_like():
    labels = RANDOM.integers(4, size=200)
    gates = np.stack([labels / 4 + RANDOM.normal(scale=0.3, size=200), RANDOM.uniform(size=200)], 1)
    nothing = permuted_information(gates, labels, permutations=30, seed=1)
    found = mutual_information(gates, labels)
    assert nothing.shape == (30, 2) and abs(nothing.mean()) < 0.05
    assert found[0] > nothing[:, 0].max() + 0.1 and found[1] < nothing[:, 1].max() + 0.05
    assert np.array_equal(nothing, permuted_information(gates, labels, permutations=30, seed=1))
    assert not np.array_equal(nothing, permuted_information(gates, labels, permutations=30, seed=2))


# --- similarity -------------------------------------------------------------------------------------------------------


def cka(x: np.ndarray, y: np.ndarray) -> float:
    return block_similarity({"first": x, "second": y})[0, 1]


def plain_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Kornblith et al., equation 3, with the linear kernel and the centring matrix written out."""
    count = len(x)
    h = np.eye(count) - 1 / count

    def hsic(a, b):
        return np.trace(a @ a.T @ h @ b @ b.T @ h) / (count - 1) ** 2

    return hsic(x, y) / math.sqrt(hsic(x, x) * hsic(y, y))


@pytest.mark.parametrize(("pictures", "first", "second"), [(40, 6, 9), (10, 30, 20), (10, 50, 2)])
def test_cka_is_the_formula(pictures, first, second):
    x, y = RANDOM.normal(size=(pictures, first)), RANDOM.normal(size=(pictures, second))
    y[:, 0] += 2 * x[:, 0]
    assert cka(x, y) == pytest.approx(plain_cka(x, y), rel=1e-9)
    assert cka(y, x) == pytest.approx(cka(x, y), rel=1e-9)


def test_cka_does_not_see_turning_scaling_and_shifting():
    x = RANDOM.normal(size=(50, 4))
    turn = np.linalg.qr(RANDOM.normal(size=(4, 4)))[0]
    assert cka(x, 3 * x @ turn + 7) == pytest.approx(1)
    many = RANDOM.normal(size=(5000, 4))
    assert cka(many, RANDOM.normal(size=(5000, 4))) < 0.01


def test_all_blocks_with_each_other():
    gates = {"a": GATES, "b": GATES[:, :2], "c": np.full((60, 3), 0.1)}
    alike = block_similarity(gates)
    assert alike.shape == (3, 3)
    assert alike[0, 1] == alike[1, 0] == pytest.approx(cka(GATES, GATES[:, :2]))
    assert np.diag(alike)[:2] == pytest.approx(1)
    assert np.isnan(alike[2]).all() and np.isnan(alike[:, 2]).all()  # gates that never change


# --- what is refused --------------------------------------------------------------------------------------------------

MEASURES = [
    lambda gates: class_means(gates, LABELS),
    lambda gates: class_spreads(gates, LABELS),
    saturation,
    effective_rank,
    numerical_rank,
    lambda gates: mutual_information(gates, LABELS),
    lambda gates: permuted_information(gates, LABELS),
    lambda gates: block_similarity({"one": gates}),
]


@pytest.mark.parametrize("measure", MEASURES)
def test_what_is_no_matrix_of_gates_is_refused(measure, refused):
    for wrong, fault in (
        (GATES[0], "shape (5,)"),
        (GATES[None], "shape (1, 60, 5)"),
        (GATES[:0], "shape (0, 5)"),
        (GATES.astype(str), "real numbers"),
        (np.where(GATES > 0.9, np.nan, GATES), "not finite"),
    ):
        with refused(fault):
            measure(wrong)


@pytest.mark.parametrize("measure", [class_means, class_spreads, mutual_information, permuted_information])
def test_labels_that_do_not_fit_are_refused(measure, refused):
    for wrong, fault in (
        (LABELS[:-1], "shape (59,), for 60 pictures"),
        (LABELS / 2, "float64"),
        (LABELS - 1, "-1"),
        (3, "shape ()"),
    ):
        with refused(fault):
            measure(GATES, wrong)


def test_classes_that_are_not_there_are_refused(refused):
    with refused("a label is 3, but num_classes is 3"):
        class_means(GATES, LABELS, num_classes=3)
    with refused("num_classes is 0"):
        class_means(GATES, LABELS, num_classes=0)


def test_settings_out_of_range_are_refused(refused):
    with refused("bins is 1", "at least 2"):
        mutual_information(GATES, LABELS, 1)
    with refused("correction is 'jackknife'", "miller-madow, none"):
        mutual_information(GATES, LABELS, correction="jackknife")
    with refused("permutations is 0"):
        permuted_information(GATES, LABELS, permutations=0)
    with refused("seed is -1"):
        permuted_information(GATES, LABELS, seed=-1)


def test_blocks_of_other_pictures_and_none_are_refused(refused):
    with refused("a has 60, b has 59 pictures"):
        block_similarity({"a": GATES, "b": GATES[1:]})
    with refused("gates of b have shape (5,)"):
        block_similarity({"a": GATES, "b": GATES[0]})
    for wrong in ({}, [GATES]):
        with refused("no blocks"):
            block_similarity(wrong)
