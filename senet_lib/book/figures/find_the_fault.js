// A listing with one fault: the reader runs tests on it and on its sound twin, chooses the line that is wrong, and then
// learns what mends it and what it does. What the tests say was recorded in Python.
import { recall, remember } from "./parts/browser_store.js";
import { codeLine } from "./parts/code_lines.js";
import { guess } from "./parts/guess.js";
import { button, clamp, controlRow, disable, element, figure, formatNumber, isList, isText } from "./parts/kit.js";
import { menu, need, number, panel, phoneFold, setText, svg } from "./parts/kit.js";
import { chartText, createSheet, markAt, scaleTo, tickText, ticks } from "./parts/line_chart.js";
import { NO_SPREAD, interval, meanOf, varianceOf } from "./parts/statistics.js";

const FAULT_WORDS = {
  listing: "listing",
  network: "In which network",
  place: ({ place, count }) => `${place} of ${count}`,
  placeTold: ({ place, count, title }) => `${place} of ${count}: ${title}`,
  previous: "Previous",
  next: "Next",
  isFirst: "This is the first listing.",
  isLast: "This is the last listing.",
  found: "found",
  shown: "shown",
  ofAll: ({ count }) => `of ${count}`,
  code: "the code: choose the line that is wrong",
  lineFault: ({ line, text }) => `line ${line}, this is the fault: ${text}`,
  lineGood: ({ line, text }) => `line ${line}, not the fault: ${text}`,
  tests: "Run a test on this listing, and on its sound twin:",
  testFails: ({ what }) => `${what} This listing fails.`,
  testPasses: ({ what }) => `${what} This listing passes.`,
  notRun: "What the test says comes here.",
  listingSays: ({ says }) => `This listing: ${says}`,
  twinPasses: "Its sound twin: passed.",
  bothPass: "Both passed: this test does not see the fault.",
  toDo: "One thing in this code is wrong. Run tests on it. Then press on the line that is to blame.",
  foundAtOnce: ({ line }) => `Yes, line ${line}: you have found it, at the first try.`,
  foundAfterOne: ({ line }) => `Yes, line ${line}: you have found it, after 1 other line.`,
  foundAfter: ({ line, tries }) => `Yes, line ${line}: you have found it, after ${tries} other lines.`,
  hereOne: ({ line }) => `Here it is: line ${line}.`,
  hereTwo: ({ line, other }) => `Here it is: lines ${line} and ${other}.`,
  good: ({ line }) => `Line ${line} is good: the sound twin has it too.`,
  hint: "Hint",
  mayHint: "If you like, there is a hint.",
  hintAbove: "The hint: look above the methods.",
  hintIn: ({ method }) => `The hint: look in the method ${method}.`,
  hinted: "The hint stands above.",
  show: "Show me",
  told: "The fault is told already.",
  onward: "Next listing",
  fault: ({ title }) => `What is wrong: ${title}`,
  mend: "The mend",
  test: "A test that exposes it",
  training: "What it does to training",
  question: "Do the trainings show this fault?",
  seen: "yes, in one task or more",
  unseen: "no",
  toldSeen: "A 95% interval of the difference leaves 0 out.",
  toldUnseen: "No interval leaves 0 out: you would not notice it.",
  doctor: "What senet_lib.doctor calls it",
  finding: ({ kind, what }) => ` (a ${kind}): ${what}`,
  faulty: "faulty",
  sound: "sound",
  chart: ({ title, faulty, sound }) => `${title}, test accuracy by seed. faulty: ${faulty}; sound: ${sound}`,
  chartTitle: ({ title }) => `${title}, test accuracy`,
  oneEqual: "With this one seed it is equal. Another seed may say something else.",
  oneLower: ({ gap }) => `With this one seed ${gap} lower. Another seed may say something else.`,
  oneHigher: ({ gap }) => `With this one seed ${gap} higher. Another seed may say something else.`,
  allEqual: ({ count }) => `No difference to be seen: equal with each of ${count} seeds.`,
  allLower: ({ gap, count }) => `${gap} lower with each of ${count} seeds.`,
  allHigher: ({ gap, count }) => `${gap} higher with each of ${count} seeds.`,
  notSeen: "No difference to be seen.",
  lower: ({ gap }) => `${gap} lower than its sound twin.`,
  higher: ({ gap }) => `${gap} higher than its sound twin.`,
  range: ({ count, low, high }) =>
    `The 95% interval of the difference, over ${count} paired seeds: ${low} to ${high}.`,
};
const TRIES = 2; // wrong lines before there is a hint
const DIGITS = 3; // of accuracies; a difference below LARGE has one more
const LARGE = 0.01;
const MARKS = { "-": ["−", "out"], "+": ["+", "in"], " ": ["", "same"], "…": ["…", "gap"] };
const SIGNS = { open: "▸", fails: "✗", passes: "✓" };
// The dots of both networks, and the rows in which they are.
const LOOKS = [
  { key: "faulty", colour: "var(--fault-out)", marker: "diamond", y: 36 },
  { key: "sound", colour: "var(--fault-in)", marker: "circle", y: 70 },
];
const FRAME = { left: 52, right: 10, top: 20, floor: 88 }; // the axes, in CSS pixels
const HEIGHT = 112;
const SPREAD = 18; // pixels over which the seeds of a row are spread, so that equal ones are all seen
const SCORE = ["marked", "hinted", "revealed"];
const SCORE_STORE = "senet-book/faults";

