"""Run an experiment and record it: one network after the other, each kept as soon as it is trained."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import nn

from senet_lib.book.experiments.catalogue import EXPERIMENTS
from senet_lib.book.experiments.experiment import Experiment, recipe_settings
from senet_lib.book.records import Record, load_record, record_path
from senet_lib.common.atomic_files import write_atomically
from senet_lib.common.machine import describe_machine
from senet_lib.common.validation import require_whole
from senet_lib.data import Batches, PictureSet, load_pictures, train_and_test_batches
from senet_lib.training import EpochStats, Recipe, fit
from senet_lib.training.checkpoints import finished_epochs
from senet_lib.training.logs import log_tensorboard
from senet_lib.training.progress import Progress
from senet_lib.weights.weight_files import save_weights


@dataclass(frozen=True)
class Trial:
    """Changes to an experiment for one run. None keeps the experiment's own setting.

    Raises:
        ValueError: if a number is out of range.
    """

    data: str | None = None  # name for ``load_pictures``
    data_name: str | None = None  # what the record calls these data; their name for ``load_pictures`` if None
    pictures: int | None = None  # how many to train on; for testing at most as many are used
    epochs: int | None = None  # of the recipe
    size: int | None = None  # height and width, in pixels, to which the pictures are resized

    def __post_init__(self) -> None:
        for name in ("pictures", "epochs", "size"):
            if getattr(self, name) is not None:
                require_whole(f"--{name}", getattr(self, name))

    @property
    def is_another_experiment(self) -> bool:
        """Whether the settings differ, so that record and weights must not replace the experiment's own."""
        return (self.pictures, self.epochs, self.size) != (None, None, None)

    def apply(self, experiment: Experiment) -> Experiment:
        """The experiment with these changes. Its data have the name for the record."""
        recipe = experiment.recipe if self.epochs is None else replace(experiment.recipe, epochs=self.epochs)
        data = self.data_name or self.data or experiment.data
        return replace(experiment, recipe=recipe, data=data, size=experiment.size if self.size is None else self.size)

    def load(self, experiment: Experiment) -> tuple[PictureSet, PictureSet]:
        """The pictures to train and to test."""
        both = [load_pictures(self.data or experiment.data, train=train) for train in (True, False)]
        count = experiment.pictures if self.pictures is None else self.pictures
        if count is not None:
            both = [pictures.subset(min(count, len(pictures))) for pictures in both]
        return both[0], both[1]


def run(
    name: str,
    seeds: Sequence[int],
    device: str,
    results: Path,
    weights: Path | None = None,
    checkpoints: Path | None = None,
    trial: Trial | None = None,
    tensorboard: Path | None = None,
) -> Path:
    """Run an experiment and record it; networks that are on record already are not trained again.

    The folders are those of the record, of the weights that the experiment keeps, of the state of a network that is
    not trained to its end, and of TensorBoard's curves, a folder in it for each network; None for none of these.

    Returns:
        The path of the record.

    Raises:
        ValueError: if there is a record of this experiment with other settings or other data.
    """
    trial = trial or Trial()
    experiment = trial.apply(EXPERIMENTS[name])
    train_set, test_set = trial.load(EXPERIMENTS[name])
    empty = _empty_record(name, experiment, train_set, test_set)
    path = record_path(name, results)
    done = {(entry["seed"], entry["arm"]) for entry in _earlier_runs(path, empty)}
    for seed, arm in product(seeds, experiment.arms):
        if (seed, arm) in done:
            continue
        how: dict[str, Any] = {"augment": experiment.augment, "seed": seed, "device": device, "size": experiment.size}
        batches = train_and_test_batches(train_set, test_set, experiment.batch_size, **how)
        network = f"{weights_name(name, arm)}-seed{seed}"
        unfinished = checkpoints / network if checkpoints and not experiment.epoch_probe else None
        curves = tensorboard / network if tensorboard else None
        model = _make(experiment, arm, seed, device, train_set)
        entry = _train(model, experiment, arm, seed, device, batches, unfinished, curves)
        if weights is not None and experiment.keeps_weights_of(arm, seed):
            about = {"experiment": name, "arm": arm, "seed": str(seed), "data": experiment.data}
            about |= {"mean": json.dumps(batches[0].mean), "std": json.dumps(batches[0].std)}
            save_weights(model, weights / f"{weights_name(name, arm, seed)}.safetensors", about)
        _append(path, empty, entry)
        if unfinished and not experiment.keep_checkpoints:
            shutil.rmtree(unfinished, ignore_errors=True)
    return path


