// Gates that are set by hand: the reader drags a sigmoid until all pictures have the gates that they should have.
import { guess } from "./parts/guess.js";
import { choice, clamp, colour, controlRow, drag, element, figure, formatNumber, need, requireShape, setText, slider } from "./parts/kit.js";

const WORDS = {
  threshold: "threshold",
  steepness: "steepness",
  channel: "channel",
  colours: ["red", "green", "blue"],
  chart: ({ colour }) => `The gate of the ${colour} channel for each picture, along a sigmoid that can be dragged`,
  across: ({ colour }) => `z of the ${colour} channel`,
  up: "gate s",
  keys: ({ colour }) => `Round: a ${colour} cue, this gate should be open. Square: another cue, it should be shut. Full: within 0.1 of that. Dots of the same z stand around it.`,
  rule: ({ threshold, steepness }) => `s = sigmoid(${steepness} · (z − ${threshold}))`,
  result: ({ right, count, shut, open }) =>
    `All three gates are right in ${right} of ${count} pictures. Gates that do not open enough: ${shut}; that do not shut enough: ${open}.`,
  unknown: ({ count }) => `All three gates are right in ? of ${count} pictures. Guess how many can be.`,
  done: ({ count }) => `All three gates are right in all ${count} pictures. Two numbers were enough.`,
  question: ({ count }) => `One threshold, one steepness: how many of the ${count} pictures can have three right gates?`,
  options: [
    ["half", "about half"],
    ["most", "nine in ten"],
    ["all", "all"],
  ],
  told: "There is a gap between the means with the cue and those without. Drag the curve into it, and make it steep.",
};
const LARGEST_Z = 0.15;
const STEP = { threshold: 0.001, steepness: 10 };
const STEEPNESS = [10, 1000];
const NEAR = 0.1; // a gate is right if it is so near to what is wanted
const NINE = Math.log(9); // a sigmoid is 0.9 there
const [SEED, GOLDEN] = [1.9, 2.4]; // pixels between dots, and the turn from one to the next
const HEIGHT = 266;
const EDGE = { left: 44, right: 12, top: 34, bottom: 60 };
const TICKS = [0, 0.03, 0.06, 0.09, 0.12, 0.15];
const INKS = ["--senet-red", "--senet-green", "--senet-blue"];

const gateOf = (z, threshold, steepness) => 1 / (1 + Math.exp(-steepness * (z - threshold)));

export default figure((view) => {
  const scenes = readScenes(view);
  const show = (value) => value.toFixed(3);
  const limits = { min: 0, max: LARGEST_Z, step: STEP.threshold, show };
  const threshold = slider(view, "threshold", { label: WORDS.threshold, ...limits }).element;
  const [min, max] = STEEPNESS;
  const steepness = slider(view, "steepness", { label: WORDS.steepness, min, max, step: STEP.steepness }).element;
  const channel = choice(view, "channel", { label: WORDS.channel, options: WORDS.colours.map((name, c) => [c, name]) });
  const chart = createChart(view, scenes);
  const keys = element("p", { class: "parts-note hand-keys", "data-name": "keys" });
  const rule = element("p", { class: "hand-rule", "data-name": "rule" });
  const result = element("p", { class: "parts-conclusion senet-result", role: "status", "data-name": "result" });
  const asked = askForTheMost(view, scenes.count);
  view.body.append(asked.element, controlRow(channel.element, rule), chart.element, controlRow(threshold, steepness), result, keys);

  return () => {
    const now = { threshold: view.get("threshold"), steepness: view.get("steepness"), channel: view.get("channel") };
    const colour = WORDS.colours[now.channel];
    chart.draw(now, colour);
    setText(keys, WORDS.keys({ colour }));
    setText(rule, WORDS.rule({ threshold: show(now.threshold), steepness: now.steepness }));
    const found = countRight(scenes, now);
    result.dataset.value = found.right;
    const say = asked.isOpen() ? WORDS.unknown : found.right === scenes.count ? WORDS.done : WORDS.result;
    setText(result, say(asTexts({ ...found, count: scenes.count })));
    asked.draw();
  };
});

