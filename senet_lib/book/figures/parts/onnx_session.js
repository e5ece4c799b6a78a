// Runs trained networks: in the page with ONNX Runtime Web, served with the book; or in the notebook's kernel.
import { HOW_TO_SERVE } from "./book_files.js";
import { Problem } from "./kit.js";
import { findBookFiles, folderObstacle, openBookGraph, openBookRuntime, runtimePaths } from "./runtime_files.js";

const KERNEL_PATIENCE = 20_000; // milliseconds: the first answer reads a network from its file

/** Why this page can run no network, or null. The examples work everywhere. */
export function obstacle() {
  if (typeof WebAssembly !== "object") return "This browser has no WebAssembly to run networks with; the examples work.";
  return folderObstacle();
}

// What goes wrong is said with what helps.
const orElse = (help) => (error) => {
  throw new Problem(`${error.message.replace(/\.$/, "")}; ${help}.`);
};
const IN_NOTEBOOK = "in a notebook use senet_lib.book.figures.live.live_network";

async function openRuntime(folder, attempt) {
  const { paths, scripts } = runtimePaths(folder);
  return openBookRuntime(await findBookFiles(paths, scripts), attempt);
}

// In a folder a network's script has its name: tools/as_scripts.py.
async function openSession(ort, path) {
  const { network } = await findBookFiles({ network: path }, [path.replace(/\.onnx$/, ".js")]);
  return openBookGraph(ort, network);
}

// A file of senet_lib/export/onnx_writer.py. overrides: from a block to its C gates, null for the network's own.
async function runSession(ort, session, { picture, shape, overrides, channels }) {
  const feeds = { picture: new ort.Tensor("float32", Float32Array.from(picture, (byte) => byte / 255), [1, ...shape]) };
  for (const [block, count] of Object.entries(channels)) {
    const given = overrides[block] ?? Array(count).fill(null);
    feeds[`override/${block}`] = new ort.Tensor("float32", Float32Array.from(given, (gate) => gate ?? NaN), [1, count]);
  }
  const outputs = await session.run(feeds);
  const gates = Object.keys(channels).map((block) => [block, Array.from(outputs[`gates/${block}`].data)]);
  return { logits: Array.from(outputs.logits.data), gates: Object.fromEntries(gates) };
}

/**
 * One network after another, one picture at a time; of those that wait only the newest is run.
 * A job is { key, network, file, picture: bytes, shape, overrides, channels }; the same key means the same answer.
 * With before, a job that is the same but for its overrides, the answer has the logits of that one too, as its before.
 * The traits kernel, state, message, request and answer are those of network_state.py.
 */
export function createRunner(view) {
  const sessions = new Map(); // file -> promise
  let [runtime, attempts] = [null, 0];
  let [asked, waiting, busy, closed] = [null, null, false, false];
  let [latest, awaited] = [null, null];
  let first = null; // the newest answer to a job's before
  view.onClose(() => (closed = true));

  const runtimeOf = () => {
    if (runtime === null) {
      runtime = openRuntime(view.get("runtime"), ++attempts).catch(orElse(`${HOW_TO_SERVE}; ${IN_NOTEBOOK}`));
      runtime.catch(() => (runtime = null)); // the next time it may be there
    }
    return runtime;
  };
  const sessionOf = (file) => {
    if (!file) return Promise.reject(new Problem("This network is in a notebook's kernel, not in the page. Its examples work."));
    if (!sessions.has(file)) {
      const opening = runtimeOf().then((ort) => openSession(ort, view.get("folder") + file).catch(orElse(HOW_TO_SERVE)));
      opening.catch(() => sessions.delete(file));
      sessions.set(file, opening);
    }
    return sessions.get(file);
  };
  const fail = (error) => {
    if (!(error instanceof Problem)) console.error(error);
    if (closed) return;
    view.set("message", error.message);
    view.set("state", "failed");
  };
  const inPage = async (job) => {
    const session = await sessionOf(job.file);
    const start = performance.now();
    const found = await runSession(await runtimeOf(), session, job);
    return { key: job.key, ...found, milliseconds: performance.now() - start };
  };
  const inKernel = (job) =>
    new Promise((resolve) => {
      const start = performance.now();
      const refuse = () => resolve({ key: job.key, error: "The kernel does not answer; run the cell again." });
      const timer = setTimeout(refuse, KERNEL_PATIENCE);
      awaited = (answer) => {
        if (answer.key !== job.key) return;
        clearTimeout(timer);
        resolve({ ...answer, milliseconds: performance.now() - start });
      };
      const { key, network, overrides } = job;
      view.set("request", { key, network, overrides, picture: Array.from(job.picture) });
    });
  const run = (job) => (view.get("kernel") ? inKernel(job) : inPage(job));
  const answerTo = async ({ before, ...job }) => {
    if (!before) return run(job);
    const known = [first, latest].find((answer) => answer?.key === before.key);
    const own = known ?? (await run(before));
    first = own.error ? null : own;
    return own.error ? { key: job.key, error: own.error } : { ...(await run(job)), before: own.logits };
  };
  const work = async () => {
    busy = true;
    while (waiting && !closed) {
      const job = waiting;
      waiting = null;
      try {
        const answer = await answerTo(job);
        if (closed) return;
        latest = answer.error ? null : { ...answer, network: job.network };
        view.set("message", answer.error ?? "");
        view.set("answer", answer);
      } catch (error) {
        asked = null;
        fail(error);
        break;
      }
    }
    busy = false;
  };

  return {
    isLive: () => view.get("kernel") || view.get("state") === "ready",
    /** Load the runtime and the network of a job. */
    async load({ file }) {
      view.set("state", "loading");
      view.set("message", "");
      try {
        await sessionOf(file);
        if (!closed) view.set("state", "ready");
      } catch (error) {
        fail(error);
      }
    },
    ask(job) {
      awaited?.(view.get("answer"));
      if (job.key === asked) return;
      [asked, waiting] = [job.key, job];
      if (!busy) work();
    },
    /** The newest answer of a network, or null. */
    latest: (network) => (latest?.network === network ? latest : null),
  };
}
