"""How fast pictures reach the network, and how long training waits for them: ours beside the usual ways.

    python -m benchmarks.input_pipeline            (--quick for a look; --device cuda for a GPU)

First the pipelines alone, on the same pictures of 32x32: padded, cropped and flipped; and resized to 224x224. Then
whole steps of training, of one network with our loop and with that of two tutorials on SE, which are in
benchmarks/tutorial_loops.py. On a CPU the tutorials' batches have 8 pictures, and those of E are resized to 56x56: at
224x224 its network fills 12 GB with a batch of 32. All run in turn; see benchmarks/timing.py. Result: a table, and
benchmarks/results/input_pipeline.json. The exit status is 1 if our pipeline is not ten times as fast as tutorial A's,
or if our training waits for it 5% of the time or more.

A batch of 64 pictures of 224x224 takes 38 MB, and glibc asks the system anew for blocks of more than 32 MB. To time the
pipelines rather than that, let it keep them, for all alike, and the record says so:

    MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 python -m benchmarks.input_pipeline
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import nn

from benchmarks import timing
from benchmarks.tutorial_loops import Batch, Feed, Step, make_pipelines, our_step, tutorial_step
from senet_lib.data import PictureSet
from senet_lib.networks.models import ResNet, create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation

TUTORIAL = "PIL, 0 workers"
TRAINED = ("ours", TUTORIAL, "PIL, 2 workers")
GOAL = 10  # pictures per second, resized: ours / tutorial A's
LONGEST_WAIT = 0.05  # of the time of training


@dataclass(frozen=True)
class Setup:
    """What is fed, and to whom."""

    channels: int  # of the pictures
    side: int  # height and width of the pictures as they are kept
    size: int  # height and width as the network gets them
    batch: int  # pictures in a batch
    batches: int  # in one pass over the pictures
    augment: bool = False  # pad, crop and flip
    network: Callable[[], nn.Module] | None = None  # makes the network; None where only the pipelines are timed


def tutorial_e_network() -> nn.Module:
    """SE-ResNet of basic blocks for one channel, with a stem that keeps all places."""
    attention = partial(SqueezeExcitation, reduction=16)
    widths = (64, 128, 256, 512)
    return ResNet((2,) * 4, widths, (1, 2, 2, 2), num_classes=10, in_channels=1, attention=attention)


PIPELINES = {
    "pad, crop, flip at 32": Setup(channels=3, side=32, size=32, batch=64, batches=32, augment=True),
    "resize from 32 to 224": Setup(channels=3, side=32, size=224, batch=64, batches=8),
}
RESIZING = "resize from 32 to 224"  # tutorial A's
TRAININGS = {
    "SE-ResNet-20": Setup(3, 32, 32, batch=64, batches=8, augment=True, network=partial(create_model, "se_resnet20")),
    "tutorial A": Setup(3, 32, 224, batch=64, batches=8, network=partial(create_model, "se_resnet50", num_classes=10)),
    "tutorial E": Setup(1, 28, 224, batch=32, batches=8, network=tutorial_e_network),
}
ON_CPU: dict[str, dict[str, Any]] = {
    "SE-ResNet-20": {"batches": 4},
    "tutorial A": {"batch": 8, "batches": 2},
    "tutorial E": {"batch": 8, "batches": 2, "size": 56},
}


def main() -> int:
    options = timing.parse_options(__doc__, repeats=9, what="set-up", quick="small batches, 3 rounds")
    repeats, device = options.repeats, options.device
    rows = []
    for part, setups in (("pipeline", PIPELINES), ("training", TRAININGS)):
        for name, setup in setups.items():
            setup = fit_to(setup, ON_CPU.get(name, {}) if device.type == "cpu" else {}, options.quick)
            rows.append({"part": part, "setup": name, **measure(setup, repeats, device)})
            print(format_row(rows[-1]), flush=True)
    allocator = {name: value for name, value in os.environ.items() if name.startswith("MALLOC_")}
    record = timing.begin_record("input_pipeline", device, repeats=repeats, allocator=allocator, rows=rows)
    words = {"kept": "The goals are reached.", "missed": "GOAL MISSED"}
    return timing.finish("input_pipeline", record, find_misses(rows), write=not options.quick, **words)


def fit_to(setup: Setup, changes: dict[str, Any], quick: bool) -> Setup:
    """A set-up with what a CPU has to change, and, for a look, with no more than two batches of four."""
    setup = replace(setup, **changes)
    return replace(setup, batch=min(setup.batch, 4), batches=2) if quick else setup


def make_pictures(count: int, channels: int, side: int) -> PictureSet:
    """Bytes at random, always the same."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(256, (count, channels, side, side), dtype=torch.uint8, generator=generator)
    return PictureSet(pictures, torch.arange(count) % 10, tuple("0123456789"), "noise")


