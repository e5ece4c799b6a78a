// A question that the reader answers before the figure does. What the answer is, and how far off the guess was, comes
// after. Guesses are kept in this browser only, if it keeps anything.
import { recall, remember } from "./browser_store.js";
import { afterNumber, button, element, formatNumber, freshId, setText } from "./kit.js";

const GUESS_STORE = "senet-book/guesses"; // key of a question -> [the guess, whether it was right]
export const NOT_GUESSED = "shown"; // in place of a guess: the reader has asked for the answer
const GUESS_WORDS = {
  lead: "Your guess. {question}",
  cover: "Your guess uncovers this.",
  guess: "Guess",
  skip: "Show me",
  again: "Guess again",
  right: "Right. {told}",
  wrong: "Not so. {told}",
  exact: "Exactly: {answer}. {told}",
  off: "You said {guess}. It is {answer}: {off} off. {told}",
  waiting: "You said {guess}. {told}",
};

/** Fill in the parts of a text: "{name}" stands for parts.name. */
const fillGuess = (text, parts) => text.replace(/\{(\w+)\}/g, (_, name) => parts[name]);

const recalledViews = new WeakSet(); // a figure that is built anew does not go back to an earlier visit

/** What the reader has guessed, by question, from the trait guesses; the first time also from earlier visits. */
function readGuesses(view) {
  const now = view.get("guesses");
  if (recalledViews.has(view)) return now;
  recalledViews.add(view);
  if (Object.keys(now).length > 0) return now;
  const kept = Object.entries(recall(GUESS_STORE)).filter(([, entry]) => Array.isArray(entry));
  const guesses = Object.fromEntries(kept.map(([key, [guess]]) => [key, guess]));
  if (kept.length > 0) view.set("guesses", guesses);
  return guesses;
}

/**
 * A question with its answer, for a figure with the traits asks and guesses.
 * @param key names the question among all of the book; a function, where the figure asks several, one after the other.
 * @param options to choose from, [[value, text], …]; or range, for a number: { min, max, step, start, unit, digits }.
 * @param answer () => { value, told }: what is right, and a sentence on it. Without a value nobody knows it yet.
 * @param covered elements that are seen after the guess only.
 */
export function guess(view, { key, question, options = null, range = null, answer, covered = [] }) {
  if (!view.data("asks")) return { element: document.createDocumentFragment(), isOpen: () => false, draw: () => {} };
  readGuesses(view);
  const keyNow = typeof key === "function" ? key : () => key;
  const keep = (entry) => remember(GUESS_STORE, { ...recall(GUESS_STORE), [keyNow()]: entry });
  const take = (value) => {
    if (isTaken()) return;
    view.set("guesses", { ...readGuesses(view), [keyNow()]: value });
    keep([value, value === answer().value]);
  };
  const forget = () => {
    const { [keyNow()]: _, ...others } = readGuesses(view);
    view.set("guesses", others);
    keep(undefined);
  };
  const given = () => readGuesses(view)[keyNow()];
  const isAllowed = (value) => (options ? options.some(([option]) => option === value) : Number.isFinite(value));
  const isTaken = () => given() === NOT_GUESSED || isAllowed(given());
  const isOpen = () => !isTaken();

  const ways = options ? createGuessOptions(options, take) : createGuessRange(range, take);
  const skip = button(GUESS_WORDS.skip, () => (isTaken() ? forget() : take(NOT_GUESSED))).element;
  const told = element("p", { class: "parts-guess-told", role: "status", "data-name": "guess" });
  const asked = element("legend", {}, fillGuess(GUESS_WORDS.lead, { question }));
  const controls = element("div", { class: "parts-guess-ways" }, ...ways.elements, skip);
  const box = element("fieldset", { class: "parts-guess" }, asked, element("div", { class: "parts-guess-body" }, controls, told));
  for (const [index, one] of covered.entries()) one.dataset.cover = index === 0 ? GUESS_WORDS.cover : "";

  const draw = () => {
    for (const one of covered) one.classList.toggle("parts-covered", isOpen());
    ways.draw(given());
    setText(skip, isTaken() ? GUESS_WORDS.again : GUESS_WORDS.skip);
    setText(told, isTaken() ? judgeGuess(given(), answer(), ways) : "");
    // What is told takes the place of the ways to guess, so that both need room for one; the focus is not lost.
    if (isTaken() && ways.elements.some((one) => one.contains(document.activeElement))) skip.focus({ preventScroll: true });
    for (const one of ways.elements) one.hidden = isTaken();
    controls.classList.toggle("parts-guess-taken", isTaken());
  };
  return { element: box, isOpen, draw };
}

/** The numbers within an element: as things that a guess covers, each a "?". */
export function unknownNumbers(node) {
  const numbers = [...node.querySelectorAll(".senet-number output")];
  for (const one of numbers) one.classList.add("parts-unknown");
  return numbers;
}

/** How far off a guess is, in words. */
function judgeGuess(given, { value, told }, { text, isNumber }) {
  if (given === NOT_GUESSED) return told;
  if (value === undefined) return fillGuess(GUESS_WORDS.waiting, { guess: text(given), told });
  if (!isNumber) return fillGuess(given === value ? GUESS_WORDS.right : GUESS_WORDS.wrong, { told });
  const parts = { guess: text(given), answer: text(value), off: text(Math.abs(given - value)), told };
  return fillGuess(parts.guess === parts.answer ? GUESS_WORDS.exact : GUESS_WORDS.off, parts);
}

/** A button for each thing to choose. */
function createGuessOptions(options, take) {
  const buttons = options.map(([value, text]) => {
    const node = button(text, () => take(value)).element;
    node.dataset.guess = value;
    return { value, node };
  });
  const text = (chosen) => options.find(([value]) => value === chosen)[1];
  return { elements: buttons.map(({ node }) => node), draw: () => {}, text, isNumber: false };
}

/** A slider for a number, and the button that hands it in. */
function createGuessRange({ min, max, step = 1, start, unit = "", digits = 3 }, take) {
  const id = freshId("guess");
  const text = (value) => `${formatNumber(value, digits)}${afterNumber(unit)}`;
  const first = start ?? min + step * Math.round((max - min) / step / 2);
  const input = element("input", { type: "range", id, min, max, step, value: first, "aria-label": GUESS_WORDS.guess });
  const output = element("output", { for: id }, text(first));
  const hand = button(GUESS_WORDS.guess, () => take(input.valueAsNumber)).element;
  input.addEventListener("input", () => setText(output, text(input.valueAsNumber)));
  const draw = (given) => {
    if (Number.isFinite(given)) input.value = given;
    setText(output, text(input.valueAsNumber));
  };
  const whole = element("span", { class: "parts-guess-range" }, input, output);
  return { elements: [whole, hand], draw, text, isNumber: true };
}


