// Where SE stands in a residual block: the five places of the paper's Section 6.5, drawn, as formulas, and counted. All
// counts are integers below 2^53, so they are exact. Nothing has biases here, as in the paper's count.
import { guess } from "./parts/guess.js";
import { Problem, choice, controlRow, element, figure, menu, number, setChildren, setText } from "./parts/kit.js";
import { slider, svg, tableLine } from "./parts/kit.js";

const REDUCTIONS = [2, 4, 8, 16, 32];
const FORMULAS = {
  standard: "y = ReLU( SE(F(x)) + x )",
  pre: "y = ReLU( F(SE(x)) + x )",
  post: "y = SE( ReLU(F(x) + x) )",
  identity: "y = ReLU( F(x) + SE(x) )",
  "3x3": "y = ReLU( F₂(SE(F₁(x))) + x )",
};
const STORIES = {
  standard: "The gate scales what the branch adds. The shortcut goes past it: x is kept.",
  pre: "The gate acts on what the convolutions see. The shortcut still carries all of x.",
  post: "The shortcut is gated too: what a shut gate takes away is gone for good.",
  identity: "The branch is left alone. The gate scales what the shortcut carries past it.",
  "3x3": "Inside the bottleneck: four times fewer channels, sixteen times fewer weights.",
};
const nameOf = (place) => place.replace("x", "×");
// Errors on ImageNet of ResNet-50 with SE at r = 16, top-1 and top-5 in %, as printed: Table 14; 3x3 from Table 15.
const PRINTED = {
  none: ["23.30", "6.55"],
  standard: ["22.28", "6.03"],
  pre: ["22.23", "6.00"],
  post: ["22.78", "6.35"],
  identity: ["22.20", "6.15"],
  "3x3": ["22.48", "6.02"],
};
const AXIS = [22, 22.5, 23, 23.5]; // of the top-1 errors, in %
const SOURCE =
  "ResNet-50, r\u00a0=\u00a016; Tables 14 and 15. The dots are the first column; their axis starts at 22%.";
const ELSEWHERE =
  "The paper has errors for the five places only of ResNet-50 with r\u00a0=\u00a016: choose both to see them.";
const NO_BOTTLENECK = "This network has no bottleneck: choose ResNet-50.";
const NO_STAGE = "This network has three stages only.";
const HINT =
  "Press a dashed circle to move SE there. Shown: a block after the stage’s first. Batch normalisation is not drawn.";

export default figure((view) => {
  const networks = view.data("_networks").map(readNetwork);
  const chosen = () => networks.find((network) => network.name === view.get("network"));
  const names = networks.map((one) => [one.name, `${one.title}: ${one.isBottleneck ? "bottlenecks" : "basic blocks"}`]);
  const network = menu(view, "network", { label: "network", options: names, then: () => fitTo(view, chosen()) });
  const places = Object.keys(FORMULAS).map((place) => [place, nameOf(place)]);
  const placement = choice(view, "placement", { label: "SE stands", options: places });
  const stages = [1, 2, 3, 4].map((number) => [number, `${number}`]);
  const stage = choice(view, "stage", { label: "a block of stage", options: stages });
  view.addControl(() => requireFit(view, chosen()));
  const values = () => workingReductions(chosen());
  const reduction = slider(view, "reduction", { label: "reduction ratio r", values });

  const drawing = createDrawing((place) => view.set("placement", place));
  const facts = createFacts();
  const errors = createErrors();
  const side = element("div", { class: "senet-place-side" }, ...facts.elements, errors.element);
  const asked = askForTheWorst(view, errors.element);
  const controls = [controlRow(network.element, reduction.element), controlRow(placement.element, stage.element)];
  controls[1].classList.add("senet-place-controls");
  view.body.append(asked.element, ...controls, element("div", { class: "senet-place" }, drawing.element, side));

  return () => {
    const [place, index, r] = [view.get("placement"), view.get("stage") - 1, view.get("reduction")];
    const state = { network: chosen(), place, index, reduction: r, ...chosen().stages[index] };
    allow(placement.element, (value) => value !== "3x3" || state.network.isBottleneck, NO_BOTTLENECK);
    allow(stage.element, (value) => Number(value) <= state.network.stages.length, NO_STAGE);
    drawing.draw(state);
    facts.draw(state);
    errors.draw(state);
    asked.draw();
  };
});

/** Before the paper's errors: which place has the largest? */
function askForTheWorst(view, errors) {
  const places = Object.keys(FORMULAS);
  const worst = places.reduce((one, other) => (Number(PRINTED[other][0]) > Number(PRINTED[one][0]) ? other : one));
  const told = `The paper prints ${PRINTED[worst][0]}% top-1 error for ${nameOf(worst)}, and less for the others.`;
  const options = places.map((place) => [place, nameOf(place)]);
  const question = "One of the five places is clearly the worst. Which?";
  return guess(view, { key: "placement", question, options, answer: () => ({ value: worst, told }), covered: [errors] });
}

