// A convolution, one place at a time: each product, the sum of each channel, and the sum over channels (equation 1).
import { guess } from "./parts/guess.js";
import { Problem, button, clamp, colour, disable, element, figure, formatNumber, heatmap, phoneFold } from "./parts/kit.js";
import { menu, number, panel, player, setChildren, setText, slider, toggle } from "./parts/kit.js";
import { sentence } from "./parts/sentence.js";
import { sumOf } from "./parts/statistics.js";

const WORDS = {
  question: ({ filter, row, column }) => `What will “${filter}” say at row ${row}, column ${column}?`,
  told: ({ filter }) => `Choose “${filter}” above the maps, and look.`,
  play: "Play",
  previous: "Previous",
  next: "Next",
  isFirst: "This is the first place.",
  isLast: "This is the last place.",
  filter: "filter v",
  row: "row",
  column: "column",
  more: "Row and column as numbers",
  whole: "show the whole map",
  cells: "In each cell: {x} · v, and below it their product.",
  sees: ({ taps, all }) => `The unit sees ${taps} of the ${all} numbers of x. The window brings other numbers x; the weights v stay the same at every place.`,
  table: ({ name }) => `the window on ${name} times its slice of the filter`,
  sum: "sum =",
  map: ({ name }) => `x, channel ${name}`,
  window: ({ name }) => `window on ${name}`,
  place: ({ row, column }) => `row ${row}, column ${column}`,
  outputTable: "output map u",
  output: "output map of this filter",
};
const COLOURED = ["red", "green", "blue"]; // channels that are drawn in their own colour
const KERNEL = 3;
const TAPS = KERNEL * KERNEL;
const FIRST_GUESS = 4; // where the slider stands: not at 0, which is the answer of an edge filter on an even patch
const MOST_CHANNELS = 3;
const MOST_PIXELS = 10; // on a phone there is no room for the numbers of more places
const SECONDS_PER_PLACE = 0.35;
const NARROWEST_CELL = 37; // pixels, for a number like −1.25
const STRONGEST_TINT = 45; // per cent of the quantity's colour: text on it stays readable

/** Before the reader chooses it: what will the second filter say at the place that is shown first? */
function askForTheSecond(view, data, last) {
  const [top, left] = [clamp(view.get("row"), last.row) || 0, clamp(view.get("column"), last.column) || 0];
  const filter = Math.min(1, data.filterNames.length - 1);
  const name = data.filterNames[filter];
  const answer = () => {
    const u = outputMap(data, weightsOf(data, filter));
    return { value: Number(u[top * (last.column + 1) + left].toFixed(2)), told: WORDS.told({ filter: name }) };
  };
  const question = WORDS.question({ filter: name, row: top, column: left });
  return guess(view, { key: `filter/${name}`, question, range: { min: -TAPS, max: TAPS, start: FIRST_GUESS }, answer });
}

