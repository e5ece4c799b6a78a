// What a training needs, and where it is.
import { fromBookRoot } from "./book_files.js";
import { findBookFiles, folderObstacle, runtimePaths } from "./runtime_files.js";

/** Why this page can train no network, or null. */
export function trainingObstacle() {
  if (typeof WebAssembly !== "object") return "This browser has no WebAssembly to train networks with; take another one.";
  if (typeof Worker !== "function") return "This browser starts no worker to train networks in; take another one.";
  return folderObstacle();
}

/** What a training needs, as training_worker.js reads it. folders: { runtime, contestants }, from the book's root. */
export function findTrainingFiles(name, folders) {
  const { paths, scripts } = runtimePaths(folders.runtime);
  const own = {
    train: `${folders.contestants}${name}.train.onnx`,
    test: `${folders.contestants}${name}.test.onnx`,
    about: `${folders.contestants}${name}.json`,
  };
  return findBookFiles({ ...paths, ...own }, [...scripts, `${folders.contestants}${name}.js`]);
}

/** The module that tries WebGPU, for the worker. A page from a folder has none. Tests may allow a software adapter. */
export function webgpuModule(folder) {
  return location.protocol === "file:" ? null : { address: fromBookRoot(`${folder}training_webgpu.mjs`), ...globalThis.senetWebgpu };
}
