// z -> hidden -> s: equation 3 on trained weights, and on new ones for widths that no network of the book has.
import { bars } from "./parts/bars.js";
import { guess } from "./parts/guess.js";
import { button, choice, clamp, colour, disable, drag, element, figure, formatNumber } from "./parts/kit.js";
import { heatmap, menu, need, number, picture, requirePictures, requireWhole } from "./parts/kit.js";
import { setAttributes, setText, slider } from "./parts/kit.js";
import { createMemory } from "./parts/memory.js";
import { meanOf } from "./parts/statistics.js";
import { GATES, MOST_SCALE, createNewBlocks, readTrained, runExcitation, w1, w2 } from "./parts/excitation.js";

const WORDS = {
  question: ({ channel, C, apart }) => `You lift z of channel ${channel} to its top. How many of the ${C} gates move by more than ${apart}?`,
  told: ({ moved, C }) => `${moved} of ${C} move. No gate has a bar of its own: what moves goes by way of the hidden units.`,
  guessFirst: "Guess first: then the gates follow.",
  channels: "channels C",
  reduction: "reduction r",
  noBlock: ({ r, C, ratios }) => `There is no block with C = ${C} and r = ${r}; there are r = ${ratios}.`,
  picture: "picture",
  draw: "Another random z",
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
  names: { z: "squeezed z", W1: "W₁ narrows", hidden: "hidden", W2: "W₂ widens", s: "gates s" },
  firstWires: "W₁, the wires from z to the hidden units",
  hidden: "hidden units",
  secondWires: "W₂, the wires from the hidden units to the gates",
  gates: "gates s",
  matrix: ({ name }) => `${name}, its weights`,
  size: ({ name, rows, columns }) => `${name}: ${rows} × ${columns}`,
  seen: "the picture that z is of",
  units: "hidden units C/r",
  weights: "weights 2 · C · C/r",
  parameters: "parameters, with biases",
  division: ({ C, r }) => `${C}/${r} =`,
  rounded: ({ C, r }) => `${C}/${r}, rounded down =`,
  product: ({ C, width }) => `2·${C}·${width} =`,
  sum: ({ weights, width, C }) => `${weights} + ${width} + ${C} =`,
  mean: "all gates: mean",
  shut: "exactly 0:",
  negative: "below 0:",
  above: "above 1:",
  more: "Weights, and one gate as a sum",
  which: ({ c }) => `Gate ${c} (point at another): W₂ · hidden =`,
  bias: "+ bias",
  logit: "= logit",
  gateIs: ({ gate }) => `so s = ${gate}(logit) =`,
  term: ({ value, k }) => `${value} from hidden ${k}`,
  largestTerms: ({ terms }) => `Largest products: ${terms}.`,
  terms: ({ terms }) => `Products: ${terms}.`,
  noTerms: "All hidden units are 0.",
  trained: ({ source }) => `Trained weights, ${source}.`,
  trainedOther: ({ source, gate }) => `Trained with a sigmoid, ${source}; here with ${gate}.`,
  fresh: "New, random weights and random z. This block has learned nothing.",
  allWires: ({ c }) => `A wire is a weight: the stronger the line, the more it moves; dashed: it pulls down. Bold: the main way to gate ${c}.`,
  someWires: ({ c, count }) => `Drawn are only the ${count} strongest wires to gate ${c}, and to the hidden unit that moves it most.`,
  maps: "W₁ and W₂: positive weights grey, negative orange; the frame: their size at r = 1.",
  thinned: ({ step }) => `W₁ and W₂: positive weights grey, negative orange; the frame: their size at r = 1; of ${step} rows and columns one is drawn.`,
};
const MOVED = 0.05; // a gate that changes by more has moved
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
  const map = place((rows, columns) => heatmap({ rows, columns, quantity: "weight", label: WORDS.matrix({ name }) }));
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
    setText(heading, WORDS.size({ name, rows: formatNumber(rows), columns: formatNumber(columns) }));
  };
  const pointOut = (row, rows, columns) => {
    mark.hidden = false;
    mark.style = `top: ${(100 * row) / rows}%; height: ${100 / rows}%; width: ${(100 * columns) / rows}%`;
  };
  return { element: element("div", {}, heading, square), draw, pointOut };
}

