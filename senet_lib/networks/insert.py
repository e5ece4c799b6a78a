"""Squeeze-and-excitation in any network: after the modules that you choose, with the weights that are there.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 3.3 and Figures 2 and 3: SE stands
after any transformation, and in a residual block on the branch, before the addition.
We deviate in one point: the new blocks can start as the identity, so that a trained network stays what it is.
"""

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from senet_lib.common.messages import short
from senet_lib.common.torch_modules import evaluating
from senet_lib.common.validation import is_number, require_input_size, require_whole
from senet_lib.networks.module_choice import After, chosen_modules
from senet_lib.networks.squeeze_excitation import SqueezeExcitation


class TwiceSigmoid(nn.Module):
    """``2 * sigmoid(a)``: a gate between 0 and 2 that is exactly 1 at a = 0, where its slope is 1/2.

    A plain sigmoid reaches 1 only where its slope is 0: such a gate could not learn. Shapes: any in, the same out.
    """

    def forward(self, a: Tensor) -> Tensor:
        return 2 * torch.sigmoid(a)


class WithAttention(nn.Module):
    """A module, then attention on its output.

    Args:
        body: a module of any inputs whose output is (B, C, H, W).
        attention: (B, C, H, W) in, the same out.
    """

    def __init__(self, body: nn.Module, attention: nn.Module):
        super().__init__()
        self.body = body
        self.attention = attention
        self.training = body.training
        attention.train(body.training)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        return self.attention(self.body(*args, **kwargs))

    def __prepare_scriptable__(self) -> nn.Module:
        raise ValueError(
            "torch.jit cannot compile a network into which SE was put, for it does not know the arguments of "
            f"{type(self.body).__name__}; try torch.export, or senet_lib.export.onnx_writer.export_onnx"
        )


def insert_squeeze_excitation(
    model: nn.Module,
    after: After,
    *,
    reduction: int = 16,
    bias: bool = True,
    start_gate: float | None = None,
    input_size: Sequence[int] = (3, 224, 224),
) -> list[str]:
    """Put an SE block after each chosen module. The model is changed in place; its own weights are kept.

    Each chosen module is replaced by a :class:`WithAttention` that holds it as ``body`` and the new block as
    ``attention``. So the keys of its weights change from ``name.weight`` to ``name.body.weight``: load weights of the
    plain network first, then call this. Two runs on zeros, in evaluation mode, find the channels and try the result;
    they leave modes, hooks and the statistics of batch normalisation as they were.

    A module that the network uses in several places, or has under several names, gets one block for all of them. A
    chosen module may hold another one: both get a block.

    Args:
        model: any network. To choose in a part of it only, give the part: ``model.features``.
        after: which modules. A class or a tuple of classes: every instance inside the model. A text: a pattern for
            names as in ``model.named_modules()``, where ``*`` stands for any text; of matches inside one another only
            the outermost counts, so "features.denseblock*" means the blocks and not each of their layers. A list of
            names. Or a function that takes the model and returns names, such as :func:`residual_branches`.
        reduction: r of the SE blocks.
        bias: whether their layers have biases.
        start_gate: the initial value of all gates, for any input. None: those of a new block, around 0.5. Above 0
            and below 1: this number, as bias of the second layer, whose weights start at 0. 1: the output of the
            network is unchanged bit for bit, and the block can learn all the same, because its gate is then a
            :class:`TwiceSigmoid`, with gates between 0 and 2.
        input_size: of one input of the model, without the batch: (channels, height, width).

    Returns:
        The names at which the changed model has the new blocks, in the order of ``named_modules()``:
        ``model.get_submodule(name).attention`` is one.

    Raises:
        ValueError: if an argument is out of range; the model is wrapped for several processes already; nothing is
            chosen; the model does not run on input_size; or a chosen
            module does not run, gives no floating-point (B, C, H, W), runs with different C, has fewer than reduction
            channels, or has a block from an earlier call. The model is unchanged then. Maps with their channels last
            are noticed if H = W only.
    """
    _require_settings(reduction, bias, start_gate)
    _require_not_wrapped(model)
    input_size = require_input_size(input_size)
    chosen = chosen_modules(model, after)
    _require_no_block_yet(model, chosen)
    outputs = _observe(model, chosen, input_size)
    maps = {name: _require_one_size(name, outputs[name]) for name in chosen}
    _require_hidden_units(reduction, maps)
    attended = {
        module: WithAttention(module, _new_block(maps[name], reduction, bias, start_gate))
        for name, module in chosen.items()
    }
    places = _places(model, attended)
    try:
        for parent, key, module in places:
            parent.register_module(key, attended[module])
        _require_blocks_run(model, {name: attended[chosen[name]].attention for name in chosen}, outputs, input_size)
    except BaseException:
        for parent, key, module in places:
            parent.register_module(key, module)
        raise
    new = set(attended.values())
    return [name for name, module in model.named_modules() if module in new]


# --- what is asked for ------------------------------------------------------------------------------------------------


def _require_settings(reduction: int, bias: bool, start_gate: float | None) -> None:
    require_whole("reduction", reduction)
    if start_gate is None:
        return
    if not is_number(start_gate) or not 0 < start_gate <= 1:
        raise ValueError(f"start_gate is {start_gate!r}; use a number above 0 and up to 1, or None")
    if start_gate < 1 and not bias:
        raise ValueError(
            f"start_gate is {start_gate}, but a gate starts there by its bias; use bias=True, or 1 or None"
        )


