// Which pixels can reach a unit through a stack of convolutions, and how much each of them counts.
// Each layer is { kernel, stride, dilation } and pads with zeros so that n units become ceil(n / stride).
import { normalDraws } from "./seeded_draws.js";

export const SIDE = 32; // pixels along a side of the picture

/** Before the first layer and after each: size and jump in pixels, and the units along a side of the map. */
export function growFields(layers) {
  const fields = [{ size: 1, jump: 1, units: SIDE }];
  for (const { kernel, stride, dilation } of layers) {
    const { size, jump, units } = fields.at(-1);
    fields.push({ size: size + (kernel - 1) * dilation * jump, jump: jump * stride, units: Math.ceil(units / stride) });
  }
  return fields;
}

/** The place below that one tap of a unit's kernel reads, along one axis; outside the map there is only padding. */
const tapPlace = ({ kernel, stride, dilation }, unit, tap) => unit * stride + (tap - (kernel >> 1)) * dilation;

/**
 * Along one axis: for the pixels and each map, the places that can reach a unit of the last one, in order. A dilated
 * kernel leaves places out, and no path leads through the padding; so this can be less than the recursion's window.
 */
export function reachedPlaces(layers, fields, unit) {
  const reached = [[unit]];
  for (let l = layers.length - 1; l >= 0; l -= 1) {
    const seen = new Uint8Array(fields[l].units);
    for (const above of reached[0]) {
      for (let tap = 0; tap < layers[l].kernel; tap += 1) {
        seen[tapPlace(layers[l], above, tap)] = 1; // without effect where the place is outside
      }
    }
    reached.unshift(Array.from(seen.keys()).filter((place) => seen[place]));
  }
  return reached;
}

const countInside = (places, start, length) =>
  places.filter((place) => place >= start && place < start + length).length;

/**
 * How many pixels of each box (top, left, height, width) a unit sees: a function of its row and column.
 * @param pixels for each place of the map along an axis, the pixels that reach it along that axis
 */
export function pixelsInBoxes(pixels, boxes) {
  const inRows = pixels.map((places) => boxes.map(([top, , height]) => countInside(places, top, height)));
  const inColumns = pixels.map((places) => boxes.map(([, left, , width]) => countInside(places, left, width)));
  return (row, column) => inRows[row].map((count, box) => count * inColumns[column][box]);
}

const CHANNELS = 4;
const DRAWS = 64;

/**
 * How much each pixel moves a unit, as effective_field() in Python measures it: the mean size of the gradient of the
 * sum of its channels. Each of 64 pictures of noise runs through a stack with new weights (He, normal) and ReLU after
 * each layer. Only places that reach the unit are computed. It is a generator that pauses after each layer.
 */
export function* measureInfluence(layers, fields, unitRow, unitColumn) {
  const rows = reachedPlaces(layers, fields, unitRow);
  const columns = reachedPlaces(layers, fields, unitColumn);
  const steps = layers.map((layer, l) => ({
    inputs: l === 0 ? 3 : CHANNELS,
    kernel: layer.kernel,
    rowTaps: tapTable(layer, rows[l], rows[l + 1]),
    columnTaps: tapTable(layer, columns[l], columns[l + 1]),
    below: [rows[l].length, columns[l].length],
    above: [rows[l + 1].length, columns[l + 1].length],
  }));
  const influence = new Float64Array(SIDE * SIDE);
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const weights = heWeights(steps, 2 * draw + 1);
    const maps = [noiseAt(rows[0], columns[0], 2 * draw + 2)];
    for (const [l, step] of steps.entries()) {
      const sums = new Float64Array(CHANNELS * step.above[0] * step.above[1]);
      passLayer(step, weights[l], maps[l], sums, false);
      maps.push(sums.map((value) => Math.max(0, value)));
      yield;
    }
    let gradient = Float64Array.from(maps.at(-1), (value) => (value > 0 ? 1 : 0));
    for (let l = layers.length - 1; l >= 0; l -= 1) {
      const below = new Float64Array(maps[l].length);
      passLayer(steps[l], weights[l], gradient, below, true);
      gradient = l > 0 ? below.map((value, i) => (maps[l][i] > 0 ? value : 0)) : below;
      yield;
    }
    addSizes(influence, gradient, rows[0], columns[0]);
  }
  return influence.map((sum) => sum / DRAWS);
}

