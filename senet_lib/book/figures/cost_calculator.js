// What SE costs: the paper's sum (Section 4), stage by stage, for a network and a reduction ratio, and who owns which share
// of the network's weights, MACs, memory and time. Counts are integers below 2^53, so they are exact.
import { guess, unknownNumbers } from "./parts/guess.js";
import { Problem, choice, controlRow, element, figure, formatNumber, isList, isText, isWhole } from "./parts/kit.js";
import { menu, need, number, setText, slider, tableHead, tableLine, toggle } from "./parts/kit.js";

const WORDS = {
  network: "network",
  reduction: "ratio r",
  quantity: "areas are",
  quantities: { weights: "weights", MACs: "MACs", memory: "memory", time: "time" },
  bias: "with biases",
  notCounted: "Only counted for the ResNets of chapter 6.",
  question: ({ title }) => `SE stands in every block of ${title}. Which stage pays most of its weights?`,
  stage: ({ stage }) => `stage ${stage}`,
  told: ({ title, stage, share }) => `Stage ${stage} of ${title} pays ${share}% of the weights.`,
  unknown: "?",
  weightsNote: "SE adds 2/r · Σ N·C² weights: N blocks in a stage, C channels",
  biasesNote: "SE adds Σ N·(2·C²/r + C/r + C) weights and biases: N blocks in a stage, C channels",
  MACsNote: "MACs of one picture, without ReLU, sigmoid and biases: Σ N·(2·H·W·C + 2·C²/r)",
  memoryNote: "Kept for the backward pass of a picture: 4 bytes · Σ N·(H·W·C + 2·C + C/r)",
  timeNote: "Forward and backward, measured at r = 16, on one core of a CPU",
  whole: "The network with SE",
  alone: "SE alone, enlarged",
  stem: "stem",
  classifier: "classifier",
  without: "without SE",
  se: "SE",
  wholeArea: ({ shares }) => `Shares of the network with SE: ${shares}.`,
  aloneArea: ({ shares }) => `Shares of what SE adds: ${shares}.`,
  share: ({ name, share }) => `${name} ${share}%`,
  drop: "drop",
  dropStage: ({ stage }) => `drop SE in stage ${stage}`,
  saved: "saved",
  measured: "measured, in ms:",
  tooNarrow: ({ reduction }) => `no hidden unit for r = ${reduction}:`,
  ofNetwork: "of network",
  units: { weights: "parameters", MACs: "MACs", memory: "bytes", time: "ms" },
  added: "SE adds",
  total: "with SE",
  printed: ({ millions }) => `The paper’s Table 10 prints ${millions} million, too.`,
  printedOther: ({ millions, ours }) => `The paper’s Table 10 prints ${millions} million; this is ${ours}.`,
};
const REDUCTIONS = [1, 2, 4, 8, 16, 32, 64];
// The three parts of a block's work, and the quantity that each makes.
const PARTS = { squeeze: "z", excitation: "s", rescale: "x-tilde" };
// What a network's entry calls the cost of its parts, and of the whole.
const COUNTS = { weights: "parameters", MACs: "macs", memory: "activation_bytes", time: "ms" };
// Totals of SE-ResNet-50 as the paper prints them, in millions: Table 10.
const PRINTED = { 2: 45.7, 4: 35.7, 8: 30.7, 16: 28.1, 32: 26.9 };

