"""What a page's layout may do to a reader: things that jump while the page is read, and things that lie on each other.

These are scripts for the page. tests/browser/audit.py runs them.
"""

# cspell:ignore behavior

# Run before a page's first byte. A reader who has just touched something expects that things move.
WATCH_SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) {
      if (one.hadRecentInput) continue;
      const name = (node) => node.closest?.('[id]')?.id || node.parentElement.closest('[id]')?.id || node.nodeName;
      const place = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(' ');
      const moves = one.sources.filter(({ node }) => node?.parentElement).map(
        ({ node, previousRect, currentRect }) => `${name(node)} (${place(previousRect)} to ${place(currentRect)})`);
      window.shifts.push({ value: one.value, scrolled: Math.round(scrollY), moves });
    }
  }).observe({ type: 'layout-shift', buffered: true });
"""
# They are reported after the frame in which they happen.
SHIFTS = """async () => {
  for (let i = 0; i < 2; i++) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return window.shifts;
}"""
# To the end of the page as with the Page Down key; and figures that are in view come to life before it goes on.
READ_ON = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const waiting = () => [...document.querySelectorAll('.senet-figure')].some((one) => {
    const { top, bottom } = one.getBoundingClientRect();
    return !['yes', 'no'].includes(one.dataset.mounted) && bottom > 0 && top < innerHeight;
  });
  for (let last = -1; last !== scrollY; ) {
    last = scrollY;
    scrollBy({ top: innerHeight * 0.9, behavior: 'instant' });
    await frame();
    for (let i = 0; i < 500 && waiting(); i++) await frame();
    await frame();
  }
}"""
# From the end to each figure at once, as by a link: it is in view before it lives.
VISIT_FIGURES = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  for (const figure of [...document.querySelectorAll('.senet-figure')].reverse()) {
    figure.scrollIntoView({ behavior: 'instant' });
    for (let i = 0; i < 500 && !['yes', 'no'].includes(figure.dataset.mounted); i++) await frame();
    await frame();
  }
}"""

# Texts, formulas, controls and pictures that are seen, without what a scrolling box hides. Two of them that share more
# than a few pixels each way lie on each other. A line's box is higher than its letters: only its middle counts.
OVERLAPS = """() => {
  const PARTS = '.bd-article, .bd-header-article, .prev-next-footer, .bd-footer-content, .bd-sidebar-primary,'
    + ' .bd-sidebar-secondary';
  const THINGS = 'button, select, input, summary, output, canvas, img, .katex-base';
  const HIDDEN = '.katex-mathml, .visually-hidden, .sr-only, .headerlink, script, style, noscript, defs';
  const SLACK = 3;
  const everything = { left: -1e6, top: -1e6, right: 1e6, bottom: 1e6 };
  const meet = (a, b) => ({
    left: Math.max(a.left, b.left), top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right), bottom: Math.min(a.bottom, b.bottom),
  });
  const windows = new Map(); // element -> where its content is seen
  const windowOf = (one) => {
    if (one === null || one === document.body) return everything;
    if (!windows.has(one)) {
      const style = getComputedStyle(one);
      const cuts = style.overflowX !== 'visible' || style.clip !== 'auto' || style.clipPath !== 'none';
      const own = style.clipPath.startsWith('inset(50%') ? { left: 0, top: 0, right: 0, bottom: 0 }
        : cuts ? one.getBoundingClientRect() : everything;
      windows.set(one, meet(windowOf(one.parentElement), own));
    }
    return windows.get(one);
  };
  const isSeen = (one) => !one.closest(HIDDEN)
    && one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  // A label on a picture, placed there on purpose.
  const isPlacedOn = (one, under) => {
    if (!under.matches('canvas, img')) return false;
    let node = one;
    while (!node.contains(under) && getComputedStyle(node).position !== 'absolute') node = node.parentElement;
    if (node.contains(under)) return false;
    do node = node.parentElement; while (node !== document.body && getComputedStyle(node).position === 'static');
    return node !== document.body && node.contains(under);
  };
  const shareControl = (a, b) => {
    const control = a.closest('label, button');
    return control !== null && control === b.closest('label, button');
  };
  // What stays in sight while the rest scrolls by lies over it, on purpose.
  const stuckOf = (one) => {
    const stays = one.closest('.senet-stays');
    if (stays === null || getComputedStyle(stays).position !== 'sticky') return null;
    const { top } = stays.getBoundingClientRect();
    stays.style.position = 'static';
    const moved = top - stays.getBoundingClientRect().top;
    stays.style.position = '';
    return Math.abs(moved) > 1 ? stays : null;
  };
  const say = ({ one, text }) =>
    text ? `"${text}"` : `${one.tagName.toLowerCase()} "${one.ariaLabel || one.alt || one.textContent.trim()}"`;

  const faults = new Set();
  for (const part of document.querySelectorAll(PARTS)) {
    const found = [];
    const add = (one, text, rect, spare) => {
      const shown = meet(rect, windowOf(text ? one : one.parentElement));
      const cut = spare * (rect.bottom - rect.top);
      const box = { ...shown, top: shown.top + cut, bottom: shown.bottom - cut, one, text };
      if (box.right - box.left > SLACK && box.bottom - box.top > SLACK) found.push(box);
    };
    const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { data, parentElement: one } = walker.currentNode;
      if (!data.trim() || one.closest('.katex, select') || !isSeen(one)) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      for (const rect of range.getClientRects()) add(one, data.trim().slice(0, 40), rect, 0.25);
    }
    for (const one of part.querySelectorAll(THINGS)) {
      if (isSeen(one)) add(one, '', one.getBoundingClientRect(), one.matches('.katex-base') ? 0.2 : 0);
    }
    found.sort((a, b) => a.top - b.top);
    found.forEach((a, index) => {
      for (let i = index + 1; i < found.length && found[i].top < a.bottom - SLACK; i++) {
        const b = found[i];
        const both = meet(a, b);
        if (both.right - both.left <= SLACK || both.bottom - both.top <= SLACK) continue;
        if (a.one.contains(b.one) || b.one.contains(a.one) || shareControl(a.one, b.one)) continue;
        if (isPlacedOn(a.one, b.one) || isPlacedOn(b.one, a.one) || stuckOf(a.one) !== stuckOf(b.one)) continue;
        faults.add(`${say(a)} and ${say(b)} lie on each other`);
      }
    });
  }
  return [...faults];
}"""
