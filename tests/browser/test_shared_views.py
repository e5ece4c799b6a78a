"""A view can be shared: the address holds what the reader changed, and a phrase of the text can set a figure."""

import pytest

from senet_lib.book.figures.cost_calculator import CostCalculator
from senet_lib.book.figures.squeeze_explorer import SqueezeExplorer
from tests.browser.figures import all_figures, open_html

pytestmark = pytest.mark.browser
PHRASE = """<p><a id="phrase" href="#CostCalculator?reduction=8&folder=%22x%22">r = 8</a>
<a id="bad" href="#CostCalculator?reduction=[">cut</a></p>"""


@pytest.fixture
def opened(browser, tmp_path):
    figures = [CostCalculator.example(), SqueezeExplorer.example(), CostCalculator.example()]
    html = "".join(f"<div>{figure.to_html()}</div>" for figure in figures) + PHRASE
    with open_html(browser, html, tmp_path, way="http") as opened:
        yield opened
        assert opened.faults == []


def test_a_link_to_a_view_shows_what_was_seen_and_a_reload_keeps_it(opened):
    opened.set("reduction", 4)
    opened.page.wait_for_function("location.hash === '#CostCalculator?reduction=4'")
    opened.page.reload()
    opened.page.wait_for_selector(".senet-figure[data-mounted=yes]")
    assert opened.get("reduction") == 4
    assert opened.page.locator(".senet-figure").nth(1).evaluate("el => el.dataset.mounted") is not None
    opened.click("Link to this view")
    assert opened.root.locator(".senet-shared").inner_text() in (
        "The link is copied.",
        "The link is in the address bar.",
    )


def test_a_phrase_sets_the_nearest_figure_of_its_kind_and_nothing_that_is_not_shared(opened):
    near = opened.page.locator(".senet-figure").nth(2)
    before = opened.get("reduction")
    opened.page.locator("#phrase").click()
    opened.page.wait_for_function("document.querySelectorAll('.senet-figure')[2].model?.get('reduction') === 8")
    assert near.evaluate("el => el.model.get('folder')") is None
    assert opened.get("reduction") == before != 8
    opened.page.locator("#bad").click()
    assert near.evaluate("el => el.model.get('reduction')") == 8


def test_no_link_chooses_what_a_page_loads():
    for figure in (kind.example() for kind in all_figures()):
        for name in figure._shared():
            value = getattr(figure, name)
            assert not isinstance(value, str) or not any(sign in value for sign in ("/", ":")), (figure, name)