export default figure((view) => {
  const quantiles = view.data("_quantiles");
  const probes = readProbes(view.data("probes"));
  const specimens = readSpecimens(view.data("specimens"), probes, quantiles);
  const count = specimens.length;
  const options = specimens.map((_, index) => [index, FAULT_WORDS.place({ place: index + 1, count })]);
  const chosen = menu(view, "chosen", { label: FAULT_WORDS.listing, options });
  view.addControl(() => requireMarks(view, specimens));

  const keepScore = createScore(view, specimens);
  const now = () => specimens[view.get("chosen")];
  const move = (step) => {
    const next = view.get("chosen") + step;
    if (next >= 0 && next < count) view.set("chosen", next);
  };
  const add = (trait) => view.get(trait).includes(now().name) || view.set(trait, [...view.get(trait), now().name]);
  const listing = createListing((line) => {
    const { name, faulty } = now();
    const { marks, isRevealed } = progressOf(view, now());
    if (isRevealed || marks.includes(line)) return;
    view.set("marked", { ...view.get("marked"), [name]: [...marks, line] });
    if (faulty.includes(line)) add("revealed");
  });
  const tests = createTests(probes, (probe) => {
    const { name } = now();
    const before = (view.get("tested")[name] ?? []).filter((one) => one !== probe);
    view.set("tested", { ...view.get("tested"), [name]: [...before, probe] });
  });
  const previous = button(FAULT_WORDS.previous, () => move(-1));
  const next = button(FAULT_WORDS.next, () => move(1));
  const tally = createTally(count);
  const setting = element("p", { class: "senet-fault-note", "data-name": "setting" });
  const hint = button(FAULT_WORDS.hint, () => progressOf(view, now()).isRevealed || add("hinted"));
  const show = button(FAULT_WORDS.show, () => add("revealed"));
  const answer = element("p", { class: "senet-fault-answer senet-stays", role: "status", "data-name": "answer" });
  const onward = button(FAULT_WORDS.onward, () => {
    move(1);
    queueMicrotask(() => listing.focus()); // after the drawing
  });
  const told = createTelling(view, probes, quantiles, rangesOf(specimens));
  const top = controlRow(chosen.element, previous.element, next.element, tally.element);
  const below = controlRow(hint.element, show.element, onward.element);
  for (const one of [top, below]) one.classList.add("senet-fault-controls");
  const side = element("div", { class: "senet-fault-side" }, tests.element, below, phoneFold(view, FAULT_WORDS.network, setting).element);
  const desk = element("div", { class: "senet-fault-desk" }, listing.element, side);
  view.body.append(top, answer, desk, told.element);

  return () => {
    keepScore();
    const all = specimens.map((one) => progressOf(view, one));
    const place = view.get("chosen");
    const [one, progress] = [specimens[place], all[place]];
    nameOptions(chosen.element, options, specimens, all);
    tally.draw(all);
    disable(previous.element, place === 0 && FAULT_WORDS.isFirst);
    disable(next.element, place === count - 1 && FAULT_WORDS.isLast);
    setText(setting, one.setting);
    listing.draw(one, progress);
    tests.draw(one, view.get("tested")[one.name] ?? []);
    hint.element.hidden = progress.wrong.length < TRIES && !progress.isHinted;
    disable(hint.element, (progress.isRevealed && FAULT_WORDS.told) || (progress.isHinted && FAULT_WORDS.hinted));
    disable(show.element, progress.isRevealed && FAULT_WORDS.told);
    setText(answer, answerTo(one, progress));
    told.draw(one, progress.isRevealed);
    onward.element.hidden = !progress.isRevealed || place === count - 1;
  };
});

