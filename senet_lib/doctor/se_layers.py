"""What an SE layer is, as measured: its widths, its squeeze, its gate function, and its place in the residual block.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 3, and Section 6.5 for the places.
Squeeze and excitation are cut out of the record of a pass and run again on probe inputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from senet_lib.common.gate_functions import GATE_FUNCTIONS, LOGITS, function_of_curve
from senet_lib.doctor.gate_sites import Site, is_addition
from senet_lib.doctor.operations import DROPOUTS, Operation, Record, common_module, noise_like

BOUNDED = {name for name, values in GATE_FUNCTIONS.items() if abs(values).max() <= 2}
FURTHER = 2  # how many times higher and wider the maps are that tell a mean from a sum


@dataclass(frozen=True)
class SELayer:
    """What one layer is that gates channels, as measured.

    Attributes:
        name: of the module that computes the gates, as in ``named_modules()``; "" for the model itself.
        class_name: of this module.
        channels: C.
        hidden: width between the two weight layers; None if there are not two.
        biases: for each weight layer, whether it has biases.
        kind: of the weight layers: "Linear", "1x1 convolution", "1-d convolution" or "mixed".
        gate: the function that ends the excitation: a key of ``GATE_FUNCTIONS``, "softmax", ``OVER_BRANCHES``, or
            "other, LOW to HIGH".
        squeeze: "mean", "max", "sum" (any multiple of it), "mean and max", or "other".
        place: "standard" (at the end of the branch), "identity" (on the shortcut), "pre" (before the branch), "post"
            (after the addition), "inside" (in the middle of a branch), "no shortcut", or "branches" (it chooses between
            several).
        limits: the least and the largest gate for logits from -8 to 8; None if a gate depends on several logits.
    """

    name: str
    class_name: str
    channels: int
    hidden: int | None
    biases: tuple[bool, ...]
    kind: str
    gate: str
    squeeze: str
    place: str
    limits: tuple[float, float] | None = field(default=None, compare=False)

    @property
    def ratio(self) -> float | None:
        """C / hidden; None without a hidden layer or with an empty one."""
        return self.channels / self.hidden if self.hidden else None


def describe(site: Site, classes: Mapping[str, str]) -> SELayer:
    """All that is measured about one place.

    Args:
        site: the place.
        classes: from the name of each module to the name of its class.
    """
    layers = site.layers
    gate, limits = gate_function(site)
    name = common_module((*site.squeezes, *site.weights, site.gate))
    kind = kind_of(layers)
    return SELayer(
        name,
        classes[name],
        site.channels,
        features_of(layers[0]) if len(layers) == 2 and kind != "1-d convolution" else None,
        tuple(has_bias(site.record, layer) for layer in layers),
        kind,
        gate,
        squeeze_kind(site),
        place_of(site),
        limits,
    )


def kind_of(layers: Sequence[Operation]) -> str:
    """The kind of all weight layers, or "mixed"."""
    kinds = {_kind(layer) for layer in layers}
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _kind(layer: Operation) -> str:
    if not layer.is_convolution:
        return "Linear"
    return "1x1 convolution" if layer.kernel == (1, 1) else "1-d convolution"


def features_of(layer: Operation) -> int:
    return layer.shape[1] if layer.is_convolution else layer.shape[-1]


def has_bias(record: Record, layer: Operation) -> bool:
    if layer.is_convolution:
        return layer.arguments[0][2] is not None
    if layer.name in ("addmm", "baddbmm"):
        return True
    return any(one.name == "add" and one.constants for one in record.uses(layer))


def gate_function(site: Site) -> tuple[str, tuple[float, float] | None]:
    """Which function ends the excitation: its curve is computed and compared. And the limits of the curve."""
    first, *others = site.last_layers
    zeros = {one: torch.zeros_like(noise_like(one)) for one in others}

    def gate(logits: Tensor) -> Tensor | None:
        s = site.compute("the function of its gates", site.gate, {first: logits, **zeros})
        return None if s is None else s.float()

    if any(one.name in DROPOUTS for one in site.record.members(site.record.between(first, site.gate))):
        return "other", None
    logits = noise_like(first)
    one_bumped = logits.clone()
    one_bumped.view(len(logits), -1)[:, 0] += 1
    s, bumped = gate(logits), gate(one_bumped)
    if s is None or bumped is None:
        return "other", None
    s = s.reshape(len(s), -1)
    if (bumped.reshape(s.shape) != s)[:, 1:].any():
        sums_to_1 = torch.allclose(s.sum(1), torch.ones_like(s[:, 0]), atol=1e-2)
        return "softmax" if sums_to_1 else "other", None
    gates = [gate(torch.full_like(logits, value)) for value in LOGITS.tolist()]
    curve = torch.stack([one.mean() for one in gates if one is not None]).cpu().double().numpy()
    limits = float(curve.min()), float(curve.max())
    return function_of_curve(curve, 2e-2 if logits.element_size() < 4 else 1e-3), limits


def squeeze_kind(site: Site) -> str:
    x = site.squeezed
    if x is None or len(x.shape) != 4:
        return "other"
    maps = noise_like(x)
    places = [axis for axis in (1, 2, 3) if axis != site.channel_axis]
    mean, largest = maps.mean(places), maps.amax(places)
    known = {"mean": mean, "max": largest, "mean and max": (mean + largest) / 2}
    kinds = []
    for layer in site.first_layers:
        z = squeezed_numbers(site, maps, layer)
        if z is None or z.shape != mean.shape:
            kinds.append("other")
            continue
        fits = [name for name, values in known.items() if torch.allclose(z, values, atol=1e-2)]
        kinds.append(fits[0] if fits else "sum" if is_sum(site, layer) else "other")
    return " and ".join(dict.fromkeys(kinds)) if "other" not in kinds else "other"


def is_sum(site: Site, layer: Operation) -> bool:
    """Whether a squeezed number is a multiple of the mean, and a larger one for larger maps."""
    x = site.squeezed
    assert x is not None
    places = [axis for axis in (1, 2, 3) if axis != site.channel_axis]
    factors = []
    for times in (1, FURTHER):
        maps = noise_like(x).abs() + 1
        for axis in places:
            maps = torch.cat([maps] * times, axis)
        mean = maps.double().mean(places)
        z = squeezed_numbers(site, maps, layer)
        if z is None or z.shape != mean.shape:
            return False
        ratio = z.double() / mean
        if float(ratio.max() - ratio.min()) > 0.02 * float(ratio.abs().max()):
            return False
        factors.append(float(ratio.mean()))
    return factors[1] > 1.5 * factors[0] > 0


def squeezed_numbers(site: Site, maps: Tensor, layer: Operation | None = None) -> Tensor | None:
    """What the squeeze makes of these maps: z (B, C), the input of a weight layer, the first one if None."""
    layer = layer or site.first_layers[0]
    assert site.squeezed is not None
    z = site.compute("what its squeeze computes", site.record.sources(layer)[0], {site.squeezed: maps})
    return None if z is None else z.flatten(1) if z.dim() > 1 else z[None]


def place_of(site: Site) -> str:
    """Where in its residual block a layer stands: which sides of which additions depend on it."""
    record, end, x = site.record, site.end, site.features
    same_maps = record.reached_plainly(record.root(x))  # x * s + x * t: no shortcut around a branch
    sides, plain_sides = [], []
    for addition in record[end.index + 1 :]:
        if is_addition(record, addition):
            first, second = record.sources(addition)
            if record.depends(first, end) != record.depends(second, end):
                own, other = (first, second) if record.depends(first, end) else (second, first)
                if other not in same_maps:
                    sides.append((own, other))
                elif record.root(other) is record.root(x):
                    plain_sides.append((own, other))
    plainly = record.reached_plainly(end)
    for own, other in [*sides, *plain_sides]:  # x + x * s is one only if no larger branch ends behind it
        if own in plainly:
            excitation = sum(1 << layer.index for layer in site.weights)
            layers = record.ancestors[own.index] & ~record.ancestors[other.index] & record.mixing & ~excitation
            others = record.ancestors[other.index] & ~record.ancestors[own.index] & record.mixing
            return "standard" if layers.bit_count() >= others.bit_count() else "identity"
    if any(record.depends(other, x) for _, other in sides):
        return "pre"
    if sides:
        return "inside"
    while not is_addition(record, x) and not x.mixes_channels and len(x.sources) == 1:
        x = record[x.sources[0]]
    return "post" if is_addition(record, x) else "no shortcut"
