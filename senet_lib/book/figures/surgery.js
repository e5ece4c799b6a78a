// SE in a network that exists: tick places, see cost or refusal and the line of Python; and what the start gate moves.
import { guess, unknownNumbers } from "./parts/guess.js";
import { Problem, button, choice, controlRow, element, figure, formatNumber, isList, menu, need } from "./parts/kit.js";
import { number, panel, phoneFold, setText, slider, svg } from "./parts/kit.js";
import { partChoice } from "./parts/part_choice.js";

const WORDS = {
  parts: { places: "where SE goes", start: "the start gate" },
  network: "Network",
  reduction: "r",
  ladder: "Tick where SE goes",
  size: ({ high, wide }) => `${high}×${wide}`,
  others: "or here?",
  channels: ({ count }) => `C ${count}`,
  quick: "or choose",
  none: "none",
  cost: "What it costs",
  parameters: "parameters:",
  macs: "multiply-adds:",
  more: ({ added, share }) => `+${added} (${share}%)`,
  blocks: "SE blocks:",
  empty: "Nothing is ticked yet. The price appears here.",
  fits: "It fits: all weights of the network stay.",
  refused: "Refused, and the network stays as it was:",
  code: "The line that does it",
  copy: "Copy",
  copied: "Copied.",
  selected: "Selected: copy it with your keyboard.",
  start: "The answers of her network, by start gate",
  slider: "start_gate",
  before: "logit without SE",
  after: "logit with SE",
  scatter: ({ count }) => `${count} logits with SE, against those without; on the line they are the same`,
  largest: "A logit moves by at most",
  changed: ({ changed, count }) => `${changed} of ${count} answers change.`,
  same: "Every logit is the same, bit for bit.",
  faint: "No answer changes, but the logits do.",
  moved: "The maps are fainter, and so the logits are others.",
  question: ({ gate, count }) =>
    `SE goes into her trained network, and all new gates start at ${gate}. How many of ${count} answers change?`,
  told: ({ gate }) => `Maps times ${gate} are other maps. Now slide the start gate: where does every logit stay?`,
};
const REDUCTIONS = [4, 8, 16, 32];
const ASKED_GATE = 0.9;
const [SIDE, MARGIN] = [240, 26]; // of the scatter, in its own units
const COPIED_SECONDS = 2;

export default figure((view) => {
  const networks = readNetworks(view);
  const trial = readTrial(view);
  const tick = (names) => view.set("ticked", names);
  const current = () => networks.find(({ name }) => name === view.get("network"));
  const ladders = networks.map((network) => createLadder(view, network, tick));
  const stack = element("div", { class: "parts-stack" }, ...ladders.map((one) => one.element));
  const options = networks.map(({ name }) => [name, name]);
  const which = menu(view, "network", { label: WORDS.network, options, then: () => tick([]) });
  const r = choice(view, "reduction", { label: WORDS.reduction, options: REDUCTIONS.map((one) => [one, one]) });
  const cost = createCost();
  const code = createCode(view);
  const start = createStart(view, trial);
  const asked = askForTheChanged(view, trial, start.covered);
  cost.element.classList.add("senet-stays");
  const operation = element("div", { class: "surgery" }, cost.element, panel(WORDS.ladder, null, stack), phoneFold(view, WORDS.code, code.element).element);
  const places = element("div", {}, controlRow(which.element, r.element), operation);
  const trialled = element("div", {}, asked.element, start.element);
  const part = partChoice(view, WORDS.parts, { places: [places], start: [trialled] });
  view.body.append(controlRow(part.element), element("div", { class: "parts-stack" }, places, trialled));

  return () => {
    const network = current();
    const ticked = readTicked(view, network);
    for (const ladder of ladders) ladder.draw(network, ticked);
    cost.draw(network, ticked, view.get("reduction"));
    code.draw(writeLine(network, ticked, view.get("reduction"), view.get("start_gate")));
    start.draw(view.get("start_gate"));
    asked.draw();
  };
});

