"""Photographs in the page: torch's numbers for every picture and gate, the reader's own picture, and where it stays."""

import base64
import functools
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from playwright.sync_api import Browser

from senet_lib.figures.photograph_in_page import PhotographInPage
from senet_lib.live_network import photograph_figure
from senet_lib.models import resnet8, se_resnet20
from senet_lib.offered_pictures import SCIKIT_IMAGE
from tests.browser import test_network_in_page as sibling
from tests.browser.conftest import SWITCHES, find_chromium
from tests.browser.figures import Opened, html_of, open_figure, open_html, serious_violations
from tests.networks import shaken

pytestmark = pytest.mark.browser

site = sibling.site
network = functools.cache(sibling.network)
run, run_again, wait_for_answer = sibling.run, sibling.run_again, sibling.wait_for_answer
CLOSE = {"abs": 1e-4}
PICTURES = 100
SHOWN = """(el) => {
  const { data } = el.querySelector('.photo-pair canvas[width="32"]').getContext('2d').getImageData(0, 0, 32, 32);
  const numbers = (name) => [...el.querySelectorAll(`.photo-scores [data-name^="${name}"]`)];
  const bars = [...el.querySelectorAll('[data-block]')];
  return {
    pixels: [0, 1, 2].map((channel) => Array.from({ length: 1024 }, (_, i) => data[4 * i + channel])),
    logits: numbers('logit').map((one) => Number(one.dataset.value)),
    gates: Object.fromEntries(bars.map((one) => [one.dataset.block, one.values])),
    answer: el.querySelector('[data-name="answer"]').textContent,
  };
}"""


SHOW_ALL = f"""async (el, states) => {{
  const show = {SHOWN};
  const seen = [];
  for (const traits of states) {{
    for (const [name, value] of Object.entries(traits)) el.model.set(name, value);
    await new Promise((done) => setTimeout(done));
    while (el.querySelector('.senet-body').dataset.answered !== 'true') await new Promise((done) => setTimeout(done));
    seen.push(show(el));
  }}
  return seen;
}}"""


@contextmanager
def open_live(browser: Browser, site: Path) -> Iterator[Opened]:
    with open_figure(browser, PhotographInPage.example(), site, way="http") as opened:
        run(opened)
        wait_for_answer(opened)
        assert opened.get("state") == "ready", opened.text("status")
        yield opened


def check(opened: Opened, figure: PhotographInPage, pixels: np.ndarray, overrides: dict | None = None) -> np.ndarray:
    """What the figure shows against torch; returns torch's probabilities."""
    return check_seen(opened.root.evaluate(SHOWN), figure, opened.get("network"), pixels, overrides)


def check_seen(
    seen: dict[str, Any], figure: PhotographInPage, name: str, pixels: np.ndarray, overrides: dict | None
) -> np.ndarray:
    entry = next(one for one in figure.networks if one["name"] == name)
    logits, gates = network(entry["file"]).run(pixels[None], overrides)
    assert np.array_equal(np.reshape(seen["pixels"], (3, 32, 32)), pixels)
    assert seen["logits"] == pytest.approx(logits[0].tolist(), **CLOSE)
    assert seen["gates"] == {block: pytest.approx(rows[0].tolist(), **CLOSE) for block, rows in gates.items()}
    assert seen["answer"] == entry["classes"][logits[0].argmax()]
    return torch.tensor(logits[0]).softmax(0).numpy()


def own_pixels(opened: Opened) -> np.ndarray:
    assert opened.get("picture") == -1
    return np.array(opened.get("own"), np.uint8).reshape(3, 32, 32)


def opened_gates(figure: PhotographInPage, name: str) -> dict[str, list[int]]:
    entry = next(one for one in figure.networks if one["name"] == name)
    return {block: [1] * count for block, count in entry["channels"].items()}