export default figure((view) => {
  const data = readConvolution(view);
  const last = { row: data.rows - KERNEL, column: data.columns - KERNEL };
  const wide = last.column + 1;
  const places = (last.row + 1) * wide;
  const place = () => view.get("row") * wide + view.get("column");

  const moveTo = (toRow, toColumn) => {
    view.set("row", clamp(toRow, last.row));
    view.set("column", clamp(toColumn, last.column));
  };
  const step = (by) => {
    const next = clamp(place() + by, places - 1);
    moveTo(Math.floor(next / wide), next % wide);
  };
  // Play goes on to the last place. From there it begins again, else it would have nothing to do.
  const advance = () => {
    step(place() === places - 1 ? -places : 1);
    return place() < places - 1;
  };
  const play = player(view, { label: WORDS.play, seconds: SECONDS_PER_PLACE, advance });
  const byHand = (action) => (...values) => {
    play.stop();
    action(...values);
  };
  const moveByHand = byHand(moveTo);
  const [previous, next] = [-1, 1].map((by) => button(by < 0 ? WORDS.previous : WORDS.next, byHand(() => step(by))));

  const options = data.filterNames.map((name, index) => [index, name]);
  const filter = menu(view, "filter", { label: WORDS.filter, options });
  const limits = { label: WORDS.row, min: 0, max: last.row, then: play.stop };
  const rowSlider = slider(view, "row", limits);
  const columnSlider = slider(view, "column", { ...limits, label: WORDS.column, max: last.column });
  const whole = toggle(view, "whole", { label: WORDS.whole });

  const channels = data.channelNames.map((name, s) => createChannel(view, data, s, name, moveByHand));
  const total = createSum(data.channelNames);
  const output = createOutput(last, moveByHand);
  const buttons = element("div", { class: "senet-stepper-buttons" }, previous.element, next.element, play.element);
  const facts = element("p", { class: "parts-note" }, WORDS.sees({ taps: TAPS * data.channels, all: data.x.length }));
  const byNumber = phoneFold(view, WORDS.more, rowSlider.element, columnSlider.element);
  const note = sentence(WORDS.cells, { x: element("span", { class: "senet-stepper-x" }, "x") }, "parts-note");
  const asked = askForTheSecond(view, data, last);
  view.body.append(asked.element, element("div", { class: "senet-stepper parts-column" },
    element("div", { class: "senet-stepper-filter parts-line" }, filter.element, note),
    element("div", { class: "senet-stepper-channels" }, ...channels.map((channel) => channel.element)),
    total.element,
    output.element,
    element("div", { class: "senet-stepper-controls" }, buttons, byNumber.element, whole.element, facts)));

  let painted = null; // the colours that the maps have now
  return () => {
    const colours = ["--quantity-x", "--senet-map-paper", "--senet-negative"].map((name) => colour(view.body, name)).join();
    if (colours !== painted) channels.forEach((channel) => channel.paint());
    painted = colours;
    const v = view.get("filter");
    const [r, c] = [view.get("row"), view.get("column")];
    const weights = weightsOf(data, v);
    const largestProduct = largestSize(data.x) * largestSize(weights);
    const sums = channels.map((channel) => channel.draw(weights, r, c, largestProduct));
    total.draw(r, c, sums);
    output.draw(outputMap(data, weights), r, c, view.get("whole"));
    disable(previous.element, place() === 0 && WORDS.isFirst);
    disable(next.element, place() === places - 1 && WORDS.isLast);
    asked.draw();
  };
});

function readConvolution(view) {
  const x = view.array("x", ["S", "H", "W"]);
  const [channels, rows, columns] = x.shape;
  if (channels > MOST_CHANNELS) throw new Problem(`x has ${channels} channels; it must have 1 to ${MOST_CHANNELS}.`);
  if (Math.min(rows, columns) < KERNEL || Math.max(rows, columns) > MOST_PIXELS) {
    throw new Problem(`x has ${rows} rows and ${columns} columns; each must be from ${KERNEL} to ${MOST_PIXELS}.`);
  }
  const filters = view.array("filters", ["F", channels, KERNEL, KERNEL]);
  const filterNames = readNames(view, "filter_names", filters.shape[0], "filter");
  const channelNames = readNames(view, "channel_names", channels, "channel of x");
  return { x: x.data, channels, rows, columns, filters: filters.data, filterNames, channelNames };
}

function readNames(view, name, count, owner) {
  const names = view.data(name);
  if (names.length === count) return names;
  throw new Problem(`${name} has ${names.length} texts; it must have ${count}, one for each ${owner}.`);
}

/** The weights of one filter. */
const weightsOf = ({ filters, channels }, v) => filters.subarray(v * channels * TAPS, (v + 1) * channels * TAPS);

const largestSize = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

// --------------------------------------------------------------------------------------------------- the arithmetic

/** Where in x the tap of a window stands that has its upper left pixel at (top, left) of channel s. */
const indexOfTap = ({ rows, columns }, s, top, left, tap) =>
  (s * rows + top + Math.floor(tap / KERNEL)) * columns + left + (tap % KERNEL);

/** The nine products of one channel: x^s in the window, times the slice v^s. */
function productsAt(data, weights, s, top, left) {
  const products = new Float64Array(TAPS);
  for (let tap = 0; tap < TAPS; tap += 1) {
    products[tap] = data.x[indexOfTap(data, s, top, left, tap)] * weights[s * TAPS + tap];
  }
  return products;
}

