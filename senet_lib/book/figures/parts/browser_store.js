// What the reader has done, kept by this browser alone: by other pages of the book, and on another day. A browser may
// refuse its storage, or hold what we have not put there; then it is as if nothing had been done.

/** What was kept under this key: an object, perhaps empty. */
export function recall(key) {
  try {
    return Object(JSON.parse(localStorage.getItem(key)));
  } catch {
    return {};
  }
}

/** Keep an object. */
export function remember(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // It lasts as long as the page.
  }
}
