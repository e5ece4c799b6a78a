// What the gates of a trained network say for each group of pictures: the controls and the drawings.
// After Hu et al. (arXiv 1709.01507v4), Section 7.2, Figure 6.
import { guess, unknownNumbers } from "./parts/guess.js";
import { FEW, NO_FOCUS, createFitting, orderOf, placeOf, readNetworks } from "./parts/gate_groups.js";
import { requireState, shortNames } from "./parts/gate_groups.js";
import { button, choice, chooseAlong, controlRow, element, figure, formatNumber, freshId } from "./parts/kit.js";
import { menu, number, panel, setChildren, setText, slider, svg, tableLine } from "./parts/kit.js";
import { chartText, createSheet, gridAcross, legend, lineSample, markAt, sampleBox, scaleTo } from "./parts/line_chart.js";
import { createSimilarity } from "./parts/similarity_table.js";
import { sumOf } from "./parts/statistics.js";

const WORDS = {
  network: "network",
  block: "block",
  channels: "channels",
  orders: { number: "by number", mean: "by mean gate", difference: "by difference" },
  axes: {
    number: "channel, by its number",
    mean: "channel, the highest mean gate first",
    difference: "channel, the largest difference of the groups first",
  },
  place: ({ name, place }) => `${name}: ${place}`,
  question: ({ label, count, groupedBy }) =>
    `In which of the ${count} SE blocks of “${label}” do the gates say most about the ${groupedBy}?`,
  told: ({ groupedBy, most, least }) => `The ${groupedBy} explains most of how the gates vary in ${most}, least in ${least}.`,
  toldBlock: ({ place, name, percent }) => `block ${place} (${name}: ${percent})`,
  rest: "Choose groups; more numbers; all blocks side by side",
  share: ({ groupedBy, percent, block }) => `In ${block} the ${groupedBy} explains ${percent} of how the gates vary.`,
  still: ({ name }) => `In ${name} no gate ever changes.`,
  choose: "mean gates: choose a channel",
  half: "0.5: a block before it learns",
  others: "the others: press on a dot",
  axis: ({ groupedBy }) => `mean gate for each ${groupedBy}, 0 to 1`,
  tick: "Tick a group to see its gates.",
  spread: ({ group }) => `${group}: mean ± one standard deviation`,
  noSpread: ({ groupedBy }) => `Bring out one ${groupedBy} to see its standard deviation.`,
  channel: ({ channel }) => `channel ${channel}`,
  channelValue: ({ channel, gates }) => `channel ${channel}: ${gates}`,
  noGroup: "no group shown",
  bringOut: "bring out",
  bringOutOne: ({ group }) => `bring out ${group}`,
  bringOutNone: "bring out none",
  all: "All",
  none: "None",
  noneRow: "none",
  explained: ({ groupedBy }) => `variance of the gates that the ${groupedBy} explains`,
  chance: "what as many groups drawn at random would explain",
  outer: "standard deviation between the groups",
  inner: "standard deviation within a group",
  overall: "mean gate",
  low: "channels with a mean gate below 0.1",
  high: "channels with a mean gate above 0.9",
  scope: ({ label }) => `${label}: over all channels and all groups, also those that are not drawn.`,
  scopeRecorded: ({ label, data }) =>
    `${label}: over all channels and all groups, also those that are not drawn. Recorded: ${data}.`,
  numbers: ({ name, count, pictures }) => `${name}: ${count} gates, ${pictures} pictures`,
  never: "never changes",
  stripLabel: ({ groupedBy, all }) => `Share of the variance that the ${groupedBy} explains: ${all}`,
  stripHeading: ({ groupedBy }) => `How much the ${groupedBy} explains, block by block`,
};
const NAMED = ["red", "green", "blue"]; // groups that have a colour by their name
const COLOURS = 10;
const MARKERS = ["circle", "square", "diamond", "triangle"];
const DASHES = [null, "7 3", "2 3"];
const NEAR = 12; // a press chooses a dot from so many CSS pixels away
const FRAME = { left: 34, right: 8, top: 24, bottom: 38 }; // around the axes, in CSS pixels: room for their texts
const HEIGHT = 230;
const FLOOR = HEIGHT - FRAME.bottom;
const STRIP = { height: 150, top: 24, floor: 116, left: 44 };

