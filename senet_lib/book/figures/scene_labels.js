// Scenes without their labels: the reader names each, and then learns which glyph was meant.
import { guess } from "./parts/guess.js";
import { button, element, figure, isList, need, number, picture, slider } from "./parts/kit.js";
import { sentence } from "./parts/sentence.js";

const WORDS = {
  question: "What is the label of this picture?",
  told: ({ colour, shape }) => `The cue is ${colour}, and the ${colour} glyph is a ${shape}.`,
  picture: "picture",
  scene: "the scene",
  which: ({ number, count }) => `${number} of ${count}`,
  next: "Next picture",
  score: "Right so far: {right} of {all}.",
};

export default figure((view) => {
  const pictures = view.array("pictures", ["K", 3, "rows", "columns"]);
  const [count, , rows, columns] = pictures.shape;
  const [shapes, colours] = ["shapes", "colours"].map((name) => readNames(view, name));
  const labels = readIndices(view, "labels", count, shapes);
  const cues = readIndices(view, "cues", count, colours);
  const now = () => view.get("scene");
  const keyOf = (scene) => `label/${scene}`;

  const image = picture({ rows, columns, label: WORDS.scene });
  const show = (scene) => WORDS.which({ number: scene + 1, count });
  const which = slider(view, "scene", { label: WORDS.picture, min: 0, max: count - 1, show });
  const next = button(WORDS.next, () => view.set("scene", (now() + 1) % count));
  const asked = guess(view, {
    key: () => keyOf(now()),
    question: WORDS.question,
    options: shapes.map((name, index) => [index, name]),
    answer: () => ({ value: labels[now()], told: WORDS.told({ colour: colours[cues[now()]], shape: shapes[labels[now()]] }) }),
  });
  const [right, all] = [number("right"), number("guessed")];
  const score = sentence(WORDS.score, { right, all }, "parts-note");
  const side = element("div", { class: "labels-side" }, asked.element, which.element, next.element, score);
  view.body.append(element("div", { class: "labels parts-column" }, element("div", { class: "labels-picture senet-result" }, image.element), side));

  const size = 3 * rows * columns;
  return () => {
    image.draw(pictures.data.subarray(now() * size, (now() + 1) * size));
    asked.draw();
    const guesses = Array.from(labels, (label, scene) => [view.get("guesses")[keyOf(scene)], label]);
    const made = guesses.filter(([given]) => typeof given === "number");
    all.set(made.length);
    right.set(made.filter(([given, label]) => given === label).length);
  };
});

function readNames(view, name) {
  const names = view.data(name);
  need(isList(names), `${name} is not a list, or is empty; give the names.`);
  return names;
}

/** An array of whole numbers that stand for names. */
function readIndices(view, name, count, names) {
  const { data } = view.array(name, [count]);
  const bad = data.find((index) => !(Number.isInteger(index) && index in names));
  need(bad === undefined, `${name} holds ${bad}; it must be whole numbers from 0 to ${names.length - 1}.`);
  return data;
}
