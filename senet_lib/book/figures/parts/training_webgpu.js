// Training by WebGPU. No page carries this module: training_worker.js imports it from beside ONNX Runtime Web, where a
// graphics processor was found and a training has begun.

const WORDS = {
  faster: ({ wasm, webgpu }) => `Training on the graphics processor: ${webgpu} ms a step, against ${wasm} ms on the other.`,
  slower: ({ wasm, webgpu }) => `Training on the processor: ${wasm} ms a step, against ${webgpu} ms on the graphics processor.`,
  differs: () => "Training on the processor: the graphics processor gave other losses.",
  lost: "Training on the processor: the graphics processor was lost.",
};
const TRIAL_STEPS = 10; // of each provider, from the same start
const WARM_UP = 4; // of them: the first ones compile the programs of the graphics processor
const TOLERANCE = 1e-3; // between two losses, in nats

/** A session { run(feeds) } that runs the graph at this address by WebGPU, and fails once its device is lost. */
export async function openWebgpuSession(graph) {
  const ort = await import(new URL("ort.jspi.bundle.min.mjs", import.meta.url).href);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(graph, { executionProviders: ["webgpu"], logSeverityLevel: 3 });
  const device = await ort.env.webgpu.device;
  // ONNX Runtime itself waits for ever for what a lost device was to compute.
  const lost = device.lost.then(({ message }) => Promise.reject(new Error(message || "it was lost")));
  lost.catch(() => {});
  return { run: (feeds) => Promise.race([session.run(feeds), lost]) };
}

/**
 * Which of two trials of the same steps is to go on: { provider, why, wasm, webgpu }, with milliseconds of a step.
 * A trial is { losses, milliseconds }, each step by step. WebGPU must be right, and faster.
 */
export function chooseProvider(wasm, webgpu) {
  const times = { wasm: medianOf(wasm.milliseconds.slice(WARM_UP)), webgpu: medianOf(webgpu.milliseconds.slice(WARM_UP)) };
  const isRight = webgpu.losses.every((loss, i) => Math.abs(loss - wasm.losses[i]) <= TOLERANCE);
  if (!isRight) return { provider: "wasm", why: "differs", ...times };
  return times.webgpu < times.wasm ? { provider: "webgpu", why: "faster", ...times } : { provider: "wasm", why: "slower", ...times };
}

/** What a run is to go on with: { session, text, lost }; no session if WebAssembly is better. */
export async function tryWebgpu(session, { trial, start, job }, step) {
  const { provider, why, wasm, webgpu } = chooseProvider(trial, await repeatFirstSteps(session, start, step));
  const isTaken = provider === "webgpu" || (job.webgpu.always && why === "slower");
  const text = WORDS[why]({ wasm: wasm.toFixed(0), webgpu: webgpu.toFixed(0) });
  return { session: isTaken ? session : null, text, lost: WORDS.lost };
}

const medianOf = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** The first steps once more, by this session. step(session, state, number) gives what a step gives. */
async function repeatFirstSteps(session, start, step) {
  const trial = { losses: [], milliseconds: [] };
  let state = start;
  for (let number = 0; number < TRIAL_STEPS; number += 1) {
    const begun = performance.now();
    const found = await step(session, state, number);
    trial.losses.push(found.loss.data[0]);
    trial.milliseconds.push(performance.now() - begun);
    state = { weights: found.new_weights, moments: found.new_moments, statistics: found.new_statistics };
  }
  return trial;
}
