"""The code of each specimen as a reader meets it: one class that looks all right, and the same class without its fault.

``written_forms.py`` has the texts. They are written as people write SE code, each in another form.
"""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from senet_lib.doctor.specimens.written_forms import WRITTEN_FORMS


@dataclass(frozen=True)
class Listing:
    """The class of a specimen in which the fault is, as lines of Python.

    Attributes:
        part: "gate", "block" or "network": of which part it is the class.
        faulty: the lines with the fault; those between the methods are empty.
        sound: the lines of the twin.
        faulty_lines: indices of the lines in ``faulty`` that the twin does not have; at least one.
        method: name of the method with the fault.
        difference: what must change, as (mark, line): "-" before a line of ``faulty``, "+" before one of ``sound``, " "
            before one of both, and "…" with "" where lines are left out.
    """

    part: str
    faulty: tuple[str, ...]
    sound: tuple[str, ...]
    faulty_lines: tuple[int, ...]
    method: str
    difference: tuple[tuple[str, str], ...]


def listing(name: str) -> Listing:
    """The listing of a specimen.

    Raises:
        ValueError: if ``name`` is no name of ``senet_lib.doctor.specimens.SPECIMENS``.
    """
    if name not in WRITTEN_FORMS:
        raise ValueError(f"name is {name!r}; it must be one of {', '.join(WRITTEN_FORMS)}")
    form = WRITTEN_FORMS[name]
    faulty, sound = (tuple(text.splitlines()) for text in (form.faulty, form.sound))
    changes = difflib.SequenceMatcher(a=faulty, b=sound, autojunk=False).get_opcodes()
    places = [i for kind, start, end, _, _ in changes if kind != "equal" for i in range(start, end)]
    difference = tuple(_difference(faulty, sound))
    return Listing(form.part, faulty, sound, tuple(places), _method_at(faulty, places[0] + 1), difference)


def _method_at(lines: tuple[str, ...], line: int) -> str:
    methods = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.FunctionDef)]
    return next(node.name for node in methods if node.lineno <= line <= (node.end_lineno or 0))


def _difference(faulty: tuple[str, ...], sound: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """With one line around each change; empty lines are left out."""
    _, _, _, *lines = difflib.unified_diff(faulty, sound, n=1, lineterm="")
    for line in lines:
        if line.startswith("@@"):
            yield "…", ""
        elif line[1:]:
            yield line[0], line[1:]
