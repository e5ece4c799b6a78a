// Random numbers that Python can make as well: senet_lib/book/draws.py. The seed alone decides.

/** Numbers from 0 to 1, one for each index, from a hash of seed and index (MurmurHash3's finalizer). */
export function uniformDraws(seed, count) {
  const draws = new Float64Array(count);
  for (let index = 0; index < count; index += 1) {
    let bits = (Math.imul(seed, 0x9e3779b1) + Math.imul(index, 0x85ebca77)) >>> 0;
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b) >>> 0;
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35) >>> 0;
    bits = (bits ^ (bits >>> 16)) >>> 0;
    draws[index] = (bits + 0.5) / 4294967296;
  }
  return draws;
}

/** Standard normal numbers (Box and Muller): draw i uses the uniform draws 2i and 2i + 1. */
export function normalDraws(seed, count) {
  const uniform = uniformDraws(seed, 2 * count);
  const draws = new Float32Array(count);
  for (let i = 0; i < count; i += 1) {
    draws[i] = Math.sqrt(-2 * Math.log(uniform[2 * i])) * Math.cos(2 * Math.PI * uniform[2 * i + 1]);
  }
  return draws;
}
