"""A network from an ONNX file of ``senet_lib.export.onnx_writer``, on the CPU. Needs ``pip install onnxruntime`` only.

    logits, gates = load_onnx("se.onnx").run(pictures, {"layer2.0": [1.0] * 32})  # SE off in this block

What is in such a file, and what an override does, is said in ``senet_lib.export.onnx_writer``.
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
        ValueError: if the file cannot be read, is damaged, or was not written by ``export_onnx``.
    """
    return open_onnx(read_file(path, "export_onnx"), str(path))


def open_onnx(content: bytes, name: str) -> OnnxNetwork:
    """The network in the bytes of a file; ``name`` is for messages. Errors are those of :func:`load_onnx`."""
    session = session_of(content, name, "export_onnx")
    inputs = {value.name: value.shape for value in session.get_inputs()}
    outputs = {value.name: value.shape for value in session.get_outputs()}
    texts = session.get_modelmeta().custom_metadata_map
    if not {"picture"} <= inputs.keys() or not {"logits"} <= outputs.keys() or not set(METADATA) <= texts.keys():
        raise ValueError(f"{name} is an ONNX file, but export_onnx did not write it; export it again with that")
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
