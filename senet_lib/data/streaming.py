"""Pictures from a folder that is larger than memory: read, cropped and resized by worker processes as they are needed.

Section 5.1 of the paper: in training, a crop of random size and shape and a random flip; in testing, the centre of the
picture. We take the usual numbers for both: a crop of 8 to 100% of the area with sides of 3:4 to 4:3 (Szegedy et al.,
arXiv 1409.4842), and for 224 pixels a shorter side of 256.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from senet_lib.common.validation import require_whole
from senet_lib.data.batches import Normalisation
from senet_lib.data.epoch_plan import Batch, EpochPlan, PlannedBatches, Share, mixed_seed, seeded_generator
from senet_lib.data.picture_folders import files_by_class, read_picture

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SHORTER_SIDE = 256 / 224  # of a test picture, for each pixel of the crop
TRIAL_SEED = 0

Item = tuple[int, bytes, int]


class StreamedBatches(PlannedBatches):
    """A folder of pictures as normalised batches on a device, like ``Batches``, but never all of them in memory.

    A batch is (x, y): x float32 (B, 3, image_size, image_size), y int64 (B,). Seed and epoch alone decide on the order,
    the crops and the flips, whatever the number of workers. The workers start with an epoch and end with it, so that
    none is left behind and two epochs can be read at once; each of them is at most two batches ahead.

    Args:
        folder: with a sub-folder for each class, in PATH/train and PATH/test (or PATH/val), or in PATH itself; as for
            ``load_pictures("folder:PATH")``.
        train: the training pictures, in a new order each epoch, cropped and flipped at random; or the test pictures.
        batch_size: pictures in a batch of all processes together, a multiple of their number.
        image_size: height and width of a picture in a batch, in pixels.
        workers: processes that read, at least 0; with 0 this process reads.
        seed: of the order, the crops and the flips, at least 0.
        device: where the batches are needed. They are normalised there.
        share: (rank, processes) if several processes share each batch, see ``senet_lib.training.distributed``.
        mean: of each channel, black is 0 and white is 1; if you give none, that of ImageNet.
        std: standard deviation of each channel, above 0; if you give none, that of ImageNet.
        pictures: for a quick trial, how many to draw from the folder; None, or a number above theirs, for all.

    Attributes:
        classes: name of each class.
        pictures: how many there are, for all processes together.

    Raises:
        ValueError: if an argument is out of range, or the folder cannot be used. In an epoch: if a picture cannot be
            read; the message names its file.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        train: bool,
        batch_size: int = 128,
        image_size: int = 224,
        workers: int = 2,
        seed: int = 0,
        device: str | torch.device = "cpu",
        share: Share = (0, 1),
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        pictures: int | None = None,
    ):
        require_whole("image_size", image_size)
        require_whole("workers", workers, least=0)
        self._folder = _require_folder(folder)
        files = files_by_class(self._folder, train)
        self.classes = tuple(files)
        self._names, self._labels = _list(files, self._folder, pictures)
        self.pictures = len(self._labels)
        super().__init__(EpochPlan(self.pictures, batch_size, train, seed, share))
        self._normalise = Normalisation(mean, std, 3, device)
        self._settings = (train, batch_size, image_size, seed, tuple(mean), tuple(std))
        self._change = _random_crop_and_flip(image_size) if train else _centre_crop(image_size)
        self._workers = workers
        self._device = torch.device(device)
        self._fingerprint: str | None = None

    def fingerprint(self) -> str:
        """A short text that changes when a file is added, removed, renamed or resized, or a setting changes.

        The files are looked at once: a run keeps the fingerprint that it has begun with.
        """
        if self._fingerprint is None:
            digest = hashlib.sha256(repr((self._settings, self.classes)).encode())
            for name in self._names:
                digest.update(name + b"\0%d\0" % os.stat(_path(self._folder, name)).st_size)
            self._fingerprint = digest.hexdigest()[:16]
        return self._fingerprint

    def _batches(self, number: int) -> Iterator[Batch]:
        for batch in self._loader(number):
            if isinstance(batch, str):
                raise ValueError(batch)
            pictures, labels = (part.to(self._device, non_blocking=True) for part in batch)
            yield self._normalise(pictures).contiguous(memory_format=torch.channels_last), labels

    def _loader(self, number: int) -> DataLoader:
        generator = seeded_generator(self._plan.seed, number)
        return DataLoader(
            _Pictures(self._folder, self._change, (self._plan.seed, number)),
            batch_sampler=self._items(self._plan.order(generator)),
            num_workers=self._workers,
            collate_fn=_stack,
            pin_memory=self._device.type == "cuda",
            generator=generator,  # else it would draw from the generator of the whole process
        )

    def _items(self, order: Tensor) -> Iterator[list[Item]]:
        """What a worker has to know of this process's part of each batch: numbers, names and labels.

        So each name travels once an epoch. A worker that holds all names gets a copy of them when it starts, in each
        epoch, unless it is forked.
        """
        for batch in order.split(self._plan.batch_size)[: len(self)]:
            own = batch[self._plan.own].numpy()
            yield list(zip(own.tolist(), self._names[own].tolist(), self._labels[own].tolist(), strict=True))


