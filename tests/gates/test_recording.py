"""Tests of senet_lib.gates.recording: the gates are those of the blocks, pass by pass; files come back."""

import numpy as np
import pytest
import torch

from senet_lib.gates.recording import record_excitations as recording
from tests.gates.conftest import BLOCKS
from tests.sample_networks import noise

# --- what is recorded -------------------------------------------------------------------------------------------------


def test_the_gates_are_those_that_each_block_computes(model):
    x = noise(5, 3, 16, 16)
    inputs = {}
    for name in BLOCKS:
        model.get_submodule(name).register_forward_pre_hook(lambda _, u, name=name: inputs.update({name: u[0]}))
    with recording(model) as record:
        model(x)
    assert record.blocks == BLOCKS and len(record) == 5
    for name in BLOCKS:
        block = model.get_submodule(name)
        with torch.no_grad():
            expected = block.excite(block.squeeze(inputs[name])).numpy()
        assert np.array_equal(record[name], expected)
        assert record[name].dtype == np.float32 and expected.std() > 0.01


def test_passes_follow_each_other_and_the_newest_can_be_kept_alone(model):
    with recording(model) as record, recording(model, keep_passes=2) as newest:
        for number, size in enumerate((1, 2, 3)):
            model(noise(size, 3, 16, 16, seed=number))
    assert len(record) == 6 and len(newest) == 5
    assert np.array_equal(record[BLOCKS[0]][1:], newest[BLOCKS[0]])
    assert np.allclose(record.mean(BLOCKS[1]), record[BLOCKS[1]].mean(0), atol=1e-6)


def test_recording_changes_no_output_and_training_goes_on_under_it(model):
    x = noise(4, 3, 16, 16)
    expected = model(x)
    with recording(model) as record:
        y = model(x)
        assert torch.equal(y, expected)
        y.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert not next(iter(record._passes))[BLOCKS[0]].requires_grad


def test_what_was_recorded_before_an_exception_stays(model):
    with pytest.raises(KeyboardInterrupt), recording(model) as record:
        model(noise(2, 3, 16, 16))
        raise KeyboardInterrupt
    model(noise(2, 3, 16, 16))
    assert len(record) == 2  # and nothing after it


def test_each_pass_can_have_labels(model):
    with recording(model) as record:
        model(noise(3, 3, 16, 16))
        assert record.labels is None
        record.add_labels(torch.tensor([0, 2, 0]))
        model(noise(2, 3, 16, 16, seed=1))
        assert record.labels is None  # one pass has none
        record.add_labels([2, 2])
    assert record.labels.tolist() == [0, 2, 0, 2, 2]


@pytest.mark.parametrize(
    ("dtype", "expected"), [(torch.bfloat16, np.float32), (torch.float16, np.float32), (torch.float64, np.float64)]
)
def test_other_types_of_numbers(dtype, expected, model):
    with recording(model.to(dtype)) as record:
        model(noise(2, 3, 16, 16).to(dtype))
    assert record[BLOCKS[0]].dtype == expected


# --- what is refused --------------------------------------------------------------------------------------------------


def test_wrong_blocks_and_labels_are_refused(model, refused):
    with recording(model, "layer1") as record:
        with refused("nothing is recorded yet"):
            record[BLOCKS[0]]
        with refused("nothing is recorded yet"):
            record.add_labels([0])
        model(noise(2, 3, 16, 16))
        for labels, fault in (([0], "shape (1,)"), ([0.5, 1], "float64"), ([0, -1], "-1")):
            with refused(fault):
                record.add_labels(labels)
        record.add_labels([0, 1])
    with refused("no block 'layer2.0.attention' in the record", "it has layer1.0.attention"):
        record["layer2.0.attention"]


def test_to_keep_no_pass_is_refused(model, refused):
    with refused("keep_passes is 0"), recording(model, keep_passes=0):
        pass
