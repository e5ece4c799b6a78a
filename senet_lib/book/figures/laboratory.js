// The laboratory: two networks train in the reader's page, each in a worker of its own, after a bet on how it ends.
import { Problem, button, choice, disable, element, figure, formatNumber, heatmap, isText, menu, need, number } from "./parts/kit.js";
import { picture, setText, slider, wantsStillness } from "./parts/kit.js";
import { distanceWorld } from "./parts/distance_world.js";
import { lineChart, lineSample } from "./parts/line_chart.js";
import { createContestant } from "./parts/training_contestant.js";
import { createKernelContestant } from "./parts/training_kernel.js";
import { BLOCKS, GAPS, KINDS, LANES, MOST_EPOCHS, MOST_SEED, PICTURES, PLACES, RATES, REDUCTIONS, SCHEDULES } from "./parts/training_settings.js";
import { jobOf, linkOf, networkLabel, networkName, networkOfName, networkReach, readNetwork, readSettings, traitsOfLink } from "./parts/training_settings.js";
import { eraseRuns, groupRuns, keepRun, readRuns, runsAsCsv } from "./parts/training_store.js";

const SOLVED = 0.97; // the test accuracy from which on the book calls the task solved
const BLIND_VOTE = 9 / 16;
const BOTH_WHOLE = 12; // rows of a cue and of a glyph
const POINTS = 150; // of a curve, at most
const BETWEEN_DRAWINGS = 250; // milliseconds
const REPLAY_SECONDS = 0.4; // for each epoch of a recorded run
const BETS = [["a", "A"], ["b", "B"], ["both", "both"], ["none", "none"]];
const LOOKS = {
  a: { dash: "6 4", marker: "square" },
  b: { dash: null, marker: "circle" },
};
const COLOURS_OF = {
  plain: ["var(--look-plain)", "var(--look-x)"],
  se: ["var(--look-s)", "var(--look-x-tilde)"],
};
const CUE_NAMES = ["red", "green", "blue"];
const BUSY = ["loading", "running", "paused"];

