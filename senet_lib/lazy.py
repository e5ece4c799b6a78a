"""Packages whose names are imported when somebody asks for them: so one of their modules loads only what it needs."""

import importlib
from collections.abc import Callable, Collection, Mapping
from typing import Any


def lazy_names(package: str, names: Mapping[str, Collection[str]]) -> Callable[[str], Any]:
    """A package's ``__getattr__``, which Python calls for a name that the package does not have.

    Args:
        package: its ``__name__``.
        names: from each module in the package to the names that the package has from it.
    """
    homes = {name: module for module, some in names.items() for name in some}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return get
