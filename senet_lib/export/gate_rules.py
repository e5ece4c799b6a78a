"""The rules by which the gates of SE blocks are found in any ONNX file, as pure functions over plain values.

``senet_lib.export.reveal_gates`` reads and writes the file and calls these. The book's page has the same rules in
JavaScript, so they are written down, one by one. They need no names of modules, and no weights but a few scalars.
Rules 1 and 2, on what depends on the picture and what squeezes it, are in ``gate_graph``; rule 4, on what a block is,
in ``gate_blocks``; rule 5, on the gate's function, in ``gate_curves``.

**Rule 3, gatings.** Each ``Mul`` of one map and one squeezed value scales the map. Its *gate* is the squeezed value,
taken back through ``Expand``, ``Identity`` and ``Dropout``; but where *branches compete*, it is the output of a
``Softmax`` to which the squeezed value can be taken back through ``SHAPES`` and ``PARTS``, or of a ``Transpose`` right
behind this. They do if this output is squeezed, its second axis is the one that sums to 1 (the attribute ``axis``, seen
through ``perm``; before opset 13 exporters turn it to the end and back), the first axis is the batch's, all other sizes
are known, and more than one of them is not 1: the second is the number of branches, the product of the others is C. (So
do selective kernels and ResNeSt's splits.)

The *excitation* is all nodes from the gate back to the squeezes, through inputs that are not static. Multiplications by
one gate are one block. It is found if:

- there is a layer in the excitation: ``Conv``, ``Gemm`` or ``MatMul`` with exactly one input of its first two that is
  not static. (Without a layer it is a normalisation; of this nothing is said, unless the excitation has ``numbers`` of
  more than one entry in a floating-point type);
- the gate has as many axes as the map, or is an earlier form of a value that has: the gate's first axis is the
  batch's. (If it has fewer axes than the map and was not taken back, all pictures share the gates: not followed);
- branches compete, or of the gate's other axes exactly one is not 1: that is C.

What fails is listed with the reason; so is each ``Mul`` of two maps where the shape of one is known to be 1 in each
place, and the other's is not: its gates come from something that is no squeeze of rule 2. So are nodes with graphs
inside, nodes of ``QLinear...`` (int8 without floating-point values between), and nodes that are functions of the file.

**Rule 6, the new file.** For each block, right behind the node that makes the gate g, of type T and with G gates for a
picture, which is C, or C for each branch::

    override/<name>   a new input, float32 (rows, G). NaN keeps the network's own gate.
    given = Reshape(override/<name>, [-1, then the gate's axes])
    used  = Where(IsNaN(given), g, Cast(given to T))
    gates/<name>      a new output, float32 (pictures, G): Reshape(Cast(g to float32), [-1, G])

All nodes that took g take ``used`` now; nothing else changes, and if g is an output itself, it stays. Each new input
has an initializer, NaN (1, G), so that it may be left out. (ONNX Runtime Web cannot feed such inputs: a page leaves the
initializers away, and feeds NaN.)
"""

from collections.abc import Iterator

from senet_lib.export.gate_blocks import Excitation, GateBlock, describe, excitation_of, parameters_of
from senet_lib.export.gate_graph import INNER_GRAPHS, SAME_NUMBERS, Graph, Node, Shape

WORDS = {
    "reason": "{node}: {why}",
    "no layer": "no layer stands between its squeeze and its gates, only {names}",
    "no shape": "the shape of its gates, {gate}, is not known",
    "shared": "its gates have shape {shape}, without an axis for the pictures",
    "not one": "its gates have shape {shape}, not one number for each channel",
    "no pooling": "its gates, {shape}, come from something that is no pooling of whole maps",
    "one node": "{node}: {kind}",
    "more nodes": "{node} and {more} more: {kind}",
    "inner": "graphs inside a node",
    "functions": "functions of the file",
    "int8": "int8 without floating-point values between; quantize it with QuantFormat.QDQ",
}
SHARED = WORDS["shared"].split(", ")[1]


