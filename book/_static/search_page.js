// What the search page shows of a page: each once, and its text without buttons, contents and the formulas' sources.
(() => {
  if (typeof Search === "undefined") return;
  const NOT_TEXT = ".katex-mathml, .headerlink, .senet-figure, .toc, nav, script, style, summary, form, .prev-next-footer";
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const article = page.querySelector(".bd-article") ?? page.body;
    article.querySelectorAll(NOT_TEXT).forEach((one) => one.remove());
    const place = anchor ? article.querySelector(`[id="${CSS.escape(anchor.slice(1))}"]`) : null;
    return (place ?? article).textContent;
  };
  const find = Search._performSearch;
  // The best result stands last. Of one page the best is kept.
  Search._performSearch = (...words) => {
    const seen = new Set();
    const isFirst = ([page]) => !seen.has(page) && seen.add(page);
    return find(...words).reverse().filter(isFirst).reverse();
  };
})();
