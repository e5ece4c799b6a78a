// Recorded runs over the reduction ratio r. The runs are data; means, standard deviations, shares and the counts of the
// sentence are computed here.
import { guess, unknownNumbers } from "./parts/guess.js";
import { Problem, afterNumber, controlRow, element, figure, formatNumber, isList } from "./parts/kit.js";
import { menu, need, number, setText, slider, svg, tableHead, tableLine } from "./parts/kit.js";
import { chartText, createSheet, gridAcross, legend, scaleTo, ticks } from "./parts/line_chart.js";
import { meanOf, varianceOf } from "./parts/statistics.js";

const NO_SE = 0; // in place of r: the network without SE
// What a result can be: its largest value, its unit, digits after the point, and whether more is better.
const METRICS = {
  "test accuracy": { most: 1, unit: "", digits: 3, sign: 1, axis: "test accuracy, 0 to 1" },
  "top-1 error": { most: 100, unit: "%", digits: 2, sign: -1, axis: "top-1 error, %: lower is better" },
};
const WORDS = {
  menu: "series",
  slider: "reduction ratio r",
  noSe: "no SE",
  question: ({ ratio, units, all }) =>
    `r = ${ratio} leaves ${units} hidden unit${units > 1 ? "s" : ""} in the narrowest block. How many of its ${all} seeds solve the task?`,
  without: ({ metric, mean }) => `Without SE: a ${metric} of ${mean}.`,
  higher: ({ r, metric, mean, gap, base }) => `r = ${r}: a ${metric} of ${mean}, ${gap} higher than without SE (${base}).`,
  lower: ({ r, metric, mean, gap, base }) => `r = ${r}: a ${metric} of ${mean}, ${gap} lower than without SE (${base}).`,
  same: ({ r, metric, mean, base }) => `r = ${r}: a ${metric} of ${mean}, as without SE (${base}).`,
  single: "It is one number: nothing here says how far another seed would move it.",
  several: ({ count }) => `It is the mean of ${count} seeds.`,
  solved: ({ r, good, all, metric, limit }) => `r = ${r}: ${good} of ${all} seeds solve it (limit: a ${metric} of ${limit}).`,
  solvedWithout: ({ good, all, metric, limit }) => `Without SE: ${good} of ${all} seeds solve it (limit: a ${metric} of ${limit}).`,
  oneFails: ({ low }) => `One ends at ${low}.`,
  theyFail: ({ low, high }) => `The others end between ${low} and ${high}.`,
  chart: ({ metric, means }) => `Mean ${metric} over the reduction ratio. ${means}`,
};

export default figure((view) => {
  const all = readSeries(view.data("series"));
  const shown = () => all.find((one) => one.name === view.get("shown"));
  const fit = () => {
    if (!shown().arms.has(view.get("reduction"))) view.set("reduction", largestRatio(shown()));
  };

  const titles = all.map(({ name, title }) => [name, title]);
  const series = menu(view, "shown", { label: WORDS.menu, options: titles, then: fit });
  series.element.hidden = all.length === 1;
  view.addControl(() => requireReduction(view.get("reduction"), shown()));
  const reduction = slider(view, "reduction", {
    label: WORDS.slider,
    values: () => [...shown().arms.keys()],
    show: nameOf,
  });
  const controls = controlRow(series.element, reduction.element);
  const sentence = element("p", { class: "senet-reduction-sentence senet-result", role: "status", "data-name": "sentence" });
  const choose = (ratio) => view.set("reduction", ratio);
  const boards = new Map(all.map((one) => [one.name, createBoard(one, choose)]));
  const place = element("div");
  const solvable = all.filter(({ solved }) => solved !== null).slice(0, 1);
  const numbers = [...boards.values()].flatMap((one) => unknownNumbers(one.element));
  const asked = solvable.map((one) => askForTheNarrowest(view, one, [sentence, ...numbers]));
  view.body.append(...asked.map((one) => one.element), controls, sentence, place);

  return () => {
    const [found, ratio] = [shown(), view.get("reduction")];
    const board = boards.get(found.name);
    if (place.firstChild !== board.element) place.replaceChildren(board.element); // charts are as wide as their place
    board.draw(ratio);
    setText(sentence, sentenceOf(found, ratio));
    asked.forEach((one) => one.draw());
    place.inert = asked.some((one) => one.isOpen()); // its marks are hidden then
  };
});

/** Before any dot: how many seeds solve the task with the largest r of a series? */
function askForTheNarrowest(view, series, covered) {
  const ratio = largestRatio(series);
  const { results, hidden } = series.arms.get(ratio);
  const isGood = (value) => series.sign * (value - series.solved) >= 0;
  const question = WORDS.question({ ratio, units: Math.min(...hidden), all: results.length });
  const answer = () => ({ value: results.filter(isGood).length, told: sentenceOf(series, ratio) });
  const range = { min: 0, max: results.length };
  return guess(view, { key: `reduction/${series.name}`, question, range, answer, covered });
}

