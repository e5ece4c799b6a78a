// The field of one unit over a scene, the layers that make it, and what all units of the last map see.
import { guess } from "./parts/guess.js";
import { Problem, choice, clamp, drag, element, figure, heatmap, menu, number, panel, picture } from "./parts/kit.js";
import { phoneFold, setAttributes, slider, svg } from "./parts/kit.js";
import { readStack, stackTable } from "./parts/layer_stack.js";
import { SIDE, growFields, halfWidth, measureInfluence, pixelsInBoxes } from "./parts/receptive_field.js";
import { reachedPlaces, sumInside } from "./parts/receptive_field.js";
import { sentence } from "./parts/sentence.js";

const WORDS = {
  question: ({ units }) => `Of the ${units} units of the last map: how many see cue and glyph?`,
  guesses: [["none", "none"], ["few", "1 to 20"], ["many", "21 to 100"], ["most", "more"]],
  told: ({ size, nearest }) => `One unit sees ${size} pixels; the nearest cue and glyph need a window of ${nearest}. Now change the layers.`,
  unit: "One unit of the last map",
  map: "All units of the last map",
  layers: "The layers",
  show: "Show",
  shows: [["theory", "what it can see"], ["effective", "what it uses"]],
  scene: "Scene",
  sceneOf: ({ number }) => `scene ${number}`,
  row: "unit's row",
  column: "unit's column",
  picture: "The scene",
  influence: "How much each pixel counts",
  things: ["cue", "red", "green", "blue"],
  units: "What each unit of the last map sees",
  kinds: { cue: "sees the cue", glyph: "sees a glyph", neither: "sees neither", both: "sees both" },
  sees: "The unit sees {what}.",
  glyphs: (names) => `the ${new Intl.ListFormat("en").format(names)} glyph${names.length > 1 ? "s" : ""}`,
  what: {
    both: ({ glyphs }) => `the cue and ${glyphs}`,
    cue: () => "the cue, but no glyph",
    glyph: ({ glyphs }) => `${glyphs}, but not the cue`,
    neither: () => "neither the cue nor a glyph",
  },
  field: "Its field is {field}. {reached} of the picture can reach it.",
  fieldSize: ({ size }) => `${size} × ${size} pixels`,
  uses: "Measured on noise, with new weights. Half of the influence lies in a square {half} wide around the middle, {cue} on the cue, {glyphs} on the glyphs.",
  pixels: "pixels",
  count: "{both} of {all} units see cue and glyph.",
};
const NEAREST = 18; // pixels: the smallest window that touches a cue and a glyph
const LETTER = 1.4; // pixels of the picture: the size of the names beside the boxes

// ----------------------------------------------------------------------------------------------------------- the state

function readScenes(view) {
  const pictures = view.array("pictures", ["N", 3, SIDE, SIDE]);
  const count = pictures.shape[0];
  if (!(pictures.data instanceof Uint8Array)) throw new Problem("pictures must hold whole numbers from 0 to 255.");
  const cues = view.array("cue_boxes", [count, 4]);
  const glyphs = view.array("glyph_boxes", [count, 3, 4]);
  const boxes = (name, { data }) =>
    Array.from({ length: data.length / 4 }, (_, i) => {
      const box = Array.from(data.subarray(4 * i, 4 * i + 4));
      const [top, left, height, width] = box;
      const far = Math.max(top + height, left + width);
      if (Math.min(top, left) >= 0 && Math.min(height, width) >= 1 && far <= SIDE) return box;
      const found = `the box ${box.join(", ")} (top, left, height, width)`;
      throw new Problem(`${name} holds ${found}; it must lie in the picture of ${SIDE}x${SIDE} pixels.`);
    });
  const [cueBoxes, glyphBoxes] = [boxes("cue_boxes", cues), boxes("glyph_boxes", glyphs)];
  return Array.from({ length: count }, (_, i) => ({
    planes: pictures.data.subarray(3 * SIDE * SIDE * i, 3 * SIDE * SIDE * (i + 1)),
    boxes: [cueBoxes[i], ...glyphBoxes.slice(3 * i, 3 * i + 3)], // cue, red, green, blue
  }));
}

// --------------------------------------------------------------------------------------------------------- the drawing

const rectangle = (top, left, height, width) => `M${left} ${top}h${width}v${height}h${-width}z`;

/** Neighbouring places as [start, length]. */
function runs(places) {
  const found = [];
  for (const place of places) {
    const last = found.at(-1);
    if (last && place === last[0] + last[1]) last[1] += 1;
    else found.push([place, 1]);
  }
  return found;
}

/** The places of some rows and columns, as rectangles. */
const patches = (rows, columns) =>
  runs(rows)
    .flatMap(([top, height]) => runs(columns).map(([left, width]) => rectangle(top, left, height, width)))
    .join("");

