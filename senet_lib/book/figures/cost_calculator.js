// What SE costs: the paper's sum (Section 4), stage by stage, for a network and a reduction ratio. All numbers are
// integers below 2^53, so they are exact.
import { guess } from "./parts/guess.js";
import { Problem, choice, controlRow, element, figure, formatNumber, isList, isText, isWhole } from "./parts/kit.js";
import { menu, need, number, setText, slider, tableHead, tableLine, toggle } from "./parts/kit.js";

const REDUCTIONS = [1, 2, 4, 8, 16, 32, 64];
// The three parts of a block's work: the quantity that each makes, and its MACs.
const PARTS = { squeeze: ["z", "H·W·C"], excitation: ["s", "2·C²/r"], rescale: ["x-tilde", "H·W·C"] };
const FORMULAS = {
  weights: "SE adds 2/r · Σ N·C² weights",
  biases: "SE adds Σ N·(2·C²/r + C/r + C) weights and biases",
  MACs: "SE adds Σ N·(2·H·W·C + 2·C²/r) multiply-accumulates (MACs)",
};
// Totals of SE-ResNet-50 as the paper prints them, in millions: Table 10.
const PRINTED = { 2: 45.7, 4: 35.7, 8: 30.7, 16: 28.1, 32: 26.9 };

export default figure((view) => {
  const networks = readNetworks(view.data("networks"));
  const chosen = () => networks.find((network) => network.name === view.get("network"));
  const fit = () => fitToNetwork(view, chosen());

  const names = networks.map(({ name, title }) => [name, title]);
  const network = menu(view, "network", { label: "network", options: names, then: fit });
  view.addControl(() => requireStages(view.get("dropped"), chosen()));
  view.addControl(() => requireHiddenUnits(view.get("reduction"), view.get("dropped"), chosen()));
  const values = () => workingReductions(chosen().stages, view.get("dropped"));
  const reduction = slider(view, "reduction", { label: "reduction ratio r", values });
  const counts = [["weights", "weights"], ["MACs", "MACs"]];
  const quantity = choice(view, "quantity", { label: "count", options: counts });
  const bias = toggle(view, "bias", { label: "with biases" });

  const controls = [controlRow(network.element, reduction.element), controlRow(quantity.element, bias.element)];
  const formula = createFormula();
  const most = Math.max(...networks.map((one) => one.stages.length));
  const stages = Array.from({ length: most }, (_, index) => createStage(view, index + 1, fit));
  const invoice = createInvoice();
  const bill = element("div", {}, ...stages.map((stage) => stage.element), invoice.element);
  const asked = askForTheDearest(view, chosen() ?? networks[0], bill);
  view.body.append(asked.element, ...controls, formula.element, bill);

  return () => {
    const state = {
      network: chosen(),
      reduction: view.get("reduction"),
      bias: view.get("bias"),
      inMacs: view.get("quantity") === "MACs",
      dropped: new Set(view.get("dropped")),
    };
    const costs = state.network.stages.map((stage, index) => stageCost(stage, state.dropped.has(index + 1), state));
    bias.element.hidden = state.inMacs;
    formula.draw(state);
    stages.forEach((stage, index) => stage.draw(costs, costs[index], state));
    invoice.draw(costs, state);
    asked.draw();
  };
});

/** Before any bar: which stage of the network that is shown first pays most, with SE in all stages and r = 16? */
function askForTheDearest(view, { name, title, stages }, bill) {
  const costs = stages.map((stage) => stageCost(stage, false, { reduction: 16, bias: false, inMacs: false }).total);
  const whole = costs.reduce((sum, cost) => sum + cost, 0);
  const most = Math.max(...costs);
  const share = formatNumber((100 * most) / whole, 1);
  const told = `Stage ${costs.indexOf(most) + 1} pays ${share}% of the weights.`;
  const options = stages.map((_, index) => [index + 1, `stage ${index + 1}`]);
  const answer = () => ({ value: costs.indexOf(most) + 1, told });
  const question = `SE stands in every block of ${title}. Which stage pays most of its weights?`;
  return guess(view, { key: `cost/${name}`, question, options, answer, covered: [bill] });
}

// ------------------------------------------------------------------------------------------------------ the arithmetic

