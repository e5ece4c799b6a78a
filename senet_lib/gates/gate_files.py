"""Files of recorded gates (.npz): NumPy arrays, which cannot run code, with the kind of record they are.

In an array the gates of all blocks stand side by side; :func:`columns_of` gives the columns of each block.
"""

from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from senet_lib.common.atomic_files import write_atomically

LOADERS = {"record": "ExcitationRecord", "statistics": "ExcitationStatistics"}


def columns_of(blocks: Iterable[str], channels: Iterable[int]) -> dict[str, slice]:
    """The columns of each block, from the blocks' names and numbers of channels, in this order."""
    ends = np.cumsum([int(count) for count in channels]).tolist()
    return {str(block): slice(start, end) for block, start, end in zip(blocks, [0, *ends], ends, strict=False)}


def write_gates(kind: str, path: str | Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """Write a file atomically; its folder is created.

    Args:
        kind: one of ``LOADERS``.
        path: of the file.
        arrays: by name; none of them "kind".
    """
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, kind=np.array(kind), **arrays)
    return write_atomically(Path(path), buffer.getvalue())


def read_gates(kind: str, path: str | Path) -> dict[str, np.ndarray]:
    """The arrays that :func:`write_gates` has written.

    Raises:
        ValueError: if there is no such file, or it holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        found = str(arrays.pop("kind"))
        loader = LOADERS[found]
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error}); give a file that save has written") from None
    except (ValueError, KeyError, TypeError, EOFError, BadZipFile):
        raise ValueError(f"{path} is not a valid record of gates; give a file that save has written") from None
    if found != kind:
        raise ValueError(f"{path} holds a {found} of gates, not a {kind}; read it with {loader}.load")
    return arrays
