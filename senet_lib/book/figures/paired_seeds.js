// Two networks trained with the same seeds: what one run says, what several say, and what the pairs are good for.
import { guess, unknownNumbers } from "./parts/guess.js";
import { Problem, button, choice, controlRow, element, figure, formatNumber, isList, isText } from "./parts/kit.js";
import { menu, need, number, phoneFold, requireWhole, setText, slider, svg, tableHead, tableLine } from "./parts/kit.js";
import { chartText, createSheet, gridAcross, markAt, sampleBox, scaleTo, tickText, ticks } from "./parts/line_chart.js";
import { NO_SPREAD, interval, meanOf, varianceOf } from "./parts/statistics.js";

const WORDS = {
  table: "In numbers",
  experiment: "experiment",
  without: "compare",
  withIt: "with",
  another: "Another seed",
  others: "Other seeds",
  shown: "seeds",
  shownOf: ({ shown, count }) => `${shown} of ${count}`,
  pairing: "look at them",
  pairings: { paired: "paired", unpaired: "unpaired" },
  seed: ({ seeds: [one] }) => `Shown: seed ${one}.`,
  seeds: ({ seeds }) => `Shown: seeds ${seeds.join(", ")}.`,
  question: ({ count, without, withIt }) => `With how many of ${count} seeds is ${withIt} better than ${without}?`,
  told: ({ better, count, withIt }) => `${withIt} is better with ${better} of ${count} seeds.`,
  same: ({ without }) => `Both are ${without}: choose two different networks.`,
  oneEqual: ({ without, withIt }) =>
    `One run says: ${withIt} is just as good as ${without}. It cannot tell whether another seed would say the same.`,
  oneBetter: ({ without, withIt, gap }) =>
    `One run says: ${withIt} is better than ${without} by ${gap}. It cannot tell whether another seed would say the same.`,
  oneWorse: ({ without, withIt, gap }) =>
    `One run says: ${withIt} is worse than ${without} by ${gap}. It cannot tell whether another seed would say the same.`,
  allEqual: ({ count }) => `With each of these ${count} seeds both are equal: no difference is shown.`,
  noSpread: ({ count, mean }) =>
    `All ${count} seeds say the same: ${mean}. Without any variation there is no interval; look at more seeds.`,
  pairs: ({ count, mean, deviation }) => `From these ${count} seeds, in pairs: ${mean} (standard deviation ${deviation}).`,
  noPairs: ({ count, mean }) => `From these ${count} seeds, without the pairs: ${mean}.`,
  holds: ({ low, high }) => `The 95% interval, ${low} to ${high}, holds 0: no difference is shown.`,
  better: ({ low, high, without, withIt }) =>
    `The 95% interval, ${low} to ${high}, does not hold 0: ${withIt} is better than ${without}, on these data with this recipe.`,
  worse: ({ low, high, without, withIt }) =>
    `The 95% interval, ${low} to ${high}, does not hold 0: ${withIt} is worse than ${without}, on these data with this recipe.`,
  mean: "mean difference",
  deviation: "standard deviation s",
  error: "standard error",
  t: "Student’s t, 97.5%",
  low: "95% interval, from",
  high: "95% interval, to",
  accuracy: ({ name }) => `${name}, accuracy `,
  meanAccuracy: ({ name }) => `${name}, mean accuracy `,
  counts: ({ name }) => `${name}, seed by seed:`,
  countsOf: { better: "better", worse: "worse", equal: "equal" },
  runs: "test accuracy, 0 to 1",
  runsHidden: "test accuracy, 0 to 1; dotted: seeds not shown",
  runsLabel: ({ without, withIt, pairs }) => `Test accuracy of ${without} and ${withIt}. ${pairs}`,
  pairLabel: ({ seed, before, after }) => `seed ${seed}: ${before} and ${after}`,
  unknown: "Guess first.",
  seedAxis: "seed",
  gains: ({ without, withIt }) => `${withIt} less ${without}`,
  gainsLabel: ({ heading }) =>
    `Difference of the test accuracies, ${heading}: a point for each seed, their mean, and its interval`,
  gainsAxis: "difference of the test accuracies",
  lanes: { seeds: "seeds", paired: "paired", unpaired: "unpaired" },
};
const DIGITS = 4; // of accuracies: one picture of 10,000
const PAIRINGS = Object.entries(WORDS.pairings);
// How the network without and the one with it look.
const LOOKS = [
  { colour: "var(--look-plain)", marker: "square" },
  { colour: "var(--look-s)", marker: "circle" },
];
const FRAME = { left: 52, right: 10, top: 26, bottom: 38 }; // around the axes, in CSS pixels: room for their texts
const HEIGHT = 196; // of both charts
const POINT = 3.5; // pixels: the radius of a seed's point
const LANES = { seeds: 48, paired: 92, unpaired: 130 }; // the rows of the differences, from the top
const FLOOR = HEIGHT - FRAME.bottom;

