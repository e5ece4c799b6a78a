// How far does a network see? A scene whose cue the reader moves away, a guess, and what training reached, from records.
import { recall, remember } from "./parts/browser_store.js";
import { button, choice, disable, element, figure, need, number, picture, setText, slider, toggle } from "./parts/kit.js";
import { legend, lineChart, lineSample } from "./parts/line_chart.js";
import { meanOf } from "./parts/statistics.js";

const SOLVED = 0.97; // the test accuracy from which on the book calls the task solved
const BLIND_VOTE = 9 / 16;
const GLYPH_SIZE = 7;
const CUE_HEIGHT = 5;
const MISSING = -1;
const DISTANCES = "senet-book/distances"; // "network/gap" -> the guess, in the browser's storage
// How networks look, in their order: each with a dash and a marker of its own.
const LOOKS = [
  { colour: "var(--look-plain)", dash: "6 4", marker: "square" },
  { colour: "var(--look-x)", dash: "2 3", marker: "diamond" },
  { colour: "var(--look-x-tilde)", dash: "10 3 2 3", marker: "triangle" },
  { colour: "var(--look-s)", dash: null, marker: "circle" },
];
const GUESSES = [
  ["all", "every seed learns it"],
  ["some", "some seeds do"],
  ["none", "no seed does"],
];
const VERDICTS = { all: "every seed learned it", some: "some seeds learned it, some did not", none: "no seed learned it" };

export default figure((view) => {
  const record = readRecord(view);
  recallGuesses(view, record);
  const stage = createStage(record);
  const question = createQuestion(view, record);
  const charts = createCharts(record);
  const controls = element(
    "div",
    { class: "distance-controls" },
    slider(view, "gap", { label: "distance between cue and glyph", values: record.gaps, unit: "rows" }).element,
    choice(view, "network", { label: "network", options: record.networks.map(({ name }) => [name, name]) }).element,
    question.element,
  );
  const top = element("div", { class: "distance-top" }, stage.element, stage.facts, controls);
  const all = toggle(view, "show_all", { label: "show all that is recorded" }).element;
  view.body.append(top, charts.element, all);

  return () => {
    const [network, gap] = [record.indexOf(view.get("network")), record.gaps.indexOf(view.get("gap"))];
    const isShown = (n, g) => view.get("show_all") || keyOf(record, n, g) in view.get("guesses");
    stage.draw(network, gap);
    question.draw(network, gap, isShown(network, gap));
    charts.draw(network, gap, isShown);
  };
});

// ----------------------------------------------------------------------------------------------------------- the state

function readRecord(view) {
  const [gaps, names, fields] = ["gaps", "networks", "fields"].map((name) => view.data(name));
  need(names.length > 0 && names.length <= LOOKS.length, `networks has ${names.length} names; give 1 to ${LOOKS.length}.`);
  need(fields.length === names.length, `fields has ${fields.length} numbers for ${names.length} networks; give one for each.`);
  const [A, G] = [names.length, gaps.length];
  const accuracies = view.array("accuracies", [A, G, "S"]);
  const curves = view.array("curves", [A, G, "P", "E"]);
  const pictures = view.array("pictures", [G, 3, "rows", "rows"]);
  const places = view.array("places", [G, 3]);
  const seedsOf = (array, network, gap, length = 1) => {
    const count = array.shape[2];
    const start = (network * G + gap) * count * length;
    const runs = Array.from({ length: count }, (_, seed) =>
      Array.from(array.data.subarray(start + seed * length, start + (seed + 1) * length)).filter((one) => one !== MISSING),
    );
    return runs.filter((run) => run.length > 0);
  };
  const size = pictures.shape[2];
  return {
    gaps,
    size,
    networks: names.map((name, index) => ({ name, field: fields[index], ...LOOKS[index] })),
    indexOf: (name) => names.indexOf(name),
    finals: (network, gap) => seedsOf(accuracies, network, gap).flat(),
    histories: (network, gap) => seedsOf(curves, network, gap, curves.shape[3]),
    epochs: curves.shape[3],
    planes: (gap) => pictures.data.subarray(gap * 3 * size * size, (gap + 1) * 3 * size * size),
    places: (gap) => Array.from(places.data.subarray(3 * gap, 3 * gap + 3)),
  };
}

