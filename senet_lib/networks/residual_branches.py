"""Where a network adds a shortcut to a branch: found with ``torch.fx``, for any network that can be traced.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 3.3 and Figure 3: SE stands at the
end of a residual branch, before the addition.
"""

from collections.abc import Callable, Iterable
from typing import Any

from torch import fx, nn

from senet_lib.common.messages import short
from senet_lib.common.torch_modules import evaluating
from senet_lib.networks.squeeze_excitation import SqueezeExcitation

CHOICES = "choose modules by type, such as nn.Conv2d, or by name, such as 'features.*'"

ADDITIONS = {"add", "add_", "iadd"}
PRODUCTS = {"mul", "mul_", "imul"}
# Functions after which a branch is still the same maps: scaled, dropped at random, or each number changed by itself.
PASSING_FUNCTIONS = PRODUCTS | {"div", "truediv", "neg", "contiguous", "clone", "relu", "relu_", "relu6", "leaky_relu"}
PASSING_FUNCTIONS |= {"tanh", "tanh_", "hardtanh", "sigmoid", "sigmoid_", "hardsigmoid", "hardswish", "silu", "gelu"}
PASSING_FUNCTIONS |= {"elu", "selu", "celu", "softplus", "mish", "clamp", "clamp_", "prelu"}
PASSING_FUNCTIONS |= {"dropout", "dropout2d", "feature_dropout", "stochastic_depth", "drop_path"}
PASSING_MODULES = (nn.Identity, nn.Dropout, nn.Dropout2d)


def residual_branches(model: nn.Module) -> list[str]:
    """The modules that end the residual branches: where SE stands in an SE-ResNet. For ``after``.

    The model is traced with ``torch.fx``, on symbolic tensors. Of two tensors that come from the same one and are
    added, the branch is the one with more modules on its way. Its end is the last module, before any scaling, dropout
    and functions of single numbers, such as tanh, and before gates that are computed from its output; if a larger
    module ends there too, such as a Sequential around the whole branch, it is the larger one.

    What cannot be traced, because it depends on sizes or values, counts as one piece; its parts are traced on their
    own. So check the names that you get.

    Returns:
        Names in the order of ``named_modules()``; an empty list if nothing is added.

    Raises:
        ValueError: if there are none and the model cannot be traced.
    """
    problems: list[Exception] = []
    with evaluating(model):
        found = _branches_in(model, problems, {})
    if problems and not found:
        raise ValueError(f"the model cannot be traced: torch.fx said {short(problems[0])}; {CHOICES}")
    return [name for name, _ in model.named_modules(remove_duplicate=False) if name in found]


def last_functions(model: nn.Module) -> list[str]:
    """The functions in which those branches end that :func:`residual_branches` leaves out, such as "flip"."""
    lost: dict[str, None] = {}
    with evaluating(model):
        _branches_in(model, [], lost)
    return list(lost)


class _Tracer(fx.Tracer):
    """Traces down to torch's own layers and SE blocks. A module that cannot be traced is taken as one piece.

    Attributes:
        ends: from each node to the names of the modules whose output it is, in the order in which they end.
        pieces: names of the modules that were taken as one piece, and why.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ends: dict[fx.Node, list[str]] = {}
        self.pieces: dict[str, Exception] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, SqueezeExcitation) or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        name = self.path_of_module(m)

        def forward_or_piece(*args: Any, **kwargs: Any) -> Any:
            try:
                return forward(*args, **kwargs)
            except Exception as error:  # a foreign module may raise anything
                self.pieces[name] = error
                return self.create_proxy("call_module", name, args, kwargs)

        output = super().call_module(m, forward_or_piece, args, kwargs)
        if isinstance(output, fx.Proxy):
            self.ends.setdefault(output.node, []).append(name)
        return output


def _branches_in(model: nn.Module, problems: list[Exception], lost: dict[str, None]) -> set[str]:
    """Names of the ends of residual branches.

    What was in the way of tracing is added to problems, and to lost the functions in which other branches end.
    """
    tracer = _Tracer()
    try:
        tracer.trace(model)
        found = _ends_of_branches(tracer, model, lost)
        pieces = {f"{name}.": model.get_submodule(name) for name in tracer.pieces}
        problems += tracer.pieces.values()
    except Exception as error:
        found, pieces = set(), {"": model}
        problems.append(error)
    for prefix, piece in pieces.items():
        for name, part in piece.named_children():
            found |= {f"{prefix}{name}.{inner}" for inner in _branches_in(part, problems, lost)}
    return found


def _ends_of_branches(tracer: _Tracer, model: nn.Module, lost: dict[str, None]) -> set[str]:
    history: dict[fx.Node, set[fx.Node]] = {}  # of each node: itself and all before it
    found = set()
    for node in tracer.graph.nodes:
        history[node] = {node}.union(*(history[source] for source in node.all_input_nodes))
        branch, shared = _branch(node, history)
        while branch is not None and branch not in shared:
            source = _passed_on(branch, history, model)
            ends = tracer.ends.get(branch, [])
            if source is not None:  # a module without parts, such as StochasticDepth, does no more than pass maps on
                ends = [name for name in ends if any(model.get_submodule(name).children())]
            if ends:
                around = [name for name in ends if ends[0].startswith(f"{name}.")]
                found.add(around[-1] if around else ends[0])
            if not ends and source is None:
                lost[_function(branch) or branch.op] = None
            branch = None if ends else source
    return found


def _branch(node: fx.Node, history: dict[fx.Node, set[fx.Node]]) -> tuple[fx.Node | None, set[fx.Node]]:
    """Of two tensors that a node adds, the one with the longer way from what they share, and that; None if no such."""
    if _function(node) not in ADDITIONS or len(node.all_input_nodes) != 2:
        return None, set()
    first, second = node.all_input_nodes
    shared = history[first] & history[second]

    def way(end: fx.Node, other: fx.Node) -> tuple[int, int]:
        own = history[end] - history[other]
        return sum(step.op == "call_module" for step in own), len(own)

    lengths = way(first, second), way(second, first)
    if lengths[0] == lengths[1] or not _depends_on_input(shared):  # no shortcut can be told from a branch
        return None, shared
    return (first if lengths[0] > lengths[1] else second), shared


def _passed_on(node: fx.Node, history: dict[fx.Node, set[fx.Node]], model: nn.Module) -> fx.Node | None:
    """The node whose maps this one passes on, scaled or with some dropped; None if it makes new ones."""
    if node.op == "call_module":
        passes = isinstance(model.get_submodule(str(node.target)), PASSING_MODULES)
    else:
        passes = _function(node) in PASSING_FUNCTIONS
    sources = [source for source in node.all_input_nodes if _depends_on_input(history[source])]
    if passes and len(sources) == 2 and _function(node) in PRODUCTS:  # x * s, if the gates s are computed from x
        return next((one for one, other in (sources, sources[::-1]) if one in history[other]), None)
    return sources[0] if passes and len(sources) == 1 else None


def _function(node: fx.Node) -> str:
    """The name of the function or method that a node calls; empty if it calls none."""
    if node.op == "call_method":
        return str(node.target)
    return getattr(node.target, "__name__", "") if node.op == "call_function" else ""


def _depends_on_input(nodes: Iterable[fx.Node]) -> bool:
    return any(node.op == "placeholder" for node in nodes)
