"""From C squeezed numbers through a bottleneck to C gates, with its weights and their count (equation 3)."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from senet_lib.book.draws import normal_draws, uniform_draws
from senet_lib.book.figures.figure import Array, Arrays, Asking, Figure
from senet_lib.book.plots import COLOURS as QUANTITY_COLOURS
from senet_lib.data.context_world import COLOURS, ContextWorld

NEW_CHANNELS = (64, 128, 256, 512, 1024, 2048)
NEW_REDUCTIONS = (2, 4, 8, 16, 32)  # those of the paper's Table 10
POOL = 2**15
FIRST_Z_SEED = 100_000
# As in the page: negative, nothing, positive.
SIGNED = LinearSegmentedColormap.from_list("signed", ["#D55E00", "#F4F5F7", "#565E6A"])
GATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": lambda t: 1 / (1 + np.exp(-t)),
    "tanh": np.tanh,
    "ReLU": lambda t: np.maximum(0, t),
}


class ExcitationExplorer(Asking, Figure):
    """z -> hidden -> s on trained weights, and on new ones for widths that no network of the book has.

    With ``asks``, the gates wait for a guess: how many of them move with one bar of z?

    Attributes:
        trained: for each number of channels C and each reduction ratio r that was trained, five float arrays:
            "C.r.w1" (C//r, C), "C.r.b1" (C//r,), "C.r.w2" (C, C//r), "C.r.b2" (C,) and "C.r.z" (K, C), the squeezed
            numbers that K pictures have in front of this block. Example of a name: "16.4.w1".
        source: where the trained weights come from, as it continues "Trained weights, ...".
        pictures: uint8 (K, 3, H, W), those that z is of.
        picture_names: K names for the menu.
        channels: C, one that was trained, or 64, 128, ... 2048 for a new block. The reader moves it.
        reduction: r, one that was trained with C, or 2, 4, 8, 16, 32 for a new block. The reader moves it.
        gate: "sigmoid", "tanh" or "ReLU". The reader moves it.
        picture: index of the picture, or of the draw of z for a new block, 0 to K - 1. The reader moves it.
        scale: what z is multiplied by, 0 to 1.5. The reader moves it.
        moved: the bars of z that the reader has dragged: from a channel, as text, to its z. Another z
            empties it.
        channel: index of the gate whose sum is written out, 0 to C - 1. The reader points at it.
    """

    title = "From squeezed numbers to gates"
    description = (
        "Bars for the squeezed numbers z, the first matrix as a wide map, bars for the few hidden units, the second "
        "matrix as a high map, and bars for the gates s."
    )
    trained = Arrays()
    source = traitlets.Unicode("from Python").tag(sync=True)
    pictures = Array()
    picture_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    channels = traitlets.Int(16).tag(sync=True)
    reduction = traitlets.Int(4).tag(sync=True)
    gate = traitlets.Unicode("sigmoid").tag(sync=True)
    picture = traitlets.Int(0).tag(sync=True)
    scale = traitlets.Float(1.0).tag(sync=True)
    moved = traitlets.Dict().tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)

    @classmethod
    def example(cls) -> "ExcitationExplorer":
        world = ContextWorld.generate(count=3, seed=1)
        trained: dict[str, np.ndarray] = {}
        for channels, reductions in ((8, (1, 2, 4)), (16, (1, 4, 16))):
            for reduction in reductions:
                seed = 10 * channels + reduction
                hidden = channels // reduction
                parts = {"w1": (hidden, channels), "b1": (hidden,), "w2": (channels, hidden), "b2": (channels,)}
                for number, (part, shape) in enumerate({**parts, "z": (3, channels)}.items()):
                    draws = normal_draws(5 * seed + number, int(np.prod(shape))).reshape(shape)
                    trained[f"{channels}.{reduction}.{part}"] = draws
        return cls(
            trained=trained,
            source="or rather numbers that stand in for them",
            pictures=world.pictures,
            picture_names=[f"{number}: {COLOURS[one.cue_colour]} cue" for number, one in enumerate(world.scenes)],
            channel=2,
            caption="Move r. Which number shrinks with it, and which bars stay as many as they are?",
        )

    def draw_still(self) -> Any:
        w1, b1, w2, b2, z = self._block()
        z = self.scale * z
        for channel, value in self.moved.items():
            z[int(channel)] = value
        hidden = np.maximum(0, w1 @ z + b1)
        gates = GATES[self.gate](w2 @ hidden + b2)
        figure, axes = plt.subplots(1, 5, figsize=(7, 2.6), layout="constrained")
        count = f"{len(z):,}"
        _bars(axes[0], z, QUANTITY_COLOURS["z"], f"z: {count} numbers")
        _matrix(axes[1], w1, f"W₁: {len(hidden):,} × {count}")
        _bars(axes[2], hidden, QUANTITY_COLOURS["plain"], f"hidden: {len(hidden):,}")
        _matrix(axes[3], w2, f"W₂: {count} × {len(hidden):,}")
        _bars(axes[4], gates, QUANTITY_COLOURS["s"], f"gates s: {count}")
        figure.supxlabel(f"C = {count}, r = {self.reduction}: {2 * w1.size:,} weights", fontsize=9)
        return figure

    def _block(self) -> tuple[np.ndarray, ...]:
        """w1, b1, w2, b2 and z as the state has them."""
        name = f"{self.channels}.{self.reduction}"
        if f"{name}.w1" not in self.trained:
            if self.channels not in NEW_CHANNELS or self.reduction not in NEW_REDUCTIONS:
                raise KeyError(name)  # there is no such block to draw; the live figure says so
            return *new_block(self.channels, self.reduction), new_z(self.channels, self.picture)
        w1, b1, w2, b2, z = (self.trained[f"{name}.{part}"] for part in ("w1", "b1", "w2", "b2", "z"))
        return w1, b1, w2, b2, z[self.picture]


def new_block(channels: int, reduction: int) -> tuple[np.ndarray, ...]:
    """A block that has learned nothing, as the page makes it: He's normal weights, biases of 0.

    Hidden number k has the same draws for each r. Only their size changes, as He's rule demands.

    Returns:
        w1 (C//r, C), b1 (C//r,), w2 (C, C//r) and b2 (C,), float32.
    """
    hidden = channels // reduction
    draws = normal_draws(0, POOL)
    pool = np.concatenate([draws, -draws])

    places = np.stack([uniform_draws(1 + k, channels) * 2 * POOL for k in range(hidden)])  # (C//r, C)
    w1 = pool[places.astype(int)] * np.sqrt(2 / channels)
    w2 = pool[(places % 1 * 2 * POOL).astype(int)].T * np.sqrt(2 / hidden)
    return w1.astype(np.float32), np.zeros(hidden, np.float32), w2.astype(np.float32), np.zeros(channels, np.float32)


def new_z(channels: int, draw: int) -> np.ndarray:
    """Squeezed numbers for a new block: float32 (C,), standard normal, another draw for each picture's index."""
    return normal_draws(FIRST_Z_SEED + draw, channels)


def _bars(ax: Axes, values: np.ndarray, colour: str, title: str) -> None:
    ax.bar(range(len(values)), values, color=colour, width=0.8)
    ax.axhline(0, color="#1A1A2E", linewidth=0.8)
    ax.set_title(title, fontsize=9)
    ax.set_xticks([])
    ax.tick_params(labelsize=8)
    ax.grid(visible=False)


def _matrix(ax: Axes, weights: np.ndarray, title: str) -> None:
    size = np.abs(weights).max()
    ax.imshow(weights, cmap=SIGNED, vmin=-size, vmax=size, interpolation="nearest")
    ax.set_title(title, fontsize=9)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