export default figure((view) => {
  const quantiles = view.data("_quantiles");
  const experiments = readExperiments(view.data("experiments"), quantiles);
  const chosen = () => experiments[view.get("experiment")];
  const pair = () => findPair(chosen(), view.get("without"), view.get("with_it"));

  const titles = experiments.map(({ title }, index) => [index, title]);
  const experiment = menu(view, "experiment", { label: WORDS.experiment, options: titles });
  view.addControl(createFitting(view, chosen));
  view.addControl(() => requireState(view, chosen()));
  const arms = uniqueArms(experiments);
  const without = menu(view, "without", { label: WORDS.without, options: arms });
  const withIt = menu(view, "with_it", { label: WORDS.withIt, options: arms });
  const count = () => pair().seeds.length;
  const another = button(WORDS.another, () => view.set("first", (view.get("first") + view.get("shown")) % count()));
  const ofAll = (value) => WORDS.shownOf({ shown: value, count: count() });
  const shown = slider(view, "shown", { label: WORDS.shown, min: 1, max: count, show: ofAll });
  const pairing = choice(view, "pairing", { label: WORDS.pairing, options: PAIRINGS });

  const tally = createTally();
  const runs = createRuns();
  const gains = createGains();
  const conclusion = element("p", { class: "parts-conclusion", role: "status", "data-name": "conclusion" });
  const table = createTable();
  const seeds = element("p", { "data-name": "seeds" });
  const note = element("p", { "data-name": "note" });
  const controls = [
    controlRow(experiment.element, without.element, withIt.element),
    controlRow(another.element, shown.element, pairing.element),
  ];
  const charts = element("div", { class: "parts-charts parts-flow" }, runs.element, gains.element);
  const source = element("div", { class: "parts-note senet-pairs-source" }, seeds, note);
  const covered = [conclusion, ...unknownNumbers(tally.element), ...unknownNumbers(table.element)];
  const asked = askForTheBetter(view, chosen() ?? experiments[0], covered);
  const words = element("div", {}, conclusion, source);
  tally.element.classList.add("senet-stays");
  const folded = phoneFold(view, WORDS.table, table.element).element;
  const numbers = element("div", { class: "senet-pairs-numbers parts-flow" }, words, folded);
  view.body.append(controls[0], asked.element, controls[1], tally.element, charts, numbers);

  return () => {
    const all = pair();
    const places = shownPlaces(all.seeds.length, view.get("first"), view.get("shown"));
    const take = (values) => places.map((place) => values[place]);
    const isPaired = view.get("pairing") === "paired";
    const state = { all, places, seeds: take(all.seeds), names: all.names, isPaired, isUnknown: asked.isOpen() };
    const found = compare(take(all.before), take(all.after), quantiles);
    for (const one of [without, withIt]) offerArms(one.element, arms, chosen());
    drawButton(another.element, places.length, all.seeds.length);
    tally.draw(state, found);
    runs.draw(state, found);
    gains.draw(state, found, compare(all.before, all.after, quantiles));
    setText(conclusion, conclude(state, found));
    table.draw(state, found);
    charts.classList.toggle("senet-pairs-asked", state.isUnknown);
    setText(seeds, WORDS[places.length > 1 ? "seeds" : "seed"](state));
    setText(note, chosen().note);
    asked.draw();
  };
});

/** Before any run: with how many seeds is the second network better, of the two that are shown first? */
function askForTheBetter(view, { title, arms }, covered) {
  const [without, withIt] = ["without", "with_it"].map((trait, place) => {
    return (arms.find(({ name }) => name === view.get(trait)) ?? arms[place]).name;
  });
  const { seeds, before, after, names: [nameWithout, nameWith] } = findPair({ arms }, without, withIt);
  const count = seeds.length;
  const better = after.filter((value, index) => value > before[index]).length;
  const question = WORDS.question({ count, without: nameWithout, withIt: nameWith });
  const told = WORDS.told({ better, count, withIt: nameWith });
  const range = { min: 0, max: count };
  const key = `pairs/${title}/${without}/${withIt}`;
  return guess(view, { key, question, range, answer: () => ({ value: better, told }), covered });
}

