// The laboratory: two networks train in the reader's page, each in a worker of its own, after a bet on how it ends.
import { Problem, button, choice, disable, element, figure, formatNumber, menu, number, picture } from "./parts/kit.js";
import { setText, slider } from "./parts/kit.js";
import { distanceWorld } from "./parts/distance_world.js";
import { lineChart, lineSample } from "./parts/line_chart.js";
import { SOLVED, createBench, finalsOf, outcomeOf, readRecorded } from "./parts/training_bench.js";
import { createGatePanels } from "./parts/training_gates.js";
import { BLOCKS, GAPS, KINDS, LANES, MOST_EPOCHS, MOST_SEED, PICTURES, PLACES, RATES, REDUCTIONS, SCHEDULES } from "./parts/training_settings.js";
import { networkName, networkOfName, networkReach, readNetwork, readSettings } from "./parts/training_settings.js";
import { createRunTable } from "./parts/training_table.js";

const WORDS = {
  scene: "the first picture to learn from: three glyphs, a cue above each",
  task: "Name the glyph whose colour the cue has.",
  gap: "distance",
  rows: (gap) => (gap === 1 ? "1 row" : `${gap} rows`),
  window: ({ touches, holds }) => `A window of ${touches} pixels touches cue and glyph, one of ${holds} holds both whole.`,
  locked: "Locked while this run is going; Reset frees them.",
  kind: "kind",
  blocks: "blocks",
  reduction: ({ lane }) => `r of ${lane}`,
  place: ({ lane }) => `where the gate of ${lane} stands`,
  isPlain: ({ lane }) => `${lane} is plain: it has no gate, so no r, and no place for it.`,
  lacks: ({ blocks }) => `What is grey is not offered with ${blocks} blocks and these other choices.`,
  more: "More settings",
  seed: "seed",
  epochs: "epochs",
  pictures: "pictures to learn from",
  rate: "learning rate",
  schedule: "course of the rate",
  questions: {
    solve: "Your bet: which one will solve it?",
    higher: "Your bet: which one will end higher?",
  },
  bets: {
    solve: [["a", "A"], ["b", "B"], ["both", "both"], ["none", "none"]],
    higher: [["a", "A"], ["b", "B"], ["none", "level"]],
  },
  betStands: "The bet stands once the training has begun; Reset opens it again.",
  betMade: "Your bet stands.",
  betWanted: "Bet, and then train.",
  betOpen: "Not all of this is recorded, so your bet stays open.",
  score: ({ right, all }) => `Bets won so far: ${right} of ${all}.`,
  right: ({ told }) => `Right: ${told}`,
  wrong: ({ told }) => `Not so: ${told}`,
  solved: {
    a: ({ a, b }) => `A solved it (${a}), B did not (${b}).`,
    b: ({ a, b }) => `A did not solve it (${a}), B did (${b}).`,
    both: ({ a, b }) => `A solved it (${a}), and so did B (${b}).`,
    none: ({ a, b }) => `A did not solve it (${a}), B did not either (${b}).`,
  },
  higher: ({ a, b }) => `A ended at ${a}, B at ${b}.`,
  noAccuracy: "no accuracy",
  train: "Train",
  pause: "Pause",
  step: "One step",
  reset: "Reset",
  next: "Next seed",
  betFirst: "Bet first: say which one will solve it.",
  isMoving: "It is training; Pause first.",
  isOver: "This run is over; press Reset.",
  isGoing: "A run is going: Reset, or wait for its end.",
  nothingYet: "There is no run yet.",
  replay: "Below is a recorded run, as PyTorch trained it.",
  noReplay: "No run of these networks is recorded.",
  trouble: ({ lane, trouble }) => `${lane}: ${trouble}`,
  status: {
    idle: ({ seed, duration }) => `Ready, with seed ${seed}. ${duration}`,
    loading: () => "Loading the runtime and the two networks, and drawing the pictures …",
    running: ({ place }) => place,
    paused: () => "Paused.",
    finished: ({ seed }) => `Finished, with seed ${seed}. Another seed, another ending?`,
  },
  asLast: ({ time }) => `A run takes about ${time}, going by your last one.`,
  asOurs: ({ time }) => `A run takes about ${time} on a slow computer: an estimate.`,
  seconds: ({ seconds }) => (seconds < 90 ? `${Math.max(5, 5 * Math.round(seconds / 5))} s` : `${Math.round(seconds / 60)} min`),
  testAccuracy: "test accuracy",
  stepNow: "step",
  loss: "loss",
  nats: "nats",
  inTraining: "in training",
  left: "left",
  pace: "pictures/s",
  lossChart: "training loss of both networks over the epochs",
  lossName: "training loss, nats",
  accuracyChart: "accuracy of both networks over the epochs: points on test pictures, thin lines in training",
  accuracyName: "accuracy: points test, thin lines training",
  end: ({ lane, value }) => `${lane} ${value}`,
  blind: "9/16, the blind vote",
  solvedLine: `${SOLVED}, solved`,
  lossWaits: "The loss comes with the training.",
};
const BLIND_VOTE = 9 / 16;
const BOTH_WHOLE = 12; // rows of a cue and of a glyph
const POINTS = 150; // of a curve, at most
const BETWEEN_DRAWINGS = 250; // milliseconds
const MOVING = ["loading", "running"];
const LOOKS = {
  a: { dash: "6 4", marker: "square" },
  b: { dash: null, marker: "circle" },
};
const COLOURS_OF = {
  plain: ["var(--look-plain)", "var(--look-x)"],
  se: ["var(--look-s)", "var(--look-x-tilde)"],
};

