"""What an SE block in an ONNX file is: widths, layers, biases, squeeze, parameters, name. Rule 4.

``senet_lib.export.gate_rules`` has the other rules, and calls this for each block that it has found.

**Rule 4, what a block is.**

- *channels*: C, the one axis of the gate; if its size is not known, the width of the last layer; if that is a
  convolution along the channels, the channels of the map. If *branches* compete (rule 3), their sizes are known.
- *layers*: in order, those with the same weights once. *Width* of a layer: first size of a ``Conv``'s weights; last of
  a ``MatMul``'s (first but one if the weights are the first input); of a ``Gemm``'s the first with ``transB``, else the
  last. Weights may stand behind ``Transpose``, ``Identity``, ``Cast``, ``DequantizeLinear`` and ``QuantizeLinear``.
  Two are the same if they are, taken back through ``SHAPES``.
- *kind*: "1-d convolution" if all are ``Conv`` with a kernel that has a size above 1; "1x1 convolution" if all are
  other ``Conv``; "linear" if all are ``Gemm`` or ``MatMul``; else "mixed".
- *hidden*: the width of the first of exactly two layers, if their kind is not "1-d convolution". *r* is C / hidden.
- *biases*: for each layer, whether it has a third input, or its output goes only into an ``Add`` of static numbers with
  more than one entry, or into a ``BatchNormalization``.
- *squeeze*: the words in brackets of rule 2 for the excitation's squeezes, each once, joined by " and ". A sum is
  attention if it is of a ``Mul`` whose one input, taken back through ``SHAPES`` and ``PARTS``, is a ``Softmax``'s
  output. It is a mean if it is over one place, or if each node that uses it is a ``Div`` of it by the number of places,
  or by a static value that is not among the ``numbers`` (a number that is computed from the shape).
- *same*: whether each squeeze reads the map that is scaled, both taken back through ``SHAPES`` and the ``Reduce...`` of
  rule 2; of an attention, the input that is not its weights.
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
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from senet_lib.common.gate_functions import OVER_BRANCHES
from senet_lib.common.names import common_beginning
from senet_lib.export.gate_curves import SOFTMAX, function_of
from senet_lib.export.gate_graph import LAYERS, REDUCTIONS, SHAPES, Graph, Node, Shape

SAME_MAP = SHAPES | REDUCTIONS.keys()


@dataclass(frozen=True)
class GateBlock:
    """One SE block of a file. What each attribute is, and how it is found, is said in rule 4.

    Attributes:
        name: unique in the file.
        channels: C.
        branches: how many compete for each channel, as in selective kernels; 1 for SE.
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
    branches: int
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

    @property
    def gates(self) -> int:
        """How many numbers a picture has: C for each branch, the first branch first."""
        return self.branches * self.channels


@dataclass(frozen=True)
class Excitation:
    """What lies between the squeezes and a gate: nodes in the file's order, and the layers among them."""

    nodes: tuple[Node, ...]
    squeezes: tuple[Node, ...]
    layers: tuple[Node, ...]


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
    nodes, pools = (tuple(node for node in graph.nodes if id(node) in group) for group in (inside, squeezes))
    layers: dict[str, Node] = {}
    for node in nodes:
        if node.op in LAYERS and len(weights := graph.still(node, 2)) == 1:
            layers.setdefault(graph.back(weights[0], SHAPES), node)
    return Excitation(nodes, pools, tuple(layers.values()))


