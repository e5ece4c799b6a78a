"""The X-ray of a network: the page finds and computes what Python does, and says what it cannot do."""

import base64
import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import timm
import torch
import torchvision
from onnxruntime.quantization import QuantFormat, quantize_static
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from torch import nn

from senet_lib.book.commands.program import main as senet
from senet_lib.book.figures.network_xray import NetworkXray
from senet_lib.book.figures.photograph_in_page import PhotographInPage
from senet_lib.export.onnx_network import load_onnx
from senet_lib.export.reveal_gates import reveal_gates
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests.browser import test_picture_input as sibling
from tests.browser.conftest import ROOT, VENDOR
from tests.browser.figures import Opened, open_figure, page_of, serve
from tests.browser.other_browsers import PATIENCE_S, firefox, webkit
from tests.export.test_reveal_gates import FORMS, NOT_FOLLOWED, Calibration, Gated, ends_in, export, shaken_all, tiny
from tools.as_scripts import write_scripts

pytestmark = pytest.mark.browser

browser_with_camera = sibling.browser_with_camera
PRESS_S = 0.11  # between a press and its release
WAIT = 120_000  # milliseconds at most; what is waited for is an event
OTHERS = ROOT / "results" / "borrowed_networks" / "pp-ocr-direction.onnx"
ENDED = "['opened', 'failed'].includes(document.querySelector('.senet-figure').model.get('state'))"
ANSWERED = "document.querySelector('.senet-body').dataset.answered === 'true'"
LAB = "(el) => { const { network, answer, problem, refused } = el.querySelector('.senet-body').lab; return %s; }"
SEEN = """(el) => {
  const canvas = el.querySelector('.xray-seen');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.height, canvas.width, Array.from(data)];
}"""
DROP = """(el) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(['no network'], 'dropped.onnx'));
  el.closest('.senet-figure').model.set('state', 'empty');
  el.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
}"""
PASTE = """(el, text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], 'image.png', { type: 'image/png' }));
  el.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData }));
}"""
SCALINGS = {"imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), "unit": (0, 1), "signed": (0.5, 0.5)}
SQUEEZED_3D = "sigmoid: 3-d"
NETWORKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "ours": (lambda: tiny(partial(SqueezeExcitation, reduction=2)), {"dynamo": True, "opset": 18}),
    "mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, {"folded": False}),
    "efficientnet_b0": (torchvision.models.efficientnet_b0, {"opset": 16}),
    "efficientnet_b0, half": (torchvision.models.efficientnet_b0, {"opset": 16, "half": True}),
    "regnet_y_400mf": (torchvision.models.regnet_y_400mf, {"opset": 17, "free_batch": False}),
    "timm's mobilenet": (partial(timm.create_model, "mobilenetv3_small_050"), {"opset": 18}),
    "timm's nfnet": (partial(timm.create_model, "test_nfnet"), {"dynamo": True, "opset": 20, "folded": False}),
    "selective kernels": (partial(timm.create_model, "skresnet18"), {"folded": False, "opset": 11}),
    "split attention": (partial(timm.create_model, "resnest14d"), {"dynamo": True, "opset": 18}),
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with what the page loads, where the built book has it."""
    folder = tmp_path_factory.mktemp("site")
    if not (VENDOR.parent / "onnx_proto" / "LICENSE").exists():
        pytest.fail("there is nothing that reads ONNX files in the page; run: make book")
    for name in ("onnxruntime", "onnx_proto"):
        (folder / "vendor" / name).mkdir(parents=True)
        for file in (VENDOR.parent / name).iterdir():
            if file.is_file():
                (folder / "vendor" / name / file.name).symlink_to(file)
    (folder / "networks" / "training").mkdir(parents=True)
    for file in [*(ROOT / "results" / "networks").glob("*r4.onnx"), OTHERS]:
        (folder / "networks" / file.name).symlink_to(file)
    return folder


@contextmanager
def open_xray(browser, site: Path, **options: Any) -> Iterator[Opened]:
    with open_figure(browser, NetworkXray.example(), site, **{"way": "http"} | options) as opened:
        yield opened
        assert opened.problem is None
        assert opened.faults == []


@pytest.fixture(scope="module")
def shared(browser, site) -> Iterator[Opened]:
    with open_xray(browser, site) as opened:
        yield opened


def give(opened: Opened, file: Path) -> dict[str, Any]:
    """Choose a file as a reader does, and wait for the end."""
    opened.set("state", "empty")
    opened.root.locator('[data-name="network file"]').set_input_files(file)
    opened.page.wait_for_function(ENDED, timeout=WAIT)
    opened.settle()
    return opened.root.evaluate(LAB % "{ network, problem }")


def answer(opened: Opened) -> dict[str, Any]:
    opened.page.wait_for_function(ANSWERED, timeout=WAIT)
    opened.settle()
    unpacked = "{ refused, before: [...answer.before], after: [...answer.after], gates: "
    unpacked += "Object.fromEntries(Object.entries(answer.gates).map(([name, row]) => [name, [...row]])) }"
    return opened.root.evaluate(LAB % unpacked)


def pixels(opened: Opened) -> np.ndarray:
    """What the network gets, (1, 3, H, W)."""
    height, width, data = opened.root.evaluate(SEEN)
    picture = np.array(data, np.float64).reshape(height, width, 4)[..., :3] / 255
    mean, std = SCALINGS[opened.get("scaling")]
    return np.moveaxis((picture - mean) / std, -1, 0)[None].astype(np.float32)


def compare(opened: Opened, file: Path, folder: Path, close: float = 1e-4) -> None:
    """The same blocks, gates and scores as in Python; with a block set; and with the network's own gates set."""
    found = give(opened, file)["network"]
    wanted = reveal_gates(file, folder / "revealed.onnx")
    assert found["lost"] == list(wanted.not_followed)
    names = {"mapShape": "map_shape", "valueShape": "value_shape"}
    for ours, block in zip(found["blocks"], wanted.blocks, strict=True):
        theirs = dataclasses.asdict(block)
        for name, value in ours.items():
            expected = theirs.pop(names.get(name, name))
            if name in names:
                assert value[1:] == list(expected[1:]), (block.name, name)
            elif name in ("limits", "share"):
                assert value == pytest.approx(expected, abs=1e-6), (block.name, name)
            else:
                assert value == (list(expected) if isinstance(expected, tuple) else expected), (block.name, name)
        assert theirs == {}
    network = load_onnx(wanted.path)
    batch = network.session.get_inputs()[0].shape[0]
    picture = np.repeat(pixels(opened), batch if isinstance(batch, int) else 1, axis=0)
    scores, gates = network.run(picture)
    said = answer(opened)
    assert said["gates"] == {name: pytest.approx(rows[0].tolist(), abs=close) for name, rows in gates.items()}
    assert said["before"] == pytest.approx(scores[0].tolist(), abs=close, rel=close)
    opened.set("hand", said["gates"])
    assert answer(opened)["after"] == pytest.approx(said["before"], abs=1e-6)
    last = wanted.blocks[-1]
    opened.set("block", last.name)
    opened.click("Open")
    scores, _ = network.run(picture, gates | {last.name: [1.0] * last.gates})
    assert answer(opened)["after"] == pytest.approx(scores[0].tolist(), abs=close, rel=close)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_finds_and_computes_what_python_does(shared, tmp_path, name):
    make, options = NETWORKS[name]
    torch.manual_seed(0)
    file = export(shaken_all(make()), tmp_path / "theirs.onnx", **options)
    compare(shared, file, tmp_path, 5e-3 if "half" in name else 1e-4)


def test_a_network_that_we_have_not_trained_is_followed_too(shared, tmp_path):
    shared.set_all(height=48, width=192, scaling="signed", picture=5)
    compare(shared, OTHERS, tmp_path)
    said = answer(shared)["before"]
    again = give(shared, tmp_path / "revealed.onnx")["network"]["blocks"]  # its gates can be set already
    assert [(block["name"], block["gate"]) for block in again] == [
        (f"block {number}", "hard sigmoid (t/5 + 0.5)") for number in range(1, 10)
    ]
    assert answer(shared)["after"] == pytest.approx(said, abs=1e-6)
    shared.reset()


def test_the_day_of_an_engineer_ends_in_this_figure(shared, tmp_path):
    file = tmp_path / "model.onnx"
    assert senet(["export", "test_resnet", "--insert-se", "--image-size", "32", "--to", str(file)]) == 0
    assert len(give(shared, file)["network"]["blocks"]) == 4
    scores, gates = load_onnx(file).run(pixels(shared))
    said = answer(shared)
    assert said["before"] == pytest.approx(scores[0].tolist(), abs=1e-4)
    assert said["gates"] == {name: pytest.approx(rows[0].tolist(), abs=1e-4) for name, rows in gates.items()}
    shared.reset()


@pytest.mark.parametrize("form", [*FORMS, *NOT_FOLLOWED])
def test_each_form_is_found_as_in_python(shared, tmp_path, form):
    dims = {"sigmoid: 1-d": 1, SQUEEZED_3D: 3}.get(form, 2)
    size = (3, 32, 32) if dims == 2 else (3, *(8,) * dims)

    def forward(net, x):
        return FORMS[form][0](net, x) if form in FORMS else ends_in(torch.sigmoid)(net, NOT_FOLLOWED[form](net, x))

    file = export(Gated(forward, dims=dims).eval(), tmp_path / "theirs.onnx", size, folded=False)
    found = give(shared, file)["network"]
    wanted = reveal_gates(file, tmp_path / "revealed.onnx")
    keys = ("name", "channels", "hidden", "kind", "linear", "gate", "squeeze", "same", "parameters")
    assert [[one[key] for key in keys] for one in found["blocks"]] == [
        [getattr(one, key) for key in keys] for one in wanted.blocks
    ]
    # What only ONNX's inference knows, the page leaves open.
    assert [line.replace("(?, 1, 1)", "(12, 1, 1)") for line in found["lost"]] == list(wanted.not_followed)
    if dims != 2:
        said = "three dimensions (5 axes)" if dims == 3 else "sound or another signal"
        assert said in shared.text("why")


def bad_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Files, and what the page says of them."""
    good = export(Gated(ends_in(torch.sigmoid)), folder / "good.onnx")
    content = good.read_bytes()

    def named(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    yield named("text.onnx", b"hello, this is no network"), "It is no ONNX file"
    yield named("nothing.onnx", b""), "It has 0 bytes; choose another file."
    yield named("empty.onnx", b"\x08\x08"), "It is no ONNX file, or an empty one"
    yield named("short.onnx", content[: len(content) // 2]), "It is cut short"
    plain = export(nn.Sequential(nn.Conv2d(3, 4, 1), nn.SiLU(), nn.Flatten()), folder / "none.onnx")
    yield plain, "It has no SE block: no map is multiplied by gates"
    model = onnx.load(good)
    onnx.save(model, folder / "outside.onnx", save_as_external_data=True, location="far.bin", size_threshold=0)
    yield folder / "outside.onnx", "It keeps its weights in a second file, far.bin"
    old = onnx.load(good)
    old.opset_import[0].version = 8
    yield named("old.onnx", old.SerializeToString()), "It has opset 8; it must be 9 or later"
    wild = onnx.load(good)
    next(node for node in wild.graph.node if node.op_type == "Relu").op_type = "Wild"
    yield named("wild.onnx", wild.SerializeToString()), "It has the operator Wild, which ONNX Runtime Web does not know"
    quantize_static(str(good), str(folder / "int8.onnx"), Calibration(), quant_format=QuantFormat.QOperator)
    yield folder / "int8.onnx", "int8 without floating-point values between"
    for size, said in (
        (3 * 2**29, "1.6 GB, and a page can hold 1 GB"),
        (2**31 + 1, "2.1 GB, and an ONNX file must stay"),
    ):
        with open(folder / "huge.onnx", "wb") as huge:
            huge.truncate(size)  # a hole: it takes no room
        yield folder / "huge.onnx", said


def test_each_bad_file_is_named_in_one_line_and_a_good_one_works_after_it(shared, tmp_path):
    for file, message in bad_files(tmp_path):
        assert message in give(shared, file)["problem"], file.name
        said = shared.text("status")
        assert said.startswith(f"{file.name} cannot be used. It ") and "\n" not in said
    (tmp_path / "huge.onnx").unlink()
    shared.root.locator(".senet-body").evaluate(DROP)
    shared.page.wait_for_function(ENDED, timeout=WAIT)
    assert shared.text("status").startswith("dropped.onnx cannot be used. It is no ONNX file")
    quantize_static(
        str(tmp_path / "good.onnx"), str(tmp_path / "qdq.onnx"), Calibration(), quant_format=QuantFormat.QDQ
    )
    compare(shared, tmp_path / "qdq.onnx", tmp_path)


def test_100_megabytes_never_hold_the_page_up(browser, site, tmp_path):
    class Large(nn.Module):
        def __init__(self):
            super().__init__()
            self.gated = Gated(ends_in(torch.sigmoid))
            self.head = nn.Sequential(nn.Linear(12, 5000), nn.ReLU(), nn.Linear(5000, 5000), nn.Linear(5000, 10))

        def forward(self, x):
            return self.head(self.gated(x))

    file = export(Large(), tmp_path / "large.onnx")
    assert file.stat().st_size > 1e8
    with open_xray(browser, site) as opened:
        browser.start_tracing(page=opened.page, categories=["toplevel"])
        found = give(opened, file)
        assert found["problem"] == ""
        answer(opened)
        opened.click("Mute")
        answer(opened)
        events = json.loads(browser.stop_tracing())["traceEvents"]
    page = {(one["pid"], one["tid"]) for one in events if one.get("args", {}).get("name") == "CrRendererMain"}
    # What the processor has worked, not what the clock says: so another process on the machine changes nothing.
    tasks = [one["tdur"] / 1000 for one in events if (one["pid"], one["tid"]) in page and "tdur" in one]
    assert len(tasks) > 100 and max(tasks) <= 100  # milliseconds


def test_a_reader_mutes_opens_and_gives_means(browser, site):
    with open_xray(browser, site, width=390) as opened:
        opened.click(opened.root.get_by_text("Block by block", exact=True))
        height = opened.root.bounding_box()["height"]
        opened.click("Context World, r = 4")
        own = answer(opened)
        assert (
            opened.root.locator(".xray-blocks").get_attribute("data-more") == "There are 2 blocks: scroll to the last."
        )
        assert opened.root.locator(".xray-score").nth(1).inner_text().split("\n")[0] in (
            "plus",
            "ring",
            "cross",
            "block",
        )
        network = load_onnx(site / "networks" / "context-world-reduction-r4.onnx")
        scores, gates = network.run(pixels(opened))
        assert own["gates"] == {block: pytest.approx(rows[0].tolist(), abs=1e-4) for block, rows in gates.items()}
        assert own["before"] == pytest.approx(scores[0].tolist(), abs=1e-4)
        name = "layer2.0"
        opened.root.locator(f'canvas[data-block="{name}"]').click()
        for button, value in (("Mute", 0), ("Open", 1), ("Mean", float(np.mean(own["gates"][name])))):
            opened.click(button)
            assert opened.number("gate") == pytest.approx(value)
            assert answer(opened)["after"] != own["before"]
            assert opened.get("hand")[name] == pytest.approx([value] * 32)
        opened.click("Its own")
        assert answer(opened)["after"] == own["before"]
        opened.root.get_by_label("this gate").check()
        opened.click("Mute")
        assert [gate for gate in opened.get("hand")[name] if gate is not None] == [0]
        opened.root.get_by_label("all blocks").check()
        opened.click("Open")
        assert all(set(row) == {1} for row in opened.get("hand").values())
        assert opened.root.bounding_box()["height"] == pytest.approx(height, abs=1)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
        opened.set_all(names="own", own_names="a\nb\nc\nd")
        assert opened.text("answer").split(": ")[1][0] in "abcd"
        opened.set("own_names", "a\nb\nc")
        assert "There are 3 names for 4 classes" in opened.text("answer")


def test_a_guess_comes_before_the_gates_are_set(browser, site):
    figure = NetworkXray.example()
    figure.asks = True
    figure.height, figure.width = 48, 192
    with open_figure(browser, figure, site, way="http", width=850) as opened:
        opened.click("SE-ResNet-20")
        in_chapter_10 = PhotographInPage.example().answers["r4"][0, 0, :10]
        assert answer(opened)["before"] == pytest.approx(in_chapter_10.tolist(), abs=1e-3)
        assert opened.text("answer").startswith("The answer: cat, ")
        assert opened.root.locator("[data-trait=height] option:checked").text_content() == "32"  # the file's
        opened.click(opened.root.get_by_text("Block by block", exact=True))
        boxes = opened.root.locator(".xray-scroll")
        assert boxes.evaluate_all("(all) => all.every((box) => box.scrollHeight <= box.clientHeight)")  # nine blocks
        editor = opened.root.get_by_role("button", name="Mute")
        assert not editor.is_visible() and "With all at 1" not in opened.root.inner_text()
        network = load_onnx(site / "networks" / "cifar10-gates-r4.onnx")
        own, _ = network.run(pixels(opened))
        opens, _ = network.run(pixels(opened), {name: [1.0] * count for name, count in network.channels.items()})
        truth = "It stays" if own.argmax() == opens.argmax() else "It turns"
        opened.click(truth)
        assert opened.text("guess").startswith("Right. With its own gates: ") and editor.is_visible()
        shares = np.exp(opens[0] - opens.max()) / np.exp(opens[0] - opens.max()).sum()
        assert f"{100 * shares.max():.1f}%" in opened.text("guess")
        # On a phone too, the last of nine blocks is in sight, and no class leaves its row while gates are set.
        opened.look(390, "light")
        gates = opened.root.locator(".xray-gates")
        assert gates.evaluate("(box) => box.scrollHeight <= box.clientHeight")
        classes = opened.root.locator(".xray-class")
        before = classes.all_inner_texts()
        gates.locator("canvas").last.click()
        opened.click(editor)
        answer(opened)
        assert classes.all_inner_texts() == before
        opened.click("Context World, r = 4")
        assert answer(opened)["before"] and opened.text("answer").startswith("The answer: ")
        filters = opened.root.locator(".xray-offers img").evaluate_all("(all) => all.map((one) => one.style.filter)")
        assert [bool(one) for one in filters] == [True] + [False] * 6  # a scene in softer shades
        assert opened.problem is None and opened.faults == []


def test_pictures_come_from_the_camera_and_by_pasting(browser_with_camera, site):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    data = base64.b64encode(sibling.png(picture)).decode()
    with open_xray(browser_with_camera, site) as opened:
        opened.click("SE-ResNet-20")
        answer(opened)
        opened.page.evaluate(sibling.WATCH_CAMERA)
        opened.click("Use the camera")
        opened.page.wait_for_function("document.querySelector('.senet-figure').model.get('picture') === -1")
        assert "from the camera" in opened.text("picture")
        opened.root.locator(".xray-zone").evaluate(PASTE, data)
        opened.page.wait_for_function("/image.png/.test(document.querySelector('[data-name=picture]').textContent)")
        assert opened.page.evaluate(sibling.ENDED) == ["ended"]
        answer(opened)
        assert 255 * pixels(opened)[0] == pytest.approx(sibling.area_means(picture), abs=0.51)


def test_it_works_from_a_folder(browser, site):
    write_scripts(site)
    with open_xray(browser, site, way="file") as opened:
        for name in ("SE-ResNet-20", "PP-OCR’s direction classifier"):
            opened.click(name)
            opened.page.wait_for_function(ENDED, timeout=WAIT)
            assert opened.get("state") == "opened", opened.text("status")
            answer(opened)
        assert "upright" in opened.text("answer")


@pytest.mark.parametrize("browse", [firefox, webkit])
def test_other_browsers_open_run_and_set_a_network_at_a_persons_speed(site, browse):
    text = page_of(NetworkXray.example().to_html())
    (site / "xray.html").write_text(text, encoding="utf-8")
    server = serve(site)
    try:
        with browse() as driver:

            def named(name: str) -> str:
                return driver.find_element(By.CSS_SELECTOR, f'[data-name="{name}"]').text

            def press(label: str) -> None:
                (button,) = [one for one in driver.find_elements(By.CSS_SELECTOR, "button") if one.text == label]
                driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", button)
                ActionChains(driver).click_and_hold(button).pause(PRESS_S).release().perform()

            driver.set_window_size(1280, 1000)
            driver.get(f"http://127.0.0.1:{server.server_port}/xray.html")
            wait = WebDriverWait(driver, PATIENCE_S)
            wait.until(lambda one: one.find_elements(By.CSS_SELECTOR, '[data-name="network file"]'))
            driver.find_element(By.CSS_SELECTOR, '[data-name="network file"]').send_keys(str(OTHERS))
            wait.until(lambda one: one.execute_script(f"return {ANSWERED}"))
            assert "9 SE blocks" in named("found")
            press("Mute")
            wait.until(lambda one: "With yours" in named("answer"))
            assert named("gate") == "0"
            press("Use the camera")
            wait.until(lambda one: named("picture") == "There is no camera; choose a file.")
    finally:
        server.shutdown()