# --- without loading anything -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["http", "file"])
def test_the_offered_pictures_work_before_anything_is_loaded(browser, site, way):
    figure = PhotographInPage.example()
    with open_figure(browser, figure, site, way=way) as opened:
        asked: list[str] = []
        opened.page.on("request", lambda request: asked.append(request.url))
        for one in figure.networks:
            opened.root.get_by_role("combobox", name="Network").select_option(label=one["label"])
            for index, facts in enumerate(figure.offered):
                opened.root.locator(".photo-offer button").nth(index).click()
                opened.settle()
                check(opened, figure, figure.pictures[index])
                verdict = opened.text("verdict")
                right = opened.text("answer") == facts["label"]
                wanted = f"{'right' if right else 'wrong'}: it is" if facts["label"] else "None of the 10 classes is"
                assert f"{wanted} {facts['what']}" in verdict
                assert facts["source"] in opened.text("source")
            box = opened.root.get_by_role("checkbox")
            if one["channels"]:
                box.uncheck()
                opened.settle()
                check(opened, figure, figure.pictures[-1], opened_gates(figure, one["name"]))
                assert opened.text("effect").startswith("Without SE: ")
                box.check()
            else:
                assert box.is_disabled() and "no SE" in opened.text("no gates")
        assert [address for address in asked if not address.startswith("data:")] == []
        if way == "file":
            assert not opened.root.get_by_role("button", name=sibling.RUN).is_visible()
            assert "make serve" in opened.text("status")
        else:
            opened.page.evaluate("delete window.WebAssembly")
            opened.set("offered", [*opened.get("offered")])  # built anew
            assert "no WebAssembly" in opened.text("status")
            check(opened, figure, figure.pictures[-1])
        # The reader's own picture is shown all the same, without an answer.
        drop(opened, "grey.png", png(Image.new("L", (40, 50), 77)))
        assert (own_pixels(opened) == 77).all() and opened.text("answer") == "–"
        assert opened.problem is None and opened.faults == []


# --- the network runs in the page -------------------------------------------------------------------------------------


def test_a_hundred_pictures_have_torchs_logits_and_gates_and_none_is_sent(browser, site):
    figure = PhotographInPage.example()
    random = np.random.default_rng(3)
    pictures = [*figure.pictures, *random.integers(0, 256, (PICTURES - len(figure.pictures), 3, 32, 32), np.uint8)]
    states: list[dict[str, Any]] = []
    for index, pixels in enumerate(pictures):
        one = figure.networks[index % len(figure.networks)]
        hand = {block: random.uniform(0, 2, count).tolist() for block, count in one["channels"].items()}
        own = {"own": pixels.flatten().tolist(), "picture": -1}
        offered = index < len(figure.pictures)
        state = {"network": one["name"], "hand": hand if index % 4 == 0 else {}}
        states.append(state | ({"picture": index} if offered else own))
    with open_figure(browser, figure, site, way="http") as opened:
        asked: list[Any] = []
        opened.page.on("request", lambda request: asked.append(request))
        run(opened)
        for seen, state, pixels in zip(opened.root.evaluate(SHOW_ALL, states), states, pictures, strict=True):
            check_seen(seen, figure, state["network"], pixels, state["hand"])
        files = {request.url.rpartition("/")[2] for request in asked}
        assert files == {*sibling.RUNTIME, *(one["file"] for one in figure.networks)}
        assert len(asked) == len(files) and not any(request.post_data for request in asked)
        assert opened.faults == []


