// The laboratory's bench: two contestants, the bet on them, and what happens when both have ended, or one has failed.
import { isText, need, wantsStillness } from "./kit.js";
import { createContestant } from "./training_contestant.js";
import { createKernelContestant } from "./training_kernel.js";
import { LANES, expectedTime, jobOf } from "./training_settings.js";
import { keepRun, readRuns } from "./training_store.js";

export const SOLVED = 0.97; // the test accuracy from which on the book calls the task solved
const PLACE_WORDS = {
  kernel: ({ device }) => `Training in this notebook's kernel, on ${device}.`,
  page: "Training: each network in a worker of its own, in this page.",
};
const REPLAY_SECONDS = 0.4; // for each epoch of a recorded run
const BUSY = ["loading", "running", "paused"];

/** From a network's name to its recorded test accuracies: by distance, seed after seed, epoch after epoch. */
export function readRecorded(view) {
  const recorded = view.data("recorded");
  const isRun = (run) => Array.isArray(run) && run.length > 0 && run.every((one) => one >= 0 && one <= 1);
  for (const [name, byGap] of Object.entries(recorded)) {
    for (const [gap, runs] of Object.entries(byGap)) {
      need(Array.isArray(runs) && runs.every(isRun), `recorded has no whole runs for ${name} at ${gap}; give accuracies from 0 to 1.`);
    }
  }
  return (name, gap) => recorded[name]?.[gap] ?? [];
}

/** Two contestants and what is known of their run: { phase, settings, bet, lanes, train, pause, step, reset, … }. */
export function createBench(view, recorded, changed) {
  const folders = { runtime: view.get("runtime"), contestants: view.get("folder") };
  need(isText(folders.runtime) && isText(folders.contestants), "runtime and folder must be texts: where the files are.");
  const bench = { lanes: {}, settings: null, bet: "", note: "", replay: null, score: { right: 0, all: 0 }, storage: "" };
  let [key, counted, timer] = [null, false, null];
  const phases = () => LANES.map((lane) => bench.lanes[lane].state.phase);
  bench.phase = () => {
    const found = phases();
    const isOver = found.every((phase) => ["finished", "diverged"].includes(phase));
    return isOver ? "finished" : ["failed", "loading", "running", "paused"].find((phase) => found.includes(phase)) ?? "idle";
  };
  bench.isBusy = () => BUSY.includes(bench.phase());
  const hear = () => {
    const phase = bench.phase();
    if (phase === "failed" && !bench.replay) fallBack();
    if (phase === "finished" && !counted) settle();
    changed();
  };
  const isInKernel = view.data("kernel");
  const device = view.get("device");
  const chosen = () => LANES.map((lane) => bench.lanes[lane].state.choice?.text).find(Boolean);
  bench.expected = () => (isInKernel ? null : expectedTime(bench.settings, readRuns()));
  bench.place = () => (isInKernel ? PLACE_WORDS.kernel({ device }) : (chosen() ?? PLACE_WORDS.page));
  for (const lane of LANES) {
    bench.lanes[lane] = isInKernel
      ? createKernelContestant({ view, lane, changed: hear })
      : createContestant({ moduleText: view.get("_esm"), folders, changed: hear });
    view.onClose(bench.lanes[lane].close);
  }
  bench.hear = () => each((contestant) => contestant.hear());
  const settle = () => {
    counted = true;
    bench.storage = "";
    const { settings } = bench;
    for (const lane of LANES) {
      const { state } = bench.lanes[lane];
      if (state.phase === "finished") bench.storage = keepRun(runOf(settings, lane, state)) || bench.storage;
    }
    count();
  };
  const count = () => {
    bench.score.all += 1;
    if (outcomeOf(bench) === bench.bet) bench.score.right += 1;
  };
  // A page that cannot train shows what PyTorch has recorded, epoch after epoch.
  const fallBack = () => {
    const runs = Object.fromEntries(LANES.map((lane) => [lane, recorded(bench.settings[lane].name, bench.settings.gap)]));
    const epochs = Math.max(0, ...LANES.map((lane) => runs[lane][0]?.length ?? 0));
    bench.replay = { runs, epochs, shown: wantsStillness() ? epochs : 0 };
    for (const lane of LANES) bench.lanes[lane].pause();
    const next = () => {
      if (bench.replay.shown >= epochs) {
        clearInterval(timer);
        if (bench.bet !== "" && !counted && outcomeOf(bench) !== null) [counted] = [true, count()];
      } else bench.replay.shown += 1;
      changed();
    };
    clearInterval(timer);
    timer = setInterval(next, 1000 * REPLAY_SECONDS);
  };
  const each = (action) => LANES.forEach((lane) => action(bench.lanes[lane], lane));
  const begin = () => {
    bench.note = "";
    if (bench.phase() === "idle") each((contestant, lane) => contestant.start(jobOf(bench.settings, lane)));
  };
  bench.train = () => (begin(), each((contestant) => contestant.train()));
  bench.step = () => (begin(), each((contestant) => contestant.step()));
  bench.pause = () => each((contestant) => contestant.pause());
  bench.reset = () => {
    clearInterval(timer);
    Object.assign(bench, { replay: null, note: "" });
    counted = false;
    each((contestant) => contestant.reset());
  };
  // Another run is asked for: what belongs to the last one goes, and its bet, unless only the seed is another.
  bench.follow = (settings, bet) => {
    const { seed, ...rest } = settings;
    const now = JSON.stringify(rest);
    const isOther = bench.settings !== null && (now !== key || seed !== bench.settings.seed);
    const isOtherGame = bench.settings !== null && now !== key;
    [key, bench.settings, bench.bet] = [now, settings, isOtherGame ? "" : bet];
    if (isOtherGame && bet !== "") view.set("bet", "");
    if (isOther) bench.reset();
  };
  const whenHidden = () => {
    if (!document.hidden || !["loading", "running"].includes(bench.phase())) return;
    bench.note = "Paused, because the page was hidden. Press Train to go on.";
    bench.pause();
    changed();
  };
  document.addEventListener("visibilitychange", whenHidden);
  view.onClose(() => {
    document.removeEventListener("visibilitychange", whenHidden);
    clearInterval(timer);
  });
  return bench;
}

const runOf = ({ gap, seed, epochs, pictures, learningRate, schedule, ...networks }, lane, state) => ({
  ...{ network: networks[lane].name, gap, seed, epochs, pictures, rate: learningRate, schedule },
  ...{ accuracies: [...state.tests], pace: state.picturesPerSecond },
});

/** The last test accuracies of A and B, trained or recorded; null where there is none. */
export const finalsOf = ({ replay, lanes }) =>
  LANES.map((lane) => (replay ? replay.runs[lane][0] : lanes[lane].state.tests)?.at(-1) ?? null);

/**
 * Which bet was right: a, b, both or none (or level); null if that is not known: a run of other length is on record, or
 * none. A network that diverged has null, which counts as 0.
 */
export function outcomeOf(bench) {
  const finals = finalsOf(bench);
  if (bench.replay && (bench.replay.epochs !== bench.settings.epochs || finals.includes(null))) return null;
  const [a, b] = bench.question === "solve" ? finals.map((final) => final >= SOLVED) : [finals[0] > finals[1], finals[0] < finals[1]];
  return a && b ? "both" : a ? "a" : b ? "b" : "none";
}
