"""Tests of senet_lib.data.pictures. Downloads come from a server on this machine; nothing reaches the internet."""

import gzip
import hashlib
import io
import os
import pickle
import shutil
import socket
import tarfile
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from senet_lib.data import PictureSet, list_picture_sets, load_pictures
from senet_lib.data import pictures as module
from senet_lib.data.context_world import SHAPES
from senet_lib.data.picture_folders import read_picture

# torchvision leaves the connection open when a server answers "not found".
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

# --- PictureSet -------------------------------------------------------------------------------------------------------


def picture_set(pictures=(4, 3, 8, 6), labels=(0, 1, 2, 1), classes=("a", "b", "c")) -> PictureSet:
    return PictureSet(torch.zeros(pictures, dtype=torch.uint8), torch.tensor(labels), classes, "test")


def test_picture_set_knows_its_length_and_its_first_pictures():
    whole = picture_set()
    first = whole.subset(2)
    assert len(whole) == 4
    assert len(first) == 2 and first.labels.tolist() == [0, 1] and first.classes == whole.classes
    assert repr(whole) == "PictureSet('test': 4 pictures of 3x8x6, 3 classes)"


@pytest.mark.parametrize("count", [0, 5, -1, 2.0, True, "2"])
def test_subset_names_the_range(count):
    with pytest.raises(ValueError, match=rf"count is {count!r}; .* from 1 to 4"):
        picture_set().subset(count)


def test_picture_set_refuses_what_does_not_fit():
    bytes_ = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    labels = torch.tensor([0, 1, 2, 1])
    with pytest.raises(ValueError, match=r"shape \(4, 3, 8, 8\) and type torch.float32; they must be uint8"):
        PictureSet(bytes_.float(), labels, ("a", "b", "c"), "test")
    with pytest.raises(ValueError, match=r"shape \(3, 8, 8\) .* they must be uint8 \(N, C, H, W\)"):
        PictureSet(bytes_[0], labels, ("a", "b", "c"), "test")
    with pytest.raises(ValueError, match=r"shape \(0, 3, 8, 8\) .* at least one picture"):
        PictureSet(bytes_[:0], labels[:0], ("a", "b", "c"), "test")
    with pytest.raises(ValueError, match=r"shape \(3,\) .* they must be int64 \(4,\)"):
        PictureSet(bytes_, labels[:3], ("a", "b", "c"), "test")
    with pytest.raises(ValueError, match=r"type torch.int32; they must be int64"):
        PictureSet(bytes_, labels.int(), ("a", "b", "c"), "test")
    with pytest.raises(ValueError, match=r"labels run from 0 to 2; with 2 classes they must be in 0..1"):
        PictureSet(bytes_, labels, ("a", "b"), "test")
    with pytest.raises(ValueError, match=r"labels run from -1 to 1"):
        PictureSet(bytes_, labels - 1, ("a", "b", "c"), "test")


# --- names, sizes and the sets that need no network -------------------------------------------------------------------


def test_every_name_is_listed():
    downloads = ("cifar10", "cifar100", "mnist", "fashion-mnist")
    made = ("digits", "context-world", "pair-world")
    assert list_picture_sets() == (*made, *downloads, "distance-world:GAP", "folder:PATH")


@pytest.mark.parametrize(
    ("name", "meant"), [("digit", "digits"), ("CIFAR-10", "cifar10"), ("fashion", "fashion-mnist"), ("MNIST", "mnist")]
)
def test_a_typing_error_gets_a_suggestion_and_the_list(name, meant):
    with pytest.raises(
        ValueError, match=rf"no picture set '{name}'; did you mean '{meant}'\? Choose one of digits, .*PATH"
    ):
        load_pictures(name)


def test_a_strange_name_gets_the_list_alone(tmp_path):
    with pytest.raises(ValueError, match=r"no picture set 'zebra'; Choose one of"):
        load_pictures("zebra")
    with pytest.raises(ValueError, match=r"no picture set \['digits'\]"):
        load_pictures(["digits"])
    with pytest.raises(ValueError, match=r"no picture set ''; Choose"):
        load_pictures("")
    with pytest.raises(ValueError, match=rf"did you mean 'folder:{tmp_path}'\?"):
        load_pictures(str(tmp_path))


