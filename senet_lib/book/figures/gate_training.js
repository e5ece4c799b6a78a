// The Context World in miniature, trained here: a run that can be seen step by step, and a hundred to be counted.
import { guess } from "./parts/guess.js";
import { Problem, button, controlRow, disable, element, figure, number, panel, player } from "./parts/kit.js";
import { requireShape, row, setText, slider, svg, tableLine } from "./parts/kit.js";
import { COLOURS, STEPS, accuracyOf, createTraining, lookByCue, prepareScenes } from "./parts/excitation_training.js";
import { chartText, createSheet, legend, lineChart, lineSample, scaleTo } from "./parts/line_chart.js";
import { partChoice } from "./parts/part_choice.js";
import { shareInterval, sumOf } from "./parts/statistics.js";

const WORDS = {
  parts: { one: "one training", many: "a hundred trainings" },
  hidden: "hidden units",
  seed: "seed",
  another: "Another seed",
  train: "Train",
  step: "step",
  stepOf: ({ step, all }) => `${step} of ${all}`,
  question: ({ seeds }) => `With one hidden unit, how many of ${seeds} trainings solve it?`,
  count: ({ seeds }) => `Now look at a hundred trainings: train from ${seeds} seeds with one hidden unit, and count.`,
  told: ({ tally }) => `${tally}.`,
  tally: ({ solved, count, low, high }) => `${solved} of ${count} seeds solve it (95% interval ${low}% to ${high}%)`,
  solved: ({ solved, count }) => `${solved} of ${count} solve it`,
  curve: "Test accuracy after each step of the training",
  steps: "steps",
  accuracy: "test accuracy, 0 to 1",
  thisTraining: "this training",
  levels: "9/16 and 3/4",
  now: ({ step, percent }) => `After ${step} steps, ${percent}% of the test scenes are right.`,
  understood: [
    () => "No cue is understood.",
    ([one]) => `Only the ${one} cue is understood, the rest is a guess.`,
    ([one, other]) => `The ${one} and the ${other} cue are understood, the rest is a guess.`,
    () => "Every cue is understood.",
  ],
  cue: "cue",
  right: "right",
  gates: "Mean gates s",
  units: "Mean hidden units h",
  go: ({ seeds }) => `Train from ${seeds} seeds`,
  stop: "Stop",
  all: "Train all rows",
  busy: "A row is being trained. Stop it first.",
  done: "All rows are trained.",
  row: ({ hidden }) => `hidden units: ${hidden}`,
  rowTraining: ({ hidden }) => `hidden units: ${hidden}. Training …`,
  rowTrained: ({ hidden, tally }) => `hidden units: ${hidden}. ${tally}`,
  strips: "a point for each seed, by hidden units",
  end: "test accuracy at the end",
  stripsLabel: ({ trained }) => `Test accuracies by hidden units. ${trained}`,
  untrained: "Nothing is trained yet.",
  stripLabel: ({ hidden, tally }) => `${hidden}: ${tally}`,
  point: ({ seed, value }) => `seed ${seed}: ${value}`,
};
const MOST_HIDDEN = 8;
const SEEDS = 100;
const SOLVED = 0.97; // as senet_lib/data/context_world.py says
// What a vote can reach without the cue; and with one cue known, and a guess between the two others.
const LEVELS = [
  [9 / 16, "9/16"],
  [3 / 4, "3/4"],
];
const EVERY = 3; // steps from one point of the curve to the next
const TRAINING_SECONDS = 3;
const TICK = 0.05; // seconds between two drawings of the training
const SLICE = 12; // milliseconds of training between two frames, when many networks are trained
const TEST = { colour: "var(--look-s)", dash: null };
const LEVEL = { colour: "var(--look-plain)", dash: "5 4" };

export default figure((view) => {
  const scenes = prepareScenes(readScenes(view, "train"), readScenes(view, "test"));
  const runOf = keepLast((hidden, seed) => trainByStep(hidden, seed, scenes));

  const hidden = slider(view, "hidden", { label: WORDS.hidden, min: 1, max: MOST_HIDDEN });
  const seed = slider(view, "seed", { label: WORDS.seed, min: 0, max: SEEDS - 1 });
  const another = button(WORDS.another, () => view.set("seed", (view.get("seed") + 1) % SEEDS));
  const train = createTrainButton(view);
  const show = (step) => WORDS.stepOf({ step, all: STEPS });
  const step = slider(view, "step", { label: WORDS.step, min: 0, max: STEPS, show });
  const curve = createCurve();
  const words = element("p", { class: "parts-conclusion senet-result", "data-name": "words" });
  const tables = createTables();
  const count = createCount(view, scenes, () => asked.draw());
  const asked = askForTheSolved(view, count);
  const controls = [controlRow(seed.element, another.element), controlRow(train, step.element)];
  const run = row(element("div", {}, curve.element, words), tables.element);
  run.classList.add("training-run");
  const one = element("div", {}, ...controls, run);
  const part = partChoice(view, WORDS.parts, { one: [one], many: [count.element] });
  const stack = element("div", { class: "parts-stack" }, one, count.element);
  view.body.append(asked.element, controlRow(part.element, hidden.element), stack);

  return () => {
    const [hiddenNow, stepNow] = [view.get("hidden"), view.get("step")];
    const run = runOf(hiddenNow, view.get("seed"));
    const byCue = lookByCue(run.weights[stepNow], hiddenNow, scenes.test);
    const accuracy = sumOf(byCue.map(({ count, right }) => count * right)) / scenes.test.count;
    curve.draw(run, stepNow, accuracy);
    tables.draw(byCue);
    setText(words, describe(stepNow, accuracy, byCue));
    count.draw();
    asked.draw();
  };
});

