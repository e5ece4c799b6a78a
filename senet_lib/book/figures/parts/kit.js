// What all figures share: the frame with its errors, controls bound to state, numbers and maps.
// A figure's module is: import { figure, … } from "./parts/kit.js"; export default figure((view) => { …; return update; });

// ---------------------------------------------------------------------------------------------------------- the frame

// A fault in the state, said in one line that names the value and the fix. The figure's frame shows it.
export class Problem extends Error {}

/**
 * Make a module that every front end can render.
 * @param build (view) => update. It fills view.body once, and returns a function that draws the state; that one runs
 *   after each change. It may throw a Problem at any time: the frame shows it until the state is good again.
 */
export function figure(build) {
  return {
    render({ model, el }) {
      const frame = createFrame(el, model.get("_title"), model.get("caption"));
      const view = createView(model, frame.body);
      let update = null;

      const start = () => {
        frame.body.replaceChildren();
        view.forgetControls();
        update = build(view) ?? (() => {});
      };
      const refresh = () => {
        try {
          if (update === null || view.takeRebuild()) start();
          view.checkControls();
          update();
          frame.show(null);
        } catch (error) {
          if (!(error instanceof Problem)) console.error(error);
          update = null; // begin anew with the next change
          frame.show(error instanceof Problem ? error.message : `This figure has a fault: ${error.message}`);
        }
        setText(frame.caption, model.get("caption"));
      };

      view.onChange(refresh);
      frame.reset.addEventListener("click", () => view.resetState());
      view.watch("caption");
      const stopWatching = watchTheme(refresh);
      const sizes = new ResizeObserver(refresh); // also when a front end puts el on the page after this
      sizes.observe(el);
      refresh();
      return () => {
        stopWatching();
        sizes.disconnect();
        view.close();
      };
    },
  };
}

function createFrame(el, title, captionText) {
  const body = element("div", { class: "senet-body" });
  const message = element("span");
  const reset = element("button", { type: "button" }, "Start again");
  const alert = element("div", { class: "senet-problem", role: "alert", hidden: true }, message, " ", reset);
  const caption = element("p", { class: "senet-caption" }, captionText);
  const name = element("p", { class: "senet-title" }, title);
  const frame = element("section", { class: "senet-frame", "aria-label": title }, name, alert, body, caption);
  // JupyterLab takes the arrow keys, to go from cell to cell, from everything that does not say this.
  frame.addEventListener("focusin", ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true"));
  takeBackWhereAFingerScrolls(frame);
  el.append(frame);
  const show = (text) => {
    setText(message, text ?? "");
    alert.hidden = text === null;
    body.hidden = text !== null;
  };
  return { body, reset, caption, show };
}

// A finger that goes up or down from a slider scrolls the page: the browser cancels the pointer, and the value goes back.
function takeBackWhereAFingerScrolls(frame) {
  let held = null;
  frame.addEventListener("pointerdown", ({ target }) => {
    held = { target, value: target.value };
  });
  frame.addEventListener("pointercancel", ({ target }) => {
    if (target.type !== "range" || held?.target !== target || held.value === target.value) return;
    target.value = held.value;
    target.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// A figure's view of its state: reads and writes traits, and hears of their changes.
function createView(model, body) {
  const watched = new Map(); // trait -> listener
  const initial = new Map(); // trait -> value when it was first read
  const arrays = new Map(); // trait -> { packed, unpacked }
  const closers = [];
  let controls = [];
  let rebuild = false;
  let waiting = false;
  let changed = () => {};

  // Several changes at once make one drawing. A microtask runs before the next paint; a frame later would be late.
  const schedule = () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      changed();
    });
  };
  const watch = (name, whenChanged = () => {}) => {
    if (watched.has(name)) return;
    const listener = () => {
      whenChanged();
      schedule();
    };
    initial.set(name, model.get(name));
    watched.set(name, listener);
    model.on(`change:${name}`, listener);
  };
  const data = (name) => {
    watch(name, () => (rebuild = true));
    return model.get(name);
  };

  return {
    body,
    watch,
    /** The value of a trait that a control moves. */
    get(name) {
      watch(name);
      return model.get(name);
    },
    /** Set a trait, here and in Python. */
    set(name, value) {
      watch(name);
      model.set(name, value);
      model.save_changes();
    },
    /** A trait that is data (names, options): when it changes the figure is built anew. */
    data,
    /** An array trait as { data: typed array, shape }. shape names or fixes each length: array("maps", ["C", 8, 8]). */
    array(name, shape) {
      const packed = data(name);
      if (arrays.get(name)?.packed !== packed) arrays.set(name, { packed, unpacked: unpackArray(name, packed) });
      return requireShape(name, arrays.get(name).unpacked, shape);
    },
    /** A trait of named arrays; the inner arrays are checked by requireShape. If it grows, nothing is built anew. */
    arrays(name, { grows = false } = {}) {
      const packed = grows ? this.get(name) : data(name);
      if (arrays.get(name)?.packed !== packed) {
        const entries = Object.entries(packed).map(([key, value]) => [key, unpackArray(`${name}.${key}`, value)]);
        arrays.set(name, { packed, unpacked: Object.fromEntries(entries) });
      }
      return arrays.get(name).unpacked;
    },
    addControl: (control) => controls.push(control),
    /** Run a function when the figure is taken off the page, or built anew. */
    onClose: (closer) => closers.push(closer),
    onChange: (callback) => (changed = callback),
    checkControls: () => controls.forEach((control) => control()),
    // What an earlier build has left running ends with it.
    forgetControls() {
      controls = [];
      closers.splice(0).forEach((closer) => closer());
    },
    takeRebuild: () => [rebuild, (rebuild = false)][0],
    resetState() {
      for (const [name, value] of initial) model.set(name, value);
      model.save_changes();
      rebuild = true;
      schedule();
    },
    close() {
      for (const [name, listener] of watched) model.off(`change:${name}`, listener);
      closers.forEach((closer) => closer());
    },
  };
}

// ----------------------------------------------------------------------------------------------------------- the state

const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bits: Uint8Array };

