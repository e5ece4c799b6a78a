"""Which pictures come in which batch of an epoch, and which of them each of several processes takes.

Processes that share the work draw the same batches from the same seed, and each takes one picture in N of each
batch. So together they see what one process alone would see, and their results can be compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from senet_lib.common.validation import is_whole, require_whole

Share = tuple[int, int]
Batch = tuple[Tensor, Tensor]

# Batch normalisation of 2 or 3 pictures, where maps are a few pixels, makes gradients that ruin a deep network.
ENOUGH_PICTURES = 4


@dataclass(frozen=True)
class EpochPlan:
    """How an epoch is cut into batches, and the batches into shares.

    All processes must learn from equally many pictures of a batch, so that the mean of their gradients is that of the
    batch; and none from so few that batch normalisation makes nothing of them. So with ``shuffle=True`` the last batch
    is cut to a multiple of the processes, and left out, unless it is the only one, if each process would get fewer than
    ``ENOUGH_PICTURES`` of it, or fewer than half of what it gets of a full batch where that is less; and always if it
    would get a single one. Those pictures are others in each epoch.

    Without shuffling, each picture comes exactly once, and a process may have no part in the last batch. That is for
    testing.

    Attributes:
        pictures: how many there are, at least 1.
        batch_size: pictures in a batch of all processes together, a multiple of their number.
        shuffle: draw a new order for each epoch.
        seed: of the order, at least 0.
        share: (rank, processes), the rank from 0.

    Raises:
        ValueError: if an argument is out of range, or there are fewer pictures than processes.
    """

    pictures: int
    batch_size: int
    shuffle: bool = False
    seed: int = 0
    share: Share = (0, 1)

    def __post_init__(self) -> None:
        require_whole("pictures", self.pictures)
        require_whole("batch_size", self.batch_size)
        require_whole("seed", self.seed, least=0)
        _require_share(self.share, self.batch_size)
        if self.pictures_used < self.share[1]:
            raise ValueError(f"{self.share[1]} processes cannot share {self.pictures} pictures; start fewer processes")

    def __len__(self) -> int:
        """The number of batches in which this process has a part."""
        full, rest = divmod(self.pictures_used, self.batch_size)
        return full + (rest > self.share[0])

    @property
    def pictures_used(self) -> int:
        """How many pictures an epoch has for all processes together."""
        if not self.shuffle:
            return self.pictures
        full, rest = divmod(self.pictures, self.batch_size)
        each = rest // self.share[1]
        enough = max(2, min(ENOUGH_PICTURES, self.batch_size // self.share[1] // 2))
        return full * self.batch_size + (0 if full and each < enough else each * self.share[1])

    @property
    def own(self) -> slice:
        """This process's part of a batch."""
        rank, processes = self.share
        return slice(rank, None, processes)

    def order(self, generator: torch.Generator) -> Tensor:
        """The numbers of an epoch's pictures, int64 (``pictures_used``,); ``split(batch_size)`` gives the batches."""
        if not self.shuffle:
            return torch.arange(self.pictures)
        return torch.randperm(self.pictures, generator=generator)[: self.pictures_used]


class PlannedBatches:
    """Batches of epoch 0, 1, 2, … as :class:`EpochPlan` plans them. A subclass makes them, in ``_batches``.

    Args:
        plan: which pictures come in which batch.
    """

    def __init__(self, plan: EpochPlan):
        self._plan = plan

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return len(self._plan)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(0)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, counted from 0. The same seed and number always give the same batches.

        Raises:
            ValueError: if number is not a whole number of at least 0, or, when a batch is asked for, if it cannot be
                made.
        """
        require_whole("the epoch's number", number, least=0)
        return self._batches(number)

    def _batches(self, number: int) -> Iterator[Batch]:
        raise NotImplementedError


def seeded_generator(*numbers: int) -> torch.Generator:
    """A generator on the CPU, seeded by all the numbers: seed 0 in epoch 1 has nothing of seed 1 in epoch 0."""
    return torch.Generator().manual_seed(mixed_seed(*numbers))


def mixed_seed(*numbers: int) -> int:
    """One seed from several numbers of at least 0."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _require_share(share: Share, batch_size: int) -> None:
    whole = isinstance(share, tuple) and len(share) == 2 and all(is_whole(number) for number in share)
    if not whole or not 0 <= share[0] < share[1]:
        raise ValueError(f"share is {share!r}; it must be (rank, processes), with a rank from 0 to processes - 1")
    processes = share[1]
    if batch_size % processes:
        more = batch_size + processes - batch_size % processes
        raise ValueError(f"batch_size is {batch_size}, which {processes} processes cannot share equally; use {more}")
