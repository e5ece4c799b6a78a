// The whole block on two pictures at once: what is fixed, and what each picture computes for itself.
import { guess } from "./parts/guess.js";
import { Problem, bars, button, choice, clamp, colour, controlRow, element, figure, formatNumber } from "./parts/kit.js";
import { heatmap, menu, number, panel, picture, player, requirePictures, setText, slider, svg } from "./parts/kit.js";
import { normalise, requireNetwork, runBlock, runStem } from "./parts/network_arithmetic.js";

const SIDES = ["left", "right"];
const LAST = 4; // steps: x, u, z, s, x̃
const GATES = 3; // the step at which the gates come in; its stage has the same place in the list
const GUESS_FIRST = "Guess how far apart the gates are: then they appear.";

export default figure((view) => {
  const network = view.arrays("network");
  const block = requireBlock(network);
  const pictures = requirePictures(view);
  const run = createRunner(network, block.name, pictures);
  const sizes = { ...block, ...run(0).u }; // channels, hidden; rows and columns of u
  const choose = (channel) => view.set("channel", clamp(channel, sizes.channels - 1));

  const sides = SIDES.map((side, index) => createSide(view, side, ["first", "second"][index], pictures, sizes, choose));
  const stages = createStages(sides, sizes, pictures);
  const comparison = createComparison(sizes.channels, choose);
  const walk = createWalk(view);
  const channel = slider(view, "channel", { label: "channel", min: 0, max: sizes.channels - 1 });
  const story = element("p", { class: "walk-story", role: "status" });
  const controls = controlRow(walk.element, channel.element);
  const asked = askForTheGates(view, run, pictures.count, [...stages.elements.slice(GATES), comparison.element]);
  const walked = element("div", { class: "walk" }, ...stages.elements, comparison.element);
  view.body.append(asked.element, controls, story, walked);

  return () => {
    const results = [run(view.get("first")), run(view.get("second"))];
    const [c, step] = [view.get("channel"), view.get("step")];
    const scales = commonScales(results);
    sides.forEach((side, index) => side.draw(results[index], scales, c));
    stages.show(step, scales);
    comparison.show(results, c, step);
    walk.show(step);
    const isSame = view.get("first") === view.get("second");
    setText(story, asked.isOpen() && step >= GATES ? GUESS_FIRST : tell(step, c, results, isSame));
    asked.draw();
  };
});

/** Before any gate: how far apart are those that differ most, of the two pictures that are shown first? */
function askForTheGates(view, run, count, covered) {
  const places = ["first", "second"].map((trait) => clamp(view.get(trait), count - 1) || 0);
  const answer = () => {
    const apart = minus(...places.map((place) => run(place).s));
    const channel = peak(apart);
    const most = Math.abs(apart[channel]);
    const told = `In channel ${channel} they differ by ${formatNumber(most)}: gates are computed from the picture.`;
    return { value: Math.round(20 * most) / 20, told };
  };
  const question = "The same weights on both sides. How far apart, from 0 to 1, are the two gates that differ most?";
  const range = { min: 0, max: 1, step: 0.05, digits: 2 };
  return guess(view, { key: `walk/${places}`, question, range, answer, covered });
}

// ---------------------------------------------------------------------------------------------------------- the state

// The first block's name and widths, with all shapes checked against each other.
function requireBlock(network) {
  const [block] = requireNetwork(network);
  if (block.hidden !== null) return block;
  throw new Problem(`network.${block.name}.attention.fc1.weight is missing; pass a network with SE.`);
}

// The block's quantities for a picture; each picture is computed once.
function createRunner(network, name, { rows, columns, planes }) {
  const results = new Map();
  return (index) => {
    if (!results.has(index)) {
      const stem = runStem(network, normalise(network, planes(index), rows, columns));
      const { u, z, hidden, s, scaled } = runBlock(network, name, stem);
      results.set(index, { index, u, z, hidden, s, scaled, sizes: largestSizes(u), after: largestSizes(scaled) });
    }
    return results.get(index);
  };
}

