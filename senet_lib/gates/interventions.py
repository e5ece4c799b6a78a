"""Other gates during a forward pass: to ask what the gates cause, not only what they go with.

Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507v4), Section 7.2, looks at gates; it changes none.
We change them by hooks: the network's weights are not touched, and afterwards it is what it was.
"""

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.common.validation import is_number, require_whole
from senet_lib.data.epoch_plan import seeded_generator
from senet_lib.gates.gate_statistics import ExcitationStatistics
from senet_lib.gates.modules import GATES, Gates, Patterns, find_gates, gate_matrix
from senet_lib.gates.recording import ExcitationRecord

# From the name of a block and its gates s (B, C) to other gates (B, C).
Replacement = Callable[[str, Tensor], Tensor]


@contextmanager
def replace_excitations(
    model: nn.Module, replacement: Replacement, blocks: Patterns = None, *, gates: Gates = GATES
) -> Iterator[tuple[str, ...]]:
    """Replace the gates of chosen blocks in a ``with`` block. Afterwards the model computes what it did before.

    For example, the accuracy when the gates of stage 3 ignore the picture::

        statistics = record_dataset(model, batches)
        with replace_excitations(model, mean_gates(statistics), "layer3"):
            accuracy = evaluate(model, batches).accuracy

    Blocks that are not chosen keep their gates. Inside one another, two of these act one after the other; and
    ``record_excitations`` inside sees the new gates, around it the old ones. Gradients pass through what the
    replacement keeps of s.

    Args:
        model: any network with SE blocks, ours, timm's or torchvision's.
        replacement: one of this module's, or a function of the block's name and s (B, C) that returns (B, C).
        blocks: which ones: None for all, or names or patterns, such as "layer3.*", or the names of stages.
        gates: where a class of SE blocks has its gate; see ``senet_lib.gates.modules.GATES``.

    Yields:
        The names of the chosen blocks.

    Raises:
        ValueError: if the model has no such blocks, or replacement is not a function. In a pass: if the new gates have
            another shape than the old ones.
    """
    if not callable(replacement) or isinstance(replacement, type | nn.Module):
        raise ValueError(f"replacement is {replacement!r}; use ones, constant(0.5), or a function (name, s)")
    found = find_gates(model, blocks, gates)
    with ExitStack() as hooks:
        for name, gate in found.items():
            hooks.callback(gate.register_forward_hook(partial(_replace, name, replacement)).remove)
        yield tuple(found)


# --- what to put there ------------------------------------------------------------------------------------------------


def ones(block: str, s: Tensor) -> Tensor:
    """All gates 1: the block is the identity, and the network is the one without this SE."""
    return torch.ones_like(s)


def constant(value: float) -> Replacement:
    """All gates the same number; 0 silences what is gated.

    Raises:
        ValueError: if value is not a finite number.
    """
    if not is_number(value) or not math.isfinite(value):
        raise ValueError(f"value is {value!r}; give a finite number, such as 0.5")
    return lambda block, s: torch.full_like(s, float(value))


def mean_gates(record: ExcitationRecord | ExcitationStatistics) -> Replacement:
    """The mean gates of the recorded pictures, for all pictures alike: the block no longer depends on the picture."""
    return given({block: record.mean(block) for block in record.blocks})


def given(gates: Mapping[str, Any] | ExcitationRecord) -> Replacement:
    """Gates that you have: of another pass, or made by hand.

    Args:
        gates: from each block to (C,), for all pictures alike, or to (B, C), row by row for the pictures of a batch; as
            arrays or tensors. Or a record of B pictures: each picture of the batch gets the gates of the recorded
            picture in the same row.
    """
    source = gates if isinstance(gates, Mapping) else {block: gates[block] for block in gates.blocks}
    values = {block: torch.as_tensor(one) for block, one in source.items()}

    def replace(block: str, s: Tensor) -> Tensor:
        if block not in values:
            raise ValueError(f"there are no gates for {block}, only for {', '.join(values)}; choose these with blocks")
        new = values[block]
        if tuple(new.shape) not in (tuple(s.shape[1:]), tuple(s.shape)):
            raise ValueError(
                f"the new gates of {block} have shape {tuple(new.shape)}; this batch needs {tuple(s.shape)}, or "
                f"({s.shape[1]},) for all pictures alike"
            )
        return new.to(s).expand_as(s)

    return replace


def shuffled(seed: int = 0) -> Replacement:
    """Each channel gets the gate of another one, in an order drawn for each block: the gates go to wrong channels.

    The order is the same for all pictures and passes. Mean and standard deviation over all channels stay the same.

    Args:
        seed: of the orders, at least 0.

    Raises:
        ValueError: if seed is not a whole number of at least 0.
    """
    require_whole("seed", seed, least=0)

    def replace(block: str, s: Tensor) -> Tensor:
        order = torch.randperm(s.shape[1], generator=seeded_generator(seed, zlib.crc32(block.encode())))
        return s[:, order.to(s.device)]

    return replace


def _replace(block: str, replacement: Replacement, module: nn.Module, inputs: Any, output: Any) -> Tensor:
    """The hook: what it returns takes the place of the gate's output."""
    s = gate_matrix(block, output)
    new = replacement(block, s)
    if not isinstance(new, Tensor) or new.shape != s.shape:
        shape = f"shape {tuple(new.shape)}" if isinstance(new, Tensor | np.ndarray) else f"type {type(new).__name__}"
        raise ValueError(f"the new gates of {block} have {shape}; they must be a tensor (B, C) = {tuple(s.shape)}")
    return new.to(output).reshape(output.shape)
