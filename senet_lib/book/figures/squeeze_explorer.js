// A picture, the maps that a network's first block makes of it, and the number that squeeze leaves of each map. The reader
// paints on a map, and its tiles fall together into its bar; a pinned picture keeps its bars beside those of another.
import { acceptDrops } from "./parts/file_drop.js";
import { guess } from "./parts/guess.js";
import { Problem, button, choice, clamp, colour, disable, drag, element, figure } from "./parts/kit.js";
import { formatNumber, heatmap, number, panel, picture, player, requirePictures, setText } from "./parts/kit.js";
import { slider, svg, toggle, wantsStillness } from "./parts/kit.js";
import { createMemory } from "./parts/memory.js";
import { readPicture } from "./parts/picture_input.js";
import { uniformDraws } from "./parts/seeded_draws.js";
import { normalise, requireNetwork, runBlock, runStem } from "./parts/network_arithmetic.js";

const WORDS = {
  pictures: "picture",
  own: "yours",
  ownMissing: "First choose or drop a picture of yours.",
  choose: "Your picture …",
  drop: "Or drop a file here. It stays in this browser.",
  taken: ({ name }) => `${name} is here, as the network sees it.`,
  map: ({ channel }) => `u: paint map ${channel}`,
  paintable: ({ channel, row, column }) =>
    `map ${channel}: paint on it. The brush is in row ${row}, column ${column}; arrow keys move it, the space bar paints`,
  brush: "brush",
  empty: "Empty the map",
  restore: "Undo all paint",
  nothingPainted: "Nothing is painted on this picture's maps.",
  emptyAlready: "This map is empty already.",
  unpainted: ({ channel }) => `Nothing is painted on map ${channel}: press on it and drag. Let go, and its mean is taken anew.`,
  painted: ({ channel, count, places, sum, change }) =>
    `On map ${channel}, ${count} of ${places} places are painted. That adds ${sum} to its sum, so ${sum} / ${places} = ${change} to its mean. No other mean moves.`,
  squeeze: "Squeeze",
  tiles: "tile",
  onePlace: "1 place",
  somePlaces: ({ high, wide }) => `${high} × ${wide} places`,
  wholeMap: "a map: z",
  operator: "by the",
  pin: "Pin these bars",
  unpin: "Take the pin out",
  notSqueezed: "Nothing is squeezed yet: press Squeeze.",
  maps: ({ channels }) => `u: ${channels} maps, and below each its z`,
  channel: "channel",
  axis: ({ least, largest }) => `Every box: ${least} to ${largest}, for all pictures.`,
  wider: ({ least, largest, before }) => `The scale has grown: every box is now ${least} to ${largest}, no longer ${before}.`,
  now: ({ name }) => `now: ${name}`,
  pinned: ({ name }) => `pinned: ${name}`,
  noPin: "pinned: none",
  closer: "In numbers",
  guessFirst: "Guess first: then shuffle.",
  spread: "How spread?",
  much: "How much?",
  values: ({ count }) => `${count} values`,
  mark: ({ name }) => `z: the ${name}`,
  result: ({ channel, name }) => `z of channel ${channel}, the ${name}`,
  shuffle: "Shuffle the pixels of u",
  order: "Another order",
  change: "largest change of z:",
  sum: "sum of all values, Σ u",
  count: ({ rows, columns }) => `÷ ${rows} · ${columns} places`,
  mean: "= mean",
  largest: "largest value",
  row: "in row",
  column: ", column",
  question: ({ count }) => `Shuffle the places of all maps: how many of the ${count} means change?`,
  told: "A mean adds up all numbers of its map, and their order does not matter. Shuffle, and see.",
};
const OPERATORS = {
  avg: { name: "mean", option: "mean", squeeze: (mean) => mean },
  max: { name: "maximum", option: "maximum", squeeze: (mean, largest) => largest },
  both: { name: "midpoint", option: "midpoint", squeeze: (mean, largest) => (mean + largest) / 2 },
};
const PAINTS = { "+": 1, "-": -1, 0: 0 }; // times the number that has the full colour
const BARE = ".";
const STEP_SECONDS = 0.16; // five steps in less than a second
const HOLD = 5; // steps for which the maps stay flat, before they are whole again
const FALL_MILLISECONDS = 400;
const STRONG = 2.5; // full colour from about so many times the root mean square of all maps
const BRUSHES = 12; // the brush is a twelfth of a map wide
const BINS = 48;
const SLIVER = 1.5; // per cent of the height: so that a single place shows in the histogram

