"""Tests of senet_lib.recording: the gates are those of the blocks, hooks go, memory stays flat, files come back."""

import gc
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from senet_lib.blocks import NoSqueeze, SqueezeExcitation
from senet_lib.insert import insert_squeeze_excitation
from senet_lib.models import create_model, resnet8, se_resnet8, se_resnet20, small_resnet, small_se_resnet
from senet_lib.recording import GATES, ExcitationRecord, ExcitationStatistics, find_gates, record_dataset
from senet_lib.recording import record_excitations as recording
from tests.networks import noise, shaken

BLOCKS = ("layer1.0.attention", "layer2.0.attention", "layer3.0.attention")


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return shaken(se_resnet8()).eval()


def batches(count: int = 4, size: int = 6, classes: int = 3) -> Iterator[tuple[Tensor, Tensor]]:
    for number in range(count):
        yield noise(size, 3, 16, 16, seed=number), (torch.arange(size) + number) % classes


def hooks_of(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def inputs_of(model: nn.Module, kinds: tuple[type[nn.Module], ...], x: Tensor) -> dict[str, tuple[nn.Module, Tensor]]:
    """The SE blocks by name, each with its input in a pass of x."""
    seen = {}
    blocks = {name: module for name, module in model.named_modules() if isinstance(module, kinds)}
    handles = [
        block.register_forward_pre_hook(lambda m, inputs, name=name: seen.update({name: (m, inputs[0].clone())}))
        for name, block in blocks.items()
    ]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return seen


# --- what is recorded -------------------------------------------------------------------------------------------------


def test_the_gates_are_those_that_each_block_computes(model):
    x = noise(5, 3, 16, 16)
    with recording(model) as record:
        model(x)
    assert record.blocks == BLOCKS and len(record) == 5
    for name, (block, u) in inputs_of(model, (SqueezeExcitation,), x).items():
        with torch.no_grad():
            expected = block.excite(block.squeeze(u)).numpy()
        assert np.array_equal(record[name], expected)
        assert record[name].dtype == np.float32 and expected.std() > 0.01


FOREIGN: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "timm seresnet18": (lambda: timm.create_model("seresnet18"), 8),
    "timm legacy_seresnet18": (lambda: timm.create_model("legacy_seresnet18"), 8),
    "timm efficientnet_b0": (lambda: timm.create_model("efficientnet_b0"), 16),
    "timm mobilenetv3_small_050": (lambda: timm.create_model("mobilenetv3_small_050"), 9),
    "timm ese_vovnet19b_dw": (lambda: timm.create_model("ese_vovnet19b_dw"), 4),
    "timm regnety_002": (lambda: timm.create_model("regnety_002"), 13),
    "torchvision mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, 9),
    "torchvision regnet_y_400mf": (torchvision.models.regnet_y_400mf, 16),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_timms_and_torchvisions_gates_are_what_their_blocks_multiply_by(name):
    make, count = FOREIGN[name]
    torch.manual_seed(0)
    model = make().eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.bias)  # gates that differ from channel to channel
    x = noise(2, 3, 64, 64)
    with recording(model) as record, torch.no_grad():
        model(x)
    assert len(record.blocks) == count
    kinds = tuple(type(model.get_submodule(block)) for block in record.blocks)
    for block, (module, u) in inputs_of(model, kinds, x).items():
        with torch.no_grad():
            assert torch.allclose(module(u), u * torch.tensor(record[block])[:, :, None, None], atol=1e-6)
        assert record[block].std() > 0.01


def test_gates_with_channels_last_are_recorded_too():
    block = timm.layers.squeeze_excite.SqueezeExciteCl(16)
    x = noise(3, 5, 4, 16)
    model = nn.Sequential(block)
    with recording(model) as record, torch.no_grad():
        y = model(x)
    assert record["0"].shape == (3, 16)
    assert torch.allclose(y, x * torch.tensor(record["0"])[:, None, None, :])


