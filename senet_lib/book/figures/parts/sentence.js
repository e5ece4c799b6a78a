// A sentence with numbers or other elements in it, whose order is the language's.
import { element } from "./kit.js";

/** A paragraph of a text in which "{name}" stands for parts.name: an element, or what number() made. */
export const sentence = (text, parts, name = null) =>
  element("p", { class: name }, ...text.split(/\{(\w+)\}/).map((part, i) => (i % 2 ? (parts[part].element ?? parts[part]) : part)));