export default figure((view) => {
  const network = view.arrays("network");
  const [{ name: block, channels, stride }] = requireNetwork(network);
  const album = createAlbum(requirePictures(view));
  const run = createRunner(network, block, album);
  const size = { channels, rows: Math.ceil(album.rows / stride), columns: Math.ceil(album.columns / stride) };
  const [places, tiles] = [size.rows * size.columns, tileSizes(size)];
  // One colour scale, one brush and one scale for the bars, from all given pictures: a length is a number.
  const given = album.names.map((_, index) => run(index));
  const full = Number((STRONG * Math.sqrt(meanSquare(given))).toPrecision(1)) || 1;
  const axes = createAxes(given);
  const paintNow = () => requirePaint(view, places);
  const indexNow = () => album.choose(view.get("picture"));
  const keep = createMemory();
  const orderNow = () => {
    const seed = requireSeed(view);
    return view.get("shuffled") ? keep("order", seed, () => shuffledPlaces(seed, places)) : null;
  };
  // A map with its paint, kept for each role (now, pinned) until picture or paint change; key says which it is.
  const paintedMap = (role, index, channel, painted) => {
    const signs = painted[`${index}.${channel}`];
    const key = `${index} ${album.version()} ${signs}`;
    return keep(`${role} ${channel}`, key, () => describeMap(paintMap(mapOf(run(index), channel), signs, full), key));
  };

  const fresh = createFresh(view, size.channels);
  const squeezer = createSqueezer(view, tiles, fresh);
  const pin = createPin(view, fresh, paintNow, indexNow);
  const chooser = createChooser(view, album, pin.element, (index) => {
    if (index === album.own) {
      view.set("painted", withoutPicture(paintNow(), index));
      run.forget(index);
    }
    if (!fresh.hasSqueezed()) return;
    fresh.redo();
    squeezer.start();
  });
  const stage = createStage(view, size, full, { squeezer, fresh, paintNow, orderNow, indexNow });
  const strip = createStrip(view, size);
  const options = Object.entries(OPERATORS).map(([value, { option }]) => [value, option]);
  const operators = choice(view, "operator", { label: WORDS.operator, options });
  const closeUp = createCloseUp(size);
  const shuffler = createShuffler(view);
  const said = element("p", { class: "squeeze-painted", role: "status", "data-name": "painted" });
  const asked = askForTheChanged(view, size.channels, [shuffler.change]);
  const squeezing = element("div", { class: "squeeze-by-hand parts-line" }, ...squeezer.elements, operators.element);
  const parts = [chooser.element, strip.element, stage.element, stage.tools, squeezing, strip.legend, said];
  const end = element("div", { class: "squeeze-end parts-line" }, shuffler.element, closeUp.element);
  view.body.append(element("div", { class: "squeeze-explorer parts-flow" }, ...parts, asked.element, end));

  return () => {
    const { squeeze, name } = OPERATORS[view.get("operator")];
    const [channel, index, painted] = [view.get("channel"), indexNow(), paintNow()];
    const [order, step] = [orderNow(), view.get("squeezed")];
    const plain = Array.from({ length: channels }, (_, c) => paintedMap("now", index, c, painted));
    const shown = plain.map((map, c) => {
      const key = `${map.key} ${view.get("shuffle_seed")}`;
      return order ? keep(`shuffled ${c}`, key, () => describeMap(shuffleMap(map.values, order), key)) : map;
    });
    const tiled = shown.map(({ values, key }, c) => {
      const ofTiles = () => tileMap(values, size, tiles[step], squeeze);
      return step === 0 ? values : keep(`tiled ${c}`, `${key} ${step} ${name}`, ofTiles);
    });
    const zOf = (maps) => maps.map(({ mean, largest }) => squeeze(mean, largest));
    const z = zOf(shown);
    const change = zOf(plain).map((before, c) => Math.abs(before - z[c]));
    const held = requirePinned(view, album, places);
    const zHeld = held && zOf(plain.map((_, c) => paintedMap("pinned", held.picture, c, held.painted)));

    chooser.draw(index);
    stage.draw({ channel, map: tiled[channel], place: shown[channel].place, isMean: name === "mean" });
    const names = { now: album.nameOf(index), pinned: held && album.nameOf(held.picture) };
    strip.draw({ maps: tiled, full, z, zHeld, names, axis: axes(view.get("operator"), [...z, ...(zHeld ?? [])]), fresh });
    closeUp.draw({ ...shown[channel], channel, name, z: z[channel] }, fresh.isHidden(channel));
    setText(said, sayPaint(channel, mapOf(run(index), channel), plain[channel].values, painted[`${index}.${channel}`]));
    pin.draw();
    shuffler.draw(order !== null, Math.max(...change), asked.isOpen());
    strip.fall(fresh.landed());
    asked.draw();
  };
});