export default figure((view) => {
  const catalogue = view.data("catalogue");
  const recorded = readRecorded(view);
  const bench = createBench(view, recorded, () => draw());
  bench.question = readQuestion(view);
  const settings = createSettings(view, catalogue, bench);
  const bets = createBets(view, bench);
  const desk = createDesk(view, bench);
  const lanes = LANES.map((lane) => createLaneCard(view, lane, settings.cards[lane], bench));
  const charts = createTrainingCharts(bench);
  charts.element.classList.add("senet-stays");
  const gates = createGatePanels(bench);
  const table = createRunTable(bench);
  view.body.append(
    settings.world,
    element("div", { class: "lab-pair senet-result" }, ...lanes.map((one) => one.element)),
    element("div", { class: "lab-pair" }, bets.element, desk.element),
    charts.element,
    element("div", { class: "lab-drawers" }, settings.more, gates.element, table.element),
  );
  let [timer, drawnAt, drawnPhase] = [null, -Infinity, null];
  const drawNow = () => {
    clearTimeout(timer);
    [timer, drawnAt, drawnPhase] = [null, performance.now(), bench.phase()];
    for (const one of [settings, bets, desk, ...lanes, charts, gates, table]) one.draw();
  };
  // Both workers tell something ten times a second; while they do, fewer drawings are enough.
  const draw = () => {
    if (bench.phase() !== drawnPhase) clearTimeout(timer);
    else if (timer !== null) return;
    timer = setTimeout(drawNow, bench.phase() === drawnPhase ? drawnAt + BETWEEN_DRAWINGS - performance.now() : 0);
  };
  view.onClose(() => clearTimeout(timer));
  return () => {
    bench.follow(readSettings(view), readBet(view));
    bench.hear();
    drawNow();
  };
});

// ----------------------------------------------------------------------------------------------------------- the state

function readQuestion(view) {
  const question = view.data("question");
  if (Object.hasOwn(WORDS.questions, question)) return question;
  throw new Problem(`question is ${question}; it must be one of ${Object.keys(WORDS.questions).join(", ")}.`);
}

