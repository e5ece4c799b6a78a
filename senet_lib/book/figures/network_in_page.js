// A scene that the reader changes, and a trained network that answers at once: class scores, and every gate.
import { Problem, button, choice, element, figure, formatNumber, menu, need, number, panel, phoneFold, setText } from "./parts/kit.js";
import { COLOUR_NAMES, createStage, isUsual, limitOf, randomScene, sceneThumbnail } from "./parts/context_scene.js";
import { askedOf, createGateBoard, readSwap } from "./parts/gate_board.js";
import { createGateDesk, readOverrides } from "./parts/gate_desk.js";
import { guess } from "./parts/guess.js";
import { createLoader, createNetworkChoice, readNetworks } from "./parts/network_controls.js";
import { createRunner } from "./parts/onnx_session.js";
import { partChoice } from "./parts/part_choice.js";
import { CUE, renderScene } from "./parts/scene_drawing.js";
import { createScoreTable, softmax } from "./parts/score_table.js";

const PICTURE_SHAPE = [3, 32, 32];
const WORDS = {
  parts: { board: "other gates", scene: "one scene" },
  usual: "The training had pictures like this one.",
  unusual:
    "The training had no picture like this: there the cue touched an edge, and the glyphs stood in a row along the other.",
  question: ({ block }) => `Each picture gets the gates of another one in ${block}. What share of the answers stays right?`,
  told: ({ block, share }) => `With the gates of another picture in ${block}, ${share} of 2,000 answers are right.`,
  questionMoved: ({ count, block }) =>
    `From example 1 to 2: how many of the ${count} gates of ${block} move by more than 0.1?`,
  toldMoved: ({ moved, count, block }) => `${moved} of the ${count} gates of ${block} move by more than 0.1.`,
  right: ({ answer, share }) => `For this scene the network says ${answer}, ${share}: right.`,
  wrong: ({ answer, share }) => `For this scene the network says ${answer}, ${share}: wrong.`,
  unknown: "To see what it says of this scene, run the networks in this page.",
  verdictRight: ({ colour, label }) => ` – right: the ${colour} glyph is a ${label}`,
  verdictWrong: ({ colour, label }) => ` – wrong: the ${colour} glyph is a ${label}`,
  answer: "Answer:",
  scores: "Class scores",
  picture: "the picture",
  examples: "Examples",
  example: ({ number, label }) => `example ${number}: ${label}`,
  scene: "The scene",
  change: "Change the scene",
  glyph: ({ colour }) => `${colour} glyph`,
  cue: "Cue",
  turn: "Turn",
  random: "Another scene at random",
};
const MOVED = 0.1;
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
  const loader = createLoader(view, () => runner.load(readJob(view, world, readScene(view))));
  const editor = createEditor(view, world, setScene);
  const scores = createScores(world);
  const board = createGateBoard(view, world.boards, world.donors);
  const gates = createGateDesk(view, world.networks, { ofBlocks: false, thenOwn: () => view.set("swap", "") });
  const choices = createNetworkChoice(view, world.networks);
  const frame = element("fieldset", { "aria-label": WORDS.picture }, stage.element);
  const own = element("div", { class: "page-own" }, loader.element, phoneFold(view, WORDS.change, editor.element).element);
  const desk = element("div", { class: "page-gates" }, gates.element);
  const [strangers, movers] = [askForTheStrangers(view, world, board.note), askForTheMoved(view, world, desk)];
  const picture = element("div", { class: "page-picture" }, frame, examples.element);
  const seen = element("div", { class: "page-world parts-column" }, picture, scores.element, board.element, own);
  view.body.append(choices.element, strangers.element, movers.element, scores.answer, seen, board.told, desk);
  const parts = { board: [strangers.element, board.element, board.told], scene: [movers.element, own, desk] };
  choices.element.prepend(partChoice(view, WORDS.parts, parts).element);

  return () => {
    const scene = readScene(view);
    const job = readJob(view, world, scene);
    const live = runner.isLive();
    if (live) runner.ask(job);
    const example = world.scenes.findIndex((one) => sameScene(one, scene));
    const shown = (live && runner.latest(job.network)) || recordedAnswer(view, world, job, example);
    frame.disabled = !live;
    editor.element.disabled = !live;
    choices.draw(job);
    stage.draw(scene, job.picture, world.classes);
    examples.draw(example);
    loader.draw(shown);
    scores.draw(scene, shown);
    board.draw(job.network, job, sentenceOf(world, scene, shown), strangers.isOpen());
    gates.draw(job, movers.isOpen() ? null : shown, live);
    strangers.draw();
    movers.draw();
    view.body.dataset.answered = shown?.key === job.key; // for tests
  };
});

