"""The arithmetic that figures share, in the browser against Python: random numbers, and whole networks."""

import json

import numpy as np
import pytest
import torch

from senet_lib.book.draws import normal_draws, uniform_draws
from senet_lib.book.figures.figure import HERE, join_modules
from senet_lib.data import load_pictures
from senet_lib.export.arrays import network_arrays
from senet_lib.weights.weight_files import PRETRAINED_MODELS, load_pretrained

pytestmark = pytest.mark.browser

IMPORT = """async (text) => {
  window.module = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}"""


@pytest.fixture
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


def load_module(page, name: str, exports: str) -> None:
    text = "".join(join_modules(HERE / "parts" / name)).replace("export ", "")
    page.evaluate(IMPORT, f"{text}\nexport {{ {exports} }};")


@pytest.mark.parametrize("seed", [0, 1, 7, 2**31 - 1])
def test_draws_are_the_same_in_the_browser_and_in_python(page, seed):
    load_module(page, "seeded_draws.js", "uniformDraws, normalDraws")
    uniform = page.evaluate("(seed) => [...module.uniformDraws(seed, 1000)]", seed)
    normal = page.evaluate("(seed) => [...module.normalDraws(seed, 1000)]", seed)
    assert uniform == uniform_draws(seed, 1000).tolist()
    assert normal == pytest.approx(normal_draws(seed, 1000).tolist(), abs=1e-6)


RUN = """([arrays, pictures, rows, columns]) => {
  const network = Object.fromEntries(
    Object.entries(arrays).map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]),
  );
  return pictures.map((picture) => {
    const { blocks, logits } = module.runNetwork(network, Uint8Array.from(picture), rows, columns);
    return { logits: [...logits], gates: Object.values(blocks).map(({ s }) => s && [...s]) };
  });
}"""


# The larger ones run as ONNX files.
SMALL = [name for name in PRETRAINED_MODELS if not name.startswith("cifar10")]


@pytest.mark.parametrize("name", SMALL)
def test_networks_give_torchs_logits_and_gates_in_the_browser(page, name):
    pretrained = load_pretrained(name)
    model, colours = pretrained.model, (pretrained.mean, pretrained.std)
    generator = torch.Generator().manual_seed(0)
    pictures = load_pictures("context-world", train=False).pictures[:4]
    if name.startswith("pictures"):
        pictures = torch.randint(256, (2, 3, 40, 28), generator=generator, dtype=torch.uint8)  # not even square
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in colours)
    gates: list[torch.Tensor] = []
    for module in model.modules():
        if hasattr(module, "gate"):
            module.gate.register_forward_hook(lambda module, inputs, s: gates.append(s))
    with torch.no_grad():
        logits = model((pictures / 255 - mean) / std)

    load_module(page, "network_arithmetic.js", "runNetwork")
    arrays = {
        key: {"shape": list(array.shape), "data": array.ravel().tolist()}
        for key, array in network_arrays(model, *colours).items()
    }
    found = page.evaluate(RUN, [arrays, pictures.flatten(1).tolist(), *pictures.shape[2:]])
    for index, result in enumerate(json.loads(json.dumps(found))):
        assert result["logits"] == pytest.approx(logits[index].tolist(), rel=1e-4, abs=1e-4)
        recorded = [s for s in result["gates"] if s is not None]
        assert len(recorded) == len(gates)
        for mine, theirs in zip(recorded, gates, strict=True):
            assert np.allclose(mine, theirs[index], atol=1e-5)
