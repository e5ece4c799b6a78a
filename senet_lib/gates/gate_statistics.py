"""What the gates did over a whole data set: mean and standard deviation by block and class, in constant memory.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 7.2: mean gates by class. We keep the
standard deviation within each class as well, and optionally the gates of single pictures.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from senet_lib.common.torch_modules import evaluating, unwrap
from senet_lib.common.validation import require_whole
from senet_lib.data.epoch_plan import Batch
from senet_lib.gates.modules import GATES, Gates, Patterns, find_gates, watch_passes
from senet_lib.gates.moments import ClassMoments, require_labels
from senet_lib.gates.recording import ExcitationRecord, require_block


def record_dataset(
    model: nn.Module,
    batches: Iterable[Batch],
    blocks: Patterns = None,
    *,
    num_classes: int | None = None,
    keep_pictures: int = 0,
    gates: Gates = GATES,
) -> "ExcitationStatistics":
    """Run a model over a data set in evaluation mode, and keep the gates' statistics by block and class.

    The memory does not grow with the number of pictures: each batch updates the running moments and is dropped.
    The model's modes are afterwards those from before, and it has no hook of ours.

    Args:
        model: any network with SE blocks.
        batches: pairs of pictures (B, ...) on the model's device and labels (B,), whole numbers of at least 0.
        blocks: which ones, as in :func:`senet_lib.gates.modules.find_gates`; None for all.
        num_classes: K; None for one more than the largest label.
        keep_pictures: for how many pictures, the first ones, to keep the gates themselves, in ``.pictures``.
        gates: where a class of SE blocks has its gate; see ``senet_lib.gates.modules.GATES``.

    Raises:
        ValueError: if the model has no such blocks, there are no pictures, or labels do not fit; and in a pass what
            :func:`senet_lib.gates.recording.record_excitations` raises.
    """
    require_whole("keep_pictures", keep_pictures, least=0)
    if num_classes is not None:
        require_whole("num_classes", num_classes)
    model = unwrap(model)  # compiled code may skip hooks
    found = find_gates(model, blocks, gates)
    statistics = ExcitationStatistics(found, num_classes, keep_pictures)
    newest = ExcitationRecord(found, keep_passes=1)
    with torch.inference_mode(), evaluating(model), watch_passes(model, found, newest.add):
        for pictures, labels in batches:
            model(pictures)
            statistics.add({block: newest[block] for block in newest.blocks}, labels)
    if not len(statistics):
        raise ValueError("there are no pictures in the batches; a generator that has run once is empty: make a new one")
    return statistics


class ExcitationStatistics:
    """Mean and standard deviation (divided by N, not N - 1) of the gates of N pictures of K classes, block by block.

    Args:
        blocks: names of the SE blocks, in the order of ``named_modules()``.
        num_classes: K; None for one more than the largest label so far.
        keep_pictures: for how many pictures, the first ones, to keep the gates themselves.

    Attributes:
        pictures: the kept ones; ``pictures[block]`` has the shape (kept, C).
    """

    def __init__(self, blocks: Iterable[str], num_classes: int | None = None, keep_pictures: int = 0):
        self.blocks = tuple(blocks)
        self.pictures = ExcitationRecord(self.blocks)
        self._num_classes = num_classes
        self._keep_pictures = keep_pictures
        self._columns: dict[str, slice] = {}
        self._moments = ClassMoments(num_classes or 0, 0)

    def add(self, gates: Mapping[str, np.ndarray], labels: Any) -> None:
        """Add some pictures: for each block the gates (B, C), and the labels (B,).

        Raises:
            ValueError: if the labels do not fit, or a block has other channels than before.
        """
        values = [gates[block] for block in self.blocks]
        labels = require_labels(labels, len(values[0]), self._num_classes)
        channels = [one.shape[1] for one in values]
        if not self._columns:
            self._columns = _columns_of(self.blocks, channels)
            self._moments = ClassMoments(self._num_classes or 0, sum(channels))
        elif (columns := _columns_of(self.blocks, channels)) != self._columns:
            wrong = next(block for block in self.blocks if columns[block] != self._columns[block])
            raise ValueError(f"{wrong} has other channels than in the batch before; record one model at a time")
        self._moments.add(np.concatenate(values, 1, dtype=np.float64), labels)
        if missing := min(self._keep_pictures - len(self.pictures), len(labels)):
            first = {block: torch.from_numpy(gates[block][:missing].copy()) for block in self.blocks}
            self.pictures.add(first, labels[:missing])

    def __len__(self) -> int:
        """N, the number of pictures."""
        return int(self.counts.sum())

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.counts)

    @property
    def counts(self) -> np.ndarray:
        """The number of pictures of each class, int64 (K,)."""
        return self._moments.counts

    def mean(self, block: str) -> np.ndarray:
        """The mean gate of each channel over all pictures, (C,)."""
        return self._of(block).mean()

    def spread(self, block: str) -> np.ndarray:
        """The standard deviation of each channel's gate over all pictures, (C,)."""
        return self._of(block).spread()

    def class_means(self, block: str) -> np.ndarray:
        """The mean gate of each channel for each class, (K, C); nan for a class without pictures."""
        return self._of(block).class_means()

    def class_spreads(self, block: str) -> np.ndarray:
        """The standard deviation of each channel's gate within each class, (K, C); nan without pictures."""
        return self._of(block).class_spreads()

    def _part(self, block: str) -> slice:
        require_block(block, self.blocks)
        if not self._columns:
            raise ValueError("there are no pictures in these statistics yet; record some first")
        return self._columns[block]

    def _of(self, block: str) -> ClassMoments:
        return self._moments.part(self._part(block))


def _columns_of(blocks: Iterable[str], channels: Iterable[int]) -> dict[str, slice]:
    """The columns of each block in an array in which the gates of all blocks stand side by side."""
    ends = np.cumsum(list(channels)).tolist()
    return {block: slice(start, end) for block, start, end in zip(blocks, [0, *ends], ends, strict=False)}
