// The gates of the laboratory's networks, as they form: by the cue's colour.
import { element, heatmap, number } from "./kit.js";
import { LANES } from "./training_settings.js";

const GATE_WORDS = {
  cues: ["red", "green", "blue"],
  title: "Watch the gates form",
  waits: "The gates come with the first step: of each SE block, by the cue's colour.",
  of: ({ lane }) => `The gates of ${lane}, by the cue's colour`,
  map: ({ lane, block, channels }) => `gates of ${lane} in ${block}: rows red, green and blue cue, ${channels} channels`,
  range: ({ block }) => `${block}, range over the cues:`,
};

/** The gates of each SE network: a row for each colour of the cue, a column for each channel. */
export function createGatePanels(bench) {
  const panels = Object.fromEntries(LANES.map((lane) => [lane, element("div", { class: "lab-gates", "data-gates": lane })]));
  const maps = new Map(); // lane/block/channels -> its map
  const mapOf = (lane, block, channels) => {
    const key = `${lane}/${block}/${channels}`;
    if (!maps.has(key)) {
      const label = GATE_WORDS.map({ lane: lane.toUpperCase(), block, channels });
      const map = heatmap({ rows: 3, columns: channels, quantity: "s", label });
      const spread = number(`gate_range_${lane}_${block}`, { label: GATE_WORDS.range({ block }), digits: 2, isMeasured: true });
      const names = element("div", { class: "lab-cues", "aria-hidden": "true" }, ...GATE_WORDS.cues.map((cue, index) => element("span", { class: `lab-cue-${index}` }, cue)));
      maps.set(key, { map, spread, element: element("div", { class: "lab-block" }, spread.element, names, map.element) });
    }
    return maps.get(key);
  };
  const waits = element("p", { class: "parts-note" }, GATE_WORDS.waits);
  const pair = element("div", { class: "lab-pair" }, ...LANES.map((lane) => panels[lane]));
  const box = element("details", {}, element("summary", {}, GATE_WORDS.title), element("div", { class: "lab-gate-room" }, waits, pair));
  const draw = () => {
    box.hidden = LANES.every((lane) => bench.settings[lane].kind !== "se");
    waits.hidden = LANES.some((lane) => bench.lanes[lane].state.gates);
    for (const lane of LANES) {
      const { gates } = bench.lanes[lane].state;
      panels[lane].hidden = !gates;
      const shown = Object.entries(gates ?? {}).map(([block, rows]) => {
        const one = mapOf(lane, block, rows[0].length);
        one.map.draw(rows.flatMap((row) => Array.from(row)), 1);
        one.spread.set(rangeOfGates(rows));
        return one.element;
      });
      const there = [...panels[lane].children].slice(1);
      if (there.length !== shown.length || there.some((one, index) => one !== shown[index])) {
        const heading = element("p", { class: "senet-heading" }, GATE_WORDS.of({ lane: lane.toUpperCase() }));
        panels[lane].replaceChildren(heading, ...shown);
      }
    }
  };
  return { element: box, draw };
}

// How far a gate's mean moves with the cue's colour, the mean of all channels.
function rangeOfGates(rows) {
  const channels = Array.from(rows[0], (_, c) => rows.map((row) => row[c]));
  return channels.reduce((sum, three) => sum + Math.max(...three) - Math.min(...three), 0) / channels.length;
}