// ------------------------------------------------------------------------------------------------------ the arithmetic

/** The channels that SE sees in a stage: in its first block, and in each later one. */
function seenChannels({ stem, stages }, place, index) {
  const { channels, inner } = stages[index];
  const later = place === "3x3" ? inner : channels;
  return { first: place === "pre" ? (stages[index - 1]?.channels ?? stem) : later, later };
}

const seWeights = (channels, reduction) => 2 * channels * Math.floor(channels / reduction);

function addedWeights(network, place, reduction) {
  return network.stages.reduce((sum, { blocks }, index) => {
    const { first, later } = seenChannels(network, place, index);
    return sum + seWeights(first, reduction) + (blocks - 1) * seWeights(later, reduction);
  }, 0);
}

// ----------------------------------------------------------------------------------------------------------- the state

function readNetwork({ block, stages, ...rest }) {
  const isBottleneck = block === "bottleneck";
  const read = ([blocks, channels]) => ({ blocks, channels, inner: isBottleneck ? channels / 4 : channels });
  return { ...rest, isBottleneck, stages: stages.map(read) };
}

// In none of the five places does SE see fewer channels than the stem has.
const workingReductions = ({ stem }) => REDUCTIONS.filter((reduction) => reduction <= stem);

/** After the reader has chosen another network: leave a place, a stage and an r that it lacks. */
function fitTo(view, network) {
  if (!network.isBottleneck && view.get("placement") === "3x3") view.set("placement", "standard");
  view.set("stage", Math.min(view.get("stage"), network.stages.length));
  view.set("reduction", Math.min(view.get("reduction"), workingReductions(network).at(-1)));
}

function requireFit(view, { title, isBottleneck, stages, stem }) {
  const [placement, stage, reduction] = ["placement", "stage", "reduction"].map((name) => view.get(name));
  if (placement === "3x3" && !isBottleneck) {
    const fix = "It must be one of standard, pre, post, identity; or choose a network of bottlenecks: resnet50.";
    throw new Problem(`placement is 3x3, but ${title} has basic blocks, without a bottleneck to put SE into. ${fix}`);
  }
  if (stage > stages.length) throw new Problem(`stage is ${stage}; ${title} has the stages 1 to ${stages.length}.`);
  if (REDUCTIONS.includes(reduction) && reduction > stem) {
    const fault = `reduction is ${reduction}, but stage 1 of ${title} has only ${stem} channels: no hidden unit is left`;
    throw new Problem(`${fault}. It must be one of ${workingReductions({ stem }).join(", ")}.`);
  }
}

/** Let the reader choose only what the network has. */
function allow(group, isThere, why) {
  for (const radio of group.querySelectorAll("input")) {
    radio.disabled = !isThere(radio.value);
    radio.title = radio.disabled ? why : "";
  }
}

// --------------------------------------------------------------------------------------------------------- the drawing
// From top to bottom, in CSS pixels. The branch runs down at BRANCH, the shortcut at SHORTCUT.

const [WIDTH, BRANCH, SHORTCUT] = [340, 124, 270];
const HEIGHTS = { conv: 30, pill: 26, sum: 24 };
const BOX = { x: -65, y: -18, width: 130, height: 36, rx: 7 }; // SE's, around its place
const [GAP, SLOT] = [26, 66]; // between two parts, and where SE fits between them

/** The parts on the branch with their tops and bottoms, and the centres of the five places. */
function arrange({ network, channels, inner }) {
  const kernels = network.isBottleneck ? ["1×1", "3×3", "1×1"] : ["3×3", "3×3"];
  const convs = kernels.map((kernel, index) => {
    const isLast = index === kernels.length - 1;
    const text = `conv ${kernel}, ${isLast ? channels : inner}`;
    return { kind: "conv", text, relu: !isLast, before: index ? inner : channels, slot: ["pre", null, "3x3"][index] };
  });
  const [sum, relu] = [{ kind: "sum", before: channels, slot: "standard" }, { kind: "pill", text: "ReLU" }];
  const y = { kind: "pill", text: "y", before: channels, slot: "post" };
  const parts = [{ kind: "pill", text: "x" }, ...convs, sum, relu, y];
  let end = 2;
  const places = {};
  for (const [index, part] of parts.entries()) {
    if (index > 0) end += (part.slot ? SLOT : GAP) + (index === 1 ? 14 : 0); // room for the fork behind x
    part.top = end;
    end = part.bottom = end + HEIGHTS[part.kind];
    if (part.slot) places[part.slot] = [BRANCH, part.top - 40];
  }
  const [fork, meet] = [convs[0].top - SLOT, sum.top + HEIGHTS.sum / 2];
  places.identity = [SHORTCUT, (fork + meet) / 2];
  return { parts, convs, places, fork, meet, height: end + 2 };
}