def describe(
    graph: Graph, gate: str, branches: int, products: Sequence[Node], excitation: Excitation, others: list[GateBlock]
) -> GateBlock:
    """Rule 4: all about one block.

    Args:
        graph: of the file.
        gate: name of the value.
        branches: how many compete; 1 for SE.
        products: the multiplications by it.
        excitation: what makes it.
        others: the blocks before it.
    """
    layers = excitation.layers
    kind = _kind_of(graph, layers)
    x = next(value for value in products[0].inputs if graph.labels[value] == "map")
    channels = _channels(graph, gate, branches, x if kind == "1-d convolution" else layers[-1])
    used = parameters_of(graph, excitation)
    every = [name for name in graph.numbers if _is_parameter(graph, name)]
    count, total = (sum(graph.numbers[name].size for name in names) for names in (used, every))
    function, limits = function_of(graph, gate)
    shape = graph.shapes[gate]
    return GateBlock(
        name=_unique(_name_of(graph, excitation) or f"block {len(others) + 1}", {block.name for block in others}),
        channels=channels,
        branches=branches,
        hidden=_width_of(graph, layers[0]) if len(layers) == 2 and kind != "1-d convolution" else None,
        kind=kind,
        biases=tuple(_has_bias(graph, layer) for layer in layers),
        linear=any(_is_fed_by_a_layer(graph, layer) for layer in layers),
        gate=OVER_BRANCHES if function == SOFTMAX and branches > 1 else function,
        limits=limits,
        squeeze=" and ".join(dict.fromkeys(_word_of(graph, node) for node in excitation.squeezes)),
        same={_squeezed(graph, node) for node in excitation.squeezes} == {graph.back(x, SAME_MAP)},
        parameters=count,
        share=count / max(total, 1),
        map_shape=graph.shapes.get(x, ()),
        where=tuple(node.name or node.outputs[0] for node in products),
        value=gate,
        value_shape=(shape[0], *(channels if size is None else size for size in shape[1:])),
    )


# --- squeezes ---------------------------------------------------------------------------------------------------------


def _word_of(graph: Graph, node: Node) -> str:
    """What a squeeze is in a block's description."""
    word = graph.squeeze_of(node) or ""
    if word == "sum" and _weighted_sum(graph, node):
        return "attention"
    return "mean" if word == "sum" and _is_mean(graph, node) else word


def _squeezed(graph: Graph, node: Node) -> str:
    """The map that is squeezed, of which others are forms."""
    product = node if graph.squeeze_of(node) == "attention" else _weighted_sum(graph, node)
    return graph.back((product and graph.weighted(product)) or node.inputs[0], SAME_MAP)


def _weighted_sum(graph: Graph, summed: Node) -> Node | None:
    """The product of a map and weights from a softmax that is summed up, if it is one."""
    product = graph.producers.get(graph.back(summed.inputs[0], SHAPES))
    return product if product is not None and product.op == "Mul" and graph.weighted(product) else None


def _is_mean(graph: Graph, summed: Node) -> bool:
    """Whether a sum is over one place, or all that use it divide it by the number of places."""
    shapes = [graph.shapes.get(name, (None, None))[1:] for name in (summed.inputs[0], summed.outputs[0])]
    before, after = (None if None in shape else math.prod(size or 1 for size in shape) for shape in shapes)
    places = before / after if before and after else None
    users = graph.consumers.get(summed.outputs[0], [])
    return places == 1 or all(_divides_by(graph, user, summed.outputs[0], places) for user in users)


def _divides_by(graph: Graph, node: Node, total: str, places: float | None) -> bool:
    """Whether the total is divided by this number, or by one that is computed from the shape."""
    if node.op != "Div" or node.inputs[0] != total or graph.labels[node.inputs[1]] != "static":
        return False
    divisor = graph.number(node.inputs[1])
    return divisor is None or bool(np.all(divisor == places))


# --- layers -----------------------------------------------------------------------------------------------------------


def _channels(graph: Graph, gate: str, branches: int, last: Node | str) -> int:
    """C: of the gate, or else of its last layer, or of the map that it scales."""
    sizes = graph.other_axes(gate) or [None]
    if sizes[0] is not None:
        return math.prod(size or 1 for size in sizes) // branches
    return (_channels_of(graph, last) if isinstance(last, str) else _width_of(graph, last)) or 0


