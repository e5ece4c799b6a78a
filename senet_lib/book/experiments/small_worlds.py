"""Experiments in the Context World: what must a network have to use what lies outside its receptive field?

Each takes half a minute a network on one core of a CPU. Beside them stand the Pair World, and scikit-learn's digits:
what a digit is, its strokes say, so nothing but chance should part two networks, and the record shows how far it does.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from senet_lib.book.experiments.experiment import Experiment, ModelMaker
from senet_lib.book.experiments.gate_probe import probe_gates
from senet_lib.book.experiments.small_attentions import SMALL_ATTENTIONS
from senet_lib.networks.models import ResNet, create_model
from senet_lib.networks.squeeze_excitation import NoSqueeze, SqueezeExcitation
from senet_lib.training import Recipe


def small_resnet_of(
    depths: tuple[int, int],
    attention: Callable[[int], nn.Module] | None = None,
    num_classes: int = 4,
    in_channels: int = 3,
) -> nn.Module:
    """The small network with other numbers of blocks."""
    return ResNet(depths, (16, 32), (2, 1), num_classes=num_classes, in_channels=in_channels, attention=attention)


def _gated_by(gate: Callable[[], nn.Module]) -> ModelMaker:
    """The small network with another function at the end of the excitation."""
    return partial(create_model, "small_resnet", attention=partial(SqueezeExcitation, reduction=4, gate=gate))


def _narrow(hidden: int, init: str) -> ModelMaker:
    """The small network with so many hidden units in its first SE block; the weights of both blocks by He's rule, or
    as PyTorch draws them."""

    def excitation(channels: int) -> nn.Module:
        return SqueezeExcitation(channels, reduction=channels // hidden if channels == 16 else 4)

    def make(num_classes: int = 4, in_channels: int = 3) -> nn.Module:
        model = create_model("small_resnet", attention=excitation, num_classes=num_classes, in_channels=in_channels)
        if init == "PyTorch":
            for block in model.modules():
                if isinstance(block, SqueezeExcitation):
                    block.fc1.reset_parameters()
                    block.fc2.reset_parameters()
        return model

    return make


def _one_hidden_unit(channels: int) -> nn.Module:
    """SE whose hidden layer is a single number, whatever the number of channels: the largest r there is."""
    return SqueezeExcitation(channels, reduction=channels)


_in_context_world = partial(
    Experiment, data="context-world", batch_size=32, recipe=Recipe(epochs=6, learning_rate=0.005)
)

CONTEXT_WORLD = {
    "context-world": _in_context_world(
        title="Context World: a small residual network, plain and with SE",
        arms={"plain": partial(create_model, "small_resnet"), "se": partial(create_model, "se_small_resnet")},
        compare=("plain", "se"),
    ),
    "context-world-reduction": _in_context_world(
        title="Context World: the reduction ratio r",
        arms={
            "plain": partial(create_model, "small_resnet"),
            **{f"r={r}": partial(create_model, "se_small_resnet", reduction=r) for r in (1, 2, 4, 8, 16)},
        },
        compare=("r=16", "r=1"),
        keep_weights=True,
        also_keep=(("r=16", 2),),  # it got stuck: chapter 9 looks inside
    ),
    "context-world-bottleneck": _in_context_world(
        title="Context World: one hidden unit in every SE block",
        arms={
            "both blocks": partial(create_model, "small_resnet", attention=_one_hidden_unit),
            "first block only": partial(create_model, "small_resnet", attention=_one_hidden_unit, stages=(1,)),
            "second block only": partial(create_model, "small_resnet", attention=_one_hidden_unit, stages=(2,)),
        },
        compare=("second block only", "both blocks"),
    ),
    "context-world-narrow": _in_context_world(
        title="Context World: how often a narrow bottleneck fails",
        arms={f"{hidden} hidden, {init}": _narrow(hidden, init) for init in ("He", "PyTorch") for hidden in (1, 2, 4)},
        compare=("1 hidden, He", "4 hidden, He"),
    ),
    "context-world-placement": _in_context_world(
        title="Context World: where SE stands in a block",
        arms={
            place: partial(create_model, "se_small_resnet", placement=place)
            for place in ("standard", "pre", "post", "identity")
        },
        compare=("standard", "post"),
    ),
    "context-world-squeeze": _in_context_world(
        title="Context World: what gathers the map",
        arms={
            "average": partial(create_model, "se_small_resnet"),
            "maximum": partial(create_model, "se_small_resnet", squeeze="max"),
            "none": partial(create_model, "small_resnet", attention=partial(NoSqueeze, reduction=4)),
        },
        compare=("none", "average"),
    ),
    "context-world-gate": _in_context_world(
        title="Context World: the function that ends the excitation",
        arms={
            "sigmoid": partial(create_model, "se_small_resnet"),
            "tanh": _gated_by(nn.Tanh),
            "ReLU": _gated_by(nn.ReLU),
        },
        compare=("ReLU", "sigmoid"),
    ),
    "context-world-depth": _in_context_world(
        title="Context World: more blocks instead of SE",
        arms={
            "plain, 4 blocks": partial(small_resnet_of, depths=(2, 2)),
            "SE, 4 blocks": partial(small_resnet_of, depths=(2, 2), attention=partial(SqueezeExcitation, reduction=4)),
            "plain, 6 blocks": partial(small_resnet_of, depths=(3, 3)),
        },
        compare=("plain, 4 blocks", "SE, 4 blocks"),
    ),
    "context-world-gates": _in_context_world(
        title="Context World: what the gates say",
        arms={
            "r=4": partial(create_model, "se_small_resnet"),
            "plain": partial(create_model, "small_resnet"),
            "r=4, stage 1 only": partial(create_model, "se_small_resnet", stages=(1,)),
            "r=4, stage 2 only": partial(create_model, "se_small_resnet", stages=(2,)),
        },
        compare=("r=4, stage 1 only", "r=4"),
        probe=probe_gates,
    ),
    "context-world-attention": _in_context_world(
        title="Context World: what came after SE",
        arms={
            "plain": partial(create_model, "small_resnet"),
            **{name: partial(create_model, "small_resnet", attention=make) for name, make in SMALL_ATTENTIONS.items()},
        },
        compare=("plain", "se"),
    ),
}

# A kinder recipe than the Context World's: here excitations must learn more than a threshold.
PAIR_WORLD = {
    "pair-world": Experiment(
        data="pair-world",
        batch_size=32,
        recipe=Recipe(epochs=12, learning_rate=0.005),
        title="Pair World: gates that must combine channels",
        arms={
            "plain": partial(create_model, "small_resnet"),
            "se, r=4": partial(create_model, "se_small_resnet"),
            **{
                name: partial(create_model, "small_resnet", attention=SMALL_ATTENTIONS[name])
                for name in ("ge", "eca", "ese")
            },
            "se, r=1": partial(create_model, "se_small_resnet", reduction=1),
        },
        compare=("ge", "se, r=4"),
    ),
}

_on_digits = partial(Experiment, data="digits", batch_size=32, recipe=Recipe(epochs=6, learning_rate=0.005))

DIGITS = {
    "digits": _on_digits(
        title="Digits of 8×8 pixels: a small residual network, plain and with SE",
        arms={"plain": partial(create_model, "small_resnet"), "se": partial(create_model, "se_small_resnet")},
        compare=("plain", "se"),
    ),
    "digits-gates": _on_digits(
        title="Digits of 8×8 pixels: what the gates say",
        arms={"se": partial(create_model, "se_small_resnet"), "plain": partial(create_model, "small_resnet")},
        compare=("plain", "se"),
        probe=probe_gates,
    ),
}
