"""The command line of the recorded experiments; see the package's own text."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from senet_lib.book.experiments.catalogue import EXPERIMENTS
from senet_lib.book.experiments.report import report
from senet_lib.book.experiments.running import Trial, run
from senet_lib.book.experiments.tables import fill_tables
from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.command_line import DONE, OneLineParser, Stopped, before_it_begins, run_command, unknown
from senet_lib.common.validation import require_whole
from senet_lib.training.device import require_device

# Where things are kept. A trial is another experiment than the book's: it must not get among the book's results.
PLACES = {
    "results": Path("results"),
    "weights": Path("senet_lib/weights/pretrained"),
    "checkpoints": Path(".checkpoints"),
}
TRIALS = {name: Path("_build/trials") / name for name in PLACES}
RUN_OPTIONS: tuple[tuple[str, str, Callable[[str], Any], Any], ...] = (
    ("seeds", "N", int, 5),
    ("device", "NAME", str, "cpu"),
    ("data", "NAME", str, None),
    ("call-it", "TEXT", str, None),
    ("pictures", "N", int, None),
    ("epochs", "N", int, None),
    ("size", "PIXELS", int, None),
    ("tensorboard", "FOLDER", Path, None),
)
REPORT_PLACES = {"results": "results", "page": "book/results.md", "chapters": "notebooks"}
WORDS = {
    "about": "Run what the book has recorded, and put the records into its pages.\n\n"
    "  list         name all experiments\n"
    "  run NAME     run one and record it\n"
    "  report       make the page of results and the tables of all pages",
    "usage": "%(prog)s list\n       %(prog)s run NAME [options]\n       %(prog)s report [options]",
    "more": "Each of them has its own --help.",
    "list": "Name all experiments.",
    "run": "Run one experiment and record it. What is on record already is not run again.\n"
    "Stopped at any moment, the same command goes on.",
    "places": "With --pictures, --epochs or --size it is a quick trial, and kept in\n_build/trials, apart from the "
    "book's results.",
    "name": 'of an experiment; "list" names all',
    "otherwise": 'the command "list" names all experiments',
    "seeds": "how many paired seeds: 0, 1, 2, ...; default 5",
    "device": "cpu, cuda or mps; default cpu",
    "data": "other pictures, for example folder:PATH",
    "call-it": "what the record calls these data",
    "pictures": "train on the first N pictures only",
    "epochs": "instead of the recipe's",
    "size": "height and width, instead of the experiment's",
    "tensorboard": "write TensorBoard's curves there",
    "results": "of the records; default {place}",
    "weights": "of kept weights; default {place}",
    "checkpoints": "of what is unfinished; default {place}",
    "report": "Make the page of results, and the tables of all pages.",
    "report results": "where the records are; default {place}",
    "report page": "the page to make; default {place}",
    "report chapters": "where the chapters are; default {place}",
    "stopped": "stopped; the same command goes on after the last finished epoch",
    "recording": "recording in {place}",
}


def _list(options: argparse.Namespace) -> None:
    for name, experiment in EXPERIMENTS.items():
        print(f"{name}: {experiment.title}")


def _run(options: argparse.Namespace) -> None:
    with before_it_begins():
        require_whole("--seeds", options.seeds)
        require_device(options.device)
        trial = Trial(options.data, options.call_it, options.pictures, options.epochs, options.size)
    places = TRIALS if trial.is_another_experiment else PLACES
    results, weights, checkpoints = (
        getattr(options, name) or places[name] for name in ("results", "weights", "checkpoints")
    )
    print(WORDS["recording"].format(place=results.resolve()))
    run(options.name, range(options.seeds), options.device, results, weights, checkpoints, trial, options.tensorboard)


def _report(options: argparse.Namespace) -> None:
    with before_it_begins():
        page = report(options.results)
    write_atomically(options.page, page)
    others = {*options.chapters.glob("*.md"), *options.page.parent.glob("*.md")} - {options.page}
    for chapter in sorted(others):
        text = chapter.read_text(encoding="utf-8")
        filled = fill_tables(text, options.results)
        if filled != text:
            write_atomically(chapter, filled)


_COMMANDS = {"list": _list, "run": _run, "report": _report}


def main(arguments: Sequence[str] | None = None, prog: str = "python -m senet_lib.book.experiments") -> int:
    """List, run or report; the exit status."""
    return run_command(prog, lambda: _do(arguments, prog))


def _do(arguments: Sequence[str] | None, prog: str) -> int:
    options = _parser(prog).parse_args(arguments)
    try:
        _COMMANDS[options.command](options)
    except KeyboardInterrupt as stop:
        raise Stopped(WORDS["stopped"]) from stop
    return DONE


def _parser(prog: str) -> OneLineParser:
    parser = OneLineParser(prog=prog, usage=WORDS["usage"], description=WORDS["about"], epilog=WORDS["more"])
    commands = parser.add_subparsers(dest="command", required=True, prog=prog, metavar="WHAT", help=argparse.SUPPRESS)
    commands.add_parser("list", usage="%(prog)s", description=WORDS["list"])
    usage = "%(prog)s NAME [options]"
    run_parser = commands.add_parser("run", usage=usage, description=WORDS["run"], epilog=WORDS["places"])
    run_parser.add_argument("name", type=_name, metavar="NAME", help=WORDS["name"])
    for option, metavar, kind, default in RUN_OPTIONS:
        words = WORDS[option]
        run_parser.add_argument(f"--{option}", metavar=metavar, type=kind, default=default, help=words)
    for place in PLACES:
        run_parser.add_argument(
            f"--{place}", type=Path, metavar="FOLDER", help=WORDS[place].format(place=PLACES[place])
        )
    report_parser = commands.add_parser("report", usage="%(prog)s [options]", description=WORDS["report"])
    for option, default in REPORT_PLACES.items():
        words = WORDS[f"report {option}"].format(place=default)
        report_parser.add_argument(f"--{option}", type=Path, default=Path(default), metavar="PATH", help=words)
    return parser


def _name(text: str) -> str:
    if text not in EXPERIMENTS:
        raise argparse.ArgumentTypeError(unknown(text, EXPERIMENTS, WORDS["otherwise"]))
    return text


if __name__ == "__main__":
    sys.exit(main())
