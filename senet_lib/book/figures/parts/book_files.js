// Where the files of the book are, seen from any of its pages; and what to do if a page may not fetch them.

/** What runs graphs. It fetches its .wasm file from beside itself. */
export const RUNTIME = "ort.wasm.bundle.min.mjs";

export const HOW_TO_SERVE =
  "serve the book (make serve, or python3 -m http.server in the folder with index.html), and open this page there";

/** Every page of the book says where its root is; another page is taken for the root itself. */
export function fromBookRoot(path) {
  const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href);
  return new URL(path, root).href;
}
