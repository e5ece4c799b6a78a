"""Examine the SE blocks of an ONNX file, as far as a file tells: what ``senet_lib.doctor`` says of a network.

    print(examine_onnx("model.onnx"))

The blocks are found by the rules in ``senet_lib.export.gate_rules``. Nothing is run, but for shapes it lacks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from senet_lib.doctor.examination import Report
from senet_lib.doctor.layer_findings import LINEAR, MIXED, SUM, Found, bias_notes, gate_faults
from senet_lib.doctor.network_findings import Finding, examine_widths
from senet_lib.doctor.se_layers import SELayer
from senet_lib.export.gate_blocks import GateBlock
from senet_lib.export.gate_graph import SHAPES, Graph, Node
from senet_lib.export.gate_rules import SHARED, find_gates
from senet_lib.export.reveal_gates import graph_of, read_model, with_shapes

NOT_RUN = "the file does not run in ONNX Runtime ({said})"
NO_BLOCK = Finding(
    "no-se",
    "note",
    "",
    "No map is multiplied by gates that come from a pooling of whole maps and layers.",
    "Export a network with SE, or examine the network itself with senet_lib.doctor.examine.",
)


def examine_onnx(path: str | Path) -> Report:
    """Which SE blocks a file has, and what is wrong with them.

    Places, gradients and modules are not in a file: for these give the network to ``senet_lib.doctor.examine``.

    Raises:
        ModuleNotFoundError, ValueError: as ``senet_lib.export.reveal_gates``, but for a file without SE.
    """
    model = read_model(path, may_be_revealed=True)
    graph, problem = with_shapes(model, graph_of(model))
    blocks, lost = find_gates(_as_meant(graph))
    lost += [NOT_RUN.format(said=problem)] if problem else []
    layers = tuple(_layer(block) for block in blocks)
    findings = list(_findings(layers, blocks))
    findings += [Finding(MIXED[0], MIXED[1], line.split(":")[0], *MIXED[2:]) for line in lost if SHARED in line]
    findings += [] if blocks or findings else [NO_BLOCK]
    findings.sort(key=lambda finding: finding.kind)  # "fault" before "note"
    return Report(layers, tuple(findings), tuple(line for line in lost if SHARED not in line))


def _as_meant(graph: Graph) -> Graph:
    """The graph without the inputs that set gates."""
    nodes = [
        replace(node, op="Identity", inputs=node.inputs[1:2])
        if node.op == "Where" and _lets_gates_be_set(graph, node)
        else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=nodes)


def _lets_gates_be_set(graph: Graph, node: Node) -> bool:
    """Whether it is the one that ``export_onnx`` and ``reveal_gates`` write: a NaN keeps the network's own gate."""
    test = graph.producers.get(node.inputs[0])
    return test is not None and test.op == "IsNaN" and graph.back(test.inputs[0], SHAPES).startswith("override/")


def _layer(block: GateBlock) -> SELayer:
    kind = {"linear": "Linear"}.get(block.kind, block.kind)
    return SELayer(
        block.name, "-", block.channels, block.hidden, block.biases, kind, block.gate, block.squeeze, "-", block.limits
    )


def _findings(layers: Sequence[SELayer], blocks: Sequence[GateBlock]) -> Iterator[Finding]:
    for layer, block in zip(layers, blocks, strict=True):
        found: list[Found] = [*gate_faults(layer), *bias_notes(layer)]
        found += [LINEAR] if block.linear else []
        found += [SUM] if "sum" in block.squeeze else []
        for code, kind, what, fix in found:
            yield Finding(code, kind, layer.name, what, fix)
    yield from examine_widths(layers)
