// The rules by which the gates of SE blocks are found in any ONNX file: those of senet_lib/export/gate_rules.py, which
// says them one by one. Here is the same in the same order; tests hold both to the same answers.
// A graph is { nodes, numbers, inputs, shapes }. A node: { op, name, inputs, outputs, attributes, scopes, isFunction }.
// numbers: Map from a name to { dims, size, type, values() }; shapes: Map from a name to sizes, null for one not known.

const STATIC_OPS = new Set(["Shape", "Size", "ConstantOfShape", "EyeLike"]);
const INNER_GRAPHS = new Set(["If", "Loop", "Scan"]);
const SPREADING = new Set(["Resize", "Upsample", "ConvTranspose", "DepthToSpace", "GridSample", ...INNER_GRAPHS]);
const GLOBAL_POOLS = { GlobalAveragePool: "mean", GlobalMaxPool: "max", GlobalLpPool: "norm" };
const REDUCTIONS = { ReduceMean: "mean", ReduceMax: "max", ReduceSum: "sum", ReduceL2: "norm" };
const WINDOWS = { AveragePool: "mean", MaxPool: "max", LpPool: "norm" };
const LAYERS = new Set(["Conv", "Gemm", "MatMul"]);
const SAME_NUMBERS = new Set(["Expand", "Identity", "Dropout"]);
/** Operators that change the shape of their input only. */
export const SHAPE_OPS = new Set([
  ...[...SAME_NUMBERS, "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Cast"],
  ...["CastLike", "QuantizeLinear", "DequantizeLinear"],
]);
const SAME_MAP = new Set([...SHAPE_OPS, ...Object.keys(REDUCTIONS)]);
const BEHIND_WEIGHTS = new Set(["Identity", "Cast", "QuantizeLinear", "DequantizeLinear"]);
const NO_PARAMETERS = new Set(["int64", "bool", "text"]);
const RULE_WORDS = {
  noLayer: ({ names }) => `no layer stands between its squeeze and its gates, only ${names}`,
  noShape: ({ gate }) => `the shape of its gates, ${gate}, is not known`,
  shared: ({ shape }) => `its gates have shape ${shape}, without an axis for the pictures`,
  notOne: ({ shape }) => `its gates have shape ${shape}, not one number for each channel`,
  noPooling: ({ shape }) => `its gates, ${shape}, come from something that is no pooling of whole maps`,
  inner: "graphs inside a node",
  functions: "functions of the file",
  int8: "int8 without floating-point values between",
};

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

const labelOf = (graph, value) => graph.labels.get(value) ?? "static";
const isMap = (graph, value) => labelOf(graph, value) === "map";
/** What a node computes with. */
const inputsOf = (node) => (node.op === "CastLike" ? node.inputs.slice(0, 1) : node.inputs).filter(Boolean);
/** Its inputs that depend on the picture. */
const moving = (graph, node) => inputsOf(node).filter((value) => labelOf(graph, value) !== "static");
const rankOf = (graph, value) => graph.shapes.get(value)?.length ?? null;
const nameNode = (node) => `${node.op} ${node.name || node.outputs[0]}`;
const showShape = (shape) => `(${shape.map((size) => size ?? "?").join(", ")})`;
const isAll = (list, value) => list.length > 0 && list.every((one) => one === value);
const inFile = (graph, chosen) => graph.nodes.filter((node) => chosen.has(node));

/** The value that this one is another form of: back through nodes of these operators. */
export function traceBack(graph, value, through) {
  let node = graph.producers.get(value);
  while (node && through.has(node.op)) {
    value = node.inputs[0];
    node = graph.producers.get(value);
  }
  return value;
}

// ------------------------------------------------------------------------------------- rules 1 and 2: labels, squeezes