/** Before any mean: how many of them depend on where the numbers of a map stand? */
function askForTheChanged(view, count, covered) {
  const question = WORDS.question({ count });
  const answer = () => ({ value: 0, told: WORDS.told });
  return guess(view, { key: "squeeze", question, range: { min: 0, max: count }, answer, covered });
}

// ---------------------------------------------------------------------------------------------------------- the state

function requireSeed(view) {
  const seed = view.get("shuffle_seed");
  if (Number.isInteger(seed) && seed >= 0) return seed;
  throw new Problem(`shuffle_seed is ${seed ?? "not a number"}; it must be a whole number from 0.`);
}

/** From "picture.channel" to a text with one sign for each place: what was painted there, or that nothing was. */
function requirePaint(view, places) {
  const painted = view.get("painted");
  for (const [key, signs] of Object.entries(painted)) checkPaint(`painted.${key}`, signs, places);
  return painted;
}

function checkPaint(name, signs, places) {
  if (typeof signs === "string" && signs.length === places && !/[^-+0.]/.test(signs)) return;
  throw new Problem(`${name} must be a text of ${places} signs, each one of + - 0 and the full stop.`);
}

function requirePinned(view, album, places) {
  const { picture: index, painted = {} } = view.get("pinned");
  if (index === undefined || (index === album.own && !album.hasOwn())) return null;
  Object.entries(painted).forEach(([key, signs]) => checkPaint(`pinned.painted.${key}`, signs, places));
  if (Number.isInteger(index) && index >= 0 && index <= album.own) return { picture: index, painted };
  throw new Problem(`pinned.picture is ${index}; it must be a whole number from 0 to ${album.own}.`);
}

const withoutPicture = (painted, index) =>
  Object.fromEntries(Object.entries(painted).filter(([key]) => !key.startsWith(`${index}.`)));

/** The given pictures, and one of the reader's own, which stays in this browser. */
function createAlbum({ names, rows, columns, planes }) {
  const own = names.length;
  let [mine, version] = [null, 0];
  return {
    ...{ names, rows, columns, own },
    hasOwn: () => mine !== null,
    version: () => version, // counts the reader's pictures
    take(shown) {
      mine = toPlanes(shown, rows, columns);
      version += 1;
    },
    planes: (index) => (index === own ? mine : planes(index)),
    nameOf: (index) => names[index] ?? WORDS.own,
    choose: (index) => (index === own && mine === null ? 0 : index), // it is gone with the page that it was given to
  };
}

function toPlanes(shown, rows, columns) {
  const context = Object.assign(document.createElement("canvas"), { width: columns, height: rows }).getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(shown, 0, 0, columns, rows);
  const { data } = context.getImageData(0, 0, columns, rows);
  const count = rows * columns;
  return Uint8Array.from({ length: 3 * count }, (_, i) => data[4 * (i % count) + Math.floor(i / count)]);
}

/**
 * Which bars are not there yet: none is before the first squeeze, and what was painted on waits for the next one.
 * landed(): the channels whose bars have come since it was asked last.
 */
function createFresh(view, channels) {
  const waiting = new Set();
  let landed = [];
  const hasSqueezed = () => view.get("squeezes") > 0;
  const isHidden = (channel) => !hasSqueezed() || waiting.has(channel);
  const all = Array.from({ length: channels }, (_, channel) => channel);
  return {
    ...{ hasSqueezed, isHidden },
    wait: (channel) => waiting.add(channel),
    redo: () => all.forEach((channel) => waiting.add(channel)),
    land() {
      landed = all.filter(isHidden);
      waiting.clear();
      view.set("squeezes", view.get("squeezes") + 1);
    },
    landed: () => [landed, (landed = [])][0],
  };
}

// ----------------------------------------------------------------------------------------------------- the arithmetic

// From a picture's index to u. Each picture passes the network once.
function createRunner(network, block, { rows, columns, planes }) {
  const known = new Map();
  const run = (index) => {
    if (!known.has(index)) {
      const { u } = runBlock(network, block, runStem(network, normalise(network, planes(index), rows, columns)));
      known.set(index, u);
    }
    return known.get(index);
  };
  return Object.assign(run, { forget: (index) => known.delete(index) });
}

const mapOf = (u, channel) => u.data.subarray(channel * u.rows * u.columns, (channel + 1) * u.rows * u.columns);