function unpackArray(name, packed) {
  const Type = TYPES[packed?.dtype];
  if (!Type) throw new Problem(`${name} is not an array of numbers; pass a NumPy array.`);
  const { buffer, byteOffset, byteLength } = packed.data;
  const count = packed.shape.reduce((product, length) => product * length, 1);
  const given = new Type(buffer.slice(byteOffset, byteOffset + byteLength));
  const isBits = packed.dtype === "bits"; // of numbers that are all 0 or 255
  if (given.length !== (isBits ? Math.ceil(count / 8) : count)) {
    throw new Problem(`${name} has ${given.length} numbers, but its shape (${packed.shape}) needs ${count}.`);
  }
  const data = isBits ? Uint8Array.from({ length: count }, (_, i) => 255 * ((given[i >> 3] >> (7 - (i & 7))) & 1)) : given;
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new Problem(`${name} holds ${data[bad]} at place ${bad}; all its numbers must be finite.`);
  return { data, shape: packed.shape };
}

/** Throw a Problem that says these texts, unless all is good. */
export function need(good, ...fault) {
  if (!good) throw new Problem(fault.join(" "));
}

export const isText = (value) => typeof value === "string" && value !== "";
export const isWhole = (value) => Number.isSafeInteger(value) && value > 0;
export const isList = (value) => Array.isArray(value) && value.length > 0;

/** A trait that is a whole number from least to most. */
export function requireWhole(view, name, most, least = 0) {
  const value = view.get(name);
  const isGood = Number.isInteger(value) && value >= least && value <= most;
  need(isGood, `${name} is ${value ?? "not a number"}; it must be a whole number from ${least} to ${most}.`);
  return value;
}

