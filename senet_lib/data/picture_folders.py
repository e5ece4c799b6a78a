"""Folders of pictures, one sub-folder a class: the files for training or for testing, and one of them read.

Tiny-ImageNet can stay as it is unpacked. Without folders for both, every fifth picture of a class is for testing.
"""

import os
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from senet_lib.common.messages import in_one_line

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
# Other files are ignored, but a picture that is left out has to be named.
UNREAD_SUFFIXES = (
    *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".jfif", ".tga", ".psd", ".svg", ".ico", ".exr", ".hdr"),
    *(".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2"),
)
ANNOTATIONS = "val_annotations.txt"
SPLIT_SEED = 0  # of what is drawn to split a set, always the same


def files_by_class(folder: Path, train: bool) -> dict[str, list[Path]]:
    """The training or the test files of each class, in the order of their names."""
    train_folder, test_folder = folder / "train", folder / "test"
    if not test_folder.is_dir() or (folder / "val" / ANNOTATIONS).is_file():  # Tiny-ImageNet's test has no labels
        test_folder = folder / "val"
    if not train_folder.is_dir() or not test_folder.is_dir():
        by_class = _list_pictures(folder)
        _require_classes(folder, by_class)
        return {label: _split(label, files, train) for label, files in by_class.items()}
    of_train, of_test = _list_pictures(train_folder), _list_pictures(test_folder)
    if of_train.keys() != of_test.keys():
        unpaired = sorted(of_train.keys() ^ of_test.keys())
        raise ValueError(
            f"{train_folder} and {test_folder} differ in these classes: {_shortened(unpaired)}; "
            "give each class a sub-folder of the same name in both"
        )
    return of_train if train else of_test


def _list_pictures(folder: Path) -> dict[str, list[Path]]:
    if (folder / ANNOTATIONS).is_file():
        return _list_annotated(folder)
    classes = {path.name: path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    if not classes:
        raise ValueError(f"{folder} has no sub-folders; make one for each class and put its pictures there")
    files = {label: _files_below(classes[label]) for label in sorted(classes)}
    _warn_of_unread([file for of_class in files.values() for file in of_class])
    pictures = {label: _with_suffix(of_class, PICTURE_SUFFIXES) for label, of_class in files.items()}
    for label, of_class in pictures.items():
        if not of_class:
            raise ValueError(
                f"{classes[label]} has no pictures ({', '.join(PICTURE_SUFFIXES)}); add some or delete that folder"
            )
    return pictures


def _require_classes(folder: Path, files: dict[str, list[Path]]) -> None:
    """Raise an error if what looks like a class is rather a folder of classes: train alone, or the only one."""
    for label, of_class in files.items():
        if (label == "train" or len(files) == 1) and all(file.parent != folder / label for file in of_class):
            raise ValueError(
                f"{folder / label} has no pictures itself, only folders with pictures; if those are the classes, "
                f"give {folder / label}, or put a folder test or val beside it"
            )


def _list_annotated(folder: Path) -> dict[str, list[Path]]:
    """Tiny-ImageNet's val: all pictures lie in one folder, and a table has a line for each: its name, its class, …"""
    files: dict[str, list[Path]] = {}
    for number, line in enumerate((folder / ANNOTATIONS).read_text(encoding="utf-8").splitlines(), start=1):
        name, *rest = line.split("\t")
        if not rest:
            raise ValueError(
                f"{folder / ANNOTATIONS}, line {number} is {line!r}; it must be a name, a tab, and a class"
            )
        files.setdefault(rest[0], []).append(folder / "images" / name)
    return dict(sorted(files.items()))


def _files_below(folder: Path) -> list[Path]:
    """The files of a class, however deep, in the order of their names. What is hidden is left out."""
    files = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(files, key=str)


def _with_suffix(files: list[Path], suffixes: tuple[str, ...]) -> list[Path]:
    return [file for file in files if file.suffix.lower() in suffixes]


def _warn_of_unread(files: list[Path]) -> None:
    unread = _with_suffix(files, UNREAD_SUFFIXES)
    if unread:
        formats = ", ".join(sorted({file.suffix.lower() for file in unread}))
        warnings.warn(
            f"left out, because {formats} is not read: {_shortened([str(file) for file in unread])}; "
            f"convert to one of {', '.join(PICTURE_SUFFIXES)}",
            stacklevel=2,
        )


def _shortened(names: list[str], most: int = 5) -> str:
    """The names with commas between them, the last ones as a number if there are many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _split(label: str, files: list[Path], train: bool) -> list[Path]:
    """A fifth of the files, at least one, is for testing."""
    if len(files) < 2:
        raise ValueError(
            f"class {label!r} has only {files[0]}; add a second picture, so that there is one to train and one to test"
        )
    order = np.random.default_rng(SPLIT_SEED).permutation(len(files))
    test_count = max(1, round(len(files) / 5))
    chosen = order[test_count:] if train else order[:test_count]
    return [files[i] for i in sorted(chosen)]


def read_picture(file: Path) -> Tensor:
    """Read one file, upright: uint8 (3, H, W), in memory as (H, W, 3)."""
    try:
        with Image.open(file) as picture:
            if picture.mode.startswith(("I", "F")):
                raise ValueError(f"its mode is {picture.mode}, not 8 bits a channel")
            ImageOps.exif_transpose(picture, in_place=True)
            pixels = np.array(picture if picture.mode == "RGB" else picture.convert("RGBA").convert("RGB"))
    except Exception as error:  # PIL raises many kinds of error for a broken file
        raise ValueError(
            f"{file} cannot be read as a picture ({in_one_line(error)}); repair it or delete it"
        ) from error
    return torch.from_numpy(pixels).permute(2, 0, 1)
