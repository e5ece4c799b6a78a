"""The book's recorded experiments and their command line.

    python -m senet_lib.experiments list
    python -m senet_lib.experiments run context-world --seeds 5
    python -m senet_lib.experiments run pictures --seeds 1 --data folder:PATH --call-it "my pictures"
    python -m senet_lib.experiments report

``run`` writes one JSON file to ``results/``, after each network that is trained; started again with the same
settings, it goes on where it stopped. Of seed 0 it also keeps the weights, in ``senet_lib/pretrained/``, where
``load_pretrained`` finds them. ``report`` makes ``book/results.md`` from all files in ``results/``.
"""

import argparse
import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
import torchvision
from torch import nn

import senet_lib
from senet_lib.batches import Augmentation, pad_crop_flip, train_and_test_batches
from senet_lib.blocks import NoSqueeze, SqueezeExcitation
from senet_lib.data import load_images
from senet_lib.models import ResNet, resnet8, resnet20, se_resnet8, se_resnet20, small_resnet, small_se_resnet
from senet_lib.training import Recipe, fit, require_device
from senet_lib.validation import require_whole
from senet_lib.weights import save_weights


@dataclass(frozen=True)
class Experiment:
    """Networks that are trained on the same batches from the same seeds.

    Attributes:
        title: one line for the results page.
        data: name for ``load_images``.
        batch_size: pictures a step.
        recipe: how each network is trained.
        arms: for each name a function that makes the network.
        compare: the two arms whose difference the report shows, as (without, with).
        augment: changes the training pictures, for example ``pad_crop_flip``; None for none.
        keep_weights: whether the networks of seed 0 are saved.
    """

    title: str
    data: str
    batch_size: int
    recipe: Recipe
    arms: Mapping[str, Callable[[], nn.Module]]
    compare: tuple[str, str]
    augment: Augmentation | None = None
    keep_weights: bool = False

    def settings(self) -> dict[str, Any]:
        """What defines the result, besides the seeds and the machine."""
        return {
            "data": self.data,
            "batch_size": self.batch_size,
            "recipe": asdict(self.recipe),
            "parameters": {name: _count_parameters(make()) for name, make in self.arms.items()},
        } | ({"augment": self.augment.__name__} if self.augment else {})


