"""Which modules of a network are meant: by class, by a pattern or a list of names, or by a function that names them."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from senet_lib.common.messages import short
from senet_lib.networks.residual_branches import CHOICES, last_functions, residual_branches
from senet_lib.networks.squeeze_excitation import SqueezeExcitation

Rule = Callable[[nn.Module], Sequence[str]]
After = type[nn.Module] | tuple[type[nn.Module], ...] | str | Sequence[str] | Rule

SHOWN_NAMES = 5


def chosen_modules(model: nn.Module, after: After) -> dict[str, nn.Module]:
    """The chosen modules by their first names, each once; see ``insert_squeeze_excitation`` for what may be given.

    Raises:
        ValueError: if it is none of these, or nothing is chosen; the message says what the model has.
    """
    everything = {name: module for name, module in model.named_modules(remove_duplicate=False) if name}
    names: dict[nn.Module, str] = {}
    for name in _names(model, after, everything):
        names.setdefault(everything[name], name)
    return {name: module for module, name in names.items()}


def _names(model: nn.Module, after: Any, everything: dict[str, nn.Module]) -> list[str]:
    if isinstance(after, str):
        return _names_that_fit(after, _without_insides_of_blocks(everything))
    if classes := _classes(after):
        return _names_of(classes, _without_insides_of_blocks(everything))
    by_rule = callable(after) and not isinstance(after, type | nn.Module)
    names = after(model) if by_rule else after
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        what = "the function in after returns" if by_rule else "after is"
        raise ValueError(f"{what} {short(names)}; use a module class, a pattern or a list of names, or a function")
    if not names:
        what = "residual branch" if after is residual_branches else "module with this choice"
        functions = last_functions(model) if after is residual_branches else []
        why = f" that ends in a module, but in {' and '.join(functions)}" if functions else ""
        raise ValueError(f"found no {what}{why}; {CHOICES}")
    for name in names:
        if name not in everything:
            raise ValueError(_no_such_name(name, everything))
    return list(names)


def _classes(after: Any) -> tuple[type[nn.Module], ...]:
    """The classes of modules in ``after``; none if it holds anything else."""
    classes = after if isinstance(after, tuple) else (after,)
    return classes if all(isinstance(kind, type) and issubclass(kind, nn.Module) for kind in classes) else ()


def _without_insides_of_blocks(everything: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """All modules but those inside an SE block: its ReLU does not belong to the network."""
    blocks = [module for module in everything.values() if isinstance(module, SqueezeExcitation)]
    insides = {part for block in blocks for part in block.modules() if part is not block}
    return {name: module for name, module in everything.items() if module not in insides}


def _names_of(classes: tuple[type[nn.Module], ...], everything: dict[str, nn.Module]) -> list[str]:
    found = [name for name, module in everything.items() if isinstance(module, classes)]
    if not found:
        wanted = " or ".join(kind.__name__ for kind in classes)
        own = dict.fromkeys(type(module).__name__ for module in everything.values())
        raise ValueError(f"the model has no {wanted} inside; it has {_listed(own)}")
    return found


def _names_that_fit(pattern: str, everything: dict[str, nn.Module]) -> list[str]:
    found: list[str] = []
    for name in everything:  # what holds a module comes before it
        inside = any(name.startswith(f"{outer}.") for outer in found)
        if fnmatchcase(name, pattern) and not inside:
            found.append(name)
    if not found:
        raise ValueError(_no_such_name(pattern, everything))
    return found


def _no_such_name(name: str, everything: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, everything, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it has {_listed(everything)}"
    return f"the model has no module {name!r}; {hint}"


def _listed(names: Iterable[str]) -> str:
    first = list(names) or ["no modules"]
    rest = len(first) - SHOWN_NAMES
    return ", ".join(first[:SHOWN_NAMES]) + (f" and {rest} more" if rest > 0 else "")