/** What the reader has guessed on earlier visits, as far as this figure has it. */
function recallGuesses(view, record) {
  const isKnown = ([key, guess]) => {
    const [name, gap] = key.split("/");
    return record.indexOf(name) >= 0 && record.gaps.includes(Number(gap)) && Object.hasOwn(VERDICTS, guess);
  };
  const kept = Object.entries(recall(DISTANCES)).filter(isKnown);
  const isNew = Object.keys(view.get("guesses")).length === 0;
  if (isNew && kept.length > 0) view.set("guesses", Object.fromEntries(kept));
}

const keyOf = (record, network, gap) => `${record.networks[network].name}/${record.gaps[gap]}`;

function verdictOf(finals) {
  const solved = finals.filter((accuracy) => accuracy >= SOLVED).length;
  return solved === finals.length ? "all" : solved === 0 ? "none" : "some";
}

// ------------------------------------------------------------------------------------------------------------ the parts

function createStage(record) {
  const image = picture({ rows: record.size, columns: record.size, label: "a scene: three glyphs, and a cue above each" });
  const frame = element("div", { class: "distance-frame" });
  const box = element("div", { class: "distance-stage" }, image.element, frame);
  const touches = number("touches", { label: "A window that touches both:", unit: "pixels" });
  const holds = number("holds", { label: "One that holds both whole:", unit: "pixels" });
  const sees = number("sees", { label: "What one unit sees:", unit: "pixels" });
  const facts = element("div", { class: "distance-facts" }, touches.element, holds.element, sees.element);
  const draw = (network, gap) => {
    image.draw(record.planes(gap));
    const { field } = record.networks[network];
    const [cue, glyph, column] = record.places(gap);
    const isAll = field >= record.size && !record.networks[network].name.startsWith("plain");
    const whole = [["top", 0], ["left", 0], ["width", record.size], ["height", record.size]];
    const shares = isAll ? whole : [
      ["top", (cue + glyph + GLYPH_SIZE - field) / 2],
      ["left", column + (GLYPH_SIZE - field) / 2],
      ["width", field],
      ["height", field],
    ];
    for (const [side, pixels] of shares) frame.style[side] = `${(100 * pixels) / record.size}%`;
    touches.set(record.gaps[gap] + 2);
    holds.set(record.gaps[gap] + CUE_HEIGHT + GLYPH_SIZE);
    sees.set(isAll ? "all" : field);
  };
  return { element: box, facts, draw };
}

function createQuestion(view, record) {
  const text = element("p", { class: "distance-question" }, "Your guess: after six epochs of training,");
  let [key, isOpen] = ["", false]; // of what is asked, and whether a guess is still to be made
  const take = (guess) => {
    view.set("guesses", { ...view.get("guesses"), [key]: guess });
    remember(DISTANCES, { ...recall(DISTANCES), [key]: guess });
  };
  const buttons = GUESSES.map(([guess, label]) => {
    const one = button(label, () => isOpen && take(guess)).element;
    one.dataset.guess = guess;
    return one;
  });
  const answer = element("p", { class: "distance-answer", role: "status", "data-name": "answer" });
  const score = element("span", { class: "parts-note", "data-name": "score" });
  const draw = (network, gap, isShown) => {
    [key, isOpen] = [keyOf(record, network, gap), !isShown];
    const guesses = view.get("guesses");
    const guess = guesses[key];
    for (const one of buttons) {
      disable(one, isShown && "The answer is shown already: choose another distance or network.");
      one.setAttribute("aria-current", String(one.dataset.guess === guess));
    }
    setText(answer, isShown ? answerText(record, network, gap, guess) : "Guess, and you will see.");
    setText(score, scoreText(record, guesses));
  };
  return { element: element("div", {}, text, element("div", { class: "distance-guesses" }, ...buttons), answer, score), draw };
}

