// In a figure's own page, inside a slide: the keys that no figure uses are handed on to the deck, and the figure is as
// large as the slide lets it be, up to its full width.
addEventListener("keydown", ({ key }) => {
  if (["PageDown", "PageUp", "Escape"].includes(key)) parent.postMessage({ slideKey: key }, "*");
});

const WIDTH = 1050; // pixels: a figure for itself is no wider
const SMALLEST = 0.6; // of the size in the book

function fit() {
  const { style } = document.body;
  for (let size = Math.max(1, innerWidth / WIDTH); size > SMALLEST; size *= 0.97) {
    style.zoom = size;
    if (document.documentElement.scrollHeight <= innerHeight) return;
  }
}

addEventListener("resize", fit);
const figure = document.querySelector(".senet-figure");
new MutationObserver(fit).observe(figure, { attributeFilter: ["data-mounted"] });
