"""WebGPU is taken if its losses are those of WebAssembly and it is faster. webgpu_by_hand.py trains with it."""

import pytest

from tests.browser.test_laboratory import open_laboratory

pytestmark = pytest.mark.browser

CHOICES = {
    "faster": (0.0, 5, "webgpu"),
    "slower": (0.0, 20, "wasm"),
    "differs": (2e-3, 5, "wasm"),
}
ENDLESS = """
export const env = { wasm: {}, webgpu: { device: { lost: Promise.resolve({ message: "it is gone" }) } } };
export const InferenceSession = { create: async () => ({ run: () => new Promise(() => {}) }) };
"""


def test_the_faster_one_is_taken_if_its_losses_are_the_same(browser, site):
    choose = "([a, b]) => import('./vendor/onnxruntime/training_webgpu.mjs').then((it) => it.chooseProvider(a, b))"
    wasm = {"losses": [1.0] * 10, "milliseconds": [10] * 10}
    with open_laboratory(browser, site) as opened:
        for why, (apart, milliseconds, provider) in CHOICES.items():
            webgpu = {"losses": [1.0] * 9 + [1.0 + apart], "milliseconds": [900] * 4 + [milliseconds] * 6}
            choice = opened.page.evaluate(choose, [wasm, webgpu])
            assert choice == {"provider": provider, "why": why, "wasm": 10, "webgpu": milliseconds}


def test_a_lost_device_ends_a_step_that_would_never_end(browser, site):
    runtime = site / "vendor" / "onnxruntime" / "ort.jspi.bundle.min.mjs"
    runtime.unlink()
    runtime.write_text(ENDLESS)
    with open_laboratory(browser, site) as opened:
        open_session = "import('./vendor/onnxruntime/training_webgpu.mjs').then((it) => it.openWebgpuSession(''))"
        said = opened.page.evaluate(f"() => {open_session}.then((it) => it.run()).catch((error) => error.message)")
    assert said == "it is gone"
