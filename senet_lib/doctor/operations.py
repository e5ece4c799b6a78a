"""What a network computes: the operations of one forward pass, in order, and how they depend on each other.

The network runs once under a ``TorchDispatchMode``, which records convolutions, products and sums with their shapes and
the module that called them. Unlike ``torch.fx`` this needs no code that can be traced. Parts of the record can be run
again on other inputs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from senet_lib.common.names import common_beginning
from senet_lib.common.torch_modules import Running, watching, what_failed

# What gives the same numbers in another shape, or a copy of them. (expand shows some of them several times.)
VIEWS = {"view", "_unsafe_view", "_reshape_alias", "unsqueeze", "squeeze", "expand", "clone", "alias", "detach"}
VIEWS |= {"permute", "transpose", "t", "_to_copy", "contiguous", "lift_fresh", "copy"}
DROPOUTS = {"native_dropout", "dropout", "bernoulli", "alpha_dropout", "feature_dropout"}
SPREAD = "spread"  # what upsampling a single place is called here: it shows one number in many places, as expand does
VIEWS |= {SPREAD}
MATRIX_PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "linear"}


@dataclass(frozen=True)
class Ref:
    """A tensor of the record: output number ``output`` of the operation ``index``."""

    index: int
    output: int = 0


@dataclass(eq=False)
class Operation:
    """One operation of the pass.

    Attributes:
        index: its place in the record.
        name: torch's, such as "mul" or "convolution"; without the "_" of those that work in place. "input" for the
            pictures.
        module: name of the innermost module that was running; "" for the model itself.
        arguments: positional and named ones, with a ``Ref`` for each tensor that depends on the pictures.
        shape, dtype, device: of the first output.
        sources: the operations whose outputs it takes and that depend on the pictures.
        run: the function, or None for the pictures.
    """

    index: int
    name: str
    module: str
    run: Callable[..., Any] | None
    arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
    shape: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    sources: tuple[int, ...] = ()
    works_in_place: bool = False
    consumers: list[int] = field(default_factory=list)

    @property
    def is_convolution(self) -> bool:
        return self.name == "convolution"

    @property
    def mixes_channels(self) -> bool:
        """Whether it is a convolution or a matrix product."""
        return self.is_convolution or self.name in MATRIX_PRODUCTS

    @property
    def is_batch_norm(self) -> bool:
        return "batch_norm" in self.name

    @property
    def is_map(self) -> bool:
        """Whether its output has channels and places: at least two dimensions with more than one entry, besides B."""
        return is_map(self.shape)

    @property
    def kernel(self) -> tuple[int, ...]:
        """Of a convolution: (3, 3), for example."""
        return tuple(max(self.constants, key=Tensor.dim).shape[2:])

    @property
    def constants(self) -> list[Tensor]:
        """The tensors among its arguments that do not depend on the pictures, such as weight and bias."""
        return [leaf for leaf in tree_flatten(self.arguments)[0] if isinstance(leaf, Tensor)]


def is_map(shape: tuple[int, ...]) -> bool:
    """Whether a shape has channels and places: besides B two dimensions or more with more than one entry."""
    return len(shape) >= 3 and sum(size > 1 for size in shape[1:]) >= 2


def common_module(operations: Iterable[Operation]) -> str:
    """The longest name of a module that holds all of these."""
    return ".".join(common_beginning(one.module.split(".") for one in operations))


def noise(shape: Sequence[int], device: torch.device, dtype: torch.dtype, seed: int = 0) -> Tensor:
    """Normal numbers; the seed alone decides, whatever the device and torch's defaults."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator, device="cpu", dtype=torch.float32).to(device, dtype)


