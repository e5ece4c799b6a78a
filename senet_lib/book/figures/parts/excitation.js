// Squeezed numbers to gates (equation 3), on trained weights and on new ones. What no change has touched is kept.
import { Problem, requireShape } from "./kit.js";
import { normalDraws, uniformDraws } from "./seeded_draws.js";

const POOL = 2 ** 15; // normal numbers, kept with their opposites: 2 to the 16 of them
const FIRST_Z_SEED = 100000;
export const MOST_SCALE = 1.5;
export const GATES = { sigmoid: (t) => 1 / (1 + Math.exp(-t)), tanh: Math.tanh, ReLU: (t) => Math.max(0, t) };

// A block is kept by hidden unit: into[k] are the C weights that make it, outOf[k] the C weights by which it moves
// the gates. So r only decides how many of both there are. The weights proper are these times intoSize and outOfSize.

/** The trained blocks by "C.r". inputOf(index).z is what a block gets for one of its count pictures. */
export function readTrained(view, count) {
  const arrays = view.arrays("trained");
  const blocks = new Map();
  for (const key of Object.keys(arrays)) {
    const [, name, wide, ratio] = key.match(/^(([1-9]\d*)\.([1-9]\d*))\.(?:w1|b1|w2|b2|z)$/) ?? [];
    if (!name) throw new Problem(`trained.${key} must be named by C, r and part, for example 16.4.w1.`);
    if (blocks.has(name)) continue;
    const [channels, reduction] = [Number(wide), Number(ratio)];
    if (reduction > channels) throw new Problem(`trained.${key} has r = ${ratio}; it must be from 1 to ${channels}.`);
    const hidden = Math.floor(channels / reduction);
    const part = (which, ...shape) => requireShape(`trained.${name}.${which}`, arrays[`${name}.${which}`], shape).data;
    const [w1, b1] = [part("w1", hidden, channels), part("b1", hidden)];
    const [w2, b2, z] = [part("w2", channels, hidden), part("b2", channels), part("z", count, channels)];
    const into = Array.from(b1, (_, k) => w1.subarray(k * channels, (k + 1) * channels));
    const outOf = Array.from(b1, (_, k) => b2.map((_, c) => w2[c * hidden + k]));
    const inputOf = (index) => ({ z: z.subarray(index * channels, (index + 1) * channels) });
    blocks.set(name, { channels, reduction, hidden, into, outOf, b1, b2, intoSize: 1, outOfSize: 1, inputOf, count });
  }
  return blocks;
}

/** Makes blocks that have learned nothing: He's normal weights, biases of 0. Its twin in Python is new_block. */
export function createNewBlocks() {
  let pool = null;
  const drawn = new Map(); // for each C what has been drawn so far; a smaller r adds to it
  // One hidden unit's weights. The upper half of a draw's bits picks a weight from the pool, the lower half another.
  const drawHidden = (channels, k) => {
    const places = uniformDraws(1 + k, channels);
    const [into, outOf] = [new Float32Array(channels), new Float32Array(channels)];
    for (let c = 0; c < channels; c += 1) {
      const place = places[c] * 2 * POOL;
      const whole = Math.floor(place);
      into[c] = pool[whole];
      outOf[c] = pool[Math.floor((place - whole) * 2 * POOL)];
    }
    return [into, outOf];
  };
  return (channels, reduction) => {
    if (pool === null) {
      const draws = normalDraws(0, POOL); // and their opposites, so that the mean is 0
      pool = new Float32Array(2 * POOL);
      pool.set(draws);
      pool.set(draws.map((draw) => -draw), POOL);
    }
    if (!drawn.has(channels)) drawn.set(channels, { into: [], outOf: [], inputs: new Map() });
    const { into, outOf, inputs } = drawn.get(channels);
    const hidden = Math.floor(channels / reduction);
    while (into.length < hidden) {
      const [ins, outs] = drawHidden(channels, into.length);
      into.push(ins);
      outOf.push(outs);
    }
    const [b1, b2] = [new Float32Array(hidden), new Float32Array(channels)];
    const inputOf = (index) => {
      if (!inputs.has(index)) inputs.set(index, { z: normalDraws(FIRST_Z_SEED + index, channels), known: [] });
      return inputs.get(index);
    };
    const sizes = { intoSize: Math.sqrt(2 / channels), outOfSize: Math.sqrt(2 / hidden) };
    return { channels, reduction, hidden, into, outOf, b1, b2, inputOf, count: 0, ...sizes };
  };
}

