"""WebGPU trains what WebAssembly trains, and gives way when it is lost: to run by hand, by naming this file to pytest.

The adapter is Chromium's SwiftShader: some seven minutes on two busy cores, too long for each run of all tests. On
1 December 2026 (Chromium 156, ONNX Runtime Web's JSPI build) the ten first losses of plain-2 and se-2-r4 were those of
WebAssembly, and after the loss of both devices WebAssembly went on.
"""

import pytest

from tests.browser.test_laboratory import PHASES, bet_and_train, losses, open_laboratory, wait_for
from tools.chromium import find_chromium

pytestmark = pytest.mark.browser

SWITCHES = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"]
PATIENCE = 3_600_000  # milliseconds at most: SwiftShader compiles a hundred programs on the processor
SAYS = "(text) => document.querySelector('[data-name=status]').textContent.includes(text)"
# Workers that keep their graphics processor where a test finds it.
KEEP_DEVICE = """() => {
  const keep = `const ask = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...all) {
      return (self.device = await ask.apply(this, all));
    };`;
  const Real = Worker;
  window.Worker = function (address) {
    return new Real(URL.createObjectURL(new Blob([keep, `importScripts("${address}");`])));
  };
}"""


@pytest.fixture
def with_webgpu(browser):
    launched = browser.browser_type.launch(executable_path=find_chromium(), args=SWITCHES)
    yield launched
    launched.close()


def test_webgpu_gives_the_same_losses_and_when_it_is_lost_wasm_goes_on(with_webgpu, site):
    """The first ten losses to 1e-3: else the page would say that they differ."""
    with open_laboratory(with_webgpu, site, pictures=8000, epochs=20, faults=True) as opened:
        page = opened.page
        bet_and_train(opened)
        page.wait_for_function("document.querySelector('[data-lane=a]').losses?.length > 10", timeout=PATIENCE)
        assert "in this page" in opened.text("status")  # an adapter of software counts as none
        page.reload()
        page.wait_for_selector("[data-lane]")
        page.evaluate(KEEP_DEVICE)
        page.evaluate("() => { globalThis.senetWebgpu = { software: true, always: true }; }")
        bet_and_train(opened)
        page.wait_for_function(SAYS, arg="ms a step, against", timeout=PATIENCE)
        assert opened.faults == []  # later ONNX Runtime Web tells of the lost devices
        for worker in page.workers:
            worker.evaluate("self.device.destroy()")
        page.wait_for_function(SAYS, arg="Training on the processor", timeout=PATIENCE)
        before = len(losses(opened, "a"))
        page.wait_for_function(
            f"document.querySelector('[data-lane=a]').losses.length > {before + 3}", timeout=PATIENCE
        )
        assert "failed" not in page.evaluate(PHASES)
        opened.click("Pause")
        wait_for(opened, "paused", patience=PATIENCE)
