// ONNX Runtime Web, and the graphs that it runs: fetched from the book's server or, where a page is opened from a folder and
// may fetch nothing, out of the classic scripts of tools/as_scripts.py. The worker of a training has this text, too.
import { HOW_TO_SERVE, RUNTIME, fromBookRoot } from "./book_files.js";

const WASM = "ort-wasm-simd-threaded.wasm";
const AS_SCRIPT = "as_script/"; // the same files, as gzip makes them, as base64 in a script

const isFromFolder = () => location.protocol === "file:";

/** Why a page from a folder can run nothing in this browser, or null. WebKit imports no module from a blob there. */
export function folderObstacle() {
  if (!isFromFolder() || !/AppleWebKit(?!.*(Chrome|Chromium))/.test(navigator.userAgent)) return null;
  return `Opened from a folder, a page may run no network in this browser; ${HOW_TO_SERVE}, or take Firefox, Chrome or Edge.`;
}

/** What readBookFile reads, for each of these paths from the book's root; in a folder these scripts hold them. */
export async function findBookFiles(paths, scripts) {
  if (isFromFolder()) await Promise.all(scripts.map(loadClassicScript));
  const locate = (path) => (isFromFolder() ? { name: path, packed: packedBytes(path) } : { name: path, address: fromBookRoot(path) });
  return Object.fromEntries(Object.entries(paths).map(([part, path]) => [part, locate(path)]));
}

/** The two files of the runtime, and the scripts that hold them. */
export const runtimePaths = (folder) => ({
  paths: { runtime: folder + RUNTIME, wasm: folder + WASM },
  scripts: [RUNTIME, WASM].map((name) => `${folder}${AS_SCRIPT}${name}.js`),
});

function packedBytes(path) {
  const packed = globalThis.senetFiles?.[path.split("/").pop()];
  if (!packed) throw new Error(`${path} is not in the script that should hold it; unpack the whole archive again.`);
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
        reject(new Error(`${path} is not beside this page; unpack the whole archive of the book, or ${HOW_TO_SERVE}.`));
      };
      document.head.append(script);
    });
    loadedScripts.set(path, loading);
  }
  return loadedScripts.get(path);
}

/** A file's bytes. */
export async function readBookFile({ name, address, packed }) {
  if (packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) throw new Error(`${name} cannot be loaded (${response?.status ?? "no answer"}): ${address}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** ONNX Runtime Web. A browser remembers that a module could not be loaded; at a further attempt it is asked anew. */
export async function openBookRuntime({ runtime, wasm }, attempt = 1) {
  let address = attempt > 1 ? `${runtime.address}?${attempt}` : runtime.address;
  if (runtime.packed) address = URL.createObjectURL(new Blob([await readBookFile(runtime)], { type: "text/javascript" }));
  const ort = await import(address).catch(() => {
    throw new Error(`${runtime.name} cannot be loaded`);
  });
  ort.env.wasm.numThreads = 1; // more would need special headers from the server
  ort.env.wasm.proxy = false;
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = await readBookFile(wasm);
  return ort;
}

/** A graph that is ready to run. */
export async function openBookGraph(ort, file) {
  const bytes = await readBookFile(file);
  return ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 3 }).catch((error) => {
    const said = String(error?.message ?? error).split("\n")[0].replace(/\.$/, "");
    throw new Error(`${file.name} is damaged or cut off (${said})`);
  });
}