// The largest |value| of each channel.
function largestSizes({ data, channels, rows, columns }) {
  const place = rows * columns;
  return Float32Array.from({ length: channels }, (_, c) =>
    data.subarray(c * place, (c + 1) * place).reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  );
}

// Both pictures on one scale, so that the same colour or height means the same number left and right.
function commonScales(results) {
  const all = (name) => results.flatMap((result) => [...result[name]]);
  const sizes = all("sizes").sort((a, b) => a - b);
  return {
    u: sizes[sizes.length >> 1] / 2, // half the middle channel's largest: a few huge numbers must not hide the others
    z: [Math.min(0, ...all("z")), Math.max(0, ...all("z"))],
    hidden: [0, Math.max(...all("hidden"))],
    s: [0, 1],
  };
}

// ----------------------------------------------------------------------------------------------------------- one side

function createSide(view, side, trait, { names, rows, columns, planes }, { channels, hidden, ...size }, choose) {
  const photo = picture({ rows, columns, label: `${side} picture` });
  const which = menu(view, trait, { label: `${side} picture`, options: names.map((name, index) => [index, name]) });
  const u = createMaps("u", "u", side, channels, size, choose);
  const scaled = createMaps("x̃", "x-tilde", side, channels, size, choose);
  const z = chosenBars("z", "z", side, channels, choose);
  const neck = bars({ count: hidden, quantity: "hidden", label: `hidden units, ${side}`, height: 40 });
  neck.element.style.width = `${(100 * hidden) / Math.max(hidden, channels)}%`;
  const s = chosenBars("s", "s", side, channels, choose);
  const figures = {
    u: ofChannel(`${side}-u`, "|u| ≤", 2),
    z: ofChannel(`${side}-z`, "z ="),
    s: ofChannel(`${side}-s`, "s ="),
    after: ofChannel(`${side}-x-tilde`, "|x̃| ≤", 2),
  };
  const cell = (...children) => element("div", { class: `walk-cell walk-${side}` }, ...children);
  const cells = {
    x: cell(element("div", { class: "walk-picture" }, photo.element, which.element)),
    u: cell(u.element, figures.u.element),
    z: cell(z.element, figures.z.element),
    hidden: cell(funnel(hidden / channels, 1), neck.element, funnel(hidden / channels, 0)),
    s: cell(s.element, figures.s.element),
    scaled: cell(scaled.element, figures.after.element),
  };
  let drawn = null;

  const draw = (result, scales, c) => {
    // The maps are many: they are painted anew only when their numbers, their scale or the page's colours change.
    const key = [result.index, scales.u, colour(photo.element, "--senet-map-paper")].join();
    if (key !== drawn) {
      photo.draw(planes(result.index));
      u.draw(result.u, scales.u);
      scaled.draw(result.scaled, scales.u);
      drawn = key;
    }
    u.mark(c);
    scaled.mark(c);
    z.draw(result.z, { least: scales.z[0], largest: scales.z[1], chosen: c });
    neck.draw(result.hidden, { largest: scales.hidden[1] });
    s.draw(result.s, { largest: 1, chosen: c });
    figures.u.set(c, result.sizes[c]);
    figures.z.set(c, result.z[c]);
    figures.s.set(c, result.s[c]);
    figures.after.set(c, result.after[c]);
  };
  return { cells, draw };
}

// "channel 3: z = 0.125"
function ofChannel(name, label, digits = 3) {
  const which = element("span");
  const value = number(name, { label, digits });
  const set = (c, shown) => {
    setText(which, `channel ${c}: `);
    value.set(shown);
  };
  return { element: element("p", { class: "walk-value" }, which, value.element), set };
}

// A small map for each channel. draw(maps, largest), mark(channel).
function createMaps(letter, quantity, side, channels, { rows, columns }, choose) {
  const maps = Array.from({ length: channels }, (_, c) =>
    heatmap({ rows, columns, quantity, label: `${letter} of channel ${c}, ${side}` }),
  );
  const nodes = maps.map((map) => map.element);
  const label = `${letter} of the ${side} picture, ${channels} maps`;
  const grid = element("div", { class: "walk-maps", role: "img", "aria-label": label }, ...nodes);
  grid.addEventListener("click", (event) => nodes.includes(event.target) && choose(nodes.indexOf(event.target)));
  const place = rows * columns;
  return {
    element: grid,
    draw: ({ data }, largest) =>
      maps.forEach((map, c) => map.draw(data.subarray(c * place, (c + 1) * place), largest)),
    mark: (chosen) => nodes.forEach((node, c) => node.classList.toggle("walk-chosen", c === chosen)),
  };
}

