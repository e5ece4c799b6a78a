"""What an augmentation is, in a text: the same in each process, and another one for an augmentation that differs.

A function is its code, its defaults, and what it takes from around it; an object its class and its state. The code of
another package than the augmentation's own, such as torch, counts by its name.
"""

import hashlib
import types
from functools import partial
from typing import Any

import numpy as np
import torch


def identity(augmentation: Any) -> str:
    """The text for anything that can be called, or for None.

    Raises:
        ValueError: if it holds something that cannot be told apart, such as an open file.
    """
    return _Description(_package(augmentation)).of(augmentation)


class _Description:
    """Describes values, one inside the other. One that holds itself is named there by its depth."""

    def __init__(self, package: str):
        self._package = package
        self._holders: list[int] = []

    def of(self, value: Any) -> str:
        if value is None or value is ... or isinstance(value, bool | int | float | complex | str | bytes):
            return f"{type(value).__name__} {value!r}"
        if id(value) in self._holders:
            return f"itself {self._holders.index(id(value))}"
        self._holders.append(id(value))
        text = f"{type(value).__qualname__}({self._inside(value)})"
        self._holders.pop()
        return text

    def _inside(self, value: Any) -> str:
        if isinstance(value, torch.Tensor | np.ndarray | np.generic):
            array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
            return f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
        if isinstance(value, tuple | list):
            return self._all(*value)
        if isinstance(value, dict):
            return self._all(*value.items())
        if isinstance(value, set | frozenset):
            return ", ".join(sorted(map(self.of, value)))
        if isinstance(value, partial):
            return self._all(value.func, value.args, sorted(value.keywords.items()))
        if isinstance(value, types.MethodType | types.BuiltinMethodType):
            return self._all(getattr(value, "__func__", value.__qualname__), value.__self__)
        if isinstance(value, types.CodeType):
            names = value.co_names, value.co_varnames, value.co_freevars
            return self._all(value.co_code, value.co_exceptiontable, value.co_consts, *names)
        if isinstance(value, types.ModuleType):
            return value.__name__
        if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
            return self._named(value)
        return self._state(value)

    def _named(self, value: Any) -> str:
        """A function or a class."""
        name = f"{value.__module__}.{value.__qualname__}"
        is_own = _package(value) == self._package
        if isinstance(value, type):
            own = {key: one for key, one in vars(value).items() if not key.startswith("__") or callable(one)}
            return f"{name}: {self._all(value.__bases__, own)}" if is_own else name
        if not isinstance(value, types.FunctionType):
            return f"{name}: {self._all(getattr(value, '__wrapped__', None))}"
        held = [value.__defaults__, value.__kwdefaults__, *(cell.cell_contents for cell in value.__closure__ or ())]
        if is_own:
            around = {key: value.__globals__[key] for key in _names(value.__code__) if key in value.__globals__}
            held += [value.__code__, around]
        return f"{name}: {self._all(*held)}"

    def _state(self, value: Any) -> str:
        try:
            how = value.__reduce_ex__(4)
        except Exception as error:
            raise ValueError(
                f"the augmentation holds a {type(value).__name__}, by which two runs cannot be told apart ({error}); "
                "make that inside the function"
            ) from error
        items = [list(one) if isinstance(one, types.GeneratorType) or hasattr(one, "__next__") else one for one in how]
        return self.of(how) if isinstance(how, str) else self._all(*items)

    def _all(self, *values: Any) -> str:
        return ", ".join(map(self.of, values))


def _package(value: Any) -> str:
    inner = value.func if isinstance(value, partial) else value
    module = getattr(inner, "__module__", None) or type(inner).__module__
    return module.partition(".")[0]


def _names(code: types.CodeType) -> list[str]:
    """The names that a function, and functions inside it, may look up outside."""
    inner = [name for one in code.co_consts if isinstance(one, types.CodeType) for name in _names(one)]
    return list(dict.fromkeys([*code.co_names, *inner]))