def test_digits_are_split_evenly_and_always_the_same():
    train, test = load_pictures("digits"), load_pictures("digits", train=False)
    assert train.pictures.shape == (1437, 1, 8, 8) and test.pictures.shape == (360, 1, 8, 8)
    assert train.pictures.max() == 255 and train.pictures.min() == 0
    assert train.classes == tuple("0123456789")
    share = test.labels.bincount() / (train.labels.bincount() + test.labels.bincount())
    assert (share - 0.2).abs().max() < 0.01
    assert torch.equal(load_pictures("digits").pictures, train.pictures)


def test_digits_hold_each_picture_once():
    from sklearn.datasets import load_digits

    ours = torch.cat([load_pictures("digits", train=train).pictures for train in (True, False)])[:, 0]
    theirs = np.rint(load_digits().images * 255 / 16).astype(np.uint8)
    assert sorted(picture.tobytes() for picture in ours.numpy()) == sorted(picture.tobytes() for picture in theirs)


def test_context_world_has_other_pictures_to_test():
    train, test = load_pictures("context-world"), load_pictures("context-world", train=False)
    assert train.pictures.shape == (8000, 3, 32, 32) and test.pictures.shape == (2000, 3, 32, 32)
    assert train.classes == SHAPES
    assert not torch.equal(train.pictures[:2000], test.pictures)


def test_resizing_works_for_every_set_and_keeps_grey_levels():
    test = load_pictures("digits", train=False)
    assert load_pictures("digits", train=False, size=(4, 12)).pictures.shape == (360, 1, 4, 12)
    assert load_pictures("digits", train=False, size=16).pictures.shape == (360, 1, 16, 16)
    assert torch.equal(load_pictures("digits", train=False, size=8).pictures, test.pictures)
    half = load_pictures("digits", train=False, size=4).pictures
    assert (half.double().mean() - test.pictures.double().mean()).abs() < 5
    flat = torch.full((3, 1, 9, 9), 77, dtype=torch.uint8)
    assert torch.equal(module._resize(flat, (4, 5)), torch.full((3, 1, 4, 5), 77, dtype=torch.uint8))


def test_resizing_in_parts_changes_nothing(monkeypatch):
    pictures = torch.randint(256, (7, 2, 9, 8), dtype=torch.uint8)
    whole = module._resize(pictures, (5, 6))
    monkeypatch.setattr(module, "RESIZE_COUNT", 3)
    assert torch.equal(module._resize(pictures, (5, 6)), whole)


@pytest.mark.parametrize("size", [0, -3, (8,), (8, 8, 8), (8, 0), 8.5, "8", True, (8, 2.0)])
def test_a_bad_size_is_named(size):
    with pytest.raises(ValueError, match=r"size is .*; it must be \(height, width\)") as caught:
        load_pictures("digits", size=size)
    assert repr(size) in str(caught.value)


# --- the reader's own folder ------------------------------------------------------------------------------------------


def paint(file: Path, colour=(0, 0, 0), height=6, width=5, mode="RGB") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), colour).convert(mode).save(file)
    return file


@pytest.fixture
def pets(tmp_path) -> Path:
    """10 cats and 20 dogs; the red level of a picture is its number."""
    for label, count in (("cat", 10), ("dog", 20)):
        for number in range(count):
            paint(tmp_path / label / f"{number:02}.png", (number, 100 if label == "dog" else 0, 0))
    (tmp_path / "notes.txt").write_text("not a folder")
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    (tmp_path / "cat" / "._00.png").write_text("what macOS leaves in archives")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    return tmp_path


def test_a_folder_is_split_by_class(pets):
    train, test = load_pictures(f"folder:{pets}"), load_pictures(f"folder:{pets}", train=False)
    assert train.classes == test.classes == ("cat", "dog")
    assert train.labels.bincount().tolist() == [8, 16] and test.labels.bincount().tolist() == [2, 4]
    assert train.pictures.shape == (24, 3, 6, 5)
    seen = torch.cat([train.pictures, test.pictures])[:, :2, 0, 0].tolist()
    assert sorted(seen) == sorted([[n, 0] for n in range(10)] + [[n, 100] for n in range(20)])
    for part in (train, test):
        assert torch.equal(part.pictures[:, 1, 0, 0] == 100, part.labels == 1)
    assert set(train.subset(12).labels.tolist()) == {0, 1}
    assert torch.equal(load_pictures(f"folder:{pets}").pictures, train.pictures)


