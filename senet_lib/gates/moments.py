"""Moments of recorded gates by class, batch by batch; and what gates and labels must look like, in one place.

Arrays only: gates (N, C), one row per picture, and labels (N,). ``senet_lib.gates.analysis`` and
``senet_lib.gates.gate_statistics`` build on this.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


class ClassMoments:
    """Running means and variances of many values by class, updated batch by batch in float64.

    Source: Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance" (The American Statistician, 1983):
    the moments of two groups give those of both together. Sums of squares would lose all digits of a small variance.

    Args:
        classes: K at the start; it grows with larger labels.
        width: number of values per picture.

    Attributes:
        counts: pictures of each class, int64 (K,).
        means: (K, width).
        squares: sums of squared deviations from the means, (K, width).
    """

    def __init__(self, classes: int, width: int):
        self.counts = np.zeros(classes, np.int64)
        self.means = np.zeros((classes, width))
        self.squares = np.zeros((classes, width))

    def add(self, values: np.ndarray, labels: np.ndarray) -> None:
        """Add a batch: values (B, width), labels (B,), whole numbers from 0."""
        if not len(labels):
            return
        order = np.argsort(labels, kind="stable")
        values = values[order]  # class by class
        present, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
        self._grow(int(present[-1]) + 1)
        means = np.add.reduceat(values, starts) / counts[:, None]
        squares = np.add.reduceat((values - np.repeat(means, counts, 0)) ** 2, starts)
        before, new = self.counts[present][:, None], counts[:, None]
        step = means - self.means[present]
        self.means[present] += step * new / (before + new)
        self.squares[present] += squares + step**2 * before * new / (before + new)
        self.counts[present] += counts

    def mean(self) -> np.ndarray:
        """Over all pictures, (width,)."""
        return self.counts @ self.means / self.counts.sum()

    def spread(self) -> np.ndarray:
        """The standard deviation over all pictures, (width,)."""
        between = self.counts @ (self.means - self.mean()) ** 2
        return np.sqrt((self.squares.sum(0) + between) / self.counts.sum())

    def class_means(self) -> np.ndarray:
        """(K, width); nan for a class without pictures."""
        return np.where(self.counts[:, None] > 0, self.means, np.nan)

    def class_spreads(self) -> np.ndarray:
        """The standard deviation within each class, (K, width); nan for a class without pictures."""
        spreads = np.sqrt(self.squares / np.maximum(self.counts, 1)[:, None])
        return np.where(self.counts[:, None] > 0, spreads, np.nan)

    def part(self, columns: slice) -> "ClassMoments":
        """The moments of some columns."""
        some = ClassMoments(0, 0)
        some.counts, some.means, some.squares = self.counts, self.means[:, columns], self.squares[:, columns]
        return some

    def _grow(self, classes: int) -> None:
        if (more := classes - len(self.counts)) > 0:
            self.counts = np.pad(self.counts, (0, more))
            self.means, self.squares = (np.pad(one, ((0, more), (0, 0))) for one in (self.means, self.squares))


def require_gates(gates: Any, name: str = "gates") -> np.ndarray:
    """As float64 (N, C); a ``ValueError`` that names the fault, unless it is that, with finite numbers."""
    if hasattr(gates, "detach"):  # a tensor: maybe with a gradient, on a GPU, or of a dtype that NumPy lacks
        gates = gates.detach().cpu()
        gates = gates.double() if gates.is_floating_point() else gates
    values = np.asarray(gates)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{name} have shape {values.shape}; give (N, C): a row per picture, a column per channel")
    if not np.issubdtype(values.dtype, np.number) or np.issubdtype(values.dtype, np.complexfloating):
        raise ValueError(f"{name} have type {values.dtype}; give real numbers")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} hold values that are not finite; check whether the training diverged")
    return values


def require_labels(labels: ArrayLike, count: int, num_classes: int | None = None) -> np.ndarray:
    """As int64 (count,); a ``ValueError`` that names the fault, unless these are class indices."""
    array = np.asarray(labels.detach().cpu() if hasattr(labels, "detach") else labels)  # a tensor, maybe on a GPU
    if array.shape != (count,):
        raise ValueError(f"the labels have shape {array.shape}, for {count} pictures; give one label per picture")
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"the labels have type {array.dtype}; give class indices, as whole numbers")
    if count and array.min() < 0:
        raise ValueError(f"a label is {array.min()}; labels must be at least 0")
    if count and num_classes is not None and array.max() >= num_classes:
        raise ValueError(f"a label is {array.max()}, but num_classes is {num_classes}; labels must be below it")
    return array.astype(np.int64)
