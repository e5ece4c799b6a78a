"""ONNX Runtime Web, as it is served with the book, gives torch's logits and gates in a real Chromium."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from senet_lib.export.onnx_network import load_onnx
from senet_lib.export.onnx_writer import export_onnx
from senet_lib.networks.models import create_model
from tests.browser.conftest import ROOT, serve
from tests.sample_networks import shaken

pytestmark = pytest.mark.browser

VENDOR = ROOT / "_build" / "extra" / "vendor" / "onnxruntime"
PAGE = '<!doctype html><html lang="en"><title>ONNX</title><link rel="icon" href="data:,"><h1>ONNX</h1></html>'
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
PICTURES = 20

OPEN = """async () => {
  window.ort = await import(new URL("vendor/onnxruntime/ort.wasm.bundle.min.mjs", location.href).href);
  ort.env.wasm.numThreads = 1; // more would need special headers from the server
  window.session = await ort.InferenceSession.create("se.onnx", { executionProviders: ["wasm"] });
  return session.inputMetadata.map(({ name, shape }) => [name, shape.slice(1)]);
}"""
# overrides: from an input to its numbers; null stands for NaN, which JSON does not have.
RUN = """async ([picture, overrides]) => {
  const feeds = { picture: new ort.Tensor("float32", Float32Array.from(picture), [1, 3, 32, 32]) };
  for (const [name, values] of Object.entries(overrides)) {
    feeds[name] = new ort.Tensor("float32", Float32Array.from(values, (v) => v ?? NaN), [1, values.length]);
  }
  const outputs = await session.run(feeds);
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]]));
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A page, the runtime and a network with random weights, side by side."""
    if not (VENDOR / "LICENSE").exists():
        pytest.fail("there is no ONNX Runtime Web to serve; run: make book")
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(VENDOR, folder / "vendor" / "onnxruntime")
    (folder / "page.html").write_text(PAGE)
    torch.manual_seed(0)
    export_onnx(shaken(create_model("se_resnet20")), folder / "se.onnx", (3, 32, 32), MEAN, STD)
    return folder


@pytest.fixture
def page(browser, folder) -> Iterator:
    """The page, open, with all hosts but its own blocked; nobody may even ask another."""
    server = serve(folder)
    home = f"http://127.0.0.1:{server.server_port}"
    page, others = browser.new_page(), []
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith(home) else route.abort())
    page.on("request", lambda request: request.url.startswith((home, "blob:", "data:")) or others.append(request.url))
    page.goto(f"{home}/page.html")
    yield page
    page.close()
    server.shutdown()
    assert others == []


def random_overrides(channels: dict[str, int], generator: torch.Generator) -> dict[str, np.ndarray]:
    """About half of all gates set to numbers from 0 to 1; NaN for the others."""
    rows = {}
    for name, width in channels.items():
        own = torch.rand(width, generator=generator) < 0.5
        rows[name] = torch.rand(width, generator=generator).masked_fill(own, math.nan).numpy()
    return rows


def test_the_page_computes_what_torch_and_python_do(page, folder):
    network = load_onnx(folder / "se.onnx")  # the export has compared it with torch
    inputs = dict(page.evaluate(OPEN))
    assert inputs == {
        "picture": [3, 32, 32],
        **{f"override/{name}": [channels] for name, channels in network.channels.items()},
    }
    torch.manual_seed(0)
    model = shaken(create_model("se_resnet20")).eval()
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, STD))
    generator = torch.Generator().manual_seed(1)
    pictures = torch.rand(PICTURES, 3, 32, 32, generator=generator)
    for index, picture in enumerate(pictures):
        keep = {name: np.full(width, math.nan, np.float32) for name, width in network.channels.items()}
        given = random_overrides(network.channels, generator) if index % 2 else keep
        logits, gates = network.run(picture[None].numpy(), given)
        rows = {f"override/{name}": [None if math.isnan(v) else float(v) for v in row] for name, row in given.items()}
        found = page.evaluate(RUN, [picture.flatten().tolist(), rows])
        assert found.pop("logits") == pytest.approx(logits[0].tolist(), abs=1e-4)
        assert list(found) == [f"gates/{name}" for name in gates]
        for name, s in gates.items():
            assert found[f"gates/{name}"] == pytest.approx(s[0].tolist(), abs=1e-4)
        if given is keep:
            with torch.no_grad():
                assert logits[0] == pytest.approx(model((picture[None] - mean) / std)[0].numpy(), abs=1e-4)


def test_the_page_loads_two_files_of_the_runtime_and_only_when_asked(page):
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url.rpartition("/")[2]))
    page.reload()
    assert loaded == ["page.html"]
    page.evaluate(OPEN)
    assert sorted(loaded[1:]) == ["ort-wasm-simd-threaded.wasm", "ort.wasm.bundle.min.mjs", "se.onnx"]


def test_a_network_that_is_cut_off_is_an_error_that_the_page_can_show(page, folder):
    page.evaluate(OPEN)
    said = page.evaluate(
        """async () => {
          const whole = new Uint8Array(await (await fetch("se.onnx")).arrayBuffer());
          return ort.InferenceSession.create(whole.slice(0, whole.length / 2)).then(() => null, (error) => `${error}`);
        }"""
    )
    assert said is not None and "protobuf" in said.lower()
