// z -> hidden -> s: equation 3 on trained weights, and on new ones for widths that no network of the book has.
import { bars, button, choice, clamp, colour, disable, drag, element, figure, formatNumber } from "./parts/kit.js";
import { heatmap, menu, need, number, picture, requirePictures, requireWhole, row } from "./parts/kit.js";
import { setAttributes, setText, slider } from "./parts/kit.js";
import { meanOf } from "./parts/statistics.js";
import { GATES, MOST_SCALE, createMemory, createNewBlocks, readTrained, runExcitation, w1, w2 } from "./parts/excitation.js";

const WORDS = {
  channels: "channels C",
  trained: "trained:",
  fresh: "new:",
  reduction: "reduction r",
  noBlock: ({ r, C, ratios }) => `There is no block with C = ${C} and r = ${r}; there are r = ${ratios}.`,
  picture: "picture",
  noPicture: "A new block has seen no picture: its z is random.",
  draw: "Another random z",
  noDraw: "A trained block gets the z of a picture.",
  scale: "z times",
  gate: "gate",
  back: "Put z back",
  nothingMoved: "No bar of z has been moved.",
  drag: "Drag a bar of z up or down. Which gates follow?",
  moved: ({ names, c, from, to }) => `You moved z of ${names}. Gate ${c} moves most: from ${from} to ${to}.`,
  manyMoved: ({ count, c, from, to }) => `You moved ${count} bars of z. Gate ${c} moves most: from ${from} to ${to}.`,
  bar: ({ channel, value }) => `channel ${channel}: ${value}`,
  bars: "z, squeezed numbers: up and down move one, left and right choose another",
  axis: ({ count, least, most }) => `${count} numbers, axis\u00a0${least}\u00a0to\u00a0${most}`,
  hiddenAxis: ({ count, most }) => `${count} after ReLU, axis\u00a00\u00a0to\u00a0${most}`,
  widerAxis: ({ count, most }) => `${count} after ReLU, axis now 0\u00a0to\u00a0${most}`,
  narrows: ({ from, to }) => `${from} to ${to}`,
};
const NEW_CHANNELS = [64, 128, 256, 512, 1024, 2048];
const NEW_REDUCTIONS = [2, 4, 8, 16, 32]; // those of the paper's Table 10
const DRAWN_CELLS = 64; // of a matrix, along its longer side
const ALL_WIRES = 1024; // a matrix with more weights than this shows only the strongest wires of one number
const STRONGEST = 64;
const SHADES = 6;
const KEY_STEPS = 20; // of the arrow keys, from the bottom of z's axis to its top

// --------------------------------------------------------------------------------------------------------- the drawing

/** A place for drawings of which there is one for each size. Each is made when it is first needed. */
function place(make) {
  const made = new Map();
  const host = element("div");
  const use = (...size) => {
    const key = String(size);
    if (!made.has(key)) made.set(key, make(...size));
    if (host.firstChild !== made.get(key).element) host.replaceChildren(made.get(key).element);
    return made.get(key);
  };
  return { element: host, use };
}

/** Wires from a row of numbers to the row below. lines: [from, to, weight times number, whether it is pointed out]. */
function wires(label) {
  const canvas = element("canvas", { class: "excitation-wires", role: "img", "aria-label": label });
  const context = canvas.getContext("2d");
  const draw = (above, below, lines) => {
    const density = window.devicePixelRatio || 1;
    const [wide, high] = [canvas.clientWidth || 300, canvas.clientHeight || 60];
    Object.assign(canvas, { width: Math.round(wide * density), height: Math.round(high * density) }); // and clear it
    context.scale(density, density);
    const toX = (place, total) => (0.5 + (place - total / 2) / Math.max(above, below)) * wide;
    context.fillStyle = `rgb(${colour(canvas, "--senet-map-paper")})`;
    const corners = [[toX(0, above), 0], [toX(above, above), 0], [toX(below, below), high], [toX(0, below), high]];
    for (const corner of corners) context.lineTo(...corner);
    context.fill();
    const inks = ["--senet-ink", "--senet-negative"].map((name) => `rgb(${colour(canvas, name)})`);
    for (const { shade, negative, chosen, ends } of joinAlike(lines)) {
      context.beginPath();
      for (const [from, to] of ends) {
        context.moveTo(toX(from + 0.5, above), 0);
        context.lineTo(toX(to + 0.5, below), high);
      }
      context.globalAlpha = chosen ? 0.3 + 0.7 * shade : 0.5 * shade;
      context.lineWidth = chosen ? 0.6 + 1.6 * shade : 1;
      context.strokeStyle = inks[negative ? 1 : 0];
      context.setLineDash(negative ? [4, 3] : []);
      context.stroke();
    }
  };
  return { element: canvas, draw };
}

