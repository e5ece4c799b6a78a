// An ONNX file as the plain values of gate_rules.js, and a copy of it whose gates are outputs and can be set: what
// senet_lib/export/reveal_gates.py does. proto: what pbjs has made of ONNX's own description.

import { countGates } from "./gate_blocks.js";
import { SHAPE_OPS, traceBack } from "./gate_graph.js";

const OLDEST_OPSET = 9; // the first one with IsNaN and Where
const OLDEST_IR = 4; // the first one whose initializers need be no inputs
const MOST_LOST = 5;
const EXTERNAL = 1; // TensorProto.DataLocation
const KINDS = { 1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 8: "text", 9: "bool", 10: "float16", 11: "float64" };
const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTES = { 1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings" };
const FILE_WORDS = {
  none: "It is no ONNX file; choose a file of an exporter, as a rule it ends in .onnx.",
  short: "It is cut short: its graph should go on behind its end; download or export it again.",
  empty: "It is no ONNX file, or an empty one: it has no nodes; choose a file of an exporter.",
  opset: ({ opset }) => `It has opset ${opset}; it must be ${OLDEST_OPSET} or later: see onnx.version_converter.convert_version.`,
  external: ({ name }) =>
    `It keeps its weights in a second file, ${name}, which a page may not open; in Python: onnx.save(onnx.load("model.onnx"), "one.onnx").`,
  noBlock: "It has no SE block: no map is multiplied by gates from a squeeze and layers; choose a network with SE.",
  noBlockBut: ({ lost }) => `It has no SE block that can be followed: ${lost}.`,
};

/** Something wrong with the file itself, in one line. */
export class FileProblem extends Error {}

const toNumber = (value) => (typeof value === "number" ? value : value.toNumber()); // int64 comes as Long

/** ONNX's ModelProto from the bytes of a file. Throws a FileProblem. */
export function readModel(proto, bytes) {
  let model;
  try {
    model = proto.ModelProto.decode(bytes);
  } catch (error) {
    // Exporters begin with the format's version. A text file does not.
    if (error instanceof RangeError && bytes[0] === 8) throw new FileProblem(FILE_WORDS.short);
    throw new FileProblem(FILE_WORDS.none);
  }
  if (!model.graph?.node.length) throw new FileProblem(FILE_WORDS.empty);
  const opset = Math.max(0, ...model.opset_import.filter(({ domain }) => ["", "ai.onnx"].includes(domain)).map(({ version }) => toNumber(version)));
  if (opset < OLDEST_OPSET) throw new FileProblem(FILE_WORDS.opset({ opset }));
  const outside = model.graph.initializer.find((one) => one.data_location === EXTERNAL);
  if (outside) {
    const name = outside.external_data.find(({ key }) => key === "location")?.value ?? "?";
    throw new FileProblem(FILE_WORDS.external({ name }));
  }
  return takeOverridesAway(model);
}

/** A file whose gates can be set already, as it was before: gates are outputs, and set, in one way only. */
function takeOverridesAway(model) {
  const { graph } = model;
  const isOverride = ({ name }) => name.startsWith("override/");
  if (!graph.input.some(isOverride)) return model;
  const own = new Map(); // from the gates that are used to those that the network computes
  const checks = new Set(graph.node.filter(({ op_type: op }) => op === "IsNaN").map(({ output }) => output[0]));
  for (const { input, output } of graph.node) if (checks.has(input[0]) && input.length === 3) own.set(output[0], input[1]);
  const outputs = graph.output.map(({ name }) => name).filter((name) => name.startsWith("gates/"));
  const shown = outputs.map((name) => [originOf(graph, name), name.slice("gates/".length)]);
  graph.input = graph.input.filter((one) => !isOverride(one));
  graph.output = graph.output.filter(({ name }) => !name.startsWith("gates/"));
  for (const node of graph.node) node.input = node.input.map((value) => own.get(value) ?? value);
  dropUnused(graph);
  const rename = (value) => value.replace(/^gates\//, "old gates/"); // the name is needed again
  for (const node of graph.node) [node.input, node.output] = [node.input.map(rename), node.output.map(rename)];
  model.blockNames = new Map(shown.map(([value, name]) => [rename(value), name]));
  return model;
}

// Where the numbers of an output come from, whatever its form.
function originOf(graph, value) {
  const node = graph.node.find(({ output }) => output.includes(value));
  return node && SHAPE_OPS.has(node.op_type) ? originOf(graph, node.input[0]) : value;
}

/** Blocks by the names that a file gives to them itself. */
export function withGivenNames({ blockNames }, graph, blocks) {
  return blocks.map((block) => ({ ...block, name: blockNames?.get(traceBack(graph, block.value, SHAPE_OPS)) ?? block.name }));
}

function dropUnused(graph) {
  const used = new Set(graph.output.map(({ name }) => name));
  graph.node = [...graph.node].reverse().filter((node) => {
    const isUsed = node.output.some((value) => used.has(value));
    if (isUsed) node.input.forEach((value) => used.add(value));
    return isUsed;
  }).reverse();
  graph.initializer = graph.initializer.filter(({ name }) => used.has(name));
}

/** The texts that its exporter has noted in a file. */
export const readNotes = (model) => Object.fromEntries(model.metadata_props.map(({ key, value }) => [key, value]));

/** What gate_rules.js takes. */
export function graphOf(model) {
  const { graph } = model;
  const numbers = new Map(graph.initializer.map((tensor) => [tensor.name, readTensor(tensor)]));
  const functions = new Set(model.functions.map(({ domain, name }) => `${domain}:${name}`));
  const nodes = graph.node.map((node) => {
    const attributes = Object.fromEntries(node.attribute.map((one) => [one.name, readAttribute(one)]));
    if (node.op_type === "Constant" && node.attribute.length > 0) {
      numbers.set(node.output[0], readConstant(attributes[node.attribute[0].name], node.attribute[0].type));
    }
    const isFunction = functions.has(`${node.domain}:${node.op_type}`);
    return { op: node.op_type, name: node.name, inputs: node.input, outputs: node.output, attributes, scopes: readScopes(node), isFunction };
  });
  const inputs = graph.input.map(({ name }) => name).filter((name) => !numbers.has(name));
  const values = [...graph.input, ...graph.value_info, ...graph.output].filter((one) => one.type?.tensor_type?.shape);
  return { nodes, numbers, inputs, shapes: new Map(values.map((one) => [one.name, readShape(one)])) };
}

// Some exporters write -1 for a size that is not known.
const readShape = ({ type }) =>
  type.tensor_type.shape.dim.map((dim) => (Object.hasOwn(dim, "dim_value") && toNumber(dim.dim_value) >= 0 ? toNumber(dim.dim_value) : null));

const product = (dims) => dims.reduce((total, size) => total * size, 1);

function readTensor(tensor) {
  const dims = tensor.dims.map(toNumber);
  return { dims, size: product(dims), type: KINDS[tensor.data_type] ?? "other", values: () => readNumbers(tensor) };
}

// The few numbers that the rules look at: axes, limits, factors.
function readNumbers({ data_type: kind, raw_data: raw, float_data: floats, int32_data: ints, int64_data: longs, double_data: doubles }) {
  if (!raw?.length) {
    if (kind === 10) return ints.map(fromHalf);
    return [floats, ints, longs, doubles].find((list) => list.length > 0)?.map(toNumber) ?? [];
  }
  const bytes = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const readers = {
    float32: [4, (at) => bytes.getFloat32(at, true)],
    float64: [8, (at) => bytes.getFloat64(at, true)],
    float16: [2, (at) => fromHalf(bytes.getUint16(at, true))],
    int64: [8, (at) => Number(bytes.getBigInt64(at, true))],
    int32: [4, (at) => bytes.getInt32(at, true)],
    uint8: [1, (at) => bytes.getUint8(at)],
    int8: [1, (at) => bytes.getInt8(at)],
  };
  const [width, read] = readers[KINDS[kind]] ?? [1, () => NaN];
  return Array.from({ length: raw.byteLength / width }, (_, i) => read(i * width));
}

/** A number of 16 bits. */
export function fromHalf(bits) {
  const [sign, power, rest] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (power === 31) return rest ? NaN : sign * Infinity;
  return sign * (power === 0 ? rest * 2 ** -24 : (1 + rest / 1024) * 2 ** (power - 15));
}

/** The 16 bits of a number below 65504. */
export function toHalf(value) {
  const size = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (Number.isNaN(value)) return 0x7e00;
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24);
  const power = Math.min(15, Math.floor(Math.log2(size)));
  return sign | (((power + 15) << 10) + Math.round((size / 2 ** power - 1) * 1024));
}

function readAttribute(attribute) {
  const field = ATTRIBUTES[attribute.type];
  if (field === "t") return readTensor(attribute.t);
  if (field === "i") return toNumber(attribute.i);
  return field === "ints" ? attribute.ints.map(toNumber) : (attribute[field] ?? null);
}

function readConstant(value, kind) {
  if (ATTRIBUTES[kind] === "t") return value;
  const list = [value].flat();
  const type = { f: "float64", floats: "float64", i: "int64", ints: "int64" }[ATTRIBUTES[kind]] ?? "text";
  return { dims: Array.isArray(value) ? [list.length] : [], size: list.length, type, values: () => list };
}

/** Names of the modules around a node, as torch's exporter notes them: ['', 'layer1', 'layer1.0', 'convolution']. */
function readScopes(node) {
  const text = node.metadata_props.find(({ key }) => key === "pkg.torch.onnx.name_scopes")?.value ?? "";
  const names = [...text.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map(([, one, other]) => one ?? other);
  return names.slice(0, -1).filter(Boolean);
}

/** What no block was found for, in one line. */
export const sayNoBlock = (lost) =>
  lost.length > 0 ? FILE_WORDS.noBlockBut({ lost: lost.slice(0, MOST_LOST).join("; ") }) : FILE_WORDS.noBlock;

// ---------------------------------------------------------------------------------------------------------- the writing

const nodeOf = (op, input, output, attribute = []) => ({ op_type: op, name: output, input, output: [output], attribute });
const castTo = (kind) => [{ name: "to", type: 2, i: kind }];
const inputOf = (name, dims) => ({ name, type: { tensor_type: { elem_type: FLOAT, shape: { dim: dims } } } });
const wholeNumbers = (name, list) => ({ name, data_type: INT64, dims: [list.length], int64_data: list });

/** A model that tells the shapes of these values: `shape of NAME` are its only outputs. As bytes. */
export function asksForShapes(proto, model, names) {
  const nodes = names.map((name) => nodeOf("Shape", [name], `shape of ${name}`));
  const output = names.map((name) => ({ name: `shape of ${name}`, type: { tensor_type: { elem_type: INT64 } } }));
  const { graph } = model;
  return proto.ModelProto.encode({ ...model, graph: { ...graph, node: [...graph.node, ...nodes], output } }).finish();
}

/** Rule 6: the model with an output and an input for the gates of each block, the latter without a default. As bytes. */
export function withOverrides(proto, model, graph, blocks) {
  const { graph: old } = model;
  const used = new Map(blocks.map((block) => [block.value, `used/${block.name}`]));
  const behind = new Map(blocks.map((block) => [block.value, overrideNodes(block, kindOfGate(graph, model, block.value))]));
  const node = old.node.flatMap((one) => {
    const input = one.input.map((value) => used.get(value) ?? value);
    return [{ ...one, input }, ...one.output.flatMap((value) => behind.get(value) ?? [])];
  });
  const sizes = (rows, block) => [{ dim_param: `${rows}/${block.name}` }, { dim_value: countGates(block) }];
  const input = blocks.map((block) => inputOf(`override/${block.name}`, sizes("rows", block)));
  const output = blocks.map((block) => inputOf(`gates/${block.name}`, sizes("pictures", block)));
  const axes = blocks.flatMap((block) => [
    wholeNumbers(`axes/${block.name}`, [-1, ...block.valueShape.slice(1)]),
    wholeNumbers(`row/${block.name}`, [-1, countGates(block)]),
  ]);
  const added = {
    ...{ node, input: [...old.input, ...input], output: [...old.output, ...output] },
    initializer: [...old.initializer, ...axes],
  };
  const version = Math.max(toNumber(model.ir_version), OLDEST_IR);
  return proto.ModelProto.encode({ ...model, ir_version: version, graph: { ...old, ...added } }).finish();
}

function overrideNodes({ name, value }, kind) {
  return [
    nodeOf("Reshape", [`override/${name}`, `axes/${name}`], `given/${name}`),
    nodeOf("IsNaN", [`given/${name}`], `none/${name}`),
    nodeOf("Cast", [`given/${name}`], `cast/${name}`, castTo(kind)),
    nodeOf("Where", [`none/${name}`, value, `cast/${name}`], `used/${name}`),
    nodeOf("Cast", [value], `plain/${name}`, castTo(FLOAT)),
    nodeOf("Reshape", [`plain/${name}`, `row/${name}`], `gates/${name}`),
  ];
}

// A page has no inference of types: a gate has that of the nearest numbers in front of it, or of a cast.
function kindOfGate(graph, model, value) {
  const told = [...model.graph.value_info, ...model.graph.output, ...model.graph.input].find(({ name }) => name === value);
  if (told?.type?.tensor_type?.elem_type) return told.type.tensor_type.elem_type;
  const node = graph.producers.get(value);
  if (!node) return FLOAT;
  if (node.op === "Cast") return node.attributes.to;
  if (node.op === "CastLike") return kindOfGate(graph, model, node.inputs[1]);
  const floats = { float16: 10, float32: FLOAT, float64: 11 };
  const near = node.inputs.map((one) => floats[graph.numbers.get(traceBackNumbers(graph, one))?.type]).find(Boolean);
  return near ?? kindOfGate(graph, model, node.inputs.find((one) => one && graph.labels.get(one) !== "static") ?? "");
}

const FORMS = new Set(["Identity", "Transpose", "Reshape", "Unsqueeze", "Squeeze"]);
const traceBackNumbers = (graph, value) => traceBack(graph, value, FORMS);
