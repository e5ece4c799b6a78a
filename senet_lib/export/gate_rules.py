"""The rules by which the gates of SE blocks are found in any ONNX file, as pure functions over plain values.

``senet_lib.export.reveal_gates`` reads and writes the file and calls these. The book's page has the same rules in
JavaScript, so they are written down here, one by one. They need no names of modules, and no weights but a few scalars.

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
  ``kernel_shape`` is the input's P.

**Rule 3, gatings.** Each ``Mul`` of one map and one squeezed value scales the map. Its *gate* is the squeezed value,
taken back through ``Expand``, ``Identity`` and ``Dropout``. The *excitation* is all nodes from the gate back to the
squeezes, through inputs that are not static. Multiplications by one gate are one block. It is found if:

- there is a layer in the excitation: ``Conv``, ``Gemm`` or ``MatMul`` with exactly one input of its first two that is
  not static. (Without a layer it is a normalisation; of this nothing is said, unless the excitation has ``numbers`` of
  more than one entry in a floating-point type);
- the gate has as many axes as the map, or is an earlier form of a value that has: the gate's first axis is the
  batch's. (If it has fewer axes than the map and was not taken back, all pictures share the gates: not followed);
- of the gate's other axes exactly one is not 1: that is C.

What fails is listed with the reason; so is each ``Mul`` of two maps where the shape of one is known to be 1 in each
place, and the other's is not: its gates come from something that is no squeeze of rule 2. So are nodes with graphs
inside, nodes of ``QLinear...`` (int8 without floating-point values between), and nodes that are functions of the file.

**Rule 4, what a block is.**

- *C*: the one axis; if its size is not known, the width of the last layer; if that is a convolution along the
  channels, the channels of the map.
- *layers*: in order, those with the same weights once. *Width* of a layer: first size of a ``Conv``'s weights; last of
  a ``MatMul``'s (first but one if the weights are the first input); of a ``Gemm``'s the first with ``transB``, else the
  last. Weights may stand behind ``Transpose``, ``Identity``, ``Cast``, ``DequantizeLinear`` and ``QuantizeLinear``.
  Two are the same if they are, taken back through ``SHAPES``.
- *kind*: "1-d convolution" if all are ``Conv`` with a kernel that has a size above 1; "1x1 convolution" if all are
  other ``Conv``; "linear" if all are ``Gemm`` or ``MatMul``; else "mixed".
- *hidden*: the width of the first of exactly two layers, if their kind is not "1-d convolution". *r* is C / hidden.
- *biases*: for each layer, whether it has a third input, or its output goes only into an ``Add`` of static numbers with
  more than one entry, or into a ``BatchNormalization``.
- *squeeze*: the words in brackets of rule 2 for the excitation's squeezes, each once, joined by " and ". A sum is a
  mean if it is over one place, or if each node that uses it is a ``Div`` of it by the number of places, or by a static
  value that is not among the ``numbers`` (a number that is computed from the shape).
- *same*: whether each squeeze reads the map that is scaled, both taken back through ``SHAPES`` and
  the ``Reduce...`` of rule 2.
- *linear*: whether nothing but a linear map stands between two layers: from the input of one, back through ``SHAPES``,
  ``BatchNormalization``, and ``Add``, ``Sub``, ``Mul`` and ``Div`` with one static input, another layer is reached.
- *gate*, *limits*: rule 5.
- *parameters*: entries of all ``numbers`` that the excitation uses, directly or through static nodes, and that are
  of a type other than int64 and bool and have more than one entry. The *share* is that of all such numbers of the file.
- *name*: the longest common beginning of the names of the layers' weights, in parts that end at dots, without the
  last part of each (for a single layer: without the last two, if one remains), among names with a dot and without
  "::"; else the last name that the lists ``pkg.torch.onnx.name_scopes`` of the excitation's nodes have in common
  (they are texts such as ``['', 'layer1', 'layer1.0']``); else the common beginning of the nodes' names, in parts that
  end at slashes; else "block 1", by its number. A name that is taken gets " (2)", " (3)".

**Rule 5, the gate's function.** Put t = -8, -7.5, ..., 8 in place of one value, and compute the curve that comes out.
From the gate backwards: a node of ``CURVES`` is computed whose inputs are each made of t, or ``numbers`` of one entry,
taken back through ``SHAPES``. So are shape operators (``SHAPES``), which change nothing. Every other node's output is
t; and if two different values would be t, the output of the node that brings them together is. A ``Softmax`` that is
met so makes it "softmax".
The curve has the name in ``GATE_FUNCTIONS`` from which it is nowhere further than 0.001 (0.02 for float16); else it is
"other, LOW to HIGH". The *limits* are the least and the largest value of the curve; none for a softmax.

**Rule 6, the new file.** For each block, right behind the node that makes the gate g, of type T::

    override/<name>   a new input, float32 (rows, C). NaN keeps the network's own gate.
    given = Reshape(override/<name>, [-1, then the gate's axes, of which one is C])
    used  = Where(IsNaN(given), g, Cast(given to T))
    gates/<name>      a new output, float32 (pictures, C): Reshape(Cast(g to float32), [-1, C])

All nodes that took g take ``used`` now; nothing else changes, and if g is an output itself, it stays. Each new input
has an initializer, NaN (1, C), so that it may be left out. (ONNX Runtime Web cannot feed such inputs: a page leaves the
initializers away, and feeds NaN.)
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from senet_lib.common.gate_functions import LOGITS, function_of_curve

Shape = tuple[int | None, ...]

STATIC = {"Shape", "Size", "ConstantOfShape", "EyeLike"}
SPREADING = {"Resize", "Upsample", "ConvTranspose", "DepthToSpace", "GridSample", "If", "Loop", "Scan"}
GLOBAL_POOLS = {"GlobalAveragePool": "mean", "GlobalMaxPool": "max", "GlobalLpPool": "norm"}
REDUCTIONS = {"ReduceMean": "mean", "ReduceMax": "max", "ReduceSum": "sum", "ReduceL2": "norm"}
WINDOWS = {"AveragePool": "mean", "MaxPool": "max", "LpPool": "norm"}
LAYERS = {"Conv", "Gemm", "MatMul"}
SAME_NUMBERS = {"Expand", "Identity", "Dropout"}
SHAPES = SAME_NUMBERS | {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Cast"}
SHAPES |= {"CastLike", "QuantizeLinear", "DequantizeLinear"}
INNER_GRAPHS = {"If", "Loop", "Scan"}
SHARED = "without an axis for the pictures"


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
        return labels_of(self)

    def moving(self, node: Node) -> list[str]:
        """Its inputs that depend on the picture."""
        return [value for value in inputs_of(node) if self.labels[value] != "static"]

    def rank(self, value: str) -> int | None:
        return len(self.shapes[value]) if value in self.shapes else None

    def back(self, value: str, through: Iterable[str]) -> str:
        """The value that this one is another form of: back through nodes of these operators."""
        while (node := self.producers.get(value)) is not None and node.op in through:
            value = node.inputs[0]
        return value


@dataclass(frozen=True)
class GateBlock:
    """One SE block of a file. What each attribute is, and how it is found, is said in rule 4.

    Attributes:
        name: unique in the file.
        channels: C.
        hidden: None unless there are two layers.
        kind: "1x1 convolution", "1-d convolution", "linear" or "mixed".
        biases: for each layer.
        linear: whether two layers follow each other without a function between them.
        gate: name of the gate's function.
        limits: the least and the largest gate for logits from -8 to 8; None for a softmax.
        squeeze: "mean", "max", "mean and max", ...
        same: whether the map that is scaled is the one that is squeezed.
        parameters: number of entries of the excitation's arrays.
        share: of all parameters of the file, 0 to 1.
        map_shape: of the map that is scaled, None for sizes that are not known.
        where: names of the multiplications.
        value: name of the gate in the file.
        value_shape: of the gate; all but the first axis are known.
    """

    name: str
    channels: int
    hidden: int | None
    kind: str
    biases: tuple[bool, ...]
    linear: bool
    gate: str
    limits: tuple[float, float] | None
    squeeze: str
    same: bool
    parameters: int
    share: float
    map_shape: Shape
    where: tuple[str, ...]
    value: str
    value_shape: Shape

    @property
    def ratio(self) -> float | None:
        """r = C / hidden."""
        return self.channels / self.hidden if self.hidden else None


@dataclass(frozen=True)
class Excitation:
    """What lies between the squeezes and a gate: nodes in the file's order."""

    nodes: tuple[Node, ...]
    squeezes: tuple[Node, ...]


