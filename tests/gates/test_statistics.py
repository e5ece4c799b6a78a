"""Tests of senet_lib.gates.gate_statistics: they are those of all gates at once, memory stays flat, files come back."""

import gc
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor

from senet_lib.gates.gate_statistics import ExcitationStatistics, record_dataset
from senet_lib.gates.recording import record_excitations as recording
from senet_lib.networks.models import create_model
from tests.gates.conftest import BLOCKS
from tests.sample_networks import hooks_of, noise


def batches(count: int = 4, size: int = 6, classes: int = 3) -> Iterator[tuple[Tensor, Tensor]]:
    for number in range(count):
        yield noise(size, 3, 16, 16, seed=number), (torch.arange(size) + number) % classes


def test_the_statistics_are_those_of_all_gates_at_once(model):
    statistics = record_dataset(model, batches(), keep_pictures=10)
    with recording(model) as record, torch.no_grad():
        for pictures, labels in batches():
            model(pictures)
            record.add_labels(labels)
    assert len(statistics) == len(record) == 24 and statistics.num_classes == 3
    assert statistics.counts.tolist() == np.bincount(record.labels).tolist()
    for block in BLOCKS:
        gates = record[block].astype(np.float64)
        np.testing.assert_allclose(statistics.mean(block), gates.mean(0), atol=1e-12)
        np.testing.assert_allclose(statistics.spread(block), gates.std(0), atol=1e-12)
        for label in range(3):
            of_class = gates[record.labels == label]
            np.testing.assert_allclose(statistics.class_means(block)[label], of_class.mean(0), atol=1e-12)
            np.testing.assert_allclose(statistics.class_spreads(block)[label], of_class.std(0), atol=1e-12)
        assert np.array_equal(statistics.pictures[block], record[block][:10])
    assert statistics.pictures.labels.tolist() == record.labels[:10].tolist()


def test_classes_without_pictures_are_nan_and_ones_that_come_late_find_their_place(model):
    late = [(noise(2, 3, 16, 16), torch.tensor([0, 0])), (noise(2, 3, 16, 16), torch.tensor([3, 0]))]
    statistics = record_dataset(model, late)
    assert statistics.counts.tolist() == [3, 0, 0, 1]
    means = statistics.class_means(BLOCKS[0])
    assert np.isnan(means[1:3]).all() and np.isfinite(means[[0, 3]]).all()
    assert np.isnan(statistics.class_spreads(BLOCKS[0])[1]).all() and not statistics.class_spreads(BLOCKS[0])[3].any()
    assert record_dataset(model, late, num_classes=6).class_means(BLOCKS[0]).shape == (6, 16)


def test_the_data_set_runs_in_evaluation_mode_without_gradients(model):
    model.train()
    model.layer1.eval()
    modes = {name: module.training for name, module in model.named_modules()}
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    record_dataset(model, batches())
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_an_exception_leaves_no_hook_and_the_modes_of_before(model, refused):
    def broken():
        yield from batches(2)
        raise RuntimeError("disk")

    model.train()
    with pytest.raises(RuntimeError, match="disk"):
        record_dataset(model, broken())
    with refused("channels"):
        record_dataset(model, [(noise(2, 5, 16, 16), torch.zeros(2, dtype=torch.long))])
    assert hooks_of(model) == 0 and all(module.training for module in model.modules())


def test_a_compiled_network_is_recorded_as_the_one_inside(model):
    compiled = torch.compile(model, backend="eager")
    assert np.array_equal(
        record_dataset(compiled, batches()).mean(BLOCKS[0]), record_dataset(model, batches()).mean(BLOCKS[0])
    )


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux to see the process's memory")
def test_memory_stays_flat_over_ten_thousand_pictures():
    torch.manual_seed(0)
    model = create_model("se_small_resnet", in_channels=1).eval()

    def measured(count: int) -> tuple[int, int]:
        """The most that Python and NumPy had, and by how much the process grew, in bytes."""
        gc.collect()
        before = resident_bytes()
        tracemalloc.start()
        statistics = record_dataset(model, tiny(count), keep_pictures=100)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(statistics) == 100 * count and len(statistics.pictures) == 100
        return peak, resident_bytes() - before

    measured(10)
    few, _ = measured(10)
    many, grown = measured(100)
    all_gates = 10_000 * (16 + 32) * 4  # bytes that the gates of all pictures would take
    assert many - few < all_gates / 20
    assert grown < all_gates / 2


def tiny(count: int) -> Iterator[tuple[Tensor, Tensor]]:
    for number in range(count):
        yield noise(100, 1, 4, 4, seed=number), torch.arange(100) % 10


def test_wrong_arguments_for_a_data_set_are_refused(model, refused):
    with refused("a label is 2, but num_classes is 2"):
        record_dataset(model, batches(), num_classes=2)
    with refused("there are no pictures"):
        record_dataset(model, [])
    with refused("one label per picture"):
        record_dataset(model, [(noise(2, 3, 16, 16), torch.zeros(2, 3))])
    for number in (-1, 0.5):
        with refused(f"keep_pictures is {number}"):
            record_dataset(model, batches(), keep_pictures=number)
    with refused("num_classes is 0"):
        record_dataset(model, batches(), num_classes=0)
    with refused("no SE block"):
        record_dataset(torchvision.models.resnet18(), batches())
    statistics = record_dataset(model, batches(), "layer1")
    with refused("no block 'layer2.0.attention' in the record"):
        statistics.mean(BLOCKS[1])
    with refused("layer1.0.attention has other channels"):
        statistics.add({BLOCKS[0]: np.zeros((1, 5), np.float32)}, [0])
    with refused("no pictures in these statistics"):
        ExcitationStatistics(["block"]).mean("block")
