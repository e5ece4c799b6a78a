// What an SE block is: rule 4 of senet_lib/export/gate_blocks.py.
import { OVER_BRANCHES, SOFTMAX, functionOf } from "./gate_curves.js";
import { LAYER_OPS, SAME_MAP, SHAPE_OPS, isAll, isMap, labelOf, moving, numberOf, otherAxes, squeezeOf, staticShape, stillInputs, traceBack, weightedBy } from "./gate_graph.js";

const NO_PARAMETERS = new Set(["int64", "bool", "text"]);
const SCALING_OPS = new Set(["Add", "Sub", "Mul", "Div"]);
const ALONG = "1-d convolution";

/** How many gates a block has for a picture: C for each branch, the first branch first. */
export const countGates = ({ branches, channels }) => branches * channels;

/** All nodes from a gate back to the squeezes, and the layers among them, those with the same weights once. */
export function excitationOf(graph, gate) {
  const [inside, pools, stack] = [new Set(), new Set(), [gate]];
  while (stack.length > 0) {
    const node = graph.producers.get(stack.pop());
    const inputs = moving(graph, node);
    if (isMap(graph, inputs[0])) pools.add(node);
    else if (!inside.has(node)) {
      inside.add(node);
      stack.push(...inputs);
    }
  }
  const [nodes, squeezes] = [inside, pools].map((chosen) => graph.nodes.filter((node) => chosen.has(node)));
  const layers = new Map();
  for (const node of nodes) {
    const weights = LAYER_OPS.has(node.op) ? stillInputs(graph, node, 2) : [];
    const root = weights.length === 1 ? traceBack(graph, weights[0], SHAPE_OPS) : null;
    if (root !== null && !layers.has(root)) layers.set(root, node);
  }
  return { nodes, squeezes, layers: [...layers.values()] };
}

/** All about one block. branches: how many compete; products: the multiplications; others: the blocks before it. */
export function describe(graph, gate, branches, products, excitation, others) {
  const { layers, squeezes } = excitation;
  const kind = kindOf(graph, layers);
  const x = products[0].inputs.find((value) => isMap(graph, value));
  const channels = channelsOfGate(graph, gate, branches, kind === ALONG ? x : layers.at(-1));
  const count = (names) => names.reduce((sum, name) => sum + graph.numbers.get(name).size, 0);
  const used = count(parametersOf(graph, excitation));
  const name = nameOf(graph, excitation) || `block ${others.length + 1}`;
  const { gate: found, limits } = functionOf(graph, gate);
  const [batch, ...sizes] = graph.shapes.get(gate);
  const home = traceBack(graph, x, SAME_MAP);
  return {
    name: unique(name, new Set(others.map((block) => block.name))),
    channels,
    branches,
    hidden: layers.length === 2 && kind !== ALONG ? widthOf(graph, layers[0]) : null,
    kind,
    biases: layers.map((layer) => hasBias(graph, layer)),
    linear: layers.some((layer) => isFedByALayer(graph, layer)),
    gate: found === SOFTMAX && branches > 1 ? OVER_BRANCHES : found,
    limits,
    squeeze: [...new Set(squeezes.map((node) => wordOf(graph, node)))].join(" and "),
    same: squeezes.every((node) => squeezedMap(graph, node) === home),
    parameters: used,
    share: used / Math.max(1, count([...graph.numbers.keys()].filter((one) => isParameter(graph, one)))),
    mapShape: graph.shapes.get(x) ?? [],
    where: products.map((node) => node.name || node.outputs[0]),
    value: gate,
    valueShape: [batch, ...sizes.map((size) => size ?? channels)],
  };
}

// ------------------------------------------------------------------------------------------------------------ squeezes

/** What a squeeze is in a block's description. */
function wordOf(graph, node) {
  const word = squeezeOf(graph, node) ?? "";
  if (word === "sum" && weightedSum(graph, node)) return "attention";
  return word === "sum" && isMean(graph, node) ? "mean" : word;
}

/** The map that is squeezed, of which others are forms. */
function squeezedMap(graph, node) {
  const weighing = squeezeOf(graph, node) === "attention" ? node : weightedSum(graph, node);
  return traceBack(graph, (weighing && weightedBy(graph, weighing)) ?? node.inputs[0], SAME_MAP);
}

/** The product of a map and weights from a softmax that is summed up; null if it is none. */
function weightedSum(graph, summed) {
  const node = graph.producers.get(traceBack(graph, summed.inputs[0], SHAPE_OPS));
  return node?.op === "Mul" && weightedBy(graph, node) ? node : null;
}

/** Whether a sum is over one place, or all that use it divide it by the number of places. */
function isMean(graph, summed) {
  const [before, after] = [summed.inputs[0], summed.outputs[0]].map((value) => countOf(graph.shapes.get(value)?.slice(1)));
  const places = before === null || after === null ? null : before / after;
  const uses = graph.consumers.get(summed.outputs[0]) ?? [];
  return places === 1 || uses.every((use) => dividesBy(graph, use, summed.outputs[0], places));
}

const countOf = (shape) =>
  !shape || shape.includes(null) ? null : shape.reduce((product, size) => product * (size || 1), 1) || 1;

