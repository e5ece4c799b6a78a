// Arrow keys, space and page keys go through the slides. What is folded opens before the next slide comes; the answers
// of a test wait for a click.
const slides = [...document.querySelectorAll(".slide")];
const place = document.getElementById("place");

function current() {
  const wanted = Number(location.hash.slice(1)) || 1;
  return Math.min(Math.max(wanted, 1), slides.length) - 1;
}

function show() {
  slides.forEach((slide, index) => (slide.hidden = index !== current()));
  place.textContent = `${current() + 1} of ${slides.length}`;
}

function go(step) {
  const folded = slides[current()].querySelector("details:not([open], .senet-option)");
  if (step > 0 && folded) folded.open = true;
  else location.hash = Math.min(Math.max(current() + 1 + step, 1), slides.length);
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };
addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("summary, a")) return;
  event.preventDefault();
  go(step);
});
addEventListener("hashchange", show);
// A formula that is wider than its column shrinks. It is measured in its own fonts: the other slides are hidden only then.
document.fonts.ready.then(() => {
  for (const formula of document.querySelectorAll("div.math")) {
    formula.style.fontSize = `${Math.min(1, formula.clientWidth / formula.scrollWidth) * 100}%`;
  }
  show();
});
