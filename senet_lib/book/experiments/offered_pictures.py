"""The pictures that a figure offers beside the reader's own: photographs that packages bring, and drawings made here.

None is from CIFAR-10 or any other data set of the networks. Photographs are read from the files of scikit-image and
scikit-learn, nothing is fetched. Free to use: those of scikit-image are in the public domain or CC0; those of
scikit-learn are CC BY 2.0, by the photographer that ``source`` names. The drawings are the book's.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage
import sklearn
from PIL import Image, ImageDraw

SIZE = 32  # of the pictures that the networks see
SIDE = 512  # of a drawing
SCIKIT_IMAGE = Path(skimage.__file__).parent / "data"
SCIKIT_LEARN = Path(sklearn.__file__).parent / "datasets" / "images"
SKY, SEA, GRASS, ROAD = "#8fc1e8", "#2a5d84", "#7da453", "#6d6d70"


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


def offered_pictures() -> tuple[OfferedPicture, ...]:
    """Five of a class of CIFAR-10, then three of none.

    Raises:
        ValueError: if the installed packages lack one of the photographs.
    """
    own = "drawn by the book's own code"
    return (
        OfferedPicture(
            *("cat", "a cat", "cat", "photograph by Stéfan van der Walt, CC0, from scikit-image"),
            square(SCIKIT_IMAGE / "chelsea.png", (80, 0, 300)),
        ),
        OfferedPicture(
            *("horse", "a horse", "horse", "silhouette by Andreas Preuss, CC0, from scikit-image"),
            square(SCIKIT_IMAGE / "horse.png", (0, -36, 400)),
        ),
        OfferedPicture("ship", "a ship", "ship", own, draw_ship()),
        OfferedPicture("automobile", "an automobile", "automobile", own, draw_automobile()),
        OfferedPicture("airplane", "an airplane", "airplane", own, draw_airplane()),
        OfferedPicture(
            *("rocket", "a rocket", "", "photograph by SpaceX, public domain, from scikit-image"),
            square(SCIKIT_IMAGE / "rocket.jpg", (107, 0, 427)),
        ),
        OfferedPicture(
            *("coffee", "a cup of coffee", "", "photograph by Rachel Michetti, CC0, from scikit-image"),
            square(SCIKIT_IMAGE / "coffee.png", (100, 0, 400)),
        ),
        OfferedPicture(
            *("flower", "a flower", "", "photograph by vultilion, CC BY 2.0, from scikit-learn"),
            square(SCIKIT_LEARN / "flower.jpg", (130, 0, 427)),
        ),
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


def canvas(upper: str, lower: str, horizon: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A drawing with two grounds that meet at a row."""
    image = Image.new("RGB", (SIDE, SIDE), upper)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon, SIDE, SIDE), fill=lower)
    return image, draw


def draw_ship() -> Image.Image:
    """A freighter from the side, on the sea."""
    image, draw = canvas(SKY, SEA, 330)
    draw.polygon([(40, 270), (475, 262), (430, 372), (84, 372)], fill="#23262e")
    draw.polygon([(74, 350), (440, 350), (430, 380), (88, 380)], fill="#9c2f2a")
    draw.rectangle((92, 160, 196, 268), fill="#eceae4")
    draw.rectangle((128, 96, 166, 160), fill="#c8452e")
    for column in (104, 136, 168):
        draw.rectangle((column, 182, column + 18, 200), fill="#33414f")
    for column, colour in ((214, "#b5632f"), (274, "#3f6f8f"), (334, "#a33b34"), (394, "#6f7f45")):
        draw.rectangle((column, 212, column + 52, 266), fill=colour)
    draw.line((190, 96, 190, 170), fill="#55585e", width=6)
    for row in (400, 440, 480):
        draw.line((0, row, SIDE, row), fill="#3b729b", width=5)
    return image


def draw_automobile() -> Image.Image:
    """A saloon from the side, on a road."""
    image, draw = canvas("#b9cdd8", ROAD, 330)
    draw.rectangle((0, 270, SIDE, 330), fill=GRASS)
    draw.ellipse((50, 380, 470, 420), fill="#3e3e42")
    draw.polygon([(146, 246), (196, 160), (338, 160), (400, 246)], fill="#a81e22")
    draw.polygon([(168, 244), (206, 176), (262, 176), (262, 244)], fill="#3a4a58")
    draw.polygon([(276, 244), (276, 176), (330, 176), (376, 244)], fill="#3a4a58")
    draw.rounded_rectangle((42, 240, 474, 356), radius=40, fill="#c62828")
    draw.rectangle((42, 312, 474, 330), fill="#8e1b1e")
    draw.rectangle((446, 262, 474, 290), fill="#ffe9a8")
    draw.rectangle((42, 262, 62, 288), fill="#ff8a65")
    for middle in (140, 374):
        draw.ellipse((middle - 52, 306, middle + 52, 410), fill="#17181b")
        draw.ellipse((middle - 26, 332, middle + 26, 384), fill="#c9ccd1")
    return image


def draw_airplane() -> Image.Image:
    """An airliner in the sky, from the side."""
    image, draw = canvas(SKY, "#a9d0ee", 300)
    draw.polygon([(60, 130), (122, 130), (176, 232), (96, 240)], fill="#2f4f86")
    draw.polygon([(44, 236), (120, 232), (150, 260), (70, 268)], fill="#c3c9d0")
    draw.rounded_rectangle((66, 222, 440, 292), radius=35, fill="#f3f4f6")
    draw.polygon([(400, 222), (484, 264), (470, 280), (400, 292)], fill="#f3f4f6")
    draw.rectangle((80, 276, 410, 290), fill="#b9c0c9")
    draw.polygon([(252, 256), (322, 256), (206, 404), (164, 404)], fill="#8f99a5")
    draw.polygon([(258, 222), (306, 222), (232, 140), (206, 140)], fill="#a5aeb9")
    draw.rounded_rectangle((240, 306, 306, 336), radius=14, fill="#4f5a68")
    for column in range(150, 410, 26):
        draw.rectangle((column, 240, column + 12, 254), fill="#41566e")
    draw.polygon([(430, 236), (458, 248), (430, 250)], fill="#33475c")
    return image
