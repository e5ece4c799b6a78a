"""The command line of the recorded experiments; see the package's own text."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import senet_lib.book.experiments
from senet_lib.book.experiments.catalogue import EXPERIMENTS
from senet_lib.book.experiments.report import report
from senet_lib.book.experiments.running import Trial, run
from senet_lib.book.experiments.tables import fill_tables
from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.validation import require_whole
from senet_lib.training.device import require_device

# Where things are kept. A trial is another experiment than the book's: it must not get among the book's results.
PLACES = {
    "results": Path("results"),
    "weights": Path("senet_lib/weights/pretrained"),
    "checkpoints": Path(".checkpoints"),
}
TRIALS = {name: Path("_build/trials") / name for name in PLACES}


def _list(options: argparse.Namespace) -> None:
    for name, experiment in EXPERIMENTS.items():
        print(f"{name}: {experiment.title}")


def _run(options: argparse.Namespace) -> None:
    require_whole("--seeds", options.seeds)
    require_device(options.device)
    trial = Trial(options.data, options.call_it, options.pictures, options.epochs, options.size)
    places = TRIALS if trial.is_another_experiment else PLACES
    results, weights, checkpoints = (
        getattr(options, name) or places[name] for name in ("results", "weights", "checkpoints")
    )
    print(f"recording in {results.resolve()}")
    run(options.name, range(options.seeds), options.device, results, weights, checkpoints, trial, options.tensorboard)


def _report(options: argparse.Namespace) -> None:
    write_atomically(options.page, report(options.results))
    others = {*options.chapters.glob("*.md"), *options.page.parent.glob("*.md")} - {options.page}
    for chapter in sorted(others):
        text = chapter.read_text(encoding="utf-8")
        filled = fill_tables(text, options.results)
        if filled != text:
            write_atomically(chapter, filled)


_COMMANDS = {"list": _list, "run": _run, "report": _report}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m senet_lib.book.experiments",
        description=senet_lib.book.experiments.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name all experiments")
    run_parser = commands.add_parser("run", help="run one experiment and record it")
    run_parser.add_argument("name", choices=EXPERIMENTS)
    run_parser.add_argument("--seeds", type=int, default=5, help="how many paired seeds: 0, 1, 2, … (default 5)")
    run_parser.add_argument("--device", default="cpu")
    run_parser.add_argument("--data", metavar="NAME", help="other data, by a name for load_pictures, e.g. folder:PATH")
    run_parser.add_argument("--pictures", type=int, metavar="N", help="train on the first N pictures only")
    run_parser.add_argument("--epochs", type=int, metavar="N", help="instead of the recipe's")
    run_parser.add_argument("--size", type=int, metavar="PIXELS", help="height and width, instead of the experiment's")
    run_parser.add_argument("--call-it", metavar="TEXT", help="what the record calls these data")
    run_parser.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write TensorBoard's curves there")
    for name, place in PLACES.items():
        usual = f"default: {place}, and {TRIALS[name]} with --pictures, --epochs or --size"
        run_parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=usual)
    report_parser = commands.add_parser("report", help="make the results page, and the tables of all pages")
    report_parser.add_argument("--results", type=Path, default=Path("results"))
    report_parser.add_argument("--page", type=Path, default=Path("book/results.md"))
    report_parser.add_argument("--chapters", type=Path, default=Path("notebooks"), metavar="FOLDER")
    options = parser.parse_args(arguments)
    try:
        _COMMANDS[options.command](options)
    except (ValueError, ArithmeticError, OSError, MemoryError, ModuleNotFoundError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
