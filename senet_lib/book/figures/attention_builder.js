// What came after SE, from three parts: how a block gathers, how it decides, how it acts. Equation and parameters follow
// from the parts; runs are shown where a record has them.
import { guess } from "./parts/guess.js";
import { element, figure, formatNumber, isList, isText, menu, need, number, setText } from "./parts/kit.js";
import { slider, svg } from "./parts/kit.js";
import { chartText, createSheet, markAt, scaleTo, tickText, ticks } from "./parts/line_chart.js";
import { meanOf } from "./parts/statistics.js";

const BUILDER_WORDS = {
  method: "known block",
  own: "none: your own",
  gather: "gather",
  decide: "decide",
  act: "act",
  channels: "channels C",
  reduction: "reduction ratio r",
  parameters: "parameters of this block",
  counted: ({ formula }) => `= ${formula}`,
  countedWith: ({ formula, letter, value }) => `= ${formula}, with ${letter} = ${value}`,
  isKnown: ({ title, called }) => `This is ${title}: ${called}.`,
  isOwn: "This block has no name here.",
  cannot: "It cannot be built: this decision needs a mean and a variance. Gather these two.",
  question: "With how many of its five seeds does this block solve the Context World?",
  all: "with all five",
  some: "with some",
  no: "with none",
  told: ({ title, solved, count }) => `${title} solves it with ${solved} of ${count} seeds.`,
  solves: ({ title, solved, count, mean, parameters }) =>
    `${title} solves it with ${solved} of ${count} seeds: ${mean} on average, with ${parameters} new parameters.`,
  photographs: ({ accuracy, plain, se }) =>
    `On photographs there is one run of each: ${accuracy}, plain ${plain}, SE ${se}. One run makes no order.`,
  noPhotographs: "On photographs nobody has run it here.",
  nobody: "Nobody has run this here.",
  compare: "What would you expect? Change one part back, until it has a name.",
  contextTitle: "Context World, test accuracy",
  photographsTitle: "CIFAR-10, test accuracy",
  chart: ({ heading, rows }) => `${heading}. ${rows}`,
  row: ({ title, accuracies }) => `${title}: ${accuracies}.`,
  noRow: ({ title }) => `${title}: no run.`,
  unknownRow: ({ title }) => `${title}: guess first.`,
  none: "–",
  unknown: "?",
  ownTitle: "yours",
};
// What is gathered: z, one number for each channel, or two.
const GATHER = {
  mean: { option: "the mean", equation: "z = mean x" },
  max: { option: "the maximum", equation: "z = max x" },
  "mean-max": { option: "mean and maximum", equation: "z = mean x,  z′ = max x", isPair: true },
  weighted: { option: "a learned mean", equation: "z = Σⱼ aⱼ xⱼ,  a = softmax(w·x)", weights: [["C", (C) => C]] },
  strength: { option: "the L2 norm", equation: "z = ‖x‖" },
  "mean-variance": { option: "mean and variance", equation: "z = mean x = μ,  z′ = var x = v", isPair: true },
  nothing: { option: "nothing: place by place", equation: "z = x, at each place" },
};
const hiddenOf = (C, r) => Math.floor(C / r);
const eightsOf = (C, r) => Math.max(8, 8 * Math.floor((C + 4 * r) / (8 * r)));
const kernelOf = (C) => Math.floor((32 - Math.clz32(C)) / 2) | 1; // half of log2(C) + 1, and odd
const TWO_LAYERS = "W₂ δ(W₁ z + b₁) + b₂";
// What is decided: d, one number for each channel; of two gathered numbers, the sum of what it makes of each.
const DECIDE = {
  nothing: { option: "nothing", of: (z) => z },
  neighbours: { option: "k neighbours", of: (z) => `conv(${z})`, weights: [["k", kernelOf]], letter: ["k", kernelOf] },
  one: { option: "one layer", of: (z) => `W ${z} + b`, weights: [["C² + C", (C) => C * C + C]] },
  two: {
    option: "two layers",
    of: (z) => TWO_LAYERS.replace("z", z),
    weights: [["2Ch + h + C", (C, r) => 2 * C * hiddenOf(C, r) + hiddenOf(C, r) + C]],
    letter: ["h", hiddenOf],
  },
  "two-free": {
    option: "two layers, no biases",
    of: (z) => `W₂ δ(W₁ ${z})`,
    weights: [["2Ch", (C, r) => 2 * C * hiddenOf(C, r)]],
    letter: ["h", hiddenOf],
  },
  "two-eights": {
    option: "two layers, h in eights",
    of: (z) => TWO_LAYERS.replace("z", z),
    weights: [["2Ch + h + C", (C, r) => 2 * C * eightsOf(C, r) + eightsOf(C, r) + C]],
    letter: ["h", eightsOf],
  },
  "two-norm": {
    option: "two layers, norm between",
    of: (z) => `W₂ δ(norm(W₁ ${z} + b₁)) + b₂`,
    weights: [["2Ch + 3h + C", (C, r) => 2 * C * hiddenOf(C, r) + 3 * hiddenOf(C, r) + C]],
    letter: ["h", hiddenOf],
  },
  relative: { option: "share of all channels", of: (z) => `γ ${z} / mean over c of ${z}`, weights: [["C", (C) => C]] },
  distinct: { option: "distance from the mean", of: () => "(x − μ)² / 4(v + λ) + ½", needs: "mean-variance" },
};
const ACT = {
  sigmoid: { option: "multiply: sigmoid gate", equation: "x̃ = x · σ(d)" },
  hard: { option: "multiply: hard sigmoid gate", equation: "x̃ = x · hard(d)" },
  places: {
    option: "multiply channels, then places",
    equation: "y = x · σ(d),  x̃ = y · σ(conv(mean y, max y))",
    weights: [["98", () => 98]],
  },
  add: { option: "add", equation: "x̃ = x + d" },
  scale: { option: "multiply: 1 + it", equation: "x̃ = x · (1 + d) + β", weights: [["C", (C) => C]] },
};
const PARTS = { gather: GATHER, decide: DECIDE, act: ACT };
const CHANNELS = [32, 64, 128, 256, 512, 1024, 2048];
const REDUCTIONS = [2, 4, 8, 16];
const OWN = "own";
const AXES = { context: [0.5, 1], photographs: [0.7, 0.75] };
const ROWS = [
  { key: "plain", colour: "var(--look-plain)", marker: "square" },
  { key: "se", colour: "var(--look-s)", marker: "circle" },
  { key: "this", colour: "var(--look-x)", marker: "diamond" },
];
const FRAME = { left: 104, right: 12, top: 26, row: 30, floor: 112 }; // of the charts, in CSS pixels
const HEIGHT = 136;
const SPREAD = 14; // pixels over which the runs of a row are spread, so that equal ones are all seen