// Lines of one shade, sign and emphasis are one stroke, for a thousand strokes would take too long. Chosen ones last.
function joinAlike(lines) {
  const largest = lines.reduce((most, [, , value]) => Math.max(most, Math.abs(value)), 0);
  const groups = new Map();
  for (const [from, to, value, chosen] of lines) {
    const level = largest > 0 ? Math.round((SHADES * Math.abs(value)) / largest) : 0;
    if (level === 0) continue;
    const key = `${chosen} ${value < 0} ${level}`;
    if (!groups.has(key)) groups.set(key, { shade: level / SHADES, negative: value < 0, chosen, ends: [] });
    groups.get(key).ends.push([from, to]);
  }
  return [...groups.values()].sort((a, b) => a.chosen - b.chosen);
}

/** All wires of a small matrix; of a large one the strongest of those that lead to the chosen number. */
function chooseLines(from, to, chosen, valueOf) {
  const lines = Array.from({ length: from }, (_, i) => [i, chosen, valueOf(i, chosen), true]);
  if (from * to > ALL_WIRES) return lines.sort((a, b) => Math.abs(b[2]) - Math.abs(a[2])).slice(0, STRONGEST);
  for (let j = 0; j < to; j += 1) {
    for (let i = 0; i < from; i += 1) if (j !== chosen) lines.push([i, j, valueOf(i, j), false]);
  }
  return lines;
}

/** A matrix as a map in a dashed square, which it would fill with r = 1. A large one leaves rows and columns out. */
function matrix(name) {
  const map = place((rows, columns) => heatmap({ rows, columns, quantity: "weight", label: `${name}, its weights` }));
  const heading = element("p", { class: "senet-heading" });
  const mark = element("div", { class: "excitation-mark", hidden: true });
  const square = element("div", { class: "excitation-square" }, map.element, mark);
  const draw = (rows, columns, valueOf) => {
    const most = Math.max(rows, columns);
    const step = Math.ceil(most / DRAWN_CELLS);
    const [high, wide] = [Math.ceil(rows / step), Math.ceil(columns / step)];
    const values = Float32Array.from({ length: high * wide }, (_, i) =>
      valueOf(Math.floor(i / wide) * step, (i % wide) * step),
    );
    map.element.style = `width: ${(100 * columns) / most}%; height: ${(100 * rows) / most}%`;
    map.use(high, wide).draw(values);
    setText(heading, `${name}: ${formatNumber(rows)} × ${formatNumber(columns)}`);
  };
  const pointOut = (row, rows, columns) => {
    mark.hidden = false;
    mark.style = `top: ${(100 * row) / rows}%; height: ${100 / rows}%; width: ${(100 * columns) / rows}%`;
  };
  return { element: element("div", {}, heading, square), draw, pointOut };
}

