"""What ``senet_lib.doctor`` can find around SE layers: widths, shortcuts, biases, the stem, the output.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 3.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from senet_lib.common.gate_functions import OVER_BRANCHES
from senet_lib.doctor.gate_sites import Site, is_addition
from senet_lib.doctor.operations import Pass, Record
from senet_lib.doctor.se_layers import SELayer, has_bias

LARGE_PICTURE = 96  # pixels of a side from which on a stem should reduce
ROUNDING = 8  # of timm's and torchvision's hidden widths, which are therefore the same for several small C


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: short and fixed, such as "hidden-empty".
        kind: "fault" or "note".
        where: name of the module; "" for the model itself.
        what: one sentence on what was measured.
        fix: one sentence on what to do.
    """

    code: str
    kind: str
    where: str
    what: str
    fix: str


SOFTMAX_OUTPUT = Finding(
    "softmax-output",
    "fault",
    "",
    "The outputs are positive and sum to 1 for each picture: a softmax in the model, before that of cross-entropy.",
    "Return the logits. (Only if your loss takes probabilities, this is right.)",
)


# --- the network ------------------------------------------------------------------------------------------------------


def examine_network(
    seen: Pass, layers: Sequence[SELayer], sites: Sequence[Site], size: Sequence[int], codes: Collection[str] = ()
) -> Iterator[Finding]:
    """What concerns more than one layer, or what is around them.

    Args:
        seen: the pass.
        layers: as they were described.
        sites: where they are in the record.
        size: of a picture.
        codes: of what was found before.
    """
    if "does-not-run" in codes:
        return
    if seen.output is None:
        yield Finding(
            "returns-none",
            "fault",
            (seen.silent or "") if seen.error else "",
            "Its forward returns None. What comes after it cannot run, and was not examined.",
            "Return the result at the end of its forward.",
        )
    elif not layers and not {"gates-without-squeeze", "gates-compete"} & set(codes):
        yield Finding(
            "no-se",
            "note",
            "",
            "No feature map of four dimensions is multiplied by gates that are computed from a squeezed feature map.",
            "Insert SE with senet_lib.networks.insert.insert_squeeze_excitation, or examine with larger pictures.",
        )
    yield from examine_widths(layers)
    yield from _convolution_biases(seen.record)
    yield from _projections(seen.record)
    if sites and min(size[1:]) >= LARGE_PICTURE and sites[0].product.shape[2:] == tuple(size[1:]):
        height, width = size[1:]
        yield Finding(
            "stem-keeps-size",
            "note",
            layers[0].name,
            f"Its maps are {height}x{width}, as large as the picture: 16 times as many numbers as behind a 7x7 stem.",
            "Use a stem that reduces: a 7x7 convolution of stride 2 and a pooling of stride 2.",
        )


def examine_widths(layers: Iterable[SELayer]) -> Iterator[Finding]:
    """What the hidden widths tell together."""
    # Selective kernels have a least width by intent.
    wide = [layer for layer in layers if layer.hidden and layer.gate != OVER_BRANCHES]
    widths = sorted({(layer.channels, layer.hidden or 0) for layer in wide})
    if not widths:
        return
    (least, hidden), (most, _) = widths[0], widths[-1]
    shown = ", ".join(f"{hidden} of {channels}" for channels, hidden in widths[:6])
    if any(all(channels // r == width for channels, width in widths) for r in range(1, most + 1)):
        return
    if all(width == hidden for _, width in widths):
        is_fault = most >= 4 * least and hidden != ROUNDING
        yield Finding(
            "hidden-constant",
            "fault" if is_fault else "note",
            wide[0].name,
            f"The hidden width is {hidden} everywhere, for C from {least} to {most}: as if r were the width.",
            "Make the hidden width C // r in each layer.",
        )
    else:
        yield Finding(
            "hidden-rounded",
            "note",
            wide[0].name,
            f"No single r gives all hidden widths as C // r ({shown}{', ...' if len(widths) > 6 else ''}).",
            "Nothing, if they are rounded or chosen by intent; for the paper's count of parameters use C // r.",
        )


def _convolution_biases(record: Record) -> Iterator[Finding]:
    for operation in record:
        uses = record.uses(operation)
        if operation.is_convolution and has_bias(record, operation) and len(uses) == 1 and uses[0].is_batch_norm:
            yield Finding(
                "bias-before-norm",
                "note",
                operation.module,
                "This convolution has biases, and batch normalisation behind it subtracts them: they have no effect.",
                "Make it with bias=False.",
            )


def _projections(record: Record) -> Iterator[Finding]:
    """Shortcuts of one 1x1 convolution where the input would fit as it is."""
    for addition in record:
        if not is_addition(record, addition):
            continue
        first, second = record.sources(addition)
        shared = record.ancestors[first.index] & record.ancestors[second.index]
        fork = record[shared.bit_length() - 1]
        ways = [record.members(record.between(fork, side) & record.mixing) for side in (first, second)]
        short, long = sorted(ways, key=len)
        if len(short) != 1 or short[0].shape != addition.shape:  # gates of one channel are no shortcut
            continue
        fits = fork.shape == addition.shape
        if fits and len(long) > 1 and short[0].is_convolution and short[0].kernel == (1, 1):
            yield Finding(
                "shortcut-projected",
                "note",
                short[0].module,
                "This shortcut has a convolution, though its input has the shape of its output.",
                "Leave it out where the shapes fit: project if stride != 1 or in_channels != channels.",
            )


def is_softmax(output: Any) -> bool:
    """Whether an output (B, K) is positive, and sums to 1 for each picture."""
    if not isinstance(output, Tensor) or output.dim() != 2 or output.shape[1] < 2 or not output.is_floating_point():
        return False
    output = output.float()
    return bool((output >= 0).all()) and torch.allclose(output.sum(1), torch.ones_like(output[:, 0]), atol=1e-2)
