// A mixing desk for the channels of one block: a fader for each gate s; x̃ = s·u and the network's answer follow.
import { guess } from "./parts/guess.js";
import { Problem, button, choice, element, figure, formatNumber, heatmap, number, panel } from "./parts/kit.js";
import { picture, requirePictures, requireWhole, setText } from "./parts/kit.js";
import { blockNames, classify, finishBlock, requireNetwork, runBlock, runNetwork } from "./parts/network_arithmetic.js";
import { createScoreTable } from "./parts/score_table.js";

const MOST_GATE = 2; // a fader at its end doubles the channel
const FADER_STEP = 0.05;
const STRIPS_ABREAST = 16; // on a wide screen
const WORDS = {
  question: ({ features, gates }) => `Features of “${features}”, gates of “${gates}”: which answer?`,
  unknown: "?",
  guessFirst: "Guess first: then the scores come.",
  result: ({ features, gates, answer }) => `Features of “${features}” with the gates of “${gates}” give ${answer}.`,
  features: "Features u of this picture …",
  gates: "… times the gates s of this picture …",
  scores: "… give these scores",
  named: ({ name, label }) => `${name}: ${label}`,
  block: "Block",
  channels: ({ place, count }) => `${place}: ${count} channels`,
  allTrained: "All trained",
  allOpen: "All s = 1",
  allShut: "All s = 0",
  mute: "Mute",
  trained: "Trained",
  boost: "Boost",
  fader: ({ channel }) => `gate of channel ${channel}`,
  faderValue: ({ gate, own }) => `${gate}, trained value ${own}`,
  legend: "A fader: 0 mutes, 1 leaves, 2 boosts. The line across it: the trained value. Orange: below zero.",
  large: ["u, channel", "x̃, channel"],
  times: "× s =",
  own: "trained",
  which: ({ channel }) => `channel ${channel}`,
  chosen: "the chosen channel",
  before: ({ which }) => `u of ${which}`,
  after: ({ which }) => `x̃ of ${which}`,
  mark: "line: trained gates",
  answer: "Answer:",
  right: "– right",
  wrong: ({ label }) => `– wrong, it is ${label}`,
  untouched: "All gates have their trained values.",
  meansTheSame: ({ donor, wanted }) => `Gates of “${donor}”. Here that cue means ${wanted} as well.`,
  follows: ({ donor, wanted }) =>
    `Gates of “${donor}”. Here that cue means ${wanted}: the answer is ${wanted}.`,
  stays: ({ donor, wanted }) =>
    `Gates of “${donor}”. Here that cue means ${wanted}, but the answer stays.`,
  other: ({ donor, wanted }) =>
    `Gates of “${donor}”. Here that cue means ${wanted}, but the answer is another one.`,
  open: "All gates are open: the block works as if it had no SE.",
  shut: "All gates are closed: only the shortcut passes the block.",
  moved: ({ count, all }) => `${count} of ${all} gates are not at their trained values.`,
};