@pytest.mark.parametrize("other", ["test", "val"])
def test_a_folder_with_its_own_split_is_left_as_it_is(tmp_path, other):
    for split, count in (("train", 3), (other, 1)):
        for label in ("cat", "dog"):
            for number in range(count):
                paint(tmp_path / split / label / f"{number}.jpg")
    assert len(load_pictures(f"folder:{tmp_path}")) == 6
    assert len(load_pictures(f"folder:{tmp_path}", train=False)) == 2


def test_a_split_must_have_the_same_classes(tmp_path):
    paint(tmp_path / "train" / "cat" / "1.png")
    paint(tmp_path / "test" / "Cat" / "1.png")
    with pytest.raises(ValueError, match=r"train and .*test differ in these classes: Cat, cat; give each class"):
        load_pictures(f"folder:{tmp_path}")


def test_every_kind_of_picture_can_be_read(tmp_path):
    for suffix in ("jpg", "JPEG", "png", "bmp", "webp", "gif", "tif", "TIFF", "ppm"):
        paint(tmp_path / "red" / f"a.{suffix}", (250, 0, 0))
    modes = (("L", "png"), ("1", "png"), ("P", "png"), ("LA", "png"), ("RGBA", "png"), ("CMYK", "jpg"), ("L", "pgm"))
    for mode, suffix in modes:
        paint(tmp_path / "white" / f"{mode}.{suffix}", (255, 255, 255), mode=mode)
    both = [load_pictures(f"folder:{tmp_path}", train=train) for train in (True, False)]
    pictures, labels = torch.cat([part.pictures for part in both]), torch.cat([part.labels for part in both])
    assert labels.bincount().tolist() == [9, 7]
    assert pictures[labels == 0][:, 0].min() > 240 and pictures[labels == 0][:, 1:].max() < 15
    assert pictures[labels == 1].min() > 250