// ------------------------------------------------------------------------------------------------------ the arithmetic

/** Two lists of as many accuracies, compared with and without their pairs; what one seed cannot tell is NaN. */
function compare(before, after, quantiles) {
  const count = before.length;
  const gains = after.map((value, index) => value - before[index]);
  const mean = meanOf(gains);
  const ofGains = Math.sqrt(varianceOf(gains));
  const pooled = Math.sqrt((varianceOf(before) + varianceOf(after)) / 2);
  return {
    gains,
    before,
    after,
    mean,
    paired: interval(mean, ofGains, ofGains / Math.sqrt(count), quantiles[count - 2]),
    unpaired: interval(mean, pooled, pooled * Math.sqrt(2 / count), quantiles[2 * count - 3]),
    better: gains.filter((gain) => gain > 0).length,
    worse: gains.filter((gain) => gain < 0).length,
    equal: gains.filter((gain) => gain === 0).length,
  };
}

/** What follows from the seeds that are shown, in words. */
function conclude({ all, names, isPaired }, { gains, mean, ...found }) {
  const [without, withIt] = names;
  const count = gains.length;
  const text = (value) => formatNumber(value, DIGITS, true);
  if (all.isSame) return WORDS.same({ without });
  if (count === 1) {
    const say = mean === 0 ? WORDS.oneEqual : mean > 0 ? WORDS.oneBetter : WORDS.oneWorse;
    return say({ without, withIt, gap: text(Math.abs(mean)) });
  }
  const { deviation, low, high } = isPaired ? found.paired : found.unpaired;
  if (found.equal === count) return WORDS.allEqual({ count });
  if (!(deviation > NO_SPREAD)) return WORDS.noSpread({ count, mean: text(mean) });
  const first = (isPaired ? WORDS.pairs : WORDS.noPairs)({ count, mean: text(mean), deviation: text(deviation) });
  const say = low <= 0 && high >= 0 ? WORDS.holds : mean > 0 ? WORDS.better : WORDS.worse;
  return `${first} ${say({ low: text(low), high: text(high), without, withIt })}`;
}

// ----------------------------------------------------------------------------------------------------------- the state

function readExperiments(list, quantiles) {
  need(isList(list), "experiments is not a list, or is empty; give at least one experiment.");
  const most = Math.floor(quantiles.length / 2) + 1;
  return list.map((entry, index) => {
    const { title, note = "", arms } = entry ?? {};
    need(isText(title), `experiments has the title ${title} at place ${index}; give it a text.`);
    const areTwo = isList(arms) && arms.length > 1;
    need(areTwo, `experiments has fewer than two arms in “${title}”; give a list of two or more.`);
    return { title, note, arms: arms.map((arm, place) => readArm(arm, place, arms, title, most)) };
  });
}

function readArm(arm, place, arms, experiment, most) {
  const { name, title = name, seeds, accuracies } = arm ?? {};
  const isNew = isText(name) && arms.findIndex((other) => other?.name === name) === place;
  need(isNew, `experiments has the arm name “${name}” at place ${place} of “${experiment}”; each arm needs one of its own.`);
  const where = `for ${name} of “${experiment}”`;
  const areSeeds = Array.isArray(seeds) && seeds.every(Number.isInteger) && new Set(seeds).size === seeds.length;
  need(areSeeds && seeds.length > 0, `experiments has the seeds [${seeds}] ${where}; give different whole numbers.`);
  need(seeds.length <= most, `experiments has ${seeds.length} seeds ${where}; this figure shows ${most} at most.`);
  const fits = Array.isArray(accuracies) && accuracies.length === seeds.length;
  need(fits, `experiments has ${accuracies?.length ?? "no"} accuracies for ${seeds.length} seeds ${where}; give one for each.`);
  const bad = accuracies.findIndex((value) => !(typeof value === "number" && value >= 0 && value <= 1));
  need(bad < 0, `experiments has the accuracy ${accuracies[bad] ?? "not a number"} ${where}; each must be from 0 to 1.`);
  return { name, title, ofSeed: new Map(seeds.map((seed, index) => [seed, accuracies[index]])) };
}

/** Name and title of the arms of all experiments, each once, for the menus. */
function uniqueArms(experiments) {
  const all = experiments.flatMap(({ arms }) => arms);
  return [...new Map(all.map(({ name, title }) => [name, title]))];
}

