// Recorded runs over the reduction ratio r. The runs are data; means, standard deviations, shares and the counts of the
// sentence are computed here.
import { guess } from "./parts/guess.js";
import { Problem, afterNumber, controlRow, element, figure, formatNumber, isList, isText, isWhole } from "./parts/kit.js";
import { menu, need, number, setText, slider, svg, tableHead, tableLine } from "./parts/kit.js";
import { chartText, createSheet, gridAcross, legend, lineChart, lineSample, scaleTo, ticks } from "./parts/line_chart.js";
import { meanOf, varianceOf } from "./parts/statistics.js";

const NO_SE = 0; // in place of r: the network without SE
// What a result can be: its largest value, its unit, digits after the point, and whether more is better.
const METRICS = {
  "test accuracy": { most: 1, unit: "", digits: 3, sign: 1, axis: "test accuracy, 0 to 1" },
  "top-1 error": { most: 100, unit: "%", digits: 2, sign: -1, axis: "top-1 error, %: lower is better" },
};
const SE_LOOK = { colour: "var(--look-s)", dash: null };
const PLAIN_LOOK = { colour: "var(--look-plain)", dash: "6 4" };

export default figure((view) => {
  const all = readSeries(view.data("series"));
  const shown = () => all.find((one) => one.name === view.get("shown"));
  const fit = () => {
    if (!shown().arms.has(view.get("reduction"))) view.set("reduction", largestRatio(shown()));
  };

  const titles = all.map(({ name, title }) => [name, title]);
  const series = menu(view, "shown", { label: "series", options: titles, then: fit });
  series.element.hidden = all.length === 1;
  view.addControl(() => requireReduction(view.get("reduction"), shown()));
  const reduction = slider(view, "reduction", {
    label: "reduction ratio r",
    values: () => [...shown().arms.keys()],
    show: nameOf,
  });
  const controls = controlRow(series.element, reduction.element);
  const sentence = element("p", { class: "senet-reduction-sentence", role: "status", "data-name": "sentence" });
  const choose = (ratio) => view.set("reduction", ratio);
  const boards = new Map(all.map((one) => [one.name, createBoard(one, choose)]));
  const place = element("div");
  const solvable = all.filter(({ solved }) => solved !== null).slice(0, 1);
  const asked = solvable.map((one) => askForTheNarrowest(view, one, [sentence, place]));
  view.body.append(...asked.map((one) => one.element), controls, sentence, place);

  return () => {
    const [found, ratio] = [shown(), view.get("reduction")];
    const board = boards.get(found.name);
    if (place.firstChild !== board.element) place.replaceChildren(board.element); // charts are as wide as their place
    board.draw(ratio);
    setText(sentence, sentenceOf(found, ratio));
    asked.forEach((one) => one.draw());
  };
});

/** Before any dot: how many seeds solve the task with the largest r of a series? */
function askForTheNarrowest(view, series, covered) {
  const ratio = largestRatio(series);
  const { results, hidden } = series.arms.get(ratio);
  const isGood = (value) => series.sign * (value - series.solved) >= 0;
  const units = `${Math.min(...hidden)} hidden unit${Math.min(...hidden) > 1 ? "s" : ""}`;
  const question = `r = ${ratio} leaves ${units} in the narrowest block. How many of its ${results.length} seeds solve the task?`;
  const answer = () => ({ value: results.filter(isGood).length, told: sentenceOf(series, ratio) });
  const range = { min: 0, max: results.length };
  return guess(view, { key: `reduction/${series.name}`, question, range, answer, covered });
}

const nameOf = (ratio) => (ratio === NO_SE ? "no SE" : `${ratio}`);
const titleOf = (ratio) => (ratio === NO_SE ? "no SE" : `r = ${ratio}`);
const ratiosOf = (series) => [...series.arms.keys()].filter((ratio) => ratio !== NO_SE);
const largestRatio = (series) => ratiosOf(series).at(-1);

// ----------------------------------------------------------------------------------------------------------- the state

