"""Hold the training step of every network that the library makes to PyTorch, once, and record it.

    python -m senet_lib.book.experiments.golden_gradients [NAME ...]

For each name of ``list_models()``: the network's whole training step as an ONNX graph, for pictures of 32×32 pixels,
beside PyTorch's own, from the same start. Recorded in ``results/golden/training_gradients.json`` is how far loss and
gradient of the graph are from PyTorch's; of the gradient the norm of the difference over the norm. It is the median of
three batches: where the input of a ReLU is 0 but for rounding, the two may fall on either side of it, and then a whole
unit's gradient differs. Some exports take minutes and some gigabytes, so each network is recorded as it comes; what is
recorded is not done again.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F

from senet_lib.common.atomic_files import write_atomically
from senet_lib.export.onnx_training_step import TrainingStep
from senet_lib.export.training_step import export_training_step, schedule, start_state
from senet_lib.networks import create_model, list_models
from senet_lib.training.recipe import Recipe

RECORD = Path("results/golden/training_gradients.json")
SIDE = 32
BATCH = 8
DRAWS = 3
# Plain steps without decay: what the first one leaves as momentum is the gradient.
RECIPE = Recipe(epochs=1, optimiser="sgd", learning_rate=0.01, weight_decay=0.0, clip_norm=None)
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


def compare(name: str) -> dict[str, float]:
    """How far loss and gradient of a network's first step in the graph are from PyTorch's."""
    torch.manual_seed(0)
    model = create_model(name, num_classes=10)
    rates = next(iter(schedule(RECIPE, 1)))
    off = []
    with tempfile.TemporaryDirectory() as folder:
        path = export_training_step(model, Path(folder) / "step.onnx", (3, SIDE, SIDE), RECIPE, BATCH)
        step, state = TrainingStep(path, MEAN, STD), start_state(model, RECIPE.optimiser)
        for draw in range(DRAWS):
            random = np.random.default_rng(draw)
            x, y = random.random((BATCH, 3, SIDE, SIDE), np.float32), random.integers(10, size=BATCH)
            after, result = step.run(state, x, y, *rates)
            loss, gradient = _in_torch(model, x, y)
            distance = np.linalg.norm(after.moments - gradient) / np.linalg.norm(gradient)
            off.append((abs(result.loss - loss) / loss, float(distance)))
    loss_off, gradient_off = (median(values) for values in zip(*off, strict=True))
    return {"parameters": len(gradient), "loss_off": loss_off, "gradient_off": gradient_off}


def _in_torch(model: torch.nn.Module, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    model.train()
    model.zero_grad()
    mean, std = (torch.tensor(one)[:, None, None] for one in (MEAN, STD))
    loss = F.cross_entropy(model((torch.from_numpy(x) - mean) / std), torch.from_numpy(y))
    loss.backward()
    return loss.item(), torch.cat([one.grad.flatten() for one in model.parameters()]).numpy()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which networks; without one: all of list_models()")
    names = parser.parse_args(arguments).names or list_models()
    torch.set_num_threads(1)
    found = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    for name in names:
        if name in found:
            continue
        found[name] = compare(name)
        write_atomically(RECORD, json.dumps(dict(sorted(found.items())), indent=1) + "\n")
        print(name, found[name], flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
