// All gates of a network, stage after stage, and one gate or one block of them that the reader sets by hand.
import { Problem, button, element, formatNumber, number, requireWhole, setText } from "./kit.js";
import { createGateBars } from "./network_controls.js";

const LARGEST_GATE = 2;
const HAND_STEP = 0.05;
// Why nothing can be set by hand.
const NOT_LIVE = "To set gates, first run the networks in this page.";
const NO_GATES = "To set gates by hand, first let the network use its gates.";

/** What the traits se and hand put in place of a network's own gates: by block the C gates, null for its own. Checked. */
export function readOverrides(view, channels) {
  const hand = readHand(view, channels);
  if (view.get("se")) return hand;
  return Object.fromEntries(Object.entries(channels).map(([block, count]) => [block, Array(count).fill(1)]));
}

// The blocks in which a gate is set by hand.
function readHand(view, channels) {
  const hand = view.get("hand");
  if (hand === null || typeof hand !== "object") throw new Problem(`hand is ${hand}; give gates by block, or {}.`);
  const moved = Object.entries(hand).filter(([block]) => block in channels);
  for (const [block, gates] of moved) {
    if (gates?.length !== channels[block]) {
      throw new Problem(`hand has ${gates?.length} gates for ${block}; give ${channels[block]}, None for its own.`);
    }
    const bad = gates.find((gate) => gate !== null && !(gate >= 0 && gate <= LARGEST_GATE));
    if (bad !== undefined) throw new Problem(`hand holds ${bad} in ${block}; give 0 to ${LARGEST_GATE}, or None.`);
  }
  return Object.fromEntries(moved.filter(([, gates]) => gates.some((gate) => gate !== null)));
}

/**
 * The traits block, channel, hand and se. draw({ network, channels, overrides }, shown, live): shown is an answer of
 * onnx_session.js or null; the gates can be moved while live. A network with "means", by block, offers these as well. ofBlocks: whether whole blocks can be set, too.
 * thenOwn: called when all gates shall be the network's own.
 */
export function createGateDesk(view, networks, { ofBlocks = true, thenOwn = () => {} } = {}) {
  const slot = element("div", { class: "desk-stages parts-column" });
  const stages = new Map(); // network -> { bars by block, elements }
  const editor = createHandEditor(view, (name) => networks.find((network) => network.name === name)?.means, ofBlocks, thenOwn);
  const note = element("p", { class: "parts-note desk-note" });
  const absent = element("p", { "data-name": "no gates" }, "This network has no SE, and so no gates.");
  const choose = (block) => (channel) => {
    view.set("block", block);
    view.set("channel", channel);
  };
  const stagesOf = ({ network, channels }) => {
    if (!stages.has(network)) stages.set(network, createStages(channels, choose));
    return stages.get(network);
  };
  const draw = (job, shown, live) => {
    const { bars, elements } = stagesOf(job);
    const wanted = elements.length ? elements : [absent];
    if (slot.firstChild !== wanted[0]) slot.replaceChildren(...wanted);
    slot.toggleAttribute("data-flat", elements.length === bars.length);
    const place = readChosenGate(view, networks, job.channels);
    const used = (block) => shown?.gates[block]?.map((gate, c) => job.overrides[block]?.[c] ?? gate) ?? null;
    const top = Object.values(job.overrides).some((gates) => gates.some((gate) => gate > 1)) ? LARGEST_GATE : 1;
    setText(note, bars.length
      ? `A full bar: a gate of ${top}. A line: the network's own gate.`
      : "");
    for (const [block, one] of bars) {
      const chosen = block === place?.block ? place.channel : null;
      one.draw({ own: shown?.gates[block] ?? null, used: used(block), chosen, top });
    }
    editor.draw(job, place, place && shown ? { own: shown.gates[place.block], used: used(place.block) } : null, live);
  };
  return { element: element("div", { class: "desk" }, slot, note, editor.element), draw };
}

// Blocks whose names differ after the last point only are of one stage, such as "layer2.0" and "layer2.1".
function createStages(channels, choose) {
  const bars = Object.entries(channels).map(([block, count]) => [block, createGateBars(block, count, choose(block))]);
  const byStage = new Map();
  for (const [block, one] of bars) {
    const stage = block.slice(0, Math.max(0, block.lastIndexOf(".")));
    byStage.set(stage, [...(byStage.get(stage) ?? []), one.element]);
  }
  const elements = [...byStage.values()].map((blocks) => element("div", { class: "desk-stage" }, ...blocks));
  return { bars, elements };
}

