"""Functions that may end an excitation, as curves, so that a gate can be recognised by what it computes.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 3 and Table 12, for sigmoid, tanh and
ReLU. ``senet_lib.doctor`` compares what modules compute with these, ``senet_lib.export.gate_rules`` what ONNX files do.
"""

import math

import numpy as np

OVER_BRANCHES = "softmax over branches"  # of gates that compete, as in selective kernels
LOGITS = np.linspace(-8, 8, 33)


def _sigmoid(t: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-t))


GATE_FUNCTIONS: dict[str, np.ndarray] = {
    "sigmoid": _sigmoid(LOGITS),
    "hard sigmoid": np.clip(LOGITS / 6 + 0.5, 0, 1),
    "hard sigmoid (t/5 + 0.5)": np.clip(LOGITS / 5 + 0.5, 0, 1),
    "clip to 0 and 1": np.clip(LOGITS, 0, 1),
    "tanh": np.tanh(LOGITS),
    "1 + tanh": 1 + np.tanh(LOGITS),
    "2 * sigmoid": 2 * _sigmoid(LOGITS),
    "ReLU": np.maximum(LOGITS, 0),
    "sigmoid of ReLU": _sigmoid(np.maximum(LOGITS, 0)),
    "sigmoid of sigmoid": _sigmoid(_sigmoid(LOGITS)),
    "leaky ReLU": np.where(LOGITS < 0, 0.01 * LOGITS, LOGITS),
    "softplus": np.log1p(np.exp(LOGITS)),
    "SiLU": LOGITS * _sigmoid(LOGITS),
    "h-swish": LOGITS * np.clip(LOGITS / 6 + 0.5, 0, 1),
    "GELU": LOGITS * np.array([0.5 * (1 + math.erf(t / math.sqrt(2))) for t in LOGITS]),
    "none": LOGITS,
}


def function_of_curve(curve: np.ndarray, tolerance: float = 1e-3) -> str:
    """The key of ``GATE_FUNCTIONS`` for the values at ``LOGITS``; or "other, LOW to HIGH"."""
    for name, values in GATE_FUNCTIONS.items():
        if np.allclose(curve, values, rtol=0, atol=tolerance):
            return name
    return f"other, {curve.min():.2g} to {curve.max():.2g}"
