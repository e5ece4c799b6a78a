// The whole block on two pictures at once: maps shrink into means, means pass the neck, gates dim the maps.
import { guess } from "./parts/guess.js";
import { Problem, button, choice, clamp, colour, disable, element, figure } from "./parts/kit.js";
import { formatNumber, heatmap, menu, number, picture, player, requirePictures, setText } from "./parts/kit.js";
import { slider, svg, wantsStillness } from "./parts/kit.js";
import { normalise, requireNetwork, runBlock, runStem } from "./parts/network_arithmetic.js";

const WORDS = {
  question: "Both pictures pass the same weights. How far apart, from 0 to 1, are the two gates that differ most?",
  told: ({ channel, most }) => `In channel ${channel} they differ by ${most}: gates are computed from the picture. Walk there with “Next”.`,
  guessFirst: "Guess how far apart the gates are: then the walk goes on.",
  first: "This is the first step.",
  last: "This is the last step.",
  back: "Back",
  next: "Next",
  play: "Play",
  steps: "step",
  channel: "channel, large:",
  pictures: ["first picture", "second picture"],
  stories: [
    () => "Two pictures stand before one and the same block. Press “Next”.",
    () => "Convolutions with fixed weights make a map for each channel.",
    ({ c, z }) => `Squeeze: each map shrinks to its mean. Channel ${c}: first ${z[0]}, second ${z[1]}.`,
    ({ c, s }) => `Excite: through the neck to gates. Channel ${c}: first ${s[0]}, second ${s[1]}.`,
    ({ c, kept }) => `Rescale: gates dim the maps. Channel ${c} keeps ${kept[0]}% in the first, ${kept[1]}% in the second.`,
  ],
  twice: ({ c, kept }) => `Twice the same picture: the same gates. Channel ${c} keeps ${kept[0]}% of both.`,
  stages: {
    x: ["picture x", ({ high, wide }) => `3 × ${high} × ${wide}`],
    u: ["maps u", "by convolutions"],
    z: ["means z", "squeeze"],
    hidden: ["the neck", "ReLU(W₁z + b₁)"],
    s: ["gates s", "σ(W₂h + b₂)"],
    scaled: ["x̃ = s · u", "rescale"],
  },
  limits: ({ least, most }) => `${least} to ${most}`,
  means: ["first: z =", "second: z ="],
  gate: "×",
  equals: "=",
  differences: "first gate − second gate, −1 to 1",
  difference: "of this channel:",
  largest: "largest:",
  inChannel: "in channel",
};
const TRAITS = ["first", "second"]; // of the two pictures
const LETTERS = ["x", "u", "z", "s", "x̃"]; // one for each step
const [MAPS, MEANS, GATES, LAST] = [1, 2, 3, 4];
const REACHED = { x: 0, u: MAPS, z: MEANS, hidden: GATES, s: GATES, scaled: LAST }; // from which step on a stage is filled
const [FLIGHT, STAGGER] = [1100, 600]; // milliseconds for one channel, and from the first channel's start to the last one's
const PLAY_SECONDS = 2.4;
const WEAK = 0.1; // of the largest weight: a weaker one has no wire

