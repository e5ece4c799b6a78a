// The laboratory: two networks train in the reader's page, each in a worker of its own, after a bet on how it ends.
import { Problem, button, choice, disable, element, figure, formatNumber, menu, number, picture } from "./parts/kit.js";
import { setText, slider } from "./parts/kit.js";
import { distanceWorld } from "./parts/distance_world.js";
import { lineChart, lineSample } from "./parts/line_chart.js";
import { SOLVED, createBench, finalOf, outcomeOf, readRecorded } from "./parts/training_bench.js";
import { createGatePanels } from "./parts/training_gates.js";
import { BLOCKS, GAPS, KINDS, LANES, MOST_EPOCHS, MOST_SEED, PICTURES, PLACES, RATES, REDUCTIONS, SCHEDULES } from "./parts/training_settings.js";
import { linkOf, networkName, networkOfName, networkReach, readNetwork, readSettings, traitsOfLink } from "./parts/training_settings.js";
import { createRunTable } from "./parts/training_table.js";

const BLIND_VOTE = 9 / 16;
const BOTH_WHOLE = 12; // rows of a cue and of a glyph
const POINTS = 150; // of a curve, at most
const BETWEEN_DRAWINGS = 250; // milliseconds
// What the reader bets on, and the answers there are.
const QUESTIONS = {
  solve: {
    text: `Your bet: which one will solve it? (test accuracy ${SOLVED} or more)`,
    bets: [["a", "A"], ["b", "B"], ["both", "both"], ["none", "none"]],
  },
  higher: { text: "Your bet: which one will end higher? (test accuracy)", bets: [["a", "A"], ["b", "B"], ["none", "level"]] },
};
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
  const link = takeLink(view, catalogue);
  const bench = createBench(view, recorded, () => draw());
  bench.question = readQuestion(view);
  const settings = createSettings(view, catalogue, bench);
  const bets = createBets(view, bench);
  const desk = createDesk(view, bench, link);
  const lanes = LANES.map((lane) => createLaneCard(view, lane, settings.cards[lane], bench));
  const charts = createTrainingCharts(bench);
  const gates = createGatePanels(bench);
  const table = createRunTable(bench);
  view.body.append(
    settings.world,
    element("div", { class: "lab-lanes" }, ...lanes.map((one) => one.element)),
    settings.more,
    bets.element,
    desk.element,
    charts.element,
    gates.element,
    table.element,
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
  if (Object.hasOwn(QUESTIONS, question)) return question;
  throw new Problem(`question is ${question}; it must be one of ${Object.keys(QUESTIONS).join(", ")}.`);
}

function readBet(view) {
  const bet = view.get("bet");
  const names = QUESTIONS[readQuestion(view)].bets.map(([name]) => name);
  if (bet === "" || names.includes(bet)) return bet;
  throw new Problem(`bet is ${bet}; it must be one of ${names.join(", ")}, or empty.`);
}

