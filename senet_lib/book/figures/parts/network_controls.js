// What figures of a running network share: which networks there are, what they have said before, who runs them now,
// a bar for each class, and a bar for each gate of each block.
import { Problem, button, chooseAlong, element, formatNumber, menu, number, panel, row, setText, toggle } from "./kit.js";
import { obstacle } from "./onnx_session.js";

/** Logits as probabilities. */
export function softmax(logits) {
  const most = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/**
 * The traits networks, and answers: what each has said of the exampleCount examples, in Python. Checked.
 * classesOf(network) gives the names of its classes.
 * recorded(name, way, index) has the logits and the gates of an example: way 0 with the network's own gates, 1 with
 * all of them 1.
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
  const recorded = (name, way, index) => {
    const { data, shape } = answers[name];
    let place = (way * shape[1] + index) * shape[2];
    const take = (count) => {
      place += count;
      return Array.from(data.subarray(place - count, place));
    };
    const logits = take(classesOf(byName[name]).length);
    const gates = Object.entries(byName[name].channels).map(([block, count]) => [block, take(count)]);
    return { logits, gates: Object.fromEntries(gates) };
  };
  return { networks, byName, recorded };
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

/** The button that loads a network, and a line that says who answers, from the traits state, kernel and message. */
export function createLoader(view, load) {
  const text = element("span", { role: "status", "data-name": "status" });
  const node = button("Run the networks in this page", () => view.get("state") !== "loading" && load()).element;
  const size = element("span", { class: "parts-note" }, "loads 14 MB from this site, once; nothing leaves your computer");
  const hindrance = obstacle();
  const time = number("milliseconds", { label: "The last answer took", unit: "ms.", digits: 1 });
  const draw = (shown) => {
    const [state, kernel, message] = [view.get("state"), view.get("kernel"), view.get("message")];
    time.element.hidden = !shown?.milliseconds;
    time.set(shown?.milliseconds ?? NaN);
    const said = {
      examples: hindrance ?? "",
      loading: "Loading …",
      ready: "ONNX Runtime runs the network in this page.",
      failed: `${message} The examples work.`,
    };
    node.hidden = kernel || hindrance !== null || state === "ready";
    node.setAttribute("aria-disabled", state === "loading");
    size.hidden = node.hidden || state !== "examples";
    const now = kernel ? message || "torch runs the network in the kernel." : said[state];
    if (now === undefined) throw new Problem(`state is ${state}; it must be one of ${Object.keys(said).join(", ")}.`);
    setText(text, now);
  };
  return { element: element("div", { class: "parts-loader" }, node, size, text, time.element), draw };
}

/**
 * A line for each class. draw(logits or null, others): bars, probabilities and logits, and a mark on each bar where
 * other logits have it; returns the index of the largest. barHead is the heading of the bars.
 */
export function createScoreTable(classes, barHead = "") {
  const lines = classes.map((name, i) => {
    const probability = number(`probability ${i}`, { digits: 3 });
    const logit = number(`logit ${i}`, { digits: 2 });
    const mark = element("i");
    const bar = element("div", { class: "parts-bar" }, mark);
    const parts = [element("span", {}, name), bar, probability.element, logit.element];
    return { node: element("div", { class: "parts-score" }, ...parts), bar, mark, probability, logit };
  });
  const heads = ["class", barHead, "probability", "logit"].map((text) => element("span", {}, text));
  const head = element("div", { class: "parts-score parts-note" }, ...heads);
  const draw = (logits, others = null) => {
    const shares = logits ? softmax(logits) : null;
    const marks = others ? softmax(others) : null;
    const best = logits ? shares.indexOf(Math.max(...shares)) : -1;
    lines.forEach(({ node, bar, mark, probability, logit }, i) => {
      probability.set(shares ? shares[i] : NaN);
      logit.set(logits ? logits[i] : NaN);
      bar.style.setProperty("--share", shares ? shares[i] : 0);
      mark.hidden = !marks;
      mark.style.setProperty("--share", marks ? marks[i] : 0);
      node.toggleAttribute("data-best", i === best);
    });
    return best;
  };
  return { element: element("div", {}, head, ...lines.map((one) => one.node)), draw };
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
