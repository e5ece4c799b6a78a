// The whole block on two pictures at once: maps shrink into means, means pass the neck, gates slide back onto the maps.
import { guess } from "./parts/guess.js";
import { Problem, bars, button, choice, clamp, colour, controlRow, disable, element, figure } from "./parts/kit.js";
import { formatNumber, heatmap, menu, number, panel, picture, player, requirePictures, setText } from "./parts/kit.js";
import { slider, wantsStillness } from "./parts/kit.js";
import { normalise, requireNetwork, runBlock, runStem } from "./parts/network_arithmetic.js";

const WORDS = {
  question: "The same weights on both sides. How far apart, from 0 to 1, are the two gates that differ most?",
  told: ({ channel, most }) =>
    `In channel ${channel} they differ by ${most}: gates are computed from the picture. Walk there with “Next”.`,
  guessFirst: "Guess how far apart the gates are: then the walk goes on.",
  first: "This is the first step.",
  last: "This is the last step.",
  back: "Back",
  next: "Next",
  play: "Play",
  steps: "step",
  channel: "channel",
  stories: [
    () => "Two pictures stand before one and the same block. Press “Next”.",
    () => "Convolutions with fixed weights make a map for each channel.",
    ({ c, z }) => `Squeeze: maps shrink to means. Channel ${c}: ${z[0]} left, ${z[1]} right.`,
    ({ c, s }) => `Excite: through the neck to gates. Channel ${c}: ${s[0]} left, ${s[1]} right.`,
    ({ c, kept }) => `Rescale: gates dim the maps. Channel ${c} keeps ${kept[0]}% left, ${kept[1]}% right.`,
  ],
  twice: ({ c, kept }) => `Twice the same picture: the same gates. Channel ${c} keeps ${kept[0]}% on both sides.`,
  picture: "Picture",
  convolutions: "Convolutions",
  squeeze: "Squeeze: means",
  narrow: "Excite: the neck",
  gates: "Excite: gates",
  rescale: "Rescale",
  fixed: "← the same weights →",
  shape: ({ letter, size }) => `${letter} (${size})`,
  signs: "orange < 0 < blue",
  signsAfter: "orange < 0 < green",
  scale: "full colour: ±",
  range: "bars:",
  limits: ({ least, most }) => `${least} to ${most}`,
  differences: "Gates, left − right (−1 to 1)",
  sameWeights: "same weights:",
  sameGates: "same gates:",
  yes: "yes",
  no: "no",
  difference: "s left − s right =",
  largestZ: "largest difference of z:",
  largestS: "largest difference of s:",
};
const SIDES = ["left", "right"];
const LETTERS = ["x", "u", "z", "s", "x̃"]; // one for each step
const [MAPS, MEANS, GATES, LAST] = [1, 2, 3, 4];
const FLIGHT = 1400; // milliseconds from one step to the next
const PLAY_SECONDS = 2.4;
const DOT = 12; // pixels: how high a number is that flies
const [NARROW_AT, LANDED] = [0.45, 0.8]; // parts of a flight: the neck is passed; what has landed is drawn

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
  const channel = slider(view, "channel", { label: WORDS.channel, min: 0, max: sizes.channels - 1 });
  const asked = askForTheGates(view, run, pictures.count, [...stages.gates, comparison.element]);
  const most = () => (asked.isOpen() ? MEANS : LAST);
  const flight = createFlight();
  const walk = createWalk(view, most, flight.stop);
  const story = element("p", { class: "walk-story", role: "status" });
  const walked = element("div", { class: "walk" }, ...stages.elements);
  view.body.append(asked.element, walk.element, story, walked, controlRow(channel.element), comparison.element);
  view.onClose(flight.stop);
  let before = null;

  return () => {
    const results = [run(view.get("first")), run(view.get("second"))];
    const [c, step] = [view.get("channel"), Math.min(view.get("step"), most())];
    const scales = commonScales(results);
    sides.forEach((side, index) => side.draw(results[index], scales, c, step));
    stages.show(step, scales);
    comparison.show(results, c, step);
    walk.show();
    const isSame = view.get("first") === view.get("second");
    setText(story, view.get("step") > step ? WORDS.guessFirst : tell(step, c, results, isSame));
    asked.draw();
    if (before !== null && step !== before) flight.stop();
    if (before !== null && step === before + 1 && !wantsStillness()) sides.forEach((side) => flight.start(side, step));
    before = step;
  };
});