/** Bars that are dragged: move(channel, z) is called on the way, by the pointer and by the arrow keys. */
function movableBars(count, move) {
  const chart = bars({ count, quantity: "z", label: WORDS.bars, height: 54 });
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
  const chart = bars({ count, quantity: "s", label: WORDS.gates, height: 64, onChoose: choose });
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
    W1: wires(WORDS.firstWires),
    hidden: place((count) => bars({ count, quantity: "hidden", label: WORDS.hidden, height: 44 })),
    W2: wires(WORDS.secondWires),
    s: place((count) => pointedBars(count, choose)),
  };
  const words = {};
  const flow = element("div", { class: "excitation-flow senet-stays" });
  for (const [name, layer] of Object.entries(layers)) {
    const chip = element("span", { class: "senet-chip", style: `--chip: var(--quantity-${name})` });
    chip.hidden = name.startsWith("W");
    words[name] = element("span");
    flow.append(element("p", {}, chip, element("strong", {}, WORDS.names[name]), words[name]), layer.element);
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
  return { element: flow, gates: layers.s.element, draw };
}

// ----------------------------------------------------------------------------------------------------------- the words

/** The count above the drawing, and what is said below it. set(values) fills their numbers and their words. */
function createSentences() {
  const numbers = {};
  const texts = {};
  const value = (name, label = "", unit = "", digits = 3) => (numbers[name] = number(name, { label, unit, digits })).element;
  const text = (name) => (texts[name] = element("span", { "data-name": name }));
  const line = (...parts) => element("p", {}, ...parts.flatMap((part) => [part, " "]));
  const cell = (label, formula, name) => line(element("span", {}, label), text(formula), value(name));
  const shares = [["shut", WORDS.shut], ["negative", WORDS.negative], ["above-one", WORDS.above]];
  const all = [value("mean", WORDS.mean), ...shares.map(([name, label]) => value(name, label, "%", 1))];
  const sum = [text("which"), value("products"), value("bias", WORDS.bias), value("logit", WORDS.logit), text("function"), value("gate"), text("terms")];
  const note = (name) => element("p", { class: "parts-note" }, text(name));
  return {
    cost: element(
      "div",
      { class: "excitation-cost" },
      cell(WORDS.units, "division", "hidden-width"),
      cell(WORDS.weights, "multiplication", "weights"),
      cell(WORDS.parameters, "addition", "parameters"),
      note("origin"),
    ),
    all: element("p", { class: "excitation-all parts-flow" }, ...all),
    more: element("div", { class: "excitation-sum" }, line(...sum), note("wires"), note("maps")),
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

function describe({ block, logits, s, products }, { C: channels, r, gate, channel: c }, source) {
  const H = block.hidden;
  const [C, width] = [formatNumber(channels), formatNumber(H)];
  const percent = (test) => (100 * s.filter(test).length) / channels;
  const step = Math.ceil(channels / DRAWN_CELLS);
  const large = products.slice(0, 4).filter(([, product]) => product !== 0);
  const terms = large.map(([k, product]) => WORDS.term({ value: signed(product), k })).join(", ");
  const sayTerms = H > 4 ? WORDS.largestTerms : WORDS.terms;
  const sayTrained = gate === "sigmoid" ? WORDS.trained : WORDS.trainedOther;
  return {
    division: (channels % r ? WORDS.rounded : WORDS.division)({ C, r }),
    "hidden-width": H,
    multiplication: WORDS.product({ C, width }),
    weights: 2 * channels * H,
    addition: WORDS.sum({ weights: formatNumber(2 * channels * H), width, C }),
    parameters: 2 * channels * H + H + channels,
    which: WORDS.which({ c }),
    products: logits[c] - block.b2[c],
    bias: block.b2[c],
    logit: logits[c],
    function: WORDS.gateIs({ gate }),
    gate: s[c],
    terms: terms ? sayTerms({ terms }) : WORDS.noTerms,
    mean: meanOf(s),
    shut: percent((one) => one === 0),
    negative: percent((one) => one < 0),
    "above-one": percent((one) => one > 1),
    origin: block.count ? sayTrained({ source, gate }) : WORDS.fresh,
    wires: (channels * H > ALL_WIRES ? WORDS.someWires : WORDS.allWires)({ c, count: STRONGEST }),
    maps: step > 1 ? WORDS.thinned({ step }) : WORDS.maps,
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

  const seen = picture({ rows, columns, label: WORDS.seen });
  const options = names.map((name, index) => [index, name]);
  const named = menu(view, "picture", { label: WORDS.picture, options, then: putBack }).element;
  const another = button(WORDS.draw, () => {
    view.set("picture", (view.get("picture") + 1) % count);
    putBack();
  }).element;
  const back = button(WORDS.back, putBack).element;
  const show = (value) => value.toFixed(2);
  const gates = choice(view, "gate", { label: WORDS.gate, options: Object.keys(GATES).map((name) => [name, name]) }).element;
  const scale = slider(view, "scale", { label: WORDS.scale, min: 0, max: MOST_SCALE, step: 0.05, show, then: putBack }).element;
  const source = element("div", { class: "excitation-source" }, seen.element, named, another);
  const controls = element("div", { class: "excitation-controls parts-line" }, sizes, middle, source, scale, gates);
  const drawControls = (C) => {
    const own = ratiosOf(C);
    for (const radio of middle.querySelectorAll("input")) {
      radio.disabled = !own.includes(Number(radio.value));
      radio.parentNode.title = radio.disabled ? WORDS.noBlock({ r: radio.value, C: formatNumber(C), ratios: own.join(", ") }) : "";
    }
    named.hidden = !isTrained(C);
    another.hidden = isTrained(C);
    disable(back, Object.keys(view.get("moved")).length === 0 && WORDS.nothingMoved);
  };
  const move = (channel, value) => view.set("moved", { ...view.get("moved"), [channel]: value });
  const flow = createFlow((index) => view.set("channel", index), move);
  const follows = element("p", { role: "status", "data-name": "moved" });
  const [first, second] = [matrix("W₁"), matrix("W₂")];
  const said = createSentences();
  const both = [first.element, second.element];
  const matrices = element("div", { class: "excitation-matrices parts-flow" }, ...both, said.more);
  const more = element("details", {}, element("summary", {}, WORDS.more), matrices);
  const told = element("div", { class: "excitation-follows" }, back, follows);
  const keep = createMemory();
  const findBlock = (C, r) => trained.get(`${C}.${r}`) ?? makeNew(C, r);
  const asked = askForTheMoved(view, findBlock, [flow.gates]);
  flow.gates.classList.add("parts-unknown");
  view.body.append(asked.element, element("div", { class: "excitation" }, told, flow.element, said.all, controls, said.cost, more));
  let wasOpen = null; // what the guess was about is what the figure then shows

  return () => {
    if (wasOpen && !asked.isOpen()) asked.show();
    wasOpen = asked.isOpen();
    const state = { C: view.get("channels"), r: view.get("reduction"), index: view.get("picture") };
    for (const name of ["scale", "gate", "channel"]) state[name] = view.get(name);
    state.moved = requireMoved(view, state.C);
    drawControls(state.C);
    const { C, channel, index } = state;
    requireWhole(view, "channel", C - 1);
    const result = runExcitation(keep, findBlock, state);
    seen.element.classList.toggle("excitation-unseen", result.block.count === 0);
    setText(follows, wasOpen ? WORDS.guessFirst : sayMoved(result, state.moved));
    asked.draw();
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

/** Before any gate: how many of them move with one bar of z? */
function askForTheMoved(view, findBlock, covered) {
  const [C, r, index, scale, gate, channel] = ["channels", "reduction", "picture", "scale", "gate", "channel"].map((name) => view.get(name));
  const run = (moved) => runExcitation(createMemory(), findBlock, { C, r, index, scale, gate, channel, moved });
  const lift = () => ({ [channel]: run({}).axes.z });
  const answer = () => {
    const { s, unmoved } = run(lift());
    const moved = s.filter((one, c) => Math.abs(one - unmoved[c]) > MOVED).length;
    return { value: moved, told: WORDS.told({ moved, C }) };
  };
  const question = WORDS.question({ channel, C, apart: MOVED });
  const show = () => {
    for (const [name, value] of Object.entries({ channels: C, reduction: r, picture: index, scale, gate })) view.set(name, value);
    view.set("moved", lift());
  };
  return { ...guess(view, { key: "excitation", question, range: { min: 0, max: C }, answer, covered }), show };
}
