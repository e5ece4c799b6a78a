"""Experiments on photographs of 32x32 pixels: small ones for a CPU, and the paper's kind for a GPU (Section 5.1)."""

from functools import partial

from torch import nn

from senet_lib.book.experiments.experiment import Experiment, ModelMaker
from senet_lib.book.experiments.gate_probe import probe_gates
from senet_lib.book.experiments.small_attentions import SMALL_ATTENTIONS
from senet_lib.data import pad_crop_flip
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from senet_lib.training import Recipe


def _se_at_most(reduction: int, channels: int) -> nn.Module:
    """SE with r, or with one hidden unit where there are fewer channels than r."""
    return SqueezeExcitation(channels, min(reduction, channels))


def _resnet56_over_ratios(*ratios: int) -> dict[str, ModelMaker]:
    with_se = {f"r={r}": partial(create_model, "resnet56", attention=partial(_se_at_most, r)) for r in ratios}
    return {"plain": partial(create_model, "resnet56"), **with_se}


_small = partial(Experiment, data="cifar10", batch_size=128, augment=pad_crop_flip)
# For a GPU, and long enough for SE to show: 40 epochs of SGD with one cycle, as short recipes for these pictures go.
_long = partial(
    Experiment,
    batch_size=512,
    recipe=Recipe(epochs=40, learning_rate=0.4, weight_decay=5e-4, optimiser="sgd", label_smoothing=0.1),
    augment=pad_crop_flip,
)
_over_ratios = partial(_long, arms=_resnet56_over_ratios(2, 4, 8, 16, 32), compare=("plain", "r=4"))

PHOTOGRAPHS = {
    "pictures": _small(
        title="Photographs of 32×32 pixels: ResNet-8, plain and with SE",
        recipe=Recipe(epochs=15, learning_rate=0.01),
        arms={"se": partial(create_model, "se_resnet8"), "plain": partial(create_model, "resnet8")},
        compare=("plain", "se"),
        also_keep=(("se", 0),),  # chapter 2 looks at its maps
    ),
    # SE first: a run that is cut off has what the page needs.
    "cifar10-gates": _small(
        title="Photographs of 32×32 pixels: what the gates of ResNet-20 say",
        recipe=Recipe(epochs=6, learning_rate=0.01),
        arms={
            "r=4": partial(create_model, "se_resnet20", reduction=4),
            "plain": partial(create_model, "resnet20"),
            "r=16": partial(create_model, "se_resnet20", reduction=16),
            "r=4, stages 1 and 2": partial(create_model, "se_resnet20", reduction=4, stages=(1, 2)),
        },
        compare=("plain", "r=4"),
        also_keep=(("r=4", 0), ("r=16", 0), ("plain", 0)),  # for the page
        probe=probe_gates,
    ),
    "cifar10-attention": _small(
        title="Photographs of 32×32 pixels: what came after SE, in ResNet-8",
        recipe=Recipe(epochs=5, learning_rate=0.01),
        arms={
            "plain": partial(create_model, "resnet8"),
            **{name: partial(create_model, "resnet8", attention=make) for name, make in SMALL_ATTENTIONS.items()},
        },
        compare=("plain", "se"),
    ),
    "cifar10-resnet56": _over_ratios(
        title="CIFAR-10: ResNet-56, plain and with SE of five reduction ratios", data="cifar10"
    ),
    "cifar100-resnet56": _over_ratios(
        title="CIFAR-100: ResNet-56, plain and with SE of five reduction ratios", data="cifar100"
    ),
    "cifar10-resnext50": _long(
        title="CIFAR-10: ResNeXt-50 with a stem for small pictures, plain and with SE",
        data="cifar10",
        arms={
            "plain": partial(create_model, "resnext50_32x4d", stem="3x3"),
            "se": partial(create_model, "se_resnext50_32x4d", stem="3x3"),
        },
        compare=("plain", "se"),
    ),
}