export default figure((view) => {
  const networks = readNetworks(view);
  const chosen = () => networks.find(({ name }) => name === view.get("network"));
  const block = () => chosen().blocks.get(view.get("block"));

  const labels = networks.map(({ name, label }) => [name, label]);
  const network = menu(view, "network", { label: WORDS.network, options: labels });
  network.element.hidden = networks.length === 1;
  view.addControl(createFitting(view, chosen));
  const names = () => [...chosen().blocks.keys()];
  const show = (name) => WORDS.place({ name, place: placeOf(names(), name) });
  const depth = slider(view, "block", { label: WORDS.block, values: names, show });
  depth.element.classList.add("senet-gates-depth");
  view.addControl(() => requireState(view, chosen(), block()));
  const order = choice(view, "order", { label: WORDS.channels, options: Object.entries(WORDS.orders) });
  const controls = controlRow(network.element, order.element, depth.element);
  const boards = new Map(networks.map((one) => [one, createBoard(view, one)]));
  const place = element("div");
  const asked = askForTheMost(view, boards);
  view.body.append(asked.element, controls, place);

  return () => {
    const board = boards.get(chosen());
    if (place.firstChild !== board.element) place.replaceChildren(board.element); // charts are as wide as their place
    board.draw();
    asked.draw();
  };
});

/** Before the shares of the deepest network, the first of these: in which of its blocks do the groups explain most? */
function askForTheMost(view, boards) {
  const deepest = [...boards.keys()].reduce((one, other) => (other.blocks.size > one.blocks.size ? other : one));
  const { name, label, groupedBy, blocks } = deepest;
  const ranked = [...blocks].map(([block, { explained }], index) => ({ block, place: index + 1, share: explained || 0 }));
  ranked.sort((a, b) => b.share - a.share);
  const say = ({ block, place, share }) => WORDS.toldBlock({ place, name: block, percent: percentOf(share) });
  const [most, least] = [ranked[0], ranked.at(-1)];
  const answer = () => ({ value: most.place, told: WORDS.told({ groupedBy, most: say(most), least: say(least) }) });
  const question = WORDS.question({ label, count: blocks.size, groupedBy });
  const range = { min: 1, max: blocks.size };
  return guess(view, { key: `explained/${name}`, question, range, answer, covered: boards.get(deepest).telling });
}

// --------------------------------------------------------------------------------------------------------- the drawing

const percentOf = (share) => `${formatNumber(100 * share, 1)}%`;
const path = (name, d, style = null) => svg("path", { class: `senet-${name}`, d, style });
/** How a group looks: a line in its colour, where few are drawn with a dash and a marker, or grey dots. */
function lookOf(groups, index, isFew, isBroughtOut) {
  if (!isFew && !isBroughtOut) return { colour: "var(--senet-quiet)", isDots: true };
  const name = NAMED.includes(groups[index]) ? groups[index] : index % COLOURS;
  const dash = isFew ? DASHES[Math.floor(index / MARKERS.length) % DASHES.length] : null;
  return { colour: `var(--gates-${name})`, dash, marker: isFew ? MARKERS[index % MARKERS.length] : null };
}

/** A piece of a group's drawing, for a legend. */
function sampleOf(look) {
  return look.isDots ? sampleBox(34, svg("circle", { cx: 17, cy: 7, r: 2.5, style: `fill: ${look.colour}` })) : lineSample(look);
}

/** The path of a line through points, or of a dot at each of them: a piece of no length has its round ends only. */
const pathOf = (points, isDots) => (isDots ? points.map((one) => `M${one}z`).join("") : `M${points.join("L")}`);

/** All that is drawn for one network. */
function createBoard(view, network) {
  const { groups, blocks, counts, groupedBy } = network;
  let hovered = null;
  const groupTable = createGroups(view, network, (group) => {
    hovered = group;
    chart.draw(stateOf());
  });
  const chart = createChart(groupedBy, (trait, value) => view.set(trait, value));
  chart.element.classList.add("senet-stays");
  const numbers = createNumbers(network);
  const strip = createStrip(network, (name) => view.set("block", name));
  const alike = createSimilarity(network);
  const stateOf = () => {
    const [name, shown, channel] = ["block", "shown", "channel"].map((trait) => view.get(trait));
    const block = blocks.get(name);
    const focus = hovered ?? view.get("focus");
    const band = shown.includes(focus) ? focus : null;
    const order = orderOf(block, view.get("order"));
    const looks = groups.map((_, index) => lookOf(groups, index, shown.length <= FEW, index === band));
    return { name, block, groups, counts, shown, band, channel, order, orderName: WORDS.axes[view.get("order")], looks };
  };
  const draw = () => {
    const state = stateOf();
    for (const one of rest.open ? [groupTable, chart, numbers, strip, alike] : [groupTable, chart, numbers]) one.draw(state);
    const { explained } = state.block;
    const said = WORDS.share({ groupedBy, percent: percentOf(explained), block: state.name });
    setText(share, Number.isFinite(explained) ? said : WORDS.still(state));
  };
  const folded = [groupTable, numbers, strip, alike].map((one) => one.element);
  const rest = element("details", {}, element("summary", {}, WORDS.rest), element("div", { class: "senet-gates-board parts-column" }, ...folded));
  rest.addEventListener("toggle", draw); // charts are as wide as their place
  const share = element("p", { class: "senet-gates-share", role: "status", "data-name": "share" });
  const telling = [share, ...unknownNumbers(numbers.element), strip.element];
  return { element: element("div", {}, chart.element, share, rest), telling, draw };
}