/** Before the logits: how many answers change with gates near 1? */
function askForTheChanged(view, trial, covered) {
  const question = WORDS.question({ gate: ASKED_GATE, count: trial.count });
  const answer = () => ({ value: trial.compare(ASKED_GATE).changed, told: WORDS.told({ gate: ASKED_GATE }) });
  return guess(view, { key: "surgery", question, range: { min: 0, max: trial.count }, answer, covered });
}

// ---------------------------------------------------------------------------------------------------------- the state

function readNetworks(view) {
  const networks = view.data("networks");
  need(isList(networks), "networks has none; make them with prepare_networks().");
  for (const { name, places, choices } of networks) {
    need(isList(places) && isList(choices), `networks: ${name} needs places and choices; make it with prepare_networks().`);
  }
  return networks;
}

function readTicked(view, { name, places }) {
  const ticked = view.get("ticked");
  need(Array.isArray(ticked), `ticked is ${ticked}; it must be a list of names.`);
  const unknown = ticked.find((one) => !places.some((place) => place.name === one));
  if (unknown !== undefined) throw new Problem(`ticked holds ${unknown}, which is no place of ${name} in this figure.`);
  return places.filter((place) => ticked.includes(place.name));
}

/** The logits of the small network: compare(gate) with those that it has without SE. */
function readTrial(view) {
  const gates = view.data("start_gates");
  need(isList(gates), "start_gates has none; give at least one.");
  const { data, shape } = view.array("logits", [gates.length + 1, "B", "classes"]);
  const [, count, classes] = shape;
  const rowOf = (index) => data.subarray(index * count * classes, (index + 1) * count * classes);
  const before = rowOf(0);
  const best = (values, i) => {
    const logits = values.subarray(i * classes, (i + 1) * classes);
    return logits.indexOf(Math.max(...logits));
  };
  const compare = (gate) => {
    const now = rowOf(gates.indexOf(gate) + 1);
    const largest = now.reduce((most, value, i) => Math.max(most, Math.abs(value - before[i])), 0);
    const changed = Array.from({ length: count }, (_, i) => i).filter((i) => best(now, i) !== best(before, i)).length;
    return { now, largest, changed };
  };
  return { gates, count, before, limit: Math.max(...data.map(Math.abs)), compare };
}

// ------------------------------------------------------------------------------------------------------ the operation

/** What the library says of these ticks, in the order of its own checks; an empty text if it does it. */
function refusalOf({ nothing, too_narrow: tooNarrow }, ticked, reduction) {
  if (ticked.length === 0) return nothing;
  const refused = ticked.find(({ refusal }) => refusal);
  if (refused) return refused.refusal;
  const narrowest = ticked.reduce((least, one) => (one.maps[0] < least.maps[0] ? one : least));
  return tooNarrow[reduction]?.[narrowest.name] ?? "";
}

/** Parameters with biases, and multiply-adds of squeeze, excitation and rescale, as in chapter 6. */
function priceOf(ticked, reduction) {
  const price = { parameters: 0, macs: 0 };
  for (const { maps: [channels, high, wide] } of ticked) {
    const weights = 2 * channels * Math.floor(channels / reduction);
    price.parameters += weights + Math.floor(channels / reduction) + channels;
    price.macs += weights + 2 * channels * high * wide;
  }
  return price;
}

function writeLine({ choices }, ticked, reduction, gate) {
  const names = ticked.map(({ name }) => name);
  const whole = choices.find((one) => one.names.join() === names.join());
  const what = names.length && whole ? whole.code : `model, [${names.map((name) => `"${name}"`).join(", ")}]`;
  return `insert_squeeze_excitation(${what}, reduction=${reduction}, start_gate=${gate})`;
}

// --------------------------------------------------------------------------------------------------------- the pieces