/** Check an array's shape. Texts stand for any length, but the same text for the same length. */
export function requireShape(name, array, shape, lengths = {}) {
  const found = array?.shape;
  const fits =
    found?.length === shape.length &&
    shape.every((wanted, axis) => {
      if (typeof wanted === "number") return found[axis] === wanted;
      lengths[wanted] ??= found[axis];
      return found[axis] === lengths[wanted] && found[axis] > 0;
    });
  if (fits) return array;
  throw new Problem(`${name} has shape (${found ?? "none"}); it must be (${shape.join(", ")}), with at least one of each.`);
}

/** The traits pictures (K, 3, rows, columns), bytes, and picture_names (K texts), checked. planes(index): one picture. */
export function requirePictures(view, shape = ["K", 3, "rows", "columns"]) {
  const pictures = view.array("pictures", shape);
  const [count, , rows, columns] = pictures.shape;
  if (!(pictures.data instanceof Uint8Array)) throw new Problem("pictures must be bytes: whole numbers from 0 to 255.");
  const names = view.data("picture_names");
  if (names.length !== count) {
    throw new Problem(`picture_names has ${names.length} names for ${count} pictures; give one for each.`);
  }
  const size = 3 * rows * columns;
  return { names, count, rows, columns, planes: (index) => pictures.data.subarray(index * size, (index + 1) * size) };
}

// ------------------------------------------------------------------------------------------------------- the elements

/** An HTML element. A text is always text, never markup. */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Things side by side; they wrap on a narrow screen. */
export const row = (...children) => element("div", { class: "senet-row" }, ...children);

/** The same for controls: their middles on one line. */
export const controlRow = (...controls) => element("div", { class: "senet-row parts-controls" }, ...controls);

/** Change a node's text, if it is another one: a live region is read out with each change. */
export function setText(node, text) {
  if (node.textContent !== String(text)) node.textContent = text;
}

const childrenSet = new WeakMap(); // node -> its children as a text
/** Replace a node's children, if they are others: a node that is replaced between press and release gets no click. */
export function setChildren(node, ...children) {
  const text = children.map((child) => child.outerHTML ?? child).join("");
  if (childrenSet.get(node) === text) return;
  childrenSet.set(node, text);
  node.replaceChildren(...children);
}

const NARROW = 640; // pixels, of a figure on a phone

/** What a phone folds away. Where there is room, it stands open and without a summary. */
export function phoneFold(view, summary, ...children) {
  const head = element("summary", {}, summary);
  const node = element("details", { class: "parts-fold" }, head, ...children);
  view.addControl(() => {
    const isWide = view.body.clientWidth >= NARROW;
    if (head.hidden === isWide) return;
    head.hidden = isWide;
    node.open = isWide;
  });
  return { element: node };
}

/** A number held between 0 and the most. */
export const clamp = (value, most) => Math.min(most, Math.max(0, value));

/** The top of a table: an empty corner, and a name above each column. */
export const tableHead = (...names) =>
  element("thead", {}, element("tr", {}, element("td"), ...names.map((name) => element("th", { scope: "col" }, name))));

/** A line of a table: its name, and a cell for each of the others. */
export const tableLine = (name, ...cells) =>
  element("tr", {}, element("th", { scope: "row" }, name), ...cells.map((cell) => element("td", {}, cell)));

/** A part of a figure with a heading. Give a quantity (x, u, z, s, x-tilde) to put its colour beside the heading. */
export function panel(heading, quantity, ...children) {
  const chip = quantity ? [element("span", { class: "senet-chip", style: `--chip: var(--quantity-${quantity})` })] : [];
  const title = element("p", { class: "senet-heading" }, ...chip, heading);
  return element("div", { class: "senet-panel" }, title, ...children);
}

let lastId = 0;
/** An id that no other element of the page has. */
export const freshId = (stem) => `senet-${stem}-${(lastId += 1)}-${Math.random().toString(36).slice(2, 8)}`;

/**
 * A number that is shown, with its name and unit. set(value) shows it; the exact value is in data-value.
 * @param name for tests: [data-name="…"]
 */
