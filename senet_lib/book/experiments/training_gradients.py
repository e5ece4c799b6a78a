"""Is the gradient in a training step's graph PyTorch's? For each network of the library, with pictures of 32 pixels.

    python -m senet_lib.book.experiments.training_gradients                  # what is not on record: hours
    python -m senet_lib.book.experiments.training_gradients resnet18 se_resnet18

With numbers of 64 bits a graph is proven: the file's own constants, weights and operations are made double, ONNX's
reference evaluator runs them, and the gradient is PyTorch's to 11 digits. With 32 bits that cannot be asked. Where the
input of a ReLU is nearly 0, rounding decides whether a gradient passes, and in deep networks that happens in each
step. So the file in ONNX Runtime is held to what PyTorch itself loses: the distance of each from the gradient in 64
bits, as a share of that gradient's norm. ``results/golden/training_gradients.json`` holds these numbers, network by
network, those with the fewest modules first: the time goes by their number.
"""

import argparse
import copy
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.machine import describe_machine
from senet_lib.export.onnx_training_step import TrainingStep
from senet_lib.export.training_step import export_training_step, start_state
from senet_lib.networks.models import create_model, list_models
from senet_lib.training.recipe import Recipe

RECORD = Path("results/golden/training_gradients.json")
PICTURE, BATCH, CLASSES = (3, 32, 32), 8, 10
OPTIMISERS = ("adamw", "sgd")
MOMENTUM = 0.5  # this and weight decay are the same number in 32 and in 64 bits
WEIGHT_DECAY = 2.0**-6


@dataclass(frozen=True)
class GradientErrors:
    """Distances from PyTorch's gradient in 64 bits, as shares of its norm.

    Attributes:
        graph_64: of the graph, with numbers of 64 bits.
        graph_32: of the file in ONNX Runtime.
        torch_32: of PyTorch with numbers of 32 bits.
    """

    graph_64: float
    graph_32: float
    torch_32: float


def gradient_errors(
    model: nn.Module, optimiser: str, picture: tuple[int, int, int] = PICTURE, batch: int = BATCH
) -> GradientErrors:
    """Export a network's first step, run it in 32 and in 64 bits, and compare the gradients with PyTorch's.

    Args:
        model: any network that ``export_training_step`` takes.
        optimiser: "adamw" or "sgd"; the gradient is found in the moments that the step leaves.
        picture: channels, height, width.
        batch: pictures in the step.
    """
    recipe = Recipe(epochs=1, learning_rate=0.01, optimiser=optimiser, weight_decay=WEIGHT_DECAY)
    model = with_the_files_constants(model)
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand((batch, *picture), generator=generator)
    labels = torch.arange(batch) % 2
    exact, own = (torchs_gradient(model, pictures, labels, kind) for kind in (torch.float64, torch.float32))
    state = start_state(model, optimiser)
    with tempfile.TemporaryDirectory() as folder:
        path = export_training_step(model, Path(folder) / "step.onnx", picture, recipe, batch)
        after, _ = TrainingStep(path).run(state, pictures.numpy(), labels.numpy(), 0.01, MOMENTUM)
        feeds = {
            **{"weights": state.weights, "moments": state.moments, "statistics": state.statistics},
            **{"pictures": pictures.numpy(), "mean": np.zeros(picture[0]), "std": np.ones(picture[0])},
            **{"learning_rate": np.array(0.01), "momentum": np.array(MOMENTUM), "step": np.array(1.0)},
        }
        in_double = {name: value.astype(np.float64) for name, value in feeds.items()}
        moments = run_in_double(path, in_double | {"labels": labels.numpy().astype(np.int32)})["new_moments"]
    found = [_gradient_of(optimiser, state.weights, one) for one in (moments, after.moments)]
    errors = [float(np.linalg.norm(one - exact) / np.linalg.norm(exact)) for one in (*found, own)]
    return GradientErrors(*errors)


def with_the_files_constants(model: nn.Module) -> nn.Module:
    """A copy whose ``eps`` are numbers of 32 bits, as in the file: 1e-5 itself differs in the eighth digit."""
    model = copy.deepcopy(model)
    for settings in map(vars, model.modules()):
        if "eps" in settings:
            settings["eps"] = float(np.float32(settings["eps"]))
    return model


def torchs_gradient(model: nn.Module, pictures: Tensor, labels: Tensor, kind: torch.dtype) -> np.ndarray:
    """PyTorch's gradient of the loss in training mode, as one vector. The model is as before afterwards."""
    before = {name: one.clone() for name, one in model.state_dict().items()}
    model.to(kind).train()
    logits = model(pictures.to(kind))
    gradient = torch.autograd.grad(F.cross_entropy(logits, labels), list(model.parameters()))
    model.to(torch.float32).load_state_dict(before)
    return torch.cat([one.flatten() for one in gradient]).double().numpy()


