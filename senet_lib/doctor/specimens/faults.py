"""Faults that copied SE code has, each in a small network of its own, beside its sound twin.

``senet_lib.doctor`` finds each of these by measuring. The networks' code is in
``senet_lib.doctor.specimens.specimen_networks``, a test that exposes each in ``senet_lib.doctor.specimens.probes``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from senet_lib.doctor.specimens import probes
from senet_lib.doctor.specimens.specimen_networks import (
    AddedGates,
    BatchMeans,
    BiasedConvolutions,
    ChannelGate,
    FixedPool,
    ForgottenReturn,
    GatedNetwork,
    GatedShortcut,
    GatedSum,
    GatesSquared,
    InputTwice,
    NoGateFunction,
    NormAfterGate,
    OneBias,
    ProjectsWhereItFits,
    RectifiedBranch,
    ReducingStem,
    ReluGate,
    RoundedWidth,
    RowMeans,
    SoftmaxGate,
    SoftmaxInside,
    WidthIsRatio,
)

MakeNetwork = Callable[..., nn.Module]


@dataclass(frozen=True)
class Specimen:
    """A fault, and the same network without it.

    Attributes:
        name: in the field's words.
        fault: one sentence on what is wrong.
        mend: one sentence on what to do.
        finding: code of the finding that ``senet_lib.doctor.examine`` must report.
        test: raises an ``AssertionError`` for the network, and none for its twin.
        make_faulty: makes the network; takes ``num_classes`` and ``in_channels``, 4 and 3 if left out.
        make_sound: makes its twin, with the same arguments.
        input_size: of the pictures to examine it with, (channels, height, width).
    """

    name: str
    fault: str
    mend: str
    finding: str
    test: Callable[[nn.Module], None]
    make_faulty: MakeNetwork
    make_sound: MakeNetwork = GatedNetwork
    input_size: tuple[int, int, int] = (3, 32, 32)


def _with_gate(gate: Callable[..., nn.Module], **options: Any) -> MakeNetwork:
    return partial(GatedNetwork, gate=gate, **options)


def _with_unit(unit: Callable[..., nn.Module], **options: Any) -> MakeNetwork:
    return partial(GatedNetwork, unit=unit, **options)


_EQUAL_WIDTHS = partial(GatedNetwork, widths=(16, 16))


SPECIMENS: dict[str, Specimen] = {
    "input-squared": Specimen(
        "x applied twice",
        "The SE block returns x * s already, and the residual block multiplies by x again: x² * s.",
        "Multiply in one place: use what the SE block returns as it is.",
        "input-squared",
        probes.open_gates_leave_a_plain_block,
        _with_unit(InputTwice),
    ),
    "gates-squared": Specimen(
        "gate applied twice",
        "The gates are multiplied in twice, so a gate of 0.5 acts as 0.25.",
        "Multiply by the gates once.",
        "gates-squared",
        probes.gates_act_once,
        _with_gate(GatesSquared),
    ),
    "softmax-output": Specimen(
        "softmax before cross-entropy",
        "The network ends in softmax, and cross-entropy applies softmax again: the loss cannot get near 0.",
        "Return the logits; apply softmax where you need probabilities.",
        "softmax-output",
        probes.outputs_are_no_probabilities,
        SoftmaxInside,
    ),
    "width-is-ratio": Specimen(
        "hidden width r instead of C // r",
        "The reduction ratio is taken for the hidden width, so wide layers have as narrow a bottleneck as narrow ones.",
        "Make the hidden width C // r.",
        "hidden-constant",
        probes.ratio_is_the_same_everywhere,
        _with_gate(WidthIsRatio, widths=(16, 64)),
        partial(GatedNetwork, widths=(16, 64)),
    ),
    "no-hidden-unit": Specimen(
        "C // r = 0",
        "The reduction ratio is larger than the number of channels, so no hidden unit is left: all gates are constant.",
        "Use a smaller r, or max(1, C // r).",
        "hidden-empty",
        probes.hidden_units_exist,
        _with_gate(partial(ChannelGate, reduction=64)),
    ),
    "rounded-width": Specimen(
        "rounded hidden width",
        "The hidden width is round(C / r), which for some C is not C // r: other parameters than the paper's count.",
        "Use C // r, or say that you round.",
        "hidden-rounded",
        probes.hidden_width_is_rounded_down,
        _with_gate(partial(RoundedWidth, reduction=16), widths=(24, 88)),
        _with_gate(partial(ChannelGate, reduction=16), widths=(24, 88)),
    ),
    "one-bias": Specimen(
        "bias in one layer only",
        "One of the two layers of the excitation has a bias, the other has none.",
        "Give both a bias, as the released networks, or none, as the paper counts.",
        "bias-in-one",
        probes.both_layers_have_biases_or_none,
        _with_gate(OneBias),
    ),
    "relu-gate": Specimen(
        "ReLU as the gate",
        "The gates end in ReLU: they have no upper limit, and many are exactly 0 and learn nothing.",
        "End the excitation in a sigmoid.",
        "gate-relu",
        probes.gates_are_at_most_1,
        _with_gate(ReluGate),
    ),
    "no-gate-function": Specimen(
        "no gate function",
        "The second layer's output is the gate: it can be negative and has no limits.",
        "End the excitation in a sigmoid.",
        "gate-none",
        probes.gates_are_at_least_0,
        _with_gate(NoGateFunction),
    ),
    "softmax-gate": Specimen(
        "softmax over channels as the gate",
        "The gates of all channels sum to 1, so they compete, and each is about 1 / C: the branch nearly vanishes.",
        "Use a sigmoid, which lets each channel have its own gate.",
        "gate-softmax",
        probes.all_gates_can_open,
        _with_gate(SoftmaxGate),
    ),
    "fixed-pool": Specimen(
        "average pool of a fixed size",
        "The squeeze is a pool with a fixed window: it is global at one picture size only.",
        "Use x.mean((2, 3)) or nn.AdaptiveAvgPool2d(1).",
        "squeeze-not-global",
        probes.gates_see_the_last_corner,
        _with_gate(FixedPool),
    ),
    "wrong-axes": Specimen(
        "mean over the wrong axes",
        "The mean is over channels and rows, so what enters the excitation is one number a column, not a channel.",
        "Take the mean over height and width: x.mean((2, 3)).",
        "squeeze-mixes-channels",
        probes.order_of_columns_does_not_matter,
        _with_gate(RowMeans, widths=(16, 16)),
        _EQUAL_WIDTHS,
    ),
    "batch-mean": Specimen(
        "mean over the batch too",
        "The mean is over the pictures of the batch too, so a picture's gates depend on its neighbours.",
        "Take the mean over height and width only: x.mean((2, 3)).",
        "pictures-mixed",
        probes.a_picture_stands_alone,
        _with_gate(BatchMeans),
    ),
    "added-gates": Specimen(
        "gates added",
        "The gates are added to the maps instead of multiplied: they shift channels, and cannot shut any.",
        "Multiply: x * s.",
        "gates-added",
        probes.shut_gates_shut_the_channel,
        _with_gate(AddedGates),
    ),
    "no-return": Specimen(
        "forward without return",
        "The block computes x * s and does not return it, so the next layer gets None.",
        "Return x * s.",
        "returns-none",
        probes.something_is_returned,
        _with_gate(ForgottenReturn),
    ),
    "norm-after-gate": Specimen(
        "batch normalisation after the gate",
        "Batch normalisation behind the gate divides by each channel's standard deviation and so undoes the mean gate.",
        "Normalise first, then gate.",
        "norm-after-gate",
        probes.small_gates_make_a_small_branch,
        _with_unit(NormAfterGate),
    ),
    "convolution-bias": Specimen(
        "convolution bias before batch normalisation",
        "Batch normalisation subtracts each channel's mean, and with it the bias: it has no effect, and no gradient.",
        "Make the convolution with bias=False.",
        "bias-before-norm",
        probes.everything_gets_a_gradient,
        _with_unit(BiasedConvolutions),
    ),
    "gated-shortcut": Specimen(
        "SE on the identity branch",
        "The gates scale the shortcut instead of the residual branch (the paper's variant SE-Identity).",
        "For the standard block, gate the branch before the addition.",
        "place-identity",
        probes.shut_gates_leave_the_shortcut,
        _with_unit(GatedShortcut),
    ),
    "gated-sum": Specimen(
        "SE after the addition",
        "The gates scale the sum, so a shut gate shuts the shortcut too (the paper's variant SE-POST, its worst).",
        "For the standard block, gate the branch before the addition.",
        "place-post",
        probes.shut_gates_leave_the_shortcut,
        _with_unit(GatedSum),
    ),
    "relu-before-gate": Specimen(
        "ReLU before SE",
        "The branch ends in ReLU before it is gated, so it can only add to the shortcut and never take away.",
        "End the branch in batch normalisation, then gate, add, and apply ReLU to the sum.",
        "relu-before-gate",
        probes.the_branch_can_take_away,
        _with_unit(RectifiedBranch),
    ),
    "projected-shortcut": Specimen(
        "shortcut condition stride == 2 or in == out",
        "The shortcut has a convolution just where the shapes fit without one, and none where channels change alone.",
        "Project only if stride != 1 or in_channels != channels.",
        "shortcut-projected",
        probes.a_shortcut_that_fits_is_free,
        _with_unit(ProjectsWhereItFits, widths=(16, 16)),
        _EQUAL_WIDTHS,
    ),
    "wide-stem": Specimen(
        "stem that does not reduce",
        "Large pictures go through the first blocks at full size, which takes many times the memory.",
        "Use a 7x7 convolution of stride 2 and a pooling for pictures of 224x224.",
        "stem-keeps-size",
        probes.the_stem_reduces_large_pictures,
        partial(GatedNetwork, strides=(1, 2)),
        partial(ReducingStem, strides=(1, 2)),
        (3, 128, 128),
    ),
}
