// A photograph, also the reader's own, and trained networks that answer at once: class scores, and every gate.
import { acceptDrops, acceptPastes } from "./parts/file_drop.js";
import { Problem, button, element, figure, formatNumber, number, panel, phoneFold, picture, row, setText } from "./parts/kit.js";
import { guess } from "./parts/guess.js";
import { createGateDesk, readOverrides } from "./parts/gate_desk.js";
import { createLoader, createNetworkChoice, readNetworks } from "./parts/network_controls.js";
import { createRunner, obstacle } from "./parts/onnx_session.js";
import { partChoice } from "./parts/part_choice.js";
import { createCamera, readPicture } from "./parts/picture_input.js";
import { createScoreTable, softmax } from "./parts/score_table.js";

const WORDS = {
  parts: { picture: "the picture", gates: "its gates" },
  question: ({ network, count }) => `Set all gates of “${network}” to 1. How many of the ${count} answers change?`,
  told: ({ changed, count, names }) => `With all gates at 1, ${changed} of ${count} answers change: those for ${names}.`,
  toldNone: ({ count }) => `With all gates at 1, none of the ${count} answers changes.`,
  bring: "Bring your own picture",
  picture: "The picture",
  seen: "In 32 × 32 pixels",
  seenLabel: "what the network sees: 32 by 32 pixels",
  ownLabel: ({ name }) => `your picture, ${name}`,
  ownSource: ({ name }) => `Your picture: ${name}`,
  source: ({ name, from }) => `${name}: ${from}`,
  offer: "Choose a picture",
  camera: "Use the camera",
  cameraOff: "Stop the camera",
  fromCamera: "from the camera",
  file: "Choose a file",
  again: "Show it again",
  zone: "your own picture: drop it here, or paste it",
  own: "Your own picture: drop it here, or press here and paste it (Ctrl+V).",
  noPicture: "That was no picture file; save the picture first, and choose the file.",
  privateKernel: "Of your picture only these 32 × 32 pixels go to this notebook's kernel, and nowhere else.",
  private: "Your picture stays in this browser.",
  scores: "Class scores",
  answer: "Answer:",
  mark: "The line on a bar: with the network's own gates.",
  verdictOwn: ({ count }) => `. It can only name one of its ${count} classes, whatever your picture shows.`,
  verdictNone: ({ count, what }) => `. None of the ${count} classes is ${what}.`,
  verdictRight: ({ what }) => ` – right: it is ${what}.`,
  verdictWrong: ({ what }) => ` – wrong: it is ${what}.`,
  handStays: ({ name, was, is }) => `Your gates: ${name} ${was} → ${is}. The answer stays.`,
  handMoves: ({ name, was, is, now, share }) => `Your gates: ${name} ${was} → ${is}; now ${now}, ${share}.`,
  openStays: ({ name, was, is }) => `All gates 1: ${name} ${was} → ${is}. The answer stays.`,
  openMoves: ({ name, was, is, now, share }) => `All gates 1: ${name} ${was} → ${is}; now ${now}, ${share}.`,
};
const SHAPE = [3, 32, 32];
const SIZE = SHAPE[0] * SHAPE[1] * SHAPE[2];
const OWN = -1; // the trait picture, where it is the reader's own
const ROWS_IN_SIGHT = 12;