export default figure((view) => {
  const network = view.arrays("network");
  const block = requireBlock(network);
  const pictures = requirePictures(view);
  const run = createRunner(network, block.name, pictures);
  const sizes = { ...block, ...run(0).u }; // channels, hidden; rows and columns of u
  const weights = ["fc1", "fc2"].map((layer) => network[`${block.name}.attention.${layer}.weight`].data);
  const choose = (channel) => view.set("channel", clamp(channel, sizes.channels - 1));

  const sides = TRAITS.map((trait, index) => createSide(view, trait, WORDS.pictures[index], pictures, sizes, weights, choose));
  const stages = createStages(sides, pictures);
  const comparison = createComparison(sizes.channels, choose);
  const channel = slider(view, "channel", { label: WORDS.channel, min: 0, max: sizes.channels - 1 });
  const gates = sides.flatMap(({ neck, s }) => [neck.element, s.element]);
  gates.forEach((one) => one.classList.add("parts-unknown"));
  const asked = askForTheGates(view, run, pictures.count, gates);
  const most = () => (asked.isOpen() ? MEANS : LAST);
  const flight = createFlight();
  const walk = createWalk(view, most, flight.stop);
  const story = element("p", { class: "walk-story", role: "status" });
  const walked = element("div", { class: "walk senet-result" }, ...stages.elements);
  const detail = element("div", { class: "walk-detail parts-column senet-result" }, ...sides.map((side) => side.product), comparison.element);
  channel.element.classList.add("walk-channel");
  view.body.append(asked.element, element("div", { class: "walk-all" }, walk.element, story, walked, channel.element, detail));
  view.onClose(flight.stop);
  let before = null;

  return () => {
    const results = TRAITS.map((trait) => run(view.get(trait)));
    const [c, step] = [view.get("channel"), Math.min(view.get("step"), most())];
    const scales = commonScales(results);
    sides.forEach((side, index) => side.draw(results[index], scales, c, step));
    stages.show(step, scales);
    comparison.show(results, c, step);
    walk.show();
    setText(story, view.get("step") > step ? WORDS.guessFirst : tell(step, c, results));
    asked.draw();
    if (before !== null && step !== before) flight.stop();
    if (before !== null && step === before + 1 && !wantsStillness()) {
      sides.forEach((side, index) => flight.start(walked, side, step, results[index].s));
    }
    before = step;
  };
});

/** Before any gate: how far apart are those that differ most, of the two pictures that are shown first? */
function askForTheGates(view, run, count, covered) {
  const places = TRAITS.map((trait) => clamp(view.get(trait), count - 1) || 0);
  const answer = () => {
    const apart = minus(...places.map((place) => run(place).s));
    const channel = peak(apart);
    const most = Math.abs(apart[channel]);
    return { value: Number(most.toFixed(2)), told: WORDS.told({ channel, most: formatNumber(most) }) };
  };
  const range = { min: 0, max: 1, step: 0.01, digits: 2 };
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
      results.set(index, { index, u, z, hidden, s, scaled, sizes: largestSizes(u) });
    }
    return results.get(index);
  };
}

const mapOf = ({ data, rows, columns }, c) => data.subarray(c * rows * columns, (c + 1) * rows * columns);

// The largest |value| of each channel.
const largestSizes = (maps) =>
  Array.from({ length: maps.channels }, (_, c) => mapOf(maps, c).reduce((most, value) => Math.max(most, Math.abs(value)), 0));

// Both pictures on one scale, so that the same colour or length means the same number in both.
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

// ---------------------------------------------------------------------------------------------------------- one picture

