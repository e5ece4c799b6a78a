// The menus of a page's header and its button to the top: the two things for which the theme would load Bootstrap.
(() => {
  const SWITCH = '[data-bs-toggle="dropdown"]';

  function setOpen(button, open) {
    button.classList.toggle("show", open);
    button.nextElementSibling.classList.toggle("show", open);
    button.setAttribute("aria-expanded", open);
  }

  function closeAllBut(kept) {
    document.querySelectorAll(SWITCH).forEach((button) => button !== kept && setOpen(button, false));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(SWITCH);
    closeAllBut(button);
    if (button) setOpen(button, !button.classList.contains("show"));
  });

  // Whoever leaves a menu leaves it closed: with the Tab key, or with a finger, which makes no click on plain text.
  for (const kind of ["focusin", "pointerdown"]) {
    document.addEventListener(kind, (event) => closeAllBut(event.target.closest(".dropdown")?.querySelector(SWITCH)));
  }

  document.addEventListener("keydown", (event) => {
    const button = event.target.closest(".dropdown")?.querySelector(SWITCH);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (button && step) {
      setOpen(button, true);
      const stops = [button, ...button.nextElementSibling.querySelectorAll(".dropdown-item")];
      const next = (stops.indexOf(document.activeElement) + step + stops.length) % stops.length;
      stops[next].focus();
      event.preventDefault();
    } else if (button && event.key === "Escape") {
      button.focus();
      setOpen(button, false);
    }
  });

  // The button to the top is there while the reader scrolls upwards.
  const toTop = document.getElementById("pst-back-to-top");
  if (!toTop) return;
  let lastY = window.scrollY;
  window.addEventListener("scroll", () => {
    toTop.style.display = window.scrollY > 0 && window.scrollY < lastY ? "block" : "none";
    lastY = window.scrollY;
  });
  toTop.addEventListener("click", () => window.scrollTo(0, 0));
})();
