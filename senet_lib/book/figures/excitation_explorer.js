// z -> hidden -> s: equation 3 on trained weights, and on new ones for widths that no network of the book has.
import { bars, choice, colour, element, figure, formatNumber } from "./parts/kit.js";
import { heatmap, menu, need, number, picture, requirePictures, requireWhole, row, setText, slider } from "./parts/kit.js";
import { meanOf } from "./parts/statistics.js";
import { GATES, MOST_SCALE, createMemory, createNewBlocks, readTrained, runExcitation, w1, w2 } from "./parts/excitation.js";

const NEW_CHANNELS = [64, 128, 256, 512, 1024, 2048];
const NEW_REDUCTIONS = [2, 4, 8, 16, 32]; // those of the paper's Table 10
const DRAWN_CELLS = 64; // of a matrix, along its longer side
const ALL_WIRES = 1024; // a matrix with more weights than this shows only the strongest wires of one number
const STRONGEST = 64;
const SHADES = 6;

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

/** z, W1, hidden, W2 and s below each other, each with its name and a few words beside it. */
function createFlow(choose) {
  const layers = {
    z: place((count) => bars({ count, quantity: "z", label: "z, squeezed numbers", height: 64 })),
    W1: wires("W₁, the wires from z to the hidden units"),
    hidden: place((count) => bars({ count, quantity: "hidden", label: "hidden units", height: 52 })),
    W2: wires("W₂, the wires from the hidden units to the gates"),
    s: place((count) => bars({ count, quantity: "s", label: "gates s", height: 80, onChoose: choose })),
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
  const draw = (keep, look, { now, block, axes, z, hidden, s, products }, { gate, channel }) => {
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
    const axis = (least, most) => `axis\u00a0${formatNumber(least, 1)}\u00a0to\u00a0${formatNumber(most, 1)}`;
    setText(words.z, `${formatNumber(C)} numbers, ${axis(axes.least, axes.z)}`);
    setText(words.W1, `${formatNumber(C)} to ${formatNumber(H)}`);
    setText(words.hidden, `${formatNumber(H)} after ReLU, ${axis(0, axes.hidden)}`);
    setText(words.W2, `${formatNumber(H)} to ${formatNumber(C)}`);
    setText(words.s, `${formatNumber(C)} numbers, ${axis(...gateAxis)}`);
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
    which: `Gate ${c} (press on another): W₂ · hidden = `,
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

export default figure((view) => {
  const { names, count, rows, columns, planes } = requirePictures(view);
  const source = view.data("source");
  const trained = readTrained(view, count);
  const makeNew = createNewBlocks();
  const widths = [...new Set([...[...trained.values()].map((block) => block.channels), ...NEW_CHANNELS])];
  const ratiosOf = (channels) => {
    const own = [...trained.values()].filter((block) => block.channels === channels).map((block) => block.reduction);
    return own.length > 0 ? own.sort((a, b) => a - b) : NEW_REDUCTIONS;
  };
  // The slider has the same places for every C, so that a place always means the same r; where a C lacks one, the
  // next smaller one is taken.
  const ratios = [...new Set([...[...trained.values()].map((block) => block.reduction), ...NEW_REDUCTIONS])].sort((a, b) => a - b);
  view.addControl(() => {
    const [r, own] = [view.get("reduction"), ratiosOf(view.get("channels"))];
    need(own.includes(r), `reduction is ${r}; it must be one of ${own.join(", ")}.`);
  });
  // A new C keeps r and the chosen channel if it has them.
  const fit = (channels) => {
    const ratios = ratiosOf(channels);
    view.set("reduction", ratios.filter((ratio) => ratio <= view.get("reduction")).at(-1) ?? ratios[0]);
    view.set("channel", Math.min(view.get("channel"), channels - 1));
  };

  const seen = picture({ rows, columns, label: "the picture that z is of" });
  const named = menu(view, "picture", { label: "picture", options: names.map((name, index) => [index, name]) });
  const draws = names.map((_, index) => [index, `draw ${index + 1}`]);
  const drawn = menu(view, "picture", { label: "random z", options: draws });
  const show = (value) => value.toFixed(2);
  const controls = row(
    slider(view, "channels", { label: "channels C", values: widths.sort((a, b) => a - b), then: fit }).element,
    slider(view, "reduction", { label: "reduction r", values: ratios, then: () => fit(view.get("channels")) }).element,
    element("div", { class: "excitation-source" }, seen.element, named.element, drawn.element),
    slider(view, "scale", { label: "z times", min: 0, max: MOST_SCALE, step: 0.05, show }).element,
  );
  const gates = choice(view, "gate", { label: "gate", options: Object.keys(GATES).map((name) => [name, name]) });
  const flow = createFlow((index) => view.set("channel", index));
  const [first, second] = [matrix("W₁"), matrix("W₂")];
  const said = createSentences();
  const matrices = element("div", { class: "excitation-matrices" }, first.element, second.element);
  const drawing = element("div", { class: "excitation-drawing" }, flow.element, matrices);
  const below = [row(gates.element, said.all), said.sum, said.legend];
  view.body.append(element("div", { class: "excitation" }, controls, said.cost, said.origin, drawing, ...below));

  const keep = createMemory();
  const findBlock = (C, r) => trained.get(`${C}.${r}`) ?? makeNew(C, r);
  return () => {
    const state = { C: view.get("channels"), r: view.get("reduction"), index: view.get("picture") };
    for (const name of ["scale", "gate", "channel"]) state[name] = view.get(name);
    const { C, channel, index } = state;
    requireWhole(view, "channel", C - 1);
    const result = runExcitation(keep, findBlock, state);
    named.element.hidden = seen.element.hidden = result.block.count === 0;
    drawn.element.hidden = result.block.count > 0;
    said.set(describe(result, state, source));
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