function labelsOf(graph) {
  const labels = new Map([...graph.numbers.keys()].map((name) => [name, "static"]));
  for (const value of graph.inputs) labels.set(value, (rankOf(graph, value) || 4) < 3 ? "static" : "map");
  for (const node of graph.nodes) {
    const given = inputsOf(node).map((value) => labels.get(value) ?? "static");
    const label = labelOfNode(graph, node, given);
    for (const output of node.outputs) if (output && !graph.numbers.has(output)) labels.set(output, label);
  }
  return labels;
}

function labelOfNode(graph, node, given) {
  if (STATIC_OPS.has(node.op) || node.op.startsWith("Random") || given.every((one) => one === "static")) return "static";
  if (given[0] === "map" && squeezeOf(graph, node)) return "squeezed";
  return SPREADING.has(node.op) || given.includes("map") ? "map" : "squeezed";
}

/** Rule 2: "mean", "max", "sum" or "norm"; null if the node does not make one number of each whole map. */
function squeezeOf(graph, node) {
  if (GLOBAL_POOLS[node.op]) return GLOBAL_POOLS[node.op];
  if (REDUCTIONS[node.op] && takesAllPlaces(axesOf(graph, node), rankOf(graph, node.inputs[0]))) return REDUCTIONS[node.op];
  return WINDOWS[node.op] && coversTheMap(graph, node) ? WINDOWS[node.op] : null;
}

/** Rule 4: what a squeeze is in a block's description. */
function wordOf(graph, node) {
  const word = squeezeOf(graph, node) ?? "";
  return word === "sum" && isMean(graph, node) ? "mean" : word;
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
  const divisor = graph.numbers.get(traceBack(graph, node.inputs[1], SHAPE_OPS));
  return !divisor || isAll([...divisor.values()].map(Number), places);
}

function axesOf(graph, node) {
  if (node.attributes.axes) return node.attributes.axes;
  if (node.inputs.length < 2) return [];
  return graph.numbers.get(traceBack(graph, node.inputs[1], SHAPE_OPS))?.values() ?? [];
}

function takesAllPlaces(axes, rank) {
  const asText = (list) => [...new Set(list)].sort((a, b) => a - b).join();
  if (rank === null) return ["2,3", "-2,-1", "1,2"].includes(asText(axes));
  const taken = asText(axes.map((axis) => ((axis % rank) + rank) % rank).filter((axis) => axis !== 0));
  const places = asText(Array.from({ length: Math.max(0, rank - 2) }, (_, i) => i + 2));
  return rank > 2 && (taken === places || (rank === 4 && taken === "1,2"));
}

function coversTheMap(graph, node) {
  const [before, after] = [node.inputs[0], node.outputs[0]].map((value) => (graph.shapes.get(value) ?? []).slice(2));
  return isAll(after, 1) || (before.length > 0 && before.join() === node.attributes.kernel_shape.join() && !before.includes(null));
}

/** The values whose shapes the rules ask for: what is multiplied, and what is pooled. */
export function wantedShapes(graph) {
  const asked = new Set();
  const add = (...values) => values.forEach((value) => asked.add(value));
  for (const node of graph.nodes) {
    const inputs = moving(graph, node);
    if (node.op === "Mul" && inputs.length === 2) add(...inputs, ...inputs.map((value) => traceBack(graph, value, SAME_NUMBERS)));
    else if ((REDUCTIONS[node.op] || WINDOWS[node.op]) && inputs.length > 0) add(node.inputs[0], node.outputs[0]);
  }
  return [...asked].filter((name) => !graph.inputs.includes(name));
}

/** Weights and what is added to a layer's output, whose shapes a page does not know without a run: Python infers them. */
export function wantedStaticShapes(graph) {
  const asked = new Set();
  const add = (value) => value && labelOf(graph, value) === "static" && !staticShape(graph, value) && asked.add(value);
  for (const node of graph.nodes) {
    if (moving(graph, node).length === 0) continue;
    if (LAYERS.has(node.op)) node.inputs.slice(0, 2).forEach(add);
    else if (node.op === "Add" || node.op === "BatchNormalization") node.inputs.forEach(add);
  }
  return [...asked];
}

