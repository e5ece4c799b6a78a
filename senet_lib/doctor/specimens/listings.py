"""The code of each specimen as a reader meets it: one class that looks all right, and the same class without its fault.

A class with a fault overrides a method of a sound one, and the override would tell. So both are written as one class:
the sound class with the methods of the other in it, under the sound one's name, without docstrings, comments and types.
"""

import ast
import difflib
import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from senet_lib.doctor.specimens import specimen_networks
from senet_lib.doctor.specimens.faults import Specimen


@dataclass(frozen=True)
class Listing:
    """The class of a specimen in which the fault is, as lines of Python.

    Attributes:
        name: of the class, the same for both.
        faulty: the lines with the fault; those between the methods are empty.
        sound: the lines of the twin.
        faulty_lines: indices of the lines in ``faulty`` that the twin does not have; at least one.
        method: name of the method with the fault; "" if it is above all methods.
        difference: what must change, as (mark, line): "-" before a line of ``faulty``, "+" before one of ``sound``, " "
            before one of both, and "…" with "" where lines are left out.
    """

    name: str
    faulty: tuple[str, ...]
    sound: tuple[str, ...]
    faulty_lines: tuple[int, ...]
    method: str
    difference: tuple[tuple[str, str], ...]


def listing(specimen: Specimen) -> Listing:
    """The listing of a specimen, from the sources of its networks.

    Raises:
        ValueError: if its two networks are made of the same classes with the same options.
    """
    faulty_class, sound_class = _differing_classes(specimen)
    tree = _flattened(faulty_class, specimen.make_faulty)
    faulty, sound = _lines(tree), _lines(_flattened(sound_class, specimen.make_sound))
    changes = difflib.SequenceMatcher(a=faulty, b=sound, autojunk=False).get_opcodes()
    places = [i for kind, start, end, _, _ in changes if kind != "equal" for i in range(start, end) if faulty[i]]
    if not places:
        raise ValueError(f"no line of the network with the fault {specimen.name!r} is wrong; give one that differs")
    method = _method_at(ast.parse("\n".join(faulty)), places[0] + 1)
    return Listing(tree.name, faulty, sound, tuple(places), method, tuple(_difference(faulty, sound)))


# --- which class ------------------------------------------------------------------------------------------------------


def _differing_classes(specimen: Specimen) -> tuple[type, type]:
    """The class that only the faulty network has, and the one that it has in the sound network's place."""
    faulty, sound = _classes_of(specimen.make_faulty), _classes_of(specimen.make_sound)
    alone = [next(iter(one - other), None) for one, other in ((faulty, sound), (sound, faulty))]
    if alone[0] and alone[1]:
        return alone[0], alone[1]
    for common in sorted(faulty & sound, key=lambda one: one.__name__):
        if _options_of(specimen.make_faulty, common) != _options_of(specimen.make_sound, common):
            return common, common
    raise ValueError(f"the networks of {specimen.name!r} do not differ; make them of different classes or options")


def _classes_of(make: Callable[..., nn.Module]) -> set[type]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")  # of a layer without hidden units
        modules = make().modules()
    return {type(module) for module in modules if type(module).__module__ == specimen_networks.__name__}


def _options_of(make: Any, wanted: type) -> dict[str, Any]:
    """What a class is made with besides its defaults, wherever in the partials of a network's maker."""
    if not isinstance(make, partial):
        return {}
    if make.func is wanted:
        return dict(make.keywords)
    return {name: value for inner in make.keywords.values() for name, value in _options_of(inner, wanted).items()}


# --- its code ---------------------------------------------------------------------------------------------------------


class _Bare(ast.NodeTransformer):
    """Without docstrings and types; comments are not in the tree."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return self._without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        return self._without_docstring(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return node
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def _without_docstring(self, node: Any) -> Any:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        return self.generic_visit(node)


def _flattened(made: type, make: Callable[..., nn.Module]) -> ast.ClassDef:
    """A class with what it inherits from the sound one, under that one's name."""
    family = made.__mro__[: made.__mro__.index(nn.Module)]
    tree = _parse(family[-1])
    for heir in reversed(family[:-1]):
        own = {_name_of(node): node for node in _parse(heir).body}
        tree.body = [own.pop(_name_of(node), node) for node in tree.body] + list(own.values())
    tree.body = list(_called(tree.body))
    _put_defaults(tree, _options_of(make, made))
    return ast.fix_missing_locations(tree)


def _parse(made: type) -> ast.ClassDef:
    tree = ast.parse(inspect.getsource(made)).body[0]
    assert isinstance(tree, ast.ClassDef)
    return _Bare().visit(tree)


def _name_of(node: ast.stmt) -> str:
    """Of a method, or of an attribute of the class."""
    return node.name if isinstance(node, ast.FunctionDef) else ast.unparse(node).partition(" = ")[0]


def _called(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Without the methods that are not called because another one was overridden."""
    methods = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    waiting, called = ["__init__", "forward"], set()
    while waiting:
        name = waiting.pop()
        called.add(name)
        used = {node.attr for node in ast.walk(methods[name]) if isinstance(node, ast.Attribute)}
        waiting += sorted((used & methods.keys()) - called)
    return (node for node in body if not isinstance(node, ast.FunctionDef) or node.name in called)


def _put_defaults(tree: ast.ClassDef, options: dict[str, Any]) -> None:
    """Numbers that a network was made with, in place of the defaults in the signature of its class."""
    (start,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    arguments = start.args
    positional = arguments.args[len(arguments.args) - len(arguments.defaults) :]
    for names, defaults in ((positional, arguments.defaults), (arguments.kwonlyargs, arguments.kw_defaults)):
        for place, argument in enumerate(names):
            value = options.get(argument.arg)
            if isinstance(value, int | tuple):
                defaults[place] = ast.parse(repr(value), mode="eval").body


# --- its lines --------------------------------------------------------------------------------------------------------


def _lines(tree: ast.ClassDef) -> tuple[str, ...]:
    return tuple(ast.unparse(tree).splitlines())


def _method_at(tree: ast.Module, line: int) -> str:
    methods = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return next((node.name for node in methods if node.lineno <= line <= (node.end_lineno or 0)), "")


def _difference(faulty: tuple[str, ...], sound: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """With one line around each change; empty lines are left out."""
    _, _, _, *lines = difflib.unified_diff(faulty, sound, n=1, lineterm="")
    for line in lines:
        if line.startswith("@@"):
            yield "…", ""
        elif line[1:]:
            yield line[0], line[1:]
