"""Whether all that training does stays on one device: with tensors on a "cuda" that is not there.

``FakeTensorMode`` of torch computes shapes, types and devices, but no numbers, and complains about mixed devices as a
GPU would. What would need a number gets 1.
"""

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from senet_lib.book.figures.live import live_race as live
from senet_lib.data import Batches, PictureSet, pad_crop_flip, random_crop, random_flip, train_and_test_batches
from senet_lib.data import batches as data_batches
from senet_lib.gates.interventions import constant, given, ones, replace_excitations, shuffled
from senet_lib.gates.recording import record_excitations
from senet_lib.networks.models import create_model
from senet_lib.training import Recipe, Trainer, evaluate, fit
from senet_lib.training.recipe import OPTIMISERS

CUDA = torch.device("cuda:0")
READ = torch.ops.aten._local_scalar_dense.default


class WithoutNumbers(FakeTensorMode):
    """Gives 1 for a number that is read from a tensor."""

    def dispatch(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is READ:
            return 1
        result = super().dispatch(func, types, args, kwargs)
        if isinstance(result, FakeTensor):
            result.constant = None  # else numbers that are known would be computed, on a GPU
        return result

    def __deepcopy__(self, memo: dict[int, Any]) -> "WithoutNumbers":
        return self  # a copied tensor stays in it


class Here:
    """A thread that is none: a fake mode holds for its own thread only."""

    def __init__(self, target: Any, **options: Any):
        self.start = target

    def is_alive(self) -> bool:
        return False

    def join(self, seconds: float | None = None) -> None:
        pass


def moved(model: nn.Module, change: Any, recurse: bool = True) -> nn.Module:
    """``Module._apply``, which cannot exchange fake tensors: parameters and buffers are new ones."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            module._parameters[name] = nn.Parameter(change(parameter.detach()), parameter.requires_grad)
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = change(buffer)
    return model


def backward(loss: torch.Tensor) -> None:
    """Each parameter that the loss depends on gets a gradient; autograd's engine itself would ask the driver."""
    nodes, seen = [loss.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is not None and node not in seen:
            seen.add(node)
            nodes += [following for following, _ in node.next_functions]
            if hasattr(node, "variable"):
                node.variable.grad = torch.zeros_like(node.variable)


@pytest.fixture(params=[(7, 5), (9, 0)], ids=["float16", "bfloat16"])
def gpu(request, monkeypatch):
    """A GPU that has no numbers: an older one, which is fast at float16, or one that is fast at bfloat16."""
    answers = {
        "is_available": lambda: True,
        "is_bf16_supported": lambda *_: True,
        "get_device_capability": lambda *_: request.param,
        "get_device_name": lambda *_: "a GPU without numbers",
        "reset_peak_memory_stats": lambda *_: None,
        "max_memory_allocated": lambda *_: 0,
        "synchronize": lambda *_: None,
        "get_rng_state": lambda *_: torch.zeros(16, dtype=torch.uint8),
        "set_rng_state": lambda *_: None,
    }
    monkeypatch.setattr(nn.Module, "_apply", moved)
    monkeypatch.setattr(torch.Tensor, "backward", backward)
    # Without asking whether a gradient is infinite.
    monkeypatch.setattr(torch.amp.GradScaler, "_maybe_opt_step", lambda scaler, optimiser, state: optimiser.step())
    monkeypatch.setattr(data_batches, "channel_statistics", lambda pictures: ((0.5,), (0.5,)))
    with WithoutNumbers(), monkeypatch.context() as patch:  # the mode must know that there is no GPU
        for name, answer in answers.items():
            patch.setattr(torch.cuda, name, answer)
        for name in ("get_rng_state", "set_rng_state"):  # of the CPU: a real generator, and a state without numbers
            patch.setattr(torch, name, answers[name])
        yield torch.bfloat16 if request.param >= (8, 0) else torch.float16


def network() -> nn.Module:
    return create_model("se_small_resnet", num_classes=4, in_channels=1).to(CUDA).to(memory_format=torch.channels_last)


def batches(**options: Any) -> tuple[Batches, Batches]:
    pictures = PictureSet(torch.zeros(24, 1, 8, 8, dtype=torch.uint8), torch.arange(24) % 4, tuple("abcd"), "black")
    return train_and_test_batches(pictures, pictures, 8, device=CUDA, **options)


def test_mixed_devices_are_seen(gpu):
    with pytest.raises(RuntimeError, match="device"):
        network()(torch.zeros(2, 1, 8, 8))
    with pytest.raises(RuntimeError, match="device"):
        torch.zeros(2, device=CUDA) + torch.zeros(2)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_epochs_with_every_optimiser_clipping_and_averaging(gpu, optimiser):
    model, recipe = network(), Recipe(2, 0.1, optimiser=optimiser, clip_norm=1.0, ema_decay=0.9)
    dtypes = []
    model.fc.register_forward_hook(lambda module, inputs, output: dtypes.append(output.dtype))
    train, test = batches()
    assert [stats.epoch for stats in fit(model, train, test, recipe)] == [1, 2]
    assert dtypes == 2 * [*len(train) * [gpu], *len(test) * [torch.float32]]
    evaluate(model, test)
    assert all(tensor.device == CUDA for tensor in model.state_dict().values())


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_state_from_a_cpu_is_taken_up(gpu, optimiser):
    recipe = Recipe(1, 0.1, optimiser=optimiser, ema_decay=0.9)
    (train, _), trainers = batches(), [Trainer(network(), recipe, 3) for _ in range(2)]
    for trainer in trainers:
        trainer.start_epoch()
        trainer.step(*next(iter(train)))
        tensors, facts = trainer.state()
        trainer.restore({name: tensor.cpu() for name, tensor in tensors.items()}, facts | {"scaler": {}})
        trainer.step(*next(iter(train)))
        trainer.finish_epoch()


@pytest.mark.parametrize(
    "augment",
    [None, random_flip, random_crop, partial(random_crop, padding=1), pad_crop_flip],
    ids=["none", "flip", "crop", "crop by 1", "crop and flip"],  # the same in each process
)
@pytest.mark.parametrize("size", [None, 5])
def test_batches_are_on_the_device(gpu, augment, size):
    for split in batches(augment=augment, size=size):
        for x, y in split:
            assert x.device == y.device == CUDA and x.shape[2:] == ((size, size) if size else (8, 8))


@pytest.mark.parametrize("make", [lambda record: ones, lambda _: constant(0.5), lambda _: shuffled(), "given"])
def test_gates_are_recorded_and_replaced(gpu, make):
    model, (_, test) = network(), batches()
    x, _ = next(iter(test))
    with record_excitations(model) as record:
        model(x)
    gates = record._passes[-1]
    assert all(s.device == CUDA for s in gates.values())
    replacement = given({block: s.cpu() for block, s in gates.items()}) if make == "given" else make(record)
    with replace_excitations(model, replacement):
        assert model(x).device == CUDA


def test_a_live_race_stays_on_its_device(gpu, monkeypatch):
    monkeypatch.setattr(live.threading, "Thread", Here)
    pictures = batches()[0]
    pair = PictureSet(pictures.pictures, pictures.labels, tuple("abcd"), "black")
    monkeypatch.setattr(live.Choices, "load", lambda self: (pair, pair))
    race = live.LiveRace(live.Choices("digits", epochs=1, report_every=1), CUDA)
    race.start()
    assert race.figure.state == "finished", race.figure.message
    assert {tensor.device for model in race.models.values() for tensor in model.state_dict().values()} == {CUDA}