export default figure((view) => {
  const catalogue = view.data("catalogue");
  const recorded = readRecorded(view);
  const link = takeLink(view, catalogue);
  const bench = createBench(view, recorded, () => draw());
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

/** From a network's name to its recorded test accuracies: by distance, seed after seed, epoch after epoch. */
function readRecorded(view) {
  const recorded = view.data("recorded");
  const isRun = (run) => Array.isArray(run) && run.length > 0 && run.every((one) => one >= 0 && one <= 1);
  for (const [name, byGap] of Object.entries(recorded)) {
    for (const [gap, runs] of Object.entries(byGap)) {
      need(Array.isArray(runs) && runs.every(isRun), `recorded has no whole runs for ${name} at ${gap}; give accuracies from 0 to 1.`);
    }
  }
  return (name, gap) => recorded[name]?.[gap] ?? [];
}

function readBet(view) {
  const bet = view.get("bet");
  if (bet === "" || BETS.some(([name]) => name === bet)) return bet;
  throw new Problem(`bet is ${bet}; it must be one of a, b, both, none, or empty.`);
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

/** Two contestants and what is known of their run: { phase, settings, bet, lanes, train, pause, step, reset, … }. */
function createBench(view, recorded, changed) {
  const folders = { runtime: view.get("runtime"), contestants: view.get("folder") };
  need(isText(folders.runtime) && isText(folders.contestants), "runtime and folder must be texts: where the files are.");
  const bench = { lanes: {}, settings: null, bet: "", note: "", replay: null, score: { right: 0, all: 0 }, storage: "" };
  let [key, counted, timer] = [null, false, null];
  const phases = () => LANES.map((lane) => bench.lanes[lane].state.phase);
  bench.phase = () => {
    const found = phases();
    const isOver = found.every((phase) => ["finished", "diverged"].includes(phase));
    return isOver ? "finished" : ["failed", "loading", "running", "paused"].find((phase) => found.includes(phase)) ?? "idle";
  };
  bench.isBusy = () => BUSY.includes(bench.phase());
  const hear = () => {
    const phase = bench.phase();
    if (phase === "failed" && !bench.replay) fallBack();
    if (phase === "finished" && !counted) settle();
    changed();
  };
  const isInKernel = view.data("kernel");
  const device = view.get("device");
  bench.place = isInKernel ? `in this notebook's kernel, on ${device}` : "each network in a worker of its own, in this page";
  for (const lane of LANES) {
    bench.lanes[lane] = isInKernel
      ? createKernelContestant({ view, lane, changed: hear })
      : createContestant({ moduleText: view.get("_esm"), folders, changed: hear });
    view.onClose(bench.lanes[lane].close);
  }
  bench.hear = () => each((contestant) => contestant.hear());
  const settle = () => {
    counted = true;
    bench.storage = "";
    const { settings } = bench;
    for (const lane of LANES) {
      const { phase, tests } = bench.lanes[lane].state;
      if (phase === "finished") bench.storage = keepRun(runOf(settings, lane, tests)) || bench.storage;
    }
    count();
  };
  const count = () => {
    bench.score.all += 1;
    if (outcomeOf(bench) === bench.bet) bench.score.right += 1;
  };
  // A page that cannot train shows what PyTorch has recorded, epoch after epoch.
  const fallBack = () => {
    const runs = Object.fromEntries(LANES.map((lane) => [lane, recorded(bench.settings[lane].name, bench.settings.gap)]));
    const epochs = Math.max(0, ...LANES.map((lane) => runs[lane][0]?.length ?? 0));
    bench.replay = { runs, epochs, shown: wantsStillness() ? epochs : 0 };
    for (const lane of LANES) bench.lanes[lane].pause();
    const next = () => {
      if (bench.replay.shown >= epochs) {
        clearInterval(timer);
        if (bench.bet !== "" && !counted && outcomeOf(bench) !== null) [counted] = [true, count()];
      } else bench.replay.shown += 1;
      changed();
    };
    clearInterval(timer);
    timer = setInterval(next, 1000 * REPLAY_SECONDS);
  };
  const each = (action) => LANES.forEach((lane) => action(bench.lanes[lane], lane));
  const begin = () => {
    bench.note = "";
    if (bench.phase() === "idle") each((contestant, lane) => contestant.start(jobOf(bench.settings, lane)));
  };
  bench.train = () => (begin(), each((contestant) => contestant.train()));
  bench.step = () => (begin(), each((contestant) => contestant.step()));
  bench.pause = () => each((contestant) => contestant.pause());
  bench.reset = () => {
    clearInterval(timer);
    Object.assign(bench, { replay: null, note: "" });
    counted = false;
    each((contestant) => contestant.reset());
  };
  // Another run is asked for: what belongs to the last one goes, and its bet, unless only the seed is another.
  bench.follow = (settings, bet) => {
    const { seed, ...rest } = settings;
    const now = JSON.stringify(rest);
    const isOther = bench.settings !== null && (now !== key || seed !== bench.settings.seed);
    const isOtherGame = bench.settings !== null && now !== key;
    [key, bench.settings, bench.bet] = [now, settings, isOtherGame ? "" : bet];
    if (isOtherGame && bet !== "") view.set("bet", "");
    if (isOther) bench.reset();
  };
  const whenHidden = () => {
    if (!document.hidden || !["loading", "running"].includes(bench.phase())) return;
    bench.note = "Paused, because the page was hidden. Press Train to go on.";
    bench.pause();
    changed();
  };
  document.addEventListener("visibilitychange", whenHidden);
  view.onClose(() => {
    document.removeEventListener("visibilitychange", whenHidden);
    clearInterval(timer);
  });
  return bench;
}

const runOf = ({ gap, seed, epochs, pictures, learningRate, schedule, ...networks }, lane, accuracies) => ({
  ...{ network: networks[lane].name, gap, seed, epochs, pictures, rate: learningRate, schedule },
  accuracies: [...accuracies],
});

/** The last test accuracy of a lane, trained or recorded; null if there is none yet. */
function finalOf(bench, lane) {
  const { tests } = bench.lanes[lane].state;
  const found = bench.replay ? bench.replay.runs[lane].map((run) => run[run.length - 1]) : tests.slice(-1);
  return found[0] ?? null;
}

/** Which bet was right: a, b, both or none; null if it is not known. A network that diverged has solved nothing. */
function outcomeOf(bench) {
  if (bench.replay && LANES.some((lane) => finalOf(bench, lane) === null)) return null;
  const [a, b] = LANES.map((lane) => (finalOf(bench, lane) ?? 0) >= SOLVED);
  return a && b ? "both" : a ? "a" : b ? "b" : "none";
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
  const question = element("p", { class: "lab-question" }, `Your bet: which one will solve it? (test accuracy ${SOLVED} or more)`);
  const choose = (bet) => () => {
    if (bench.phase() !== "idle") return;
    bench.note = "";
    view.set("bet", bet);
  };
  const buttons = BETS.map(([bet, label]) => {
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
    const verb = (final ?? 0) >= SOLVED ? "solved it" : "did not";
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
const SOLVED_LEVEL = { name: `${SOLVED}, solved`, at: SOLVED, colour: "var(--quantity-x-tilde)", dash: "8 3", thin: true };

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

/** The gates of each SE network: a row for each colour of the cue, a column for each channel. */
function createGatePanels(bench) {
  const panels = Object.fromEntries(LANES.map((lane) => [lane, element("div", { class: "lab-gates", "data-gates": lane })]));
  const maps = new Map(); // lane/block/channels -> its map
  const mapOf = (lane, block, channels) => {
    const key = `${lane}/${block}/${channels}`;
    if (!maps.has(key)) {
      const label = `gates of ${lane.toUpperCase()} in ${block}: rows red, green and blue cue, ${channels} channels`;
      const map = heatmap({ rows: 3, columns: channels, quantity: "s", label });
      const spread = number(`gate_range_${lane}_${block}`, { label: `${block}, range over the cues:`, digits: 2, isMeasured: true });
      const names = element("div", { class: "lab-cues", "aria-hidden": "true" }, ...CUE_NAMES.map((cue) => element("span", { class: `lab-${cue}` }, cue)));
      maps.set(key, { map, spread, element: element("div", { class: "lab-block" }, spread.element, names, map.element) });
    }
    return maps.get(key);
  };
  const draw = () => {
    for (const lane of LANES) {
      const { kind, blocks } = bench.settings[lane];
      const { gates } = bench.lanes[lane].state;
      panels[lane].hidden = kind !== "se";
      const shown = Object.entries(gates ?? emptyGatesOf(blocks)).map(([block, rows]) => {
        const one = mapOf(lane, block, rows[0].length);
        one.map.draw(rows.flatMap((row) => Array.from(row)), 1);
        one.spread.set(gates ? rangeOfGates(rows) : NaN);
        return one.element;
      });
      const heading = element("p", { class: "senet-heading" }, `The gates of ${lane.toUpperCase()}, by the cue's colour`);
      const there = [...panels[lane].children].slice(1);
      if (there.length !== shown.length || there.some((one, index) => one !== shown[index])) {
        panels[lane].replaceChildren(heading, ...shown);
      }
    }
  };
  return { element: element("div", { class: "lab-pair" }, ...LANES.map((lane) => panels[lane])), draw };
}

const STAGE_CHANNELS = [16, 32];

// Before the first step: the blocks of a small network, two stages of equal depth, without a colour.
function emptyGatesOf(blocks) {
  const names = STAGE_CHANNELS.flatMap((channels, stage) =>
    Array.from({ length: blocks / 2 }, (_, index) => [`layer${stage + 1}.${index}`, Array.from({ length: 3 }, () => Array(channels).fill(0))]),
  );
  return Object.fromEntries(names);
}

// How far a gate's mean moves with the cue's colour, the mean of all channels.
function rangeOfGates(rows) {
  const channels = Array.from(rows[0], (_, c) => rows.map((row) => row[c]));
  return channels.reduce((sum, three) => sum + Math.max(...three) - Math.min(...three), 0) / channels.length;
}

// ---------------------------------------------------------------------------------------------------- the finished runs

function createRunTable(bench) {
  const body = element("tbody");
  const head = element("tr", {}, ...["network", "distance", "training", "test accuracy, seed by seed"].map((name) => element("th", { scope: "col" }, name)));
  const grid = element("table", { class: "lab-table" }, element("thead", {}, head), body);
  const empty = element("p", { class: "parts-note" }, "Runs that end are listed here, and kept in this browser until you erase them.");
  const save = button("Save as CSV", () => offerFile("senet-laboratory.csv", runsAsCsv(readRuns()))).element;
  const erase = button("Erase", () => {
    eraseRuns();
    bench.storage = "";
    draw();
  }).element;
  const tools = element("div", { class: "lab-buttons" }, save, erase);
  const scroll = element("div", { class: "lab-scroll" }, grid);
  const box = element("div", { class: "lab-runs" }, element("p", { class: "senet-heading" }, "Finished runs"), empty, scroll, tools);
  let shown = null;
  const draw = () => {
    if (bench.phase() === "running" && shown !== null) return; // only an end changes it
    const groups = groupRuns(readRuns());
    const text = JSON.stringify(groups);
    empty.hidden = groups.length > 0;
    scroll.hidden = tools.hidden = groups.length === 0;
    if (text === shown) return;
    shown = text;
    body.replaceChildren(...groups.map(rowOfGroup));
  };
  return { element: box, draw };
}

function rowOfGroup({ network, gap, epochs, pictures, rate, schedule, seeds, finals }) {
  const known = networkOfName(network);
  const training = `${epochs} ${epochs === 1 ? "epoch" : "epochs"} of ${formatNumber(pictures)}, rate ${rate}${schedule === "constant" ? ", constant" : ""}`;
  const cells = [`gap ${gap}`, training].map((text) => element("td", {}, text));
  const values = finals.map((final, index) => element("span", { title: `seed ${seeds[index]}` }, final.toFixed(2), index < finals.length - 1 ? ", " : ""));
  return element("tr", {}, element("th", { scope: "row" }, known ? networkLabel(known) : network), ...cells, element("td", {}, ...values));
}

function offerFile(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const anchor = element("a", { href: address, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
