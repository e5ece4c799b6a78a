// The Context World in miniature, trained in the page: three means, an excitation, three votes. senet_lib/book/miniature.py
// does the same in PyTorch, with the same first weights.
import { normalDraws } from "./seeded_draws.js";
import { meanOf } from "./statistics.js";

export const COLOURS = ["red", "green", "blue"];
export const STEPS = 300;
const CHANNELS = COLOURS.length;
const CLASSES = 4;
const SCALE = 4; // of the logits: a vote with an open gate counts so much
const RATE = 0.05;
const ADAM = { first: 0.9, second: 0.999, least: 1e-8 };

/** Scenes to train on and to test on, with means that have mean 0 and standard deviation 1 over those to train on. */
export function prepareScenes(train, test) {
  const moments = COLOURS.map((_, c) => momentsOf(train.pixels.filter((_, place) => place % CHANNELS === c)));
  const standardise = (value, place) => {
    const { mean, deviation } = moments[place % CHANNELS];
    return (value - mean) / deviation;
  };
  const prepare = ({ pixels, shapes, cues }) => ({
    count: cues.length,
    z: Float64Array.from(pixels, standardise),
    shapes,
    cues,
    labels: Array.from(cues, (cue, i) => shapes[i * CHANNELS + cue]),
  });
  return { train: prepare(train), test: prepare(test) };
}

function momentsOf(values) {
  const mean = meanOf(values);
  const squares = Array.from(values, (value) => (value - mean) ** 2);
  return { mean, deviation: Math.sqrt(meanOf(squares)) || 1 };
}

/** The weights before the first step: those of two layers by He's rule, from the seed; the biases are 0. */
export function firstWeights(hidden, seed) {
  const draws = normalDraws(seed, 2 * CHANNELS * hidden);
  const weights = new Float64Array(2 * CHANNELS * hidden + hidden + CHANNELS);
  const { w1, w2 } = partsOf(weights, hidden);
  w1.forEach((_, place) => (w1[place] = draws[place] * Math.sqrt(2 / CHANNELS)));
  w2.forEach((_, place) => (w2[place] = draws[w1.length + place] * Math.sqrt(2 / hidden)));
  return weights;
}

/** Views into one list of numbers: w1 (hidden, 3), b1 (hidden), w2 (3, hidden), b2 (3). */
function partsOf(weights, hidden) {
  const size = CHANNELS * hidden;
  return {
    w1: weights.subarray(0, size),
    b1: weights.subarray(size, size + hidden),
    w2: weights.subarray(size + hidden, 2 * size + hidden),
    b2: weights.subarray(2 * size + hidden),
  };
}

/** A pass for one scene at a time: look(scene) fills h, the gates s, and the logits. */
function createPass(parts, hidden, { z, shapes }) {
  const [h, s, logits] = [hidden, CHANNELS, CLASSES].map((length) => new Float64Array(length));
  const { w1, b1, w2, b2 } = parts;
  const look = (scene) => {
    const at = scene * CHANNELS;
    for (let j = 0; j < hidden; j += 1) {
      let sum = b1[j];
      for (let c = 0; c < CHANNELS; c += 1) sum += w1[j * CHANNELS + c] * z[at + c];
      h[j] = sum > 0 ? sum : 0;
    }
    for (let q = 0; q < CLASSES; q += 1) logits[q] = 0;
    for (let k = 0; k < CHANNELS; k += 1) {
      let sum = b2[k];
      for (let j = 0; j < hidden; j += 1) sum += w2[k * hidden + j] * h[j];
      s[k] = 1 / (1 + Math.exp(-sum));
      logits[shapes[at + k]] += SCALE * s[k];
    }
  };
  return { h, s, logits, look };
}