def test_gates_and_whole_blocks_are_muted_opened_set_and_given_back(browser, site):
    figure = PhotographInPage.example()
    entry = figure.networks[0]
    (first, channels), *_, (block, count) = entry["channels"].items()
    with open_live(browser, site) as opened:

        def press(name: str) -> None:
            opened.root.get_by_role("button", name=name, exact=True).click()
            wait_for_answer(opened)

        def now(overrides: dict | None) -> np.ndarray:
            return check(opened, figure, figure.pictures[0], overrides)

        before = now(None)
        bars = opened.root.locator(f'[data-block="{block}"]')
        box = bars.bounding_box()
        opened.page.mouse.click(box["x"] + box["width"] * 5.5 / count, box["y"] + 10)
        bars.press("ArrowRight")
        opened.settle()
        assert (opened.get("block"), opened.get("channel")) == (block, 6)
        own = opened.number("own gate")
        rest = count - 7
        opened.move("hand", 1.5)
        wait_for_answer(opened)
        now({block: [None] * 6 + [1.5] + [None] * rest})
        assert opened.number("gate") == 1.5 and opened.number("own gate") == own
        press("Mute")
        now({block: [None] * 6 + [0] + [None] * rest})
        press("Mute the block")
        after = now({block: [0] * count})
        was, best = entry["classes"][before.argmax()], entry["classes"][after.argmax()]
        said = f"Your gates: {was} {before.max():.3f} → {after[before.argmax()]:.3f}"
        ending = ". The answer stays." if was == best else f"; now {best}, {after.max():.3f}."
        assert opened.text("effect") == said + ending
        mark = opened.root.locator(".parts-score i").nth(int(before.argmax()))
        assert float(mark.evaluate("el => el.style.getPropertyValue('--share')")) == pytest.approx(
            before.max(), **CLOSE
        )
        press("Its own")
        now({block: [0] * 6 + [None] + [0] * rest})
        press("Open the block")
        now({block: [1] * count})
        opened.set_all(block=first, channel=0)
        press("Mute the block")
        now({block: [1] * count, first: [0] * channels})
        press("Its own gates")
        now({block: [1] * count})
        press("All their own")
        now(None)
        assert opened.text("effect") == "" and not mark.is_visible()
        opened.root.get_by_role("checkbox").uncheck()
        wait_for_answer(opened)
        now(opened_gates(figure, entry["name"]))
        assert opened.root.locator('.desk-hand input[type="range"]').is_disabled()
        assert opened.faults == []


# --- the reader's own picture -----------------------------------------------------------------------------------------

DROP = """async (el, [name, type, text]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
  const target = el.querySelector('.photo-pair');
  if (target.dispatchEvent(new DragEvent('dragover', options))) throw new Error('the page would open the file');
  if (target.dispatchEvent(new DragEvent('drop', options))) throw new Error('the page would open the file');
}"""
COUNT_ADDRESSES = """() => {
  window.addresses = new Set();
  const [make, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
  URL.createObjectURL = (file) => { const made = make.call(URL, file); addresses.add(made); return made; };
  URL.revokeObjectURL = (address) => { addresses.delete(address); revoke.call(URL, address); };
}"""


def drop(opened: Opened, name: str, data: bytes, kind: str = "image/png") -> None:
    """Drop a file on the figure, and wait until it is shown, or refused."""
    before = [opened.get("own_name"), opened.text("input")]
    opened.root.evaluate(DROP, [name, kind, base64.b64encode(data).decode()])
    opened.page.wait_for_function(
        """([name, told]) => {
          const el = document.querySelector('.senet-figure');
          const text = el.querySelector('[data-name="input"]').textContent;
          return el.model.get('own_name') !== name || (text !== '' && text !== told);
        }""",
        arg=before,
    )
    opened.settle()


def png(image: Image.Image) -> bytes:
    return encoded(image, "png")


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def square_of(data: bytes) -> Image.Image:
    """The largest square in the middle of a picture file, turned as EXIF says, over white."""
    whole = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    side = min(whole.size)
    left, top = (whole.width - side) // 2, (whole.height - side) // 2
    part = whole.crop((left, top, left + side, top + side))
    return Image.alpha_composite(Image.new("RGBA", part.size, "white"), part).convert("RGB")


def area_means(square: Image.Image) -> np.ndarray:
    """(3, 32, 32): the exact mean of the area that each pixel covers."""
    side = square.width
    edges = np.arange(33) * side / 32
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares = np.clip(overlap, 0, None) * 32 / side  # (32, side)
    return np.einsum("ia,abc,jb->cij", shares, np.asarray(square, float), shares, optimize=True)


@pytest.fixture(scope="module")
def photograph() -> bytes:
    """A JPEG of 12 megapixels that lies on its side: EXIF orientation 6."""
    exif = Image.Exif()
    exif[0x112] = 6
    astronaut = Image.open(SCIKIT_IMAGE / "astronaut.png").resize((4000, 3000), Image.Resampling.BICUBIC)
    return encoded(astronaut, "jpeg", quality=80, exif=exif)


