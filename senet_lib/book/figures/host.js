// Brings the figures of a plain page to life: no kernel, no server, no other script.
// Each figure's HTML holds a copy of this text; the first one that runs does the work for all.
(() => {
  if (window.senetHost) return window.senetHost.scan();

  const NEAR = "800px"; // how far below the window a figure is mounted

  const PAUSE_MS = 400; // after the last change, before the address follows

  const WORDS = { share: "Link to this view", copied: "The link is copied.", shown: "The link is in the address bar." };

  // What a widget front end offers to a module, on a plain object: https://anywidget.dev/en/afm/
  function createModel(state) {
    const listeners = new Map();
    return {
      get: (name) => state[name],
      set(name, value) {
        if (Object.is(state[name], value)) return;
        state[name] = value;
        for (const listener of [...(listeners.get(`change:${name}`) ?? [])]) listener();
      },
      save_changes() {},
      send() {},
      on(event, listener) {
        if (!listeners.has(event)) listeners.set(event, new Set());
        listeners.get(event).add(listener);
      },
      off(event, listener) {
        listeners.get(event)?.delete(listener);
      },
    };
  }

  // Arrays stand in the page as base64; a front end with a kernel gives their bytes as a DataView.
  function unpack(value) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    if ("dtype" in value && typeof value.data === "string") {
      const bytes = Uint8Array.from(atob(value.data), (letter) => letter.charCodeAt(0));
      return { ...value, data: new DataView(bytes.buffer) };
    }
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, unpack(inner)]));
  }

  const readJson = (node) => JSON.parse(node.textContent);
  // A page may keep states and modules at its end, behind the text.
  const isRead = document.readyState !== "loading" || new Promise((done) => addEventListener("DOMContentLoaded", done));
  const readState = (figure) => readJson(document.querySelector(`script.senet-state[data-of="${figure.id}"]`));
  // A page keeps one copy of what its figures share, so a part may stand in another figure.
  const readModule = (figure) => {
    const keys = figure.dataset.modules.split(" ");
    return keys.map((key) => readJson(document.querySelector(`script.senet-module[data-key="${key}"]`)));
  };

  async function mount(figure) {
    if (figure.dataset.mounted) return;
    figure.dataset.mounted = "soon";
    const live = document.createElement("div");
    live.className = "senet-live";
    await isRead;
    try {
      // A module from a blob works from file:// too, where a module from a file does not.
      const texts = readModule(figure);
      const address = URL.createObjectURL(new Blob(texts, { type: "text/javascript" }));
      const module = await import(address);
      URL.revokeObjectURL(address);
      const state = unpack(readState(figure));
      const model = createModel({ ...state, _esm: texts.join("") }); // as a front end with a kernel has it
      for (const [name, value] of Object.entries(readAddress(figure))) model.set(name, value);
      figure.append(live);
      module.default.render({ model, el: live });
      share(figure, model, state);
      figure.model = model; // for tests, and for the curious
      figure.dataset.mounted = "yes";
      performance.mark("senet-live");
    } catch (error) {
      live.remove();
      figure.dataset.mounted = "no"; // the still picture stays
      console.error(error);
    }
  }

  const nearby = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        nearby.unobserve(target);
        mount(target);
      }
    },
    { rootMargin: NEAR },
  );

  const scan = () => {
    for (const figure of document.querySelectorAll(".senet-figure:not([data-mounted])")) nearby.observe(figure);
  };
  // An address that ends in #Kind?name=value&… is a link to a view: to the first figure of this kind, with these settings.
  // A figure that shares none reads them itself.
  const partsOf = (hash) => /^#(\w+)\?(.*)$/.exec(hash)?.slice(1) ?? [];
  const figuresOf = (kind) => [...document.querySelectorAll(`.senet-figure[data-kind="${kind}"]`)];
  const sharedBy = (figure) => figure.dataset.shares?.split(" ").filter(Boolean) ?? [];
  const readSettings = (figure, query) => {
    const given = [...new URLSearchParams(query)].filter(([name]) => sharedBy(figure).includes(name));
    try {
      return Object.fromEntries(given.map(([name, value]) => [name, JSON.parse(value)]));
    } catch {
      return {}; // a link that was cut short
    }
  };
  const readAddress = (figure) => {
    const [kind, query] = partsOf(location.hash);
    return figuresOf(kind)[0] === figure ? readSettings(figure, query) : {};
  };

  // The address follows what the reader changes, so that it is kept over a reload; a button copies it.
  function share(figure, model, start) {
    if (sharedBy(figure).length === 0 || figuresOf(figure.dataset.kind)[0] !== figure) return;
    const follow = () => {
      const changed = sharedBy(figure).filter((name) => model.get(name) !== start[name]);
      const settings = new URLSearchParams(changed.map((name) => [name, JSON.stringify(model.get(name))]));
      history.replaceState(history.state, "", `#${figure.dataset.kind}?${settings}`);
    };
    let timer = 0;
    for (const name of sharedBy(figure)) {
      model.on(`change:${name}`, () => {
        clearTimeout(timer);
        timer = setTimeout(follow, PAUSE_MS);
      });
    }
    const copy = Object.assign(document.createElement("button"), { type: "button", className: "senet-share" });
    const told = Object.assign(document.createElement("span"), { className: "senet-shared" });
    told.setAttribute("role", "status");
    copy.setAttribute("aria-label", WORDS.share);
    copy.title = WORDS.share;
    copy.addEventListener("click", async () => {
      follow();
      const isCopied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
      told.textContent = isCopied ? WORDS.copied : WORDS.shown;
      setTimeout(() => (told.textContent = ""), 3000);
    });
    figure.querySelector(".senet-title")?.append(told, copy);
  }

  const goToFigure = () => {
    const [kind] = partsOf(location.hash);
    if (kind) figuresOf(kind)[0]?.scrollIntoView();
  };
  // A phrase of the text that is such a link sets the nearest figure of this kind, wherever it stands.
  async function setNearest(link) {
    const [kind, query] = partsOf(link.hash);
    const middle = (one) => one.getBoundingClientRect().top + one.getBoundingClientRect().height / 2;
    const away = (figure) => Math.abs(middle(figure) - middle(link));
    const [figure] = figuresOf(kind).sort((one, other) => away(one) - away(other));
    await mount(figure);
    for (const [name, value] of Object.entries(readSettings(figure, query))) figure.model?.set(name, value);
    figure.scrollIntoView({ block: "nearest" });
    figure.classList.add("senet-pointed");
    setTimeout(() => figure.classList.remove("senet-pointed"), 1500);
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    const figures = link ? figuresOf(partsOf(link.hash)[0]) : [];
    if (!figures.some((figure) => sharedBy(figure).length > 0)) return;
    event.preventDefault();
    setNearest(link);
  });
  window.senetHost = { scan };
  const begin = () => {
    scan();
    if (performance.getEntriesByType("navigation")[0]?.type !== "reload") goToFigure(); // a reload stays where it was
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  begin();
})();
