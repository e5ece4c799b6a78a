"""Where pictures come from: every picture set is one tensor of bytes and one tensor of labels.

The paper trains on CIFAR-10 and CIFAR-100 (Section 5.1, Tables 4 and 5) and on ImageNet. We add two sets that need no
network, "digits" and "context-world", and the reader's own folder; we leave ImageNet out, because it does not fit
into memory.
"""

import difflib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from senet_lib.common.messages import in_one_line
from senet_lib.common.validation import is_whole
from senet_lib.data.context_world import SHAPES, ContextWorld
from senet_lib.data.distance_world import MOST_GAP, DistanceWorld
from senet_lib.data.pair_world import PairWorld
from senet_lib.data.picture_folders import SPLIT_SEED, files_by_class, read_picture

Size = tuple[int, int]
Loader = Callable[[bool, Path], "PictureSet"]

FOLDER = "folder:"
DISTANCE_WORLD = "distance-world:"
SILENCE_SECONDS = 60.0
# Pictures that are resized together: as floating point, 256 pictures of 3x224x224 take 154 MB.
RESIZE_COUNT = 256


@dataclass(frozen=True, eq=False, repr=False)
class PictureSet:
    """Pictures and their labels.

    Attributes:
        pictures: uint8 (N, C, H, W), 0 to 255.
        labels: int64 (N,), index into ``classes``.
        classes: name of each class.
        name: what the set is called.

    Raises:
        ValueError: if a shape, a type or a label does not fit.
    """

    pictures: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    name: str

    def __post_init__(self) -> None:
        pictures, labels = self.pictures, self.labels
        if pictures.dim() != 4 or pictures.numel() == 0 or pictures.dtype != torch.uint8:
            raise ValueError(
                f"the pictures have shape {tuple(pictures.shape)} and type {pictures.dtype}; "
                "they must be uint8 (N, C, H, W), with at least one picture"
            )
        if labels.shape != pictures.shape[:1] or labels.dtype != torch.int64:
            raise ValueError(
                f"the labels have shape {tuple(labels.shape)} and type {labels.dtype}; "
                f"they must be int64 ({len(pictures)},), one for each picture"
            )
        lowest, highest = int(labels.min()), int(labels.max())
        if lowest < 0 or highest >= len(self.classes):
            raise ValueError(
                f"the labels run from {lowest} to {highest}; "
                f"with {len(self.classes)} classes they must be in 0..{len(self.classes) - 1}"
            )

    def __len__(self) -> int:
        return len(self.pictures)

    def __repr__(self) -> str:
        shape = "x".join(str(length) for length in self.pictures.shape[1:])
        return f"PictureSet({self.name!r}: {len(self)} pictures of {shape}, {len(self.classes)} classes)"

    def subset(self, count: int) -> "PictureSet":
        """The first ``count`` pictures, from 1 to all. They share memory with this set."""
        if not is_whole(count) or not 1 <= count <= len(self):
            raise ValueError(f"count is {count!r}; it must be a whole number from 1 to {len(self)}")
        return PictureSet(self.pictures[:count], self.labels[:count], self.classes, self.name)


def list_picture_sets() -> tuple[str, ...]:
    """The names that ``load_pictures`` knows; "folder:PATH" stands for any folder of yours."""
    return (*PICTURE_SETS, f"{DISTANCE_WORLD}GAP", f"{FOLDER}PATH")


def load_pictures(
    name: str,
    *,
    train: bool = True,
    root: str | Path = "~/.cache/senet_lib",
    size: int | Sequence[int] | None = None,
) -> PictureSet:
    """Load a picture set by name.

    "digits" and "context-world" need no network. "cifar10", "cifar100", "mnist" and "fashion-mnist" are downloaded
    once. "folder:PATH" reads your own pictures, one sub-folder a class, in which they may lie deeper: from PATH/train
    and PATH/test (or PATH/val) if there are such folders; otherwise every fifth picture of a class, drawn at random
    but always the same, is for testing. Tiny-ImageNet can stay as it is unpacked. Transparency is ignored. A warning
    names pictures in formats that are not read; other files are ignored.

    Args:
        name: one of ``list_picture_sets()``.
        train: the training pictures, or the test pictures.
        root: where downloads are kept, laid out as torchvision does it.
        size: (height, width), or one number for both, in pixels. Resizing does not keep the aspect ratio.

    Raises:
        ValueError: if the name or the size is wrong, or a folder or a picture in it cannot be used.
        ConnectionError: if the set has to be downloaded and cannot be reached.
        OSError: if a download is cut short or corrupted, or root cannot be used.
    """
    pair = None if size is None else _height_and_width(size)
    if isinstance(name, str) and name.startswith(FOLDER):
        return _load_folder(name, train, pair)
    if isinstance(name, str) and name.startswith(DISTANCE_WORLD):
        return _load_distance_world(name, train, pair)
    if not isinstance(name, str) or name not in PICTURE_SETS:
        raise ValueError(_unknown_name(name))
    picture_set = PICTURE_SETS[name](train, Path(root).expanduser())
    if pair is None:
        return picture_set
    return PictureSet(_resize(picture_set.pictures, pair), picture_set.labels, picture_set.classes, name)