export default figure((view) => {
  const networks = readNetworks(view.data("networks"));
  const chosen = () => networks.find((network) => network.name === view.get("network"));
  const fit = () => fitToNetwork(view, chosen());

  const names = networks.map(({ name, title }) => [name, title]);
  const network = menu(view, "network", { label: WORDS.network, options: names, then: fit });
  view.addControl(() => requireStages(view.get("dropped"), chosen()));
  view.addControl(() => requireHiddenUnits(view.get("reduction"), view.get("dropped"), chosen()));
  view.addControl(() => requireParts(view.get("quantity"), chosen()));
  const values = () => workingReductions(chosen().stages, view.get("dropped"));
  const reduction = slider(view, "reduction", { label: WORDS.reduction, values });
  const quantity = choice(view, "quantity", { label: WORDS.quantity, options: Object.entries(WORDS.quantities) });
  quantity.element.classList.add("senet-cost-quantity");
  const bias = toggle(view, "bias", { label: WORDS.bias });

  const controls = controlRow(network.element, reduction.element, quantity.element);
  const note = element("p", { class: "parts-note", "data-name": "note" });
  const notes = element("div", { class: "senet-cost-notes" }, note, bias.element);
  const [whole, alone] = [createArea(WORDS.whole, WORDS.wholeArea), createArea(WORDS.alone, WORDS.aloneArea)];
  const most = Math.max(...networks.map((one) => one.stages.length));
  const stages = Array.from({ length: most }, (_, index) => createStage(view, index + 1, fit));
  const invoice = createInvoice();
  const lines = element("div", {}, ...stages.map((stage) => stage.element));
  const details = element("div", { class: "senet-cost-details" }, lines, invoice.element);
  const areas = element("div", { class: "senet-stays" }, whole.element, alone.element);
  const asked = askForTheDearest(view, chosen() ?? networks[0], unknownNumbers(details));
  view.body.append(asked.element, areas, controls, notes, details);

  return () => {
    const state = {
      network: chosen(),
      reduction: view.get("reduction"),
      bias: view.get("bias"),
      quantity: view.get("quantity"),
      dropped: new Set(view.get("dropped")),
    };
    const costs = state.network.stages.map((stage, index) =>
      stageCost(stage, { ...state, index, isDropped: state.dropped.has(index + 1) }),
    );
    bias.element.classList.toggle("senet-cost-absent", state.quantity !== "weights");
    for (const radio of quantity.element.querySelectorAll("input")) {
      radio.disabled = !hasQuantity(radio.value, state.network);
      radio.title = radio.disabled ? WORDS.notCounted : "";
    }
    const isWithBiases = state.bias && state.quantity === "weights";
    setText(note, isWithBiases ? WORDS.biasesNote : WORDS[`${state.quantity}Note`]);
    const shares = costs.map(({ total, isDropped }, index) => areaOf(WORDS.stage({ stage: index + 1 }), 0, isDropped ? 0 : total));
    const isUnknown = asked.isOpen();
    whole.draw(sharesOfTheWhole(state, costs), isUnknown);
    alone.draw(shares, isUnknown);
    stages.forEach((stage, index) => stage.draw(costs, costs[index]));
    invoice.draw(costs, state);
    asked.draw();
  };
});

/** Before any area: which stage of the network that is shown first pays most, with SE in all stages and r = 16? */
function askForTheDearest(view, { name, title, stages }, covered) {
  const settings = { reduction: 16, bias: false, quantity: "weights" };
  const costs = stages.map((stage) => stageCost(stage, settings).total);
  const whole = costs.reduce((sum, cost) => sum + cost, 0);
  const most = Math.max(...costs);
  const stage = costs.indexOf(most) + 1;
  const told = WORDS.told({ title, stage, share: formatNumber((100 * most) / whole, 1) });
  const options = stages.map((_, index) => [index + 1, WORDS.stage({ stage: index + 1 })]);
  const answer = () => ({ value: stage, told });
  return guess(view, { key: `cost/${name}`, question: WORDS.question({ title }), options, answer, covered });
}

// ------------------------------------------------------------------------------------------------------ the arithmetic

