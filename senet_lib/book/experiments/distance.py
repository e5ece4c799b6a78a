"""How far does a network see, and how long does it take to find what is far? Experiments in the Distance World.

Plain networks of 2, 4 and 6 blocks reach 17, 33 and 49 pixels on paper. The cue stands at six distances: near ones that
a field holds whole, farther ones that it only touches, and one that it cannot touch.
"""

from functools import partial
from typing import Any

import torch
from torch import nn

from senet_lib.book.experiments.experiment import Experiment, ModelMaker
from senet_lib.book.experiments.small_attentions import SMALL_ATTENTIONS
from senet_lib.book.experiments.small_worlds import small_resnet_of
from senet_lib.common.torch_modules import evaluating
from senet_lib.cost.receptive_field import effective_field
from senet_lib.data.context_world import SIZE, SOLVED
from senet_lib.networks.models import ResNet, create_model
from senet_lib.networks.squeeze_excitation import NoSqueeze
from senet_lib.training import Recipe

GAPS = (1, 4, 8, 12, 16, 20)
CONTROL_GAP = 12
NOISE_PICTURES = 64
SHARES = (0.5, 0.9, 0.99)


def measure_field(model: Any) -> dict[str, Any]:
    """How wide the middle unit of the last feature map really looks, on pictures of noise.

    Returns:
        "field": for each of ``SHARES``, as text, the side in pixels of the smallest square around the middle that holds
        so much of the influence.
    """
    noise = torch.randn(NOISE_PICTURES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with evaluating(model):
        influence = effective_field(model.features, noise)
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    from_middle = torch.maximum(abs(rows - SIZE // 2), abs(columns - SIZE // 2))
    within = torch.stack([influence[from_middle <= reach].sum() for reach in range(SIZE // 2 + 1)]) / influence.sum()
    return {"field": {str(share): 2 * int((within < share).sum()) + 1 for share in SHARES}}


def _with_strides(first: int, second: int) -> ModelMaker:
    """The small network with other strides of its two stages."""
    return partial(ResNet, (1, 1), (16, 32), (first, second), num_classes=4)


def _dilated(num_classes: int = 4, in_channels: int = 3) -> nn.Module:
    """The small network, the 3x3 convolutions of its last block dilated by 2: a field of 25 pixels."""
    model = create_model("small_resnet", num_classes=num_classes, in_channels=in_channels)
    for module in model.get_submodule("layer2").modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            module.dilation, module.padding = (2, 2), (2, 2)
    return model


def _with_two_layer_head(num_classes: int = 4, in_channels: int = 3) -> nn.Module:
    """The small network whose classifier has a hidden layer, so that it can multiply what the means say."""
    model = create_model("small_resnet", num_classes=num_classes, in_channels=in_channels)
    head = nn.Sequential(nn.Linear(model.fc.in_features, 64), nn.ReLU(), nn.Linear(64, num_classes))
    model.set_submodule("fc", head)
    return model


_PLAIN = {
    "plain, 2 blocks": partial(create_model, "small_resnet"),
    "plain, 4 blocks": partial(small_resnet_of, depths=(2, 2)),
    "plain, 6 blocks": partial(small_resnet_of, depths=(3, 3)),
}
_at = partial(Experiment, batch_size=32, epoch_probe=measure_field)
_short = partial(_at, recipe=Recipe(epochs=6, learning_rate=0.005))
_patient = partial(_at, recipe=Recipe(epochs=60, learning_rate=0.002, schedule="constant"), stop_at=SOLVED)

DISTANCES = {
    **{
        f"distance-{gap}": _short(
            title=f"Distance World, gap {gap}: two, four and six blocks, and two with SE",
            data=f"distance-world:{gap}",
            arms={"SE, 2 blocks": partial(create_model, "se_small_resnet"), **_PLAIN},
            compare=("plain, 2 blocks", "SE, 2 blocks"),
        )
        for gap in GAPS
    },
    **{
        f"distance-{gap}-patient": _patient(
            title=f"Distance World, gap {gap}: how long plain networks take",
            data=f"distance-world:{gap}",
            arms=_PLAIN,
            compare=("plain, 2 blocks", "plain, 6 blocks"),
        )
        for gap in GAPS
    },
    "distance-controls": _short(
        title=f"Distance World, gap {CONTROL_GAP}: other ways to look far, or to gate",
        data=f"distance-world:{CONTROL_GAP}",
        arms={
            "stride 4": _with_strides(4, 1),
            "dilation 2": _dilated,
            "gates without squeeze": partial(create_model, "small_resnet", attention=partial(NoSqueeze, reduction=4)),
            "squeezed vector added (GC)": partial(create_model, "small_resnet", attention=SMALL_ATTENTIONS["gc"]),
            "two-layer head": _with_two_layer_head,
            "ResNet-20": partial(create_model, "resnet20"),
        },
        compare=("gates without squeeze", "two-layer head"),
    ),
}