function readBet(view) {
  const bet = view.get("bet");
  const names = WORDS.bets[readQuestion(view)].map(([name]) => name);
  if (bet === "" || names.includes(bet)) return bet;
  throw new Problem(`bet is ${bet}; it must be one of ${names.join(", ")}, or empty.`);
}

/** How a lane looks: a colour by its kind, another one where both are of a kind. */
function lookOf(bench, lane) {
  const { a, b } = bench.settings;
  const isSecond = lane === "b" && a.kind === b.kind;
  return { ...LOOKS[lane], colour: COLOURS_OF[bench.settings[lane].kind][isSecond ? 1 : 0] };
}

// -------------------------------------------------------------------------------------------------------- the controls

function createSettings(view, catalogue, bench) {
  const cards = Object.fromEntries(LANES.map((lane) => [lane, createNetworkChoice(view, lane, catalogue)]));
  const image = picture({ rows: 32, columns: 32, label: WORDS.scene });
  const gap = slider(view, "gap", { label: WORDS.gap, values: GAPS, show: WORDS.rows });
  const [windowNote, lockNote] = ["window", "lock"].map((name) => element("p", { class: "parts-note", "data-name": name }));
  const told = element("div", { class: "lab-distance" }, element("p", {}, WORDS.task), gap.element, windowNote, lockNote);
  const world = element("fieldset", { class: "lab-world" }, image.element, told);
  const shared = [
    slider(view, "seed", { label: WORDS.seed, min: 0, max: MOST_SEED }),
    slider(view, "epochs", { label: WORDS.epochs, min: 1, max: MOST_EPOCHS }),
    menu(view, "pictures", { label: WORDS.pictures, options: PICTURES.map((count) => [count, formatNumber(count)]) }),
    menu(view, "learning_rate", { label: WORDS.rate, options: RATES.map((rate) => [rate, String(rate)]) }),
    menu(view, "schedule", { label: WORDS.schedule, options: SCHEDULES }),
  ];
  const fields = element("fieldset", { class: "lab-more" }, ...LANES.map((lane) => cards[lane].more), ...shared.map((one) => one.element));
  const more = element("details", {}, element("summary", {}, WORDS.more), fields);
  let drawn = null;
  const draw = () => {
    const isLocked = bench.isBusy();
    for (const one of [world, fields, ...LANES.map((lane) => cards[lane].element)]) one.disabled = isLocked;
    setText(lockNote, isLocked ? WORDS.locked : "");
    windowNote.hidden = isLocked;
    const rows = bench.settings.gap;
    if (drawn !== rows) image.draw(distanceWorld(1, 0, rows).pictures);
    drawn = rows;
    setText(windowNote, WORDS.window({ touches: rows + 2, holds: rows + BOTH_WHOLE }));
    for (const lane of LANES) cards[lane].draw();
  };
  return { cards, world, more, draw };
}

