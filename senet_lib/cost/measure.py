"""What a real network costs, counted in passes on the meta device: parameters, multiply-accumulates, memory.

``senet_lib.cost.formulas`` has the formulas of the SE paper's Section 4; here any network is counted.
"""

import copy
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from senet_lib.common.messages import short
from senet_lib.common.torch_modules import unwrap, watching, what_failed
from senet_lib.common.validation import require_input_size, require_whole

REST = "(rest)"


@dataclass(frozen=True)
class PartCost:
    """What one part of a real model costs: a stage or a block, or "(rest)" for what is in none of them.

    Attributes:
        name: of the part.
        parameters: those that no part before it has.
        macs: of its convolutions and matrix products, for one picture.
        se_parameters: those of its SE.
        se_macs: those of the layers of its SE. Squeeze and rescale have no products of matrices.
    """

    name: str
    parameters: int
    macs: int
    se_parameters: int = 0
    se_macs: int = 0


@dataclass(frozen=True)
class MeasuredCost:
    """What a real model costs; ``print`` shows it as a table.

    Attributes:
        parameters: all of them; one that is used in two places counts once.
        macs: multiply-accumulates of all convolutions and matrix products for one picture, in evaluation mode. Biases,
            normalisation, pooling and elementwise operations are not counted.
        activation_bytes: what each picture of a training batch makes autograd keep for the backward pass: feature maps,
            the picture itself, indices of pooling, masks of dropout. Parameters do not count, and frozen ones need
            less kept.
        parts: the parts that have parameters or MACs, in the model's order. They add up to the whole.
        se_parameters: all of SE's, if its modules were named.
        se_macs: all of SE's layers, likewise.
    """

    parameters: int
    macs: int
    activation_bytes: int
    parts: tuple[PartCost, ...]
    se_parameters: int = 0
    se_macs: int = 0

    def __str__(self) -> str:
        rows = [*self.parts, PartCost("total", self.parameters, self.macs, self.se_parameters, self.se_macs)]
        width = max(len(row.name) for row in rows)
        has_se = self.se_parameters > 0
        of_se = "  SE's share of both" if has_se else ""
        lines = [f"{'part':{width}}  {'parameters':>15}  share  {'MACs':>18}  share{of_se}"]
        for row in rows:
            parameters = f"{row.parameters:15,} {_percent(row.parameters, self.parameters)}"
            line = f"{row.name:{width}}  {parameters}  {row.macs:18,} {_percent(row.macs, self.macs)}"
            lines.append(
                f"{line}   {_percent(row.se_parameters, row.parameters)}  {_percent(row.se_macs, row.macs)}"
                if has_se
                else line
            )
        lines.append(f"kept for the backward pass: {self.activation_bytes / 1e6:,.1f} MB per picture")
        return "\n".join(lines)


