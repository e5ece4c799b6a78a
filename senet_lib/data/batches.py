"""How pictures reach the network: in batches that are cut, augmented and normalised on the device.

Section 5.1 of the paper says how, for CIFAR: pad by 4 pixels, crop at random, flip at random, subtract the mean and
divide by the standard deviation of each channel. We deviate in nothing, but do it for a whole batch at once: the
pictures lie on the device as bytes, so that no worker processes are needed.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from senet_lib.common.validation import require_whole
from senet_lib.data.augmentation_identity import identity
from senet_lib.data.epoch_plan import Batch, EpochPlan, PlannedBatches, Share, seeded_generator
from senet_lib.data.pictures import PictureSet

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def random_flip(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each picture left to right with probability 1/2: (B, C, H, W) -> (B, C, H, W).

    Args:
        pictures: any type, on any device.
        generator: on the CPU, so that the same seed flips the same pictures on every device.
    """
    flipped = torch.rand(len(pictures), generator=generator) < 0.5
    return torch.where(flipped.to(pictures.device)[:, None, None, None], pictures.flip(3), pictures)


def random_crop(pictures: Tensor, generator: torch.Generator, padding: int = 4) -> Tensor:
    """Shift each picture by up to ``padding`` pixels in height and in width: (B, C, H, W) -> (B, C, H, W).

    This is the same as a border of ``padding`` black pixels and a crop of the old size; each picture has its own.

    Args:
        pictures: any type, on any device.
        generator: on the CPU, so that the same seed makes the same shifts on every device.
        padding: in pixels, at least 0.

    Raises:
        ValueError: if padding is not a whole number of at least 0.
    """
    require_whole("padding", padding, least=0)
    count, _, height, width = pictures.shape
    rows, columns = torch.randint(2 * padding + 1, (2, count), generator=generator).to(pictures.device)
    padded = functional.pad(pictures, (padding, padding, padding, padding))
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (B, C, 2p+1, 2p+1, H, W), a view
    return windows[torch.arange(count, device=pictures.device), :, rows, columns]  # -> (B, C, H, W)


def pad_crop_flip(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """The paper's augmentation for CIFAR: ``random_crop`` with 4 pixels, then ``random_flip``."""
    return random_flip(random_crop(pictures, generator), generator)


def channel_statistics(picture_set: PictureSet) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels of all pictures; black is 0 and white is 1.

    A byte has only 256 values, so a histogram of each channel is all we need. A channel that never changes gets a
    standard deviation of 1, so that one can divide by it.
    """
    levels = torch.arange(256, dtype=torch.float64)
    means, deviations = [], []
    for channel in picture_set.pictures.unbind(1):
        counts = torch.bincount(channel.flatten(), minlength=256).cpu().double()
        mean = (counts @ levels) / counts.sum()
        deviation = ((counts @ (levels - mean).square()) / counts.sum()).sqrt()
        means.append(mean.item() / 255)
        deviations.append(deviation.item() / 255 or 1.0)
    return tuple(means), tuple(deviations)


class Normalisation:
    """Bytes to numbers around 0, on their device: uint8 (B, C, H, W) -> float32 (B, C, H, W), (x - mean) / std.

    Args:
        mean: of each channel, black is 0 and white is 1.
        std: standard deviation of each channel, above 0.
        channels: of the pictures.
        device: where they are.

    Raises:
        ValueError: if there is not one number for each channel, or a deviation is not above 0.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], channels: int, device: str | torch.device):
        _check_statistics(tuple(mean), tuple(std), channels)
        # (C,) -> (1, C, 1, 1), in levels of a byte
        self._centre = 255 * torch.tensor(mean, dtype=torch.float32, device=device)[None, :, None, None]
        self._spread = 255 * torch.tensor(std, dtype=torch.float32, device=device)[None, :, None, None]

    def __call__(self, pictures: Tensor) -> Tensor:
        return (pictures.to(torch.float32) - self._centre) / self._spread


