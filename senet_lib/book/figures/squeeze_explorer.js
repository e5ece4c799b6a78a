// A picture, the maps that a network's first block makes of it, and the number that squeeze leaves of each map.
import { guess } from "./parts/guess.js";
import { Problem, bars, button, choice, element, figure, formatNumber, heatmap, menu, number } from "./parts/kit.js";
import { panel, picture, player, requirePictures, setText, slider, svg, toggle } from "./parts/kit.js";
import { uniformDraws } from "./parts/seeded_draws.js";
import { normalise, requireNetwork, runBlock, runStem } from "./parts/network_arithmetic.js";

const OPERATORS = {
  avg: { name: "mean", option: "mean", squeeze: (mean) => mean },
  max: { name: "maximum", option: "maximum", squeeze: (mean, largest) => largest },
  both: { name: "midpoint", option: "both: midpoint", squeeze: (mean, largest) => (mean + largest) / 2 },
};
const STEP_SECONDS = 0.16; // five steps in less than a second
const STRONG = 2.5; // full colour from so many times the root mean square of all maps
const BINS = 48;
const SLIVER = 1.5; // per cent of the height: so that a single place shows in the histogram

export default figure((view) => {
  const network = view.arrays("network");
  const [{ name: block, channels, stride }] = requireNetwork(network);
  const pictures = requirePictures(view);
  const run = createRunner(network, block, pictures);
  // One scale for the bars of all pictures, so that the same length is the same number.
  const ranges = new Map();
  const rangeOf = (operator) => {
    if (!ranges.has(operator)) {
      const { squeeze } = OPERATORS[operator];
      const all = pictures.names.flatMap((_, index) => describe(run(index)).map(({ mean, largest }) => squeeze(mean, largest)));
      ranges.set(operator, { least: Math.min(0, ...all), largest: Math.max(0, ...all) });
    }
    return ranges.get(operator);
  };
  const size = { channels, rows: Math.ceil(pictures.rows / stride), columns: Math.ceil(pictures.columns / stride) };
  const tiles = tileSizes(size);
  const photo = createPhoto(view, pictures);
  const grid = createGrid(view, size);
  const chart = createChart(view, size);
  const closeUp = createCloseUp(size);
  const options = Object.entries(OPERATORS).map(([value, { option }]) => [value, option]);
  const operators = choice(view, "operator", { label: "squeeze with", options });
  const shuffler = createShuffler(view);
  const movers = element("div", { class: "squeeze-movers" }, createSqueezer(view, tiles), shuffler.element);
  const parts = [photo.element, grid.element, movers, operators.element, chart.element, closeUp.element];
  const asked = askForTheChanged(view, size.channels, [movers, operators.element, chart.element, closeUp.element, ...grid.means]);
  view.body.append(asked.element, element("div", { class: "squeeze-explorer" }, ...parts));

  return () => {
    const { squeeze, name } = OPERATORS[view.get("operator")];
    const channel = view.get("channel");
    const u = run(view.get("picture"));
    const seed = requireSeed(view);
    const shown = view.get("shuffled") ? shuffle(u, shuffledPlaces(seed, size.rows * size.columns)) : u;
    const tiled = squeezeTiles(shown, tiles[view.get("squeezed")], squeeze);
    const statistics = describe(shown);
    const z = statistics.map(({ mean, largest }) => squeeze(mean, largest));
    const change = describe(u).map(({ mean, largest }, c) => Math.abs(squeeze(mean, largest) - z[c]));

    photo.draw(view.get("picture"));
    const strongest = grid.draw(tiled, z);
    shuffler.draw(view.get("shuffled"), Math.max(...change));
    chart.draw(z, { chosen: channel, ...rangeOf(view.get("operator")) });
    const facts = { channel, name, z: z[channel], ...statistics[channel] };
    closeUp.draw(facts, mapOf(shown, channel), mapOf(tiled, channel), strongest);
    asked.draw();
  };
});

/** Before any mean: how many of them depend on where the numbers of a map stand? */
function askForTheChanged(view, count, covered) {
  const question = `Each map becomes its mean. Now shuffle the places of all maps: how many of the ${count} means change?`;
  const told = "A mean adds up all numbers of its map, and their order does not matter. Press Squeeze, then shuffle.";
  const range = { min: 0, max: count };
  return guess(view, { key: "squeeze", question, range, answer: () => ({ value: 0, told }), covered });
}

// ---------------------------------------------------------------------------------------------------------- the state

function requireSeed(view) {
  const seed = view.get("shuffle_seed");
  if (Number.isInteger(seed) && seed >= 0) return seed;
  throw new Problem(`shuffle_seed is ${seed ?? "not a number"}; it must be a whole number from 0.`);
}

// ----------------------------------------------------------------------------------------------------- the arithmetic