def measure_cost(
    model: nn.Module, input_size: Sequence[int], *, depth: int = 1, se: Collection[str] = ()
) -> MeasuredCost:
    """Count on a real model. For example ``print(measure_cost(create_model("se_resnet50"), (3, 224, 224)))``.

    A copy runs on torch's meta device: that takes no memory and changes nothing in the model. Hooks of
    the model do not run. What a real device keeps can be less where it has kernels of its own, as for scaled dot
    products. A model that needs values, for ``.item()`` or ``torch.from_numpy``, has none on the meta device: then a
    copy runs on the model's own device, which takes its memory and its time.

    Args:
        model: any network of pictures.
        input_size: of one picture, without the batch: (channels, height, width).
        depth: how deep the parts lie: 1 for the direct children, such as the stages of a ResNet; 2 for their children,
            such as its blocks.
        se: the names of the modules that are SE, whose part is told apart; ``senet_lib.doctor`` finds them.

    Raises:
        ValueError: if model is not a module, input_size is not three whole numbers of at least 1, depth is not a whole
            number of at least 1, a name in se is none of the model's, or the model does not
            run on it, with the part that failed, what this holds and got, and what it said.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is {short(model)}; give a network, such as create_model('resnet50')")
    size = require_input_size(input_size)
    require_whole("depth", depth)
    model = unwrap(model)
    se_names = _require_names(model, se)
    with torch.inference_mode(False):
        try:
            with torch.device("meta"):
                activation_bytes, macs, macs_of_modules = _counted(_copied(model, "meta"), size)
        except Exception:  # a foreign model may raise anything, on the meta device even if it runs on others
            activation_bytes, macs, macs_of_modules = _counted_on_own_device(model, size)
    parameters_of_modules = _count_parameters(model)
    parts: dict[str, list[int]] = {}
    for name in parameters_of_modules:
        counts = parameters_of_modules[name], macs_of_modules.get(name, 0)
        part = parts.setdefault(".".join(name.split(".")[:depth]) or REST, [0, 0, 0, 0])
        is_se = any(name == one or name.startswith(f"{one}.") for one in se_names)
        for place, count in enumerate((*counts, *(counts if is_se else (0, 0)))):
            part[place] += count
    rest = parts.pop(REST)
    parameters = sum(parameters_of_modules.values())
    rest[1] = macs - sum(macs_of_modules[name] for name in macs_of_modules if name)
    rows = [PartCost(name, *counts) for name, counts in [*parts.items(), (REST, rest)] if any(counts)]
    of_se = sum(row.se_parameters for row in rows), sum(row.se_macs for row in rows)
    return MeasuredCost(parameters, macs, activation_bytes, tuple(rows), *of_se)


def _require_names(model: nn.Module, names: Collection[str]) -> tuple[str, ...]:
    known = {name for name, _ in model.named_modules(remove_duplicate=False)}
    for name in names:
        if name not in known:
            raise ValueError(f"se holds {name!r}, which is no module of the model; give names of named_modules()")
    return tuple(names)


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:6.1%}" if whole else f"{'–':>6}"


def _counted(copied: nn.Module, size: tuple[int, ...]) -> tuple[int, int, dict[str, int]]:
    """Kept bytes for each picture, MACs, and those of each module. Modes of the copy change."""
    # Some layers refuse a batch of one. The difference leaves out what is kept once for a batch: parameters.
    activation_bytes = _kept_bytes(copied.train(), 3, size) - _kept_bytes(copied, 2, size)
    return activation_bytes, *_count_macs(copied.eval().requires_grad_(False), size)


def _counted_on_own_device(model: nn.Module, size: tuple[int, ...]) -> tuple[int, int, dict[str, int]]:
    """As :func:`_counted`, on a copy with values. Torch's random state is left as it was.

    Raises:
        ValueError: if the model does not run there either.
    """
    copied = _copied(model, None)
    devices = {parameter.device for parameter in model.parameters() if parameter.is_cuda}
    with watching(copied) as running, torch.random.fork_rng(list(devices)):
        try:
            return _counted(copied, size)
        except Exception as error:  # a foreign model may raise anything
            given = running.given[-1] if running.given else []
            is_inside = bool(given) and given[0][1:] != size
            fix = "let what it holds fit what it gets, or " if is_inside else ""
            raise ValueError(
                f"the model does not run on input_size {size}: {what_failed(copied, running, error)}; "
                f"{fix}give the size of its pictures"
            ) from error


def _copied(model: nn.Module, device: str | None) -> nn.Module:
    """A copy without hooks, on the meta device, where no tensor's values are copied; or on the model's own, if None."""
    memo: dict[int, Any] = {}  # from what deepcopy would copy to what it takes instead
    for module in model.modules():
        hooks = (module._forward_pre_hooks, module._forward_hooks, module._backward_pre_hooks, module._backward_hooks)
        memo |= {id(of_one_kind): OrderedDict() for of_one_kind in hooks}
        # Parameters, buffers, and tensors that are plain attributes.
        for tensor in (*module._parameters.values(), *module._buffers.values(), *vars(module).values()):
            if device is None or tensor is None:
                continue
            if isinstance(tensor, nn.Parameter):
                empty = torch.empty_like(tensor, device="meta")
                memo[id(tensor)] = nn.Parameter(empty, requires_grad=tensor.requires_grad)
            elif isinstance(tensor, Tensor):
                memo[id(tensor)] = torch.empty_like(tensor, device="meta", requires_grad=False)
    return copy.deepcopy(model, memo)


def _pictures(model: nn.Module, batch: int, size: tuple[int, ...]) -> Any:
    """On the device of the model's parameters, with their dtype: (batch, *size)."""
    like = next((parameter for parameter in model.parameters() if parameter.is_floating_point()), torch.empty(0))
    return torch.zeros(batch, *size, dtype=like.dtype, device=like.device)


def _count_macs(model: nn.Module, size: tuple[int, ...]) -> tuple[int, dict[str, int]]:
    """MACs for one picture: of the whole model, and of each module without the modules in it."""
    counter = FlopCounterMode(display=False)
    of_modules: dict[str, int] = {}
    running: list[list[int]] = []  # of each module that runs now: FLOPs before it, and those of its own parts

    def begin(module: nn.Module, inputs: Any) -> None:
        running.append([counter.get_total_flops(), 0])

    def end(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        before, in_parts = running.pop()
        flops = counter.get_total_flops() - before
        of_modules[name] = of_modules.get(name, 0) + (flops - in_parts) // 2  # one multiplication, one addition
        if running:
            running[-1][1] += flops

    for name, module in model.named_modules():
        if name:
            module.register_forward_pre_hook(begin)
            module.register_forward_hook(partial(end, name))
    with torch.no_grad(), counter:
        model(_pictures(model, 1, size))
    return counter.get_total_flops() // 2, of_modules


def _kept_bytes(model: nn.Module, batch: int, size: tuple[int, ...]) -> int:
    """What autograd keeps for the backward pass of a batch; tensors that share their memory count once."""
    kept = set()

    def keep(tensor: Any) -> Any:
        kept.add(tensor.untyped_storage())
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(_pictures(model, batch, size))
    return sum(storage.nbytes() for storage in kept)


def _count_parameters(model: nn.Module) -> dict[str, int]:
    """Of each module the parameters that are its own and of no module before it."""
    seen: set[int] = set()
    found = {}
    for name, module in model.named_modules():
        new = {id(parameter): parameter.numel() for parameter in module.parameters(recurse=False)}
        found[name] = sum(count for key, count in new.items() if key not in seen)
        seen |= new.keys()
    return found
