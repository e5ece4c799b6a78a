// What figures of a running network share: which networks there are, what they have said before, who runs them now,
// and a bar for each gate of each block.
import { Problem, button, chooseAlong, disable, element, formatNumber, menu, number, panel, row, setText, toggle } from "./kit.js";
import { obstacle } from "./onnx_session.js";

/**
 * The traits networks, and answers: what each has said of the exampleCount examples, in Python. Checked.
 * classesOf(network) gives the names of its classes.
 * recorded(name, way, index) has the logits and the gates of an example: way 0 with the network's own gates, 1 with
 * all of them 1. unpack takes the same out of another array of the same form.
 */
export function readNetworks(view, exampleCount, classesOf) {
  const networks = view.data("networks");
  const answers = view.arrays("answers");
  if (networks.length === 0) throw new Problem("networks has none; give at least one.");
  for (const network of networks) {
    const counts = Object.values(network.channels);
    const outputs = counts.reduce((total, count) => total + count, classesOf(network).length);
    const wanted = [counts.length ? 2 : 1, exampleCount, outputs].join(", ");
    const found = answers[network.name]?.shape.join(", ") ?? "none";
    if (found !== wanted) throw new Problem(`answers.${network.name} has shape (${found}); it must be (${wanted}).`);
  }
  const byName = Object.fromEntries(networks.map((network) => [network.name, network]));
  const unpack = ({ data, shape }, name, way, index) => {
    let place = (way * shape[1] + index) * shape[2];
    const take = (count) => {
      place += count;
      return Array.from(data.subarray(place - count, place));
    };
    const logits = take(classesOf(byName[name]).length);
    const gates = Object.entries(byName[name].channels).map(([block, count]) => [block, take(count)]);
    return { logits, gates: Object.fromEntries(gates) };
  };
  const recorded = (name, way, index) => unpack(answers[name], name, way, index);
  return { networks, byName, recorded, unpack };
}

/** The traits network and se: which network answers, and whether with its gates. draw({ channels, note }) of that one. */
export function createNetworkChoice(view, networks) {
  const options = networks.map(({ name, label }) => [name, label]);
  const names = menu(view, "network", { label: "Network", options, then: () => view.set("hand", {}) });
  const useGates = toggle(view, "se", { label: "use the gates (SE)" }).element;
  const told = element("p", { class: "parts-note", "data-name": "note" });
  const draw = ({ channels, note = "" }) => {
    const isAbsent = Object.keys(channels).length === 0;
    useGates.querySelector("input").disabled = isAbsent;
    useGates.title = isAbsent ? "This network has no SE, and so no gates." : "";
    setText(told, note);
    told.hidden = !note;
  };
  const line = row(names.element, useGates, told);
  line.classList.add("parts-choices");
  return { element: line, draw };
}

const LOADER_WORDS = {
  run: "Run the networks in this page",
  size: "loads 14 MB from this site, once; nothing leaves your computer",
  running: "The networks run in this page already.",
  time: "The last answer:",
  loading: "Loading …",
  ready: "ONNX Runtime runs here.",
  kernel: "torch runs the network in the kernel.",
  failed: ({ message }) => `${message} The examples work.`,
};

/**
 * The button that loads a network, and a line that says who answers, from the traits state, kernel and message. It is as
 * high when the network runs as before.
 */
export function createLoader(view, load) {
  const text = element("span", { role: "status", "data-name": "status" });
  const isBusy = () => ["loading", "ready"].includes(view.get("state"));
  const node = button(LOADER_WORDS.run, () => isBusy() || load()).element;
  const size = element("span", { class: "parts-note" });
  const hindrance = obstacle();
  const time = number("milliseconds", { label: LOADER_WORDS.time, unit: "ms.", digits: 1 });
  const now = element("span", { class: "parts-note" }, text, " ", time.element);
  const told = element("span", { class: "parts-stack" }, size, now);
  const draw = (shown) => {
    const [state, kernel, message] = [view.get("state"), view.get("kernel"), view.get("message")];
    time.element.hidden = !shown?.milliseconds;
    time.set(shown?.milliseconds ?? NaN);
    const said = {
      examples: hindrance ?? "",
      loading: LOADER_WORDS.loading,
      ready: LOADER_WORDS.ready,
      failed: LOADER_WORDS.failed({ message }),
    };
    node.hidden = kernel || hindrance !== null;
    disable(node, { loading: LOADER_WORDS.loading, ready: LOADER_WORDS.running }[state]);
    setText(size, node.hidden ? "" : LOADER_WORDS.size);
    size.style.visibility = state === "examples" ? "visible" : "hidden";
    const answering = kernel ? message || LOADER_WORDS.kernel : said[state];
    if (answering === undefined) throw new Problem(`state is ${state}; it must be one of ${Object.keys(said).join(", ")}.`);
    setText(text, answering);
  };
  return { element: element("div", { class: "parts-loader" }, node, told), draw };
}

/**
 * The gates of one block, a bar each, with a line where the network's own gate is. Choose one by pressing, or with the
 * arrow keys. draw({ own: C numbers or null, used, chosen, top: the number of a full bar }).
 */
export function createGateBars(block, count, onChoose) {
  const bars = Array.from({ length: count }, () => element("span", {}, element("i")));
  const attributes = { role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": count - 1 };
  const label = `gates of ${block}: choose a channel`;
  const node = element("div", { class: "parts-gates", ...attributes, "aria-label": label, "data-block": block }, ...bars);
  node.style.setProperty("--gap", count > 128 ? 0 : count > 48 ? "1px" : "2px");
  const looks = [];
  let current = 0;
  const placeOf = ({ clientX }) => {
    const box = node.getBoundingClientRect();
    return Math.floor(((clientX - box.left) / box.width) * count);
  };
  chooseAlong(node, { placeOf, placeNow: () => current, count: () => count, choose: onChoose });
  const draw = ({ own, used, chosen, top }) => {
    current = chosen ?? current;
    bars.forEach((bar, c) => {
      const [isMoved, isChosen] = [Boolean(own) && used[c] !== own[c], c === chosen];
      const look = [used ? used[c] / top : 0, isMoved ? Math.min(1, own[c] / top) : 0, isMoved, isChosen];
      if (look.every((part, i) => part === looks[c]?.[i])) return; // styles are what takes the time
      looks[c] = look;
      bar.style.setProperty("--used", look[0]);
      bar.style.setProperty("--own", look[1]);
      bar.toggleAttribute("data-moved", isMoved);
      bar.toggleAttribute("data-chosen", isChosen);
    });
    node.setAttribute("aria-valuenow", current);
    const value = used ? `gate ${formatNumber(used[current], 2)}` : "no gate yet";
    node.setAttribute("aria-valuetext", `channel ${current}: ${value}`);
    node.values = own; // for tests
  };
  const box = panel(`s of ${block}: ${count} gates`, "s", node);
  box.style.setProperty("--count", count);
  return { element: box, draw };
}