/** u at all places, row by row. */
function outputMap(data, weights) {
  const u = [];
  for (let top = 0; top + KERNEL <= data.rows; top += 1) {
    for (let left = 0; left + KERNEL <= data.columns; left += 1) {
      let sum = 0;
      for (let s = 0; s < data.channels; s += 1) sum += sumOf(productsAt(data, weights, s, top, left));
      u.push(sum);
    }
  }
  return u;
}

// ------------------------------------------------------------------------------------------------------ the drawing

const written = (value, digits = 2) => formatNumber(value + 0, digits); // + 0: no negative zero
const bracketed = (value) => written(value).replace(/^−.*/, "($&)");

/** The background says sign and size of a number that is written on it. */
function tint(node, value, largest) {
  const share = largest > 0 ? Math.round((STRONGEST_TINT * Math.abs(value)) / largest) : 0;
  if (node.dataset.share === String(share) && node.classList.contains("negative") === value < 0) return;
  node.dataset.share = share;
  node.style.setProperty("--share", `${share}%`);
  node.classList.toggle("negative", value < 0);
}

function showNumber(node, value, write = written) {
  setText(node, write(value));
  node.dataset.value = value;
}

/** A table of rows x columns cells. Not an HTML table: each book and notebook paints those in its own way. */
function createTable(label, rows, columns) {
  const cells = Array.from({ length: rows * columns }, () => element("div", { role: "cell" }));
  const lines = Array.from({ length: rows }, (_, r) => cells.slice(r * columns, (r + 1) * columns));
  const table = element("div", { role: "table", "aria-label": label, style: `--columns: ${columns}` });
  table.append(...lines.map((line) => element("div", { role: "row" }, ...line)));
  return { element: table, cells };
}

/** x^s with the window, its nine products, and their sum. draw(…) returns the sum. */
function createChannel(view, data, s, name, moveTo) {
  const map = createWindowMap(view, data, s, name, moveTo);
  const taps = Array.from({ length: TAPS }, (_, tap) => ({
    x: element("span", { class: "senet-stepper-x", "data-name": `x-${s}-${tap}` }),
    v: element("span", { "data-name": `v-${s}-${tap}` }),
    product: element("strong", { "data-name": `product-${s}-${tap}` }),
  }));
  const table = createTable(WORDS.table({ name }), KERNEL, KERNEL);
  taps.forEach(({ x, v, product }, tap) => table.cells[tap].append(element("span", {}, x, " · ", v), product));
  const sum = number(`sum-${s}`, { label: WORDS.sum, digits: 2 });
  const heading = element("span", {}, "x", element("sup", {}, String(s + 1)), ` ${name}`);
  const whole = panel(heading, "x", map.element, table.element, sum.element);
  whole.classList.add("senet-stepper-channel");
  whole.classList.toggle("stacked", !data.x.every(Number.isInteger)); // longer numbers: x above v

  const draw = (weights, r, c, largest) => {
    map.moveWindow(r, c);
    const products = productsAt(data, weights, s, r, c);
    taps.forEach(({ x, v, product }, tap) => {
      showNumber(x, data.x[indexOfTap(data, s, r, c, tap)]);
      showNumber(v, weights[s * TAPS + tap], bracketed);
      showNumber(product, products[tap]);
      tint(product, products[tap], largest);
    });
    sum.set(sumOf(products));
    return sumOf(products);
  };
  return { element: whole, paint: map.paint, draw };
}