// Bars that a click chooses from; the slider does the same from the keyboard.
function chosenBars(letter, quantity, side, count, choose, height = 60) {
  const chart = bars({ count, quantity, label: `${letter}, ${side}`, height });
  const node = chart.element;
  node.addEventListener("click", (event) => choose(Math.floor((event.offsetX / node.clientWidth) * count)));
  return chart;
}

// What the bottleneck does: from many numbers to few, and back. narrow: the part of the width that is left.
function funnel(narrow, wideEnd) {
  const inset = 50 * (1 - Math.min(1, narrow));
  const [top, bottom] = wideEnd ? [0, inset] : [inset, 0];
  const shape = `${top},0 ${100 - top},0 ${100 - bottom},10 ${bottom},10`;
  const box = { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" };
  return svg("svg", { class: "walk-funnel", ...box }, svg("polygon", { points: shape }));
}

// --------------------------------------------------------------------------------------------- the steps in the middle

const indexed = (letter) => element("span", {}, letter, element("sub", {}, "c"));

function createStages(sides, { channels, hidden, rows, columns }, pictures) {
  const maps = `(${channels}, ${rows}, ${columns})`;
  const range = (name) => number(`scale-${name}`, { label: "bars:" });
  const scales = { z: range("z"), hidden: range("hidden"), s: range("s") };
  const colours = number("scale-u", { label: "full colour: ±", digits: 1 });
  const fixed = "← the same weights →";
  const stage = (step, key, name, formula, quantity, ...facts) => {
    const chip = element("span", { class: "senet-chip", style: `--chip: var(--quantity-${quantity})` });
    const spine = element("div", { class: "walk-spine" }, element("p", { class: "walk-name" }, chip, name));
    const lines = facts.map((fact) => element("span", {}, fact));
    spine.append(element("p", { class: "walk-formula" }, ...formula), element("p", { class: "walk-facts" }, ...lines));
    const cells = sides.map((side) => side.cells[key]);
    return { step, element: element("div", { class: "walk-stage", "data-stage": key }, spine, ...cells) };
  };
  const { rows: high, columns: wide } = pictures;
  const first = ["h = ReLU(W₁ z + b₁)"];
  const mean = [indexed("z"), " = mean of ", indexed("u")];
  const product = [indexed("x̃"), " = ", indexed("s"), " · ", indexed("u")];
  const stages = [
    stage(0, "x", "Picture", [], "x", `x (3, ${high}, ${wide})`),
    stage(1, "u", "Convolutions", [], "u", `u ${maps}`, fixed, "orange < 0 < blue", colours.element),
    stage(2, "z", "Squeeze", mean, "z", `z (${channels}), no weights`, scales.z.element),
    stage(3, "hidden", "Excite: narrow", first, "hidden", `h (${hidden})`, fixed, scales.hidden.element),
    stage(3, "s", "Excite: gates", ["s = σ(W₂ h + b₂)"], "s", `s (${channels})`, fixed, scales.s.element),
    stage(4, "scaled", "Rescale", product, "x-tilde", `x̃ ${maps}`, "orange < 0 < green", "on the scale of u"),
  ];
  return {
    elements: stages.map((one) => one.element),
    show(now, limits) {
      colours.set(limits.u);
      for (const [name, shown] of Object.entries(scales)) {
        shown.set(limits[name].map((limit) => formatNumber(limit, 2)).join(" to "));
      }
      for (const { step, element: node } of stages) {
        node.classList.toggle("walk-later", step > now);
        node.classList.toggle("walk-now", step === now && now < LAST);
      }
    },
  };
}

// ----------------------------------------------------------------------------------------------------- the comparison

function createComparison(channels, choose) {
  const chart = chosenBars("difference of the gates", "s", "left minus right", channels, choose, 72);
  const facts = {
    weights: number("same-weights", { label: "same weights:" }),
    gates: number("same-gates", { label: "same gates:" }),
    mine: ofChannel("difference", "s left − s right ="),
    z: number("largest-dz", { label: "largest difference of z:" }),
    s: number("largest-ds", { label: "largest difference of s:" }),
  };
  const [whereZ, whereS] = ["z", "s"].map((name) => number(`largest-d${name}-channel`, { label: "channel" }));
  const verdict = element("p", { class: "walk-verdict" }, facts.weights.element, facts.gates.element);
  const list = [
    element("p", {}, facts.z.element, ", ", whereZ.element),
    element("p", {}, facts.s.element, ", ", whereS.element),
    facts.mine.element,
  ];
  const heading = "Gates, left − right (−1 to 1)";
  const node = element(
    "div",
    { class: "walk-comparison" },
    panel(heading, "s", chart.element),
    element("div", { class: "walk-numbers" }, verdict, ...list),
  );
  return {
    element: node,
    show([left, right], c, step) {
      const [dz, ds] = [minus(left.z, right.z), minus(left.s, right.s)];
      const [atZ, atS] = [peak(dz), peak(ds)];
      chart.draw(ds, { least: -1, largest: 1, chosen: c });
      facts.weights.set("yes");
      facts.gates.set(ds[atS] === 0 ? "yes" : "no");
      facts.z.set(Math.abs(dz[atZ]));
      facts.s.set(Math.abs(ds[atS]));
      whereZ.set(atZ);
      whereS.set(atS);
      facts.mine.set(c, ds[c]);
      node.classList.toggle("walk-later", step < 3);
    },
  };
}

const minus = (a, b) => a.map((value, i) => value - b[i]);
// Where the number is that is farthest from zero.
const peak = (values) => values.reduce((best, value, i) => (Math.abs(value) > Math.abs(values[best]) ? i : best), 0);

// ------------------------------------------------------------------------------------------------------------ the walk

function createWalk(view) {
  const move = (by) => view.set("step", clamp(view.get("step") + by, LAST));
  const advance = () => (move(1), view.get("step") < LAST);
  const play = player(view, { label: "Play", seconds: 2, advance });
  play.element.addEventListener("click", () => {
    if (play.element.getAttribute("aria-pressed") === "true" && view.get("step") === LAST) view.set("step", 0);
  });
  const letters = ["x", "u", "z", "s", "x̃"].map((letter, step) => [step, letter]);
  const steps = choice(view, "step", { label: "show up to", options: letters, then: play.stop });
  const stepBy = (label, by) => button(label, () => (play.stop(), move(by))).element;
  const [back, next] = [stepBy("Back", -1), stepBy("Next", 1)];
  return {
    element: element("div", { class: "walk-steps" }, steps.element, element("div", {}, back, next, play.element)),
    show(step) {
      back.setAttribute("aria-disabled", step === 0); // not disabled: that would take the keyboard's focus away
      next.setAttribute("aria-disabled", step === LAST);
    },
  };
}

// One sentence or two on the newest step, with the chosen channel's numbers.
function tell(step, c, [left, right], same) {
  const both = (name) => `${formatNumber(left[name][c])} on the left, ${formatNumber(right[name][c])} on the right`;
  const percent = (result) => `${Math.round(100 * result.s[c])}%`;
  return [
    "Two pictures go through one and the same block.",
    "The convolutions' weights are fixed. They make a map for each channel.",
    `Squeeze: each map becomes its mean. Channel ${c}: ${both("z")}.`,
    `Excite: the same two layers turn these means into gates. Channel ${c}: ${both("s")}.`,
    same
      ? `Twice the same picture: the same gates. Channel ${c} keeps ${percent(left)} on both sides.`
      : `Rescale: each map times its gate. Channel ${c} keeps ${percent(left)} on the left, ` +
        `${percent(right)} on the right.`,
  ][step];
}