/** What SE costs, or would cost, in a stage: in all and in parts, and as people write it. C/r is rounded down. */
function stageCost({ blocks, channels, height, width }, { reduction, bias, quantity, network, index, isDropped = false }) {
  const hidden = Math.floor(channels / reduction);
  const none = { isDropped, total: 0, squeeze: 0, excitation: 0, rescale: 0, text: WORDS.tooNarrow({ reduction }) };
  if (hidden === 0) return none;
  if (quantity === "time") {
    const total = Math.max(0, network.parts.added_ms[index + 1]); // a clock's noise may be below 0
    return { ...none, total, excitation: total, text: WORDS.measured };
  }
  const [maps, small] = [height * width * channels, 2 * channels + hidden];
  if (quantity === "memory") {
    const text = `${blocks} × 4·(${height}·${width}·${channels} + ${small}) =`;
    const [excitation, rescale] = [4 * blocks * small, 4 * blocks * maps];
    return { ...none, total: excitation + rescale, excitation, rescale, text };
  }
  const isMacs = quantity === "MACs";
  const biases = bias && !isMacs ? hidden + channels : 0;
  const excitation = blocks * (2 * channels * hidden + biases);
  const weights = channels % reduction === 0 ? `2·${channels}²/${reduction}` : `2·${channels}·${hidden}`;
  if (isMacs) {
    const text = `${blocks} × (2·${height}·${width}·${channels} + ${weights}) =`;
    const moved = blocks * maps;
    return { ...none, total: 2 * moved + excitation, squeeze: moved, excitation, rescale: moved, text };
  }
  const block = biases > 0 ? `(${weights} + ${hidden} + ${channels})` : weights;
  return { ...none, total: excitation, excitation, text: `${blocks} × ${block} =` };
}

/** The sum of one part over the stages that have SE. */
const added = (costs, part) => costs.reduce((sum, cost) => sum + (cost.isDropped ? 0 : cost[part]), 0);

const hasQuantity = (quantity, { parts }) => parts !== null || quantity === "weights" || quantity === "MACs";

/** What the network costs without SE: its parts' sum, or the whole where they are not counted. */
const baseOf = ({ network, quantity }) =>
  network[COUNTS[quantity]] ?? network.parts[COUNTS[quantity]].reduce((sum, one) => sum + one, 0);

/** An area: what a part costs without SE, and what SE adds there. */
const areaOf = (name, base, se) => ({ name, base, se });

function sharesOfTheWhole({ network, quantity }, costs) {
  const se = costs.map(({ total, isDropped }) => (isDropped ? 0 : total));
  if (network.parts === null) {
    const all = se.reduce((sum, one) => sum + one, 0);
    return [areaOf(WORDS.without, baseOf({ network, quantity }), 0), areaOf(WORDS.se, 0, all)];
  }
  const names = [WORDS.stem, ...se.map((_, index) => WORDS.stage({ stage: index + 1 })), WORDS.classifier];
  return network.parts[COUNTS[quantity]].map((base, index) => areaOf(names[index], base, se[index - 1] ?? 0));
}

// ----------------------------------------------------------------------------------------------------------- the state

function readNetworks(list) {
  need(isList(list), "networks is not a list, or is empty; give at least one network.");
  return list.map((entry, index) => {
    const { name, title = name, parameters, macs, stages, parts = null } = entry ?? {};
    const isNew = isText(name) && list.findIndex((other) => other?.name === name) === index;
    need(isNew, `networks has the name ${name} at place ${index}; each needs a text of its own.`);
    need(isWhole(parameters), `networks has parameters ${parameters} for ${name}; it must be a whole number above 0.`);
    need(isWhole(macs), `networks has macs ${macs} for ${name}; it must be a whole number above 0.`);
    need(isList(stages), `networks has no list of stages for ${name}.`);
    const read = stages.map((stage, place) => {
      const good = isList(stage) && stage.length === 4 && stage.every(isWhole);
      const wanted = "[blocks, channels, height, width], whole numbers above 0";
      need(good, `networks has [${stage}] for stage ${place + 1} of ${name}; it must be ${wanted}.`);
      const [blocks, channels, height, width] = stage;
      return { blocks, channels, height, width };
    });
    const lengths = [...Object.values(COUNTS), "added_ms"].map((count) => parts?.[count]?.length);
    const fits = parts === null || lengths.every((length) => length === stages.length + 2);
    need(fits, `networks has parts for ${name} that are not lists of ${stages.length + 2}: stem, stages, classifier.`);
    return { name, title, parameters, macs, stages: read, parts };
  });
}

function requireStages(dropped, { title, stages }) {
  if (!Array.isArray(dropped)) throw new Problem(`dropped is ${dropped}; it must be a list of stages, such as [4].`);
  const known = (stage) => Number.isInteger(stage) && stage >= 1 && stage <= stages.length;
  if (dropped.every(known)) return;
  throw new Problem(`dropped is [${dropped}]; ${title} has the stages 1 to ${stages.length}.`);
}

