// Which chapters have been opened, kept in this browser only: a page of a chapter notes it, the landing page shows it.
(() => {
  const KEY = "senet-book/opened";
  const WORDS = {
    opened: "opened",
    told: "You have opened {count} of {all} chapters. Only this browser knows.",
    erase: "Erase",
    next: "Go on: {title}",
  };
  const fillIn = (text, parts) => text.replace(/\{(\w+)\}/g, (_, name) => parts[name]);
  // A browser may refuse its storage; then nothing is kept.
  const attempt = (action, otherwise) => {
    try {
      return action() ?? otherwise;
    } catch {
      return otherwise;
    }
  };
  const nameOf = (address) => address.match(/\/notebooks\/(\w+)\.html/)?.[1];
  const opened = new Set(attempt(() => [].concat(JSON.parse(localStorage.getItem(KEY))), []));

  const here = nameOf(location.href);
  if (here && !opened.has(here)) {
    attempt(() => localStorage.setItem(KEY, JSON.stringify([...opened, here])));
  }

  const cards = [...document.querySelectorAll(".senet-card")];
  const links = cards.map((card) => card.querySelector("a"));
  const seen = links.map((link) => opened.has(nameOf(link.href)));
  const count = seen.filter(Boolean).length;
  if (count === 0) return;
  const make = (tag, text, name) => Object.assign(document.createElement(tag), { textContent: text, className: name });
  const marks = cards.filter((_, i) => seen[i]).map((card) => {
    const mark = make("span", WORDS.opened, "senet-opened");
    card.querySelector("p:last-child").append(mark);
    return mark;
  });
  const line = make("p", `${fillIn(WORDS.told, { count, all: cards.length })} `, "senet-progress");
  const erase = make("button", WORDS.erase);
  const next = links[seen.indexOf(false)];
  if (next) {
    const link = make("a", fillIn(WORDS.next, { title: next.textContent }));
    link.href = next.href;
    line.append(link, " ");
  }
  line.append(erase);
  erase.addEventListener("click", () => {
    attempt(() => localStorage.removeItem(KEY));
    for (const mark of [line, ...marks]) mark.remove();
  });
  document.querySelector(".senet-cards").before(line);
})();