export default figure((view) => {
  const world = readWorld(view);
  const runs = new Map(); // picture -> the trained network's run on it; no fader changes what comes before its block
  const trainedRun = (index) => {
    if (!runs.has(index)) runs.set(index, runNetwork(world.network, world.planes(index), world.rows, world.columns));
    return runs.get(index);
  };
  const ownGates = (index) => trainedRun(index).blocks[view.get("block")].s;
  const count = () => world.channels(view.get("block"));
  const setAll = (faders) => view.set("faders", faders);
  const setFader = (channel, gate) => {
    const faders = Array.from(readFaders(view, count()));
    faders[channel] = gate;
    setAll(faders);
  };
  const takeGates = (index) => setAll(index === view.get("picture") ? [] : Array.from(ownGates(index)));
  const choose = (channel) => view.set("channel", channel);

  const pictures = createPictureChoice(view, world);
  const donors = createDonors(world, takeGates);
  const scores = createScores(world);
  const block = choice(view, "block", {
    label: WORDS.block,
    options: world.blocks.map((name, i) => [name, WORDS.channels({ place: i + 1, count: world.channels(name) })]),
    then: () => {
      setAll([]);
      choose(0);
    },
  });
  const all = [
    button(WORDS.allTrained, () => setAll([])),
    button(WORDS.allOpen, () => setAll(Array(count()).fill(1))),
    button(WORDS.allShut, () => setAll(Array(count()).fill(0))),
  ];
  const [slot, large] = [element("div", { class: "mixer-slot" }), element("div", { class: "mixer-chosen" })];
  const asked = askForTheAnswer(view, world, trainedRun);
  const nodes = [block, ...all].map((one) => one.element);
  const buttons = element("div", { class: "mixer-buttons parts-line" }, ...nodes);
  const legend = element("p", { class: "parts-note" }, WORDS.legend);
  const parts = [pictures.element, donors.element, scores.element, scores.told, buttons, slot, large, legend];
  view.body.append(asked.element, element("div", { class: "mixer" }, ...parts));

  const desks = new Map(); // block -> its faders and maps
  const deskOf = (name, u) => {
    if (!desks.has(name)) desks.set(name, createDesk(u, setFader, choose));
    return desks.get(name);
  };
  const inputChanged = changeDetector();
  let mixed = null;
  let wasOpen = null; // what the guess was about is what the desk then shows

  return () => {
    if (wasOpen && !asked.isOpen()) asked.show();
    wasOpen = asked.isOpen();
    const [index, name] = [view.get("picture"), view.get("block")];
    const faders = readFaders(view, count());
    const chosen = requireWhole(view, "channel", count() - 1);
    if (inputChanged(name, index, faders.join())) mixed = runFrom(world.network, name, trainedRun(index), faders);
    const own = ownGates(index);
    const donor = findDonor(world, mixed.s, faders, index, ownGates);
    const desk = deskOf(name, mixed.u);
    if (slot.firstChild !== desk.element) {
      slot.replaceChildren(desk.element);
      large.replaceChildren(desk.large);
    }
    desk.draw({ ...mixed, own, chosen, theme: getComputedStyle(slot).getPropertyValue("--senet-map-paper") });
    donors.draw(donor);
    if (wasOpen) scores.wait();
    else scores.draw({ ...mixed, own, index, donor, trainedLogits: trainedRun(index).logits });
    asked.draw();
  };
});

// ----------------------------------------------------------------------------------------------------------- the state

function readWorld(view) {
  const network = view.arrays("network");
  const { names, count, rows, columns, planes } = requirePictures(view);
  const classes = view.data("class_names");
  if (classes.length === 0) throw new Problem("class_names has 0 names; it must have at least one.");
  const labels = view.array("labels", [count, count]).data;
  const bad = labels.find((label) => !(label in classes));
  if (bad !== undefined) throw new Problem(`labels holds ${bad}; give whole numbers up to ${classes.length - 1}.`);
  const labelOf = (index, donor = index) => labels[index * count + donor]; // right for a picture with a donor's cue
  const withGates = requireNetwork(network, { classes: classes.length }).filter(({ hidden }) => hidden !== null);
  const blocks = withGates.map(({ name }) => name);
  if (blocks.length === 0) throw new Problem("network has no block with SE; it must have one, like se_small_resnet.");
  return {
    network,
    classes,
    labelOf,
    blocks,
    rows,
    columns,
    names: names.map((name, i) => WORDS.named({ name, label: classes[labelOf(i)] })),
    plainNames: names,
    planes,
    channels: (name) => network[`${name}.conv2.bias`].data.length,
  };
}

function readFaders(view, count) {
  const faders = view.get("faders");
  if (!Array.isArray(faders) || ![0, count].includes(faders.length)) {
    throw new Problem(`faders is ${faders}; it must be a list of ${count} gates, or empty: all trained.`);
  }
  const bad = faders.findIndex((gate) => gate !== null && !(gate >= 0 && gate <= MOST_GATE));
  if (bad < 0) return faders.length ? faders : Array(count).fill(null);
  throw new Problem(`faders holds ${faders[bad]} for channel ${bad}; give 0 to ${MOST_GATE}, or None: trained.`);
}

// ------------------------------------------------------------------------------------------------------ the arithmetic

/** Run the network on from one block's u, with its own gates where no fader is set. */
function runFrom(network, name, run, faders) {
  const { u, shortcut, s: own } = run.blocks[name];
  const gates = own.map((gate, c) => faders[c] ?? gate);
  const { scaled, s, out } = finishBlock(network, name, u, shortcut, gates);
  const names = blockNames(network);
  const last = names.slice(names.indexOf(name) + 1).reduce((x, later) => runBlock(network, later, x).out, out);
  return { u, s, scaled, logits: classify(network, last) };
}

/** The picture that the trained network has all these gates for: first the picture itself; -1 for none. */
function findDonor({ names }, s, faders, index, ownGates) {
  const same = (i) => ownGates(i).every((gate, c) => gate === s[c]);
  if (same(index)) return index;
  return faders.includes(null) ? -1 : names.findIndex((_, i) => same(i));
}