// What the address says is set before the first drawing, once for each page.
function takeLink(view, catalogue) {
  const note = { text: "" };
  const take = () => {
    if (globalThis.senetTakenLink === location.hash) return; // another laboratory of this page has taken it
    globalThis.senetTakenLink = location.hash;
    const found = traitsOfLink(location.hash, catalogue);
    if (!found) return;
    for (const [trait, value] of Object.entries(found.traits)) view.set(trait, value);
    const lacks = `The link asks for what is not offered here: ${found.faults.join(", ")}. The rest is set.`;
    note.text = found.faults.length ? lacks : "Set as the link says.";
  };
  take();
  addEventListener("hashchange", take);
  view.onClose(() => removeEventListener("hashchange", take));
  return note;
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
  const image = picture({ rows: 32, columns: 32, label: "the first picture to learn from: three glyphs, a cue above each" });
  const gap = slider(view, "gap", { label: "distance between cue and glyph", values: GAPS, unit: "rows" });
  const windowNote = element("p", { class: "parts-note", "data-name": "window" });
  const world = element("fieldset", { class: "lab-world" }, element("div", { class: "lab-scene" }, image.element));
  const task = "Name the glyph whose colour the cue has.";
  world.append(element("div", { class: "lab-distance" }, element("p", {}, task), gap.element, windowNote));
  const text = (value) => formatNumber(value);
  const shared = [
    slider(view, "seed", { label: "seed", min: 0, max: MOST_SEED }),
    slider(view, "epochs", { label: "epochs", min: 1, max: MOST_EPOCHS }),
    menu(view, "pictures", { label: "pictures to learn from", options: PICTURES.map((count) => [count, text(count)]) }),
    menu(view, "learning_rate", { label: "learning rate", options: RATES.map((rate) => [rate, String(rate)]) }),
    menu(view, "schedule", { label: "course of the rate", options: SCHEDULES }),
  ];
  const fields = element("fieldset", { class: "lab-more" }, ...LANES.map((lane) => cards[lane].more), ...shared.map((one) => one.element));
  const more = element("details", {}, element("summary", {}, "More settings"), fields);
  const lockNote = element("p", { class: "parts-note lab-lock", "data-name": "lock" });
  const box = element("div", {}, more, lockNote);
  let drawn = null;
  const draw = () => {
    const isLocked = bench.isBusy();
    for (const one of [world, fields, ...LANES.map((lane) => cards[lane].element)]) one.disabled = isLocked;
    setText(lockNote, isLocked ? "Locked while this run is going; Reset frees them." : "");
    const rows = bench.settings.gap;
    if (drawn !== rows) image.draw(distanceWorld(1, 0, rows).pictures);
    drawn = rows;
    setText(windowNote, `A window of ${rows + 2} pixels touches cue and glyph, one of ${rows + BOTH_WHOLE} holds both whole.`);
    for (const lane of LANES) cards[lane].draw();
  };
  return { cards, world, more: box, draw };
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
  const kind = choice(view, trait("kind"), { label: "kind", options: KINDS, then: mend });
  const blocks = choice(view, trait("blocks"), { label: "blocks", options: options(BLOCKS), then: mend });
  const reduction = menu(view, trait("reduction"), { label: `r of ${lane.toUpperCase()}`, options: options(REDUCTIONS) });
  const place = menu(view, trait("place"), { label: `where the gate of ${lane.toUpperCase()} stands`, options: PLACES });
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
    const why = lacks ? `What is grey is not offered with ${depth} blocks and these other choices.` : "";
    setText(note, isPlain ? `${lane.toUpperCase()} is plain: it has no gate, so no r, and no place for it.` : why);
  };
  return { element: node, more, draw };
}

function createBets(view, bench) {
  const { text, bets } = QUESTIONS[bench.question];
  const question = element("p", { class: "lab-question" }, text);
  const choose = (bet) => () => {
    if (bench.phase() !== "idle") return;
    bench.note = "";
    view.set("bet", bet);
  };
  const buttons = bets.map(([bet, label]) => {
    const one = button(label, choose(bet)).element;
    one.dataset.bet = bet;
    return one;
  });
  const answer = element("p", { class: "lab-answer", role: "status", "data-name": "answer" });
  const box = element("div", { class: "lab-bet" }, question, element("div", { class: "lab-buttons" }, ...buttons), answer);
  const draw = () => {
    const isOpen = bench.phase() === "idle";
    for (const one of buttons) {
      one.setAttribute("aria-current", String(one.dataset.bet === bench.bet));
      disable(one, isOpen ? "" : "The bet stands once the training has begun; Reset opens it again.");
    }
    box.toggleAttribute("data-open", isOpen && bench.bet === "");
    setText(answer, betText(bench));
  };
  return { element: box, draw };
}

function betText(bench) {
  const { bet, score } = bench;
  const isReplayed = bench.replay && bench.replay.shown >= bench.replay.epochs;
  const told = score.all ? ` Bets won so far: ${score.right} of ${score.all}.` : "";
  if (bench.phase() !== "finished" && !isReplayed) return `${bet ? "Your bet stands." : "Bet, and then train."}${told}`;
  const outcome = outcomeOf(bench);
  if (outcome === null) return `Not all of this is recorded, so your bet stays open.${told}`;
  const said = LANES.map((lane) => {
    const final = finalOf(bench, lane);
    const verb = bench.question === "higher" ? "ended" : (final ?? 0) >= SOLVED ? "solved it" : "did not";
    return `${lane.toUpperCase()} ${verb} (${final === null ? "no accuracy" : final.toFixed(3)})`;
  });
  return `${outcome === bet ? "Right: " : "Not so: "}${said.join(", ")}.${told}`;
}

