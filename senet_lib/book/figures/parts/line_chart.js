// Lines over two axes, as an SVG that is as wide as its place.
import { element, setChildren, svg } from "./kit.js";

const EDGE = { left: 46, right: 12, top: 24, bottom: 36 }; // around the axes, in CSS pixels: room for their texts
const LETTER_WIDTH = 6.5; // of names at the ends of lines, at the most
const LINE_HEIGHT = 15;
const SHAPES = {
  circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
  square: "M-3.5-3.5h7v7h-7z",
  diamond: "M0-5l5 5l-5 5l-5-5z",
  triangle: "M0-5l4.8 8.5h-9.6z",
};

/** A legend: keys are [sample, text]. */
export const legend = (...keys) =>
  element("p", { class: "parts-legend" }, ...keys.map((key) => element("span", {}, ...key)));

/** A small drawing for a legend. */
export const sampleBox = (width, ...parts) =>
  svg("svg", { width, height: 14, viewBox: `0 0 ${width} 14`, "aria-hidden": "true" }, ...parts);

/** A short piece of a line, for a legend. */
export function lineSample({ colour, dash = null, marker = null, thin = false }) {
  const line = svg("path", { d: "M1 7h32", ...strokeOf({ colour, dash, thin }) });
  return sampleBox(34, line, ...(marker ? [markAt(marker, colour, 17, 7)] : []));
}

/** An SVG as wide as its place, but not narrower than least. draw(paint): paint(width) gives its parts. */
export function createSheet({ label, height, least = 160 }) {
  const sheet = svg("svg", { role: "img", "aria-label": label, class: "senet-chart", height });
  const box = element("div", { class: "senet-chart-box" }, sheet);
  const draw = (paint) => {
    const width = Math.max(least, box.clientWidth);
    sheet.setAttribute("width", width);
    sheet.setAttribute("viewBox", `0 0 ${width} ${height}`);
    setChildren(sheet, ...paint(width));
  };
  /** Call back with data-name of what the reader presses on. Drawn anew before the release, it would get no click. */
  const onPress = (name, choose) => {
    const at = ({ clientX, clientY }) => document.elementFromPoint(clientX, clientY)?.closest(`[data-${name}]`)?.dataset[name];
    let pressed;
    sheet.addEventListener("pointerdown", (event) => (pressed = at(event)));
    sheet.addEventListener("pointerup", (event) => {
      if (pressed !== undefined && pressed === at(event)) choose(pressed);
    });
  };
  return { element: box, sheet, draw, onPress };
}

/** Lines from left to right at some values, with the values before them. */
export const gridAcross = (values, up, left, right, text = tickText) =>
  values.flatMap((value) => [
    svg("path", { class: "senet-chart-grid", d: `M${left} ${up(value)}H${right}` }),
    chartText(left - 6, up(value) + 4, text(value), "end"),
  ]);

/**
 * A chart. draw(lines, { x: [from, to], y: [from, to] }) shows lines { xs, ys, colour, dash, marker, thin }: two lists
 * of as many numbers, a CSS colour, an SVG dash pattern, and a shape of SHAPES at each point; thin for a line behind.
 * A line may have dots, [[x, y], …], and breaks: the places of points with no line to the one before; its name may stand at its end (endName) or below its start (startName): to the left of it, if the line runs to the left.
 */
