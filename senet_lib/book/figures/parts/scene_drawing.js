// The scenes of the Context World as senet_lib/data/context_world.py paints them, and how any scene of glyphs is painted.

export const SCENE_SIZE = 32;
export const SCENE_BYTES = 3 * SCENE_SIZE * SCENE_SIZE;
export const GLYPH_SIZE = 7;
export const CUE_SIZE = 8;
export const SLOT_WIDTH = 11;
export const CUE = 3; // place of the cue among the things of a scene: three glyphs, then the cue

const MIDDLE = GLYPH_SIZE >> 1;
const fromMiddle = (row, column) => Math.max(Math.abs(row - MIDDLE), Math.abs(column - MIDDLE));
const MASKS = [
  (row, column) => Math.abs(row - MIDDLE) <= 1 || Math.abs(column - MIDDLE) <= 1, // plus
  (row, column) => fromMiddle(row, column) >= MIDDLE - 1, // ring
  (row, column) => Math.abs(row - column) <= 1 || Math.abs(row + column - 2 * MIDDLE) <= 1, // cross
  () => true, // block
];
// From a pixel to that below it, and to that on its right, in a picture that was turned to the left 0 to 3 times.
const TURNED_STEPS = [
  [SCENE_SIZE, 1],
  [1, -SCENE_SIZE],
  [-SCENE_SIZE, -1],
  [-1, SCENE_SIZE],
];

/** Where a square's upper left corner is after quarter turns to the left. */
export function turnCorner([row, column], size, turns) {
  for (let turn = 0; turn < turns; turn += 1) [row, column] = [SCENE_SIZE - column - size, row];
  return [row, column];
}

/** Paint a box of one colour into a picture (3, 32, 32) that is turned afterwards; isLit(row, column) in the box. */
export function paintBox(planes, colour, corner, [height, width], turns, isLit = () => true) {
  const [row, column] = turnCorner(corner, 1, turns);
  const start = (colour * SCENE_SIZE + row) * SCENE_SIZE + column;
  const [down, right] = TURNED_STEPS[turns];
  for (let i = 0; i < height; i += 1) {
    for (let j = 0; j < width; j += 1) planes[start + i * down + j * right] = isLit(i, j) ? 255 : 0;
  }
}

/** Paint the glyph of a shape. */
export function paintGlyph(planes, colour, corner, shape, turns) {
  paintBox(planes, colour, corner, [GLYPH_SIZE, GLYPH_SIZE], turns, MASKS[shape]);
}

/** A scene { shapes, places: the corners of three glyphs and the cue, cueColour, turns } as bytes (3, 32, 32). */
export function renderScene({ shapes, places, cueColour, turns }, planes = new Uint8Array(SCENE_BYTES)) {
  shapes.forEach((shape, colour) => paintGlyph(planes, colour, places[colour], shape, turns));
  paintBox(planes, cueColour, places[CUE], [CUE_SIZE, CUE_SIZE], turns);
  return planes;
}