function meanSquare(all) {
  const sums = all.map(({ data }) => data.reduce((sum, value) => sum + value * value, 0) / data.length);
  return sums.reduce((sum, one) => sum + one, 0) / all.length;
}

/** A map with what is painted on it. */
function paintMap(values, signs, full) {
  if (!signs) return values;
  return values.map((value, i) => (signs[i] === BARE ? value : PAINTS[signs[i]] * full));
}

const signed = (value, digits) => `${value < 0 ? "" : "+"}${formatNumber(value, digits, true)}`;

/** What the paint on a map does to its mean. */
function sayPaint(channel, before, after, signs) {
  const count = signs ? [...signs].filter((sign) => sign !== BARE).length : 0;
  if (count === 0) return WORDS.unpainted({ channel });
  const sum = after.reduce((total, value, i) => total + value - before[i], 0);
  const [places, change] = [formatNumber(after.length), signed(sum / after.length, 3)];
  return WORDS.painted({ channel, count: formatNumber(count), places, sum: signed(sum, 1), change });
}

/** The ends of the bars' scale: those for all given pictures, or wider ones if a bar needs them. */
function createAxes(given) {
  const ends = new Map();
  return (operator, values) => {
    const { squeeze } = OPERATORS[operator];
    if (!ends.has(operator)) {
      ends.set(operator, roundEnds(given.flatMap((u) => describe(u).map(({ mean, largest }) => squeeze(mean, largest)))));
    }
    const usual = ends.get(operator);
    const needed = roundEnds(values);
    return {
      usual,
      least: Math.min(usual.least, needed.least),
      largest: Math.max(usual.largest, needed.largest),
    };
  };
}

/** 0 or the next of 1, 2, 5, 10, … and a tenth of them, beyond the least and beyond the largest of all numbers. */
function roundEnds(values) {
  const up = (value) => {
    if (value <= 0) return 0;
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].map((step) => Number((step * power).toPrecision(1))).find((step) => step >= value);
  };
  return { least: -up(-Math.min(...values)) || 0, largest: up(Math.max(...values)) };
}

// A map with its sum, its mean, its least and its largest number, and the place of the largest.
function describeMap(values, key = "") {
  let [sum, least, place] = [0, values[0], 0];
  for (let i = 0; i < values.length; i += 1) {
    sum += values[i];
    if (values[i] < least) least = values[i];
    if (values[i] > values[place]) place = i;
  }
  return { values, key, sum, mean: sum / values.length, least, largest: values[place], place };
}

const describe = (u) => Array.from({ length: u.channels }, (_, channel) => describeMap(mapOf(u, channel)));

// Heights and widths of tiles, from one place to the whole map: doubled as long as they divide both sides.
function tileSizes({ rows, columns }) {
  const sizes = [];
  for (let side = 1; rows % side === 0 && columns % side === 0; side *= 2) sizes.push([side, side]);
  const [high, wide] = sizes.at(-1);
  return high === rows && wide === columns ? sizes : [...sizes, [rows, columns]];
}

// The squeeze of each tile, at all places of the tile. If the tile is the whole map, it is z.
function tileMap(values, { columns }, [high, wide], squeeze) {
  const data = new Float32Array(values.length);
  for (let top = 0; top < data.length; top += high * columns) {
    const bottom = top + high * columns;
    for (let left = 0; left < columns; left += wide) {
      let [sum, largest] = [0, -Infinity];
      for (let row = top + left; row < bottom; row += columns) {
        for (let i = row; i < row + wide; i += 1) {
          sum += values[i];
          if (values[i] > largest) largest = values[i];
        }
      }
      const value = squeeze(sum / (high * wide), largest);
      for (let row = top + left; row < bottom; row += columns) data.fill(value, row, row + wide);
    }
  }
  return data;
}

