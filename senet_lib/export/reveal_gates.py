"""An X-ray for anybody's network: show and set the gates of the SE blocks in an ONNX file that somebody else wrote.

    found = reveal_gates("model.onnx", "revealed.onnx")
    print(found)
    logits, gates = load_onnx("revealed.onnx").run(pictures, {found.blocks[0].name: [1.0] * 64})  # SE off in this block

Which multiplications are found, and what the new file looks like, is said rule by rule in
``senet_lib.export.gate_rules``. Needs ``pip install onnx onnxruntime``; no torch.
"""

import importlib
import json
import re
from ast import literal_eval
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.messages import short
from senet_lib.export.gate_blocks import GateBlock
from senet_lib.export.gate_graph import Graph, Node, Shape, wanted_shapes
from senet_lib.export.gate_rules import find_gates
from senet_lib.export.onnx_network import REVEALED, read_file, session_of

OLDEST_OPSET = 9  # the first one with IsNaN and Where
OLDEST_VERSION = 4  # of the format: the first one whose initializers can be left to their users
UNKNOWN_OPERATOR = re.compile(r"(?:No Op registered for |Fatal error: [\w.]*:)(\w+)")
LARGEST_BYTES = 2**31 - 1  # that protobuf reads
LONGEST_LIST = 5
WORDS = {
    "none": "{path} is no ONNX file, or is cut short; download or export it again",
    "empty": "{path} is no ONNX file, or an empty one: it has no nodes; name a file of an exporter",
    "large": "{path} has {size:.1f} GB, and an ONNX file must stay below 2 GB; export it with its weights in a second "
    "file: onnx.save(..., save_as_external_data=True)",
    "too large": "{path} cannot be written as one file ({said}); it must stay below 2 GB",
    "opset": "{path} has opset {opset}; it must be {oldest} or later: see onnx.version_converter.convert_version",
    "revealed": "{path} shows its gates and lets them be set already; open it with load_onnx",
    "external": "{path} keeps its weights in other files that are missing or damaged ({said}); put them beside it",
    "no block": "{path} has no SE block: no map is multiplied by gates from a squeeze and layers; choose a network "
    "with SE",
    "no block but": "{path} has no SE block that can be followed: {lost}",
    "refused": "{path} does not run in ONNX Runtime ({said}), so its gates cannot be found; export it again",
}


@dataclass(frozen=True)
class Revealed:
    """What was found in a file; ``print`` shows it.

    Attributes:
        path: of the new file.
        blocks: in the file's order.
        not_followed: a line for each thing that may hold gates and could not be followed.
    """

    path: Path
    blocks: tuple[GateBlock, ...]
    not_followed: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{len(self.blocks)} SE block{'s' if len(self.blocks) > 1 else ''}:"]
        lines += [_line(block) for block in self.blocks]
        if self.not_followed:
            lines += ["Not followed:", *(f"  {line}" for line in self.not_followed)]
        return "\n".join(lines)


def reveal_gates(path: str | Path, revealed: str | Path) -> Revealed:
    """Find the SE blocks of an ONNX file, and write a file whose gates are outputs and can be set.

    Without overrides the new file computes what the old one does.

    Args:
        path: of any ONNX file, opset 9 or later.
        revealed: of the new file, of which ``senet_lib.export.onnx_network.load_onnx`` can run each network with one
            input. It is written atomically. All weights are in it, so it must stay below 2 GB.

    Raises:
        ModuleNotFoundError: if onnx or onnxruntime is missing, with the command that installs it.
        ValueError: if the file cannot be read or is no ONNX file, its external data is missing, its opset is too old,
            its gates can be set already, or no SE block is found in it. Nothing is written then.
    """
    model = read_model(path)
    from google.protobuf.message import Error  # comes with ONNX, which read_model asks for

    graph, problem = with_shapes(model, graph_of(model))
    blocks, lost = find_gates(graph)
    if not blocks:
        words = "refused" if problem else "no block but" if lost else "no block"
        raise ValueError(WORDS[words].format(path=path, said=problem, lost="; ".join(lost[:LONGEST_LIST])))
    rewritten = with_overrides(model, blocks)
    about = json.dumps([asdict(block) for block in blocks])
    rewritten.metadata_props.add(key=REVEALED, value=about)
    try:
        content = rewritten.SerializeToString(deterministic=True)
    except (Error, ValueError) as error:
        raise ValueError(WORDS["too large"].format(path=path, said=short(error))) from None
    return Revealed(write_atomically(Path(revealed), content), tuple(blocks), tuple(lost))