export function number(name, { label = "", unit = "", digits = 3, isMeasured = false } = {}) {
  const output = element("output", { "data-name": name, "aria-live": "off" }); // dozens change at once
  const whole = element("span", { class: "senet-number" }, label ? `${label} ` : "", output, afterNumber(unit));
  const set = (value) => {
    const text = typeof value === "number" ? formatNumber(value, digits, isMeasured) : String(value);
    setText(output, text);
    output.dataset.value = value;
  };
  return { element: whole, set };
}

/** A unit as it stands behind its number, "" for none: 10%, and 10 s, which no line's end parts. */
export const afterNumber = (unit) => (unit === "" || unit === "%" ? unit : `\u00a0${unit}`);

/**
 * A number as people write it: whole ones with thousands separators, others with so many digits after the point. What
 * was measured keeps its digits, also where it happens to be whole: an accuracy of 1.000 stands beside one of 0.563.
 */
export function formatNumber(value, digits = 3, isMeasured = false) {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && !isMeasured) return (value || 0).toLocaleString("en-US").replace("-", "−"); // not "−0"
  return value.toFixed(digits).replace(/^-(?=0\.0*$)/, "").replace("-", "−");
}

// ------------------------------------------------------------------------------------------------------- the controls
// Each is bound to a trait in both directions, works from the keyboard because it is a native element, and throws a
// Problem when Python sets the trait to a value that it cannot show.

/**
 * A slider for a number from min to max, or over a list of values. Each of min, max and values may be a function, where
 * the range depends on other state. then(value) runs after the reader has moved it, for example to move another trait.
 */
export function slider(view, name, { label, min, max, step = 1, values = null, unit = "", show = null, then = null }) {
  const now = (limit) => (typeof limit === "function" ? limit() : limit);
  const id = freshId(name);
  const input = element("input", { type: "range", id, "data-trait": name });
  const output = element("output", { for: id });
  const text = (value) => `${show ? show(value) : formatNumber(value)}${afterNumber(unit)}`;
  input.addEventListener("input", () => {
    const value = values ? now(values)[input.valueAsNumber] : input.valueAsNumber;
    view.set(name, value);
    then?.(value);
  });
  view.addControl(() => {
    const value = view.get(name);
    const listed = now(values);
    const [least, most] = listed ? [0, listed.length - 1] : [now(min), now(max)];
    const position = listed ? listed.indexOf(value) : value;
    if (!(position >= least && position <= most)) {
      const allowed = listed ? `one of ${listed.join(", ")}` : `from ${least} to ${most}`;
      throw new Problem(`${name} is ${value ?? "not a number"}; it must be ${allowed}.`);
    }
    setAttributes(input, { min: least, max: most, step: listed ? 1 : step, "aria-valuetext": text(value) });
    if (input.valueAsNumber !== position) input.value = position;
    setText(output, text(value));
  });
  const box = element("div", { class: "senet-control" }, element("label", { for: id }, label), input, output);
  return { element: box, input };
}

/** Write the attributes that are others. */
export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
}

const requireOption = (name, value, options) => {
  if (options.some(([option]) => option === value)) return;
  const allowed = options.map(([option]) => option).join(", ");
  throw new Problem(`${name} is ${value ?? "not a number"}; it must be one of ${allowed}.`);
};

/** A few options, all in sight. options: [[value, text], …]. */
export function choice(view, name, { label, options, then = null }) {
  const group = freshId(name);
  const radios = options.map(([value, text]) => {
    const radio = element("input", { type: "radio", name: group, id: freshId(name), "data-trait": name, value });
    radio.addEventListener("change", () => {
      view.set(name, value);
      then?.(value);
    });
    return { value, radio, element: element("label", {}, radio, element("span", {}, text)) };
  });
  view.addControl(() => {
    const chosen = view.get(name);
    requireOption(name, chosen, options);
    for (const { value, radio } of radios) radio.checked = value === chosen;
  });
  const legend = element("legend", {}, element("span", {}, label));
  const box = element("fieldset", { class: "senet-choice" }, legend, ...radios.map((one) => one.element));
  return { element: box };
}

