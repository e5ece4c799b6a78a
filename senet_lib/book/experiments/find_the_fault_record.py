"""What the figure ``FindTheFault`` of chapter 12 shows of each specimen: written to the figure's own file.

    python -m senet_lib.book.experiments.find_the_fault_record

The listings are those of ``senet_lib.doctor.specimens``. Each test that is offered is run on the network with the fault
and on its sound twin, and the doctor on the former; the file has what they say. The accuracies are those of the records
"context-world-specimens" and "digits-specimens".
"""

import argparse
import ast
import inspect
import json
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

import torch
from torch import nn

from senet_lib.book.experiments.specimen_runs import NOT_ON_DIGITS, NOT_TRAINED, twin_of
from senet_lib.book.figures.find_the_fault import EXAMPLE
from senet_lib.book.records import Record, load_record, results_folder, summarise
from senet_lib.common.atomic_files import write_atomically
from senet_lib.cost.measure import measure_cost
from senet_lib.doctor import examine
from senet_lib.doctor.specimens import SPECIMENS, MakeNetwork, Specimen, probes
from senet_lib.doctor.specimens.listings import Listing, listing

DIGITS = 4  # of an accuracy
OFFERED = 4  # tests to choose from
LONGEST_QUOTE = 160  # characters of what torch says
# From each record to what the reader reads, the size of its pictures, and the specimens that are not in it.
TRAININGS: dict[str, tuple[str, tuple[int, int, int], tuple[str, ...]]] = {
    "context-world-specimens": ("Context World", (3, 32, 32), NOT_TRAINED),
    "digits-specimens": ("Digits", (1, 8, 8), (*NOT_TRAINED, *NOT_ON_DIGITS)),
}


def describe(name: str, records: dict[str, Record]) -> dict[str, Any]:
    """What the figure shows of a specimen; its trait ``specimens`` says what each entry is.

    The records are by the names of ``TRAININGS``. What they do not hold yet is left out.
    """
    specimen = SPECIMENS[name]
    code = listing(name)
    trainings = [_training(name, title, records[of]) for of, (title, _, out) in TRAININGS.items() if name not in out]
    return {
        "name": name,
        "title": specimen.name,
        "setting": _setting(specimen, code),
        "code": list(code.faulty),
        "faulty": list(code.faulty_lines),
        "method": code.method,
        "fault": specimen.fault,
        "mend": specimen.mend,
        "difference": [list(line) for line in code.difference],
        "probe": specimen.test.__name__,
        "says": dict(_offered(specimen)),
        "trainings": [training for training in trainings if training],
        "untrained": _why_not_trained(name),
        "finding": _what_the_doctor_says(specimen),
    }


# --- the tests --------------------------------------------------------------------------------------------------------

# All of them, in the order of their module.
PROBES: dict[str, Callable[[nn.Module], None]] = {
    name: probe
    for name, probe in vars(probes).items()
    if isinstance(probe, FunctionType) and list(inspect.signature(probe).parameters) == ["network"]
}


def describe_probe(name: str) -> dict[str, Any]:
    """What the figure shows of a test; its trait ``probes`` says what each entry is."""
    probe = PROBES[name]
    source = [line for line in inspect.getsource(probe).splitlines() if '"""' not in line]
    return {"name": name, "what": inspect.getdoc(probe), "code": source, "helpers": _helpers(probe)}


def _offered(specimen: Specimen) -> list[tuple[str, str]]:
    """Four tests, the one that exposes the fault among them, and what each says of the network with the fault.

    The others are its nearest in their module. Left out are those that the sound twin does not pass, because they are
    made for other widths, and those that stop with an error. With which of them the list begins depends on the place of
    the specimen, so that its place tells nothing.

    Raises:
        ValueError: if the network with the fault passes its test, or its twin does not.
    """
    names = list(PROBES)
    own = names.index(specimen.test.__name__)
    said: dict[str, str] = {}
    for name in sorted(names, key=lambda name: abs(names.index(name) - own)):
        faulty, sound = (_what_it_says(PROBES[name], make) for make in (specimen.make_faulty, specimen.make_sound))
        if sound == "" and (faulty == "" or faulty.startswith("AssertionError: ")) and len(said) < OFFERED:
            said[name] = faulty
    if not said.get(specimen.test.__name__):
        raise ValueError(f"the test of {specimen.name!r} does not tell the network with the fault from the sound one")
    offered = [(name, said[name]) for name in names if name in said]
    first = list(SPECIMENS.values()).index(specimen) % OFFERED
    return offered[first:] + offered[:first]