/**
 * W1 z, without the bias: what a change of z's scale leaves as it is.
 * known: the first numbers, if they were computed for a narrower middle; the others are added to it.
 */
function narrow(block, z, known = []) {
  for (let k = known.length; k < block.hidden; k += 1) {
    const weights = block.into[k];
    let sum = 0;
    for (let c = 0; c < block.channels; c += 1) sum += weights[c] * z[c];
    known.push(sum * block.intoSize);
  }
  return Float64Array.from(known.slice(0, block.hidden));
}

/** δ(W1 z + b1), for z times scale. */
const cutOff = (block, narrowed, scale) => narrowed.map((sum, k) => Math.max(0, scale * sum + block.b1[k]));

/** W2 hidden + b2. A hidden unit that ReLU has cut off costs no time. */
function widen(block, hidden) {
  const logits = Float64Array.from(block.b2);
  for (let k = 0; k < block.hidden; k += 1) {
    const [weights, factor] = [block.outOf[k], hidden[k] * block.outOfSize];
    if (factor > 0) for (let c = 0; c < block.channels; c += 1) logits[c] += weights[c] * factor;
  }
  return logits;
}

/** The next of 1, 2, 5, 10, … and a tenth of them: the end of an axis that has to grow does not follow every move. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

export const w1 = (block, k, c) => block.into[k][c] * block.intoSize;
export const w2 = (block, c, k) => block.outOf[k][c] * block.outOfSize;

/**
 * From the state to s; moved: from a channel to the z that the reader has dragged its bar to, in place of the scaled one.
 * keep: see createMemory; what no change has touched is not computed again.
 */
export function runExcitation(keep, findBlock, { C, r, index, scale, gate, channel, moved }) {
  const size = `${C} ${r}`;
  const block = keep("block", size, () => findBlock(C, r));
  // A trained block runs on all pictures, so that the axes are the same for all of them.
  const shared = block.count ? size : `${size} ${index}`;
  const inputs = keep("inputs", shared, () => {
    const indices = block.count ? Array.from({ length: block.count }, (_, k) => k) : [index];
    return indices.map(block.inputOf).map(({ z, known }) => ({ z, narrowed: narrow(block, z, known) }));
  });
  const axes = keep("axes", shared, () => {
    const zs = inputs.flatMap(({ z }) => Array.from(z, (one) => MOST_SCALE * one));
    const ends = inputs.flatMap(({ narrowed }) => [0, MOST_SCALE].flatMap((end) => [...cutOff(block, narrowed, end)]));
    return { least: Math.min(0, ...zs), z: Math.max(0, ...zs), hidden: Math.max(...ends) };
  });
  const { z, narrowed } = inputs[block.count ? index : 0];
  const still = `${size} ${index} ${scale}`; // without what was dragged
  const now = `${still} ${JSON.stringify(moved)}`;
  const given = keep("given z", still, () => z.map((one) => scale * one));
  const moves = Object.entries(moved).map(([c, value]) => [Number(c), value]);
  const scaled = keep("z", now, () => Object.assign(given.slice(), moved));
  const hidden = keep("hidden", now, () => {
    const sumOf = (sum, k) => moves.reduce((total, [c, value]) => total + w1(block, k, c) * (value - given[c]), scale * sum);
    return cutOff(block, narrowed.map(sumOf), 1);
  });
  const logits = keep("logits", now, () => widen(block, hidden));
  const s = keep("s", `${now} ${gate}`, () => logits.map(GATES[gate]));
  const unmoved = keep("unmoved s", `${still} ${gate}`, () => widen(block, cutOff(block, narrowed, scale)).map(GATES[gate]));
  const products = Array.from(hidden, (one, k) => [k, w2(block, channel, k) * one]);
  products.sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const held = { ...axes, hidden: Math.max(axes.hidden, roundUp(hidden.reduce((most, one) => Math.max(most, one), 0))) };
  const isWider = held.hidden > axes.hidden;
  return { size, now, block, axes: held, isWider, z: scaled, hidden, logits, s, unmoved, products };
}
