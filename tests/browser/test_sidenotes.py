"""Notes in the margin: beside their paragraph in a wide window, below it in a narrow one, and never on the contents."""

import pytest

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.md"))
PLACES = """() => [...document.querySelectorAll('aside.sidenote')].map((note) => {
  const [own, before] = [note, note.previousElementSibling].map((one) => one.getBoundingClientRect());
  return { left: own.left - before.right, above: own.top - before.bottom, below: own.bottom - before.bottom };
})"""
# Brings each note to the top, the middle and the end of the window, as a reader does who scrolls past it.
ON_CONTENTS = """async () => {
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const list = document.querySelector('.bd-sidebar-secondary');
  const found = [];
  for (const note of document.querySelectorAll('aside.sidenote')) {
    for (const block of ['end', 'center', 'start']) {
      note.scrollIntoView({ block, behavior: 'instant' });
      for (let i = 0; i < 3; i++) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      await Promise.allSettled(list.getAnimations().map((one) => one.finished)); // the theme folds it slowly
      const [own, other] = [note, list].map((one) => one.getBoundingClientRect());
      // At the very top a note passes below the folded list, as all that scrolls out of the window.
      if (meet(own, other) && other.height > 60) found.push(`${block}: ${note.textContent.trim().slice(0, 40)}`);
    }
  }
  return found;
}"""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_notes_stand_in_the_margin_or_below_and_never_on_the_list_of_contents(browser, addresses, chapter):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(f"{addresses['http']}/notebooks/{chapter}.html")
    assert page.evaluate(ON_CONTENTS) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    for place in page.evaluate(PLACES):
        assert place["left"] >= 16 and place["above"] < 0 and abs(place["below"]) < 16
    page.set_viewport_size({"width": 390, "height": 800})
    for place in page.evaluate(PLACES):
        assert place["left"] < 0 <= place["above"]
    page.close()


def test_a_folded_list_of_contents_opens_for_the_keyboard(browser, addresses):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{addresses['http']}/notebooks/{CHAPTERS[0]}.html")
    page.evaluate("document.querySelector('aside.sidenote').scrollIntoView({ block: 'center', behavior: 'instant' })")
    page.wait_for_selector(".bd-sidebar-secondary.hide")
    link = page.locator(".bd-sidebar-secondary nav.page-toc a").first
    link.evaluate("one => one.focus({ preventScroll: true })")
    page.wait_for_function("getComputedStyle(document.querySelector('nav.page-toc')).opacity === '1'")
    assert link.is_visible()
    page.close()