const nameOf = (ratio) => (ratio === NO_SE ? WORDS.noSe : `${ratio}`);
const titleOf = (ratio) => (ratio === NO_SE ? WORDS.noSe : `r = ${ratio}`);
const ratiosOf = (series) => [...series.arms.keys()].filter((ratio) => ratio !== NO_SE);
const largestRatio = (series) => ratiosOf(series).at(-1);

// ----------------------------------------------------------------------------------------------------------- the state

/** The series, which Python has checked, each with a map from r to its runs: first the ratios in order, then NO_SE. */
function readSeries(list) {
  need(isList(list), "series is not a list, or is empty; give at least one.");
  return list.map(({ plain, entries, parameters_unit: parametersUnit = "", solved = null, reference = null, ...entry }) => {
    const arms = new Map([...entries].sort((a, b) => a.r - b.r).map((one) => [one.r, one]));
    arms.set(NO_SE, { ...plain, hidden: [] });
    return { ...METRICS[entry.metric], title: entry.name, ...entry, arms, solved, reference, parametersUnit };
  });
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

// -------------------------------------------------------------------------------------------------------- the sentence

/** What the records say at this r. */
function sentenceOf(series, ratio) {
  const { results } = series.arms.get(ratio);
  if (series.solved !== null) return solvedSentence(series, ratio, results);
  const text = (value) => `${value.toFixed(series.digits)}${afterNumber(series.unit)}`;
  const [mean, base] = [meanOf(results), meanOf(series.arms.get(NO_SE).results)];
  const parts = { r: ratio, metric: series.metric, mean: text(mean), base: text(base), count: results.length };
  parts.gap = Math.abs(mean - base).toFixed(series.digits);
  const than = Number(parts.gap) === 0 ? "same" : mean > base ? "higher" : "lower";
  const whole = WORDS[ratio === NO_SE ? "without" : than](parts);
  return `${whole} ${results.length > 1 ? WORDS.several(parts) : WORDS.single}`;
}

function solvedSentence({ solved, sign, metric, digits, unit }, ratio, results) {
  const failed = results.filter((value) => sign * (value - solved) < 0).sort((a, b) => a - b);
  const [all, good] = [results.length, results.length - failed.length];
  const limit = `${solved}${afterNumber(unit)}`;
  const whole = WORDS[ratio === NO_SE ? "solvedWithout" : "solved"]({ r: ratio, good, all, metric, limit });
  if (failed.length === 0) return whole;
  const [low, high] = [failed[0], failed.at(-1)].map((value) => value.toFixed(digits));
  return `${whole} ${failed.length === 1 ? WORDS.oneFails({ low }) : WORDS.theyFail({ low, high })}`;
}

// --------------------------------------------------------------------------------------------------------- the drawing

/** All that is drawn for one series: its charts, its numbers, its source. */
function createBoard(series, choose) {
  const results = createResults(series, choose);
  const numbers = createNumbers(series);
  const source = element("p", { class: "parts-note", "data-name": "source" }, series.source);
  const draw = (ratio) => {
    results.draw(ratio);
    numbers.draw(ratio);
  };
  return { element: element("div", { class: "senet-reduction-board parts-column" }, results.element, element("div", {}, numbers.element, source)), draw };
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
  const label = WORDS.chart({ metric: series.metric, means });
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
      chartText(middle, HEIGHT - 4, WORDS.slider, "middle", "senet-chart-name"),
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

// --------------------------------------------------------------------------------------------------------- the numbers

const MEASURED = ["mean", "std"]; // the others are counts, and what is counted from them

/** The rows of the table: name, text, digits, and what a network has there, beside the one without SE. */
function rowsOf(series) {
  const { metric, unit, digits, parametersUnit } = series;
  const arms = [...series.arms.values()];
  const many = arms.some(({ results }) => results.length > 1);
  const millions = parametersUnit && ", millions";
  const percent = unit && `, ${unit}`;
  const rows = [
    ["parameters", `parameters${millions}`, 1, ({ parameters }) => parameters],
    ["added", `of them SE’s${millions}`, 1, ({ parameters }, plain) => parameters - plain.parameters],
    ["hidden", "hidden widths of SE", 0, ({ hidden }) => hidden.join(", ") || "–"],
    ["mean", `${many ? "mean " : ""}${metric}${percent}`, digits, ({ results }) => meanOf(results)],
  ];
  const spread = ["std", `standard deviation${percent}`, digits, ({ results }) => Math.sqrt(varianceOf(results))];
  return many ? [...rows, spread] : rows;
}

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
