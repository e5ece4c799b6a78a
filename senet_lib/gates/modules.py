"""Where a network has its gates: the modules whose outputs are s, and hooks on them for each pass.

The blocks may be ours, timm's or torchvision's: ``GATES`` says under which name each class has the module whose output
is s. In a network without these classes, blocks are known by their parts. ``recording.py`` and ``gate_statistics.py``
keep gates, ``interventions.py`` changes them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn

from senet_lib.common.gate_functions import GATE_FUNCTIONS, LOGITS, function_of_curve
from senet_lib.networks.squeeze_excitation import NoSqueeze

Gates = Mapping[type[nn.Module] | str, str]
Patterns = str | Sequence[str] | None

# From the class of an SE block to the name of its submodule whose output is s. A class is itself, or module and name as
# a text: so nobody's library is imported to look for its blocks. Classes that inherit from these count as well.
GATES: dict[type[nn.Module] | str, str] = {
    "senet_lib.networks.squeeze_excitation.SqueezeExcitation": "gate",
    "senet_lib.networks.attention.ChannelAttention": "gate",
    "torchvision.ops.misc.SqueezeExcitation": "scale_activation",
    "timm.layers.squeeze_excite.SEModule": "gate",
    "timm.layers.squeeze_excite.SqueezeExciteCl": "gate",
    "timm.layers.squeeze_excite.EffectiveSEModule": "gate",
    "timm.models._efficientnet_blocks.SqueezeExcite": "gate",
    "timm.models.senet.SEModule": "sigmoid",
}


def find_gates(model: nn.Module, blocks: Patterns = None, gates: Gates = GATES) -> dict[str, nn.Module]:
    """The modules whose outputs are the gates, by the names of their SE blocks, in the order of ``named_modules()``.

    If no class is in ``gates``, a module counts as a block if its last part is a module that computes a function from 0
    to 1 (sigmoid, hard sigmoid, ...), and its layers are linear, of 1x1 or along the channels, and end in as many
    features as they begin with. Whether its gates have no places is seen when the model runs.

    Args:
        model: any network.
        blocks: None for all its SE blocks, or patterns for their names, where ``*`` stands for any text. The name of
            what holds a block stands for the block: "layer3" means all in this stage.
        gates: from a class of SE blocks, or its module and name as a text, to the name of its gate; see ``GATES``.

    Raises:
        ValueError: if model is not a module, is compiled or wrapped, or has no SE block; if blocks fits none of them;
            or if a block has no gate of this name, or shares it with another block.
    """
    found = gates_if_any(model, gates)
    if not found:
        raise ValueError(_no_blocks(model))
    return {name: found[name] for name in _chosen(blocks, found)}


def gates_if_any(model: nn.Module, gates: Gates = GATES) -> dict[str, nn.Module]:
    """As :func:`find_gates` for all blocks, but nothing of a model that has none."""
    _require_open(model)
    named = {
        name: (module, gate_name) for name, module in model.named_modules() if (gate_name := _gate_name(module, gates))
    }
    found = {name: _gate_of(name, *one) for name, one in named.items()} or _blocks_by_parts(model)
    owners: dict[nn.Module, str] = {}
    for name, gate in found.items():
        if (owner := owners.setdefault(gate, name)) != name:
            raise ValueError(f"{owner} and {name} share one gate module; give each block its own")
    return found


def gate_matrix(block: str, s: Any) -> Tensor:
    """The gates of a block as (B, C), whether it gives (B, C), (B, C, 1, 1) or (B, 1, 1, C).

    Raises:
        ValueError: if they are not per-channel gates.
    """
    if not isinstance(s, Tensor) or s.dim() < 2 or sum(size != 1 for size in s.shape[1:]) > 1:
        given = f"have shape {tuple(s.shape)}" if isinstance(s, Tensor) else f"are a {type(s).__name__}"
        raise ValueError(f"the gates of {block} {given}, not per-channel gates (B, C); leave this block out")
    return s.flatten(1)


def _require_open(model: nn.Module) -> None:
    """Refuse what would pass hooks by, or run copies of the model."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is a {type(model).__name__}; give a network, such as create_model('se_resnet20')")
    if isinstance(model, nn.DataParallel):
        raise ValueError("model is a DataParallel, which runs copies; give the network inside, model.module")
    if hasattr(model, "_orig_mod"):
        raise ValueError("the model is compiled, and may skip hooks; give the network inside, model._orig_mod")
    for name, module in model.named_modules():
        if hasattr(module, "_orig_mod") or module._compiled_call_impl is not None:
            raise ValueError(
                f"{name or 'the model'} is compiled, and may skip hooks; give a network that is not compiled"
            )


def _gate_name(module: nn.Module, gates: Gates) -> str | None:
    """The name of the gate in a module of this class; None if it is not an SE block."""
    for kind in type(module).__mro__:
        for key in (kind, f"{kind.__module__}.{kind.__qualname__}"):
            if key in gates:
                return gates[key]
    return None


def _gate_of(name: str, module: nn.Module, gate_name: str) -> nn.Module:
    gate = dict(module.named_children()).get(gate_name)
    if gate is None:
        parts = ", ".join(part for part, _ in module.named_children()) or "none"
        raise ValueError(
            f"{name or 'the model'}, a {type(module).__name__}, has no submodule {gate_name!r}; it has {parts}: "
            f"name the gate in the argument gates. {FUNCTION}"
        )
    return gate


def _blocks_by_parts(model: nn.Module) -> dict[str, nn.Module]:
    """The gates of modules that are made as SE blocks are, the innermost of each; see :func:`find_gates`."""
    modules = dict(model.named_modules())
    if any(isinstance(module, torch.jit.ScriptModule | fx.GraphModule | NoSqueeze) for module in modules.values()):
        return {}
    found = {name: gate for name, module in modules.items() if name and (gate := _last_gate(module)) is not None}
    return {name: gate for name, gate in found.items() if not any(other.startswith(f"{name}.") for other in found)}


