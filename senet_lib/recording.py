"""What the gates did: recorded by hooks, for a few passes as they are, for a whole data set as statistics.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 7.2: mean gates by class. We keep the
spread within each class as well, and if you wish the gates of single pictures.

The blocks may be ours, timm's or torchvision's: ``GATES`` says under which name each class has the module whose output
is s. ``senet_lib.analysis`` has statistics of what is recorded, ``senet_lib.interventions`` changes the gates.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.analysis import ClassMoments, require_labels
from senet_lib.blocks import NoSqueeze
from senet_lib.epoch_plan import Batch
from senet_lib.files import write_atomically
from senet_lib.residual_branches import evaluating
from senet_lib.validation import is_whole, require_whole

Gates = Mapping[type[nn.Module] | str, str]
Patterns = str | Sequence[str] | None

# From the class of an SE block to the name of its submodule whose output is s. A class is itself, or module and name as
# a text: so nobody's library is imported to look for its blocks. Classes that inherit from these count as well.
GATES: dict[type[nn.Module] | str, str] = {
    "senet_lib.blocks.SqueezeExcitation": "gate",
    "torchvision.ops.misc.SqueezeExcitation": "scale_activation",
    "timm.layers.squeeze_excite.SEModule": "gate",
    "timm.layers.squeeze_excite.SqueezeExciteCl": "gate",
    "timm.layers.squeeze_excite.EffectiveSEModule": "gate",
    "timm.models._efficientnet_blocks.SqueezeExcite": "gate",
    "timm.models.senet.SEModule": "sigmoid",
}
MOMENTS = ("counts", "means", "squares")  # of ClassMoments, as they stand in a file


# --- some passes ------------------------------------------------------------------------------------------------------


@contextmanager
def record_excitations(
    model: nn.Module, blocks: Patterns = None, *, keep_passes: int | None = None, gates: Gates = GATES
) -> Iterator["ExcitationRecord"]:
    """Record the gates of each pass of a model in a ``with`` block. Afterwards the model has no hook of ours.

    For example::

        with record_excitations(model) as record:
            model(pictures)
        record["layer1.0.attention"]  # (N, C)

    A pass is one call ``model(pictures)`` that ends; calls of the model's parts alone are not recorded. The gates are
    copies without gradients, and stay on their device until you ask for them. They take memory for each pass: for a
    whole data set there is :func:`record_dataset`, or give ``keep_passes``.

    Args:
        model: any network with SE blocks, in whatever mode.
        blocks: which ones, as in :func:`find_gates`; None for all.
        keep_passes: keep the newest so many; None for all.
        gates: where a class of SE blocks has its gate; see ``GATES``.

    Yields:
        The record; it fills as the model runs.

    Raises:
        ValueError: if the model has no such blocks, or keep_passes is out of range. In a pass: if a block runs twice in
            it or not at all, or its gates are not one number a channel.
    """
    if keep_passes is not None:
        require_whole("keep_passes", keep_passes)
    found = find_gates(model, blocks, gates)
    record = ExcitationRecord(found, keep_passes=keep_passes)
    with _recording(model, found, record.add):
        yield record


class ExcitationRecord:
    """The gates of N pictures, block by block.

    Args:
        blocks: names of the SE blocks, in the order of ``named_modules()``.
        keep_passes: keep the newest so many; None for all.
    """

    def __init__(self, blocks: Iterable[str], keep_passes: int | None = None):
        self.blocks = tuple(blocks)
        self._passes: deque[dict[str, Tensor]] = deque(maxlen=keep_passes)
        self._labels: deque[np.ndarray | None] = deque(maxlen=keep_passes)

    def add(self, gates: Mapping[str, Tensor], labels: Any = None) -> None:
        """Add a pass: for each block its gates (B, C), and perhaps the labels (B,)."""
        self._passes.append({block: gates[block] for block in self.blocks})
        self._labels.append(None)
        if labels is not None:
            self.add_labels(labels)

    def add_labels(self, labels: Any) -> None:
        """Say which classes the newest pass had: whole numbers (B,) of at least 0, as a tensor or an array.

        Raises:
            ValueError: if nothing is recorded, or there are not as many labels as pictures.
        """
        self._require_passes()
        count = len(next(iter(self._passes[-1].values())))
        self._labels[-1] = require_labels(_plain(labels), count)

    def __len__(self) -> int:
        """N, the number of pictures."""
        return sum(len(next(iter(one.values()))) for one in self._passes)

    def __getitem__(self, block: str) -> np.ndarray:
        """The gates of a block; see :meth:`gates`."""
        return self.gates(block)

    def gates(self, block: str) -> np.ndarray:
        """The gates of one block: (N, C), float32, or float64 if the model computes in it.

        Raises:
            ValueError: if there is no such block, or nothing is recorded.
        """
        _require_block(block, self.blocks)
        self._require_passes()
        return _array(torch.cat([one[block] for one in self._passes]))

    @property
    def labels(self) -> np.ndarray | None:
        """The classes of the pictures, int64 (N,); None unless all passes have theirs."""
        known = [labels for labels in self._labels if labels is not None]
        return np.concatenate(known) if known and len(known) == len(self._labels) else None

    def mean(self, block: str) -> np.ndarray:
        """The mean gate of each channel over the pictures, float64 (C,). Errors are those of :meth:`gates`."""
        return self.gates(block).mean(0, dtype=np.float64)

    def picture(self, index: int) -> dict[str, np.ndarray]:
        """The gates of one picture: from each block to (C,).

        Args:
            index: of the picture, from 0, in the order in which they were recorded.

        Raises:
            ValueError: if there is no such picture.
        """
        count = len(self)
        if not is_whole(index) or not 0 <= index < count:
            raise ValueError(f"the picture is {index!r}; {_range(count, 'picture', 'recorded')}")
        for one in self._passes:
            size = len(next(iter(one.values())))
            if index < size:
                return {block: _array(s[index].clone()) for block, s in one.items()}
            index -= size
        raise AssertionError("the passes hold fewer pictures than counted")

    def of_class(self, block: str, label: int) -> np.ndarray:
        """The gates of one block for the pictures of one class: (its pictures, C).

        Raises:
            ValueError: if there is no such block or class, or the pictures have no labels.
        """
        labels = self.labels
        if labels is None:
            raise ValueError("the pictures have no labels; give them with record.add_labels(labels) after each pass")
        _require_class(label, int(labels.max(initial=-1)) + 1)
        return self.gates(block)[labels == label]

    def save(self, path: str | Path) -> Path:
        """Write a NumPy file (.npz), which cannot run code: as a whole, or not at all. Its folder is made.

        Raises:
            ValueError: if nothing is recorded.
        """
        return _write("record", path, self._arrays())

    @classmethod
    def load(cls, path: str | Path) -> "ExcitationRecord":
        """What :meth:`save` has written.

        Raises:
            ValueError: if there is no such file, or it is none of these.
        """
        return cls._from_arrays(_read("record", path))

    def _require_passes(self) -> None:
        if not self._passes:
            raise ValueError("nothing is recorded yet; call model(pictures) inside the with block")

    def _arrays(self) -> dict[str, np.ndarray]:
        gates = [self.gates(block) for block in self.blocks]
        labels = self.labels
        return {
            "blocks": np.array(self.blocks),
            "channels": np.array([one.shape[1] for one in gates]),
            "gates": np.concatenate(gates, 1),
            **({} if labels is None else {"labels": labels}),
        }

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "ExcitationRecord":
        record = cls(arrays["blocks"].tolist())
        parts = _parts(arrays["blocks"], arrays["channels"])
        gates = {block: torch.from_numpy(arrays["gates"][:, part].copy()) for block, part in parts.items()}
        record.add(gates, arrays.get("labels"))
        return record


# --- a data set -------------------------------------------------------------------------------------------------------


def record_dataset(
    model: nn.Module,
    batches: Iterable[Batch],
    blocks: Patterns = None,
    *,
    num_classes: int | None = None,
    keep_pictures: int = 0,
    gates: Gates = GATES,
) -> "ExcitationStatistics":
    """Run a model over a data set in evaluation mode, and keep the gates' statistics by block and class.

    The memory does not grow with the number of pictures: each batch is added to the means and spreads and forgotten.
    The model's modes are afterwards those from before, and it has no hook of ours.

    Args:
        model: any network with SE blocks.
        batches: pairs of pictures (B, ...) on the model's device and labels (B,), whole numbers of at least 0.
        blocks: which ones, as in :func:`find_gates`; None for all.
        num_classes: K; None for one more than the largest label.
        keep_pictures: for how many pictures, the first ones, to keep the gates themselves, in ``.pictures``.
        gates: where a class of SE blocks has its gate; see ``GATES``.

    Raises:
        ValueError: if the model has no such blocks, there are no pictures, or labels do not fit; and in a pass what
            :func:`record_excitations` says.
    """
    require_whole("keep_pictures", keep_pictures, least=0)
    if num_classes is not None:
        require_whole("num_classes", num_classes)
    model = getattr(model, "_orig_mod", model)  # inside what torch.compile returns: compiled code may skip hooks
    found = find_gates(model, blocks, gates)
    statistics = ExcitationStatistics(found, num_classes, keep_pictures)
    newest = ExcitationRecord(found, keep_passes=1)
    with torch.inference_mode(), evaluating(model), _recording(model, found, newest.add):
        for pictures, labels in batches:
            model(pictures)
            statistics.add({block: newest.gates(block) for block in newest.blocks}, labels)
    if not len(statistics):
        raise ValueError("there are no pictures in the batches; a generator that has run once is empty: make a new one")
    return statistics


class ExcitationStatistics:
    """Mean and spread of the gates of N pictures of K classes, block by block. Spreads are divided by N, not N - 1.

    Args:
        blocks: names of the SE blocks, in the order of ``named_modules()``.
        num_classes: K; None for one more than the largest label so far.
        keep_pictures: for how many pictures, the first ones, to keep the gates themselves.

    Attributes:
        pictures: the kept ones; ``pictures[block]`` has the shape (kept, C).
    """

    def __init__(self, blocks: Iterable[str], num_classes: int | None = None, keep_pictures: int = 0):
        self.blocks = tuple(blocks)
        self.pictures = ExcitationRecord(self.blocks)
        self._num_classes = num_classes
        self._keep_pictures = keep_pictures
        self._parts: dict[str, slice] = {}
        self._moments = ClassMoments(num_classes or 0, 0)

    def add(self, gates: Mapping[str, np.ndarray], labels: Any) -> None:
        """Add some pictures: for each block the gates (B, C), and the labels (B,).

        Raises:
            ValueError: if the labels do not fit, or a block has other channels than before.
        """
        values = [gates[block] for block in self.blocks]
        labels = require_labels(_plain(labels), len(values[0]), self._num_classes)
        channels = [one.shape[1] for one in values]
        if not self._parts:
            self._parts = _parts(self.blocks, channels)
            self._moments = ClassMoments(self._num_classes or 0, sum(channels))
        elif (parts := _parts(self.blocks, channels)) != self._parts:
            wrong = next(block for block in self.blocks if parts[block] != self._parts[block])
            raise ValueError(f"{wrong} has other channels than in the batch before; record one model at a time")
        self._moments.add(np.concatenate(values, 1, dtype=np.float64), labels)
        if missing := min(self._keep_pictures - len(self.pictures), len(labels)):
            first = {block: torch.from_numpy(gates[block][:missing].copy()) for block in self.blocks}
            self.pictures.add(first, labels[:missing])

    def __len__(self) -> int:
        """N, the number of pictures."""
        return int(self.counts.sum())

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.counts)

    @property
    def counts(self) -> np.ndarray:
        """The number of pictures of each class, int64 (K,)."""
        return self._moments.counts

    def mean(self, block: str) -> np.ndarray:
        """The mean gate of each channel over all pictures, (C,)."""
        return self._of(block).mean()

    def spread(self, block: str) -> np.ndarray:
        """The standard deviation of each channel's gate over all pictures, (C,)."""
        return self._of(block).spread()

    def class_means(self, block: str) -> np.ndarray:
        """The mean gate of each channel for each class, (K, C); nan for a class without pictures."""
        return self._of(block).class_means()

    def class_spreads(self, block: str) -> np.ndarray:
        """The standard deviation of each channel's gate within each class, (K, C); nan without pictures."""
        return self._of(block).class_spreads()

    def class_mean(self, block: str, label: int) -> np.ndarray:
        """The mean gate of each channel for one class, (C,).

        Raises:
            ValueError: if there is no such block or class.
        """
        _require_class(label, self.num_classes)
        return self.class_means(block)[label]

    def class_spread(self, block: str, label: int) -> np.ndarray:
        """The standard deviation of each channel's gate within one class, (C,). Errors as in :meth:`class_mean`."""
        _require_class(label, self.num_classes)
        return self.class_spreads(block)[label]

    def save(self, path: str | Path) -> Path:
        """Write a NumPy file (.npz), which cannot run code: as a whole, or not at all. Its folder is made.

        Raises:
            ValueError: if there are no pictures.
        """
        channels = [self._part(block).stop - self._part(block).start for block in self.blocks]
        arrays = {
            "blocks": np.array(self.blocks),
            "channels": np.array(channels),
            **{name: getattr(self._moments, name) for name in MOMENTS},
        }
        if len(self.pictures):
            arrays |= {f"kept_{name}": array for name, array in self.pictures._arrays().items()}
        return _write("statistics", path, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "ExcitationStatistics":
        """What :meth:`save` has written.

        Raises:
            ValueError: if there is no such file, or it is none of these.
        """
        arrays = _read("statistics", path)
        statistics = cls(arrays["blocks"].tolist(), len(arrays["counts"]))
        statistics._parts = _parts(statistics.blocks, arrays["channels"])
        for name in MOMENTS:
            setattr(statistics._moments, name, arrays[name])
        if kept := {name.removeprefix("kept_"): array for name, array in arrays.items() if name.startswith("kept_")}:
            statistics.pictures = ExcitationRecord._from_arrays(kept)
            statistics._keep_pictures = len(statistics.pictures)
        return statistics

    def _part(self, block: str) -> slice:
        _require_block(block, self.blocks)
        if not self._parts:
            raise ValueError("there are no pictures in these statistics yet; record some first")
        return self._parts[block]

    def _of(self, block: str) -> ClassMoments:
        return self._moments.part(self._part(block))


# --- where the gates are ----------------------------------------------------------------------------------------------


def find_gates(model: nn.Module, blocks: Patterns = None, gates: Gates = GATES) -> dict[str, nn.Module]:
    """The modules whose outputs are the gates, by the names of their SE blocks, in the order of ``named_modules()``.

    Args:
        model: any network.
        blocks: None for all its SE blocks, or patterns for their names, where ``*`` stands for any text. The name of
            what holds a block stands for the block: "layer3" means all in this stage.
        gates: from a class of SE blocks, or its module and name as a text, to the name of its gate; see ``GATES``.

    Raises:
        ValueError: if model is no module, is compiled or wrapped, has no SE block, blocks fits none, or a block has no
            gate of this name or one that belongs to another block too.
    """
    _require_open(model)
    found = {name: _gate_of(name, module, gates) for name, module in model.named_modules() if _kind(module, gates)}
    if not found:
        raise ValueError(_no_blocks(model))
    owners: dict[nn.Module, str] = {}
    for name, gate in found.items():
        if (owner := owners.setdefault(gate, name)) != name:
            raise ValueError(f"{owner} and {name} share one gate module; give each block its own")
    return {name: found[name] for name in _chosen(blocks, found)}


def gate_matrix(block: str, s: Any) -> Tensor:
    """The gates of a block as (B, C), whether it gives (B, C), (B, C, 1, 1) or (B, 1, 1, C).

    Raises:
        ValueError: if they are not one number a channel.
    """
    if not isinstance(s, Tensor) or s.dim() < 2 or sum(size != 1 for size in s.shape[1:]) > 1:
        given = f"have shape {tuple(s.shape)}" if isinstance(s, Tensor) else f"are a {type(s).__name__}"
        raise ValueError(f"the gates of {block} {given}, but need one number a channel: (B, C); leave this block out")
    return s.flatten(1)


def _require_open(model: nn.Module) -> None:
    """Refuse what would pass hooks by, or run copies of the model."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is a {type(model).__name__}; give a network, such as se_resnet20()")
    if isinstance(model, nn.DataParallel):
        raise ValueError("model is a DataParallel, which runs copies; give the network inside, model.module")
    if hasattr(model, "_orig_mod"):
        raise ValueError("the model is compiled, and may skip hooks; give the network inside, model._orig_mod")
    for name, module in model.named_modules():
        if hasattr(module, "_orig_mod") or module._compiled_call_impl is not None:
            raise ValueError(
                f"{name or 'the model'} is compiled, and may skip hooks; give a network that is not compiled"
            )


def _kind(module: nn.Module, gates: Gates) -> str | None:
    """The name of the gate in a module of this class; None if it is no SE block."""
    for kind in type(module).__mro__:
        for key in (kind, f"{kind.__module__}.{kind.__qualname__}"):
            if key in gates:
                return gates[key]
    return None


def _gate_of(name: str, module: nn.Module, gates: Gates) -> nn.Module:
    gate_name = _kind(module, gates)
    assert gate_name is not None
    gate = dict(module.named_children()).get(gate_name)
    if gate is None:
        parts = ", ".join(part for part, _ in module.named_children()) or "none"
        raise ValueError(
            f"{name or 'the model'}, a {type(module).__name__}, has no submodule {gate_name!r}; it has {parts}: "
            "name the gate in the argument gates"
        )
    return gate


def _no_blocks(model: nn.Module) -> str:
    if any(isinstance(module, NoSqueeze) for module in model.modules()):
        return "the model has NoSqueeze only, whose gates differ from place to place; use one with SqueezeExcitation"
    return (
        "the model has no SE block; use one that has, such as se_resnet20(), put SE in with insert_squeeze_excitation, "
        'or, if its SE is of another class, name class and gate: gates={MySqueeze: "sigmoid"}'
    )


def _chosen(patterns: Patterns, names: Iterable[str]) -> list[str]:
    """The names that fit at least one pattern."""
    names = list(names)
    if patterns is None:
        return names
    wanted = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(wanted, Sequence) or not wanted or not all(isinstance(one, str) for one in wanted):
        raise ValueError(f"blocks is {patterns!r}; give a name, a pattern such as 'layer3.*', a list of them, or None")
    for pattern in wanted:
        if not any(_fits(name, pattern) for name in names):
            raise ValueError(f"no SE block fits {pattern!r}; the model has {', '.join(names)}")
    return [name for name in names if any(_fits(name, pattern) for pattern in wanted)]


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


# --- the hooks --------------------------------------------------------------------------------------------------------


@contextmanager
def _recording(
    model: nn.Module, gates: Mapping[str, nn.Module], keep: Callable[[dict[str, Tensor]], None]
) -> Iterator[None]:
    """Call ``keep`` with the gates of each pass. The hooks go in any case."""
    passing = _Pass(tuple(gates), keep)
    with ExitStack() as hooks:
        for name, gate in gates.items():
            hooks.callback(gate.register_forward_hook(partial(passing.note, name)).remove)
        hooks.callback(model.register_forward_pre_hook(passing.begin).remove)
        hooks.callback(model.register_forward_hook(passing.end).remove)
        yield


class _Pass:
    """The gates of the pass that runs now; None between passes."""

    def __init__(self, blocks: tuple[str, ...], keep: Callable[[dict[str, Tensor]], None]):
        self._blocks = blocks
        self._keep = keep
        self._gates: dict[str, Tensor] | None = None

    def begin(self, module: nn.Module, inputs: Any) -> None:
        self._gates = {}

    def note(self, block: str, module: nn.Module, inputs: Any, s: Any) -> None:
        if self._gates is None:  # a part of the model alone, or checkpointing that computes anew
            return
        if block in self._gates:
            raise ValueError(f"{block} runs twice in one pass; choose other blocks, for example blocks=['layer1']")
        self._gates[block] = gate_matrix(block, s).detach().clone()

    def end(self, module: nn.Module, inputs: Any, output: Any) -> None:
        gates, self._gates = self._gates, None
        assert gates is not None
        if absent := [block for block in self._blocks if block not in gates]:
            raise ValueError(
                f"{absent[0]} did not run in this pass; choose other blocks, for example blocks=['layer1']"
            )
        self._keep(gates)


# --- checks and files -------------------------------------------------------------------------------------------------


def _array(s: Tensor) -> np.ndarray:
    """On the CPU; NumPy does not know all of torch's half types."""
    s = s.detach().cpu()
    return (s if s.dtype == torch.float64 else s.float()).numpy()


def _plain(labels: Any) -> Any:
    return labels.detach().cpu().numpy() if isinstance(labels, Tensor) else labels


def _require_block(block: str, blocks: Sequence[str]) -> None:
    if block not in blocks:
        raise ValueError(f"there is no block {block!r} in the record; it has {', '.join(blocks)}")


def _require_class(label: int, classes: int) -> None:
    if not is_whole(label) or not 0 <= label < classes:
        raise ValueError(f"the class is {label!r}; {_range(classes, 'class', 'in the record')}")


def _range(count: int, thing: str, where: str) -> str:
    return f"use a whole number from 0 to {count - 1}" if count else f"no {thing} is {where}"


def _parts(blocks: Iterable[str], channels: Iterable[int]) -> dict[str, slice]:
    """The columns of each block, where the gates of all blocks stand side by side."""
    ends = np.cumsum([int(count) for count in channels]).tolist()
    return {str(block): slice(start, end) for block, start, end in zip(blocks, [0, *ends], ends, strict=False)}


def _write(kind: str, path: str | Path, arrays: Mapping[str, np.ndarray]) -> Path:
    buffer = BytesIO()
    np.savez(buffer, kind=np.array(kind), **arrays)  # type: ignore[arg-type]
    return write_atomically(Path(path), buffer.getvalue())


def _read(kind: str, path: str | Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        found = str(arrays.pop("kind"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error}); name a file that save has written") from None
    except (ValueError, KeyError, TypeError, EOFError, BadZipFile):
        raise ValueError(f"{path} is no record of gates; name a file that save has written") from None
    if found != kind:
        loader = "ExcitationRecord" if found == "record" else "ExcitationStatistics"
        raise ValueError(f"{path} holds a {found} of gates, not a {kind}; read it with {loader}.load")
    return arrays