const asTexts = (numbers) => Object.fromEntries(Object.entries(numbers).map(([name, one]) => [name, formatNumber(one)]));

/** Before the count: how many pictures can one rule for all channels get right? */
function askForTheMost(view, count) {
  const question = WORDS.question({ count });
  const answer = () => ({ value: "all", told: WORDS.told });
  return guess(view, { key: "by-hand", question, options: WORDS.options, answer });
}

function readScenes(view) {
  const lengths = {};
  const z = requireShape("z", view.array("z", ["N", 3]), ["N", 3], lengths).data;
  const cues = requireShape("cues", view.array("cues", ["N"]), ["N"], lengths).data;
  const bad = cues.find((cue) => !(cue === 0 || cue === 1 || cue === 2));
  need(bad === undefined, `cues holds ${bad}; it must be 0, 1 or 2.`);
  return { z, cues, count: cues.length };
}

/** How many pictures have all three gates right, and how many gates are wrong on which side. */
function countRight({ z, cues, count }, { threshold, steepness }) {
  const found = { right: 0, shut: 0, open: 0 };
  for (let picture = 0; picture < count; picture += 1) {
    let wrong = 0;
    for (let c = 0; c < 3; c += 1) {
      const gate = gateOf(z[3 * picture + c], threshold, steepness);
      if (isRight(gate, cues[picture] === c)) continue;
      found[cues[picture] === c ? "shut" : "open"] += 1;
      wrong += 1;
    }
    if (wrong === 0) found.right += 1;
  }
  return found;
}

const isRight = (gate, isWanted) => (isWanted ? gate >= 1 - NEAR : gate <= NEAR);

/** Dots of one value stand around it like the seeds of a sunflower, to be seen apart: from a value to the next seed. */
function createSpread() {
  const met = new Map();
  return (value) => {
    const seed = met.get(value) ?? 0;
    met.set(value, seed + 1);
    const [away, turn] = [SEED * Math.sqrt(seed), seed * GOLDEN];
    return [away * Math.cos(turn), away * Math.sin(turn)];
  };
}