/** Before any gate: how far apart are those that differ most, of the two pictures that are shown first? */
function askForTheGates(view, run, count, covered) {
  const places = ["first", "second"].map((trait) => clamp(view.get(trait), count - 1) || 0);
  const answer = () => {
    const apart = minus(...places.map((place) => run(place).s));
    const channel = peak(apart);
    const most = Math.abs(apart[channel]);
    return { value: Math.round(20 * most) / 20, told: WORDS.told({ channel, most: formatNumber(most) }) };
  };
  const range = { min: 0, max: 1, step: 0.05, digits: 2 };
  return guess(view, { key: `walk/${places}`, question: WORDS.question, range, answer, covered });
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

const mapOf = ({ data, rows, columns }, c) => data.subarray(c * rows * columns, (c + 1) * rows * columns);

// The largest |value| of each channel.
const largestSizes = (maps) =>
  Float32Array.from({ length: maps.channels }, (_, c) =>
    mapOf(maps, c).reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  );

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
  const maps = [["u", "u"], ["x̃", "x-tilde"]].map(([letter, quantity]) => createMaps(letter, quantity, side, channels, size, choose));
  const [u, scaled] = maps;
  const z = chosenBars("z", "z", side, channels, choose);
  const neck = bars({ count: hidden, quantity: "hidden", label: `hidden units, ${side}`, height: 32 });
  neck.element.style.width = `${(100 * hidden) / Math.max(hidden, channels)}%`;
  const s = chosenBars("s", "s", side, channels, choose);
  // Label, first step, digits: a number that has not been reached is a dash, so that nothing moves when it comes.
  const facts = Object.entries({ u: ["|u| ≤", MAPS, 2], z: ["z =", MEANS, 3], s: ["s =", GATES, 3], "x-tilde": ["|x̃| ≤", LAST, 2] }).map(
    ([name, [label, from, digits]]) => ({ name, from, value: number(`${side}-${name}`, { label, digits }) }),
  );
  const name = element("p", { class: "walk-channel" });
  const cell = (...children) => element("div", { class: `walk-cell walk-${side}` }, ...children);
  const values = element("div", { class: "walk-values" }, name, ...facts.map(({ value }) => element("p", {}, value.element)));
  const both = (...nodes) => element("div", { class: "walk-stack" }, ...nodes);
  const top = element("div", { class: "walk-top" }, photo.element, both(u.large.element, scaled.large.element), values);
  const cells = {
    x: cell(which.element, top),
    u: cell(both(u.element, scaled.element)),
    z: cell(z.element),
    hidden: cell(neck.element),
    s: cell(s.element),
  };
  let drawn = null;

  const draw = (result, scales, c, step) => {
    // The maps are many: they are painted anew only when their numbers, their scale or the page's colours change.
    const theme = [result.index, scales.u, colour(photo.element, "--senet-map-paper")].join();
    if (theme !== drawn) {
      photo.draw(planes(result.index));
      u.draw(result.u, scales.u);
      scaled.draw(result.scaled, scales.u);
      drawn = theme;
    }
    u.mark(result.u, c, scales.u, theme, step >= MAPS);
    scaled.mark(result.scaled, c, scales.u, theme, step === LAST);
    z.draw(result.z, { least: scales.z[0], largest: scales.z[1], chosen: c });
    neck.draw(result.hidden, { largest: scales.hidden[1] });
    s.draw(result.s, { largest: 1, chosen: c });
    setText(name, `channel ${c}`);
    const shown = { u: result.sizes, z: result.z, s: result.s, "x-tilde": result.after };
    for (const fact of facts) fact.value.set(step >= fact.from ? shown[fact.name][c] : NaN);
  };
  return { cells, draw, photo: photo.element, u, scaled, z: z.element, neck: neck.element, s: s.element, channels, hidden };
}

