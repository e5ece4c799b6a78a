// The random numbers of numpy.random.default_rng, bit for bit: its SeedSequence, its PCG64, and the draws that our data
// sets use. Published algorithms: O'Neill's PCG (2014), bounded numbers by Lemire (2019).

const PCG_MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const POOL_SIZE = 4;
const TWO_TO_32 = 2 ** 32;

/** The 32-bit words of whole numbers from 0, the lowest word of each first. */
function wordsOf(numbers) {
  const words = [];
  for (const number of numbers) {
    if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`a seed is ${number}; it must be a whole number from 0`);
    words.push(number >>> 0);
    if (number >= TWO_TO_32) words.push(Math.floor(number / TWO_TO_32));
  }
  return words;
}

/** A function that hashes 32-bit words; its constant changes with each of them. */
function createHash(start, multiplier) {
  let constant = start;
  return (word) => {
    const mixed = word ^ constant;
    constant = Math.imul(constant, multiplier);
    const product = Math.imul(mixed, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
}

/** The first `count` 32-bit words of SeedSequence(numbers). */
function seedWords(numbers, count) {
  const words = wordsOf(numbers);
  const hash = createHash(0x43b0d7e5, 0x931e8875);
  const blend = (a, b) => {
    const difference = Math.imul(0xca01f9dd, a) - Math.imul(0x4973f715, b);
    return (difference ^ (difference >>> 16)) >>> 0;
  };
  const pool = Array.from({ length: POOL_SIZE }, (_, index) => hash(words[index] ?? 0));
  for (let from = 0; from < POOL_SIZE; from += 1) {
    for (let to = 0; to < POOL_SIZE; to += 1) if (to !== from) pool[to] = blend(pool[to], hash(pool[from]));
  }
  for (const word of words.slice(POOL_SIZE)) {
    for (let to = 0; to < POOL_SIZE; to += 1) pool[to] = blend(pool[to], hash(word));
  }
  const finish = createHash(0x8b51f9dd, 0x58f38ded);
  return Array.from({ length: count }, (_, index) => finish(pool[index % POOL_SIZE]));
}

/** One seed from several numbers of at least 0, as senet_lib/data/epoch_plan.py makes it. */
export const mixedSeed = (...numbers) => seedWords(numbers, 1)[0];

/** PCG64's 64-bit numbers, as functions that return a BigInt. */
function createPcg64(seed) {
  const words = seedWords([seed], 8).map(BigInt);
  const longOf = (high, low) => BigInt.asUintN(128, (words[high + 1] << 96n) | (words[high] << 64n) | (words[low + 1] << 32n) | words[low]);
  const increment = BigInt.asUintN(128, (longOf(4, 6) << 1n) | 1n);
  const step = (state) => BigInt.asUintN(128, state * PCG_MULTIPLIER + increment);
  let state = step(increment + longOf(0, 2));
  return () => {
    state = step(state);
    const folded = BigInt.asUintN(64, state ^ (state >> 64n));
    const turn = state >> 122n;
    return BigInt.asUintN(64, (folded >> turn) | (folded << (64n - turn)));
  };
}

/**
 * numpy.random.default_rng(seed): { integers, permutation }.
 * integers(high) draws from 0 to below high, integers(low, high) from low; at most 2^32 of them. NumPy's `size` gives
 * what as many single draws give. permutation(n) is 0, …, n - 1 in a random order.
 */
export function defaultRng(seed) {
  const next64 = createPcg64(seed);
  let kept = null; // the upper half of a 64-bit number, for the next draw
  const next32 = () => {
    if (kept !== null) {
      const word = kept;
      kept = null;
      return word;
    }
    const long = next64();
    kept = Number(long >> 32n);
    return Number(long & 0xffffffffn);
  };
  const below = (count) => {
    if (count === 1) return 0; // without a draw
    const tooLow = (TWO_TO_32 - count) % count; // lower halves below this would make some numbers more likely
    for (;;) {
      const word = next32();
      const lower = Math.imul(word, count) >>> 0;
      // The product may have 64 bits; its rounding in a double is far below 2^32.
      if (lower >= tooLow) return Math.round((word * count - lower) / TWO_TO_32);
    }
  };
  const integers = (low, high) => {
    if (high === undefined) return integers(0, low);
    const count = high - low;
    if (!(count >= 1 && count <= TWO_TO_32)) throw new RangeError(`integers from ${low} to below ${high}: draw from 1 to 2^32`);
    return low + below(count);
  };
  const upTo = (largest) => {
    const mask = 2 ** (32 - Math.clz32(largest)) - 1;
    for (;;) {
      const number = next32() & mask;
      if (number <= largest) return number;
    }
  };
  const permutation = (n) => {
    const order = Array.from({ length: n }, (_, index) => index);
    for (let last = n - 1; last > 0; last -= 1) {
      const other = upTo(last); // NumPy shuffles with numbers that it draws in another way than its integers
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  };
  return { integers, permutation };
}
