"""What training in the page starts from, in a Web Worker and in Python: random numbers, pictures, weights, steps."""

import base64

import numpy as np
import pytest
import torch
from torch import optim
from torch.optim import lr_scheduler
from torch.utils._python_dispatch import TorchDispatchMode

from senet_lib.book.figures.figure import join_modules
from senet_lib.data import Batches, PictureSet
from senet_lib.data.batches import channel_statistics
from senet_lib.data.distance_world import MOST_GAP, DistanceWorld
from senet_lib.data.epoch_plan import mixed_seed
from senet_lib.networks import create_model
from senet_lib.training import Recipe
from senet_lib.training.recipe import make_optimiser, make_schedule

pytestmark = pytest.mark.browser

# A classic worker, as the figures start it. It runs functions of one argument, given as text.
START = """(module) => {
  const answer = "self.onmessage = ({ data: [body, argument] }) => postMessage(eval(body)(argument));";
  const text = ["'use strict';", module, answer].join("\\n");
  window.worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}"""
ASK = """(message) => new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage(message);
})"""
SEEDS = [0, 1, 99, 12345, 2**31 - 1, 2**32 - 1, 2**32, 2**40 + 7]


@pytest.fixture(scope="module")
def ask(browser, tmp_path_factory):
    """A function that calls a function of the parts in a worker, with an argument."""
    every = tmp_path_factory.mktemp("parts") / "every.js"
    names = ("numpy_random", "torch_random", "distance_world", "training_data")
    every.write_text("".join(f'import {{ x }} from "./parts/{name}.js";\n' for name in names))
    page = browser.new_page()
    page.evaluate(START, "".join(join_modules(every)))
    yield lambda body, argument: page.evaluate(ASK, [body, argument])
    page.close()


def test_numbers_are_numpys(ask):
    """One stream of bounded numbers of several sizes and of permutations, from seeds of one and of two words."""
    found = ask(
        """(seeds) => seeds.map((seed) => {
          const random = defaultRng(seed);
          return Array.from({ length: 100 }, () => [
            random.integers(3), random.integers(1), random.integers(-5, 1e6), ...random.permutation(3),
            random.integers(2 ** 31 + 5), random.integers(2 ** 32), ...random.permutation(40),
          ]).flat();
        })""",
        SEEDS,
    )
    for seed, numbers in zip(SEEDS, found, strict=True):
        random, expected = np.random.default_rng(seed), []
        for _ in range(100):
            expected += [random.integers(3), random.integers(1), random.integers(-5, 10**6), *random.permutation(3)]
            expected += [random.integers(2**31 + 5), random.integers(2**32), *random.permutation(40)]
        assert numbers == expected, seed
    several = [[0], [0, 0], [3, 7], [2**33, 5], [1, 2, 3, 4, 5, 6]]
    assert ask("(all) => all.map((one) => mixedSeed(...one))", several) == [mixed_seed(*one) for one in several]


PACK = """({ pictures, ...others }) => [
  btoa(Array.from(pictures, (byte) => String.fromCharCode(byte)).join("")),
  ...["labels", "cueColours"].map((name) => [...others[name]]),
]"""


def assert_same_world(found, world):
    pictures, labels, cue_colours = found
    assert base64.b64decode(pictures) == world.pictures.tobytes()
    assert labels == world.labels.tolist()
    assert cue_colours == [scene.cue_colour for scene in world.scenes]


@pytest.mark.parametrize("seed", [0, 1, 2**32 + 1])
def test_pictures_are_those_of_the_library_at_each_distance(ask, seed):
    for gap in range(MOST_GAP + 1):
        found = ask(f"([seed, gap]) => ({PACK})(distanceWorld(40, seed, gap))", [seed, gap])
        assert_same_world(found, DistanceWorld.generate(40, seed, gap))


def test_a_whole_training_set_is_that_of_the_library(ask):
    """Also its mean and standard deviation; and those of other bytes, of which a channel never changes."""
    world = DistanceWorld.generate(2000, 0, 8)
    assert_same_world(ask(f"() => ({PACK})(distanceWorld(2000, 0, 8))", None), world)
    other = np.random.default_rng(0).integers(256, size=(7, 3, 32, 32), dtype=np.uint8)
    other[:, 1] = 0
    for pictures in (world.pictures[:300], other):
        labels = torch.zeros(len(pictures), dtype=torch.int64)
        expected = channel_statistics(PictureSet(torch.from_numpy(pictures), labels, ("one",), "some"))
        text = base64.b64encode(pictures.tobytes()).decode()
        statistics = ask("(text) => channelStatistics(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)))", text)
        for name, numbers in zip(("mean", "std"), expected, strict=True):
            assert statistics[name] == pytest.approx(numbers, rel=1e-12)


