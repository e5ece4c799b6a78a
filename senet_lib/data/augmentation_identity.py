"""What an augmentation is, in a text: the same in each process, and another one for an augmentation that differs.

It is joblib's hash, for which an object is its class and its state, with one change: a function or class of the
augmentation's own package counts by its code and by what it takes from around it, not by its name alone.
"""

import pickle
import types
from functools import partial
from typing import Any

import torch
from joblib.hashing import NumpyHasher


def identity(augmentation: Any) -> str:
    """The text for anything that can be called, or for None.

    Raises:
        ValueError: if it holds something that cannot be told apart, such as an open file.
    """
    try:
        return _Hasher(_package(augmentation)).hash(augmentation)
    except (TypeError, pickle.PicklingError) as error:
        raise ValueError(
            f"the augmentation holds something by which two runs cannot be told apart ({error}); "
            "make that inside the function"
        ) from error


class _Hasher(NumpyHasher):
    def __init__(self, package: str):
        super().__init__("sha1")
        self._package = package

    def memoize(self, obj: Any) -> None:
        if not isinstance(obj, tuple):  # whether two equal constants are one object differs between processes
            super().memoize(obj)

    def reducer_override(self, value: Any) -> Any:
        """A name, and what is pickled with it; see ``pickle.Pickler.reducer_override``."""
        if isinstance(value, types.ModuleType):
            return str, (value.__name__,)
        held = self._held(value)
        return NotImplemented if held is None else (str, (getattr(value, "__qualname__", type(value).__name__),), held)

    def _held(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.detach().cpu().numpy()
        if isinstance(value, types.CodeType):  # without its file, which IPython names after the process
            names = value.co_names, value.co_varnames, value.co_freevars
            return value.co_code, value.co_exceptiontable, value.co_consts, names
        if isinstance(value, property):
            return value.fget, value.fset, value.fdel
        if isinstance(value, type):
            own = {key: one for key, one in vars(value).items() if not key.startswith("__") or callable(one)}
            return (value.__module__, value.__bases__, own) if _package(value) == self._package else None
        if isinstance(value, types.FunctionType):
            inside = [cell.cell_contents for cell in value.__closure__ or ()]
            held = value.__module__, value.__defaults__, value.__kwdefaults__, inside
            return (*held, value.__code__, _around(value)) if _package(value) == self._package else held
        return getattr(value, "__wrapped__", None)


def _package(value: Any) -> str:
    inner = value.func if isinstance(value, partial) else value
    module = getattr(inner, "__module__", None) or type(inner).__module__
    return module.partition(".")[0]


def _around(function: types.FunctionType) -> dict[str, Any]:
    """The values of the global names that a function, and functions inside it, may look up."""
    names, codes = set(), [function.__code__]
    while codes:
        code = codes.pop()
        names |= set(code.co_names)
        codes += [one for one in code.co_consts if isinstance(one, types.CodeType)]
    return {name: function.__globals__[name] for name in sorted(names) if name in function.__globals__}
