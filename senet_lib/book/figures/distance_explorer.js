// How far does a network see? A scene whose cue the reader moves away, a guess, and what training reached, from records.
import { NOT_GUESSED, guess } from "./parts/guess.js";
import { button, choice, disable, element, figure, need, number, picture, setText, slider } from "./parts/kit.js";
import { lineChart } from "./parts/line_chart.js";
import { meanOf } from "./parts/statistics.js";

const WORDS = {
  scene: "a scene: three glyphs, and a cue above each",
  touches: "touches both",
  holds: "holds both whole",
  sees: "one unit sees",
  rows: (gap) => (gap === 1 ? "1 row" : `${gap} rows`),
  all: "all",
  gap: "distance",
  network: "network",
  question: "After six epochs of training, which seeds have learned the rule?",
  guesses: [["all", "all of them"], ["some", "some"], ["none", "none"]],
  range: ({ least, most }) => (least === most ? least : `${least} to ${most}`),
  told: {
    all: ({ seeds, range }) => `All ${seeds} seeds learned it: test accuracy ${range}.`,
    some: ({ seeds, solved, range }) => `${solved} of ${seeds} seeds learned it: test accuracy ${range}.`,
    none: ({ seeds, range }) => `None of ${seeds} seeds learned it: test accuracy ${range}; the blind vote has 0.56.`,
  },
  score: ({ right, all }) => `Right so far: ${right} of ${all}.`,
  noScore: "Right so far: none yet.",
  showAll: "Show all",
  allShown: "All is shown.",
  overDistance: "mean test accuracy of the seeds after 6 epochs, over the distance",
  overTime: "test accuracy of each seed, epoch by epoch, with more patience",
  accuracy: "test accuracy after 6 epochs: mean, and each seed",
  distance: "rows between cue and glyph",
  patience: "with more patience",
  epochs: "epochs",
  blind: "9/16, the blind vote",
  notLonger: "For this network and distance nobody has trained longer.",
  longer: {
    all: ({ epochs, times }) => `Given up to ${epochs} epochs, every seed solved it, after ${times} epochs.`,
    some: ({ epochs, times, solved, seeds }) => `Given up to ${epochs} epochs, ${solved} of ${seeds} seeds solved it, after ${times} epochs.`,
    none: ({ epochs, seeds }) => `Even in ${epochs} epochs none of ${seeds} seeds solved it.`,
  },
};
const SOLVED = 0.97; // the test accuracy from which on the book calls the task solved
const BLIND_VOTE = 9 / 16;
const GLYPH_SIZE = 7;
const CUE_HEIGHT = 5;
const MISSING = -1;
// How networks look, in their order: each with a dash and a marker of its own.
const LOOKS = [
  { colour: "var(--look-plain)", dash: "6 4", marker: "square" },
  { colour: "var(--look-x)", dash: "2 3", marker: "diamond" },
  { colour: "var(--look-x-tilde)", dash: "10 3 2 3", marker: "triangle" },
  { colour: "var(--look-s)", dash: null, marker: "circle" },
];

