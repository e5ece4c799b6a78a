// The list of contents shows which section is being read. The theme marks a heading that comes into view, so a jump past
// several headings leaves the mark where it was; this looks again, after the theme, where the page stands.
(() => {
  const links = [...document.querySelectorAll('#pst-page-toc-nav a[href^="#"]')];
  const stops = links.map((link) => [link, document.getElementById(decodeURIComponent(link.hash.slice(1)))]);

  function linkInRead() {
    const isAtEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 40;
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

  // Once more whenever the theme has looked: of two observers of the same things, the younger one is heard last.
  addEventListener("load", () => {
    const observer = new IntersectionObserver(mark, { rootMargin: "0px 0px -70% 0px" });
    for (const [, section] of stops) if (section) observer.observe(section.querySelector("h2, h3") ?? section);
  });
  addEventListener("scroll", () => requestAnimationFrame(mark), { passive: true });
})();
