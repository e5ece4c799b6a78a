"""Tests of senet_lib.data.streaming."""

import multiprocessing
import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from senet_lib.data import load_pictures, streaming
from senet_lib.data.picture_folders import read_picture
from senet_lib.data.streaming import IMAGENET_MEAN, IMAGENET_STD, StreamedBatches

SMALL = {"batch_size": 4, "image_size": 28, "workers": 0}
BYTES = {"mean": (0, 0, 0), "std": (1 / 255,) * 3}  # batches then hold levels from 0 to 255


def save(path: Path, height: int, width: int, seed: int = 0, **options) -> Path:
    """A picture of 8x8 coloured fields."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(fields).resize((width, height), Image.Resampling.NEAREST).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    """11 pictures of two classes to train and 5 to test, all of other sizes."""
    for split, counts in (("train", {"cat": 5, "dog": 6}), ("val", {"cat": 2, "dog": 3})):
        for label, count in counts.items():
            for number in range(count):
                save(tmp_path / "set" / split / label / f"{number}.jpg", 36 + 5 * number, 60 - 4 * number, number)
    return tmp_path / "set"


def same(first, second) -> bool:
    pairs = zip(first, second, strict=True)
    return all(torch.equal(x, other_x) and torch.equal(y, other_y) for (x, y), (other_x, other_y) in pairs)


# --- batches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("train", "sizes", "counts"), [(True, [4, 4, 3], {0: 5, 1: 6}), (False, [4, 1], {0: 2, 1: 3})])
def test_an_epoch_holds_every_picture_once(folder, train, sizes, counts):
    batches = StreamedBatches(folder, train=train, **SMALL)
    parts = list(batches.epoch(1))
    assert [len(y) for _, y in parts] == sizes and len(batches) == len(sizes)
    assert Counter(torch.cat([y for _, y in parts]).tolist()) == counts
    assert all(x.shape[1:] == (3, 28, 28) and x.dtype == torch.float32 for x, _ in parts)
    assert parts[0][0].is_contiguous(memory_format=torch.channels_last)
    assert (batches.classes, batches.pictures) == (("cat", "dog"), sum(sizes))


@pytest.mark.parametrize("train", [True, False])
def test_the_number_of_workers_changes_no_bit(folder, train):
    alone, helped = (StreamedBatches(folder, train=train, **SMALL | {"workers": workers}) for workers in (0, 2))
    assert same(alone.epoch(3), helped.epoch(3))


def test_an_epoch_depends_on_seed_and_number_alone(folder):
    batches = StreamedBatches(folder, train=True, **SMALL)
    wanted = list(batches.epoch(1))
    assert same(batches.epoch(1), wanted)
    assert same(StreamedBatches(folder, train=True, **SMALL).epoch(1), wanted)
    assert same(batches, batches.epoch(0))
    for other in (batches.epoch(0), StreamedBatches(folder, train=True, seed=1, **SMALL).epoch(1)):
        assert not torch.equal(next(iter(other))[0], wanted[0][0])


@pytest.mark.parametrize("workers", [0, 1])
def test_two_epochs_can_be_read_at_once(folder, workers):
    batches = StreamedBatches(folder, train=True, **SMALL | {"workers": workers})
    wanted = list(batches.epoch(0)), list(batches.epoch(1))
    pairs = list(zip(batches.epoch(0), batches.epoch(1), strict=True))
    assert same([one for one, _ in pairs], wanted[0]) and same([other for _, other in pairs], wanted[1])


@pytest.mark.parametrize("workers", [0, 1])
def test_the_random_numbers_of_the_process_are_left_alone(folder, workers):
    before = torch.get_rng_state()
    list(StreamedBatches(folder, train=True, **SMALL | {"workers": workers}))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture
def start_method(request):
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(request.param, force=True)
    yield request.param
    multiprocessing.set_start_method(before, force=True)


@pytest.mark.parametrize("start_method", ["spawn", "forkserver"], indirect=True)
def test_workers_may_start_afresh(folder, start_method):
    wanted = StreamedBatches(folder, train=True, **SMALL).epoch(1)
    assert same(StreamedBatches(folder, train=True, **SMALL | {"workers": 1}).epoch(1), wanted)


def test_a_worker_gets_no_list_of_all_files(folder):
    """A worker that is spawned gets a pickle of its loader's data set, in each epoch."""
    few, all_ = (StreamedBatches(folder, train=True, pictures=count, **SMALL) for count in (2, None))
    sent = [len(pickle.dumps(batches._loader(0).dataset)) for batches in (few, all_)]
    assert sent[0] == sent[1] < 10_000