// ------------------------------------------------------------------------------------------------------ rule 3: gatings

/** The blocks of a file, in its order, and one line for each thing that could not be followed: { blocks, lost }. */
export function findGates(graph) {
  const products = new Map();
  const lost = opaqueNodes(graph);
  for (const node of graph.nodes) {
    if (node.op !== "Mul") continue;
    const [x, s] = isMap(graph, node.inputs[1]) && !isMap(graph, node.inputs[0]) ? [...node.inputs].reverse() : node.inputs;
    if (!isMap(graph, x)) continue;
    if (labelOf(graph, s) === "squeezed") {
      const gate = traceBack(graph, s, SAME_NUMBERS);
      products.set(gate, [...(products.get(gate) ?? []), node]);
    } else if (isMap(graph, s)) lost.push(...unknownSqueezes(graph, node));
  }
  const blocks = [];
  for (const [gate, nodes] of products) {
    const excitation = excitationOf(graph, gate);
    const reason = reasonAgainst(graph, gate, nodes[0], excitation);
    if (reason) lost.push(`${nameNode(nodes[0])}: ${reason}`);
    else if (layersOf(graph, excitation).length > 0) blocks.push(describe(graph, gate, nodes, excitation, blocks));
  }
  return { blocks, lost };
}

/** All nodes from a gate back to the squeezes. */
function excitationOf(graph, gate) {
  const [inside, squeezes, stack] = [new Set(), new Set(), [gate]];
  while (stack.length > 0) {
    const node = graph.producers.get(stack.pop());
    const inputs = moving(graph, node);
    if (isMap(graph, inputs[0])) squeezes.add(node);
    else if (!inside.has(node)) {
      inside.add(node);
      stack.push(...inputs);
    }
  }
  return { nodes: inFile(graph, inside), squeezes: inFile(graph, squeezes) };
}

const weightsOf = (graph, layer) => layer.inputs.slice(0, 2).find((value) => labelOf(graph, value) === "static");

/** The layers of an excitation in order, those with the same weights once. */
function layersOf(graph, { nodes }) {
  const layers = new Map();
  for (const node of nodes) {
    if (!LAYERS.has(node.op)) continue;
    const weights = node.inputs.slice(0, 2).filter((value) => labelOf(graph, value) === "static");
    const root = weights.length === 1 ? traceBack(graph, weights[0], SHAPE_OPS) : null;
    if (root !== null && !layers.has(root)) layers.set(root, node);
  }
  return [...layers.values()];
}

function reasonAgainst(graph, gate, product, excitation) {
  if (layersOf(graph, excitation).length === 0) {
    const used = parametersOf(graph, excitation);
    return used.length > 0 ? RULE_WORDS.noLayer({ names: used.join(", ") }) : null;
  }
  const shape = graph.shapes.get(gate);
  if (!shape) return RULE_WORDS.noShape({ gate });
  const x = product.inputs.find((value) => isMap(graph, value));
  if (product.inputs.includes(gate) && shape.length < (rankOf(graph, x) ?? 0)) return RULE_WORDS.shared({ shape: showShape(shape) });
  return shape.slice(1).filter((size) => size !== 1).length === 1 ? null : RULE_WORDS.notOne({ shape: showShape(shape) });
}

function unknownSqueezes(graph, product) {
  const shapes = product.inputs.map((value) => graph.shapes.get(value) ?? []);
  const found = [shapes, [...shapes].reverse()].filter(([gate, x]) => {
    const isGate = gate.length > 2 && isAll(gate.slice(2), 1) && gate[1] !== 1;
    return isGate && x.length === gate.length && !isAll(x.slice(2), 1);
  });
  return found.map(([gate]) => `${nameNode(product)}: ${RULE_WORDS.noPooling({ shape: showShape(gate) })}`);
}

