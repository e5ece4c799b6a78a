// Keys and buttons go through the slides. What is folded opens before the next slide comes; the answers of a test wait for
// a click. A figure's page is loaded when its slide comes, and hands the keys of a clicker on (slides_figure.js).
const slides = [...document.querySelectorAll(".slide")];
const place = document.getElementById("place");

function current() {
  const wanted = Number(location.hash.slice(1)) || 1;
  return Math.min(Math.max(wanted, 1), slides.length) - 1;
}

function show() {
  slides.forEach((slide, index) => (slide.hidden = index !== current()));
  const slide = slides[current()];
  for (const frame of slide.querySelectorAll("iframe:not([src])")) frame.src = frame.dataset.src;
  fit(slide);
  place.textContent = `${current() + 1} of ${slides.length}, minute ${slide.dataset.minute}`;
}

const goTo = (index) => (location.hash = Math.min(Math.max(index, 0), slides.length - 1) + 1);

function go(step) {
  const folded = slides[current()].querySelector("details:not([open], .senet-option)");
  if (step > 0 && folded) folded.open = true;
  else goTo(current() + step);
}

function showNotes() {
  document.body.classList.toggle("with-notes");
  for (const notes of document.querySelectorAll(".notes")) notes.hidden = !document.body.classList.contains("with-notes");
  fit(slides[current()]);
}

function fillScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen();
}

const forward = () => go(1);
const back = () => go(-1);
const ACTIONS = {
  ArrowRight: forward,
  ArrowDown: forward,
  PageDown: forward,
  " ": forward,
  ArrowLeft: back,
  ArrowUp: back,
  PageUp: back,
  Home: () => goTo(0),
  End: () => goTo(slides.length - 1),
  n: showNotes,
  f: fillScreen,
  Escape: () => window.focus(),
};
addEventListener("keydown", (event) => {
  const isOwn = event.altKey || event.ctrlKey || event.metaKey;
  const isControl = event.target.closest?.("summary, a, button") && [" ", "Enter"].includes(event.key);
  if (!ACTIONS[event.key] || isOwn || isControl) return;
  if (event.key !== "Escape") event.preventDefault();
  ACTIONS[event.key]();
});
addEventListener("message", ({ data }) => ACTIONS[data?.slideKey]?.());
for (const button of document.querySelectorAll("[data-key]")) button.addEventListener("click", ACTIONS[button.dataset.key]);
addEventListener("hashchange", show);
document.documentElement.classList.add("live");
// Words are as large as their slide lets them be. All are measured before the first is shown, in their own fonts.
const LARGEST = 1.7; // rem
const SMALLEST = 0.6;
const BESIDE_A_PICTURE = 1.15;

function fit(slide) {
  const words = slide.querySelector(".words");
  if (!words) return;
  const wide = [words, ...words.querySelectorAll("pre, div.math")];
  const isTooLarge = () =>
    words.scrollHeight > words.parentElement.clientHeight || wide.some((one) => one.scrollWidth > one.clientWidth);
  let size = slide.querySelector(".pictures") ? BESIDE_A_PICTURE : LARGEST;
  for (; size > SMALLEST; size *= 0.95) {
    words.style.fontSize = `${size}rem`;
    if (!isTooLarge()) return;
  }
}

document.addEventListener("toggle", () => fit(slides[current()]), true);
document.fonts.ready.then(() => {
  slides.forEach(fit);
  show();
});