/**
 * The gates over the channels, for each shown group: few as lines; of many one as a line, and the others as dots. A
 * press or the arrow keys choose a channel, and a press on a dot brings its group out. choose(trait, value).
 */
function createChart(groupedBy, choose) {
  const { element: box, sheet, draw: drawSheet } = createSheet({ height: HEIGHT });
  sheet.setAttribute("aria-hidden", true);
  box.classList.add("senet-gates-chart");
  const attributes = { role: "slider", tabindex: 0, "aria-label": WORDS.choose, "aria-valuemin": 0 };
  for (const [name, value] of Object.entries(attributes)) box.setAttribute(name, value);
  const bandName = element("span");
  const bandSample = sampleBox(34);
  const keys = legend(
    [lineSample({ colour: "var(--senet-quiet)", dash: "5 4", thin: true }), WORDS.half],
    [bandSample, bandName],
    [sampleOf({ colour: "var(--senet-quiet)", isDots: true }), WORDS.others],
  );
  keys.classList.add("senet-gates-legend");
  const names = element("span", { class: "senet-gates-names" });
  keys.prepend(names);
  let order = [];
  let current = 0;
  let slot = 1;
  let dots = []; // { group, heightAt }
  const placeOf = ({ clientX }) => Math.floor((clientX - sheet.getBoundingClientRect().left - FRAME.left) / slot);
  const go = (position) => choose("channel", order[position]);
  const bringOut = (event) => {
    const y = event.clientY - sheet.getBoundingClientRect().top;
    const away = ({ heightAt }) => Math.abs(heightAt(order[placeOf(event)]) - y);
    const [nearest] = dots.filter((one) => away(one) < NEAR).sort((a, b) => away(a) - away(b));
    if (nearest) choose("focus", nearest.group);
  };
  chooseAlong(box, { placeOf, placeNow: () => current, count: () => order.length, choose: go });
  box.addEventListener("pointerdown", bringOut);

  const paint = ({ block, groups, shown, band, channel, orderName, looks, ...state }, width) => {
    order = state.order;
    current = order.indexOf(channel);
    const right = width - FRAME.right;
    slot = (right - FRAME.left) / order.length;
    const across = (position) => (FRAME.left + (position + 0.5) * slot).toFixed(1);
    const up = scaleTo([0, 1], FLOOR, FRAME.top);
    const grid = gridAcross([0, 0.25, 0.5, 0.75, 1], up, FRAME.left, right);
    grid[4].setAttribute("class", "senet-gates-half"); // the line at 0.5
    const room = 7 * `${order.length - 1}`.length + 10; // so that the channels’ numbers do not touch
    const every = Math.ceil(room / slot);
    const numbers = order.map((name, at) => (at % every ? "" : chartText(across(at), FLOOR + 16, name)));
    const column = Math.max(slot, 3);
    const cursor = { x: across(current) - column / 2, y: FRAME.top, width: column, height: FLOOR - FRAME.top };
    const gateOf = (group, name) => block.means[group * order.length + name];
    const lines = shown.map((group) => {
      const points = order.map((name, at) => [across(at), up(gateOf(group, name)).toFixed(1)]);
      const { colour: stroke, dash, marker, isDots } = looks[group];
      const d = pathOf(points.map((one) => one.join(" ")), isDots);
      const line = path("gates-line", d, `stroke: ${stroke}; stroke-dasharray: ${dash ?? "none"}`);
      const marks = marker && slot > 9 ? points.map(([x, y]) => markAt(marker, stroke, x, y)) : [];
      const isBehind = band !== null && band !== group;
      const look = isDots ? "senet-gates-dots" : isBehind && "senet-gates-behind";
      return svg("g", { "data-group": group, class: look }, line, ...marks);
    });
    dots = shown
      .filter((group) => looks[group].isDots)
      .map((group) => ({ group, heightAt: (name) => up(gateOf(group, name)) }));
    keys.lastChild.hidden = !dots.length;
    const named = dots.length ? [] : shown;
    setChildren(names, ...named.map((group) => element("span", {}, sampleOf(looks[group]), groups[group])));
    sheet.style.setProperty("--dot", `${Math.min(5, 0.8 * slot)}px`);
    const texts = [
      chartText(0, 12, WORDS.axis({ groupedBy }), "start", "senet-chart-name"),
      chartText((FRAME.left + right) / 2, HEIGHT - 4, orderName, "middle", "senet-chart-name"),
      ...(shown.length ? [] : [chartText((FRAME.left + right) / 2, up(0.75) - 6, WORDS.tick)]),
    ];
    const spread = band === null ? [] : [bandOf(block, band, order, across, up, looks[band].colour)];
    const front = lines.splice(shown.indexOf(band), band === null ? 0 : 1); // over the others
    const back = svg("rect", { class: "senet-gates-cursor", ...cursor });
    const axis = path("chart-axis", `M${FRAME.left} ${FLOOR}H${right}`);
    setText(bandName, band === null ? WORDS.noSpread({ groupedBy }) : WORDS.spread({ group: groups[band] }));
    bandSample.toggleAttribute("hidden", band === null);
    const fill = band === null ? "none" : looks[band].colour;
    setChildren(bandSample, path("gates-band", "M1 1h32v12h-32z", `fill: ${fill}`));
    const said = shown.map((group) => `${groups[group]} ${formatNumber(gateOf(group, channel), 2)}`);
    const value = { "aria-valuemax": order.length - 1, "aria-valuenow": current };
    value["aria-valuetext"] = WORDS.channelValue({ channel, gates: said.join(", ") || WORDS.noGroup });
    for (const [name, text] of Object.entries(value)) box.setAttribute(name, text);
    return [back, ...grid, ...spread, ...lines, ...front, axis, ...numbers, ...texts];
  };
  return { element: element("div", {}, keys, box), draw: (state) => drawSheet((width) => paint(state, width)) };
}

