// What trains one contestant, in a Web Worker of its own: the network's step is an ONNX graph, see training_files.js.
// The worker gets the text of the figure's whole module, so that it needs no address to load it from.
import { distanceWorld } from "./distance_world.js";
import { openBookGraph, openBookRuntime, readBookFile } from "./runtime_files.js";
import { initialise } from "./torch_random.js";
import { channelStatistics, epochOrder, oneCycle } from "./training_data.js";

const TRAIN_BATCH = 32;
const TEST_BATCH = 100;
const PIXELS = 3 * 32 * 32;
const CUE_COLOURS = 3;
const LAST_BETA = 0.9; // AdamW's first, where the learning rate is constant
const SEEDS = { train: 0, test: 1 }; // of the scenes: those of senet_lib.data
const BETWEEN_REPORTS = 100; // milliseconds
const GPU_FAILED = ({ said }) => `Training on the processor: the graphics processor cannot (${said}).`;
const TRIAL_STEPS = 10; // after which WebGPU may try the same steps

/** The text of a classic worker, from that of a figure's module. A module worker from a blob fails from a folder. */
export const trainingWorkerText = (moduleText) =>
  `(() => {\n"use strict";\n${moduleText.replace(/\bexport default /, "const senetFigure = ")}\nserveTraining(self);\n})();`;

/**
 * Answer the messages of training_contestant.js. The page sends { id, type, … }: "start" with a job, then "train", "step",
 * "pause". It gets { id, type, … }: "ready", "progress", "paused", "finished", "diverged", "failed". What belongs to
 * another id than the newest is out of date on both sides.
 */
export function serveTraining(scope) {
  let run = null;
  let isWorking = false;
  const runtimes = new Map();
  const tell = (message) => scope.postMessage({ id: run.id, ...message });

  const work = async () => {
    if (isWorking) return;
    isWorking = true;
    while (run?.isReady && !run.isPaused && !run.isOver) {
      const current = run;
      const live = () => run === current && tell(report(current));
      try {
        if (current.webgpu && current.step >= TRIAL_STEPS && current.tested === null) await chooseByTrial(current, live);
        await advance(current);
      } catch (error) {
        current.isOver = true;
        if (run === current) tell({ type: "failed", reason: `Step ${current.step + 1} cannot be computed: ${shortly(error)}.` });
        break;
      }
      if (run !== current) continue;
      const isDone = current.isOver || current.isPaused;
      if (isDone || performance.now() - current.toldAt >= BETWEEN_REPORTS) tell(report(current));
      await breathe();
    }
    isWorking = false;
    if (run?.isReady && run.isPaused && !run.isOver) tell({ type: "paused" });
  };
  const start = async (message) => {
    const fresh = { id: message.id, isReady: false, isPaused: true, isOver: false, stepsWanted: 0 };
    run = fresh;
    try {
      const prepared = await prepare(message.job, runtimes);
      if (run !== fresh) return;
      Object.assign(fresh, prepared, { isReady: true });
      tell({ type: "ready", steps: fresh.steps, stepsPerEpoch: fresh.stepsPerEpoch });
      findWebgpu(fresh, runtimes);
    } catch (error) {
      if (run === fresh) tell({ type: "failed", reason: shortly(error) });
    }
  };
  scope.onmessage = ({ data }) => {
    if (data.type === "start") return start(data);
    if (data.id !== run?.id) return undefined;
    run.isPaused = data.type === "pause";
    run.stepsWanted = data.type === "step" ? 1 : Infinity;
    return run.isPaused && isWorking ? undefined : work();
  };
}

const shortly = (error) => String(error?.message ?? error).split("\n")[0].replace(/\.$/, "");

// Let the messages in that came meanwhile. A timer would wait 4 ms.
function breathe() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

// ---------------------------------------------------------------------------------------------------------- the start

