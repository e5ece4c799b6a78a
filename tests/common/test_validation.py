"""Whole numbers: Python's and NumPy's count, truth values and fractions do not."""

import numpy as np
import pytest

from senet_lib.common.validation import is_number, is_whole, require_input_size, require_whole


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


@pytest.mark.parametrize("value", [0, -1.5, np.float32(2), np.int64(3)])
def test_numbers(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [True, np.True_, "1", None, 1j])
def test_what_is_no_number(value):
    assert not is_number(value)


def test_an_input_size_is_named_with_an_example_that_fits(refused):
    assert require_input_size([np.int64(3), 8, 8]) == (3, 8, 8)
    with refused("input_size is '388'", "such as (3, 32, 32)"):
        require_input_size("388", example=(3, 32, 32))
    with refused(
        "input_size is (1, 3, 8, 8)",
        "so (3, 8, 8) if the first one is a batch; pictures of three dimensions are not supported",
    ):
        require_input_size((1, 3, 8, 8))
