"""Which network a state dict belongs to, from its names and shapes."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from senet_lib.networks.architectures import ARCHITECTURES
from senet_lib.networks.models import ResNet
from senet_lib.networks.residual_blocks import Bottleneck


def family_of(state: Mapping[str, Tensor]) -> str | None:
    """The name for ``create_model`` whose blocks have these names and shapes; None if there is none.

    Args:
        state: with our names; see ``senet_lib.weights.timm_weights.from_timm``.
    """
    depths = _depths(list(state))
    has_se = any(".attention.fc1" in key for key in state)
    for name, architecture in ARCHITECTURES.items():
        is_bottleneck = architecture.block is Bottleneck
        if architecture.depths != depths or is_bottleneck != ("layer1.0.conv3.weight" in state):
            continue
        options = architecture.block_options
        groups, width = options.get("groups", 1), options.get("width_per_group", 64)
        channels = groups * width if is_bottleneck else architecture.widths[0]
        if tuple(state["layer1.0.conv2.weight"].shape[:2]) == (channels, channels // groups):
            return f"se_{name}" if has_se else name
    return None


def family_of_model(model: nn.Module) -> str | None:
    """The same of a network."""
    return family_of(model.state_dict()) if isinstance(model, ResNet) else None


def _depths(names: Sequence[str]) -> tuple[int, ...]:
    """How many blocks each stage has."""
    stages: dict[str, set[str]] = {}
    for name in names:
        parts = name.split(".")
        if parts[0].removeprefix("layer").isdigit() and len(parts) > 2:
            stages.setdefault(parts[0], set()).add(parts[1])
    return tuple(len(stages[stage]) for stage in sorted(stages))