const NOTHING_ASKED = { element: element("div"), isOpen: () => false, draw: () => {} };

/** Before the board: how many answers does the last block leave right, with the gates of other pictures? */
function askForTheStrangers(view, { boards }, covered) {
  const asked = askedOf(boards);
  if (!asked) return NOTHING_ASKED;
  const [block, share] = asked;
  const answer = () => ({ value: share, told: WORDS.told({ block, share: formatNumber(share, 3, true) }) });
  const range = { min: 0, max: 1, step: 0.05 };
  return guess(view, { key: "board", question: WORDS.question({ block }), range, answer, covered: [covered] });
}

/** Before the gates of the first block: how many of them move from the first example to the second, by its cue alone? */
function askForTheMoved(view, { networks: [{ name, channels }], recorded, scenes }, covered) {
  const [block] = Object.keys(channels);
  if (!block || scenes.length < 2) return NOTHING_ASKED;
  const [before, after] = [0, 1].map((example) => recorded(name, 0, example).gates[block]);
  const [count, moved] = [before.length, before.filter((gate, c) => Math.abs(gate - after[c]) > MOVED).length];
  const answer = () => ({ value: moved, told: WORDS.toldMoved({ moved, count, block }) });
  const question = WORDS.questionMoved({ count, block });
  return guess(view, { key: `moved/${name}`, question, range: { min: 0, max: count }, answer, covered: [covered] });
}

/** What the network says of the scene, in a sentence. */
function sentenceOf({ classes }, scene, shown) {
  if (!shown) return WORDS.unknown;
  const shares = softmax(shown.logits);
  const best = shares.indexOf(Math.max(...shares));
  const isRight = best === scene.shapes[scene.cueColour];
  return WORDS[isRight ? "right" : "wrong"]({ answer: classes[best], share: formatNumber(shares[best], 3, true) });
}

// ----------------------------------------------------------------------------------------------------------- the state

function readWorld(view) {
  const scenes = view.data("scenes").map((scene) => ({
    shapes: scene.shapes,
    places: [...scene.glyph_corners, scene.cue_corner],
    cueColour: scene.cue_colour,
    turns: scene.quarter_turns,
  }));
  const classes = ["plus", "ring", "cross", "block"];
  const boards = view.data("boards");
  const swapped = view.arrays("swapped");
  const donors = view.data("donors").map((label, colour) => ({ cue: COLOUR_NAMES[colour], label: classes[label] }));
  for (const name of Object.keys(boards)) need(swapped[name], `boards has ${name}, but swapped has not; give both.`);
  return { ...readNetworks(view, scenes.length, () => classes), scenes, classes, boards, swapped, donors };
}

const isWholeUpTo = (value, most) => Number.isInteger(value) && value >= 0 && value <= most;

