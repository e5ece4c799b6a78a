// Finished runs: kept in the browser's storage, where that is allowed, and in the page; nobody else gets them.
const STORE = "senet-laboratory";
const ONLY_HERE = "the table lasts as long as this page.";
const FIELDS = ["network", "gap", "seed", "epochs", "pictures", "rate", "schedule"];

let inPage = null; // the runs, once the storage has refused them

const isRun = (run) => FIELDS.every((field) => field in (run ?? {})) && Array.isArray(run.accuracies) && run.accuracies.length > 0;

/** The finished runs, oldest first. */
export function readRuns() {
  if (inPage) return inPage;
  try {
    const found = JSON.parse(localStorage.getItem(STORE) ?? "[]");
    return Array.isArray(found) ? found.filter(isRun) : [];
  } catch {
    return [];
  }
}

/** Keep one more. Returns what went wrong, or "". A run that is there already takes the place of the older one. */
export function keepRun(run) {
  const isSame = (other) => FIELDS.every((field) => other[field] === run[field]);
  const runs = [...readRuns().filter((other) => !isSame(other)), run];
  if (inPage === null) {
    try {
      localStorage.setItem(STORE, JSON.stringify(runs));
      return "";
    } catch (error) {
      inPage = runs;
      const isFull = error?.name === "QuotaExceededError";
      return `The browser's storage ${isFull ? "is full" : "is refused"}: ${ONLY_HERE}`;
    }
  }
  inPage = runs;
  return `The browser's storage takes no more: ${ONLY_HERE}`;
}

/** Forget all runs, and leave nothing in the storage. */
export function eraseRuns() {
  inPage = null;
  try {
    localStorage.removeItem(STORE);
  } catch {
    inPage = []; // it was refused from the start
  }
}

/** Runs that differ in their seeds only, together: [{ ...what they share, seeds, finals }]. */
export function groupRuns(runs) {
  const groups = new Map();
  for (const run of runs) {
    const shared = Object.fromEntries(FIELDS.filter((field) => field !== "seed").map((field) => [field, run[field]]));
    const key = JSON.stringify(shared);
    if (!groups.has(key)) groups.set(key, { ...shared, seeds: [], finals: [] });
    groups.get(key).seeds.push(run.seed);
    groups.get(key).finals.push(run.accuracies[run.accuracies.length - 1]);
  }
  return [...groups.values()];
}

/** A table with a line for each run; the accuracies after each epoch stand in its last columns. */
export function runsAsCsv(runs) {
  const most = Math.max(1, ...runs.map((run) => run.accuracies.length));
  const heads = [...FIELDS, ...Array.from({ length: most }, (_, epoch) => `test accuracy after epoch ${epoch + 1}`)];
  const quote = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const lines = runs.map((run) => [...FIELDS.map((field) => run[field]), ...run.accuracies]);
  return [heads, ...lines].map((line) => line.map(quote).join(",")).join("\n") + "\n";
}
