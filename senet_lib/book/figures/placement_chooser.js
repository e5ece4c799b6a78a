// Where SE stands in a residual block: the five places of the paper's Section 6.5, and a pulse through 16 such blocks. The
// pulse is one number x > 0, and the branch hands on F(x) = f·x. ReLU leaves it alone. Then each block multiplies the
// pulse by a factor; and the gradient, on its way back, by the same one.
import { guess } from "./parts/guess.js";
import { button, choice, controlRow, disable, element, figure, number, setChildren, setText } from "./parts/kit.js";
import { slider, svg, tableHead, tableLine, wantsStillness } from "./parts/kit.js";
import { chartText, createSheet, gridAcross, scaleTo } from "./parts/line_chart.js";

const WORDS = {
  standard: "The gate scales what the branch adds. The shortcut goes past it: x is kept.",
  pre: "The gate acts on what the convolutions see. The shortcut still carries all of x.",
  post: "The shortcut is gated too: what a shut gate takes away is gone for good.",
  identity: "The branch is left alone. The gate scales what the shortcut carries past it.",
  "3x3": "Inside the bottleneck: four times fewer channels, sixteen times fewer weights.",
  placement: "SE stands",
  drawing: ({ place }) => `A bottleneck block, from x to y. SE stands at: ${place}.`,
  hint: "Drag SE, or press a dashed circle. Batch normalisation is not drawn.",
  factor: ({ letters, factor }) => `A block multiplies the pulse by ${letters} = ${factor}.`,
  gate: "every gate: s",
  branch: "F hands on: f",
  send: "Send a pulse",
  sendAll: "Send through all five",
  stop: "Stop",
  running: "A pulse is on its way.",
  across: "block 1 to 16",
  up: "size of the pulse, on a log scale",
  chart: ({ places, left }) => `The size of the pulse, block by block. After 16 blocks of ${places}: ${left}.`,
  noPulse: "The size of the pulse, block by block. No pulse was sent yet.",
  shortcut: "shortcut",
  columns: ["pulse left", "weights", "error"],
  notSent: "not sent",
  source: "SE’s weights, top-1 error in %: ResNet-50, r\u00a0=\u00a016 (Tables 14, 15). Without SE: 23.30.",
  question: "16 blocks in a row, every gate is 0.1, F adds nothing. Where does a pulse get through?",
  guessFirst: "Guess first: then send a pulse.",
  unknownFactor: "A block multiplies the pulse by ?",
  bets: { branch: "standard, pre, 3×3", standard: "standard only", most: "all but post", all: "all five" },
  waiting: "Send a pulse through all five places: then it shows.",
  verdict: "It arrives whole where the shortcut goes past the gate. Post and identity leave as good as nothing.",
};
const FORMULAS = {
  standard: "y = ReLU( SE(F(x)) + x )",
  pre: "y = ReLU( F(SE(x)) + x )",
  post: "y = SE( ReLU(F(x) + x) )",
  identity: "y = ReLU( F(x) + SE(x) )",
  "3x3": "y = ReLU( F₂(SE(F₁(x))) + x )",
};
const PLACES = Object.keys(FORMULAS);
const BLOCKS = 16;
const TENTHS = Array.from({ length: 11 }, (_, tenths) => tenths / 10);
const SECONDS = 0.12; // for one block
const nameOf = (place) => place.replace("x", "×");

export default figure((view) => {
  const options = PLACES.map((place) => [place, nameOf(place)]);
  const placement = choice(view, "placement", { label: WORDS.placement, options });
  const show = (value) => Number(value).toFixed(1);
  const gate = slider(view, "gate", { label: WORDS.gate, values: TENTHS.slice(1), show });
  const branch = slider(view, "branch", { label: WORDS.branch, values: TENTHS, show });

  const drawing = createDrawing((place) => view.set("placement", place));
  const facts = createFacts();
  const chart = createChart();
  chart.element.classList.add("senet-result");
  const table = createTable(view.data("_places"));
  const run = createRun(view, () => draw(), () => asked.isOpen());
  const sliders = controlRow(gate.element, branch.element);
  const side = element("div", { class: "senet-place-run" }, run.element, chart.element, table.element);
  const asked = askForThePulse(view);
  const block = element("div", { class: "senet-place-block" }, drawing.element, placement.element, ...facts.elements, sliders);
  view.body.append(asked.element, element("div", { class: "senet-place parts-column" }, block, side));

  function draw() {
    const [place, s, f] = ["placement", "gate", "branch"].map((name) => view.get(name));
    drawing.draw(place);
    facts.draw(place, s, f, asked.isOpen());
    run.draw(place);
    const steps = Object.fromEntries(PLACES.map((one) => [one, run.stepOf(one)]));
    chart.draw(place, steps, s, f);
    table.draw(place, steps, s, f);
    asked.draw();
  }
  return draw;
});

