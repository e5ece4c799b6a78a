// In a figure's own page, inside a slide: the keys that no figure uses are handed on to the deck.
addEventListener("keydown", ({ key }) => {
  if (["PageDown", "PageUp", "Escape"].includes(key)) parent.postMessage({ slideKey: key }, "*");
});
