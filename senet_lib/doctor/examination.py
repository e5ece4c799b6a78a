"""Examine somebody's SE network: which layers gate channels, what they are, and what is wrong with them.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 3 and the ablations of Section 6. The
network runs, and what it computes is measured: the names of its modules and classes do not matter.
``senet_lib.doctor.specimens`` has a small network for each fault.
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from senet_lib.common.gate_functions import OVER_BRANCHES
from senet_lib.common.messages import short
from senet_lib.common.torch_modules import evaluating, unwrap
from senet_lib.common.validation import require_input_size
from senet_lib.doctor.branch_gates import branch_findings, describe_branch_gates, find_branch_gates
from senet_lib.doctor.further_passes import (
    other_batches,
    random_numbers,
    what_cannot_learn,
    what_never_ran,
    where_it_fails,
)
from senet_lib.doctor.gate_sites import Site, find_sites
from senet_lib.doctor.layer_findings import examine_layers, fixed_windows
from senet_lib.doctor.network_findings import SOFTMAX_OUTPUT, Finding, examine_network, is_softmax
from senet_lib.doctor.operations import Pass, keeping_numbers, noise, record_pass
from senet_lib.doctor.place_gates import place_gates
from senet_lib.doctor.se_layers import SELayer, describe

PICTURES = 2  # in the batch: enough to see whether they mix
FURTHER_PIXELS = 32  # how much larger the pictures are that show whether a pooling is global
LONGEST_LIST = 3  # names in a line of the report
NO_BREAK = "\N{NO-BREAK SPACE}"
LINE = 90  # characters in a line of the report


@dataclass(frozen=True)
class Report:
    """What was found; ``print`` shows it.

    Attributes:
        layers: each layer that gates channels, in the order in which they run.
        findings: faults first, then notes.
        not_examined: a line for each thing that could not be measured, and why. It may hide a fault.
    """

    layers: tuple[SELayer, ...]
    findings: tuple[Finding, ...]
    not_examined: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that the network does not compute what SE is meant to compute."""
        return tuple(finding for finding in self.findings if finding.kind == "fault")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """The findings that something is a variant, or a waste."""
        return tuple(finding for finding in self.findings if finding.kind == "note")

    def __str__(self) -> str:
        findings = [*_finding_lines(self.faults), *_finding_lines(self.notes)]
        unknown = [row for line in self.not_examined for row in _wrap(line)]
        heading = ["NOT EXAMINED:"] if unknown else []
        return "\n".join([*_layer_lines(self.layers), *findings, *heading, *unknown, _last_line(self)])


