"""The pictures that a figure offers beside the reader's own: photographs that packages bring, and drawings of its own.

None is from CIFAR-10 or any other data set of the networks. Photographs are read from the files of scikit-image and
scikit-learn, nothing is fetched. Free to use: those of scikit-image are in the public domain or CC0; those of
scikit-learn are CC BY 2.0, by the photographer that ``source`` names. The drawings are the book's.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage
import sklearn
from PIL import Image

SIZE = 32  # of the pictures that the networks see
SIDE = 512  # of a drawing
SCIKIT_IMAGE = Path(skimage.__file__).parent / "data"
SCIKIT_LEARN = Path(sklearn.__file__).parent / "datasets" / "images"
DRAWN = Path(__file__).parent / "drawn"
OWN = "drawn for this book"


@dataclass(frozen=True)
class OfferedPicture:
    """A square picture, large, and what is in it."""

    name: str  # in a word or two
    what: str  # the same in a sentence, with its article
    label: str  # its class in CIFAR-10; "" if it belongs to none
    source: str  # where it comes from, and by which licence
    image: Image.Image  # square, RGB, at least 300 pixels wide

    @property
    def pixels(self) -> np.ndarray:
        """As a network sees it: uint8 (3, 32, 32), each number the mean of the square that it covers."""
        return np.moveaxis(np.asarray(self.image.resize((SIZE, SIZE), Image.Resampling.BOX)), -1, 0).copy()


# Name, what it is, its class, where it comes from, its file, and the square of it: left column, upper row and side.
OFFERED: tuple[tuple[str, str, str, str, Path, tuple[int, int, int]], ...] = (
    (
        *("cat", "a cat", "cat", "photograph by Stéfan van der Walt, CC0, from scikit-image"),
        *(SCIKIT_IMAGE / "chelsea.png", (80, 0, 300)),
    ),
    (
        *("horse", "a horse", "horse", "silhouette by Andreas Preuss, CC0, from scikit-image"),
        *(SCIKIT_IMAGE / "horse.png", (0, -36, 400)),
    ),
    ("ship", "a ship", "ship", OWN, DRAWN / "ship.png", (0, 0, SIDE)),
    ("automobile", "an automobile", "automobile", OWN, DRAWN / "automobile.png", (0, 0, SIDE)),
    ("airplane", "an airplane", "airplane", OWN, DRAWN / "airplane.png", (0, 0, SIDE)),
    (
        *("rocket", "a rocket", "", "photograph by SpaceX, public domain, from scikit-image"),
        *(SCIKIT_IMAGE / "rocket.jpg", (107, 0, 427)),
    ),
    (
        *("coffee", "a cup of coffee", "", "photograph by Rachel Michetti, CC0, from scikit-image"),
        *(SCIKIT_IMAGE / "coffee.png", (100, 0, 400)),
    ),
    (
        *("flower", "a flower", "", "photograph by vultilion, CC BY 2.0, from scikit-learn"),
        *(SCIKIT_LEARN / "flower.jpg", (130, 0, 427)),
    ),
)


def offered_pictures() -> tuple[OfferedPicture, ...]:
    """Five of a class of CIFAR-10, then three of none.

    Raises:
        ValueError: if the installed packages lack one of the photographs.
    """
    return tuple(
        OfferedPicture(name, what, label, source, square(file, place))
        for name, what, label, source, file, place in OFFERED
    )


def square(path: Path, place: tuple[int, int, int]) -> Image.Image:
    """A square of a picture file, over white where it is transparent or has no pixels.

    Args:
        place: left column, upper row and side, in pixels.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing; install the version of the package that constraints.txt names")
    left, top, side = place
    part = Image.open(path).convert("RGBA").crop((left, top, left + side, top + side))
    return Image.alpha_composite(Image.new("RGBA", part.size, "white"), part).convert("RGB")
