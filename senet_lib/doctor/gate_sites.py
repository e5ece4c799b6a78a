"""Where a network gates its channels: a feature map is multiplied by numbers that were squeezed out of a map.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 3: squeeze, excitation, rescale.
Classes and names of modules play no part.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from senet_lib.common.messages import short
from senet_lib.doctor.operations import SPREAD, VIEWS, Operation, Record, is_map

REDUCTIONS = {"mean", "sum", "amax", "max", "var", "std", "_adaptive_avg_pool2d", "adaptive_max_pool2d"}
WINDOWS = {"avg_pool2d", "max_pool2d_with_indices"}  # they reduce too, but with a window of a given size
CROPS = {"slice", "select", "narrow"}
SQUASHES = {"sigmoid", "hardsigmoid", "tanh", "_softmax", "clamp", "hardtanh"}  # functions with limits
COPIES = {"expand", SPREAD, "clone", "_to_copy", "detach", "alias"}


@dataclass(eq=False)
class Site:
    """One place in the record where a feature map is multiplied by, or added to, numbers squeezed out of a map.

    Attributes:
        record: the pass.
        product: the multiplication, or the addition.
        features: the map x that is gated.
        factor: the numbers s as they are multiplied in, such as (B, C, 1, 1).
        gate: what made them.
        channel_axis: which axis of the map they belong to.
        squeezes: the operations that make one number a channel out of many places.
        weights: the layers of the excitation, in order.
        problems: what could not be measured, and why; for the report.
    """

    record: Record
    product: Operation
    features: Operation
    factor: Operation
    gate: Operation
    channel_axis: int
    squeezes: list[Operation]
    weights: list[Operation]
    problems: dict[str, None] = field(default_factory=dict)

    @property
    def is_added(self) -> bool:
        return self.product.name == "add"

    @property
    def channels(self) -> int:
        return self.product.shape[self.channel_axis]

    @cached_property
    def all_squeezed(self) -> list[Operation]:
        """The maps that the squeezes read."""
        found = [self._behind_reductions(source) for one in self.squeezes for source in self.record.sources(one)]
        return list(dict.fromkeys(found))

    @property
    def squeezed(self) -> Operation | None:
        """The map that the squeeze reads; None if it reads several."""
        return self.all_squeezed[0] if len(self.all_squeezed) == 1 else None

    def compute(self, what: str, target: Operation, given: Mapping[Operation, Tensor]) -> Tensor | None:
        """As :meth:`Record.compute`; None if that is not possible, which is noted as a problem of what is asked for."""
        try:
            return self.record.compute(target, given)
        except Exception as error:  # whatever an operation says to other inputs
            self.problems[f"{what}: {short(error)}"] = None
            return None

    @cached_property
    def first_layers(self) -> list[Operation]:
        """The weight layers with none before them."""
        return [one for one in self.weights if not any(self._follows(one, other) for other in self.weights)]

    @cached_property
    def last_layers(self) -> list[Operation]:
        """The weight layers with none after them; or the normalisation right behind."""
        return [self._normalised(one) for one in self.last_weights]

    @cached_property
    def last_weights(self) -> list[Operation]:
        """The weight layers with none after them."""
        return [one for one in self.weights if not any(self._follows(other, one) for other in self.weights)]

    @cached_property
    def layers(self) -> list[Operation]:
        """The weight layers, without those that use the weights of one before, as for two squeezes."""
        own: dict[object, Operation] = {}
        for layer in self.weights:
            weight = max(layer.constants, key=Tensor.dim)
            own.setdefault((weight.data_ptr(), tuple(weight.shape)) if weight.numel() else layer.index, layer)
        return list(own.values())

    @cached_property
    def end(self) -> Operation:
        """The last of the multiplications by x or s that follow each other: the product, if all is well."""
        own = {self.record.root(self.features), self.record.root(self.gate)}
        if self.squeezed is not None:
            own.add(self.record.root(self.squeezed))
        end = self.product
        while True:
            again = [one for one in self.record.uses(end) if one.name == "mul" and self._multiplies(one, end, own)]
            if not again:
                return end
            end = again[0]

    def _multiplies(self, product: Operation, factor: Operation, own: set[Operation]) -> bool:
        """Whether the other factor is x or s, or a product of these."""
        others = {self.record.root(source) for source in self.record.sources(product)} - {self.record.root(factor)}
        return bool(others) and all(self._is_made_of(other, own) for other in others)

    def _is_made_of(self, operation: Operation, own: set[Operation]) -> bool:
        if operation in own:
            return True
        factors = [self.record.root(source) for source in self.record.sources(operation)]
        return operation.name == "mul" and bool(factors) and all(self._is_made_of(factor, own) for factor in factors)

    def _follows(self, second: Operation, first: Operation) -> bool:
        return second is not first and self.record.depends(second, first)

    def _behind_reductions(self, operation: Operation) -> Operation:
        """From (B, C, W), or a piece of a map, back to the map (B, C, H, W) that it was; no further than to x."""
        own = (self.features, self.record.root(self.features))
        passed = VIEWS | REDUCTIONS | CROPS
        while operation not in own and operation.name in passed and len(operation.sources) == 1:
            source = self.record[operation.sources[0]]
            if len(source.shape) > 4 == len(operation.shape):
                break  # branches that were added up: their sum is what is squeezed
            operation = source
        return operation

    def _normalised(self, layer: Operation) -> Operation:
        norms = [one for one in self.record.uses(layer) if one.is_batch_norm]
        return norms[0] if norms else layer


# --- where they are ---------------------------------------------------------------------------------------------------


def find_sites(record: Record) -> list[Site]:
    """All places where a map (B, C, H, W) meets numbers that a squeeze and weights made, in order."""
    found: list[Site] = []
    for operation in record:
        if operation.name not in ("mul", "add") or len(operation.sources) != 2 or len(operation.shape) != 4:
            continue
        first, second = record.sources(operation)
        sites = [_site(record, operation, *pair) for pair in ((first, second), (second, first))]
        found += [site for site in sites if site is not None and not any(_adds_once_more(site, one) for one in found)][
            :1
        ]
    return found


def _adds_once_more(site: Site, other: Site) -> bool:
    """Whether it is the sum in x * s + s, as in FishNet: that is (x + 1) * s, and s shuts the channel."""
    return site.is_added and site.gate is other.gate and site.record.root(site.features) is other.product


def _site(record: Record, product: Operation, features: Operation, gate: Operation) -> Site | None:
    axis = _channel_axis(record, product, gate)
    is_repeated = math.prod(record.root(features).shape) < math.prod(product.shape)
    if axis is None or features.shape != product.shape or is_repeated:
        return None  # what is one number for each place, repeated for all channels, is no feature map
    root = record.root(gate)
    parts = excitation_of(record, root)
    if parts is None:
        return None
    site = Site(record, product, features, gate, root, axis, *parts)
    is_spread = any(one.name == SPREAD for one in record.members(record.between(root, product)))
    if is_spread and any(one.name in WINDOWS for one in site.squeezes):
        return None  # a coarse map of gates, which has a single place only because the pictures are small
    if _is_attention(record, product):
        return None
    if is_map(product.shape):
        return site
    # A map of one place looks like a gate itself. Only what was squeezed out of the other factor counts.
    squeezed = site.squeezed
    return site if squeezed and record.root(squeezed) is record.root(features) and not site.is_added else None


def _is_attention(record: Record, product: Operation) -> bool:
    """Whether a product or sum is made into gates itself, as in BAM: squashed, then multiplied by another map."""
    stack, seen = [(product, False)], set()
    while stack:
        operation, is_squashed = stack.pop()
        for one in record.consumers(operation):
            if (
                is_squashed
                and one.name == "mul"
                and any(is_map(other.shape) and not record.depends(other, product) for other in record.sources(one))
            ):
                return True
            step = (one, is_squashed or one.name in SQUASHES)
            if not one.mixes_channels and is_map(one.shape) and step not in seen and not is_addition(record, one):
                seen.add(step)
                stack.append(step)
    return False


def _channel_axis(record: Record, product: Operation, gate: Operation) -> int | None:
    """The axis that the numbers of a gate belong to; None unless it is one number for each entry of one axis."""
    while gate.name in COPIES:
        gate = record[gate.sources[0]]
    shape = (1,) * (4 - len(gate.shape)) + gate.shape
    axes = [axis for axis in (1, 2, 3) if shape[axis] > 1]
    fits = len(axes) == 1 and shape[axes[0]] == product.shape[axes[0]] and shape[0] in (1, product.shape[0])
    return axes[0] if fits else None


def excitation_of(record: Record, gate: Operation) -> tuple[list[Operation], list[Operation]] | None:
    """Back from a gate to the squeezes: these, and the weight layers after them. None if this is not an excitation."""
    squeezes, weights, stack, seen = [], [], [gate], set()
    while stack:
        operation = stack.pop()
        if operation in seen:
            continue
        seen.add(operation)
        sources = record.sources(operation)
        if operation.is_map or not sources:
            return None
        if any(source.is_map for source in sources) or (
            operation.name in REDUCTIONS | WINDOWS and any(len(source.shape) == 4 for source in sources)
        ):
            squeezes.append(operation)
            continue
        if operation.mixes_channels and operation.constants:
            weights.append(operation)
        stack += sources
    return (squeezes, sorted(weights, key=lambda one: one.index)) if squeezes and weights else None


def is_addition(record: Record, operation: Operation) -> bool:
    """Whether two maps of one shape are added."""
    if operation.name != "add" or len(operation.sources) != 2 or len(operation.shape) != 4:
        return False
    return all(source.shape == operation.shape for source in record.sources(operation))
