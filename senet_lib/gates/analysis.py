"""Statistics of recorded gates: by class, at the ends of the sigmoid, rank, information about the class, similarity.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 7.2, looks at mean gates by class and
at saturation. We add measures of the field, whose sources stand at the functions. All functions take arrays, from
``senet_lib.gates.recording`` or from anywhere: gates (N, C), one row per picture, and labels (N,).
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from senet_lib.common.validation import require_choice, require_whole
from senet_lib.gates.moments import ClassMoments, require_gates, require_labels

CORRECTIONS = ("miller-madow", "none")
LOW, HIGH = 0.1, 0.9  # of saturated gates
TOLERANCE = 1e-5  # well above the rounding of float32


# --- by class ---------------------------------------------------------------------------------------------------------


def class_means(gates: ArrayLike, labels: ArrayLike, num_classes: int | None = None) -> np.ndarray:
    """The mean gate of each channel for each class.

    Args:
        gates: (N, C).
        labels: (N,), whole numbers from 0.
        num_classes: K; None for one more than the largest label.

    Returns:
        (K, C), float64; nan for a class without pictures.

    Raises:
        ValueError: if the shapes do not fit, or a label is out of range.
    """
    return _moments(gates, labels, num_classes).class_means()


def class_spreads(gates: ArrayLike, labels: ArrayLike, num_classes: int | None = None) -> np.ndarray:
    """The standard deviation of each channel's gate within each class, divided by N and not N - 1: (K, C).

    Arguments and errors are those of :func:`class_means`.
    """
    return _moments(gates, labels, num_classes).class_spreads()


def explained_share(gates: ArrayLike, labels: ArrayLike) -> float:
    """How much of the gates' movement from picture to picture the class explains: 0 to 1.

    It is the variance of the class means over the variance of all gates, each summed over the channels (the correlation
    ratio, eta squared). 0: all classes have the same mean gates. 1: all pictures of a class have the same gates. Even
    where the class does not matter, N pictures of K classes give about (K - 1) / (N - 1). Gates that are the same for
    all pictures give 0.

    Raises:
        ValueError: if the shapes do not fit.
    """
    moments = _moments(gates, labels, None)
    within = float(moments.squares.sum())
    between = float((moments.counts @ (moments.means - moments.mean()) ** 2).sum())
    return between / (between + within) if between + within > 0 else 0.0


# --- one block --------------------------------------------------------------------------------------------------------


class Saturation(NamedTuple):
    """How often gates are near their ends. ``saturation(gates).low.mean()`` is the share over all channels."""

    low: np.ndarray  # for each channel the share of pictures whose gate is below 0.1, (C,)
    high: np.ndarray  # the same above 0.9


def saturation(gates: ArrayLike) -> Saturation:
    """The share of pictures for which each gate is below 0.1, and above 0.9.

    There a sigmoid's slope, s (1 - s), is less than 0.09, about a third of its largest.

    Raises:
        ValueError: if gates are not (N, C).
    """
    values = require_gates(gates)
    return Saturation((values < LOW).mean(0), (values > HIGH).mean(0))


def effective_rank(gates: ArrayLike) -> float:
    """In how many directions the gates move from picture to picture, weighted by how much: 0 to min(N - 1, C).

    It is ``exp`` of the entropy of the singular values, divided by their sum, of the gates less their means. k singular
    values that are equal give k; a few large ones and many small ones give little more than the few. Gates that are
    the same for all pictures give 0.

    Source: Roy and Vetterli, "The Effective Rank" (EUSIPCO 2007). The centring is ours: without it the mean gate, which
    is the same for all pictures, is the largest direction.

    Raises:
        ValueError: if gates are not (N, C).
    """
    values = _singular_values(gates)
    if not values.any():
        return 0.0
    share = values[values > 0] / values.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def numerical_rank(gates: ArrayLike) -> int:
    """How many singular values of the gates less their means are above 1e-5 times the largest.

    The logits, before the sigmoid, have at most as many directions as the bottleneck has hidden units, C / r. The
    sigmoid bends them, so the gates can have more.

    Raises:
        ValueError: if gates are not (N, C).
    """
    values = _singular_values(gates)
    return int((values > TOLERANCE * values.max()).sum())


def mutual_information(
    gates: ArrayLike, labels: ArrayLike, bins: int = 8, correction: str = "miller-madow"
) -> np.ndarray:
    """Mutual information of each single gate with the class: I(s; label) in bits.

    Each channel is cut into bins with equally many pictures, as far as equal gates allow. So it does not matter which
    function of the gate is taken, as long as it rises. 0: nothing; log2 of the number of equally frequent classes: all.

    The plain estimate is too large, by about (bins - 1) (classes - 1) / (2 N ln 2) bits where there is nothing to know.
    Miller's and Madow's correction takes the first order of this away, so a true 0 is estimated around 0, and
    sometimes below. With few pictures a bin and class it is not enough: compare with :func:`permuted_information`.

    Source: Miller, "Note on the bias of information estimates" (1955); Paninski, "Estimation of entropy and mutual
    information" (Neural Computation, 2003), Section 4, for the correction.

    Args:
        gates: (N, C).
        labels: (N,), whole numbers from 0.
        bins: at least 2.
        correction: "miller-madow" or "none".

    Returns:
        (C,), in bits.

    Raises:
        ValueError: if the shapes do not fit, or an argument is out of range.
    """
    values = require_gates(gates)
    classes = np.unique(require_labels(labels, len(values)), return_inverse=True)[1]
    require_whole("bins", bins, least=2)
    require_choice("correction", correction, CORRECTIONS)
    return np.array([_information(_binned(one, bins), classes, correction) for one in values.T])


def permuted_information(
    gates: ArrayLike,
    labels: ArrayLike,
    bins: int = 8,
    correction: str = "miller-madow",
    *,
    permutations: int = 20,
    seed: int = 0,
) -> np.ndarray:
    """The null distribution of :func:`mutual_information`: its values for shuffled labels.

    Returns:
        (permutations, C), in bits. Their mean is the bias that is left. A single channel above all of them carries
        information on the class, with a chance of error of 1 / (permutations + 1); of many channels, some are above
        them by chance.

    Raises:
        ValueError: as in :func:`mutual_information`, or permutations is not at least 1, or seed not at least 0.
    """
    require_whole("permutations", permutations)
    require_whole("seed", seed, least=0)
    random = np.random.default_rng(seed)
    values = require_gates(gates)
    labels = require_labels(labels, len(values))
    return np.stack(
        [mutual_information(values, random.permutation(labels), bins, correction) for _ in range(permutations)]
    )


# --- two blocks -------------------------------------------------------------------------------------------------------


def block_similarity(gates: Mapping[str, ArrayLike]) -> np.ndarray:
    """Similarity of every two blocks: 0 if unrelated, 1 if equal up to rotation and scale.

    Linear centred kernel alignment (CKA). The blocks may have different numbers of channels. With fewer pictures than
    channels it comes out too high: use several times as many pictures. nan if the gates of a block are the same for all
    pictures.

    Source: Kornblith et al., "Similarity of Neural Network Representations Revisited" (arXiv 1905.00414), Section 3.

    Args:
        gates: from the name of each block to (N, C), of the same pictures in the same order.

    Returns:
        (blocks, blocks), in the order of the mapping.

    Raises:
        ValueError: if there is no block, or the blocks have different numbers of pictures.
    """
    if not isinstance(gates, Mapping) or not gates:
        raise ValueError("there are no blocks to compare; give {name: gates (N, C), ...}")
    matrices = {name: _centred(one, f"gates of {name}") for name, one in gates.items()}
    counts = {name: len(matrix) for name, matrix in matrices.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise ValueError(f"{listed} pictures; record all blocks on the same pictures")
    alike = np.array([[_cross(one, other) for other in matrices.values()] for one in matrices.values()])
    own = np.sqrt(np.diag(alike))
    with np.errstate(invalid="ignore"):  # 0 / 0 of gates that never change
        return alike / own / own[:, None]


# --- arithmetic -------------------------------------------------------------------------------------------------------


def _moments(gates: ArrayLike, labels: ArrayLike, num_classes: int | None) -> ClassMoments:
    values = require_gates(gates)
    if num_classes is not None:
        require_whole("num_classes", num_classes)
    moments = ClassMoments(num_classes or 0, values.shape[1])
    moments.add(values, require_labels(labels, len(values), num_classes))
    return moments


def _centred(gates: ArrayLike, name: str = "gates") -> np.ndarray:
    values = require_gates(gates, name)
    # The mean of equal values can differ in its last digit: a constant gate must give exactly 0.
    return np.where(np.ptp(values, 0) == 0, 0.0, values - values.mean(0))


def _singular_values(gates: ArrayLike) -> np.ndarray:
    return np.linalg.svd(_centred(gates), compute_uv=False)


def _binned(values: np.ndarray, bins: int) -> np.ndarray:
    """The number of each value's bin: (N,) -> (N,). Equal values are in one bin."""
    edges = np.quantile(values, np.arange(1, bins) / bins, method="lower")  # values that are there: no rounding
    return np.unique(np.searchsorted(edges, values, side="left"), return_inverse=True)[1]