// ----------------------------------------------------------------------------------------------------------- the state

const areTexts = (list) => Array.isArray(list) && list.every((one) => typeof one === "string");
const isLineOf = (code) => (line) => Number.isInteger(line) && isText(code[line]?.trim());

/** The tests by their names. */
function readProbes(list) {
  need(isList(list), "probes is not a list, or is empty; give at least one test.");
  const areGood = list.every((one) => isText(one?.name) && isText(one.what) && areTexts(one.code) && areTexts([one.helpers]));
  need(areGood, "probes has a test without the texts name, what and helpers, and the lines code; give them.");
  return new Map(list.map((one) => [one.name, one]));
}

function readSpecimens(list, probes, quantiles) {
  need(isList(list), "specimens is not a list, or is empty; give at least one specimen.");
  return list.map((one, place) => {
    const isNew = isText(one?.name) && list.findIndex((other) => other?.name === one.name) === place;
    need(isNew, `specimens has the name “${one?.name}” at place ${place}; each specimen needs one of its own.`);
    const where = `of “${one.name}” in specimens`;
    for (const key of ["title", "fault", "mend"]) {
      need(isText(one[key]), `${key} ${where} is ${one[key]}; give a text.`);
    }
    for (const key of ["setting", "method", "untrained"]) {
      need(typeof one[key] === "string", `${key} ${where} is ${one[key]}; give a text, or "".`);
    }
    need(areTexts(one.code), `code ${where} is not a list of lines; give texts.`);
    const { says } = one;
    const areKnown = isList(Object.keys(says ?? {})) && Object.entries(says).every(([name, said]) => probes.has(name) && areTexts([said]));
    need(areKnown, `says ${where} is ${JSON.stringify(says)}; give a text, or "", for names of probes.`);
    need(isText(says[one.probe]), `probe ${where} is ${one.probe}; give a name of says that has a text.`);
    const { code, faulty, difference, trainings, finding } = one;
    const areLines = Array.isArray(faulty) && faulty.length > 0 && faulty.every(isLineOf(code));
    const least = `give one or more lines of the code, from 0 to ${code.length - 1}, that are not empty.`;
    need(areLines, `faulty ${where} is ${JSON.stringify(faulty)}; ${least}`);
    const isPair = (pair) => Array.isArray(pair) && pair[0] in MARKS && typeof pair[1] === "string";
    const isDifference = Array.isArray(difference) && difference.every(isPair);
    const marks = Object.keys(MARKS).join(" ");
    need(isDifference, `difference ${where} is not a list of pairs; give a mark (${marks}) and a line.`);
    const isFinding = ["code", "kind", "what"].every((key) => isText(finding?.[key]));
    need(isFinding, `finding ${where} is ${JSON.stringify(finding)}; give the texts code, kind and what.`);
    need(Array.isArray(trainings), `trainings ${where} is not a list; give one, perhaps empty.`);
    for (const training of trainings) requireTraining(training, where, quantiles.length + 1);
    return one;
  });
}

function requireTraining(training, where, most) {
  const { title, seeds, faulty, sound } = training ?? {};
  need(isText(title), `a training ${where} has the title ${title}; give it a text.`);
  const areSeeds = Array.isArray(seeds) && seeds.length > 0 && seeds.length <= most && seeds.every(Number.isInteger);
  need(areSeeds, `the training “${title}” ${where} has the seeds [${seeds}]; give 1 to ${most} whole numbers.`);
  for (const [key, values] of Object.entries({ faulty, sound })) {
    const fits = Array.isArray(values) && values.length === seeds.length;
    need(fits, `${key} in “${title}” ${where} has ${values?.length ?? "no"} accuracies for ${seeds.length} seeds.`);
    const bad = values.findIndex((value) => !(typeof value === "number" && value >= 0 && value <= 1));
    const found = values[bad] ?? "not a number";
    need(bad < 0, `${key} in “${title}” ${where} has the accuracy ${found}; each must be from 0 to 1.`);
  }
}