/** The series, checked, each with a map from r to its runs: first the ratios in order, then NO_SE. */
function readSeries(list) {
  need(isList(list), "series", "is not a list, or is empty; give at least one.");
  return list.map((entry, index) => {
    const { name, title = name, metric, plain, entries, source = "" } = entry ?? {};
    const isNew = isText(name) && list.findIndex((other) => other?.name === name) === index;
    need(isNew, "series", `has the name ${name} at place ${index}; each needs a text of its own.`);
    const where = `series ${name}`;
    const kinds = Object.keys(METRICS).join(", ");
    need(Object.hasOwn(METRICS, metric), where, `has metric ${metric}; it must be one of ${kinds}.`);
    need(isList(entries), where, "has no list of entries; give one for each r.");
    const isResult = (value) => Number.isFinite(value) && value >= 0 && value <= METRICS[metric].most;
    const without = readArm(plain, `${where}, plain,`, isResult, metric);
    const sorted = [...entries].sort((a, b) => a?.r - b?.r);
    const arms = new Map();
    for (const one of sorted) {
      const { r, hidden } = one ?? {};
      const isNewRatio = isWhole(r) && !arms.has(r);
      need(isNewRatio, where, `has r = ${r} among its entries; each needs a whole number of its own above 0.`);
      const arm = readArm(one, `${where}, r = ${r},`, isResult, metric);
      const widths = isList(hidden) && hidden.every(isWhole);
      need(widths, `${where}, r = ${r},`, `has hidden [${hidden}]; it must be a list of whole numbers above 0.`);
      const added = `has ${arm.parameters} parameters, fewer than the ${without.parameters} without SE.`;
      need(arm.parameters >= without.parameters, `${where}, r = ${r},`, added);
      arms.set(r, { ...arm, hidden });
    }
    arms.set(NO_SE, { ...without, hidden: [] });
    requireSameEpochs([...arms.values()], where);
    const { solved, reference } = readLevels(entry, where, isResult, metric);
    return { name, title, metric, ...METRICS[metric], arms, source, solved, reference, ...readUnit(entry, where) };
  });
}

/** One network's runs, checked. */
function readArm(arm, where, isResult, metric) {
  const { parameters, results, seeds = null, seconds = null, curves = null } = arm ?? {};
  const { most } = METRICS[metric];
  const isAmount = (value) => Number.isFinite(value) && value > 0;
  need(isAmount(parameters), where, `has parameters ${parameters}; it must be a number above 0.`);
  need(isList(results), where, "has no list of results; give one for each seed.");
  const bad = results.find((value) => !isResult(value));
  need(results.every(isResult), where, `has the result ${bad}; it must be from 0 to ${most}: a ${metric}.`);
  const count = results.length;
  const isEach = (list) => isList(list) && list.length === count && new Set(list).size === count;
  const areSeeds = isEach(seeds) && seeds.every(Number.isInteger);
  const wanted = `give another whole number for each of its ${count} results, or none.`;
  need(seeds === null || areSeeds, where, `has seeds [${seeds}]; ${wanted}`);
  need(seconds === null || isAmount(seconds), where, `has seconds ${seconds}; it must be a number above 0, or none.`);
  if (curves === null) return { parameters, results, seeds, seconds, curves };
  const areEnough = Array.isArray(curves) && curves.length === count;
  need(areEnough, where, `has ${curves.length} curves for ${count} results; give one for each, or none.`);
  const isCurve = (curve) => isList(curve) && curve.length === curves[0].length && curve.every(isResult);
  const fault = `has a curve that is not a list of numbers from 0 to ${most}, as long as the first one.`;
  need(curves.every(isCurve), where, fault);
  return { parameters, results, seeds, seconds, curves };
}

function requireSameEpochs(arms, where) {
  const epochs = new Set(arms.map(({ curves }) => (curves === null ? "none" : curves[0].length)));
  const found = `has curves of different lengths, in epochs: ${[...epochs].join(", ")};`;
  need(epochs.size === 1, where, `${found} give the same to all, or none to any.`);
}

function readLevels({ solved = null, reference = null }, where, isResult, metric) {
  const { most } = METRICS[metric];
  need(solved === null || isResult(solved), where, `has solved ${solved}; it must be from 0 to ${most}, or none.`);
  const good = reference === null || (isResult(reference.value) && isText(reference.label));
  const wanted = `it must have a value from 0 to ${most}, and a label.`;
  need(good, where, `has reference ${JSON.stringify(reference)}; ${wanted}`);
  return { solved, reference };
}

function readUnit({ parameters_unit: unit = "" }, where) {
  need(unit === "" || unit === "million", where, `has parameters_unit ${unit}; it must be "" or "million".`);
  return { parametersUnit: unit };
}