/** Before the first pulse: in which places does it come through? What is right shows after all five were tried. */
function askForThePulse(view) {
  const answer = () => {
    const isTried = PLACES.every((place) => view.get("sent").includes(place));
    return isTried ? { value: "branch", told: WORDS.verdict } : { told: WORDS.waiting };
  };
  const options = Object.entries(WORDS.bets);
  return guess(view, { key: "placement/pulse", question: WORDS.question, options, answer });
}

// ------------------------------------------------------------------------------------------------------ the arithmetic

/** What a block multiplies a pulse by, in letters and as a number, for gates s and a branch F(x) = f·x. */
function factorOf(place, s, f) {
  if (place === "post") return { letters: "s·(1 + f)", factor: s * (1 + f) };
  if (place === "identity") return { letters: "s + f", factor: s + f };
  return { letters: "1 + s·f", factor: 1 + s * f };
}

const pulseAfter = (blocks, place, s, f) => factorOf(place, s, f).factor ** blocks;

/** Three digits, or a power of ten: 1.1, 0.0282, 6.6·10⁻¹². */
function pulseText(size) {
  if (size >= 0.001) return String(Number(size.toPrecision(3))).replace(/\B(?=(\d{3})+$)/, ",");
  const [digits, power] = size.toExponential(1).split("e");
  return digits === "1.0" ? powerText(power) : `${digits}·${powerText(power)}`;
}

const powerText = (power) => `10${[...String(power)].map((one) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[one] ?? "⁻").join("")}`;

// ----------------------------------------------------------------------------------------------------------- the pulse

/** The two buttons, and how many blocks the pulse of a place has passed: null before it was sent. */
function createRun(view, draw, isOpen) {
  let [running, step, timer] = [[], 0, null];
  const stop = () => {
    clearInterval(timer);
    [running, timer] = [[], null];
  };
  const advance = () => {
    step = wantsStillness() ? BLOCKS : step + 1;
    if (step >= BLOCKS) {
      view.set("sent", PLACES.filter((place) => view.get("sent").includes(place) || running.includes(place)));
      stop();
    }
    draw();
  };
  const start = (places) => {
    if (isOpen()) return;
    const isRunning = running.length > 0;
    stop();
    if (isRunning) return draw();
    [running, step, timer] = [places, 0, setInterval(advance, 1000 * SECONDS)];
    if (wantsStillness()) advance();
    else draw();
  };
  const one = button(WORDS.send, () => start([view.get("placement")])).element;
  const all = button(WORDS.sendAll, () => running.length > 0 || start(PLACES)).element;
  view.onClose(stop);
  return {
    element: element("div", { class: "senet-row senet-place-buttons parts-flow" }, one, all),
    stepOf: (place) => (running.includes(place) ? step : view.get("sent").includes(place) ? BLOCKS : null),
    draw(place) {
      if (running.length === 1 && running[0] !== place) stop(); // SE was moved
      setText(one, running.length > 0 ? WORDS.stop : WORDS.send);
      disable(one, isOpen() && WORDS.guessFirst);
      disable(all, isOpen() ? WORDS.guessFirst : running.length > 0 && WORDS.running);
    },
  };
}

// --------------------------------------------------------------------------------------------------------- the drawing
// From left to right, in the units of its viewBox. The branch runs along BRANCH, the shortcut along SHORTCUT.

const [WIDTH, HEIGHT, BRANCH, SHORTCUT, FORK, SUM] = [418, 138, 92, 24, 34, 294];
const CENTRES = {
  standard: [260, BRANCH],
  pre: [60, BRANCH],
  post: [380, BRANCH],
  identity: [164, SHORTCUT],
  "3x3": [178, BRANCH],
};
const CONVS = { 82: "1×1", 120: "3×3", 202: "1×1" }; // left edge -> kernel
const label = (x, y, text, kind = null) => svg("text", { x, y, class: kind, "text-anchor": "middle" }, text);
const box = (x, y, width, height, rx) => svg("rect", { x, y, width, height, rx, class: "senet-place-box" });

