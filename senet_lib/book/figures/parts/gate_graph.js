// The graph of an ONNX file as plain values, what depends on the picture, and what squeezes maps: rules 1 and 2 of
// senet_lib/export/gate_graph.py, which says them one by one. Here is the same; tests hold both to the same answers.
// A graph is { nodes, numbers, inputs, shapes }. A node: { op, name, inputs, outputs, attributes, scopes, isFunction }.
// numbers: Map from a name to { dims, size, type, values() }; shapes: Map from a name to sizes, null for one not known.

const STATIC_OPS = new Set(["Shape", "Size", "ConstantOfShape", "EyeLike"]);
export const INNER_GRAPHS = new Set(["If", "Loop", "Scan"]);
const SPREADING = new Set(["Resize", "Upsample", "ConvTranspose", "DepthToSpace", "GridSample", ...INNER_GRAPHS]);
const GLOBAL_POOLS = { GlobalAveragePool: "mean", GlobalMaxPool: "max", GlobalLpPool: "norm" };
const REDUCTIONS = { ReduceMean: "mean", ReduceMax: "max", ReduceSum: "sum", ReduceL2: "norm" };
const WINDOWS = { AveragePool: "mean", MaxPool: "max", LpPool: "norm" };
const PRODUCT_OPS = new Set(["MatMul", "Einsum"]);
export const LAYER_OPS = new Set(["Conv", "Gemm", "MatMul"]);
export const SAME_NUMBERS = new Set(["Expand", "Identity", "Dropout"]);
/** Operators that change the shape of their input only. */
export const SHAPE_OPS = new Set([
  ...[...SAME_NUMBERS, "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Cast"],
  ...["CastLike", "QuantizeLinear", "DequantizeLinear"],
]);
export const FORMS_AND_PARTS = new Set([...SHAPE_OPS, "Split", "Slice", "Gather"]);
export const SAME_MAP = new Set([...SHAPE_OPS, ...Object.keys(REDUCTIONS)]);
const BEHIND_WEIGHTS = new Set(["Identity", "Cast", "QuantizeLinear", "DequantizeLinear"]);

/** What the rules ask again and again. */
export function prepareGraph(graph) {
  const producers = new Map();
  const consumers = new Map();
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output) producers.set(output, node);
    for (const value of new Set(node.inputs)) consumers.set(value, [...(consumers.get(value) ?? []), node]);
  }
  const ready = { ...graph, producers, consumers };
  ready.labels = labelsOf(ready);
  return ready;
}

export const labelOf = (graph, value) => graph.labels.get(value) ?? "static";
export const isMap = (graph, value) => labelOf(graph, value) === "map";
/** What a node computes with. */
const inputsOf = (node) => (node.op === "CastLike" ? node.inputs.slice(0, 1) : node.inputs).filter(Boolean);
/** Its inputs that depend on the picture. */
export const moving = (graph, node) => inputsOf(node).filter((value) => labelOf(graph, value) !== "static");
/** Those of its first inputs, or of all, that do not. */
export const stillInputs = (graph, node, most) =>
  node.inputs.slice(0, most).filter((value) => value && labelOf(graph, value) === "static");
export const shapeFrom = (graph, value, first) => (graph.shapes.get(value) ?? []).slice(first);
export const isAll = (list, value) => list.length > 0 && list.every((one) => one === value);

/** The value that this one is another form of: back through nodes of these operators. */
export function traceBack(graph, value, through) {
  let node = graph.producers.get(value);
  while (node && through.has(node.op)) {
    value = node.inputs[0];
    node = graph.producers.get(value);
  }
  return value;
}

/** The output of a softmax that a value is a form or a part of; null if there is none. */
export function softmaxBehind(graph, value) {
  const origin = traceBack(graph, value, FORMS_AND_PARTS);
  return graph.producers.get(origin)?.op === "Softmax" ? origin : null;
}

/** The output of that softmax, and its transposed forms; none if there is no softmax. */
export function softmaxesBehind(graph, value) {
  const softmax = softmaxBehind(graph, value);
  if (!softmax) return [];
  const turned = graph.nodes.filter(({ op, inputs }) => op === "Transpose" && inputs[0] === softmax);
  return [softmax, ...turned.map(({ outputs }) => outputs[0])];
}

/** The array that a value is a form of, if it is one of the numbers. */
export const numberOf = (graph, value) => graph.numbers.get(traceBack(graph, value, SHAPE_OPS));

/** Of weights, which may stand behind a few operators; null if it is not known. */
export function staticShape(graph, value) {
  if (graph.numbers.has(value)) return graph.numbers.get(value).dims;
  const node = graph.producers.get(value);
  if (node?.op === "Transpose") {
    const shape = staticShape(graph, node.inputs[0]);
    if (shape?.length) return (node.attributes.perm ?? shape.map((_, i) => shape.length - 1 - i)).map((axis) => shape[axis]);
  }
  if (node && BEHIND_WEIGHTS.has(node.op)) return staticShape(graph, node.inputs[0]);
  return graph.shapes.get(value) ?? null;
}