/** A job is { files, webgpu, name, gap, seed, epochs, pictures, testPictures, learningRate, schedule }. */
async function prepare(job, runtimes) {
  const ort = await once(runtimes, "runtime", () => openBookRuntime(job.files));
  const about = JSON.parse(new TextDecoder().decode(await readBookFile(job.files.about)));
  const [train, test] = await Promise.all(
    ["train", "test"].map((part) => once(runtimes, `${job.name}/${part}`, () => openBookGraph(ort, job.files[part]))),
  );
  const scenes = {
    train: distanceWorld(job.pictures, SEEDS.train, job.gap),
    test: distanceWorld(job.testPictures, SEEDS.test, job.gap),
  };
  const { mean, std } = channelStatistics(scenes.train.pictures);
  const stepsPerEpoch = Math.floor(job.pictures / TRAIN_BATCH);
  const tensor = (values, dims) => new ort.Tensor("float32", Float32Array.from(values), dims);
  const start = {
    weights: tensor(initialise(about.draws, about.weights, job.seed), [about.weights]),
    moments: tensor(new Float32Array(2 * about.weights), [2 * about.weights]),
    statistics: tensor(initialise(about.start_statistics, about.statistics, job.seed), [about.statistics]),
  };
  return {
    ...{ ort, about, sessions: { train, test }, scenes, job, stepsPerEpoch, steps: stepsPerEpoch * job.epochs },
    ...{ start, state: start, trial: { losses: [], milliseconds: [] }, webgpu: null, choice: {} },
    mean: tensor(mean, [CUE_COLOURS]),
    std: tensor(std, [CUE_COLOURS]),
    ...{ step: 0, order: null, tested: null, right: 0, seen: 0, milliseconds: 0, timed: 0, toldAt: -Infinity },
    news: emptyNews(),
  };
}

function once(kept, key, make) {
  if (!kept.has(key)) {
    kept.set(key, make());
    kept.get(key).catch(() => kept.delete(key)); // the next time it may be there
  }
  return kept.get(key);
}

// ---------------------------------------------------------------------------------------------------------- the steps

const emptyNews = () => ({ losses: [], rights: [], tests: [], gates: null });

// One batch: of the training, or of the test that follows each epoch.
async function advance(run) {
  const start = performance.now();
  if (run.tested !== null) return testBatch(run);
  if (run.step % run.stepsPerEpoch === 0) {
    run.order = epochOrder(run.job.seed, run.step / run.stepsPerEpoch, run.job.pictures);
    run.right = run.seen = 0;
  }
  await trainBatch(run);
  run.milliseconds += performance.now() - start;
  run.timed += 1;
  if (!run.isOver && run.step % run.stepsPerEpoch === 0) run.tested = { right: 0, seen: 0 };
  run.stepsWanted -= 1;
  if (run.stepsWanted <= 0 && run.tested === null) run.isPaused = true;
  return undefined;
}

async function trainBatch(run) {
  const begun = performance.now();
  const byWasm = () => stepWith(run, run.sessions.train, run.state, run.step);
  const byWebgpu = () => stepWith(run, run.choice.session, run.state, run.step);
  const giveWay = () => {
    run.choice = { text: run.choice.lost };
    return byWasm();
  };
  const found = await (run.choice.session ? byWebgpu().catch(giveWay) : byWasm());
  const loss = found.loss.data[0];
  if (run.step < TRIAL_STEPS) {
    run.trial.losses.push(loss);
    run.trial.milliseconds.push(performance.now() - begun);
  }
  const chosen = picturesOf(run, run.step);
  run.step += 1;
  run.news.losses.push(loss);
  if (!Number.isFinite(loss)) {
    run.isOver = true;
    return;
  }
  run.state = { weights: found.new_weights, moments: found.new_moments, statistics: found.new_statistics };
  const right = found.correct.data[0];
  run.news.rights.push(right / TRAIN_BATCH);
  run.right += right;
  run.seen += TRAIN_BATCH;
  gatherGates(run, found, chosen);
}

function picturesOf(run, step) {
  const at = (step % run.stepsPerEpoch) * TRAIN_BATCH;
  return run.order.subarray(at, at + TRAIN_BATCH);
}

function stepWith(run, session, state, step) {
  const { ort, job, scenes, mean, std } = run;
  const isConstant = job.schedule === "constant";
  const rate = isConstant ? { learningRate: job.learningRate, momentum: LAST_BETA } : oneCycle(step, run.steps, job.learningRate);
  const scalar = (value) => new ort.Tensor("float32", Float32Array.of(value), []);
  return session.run({
    ...{ ...state, mean, std, ...batchOf(ort, scenes.train, picturesOf(run, step)) },
    ...{ learning_rate: scalar(rate.learningRate), momentum: scalar(rate.momentum), step: scalar(step + 1) },
  });
}

// ------------------------------------------------------------------------------------------------------------- WebGPU