export default figure((view) => {
  const methods = readMethods(view.data("methods"));
  const solved = view.data("_solved");
  const partsNow = () => Object.keys(PARTS).map((key) => view.get(key));
  const methodNow = () => methods.find(({ parts }) => parts.join() === partsNow().join());
  const known = methods.filter(({ parts }) => isList(parts));
  const names = [...known.map(({ name, title }) => [name, title]), [OWN, BUILDER_WORDS.own]];
  const takeMethod = (name) => {
    const parts = known.find((method) => method.name === name)?.parts ?? [];
    for (const [place, part] of parts.entries()) view.set(Object.keys(PARTS)[place], part);
  };
  const preset = createPreset(names, takeMethod);
  const menus = Object.entries(PARTS).map(([key, all]) => createPart(view, key, all));
  const channels = slider(view, "channels", { label: BUILDER_WORDS.channels, values: CHANNELS });
  const reduction = slider(view, "reduction", { label: BUILDER_WORDS.reduction, values: REDUCTIONS });
  const parameters = number("parameters", { label: BUILDER_WORDS.parameters });
  const formula = element("span", { class: "builder-formula", "data-name": "formula" });
  const title = element("p", { class: "builder-title senet-result", role: "status", "data-name": "method" });
  const count = element("p", { class: "builder-count" }, parameters.element, " ", formula);
  const runs = createRuns(methods, solved);
  const asked = guess(view, {
    key: () => `attention: ${methodNow()?.name ?? OWN}`,
    question: BUILDER_WORDS.question,
    options: ["all", "some", "no"].map((key) => [key, BUILDER_WORDS[key]]),
    answer: () => answerOf(methodNow(), solved),
    covered: [runs.said],
  });
  runs.element.classList.add("senet-result");
  const asking = element("div", {}, asked.element);
  const bench = element("div", { class: "builder-parts" }, ...menus.map(({ element: one }) => one));
  const cost = element("div", { class: "builder-cost parts-line" }, channels.element, reduction.element, count);
  const head = element("div", { class: "builder-head parts-line" }, preset.element, title);
  view.body.append(head, bench, cost, asking, runs.element);

  return () => {
    const method = methodNow();
    const chosen = Object.entries(PARTS).map(([key, all]) => all[view.get(key)]);
    const isPossible = !chosen[1].needs || chosen[1].needs === view.get("gather");
    preset.draw(method?.name ?? OWN);
    for (const one of menus) one.draw(chosen, isPossible);
    setText(title, method ? BUILDER_WORDS.isKnown(method) : isPossible ? BUILDER_WORDS.isOwn : BUILDER_WORDS.cannot);
    const [C, r] = [view.get("channels"), view.get("reduction")];
    const weights = chosen.flatMap((part) => part.weights ?? []);
    parameters.set(isPossible ? weights.reduce((sum, [, of]) => sum + of(C, r), 0) : NaN);
    setText(formula, isPossible && weights.length > 0 ? formulaOf(weights, chosen[1].letter, C, r) : "");
    reduction.element.classList.toggle("builder-silent", chosen[1].letter?.[0] !== "h");
    asked.draw();
    asking.classList.toggle("builder-silent", !method);
    if (!method) runs.said.classList.remove("parts-covered");
    runs.draw(method, Boolean(method) && asked.isOpen());
  };
});

