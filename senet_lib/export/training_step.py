"""A whole training step as one ONNX file: forward, backward, optimiser. Any ONNX runtime can train with it.

    export_training_step(create_model("se_small_resnet"), "se.train.onnx", (3, 32, 32), Recipe(6, 0.005))
    export_evaluation(create_model("se_small_resnet"), "se.test.onnx", (3, 32, 32))

The graph is traced from PyTorch's own autograd, so it computes what PyTorch does. The file holds no weights: they go in
and come out, as flat vectors of float32. P is the number of parameters, S that of running means and variances, B the
batch size, which is fixed.

    weights          (P,) all parameters, one after the other
    moments          (2P,) AdamW's and Adam's first and second moments; (P,) SGD's velocity; 0 before the first step
    statistics       (S,) running means and variances of batch normalisation
    pictures         (B, C, H, W) from 0 for black to 1 for white
    labels           (B,) int32
    mean, std        (C,) of the training pictures: the normalisation is inside
    learning_rate    () of this step, and
    momentum         () the first beta of AdamW and Adam, or SGD's momentum: whatever the schedule says
    step             () as float32, 1 for the first step: AdamW and Adam divide by 1 - beta ** step

    new_weights, new_moments, new_statistics   what the next step takes
    loss             () mean cross-entropy in nats, with the weights that came in
    correct          () how many of the B pictures were right, with these
    gates/<block>    (B, C) for each block whose gates are one number a channel

The evaluation takes weights, statistics, pictures, labels, mean and std, and gives ``logits`` (B, K), ``loss``,
``correct`` and the gates. What lies where in the vectors, the files' metadata say: ``layout``, as JSON.

Needs ``pip install onnx onnxscript onnxruntime``; ``senet_lib.export.onnx_training_step`` runs the files without torch.
"""

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, functionalize
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.modules.batchnorm import _BatchNorm

from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.messages import short
from senet_lib.common.validation import require_input_size, require_whole
from senet_lib.export.onnx_training_step import TrainingState
from senet_lib.export.onnx_writer import MOST_JOINED, OPSET, plain_copy, require_packages
from senet_lib.gates.modules import gate_matrix, gates_if_any
from senet_lib.training.recipe import Recipe, make_optimiser, make_schedule

Vectors = dict[str, Tensor]

# Of AdamW and Adam: torch's defaults, which a recipe never changes.
BETA2 = 0.999
EPSILON = 1e-8


def export_training_step(
    model: nn.Module, path: str | Path, input_size: Sequence[int], recipe: Recipe, batch_size: int = 32
) -> Path:
    """Write a training step as an ONNX file; see the text of this module for its inputs and outputs.

    Args:
        model: any classifier of pictures. A copy of it is traced, on the CPU, as float32, in training mode.
        path: of the file; its folder is made if there is none. It is written atomically.
        input_size: of one picture, without the batch: (channels, height, width).
        recipe: its optimiser, weight decay, label smoothing and largest norm are in the graph. Learning rate and
        X
        batch_size: pictures in a step, at least 2.

    Returns:
        The path of the file.

    Raises:
        ModuleNotFoundError: if a package is missing, with the command that installs it.
        ValueError: if an argument is out of range; the model does not run on input_size, or has a part that cannot be
            in such a graph: what draws random numbers, as dropout does, parameters that are frozen or get no gradient,
            or an operation without a translation. The message names it.
    """
    require_whole("batch_size", batch_size, least=2)
    if recipe.ema_decay is not None:
        raise ValueError(f"ema_decay is {recipe.ema_decay}; a training step keeps no average: set it to None")
    network = _FlatNetwork(plain_copy(model).train(), input_size)
    size = (batch_size, *network.input_size)
    network.require_trainable(size)
    moments = torch.zeros(len(network.weights) * (1 if recipe.optimiser == "sgd" else 2))
    inputs = {
        "weights": network.weights,
        "moments": moments,
        "statistics": network.statistics,
        **_pictures(size),
        **{name: torch.tensor(value) for name, value in (("learning_rate", 0.01), ("momentum", 0.9), ("step", 1.0))},
    }
    step = partial(_step, network, recipe)
    return write_atomically(Path(path), _serialised(step, inputs, network, recipe.optimiser))


