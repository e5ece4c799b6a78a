// Work that is not done again while nothing that it needs has changed.

/** A memory: keep(name, key, work) does the work again only when the key has changed. */
export function createMemory() {
  const kept = new Map();
  return (name, key, work) => {
    if (kept.get(name)?.key !== key) kept.set(name, { key, value: work() });
    return kept.get(name).value;
  };
}
