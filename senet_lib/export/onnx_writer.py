"""A network as an ONNX file that shows every gate and lets the user set it; for the page, and for any ONNX runtime.

    export_onnx(model, "se.onnx", (3, 32, 32), mean, std, class_names=("cat", "dog"))

The file has these inputs and outputs. B is the number of pictures, free in each run. A <block> is the name of an SE
block in the model, without ``.attention`` at its end, such as ``layer2.0``.

    picture           (B, C, H, W) float32, 0 for black to 1 for white: the normalisation is inside.
    override/<block>  (1, C) or (B, C) float32. NaN keeps the network's own gate; any other number takes its place: 1
                      lets the channel pass as if there were no SE, 0 mutes it. One row counts for all pictures. An
                      ONNX file has no optional inputs that a page can feed, so all must be given; NaN changes nothing.
    logits            (B, K) float32.
    gates/<block>     (B, C) float32: what the block computes from its input, also where an override takes its place.
                      So the one row shows what the network wants, and the overrides what it gets.

The file's metadata are four texts in JSON: ``about``, ``class_names``, ``mean`` and ``std``.

Needs ``pip install onnx onnxscript onnxruntime``; ``senet_lib.export.onnx_network`` reads the file.
"""

import copy
import importlib
import json
import math
import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.messages import short
from senet_lib.common.torch_modules import unwrap, watching, what_failed
from senet_lib.common.validation import require_input_size
from senet_lib.export.onnx_network import METADATA, open_onnx
from senet_lib.export.overridable_network import OverridableNetwork

OPSET = 18  # the one of torch's exporter: no conversion; ONNX Runtime Web knows it
MOST_JOINED = 8  # inputs of a Concat: of WebGPU's adapters some bind only 10 buffers to an operation
TOLERANCE = 1e-4  # absolute, and relative to torch's number
INSTALL = "pip install onnx onnxscript onnxruntime"
CHECKED_BATCHES = (1, 3)


def export_onnx(
    model: nn.Module,
    path: str | Path,
    input_size: Sequence[int],
    mean: Sequence[float],
    std: Sequence[float],
    class_names: Sequence[str] | None = None,
    about: Mapping[str, str] | None = None,
    *,
    overrides: bool = True,
) -> Path:
    """Write a network as an ONNX file, after a check of its numbers against torch's on random pictures.

    The file is written atomically. The same network gives the same bytes, under the same versions of torch and
    onnxscript. It contains no path of this machine.

    Args:
        model: any classifier of pictures, with SE blocks or without. A copy of it is exported, on the CPU, as float32,
            in evaluation mode. Other attention than ``SqueezeExcitation`` works, but its gates are not outputs.
        path: of the file; its folder is made if there is none.
        input_size: of one picture, without the batch: (channels, height, width).
        mean: of each channel, as in training; black is 0 and white is 1.
        std: the same for the standard deviation.
        class_names: of the K logits, in their order.
        about: short texts to keep in the file, for example how the network was trained.
        overrides: whether the file has the inputs ``override/<block>``.

    Returns:
        The path of the file.

    Raises:
        ModuleNotFoundError: if a package is missing, with the command that installs it.
        ValueError: if an argument is out of range; the model does not run on input_size or does not give (B, K); an SE
            block does not run exactly once; torch cannot export the model; or a number of the file differs from
            torch's by more than 1e-4, absolute and relative. Nothing is written then.
    """
    require_packages()
    size = require_input_size(input_size, example=(3, 32, 32))
    colours = {"mean": _require_colours("mean", mean, size[0]), "std": _require_colours("std", std, size[0])}
    if not min(colours["std"]) > 0:
        raise ValueError(f"std is {tuple(colours['std'])}; each number must be above 0")
    network = OverridableNetwork(plain_copy(model), colours["mean"], colours["std"])
    names = _require_class_names(class_names, _count_classes(network, size))
    metadata = {"about": _require_texts(about or {}), "class_names": names, **colours}
    content = _serialised(network, size, metadata, overrides)
    _require_torchs_numbers(content, network, size, overrides)
    return write_atomically(Path(path), content)


def _serialised(network: OverridableNetwork, size: tuple[int, ...], metadata: dict[str, Any], overrides: bool) -> bytes:
    import onnx
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    program = _exported(network, size, overrides and len(network.blocks) > 0)
    ClearMetadataAndDocStringPass()(program.model)  # where each node comes from: paths of this machine
    proto = program.model_proto
    _tidy(proto)
    onnx.helper.set_model_props(proto, {key: json.dumps(metadata[key], sort_keys=True) for key in METADATA})
    onnx.checker.check_model(proto, full_check=True)
    return proto.SerializeToString(deterministic=True)


def _exported(network: OverridableNetwork, size: tuple[int, ...], overrides: bool) -> torch.onnx.ONNXProgram:
    """The network as a graph of ONNX, with names for inputs and outputs, and a batch of any size."""
    inputs: tuple[Any, ...] = (torch.zeros(2, *size),)  # not one picture: torch would take the batch for a constant
    free: tuple[Any, ...] = ({0: torch.export.Dim.DYNAMIC},)
    names = list(network.blocks)
    if overrides:
        inputs += ([torch.full((2, block.channels), math.nan) for block in network.blocks.values()],)
        free += ([free[0] for _ in names],)
    try:
        program = torch.onnx.export(
            network,
            inputs,
            dynamo=True,
            opset_version=OPSET,
            input_names=["picture", *(f"override/{name}" for name in names if overrides)],
            output_names=["logits", *(f"gates/{name}" for name in names)],
            dynamic_shapes=free,
            external_data=False,
            verbose=False,
        )
    except Exception as error:  # whatever somebody else's network raises
        raise ValueError(f"torch cannot export the model: it said {short(error.__cause__ or error)}") from error
    assert program is not None
    return program


