"""What the gates did in a few passes: recorded by hooks, as they are, picture by picture.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 7.2, looks at gates by class.

For a whole data set there is ``gate_statistics.py``. ``analysis.py`` has measures of what is recorded,
``interventions.py`` changes the gates.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.common.validation import require_whole
from senet_lib.gates.modules import GATES, Gates, Patterns, find_gates, watch_passes
from senet_lib.gates.moments import require_labels


@contextmanager
def record_excitations(
    model: nn.Module, blocks: Patterns = None, *, keep_passes: int | None = None, gates: Gates = GATES
) -> Iterator["ExcitationRecord"]:
    """Record the gates of each pass of a model in a ``with`` block. Afterwards the model has no hook of ours.

    For example::

        with record_excitations(model) as record:
            model(pictures)
        record["layer1.0.attention"]  # (N, C)

    A pass is one call ``model(pictures)`` that ends; calls of the model's parts alone are not recorded. The gates are
    copies without gradients, and stay on their device until you ask for them. They take memory for each pass: for a
    whole data set there is :func:`senet_lib.gates.gate_statistics.record_dataset`, or give ``keep_passes``.

    Args:
        model: any network with SE blocks, in any mode.
        blocks: which ones, as in :func:`senet_lib.gates.modules.find_gates`; None for all.
        keep_passes: number of most recent passes to keep; None for all.
        gates: where a class of SE blocks has its gate; see ``senet_lib.gates.modules.GATES``.

    Yields:
        The record; it fills as the model runs.

    Raises:
        ValueError: if the model has no such blocks, or keep_passes is out of range. In a pass: if a block runs twice in
            it or not at all, or its gates are not per-channel gates.
    """
    if keep_passes is not None:
        require_whole("keep_passes", keep_passes)
    found = find_gates(model, blocks, gates)
    record = ExcitationRecord(found, keep_passes=keep_passes)
    with watch_passes(model, found, record.add):
        yield record


class ExcitationRecord:
    """The gates of N pictures, block by block.

    Args:
        blocks: names of the SE blocks, in the order of ``named_modules()``.
        keep_passes: number of most recent passes to keep; None for all.
    """

    def __init__(self, blocks: Iterable[str], keep_passes: int | None = None):
        self.blocks = tuple(blocks)
        self._passes: deque[dict[str, Tensor]] = deque(maxlen=keep_passes)
        self._labels: deque[np.ndarray | None] = deque(maxlen=keep_passes)

    def add(self, gates: Mapping[str, Tensor], labels: Any = None) -> None:
        """Add a pass: for each block its gates (B, C), and optionally the labels (B,)."""
        self._passes.append({block: gates[block] for block in self.blocks})
        self._labels.append(None)
        if labels is not None:
            self.add_labels(labels)

    def add_labels(self, labels: Any) -> None:
        """Say which classes the newest pass had: whole numbers (B,) of at least 0, as a tensor or an array.

        Raises:
            ValueError: if nothing is recorded, or the number of labels differs from that of the pictures.
        """
        self._require_passes()
        count = len(next(iter(self._passes[-1].values())))
        self._labels[-1] = require_labels(labels, count)

    def __len__(self) -> int:
        """N, the number of pictures."""
        return sum(len(next(iter(one.values()))) for one in self._passes)

    def __getitem__(self, block: str) -> np.ndarray:
        """The gates of one block: (N, C), float32, or float64 if the model computes in it.

        Raises:
            ValueError: if there is no such block, or nothing is recorded.
        """
        require_block(block, self.blocks)
        self._require_passes()
        return _array(torch.cat([one[block] for one in self._passes]))

    @property
    def labels(self) -> np.ndarray | None:
        """The classes of the pictures, int64 (N,); None unless all passes have theirs."""
        known = [labels for labels in self._labels if labels is not None]
        return np.concatenate(known) if known and len(known) == len(self._labels) else None

    def mean(self, block: str) -> np.ndarray:
        """The mean gate of each channel over the pictures, float64 (C,). Errors are those of ``record[block]``."""
        return self[block].mean(0, dtype=np.float64)

    def _require_passes(self) -> None:
        if not self._passes:
            raise ValueError("nothing is recorded yet; call model(pictures) inside the with block")


def require_block(block: str, blocks: Sequence[str]) -> None:
    """Raise a ``ValueError`` with the names that there are, unless the block is one of them."""
    if block not in blocks:
        raise ValueError(f"there is no block {block!r} in the record; it has {', '.join(blocks)}")


def _array(s: Tensor) -> np.ndarray:
    """On the CPU; NumPy does not know all of torch's half types."""
    s = s.detach().cpu()
    return (s if s.dtype == torch.float64 else s.float()).numpy()
