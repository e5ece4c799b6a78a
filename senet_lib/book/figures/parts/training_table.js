// The laboratory's finished runs: seed by seed, as a file, and erased.
import { button, element, formatNumber } from "./kit.js";
import { networkLabel, networkOfName } from "./training_settings.js";
import { eraseRuns, groupRuns, readRuns, runsAsCsv } from "./training_store.js";

export function createRunTable(bench) {
  const body = element("tbody");
  const head = element("tr", {}, ...["network", "distance", "training", "test accuracy, seed by seed"].map((name) => element("th", { scope: "col" }, name)));
  const grid = element("table", { class: "lab-table" }, element("thead", {}, head), body);
  const empty = element("p", { class: "parts-note" }, "Runs that end are listed here, and kept in this browser until you erase them.");
  const save = button("Save as CSV", () => offerFile("senet-laboratory.csv", runsAsCsv(readRuns()))).element;
  const erase = button("Erase", () => {
    eraseRuns();
    bench.storage = "";
    draw();
  }).element;
  const tools = element("div", { class: "lab-buttons" }, save, erase);
  const scroll = element("div", { class: "lab-scroll" }, grid);
  const box = element("div", { class: "lab-runs" }, element("p", { class: "senet-heading" }, "Finished runs"), empty, scroll, tools);
  let shown = null;
  const draw = () => {
    if (bench.phase() === "running" && shown !== null) return; // only an end changes it
    const groups = groupRuns(readRuns());
    const text = JSON.stringify(groups);
    empty.hidden = groups.length > 0;
    scroll.hidden = tools.hidden = groups.length === 0;
    if (text === shown) return;
    shown = text;
    body.replaceChildren(...groups.map(rowOfGroup));
  };
  return { element: box, draw };
}

function rowOfGroup({ network, gap, epochs, pictures, rate, schedule, seeds, finals }) {
  const known = networkOfName(network);
  const training = `${epochs} ${epochs === 1 ? "epoch" : "epochs"} of ${formatNumber(pictures)}, rate ${rate}${schedule === "constant" ? ", constant" : ""}`;
  const cells = [`gap ${gap}`, training].map((text) => element("td", {}, text));
  const values = finals.map((final, index) => element("span", { title: `seed ${seeds[index]}` }, final.toFixed(2), index < finals.length - 1 ? ", " : ""));
  return element("tr", {}, element("th", { scope: "row" }, known ? networkLabel(known) : network), ...cells, element("td", {}, ...values));
}

function offerFile(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const anchor = element("a", { href: address, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
