"""What the figure ``network_xray`` offers: networks, pictures, names of classes, and the gates in its still picture.

python -m senet_lib.book.experiments.xray_examples
"""

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torchvision.models import _meta

from senet_lib.book.experiments.offered_pictures import offered_pictures
from senet_lib.book.experiments.page_networks import FOLDER, example_scenes
from senet_lib.book.figures.network_xray import EXAMPLE
from senet_lib.common.atomic_files import write_atomically
from senet_lib.data.context_world import render_scene
from senet_lib.export.onnx_network import load_onnx

COMMAND = "python -m senet_lib.book.experiments.xray_examples"
SIDE = 256  # pixels
PHOTOGRAPHS = ("cat", "rocket", "coffee", "flower")
TEXT_SIZE = (384, 96)
SCENE, CAT, TEXT = 0, 1, 5  # indices of pictures
EXAMPLES: list[dict[str, Any]] = [
    {
        "name": "Context World, r = 4",
        "file": "context-world-reduction-r4.onnx",
        "note": "Ours, trained in chapter 9, 89 KB: the answer is the shape of the glyph whose colour the square has.",
        "settings": {"picture": SCENE, "scaling": "unit", "names": "auto"},
    },
    {
        "name": "SE-ResNet-20",
        "file": "cifar10-gates-r4.onnx",
        "note": "Ours, of chapter 10, 1.1 MB: ten classes of photographs, 32 × 32 pixels.",
        "settings": {"picture": CAT, "scaling": "unit", "names": "auto"},
    },
    {
        "name": "PP-OCR’s direction classifier",
        "file": "pp-ocr-direction.onnx",
        "note": "Not ours, 0.6 MB: does a line of text stand upright? By the PaddlePaddle authors, as RapidOCR "
        "distributes it, Apache License 2.0.",
        "classes": ["upright", "upside down"],
        "settings": {"picture": TEXT, "scaling": "signed", "names": "auto", "height": 48, "width": 192},
    },
]


def examples() -> dict[str, Any]:
    """The content of the figure's file."""
    scene = render_scene(example_scenes()[0])
    network = load_onnx(FOLDER / EXAMPLES[0]["file"])
    logits, gates = network.run(scene[None].astype(np.float32) / 255)
    offered = {one.name: one for one in offered_pictures()}
    own = "drawn by the book's own code"
    text = draw_text("Squeeze-and-Excitation")
    pictures = [
        {"name": "a scene", "source": own, "preview": address(Image.fromarray(np.moveaxis(scene, 0, -1)), "png")}
    ]
    for name in PHOTOGRAPHS:
        photograph = offered[name].image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        small = Image.fromarray(np.moveaxis(offered[name].pixels, 0, -1))
        facts = {"name": offered[name].what, "source": offered[name].source}
        pictures.append(facts | {"preview": address(photograph), "small": address(small, "png")})
    for name, line in (("a line of text", text), ("the same, upside down", text.rotate(180))):
        pictures.append({"name": name, "source": own, "preview": address(line, "png")})
    return {
        "command": COMMAND,
        "examples": EXAMPLES,
        "pictures": pictures,
        "imagenet": list(_meta._IMAGENET_CATEGORIES),
        "still": {
            "scene": scene.flatten().tolist(),
            "gates": {name: np.round(rows[0].astype(float), 4).tolist() for name, rows in gates.items()},
            "classes": list(network.class_names or ()),
            "logits": np.round(logits[0].astype(float), 4).tolist(),
        },
    }


def draw_text(line: str) -> Image.Image:
    """A line of black letters on white, in the font that matplotlib brings."""
    font = ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", 30)
    image = Image.new("L", TEXT_SIZE, "white")
    ImageDraw.Draw(image).text((TEXT_SIZE[0] / 2, TEXT_SIZE[1] / 2), line, "black", font, anchor="mm")
    return image


def address(image: Image.Image, kind: str = "webp") -> str:
    """A picture as a data address."""
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 75, "method": 6} if kind == "webp" else {"optimize": True}))
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def main() -> int:
    print(write_atomically(EXAMPLE, json.dumps(examples(), ensure_ascii=False, separators=(",", ":")) + "\n"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
