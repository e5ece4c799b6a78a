"""Networks that somebody else's code makes, by the name of the function: MODULE:FACTORY."""

import importlib
import inspect
import os
import sys
from typing import Any

from torch import nn

from senet_lib.common.messages import short

EXAMPLE = "torchvision.models:efficientnet_b0"


def make_by_name(name: str, **options: Any) -> nn.Module:
    """What a factory makes, or the network that has this name itself.

    Args:
        name: MODULE:FACTORY. Modules in the working folder are found too.
        options: given to the factory as far as it takes them by name.

    Raises:
        ValueError: if the name has another form, the module or the factory fails, or it gives no network.
    """
    module_name, _, path = name.partition(":")
    if not module_name or not path:
        raise ValueError(f"{name!r} is not MODULE:FACTORY, such as {EXAMPLE}")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())  # "python -m" does so by itself, a program that pip has installed does not
    try:
        found: Any = importlib.import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
        made = found if isinstance(found, nn.Module) else found(**_taken(found, options))
    except Exception as error:  # whatever somebody else's module raises
        raise ValueError(f"{name} gives no network: {short(error)}") from error
    if not isinstance(made, nn.Module):
        raise ValueError(f"{name} gives {short(made)}; it must give a torch.nn.Module")
    return made


def _taken(factory: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Of the options, those that the factory has a name for, or all if it takes any."""
    if not options:
        return {}
    parameters = inspect.signature(factory).parameters.values()
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    return {key: value for key, value in options.items() if takes_any or key in {one.name for one in parameters}}
