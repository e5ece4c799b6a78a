"""The graph of an ONNX file as plain values: what depends on the picture, and what squeezes maps. Rules 1 and 2.

``senet_lib.export.gate_rules`` has the other rules, and says what they are for.

**What is given.** ``nodes``: in the file's order, each with ``op``, ``name``, ``inputs``, ``outputs``, ``attributes``.
``numbers``: from the name of each initializer, and of each output of a ``Constant`` node, to its array. ``inputs``: the
names of the graph's inputs that have no initializer. ``shapes``: from names to tuples, None for a size that is not
known; a name that is missing is a shape that is not known. They come from the file and from ONNX's shape inference,
which a page may leave out. If some of those in ``wanted_shapes`` have sizes that are not known, besides the first, then
they are seen in one run on zeros: one picture, free sides 224 wide, or 32 in three dimensions.

**Rule 1, labels.** Each value is *static* (does not depend on the picture), a *map* (has places), or *squeezed*
(numbers of each picture without places). Go through the nodes in their order:

1. ``numbers`` are static. Inputs are maps; those known to have fewer than three axes are static.
2. ``Shape``, ``Size``, ``ConstantOfShape``, ``EyeLike`` and ``Random...`` give static values, and so does each node
   whose inputs are all static. (An empty name is no input; nor is the second one of ``CastLike``, in all rules.)
3. A squeeze (rule 2) whose first input is a map gives a squeezed value.
4. ``Resize``, ``Upsample``, ``ConvTranspose``, ``DepthToSpace``, ``GridSample``, and nodes with graphs inside (``If``,
   ``Loop``, ``Scan``) give maps.
5. Any other node with a map among its inputs gives maps; otherwise it gives squeezed values.

**Rule 2, squeezes.** These operators, where P is what follows batch and channels in the input, of R axes:

- ``GlobalAveragePool`` (mean), ``GlobalMaxPool`` (max), ``GlobalLpPool`` (norm);
- ``ReduceMean`` (mean), ``ReduceMax`` (max), ``ReduceSum`` (sum), ``ReduceL2`` (norm), whose axes, besides 0, are all
  of 2 to R - 1, or, if R is 4, are 1 and 2 (channels last). Axes are the attribute ``axes`` or the second input,
  taken back through ``SHAPES``; negative ones count from the end. If R is not known, {2, 3}, {-2, -1} and {1, 2} will
  do. None given: no squeeze;
- ``AveragePool`` (mean), ``MaxPool`` (max), ``LpPool`` (norm), if the output's P are known to be all 1, or
  ``kernel_shape`` is the input's P;
- ``MatMul`` and ``Einsum`` (attention), if one of their two inputs, taken back through ``SHAPES`` and ``PARTS``, is the
  output of a ``Softmax``, and of their own output's axes, besides the first, exactly one is not 1: a mean over places
  with weights from a softmax.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

Shape = tuple[int | None, ...]

STATIC = {"Shape", "Size", "ConstantOfShape", "EyeLike"}
INNER_GRAPHS = {"If", "Loop", "Scan"}
SPREADING = {"Resize", "Upsample", "ConvTranspose", "DepthToSpace", "GridSample"} | INNER_GRAPHS
GLOBAL_POOLS = {"GlobalAveragePool": "mean", "GlobalMaxPool": "max", "GlobalLpPool": "norm"}
REDUCTIONS = {"ReduceMean": "mean", "ReduceMax": "max", "ReduceSum": "sum", "ReduceL2": "norm"}
WINDOWS = {"AveragePool": "mean", "MaxPool": "max", "LpPool": "norm"}
PRODUCTS = {"MatMul", "Einsum"}
LAYERS = {"Conv", "Gemm", "MatMul"}
SAME_NUMBERS = {"Expand", "Identity", "Dropout"}
SHAPES = SAME_NUMBERS | {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Cast"}
SHAPES |= {"CastLike", "QuantizeLinear", "DequantizeLinear"}
PARTS = {"Split", "Slice", "Gather"}
BEHIND_WEIGHTS = {"Identity", "Cast", "QuantizeLinear", "DequantizeLinear"}


@dataclass(frozen=True)
class Node:
    """One node of the graph.

    Attributes:
        op: the operator, such as "Conv".
        name: may be empty.
        inputs, outputs: names of values; an empty name stands for none.
        attributes: numbers, and lists of numbers.
        scopes: names of the modules around it, from the outermost, if the exporter noted them.
        is_function: whether the operator is a function of the file.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    is_function: bool = False

    def __str__(self) -> str:
        return f"{self.op} {self.name or self.outputs[0]}"

    @property
    def used(self) -> list[str]:
        """What it computes with."""
        return [value for value in (self.inputs[:1] if self.op == "CastLike" else self.inputs) if value]


