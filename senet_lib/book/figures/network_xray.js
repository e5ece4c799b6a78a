// Anybody's ONNX file: its SE blocks are found, their gates are shown on the reader's picture, and can be set.
import { bars } from "./parts/bars.js";
import { acceptDrops, acceptPastes } from "./parts/file_drop.js";
import { countGates } from "./parts/gate_blocks.js";
import { guess } from "./parts/guess.js";
import { Problem, button, choice, element, figure, formatNumber, menu, need, number, panel, requireWhole, row, setText, svg, tableHead, tableLine } from "./parts/kit.js";
import { areaMeans, createCamera, readPicture } from "./parts/picture_input.js";
import { softmax } from "./parts/score_table.js";
import { createXraySession, xrayObstacle } from "./parts/xray_session.js";

const OWN_PICTURE = -1;
const TOP = 5;
const LARGEST_SET = 2;
const SMALLEST = 32; // a photograph of this side is on record without the faults of its preview
const SMALL_SIDE = 128; // pixels of a smaller picture are seen one by one
const SIDES = [32, 48, 64, 96, 112, 128, 160, 192, 224, 240, 256, 288, 300, 320, 384, 448].map((side) => [side, String(side)]);
const SCALINGS = {
  imagenet: { label: "as ImageNet’s", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  unit: { label: "0 to 1", mean: [0, 0, 0], std: [1, 1, 1] },
  signed: { label: "−1 to 1", mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
};
const WORDS = {
  settings: "Size, pixels and class names",
  blocks: "Block by block",
  zone: "an ONNX file or a picture: drop it here, or paste it",
  drop: "Drop an ONNX file",
  choose: "Choose a file",
  orExample: "or take:",
  privacy: "Drop or paste pictures, too. All of it stays in this browser. The first file loads 14 MB from this site.",
  loading: ({ name, percent }) => `${name}: ${percent}%`,
  progress: "how much of the file is read and opened",
  failed: ({ name, reason }) => `${name} cannot be used. ${reason}`,
  notFile: "That was no file; save it first, and choose the file.",
  found: ({ name, blocks, used, all, share }) => `${name}: ${blocks}, with ${used} of ${all} parameters (${share}).`,
  oneBlock: "one SE block",
  manyBlocks: ({ count }) => `${count} SE blocks`,
  lost: ({ count, list }) => `Not followed (${count}): ${list}`,
  allFollowed: "Nothing else in it looks like gates.",
  before: "Open a network, and its blocks come here.",
  heads: ["block", "C", "hidden", "r", "biases", "squeeze", "gate", "layers", "parameters", "share", "map"],
  tableLabel: "the blocks that were found",
  gatesLabel: "the gates of each block",
  gatesHint: "Here come the gates: a bar each.",
  scroll: ({ count }) => `There are ${count} blocks: scroll to the last.`,
  yes: "yes",
  no: "no",
  some: "some",
  otherMap: ({ squeeze }) => `${squeeze}, of other maps`,
  block: ({ name, channels }) => `${name}: ${channels}`,
  blockBars: ({ name, channels }) => `${name}: ${channels} gates`,
  branchBars: ({ name, branches, channels }) => `${name}: ${branches} branches with ${channels} gates each`,
  gateTitle: ({ block, channel }) => `Gate ${channel} of ${block}`,
  noGates: "To set gates, first open a network.",
  noRun: ({ problem }) => `The blocks are shown, but no gates. ${problem}`,
  noScores: "It gives no list of class scores. Its gates can be seen and set all the same.",
  answerSame: ({ best, before }) => `The answer: ${best}, ${before}.`,
  answerStays: ({ best, before, after }) => `With its own gates: ${best}, ${before}. With yours: the same answer, ${after}.`,
  answerTurns: ({ first, before, now, after }) => `With its own gates: ${first}, ${before}. With yours: ${now}, ${after}.`,
  noAnswer: "The scores come here when a network runs.",
  classNumber: ({ index }) => `class ${index}`,
  wrongCount: ({ names, classes }) => `There are ${names} names for ${classes} classes: numbers are shown instead.`,
  namesHint: "Choose “mine”, and paste the names here, one a line.",
  ownNames: "names of the classes, one a line",
  fixedSize: ({ height, width }) => `The file fixes the size: ${height} × ${width}.`,
  freeSize: "The file leaves the size free: take the one it was trained with.",
  anySize: "If the file leaves the size free, it is yours to say.",
  insideScaling: "This file scales its pictures itself: 0 to 1 is right.",
  scalingHint: "The file does not say how its pictures are scaled; you must know.",
  seen: ({ height, width }) => `what the network sees: ${height} by ${width} pixels`,
  seenTitle: "For the network",
  ownPicture: ({ name }) => `Your picture: ${name}`,
  source: ({ name, source }) => `${name}: ${source}`,
  foundTitle: "What is in it",
  yourPicture: "Your picture",
  camera: "Use the camera",
  stopCamera: "Stop the camera",
  fromCamera: "from the camera",
  height: "height",
  width: "width",
  pixels: "pixels",
  classNames: "class names",
  namesKnown: "what is known",
  namesImagenet: "ImageNet’s",
  namesOwn: "mine",
  namesNone: "numbers",
  scoresTitle: "What it says",
  scoreHeads: ["class", "", "its own gates", "yours"],
  gatesTitle: "Gates, block by block",
  set: "Set",
  thisGate: "this gate",
  thisBlock: "this block",
  allBlocks: "all blocks",
  now: "now:",
  own: "its own:",
  slider: "the gate",
  editor: "set gates",
  mute: "Mute",
  open: "Open",
  mean: "Mean",
  itsOwn: "Its own",
  question: "All gates of a trained network become 1. Does its answer stay the same?",
  stays: "It stays",
  turns: "It turns",
  toldLater: "Open a network: it is tried on the picture.",
  toldNothing: "This one gives no class scores; open another one.",
  toldStays: ({ best, before, after }) => `With its own gates: ${best}, ${before}. With all at 1: the same answer, ${after}.`,
  toldTurns: ({ first, before, now, after }) => `With its own gates: ${first}, ${before}. With all at 1: ${now}, ${after}.`,
  bad: ({ trait, value, allowed }) => `${trait} is ${value}; it must be ${allowed}.`,
};

export default figure((view) => {
  const world = readWorld(view);
  const lab = { network: null, name: "", answer: null, refused: "", problem: "", example: null };
  const session = createXraySession({
    moduleText: view.get("_esm"),
    folders: { runtime: view.get("runtime"), reader: view.get("reader"), networks: view.get("folder") },
    hear: {
      progress: (share) => view.set("progress", share),
      opened: (network) => {
        Object.assign(lab, { network, answer: null, refused: "" });
        if (network.notes.mean && network.notes.std) view.set("scaling", "unit");
        view.set("hand", {});
        view.set("block", network.blocks[0].name);
        view.set("channel", 0);
        view.set("state", "opened");
      },
      failed: (reason) => {
        Object.assign(lab, { network: null, answer: null, problem: reason });
        view.set("state", "failed");
        view.set("progress", 0);
      },
      answered: (answer) => {
        Object.assign(lab, { answer, refused: "" });
        view.set("answered", `${answer.key} ${performance.now()}`);
      },
      refused: (reason) => {
        Object.assign(lab, { answer: null, refused: reason });
        view.set("answered", `${reason} ${performance.now()}`);
      },
    },
  });
  view.onClose(session.close);
  const open = (name, example, start) => {
    Object.assign(lab, { network: null, answer: null, refused: "", name, example });
    view.set("progress", 0);
    view.set("state", "loading");
    start();
  };

  const pictures = createPictures(view, world);
  const input = createNetworkInput(view, world, {
    openFile: (file) => open(file.name, null, () => session.openFile(file)),
    openExample: (example) => {
      for (const [trait, value] of Object.entries(example.settings)) view.set(trait, value);
      open(example.name, example, () => session.openExample(example.file));
    },
    takePicture: pictures.take,
  });
  const settings = createSettings(view);
  const scores = createScores(view, world);
  const found = createFound();
  const gates = createGates(view);
  const asker = createAsker(view, lab, scores, gates);
  view.body.append(
    element(
      "div",
      { class: "xray-world" },
      input.element,
      element("div", { class: "xray-side" }, pictures.element, found.element, scores.element),
      element("div", { class: "xray-main" }, asker.element, scores.answer, gates.element),
      element("div", { class: "xray-folds" }, found.more, fold(WORDS.settings, settings.element)),
    ),
  );

  return () => {
    const state = readState(view, world, lab);
    const job = lab.network && !lab.network.problem ? readJob(view, lab, state, pictures) : null;
    if (job) session.ask(job);
    const shown = job ? lab.answer : null;
    input.draw(lab, state);
    found.draw(lab);
    pictures.draw(state);
    settings.draw(lab, state);
    scores.draw(lab, shown, state);
    gates.draw(lab, shown, state);
    asker.draw();
    view.body.dataset.answered = String(Boolean(job) && (lab.answer?.key === job.key || lab.refused !== "")); // for tests
    view.body.lab = lab;
  };
});

const fold = (summary, ...parts) => element("details", { class: "parts-fold" }, element("summary", {}, summary), ...parts);

// ----------------------------------------------------------------------------------------------------------- the state

function readWorld(view) {
  const [examples, pictures, imagenet] = ["examples", "pictures", "imagenet"].map((name) => view.data(name));
  for (const [name, list] of Object.entries({ examples, pictures })) need(list.length > 0, `${name} has none; give at least one.`);
  return { examples, pictures, imagenet };
}

function readState(view, { pictures }, { network }) {
  const picture = view.get("picture");
  need(Number.isInteger(picture) && picture >= OWN_PICTURE && picture < pictures.length,
    WORDS.bad({ trait: "picture", value: picture, allowed: `a whole number from ${OWN_PICTURE} to ${pictures.length - 1}` }));
  need(SCALINGS[view.get("scaling")], WORDS.bad({ trait: "scaling", value: view.get("scaling"), allowed: Object.keys(SCALINGS).join(", ") }));
  const fixed = network?.input;
  const [height, width] = [fixed?.height ?? view.get("height"), fixed?.width ?? view.get("width")];
  const block = network?.blocks.find(({ name }) => name === view.get("block")) ?? network?.blocks[0] ?? null;
  const channel = block ? Math.min(requireWhole(view, "channel", 1e6), countGates(block) - 1) : 0;
  return { picture, height, width, block, channel, phase: view.get("state"), progress: view.get("progress"), news: view.get("answered") };
}

// What the network is asked: the picture as it sees it, and the gates that it shall use instead of its own.
function readJob(view, { network }, { height, width }, pictures) {
  const seen = pictures.seen(height, width);
  if (!seen) return null; // it is being decoded
  const scaling = view.get("scaling");
  const hand = view.get("hand");
  const known = network.blocks.filter(({ name }) => hand[name]?.some((gate) => gate !== null));
  const overrides = Object.fromEntries(known.map(({ name }) => [name, hand[name]]));
  const pictureKey = JSON.stringify([seen.key, height, width, scaling]);
  const { mean, std } = SCALINGS[scaling];
  const look = { pictureKey, picture: seen.bytes, height, width, mean, std };
  return { key: JSON.stringify([pictureKey, overrides]), ...look, overrides, wantsOpen: view.data("asks") };
}

// ---------------------------------------------------------------------------------------------------------- the network

function createNetworkInput(view, { examples }, { openFile, openExample, takePicture }) {
  const told = element("p", { role: "status", class: "xray-told", "data-name": "status" });
  const bar = element("progress", { max: 1, value: 0, "aria-label": WORDS.progress });
  const chooser = element("input", { type: "file", hidden: true, "data-name": "network file" });
  const take = (file) => (file.type.startsWith("image/") ? takePicture(file) : openFile(file));
  let note = "";
  chooser.addEventListener("change", () => {
    if (chooser.files.length > 0) openFile(chooser.files[0]);
    chooser.value = "";
  });
  const hindrance = xrayObstacle();
  const choose = button(WORDS.choose, () => chooser.click()).element;
  const offers = examples.map((example) => {
    const node = button(example.name, () => openExample(example)).element;
    node.title = example.note;
    return node;
  });
  for (const node of [choose, ...offers]) node.disabled = hindrance !== null;
  const zone = element(
    "div",
    { class: "xray-zone parts-drop", role: "group", tabindex: 0, "aria-label": WORDS.zone },
    row(element("strong", {}, WORDS.drop), choose, element("span", {}, WORDS.orExample), ...offers, chooser),
    bar,
    told,
  );
  const takeFrom = ({ files: [file] }) => {
    note = file ? "" : WORDS.notFile;
    if (file && hindrance === null) take(file);
    else setText(told, note);
  };
  acceptDrops(view, zone, takeFrom);
  acceptPastes(view, takeFrom);
  const draw = ({ name, problem, example }, { phase, progress }) => {
    const said = {
      loading: () => WORDS.loading({ name, percent: Math.round(100 * progress) }),
      failed: () => WORDS.failed({ name, reason: problem }),
    };
    setText(told, said[phase]?.() ?? hindrance ?? (note || (example?.note ?? WORDS.privacy)));
    bar.style.visibility = phase === "loading" ? "visible" : "hidden"; // it keeps its room
    if (bar.value !== progress) bar.value = progress;
    offers.forEach((node, i) => node.setAttribute("aria-current", String(examples[i] === example && phase === "opened")));
  };
  return { element: zone, draw };
}

const percent = (share, digits = 1) => `${formatNumber(100 * share, digits, true)}%`;

function createFound() {
  const summary = element("p", { class: "xray-summary senet-result", role: "status", "data-name": "found" });
  const body = element("tbody");
  const table = element("table", { class: "xray-table" }, tableHead(...WORDS.heads.slice(1)), body);
  table.querySelector("td").textContent = WORDS.heads[0];
  const scroll = element("div", { class: "xray-scroll xray-blocks", tabindex: 0, role: "region", "aria-label": WORDS.tableLabel }, table);
  const lost = element("p", { class: "parts-note xray-lost", "data-name": "lost" });
  const more = fold(WORDS.blocks, scroll, lost);
  more.addEventListener("toggle", () => drawn && tellToScroll(scroll, drawn));
  let drawn = null;
  const biasesOf = ({ biases }) => (biases.every(Boolean) ? WORDS.yes : biases.some(Boolean) ? WORDS.some : WORDS.no);
  // In a narrow frame a row is a card, and each number has its name beside it.
  const named = (line) => {
    [...line.children].forEach((cell, place) => (cell.dataset.label = WORDS.heads[place]));
    return line;
  };
  const lineOf = (block) =>
    named(tableLine(
      block.name,
      ...[block.channels, block.hidden ?? "–", block.hidden ? Number((block.channels / block.hidden).toPrecision(4)) : "–"],
      ...[biasesOf(block), block.same ? block.squeeze : WORDS.otherMap(block), block.gate, block.kind],
      ...[formatNumber(block.parameters), percent(block.share, 2), block.mapShape.map((size) => size ?? "?").join(" × ") || "–"],
    ));
  const draw = ({ network, name }) => {
    if (network === drawn && summary.textContent) return;
    drawn = network;
    scroll.toggleAttribute("data-empty", !network);
    setText(summary, network ? sentenceOf(network, name) : WORDS.before);
    body.replaceChildren(...(network?.blocks.map(lineOf) ?? []));
    tellToScroll(scroll, network);
    const list = network?.lost ?? [];
    setText(lost, !network ? "" : list.length > 0 ? WORDS.lost({ count: list.length, list: list.join("; ") }) : WORDS.allFollowed);
  };
  return { element: element("div", { class: "xray-found" }, panel(WORDS.foundTitle, null, summary)), more, draw };
}

// Says at the foot of a box that more blocks are below it.
function tellToScroll(box, network) {
  box.removeAttribute("data-more");
  if (network && box.scrollHeight > box.clientHeight + 1) box.dataset.more = WORDS.scroll({ count: network.blocks.length });
}

function sentenceOf({ blocks, parameters, all }, name) {
  const count = blocks.length;
  const many = count === 1 ? WORDS.oneBlock : WORDS.manyBlocks({ count });
  return WORDS.found({ name, blocks: many, used: formatNumber(parameters), all: formatNumber(all), share: percent(parameters / all, 2) });
}

// --------------------------------------------------------------------------------------------------------- the picture

function createPictures(view, { pictures }) {
  const canvas = element("canvas", { role: "img", class: "xray-seen", width: 224, height: 224 });
  const told = element("p", { class: "parts-note xray-source", role: "status", "data-name": "picture" });
  const sources = new Map(); // from addresses to images, once they are decoded
  let [own, ownName, version, fault, newest] = [null, "", 0, "", 0];
  const decode = (address) => {
    const image = new Image();
    sources.set(address, { image, isReady: false });
    image.onload = () => {
      sources.get(address).isReady = true;
      view.set("answered", `picture ${address.slice(-40)}`); // draws anew
    };
    image.src = address;
  };
  const sourceOf = (index, side) => {
    if (index === OWN_PICTURE) return own;
    const { preview, small } = pictures[index];
    const address = small && side <= SMALLEST ? small : preview;
    if (!sources.has(address)) decode(address);
    const { image, isReady } = sources.get(address);
    return isReady ? image : null;
  };
  const use = (shown, name) => {
    [own, ownName, fault] = [shown, name, ""];
    version += 1;
    view.set("picture", OWN_PICTURE);
    view.set("answered", `own picture ${version}`);
  };
  let isClosed = false; // what is built anew must not ask for another drawing while it ends
  const say = (message) => {
    if (isClosed) return;
    fault = message;
    view.set("answered", `${message} ${performance.now()}`);
  };
  const camera = createCamera(({ shown }) => use(shown, WORDS.fromCamera), say);
  view.onClose(() => {
    isClosed = true;
    camera.stop();
  });
  const take = async (file) => {
    camera.stop();
    const mine = (newest += 1);
    try {
      const { shown, name } = await readPicture(file);
      if (mine === newest) use(shown, name);
    } catch (error) {
      if (!(error instanceof Problem)) console.error(error);
      if (mine === newest) say(error.message);
    }
  };
  const chooser = element("input", { type: "file", accept: "image/*", hidden: true, "data-name": "picture file" });
  chooser.addEventListener("change", () => {
    if (chooser.files.length > 0) take(chooser.files[0]);
    chooser.value = "";
  });
  const toggle = button(WORDS.camera, () => (camera.isOn() ? camera.stop() : camera.start())).element;
  const offers = pictures.map(({ name, preview }, index) => {
    const node = button("", () => (camera.stop(), view.set("picture", index))).element;
    const image = element("img", { src: preview, alt: name });
    image.onload = () => soften(image, cutOut(element("canvas"), image, SMALLEST, SMALLEST));
    node.append(image);
    return node;
  });

  /** The picture as the network sees it: { key, bytes: RGBA }, or null while it is decoded. */
  let cut = { key: "", bytes: null };
  const seen = (height, width) => {
    const index = view.get("picture");
    const source = sourceOf(index, Math.max(height, width));
    if (!source) return null;
    const key = JSON.stringify([index === OWN_PICTURE ? `own ${version}` : index, height, width]);
    if (cut.key === key) return cut;
    cut = { key, bytes: cutOut(canvas, source, height, width) };
    soften(canvas, cut.bytes);
    return cut;
  };
  const draw = ({ picture, height, width }) => {
    need(picture !== OWN_PICTURE || own, WORDS.bad({ trait: "picture", value: picture, allowed: "0 or more until you bring your own" }));
    seen(height, width);
    canvas.setAttribute("aria-label", WORDS.seen({ height, width }));
    canvas.toggleAttribute("data-small", Math.max(height, width) < SMALL_SIDE);
    setText(toggle, camera.isOn() ? WORDS.stopCamera : WORDS.camera);
    offers.forEach((node, index) => node.setAttribute("aria-current", String(index === picture)));
    setText(told, fault || (picture === OWN_PICTURE ? WORDS.ownPicture({ name: ownName }) : WORDS.source(pictures[picture])));
  };
  const frame = element("div", { class: "xray-frame" }, canvas, createSofter());
  const buttons = element("div", { class: "xray-offers parts-flow" }, ...offers);
  const mine = row(button(WORDS.yourPicture, () => chooser.click()).element, toggle, chooser);
  const box = panel(WORDS.seenTitle, "x", frame, told, buttons, mine);
  box.classList.add("xray-pictures");
  return { element: box, draw, seen, take };
}

// Pictures of our worlds are drawn in the shades of kit.js, and stay pure for the network.
function createSofter() {
  const colours = svg("feColorMatrix", { values: ".94 .18 .3 0 0  .32 .74 .51 0 0  .24 .37 1 0 0  0 0 0 1 0" });
  const filter = svg("filter", { id: "xray-softer", "color-interpolation-filters": "sRGB" }, colours);
  return svg("svg", { width: 0, height: 0, "aria-hidden": "true", style: "position: absolute" }, filter);
}

function soften(node, bytes) {
  const isPure = bytes.every((_, i) => i % 4 > 0 || !bytes[i] + !bytes[i + 1] + !bytes[i + 2] > 1);
  node.style.filter = isPure ? "url(#xray-softer)" : "";
}

// The largest part of this form in the middle of a picture, as RGBA bytes; the canvas shows it.
function cutOut(canvas, source, height, width) {
  const [wide, high] = [source.naturalWidth ?? source.width, source.naturalHeight ?? source.height];
  const scale = Math.min(wide / width, high / height);
  const [across, down] = [width, height].map((side) => Math.max(1, Math.round(scale * side)));
  const part = [Math.floor((wide - across) / 2), Math.floor((high - down) / 2), across, down];
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  if (scale < 1) context.drawImage(source, ...part, 0, 0, width, height);
  else context.putImageData(new ImageData(areaMeans(source, part, height, width), width, height), 0, 0);
  return context.getImageData(0, 0, width, height).data;
}

function createSettings(view) {
  const sizes = ["height", "width"].map((name) => {
    const { element: node } = menu(view, name, { label: WORDS[name], options: SIDES });
    const fixed = element("option", { disabled: true, hidden: true }); // what a file fixes is perhaps none of the others
    const select = node.querySelector("select");
    select.append(fixed);
    return { node, select, fixed };
  });
  const scaling = menu(view, "scaling", { label: WORDS.pixels, options: Object.entries(SCALINGS).map(([key, { label }]) => [key, label]) });
  const options = [["auto", WORDS.namesKnown], ["imagenet", WORDS.namesImagenet], ["own", WORDS.namesOwn], ["none", WORDS.namesNone]];
  const names = menu(view, "names", { label: WORDS.classNames, options });
  const area = element("textarea", { rows: 2, "aria-label": WORDS.ownNames, placeholder: WORDS.namesHint });
  area.addEventListener("input", () => view.set("own_names", area.value));
  const [sizeNote, scalingNote] = ["size", "scaling"].map((name) => element("p", { class: "parts-note", "data-name": `${name} note` }));
  const draw = ({ network }, { height, width }) => {
    const input = network?.input;
    const isFixed = Boolean(input?.height && input?.width);
    for (const [i, { select, fixed }] of sizes.entries()) {
      const side = [input?.height, input?.width][i];
      select.disabled = Boolean(side);
      if (side) [fixed.textContent, select.selectedIndex] = [side, SIDES.length];
    }
    setText(sizeNote, isFixed ? WORDS.fixedSize({ height, width }) : network ? WORDS.freeSize : WORDS.anySize);
    setText(scalingNote, network?.notes.mean ? WORDS.insideScaling : WORDS.scalingHint);
    area.disabled = view.get("names") !== "own";
    if (area.value !== view.get("own_names")) area.value = view.get("own_names");
  };
  const line = (...parts) => element("div", { class: "xray-line parts-flow" }, ...parts);
  const box = element("div", { class: "xray-settings" }, line(...sizes.map(({ node }) => node)), sizeNote, line(scaling.element), scalingNote, line(names.element), area);
  return { element: box, draw };
}

// ---------------------------------------------------------------------------------------------------------- the scores

function createScores(view, { imagenet }) {
  const lines = Array.from({ length: TOP }, () => {
    const mark = element("i");
    const [name, before, after] = [element("span", { class: "xray-class" }), element("span"), element("span")];
    const bar = element("div", { class: "parts-bar" }, mark);
    return { node: element("div", { class: "xray-score" }, name, bar, before, after), name, bar, mark, before, after };
  });
  const head = element("div", { class: "xray-score parts-note" }, ...WORDS.scoreHeads.map((text) => element("span", {}, text)));
  // It stays in sight while a thumb is on the gates.
  const answer = element("p", { class: "xray-answer senet-stays", role: "status", "data-name": "answer" });
  const namesOf = (count, { network, example }) => {
    const own = view.get("own_names").split("\n").map((line) => line.trim()).filter(Boolean);
    const known = network.notes.class_names ? JSON.parse(network.notes.class_names) : example?.classes;
    const lists = { auto: known ?? (count === imagenet.length ? imagenet : null), imagenet, own: own.length > 0 ? own : null, none: null };
    const list = lists[view.get("names")];
    return { list: list?.length === count ? list : null, wrong: list && list.length !== count ? list.length : 0 };
  };
  const draw = (lab, shown) => {
    const { before, after } = shown ?? {};
    const [was, is] = before ? [before, after].map(asShares) : [null, null];
    const order = was ? topOf(was, is) : [];
    const { wrong } = was ? namesOf(was.length, lab) : {};
    const nameOf = was && nameIn(lab, was.length);
    lines.forEach((line, i) => {
      const index = order[i];
      const isThere = index !== undefined;
      setText(line.name, isThere ? nameOf(index) : "–");
      line.name.title = isThere ? nameOf(index) : "";
      setText(line.before, isThere ? percent(was[index]) : "");
      setText(line.after, isThere ? percent(is[index]) : "");
      line.bar.style.setProperty("--share", isThere ? is[index] : 0);
      line.mark.style.setProperty("--share", isThere ? was[index] : 0);
      line.mark.hidden = !isThere;
    });
    const problem = lab.network?.problem ? WORDS.noRun(lab.network) : lab.refused || (shown && !before ? WORDS.noScores : WORDS.noAnswer);
    const said = was ? sayAnswer(was, is, nameOf) : problem;
    setText(answer, wrong ? `${said} ${WORDS.wrongCount({ names: wrong, classes: was.length })}` : said);
  };
  const nameIn = (lab, count) => (index) => namesOf(count, lab).list?.[index] ?? WORDS.classNumber({ index });
  return { element: panel(WORDS.scoresTitle, null, head, ...lines.map(({ node }) => node)), answer, draw, nameIn };
}

/** A guess before the gates can be set: what becomes of the answer when all of them are 1. */
function createAsker(view, lab, { nameIn }, { editor }) {
  const answer = () => {
    if (!lab.answer?.open) return { told: lab.answer && !lab.answer.before ? WORDS.toldNothing : WORDS.toldLater };
    const [was, is] = [lab.answer.before, lab.answer.open].map(asShares);
    const words = { same: WORDS.toldStays, stays: WORDS.toldStays, turns: WORDS.toldTurns };
    return { value: bestOf(was) === bestOf(is) ? "stays" : "turns", told: sayAnswer(was, is, nameIn(lab, was.length), words) };
  };
  const options = ["stays", "turns"].map((value) => [value, WORDS[value]]);
  return guess(view, { key: "xray", question: WORDS.question, options, answer, covered: [editor] });
}

// Some networks end in a softmax of their own.
function asShares(scores) {
  const sum = scores.reduce((total, one) => total + one, 0);
  return Math.abs(sum - 1) < 1e-3 && scores.every((one) => one >= 0) ? Array.from(scores) : softmax(scores);
}

const bestOf = (shares) => shares.reduce((best, share, index) => (share > shares[best] ? index : best), 0);

function topOf(was, is) {
  const order = Array.from(is.keys()).sort((a, b) => Math.max(is[b], was[b]) - Math.max(is[a], was[a])).slice(0, TOP);
  return order.sort((a, b) => was[b] - was[a]); // so that no row changes its place while gates are set
}

const ANSWER_WORDS = { same: WORDS.answerSame, stays: WORDS.answerStays, turns: WORDS.answerTurns };

function sayAnswer(was, is, nameOf, words = ANSWER_WORDS) {
  const [first, now] = [bestOf(was), bestOf(is)];
  const [before, after] = [percent(was[first]), percent(is[now])];
  const isSame = was.every((share, index) => share === is[index]);
  if (first === now) return words[isSame ? "same" : "stays"]({ best: nameOf(first), before, after });
  return words.turns({ first: nameOf(first), before, now: nameOf(now), after });
}

// ----------------------------------------------------------------------------------------------------------- the gates

function createGates(view) {
  const list = element("div", { class: "xray-scroll xray-gates", tabindex: 0, role: "region", "aria-label": WORDS.gatesLabel, "data-hint": WORDS.gatesHint });
  const editor = createGateEditor(view);
  let [drawn, charts] = [null, new Map()];
  const build = (network) => {
    drawn = network;
    charts = new Map((network?.blocks ?? []).map((block) => [block.name, createBlockBars(view, block)]));
    list.replaceChildren(...[...charts.values()].map(({ element: node }) => node));
  };
  const draw = (lab, shown, state) => {
    const isNew = lab.network !== drawn;
    if (isNew) build(lab.network);
    list.toggleAttribute("data-empty", charts.size === 0);
    const gates = shown ? usedGates(shown.gates, view.get("hand")) : {};
    const top = Math.max(1, ...Object.values(gates).map((row) => Math.max(...row)));
    for (const [name, { chart }] of charts) {
      const chosen = name === state.block?.name ? state.channel : null;
      const values = gates[name] ?? new Float32Array(chart.count);
      chart.draw(values, { largest: Math.min(top, LARGEST_SET), chosen });
    }
    if (isNew) tellToScroll(list, lab.network); // drawn bars are lower than new ones
    editor.draw(lab, shown, gates, state);
    list.gates = shown?.gates ?? null; // for tests
  };
  return { element: panel(WORDS.gatesTitle, "s", list, editor.element), editor: editor.fields, draw };
}

const usedGates = (own, hand) =>
  Object.fromEntries(Object.entries(own).map(([name, row]) => [name, row.map((gate, c) => hand[name]?.[c] ?? gate)]));

function createBlockBars(view, block) {
  const { name } = block;
  const count = countGates(block);
  const label = block.branches > 1 ? WORDS.branchBars(block) : WORDS.blockBars(block);
  const onChoose = (channel) => {
    view.set("block", name);
    view.set("channel", channel);
  };
  const { element: canvas, draw } = bars({ count, quantity: "s", label, height: 34, onChoose });
  canvas.dataset.block = name;
  const node = element("div", {}, element("p", { class: "xray-block" }, block.branches > 1 ? label : WORDS.block(block)), canvas);
  return { element: node, chart: { draw, count } };
}

/** Set one gate, those of a block, or all: to 0, 1, their mean, a number; or leave them to the network. */
function createGateEditor(view) {
  let [lab, shown, place] = [null, null, null];
  const scopes = [["gate", WORDS.thisGate], ["block", WORDS.thisBlock], ["all", WORDS.allBlocks]];
  const scope = choice(view, "scope", { label: WORDS.set, options: scopes });
  const title = element("strong", { "data-name": "gate name" });
  const [used, own] = [number("gate", { label: WORDS.now, digits: 3 }), number("own gate", { label: WORDS.own, digits: 3 })];
  const input = element("input", { type: "range", min: 0, max: LARGEST_SET, step: 0.05, "aria-label": WORDS.slider });
  const meanOf = (name) => shown.gates[name].reduce((sum, gate) => sum + gate, 0) / shown.gates[name].length;
  const put = (valueOf) => {
    const { block, channel } = place;
    const hand = { ...view.get("hand") };
    const kind = view.get("scope");
    const names = kind === "all" ? lab.network.blocks.map(({ name }) => name) : [block.name];
    for (const name of names) {
      const count = shown.gates[name].length;
      const value = valueOf(name);
      if (kind === "gate") {
        hand[name] = [...(hand[name] ?? Array(count).fill(null))];
        hand[name][channel] = value;
      } else hand[name] = Array(count).fill(value);
    }
    view.set("hand", hand);
  };
  input.addEventListener("input", () => put(() => input.valueAsNumber));
  const presets = { [WORDS.mute]: () => 0, [WORDS.open]: () => 1, [WORDS.mean]: meanOf, [WORDS.itsOwn]: () => null };
  const buttons = Object.entries(presets).map(([text, valueOf]) => button(text, () => put(valueOf)).element);
  const why = element("p", { class: "parts-note xray-why", "data-name": "why" });
  const fields = element(
    "fieldset",
    { class: "xray-editor", "aria-label": WORDS.editor },
    element("p", { class: "xray-now" }, title, " ", used.element, " ", own.element),
    scope.element,
    element("div", { class: "xray-presets parts-line" }, input, ...buttons),
  );
  const draw = (nextLab, nextShown, gates, state) => {
    [lab, shown, place] = [nextLab, nextShown, state];
    const { block, channel } = state;
    const row = block && gates[block.name];
    fields.disabled = !row;
    setText(why, row ? "" : lab.network?.problem ? WORDS.noRun(lab.network) : WORDS.noGates);
    setText(title, block ? WORDS.gateTitle({ block: block.name, channel }) : "–");
    const [now, itsOwn] = row ? [row[channel], shown.gates[block.name][channel]] : [NaN, NaN];
    used.set(now);
    own.set(itsOwn);
    if (Number.isFinite(now)) input.value = now;
    input.setAttribute("aria-valuetext", formatNumber(now, 2));
  };
  return { element: element("div", {}, why, fields), fields, draw };
}