// A small map for each channel, and the chosen one large. draw(maps, largest); mark(maps, channel, …, is it in sight).
function createMaps(letter, quantity, side, channels, { rows, columns }, choose) {
  const one = (label) => heatmap({ rows, columns, quantity, label });
  const maps = Array.from({ length: channels }, (_, c) => one(`${letter} of channel ${c}, ${side}`));
  const large = one(`${letter} of the chosen channel, ${side}`);
  large.element.classList.add("walk-large");
  const nodes = maps.map((map) => map.element);
  const label = `${letter} of the ${side} picture, ${channels} maps`;
  const grid = element("div", { class: "walk-maps", role: "img", "aria-label": label }, ...nodes);
  grid.addEventListener("click", (event) => nodes.includes(event.target) && choose(nodes.indexOf(event.target)));
  let marked = null;
  return {
    element: grid,
    nodes,
    large,
    draw: (all, largest) => maps.forEach((map, c) => map.draw(mapOf(all, c), largest)),
    mark: (all, chosen, largest, theme, isShown) => {
      nodes.forEach((node, c) => node.classList.toggle("walk-chosen", c === chosen));
      for (const node of [grid, large.element]) node.classList.toggle("walk-hidden", !isShown);
      if (marked === `${theme},${chosen}`) return;
      marked = `${theme},${chosen}`;
      large.draw(mapOf(all, chosen), largest);
    },
  };
}

// Bars that a click chooses from; the slider does the same from the keyboard.
function chosenBars(letter, quantity, side, count, choose, height = 44) {
  const chart = bars({ count, quantity, label: `${letter}, ${side}`, height });
  const node = chart.element;
  node.addEventListener("click", (event) => choose(Math.floor((event.offsetX / node.clientWidth) * count)));
  return chart;
}

// --------------------------------------------------------------------------------------------------------- the flight

/** What flies from one step to the next, over both sides. Each thing is taken away when it lands, or at a stop. */
function createFlight() {
  const running = new Set();
  const animate = (node, frames, isGuest = false) => {
    const animation = node.animate(frames, { duration: FLIGHT, easing: "ease-in-out" });
    running.add(animation);
    const end = () => (running.delete(animation), isGuest && node.remove());
    animation.onfinish = end;
    animation.oncancel = end;
  };
  // Opacity 0 until a part of the flight is over.
  const landAt = (part, ...nodes) =>
    nodes.forEach((node) => animate(node, [{ opacity: 0 }, { opacity: 0, offset: part }, { opacity: 1 }]));
  const send = (home, corner, { node, places, look = () => ({}) }) => {
    const [first] = places;
    node.classList.add("walk-guest");
    const at = { left: first.left - corner.left, top: first.top - corner.top, width: first.width, height: first.height };
    for (const [name, value] of Object.entries(at)) node.style[name] = `${value}px`;
    home.append(node);
    const frames = places.map((place, index) => ({
      transform:
        `translate(${place.left - first.left}px, ${place.top - first.top}px) ` +
        `scale(${place.width / first.width}, ${place.height / first.height})`,
      ...look(index),
    }));
    animate(node, frames, true);
  };
  const start = (side, step) => {
    const home = side.photo.closest(".walk");
    const every = (way) => Array.from({ length: side.channels }, (_, c) => way(c));
    const place = (node) => node.getBoundingClientRect();
    const bar = (node, count, c) => {
      const { left, top, width, height } = place(node);
      return { left: left + (c * width) / count + 1, top: top + height - DOT, width: width / count - 2, height: DOT };
    };
    const [zBar, sBar] = [side.z, side.s].map((node) => (c) => bar(node, side.channels, c));
    const neckBar = (c) => bar(side.neck, side.hidden, c % side.hidden);
    const tint = (...names) => (index) => ({ background: `var(--quantity-${names[Math.min(index, names.length - 1)]})` });
    const map = (c) => place(side.u.nodes[c]);
    const dot = () => element("span");
    const ways = {
      [MAPS]: (c) => ({ node: copyOf(side.photo), places: [place(side.photo), map(c)] }),
      [MEANS]: (c) => ({ node: copyOf(side.u.nodes[c]), places: [map(c), zBar(c)] }),
      [GATES]: (c) => ({ node: dot(), places: [zBar(c), neckBar(c), sBar(c)], look: tint("z", "hidden", "s") }),
      [LAST]: (c) => ({ node: dot(), places: [sBar(c), map(c)], look: tint("s") }),
    };
    const landings = {
      [MAPS]: [[LANDED, side.u.element, side.u.large.element]],
      [MEANS]: [[LANDED, side.z]],
      [GATES]: [[NARROW_AT, side.neck], [LANDED, side.s]],
      [LAST]: [[NARROW_AT, side.scaled.element, side.scaled.large.element]],
    };
    // All places are read before anything is written, or each would lay out the page anew.
    const journeys = every(ways[step]);
    const corner = place(home);
    for (const journey of journeys) send(home, corner, journey);
    for (const landing of landings[step]) landAt(...landing);
  };
  return { start, stop: () => [...running].forEach((animation) => animation.cancel()) };
}