export default figure((view) => {
  const record = readRecord(view);
  const now = () => [record.indexOf(view.get("network")), record.gaps.indexOf(view.get("gap"))];
  const isShown = (network, gap) => !view.data("asks") || keyOf(record, network, gap) in view.get("guesses");
  const stage = createStage(record);
  const charts = createCharts(record);
  const asked = guess(view, {
    key: () => keyOf(record, ...now()),
    question: WORDS.question,
    options: WORDS.guesses,
    answer: () => {
      const result = resultOf(record.finals(...now()));
      return { value: result.verdict, told: WORDS.told[result.verdict](result) };
    },
    covered: [charts.patience],
  });
  const score = createScore(view, record);
  const controls = element(
    "div",
    { class: "distance-controls" },
    slider(view, "gap", { label: WORDS.gap, values: record.gaps, show: WORDS.rows }).element,
    choice(view, "network", { label: WORDS.network, options: record.networks.map(({ name }) => [name, name]) }).element,
    asked.element,
    score.element,
  );
  view.body.classList.add("distance");
  view.body.append(stage.element, controls, charts.element);

  return () => {
    if (view.get("show_all")) showAll(view, record);
    stage.draw(...now());
    charts.draw(...now(), isShown);
    asked.draw();
    charts.cover(...now(), isShown);
    score.draw(isShown);
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
    pairs: names.flatMap((_, n) => gaps.map((_, g) => [n, g])),
    indexOf: (name) => names.indexOf(name),
    finals: (network, gap) => seedsOf(accuracies, network, gap).flat(),
    histories: (network, gap) => seedsOf(curves, network, gap, curves.shape[3]),
    epochs: curves.shape[3],
    planes: (gap) => pictures.data.subarray(gap * 3 * size * size, (gap + 1) * 3 * size * size),
    places: (gap) => Array.from(places.data.subarray(3 * gap, 3 * gap + 3)),
  };
}

/** The name of a question among all of the book. */
const keyOf = (record, network, gap) => `distance/${record.networks[network].name}/${record.gaps[gap]}`;

/** What came out of some seeds: { verdict: all, some or none, seeds, solved, range }. */
function resultOf(finals) {
  const solved = finals.filter((accuracy) => accuracy >= SOLVED).length;
  const [least, most] = [Math.min(...finals), Math.max(...finals)].map((accuracy) => accuracy.toFixed(2));
  const verdict = solved === finals.length ? "all" : solved === 0 ? "none" : "some";
  return { verdict, seeds: finals.length, solved, range: WORDS.range({ least, most }) };
}

/** Uncover all that is not guessed yet, once: the reader may take each back. */
function showAll(view, record) {
  const all = record.pairs.map((pair) => [keyOf(record, ...pair), NOT_GUESSED]);
  view.set("guesses", { ...Object.fromEntries(all), ...view.get("guesses") });
  view.set("show_all", false);
}

// ------------------------------------------------------------------------------------------------------------ the parts

/** The scene under the field of one unit, and three widths on one scale. */
function createStage(record) {
  const image = picture({ rows: record.size, columns: record.size, label: WORDS.scene });
  const frame = element("div", { class: "distance-frame" });
  const box = element("div", { class: "distance-picture" }, image.element, frame);
  const widths = ["touches", "holds", "sees"].map((name) => {
    const [bar, shown] = [element("i"), number(name)];
    const set = (pixels, text = pixels) => {
      bar.style.width = `${(100 * Math.min(pixels, record.size)) / record.size}%`;
      shown.set(text);
    };
    const track = element("span", { class: "distance-track", "aria-hidden": "true" }, bar);
    return { set, element: element("p", { class: "distance-width" }, element("span", {}, WORDS[name]), track, shown.element) };
  });
  const [touches, holds, sees] = widths;
  const table = element("div", { class: "distance-widths" }, ...widths.map((one) => one.element));
  const draw = (network, gap) => {
    image.draw(record.planes(gap));
    const { field, name } = record.networks[network];
    const [cue, glyph, column] = record.places(gap);
    const isAll = field >= record.size && !name.startsWith("plain");
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
    sees.set(field, isAll ? WORDS.all : field);
  };
  return { element: element("div", { class: "distance-stage senet-stays" }, box, table), draw };
}

/** How many guesses were right, and the button for who wants to guess no more. */
function createScore(view, record) {
  const text = element("span", { class: "parts-note", "data-name": "score" });
  const all = button(WORDS.showAll, () => view.set("show_all", true)).element;
  const draw = (isShown) => {
    const guesses = record.pairs.map((pair) => [view.get("guesses")[keyOf(record, ...pair)], pair]);
    const made = guesses.filter(([given]) => given !== undefined && given !== NOT_GUESSED);
    const right = made.filter(([given, pair]) => given === resultOf(record.finals(...pair)).verdict).length;
    setText(text, made.length > 0 ? WORDS.score({ right, all: made.length }) : WORDS.noScore);
    disable(all, record.pairs.every((pair) => isShown(...pair)) && WORDS.allShown);
  };
  return { element: element("div", { class: "distance-score parts-line" }, text, all), draw };
}

function createCharts(record) {
  const overDistance = lineChart({ label: WORDS.overDistance, xLabel: WORDS.distance, yLabel: WORDS.accuracy, height: 250 });
  const overTime = lineChart({ label: WORDS.overTime, xLabel: WORDS.epochs, yLabel: WORDS.patience, height: 205 });
  const note = element("p", { class: "parts-note distance-note", "data-name": "patience" });
  const patience = element("div", { class: "distance-patience" }, overTime.element, note);
  const y = [0.5, 1];
  const draw = (network, gap, isShown) => {
    const lines = record.networks.map((look, n) => {
      const shown = record.gaps.map((_, g) => g).filter((g) => isShown(n, g));
      const breaks = shown.flatMap((g, place) => (g - 1 === shown[place - 1] ? [] : [place])); // what lies between is not guessed
      const points = shown.map((g) => ({ x: record.gaps[g], finals: record.finals(n, g) }));
      return {
        ...{ ...look, breaks, endName: look.name, xs: points.map(({ x }) => x), ys: points.map(({ finals }) => meanOf(finals)) },
        dots: points.flatMap(({ x, finals }) => finals.map((one) => [x, one])),
      };
    });
    const x = [0, record.gaps[record.gaps.length - 1] + 1];
    const here = { ...BEHIND, xs: [record.gaps[gap], record.gaps[gap]], ys: y };
    overDistance.draw([here, { ...BLIND, xs: x, ys: [BLIND_VOTE, BLIND_VOTE] }, ...lines], { x, y });
    const epochs = [0, Math.max(6, record.epochs)];
    const histories = isShown(network, gap) ? record.histories(network, gap) : [];
    const curves = histories.map((run) => ({ ...record.networks[network], marker: null, xs: run.map((_, e) => e + 1), ys: run }));
    overTime.draw([{ ...BLIND, startName: null, xs: epochs, ys: [BLIND_VOTE, BLIND_VOTE] }, ...curves], { x: epochs, y });
    setText(note, histories.length > 0 ? patienceText(record, histories) : "");
  };
  // A chart with nothing to show says so instead.
  let before = null; // what it says before the guess
  const cover = (network, gap, isShown) => {
    before ??= patience.dataset.cover ?? "";
    const isLonger = record.histories(network, gap).length > 0;
    patience.dataset.cover = isShown(network, gap) ? WORDS.notLonger : before;
    patience.classList.toggle("parts-covered", !isLonger || !isShown(network, gap));
    patience.classList.toggle("distance-none", isShown(network, gap));
  };
  return { element: element("div", { class: "distance-charts" }, overDistance.element, patience), patience, draw, cover };
}

function patienceText(record, histories) {
  const times = histories.filter((run) => run[run.length - 1] >= SOLVED).map((run) => run.length).sort((a, b) => a - b);
  const verdict = times.length === histories.length ? "all" : times.length > 0 ? "some" : "none";
  const facts = { epochs: record.epochs, seeds: histories.length, solved: times.length, times: times.join(", ") };
  return WORDS.longer[verdict](facts);
}

const BEHIND = { colour: "var(--senet-quiet)", dash: "1 3", thin: true };
const BLIND = { colour: "var(--senet-negative)", dash: "5 3", startName: WORDS.blind };