function requireReduction(ratio, series) {
  if (series.arms.has(ratio)) return;
  const allowed = `one of ${ratiosOf(series).join(", ")}, or ${NO_SE} for the network without SE`;
  throw new Problem(`reduction is ${ratio ?? "not a number"}; for ${series.title} it must be ${allowed}.`);
}

// ------------------------------------------------------------------------------------------------------ the arithmetic

/** An axis that holds all values, with a little room at both ends. */
function rangeOf(values, least) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(0.08 * (high - low), least);
  return [Math.max(0, low - room), high + room];
}

/** In how many of the seeds that both have is the second higher, lower, equal? */
function compareSeeds(plain, arm) {
  const counts = { higher: 0, lower: 0, equal: 0, all: 0 };
  for (const [index, seed] of (arm.seeds ?? []).entries()) {
    const other = plain.seeds?.indexOf(seed) ?? -1;
    if (other < 0) continue;
    const difference = arm.results[index] - plain.results[other];
    counts[difference > 0 ? "higher" : difference < 0 ? "lower" : "equal"] += 1;
    counts.all += 1;
  }
  return counts;
}

// -------------------------------------------------------------------------------------------------------- the sentence

/** What the records say at this r. */
function sentenceOf(series, ratio) {
  const arm = series.arms.get(ratio);
  if (series.solved !== null) return solvedSentence(series, ratio, arm.results);
  const text = (value) => `${value.toFixed(series.digits)}${afterNumber(series.unit)}`;
  const mean = meanOf(arm.results);
  const count = arm.results.length;
  const many = `a mean ${series.metric} of ${text(mean)} over ${count} seeds`;
  const lead = count > 1 ? many : `a ${series.metric} of ${text(mean)}`;
  const single = count > 1 ? "" : " It is one number: nothing here says how far another seed would move it.";
  if (ratio === NO_SE) return `Without SE: ${lead}.${single}`;
  const plain = series.arms.get(NO_SE);
  const base = meanOf(plain.results);
  const gap = Math.abs(mean - base).toFixed(series.digits);
  const than = Number(gap) === 0 ? "as without SE" : `${gap} ${mean > base ? "higher" : "lower"} than without SE`;
  const whole = `r = ${ratio}: ${lead}, ${than} (${text(base)}).`;
  const { higher, lower, equal, all } = compareSeeds(plain, arm);
  if (count === 1 || all === 0) return whole + single;
  const same = equal > 0 ? `, the same in ${equal}` : "";
  return `${whole} Seed by seed it is higher in ${higher} of ${all}, lower in ${lower}${same}.${single}`;
}

function solvedSentence({ solved, sign, metric, digits, unit }, ratio, results) {
  const text = (value) => value.toFixed(digits);
  const failed = results.filter((value) => sign * (value - solved) < 0).sort((a, b) => a - b);
  const [all, good] = [results.length, results.length - failed.length];
  const limit = `${metric} of at ${sign > 0 ? "least" : "most"} ${solved}${afterNumber(unit)}`;
  const who = ratio === NO_SE ? "Without SE" : `r = ${ratio}`;
  const whole = `${who}: ${good} of ${all} seed${all === 1 ? "" : "s"} solve${good === 1 ? "s" : ""} it (${limit}).`;
  if (failed.length === 0) return whole;
  const rest = good === 0 ? "seed" : "other";
  if (failed.length === 1) return `${whole} The ${rest} ends at ${text(failed[0])}.`;
  return `${whole} The ${rest}s end between ${text(failed[0])} and ${text(failed.at(-1))}.`;
}

// --------------------------------------------------------------------------------------------------------- the drawing

/** All that is drawn for one series: its charts, its numbers, its source. */
function createBoard(series, choose) {
  const results = createResults(series, choose);
  const curves = createCurves(series);
  const numbers = createNumbers(series);
  const charts = element("div", { class: "parts-charts senet-reduction-charts" }, results.element, curves.element);
  const source = element("p", { class: "parts-note", "data-name": "source" }, series.source);
  const draw = (ratio) => {
    results.draw(ratio);
    curves.draw(ratio);
    numbers.draw(ratio);
  };
  return { element: element("div", {}, charts, numbers.element, source), draw };
}

