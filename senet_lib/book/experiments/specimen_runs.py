"""What each fault of the specimens does to training, beside its sound twin; and what people ask about SE.

The Context World needs the gates, digits do not: a fault may show in one and not in the other.
"""

from functools import partial

from torch import nn

from senet_lib.book.experiments.experiment import Experiment, ModelMaker
from senet_lib.doctor.specimens import SPECIMENS
from senet_lib.doctor.specimens.specimen_networks import ChannelGate, GatedNetwork, RoundedWidth
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from senet_lib.training import Recipe

SOUND = "sound"
# One does not run at all; the other is a question of memory, on larger pictures.
NOT_TRAINED = ("no-return", "wide-stem")
# These two fit maps of 16x16 only.
NOT_ON_DIGITS = ("fixed-pool", "wrong-axes")

_trained = partial(Experiment, batch_size=32, recipe=Recipe(epochs=6, learning_rate=0.005))


def twin_of(name: str) -> str:
    """The arm of a specimen's sound twin: most have the same one."""
    make = SPECIMENS[name].make_sound
    if make is GatedNetwork:
        return SOUND
    first = next(other for other, specimen in SPECIMENS.items() if specimen.make_sound is make)
    return f"{first}, {SOUND}"


def _arms(*left_out: str) -> dict[str, ModelMaker]:
    """Each specimen, behind its sound twin if that is not there yet."""
    arms: dict[str, ModelMaker] = {}
    for name, specimen in SPECIMENS.items():
        if name not in left_out:
            arms |= {twin_of(name): specimen.make_sound, name: specimen.make_faulty}
    return arms


def _of_convolutions(channels: int) -> nn.Module:
    """torchvision's, which has 1x1 convolutions for the two layers."""
    import torchvision  # more than a second, which nobody who lists or reports experiments should wait

    return torchvision.ops.SqueezeExcitation(channels, channels // 4)


def _of_width(gate: ModelMaker) -> ModelMaker:
    """The specimens' network, with numbers of channels that r does not divide."""
    return partial(GatedNetwork, widths=(24, 88), gate=gate)


QUESTIONS: dict[str, ModelMaker] = {
    "linear layers": partial(create_model, "se_small_resnet"),
    "1x1 convolutions": partial(create_model, "small_resnet", attention=_of_convolutions),
    "no bias": partial(create_model, "small_resnet", attention=partial(SqueezeExcitation, reduction=4, bias=False)),
    "C // r": _of_width(partial(ChannelGate, reduction=16)),
    "C / r rounded": _of_width(partial(RoundedWidth, reduction=16)),
    "multiple of 8": _of_width(partial(SqueezeExcitation, reduction=16, hidden_multiple=8)),
}

SPECIMEN_EXPERIMENTS = {
    "context-world-specimens": _trained(
        title="Context World: faults of copied code, beside their sound twins",
        data="context-world",
        arms=_arms(*NOT_TRAINED),
        compare=(SOUND, "batch-mean"),
    ),
    "digits-specimens": _trained(
        title="Digits of 8×8 pixels: faults of copied code, beside their sound twins",
        data="digits",
        arms=_arms(*NOT_TRAINED, *NOT_ON_DIGITS),
        compare=(SOUND, "softmax-output"),
    ),
    "context-world-questions": _trained(
        title="Context World: convolution or linear, bias or not, and how C / r is rounded",
        data="context-world",
        arms=QUESTIONS,
        compare=("linear layers", "1x1 convolutions"),
    ),
    "digits-questions": _trained(
        title="Digits of 8×8 pixels: convolution or linear, bias or not, and how C / r is rounded",
        data="digits",
        arms=QUESTIONS,
        compare=("linear layers", "1x1 convolutions"),
    ),
}