/** An edge that shows on light and on dark: two strokes over each other. */
function edge() {
  const strokes = ["halo", "edge"].map((name) => svg("path", { class: name }));
  return { strokes, draw: (d) => strokes.forEach((stroke) => stroke.setAttribute("d", d)) };
}

/** Call back with row and column, 0 to 1, where the reader presses or drags. */
function onPoint(node, callback) {
  const point = (event) => {
    const { left, top, width, height } = node.getBoundingClientRect();
    callback((event.clientY - top) / height, (event.clientX - left) / width);
  };
  drag(node, point);
}

/** The scene, or how much its pixels count, with the field of the unit over it. */
function fieldPicture() {
  const scene = picture({ rows: SIDE, columns: SIDE, label: WORDS.picture });
  const influence = heatmap({ rows: SIDE, columns: SIDE, quantity: "u", label: WORDS.influence });
  const fog = svg("path", { class: "fog", "fill-rule": "evenodd" });
  const boxes = svg("path", { class: "boxes" });
  const names = WORDS.things.map((name) => svg("text", {}, name));
  const field = edge();
  const marks = [fog, boxes, ...field.strokes, ...names];
  const over = svg("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" }, ...marks);
  const node = element("div", { class: "field-picture" }, scene.element, influence.element, over);

  // A name stands beside its box, and not in the field of a unit that does not see the box.
  const nameBoxes = (all, [fieldTop, fieldLeft, fieldSize], counts) => {
    const spread = (starts) => Math.max(...starts) - Math.min(...starts);
    const glyphs = all.slice(1);
    const sideBySide = spread(glyphs.map(([, left]) => left)) >= spread(glyphs.map(([top]) => top));
    for (const [i, [top, left, height, width]] of all.entries()) {
      const [y, x] = [top + height / 2, left + width / 2];
      const [half, high] = [0.32 * LETTER * names[i].textContent.length, 0.6 * LETTER];
      const beside = sideBySide
        ? [[y < SIDE / 2 ? top + height + high + 0.3 : top - high - 0.3, x]]
        : [[y, x < SIDE / 2 ? left + width + half + 0.5 : left - half - 0.5]];
      const isFree = ([row, column]) =>
        counts[i] > 0 ||
        row + high < fieldTop || row - high > fieldTop + fieldSize ||
        column + half < fieldLeft || column - half > fieldLeft + fieldSize;
      const [row, column] = [...beside, [y, x]].find(isFree) ?? [y, x];
      setAttributes(names[i], { x: column, y: row, "text-anchor": "middle" });
    }
  };
  const draw = ({ planes, boxes: all }, [top, left, size], counts, rows, columns, show) => {
    node.dataset.show = show;
    scene.element.hidden = show !== "theory";
    influence.element.hidden = show === "theory";
    scene.draw(planes);
    nameBoxes(all, [top, left, size], counts);
    boxes.setAttribute("d", all.map((box) => rectangle(...box)).join(""));
    fog.setAttribute("d", rectangle(0, 0, SIDE, SIDE) + patches(rows, columns));
    field.draw(rectangle(top, left, size, size));
  };
  const drawInfluence = (values) => {
    const strongest = Math.max(...values) || 1;
    influence.draw(values.map((value) => value / strongest), 1);
  };
  return { element: node, draw, drawInfluence };
}

// One mark for each unit of a map: the cue is a full square, a glyph a plus, both a large square in another colour.
const MARKS = {
  neither: (y, x, a) => rectangle(y + 0.4 * a, x + 0.4 * a, 0.2 * a, 0.2 * a),
  cue: (y, x, a) => rectangle(y + 0.15 * a, x + 0.15 * a, 0.7 * a, 0.7 * a),
  glyph: (y, x, a) =>
    rectangle(y + 0.4 * a, x + 0.1 * a, 0.2 * a, 0.8 * a) + rectangle(y + 0.1 * a, x + 0.4 * a, 0.8 * a, 0.2 * a),
  both: (y, x, a) => rectangle(y + 0.03 * a, x + 0.03 * a, 0.94 * a, 0.94 * a),
};

