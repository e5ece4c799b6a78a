"""Which function ends an excitation in an ONNX file. Rule 5; ``senet_lib.export.gate_rules`` has the others.

**Rule 5, the gate's function.** Put t = -8, -7.5, ..., 8 in place of one value, and compute the curve that comes out.
From the gate backwards: a node of ``CURVES`` is computed whose inputs are each made of t, or ``numbers`` of one entry,
taken back through ``SHAPES``. So are ``SHAPES`` and ``PARTS``, which change no number. Every other node's output is t;
and if two different values would be t, the output of the node that brings them together is.

A ``Softmax`` that is met so makes it "softmax"; or "softmax over branches" if a node of ``PARTS`` was met before, or if
the block has branches (rule 3). Else the curve has the name in ``GATE_FUNCTIONS`` from which it is nowhere further than
0.001 (0.02 for float16), or is "other, LOW to HIGH". The *limits* are the least and the largest value of the curve;
none for a softmax.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from senet_lib.common.gate_functions import LOGITS, OVER_BRANCHES, function_of_curve
from senet_lib.export.gate_graph import PARTS, SHAPES, Graph

SOFTMAX = "softmax"


def _clip(given: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    t, low, high = (*given, None, None)[:3]
    low = attributes.get("min", -np.inf) if low is None else low
    high = attributes.get("max", np.inf) if high is None else high
    return np.clip(t, low, high)


# Of the inputs' numbers, and the attributes.
CURVES: dict[str, Any] = {
    "Add": lambda given, _: given[0] + given[1],
    "Sub": lambda given, _: given[0] - given[1],
    "Mul": lambda given, _: given[0] * given[1],
    "Div": lambda given, _: given[0] / given[1],
    "Min": lambda given, _: np.minimum.reduce(np.broadcast_arrays(*given)),
    "Max": lambda given, _: np.maximum.reduce(np.broadcast_arrays(*given)),
    "Pow": lambda given, _: given[0] ** given[1],
    "Neg": lambda given, _: -given[0],
    "Exp": lambda given, _: np.exp(given[0]),
    "Reciprocal": lambda given, _: 1 / given[0],
    "Sigmoid": lambda given, _: 1 / (1 + np.exp(-given[0])),
    "HardSigmoid": lambda given, own: np.clip(own.get("alpha", 0.2) * given[0] + own.get("beta", 0.5), 0, 1),
    "HardSwish": lambda given, _: given[0] * np.clip(given[0] / 6 + 0.5, 0, 1),
    "Tanh": lambda given, _: np.tanh(given[0]),
    "Relu": lambda given, _: np.maximum(given[0], 0),
    "LeakyRelu": lambda given, own: np.where(given[0] < 0, own.get("alpha", 0.01) * given[0], given[0]),
    "Softplus": lambda given, _: np.log1p(np.exp(given[0])),
    "Clip": _clip,
}


def function_of(graph: Graph, gate: str) -> tuple[str, tuple[float, float] | None]:
    """The name of the function that ends an excitation, and its limits."""
    if softmax := _softmax_of(graph, gate):
        return softmax, None
    with np.errstate(all="ignore"):
        _, curve = _curve(graph, gate)
    is_coarse = any(array.dtype == np.float16 for array in graph.numbers.values())
    curve = np.broadcast_to(curve, LOGITS.shape)
    return function_of_curve(curve, 2e-2 if is_coarse else 1e-3), (float(curve.min()), float(curve.max()))


def _softmax_of(graph: Graph, value: str, name: str = SOFTMAX) -> str | None:
    """What to call the softmax from which a value comes; None if it comes from none."""
    node = graph.producers[value]
    if node.op == "Softmax":
        return name
    if node.op not in SHAPES | PARTS | CURVES.keys():
        return None
    name = OVER_BRANCHES if node.op in PARTS else name
    ways = [_softmax_of(graph, one, name) for one in graph.moving(node) if graph.labels[one] == "squeezed"]
    return next(filter(None, ways), None)


def _curve(graph: Graph, value: str) -> tuple[str | None, Any]:
    """A value as a function of t: the name of the value that t stands for, and the numbers."""
    constant = graph.number(value)
    if constant is not None and constant.size == 1:
        return None, float(constant.reshape(()))
    node = graph.producers.get(value)
    if node is None or graph.labels[value] != "squeezed" or graph.squeeze_of(node) is not None:
        return value, LOGITS
    if node.op in SHAPES | PARTS:
        return _curve(graph, node.inputs[0])
    if node.op in CURVES:
        curves = [_curve(graph, one) if one else (None, None) for one in node.inputs]
        starts = {start for start, _ in curves if start is not None}
        if len(starts) == 1 and graph.labels[next(iter(starts))] == "squeezed":
            return starts.pop(), CURVES[node.op]([numbers for _, numbers in curves], node.attributes)
    return value, LOGITS
