"""The pictures that a figure offers: square, of known origin, made without a download."""

import socket

import numpy as np

from senet_lib.book.experiments import offered_pictures as module
from senet_lib.book.experiments.offered_pictures import SIDE, SIZE, offered_pictures
from senet_lib.book.experiments.page_networks import CLASS_NAMES

CLASSES = CLASS_NAMES["CIFAR-10 (JPEG-75)"]


def test_nothing_is_fetched_and_each_picture_is_whole(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a picture was fetched")

    monkeypatch.setattr(socket, "socket", refuse)
    pictures = offered_pictures()
    assert len({one.name for one in pictures}) == len(pictures) == 8
    for one in pictures:
        assert one.image.mode == "RGB" and one.image.width == one.image.height >= 300
        assert one.pixels.shape == (3, SIZE, SIZE) and one.pixels.dtype == np.uint8
        assert one.pixels.std() > 20  # something is to be seen
        assert one.what.split()[0] in ("a", "an") and one.source


def test_some_are_of_a_class_and_some_of_none():
    labels = [one.label for one in offered_pictures()]
    assert labels.count("") == 3 and set(labels) - {""} <= set(CLASSES)


def test_a_pixel_is_the_mean_of_what_it_covers():
    ship = next(one.image for one in offered_pictures() if one.name == "ship")
    step = SIDE // SIZE
    planes = np.moveaxis(np.asarray(ship, float), -1, 0)
    means = planes.reshape(3, SIZE, step, SIZE, step).mean((2, 4))
    found = module.OfferedPicture("ship", "a ship", "ship", "drawn", ship).pixels
    assert np.abs(found - means).max() <= 1  # rounded once along the rows, once along the columns


def test_what_is_transparent_or_outside_is_white():
    horse = next(one for one in offered_pictures() if one.name == "horse")
    assert (horse.pixels[:, 0] == 255).all()  # above the file's picture
    assert (horse.pixels[:, 6, 2] == 255).all() and horse.pixels.min() == 0


def test_a_package_without_its_photographs_is_named(monkeypatch, tmp_path, refused):
    monkeypatch.setattr(module, "OFFERED", ((*["cat"] * 4, tmp_path / "chelsea.png", (0, 0, 300)),))
    with refused("chelsea.png is missing", "constraints.txt"):
        offered_pictures()