/** Bars that are dragged: move(channel, z) is called on the way, by the pointer and by the arrow keys. */
function movableBars(count, move) {
  const chart = bars({ count, quantity: "z", label: WORDS.bars, height: 72 });
  const node = chart.element;
  node.classList.add("excitation-movable");
  setAttributes(node, { role: "slider", tabindex: 0, "aria-orientation": "vertical" });
  let [channel, axis, held, met] = [0, { least: 0, largest: 1 }, false, false];
  node.addEventListener("focus", () => {
    met = true;
    draw(node.values, axis);
  });
  drag(node, ({ clientX, clientY }) => {
    const { left, top, width, height } = node.getBoundingClientRect();
    if (!held) channel = clamp(Math.floor(((clientX - left) / width) * count), count - 1);
    held = true;
    move(channel, axis.largest - clamp((clientY - top) / height, 1) * (axis.largest - axis.least));
  });
  for (const type of ["pointerup", "pointercancel"]) node.addEventListener(type, () => (held = false));
  node.addEventListener("keydown", (event) => {
    const [right, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key] ?? [0, 0];
    if (right === 0 && up === 0) return;
    event.preventDefault();
    channel = clamp(channel + right, count - 1);
    const value = node.values[channel] + (up * (axis.largest - axis.least)) / KEY_STEPS;
    if (up === 0) draw(node.values, axis);
    else move(channel, Math.max(axis.least, Math.min(axis.largest, value)));
  });
  const draw = (values, ends) => {
    axis = ends;
    chart.draw(values, { ...ends, chosen: met ? channel : null });
    const text = WORDS.bar({ channel, value: formatNumber(values[channel]) });
    const [now, least, most] = [values[channel], ends.least, ends.largest];
    setAttributes(node, { "aria-valuenow": now, "aria-valuemin": least, "aria-valuemax": most, "aria-valuetext": text });
  };
  return { element: node, draw };
}

/** Gates of which one is chosen by pointing at it; on a touch screen by pressing on it. */
function pointedBars(count, choose) {
  const chart = bars({ count, quantity: "s", label: "gates s", height: 80, onChoose: choose });
  chart.element.addEventListener("pointermove", ({ clientX }) => {
    const { left, width } = chart.element.getBoundingClientRect();
    choose(clamp(Math.floor(((clientX - left) / width) * count), count - 1));
  });
  return chart;
}

/** z, W1, hidden, W2 and s below each other, each with its name and a few words beside it. */
function createFlow(choose, move) {
  const layers = {
    z: place((count) => movableBars(count, move)),
    W1: wires("W₁, the wires from z to the hidden units"),
    hidden: place((count) => bars({ count, quantity: "hidden", label: "hidden units", height: 52 })),
    W2: wires("W₂, the wires from the hidden units to the gates"),
    s: place((count) => pointedBars(count, choose)),
  };
  const names = { z: "squeezed z", W1: "W₁ narrows", hidden: "hidden", W2: "W₂ widens", s: "gates s" };
  const words = {};
  const flow = element("div", { class: "excitation-flow" });
  for (const [name, layer] of Object.entries(layers)) {
    const chip = element("span", { class: "senet-chip", style: `--chip: var(--quantity-${name})` });
    chip.hidden = name.startsWith("W");
    words[name] = element("span");
    flow.append(element("p", {}, chip, element("strong", {}, names[name]), words[name]), layer.element);
  }
  const draw = (keep, look, { now, block, axes, isWider, z, hidden, s, products }, { gate, channel }) => {
    const [C, H] = [block.channels, block.hidden];
    const redraw = (name, key, work) => keep(`draw ${name}`, `${now} ${look} ${key}`, work);
    const strongest = products[0][0]; // the hidden unit that moves the chosen gate most
    const gateAxis = { sigmoid: [0, 1], tanh: [-1, 1], ReLU: [0, Math.max(1, ...s)] }[gate];
    layers.hidden.element.style.width = `${(100 * H) / C}%`;
    redraw("z", "", () => layers.z.use(C).draw(z, { least: axes.least, largest: axes.z }));
    redraw("hidden", "", () => layers.hidden.use(H).draw(hidden, { least: 0, largest: axes.hidden }));
    redraw("s", `${gate} ${channel}`, () => {
      layers.s.use(C).draw(s, { least: gateAxis[0], largest: gateAxis[1], chosen: channel });
    });
    redraw("W1", strongest, () => {
      layers.W1.draw(C, H, chooseLines(C, H, strongest, (c, k) => w1(block, k, c) * z[c]));
    });
    redraw("W2", channel, () => {
      layers.W2.draw(H, C, chooseLines(H, C, channel, (k, c) => w2(block, c, k) * hidden[k]));
    });
    const [count, width] = [formatNumber(C), formatNumber(H)];
    const [least, most, top] = [axes.least, axes.z, axes.hidden].map((end) => formatNumber(end, 1));
    setText(words.z, WORDS.axis({ count, least, most }));
    setText(words.W1, WORDS.narrows({ from: count, to: width }));
    setText(words.hidden, (isWider ? WORDS.widerAxis : WORDS.hiddenAxis)({ count: width, most: top }));
    setText(words.W2, WORDS.narrows({ from: width, to: count }));
    setText(words.s, WORDS.axis({ count, least: formatNumber(gateAxis[0], 1), most: formatNumber(gateAxis[1], 1) }));
  };
  return { element: flow, draw };
}

