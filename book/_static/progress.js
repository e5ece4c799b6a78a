// What the reader has done, kept in this browser only: a page of a chapter notes that it was opened, the landing page shows
// all in one place, saves it as a file, and erases it.
(() => {
  const STORE = "senet-book/"; // all keys of the book begin so
  const KEY = `${STORE}opened`;
  const WORDS = {
    opened: "opened",
    chapters: "{count} of {all} chapters opened",
    exercises: "{right} of {count} exercises right, of those you answered in a page",
    tests: "{right} of {count} self-test questions right at once",
    guesses: "{right} of {count} guesses right",
    faults: "{count} listings judged in “Find the fault”",
    runs: "{count} networks trained in a page",
    title: "Your progress. Only this browser knows it.",
    save: "Save as a file",
    erase: "Erase all",
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
  const read = (name, otherwise) => attempt(() => JSON.parse(localStorage.getItem(STORE + name)), otherwise);
  const nameOf = (address) => address.match(/\/notebooks\/(\w+)\.html/)?.[1];
  const opened = new Set([].concat(read("opened", [])));

  const here = nameOf(location.href);
  if (here && !opened.has(here)) {
    attempt(() => localStorage.setItem(KEY, JSON.stringify([...opened, here])));
  }

  const cards = [...document.querySelectorAll(".senet-card")];
  if (cards.length === 0) return;
  const links = cards.map((card) => card.querySelector("a"));
  const seen = links.map((link) => opened.has(nameOf(link.href)));

  // A line for each thing that was done: { count, right }.
  const counted = (values, isRight = Boolean) => ({ count: values.length, right: values.filter(isRight).length });
  const values = (name) => Object.values(read(name, {}));
  const done = {
    chapters: { count: seen.filter(Boolean).length, all: cards.length },
    exercises: counted(values("exercises"), (one) => one?.right === true),
    tests: counted(values("self-tests")),
    guesses: counted(values("guesses").filter((one) => Array.isArray(one) && one[0] !== "shown"), ([, right]) => right),
    faults: counted(Object.values(Object(read("faults", {}).marked)).filter((marks) => marks?.length > 0)),
    runs: counted([].concat(read("runs", []))),
  };
  const lines = Object.entries(done).filter(([, { count }]) => count > 0);
  if (lines.length === 0) return;

  const make = (tag, text, name = "") => Object.assign(document.createElement(tag), { textContent: text, className: name });
  const marks = cards.filter((_, i) => seen[i]).map((card) => {
    const mark = make("span", WORDS.opened, "senet-opened");
    card.querySelector("p:last-child").append(mark);
    return mark;
  });
  const box = make("div", "", "senet-progress");
  const list = make("ul", "");
  list.append(...lines.map(([name, counts]) => make("li", fillIn(WORDS[name], counts))));
  box.append(make("p", WORDS.title), list);
  const next = links[seen.indexOf(false)];
  if (next && done.chapters.count > 0) {
    const link = make("a", fillIn(WORDS.next, { title: next.textContent }));
    link.href = next.href;
    box.append(link);
  }
  const keys = () => attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(STORE)), []);
  const save = make("button", WORDS.save);
  save.addEventListener("click", () => {
    const all = Object.fromEntries(keys().map((key) => [key, attempt(() => JSON.parse(localStorage.getItem(key)), null)]));
    const file = new Blob([JSON.stringify(all, null, 1)], { type: "application/json" });
    const link = Object.assign(make("a", ""), { href: URL.createObjectURL(file), download: "senet-book-progress.json" });
    link.click();
    URL.revokeObjectURL(link.href);
  });
  const erase = make("button", WORDS.erase);
  erase.addEventListener("click", () => {
    for (const key of keys()) attempt(() => localStorage.removeItem(key));
    for (const mark of [box, ...marks]) mark.remove();
  });
  box.append(save, erase);
  document.querySelector(".senet-cards").before(box);
})();
