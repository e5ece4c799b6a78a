// Brings the figures of a plain page to life: no kernel, no server, no other script.
// Each figure's HTML holds a copy of this text; the first one that runs does the work for all.
(() => {
  if (window.senetHost) return window.senetHost.scan();

  const NEAR = "800px"; // how far below the window a figure is mounted

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
    try {
      // A module from a blob works from file:// too, where a module from a file does not.
      const texts = readModule(figure);
      const address = URL.createObjectURL(new Blob(texts, { type: "text/javascript" }));
      const module = await import(address);
      URL.revokeObjectURL(address);
      const state = unpack(readJson(figure.querySelector("script.senet-state")));
      const model = createModel({ ...state, _esm: texts.join("") }); // as a front end with a kernel has it
      figure.append(live);
      module.default.render({ model, el: live });
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
  // An address that ends in #Kind?settings is a link to the first figure of this kind, which reads the settings.
  const goToFigure = () => {
    const kind = /^#(\w+)\?/.exec(location.hash)?.[1];
    if (kind) document.querySelector(`.senet-figure[data-kind="${kind}"]`)?.scrollIntoView();
  };
  window.senetHost = { scan };
  const begin = () => {
    scan();
    goToFigure();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  begin();
})();
