// Python code as lines that wrap with a hanging indent, in light colours.
import { element } from "./kit.js";

const WORDS = "and as assert class def else except for from if import in is lambda not or pass raise return try with";
const KEYWORD = WORDS.replaceAll(" ", "|");
const TOKEN = new RegExp(`(?<comment>#.*)|(?<text>f?"[^"]*"|'[^']*')|\\b(?<keyword>${KEYWORD})\\b`, "g");
const HANGING = 4; // characters by which the rest of a long line is indented further
const BREAK = /(?<=\()(?![()])|(?=\.\w)/; // where a long line may go on below

/** One line. A text of several lines in triple quotes is not coloured. */
export function codeLine(text) {
  const indent = text.length - text.trimStart().length + HANGING;
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    const [kind] = Object.entries(found.groups).find(([, token]) => token !== undefined);
    parts.push(...breakable(text.slice(end, found.index)), element("span", { class: `code-${kind}` }, found[0]));
    end = found.index + found[0].length;
  }
  return element("span", { class: "code-line", style: `--indent: ${indent}` }, ...parts, ...breakable(text.slice(end)));
}

const breakable = (text) => text.split(BREAK).flatMap((part, index) => (index ? [element("wbr"), part] : [part]));