def class_names(folder: str | Path) -> tuple[str, ...]:
    """The names of the classes that the training pictures in a folder have.

    Raises:
        ValueError: if the folder cannot be used.
    """
    return tuple(files_by_class(_require_folder(folder), train=True))


class _Pictures(Dataset):
    """One picture of an epoch, by its item: (uint8 (3, H, W), label), or what is wrong with the file.

    An error that a worker raises would reach the reader with the worker's whole traceback in its message.
    """

    def __init__(self, folder: Path, change: v2.Transform, key: tuple[int, int]):
        self.folder, self.change, self.key = folder, change, key

    def __getitem__(self, item: Item) -> tuple[Tensor, int] | str:
        number, name, label = item
        try:
            picture = read_picture(_path(self.folder, name))
        except ValueError as error:
            return str(error)
        # torchvision draws from the process's generator; so it is seeded for each picture, and put back.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(mixed_seed(*self.key, number))
            return self.change(picture), label


def _stack(items: list[tuple[Tensor, int] | str]) -> tuple[Tensor, Tensor] | str:
    """(B, 3, H, W) and (B,), or the first complaint."""
    pairs = []
    for item in items:
        if isinstance(item, str):
            return item
        pairs.append(item)
    pictures, labels = zip(*pairs, strict=True)
    return torch.stack(pictures), torch.tensor(labels)


def _random_crop_and_flip(size: int) -> v2.Transform:
    return v2.Compose([v2.RandomResizedCrop(size, antialias=True), v2.RandomHorizontalFlip()])


def _centre_crop(size: int) -> v2.Transform:
    return v2.Compose([v2.Resize(round(size * SHORTER_SIDE), antialias=True), v2.CenterCrop(size)])


def _require_folder(folder: str | Path) -> Path:
    path = Path(folder).expanduser()
    if not path.is_dir():
        problem = "is not a folder" if path.exists() else "does not exist"
        raise ValueError(f"{path} {problem}; give a folder with one sub-folder a class, or with train and val of such")
    return path


def _list(files: dict[str, list[Path]], folder: Path, count: int | None) -> tuple[NDArray[np.bytes_], Tensor]:
    """Names below the folder, (N,) bytes, and labels, int64 (N,)."""
    names = np.array([os.fsencode(file.relative_to(folder)) for of_class in files.values() for file in of_class])
    labels = torch.arange(len(files)).repeat_interleave(torch.tensor([len(of_class) for of_class in files.values()]))
    if count is None:
        return names, labels
    require_whole("pictures", count)
    drawn = np.sort(np.random.default_rng(TRIAL_SEED).permutation(len(names))[:count])
    return names[drawn], labels[torch.from_numpy(drawn)]


def _path(folder: Path, name: bytes) -> Path:
    return folder / os.fsdecode(name)
