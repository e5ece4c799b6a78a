"""What any network may need: evaluation mode for a while, to be taken out of what wraps it, to say where it fails."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn

from senet_lib.common.messages import short


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


@dataclass
class Running:
    """The modules of a network that run now, the innermost last; after an error, those that it came from."""

    names: list[str] = field(default_factory=list)  # of these modules; the first one is "", the network itself
    given: list[list[tuple[int, ...]]] = field(default_factory=list)  # for each, the shapes of the tensors that it got
    seen: set[str] = field(default_factory=set)  # the names of all modules that have run

    @property
    def now(self) -> str:
        return self.names[-1] if self.names else ""

    def begin(self, name: str, module: nn.Module, inputs: Any) -> None:
        self.names.append(name)
        self.given.append([tuple(one.shape) for one in inputs if isinstance(one, Tensor)])
        self.seen.add(name)

    def end(self, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        while self.names.pop() != name:  # what raised an error that the network has caught
            self.given.pop()
        self.given.pop()


@contextmanager
def watching(model: nn.Module) -> Iterator[Running]:
    """Note which modules run, by hooks, for a while."""
    running = Running()
    with ExitStack() as hooks:
        for name, module in model.named_modules():
            hooks.callback(module.register_forward_pre_hook(partial(running.begin, name)).remove)
            hooks.callback(module.register_forward_hook(partial(running.end, name)).remove)
        yield running


def what_failed(model: nn.Module, running: Running, error: BaseException) -> str:
    """Where an error came from, what the module holds and what it got: "fc1, a Linear with weight (4, 16), got ..."."""
    name = running.now
    module = model.get_submodule(name)
    own = [f"{key} {tuple(tensor.shape)}" for key, tensor in module.named_parameters(recurse=False)][:1]
    settings = module.extra_repr() if not own else ""
    holds = f" with {own[0]}" if own else f" ({settings})" if settings and "\n" not in settings else ""
    got = " and ".join(map(str, running.given[-1])) if running.given and running.given[-1] else "no tensor"
    return f"{name or 'the model itself'}, a {type(module).__name__}{holds}, got {got} and said {short(error)}"
