"""``senet export``: a network as an ONNX file whose gates are outputs, and can be set."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from senet_lib.common.command_line import DONE, OneLineParser, WrongUse, before_it_begins, run_command

WORDS = {
    "about": "Write an ONNX file that shows every gate of a network and lets you set it.\n"
    "SOURCE: the folder of a run, a file of its weights, or a network by name.",
    "usage": "%(prog)s SOURCE [--to FILE] [options]",
    "more": "The file takes pictures from 0 to 1 and normalises them itself. Before it is\n"
    "written, its numbers are compared with torch's.",
    "to": "where to write; default model.onnx beside the run",
    "fixed": "without the inputs that set gates",
    "weights": "safetensors for a network by name",
    "classes": "number of classes of a network by name",
    "size": "height and width, in pixels; default the network's",
    "insert": "put SE into a network by name",
    "reduction": "r of its SE",
    "no run": "{source} is a folder without best.safetensors; give the folder of a run of senet train",
    "no about": "{source} was not written by senet train, and does not say of which network it is; "
    "give the network by name, with --weights {source}",
    "unreadable": "{source} cannot be read ({reason}); give a safetensors file",
    "not here": "--{option} is for a network by name; the weights of a run say it themselves",
    "written": "{path} is written: {blocks} SE blocks{settable}, {classes} classes, pictures of {size}x{size}",
    "settable": " whose gates can be set",
}


def main(arguments: Sequence[str] | None = None, prog: str = "senet export") -> int:
    """Write the file; the exit status."""
    return run_command(prog, lambda: _run(arguments, prog))


def _run(arguments: Sequence[str] | None, prog: str) -> int:
    options = _parser(prog).parse_args(arguments)
    from senet_lib.book.commands.named_networks import make_network
    from senet_lib.export.onnx_network import load_onnx
    from senet_lib.export.onnx_writer import export_onnx

    with before_it_begins():
        wanted, names, about = _wanted(options)
        made = make_network(wanted, options.classes if names is None else len(names))
    path = Path(options.to) if options.to else _usual_path(options.source)
    size = (3, made.image_size, made.image_size)
    export_onnx(made.model, path, size, made.mean, made.std, names, about, overrides=not options.fixed)
    written = load_onnx(path)
    told = {"blocks": len(written.channels), "classes": written.session.get_outputs()[0].shape[-1], "size": size[-1]}
    print(WORDS["written"].format(path=path, settable=WORDS["settable"] if written.has_overrides else "", **told))
    return DONE


def _parser(prog: str) -> OneLineParser:
    parser = OneLineParser(prog=prog, usage=WORDS["usage"], description=WORDS["about"], epilog=WORDS["more"])
    parser.add_argument("source", metavar="SOURCE", help=argparse.SUPPRESS)
    parser.add_argument("--to", metavar="FILE", help=WORDS["to"])
    parser.add_argument("--fixed", action="store_true", help=WORDS["fixed"])
    parser.add_argument("--weights", metavar="FILE", help=WORDS["weights"])
    parser.add_argument("--classes", metavar="N", type=int, help=WORDS["classes"])
    parser.add_argument("--image-size", metavar="N", type=int, help=WORDS["size"])
    parser.add_argument("--insert-se", action="store_true", help=WORDS["insert"])
    parser.add_argument("-r", "--reduction", metavar="N", type=int, help=WORDS["reduction"])
    return parser


def _wanted(options: argparse.Namespace) -> tuple[Any, list[str] | None, dict[str, str]]:
    """The network that the source names, the names of its classes if they are known, and what the file shall say."""
    from safetensors import SafetensorError, safe_open

    from senet_lib.book.commands.named_networks import Wanted
    from senet_lib.training.kept_weights import BEST

    source = Path(options.source)
    if source.is_dir():
        source /= BEST
        if not source.exists():
            raise WrongUse(WORDS["no run"].format(source=options.source))
    elif source.suffix != ".safetensors":
        name = options.source
        asked = Wanted(name, options.insert_se, options.reduction, options.image_size, weights=options.weights)
        return asked, None, {"model": name}
    for option in ("weights", "classes", "insert_se", "reduction"):
        if getattr(options, option):
            raise WrongUse(WORDS["not here"].format(option=option.replace("_", "-")))
    try:
        with safe_open(source, framework="pt") as file:
            about = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise WrongUse(WORDS["unreadable"].format(source=source, reason=error)) from None
    if "model" not in about or "classes" not in about:
        raise WrongUse(WORDS["no about"].format(source=source))
    size = json.loads(about["image_size"]) if options.image_size is None else options.image_size
    settings = json.loads(about["insert_se"]), json.loads(about["reduction"]), size
    return Wanted(about["model"], *settings, weights=str(source)), json.loads(about["classes"]), about


def _usual_path(source: str) -> Path:
    path = Path(source)
    if path.is_dir():
        return path / "model.onnx"
    return path.with_suffix(".onnx") if path.suffix == ".safetensors" else Path(f"{path.name.replace(':', '-')}.onnx")
