// A square that the reader drags, and two networks that answer at once, in pieces that never hold the page up.
import { Problem, choice, button, element, figure, picture, requireWhole, svg, wantsStillness } from "./parts/kit.js";
import { blockNames, blockParts, classify, normalise, requireNetwork, runStem } from "./parts/network_arithmetic.js";
import { softmax } from "./parts/score_table.js";
import { CUE_SIZE, GLYPH_SIZE, SCENE_BYTES, SCENE_SIZE, paintGlyph, renderScene } from "./parts/scene_drawing.js";

const LAST_COLUMN = SCENE_SIZE - CUE_SIZE;
const FIELD = 17; // pixels: what one unit of either network sees across
const DEMO_AFTER = 3500; // milliseconds, if the reader has touched nothing
const DEMO_LASTS = 1200;
const DRAG_BEGINS = 5; // pixels: a shorter way is a press
// Every word that a reader sees. A name in braces stands for another word.
const WORDS = {
  colours: ["red", "green", "blue"],
  shapes: ["plus", "ring", "cross", "block"],
  tray: "Colour of the square",
  picture: "three small shapes at the bottom, a {colour} square far away at the top",
  square: "the {colour} square: drag it, or move it with the arrow keys",
  column: "column {column} of {most}",
  question: "Which shape is meant?",
  hint: "Slide the square",
  frame: "a window: 17 pixels",
  another: "Other shapes",
  networks: {
    plain: { name: "Without SE", how: "sees the picture in windows" },
    se: { name: "With SE", how: "sees windows, and the whole" },
  },
  right: { plain: "this time", se: "right" }, // without SE it says the same, whatever the square is
  wrong: "wrong",
  share: "{percent}%",
  sure: "{percent}% sure",
  gates: {
    plain: "Its channels all count in full.",
    se: "Its channels, turned up or down.",
  },
  story: {
    start: "It depends on the square. Change it, and watch both answers.",
    moved: "You moved the square, and neither answer changed. Now drag in a square of another colour.",
    followed: "Only the square changed. With SE the answer went from {before} to {after}. Without SE it is {plain}, as before.",
    shown: "Only the square changed: with SE, {before} became {after}. Without SE it is still {plain}. Now you: drag one in.",
    both: "Now the answer is {after} with SE, and {plain} without.",
    another: "Three other shapes. Without SE the answer is {plain}, with SE it is {after}. Change the square again.",
  },
};

const KINDS = ["plain", "se"];
const fillIn = (text, parts = {}) => text.replace(/\{(\w+)\}/g, (_, name) => parts[name]);

export default figure((view) => {
  const scenes = readScenes(view);
  const networks = Object.fromEntries(KINDS.map((kind) => [kind, readNetwork(view, kind)]));
  const touch = () => demo.stop();
  const act = (what, change) => {
    touch();
    story.expect(what);
    change();
  };
  const stage = createStage({
    place: (column) => act("moved", () => view.set("cue_column", column)),
    drop: (colour, column) => act("coloured", () => setAll(view, { cue_colour: colour, cue_column: column })),
  });
  const verdicts = KINDS.map((kind) => createVerdict(kind));
  const story = createStory();
  const tray = createTray(view, stage, () => act("coloured", () => {}));
  const another = button(WORDS.another, () => act("another", () => setAll(view, nextScene(view, scenes)))).element;
  const runner = createRunner(networks, (job, answers) => {
    verdicts.forEach((verdict, i) => verdict.draw(answers[KINDS[i]], job.label));
    story.tell(answers);
    view.body.dataset.answered = job.key; // for tests
  });
  const body = element(
    "div",
    { class: "landing" },
    element("div", { class: "landing-world" }, stage.element, element("div", { class: "landing-side" }, tray.element, another)),
    element("div", { class: "landing-verdicts senet-result" }, element("p", { class: "landing-question" }, WORDS.question), ...verdicts.map((one) => one.element)),
    story.element,
    stage.ghost,
  );
  const demo = createDemo(view, stage, story, body);
  view.body.append(body);
  view.onClose(runner.close);

  return () => {
    const scene = readScene(view, scenes);
    const planes = renderScene(scene);
    stage.draw(scene, planes, story.isUntouched());
    tray.draw(scene);
    runner.ask({ key: JSON.stringify(scene), planes, label: scene.shapes[scene.cueColour] });
  };
});

// ----------------------------------------------------------------------------------------------------------- the state

function readNetwork(view, kind) {
  const network = view.arrays(kind);
  requireNetwork(network, { classes: WORDS.shapes.length });
  return network;
}

function readScenes(view) {
  const scenes = view.data("scenes");
  if (!Array.isArray(scenes) || scenes.length === 0) throw new Problem("scenes has none; give at least one.");
  return scenes;
}

