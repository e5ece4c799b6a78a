// What training needs beside pictures, as the library and PyTorch have it: statistics, the order of an epoch, a schedule.
import { mixedSeed } from "./numpy_random.js";
import { torchGenerator } from "./torch_random.js";

const BYTE_LEVELS = 256;
const WARM_UP = 0.3; // the share of all steps in which one-cycle's learning rate rises
const FIRST_PART = 1 / 25; // of the peak, where it starts
const LAST_PART = 1e-4; // of the start, where it ends
const [LEAST_MOMENTUM, MOST_MOMENTUM] = [0.85, 0.95];

/**
 * channel_statistics of senet_lib/data/batches.py: { mean, std }, a number for each channel; black is 0, white is 1.
 * pictures: bytes (N, channels, pixels). A channel that never changes gets a standard deviation of 1.
 */
export function channelStatistics(pictures, channels = 3, pixels = 32 * 32) {
  const counts = Array.from({ length: channels }, () => new Float64Array(BYTE_LEVELS));
  for (let start = 0; start < pictures.length; start += pixels) {
    const count = counts[(start / pixels) % channels];
    for (let i = start; i < start + pixels; i += 1) count[pictures[i]] += 1;
  }
  const each = pictures.length / channels;
  const averageOf = (count, value) => count.reduce((sum, times, level) => sum + times * value(level), 0) / each;
  const means = counts.map((count) => averageOf(count, (level) => level));
  const deviations = counts.map((count, c) => Math.sqrt(averageOf(count, (level) => (level - means[c]) ** 2)));
  return { mean: means.map((mean) => mean / 255), std: deviations.map((deviation) => deviation / 255 || 1) };
}

/** In which order senet_lib.data.Batches(shuffle=True) takes the pictures of an epoch: Int32Array (count). */
export const epochOrder = (seed, epoch, count) => torchGenerator(mixedSeed(seed, epoch)).randperm(count);

/**
 * { learningRate, momentum } of step 0, 1, …, totalSteps - 1, as of torch.optim.lr_scheduler.OneCycleLR for AdamW, whose
 * momentum is its first beta: the rate rises to the peak, then falls to almost nothing; the momentum goes the other way.
 */
export function oneCycle(step, totalSteps, peak) {
  const top = WARM_UP * totalSteps - 1; // need not be whole
  const isRising = step <= top;
  const share = isRising ? step / top : (step - top) / (totalSteps - 1 - top);
  const between = (from, to) => to + ((from - to) / 2) * (Math.cos(Math.PI * share) + 1);
  const start = peak * FIRST_PART;
  return isRising
    ? { learningRate: between(start, peak), momentum: between(MOST_MOMENTUM, LEAST_MOMENTUM) }
    : { learningRate: between(peak, start * LAST_PART), momentum: between(LEAST_MOMENTUM, MOST_MOMENTUM) };
}