function createSide(view, trait, name, { names, rows, columns, planes }, { channels, hidden, ...size }, [w1, w2], choose) {
  const photo = picture({ rows, columns, label: name });
  const which = menu(view, trait, { label: name, options: names.map((text, index) => [index, text]) });
  const u = createMaps("u", "u", name, channels, size, choose);
  const scaled = createMaps("x̃", "x-tilde", name, channels, size, choose);
  const z = createStrip(channels, "z", `z, ${name}`, choose);
  const neck = createStrip(hidden, "hidden", `hidden units, ${name}`);
  const s = createStrip(channels, "s", `s, ${name}`, choose);
  neck.element.style.setProperty("--part", hidden / Math.max(hidden, channels));
  const narrows = createWires(channels, hidden, (c, k) => w1[k * channels + c]);
  const widens = createWires(hidden, channels, (k, c) => w2[c * hidden + k]);
  const [mean, gate] = [number(`${trait}-z`, { label: WORDS.means[TRAITS.indexOf(trait)] }), number(`${trait}-s`, { label: WORDS.gate })];
  const times = element("p", {}, gate.element, " ", WORDS.equals);
  const product = element("div", { class: "walk-product" }, element("p", {}, mean.element), u.large, times, scaled.large);
  const cell = (...children) => element("div", { class: "walk-cell" }, ...children);
  const cells = {
    x: cell(photo.element, which.element),
    u: cell(u.element),
    z: cell(z.element),
    hidden: cell(narrows, neck.element, widens),
    s: cell(s.element),
    scaled: cell(scaled.element),
  };
  let drawn = null;
  const draw = (result, scales, c, step) => {
    // The maps are many: they are painted anew only when their numbers, their scale or the page's colours change.
    const look = [result.index, scales.u, colour(photo.element, "--senet-map-paper")].join();
    if (look !== drawn) photo.draw(planes(result.index));
    u.draw(result.u, c, scales.u, look, step >= MAPS);
    scaled.draw(result.scaled, c, scales.u, look, step === LAST);
    drawn = look;
    z.draw(result.z, scales.z, c);
    neck.draw(result.hidden, scales.hidden);
    s.draw(result.s, scales.s, c);
    mean.set(step >= MEANS ? result.z[c] : NaN);
    gate.set(step >= GATES ? result.s[c] : NaN);
  };
  return { cells, product, draw, photo: photo.element, u, scaled, z, neck, s };
}

/** A small map for each channel, and the chosen one large. Their places stay where they are not in sight. */
function createMaps(letter, quantity, name, channels, { rows, columns }, choose) {
  const one = (label) => heatmap({ rows, columns, quantity, label });
  const maps = Array.from({ length: channels }, (_, c) => one(`${letter} of channel ${c}, ${name}`));
  const chosenMap = one(`${letter} of the chosen channel, ${name}`);
  const nodes = maps.map((map) => element("span", {}, map.element));
  const large = element("span", { class: "walk-large" }, chosenMap.element);
  const label = `${letter} of the ${name}, ${channels} maps`;
  const grid = element("div", { class: "walk-maps", role: "img", "aria-label": label }, ...nodes);
  chooseByClick(grid, nodes, choose);
  let [drawn, marked] = [null, null];
  const draw = (all, chosen, largest, look, isShown) => {
    if (look !== drawn) maps.forEach((map, c) => map.draw(mapOf(all, c), largest));
    if (`${look},${chosen}` !== marked) chosenMap.draw(mapOf(all, chosen), largest);
    [drawn, marked] = [look, `${look},${chosen}`];
    nodes.forEach((node, c) => node.toggleAttribute("data-chosen", c === chosen));
    for (const node of [grid, large]) node.classList.toggle("walk-empty", !isShown);
  };
  return { element: grid, nodes, large, draw };
}

// The slider of the channel does the same from the keyboard.
function chooseByClick(box, nodes, choose) {
  box.addEventListener("click", ({ target }) => {
    const place = nodes.findIndex((node) => node.contains(target));
    if (place >= 0) choose(place);
  });
}

/** A bar for each number, upright or lying as the style sheet has it. draw(values, [least, largest], chosen). */
function createStrip(count, quantity, label, choose = null) {
  const marks = Array.from({ length: count }, () => element("i"));
  const nodes = marks.map((mark) => element("span", {}, mark));
  const style = `--ink: var(--quantity-${quantity})`;
  const box = element("div", { class: "walk-strip", role: "img", "aria-label": label, style }, ...nodes);
  if (choose) chooseByClick(box, nodes, choose);
  const draw = (values, [least, largest], chosen = null) => {
    const share = (value) => ((value - least) / (largest - least || 1)).toFixed(4);
    box.style.setProperty("--zero", share(0));
    marks.forEach((mark, c) => {
      const [from, to] = [share(Math.min(0, values[c])), share(Math.max(0, values[c]))];
      mark.style = `--from: ${from}; --long: ${to - from}`;
      nodes[c].toggleAttribute("data-chosen", c === chosen);
    });
    box.values = values; // for tests
  };
  return { element: box, nodes, marks, draw };
}