def test_transparency_is_ignored(tmp_path):
    for number, mode in enumerate(("RGBA", "LA", "P")):
        file = tmp_path / "red" / f"{number}.png"
        picture = Image.new("RGBA", (5, 6), (200, 200, 200, 0)).convert(mode)
        file.parent.mkdir(exist_ok=True)
        picture.save(file, **({"transparency": b"\0" * 256} if mode == "P" else {}))
        assert (read_picture(file) - 200.0).abs().max() <= 4, mode  # the palette has no 200


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_phone_picture_is_turned_upright(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to look at it
    (tmp_path / "cat").mkdir()
    for number in range(2):
        Image.new("RGB", (8, 4)).save(tmp_path / "cat" / f"{number}.{suffix}", exif=exif)
    assert load_pictures(f"folder:{tmp_path}").pictures.shape[2:] == (8, 4)


def test_mixed_sizes_need_a_size(pets):
    odd = paint(pets / "dog" / "00.png", height=9, width=7)
    with pytest.raises(ValueError, match=r"differ in size .*6x5.*pass size=\(height, width\)") as caught:
        [load_pictures(f"folder:{pets}", train=train) for train in (True, False)]
    assert f"{odd} is 9x7" in str(caught.value)
    assert load_pictures(f"folder:{pets}", size=(7, 4)).pictures.shape == (24, 3, 7, 4)


def test_a_folder_that_is_no_folder(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere does not exist; write folder:PATH"):
        load_pictures(f"folder:{tmp_path / 'nowhere'}")
    file = paint(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a.png is not a folder; write folder:PATH"):
        load_pictures(f"folder:{file}")
    with pytest.raises(ValueError, match=r"'folder:': .* write folder:PATH"):
        load_pictures("folder:")
    with pytest.raises(ValueError, match=rf"{tmp_path} has no sub-folders; make one for each class"):
        load_pictures(f"folder:{tmp_path}")


def test_a_class_without_pictures(pets):
    (pets / "emu").mkdir()
    with pytest.raises(ValueError, match=r"emu has no pictures \(.jpg, .*\); add some or delete that folder"):
        load_pictures(f"folder:{pets}")


@pytest.mark.parametrize("folders", [["train"], ["train", "valid"], ["dataset"]])
def test_a_folder_of_classes_is_not_taken_for_a_class(tmp_path, folders):
    for folder in folders:
        for label in ("cat", "dog"):
            paint(tmp_path / folder / label / "1.png")
            paint(tmp_path / folder / label / "2.png")
    with pytest.raises(ValueError, match=rf"{folders[0]} has no pictures itself, .*; if .* put a folder test or val"):
        load_pictures(f"folder:{tmp_path}")
    assert load_pictures(f"folder:{tmp_path / folders[0]}").classes == ("cat", "dog")


def test_pictures_may_lie_deeper_than_their_class(pets):
    for name in ("images/30.png", "more/of/them/31.png", ".ipynb_checkpoints/32.png"):
        paint(pets / "cat" / name, (40, 0, 0))
    both = [load_pictures(f"folder:{pets}", train=train) for train in (True, False)]
    assert torch.cat([part.labels for part in both]).bincount().tolist() == [12, 20]
    assert sum(int((part.pictures[:, 0, 0, 0] == 40).sum()) for part in both) == 2


@pytest.fixture
def tiny_imagenet(tmp_path) -> Path:
    """As Tiny-ImageNet is unpacked: boxes beside the pictures, a table for val, no labels for test."""
    for number, label in enumerate(("n02", "n01")):
        for count in range(2):
            paint(tmp_path / "train" / label / "images" / f"{label}_{count}.JPEG")
        (tmp_path / "train" / label / f"{label}_boxes.txt").write_text(f"{label}_0.JPEG\t0\t0\t5\t6\n")
        paint(tmp_path / "val" / "images" / f"val_{number}.JPEG", (100 * number, 0, 0))
        paint(tmp_path / "test" / "images" / f"test_{number}.JPEG")
    table = "val_0.JPEG\tn02\t0\t0\t5\t6\nval_1.JPEG\tn01\t0\t0\t5\t6\n"
    (tmp_path / "val" / "val_annotations.txt").write_text(table)
    return tmp_path


def test_tiny_imagenet_is_read_as_it_is_unpacked(tiny_imagenet):
    train, test = (load_pictures(f"folder:{tiny_imagenet}", train=train) for train in (True, False))
    assert train.classes == test.classes == ("n01", "n02")
    assert train.labels.bincount().tolist() == [2, 2]
    assert sorted(zip(test.pictures[:, 0, 0, 0] > 50, test.labels.tolist(), strict=True)) == [(False, 1), (True, 0)]


def test_a_line_without_a_class_is_named(tiny_imagenet):
    (tiny_imagenet / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn02\nval_1.JPEG\n")
    with pytest.raises(ValueError, match=r"val_annotations.txt, line 2 is 'val_1.JPEG'; it must be a name, a tab"):
        load_pictures(f"folder:{tiny_imagenet}")


def test_many_differing_classes_are_counted(tiny_imagenet):
    for number in range(20):
        paint(tiny_imagenet / "train" / f"x{number:02}" / "1.png")
    with pytest.raises(ValueError, match=r"differ in these classes: x00, x01, x02, x03, x04 and 15 more; give each"):
        load_pictures(f"folder:{tiny_imagenet}")


def test_pictures_that_are_left_out_are_named(pets):
    for name in ("photo.HEIC", "raw.dng", "Thumbs.db", ".hidden.heic"):
        (pets / "cat" / name).write_bytes(b"?")
    with pytest.warns(
        UserWarning, match=r"because .dng, .heic is not read: .*photo.HEIC, .*raw.dng; convert"
    ) as caught:
        assert len(load_pictures(f"folder:{pets}")) == 24
    assert len(caught) == 1 and "Thumbs" not in str(caught[0].message) and "hidden" not in str(caught[0].message)


def test_no_warning_without_a_reason(pets):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_pictures(f"folder:{pets}")


def test_a_class_with_a_single_picture_cannot_be_split(tmp_path):
    paint(tmp_path / "cat" / "only.png")
    with pytest.raises(ValueError, match=r"class 'cat' has only .*only.png; add a second picture"):
        load_pictures(f"folder:{tmp_path}")


def break_truncated(file: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file)
    file.write_bytes(file.read_bytes()[:-600])


def break_text(file: Path) -> None:
    file.write_text("this is not a picture")


def break_empty(file: Path) -> None:
    file.write_bytes(b"")


def break_16_bits(file: Path) -> None:
    Image.fromarray(np.full((6, 5), 40_000, dtype=np.uint16)).save(file)


@pytest.mark.parametrize("damage", [break_truncated, break_text, break_empty, break_16_bits])
def test_a_broken_picture_is_named(pets, damage):
    broken = pets / "dog" / "00.png"
    damage(broken)
    with pytest.raises(ValueError, match=r"00.png cannot be read as a picture \(.+\); repair it or delete") as caught:
        [load_pictures(f"folder:{pets}", train=train, size=8) for train in (True, False)]
    assert str(broken) in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


# --- downloads --------------------------------------------------------------------------------------------------------


class Server:
    """Serves ``files`` on 127.0.0.1, well or badly, and counts what it is asked for."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.fault = ""
        self.requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests += 1
                body = server.files.get(self.path.lstrip("/"))
                if body is None:
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if server.fault == "corrupt":
                    body = body[:50] + b"?" + body[51:]
                elif server.fault:
                    body = body[: len(body) // 2]
                self.wfile.write(body)
                if server.fault == "stall":
                    time.sleep(1)
                return None

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    yield server
    server.stop()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def serve_cifar(server: Server, monkeypatch, class_name: str) -> None:
    """Four pictures in each file of the set; all bytes of picture i are i."""
    dataset = getattr(datasets, class_name)
    key = "labels" if class_name == "CIFAR10" else "fine_labels"
    pixels = np.repeat(np.arange(4, dtype=np.uint8)[:, None], 3 * 32 * 32, axis=1)
    pixels[:, 1024:2048] += 100  # the green plane
    names = [name for name, _ in dataset.train_list + dataset.test_list]
    files = {name: pickle.dumps({"data": pixels, key: [0, 1, 1, 0]}) for name in names}
    files[dataset.meta["filename"]] = pickle.dumps({dataset.meta["key"]: ["cat", "dog"]})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{dataset.base_folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    server.files[dataset.filename] = archive.getvalue()
    monkeypatch.setattr(dataset, "url", server.address + dataset.filename)
    monkeypatch.setattr(dataset, "tgz_md5", md5(archive.getvalue()))
    monkeypatch.setattr(dataset, "train_list", [[name, md5(files[name])] for name, _ in dataset.train_list])
    monkeypatch.setattr(dataset, "test_list", [[name, md5(files[name])] for name, _ in dataset.test_list])
    monkeypatch.setattr(dataset, "meta", {**dataset.meta, "md5": md5(files[dataset.meta["filename"]])})


def serve_mnist(server: Server, monkeypatch, class_name: str) -> None:
    """Three pictures; all bytes of picture i are i."""
    dataset = getattr(datasets, class_name)
    pictures = bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0, 28]) + b"".join(bytes([i]) * 784 for i in range(3))
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9])
    for name, _ in dataset.resources:
        server.files[name] = gzip.compress(pictures if "images" in name else labels, mtime=0)
    monkeypatch.setattr(dataset, "mirrors", [server.address])
    monkeypatch.setattr(dataset, "resources", [(name, md5(server.files[name])) for name, _ in dataset.resources])


SERVE = {
    "cifar10": (serve_cifar, "CIFAR10"),
    "cifar100": (serve_cifar, "CIFAR100"),
    "mnist": (serve_mnist, "MNIST"),
    "fashion-mnist": (serve_mnist, "FashionMNIST"),
}
every_set = pytest.mark.parametrize("name", SERVE)


def serve(name: str, server: Server, monkeypatch) -> None:
    function, class_name = SERVE[name]
    function(server, monkeypatch, class_name)


def contents(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@every_set
def test_a_set_is_downloaded_once(name, server, monkeypatch, tmp_path):
    serve(name, server, monkeypatch)
    root = tmp_path / "new" / "cache"
    train = load_pictures(name, root=root)
    assert train.name == name
    if "cifar" in name:
        assert train.pictures.shape == (20 if name == "cifar10" else 4, 3, 32, 32)
        assert train.pictures[3, 0].unique().tolist() == [3] and train.pictures[3, 1].unique().tolist() == [103]
        assert train.labels[:4].tolist() == [0, 1, 1, 0] and train.classes == ("cat", "dog")
    else:
        assert train.pictures.shape == (3, 1, 28, 28)
        assert train.pictures[:, 0, 0, 0].tolist() == [0, 1, 2] and train.labels.tolist() == [7, 0, 9]
        assert len(train.classes) == 10
    assert train.pictures.is_contiguous()
    assert len(contents(root)) == 1, "only the finished folder is there"

    asked = server.requests
    server.stop()
    assert torch.equal(load_pictures(name, root=root).pictures, train.pictures)
    assert len(load_pictures(name, train=False, root=str(root))) == (4 if "cifar" in name else 3)
    assert server.requests == asked


@every_set
@pytest.mark.parametrize("fault", ["corrupt", "cut", "stall"])
def test_a_broken_download_leaves_nothing(name, fault, server, monkeypatch, tmp_path):
    serve(name, server, monkeypatch)
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.2)
    server.fault = fault
    with pytest.raises(
        OSError, match=rf"download of '{name}' was cut short or corrupted \(.+\); .* try again"
    ) as caught:
        load_pictures(name, root=tmp_path)
    assert not isinstance(caught.value, ConnectionError)
    assert "\n" not in str(caught.value) and caught.value.__cause__ is not None
    assert contents(tmp_path) == []
    assert socket.getdefaulttimeout() is None

    server.fault = ""
    assert len(load_pictures(name, root=tmp_path)) > 0


@every_set
@pytest.mark.parametrize("fault", ["refused", "not found"])
def test_no_network_says_what_works_without(name, fault, server, monkeypatch, tmp_path):
    serve(name, server, monkeypatch)
    if fault == "refused":
        server.stop()
    server.files.clear()
    with pytest.raises(ConnectionError, match=rf"'{name}' is not in .* cannot be downloaded \(.+\)") as caught:
        load_pictures(name, root=tmp_path)
    message = str(caught.value)
    assert str(tmp_path) in message and "digits, context-world, folder:PATH" in message and "\n" not in message
    assert contents(tmp_path) == []


def test_an_interrupted_download_leaves_nothing(monkeypatch, tmp_path):
    def download(self):
        (Path(self.root) / "half").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets.CIFAR10, "download", download)
    with pytest.raises(KeyboardInterrupt):
        load_pictures("cifar10", root=tmp_path)
    assert contents(tmp_path) == []


def test_the_slower_of_two_downloads_uses_what_the_faster_one_made(server, monkeypatch, tmp_path):
    serve("cifar10", server, monkeypatch)
    rename = os.rename

    def rename_too_late(source, destination):
        shutil.copytree(source, destination)
        rename(source, destination)

    monkeypatch.setattr(module.os, "rename", rename_too_late)
    assert len(load_pictures("cifar10", root=tmp_path)) == 20
    assert contents(tmp_path) == ["cifar-10-batches-py"]


def test_two_downloads_at_once(server, monkeypatch, tmp_path):
    serve("mnist", server, monkeypatch)
    lengths: list[int] = []
    threads = [
        threading.Thread(target=lambda: lengths.append(len(load_pictures("mnist", root=tmp_path)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [3, 3, 3, 3]
    assert contents(tmp_path) == ["MNIST"]


@pytest.mark.parametrize(
    ("name", "file"), [("cifar10", "cifar-10-batches-py/test_batch"), ("mnist", "MNIST/raw/train-images-idx3-ubyte")]
)
@pytest.mark.parametrize("kept", [0, 3, 500])
def test_a_damaged_folder_is_named(name, file, kept, server, monkeypatch, tmp_path):
    serve(name, server, monkeypatch)
    load_pictures(name, root=tmp_path)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:kept])
    with pytest.raises(OSError, match=rf"files of '{name}' in .* are damaged \(.+\); delete that folder") as caught:
        load_pictures(name, root=tmp_path)
    assert str(tmp_path / Path(file).parts[0]) in str(caught.value)


def test_a_root_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"root is .*file, where nothing can be kept \(.+\); choose another root"):
        load_pictures("cifar10", root=tmp_path / "file")