function copyOf(canvas) {
  const { width, height } = canvas;
  const copy = element("canvas", { width, height });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

// --------------------------------------------------------------------------------------------- the steps in the middle

const indexed = (letter) => element("span", {}, letter, element("sub", {}, "c"));

function createStages(sides, { channels, hidden, rows, columns }, pictures) {
  const shape = (letter, ...size) => WORDS.shape({ letter, size: size.join(", ") });
  const range = (name) => number(`scale-${name}`, { label: WORDS.range });
  const scales = { z: range("z"), hidden: range("hidden"), s: range("s") };
  const colours = number("scale-u", { label: WORDS.scale, digits: 1 });
  const spine = (name, formula, quantity, ...facts) => {
    const chip = element("span", { class: "senet-chip", style: `--chip: var(--quantity-${quantity})` });
    const lines = facts.map((fact) => element("span", {}, fact));
    const title = element("p", { class: "walk-name" }, chip, name);
    const parts = [element("p", { class: "walk-formula" }, ...formula), element("p", { class: "walk-facts" }, ...lines)];
    return element("div", { class: "walk-spine" }, title, ...parts);
  };
  const stage = (step, key, ...spines) => {
    const cells = sides.map((side) => side.cells[key]);
    return { step, element: element("div", { class: "walk-stage", "data-stage": key }, ...spines, ...cells) };
  };
  const { rows: high, columns: wide } = pictures;
  const mean = [indexed("z"), " = mean of ", indexed("u")];
  const product = [indexed("x̃"), " = ", indexed("s"), " · ", indexed("u")];
  const convolved = spine(WORDS.convolutions, [], "u", shape("u", channels, rows, columns), WORDS.fixed, WORDS.signs, colours.element);
  const rescaled = spine(WORDS.rescale, product, "x-tilde", shape("x̃", channels, rows, columns), WORDS.signsAfter);
  const stages = [
    stage(0, "x", spine(WORDS.picture, [], "x", shape("x", 3, high, wide))),
    stage(MAPS, "u", convolved, rescaled),
    stage(MEANS, "z", spine(WORDS.squeeze, mean, "z", shape("z", channels), scales.z.element)),
    stage(GATES, "hidden", spine(WORDS.narrow, ["h = ReLU(W₁ z + b₁)"], "hidden", shape("h", hidden), scales.hidden.element)),
    stage(GATES, "s", spine(WORDS.gates, ["s = σ(W₂ h + b₂)"], "s", shape("s", channels), scales.s.element)),
  ];
  return {
    elements: stages.map((one) => one.element),
    gates: stages.filter((one) => one.step === GATES).map((one) => one.element),
    show(now, limits) {
      colours.set(limits.u);
      for (const [name, shown] of Object.entries(scales)) {
        const [least, most] = limits[name].map((limit) => formatNumber(limit, 2));
        shown.set(WORDS.limits({ least, most }));
      }
      convolved.classList.toggle("walk-hidden", now === LAST);
      rescaled.classList.toggle("walk-hidden", now !== LAST);
      for (const { step, element: node } of stages) {
        node.classList.toggle("walk-later", step > now);
        node.classList.toggle("walk-now", step === (now === LAST ? MAPS : now));
      }
    },
  };
}

// ----------------------------------------------------------------------------------------------------- the comparison

function createComparison(channels, choose) {
  const chart = chosenBars("difference of the gates", "s", "left minus right", channels, choose, 56);
  const facts = {
    weights: number("same-weights", { label: WORDS.sameWeights }),
    gates: number("same-gates", { label: WORDS.sameGates }),
    mine: number("difference", { label: WORDS.difference }),
    z: number("largest-dz", { label: WORDS.largestZ }),
    s: number("largest-ds", { label: WORDS.largestS }),
  };
  const [whereZ, whereS] = ["z", "s"].map((name) => number(`largest-d${name}-channel`, { label: WORDS.channel }));
  const verdict = element("p", { class: "walk-verdict" }, facts.weights.element, facts.gates.element);
  const list = [
    element("p", {}, facts.z.element, ", ", whereZ.element),
    element("p", {}, facts.s.element, ", ", whereS.element),
    element("p", {}, facts.mine.element),
  ];
  const numbers = element("div", { class: "walk-numbers" }, verdict, ...list);
  const node = element("div", { class: "walk-comparison" }, panel(WORDS.differences, "s", chart.element), numbers);
  return {
    element: node,
    show([left, right], c, step) {
      const [dz, ds] = [minus(left.z, right.z), minus(left.s, right.s)];
      const [atZ, atS] = [peak(dz), peak(ds)];
      chart.draw(ds, { least: -1, largest: 1, chosen: c });
      facts.weights.set(WORDS.yes);
      facts.gates.set(ds[atS] === 0 ? WORDS.yes : WORDS.no);
      facts.z.set(Math.abs(dz[atZ]));
      facts.s.set(Math.abs(ds[atS]));
      whereZ.set(atZ);
      whereS.set(atS);
      facts.mine.set(ds[c]);
      node.classList.toggle("walk-later", step < GATES);
    },
  };
}

const minus = (a, b) => a.map((value, i) => value - b[i]);
// Where the number is that is farthest from zero.
const peak = (values) => values.reduce((best, value, i) => (Math.abs(value) > Math.abs(values[best]) ? i : best), 0);

// ------------------------------------------------------------------------------------------------------------ the walk

/** Steps by hand, or one after the other; most() is how far the walk may go now. */
function createWalk(view, most, stopFlight) {
  const move = (by) => view.set("step", clamp(view.get("step") + by, most()));
  const advance = () => (move(1), view.get("step") < most());
  const play = player(view, { label: WORDS.play, seconds: PLAY_SECONDS, advance });
  const isPlaying = () => play.element.getAttribute("aria-pressed") === "true";
  play.element.addEventListener("click", () => {
    if (!isPlaying()) return stopFlight();
    if (view.get("step") >= most()) view.set("step", 0);
    else move(1); // at once: a button that does nothing for two seconds seems to be broken
  });
  const letters = LETTERS.map((letter, step) => [step, letter]);
  const steps = choice(view, "step", { label: WORDS.steps, options: letters, then: play.stop });
  const stepBy = (label, by) => button(label, () => (play.stop(), move(by))).element;
  const [back, next] = [stepBy(WORDS.back, -1), stepBy(WORDS.next, 1)];
  const buttons = element("div", {}, back, next, play.element);
  return {
    element: element("div", { class: "walk-steps" }, buttons, steps.element),
    show() {
      disable(back, view.get("step") === 0 && WORDS.first);
      disable(next, view.get("step") >= most() && (most() === LAST ? WORDS.last : WORDS.guessFirst));
    },
  };
}

// One sentence or two on the newest step, with the chosen channel's numbers.
function tell(step, c, results, isSame) {
  const both = (name) => results.map((result) => formatNumber(result[name][c]));
  const kept = results.map((result) => Math.round(100 * result.s[c]));
  return (isSame && step === LAST ? WORDS.twice : WORDS.stories[step])({ c, z: both("z"), s: both("s"), kept });
}
