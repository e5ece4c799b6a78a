// A reader's ONNX file, seen from the page: its worker, what was found in it, and what it answers.
import { HOW_TO_SERVE } from "./book_files.js";
import { findBookFiles, folderObstacle, runtimePaths } from "./runtime_files.js";
import { xrayWorkerText } from "./xray_worker.js";

const MOST_FILE_BYTES = 1e9;
const MOST_ONNX_BYTES = 2 ** 31 - 1; // that protobuf reads
const SESSION_WORDS = {
  empty: "It has 0 bytes; choose another file.",
  large: ({ size }) => `It has ${size} GB, and a page can hold 1 GB; in Python it works: senet_lib.export.reveal_gates.`,
  huge: ({ size }) => `It has ${size} GB, and an ONNX file must stay below 2 GB; export it with its weights in a second file, for Python.`,
  worker: "This browser starts no worker to run networks in; take another one.",
  wasm: "This browser has no WebAssembly to run networks with; take another one.",
  dead: "It needs more memory than this browser gives; in Python it works: senet_lib.export.reveal_gates.",
  loading: ({ reason, help }) => `${reason}; ${help}.`,
};

/** Why this page can open no network, or null. */
export function xrayObstacle() {
  if (typeof WebAssembly !== "object") return SESSION_WORDS.wasm;
  if (typeof Worker !== "function") return SESSION_WORDS.worker;
  return folderObstacle();
}

/**
 * One file after another; of the jobs that wait only the newest is run.
 * @param moduleText of the whole figure; the worker takes what it needs.
 * @param folders { runtime, reader, networks }, from the book's root.
 * @param hear { progress(share), opened(network), failed(reason), answered(answer), refused(reason) }
 */
export function createXraySession({ moduleText, folders, hear }) {
  let [worker, id, isOpening, busy, waiting, asked] = [null, 0, false, false, null, null];
  const drop = () => {
    worker?.terminate();
    [worker, isOpening, busy, waiting] = [null, false, false, null];
  };
  const fail = (reason) => {
    isOpening = false;
    hear.failed(/cannot be loaded/.test(reason) ? SESSION_WORDS.loading({ reason, help: HOW_TO_SERVE }) : reason);
  };
  const next = () => {
    busy = waiting !== null;
    if (busy) worker.postMessage({ id, type: "run", job: waiting });
    waiting = null;
  };
  const take = ({ data }) => {
    if (data.id !== id) return; // of a file that another has followed
    if (data.type === "progress") hear.progress(data.share);
    else if (data.type === "opened") [isOpening] = [false, hear.opened(data.network)];
    else if (data.type === "failed") fail(data.reason);
    else {
      if (data.type === "answer") hear.answered(data);
      else hear.refused(data.reason);
      next();
    }
  };
  const start = () => {
    const address = URL.createObjectURL(new Blob([xrayWorkerText(moduleText)], { type: "text/javascript" }));
    worker = new Worker(address);
    worker.onmessage = (message) => {
      URL.revokeObjectURL(address);
      take(message);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      drop();
      hear.failed(SESSION_WORDS.dead);
    };
  };
  const send = async (mine, find) => {
    try {
      const { paths, scripts } = runtimePaths(folders.runtime);
      const as = folders.reader.replace(/([^/]+)$/, "as_script/$1.js");
      const files = await findBookFiles({ ...paths, reader: folders.reader }, [...scripts, as]);
      const file = await find();
      if (mine !== id) return;
      if (worker === null) start();
      worker.postMessage({ id, type: "open", files, file });
    } catch (error) {
      if (mine === id) fail(`${error.message.replace(/\.$/, "")}.`);
    }
  };
  const begin = (find) => {
    if (isOpening || busy) drop();
    id += 1;
    [isOpening, asked, waiting] = [true, null, null];
    send(id, find);
  };
  return {
    close() {
      id += 1; // what is being fetched starts nothing any more
      drop();
    },
    openFile(file) {
      if (file.size === 0) return hear.failed(SESSION_WORDS.empty);
      if (file.size > MOST_FILE_BYTES) {
        const words = file.size < MOST_ONNX_BYTES ? SESSION_WORDS.large : SESSION_WORDS.huge;
        return hear.failed(words({ size: (file.size / 1e9).toFixed(1) }));
      }
      return begin(async () => file);
    },
    openExample(name) {
      const path = folders.networks + name;
      begin(async () => (await findBookFiles({ network: path }, [path.replace(/\.onnx$/, ".js")])).network);
    },
    ask(job) {
      if (isOpening || worker === null || job.key === asked) return;
      [asked, waiting] = [job.key, job];
      if (!busy) next();
    },
  };
}
