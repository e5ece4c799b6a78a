"""What holds for every figure of the library: it lives without a kernel, for every reader, and fails kindly."""

import importlib.util
import io
import re
import sys
from collections.abc import Iterator
from itertools import product

import pytest
from PIL import Image

from senet_lib.book.figures.figure import Figure
from tests.browser.audit import COLOUR_RULES
from tests.browser.conftest import ROOT
from tests.browser.figures import (
    Opened,
    all_figures,
    controls_without_effect,
    html_of,
    open_figure,
    open_html,
    serious_violations,
    unreachable_controls,
)

pytestmark = pytest.mark.browser


def load_from_contributing(folder) -> type[Figure]:
    """The smallest figure, from the text of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## A new figure")[2]
    python, test = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (module,) = re.findall(r"```js\n(.*?)```", text, re.DOTALL)
    (folder / "gate_curve.py").write_text(python, encoding="utf-8")
    (folder / "gate_curve.js").write_text(module, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("senet_lib.book.figures.gate_curve", folder / "gate_curve.py")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    namespace: dict = {}
    exec(compile(test, "CONTRIBUTING.md", "exec"), namespace)  # the test that the page shows, as it stands there
    loaded.GateCurve.shown_test = staticmethod(namespace["test_the_gate_is_the_sigmoid_of_the_logit"])
    return loaded.GateCurve


FIGURES = all_figures()


@pytest.fixture(scope="module", params=[*FIGURES, "the smallest"], ids=lambda one: getattr(one, "__name__", one))
def figure(request, tmp_path_factory) -> Figure:
    if request.param != "the smallest":
        return request.param.example()
    return load_from_contributing(tmp_path_factory.mktemp("contributing")).example()


@pytest.fixture(scope="module")
def page(browser, figure, tmp_path_factory) -> Iterator[Opened]:
    """A page with this figure, which ``opened`` gives to one test after the other."""
    with open_figure(browser, figure, tmp_path_factory.mktemp("figure")) as page:
        yield page


def test_a_figure_mounts_and_fits_in_both_colours_in_which_axe_finds_nothing(opened):
    for width, theme in product((1280, 390), ("light", "dark")):
        opened.look(width, theme)
        assert opened.root.get_attribute("data-mounted") == "yes"
        assert opened.problem is None
        assert opened.root.locator(".senet-body").bounding_box()["height"] > 20
        assert not opened.root.locator(".senet-still").is_visible()
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        overflow = "el => el.scrollWidth - el.clientWidth"
        assert opened.root.locator(".senet-frame").evaluate(overflow) <= 0, "the figure is wider than its frame"
        if width == 1280:
            assert serious_violations(opened.page, rules=() if theme == "light" else COLOUR_RULES) == []


# Controls that choose something else to be drawn, with more or fewer lines; and figures of pages of their own.
OTHER_HEIGHT = {
    "ClassGates": ["network"],
    "FindTheFault": ["chosen"],
    "GateTraining": ["part"],
    "PhotographInPage": ["network", "part"],
    "ReductionExplorer": ["shown"],
    "RescaleMixer": ["block"],
    "Surgery": ["part"],
}
OF_A_PAGE_OF_THEIR_OWN = ("Laboratory", "LandingScene", "NetworkInPage")
# Move each control to some of its places, and note where the figure's height is another then. [trait, place, pixels].
MOVE_ALL = """async (root, others) => {
  const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const height = () => root.getBoundingClientRect().height;
  const [first, found] = [height(), []];
  for (const one of root.querySelectorAll('.senet-live [data-trait]')) {
    const isRange = one.type === 'range';
    const isBox = one.type === 'checkbox';
    const isRadio = one.type === 'radio';
    if (others.includes(one.dataset.trait) || one.disabled || (!one.checkVisibility() && !isRadio)) continue;
    const now = isRadio ? [...document.getElementsByName(one.name)].find(({ checked }) => checked) : one.value;
    const put = async (value) => {
      if (isBox) one.click();
      else if (isRadio) value.click();
      else {
        one.value = value;
        one.dispatchEvent(new Event(isRange ? 'input' : 'change', { bubbles: true }));
      }
      await drawn();
    };
    const ends = [0, 0.25, 0.5, 0.75, 1].map((part) => Number(one.min) + part * (one.max - one.min));
    const options = one.tagName === 'SELECT' ? [...one.options].filter((each) => !each.disabled) : [];
    for (const place of isRange ? ends : isBox ? [true] : isRadio ? [one] : options.map(({ value }) => value)) {
      await put(place);
      const more = Math.round(height() - first);
      if (Math.abs(more) > 2) found.push([one.dataset.trait, place.value ?? place, more]);
    }
    await put(now);
  }
  return found;
}"""


def test_a_figure_keeps_its_height_while_it_is_used(opened, figure):
    name = type(figure).__name__
    for width in () if name in OF_A_PAGE_OF_THEIR_OWN else (820, 390):
        opened.look(width, "light")
        assert opened.root.evaluate(MOVE_ALL, OTHER_HEIGHT.get(name, [])) == [], width


# A window, how much of it the page's header covers, and how wide the book's figures are in it. In pixels.
SCREENS = {"laptop": (1366, 768, 48, 758), "phone": (390, 800, 56, 358)}
# Go to each control as a reader who comes from above, operate it, and note where no result is in the window then.
LOOK_FOR_RESULTS = """async (root, header) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const seen = (one) => one.checkVisibility({ visibilityProperty: true });
  const live = root.querySelector('.senet-live');
  const box = (one) => one.getBoundingClientRect();
  const isBelow = (one) => box(one).top >= header - 2;
  const fits = (one) => isBelow(one) && box(one).bottom <= innerHeight + 2;
  const apart = (one, other) => one.contains(other) || box(one).bottom <= box(other).top + 2
    || box(other).bottom <= box(one).top + 2 || box(one).right <= box(other).left || box(other).right <= box(one).left;
  const put = (one, value) => {
    if (one.type === 'radio' || one.type === 'checkbox') return one.click();
    one.value = value;
    one.dispatchEvent(new Event(one.type === 'range' ? 'input' : 'change', { bubbles: true }));
  };
  const optionsOf = (one) => [...(one.options ?? [])].filter((each) => !each.disabled).map(({ value }) => value);
  const another = (one) =>
    (one.type === 'range' ? [one.min, one.max] : optionsOf(one)).find((value) => value !== one.value);
  const look = async (control, target) => {
    scrollTo(0, scrollY + box(root).top - header);
    target.scrollIntoView({ block: 'nearest', behavior: 'instant' });
    const before = control.value;
    if (control.dataset.trait && !control.disabled) put(control, another(control));
    await frame();
    if (!seen(target)) return true; // it has chosen another part of the figure
    const results = [...live.querySelectorAll('.senet-result, .senet-stays')].filter(seen);
    const isThere = results.some((result) => {
      scrollBy(0, Math.max(0, box(result).bottom - innerHeight));
      return fits(result) && (result.contains(target) || (isBelow(target) && apart(result, target)));
    });
    if (control.dataset.trait && !control.disabled && control.type !== 'radio') put(control, before);
    await frame();
    return isThere;
  };
  const hidden = [];
  const CONTROLS = ':is(input, select, button, [role=slider], summary):not(.senet-share, [type=file])';
  for (const fold of [null, ...live.querySelectorAll('details')]) {
    const wasOpen = fold?.open;
    if (fold) fold.open = true;
    for (const control of [...(fold ?? live).querySelectorAll(CONTROLS)]) {
      const target = control.closest('label') ?? control;
      const isLater = !fold && control.closest('details > :not(summary)');
      if (!seen(target) || control.closest('.parts-guess') || isLater) continue;
      const name = control.dataset.trait ?? control.textContent;
      if (!(await look(control, target))) hidden.push(`${fold ? 'folded: ' : ''}${name} ${control.value ?? ''}`);
    }
    if (fold) fold.open = wasOpen;
  }
  return hidden;
}"""


def test_each_control_and_what_answers_it_are_on_one_screen(browser, figure, tmp_path):
    if figure.has_trait("asks"):
        figure = type(figure).example()
        figure.asks = True
    with open_figure(browser, figure, tmp_path, motion="reduce") as opened:
        for ask in opened.root.get_by_role("button", name="Show me", exact=True).all():
            opened.click(ask)
        for screen, (width, height, header, room) in SCREENS.items():
            body = f"body {{ margin: 0 auto !important; padding-bottom: 100vh; width: {room}px }}"
            opened.page.add_style_tag(content=body)
            opened.page.set_viewport_size({"width": width, "height": height})
            opened.settle()
            assert opened.root.evaluate(LOOK_FOR_RESULTS, header) == [], screen


def test_every_control_works_from_the_keyboard(opened):
    opened.look(1280, "light")  # on a phone, some controls that others make up for are not there
    assert opened.root.locator(".senet-live :is(input, select, button, [role=slider])").count() > 0
    assert unreachable_controls(opened) == []
    assert controls_without_effect(opened) == []


def picture_at_rest(opened: Opened) -> bytes:
    """In a window that holds it all: what lies below the window is drawn for the picture only, and not always alike."""
    opened.page.set_viewport_size({"width": 1280, "height": round(opened.root.bounding_box()["height"]) + 300})
    # A browser may paint a photograph some time after its figure.
    opened.root.locator(".senet-live").evaluate(
        "live => Promise.all([...live.querySelectorAll('img[src]')].map((one) => one.decode()))"
    )
    opened.settle()
    # The first one after the window has grown may be rounded otherwise: some pixels by 2 of 255.
    opened.root.screenshot()
    return opened.root.screenshot()


def test_nothing_moves_by_itself_and_print_shows_the_still_picture(browser, figure, tmp_path):
    with open_figure(browser, figure, tmp_path, motion="reduce", clock=True) as opened:
        assert opened.root.locator("button[aria-pressed]:visible").count() == 0
        before = picture_at_rest(opened)
        opened.page.clock.run_for(5000)
        assert opened.root.screenshot() == before
        assert opened.page.evaluate("document.getAnimations().length") == 0
        opened.page.emulate_media(media="print")
        assert opened.root.locator(".senet-still img").is_visible()
        assert not opened.root.locator(".senet-live").is_visible()


def test_without_scripts_there_are_pictures_and_captions(browser, tmp_path):
    figures = [cls.example() for cls in FIGURES]
    with open_html(browser, "".join(map(html_of, figures)), tmp_path, scripts=False) as opened:
        for root, figure in zip(opened.page.locator(".senet-figure").all(), figures, strict=True):
            picture = root.locator(".senet-still img")
            assert picture.is_visible() and picture.get_attribute("alt") == figure.description
            assert picture.bounding_box()["width"] > 200
            assert root.get_by_text(figure.caption).is_visible()


REDRAW = """async (root) => {
  const written = [];
  const note = ({ target, type }) => written.push(`${type}: ${target.outerHTML ?? target.data}`.slice(0, 80));
  const observer = new MutationObserver((records) => records.forEach(note));
  observer.observe(root, { childList: true, characterData: true, subtree: true });
  document.body.className = 'another'; // a change of the theme draws every figure
  await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
  observer.disconnect();
  return written;
}"""


def test_what_has_not_changed_is_not_written_anew(opened):
    """WebKit drops a click if the button's text is replaced between press and release, though by the same."""
    assert opened.root.evaluate(REDRAW) == []


