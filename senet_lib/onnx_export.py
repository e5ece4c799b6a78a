"""A network as an ONNX file that shows every gate and lets the user set it; for the page, and for any ONNX runtime.

    export_onnx(model, "se.onnx", (3, 32, 32), mean, std, class_names=("cat", "dog"))
    logits, gates = load_onnx("se.onnx").run(pictures, {"layer2.0": [1.0] * 32})  # SE off in this block

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

Needs ``pip install onnx onnxscript onnxruntime``; to load a file, onnxruntime is enough.
"""

import copy
import json
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from senet_lib.blocks import SqueezeExcitation
from senet_lib.files import write_atomically
from senet_lib.residual_branches import short
from senet_lib.validation import is_whole

OPSET = 18  # the one of torch's exporter: no conversion; ONNX Runtime Web knows it
TOLERANCE = 1e-4  # absolute, and relative to torch's number
INSTALL = "pip install onnx onnxscript onnxruntime"
METADATA = ("about", "class_names", "mean", "std")
CHECKED_BATCHES = (1, 3)


# --- write ------------------------------------------------------------------------------------------------------------


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

    The file is written whole or not at all. The same network gives the same bytes, under the same versions of torch and
    onnxscript. No path of this machine is in it.

    Args:
        model: any classifier of pictures, with SE blocks or without. A copy of it is exported, on the CPU, as float32,
            in evaluation mode. Other attention than ``SqueezeExcitation`` works, but its gates are no outputs.
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
    _require_packages()
    size = _require_size(input_size)
    colours = {"mean": _require_colours("mean", mean, size[0]), "std": _require_colours("std", std, size[0])}
    if not min(colours["std"]) > 0:
        raise ValueError(f"std is {tuple(colours['std'])}; each number must be above 0")
    network = _Exported(_plain_copy(model), colours["mean"], colours["std"])
    names = _require_class_names(class_names, _count_classes(network, size))
    metadata = {"about": _require_texts(about or {}), "class_names": names, **colours}
    content = _serialised(network, size, metadata, overrides)
    _require_torchs_numbers(content, network, size, overrides)
    return write_atomically(Path(path), content)


class _Exported(nn.Module):
    """A network with its normalisation, whose gates are outputs and can be overridden.

    Args:
        model: in evaluation mode.
        mean, std: of each channel.

    Attributes:
        blocks: the SE blocks by their names in the file.
    """

    def __init__(self, model: nn.Module, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        self.model = model
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])  # (C, 1, 1)
        self.register_buffer("std", torch.tensor(std)[:, None, None])
        self.blocks = {
            name.removesuffix(".attention"): module
            for name, module in model.named_modules()
            if isinstance(module, SqueezeExcitation)
        }
        self.eval()

    def forward(self, picture: Tensor, overrides: Sequence[Tensor] = ()) -> tuple[Tensor, ...]:
        """Picture (B, C, H, W) -> logits (B, K) and the gates (B, C) of each block.

        Args:
            picture: 0 to 1.
            overrides: for each block (1, C) or (B, C), NaN for the network's own gate; or nothing at all.
        """
        gates: dict[str, list[Tensor]] = {name: [] for name in self.blocks}
        given = dict(zip(self.blocks, overrides, strict=True)) if overrides else {}
        hooks = [
            block.gate.register_forward_hook(partial(_note_and_override, gates[name], given.get(name)))
            for name, block in self.blocks.items()
        ]
        try:
            logits = self.model((picture - self.mean) / self.std)
        finally:
            for hook in hooks:
                hook.remove()
        for name, seen in gates.items():
            if len(seen) != 1:
                raise ValueError(f"{name} runs {len(seen)} times in one pass, but has one output; use a block for each")
        return logits, *(seen[0] for seen in gates.values())


def _note_and_override(
    seen: list[Tensor], override: Tensor | None, module: nn.Module, inputs: Any, s: Tensor
) -> Tensor:
    seen.append(s)
    return s if override is None else torch.where(torch.isnan(override), s, override)