# --- rules 1 and 2: labels and squeezes -------------------------------------------------------------------------------


def labels_of(graph: Graph) -> dict[str, str]:
    """Rule 1: from each value to "static", "map" or "squeezed"."""
    labels = dict.fromkeys(graph.numbers, "static")
    for value in graph.inputs:
        labels[value] = "static" if (graph.rank(value) or 4) < 3 else "map"
    for node in graph.nodes:
        label = _label(graph, node, [labels.get(value, "static") for value in inputs_of(node)])
        labels |= {output: label for output in node.outputs if output and output not in graph.numbers}
    return labels


def inputs_of(node: Node) -> list[str]:
    """What it computes with."""
    return [value for value in (node.inputs[:1] if node.op == "CastLike" else node.inputs) if value]


def _label(graph: Graph, node: Node, given: Sequence[str]) -> str:
    if node.op in STATIC or node.op.startswith("Random") or set(given) <= {"static"}:
        return "static"
    if given[0] == "map" and squeeze_of(graph, node):
        return "squeezed"
    return "map" if node.op in SPREADING or "map" in given else "squeezed"


def squeeze_of(graph: Graph, node: Node) -> str | None:
    """Rule 2: "mean", "max", "sum" or "norm"; None if the node does not make one number of each whole map."""
    if node.op in GLOBAL_POOLS:
        return GLOBAL_POOLS[node.op]
    if node.op in REDUCTIONS and _takes_all_places(_axes(graph, node), graph.rank(node.inputs[0])):
        return REDUCTIONS[node.op]
    if node.op in WINDOWS and _covers_the_map(graph, node):
        return WINDOWS[node.op]
    return None


