"""Exercises and self-tests that a page checks, and the reader's progress, which the landing page shows in one place."""

import json
import re

import pytest

from senet_lib.book.exercises import EXERCISES, check
from tests.browser.test_pages import CHAPTERS

pytestmark = pytest.mark.browser
CHAPTER = CHAPTERS[0]
KEPT = "JSON.stringify(Object.keys(localStorage).filter((key) => key.startsWith('senet-')))"


def answer(page, name, *texts):
    form = page.locator(f"#exercise-{name}")
    for field, text in zip(form.locator("input").all(), texts, strict=True):
        field.fill(text)
    form.locator("input").last.press("Enter")
    return form.locator("[role=status]").inner_text()


def test_every_exercise_that_a_page_can_check_has_a_form_on_one_page(visit):
    found = []
    for page in CHAPTERS:
        found += visit(page).locator("form.senet-exercise").evaluate_all("all => all.map((one) => one.id)")
    assert sorted(found) == sorted(f"exercise-{name}" for name, (one, _) in EXERCISES.items() if hasattr(one, "form"))


@pytest.mark.parametrize("way", ["file", "http"])
def test_a_form_says_what_check_says_and_keeps_the_answer(visit, way):
    page = visit(CHAPTER, way)
    assert answer(page, "cue_blind_three_shapes", "9 / 16") == f"✗ {check('cue_blind_three_shapes', 9 / 16).message}"
    assert answer(page, "cue_blind_three_shapes", "17/").startswith("✗ 17/ cannot be read at")
    assert answer(page, "cue_blind_three_shapes", "17/27") == f"✓ {check('cue_blind_three_shapes', 17 / 27).message}"
    page = visit(CHAPTER, way)
    form = page.locator("#exercise-cue_blind_three_shapes")
    assert form.locator("input").input_value() == "17/27" and form.get_attribute("data-right") == "true"


def test_progress_is_seen_in_one_place_saved_and_erased(visit, tmp_path):
    page = visit(CHAPTER)
    answer(page, "layers_to_see_both", "1")
    answer(page, "cue_blind_three_shapes", "0.1")
    page.locator("details.senet-option").first.locator("summary").click()
    page.wait_for_function("localStorage.getItem('senet-book/self-tests') !== null")
    page = visit("book/index")
    box = page.locator(".senet-progress")
    said = box.inner_text()
    assert "1 of 12 chapters opened" in said and "1 of 2 exercises right" in said
    assert re.search("[01] of 1 self-test questions", said)
    with page.expect_download() as saved:
        box.get_by_role("button", name="Save").click()
    kept = json.loads(saved.value.path().read_text(encoding="utf-8"))
    assert kept["senet-book/exercises"]["layers_to_see_both"] == {"given": ["1"], "right": True}
    box.get_by_role("button", name="Erase").click()
    assert page.evaluate(KEPT) == "[]"


def test_a_link_shows_where_it_leads(visit):
    page = visit(CHAPTER, "http")
    link = page.locator(".bd-article a.reference.internal[href$='.html']").first
    link.scroll_into_view_if_needed()
    link.hover()
    card = page.locator(".senet-preview")
    card.wait_for()
    assert len(card.inner_text()) > 20
    page.keyboard.press("Escape")
    assert not card.is_visible()
