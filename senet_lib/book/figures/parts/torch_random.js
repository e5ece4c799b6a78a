// The random numbers of PyTorch's generator on the CPU: MT19937 (Matsumoto and Nishimura, 1998), and what randperm,
// uniform_ and normal_ make of it. Whole numbers are exact; PyTorch's logarithm and cosine may round the last bit otherwise.

const MT_LENGTH = 624;
const MT_SHIFT = 397;
const NORMAL_CHUNK = 16; // PyTorch makes so many normal numbers at a time, unless it needs fewer
const TWO_PI = Math.fround(2 * Math.PI);

/** MT19937's 32-bit numbers. */
function createMersenneTwister(seed) {
  const state = new Uint32Array(MT_LENGTH);
  state[0] = seed;
  for (let i = 1; i < MT_LENGTH; i += 1) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let place = MT_LENGTH;
  const twist = () => {
    for (let i = 0; i < MT_LENGTH; i += 1) {
      const bits = (state[i] & 0x80000000) | (state[(i + 1) % MT_LENGTH] & 0x7fffffff);
      state[i] = state[(i + MT_SHIFT) % MT_LENGTH] ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
    }
    place = 0;
  };
  return () => {
    if (place === MT_LENGTH) twist();
    let bits = state[place];
    place += 1;
    bits ^= bits >>> 11;
    bits ^= (bits << 7) & 0x9d2c5680;
    bits ^= (bits << 15) & 0xefc60000;
    return (bits ^ (bits >>> 18)) >>> 0;
  };
}

/**
 * torch.Generator().manual_seed(seed), for seeds from 0 to 2^53: { randperm, uniform, normal }.
 * randperm(n): Int32Array; uniform(count, low, high) and normal(count, mean, std): Float32Array, as of Tensor.uniform_
 * and Tensor.normal_ of a contiguous float32 tensor.
 */
export function torchGenerator(seed) {
  const next32 = createMersenneTwister(seed);
  const nextFloat = () => (next32() & 0xffffff) / 2 ** 24;
  const nextDouble = () => {
    const high = next32() & 0x1fffff;
    return (high * 2 ** 32 + next32()) / 2 ** 53;
  };
  let kept = null; // the second of two normal numbers

  const randperm = (n) => {
    const order = Int32Array.from({ length: n }, (_, index) => index);
    for (let i = 0; i < n - 1; i += 1) {
      const other = i + (next32() % (n - i));
      [order[i], order[other]] = [order[other], order[i]];
    }
    return order;
  };

  const uniform = (count, low, high) => {
    const [from, width] = [Math.fround(low), Math.fround(Math.fround(high) - Math.fround(low))];
    return Float32Array.from({ length: count }, () => nextFloat() * width + from);
  };

  const nextNormal = () => {
    if (kept !== null) {
      const second = kept;
      kept = null;
      return second;
    }
    const angle = 2 * Math.PI * nextDouble();
    const radius = Math.sqrt(-2 * Math.log1p(-nextDouble()));
    kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };

  /** Turn the 16 uniform numbers from `start` on into normal ones. */
  const makeNormal = (values, start, mean, std) => {
    for (let i = start; i < start + NORMAL_CHUNK / 2; i += 1) {
      const radius = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(Math.log(1 - values[i])))));
      const angle = Math.fround(TWO_PI * values[i + NORMAL_CHUNK / 2]);
      values[i] = Math.fround(radius * Math.fround(Math.cos(angle))) * std + mean;
      values[i + NORMAL_CHUNK / 2] = Math.fround(radius * Math.fround(Math.sin(angle))) * std + mean;
    }
  };

  const normal = (count, mean, std) => {
    if (count < NORMAL_CHUNK) return Float32Array.from({ length: count }, () => nextNormal() * std + mean);
    const values = Float32Array.from({ length: count }, nextFloat);
    const [centre, spread] = [Math.fround(mean), Math.fround(std)];
    for (let start = 0; start + NORMAL_CHUNK <= count; start += NORMAL_CHUNK) makeNormal(values, start, centre, spread);
    if (count % NORMAL_CHUNK) {
      for (let i = count - NORMAL_CHUNK; i < count; i += 1) values[i] = nextFloat();
      makeNormal(values, count - NORMAL_CHUNK, centre, spread);
    }
    return values;
  };

  return { randperm, uniform, normal };
}

/**
 * A network's numbers at the start of training, as PyTorch draws them after torch.manual_seed(seed): Float32Array.
 * The tape lists the draws in their order, each with the place of its first number: ["uniform", count, low, high, place],
 * ["normal", count, mean, std, place] or ["fill", count, value, place]. What has place -1 is drawn and thrown away.
 */
export function initialise(tape, length, seed) {
  const generator = torchGenerator(seed);
  const values = new Float32Array(length);
  for (const [kind, count, ...numbers] of tape) {
    const place = numbers.pop();
    if (kind === "fill") {
      if (place >= 0) values.fill(numbers[0], place, place + count);
      continue;
    }
    const drawn = generator[kind](count, ...numbers);
    if (place >= 0) values.set(drawn, place);
  }
  return values;
}