/** What SE costs, or would cost, in a stage: in all and in parts, and as people write it. C/r is rounded down. */
function stageCost({ blocks, channels, height, width }, isDropped, { reduction, bias, inMacs }) {
  const hidden = Math.floor(channels / reduction);
  if (hidden === 0) {
    return { isDropped, total: 0, squeeze: 0, excitation: 0, rescale: 0, text: `no hidden unit for r = ${reduction}:` };
  }
  const maps = inMacs ? blocks * height * width * channels : 0;
  const biases = bias && !inMacs ? hidden + channels : 0;
  const excitation = blocks * (2 * channels * hidden + biases);
  const weights = channels % reduction === 0 ? `2·${channels}²/${reduction}` : `2·${channels}·${hidden}`;
  let text = `${blocks} × ${weights} =`;
  if (biases > 0) text = `${blocks} × (${weights} + ${hidden} + ${channels}) =`;
  if (inMacs) text = `${blocks} × (2·${height}·${width}·${channels} + ${weights}) =`;
  return { isDropped, total: 2 * maps + excitation, squeeze: maps, excitation, rescale: maps, text };
}

/** The sum of one part over the stages that have SE. */
const added = (costs, part) => costs.reduce((sum, cost) => sum + (cost.isDropped ? 0 : cost[part]), 0);

// ----------------------------------------------------------------------------------------------------------- the state

function readNetworks(list) {
  need(isList(list), "networks is not a list, or is empty; give at least one network.");
  return list.map((entry, index) => {
    const { name, title = name, parameters, macs, stages } = entry ?? {};
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
    return { name, title, parameters, macs, stages: read };
  });
}

