"""``senet train``, and ``python -m senet_lib.training``."""

from collections.abc import Sequence

from senet_lib.book.commands.train_options import parse_train
from senet_lib.common.command_line import run_command


def main(arguments: Sequence[str] | None = None, prog: str = "senet train") -> int:
    """Train a network on a folder of pictures, or evaluate it; the exit status."""
    return run_command(prog, lambda: _run(arguments, prog))


def _run(arguments: Sequence[str] | None, prog: str) -> int:
    options = parse_train(arguments, prog)
    from senet_lib.book.commands.training_run import train_or_evaluate  # loads torch, for which help need not wait

    return train_or_evaluate(options, prog)
