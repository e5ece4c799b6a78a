"""What the timings share: several pieces of work in turn, ratios of pairs, and where a record comes from.

On a busy machine one slow moment must not decide. So all pieces of work run in turn, once a round, and each round
starts with another one; a ratio is the median of the rounds' own ratios.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import torchvision

from senet_lib.training.device import wait_for

RESULTS = Path(__file__).parent / "results"
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def time_in_turn(
    works: Mapping[str, Callable[[], object]],
    repeats: int,
    device: torch.device,
    warmups: int = 2,
    clock: Callable[[], float] | None = None,
) -> dict[str, list[float]]:
    """Milliseconds of each piece of work in each round; entry i of all lists is from the same round.

    The clock is ``time.perf_counter`` unless you give another, for example ``time.process_time``.
    """
    clock = clock or time.perf_counter
    names = list(works)
    for name in names * warmups:
        works[name]()
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(repeats):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            wait_for(device)
            start = clock()
            works[name]()
            wait_for(device)
            times[name].append(1000 * (clock() - start))
    return times


def paired_ratio(times: Sequence[float], others: Sequence[float]) -> dict[str, float]:
    """The median, and the quartiles, of the ratios of the pairs; below 1 if the first are faster.

    Raises:
        ValueError: if there are not equally many, or fewer than two.
    """
    if len(times) != len(others) or len(times) < 2:
        raise ValueError(f"there are {len(times)} times and {len(others)} others; give two or more pairs")
    ratios = [one / other for one, other in zip(times, others, strict=True)]
    first, median, third = statistics.quantiles(ratios, n=4, method="inclusive")
    return {"median": round(median, 3), "first_quartile": round(first, 3), "third_quartile": round(third, 3)}


def in_words(ratio: Mapping[str, float], digits: int = 3) -> str:
    """The median of a ratio with its quartiles, such as "1.071 (1.066 to 1.077)"."""
    median, first, third = (f"{ratio[key]:.{digits}f}" for key in ("median", "first_quartile", "third_quartile"))
    return f"{median} ({first} to {third})"


def median_ms(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: round(statistics.median(some), 3) for name, some in times.items()}


def chosen_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        ValueError: if this torch has no such device.
    """
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {name!r}, but torch sees no GPU; use cpu")
    return device


def parse_options(
    description: str | None,
    arguments: Sequence[str] | None = None,
    *,
    repeats: int,
    what: str,
    quick: str,
    quick_repeats: int = 3,
    device: str = "cpu",
    more: Mapping[str, dict[str, Any]] | None = None,
) -> argparse.Namespace:
    """The options of a benchmark: repeats, device (as a torch.device), threads, quick, and those that it has besides.

    A device that is not there ends the program, with one line. ``what`` is measured in each of so many rounds,
    ``quick`` says what --quick does, and ``more`` has further options by name, as ``add_argument`` takes them.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=repeats, help=f"rounds for each {what} (default {repeats})")
    parser.add_argument("--device", default=device, help=f"cpu or cuda (default {device})")
    parser.add_argument("--threads", type=int, help="default: as torch chooses; 1 is steadier on a busy machine")
    parser.add_argument("--quick", action="store_true", help=f"{quick}, no record")
    for name, settings in (more or {}).items():
        parser.add_argument(name, **settings)
    options = parser.parse_args(arguments)
    options.repeats = quick_repeats if options.quick else options.repeats
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        options.device = chosen_device(options.device)
    except ValueError as error:
        parser.exit(2, f"{error}\n")
    return options


def begin_record(name: str, device: torch.device, **facts: Any) -> dict[str, Any]:
    """The record of a benchmark that was started from the command line: where it comes from, and these facts."""
    return {**provenance(" ".join([f"python -m benchmarks.{name}", *sys.argv[1:]]), device), **facts}


def finish(
    name: str,
    record: dict[str, Any],
    misses: Sequence[str] = (),
    *,
    write: bool,
    kept: str = "The budget is kept.",
    missed: str = "OVER BUDGET",
) -> int:
    """Say which budgets are missed, write the record, and return the exit status."""
    print("\n".join(["", *([f"{missed}: {miss}" for miss in misses] or [kept])]))
    if write:
        print(f"Written: {write_record(name, record)}")
    return 1 if misses else 0


def provenance(command: str, device: torch.device) -> dict[str, Any]:
    """Where a record comes from: command, date, machine, versions, threads."""
    return {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "processor": _processor(),
            "cores": os.cpu_count(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
        },
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "timm": _version("timm"),
        },
    }


def write_record(name: str, record: dict[str, Any]) -> Path:
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def peak_bytes(work: Callable[[], object], device: torch.device) -> int:
    """The most memory of the GPU in use during a piece of work, above what is in use before it."""
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    wait_for(device)
    return torch.cuda.max_memory_allocated(device) - before


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's name where Linux tells it, else the kind of machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