def _word_of(graph: Graph, node: Node) -> str:
    """Rule 4: what a squeeze is in a block's description."""
    word = squeeze_of(graph, node) or ""
    return "mean" if word == "sum" and is_mean(graph, node) else word


def is_mean(graph: Graph, summed: Node) -> bool:
    """Whether a sum is over one place, or all that use it divide it by the number of places."""
    shapes = [graph.shapes.get(name, (None, None))[1:] for name in (summed.inputs[0], summed.outputs[0])]
    sizes = [None if None in shape else math.prod(size or 1 for size in shape) for shape in shapes]
    places = None if None in sizes else (sizes[0] or 1) / (sizes[1] or 1)
    users = graph.consumers.get(summed.outputs[0], [])
    return places == 1 or all(_divides_by(graph, user, summed.outputs[0], places) for user in users)


def _divides_by(graph: Graph, node: Node, total: str, places: float | None) -> bool:
    """Whether the total is divided by this number, or by one that is computed from the shape."""
    if node.op != "Div" or node.inputs[0] != total or graph.labels[node.inputs[1]] != "static":
        return False
    divisor = graph.back(node.inputs[1], SHAPES)
    return divisor not in graph.numbers or bool(np.all(graph.numbers[divisor] == places))


def _axes(graph: Graph, node: Node) -> list[int]:
    if "axes" in node.attributes:
        return list(node.attributes["axes"])
    axes = graph.numbers.get(graph.back(node.inputs[1], SHAPES)) if len(node.inputs) > 1 else None
    return [] if axes is None else [int(axis) for axis in axes.flatten()]


