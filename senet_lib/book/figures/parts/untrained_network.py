"""A small network that nobody has trained, for the examples of figures that run one in the page."""

import numpy as np

from senet_lib.book.draws import normal_draws


def untrained_network(
    widths: tuple[int, ...] = (8, 12), reduction: int = 4, classes: int = 4, stride: int = 2
) -> dict[str, np.ndarray]:
    """A stem and one block with SE a width, as ``network_arrays`` gives them; weights drawn by He's rule.

    Args:
        widths: channels of each block's stage.
        reduction: r of the SE blocks. Their gates differ in sight.
        classes: outputs of the last layer.
        stride: of the first block; the others have 1.
    """
    seeds = iter(range(1, 100))

    def draw(*shape: int, size: float = 1.0) -> np.ndarray:
        fan_in = max(1, int(np.prod(shape[1:])))
        return normal_draws(next(seeds), int(np.prod(shape))).reshape(shape) * np.float32(size * (2 / fan_in) ** 0.5)

    def layer(name: str, *shape: int, size: float = 1.0) -> dict[str, np.ndarray]:
        return {f"{name}.weight": draw(*shape, size=size), f"{name}.bias": draw(shape[0], size=0.1)}

    arrays = {"mean": np.full(3, 0.06, np.float32), "std": np.full(3, 0.24, np.float32)}
    arrays |= layer("conv1", widths[0], 3, 3, 3)
    inputs = widths[0]
    for stage, width in enumerate(widths, start=1):
        name = f"layer{stage}.0"
        arrays[f"{name}.stride"] = np.array([stride if stage == 1 else 1])
        arrays |= layer(f"{name}.conv1", width, inputs, 3, 3) | layer(f"{name}.conv2", width, width, 3, 3)
        arrays |= layer(f"{name}.downsample", width, inputs, 1, 1)
        arrays |= layer(f"{name}.attention.fc1", width // reduction, width, size=3)
        arrays |= layer(f"{name}.attention.fc2", width, width // reduction, size=3)
        inputs = width
    return arrays | layer("fc", classes, inputs)