/** Before the hundred trainings: how many of those with one hidden unit solve it? They answer when they are done. */
function askForTheSolved(view, count) {
  const question = WORDS.question({ seeds: SEEDS });
  const answer = () => {
    const values = count.valuesOf(1);
    if (values.length < SEEDS) return { told: WORDS.count({ seeds: SEEDS }) };
    return { value: solvedOf(values), told: WORDS.told({ tally: tally(values) }) };
  };
  return guess(view, { key: "training/1", question, range: { min: 0, max: SEEDS }, answer, covered: [count.buttons] });
}

// ----------------------------------------------------------------------------------------------------------- the state

function readScenes(view, name) {
  const arrays = view.arrays(name);
  const lengths = {};
  const read = (key, shape) => requireShape(`${name}.${key}`, arrays[key], shape, lengths).data;
  const found = { pixels: read("pixels", ["N", 3]), shapes: read("shapes", ["N", 3]), cues: read("cues", ["N"]) };
  requireBelow(`${name}.shapes`, found.shapes, 4);
  requireBelow(`${name}.cues`, found.cues, COLOURS.length);
  for (const [cue, colour] of COLOURS.entries()) {
    if (found.cues.includes(cue)) continue;
    throw new Problem(`${name}.cues has no ${colour} cue (${cue}); give scenes of each colour.`);
  }
  return found;
}

function requireBelow(name, values, limit) {
  const bad = values.find((value) => !(Number.isInteger(value) && value >= 0 && value < limit));
  if (bad !== undefined) throw new Problem(`${name} holds ${bad}; it must be whole numbers from 0 to ${limit - 1}.`);
}

// ------------------------------------------------------------------------------------------------------------- one run

/** The last result of a function of a few numbers, kept. */
function keepLast(make) {
  let [key, value] = [null, null];
  return (...numbers) => {
    if (key !== `${numbers}`) [key, value] = [`${numbers}`, make(...numbers)];
    return value;
  };
}

/** The weights before the first step and after each, and points for the curve of the test accuracy. */
function trainByStep(hidden, seed, { train, test }) {
  const training = createTraining(hidden, seed, train);
  const run = { weights: [], steps: [], accuracies: [] };
  for (let done = 0; done <= STEPS; done += 1) {
    if (done > 0) training.step();
    run.weights.push(training.weights.slice());
    if (done % EVERY > 0) continue;
    run.steps.push(done);
    run.accuracies.push(accuracyOf(training.weights, hidden, test));
  }
  return run;
}

/** The test accuracy after all steps. */
function trainToEnd(hidden, seed, { train, test }) {
  const { weights, step } = createTraining(hidden, seed, train);
  for (let done = 0; done < STEPS; done += 1) step();
  return accuracyOf(weights, hidden, test);
}

/** Train, from the first step when the training is at its end. With reduced motion it goes to the end at once. */
function createTrainButton(view) {
  const stride = Math.ceil((STEPS * TICK) / TRAINING_SECONDS);
  const advance = () => {
    const from = view.get("step") >= STEPS ? 0 : view.get("step");
    view.set("step", Math.min(STEPS, from + stride));
    return view.get("step") < STEPS;
  };
  const { element: moving } = player(view, { label: WORDS.train, seconds: TICK, advance });
  if (!moving.hidden) return moving;
  return button(WORDS.train, () => view.set("step", STEPS)).element;
}