// ----------------------------------------------------------------------------------------------------------- the words

/** The count above the drawing, and the lines below it. set(values) fills their numbers and their words. */
function createSentences() {
  const numbers = {};
  const texts = {};
  const value = (name, unit = "", options = {}) => (numbers[name] = number(name, { unit, ...options })).element;
  const share = (name, label) => value(name, "%", { label, digits: 1 });
  const text = (name) => (texts[name] = element("span", { "data-name": name }));
  const line = (...parts) => element("p", {}, ...parts);
  const cell = (label, letters, formula, name) =>
    line(label, " ", element("span", {}, letters), element("span", {}, text(formula)), value(name));
  const mean = value("mean", "", { label: "all gates: mean" });
  const sum = [text("which"), value("products"), " + bias ", value("bias"), " = logit ", value("logit")];
  return {
    cost: element(
      "div",
      { class: "excitation-cost" },
      cell("hidden units", "C/r", "division", "hidden-width"),
      cell("weights", "2 · C · C/r", "multiplication", "weights"),
      cell("parameters", "with biases", "addition", "parameters"),
    ),
    all: row(mean, share("shut", "exactly 0:"), share("negative", "below 0:"), share("above-one", "above 1:")),
    sum: line(...sum, text("function"), value("gate"), ". ", text("terms")),
    origin: line(element("strong", {}, text("kind")), text("origin")),
    legend: element("p", { class: "parts-note" }, text("legend")),
    set(values) {
      for (const [name, one] of Object.entries(values)) {
        if (name in numbers) numbers[name].set(one);
        else setText(texts[name], one);
      }
    },
  };
}

/** What the moved bars of z have done to the gates. */
function sayMoved({ s, unmoved }, moved) {
  const channels = Object.keys(moved);
  if (channels.length === 0) return WORDS.drag;
  const c = s.reduce((most, one, k) => (Math.abs(one - unmoved[k]) > Math.abs(s[most] - unmoved[most]) ? k : most), 0);
  const [from, to] = [unmoved[c], s[c]].map((gate) => formatNumber(gate, 3, true));
  if (channels.length > 1) return WORDS.manyMoved({ count: formatNumber(channels.length), c, from, to });
  return WORDS.moved({ names: `channel ${channels[0]}`, c, from, to });
}

const signed = (value) => `${value < 0 ? "" : "+"}${formatNumber(value)}`;

