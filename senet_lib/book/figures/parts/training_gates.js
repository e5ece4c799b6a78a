// The gates of the laboratory's networks, as they form: by the cue's colour.
import { element, heatmap, number } from "./kit.js";
import { LANES } from "./training_settings.js";

const CUE_NAMES = ["red", "green", "blue"];

/** The gates of each SE network: a row for each colour of the cue, a column for each channel. */
export function createGatePanels(bench) {
  const panels = Object.fromEntries(LANES.map((lane) => [lane, element("div", { class: "lab-gates", "data-gates": lane })]));
  const maps = new Map(); // lane/block/channels -> its map
  const mapOf = (lane, block, channels) => {
    const key = `${lane}/${block}/${channels}`;
    if (!maps.has(key)) {
      const label = `gates of ${lane.toUpperCase()} in ${block}: rows red, green and blue cue, ${channels} channels`;
      const map = heatmap({ rows: 3, columns: channels, quantity: "s", label });
      const spread = number(`gate_range_${lane}_${block}`, { label: `${block}, range over the cues:`, digits: 2, isMeasured: true });
      const names = element("div", { class: "lab-cues", "aria-hidden": "true" }, ...CUE_NAMES.map((cue) => element("span", { class: `lab-${cue}` }, cue)));
      maps.set(key, { map, spread, element: element("div", { class: "lab-block" }, spread.element, names, map.element) });
    }
    return maps.get(key);
  };
  const draw = () => {
    for (const lane of LANES) {
      const { kind, blocks } = bench.settings[lane];
      const { gates } = bench.lanes[lane].state;
      panels[lane].hidden = kind !== "se";
      const shown = Object.entries(gates ?? emptyGatesOf(blocks)).map(([block, rows]) => {
        const one = mapOf(lane, block, rows[0].length);
        one.map.draw(rows.flatMap((row) => Array.from(row)), 1);
        one.spread.set(gates ? rangeOfGates(rows) : NaN);
        return one.element;
      });
      const heading = element("p", { class: "senet-heading" }, `The gates of ${lane.toUpperCase()}, by the cue's colour`);
      const there = [...panels[lane].children].slice(1);
      if (there.length !== shown.length || there.some((one, index) => one !== shown[index])) {
        panels[lane].replaceChildren(heading, ...shown);
      }
    }
  };
  return { element: element("div", { class: "lab-pair" }, ...LANES.map((lane) => panels[lane])), draw };
}

const STAGE_CHANNELS = [16, 32];

// Before the first step: the blocks of a small network, two stages of equal depth, without a colour.
function emptyGatesOf(blocks) {
  const names = STAGE_CHANNELS.flatMap((channels, stage) =>
    Array.from({ length: blocks / 2 }, (_, index) => [`layer${stage + 1}.${index}`, Array.from({ length: 3 }, () => Array(channels).fill(0))]),
  );
  return Object.fromEntries(names);
}

// How far a gate's mean moves with the cue's colour, the mean of all channels.
function rangeOfGates(rows) {
  const channels = Array.from(rows[0], (_, c) => rows.map((row) => row[c]));
  return channels.reduce((sum, three) => sum + Math.max(...three) - Math.min(...three), 0) / channels.length;
}