/** What the kit does not check: what the reader has chosen. */
function requireMarks(view, specimens) {
  const byName = new Map(specimens.map((one) => [one.name, one]));
  const marked = view.get("marked");
  need(marked !== null && typeof marked === "object", `marked is ${marked}; give lines for names of specimens.`);
  for (const [name, lines] of Object.entries(marked)) {
    need(byName.has(name), `marked has “${name}”; there is no such specimen.`);
    const { code } = byName.get(name);
    const areLines = Array.isArray(lines) && lines.every(isLineOf(code));
    const allowed = `lines from 0 to ${code.length - 1} that are not empty`;
    need(areLines, `marked has ${JSON.stringify(lines)} for “${name}”; give ${allowed}.`);
  }
  const tested = view.get("tested");
  const areTests = ([name, ran]) => byName.has(name) && areTexts(ran) && ran.every((one) => one in byName.get(name).says);
  const isGood = tested !== null && typeof tested === "object" && Object.entries(tested).every(areTests);
  need(isGood, `tested is ${JSON.stringify(tested)}; give names of tests for names of specimens.`);
  for (const trait of ["hinted", "revealed"]) {
    const names = view.get(trait);
    need(areTexts(names), `${trait} is ${JSON.stringify(names)}; give a list of names of specimens.`);
    const bad = names.find((name) => !byName.has(name));
    need(bad === undefined, `${trait} has “${bad}”; there is no such specimen.`);
  }
}

const recalled = new WeakSet(); // views: a figure that is built anew does not go back to an earlier visit

/** What the reader has found, from earlier visits. Returns a function that keeps it when it has changed. */
function createScore(view, specimens) {
  const read = () => Object.fromEntries(SCORE.map((trait) => [trait, view.get(trait)]));
  const isEmpty = (score) => Object.values(score).every((one) => Object.keys(Object(one)).length === 0);
  const kept = recall(SCORE_STORE);
  const known = specimens.filter(({ code, name }) => isScoreOf(kept, name, code));
  const names = known.map(({ name }) => name);
  if (!recalled.has(view) && isEmpty(read()) && names.length > 0) {
    view.set("marked", Object.fromEntries(names.map((name) => [name, kept.marked[name] ?? []])));
    for (const trait of ["hinted", "revealed"]) view.set(trait, kept[trait].filter((name) => names.includes(name)));
  }
  recalled.add(view);
  let last = JSON.stringify(read());
  return () => {
    const now = JSON.stringify(read());
    if (now !== last) remember(SCORE_STORE, read());
    last = now;
  };
}

/** Whether what is kept of a specimen fits it: another edition of the book may have other code. */
function isScoreOf({ marked, hinted, revealed }, name, code) {
  const lines = Object(marked)[name] ?? [];
  return areTexts(hinted) && areTexts(revealed) && Array.isArray(lines) && lines.every(isLineOf(code));
}

/** How far the reader is with a specimen. */
function progressOf(view, { name, faulty }) {
  const marks = view.get("marked")[name] ?? [];
  const isFound = marks.some((line) => faulty.includes(line));
  return {
    marks,
    wrong: marks.filter((line) => !faulty.includes(line)),
    isFound,
    isHinted: view.get("hinted").includes(name),
    isRevealed: isFound || view.get("revealed").includes(name),
  };
}

// ----------------------------------------------------------------------------------------------------------- the words

/** What the figure says to the reader's choices. */
function answerTo({ faulty, method }, { marks, wrong, isFound, isHinted, isRevealed }) {
  if (isFound) {
    const line = marks.find((one) => faulty.includes(one)) + 1;
    const tries = wrong.length;
    if (tries === 0) return FAULT_WORDS.foundAtOnce({ line });
    return tries === 1 ? FAULT_WORDS.foundAfterOne({ line }) : FAULT_WORDS.foundAfter({ line, tries });
  }
  if (isRevealed) {
    const [line, other] = faulty.map((index) => index + 1);
    return other === undefined ? FAULT_WORDS.hereOne({ line }) : FAULT_WORDS.hereTwo({ line, other });
  }
  const last = wrong.length ? FAULT_WORDS.good({ line: wrong.at(-1) + 1 }) : "";
  const where = method === "" ? FAULT_WORDS.hintAbove : FAULT_WORDS.hintIn({ method });
  const hint = isHinted ? where : wrong.length >= TRIES ? FAULT_WORDS.mayHint : "";
  return [last, hint].filter(isText).join(" ") || FAULT_WORDS.toDo;
}