def _takes_all_places(axes: Sequence[int], rank: int | None) -> bool:
    if rank is None:
        return set(axes) in ({2, 3}, {-2, -1}, {1, 2})
    taken = {axis % rank for axis in axes} - {0}
    return rank > 2 and (taken == set(range(2, rank)) or (rank == 4 and taken == {1, 2}))


def _covers_the_map(graph: Graph, node: Node) -> bool:
    before, after = (graph.shapes.get(value, ())[2:] for value in (node.inputs[0], node.outputs[0]))
    return (bool(after) and set(after) == {1}) or (bool(before) and before == tuple(node.attributes["kernel_shape"]))


def wanted_shapes(graph: Graph) -> list[str]:
    """The values whose shapes the rules ask for: what is multiplied, and what is pooled."""
    asked: dict[str, None] = {}
    for node in graph.nodes:
        moving = graph.moving(node)
        if node.op == "Mul" and len(moving) == 2:
            asked |= dict.fromkeys([*moving, *(graph.back(value, SAME_NUMBERS) for value in moving)])
        elif node.op in REDUCTIONS.keys() | WINDOWS.keys() and moving:
            asked |= dict.fromkeys([node.inputs[0], node.outputs[0]])
    return [name for name in asked if name not in graph.inputs]


# --- rule 3: gatings --------------------------------------------------------------------------------------------------


def find_gates(graph: Graph) -> tuple[list[GateBlock], list[str]]:
    """Rule 3: the blocks of a file, in its order, and one line for each thing that could not be followed."""
    products: dict[str, list[Node]] = {}
    lost = list(_opaque_nodes(graph))
    for node in graph.nodes:
        if node.op == "Mul":
            x, s = sorted(node.inputs, key=lambda value: graph.labels[value])  # "map" before "squeezed"
            if (graph.labels[x], graph.labels[s]) == ("map", "squeezed"):
                products.setdefault(graph.back(s, SAME_NUMBERS), []).append(node)
            elif {graph.labels[x], graph.labels[s]} == {"map"}:
                lost += _unknown_squeeze(graph, node)
    blocks: list[GateBlock] = []
    for gate, nodes in products.items():
        excitation = excitation_of(graph, gate)
        if reason := _reason_against(graph, gate, nodes[0], excitation):
            lost.append(f"{nodes[0]}: {reason}")
        elif layers_of(graph, excitation):
            blocks.append(_describe(graph, gate, nodes, excitation, blocks))
    return blocks, lost


def excitation_of(graph: Graph, gate: str) -> Excitation:
    """All nodes from a gate back to the squeezes."""
    inside, squeezes, stack = set(), set(), [gate]
    while stack:
        node = graph.producers[stack.pop()]
        moving = graph.moving(node)
        if graph.labels[moving[0]] == "map":
            squeezes.add(id(node))
        elif id(node) not in inside:
            inside.add(id(node))
            stack += moving
    nodes = [[node for node in graph.nodes if id(node) in group] for group in (inside, squeezes)]
    return Excitation(tuple(nodes[0]), tuple(nodes[1]))


def layers_of(graph: Graph, excitation: Excitation) -> list[Node]:
    """The layers of an excitation in order, those with the same weights once."""
    layers: dict[str, Node] = {}
    for node in excitation.nodes:
        if node.op in LAYERS and len(weights := [one for one in node.inputs[:2] if graph.labels[one] == "static"]) == 1:
            layers.setdefault(graph.back(weights[0], SHAPES), node)
    return list(layers.values())