/** One channel as a map. The window on it follows a pointer that is held down, and the arrow keys. */
function createWindowMap(view, data, s, name, moveTo) {
  const { rows, columns } = data;
  const quantity = COLOURED.includes(name) ? name : "x";
  const map = heatmap({ rows, columns, quantity, label: WORDS.map({ name }) });
  const size = `width: ${(100 * KERNEL) / columns}%; height: ${(100 * KERNEL) / rows}%`;
  const frame = element("div", { class: "senet-stepper-window", style: size });
  // One stop for the Tab key is enough: the other maps take the focus when the reader clicks them.
  const slides = { role: "slider", tabindex: s === 0 ? 0 : -1, "aria-label": WORDS.window({ name }), "aria-valuemin": 0 };
  const most = (rows - KERNEL + 1) * (columns - KERNEL + 1) - 1;
  const box = element("div", { class: "senet-stepper-map", ...slides, "aria-valuemax": most }, map.element, frame);
  const toPointer = (event) => {
    const { left, top, width, height } = box.getBoundingClientRect();
    const [down, right] = [(event.clientY - top) / height, (event.clientX - left) / width];
    moveTo(Math.floor(down * rows) - 1, Math.floor(right * columns) - 1); // the pointer's pixel is in the middle
  };
  box.addEventListener("pointerdown", (event) => {
    box.setPointerCapture(event.pointerId);
    toPointer(event);
  });
  box.addEventListener("pointermove", (event) => box.hasPointerCapture(event.pointerId) && toPointer(event));
  box.addEventListener("keydown", (event) => {
    const [r, c] = [view.get("row"), view.get("column")];
    const targets = { ArrowUp: [r - 1, c], ArrowDown: [r + 1, c], ArrowLeft: [r, c - 1], ArrowRight: [r, c + 1],
      Home: [r, 0], End: [r, columns], PageUp: [0, c], PageDown: [rows, c] };
    if (!(event.key in targets)) return;
    moveTo(...targets[event.key]);
    event.preventDefault();
  });
  const largest = largestSize(data.x);
  const values = data.x.subarray(s * rows * columns, (s + 1) * rows * columns);
  const paint = () => map.draw(values, largest);
  const moveWindow = (r, c) => {
    frame.style.top = `${(100 * r) / rows}%`;
    frame.style.left = `${(100 * c) / columns}%`;
    box.setAttribute("aria-valuenow", r * (columns - KERNEL + 1) + c);
    box.setAttribute("aria-valuetext", WORDS.place({ row: r, column: c }));
  };
  return { element: box, paint, moveWindow };
}

/** u(row, column) = a + b + c = the sum, with the name of each channel below its number. */
function createSum(names) {
  const place = element("span");
  const parts = names.map(() => element("strong"));
  const terms = parts.flatMap((part, s) =>
    [s ? "+" : "=", element("span", { class: "senet-stepper-term" }, part, element("small", {}, names[s]))]);
  const u = number("u", { digits: 2 });
  const total = element("span", { class: "senet-stepper-total" }, "= ", u.element);
  const line = element("p", { class: "senet-stepper-sum senet-stays" }, place, ...terms, total);
  const draw = (r, c, sums) => {
    setChildren(place, element("strong", {}, "u"), `(${r}, ${c})`);
    sums.forEach((sum, s) => setText(parts[s], s ? bracketed(sum) : written(sum)));
    u.set(sumOf(sums));
  };
  return { element: line, draw };
}

/** The output map: numbers up to the current place, row by row, or all of them. */
function createOutput(last, moveTo) {
  const wide = last.column + 1;
  const table = createTable(WORDS.outputTable, last.row + 1, wide);
  table.cells.forEach((cell, index) => {
    cell.dataset.name = `u-${Math.floor(index / wide)}-${index % wide}`;
    cell.addEventListener("click", () => moveTo(Math.floor(index / wide), index % wide));
  });
  const draw = (u, r, c, whole) => {
    const current = r * wide + c;
    const largest = largestSize(u);
    const tight = table.element.clientWidth < NARROWEST_CELL * wide ? 1 : 0;
    const digits = Math.max(0, [10, 100].filter((limit) => largest < limit).length - tight);
    const write = (value) => written(value, digits);
    table.cells.forEach((cell, index) => {
      const shown = whole || index <= current;
      cell.classList.toggle("blank", !shown);
      cell.setAttribute("aria-current", index === current);
      if (shown) {
        showNumber(cell, u[index], write);
        tint(cell, u[index], largest);
      } else {
        setText(cell, "");
        delete cell.dataset.value;
      }
    });
  };
  const whole = panel(WORDS.output, "u", table.element);
  whole.classList.add("senet-stepper-output");
  return { element: whole, draw };
}
