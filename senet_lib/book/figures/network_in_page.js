// A scene that the reader changes, and a trained network that answers at once: class scores, and every gate.
import { Problem, button, choice, element, figure, menu, number, panel, setText } from "./parts/kit.js";
import { COLOUR_NAMES, createStage, isUsual, limitOf, randomScene, sceneThumbnail } from "./parts/context_scene.js";
import { createGateDesk, readOverrides } from "./parts/gate_desk.js";
import { createLoader, createNetworkChoice, createScoreTable, readNetworks } from "./parts/network_controls.js";
import { createRunner } from "./parts/onnx_session.js";
import { CUE, renderScene } from "./parts/scene_drawing.js";

const PICTURE_SHAPE = [3, 32, 32];
const USUAL = "The training had pictures like this one.";
const UNUSUAL =
  "The training had no picture like this: there the cue touched an edge, and the glyphs stood in a row along the other.";
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
  const gates = createGateDesk(view, world.networks);
  const choices = createNetworkChoice(view, world.networks);
  const frame = element("fieldset", { class: "page-fields", "aria-label": "the picture" }, stage.element);
  view.body.append(
    choices.element,
    loader.element,
    element(
      "div",
      { class: "page-world" },
      element("div", { class: "page-picture" }, frame, examples.element),
      scores.element,
      editor.element,
    ),
    element("div", { class: "page-gates" }, gates.element),
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
    choices.draw(job);
    stage.draw(scene, job.picture, world.classes);
    examples.draw(example);
    loader.draw(shown);
    scores.draw(scene, shown);
    gates.draw(job, shown, live);
    view.body.dataset.answered = shown?.key === job.key; // for tests
  };
});

// ----------------------------------------------------------------------------------------------------------- the state

function readWorld(view) {
  const scenes = view.data("scenes").map((scene) => ({
    shapes: scene.shapes,
    places: [...scene.glyph_corners, scene.cue_corner],
    cueColour: scene.cue_colour,
    turns: scene.quarter_turns,
  }));
  const classes = ["plus", "ring", "cross", "block"];
  return { ...readNetworks(view, scenes.length, () => classes), scenes, classes };
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
  const overrides = readOverrides(view, channels);
  const key = JSON.stringify([name, sceneParts(scene), overrides]);
  return { key, network: name, file, note, picture: renderScene(scene), shape: PICTURE_SHAPE, overrides, channels };
}

// What the network has said of an example, in Python; null for another scene, or with gates set by hand.
function recordedAnswer(view, world, job, example) {
  const changed = Object.keys(job.overrides).length > 0;
  if (example < 0 || (view.get("se") && changed)) return null;
  return { key: job.key, ...world.recorded(job.network, changed ? 1 : 0, example) };
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
    setText(verdict, best < 0 ? "" : best === label ? ` – right: ${wanted}` : ` – wrong: ${wanted}`);
    setText(note, isUsual(scene) ? USUAL : UNUSUAL);
  };
  return { element: panel("Class scores", null, table.element, line, note), draw };
}
