"""How fast a folder of JPEG files becomes batches: ours beside torchvision's ImageFolder.

    python -m benchmarks.picture_folder --threads 1            (--quick for a look)

Files of 500x375, made here, about as large as ImageNet's. Both crop at random to 224x224, flip and normalise, in one
process without workers, in turn; see benchmarks/timing.py. Result: a line, and benchmarks/results/picture_folder.json.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from benchmarks.timing import (
    add_common_options,
    begin_record,
    finish,
    median_ms,
    paired_ratio,
    parse_options,
    time_in_turn,
)
from senet_lib.data.streaming import IMAGENET_MEAN, IMAGENET_STD, StreamedBatches

WIDTH, HEIGHT, SIZE, BATCH = 500, 375, 224, 16


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_options(parser, repeats=21, what="way")
    parser.add_argument("--quick", action="store_true", help="3 rounds, no record")
    options, device = parse_options(parser)
    repeats = 3 if options.quick else options.repeats
    record = begin_record("picture_folder", device, repeats=repeats)
    with tempfile.TemporaryDirectory() as folder:
        record |= {"bytes_per_file": make_folder(Path(folder), 2 * BATCH)}
        times = time_in_turn(works(Path(folder)), repeats, device, warmups=1)
    record["pictures_per_second"] = {name: round(2000 * BATCH / ms, 1) for name, ms in median_ms(times).items()}
    record["ours_to_peer"] = {"ImageFolder": paired_ratio(times["ImageFolder"], times["ours"])}
    print(format_record(record))
    return finish("picture_folder", record, write=not options.quick, kept="It has no budget.")


def make_folder(folder: Path, count: int) -> int:
    """Soft fields with noise over them, always the same, in train and val; returns the mean size of a file in bytes."""
    generator = np.random.default_rng(0)
    sizes = []
    for split in ("train", "val"):
        (folder / split / "a").mkdir(parents=True)
        for number in range(count):
            fields = Image.fromarray(generator.integers(0, 256, (24, 32, 3), dtype=np.uint8))
            soft = np.asarray(fields.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
            levels = (soft + generator.normal(0, 12, soft.shape)).clip(0, 255).astype(np.uint8)
            file = folder / split / "a" / f"{number:03}.jpg"
            Image.fromarray(levels).save(file, quality=90)
            sizes.append(file.stat().st_size)
    return round(sum(sizes) / len(sizes))


def works(folder: Path) -> dict[str, Callable[[], object]]:
    """One epoch each, as functions without arguments."""
    change = [transforms.RandomResizedCrop(SIZE), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    change.append(transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD))
    pictures = ImageFolder(str(folder / "train"), transforms.Compose(change))
    ways: dict[str, Any] = {
        "ours": StreamedBatches(folder, train=True, batch_size=BATCH, image_size=SIZE, workers=0),
        "ImageFolder": DataLoader(pictures, BATCH, shuffle=True),
    }
    return {name: lambda batches=batches: list(batches) for name, batches in ways.items()}


def format_record(record: dict[str, Any]) -> str:
    speeds = ", ".join(f"{name} {speed:.0f} pictures/s" for name, speed in record["pictures_per_second"].items())
    one = record["ours_to_peer"]["ImageFolder"]
    quartiles = f"{one['first_quartile']:.2f} to {one['third_quartile']:.2f}"
    return f"{WIDTH}x{HEIGHT}, cropped to {SIZE}: {speeds}; ours is {one['median']:.2f} times as fast ({quartiles})"


if __name__ == "__main__":
    sys.exit(main())