def _reason_against(graph: Graph, gate: str, product: Node, excitation: Excitation) -> str | None:
    """Why these gates cannot be shown and set; None if they can, or if they are a normalisation."""
    if not layers_of(graph, excitation):
        used = parameters_of(graph, excitation)
        return f"no layer stands between its squeeze and its gates, only {', '.join(used)}" if used else None
    shape = graph.shapes.get(gate)
    if shape is None:
        return f"the shape of its gates, {gate}, is not known"
    axes = [size for size in shape[1:] if size != 1]
    x = next(value for value in product.inputs if graph.labels[value] == "map")
    if gate in product.inputs and len(shape) < (graph.rank(x) or 0):
        return f"its gates have shape {show(shape)}, {SHARED}"
    if len(axes) != 1:
        return f"its gates have shape {show(shape)}, not one number for each channel"
    return None


def _unknown_squeeze(graph: Graph, product: Node) -> Iterator[str]:
    shapes = [graph.shapes.get(value, ()) for value in product.inputs]
    for gate, x in (shapes, shapes[::-1]):
        is_gate = len(gate) > 2 and set(gate[2:]) == {1} and gate[1] != 1
        if is_gate and len(x) == len(gate) and set(x[2:]) != {1}:
            yield f"{product}: its gates, {show(gate)}, come from something that is no pooling of whole maps"


def _opaque_nodes(graph: Graph) -> Iterator[str]:
    kinds = {
        "graphs inside a node": [node for node in graph.nodes if node.op in INNER_GRAPHS],
        "functions of the file": [node for node in graph.nodes if node.is_function],
        "int8 without floating-point values between": [node for node in graph.nodes if node.op.startswith("QLinear")],
    }
    for kind, nodes in kinds.items():
        if nodes:
            more = f" and {len(nodes) - 1} more" if len(nodes) > 1 else ""
            yield f"{nodes[0]}{more}: {kind}"


def show(shape: Shape) -> str:
    return f"({', '.join('?' if size is None else str(size) for size in shape)})"


# --- rule 4: what a block is ------------------------------------------------------------------------------------------


def _describe(
    graph: Graph, gate: str, products: Sequence[Node], excitation: Excitation, others: Iterable[GateBlock]
) -> GateBlock:
    layers = layers_of(graph, excitation)
    kind = kind_of(graph, layers)
    x = next(value for value in products[0].inputs if graph.labels[value] == "map")
    shape = graph.shapes[gate]
    channels = next(size for size in shape[1:] if size != 1)
    if channels is None:
        channels = channels_of(graph, x) if kind == "1-d convolution" else width_of(graph, layers[-1])
    used, total = (
        sum(graph.numbers[name].size for name in names)
        for names in (parameters_of(graph, excitation), filter(lambda name: is_parameter(graph, name), graph.numbers))
    )
    same_map = SHAPES | REDUCTIONS.keys()
    squeezed = {graph.back(node.inputs[0], same_map) for node in excitation.squeezes}
    number = 1 + sum(1 for _ in others)
    taken = {block.name for block in others}
    function, limits = function_of(graph, gate)
    return GateBlock(
        name=_unique(name_of(graph, layers, excitation) or f"block {number}", taken),
        channels=channels or 0,
        hidden=width_of(graph, layers[0]) if len(layers) == 2 and kind != "1-d convolution" else None,
        kind=kind,
        biases=tuple(has_bias(graph, layer) for layer in layers),
        linear=is_linear(graph, layers),
        gate=function,
        limits=limits,
        squeeze=" and ".join(dict.fromkeys(_word_of(graph, node) for node in excitation.squeezes)),
        same=squeezed == {graph.back(x, same_map)},
        parameters=used,
        share=used / max(total, 1),
        map_shape=graph.shapes.get(x, ()),
        where=tuple(node.name or node.outputs[0] for node in products),
        value=gate,
        value_shape=(shape[0], *(channels if size is None else size for size in shape[1:])),
    )


def _weights(graph: Graph, layer: Node) -> str:
    return next(value for value in layer.inputs[:2] if graph.labels[value] == "static")


