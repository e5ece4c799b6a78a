// How alike the blocks of a network are: a square table of colours and numbers.
import { NEVER_CHANGES, shortNames } from "./gate_groups.js";
import { colour, element, formatNumber, panel, setText } from "./kit.js";

const LEGIBLE = 16; // so many blocks have room for numbers in their cells
const STEPS = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }; // rows, columns

/** How alike the blocks are, as a table of colours and numbers. The mouse, or the arrow keys, read a cell in full. */
export function createSimilarity({ blocks, alike }) {
  const names = [...blocks.keys()];
  const count = names.length;
  const short = shortNames(names);
  const rest = "Point at a cell, or go there with Tab and the arrow keys.";
  const reading = element("p", { class: "parts-note senet-gates-reading", role: "status", "data-name": "reading" }, rest);
  const cells = Array.from(alike, (value, place) => {
    const never = value === NEVER_CHANGES;
    const text = never ? "–" : value.toFixed(2).replace(/^-?0(?=\.)/, "").replace("1.00", "1");
    const node = element("td", { tabindex: place ? -1 : 0, "data-value": value }, text);
    const said = never ? "one of them never changes" : formatNumber(value, 3);
    const pair = `${names[Math.floor(place / count)]} and ${names[place % count]}`;
    const read = () => setText(reading, `${pair}: ${said}`);
    node.addEventListener("pointerenter", read);
    node.addEventListener("focus", read);
    return { node, value: never ? 0 : Math.min(1, Math.max(0, value)) };
  });
  const header = (scope, index) => element("th", { scope, title: names[index] }, short[index]);
  const lines = names.map((_, index) => {
    const own = cells.slice(index * count, (index + 1) * count).map(({ node }) => node);
    return element("tr", {}, header("row", index), ...own);
  });
  const top = element("tr", {}, element("td"), ...names.map((_, index) => header("col", index)));
  const about = { role: "grid", "aria-label": "similarity of the blocks, linear CKA" };
  const body = element("tbody", {}, ...lines);
  const table = element("table", { class: "senet-gates-alike", ...about }, element("thead", {}, top), body);
  table.style.setProperty("--count", count);
  table.toggleAttribute("data-dense", count > LEGIBLE);
  body.addEventListener("keydown", (event) => {
    const at = cells.findIndex(({ node }) => node === event.target);
    if (at < 0 || !(event.key in STEPS)) return;
    event.preventDefault();
    const [y, x] = [Math.floor(at / count) + STEPS[event.key][0], (at % count) + STEPS[event.key][1]];
    if (y < 0 || x < 0 || y >= count || x >= count) return;
    cells[at].node.tabIndex = -1;
    cells[y * count + x].node.tabIndex = 0;
    cells[y * count + x].node.focus();
  });
  let painted = "";
  const paint = () => {
    const [paper, full] = ["--senet-map-paper", "--quantity-s"].map((variable) => colour(table, variable));
    if (painted === `${paper} ${full}`) return; // the theme is that of before
    painted = `${paper} ${full}`;
    for (const { node, value } of cells) {
      const parts = paper.map((part, index) => Math.round(part + value * (full[index] - part)));
      node.style.background = `rgb(${parts})`;
      node.style.color = inkOn(parts);
    }
  };
  const draw = ({ name }) => {
    paint();
    const marked = names.indexOf(name);
    for (const [index, line] of lines.entries()) line.firstChild.toggleAttribute("data-chosen", index === marked);
    for (const [index, one] of [...top.children].entries()) one.toggleAttribute("data-chosen", index === marked + 1);
  };
  const note = "Linear CKA. 1: both tell the pictures apart in the same way; 0: in unrelated ways.";
  const parts = [element("p", { class: "parts-note" }, note), table, reading];
  return { element: panel("How alike two blocks are", null, ...parts), draw };
}

/** Black or white, whichever can be read on a colour (WCAG's relative luminance). */
function inkOn(parts) {
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = parts.map((part) => linear(part / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}