def measure(setup: Setup, repeats: int, device: torch.device) -> dict[str, Any]:
    """Pictures per second of each pipeline alone or with a network to train, and in the latter case how it waits."""
    pictures = make_pictures(setup.batch * setup.batches, setup.channels, setup.side)
    pipelines = make_pipelines(Feed(pictures, setup.batch, setup.size, setup.augment, device))
    if setup.network is not None:
        pipelines = {name: pipelines[name] for name in TRAINED}
    passes = {name: Pass(batches, make_step(name, setup, device)) for name, batches in pipelines.items()}
    times = timing.time_in_turn(passes, repeats, device, warmups=1)
    row: dict[str, Any] = {
        "size": setup.size,
        "channels": setup.channels,
        "batch": setup.batch,
        "pictures": len(pictures),
        "pictures_per_second": {
            name: round(1000 * len(pictures) / ms, 1) for name, ms in timing.median_ms(times).items()
        },
        "ours_to_peer": {name: timing.paired_ratio(times[name], times["ours"]) for name in times if name != "ours"},
    }
    if setup.network is not None:
        row["waiting_share"] = {name: waiting_share(passes[name].waits_ms, times[name]) for name in times}
        if device.type == "cuda":
            row["idle_share"] = {name: idle_share(one) for name, one in passes.items()}
    return row


def make_step(name: str, setup: Setup, device: torch.device) -> Step:
    """What is done with each batch: a step of training, all with the same weights at first; or nothing."""
    if setup.network is None:
        return lambda x, labels: None
    torch.manual_seed(0)
    network = setup.network().to(device)
    return our_step(network) if name == "ours" else tutorial_step(network)


class Pass:
    """One pass over all batches, as a function without arguments.

    Attributes:
        waits_ms: for each call, how long it has waited for batches.
    """

    def __init__(self, batches: Iterable[Batch], step: Step):
        self.batches, self.step = batches, step
        self.waits_ms: list[float] = []

    def __call__(self) -> None:
        waited = 0.0
        start = time.perf_counter()
        iterator = iter(self.batches)
        while (batch := next(iterator, None)) is not None:
            waited += time.perf_counter() - start
            self.step(*batch)
            start = time.perf_counter()
        waited += time.perf_counter() - start
        self.waits_ms.append(1000 * waited)


def waiting_share(waits_ms: Sequence[float], times_ms: Sequence[float]) -> float:
    """The median share of the timed passes' time, 0 to 1; waits of passes before them are left out."""
    pairs = zip(waits_ms[-len(times_ms) :], times_ms, strict=True)
    return round(median(wait / whole for wait, whole in pairs), 4)


def idle_share(work: Callable[[], object]) -> float:
    """The share of the time in which the GPU has nothing to do, 0 to 1."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    busy = sum(event.self_device_time_total for event in profile.key_averages()) / 1e6
    return round(1 - busy / seconds, 4)


def find_misses(rows: list[dict[str, Any]]) -> list[str]:
    """The goals that are not reached, in words."""
    misses = []
    for row in rows:
        if row["part"] == "pipeline" and row["setup"] == RESIZING:
            ratio = row["ours_to_peer"][TUTORIAL]["median"]
            if ratio < GOAL:
                misses.append(f"{RESIZING}: ours is {ratio} times as fast as tutorial A's pipeline, the goal is {GOAL}")
        elif row["part"] == "training":
            share = max(row["waiting_share"]["ours"], row.get("idle_share", {}).get("ours", 0))
            if share >= LONGEST_WAIT:
                misses.append(f"{row['setup']}: {share:.1%} of our training is waiting, the goal is {LONGEST_WAIT:.0%}")
    return misses


def format_row(row: dict[str, Any]) -> str:
    shape = f"{row['channels']}x{row['size']}x{row['size']}, batches of {row['batch']}"
    lines = [f"{row['part']}: {row['setup']} ({shape}, {row['pictures']} pictures a round)"]
    for name, speed in row["pictures_per_second"].items():
        text = f"  {name:16} {speed:10,.1f} pictures/s"
        if name in row["ours_to_peer"]:
            text += f"   ours / this one: {timing.in_words(row['ours_to_peer'][name], 2)}"
        for key, word in (("waiting_share", "waits"), ("idle_share", "GPU idle")):
            if key in row:
                text += f"   {word} {row[key][name]:.2%}"
        lines.append(text)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
