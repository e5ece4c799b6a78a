"""Whole numbers: Python's and NumPy's count, truth values and fractions do not."""

import numpy as np
import pytest

from senet_lib.validation import is_whole, require_whole


@pytest.mark.parametrize("value", [0, 7, -1, np.int64(3), np.uint8(3)])
def test_whole_numbers(value):
    assert is_whole(value)


@pytest.mark.parametrize("value", [True, False, np.True_, 1.0, np.float64(2), "3", None])
def test_other_values(value):
    assert not is_whole(value)


@pytest.mark.parametrize(("value", "least"), [(0, 1), (-1, 0), (2.0, 1), (True, 0), ("4", 1)])
def test_refusal_names_the_argument_the_value_and_the_range(value, least, refused):
    with refused(f"count is {value!r}", f"at least {least}"):
        require_whole("count", value, least)


def test_the_least_number_is_accepted():
    require_whole("count", 1)
    require_whole("count", np.int64(0), least=0)