function formulaOf(weights, letter, C, r) {
  const formula = weights.map(([name]) => name).join(" + ");
  if (!letter) return BUILDER_WORDS.counted({ formula });
  return BUILDER_WORDS.countedWith({ formula, letter: letter[0], value: letter[1](C, r) });
}

function readMethods(list) {
  need(isList(list), "methods is not a list, or is empty; give the runs of plain and se at least.");
  for (const one of list) {
    const isNamed = ["name", "title", "called"].every((key) => isText(one?.[key]));
    need(isNamed, `methods has the name “${one?.name}”; give each the texts name, title and called.`);
    const where = `of “${one.name}” in methods`;
    const areParts = Array.isArray(one.parts) && one.parts.every((part, place) => part in Object.values(PARTS)[place]);
    need(areParts, `parts ${where} is ${JSON.stringify(one.parts)}; give gather, decide and act, or none.`);
    for (const key of ["context", "photographs"]) {
      const areGood = Array.isArray(one[key]) && one[key].every((value) => value >= 0 && value <= 1);
      need(areGood, `${key} ${where} is ${JSON.stringify(one[key])}; give accuracies from 0 to 1.`);
    }
    need(Number.isInteger(one.parameters), `parameters ${where} is ${one.parameters}; give a whole number.`);
  }
  for (const name of ["plain", "se"]) {
    const one = list.find((method) => method.name === name);
    need(isList(one?.context) && isList(one.photographs), `methods has no runs of “${name}”; give some, to compare with.`);
  }
  return list;
}

const solvedOf = ({ context }, solved) => context.filter((accuracy) => accuracy >= solved).length;

/** With how many seeds a known block solves the Context World; of another one nobody knows. */
function answerOf(method, solved) {
  if (!method) return { value: undefined, told: BUILDER_WORDS.nobody };
  const [right, count] = [solvedOf(method, solved), method.context.length];
  const told = BUILDER_WORDS.told({ title: method.title, solved: right, count });
  return { value: right === count ? "all" : right === 0 ? "no" : "some", told };
}

// ----------------------------------------------------------------------------------------------------------- the parts

/** A menu of the known blocks: what it shows follows from the parts. */
function createPreset(names, onChoose) {
  const options = names.map(([value, text]) => element("option", { value }, text));
  const select = element("select", { "data-name": "preset" }, ...options);
  select.addEventListener("change", () => onChoose(select.value));
  const box = element("label", { class: "senet-control" }, BUILDER_WORDS.method, " ", select);
  const draw = (name) => {
    options.at(-1).disabled = name !== OWN; // one comes to it by the other menus
    select.value = name;
  };
  return { element: box, draw };
}

/** A menu of one part, and its equation. */
function createPart(view, key, all) {
  const options = Object.entries(all).map(([value, { option }]) => [value, option]);
  const box = menu(view, key, { label: BUILDER_WORDS[key], options });
  const equation = element("p", { class: "builder-equation", "data-name": `${key}-equation` });
  const draw = ([gather, decide, act], isPossible) => {
    const texts = { gather: gather.equation, decide: decisionOf(gather, decide), act: act.equation };
    setText(equation, texts[key]);
    equation.classList.toggle("builder-wrong", key === "decide" && !isPossible);
  };
  return { element: element("div", {}, box.element, equation), draw };
}