def seed_all(device: torch.device, seed: int = 0) -> None:
    """Let what draws random numbers on this device draw the same ones again. No other device is touched."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


def noise_like(operation: Operation, seed: int = 0) -> Tensor:
    """Normal numbers of the shape, type and device of an output; the seed alone decides."""
    return noise(operation.shape, operation.device, operation.dtype, seed)


class Record(list[Operation]):
    """All operations of a pass that depend on the pictures, in the order in which they ran."""

    @cached_property
    def ancestors(self) -> list[int]:
        """For each operation a set of all before it that it depends on, and itself; as the bits of a whole number."""
        sets: list[int] = []
        for operation in self:
            bits = 1 << operation.index
            for source in operation.sources:
                bits |= sets[source]
            sets.append(bits)
        return sets

    def depends(self, operation: Operation, on: Operation) -> bool:
        return bool(self.ancestors[operation.index] >> on.index & 1)

    @cached_property
    def descendants(self) -> list[int]:
        """For each operation a set of all that depend on it, and itself."""
        sets = [0] * len(self)
        for operation in reversed(self):
            bits = 1 << operation.index
            for consumer in operation.consumers:
                bits |= sets[consumer]
            sets[operation.index] = bits
        return sets

    def between(self, first: Operation, last: Operation) -> int:
        """The set of all operations on a way from first to last, without first and with last; 0 if there is no way."""
        return self.descendants[first.index] & self.ancestors[last.index] & ~(1 << first.index)

    def members(self, bits: int) -> list[Operation]:
        """The operations of a set, in order."""
        return [operation for operation in self if bits >> operation.index & 1]

    def reached_plainly(self, start: Operation) -> set[Operation]:
        """What depends on an operation on some way without a convolution or matrix product; and itself."""
        reached, stack = {start}, [start]
        while stack:
            new = [one for one in self.consumers(stack.pop()) if not one.mixes_channels and one not in reached]
            reached |= set(new)
            stack += new
        return reached

    @cached_property
    def mixing(self) -> int:
        """The set of all convolutions and matrix products."""
        return sum(1 << operation.index for operation in self if operation.mixes_channels)

    def sources(self, operation: Operation) -> list[Operation]:
        return [self[index] for index in operation.sources]

    def consumers(self, operation: Operation) -> list[Operation]:
        return [self[index] for index in operation.consumers]

    def root(self, operation: Operation) -> Operation:
        """Back through views and copies: the operation that made the numbers."""
        while operation.name in VIEWS and len(operation.sources) == 1:
            operation = self[operation.sources[0]]
        return operation

    def uses(self, operation: Operation) -> list[Operation]:
        """What is done with an output, behind views and copies of it."""
        found = []
        for consumer in self.consumers(operation):
            found += self.uses(consumer) if consumer.name in VIEWS else [consumer]
        return found

    def compute(self, target: Operation, given: Mapping[Operation, Tensor]) -> Tensor:
        """The output of an operation, computed again from other outputs. What is drawn at random is drawn alike.

        Args:
            target: the operation.
            given: outputs to start from, with the recorded shapes, or others where no operation insists on its own.

        Raises:
            LookupError: if these do not determine it.
        """
        values: dict[int, Any] = {operation.index: value for operation, value in given.items()}
        wanted, stack = set(), [target.index]
        while stack:
            index = stack.pop()
            if index not in values and index not in wanted:
                if self[index].run is None:
                    raise LookupError("it depends on the pictures in other ways too")
                wanted.add(index)
                stack += self[index].sources
        seed_all(target.device)
        with torch.no_grad():
            for index in sorted(wanted):
                values[index] = self._again(self[index], values)
        value = values[target.index]
        return value[0] if isinstance(value, tuple | list) else value

    def _again(self, operation: Operation, values: Mapping[int, Any]) -> Any:
        def look_up(leaf: Any) -> Any:
            if not isinstance(leaf, Ref):
                return leaf
            value = values[leaf.index]
            return value[leaf.output] if isinstance(value, tuple | list) else value

        args, kwargs = tree_map(look_up, operation.arguments, is_leaf=lambda leaf: isinstance(leaf, Ref))
        if operation.works_in_place:
            args = (args[0].clone(), *args[1:])
        assert operation.run is not None
        return operation.run(*args, **kwargs)


def memory_of(tensor: Tensor) -> int:
    """Where the memory of a tensor starts, which its views share."""
    return tensor.untyped_storage().data_ptr()


class _Recorder(TorchDispatchMode):
    """Records what depends on the pictures: shapes and constant tensors, but no feature maps."""

    def __init__(self, pictures: Tensor):
        super().__init__()
        start = Operation(
            0, "input", "", None, shape=tuple(pictures.shape), dtype=pictures.dtype, device=pictures.device
        )
        self.record = Record([start])
        self.running = Running()
        self.touched: set[int] = set()
        self.random: dict[tuple[str, str], None] = {}
        self._refs: Any = WeakTensorKeyDictionary({pictures: Ref(0)})

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operation loads all of torch's compiler, which takes seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self._note_use(func, (args, kwargs))
        arguments = tree_map(self._as_ref, (args, kwargs))
        sources = sorted({leaf.index for leaf in tree_flatten(arguments)[0] if isinstance(leaf, Ref)})
        outputs = func(*args, **kwargs)
        if sources:
            self._note(func, arguments, tuple(sources), outputs)
        return outputs

    def _note_use(self, func: Any, arguments: Any) -> None:
        """Which memory is read, whether what is made of it depends on the pictures or not; and what is drawn."""
        self.touched |= {memory_of(leaf) for leaf in tree_flatten(arguments)[0] if isinstance(leaf, Tensor)}
        name = func.overloadpacket.__name__.rstrip("_")
        if torch.Tag.nondeterministic_seeded in func.tags and "attention" not in name:  # whose dropout may be 0
            self.random[self.running.now, name] = None

    def _as_ref(self, leaf: Any) -> Any:
        return self._refs.get(leaf, leaf) if isinstance(leaf, Tensor) else leaf

    def _note(self, func: Any, arguments: Any, sources: tuple[int, ...], outputs: Any) -> None:
        tensors = [leaf for leaf in tree_flatten(outputs)[0] if isinstance(leaf, Tensor)]
        if not tensors:
            return
        name = func.overloadpacket.__name__
        index = len(self.record)
        in_place = name.endswith("_") and not name.endswith("__")
        if name.startswith("upsample") and set(self.record[sources[0]].shape[2:]) == {1}:
            name = SPREAD
        operation = Operation(
            index, name.rstrip("_") if in_place else name, self.running.now, func, arguments,
            tuple(tensors[0].shape), tensors[0].dtype, tensors[0].device, sources, in_place,
        )  # fmt: skip
        self.record.append(operation)
        for source in sources:
            self.record[source].consumers.append(index)
        for number, tensor in enumerate(tensors):
            self._refs[tensor] = Ref(index, number)
        if in_place and tensors[0]._base is not None:
            self._note_written(tensors[0], index)

    def _note_written(self, piece: Tensor, index: int) -> None:
        """Writing into a piece of a tensor changes the tensor: what reads it from now on depends on the piece too."""
        whole = piece._base
        if whole is None or whole not in self._refs:
            return
        place = piece.shape, piece.stride(), piece.storage_offset() - whole.storage_offset()

        def written(before: Tensor, value: Tensor) -> Tensor:
            after = before.clone()
            after.as_strided(*place).copy_(value)
            return after

        sources = self._refs[whole], Ref(index)
        number = len(self.record)
        self.record.append(
            Operation(
                number,
                "written",
                self.running.now,
                written,
                (sources, {}),
                tuple(whole.shape),
                whole.dtype,
                whole.device,
                tuple(sorted({source.index for source in sources})),
            )
        )
        for source in sources:
            self.record[source.index].consumers.append(number)
        self._refs[whole] = Ref(number)


@dataclass(frozen=True)
class Pass:
    """One forward pass, whether it ended or not.

    Attributes:
        record: what was computed.
        output: what the model returned; None if it did not end.
        error: what it raised; None if it ended.
        silent: name of the first module that returned None; None if there is none.
        running: the modules that ran; after an error, those that it came from.
        failure: after an error, where it came from, in words.
        touched: where the memory starts that was read, as :func:`memory_of` gives it.
        random: module and operation, for each that drew random numbers.
    """

    record: Record
    output: Any
    error: Exception | None
    silent: str | None
    running: Running
    failure: str
    touched: set[int]
    random: tuple[tuple[str, str], ...]


def record_pass(model: nn.Module, pictures: Tensor) -> Pass:
    """Run a model without gradients and record its operations. An exception of the model is returned, not raised."""
    recorder = _Recorder(pictures)
    silent: list[str] = []
    output, error, failure = None, None, ""
    seed_all(pictures.device)
    with watching(model) as recorder.running, ExitStack() as hooks:
        for name, module in model.named_modules():
            hooks.callback(module.register_forward_hook(partial(_note_silence, silent, name)).remove)
        try:
            with torch.inference_mode(False), torch.no_grad(), recorder:
                output = model(pictures)
        except Exception as caught:  # whatever somebody else's model raises
            error, failure = caught, what_failed(model, recorder.running, caught)
    first = silent[0] if silent else None
    seen = recorder.touched, tuple(recorder.random)
    return Pass(recorder.record, output, error, first, recorder.running, failure, *seen)


def _note_silence(silent: list[str], name: str, module: nn.Module, inputs: Any, output: Any) -> None:
    if output is None:
        silent.append(name)


@contextmanager
def keeping_numbers(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Restore the model's buffers and torch's random state on exit.

    A forward pass may change buffers, such as the statistics of batch normalisation.
    """
    named = [(module, name, buffer) for module in model.modules() for name, buffer in module._buffers.items()]
    buffers = [(module, name, buffer) for module, name, buffer in named if buffer is not None]
    copies = [buffer.detach().clone() for _, _, buffer in buffers]
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        for (module, name, buffer), copy in zip(buffers, copies, strict=True):
            module._buffers[name] = buffer
            if not torch.equal(buffer, copy):
                with torch.no_grad():
                    buffer.copy_(copy)