/** Where a group's pictures are: its mean ± one standard deviation, held at 0 and 1. */
function bandOf({ means, spreads }, group, order, across, up, fill) {
  const edge = (sign) =>
    order.map((name, at) => {
      const place = group * order.length + name;
      return `${across(at)} ${up(means[place] + sign * spreads[place]).toFixed(1)}`;
    });
  return path("gates-band", `M${[...edge(1), ...edge(-1).reverse()].join("L")}Z`, `fill: ${fill}`);
}

/** A line for each group: whether it is drawn, whether it is brought out, and its gate in the chosen channel. */
function createGroups(view, { groups, groupedBy }, hover) {
  const name = freshId("focus");
  const choose = (groupsShown, focus = view.get("focus")) => {
    view.set("shown", groupsShown.sort((a, b) => a - b));
    view.set("focus", groupsShown.includes(focus) ? focus : NO_FOCUS);
  };
  const radio = (value, label) => {
    const input = element("input", { type: "radio", name, value, "data-trait": "focus", "aria-label": label });
    const others = () => view.get("shown").filter((one) => one !== value);
    input.addEventListener("change", () => choose(value === NO_FOCUS ? others() : [...others(), value], value));
    return input;
  };
  const lines = groups.map((text, index) => {
    const box = element("input", { type: "checkbox", "data-trait": "shown" });
    box.addEventListener("change", () => {
      const others = view.get("shown").filter((one) => one !== index);
      choose(box.checked ? [...others, index] : others);
    });
    const sample = element("span");
    const band = radio(index, WORDS.bringOutOne({ group: text }));
    const [gate, spread] = [number(`gate ${index}`), number(`spread ${index}`, { label: "±" })];
    const said = element("span", {}, gate.element, " ", spread.element);
    const node = tableLine(element("label", { class: "senet-toggle" }, box, sample, text), band, said);
    node.dataset.group = index;
    node.addEventListener("pointerenter", () => hover(index));
    node.addEventListener("pointerleave", () => hover(null));
    return { node, box, sample, band, gate, spread, said };
  });
  const none = radio(NO_FOCUS, WORDS.bringOutNone);
  const channelName = element("th", { scope: "col" });
  const heads = [groupedBy, WORDS.bringOut].map((text) => element("th", { scope: "col" }, text));
  const head = element("thead", {}, element("tr", {}, ...heads, channelName));
  const table = element("table", {}, head, element("tbody", {}, ...lines.map(({ node }) => node), tableLine(WORDS.noneRow, none, "")));
  const all = button(WORDS.all, () => choose([...groups.keys()]));
  const off = button(WORDS.none, () => choose([]));
  const draw = ({ shown, block, channel, looks }) => {
    setText(channelName, WORDS.channel({ channel }));
    none.checked = view.get("focus") === NO_FOCUS;
    for (const [index, { box, sample, band, gate, spread, said }] of lines.entries()) {
      const place = index * block.mean.length + channel;
      box.checked = shown.includes(index);
      band.checked = view.get("focus") === index;
      said.hidden = !box.checked;
      gate.set(block.means[place]);
      spread.set(block.spreads[place]);
      setChildren(sample, sampleOf(looks[index]));
    }
  };
  const buttons = element("div", { class: "senet-gates-buttons" }, all.element, off.element);
  return { element: element("div", { class: "senet-gates-groups" }, table, buttons), draw };
}

