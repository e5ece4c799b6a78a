"""Gates that compete: a softmax over branches, as in selective kernels and in ResNeSt's splits.

Sources: Li et al., "Selective Kernel Networks" (arXiv 1903.06586); Zhang et al., "ResNeSt" (arXiv 2004.08955). Squeeze
and layers are those of SE; but for each channel the gates of all branches sum to 1.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from senet_lib.common.gate_functions import OVER_BRANCHES
from senet_lib.doctor.gate_sites import CROPS, Site, excitation_of
from senet_lib.doctor.layer_findings import bias_notes, gate_faults
from senet_lib.doctor.network_findings import Finding
from senet_lib.doctor.operations import VIEWS, Operation, Record, common_module, is_map
from senet_lib.doctor.se_layers import SELayer, features_of, has_bias, kind_of, squeeze_kind

PARTS = VIEWS | CROPS | {"split", "split_with_sizes", "unbind"}
JOINED = PARTS | {"stack", "cat"}  # on the way from the layers to the softmax


def find_branch_gates(record: Record) -> list[Site]:
    """Each softmax over branches by whose parts maps are multiplied, in the order in which they run."""
    found: dict[Operation, Site] = {}
    for product in record:
        if product.name != "mul" or len(product.sources) != 2 or len(product.shape) < 4 or not is_map(product.shape):
            continue
        first, second = record.sources(product)
        for x, factor in ((first, second), (second, first)):
            gate = _softmax_behind(record, factor)
            if gate is None or gate in found or not _is_for_channels(x.shape, factor.shape):
                continue
            parts = [excitation_of(record, end) for end in _before_joining(record, record.sources(gate)[0])]
            known = [part for part in parts if part is not None]
            if known and len(known) == len(parts):
                squeezes = list(dict.fromkeys(one for squeezed, _ in known for one in squeezed))
                weights = sorted({one for _, layers in known for one in layers}, key=lambda one: one.index)
                found[gate] = Site(record, product, x, factor, gate, 1, squeezes, weights)
    return list(found.values())


def describe_branch_gates(site: Site, classes: Mapping[str, str]) -> SELayer:
    """As :func:`senet_lib.doctor.se_layers.describe`, for gates that compete."""
    layers = _steps(site)
    kind = kind_of(layers)
    name = common_module((*site.squeezes, *site.weights, site.gate))
    return SELayer(
        name,
        classes[name],
        math.prod(site.gate.shape[2:]),
        features_of(layers[0]) if len(layers) == 2 and kind != "1-d convolution" else None,
        tuple(has_bias(site.record, layer) for layer in layers),
        kind,
        OVER_BRANCHES,
        squeeze_kind(site),
        "branches",
    )


def branch_findings(layers: Sequence[SELayer]) -> Iterator[Finding]:
    """That their gates compete; and biases in one layer of two."""
    for layer in layers:
        for code, kind, what, fix in (*gate_faults(layer), *bias_notes(layer)):
            yield Finding(code, kind, layer.name, what, fix)


def _softmax_behind(record: Record, factor: Operation) -> Operation | None:
    """The softmax over axis 1 of (B, branches, C, ...) of which a factor is a form or a part."""
    while factor.name in PARTS and len(factor.sources) == 1:
        factor = record[factor.sources[0]]
    if factor.name != "_softmax":
        return None
    axis, shape = int(factor.arguments[0][1]), factor.shape
    return factor if axis % len(shape) == 1 and shape[1] > 1 and math.prod(shape[2:]) > 1 else None


def _is_for_channels(x: Sequence[int], factor: Sequence[int]) -> bool:
    """Whether the factor has no places, where the map has them."""
    return len(x) >= 4 and len(factor) >= 3 and set(factor[-2:]) == {1} and set(x[-2:]) != {1}


def _before_joining(record: Record, operation: Operation) -> list[Operation]:
    """What is joined to (B, branches, C)."""
    if operation.name not in JOINED:
        return [operation]
    return [end for source in record.sources(operation) for end in _before_joining(record, source)]


def _steps(site: Site) -> list[Operation]:
    """The layers in order; of those that each branch has for itself, the first."""
    first = site.first_layers[0]
    last = [one for one in site.last_weights if one is not first]
    between = [one for one in site.layers if one not in site.first_layers and one not in site.last_weights]
    return [first, *between, *last[:1]]