function createDrawing(choose) {
  const slots = PLACES.map((place) => ({ place, node: drawSlot(place) }));
  const rectangle = svg("rect", { x: -21, y: -15, width: 42, height: 30, rx: 6 });
  const target = svg("rect", { x: -27, y: -27, width: 54, height: 54, fill: "transparent" }); // for a finger
  const se = svg("g", { class: "senet-place-se" }, target, rectangle, label(0, 5, "SE"));
  const parts = [...drawLines(), ...Object.entries(CONVS).flatMap(drawConv), ...drawEnd()];
  const sheet = svg("svg", { class: "senet-place-drawing", role: "img", viewBox: `0 0 ${WIDTH} ${HEIGHT}` }, ...parts);
  sheet.append(...slots.map(({ node }) => node), se);
  const put = ([x, y]) => (se.style.transform = `translate(${x}px, ${y}px)`);
  sheet.addEventListener("click", ({ target: pressed }) => {
    const place = pressed.closest("[data-place]")?.dataset.place;
    if (place) choose(place);
  });
  dragTo(sheet, se, put, choose);
  return {
    element: element("div", {}, sheet, element("p", { class: "parts-note" }, WORDS.hint)),
    draw(place) {
      for (const one of slots) one.node.classList.toggle("senet-place-taken", one.place === place);
      put(CENTRES[place]);
      sheet.setAttribute("aria-label", WORDS.drawing({ place: nameOf(place) }));
    },
  };
}

/** Let the reader drag SE: it follows the pointer, and stays at the nearest place. */
function dragTo(sheet, se, put, choose) {
  let at = null;
  const follow = ({ clientX, clientY }) => {
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(sheet.getScreenCTM().inverse());
    at = [Math.min(WIDTH - 21, Math.max(21, x)), Math.min(HEIGHT - 15, Math.max(15, y))];
    put(at);
  };
  const distance = ([x, y]) => Math.hypot(x - at[0], y - at[1]);
  const drop = () => {
    se.classList.remove("senet-place-held");
    if (at === null) return;
    const nearest = PLACES.reduce((one, other) => (distance(CENTRES[other]) < distance(CENTRES[one]) ? other : one));
    at = null;
    put(CENTRES[nearest]);
    choose(nearest);
  };
  se.addEventListener("pointerdown", (event) => {
    se.setPointerCapture(event.pointerId);
    se.classList.add("senet-place-held");
    event.preventDefault();
  });
  se.addEventListener("pointermove", (event) => se.hasPointerCapture(event.pointerId) && follow(event));
  se.addEventListener("lostpointercapture", drop);
}

function drawLines() {
  const line = (d) => svg("path", { d, fill: "none" });
  const head = (d) => svg("path", { d, fill: "currentColor", style: "stroke: none" });
  const round = `V${SHORTCUT + 12}q0 -12 12 -12H${SUM - 12}q12 0 12 12V${BRANCH - 13}`;
  const brackets = [line("M82 112v5H154v-5"), line("M202 112v5H236v-5"), label(118, 132, "F₁"), label(211, 132, "F₂")];
  const name = label(248, SHORTCUT - 8, WORDS.shortcut, "senet-place-name");
  const dot = svg("circle", { cx: FORK, cy: BRANCH, r: 3, fill: "currentColor" });
  const arrows = [head(`M${SUM} ${BRANCH - 10}l-4.5 -8h9z`), head(`M${SUM - 10} ${BRANCH}l-8 -4.5v9z`)];
  return [line(`M22 ${BRANCH}H404`), line(`M${FORK} ${BRANCH}${round}`), dot, ...arrows, ...brackets, name];
}

const drawConv = ([left, kernel]) => [box(left, BRANCH - 16, 34, 32, 4), label(Number(left) + 17, BRANCH + 5, kernel)];

function drawEnd() {
  const cross = svg("path", { d: `M${SUM - 5} ${BRANCH}h10M${SUM} ${BRANCH - 5}v10` });
  const sum = svg("circle", { cx: SUM, cy: BRANCH, r: 10, class: "senet-place-box" });
  const relu = [box(309, BRANCH - 12, 50, 24, 12), label(334, BRANCH + 5, "ReLU")];
  const ends = [box(2, BRANCH - 12, 20, 24, 10), label(12, BRANCH + 5, "x"), label(411, BRANCH + 5, "y")];
  return [sum, cross, ...relu, ...ends];
}

function drawSlot(place) {
  const [x, y] = CENTRES[place];
  const target = svg("circle", { cx: x, cy: y, r: 24, fill: "transparent" }); // for a finger
  const circle = svg("circle", { cx: x, cy: y, r: 10, class: "senet-place-slot" });
  return svg("g", { "data-place": place }, target, circle, label(x, y + 39, nameOf(place), "senet-place-name"));
}

// ------------------------------------------------------------------------------------------------ formula and results