const HEIGHT = 240;
const MARGIN = { left: 46, right: 8, top: 24, bottom: 36 }; // in CSS pixels: room for the texts
const BREAK = 0.5; // columns between the last r and no SE
const MARKS = { se: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0", plain: "M-3.5-3.5h7v7h-7z" };

/** A column for each r, and one for no SE; a dot for each seed, a bar for the mean. A click chooses a column. */
function createResults(series, choose) {
  const arms = [...series.arms];
  const values = arms.flatMap(([, { results }]) => results);
  const range = rangeOf(series.reference ? [...values, series.reference.value] : values, series.most / 500);
  const mean = ({ results }) => formatNumber(meanOf(results), series.digits, true);
  const means = arms.map(([ratio, arm]) => `${titleOf(ratio)}: ${mean(arm)}`).join("; ");
  const label = `Mean ${series.metric} over the reduction ratio. ${means}`;
  const sheet = createSheet({ label, height: HEIGHT, least: 200 });
  sheet.onPress("ratio", (ratio) => choose(Number(ratio)));

  const paint = (chosen, width) => {
    const [right, floor] = [width - MARGIN.right, HEIGHT - MARGIN.bottom];
    const slot = (right - MARGIN.left) / (arms.length + BREAK);
    const up = scaleTo(range, floor, MARGIN.top);
    const centre = (index) => MARGIN.left + slot * (index + 0.5 + (arms[index][0] === NO_SE ? BREAK : 0));
    const grid = gridAcross(ticks(range, 4), up, MARGIN.left, right);
    const columns = arms.map(([ratio, arm], index) => {
      const place = { x: centre(index) - slot / 2, y: MARGIN.top - 6, width: slot, height: HEIGHT - MARGIN.top - 10 };
      const target = svg("rect", { ...place, rx: 4, class: "senet-reduction-column" });
      const name = chartText(centre(index), floor + 17, nameOf(ratio));
      const seeds = drawSeeds(arm, centre(index), slot, up, ratio === NO_SE ? "plain" : "se");
      const group = { "data-ratio": ratio, class: ratio === chosen ? "senet-reduction-chosen" : null };
      return [svg("g", group, target), svg("g", group, name, ...seeds)];
    });
    const axis = svg("path", { class: "senet-chart-axis", d: `M${MARGIN.left} ${floor}H${right}` });
    const middle = MARGIN.left + (slot * (arms.length - 1)) / 2;
    const names = [
      chartText(0, 12, series.axis, "start", "senet-chart-name"),
      chartText(middle, HEIGHT - 4, "reduction ratio r", "middle", "senet-chart-name"),
    ];
    const line = series.reference ? [drawReference(up(series.reference.value), right)] : [];
    const [behind, before] = [0, 1].map((depth) => columns.map((column) => column[depth]));
    return [...behind, ...grid, axis, ...line, ...names, ...before];
  };
  const draw = (chosen) => sheet.draw((width) => paint(chosen, width));
  return { element: element("div", {}, resultsLegend(series), sheet.element), draw };
}

/** The dots of one column, side by side in the order of their seeds, and the mean. */
function drawSeeds({ results, seeds }, centre, slot, up, kind) {
  const step = Math.min(8, (0.8 * slot) / results.length);
  const scale = step < 4 ? 0.75 : 1;
  const dots = results.map((value, index) => {
    const x = centre + (index - (results.length - 1) / 2) * step;
    const name = svg("title", {}, seeds ? `seed ${seeds[index]}: ${value}` : `${value}`);
    const transform = `translate(${x.toFixed(1)} ${up(value).toFixed(1)}) scale(${scale})`;
    return svg("path", { d: MARKS[kind], class: `senet-reduction-dot senet-reduction-${kind}`, transform }, name);
  });
  if (results.length < 2) return dots;
  const y = up(meanOf(results)).toFixed(1);
  const mean = svg("path", { class: "senet-reduction-mean", d: `M${centre - 0.44 * slot} ${y}h${0.88 * slot}` });
  return [mean, ...dots];
}

const drawReference = (y, right) =>
  svg("path", { class: "senet-reduction-reference", d: `M${MARGIN.left} ${y}H${right}` });

function resultsLegend({ arms, reference }) {
  const sample = (d, kind) => {
    const size = { width: 24, height: 14, viewBox: "-12 -7 24 14", "aria-hidden": "true" };
    return svg("svg", size, svg("path", { d, class: `senet-reduction-${kind}` }));
  };
  const dot = sample(MARKS.se, "se");
  const mean = sample("M-11 0h22", "mean");
  const dashed = sample("M-12 0h24", "reference");
  const many = [...arms.values()].some(({ results }) => results.length > 1);
  const keys = many ? [[dot, "one seed"], [mean, "mean"]] : [[dot, "one number for each r"]];
  if (reference) keys.push([dashed, reference.label]);
  return legend(...keys);
}

/** The result after each epoch: a thin line for each seed of the chosen r, beside those of no SE. */
function createCurves(series) {
  const all = [...series.arms.values()].flatMap(({ curves }) => curves ?? []);
  if (all.length === 0) return { element: element("div", { hidden: true }), draw: () => {} };
  const y = rangeOf(all.flat(), series.most / 500);
  const epochs = all[0].map((_, index) => index + 1);
  const label = `${series.metric} after each epoch, a line for each seed`;
  const chart = lineChart({ label, xLabel: "epochs", yLabel: series.axis, height: HEIGHT });
  const name = element("span");
  const keys = legend([lineSample(SE_LOOK), name], [lineSample(PLAIN_LOOK), "no SE, each seed"]);
  const draw = (ratio) => {
    const lines = ({ curves }, look) => curves.map((ys) => ({ xs: epochs, ys, ...look, thin: true }));
    const plain = lines(series.arms.get(NO_SE), PLAIN_LOOK);
    const chosen = ratio === NO_SE ? [] : lines(series.arms.get(ratio), SE_LOOK);
    keys.firstChild.hidden = ratio === NO_SE;
    setText(name, `r = ${ratio}, each seed`);
    chart.draw([...plain, ...chosen], { x: [0, epochs.length], y });
  };
  return { element: element("div", {}, keys, chart.element), draw };
}

// --------------------------------------------------------------------------------------------------------- the numbers

const MEASURED = ["mean", "std", "lowest", "highest"]; // the others are counts, and what is counted from them
const TIME = "training time (fastest epochs), no SE = 1";

/** The rows of the table: name, text, digits, and what a network has there, beside the one without SE. */
function rowsOf(series) {
  const { metric, unit, digits, parametersUnit } = series;
  const arms = [...series.arms.values()];
  const many = arms.some(({ results }) => results.length > 1);
  const isTimed = arms.every(({ seconds }) => seconds !== null);
  const millions = parametersUnit && ", millions";
  const percent = unit && `, ${unit}`;
  const rows = [
    ["parameters", `parameters${millions}`, 1, ({ parameters }) => parameters],
    ["added", `of them SE’s${millions}`, 1, ({ parameters }, plain) => parameters - plain.parameters],
    ["share", "what SE adds, %", millions ? 1 : 2, shareOf],
    ["hidden", "hidden widths of SE", 0, ({ hidden }) => hidden.join(", ") || "–"],
    ["mean", `${many ? "mean " : ""}${metric}${percent}`, digits, ({ results }) => meanOf(results)],
  ];
  const spread = [
    ["std", `standard deviation${percent}`, digits, ({ results }) => Math.sqrt(varianceOf(results))],
    ["lowest", `lowest${percent}`, digits, ({ results }) => Math.min(...results)],
    ["highest", `highest${percent}`, digits, ({ results }) => Math.max(...results)],
    ["seeds", "seeds", 0, ({ results }) => results.length],
  ];
  const time = ["time", TIME, 2, ({ seconds }, plain) => seconds / plain.seconds];
  return [...rows, ...(many ? spread : []), ...(isTimed ? [time] : [])];
}

const shareOf = ({ parameters }, plain) => (100 * (parameters - plain.parameters)) / plain.parameters;

/** A table: the chosen r, and beside it no SE. */
function createNumbers(series) {
  const plain = series.arms.get(NO_SE);
  const top = tableHead("", "no SE");
  const [head, last] = top.querySelectorAll("th");
  const lines = rowsOf(series).map(([name, text, digits, count]) => {
    const look = { digits, isMeasured: MEASURED.includes(name) };
    const [own, other] = [number(name, look), number(`plain-${name}`, look)];
    other.set(count(plain, plain));
    const node = tableLine(text, own.element, other.element);
    node.classList.toggle("senet-reduction-widths", name === "hidden");
    return { node, beside: node.lastChild, draw: (arm) => own.set(count(arm, plain)) };
  });
  const body = element("tbody", {}, ...lines.map(({ node }) => node));
  const draw = (ratio) => {
    setText(head, titleOf(ratio));
    last.hidden = ratio === NO_SE;
    for (const { beside, draw: drawLine } of lines) {
      beside.hidden = ratio === NO_SE;
      drawLine(series.arms.get(ratio));
    }
  };
  return { element: element("table", { class: "senet-reduction-table" }, top, body), draw };
}