// --------------------------------------------------------------------------------------------------------- the numbers

/** The numbers of the chosen block. */
function createNumbers({ label, counts, groupedBy, data }) {
  const rows = [
    ["explained", WORDS.explained({ groupedBy }), "%", ({ explained }) => 100 * explained],
    ["chance", WORDS.chance, "%", ({ byChance }) => 100 * byChance],
    ["outer", WORDS.outer, "", ({ outer }) => outer],
    ["inner", WORDS.inner, "", ({ inner }) => inner],
    ["overall", WORDS.overall, "", ({ overall }) => overall],
    ["low", WORDS.low, "%", ({ low }) => 100 * low],
    ["high", WORDS.high, "%", ({ high }) => 100 * high],
  ].map(([name, text, unit, count]) => {
    const shown = number(name, { unit, digits: unit ? 1 : 3 });
    return { node: tableLine(text, shown.element), set: (block) => shown.set(count(block)) };
  });
  const body = element("tbody", {}, ...rows.map(({ node }) => node));
  const title = element("span");
  const note = data ? WORDS.scopeRecorded({ label, data }) : WORDS.scope({ label });
  const draw = ({ name, block }) => {
    const pictures = formatNumber(sumOf(counts));
    setText(title, WORDS.numbers({ name, count: block.mean.length, pictures }));
    for (const { set } of rows) set(block);
  };
  const table = element("table", { class: "senet-gates-numbers" }, body);
  return { element: panel(title, null, table, element("p", { class: "parts-note" }, note)), draw };
}

/** A bar for each block: the share of its gates' variance that the groups explain. A press goes to the block. */
function createStrip({ blocks, groupedBy }, choose) {
  const names = [...blocks.keys()];
  const short = shortNames(names);
  const text = (name) => {
    const { explained } = blocks.get(name);
    return Number.isFinite(explained) ? percentOf(explained) : WORDS.never;
  };
  const all = names.map((name) => `${name} ${text(name)}`).join(", ");
  const sheet = createSheet({ label: WORDS.stripLabel({ groupedBy, all }), height: STRIP.height });
  sheet.onPress("block", choose);
  const paint = (current, width) => {
    const slot = Math.min(72, (width - STRIP.left) / names.length);
    const up = scaleTo([0, 1], STRIP.floor, STRIP.top);
    const right = STRIP.left + slot * names.length;
    const grid = gridAcross([0, 0.5, 1], up, STRIP.left, right, (share) => `${100 * share}%`);
    const every = Math.ceil((7 * Math.max(...short.map((one) => one.length)) + 4) / slot); // so that they do not touch
    const columns = names.map((name, index) => {
      const { explained } = blocks.get(name);
      const [start, middle] = [STRIP.left + index * slot, STRIP.left + (index + 0.5) * slot];
      const back = { x: start, y: STRIP.top - 6, width: slot, height: STRIP.floor - STRIP.top + 26, rx: 4 };
      const height = Math.max(1.5, STRIP.floor - up(explained || 0));
      const bar = { x: middle - 0.34 * slot, y: STRIP.floor - height, width: 0.68 * slot, height };
      const isKnown = Number.isFinite(explained);
      const shown = isKnown ? svg("rect", { class: "senet-gates-bar", ...bar }) : chartText(middle, STRIP.floor - 5, "–");
      const parts = [svg("rect", { class: "senet-gates-column", ...back }), shown];
      const said = svg("title", {}, `${name}: ${text(name)}`);
      const group = { "data-block": name, class: name === current && "senet-gates-chosen" };
      return svg("g", group, ...parts, chartText(middle, STRIP.floor + 15, index % every ? "" : short[index]), said);
    });
    const title = chartText((STRIP.left + right) / 2, STRIP.height - 3, WORDS.block, "middle", "senet-chart-name");
    return [...grid, ...columns, title];
  };
  return { element: panel(WORDS.stripHeading({ groupedBy }), null, sheet.element), draw: ({ name }) => sheet.draw((width) => paint(name, width)) };
}
