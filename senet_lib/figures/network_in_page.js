// A scene that the reader changes, and a trained network that answers at once: class scores, and every gate.
import { Problem, button, choice, element, figure, formatNumber, menu, number, panel, row, toggle } from "./kit.js";
import { COLOUR_NAMES, CUE, createStage, isUsual, limitOf, randomScene, renderScene, sceneThumbnail } from "./context_scene.js";
import { createGateBars, createScoreTable } from "./network_parts.js";
import { createRunner, obstacle } from "./onnx_session.js";

const MOST_GATE = 2;
const GATE_STEP = 0.05;
const PICTURE_SHAPE = [3, 32, 32];
const TURNS = ["0°", "90°", "180°", "270°"].map((text, turns) => [turns, text]);

export default figure((view) => {
  const world = readWorld(view);
  const runner = createRunner(view);
  const setScene = ({ shapes, places, cueColour, turns }) => {
    COLOUR_NAMES.forEach((name, colour) => view.set(name, shapes[colour]));
    view.set("cue_colour", cueColour);
    view.set("quarter_turns", turns);
    view.set("places", places);
  };
  const move = (thing, corner) => {
    view.set("places", view.get("places").map((old, i) => (i === thing ? corner : old)));
  };

  const stage = createStage(move);
  const examples = createExamples(world, setScene);
  const start = createStart(view, () => runner.load(readJob(view, world, readScene(view))));
  const editor = createEditor(view, world, setScene);
  const scores = createScores(world);
  const gates = createGates(view, world);
  const useGates = toggle(view, "se", { label: "use the gates (SE)" }).element;
  const networks = menu(view, "network", { label: "Network", options: world.options, then: () => view.set("hand", {}) });
  const choices = row(networks.element, useGates);
  choices.classList.add("page-choices");
  const frame = element("fieldset", { class: "page-fields", "aria-label": "the picture" }, stage.element);
  view.body.append(
    choices,
    start.element,
    element(
      "div",
      { class: "page-world" },
      element("div", { class: "page-picture" }, frame, examples.element),
      scores.element,
      editor.element,
    ),
    gates.element,
  );

  return () => {
    const scene = readScene(view);
    const job = readJob(view, world, scene);
    const live = runner.isLive();
    if (live) runner.ask(job);
    const example = world.scenes.findIndex((one) => sameScene(one, scene));
    const shown = (live && runner.latest(job.network)) || recordedAnswer(view, world, job, example);
    frame.disabled = !live;
    editor.element.disabled = !live;
    useGates.querySelector("input").disabled = Object.keys(job.channels).length === 0;
    stage.draw(scene, job.picture, world.classes);
    examples.draw(example);
    start.draw(shown);
    scores.draw(scene, shown);
    gates.draw(job, shown, live);
    view.body.dataset.answered = shown?.key === job.key; // for tests
  };
});

// ----------------------------------------------------------------------------------------------------------- the state

function readWorld(view) {
  const networks = view.data("networks");
  const answers = view.arrays("answers");
  const scenes = view.data("scenes").map((scene) => ({
    shapes: scene.shapes,
    places: [...scene.glyph_corners, scene.cue_corner],
    cueColour: scene.cue_colour,
    turns: scene.quarter_turns,
  }));
  const classes = ["plus", "ring", "cross", "block"];
  if (networks.length === 0) throw new Problem("networks has none; give at least one.");
  for (const { name, channels } of networks) {
    const [ways, outputs] = [Object.keys(channels).length ? 2 : 1, classes.length + sum(Object.values(channels))];
    requireAnswers(name, answers[name], [ways, scenes.length, outputs]);
  }
  const byName = Object.fromEntries(networks.map((network) => [network.name, network]));
  return { networks, answers, scenes, classes, byName, options: networks.map(({ name, label }) => [name, label]) };
}

