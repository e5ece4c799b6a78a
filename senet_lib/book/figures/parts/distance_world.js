// The pictures of senet_lib/data/distance_world.py, byte for byte, made in the page.
import { defaultRng } from "./numpy_random.js";
import { GLYPH_SIZE, SCENE_BYTES, SCENE_SIZE, SLOT_WIDTH, paintBox, paintGlyph } from "./scene_drawing.js";

const CUE_HEIGHT = 5; // in the Distance World
const MOST_GAP = SCENE_SIZE - CUE_HEIGHT - GLYPH_SIZE;

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

/**
 * DistanceWorld.generate(count, seed, gap): { pictures, labels, cueColours }.
 * pictures: bytes (N, 3, 32, 32), 0 or 255; labels and cueColours: (N). The first scenes of a larger world are those of
 * a smaller one.
 */
export function distanceWorld(count, seed, gap) {
  const random = defaultRng(seed);
  const scenes = drawMany(count, () => drawDistanceScene(random, gap));
  const pictures = new Uint8Array(count * SCENE_BYTES);
  scenes.forEach((scene, n) => paintDistanceScene(scene, gap, pictures.subarray(n * SCENE_BYTES, (n + 1) * SCENE_BYTES)));
  return {
    pictures,
    labels: Int32Array.from(scenes, ({ shapes, cueColour }) => shapes[cueColour]),
    cueColours: Uint8Array.from(scenes, ({ cueColour }) => cueColour),
  };
}