/** The buttons, and one sentence on what is going on. */
function createDesk(view, bench, link) {
  const isReady = () => bench.bet !== "" && ["idle", "paused"].includes(bench.phase());
  const go = button("Train", () => {
    if (["loading", "running"].includes(bench.phase())) bench.pause();
    else if (isReady()) bench.train();
    else desk.refuse();
  }).element;
  go.classList.add("lab-go");
  const step = button("One step", () => (isReady() ? bench.step() : desk.refuse())).element;
  const reset = button("Reset", () => bench.reset()).element;
  const deal = button("Next seed", () => {
    if (!bench.isBusy()) view.set("seed", (bench.settings.seed + 1) % (MOST_SEED + 1));
  }).element;
  const copy = button("Copy link", async () => {
    const address = new URL(linkOf(bench.settings), location.href).href;
    globalThis.senetTakenLink = linkOf(bench.settings);
    history.replaceState(null, "", address);
    const isCopied = await navigator.clipboard?.writeText(address).then(() => true, () => false);
    bench.note = isCopied ? "The link to this run is copied." : "The link to this run is in the address bar.";
    draw();
  }).element;
  const status = element("p", { class: "lab-status", role: "status", "data-name": "status" });
  copy.hidden = view.data("kernel"); // a notebook has no address that others can open
  const buttons = element("div", { class: "lab-buttons" }, go, step, reset, deal, copy);
  const desk = { element: element("div", { class: "lab-desk" }, buttons, status) };
  desk.refuse = () => {
    bench.note = bench.bet === "" ? "Bet first: say above which one will solve it." : "";
    draw();
  };
  const draw = () => {
    const phase = bench.phase();
    setText(go, ["loading", "running"].includes(phase) ? "Pause" : "Train");
    const isMoving = ["loading", "running"].includes(phase);
    const why = isReady() ? "" : bench.bet === "" ? "Bet first." : isMoving ? "It is training; Pause first." : "This run is over; press Reset.";
    disable(go, isMoving ? "" : why);
    disable(step, why);
    disable(deal, bench.isBusy() ? "A run is going: Reset, or wait for its end." : "");
    status.toggleAttribute("data-failed", phase === "failed");
    setText(status, statusText(bench, link));
  };
  desk.draw = draw;
  return desk;
}

function statusText(bench, link) {
  const phase = bench.phase();
  const troubles = LANES.map((lane) => [lane.toUpperCase(), bench.lanes[lane].state.message]).filter(([, text]) => text);
  const trouble = troubles.map(([lane, text]) => (phase === "failed" ? text : `${lane}: ${text}`))[0] ?? "";
  if (phase === "failed") {
    const isThere = LANES.some((lane) => bench.replay?.runs[lane].length > 0);
    return `${trouble} ${isThere ? "Below is a recorded run, as PyTorch trained it." : "No run of these networks is recorded."}`;
  }
  const said = bench.note || trouble;
  const usual = {
    idle: bench.bet === "" ? "Bet first, then train." : `Ready: seed ${bench.settings.seed}.`,
    loading: "Loading the runtime and the two networks, and drawing the pictures …",
    running: `Training: ${bench.place}.`,
    paused: "Paused.",
    finished: `Finished, with seed ${bench.settings.seed}. Another seed, another ending?`,
  }[phase];
  return [said || (phase === "idle" && link.text) || "", said ? "" : usual, bench.storage].filter(Boolean).join(" ");
}

// --------------------------------------------------------------------------------------------------------- the numbers