function readScene(view, scenes) {
  const { shapes, glyph_corners: corners } = scenes[requireWhole(view, "scene", scenes.length - 1)];
  const cueColour = requireWhole(view, "cue_colour", WORDS.colours.length - 1);
  return { shapes, places: [...corners, [0, requireWhole(view, "cue_column", LAST_COLUMN)]], cueColour, turns: 0 };
}

const setAll = (view, values) => Object.entries(values).forEach(([name, value]) => view.set(name, value));

function nextScene(view, scenes) {
  const scene = (view.get("scene") + 1) % scenes.length;
  return { scene, cue_colour: scenes[scene].cue_colour, cue_column: scenes[scene].cue_corner[1] };
}

// ------------------------------------------------------------------------------------------------------- the networks

// A forward pass, one part at a time. Returns the probabilities and the gates of the last block, null without SE.
function* forward(network, planes) {
  let x = runStem(network, normalise(network, planes, SCENE_SIZE, SCENE_SIZE));
  let gates = null;
  for (const name of blockNames(network)) {
    yield;
    const block = yield* blockParts(network, name, x);
    [x, gates] = [block.out, block.s];
  }
  return { shares: softmax(classify(network, x)), gates };
}

/**
 * Both networks, one part of one of them in each task of the page: input and drawing come between.
 * What is asked while they work waits, and only the last of it is answered.
 */
function createRunner(networks, tell) {
  const channel = new MessageChannel();
  let [asked, waiting, steps] = ["", null, null];
  const next = () => channel.port2.postMessage(null);
  function* answer(job) {
    const answers = {};
    for (const kind of KINDS) {
      answers[kind] = yield* forward(networks[kind], job.planes);
      yield;
    }
    tell(job, answers);
  }
  const begin = () => {
    [steps, waiting] = [waiting && answer(waiting), null];
    if (steps) next();
  };
  channel.port1.onmessage = () => (steps?.next().done ? begin() : next());
  const ask = (job) => {
    if (job.key === asked) return;
    [asked, waiting] = [job.key, job];
    if (!steps) begin();
  };
  return { ask, close: () => [(steps = null), channel.port1.close()] };
}

// --------------------------------------------------------------------------------------------------------- the picture

// The picture, and on it the square: a slider. place(column), drop(colour, column): what the reader has done.
function createStage({ place, drop }) {
  const image = picture({ rows: SCENE_SIZE, columns: SCENE_SIZE, label: "" });
  const square = element("div", { class: "landing-square", role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": LAST_COLUMN });
  const frame = element("div", { class: "landing-frame", "aria-hidden": "true" }, element("span", {}, WORDS.frame));
  const hint = element("p", { class: "landing-hint", "aria-hidden": "true" }, WORDS.hint);
  const node = element("div", { class: "landing-stage" }, image.element, frame, hint, square);
  const ghost = element("div", { class: "landing-ghost", "aria-hidden": "true", hidden: true });
  let [column, shown] = [0, []];

  const limit = (value) => Math.min(LAST_COLUMN, Math.max(0, Math.round(value)));
  const pixelOf = (clientX) => {
    const box = node.getBoundingClientRect();
    return ((clientX - box.left) / box.width) * SCENE_SIZE;
  };
  const moveTo = (wanted) => limit(wanted) !== column && place(limit(wanted));
  onDrag(square, {
    start: ({ clientX }) => pixelOf(clientX) - column,
    move: ({ clientX }, grip) => moveTo(pixelOf(clientX) - grip),
  });
  square.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -6, PageUp: 6, Home: -SCENE_SIZE, End: SCENE_SIZE };
    if (!(event.key in steps)) return;
    event.preventDefault();
    moveTo(column + steps[event.key]);
  });

  const carry = (colour, { clientX, clientY }) => {
    const box = node.getBoundingClientRect();
    const isOver = clientX >= box.left && clientX <= box.right && clientY >= box.top && clientY <= box.bottom;
    showGhost(isOver ? null : colour, clientX, clientY);
    if (isOver) drop(colour, limit(pixelOf(clientX) - CUE_SIZE / 2));
  };
  const showGhost = (colour, clientX = 0, clientY = 0) => {
    ghost.hidden = colour === null;
    if (colour === null) return;
    const origin = ghost.offsetParent.getBoundingClientRect();
    ghost.style.setProperty("--colour", `var(--landing-${colour})`);
    ghost.style.setProperty("--side", `${(node.clientWidth * CUE_SIZE) / SCENE_SIZE}px`);
    ghost.style.transform = `translate(${clientX - origin.left}px, ${clientY - origin.top}px) translate(-50%, -50%)`;
  };
  const draw = ({ shapes, places, cueColour }, planes, isUntouched) => {
    const colour = WORDS.colours[cueColour];
    [column, shown] = [places[places.length - 1][1], shapes];
    image.draw(planes);
    image.element.setAttribute("aria-label", fillIn(WORDS.picture, { colour }));
    square.style.setProperty("--column", column / SCENE_SIZE);
    square.setAttribute("aria-label", fillIn(WORDS.square, { colour }));
    square.setAttribute("aria-valuenow", column);
    square.setAttribute("aria-valuetext", fillIn(WORDS.column, { column, most: LAST_COLUMN }));
    frame.style.setProperty("--column", windowColumn(places) / SCENE_SIZE);
    node.toggleAttribute("data-untouched", isUntouched);
  };
  return { element: node, ghost, carry, showGhost, draw, shapes: () => shown };
}