// While the first steps are made by WebAssembly, the rest is loaded, where there is a real graphics processor.
async function findWebgpu(run, runtimes) {
  const { files, name, webgpu } = run.job;
  if (!webgpu || !("Suspending" in WebAssembly)) return;
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (!adapter || (adapter.info.isFallbackAdapter && !webgpu.software)) return;
  try {
    const module = await once(runtimes, "webgpu", () => import(webgpu.address));
    const session = await once(runtimes, `${name}/webgpu`, () => module.openWebgpuSession(files.train.address));
    run.webgpu = { module, session };
  } catch (error) {
    run.choice = { text: GPU_FAILED({ said: shortly(error) }) };
  }
}

// The first steps again, by WebGPU: it goes on if its losses are the same, and it is faster. A worker that says nothing
// for long is taken for dead, so it says after each step that it lives.
async function chooseByTrial(run, live) {
  const { module, session } = run.webgpu;
  const again = { ...run, order: epochOrder(run.job.seed, 0, run.job.pictures) };
  run.webgpu = null;
  try {
    run.choice = await module.tryWebgpu(session, run, (...step) => stepWith(again, ...step).finally(live));
  } catch (error) {
    run.choice = { text: GPU_FAILED({ said: shortly(error) }) };
  }
}

function batchOf(ort, { pictures, labels }, chosen) {
  const count = chosen.length;
  const planes = new Float32Array(count * PIXELS);
  const answers = new Int32Array(count);
  for (let i = 0; i < count; i += 1) {
    const from = chosen[i] * PIXELS;
    for (let j = 0; j < PIXELS; j += 1) planes[i * PIXELS + j] = pictures[from + j] / 255;
    answers[i] = labels[chosen[i]];
  }
  return {
    pictures: new ort.Tensor("float32", planes, [count, 3, 32, 32]),
    labels: new ort.Tensor("int32", answers, [count]),
  };
}

async function testBatch(run) {
  const { tested, scenes, job } = run;
  const chosen = Uint32Array.from({ length: TEST_BATCH }, (_, i) => tested.seen + i);
  const { mean, std, state: { weights, statistics } } = run;
  const found = await run.sessions.test.run({ weights, statistics, mean, std, ...batchOf(run.ort, scenes.test, chosen) });
  tested.right += found.correct.data[0];
  tested.seen += TEST_BATCH;
  if (tested.seen < job.testPictures) return;
  run.news.tests.push(tested.right / tested.seen);
  run.tested = null;
  run.isOver = run.step === run.steps;
  if (run.stepsWanted <= 0) run.isPaused = true;
}

// Sums of each gate over the pictures since the last report, by the cue's colour.
function gatherGates(run, found, chosen) {
  const blocks = Object.keys(run.about.blocks ?? {});
  if (blocks.length === 0) return;
  run.news.gates ??= { counts: [0, 0, 0], sums: Object.fromEntries(blocks.map((b) => [b, emptyGates(run.about.blocks[b])])) };
  const { counts, sums } = run.news.gates;
  chosen.forEach((index, place) => {
    const cue = run.scenes.train.cueColours[index];
    counts[cue] += 1;
    for (const block of blocks) {
      const row = sums[block][cue];
      const gates = found[`gates/${block}`].data;
      for (let c = 0; c < row.length; c += 1) row[c] += gates[place * row.length + c];
    }
  });
}

const emptyGates = (channels) => Array.from({ length: CUE_COLOURS }, () => new Float32Array(channels));

function meanGates({ counts, sums }) {
  const means = (rows) => rows.map((row, cue) => row.map((sum) => sum / counts[cue]));
  return Object.fromEntries(Object.entries(sums).map(([block, rows]) => [block, means(rows)]));
}

/** What the page is told: the losses of all steps since the last time, and the tests of all epochs that have ended. */
function report(run) {
  const { losses, rights, tests, gates } = run.news;
  const isNumber = losses.every(Number.isFinite);
  const perStep = run.milliseconds / Math.max(1, run.timed);
  run.news = emptyNews();
  run.toldAt = performance.now();
  return {
    type: run.isOver ? (isNumber ? "finished" : "diverged") : "progress",
    ...{ step: run.step, losses: losses.filter(Number.isFinite), rights, tests },
    accuracy: run.seen ? run.right / run.seen : null,
    picturesPerSecond: (1000 * TRAIN_BATCH) / perStep,
    secondsLeft: ((run.steps - run.step) * perStep) / 1000,
    gates: gates && gates.counts.every((count) => count > 0) ? meanGates(gates) : null,
    choice: { text: run.choice.text },
  };
}