def _tidy(proto: Any) -> None:
    """Sizes by plain names, nothing that can be inferred, and the version without the kind of build."""
    proto.producer_version = torch.__version__.split("+")[0]
    del proto.graph.value_info[:]
    for value in (*proto.graph.input, *proto.graph.output):
        # What has one name must have one size: each override may have one row, or as many as there are pictures.
        size = value.name.replace("override/", "rows/") if value.name.startswith("override/") else "batch"
        value.type.tensor_type.shape.dim[0].dim_param = size


# --- checks -----------------------------------------------------------------------------------------------------------


def require_packages() -> None:
    """Raise a ``ModuleNotFoundError`` with the command that installs them, unless ONNX's packages are there."""
    try:
        for name in ("onnx", "onnxscript", "onnxruntime"):
            importlib.import_module(name)
    except ImportError as error:
        raise ModuleNotFoundError(f"ONNX cannot be loaded ({error}); run: {INSTALL}") from error


def _require_colours(name: str, values: Sequence[float], channels: int) -> list[float]:
    is_sequence = isinstance(values, Sequence) and not isinstance(values, str)
    if not is_sequence or not all(isinstance(value, numbers.Real) and math.isfinite(value) for value in values):
        raise ValueError(f"{name} is {values!r}; give a number for each of the {channels} channels")
    if len(values) != channels:
        raise ValueError(f"{name} has {len(values)} numbers, but the pictures have {channels} channels; give one each")
    return [float(value) for value in values]


def _require_class_names(class_names: Sequence[str] | None, classes: int) -> list[str] | None:
    if class_names is None:
        return None
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):
        raise ValueError(f"class_names is {short(class_names)}; give a list of texts, one for each class")
    if len(class_names) != classes:
        raise ValueError(f"class_names has {len(class_names)} names, but the model has {classes} logits; name each")
    return list(class_names)


def _require_texts(about: Mapping[str, str]) -> dict[str, str]:
    for key, value in about.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ValueError(f"about has {key!r}: {short(value)}; keys and values must be texts")
    return dict(about)


def plain_copy(model: nn.Module) -> nn.Module:
    """A copy to export: without what wraps it, on the CPU, as float32, in evaluation mode."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is {short(model)}; give a network, such as create_model('se_resnet20')")
    return copy.deepcopy(unwrap(model)).to("cpu", torch.float32).eval()


def _count_classes(network: OverridableNetwork, size: tuple[int, ...]) -> int:
    with watching(network) as running:
        try:
            with torch.no_grad():
                logits, *_ = network(torch.zeros(2, *size))
        except Exception as error:  # whatever somebody else's network raises
            failure = what_failed(network, running, error)
            raise ValueError(f"the model does not run on input_size {size}: {failure}") from error
    if not isinstance(logits, Tensor) or logits.dim() != 2:
        what = f"shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise ValueError(f"the model gives {what}; it must give logits (B, K), as a classifier does")
    return logits.shape[1]


def _require_torchs_numbers(
    content: bytes, network: OverridableNetwork, size: tuple[int, ...], overrides: bool
) -> None:
    """Compare the file with torch on random pictures: all gates their own, and half of them overridden."""
    opened = open_onnx(content, "the export")
    generator = torch.Generator().manual_seed(0)
    for batch in CHECKED_BATCHES:
        pictures = torch.rand(batch, *size, generator=generator)
        shares = (0.0, 0.5) if overrides and network.blocks else (0.0,)
        for share in shares:
            rows = [
                torch.rand(batch, block.channels, generator=generator).masked_fill(
                    torch.rand(batch, block.channels, generator=generator) >= share, math.nan
                )
                for block in network.blocks.values()
            ]
            with torch.no_grad():
                expected = network(pictures, rows if share else ())
            given = dict(zip(network.blocks, (row.numpy() for row in rows), strict=True)) if share else None
            logits, gates = opened.run(pictures.numpy(), given)
            found = dict(zip(("logits", *gates), (logits, *gates.values()), strict=True))
            _require_close(found, expected, network, pictures)


def _require_close(
    found: dict[str, np.ndarray], expected: Sequence[Tensor], network: nn.Module, pictures: Tensor
) -> None:
    for (name, values), wanted in zip(found.items(), expected, strict=True):
        if not np.allclose(values, wanted.numpy(), atol=TOLERANCE, rtol=TOLERANCE):
            worst = float(np.abs(values - wanted.numpy()).max())
            raise ValueError(
                f"the export does not compute what torch does: {name} differs by {worst:.2g}; "
                f"{_reason(network, pictures)}"
            )


@torch.no_grad()
def _reason(network: nn.Module, pictures: Tensor) -> str:
    """Why a file may differ from its network, tried out."""
    first, again = (network(pictures)[0] for _ in range(2))
    if not torch.equal(first, again):
        return "the model draws random numbers in evaluation mode: let it do so if self.training only"
    alone = torch.cat([network(picture[None])[0] for picture in pictures])
    more = network(torch.cat([pictures, pictures.flip(0)]))[0][: len(pictures)]
    for other, what in ((alone, "in a batch of one"), (more, "beside other pictures")):
        if other.shape != first.shape or not torch.allclose(first, other, atol=TOLERANCE, rtol=TOLERANCE):
            return f"the model gives a picture other logits {what}: senet_lib.doctor.examine says where"
    return "does the model decide by the values of its input?"