def test_a_file_becomes_the_means_of_its_areas_and_stays_in_the_browser(browser, site, photograph):
    figure = PhotographInPage.example()
    horse = (SCIKIT_IMAGE / "horse.png").read_bytes()
    grey = encoded(Image.open(SCIKIT_IMAGE / "coins.png").convert("L"), "jpeg", quality=90)
    tiny = png(Image.open(SCIKIT_IMAGE / "chelsea.png").resize((21, 13)))
    with open_figure(browser, figure, site, way="http") as opened:
        opened.page.evaluate(COUNT_ADDRESSES)
        asked: list[str] = []
        opened.page.on("request", lambda request: asked.append(request.url))
        drop(opened, "me.jpg", photograph, "image/jpeg")
        wait_for_answer(opened)  # nobody has pressed the button: the picture asks for an answer
        assert opened.get("state") == "ready" and len(asked) == 3
        seen = check(opened, figure, own_pixels(opened))
        # At 12 megapixels PIL's box and the exact mean are the same but for rounding and the JPEG decoder.
        box = np.asarray(square_of(photograph).resize((32, 32), Image.Resampling.BOX), int)
        assert np.abs(np.moveaxis(box, -1, 0) - own_pixels(opened)).max() <= 2
        assert "me.jpg" in opened.text("source") and "one of its 10 classes" in opened.text("verdict")
        assert opened.text("privacy") == "Your picture stays in this browser."

        for name, data, kind in [
            ("horse.png", horse, "image/png"),
            ("coins.jpg", grey, "image/jpeg"),
            ("tiny.png", tiny, "image/png"),
            ("again.jpg", photograph, "image/jpeg"),
        ]:
            drop(opened, name, data, kind)
            wait_for_answer(opened)
            wanted = area_means(square_of(data))
            assert np.abs(own_pixels(opened) - wanted).max() <= 2.5, name  # decoders differ by 2
            found = check(opened, figure, own_pixels(opened))
            crop = opened.root.locator(".photo-square canvas")
            assert crop.is_visible() and crop.get_attribute("aria-label") == f"your picture, {name}"
        assert found == pytest.approx(seen)
        opened.root.locator('[data-name="file"]').set_input_files(
            {"name": "chosen.png", "mimeType": "image/png", "buffer": horse}
        )
        opened.page.wait_for_function("document.querySelector('.senet-figure').model.get('own_name') === 'chosen.png'")
        wait_for_answer(opened)
        assert [address for address in asked[3:] if not address.startswith("blob:")] == []
        assert opened.page.evaluate("addresses.size") == 0
        assert serious_violations(opened.page) == []
        assert opened.problem is None and opened.faults == []


