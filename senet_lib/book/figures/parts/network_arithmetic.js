// A small residual network with or without SE, run in the page on the arrays of senet_lib/export/arrays.py.
import { Problem, requireShape } from "./kit.js";

/** Feature maps: data (channels, rows, columns). */
const maps = (channels, rows, columns) => ({ data: new Float32Array(channels * rows * columns), channels, rows, columns });

/** A convolution with zero padding of kernel // 2, then a bias for each channel. weight (out, in, k, k), bias (out,). */
export function convolve(x, weight, bias, stride = 1) {
  const [count, inputs, kernel] = weight.shape;
  const pad = kernel >> 1;
  const out = maps(count, Math.ceil(x.rows / stride), Math.ceil(x.columns / stride));
  const place = out.rows * out.columns;
  for (let c = 0; c < count; c += 1) {
    const target = out.data.subarray(c * place, (c + 1) * place).fill(bias.data[c]);
    for (let s = 0; s < inputs; s += 1) {
      const source = x.data.subarray(s * x.rows * x.columns, (s + 1) * x.rows * x.columns);
      for (let i = 0; i < kernel; i += 1) {
        for (let j = 0; j < kernel; j += 1) {
          addShifted(target, out, source, x, weight.data[((c * inputs + s) * kernel + i) * kernel + j], i - pad, j - pad, stride);
        }
      }
    }
  }
  return out;
}

// target += factor * source, shifted by (down, right) and taken at each stride-th place.
function addShifted(target, out, source, x, factor, down, right, stride) {
  const first = Math.max(0, Math.ceil(-right / stride));
  const last = Math.min(out.columns, Math.floor((x.columns - 1 - right) / stride) + 1);
  for (let row = 0; row < out.rows; row += 1) {
    const from = row * stride + down;
    if (from < 0 || from >= x.rows) continue;
    const start = from * x.columns + right;
    const base = row * out.columns;
    for (let column = first; column < last; column += 1) target[base + column] += factor * source[start + column * stride];
  }
}

export const relu = (x) => ({ ...x, data: x.data.map((value) => (value > 0 ? value : 0)) });
export const sigmoid = (value) => 1 / (1 + Math.exp(-value));

/** Mean of each channel: equation 2. */
export function averages(x) {
  const place = x.rows * x.columns;
  return Float32Array.from({ length: x.channels }, (_, c) => {
    let sum = 0;
    for (let i = c * place; i < (c + 1) * place; i += 1) sum += x.data[i];
    return sum / place;
  });
}

/** weight (out, in) times values (in,), plus bias (out,). */
export function linear(values, weight, bias = null) {
  const [count, inputs] = weight.shape;
  return Float32Array.from({ length: count }, (_, c) => {
    let sum = bias ? bias.data[c] : 0;
    for (let s = 0; s < inputs; s += 1) sum += weight.data[c * inputs + s] * values[s];
    return sum;
  });
}

/** Each channel times its gate: equation 4. */
export function rescale(x, gates) {
  const place = x.rows * x.columns;
  return { ...x, data: x.data.map((value, i) => value * gates[Math.floor(i / place)]) };
}

/** A picture of bytes (3, rows, columns) as the network's normalised input. */
export function normalise(network, bytes, rows, columns) {
  const { mean, std } = network;
  const x = maps(mean.data.length, rows, columns);
  if (bytes.length !== x.data.length) {
    throw new Problem(`a picture has ${bytes.length} numbers; for ${rows}x${columns} pixels it must have ${x.data.length}.`);
  }
  const place = rows * columns;
  for (let i = 0; i < bytes.length; i += 1) {
    const channel = Math.floor(i / place);
    x.data[i] = (bytes[i] / 255 - mean.data[channel]) / std.data[channel];
  }
  return x;
}

/**
 * Throw a Problem unless all arrays of a network fit each other, from a picture of three colours on.
 * @param classes how many logits there must be; null if the arrays end with feature maps
 * @returns its blocks in order: { name, stride, channels, hidden: null without SE }
 */