/** The curve with a dot for each picture, and two knobs: one at its middle, one where it is 0.9. */
function createChart(view, { z, cues, count }) {
  const canvas = element("canvas", { class: "hand-chart", role: "img", style: `height: ${HEIGHT}px` });
  const context = canvas.getContext("2d");
  const [top, floor] = [EDGE.top, HEIGHT - EDGE.bottom];
  const widthNow = () => canvas.clientWidth || 600;
  const toX = (value) => EDGE.left + (value / LARGEST_Z) * (widthNow() - EDGE.left - EDGE.right);
  const toY = (gate) => floor - gate * (floor - top);
  const knobs = ({ threshold, steepness }) => [
    ["threshold", toX(threshold), toY(0.5)],
    ["steepness", toX(Math.min(LARGEST_Z, threshold + NINE / steepness)), toY(0.9)],
  ];
  const round = (value, step, least, most) => Number((step * Math.round(clamp(value, most) / step)).toFixed(3)) || least;
  const zOf = ({ clientX }) => {
    const x = clientX - canvas.getBoundingClientRect().left - EDGE.left;
    return (x / (widthNow() - EDGE.left - EDGE.right)) * LARGEST_Z;
  };
  let held = null;
  const nearest = (event) => {
    const { left, top: above } = canvas.getBoundingClientRect();
    const away = ([, x, y]) => Math.hypot(event.clientX - left - x, event.clientY - above - y);
    const now = { threshold: view.get("threshold"), steepness: view.get("steepness") };
    return knobs(now).sort((a, b) => away(a) - away(b))[0][0];
  };
  drag(canvas, (event) => {
    held ??= nearest(event);
    if (held === "threshold") return view.set("threshold", round(zOf(event), STEP.threshold, 0, LARGEST_Z));
    const beyond = Math.max(1e-6, zOf(event) - view.get("threshold"));
    view.set("steepness", round(NINE / beyond, STEP.steepness, STEEPNESS[0], STEEPNESS[1]));
  });
  for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, () => (held = null));

  const ink = (name, alpha = 1) => `rgb(${colour(canvas, name).join(" ")} / ${alpha})`;
  const drawFrame = (width) => {
    context.font = `12px ${getComputedStyle(canvas).fontFamily}`;
    context.fillStyle = ink("--quantity-s", 0.18); // where gates should be
    for (const [from, to] of [[1 - NEAR, 1], [0, NEAR]]) {
      context.fillRect(EDGE.left, toY(to), width - EDGE.left - EDGE.right, toY(from) - toY(to));
    }
    context.fillStyle = ink("--senet-quiet");
    context.textAlign = "center";
    for (const tick of TICKS) context.fillText(`${tick}`, toX(tick), floor + 32);
    context.textAlign = "right";
    for (const gate of [0, 0.5, 1]) context.fillText(`${gate}`, EDGE.left - 8, toY(gate) + 4);
    context.textAlign = "left";
    context.fillText(WORDS.up, 0, 12);
    context.fillRect(EDGE.left, floor, width - EDGE.left - EDGE.right, 1);
  };
  const drawDots = ({ threshold, steepness, channel }) => {
    const spread = createSpread();
    for (let picture = 0; picture < count; picture += 1) {
      const isWanted = cues[picture] === channel;
      const value = z[3 * picture + channel];
      const gate = gateOf(value, threshold, steepness);
      const [aside, above] = spread(value);
      const [x, y] = [toX(value) + aside, toY(gate) + above];
      context.strokeStyle = context.fillStyle = ink(INKS[cues[picture]], 0.75);
      context.beginPath();
      if (isWanted) context.arc(x, y, 2.4, 0, 7);
      else context.rect(x - 2, y - 2, 4, 4);
      if (isRight(gate, isWanted)) context.fill();
      else context.stroke();
    }
  };
  const draw = (now, name) => {
    const [width, density] = [widthNow(), window.devicePixelRatio || 1];
    Object.assign(canvas, { width: Math.round(width * density), height: Math.round(HEIGHT * density) }); // and clear it
    context.scale(density, density);
    drawFrame(width);
    context.textAlign = "center";
    context.fillStyle = ink("--senet-ink");
    context.fillText(WORDS.across({ colour: name }), toX(LARGEST_Z / 2), HEIGHT - 10);
    context.strokeStyle = ink("--quantity-s");
    context.lineWidth = 3;
    context.beginPath();
    for (let step = 0; step <= 300; step += 1) {
      const value = (LARGEST_Z * step) / 300;
      context.lineTo(toX(value), toY(gateOf(value, now.threshold, now.steepness)));
    }
    context.stroke();
    context.lineWidth = 1.2;
    drawDots(now);
    for (const [knob, x, y] of knobs(now)) {
      context.beginPath();
      context.arc(x, y, 9, 0, 7);
      context.fillStyle = ink("--senet-paper");
      context.fill();
      context.strokeStyle = ink("--senet-ink");
      context.lineWidth = 3;
      context.stroke();
      context.fillStyle = ink("--senet-ink");
      context.textAlign = x > width - 110 ? "right" : "left";
      const place = [WORDS[knob], x + (x > width - 110 ? -9 : 9), y + 22]; // below the curve, where no dots are
      context.strokeStyle = ink("--senet-paper"); // round the letters
      context.lineWidth = 4;
      context.strokeText(...place);
      context.fillText(...place);
    }
    canvas.setAttribute("aria-label", WORDS.chart({ colour: name }));
  };
  return { element: canvas, draw };
}
