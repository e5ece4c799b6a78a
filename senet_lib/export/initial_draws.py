"""How a new network's weights are drawn, as a list that a page can follow: the same seed gives the same weights there.

``figures/parts/torch_random.js`` follows it, with PyTorch's own generator.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
DRAWS = {aten.uniform_.default: "uniform", aten.normal_.default: "normal"}
USUAL = {"uniform": (0.0, 1.0), "normal": (0.0, 1.0)}
NOWHERE = -1
Draw = list[Any]


def initial_draws(make: Callable[[], nn.Module]) -> list[Draw]:
    """What to draw, and where to put it in the flat vector of weights, to make a network's first weights.

    Args:
        make: makes the network.

    Returns:
        A list in the order of drawing: ["uniform", count, low, high, offset], ["normal", count, mean, std, offset] or
        ["fill", count, value, offset]. Later ones overwrite earlier ones. An offset of -1 means that the numbers are
        drawn and thrown away.

    Raises:
        ValueError: if a parameter is made in another way, which is named.
    """
    with torch.random.fork_rng(devices=[]), _Recorder() as recorder:
        model = make()
    offsets, place = {}, 0
    for parameter in model.parameters():
        offsets[parameter.data_ptr()] = place
        place += parameter.numel()
    draws = [_entry(kind, tensor, numbers, offsets) for kind, tensor, numbers in recorder.seen]
    made = {tensor.data_ptr() for _, tensor, _ in recorder.seen}
    for name, parameter in model.named_parameters():
        if parameter.data_ptr() not in made:
            draws.append(["fill", parameter.numel(), _constant(name, parameter), offsets[parameter.data_ptr()]])
    return [draw for draw in draws if draw[0] != "fill" or draw[-1] != NOWHERE]


def initial_fills(tensors: dict[str, Tensor]) -> list[Draw]:
    """The same for tensors that hold one number each, such as the running statistics of a new network."""
    fills: list[Draw] = []
    place = 0
    for name, tensor in tensors.items():
        fills.append(["fill", tensor.numel(), _constant(name, tensor), place])
        place += tensor.numel()
    return fills


class _Recorder(TorchDispatchMode):
    """Notes each tensor that is filled with random numbers, or with one number, while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, Tensor, tuple[float, ...]]] = []

    def __torch_dispatch__(self, operator: Any, types: Any, given: tuple[Any, ...] = (), options: Any = None) -> Any:
        if operator in DRAWS:
            kind = DRAWS[operator]
            numbers = (*given[1:3], *USUAL[kind][len(given) - 1 :])
            self.seen.append((kind, given[0], tuple(map(float, numbers))))
        elif operator in (aten.fill_.Scalar, aten.zero_.default):
            self.seen.append(("fill", given[0], (float(given[1]) if len(given) > 1 else 0.0,)))
        elif torch.Tag.nondeterministic_seeded in operator.tags:
            raise ValueError(f"the network draws its weights by {operator}; a page knows uniform_ and normal_ only")
        return operator(*given, **(options or {}))


def _entry(kind: str, tensor: Tensor, numbers: tuple[float, ...], offsets: dict[int, int]) -> Draw:
    return [kind, tensor.numel(), *numbers, offsets.get(tensor.data_ptr(), NOWHERE)]


def _constant(name: str, tensor: Tensor) -> float:
    value = float(tensor.detach().flatten()[0])
    if not bool((tensor == value).all()):
        raise ValueError(f"{name} holds different numbers that nobody has drawn; a page cannot make them")
    return value