def array_traits(figure: Figure) -> list[tuple[str, ...]]:
    """Paths to all packed arrays of the state."""
    paths = []
    for name, value in figure._plain_state().items():
        if isinstance(value, dict) and "dtype" in value:
            paths.append((name,))
        elif isinstance(value, dict):
            paths += [(name, key) for key, inner in value.items() if isinstance(inner, dict) and "dtype" in inner]
    return paths


# Spoil each array in turn, in the page: what the frame then says is noted where it does not name the array, and mended.
SPOIL = """async (root, [paths, faults]) => {
  const drawn = () => new Promise((done) => setTimeout(done));
  const [alert, body] = ['.senet-problem', '.senet-body'].map((part) => root.querySelector(part));
  const found = [];
  for (const [name, key] of paths) {
    const old = root.model.get(name);
    const packed = key ? old[key] : old;
    for (const fault of packed.dtype === 'float32' ? faults : ['shape']) {
      const bytes = new Uint8Array(packed.data.buffer.slice(0));
      const bad = { ...packed, data: new DataView(bytes.buffer) };
      if (fault === 'shape') bad.shape = [...packed.shape, 7];
      else bad.data.setFloat32(0, fault === 'NaN' ? NaN : Infinity, true);
      root.model.set(name, key ? { ...old, [key]: bad } : bad);
      await drawn();
      const said = alert.checkVisibility() && !body.checkVisibility() ? alert.textContent : '';
      if (!said.includes(key ?? name)) found.push([name, key, fault, said]);
      root.model.set(name, old);
      await drawn();
      if (alert.checkVisibility()) found.push([name, key, 'is not mended', alert.textContent]);
    }
  }
  return found;
}"""