function createLaneCard(view, lane, network, bench) {
  const named = (name, options) => number(`${name}_${lane}`, options);
  const name = element("span", { class: "lab-name" });
  const title = element("p", { class: "lab-heading" });
  const reach = element("p", { class: "parts-note" });
  const big = named("test_accuracy", { label: "test accuracy", digits: 3, isMeasured: true });
  const bar = element("div", { class: "lab-progress" }, element("i"));
  const numbers = {
    step: named("step", { label: "step" }),
    epoch: named("epoch", { label: "epoch" }),
    loss: named("loss", { label: "loss", unit: "nats", digits: 3, isMeasured: true }),
    accuracy: named("accuracy", { label: "in training", digits: 3, isMeasured: true }),
    speed: named("speed", { label: "speed", unit: "pictures/s", digits: 0 }),
    left: named("left", { label: "left", unit: "s", digits: 0 }),
  };
  const small = element("div", { class: "lab-numbers" }, ...Object.values(numbers).map((one) => one.element));
  const card = element("div", { class: "lab-card", "data-lane": lane }, title, network.element, reach, big.element, bar, small);
  big.element.classList.add("lab-big");
  const draw = () => {
    const { state } = bench.lanes[lane];
    const look = lookOf(bench, lane);
    const { label } = bench.settings[lane];
    if (name.textContent !== label || card.style.getPropertyValue("--lane") !== look.colour) {
      card.style.setProperty("--lane", look.colour);
      setText(name, label);
      title.replaceChildren(element("span", { class: "lab-letter" }, lane.toUpperCase()), lineSample(look), name);
    }
    setText(reach, networkReach(bench.settings[lane]));
    const replayed = bench.replay?.runs[lane][0]?.slice(0, bench.replay.shown) ?? [];
    const tests = bench.replay ? replayed : state.tests;
    big.set(tests.length ? tests[tests.length - 1] : NaN);
    bar.style.setProperty("--share", state.steps ? state.step / state.steps : 0);
    numbers.step.set(state.step);
    numbers.epoch.set(state.stepsPerEpoch ? Math.min(Math.floor(state.step / state.stepsPerEpoch) + 1, bench.settings.epochs) : 0);
    numbers.loss.set(state.losses.length ? state.losses[state.losses.length - 1] : NaN);
    numbers.accuracy.set(state.accuracy ?? NaN);
    numbers.speed.set(state.picturesPerSecond ?? NaN);
    numbers.left.set(state.secondsLeft ?? NaN);
    Object.assign(card, { losses: state.losses, tests: state.tests }); // for tests and benchmarks
    card.dataset.phase = state.phase;
  };
  return { element: card, draw };
}

function createTrainingCharts(bench) {
  const loss = lineChart({ label: "training loss of both networks over the epochs", xLabel: "epochs", yLabel: "training loss, nats" });
  const accuracy = lineChart({
    label: "accuracy of both networks over the epochs: points on test pictures, thin lines in training",
    xLabel: "epochs",
    yLabel: "accuracy: points test, thin training",
  });
  const levelNames = [LEVEL, SOLVED_LEVEL].map((look) => element("span", {}, lineSample(look), look.name));
  const laneNames = Object.fromEntries(LANES.map((lane) => [lane, element("span")]));
  const legend = element("div", { class: "parts-legend" }, ...Object.values(laneNames), ...levelNames);
  const pair = element("div", { class: "parts-charts" }, accuracy.element, loss.element);
  const draw = () => {
    const { epochs } = bench.settings;
    for (const lane of LANES) {
      const [look, text] = [lookOf(bench, lane), `${lane.toUpperCase()}, ${bench.settings[lane].label}`];
      if (laneNames[lane].dataset.look === look.colour && laneNames[lane].textContent === text) continue;
      laneNames[lane].dataset.look = look.colour;
      laneNames[lane].replaceChildren(lineSample(look), text);
    }
    const x = [0, Math.max(epochs, bench.replay?.epochs ?? 0)];
    const curve = (lane, name) => {
      const { state } = bench.lanes[lane];
      const { colour, dash } = lookOf(bench, lane);
      return { colour, dash, ...thinOut(state[name], state.steps, state.stepsPerEpoch) };
    };
    loss.draw(LANES.map((lane) => curve(lane, "losses")), { x, y: [0, 2] });
    const tests = LANES.flatMap((lane) => {
      const replayed = bench.replay?.runs[lane].map((run) => run.slice(0, bench.replay.shown));
      const runs = replayed ?? [bench.lanes[lane].state.tests];
      return runs.map((run) => ({ ...lookOf(bench, lane), xs: run.map((_, epoch) => epoch + 1), ys: run }));
    });
    const thin = LANES.map((lane) => ({ ...curve(lane, "rights"), thin: true }));
    const levels = [LEVEL, SOLVED_LEVEL].map((look) => ({ ...look, xs: x, ys: [look.at, look.at] }));
    accuracy.draw([...levels, ...thin, ...tests], { x, y: [0.2, 1] });
  };
  return { element: element("div", {}, legend, pair), draw };
}

const LEVEL = { name: "9/16, the vote without the cue", at: BLIND_VOTE, colour: "var(--senet-quiet)", dash: "1 3", thin: true };
const SOLVED_LEVEL = { name: `${SOLVED}, solved`, at: SOLVED, colour: "var(--look-x-tilde)", dash: "8 3", thin: true };

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