/** Many options, behind a menu. options: [[value, text], …]. */
export function menu(view, name, { label, options, then = null }) {
  const id = freshId(name);
  const entries = options.map(([, text], index) => element("option", { value: index }, text));
  const select = element("select", { id, "data-trait": name }, ...entries);
  select.addEventListener("change", () => {
    const [value] = options[select.selectedIndex];
    view.set(name, value);
    then?.(value);
  });
  view.addControl(() => {
    requireOption(name, view.get(name), options);
    select.selectedIndex = options.findIndex(([value]) => value === view.get(name));
  });
  return { element: element("div", { class: "senet-control" }, element("label", { for: id }, label), select) };
}

/** A box to tick, for a trait that is true or false. */
export function toggle(view, name, { label }) {
  const input = element("input", { type: "checkbox", "data-trait": name });
  input.addEventListener("change", () => view.set(name, input.checked));
  view.addControl(() => {
    requireOption(name, view.get(name), [[true], [false]]);
    input.checked = view.get(name);
  });
  return { element: element("label", { class: "senet-toggle" }, input, label) };
}

/** A button. */
export function button(label, action) {
  const node = element("button", { type: "button" }, label);
  node.addEventListener("click", action);
  return { element: node };
}

/** A button that can do nothing now, and why: it keeps the focus. Without a reason it can. */
export function disable(node, why) {
  node.setAttribute("aria-disabled", String(Boolean(why)));
  node.title = why || "";
  if (why) node.setAttribute("aria-description", why);
  else node.removeAttribute("aria-description");
}

// ----------------------------------------------------------------------------------------------------------- movement

/** Whether the reader has asked for less motion. */
export const wantsStillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * A button that advances a figure step by step until advance() returns false. It can be stopped at any moment.
 * With reduced motion there is no such button: the figure's other controls do the same.
 */
export function player(view, { label = "Play", seconds = 0.5, advance }) {
  let timer = null;
  const node = element("button", { type: "button", "aria-pressed": "false", hidden: wantsStillness() }, label);
  const stop = () => {
    clearInterval(timer);
    timer = null;
    node.textContent = label;
    node.setAttribute("aria-pressed", "false");
  };
  const start = () => {
    timer = setInterval(() => advance() === false && stop(), 1000 * seconds);
    node.textContent = "Stop";
    node.setAttribute("aria-pressed", "true");
  };
  node.addEventListener("click", () => (timer === null ? start() : stop()));
  view.onClose(stop);
  return { element: node, stop };
}

// ------------------------------------------------------------------------------------------------------------ colours

/** Call back when light changes to dark or the reverse. Returns a function that stops it. */
function watchTheme(callback) {
  const observer = new MutationObserver(callback);
  const attributeFilter = ["data-theme", "class", "theme", "data-jp-theme-light", "data-vscode-theme-kind"];
  for (const node of [document.documentElement, document.body]) observer.observe(node, { attributes: true, attributeFilter });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", callback);
  };
}