function opaqueNodes(graph) {
  const kinds = {
    inner: (node) => INNER_GRAPHS.has(node.op),
    functions: (node) => node.isFunction,
    int8: (node) => node.op.startsWith("QLinear"),
  };
  return Object.entries(kinds).flatMap(([kind, isOne]) => {
    const nodes = graph.nodes.filter(isOne);
    const more = nodes.length > 1 ? ` and ${nodes.length - 1} more` : "";
    return nodes.length > 0 ? [`${nameNode(nodes[0])}${more}: ${RULE_WORDS[kind]}`] : [];
  });
}

// ---------------------------------------------------------------------------------------------- rule 4: what a block is

function describe(graph, gate, products, excitation, others) {
  const layers = layersOf(graph, excitation);
  const kind = kindOf(graph, layers);
  const x = products[0].inputs.find((value) => isMap(graph, value));
  const shape = graph.shapes.get(gate);
  const along = kind === "1-d convolution";
  const channels =
    shape.slice(1).find((size) => size !== 1) ?? (along ? channelsOf(graph, x) : widthOf(graph, layers.at(-1))) ?? 0;
  const count = (names) => names.reduce((sum, name) => sum + graph.numbers.get(name).size, 0);
  const used = count(parametersOf(graph, excitation));
  const squeezed = new Set(excitation.squeezes.map((node) => traceBack(graph, node.inputs[0], SAME_MAP)));
  const name = nameOf(graph, layers, excitation) || `block ${others.length + 1}`;
  return {
    name: unique(name, new Set(others.map((block) => block.name))),
    channels,
    hidden: layers.length === 2 && !along ? widthOf(graph, layers[0]) : null,
    kind,
    biases: layers.map((layer) => hasBias(graph, layer)),
    linear: isLinear(graph, layers),
    ...functionOf(graph, gate),
    squeeze: [...new Set(excitation.squeezes.map((node) => wordOf(graph, node)))].join(" and "),
    same: squeezed.size === 1 && squeezed.has(traceBack(graph, x, SAME_MAP)),
    parameters: used,
    share: used / Math.max(1, count([...graph.numbers.keys()].filter((one) => isParameter(graph, one)))),
    mapShape: graph.shapes.get(x) ?? [],
    where: products.map((node) => node.name || node.outputs[0]),
    value: gate,
    valueShape: [shape[0], ...shape.slice(1).map((size) => size ?? channels)],
  };
}

/** Of weights, which may stand behind a few operators; null if it is not known. */
function staticShape(graph, value) {
  if (graph.numbers.has(value)) return graph.numbers.get(value).dims;
  const node = graph.producers.get(value);
  if (node?.op === "Transpose") {
    const shape = staticShape(graph, node.inputs[0]);
    if (shape?.length) return (node.attributes.perm ?? shape.map((_, i) => shape.length - 1 - i)).map((axis) => shape[axis]);
  }
  if (node && BEHIND_WEIGHTS.has(node.op)) return staticShape(graph, node.inputs[0]);
  return graph.shapes.get(value) ?? null;
}