def _serialised(network: _Exported, size: tuple[int, ...], metadata: dict[str, Any], overrides: bool) -> bytes:
    import onnx
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    inputs: tuple[Any, ...] = (torch.zeros(2, *size),)  # not one picture: torch would take the batch for a constant
    free: tuple[Any, ...] = ({0: torch.export.Dim.DYNAMIC},)
    names = list(network.blocks)
    if overrides and names:
        inputs += ([torch.full((2, block.channels), math.nan) for block in network.blocks.values()],)
        free += ([free[0] for _ in names],)
    else:
        overrides = False
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
    ClearMetadataAndDocStringPass()(program.model)  # where each node comes from: paths of this machine
    proto = program.model_proto
    _tidy(proto)
    onnx.helper.set_model_props(proto, {key: json.dumps(metadata[key], sort_keys=True) for key in METADATA})
    onnx.checker.check_model(proto, full_check=True)
    return proto.SerializeToString(deterministic=True)


def _tidy(proto: Any) -> None:
    """Sizes by plain names, nothing that can be inferred, and the version without the kind of build."""
    proto.producer_version = torch.__version__.split("+")[0]
    del proto.graph.value_info[:]
    for value in (*proto.graph.input, *proto.graph.output):
        # What has one name must have one size: each override may have one row, or as many as there are pictures.
        size = value.name.replace("override/", "rows/") if value.name.startswith("override/") else "batch"
        value.type.tensor_type.shape.dim[0].dim_param = size


# --- read -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OnnxNetwork:
    """A network from a file of ``export_onnx``, in ONNX Runtime on the CPU, on one thread as in the page.

    Attributes:
        input_size: of one picture: (channels, height, width).
        channels: of each SE block, by its name.
        has_overrides: whether gates can be overridden.
        class_names: of the logits, or None.
        mean: that is subtracted inside, for each channel.
        std: by which the difference is divided.
        about: the texts that were given at export.
        session: ONNX Runtime's.
    """

    input_size: tuple[int, ...]
    channels: dict[str, int]
    has_overrides: bool
    class_names: tuple[str, ...] | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    about: dict[str, str]
    session: Any = field(repr=False)

    def run(
        self, pictures: np.ndarray, overrides: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Pictures (B, C, H, W), 0 to 1 -> logits (B, K) and the gates (B, C) that each block computes.

        Args:
            pictures: floating point, not normalised.
            overrides: from the name of a block to the gates that it shall use, (C,), (1, C) or (B, C); NaN keeps its
                own. Blocks that are not named keep theirs.

        Raises:
            ValueError: if the pictures have another shape, type or range; or an override is of no block or has another
                shape.
        """
        feeds = {"picture": self._require_pictures(pictures)}
        given = dict(overrides or {})
        for name, channels in self.channels.items():
            if self.has_overrides:
                feeds[f"override/{name}"] = _rows(name, given.pop(name, math.nan), len(pictures), channels)
        if given:
            known = ", ".join(self.channels) if self.has_overrides and self.channels else "none at all"
            raise ValueError(f"there is no override of {next(iter(given))!r} in this file; it has {known}")
        logits, *gates = self.session.run(["logits", *(f"gates/{name}" for name in self.channels)], feeds)
        return logits, dict(zip(self.channels, gates, strict=True))

    def _require_pictures(self, pictures: np.ndarray) -> np.ndarray:
        pictures = np.asarray(pictures)
        if pictures.ndim != 4 or pictures.shape[1:] != self.input_size or len(pictures) == 0:
            wanted = ", ".join(map(str, self.input_size))
            raise ValueError(f"the pictures have shape {pictures.shape}; this network needs (B, {wanted})")
        if not np.issubdtype(pictures.dtype, np.floating):
            raise ValueError(f"the pictures have type {pictures.dtype}; make them floating point, 0 to 1: x / 255")
        low, high = float(pictures.min()), float(pictures.max())
        if not 0 <= low <= high <= 1:
            raise ValueError(f"the pictures go from {low:g} to {high:g}; give 0 to 1, the file normalises them itself")
        return pictures.astype(np.float32)


def load_onnx(path: str | Path) -> OnnxNetwork:
    """Open a file of ``export_onnx``.

    Raises:
        ModuleNotFoundError: if onnxruntime is missing, with the command that installs it.
        ValueError: if the file cannot be read, is damaged or cut off, or something else has written it.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}); name a file that export_onnx has written"
        ) from None
    return _opened(content, str(path))


