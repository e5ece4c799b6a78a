// Logits as probabilities, and a bar for each class.
import { element, number } from "./kit.js";

/** Logits as probabilities. */
export function softmax(logits) {
  const most = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
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