export default figure((view) => {
  const data = readOffer(view);
  const runner = createRunner(view);
  const isReady = () => view.get("kernel") || view.get("state") === "ready";
  const load = () => runner.load(readJob(view, data, readChosen(view, data)));
  // The reader's picture asks for an answer: no second press is needed.
  const loadForOwn = () => isReady() || obstacle() || view.get("state") === "loading" || load();

  const pair = createPair();
  const input = createInput(view, { show: pair.showOwn, load: loadForOwn });
  const offer = createOffer(data, (index) => {
    input.stop();
    view.set("picture", index);
  });
  const loader = createLoader(view, load);
  const scores = createScores(data);
  const gates = createGateDesk(view, data.networks);
  const choices = createNetworkChoice(view, data.networks);
  const offered = element("div", {}, pair.element, offer.element);
  const world = element("div", { class: "photo-world parts-column" }, offered, phoneFold(view, WORDS.scores, scores.element).element);
  const own = phoneFold(view, WORDS.bring, input.element).element;
  const asked = askForTheOpened(view, data, gates.element);
  view.body.append(choices.element, loader.element, scores.answer, world, own, asked.element, gates.element);
  const parts = { picture: [world, own], gates: [asked.element, gates.element] };
  choices.element.prepend(partChoice(view, WORDS.parts, parts).element);

  return () => {
    const chosen = readChosen(view, data);
    const job = readJob(view, data, chosen);
    const live = runner.isLive();
    if (live) runner.ask(job);
    const shown = (live && runner.latest(job.network)) || recordedAnswer(data, job, chosen);
    choices.draw(job);
    pair.draw(chosen);
    offer.draw(chosen.index);
    input.draw();
    loader.draw(shown);
    scores.draw(chosen, job, shown);
    gates.draw(job, asked.isOpen() ? null : shown, live);
    asked.draw();
    view.body.dataset.answered = shown?.key === job.key; // for tests
  };
});

/** Before the gates: how many answers on the offered pictures change when all gates are open? Of the first network with SE. */
function askForTheOpened(view, { networks, offered, recorded }, covered) {
  const withSe = networks.find(({ channels }) => Object.keys(channels).length > 0);
  if (!withSe) return { element: element("div"), isOpen: () => false, draw: () => {} };
  const { name, label } = withSe;
  const bestOf = ({ logits }) => logits.indexOf(Math.max(...logits));
  const count = offered.length;
  const answer = () => {
    const changed = offered.filter((_, i) => bestOf(recorded(name, 0, i)) !== bestOf(recorded(name, 1, i)));
    const names = changed.map((one) => one.name).join(", ");
    return { value: changed.length, told: (names ? WORDS.told : WORDS.toldNone)({ changed: changed.length, count, names }) };
  };
  const question = WORDS.question({ network: label, count });
  return guess(view, { key: `opened/${name}`, question, range: { min: 0, max: count }, answer, covered: [covered] });
}

// ----------------------------------------------------------------------------------------------------------- the state

function readOffer(view) {
  const offered = view.data("offered");
  const pictures = view.array("pictures", ["K", ...SHAPE]);
  if (!(pictures.data instanceof Uint8Array)) throw new Problem("pictures must be bytes: whole numbers from 0 to 255.");
  if (offered.length !== pictures.shape[0]) {
    throw new Problem(`offered has ${offered.length} entries for ${pictures.shape[0]} pictures; give one for each.`);
  }
  const planes = (index) => pictures.data.subarray(index * SIZE, (index + 1) * SIZE);
  return { ...readNetworks(view, offered.length, ({ classes }) => classes), offered, planes };
}

// The picture that is shown: one of those that are offered, or the reader's own.
function readChosen(view, { offered, planes }) {
  const index = view.get("picture");
  if (!(Number.isInteger(index) && index >= OWN && index < offered.length)) {
    throw new Problem(`picture is ${index}; it must be ${OWN} for your own, or a whole number from 0 to ${offered.length - 1}.`);
  }
  const own = view.get("own");
  if (index !== OWN) return { index, key: index, pixels: planes(index), ...offered[index] };
  const bad = own.find((value) => !(Number.isInteger(value) && value >= 0 && value <= 255));
  if (own.length !== SIZE || bad !== undefined) {
    const fault = own.length === SIZE ? `holds ${bad}` : `has ${own.length} numbers`;
    throw new Problem(`own ${fault}; give ${SIZE} whole numbers from 0 to 255, the pixels (${SHAPE}) of a picture.`);
  }
  return { index, key: own.join(), pixels: Uint8Array.from(own), name: view.get("own_name") };
}