function requireParts(quantity, network) {
  if (hasQuantity(quantity, network)) return;
  throw new Problem(`quantity is ${quantity}; for ${network.title} it must be one of weights, MACs.`);
}

/** The narrowest stage that has SE; without any, one that is never too narrow. */
function narrowestStage(stages, dropped) {
  const kept = stages.map(({ channels }, index) => ({ stage: index + 1, channels }));
  const narrower = (least, one) => (dropped.includes(one.stage) || one.channels >= least.channels ? least : one);
  return kept.reduce(narrower, { channels: Infinity });
}

const workingReductions = (stages, dropped) =>
  REDUCTIONS.filter((reduction) => reduction <= narrowestStage(stages, dropped).channels);

function requireHiddenUnits(reduction, dropped, { title, stages }) {
  const { stage, channels } = narrowestStage(stages, dropped);
  if (!(reduction > channels)) return;
  const most = workingReductions(stages, dropped).at(-1);
  throw new Problem(
    `reduction is ${reduction}, but stage ${stage} of ${title} has only ${channels} channels: no hidden unit would ` +
      `be left there. The largest r that works is ${most}; or drop that stage.`,
  );
}

/** After the reader has chosen another network or stage: forget stages that it lacks, and an r that is too large. */
function fitToNetwork(view, network) {
  const { stages } = network;
  const dropped = view.get("dropped").filter((stage) => stage <= stages.length);
  view.set("dropped", dropped);
  const most = workingReductions(stages, dropped).at(-1);
  if (view.get("reduction") > most) view.set("reduction", most);
  if (!hasQuantity(view.get("quantity"), network)) view.set("quantity", "weights");
}

// --------------------------------------------------------------------------------------------------------- the drawing

const LEAST_FOR_TEXT = 60; // pixels

/**
 * Columns as wide as their shares, one for each part; the lower piece of each, as high as its share there, is SE's.
 * As long as they are unknown, all are alike.
 */
function createArea(heading, describe) {
  const box = element("div", { class: "senet-cost-area", role: "img" });
  let columns = [];
  const draw = (known, isUnknown) => {
    const areas = isUnknown ? known.map(({ name }) => areaOf(name, 1, 0)) : known;
    while (columns.length < areas.length) columns.push(createColumn());
    columns.splice(areas.length);
    if (box.childElementCount !== columns.length) box.replaceChildren(...columns.map((column) => column.element));
    const whole = areas.reduce((sum, { base, se }) => sum + base + se, 0);
    let left = 0;
    areas.forEach((area, index) => {
      const share = (area.base + area.se) / (whole || 1);
      const percent = isUnknown ? WORDS.unknown : `${formatNumber(100 * share, 1, true)}%`;
      columns[index].draw(area, left, share, percent, isUnknown || share * box.clientWidth >= LEAST_FOR_TEXT);
      left += share;
    });
    const shares = areas.map(({ name, base, se }) => {
      if (isUnknown) return name;
      return WORDS.share({ name, share: formatNumber((100 * (base + se)) / (whole || 1), 1, true) });
    });
    const text = describe({ shares: shares.join(", ") });
    if (box.getAttribute("aria-label") !== text) box.setAttribute("aria-label", text);
  };
  return { element: element("div", {}, element("p", { class: "parts-note" }, heading), box), draw };
}

function createColumn() {
  const se = element("div", { class: "senet-cost-se" });
  const [name, part] = [element("span"), element("strong")];
  const text = element("div", { class: "senet-cost-text" }, name, part);
  const column = element("div", { class: "senet-cost-column" }, se, text);
  const draw = (area, left, share, percent, hasRoom) => {
    column.style.left = `${100 * left}%`;
    column.style.width = `${100 * share}%`;
    se.style.height = `${(100 * area.se) / (area.base + area.se || 1)}%`;
    setText(name, area.name);
    setText(part, percent);
    text.hidden = !hasRoom;
  };
  return { element: column, draw };
}