def _information(codes: np.ndarray, classes: np.ndarray, correction: str) -> float:
    """I(codes; classes) in bits."""
    width = classes.max() + 1
    joint = np.bincount(codes * width + classes, minlength=(codes.max() + 1) * width).reshape(-1, width)
    cells = [joint.sum(1), joint.sum(0), joint.ravel()]
    of_codes, of_classes, of_both = (_entropy(counts) for counts in cells)
    information = of_codes + of_classes - of_both
    if correction == "miller-madow":  # each entropy is too small by (its occupied cells - 1) / 2N nats
        occupied = [np.count_nonzero(counts) - 1 for counts in cells]
        information += (occupied[0] + occupied[1] - occupied[2]) / (2 * len(codes) * math.log(2))
    return information


def _entropy(counts: np.ndarray) -> float:
    """In bits."""
    share = counts[counts > 0] / counts.sum()
    return float(-np.sum(share * np.log2(share)))


def _cross(one: np.ndarray, other: np.ndarray) -> float:
    """The sum of the squares of ``one.T @ other``, by the smaller of two products: (C1, C2), or two of (N, N)."""
    if one.shape[1] * other.shape[1] <= len(one) ** 2:
        return float(np.sum((one.T @ other) ** 2))
    return float(np.sum((one @ one.T) * (other @ other.T)))
