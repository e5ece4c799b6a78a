"""Tests of senet_lib.data.batches."""

import os
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from senet_lib.data import (
    Batches,
    PictureSet,
    channel_statistics,
    load_pictures,
    pad_crop_flip,
    random_crop,
    random_flip,
    train_and_test_batches,
)


def noise(count=10, channels=3, height=8, width=6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(256, (count, channels, height, width), dtype=torch.uint8, generator=generator)


def picture_set(count=10, **shape) -> PictureSet:
    """Each picture has its own label, so that one sees which pictures a batch holds."""
    names = tuple(f"class {label}" for label in range(count))
    return PictureSet(noise(count, **shape), torch.arange(count), names, "noise")


def seeded(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def labels_of(batches) -> list[int]:
    return [label for _, y in batches for label in y.tolist()]


def same(first, second) -> bool:
    pairs = list(zip(first, second, strict=True))
    return all(torch.equal(x, other_x) and torch.equal(y, other_y) for (x, y), (other_x, other_y) in pairs)


# --- augmentation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("padding", "height", "width"), [(4, 8, 6), (1, 5, 5), (3, 2, 7), (0, 4, 4), (9, 3, 3)])
def test_random_crop_is_the_plain_loop(padding, height, width):
    pictures = noise(50, height=height, width=width)
    before = pictures.clone()
    rows, columns = torch.randint(2 * padding + 1, (2, 50), generator=seeded())
    expected = torch.zeros_like(pictures)
    for i in range(50):
        for row in range(height):
            for column in range(width):
                from_row, from_column = row + int(rows[i]) - padding, column + int(columns[i]) - padding
                if 0 <= from_row < height and 0 <= from_column < width:
                    expected[i, :, row, column] = pictures[i, :, from_row, from_column]
    assert torch.equal(random_crop(pictures, seeded(), padding), expected)
    assert torch.equal(pictures, before)


@pytest.mark.parametrize("padding", [-1, 1.5, True, "4"])
def test_random_crop_names_a_bad_padding(padding):
    with pytest.raises(ValueError, match=rf"padding is {padding!r}; .* at least 0"):
        random_crop(noise(), seeded(), padding)


def test_random_flip_mirrors_about_half_of_the_pictures():
    pictures = noise(1000)
    before = pictures.clone()
    flipped = random_flip(pictures, seeded())
    mirrored = (flipped == pictures.flip(3)).flatten(1).all(1)
    kept = (flipped == pictures).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 420 < mirrored.sum() < 580
    assert torch.equal(pictures, before)


def test_pad_crop_flip_does_one_after_the_other():
    pictures, generator = noise(), seeded(3)
    expected = random_flip(random_crop(pictures, generator, padding=4), generator)
    assert torch.equal(pad_crop_flip(pictures, seeded(3)), expected)
    assert expected.shape == pictures.shape and expected.dtype == torch.uint8


# --- statistics -------------------------------------------------------------------------------------------------------


def test_statistics_are_those_of_all_pixels():
    pictures = noise(20)
    pictures[:5] //= 4  # pictures differ, so the mean of their deviations would be wrong
    mean, std = channel_statistics(PictureSet(pictures, torch.zeros(20, dtype=torch.int64), ("a",), "noise"))
    pixels = pictures.numpy() / 255.0
    np.testing.assert_allclose(mean, pixels.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.std((0, 2, 3)), rtol=1e-12)


@pytest.mark.parametrize("level", [0, 77, 255])
def test_a_channel_without_change_has_deviation_one(level):
    flat = torch.full((3, 2, 5, 7), level, dtype=torch.uint8)
    assert channel_statistics(PictureSet(flat, torch.zeros(3, dtype=torch.int64), ("a",), "flat")) == (
        (level / 255,) * 2,
        (1.0, 1.0),
    )


def test_batches_are_normalised():
    pictures = picture_set(30)
    x = torch.cat([x for x, _ in Batches(pictures, 7)])
    assert x.dtype == torch.float32 and x.shape == (30, 3, 8, 6)
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)
    mean, std = channel_statistics(pictures)
    by_hand = (pictures.pictures.double() / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(x, by_hand.float(), atol=1e-5, rtol=0)


# --- batches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("count", "batch_size"), [(10, 5), (10, 4), (10, 10), (10, 99), (10, 1), (1, 1), (1, 8)])
def test_an_epoch_holds_every_picture_once(count, batch_size, shuffle):
    batches = Batches(picture_set(count), batch_size, shuffle=shuffle, augment=pad_crop_flip)
    parts = [y for _, y in batches.epoch(3)]
    assert sorted(torch.cat(parts).tolist()) == list(range(count))
    assert len(parts) == len(batches) == -(-count // batch_size)
    assert all(len(y) == batch_size for y in parts[:-1])


def test_pictures_keep_their_labels():
    pictures = picture_set()
    for x, y in Batches(pictures, 4, shuffle=True, mean=(0, 0, 0), std=(1, 1, 1)):
        torch.testing.assert_close(x, pictures.pictures[y].float() / 255)


def test_a_single_last_picture_is_left_out_of_training_only():
    shuffled, plain = Batches(picture_set(9), 4, shuffle=True), Batches(picture_set(9), 4)
    assert [len(y) for _, y in shuffled] == [4, 4] and len(shuffled) == 2
    assert [len(y) for _, y in plain] == [4, 4, 1] and len(plain) == 3
    left_out = {sum(range(9)) - sum(labels_of(shuffled.epoch(number))) for number in range(20)}
    assert len(left_out) > 3


def test_an_epoch_depends_on_seed_and_number_alone():
    batches = Batches(picture_set(), 4, shuffle=True, augment=pad_crop_flip, seed=5)
    wanted = list(batches.epoch(2))
    next(batches.epoch(0))
    torch.rand(3)
    list(batches.epoch(1))
    assert same(batches.epoch(2), wanted)
    assert same(Batches(picture_set(), 4, shuffle=True, augment=pad_crop_flip, seed=5).epoch(2), wanted)
    assert same(batches, batches.epoch(0))


def test_two_iterators_do_not_disturb_each_other():
    batches = Batches(picture_set(), 2, shuffle=True, augment=pad_crop_flip)
    wanted = list(batches.epoch(0))
    assert all(same([one], [other]) for one, other in zip(batches.epoch(0), wanted, strict=True))
    pairs = list(zip(batches.epoch(0), batches.epoch(0), strict=True))
    assert same([one for one, _ in pairs], wanted) and same([other for _, other in pairs], wanted)


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    list(Batches(picture_set(), 4, shuffle=True, augment=pad_crop_flip))
    assert torch.equal(torch.get_rng_state(), before)


def test_seeds_and_epochs_have_different_orders():
    orders = {
        tuple(labels_of(Batches(picture_set(), 4, shuffle=True, seed=seed).epoch(number)))
        for seed in range(5)
        for number in range(5)
    }
    assert len(orders) == 25, "seed 0 in epoch 1 must not repeat seed 1 in epoch 0"


def test_the_order_is_the_same_with_and_without_augmentation():
    plain, augmented = (Batches(picture_set(), 4, shuffle=True, augment=augment) for augment in (None, pad_crop_flip))
    assert labels_of(plain) == labels_of(augmented)


def test_without_shuffling_the_order_is_that_of_the_set():
    assert labels_of(Batches(picture_set(), 4).epoch(7)) == list(range(10))


def test_augmentation_sees_bytes_and_may_change_the_size():
    def halve(pictures, generator):
        assert pictures.dtype == torch.uint8 and generator.device.type == "cpu"
        return pictures[:, :, ::2, ::2]

    x, _ = next(iter(Batches(picture_set(), 4, augment=halve)))
    assert x.shape == (4, 3, 4, 3)


def test_augmentation_can_be_set_with_partial():
    x, _ = next(iter(Batches(picture_set(), augment=partial(random_crop, padding=0))))
    assert torch.equal(x, next(iter(Batches(picture_set())))[0])


@pytest.mark.parametrize("bad", [lambda pictures, _: pictures.float(), lambda pictures, _: pictures[1:]])
def test_unfit_augmentation_is_named(bad):
    with pytest.raises(ValueError, match=r"augment returned .*; it must return torch.uint8 of shape \(4, 3, H, W\)"):
        next(iter(Batches(picture_set(), 4, augment=bad)))


@pytest.mark.parametrize("channels_last", [False, True])
def test_memory_format(channels_last):
    x, _ = next(iter(Batches(picture_set(), 4, augment=pad_crop_flip, channels_last=channels_last)))
    assert x.is_contiguous(memory_format=torch.channels_last) == channels_last
    assert x.is_contiguous() != channels_last


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"batch_size": 0}, r"batch_size is 0; .* at least 1"),
        ({"batch_size": 2.0}, r"batch_size is 2.0"),
        ({"batch_size": True}, r"batch_size is True"),
        ({"seed": -1}, r"seed is -1; .* at least 0"),
        ({"augment": "flip"}, r"augment is 'flip'; .*pad_crop_flip"),
        ({"mean": (0.5,)}, r"mean has 1 numbers, but the pictures have 3 channels"),
        ({"std": (1, 1)}, r"std has 2 numbers, but the pictures have 3 channels"),
        ({"std": (1, 0, 1)}, r"std is \(1, 0, 1\); each number must be above 0"),
    ],
)
def test_bad_settings_are_named(setting, message):
    with pytest.raises(ValueError, match=message):
        Batches(picture_set(), **setting)