def export_evaluation(model: nn.Module, path: str | Path, input_size: Sequence[int], batch_size: int = 100) -> Path:
    """Write the evaluation that belongs to a training step: arguments and errors are those of the step."""
    require_whole("batch_size", batch_size)
    network = _FlatNetwork(plain_copy(model).eval(), input_size)
    inputs = {"weights": network.weights, "statistics": network.statistics}
    inputs |= _pictures((batch_size, *network.input_size))
    return write_atomically(Path(path), _serialised(partial(_evaluate, network), inputs, network, None))


def schedule(recipe: Recipe, steps_per_epoch: int) -> list[tuple[float, float]]:
    """Learning rate and momentum of each step of a whole training, as torch's schedules make them."""
    nothing = torch.zeros(1, requires_grad=True)
    optimiser = make_optimiser([nothing], recipe)
    rates = make_schedule(optimiser, recipe, steps_per_epoch)
    settings = []
    for _ in range(recipe.epochs * steps_per_epoch):
        group = optimiser.param_groups[0]
        settings.append((float(group["lr"]), float(group["momentum"] if "momentum" in group else group["betas"][0])))
        optimiser.step()
        rates.step()
    return settings


def start_state(model: nn.Module, optimiser: str = "adamw") -> TrainingState:
    """A model's weights and running statistics as the vectors that a training step takes; moments are 0."""
    network = plain_copy(model)
    weights = _flat(dict(network.named_parameters()))
    moments = torch.zeros(len(weights) * (1 if optimiser == "sgd" else 2))
    return TrainingState(weights.numpy(), moments.numpy(), _flat(statistics_of(network)).numpy())


def load_state(model: nn.Module, state: TrainingState) -> None:
    """Put the weights and running statistics of a state into a model of the same kind, in place.

    Raises:
        ValueError: if the numbers are not as many as the model's.
    """
    for like, vector in ((dict(model.named_parameters()), state.weights), (statistics_of(model), state.statistics)):
        if sum(one.numel() for one in like.values()) != len(vector):
            raise ValueError(f"the state has {len(vector):,} numbers where the model has {_count(like):,}")
        with torch.no_grad():
            for name, values in _unflatten(torch.from_numpy(vector), like).items():
                like[name].copy_(values)


# --- what the graphs compute ------------------------------------------------------------------------------------------


def _step(
    network: "_FlatNetwork",
    recipe: Recipe,
    weights: Tensor,
    moments: Tensor,
    statistics: Tensor,
    pictures: Tensor,
    labels: Tensor,
    mean: Tensor,
    std: Tensor,
    learning_rate: Tensor,
    momentum: Tensor,
    step: Tensor,
) -> Vectors:
    parameters = {name: one.detach().requires_grad_() for name, one in network.parameters(weights).items()}
    buffers = {name: one.clone() for name, one in network.buffers(statistics).items()}
    logits, gates = network(parameters | buffers, pictures, mean, std)
    loss = _cross_entropy(logits, labels, recipe.label_smoothing)
    gradient = _joined(torch.autograd.grad(loss, list(parameters.values())))
    if recipe.clip_norm is not None:  # as torch.nn.utils.clip_grad_norm_ does it
        gradient = gradient * torch.clamp(recipe.clip_norm / (gradient.norm() + 1e-6), max=1.0)
    update = _sgd if recipe.optimiser == "sgd" else _adam
    new_weights, new_moments = update(recipe, weights, gradient, moments, learning_rate, momentum, step)
    return {
        "new_weights": new_weights,
        "new_moments": new_moments,
        "new_statistics": _joined(buffers.values()) if buffers else statistics.clone(),
        "loss": loss.detach(),
        "correct": _correct(logits, labels),
        **gates,
    }