def _channels_of(graph: Graph, x: str) -> int | None:
    """Of a map: its second size, or else the width of the convolution or normalisation that it comes from."""
    while True:
        if (shape := graph.shapes.get(x)) and len(shape) > 1 and shape[1] is not None:
            return shape[1]
        node = graph.producers.get(x)
        if node is None or not graph.moving(node):
            return None
        if node.op in {"Conv", "BatchNormalization"} and (shape := graph.static_shape(node.inputs[1])):
            return shape[0]
        x = graph.moving(node)[0]


def _width_of(graph: Graph, layer: Node) -> int | None:
    """How many numbers a layer makes of its input."""
    weights = graph.still(layer, 2)[0]
    shape = graph.static_shape(weights)
    if not shape:
        return None
    if layer.op == "Conv":
        return shape[0]
    is_first = weights == layer.inputs[0]
    if layer.op == "Gemm":
        is_turned = bool(layer.attributes.get("transA" if is_first else "transB", 0))
        return shape[int(is_turned)] if is_first else shape[0 if is_turned else -1]
    return shape[-2 if is_first else -1]


def _kind_of(graph: Graph, layers: Sequence[Node]) -> str:
    kinds = set()
    for layer in layers:
        kernel = (graph.static_shape(graph.still(layer, 2)[0]) or ())[2:]
        along = "1-d convolution" if set(kernel) - {1} else "1x1 convolution"
        kinds.add(along if layer.op == "Conv" else "linear")
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _is_fed_by_a_layer(graph: Graph, layer: Node) -> bool:
    """Whether nothing but a linear map stands between a layer and one before it."""
    value = graph.moving(layer)[0]
    while (node := graph.producers.get(value)) is not None and graph.labels[value] == "squeezed":
        moving = graph.moving(node)
        if node.op in LAYERS and len(moving) == 1:
            return True
        is_scaling = node.op in {"Add", "Sub", "Mul", "Div"} and len(moving) == 1
        if not is_scaling and node.op not in SHAPES | {"BatchNormalization"}:
            return False
        value = moving[0]
    return False


def _has_bias(graph: Graph, layer: Node) -> bool:
    if len(layer.inputs) > 2 and layer.inputs[2]:
        return True
    uses = graph.consumers.get(layer.outputs[0], [])
    if len(uses) != 1 or uses[0].op not in {"Add", "BatchNormalization"}:
        return False
    return any(set(graph.static_shape(value) or ()) - {1} for value in graph.still(uses[0]))


# --- parameters and names ---------------------------------------------------------------------------------------------


def parameters_of(graph: Graph, excitation: Excitation) -> list[str]:
    """Names of all arrays that the excitation uses, in order."""
    found: dict[str, None] = {}
    stack = [value for node in reversed(excitation.nodes) for value in reversed(node.inputs) if value]
    while stack:
        value = stack.pop()
        if value in graph.numbers:
            if _is_parameter(graph, value):
                found[value] = None
        elif graph.labels[value] == "static" and value in graph.producers:
            stack += [one for one in graph.producers[value].inputs[::-1] if one]
    return list(found)


def _is_parameter(graph: Graph, name: str) -> bool:
    array = graph.numbers[name]
    return array.size > 1 and array.dtype not in (np.int64, np.bool_) and array.dtype.kind not in "OSU"


def _name_of(graph: Graph, excitation: Excitation) -> str:
    """By weights, by scopes, by nodes; "" if none of these have names."""
    roots = [graph.back(graph.still(layer, 2)[0], SHAPES) for layer in excitation.layers]
    if all("." in name and "::" not in name for name in roots):
        parts = [name.split(".")[:-1] for name in roots]
        if len(parts) == 1 and len(parts[0]) > 1:
            parts = [parts[0][:-1]]
        if common := common_beginning(parts):
            return ".".join(common)
    nodes = (*excitation.squeezes, *excitation.nodes)
    if common := common_beginning([node.scopes for node in nodes]):
        return common[-1]
    return "/".join(common_beginning([node.name.strip("/").split("/")[:-1] for node in nodes]))


def _unique(name: str, taken: Iterable[str]) -> str:
    names = set(taken)
    number, free = 2, name
    while free in names:
        number, free = number + 1, f"{name} ({number})"
    return free