def _line(block: GateBlock) -> str:
    many = "" if block.branches == 1 else f"{block.branches} branches of "
    hidden = "" if block.hidden is None else f" -> {block.hidden} -> {block.channels} (r = {block.ratio:.4g})"
    biases = "with biases" if all(block.biases) else "some biases" if any(block.biases) else "no biases"
    other = "" if block.same else ", squeezed from other maps"
    return (
        f"  {block.name}: {many}C = {block.channels}{hidden}, {block.kind}, {biases}, squeeze {block.squeeze}{other}, "
        f"gate {block.gate}, {block.parameters:,} parameters ({block.share:.2%})"
    )


# --- reading ----------------------------------------------------------------------------------------------------------


def read_model(path: str | Path, may_be_revealed: bool = False) -> Any:
    """ONNX's own model from a file, with its external data and all shapes that can be inferred.

    Args:
        path: of the file.
        may_be_revealed: whether a file will do whose gates can be set already.

    Raises:
        ModuleNotFoundError, ValueError: see :func:`reveal_gates`.
    """
    onnx = _onnx()
    from google.protobuf.message import Error  # comes with ONNX

    model = onnx.ModelProto()
    if Path(path).is_file() and (size := Path(path).stat().st_size) >= LARGEST_BYTES:
        raise ValueError(WORDS["large"].format(path=path, size=size / 1e9))
    try:
        model.ParseFromString(read_file(path, "any exporter"))
    except Error:
        raise ValueError(WORDS["none"].format(path=path)) from None
    if not model.graph.node:
        raise ValueError(WORDS["empty"].format(path=path))
    opset = max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=0)
    if opset < OLDEST_OPSET:
        raise ValueError(WORDS["opset"].format(path=path, opset=opset, oldest=OLDEST_OPSET))
    if not may_be_revealed and any(value.name.startswith("override/") for value in model.graph.input):
        raise ValueError(WORDS["revealed"].format(path=path))
    try:
        onnx.load_external_data_for_model(model, str(Path(path).parent))
    except Exception as error:  # ONNX's own, or an OSError
        raise ValueError(WORDS["external"].format(path=path, said=short(error))) from None
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except (onnx.shape_inference.InferenceError, Error, RuntimeError, ValueError):
        return model  # of a graph that ONNX cannot infer, such as one above 2 GB, the shapes in the file must do


def graph_of(model: Any) -> Graph:
    """The plain values to which the rules are applied."""
    onnx = _onnx()
    graph = model.graph
    numbers = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    functions = {(one.domain, one.name) for one in model.functions}
    nodes = []
    for proto in graph.node:
        attributes = {one.name: _plain(one) for one in proto.attribute}
        is_function = (proto.domain, proto.op_type) in functions
        node = Node(
            proto.op_type, proto.name, tuple(proto.input), tuple(proto.output), attributes, _scopes(proto), is_function
        )
        nodes.append(node)
        if proto.op_type == "Constant" and attributes:
            value = np.asarray(next(iter(attributes.values())))
            numbers[proto.output[0]] = value
    inputs = [one.name for one in graph.input if one.name not in numbers]
    values = (*graph.input, *graph.value_info, *graph.output)
    shapes = {one.name: _shape(one) for one in values if one.type.tensor_type.HasField("shape")}
    return Graph(nodes, numbers, inputs, shapes)


def _plain(attribute: Any) -> Any:
    onnx = _onnx()
    if attribute.type == onnx.AttributeProto.TENSOR:
        return onnx.numpy_helper.to_array(attribute.t)
    if attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS, onnx.AttributeProto.SPARSE_TENSOR):
        return None
    return onnx.helper.get_attribute_value(attribute)


def _scopes(proto: Any) -> tuple[str, ...]:
    """Names of the modules around a node, as torch's exporter notes them."""
    for one in getattr(proto, "metadata_props", ()):
        if one.key == "pkg.torch.onnx.name_scopes":
            try:
                return tuple(str(name) for name in literal_eval(one.value)[:-1] if name)
            except (ValueError, SyntaxError):
                return ()
    return ()


def _shape(value: Any) -> Shape:
    """Its sizes; None where they are free, which some exporters write as -1."""
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else None for dim in dims)