def _evaluate(
    network: "_FlatNetwork",
    weights: Tensor,
    statistics: Tensor,
    pictures: Tensor,
    labels: Tensor,
    mean: Tensor,
    std: Tensor,
) -> Vectors:
    logits, gates = network(network.parameters(weights) | network.buffers(statistics), pictures, mean, std)
    loss = _cross_entropy(logits, labels, 0.0)
    return {"logits": logits, "loss": loss, "correct": _correct(logits, labels), **gates}


def _cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    wanted = labels[:, None] == torch.arange(logits.shape[1], dtype=labels.dtype)  # one-hot: no gather, no scatter
    return F.cross_entropy(logits, wanted.to(logits.dtype), label_smoothing=smoothing)


def _correct(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.detach().argmax(1) == labels.long()).to(logits.dtype).sum()


def _adam(
    recipe: Recipe, w: Tensor, gradient: Tensor, moments: Tensor, rate: Tensor, beta1: Tensor, step: Tensor
) -> tuple[Tensor, Tensor]:
    """torch.optim.AdamW, or Adam, whose weight decay is a term of the gradient."""
    if recipe.optimiser == "adamw":
        w = w * (1 - rate * recipe.weight_decay)
    else:
        gradient = gradient + recipe.weight_decay * w
    first, second = moments.split([len(w), len(w)])
    first = beta1 * first + (1 - beta1) * gradient
    second = BETA2 * second + (1 - BETA2) * gradient.square()
    deviation = second.sqrt() / (1 - BETA2**step).sqrt()
    # first / (deviation + EPSILON), but torch's exporter takes an addend of 1e-8 for 0, and 0 / 0 is not a number.
    direction = first / EPSILON / (deviation / EPSILON + 1)
    return w - rate / (1 - beta1**step) * direction, torch.cat([first, second])


def _sgd(
    recipe: Recipe, w: Tensor, gradient: Tensor, velocity: Tensor, rate: Tensor, momentum: Tensor, step: Tensor
) -> tuple[Tensor, Tensor]:
    """torch.optim.SGD with momentum."""
    velocity = momentum * velocity + gradient + recipe.weight_decay * w
    return w - rate * velocity, velocity


# --- networks on flat vectors -----------------------------------------------------------------------------------------


class _FlatNetwork:
    """A network as a function of its weights and statistics."""

    def __init__(self, model: nn.Module, input_size: Sequence[int]):
        self.input_size = require_input_size(input_size, example=(3, 32, 32))
        self.model = model
        self.gates = gates_if_any(model)
        self._parameters = dict(model.named_parameters())
        self._statistics = statistics_of(model)
        self.weights, self.statistics = _flat(self._parameters), _flat(self._statistics)

    def parameters(self, weights: Tensor) -> Vectors:
        return _unflatten(weights, self._parameters)

    def buffers(self, statistics: Tensor) -> Vectors:
        return _unflatten(statistics, self._statistics)

    def __call__(self, tensors: Vectors, pictures: Tensor, mean: Tensor, std: Tensor) -> tuple[Tensor, Vectors]:
        """Logits (B, K), and by ``gates/<block>`` the gates (B, C)."""
        x = (pictures - mean[:, None, None]) / std[:, None, None]
        gates: Vectors = {}

        def note(name: str, module: nn.Module, inputs: Any, s: Tensor) -> None:
            gates[f"gates/{name.removesuffix('.attention')}"] = gate_matrix(name, s).detach()

        hooks = [gate.register_forward_hook(partial(note, name)) for name, gate in self.gates.items()]
        try:
            logits = functional_call(self.model, tensors, (x,))
        finally:
            for hook in hooks:
                hook.remove()
        return logits, gates

    def layout(self) -> dict[str, Any]:
        """What lies where in the vectors: name and shape of each tensor, in order."""
        return {"weights": _shapes(self._parameters), "statistics": _shapes(self._statistics)}

    def require_trainable(self, size: tuple[int, ...]) -> None:
        """Raise a ``ValueError`` that names the part that keeps this network from being trained in a graph."""
        if not self._parameters:
            raise ValueError("the model has no parameters; give it a layer that has")
        for name, parameter in self._parameters.items():
            if not parameter.requires_grad:
                raise ValueError(f"{name} is frozen; unfreeze it with requires_grad_(), or train the model in torch")
        for name, module in self.model.named_modules():
            if isinstance(module, _BatchNorm) and (module.momentum is None or not module.track_running_stats):
                raise ValueError(f"{name} keeps no running average with a fixed momentum; make it with momentum=0.1")
        with _random_modules_refused(self.model):
            logits = _run(self.model, torch.zeros(size))
        if logits.dim() != 2:
            raise ValueError(f"the model gives shape {tuple(logits.shape)}; it must give logits (B, K)")
        grads = torch.autograd.grad(logits.sum(), list(self._parameters.values()), allow_unused=True)
        for name, grad in zip(self._parameters, grads, strict=True):
            if grad is None:
                raise ValueError(f"{name} gets no gradient, because the model does not use it; remove it")


