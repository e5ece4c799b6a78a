"""Examine a network from the command line, for example in a test before training.

    python -m senet_lib.doctor model.onnx
    python -m senet_lib.doctor my_networks:make_se_resnet --input 3,224,224 --json

Exit status: 0 if no fault was found, 1 if there are faults, 2 if the network cannot be loaded or run, or
nothing of it can be examined.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from senet_lib.common.command_line import OneLineParser, WrongUse, run_command
from senet_lib.common.factories import make_by_name
from senet_lib.common.messages import in_one_line
from senet_lib.doctor.examination import Report, examine

NO_FAULT, FAULTS, CANNOT_RUN = 0, 1, 2


def main(arguments: Sequence[str] | None = None, prog: str = "python -m senet_lib.doctor") -> int:
    """Examine what the command line names; the exit status."""
    return run_command(prog, lambda: _examine(arguments, prog))


def _examine(arguments: Sequence[str] | None, prog: str) -> int:
    given = _parser(prog).parse_args(arguments)
    try:
        report = _report(given.network, given.input)
    except (ValueError, ModuleNotFoundError) as error:
        if not given.json:
            raise WrongUse(in_one_line(error)) from error
        print(json.dumps({"network": given.network, "status": "cannot run", "error": in_one_line(error)}))
        return CANNOT_RUN
    print(json.dumps({"network": given.network, **_as_plain(report)}, indent=1) if given.json else report)
    if report.not_examined and not report.layers and not report.faults:
        return CANNOT_RUN
    return FAULTS if report.faults else NO_FAULT


def _parser(prog: str) -> OneLineParser:
    parser = OneLineParser(
        prog=prog,
        description="Say what the SE layers of a network are, and what is wrong with them.",
        epilog="Exit status: 0 if no fault was found, 1 if there are faults,\n"
        "2 if it cannot be loaded or run, or nothing of it can be examined.",
    )
    parser.add_argument("network", help="an ONNX file, or MODULE:FACTORY, such as torchvision.models:efficientnet_b0")
    parser.add_argument(
        "--input", type=_size, default=(3, 224, 224), metavar="C,H,W", help="size of a picture; default 3,224,224"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _size(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give C,H,W, such as 3,224,224") from None


def _report(network: str, size: tuple[int, ...]) -> Report:
    if network.endswith(".onnx"):
        from senet_lib.export.onnx_examination import examine_onnx

        return examine_onnx(network)
    return examine(_made(network), size)


def _made(name: str) -> nn.Module:
    """What a factory makes, always with the same random numbers; or the network that has this name itself."""
    torch.manual_seed(0)
    if ":" not in name:
        raise ValueError(f"{name!r} is no ONNX file and no MODULE:FACTORY, such as torchvision.models:efficientnet_b0")
    return make_by_name(name)


def _as_plain(report: Report) -> dict[str, Any]:
    """For JSON. The status is "partly examined" where there is no fault, but not all could be examined."""
    unknown = "partly examined" if report.not_examined else "no fault"
    return {
        "status": "faults" if report.faults else unknown,
        "layers": [asdict(layer) | {"ratio": layer.ratio} for layer in report.layers],
        "findings": [asdict(finding) for finding in report.findings],
        "not_examined": list(report.not_examined),
    }


if __name__ == "__main__":
    sys.exit(main())
