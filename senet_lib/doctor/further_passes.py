"""What one pass cannot tell: other numbers of pictures, what never runs, what gradients reach, what fails.

Each of these runs the network again. What cannot be examined is said, in a line for the report.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

from senet_lib.common.messages import short
from senet_lib.doctor.gate_sites import Site
from senet_lib.doctor.network_findings import Finding
from senet_lib.doctor.operations import DROPOUTS, Pass, keeping_numbers, memory_of, record_pass, seed_all
from senet_lib.doctor.se_layers import SELayer

# --- what fails -------------------------------------------------------------------------------------------------------


def where_it_fails(seen: Pass, larger: Callable[[], Pass], size: Sequence[int]) -> Finding:
    """The fault inside a network that does not run.

    Args:
        seen: the pass that failed.
        larger: makes a pass with larger pictures.
        size: of the pictures in ``seen``.

    Raises:
        ValueError: if the pictures may be to blame: what failed got them as they are, or gets other channels from
            larger ones, or does not fail then.
    """
    name, given = seen.running.now, seen.running.given[-1] if seen.running.given else []
    first = given[0] if given else ()
    if name and first[1:] != tuple(size):
        again = larger()
        their = again.running.given[-1] if again.running.given else []
        if again.error is not None and again.running.now == name and _without_places(their) == _without_places(given):
            return Finding(
                "does-not-run",
                "fault",
                name,
                f"It fails, whatever the size of the pictures: {seen.failure}. What comes after it was not examined.",
                "Let what it holds fit what it gets.",
            )
    raise ValueError(
        f"the model does not run on input_size {tuple(size)}: {seen.failure}; give the size of its pictures"
    ) from seen.error


def _without_places(shapes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    return [shape[:2] for shape in shapes]


# --- other numbers of pictures ----------------------------------------------------------------------------------------


def other_batches(model: nn.Module, pictures: Tensor, seen: Pass) -> Iterator[Finding]:
    """Whether the network runs on one picture and on three, and gives each the outputs that it had beside another."""
    failed: list[tuple[int, Pass]] = []
    for count in (1, 3):
        again = record_pass(model, torch.cat([pictures, pictures[:1]])[:count])
        if again.error is not None:
            failed.append((count, again))
        elif not seen.random and _differs(seen.output, again.output, len(pictures), count):
            yield Finding(
                "batch-changes-output",
                "note",
                "",
                f"The outputs of one picture change when there are {count} instead of {len(pictures)}.",
                "Look for means over axis 0, and for normalisation by the batch's statistics in evaluation mode.",
            )
            return
    if failed:
        counts = " and on ".join(str(count) for count, _ in failed)
        _, first = failed[0]
        yield Finding(
            "fails-for-batch",
            "fault",
            first.running.now,
            f"The network runs on {len(pictures)} pictures, but not on {counts}: {first.failure}.",
            "Name the axes that you remove, as in flatten(1), and take the number of pictures from the input.",
        )


def _differs(output: Any, other: Any, count: int, other_count: int) -> bool:
    """Whether the first picture's outputs are others; only tensors with a row for each picture are compared."""
    pairs = zip(tree_flatten(output)[0], tree_flatten(other)[0], strict=False)
    for first, second in pairs:
        if isinstance(first, Tensor) and isinstance(second, Tensor) and first.is_floating_point() and first.dim():
            if len(first) != count or second.dim() == 0 or len(second) != other_count:
                continue
            own, theirs = first[0].double(), second[0].double()
            tolerance = 1e-3 if first.element_size() >= 4 else 5e-2
            if own.shape != theirs.shape or not torch.allclose(own, theirs, rtol=0, atol=_scale(own) * tolerance):
                return bool(torch.isfinite(own).all())
    return False


def _scale(values: Tensor) -> float:
    return float(values.abs().max().clamp_min(1e-6)) if values.numel() else 1.0


# --- chance -----------------------------------------------------------------------------------------------------------


def random_numbers(seen: Pass) -> Iterator[Finding]:
    """What draws random numbers in evaluation mode."""
    for module, name in seen.random:
        if name in DROPOUTS:
            yield Finding(
                "dropout-always",
                "fault",
                module,
                "Its dropout is active in evaluation mode: what the network says of a picture changes from run to run.",
                "Use nn.Dropout, or F.dropout(x, p, training=self.training).",
            )
        else:
            yield Finding(
                "random-numbers",
                "note",
                module,
                f"It draws random numbers in evaluation mode ({name}): results can change from run to run.",
                "Nothing, if that is your intent; otherwise draw them if self.training only.",
            )


# --- what never runs --------------------------------------------------------------------------------------------------