def weights_name(name: str, arm: str, seed: int = 0) -> str:
    """What an arm's weights are called, for example "context-world-reduction-r4"; with the seed if that is not 0."""
    what = f"{name}-{arm.replace('=', '')}".replace(", ", "-").replace(" ", "-")
    return f"{what}-seed{seed}" if seed else what


def _make(experiment: Experiment, arm: str, seed: int, device: str, pictures: PictureSet) -> nn.Module:
    """A new network of this arm, with the seed's weights."""
    torch.manual_seed(seed)
    model = experiment.arms[arm](num_classes=len(pictures.classes), in_channels=pictures.pictures.shape[1])
    return model.to(device).to(memory_format=torch.channels_last)


def _train(
    model: nn.Module,
    experiment: Experiment,
    arm: str,
    seed: int,
    device: str,
    batches: tuple[Batches, Batches],
    checkpoints: Path | None,
    curves: Path | None,
) -> dict[str, Any]:
    """Train a network: what the record holds of it."""
    entry: dict[str, Any] = {"seed": seed, "arm": arm, "machine": describe_machine(device)}
    entry["started"] = datetime.now(UTC).isoformat(timespec="seconds")
    finished = finished_epochs(checkpoints) if checkpoints else 0
    progress = Progress(experiment.recipe.epochs, len(batches[0]), finished, f"seed {seed} {arm}: ")
    run_of_this: Iterator[EpochStats] = fit(
        model,
        *batches,
        experiment.recipe,
        checkpoints=checkpoints,
        keep_all=experiment.keep_checkpoints,
        on_step=progress.step,
    )
    if curves is not None:
        run_of_this = log_tensorboard(run_of_this, curves)
    entry["epochs"] = []
    for stats in progress.shown(run_of_this):
        asked = experiment.epoch_probe(model) if experiment.epoch_probe else {}
        entry["epochs"].append(asdict(stats) | asked)
        if experiment.stop_at and stats.test_accuracy >= experiment.stop_at:
            break
    if experiment.probe and (gates := experiment.probe(model, batches[1], seed)):
        entry["gates"] = gates
    return entry


def _empty_record(name: str, experiment: Experiment, train_set: PictureSet, test_set: PictureSet) -> Record:
    settings = experiment.settings(len(train_set.classes), train_set.pictures.shape[1])
    return {
        "experiment": name,
        "settings": settings,
        "pictures": {"train": len(train_set), "test": len(test_set)},
        "data_sha256": _fingerprint(train_set.pictures, train_set.labels, test_set.pictures, test_set.labels),
        "runs": [],
    }


def _earlier_runs(path: Path, empty: Record) -> list[dict[str, Any]]:
    """The recorded runs; settings and data must be the same."""
    if not path.exists():
        return []
    earlier = load_record(empty["experiment"], path.parent)
    for key in ("settings", "data_sha256"):
        if _complete(earlier[key]) != _complete(empty[key]):
            raise ValueError(f"{path} was recorded with other {key}; move it away to record anew")
    return earlier["runs"]


def _complete(value: Any) -> Any:
    """Settings with the recipe's usual values where a record does not name them: it may be older than a setting."""
    if not isinstance(value, dict):
        return value
    return value | {"recipe": recipe_settings(Recipe(**value["recipe"]))}


def _append(path: Path, empty: Record, entry: dict[str, Any]) -> None:
    """Add a run to the record, beside those that another process may have added meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        earlier = _earlier_runs(path, empty)
        write_atomically(path, json.dumps(empty | {"runs": [*earlier, entry]}, indent=1) + "\n")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time, where the system can say so."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        yield
        return
    folder = os.open(path.parent, os.O_RDONLY)  # a folder can be locked as a file can, and leaves none behind
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _fingerprint(*tensors: torch.Tensor) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