function requireAnswers(name, array, wanted) {
  if (array && array.shape.length === 3 && wanted.every((length, axis) => array.shape[axis] === length)) return;
  throw new Problem(`answers.${name} has shape (${array?.shape ?? "none"}); it must be (${wanted.join(", ")}).`);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
const isWhole = (value, most) => Number.isInteger(value) && value >= 0 && value <= most;

function readScene(view) {
  const places = view.get("places");
  if (!Array.isArray(places) || places.length !== CUE + 1) {
    throw new Problem(`places is ${places}; it must be four pairs (row, column): three glyphs, then the cue.`);
  }
  places.forEach((corner, thing) => {
    const most = limitOf(thing);
    if (corner?.length === 2 && corner.every((value) => isWhole(value, most))) return;
    const what = thing === CUE ? "the cue" : `the ${COLOUR_NAMES[thing]} glyph`;
    throw new Problem(`places holds (${corner}) for ${what}; give whole numbers from 0 to ${most}.`);
  });
  const shapes = COLOUR_NAMES.map((name) => view.get(name));
  return { shapes, places, cueColour: view.get("cue_colour"), turns: view.get("quarter_turns") };
}

const sameScene = (a, b) => JSON.stringify(sceneParts(a)) === JSON.stringify(sceneParts(b));
const sceneParts = ({ shapes, places, cueColour, turns }) => [shapes, places, cueColour, turns];

// What the network is asked: the picture, and the gates that it shall use instead of its own.
function readJob(view, world, scene) {
  const { name, file, channels } = world.byName[view.get("network")];
  const hand = readHand(view, channels);
  const openGates = Object.entries(channels).map(([block, count]) => [block, Array(count).fill(1)]);
  const overrides = view.get("se") ? hand : Object.fromEntries(openGates);
  const key = JSON.stringify([name, sceneParts(scene), overrides]);
  return { key, network: name, file, picture: renderScene(scene), shape: PICTURE_SHAPE, overrides, channels };
}

// The blocks in which a gate is set by hand.
function readHand(view, channels) {
  const hand = view.get("hand");
  if (hand === null || typeof hand !== "object") throw new Problem(`hand is ${hand}; give gates by block, or {}.`);
  const moved = Object.entries(hand).filter(([block]) => block in channels);
  for (const [block, row] of moved) {
    if (row?.length !== channels[block]) {
      throw new Problem(`hand has ${row?.length} gates for ${block}; give ${channels[block]}, None for its own.`);
    }
    const bad = row.find((gate) => gate !== null && !(gate >= 0 && gate <= MOST_GATE));
    if (bad !== undefined) throw new Problem(`hand holds ${bad} in ${block}; give 0 to ${MOST_GATE}, or None.`);
  }
  return Object.fromEntries(moved.filter(([, row]) => row.some((gate) => gate !== null)));
}

// What the network has said of an example, in Python; null for another scene, or with gates set by hand.
function recordedAnswer(view, world, job, example) {
  const way = view.get("se") ? 0 : 1;
  if (example < 0 || (way === 0 && Object.keys(job.overrides).length > 0)) return null;
  const { data, shape } = world.answers[job.network];
  const start = (Math.min(way, shape[0] - 1) * shape[1] + example) * shape[2];
  let place = start + world.classes.length;
  const gates = {};
  for (const [block, count] of Object.entries(job.channels)) {
    gates[block] = Array.from(data.subarray(place, place + count));
    place += count;
  }
  return { key: job.key, logits: Array.from(data.subarray(start, start + world.classes.length)), gates };
}

// ---------------------------------------------------------------------------------------------------------- the pieces

function createExamples({ scenes, classes }, setScene) {
  const buttons = scenes.map((scene, i) => {
    const label = classes[scene.shapes[scene.cueColour]];
    const one = button(label, () => setScene(scene)).element;
    one.setAttribute("aria-label", `example ${i + 1}: ${label}`);
    one.prepend(sceneThumbnail(scene));
    return one;
  });
  const draw = (current) => buttons.forEach((one, i) => one.setAttribute("aria-current", i === current));
  const legend = element("legend", {}, "Examples");
  return { element: element("fieldset", { class: "page-examples" }, legend, ...buttons), draw };
}

// The button that loads the network, and a line that says who answers.
function createStart(view, load) {
  const text = element("span", { role: "status", "data-name": "status" });
  const node = button("Run the networks in this page", () => view.get("state") !== "loading" && load()).element;
  const size = element("span", { class: "parts-note" }, "loads 14 MB from this site, once; nothing leaves your computer");
  const hindrance = obstacle();
  const time = number("milliseconds", { label: "The last answer took", unit: "ms.", digits: 1 });
  const draw = (shown) => {
    const [state, kernel, message] = [view.get("state"), view.get("kernel"), view.get("message")];
    time.element.hidden = !shown?.milliseconds;
    time.set(shown?.milliseconds ?? NaN);
    const said = {
      examples: hindrance ?? "",
      loading: "Loading …",
      ready: "ONNX Runtime runs the network in this page.",
      failed: `${message} The examples work.`,
    };
    node.hidden = kernel || hindrance !== null || state === "ready";
    node.setAttribute("aria-disabled", state === "loading");
    size.hidden = node.hidden || state !== "examples";
    const now = kernel ? message || "torch runs the network in the kernel." : said[state];
    if (now === undefined) throw new Problem(`state is ${state}; it must be one of ${Object.keys(said).join(", ")}.`);
    if (text.textContent !== now) text.textContent = now;
  };
  return { element: element("div", { class: "page-start" }, node, size, text, time.element), draw };
}

function createEditor(view, { classes }, setScene) {
  const shapes = classes.map((name, i) => [i, name]);
  const glyphs = COLOUR_NAMES.map((name) => menu(view, name, { label: `${name} glyph`, options: shapes }));
  const colours = COLOUR_NAMES.map((name, i) => [i, name]);
  const parts = [
    choice(view, "cue_colour", { label: "Cue", options: colours }),
    ...glyphs,
    choice(view, "quarter_turns", { label: "Turn", options: TURNS }),
    button("Another scene at random", () => setScene(randomScene(classes.length))),
  ];
  const legend = element("legend", { class: "senet-heading" }, "The scene");
  const node = element("fieldset", { class: "page-fields page-editor" }, legend, ...parts.map((one) => one.element));
  return { element: node };
}

function createScores({ classes }) {
  const table = createScoreTable(classes);
  const answer = number("answer", { label: "Answer:" });
  const verdict = element("span", { "data-name": "verdict" });
  const note = element("p", { class: "parts-note page-told", "data-name": "told" });
  const line = element("p", { class: "page-answer" }, answer.element, verdict);
  const draw = (scene, shown) => {
    const best = table.draw(shown?.logits ?? null);
    const label = scene.shapes[scene.cueColour];
    answer.set(best < 0 ? "–" : classes[best]);
    const wanted = `the ${COLOUR_NAMES[scene.cueColour]} glyph is a ${classes[label]}`;
    verdict.textContent = best < 0 ? "" : best === label ? ` – right: ${wanted}` : ` – wrong: ${wanted}`;
    note.textContent = isUsual(scene)
      ? "The training had pictures like this one."
      : "The training had no picture like this: there the cue touched an edge, and the glyphs stood in a row along the other.";
  };
  return { element: panel("Class scores", null, table.element, line, note), draw };
}

// All gates of the network, and one that can be set by hand.
function createGates(view, world) {
  const slot = element("div", { class: "page-gates" });
  const desks = new Map(); // network -> its bars
  const editor = createGateEditor(view);
  const note = element("p", { class: "parts-note page-gates-note" });
  const absent = element("p", { "data-name": "no gates" }, "This network has no SE, and so no gates.");
  const choose = (block) => (channel) => {
    view.set("block", block);
    view.set("channel", channel);
  };
  const deskOf = ({ network, channels }) => {
    if (!desks.has(network)) {
      const made = Object.entries(channels).map(([block, count]) => [block, createGateBars(block, count, choose(block))]);
      desks.set(network, made);
    }
    return desks.get(network);
  };
  const draw = (job, shown, live) => {
    const desk = deskOf(job);
    const wanted = desk.length ? desk.map(([, bars]) => bars.element) : [absent];
    if (slot.firstChild !== wanted[0]) slot.replaceChildren(...wanted);
    const place = readGatePlace(view, world, job.channels);
    const used = (block) => shown?.gates[block]?.map((gate, c) => job.overrides[block]?.[c] ?? gate) ?? null;
    const top = Math.max(1, ...Object.values(job.overrides).flat()) > 1 ? MOST_GATE : 1;
    note.textContent = desk.length ? `A full bar is a gate of ${top}. A line marks the network's own gate, where another is used.` : "";
    for (const [block, bars] of desk) {
      const chosen = block === place?.block ? place.channel : null;
      bars.draw({ own: shown?.gates[block] ?? null, used: used(block), chosen, top });
    }
    editor.draw(job, place, place && shown ? { own: shown.gates[place.block], used: used(place.block) } : null, live);
  };
  return { element: element("div", {}, slot, note, editor.element), draw };
}

// The chosen gate. A network that has no such block shows the first gate of its first one.
function readGatePlace(view, { networks }, channels) {
  const [block, channel] = [view.get("block"), view.get("channel")];
  const known = new Set(networks.flatMap((network) => Object.keys(network.channels)));
  if (block !== "" && !known.has(block)) {
    throw new Problem(`block is ${block}; it must be one of ${[...known].join(", ")}.`);
  }
  const most = Math.max(0, ...networks.map((network) => (network.channels[block] ?? 1) - 1));
  if (!isWhole(channel, most)) throw new Problem(`channel is ${channel}; it must be a whole number from 0 to ${most}.`);
  const names = Object.keys(channels);
  if (names.length === 0) return null;
  return block in channels ? { block, channel: Math.min(channel, channels[block] - 1) } : { block: names[0], channel: 0 };
}

function createGateEditor(view) {
  const input = element("input", { type: "range", min: 0, max: MOST_GATE, step: GATE_STEP, "data-trait": "hand" });
  const [used, own] = [number("gate", { digits: 2 }), number("own gate", { label: "the network's own:", digits: 2 })];
  const name = element("span", { "data-name": "gate name" });
  let [job, place] = [null, null];
  const set = (gate) => {
    const count = job.channels[place.block];
    const row = view.get("hand")[place.block] ?? Array(count).fill(null);
    view.set("hand", { ...view.get("hand"), [place.block]: row.map((old, c) => (c === place.channel ? gate : old)) });
  };
  input.addEventListener("input", () => set(input.valueAsNumber));
  const presets = [["Mute", 0], ["Open", 1], ["Its own", null]].map(([text, gate]) => button(text, () => set(gate)).element);
  const all = button("All their own", () => view.set("hand", {})).element;
  const label = element("legend", {}, "Set by hand: ", name);
  const parts = [input, used.element, own.element, ...presets, all];
  const node = element("fieldset", { class: "page-fields page-hand" }, label, ...parts);
  const draw = (nextJob, nextPlace, gates, live) => {
    [job, place] = [nextJob, nextPlace];
    node.hidden = place === null;
    node.disabled = !live || !view.get("se");
    if (place === null) return;
    const [now, itsOwn] = gates ? [gates.used[place.channel], gates.own[place.channel]] : [NaN, NaN];
    name.textContent = `gate ${place.channel} of ${place.block}`;
    used.set(now);
    own.set(itsOwn);
    if (Number.isFinite(now)) input.value = now;
    input.setAttribute("aria-label", `gate ${place.channel} of ${place.block}`);
    input.setAttribute("aria-valuetext", `${formatNumber(now, 2)}, its own ${formatNumber(itsOwn, 2)}`);
  };
  return { element: node, draw };
}