export function requireNetwork(network, { classes = null } = {}) {
  const need = (key, shape) => requireShape(`network.${key}`, network[key], shape);
  const fold = (key, inputs, outputs = "outputs") => {
    const [count] = need(`${key}.weight`, [outputs, inputs, "kernel", "kernel"]).shape;
    return need(`${key}.bias`, [count]).shape[0];
  };
  const names = blockNames(network);
  if (names.length === 0) throw new Problem("network has no block; make it with network_arrays(model, mean, std).");
  need("mean", [3]);
  const flat = need("std", [3]).data.find((value) => !(value > 0));
  if (flat !== undefined) throw new Problem(`network.std holds ${flat}; each must be above 0.`);
  let channels = fold("conv1", 3);
  const blocks = names.map((name) => {
    const stride = need(`${name}.stride`, [1]).data[0];
    if (!(stride >= 1)) throw new Problem(`network.${name}.stride is ${stride}; it must be at least 1.`);
    const count = fold(`${name}.conv1`, channels);
    fold(`${name}.conv2`, count, count);
    if (`${name}.downsample.weight` in network || stride > 1 || count !== channels) {
      fold(`${name}.downsample`, channels, count);
    }
    channels = count;
    return { name, stride, channels, hidden: requireGates(network, name, count) };
  });
  if (classes !== null) {
    need("fc.weight", [classes, channels]);
    need("fc.bias", [classes]);
  }
  return blocks;
}

function requireGates(network, name, channels) {
  if (!(`${name}.attention.fc1.weight` in network)) return null;
  const need = (key, shape) => requireShape(`network.${name}.attention.${key}`, network[`${name}.attention.${key}`], shape);
  const [hidden] = need("fc1.weight", ["hidden", channels]).shape;
  need("fc1.bias", [hidden]);
  need("fc2.weight", [channels, hidden]);
  need("fc2.bias", [channels]);
  return hidden;
}

/** The names of the blocks that the arrays hold, in order: "layer1.0", … */
export const blockNames = (network) =>
  [...new Set(Object.keys(network).map((key) => key.match(/^(layer\d+\.\d+)\./)?.[1]).filter(Boolean))].sort((a, b) =>
    a.localeCompare(b, "en", { numeric: true }),
  );

const fold = (network, name) => [network[`${name}.weight`], network[`${name}.bias`]];

/**
 * One residual block. gates: what to use instead of its own gates (C numbers), or null.
 * @returns u (before the gates), shortcut, z, hidden, s (null without SE), scaled (x̃), out
 */
export function runBlock(network, name, x, gates = null) {
  const parts = blockParts(network, name, x, gates);
  let part = parts.next();
  while (!part.done) part = parts.next();
  return part.value;
}

/** The same in parts, for a page that has other things to do in between: it pauses behind each large convolution. */
export function* blockParts(network, name, x, gates = null) {
  const stride = network[`${name}.stride`].data[0];
  const inner = relu(convolve(x, ...fold(network, `${name}.conv1`), stride));
  yield;
  const u = convolve(inner, ...fold(network, `${name}.conv2`));
  yield;
  const hasProjection = `${name}.downsample.weight` in network;
  const shortcut = hasProjection ? convolve(x, ...fold(network, `${name}.downsample`), stride) : x;
  return finishBlock(network, name, u, shortcut, gates);
}

/** The part of a block from u on: squeeze, excitation, rescale, addition, ReLU. */
export function finishBlock(network, name, u, shortcut, gates = null) {
  const excited = `${name}.attention.fc1.weight` in network ? excite(network, name, averages(u)) : null;
  const s = gates ?? excited?.s ?? null;
  const scaled = s ? rescale(u, s) : u;
  const out = { ...scaled, data: scaled.data.map((value, i) => Math.max(0, value + shortcut.data[i])) };
  return { u, shortcut, z: excited?.z ?? averages(u), hidden: excited?.hidden ?? null, s, scaled, out };
}

/** z (C,) -> hidden (C/r,), logits (C,) and gates s (C,) with a block's two layers: equation 3. */
export function excite(network, name, z) {
  const layer = (which, part) => network[`${name}.attention.${which}.${part}`];
  const hidden = linear(z, layer("fc1", "weight"), layer("fc1", "bias")).map((value) => Math.max(0, value));
  const logits = linear(hidden, layer("fc2", "weight"), layer("fc2", "bias"));
  return { z, hidden, logits, s: logits.map(sigmoid) };
}

/** The stem: the first convolution with its ReLU. */
export const runStem = (network, x) => relu(convolve(x, ...fold(network, "conv1")));

/** Logits from the last feature maps. */
export const classify = (network, features) => linear(averages(features), network["fc.weight"], network["fc.bias"]);

/** The whole network on a picture of bytes: { stem, blocks: { name: … }, logits }. gates: { name: C numbers } to replace. */
export function runNetwork(network, bytes, rows, columns, gates = {}) {
  const stem = runStem(network, normalise(network, bytes, rows, columns));
  const blocks = {};
  let x = stem;
  for (const name of blockNames(network)) {
    blocks[name] = runBlock(network, name, x, gates[name] ?? null);
    x = blocks[name].out;
  }
  return { stem, blocks, logits: "fc.weight" in network ? classify(network, x) : null };
}