// From a picture's index to u. Each picture passes the network once.
function createRunner(network, block, { rows, columns, planes }) {
  const known = new Map();
  return (index) => {
    if (!known.has(index)) {
      const { u } = runBlock(network, block, runStem(network, normalise(network, planes(index), rows, columns)));
      known.set(index, u);
    }
    return known.get(index);
  };
}

const mapOf = (u, channel) => u.data.subarray(channel * u.rows * u.columns, (channel + 1) * u.rows * u.columns);

// Of each map the sum, the mean, the least and the largest number, and the place of the largest.
function describe(u) {
  return Array.from({ length: u.channels }, (_, channel) => {
    const values = mapOf(u, channel);
    let [sum, least, place] = [0, values[0], 0];
    for (let i = 0; i < values.length; i += 1) {
      sum += values[i];
      if (values[i] < least) least = values[i];
      if (values[i] > values[place]) place = i;
    }
    return { sum, mean: sum / values.length, least, largest: values[place], place };
  });
}

// Heights and widths of tiles, from one place to the whole map: doubled as long as they divide both sides.
function tileSizes({ rows, columns }) {
  const sizes = [];
  for (let side = 1; rows % side === 0 && columns % side === 0; side *= 2) sizes.push([side, side]);
  const [high, wide] = sizes.at(-1);
  return high === rows && wide === columns ? sizes : [...sizes, [rows, columns]];
}

