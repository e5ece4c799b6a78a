// One contestant of the laboratory that trains in a notebook's kernel; the figure sees no difference. The traits
// request_a, request_b say what is wanted, report_a, report_b what is there: each whole, for messages may be left out.
import { trainingAtStart } from "./training_contestant.js";

const NO_END = 1e9; // steps
const KERNEL_SILENCE = 120_000; // milliseconds: making the pictures and starting a GPU takes some
const SILENT = "The kernel does not answer; run the cell again.";

/** As createContestant of training_contestant.js; hear() is to run after each change of the report. */
export function createKernelContestant({ view, lane, changed }) {
  const [request, report] = [`request_${lane}`, `report_${lane}`];
  const contestant = { state: trainingAtStart() };
  let [id, until, heard, watch] = ["", 0, null, null];
  const update = (more) => {
    Object.assign(contestant.state, more);
    changed();
  };
  const listen = () => {
    clearTimeout(watch);
    const isWaiting = ["loading", "running"].includes(contestant.state.phase);
    if (isWaiting) watch = setTimeout(() => update({ phase: "failed", message: SILENT }), KERNEL_SILENCE);
  };
  const want = (steps, more = {}) => {
    until = steps;
    view.set(request, { ...view.get(request), ...more, id, until });
    listen();
  };
  const go = (steps) => {
    if (["paused", "running"].includes(contestant.state.phase)) update({ phase: "running" });
    want(steps);
  };
  contestant.start = (job) => {
    id = `${Date.now()}-${Math.random()}`;
    contestant.state = trainingAtStart();
    update({ phase: "loading" });
    want(0, { job });
  };
  contestant.train = () => go(NO_END);
  contestant.step = () => go(contestant.state.step + 1);
  contestant.pause = () => id && want(0);
  contestant.reset = () => {
    id = "";
    want(0);
    contestant.state = trainingAtStart();
    listen();
    changed();
  };
  contestant.close = () => clearTimeout(watch);
  contestant.hear = () => {
    const told = view.get(report);
    if (told === heard || !id || told.id !== id) return;
    heard = told;
    const { phase, until: asked, ...rest } = told;
    const isEnd = ["finished", "diverged", "failed"].includes(phase);
    update(isEnd || asked === until ? { ...rest, phase } : rest); // else it has not heard of the last wish yet
    listen();
  };
  return contestant;
}
