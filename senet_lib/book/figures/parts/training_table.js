// The laboratory's finished runs: seed by seed, as a file, and erased.
import { button, element, formatNumber, setText } from "./kit.js";
import { networkLabel, networkOfName } from "./training_settings.js";
import { eraseRuns, groupRuns, readRuns, runsAsCsv } from "./training_store.js";

const RUN_WORDS = {
  heads: ["network", "distance", "training", "test accuracy, seed by seed"],
  title: ({ count }) => `Finished runs: ${count}`,
  empty: "Runs that end are listed here, and kept in this browser until you erase them.",
  save: "Save as CSV",
  erase: "Erase",
  gap: ({ gap }) => `gap ${gap}`,
  training: ({ epochs, pictures, rate, schedule }) => `${epochs} × ${pictures} pictures, rate ${rate}, ${schedule}`,
  seed: ({ seed }) => `seed ${seed}`,
};

export function createRunTable(bench) {
  const body = element("tbody");
  const head = element("tr", {}, ...RUN_WORDS.heads.map((name) => element("th", { scope: "col" }, name)));
  const grid = element("table", { class: "lab-table" }, element("thead", {}, head), body);
  const empty = element("p", { class: "parts-note" }, RUN_WORDS.empty);
  const save = button(RUN_WORDS.save, () => offerFile("senet-laboratory.csv", runsAsCsv(readRuns()))).element;
  const erase = button(RUN_WORDS.erase, () => {
    eraseRuns();
    bench.storage = "";
    draw();
  }).element;
  const tools = element("div", { class: "lab-buttons" }, save, erase);
  const scroll = element("div", { class: "lab-scroll" }, grid);
  const title = element("summary");
  const box = element("details", { class: "lab-runs" }, title, empty, scroll, tools);
  let shown = null;
  const draw = () => {
    if (bench.phase() === "running" && shown !== null) return; // only an end changes it
    const groups = groupRuns(readRuns());
    const text = JSON.stringify(groups);
    empty.hidden = groups.length > 0;
    scroll.hidden = tools.hidden = groups.length === 0;
    if (text === shown) return;
    if (shown === null) box.open = groups.length > 0; // from then on it is the reader's
    shown = text;
    setText(title, RUN_WORDS.title({ count: groups.reduce((sum, { seeds }) => sum + seeds.length, 0) }));
    body.replaceChildren(...groups.map(rowOfGroup));
  };
  return { element: box, draw };
}

function rowOfGroup({ network, gap, epochs, pictures, rate, schedule, seeds, finals }) {
  const known = networkOfName(network);
  const training = RUN_WORDS.training({ epochs, pictures: formatNumber(pictures), rate, schedule });
  const cells = [RUN_WORDS.gap({ gap }), training].map((text) => element("td", {}, text));
  const values = finals.map((final, index) => element("span", { title: RUN_WORDS.seed({ seed: seeds[index] }) }, final.toFixed(2), index < finals.length - 1 ? ", " : ""));
  return element("tr", {}, element("th", { scope: "row" }, known ? networkLabel(known) : network), ...cells, element("td", {}, ...values));
}

function offerFile(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const anchor = element("a", { href: address, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
