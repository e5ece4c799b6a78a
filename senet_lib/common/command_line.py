"""What all commands share: help that fits a screen, errors of one line, and exit statuses.

0: done. 1: it was begun and failed. 2: what was asked for does not exist or is out of range. 130: stopped by Ctrl-C.
"""

import argparse
import difflib
import errno
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, NoReturn

from senet_lib.common.messages import in_one_line

DONE, FAILED, WRONG_USE, STOPPED = 0, 1, 2, 130
WIDTH = 80  # columns of a help text
HELP_COLUMN = 30
# What readers, their files and their machine can cause. Anything else is a mistake of ours and keeps its traceback.
KNOWN_ERRORS = (ValueError, OSError, ArithmeticError, MemoryError, ModuleNotFoundError)
OUT_OF_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
WORDS = {
    "bad word": "{message}; {prog} --help lists what there is",
    "full": "{path} cannot be written: the disk is full; make room there, or choose another folder, and run again",
    "refused": "{path}: {reason}; look at the path and its permissions",
    "stopped": "stopped; nothing was left half written",
    "unknown": "{value!r} is unknown; {hint}",
    "near": "did you mean {names}?",
}


class WrongUse(ValueError):
    """What was asked for does not exist, or is out of range; nothing was begun."""


class Stopped(KeyboardInterrupt):
    """Ctrl-C, with a line that says how to go on."""


class OneLineParser(argparse.ArgumentParser):
    """A parser whose help fits 80 columns, and whose errors are exceptions: the command says them in one line."""

    def __init__(self, **settings: Any):
        super().__init__(formatter_class=_Help, allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        if os.environ.get("RANK", "0") != "0":  # of several processes of torchrun, which all got these words
            raise SystemExit(WRONG_USE)
        raise WrongUse(WORDS["bad word"].format(message=message, prog=self.prog))


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=HELP_COLUMN, width=WIDTH)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Of an option with several names the first, once; a switch with its "no" in brackets."""
        if not action.option_strings or isinstance(action, argparse._HelpAction):
            return super()._format_action_invocation(action)
        name = action.option_strings[0]
        if isinstance(action, argparse.BooleanOptionalAction):
            name = f"--[no-]{name.removeprefix('--')}"
        return name if action.nargs == 0 else f"{name} {self._format_args(action, action.dest.upper())}"


def run_command(prog: str, work: Callable[[], int]) -> int:
    """Do the work of a command: its exit status, after one line on stderr if it fails.

    Args:
        prog: what stands before the line, such as "senet train".
        work: gives the exit status.

    Raises:
        Exception: what nobody but us can have caused.
    """
    pressed: list[int] = []

    def stop_here(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    before = signal.getsignal(signal.SIGINT)
    is_usual = before is signal.default_int_handler and current_thread() is main_thread()
    try:
        if is_usual:
            signal.signal(signal.SIGINT, stop_here)
        return _do(prog, work, pressed)
    finally:
        if is_usual:
            signal.signal(signal.SIGINT, before)


def _do(prog: str, work: Callable[[], int], pressed: list[int]) -> int:
    try:
        return work()
    except KeyboardInterrupt as stop:
        _say(prog, str(stop) or WORDS["stopped"])
        return STOPPED
    except Exception as error:
        if pressed:  # what Ctrl-C cuts short while it is imported may answer with an error of its own
            _say(prog, WORDS["stopped"])
            return STOPPED
        if isinstance(error, BrokenPipeError):  # whoever reads the output has seen enough, as "head" has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        if not isinstance(error, KNOWN_ERRORS):
            raise
        _say(prog, explain(error))
        return WRONG_USE if isinstance(error, WrongUse) else FAILED


@contextmanager
def before_it_begins() -> Iterator[None]:
    """A ``ValueError`` in this block is about what was asked for: exit status 2."""
    try:
        yield
    except WrongUse:
        raise
    except ValueError as error:
        raise WrongUse(in_one_line(error)) from error


def explain(error: BaseException) -> str:
    """An error in one line. A full disk is called so."""
    if isinstance(error, OSError) and error.filename is not None:
        if error.errno in OUT_OF_ROOM:
            return WORDS["full"].format(path=error.filename)
        return WORDS["refused"].format(path=error.filename, reason=error.strerror)
    return in_one_line(error)


def unknown(value: str, names: Collection[str], otherwise: str) -> str:
    """The line about a name that does not exist: the nearest ones, or else what helps."""
    near = difflib.get_close_matches(value, names, n=3)
    hint = WORDS["near"].format(names=" or ".join(near)) if near else otherwise
    return WORDS["unknown"].format(value=value, hint=hint)


def _say(prog: str, line: str) -> None:
    print(f"{prog}: {line}", file=sys.stderr, flush=True)
