// What the page of the whole book (print_page.py) does before it is printed. tools/pdf.py calls these functions.

const LEAST = 0.7; // of the usual size of letters: smaller ones nobody reads

/** Wait for letters and pictures. Each formula then says what it is, for readers who cannot see it: a PDF knows no MathML. */
async function settle() {
  for (const formula of document.querySelectorAll(".katex-html")) {
    formula.removeAttribute("aria-hidden");
    formula.setAttribute("role", "img");
    formula.setAttribute("aria-label", formula.parentElement.querySelector("annotation").textContent.trim());
  }
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => image.decode()));
}

// How much of the width that it would like to have there is, for each kind of thing that may be too wide.
const SHARES = {
  "article table": (table) => table.parentElement.clientWidth / table.offsetWidth,
  "article div.math": (formula) => formula.clientWidth / formula.scrollWidth,
  "article .cell_output pre": (pre) => {
    pre.style.whiteSpace = "pre"; // a printed table likes to be as wide as its longest line
    const share = pre.clientWidth / pre.scrollWidth;
    pre.style.whiteSpace = "";
    return share;
  },
};

/** Make the letters of what is too wide smaller. What is still too wide then, wraps. */
function fit() {
  for (const [kind, shareOf] of Object.entries(SHARES)) {
    for (const element of document.querySelectorAll(kind)) {
      let size = parseFloat(getComputedStyle(element).fontSize);
      const least = LEAST * size;
      while (shareOf(element) < 1 && size > least) {
        size = Math.max(least, 0.97 * size);
        element.style.setProperty("font-size", `${size}px`, "important");
      }
    }
  }
}

/** Write into the contents on which page each place is. */
function number(pages) {
  for (const place of document.querySelectorAll("[data-of]")) place.textContent = pages[place.dataset.of];
}