def test_bad_arrays_are_named_in_the_frame_and_can_be_mended(opened, figure):
    assert opened.root.evaluate(SPOIL, [array_traits(figure), ["shape", "NaN", "Infinity"]]) == []


OUT_OF_RANGE = {"range": 1e6, "radio": "no such option", "checkbox": "perhaps", "select-one": "no such option"}
# Give each trait that has a control a bad value, in the page, and start again; where that is not said or not mended.
GO_TOO_FAR = """async (root, values) => {
  const drawn = () => new Promise((done) => setTimeout(done));
  const alert = root.querySelector('.senet-problem');
  const found = [];
  const controls = [...root.querySelectorAll('[data-trait]')].map((one) => [one.dataset.trait, one.type]);
  for (const [trait, type] of new Map(controls)) {
    const before = JSON.stringify(root.model.get(trait));
    root.model.set(trait, values[type]);
    await drawn();
    if (!(alert.checkVisibility() && alert.textContent.includes(trait))) found.push([trait, alert.textContent]);
    alert.querySelector('button').click();
    await drawn();
    const after = JSON.stringify(root.model.get(trait));
    if (alert.checkVisibility() || after !== before) found.push([trait, before, after, alert.textContent]);
  }
  return found;
}"""


def test_a_trait_out_of_range_is_named_and_start_again_mends_it(opened):
    assert opened.root.evaluate(GO_TOO_FAR, OUT_OF_RANGE) == []