function dividesBy(graph, node, total, places) {
  if (node.op !== "Div" || node.inputs[0] !== total || labelOf(graph, node.inputs[1]) !== "static") return false;
  const divisor = numberOf(graph, node.inputs[1]);
  return !divisor || isAll([...divisor.values()].map(Number), places);
}

// -------------------------------------------------------------------------------------------------------------- layers

/** C: of the gate, or else of its last layer, or of the map that it scales (by its name). */
function channelsOfGate(graph, gate, branches, last) {
  const sizes = otherAxes(graph, gate);
  if (sizes.length > 0 && sizes[0] !== null) return sizes.reduce((product, size) => product * size, 1) / branches;
  return (typeof last === "string" ? channelsOf(graph, last) : widthOf(graph, last)) ?? 0;
}

/** Of a map: its second size, or else the width of the convolution or normalisation that it comes from. */
function channelsOf(graph, x) {
  for (;;) {
    const size = graph.shapes.get(x)?.[1] ?? null;
    if (size !== null) return size;
    const node = graph.producers.get(x);
    if (!node || moving(graph, node).length === 0) return null;
    const shape = ["Conv", "BatchNormalization"].includes(node.op) ? staticShape(graph, node.inputs[1]) : null;
    if (shape?.length) return shape[0];
    [x] = moving(graph, node);
  }
}

/** How many numbers a layer makes of its input. */
function widthOf(graph, layer) {
  const [weights] = stillInputs(graph, layer, 2);
  const shape = staticShape(graph, weights);
  if (!shape?.length) return null;
  if (layer.op === "Conv") return shape[0];
  const isFirst = weights === layer.inputs[0];
  if (layer.op === "Gemm") {
    const isTurned = Boolean(layer.attributes[isFirst ? "transA" : "transB"]);
    return isFirst ? shape[isTurned ? 1 : 0] : shape.at(isTurned ? 0 : -1);
  }
  return shape.at(isFirst ? -2 : -1);
}

function kindOf(graph, layers) {
  const kinds = new Set(layers.map((layer) => {
    if (layer.op !== "Conv") return "linear";
    const kernel = (staticShape(graph, stillInputs(graph, layer, 2)[0]) ?? []).slice(2);
    return kernel.some((size) => size !== 1) ? ALONG : "1x1 convolution";
  }));
  return kinds.size === 1 ? [...kinds][0] : "mixed";
}

/** Whether nothing but a linear map stands between a layer and one before it. */
function isFedByALayer(graph, layer) {
  let [value] = moving(graph, layer);
  let node = graph.producers.get(value);
  while (node && labelOf(graph, value) === "squeezed") {
    const inputs = moving(graph, node);
    if (LAYER_OPS.has(node.op) && inputs.length === 1) return true;
    const isScaling = SCALING_OPS.has(node.op) && inputs.length === 1;
    if (!isScaling && !SHAPE_OPS.has(node.op) && node.op !== "BatchNormalization") return false;
    [value] = inputs;
    node = graph.producers.get(value);
  }
  return false;
}

function hasBias(graph, layer) {
  if (layer.inputs[2]) return true;
  const uses = graph.consumers.get(layer.outputs[0]) ?? [];
  if (uses.length !== 1 || !["Add", "BatchNormalization"].includes(uses[0].op)) return false;
  return stillInputs(graph, uses[0]).some((value) => (staticShape(graph, value) ?? []).some((size) => size !== 1));
}

// ------------------------------------------------------------------------------------------------ parameters and names

/** Names of all arrays that the excitation uses, in order. */
export function parametersOf(graph, { nodes }) {
  const found = new Set();
  const stack = nodes.flatMap((node) => node.inputs.filter(Boolean)).reverse();
  while (stack.length > 0) {
    const value = stack.pop();
    if (graph.numbers.has(value)) {
      if (isParameter(graph, value)) found.add(value);
    } else if (labelOf(graph, value) === "static" && graph.producers.has(value)) {
      stack.push(...graph.producers.get(value).inputs.filter(Boolean).reverse());
    }
  }
  return [...found];
}

const isParameter = (graph, name) => graph.numbers.get(name).size > 1 && !NO_PARAMETERS.has(graph.numbers.get(name).type);

/** By weights, by scopes, by nodes; "" if none of these have names. */
function nameOf(graph, { nodes, squeezes, layers }) {
  const roots = layers.map((layer) => traceBack(graph, stillInputs(graph, layer, 2)[0], SHAPE_OPS));
  if (roots.every((name) => name.includes(".") && !name.includes("::"))) {
    let parts = roots.map((name) => name.split(".").slice(0, -1));
    if (parts.length === 1 && parts[0].length > 1) parts = [parts[0].slice(0, -1)];
    const common = commonBeginning(parts);
    if (common.length > 0) return common.join(".");
  }
  const all = [...squeezes, ...nodes];
  const scopes = commonBeginning(all.map((node) => node.scopes));
  if (scopes.length > 0) return scopes.at(-1);
  return commonBeginning(all.map((node) => node.name.replace(/^\/+|\/+$/g, "").split("/").slice(0, -1))).join("/");
}

function commonBeginning([first = [], ...others]) {
  const end = first.findIndex((part, level) => others.some((list) => list[level] !== part));
  return end < 0 ? first : first.slice(0, end);
}

function unique(name, taken) {
  let free = name;
  for (let number = 2; taken.has(free); number += 1) free = `${name} (${number})`;
  return free;
}
