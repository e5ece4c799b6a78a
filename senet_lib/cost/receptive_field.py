"""How much of the picture a unit sees: computed from the layers, and measured with gradients.

Sources: Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks" (Distill, 2019,
doi 10.23915/distill.00021), for the recursion; Luo et al., "Understanding the Effective Receptive Field in Deep
Convolutional Neural Networks" (arXiv 1701.04128), for the measurement.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from senet_lib.common.validation import require_whole


@dataclass(frozen=True)
class Layer:
    """A convolution or pooling layer, along one axis. Sizes are in the layer's own input pixels, at least 1."""

    kernel: int
    stride: int = 1
    dilation: int = 1

    def __post_init__(self) -> None:
        for name in ("kernel", "stride", "dilation"):
            require_whole(name, getattr(self, name))


@dataclass(frozen=True)
class Field:
    """What a unit sees after some layers, in pixels of the picture.

    Attributes:
        size: width of the window that can reach the unit.
        jump: distance between the windows of two neighbouring units.
    """

    size: int = 1
    jump: int = 1


def grow(field: Field, layer: Layer) -> Field:
    """The field after one more layer: each further tap of the kernel adds one jump (times the dilation)."""
    return Field(
        size=field.size + (layer.kernel - 1) * layer.dilation * field.jump,
        jump=field.jump * layer.stride,
    )


def receptive_field(layers: Iterable[Layer]) -> list[Field]:
    """The field before the first layer and after each layer; the last entry is the answer."""
    fields = [Field()]
    for layer in layers:
        fields.append(grow(fields[-1], layer))
    return fields


def main_path(model: nn.Module) -> list[Layer]:
    """The convolutions of a residual network, in the order of its main path, without the shortcuts' projections.

    Of each layer it takes the vertical axis. Modules must stand in the order in which they run, as in torchvision's
    ResNets and ours; pooling layers are left out.
    """
    return [
        Layer(module.kernel_size[0], module.stride[0], module.dilation[0])
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and "downsample" not in name
    ]


def effective_field(features: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """How strongly each pixel moves the middle unit of a feature map: the mean size of its gradient.

    Args:
        features: maps pictures (B, C, H, W) to feature maps (B, K, H', W'), for example ``model.features`` of a
            model in evaluation mode (in training mode, batch normalisation would connect all pixels).
        pictures: (B, C, H, W), floating point.

    Returns:
        (H, W), at least 0. Averaged over pictures, summed over colour channels, of the sum of all K feature channels.
    """
    pictures = pictures.detach().requires_grad_()
    maps = features(pictures)
    middle = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2]
    (gradient,) = torch.autograd.grad(middle.sum(), pictures)
    return gradient.abs().sum(1).mean(0)
