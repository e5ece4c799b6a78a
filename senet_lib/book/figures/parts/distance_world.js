// The pictures of senet_lib/data/distance_world.py and senet_lib/data/context_world.py, byte for byte, made in the page.
import { defaultRng } from "./numpy_random.js";
import { CUE_SIZE, GLYPH_SIZE, SCENE_BYTES, SCENE_SIZE, SLOT_WIDTH, paintBox, paintGlyph, renderScene } from "./scene_drawing.js";

const CUE_HEIGHT = 5; // in the Distance World
const MOST_GAP = SCENE_SIZE - CUE_HEIGHT - GLYPH_SIZE;
const GLYPH_ROW = 24; // the upper one of two rows in which the glyphs of the Context World begin

// A scene's draws come in the order of the Python code.
const drawMany = (count, draw) => Array.from({ length: count }, draw);

function drawDistanceScene(random, gap) {
  const columns = random.permutation(3).map((slot) => slot * SLOT_WIDTH + random.integers(SLOT_WIDTH - GLYPH_SIZE));
  const shapes = drawMany(3, () => random.integers(4));
  const [cueColour, turns] = [random.integers(3), random.integers(4)];
  return { shapes, columns, cueColour, turns, cueRow: random.integers(MOST_GAP - gap + 1) };
}

function paintDistanceScene({ shapes, columns, cueColour, turns, cueRow }, gap, planes) {
  columns.forEach((column, colour) => {
    paintGlyph(planes, colour, [cueRow + CUE_HEIGHT + gap, column], shapes[colour], turns);
    paintBox(planes, cueColour, [cueRow, column], [CUE_HEIGHT, GLYPH_SIZE], turns);
  });
}

function drawContextScene(random) {
  const glyphs = random.permutation(3).map((slot) => {
    const row = random.integers(GLYPH_ROW, GLYPH_ROW + 2);
    return [row, slot * SLOT_WIDTH + random.integers(SLOT_WIDTH - GLYPH_SIZE)];
  });
  const shapes = drawMany(3, () => random.integers(4));
  const cueColour = random.integers(3);
  const places = [...glyphs, [0, random.integers(SCENE_SIZE - CUE_SIZE + 1)]];
  return { shapes, places, cueColour, turns: random.integers(4) };
}

function paintScenes(scenes, paint) {
  const pictures = new Uint8Array(scenes.length * SCENE_BYTES);
  scenes.forEach((scene, n) => paint(scene, pictures.subarray(n * SCENE_BYTES, (n + 1) * SCENE_BYTES)));
  return {
    pictures,
    labels: Int32Array.from(scenes, ({ shapes, cueColour }) => shapes[cueColour]),
    cueColours: Uint8Array.from(scenes, ({ cueColour }) => cueColour),
    shapes: Uint8Array.from(scenes.flatMap(({ shapes }) => shapes)),
  };
}

/**
 * DistanceWorld.generate(count, seed, gap): { pictures, labels, cueColours, shapes }.
 * pictures: bytes (N, 3, 32, 32), 0 or 255; labels and cueColours: (N); shapes: (N, 3), of the red, the green and the
 * blue glyph. The first scenes of a larger world are those of a smaller one.
 */
export function distanceWorld(count, seed, gap) {
  const random = defaultRng(seed);
  const scenes = drawMany(count, () => drawDistanceScene(random, gap));
  return paintScenes(scenes, (scene, planes) => paintDistanceScene(scene, gap, planes));
}

/** ContextWorld.generate(count, seed), in the same form. */
export function contextWorld(count, seed) {
  const random = defaultRng(seed);
  return paintScenes(drawMany(count, () => drawContextScene(random)), renderScene);
}
