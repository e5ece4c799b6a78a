// Gates that hang on one hidden unit h: each is a sigmoid of a straight line. The reader moves h, and subtracts two.
import { bars } from "./parts/bars.js";
import { guess, unknownNumbers } from "./parts/guess.js";
import { clamp, drag, element, figure, formatNumber, need, number, panel, requireWhole, setText, slider, svg } from "./parts/kit.js";
import { chartText, createSheet, gridAcross, legend, lineSample, scaleTo, ticks } from "./parts/line_chart.js";

const CUES = ["red", "green", "blue"];
const LINE_ROOM = 0.2; // of the axis behind the largest value, as gates_on_a_line.py has it
const STEP = 0.01;
const HUMP = 0.1; // so much the middle cue must be above both others
const FLOORS = { top: 26, gates: 176, difference: 322, height: 360, left: 40, right: 10 }; // in CSS pixels
const POINTS = 80;
const PLUS = { colour: "var(--look-s)" };
const MINUS = { colour: "var(--look-s)", dash: "7 4" };
const DIFFERENCE = { colour: "var(--quantity-x-tilde)" };
const WORDS = {
  question: "Red lies at one end of h, green in the middle, blue at the other end. For which cue can no single gate open alone?",
  told: ({ cue }) => `Each gate rises all the way, or falls all the way: at ${cue} it lies between its values at the two ends.`,
  hidden: "hidden unit h",
  difference: "difference",
  axis: "the hidden unit h: drag here",
  chart: ({ plus, minus }) => `All gates over h; gate ${plus}, gate ${minus}, and their difference`,
  keyPlus: "the gate that you add",
  keyMinus: "the gate that you subtract",
  keyDifference: "their difference",
  add: ({ gate }) => `Add gate ${gate}`,
  subtract: ({ gate }) => `Subtract gate ${gate}`,
  addBars: "all gates at this h, the one to add",
  subtractBars: "all gates at this h, the one to subtract",
  now: "at your h:",
  cues: { red: "red:", green: "green:", blue: "blue:" },
  hump: ({ cue, margin }) => `A hump: the difference at ${cue} is ${margin} above both others. No single gate can do that.`,
  flat: ({ cue, margin }) => `At ${cue} it is only ${margin} above both others: look for a better pair.`,
  end: ({ cue, highest }) => `The difference is highest at ${highest}, not at ${cue}: look for another pair.`,
};

export default figure((view) => {
  const block = readBlock(view);
  const { count, most, middles, middle } = block;
  const hidden = slider(view, "hidden", { label: WORDS.hidden, min: 0, max: most, step: STEP, show: (h) => h.toFixed(2) });
  hidden.element.classList.add("line-hidden");
  const chart = createLines(block, (h) => view.set("hidden", h));
  chart.element.classList.add("senet-result");
  const picks = [
    createPick(view, "plus", count, WORDS.add, WORDS.addBars),
    createPick(view, "minus", count, WORDS.subtract, WORDS.subtractBars),
  ];
  const readings = ["now", ...CUES].map((name) => number(name, { label: WORDS.cues[name] ?? WORDS.now, digits: 2, isMeasured: true }));
  const reading = element("p", { class: "line-readings" }, ...readings.map((one) => one.element));
  const sentence = element("p", { class: "parts-conclusion line-sentence", role: "status", "data-name": "sentence" });
  const side = element("div", {}, ...picks.map((one) => one.element), reading, sentence);
  const left = element("div", {}, chart.element, hidden.element);
  const board = element("div", { class: "line-board parts-column" }, left, side);
  const options = CUES.map((cue) => [cue, cue]);
  const answer = () => ({ value: CUES[middle], told: WORDS.told({ cue: CUES[middle] }) });
  const asked = guess(view, { key: "line", question: WORDS.question, options, answer, covered: [sentence, ...unknownNumbers(reading)] });
  view.body.append(asked.element, board);

  return () => {
    const [h, plus, minus] = [view.get("hidden"), ...["plus", "minus"].map((name) => requireWhole(view, name, count - 1))];
    const gates = block.gatesAt(h);
    const differenceAt = (at) => block.gateAt(plus, at) - block.gateAt(minus, at);
    const differences = middles.map(differenceAt);
    chart.draw(h, plus, minus);
    picks[0].draw(gates, plus);
    picks[1].draw(gates, minus);
    readings[0].set(differenceAt(h));
    differences.forEach((value, cue) => readings[cue + 1].set(value));
    setText(sentence, describe(differences, middle));
    asked.draw();
    board.classList.toggle("line-asked", asked.isOpen());
  };
});

/** The block, checked: gateAt(gate, h), gatesAt(h), and where the cues lie. */
function readBlock(view) {
  const weights = view.array("weights", ["C"]).data;
  const biases = view.array("biases", [weights.length]).data;
  const places = view.array("cues", [CUES.length, 3]).data;
  const cues = CUES.map((name, cue) => ({ name, low: places[3 * cue], middle: places[3 * cue + 1], high: places[3 * cue + 2] }));
  for (const { name, low, middle, high } of cues) {
    need(low >= 0 && low <= middle && middle <= high, `cues has ${low}, ${middle}, ${high} for ${name}; give rising numbers from 0.`);
  }
  const gateAt = (gate, h) => 1 / (1 + Math.exp(-(biases[gate] + weights[gate] * h)));
  const middles = cues.map(({ middle }) => middle);
  const inOrder = [...CUES.keys()].sort((a, b) => middles[a] - middles[b]);
  const most = Number((Math.max(...cues.map(({ high }) => high)) + LINE_ROOM).toFixed(2));
  const gatesAt = (h) => Array.from(weights, (_, gate) => gateAt(gate, h));
  return { count: weights.length, cues, middles, middle: inOrder[1], most, gateAt, gatesAt };
}

