// While a page is printed it is light, and all that is folded is open. Afterwards it is as the reader left it.
(() => {
  const root = document.documentElement;
  let restore = () => {};

  addEventListener("beforeprint", () => {
    const { theme } = root.dataset;
    const folded = [...document.querySelectorAll(".bd-article details:not([open])")];
    root.dataset.theme = "light";
    for (const details of folded) details.open = true;
    restore = () => {
      root.dataset.theme = theme;
      for (const details of folded) details.open = false;
    };
  });
  addEventListener("afterprint", () => restore());
})();