const decisionOf = ({ isPair }, { of, needs }) => (isPair && !needs ? `d = ${of("z")} + the same of z′` : `d = ${of("z")}`);

// ------------------------------------------------------------------------------------------------------------ the runs

/** The recorded runs of a block beside those of SE and of the network without a block. */
function createRuns(methods, solved) {
  const [plain, se] = ["plain", "se"].map((name) => methods.find((method) => method.name === name));
  const charts = Object.keys(AXES).map((key) => createChart(key));
  const verdict = element("p", { "data-name": "verdict" });
  const photographs = element("p", { "data-name": "photographs" });
  const said = element("div", { class: "parts-conclusion" }, verdict, photographs);
  const side = element("div", { class: "parts-charts parts-flow" }, ...charts.map((one) => one.element));
  const box = element("div", {}, side, said);
  const text = ([accuracy]) => formatNumber(accuracy, 3, true);
  const draw = (method, isUnknown) => {
    const none = { title: method?.title ?? BUILDER_WORDS.ownTitle, context: [], photographs: [], isUnknown };
    for (const chart of charts) chart.draw({ plain, se, this: method && !isUnknown ? method : none });
    setText(verdict, method ? verdictOf(method, solved) : BUILDER_WORDS.nobody);
    const pictures = { plain: text(plain.photographs), se: text(se.photographs) };
    const isRun = method && isList(method.photographs);
    const known = isRun ? { ...pictures, accuracy: text(method.photographs) } : null;
    setText(photographs, known ? BUILDER_WORDS.photographs(known) : method ? BUILDER_WORDS.noPhotographs : BUILDER_WORDS.compare);
  };
  return { element: box, said, draw };
}

function verdictOf(method, solved) {
  const mean = formatNumber(meanOf(method.context), 3, true);
  const parameters = formatNumber(method.parameters);
  return BUILDER_WORDS.solves({ title: method.title, solved: solvedOf(method, solved), count: method.context.length, mean, parameters });
}

/** A row for each of the three, a dot for each run. */
function createChart(key) {
  const heading = BUILDER_WORDS[`${key}Title`];
  const sheet = createSheet({ label: heading, height: HEIGHT });
  const paint = (shown, width) => {
    const right = width - FRAME.right;
    const across = scaleTo(AXES[key], FRAME.left, right);
    const scale = ticks(AXES[key], Math.max(2, Math.floor((right - FRAME.left) / 50))).flatMap((tick) => [
      svg("path", { class: "senet-chart-grid", d: `M${across(tick)} ${FRAME.top}V${FRAME.floor}` }),
      chartText(across(tick), FRAME.floor + 17, tickText(tick)),
    ]);
    const rows = ROWS.flatMap(({ key: row, colour, marker }, place) => {
      const y = FRAME.top + FRAME.row * (place + 0.5);
      const values = shown[row][key];
      const step = SPREAD / Math.max(1, values.length - 1);
      const yOf = (index) => (values.length > 1 ? y - SPREAD / 2 + index * step : y);
      const dots = values.map((value, index) => markAt(marker, colour, across(value), yOf(index)));
      const none = values.length === 0 ? [chartText(FRAME.left + 8, y + 4, shown[row].isUnknown ? BUILDER_WORDS.unknown : BUILDER_WORDS.none, "start")] : [];
      return [chartText(0, y + 4, shown[row].title, "start", "senet-chart-name"), svg("g", { "data-row": row }, ...dots), ...none];
    });
    const axis = svg("path", { class: "senet-chart-axis", d: `M${FRAME.left} ${FRAME.floor}H${right}` });
    return [chartText(0, 12, heading, "start", "senet-chart-name"), ...scale, axis, ...rows];
  };
  const draw = (shown) => {
    const rows = ROWS.map(({ key: row }) => rowInWords(shown[row], key)).join(" ");
    sheet.sheet.setAttribute("aria-label", BUILDER_WORDS.chart({ heading, rows }));
    sheet.draw((width) => paint(shown, width));
  };
  return { element: sheet.element, draw };
}

function rowInWords({ title, isUnknown, ...runs }, key) {
  const accuracies = runs[key].map((value) => formatNumber(value, 3, true)).join(", ");
  if (isUnknown) return BUILDER_WORDS.unknownRow({ title });
  return accuracies ? BUILDER_WORDS.row({ title, accuracies }) : BUILDER_WORDS.noRow({ title });
}
