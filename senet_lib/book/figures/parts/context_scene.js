// Scenes of the Context World at random, and a stage on which the reader moves them.
import { element, picture } from "./kit.js";
import { CUE, CUE_SIZE, GLYPH_SIZE, SCENE_SIZE, SLOT_WIDTH, renderScene, turnCorner } from "./scene_drawing.js";

const FIRST_GLYPH_ROW = 24; // in the pictures of the training
const LAST_GLYPH_ROW = SCENE_SIZE - GLYPH_SIZE;
export const COLOUR_NAMES = ["red", "green", "blue"];

const sizeOf = (thing) => (thing === CUE ? CUE_SIZE : GLYPH_SIZE);
/** The largest row and column of a thing's corner. */
export const limitOf = (thing) => SCENE_SIZE - sizeOf(thing);

/** Whether a scene may be among the pictures of the training: the cue in one band, each glyph in a slot of the other. */
export function isUsual({ places }) {
  const slots = COLOUR_NAMES.map((_, colour) => Math.floor(places[colour][1] / SLOT_WIDTH));
  const inSlot = ([row, column]) => row >= FIRST_GLYPH_ROW && column % SLOT_WIDTH < SLOT_WIDTH - GLYPH_SIZE;
  return places[CUE][0] === 0 && places.slice(0, CUE).every(inSlot) && new Set(slots).size === slots.length;
}

/** A scene like those of the training, at random. */
export function randomScene(shapeCount) {
  const below = (count) => Math.floor(Math.random() * count);
  const slots = [0, 1, 2].map((slot) => [Math.random(), slot]).sort((a, b) => a[0] - b[0]);
  const glyphs = slots.map(([, slot]) => [
    FIRST_GLYPH_ROW + below(LAST_GLYPH_ROW - FIRST_GLYPH_ROW + 1),
    slot * SLOT_WIDTH + below(SLOT_WIDTH - GLYPH_SIZE),
  ]);
  return {
    shapes: glyphs.map(() => below(shapeCount)),
    places: [...glyphs, [0, below(limitOf(CUE) + 1)]],
    cueColour: below(COLOUR_NAMES.length),
    turns: below(4),
  };
}

/** A small picture of a scene. Its meaning stands beside it. */
export function sceneThumbnail(scene) {
  const image = picture({ rows: SCENE_SIZE, columns: SCENE_SIZE, label: "" });
  image.element.setAttribute("aria-hidden", "true");
  image.draw(renderScene(scene));
  return image.element;
}

/** The picture, with a handle on each thing: to drag, or to move with the arrow keys. move(thing, [row, column]). */
export function createStage(move) {
  const image = picture({ rows: SCENE_SIZE, columns: SCENE_SIZE, label: "the picture that the network sees" });
  const handles = [0, 1, 2, CUE].map((thing) => createHandle(thing, move));
  const node = element("div", { class: "scene-stage" }, image.element, ...handles.map((one) => one.element));
  const draw = (scene, planes, shapeNames) => {
    image.draw(planes);
    for (const handle of handles) handle.draw(scene, shapeNames);
  };
  return { element: node, draw };
}

function createHandle(thing, move) {
  const size = sizeOf(thing);
  const node = element("button", { type: "button", class: "scene-handle" });
  node.style.setProperty("--size", size / SCENE_SIZE);
  let [corner, turns] = [[0, 0], 0]; // as seen, turned
  let grip = null; // from the corner to the pointer, in pixels of the picture
  const limit = (value) => Math.min(SCENE_SIZE - size, Math.max(0, value));
  const moveTo = (row, column) => {
    const seen = [limit(row), limit(column)];
    if (seen[0] === corner[0] && seen[1] === corner[1]) return;
    move(thing, turnCorner(seen, size, (4 - turns) % 4));
  };
  const pixelOf = ({ clientX, clientY }) => {
    const box = node.parentElement.getBoundingClientRect();
    return [((clientY - box.top) / box.height) * SCENE_SIZE, ((clientX - box.left) / box.width) * SCENE_SIZE];
  };
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    const [row, column] = pixelOf(event);
    grip = [row - corner[0], column - corner[1]];
  });
  node.addEventListener("pointermove", (event) => {
    if (grip === null) return;
    const [row, column] = pixelOf(event);
    moveTo(Math.round(row - grip[0]), Math.round(column - grip[1]));
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) node.addEventListener(end, () => (grip = null));
  node.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const [down, right] = steps[event.key];
    moveTo(corner[0] + down, corner[1] + right);
  });
  const draw = ({ shapes, places, cueColour, turns: now }, shapeNames) => {
    turns = now;
    corner = turnCorner(places[thing], size, turns);
    node.style.setProperty("--row", corner[0] / SCENE_SIZE);
    node.style.setProperty("--column", corner[1] / SCENE_SIZE);
    const what = thing === CUE ? `${COLOUR_NAMES[cueColour]} cue` : `${COLOUR_NAMES[thing]} ${shapeNames[shapes[thing]]}`;
    node.setAttribute("aria-label", `${what}, row ${corner[0]}, column ${corner[1]}: move with the arrow keys`);
  };
  return { element: node, draw };
}