// Where a window stands that has the middle one of the three glyphs in its middle.
function windowColumn(places) {
  const [, middle] = places.slice(0, -1).map(([, left]) => left).sort((a, b) => a - b);
  return Math.round(middle + (GLYPH_SIZE - FIELD) / 2);
}

// start(event) may return a grip, which move(event, grip) and end(event, grip) get.
function onDrag(node, { start, move, end = () => {} }) {
  let grip = null;
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault(); // no text is selected
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    grip = start(event);
  });
  node.addEventListener("pointermove", (event) => grip !== null && move(event, grip));
  for (const name of ["pointerup", "pointercancel"]) {
    node.addEventListener(name, (event) => {
      if (grip !== null) end(event, grip);
      grip = null;
    });
  }
}

// The squares beside the picture: to press, to choose with the arrow keys, or to drag into the picture.
function createTray(view, stage, chosen) {
  const box = choice(view, "cue_colour", { label: WORDS.tray, options: WORDS.colours.map((name, i) => [i, name]), then: chosen }).element;
  box.classList.add("landing-tray");
  const labels = [...box.querySelectorAll("label")];
  labels.forEach((label, colour) => {
    label.style.setProperty("--colour", `var(--landing-${colour})`);
    let dragged = false;
    onDrag(label, {
      start: ({ clientX, clientY }) => [(dragged = false), clientX, clientY],
      move(event, [, x, y]) {
        dragged ||= Math.hypot(event.clientX - x, event.clientY - y) > DRAG_BEGINS;
        if (dragged) stage.carry(colour, event);
      },
      end: () => stage.showGhost(null),
    });
    label.addEventListener("click", (event) => dragged && event.preventDefault());
  });
  const draw = ({ cueColour }) => labels.forEach((label, colour) => label.toggleAttribute("data-out", colour === cueColour));
  return { element: box, labels, draw };
}

// -------------------------------------------------------------------------------------------------------- the verdicts

// A shape as in the picture, in the colour of the text.
function createIcon(shape) {
  const planes = new Uint8Array(SCENE_BYTES);
  paintGlyph(planes, 0, [0, 0], shape, 0);
  const lit = [];
  for (let row = 0; row < GLYPH_SIZE; row += 1) {
    for (let column = 0; column < GLYPH_SIZE; column += 1) {
      if (planes[row * SCENE_SIZE + column]) lit.push(`M${column} ${row}h1v1h-1z`);
    }
  }
  const box = { viewBox: `0 0 ${GLYPH_SIZE} ${GLYPH_SIZE}`, class: "landing-icon", "aria-hidden": "true" };
  return svg("svg", box, svg("path", { d: lit.join(""), fill: "currentColor" }));
}

// What a network says: a large shape with its share, a bar for each shape, and how much each channel counts.
function createVerdict(kind) {
  const { name, how } = WORDS.networks[kind];
  const icons = WORDS.shapes.map((_, shape) => createIcon(shape));
  const shown = element("div", { class: "landing-shown" }, ...icons);
  const said = element("strong", { "data-name": `${kind} answer` });
  const sure = element("span", { class: "landing-sure", "data-name": `${kind} share` });
  const mark = element("span", { class: "landing-mark", "data-name": `${kind} mark` });
  const answer = element("div", { class: "landing-answer" }, shown, element("div", {}, said, sure, mark));
  const lines = WORDS.shapes.map((shape, i) => createLine(kind, shape, i));
  const channels = element("div", { class: "landing-channels", "aria-hidden": "true" });
  const bars = element("div", { class: "landing-bars" }, ...lines.map((one) => one.element));
  const note = element("p", { class: "landing-note" }, WORDS.gates[kind]);
  const node = element(
    "section",
    { class: "landing-verdict", "data-kind": kind, "aria-label": name },
    element("p", { class: "landing-kind" }, name),
    element("p", { class: "landing-how" }, how),
    answer,
    bars,
    channels,
    note,
  );
  let before = null;
  const draw = ({ shares, gates }, label) => {
    const best = shares.indexOf(Math.max(...shares));
    icons.forEach((icon, shape) => icon.toggleAttribute("data-best", shape === best));
    said.textContent = WORDS.shapes[best];
    sure.textContent = fillIn(WORDS.sure, { percent: Math.round(100 * shares[best]) });
    mark.textContent = best === label ? WORDS.right[kind] : WORDS.wrong;
    mark.dataset.right = best === label;
    lines.forEach((line, shape) => line.draw(shares[shape], shape === best));
    drawChannels(channels, gates);
    if (before !== null && before !== best && !wantsStillness()) pop(shown);
    before = best;
  };
  return { element: node, draw };
}

