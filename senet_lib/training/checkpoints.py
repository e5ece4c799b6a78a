"""Checkpoints of a run: a folder for each epoch, whole or not there at all.

A checkpoint holds three files, none of which can run code: ``weights.safetensors`` with the network's weights, which
``senet_lib.weights.weight_files.load_weights`` reads too; ``training.safetensors`` with the tensors of the optimiser
and the random states; ``facts.json`` with everything else. With ``Recipe.ema_decay`` there is a fourth,
``averaged.safetensors``: the averaged weights, which are evaluated and which the network keeps in the end. Then take
these. A checkpoint is written under another name, flushed to the disk, and then renamed: whenever the run is killed,
the newest folder of a proper name is whole.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from senet_lib.common.messages import in_one_line

NAME = re.compile(r"epoch-(\d{4,})")
WEIGHTS, TRAINING, FACTS = "weights.safetensors", "training.safetensors", "facts.json"
AVERAGED = "averaged.safetensors"

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after an epoch."""

    weights: Tensors  # of the network, by their names in its state dict
    training: Tensors  # tensors of the optimiser and of the random states
    facts: dict[str, Any]  # what else there is, as JSON holds it
    averaged: Tensors | None = None  # the averaged weights, by the same names; None without averaging


class CheckpointError(OSError):
    """A checkpoint could not be written. Those from before are whole."""


def save_checkpoint(folder: Path, epoch: int, checkpoint: Checkpoint, keep_all: bool = False) -> Path:
    """Write the checkpoint of an epoch, then delete those of earlier epochs.

    Args:
        folder: of the run; made if there is none.
        epoch: how many epochs are finished, at least 1.
        checkpoint: what to keep.
        keep_all: delete nothing.

    Returns:
        The folder of this checkpoint.

    Raises:
        CheckpointError: if the disk is full or the folder cannot be written. Earlier checkpoints are untouched then.
    """
    final = folder / f"epoch-{epoch:04d}"
    draft = folder / f".{final.name}.tmp"
    try:
        _write(draft, checkpoint)
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
    except OSError as error:
        raise CheckpointError(
            f"the checkpoint of epoch {epoch} cannot be written to {folder} ({error.strerror or error}); "
            f"{_what_is_left(folder)}; make room there or choose another folder, and run again"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if not keep_all:
        for earlier in list_checkpoints(folder)[:-1]:
            shutil.rmtree(earlier, ignore_errors=True)
    return final


def require_writable(folder: Path) -> None:
    """Make the folder of a run, and try to write in it: better before the first epoch than after it.

    Raises:
        CheckpointError: if it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"?")
    except OSError as error:
        raise CheckpointError(
            f"no checkpoint can be written in {folder} ({error.strerror or error}); choose another folder"
        ) from error


def list_checkpoints(folder: Path) -> list[Path]:
    """The folders of all checkpoints of a run, the oldest first."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if NAME.fullmatch(path.name)), key=_epoch_of)


def finished_epochs(folder: Path) -> int:
    """How many epochs of a run are finished and kept."""
    found = list_checkpoints(folder)
    return _epoch_of(found[-1]) if found else 0


def evaluated_weights(path: Path) -> dict[str, Tensor]:
    """The weights in this folder that were evaluated: the averaged ones if there are any."""
    averaged = path / AVERAGED
    return load((averaged if averaged.exists() else path / WEIGHTS).read_bytes())


def load_newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint of a run; None if there is none yet.

    Raises:
        ValueError: if it is damaged. The message names it, and says what to do.
    """
    found = list_checkpoints(folder)
    return load_checkpoint(found[-1]) if found else None


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in this folder; see :func:`load_newest`."""
    try:
        weights, training = (load((path / name).read_bytes()) for name in (WEIGHTS, TRAINING))
        facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
        averaged = load((path / AVERAGED).read_bytes()) if (path / AVERAGED).exists() else None
    except (OSError, SafetensorError, ValueError) as error:
        raise ValueError(
            f"{path} is not a valid checkpoint ({in_one_line(error)}); delete it, and the run goes on from the one "
            "before, or from the start"
        ) from None
    return Checkpoint(weights, training, facts, averaged)


def _write(draft: Path, checkpoint: Checkpoint) -> None:
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    _write_to_disk(draft / WEIGHTS, save(_on_cpu(checkpoint.weights)))
    if checkpoint.averaged is not None:
        _write_to_disk(draft / AVERAGED, save(_on_cpu(checkpoint.averaged)))
    _write_to_disk(draft / TRAINING, save(_on_cpu(checkpoint.training)))
    _write_to_disk(draft / FACTS, json.dumps(checkpoint.facts, indent=1).encode())


def _write_to_disk(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # a rename may reach the disk before the content that it names


def _on_cpu(tensors: Tensors) -> dict[str, Tensor]:
    """Copies, so that no two share their memory, which safetensors refuses."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}


def _what_is_left(folder: Path) -> str:
    found = list_checkpoints(folder)
    return f"{found[-1].name} is whole" if found else "there is no earlier one"


def _epoch_of(path: Path) -> int:
    return int(path.name.removeprefix("epoch-"))