function answerText(record, network, gap, guess) {
  const finals = record.finals(network, gap);
  const verdict = verdictOf(finals);
  const [least, most] = [Math.min(...finals), Math.max(...finals)].map((accuracy) => accuracy.toFixed(2));
  const seeds = finals.length === 1 ? "one seed" : `${finals.length} seeds`;
  const range = finals.length === 1 ? least : least === most ? `all at ${least}` : `from ${least} to ${most}`;
  const judgement = guess === undefined ? "Recorded: " : guess === verdict ? "Right: " : "Not so: ";
  return `${judgement}${VERDICTS[verdict]} (test accuracy of ${seeds}, ${range}; the blind vote is 0.56).`;
}

function scoreText(record, guesses) {
  const entries = Object.entries(guesses);
  const right = entries.filter(([key, guess]) => {
    const [name, gap] = key.split("/");
    const [network, place] = [record.indexOf(name), record.gaps.indexOf(Number(gap))];
    return network >= 0 && place >= 0 && verdictOf(record.finals(network, place)) === guess;
  }).length;
  return entries.length ? `Right so far: ${right} of ${entries.length}.` : "Right so far: none yet.";
}

function createCharts(record) {
  const label = "test accuracy after six epochs, over the distance between cue and glyph";
  const overDistance = lineChart({ label, xLabel: "distance, rows", yLabel: "accuracy after 6 epochs, mean of the seeds" });
  const overTime = lineChart({
    label: "test accuracy of each seed, epoch by epoch, with more patience",
    xLabel: "epochs",
    yLabel: "with patience: each seed",
  });
  const note = element("p", { class: "parts-note distance-note", "data-name": "patience" });
  const looks = record.networks.map((look) => [lineSample(look), look.name]);
  const keys = legend(...looks, [lineSample(BLIND), "9/16, the blind vote"]);
  const draw = (network, gap, isShown) => {
    const lines = record.networks.map((look, n) => {
      const shown = record.gaps.map((_, g) => g).filter((g) => isShown(n, g));
      return { ...look, xs: shown.map((g) => record.gaps[g]), ys: shown.map((g) => meanOf(record.finals(n, g))) };
    });
    const farthest = record.gaps[record.gaps.length - 1];
    overDistance.draw([blind(0, farthest), ...lines], { x: [0, farthest], y: [0.4, 1] });
    const histories = isShown(network, gap) ? record.histories(network, gap) : [];
    const epochs = Math.max(6, record.epochs);
    const curves = histories.map((run) => ({ ...record.networks[network], marker: null, xs: run.map((_, e) => e + 1), ys: run }));
    overTime.draw([blind(0, epochs), ...curves], { x: [0, epochs], y: [0.4, 1] });
    setText(note, patienceText(record, isShown(network, gap), histories));
  };
  const pair = element("div", { class: "parts-charts" }, overDistance.element, overTime.element);
  return { element: element("div", {}, keys, pair, note), draw };
}

function patienceText(record, isShown, histories) {
  if (!isShown) return "The right chart waits for your guess.";
  if (histories.length === 0) return "No longer training is recorded for this network and distance.";
  const solved = histories.filter((run) => run[run.length - 1] >= SOLVED).map((run) => run.length);
  const rest = histories.length - solved.length;
  const parts = [
    solved.length ? `solved after ${solved.join(", ")} epochs` : "",
    rest ? `${rest} of ${histories.length} not within ${record.epochs} epochs` : "",
  ];
  return `With up to ${record.epochs} epochs: ${parts.filter(Boolean).join("; ")}.`;
}

const BLIND = { colour: "var(--senet-quiet)", dash: "1 3", thin: true };
const blind = (from, to) => ({ ...BLIND, xs: [from, to], ys: [BLIND_VOTE, BLIND_VOTE] });
