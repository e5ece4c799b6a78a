"""The program ``senet``: it picks the command, whose own module does the rest."""

import importlib
import sys
from collections.abc import Sequence

import senet_lib
from senet_lib.common.command_line import DONE, OneLineParser, WrongUse, run_command, unknown

COMMANDS = {
    "train": ("senet_lib.book.commands.train_command", "train a network on your pictures, go on, evaluate"),
    "doctor": ("senet_lib.doctor.__main__", "say what is wrong with the SE layers of a network"),
    "cost": ("senet_lib.book.commands.cost_command", "count parameters and multiply-adds, and SE's part"),
    "export": ("senet_lib.book.commands.export_command", "write an ONNX file whose gates can be seen and set"),
    "figures": ("senet_lib.book.commands.figures_command", "list the live figures, write one as an HTML page"),
    "experiments": ("senet_lib.book.experiments.__main__", "run what the book has recorded"),
}
WORDS = {
    "about": "Squeeze-and-excitation networks: train them, look into them, use them.",
    "more": "senet COMMAND --help says more of one.\n\nExit status: 0 done, 1 failed, 2 wrong use, 130 after Ctrl-C.",
    "what": "what to do",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_command("senet", lambda: _run(given))


def _run(given: list[str]) -> int:
    if not given or given[0].startswith("-"):
        parser = _parser()
        parser.parse_args(given or ["--help"])
        return DONE
    name, *rest = given
    if name not in COMMANDS:
        raise WrongUse(unknown(name, COMMANDS, f"use one of {', '.join(COMMANDS)}"))
    return importlib.import_module(COMMANDS[name][0]).main(rest, prog=f"senet {name}")


def _parser() -> OneLineParser:
    lines = [f"  {name:12} {what}" for name, (_, what) in COMMANDS.items()]
    parser = OneLineParser(
        prog="senet",
        usage="senet COMMAND ...",
        description="\n".join([WORDS["about"], "", *lines]),
        epilog=WORDS["more"],
    )
    parser.add_argument("--version", action="version", version=f"senet-lib {senet_lib.__version__}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