/** The differences of a training's pairs, their 95% interval, and whether that leaves 0 out. One seed shows nothing. */
function gapOf({ faulty, sound }, quantiles) {
  const gains = faulty.map((value, index) => value - sound[index]);
  const [count, mean] = [gains.length, meanOf(gains)];
  if (count === 1) return { gains, mean, isSeen: false };
  const deviation = Math.sqrt(varianceOf(gains));
  if (!(deviation > NO_SPREAD)) return { gains, mean, deviation, isSeen: mean !== 0 };
  const { low, high } = interval(mean, deviation, deviation / Math.sqrt(count), quantiles[count - 2]);
  return { gains, mean, deviation, low, high, isSeen: low > 0 || high < 0 };
}

/** What a fault does to the accuracy, as far as these seeds can tell. */
function verdictOn(training, quantiles) {
  const { gains, mean, deviation, isSeen, low, high } = gapOf(training, quantiles);
  const count = gains.length;
  const text = (value) => formatNumber(value, Math.abs(mean) < LARGE ? DIGITS + 1 : DIGITS);
  const parts = { count, gap: text(Math.abs(mean)) };
  if (count === 1) return mean === 0 ? FAULT_WORDS.oneEqual : FAULT_WORDS[mean < 0 ? "oneLower" : "oneHigher"](parts);
  if (gains.every((gain) => gain === 0)) return FAULT_WORDS.allEqual(parts);
  if (!(deviation > NO_SPREAD)) return FAULT_WORDS[mean < 0 ? "allLower" : "allHigher"](parts);
  const range = FAULT_WORDS.range({ count, low: text(low), high: text(high) });
  return `${isSeen ? FAULT_WORDS[mean < 0 ? "lower" : "higher"](parts) : FAULT_WORDS.notSeen} ${range}`;
}

// --------------------------------------------------------------------------------------------------------- the listing

/** The code, a button for each line; the arrow keys go from line to line. onChoose(index of the line). */
function createListing(onChoose) {
  const list = element("ol", { class: "senet-fault-code", "aria-label": FAULT_WORDS.code });
  let shown = null; // the specimen
  let lines = [];
  const enter = (line) => {
    for (const one of lines) one.node.tabIndex = one === line ? 0 : -1;
  };
  const build = ({ code }) => {
    lines = [];
    const items = code.map((text, index) => {
      if (text.trim() === "") return element("li", { class: "senet-fault-empty", "aria-hidden": "true" });
      const sign = element("span", { class: "senet-fault-sign" });
      const node = element("button", { type: "button", "data-line": index }, sign, codeLine(text));
      const line = { node, sign, index, text };
      node.addEventListener("click", () => onChoose(index));
      node.addEventListener("focus", () => enter(line));
      lines.push(line);
      return element("li", {}, node);
    });
    list.replaceChildren(...items);
    enter(lines[0]);
  };
  list.addEventListener("keydown", (event) => {
    const at = lines.findIndex(({ node }) => node.tabIndex === 0);
    const place = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: lines.length - 1 }[event.key];
    if (place === undefined) return;
    lines[clamp(place, lines.length - 1)].node.focus();
    event.preventDefault();
  });
  const draw = (specimen, { marks, isRevealed }) => {
    if (shown !== specimen) build(specimen);
    shown = specimen;
    for (const { node, sign, index, text } of lines) {
      const isFaulty = specimen.faulty.includes(index);
      const state = isFaulty && isRevealed ? "fault" : marks.includes(index) && !isFaulty ? "good" : "open";
      node.dataset.state = state;
      setText(sign, { fault: "➤", good: "✗", open: index + 1 }[state]);
      node.setAttribute("aria-disabled", String(isRevealed || state === "good"));
      const said = { fault: FAULT_WORDS.lineFault, good: FAULT_WORDS.lineGood }[state];
      if (said) node.setAttribute("aria-label", said({ line: index + 1, text: text.trim() }));
      else node.removeAttribute("aria-label");
    }
  };
  return { element: list, draw, focus: () => lines[0].node.focus() };
}