function createNetworkChoice(view, lane, catalogue) {
  const trait = (part) => `${part}_${lane}`;
  const has = (change) => catalogue.includes(networkName({ ...readNetwork(view, lane), ...change }));
  // Of r and place, what the chosen kind and depth lack gives way to what they have.
  const mend = () => {
    if (has({})) return;
    const chosen = readNetwork(view, lane);
    const near = catalogue.map(networkOfName).find((other) => other?.kind === chosen.kind && other.blocks === chosen.blocks);
    for (const [part, value] of [["place", "standard"], ["reduction", near?.reduction], ["place", near?.place]]) {
      if (!has({}) && value !== undefined) view.set(trait(part), value);
    }
  };
  const options = (list) => list.map((value) => [value, String(value)]);
  const letter = lane.toUpperCase();
  const kind = choice(view, trait("kind"), { label: WORDS.kind, options: KINDS, then: mend });
  const blocks = choice(view, trait("blocks"), { label: WORDS.blocks, options: options(BLOCKS), then: mend });
  const reduction = menu(view, trait("reduction"), { label: WORDS.reduction({ lane: letter }), options: options(REDUCTIONS) });
  const place = menu(view, trait("place"), { label: WORDS.place({ lane: letter }), options: PLACES });
  const note = element("p", { class: "parts-note", "data-name": `offer_${lane}` });
  const node = element("fieldset", { class: "lab-network" }, kind.element, blocks.element);
  const more = element("div", { class: "lab-gate" }, reduction.element, place.element, note);
  const draw = () => {
    const { kind: now, blocks: depth } = readNetwork(view, lane);
    const isPlain = now === "plain";
    for (const [menuOf, part, list] of [[reduction, "reduction", REDUCTIONS], [place, "place", PLACES.map(([name]) => name)]]) {
      const select = menuOf.element.querySelector("select");
      select.disabled = isPlain;
      list.forEach((value, index) => (select.options[index].disabled = !isPlain && !has({ [part]: value })));
    }
    for (const radio of blocks.element.querySelectorAll("input")) {
      radio.disabled = !catalogue.some((name) => name.startsWith(`${now}-${radio.value}`));
    }
    const lacks = !isPlain && [...more.querySelectorAll("option")].some((option) => option.disabled);
    setText(note, isPlain ? WORDS.isPlain({ lane: letter }) : lacks ? WORDS.lacks({ blocks: depth }) : "");
  };
  return { element: node, more, draw };
}

function createBets(view, bench) {
  const choose = (bet) => () => {
    if (bench.phase() !== "idle") return;
    bench.note = "";
    view.set("bet", bet);
  };
  const buttons = WORDS.bets[bench.question].map(([bet, label]) => {
    const one = button(label, choose(bet)).element;
    one.dataset.bet = bet;
    return one;
  });
  const answer = element("p", { class: "lab-answer", role: "status", "data-name": "answer" });
  const legend = element("legend", {}, WORDS.questions[bench.question]);
  const box = element("fieldset", { class: "parts-guess" }, legend, element("div", { class: "lab-buttons" }, ...buttons), answer);
  const draw = () => {
    const isOpen = bench.phase() === "idle";
    for (const one of buttons) {
      one.setAttribute("aria-current", String(one.dataset.bet === bench.bet));
      disable(one, isOpen ? "" : WORDS.betStands);
    }
    setText(answer, [betText(bench), bench.score.all ? WORDS.score(bench.score) : ""].join(" ").trim());
  };
  return { element: box, draw };
}

function betText(bench) {
  const isReplayed = bench.replay && bench.replay.shown >= bench.replay.epochs;
  if (bench.phase() !== "finished" && !isReplayed) return bench.bet ? WORDS.betMade : WORDS.betWanted;
  const outcome = outcomeOf(bench);
  if (outcome === null) return WORDS.betOpen;
  const [a, b] = finalsOf(bench).map((final) => final?.toFixed(3) ?? WORDS.noAccuracy);
  const told = (bench.question === "higher" ? WORDS.higher : WORDS.solved[outcome])({ a, b });
  return (outcome === bench.bet ? WORDS.right : WORDS.wrong)({ told });
}

/** The buttons, and one sentence on what is going on. */
function createDesk(view, bench) {
  const isMoving = () => MOVING.includes(bench.phase());
  const whyNot = () => {
    if (bench.bet === "") return WORDS.betFirst;
    if (["idle", "paused"].includes(bench.phase())) return "";
    return isMoving() ? WORDS.isMoving : WORDS.isOver;
  };
  const refuse = () => {
    bench.note = bench.bet === "" ? WORDS.betFirst : "";
    draw();
  };
  const go = button(WORDS.train, () => (isMoving() ? bench.pause() : whyNot() ? refuse() : bench.train())).element;
  go.classList.add("lab-go");
  const step = button(WORDS.step, () => (whyNot() ? refuse() : bench.step())).element;
  const reset = button(WORDS.reset, () => bench.reset()).element;
  const deal = button(WORDS.next, () => {
    if (!bench.isBusy()) view.set("seed", (bench.settings.seed + 1) % (MOST_SEED + 1));
  }).element;
  const status = element("p", { class: "lab-status", role: "status", "data-name": "status" });
  const buttons = element("div", { class: "lab-buttons" }, go, step, reset, deal);
  const draw = () => {
    setText(go, isMoving() ? WORDS.pause : WORDS.train);
    disable(go, isMoving() ? "" : whyNot());
    disable(step, whyNot());
    disable(reset, bench.phase() === "idle" && WORDS.nothingYet);
    disable(deal, bench.isBusy() && WORDS.isGoing);
    status.toggleAttribute("data-failed", bench.phase() === "failed");
    setText(status, statusText(bench));
  };
  return { element: element("div", { class: "lab-desk" }, buttons, status), draw };
}

