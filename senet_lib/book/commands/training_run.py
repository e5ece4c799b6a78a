"""What ``senet train`` does: a run is a folder with its settings, its table, its checkpoints and its weights."""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from senet_lib.book.commands.named_networks import Made, Wanted, make_network, run_folder
from senet_lib.book.commands.run_settings import NOT_SETTINGS, write_settings
from senet_lib.book.commands.train_options import RECIPE
from senet_lib.common.command_line import DONE, FAILED, STOPPED, Stopped, WrongUse, before_it_begins
from senet_lib.common.messages import in_one_line
from senet_lib.common.validation import require_whole
from senet_lib.data.streaming import StreamedBatches, class_names
from senet_lib.training import EpochStats, Recipe, evaluate, fit
from senet_lib.training.checkpoints import finished_epochs
from senet_lib.training.device import best_device
from senet_lib.training.distributed import Group, join_group, share_gradients
from senet_lib.training.kept_weights import BEST, LAST, keep_best_and_last
from senet_lib.training.logs import log_csv, log_tensorboard
from senet_lib.training.paper_setups import SETUPS
from senet_lib.training.progress import Progress, best_epoch, summary_table, top5_words

SETTINGS, TABLE = "settings.toml", "epochs.csv"
PATHS = ("data", "run", "weights", "csv", "tensorboard")
MOST_WORKERS = 16
USUAL = Recipe(epochs=10, learning_rate=1e-3)
USUAL_BATCH = 64
WORDS = {
    "begin": "{name}: {pictures:,} pictures of {classes:,} classes in batches of {batch:,}, "
    "learning rate {rate:g}, {processes} x {device}",
    "end": "\n{table}\n\nrecord:  {record}\nweights: {best}, of epoch {epoch}\n         {last}, of epoch {epochs}\n"
    "again:   {prog} --settings {settings} --run ANOTHER_FOLDER",
    "stopped": "stopped after epoch {finished} of {epochs}; to go on: {prog} --settings {settings}",
    "stopped early": "stopped before the training began; the same command begins it",
    "evaluated": "{weights}: test loss {loss:.3f}, test accuracy {accuracy:.2%}{top5}, {pictures:,} pictures",
    "no weights": "{path} does not exist, so there is nothing to evaluate; give --weights FILE, or the --run of a run",
    "other classes": "{note}; evaluate on pictures of the classes that the weights know",
}


@dataclass(frozen=True)
class Plan:
    """A run before it begins: all that the options leave open is settled."""

    options: argparse.Namespace  # as they were given
    network: Wanted  # what to make, with the picture size that was asked for
    recipe: Recipe  # how to train it
    batch_size: int  # pictures in a step
    folder: Path  # of the run

    @property
    def seed(self) -> int:
        return self.options.seed or 0


def train_or_evaluate(options: argparse.Namespace, prog: str) -> int:
    """Do what the options say; the exit status. Of several processes that fail, the first one says why."""
    with join_group() as group:
        try:
            with before_it_begins():
                plan = plan_run(options)
            return _evaluate(plan, group) if options.evaluate else _train(plan, group, prog)
        except KeyboardInterrupt:
            if not group.fails_first():
                raise SystemExit(STOPPED) from None
            raise
        except Exception as error:
            if not group.fails_first():
                raise SystemExit(FAILED) from error
            raise


def plan_run(options: argparse.Namespace) -> Plan:
    """Settle what the options leave open.

    Raises:
        ValueError: if a setting is out of range.
    """
    setup = SETUPS.get(options.model)
    batch_size = setup.batch_size if setup else USUAL_BATCH
    if options.batch_size is not None:
        require_whole("batch_size", options.batch_size)
        batch_size = options.batch_size
    given = {name: getattr(options, name) for name in RECIPE if getattr(options, name) is not None}
    recipe = replace(setup.resized(batch_size) if setup else USUAL, **given)
    folder = Path(options.run) if options.run else run_folder(options.model)
    network = Wanted(
        setup.model if setup else options.model,
        bool(options.insert_se),
        options.reduction,
        setup.image_size if setup and options.image_size is None else options.image_size,
        bool(options.pretrained),
        options.weights,
    )
    return Plan(options, network, recipe, batch_size, folder)


# --- training ---------------------------------------------------------------------------------------------------------


def _train(plan: Plan, group: Group, prog: str) -> int:
    try:
        with before_it_begins():
            started = _start(plan, group)
        history = _follow(started, plan, group)
    except KeyboardInterrupt as stop:
        raise Stopped(_how_to_go_on(plan, prog)) from stop
    if group.leads:
        print(_last_lines(plan, history, prog), flush=True)
    return DONE


@dataclass(frozen=True)
class _Started:
    """A network on its device, its pictures, and how many epochs are finished."""

    model: nn.Module
    made: Made
    train: StreamedBatches
    test: StreamedBatches
    finished: int


def _start(plan: Plan, group: Group) -> _Started:
    finished = finished_epochs(plan.folder)
    network = replace(plan.network, weights=None, pretrained=False) if finished else plan.network
    torch.manual_seed(plan.seed)  # the same in all processes, so that a resumed run needs only one random state
    device = group.device(plan.options.device or best_device().type)
    made = make_network(network, num_classes=len(class_names(plan.options.data)))
    train, test = (_stream(plan, made, device, group, train=train) for train in (True, False))
    torch.manual_seed(plan.seed)
    model = made.model.to(device).to(memory_format=torch.channels_last)
    return _Started(share_gradients(model), made, train, test, finished)


