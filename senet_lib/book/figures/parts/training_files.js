// Where the files of a training are: fetched from the book's server, or, in a page from a folder, in classic scripts.
import { HOW_TO_SERVE, RUNTIME, fromBookRoot } from "./book_files.js";
import { Problem } from "./kit.js";

const WASM = "ort-wasm-simd-threaded.wasm";
const AS_SCRIPT = "as_script/"; // what tools/as_scripts.py makes: the same files, gzip'd, as base64 in a script

/** Why this page can train no network, or null. */
export function trainingObstacle() {
  if (typeof WebAssembly !== "object") return "This browser has no WebAssembly to train networks with; take another one.";
  if (typeof Worker !== "function") return "This browser starts no worker to train networks in; take another one.";
  if (location.protocol === "file:" && /AppleWebKit(?!.*(Chrome|Chromium))/.test(navigator.userAgent)) {
    return `Opened from a folder, a page may train nothing in this browser; ${HOW_TO_SERVE}, or take Firefox, Chrome or Edge.`;
  }
  return null;
}

/** What a training needs, as training_worker.js reads it. folders: { runtime, contestants }, from the book's root. */
export async function findTrainingFiles(name, folders) {
  const files = {
    runtime: folders.runtime + RUNTIME,
    wasm: folders.runtime + WASM,
    train: `${folders.contestants}${name}.train.onnx`,
    test: `${folders.contestants}${name}.test.onnx`,
    about: `${folders.contestants}${name}.json`,
  };
  const isFolder = location.protocol === "file:";
  if (isFolder) {
    const runtime = `${folders.runtime}${AS_SCRIPT}`;
    const scripts = [`${runtime}${RUNTIME}.js`, `${runtime}${WASM}.js`, `${folders.contestants}${name}.js`];
    await Promise.all(scripts.map(loadClassicScript));
  }
  const locate = (path) => (isFolder ? { name: path, packed: packedBytes(path) } : { name: path, address: fromBookRoot(path) });
  return Object.fromEntries(Object.entries(files).map(([part, path]) => [part, locate(path)]));
}

function packedBytes(path) {
  const packed = globalThis.senetFiles?.[path.split("/").pop()];
  if (!packed) throw new Problem(`${path} is not in the script that should hold it; unpack the whole archive again.`);
  return packed;
}

const loadedScripts = new Map(); // path -> promise

function loadClassicScript(path) {
  if (!loadedScripts.has(path)) {
    const loading = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = fromBookRoot(path);
      script.onload = resolve;
      script.onerror = () => {
        script.remove();
        loadedScripts.delete(path);
        reject(new Problem(`${path} is not beside this page; unpack the whole archive of the book, or ${HOW_TO_SERVE}.`));
      };
      document.head.append(script);
    });
    loadedScripts.set(path, loading);
  }
  return loadedScripts.get(path);
}