def _opened(content: bytes, name: str) -> OnnxNetwork:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModuleNotFoundError(f"onnxruntime cannot be loaded ({error}); run: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # as in the page; and small networks gain nothing from more
    options.log_severity_level = 4  # errors are raised, and said once
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own classes have no common one besides it
        raise ValueError(f"{name} is no whole ONNX file ({short(error)}); export it again with export_onnx") from None
    inputs = {value.name: value.shape for value in session.get_inputs()}
    outputs = {value.name: value.shape for value in session.get_outputs()}
    texts = session.get_modelmeta().custom_metadata_map
    if not {"picture"} <= inputs.keys() or not {"logits"} <= outputs.keys() or not set(METADATA) <= texts.keys():
        raise ValueError(f"{name} is an ONNX file, but not a whole one of export_onnx; export it again with that")
    about, class_names, mean, std = (json.loads(texts[key]) for key in METADATA)
    gates = {name.removeprefix("gates/"): shape[1] for name, shape in outputs.items() if name.startswith("gates/")}
    return OnnxNetwork(
        input_size=tuple(inputs["picture"][1:]),
        channels=gates,
        has_overrides=any(name.startswith("override/") for name in inputs),
        class_names=None if class_names is None else tuple(class_names),
        mean=tuple(mean),
        std=tuple(std),
        about=about,
        session=session,
    )


def _rows(name: str, override: Any, batch: int, channels: int) -> np.ndarray:
    """What to feed for one block: (1, C) or (B, C)."""
    rows = np.asarray(override, np.float32)
    if rows.ndim == 0:
        rows = np.full((1, channels), rows)
    rows = np.atleast_2d(rows)
    if rows.ndim != 2 or rows.shape[1] != channels or rows.shape[0] not in (1, batch):
        raise ValueError(
            f"the override of {name} has shape {np.shape(override)}; it must be ({channels},) or ({batch}, {channels})"
        )
    return rows


# --- checks -----------------------------------------------------------------------------------------------------------


def _require_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ModuleNotFoundError(f"ONNX cannot be loaded ({error}); run: {INSTALL}") from error


def _require_size(input_size: Sequence[int]) -> tuple[int, ...]:
    is_sequence = isinstance(input_size, Sequence) and not isinstance(input_size, str)
    if not is_sequence or len(input_size) != 3 or not all(is_whole(n) and n > 0 for n in input_size):
        raise ValueError(f"input_size is {input_size!r}; give (channels, height, width), such as (3, 32, 32)")
    return tuple(int(number) for number in input_size)


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


def _plain_copy(model: nn.Module) -> nn.Module:
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is {short(model)}; give a network, such as se_resnet20()")
    model = getattr(model, "_orig_mod", model)  # inside what torch.compile returns
    return copy.deepcopy(model).to("cpu", torch.float32).eval()


def _count_classes(network: _Exported, size: tuple[int, ...]) -> int:
    try:
        with torch.no_grad():
            logits, *_ = network(torch.zeros(2, *size))
    except Exception as error:  # whatever somebody else's network raises
        raise ValueError(f"the model does not run on input_size {size}: it said {short(error)}") from error
    if not isinstance(logits, Tensor) or logits.dim() != 2:
        what = f"shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise ValueError(f"the model gives {what}; it must give logits (B, K), as a classifier does")
    return logits.shape[1]


def _require_torchs_numbers(content: bytes, network: _Exported, size: tuple[int, ...], overrides: bool) -> None:
    """Compare the file with torch on random pictures: all gates their own, and half of them overridden."""
    opened = _opened(content, "the export")
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
            _require_close(dict(zip(("logits", *gates), (logits, *gates.values()), strict=True)), expected)


def _require_close(found: dict[str, np.ndarray], expected: Sequence[Tensor]) -> None:
    for (name, values), wanted in zip(found.items(), expected, strict=True):
        if not np.allclose(values, wanted.numpy(), atol=TOLERANCE, rtol=TOLERANCE):
            worst = float(np.abs(values - wanted.numpy()).max())
            raise ValueError(
                f"the export does not compute what torch does: {name} differs by {worst:.2g}; "
                "does the model draw random numbers, or decide by the values of its input?"
            )
