"""A file is replaced as a whole."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from senet_lib.common.atomic_files import write_atomically


def test_a_text_and_bytes_are_written_and_the_folder_is_made(tmp_path):
    path = tmp_path / "new" / "file.txt"
    assert write_atomically(path, "gâte\n") == path and path.read_bytes() == "gâte\n".encode()
    write_atomically(path, b"\0\1")
    assert path.read_bytes() == b"\0\1"


def test_several_threads_may_write_the_same_file(tmp_path):
    path = tmp_path / ("n" * 250)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: write_atomically(path, bytes([number]) * 100_000), range(100)))
    content = path.read_bytes()
    assert len(content) == 100_000 and len(set(content)) == 1
    assert os.listdir(tmp_path) == [path.name]


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "file", 7)
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path, "a folder's name")
    assert os.listdir(tmp_path) == []


def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "file.txt", "old")

    def interrupted(self, content):
        with open(self, "wb") as file:
            file.write(content[:1])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file.txt"]