def _gated_by(gate: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """The small network with another function at the end of the excitation."""
    return partial(small_resnet, attention=partial(SqueezeExcitation, reduction=4, gate=gate))


def _small_resnet_of(depths: tuple[int, int], attention: Callable[[int], nn.Module] | None = None) -> nn.Module:
    """The small network with other numbers of blocks."""
    return ResNet(depths, (16, 32), (2, 1), num_classes=4, attention=attention)


def _one_hidden_unit(channels: int) -> nn.Module:
    """SE whose hidden layer is a single number, whatever the number of channels: the largest r there is."""
    return SqueezeExcitation(channels, reduction=channels)


EXPERIMENTS = {
    "context-world": Experiment(
        title="Context World: a small residual network, plain and with SE",
        data="context-world",
        batch_size=32,
        recipe=Recipe(epochs=6, learning_rate=0.005),
        arms={"plain": small_resnet, "se": small_se_resnet},
        compare=("plain", "se"),
    ),
    "context-world-reduction": Experiment(
        title="Context World: the reduction ratio r",
        data="context-world",
        batch_size=32,
        recipe=Recipe(epochs=6, learning_rate=0.005),
        arms={"plain": small_resnet, **{f"r={r}": partial(small_se_resnet, reduction=r) for r in (1, 2, 4, 8, 16)}},
        compare=("r=16", "r=1"),
        keep_weights=True,
    ),
    "context-world-placement": Experiment(
        title="Context World: where SE stands in a block",
        data="context-world",
        batch_size=32,
        recipe=Recipe(epochs=6, learning_rate=0.005),
        arms={place: partial(small_se_resnet, placement=place) for place in ("standard", "pre", "post", "identity")},
        compare=("standard", "post"),
    ),
    "context-world-bottleneck": Experiment(
        title="Context World: one hidden number in every SE block",
        data="context-world",
        batch_size=32,
        recipe=Recipe(epochs=6, learning_rate=0.005),
        arms={
            "both blocks": partial(small_resnet, attention=_one_hidden_unit),
            "first block only": partial(small_resnet, attention=_one_hidden_unit, stages=(1,)),
            "second block only": partial(small_resnet, attention=_one_hidden_unit, stages=(2,)),
        },
        compare=("second block only", "both blocks"),
    ),
    "context-world-squeeze": Experiment(
        title="Context World: what gathers the map",
        data="context-world",
        batch_size=32,
        recipe=Recipe(epochs=6, learning_rate=0.005),
        arms={
            "average": small_se_resnet,
            "maximum": partial(small_se_resnet, squeeze="max"),
            "none": partial(small_resnet, attention=partial(NoSqueeze, reduction=4)),
        },
        compare=("none", "average"),
    ),
    "context-world-gate": Experiment(
        title="Context World: the function that ends the excitation",
        data="context-world",
        batch_size=32,
        recipe=Recipe(epochs=6, learning_rate=0.005),
        arms={"sigmoid": small_se_resnet, "tanh": _gated_by(nn.Tanh), "ReLU": _gated_by(nn.ReLU)},
        compare=("ReLU", "sigmoid"),
    ),
    "context-world-depth": Experiment(
        title="Context World: more blocks instead of SE",
        data="context-world",
        batch_size=32,
        recipe=Recipe(epochs=6, learning_rate=0.005),
        arms={
            "plain, 4 blocks": partial(_small_resnet_of, depths=(2, 2)),
            "SE, 4 blocks": partial(_small_resnet_of, depths=(2, 2), attention=partial(SqueezeExcitation, reduction=4)),
            "plain, 6 blocks": partial(_small_resnet_of, depths=(3, 3)),
        },
        compare=("plain, 4 blocks", "SE, 4 blocks"),
    ),
    "cifar10-resnet20": Experiment(
        title="CIFAR-10: ResNet-20, plain and with SE of three reduction ratios",
        data="cifar10",
        batch_size=128,
        recipe=Recipe(epochs=2, learning_rate=0.01),
        arms={"plain": resnet20, **{f"r={r}": partial(se_resnet20, reduction=r) for r in (4, 8, 16)}},
        compare=("plain", "r=4"),
        augment=pad_crop_flip,
    ),
    "pictures": Experiment(
        title="Photographs of 32x32 pixels: ResNet-8, plain and with SE",
        data="cifar10",
        batch_size=128,
        recipe=Recipe(epochs=15, learning_rate=0.01),
        arms={"se": se_resnet8, "plain": resnet8},
        compare=("plain", "se"),
        augment=pad_crop_flip,
        keep_weights=True,
    ),
}


def run(
    name: str,
    seeds: Sequence[int],
    device: str,
    results: Path,
    weights: Path | None = None,
    data: str | None = None,
    data_name: str | None = None,
) -> Path:
    """Run an experiment and record it; networks that are on record already are not trained again.

    Args:
        name: key of ``EXPERIMENTS``.
        seeds: of the networks and their batches.
        device: for example "cpu".
        results: folder for the record.
        weights: folder for the weights of seed 0, if the experiment keeps them; None to keep none.
        data: name for ``load_images`` instead of the experiment's own.
        data_name: what the record calls these data; their name for ``load_images`` if None.

    Returns:
        The path of the record.

    Raises:
        ValueError: if there is a record of this experiment with other settings or other data.
    """
    experiment = EXPERIMENTS[name]
    path = results / f"{name.replace('-', '_')}.json"
    source = data or experiment.data
    train_set = load_images(source, train=True)
    test_set = load_images(source, train=False)
    record: dict[str, Any] = {
        "experiment": name,
        "settings": experiment.settings() | {"data": data_name or source},
        "pictures": {"train": len(train_set), "test": len(test_set)},
        "data_sha256": _fingerprint(train_set.images, train_set.labels, test_set.images, test_set.labels),
        "runs": [],
    }
    record["runs"] = _earlier_runs(path, record)
    done = {(entry["seed"], entry["arm"]) for entry in record["runs"]}
    for seed, arm in product(seeds, experiment.arms):
        if (seed, arm) in done:
            continue
        entry: dict[str, Any] = {
            "seed": seed,
            "arm": arm,
            "machine": describe_machine(device),
            "started": _now(),
            "epochs": [],
        }
        torch.manual_seed(seed)
        model = experiment.arms[arm]().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        batches = train_and_test_batches(
            train_set, test_set, experiment.batch_size, augment=experiment.augment, seed=seed, device=device
        )
        for stats in fit(model, *batches, experiment.recipe):
            entry["epochs"].append(asdict(stats))
            print(f"seed {seed} {arm}: epoch {stats.epoch}, test accuracy {stats.test_accuracy:.3f}", flush=True)
        if experiment.keep_weights and weights is not None and seed == 0:
            about = {"experiment": name, "arm": arm, "seed": str(seed), "data": record["settings"]["data"]}
            about |= {"mean": json.dumps(batches[0].mean), "std": json.dumps(batches[0].std)}
            save_weights(model, weights / weights_name(name, arm), about)
        record["runs"].append(entry)
        _write_atomically(path, json.dumps(record, indent=1) + "\n")
    return path


def weights_name(name: str, arm: str) -> str:
    """The file that keeps the weights of an arm, for example "context-world-reduction-r4.safetensors"."""
    return f"{name}-{arm.replace('=', '')}.safetensors"


def summarise(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """For each arm: final test accuracies by seed, their mean and standard deviation, and the mean time in seconds."""
    summary: dict[str, dict[str, Any]] = {}
    for arm in dict.fromkeys(entry["arm"] for entry in record["runs"]):
        runs = [entry for entry in record["runs"] if entry["arm"] == arm]
        accuracies = {entry["seed"]: entry["epochs"][-1]["test_accuracy"] for entry in runs}
        seconds = [sum(epoch["seconds"] for epoch in entry["epochs"]) for entry in runs]
        summary[arm] = {
            "accuracies": accuracies,
            "mean": mean(accuracies.values()),
            "std": stdev(accuracies.values()) if len(accuracies) > 1 else 0.0,
            "seconds": mean(seconds),
        }
    return summary


def report(results: Path) -> str:
    """The page of recorded results, in Markdown."""
    records = sorted(results.glob("*.json"))
    if not records:
        raise ValueError(f"there are no records in {results.resolve()}; run this in the repository, or name --results")
    parts = [REPORT_HEAD]
    for path in records:
        parts.append(_report_one(json.loads(path.read_text(encoding="utf-8"))))
    return "\n".join(parts)


# How the report writes the names of arms.
ARM_NAMES = {"se": "with SE"}
# What a reader must know about data that differ from what their name suggests.
DATA_NOTES = {
    "CIFAR-10 (JPEG-75)": " CIFAR-10, encoded anew as JPEG of quality 75:\n"
    "  do not compare these accuracies with published ones on CIFAR-10.",
}

REPORT_HEAD = """\
# Recorded results

Every number here comes from a recorded run. The file names its settings, seeds, machine and versions, and holds the
statistics of every epoch. Accuracies are those after the last epoch, not the best of all epochs. "±" is the standard
deviation over seeds. Paired seeds means: with the same seed, all networks see the same batches in the same order.

<!-- Made by `python -m senet_lib.experiments report` from results/*.json: edit neither by hand. -->
"""


def _report_one(record: dict[str, Any]) -> str:
    name = record["experiment"]
    settings, pictures, recipe = record["settings"], record["pictures"], record["settings"]["recipe"]
    summary = summarise(record)
    rows = "\n".join(
        f"| {ARM_NAMES.get(arm, arm)} | {settings['parameters'][arm]:,} | {_mean_and_spread(values)} "
        f"| {min(values['accuracies'].values()):.3f} | {max(values['accuracies'].values()):.3f} "
        f"| {values['seconds']:.0f} s |"
        for arm, values in summary.items()
    )
    machines = "\n".join(f"- Machine: {machine}." for machine in dict.fromkeys(map(_machine_in_words, record["runs"])))
    seed_count = 1 + max(entry["seed"] for entry in record["runs"])
    return f"""\
## {EXPERIMENTS[name].title}

<!-- table: {name} -->

| network | parameters | test accuracy | lowest | highest | training time |
|---|---|---|---|---|---|
{rows}

<!-- end -->

{_paired_difference(summary, *EXPERIMENTS[name].compare)}

- Data: {settings["data"]}, {pictures["train"]:,} pictures to train and {pictures["test"]:,} to test,
  fingerprint `{record["data_sha256"][:12]}`.{DATA_NOTES.get(settings["data"], "")}
- Recipe: {recipe["epochs"]} epochs, batches of {settings["batch_size"]}, AdamW with one cycle up to
  {recipe["learning_rate"]:g}, weight decay {recipe["weight_decay"]:g}{_augmentation(settings)}.
{machines}
- Command: `python -m senet_lib.experiments run {name} --seeds {seed_count}{_data_options(record)}`.
  It completes the record; move the record away to make it anew.
"""


def _augmentation(settings: dict[str, Any]) -> str:
    return f"; pictures changed by `{settings['augment']}`" if "augment" in settings else ""


def _mean_and_spread(values: dict[str, Any]) -> str:
    one_seed = len(values["accuracies"]) == 1
    return f"{values['mean']:.3f}" + (" (one seed)" if one_seed else f" ± {values['std']:.3f}")


def _data_options(record: dict[str, Any]) -> str:
    """The options that tell ``run`` about data other than the experiment's own."""
    data = record["settings"]["data"]
    return "" if data == EXPERIMENTS[record["experiment"]].data else f' --data folder:PATH --call-it "{data}"'


def _paired_difference(summary: dict[str, dict[str, Any]], without: str, with_it: str) -> str:
    if without not in summary or with_it not in summary:
        return "There is no complete pair yet."
    first, second = summary[without]["accuracies"], summary[with_it]["accuracies"]
    paired = sorted(set(first) & set(second))
    differences = [second[seed] - first[seed] for seed in paired]
    if len(paired) == 1:
        return f"The difference is {differences[0]:+.3f}. It is one run of each: another seed may move it as much."
    return (
        f"The mean difference over the {len(paired)} paired seeds ({', '.join(map(str, paired))}) is "
        f"{mean(differences):+.3f}; the smallest is {min(differences):+.3f}."
    )


def _machine_in_words(entry: dict[str, Any]) -> str:
    machine = entry["machine"]
    return (
        f"{machine['device']}, {machine['cores']} cores; Python {machine['python']}, torch {machine['torch']}, "
        f"torchvision {machine['torchvision']}, senet_lib {machine['senet_lib']}; {entry['started'][:10]}"
    )


def describe_machine(device: str) -> dict[str, Any]:
    """Device, cores and versions, for the record. No names or paths of the machine."""
    on_gpu = torch.device(device).type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else f"{device} ({platform.machine()})",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "senet_lib": senet_lib.__version__,
    }


def _earlier_runs(path: Path, record: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs on record, if they belong to the same experiment on the same data."""
    if not path.exists():
        return []
    earlier = json.loads(path.read_text(encoding="utf-8"))
    for key in ("settings", "data_sha256"):
        if earlier[key] != record[key]:
            raise ValueError(f"{path} was recorded with other {key}; move it away to record anew")
    return earlier["runs"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _fingerprint(*tensors: torch.Tensor) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _list(options: argparse.Namespace) -> None:
    for name, experiment in EXPERIMENTS.items():
        print(f"{name}: {experiment.title}")


def _run(options: argparse.Namespace) -> None:
    require_whole("--seeds", options.seeds)
    require_device(options.device)
    print(f"recording in {options.results.resolve()}")
    seeds = range(options.seeds)
    run(options.name, seeds, options.device, options.results, options.weights, options.data, options.call_it)


def _report(options: argparse.Namespace) -> None:
    _write_atomically(options.page, report(options.results))


_COMMANDS = {"list": _list, "run": _run, "report": _report}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m senet_lib.experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name all experiments")
    run_parser = commands.add_parser("run", help="run one experiment and record it")
    run_parser.add_argument("name", choices=EXPERIMENTS)
    run_parser.add_argument("--seeds", type=int, default=5, help="how many paired seeds: 0, 1, 2, … (default 5)")
    run_parser.add_argument("--device", default="cpu")
    run_parser.add_argument("--results", type=Path, default=Path("results"))
    run_parser.add_argument("--weights", type=Path, default=Path("senet_lib/pretrained"))
    run_parser.add_argument("--data", metavar="NAME", help="other data, by a name for load_images, e.g. folder:PATH")
    run_parser.add_argument("--call-it", metavar="TEXT", help="what the record calls these data")
    report_parser = commands.add_parser("report", help="make the results page")
    report_parser.add_argument("--results", type=Path, default=Path("results"))
    report_parser.add_argument("--page", type=Path, default=Path("book/results.md"))
    options = parser.parse_args(arguments)
    try:
        _COMMANDS[options.command](options)
    except (ValueError, ArithmeticError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