function durationText(expected) {
  if (!expected) return "";
  return (expected.isMeasured ? WORDS.asLast : WORDS.asOurs)({ time: WORDS.seconds(expected) });
}

function statusText(bench) {
  const phase = bench.phase();
  const lane = LANES.find((one) => bench.lanes[one].state.message);
  const trouble = lane ? bench.lanes[lane].state.message : "";
  if (phase === "failed") {
    const isThere = LANES.some((one) => bench.replay?.runs[one].length > 0);
    return `${trouble} ${isThere ? WORDS.replay : WORDS.noReplay}`;
  }
  const said = bench.note || (trouble && WORDS.trouble({ lane: lane.toUpperCase(), trouble }));
  if (said) return `${said} ${bench.storage}`.trim();
  const duration = phase === "idle" ? durationText(bench.expected()) : "";
  const isEarly = phase === "idle" && bench.bet === "";
  const usual = isEarly ? duration : WORDS.status[phase]({ seed: bench.settings.seed, place: bench.place(), duration });
  return `${usual} ${bench.storage}`.trim();
}

// --------------------------------------------------------------------------------------------------------- the numbers

function createLaneCard(view, lane, network, bench) {
  const named = (name, options) => number(`${name}_${lane}`, options);
  const name = element("span", { class: "lab-name" });
  const title = element("p", { class: "lab-heading" });
  const reach = element("p", { class: "parts-note" });
  const big = named("test_accuracy", { label: WORDS.testAccuracy, digits: 3, isMeasured: true });
  const pace = named("pace", { unit: WORDS.pace, digits: 0 });
  const bar = element("div", { class: "lab-progress" }, element("i"));
  const numbers = {
    step: named("step", { label: WORDS.stepNow }),
    accuracy: named("accuracy", { label: WORDS.inTraining, digits: 3, isMeasured: true }),
    left: named("left", { label: WORDS.left, unit: "s", digits: 0 }),
    loss: named("loss", { label: WORDS.loss, unit: WORDS.nats, digits: 3, isMeasured: true }),
  };
  const small = element("div", { class: "lab-numbers" }, ...Object.values(numbers).map((one) => one.element));
  big.element.classList.add("lab-big");
  pace.element.classList.add("lab-pace");
  const result = element("div", { class: "lab-result" }, big.element, small, reach);
  const parts = [title, network.element, result, bar];
  const card = element("div", { class: "lab-card parts-column", "data-lane": lane }, ...parts);
  const draw = () => {
    const { state } = bench.lanes[lane];
    const look = lookOf(bench, lane);
    const { label } = bench.settings[lane];
    if (name.textContent !== label || card.style.getPropertyValue("--lane") !== look.colour) {
      card.style.setProperty("--lane", look.colour);
      setText(name, label);
      title.replaceChildren(element("span", { class: "lab-letter" }, lane.toUpperCase()), lineSample(look), name, pace.element);
    }
    setText(reach, networkReach(bench.settings[lane]));
    const replayed = bench.replay?.runs[lane][0]?.slice(0, bench.replay.shown) ?? [];
    const tests = bench.replay ? replayed : state.tests;
    // What has no value yet is not there: until a run begins, its place says what a unit sees.
    big.element.hidden = tests.length === 0;
    small.hidden = pace.element.hidden = state.step === 0;
    reach.hidden = !(big.element.hidden && small.hidden);
    big.set(tests.length ? tests[tests.length - 1] : NaN);
    bar.style.setProperty("--share", state.steps ? state.step / state.steps : 0);
    numbers.step.set(state.step);
    numbers.loss.set(state.losses.length ? state.losses[state.losses.length - 1] : NaN);
    numbers.accuracy.set(state.accuracy ?? NaN);
    numbers.left.set(state.secondsLeft ?? NaN);
    pace.set(state.picturesPerSecond ?? NaN);
    Object.assign(card, { losses: state.losses, tests: state.tests }); // for tests and benchmarks
    card.dataset.phase = state.phase;
  };
  return { element: card, draw };
}

