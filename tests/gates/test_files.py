"""Tests of senet_lib.gates.gate_files: arrays come back from their file, and what is none is refused."""

import os

import numpy as np

from senet_lib.gates.gate_files import columns_of, read_gates, write_gates


def test_blocks_stand_side_by_side():
    columns = columns_of(np.array(["a", "b", "c"]), np.array([2, 1, 3]))
    assert columns == {"a": slice(0, 2), "b": slice(2, 3), "c": slice(3, 6)}


def test_arrays_come_back_and_no_draft_is_left(tmp_path):
    arrays = {"blocks": np.array(["a", "b"]), "gates": np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3)}
    path = write_gates("record", tmp_path / "new" / "gates.npz", arrays)
    loaded = read_gates("record", path)
    assert set(loaded) == set(arrays) and all(np.array_equal(loaded[name], arrays[name]) for name in arrays)
    assert loaded["gates"].dtype == np.float32
    assert os.listdir(path.parent) == ["gates.npz"]


def test_files_that_are_none_are_refused(tmp_path, refused):
    path = write_gates("statistics", tmp_path / "statistics.npz", {"counts": np.arange(100)})
    with refused("holds a statistics of gates, not a record", "ExcitationStatistics.load"):
        read_gates("record", path)
    with refused("missing.npz", "cannot be read"):
        read_gates("record", tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("gates")
    (tmp_path / "cut.npz").write_bytes(path.read_bytes()[:300])
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    np.savez(tmp_path / "unknown.npz", kind=np.array("weights"))
    np.savez(tmp_path / "objects.npz", kind=np.array([{}], dtype=object))
    (tmp_path / "empty.npz").touch()
    for name in ("text", "cut", "other", "unknown", "objects", "empty"):
        with refused(f"{name}.npz", "is not a valid record of gates"):
            read_gates("statistics", tmp_path / f"{name}.npz")