/** The seeds that both arms have, in their order, and the accuracies with them. */
function findPair({ arms }, without, withIt) {
  const [first, second] = [without, withIt].map((name) => arms.find((arm) => arm.name === name));
  const seeds = [...first.ofSeed.keys()].filter((seed) => second.ofSeed.has(seed)).sort((a, b) => a - b);
  const [before, after] = [first, second].map((arm) => seeds.map((seed) => arm.ofSeed.get(seed)));
  return { seeds, before, after, names: [first.title, second.title], isSame: first === second };
}

/** The places of the seeds that are shown; behind the last comes the first again. */
const shownPlaces = (count, first, shown) => Array.from({ length: shown }, (_, index) => (first + index) % count);

function requireState(view, { title, arms }) {
  const names = arms.map((arm) => arm.name);
  const [without, withIt, first] = ["without", "with_it", "first"].map((name) => view.get(name));
  for (const [trait, name] of Object.entries({ without, with_it: withIt })) {
    if (names.includes(name)) continue;
    throw new Problem(`${trait} is ${name}; in “${title}” it must be one of ${names.join(", ")}.`);
  }
  const count = findPair({ arms }, without, withIt).seeds.length;
  if (count === 0) {
    throw new Problem(`with_it is ${withIt}, which shares no seed with ${without} in “${title}”; choose another arm.`);
  }
  requireWhole(view, "first", count - 1);
  requireWhole(view, "shown", count, 1);
}

/** A function that makes the rest of the state fit, after another experiment or another network was chosen. */
function createFitting(view, chosen) {
  let last = null; // the experiment and the networks of the last drawing
  return () => {
    const [experiment, ...pair] = ["experiment", "without", "with_it"].map((name) => view.get(name));
    const names = chosen().arms.map((arm) => arm.name);
    const areKnown = pair.every((name) => names.includes(name));
    const isOther = last !== null && experiment !== last[0];
    const hasChanged = isOther || (last !== null && pair.some((name, index) => name !== last[index + 1]));
    const fitting = isOther && !areKnown ? names.slice(0, 2) : pair;
    last = [experiment, ...fitting];
    if (!hasChanged || (!areKnown && !isOther)) return;
    view.set("without", fitting[0]);
    view.set("with_it", fitting[1]);
    const count = findPair(chosen(), ...fitting).seeds.length;
    if (view.get("first") >= count) view.set("first", 0);
    if (view.get("shown") > count) view.set("shown", Math.max(1, count));
  };
}

/** Let the reader choose only the arms of this experiment. */
function offerArms(box, arms, experiment) {
  for (const [index, option] of [...box.querySelectorAll("option")].entries()) {
    option.hidden = option.disabled = !experiment.arms.some((arm) => arm.name === arms[index][0]);
  }
}

function drawButton(node, shown, count) {
  setText(node, shown > 1 && shown < count ? WORDS.others : WORDS.another);
  node.setAttribute("aria-disabled", String(shown === count)); // not disabled: that would lose the focus
}

// --------------------------------------------------------------------------------------------------------- the numbers

// The table's rows: what interval() and WORDS call it, digits after the point, and how each way makes it.
const ROWS = [
  ["mean", DIGITS, {}],
  ["deviation", DIGITS, { unpaired: "pooled" }],
  ["error", DIGITS, { paired: "s/√n", unpaired: "s·√(2/n)" }],
  ["t", 3, {}],
  ["low", DIGITS, {}],
  ["high", DIGITS, {}],
];

/** From the mean difference to its interval, with a column for each way to look at the runs. */
function createTable() {
  const ways = PAIRINGS.map(([way]) => way);
  const head = tableHead(...ways.map((way) => WORDS.pairings[way]));
  const rows = ROWS.map(([key, digits, formulas]) => {
    const cells = ways.map((way) => {
      const shown = number(`${way}-${key}`, { digits, isMeasured: true });
      const formula = formulas[way] ? [element("span", { class: "parts-note senet-pairs-formula" }, `${formulas[way]} = `)] : [];
      return { way, key, shown, element: element("span", {}, ...formula, shown.element) };
    });
    return { cells, element: tableLine(WORDS[key], ...cells.map((cell) => cell.element)) };
  });
  const body = element("tbody", {}, ...rows.map((one) => one.element));
  const draw = ({ isPaired }, found) => {
    head.querySelectorAll("th")[1].hidden = isPaired;
    for (const { way, key, shown, element: cell } of rows.flatMap((one) => one.cells)) {
      cell.parentElement.hidden = isPaired && way === "unpaired";
      shown.set(found[way][key]);
    }
  };
  return { element: element("table", {}, head, body), draw };
}

