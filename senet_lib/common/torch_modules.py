"""What any network may need: evaluation mode for a while, and to be taken out of what wraps it."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while. The modes are set one by one: a model's own ``train()`` may do more than that."""
    modes = {module: module.training for module in model.modules()}
    for module in modes:
        module.training = False
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def unwrap(model: nn.Module) -> nn.Module:
    """The network inside what ``torch.compile``, ``DistributedDataParallel`` and ``DataParallel`` make of it."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            inner = model.module
        if inner is None:
            return model
        model = inner
