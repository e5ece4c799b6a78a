"""The options of ``senet train``. Nothing here loads torch, so that help comes at once."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from senet_lib.book.commands.run_settings import read_settings
from senet_lib.common.command_line import OneLineParser

WORDS = {
    "about": "Train a network on a folder of pictures, go on where it stopped, evaluate it.\n"
    "MODEL: ours, timm's, MODULE:FACTORY, or a recipe. senet cost --list names them.",
    "usage": "%(prog)s MODEL --data FOLDER [options]\n       %(prog)s --settings FILE [options]",
    "more": "Stopped at any moment, the same command goes on after the last finished epoch.\n"
    "On several GPUs: torchrun --nproc_per_node 8 -m senet_lib.training MODEL ...",
    "all": "name the other options, too",
    "data": "with train and val in it, or a folder for each class",
    "run": "where all is kept; default runs/MODEL",
    "settings": "settings.toml of a run; words typed here count more",
    "evaluate": "train nothing: measure --weights, or the run's best",
    "insert": "put SE into the residual branches",
    "reduction": "r of SE; default 16, or the network's own",
    "weights": "safetensors to start from, also with other classes",
    "pretrained": "start from timm's own weights, which it downloads",
    "epochs": "default 10, and 100 in the paper's recipes",
    "rate": "largest one; default 0.001, 0.6 in the recipes",
    "batch": "of all processes together; default 64",
    "optimiser": "adamw, adam or sgd; default adamw",
    "momentum": "of sgd; default 0.9",
    "decay": "default 0.01",
    "schedule": "one-cycle, step or constant; default one-cycle",
    "step": "of step: a tenth of the rate after each N; default 30",
    "smoothing": "0 to below 1; default 0",
    "clip": "largest norm of the gradient; default any",
    "ema": "average the weights, 0.999 for example; default not",
    "half": "16 bits on GPUs that are fast at them; default yes",
    "compile": "faster code, after a minute",
    "same": "the same bits each time, also on a GPU",
    "size": "height and width, in pixels; default the network's",
    "pictures": "for a trial: only so many to train, and to test",
    "workers": "processes that read; default all cores",
    "seed": "of weights and batches; default 0",
    "device": "cuda, mps or cpu; default the fastest",
    "csv": "table of the epochs; default epochs.csv in the run",
    "tensorboard": "also curves for TensorBoard",
    "no model": "no MODEL is given; name one, such as se_resnet50, or give --settings FILE",
    "no data": "no --data is given; give a folder with train and val, or with a folder for each class",
}

# Names, what stands for the value, its type, the key of its words.
OPTIONS: tuple[tuple[str, str, Callable[[str], Any], str], ...] = (
    ("--data", "FOLDER", str, "data"),
    ("--run --checkpoints", "FOLDER", str, "run"),
    ("--settings", "FILE", str, "settings"),
    ("--reduction -r", "N", int, "reduction"),
    ("--weights", "FILE", str, "weights"),
    ("--epochs", "N", int, "epochs"),
    ("--learning-rate", "RATE", float, "rate"),
    ("--batch-size", "N", int, "batch"),
    ("--optimiser", "NAME", str, "optimiser"),
    ("--momentum", "SHARE", float, "momentum"),
    ("--weight-decay", "RATE", float, "decay"),
    ("--schedule", "NAME", str, "schedule"),
    ("--step-epochs", "N", int, "step"),
    ("--label-smoothing", "SHARE", float, "smoothing"),
    ("--clip-norm", "NORM", float, "clip"),
    ("--ema-decay", "SHARE", float, "ema"),
    ("--image-size", "N", int, "size"),
    ("--pictures", "N", int, "pictures"),
    ("--workers", "N", int, "workers"),
    ("--seed", "N", int, "seed"),
    ("--device", "NAME", str, "device"),
    ("--csv", "FILE", str, "csv"),
    ("--tensorboard", "FOLDER", str, "tensorboard"),
)
SWITCHES = {
    "--insert-se": "insert",
    "--pretrained": "pretrained",
    "--mixed-precision": "half",
    "--compile": "compile",
    "--deterministic": "same",
}
# Those that few need: only --help-all has them.
RARE = (
    *("--momentum", "--weight-decay", "--schedule", "--step-epochs", "--label-smoothing", "--clip-norm", "--ema-decay"),
    *("--pictures", "--mixed-precision", "--compile", "--deterministic"),
)
# Those that are settings of a Recipe, by the same name.
RECIPE = (
    *("epochs", "learning_rate", "optimiser", "momentum", "weight_decay", "schedule", "step_epochs"),
    *("label_smoothing", "clip_norm", "ema_decay", "mixed_precision", "compile", "deterministic"),
)


def parse_train(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    """What the command line, and a settings file that it names, ask for; None where nothing is said.

    Raises:
        WrongUse: if that cannot be understood.
    """
    parser = train_parser(prog)
    options = parser.parse_args(arguments)
    if options.help_all:
        train_parser(prog, rare=True).print_help()
        raise SystemExit(0)
    if options.settings is not None:
        typed = options.weights
        read_settings(parser, options.settings)
        options = parser.parse_args(arguments)
        if options.evaluate:
            options.weights = typed  # the file has those that the run began with
    if options.model is None:
        parser.error(WORDS["no model"])
    if options.data is None:
        parser.error(WORDS["no data"])
    return options


def train_parser(prog: str = "senet train", rare: bool = False) -> OneLineParser:
    """The parser; the long names of its options are the settings of a run. Its help may have the rare ones, too."""

    def told(name: str, words: str) -> str:
        return WORDS[words] if rare or name not in RARE else argparse.SUPPRESS

    parser = OneLineParser(prog=prog, usage=WORDS["usage"], description=WORDS["about"], epilog=WORDS["more"])
    parser.add_argument("model", nargs="?", metavar="MODEL", help=argparse.SUPPRESS)
    parser.add_argument("--help-all", action="store_true", help=WORDS["all"])
    for names, metavar, kind, words in OPTIONS:
        parser.add_argument(*names.split(), metavar=metavar, type=kind, help=told(names, words))
    for name, words in SWITCHES.items():
        parser.add_argument(name, action=argparse.BooleanOptionalAction, default=None, help=told(name, words))
    parser.add_argument("--evaluate", action="store_true", help=WORDS["evaluate"])
    return parser