/** A rung for each size of maps, with a box for each place; below, ways to tick many at once. */
function createLadder(view, network, tick) {
  const [last] = network.places[0].name.match(/\.[a-z]+\d*$/) ?? [""]; // what all names end with: .bn3, .conv
  const boxes = network.places.map((place) => createBox(view, place, last, tick));
  const rungs = new Map(); // size -> boxes
  for (const { place, element: node } of boxes) {
    const [, high, wide] = place.maps ?? [];
    const size = place.refusal ? WORDS.others : WORDS.size({ high, wide });
    rungs.set(size, [...(rungs.get(size) ?? []), node]);
  }
  const sizes = [...rungs.keys()].filter((size) => size !== WORDS.others);
  const rung = (size) =>
    element("div", { class: "surgery-rung" }, element("span", {}, size), element("div", {}, ...rungs.get(size)));
  const ways = [...network.choices, { code: WORDS.none, names: [] }].map(({ code, names }) => {
    const node = button(code.replace(/^model, /, ""), () => tick(names)).element;
    return { node, names: names.join() };
  });
  const quick = element("div", { class: "surgery-quick parts-line" }, element("span", {}, WORDS.quick), ...ways.map(({ node }) => node));
  const node = element("fieldset", { class: "surgery-ladder" }, ...[...sizes, WORDS.others].map(rung), quick);
  const draw = (shown, ticked) => {
    node.disabled = shown !== network; // and so not seen: figure.css
    if (shown !== network) return;
    for (const box of boxes) box.draw(ticked.includes(box.place));
    const now = ticked.map(({ name }) => name).join();
    for (const way of ways) way.node.setAttribute("aria-current", way.names === now && now !== "");
  };
  return { element: node, draw };
}

function createBox(view, place, last, tick) {
  const input = element("input", { type: "checkbox", "data-trait": "ticked", value: place.name });
  input.addEventListener("change", () => {
    const names = view.get("ticked").filter((name) => name !== place.name);
    tick(input.checked ? [...names, place.name] : names);
  });
  const facts = place.maps ? [element("small", {}, WORDS.channels({ count: place.maps[0] }))] : [];
  const short = last && place.name.endsWith(last) ? place.name.slice(0, -last.length) : place.name;
  const parts = short.split(/(?<=\.)/).flatMap((part) => [part, element("wbr")]); // a long name goes on below
  const attributes = { class: "surgery-box", title: place.name };
  const node = element("label", attributes, element("span", {}, ...parts), input, ...facts);
  return { place, element: node, draw: (isTicked) => (input.checked = isTicked) };
}

/** A number within words: set(value, words). */
function worded(name) {
  const output = element("output", { "data-name": name, "aria-live": "off" });
  const set = (value, words) => {
    setText(output, words);
    output.dataset.value = value;
  };
  return { element: element("span", { class: "senet-number" }, output), set };
}

function createCost() {
  const lines = ["parameters", "macs"].map((quantity) => {
    const [base, added] = [number(quantity, { label: WORDS[quantity] }), worded(`added ${quantity}`)];
    const bar = element("div", { class: "surgery-bar" });
    return { quantity, base, added, bar, element: element("div", { class: "surgery-price" }, element("p", {}, base.element, " ", added.element), bar) };
  });
  const blocks = number("blocks", { label: WORDS.blocks });
  const said = element("p", { class: "surgery-said", role: "status", "data-name": "said" });
  const draw = (network, ticked, reduction) => {
    const refusal = refusalOf(network, ticked, reduction);
    const price = priceOf(refusal ? [] : ticked, reduction);
    blocks.set(refusal ? 0 : ticked.length);
    for (const { quantity, base, added, bar } of lines) {
      const share = price[quantity] / network[quantity];
      base.set(network[quantity]);
      const words = { added: formatNumber(price[quantity]), share: formatNumber(100 * share, 2) };
      added.set(price[quantity], WORDS.more(words));
      bar.style.setProperty("--share", share / (1 + share));
    }
    const verdict = refusal ? `${WORDS.refused} ${refusal}` : WORDS.fits;
    setText(said, ticked.length ? verdict : WORDS.empty);
    said.toggleAttribute("data-refused", Boolean(refusal) && ticked.length > 0);
  };
  const all = [...lines.map((one) => one.element), element("div", {}, blocks.element), said];
  return { element: panel(WORDS.cost, "s", ...all), draw };
}