def static_shape(graph: Graph, value: str) -> Shape | None:
    """Of weights, which may stand behind a few operators; None if it is not known."""
    if value in graph.numbers:
        return graph.numbers[value].shape
    node = graph.producers.get(value)
    if node is not None and node.op == "Transpose" and (shape := static_shape(graph, node.inputs[0])):
        order = node.attributes.get("perm", range(len(shape))[::-1])
        return tuple(shape[axis] for axis in order)
    if node is not None and node.op in {"Identity", "Cast", "QuantizeLinear", "DequantizeLinear"}:
        return static_shape(graph, node.inputs[0])
    return graph.shapes.get(value)


def width_of(graph: Graph, layer: Node) -> int | None:
    """How many numbers a layer makes of its input."""
    weights = _weights(graph, layer)
    shape = static_shape(graph, weights)
    if not shape:
        return None
    if layer.op == "Conv":
        return shape[0]
    if layer.op == "Gemm":
        is_first = weights == layer.inputs[0]
        is_turned = bool(layer.attributes.get("transA" if is_first else "transB", 0))
        return shape[int(is_turned)] if is_first else shape[0 if is_turned else -1]
    return shape[-1] if weights == layer.inputs[1] else shape[-2]


def channels_of(graph: Graph, x: str) -> int | None:
    """Of a map: its second size, or else the width of the convolution or normalisation that it comes from."""
    while True:
        if (shape := graph.shapes.get(x)) and len(shape) > 1 and shape[1] is not None:
            return shape[1]
        node = graph.producers.get(x)
        if node is None or not graph.moving(node):
            return None
        if node.op in {"Conv", "BatchNormalization"} and (shape := static_shape(graph, node.inputs[1])):
            return shape[0]
        x = graph.moving(node)[0]


def kind_of(graph: Graph, layers: Sequence[Node]) -> str:
    kinds = {_kind(graph, layer) for layer in layers}
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _kind(graph: Graph, layer: Node) -> str:
    if layer.op != "Conv":
        return "linear"
    kernel = (static_shape(graph, _weights(graph, layer)) or ())[2:]
    return "1-d convolution" if any(size != 1 for size in kernel) else "1x1 convolution"


def is_linear(graph: Graph, layers: Sequence[Node]) -> bool:
    for layer in layers:
        value = graph.moving(layer)[0]
        while (node := graph.producers.get(value)) is not None and graph.labels[value] == "squeezed":
            moving = graph.moving(node)
            if node.op in LAYERS and len(moving) == 1:
                return True
            is_scaling = node.op in {"Add", "Sub", "Mul", "Div"} and len(moving) == 1
            if not is_scaling and node.op not in SHAPES | {"BatchNormalization"}:
                break
            value = moving[0]
    return False


def has_bias(graph: Graph, layer: Node) -> bool:
    if len(layer.inputs) > 2 and layer.inputs[2]:
        return True
    uses = graph.consumers.get(layer.outputs[0], [])
    if len(uses) != 1 or uses[0].op not in {"Add", "BatchNormalization"}:
        return False
    added = [value for value in uses[0].inputs if graph.labels[value] == "static"]
    return any(set(static_shape(graph, value) or ()) - {1} for value in added)


def parameters_of(graph: Graph, excitation: Excitation) -> list[str]:
    """Names of all arrays that the excitation uses, in order."""
    found: dict[str, None] = {}
    stack = [value for node in reversed(excitation.nodes) for value in reversed(node.inputs) if value]
    while stack:
        value = stack.pop()
        if value in graph.numbers:
            if is_parameter(graph, value):
                found[value] = None
        elif graph.labels[value] == "static" and value in graph.producers:
            stack += [one for one in graph.producers[value].inputs[::-1] if one]
    return list(found)


def is_parameter(graph: Graph, name: str) -> bool:
    array = graph.numbers[name]
    return array.size > 1 and array.dtype not in (np.int64, np.bool_) and array.dtype.kind not in "OSU"