def test_only_the_pictures_of_a_batch_are_read(folder, monkeypatch):
    read = []
    monkeypatch.setattr(streaming, "read_picture", lambda file: read.append(file) or read_picture(file))
    epoch = StreamedBatches(folder, train=True, **SMALL).epoch(0)
    assert not read
    next(epoch)
    assert len(read) == 4


def test_processes_share_each_batch(folder):
    whole = list(StreamedBatches(folder, train=True, **SMALL).epoch(2))
    for rank in range(2):
        part = list(StreamedBatches(folder, train=True, share=(rank, 2), **SMALL).epoch(2))
        assert same(part[:2], [(x[rank::2], y[rank::2]) for x, y in whole[:2]])
        assert len(part) == 2, "of the last 3 pictures each process would have one"


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_a_test_picture_is_the_centre_of_the_resized_picture(tmp_path):
    file = save(tmp_path / "val" / "a" / "0.jpg", 32, 40)
    save(tmp_path / "val" / "a" / "1.jpg", 64, 96)
    save(tmp_path / "train" / "a" / "0.jpg", 8, 8)
    ((x, _),) = StreamedBatches(tmp_path, train=False, **SMALL, **BYTES)
    # 28 * 256 / 224 = 32: the first picture needs no resizing.
    torch.testing.assert_close(x[0].round(), read_picture(file)[:, 2:30, 6:34].float(), atol=0, rtol=0)
    with Image.open(tmp_path / "val" / "a" / "1.jpg") as picture:
        half = np.array(picture.resize((48, 32), Image.Resampling.BILINEAR))
    expected = torch.from_numpy(half[2:30, 10:38]).permute(2, 0, 1).float()
    assert (x[1] - expected).abs().max() < 2


def test_training_pictures_are_crops_of_random_size_and_half_of_them_are_mirrored(tmp_path):
    ramp = np.linspace(0, 255, 64).astype(np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2)
    for split in ("train", "val"):
        (tmp_path / split / "a").mkdir(parents=True)
        for number in range(150 if split == "train" else 1):
            Image.fromarray(ramp).save(tmp_path / split / "a" / f"{number}.png")
    (x, _), *_ = StreamedBatches(tmp_path, train=True, **SMALL | {"batch_size": 150}, **BYTES)
    rise = x[:, 0, 14, -1] - x[:, 0, 14, 0]  # of the grey level from left to right: 255 for the whole width
    assert 50 < (rise < 0).sum() < 100
    widths = rise.abs() / 255
    assert widths.min() < 0.4 and widths.max() > 0.9 and widths.std() > 0.1
    assert x[:, 0, 14].mean(1).std() > 10, "crops must lie in different places"


def test_pictures_are_normalised_with_what_is_given_or_with_imagenets_statistics(folder):
    raw, usual = (next(iter(StreamedBatches(folder, train=False, **SMALL, **more)))[0] for more in (BYTES, {}))
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    torch.testing.assert_close(usual, (raw / 255 - mean) / std, atol=1e-5, rtol=0)