/** All units of the last map, each with the mark of what it sees. */
function unitMap() {
  const paths = Object.fromEntries(Object.keys(MARKS).map((kind) => [kind, svg("path", { class: `mark-${kind}` })]));
  const chosen = edge();
  const name = { role: "img", "aria-label": WORDS.units };
  const size = { viewBox: `0 0 ${SIDE} ${SIDE}`, class: "units" };
  const map = svg("svg", { ...size, ...name }, ...Object.values(paths), ...chosen.strokes);
  const sample = (kind) => {
    const mark = svg("path", { d: MARKS[kind](0, 0, 1), class: `mark-${kind}` });
    return svg("svg", { viewBox: "0 0 1 1", "aria-hidden": "true" }, mark);
  };
  const legend = Object.entries(WORDS.kinds).map(([kind, text]) => element("li", {}, sample(kind), text));
  const draw = (kinds, units, unitRow, unitColumn) => {
    const cell = SIDE / units;
    const drawn = Object.fromEntries(Object.keys(MARKS).map((kind) => [kind, ""]));
    for (const [i, kind] of kinds.entries()) {
      drawn[kind] += MARKS[kind](Math.floor(i / units) * cell, (i % units) * cell, cell);
    }
    for (const [kind, d] of Object.entries(drawn)) paths[kind].setAttribute("d", d);
    chosen.draw(rectangle(unitRow * cell - 0.3, unitColumn * cell - 0.3, cell + 0.6, cell + 0.6));
  };
  return { element: element("div", { class: "unit-map" }, map, element("ul", {}, ...legend)), map, draw };
}

/** What a unit sees: both, cue, glyph or neither. counts: pixels of the cue and of each glyph. */
function kindOfUnit([cue, ...glyphs]) {
  const seesGlyph = glyphs.some((count) => count > 0);
  return cue > 0 ? (seesGlyph ? "both" : "cue") : seesGlyph ? "glyph" : "neither";
}

/** The numbers of one unit, and of all units, in sentences. */
function createFacts() {
  const [what, field] = ["what the unit sees", "field"].map((name) => number(name));
  const reached = number("pixels seen", { unit: WORDS.pixels });
  const half = number("half of the influence", { unit: WORDS.pixels });
  const onCue = number("influence of the cue", { unit: "%", digits: 1 });
  const onGlyphs = number("influence of the glyphs", { unit: "%", digits: 1 });
  const [both, all] = ["units that see both", "units"].map((name) => number(name));
  const [can, uses] = [
    sentence(WORDS.field, { field, reached }, "parts-note"),
    sentence(WORDS.uses, { half, cue: onCue, glyphs: onGlyphs }, "parts-note"),
  ];
  const ofUnit = [sentence(WORDS.sees, { what }, "field-sees"), element("div", { class: "parts-stack field-facts" }, can, uses)];
  const ofMap = sentence(WORDS.count, { both, all }, "senet-heading");

  const draw = ({ units, size }, rows, columns, counts, kinds, show) => {
    const glyphs = WORDS.things.slice(1).filter((_, i) => counts[i + 1] > 0);
    what.set(WORDS.what[kindOfUnit(counts)]({ glyphs: WORDS.glyphs(glyphs) }));
    field.set(WORDS.fieldSize({ size }));
    reached.set(rows.length * columns.length);
    both.set(kinds.filter((kind) => kind === "both").length);
    all.set(units * units);
    can.style.visibility = show === "theory" ? "visible" : "hidden"; // the room of the other one stays
    uses.style.visibility = show === "theory" ? "hidden" : "visible";
  };
  /** influence: of each pixel, or null while it is being measured. */
  const drawInfluence = (influence, boxes, centre) => {
    if (influence === null) return [half, onCue, onGlyphs].forEach((one) => one.set("…"));
    const total = sumInside(influence, [0, 0, SIDE, SIDE]) || 1;
    const shares = boxes.map((box) => (100 * sumInside(influence, box)) / total);
    half.set(halfWidth(influence, ...centre));
    onCue.set(shares[0]);
    onGlyphs.set(shares[1] + shares[2] + shares[3]);
  };
  return { ofUnit, ofMap, draw, drawInfluence };
}

// ---------------------------------------------------------------------------------------------------------- the figure

/** Runs a generator in slices of 8 ms, after the next repaint; starting another one drops it. */
function createJob() {
  let latest = null;
  const start = (generator, whenDone) => {
    latest = generator;
    const slice = () => {
      const end = performance.now() + 8;
      while (latest === generator) {
        const { done, value } = generator.next();
        if (done) return whenDone(value);
        if (performance.now() > end) return setTimeout(slice);
      }
    };
    requestAnimationFrame(() => setTimeout(slice));
  };
  return { start, stop: () => (latest = null) };
}

/** What depends on the layers alone. pixels: for each place along an axis of the last map, those that reach it. */
function describeStack(layers) {
  const fields = growFields(layers);
  const { size, jump, units } = fields.at(-1);
  const pixels = Array.from({ length: units }, (_, place) => reachedPlaces(layers, fields, place)[0]);
  return { layers, fields, size, jump, units, pixels };
}

const kindsOfUnits = (units, counts) =>
  Array.from({ length: units * units }, (_, i) => kindOfUnit(counts(Math.floor(i / units), i % units)));

