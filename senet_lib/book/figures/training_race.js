// A race of networks on the same batches: live, as a thread in Python runs it, or replayed from its record. The arrays
// hold one row for each report; nothing is computed here but which of them to show.
import { guess } from "./parts/guess.js";
import { Problem, button, choice, element, figure, formatNumber, menu, number, player } from "./parts/kit.js";
import { controlRow, requireShape, requireWhole, setText, slider, tableHead, tableLine } from "./parts/kit.js";
import { legend, lineChart, lineSample } from "./parts/line_chart.js";

const WORDS = {
  states: {
    ready: "Press Start.",
    loading: "Loading the pictures …",
    running: "Running.",
    paused: "Paused.",
    stopped: "Stopped. Both networks can be used.",
    finished: "Finished.",
    failed: "It did not work:",
  },
  question: ({ epochs }) => `Which network gets more of the test pictures right after ${epochs} epochs?`,
  level: "as many",
  told: ({ results }) => `At the end: ${results}. Where do the curves part? Press Play.`,
  result: ({ name, accuracy }) => `${name} ${accuracy}`,
  next: "The next race",
  pictures: "pictures",
  depth: "depth",
  layers: ({ depth }) => `${depth} layers`,
  reduction: "reduction ratio r",
  epochs: "epochs",
  seed: "seed",
  start: "Start",
  pause: "Pause",
  resume: "Resume",
  stop: "Stop",
  step: "step",
  stepOf: ({ step, steps }) => `${step} of ${steps}`,
  speed: "play all in",
  seconds: ({ seconds }) => `${seconds} s`,
  play: "Play",
  epoch: "epoch",
  trained: "trained for",
  left: "still to train: about",
  rows: {
    loss: "training loss, nats",
    accuracy: "training accuracy, 0 to 1",
    test_accuracy: "test accuracy, 0 to 1",
    pictures_per_second: "speed, pictures/s",
    gate_spread: "std. dev. of the gates",
  },
  accuracy: "accuracy (share of the pictures)",
  accuracyLabel: "Accuracy of each network over the epochs",
  loss: "training loss (nats)",
  lossLabel: "Loss of each network over the epochs",
  spread: "standard deviation of the gates",
  spreadLabel: "Spread of the gates over the epochs",
  test: ({ name }) => `${name}, test`,
  training: ({ name }) => `${name}, training`,
};
const REDUCTIONS = [1, 2, 4, 8, 16];
const DEPTHS = [6, 8, 20, 56];
const SPEEDS = [5, 15, 60]; // seconds for the whole replay
const TICK = 0.1; // seconds between two drawings of the replay
const NOTHING = -1; // in an array: there is no such number
// How lanes look, in their order: safe for colour-blind readers, and each with a dash and a marker of its own.
const LOOKS = [
  { colour: "var(--look-plain)", dash: "6 4", marker: "square" },
  { colour: "var(--look-s)", dash: null, marker: "circle" },
  { colour: "var(--look-x)", dash: "2 3", marker: "diamond" },
  { colour: "var(--look-x-tilde)", dash: "10 3 2 3", marker: "triangle" },
];
// The rows of the table: an array, and digits after the point.
const ROWS = { loss: 3, accuracy: 3, test_accuracy: 3, pictures_per_second: 0, gate_spread: 3 };
const BUSY = ["loading", "running", "paused"];
// What the first button asks for in each state.
const NEXT = { ready: "start", loading: "pause", running: "pause", paused: "resume", stopped: "start", finished: "start", failed: "start" };

export default figure((view) => {
  const lanes = readLanes(view.data("lanes"));
  const isLive = readMode(view.data("mode")) === "live";
  const record = () => readRecord(view, lanes.length);

  const live = isLive ? createLive(view) : null;
  const replay = createReplay(view, record);
  const asked = isLive ? null : askForTheWinner(view, lanes, record, replay.element);
  const numbers = createNumbers(lanes, isLive);
  numbers.element.classList.add("senet-result");
  const charts = createCharts(lanes);
  const source = element("p", { class: "parts-note", "data-name": "source" });
  view.body.append(...(live ? [live.element] : [asked.element]), replay.element, element("div", { class: "senet-race-top parts-flow" }, numbers.element, charts.accuracy), charts.others, source);

  return () => {
    const found = record();
    const state = readState(view.get("state"));
    const isMoving = isLive && ["loading", "running"].includes(state);
    const shown = Math.min(found.count, isMoving ? found.count : view.get("moment") + 1);
    live?.draw(state);
    asked?.draw();
    replay.element.hidden = found.count < 2 || isMoving;
    numbers.draw(found, shown - 1);
    charts.draw(found, shown);
    setText(source, view.get("source"));
  };
});

// ----------------------------------------------------------------------------------------------------------- the state

function readMode(mode) {
  if (mode === "live" || mode === "replay") return mode;
  throw new Problem(`mode is ${mode}; it must be one of replay, live.`);
}