def _last_gate(module: nn.Module) -> nn.Module | None:
    """What ends a module that is made as an SE block is; None if it is not."""
    leaves = [one for one in module.modules() if not list(one.children())]
    layers = [one for one in leaves if any(weight.dim() > 1 for weight in one.parameters())]
    widths = [pair for layer in layers if (pair := _widths(layer)) is not None]
    if not layers or len(widths) < len(layers) or widths[0][0] != widths[-1][1]:
        return None
    return leaves[-1] if _is_gate_function(leaves[-1]) else None


def _widths(layer: nn.Module) -> tuple[int, int] | None:
    """Features in and out of a layer that an excitation may have; None for any other."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    if isinstance(layer, nn.Conv1d) or (isinstance(layer, nn.Conv2d) and set(layer.kernel_size) == {1}):
        return layer.in_channels, layer.out_channels
    return None


def _is_gate_function(module: nn.Module) -> bool:
    """Whether a module without weights computes one of ``GATE_FUNCTIONS``, from 0 to 1."""
    if next(module.parameters(), None) is not None or next(module.buffers(), None) is not None:
        return False
    try:
        # Not the call itself: hooks would take these numbers for a pass.
        curve = module.forward(torch.tensor(LOGITS, dtype=torch.float32).view(-1, 1, 1, 1)).flatten().double().numpy()
    except Exception:  # whatever somebody else's module takes, this is no function of each number
        return False
    is_named = curve.shape == LOGITS.shape and function_of_curve(curve) in GATE_FUNCTIONS
    return is_named and 0 <= curve.min() < curve.max() <= 1


FUNCTION = (
    "If its gate is a function, such as torch.sigmoid, no hook sees it: make it a submodule, nn.Sigmoid(), or export "
    "the model to ONNX and show its gates with senet_lib.export.reveal_gates"
)


def _no_blocks(model: nn.Module) -> str:
    for name, module in model.named_modules():
        made = "torch.jit" if isinstance(module, torch.jit.ScriptModule) else "torch.fx"
        if made == "torch.jit" or isinstance(module, fx.GraphModule):
            return (
                f"{name or 'the model'} is made by {made}, which keeps no classes to find SE blocks by; "
                "give the network it was made from"
            )
    if any(isinstance(module, NoSqueeze) for module in model.modules()):
        return "the model has NoSqueeze only, whose gates differ from place to place; use one with SqueezeExcitation"
    return (
        "the model has no SE block; use one that has, such as create_model('se_resnet20'), put SE in with "
        "insert_squeeze_excitation, or, if its SE is of another class, name class and gate: "
        f'gates={{MySqueeze: "sigmoid"}}. {FUNCTION}'
    )


def _chosen(patterns: Patterns, names: Iterable[str]) -> list[str]:
    """The names that fit at least one pattern."""
    names = list(names)
    if patterns is None:
        return names
    wanted = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(wanted, Sequence) or not wanted or not all(isinstance(one, str) for one in wanted):
        raise ValueError(f"blocks is {patterns!r}; give a name, a pattern such as 'layer3.*', a list of them, or None")
    for pattern in wanted:
        if not any(_fits(name, pattern) for name in names):
            raise ValueError(f"no SE block fits {pattern!r}; the model has {', '.join(names)}")
    return [name for name in names if any(_fits(name, pattern) for pattern in wanted)]


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


# --- the hooks --------------------------------------------------------------------------------------------------------


@contextmanager
def watch_passes(
    model: nn.Module, gates: Mapping[str, nn.Module], keep: Callable[[dict[str, Tensor]], None]
) -> Iterator[None]:
    """Call ``keep`` with the gates of each pass in a ``with`` block. The hooks are removed in any case.

    Args:
        model: a pass is one call of it that ends; calls of its parts alone do not count.
        gates: what :func:`find_gates` has found in it.
        keep: gets, for each block, copies of the gates (B, C) without gradients, on their device.

    Raises:
        ValueError: in a pass, if a block runs twice or not at all, or its gates are not per-channel gates.
    """
    passing = _Pass(tuple(gates), keep)
    with ExitStack() as hooks:
        for name, gate in gates.items():
            hooks.callback(gate.register_forward_hook(partial(passing.note, name)).remove)
        hooks.callback(model.register_forward_pre_hook(passing.begin).remove)
        hooks.callback(model.register_forward_hook(passing.end).remove)
        yield


class _Pass:
    """The gates of the pass that runs now; None between passes."""

    def __init__(self, blocks: tuple[str, ...], keep: Callable[[dict[str, Tensor]], None]):
        self._blocks = blocks
        self._keep = keep
        self._gates: dict[str, Tensor] | None = None

    def begin(self, module: nn.Module, inputs: Any) -> None:
        self._gates = {}

    def note(self, block: str, module: nn.Module, inputs: Any, s: Any) -> None:
        if self._gates is None:  # a part of the model alone, or checkpointing that recomputes
            return
        if block in self._gates:
            raise ValueError(f"{block} runs twice in one pass; choose other blocks, for example blocks=['layer1']")
        self._gates[block] = gate_matrix(block, s).detach().clone()

    def end(self, module: nn.Module, inputs: Any, output: Any) -> None:
        gates, self._gates = self._gates, None
        assert gates is not None
        if absent := [block for block in self._blocks if block not in gates]:
            raise ValueError(
                f"{absent[0]} did not run in this pass; choose other blocks, for example blocks=['layer1']"
            )
        self._keep(gates)