def examine(model: nn.Module, input_size: Sequence[int] = (3, 32, 32)) -> Report:
    """Examine a network. For example ``print(examine(timm.create_model("seresnet50"), (3, 224, 224)))``.

    The model runs on noise, in evaluation mode and on its own device: on two pictures, on one and on three, once more
    for gradients, and up to three times more for what was seen. The noise is always the same, and so is the report.
    Modes, hooks, buffers, weights, gradients and torch's random state are left unchanged.

    Args:
        model: any network of pictures. Gates are sought on maps of four dimensions, (B, C, H, W) or (B, H, W, C).
        input_size: of one picture, without the batch: (channels, height, width).

    Raises:
        ValueError: if model is not a module, or is on the meta device; if input_size is not three positive integers; if
            the model does not run on it, unless a part of it fails on pictures of any size, which is a finding; or if
            a part of the model is compiled or made by torch.jit.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is {short(model)}; give a network, such as create_model('se_resnet20')")
    size = require_input_size(input_size)
    model = unwrap(model)
    _require_python(model)
    device, dtype = _device_and_type(model)
    with keeping_numbers(model, device), evaluating(model):
        return _examine(model, size, device, dtype)


def find_se(model: nn.Module, input_size: Sequence[int]) -> list[tuple[SELayer, tuple[str, ...], tuple[int, ...]]]:
    """The layers that gate channels, from one pass: each with the names of the modules that hold its weights, and with
    the shape of the maps that it gates, (B, C, H, W).

    Args and errors are those of :func:`examine`; where a part of the model fails, what ran before it is found.
    """
    size = require_input_size(input_size)
    model = unwrap(model)
    _require_python(model)
    device, dtype = _device_and_type(model)
    with keeping_numbers(model, device), evaluating(model):
        seen = record_pass(model, noise((PICTURES, *size), device, dtype))
        classes = {name: type(module).__name__ for name, module in model.named_modules()}
        sites = [(site, describe(site, classes)) for site in find_sites(seen.record)]
        sites += [(site, describe_branch_gates(site, classes)) for site in find_branch_gates(seen.record)]
        return [
            (layer, tuple(dict.fromkeys(one.module for one in site.weights)), site.features.shape)
            for site, layer in _in_order(sites)
        ]


def _examine(model: nn.Module, size: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Report:
    pictures = noise((PICTURES, *size), device, dtype)
    seen = record_pass(model, pictures)
    larger = _on_larger_pictures(model, size, device, dtype)
    failure = []
    if seen.error is not None and not (seen.silent is not None and "NoneType" in str(seen.error)):
        failure.append(where_it_fails(seen, larger, size))
    classes = {name: type(module).__name__ for name, module in model.named_modules()}
    sites = find_sites(seen.record)
    layers = [describe(site, classes) for site in sites]
    competing = [(site, describe_branch_gates(site, classes)) for site in find_branch_gates(seen.record)]
    every = [layer for _, layer in _in_order([*zip(sites, layers, strict=True), *competing])]
    gates_of_places = list(dict.fromkeys(place_gates(seen.record)))
    findings = [*failure, *gates_of_places, *random_numbers(seen)]
    findings += branch_findings([layer for _, layer in competing])
    findings += examine_network(seen, layers, sites, size, {finding.code for finding in findings})
    if fixed := fixed_windows(sites):
        fixed = fixed_windows(sites, larger().record)
    findings += examine_layers(layers, sites, fixed)
    unknown: list[str] = []
    if seen.error is None and seen.output is not None:
        more, unknown = _further(model, pictures, seen, every, layers, sites)
        mixed = any(finding.code == "pictures-mixed" for finding in findings)
        findings += [finding for finding in more if not (mixed and finding.code == "batch-changes-output")]
    if is_softmax(seen.output) and _is_softmax_in_training(model, pictures):
        findings.append(SOFTMAX_OUTPUT)
    findings.sort(key=lambda finding: finding.kind)  # "fault" before "note"
    for site, layer in (*zip(sites, layers, strict=True), *competing):
        unknown += [f"{layer.name or 'the model'}: {problem}" for problem in site.problems]
    return Report(tuple(every), tuple(dict.fromkeys(findings)), tuple(dict.fromkeys(unknown)))


def _in_order(sites: Iterable[tuple[Site, SELayer]]) -> list[tuple[Site, SELayer]]:
    """By when they run."""
    return sorted(sites, key=lambda one: one[0].product.index)


def _further(
    model: nn.Module,
    pictures: Tensor,
    seen: Pass,
    every: Sequence[SELayer],
    layers: Sequence[SELayer],
    sites: Sequence[Site],
) -> tuple[list[Finding], list[str]]:
    """What other passes show: findings, and lines on what could not be examined."""
    idle, unknown = what_never_ran(model, pictures, seen, every)
    detached, more_unknown = what_cannot_learn(model, pictures, layers, sites) if sites else ([], [])
    return [*other_batches(model, pictures, seen), *idle, *detached], [*unknown, *more_unknown]


def _on_larger_pictures(
    model: nn.Module, size: tuple[int, ...], device: torch.device, dtype: torch.dtype
) -> Callable[[], Pass]:
    channels, *sides = size
    larger = (PICTURES, channels, *(side + FURTHER_PIXELS for side in sides))
    return lambda: record_pass(model, noise(larger, device, dtype))


def _is_softmax_in_training(model: nn.Module, pictures: Tensor) -> bool:
    """Whether the softmax is there in training mode too: in evaluation mode alone it is no fault."""
    for module in model.modules():
        module.training = True
    seen = record_pass(model, pictures)
    for module in model.modules():
        module.training = False
    return seen.error is not None or is_softmax(seen.output)


def _require_python(model: nn.Module) -> None:
    """Refuse modules that do not run the Python code of their forward, because hooks do not see them."""
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            made = "made by torch.jit"
        elif hasattr(module, "_orig_mod") or module._compiled_call_impl is not None:
            made = "compiled"
        else:
            continue
        raise ValueError(
            f"{name or 'the model'} is {made}, so its operations cannot be recorded; give the network it was made from"
        )


def _device_and_type(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Those of the parameters."""
    parameters = [parameter for parameter in model.parameters() if parameter.is_floating_point()]
    if not parameters:
        return torch.device("cpu"), torch.float32
    if parameters[0].is_meta:
        raise ValueError("the model is on the meta device and has no values; make it on the CPU or a GPU")
    return parameters[0].device, parameters[0].dtype


# --- how it reads -----------------------------------------------------------------------------------------------------


def _layer_lines(layers: Sequence[SELayer]) -> Iterator[str]:
    if not layers:
        yield "No SE layer was found."
        return
    many = "s" * (len(layers) > 1)
    is_se = any(layer.gate != OVER_BRANCHES for layer in layers)
    yield f"{len(layers)} SE layer{many}:" if is_se else f"{len(layers)} layer{many} whose gates compete:"
    head = ["name", "class", "C", "hidden", "C/hidden", "layers", "biases", "squeeze", "gate", "place"]
    columns = list(zip(head, *map(_row, layers), strict=True))
    # What all share stands above the table, so that it is narrow enough for a page.
    shared = [column for column in columns if len(layers) > 1 and len(set(column[1:])) == 1]
    if shared:
        words = [f"{title} {cells[0]}".replace(" ", NO_BREAK) for title, *cells in shared]
        yield from _wrap(f"The same in all: {'; '.join(words)}.")
    rows = list(zip(*(column for column in columns if column not in shared), strict=True))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()


def _row(layer: SELayer) -> list[str]:
    return [
        layer.name or "(the model)",
        layer.class_name,
        str(layer.channels),
        "–" if layer.hidden is None else str(layer.hidden),
        f"{layer.ratio:.4g}" if layer.ratio else "–",
        layer.kind,
        ", ".join("yes" if bias else "no" for bias in layer.biases),
        layer.squeeze,
        layer.gate,
        layer.place,
    ]


def _finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """The findings of one kind, those of one code together."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    for first, *others in by_code.values():
        yield f"{first.kind.upper()} {first.code}: {_places([first, *others])}"
        yield from _wrap(first.what)
        yield from _wrap(first.fix)


def _wrap(text: str) -> list[str]:
    lines = textwrap.wrap(text, LINE, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return [line.replace(NO_BREAK, " ") for line in lines]


def _places(findings: Sequence[Finding]) -> str:
    names = [finding.where or "the model" for finding in findings]
    more = len(names) - LONGEST_LIST
    return ", ".join(names[:LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")


def _last_line(report: Report) -> str:
    if any(finding.code in ("returns-none", "does-not-run") for finding in report.findings):
        return "Mend this first, then examine again."
    if report.not_examined:
        return "Nothing else was found in what could be examined."
    return "Nothing else was found." if report.findings else "No fault was found."
