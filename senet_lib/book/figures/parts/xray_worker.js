// What reads, rewrites and runs a reader's ONNX file, in a Web Worker, so that the page never waits. The worker gets the
// text of the figure's whole module, so that it needs no address to load it from.
import { countGates } from "./gate_blocks.js";
import { prepareGraph, wantedShapes, wantedStaticShapes } from "./gate_graph.js";
import { findGates } from "./gate_rules.js";
import { FileProblem, asksForShapes, fromHalf, graphOf, readModel, readNotes, sayNoBlock, toHalf, withGivenNames, withOverrides } from "./onnx_files.js";
import { openBookRuntime, readBookFile } from "./runtime_files.js";

const FREE_SIDE = 224; // of the zeros that show the shapes
const FREE_SIDE_3D = 32;
const MOST_SCORES = 50_000;
const TOLD_EVERY = 50; // milliseconds
const ELEMENTS = { 1: "float32", 2: "uint8", 10: "float16" };
const GREY = [0.299, 0.587, 0.114];
const SHARES = { parse: 0.5, look: 0.55, rewrite: 0.75, open: 0.8 }; // of the progress bar, at the beginning of each
const XRAY_WORDS = {
  inputs: ({ count }) => `It takes ${count} inputs, and a page has one picture for it; run it in Python: senet_lib.export.reveal_gates.`,
  volume: "It takes pictures in three dimensions (5 axes), which a page has not; run it in Python: senet_lib.export.reveal_gates.",
  sound: ({ axes }) => `It takes no picture (${axes} axes): sound or another signal; run it in Python: senet_lib.export.reveal_gates.`,
  channels: ({ shape }) => `It takes ${shape}, and a picture has 1 or 3 channels; run it in Python: senet_lib.export.reveal_gates.`,
  kind: "It takes numbers that are neither float32, float16 nor uint8; export it with float32.",
  operator: ({ name }) => `It has the operator ${name}, which ONNX Runtime Web does not know; export it again without.`,
  refused: ({ said }) => `ONNX Runtime Web cannot open it (${said}); export it again, perhaps with another opset.`,
  run: ({ said }) => `It does not run on this picture (${said}); choose another size.`,
  memory: ({ said }) => `It needs more memory than this browser gives (${said}); run it in Python: senet_lib.export.reveal_gates.`,
};

/** The text of a classic worker, from that of a figure's module. A module worker from a blob fails from a folder. */
export const xrayWorkerText = (moduleText) =>
  `(() => {\n"use strict";\n${moduleText.replace(/\bexport default /, "const senetFigure = ")}\nserveXray(self);\n})();`;

/**
 * Answer the page: { id, type: "open", files, file } opens a file, a File or what readBookFile reads; { id, type: "run",
 * job } runs it. It gets { id, type, … }: "progress", "opened", "answer", "refused" (a picture), "failed" (the file).
 */
export function serveXray(scope) {
  const tools = {};
  let opened = null;
  scope.onmessage = async ({ data: { id, type, files, file, job } }) => {
    const tell = (message) => scope.postMessage({ id, ...message });
    try {
      if (type === "open") {
        opened = await openFile(tools, files, file, (share) => tell({ type: "progress", share }));
        tell({ type: "opened", network: opened.about });
      } else tell({ type: "answer", ...(await answerJob(tools.ort, opened, job)) });
    } catch (error) {
      if (type === "open" && !(error instanceof FileProblem) && isOutOfMemory(error)) error = new FileProblem(XRAY_WORDS.memory({ said: brief(error) }));
      tell({ type: type === "open" ? "failed" : "refused", reason: brief(error), isOfFile: error instanceof FileProblem });
    }
  };
}

const brief = (error) => String(error?.message ?? error).split("\n")[0].slice(0, 300);
const isOutOfMemory = (error) => /memory|allocation failed|bad_alloc|Array buffer/i.test(brief(error));

async function openFile(tools, files, file, progress) {
  const bytes = await readBytes(file, (share) => progress(share * SHARES.parse));
  await loadTools(tools, files);
  const model = readModel(tools.proto, bytes);
  progress(SHARES.look);
  const plain = graphOf(model);
  const seen = await seeShapes(tools, model, plain);
  const graph = prepareGraph({ ...plain, shapes: seen.shapes });
  const { blocks: plainBlocks, lost } = findGates(graph);
  const blocks = withGivenNames(model, graph, plainBlocks);
  if (blocks.length === 0) throw new FileProblem(seen.problem || sayNoBlock(lost));
  progress(SHARES.rewrite);
  const input = readInput(model, graph);
  const rewritten = withOverrides(tools.proto, model, graph, blocks);
  progress(SHARES.open);
  const { session, problem } = input.problem ? input : await openRewritten(tools.ort, rewritten);
  const parameters = blocks.reduce((sum, block) => sum + block.parameters, 0);
  const all = blocks.reduce((found, block) => found || Math.round(block.parameters / block.share), 0);
  const about = { blocks, lost, input, problem: problem ?? "", parameters, all, notes: readNotes(model), bytes: bytes.length };
  progress(1);
  return { about, session, outputs: model.graph.output.map(({ name }) => name).filter((name) => !name.startsWith("gates/")), first: null };
}

