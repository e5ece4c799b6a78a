// A stack of convolutions as the reader edits it: the traits kernels, strides and dilations, and a table of layers.
import { Problem, button, controlRow, disable, element, number } from "./kit.js";
import { growFields } from "./receptive_field.js";

const LAYER_WORDS = {
  heads: ["layer", "kernel", "stride", "dilation", "sees (px)", "jump (px)"],
  add: "Add a layer",
  chapter: "The chapter's network",
  most: ({ most }) => `More than ${most} layers are not drawn here.`,
  last: "The last layer stays.",
  remove: ({ layer }) => `remove layer ${layer}`,
  of: {
    kernels: ({ layer }) => `kernel of layer ${layer}`,
    strides: ({ layer }) => `stride of layer ${layer}`,
    dilations: ({ layer }) => `dilation of layer ${layer}`,
  },
};
const MOST_LAYERS = 8;
const ALLOWED = { kernels: [1, 3, 5, 7], strides: [1, 2], dilations: [1, 2, 3] };
// The convolutions of small_resnet, in the order of its main path.
const CHAPTER_NETWORK = [1, 2, 1, 1, 1].map((stride) => ({ kernel: 3, stride, dilation: 1 }));
const ADDED_LAYER = { kernel: 3, stride: 1, dilation: 1 };
const singular = (name) => name.slice(0, -1); // kernels: kernel

/** The layers of the state: { kernel, stride, dilation } each. */
export function readStack(view) {
  const lists = Object.entries(ALLOWED).map(([name, allowed]) => {
    const list = view.get(name);
    const good = Array.isArray(list) && list.length >= 1 && list.length <= MOST_LAYERS;
    if (good && list.every((value) => allowed.includes(value))) return list;
    const wanted = `1 to ${MOST_LAYERS} numbers, each one of ${allowed.join(", ")}`;
    throw new Problem(`${name} is ${JSON.stringify(list)}; it must list ${wanted}.`);
  });
  const [kernels, strides, dilations] = lists;
  if (lists.some((list) => list.length !== kernels.length)) {
    const lengths = Object.keys(ALLOWED).map((name, i) => `${name} has ${lists[i].length}`).join(", ");
    throw new Problem(`${lengths} numbers; each must have one for each layer.`);
  }
  return kernels.map((kernel, l) => ({ kernel, stride: strides[l], dilation: dilations[l] }));
}

/** Give the reader's stack to the state. The unit stays as near to its place in the picture as it can. */
function writeStack(view, layers) {
  const [before, after] = [readStack(view), layers].map((stack) => growFields(stack).at(-1));
  for (const axis of ["row", "column"]) {
    view.set(axis, Math.min(after.units - 1, Math.round((view.get(axis) * before.jump) / after.jump)));
  }
  for (const name of Object.keys(ALLOWED)) view.set(name, layers.map((layer) => layer[singular(name)]));
}

/** The stack as a table: menus for each layer, and size and jump of the field after it. */
export function stackTable(view) {
  const heads = LAYER_WORDS.heads.map((text) => element("th", { scope: "col" }, text));
  const head = element("tr", {}, ...heads, element("td"));
  const rows = Array.from({ length: MOST_LAYERS }, (_, l) => stackRow(view, l));
  const body = element("tbody", {}, ...rows.map((one) => one.element));
  const table = element("table", {}, element("thead", {}, head), body);
  const grow = (layers) => layers.length < MOST_LAYERS && writeStack(view, [...layers, ADDED_LAYER]);
  const add = button(LAYER_WORDS.add, () => grow(readStack(view))).element;
  const chapter = button(LAYER_WORDS.chapter, () => writeStack(view, CHAPTER_NETWORK)).element;
  const node = element("div", {}, table, controlRow(add, chapter));
  const draw = (layers, fields) => {
    const focused = node.contains(document.activeElement) ? document.activeElement : null;
    for (const one of rows) one.draw(layers, fields);
    disable(add, layers.length === MOST_LAYERS && LAYER_WORDS.most({ most: MOST_LAYERS }));
    if (focused && !focused.checkVisibility()) add.focus(); // so that the keyboard can go on from here
  };
  return { element: node, draw };
}

function stackRow(view, l) {
  const selects = Object.entries(ALLOWED).map(([name, allowed]) => {
    const options = allowed.map((value) => element("option", {}, String(value)));
    const label = LAYER_WORDS.of[name]({ layer: l + 1 });
    const node = element("select", { "data-trait": name, "aria-label": label }, ...options);
    const change = (layer, i) => (i === l ? { ...layer, [singular(name)]: Number(node.value) } : layer);
    node.addEventListener("change", () => writeStack(view, readStack(view).map(change)));
    return node;
  });
  const [size, jump] = ["size", "jump"].map((name) => number(`${name} after layer ${l + 1}`));
  const shrink = (layers) => layers.length > 1 && writeStack(view, layers.filter((_, i) => i !== l));
  const remove = button("×", () => shrink(readStack(view))).element;
  remove.setAttribute("aria-label", LAYER_WORDS.remove({ layer: l + 1 }));
  const cells = [...selects, size.element, jump.element, remove].map((node) => element("td", {}, node));
  const line = element("tr", {}, element("th", { scope: "row" }, String(l + 1)), ...cells);
  const draw = (layers, fields) => {
    line.hidden = l >= layers.length;
    if (line.hidden) return;
    for (const select of selects) select.value = layers[l][singular(select.dataset.trait)];
    size.set(fields[l + 1].size);
    jump.set(fields[l + 1].jump);
    disable(remove, layers.length === 1 && LAYER_WORDS.last);
  };
  return { element: line, draw };
}
