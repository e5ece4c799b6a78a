// A figure that shows one of its parts at a time.
import { choice } from "./kit.js";

const PART_WORDS = { show: "show" };

/**
 * The trait part, a choice of what is seen. names: what the reader reads of each part; elements: what belongs to it.
 * In a box of the class "parts-stack" a part keeps its room while another one is seen, but on a phone.
 */
export function partChoice(view, names, elements) {
  const chosen = choice(view, "part", { label: PART_WORDS.show, options: Object.entries(names) });
  view.addControl(() => {
    const isAway = (part) => part !== view.get("part");
    for (const [part, nodes] of Object.entries(elements)) for (const one of nodes) one.hidden = isAway(part);
  });
  return chosen;
}
