"""The residual networks by name, as settings: blocks, depths, widths, stem.

Sources: He et al. (arXiv 1512.03385), Table 1 on ImageNet and Section 4.2 on CIFAR; Xie et al. (arXiv 1611.05431) for
ResNeXt; Zagoruyko and Komodakis (arXiv 1605.07146) for the wide ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from senet_lib.networks.residual_blocks import BasicBlock, Bottleneck


@dataclass(frozen=True)
class Architecture:
    """The settings that define a residual network. Most are arguments of ``ResNet``."""

    block: type[BasicBlock] | type[Bottleneck]  # the class of its blocks
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    strides: tuple[int, ...]
    num_classes: int
    stem: str = "3x3"
    stem_channels: int | None = None
    block_options: Mapping[str, int] = field(default_factory=dict)  # of each block, such as its groups
    reduction: int = 16  # r of the SE blocks, if you choose none


def _on_imagenet(block: type[BasicBlock] | type[Bottleneck], *depths: int, **options: int) -> Architecture:
    widths = tuple((64 if block is BasicBlock else 256) << stage for stage in range(4))
    return Architecture(block, depths, widths, (1, 2, 2, 2), 1000, "7x7", 64, options)


def _on_cifar(depth: int) -> Architecture:
    """depth = 6n + 2: three stages of n blocks with two convolutions each, the stem, and the linear layer."""
    return Architecture(BasicBlock, ((depth - 2) // 6,) * 3, (16, 32, 64), (1, 2, 2), 10)


ARCHITECTURES: dict[str, Architecture] = {
    "resnet18": _on_imagenet(BasicBlock, 2, 2, 2, 2),
    "resnet34": _on_imagenet(BasicBlock, 3, 4, 6, 3),
    "resnet50": _on_imagenet(Bottleneck, 3, 4, 6, 3),
    "resnet101": _on_imagenet(Bottleneck, 3, 4, 23, 3),
    "resnet152": _on_imagenet(Bottleneck, 3, 8, 36, 3),
    "resnext50_32x4d": _on_imagenet(Bottleneck, 3, 4, 6, 3, groups=32, width_per_group=4),
    "resnext101_32x4d": _on_imagenet(Bottleneck, 3, 4, 23, 3, groups=32, width_per_group=4),
    "resnext101_32x8d": _on_imagenet(Bottleneck, 3, 4, 23, 3, groups=32, width_per_group=8),
    "resnext101_64x4d": _on_imagenet(Bottleneck, 3, 4, 23, 3, groups=64, width_per_group=4),
    "wide_resnet50_2": _on_imagenet(Bottleneck, 3, 4, 6, 3, width_per_group=128),
    "wide_resnet101_2": _on_imagenet(Bottleneck, 3, 4, 23, 3, width_per_group=128),
    "resnet20": _on_cifar(20),
    "resnet32": _on_cifar(32),
    "resnet44": _on_cifar(44),
    "resnet56": _on_cifar(56),
    "resnet110": _on_cifar(110),
    # The smallest of the kind for 32x32 pictures: one block a stage.
    "resnet8": replace(_on_cifar(8), reduction=4),
    # The book's laboratory network. Each unit of its last feature map sees 17x17 pixels of the picture, no more.
    "small_resnet": Architecture(BasicBlock, (1, 1), (16, 32), (2, 1), 4, reduction=4),
}
