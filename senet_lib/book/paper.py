"""Results that the paper prints, to put beside one's own: Hu, Shen, Albanie, Sun, Wu, arXiv 1709.01507, version 4.

Errors in percent, on one crop, where nothing else is said; ``AFTER_SE`` has accuracies that others print. Compare
within one table only: the tables have different training recipes, and so the paper has four different errors for
SE-ResNet-50 (Table 2, Table 10, a footnote and the released weights).
"""

from typing import NamedTuple


class Errors(NamedTuple):
    """Errors in percent: the first guess wrong, and none of the first five right (None where it is not printed)."""

    top1: float
    top5: float | None = None


class Pair(NamedTuple):
    """A network without and with SE (r = 16). Whether both were trained alike, the table decides."""

    plain: Errors
    with_se: Errors


class Ratio(NamedTuple):
    """SE-ResNet-50 with one reduction ratio; its parameters in millions, as printed."""

    errors: Errors
    millions: float


# Table 2: ImageNet. "plain" is the authors' own training ("re-implementation"), not the error of the first publication:
# both were trained alike.
IMAGENET = {
    "ResNet-50": Pair(Errors(24.80, 7.48), Errors(23.29, 6.62)),
    "ResNet-101": Pair(Errors(23.17, 6.52), Errors(22.38, 6.07)),
    "ResNet-152": Pair(Errors(22.42, 6.34), Errors(21.57, 5.73)),
    "ResNeXt-50": Pair(Errors(22.11, 5.90), Errors(21.10, 5.49)),
    "ResNeXt-101": Pair(Errors(21.18, 5.57), Errors(20.70, 5.01)),
    "VGG-16 with BatchNorm": Pair(Errors(27.02, 8.81), Errors(25.22, 7.70)),
    "BN-Inception": Pair(Errors(25.38, 7.89), Errors(24.23, 7.14)),
    "Inception-ResNet-v2": Pair(Errors(20.37, 5.21), Errors(19.80, 4.79)),
}
# Tables 4 and 5: "plain" is headed "original", an error that others had published. The two were not trained alike.
CIFAR10 = {
    "ResNet-110": Pair(Errors(6.37), Errors(5.21)),
    "ResNet-164": Pair(Errors(5.46), Errors(4.39)),
    "WRN-16-8": Pair(Errors(4.27), Errors(3.88)),
}
CIFAR100 = {
    "ResNet-110": Pair(Errors(26.88), Errors(23.85)),
    "ResNet-164": Pair(Errors(24.33), Errors(21.31)),
    "WRN-16-8": Pair(Errors(20.43), Errors(19.14)),
}
# Table 10: SE-ResNet-50 on ImageNet, without biases in the SE blocks; and the ResNet-50 of that table.
REDUCTION = {
    2: Ratio(Errors(22.29, 6.00), 45.7),
    4: Ratio(Errors(22.25, 6.09), 35.7),
    8: Ratio(Errors(22.26, 5.99), 30.7),
    16: Ratio(Errors(22.28, 6.03), 28.1),
    32: Ratio(Errors(22.72, 6.20), 26.9),
}
REDUCTION_PLAIN = Ratio(Errors(23.30, 6.55), 25.6)
# Tables 12 and 16: the same network with other gates, and with gates that each place makes for itself.
EXCITATION = {"sigmoid": Errors(22.28, 6.03), "tanh": Errors(23.00, 6.38), "ReLU": Errors(23.47, 6.98)}
NO_SQUEEZE = {
    "without SE": REDUCTION_PLAIN.errors,
    "without squeeze": Errors(22.93, 6.39),
    "with SE": REDUCTION[16].errors,
}


class Small(NamedTuple):
    """A network for phones, without and with SE: errors, parameters in millions, and MACs in millions, as printed."""

    errors: Pair
    millions: tuple[float, float]
    megaflops: tuple[int, int]


class Precision(NamedTuple):
    """Average precision in percent: at an overlap of one half, and over several overlaps (COCO's own measure)."""

    ap50: float
    ap: float


# Table 3: ImageNet.
MOBILE = {
    "MobileNet": Small(Pair(Errors(28.4, 9.4), Errors(25.3, 7.7)), (4.2, 4.7), (569, 572)),
    "ShuffleNet": Small(Pair(Errors(32.6, 12.5), Errors(31.0, 11.1)), (1.8, 2.4), (140, 142)),
}
# Table 6: scenes, Places365.
PLACES365 = {"ResNet-152": Pair(Errors(41.15, 11.61), Errors(40.37, 11.01))}
# Table 7: objects and their boxes, Faster R-CNN on COCO; without and with SE. More is better.
COCO = {
    "ResNet-50": (Precision(57.9, 38.0), Precision(61.0, 40.4)),
    "ResNet-101": (Precision(60.1, 39.9), Precision(62.7, 41.9)),
}
# The entry to the last ImageNet challenge: several networks together, many crops, on its test pictures.
ILSVRC_TOP5 = 2.251


class Published(NamedTuple):
    """Accuracy in percent that others have printed, on one crop of ImageNet."""

    network: str
    top1: float
    source: str


# ResNet-50 with what came after SE. Only the rows with the same source are one comparison. ECA's ImageNet table sets
# SE, CBAM and ECA side by side, but takes the first two over from their own papers (its Section 4.2.2).
AFTER_SE = (
    Published("ResNet-50", 75.20, "SE, Table 2"),
    Published("with SE", 76.71, "SE, Table 2"),
    Published("with SE", 76.86, "CBAM (arXiv 1807.06521)"),
    Published("with CBAM", 77.34, "CBAM (arXiv 1807.06521)"),
    Published("with ECA", 77.48, "ECA-Net (arXiv 1910.03151), own recipe"),
    Published("with GC", 77.70, "GCNet (arXiv 1904.11492), own recipe"),
    Published("with SimAM", 77.45, "SimAM (ICML 2021), own recipe"),
    Published("ResNet-50", 80.38, "timm, recipe A1"),
    Published("with SE", 80.01, "timm, recipe A1"),
    Published("ResNet-50", 79.83, "timm, recipe A2"),
    Published("with SE", 80.10, "timm, recipe A2"),
    Published("ResNet-50", 78.05, "timm, recipe A3"),
    Published("with SE", 77.04, "timm, recipe A3"),
)
