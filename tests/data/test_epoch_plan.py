"""Tests of senet_lib.data.epoch_plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senet_lib.data.epoch_plan import ENOUGH_PICTURES, EpochPlan, seeded_generator


def batches_of(plan: EpochPlan) -> list[list[int]]:
    return [batch[plan.own].tolist() for batch in plan.order(seeded_generator(plan.seed, 0)).split(plan.batch_size)]


def plans(processes: int, *settings, **more) -> list[EpochPlan]:
    return [EpochPlan(*settings, **more, share=(rank, processes)) for rank in range(processes)]


@given(st.integers(8, 200), st.integers(1, 6), st.integers(1, 8), st.booleans())
def test_processes_see_together_what_one_sees(pictures, multiple, processes, shuffle):
    shared = plans(processes, pictures, multiple * processes, shuffle)
    alone = EpochPlan(pictures, multiple * processes, shuffle)
    parts = [batches_of(plan) for plan in shared]
    seen = sorted(number for part in parts for batch in part for number in batch)
    left_out = set(range(pictures)) - set(seen)
    assert len(seen) == len(set(seen)) == shared[0].pictures_used
    assert len(left_out) < max(2, min(ENOUGH_PICTURES, multiple // 2)) * processes if shuffle else not left_out
    for together, batch in zip(zip(*parts, strict=False), batches_of(alone), strict=False):
        used = [number for number in batch if number not in left_out]
        assert sorted(number for part in together for number in part) == sorted(used)


@given(st.integers(8, 200), st.integers(1, 6), st.integers(1, 8))
def test_all_processes_learn_from_equally_many_pictures(pictures, multiple, processes):
    sizes = [
        [len(batch) for batch in batches_of(plan)] for plan in plans(processes, pictures, multiple * processes, True)
    ]
    assert all(one == sizes[0] for one in sizes)
    assert all(sizes[0])
    assert len(sizes[0]) == len(EpochPlan(pictures, multiple * processes, True, share=(0, processes)))


@pytest.mark.parametrize(
    ("pictures", "sizes"), [(20, [4, 4, 2]), (19, [4, 4]), (17, [4, 4]), (16, [4, 4]), (3, [1]), (7, [3])]
)
def test_a_last_batch_to_learn_from_is_cut_or_left_out(pictures, sizes):
    for plan in plans(2, pictures, 8, True):
        assert [len(batch) for batch in batches_of(plan)] == sizes


@pytest.mark.parametrize(("pictures", "last"), [(17, 8), (18, 8), (19, 8), (20, 4), (23, 7), (2, 2), (1, 1)])
def test_batch_normalisation_gets_no_last_batch_of_too_few_pictures(pictures, last):
    *_, sizes = batches_of(EpochPlan(pictures, 8, True))
    assert len(sizes) == last
    *_, sizes = batches_of(EpochPlan(pictures, 8))
    assert len(sizes) == (pictures % 8 or 8), "a test has every picture"


def test_a_process_may_have_no_part_in_the_last_batch_of_a_test():
    first, second = plans(2, 9, 8)
    assert (len(first), len(second)) == (2, 1)
    assert batches_of(first) == [[0, 2, 4, 6], [8]]
    assert batches_of(second) == [[1, 3, 5, 7], []]


def test_a_batch_that_cannot_be_shared_equally_is_refused(refused):
    with refused("batch_size is 1000", "16 processes", "use 1008"):
        EpochPlan(5000, 1000, share=(0, 16))


@pytest.mark.parametrize("shuffle", [True, False])
def test_fewer_pictures_than_processes_are_refused(refused, shuffle):
    with refused("4 processes cannot share 3 pictures", "start fewer"):
        EpochPlan(3, 8, shuffle, share=(0, 4))


@pytest.mark.parametrize("share", [(2, 2), (-1, 2), (0, 0), (0.0, 1), (0,), "01", None])
def test_a_share_that_is_none_is_refused(share, refused):
    with refused(f"share is {share!r}", "rank from 0 to processes - 1"):
        EpochPlan(10, 4, share=share)


@pytest.mark.parametrize("pictures", [0, -3, 2.5])
def test_pictures_are_whole_and_at_least_one(pictures, refused):
    with refused(f"pictures is {pictures}", "whole number of at least 1"):
        EpochPlan(pictures, 8)