// ----------------------------------------------------------------------------------------------------------- the tests

/** A button for each test that is offered, and what the last one says of both. onRun(name of the test). */
function createTests(probes, onRun) {
  const offered = element("div", { class: "senet-fault-tests", role: "group", "aria-label": FAULT_WORDS.tests });
  const ofListing = element("p", { "data-name": "listing-says" });
  const ofTwin = element("p", { "data-name": "twin-says" });
  const result = element("div", { class: "senet-fault-result", role: "status" }, ofListing, ofTwin);
  const lead = element("p", { class: "senet-fault-lead", "aria-hidden": "true" }, FAULT_WORDS.tests);
  let shown = null; // the specimen
  let buttons = [];
  const build = ({ says }) => {
    buttons = Object.keys(says).map((name) => {
      const sign = element("span", { class: "senet-fault-sign", "aria-hidden": "true" });
      const text = element("span", {}, probes.get(name).what);
      const node = element("button", { type: "button", "data-probe": name }, sign, text);
      node.addEventListener("click", () => onRun(name));
      return { name, node, sign };
    });
    offered.replaceChildren(...buttons.map(({ node }) => node));
  };
  const draw = (specimen, ran) => {
    if (shown !== specimen) build(specimen);
    shown = specimen;
    const last = ran.at(-1);
    for (const { name, node, sign } of buttons) {
      const state = !ran.includes(name) ? "open" : specimen.says[name] ? "fails" : "passes";
      const { what } = probes.get(name);
      node.dataset.state = state;
      node.setAttribute("aria-current", String(name === last));
      node.setAttribute("aria-label", { open: what, fails: FAULT_WORDS.testFails({ what }), passes: FAULT_WORDS.testPasses({ what }) }[state]);
      setText(sign, SIGNS[state]);
    }
    const says = specimen.says[last];
    result.dataset.state = says ? "fails" : last === undefined ? "open" : "passes";
    setText(ofListing, last === undefined ? FAULT_WORDS.notRun : says ? FAULT_WORDS.listingSays({ says }) : FAULT_WORDS.bothPass);
    setText(ofTwin, says ? FAULT_WORDS.twinPasses : "");
  };
  return { element: element("div", {}, lead, offered, result), draw };
}

/** The names of what is told already, in the menu. */
function nameOptions(box, options, specimens, all) {
  for (const [index, option] of [...box.querySelectorAll("option")].entries()) {
    const parts = { place: index + 1, count: options.length, title: specimens[index].title };
    setText(option, all[index].isRevealed ? FAULT_WORDS.placeTold(parts) : options[index][1]);
  }
}

function createTally(count) {
  const found = number("found", { label: FAULT_WORDS.found });
  const shown = number("shown", { label: FAULT_WORDS.shown });
  const line = element("p", { class: "senet-fault-tally" }, found.element, shown.element, FAULT_WORDS.ofAll({ count }));
  const draw = (all) => {
    found.set(all.filter(({ isFound }) => isFound).length);
    shown.set(all.filter(({ isFound, isRevealed }) => isRevealed && !isFound).length);
  };
  return { element: line, draw };
}

// ------------------------------------------------------------------------------------------------------ what is told

const paragraph = (name, text) => element("p", { "data-name": name }, text);
const codeOf = (lines) => element("div", { class: "senet-fault-block" }, ...lines.map(codeLine));