// A random order of so many places (Fisher and Yates).
function shuffledPlaces(seed, count) {
  const draws = uniformDraws(seed, count);
  const order = Int32Array.from(draws, (_, i) => i);
  for (let i = count - 1; i > 0; i -= 1) {
    const other = Math.floor(draws[i] * (i + 1));
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

// One new order for all maps: place i gets what stood at place order[i].
const shuffleMap = (values, order) => values.map((_, i) => values[order[i]]);

// --------------------------------------------------------------------------------------------------------- the panels

/** The pictures to choose from, a way for one of the reader's own, and the pin. changed(index): another one is chosen. */
function createChooser(view, album, pin, changed) {
  const options = [...album.names, WORDS.own].map((name, index) => [index, name]);
  const group = choice(view, "picture", { label: WORDS.pictures, options, then: changed }).element;
  group.style.setProperty("--count", options.length);
  const canvases = [...group.querySelectorAll("label > span")].map((cell) => {
    const canvas = picture({ rows: album.rows, columns: album.columns, label: "" });
    canvas.element.setAttribute("aria-hidden", "true");
    cell.prepend(canvas.element);
    return canvas;
  });
  const keep = createMemory();
  const own = group.querySelector("label:last-of-type");
  const status = element("span", { role: "status", class: "parts-note", "data-name": "own" }, WORDS.drop);
  const file = element("input", { type: "file", accept: "image/*", hidden: true });
  const take = async (given) => {
    if (!given) return;
    try {
      const { name, shown } = await readPicture(given);
      album.take(shown);
      setText(status, WORDS.taken({ name }));
      changed(album.own);
      view.set("picture", album.own);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setText(status, error.message);
    }
  };
  file.addEventListener("change", () => {
    take(file.files[0]);
    file.value = ""; // so that the same file can be chosen again
  });
  own.addEventListener("click", () => album.hasOwn() || file.click());
  acceptDrops(view, view.body, ({ files }) => take(files[0]));
  const choose = button(WORDS.choose, () => file.click()).element;
  const ways = element("div", { class: "squeeze-own parts-line" }, choose, pin, status, file);
  const draw = (index) => {
    const radio = own.querySelector("input");
    radio.disabled = !album.hasOwn();
    radio.checked = radio.checked && album.hasOwn();
    own.title = album.hasOwn() ? "" : WORDS.ownMissing;
    keep("drawn", album.version(), () => {
      canvases.forEach((canvas, k) => (k < album.own || album.hasOwn()) && canvas.draw(album.planes(k)));
    });
    group.querySelectorAll("input")[index].checked = true;
  };
  return { element: element("div", { class: "squeeze-x" }, group, ways), draw };
}

/** The chosen map, large, with a brush on it; and the brush's colours beside it. */
function createStage(view, { rows, columns }, full, { squeezer, fresh, paintNow, orderNow, indexNow }) {
  const breadth = Math.max(1, Math.round(columns / BRUSHES));
  const map = heatmap({ rows, columns, quantity: "u", label: "the chosen map" });
  const ring = element("span", { class: "squeeze-ring" });
  const brush = element("span", { class: "squeeze-brush", style: `width: ${(100 * breadth) / columns}%; height: ${(100 * breadth) / rows}%` });
  const heading = element("span");
  const pad = element("div", { class: "squeeze-large", tabindex: 0, role: "application" }, map.element, ring, brush);
  let [row, column] = [Math.floor(rows / 2), Math.floor(columns / 2)];

  const keyNow = () => `${indexNow()}.${view.get("channel")}`;
  const signsNow = () => [...(paintNow()[keyNow()] ?? BARE.repeat(rows * columns))];
  const setSigns = (signs) => view.set("painted", { ...paintNow(), [keyNow()]: signs.join("") });
  const begin = () => {
    fresh.wait(view.get("channel"));
    squeezer.stop();
    view.set("squeezed", 0);
  };
  // From where the brush was to where it is: a fast hand skips places.
  const paintTo = (toRow, toColumn) => {
    const [signs, order, sign] = [signsNow(), orderNow(), view.get("brush")];
    const steps = Math.max(1, Math.abs(toRow - row), Math.abs(toColumn - column));
    const corner = (middle, most) => clamp(middle - Math.floor(breadth / 2), most - breadth);
    for (let step = 0; step <= steps; step += 1) {
      const top = corner(Math.round(row + ((toRow - row) * step) / steps), rows);
      const left = corner(Math.round(column + ((toColumn - column) * step) / steps), columns);
      for (let i = 0; i < breadth * breadth; i += 1) {
        const place = (top + Math.floor(i / breadth)) * columns + left + (i % breadth);
        signs[order ? order[place] : place] = sign;
      }
    }
    [row, column] = [toRow, toColumn];
    setSigns(signs);
  };
  const placeOf = ({ clientX, clientY }) => {
    const { left, top, width, height } = map.element.getBoundingClientRect();
    const along = (share, count) => clamp(Math.floor(share * count), count - 1);
    return [along((clientY - top) / height, rows), along((clientX - left) / width, columns)];
  };
  let isDown = false;
  drag(pad, (event) => {
    const place = placeOf(event);
    if (!isDown) {
      [row, column] = place;
      isDown = true;
      begin();
    }
    paintTo(...place);
  });
  const end = () => {
    if (isDown) squeezer.start();
    isDown = false;
  };
  for (const type of ["pointerup", "pointercancel"]) pad.addEventListener(type, end);
  pad.addEventListener("keydown", (event) => {
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
    if (down === 0 && right === 0 && event.key !== " ") return;
    event.preventDefault();
    if (event.key === " ") {
      begin();
      paintTo(row, column);
      squeezer.start();
      return;
    }
    [row, column] = [clamp(row + down * breadth, rows - 1), clamp(column + right * breadth, columns - 1)];
    drawBrush();
  });
  const drawBrush = () => {
    const corner = (middle, most) => clamp(middle - Math.floor(breadth / 2), most - breadth);
    brush.style.left = `${(100 * corner(column, columns)) / columns}%`;
    brush.style.top = `${(100 * corner(row, rows)) / rows}%`;
    pad.setAttribute("aria-label", WORDS.paintable({ channel: view.get("channel"), row: row + 1, column: column + 1 }));
  };

  const kinds = Object.entries(PAINTS).map(([sign, times]) => [sign, times === 0 ? "0" : signed(times * full, full % 1 ? 1 : 0)]);
  const kind = choice(view, "brush", { label: WORDS.brush, options: kinds.sort(([a], [b]) => PAINTS[b] - PAINTS[a]) });
  const change = (signs) => {
    begin();
    view.set("painted", signs);
    squeezer.start();
  };
  const isEmpty = () => /^0+$/.test(paintNow()[keyNow()] ?? "");
  const hasPaint = () => Object.keys(paintNow()).some((key) => key.startsWith(`${indexNow()}.`));
  const empty = button(WORDS.empty, () => isEmpty() || change({ ...paintNow(), [keyNow()]: "0".repeat(rows * columns) })).element;
  const restore = button(WORDS.restore, () => {
    if (!hasPaint()) return;
    fresh.redo();
    change(withoutPicture(paintNow(), indexNow()));
  }).element;
  const draw = ({ channel, map: values, place, isMean }) => {
    map.draw(values, full);
    setText(heading, WORDS.map({ channel }));
    ring.hidden = isMean;
    ring.style.left = `${(100 * ((place % columns) + 0.5)) / columns}%`;
    ring.style.top = `${(100 * (Math.floor(place / columns) + 0.5)) / rows}%`;
    drawBrush();
    disable(empty, isEmpty() && WORDS.emptyAlready);
    disable(restore, !hasPaint() && WORDS.nothingPainted);
  };
  const tools = element("div", { class: "squeeze-tools" }, kind.element, empty, restore);
  return { element: element("div", { class: "squeeze-stage" }, panel(heading, "u", pad)), tools, draw };
}

/** Press Squeeze: the maps' tiles grow, the bars come, and the maps are whole again. With reduced motion at once. */
function createSqueezer(view, tiles, fresh) {
  const last = tiles.length - 1;
  const sizeOf = ([high, wide]) => WORDS.somePlaces({ high, wide });
  const show = (step) => (step === 0 ? WORDS.onePlace : step < last ? sizeOf(tiles[step]) : WORDS.wholeMap);
  const then = (step) => step === last && fresh.land();
  const byHand = slider(view, "squeezed", { label: WORDS.tiles, min: 0, max: last, show, then });
  let flat = 0; // for how many steps the maps have been flat
  const advance = () => {
    const step = view.get("squeezed");
    if (step < last) {
      view.set("squeezed", step + 1);
      if (step + 1 === last) fresh.land();
      return true;
    }
    flat += 1;
    if (flat < HOLD) return true;
    view.set("squeezed", 0);
    return false;
  };
  const play = player(view, { label: WORDS.squeeze, seconds: STEP_SECONDS, advance });
  const isRunning = () => play.element.getAttribute("aria-pressed") === "true";
  play.element.addEventListener("click", () => {
    if (!isRunning()) return;
    flat = 0;
    if (view.get("squeezed") === last) view.set("squeezed", 0);
  });
  const start = () => {
    if (play.element.hidden) return fresh.land();
    play.stop();
    view.set("squeezed", 0);
    play.element.click();
  };
  const still = wantsStillness() ? button(WORDS.squeeze, () => fresh.land()).element : "";
  return { elements: [play.element, still, byHand.element], start, stop: play.stop };
}

/** Keep the bars that stand there, with the paint on their maps. */
function createPin(view, fresh, paintNow, indexNow) {
  const isPinned = () => view.get("pinned").picture !== undefined;
  const press = () => {
    if (isPinned()) view.set("pinned", {});
    else if (fresh.hasSqueezed()) {
      const own = Object.entries(paintNow()).filter(([key]) => key.startsWith(`${indexNow()}.`));
      view.set("pinned", { picture: indexNow(), painted: Object.fromEntries(own) });
    }
  };
  const node = button(WORDS.pin, press).element;
  node.classList.add("squeeze-pin");
  const draw = () => {
    setText(node, isPinned() ? WORDS.unpin : WORDS.pin);
    disable(node, !isPinned() && !fresh.hasSqueezed() && WORDS.notSqueezed);
  };
  return { element: node, draw };
}

/** One radio button for each channel: its map, the box with its bars, its z, and that of the pinned picture. */
function createStrip(view, { channels, rows, columns }) {
  const options = Array.from({ length: channels }, (_, channel) => [channel, String(channel)]);
  const group = choice(view, "channel", { label: WORDS.channel, options }).element;
  const cells = [...group.querySelectorAll("label > span")].map((cell, channel) => {
    const map = heatmap({ rows, columns, quantity: "u", label: `map of channel ${channel}` });
    const [bar, pinnedBar, zero] = ["now", "pinned", "zero"].map((kind) => element("i", { class: `squeeze-${kind}` }));
    const z = number(`z-${channel}`, { digits: 2 });
    const held = number(`pinned-z-${channel}`, { digits: 2 });
    held.element.classList.add("squeeze-held");
    const box = element("span", { class: "squeeze-box", "aria-hidden": "true" }, zero, pinnedBar, bar);
    cell.prepend(map.element, box, z.element, held.element);
    return { cell, map, bar, pinnedBar, zero, z, held };
  });
  const painted = []; // the theme's paper that each map was drawn on
  const keys = ["now", "pinned"].map((kind) => [element("i", { class: `squeeze-${kind}` }), element("span")]);
  const scale = element("span", { "data-name": "scale" });
  const pairs = keys.map((pair) => element("span", {}, ...pair));
  const legend = element("p", { class: "squeeze-legend parts-flow" }, ...pairs, scale);
  const draw = ({ maps, full, z, zHeld, names, axis, fresh }) => {
    const paper = colour(view.body, "--senet-map-paper"); // another theme draws all maps anew
    const share = (value) => (100 * (value - axis.least)) / (axis.largest - axis.least);
    const stand = (node, value) => {
      const [from, to] = [share(Math.min(0, value)), share(Math.max(0, value))];
      Object.assign(node.style, { bottom: `${from}%`, height: `${to - from}%` });
    };
    cells.forEach(({ cell, map, bar, pinnedBar, zero, z: shown, held }, channel) => {
      if (map.element.values !== maps[channel] || String(paper) !== painted[channel]) map.draw(maps[channel], full);
      painted[channel] = String(paper);
      cell.classList.toggle("squeeze-waiting", fresh.isHidden(channel));
      cell.classList.toggle("squeeze-both", zHeld !== null);
      zero.style.bottom = `${share(0)}%`;
      stand(bar, z[channel]);
      shown.set(z[channel]);
      pinnedBar.hidden = zHeld === null;
      if (zHeld) stand(pinnedBar, zHeld[channel]);
      held.set(zHeld ? zHeld[channel] : "");
    });
    setText(keys[0][1], WORDS.now({ name: names.now }));
    setText(keys[1][1], names.pinned ? WORDS.pinned({ name: names.pinned }) : WORDS.noPin);
    const ends = [axis.least, axis.largest, axis.usual.least, axis.usual.largest];
    const [least, largest, low, high] = ends.map((end) => formatNumber(end, 1));
    const isWider = least !== low || largest !== high;
    setText(scale, isWider ? WORDS.wider({ least, largest, before: `${low} to ${high}` }) : WORDS.axis({ least, largest }));
    scale.classList.toggle("squeeze-wider", isWider);
  };
  /** What is left of each of these maps, a flat tile, falls into its box and is its bar. */
  const fall = (landed) => {
    if (wantsStillness()) return;
    for (const channel of landed) {
      const { map, bar } = cells[channel];
      const [from, to] = [map.element, bar].map((node) => node.getBoundingClientRect());
      const [right, down] = [from.left + from.width / 2 - to.left - to.width / 2, from.bottom - to.bottom];
      const tall = from.height / Math.max(1, to.height);
      const start = `translate(${right}px, ${down}px) scale(${from.width / to.width}, ${tall})`;
      const frames = { transform: [start, "none"], transformOrigin: ["bottom", "bottom"] };
      bar.animate(frames, { duration: FALL_MILLISECONDS, easing: "cubic-bezier(0.6, 0, 0.9, 0.6)" });
    }
  };
  const whole = panel(WORDS.maps({ channels }), "z", group);
  whole.classList.add("squeeze-strip", "senet-stays");
  return { element: whole, legend, draw, fall };
}

function createShuffler(view) {
  const again = button(WORDS.order, () => {
    if (again.ariaDisabled === "true") return;
    view.set("shuffle_seed", view.get("shuffle_seed") + 1);
    view.set("shuffled", true);
  }).element;
  const box = toggle(view, "shuffled", { label: WORDS.shuffle }).element;
  const change = element("output", { "data-name": "largest-change", class: "parts-unknown" });
  const draw = (shuffled, largest, isOpen) => {
    change.dataset.value = largest;
    setText(change, shuffled ? largest.toFixed(4) : "–");
    box.querySelector("input").disabled = isOpen;
    box.title = isOpen ? WORDS.guessFirst : "";
    disable(again, isOpen && WORDS.guessFirst);
  };
  return { element: element("div", { class: "squeeze-shuffler parts-line" }, box, again, element("span", {}, WORDS.change, " ", change)), change, draw };
}

// The chosen channel: its numbers without their places (how distributed), and its z (how much).
function createCloseUp({ rows, columns }) {
  const spread = createHistogram(rows * columns);
  const readout = createReadout(rows, columns);
  const parts = [panel(WORDS.spread, "u", spread.element), panel(WORDS.much, "z", readout.element)];
  const box = element("details", {}, element("summary", {}, WORDS.closer), element("div", { class: "squeeze-close" }, ...parts));
  const draw = (facts, isWaiting) => {
    box.classList.toggle("squeeze-waiting", isWaiting);
    spread.draw(facts.values, facts);
    readout.draw(facts);
  };
  return { element: box, draw };
}

// How many places have which number. Shuffling cannot change it.
function createHistogram(count) {
  const path = svg("path");
  const drawing = svg("svg", { viewBox: `0 0 ${BINS} 100`, preserveAspectRatio: "none", "aria-hidden": "true" }, path);
  const mark = element("span", { class: "squeeze-mark" });
  const note = element("span", { class: "squeeze-note" });
  const [least, largest] = ["least", "largest"].map((name) => number(name, { digits: 2 }));
  const middle = element("span", { class: "squeeze-count" }, WORDS.values({ count: formatNumber(count) }));
  const axis = element("div", { class: "squeeze-axis parts-flow" }, least.element, middle, largest.element);
  const draw = (values, facts) => {
    const width = (facts.largest - facts.least) / BINS || 1;
    const counts = new Array(BINS).fill(0);
    for (const value of values) counts[Math.min(BINS - 1, Math.floor((value - facts.least) / width))] += 1;
    const most = Math.max(...counts);
    const column = (count, bin) => `M${bin} 100V${100 - Math.max(SLIVER, (100 * count) / most)}h1V100z`;
    path.setAttribute("d", counts.map((count, bin) => (count > 0 ? column(count, bin) : "")).join(""));
    const place = `${(100 * (facts.z - facts.least)) / (width * BINS)}%`;
    mark.style.left = place;
    note.style.left = place;
    note.style.transform = `translateX(-${place})`;
    setText(note, WORDS.mark(facts));
    least.set(facts.least);
    largest.set(facts.largest);
  };
  const plot = element("div", { class: "squeeze-plot" }, drawing, mark);
  return { element: element("div", {}, note, plot, axis), draw };
}

// The arithmetic of the chosen channel, in numbers. Rows and columns count from 1, as in equation 2.
function createReadout(rows, columns) {
  const sum = number("sum", { label: WORDS.sum, digits: 1 });
  const count = number("count", { label: WORDS.count({ rows, columns }) });
  const mean = number("mean", { label: WORDS.mean });
  const largest = number("largest-value", { label: WORDS.largest });
  const [row, column] = [number("row", { label: WORDS.row }), number("column", { label: WORDS.column })];
  const z = number("z");
  const formula = element("span");
  const average = element("div", {}, sum.element, count.element, mean.element);
  const maximum = element("div", {}, largest.element, element("p", {}, row.element, column.element));
  const draw = (facts) => {
    average.hidden = facts.name === "maximum";
    maximum.hidden = facts.name === "mean";
    setText(formula, WORDS.result(facts));
    sum.set(facts.sum);
    count.set(rows * columns);
    mean.set(facts.mean);
    largest.set(facts.largest);
    row.set(Math.floor(facts.place / columns) + 1);
    column.set((facts.place % columns) + 1);
    z.set(facts.z);
  };
  const result = element("div", { class: "squeeze-result" }, formula, z.element);
  return { element: element("div", { class: "squeeze-readout" }, average, maximum, result), draw };
}
