"""Photographs in the page: torch's numbers for every picture and gate, kind where the network cannot run."""

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
from PIL import Image
from playwright.sync_api import Browser

from senet_lib.book.figures.live.live_network import photograph_figure
from senet_lib.book.figures.photograph_in_page import PhotographInPage
from senet_lib.book.records import load_record
from senet_lib.networks.models import create_model
from tests.browser import test_network_in_page as sibling
from tests.browser.figures import Opened, open_figure, serious_violations
from tests.sample_networks import shaken

pytestmark = pytest.mark.browser

site = sibling.site
network = functools.cache(sibling.network)
run, run_again, wait_for_answer = sibling.run, sibling.run_again, sibling.wait_for_answer
CLOSE = {"abs": 1e-4}
PICTURES = 40
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


DROP = """async (el, [name, type, text]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
  const target = el.querySelector('.photo-pair');
  if (target.dispatchEvent(new DragEvent('dragover', options))) throw new Error('the page would open the file');
  if (target.dispatchEvent(new DragEvent('drop', options))) throw new Error('the page would open the file');
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


def opened_gates(figure: PhotographInPage, name: str) -> dict[str, list[int]]:
    entry = next(one for one in figure.networks if one["name"] == name)
    return {block: [1] * count for block, count in entry["channels"].items()}


def test_the_mean_gates_are_those_of_the_recorded_network():
    gates = next(run["gates"] for run in load_record("cifar10-gates")["runs"] if run["arm"] == "r=4")
    means = PhotographInPage.example().networks[0]["means"]
    assert {f"{block}.attention": pytest.approx(np.mean(row), abs=1e-3) for block, row in means.items()} == {
        block: measured["mean"] for block, measured in gates["blocks"].items()
    }


# --- without loading anything -----------------------------------------------------------------------------------------


def test_the_offered_pictures_work_before_anything_is_loaded(browser, site):
    figure = PhotographInPage.example()
    with open_figure(browser, figure, site, way="http") as opened:
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
                assert opened.text("effect").startswith("All gates 1: ")
                box.check()
            else:
                assert box.is_disabled() and "no SE" in opened.text("no gates")
        assert [address for address in asked if not address.startswith("data:")] == []
        opened.page.evaluate("delete window.WebAssembly")
        opened.set("offered", [*opened.get("offered")])  # built anew
        assert "no WebAssembly" in opened.text("status")
        check(opened, figure, figure.pictures[-1])
        # The reader's own picture is shown all the same, without an answer.
        drop(opened, "grey.png", png(Image.new("L", (40, 50), 77)))
        assert (own_pixels(opened) == 77).all() and opened.text("answer") == "–"
        assert opened.problem is None and opened.faults == []


# --- the network runs in the page -------------------------------------------------------------------------------------


def test_pictures_have_torchs_logits_and_gates_and_none_is_sent(browser, site):
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


def test_nothing_moves_when_the_networks_run(browser, site):
    with open_figure(browser, PhotographInPage.example(), site, way="http") as opened:
        before = sibling.heights(opened)
        run(opened)
        wait_for_answer(opened)
        assert sibling.heights(opened) == before


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
        opened.set("part", "gates")
        bars = opened.root.locator(f'[data-block="{block}"]')
        bars.click(position={"x": bars.bounding_box()["width"] * 5.5 / count, "y": 10})
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
        press("Its mean")
        means = entry["means"]
        now({block: [1] * count, first: means[first][:1] + [None] * (channels - 1)})
        press("The block's means")
        now({block: [1] * count, first: means[first]})
        press("All at their means")
        now(means)
        press("All their own")
        now(None)
        assert opened.text("effect") == "" and not mark.is_visible()
        opened.root.get_by_role("checkbox").uncheck()
        wait_for_answer(opened)
        now(opened_gates(figure, entry["name"]))
        assert opened.root.locator('.desk-hand input[type="range"]').is_disabled()
        assert opened.faults == []


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
            opened.refuses(named, **{trait: value})
        opened.refuses("own holds 256", own=[0] * 3071 + [256], picture=-1)
        assert opened.faults == []


# --- beside a kernel, and another's network ---------------------------------------------------------------------------


def test_a_kernel_is_asked_with_and_without_the_readers_gates(browser, tmp_path):
    """The page plays the kernel; tests/book/test_live_network.py has the other half."""
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
        opened.set("part", "gates")
        opened.root.get_by_role("button", name="Mute the block").click()
        wait_for_answer(opened)
        assert opened.text("answer") == "horse" and opened.text("effect").startswith("Your gates: deer 0.69")
        asked = opened.page.evaluate("asked")
        assert len(asked) == 2 and asked[1] == {"overrides": {"layer1.0": [0] * 16}, "pixels": 3072}
        opened.set_all(own=[5] * 3072, picture=-1)  # another picture: both answers are new
        wait_for_answer(opened)
        assert [one["overrides"] for one in opened.page.evaluate("asked")[2:]] == [{}, {"layer1.0": [0] * 16}]
        opened.set("own", [9] * 3072)
        opened.root.locator('[data-name="status"]', has_text="out of memory").wait_for()
        assert opened.problem is None
        opened.set("own", [6] * 3072)
        wait_for_answer(opened)
        assert "out of memory" not in opened.text("status") and opened.faults == []


def test_somebodys_deep_network_with_many_classes_fits_a_narrow_page(browser, site):
    torch.manual_seed(0)
    names = [f"kind {index} of a thing with a long name" for index in range(30)]
    figure = photograph_figure(shaken(create_model("se_resnet20", num_classes=30)), names, name="mine")
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
        opened.root.get_by_role("combobox", name="Network").select_option(label="ResNet-20, no SE")
        run_again(opened)
        check(opened, figure, figure.pictures[0])
        assert opened.faults == []
    assert photograph_figure(create_model("resnet8"), name="plain one").answers["plain one"].shape[0] == 1