// What the network is asked: the picture, and the gates that it shall use instead of its own; before, with its own.
function readJob(view, world, { key, pixels }) {
  const { name, file, channels } = world.byName[view.get("network")];
  const overrides = readOverrides(view, channels);
  const jobWith = (gates) => ({
    ...{ key: JSON.stringify([name, key, gates]), network: name, file, channels },
    ...{ picture: pixels, shape: SHAPE, overrides: gates },
  });
  const changed = Object.keys(overrides).length > 0;
  return { ...jobWith(overrides), before: changed ? jobWith({}) : null, withSe: view.get("se") };
}

// What the network has said of an offered picture, in Python; null for another one, or with gates set by hand.
function recordedAnswer({ recorded }, job, { index }) {
  if (index === OWN || (job.withSe && job.before)) return null;
  const said = recorded(job.network, job.before ? 1 : 0, index);
  return { key: job.key, ...said, before: job.before ? recorded(job.network, 0, index).logits : undefined };
}

// ---------------------------------------------------------------------------------------------------------- the pieces

// The picture as people see it, and as the network does.
function createPair() {
  const photograph = element("img", { alt: "" });
  const frame = element("div", { class: "photo-square" }, photograph);
  const seen = picture({ rows: SHAPE[1], columns: SHAPE[2], label: WORDS.seenLabel });
  const source = element("span", { "data-name": "source" });
  const [large, small] = [panel(WORDS.picture, null, frame), panel(WORDS.seen, "x", seen.element)];
  let own = null; // the newest picture of the reader, as a canvas
  const draw = ({ index, name, what, source: from, preview, pixels }) => {
    const shown = index === OWN ? own : photograph;
    if (shown === photograph && photograph.getAttribute("src") !== preview) photograph.src = preview;
    photograph.alt = what ?? "";
    own?.setAttribute("aria-label", WORDS.ownLabel({ name }));
    large.hidden = shown === null; // pixels that came from Python
    if (shown !== null && frame.firstChild !== shown) frame.replaceChildren(shown);
    seen.draw(pixels);
    setText(source, index === OWN ? WORDS.ownSource({ name }) : WORDS.source({ name, from }));
  };
  const showOwn = (canvas) => {
    own = canvas;
    canvas.setAttribute("role", "img");
  };
  const pictures = element("div", { class: "photo-pair" }, large, small);
  return { element: element("div", {}, pictures, element("p", { class: "parts-note photo-source" }, source)), draw, showOwn };
}

function createOffer({ offered }, choose) {
  const buttons = offered.map(({ name, preview }, index) => {
    const one = button("", () => choose(index)).element;
    one.append(element("img", { src: preview, alt: name }));
    return one;
  });
  const draw = (current) => buttons.forEach((one, index) => one.setAttribute("aria-current", index === current));
  const legend = element("legend", { class: "senet-heading" }, WORDS.offer);
  return { element: element("fieldset", { class: "photo-offer" }, legend, ...buttons), draw };
}

// Where the reader's own picture comes in: a file that is dropped, pasted or chosen, or the camera.
function createInput(view, { show, load }) {
  const told = element("p", { role: "status", class: "photo-told", "data-name": "input" });
  const say = (text) => setText(told, text);
  const use = ({ pixels, shown, name }) => {
    show(shown);
    view.set("own", Array.from(pixels));
    view.set("own_name", name);
    view.set("picture", OWN);
  };
  const toggleCamera = button(WORDS.camera, () => (camera.isOn() ? camera.stop() : camera.start())).element;
  const camera = createCamera(
    (frame) => use({ ...frame, name: WORDS.fromCamera }),
    (message) => {
      setText(toggleCamera, camera.isOn() ? WORDS.cameraOff : WORDS.camera);
      say(message);
      if (camera.isOn() && message === "") load();
    },
  );
  view.onClose(() => camera.stop());

  let newest = 0; // of several files only the last one counts, whichever is read first
  const take = async (file) => {
    camera.stop();
    const mine = (newest += 1);
    try {
      const found = await readPicture(file);
      if (mine !== newest) return;
      use(found);
      load();
    } catch (error) {
      if (!(error instanceof Problem)) console.error(error);
      if (mine === newest) say(error.message);
    }
  };
  const chooser = element("input", { type: "file", accept: "image/*", hidden: true, "data-name": "file" });
  chooser.addEventListener("change", () => {
    if (chooser.files.length > 0) take(chooser.files[0]);
    chooser.value = ""; // the same file may be chosen again
  });
  const again = button(WORDS.again, () => view.set("picture", OWN)).element;
  const zone = element(
    "div",
    { class: "photo-input parts-line parts-drop", role: "group", tabindex: 0, "aria-label": WORDS.zone },
    element("p", {}, WORDS.own),
    row(button(WORDS.file, () => chooser.click()).element, toggleCamera, again, chooser),
    told,
  );
  listenForFiles(view, zone, take, say);
  const privacy = element("p", { class: "parts-note", "data-name": "privacy" });
  zone.append(privacy);
  const draw = () => {
    again.hidden = view.get("picture") === OWN || view.get("own").length === 0;
    setText(privacy, view.get("kernel") ? WORDS.privateKernel : WORDS.private);
  };
  return { element: zone, draw, stop: camera.stop };
}