async function readBytes(file, progress) {
  if (!(file instanceof Blob)) return readBookFile(file);
  const bytes = new Uint8Array(file.size);
  const reader = file.stream().getReader();
  let [place, told] = [0, 0];
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    bytes.set(value, place);
    place += value.length;
    if (performance.now() - told < TOLD_EVERY) continue;
    told = performance.now();
    progress(place / file.size);
  }
  return bytes;
}

async function loadTools(tools, files) {
  tools.ort ??= await openBookRuntime(files);
  if (tools.proto) return;
  const address = URL.createObjectURL(new Blob([await readBookFile(files.reader)], { type: "text/javascript" }));
  importScripts(address);
  URL.revokeObjectURL(address);
  tools.proto = self.protobuf.roots.onnx.onnx;
}

const openBytes = (ort, bytes, more = {}) =>
  ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 4, ...more });

// What ONNX Runtime says, in a line that names the operator.
function sayWhy(error) {
  const said = brief(error);
  const [name] = [/No Op registered for (\w+)/, /implementation for (\w+)/, /(\S+)\(-?\d+\) is not a registered/, /operator '(\w+)'/]
    .map((pattern) => pattern.exec(said)?.[1])
    .filter(Boolean);
  if (name) return XRAY_WORDS.operator({ name: name.split(":").pop() });
  return isOutOfMemory(error) ? XRAY_WORDS.memory({ said }) : XRAY_WORDS.refused({ said });
}

/** The shapes in the file, and those that are seen in a run on zeros, as its comment in gate_rules.py says. */
async function seeShapes({ ort, proto }, model, plain) {
  const graph = prepareGraph(plain);
  const isOpen = (name) => (plain.shapes.get(name) ?? [null, null]).slice(1).includes(null);
  const moved = wantedShapes(graph).filter(isOpen);
  const still = wantedStaticShapes(graph);
  const shapes = new Map(plain.shapes);
  const feeds = zerosFor(ort, model, plain);
  const names = [...new Set([...moved, ...still])];
  if (names.length === 0 || !feeds) return { shapes, problem: "" };
  let session = null;
  try {
    session = await openBytes(ort, asksForShapes(proto, model, names), { graphOptimizationLevel: "basic" });
    const found = await session.run(feeds);
    for (const name of names) {
      const shape = Array.from(found[`shape of ${name}`].data, Number);
      shapes.set(name, still.includes(name) ? shape : [null, ...shape.slice(1)]);
    }
    return { shapes, problem: "" };
  } catch (error) {
    return { shapes, problem: sayWhy(error) }; // the rules say then which shapes are not known
  } finally {
    await session?.release();
  }
}

function zerosFor(ort, model, { inputs, shapes }) {
  const feeds = {};
  for (const { name, type } of model.graph.input) {
    if (!inputs.includes(name)) continue;
    const shape = shapes.get(name);
    const kind = { 1: "float32", 2: "uint8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64" }[type?.tensor_type?.elem_type];
    if (!shape || shape.includes(0) || !kind) return null;
    const side = shape.length > 4 ? FREE_SIDE_3D : FREE_SIDE;
    const dims = shape.map((size, axis) => size ?? (axis > 1 ? side : 1));
    feeds[name] = new ort.Tensor(kind, zeros(kind, dims.reduce((total, size) => total * size, 1)), dims);
  }
  return feeds;
}

const ARRAYS = { float32: Float32Array, uint8: Uint8Array, bool: Uint8Array, int32: Int32Array, float64: Float64Array };
const zeros = (kind, size) => new (ARRAYS[kind] ?? { float16: Uint16Array, int64: BigInt64Array }[kind])(size);

async function openRewritten(ort, bytes) {
  try {
    return { session: await openBytes(ort, bytes), problem: "" };
  } catch (error) {
    return { session: null, problem: sayWhy(error) };
  }
}

