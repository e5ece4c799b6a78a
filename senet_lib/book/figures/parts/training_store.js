// Finished runs: kept in the browser's storage, where that is allowed, and in the page; nobody else gets them.
const STORE = "senet-book/runs";
const ONLY_HERE = "the table lasts as long as this page.";
const FIELDS = ["network", "gap", "seed", "epochs", "pictures", "rate", "schedule"];

let [inPage, refusal] = [null, ""]; // the runs, once the storage has refused them; and why it has

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
  try {
    if (inPage === null) localStorage.setItem(STORE, JSON.stringify(runs));
  } catch (error) {
    refusal = `The browser's storage ${error?.name === "QuotaExceededError" ? "is full" : "is refused"}: ${ONLY_HERE}`;
  }
  if (refusal) inPage = runs;
  return refusal;
}

/** Forget all runs, and leave nothing in the storage. */
export function eraseRuns() {
  [inPage, refusal] = [null, ""];
  try {
    localStorage.removeItem(STORE);
  } catch {
    // It was refused from the start, so nothing is in it.
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