# In one stream: lengths around 16, where PyTorch's normal numbers change their way, and an odd number below it, which
# keeps a number for later.
DRAWS = [("uniform", 500, -0.19245, 0.19245), ("normal", 7, 0.5, 0.3), ("normal", 1600, 0.0, 0.1), ("normal", 9, 0, 1)]
DRAWS += [("normal", 37, 4.0, 0.25), ("normal", 16, 0, 1), ("normal", 15, 0, 1), ("uniform", 3000, 0.1, 0.7)]
LENGTHS = [1, 2, 3, 32, 1000, 8000]


def test_numbers_are_torchs(ask):
    found = ask(
        """([seeds, draws, lengths]) => seeds.map((seed) => {
          const generator = torchGenerator(seed);
          const numbers = draws.map(([kind, ...rest]) => [...generator[kind](...rest)]);
          return [numbers, lengths.map((n) => [...generator.randperm(n)])];
        })""",
        [SEEDS, DRAWS, LENGTHS],
    )
    for seed, (numbers, orders) in zip(SEEDS, found, strict=True):
        generator = torch.Generator().manual_seed(seed)
        for (kind, count, *limits), mine in zip(DRAWS, numbers, strict=True):
            theirs = getattr(torch.empty(count), f"{kind}_")(*limits, generator=generator).tolist()
            assert mine == pytest.approx(theirs, rel=1e-6, abs=0), (seed, kind, count)
        assert orders == [torch.randperm(n, generator=generator).tolist() for n in LENGTHS]


class DrawTape(TorchDispatchMode):
    """Notes which memory is filled with which numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.fills: list[tuple[torch.Tensor, str, list[float]]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().removeprefix("aten::").partition(".")[0]
        if name in ("uniform_", "normal_", "fill_", "zero_"):
            given = [0.0] if name == "zero_" else [float(one) for one in args[1:]]
            self.fills.append((args[0], {"zero_": "fill"}.get(name, name[:-1]), given))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["small_resnet", "se_small_resnet"])
def test_the_first_weights_are_torchs(ask, name):
    torch.manual_seed(5)
    with DrawTape() as tape:
        model = create_model(name)
    weights = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    places, length = {}, 0
    for parameter in model.parameters():
        places[parameter.data_ptr()] = length
        length += parameter.numel()
    draws = [[kind, one.numel(), *given, places.get(one.data_ptr(), -1)] for one, kind, given in tape.fills]
    assert {kind for kind, *_ in draws} == {"uniform", "normal", "fill"}
    found = ask("([draws, length]) => [...initialise(draws, length, 5)]", [draws, length])
    assert found == pytest.approx(weights.tolist(), rel=1e-6, abs=0)


def test_an_epochs_order_is_that_of_the_batches(ask):
    for count, seed, epoch in [(64, 0, 0), (96, 7, 3), (2000, 99, 11)]:
        pictures = torch.arange(3 * count, dtype=torch.uint8).reshape(count, 3, 1, 1)
        names = tuple(str(number) for number in range(count))
        batches = Batches(PictureSet(pictures, torch.arange(count), names, "some"), 32, shuffle=True, seed=seed)
        order = torch.cat([labels for _, labels in batches.epoch(epoch)]).tolist()
        assert ask("(numbers) => [...epochOrder(...numbers)]", [seed, epoch, count])[: len(order)] == order


@pytest.mark.parametrize(("epochs", "steps_per_epoch"), [(1, 1), (1, 2), (1, 4), (3, 10), (6, 250)])
def test_each_step_has_the_rate_and_the_momentum_of_torchs_schedule(ask, epochs, steps_per_epoch):
    recipe = Recipe(epochs=epochs, learning_rate=0.005, optimiser="adamw", schedule="one-cycle")
    optimiser = make_optimiser([torch.zeros(1, requires_grad=True)], recipe)
    schedule = make_schedule(optimiser, recipe, steps_per_epoch)
    assert isinstance(optimiser, optim.AdamW) and isinstance(schedule, lr_scheduler.OneCycleLR)
    total = epochs * steps_per_epoch
    found = ask("(total) => Array.from({ length: total }, (_, step) => oneCycle(step, total, 0.005))", total)
    for step, mine in enumerate(found):
        group = optimiser.param_groups[0]
        expected = {"learningRate": group["lr"], "momentum": group["betas"][0]}
        assert mine == pytest.approx(expected, rel=1e-7), step
        optimiser.step()
        if step < total - 1:
            schedule.step()
