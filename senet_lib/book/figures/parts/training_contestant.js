// One contestant of the laboratory, seen from the page: its worker, its phase, and what it has told so far.
import { HOW_TO_SERVE } from "./book_files.js";
import { findTrainingFiles, trainingObstacle, webgpuModule } from "./training_files.js";
import { trainingWorkerText } from "./training_worker.js";

const PATIENCE = 120_000; // milliseconds without a word after which a worker is taken for dead

let lastRun = 0;

/** Nothing is trained yet. Phases: idle, loading, paused, running, finished, diverged, failed. */
export const trainingAtStart = () => ({
  ...{ phase: "idle", step: 0, steps: 0, stepsPerEpoch: 0, losses: [], rights: [], tests: [], gates: null, message: "" },
  ...{ accuracy: null, picturesPerSecond: null, secondsLeft: null, choice: null },
});

/**
 * A contestant { state, start(job), train(), step(), pause(), reset(), close() }.
 * @param moduleText of the whole figure; the worker takes what it needs.
 * @param folders of the runtime and of the contestants' files, from the book's root.
 * @param changed () runs after each change of the state.
 */
export function createContestant({ moduleText, folders, changed }) {
  let [worker, id, watch, wish] = [null, null, null, null];
  const contestant = { state: trainingAtStart(), hear: () => {} };
  const update = (more) => {
    Object.assign(contestant.state, more);
    changed();
  };
  const drop = () => {
    clearTimeout(watch);
    worker?.terminate();
    worker = null;
  };
  const fail = (reason) => {
    drop();
    update({ phase: "failed", message: reason });
  };
  const listen = () => {
    clearTimeout(watch);
    const silence = () => fail("Its worker does not answer any more; close other pages, and press Reset.");
    if (contestant.state.phase === "running") watch = setTimeout(silence, PATIENCE);
  };
  const send = (type, more = {}) => worker.postMessage({ id, type, ...more });

  const take = (message) => {
    const { state } = contestant;
    if (message.id !== id) return; // of a run that was reset
    if (message.type === "failed") {
      fail(/cannot be loaded/.test(message.reason) ? `${message.reason}; ${HOW_TO_SERVE}.` : `${message.reason}.`);
      return;
    }
    if (message.type === "ready") {
      const { steps, stepsPerEpoch } = message;
      const isWanted = wish === "train" || wish === "step";
      update({ steps, stepsPerEpoch, phase: isWanted ? "running" : "paused" });
      if (isWanted) send(wish);
    } else if (message.type === "paused") {
      if (state.phase === "running") update({ phase: "paused" });
    } else {
      takeProgress(message);
    }
    listen();
  };
  const takeProgress = ({ type, losses, rights, tests, gates, ...numbers }) => {
    const { state } = contestant;
    state.losses.push(...losses);
    state.rights.push(...rights);
    state.tests.push(...tests);
    const { step, accuracy, picturesPerSecond, secondsLeft, choice } = numbers;
    const end = type === "progress" ? {} : { phase: type };
    if (type === "diverged") end.message = `The loss is no number any more at step ${step}: training has stopped there.`;
    update({ step, accuracy, picturesPerSecond, secondsLeft, choice, gates: gates ?? state.gates, ...end });
  };
  const open = () => {
    const address = URL.createObjectURL(new Blob([trainingWorkerText(moduleText)], { type: "text/javascript" }));
    worker = new Worker(address);
    worker.onmessage = ({ data }) => {
      URL.revokeObjectURL(address);
      take(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail(`Its worker has died (${event.message || "this browser may refuse workers"}); press Reset, or take another browser.`);
    };
  };

  /** Get ready; what comes first after that ("train" or "step") may be asked for at once. */
  contestant.start = async (job) => {
    id = lastRun += 1;
    const own = id;
    wish = null;
    contestant.state = trainingAtStart();
    update({ phase: "loading" });
    try {
      const obstacle = trainingObstacle();
      if (obstacle) throw new Error(obstacle);
      const files = await findTrainingFiles(job.name, folders);
      if (id !== own) return;
      if (worker === null) open();
      send("start", { job: { ...job, files, webgpu: webgpuModule(folders.runtime) } });
      listen();
    } catch (error) {
      if (id === own) fail(String(error.message ?? error));
    }
  };
  const ask = (type, phase) => {
    const { state } = contestant;
    wish = type;
    if (state.phase !== "paused" && state.phase !== "running") return;
    send(type);
    if (phase) update({ phase });
    listen();
  };
  contestant.train = () => ask("train", "running");
  contestant.step = () => ask("step", "running");
  contestant.pause = () => ask("pause");
  contestant.reset = () => {
    if (worker && contestant.state.phase === "running") send("pause");
    id = null;
    clearTimeout(watch);
    contestant.state = trainingAtStart();
    changed();
  };
  contestant.close = drop;
  return contestant;
}