/** The gradient of the mean cross-entropy, by the chain rule from the logits back. */
function gradientOf(weights, hidden, scenes) {
  const parts = partsOf(weights, hidden);
  const gradient = new Float64Array(weights.length);
  const { w1, b1, w2, b2 } = partsOf(gradient, hidden);
  const { h, s, logits, look } = createPass(parts, hidden, scenes);
  const [slopes, back] = [new Float64Array(CLASSES), new Float64Array(hidden)];
  for (let scene = 0; scene < scenes.count; scene += 1) {
    const at = scene * CHANNELS;
    look(scene);
    fillSlopes(slopes, logits, scenes.labels[scene], scenes.count);
    for (let j = 0; j < hidden; j += 1) back[j] = 0;
    for (let k = 0; k < CHANNELS; k += 1) {
      const slope = SCALE * slopes[scenes.shapes[at + k]] * s[k] * (1 - s[k]);
      b2[k] += slope;
      for (let j = 0; j < hidden; j += 1) {
        w2[k * hidden + j] += slope * h[j];
        back[j] += slope * parts.w2[k * hidden + j];
      }
    }
    for (let j = 0; j < hidden; j += 1) {
      if (h[j] === 0) continue; // the ReLU passes nothing back
      b1[j] += back[j];
      for (let c = 0; c < CHANNELS; c += 1) w1[j * CHANNELS + c] += back[j] * scenes.z[at + c];
    }
  }
  return gradient;
}

/** Of the loss, by each logit: its softmax less 1 for the label. No logit is above 12, so nothing overflows. */
function fillSlopes(slopes, logits, label, count) {
  let sum = 0;
  for (let q = 0; q < CLASSES; q += 1) sum += slopes[q] = Math.exp(logits[q]);
  for (let q = 0; q < CLASSES; q += 1) slopes[q] /= sum * count;
  slopes[label] -= 1 / count;
}

/** Whether the highest logit is the label's. */
function isRight(logits, label) {
  let best = 0;
  for (let q = 1; q < CLASSES; q += 1) if (logits[q] > logits[best]) best = q;
  return best === label;
}

/** Training on all scenes at once, with Adam. step() makes one step on the weights, which are in its place. */
export function createTraining(hidden, seed, scenes) {
  const weights = firstWeights(hidden, seed);
  const [first, second] = [new Float64Array(weights.length), new Float64Array(weights.length)];
  let done = 0;
  const step = () => {
    done += 1;
    const gradient = gradientOf(weights, hidden, scenes);
    const [ofFirst, ofSecond] = [1 - ADAM.first ** done, 1 - ADAM.second ** done];
    gradient.forEach((slope, place) => {
      first[place] += (1 - ADAM.first) * (slope - first[place]);
      second[place] = ADAM.second * second[place] + (1 - ADAM.second) * slope * slope;
      weights[place] -= (RATE * (first[place] / ofFirst)) / (Math.sqrt(second[place] / ofSecond) + ADAM.least);
    });
  };
  return { weights, step };
}

/** The share of right answers, 0 to 1. */
export function accuracyOf(weights, hidden, scenes) {
  const { logits, look } = createPass(partsOf(weights, hidden), hidden, scenes);
  let right = 0;
  for (let scene = 0; scene < scenes.count; scene += 1) {
    look(scene);
    if (isRight(logits, scenes.labels[scene])) right += 1;
  }
  return right / scenes.count;
}

/** For the scenes of each cue: their count, their mean hidden units and gates, and the share of right answers. */
export function lookByCue(weights, hidden, scenes) {
  const { h, s, logits, look } = createPass(partsOf(weights, hidden), hidden, scenes);
  const found = COLOURS.map(() => ({ count: 0, h: Array(hidden).fill(0), s: Array(CHANNELS).fill(0), right: 0 }));
  for (let scene = 0; scene < scenes.count; scene += 1) {
    const one = found[scenes.cues[scene]];
    look(scene);
    one.count += 1;
    h.forEach((value, j) => (one.h[j] += value));
    s.forEach((value, k) => (one.s[k] += value));
    one.right += isRight(logits, scenes.labels[scene]);
  }
  return found.map((one) => ({
    count: one.count,
    h: one.h.map((sum) => sum / one.count),
    s: one.s.map((sum) => sum / one.count),
    right: one.right / one.count,
  }));
}
