// The list of contents shows which section is being read. The theme marks a heading that comes into view, so a jump past
// several headings leaves the mark where it was; this looks again, after the theme, where the page stands.
(() => {
  const links = [...document.querySelectorAll('#pst-page-toc-nav a[href^="#"]')];
  const stops = links.map((link) => [link, document.getElementById(decodeURIComponent(link.hash.slice(1)))]);

  function linkInRead() {
    const isAtEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    const line = isAtEnd ? innerHeight : 0.3 * innerHeight;
    return stops.findLast(([, section]) => section?.getBoundingClientRect().top < line)?.[0];
  }

  function mark() {
    const chosen = linkInRead();
    for (const link of links) {
      link.classList.toggle("active", link === chosen);
      if (link === chosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    for (const item of document.querySelectorAll("#pst-page-toc-nav .toc-entry"))
      item.classList.toggle("active", chosen !== undefined && item.contains(chosen));
  }

  // The theme's observer is heard after the frame's own callbacks, and before what waits behind them.
  const markSoon = () => requestAnimationFrame(() => setTimeout(mark));
  addEventListener("scroll", markSoon, { passive: true });
  addEventListener("scrollend", markSoon);
})();
