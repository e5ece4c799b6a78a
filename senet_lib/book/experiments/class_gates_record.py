"""What the gates say class by class: recorded from trained networks, for the figure of chapter 10 (Section 7.2).

    python -m senet_lib.book.experiments.class_gates_record  # the network of the Context World
    python -m senet_lib.book.experiments.class_gates_record --photographs folder:PATH  # with CIFAR-10
    python -m senet_lib.book.experiments.class_gates_record --imagenet PATH  # SE-ResNet-50 on ImageNet

The first two write the figure's own file, and leave in it what they do not make. The third writes another file, which
``ClassGates.read`` shows. It needs the internet for timm's weights, or ``--weights FILE``, or ``--weights random``
to try everything else. PATH holds train and val, as for ``senet_lib.training``, each with a folder for each class, by
its WordNet number; no picture of train is read, so a link to val will do.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from senet_lib.book.experiments.page_networks import CLASS_NAMES
from senet_lib.book.figures.class_gates import EXAMPLE, NEVER_CHANGES
from senet_lib.common.atomic_files import write_atomically
from senet_lib.data import Normalisation, load_pictures
from senet_lib.data.context_world import COLOURS, SHAPES, ContextWorld
from senet_lib.data.streaming import StreamedBatches
from senet_lib.gates.analysis import block_similarity
from senet_lib.gates.gate_statistics import ExcitationStatistics, record_dataset
from senet_lib.networks.models import create_model
from senet_lib.weights.weight_files import Pretrained, load_pretrained, load_weights

DIGITS = 4
BATCH_SIZE = 100
# How many pictures' gates are kept to compare the blocks. Linear CKA wants several times as many as there are channels.
COMPARED = 2000

SCENES, SCENES_SEED = 2000, 1
PHOTOGRAPHS = {"cifar10-gates-r4": "photographs, r = 4", "cifar10-gates-r16": "photographs, r = 16"}

# The paper's classes, by their WordNet numbers, and its blocks: SE_2_3, SE_3_4, SE_4_6, SE_5_1, SE_5_2 and SE_5_3.
IMAGENET_GROUPS = {"n01443537": "goldfish", "n02110958": "pug", "n02690373": "plane", "n09246464": "cliff"}
ALL_OTHERS = "all other classes"
IMAGENET_BLOCKS = ("layer1.2", "layer2.3", "layer3.5", "layer4.0", "layer4.1", "layer4.2")
IMAGENET_CHANNELS = 50  # drawn at random, as in the paper
TIMM_WEIGHTS = "seresnet50.a1_in1k"
IMAGENET_OUT = Path("_build/imagenet_gates.json")


def describe_network(
    statistics: ExcitationStatistics, name: str, label: str, groups: Sequence[str], grouped_by: str, **about: Any
) -> dict[str, Any]:
    """What the figure shows of a network, rounded to 4 digits.

    The statistics are by group, in the order of ``groups``, with some pictures kept. The figure chooses the network by
    its name; the reader reads ``label``, and ``grouped_by``, which says what the groups are.
    """
    names = {block: block.removesuffix(".attention") for block in statistics.blocks}
    kept = {block: statistics.pictures[block] for block in statistics.blocks}
    similarity = np.nan_to_num(block_similarity(kept), nan=NEVER_CHANGES)
    return {
        "name": name,
        "label": label,
        "groups": list(groups),
        "counts": statistics.counts.tolist(),
        "grouped_by": grouped_by,
        "blocks": {
            names[block]: {
                "means": _rounded(statistics.class_means(block)),
                "spreads": _rounded(statistics.class_spreads(block)),
            }
            for block in statistics.blocks
        },
        "similarity": _rounded(similarity),
        **about,
    }


def context_world_networks() -> list[dict[str, Any]]:
    """The gates of one network of the Context World, by the colour of the cue and by the answer."""
    world = ContextWorld.generate(SCENES, SCENES_SEED)
    cues = np.array([scene.cue_colour for scene in world.scenes])
    trained = load_pretrained("context-world-reduction-r4")
    data = f"{SCENES:,} pictures of the Context World, seed {SCENES_SEED}"
    groupings = (("cue", COLOURS, "colour of the cue", cues), ("answer", SHAPES, "answer", world.labels))
    return [
        describe_network(
            _record(trained, world.pictures, labels, len(groups)),
            f"context-world-{name}",
            f"Context World, by the {name}",
            groups,
            grouped_by,
            data=data,
        )
        for name, groups, grouped_by, labels in groupings
    ]


def photograph_networks(data: str) -> list[dict[str, Any]]:
    """The gates of the photographs' networks, by class; ``data`` names CIFAR-10, or a folder with its ten classes.

    Raises:
        ValueError: if the pictures are none of these classes.
    """
    pictures = load_pictures(data, train=False)
    found = []
    for name, label in PHOTOGRAPHS.items():
        trained = load_pretrained(name)
        classes = CLASS_NAMES[trained.about["data"]]
        if sorted(pictures.classes) != sorted(classes):
            raise ValueError(f"{data} has the classes {', '.join(pictures.classes)}; it must have {', '.join(classes)}")
        statistics = _record(trained, pictures.pictures.numpy(), pictures.labels.numpy(), len(classes))
        about = {"data": f"{trained.about['data']}, {len(pictures):,} test pictures"}
        found.append(describe_network(statistics, name, label, pictures.classes, "class", **about))
    return found


def imagenet_network(folder: Path, weights: str = TIMM_WEIGHTS, workers: int = 2) -> dict[str, Any]:
    """The gates of an SE-ResNet-50 on ImageNet's validation pictures: the paper's classes and blocks.

    Nearly all pictures are of "all other classes", so the classes together explain next to nothing; compare the means.

    Args:
        folder: holds ``train`` and ``val``, each with a folder for each class.
        weights: a name of timm's, the path of a safetensors file, or "random".
        workers: processes that read pictures.

    Raises:
        ValueError: if the folder has none of the paper's classes, or the weights do not fit.
        ModuleNotFoundError: if timm's weights are asked for without timm.
    """
    batches = StreamedBatches(folder, train=False, batch_size=BATCH_SIZE, workers=workers)
    present = [number for number in IMAGENET_GROUPS if number in batches.classes]
    if not present:
        raise ValueError(
            f"{folder} has no class named {' or '.join(IMAGENET_GROUPS)}; name the folder that holds train and val"
        )
    groups = [*(IMAGENET_GROUPS[number] for number in present), ALL_OTHERS]
    group_of = [present.index(one) if one in present else len(present) for one in batches.classes]
    # As many logits as the weights have: what a network is told to tell apart does not change its gates.
    model = create_model("se_resnet50", num_classes=len(groups) if weights == "random" else 1000, hidden_multiple=8)
    _load_imagenet_weights(model, weights)
    relabelled = ((x, torch.tensor(group_of)[y]) for x, y in batches)
    statistics = record_dataset(model, relabelled, IMAGENET_BLOCKS, num_classes=len(groups), keep_pictures=COMPARED)
    label = f"ImageNet, SE-ResNet-50 ({weights})"
    found = describe_network(statistics, "imagenet", label, groups, "class", data=f"{batches.pictures:,} pictures")
    return _some_channels(found, np.random.default_rng(0))


def _record(trained: Pretrained, pictures: np.ndarray, labels: np.ndarray, groups: int) -> ExcitationStatistics:
    x, y = torch.from_numpy(pictures), torch.from_numpy(labels)
    normalise = Normalisation(trained.mean, trained.std, pictures.shape[1], "cpu")
    batches = (
        (normalise(x[start : start + BATCH_SIZE]), y[start : start + BATCH_SIZE])
        for start in range(0, len(pictures), BATCH_SIZE)
    )
    return record_dataset(trained.model, batches, num_classes=groups, keep_pictures=COMPARED)


def _rounded(values: np.ndarray) -> list[list[float]]:
    return np.round(values, DIGITS).tolist()


def _load_imagenet_weights(model: nn.Module, weights: str) -> None:
    if weights == "random":
        return
    if Path(weights).suffix == ".safetensors":
        load_weights(model, weights)
        return
    try:
        import timm
    except ModuleNotFoundError:
        raise ModuleNotFoundError("timm is not installed; run: pip install timm") from None
    load_weights(model, timm.create_model(weights, pretrained=True).state_dict())


def _some_channels(network: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
    """A network with a sample of the channels of each block, in their order."""
    for block in network["blocks"].values():
        channels = len(block["means"][0])
        chosen = np.sort(random.choice(channels, min(IMAGENET_CHANNELS, channels), replace=False))
        for what in ("means", "spreads"):
            block[what] = np.array(block[what])[:, chosen].tolist()
    return network


def _write(path: Path, networks: Sequence[dict[str, Any]]) -> None:
    content = {"command": "python -m senet_lib.book.experiments.class_gates_record", "networks": networks}
    write_atomically(path, json.dumps(content, separators=(",", ":")) + "\n")
    print(path)


def _keep_others(path: Path, made: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The networks that were made now, and those that the file has besides."""
    old = json.loads(path.read_text(encoding="utf-8"))["networks"] if path.exists() else []
    names = {network["name"] for network in made}
    return [*made, *(network for network in old if network["name"] not in names)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m senet_lib.book.experiments.class_gates_record",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--photographs", metavar="NAME", help="CIFAR-10 by a name for load_pictures, e.g. folder:PATH")
    parser.add_argument("--imagenet", type=Path, metavar="PATH")
    parser.add_argument("--weights", default=TIMM_WEIGHTS, help=f"for ImageNet; default: {TIMM_WEIGHTS}, from timm")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"default: the figure's, or {IMAGENET_OUT}")
    options = parser.parse_args(arguments)
    try:
        if options.imagenet:
            _write(options.out or IMAGENET_OUT, [imagenet_network(options.imagenet, options.weights)])
        else:
            out = options.out or EXAMPLE
            made = context_world_networks()
            if options.photographs:
                made += photograph_networks(options.photographs)
            _write(out, _keep_others(out, made))
    except (ValueError, OSError, ModuleNotFoundError, RuntimeError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