// The squeeze of each tile, at all places of the tile. If the tile is the whole map, it is z.
function squeezeTiles(u, [high, wide], squeeze) {
  const data = new Float32Array(u.data.length);
  for (let top = 0; top < data.length; top += high * u.columns) {
    const bottom = top + high * u.columns;
    for (let left = 0; left < u.columns; left += wide) {
      let [sum, largest] = [0, -Infinity];
      for (let row = top + left; row < bottom; row += u.columns) {
        for (let i = row; i < row + wide; i += 1) {
          sum += u.data[i];
          if (u.data[i] > largest) largest = u.data[i];
        }
      }
      const value = squeeze(sum / (high * wide), largest);
      for (let row = top + left; row < bottom; row += u.columns) data.fill(value, row, row + wide);
    }
  }
  return { ...u, data };
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
const shuffle = (u, order) => ({
  ...u,
  data: u.data.map((_, i) => u.data[i - (i % order.length) + order[i % order.length]]),
});

// --------------------------------------------------------------------------------------------------------- the panels

const placed = (area, box) => {
  box.classList.add(`squeeze-${area}`);
  return box;
};

function createPhoto(view, { names, rows, columns, planes }) {
  const canvas = picture({ rows, columns, label: "the picture" });
  const choose = menu(view, "picture", { label: "picture", options: names.map((name, index) => [index, name]) });
  const box = placed("x", panel("x: a picture", "x", canvas.element, choose.element));
  const draw = (index) => {
    canvas.draw(planes(index));
    canvas.element.setAttribute("aria-label", `the picture: ${names[index]}`);
  };
  return { element: box, draw };
}

// One radio button for each channel, with its map and its z.
function createGrid(view, { channels, rows, columns }) {
  const options = Array.from({ length: channels }, (_, channel) => [channel, String(channel)]);
  const group = choice(view, "channel", { label: "channel", options }).element;
  const cells = [...group.querySelectorAll("label > span")].map((cell, channel) => {
    const map = heatmap({ rows, columns, quantity: "u", label: `map of channel ${channel}` });
    const z = number(`z-${channel}`, { digits: 2 });
    cell.prepend(map.element);
    cell.append(z.element);
    return { map, z };
  });
  const strongest = number("strongest", { digits: 1 });
  const weakest = number("weakest", { digits: 1 });
  const legend = element(
    "p",
    { class: "squeeze-legend" },
    weakest.element,
    element("span", { class: "squeeze-scale" }),
    strongest.element,
    element("span", {}, "choose a map; below it stand its channel and its z"),
  );
  const heading = `u: ${channels} feature maps of the first block, before its gates`;
  const draw = (u, z) => {
    const strong = STRONG * Math.sqrt(u.data.reduce((sum, value) => sum + value * value, 0) / u.data.length);
    cells.forEach((cell, channel) => {
      cell.map.draw(mapOf(u, channel), strong);
      cell.z.set(z[channel]);
    });
    strongest.set(strong);
    weakest.set(-strong);
    return strong;
  };
  const means = cells.map(({ z }) => z.element);
  return { element: placed("u", panel(heading, "u", group, legend)), means, draw };
}

function createSqueezer(view, tiles) {
  const last = tiles.length - 1;
  const show = (step) => (step === 0 ? "place" : step < last ? `${tiles[step].join(" × ")} places` : "map: z");
  const squeeze = slider(view, "squeezed", { label: "one number for each", min: 0, max: last, show });
  const advance = () => {
    const next = view.get("squeezed") >= last ? 0 : view.get("squeezed") + 1;
    view.set("squeezed", next);
    return next < last;
  };
  const play = player(view, { label: "Squeeze", seconds: STEP_SECONDS, advance });
  return element("div", {}, play.element, squeeze.element);
}

function createShuffler(view) {
  const again = button("Another order", () => {
    view.set("shuffle_seed", view.get("shuffle_seed") + 1);
    view.set("shuffled", true);
  });
  const box = toggle(view, "shuffled", { label: "Shuffle the pixels of u" });
  const change = element("output", { "data-name": "largest-change" });
  const result = element("span", { class: "squeeze-change" }, "largest change of a z: ", change);
  const draw = (shuffled, largest) => {
    change.dataset.value = largest;
    setText(change, shuffled ? largest.toFixed(4) : "–");
  };
  return { element: element("div", {}, box.element, again.element, result), draw };
}

function createChart(view, { channels }) {
  const onChoose = (channel) => view.set("channel", channel);
  const chart = bars({ count: channels, quantity: "z", label: "z of each channel", height: 84, onChoose });
  const every = Math.ceil(channels / 16);
  const names = Array.from({ length: Math.ceil(channels / every) }, (_, i) => element("span", {}, String(i * every)));
  const axis = element("div", { class: "squeeze-channels", "aria-hidden": "true" }, ...names);
  const scale = number("scale", { label: "axis, the same for all pictures:" });
  const note = element("p", { class: "parts-note" }, scale.element);
  const box = panel(`z: ${channels} numbers, one for each map`, "z", chart.element, axis, note);
  const draw = (z, { least, largest, chosen }) => {
    scale.set([least, largest].map((end) => formatNumber(end, 2)).join(" to "));
    chart.draw(z, { least, largest, chosen });
  };
  return { element: placed("z", box), draw };
}

// The chosen channel: its map (where), its numbers without their places (how distributed), its z (how much).
function createCloseUp({ rows, columns }) {
  const map = heatmap({ rows, columns, quantity: "u", label: "the chosen map" });
  const ring = element("span", { class: "squeeze-ring" });
  const where = panel("Where?", "u", element("div", { class: "squeeze-large" }, map.element, ring));
  const spread = createHistogram(rows * columns);
  const readout = createReadout(rows, columns);
  const parts = [where, panel("How spread?", "u", spread.element), panel("How much?", "z", readout.element)];
  const draw = (facts, values, tiled, strongest) => {
    map.draw(tiled, strongest);
    ring.hidden = facts.name === "mean";
    ring.style.left = `${(100 * ((facts.place % columns) + 0.5)) / columns}%`;
    ring.style.top = `${(100 * (Math.floor(facts.place / columns) + 0.5)) / rows}%`;
    spread.draw(values, facts);
    readout.draw(facts);
  };
  return { element: element("div", { class: "squeeze-close" }, ...parts), draw };
}

// How many places have which number. Shuffling cannot change it.
function createHistogram(count) {
  const path = svg("path");
  const drawing = svg("svg", { viewBox: `0 0 ${BINS} 100`, preserveAspectRatio: "none", "aria-hidden": "true" }, path);
  const mark = element("span", { class: "squeeze-mark" });
  const note = element("span", { class: "squeeze-note" });
  const [least, largest] = ["least", "largest"].map((name) => number(name, { digits: 2 }));
  const middle = element("span", { class: "squeeze-count" }, `${formatNumber(count)} values`);
  const axis = element("div", { class: "squeeze-axis" }, least.element, middle, largest.element);
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
    setText(note, `z: the ${facts.name}`);
    least.set(facts.least);
    largest.set(facts.largest);
  };
  const plot = element("div", { class: "squeeze-plot" }, drawing, mark);
  return { element: element("div", {}, note, plot, axis), draw };
}

// The arithmetic of the chosen channel, in numbers. Rows and columns count from 1, as in equation 2.
function createReadout(rows, columns) {
  const sum = number("sum", { label: "sum of all values, Σ u", digits: 1 });
  const count = number("count", { label: `÷ ${rows} · ${columns} places` });
  const mean = number("mean", { label: "= mean" });
  const largest = number("largest-value", { label: "largest value" });
  const [row, column] = [number("row", { label: "in row" }), number("column", { label: ", column" })];
  const z = number("z");
  const formula = element("span");
  const average = element("div", {}, sum.element, count.element, mean.element);
  const maximum = element("div", {}, largest.element, element("p", {}, row.element, column.element));
  const draw = (facts) => {
    average.hidden = facts.name === "maximum";
    maximum.hidden = facts.name === "mean";
    setText(formula, `z of channel ${facts.channel}, the ${facts.name}`);
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