def _what_it_says(probe: Callable[[nn.Module], None], make: MakeNetwork) -> str:
    """The error with which a test ends; "" if it passes."""
    try:
        probe(_made(make).eval())
    except (AssertionError, RuntimeError, TypeError, AttributeError, ArithmeticError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _helpers(probe: Callable[[nn.Module], None]) -> str:
    """Where the names come from that a test uses, besides those of torch; "" if it uses none."""
    tree = ast.parse(inspect.getsource(probe))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names = [name for name, value in vars(probes).items() if name in used and isinstance(value, float | FunctionType)]
    if not names:
        return ""
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{listed} {'are' if names[1:] else 'is'} in {probes.__name__.replace('.', '/')}.py."


# --- the rest ---------------------------------------------------------------------------------------------------------


def _made(make: MakeNetwork, **options: Any) -> nn.Module:
    """A network whose weights are always the same."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")  # of a layer without hidden units
        torch.manual_seed(0)
        return make(**options)


# What one must know of the code around a listing to find the fault in it: of each part, and of what it does not show.
AROUND = {
    "gate": "Its residual blocks make it with the number of their channels, and add what it returns to the shortcut.",
    "block": "",
    "network": "It is trained with nn.CrossEntropyLoss.",
}
NOT_SHOWN = {
    "downsample=": "downsample is a 1x1 convolution with batch normalisation, or None where the shapes fit.",
    "conv3x3(": "conv3x3 is a 3x3 convolution with padding 1 and without a bias.",
    "SELayer(": "SELayer(channels) is sound: from x it returns x, each channel times its gate.",
    "SEBasicBlock(": "SEBasicBlock is sound.",
}


def _setting(specimen: Specimen, code: Listing) -> str:
    """What the code alone does not tell: the numbers of channels, the pictures, and the code around it."""
    network: Any = _made(specimen.make_faulty)
    first, second = (unit.conv2.out_channels for unit in (network.unit1, network.unit2))
    _, height, width = specimen.input_size
    where = f"In a network for pictures of {height}x{width}, with two blocks of {first} and {second} channels."
    _, *inside = code.faulty  # without the name of the class
    missing = [said for text, said in NOT_SHOWN.items() if any(text in line for line in inside)]
    return " ".join(filter(None, [where, AROUND[code.part], *missing]))


def _what_the_doctor_says(specimen: Specimen) -> dict[str, str]:
    report = examine(_made(specimen.make_faulty), specimen.input_size)
    found = next(one for one in report.findings if one.code == specimen.finding)
    return {"code": found.code, "kind": found.kind, "what": found.what}


def _training(name: str, title: str, record: Record) -> dict[str, Any] | None:
    """The final test accuracies with the seeds that both have; None if there are none yet."""
    arms = summarise(record)
    faulty, sound = (arms.get(arm, {}).get("accuracies", {}) for arm in (name, twin_of(name)))
    seeds = sorted(faulty.keys() & sound.keys())
    if not seeds:
        return None
    accuracies = {
        what: [round(of[seed], DIGITS) for seed in seeds] for what, of in (("faulty", faulty), ("sound", sound))
    }
    return {"title": title, "seeds": seeds, **accuracies}


def _why_not_trained(name: str) -> str:
    """A sentence on what is not on record on purpose; "" for most specimens."""
    left_out = [(title, size) for title, size, out in TRAININGS.values() if name in out]
    if not left_out:
        return ""
    specimen = SPECIMENS[name]
    errors = [_error_of(specimen.make_faulty, size) for _, size in left_out]
    if not any(errors):
        faulty, sound = (_megabytes(make, specimen) for make in (specimen.make_faulty, specimen.make_sound))
        _, height, width = specimen.input_size
        return (
            f"It was not trained: what it costs is memory. Training keeps {faulty:.1f} MB for each picture of "
            f"{height}x{width}, and its sound twin {sound:.1f} MB."
        )
    if len(left_out) == len(TRAININGS):
        return f"It was not trained: it does not run. {errors[0]}"
    ((title, (_, height, width)),) = left_out
    return f"{title}: it was not trained. With pictures of {height}x{width} it does not run. {errors[0]}"


def _error_of(make: MakeNetwork, size: tuple[int, int, int]) -> str:
    """What torch says when a network runs; "" if it does run."""
    network = _made(make, in_channels=size[0])
    try:
        network(torch.zeros(2, *size))
    except (RuntimeError, TypeError) as error:
        said = str(error).removeprefix("addmm: ")  # newer versions of torch name the function first
        return textwrap.shorten(f"{type(error).__name__}: {said}", LONGEST_QUOTE, placeholder=" ...")
    return ""


def _megabytes(make: MakeNetwork, specimen: Specimen) -> float:
    return measure_cost(_made(make), specimen.input_size).activation_bytes / 1e6


def _lines(**lists: Sequence[dict[str, Any]]) -> Iterator[str]:
    """JSON with a line for each test and each specimen, so that a change shows where it is."""
    yield '{"command":"python -m senet_lib.book.experiments.find_the_fault_record"'
    for key, entries in lists.items():
        yield f',"{key}":['
        for place, one in enumerate(entries, 1):
            yield json.dumps(one, separators=(",", ":"), ensure_ascii=False) + ("," if place < len(entries) else "")
        yield "]"
    yield "}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m senet_lib.book.experiments.find_the_fault_record",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--results", type=Path, metavar="FOLDER", default=results_folder(), help="of the records")
    parser.add_argument("--out", type=Path, metavar="FILE", default=EXAMPLE, help="default: the figure's own")
    options = parser.parse_args(arguments)
    try:
        records = {name: load_record(name, options.results) for name in TRAININGS}
        made = [describe(name, records) for name in SPECIMENS]
        used = {name for one in made for name in one["says"]}
        tests = [describe_probe(name) for name in PROBES if name in used]
        print(write_atomically(options.out, "\n".join([*_lines(probes=tests, specimens=made), ""])))
    except (ValueError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