def what_never_ran(
    model: nn.Module, pictures: Tensor, seen: Pass, layers: Sequence[SELayer]
) -> tuple[list[Finding], list[str]]:
    """Modules with parameters of which none was read, in evaluation nor in training mode; and what is not known."""
    idle = _idle(model, [seen])
    if not idle:
        return [], []
    for module in model.modules():
        module.training = True
    with keeping_numbers(model, pictures.device):  # for what is measured afterwards
        training = record_pass(model, pictures)
    for module in model.modules():
        module.training = False
    if training.error is not None:
        return [], [f"whether {idle[0]} runs in training mode: {training.failure}"]
    classes = {layer.class_name for layer in layers}
    return [_idle_finding(name, model, classes) for name in _idle(model, [seen, training])], []


def _idle(model: nn.Module, passes: Sequence[Pass]) -> list[str]:
    """The largest modules with parameters of which none was read and no part has run."""
    touched = set[int]().union(*(one.touched for one in passes))
    ran = set[str]().union(*(one.running.seen for one in passes))
    found: list[str] = []
    for name, module in model.named_modules():
        parts = {f"{name}.{inner}" if inner else name for inner, _ in module.named_modules()}
        memories = {memory_of(parameter) for parameter in module.parameters() if parameter.numel()}
        is_inside = any(name.startswith(f"{outer}.") for outer in found)
        if name and memories and not memories & touched and not parts & ran and not is_inside and not _is_list(module):
            found.append(name)
    return found


def _is_list(module: nn.Module) -> bool:
    """Lists and dictionaries never run themselves; what they hold is looked at."""
    return isinstance(module, nn.ModuleList | nn.ModuleDict)


def _idle_finding(name: str, model: nn.Module, classes: set[str]) -> Finding:
    module = model.get_submodule(name)
    is_se = type(module).__name__ in classes or _looks_like_se(module)
    return Finding(
        "never-ran",
        "fault" if is_se else "note",
        name,
        f"This {type(module).__name__} holds parameters and never runs{', though it is made as SE is' * is_se}.",
        "Call it in the forward of what holds it, or delete it.",
    )


def _looks_like_se(module: nn.Module) -> bool:
    """Whether it holds two matrices, from C numbers to fewer and back."""
    shapes = [tuple(one.shape) for one in module.parameters() if one.dim() > 1]
    if len(shapes) != 2 or any(set(shape[2:]) - {1} for shape in shapes):
        return False
    (hidden, channels), (back, width) = shapes[0][:2], shapes[1][:2]
    return back == channels and width == hidden < channels


# --- gradients --------------------------------------------------------------------------------------------------------


def what_cannot_learn(
    model: nn.Module, pictures: Tensor, layers: Sequence[SELayer], sites: Sequence[Site]
) -> tuple[list[Finding], list[str]]:
    """The layers whose weights get no gradient from the network's output; and what is not known."""
    owned = {memory_of(one): one for one in model.parameters() if one.numel() and one.is_floating_point()}
    try:
        reached = _reached_by_gradients(model, pictures, owned)
    except Exception as error:  # whatever somebody else's model, or autograd, raises
        return [], [f"whether gradients reach the SE layers: {short(error)}"]
    found = []
    for layer, site in zip(layers, sites, strict=True):
        own = {memory_of(tensor) for one in site.weights for tensor in one.constants} & owned.keys()
        if own and not own & reached:
            found.append(
                Finding(
                    "excitation-detached",
                    "fault",
                    layer.name,
                    "No gradient reaches its weights: the gates are cut off from the loss, so they cannot learn.",
                    "Take out detach(), .data, torch.no_grad() and .item() between its layers and x * s.",
                )
            )
    return found, []


def _reached_by_gradients(model: nn.Module, pictures: Tensor, owned: dict[int, nn.Parameter]) -> set[int]:
    """Where the memory of those parameters starts that the output depends on, as autograd sees it."""
    frozen = [parameter for parameter in owned.values() if not parameter.requires_grad and parameter.is_leaf]
    try:
        for parameter in frozen:
            parameter.requires_grad_(True)
        seed_all(pictures.device)
        with torch.inference_mode(False), torch.enable_grad():
            output = model(pictures)
            tensors = [leaf for leaf in tree_flatten(output)[0] if isinstance(leaf, Tensor) and leaf.requires_grad]
            loss = sum((tensor.float().square().sum() for tensor in tensors), torch.zeros((), device=pictures.device))
            given = [parameter for parameter in owned.values() if parameter.requires_grad]
            if not tensors:
                return set()
            gradients = torch.autograd.grad(loss, given, allow_unused=True)
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
    pairs = zip(given, gradients, strict=True)
    return {memory_of(parameter) for parameter, gradient in pairs if gradient is not None}