def test_a_class_of_ones_own_is_named_in_the_mapping():
    class Squeeze(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.sigmoid = nn.Linear(4, 4), nn.Sigmoid()

        def forward(self, x):
            return x * self.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]

    class Special(Squeeze):
        pass

    model = nn.Sequential(Squeeze(), Special(), SqueezeExcitation(4, 2))
    for key in (Squeeze, f"{Squeeze.__module__}.{Squeeze.__qualname__}"):
        with recording(model, gates={**GATES, key: "sigmoid"}) as record:
            model(noise(2, 4, 3, 3))
        assert record.blocks == ("0", "1", "2") and record["1"].shape == (2, 4)
    assert list(find_gates(model)) == ["2"]


def test_se_that_was_inserted_is_recorded():
    model = torchvision.models.resnet18().eval()
    names = insert_squeeze_excitation(model, ["layer1.0", "layer4"], input_size=(3, 32, 32))
    with recording(model) as record:
        model(noise(2, 3, 32, 32))
    assert record.blocks == tuple(f"{name}.attention" for name in names)


def test_passes_follow_each_other_and_the_newest_can_be_kept_alone(model):
    with recording(model) as record, recording(model, keep_passes=2) as newest:
        for number, size in enumerate((1, 2, 3)):
            model(noise(size, 3, 16, 16, seed=number))
    assert len(record) == 6 and len(newest) == 5
    assert np.array_equal(record[BLOCKS[0]][1:], newest[BLOCKS[0]])
    picture = record.picture(3)  # the first of the third pass
    assert all(np.array_equal(picture[name], record[name][3]) for name in BLOCKS)
    picture[BLOCKS[0]][:] = 7  # a copy
    assert record[BLOCKS[0]].max() <= 1
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


def test_labels_sort_the_pictures(model):
    with recording(model) as record:
        model(noise(3, 3, 16, 16))
        assert record.labels is None
        record.add_labels(torch.tensor([0, 2, 0]))
        model(noise(2, 3, 16, 16, seed=1))
        assert record.labels is None  # one pass has none
        record.add_labels([2, 2])
    assert record.labels.tolist() == [0, 2, 0, 2, 2]
    assert np.array_equal(record.of_class(BLOCKS[0], 2), record[BLOCKS[0]][[1, 3, 4]])
    assert record.of_class(BLOCKS[0], 1).shape == (0, 16)


@pytest.mark.parametrize(
    ("dtype", "expected"), [(torch.bfloat16, np.float32), (torch.float16, np.float32), (torch.float64, np.float64)]
)
def test_other_types_of_numbers(dtype, expected, model):
    with recording(model.to(dtype)) as record:
        model(noise(2, 3, 16, 16).to(dtype))
    assert record[BLOCKS[0]].dtype == expected


def test_blocks_are_chosen_by_name_pattern_or_stage():
    model = se_resnet20()
    third = [f"layer3.{number}.attention" for number in range(3)]
    assert list(find_gates(model, "layer3")) == list(find_gates(model, "layer3.*")) == third
    assert list(find_gates(model, ["layer3.1", "layer3.0.attention"])) == third[:2]
    assert list(find_gates(model, "*.1.attention")) == [f"layer{stage}.1.attention" for stage in (1, 2, 3)]
    assert len(find_gates(model)) == 9
    assert find_gates(model)["layer2.1.attention"] is model.layer2[1].attention.gate


# --- passes that count, and hooks that go -----------------------------------------------------------------------------


def test_no_hook_is_left_and_only_ours_are_taken_away(model):
    own = model.layer1[0].attention.gate.register_forward_hook(lambda *_: None)
    before = hooks_of(model)
    with recording(model):
        assert hooks_of(model) == before + 5
    assert hooks_of(model) == before
    own.remove()
    record_dataset(model, batches())
    assert hooks_of(model) == 0