def _gradient_of(optimiser: str, weights: np.ndarray, moments: np.ndarray) -> np.ndarray:
    if optimiser == "sgd":
        return moments.astype(np.float64) - WEIGHT_DECAY * weights
    return moments[: len(weights)].astype(np.float64) / (1 - MOMENTUM)


# --- a graph in 64 bits -----------------------------------------------------------------------------------------------


def run_in_double(path: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What ONNX's reference evaluator makes of a file whose floating-point numbers are all made double."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    single, double = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
    proto = onnx.load(path)
    graph = proto.graph
    for number, one in enumerate(graph.initializer):
        if one.data_type == single:
            values = onnx.numpy_helper.to_array(one).astype(np.float64)
            graph.initializer[number].CopyFrom(onnx.numpy_helper.from_array(values, one.name))
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type == single:
            value.type.tensor_type.elem_type = double
    for attribute in (one for node in graph.node if node.op_type == "Cast" for one in node.attribute):
        if attribute.name == "to" and attribute.i == single:
            attribute.i = double
    names = [one.name for one in graph.output]
    evaluator = ReferenceEvaluator(proto, new_ops=_by_torch())
    return dict(zip(names, evaluator.run(None, feeds), strict=True))


def _by_torch() -> list[Any]:
    """Convolutions, for which ONNX's reference takes minutes, and pooling, of which it gets the places wrong."""
    from onnx.reference.op_run import OpRun

    class Conv(OpRun):
        def _run(self, x, w, b=None, *, strides=None, pads=None, dilations=None, group=1, **_):
            rank = w.ndim - 2
            padded = F.pad(torch.from_numpy(x), _around(pads or [0] * 2 * rank))
            of_rank = (F.conv1d, F.conv2d)[rank - 1]
            bias = None if b is None else torch.from_numpy(b)
            found = of_rank(padded, torch.from_numpy(w), bias, strides or 1, 0, dilations or 1, group)
            return (found.numpy(),)

    class ConvTranspose(OpRun):
        def _run(self, x, w, b=None, *, strides, pads, dilations, group, output_padding, **_):
            of_rank = (F.conv_transpose1d, F.conv_transpose2d)[w.ndim - 3]
            padding = pads[: w.ndim - 2]
            maps, weight = torch.from_numpy(x), torch.from_numpy(w)
            return (of_rank(maps, weight, None, strides, padding, output_padding, group, dilations).numpy(),)

    class MaxPool(OpRun):
        def _run(self, x, *, kernel_shape, strides, pads, dilations, ceil_mode, **_):
            pool = nn.MaxPool2d(
                kernel_shape, strides or 1, tuple(pads[:2]) if pads else 0, dilations or 1, True, bool(ceil_mode)
            )
            found, places = pool(torch.from_numpy(x))
            planes = torch.arange(places[..., 0, 0].numel()).view(*places.shape[:2], 1, 1)
            return found.numpy(), (places + planes * x[0, 0].size).numpy()

    for one in (Conv, ConvTranspose, MaxPool):
        one.op_domain = ""
    return [Conv, ConvTranspose, MaxPool]


def _around(pads: Sequence[int]) -> list[int]:
    """ONNX's padding, all starts and then all ends, as torch takes it: by axis, the last one first."""
    rank = len(pads) // 2
    return [size for axis in reversed(range(rank)) for size in (pads[axis], pads[rank + axis])]


# --- the record -------------------------------------------------------------------------------------------------------


def _by_modules() -> list[str]:
    with torch.device("meta"):
        return sorted(list_models(), key=lambda name: len(list(create_model(name).modules())))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m senet_lib.book.experiments.training_gradients",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all networks of list_models()")
    parser.add_argument("--record", type=Path, default=RECORD, help=f"default: {RECORD}")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(list_models())):
        parser.error(f"there is no network {unknown[0]!r}; list_models() has all names")
    empty = {"settings": {"picture": PICTURE, "batch": BATCH}, "machine": describe_machine("cpu"), "errors": {}}
    known = json.loads(options.record.read_text(encoding="utf-8")) if options.record.exists() else empty
    for name in options.names or _by_modules():
        for optimiser in OPTIMISERS:
            if optimiser in known["errors"].setdefault(name, {}):
                continue
            torch.manual_seed(0)
            make = partial(create_model, name, num_classes=CLASSES)
            known["errors"][name][optimiser] = asdict(gradient_errors(make(), optimiser))
            print(name, optimiser, known["errors"][name][optimiser], flush=True)
            write_atomically(options.record, json.dumps(known, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
