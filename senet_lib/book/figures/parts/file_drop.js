// Files that come into a figure: dropped anywhere on it, or pasted.

// An event in a figure's body, which outlives what is built in it.
export function listenInBody(view, type, listener) {
  view.body.addEventListener(type, listener);
  view.onClose(() => view.body.removeEventListener(type, listener));
}

/** take(transfer) gets what is dropped anywhere on the figure; meanwhile the zone is marked. */
export function acceptDrops(view, zone, take) {
  const mark = (isOver) => zone.toggleAttribute("data-over", isOver);
  listenInBody(view, "dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  listenInBody(view, "dragleave", (event) => view.body.contains(event.relatedTarget) || mark(false));
  listenInBody(view, "drop", (event) => {
    event.preventDefault(); // or the page would give way to the file
    event.stopPropagation();
    mark(false);
    take(event.dataTransfer);
  });
}

/** take(transfer) gets what is pasted while something in the figure has the focus, but no field that takes text. */
export function acceptPastes(view, take) {
  listenInBody(view, "paste", (event) => {
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    event.preventDefault();
    event.stopPropagation();
    take(event.clipboardData);
  });
}