def test_a_file_that_is_no_whole_picture_is_named_and_the_picture_before_stays(browser, site, photograph):
    good = png(Image.new("RGB", (50, 50), "#336699"))
    huge = png(Image.new("1", (10_100, 10_000)))
    bad = [
        ("notes.txt", b"hello", "text/plain", "notes.txt is no picture that this browser can read; give a JPEG"),
        ("empty.png", b"", "image/png", "empty.png is empty (0 bytes); choose another file."),
        ("cut.jpg", photograph[: len(photograph) // 2], "image/jpeg", "cut.jpg is damaged or cut off"),
        ("cut.png", good[:-30], "image/png", "cut.png is damaged or cut off"),
        ("liar.jpg", b"<html></html>", "image/jpeg", "liar.jpg is no picture"),
        ("plan.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "plan.svg is a drawing (SVG)"),
        ("huge.png", huge, "image/png", "huge.png has 101 megapixels; make it smaller: at most 100."),
        ("a" * 60 + ".txt", b"hello", "text/plain", "aaa….txt is no picture".replace("aaa…", f"{'a' * 32}…aaa")),
    ]
    with open_figure(browser, PhotographInPage.example(), site, way="http") as opened:
        opened.page.evaluate(COUNT_ADDRESSES)
        drop(opened, "good.png", good)
        for name, data, kind, said in bad:
            drop(opened, name, data, kind)
            assert said in opened.text("input"), name
            assert opened.get("own_name") == "good.png" and opened.problem is None
            assert opened.root.locator(".photo-square canvas").is_visible()
        opened.root.evaluate(
            """(el) => {
              const file = new File([new Uint8Array(50_000_001)], 'fat.jpg', { type: 'image/jpeg' });
              const dataTransfer = new DataTransfer();
              dataTransfer.items.add(file);
              el.querySelector('.photo-pair').dispatchEvent(new DragEvent('drop', { bubbles: true, dataTransfer }));
            }"""
        )
        opened.settle()
        assert opened.text("input") == "fat.jpg has 51 MB; choose a file of at most 50 MB."
        drop(opened, "better.png", good)
        assert opened.text("input") == "" and opened.get("own_name") == "better.png"
        assert opened.page.evaluate("addresses.size") == 0 and opened.faults == []


PASTE = """async ([selector, text]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], 'image.png', { type: 'image/png' }));
  const target = selector ? document.querySelectorAll('.senet-figure')[1].querySelector(selector) : document.body;
  target.focus();
  // Where a browser sends it: to what has the focus.
  document.activeElement.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData }));
  await new Promise((done) => setTimeout(done, 200));
  return [...document.querySelectorAll('.senet-figure')].map((one) => one.model.get('own_name'));
}"""


def test_a_paste_goes_to_the_figure_that_has_the_focus_and_to_no_input(browser, site):
    figures = [PhotographInPage.example(), PhotographInPage.example()]
    figures[1].caption = "Another one."
    data = base64.b64encode(png(Image.new("RGB", (40, 40), "#336699"))).decode()
    with open_html(browser, "".join(map(html_of, figures)), site, way="http") as opened:
        second = opened.page.locator(".senet-figure").nth(1)
        second.scroll_into_view_if_needed()
        second.locator(".photo-input").wait_for()
        assert opened.page.evaluate(PASTE, [None, data]) == ["", ""]
        for selector in ("input[type=checkbox]", "select"):
            assert opened.page.evaluate(PASTE, [selector, data]) == ["", ""]
        assert opened.page.evaluate(PASTE, [".photo-input", data]) == ["", "image.png"]
        opened.page.locator(".photo-input").first.click()
        opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened.page.evaluate("navigator.clipboard.writeText('no picture')")
        opened.page.keyboard.press("ControlOrMeta+v")  # a real one, of a text
        opened.page.wait_for_timeout(100)
        assert "no picture file" in opened.text("input")
        assert opened.faults == []


# --- the camera -------------------------------------------------------------------------------------------------------

WATCH_CAMERA = """() => {
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  window.tracks = [];
  devices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    tracks.push(...stream.getTracks());
    return stream;
  };
}"""
ENDED = "tracks.map((one) => one.readyState)"


@pytest.fixture(scope="module")
def browser_with_camera(browser) -> Iterator[Browser]:
    """Chromium with a camera that shows a moving picture."""
    switches = [*SWITCHES, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    other = browser.browser_type.launch(executable_path=find_chromium(), args=switches)
    yield other
    other.close()


def test_the_camera_is_answered_live_and_stops_when_it_should(browser_with_camera, site):
    figure = PhotographInPage.example()
    with open_figure(browser_with_camera, figure, site, way="http") as opened:
        opened.page.evaluate(WATCH_CAMERA)
        start = opened.root.get_by_role("button", name="Use the camera")
        stop = opened.root.get_by_role("button", name="Stop the camera")
        frames = """() => {
          window.seen = new Set();
          const { model } = document.querySelector('.senet-figure');
          model.on('change:own', () => window.seen.add(model.get('own').join()));
        }"""
        opened.page.evaluate(frames)
        start.click()
        opened.page.wait_for_function("window.seen.size >= 4")  # it moves
        opened.page.wait_for_function("document.querySelector('.senet-figure').model.get('answer').logits")
        assert opened.get("own_name") == "from the camera"
        stop.click()
        assert opened.page.evaluate(ENDED) == ["ended"]
        wait_for_answer(opened)
        check(opened, figure, own_pixels(opened))  # the last frame stays
        before = opened.get("own")
        opened.page.wait_for_timeout(300)
        assert opened.get("own") == before

        start.click()
        opened.page.wait_for_function("tracks.length === 2 && window.seen.size >= 6")
        opened.root.locator(".photo-offer button").nth(2).click()
        assert opened.page.evaluate(ENDED) == ["ended"] * 2 and start.is_visible()
        assert opened.get("picture") == 2

        start.click()
        stop.click()  # perhaps before it has begun
        opened.page.wait_for_timeout(300)
        assert "live" not in opened.page.evaluate(ENDED) and start.is_visible()

        started = len(opened.page.evaluate(ENDED))
        start.click()
        opened.page.wait_for_function(f"tracks.length === {started + 1}")
        drop(opened, "dropped.png", png(Image.new("RGB", (40, 40), "#336699")))
        assert "live" not in opened.page.evaluate(ENDED) and opened.get("own_name") == "dropped.png"

        start.click()
        opened.page.wait_for_function(f"tracks.length === {started + 2}")
        opened.set("offered", [*opened.get("offered")])  # the figure is closed, and built anew
        assert "live" not in opened.page.evaluate(ENDED)
        assert opened.problem is None and opened.faults == []


def test_no_camera_and_a_refusal_are_told_in_a_line(browser_with_camera, site):
    with open_figure(browser_with_camera, PhotographInPage.example(), site, way="http") as opened:
        start = opened.root.get_by_role("button", name="Use the camera")
        for name, said in [
            ("NotAllowedError", "The camera was refused; allow it for this page"),
            ("NotFoundError", "There is no camera; choose a file."),
            ("NotReadableError", "Another program uses the camera"),
            ("AbortError", "The camera cannot be used (it said so); choose a file."),
        ]:
            opened.page.evaluate(
                """(name) => (navigator.mediaDevices.getUserMedia = async () => {
                  throw new DOMException('it said so', name);
                })""",
                name,
            )
            start.click()
            opened.page.wait_for_timeout(50)
            assert said in opened.text("input") and start.is_visible()
        opened.page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
        start.click()
        opened.settle()
        assert "from https or 127.0.0.1 only" in opened.text("input")
        assert opened.get("state") == "examples" and opened.faults == []


def test_chromiums_own_refusal_is_told_in_a_line(browser, site):
    """This Chromium has no camera, and nobody whom it could ask."""
    with open_figure(browser, PhotographInPage.example(), site, way="http") as opened:
        opened.root.get_by_role("button", name="Use the camera").click()
        opened.page.wait_for_function(
            "/choose a file/.test(document.querySelector('[data-name=\"input\"]').textContent)"
        )
        assert opened.root.get_by_role("button", name="Use the camera").is_visible()
        assert opened.problem is None and opened.faults == []


# --- what can go wrong ------------------------------------------------------------------------------------------------


def test_a_network_that_is_cut_off_is_named_and_the_picture_waits_for_the_next_try(browser, site):
    figure = PhotographInPage.example()
    path = site / "networks" / figure.networks[0]["file"]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with open_figure(browser, figure, site, way="http") as opened:
        drop(opened, "blue.png", png(Image.new("RGB", (40, 40), "#336699")))
        opened.page.wait_for_function("document.querySelector('.senet-figure').model.get('state') === 'failed'")
        opened.settle()
        assert path.name in opened.text("status") and "damaged or cut off" in opened.text("status")
        assert opened.text("answer") == "–" and opened.problem is None
        path.write_bytes(whole)
        run_again(opened)
        check(opened, figure, own_pixels(opened))


def test_bad_state_is_named_and_can_be_mended(browser, tmp_path):
    bad = [
        ("picture", 8, "picture is 8; it must be -1 for your own, or a whole number from 0 to 7."),
        ("picture", 0.5, "picture is 0.5"),
        ("picture", -1, "own has 0 numbers; give 3072"),
        ("network", "nobody", "network is nobody"),
        ("networks", [], "networks has none"),
        ("offered", [], "offered has 0 entries for 8 pictures"),
        ("hand", {"layer1.0": [0.5]}, "hand has 1 gates for layer1.0"),
        ("hand", {"layer1.0": [2.5] * 16}, "hand holds 2.5"),
        ("hand", None, "hand is null"),
        ("block", "layer9.0", "block is layer9.0"),
        ("channel", 99, "channel is 99"),
        ("state", "sleeping", "state is sleeping"),
    ]
    with open_figure(browser, PhotographInPage.example(), tmp_path) as opened:
        for trait, value, named in bad:
            before = opened.get(trait)
            opened.set(trait, value)
            assert named in (opened.problem or ""), f"{trait} = {value} passes unseen"
            opened.set(trait, before)
            assert opened.problem is None
        opened.set_all(own=[0] * 3071 + [256], picture=-1)
        assert "own holds 256" in (opened.problem or "")
        assert opened.faults == []


# --- beside a kernel, and another's network ---------------------------------------------------------------------------


def test_a_kernel_is_asked_with_and_without_the_readers_gates(browser, tmp_path):
    """The page plays the kernel; tests/test_live_network.py has the other half."""
    figure = PhotographInPage.example()
    channels = figure.networks[0]["channels"]
    with open_figure(browser, figure, tmp_path) as opened:
        opened.root.evaluate(
            """(el, channels) => {
              window.asked = [];
              el.model.on('change:request', () => {
                const { key, overrides, picture } = el.model.get('request');
                asked.push({ overrides, pixels: picture.length });
                const changed = Object.keys(overrides).length > 0;
                const gates = Object.entries(channels).map(([block, count]) => [block, Array(count).fill(0.25)]);
                const logits = Array.from({ length: 10 }, (_, i) => (i === (changed ? 7 : 4) ? 3 : 0));
                const good = { key, logits, gates: Object.fromEntries(gates) };
                const answer = picture[0] === 9 ? { key, error: 'out of memory' } : good;
                setTimeout(() => el.model.set('answer', answer), 20);
              });
              el.model.set('kernel', true);
            }""",
            channels,
        )
        wait_for_answer(opened)
        assert "this notebook's kernel" in opened.text("privacy") and "torch" in opened.text("status")
        assert opened.text("answer") == "deer" and opened.page.evaluate("asked.length") == 1
        opened.root.get_by_role("button", name="Mute the block").click()
        wait_for_answer(opened)
        assert opened.text("answer") == "horse" and opened.text("effect").startswith("Your gates: deer 0.69")
        asked = opened.page.evaluate("asked")
        assert len(asked) == 2 and asked[1] == {"overrides": {"layer1.0": [0] * 16}, "pixels": 3072}
        opened.set_all(own=[5] * 3072, picture=-1)  # another picture: both answers are new
        wait_for_answer(opened)
        assert [one["overrides"] for one in opened.page.evaluate("asked")[2:]] == [{}, {"layer1.0": [0] * 16}]
        opened.set("own", [9] * 3072)
        opened.page.wait_for_timeout(100)
        assert "out of memory" in opened.text("status") and opened.problem is None
        opened.set("own", [6] * 3072)
        wait_for_answer(opened)
        assert "out of memory" not in opened.text("status") and opened.faults == []


def test_somebodys_deep_network_with_many_classes_fits_a_narrow_page(browser, site):
    torch.manual_seed(0)
    names = [f"kind {index} of a thing with a long name" for index in range(30)]
    figure = photograph_figure(shaken(se_resnet20(num_classes=30)), names, name="mine")
    with open_figure(browser, figure, site, way="http", width=390) as opened:
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert opened.root.locator(".parts-score[data-best]").count() == 1
        seen = opened.root.evaluate(SHOWN)
        numbers = [*seen["logits"], *(gate for row in seen["gates"].values() for gate in row)]
        assert numbers == pytest.approx(figure.answers["mine"][0, 0].tolist(), **CLOSE)
        assert "None of the 30 classes is a cat" in opened.text("verdict")
        assert serious_violations(opened.page) == []
        run(opened)
        assert "in a notebook's kernel" in opened.text("status")
        opened.root.get_by_role("combobox", name="Network").select_option(label="no SE")
        run_again(opened)
        check(opened, figure, figure.pictures[0])
        assert opened.faults == []
    assert photograph_figure(resnet8(), name="plain one").answers["plain one"].shape[0] == 1