// For each reached unit above and each tap: which of the reached places below it reads, or -1 for padding.
function tapTable(layer, below, above) {
  const index = new Map(below.map((place, i) => [place, i]));
  return Int32Array.from({ length: above.length * layer.kernel }, (_, i) =>
    index.get(tapPlace(layer, above[Math.floor(i / layer.kernel)], i % layer.kernel)) ?? -1);
}

// One convolution forwards (from: the maps below, to: the sums above), or its gradient backwards (the reverse).
function passLayer({ inputs, kernel, rowTaps, columnTaps, below, above }, weights, from, to, backwards) {
  for (let w = 0; w < weights.length; w += 1) {
    const [tapColumn, tapRow] = [w % kernel, Math.floor(w / kernel) % kernel];
    const channel = Math.floor(w / (kernel * kernel));
    const [output, input] = [Math.floor(channel / inputs), channel % inputs];
    for (let r = 0; r < above[0]; r += 1) {
      const rowBelow = rowTaps[r * kernel + tapRow];
      if (rowBelow < 0) continue;
      const [high, low] = [(output * above[0] + r) * above[1], (input * below[0] + rowBelow) * below[1]];
      for (let c = 0; c < above[1]; c += 1) {
        const columnBelow = columnTaps[c * kernel + tapColumn];
        if (columnBelow < 0) continue;
        if (backwards) to[low + columnBelow] += weights[w] * from[high + c];
        else to[high + c] += weights[w] * from[low + columnBelow];
      }
    }
  }
}

// Weights (out, in, kernel, kernel) of all layers, one after the other from the same draws.
function heWeights(steps, seed) {
  const counts = steps.map(({ inputs, kernel }) => CHANNELS * inputs * kernel * kernel);
  const draws = normalDraws(seed, counts.reduce((sum, count) => sum + count, 0));
  let start = 0;
  return counts.map((count) => {
    const scale = Math.sqrt((2 * CHANNELS) / count);
    return Float64Array.from(draws.subarray(start, (start += count)), (value) => value * scale);
  });
}

function noiseAt(rows, columns, seed) {
  const noise = normalDraws(seed, 3 * SIDE * SIDE);
  const at = (channel) => rows.flatMap((r) => columns.map((c) => noise[(channel * SIDE + r) * SIDE + c]));
  return Float64Array.from([0, 1, 2].flatMap(at));
}

function addSizes(influence, gradient, rows, columns) {
  for (let i = 0; i < gradient.length; i += 1) {
    const place = i % (rows.length * columns.length);
    const pixel = rows[Math.floor(place / columns.length)] * SIDE + columns[place % columns.length];
    influence[pixel] += Math.abs(gradient[i]);
  }
}

export function sumInside(values, [top, left, height, width]) {
  let sum = 0;
  for (let r = Math.max(0, top); r < Math.min(SIDE, top + height); r += 1) {
    for (let c = Math.max(0, left); c < Math.min(SIDE, left + width); c += 1) sum += values[r * SIDE + c];
  }
  return sum;
}

/** The smallest odd width of a square around a pixel that holds half of the influence. */
export function halfWidth(influence, centreRow, centreColumn) {
  const total = sumInside(influence, [0, 0, SIDE, SIDE]);
  let half = 0;
  const inside = () => sumInside(influence, [centreRow - half, centreColumn - half, 2 * half + 1, 2 * half + 1]);
  while (inside() < total / 2) half += 1;
  return 2 * half + 1;
}