@dataclass(frozen=True)
class Graph:
    """What the rules are applied to; see above."""

    nodes: Sequence[Node]
    numbers: Mapping[str, np.ndarray]
    inputs: Sequence[str]
    shapes: Mapping[str, Shape]

    @cached_property
    def producers(self) -> dict[str, Node]:
        return {output: node for node in self.nodes for output in node.outputs if output}

    @cached_property
    def consumers(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.inputs):
                found.setdefault(value, []).append(node)
        return found

    @cached_property
    def labels(self) -> dict[str, str]:
        """Rule 1: from each value to "static", "map" or "squeezed"."""
        labels = dict.fromkeys(self.numbers, "static")
        for value in self.inputs:
            labels[value] = "static" if value in self.shapes and len(self.shapes[value]) < 3 else "map"
        for node in self.nodes:
            label = self._label(node, [labels.get(value, "static") for value in node.used])
            labels |= {output: label for output in node.outputs if output and output not in self.numbers}
        return labels

    def _label(self, node: Node, given: Sequence[str]) -> str:
        if node.op in STATIC or node.op.startswith("Random") or set(given) <= {"static"}:
            return "static"
        if given[0] == "map" and self.squeeze_of(node):
            return "squeezed"
        return "map" if node.op in SPREADING or "map" in given else "squeezed"

    def moving(self, node: Node) -> list[str]:
        """Its inputs that depend on the picture."""
        return [value for value in node.used if self.labels[value] != "static"]

    def still(self, node: Node, most: int | None = None) -> list[str]:
        """Those of its first inputs, or of all, that do not."""
        return [value for value in node.inputs[:most] if value and self.labels[value] == "static"]

    def back(self, value: str, through: Iterable[str]) -> str:
        """The value that this one is another form of: back through nodes of these operators."""
        while (node := self.producers.get(value)) is not None and node.op in through:
            value = node.inputs[0]
        return value

    def softmax_behind(self, value: str) -> str | None:
        """The output of a softmax that this is a form or a part of."""
        value = self.back(value, SHAPES | PARTS)
        return value if value in self.producers and self.producers[value].op == "Softmax" else None

    def softmaxes_behind(self, value: str) -> list[str]:
        """The output of that softmax, and its transposed forms; none if there is no softmax."""
        softmax = self.softmax_behind(value)
        if softmax is None:
            return []
        return [softmax, *(node.outputs[0] for node in self.consumers[softmax] if node.op == "Transpose")]

    def number(self, value: str) -> np.ndarray | None:
        """The array that a value is a form of, if it is one of ``numbers``."""
        return self.numbers.get(self.back(value, SHAPES))

    def static_shape(self, value: str) -> Shape | None:
        """Of weights, which may stand behind a few operators; None if it is not known."""
        if value in self.numbers:
            return self.numbers[value].shape
        node = self.producers.get(value)
        if node is not None and node.op == "Transpose" and (shape := self.static_shape(node.inputs[0])):
            return tuple(shape[axis] for axis in node.attributes.get("perm", range(len(shape))[::-1]))
        if node is not None and node.op in BEHIND_WEIGHTS:
            return self.static_shape(node.inputs[0])
        return self.shapes.get(value)

    # --- rule 2 -------------------------------------------------------------------------------------------------------

    def squeeze_of(self, node: Node) -> str | None:
        """ "mean", "max", "sum", "norm" or "attention"; None if it makes no single number of each whole map."""
        if node.op in REDUCTIONS:
            return REDUCTIONS[node.op] if self._takes_all_places(node) else None
        if node.op in WINDOWS:
            return WINDOWS[node.op] if self._covers_the_map(node) else None
        if node.op in PRODUCTS:
            is_one = len(self.other_axes(node.outputs[0]) or ()) == 1
            return "attention" if is_one and self.weighted(node) is not None else None
        return GLOBAL_POOLS.get(node.op)

    def weighted(self, product: Node) -> str | None:
        """What a product multiplies by the output of a softmax; None if it does not."""
        if len(product.inputs) != 2:
            return None
        first, second = product.inputs
        return first if self.softmax_behind(second) else second if self.softmax_behind(first) else None

    def other_axes(self, value: str) -> list[int | None] | None:
        """The sizes of its axes, besides the first, that are not 1; None if its shape is not known."""
        shape = self.shapes.get(value)
        return None if shape is None else [size for size in shape[1:] if size != 1]

    def _takes_all_places(self, node: Node) -> bool:
        axes = self._axes(node)
        if (shape := self.shapes.get(node.inputs[0])) is None:
            return set(axes) in ({2, 3}, {-2, -1}, {1, 2})
        taken, rank = {axis % len(shape) for axis in axes} - {0}, len(shape)
        return rank > 2 and (taken == set(range(2, rank)) or (rank == 4 and taken == {1, 2}))

    def _axes(self, node: Node) -> list[int]:
        if "axes" in node.attributes:
            return list(node.attributes["axes"])
        axes = self.number(node.inputs[1]) if len(node.inputs) > 1 else None
        return [] if axes is None else [int(axis) for axis in axes.flatten()]

    def _covers_the_map(self, node: Node) -> bool:
        before, after = (self.shapes.get(value, ())[2:] for value in (node.inputs[0], node.outputs[0]))
        return set(after) == {1} or (bool(before) and before == tuple(node.attributes["kernel_shape"]))


def wanted_shapes(graph: Graph) -> list[str]:
    """The values whose shapes the rules ask for: what is multiplied, and what is pooled."""
    asked: dict[str, None] = {}
    for node in graph.nodes:
        moving = graph.moving(node)
        if node.op == "Mul" and len(moving) == 2:
            softmaxes = [one for value in moving for one in graph.softmaxes_behind(value)]
            asked |= dict.fromkeys([*moving, *(graph.back(value, SAME_NUMBERS) for value in moving), *softmaxes])
        elif node.op in REDUCTIONS.keys() | WINDOWS.keys() and moving:
            asked |= dict.fromkeys([node.inputs[0], node.outputs[0]])
        elif node.op in PRODUCTS and len(moving) == 2:
            asked[node.outputs[0]] = None
    return [name for name in asked if name not in graph.inputs]