/** How a picture goes in: { name, kind, batch, channels, height, width (null if free), isLast }, or { problem }. */
function readInput(model, { inputs, shapes }) {
  if (inputs.length !== 1) return { problem: XRAY_WORDS.inputs({ count: inputs.length }) };
  const [name] = inputs;
  const shape = shapes.get(name) ?? [null, null, null, null];
  if (shape.length === 5) return { problem: XRAY_WORDS.volume };
  if (shape.length !== 4) return { problem: XRAY_WORDS.sound({ axes: shape.length }) };
  const isPicture = (size) => size === 1 || size === 3;
  const isLast = !isPicture(shape[1]) && isPicture(shape[3]);
  const [channels, height, width] = isLast ? [shape[3], shape[1], shape[2]] : shape.slice(1);
  if (channels !== null && !isPicture(channels)) return { problem: XRAY_WORDS.channels({ shape: `(${shape.map((size) => size ?? "?").join(", ")})` }) };
  const kind = ELEMENTS[model.graph.input.find((one) => one.name === name).type?.tensor_type?.elem_type];
  if (!kind) return { problem: XRAY_WORDS.kind };
  return { problem: "", name, kind, batch: shape[0] ?? 1, channels: channels ?? 3, height, width, isLast };
}

// ---------------------------------------------------------------------------------------------------------- the running

/**
 * A job is { key, picture: RGBA bytes, height, width, mean, std, overrides: by block the C gates, null for its own }. The
 * answer: { key, before, after: scores or null, open: with all gates at 1, if it wantsOpen, gates: by block, milliseconds }.
 */
async function answerJob(ort, opened, job) {
  const start = performance.now();
  const feed = pictureTensor(ort, opened.about.input, job);
  try {
    if (opened.first?.pictureKey !== job.pictureKey) {
      opened.first = { pictureKey: job.pictureKey, ...(await runOnce(ort, opened, feed, {})) };
    }
    const { scores: before, gates } = opened.first;
    const scoresWith = async (overrides) => (await runOnce(ort, opened, feed, overrides)).scores;
    if (job.wantsOpen) opened.first.open ??= await scoresWith(allOpen(opened.about));
    const isChanged = Object.keys(job.overrides).length > 0;
    const after = isChanged ? await scoresWith(job.overrides) : before;
    return { key: job.key, before, after, open: opened.first.open, gates, milliseconds: performance.now() - start };
  } catch (error) {
    throw new FileProblem(XRAY_WORDS.run({ said: brief(error) }));
  }
}

const allOpen = ({ blocks }) => Object.fromEntries(blocks.map((block) => [block.name, Array(countGates(block)).fill(1)]));

function pictureTensor(ort, { kind, batch, channels, isLast }, { picture, height, width, mean, std }) {
  const places = height * width;
  const values = new Float32Array(batch * channels * places);
  const valueAt = (place, channel) => {
    if (channels === 3) return picture[4 * place + channel];
    return GREY.reduce((sum, share, one) => sum + share * picture[4 * place + one], 0);
  };
  for (let place = 0; place < places; place += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      const at = isLast ? place * channels + channel : channel * places + place;
      const byte = valueAt(place, channel);
      values[at] = kind === "uint8" ? byte : (byte / 255 - mean[channel]) / std[channel];
    }
  }
  for (let copy = 1; copy < batch; copy += 1) values.copyWithin(copy * channels * places, 0, channels * places);
  const dims = isLast ? [batch, height, width, channels] : [batch, channels, height, width];
  const numbers = { float32: () => values, uint8: () => Uint8Array.from(values), float16: () => Uint16Array.from(values, toHalf) }[kind]();
  return new ort.Tensor(kind, numbers, dims);
}

async function runOnce(ort, { about: { input, blocks }, session, outputs }, picture, overrides) {
  const feeds = { [input.name]: picture };
  for (const block of blocks) {
    const given = overrides[block.name] ?? Array(countGates(block)).fill(null);
    const row = Float32Array.from(given, (gate) => gate ?? NaN);
    feeds[`override/${block.name}`] = new ort.Tensor("float32", row, [1, row.length]);
  }
  const found = await session.run(feeds);
  const gates = blocks.map((block) => {
    const row = found[`gates/${block.name}`].data.slice(0, countGates(block));
    return [block.name, Float32Array.from(row)];
  });
  return { scores: scoresOf(found, outputs, input.batch), gates: Object.fromEntries(gates) };
}

// The first output that can be a list of class scores; null for maps and boxes.
function scoresOf(found, outputs, batch) {
  for (const tensor of outputs.map((name) => found[name])) {
    if (!tensor || !["float32", "float16", "float64"].includes(tensor.type)) continue;
    const sizes = tensor.dims.slice(1).filter((size) => size !== 1);
    const count = tensor.data.length / batch;
    if (sizes.length > 1 || count > MOST_SCORES || count < 2) continue;
    const isBits = tensor.type === "float16" && tensor.data instanceof Uint16Array;
    return Float32Array.from(tensor.data.slice(0, count), isBits ? fromHalf : Number);
  }
  return null;
}