def test_every_kind_of_file_is_read_as_load_pictures_reads_it(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    here = tmp_path / "val" / "a"
    files = [
        save(here / "a.jpg", 32, 40, exif=turned),
        save(here / "b.bmp", 32, 40),
        save(here / "c.png", 32, 40),
        save(here / "d.webp", 32, 40, lossless=True),
    ]
    files.append(shutil.copy(files[2], here / "e.jpeg"))  # a PNG by another name
    with Image.open(files[0]) as picture:
        picture.convert("L").save(here / "f.jpg")
        picture.convert("CMYK").save(here / "g.jpg")
    save(tmp_path / "train" / "a" / "0.jpg", 8, 8)
    (x, _) = next(iter(StreamedBatches(tmp_path, train=False, **SMALL | {"batch_size": 9}, **BYTES)))
    pictures = [read_picture(file) for file in sorted(here.iterdir())]
    assert pictures[0].shape == (3, 40, 32), "the first is upright"
    centres = [p[:, (p.shape[1] - 28) // 2 :, (p.shape[2] - 28) // 2 :][:, :28, :28] for p in pictures]
    torch.testing.assert_close(x.round(), torch.stack(centres).float(), atol=0, rtol=0)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("keep", [0, 300], ids=["empty", "truncated"])
def test_a_broken_picture_is_named(folder, refused, workers, keep):
    broken = folder / "train" / "dog" / "3.jpg"
    broken.write_bytes(broken.read_bytes()[:keep])
    with refused(str(broken), "cannot be read as a picture", "repair it or delete it"):
        list(StreamedBatches(folder, train=True, **SMALL | {"workers": workers}))


# --- folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_is_split_as_load_pictures_splits_it(folder):
    flat = folder / "train"
    loaded = load_pictures(f"folder:{flat}", train=False, size=32)
    ((_, labels),) = StreamedBatches(flat, train=False, **SMALL)
    assert sorted(labels.tolist()) == sorted(loaded.labels.tolist())


def test_a_trial_draws_its_pictures_from_all_classes(folder):
    trial = StreamedBatches(folder, train=True, pictures=6, **SMALL)
    drawn = Counter(label for _, y in trial for label in y.tolist())
    assert sum(drawn.values()) == trial.pictures == 6 and set(drawn) == {0, 1} and trial.classes == ("cat", "dog")
    assert StreamedBatches(folder, train=True, pictures=99, **SMALL).pictures == 11


def test_the_fingerprint_changes_with_files_and_settings(folder, tmp_path):
    def fingerprint(at=folder, **settings):
        return StreamedBatches(at, **{"train": True} | SMALL | settings).fingerprint()

    first = fingerprint()
    assert fingerprint(shutil.copytree(folder, tmp_path / "moved")) == first
    assert fingerprint(workers=1, device="cpu", share=(1, 2)) == first
    seen = [first, fingerprint(train=False), fingerprint(seed=1), fingerprint(image_size=32), fingerprint(batch_size=2)]
    seen += [fingerprint(pictures=6), fingerprint(mean=(0, 0, 0))]
    file = folder / "train" / "cat" / "0.jpg"
    file.write_bytes(file.read_bytes() + b"\0")
    seen.append(fingerprint())
    file.rename(file.with_name("zero.jpg"))
    seen.append(fingerprint())
    file.with_name("zero.jpg").unlink()
    seen.append(fingerprint())
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ({"batch_size": 0}, ["batch_size is 0", "at least 1"]),
        ({"image_size": 2.5}, ["image_size is 2.5"]),
        ({"workers": -1}, ["workers is -1", "at least 0"]),
        ({"seed": -1}, ["seed is -1"]),
        ({"pictures": 0}, ["pictures is 0", "at least 1"]),
        ({"share": (0, 3)}, ["batch_size is 4", "3 processes", "use 6"]),
        ({"mean": (0.5,)}, ["mean has 1 numbers", "3 channels"]),
        ({"std": (1, 1, 0)}, ["std is (1, 1, 0)", "above 0"]),
    ],
)
def test_bad_settings_are_named(folder, refused, setting, parts):
    with refused(*parts):
        StreamedBatches(folder, train=True, **SMALL | setting)


def test_a_folder_that_cannot_be_used_is_named(folder, tmp_path, refused):
    with refused(str(tmp_path / "none"), "does not exist", "one sub-folder a class"):
        StreamedBatches(tmp_path / "none", train=True)
    with refused("0.jpg is not a folder"):
        StreamedBatches(folder / "train" / "cat" / "0.jpg", train=True)
    with refused("has no sub-folders"):
        StreamedBatches(folder / "train" / "cat", train=True)


@pytest.mark.parametrize("number", [-1, 1.0, None])
def test_a_bad_epoch_is_named_at_once(folder, refused, number):
    with refused(f"epoch's number is {number!r}"):
        StreamedBatches(folder, train=True, **SMALL).epoch(number)