/** The means of both networks, with their marks, and with how many seeds one is better. */
function createTally() {
  const means = LOOKS.map(({ colour, marker }, index) => {
    const name = element("span");
    const look = { digits: DIGITS, isMeasured: true };
    const mean = number(index ? "mean-with" : "mean-without", look);
    const chip = sampleBox(14, markAt(marker, colour, 7, 7));
    return { name, mean, element: element("span", {}, chip, name, mean.element) };
  });
  const counts = Object.entries(WORDS.countsOf).map(([name, label]) => [name, number(name, { label })]);
  const withIt = element("span");
  const shown = counts.map(([, one]) => one.element);
  const line = element("span", { class: "senet-pairs-counts parts-flow" }, withIt, ...shown);
  const draw = ({ names, seeds }, found) => {
    for (const [index, { name, mean }] of means.entries()) {
      setText(name, WORDS[seeds.length > 1 ? "meanAccuracy" : "accuracy"]({ name: names[index] }));
      mean.set(meanOf(index ? found.after : found.before));
    }
    setText(withIt, WORDS.counts({ name: names[1] }));
    for (const [name, one] of counts) one.set(found[name]);
  };
  return { element: element("p", { class: "parts-legend senet-pairs-tally" }, ...means.map((one) => one.element), line), draw };
}

// --------------------------------------------------------------------------------------------------------- the drawing

const path = (name, d, style = null) => svg("path", { class: `senet-${name}`, d, style });
/** A range around some numbers, with a margin at both ends. */
function rangeOf(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const margin = 0.08 * (most - least) || 0.01;
  return [least - margin, most + margin];
}

/** The accuracies: pairs side by side, or a column for each network. The axis is that of all seeds, so it stays. */
function createRuns() {
  const sheet = createSheet({ height: HEIGHT });
  const draw = (state, found) => {
    const range = rangeOf([...state.all.before, ...state.all.after]);
    const up = scaleTo(range, FLOOR, FRAME.top);
    const text = (value) => formatNumber(value, DIGITS, true);
    const pairs = state.seeds.map((seed, at) =>
      WORDS.pairLabel({ seed, before: text(found.before[at]), after: text(found.after[at]) }),
    );
    const [without, withIt] = state.names;
    const label = WORDS.runsLabel({ without, withIt, pairs: state.isUnknown ? WORDS.unknown : pairs.join("; ") });
    sheet.sheet.setAttribute("aria-label", label);
    sheet.draw((width) => {
      const right = width - FRAME.right;
      const scale = gridAcross(ticks(range, 4), up, FRAME.left, right);
      const areHidden = state.isPaired && state.places.length < state.all.seeds.length;
      const name = areHidden && width > 300 ? WORDS.runsHidden : WORDS.runs;
      const heading = chartText(0, 12, name, "start", "senet-chart-name");
      const axis = path("chart-axis", `M${FRAME.left} ${FLOOR}H${right}`);
      const drawRuns = state.isPaired ? drawPairs : drawGroups;
      return [heading, ...scale, axis, ...drawRuns(state, found, up, right)];
    });
  };
  return { element: sheet.element, draw };
}

/** A column for each seed, also for those that the reader has not looked at. */
function drawPairs({ all, places }, found, up, right) {
  const slot = (right - FRAME.left) / all.seeds.length;
  const across = (place) => FRAME.left + (place + 0.5) * slot;
  const every = Math.ceil(20 / slot); // so that the names of the seeds do not touch
  const names = all.seeds.map((seed, place) => chartText(across(place), FLOOR + 17, place % every ? "" : seed));
  const unseen = all.seeds.flatMap((_, place) => {
    return places.includes(place) ? [] : [path("pairs-unseen", `M${across(place)} ${FRAME.top}V${FLOOR}`)];
  });
  const pairs = places.map((place, index) => {
    const [x, from, to] = [across(place), up(found.before[index]), up(found.after[index])];
    const link = path(found.gains[index] < 0 ? "pairs-loss" : "pairs-gain", `M${x} ${from}V${to}`);
    const marks = [from, to].map((y, one) => markAt(LOOKS[one].marker, LOOKS[one].colour, x, y));
    return svg("g", { class: "senet-pairs-pair" }, link, ...marks);
  });
  return [...names, chartText((FRAME.left + right) / 2, FLOOR + 34, WORDS.seedAxis, "middle", "senet-chart-name"), ...unseen, ...pairs];
}

