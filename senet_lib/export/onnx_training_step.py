"""Training with a file of ``senet_lib.export.training_step``, on the CPU. Needs ``pip install onnxruntime`` only.

    step = TrainingStep("se.train.onnx", mean, std)
    state, result = step.run(state, pictures, labels, learning_rate=0.005)

The same file trains in a page: ``figures/parts/training_worker.js`` does there what this module does here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from senet_lib.export.onnx_network import open_session

FLOAT = np.float32


@dataclass(frozen=True)
class TrainingState:
    """All that a training step changes, as float32 vectors.

    Attributes:
        weights: (P,) all parameters.
        moments: (2P,) of AdamW and Adam, (P,) of SGD.
        statistics: (S,) running means and variances.
        steps: how many steps were made.
    """

    weights: np.ndarray
    moments: np.ndarray
    statistics: np.ndarray
    steps: int = 0


@dataclass(frozen=True)
class StepResult:
    """What a step says of its batch, with the weights that came in.

    Attributes:
        loss: mean cross-entropy, in nats.
        correct: how many pictures were right.
        gates: (B, C) for each block.
        logits: (B, K) of an evaluation; None of a training step.
    """

    loss: float
    correct: int
    gates: dict[str, np.ndarray]
    logits: np.ndarray | None = None


class _Graph:
    """What a file of a training step and one of an evaluation have in common.

    Attributes:
        picture_shape: of a batch: (B, C, H, W).
        blocks: the number of channels of each block with gates.
        layout: what lies where in the vectors: for "weights" and "statistics" a list of names and shapes.
    """

    def __init__(
        self, path: str | Path, output: str, mean: np.ndarray | None = None, std: np.ndarray | None = None
    ) -> None:
        self._session = open_session(path, "export_training_step")
        self._inputs = {value.name: tuple(value.shape) for value in self._session.get_inputs()}
        outputs = {value.name: tuple(value.shape) for value in self._session.get_outputs()}
        texts = self._session.get_modelmeta().custom_metadata_map
        if output not in outputs or "layout" not in texts:
            raise ValueError(f"{path} has no output {output!r}; it must be a file of senet_lib.export.training_step")
        self.picture_shape = self._inputs["pictures"]
        self.blocks = {name.removeprefix("gates/"): shape[1] for name, shape in outputs.items() if "gates/" in name}
        self.layout: dict[str, Any] = json.loads(texts["layout"])
        channels = self.picture_shape[1]
        self._colours = {
            "mean": np.zeros(channels, FLOAT) if mean is None else np.asarray(mean, FLOAT),
            "std": np.ones(channels, FLOAT) if std is None else np.asarray(std, FLOAT),
        }
        for name, values in self._colours.items():
            if values.shape != (channels,):
                raise ValueError(f"{name} has shape {values.shape}; give one number for each of {channels} channels")

    def _run(self, feeds: Mapping[str, np.ndarray], pictures: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        pictures, labels = np.asarray(pictures), np.asarray(labels)
        if pictures.shape != self.picture_shape or not np.issubdtype(pictures.dtype, np.floating):
            raise ValueError(
                f"the pictures are {pictures.dtype} of shape {pictures.shape}; this file needs floating point, 0 to 1, "
                f"of shape {self.picture_shape}"
            )
        if labels.shape != self.picture_shape[:1]:
            raise ValueError(f"the labels have shape {labels.shape}; give one for each of {len(pictures)} pictures")
        given = dict(feeds) | {"pictures": pictures.astype(FLOAT), "labels": labels.astype(np.int32)} | self._colours
        for name, vector in feeds.items():
            if vector.shape != self._inputs[name]:
                raise ValueError(f"{name} has shape {vector.shape}; this file needs {self._inputs[name]}")
        names = [value.name for value in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, given), strict=True))

    def _result(self, outputs: Mapping[str, Any]) -> StepResult:
        gates = {block: outputs[f"gates/{block}"] for block in self.blocks}
        return StepResult(float(outputs["loss"]), int(outputs["correct"]), gates, outputs.get("logits"))


class TrainingStep(_Graph):
    """A training step in ONNX Runtime, on one thread as in the page.

    Args:
        path: of a file of ``export_training_step``.
        mean: of each channel of the training pictures; 0 if None.
        std: the same for the standard deviation; 1 if None.

    Raises:
        ModuleNotFoundError: if onnxruntime is missing, with the command that installs it.
        ValueError: if the file cannot be read, is damaged, or is no training step; or mean or std do not fit it.
    """

    def __init__(self, path: str | Path, mean: np.ndarray | None = None, std: np.ndarray | None = None) -> None:
        super().__init__(path, "new_weights", mean, std)

    def run(
        self,
        state: TrainingState,
        pictures: np.ndarray,
        labels: np.ndarray,
        learning_rate: float,
        momentum: float = 0.9,
    ) -> tuple[TrainingState, StepResult]:
        """Learn from one batch.

        Args:
            state: before the step; it is not changed.
            pictures: (B, C, H, W) floating point, 0 to 1.
            labels: (B,) whole numbers from 0.
            learning_rate: of this step.
            momentum: the first beta of AdamW and Adam, or SGD's momentum.

        Returns:
            The state after the step, and what the batch said before it.

        Raises:
            ValueError: if something has another shape or type than the file needs.
        """
        feeds = {
            "weights": state.weights,
            "moments": state.moments,
            "statistics": state.statistics,
            "learning_rate": np.asarray(learning_rate, FLOAT),
            "momentum": np.asarray(momentum, FLOAT),
            "step": np.asarray(state.steps + 1, FLOAT),
        }
        outputs = self._run(feeds, pictures, labels)
        new = {name: outputs[f"new_{name}"] for name in ("weights", "moments", "statistics")}
        return TrainingState(steps=state.steps + 1, **new), self._result(outputs)


class Evaluation(_Graph):
    """The evaluation that belongs to a training step; arguments and errors are those of :class:`TrainingStep`."""

    def __init__(self, path: str | Path, mean: np.ndarray | None = None, std: np.ndarray | None = None) -> None:
        super().__init__(path, "logits", mean, std)

    def run(self, state: TrainingState, pictures: np.ndarray, labels: np.ndarray) -> StepResult:
        """Loss, number right, logits and gates of a batch (B, C, H, W) of floating point, 0 to 1."""
        return self._result(self._run({"weights": state.weights, "statistics": state.statistics}, pictures, labels))