const quiet = (text, name = null) => element("p", { class: "parts-note", "data-name": name }, text);
const label = (x, y, text, anchor = "middle", kind = null) =>
  svg("text", { x, y, class: kind, "text-anchor": anchor }, ...[text].flat());
const line = (d) => svg("path", { d, fill: "none" });
const head = (d) => svg("path", { d, fill: "currentColor", style: "stroke: none" });

function createDrawing(choose) {
  const heading = element("p", { class: "senet-heading", "data-name": "block" });
  const still = svg("g");
  const widths = label(0, 12, "");
  const se = svg("g", { class: "senet-place-se" }, svg("rect", BOX), label(0, -3, "SE"), widths);
  const sheet = svg("svg", { class: "senet-place-drawing", role: "img", width: WIDTH }, still, se);
  sheet.addEventListener("click", ({ target }) => {
    const place = target.closest("[data-place]")?.dataset.place;
    if (place) choose(place);
  });
  const draw = (state) => {
    const { network, place, index, reduction, channels } = state;
    const plan = arrange(state);
    const seen = seenChannels(network, place, index).later;
    setText(heading, `${network.isBottleneck ? "Bottleneck" : "Basic block"} of stage ${index + 1}`);
    setText(widths, `${seen} → ${Math.floor(seen / reduction)} → ${seen}`);
    se.style.transform = `translate(${plan.places[place].join("px, ")}px)`;
    const others = Object.entries(plan.places).filter(([other]) => other !== place);
    const drawn = [...drawLines(plan, channels), ...plan.parts.map(drawPart), ...drawBrackets(plan, place)];
    setChildren(still, ...drawn, ...others.map(drawSlot));
    sheet.setAttribute("viewBox", `0 0 ${WIDTH} ${plan.height}`);
    const flow = plan.convs.map(({ text }) => text).join("; ");
    sheet.setAttribute("aria-label", `${heading.textContent}: ${flow}. SE: ${place}`);
  };
  return { element: element("div", { class: "senet-place-left" }, heading, sheet, quiet(HINT)), draw };
}

/** Arrows down the branch and around it, with the channels that flow there. */
function drawLines({ parts, fork, meet }, channels) {
  const drawn = parts.slice(1).flatMap(({ top, before }, index) => [
    line(`M${BRANCH} ${parts[index].bottom}V${top - 3}`),
    head(`M${BRANCH} ${top}l-4.5 -8h9z`),
    ...(before ? [label(BRANCH - 10, top - 8, `${before}`, "end")] : []),
  ]);
  const [near, far, end] = [SHORTCUT - 20, SHORTCUT, BRANCH + HEIGHTS.sum / 2];
  const down = `Q${far} ${fork} ${far} ${fork + 20}V${meet - 20}Q${far} ${meet} ${near} ${meet}`;
  drawn.push(line(`M${BRANCH} ${fork}H${near}${down}H${end + 3}`), head(`M${end} ${meet}l8 -4.5v9z`));
  const name = label(BRANCH + 73, fork - 8, "shortcut", "middle", "senet-place-name");
  const dot = svg("circle", { cx: BRANCH, cy: fork, r: 3, fill: "currentColor" });
  return [...drawn, dot, name, label(near, meet - 8, `${channels}`, "end")];
}

function drawPart({ kind, text, relu, top, bottom }) {
  const middle = (top + bottom) / 2;
  if (kind === "sum") {
    const cross = line(`M${BRANCH - 6} ${middle}h12M${BRANCH} ${middle - 6}v12`);
    return svg("g", {}, svg("circle", { cx: BRANCH, cy: middle, r: 12, class: "senet-place-box" }), cross);
  }
  const width = kind === "conv" ? 150 : text.length > 1 ? 64 : 34;
  const shape = { x: BRANCH - width / 2, y: top, width, height: bottom - top, rx: kind === "conv" ? 5 : 13 };
  const inside = relu ? [text, svg("tspan", {}, ", ReLU")] : text;
  const style = text === "x" ? "stroke: var(--quantity-x); stroke-width: 2" : null;
  return svg("g", {}, svg("rect", { ...shape, class: "senet-place-box", style }), label(BRANCH, middle + 4.5, inside));
}

/** What the formula calls F, or F₁ and F₂. */
function drawBrackets({ convs }, place) {
  const groups = place === "3x3" ? [["F₁", 0, 1], ["F₂", 2, 2]] : [["F", 0, convs.length - 1]];
  return groups.flatMap(([name, from, to]) => {
    const [top, bottom] = [convs[from].top, convs[to].bottom];
    return [line(`M40 ${top}h-6V${bottom}h6`), label(26, (top + bottom) / 2 + 4.5, name, "end")];
  });
}