def _require_not_wrapped(model: nn.Module) -> None:
    """What averages the gradients of several processes has listed the parameters when it was made: new ones differ."""
    if isinstance(model, nn.parallel.DistributedDataParallel) or hasattr(model, "_fsdp_wrapped_module"):
        raise ValueError(
            f"model is a {type(model).__name__}, which would not average the gradients of new blocks over the "
            "processes; insert SE into the plain network first, and wrap it then"
        )


def _require_no_block_yet(model: nn.Module, chosen: dict[str, nn.Module]) -> None:
    """The same call again would put a second block behind the first."""
    attended = [module for module in model.modules() if isinstance(module, WithAttention)]
    taken = {part for module in attended for part in (module, module.body, *module.attention.modules())}
    for name, module in chosen.items():
        if module in taken:
            raise ValueError(f"{name} has SE from an earlier call; choose other modules, or start with a plain network")


# --- what the chosen modules give -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Maps:
    """What the SE block after a module must fit."""

    channels: int
    dtype: torch.dtype
    device: torch.device


def _observe(model: nn.Module, modules: dict[str, nn.Module], input_size: Sequence[int]) -> dict[str, list[Any]]:
    """Run the model once on zeros: for each module, a ``_Maps`` or a text about the fault for each time that it ran."""
    seen: dict[str, list[Any]] = {name: [] for name in modules}

    def note(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        seen[name].append(_described(output, input_size))

    handles = [module.register_forward_hook(partial(note, name)) for name, module in modules.items()]
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    try:
        with evaluating(model), torch.no_grad():
            model(torch.zeros(1, *input_size, dtype=like.dtype, device=like.device))
    except Exception as error:  # a foreign network may raise anything
        raise ValueError(
            f"the model does not run on input_size {input_size}: it said {short(error)}; give the size of its pictures"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _described(output: Any, input_size: Sequence[int]) -> _Maps | str:
    if not isinstance(output, Tensor):
        return f"a {type(output).__name__}"
    if output.dim() != 4:
        return f"shape {tuple(output.shape)}"
    if not output.is_floating_point():
        return f"type {output.dtype}"
    _, second, third, last = output.shape
    if input_size[1:2] == input_size[2:] and second == third != last:  # square pictures make square maps
        return f"shape {tuple(output.shape)}, with its channels last"
    return _Maps(output.shape[1], output.dtype, output.device)


def _require_one_size(name: str, outputs: list[Any]) -> _Maps:
    if not outputs:
        raise ValueError(f"{name} does not run in evaluation mode; choose other modules")
    for output in outputs:
        if not isinstance(output, _Maps):
            raise ValueError(f"{name} gives {output}, but SE needs floating-point (B, C, H, W); choose other modules")
    if len(set(outputs)) > 1:
        counts = " and ".join(str(channels) for channels in dict.fromkeys(maps.channels for maps in outputs))
        raise ValueError(f"{name} runs {len(outputs)} times, with {counts} channels; choose modules that run once")
    return outputs[0]


def _require_hidden_units(reduction: int, maps: dict[str, _Maps]) -> None:
    narrowest = min(maps, key=lambda name: maps[name].channels)
    least = maps[narrowest].channels
    if reduction > least:
        raise ValueError(
            f"reduction is {reduction}, but {narrowest} has only {least} channels: the hidden width would be 0; "
            f"use a reduction from 1 to {least}"
        )


# --- the change -------------------------------------------------------------------------------------------------------


def _new_block(maps: _Maps, reduction: int, bias: bool, start_gate: float | None) -> SqueezeExcitation:
    gate = TwiceSigmoid if start_gate == 1 else nn.Sigmoid
    block = SqueezeExcitation(maps.channels, reduction, bias=bias, gate=gate).to(maps.dtype)
    for layer in (block.fc1, block.fc2):  # as in senet_lib.networks.models: with torch's default, gates stay near 0.5
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if bias:
            nn.init.zeros_(layer.bias)
    if start_gate is not None:
        nn.init.zeros_(block.fc2.weight)
        if start_gate < 1:
            nn.init.constant_(block.fc2.bias, math.log(start_gate) - math.log1p(-start_gate))
    return block.to(maps.device)  # moved last: the seed gives the same weights on each device


def _places(model: nn.Module, modules: Container[nn.Module]) -> list[tuple[nn.Module, str, nn.Module]]:
    """Where the modules are registered, under all their names: parent, key, module."""
    return [
        (parent, key, module)
        for parent in model.modules()
        for key, module in parent._modules.items()  # named_children() would leave out second names
        if module is not None and module in modules
    ]


def _require_blocks_run(
    model: nn.Module, blocks: dict[str, nn.Module], outputs: dict[str, list[Any]], input_size: Sequence[int]
) -> None:
    """Some networks read attributes of a module, or keep it in a list besides: they would break, or pass SE by."""
    try:
        seen = _observe(model, blocks, input_size)
    except ValueError as error:
        raise ValueError(
            f"the model does not run with SE: it said {short(error.__cause__)}; choose other modules"
        ) from error.__cause__
    for name in blocks:
        if len(seen[name]) != len(outputs[name]):
            raise ValueError(f"SE after {name} does not run: the model has it in another place too; choose others")