function readScene(view) {
  const places = view.get("places");
  if (!Array.isArray(places) || places.length !== CUE + 1) {
    throw new Problem(`places is ${places}; it must be four pairs (row, column): three glyphs, then the cue.`);
  }
  places.forEach((corner, thing) => {
    const most = limitOf(thing);
    if (corner?.length === 2 && corner.every((value) => isWholeUpTo(value, most))) return;
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
  const { name, file, channels, note } = world.byName[view.get("network")];
  const swap = readSwap(view, world.boards, name, scene.cueColour);
  const hand = readOverrides(view, channels);
  const overrides = swap && view.get("se") ? layOver(swap, hand) : hand;
  const key = JSON.stringify([name, sceneParts(scene), overrides]);
  const job = { key, network: name, file, note, picture: renderScene(scene), shape: PICTURE_SHAPE, overrides, channels };
  return { ...job, swap, isByHand: Object.keys(hand).length > 0 };
}

// The board's gates in their block, and over them those that are set by hand.
function layOver({ block, gates }, hand) {
  return { ...hand, [block]: gates.map((gate, channel) => hand[block]?.[channel] ?? gate) };
}

// What the network has said of an example, in Python; null for another scene, or with gates set by hand.
function recordedAnswer(view, world, job, example) {
  if (example < 0 || (view.get("se") && job.isByHand)) return null;
  if (view.get("se") && job.swap) {
    const said = world.swapped[job.network];
    return { key: job.key, ...world.unpack(said, job.network, job.swap.way, example) };
  }
  return { key: job.key, ...world.recorded(job.network, job.isByHand ? 1 : 0, example) };
}

// ---------------------------------------------------------------------------------------------------------- the pieces

function createExamples({ scenes, classes }, setScene) {
  const buttons = scenes.map((scene, i) => {
    const label = classes[scene.shapes[scene.cueColour]];
    const one = button("", () => setScene(scene)).element;
    one.setAttribute("aria-label", WORDS.example({ number: i + 1, label }));
    one.append(sceneThumbnail(scene), String(i + 1));
    return one;
  });
  const draw = (current) => buttons.forEach((one, i) => one.setAttribute("aria-current", i === current));
  const legend = element("legend", { class: "parts-unseen" }, WORDS.examples);
  return { element: element("fieldset", { class: "page-examples" }, legend, ...buttons), draw };
}

function createEditor(view, { classes }, setScene) {
  const shapes = classes.map((name, i) => [i, name]);
  const glyphs = COLOUR_NAMES.map((name) => menu(view, name, { label: WORDS.glyph({ colour: name }), options: shapes }));
  const colours = COLOUR_NAMES.map((name, i) => [i, name]);
  const parts = [
    choice(view, "cue_colour", { label: WORDS.cue, options: colours }),
    { element: element("div", { class: "page-glyphs" }, ...glyphs.map((one) => one.element)) },
    choice(view, "quarter_turns", { label: WORDS.turn, options: TURNS }),
    button(WORDS.random, () => setScene(randomScene(classes.length))),
  ];
  const legend = element("legend", { class: "parts-unseen" }, WORDS.scene);
  const node = element("fieldset", { class: "page-editor" }, legend, ...parts.map((one) => one.element));
  return { element: node };
}

function createScores({ classes }) {
  const table = createScoreTable(classes);
  const answer = number("answer", { label: WORDS.answer });
  const verdict = element("span", { "data-name": "verdict" });
  const note = element("p", { class: "parts-note page-told", "data-name": "told" });
  const line = element("p", { class: "page-answer senet-stays" }, answer.element, verdict);
  const draw = (scene, shown) => {
    const best = table.draw(shown?.logits ?? null);
    const label = scene.shapes[scene.cueColour];
    answer.set(best < 0 ? "–" : classes[best]);
    const say = best === label ? WORDS.verdictRight : WORDS.verdictWrong;
    setText(verdict, best < 0 ? "" : say({ colour: COLOUR_NAMES[scene.cueColour], label: classes[label] }));
    setText(note, isUsual(scene) ? WORDS.usual : WORDS.unusual);
  };
  return { element: panel(WORDS.scores, null, table.element, note), answer: line, draw };
}