def _unknown_name(name: str) -> str:
    if name and Path(str(name)).is_dir():
        hint = f"did you mean '{FOLDER}{name}'? "
    else:
        start = str(name).lower().partition(":")[0]
        near = difflib.get_close_matches(start, (*PICTURE_SETS, "folder"), n=1, cutoff=0.5)
        near = [f"{FOLDER}PATH"] if near == ["folder"] else near
        hint = f"did you mean {near[0]!r}? " if near else ""
    return f"there is no picture set {name!r}; {hint}Choose one of {', '.join(list_picture_sets())}"


def _height_and_width(size: int | Sequence[int]) -> Size:
    pair = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(pair) != 2 or not all(is_whole(n) and n >= 1 for n in pair):
        raise ValueError(f"size is {size!r}; it must be (height, width) or one number, in pixels, at least 1")
    return pair[0], pair[1]


def _resize(pictures: Tensor, size: Size) -> Tensor:
    """Resize without aliasing: uint8 (N, C, H, W) -> uint8 (N, C, *size)."""
    if pictures.shape[2:] == size:
        return pictures
    resized = torch.empty(*pictures.shape[:2], *size, dtype=torch.uint8)
    for start in range(0, len(pictures), RESIZE_COUNT):
        part = pictures[start : start + RESIZE_COUNT].float()
        part = functional.interpolate(part, size, mode="bilinear", align_corners=False, antialias=True)
        resized[start : start + RESIZE_COUNT] = part.round().clamp(0, 255)
    return resized


def _load_digits(train: bool, root: Path) -> PictureSet:
    """The 1,797 digits of scikit-learn, 8x8: 1,437 to train and 360 to test, with each class in both alike."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(digits.target))
    by_class = order[np.argsort(digits.target[order], kind="stable")]
    test = np.sort(by_class[::5])
    rows = np.setdiff1d(order, test) if train else test
    levels = np.rint(digits.images[rows] * (255 / 16)).astype(np.uint8)  # (N, 8, 8), 0..16 -> 0..255
    labels = torch.from_numpy(digits.target[rows].astype(np.int64))
    return PictureSet(torch.from_numpy(levels)[:, None], labels, tuple("0123456789"), "digits")


def _load_distance_world(name: str, train: bool, size: Size | None) -> PictureSet:
    gap = name.removeprefix(DISTANCE_WORLD)
    if not gap.isdecimal() or int(gap) > MOST_GAP:
        raise ValueError(f"{name!r}: the gap is {gap!r}; write {DISTANCE_WORLD}GAP, with a whole number to {MOST_GAP}")
    made = _picture_set(DistanceWorld.generate(**_scenes(train), gap=int(gap)), name)
    return made if size is None else PictureSet(_resize(made.pictures, size), made.labels, made.classes, name)


def _scenes(train: bool) -> dict[str, int]:
    """8,000 scenes of seed 0 to train, 2,000 scenes of seed 1 to test."""
    return {"count": 8_000, "seed": 0} if train else {"count": 2_000, "seed": 1}


def _picture_set(world: ContextWorld | DistanceWorld | PairWorld, name: str) -> PictureSet:
    return PictureSet(torch.from_numpy(world.pictures), torch.from_numpy(world.labels), SHAPES, name)


def _torchvision_loader(name: str, class_name: str, folder: str) -> Loader:
    """A loader for a torchvision class that keeps its files in ``root / folder``."""

    def load(train: bool, root: Path) -> PictureSet:
        from torchvision import datasets

        dataset_class = getattr(datasets, class_name)
        if not (root / folder).exists():
            _download(name, dataset_class, root, folder)
        try:
            dataset = dataset_class(root, train=train)
        except (AssertionError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise OSError(
                f"the files of {name!r} in {root / folder} are damaged ({in_one_line(error)}); "
                "delete that folder and load again"
            ) from error
        pictures = torch.as_tensor(dataset.data)
        # (N, H, W) or (N, H, W, C) -> (N, C, H, W)
        pictures = pictures[:, None] if pictures.dim() == 3 else pictures.permute(0, 3, 1, 2).contiguous()
        labels = torch.as_tensor(dataset.targets, dtype=torch.int64)
        return PictureSet(pictures, labels, tuple(dataset.classes), name)

    return load


def _download(name: str, dataset_class: Callable[..., object], root: Path, folder: str) -> None:
    """Download into a temporary folder beside ``root / folder``; move it there only when torchvision finds it whole."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(dir=root, prefix=f".{name}-")
    except OSError as error:
        raise OSError(
            f"root is {root}, where nothing can be kept ({in_one_line(error)}); choose another root"
        ) from error
    with temporary, _no_endless_silence():
        partial = Path(temporary.name)
        try:
            dataset_class(partial, download=True)  # checks the checksums
        except (OSError, RuntimeError, HTTPException) as error:
            if any(path.is_file() for path in partial.rglob("*")):
                raise OSError(
                    f"the download of {name!r} was cut short or corrupted ({in_one_line(error)}); "
                    f"nothing of it was kept in {root}; try again"
                ) from error
            raise ConnectionError(
                f"{name!r} is not in {root / folder} and cannot be downloaded ({in_one_line(error)}); connect to the "
                f"internet and try again, or use what works without: digits, context-world, {FOLDER}PATH"
            ) from error
        try:
            os.rename(partial / folder, root / folder)
        except OSError:
            if not (root / folder).exists():
                raise
            # Another process was faster. Its folder is as good as ours.