// Files that are dropped anywhere on the figure, or pasted while something in it has the focus.
function listenForFiles(view, zone, take, say) {
  const takeFrom = (transfer) => {
    if (transfer.files.length > 0) take(transfer.files[0]);
    else say(WORDS.noPicture);
  };
  acceptDrops(view, zone, takeFrom);
  acceptPastes(view, takeFrom);
}

function createScores({ byName }) {
  const tables = new Map(); // network -> its table
  const slot = element("div", { class: "photo-scores" });
  const answer = number("answer", { label: WORDS.answer });
  const verdict = element("span", { "data-name": "verdict" });
  const effect = element("p", { "data-name": "effect", role: "status" });
  const legend = element("p", { class: "parts-note photo-legend" });
  const tableOf = (network) => {
    const { classes } = byName[network];
    if (!tables.has(network)) tables.set(network, createScoreTable(classes));
    // More rows than that are behind a scroll bar, which the keyboard must reach.
    if (classes.length > ROWS_IN_SIGHT) slot.setAttribute("tabindex", 0);
    else slot.removeAttribute("tabindex");
    return tables.get(network);
  };
  const draw = (chosen, job, shown) => {
    const { classes } = byName[job.network];
    const table = tableOf(job.network);
    if (slot.firstChild !== table.element) slot.replaceChildren(table.element);
    const before = job.before && shown?.before ? shown.before : null;
    const best = table.draw(shown?.logits ?? null, before);
    answer.set(best < 0 ? "–" : classes[best]);
    setText(verdict, judge(chosen, classes, best));
    setText(effect, before ? compare(classes, before, shown.logits, job.withSe) : "");
    setText(legend, before ? WORDS.mark : "");
  };
  const line = element("div", { class: "photo-answer senet-stays" }, element("p", {}, answer.element, verdict), effect);
  return { element: panel(WORDS.scores, null, slot, legend), answer: line, draw };
}

// What the answer is worth, as far as anybody knows.
function judge({ index, what, label }, classes, best) {
  const count = classes.length;
  if (index === OWN) return WORDS.verdictOwn({ count });
  if (!classes.includes(label)) return WORDS.verdictNone({ count, what });
  if (best < 0) return "";
  return classes[best] === label ? WORDS.verdictRight({ what }) : WORDS.verdictWrong({ what });
}

// What other gates have done to the answer.
function compare(classes, before, after, withSe) {
  const [was, is] = [softmax(before), softmax(after)];
  const topOf = (shares) => shares.indexOf(Math.max(...shares));
  const [first, now] = [topOf(was), topOf(is)];
  const [stays, moves] = withSe ? [WORDS.handStays, WORDS.handMoves] : [WORDS.openStays, WORDS.openMoves];
  const parts = { name: classes[first], was: formatNumber(was[first]), is: formatNumber(is[first]) };
  return first === now ? stays(parts) : moves({ ...parts, now: classes[now], share: formatNumber(is[now]) });
}