/** A function that says whether it gets anything else than the last time. */
function changeDetector() {
  let before = [];
  return (...given) => {
    const changed = given.some((value, i) => !Object.is(value, before[i]));
    before = given;
    return changed;
  };
}

// The number that gets the full colour in both maps of a channel.
const largestSize = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const channelOf = (x, c) => x.data.subarray(c * x.rows * x.columns, (c + 1) * x.rows * x.columns);

// ---------------------------------------------------------------------------------------------------------- the pieces

function thumbnail(world, index) {
  const image = picture({ rows: world.rows, columns: world.columns, label: "" });
  image.element.setAttribute("aria-hidden", "true"); // its name stands below it
  image.draw(world.planes(index));
  return image.element;
}

function createPictureChoice(view, world) {
  const options = world.names.map((name, index) => [index, name]);
  const pictures = choice(view, "picture", { label: WORDS.features, options });
  pictures.element.classList.add("mixer-pictures");
  pictures.element.querySelectorAll("label > span").forEach((span, index) => span.prepend(thumbnail(world, index)));
  return pictures;
}

// Buttons that put all faders where the trained network has them for a picture.
function createDonors(world, take) {
  const buttons = world.names.map((name, index) => button(name, () => take(index)).element);
  buttons.forEach((one, index) => one.prepend(thumbnail(world, index)));
  const legend = element("legend", {}, WORDS.gates);
  const draw = (current) => buttons.forEach((one, index) => one.setAttribute("aria-current", index === current));
  return { element: element("fieldset", { class: "senet-choice mixer-pictures" }, legend, ...buttons), draw };
}

// A fader and a mark for the trained value: lying on a narrow screen, upright on a wide one.
function createFader(channel, setGate, choose) {
  const input = element("input", {
    type: "range",
    min: 0,
    max: MOST_GATE,
    step: FADER_STEP,
    "data-trait": "faders",
    "aria-label": WORDS.fader({ channel }),
  });
  input.addEventListener("input", () => setGate(channel, input.valueAsNumber));
  input.addEventListener("focus", () => choose(channel));
  const track = element("div", { class: "mixer-track" }, input, element("span", { class: "mixer-mark" }));
  const draw = (gate, own) => {
    input.value = gate;
    const [now, trained] = [gate, own].map((value) => formatNumber(value, 2));
    input.setAttribute("aria-valuetext", WORDS.faderValue({ gate: now, own: trained }));
    track.style.setProperty("--gate", gate / MOST_GATE);
    track.style.setProperty("--own", own / MOST_GATE);
  };
  return { element: element("div", { class: "mixer-fader" }, track), draw };
}

const mapPair = ({ rows, columns }, which) => [
  heatmap({ rows, columns, quantity: "u", label: WORDS.before({ which }) }),
  heatmap({ rows, columns, quantity: "x-tilde", label: WORDS.after({ which }) }),
];

// Draws u and x̃ of a channel in one scale, each only when it has changed: a map takes longer than a number.
function pairDrawer([before, after]) {
  const [uChanged, productChanged] = [changeDetector(), changeDetector()];
  return ({ u, s, scaled, theme }, channel) => {
    const newU = uChanged(u, channel, theme);
    if (!productChanged(u, channel, theme, s[channel])) return;
    const values = channelOf(u, channel);
    const largest = largestSize(values);
    if (newU) before.draw(values, largest);
    after.draw(channelOf(scaled, channel), largest);
  };
}

// One channel: u, its fader, x̃, and the gate as a number.
function createStrip(channel, u, setGate, choose) {
  const [before, after] = mapPair(u, WORDS.which({ channel }));
  for (const map of [before, after]) map.element.setAttribute("aria-hidden", "true"); // large ones stand below
  const fader = createFader(channel, setGate, choose);
  const gate = number(`gate ${channel}`, { digits: 2 });
  const name = element("span", { class: "mixer-name" }, channel);
  const parts = [name, before.element, fader.element, after.element, gate.element];
  const node = element("div", { class: "mixer-strip" }, ...parts);
  node.addEventListener("pointerdown", () => choose(channel));
  const drawPair = pairDrawer([before, after]);
  const draw = ({ s, own, chosen }) => {
    fader.draw(s[channel], own[channel]);
    gate.set(s[channel]);
    node.toggleAttribute("data-moved", s[channel] !== own[channel]);
    node.toggleAttribute("data-chosen", channel === chosen);
  };
  return { element: node, draw, drawMaps: (state) => drawPair(state, channel) };
}