def name_of(graph: Graph, layers: Sequence[Node], excitation: Excitation) -> str:
    """By weights, by scopes, by nodes; "" if none of these have names."""
    roots = [graph.back(_weights(graph, layer), SHAPES) for layer in layers]
    if all("." in name and "::" not in name for name in roots):
        parts = [name.split(".")[:-1] for name in roots]
        if len(parts) == 1 and len(parts[0]) > 1:
            parts = [parts[0][:-1]]
        if common := _common(parts):
            return ".".join(common)
    nodes = (*excitation.squeezes, *excitation.nodes)
    if common := _common([node.scopes for node in nodes]):
        return common[-1]
    return "/".join(_common([node.name.strip("/").split("/")[:-1] for node in nodes]))


def _common(lists: Sequence[Sequence[str]]) -> list[str]:
    """The beginning that all have in common."""
    common = []
    for level in zip(*lists, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return common


def _unique(name: str, taken: Iterable[str]) -> str:
    names = set(taken)
    number, free = 2, name
    while free in names:
        number, free = number + 1, f"{name} ({number})"
    return free


# --- rule 5: the gate's function --------------------------------------------------------------------------------------


def _clip(given: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    t, low, high = (*given, None, None)[:3]
    low = attributes.get("min", -np.inf) if low is None else low
    high = attributes.get("max", np.inf) if high is None else high
    return np.clip(t, low, high)


def _sigmoid(t: Any) -> Any:
    return 1 / (1 + np.exp(-t))


def _hard_sigmoid(given: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    return np.clip(attributes.get("alpha", 0.2) * given[0] + attributes.get("beta", 0.5), 0, 1)


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
    "Sigmoid": lambda given, _: _sigmoid(given[0]),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda given, _: given[0] * np.clip(given[0] / 6 + 0.5, 0, 1),
    "Tanh": lambda given, _: np.tanh(given[0]),
    "Relu": lambda given, _: np.maximum(given[0], 0),
    "LeakyRelu": lambda given, attributes: np.where(given[0] < 0, attributes.get("alpha", 0.01) * given[0], given[0]),
    "Softplus": lambda given, _: np.log1p(np.exp(given[0])),
    "Clip": _clip,
}


def function_of(graph: Graph, gate: str) -> tuple[str, tuple[float, float] | None]:
    """The name of the function that ends an excitation, and its limits."""
    if _ends_in_softmax(graph, gate):
        return "softmax", None
    with np.errstate(all="ignore"):
        _, curve = _curve(graph, gate)
    is_coarse = any(graph.numbers[one].dtype == np.float16 for one in graph.numbers)
    curve = np.broadcast_to(curve, LOGITS.shape)
    return function_of_curve(curve, 2e-2 if is_coarse else 1e-3), (float(curve.min()), float(curve.max()))


def _ends_in_softmax(graph: Graph, value: str) -> bool:
    node = graph.producers[value]
    if node.op in SHAPES or node.op in CURVES:
        return any(_ends_in_softmax(graph, one) for one in graph.moving(node) if graph.labels[one] == "squeezed")
    return node.op == "Softmax"


def _curve(graph: Graph, value: str) -> tuple[str | None, Any]:
    """A value as a function of t: the name of the value that t stands for, and the numbers."""
    constant = graph.numbers.get(graph.back(value, SHAPES))
    if constant is not None and constant.size == 1:
        return None, float(constant.reshape(()))
    node = graph.producers.get(value)
    if node is not None and graph.labels[value] == "squeezed" and squeeze_of(graph, node) is None:
        if node.op in SHAPES:
            return _curve(graph, node.inputs[0])
        if node.op in CURVES:
            curves = [_curve(graph, one) if one else (None, None) for one in node.inputs]
            starts = {start for start, _ in curves if start is not None}
            if len(starts) == 1 and graph.labels[next(iter(starts))] == "squeezed":
                return starts.pop(), CURVES[node.op]([numbers for _, numbers in curves], node.attributes)
    return value, LOGITS