function requireStages(dropped, { title, stages }) {
  if (!Array.isArray(dropped)) throw new Problem(`dropped is ${dropped}; it must be a list of stages, such as [4].`);
  const known = (stage) => Number.isInteger(stage) && stage >= 1 && stage <= stages.length;
  if (dropped.every(known)) return;
  throw new Problem(`dropped is [${dropped}]; ${title} has the stages 1 to ${stages.length}.`);
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
function fitToNetwork(view, { stages }) {
  const dropped = view.get("dropped").filter((stage) => stage <= stages.length);
  view.set("dropped", dropped);
  const most = workingReductions(stages, dropped).at(-1);
  if (view.get("reduction") > most) view.set("reduction", most);
}

// --------------------------------------------------------------------------------------------------------- the drawing

/** The sum in letters; for MACs also what each part of a block takes, with the colours of the bars. */
function createFormula() {
  const heading = element("p", { class: "senet-heading" });
  const letters = element("span");
  const legend = Object.entries(PARTS).map(([part, [made, macs]]) => {
    const chip = element("span", { class: "senet-chip", style: `--chip: var(--quantity-${made})` });
    return element("span", {}, chip, `${part} ${macs}`);
  });
  const note = element("p", { class: "parts-note senet-cost-note" }, letters, ...legend);
  const draw = ({ inMacs, bias }) => {
    setText(heading, FORMULAS[inMacs ? "MACs" : bias ? "biases" : "weights"]);
    setText(letters, `N blocks in a stage, ${inMacs ? "C maps of H × W" : "C channels"}`);
    for (const entry of legend) entry.hidden = !inMacs;
  };
  return { element: element("div", {}, heading, note), draw };
}

/** A bar in up to three parts, behind others if there are any. draw(cost, whole): whole is the full width. */
function createBar(...before) {
  const parts = Object.entries(PARTS).map(([name, [made]]) => {
    return [name, element("span", { class: "senet-cost-part", style: `background: var(--quantity-${made})` })];
  });
  const spans = [...before, ...parts.map(([, part]) => part)];
  const draw = (cost, whole) => {
    for (const [name, part] of parts) {
      const share = (100 * cost[name]) / Math.max(whole, 1);
      part.style.width = `${share}%`;
      part.classList.toggle("senet-cost-thin", share < 1);
      part.hidden = cost[name] === 0;
    }
  };
  return { element: element("div", { class: "senet-cost-bar", "aria-hidden": "true" }, ...spans), draw };
}

/** A stage: its N and C, its bar, its sum in numbers, and the box that takes its SE away. */
function createStage(view, stage, fit) {
  const size = element("span", { class: "parts-note" });
  const bar = createBar();
  const formula = element("span");
  const total = number(`stage-${stage}`);
  const share = number(`share-${stage}`, { digits: 1, unit: "%" });
  const saved = element("span", { class: "parts-note" }, "saved");
  const name = `drop SE in stage ${stage}`;
  const box = element("input", { type: "checkbox", "data-trait": "dropped", "data-stage": stage, "aria-label": name });
  box.addEventListener("change", () => {
    const others = view.get("dropped").filter((one) => one !== stage);
    view.set("dropped", box.checked ? [...others, stage].sort((a, b) => a - b) : others);
    fit();
  });
  const line = element(
    "div",
    { class: "senet-cost-stage" },
    element("div", { class: "senet-cost-name" }, element("strong", {}, `Stage ${stage}`), " ", size),
    bar.element,
    element("div", { class: "senet-cost-share" }, share.element, saved),
    element("label", { class: "senet-toggle senet-cost-drop" }, box, "drop"),
    element("div", { class: "senet-cost-sum" }, formula, total.element),
  );
  const draw = (costs, cost, { network }) => {
    const isAbsent = cost === undefined; // a network with fewer stages than another: its room stays
    line.classList.toggle("senet-cost-absent", isAbsent);
    total.element.hidden = share.element.hidden = isAbsent;
    if (isAbsent) return;
    const { isDropped } = cost;
    setText(size, `N = ${network.stages[stage - 1].blocks}, C = ${network.stages[stage - 1].channels}`);
    box.checked = isDropped;
    line.classList.toggle("senet-cost-dropped", isDropped);
    const outline = { squeeze: 0, excitation: cost.total, rescale: 0 };
    bar.draw(isDropped ? outline : cost, Math.max(...costs.map((one) => one.total)));
    setText(formula, `${cost.text} `);
    total.set(cost.total);
    share.element.hidden = isDropped;
    saved.hidden = !isDropped;
    share.set(isDropped ? 0 : (100 * cost.total) / added(costs, "total"));
  };
  return { element: line, draw };
}

/** The sum of all stages, the network's own cost, and both to scale. */
function createInvoice() {
  const own = element("span", { class: "senet-cost-part", style: "background: var(--senet-plain); flex-shrink: 1" });
  const bar = createBar(own);
  const base = invoiceLine("base", "var(--senet-plain)");
  const parts = Object.entries(PARTS).map(([name, [made]]) => [name, invoiceLine(name, `var(--quantity-${made})`)]);
  const sum = invoiceLine("added", "var(--quantity-s)");
  const total = invoiceLine("total");
  const lines = [base, ...parts.map(([, line]) => line), sum, total];
  const head = tableHead("", "of the network");
  const body = element("tbody", {}, ...lines.map((line) => line.element));
  const table = element("table", { class: "senet-cost-table" }, head, body);
  const share = number("last-share", { digits: 1, unit: "%" });
  const lastStage = element("p", {}, "The last stage has ", share.element, " of what SE adds.");
  const remark = element("p", { class: "parts-note", "data-name": "printed" });
  const words = element("div", { class: "senet-cost-words" }, lastStage, remark);

  const draw = (costs, state) => {
    const { network, inMacs } = state;
    const before = inMacs ? network.macs : network.parameters;
    const sums = Object.fromEntries(["total", ...Object.keys(PARTS)].map((part) => [part, added(costs, part)]));
    const after = before + sums.total;
    own.style.width = `${(100 * before) / after}%`;
    bar.draw(sums, after);
    setText(head.querySelector("th"), inMacs ? "MACs for one picture" : "parameters");
    base.draw(network.title, before, before);
    for (const [name, line] of parts) {
      line.element.hidden = !inMacs;
      line.draw(name, sums[name], before);
    }
    sum.chip.style.visibility = inMacs ? "hidden" : "visible"; // in MACs it has three colours
    sum.draw("SE adds", sums.total, before);
    total.draw("with SE", after, before);
    share.set((100 * added(costs.slice(-1), "total")) / sums.total);
    lastStage.hidden = sums.total === 0;
    setText(remark, printedTotal(state, after));
  };
  const heading = element("p", { class: "senet-heading" }, "The whole network, to scale");
  const result = element("div", { class: "senet-cost-result" }, table, words);
  return { element: element("div", { class: "senet-cost-invoice" }, heading, bar.element, result), draw };
}

/** A line of the invoice: what, how much, and per cent of the network without SE. */
function invoiceLine(name, paint = "transparent") {
  const amount = number(name);
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
function printedTotal({ network, reduction, bias, inMacs, dropped }, total) {
  const printed = PRINTED[reduction];
  if (network.name !== "resnet50" || bias || inMacs || dropped.size > 0 || !printed) return "";
  const ours = (total / 1e6).toFixed(1);
  const said = `The paper’s Table 10 prints ${printed} million`;
  return Number(ours) === printed ? `${said}, too.` : `${said}; this is ${ours}.`;
}