@pytest.mark.parametrize("number", [-1, 1.0, None])
def test_a_bad_epoch_is_named_at_once(number):
    with pytest.raises(ValueError, match=rf"epoch's number is {number!r}"):
        Batches(picture_set()).epoch(number)


def test_train_and_test_share_the_statistics_of_training():
    train_set = picture_set(10)
    test_set = PictureSet(train_set.pictures // 2, train_set.labels, train_set.classes, "darker")
    train, test = train_and_test_batches(train_set, test_set, 4, augment=random_flip, seed=3)
    assert (train.mean, train.std) == (test.mean, test.std) == channel_statistics(train_set)
    assert train.shuffle and train.augment is random_flip and train.seed == 3
    assert not test.shuffle and test.augment is None
    with pytest.raises(ValueError, match=r"load both under the same name"):
        train_and_test_batches(train_set, picture_set(9), 4)


@pytest.mark.parametrize("device", ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
def test_every_device_sees_the_same_pictures(device):
    on_cpu = Batches(picture_set(), 4, shuffle=True, augment=pad_crop_flip)
    elsewhere = Batches(picture_set(), 4, shuffle=True, augment=pad_crop_flip, device=device)
    for (x, y), (other_x, other_y) in zip(on_cpu, elsewhere, strict=True):
        assert other_x.device.type == device
        torch.testing.assert_close(x, other_x.cpu())
        assert torch.equal(y, other_y.cpu())


def test_batches_are_resized_after_the_augmentation():
    pictures = load_pictures("digits").subset(40)
    seen = []

    def note(pictures, generator):
        seen.append(pictures.shape[2:])
        return pictures

    (x, _), *_ = Batches(pictures, 16, augment=note, size=20)
    assert x.shape == (16, 1, 20, 20) and set(seen) == {(8, 8)}


@pytest.mark.parametrize("size", [1, 5, 8, 37])
@pytest.mark.parametrize("channels_last", [True, False])
def test_resizing_is_torchs_interpolation_in_the_layout_that_was_asked_for(size, channels_last):
    pictures = picture_set(6, height=8, width=11)
    (x, _), *_ = Batches(pictures, 6, size=size, channels_last=channels_last)
    (plain, _), *_ = Batches(pictures, 6)
    expected = torch.nn.functional.interpolate(plain, (size, size), mode="bilinear", antialias=True)
    torch.testing.assert_close(x, expected, atol=1e-5, rtol=1e-5)
    assert x.is_contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def test_processes_share_each_batch():
    settings = {"shuffle": True, "augment": pad_crop_flip, "size": 5}
    whole = list(Batches(picture_set(18), 6, **settings).epoch(3))
    for rank in range(3):
        part = Batches(picture_set(18), 6, **settings, share=(rank, 3))
        expected = [(x[rank::3], y[rank::3]) for x, y in whole]
        for (x, y), (own_x, own_y) in zip(expected, part.epoch(3), strict=True):
            torch.testing.assert_close(own_x, x, atol=1e-6, rtol=0)  # a product of matrices of another size
            assert torch.equal(own_y, y)
        assert len(part) == 3 and part.fingerprint() == Batches(picture_set(18), 6, **settings).fingerprint()


def test_processes_test_each_picture_once():
    parts = [train_and_test_batches(picture_set(11), picture_set(11), 4, share=(rank, 2))[1] for rank in range(2)]
    assert sorted(label for part in parts for label in labels_of(part)) == list(range(11))
    assert [len(part) for part in parts] == [3, 3]


def test_a_size_of_no_pixels_is_refused(refused):
    with refused("size is 0", "at least 1"):
        Batches(load_pictures("digits").subset(4), 2, size=0)


def crop_by(padding):
    return lambda pictures, generator: random_crop(pictures, generator, padding)


class Crop:
    def __init__(self, padding):
        self.padding = padding

    def __call__(self, pictures, generator):
        return random_crop(pictures, generator, self.padding)

    def and_flip(self, pictures, generator):
        return random_flip(self(pictures, generator), generator)


def changed_by(change):
    return partial(lambda pictures, generator, change: pictures, change=change)


def various_augmentations():
    """No two of them do the same; most have the same name."""
    flips = [v2.RandomHorizontalFlip(p) for p in (0.1, 0.2)]
    return [
        *(random_flip, pad_crop_flip, crop_by(1), crop_by(2), Crop(1), Crop(2), Crop(1).and_flip, Crop(2).and_flip),
        *(lambda pictures, _: pictures.flip(2), lambda pictures, _: pictures.flip(3), lambda pictures, _: pictures),
        *(partial(random_crop, padding=padding) for padding in (1, 2, 4)),
        *map(changed_by, (*flips, 1, True, 1.0, {1, 2}, {1, 2, 3}, torch.zeros(2), torch.ones(2), torch.zeros(2, 1))),
        *(changed_by(np.random.default_rng(seed).random) for seed in (1, 2)),
    ]


def test_augmentations_that_differ_never_share_a_fingerprint_and_the_same_ones_do():
    pictures = picture_set(4)
    first, again = (
        [Batches(pictures, 2, augment=one).fingerprint() for one in various_augmentations()] for _ in range(2)
    )
    assert len(set(first)) == len(first) and first == again


AROUND = random_flip


def test_a_fingerprint_knows_what_a_function_takes_from_around_it(monkeypatch):
    def through(pictures, generator):
        return AROUND(pictures, generator)

    prints = []
    for around in (crop_by(1), crop_by(2)):
        monkeypatch.setitem(globals(), "AROUND", around)
        prints.append(Batches(picture_set(4), 2, augment=through).fingerprint())
    assert prints[0] != prints[1]


def test_a_fingerprint_is_the_same_in_another_process(root):
    code = (
        "from tests.data.test_batches import *\n"
        "print(*(Batches(picture_set(4), 2, augment=one).fingerprint() for one in various_augmentations()))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "5", "PYTHONPATH": str(root)}
    run = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True)
    own = [Batches(picture_set(4), 2, augment=one).fingerprint() for one in various_augmentations()]
    assert run.stdout.split() == own, run.stderr


def test_a_cell_of_another_session_has_the_same_fingerprint():
    """IPython names a cell's file after the process."""

    def in_a_cell(code, file):
        names = {"random_flip": random_flip, "__name__": "__main__"}
        exec(compile(f"def augment(x, generator):\n    return {code}", file, "exec"), names)
        return Batches(picture_set(4), 2, augment=names["augment"]).fingerprint()

    flip = "random_flip(x, generator)"
    assert in_a_cell(flip, "ipykernel_1/2.py") == in_a_cell(flip, "ipykernel_3/4.py") != in_a_cell("x", "")


def test_what_cannot_be_told_apart_has_no_fingerprint(refused):
    with refused("the augmentation holds something", "_thread.lock", "make that inside the function"):
        Batches(picture_set(4), 2, augment=changed_by(threading.Lock())).fingerprint()


def test_the_fingerprint_knows_the_shape_and_takes_numpys_numbers():
    pictures = picture_set(4)
    turned = PictureSet(pictures.pictures.reshape(4, 3, 6, 8), pictures.labels, pictures.classes, "turned")
    settings = {"mean": (0.5, 0.5, 0.5), "std": (1.0, 1.0, 1.0)}
    own = Batches(pictures, 2, seed=1, **settings).fingerprint()
    assert Batches(turned, 2, seed=1, **settings).fingerprint() != own
    numpys = {name: np.array(values, np.float32) for name, values in settings.items()}
    assert Batches(pictures, np.int64(2), seed=np.int64(1), **numpys).fingerprint() == own


def test_the_fingerprint_changes_with_pictures_and_settings():
    pictures = load_pictures("digits").subset(40)
    changed = PictureSet(pictures.pictures.flip(3), pictures.labels, pictures.classes, pictures.name)
    variants = [
        Batches(pictures, 16),
        Batches(changed, 16),
        Batches(pictures, 8),
        Batches(pictures, 16, shuffle=True),
        Batches(pictures, 16, seed=1),
        Batches(pictures, 16, size=20),
        Batches(pictures, 16, augment=random_flip),
        *(Batches(pictures, 16, augment=partial(random_crop, padding=padding)) for padding in (1, 4)),
        Batches(pictures, 16, augment=partial(partial(random_crop), padding=2)),
    ]
    fingerprints = [variant.fingerprint() for variant in variants]
    assert len(set(fingerprints)) == len(variants)
    assert Batches(pictures, 16).fingerprint() == fingerprints[0]