function createCurve() {
  const chart = lineChart({ label: WORDS.curve, xLabel: WORDS.steps, yLabel: WORDS.accuracy, height: 180 });
  const levels = LEVELS.map(([value]) => ({ xs: [0, STEPS], ys: [value, value], ...LEVEL, thin: true }));
  const keys = legend([lineSample(TEST), WORDS.thisTraining], [lineSample({ ...LEVEL, thin: true }), WORDS.levels]);
  const draw = ({ steps, accuracies }, step, accuracy) => {
    const passed = steps.filter((one) => one < step);
    const xs = [...passed, step];
    const ys = [...accuracies.slice(0, passed.length), accuracy];
    const last = { xs: [step], ys: [accuracy], ...TEST, marker: "circle" };
    chart.draw([...levels, { xs, ys, ...TEST }, last], { x: [0, STEPS], y: [0.2, 1] });
  };
  return { element: element("div", {}, keys, chart.element), draw };
}

/** What the training has found, from the test scenes. */
function describe(step, accuracy, byCue) {
  const cues = COLOURS.filter((_, cue) => byCue[cue].right >= SOLVED);
  return `${WORDS.now({ step, percent: (100 * accuracy).toFixed(1) })} ${WORDS.understood[cues.length](cues)}`;
}

// ---------------------------------------------------------------------------------------------------------- the tables

/** Mean gates and mean hidden units, a row for each cue. */
function createTables() {
  const gates = createTable(WORDS.gates, "s", [...COLOURS, WORDS.right], 2);
  const names = Array.from({ length: MOST_HIDDEN }, (_, j) => `h${"₁₂₃₄₅₆₇₈"[j]}`);
  const hidden = createTable(WORDS.units, "u", names, 1);
  const draw = (byCue) => {
    const most = Math.max(1, ...byCue.flatMap(({ h }) => h));
    gates.draw(byCue.map(({ s, right }) => [...s.map((gate) => [gate, 1]), [right, null]]));
    hidden.draw(byCue.map(({ h }) => names.map((_, j) => (j < h.length ? [h[j], most] : null))));
  };
  return { element: element("div", { class: "training-tables" }, gates.element, hidden.element), draw };
}

/** draw(rows): for each cue a list of [number, what fills its bar], or null where there is no number. */
function createTable(heading, quantity, names, digits) {
  const head = names.map((name) => element("th", { scope: "col" }, name));
  const top = element("thead", {}, element("tr", {}, element("th", { scope: "col" }, WORDS.cue), ...head));
  const cells = COLOURS.map((colour) => names.map((name) => createCell(`${name}-${colour}`, digits)));
  const lines = cells.map((line, cue) => tableLine(COLOURS[cue], ...line.map((cell) => cell.element)));
  const table = element("table", { style: `--bar: var(--quantity-${quantity})` }, top, element("tbody", {}, ...lines));
  const draw = (rows) => rows.forEach((row, cue) => row.forEach((pair, index) => cells[cue][index].draw(pair)));
  return { element: panel(heading, quantity, table), draw };
}

/** A number over a bar as long as its share of the most; no bar where there is no most. */
function createCell(name, digits) {
  const shown = number(name, { digits, isMeasured: true });
  const bar = element("i");
  const content = element("div", {}, shown.element, bar);
  const draw = (pair) => {
    content.hidden = pair === null;
    if (pair === null) return;
    const [value, most] = pair;
    shown.set(value);
    bar.hidden = most === null;
    bar.style.setProperty("--share", most === null ? 0 : value / most);
  };
  return { element: content, draw };
}

// ----------------------------------------------------------------------------------------------------- a hundred runs

const ROW = 28; // pixels of the chart for each number of hidden units
const FRAME = { left: 26, right: 132, top: 44, bottom: 38 };
const LEAST = 0.5; // where the axis begins; a training below is drawn there

function createCount(view, scenes, whenDone) {
  const found = new Map(); // hidden units -> final accuracies, in the order of the seeds
  let running = null;
  const listOf = (hidden) => found.get(hidden) ?? found.set(hidden, []).get(hidden);
  const chart = createStrips((hidden) => view.set("hidden", hidden));
  chart.element.classList.add("senet-result");
  const go = button("", () => (running === null ? start([view.get("hidden")]) : stop()));
  const all = button(WORDS.all, () => running === null && rowsLeft().length > 0 && start(rowsLeft()));
  const rowsLeft = () => Array.from({ length: MOST_HIDDEN }, (_, i) => i + 1).filter((one) => listOf(one).length < SEEDS);
  const status = element("span", { role: "status", "data-name": "counted" });
  const show = () => {
    const hidden = running?.hidden ?? view.get("hidden");
    const done = listOf(hidden).length;
    setText(go.element, running ? WORDS.stop : WORDS.go({ seeds: SEEDS }));
    const say = done === 0 ? WORDS.row : running ? WORDS.rowTraining : WORDS.rowTrained;
    setText(status, say({ hidden, tally: done > 0 ? tally(listOf(hidden)) : "" }));
    disable(all.element, running ? WORDS.busy : rowsLeft().length === 0 && WORDS.done);
    chart.draw(found, hidden);
  };
  const stop = () => {
    if (running) cancelAnimationFrame(running.frame);
    running = null;
    show();
    whenDone();
  };
  // The rows of these numbers of hidden units, one after the other.
  const start = ([hidden, ...others]) => {
    const values = listOf(hidden);
    if (values.length === SEEDS) values.length = 0; // once more: it is the same again
    const work = () => {
      for (const until = performance.now() + SLICE; values.length < SEEDS && performance.now() < until; ) {
        values.push(trainToEnd(hidden, values.length, scenes));
      }
      if (values.length === SEEDS && others.length > 0) start(others);
      else if (values.length === SEEDS) stop();
      else {
        running.frame = requestAnimationFrame(work);
        show();
      }
    };
    running = { hidden, frame: requestAnimationFrame(work) };
    show();
  };
  view.onClose(() => running && cancelAnimationFrame(running.frame));
  const buttons = element("div", { class: "training-buttons parts-line" }, go.element, all.element, status);
  return { element: element("div", {}, buttons, chart.element), buttons, valuesOf: listOf, draw: show };
}