/** All that the reader learns after the guess. It is drawn anew for another specimen only; the charts, each time. */
function createTelling(view, probes, quantiles, ranges) {
  const box = element("div", { class: "senet-fault-told" });
  let shown = null;
  let charts = [];
  const seeds = element("div", { class: "senet-fault-trainings" });
  const asked = guess(view, {
    key: () => `fault/${shown.name}`,
    question: FAULT_WORDS.question,
    options: [["seen", FAULT_WORDS.seen], ["unseen", FAULT_WORDS.unseen]],
    answer: () => {
      const isSeen = shown.trainings.some((training) => gapOf(training, quantiles).isSeen);
      return { value: isSeen ? "seen" : "unseen", told: isSeen ? FAULT_WORDS.toldSeen : FAULT_WORDS.toldUnseen };
    },
    covered: [seeds],
  });
  const question = element("div", {}, asked.element);
  const build = (one) => {
    const { title, fault, mend, difference, finding, trainings, untrained } = one;
    const { code, helpers } = probes.get(one.probe);
    charts = trainings.map((training) => createChart(training, ranges.get(training.title), quantiles));
    const drawn = charts.map((chart) => element("div", {}, ...chart.elements));
    seeds.replaceChildren(...drawn);
    question.hidden = seeds.hidden = trainings.length === 0;
    const training = [question, seeds, paragraph("untrained", untrained)];
    const name = element("span", { class: "senet-fault-name" }, finding.code);
    const doctor = element("p", { "data-name": "finding" }, name, FAULT_WORDS.finding(finding));
    const from = element("p", { class: "senet-fault-note", "data-name": "helpers" }, helpers);
    const parts = [
      panel(FAULT_WORDS.fault({ title }), null, paragraph("fault", fault)),
      panel(FAULT_WORDS.mend, null, paragraph("mend", mend), differenceOf(difference)),
      panel(FAULT_WORDS.test, null, codeOf(code), from, paragraph("says", one.says[one.probe])),
      panel(FAULT_WORDS.training, null, ...training),
      panel(FAULT_WORDS.doctor, null, doctor),
    ];
    parts[3].hidden = trainings.length === 0 && untrained === "";
    box.replaceChildren(...parts);
  };
  const draw = (one, isRevealed) => {
    box.hidden = !isRevealed;
    if (!isRevealed) return;
    if (shown !== one) build(one);
    shown = one;
    asked.draw();
    for (const chart of charts) chart.draw();
  };
  return { element: box, draw };
}

function differenceOf(pairs) {
  const lines = pairs.map(([mark, text]) => {
    const [sign, name] = MARKS[mark];
    const shown = element("span", { class: "senet-fault-sign" }, sign);
    return element("div", { class: `senet-fault-${name}` }, shown, codeLine(text));
  });
  return element("div", { class: "senet-fault-block", "data-name": "difference" }, ...lines);
}

/** From the title of a training to its axis: the same for all specimens, so that they can be compared. */
function rangesOf(specimens) {
  const ranges = new Map();
  for (const { title, faulty, sound } of specimens.flatMap(({ trainings }) => trainings)) {
    const least = Math.min(ranges.get(title)?.[0] ?? 1, ...faulty, ...sound);
    ranges.set(title, [Math.min(0.9, Math.floor(10 * least) / 10), 1]);
  }
  return ranges;
}

/** The accuracies of both networks, a dot for each seed and a line at the mean, and what follows from them. */
function createChart(training, range, quantiles) {
  const { title } = training;
  const listed = (values) => values.map((value) => formatNumber(value, DIGITS, true)).join(", ");
  const label = FAULT_WORDS.chart({ title, faulty: listed(training.faulty), sound: listed(training.sound) });
  const sheet = createSheet({ label, height: HEIGHT });
  const verdict = paragraph("verdict", verdictOn(training, quantiles));
  const paint = (width) => {
    const right = width - FRAME.right;
    const across = scaleTo(range, FRAME.left, right);
    const scale = ticks(range, Math.min(6, Math.floor(width / 60))).flatMap((tick) => [
      svg("path", { class: "senet-chart-grid", d: `M${across(tick)} ${FRAME.top}V${FRAME.floor}` }),
      chartText(across(tick), FRAME.floor + 17, tickText(tick), "middle"),
    ]);
    const rows = LOOKS.flatMap(({ key, colour, marker, y }) => {
      const values = training[key];
      const step = SPREAD / Math.max(1, values.length - 1);
      const yOf = (index) => (values.length > 1 ? y - SPREAD / 2 + index * step : y);
      const dots = values.map((value, index) => markAt(marker, colour, across(value), yOf(index)));
      const mean = svg("path", { class: "senet-fault-mean", d: `M${across(meanOf(values))} ${y - 15}v30` });
      return [chartText(0, y + 4, FAULT_WORDS[key], "start"), svg("g", { "data-arm": key }, ...dots), mean];
    });
    const axis = svg("path", { class: "senet-chart-axis", d: `M${FRAME.left} ${FRAME.floor}H${right}` });
    const heading = chartText(0, 12, FAULT_WORDS.chartTitle({ title }), "start", "senet-chart-name");
    return [heading, ...scale, axis, ...rows];
  };
  return { elements: [sheet.element, verdict], draw: () => sheet.draw(paint) };
}