function describe({ block, logits, s, products }, { C, r, gate, channel }, source) {
  const H = block.hidden;
  const [c, h, width] = [channel, formatNumber(C), formatNumber(H)];
  const percent = (test) => (100 * s.filter(test).length) / C;
  const step = Math.ceil(C / DRAWN_CELLS);
  const left = step > 1 ? `; of ${step} rows and columns one is drawn` : "";
  const large = products.slice(0, 4).filter(([, product]) => product !== 0);
  const terms = large.map(([k, product]) => `${signed(product)} from hidden ${k}`).join(", ");
  const other = gate === "sigmoid" ? "" : `, with a sigmoid. Here you see what ${gate} would make of the same logits`;
  const wiresDrawn =
    C * H > ALL_WIRES
      ? `Drawn are only the ${STRONGEST} strongest wires to gate ${c}, and to the hidden unit that moves it most.`
      : `A wire is a weight: the stronger the line, the more it moves; dashed: it pulls down. Bold: the main way to gate ${c}.`;
  return {
    division: `${h}/${r}${C % r ? ", rounded down" : ""} =`,
    "hidden-width": H,
    multiplication: `2·${h}·${width} =`,
    weights: 2 * C * H,
    addition: `${formatNumber(2 * C * H)} + ${width} + ${h} =`,
    parameters: 2 * C * H + H + C,
    which: `Gate ${c} (point at another): W₂ · hidden = `,
    products: logits[c] - block.b2[c],
    bias: block.b2[c],
    logit: logits[c],
    function: `, and s = ${gate}(logit) = `,
    gate: s[c],
    terms: terms ? `${H > 4 ? "Largest products" : "Products"}: ${terms}.` : "All hidden units are 0.",
    mean: meanOf(s),
    shut: percent((one) => one === 0),
    negative: percent((one) => one < 0),
    "above-one": percent((one) => one > 1),
    kind: block.count ? "Trained weights" : "New, random weights",
    origin: block.count ? `, ${source}${other}.` : " and random z. This block has learned nothing.",
    legend: `${wiresDrawn} W₁ and W₂: positive weights grey, negative orange; the frame: their size at r = 1${left}.`,
  };
}

// ---------------------------------------------------------------------------------------------------------- the figure

function requireMoved(view, C) {
  const moved = view.get("moved");
  for (const [channel, value] of Object.entries(moved)) {
    const isGood = /^\d+$/.test(channel) && Number(channel) < C && Number.isFinite(value);
    need(isGood, `moved.${channel} is ${value}; a channel from 0 to ${C - 1} has a finite number.`);
  }
  return moved;
}

