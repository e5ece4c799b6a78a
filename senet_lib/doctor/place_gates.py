"""Gates that differ from place to place: spatial attention, and SE whose squeeze is missing.

Sources: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), has a network without a squeeze in its
ablations. CBAM (arXiv 1807.06521), BAM (1807.06514) and scSE (1803.02579) gate places by intent.
"""

import math
from collections.abc import Iterator, Sequence

from senet_lib.doctor.gate_sites import SQUASHES
from senet_lib.doctor.network_findings import Finding
from senet_lib.doctor.operations import VIEWS, Operation, Record, common_module, is_map

SCALINGS = {"mul", "add", "div", "sub", "rsub", "neg"}  # of one tensor, by numbers
MISSING = (
    "gates-without-squeeze",
    "fault",
    "Its two layers run at each place by itself, so the gates differ from place to place: the squeeze is missing.",
    "Take the mean over height and width before the first layer: x.mean((2, 3)).",
)
INTENDED = (
    "place-gates",
    "note",
    "Maps are multiplied by gates that differ from place to place, as in spatial attention: these are not SE.",
    "Nothing, if that is your intent. They were not examined further.",
)


def place_gates(record: Record) -> Iterator[Finding]:
    """One finding for each module where a map is multiplied by gates (B, C, H, W) or (B, 1, H, W), computed from it."""
    for product in record:
        if product.name != "mul" or len(product.sources) != 2 or len(product.shape) != 4 or not is_map(product.shape):
            continue
        first, second = record.sources(product)
        for x, gate in ((first, second), (second, first)):
            squash = squash_before(record, gate)
            start = record.root(x)
            if squash is None or x.shape != product.shape or not _has_places(squash.shape):
                continue
            layers = record.members(record.between(start, squash) & record.mixing)
            if layers:
                code, kind, what, fix = MISSING if _is_excitation(record, start, squash, layers) else INTENDED
                yield Finding(code, kind, layers[-1].module if kind == "note" else common_module(layers), what, fix)
                break


def squash_before(record: Record, gate: Operation) -> Operation | None:
    """The function with limits that ends the gates, behind views and products with numbers; None if none is there.

    Of gates that are multiplied or added it is the one with places, if all end in such functions.
    """
    if gate.name in VIEWS | SCALINGS:
        found = [squash_before(record, source) for source in record.sources(gate)]
        known = [one for one in found if one is not None]
        return max(known, key=lambda one: math.prod(one.shape[-2:])) if known and len(known) == len(found) else None
    return gate if gate.name in SQUASHES else None


def _has_places(shape: Sequence[int]) -> bool:
    return len(shape) == 4 and sum(size > 1 for size in shape[1:]) >= 2


def _is_excitation(record: Record, x: Operation, squash: Operation, layers: Sequence[Operation]) -> bool:
    """Whether the gates are what SE's two layers make of each place: a bottleneck, with nothing from other places."""
    inside = record.members(record.between(x, squash))
    is_pointwise = all(one.constants and (not one.is_convolution or set(one.kernel) == {1}) for one in layers)
    is_alone = all(set(one.sources) <= {x.index, *(other.index for other in inside)} for one in inside)
    keeps_places = all(is_map(one.shape) or one.name in VIEWS or one in layers for one in inside)
    has_one_each = sorted(squash.shape) == sorted(x.shape)  # the channels may come last
    if len(layers) != 2 or not (has_one_each and is_pointwise and is_alone and keeps_places):
        return False
    return _width(layers[0]) < _width(layers[1])


def _width(layer: Operation) -> int:
    return layer.shape[1] if layer.is_convolution else layer.shape[-1]
