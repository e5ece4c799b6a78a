// A link to another place of the book shows its heading and first lines where the pointer or the focus is. A finger's first
// tap on a word of the glossary shows what it means; the second one goes there. From a folder a browser reads no other
// page: then only places of the same page are shown.
(() => {
  const WAIT_MS = 250;
  const LONGEST = 320; // letters of a preview
  const article = document.querySelector(".bd-article");
  if (!article) return;

  article.addEventListener("pointerup", ({ target, pointerType }) => {
    const term = target.closest?.("a.senet-term");
    if (!term || pointerType !== "touch" || document.activeElement === term) return;
    term.addEventListener("click", (event) => event.preventDefault(), { once: true });
    term.focus();
  });

  const card = Object.assign(document.createElement("div"), { className: "senet-preview", hidden: true });
  card.setAttribute("role", "tooltip");
  card.id = "senet-preview";
  document.body.append(card);
  const pages = new Map(); // address -> promise of its document
  const readPage = (address) => {
    if (!pages.has(address)) {
      const read = async () => new DOMParser().parseFromString(await (await fetch(address)).text(), "text/html");
      pages.set(address, read().catch(() => null));
    }
    return pages.get(address);
  };

  /** The heading and the first paragraph of what a link leads to; null where there is nothing to read. */
  async function textOf(link) {
    const here = link.pathname === location.pathname;
    if (!here && location.protocol === "file:") return null;
    const page = here ? document : await readPage(link.href.replace(/#.*/, ""));
    const place = link.hash ? page?.getElementById(decodeURIComponent(link.hash.slice(1))) : page?.querySelector(".bd-article");
    if (!place) return null;
    const heading = place.querySelector("h1, h2, h3, h4");
    const paragraph = heading ? place.querySelector(":scope p:not(blockquote p, .senet-frame p)") : place;
    const plain = (node) => {
      const copy = node?.cloneNode(true);
      copy?.querySelectorAll(".katex-mathml, .headerlink, script, style").forEach((one) => one.remove());
      return copy?.textContent.trim().replace(/\s+/g, " ") ?? "";
    };
    const text = plain(paragraph);
    return { heading: plain(heading), text: text.length > LONGEST ? `${text.slice(0, LONGEST).replace(/\s\S*$/, "")} …` : text };
  }

  let [timer, current, shownAt] = [0, null, 0];
  const hide = () => {
    clearTimeout(timer);
    current?.removeAttribute("aria-describedby");
    [current, card.hidden] = [null, true];
  };
  async function show(link) {
    const found = await textOf(link);
    if (current !== link || !found) return;
    const heading = Object.assign(document.createElement("strong"), { textContent: found.heading });
    card.replaceChildren(heading, Object.assign(document.createElement("p"), { textContent: found.text }));
    card.hidden = false;
    shownAt = scrollY;
    link.setAttribute("aria-describedby", card.id);
    const { left, top, bottom } = link.getBoundingClientRect();
    const above = bottom + card.offsetHeight + 12 > innerHeight && top > card.offsetHeight + 12;
    card.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - card.offsetWidth - 8))}px`;
    card.style.top = `${above ? top - card.offsetHeight - 8 : bottom + 8}px`;
  }
  const begin = ({ target, pointerType }) => {
    const link = target.closest?.("a.reference.internal");
    if (!link || link === current || pointerType === "touch") return;
    hide();
    current = link;
    timer = setTimeout(() => show(link), WAIT_MS);
  };
  article.addEventListener("pointerover", begin);
  article.addEventListener("focusin", begin);
  article.addEventListener("pointerout", ({ target, relatedTarget }) => {
    if (current && target.closest?.("a") === current && !current.contains(relatedTarget)) hide();
  });
  article.addEventListener("focusout", hide);
  // The event may come late, of a scroll that was before.
  addEventListener("scroll", () => card.hidden || scrollY === shownAt || hide(), { passive: true });
  addEventListener("keydown", ({ key }) => key === "Escape" && hide());
})();