def with_shapes(model: Any, graph: Graph) -> tuple[Graph, str]:
    """The same with the shapes that the rules need and the file does not tell: they are seen in one run on zeros.

    And why that run failed, or "": the rules say then which shapes are not known.
    """
    wanted = [name for name in wanted_shapes(graph) if None in graph.shapes.get(name, (None, None))[1:]]
    feeds = _zeros(model, graph)
    if not wanted or feeds is None:
        return graph, ""
    asking = _onnx().ModelProto()
    asking.CopyFrom(model)
    del asking.graph.output[:]
    asking.graph.output.extend(_onnx().ValueInfoProto(name=name) for name in wanted)
    try:
        session = session_of(asking.SerializeToString(), "the file", "any exporter")
        seen = session.run(wanted, feeds)
    except Exception as error:  # ONNX Runtime's own classes have no other in common
        cause = error.__context__ or error  # what session_of has cut short
        unknown = UNKNOWN_OPERATOR.search(str(cause))
        return graph, f"it has no operator {unknown[1]}" if unknown else short(cause)
    shapes = {name: (None, *value.shape[1:]) for name, value in zip(wanted, seen, strict=True)}
    return replace(graph, shapes={**graph.shapes, **shapes}), ""


def _zeros(model: Any, graph: Graph) -> dict[str, np.ndarray] | None:
    """One picture of zeros; where sides are free, it is 224 wide, or 32 in three dimensions."""
    onnx = _onnx()
    feeds = {}
    for one in model.graph.input:
        if one.name in graph.inputs:
            shape = graph.shapes.get(one.name)
            if shape is None or 0 in shape:
                return None
            side = 32 if len(shape) > 4 else 224
            kind = onnx.helper.tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type)
            feeds[one.name] = np.zeros([size or (side if axis > 1 else 1) for axis, size in enumerate(shape)], kind)
    return feeds


def _onnx() -> Any:
    try:
        onnx = importlib.import_module("onnx")
        importlib.import_module("onnx.shape_inference")
        return onnx
    except ImportError as error:
        raise ModuleNotFoundError(f"onnx cannot be loaded ({error}); run: pip install onnx") from error


# --- writing ----------------------------------------------------------------------------------------------------------


def with_overrides(model: Any, blocks: Sequence[GateBlock]) -> Any:
    """Rule 6: a copy of the model with an output and an input for the gates of each block."""
    onnx = _onnx()
    new = onnx.ModelProto()
    new.CopyFrom(model)
    new.ir_version = max(new.ir_version, OLDEST_VERSION)
    graph = new.graph
    types = {one.name: one.type.tensor_type.elem_type for one in (*graph.value_info, *graph.input, *graph.output)}
    for block in blocks:
        nodes, used = _override_nodes(block, types.get(block.value) or onnx.TensorProto.FLOAT)
        place = next(number for number, node in enumerate(graph.node) if block.value in node.output)
        for node in graph.node:
            for number, value in enumerate(node.input):
                if value == block.value:
                    node.input[number] = used
        tail = list(graph.node[place + 1 :])
        del graph.node[place + 1 :]
        graph.node.extend([*nodes, *tail])
        graph.input.append(_value(f"override/{block.name}", f"rows/{block.name}", block.gates))
        graph.output.append(_value(f"gates/{block.name}", f"pictures/{block.name}", block.gates))
        nothing = np.full((1, block.gates), np.nan, np.float32)
        graph.initializer.append(onnx.numpy_helper.from_array(nothing, f"override/{block.name}"))
        axes = {f"axes/{block.name}": [-1, *block.value_shape[1:]], f"row/{block.name}": [-1, block.gates]}
        graph.initializer.extend(onnx.numpy_helper.from_array(np.array(v, np.int64), k) for k, v in axes.items())
    return new


def _override_nodes(block: GateBlock, kind: int) -> tuple[list[Any], str]:
    """The new nodes, and the name of the gates that the network shall use."""
    onnx = _onnx()
    own, override, gates = block.value, f"override/{block.name}", f"gates/{block.name}"
    given, is_none, cast, used, plain = (f"{word}/{block.name}" for word in ("given", "none", "cast", "used", "plain"))
    make = onnx.helper.make_node
    nodes = [
        make("Reshape", [override, f"axes/{block.name}"], [given], given),
        make("IsNaN", [given], [is_none], is_none),
        make("Cast", [given], [cast], cast, to=kind),
        make("Where", [is_none, own, cast], [used], used),
        make("Cast", [own], [plain], plain, to=onnx.TensorProto.FLOAT),
        make("Reshape", [plain, f"row/{block.name}"], [gates], gates),
    ]
    return nodes, used


def _value(name: str, rows: str, channels: int) -> Any:
    onnx = _onnx()
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [rows, channels])
