// What a reader of the laboratory can set: two networks, their world and their training; checked, and named.
import { Problem } from "./kit.js";

export const LANES = ["a", "b"];
export const KINDS = [["plain", "plain"], ["se", "SE"]];
export const BLOCKS = [2, 4, 6];
export const REDUCTIONS = [1, 2, 4, 8, 16];
export const PLACES = [
  ["standard", "standard: before the sum"],
  ["pre", "pre: before the branch"],
  ["post", "post: after the sum"],
  ["identity", "identity: on the shortcut"],
];
export const GAPS = [1, 4, 8, 12, 16, 20];
export const PICTURES = [320, 800, 1600, 4000, 8000]; // each fills whole batches
export const RATES = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05];
export const SCHEDULES = [["one-cycle", "one cycle: up, then down"], ["constant", "constant"]];
export const MOST_EPOCHS = 20;
export const MOST_SEED = 99;
// Milliseconds of a step, by blocks: benchmarks/results/train_in_page.json.
const STEP_MS = { 2: 61, 4: 120, 6: 178 };
const FIELD_OF = { 2: 17, 4: 33, 6: 49 }; // what one unit sees, in pixels

/** The file name of a network. */
export function networkName({ kind, blocks, reduction, place }) {
  if (kind === "plain") return `plain-${blocks}`;
  const name = `se-${blocks}-r${reduction}`;
  return place === "standard" ? name : `${name}-${place}`;
}

/** { kind, blocks, reduction, place } of a file name; null if it is none. */
export function networkOfName(name) {
  const found = /^(?:(plain)-(\d+)|se-(\d+)-r(\d+)(?:-(\w+))?)$/.exec(name);
  if (!found) return null;
  const [, plain, plainBlocks, blocks, reduction, place = "standard"] = found;
  if (plain) return { kind: "plain", blocks: Number(plainBlocks), reduction: 4, place: "standard" };
  return { kind: "se", blocks: Number(blocks), reduction: Number(reduction), place };
}

/** What people call a network. */
export function networkLabel({ kind, blocks, reduction, place }) {
  if (kind === "plain") return `plain, ${blocks} blocks`;
  const label = `SE, ${blocks} blocks, r = ${reduction}`;
  return place === "standard" ? label : `${label}, ${place}`;
}

/** What a unit of it can see. */
export function networkReach({ kind, blocks }) {
  const field = FIELD_OF[blocks];
  if (kind === "se") return `A unit sees ${Math.min(field, 32)} of 32 pixels; its gates hear of all.`;
  return `A unit sees ${Math.min(field, 32)} of 32 pixels.`;
}

/** The network of a lane, from the traits. */
export const readNetwork = (view, lane) =>
  Object.fromEntries(["kind", "blocks", "reduction", "place"].map((part) => [part, view.get(`${part}_${lane}`)]));

/** All that decides a run, checked: { a, b: networks, gap, seed, epochs, pictures, testPictures, learningRate, schedule }. */
export function readSettings(view) {
  const catalogue = view.data("catalogue");
  if (!Array.isArray(catalogue) || catalogue.length === 0) throw new Problem("catalogue is empty; give names of networks.");
  const networks = LANES.map((lane) => {
    const network = readNetwork(view, lane);
    const name = networkName(network);
    const allowed = catalogue.filter((other) => other.startsWith(`${network.kind}-${network.blocks}`));
    if (!catalogue.includes(name)) {
      throw new Problem(`${name} (reduction_${lane}, place_${lane}) is not offered; it must be one of ${allowed.join(", ")}.`);
    }
    return { ...network, name, label: networkLabel(network) };
  });
  const pictures = view.get("pictures");
  return {
    ...{ a: networks[0], b: networks[1], pictures, testPictures: testCount(pictures) },
    ...{ gap: view.get("gap"), seed: view.get("seed"), epochs: view.get("epochs") },
    ...{ learningRate: view.get("learning_rate"), schedule: view.get("schedule") },
  };
}

// A quarter, in whole batches of the test.
const testCount = (pictures) => Math.min(2000, Math.max(200, 100 * Math.round(pictures / 400)));

/** The job of a lane, for its worker. */
export function jobOf(settings, lane) {
  const { gap, seed, epochs, pictures, testPictures, learningRate, schedule } = settings;
  return { name: settings[lane].name, gap, seed, epochs, pictures, testPictures, learningRate, schedule };
}

/**
 * How long a run may take: { seconds, isMeasured }, as fast as the newest of these finished runs, or else as on the
 * machine of the book. The slower network counts: each has a processor of its own.
 */
export function expectedTime(settings, runs) {
  const { pictures, testPictures, epochs } = settings;
  const last = runs.findLast((run) => run.pace > 0 && networkOfName(run.network));
  const slowness = last ? 32_000 / last.pace / STEP_MS[networkOfName(last.network).blocks] : 1;
  const step = slowness * Math.max(...LANES.map((lane) => STEP_MS[settings[lane].blocks]));
  return { seconds: (epochs * (pictures / 32 + testPictures / 100) * step) / 1000, isMeasured: last !== undefined };
}