function createCode(view) {
  const shown = element("code", { "data-name": "line" });
  const box = element("pre", { class: "surgery-code", tabindex: 0, role: "region", "aria-label": WORDS.code }, shown);
  const note = element("span", { role: "status", class: "parts-note" });
  let timer = null;
  const say = (text) => {
    setText(note, text);
    clearTimeout(timer);
    timer = setTimeout(() => setText(note, ""), 1000 * COPIED_SECONDS);
  };
  const copy = button(WORDS.copy, async () => {
    try {
      await navigator.clipboard.writeText(shown.textContent);
      say(WORDS.copied);
    } catch {
      getSelection().selectAllChildren(shown);
      say(WORDS.selected);
    }
  });
  view.onClose(() => clearTimeout(timer));
  const node = panel(WORDS.code, null, box, element("div", { class: "surgery-copy parts-line" }, copy.element, note));
  return { element: node, draw: (text) => setText(shown, text) };
}

/** Each logit with SE against the one without: a point. Only where nothing has moved all lie on the diagonal. */
function createStart(view, { gates, count, before, limit, compare }) {
  const gate = slider(view, "start_gate", { label: WORDS.slider, values: gates, show: (one) => String(one) });
  const [largest, changed] = [number("largest", { label: WORDS.largest }), worded("changed")];
  const said = element("p", { class: "parts-conclusion", role: "status", "data-name": "moved" });
  const scale = (value) => (value / limit) * (SIDE / 2 - MARGIN) + SIDE / 2;
  const end = SIDE - MARGIN;
  const points = svg("path", { class: "surgery-points" });
  const text = (attributes, words) => svg("text", { "text-anchor": "middle", ...attributes }, words);
  const label = WORDS.scatter({ count: before.length });
  const chart = svg(
    "svg",
    { class: "senet-chart surgery-scatter senet-result", viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img", "aria-label": label },
    svg("path", { class: "senet-chart-grid", d: `M${SIDE / 2} ${MARGIN}V${end}M${MARGIN} ${SIDE / 2}H${end}` }),
    svg("path", { class: "senet-chart-axis", d: `M${MARGIN} ${end}L${end} ${MARGIN}` }),
    points,
    text({ x: SIDE / 2, y: SIDE - 8 }, WORDS.before),
    text({ transform: `translate(14 ${SIDE / 2}) rotate(-90)` }, WORDS.after),
  );
  const facts = element(
    "div",
    { class: "surgery-facts" },
    gate.element,
    said,
    element("p", {}, largest.element),
    element("p", {}, changed.element),
  );
  const covered = [said, points, ...unknownNumbers(facts)];
  const draw = (chosen) => {
    const found = compare(chosen);
    const place = (value, i) => `M${scale(before[i]).toFixed(1)} ${(SIDE - scale(value)).toFixed(1)}h0`;
    const d = Array.from(found.now, place).join("");
    if (points.getAttribute("d") !== d) points.setAttribute("d", d);
    largest.set(found.largest);
    changed.set(found.changed, WORDS.changed({ changed: found.changed, count }));
    setText(said, found.largest === 0 ? WORDS.same : found.changed === 0 ? WORDS.faint : WORDS.moved);
  };
  const box = element("div", { class: "surgery-start parts-column" }, facts, chart);
  return { element: panel(WORDS.start, "s", box), covered, draw };
}
