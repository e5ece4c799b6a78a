// Which function ends an excitation: rule 5 of senet_lib/export/gate_curves.py.
import { FORMS_AND_PARTS, SHAPE_OPS, labelOf, moving, numberOf, squeezeOf } from "./gate_graph.js";

export const SOFTMAX = "softmax";
export const OVER_BRANCHES = "softmax over branches";
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
  "clip to 0 and 1": (t) => hardOf(t, 1, 0),
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
export function functionOf(graph, gate) {
  const softmax = softmaxOf(graph, gate);
  if (softmax) return { gate: softmax, limits: null };
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

/** What to call the softmax from which a value comes; null if it comes from none. */
function softmaxOf(graph, value, name = SOFTMAX) {
  const node = graph.producers.get(value);
  if (node.op === "Softmax") return name;
  if (!FORMS_AND_PARTS.has(node.op) && !CURVES[node.op]) return null;
  const next = FORMS_AND_PARTS.has(node.op) && !SHAPE_OPS.has(node.op) ? OVER_BRANCHES : name;
  const ways = moving(graph, node).filter((one) => labelOf(graph, one) === "squeezed");
  return ways.map((one) => softmaxOf(graph, one, next)).find(Boolean) ?? null;
}

/** A value as a function of t: { start: the value that t stands for, or null; at }. */
function curveOf(graph, value) {
  const constant = numberOf(graph, value);
  if (constant?.size === 1) {
    const [only] = constant.values();
    return { start: null, at: () => only };
  }
  const itself = { start: value, at: (t) => t };
  const node = graph.producers.get(value);
  if (!node || labelOf(graph, value) !== "squeezed" || squeezeOf(graph, node) !== null) return itself;
  if (FORMS_AND_PARTS.has(node.op)) return curveOf(graph, node.inputs[0]);
  if (!CURVES[node.op]) return itself;
  const curves = node.inputs.map((one) => (one ? curveOf(graph, one) : { start: null, at: () => undefined }));
  const [start, ...others] = new Set(curves.map((one) => one.start).filter((one) => one !== null));
  if (start === undefined || others.length > 0 || labelOf(graph, start) !== "squeezed") return itself;
  return { start, at: (t) => CURVES[node.op](curves.map((one) => one.at(t)), node.attributes) };
}