export function lineChart({ label, xLabel, yLabel, height = 190 }) {
  const { element: box, draw: drawSheet } = createSheet({ label, height });
  const paint = (lines, { x, y }, width) => {
    const room = Math.max(EDGE.right, ...lines.map(({ endName }) => (endName ? 10 + endName.length * LETTER_WIDTH : 0)));
    const [right, floor] = [width - room, height - EDGE.bottom];
    const across = scaleTo(x, EDGE.left, right);
    const up = scaleTo(y, floor, EDGE.top);
    const columns = ticks(x, Math.min(8, Math.floor(width / 60))).flatMap((tick) => [
      svg("path", { class: "senet-chart-axis", d: `M${across(tick)} ${floor}v5` }),
      chartText(across(tick), floor + 17, tickText(tick)),
    ]);
    const axis = svg("path", { class: "senet-chart-axis", d: `M${EDGE.left} ${floor}H${right}` });
    const names = [
      chartText(0, 12, yLabel, "start", "senet-chart-name"),
      chartText((EDGE.left + right) / 2, height - 4, xLabel, "middle", "senet-chart-name"),
    ];
    const there = lines.filter(({ xs }) => xs.length > 0);
    const drawn = there.map((line) => drawLine(line, across, up));
    return [...gridAcross(ticks(y, Math.max(4, Math.round(height / 50))), up, EDGE.left, right), ...columns, axis, ...names, ...drawn, ...endNames(there, across, up)];
  };
  return { element: box, draw: (lines, axes) => drawSheet((width) => paint(lines, axes, width)) };
}

/** The names at the ends of lines. Of those that end near each other, each stands below the one before. */
function endNames(lines, across, up) {
  const ends = lines.filter(({ endName }) => endName).map(({ endName, colour, xs, ys }) => {
    return { endName, colour, end: across(xs[xs.length - 1]), y: up(ys[ys.length - 1]) + 4 };
  });
  ends.sort((a, b) => a.y - b.y);
  return ends.map((one, index) => {
    const isNear = (other) => Math.abs(other.end - one.end) < one.endName.length * LETTER_WIDTH;
    for (const other of ends.slice(0, index).filter(isNear)) one.y = Math.max(one.y, other.y + LINE_HEIGHT);
    const x = Math.max(...ends.filter(isNear).map(({ end }) => end)) + 9;
    const name = chartText(x, one.y, one.endName, "start");
    name.style.fill = one.colour;
    return name;
  });
}

function drawLine({ xs, ys, colour, dash, marker, thin, dots = [], breaks = [], startName }, across, up) {
  const points = Array.from(xs, (x, index) => [across(x).toFixed(1), up(ys[index]).toFixed(1)]);
  const d = points.map((point, index) => `${index && !breaks.includes(index) ? "L" : "M"}${point.join(" ")}`).join("");
  const group = svg("g", { class: "senet-chart-line" }, svg("path", { d, ...strokeOf({ colour, dash, thin }) }));
  group.append(...dots.map(([x, y]) => svg("circle", { cx: across(x), cy: up(y), r: 2.5, style: `fill: ${colour}`, opacity: 0.55 })));
  if (marker) group.append(...points.map(([x, y]) => markAt(marker, colour, x, y)));
  if (startName) group.append(chartText(across(xs[0]), up(ys[0]) + 15, startName, xs[0] > xs[1] ? "end" : "start"));
  return group;
}

const strokeOf = ({ colour, dash, thin }) => ({
  fill: "none",
  style: `stroke: ${colour}; stroke-width: ${thin ? 1 : 2}; stroke-dasharray: ${dash ?? "none"}`,
  opacity: thin ? 0.75 : 1,
  "stroke-linejoin": "round",
});

export const markAt = (shape, colour, x, y) =>
  svg("path", { d: SHAPES[shape], style: `fill: ${colour}`, transform: `translate(${x} ${y})` });

/** A function from the numbers of an axis to pixels; what lies outside is held at the axis' ends. */
export function scaleTo([from, to], start, end) {
  const span = to > from ? to - from : 1;
  return (value) => start + (Math.min(1, Math.max(0, (value - from) / span))) * (end - start);
}

/** Round numbers from one end of an axis to the other, about so many. */
export function ticks([from, to], count) {
  const rough = Math.max(to - from, 1e-9) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough * 0.999);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(6)));
}

/** A text of a chart; name is its class. */
export const chartText = (x, y, text, anchor = "middle", name = null) =>
  svg("text", { x, y, "text-anchor": anchor, class: name }, text);

export const tickText = (tick) => tick.toLocaleString("en-US", { maximumSignificantDigits: 4 }).replace("-", "−");