function drawSlot([place, [x, y]]) {
  const at = { cx: x, cy: y };
  const target = svg("circle", { ...at, r: 22, fill: "transparent" }); // for a finger
  const circle = svg("circle", { ...at, r: 10, class: "senet-place-slot" });
  const name = label(x + 16, y + 4, nameOf(place), "start", "senet-place-name");
  return svg("g", { "data-place": place, class: "senet-place-free" }, target, circle, name);
}

// --------------------------------------------------------------------------------------------- formula and the counts

function createFacts() {
  const formula = element("p", { class: "senet-place-formula", "data-name": "formula" });
  const letters = quiet("", "letters");
  const story = element("p", { class: "senet-place-story", role: "status", "data-name": "story" });
  const lines = ["seen", "block", "first", "added", "share"].map(factLine);
  const [seen, block, start, added, share] = lines;
  const table = element("table", { class: "senet-place-table" }, ...lines.map((one) => one.element));
  const draw = ({ network, place, index, reduction }) => {
    const { first, later } = seenChannels(network, place, index);
    const [before, after] = FORMULAS[place].split("SE");
    setChildren(formula, before, element("mark", {}, "SE"), after);
    const all = `F: the ${network.isBottleneck ? "three" : "two"} convolutions`;
    setText(letters, place === "3x3" ? "F₁: conv 1×1 and conv 3×3; F₂: the last conv 1×1" : all);
    setText(story, STORIES[place]);
    const product = (channels) => `2·${channels}·${Math.floor(channels / reduction)}`;
    seen.draw("C that SE sees", later);
    block.draw(`weights of SE here, ${product(later)}`, seWeights(later, reduction));
    start.element.style.visibility = first === later ? "hidden" : "visible"; // its room stays
    start.draw(`in the stage’s first block, ${product(first)}`, seWeights(first, reduction));
    const blocks = network.stages.reduce((sum, one) => sum + one.blocks, 0);
    const total = addedWeights(network, place, reduction);
    added.draw(`in all ${blocks} blocks`, total);
    share.draw("of the network’s parameters", (100 * total) / network.parameters);
  };
  return { elements: [formula, letters, story, table], draw };
}

function factLine(name) {
  const value = number(name, name === "share" ? { digits: 2, unit: "%" } : {}); // whole numbers, but for one
  const node = tableLine("", value.element);
  const draw = (words, amount) => {
    setText(node.firstChild, words);
    value.set(amount);
  };
  return { element: node, draw };
}

// ------------------------------------------------------------------------------------------------- the paper's errors

function createErrors() {
  const lines = Object.entries(PRINTED).map(([place, [top1, top5]]) => errorLine(place, top1, top5));
  const axis = element("td", { class: "senet-place-axis" }, track(...AXIS.map((tick) => [tick, `${tick}`])));
  const columns = ["top-1", "top-5"].map((text) => element("th", { scope: "col" }, text));
  const ticks = element("tr", { class: "senet-place-ticks" }, element("td"), axis, ...columns);
  const heading = element("summary", { class: "senet-heading" }, "The paper’s errors on ImageNet, in\u00a0%");
  const rows = [ticks, ...lines.map((one) => one.element)];
  const table = element("table", { class: "senet-place-table senet-place-errors" }, ...rows);
  // Closed at first: the reader is to guess.
  const shown = element("details", { "data-name": "errors" }, heading, table, quiet(SOURCE));
  const absent = quiet(ELSEWHERE, "no-errors");
  const draw = ({ network, place, reduction }) => {
    shown.hidden = network.name !== "resnet50" || reduction !== 16;
    absent.hidden = !shown.hidden;
    for (const one of lines) one.element.classList.toggle("senet-place-chosen", one.place === place);
  };
  return { element: element("div", { class: "senet-place-printed" }, shown, absent), draw };
}

function errorLine(place, ...printed) {
  const cells = printed.map((text, index) => {
    const value = number(`top${[1, 5][index]}-${place}`);
    value.set(text);
    return element("td", {}, value.element);
  });
  const axis = element("td", { class: "senet-place-axis" }, track([printed[0], ""]));
  const name = element("th", { scope: "row" }, place === "none" ? "without SE" : nameOf(place));
  return { place, element: element("tr", {}, name, axis, ...cells) };
}

/** Texts, or dots where there is no text, at their places on the axis. */
function track(...marks) {
  const share = (value) => (100 * (value - AXIS[0])) / (AXIS.at(-1) - AXIS[0]);
  const spans = marks.map(([value, text]) => element("span", { style: `left: ${share(value)}%` }, text));
  return element("div", { class: "senet-place-track", "aria-hidden": "true" }, ...spans);
}
