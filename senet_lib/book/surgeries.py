"""What the figure ``Surgery`` shows, measured with the library: places for SE in real networks, and moved logits.

    python -m senet_lib.book.surgeries

writes the figure's example, ``figures/surgery_example.json``.
"""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision import models

from senet_lib.cost.measure import measure_cost
from senet_lib.networks import insert_squeeze_excitation, residual_branches

EXAMPLE = Path(__file__).parent / "figures" / "surgery_example.json"
INPUT_SIZE = (3, 224, 224)
REDUCTIONS = (4, 8, 16, 32)
START_GATES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
EXAMPLE_PICTURES = 40


@dataclass(frozen=True)
class Patient:
    """A network of torchvision, and where the figure offers SE in it."""

    places: tuple[str, ...]  # patterns for names of modules that a reader can tick
    choices: tuple[str, ...]  # ways of choosing many at once, as code: the model or its part, then ``after``
    options: Mapping[str, Any] = field(default_factory=dict)  # for torchvision's function


VGG_RELUS = (2, 5, 9, 12, 16, 19, 22, 26, 29, 32, 36, 39, 42)
PATIENTS = {
    "resnet50": Patient(("layer?.?.bn3", "layer1.0.relu", "fc"), ("model, residual_branches", 'model, "layer4.*.bn3"')),
    "vgg16_bn": Patient(
        (*(f"features.{i}" for i in VGG_RELUS), "classifier.1"),
        ("model.features, nn.ReLU", "model, nn.ReLU"),
        {"init_weights": False},
    ),
    "googlenet": Patient(
        ("inception??", "dropout"), ('model, "inception*"', 'model, "inception4*"'), {"init_weights": False}
    ),
    "densenet121": Patient(
        ("features.denseblock?", "features.transition?", "classifier"),
        ('model, "features.denseblock*"', 'model, "features.transition?"'),
    ),
    "mobilenet_v2": Patient(
        ("features.*.conv", "classifier.1"), ("model, residual_branches", 'model, "features.*.conv"')
    ),
    "shufflenet_v2_x1_0": Patient(("stage?.?", "fc"), ('model, "stage?.?"', 'model, "stage4.?"')),
}


def prepare_networks() -> list[dict[str, Any]]:
    """For ``Surgery.networks``: each with its cost, its places and the library's words for those that it refuses."""
    return [_prepare(name, patient) for name, patient in PATIENTS.items()]


def make_patient(name: str) -> nn.Module:
    """One of ``PATIENTS`` on the meta device: counting needs no numbers."""
    with torch.device("meta"):
        return models.get_model(name, weights=None, **PATIENTS[name].options)


def _prepare(name: str, patient: Patient) -> dict[str, Any]:
    model = make_patient(name)
    names = [one for one, _ in model.named_modules() if any(fnmatchcase(one, p) for p in patient.places)]
    maps = _maps(model, names)
    cost = measure_cost(model, INPUT_SIZE)
    places = [
        {"name": one, "maps": maps.get(one), "refusal": "" if one in maps else refusal(model, [one])} for one in names
    ]
    return {
        "name": name,
        "parameters": cost.parameters,
        "macs": cost.macs,
        "places": places,
        "choices": [{"code": choice, "names": _chosen_by(choice, model, names)} for choice in patient.choices],
        "too_narrow": _too_narrow(model, maps),
        "nothing": refusal(model, []),
    }


def _maps(model: nn.Module, names: Sequence[str]) -> dict[str, list[int]]:
    """[C, height, width] of each module that gives maps of one size, each time that it runs."""
    seen: dict[str, set[tuple[int, ...]]] = {name: set() for name in names}
    hooks = [
        model.get_submodule(name).register_forward_hook(lambda _, x, y, name=name: seen[name].add(tuple(y.shape[1:])))
        for name in names
    ]
    with torch.no_grad():
        model.eval()(torch.zeros(1, *INPUT_SIZE, device="meta"))
    for hook in hooks:
        hook.remove()
    sizes = {name: shapes.pop() for name, shapes in seen.items() if len(shapes) == 1}
    return {name: list(shape) for name, shape in sizes.items() if len(shape) == 3}


def refusal(model: nn.Module, after: Any, reduction: int = 1) -> str:
    """What the library says if SE does not fit there; an empty text if it fits. The model stays as it is."""
    try:
        insert_squeeze_excitation(deepcopy(model), after, reduction=reduction)
    except ValueError as error:
        return str(error)
    return ""


def _chosen_by(choice: str, model: nn.Module, names: Sequence[str]) -> list[str]:
    """The ticks that such a choice stands for, also those that will be refused."""
    part, after = choice.split(", ", 1)
    if after == "nn.ReLU":
        inside = "features." if part == "model.features" else ""
        return [one for one in names if isinstance(model.get_submodule(one), nn.ReLU) and one.startswith(inside)]
    if after == "residual_branches":
        return [one for one in residual_branches(model) if one in names]
    return [one for one in names if fnmatchcase(one, after.strip('"'))]


def _too_narrow(model: nn.Module, maps: dict[str, list[int]]) -> dict[str, dict[str, str]]:
    """By r and place: what the library says of maps with fewer than r channels."""
    return {
        str(r): {name: refusal(model, [name], r) for name, (channels, *_) in maps.items() if channels < r}
        for r in REDUCTIONS
    }


@torch.no_grad()
def logits_by_start_gate(model: nn.Module, pictures: torch.Tensor, input_size: Sequence[int]) -> np.ndarray:
    """float32 (1 + G, B, classes): without SE, then with SE on all branches for each of ``START_GATES``."""
    model = deepcopy(model).eval()
    rows = [model(pictures)]
    for start in START_GATES:
        copy = deepcopy(model)
        insert_squeeze_excitation(copy, residual_branches, reduction=4, start_gate=start, input_size=input_size)
        rows.append(copy(pictures))
    return torch.stack(rows).cpu().numpy()


def context_world_logits(count: int) -> np.ndarray:
    """The same for the plain network of chapter 7 and the first test pictures of the Context World."""
    from senet_lib.data import load_pictures, train_and_test_batches
    from senet_lib.weights import load_pretrained

    train, test_set = (load_pictures("context-world", train=train) for train in (True, False))
    _, test = train_and_test_batches(train, test_set, batch_size=count, device=torch.device("cpu"))
    pictures, _ = next(iter(test))
    return logits_by_start_gate(load_pretrained("context-world-reduction-plain").model, pictures, (3, 32, 32))


def main() -> None:
    logits = context_world_logits(EXAMPLE_PICTURES)
    example = {
        "networks": prepare_networks(),
        "start_gates": START_GATES,
        "logits": np.round(logits.astype(float), 4).tolist(),
    }
    EXAMPLE.write_text(json.dumps(example, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