function readState(state) {
  if (Object.hasOwn(WORDS.states, state)) return state;
  throw new Problem(`state is ${state}; it must be one of ${Object.keys(WORDS.states).join(", ")}.`);
}

function readLanes(names) {
  const isList = Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === "string");
  if (!isList || names.length > LOOKS.length) {
    throw new Problem(`lanes is [${names}]; it must be a list of 1 to ${LOOKS.length} names.`);
  }
  return names.map((name, index) => ({ name, ...LOOKS[index] }));
}

/** The arrays of the record with the number of its reports, checked; count 0 before the first report. */
function readRecord(view, laneCount) {
  const arrays = view.arrays("record", { grows: true });
  if (Object.keys(arrays).length === 0) return { count: 0, steps: 1, epochs: 1 };
  const lengths = {};
  for (const name of ["step", "epoch", "seconds", "seconds_left"]) {
    requireShape(`record.${name}`, arrays[name], ["T"], lengths);
  }
  for (const name of Object.keys(ROWS)) requireShape(`record.${name}`, arrays[name], ["T", laneCount], lengths);
  const [steps, epochs] = requireShape("record.totals", arrays.totals, [2]).data;
  requireWhole(view, "moment", lengths.T - 1);
  return { count: lengths.T, steps, epochs, laneCount, ...arrays };
}

/** The numbers of a lane up to a report, without the places where there is none. */
function lineOf(found, name, lane, shown) {
  const [xs, ys] = [[], []];
  for (let index = 0; index < shown; index += 1) {
    const value = found[name].data[index * found.laneCount + lane];
    if (value === NOTHING) continue;
    xs.push((found.step.data[index] / found.steps) * found.epochs);
    ys.push(value);
  }
  return { xs, ys };
}

// -------------------------------------------------------------------------------------------------------- the controls

function createLive(view) {
  const sets = view.data("data_sets");
  if (!Array.isArray(sets) || sets.length === 0) throw new Problem("data_sets is not a list, or is empty; give some names.");
  const options = (list, text) => list.map((value) => [value, text(value)]);
  const choices = [
    menu(view, "data_set", { label: WORDS.pictures, options: options(sets, String) }),
    menu(view, "depth", { label: WORDS.depth, options: options(DEPTHS, (depth) => WORDS.layers({ depth })) }),
    choice(view, "reduction", { label: WORDS.reduction, options: options(REDUCTIONS, String) }),
    slider(view, "epochs", { label: WORDS.epochs, min: 1, max: 40 }),
    slider(view, "seed", { label: WORDS.seed, min: 0, max: 20 }),
  ];
  const state = () => view.get("state");
  const go = button(WORDS.start, () => view.set("command", NEXT[state()]));
  const stop = button(WORDS.stop, () => BUSY.includes(state()) && view.set("command", "stop"));
  go.element.classList.add("senet-race-go");
  const status = element("span", { role: "status", "data-name": "status" });
  const buttons = element("div", { class: "senet-race-buttons parts-line" }, go.element, stop.element, status);
  const setup = element("fieldset", { class: "senet-race-setup parts-flow" }, ...choices.map((one) => one.element));
  setup.prepend(element("legend", {}, WORDS.next));
  const draw = (now) => {
    setText(go.element, WORDS[NEXT[now]]);
    stop.element.setAttribute("aria-disabled", String(!BUSY.includes(now))); // not disabled: that would lose the focus
    setText(status, [WORDS.states[now], view.get("message")].filter(Boolean).join(" "));
    status.classList.toggle("senet-problem", now === "failed");
  };
  return { element: element("div", {}, setup, buttons), draw };
}

/** Before the rest of the race: which lane is ahead at its end? */
function askForTheWinner(view, lanes, record, covered) {
  const found = record();
  const ends = lanes.map((_, lane) => latest(found, "test_accuracy", lane, found.count - 1));
  const best = Math.max(...ends);
  const ahead = lanes.filter((_, lane) => ends[lane] === best);
  const results = lanes.map(({ name }, lane) => WORDS.result({ name, accuracy: formatNumber(ends[lane], 3) })).join(", ");
  const answer = () => ({ value: ahead.length > 1 ? WORDS.level : ahead[0]?.name, told: WORDS.told({ results }) });
  const options = [...lanes.map(({ name }) => name), WORDS.level].map((name) => [name, name]);
  const question = WORDS.question({ epochs: found.epochs });
  return guess(view, { key: `race/${lanes.map(({ name }) => name).join("/")}`, question, options, answer, covered: [covered] });
}

