"""A network from an ONNX file that shows its gates, on the CPU. Needs ``pip install onnxruntime`` only.

    logits, gates = load_onnx("se.onnx").run(pictures, {"layer2.0": [1.0] * 32})  # SE off in this block

Two functions write such files: ``export_onnx`` in ``senet_lib.export.onnx_writer``, which says what is in it and what
an override does, and ``reveal_gates`` in ``senet_lib.export.reveal_gates``, from a file of any exporter. The latter
takes the pictures as the network wants them: nothing is normalised inside.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from senet_lib.common.messages import short

METADATA = ("about", "class_names", "mean", "std")
REVEALED = "senet_lib.revealed"  # the key of what reveal_gates notes in a file
WRITERS = "export_onnx or reveal_gates"


@dataclass(frozen=True)
class OnnxNetwork:
    """A network from a file of ``export_onnx`` or ``reveal_gates``, in ONNX Runtime, on one thread as in the page.

    Attributes:
        input_size: of one picture, as a rule (channels, height, width); None for a size that is free.
        channels: of each SE block, by its name.
        has_overrides: whether gates can be overridden.
        class_names: of the logits, or None.
        mean: that is subtracted inside, for each channel; () if nothing is normalised inside.
        std: by which the difference is divided; () likewise.
        about: the texts that were given at export.
        session: ONNX Runtime's.
        input_name: of the pictures in the file.
        output_name: of the logits in the file.
    """

    input_size: tuple[int | None, ...]
    channels: dict[str, int]
    has_overrides: bool
    class_names: tuple[str, ...] | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    about: dict[str, str]
    session: Any = field(repr=False)
    input_name: str = "picture"
    output_name: str = "logits"

    def run(
        self, pictures: np.ndarray, overrides: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Pictures (B, C, H, W) -> logits (B, K) and the gates (B, C) that each block computes.

        Args:
            pictures: floating point; 0 to 1, not normalised, if the file is of ``export_onnx``.
            overrides: from the name of a block to the gates that it shall use, (C,), (1, C) or (B, C); NaN keeps its
                own. Blocks that are not named keep theirs.

        Raises:
            ValueError: if the pictures have another shape, type or range; an override is of no block or has another
                shape; or ONNX Runtime cannot run the file on them.
        """
        feeds = {self.input_name: self._require_pictures(pictures)}
        given = dict(overrides or {})
        for name, channels in self.channels.items():
            if self.has_overrides:
                feeds[f"override/{name}"] = _rows(name, given.pop(name, math.nan), len(pictures), channels)
        if given:
            known = ", ".join(self.channels) if self.has_overrides and self.channels else "none at all"
            raise ValueError(f"there is no override of {next(iter(given))!r} in this file; it has {known}")
        outputs = [self.output_name, *(f"gates/{name}" for name in self.channels)]
        try:
            logits, *gates = self.session.run(outputs, feeds)
        except Exception as error:  # ONNX Runtime's own classes have no common one besides it
            raise ValueError(f"the file does not run on these pictures: ONNX Runtime said {short(error)}") from None
        return logits, dict(zip(self.channels, gates, strict=True))

    def _require_pictures(self, pictures: np.ndarray) -> np.ndarray:
        pictures = np.asarray(pictures)
        fits = [size in (None, found) for size, found in zip(self.input_size, pictures.shape[1:], strict=False)]
        if pictures.ndim != 1 + len(self.input_size) or not all(fits) or len(pictures) == 0:
            wanted = ", ".join("any" if size is None else str(size) for size in self.input_size)
            raise ValueError(f"the pictures have shape {pictures.shape}; this network needs (B, {wanted})")
        if not np.issubdtype(pictures.dtype, np.floating):
            raise ValueError(f"the pictures have type {pictures.dtype}; make them floating point, 0 to 1: x / 255")
        if not self.mean:
            is_half = "float16" in self.session.get_inputs()[0].type
            return pictures.astype(np.float16 if is_half else np.float32)
        low, high = float(pictures.min()), float(pictures.max())
        if not 0 <= low <= high <= 1:
            raise ValueError(f"the pictures go from {low:g} to {high:g}; give 0 to 1, the file normalises them itself")
        return pictures.astype(np.float32)


def load_onnx(path: str | Path) -> OnnxNetwork:
    """Open a file of ``export_onnx`` or ``reveal_gates``.

    Raises:
        ModuleNotFoundError: if onnxruntime is missing, with the command that installs it.
        ValueError: if the file cannot be read, is damaged, was written by something else, or has several inputs.
    """
    return open_onnx(read_file(path, WRITERS), str(path))


def open_onnx(content: bytes, name: str) -> OnnxNetwork:
    """The network in the bytes of a file; ``name`` is for messages. Errors are those of :func:`load_onnx`."""
    session = session_of(content, name, WRITERS)
    inputs = {value.name: value.shape for value in session.get_inputs()}
    outputs = {value.name: value.shape for value in session.get_outputs()}
    texts = session.get_modelmeta().custom_metadata_map
    gates = {name.removeprefix("gates/"): shape[1] for name, shape in outputs.items() if name.startswith("gates/")}
    if REVEALED in texts:
        return _revealed(session, name, gates)
    if not {"picture"} <= inputs.keys() or not {"logits"} <= outputs.keys() or not set(METADATA) <= texts.keys():
        raise ValueError(
            f"{name} is an ONNX file, but export_onnx did not write it; export it again with that, "
            "or show its gates with senet_lib.export.reveal_gates"
        )
    about, class_names, mean, std = (json.loads(texts[key]) for key in METADATA)
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


def _revealed(session: Any, name: str, gates: dict[str, int]) -> OnnxNetwork:
    """From a file of ``reveal_gates``: pictures are its only input, logits its first output."""
    picture, *others = session.get_inputs()
    if others:
        raise ValueError(f"{name} has {1 + len(others)} inputs; only a network with one, its pictures, can be run here")
    return OnnxNetwork(
        input_size=tuple(size if isinstance(size, int) else None for size in picture.shape[1:]),
        channels=gates,
        has_overrides=True,
        class_names=None,
        mean=(),
        std=(),
        about={},
        session=session,
        input_name=picture.name,
        output_name=session.get_outputs()[0].name,
    )


def open_session(path: str | Path, writer: str) -> Any:
    """ONNX Runtime's session of a file that a function of this package has written, on one thread.

    Raises:
        ModuleNotFoundError: if onnxruntime is missing, with the command that installs it.
        ValueError: if the file cannot be read or is damaged.
    """
    return session_of(read_file(path, writer), str(path), writer)


def read_file(path: str | Path, writer: str) -> bytes:
    """The bytes of a file, or a ``ValueError`` of one line."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); name a file that {writer} has written") from None


def session_of(content: bytes, name: str, writer: str) -> Any:
    """As :func:`open_session`, of the bytes of a file; ``name`` is for messages."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ModuleNotFoundError(f"onnxruntime cannot be loaded ({error}); run: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # as in the page; and small networks gain nothing from more
    options.log_severity_level = 4  # errors are raised, and said once
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own classes have no common one besides it
        raise ValueError(f"{name} is not a valid ONNX file ({short(error)}); export it again with {writer}") from None


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