@contextmanager
def _no_endless_silence() -> Iterator[None]:
    """Give up when a server says nothing for ``SILENCE_SECONDS``; torchvision itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


PICTURE_SETS: dict[str, Loader] = {
    "digits": _load_digits,
    "context-world": lambda train, root: _picture_set(ContextWorld.generate(**_scenes(train)), "context-world"),
    "pair-world": lambda train, root: _picture_set(PairWorld.generate(**_scenes(train)), "pair-world"),
    "cifar10": _torchvision_loader("cifar10", "CIFAR10", "cifar-10-batches-py"),
    "cifar100": _torchvision_loader("cifar100", "CIFAR100", "cifar-100-python"),
    "mnist": _torchvision_loader("mnist", "MNIST", "MNIST"),
    "fashion-mnist": _torchvision_loader("fashion-mnist", "FashionMNIST", "FashionMNIST"),
}


def _load_folder(name: str, train: bool, size: Size | None) -> PictureSet:
    folder = Path(name.removeprefix(FOLDER)).expanduser()
    if name == FOLDER or not folder.is_dir():
        problem = "is not a folder" if name != FOLDER and folder.exists() else "does not exist"
        raise ValueError(f"{name!r}: {folder} {problem}; write {FOLDER}PATH, with one sub-folder a class in PATH")
    files = files_by_class(folder, train)
    labelled = [(file, label) for label, of_class in enumerate(files.values()) for file in of_class]
    # Mixed, so that the first pictures are not all of one class.
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labelled))
    pictures = _read_pictures([labelled[i][0] for i in order], size)
    labels = torch.tensor([labelled[i][1] for i in order], dtype=torch.int64)
    return PictureSet(pictures, labels, tuple(files), name)


def _read_pictures(files: list[Path], size: Size | None) -> Tensor:
    """Read the files: uint8 (N, 3, H, W)."""
    pictures = []
    for file in files:
        picture = read_picture(file)
        pictures.append(picture if size is None else _resize(picture[None], size)[0])
        if pictures[-1].shape != pictures[0].shape:
            (first_height, first_width), (height, width) = pictures[0].shape[1:], picture.shape[1:]
            raise ValueError(
                f"pictures differ in size (height x width): {files[0]} is {first_height}x{first_width}, "
                f"{file} is {height}x{width}; pass size=(height, width) to resize them all"
            )
    return torch.stack(pictures)