function createFacts() {
  const formula = element("p", { class: "senet-place-formula", "data-name": "formula" });
  const factor = element("p", { "data-name": "factor" });
  const story = element("p", { class: "senet-place-story", role: "status", "data-name": "story" });
  const draw = (place, s, f, isOpen) => {
    const [before, after] = FORMULAS[place].split("SE");
    setChildren(formula, before, element("mark", {}, "SE"), after);
    const { letters, factor: value } = factorOf(place, s, f);
    setText(factor, isOpen ? WORDS.unknownFactor : WORDS.factor({ letters, factor: pulseText(value) }));
    setText(story, isOpen ? WORDS.guessFirst : WORDS[place]);
  };
  return { elements: [formula, factor, story], draw };
}

const DECADES = [-16, 4.9]; // of the axis: from post at its weakest to identity at its strongest, 2^16

/** The pulses, block by block, on a logarithmic axis. */
function createChart() {
  const sheet = createSheet({ label: WORDS.noPulse, height: 170 });
  const draw = (chosen, steps, s, f) => {
    const sent = PLACES.filter((place) => steps[place] !== null);
    const lines = [...new Set(sent.map((place) => factorOf(place, s, f).factor.toPrecision(9)))].map((factor) => {
      const places = sent.filter((place) => factorOf(place, s, f).factor.toPrecision(9) === factor);
      return { places, step: Math.max(...places.map((place) => steps[place])), isChosen: places.includes(chosen) };
    });
    const left = lines.map(({ places, step }) => pulseText(pulseAfter(step, places[0], s, f))).join("; ");
    const places = lines.map((line) => line.places.map(nameOf).join(", ")).join("; ");
    sheet.sheet.setAttribute("aria-label", sent.length > 0 ? WORDS.chart({ places, left }) : WORDS.noPulse);
    sheet.draw((width) => paintChart(lines, s, f, width));
  };
  return { element: sheet.element, draw };
}

function paintChart(lines, s, f, width) {
  const [left, right, top, floor] = [44, width - 8, 22, 150];
  const [across, up] = [scaleTo([0, BLOCKS], left, right), scaleTo(DECADES, floor, top)];
  const bands = Array.from({ length: BLOCKS / 2 }, (_, pair) => {
    const x = across(2 * pair);
    return svg("rect", { class: "senet-place-band", x, y: top, width: across(2 * pair + 1) - x, height: floor - top });
  });
  const grid = gridAcross([-16, -12, -8, -4, 0, 4], up, left, right, (power) => (power ? powerText(power) : "1"));
  const names = [chartText(0, 12, WORDS.up, "start"), chartText((left + right) / 2, 166, WORDS.across)];
  const drawn = [];
  const ends = [];
  for (const { places, step, isChosen } of lines) {
    const spotOf = (block) => [across(block), up(Math.log10(pulseAfter(block, places[0], s, f)))];
    const spots = Array.from({ length: step + 1 }, (_, block) => spotOf(block));
    const d = spots.map(([x, y], block) => `${block ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");
    const [x, y] = spots.at(-1);
    const kind = isChosen ? "senet-place-line senet-place-chosen" : "senet-place-line";
    drawn.push(svg("path", { class: kind, d }), svg("circle", { class: `${kind} senet-place-pulse`, cx: x, cy: y, r: 6 }));
    if (step === BLOCKS) ends.push({ y: y - 10, text: places.map(nameOf).join(", ") });
  }
  ends.sort((one, other) => one.y - other.y);
  ends.forEach((end, index) => (end.y = Math.max(end.y, (ends[index - 1]?.y ?? 0) + 15))); // none on another
  drawn.push(...ends.map(({ y, text }) => chartText(right - 8, y, text, "end", "senet-chart-name")));
  return [...bands, ...grid, ...names, ...drawn];
}

/** One line for each place: what is left of its pulse, the weights of SE there, and the paper's error. */
function createTable(places) {
  const lines = places.map(([place, weights, error]) => {
    const [pulse, ...others] = ["pulse", "weights", "error"].map((name) => number(`${name}-${place}`));
    others.forEach((one, index) => one.set([weights, error][index]));
    const line = tableLine(nameOf(place), ...[pulse, ...others].map((one) => one.element));
    return { place, pulse, line };
  });
  const body = element("tbody", {}, ...lines.map(({ line }) => line));
  const whole = element("table", { class: "senet-place-table" }, tableHead(...WORDS.columns), body);
  const draw = (chosen, steps, s, f) => {
    for (const { place, pulse, line } of lines) {
      const left = steps[place] === null ? null : pulseAfter(steps[place], place, s, f);
      pulse.set(left === null ? WORDS.notSent : pulseText(left));
      pulse.element.querySelector("output").dataset.value = left;
      line.classList.toggle("senet-place-chosen", place === chosen);
    }
  };
  return { element: element("div", {}, whole, element("p", { class: "parts-note" }, WORDS.source)), draw };
}