/** How many numbers a layer makes of its input. */
function widthOf(graph, layer) {
  const weights = weightsOf(graph, layer);
  const shape = staticShape(graph, weights);
  if (!shape?.length) return null;
  if (layer.op === "Conv") return shape[0];
  const isFirst = weights === layer.inputs[0];
  if (layer.op === "Gemm") {
    const isTurned = Boolean(layer.attributes[isFirst ? "transA" : "transB"]);
    return isFirst ? shape[isTurned ? 1 : 0] : shape.at(isTurned ? 0 : -1);
  }
  return weights === layer.inputs[1] ? shape.at(-1) : shape.at(-2);
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

function kindOf(graph, layers) {
  const kinds = new Set(layers.map((layer) => {
    if (layer.op !== "Conv") return "linear";
    const kernel = (staticShape(graph, weightsOf(graph, layer)) ?? []).slice(2);
    return kernel.some((size) => size !== 1) ? "1-d convolution" : "1x1 convolution";
  }));
  return kinds.size === 1 ? [...kinds][0] : "mixed";
}

function isLinear(graph, layers) {
  return layers.some((layer) => {
    let [value] = moving(graph, layer);
    let node = graph.producers.get(value);
    while (node && labelOf(graph, value) === "squeezed") {
      const inputs = moving(graph, node);
      if (LAYERS.has(node.op) && inputs.length === 1) return true;
      const isScaling = ["Add", "Sub", "Mul", "Div"].includes(node.op) && inputs.length === 1;
      if (!isScaling && !SHAPE_OPS.has(node.op) && node.op !== "BatchNormalization") return false;
      [value] = inputs;
      node = graph.producers.get(value);
    }
    return false;
  });
}

function hasBias(graph, layer) {
  if (layer.inputs[2]) return true;
  const uses = graph.consumers.get(layer.outputs[0]) ?? [];
  if (uses.length !== 1 || !["Add", "BatchNormalization"].includes(uses[0].op)) return false;
  const added = uses[0].inputs.filter((value) => labelOf(graph, value) === "static");
  return added.some((value) => (staticShape(graph, value) ?? []).some((size) => size !== 1));
}

/** Names of all arrays that the excitation uses, in order. */
function parametersOf(graph, { nodes }) {
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
function nameOf(graph, layers, excitation) {
  const roots = layers.map((layer) => traceBack(graph, weightsOf(graph, layer), SHAPE_OPS));
  if (roots.every((name) => name.includes(".") && !name.includes("::"))) {
    let parts = roots.map((name) => name.split(".").slice(0, -1));
    if (parts.length === 1 && parts[0].length > 1) parts = [parts[0].slice(0, -1)];
    const common = commonBeginning(parts);
    if (common.length > 0) return common.join(".");
  }
  const nodes = [...excitation.squeezes, ...excitation.nodes];
  const scopes = commonBeginning(nodes.map((node) => node.scopes));
  if (scopes.length > 0) return scopes.at(-1);
  return commonBeginning(nodes.map((node) => node.name.replace(/^\/+|\/+$/g, "").split("/").slice(0, -1))).join("/");
}

function commonBeginning([first = [], ...others]) {
  const end = first.findIndex((part, level) => others.some((list) => list[level] !== part));
  return end < 0 ? first : first.slice(0, end);
}

function unique(name, taken) {
  let free = name;
  for (let number = 2; taken.has(free); number += 1) free = `${free} (${number})`;
  return free;
}

// --------------------------------------------------------------------------------------- rule 5: the gate's function

const GATE_LOGITS = Array.from({ length: 33 }, (_, i) => i / 2 - 8);
const sigmoidOf = (t) => 1 / (1 + Math.exp(-t));
const hardOf = (t, slope = 1 / 6, middle = 0.5) => Math.min(1, Math.max(0, slope * t + middle));
// Abramowitz and Stegun 7.1.26, to 1.5e-7
const erfOf = (t) => {
  const u = 1 / (1 + 0.3275911 * Math.abs(t));
  const sum = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592].reduce((total, one) => total * u + one, 0);
  return Math.sign(t) * (1 - sum * u * Math.exp(-t * t));
};
const NAMED_CURVES = Object.entries({
  sigmoid: sigmoidOf,
  "hard sigmoid": (t) => hardOf(t),
  "hard sigmoid (t/5 + 0.5)": (t) => hardOf(t, 0.2),
  tanh: Math.tanh,
  "1 + tanh": (t) => 1 + Math.tanh(t),
  "2 * sigmoid": (t) => 2 * sigmoidOf(t),
  ReLU: (t) => Math.max(t, 0),
  "sigmoid of ReLU": (t) => sigmoidOf(Math.max(t, 0)),
  "sigmoid of sigmoid": (t) => sigmoidOf(sigmoidOf(t)),
  "leaky ReLU": (t) => (t < 0 ? 0.01 * t : t),
  softplus: (t) => Math.log1p(Math.exp(t)),
  SiLU: (t) => t * sigmoidOf(t),
  "h-swish": (t) => t * hardOf(t),
  GELU: (t) => t * 0.5 * (1 + erfOf(t / Math.SQRT2)),
  none: (t) => t,
});
// Of the inputs' numbers, at one t, and the attributes.
const CURVES = {
  Add: ([a, b]) => a + b,
  Sub: ([a, b]) => a - b,
  Mul: ([a, b]) => a * b,
  Div: ([a, b]) => a / b,
  Min: (given) => Math.min(...given),
  Max: (given) => Math.max(...given),
  Pow: ([a, b]) => a ** b,
  Neg: ([a]) => -a,
  Exp: ([a]) => Math.exp(a),
  Reciprocal: ([a]) => 1 / a,
  Sigmoid: ([a]) => sigmoidOf(a),
  HardSigmoid: ([a], { alpha = 0.2, beta = 0.5 }) => hardOf(a, alpha, beta),
  HardSwish: ([a]) => a * hardOf(a),
  Tanh: ([a]) => Math.tanh(a),
  Relu: ([a]) => Math.max(a, 0),
  LeakyRelu: ([a], { alpha = 0.01 }) => (a < 0 ? alpha * a : a),
  Softplus: ([a]) => Math.log1p(Math.exp(a)),
  Clip: ([a, low, high], { min = -Infinity, max = Infinity }) => Math.min(high ?? max, Math.max(low ?? min, a)),
};

/** The name of the function that ends an excitation, and its limits: { gate, limits }. */
function functionOf(graph, gate) {
  if (endsInSoftmax(graph, gate)) return { gate: "softmax", limits: null };
  const { at } = curveOf(graph, gate);
  const curve = GATE_LOGITS.map(at);
  const tolerance = [...graph.numbers.values()].some(({ type }) => type === "float16") ? 2e-2 : 1e-3;
  const isClose = ([, named]) => GATE_LOGITS.every((t, i) => Math.abs(named(t) - curve[i]) <= tolerance);
  const limits = [Math.min(...curve), Math.max(...curve)];
  return { gate: NAMED_CURVES.find(isClose)?.[0] ?? `other, ${twoDigits(limits[0])} to ${twoDigits(limits[1])}`, limits };
}

/** As Python writes a number with ".2g". */
function twoDigits(value) {
  const [digits, power] = value.toExponential(1).split("e").map(Number);
  if (!Number.isFinite(value) || (power >= -4 && power < 2)) return String(Number(value.toPrecision(2)));
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

function endsInSoftmax(graph, value) {
  const node = graph.producers.get(value);
  if (!SHAPE_OPS.has(node.op) && !CURVES[node.op]) return node.op === "Softmax";
  return moving(graph, node).some((one) => labelOf(graph, one) === "squeezed" && endsInSoftmax(graph, one));
}

/** A value as a function of t: { start: the value that t stands for, or null; at }. */
function curveOf(graph, value) {
  const constant = graph.numbers.get(traceBack(graph, value, SHAPE_OPS));
  if (constant?.size === 1) {
    const [only] = constant.values();
    return { start: null, at: () => only };
  }
  const node = graph.producers.get(value);
  if (node && labelOf(graph, value) === "squeezed" && squeezeOf(graph, node) === null) {
    if (SHAPE_OPS.has(node.op)) return curveOf(graph, node.inputs[0]);
    if (CURVES[node.op]) {
      const curves = node.inputs.map((one) => (one ? curveOf(graph, one) : { start: null, at: () => undefined }));
      const starts = new Set(curves.map(({ start }) => start).filter((start) => start !== null));
      const [start] = starts;
      if (starts.size === 1 && labelOf(graph, start) === "squeezed") {
        return { start, at: (t) => CURVES[node.op](curves.map((one) => one.at(t)), node.attributes) };
      }
    }
  }
  return { start: value, at: (t) => t };
}
