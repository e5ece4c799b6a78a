"""What ``senet_lib.doctor`` can find in a single SE layer.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4): Section 3 for what a block is, Table 12 for
gate functions, Table 14 for places.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

import torch
from torch import Tensor

from senet_lib.common.gate_functions import GATE_FUNCTIONS, OVER_BRANCHES
from senet_lib.doctor.gate_sites import WINDOWS, Site
from senet_lib.doctor.network_findings import Finding
from senet_lib.doctor.operations import Operation, Record, noise_like
from senet_lib.doctor.se_layers import BOUNDED, SELayer, squeezed_numbers

LARGE = 100.0  # a number that no mean and no maximum of normal noise overlooks
NARROW = (0.25, 0.8)  # gates that never go below the first, or above the second, are squashed twice
UNLIMITED = 2.1  # at a logit of 8
SEEDS = 8  # of noise: for by chance all few hidden units may be shut for one picture
MEAN_OVER_PLACES = "Take the mean over height and width, and over nothing else: x.mean((2, 3))."
Found = tuple[str, str, str, str]  # code, kind, what, fix
LINEAR: Found = (
    "excitation-linear",
    "fault",
    "No function stands between the layers of the excitation: together they are one linear map, of lower rank.",
    "Put ReLU between them: fc2(relu(fc1(z))).",
)
SUM: Found = (
    "squeeze-sum",
    "fault",
    "The squeeze is a sum over the places: on a map twice as high and wide it is four times as large.",
    MEAN_OVER_PLACES,
)
MIXED: Found = (
    "pictures-mixed",
    "fault",
    "The gates of one picture change with the other pictures of the batch.",
    MEAN_OVER_PLACES,
)
# From a gate function to the code and the text of its fault.
WRONG_GATES = {
    "ReLU": (
        "gate-relu",
        "The gates end in ReLU: they have no upper limit, and many are exactly 0 (the paper's Table 12).",
    ),
    "none": ("gate-none", "The gates end in no function: they can be negative and have no limits."),
    "softmax": ("gate-softmax", "The gates of all channels sum to 1: they compete, and each is about 1/C."),
}


def examine_layers(layers: Iterable[SELayer], sites: Iterable[Site], fixed: Collection[Site]) -> Iterator[Finding]:
    """What concerns each layer by itself.

    Args:
        layers: as they were described.
        sites: where they are in the record.
        fixed: those whose squeeze is a pooling with a fixed window; see :func:`fixed_windows`.
    """
    for layer, site in zip(layers, sites, strict=True):
        for code, kind, what, fix in (
            *_weights(layer, site),
            *_between(site),
            *_gate(layer, site),
            *_powers(site),
            *_squeeze(layer, site, site in fixed),
            *_place(layer, site),
        ):
            yield Finding(code, kind, layer.name, what, fix)


def _weights(layer: SELayer, site: Site) -> Iterator[Found]:
    if layer.hidden == 0:
        yield (
            "hidden-empty",
            "fault",
            f"There is no hidden unit between its {layer.channels} inputs and outputs, so the gates are constant.",
            f"Use an r of at most {layer.channels}, or max(1, C // r).",
        )
    elif not _depends_on_picture(site):
        yield (
            "gate-constant",
            "note",
            "The gates do not depend on the picture, as in a new layer whose second weights are 0.",
            "Nothing before training; after it, look whether the excitation gets gradients.",
        )
    is_normalised = any(one.is_batch_norm for weights in site.weights for one in site.record.uses(weights))
    if not is_normalised:
        yield from bias_notes(layer)


def bias_notes(layer: SELayer) -> Iterator[Found]:
    """Biases in one of two layers."""
    if len(layer.biases) == 2 and layer.biases[0] != layer.biases[1]:
        has, lacks = ("first", "second") if layer.biases[0] else ("second", "first")
        yield (
            "bias-in-one",
            "note",
            f"The {has} layer has biases, the {lacks} has none.",
            "Give both biases, as the released networks, or none, as the paper's count.",
        )


def _between(site: Site) -> Iterator[Found]:
    if len(site.weights) > 1 and _is_linear(site):
        yield LINEAR


def _is_linear(site: Site) -> bool:
    """Whether the logits of a sum of inputs are the sum of the logits, but for a constant."""
    inputs = {source: None for layer in site.first_layers for source in site.record.sources(layer)}
    last = site.last_layers[-1]

    def logits(of: Mapping[Operation, Tensor]) -> Tensor | None:
        return site.compute("whether a function stands between its layers", last, of)

    nothing = {z: torch.zeros_like(noise_like(z)) for z in inputs}
    constant, depends = logits(nothing), False
    for seed in range(SEEDS):
        first, second = ({z: 10 * noise_like(z, 2 * seed + number) for z in inputs} for number in (0, 1))
        both = {z: first[z] + second[z] for z in inputs}
        parts = logits(first), logits(second), logits(both)
        if constant is None or any(one is None or one.shape != constant.shape for one in parts):
            return False
        own, other, total = (one.double() - constant.double() for one in parts if one is not None)
        scale = max(float(own.abs().max()), float(other.abs().max()))
        if not torch.allclose(
            total, own + other, rtol=0, atol=scale * (1e-3 if constant.element_size() >= 4 else 0.05)
        ):
            return False
        depends = depends or scale > 0
    return depends


def _gate(layer: SELayer, site: Site) -> Iterator[Found]:
    if site.is_added:
        is_fault = layer.gate in BOUNDED | {"softmax"}
        yield (
            "gates-added",
            "fault" if is_fault else "note",
            "The result of the excitation is added to the map, not multiplied: it cannot shut a channel.",
            "Multiply: x * s. (Added context without a gate function is a block of its own: GCNet's.)",
        )
        return
    yield from gate_faults(layer)
    if any(one.is_batch_norm for one in site.record.uses(site.end)):
        yield (
            "norm-after-gate",
            "note",
            "Batch normalisation right behind the gate divides by each channel's standard deviation, which undoes the "
            "mean gate.",
            "Normalise first, then gate. (Some of timm's CoAtNets gate early by intent.)",
        )


def gate_faults(layer: SELayer) -> Iterator[Found]:
    """What its function and its limits tell."""
    low, high = layer.limits or (0.0, 1.0)
    named = (
        f"The gates end in {layer.gate}" if layer.gate in GATE_FUNCTIONS else "The gates end in a function of its own"
    )
    if layer.gate in WRONG_GATES:
        code, what = WRONG_GATES[layer.gate]
        yield code, "fault", what, "End the excitation in a sigmoid."
    elif layer.gate == OVER_BRANCHES:
        yield (
            "gates-compete",
            "note",
            "For each channel the gates of all branches sum to 1, as in selective kernels and ResNeSt: they choose "
            "between branches, and none can shut a channel.",
            "Nothing, if that is your intent. It is not SE, and was not examined further.",
        )
    elif layer.gate == "tanh":
        yield (
            "gate-tanh",
            "note",
            "The gates are tanh, from -1 to 1 (the paper's Table 12).",
            "The paper's gate is a sigmoid.",
        )
    elif max(abs(low), abs(high)) > UNLIMITED:
        what = f"{named} that goes far beyond 1: logits from -8 to 8 give gates from {low:.3g} to {high:.3g}."
        yield "gates-unlimited", "fault", what, "End the excitation in a sigmoid."
    elif 0 <= low < high <= 1 and (low > NARROW[0] or high < NARROW[1]):
        yield (
            "gates-narrow",
            "fault",
            f"{named}: logits from -8 to 8 give gates from {low:.3g} to {high:.3g} only, as if squashed twice.",
            "Let the second layer's output go into one sigmoid, with no other function before or after it.",
        )


def _powers(site: Site) -> Iterator[Found]:
    """Twice the map and twice the gates must each give twice the result."""
    if site.is_added:
        return
    x = site.squeezed
    x = x if x is not None and site.record.depends(site.features, x) else site.features
    growths = (
        ("input-squared", _growth(site, x), "Twice the map gives {:.3g} times the result: x is multiplied in twice."),
        ("gates-squared", _growth(site, site.gate), "Twice the gates give {:.3g} times the result: s acts twice."),
    )
    for code, growth, what in growths:
        if growth is not None and growth > 3:
            yield code, "fault", what.format(growth), "Multiply in one place only: x * s."


def _growth(site: Site, of: Operation) -> float | None:
    """How many times larger the result is when one factor is doubled; None where it cannot be computed."""
    given = {of: noise_like(of).abs() + 1, site.gate: noise_like(site.gate).abs() + 1}
    if of is site.gate or not site.record.depends(site.features, of):
        given[site.features] = noise_like(site.features).abs() + 1
    what = "how often x and s are multiplied in"
    once, twice = (site.compute(what, site.end, one) for one in (given, given | {of: 2 * given[of]}))
    if once is None or twice is None:
        return None
    return float((twice.double().sum() / once.double().sum()).item())


def _squeeze(layer: SELayer, site: Site, is_fixed: bool) -> Iterator[Found]:
    if _mixes_pictures(site):
        yield MIXED
    if "sum" in layer.squeeze:
        yield SUM
    x = site.squeezed
    if x is None or any(
        site.record.between(x, layer) & site.record.mixing & ~(1 << layer.index) for layer in site.first_layers
    ):
        return  # a squeeze with weights of its own may mix what it likes
    if _mixes_channels(site, x):
        yield (
            "squeeze-mixes-channels",
            "fault",
            "A squeezed number changes with other channels than its own: the mean is over the wrong axes.",
            MEAN_OVER_PLACES,
        )
    elif is_fixed or not _sees_corners(site, x):
        yield (
            "squeeze-not-global",
            "fault",
            "The squeeze does not see all places of the map, at this size or at a larger one: its window is fixed.",
            "Use x.mean((2, 3)) or nn.AdaptiveAvgPool2d(1).",
        )


def _place(layer: SELayer, site: Site) -> Iterator[Found]:
    notes = {
        "identity": "The gates scale the shortcut, not the branch: the paper's SE-Identity (Table 14).",
        "post": "The gates scale a sum, and so a shortcut too: the paper's SE-POST, its worst place (Table 14).",
        "pre": "The gates scale the branch's input: the paper's SE-PRE (Table 14).",
    }
    if layer.place in notes:
        standard = "Nothing, if that is your intent; the standard place is the end of the branch, before the addition."
        yield f"place-{layer.place}", "note", notes[layer.place], standard
    if layer.place == "standard" and site.record.root(site.features).name == "relu":
        yield (
            "relu-before-gate",
            "note",
            "The branch ends in ReLU before the gate: it can add to the shortcut, and never take away.",
            "End the branch in batch normalisation, then gate, add, and apply ReLU to the sum.",
        )


# --- what is measured -------------------------------------------------------------------------------------------------


def fixed_windows(sites: Iterable[Site], larger: Record | None = None) -> set[Site]:
    """The layers that squeeze with a pooling whose window is given in places.

    Args:
        sites: all layers.
        larger: the record of a pass with larger pictures. Those whose window grew with the map are left out; and so
            are those that the pass did not reach, unless an earlier layer stopped it.
    """
    found: set[Site] = set()
    for site in sites:
        windows = [one for one in site.squeezes if one.name in WINDOWS]
        if windows and (larger is None or _stays_small(site.record, windows[0], larger, bool(found))):
            found.add(site)
    return found


def _stays_small(record: Record, window: Operation, larger: Record, unless_reached: bool) -> bool:
    """Whether, with larger pictures, the window no longer covers its map."""
    number = [one for one in record if one.name == window.name].index(window)
    windows = [one for one in larger if one.name == window.name]
    if number >= len(windows):
        return unless_reached
    twin = windows[number]
    kernel = twin.arguments[0][1]
    return tuple(kernel) != larger.sources(twin)[0].shape[2:]


def _depends_on_picture(site: Site) -> bool:
    inputs = [source for layer in site.first_layers for source in site.record.sources(layer)]
    for seed in range(SEEDS):
        given = {z: 10 * noise_like(z, seed) for z in inputs}
        s = site.compute("whether its gates depend on the picture", site.gate, given)
        if s is None or s.shape[0] == 1 or not torch.equal(s[0], s[1]):
            return True
    return False


def _mixes_pictures(site: Site) -> bool:
    maps = {x: noise_like(x) for x in site.all_squeezed}
    other = {x: one.clone() for x, one in maps.items()}
    for one in other.values():
        one[0] += LARGE
    before, after = (site.compute("whether pictures mix", site.factor, one) for one in (maps, other))
    if before is None or after is None:
        return site.gate.shape[0] == 1
    if before.dim() < len(site.product.shape) or before.shape[0] != site.product.shape[0]:
        return True
    return not _same(before[1:], after[1:])


def _mixes_channels(site: Site, x: Operation) -> bool:
    """Whether another channel's maps change a squeezed number. Not asked if there is not one number a channel."""
    maps = noise_like(x)
    before = squeezed_numbers(site, maps)
    if before is None or before.shape[-1] != x.shape[site.channel_axis] or before.shape[-1] < 2:
        return False
    maps.select(site.channel_axis, 0).add_(LARGE)
    after = squeezed_numbers(site, maps)
    assert after is not None
    return not _same(before[:, 1:], after[:, 1:])


def _sees_corners(site: Site, x: Operation) -> bool:
    maps = noise_like(x)
    before = squeezed_numbers(site, maps)
    if before is None or len(x.shape) != 4:
        return True
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        other = maps.clone()
        places = other if site.channel_axis == 1 else other.movedim(-1, 1)
        places[:, :, corner[0], corner[1]] += LARGE * places[0, 0].numel()
        after = squeezed_numbers(site, other)
        if after is not None and _same(before, after):
            return False
    return True


def _same(first: Tensor, second: Tensor) -> bool:
    return torch.allclose(first, second, rtol=1e-3, atol=1e-6)