const solvedOf = (values) => values.filter((value) => value >= SOLVED).length;

function tally(values) {
  const solved = solvedOf(values);
  const [low, high] = shareInterval(solved, values.length).map((share) => Math.round(100 * share));
  return WORDS.tally({ solved, count: values.length, low, high });
}

/** A row for each number of hidden units, a point for each training. A click chooses a row. */
function createStrips(choose) {
  const height = FRAME.top + MOST_HIDDEN * ROW + FRAME.bottom;
  const sheet = createSheet({ height, least: 240 });
  sheet.onPress("hidden", (hidden) => choose(Number(hidden)));
  const strips = Array.from({ length: MOST_HIDDEN }, (_, index) => createStrip(index + 1));
  const paint = (found, chosen, width) => {
    const [right, floor] = [width - FRAME.right, height - FRAME.bottom];
    const across = scaleTo([LEAST, 1], FRAME.left + 8, right - 6);
    const scale = [0.5, 0.6, 0.7, 0.8, 0.9, 1].map((tick) => chartText(across(tick), floor + 17, `${tick}`));
    const levels = LEVELS.flatMap(([value, name]) => [
      svg("path", { class: "training-level", d: `M${across(value)} ${FRAME.top}V${floor}` }),
      chartText(across(value), FRAME.top - 6, name),
    ]);
    const names = [
      chartText(0, 12, WORDS.strips, "start", "senet-chart-name"),
      chartText((FRAME.left + right) / 2, height - 4, WORDS.end, "middle", "senet-chart-name"),
    ];
    const drawn = strips.map((draw, index) => {
      const values = found.get(index + 1) ?? [];
      return draw(`${width} ${values.length}`, index + 1 === chosen, { values, right, width, across });
    });
    const trained = [...found].filter(([, values]) => values.length > 0);
    const solved = trained.map(([hidden, values]) => WORDS.stripLabel({ hidden, tally: tally(values) }));
    const label = WORDS.stripsLabel({ trained: solved.join("; ") || WORDS.untrained });
    sheet.sheet.setAttribute("aria-label", label);
    const axis = svg("path", { class: "senet-chart-axis", d: `M${FRAME.left} ${floor}H${right}` });
    return [...drawn, ...levels, axis, ...scale, ...names];
  };
  return { element: sheet.element, draw: (found, chosen) => sheet.draw((width) => paint(found, chosen, width)) };
}

/** A function that draws a row; its points are made anew only when the key says that they, or the width, are others. */
function createStrip(hidden) {
  const group = svg("g", { "data-hidden": hidden });
  let last = null;
  return (key, isChosen, room) => {
    group.classList.toggle("training-chosen", isChosen);
    if (key !== last) group.replaceChildren(...drawStrip(hidden, room));
    last = key;
    return group;
  };
}

function drawStrip(hidden, { values, right, width, across }) {
  const top = FRAME.top + (hidden - 1) * ROW;
  const middle = top + ROW / 2;
  const back = svg("rect", { x: 0, y: top, width, height: ROW, rx: 4, class: "training-strip" });
  const points = values.map((value, seed) => {
    const y = middle + ((seed % 10) / 9 - 0.5) * (ROW - 10);
    const name = svg("title", {}, WORDS.point({ seed, value }));
    return svg("circle", { class: "training-point", cx: across(value), cy: y, r: 2.4 }, name);
  });
  const words = values.length ? WORDS.solved({ solved: solvedOf(values), count: values.length }) : "";
  const result = chartText(right + 12, middle + 4, words, "start", "senet-chart-name");
  return [back, chartText(6, middle + 4, `${hidden}`, "start"), ...points, result];
}
