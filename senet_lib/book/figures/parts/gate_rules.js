// The rules by which the gates of SE blocks are found in any ONNX file: those of senet_lib/export/gate_rules.py, which
// says them one by one. Here is rule 3; gate_graph.js, gate_blocks.js and gate_curves.js have the others.
import { describe, excitationOf, parametersOf } from "./gate_blocks.js";
import { INNER_GRAPHS, SAME_NUMBERS, isAll, isMap, labelOf, otherAxes, shapeFrom, softmaxesBehind, traceBack } from "./gate_graph.js";

const RULE_WORDS = {
  reason: ({ node, why }) => `${node}: ${why}`,
  noLayer: ({ names }) => `no layer stands between its squeeze and its gates, only ${names}`,
  noShape: ({ gate }) => `the shape of its gates, ${gate}, is not known`,
  shared: ({ shape }) => `its gates have shape ${shape}, without an axis for the pictures`,
  notOne: ({ shape }) => `its gates have shape ${shape}, not one number for each channel`,
  noPooling: ({ shape }) => `its gates, ${shape}, come from something that is no pooling of whole maps`,
  oneNode: ({ node, kind }) => `${node}: ${kind}`,
  moreNodes: ({ node, more, kind }) => `${node} and ${more} more: ${kind}`,
  inner: "graphs inside a node",
  functions: "functions of the file",
  int8: "int8 without floating-point values between; quantize it with QuantFormat.QDQ",
};

const nameNode = (node) => `${node.op} ${node.name || node.outputs[0]}`;
const showShape = (shape) => `(${shape.map((size) => size ?? "?").join(", ")})`;

/** The blocks of a file, in its order, and one line for each thing that could not be followed: { blocks, lost }. */
export function findGates(graph) {
  const products = new Map();
  const lost = opaqueNodes(graph);
  for (const node of graph.nodes) {
    if (node.op !== "Mul") continue;
    const [x, s] = isMap(graph, node.inputs[1]) && !isMap(graph, node.inputs[0]) ? [...node.inputs].reverse() : node.inputs;
    if (!isMap(graph, x)) continue;
    if (labelOf(graph, s) === "squeezed") {
      const gate = gateOf(graph, s);
      products.set(gate, [...(products.get(gate) ?? []), node]);
    } else if (isMap(graph, s)) lost.push(...unknownSqueezes(graph, node));
  }
  const blocks = [];
  for (const [gate, nodes] of products) {
    const [excitation, branches] = [excitationOf(graph, gate), countBranches(graph, gate)];
    const why = reasonAgainst(graph, gate, branches, nodes[0], excitation);
    if (why) lost.push(RULE_WORDS.reason({ node: nameNode(nodes[0]), why }));
    else if (excitation.layers.length > 0) blocks.push(describe(graph, gate, branches, nodes, excitation, blocks));
  }
  return { blocks, lost };
}

function gateOf(graph, factor) {
  const competing = softmaxesBehind(graph, factor).find((value) => countBranches(graph, value) > 1);
  return competing ?? traceBack(graph, factor, SAME_NUMBERS);
}

/** How many branches compete for each channel; 1 if none do. */
function countBranches(graph, gate) {
  const isCompeting = summedAxis(graph, gate) === 1 && labelOf(graph, gate) === "squeezed";
  if (!isCompeting || (otherAxes(graph, gate) ?? []).length < 2) return 1;
  const sizes = shapeFrom(graph, gate, 1);
  return sizes.includes(null) ? 1 : sizes[0] || 1;
}

/** The axis along which a value sums to 1: of a softmax, or of a transposed one. */
function summedAxis(graph, value) {
  const { op, attributes, inputs } = graph.producers.get(value);
  if (op === "Softmax") return attributes.axis;
  const before = graph.producers.get(inputs[0]);
  return op === "Transpose" && before?.op === "Softmax" ? attributes.perm?.indexOf(before.attributes.axis) : undefined;
}

/** Why these gates cannot be shown and set; null if they can, or if they are a normalisation. */
function reasonAgainst(graph, gate, branches, product, excitation) {
  if (excitation.layers.length === 0) {
    const used = parametersOf(graph, excitation);
    return used.length > 0 ? RULE_WORDS.noLayer({ names: used.join(", ") }) : null;
  }
  const shape = graph.shapes.get(gate);
  if (!shape) return RULE_WORDS.noShape({ gate });
  const x = product.inputs.find((value) => isMap(graph, value));
  if (product.inputs.includes(gate) && shape.length < shapeFrom(graph, x).length) return RULE_WORDS.shared({ shape: showShape(shape) });
  return branches > 1 || otherAxes(graph, gate).length === 1 ? null : RULE_WORDS.notOne({ shape: showShape(shape) });
}

function unknownSqueezes(graph, product) {
  const shapes = product.inputs.map((value) => shapeFrom(graph, value));
  const found = [shapes, [...shapes].reverse()].filter(([gate, x]) => {
    const isGate = gate.length > 2 && isAll(gate.slice(2), 1) && gate[1] !== 1;
    return isGate && x.length === gate.length && !isAll(x.slice(2), 1);
  });
  const node = nameNode(product);
  return found.map(([gate]) => RULE_WORDS.reason({ node, why: RULE_WORDS.noPooling({ shape: showShape(gate) }) }));
}

function opaqueNodes(graph) {
  const kinds = {
    inner: (node) => INNER_GRAPHS.has(node.op),
    functions: (node) => node.isFunction,
    int8: (node) => node.op.startsWith("QLinear"),
  };
  return Object.entries(kinds).flatMap(([key, isOne]) => {
    const nodes = graph.nodes.filter(isOne);
    if (nodes.length === 0) return [];
    const words = nodes.length > 1 ? RULE_WORDS.moreNodes : RULE_WORDS.oneNode;
    return [words({ node: nameNode(nodes[0]), more: nodes.length - 1, kind: RULE_WORDS[key] })];
  });
}