// All strips of a block, and the chosen one large.
function createDesk(u, setGate, choose) {
  const strips = Array.from({ length: u.channels }, (_, channel) => createStrip(channel, u, setGate, choose));
  const large = createLargeStrip(u, setGate);
  const grid = element("div", { class: "mixer-desk" }, ...strips.map((strip) => strip.element));
  grid.style.setProperty("--strips", Math.min(STRIPS_ABREAST, u.channels));
  const draw = (state) => {
    // Maps read colours from the style sheet. All before anything else is written, or each would lay out the page anew.
    for (const strip of strips) strip.drawMaps(state);
    large.draw(state);
    for (const strip of strips) strip.draw(state);
  };
  return { element: grid, large: large.element, draw };
}

function createLargeStrip(u, setGate) {
  const pair = mapPair(u, WORDS.chosen);
  const headings = WORDS.large.map((label) => number(label, { label }));
  const [gate, trained] = [number("gate", { label: WORDS.times }), number("trained gate", { label: WORDS.own })];
  let current = 0;
  const choices = [[WORDS.mute, 0], [WORDS.trained, null], [WORDS.boost, MOST_GATE]];
  const buttons = choices.map(([text, value]) => button(text, () => setGate(current, value)).element);
  const node = element(
    "div",
    { class: "mixer-large" },
    panel(headings[0].element, "u", pair[0].element),
    element("div", { class: "mixer-product" }, gate.element, trained.element),
    element("div", { class: "mixer-presets" }, ...buttons),
    panel(headings[1].element, "x-tilde", pair[1].element),
  );
  const drawPair = pairDrawer(pair);
  const draw = (state) => {
    const { s, own, chosen } = state;
    drawPair(state, chosen);
    current = chosen;
    for (const heading of headings) heading.set(chosen);
    gate.set(s[chosen]);
    trained.set(own[chosen]);
  };
  return { element: node, draw };
}

// A bar for each class, with a mark where the trained network has it, and the answer in words.
function createScores(world) {
  const { classes, labelOf } = world;
  const table = createScoreTable(classes, WORDS.mark);
  const answer = number("answer", { label: WORDS.answer });
  const verdict = element("span", { "data-name": "verdict" });
  const told = element("p", { class: "mixer-told", "data-name": "told" });
  const draw = ({ logits, trainedLogits, index, donor, s, own }) => {
    const best = table.draw(logits, trainedLogits);
    answer.set(classes[best]);
    setText(verdict, best === labelOf(index) ? WORDS.right : WORDS.wrong({ label: classes[labelOf(index)] }));
    setText(told, tellGates(world, { index, donor, s, own, best }));
  };
  const line = element("p", { class: "mixer-answer" }, answer.element, " ", verdict);
  const shown = panel(WORDS.scores, null, table.element, line);
  shown.classList.add("senet-stays");
  const wait = () => {
    table.draw(null);
    answer.set(WORDS.unknown);
    setText(verdict, "");
    setText(told, WORDS.guessFirst);
  };
  return { element: shown, told, draw, wait };
}

function tellGates({ plainNames, classes, labelOf }, { index, donor, s, own, best }) {
  const moved = s.filter((gate, c) => gate !== own[c]).length;
  if (moved === 0) return WORDS.untouched;
  if (donor >= 0) {
    const [label, wanted] = [labelOf(index), labelOf(index, donor)];
    const { meansTheSame, follows, stays, other } = WORDS;
    const said = wanted === label ? meansTheSame : best === wanted ? follows : best === label ? stays : other;
    return said({ donor: plainNames[donor], wanted: classes[wanted] });
  }
  if (s.every((gate) => gate === 1)) return WORDS.open;
  if (s.every((gate) => gate === 0)) return WORDS.shut;
  return WORDS.moved({ count: moved, all: s.length });
}

/** Before any score: the first picture's features, and the last one's gates in the first block. */
function askForTheAnswer(view, world, trainedRun) {
  const { network, blocks, plainNames, classes } = world;
  const [index, donor] = [0, plainNames.length - 1];
  const answer = () => {
    const [run, other] = [index, donor].map(trainedRun);
    const { logits } = runFrom(network, blocks[0], run, Array.from(other.blocks[blocks[0]].s));
    const best = logits.indexOf(Math.max(...logits));
    return { value: best, told: WORDS.result({ ...asked, answer: classes[best] }) };
  };
  const asked = { features: plainNames[index], gates: plainNames[donor] };
  const question = WORDS.question(asked);
  const options = classes.map((name, value) => [value, name]);
  const show = () => {
    view.set("picture", index);
    view.set("block", blocks[0]);
    view.set("faders", Array.from(trainedRun(donor).blocks[blocks[0]].s));
  };
  return { ...guess(view, { key: "mixer", question, options, answer }), show };
}