/** The red, green and blue of a colour of the style sheet, 0 to 255, as the theme has it now. */
export function colour(node, variable) {
  const text = getComputedStyle(node).getPropertyValue(variable).trim();
  if (!/^#[0-9a-f]{6}$/i.test(text)) return [128, 128, 128]; // not on the page yet: drawn again when it is
  return [1, 3, 5].map((start) => parseInt(text.slice(start, start + 2), 16));
}

/** 256 colours from paper to a quantity's colour, as bytes: for maps that are never negative. */
function ramp(from, to) {
  const bytes = new Uint8ClampedArray(256 * 3);
  for (let level = 0; level < 256; level += 1) {
    for (let part = 0; part < 3; part += 1) {
      bytes[3 * level + part] = from[part] + ((to[part] - from[part]) * level) / 255;
    }
  }
  return bytes;
}

// --------------------------------------------------------------------------------------------------------- the drawing

/**
 * A map of numbers as an image, one pixel for each number, in the colour of its quantity; negative numbers in another.
 * draw(values, largest): the number that gets the full colour; by default the largest size of all.
 */
export function heatmap({ rows, columns, quantity, label, negative = "--senet-negative" }) {
  const canvas = element("canvas", { width: columns, height: rows, role: "img", "aria-label": label, class: "senet-map" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const draw = (values, largest = null) => {
    const paper = colour(canvas, "--senet-map-paper");
    const up = ramp(paper, colour(canvas, `--quantity-${quantity}`));
    const down = ramp(paper, colour(canvas, negative));
    const count = rows * columns;
    let scale = largest ?? 0;
    if (largest === null) for (let i = 0; i < count; i += 1) scale = Math.max(scale, Math.abs(values[i]));
    const step = scale > 0 ? 255 / scale : 0;
    for (let i = 0; i < count; i += 1) {
      const value = values[i];
      const level = 3 * Math.min(255, Math.round(Math.abs(value) * step));
      const bytes = value < 0 ? down : up;
      image.data[4 * i] = bytes[level];
      image.data[4 * i + 1] = bytes[level + 1];
      image.data[4 * i + 2] = bytes[level + 2];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    canvas.values = values; // for tests
  };
  return { element: canvas, draw };
}

/**
 * A colour picture. draw(planes): bytes, or numbers from 0 to 1, as (3, rows, columns). Pure red, green and blue are
 * drawn in softer shades, as plot_picture does in Python.
 */
export function picture({ rows, columns, label }) {
  const canvas = element("canvas", { width: columns, height: rows, role: "img", "aria-label": label, class: "senet-map" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const draw = (planes) => {
    const count = rows * columns;
    const scale = planes instanceof Uint8Array ? 1 : 255;
    const part = (i, colour) => planes[colour * count + i];
    let isPure = true; // no pixel has two colours, as in our worlds
    for (let i = 0; i < count; i += 1) isPure &&= !part(i, 0) + !part(i, 1) + !part(i, 2) > 1;
    // On black the primary colours glare, and blue is hard to see.
    const softer = [[240, 82, 61], [46, 189, 95], [77, 130, 255]];
    const [red, green, blue] = isPure ? softer : [[255, 0, 0], [0, 255, 0], [0, 0, 255]];
    for (let i = 0; i < count; i += 1) {
      const mixed = (to) => part(i, 0) * red[to] + part(i, 1) * green[to] + part(i, 2) * blue[to];
      for (let to = 0; to < 3; to += 1) image.data[4 * i + to] = (scale * mixed(to)) / 255;
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  };
  return { element: canvas, draw };
}

/**
 * Call back where the reader presses on a node, and wherever the pointer goes until it is let go, also beside the node.
 * A finger is heard when it goes sideways or is let go: one that goes up or down scrolls the page, and changes nothing.
 */
export function drag(node, follow) {
  let [start, isHeard] = [null, false];
  node.classList.add("parts-drag");
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    start = event;
    isHeard = event.pointerType !== "touch" || getComputedStyle(node).touchAction === "none";
    if (isHeard) follow(event);
  });
  node.addEventListener("pointermove", (event) => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    isHeard ||= Math.abs(event.clientX - start.clientX) > Math.abs(event.clientY - start.clientY);
    if (isHeard) follow(event);
  });
  node.addEventListener("pointerup", (event) => node.hasPointerCapture(event.pointerId) && !isHeard && follow(event));
}

/** Choose one of count() places in a row: with a press, dragging, or the arrow keys. */
export function chooseAlong(node, { placeOf, placeNow, count, choose }) {
  const go = (place) => choose(clamp(place, count() - 1));
  drag(node, (event) => go(placeOf(event)));
  node.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    const ends = { Home: 0, End: count() - 1 };
    if (!(event.key in steps || event.key in ends)) return;
    go(ends[event.key] ?? placeNow() + steps[event.key]);
    event.preventDefault();
  });
}
