// Other gates in one block of a network, by choice: what they do to thousands of pictures, and to the one that is shown.
import { disable, element, formatNumber, isList, need, panel, setText } from "./kit.js";

const SOURCES = ["own", "mean", "another", "same cue", "open"]; // as senet_lib/book/figures/network_in_page.py has them
const BOARD_WORDS = {
  heading: "Give one block other gates",
  note: "The number: right answers of 2,000 pictures. The other block keeps its own gates.",
  sources: {
    own: "its own",
    mean: "all pictures’ mean",
    another: "another picture’s",
    "same cue": "another’s, same cue",
    open: "1",
  },
  button: ({ block, source, share }) => `${block}, ${source}: ${share} right`,
  given: {
    own: () => "Each block has its own gates.",
    mean: ({ block }) => `${block} has its mean gates, the same for every picture.`,
    another: ({ block, cue, label }) => `${block} has the gates of a picture with a ${cue} cue, whose answer is ${label}.`,
    "same cue": ({ block, cue, label }) => `${block} has the gates of another picture with a ${cue} cue, whose answer is ${label}.`,
    open: ({ block }) => `All gates of ${block} are 1.`,
    hand: () => "You have set gates by hand, and only for this scene.",
    off: () => "All gates of all blocks are 1.",
  },
  unknown: "?",
  guess: "Guess first: then the numbers are here.",
  none: "There is no record of other gates in this network.",
};

/**
 * The trait swap, "" or a block and a source such as "layer1.0/mean", checked: which gates the board puts where, for a
 * scene with this cue; or null, also for a network without such a block. boards: by network, as
 * senet_lib/book/experiments/gate_board.py makes them.
 */
export function readSwap(view, boards, network, cue) {
  const swap = view.get("swap");
  if (swap === "") return null;
  const [block, source] = String(swap).split("/");
  const isKnown = SOURCES.indexOf(source) > 0 && Object.values(boards).some(({ means }) => block in means);
  need(isKnown, `swap is ${swap}; it must be "", or a block and one of ${SOURCES.slice(1).join(", ")}, as layer1.0/mean.`);
  const board = boards[network];
  if (!board || !(block in board.means)) return null;
  const donor = (cue + (source === "another" ? 1 : 0)) % board.donors.length;
  const means = board.means[block];
  const gates = { mean: means, open: means.map(() => 1) }[source] ?? board.donors[donor][block];
  const way = Object.keys(board.means).indexOf(block) * (SOURCES.length - 1) + SOURCES.indexOf(source) - 1;
  return { block, source, donor, gates, way };
}

/**
 * A button for each block and each source of gates. draw(network, { swap, isByHand }, said, isUnknown): swap of readSwap, whether
 * other gates are in use beside it, a sentence on the scene, and whether the numbers wait for a guess. donors: { cue, label } of those whose gates are given.
 */
export function createGateBoard(view, boards, donors) {
  const blocks = Object.keys(Object.values(boards)[0]?.means ?? {});
  const told = element("p", { class: "board-told", role: "status", "data-name": "given" });
  const cells = [];
  const choose = (block, source) => {
    view.set("swap", source === "own" ? "" : `${block}/${source}`);
    view.set("hand", {});
    view.set("se", true);
  };
  const lines = SOURCES.map((source, index) => {
    const own = blocks.map((block) => {
      const node = element("button", { type: "button", "data-swap": `${block}/${source}` });
      node.addEventListener("click", () => node.getAttribute("aria-disabled") !== "true" && choose(block, source));
      cells.push({ node, block, source, index });
      return element("td", {}, node);
    });
    return element("tr", {}, element("th", { scope: "row" }, BOARD_WORDS.sources[source]), ...own);
  });
  const heads = blocks.map((block) => element("th", { scope: "col" }, block));
  const head = element("thead", {}, element("tr", {}, element("td"), ...heads));
  const table = element("table", { class: "board-table" }, head, element("tbody", {}, ...lines));
  const note = element("p", { class: "parts-note" }, BOARD_WORDS.note);
  const draw = (network, { swap, isByHand }, said, isUnknown) => {
    const used = !view.get("se") ? "off" : isByHand ? "hand" : (swap?.source ?? "own");
    const found = boards[network]?.accuracies;
    for (const { node, block, source, index } of cells) {
      const share = isUnknown ? undefined : found?.[block]?.[index];
      const text = isUnknown ? BOARD_WORDS.unknown : formatNumber(share ?? NaN, 3, true);
      const isOn = used === source && (swap === null || swap.block === block);
      setText(node, text);
      node.dataset.value = share;
      node.style.setProperty("--share", share ?? 0);
      node.setAttribute("aria-label", BOARD_WORDS.button({ block, source: BOARD_WORDS.sources[source], share: text }));
      node.setAttribute("aria-current", String(Boolean(found) && isOn));
      disable(node, found ? isUnknown && BOARD_WORDS.guess : BOARD_WORDS.none);
    }
    const given = BOARD_WORDS.given[used]({ block: swap?.block, ...donors[swap?.donor] });
    setText(told, found ? `${given} ${said}` : BOARD_WORDS.none);
  };
  return { element: panel(BOARD_WORDS.heading, "s", table, note), told, note, draw };
}

/** A question on the board, for guess.js: [block, right answers with the gates of another picture], of the last block. */
export function askedOf(boards) {
  const [board] = Object.values(boards);
  const last = Object.entries(board?.accuracies ?? {}).at(-1);
  return isList(last) ? [last[0], last[1][SOURCES.indexOf("another")]] : null;
}