def test_html_in_a_caption_is_text(browser, tmp_path):
    figure = FIGURES[0].example()
    figure.caption = "<img src=x onerror=\"document.title = 'broken'\"></script><b>bold</b>"
    with open_figure(browser, figure, tmp_path) as opened:
        assert opened.root.locator(".senet-live .senet-caption").inner_text() == figure.caption
        assert opened.page.title() == "figure"
        assert opened.root.locator("b").count() == 0
        assert opened.faults == []


def test_the_test_in_contributing_passes(browser, tmp_path):
    smallest = load_from_contributing(tmp_path)
    smallest.shown_test(browser, tmp_path)


BARS = {"CostCalculator": ".senet-cost-area", "GateTraining": ".training-tables i", "NetworkInPage": ".parts-gates"}
BARS |= {"RescaleMixer": ".mixer-track"}


@pytest.mark.parametrize("name", BARS)
def test_bars_are_seen_in_the_readers_own_colours(browser, tmp_path, name):
    """Forced colours take gradients and backgrounds away. A bar has at least its own colour, and the page's."""
    (cls,) = [one for one in FIGURES if one.__name__ == name]
    with open_figure(browser, cls.example(), tmp_path) as opened:
        for theme in ("light", "dark"):
            opened.page.emulate_media(forced_colors="active", color_scheme=theme)
            opened.settle()
            png = opened.root.locator(f"{BARS[name]}:visible").first.screenshot()
            colours = [
                colour for count, colour in Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 16) if count > 20
            ]
            assert any(max(colour) - min(colour) >= 26 for colour in colours), "no colour is left"
            pressed = opened.root.locator(
                ".senet-choice input:checked + span, [aria-pressed=true], [aria-current=true]"
            )
            if pressed.count():
                look = "el => getComputedStyle(el).backgroundColor"
                assert pressed.first.evaluate(look) != opened.page.locator("body").evaluate(look)