const pop = (node) => node.animate([{ transform: "scale(0.6)" }, { transform: "scale(1.08)" }, { transform: "none" }], 260);

function createLine(kind, shape, index) {
  const bar = element("div", { class: "landing-bar" });
  const percent = element("output", { "data-name": `${kind} ${shape}`, "aria-live": "off" });
  const name = element("span", { class: "landing-name" }, createIcon(index), shape);
  const node = element("div", { class: "landing-line" }, name, bar, percent);
  const draw = (share, isBest) => {
    bar.style.setProperty("--share", share);
    percent.textContent = fillIn(WORDS.share, { percent: Math.round(100 * share) });
    percent.dataset.value = share;
    node.toggleAttribute("data-best", isBest);
  };
  return { element: node, draw };
}

const CHANNELS = 32;
function drawChannels(node, gates) {
  const counts = gates ?? new Array(CHANNELS).fill(1);
  while (node.children.length < counts.length) node.append(element("i"));
  counts.forEach((gate, i) => node.children[i].style.setProperty("--gate", gate));
  node.values = [...counts]; // for tests
}

// ----------------------------------------------------------------------------------------------------------- the story

// One sentence on what was just seen. expect(what) says what the reader does; tell(answers) what came of it.
function createStory() {
  const node = element("p", { class: "landing-story", role: "status", "data-name": "story" }, WORDS.story.start);
  let [what, before] = [null, null];
  const tell = (answers) => {
    const best = Object.fromEntries(KINDS.map((kind) => [kind, WORDS.shapes[argmax(answers[kind].shares)]]));
    const parts = { before: before?.se, after: best.se, plain: best.plain };
    const followed = before !== null && before.se !== best.se && before.plain === best.plain;
    const key = { coloured: followed ? "followed" : "both", shown: followed ? "shown" : "both", moved: "moved", another: "another" }[what];
    const stays = what === "coloured" && before?.se === best.se; // dragged on, with the same square
    if (key && !stays) node.textContent = fillIn(WORDS.story[key], parts);
    before = best;
  };
  let untouched = true;
  const expect = (now) => {
    what = now;
    if (now !== "shown") untouched = false;
  };
  // Another colour, with which the answer without SE is not right by chance.
  const colourThatTells = (now, shapes) =>
    shapes.findIndex((shape, colour) => colour !== now && WORDS.shapes[shape] !== before?.plain);
  return { element: node, expect, tell, colourThatTells, isUntouched: () => untouched };
}

const argmax = (values) => values.indexOf(Math.max(...values));

// Whoever only looks sees it once: another square goes into the picture by itself. The first touch ends it.
function createDemo(view, stage, story, body) {
  let [timer, frame] = [null, null];
  const stop = () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    if (frame !== null) stage.showGhost(null);
    frame = null;
  };
  const run = () => {
    const box = stage.element.getBoundingClientRect();
    if (document.hidden || box.top < 0 || box.bottom > innerHeight) return;
    const colour = story.colourThatTells(view.get("cue_colour"), stage.shapes());
    const from = middleOf(body.querySelectorAll(".landing-tray label")[colour]);
    const side = (box.width * CUE_SIZE) / SCENE_SIZE;
    const to = [box.left + ((view.get("cue_column") + CUE_SIZE / 2) / SCENE_SIZE) * box.width, box.top + side / 2];
    const begin = performance.now();
    const step = (now) => {
      const part = Math.min(1, Math.max(0, (now - begin) / DEMO_LASTS));
      const eased = part * part * (3 - 2 * part);
      stage.showGhost(colour, ...from.map((value, axis) => value + (to[axis] - value) * eased));
      if (part < 1) return void (frame = requestAnimationFrame(step));
      stop();
      story.expect("shown");
      view.set("cue_colour", colour);
    };
    frame = requestAnimationFrame(step);
  };
  if (!wantsStillness()) timer = setTimeout(run, DEMO_AFTER);
  for (const name of ["pointerdown", "keydown"]) body.addEventListener(name, stop);
  view.onClose(stop);
  return { stop };
}

function middleOf(node) {
  const { left, top, width, height } = node.getBoundingClientRect();
  return [left + width / 2, top + height / 2];
}