def _follow(started: _Started, plan: Plan, group: Group) -> list[EpochStats]:
    """Train, write down, show: the statistics of all epochs."""
    progress = Progress(plan.recipe.epochs, len(started.train), started.finished)
    arguments = (started.model, started.train, started.test, plan.recipe)
    try:
        if not group.leads:
            return list(fit(*arguments, checkpoints=plan.folder))
        epochs = _written_down(fit(*arguments, checkpoints=plan.folder, on_step=progress.step), started, plan)
        progress.say(_first_line(plan, started, group))
        for note in started.made.notes:
            progress.say(note)
        return list(progress.shown(epochs))
    except ValueError as error:
        if progress.has_begun:
            raise
        raise WrongUse(in_one_line(error)) from error


def _written_down(epochs: Iterator[EpochStats], started: _Started, plan: Plan) -> Iterator[EpochStats]:
    if not started.finished:
        write_settings(plan.folder / SETTINGS, _all_settings(plan, started))
    epochs = keep_best_and_last(epochs, plan.folder, _about(plan, started))
    epochs = log_csv(epochs, plan.options.csv or plan.folder / TABLE)
    return log_tensorboard(epochs, plan.options.tensorboard) if plan.options.tensorboard else epochs


def _stream(plan: Plan, made: Made, device: torch.device, group: Group, *, train: bool) -> StreamedBatches:
    options = plan.options
    return StreamedBatches(
        options.data,
        train=train,
        batch_size=plan.batch_size,
        image_size=made.image_size,
        workers=_default_workers() if options.workers is None else options.workers,
        seed=plan.seed,
        device=device,
        share=group.share,
        mean=made.mean,
        std=made.std,
        pictures=options.pictures,
    )


def _default_workers() -> int:
    """This process's part of the machine's cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores // int(os.environ.get("LOCAL_WORLD_SIZE", 1)), MOST_WORKERS))


def _all_settings(plan: Plan, started: _Started) -> dict[str, Any]:
    """Every option with its value in this run; None where the machine decides, or nothing is set."""
    settled = asdict(plan.recipe) | {
        "batch_size": plan.batch_size,
        "image_size": started.made.image_size,
        "seed": plan.seed,
        "insert_se": plan.network.insert_se,
        "pretrained": plan.network.pretrained,
        "run": plan.folder,
    }
    settings = {
        name: settled.get(name, value) for name, value in vars(plan.options).items() if name not in NOT_SETTINGS
    }
    for name in PATHS:
        settings[name] = None if settings[name] is None else os.path.abspath(settings[name])
    return settings


def _about(plan: Plan, started: _Started) -> dict[str, str]:
    """What the files of weights say about themselves."""
    return {
        "model": plan.network.name,
        "insert_se": json.dumps(plan.network.insert_se),
        "reduction": json.dumps(plan.network.reduction),
        "image_size": json.dumps(started.made.image_size),
        "classes": json.dumps(started.train.classes),
        "mean": json.dumps(started.made.mean),
        "std": json.dumps(started.made.std),
    }


# --- evaluation -------------------------------------------------------------------------------------------------------


def _evaluate(plan: Plan, group: Group) -> int:
    best = plan.folder / BEST
    network = plan.network
    if network.weights is None and best.exists():
        network = replace(network, weights=str(best), pretrained=False)
    with before_it_begins():
        if network.weights is None and not network.pretrained:
            raise ValueError(WORDS["no weights"].format(path=best))
        device = group.device(plan.options.device or best_device().type)
        made = make_network(network, num_classes=len(class_names(plan.options.data)))
        if made.notes:
            raise ValueError(WORDS["other classes"].format(note=made.notes[0]))
        test = _stream(plan, made, device, group, train=False)
    found = evaluate(made.model.to(device).to(memory_format=torch.channels_last), test)
    if group.leads:
        top5 = top5_words(found.top5_accuracy)
        told = {"loss": found.loss, "accuracy": found.accuracy, "top5": top5, "pictures": test.pictures}
        print(WORDS["evaluated"].format(weights=network.weights or network.name, **told), flush=True)
    return DONE


# --- words ------------------------------------------------------------------------------------------------------------


def _first_line(plan: Plan, started: _Started, group: Group) -> str:
    return WORDS["begin"].format(
        name=plan.options.model,
        pictures=started.train.pictures,
        classes=len(started.train.classes),
        batch=plan.batch_size,
        rate=plan.recipe.learning_rate,
        processes=group.processes,
        device=next(started.model.parameters()).device.type,
    )


def _last_lines(plan: Plan, history: list[EpochStats], prog: str) -> str:
    return WORDS["end"].format(
        table=summary_table(history),
        record=plan.options.csv or plan.folder / TABLE,
        best=plan.folder / BEST,
        epoch=best_epoch(history).epoch,
        last=plan.folder / LAST,
        epochs=plan.recipe.epochs,
        settings=plan.folder / SETTINGS,
        prog=prog,
    )


def _how_to_go_on(plan: Plan, prog: str) -> str:
    settings = plan.folder / SETTINGS
    if not settings.exists():
        return WORDS["stopped early"]
    finished, epochs = finished_epochs(plan.folder), plan.recipe.epochs
    return WORDS["stopped"].format(finished=finished, epochs=epochs, prog=prog, settings=settings)