def find_gates(graph: Graph) -> tuple[list[GateBlock], list[str]]:
    """Rule 3: the blocks of a file, in its order, and one line for each thing that could not be followed."""
    products: dict[str, list[Node]] = {}
    lost = list(_opaque_nodes(graph))
    for node in graph.nodes:
        if node.op == "Mul":
            x, s = sorted(node.inputs, key=lambda value: graph.labels[value])  # "map" before "squeezed"
            if (graph.labels[x], graph.labels[s]) == ("map", "squeezed"):
                products.setdefault(_gate_of(graph, s), []).append(node)
            elif {graph.labels[x], graph.labels[s]} == {"map"}:
                lost += _unknown_squeeze(graph, node)
    blocks: list[GateBlock] = []
    for gate, nodes in products.items():
        excitation, branches = excitation_of(graph, gate), _branches(graph, gate)
        if reason := _reason_against(graph, gate, branches, nodes[0], excitation):
            lost.append(WORDS["reason"].format(node=nodes[0], why=reason))
        elif excitation.layers:
            blocks.append(describe(graph, gate, branches, nodes, excitation, blocks))
    return blocks, lost


def _gate_of(graph: Graph, factor: str) -> str:
    competing = (value for value in graph.softmaxes_behind(factor) if _branches(graph, value) > 1)
    return next(competing, None) or graph.back(factor, SAME_NUMBERS)


def _branches(graph: Graph, gate: str) -> int:
    """How many compete for each channel; 1 if none do."""
    sizes = graph.shapes.get(gate, ())[1:]
    is_competing = _summed_axis(graph, gate) == 1 and graph.labels[gate] == "squeezed"
    if not is_competing or len(graph.other_axes(gate) or ()) < 2:
        return 1
    return 1 if None in sizes or not sizes[0] else sizes[0]


def _summed_axis(graph: Graph, value: str) -> int | None:
    """The axis along which it sums to 1: of a softmax, or of a transposed one."""
    node = graph.producers[value]
    if node.op != "Transpose":
        return node.attributes.get("axis") if node.op == "Softmax" else None
    before, turned = graph.producers.get(node.inputs[0]), list(node.attributes.get("perm", ()))
    axis = before.attributes.get("axis") if before is not None and before.op == "Softmax" else None
    return turned.index(axis) if axis in turned else None


def _reason_against(graph: Graph, gate: str, branches: int, product: Node, excitation: Excitation) -> str | None:
    """Why these gates cannot be shown and set; None if they can, or if they are a normalisation."""
    if not excitation.layers:
        used = parameters_of(graph, excitation)
        return WORDS["no layer"].format(names=", ".join(used)) if used else None
    shape, axes = graph.shapes.get(gate), graph.other_axes(gate)
    if shape is None or axes is None:
        return WORDS["no shape"].format(gate=gate)
    x = next(value for value in product.inputs if graph.labels[value] == "map")
    if gate in product.inputs and len(shape) < len(graph.shapes.get(x, ())):
        return WORDS["shared"].format(shape=show(shape))
    return None if branches > 1 or len(axes) == 1 else WORDS["not one"].format(shape=show(shape))


def _unknown_squeeze(graph: Graph, product: Node) -> Iterator[str]:
    shapes = [graph.shapes.get(value, ()) for value in product.inputs]
    for gate, x in (shapes, shapes[::-1]):
        is_gate = len(gate) > 2 and set(gate[2:]) == {1} and gate[1] != 1
        if is_gate and len(x) == len(gate) and set(x[2:]) != {1}:
            yield WORDS["reason"].format(node=product, why=WORDS["no pooling"].format(shape=show(gate)))


def _opaque_nodes(graph: Graph) -> Iterator[str]:
    kinds = {
        "inner": [node for node in graph.nodes if node.op in INNER_GRAPHS],
        "functions": [node for node in graph.nodes if node.is_function],
        "int8": [node for node in graph.nodes if node.op.startswith("QLinear")],
    }
    for kind, nodes in kinds.items():
        if nodes:
            words = WORDS["more nodes" if len(nodes) > 1 else "one node"]
            yield words.format(node=nodes[0], more=len(nodes) - 1, kind=WORDS[kind])


def show(shape: Shape) -> str:
    return f"({', '.join('?' if size is None else str(size) for size in shape)})"