/** A column for each network, with its mean; which runs share a seed is not to be seen. */
function drawGroups({ names, places }, found, up, right) {
  const span = right - FRAME.left;
  const step = Math.min(9, span / 4 / places.length);
  const reach = Math.max(24, (places.length * step) / 2 + 8); // of the line at the mean
  return [found.before, found.after].flatMap((values, index) => {
    const { colour, marker } = LOOKS[index];
    const centre = FRAME.left + (0.25 + 0.5 * index) * span;
    const xOf = (at) => centre + (at - (values.length - 1) / 2) * step;
    const points = values.map((value, at) => markAt(marker, colour, xOf(at), up(value)));
    const line = path("pairs-mean", `M${centre - reach} ${up(meanOf(values))}h${2 * reach}`, `stroke: ${colour}`);
    return [line, ...points, chartText(centre, FLOOR + 17, names[index], "middle", "senet-chart-name")];
  });
}

/** The differences, seed by seed, and below them their mean with its interval. The axis is that of all seeds. */
function createGains() {
  const sheet = createSheet({ height: HEIGHT });
  const draw = ({ names, isPaired }, found, whole) => {
    const ways = isPaired ? ["paired"] : ["paired", "unpaired"];
    const ends = [whole.paired, whole.unpaired].flatMap(({ low, high }) => [low, high]).filter(Number.isFinite);
    const range = rangeOf([0, ...whole.gains, ...ends]);
    const heading = WORDS.gains({ without: names[0], withIt: names[1] });
    sheet.sheet.setAttribute("aria-label", WORDS.gainsLabel({ heading }));
    sheet.draw((width) => {
      const [left, right] = [FRAME.left + 22, width - FRAME.right];
      const across = scaleTo(range, left, right);
      const scale = ticks(range, Math.max(2, Math.floor(width / 80))).flatMap((tick) => [
        path("chart-grid", `M${across(tick)} ${FRAME.top}V${FLOOR}`),
        chartText(across(tick), FLOOR + 17, tickText(tick)),
      ]);
      const lanes = ["seeds", ...ways].map((name) => chartText(0, LANES[name] + 4, WORDS.lanes[name], "start"));
      const heights = sideBySide(found.gains.map(across));
      const points = found.gains.map((gain, index) => {
        const name = `senet-pairs-${gain < 0 ? "worse" : "better"}`;
        return svg("circle", { class: name, cx: across(gain), cy: LANES.seeds + heights[index], r: POINT });
      });
      return [
        chartText(0, 12, heading, "start", "senet-chart-name"),
        ...scale,
        path("chart-axis", `M${left} ${FLOOR}H${right}`),
        path("pairs-zero", `M${across(0)} ${FRAME.top}V${FLOOR}`),
        chartText((left + right) / 2, FLOOR + 34, WORDS.gainsAxis, "middle", "senet-chart-name"),
        ...lanes,
        ...points,
        ...ways.flatMap((way) => drawInterval(found[way], LANES[way], across, range, way === ways.at(-1))),
      ];
    });
  };
  return { element: sheet.element, draw };
}

/** How far each point is moved up or down, so that points at the same place are all seen: 0, up, down, further up, … */
function sideBySide(xs) {
  const placed = [];
  return xs.map((x) => {
    const isFree = (y) => placed.every((one) => Math.hypot(one.x - x, one.y - y) >= 2 * POINT);
    const steps = Array.from({ length: xs.length }, (_, index) => (index % 2 ? 1 : -1) * Math.ceil(index / 2) * 2 * POINT);
    const y = steps.find(isFree) ?? 0;
    placed.push({ x, y });
    return y;
  });
}

/** A mean and its interval; an arrow where that leaves the axis. With one seed there is only the mean. */
function drawInterval({ mean, low, high }, y, across, [from, to], isChosen) {
  const diamond = markAt("diamond", "var(--senet-ink)", across(mean), y);
  if (!Number.isFinite(low)) return [diamond];
  const [start, end] = [across(low), across(high)];
  const left = low < from ? `M${start + 7} ${y - 5}l-6 5l6 5` : `M${start} ${y - 6}v12`;
  const right = high > to ? `M${end - 7} ${y - 5}l6 5l-6 5` : `M${end} ${y - 6}v12`;
  const name = isChosen ? "pairs-interval" : "pairs-interval senet-pairs-other";
  return [path(name, `M${start} ${y}H${end}${left}${right}`), diamond];
}