class Batches(PlannedBatches):
    """A picture set as normalised batches on a device.

    A batch is (x, y): x float32 (B, C, H, W), y int64 (B,). Iterating gives ``epoch(0)``. In a training loop call
    ``epoch(number)``: seed and number alone decide on the order and the augmentation, whatever ran before. So a run
    can be resumed, and two networks see the same pictures.

    The last batch is smaller if batch_size does not divide the number of pictures. With ``shuffle=True`` a last batch
    of very few pictures is left out, because batch normalisation cannot learn from them; they are others in each
    epoch. How few, and what several processes leave out, :class:`senet_lib.data.epoch_plan.EpochPlan` says.

    Args:
        picture_set: the pictures.
        batch_size: pictures in a batch, at least 1; of all processes together, and a multiple of their number.
        shuffle: draw a new order for each epoch.
        augment: turns uint8 (B, C, H, W) into uint8 (B, C, any height, any width), before normalisation; for example
            ``pad_crop_flip``, or a function of yours that calls several.
        seed: of the order and the augmentation, at least 0.
        device: where the pictures are kept and the batches made.
        mean: of each channel, black is 0 and white is 1; None for that of ``picture_set``. Test pictures need the
            statistics of the training pictures: see ``train_and_test_batches``.
        std: standard deviation of each channel, above 0; None for that of ``picture_set``.
        channels_last: keep the channels of a pixel side by side in memory, which makes convolutions faster.
        size: height and width, in pixels, to which each batch is resized on the device after the augmentation; so the
            set is kept small where the network wants large pictures. None to leave them as they are.
        share: (rank, processes) if several processes share each batch, see ``senet_lib.training.distributed``. Each
            draws and augments the whole batch, and keeps its own part: together they see what one process would see.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        picture_set: PictureSet,
        batch_size: int = 128,
        *,
        shuffle: bool = False,
        augment: Augmentation | None = None,
        seed: int = 0,
        device: str | torch.device = "cpu",
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        channels_last: bool = True,
        size: int | None = None,
        share: Share = (0, 1),
    ):
        super().__init__(EpochPlan(len(picture_set), batch_size, shuffle, seed, share))
        if size is not None:
            require_whole("size", size)
        if augment is not None and not callable(augment):
            raise ValueError(f"augment is {augment!r}; it must be a function, for example pad_crop_flip, or None")
        own_mean, own_std = channel_statistics(picture_set) if mean is None or std is None else ((), ())
        self.mean = own_mean if mean is None else tuple(mean)
        self.std = own_std if std is None else tuple(std)
        self._normalise = Normalisation(self.mean, self.std, picture_set.pictures.shape[1], device)
        self.pictures = picture_set.pictures.to(device)
        self.labels = picture_set.labels.to(device)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.augment = augment
        self.seed = seed
        self.size = size
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format

    def fingerprint(self) -> str:
        """A short text that changes when a picture, a label, the batch size, the seed or the augmentation does.

        An augmentation counts by its code and by all that it holds (``senet_lib.data.augmentation_identity``).

        Raises:
            ValueError: if it holds something by which two runs cannot be told apart, such as an open file.
        """
        digest = hashlib.sha256()
        for tensor in (self.pictures, self.labels):
            digest.update(repr(tuple(tensor.shape)).encode())
            digest.update(tensor.cpu().contiguous().numpy().data)
        size = None if self.size is None else int(self.size)
        settings = (int(self.batch_size), bool(self.shuffle), int(self.seed), size, identity(self.augment))
        digest.update(repr((settings, [*map(float, self.mean)], [*map(float, self.std)])).encode())
        return digest.hexdigest()[:16]

    def _batches(self, number: int) -> Iterator[Batch]:
        generator = seeded_generator(self.seed, number)
        own = self._plan.own
        order = self._plan.order(generator).to(self.pictures.device)
        for chosen in order.split(self.batch_size)[: len(self)]:
            pictures = self.pictures[chosen]
            if self.augment is not None:
                pictures = _checked(self.augment(pictures, generator), pictures)
            x = self._normalise(pictures[own])  # faster before the change of layout
            x = x if self.size is None else _resize(x, self.size, self.memory_format)
            yield x.contiguous(memory_format=self.memory_format), self.labels[chosen[own]]


def train_and_test_batches(
    train_set: PictureSet,
    test_set: PictureSet,
    batch_size: int = 128,
    *,
    augment: Augmentation | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    size: int | None = None,
    share: Share = (0, 1),
) -> tuple[Batches, Batches]:
    """Batches to train (shuffled, augmented) and to test (neither), both with the statistics of the training set.

    Raises:
        ValueError: if an argument is out of range, or the sets differ in their classes or their number of channels.
    """
    if train_set.classes != test_set.classes:
        raise ValueError(
            f"{train_set} has the classes {train_set.classes}, but {test_set} has {test_set.classes}; "
            "load both under the same name"
        )
    mean, std = channel_statistics(train_set)
    shared: dict[str, Any] = {"seed": seed, "device": device, "mean": mean, "std": std, "size": size, "share": share}
    train = Batches(train_set, batch_size, shuffle=True, augment=augment, **shared)
    return train, Batches(test_set, batch_size, **shared)


def _resize(x: Tensor, size: int, memory_format: torch.memory_format) -> Tensor:
    """Resize without aliasing: float (B, C, H, W) -> (B, C, size, size).

    Interpolation is linear, so a matrix mixes the rows and another one the columns. On a CPU these two products take a
    fraction of the time of ``functional.interpolate``.
    """
    rows, columns = (_interpolation(length, size, x.device) for length in x.shape[2:])
    x = x @ columns  # -> (B, C, H, size)
    if memory_format == torch.contiguous_format:
        return rows.T @ x
    x = rows.T @ x.permute(0, 2, 3, 1).flatten(2)  # (B, H, size * C) -> (B, size, size * C)
    return x.unflatten(2, (size, -1)).permute(0, 3, 1, 2)


def _interpolation(length: int, size: int, device: torch.device) -> Tensor:
    """The matrix (length, size) by which a row of ``length`` pixels becomes one of ``size``."""
    unit = torch.eye(length, device=device)[None, None]
    return functional.interpolate(unit, (length, size), mode="bilinear", antialias=True)[0, 0]


def _check_statistics(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> None:
    for name, values in (("mean", mean), ("std", std)):
        if len(values) != channels:
            raise ValueError(f"{name} has {len(values)} numbers, but the pictures have {channels} channels")
    if not all(value > 0 for value in std):
        raise ValueError(f"std is {std}; each number must be above 0")


def _checked(augmented: Tensor, pictures: Tensor) -> Tensor:
    if augmented.dtype != torch.uint8 or augmented.dim() != 4 or augmented.shape[:2] != pictures.shape[:2]:
        raise ValueError(
            f"augment returned {augmented.dtype} of shape {tuple(augmented.shape)}; "
            f"it must return torch.uint8 of shape ({pictures.shape[0]}, {pictures.shape[1]}, H, W)"
        )
    return augmented