// The chosen gate. A network that has no such block shows the first gate of its first one.
function readChosenGate(view, networks, channels) {
  const block = view.get("block");
  const known = new Set(networks.flatMap((network) => Object.keys(network.channels)));
  if (block !== "" && !known.has(block)) {
    throw new Problem(`block is ${block}; it must be one of ${[...known].join(", ")}.`);
  }
  const most = Math.max(0, ...networks.map((network) => (network.channels[block] ?? 1) - 1));
  const channel = requireWhole(view, "channel", most);
  const names = Object.keys(channels);
  if (names.length === 0) return null;
  return block in channels ? { block, channel: Math.min(channel, channels[block] - 1) } : { block: names[0], channel: 0 };
}

function createHandEditor(view, meansOf, ofBlocks, thenOwn) {
  const input = element("input", { type: "range", min: 0, max: LARGEST_GATE, step: HAND_STEP, "data-trait": "hand", style: "height: 1.5rem" });
  const [used, own] = [number("gate", { digits: 2 }), number("own gate", { label: "its own:", digits: 2 })];
  const [gateName, blockName] = ["gate name", "block name"].map((name) => element("span", { "data-name": name }));
  let [job, place] = [null, null];
  const setRow = (row) => view.set("hand", { ...view.get("hand"), [place.block]: row });
  const setAll = (gate) => setRow(Array(job.channels[place.block]).fill(gate));
  const setOne = (gate) => {
    const row = view.get("hand")[place.block] ?? Array(job.channels[place.block]).fill(null);
    setRow(row.map((old, c) => (c === place.channel ? gate : old)));
  };
  const group = (legend, ...parts) => element("fieldset", { class: "desk-hand parts-line" }, element("legend", {}, element("span", {}, ...legend)), ...parts);
  const presets = (set, ...names) => names.map((text, i) => button(text, () => set([0, 1, null][i])).element);
  // The mean is the fair way to silence a gate: the same for all pictures, and no other number than in training.
  const means = () => meansOf(job.network);
  const meanButtons = [
    button("Its mean", () => setOne(means()[place.block][place.channel])).element,
    button("The block's means", () => setRow(means()[place.block])).element,
    button("All at their means", () => view.set("hand", means())).element,
  ];
  const [ofGate, ofBlock, ofAll] = meanButtons;
  const ofOne = element("span", { class: "desk-presets" }, ...presets(setOne, "Mute", "Open", "Its own"), ofGate);
  input.addEventListener("input", () => setOne(input.valueAsNumber));
  const fields = [group(["By hand: ", gateName], input, used.element, own.element, ofOne)];
  const allOwn = button("All their own", () => (view.set("hand", {}), thenOwn())).element;
  if (ofBlocks) {
    const ofBlocksGates = presets(setAll, "Mute the block", "Open the block", "Its own gates");
    fields.push(group(["All of ", blockName], ...ofBlocksGates, ofBlock, ofAll, allOwn));
  } else ofOne.append(allOwn);
  const why = element("p", { class: "parts-note desk-why", "data-name": "why" });
  const node = element("div", {}, why, ...fields);
  const draw = (nextJob, nextPlace, gates, live) => {
    [job, place] = [nextJob, nextPlace];
    node.hidden = place === null;
    for (const one of meanButtons) one.hidden = !means();
    for (const field of fields) field.disabled = !live || !view.get("se");
    const isFree = live && view.get("se");
    setText(why, live && !isFree ? NO_GATES : NOT_LIVE);
    why.style.visibility = isFree ? "hidden" : "visible"; // it keeps its room
    if (place === null) return;
    const [now, itsOwn] = gates ? [gates.used[place.channel], gates.own[place.channel]] : [NaN, NaN];
    setText(gateName, `gate ${place.channel} of ${place.block}`);
    setText(blockName, place.block);
    used.set(now);
    own.set(itsOwn);
    if (Number.isFinite(now)) input.value = now;
    input.setAttribute("aria-label", gateName.textContent);
    input.setAttribute("aria-valuetext", `${formatNumber(now, 2)}, its own ${formatNumber(itsOwn, 2)}`);
  };
  return { element: node, draw };
}