/** What the two gates make of the middle cue. */
function describe(differences, middle) {
  const others = differences.filter((_, cue) => cue !== middle);
  const above = differences[middle] - Math.max(...others);
  const [cue, margin] = [CUES[middle], formatNumber(Math.abs(above), 2, true)];
  if (above <= 0) return WORDS.end({ cue, highest: CUES[differences.indexOf(Math.max(...others))] });
  return above > HUMP ? WORDS.hump({ cue, margin }) : WORDS.flat({ cue, margin });
}

/** Bars of all gates, of which one is chosen. */
function createPick(view, trait, count, title, label) {
  const row = bars({ count, quantity: "s", label, height: 52, onChoose: (gate) => view.set(trait, gate) });
  const box = panel("", "s", row.element);
  box.dataset.pick = trait;
  const heading = element("span");
  box.firstChild.append(heading);
  const draw = (gates, chosen) => {
    setText(heading, title({ gate: chosen }));
    row.draw(gates, { least: 0, largest: 1, chosen });
  };
  return { element: box, draw };
}

/** All gates over h, and under them the difference. A press or a drag moves h. */
function createLines({ count, cues, most, gateAt }, move) {
  const { element: box, sheet, draw: drawSheet } = createSheet({ height: FLOORS.height, least: 240 });
  const keys = legend(
    [lineSample(PLUS), WORDS.keyPlus],
    [lineSample(MINUS), WORDS.keyMinus],
    [lineSample(DIFFERENCE), WORDS.keyDifference],
  );
  let right = 300;
  drag(sheet, ({ clientX }) => {
    const share = (clientX - sheet.getBoundingClientRect().left - FLOORS.left) / (right - FLOORS.left);
    move(Number((STEP * Math.round(clamp(share * most, most) / STEP)).toFixed(2)));
  });
  const curves = new Map(); // width -> path of each gate: they stay while h moves
  const paint = (h, plus, minus, width) => {
    right = width - FLOORS.right;
    const across = scaleTo([0, most], FLOORS.left, right);
    const up = scaleTo([0, 1], FLOORS.gates, FLOORS.top);
    const upDifference = scaleTo([-1, 1], FLOORS.difference, FLOORS.gates + 32);
    const places = Array.from({ length: POINTS + 1 }, (_, index) => (most * index) / POINTS);
    const path = (valueAt, scale) => `M${places.map((at) => `${across(at).toFixed(1)} ${scale(valueAt(at)).toFixed(1)}`).join("L")}`;
    if (!curves.has(width)) curves.set(width, Array.from({ length: count }, (_, gate) => path((at) => gateAt(gate, at), up)));
    const line = (d, name, { colour, dash }) => svg("path", { d, class: name, style: `stroke: ${colour}; stroke-dasharray: ${dash ?? "none"}` });
    const others = curves.get(width).map((d) => line(d, "line-gate", PLUS));
    const chosen = [[plus, PLUS], [minus, MINUS]].map(([gate, look]) => line(curves.get(width)[gate], "line-chosen", look));
    const differenceAt = (at) => gateAt(plus, at) - gateAt(minus, at);
    const dots = [[gateAt(plus, h), up, PLUS], [gateAt(minus, h), up, PLUS], [differenceAt(h), upDifference, DIFFERENCE]].map(
      ([value, scale, { colour }]) => svg("circle", { cx: across(h), cy: scale(value), r: 5, style: `fill: ${colour}` }),
    );
    const bands = cues.flatMap(({ name, low, middle, high }) => {
      const [start, end] = [across(low) - 3, across(high) + 3];
      const area = { x: start, y: FLOORS.top, width: end - start, height: FLOORS.difference - FLOORS.top };
      const text = chartText(Math.max(across(middle), FLOORS.left + 8), FLOORS.top - 8, name, "middle", "senet-chart-name");
      return [svg("rect", { ...area, class: `line-band line-${name}` }), text];
    });
    const scale = ticks([0, most], 6).map((tick) => chartText(across(tick), FLOORS.difference + 17, `${tick}`));
    const middleOf = (FLOORS.left + right) / 2;
    sheet.setAttribute("aria-label", WORDS.chart({ plus, minus }));
    return [
      ...bands,
      ...gridAcross([0, 0.5, 1], up, FLOORS.left, right),
      ...gridAcross([-1, 0, 1], upDifference, FLOORS.left, right),
      ...others,
      ...chosen,
      line(path(differenceAt, upDifference), "line-chosen", DIFFERENCE),
      svg("path", { class: "line-now", d: `M${across(h)} ${FLOORS.top}V${FLOORS.difference}` }),
      ...dots,
      ...scale,
      chartText(FLOORS.left + 8, FLOORS.gates + 25, WORDS.difference, "start", "senet-chart-name"),
      chartText(middleOf, FLOORS.height - 4, WORDS.axis, "middle", "senet-chart-name"),
    ];
  };
  const draw = (h, plus, minus) => drawSheet((width) => paint(h, plus, minus, width));
  return { element: element("div", { class: "line-chart" }, keys, box), draw };
}