export default figure((view) => {
  const { names, count, rows, columns, planes } = requirePictures(view);
  const origin = view.data("source");
  const trained = readTrained(view, count);
  const makeNew = createNewBlocks();
  const widths = [...new Set([...[...trained.values()].map((block) => block.channels), ...NEW_CHANNELS])];
  const isTrained = (channels) => [...trained.values()].some((block) => block.channels === channels);
  const ratiosOf = (channels) => {
    const own = [...trained.values()].filter((block) => block.channels === channels).map((block) => block.reduction);
    return own.length > 0 ? own.sort((a, b) => a - b) : NEW_REDUCTIONS;
  };
  view.addControl(() => {
    const [r, own] = [view.get("reduction"), ratiosOf(view.get("channels"))];
    need(own.includes(r), `reduction is ${r}; it must be one of ${own.join(", ")}.`);
  });
  const putBack = () => view.set("moved", {});
  // A new C keeps r and the chosen channel if it has them; where it lacks r, the next smaller one is taken.
  const fit = (channels) => {
    const own = ratiosOf(channels);
    view.set("reduction", own.filter((ratio) => ratio <= view.get("reduction")).at(-1) ?? own[0]);
    view.set("channel", Math.min(view.get("channel"), channels - 1));
    putBack();
  };

  const numbered = (values) => values.sort((a, b) => a - b).map((value) => [value, formatNumber(value)]);
  const sizes = choice(view, "channels", { label: WORDS.channels, options: numbered(widths), then: fit }).element;
  const ratios = [...new Set([...[...trained.values()].map((block) => block.reduction), ...NEW_REDUCTIONS])];
  const middle = choice(view, "reduction", { label: WORDS.reduction, options: numbered(ratios), then: putBack }).element;
  const firstOf = (isNew) => sizes.querySelectorAll("label")[widths.findIndex((width) => isTrained(width) !== isNew)];
  firstOf(false)?.before(element("span", { class: "parts-note" }, WORDS.trained));
  firstOf(true).before(element("span", { class: "parts-note" }, WORDS.fresh));

  const seen = picture({ rows, columns, label: "the picture that z is of" });
  const options = names.map((name, index) => [index, name]);
  const named = menu(view, "picture", { label: WORDS.picture, options, then: putBack }).element;
  const another = button(WORDS.draw, () => {
    if (isTrained(view.get("channels"))) return;
    view.set("picture", (view.get("picture") + 1) % count);
    putBack();
  }).element;
  const back = button(WORDS.back, putBack).element;
  const show = (value) => value.toFixed(2);
  const source = element("div", { class: "excitation-source" }, seen.element, named, another);
  const scale = slider(view, "scale", { label: WORDS.scale, min: 0, max: MOST_SCALE, step: 0.05, show, then: putBack }).element;
  const controls = element("div", { class: "excitation-controls" }, sizes, middle, source, scale);
  const drawControls = (C) => {
    const own = ratiosOf(C);
    for (const radio of middle.querySelectorAll("input")) {
      radio.disabled = !own.includes(Number(radio.value));
      radio.parentNode.title = radio.disabled ? WORDS.noBlock({ r: radio.value, C: formatNumber(C), ratios: own.join(", ") }) : "";
    }
    const select = named.querySelector("select");
    select.disabled = !isTrained(C);
    select.title = isTrained(C) ? "" : WORDS.noPicture;
    disable(another, isTrained(C) && WORDS.noDraw);
    disable(back, Object.keys(view.get("moved")).length === 0 && WORDS.nothingMoved);
  };
  const gates = choice(view, "gate", { label: WORDS.gate, options: Object.keys(GATES).map((name) => [name, name]) });
  const move = (channel, value) => view.set("moved", { ...view.get("moved"), [channel]: value });
  const flow = createFlow((index) => view.set("channel", index), move);
  const follows = element("p", { role: "status", "data-name": "moved" });
  const [first, second] = [matrix("W₁"), matrix("W₂")];
  const said = createSentences();
  const matrices = element("div", { class: "excitation-matrices" }, first.element, second.element);
  const drawing = element("div", { class: "excitation-drawing" }, flow.element, matrices);
  const below = [row(gates.element, said.all), said.sum, said.legend];
  const told = element("div", { class: "excitation-follows" }, back, follows);
  view.body.append(element("div", { class: "excitation" }, controls, said.cost, said.origin, told, drawing, ...below));

  const keep = createMemory();
  const findBlock = (C, r) => trained.get(`${C}.${r}`) ?? makeNew(C, r);
  return () => {
    const state = { C: view.get("channels"), r: view.get("reduction"), index: view.get("picture") };
    for (const name of ["scale", "gate", "channel"]) state[name] = view.get(name);
    state.moved = requireMoved(view, state.C);
    drawControls(state.C);
    const { C, channel, index } = state;
    requireWhole(view, "channel", C - 1);
    const result = runExcitation(keep, findBlock, state);
    seen.element.classList.toggle("excitation-unseen", result.block.count === 0);
    setText(follows, sayMoved(result, state.moved));
    said.set(describe(result, state, origin));
    const look = `${colour(view.body, "--senet-map-paper")} ${view.body.clientWidth} ${window.devicePixelRatio}`;
    keep("seen", index, () => seen.draw(planes(index)));
    flow.draw(keep, look, result, state);
    second.pointOut(channel, C, result.block.hidden);
    keep("matrices", `${result.size} ${look}`, () => {
      const { block } = result;
      first.draw(block.hidden, C, (k, c) => w1(block, k, c));
      second.draw(C, block.hidden, (c, k) => w2(block, c, k));
    });
  };
});