def test_no_hook_is_left_after_an_exception(model, refused):
    with pytest.raises(KeyboardInterrupt), recording(model) as record:
        model(noise(2, 3, 16, 16))
        raise KeyboardInterrupt
    assert hooks_of(model) == 0 and len(record) == 2  # what was recorded stays

    def broken():
        yield from batches(2)
        raise RuntimeError("disk")

    model.train()
    with pytest.raises(RuntimeError, match="disk"):
        record_dataset(model, broken())
    with refused("channels"):
        record_dataset(model, [(noise(2, 5, 16, 16), torch.zeros(2, dtype=torch.long))])
    assert hooks_of(model) == 0 and all(module.training for module in model.modules())


def test_a_pass_that_fails_is_not_recorded(model):
    with recording(model) as record:
        fc, model.fc = model.fc, nn.Linear(3, 3)
        with pytest.raises(RuntimeError):
            model(noise(2, 3, 16, 16))
        model.fc = fc
        model(noise(3, 3, 16, 16))
    assert len(record) == 3


def test_parts_of_the_model_alone_and_checkpointing_are_no_passes(model):
    x = noise(2, 3, 16, 16)
    with recording(model) as record:
        model.features(x)
        model(x)
        model.layer1(noise(2, 16, 8, 8))
    assert len(record) == 2

    class Checkpointed(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return torch.utils.checkpoint.checkpoint(self.inner, x, use_reentrant=False)

    checkpointed = Checkpointed(model)
    with recording(checkpointed) as record:
        checkpointed(x.requires_grad_()).sum().backward()  # runs all blocks a second time
    assert len(record) == 2


def test_what_does_not_run_exactly_once_a_pass_is_refused(refused):
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.once, self.twice, self.never = (SqueezeExcitation(4, 2) for _ in range(3))

        def forward(self, x):
            return self.twice(self.twice(self.once(x)))

    model, x = Shared(), noise(2, 4, 3, 3)
    with refused("twice runs twice", "choose other blocks"), recording(model):
        model(x)
    with refused("never did not run", "choose other blocks"), recording(model, ["once", "never"]):
        model(x)
    with recording(model, "once") as record:
        model(x)
    assert record["once"].shape == (2, 4) and hooks_of(model) == 0


# --- a whole data set -------------------------------------------------------------------------------------------------


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
            np.testing.assert_allclose(statistics.class_mean(block, label), of_class.mean(0), atol=1e-12)
            np.testing.assert_allclose(statistics.class_spread(block, label), of_class.std(0), atol=1e-12)
        assert np.array_equal(statistics.pictures[block], record[block][:10])
    assert statistics.pictures.labels.tolist() == record.labels[:10].tolist()


def test_classes_without_pictures_are_nan_and_ones_that_come_late_find_their_place(model):
    late = [(noise(2, 3, 16, 16), torch.tensor([0, 0])), (noise(2, 3, 16, 16), torch.tensor([3, 0]))]
    statistics = record_dataset(model, late)
    assert statistics.counts.tolist() == [3, 0, 0, 1]
    means = statistics.class_means(BLOCKS[0])
    assert np.isnan(means[1:3]).all() and np.isfinite(means[[0, 3]]).all()
    assert np.isnan(statistics.class_spreads(BLOCKS[0])[1]).all() and not statistics.class_spread(BLOCKS[0], 3).any()
    assert record_dataset(model, late, num_classes=6).class_means(BLOCKS[0]).shape == (6, 16)


def test_the_data_set_runs_in_evaluation_mode_without_gradients(model):
    model.train()
    model.layer1.eval()
    modes = {name: module.training for name, module in model.named_modules()}
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    record_dataset(model, batches())
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_a_compiled_network_is_recorded_as_the_one_inside(model, refused):
    compiled = torch.compile(model, backend="eager")
    assert np.array_equal(
        record_dataset(compiled, batches()).mean(BLOCKS[0]), record_dataset(model, batches()).mean(BLOCKS[0])
    )
    with refused("compiled", "model._orig_mod"), recording(compiled):
        pass
    model.compile(backend="eager")
    with refused("the model is compiled"), recording(model):
        pass


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux to see the process's memory")
def test_memory_stays_flat_over_ten_thousand_pictures():
    torch.manual_seed(0)
    model = small_se_resnet(in_channels=1).eval()

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


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_record_comes_back_from_its_file(model, tmp_path):
    with recording(model) as record:
        for pictures, labels in batches(2):
            model(pictures)
            record.add_labels(labels)
    loaded = ExcitationRecord.load(record.save(tmp_path / "new" / "gates.npz"))
    assert loaded.blocks == record.blocks and loaded.labels.tolist() == record.labels.tolist()
    assert all(np.array_equal(loaded[block], record[block]) for block in BLOCKS)
    with recording(model) as unlabelled:
        model(noise(2, 3, 16, 16))
    assert ExcitationRecord.load(unlabelled.save(tmp_path / "plain.npz")).labels is None
    assert sorted(os.listdir(tmp_path)) == ["new", "plain.npz"]  # no draft is left


def test_statistics_come_back_from_their_file_and_go_on(model, tmp_path):
    first = list(batches())
    statistics = record_dataset(model, first[:2], keep_pictures=3)
    loaded = ExcitationStatistics.load(statistics.save(tmp_path / "statistics.npz"))
    for block in BLOCKS:
        assert np.array_equal(loaded.class_means(block), statistics.class_means(block), equal_nan=True)
        assert np.array_equal(loaded.class_spreads(block), statistics.class_spreads(block), equal_nan=True)
        assert np.array_equal(loaded.pictures[block], statistics.pictures[block])
    with recording(model) as record, torch.no_grad():
        for pictures, labels in first[2:]:
            model(pictures)
            loaded.add({block: record[block][-6:] for block in BLOCKS}, labels)
    whole = record_dataset(model, first)
    np.testing.assert_allclose(loaded.spread(BLOCKS[2]), whole.spread(BLOCKS[2]), atol=1e-12)
    assert len(loaded) == 24 and len(loaded.pictures) == 3


def test_files_that_are_none_are_refused(model, tmp_path, refused):
    statistics = record_dataset(model, batches())
    path = statistics.save(tmp_path / "statistics.npz")
    with refused("holds a statistics", "ExcitationStatistics.load"):
        ExcitationRecord.load(path)
    with refused("missing.npz", "cannot be read"):
        ExcitationRecord.load(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("gates")
    (tmp_path / "cut.npz").write_bytes(path.read_bytes()[:300])
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    np.savez(tmp_path / "objects.npz", kind=np.array([{}], dtype=object))
    (tmp_path / "empty.npz").touch()
    for name in ("text", "cut", "other", "objects", "empty"):
        with refused(f"{name}.npz", "is no record of gates"):
            ExcitationStatistics.load(tmp_path / f"{name}.npz")


# --- what is refused --------------------------------------------------------------------------------------------------


def test_models_without_gates_are_refused(refused):
    with refused("no SE block", "se_resnet20()", "insert_squeeze_excitation", "gates="), recording(resnet8()):
        pass
    with refused("no SE block"):
        record_dataset(torchvision.models.resnet18(), batches())
    without = small_resnet(attention=lambda channels: NoSqueeze(channels, 4))
    with refused("NoSqueeze only", "place to place", "SqueezeExcitation"), recording(without):
        pass
    with refused("model is a str", "se_resnet20()"), recording("se_resnet20"):
        pass
    with refused("DataParallel", "model.module"), recording(nn.DataParallel(se_resnet8())):
        pass


def test_gates_of_each_place_and_wrong_mappings_are_refused(refused):
    model = small_resnet(attention=lambda channels: NoSqueeze(channels, 4))
    with refused("layer1.0.attention have shape (2, 16, 4, 4)", "(B, C)"), recording(model, gates={NoSqueeze: "gate"}):
        model(noise(2, 3, 8, 8))
    with refused("layer1.0.attention, a NoSqueeze", "'sigmoid'", "it has fc1, activation, fc2, gate"):
        find_gates(model, gates={NoSqueeze: "sigmoid"})
    sigmoid = nn.Sigmoid()
    shared = nn.Sequential(*(SqueezeExcitation(4, 2, gate=lambda: sigmoid) for _ in range(2)))
    with refused("0 and 1 share one gate"):
        find_gates(shared)


def test_unknown_blocks_are_refused_with_the_names_that_there_are(model, refused):
    for blocks in ("layer4", ["layer1", "layer4"]):
        with refused("no SE block fits 'layer4'", *BLOCKS), recording(model, blocks):
            pass
    for blocks in ([], 3, [3]):
        with refused(f"blocks is {blocks!r}"), recording(model, blocks):
            pass
    with recording(model, "layer1") as record:
        model(noise(2, 3, 16, 16))
    with refused("no block 'layer2.0.attention' in the record", "it has layer1.0.attention"):
        record["layer2.0.attention"]


def test_wrong_pictures_classes_and_labels_are_refused(model, refused):
    with recording(model, "layer1") as record:
        with refused("nothing is recorded yet"):
            record[BLOCKS[0]]
        with refused("nothing is recorded yet"):
            record.add_labels([0])
        with refused("no picture is recorded"):
            record.picture(0)
        model(noise(2, 3, 16, 16))
        with refused("no labels", "add_labels"):
            record.of_class(BLOCKS[0], 0)
        for labels, fault in (([0], "shape (1,)"), ([0.5, 1], "float64"), ([0, -1], "-1")):
            with refused(fault):
                record.add_labels(labels)
        record.add_labels([0, 1])
    for index in (2, -1, 0.5, True):
        with refused(f"the picture is {index}", "0 to 1"):
            record.picture(index)
        with refused(f"the class is {index}", "0 to 1"):
            record.of_class(BLOCKS[0], index)
    statistics = record_dataset(model, batches())
    for label in (3, -1):
        with refused(f"the class is {label}", "0 to 2"):
            statistics.class_mean(BLOCKS[0], label)


def test_wrong_arguments_for_a_data_set_are_refused(model, refused):
    with refused("a label is 2, but num_classes is 2"):
        record_dataset(model, batches(), num_classes=2)
    with refused("there are no pictures"):
        record_dataset(model, [])
    with refused("one label a picture"):
        record_dataset(model, [(noise(2, 3, 16, 16), torch.zeros(2, 3))])
    for number in (-1, 0.5):
        with refused(f"keep_pictures is {number}"):
            record_dataset(model, batches(), keep_pictures=number)
    with refused("num_classes is 0"):
        record_dataset(model, batches(), num_classes=0)
    with refused("keep_passes is 0"), recording(model, keep_passes=0):
        pass
    statistics = record_dataset(model, batches(), "layer1")
    with refused("layer1.0.attention has other channels"):
        statistics.add({BLOCKS[0]: np.zeros((1, 5), np.float32)}, [0])
    with refused("no pictures in these statistics"):
        ExcitationStatistics(["block"]).mean("block")


def test_the_module_loads_neither_timm_nor_torchvision(root):
    code = "import sys, senet_lib.recording; print({'timm', 'torchvision'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True).stdout
    assert output.strip() == "set()"


def test_each_class_of_the_mapping_is_there():
    for key in GATES:
        module, _, name = key.rpartition(".")
        assert isinstance(getattr(__import__(module, fromlist=[name]), name), type)


def test_every_se_network_of_the_library_can_be_recorded():
    for name in ("se_resnet18", "se_resnet50", "se_resnext50_32x4d"):
        for placement in ("standard", "pre", "post", "identity"):
            with torch.device("meta"):
                model = create_model(name, placement=placement)
            assert len(find_gates(model)) == len(model.blocks())
