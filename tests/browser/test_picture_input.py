"""The reader's own picture: from a file, the clipboard or the camera to the right pixels, and nowhere else."""

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, expect

from senet_lib.book.experiments.offered_pictures import SCIKIT_IMAGE
from senet_lib.book.figures.photograph_in_page import PhotographInPage
from tests.browser import test_photograph_in_page as sibling
from tests.browser.figures import html_of, open_figure, open_html, serious_violations
from tools.chromium import SWITCHES, find_chromium

pytestmark = pytest.mark.browser

site = sibling.site
check, drop, encoded, own_pixels, png = sibling.check, sibling.drop, sibling.encoded, sibling.own_pixels, sibling.png
wait_for_answer = sibling.wait_for_answer

COUNT_ADDRESSES = """() => {
  window.addresses = new Set();
  const [make, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
  URL.createObjectURL = (file) => { const made = make.call(URL, file); addresses.add(made); return made; };
  URL.revokeObjectURL = (address) => { addresses.delete(address); revoke.call(URL, address); };
}"""


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
        ("notes.txt", b"hello", "text/plain", "notes.txt is not a picture that this browser can read; give a JPEG"),
        ("empty.png", b"", "image/png", "empty.png is empty (0 bytes); choose another file."),
        ("cut.jpg", photograph[: len(photograph) // 2], "image/jpeg", "cut.jpg is damaged or cut off"),
        ("cut.png", good[:-30], "image/png", "cut.png is damaged or cut off"),
        ("liar.jpg", b"<html></html>", "image/jpeg", "liar.jpg is not a picture"),
        ("plan.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "plan.svg is a drawing (SVG)"),
        ("huge.png", huge, "image/png", "huge.png has 101 megapixels; make it smaller: at most 100."),
        ("a" * 60 + ".txt", b"hello", "text/plain", "aaa….txt is not a picture".replace("aaa…", f"{'a' * 32}…aaa")),
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
        expect(opened.root.locator("[data-name='input']").first).to_contain_text("no picture file")
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
        for _ in range(3):  # frames in which it would have gone on
            opened.settle()
        assert opened.get("own") == before

        start.click()
        opened.page.wait_for_function("tracks.length === 2 && window.seen.size >= 6")
        again = opened.root.get_by_role("button", name="Show it again")
        assert not again.is_visible()
        opened.root.locator(".photo-offer button").nth(2).click()
        assert opened.page.evaluate(ENDED) == ["ended"] * 2 and start.is_visible()
        assert opened.get("picture") == 2
        again.click()
        wait_for_answer(opened)
        check(opened, figure, own_pixels(opened))

        start.click()
        stop.click()  # perhaps before it has begun
        start.wait_for()
        opened.page.wait_for_function(f"!({ENDED}).includes('live')")

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
            opened.root.locator('[data-name="input"]', has_text=said).wait_for()
            assert start.is_visible()
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