/** A stage: its sum in numbers, and the box that takes its SE away. */
function createStage(view, stage, fit) {
  const formula = element("span");
  const total = number(`stage-${stage}`, { digits: 1 });
  const share = number(`share-${stage}`, { digits: 1, unit: "%" });
  const saved = element("span", { class: "parts-note" }, WORDS.saved);
  const name = WORDS.dropStage({ stage });
  const box = element("input", { type: "checkbox", "data-trait": "dropped", "data-stage": stage, "aria-label": name });
  box.addEventListener("change", () => {
    const others = view.get("dropped").filter((one) => one !== stage);
    view.set("dropped", box.checked ? [...others, stage].sort((a, b) => a - b) : others);
    fit();
  });
  const line = element(
    "div",
    { class: "senet-cost-stage" },
    element("strong", { class: "senet-cost-name" }, WORDS.stage({ stage })),
    element("div", { class: "senet-cost-share" }, share.element, saved),
    element("label", { class: "senet-toggle senet-cost-drop" }, box, WORDS.drop),
    element("div", { class: "senet-cost-sum" }, formula, total.element),
  );
  const draw = (costs, cost) => {
    const isAbsent = cost === undefined; // a network with fewer stages than another: its room stays
    line.classList.toggle("senet-cost-absent", isAbsent);
    total.element.hidden = share.element.hidden = isAbsent;
    if (isAbsent) return;
    const { isDropped } = cost;
    box.checked = isDropped;
    line.classList.toggle("senet-cost-dropped", isDropped);
    setText(formula, `${cost.text} `);
    total.set(cost.total);
    share.element.hidden = isDropped;
    saved.hidden = !isDropped;
    share.set(isDropped ? 0 : (100 * cost.total) / (added(costs, "total") || 1));
  };
  return { element: line, draw };
}

/** The network's own cost, what SE adds, and both together. */
function createInvoice() {
  const base = invoiceLine("base", "var(--senet-plain)");
  const parts = Object.entries(PARTS).map(([name, made]) => [name, invoiceLine(name, `var(--quantity-${made})`)]);
  const sum = invoiceLine("added", "var(--quantity-s)");
  const total = invoiceLine("total");
  const lines = [base, sum, total, ...parts.map(([, line]) => line)];
  const head = tableHead("", WORDS.ofNetwork);
  const body = element("tbody", {}, ...lines.map((line) => line.element));
  const remark = element("p", { class: "parts-note", "data-name": "printed" });
  const draw = (costs, state) => {
    const before = baseOf(state);
    const sums = Object.fromEntries(["total", ...Object.keys(PARTS)].map((part) => [part, added(costs, part)]));
    const after = before + sums.total;
    setText(head.querySelector("th"), WORDS.units[state.quantity]);
    base.draw(state.network.title, before, before);
    for (const [name, line] of parts) {
      line.element.hidden = state.quantity !== "MACs";
      line.draw(name, sums[name], before);
    }
    sum.draw(WORDS.added, sums.total, before);
    total.draw(WORDS.total, after, before);
    setText(remark, printedTotal(state, after));
  };
  const table = element("table", { class: "senet-cost-table" }, head, body);
  return { element: element("div", { class: "senet-cost-invoice" }, table, remark), draw };
}

/** A line of the invoice: what, how much, and per cent of the network without SE. */
function invoiceLine(name, paint = "transparent") {
  const amount = number(name, { digits: 1 }); // only of milliseconds: counts are whole
  const share = number(`${name}-per-cent`, { digits: 2, unit: "%" });
  const chip = element("span", { class: "senet-chip", style: `--chip: ${paint}` });
  const label = element("span");
  const line = tableLine(element("span", {}, chip, label), amount.element, share.element);
  line.classList.add(`senet-cost-${name}`);
  const draw = (text, value, base) => {
    setText(label, text);
    amount.set(value);
    share.set((100 * value) / base);
  };
  return { element: line, chip, draw };
}

/** What the paper prints for the same count: it has no biases there, and SE in all stages. */
function printedTotal({ network, reduction, bias, quantity, dropped }, total) {
  const millions = PRINTED[reduction];
  if (network.name !== "resnet50" || bias || quantity !== "weights" || dropped.size > 0 || !millions) return "";
  const ours = (total / 1e6).toFixed(1);
  return Number(ours) === millions ? WORDS.printed({ millions }) : WORDS.printedOther({ millions, ours });
}
