"""Tests of senet_lib.gates.moments: the moments are those of all values at once, to the last digits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from senet_lib.gates.moments import ClassMoments, require_gates


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 1000))
def test_moments_do_not_depend_on_how_the_pictures_come_in_batches(sizes, seed):
    random = np.random.default_rng(seed)
    values, labels = random.normal(size=(sum(sizes), 3)), random.integers(3, size=sum(sizes))
    moments = ClassMoments(0, 3)
    for part in np.split(np.arange(len(labels)), np.cumsum(sizes)[:-1]):
        moments.add(values[part], labels[part])
    moments.add(values[:0], labels[:0])
    np.testing.assert_allclose(moments.mean(), values.mean(0), atol=1e-12)
    np.testing.assert_allclose(moments.spread(), values.std(0), atol=1e-12)
    for label in range(len(moments.counts)):
        of_class = values[labels == label]
        assert moments.counts[label] == len(of_class)
        if len(of_class):
            np.testing.assert_allclose(moments.class_means()[label], of_class.mean(0), atol=1e-12)
            np.testing.assert_allclose(moments.class_spreads()[label], of_class.std(0), atol=1e-12)
        else:
            assert np.isnan([moments.class_means()[label], moments.class_spreads()[label]]).all()


def test_a_tiny_spread_around_a_large_mean_keeps_its_digits():
    values = 1e4 + 1e-4 * np.random.default_rng(0).normal(size=(1000, 2))
    moments = ClassMoments(1, 2)
    for batch in np.split(values, 10):
        moments.add(batch, np.zeros(100, int))
    np.testing.assert_allclose(moments.spread(), (values - 1e4).std(0), rtol=1e-6)  # a sum of squares would give noise


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_tensors_are_gates_whatever_their_type_and_with_a_gradient(dtype):
    gates = (torch.arange(6).reshape(3, 2) / 7).to(dtype).requires_grad_()
    values = require_gates(gates)
    assert values.dtype == np.float64 and (values == np.array(gates.tolist())).all()