function createTrainingCharts(bench) {
  const loss = lineChart({ label: WORDS.lossChart, xLabel: WORDS.epochs, yLabel: WORDS.lossName, height: 200 });
  const accuracy = lineChart({ label: WORDS.accuracyChart, xLabel: WORDS.epochs, yLabel: WORDS.accuracyName, height: 200 });
  loss.element.dataset.cover = WORDS.lossWaits;
  const draw = () => {
    const x = [0, Math.max(bench.settings.epochs, bench.replay?.epochs ?? 0)];
    const curve = (lane, name) => {
      const { state } = bench.lanes[lane];
      const { colour, dash } = lookOf(bench, lane);
      return { colour, dash, ...thinOut(state[name], state.steps, state.stepsPerEpoch) };
    };
    loss.draw(LANES.map((lane) => curve(lane, "losses")), { x, y: [0, 2] });
    loss.element.classList.toggle("parts-covered", LANES.every((lane) => bench.lanes[lane].state.losses.length === 0));
    const tests = LANES.flatMap((lane) => {
      const replayed = bench.replay?.runs[lane].map((run) => run.slice(0, bench.replay.shown));
      const runs = replayed ?? [bench.lanes[lane].state.tests];
      return runs.map((run, index) => {
        const value = (run[run.length - 1] ?? 0).toFixed(3); // also before it is drawn, so that its room is there
        const endName = index === 0 ? WORDS.end({ lane: lane.toUpperCase(), value }) : null;
        return { ...lookOf(bench, lane), endName, xs: run.map((_, epoch) => epoch + 1), ys: run };
      });
    });
    const thin = LANES.map((lane) => ({ ...curve(lane, "rights"), thin: true }));
    // Curves rise at the left and end near 9/16 or 1: the names stand where they leave room, and over them.
    const levels = LEVELS.map((look, index) => ({ ...look, xs: index ? x : [x[1], 0], ys: [look.at, look.at] }));
    accuracy.draw([...thin, ...tests, ...levels], { x, y: [0.2, 1] });
  };
  return { element: element("div", { class: "lab-charts" }, accuracy.element, loss.element), draw };
}

const LEVELS = [
  { startName: WORDS.blind, at: BLIND_VOTE, colour: "var(--senet-negative)", dash: "5 3" },
  { startName: WORDS.solvedLine, at: SOLVED, colour: "var(--look-x-tilde)", dash: "8 3" },
];

/** Means of a few steps each, so that a long run has no more points than a chart can show: { xs: epochs, ys }. */
function thinOut(values, steps, stepsPerEpoch) {
  const width = Math.max(1, Math.ceil(steps / POINTS));
  const [xs, ys] = [[], []];
  for (let start = 0; start < values.length; start += width) {
    const end = Math.min(start + width, values.length);
    let sum = 0;
    for (let i = start; i < end; i += 1) sum += values[i];
    xs.push(end / stepsPerEpoch);
    ys.push(sum / (end - start));
  }
  return { xs, ys };
}
