"""The trained networks for the page: as ONNX files, and what they answer for the examples of the figure.

    python -m senet_lib.book.experiments.page_networks  # all files, and the examples; ten seconds a network
    python -m senet_lib.book.experiments.page_networks --examples-only

The files go to ``results/networks``, from where the book serves them; the examples beside the figures, which show them
before anything is loaded.
"""

import argparse
import base64
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from senet_lib.book.experiments.gate_board import board_of, swapped_answers, twins_of
from senet_lib.book.experiments.offered_pictures import OfferedPicture, offered_pictures
from senet_lib.book.figures import photograph_in_page
from senet_lib.book.figures.live.live_network import answers
from senet_lib.book.figures.network_in_page import EXAMPLES
from senet_lib.common.atomic_files import write_atomically
from senet_lib.data.context_world import COLOURS, SHAPES, SIZE, ContextWorld, Scene, render_scene
from senet_lib.export.onnx_writer import export_onnx
from senet_lib.export.overridable_network import OverridableNetwork
from senet_lib.weights.weight_files import load_pretrained

FOLDER = Path("results/networks")
RATIO = "r is the reduction ratio: {} make the gates. Chapter 9 is about it."
# From the weights to a short name, and what the reader reads: a label, and a note. The first is shown first.
SHOWN = {
    "context-world-reduction-r4": ("r4", "SE, r = 4", RATIO.format("C/4 numbers from C channels")),
    "context-world-reduction-plain": (
        "plain",
        "no SE",
        "The same network without SE. Chapter 1 says what it cannot know.",
    ),
    "context-world-reduction-r16": ("r16", "r = 16", RATIO.format("C/16 numbers from C channels")),
    "context-world-reduction-r16-seed2": (
        "r16-seed2",
        "r = 16, stuck",
        "Trained like r = 16, from another seed: it got no better than without SE. Chapter 9 looks inside.",
    ),
}
# The same for the figure with photographs.
SHOWN_PHOTOGRAPHS = {
    "cifar10-gates-r4": ("r4", "SE-ResNet-20, r = 4", ""),
    "cifar10-gates-r16": ("r16", "SE-ResNet-20, r = 16", ""),
    "cifar10-gates-plain": ("plain", "ResNet-20, no SE", ""),
}
CLASS_NAMES = {
    "context-world": SHAPES,
    "CIFAR-10 (JPEG-75)": (
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
}
SEED = 4
OTHERS = 3  # beside the first scene with the cue in each of the colours
DONOR_SEED = 5
PREVIEW_SIDE = 112  # pixels
PREVIEW_QUALITY = 60
COMMAND = "python -m senet_lib.book.experiments.page_networks"


def example_scenes() -> tuple[Scene, ...]:
    """One scene with the cue in each colour, which changes the label each time; then others, drawn at random."""
    drawn = ContextWorld.generate(200, SEED).scenes
    first = next(scene for scene in drawn if len(set(scene.shapes)) == len(COLOURS) and scene.quarter_turns == 0)
    return *twins_of(first), *[scene for scene in drawn if scene.quarter_turns > 0][:OTHERS]


def donor_scenes() -> list[Scene]:
    """The scenes whose gates the others are given: one scene, of other pictures, with the cue in each colour."""
    drawn = ContextWorld.generate(200, DONOR_SEED).scenes
    return twins_of(next(scene for scene in drawn if len(set(scene.shapes)) == len(COLOURS)))


def write_network(name: str, folder: Path) -> Path:
    """One trained network as an ONNX file, with its class names."""
    pretrained = load_pretrained(name)
    return export_onnx(
        pretrained.model,
        folder / f"{name}.onnx",
        (len(COLOURS), SIZE, SIZE),
        pretrained.mean,
        pretrained.std,
        class_names=CLASS_NAMES[pretrained.about["data"]],
        about=pretrained.about,
    )


def examples() -> dict[str, object]:
    """What the figure of the Context World shows before a network is loaded: scenes, networks, and answers."""
    scenes, donors = example_scenes(), donor_scenes()
    networks, said = _networks_and_answers(SHOWN, np.stack([render_scene(scene) for scene in scenes]))
    boards, swapped = {}, {}
    for file, network in zip(SHOWN, networks, strict=True):
        if network["channels"]:
            name, trained = str(network["name"]), load_pretrained(file)
            boards[name] = board_of(trained, donors)
            swapped[name] = _packed(swapped_answers(OverridableNetwork.of(trained), boards[name], scenes))
    return {
        **{"command": COMMAND, "scenes": [asdict(scene) for scene in scenes], "networks": networks, "answers": said},
        **{"donors": [scene.label for scene in donors], "boards": boards, "swapped": swapped},
    }


def photograph_examples() -> dict[str, object]:
    """What the figure with photographs shows before a network is loaded: pictures, networks, and answers."""
    offered = offered_pictures()
    pictures = np.stack([one.pixels for one in offered])
    networks, said = _networks_and_answers(SHOWN_PHOTOGRAPHS, pictures)
    for file, network in zip(SHOWN_PHOTOGRAPHS, networks, strict=True):
        network["classes"] = CLASS_NAMES[load_pretrained(file).about["data"]]
    facts = [
        {"name": one.name, "what": one.what, "label": one.label, "source": one.source, "preview": _preview(one)}
        for one in offered
    ]
    return {
        **{"command": COMMAND, "offered": facts, "pictures": pictures.flatten().tolist()},
        **{"networks": networks, "answers": said},
    }


def _networks_and_answers(
    shown: Mapping[str, tuple[str, str, str]], pictures: np.ndarray
) -> tuple[list[dict[str, object]], dict[str, object]]:
    """What a figure knows of its networks, and their answers for the examples, to six digits."""
    networks: list[dict[str, object]] = []
    said: dict[str, object] = {}
    for file, (name, label, note) in shown.items():
        network = OverridableNetwork.of(load_pretrained(file))
        told = {"name": name, "label": label, "note": note}
        networks.append({**told, "file": f"{file}.onnx", "channels": network.channels})
        said[name] = _packed(answers(network, pictures))
    return networks, said


def _packed(values: np.ndarray) -> dict[str, object]:
    return {"shape": values.shape, "values": [float(f"{value:.6g}") for value in values.flat]}


def _preview(picture: OfferedPicture) -> str:
    """The picture in a few kilobytes, as a data address."""
    file = io.BytesIO()
    small = picture.image.resize((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    small.save(file, format="webp", quality=PREVIEW_QUALITY, method=6)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--examples-only", action="store_true", help="leave the ONNX files as they are")
    parser.add_argument("--networks", type=Path, default=FOLDER, metavar="FOLDER", help=f"default: {FOLDER}")
    parser.add_argument("--examples", type=Path, default=EXAMPLES, metavar="FILE")
    parser.add_argument("--photographs", type=Path, default=photograph_in_page.EXAMPLES, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        for path, make in ((options.examples, examples), (options.photographs, photograph_examples)):
            write_atomically(path, json.dumps(make(), separators=(",", ":")) + "\n")
            print(path)
        for name in () if options.examples_only else (*SHOWN, *SHOWN_PHOTOGRAPHS):
            print(write_network(name, options.networks), flush=True)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