function createReplay(view, record) {
  const position = slider(view, "moment", {
    label: WORDS.step,
    min: 0,
    max: () => Math.max(0, record().count - 1),
    show: (index) => {
      const { count, step, steps } = record();
      return count ? WORDS.stepOf({ step: formatNumber(step.data[index]), steps: formatNumber(steps) }) : "0";
    },
  });
  const speeds = SPEEDS.map((seconds) => [seconds, WORDS.seconds({ seconds })]);
  const speed = choice(view, "replay_seconds", { label: WORDS.speed, options: speeds });
  let credit = 0; // seconds of the race since the report that is shown
  const advance = () => {
    const { count, seconds } = record();
    const last = count - 1;
    const isAtEnd = view.get("moment") === last;
    let next = isAtEnd ? 0 : view.get("moment");
    credit = isAtEnd ? 0 : credit + (TICK / view.get("replay_seconds")) * seconds.data[last];
    while (next < last && seconds.data[next + 1] - seconds.data[next] <= credit) {
      credit -= seconds.data[next + 1] - seconds.data[next];
      next += 1;
    }
    view.set("moment", next);
    return next < last;
  };
  const play = player(view, { label: WORDS.play, seconds: TICK, advance });
  return { element: controlRow(play.element, position.element, speed.element) };
}

// --------------------------------------------------------------------------------------------------------- the drawing

/** The numbers at a moment: the time, and a table with a column for each lane. */
function createNumbers(lanes, isLive) {
  const clock = {
    step: number("step", { label: WORDS.step }),
    epoch: number("epoch", { label: WORDS.epoch }),
    seconds: number("seconds", { label: WORDS.trained, unit: "s", digits: 1 }),
    seconds_left: number("seconds_left", { label: WORDS.left, unit: "s", digits: 0 }),
  };
  clock.seconds_left.element.hidden = !isLive; // of a record nothing is still to come
  const head = tableHead(...lanes.map(({ name }) => name));
  lanes.forEach((look, lane) => head.querySelectorAll("th")[lane].prepend(lineSample(look)));
  const rows = Object.entries(ROWS).map(([key, digits]) => {
    const cells = lanes.map((_, lane) => number(`${key}-${lane}`, { digits, isMeasured: true }));
    return { key, cells, element: tableLine(WORDS.rows[key], ...cells.map((cell) => cell.element)) };
  });
  const body = element("tbody", {}, ...rows.map((one) => one.element));
  const table = element("table", { class: "senet-race-table" }, head, body);
  const shown = Object.values(clock).map((one) => one.element);
  const times = element("p", { class: "senet-race-times parts-flow" }, ...shown);
  const draw = (found, index) => {
    for (const [key, one] of Object.entries(clock)) one.set(index >= 0 ? found[key].data[index] : NaN);
    for (const { key, cells } of rows) {
      cells.forEach((cell, lane) => cell.set(index >= 0 ? latest(found, key, lane, index) : NaN));
    }
  };
  return { element: element("div", {}, times, table), draw };
}

/** A lane's newest number at a report: the test accuracy is that of the last epoch that was over. */
function latest(found, name, lane, index) {
  for (let at = index; at >= 0; at -= 1) {
    const value = found[name].data[at * found.laneCount + lane];
    if (value !== NOTHING) return value;
  }
  return NaN;
}

function createCharts(lanes) {
  const xLabel = WORDS.epochs;
  const accuracy = lineChart({ label: WORDS.accuracyLabel, xLabel, yLabel: WORDS.accuracy, height: 200 });
  const loss = lineChart({ label: WORDS.lossLabel, xLabel, yLabel: WORDS.loss });
  const spread = lineChart({ label: WORDS.spreadLabel, xLabel, yLabel: WORDS.spread });
  const plain = ({ colour, dash }) => ({ colour, dash });
  const keys = lanes.flatMap(({ name, ...look }) => [
    [lineSample(look), WORDS.test({ name })],
    [lineSample({ ...plain(look), thin: true }), WORDS.training({ name })],
  ]);
  const pair = element("div", { class: "parts-charts parts-flow" }, loss.element, spread.element);
  const draw = (found, shown) => {
    const lines = (name, look) => lanes.map((lane, index) => ({ ...lineOf(found, name, index, shown), ...look(lane) }));
    const x = [0, found.epochs];
    const thin = (lane) => ({ ...plain(lane), thin: true });
    accuracy.draw([...lines("accuracy", thin), ...lines("test_accuracy", (lane) => lane)], { x, y: [0, 1] });
    loss.draw(lines("loss", plain), { x, y: [0, largest(found, "loss")] });
    const most = largest(found, "gate_spread");
    spread.element.hidden = found.count > 0 && most < 0;
    spread.draw(lines("gate_spread", plain), { x, y: [0, Math.max(most, 0.01)] });
  };
  return { accuracy: element("div", {}, legend(...keys), accuracy.element), others: pair, draw };
}

/** The largest number of the whole record, so that the axis does not move while the curves grow. */
const largest = (found, name) => (found.count ? found[name].data.reduce((a, b) => Math.max(a, b)) : 1);