def _run(model: nn.Module, x: Tensor) -> Tensor:
    try:
        return model(x)
    except _RandomModuleError as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # whatever somebody else's network raises
        raise ValueError(f"the model does not run on {tuple(x.shape)}: it said {short(error)}") from error


class _RandomModuleError(Exception):
    pass


@contextmanager
def _random_modules_refused(model: nn.Module) -> Iterator[None]:
    """Find the module that draws random numbers: a graph would draw the same ones in each step."""
    before: dict[nn.Module, Tensor] = {}

    def begin(module: nn.Module, inputs: Any) -> None:
        before[module] = torch.get_rng_state()

    def end(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        if not torch.equal(before.pop(module), torch.get_rng_state()):
            raise _RandomModuleError(
                f"{name or 'the model'}, a {type(module).__name__}, draws random numbers, which a graph cannot; "
                "replace it by nn.Identity(), or train the model in torch"
            )

    hooks = []
    for name, module in model.named_modules():
        hooks += [module.register_forward_pre_hook(begin), module.register_forward_hook(partial(end, name))]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def statistics_of(model: nn.Module) -> Vectors:
    """Buffers that a step changes: floating point. The count of batches, an integer, serves nothing here."""
    return {name: one for name, one in model.named_buffers() if one.is_floating_point()}


def _flat(tensors: Mapping[str, Tensor]) -> Tensor:
    return torch.cat([torch.zeros(0), *(one.detach().flatten() for one in tensors.values())])


def _unflatten(vector: Tensor, like: Mapping[str, Tensor]) -> Vectors:
    ends = accumulate(one.numel() for one in like.values())  # not split(): WebGPU binds but a few buffers at once
    return {
        name: vector[end - one.numel() : end].view(one.shape)
        for (name, one), end in zip(like.items(), ends, strict=True)
    }


def _joined(tensors: Iterable[Tensor]) -> Tensor:
    """All as one vector: a few at a time, for the same reason."""
    parts = [one.flatten() for one in tensors]
    while len(parts) > 1:
        parts = [torch.cat(parts[first : first + MOST_JOINED]) for first in range(0, len(parts), MOST_JOINED)]
    return parts[0]


def _shapes(tensors: Mapping[str, Tensor]) -> list[list[Any]]:
    return [[name, list(one.shape)] for name, one in tensors.items()]


def _count(tensors: Mapping[str, Tensor]) -> int:
    return sum(one.numel() for one in tensors.values())


def _pictures(size: tuple[int, ...]) -> Vectors:
    labels = torch.arange(size[0], dtype=torch.int32) % 2
    return {
        "pictures": torch.rand(size, generator=torch.Generator().manual_seed(0)),
        "labels": labels,
        "mean": torch.full((size[1],), 0.5),
        "std": torch.full((size[1],), 0.25),
    }


# --- writing ----------------------------------------------------------------------------------------------------------


def _serialised(
    compute: Callable[..., Vectors], inputs: Vectors, network: _FlatNetwork, optimiser: str | None
) -> bytes:
    import onnx

    graph, outputs = _traced(compute, inputs)
    proto = _exported(graph, inputs, outputs)
    proto.producer_version = torch.__version__.split("+")[0]
    layout = network.layout() | {"optimiser": optimiser}
    onnx.helper.set_model_props(proto, {"layout": json.dumps(layout, separators=(",", ":"))})
    onnx.checker.check_model(proto, full_check=True)
    return proto.SerializeToString(deterministic=True)


def _traced(compute: Callable[..., Vectors], inputs: Vectors) -> tuple[torch.fx.GraphModule, list[str]]:
    """What PyTorch does when it computes this, autograd included, as one graph; and the names of its outputs."""
    names: list[str] = []

    def run(*values: Tensor) -> tuple[Tensor, ...]:
        results = compute(*values)
        names[:] = results
        return tuple(results.values())

    values = tuple(inputs.values())
    with torch.random.fork_rng(devices=[]):
        graph = make_fx(run)(*values)
        graph = make_fx(functionalize(graph, remove="mutations"))(*values)
    graph.graph.eliminate_dead_code()
    return graph, names


def _exported(graph: torch.fx.GraphModule, inputs: Vectors, outputs: list[str]) -> Any:
    """The graph in ONNX, small: no names but those of inputs and outputs, no constant twice."""
    from senet_lib.export.training_operators import TRANSLATIONS

    require_packages()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is in training mode: it must be
            program = torch.onnx.export(
                graph.eval(),
                tuple(inputs.values()),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=outputs,
                custom_translation_table=TRANSLATIONS,
                external_data=False,
                optimize=False,
                verbose=False,
            )
    except Exception as error:  # the exporter's own classes have no common one besides it
        raise ValueError(f"the model cannot be trained in a graph: {short(_root(error))}") from error
    assert program is not None
    _make_small(program.model)
    _shorten_names(program.model.graph)
    proto = program.model_proto
    del proto.graph.value_info[:]  # shapes that can be inferred
    return proto


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _make_small(model: Any) -> None:
    """What the exporter's own optimiser does to our graphs, in less time.

    That has dozens of rules. One, for slices, compares each two of a graph's nodes, which took most of an export. These
    three are all that apply, to any kind of network that the tests export.
    """
    from onnx_ir.passes import common
    from onnxscript import optimizer
    from onnxscript.rewriter import RewritePass
    from onnxscript.rewriter.rules.common import (
        reshape_reshape_rule,
        transpose_transpose_rule,
        unsqueeze_unsqueeze_rule,
    )

    rewrite = RewritePass([reshape_reshape_rule, transpose_transpose_rule, unsqueeze_unsqueeze_rule])
    common.InlinePass()(model)
    for _ in range(2):  # what one finds may be more for the other
        optimizer.fold_constants(model)
        rewrite(model)
    for one in (
        common.RemoveUnusedNodesPass(),
        common.RemoveUnusedFunctionsPass(),
        common.RemoveUnusedOpsetsPass(),
        common.ClearMetadataAndDocStringPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.DeduplicateInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.IdentityEliminationPass(),
        common.RemoveUnusedNodesPass(),
    ):
        one(model)


def _shorten_names(graph: Any) -> None:
    """Names are a third of a file, and nobody reads those inside."""
    inner = [*graph.initializers.values(), *(value for node in graph for value in node.outputs)]
    for number, value in enumerate(value for value in inner if not value.is_graph_output()):
        value.name = f"v{number:x}"
    for node in graph:
        node.name = None