/** Wires from one row of numbers to the next: a strong line is a strong weight, an orange one a negative weight. */
function createWires(from, to, weightOf) {
  const most = Math.max(from, to);
  const at = (place, total) => (0.5 + (place + 0.5 - total / 2) / most).toFixed(3);
  const pairs = Array.from({ length: from * to }, (_, pair) => [Math.floor(pair / to), pair % to]);
  const largest = Math.max(...pairs.map((pair) => Math.abs(weightOf(...pair))));
  const lines = pairs.map(([i, j]) => {
    const size = Math.abs(weightOf(i, j)) / largest;
    const style = `opacity: ${size.toFixed(2)}`;
    return size > WEAK ? svg("path", { d: `M${at(i, from)} 0L${at(j, to)} 1`, class: weightOf(i, j) < 0 && "walk-minus", style }) : "";
  });
  return svg("svg", { class: "walk-wires", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" }, ...lines);
}

// --------------------------------------------------------------------------------------------------------- the flight

/** What flies from one step to the next, over both pictures. Each thing is taken away when it lands, or at a stop. */
function createFlight() {
  const running = new Set();
  const animate = (node, frames, delay, isGuest) => {
    const animation = node.animate(frames, { duration: FLIGHT, delay, easing: "ease-in-out", fill: "backwards" });
    running.add(animation);
    const end = () => (running.delete(animation), isGuest && node.remove());
    animation.onfinish = end;
    animation.oncancel = end;
  };
  const send = (home, corner, { node, places, look }, delay) => {
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
    animate(node, frames, delay, true);
  };
  const start = (home, { photo, u, z, neck, s, scaled }, step, gates) => {
    // A bar of no length is still a place to fly to.
    const place = (node) => {
      const { left, top, width, height } = node.getBoundingClientRect();
      return { left, top, width: Math.max(2, width), height: Math.max(2, height) };
    };
    const tint = (...names) => (index) => ({ background: `var(--quantity-${names[index]})` });
    const fade = (...ends) => (index) => ({ opacity: ends[index] });
    const unit = (c) => neck.marks[c % neck.marks.length];
    const dot = () => element("span");
    const map = (c) => u.nodes[c].firstChild;
    // From a channel to what flies there, and what is seen when it has landed.
    const ways = {
      [MAPS]: (c) => [{ node: copyOf(photo), places: [place(photo), place(map(c))], look: fade(1, 0.3) }],
      [MEANS]: (c) => [{ node: copyOf(map(c)), places: [place(map(c)), place(z.marks[c])], look: fade(1, 0.5) }],
      [GATES]: (c) => [{ node: dot(), places: [z.marks[c], unit(c), s.marks[c]].map(place), look: tint("z", "hidden", "s") }],
      [LAST]: (c) => [
        { node: copyOf(map(c)), places: [place(map(c)), place(scaled.nodes[c])], look: fade(1, gates[c]) },
        { node: dot(), places: [place(s.marks[c]), place(scaled.nodes[c])], look: (index) => ({ ...tint("s", "s")(index), ...fade(1, 0)(index) }) },
      ],
    };
    const landings = { [MAPS]: u, [MEANS]: z, [GATES]: s, [LAST]: scaled };
    // All places are read before anything is written, or each would lay out the page anew.
    const journeys = gates.reduce((all, _, c) => [...all, ...ways[step](c).map((way) => [way, c])], []);
    const corner = place(home);
    const delayOf = (c) => (STAGGER * c) / gates.length;
    for (const [journey, c] of journeys) send(home, corner, journey, delayOf(c));
    const landed = [{ opacity: 0 }, { opacity: 0, offset: 0.8 }, { opacity: 1 }];
    landings[step].nodes.forEach((node, c) => animate(node.firstChild, landed, delayOf(c), false));
  };
  return { start, stop: () => [...running].forEach((animation) => animation.cancel()) };
}

function copyOf(canvas) {
  const { width, height } = canvas;
  const copy = element("canvas", { width, height });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

// ---------------------------------------------------------------------------------------------------------- the stages

/** For each stage its heading and its two cells: a column on a wide screen, rows on a narrow one. */
function createStages(sides, { rows: high, columns: wide }) {
  const range = (name) => number(`scale-${name}`);
  const scales = { z: range("z"), hidden: range("hidden"), s: range("s") };
  const ramp = (quantity, name) => {
    const ends = [`least-${name}`, `scale-${name}`].map((end) => number(end, { digits: 1 }));
    const bar = element("i", { class: "walk-ramp", style: `--to: var(--quantity-${quantity})` });
    return { ends, element: element("span", {}, ends[0].element, bar, ends[1].element) };
  };
  const ramps = { u: ramp("u", "u"), scaled: ramp("x-tilde", "x-tilde") };
  const stages = Object.keys(REACHED).map((key) => {
    const [title, how] = WORDS.stages[key];
    const quantity = key === "scaled" ? "x-tilde" : key;
    const chip = element("span", { class: "senet-chip", style: `--chip: var(--quantity-${quantity})` });
    const lines = [key === "x" ? how({ high, wide }) : how, (ramps[key] ?? scales[key])?.element ?? ""];
    const heading = element("p", { class: "walk-heading" }, element("strong", {}, chip, title), ...lines.map((line) => element("span", {}, line)));
    return { key, element: element("div", { class: "walk-stage", "data-stage": key }, heading, ...sides.map(({ cells }) => cells[key])) };
  });
  return {
    elements: stages.map((one) => one.element),
    show(now, limits) {
      for (const { ends } of Object.values(ramps)) ends.forEach((end, side) => end.set(side === 0 ? -limits.u : limits.u));
      for (const [name, shown] of Object.entries(scales)) {
        const [least, most] = limits[name].map((limit) => formatNumber(limit, 2));
        shown.set(WORDS.limits({ least, most }));
      }
      for (const { key, element: node } of stages) {
        node.classList.toggle("walk-later", REACHED[key] > now);
        node.classList.toggle("walk-now", REACHED[key] === now);
      }
    },
  };
}

// ----------------------------------------------------------------------------------------------------- the comparison

function createComparison(channels, choose) {
  const chart = createStrip(channels, "s", "difference of the gates", choose);
  const [mine, most] = [number("difference", { label: WORDS.difference }), number("largest-ds", { label: WORDS.largest })];
  const where = number("largest-ds-channel", { label: WORDS.inChannel });
  const lines = [element("p", {}, mine.element), element("p", {}, most.element, " ", where.element)];
  const node = element("div", { class: "walk-comparison" }, element("p", {}, WORDS.differences), chart.element, ...lines);
  return {
    element: node,
    show([first, second], c, step) {
      const isReached = step >= GATES;
      const apart = minus(first.s, second.s);
      const place = peak(apart);
      chart.draw(apart, [-1, 1], c);
      most.set(isReached ? Math.abs(apart[place]) : NaN);
      where.set(isReached ? place : NaN);
      mine.set(isReached ? apart[c] : NaN);
      node.classList.toggle("walk-empty", !isReached);
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
  return {
    element: element("div", { class: "walk-steps parts-line" }, back, next, play.element, steps.element),
    show() {
      disable(back, view.get("step") === 0 && WORDS.first);
      disable(next, view.get("step") >= most() && (most() === LAST ? WORDS.last : WORDS.guessFirst));
    },
  };
}

// A sentence or two on the newest step, with the chosen channel's numbers.
function tell(step, c, results) {
  const both = (name) => results.map((result) => formatNumber(result[name][c]));
  const kept = results.map((result) => Math.round(100 * result.s[c]));
  const isSame = results[0] === results[1];
  return (isSame && step === LAST ? WORDS.twice : WORDS.stories[step])({ c, z: both("z"), s: both("s"), kept });
}