function labelsOf(graph) {
  const labels = new Map([...graph.numbers.keys()].map((name) => [name, "static"]));
  for (const value of graph.inputs) labels.set(value, (graph.shapes.get(value)?.length ?? 4) < 3 ? "static" : "map");
  for (const node of graph.nodes) {
    const label = labelOfNode(graph, node, inputsOf(node).map((value) => labels.get(value) ?? "static"));
    for (const output of node.outputs) if (output && !graph.numbers.has(output)) labels.set(output, label);
  }
  return labels;
}

function labelOfNode(graph, node, given) {
  if (STATIC_OPS.has(node.op) || node.op.startsWith("Random") || given.every((one) => one === "static")) return "static";
  if (given[0] === "map" && squeezeOf(graph, node)) return "squeezed";
  return SPREADING.has(node.op) || given.includes("map") ? "map" : "squeezed";
}

// -------------------------------------------------------------------------------------------------------------- rule 2

/** "mean", "max", "sum", "norm" or "attention"; null if a node makes no single number of each whole map. */
export function squeezeOf(graph, node) {
  const { op } = node;
  if (REDUCTIONS[op]) return takesAllPlaces(axesOf(graph, node), graph.shapes.get(node.inputs[0])?.length) ? REDUCTIONS[op] : null;
  if (WINDOWS[op]) return coversTheMap(graph, node) ? WINDOWS[op] : null;
  if (PRODUCT_OPS.has(op)) return otherAxes(graph, node.outputs[0])?.length === 1 && weightedBy(graph, node) ? "attention" : null;
  return GLOBAL_POOLS[op] ?? null;
}

/** What a product multiplies by the output of a softmax; null if it does not. */
export function weightedBy(graph, { inputs }) {
  if (inputs.length !== 2) return null;
  const isWeight = inputs.map((value) => softmaxBehind(graph, value) !== null);
  return isWeight[1] ? inputs[0] : isWeight[0] ? inputs[1] : null;
}

/** The sizes of its axes, besides the first, that are not 1; null if its shape is not known. */
export const otherAxes = (graph, value) => graph.shapes.get(value)?.slice(1).filter((size) => size !== 1) ?? null;

function axesOf(graph, node) {
  if (node.attributes.axes) return node.attributes.axes;
  return (node.inputs.length > 1 && numberOf(graph, node.inputs[1])?.values()) || [];
}

function takesAllPlaces(axes, rank) {
  const asText = (list) => [...new Set(list)].sort((a, b) => a - b).join();
  if (rank === undefined) return ["2,3", "-2,-1", "1,2"].includes(asText(axes));
  const taken = asText(axes.map((axis) => ((axis % rank) + rank) % rank).filter((axis) => axis !== 0));
  const places = asText(Array.from({ length: Math.max(0, rank - 2) }, (_, i) => i + 2));
  return rank > 2 && (taken === places || (rank === 4 && taken === "1,2"));
}

function coversTheMap(graph, node) {
  const [before, after] = [node.inputs[0], node.outputs[0]].map((value) => shapeFrom(graph, value, 2));
  return isAll(after, 1) || (before.length > 0 && before.join() === node.attributes.kernel_shape.join() && !before.includes(null));
}

// ------------------------------------------------------------------------------------- what a page must see in a run

/** The values whose shapes the rules ask for: what is multiplied, and what is pooled. */
export function wantedShapes(graph) {
  const asked = new Set();
  const add = (...values) => values.forEach((value) => value && asked.add(value));
  for (const node of graph.nodes) {
    const inputs = moving(graph, node);
    if (node.op === "Mul" && inputs.length === 2) {
      for (const value of inputs) add(value, traceBack(graph, value, SAME_NUMBERS), ...softmaxesBehind(graph, value));
    } else if ((REDUCTIONS[node.op] || WINDOWS[node.op]) && inputs.length > 0) add(node.inputs[0], node.outputs[0]);
    else if (PRODUCT_OPS.has(node.op) && inputs.length === 2) add(node.outputs[0]);
  }
  return [...asked].filter((name) => !graph.inputs.includes(name));
}

/** Weights and what is added to a layer's output, whose shapes a page does not know without a run: Python infers them. */
export function wantedStaticShapes(graph) {
  const asked = new Set();
  const add = (value) => value && labelOf(graph, value) === "static" && !staticShape(graph, value) && asked.add(value);
  for (const node of graph.nodes) {
    if (moving(graph, node).length === 0) continue;
    if (LAYER_OPS.has(node.op)) node.inputs.slice(0, 2).forEach(add);
    else if (node.op === "Add" || node.op === "BatchNormalization") node.inputs.forEach(add);
  }
  return [...asked];
}