/** What the reader guesses first: of the layers and the scene that the figure begins with. */
function askForBoth(view, { boxes }, { units, size, pixels }, covered) {
  const count = kindsOfUnits(units, pixelsInBoxes(pixels, boxes)).filter((kind) => kind === "both").length;
  return guess(view, {
    key: "field/both",
    question: WORDS.question({ units: units * units }),
    options: WORDS.guesses,
    answer: () => ({ value: count === 0 ? "none" : count <= 20 ? "few" : count <= 100 ? "many" : "most", told: WORDS.told({ size, nearest: NEAREST }) }),
    covered: [covered],
  });
}

export default figure((view) => {
  const scenes = readScenes(view);
  const job = createJob();
  view.onClose(job.stop);
  let stack = null;
  let measured = { key: null, influence: null };

  view.addControl(() => {
    const layers = readStack(view);
    if (JSON.stringify(stack?.layers) === JSON.stringify(layers)) return;
    const before = stack?.units ?? 0;
    stack = describeStack(layers);
    // A smaller stack from Python may leave the unit beside the map: then it moves to the edge.
    for (const axis of ["row", "column"]) {
      if (view.get(axis) >= stack.units && view.get(axis) < before) view.set(axis, stack.units - 1);
    }
  });
  const moveTo = (place) => {
    for (const axis of ["row", "column"]) view.set(axis, clamp(place[axis], stack.units - 1));
  };

  const show = choice(view, "show", { label: WORDS.show, options: WORDS.shows });
  const scene = menu(view, "scene", { label: WORDS.scene, options: scenes.map((_, i) => [i, WORDS.sceneOf({ number: i + 1 })]) });
  const [rowSlider, columnSlider] = ["row", "column"].map((axis) =>
    slider(view, axis, { label: WORDS[axis], min: 0, max: () => stack.units - 1 }),
  );
  const field = fieldPicture();
  onPoint(field.element, (down, right) => {
    const nearest = (part) => Math.round((part * SIDE - 0.5) / stack.jump); // unit i has its middle at pixel i · jump
    moveTo({ row: nearest(down), column: nearest(right) });
  });
  const map = unitMap();
  onPoint(map.map, (down, right) => {
    moveTo({ row: Math.floor(down * stack.units), column: Math.floor(right * stack.units) });
  });
  const table = stackTable(view);
  const facts = createFacts();

  const choices = element("div", { class: "field-choices parts-line" }, show.element, scene.element);
  const unitPanel = panel(WORDS.unit, "x", choices, field.element, rowSlider.element, columnSlider.element, ...facts.ofUnit);
  unitPanel.classList.add("field-unit");
  field.element.classList.add("senet-result");
  const ofAll = element("div", {}, map.element, facts.ofMap);
  const mapPanel = panel(WORDS.map, "u", ofAll);
  mapPanel.classList.add("field-map", "senet-stays");
  const asked = askForBoth(view, scenes[view.get("scene")] ?? scenes[0], describeStack(readStack(view)), ofAll);
  view.body.classList.add("receptive-field");
  view.body.append(asked.element, unitPanel, mapPanel, phoneFold(view, WORDS.layers, panel(WORDS.layers, null, table.element)).element);

  const shownBoxes = () => scenes[view.get("scene")].boxes;
  const drawInfluence = (influence, unit) => {
    facts.drawInfluence(influence, shownBoxes(), unit.map((place) => place * stack.jump));
    if (influence) field.drawInfluence(influence);
  };
  // It needs no scene, so it is kept until the layers or the unit change.
  const measure = (unit) => {
    const key = JSON.stringify([stack.layers, unit]);
    if (measured.key === key) return measured.influence;
    measured = { key, influence: null };
    job.start(measureInfluence(stack.layers, stack.fields, ...unit), (influence) => {
      measured.influence = influence;
      drawInfluence(influence, unit);
    });
    return null;
  };

  return () => {
    const shown = view.get("show");
    const unit = [view.get("row"), view.get("column")];
    const { pixels, units, jump, size } = stack;
    const [rows, columns] = unit.map((place) => pixels[place]);
    const [top, left] = unit.map((place) => place * jump - (size - 1) / 2);
    const counts = pixelsInBoxes(pixels, shownBoxes());
    const kinds = kindsOfUnits(units, counts);
    field.draw(scenes[view.get("scene")], [top, left, size], counts(...unit), rows, columns, shown);
    map.draw(kinds, units, ...unit);
    table.draw(stack.layers, stack.fields);
    asked.draw();
    facts.draw(stack, rows, columns, counts(...unit), kinds, shown);
    if (shown === "effective") drawInfluence(measure(unit), unit);
  };
});
