"""Tests of senet_lib.book.drawings: nothing leaves the sheet, no word leaves its box, and no box covers another."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from senet_lib.book import drawings
from tools.drawings import COVER, draw_cover

NAMES = ("se_block", "residual_blocks", "bottleneck", "inception_modules")
SVG = "{http://www.w3.org/2000/svg}"
LETTER = 6.6  # width of a letter of 12 units, on average, with some to spare


@pytest.fixture(params=NAMES)
def sheet(request) -> ElementTree.Element:
    return ElementTree.fromstring(str(getattr(drawings, request.param)()))


def boxes(sheet: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    """Left, top, width and height of each box with a word in it."""
    frames = [one.attrib for one in sheet.iter(f"{SVG}rect") if "rx" in one.attrib and "stroke" in one.attrib]
    return [tuple(float(one[key]) for key in ("x", "y", "width", "height")) for one in frames]


def test_nothing_leaves_the_sheet(sheet):
    _, _, width, height = map(float, sheet.attrib["viewBox"].split())
    for left, top, wide, high in boxes(sheet):
        assert left >= 0 and left + wide <= width and top >= 0 and top + high <= height
    for path in sheet.findall(f"{SVG}path"):
        numbers = [float(one) for one in re.findall(r"-?[\d.]+", path.attrib["d"])]
        assert all(0 <= x <= width for x in numbers[::2]) and all(0 <= y <= height for y in numbers[1::2])
    for text in sheet.iter(f"{SVG}text"):
        reach = LETTER * len(text.text or "")
        start = float(text.attrib["x"]) - (reach / 2 if text.attrib["text-anchor"] == "middle" else 0)
        assert start >= 0 and start + reach <= width, text.text


def test_each_word_fits_its_box_and_boxes_lie_apart(sheet):
    found = boxes(sheet)
    assert len(found) >= 5
    for left, top, wide, high in found:
        (words,) = [
            text.text
            for text in sheet.iter(f"{SVG}text")
            if left < float(text.attrib["x"]) < left + wide and top < float(text.attrib["y"]) < top + high
        ]
        assert LETTER * len(words) <= wide, words
    for (x, y, w, h), (x2, y2, w2, h2) in combinations(found, 2):
        assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_the_two_residual_blocks_differ_by_se_alone():
    texts = [text.text for text in ElementTree.fromstring(str(drawings.residual_blocks())).iter(f"{SVG}text")]
    place = texts.index("SE-ResNet")
    plain, with_se = texts[1:place], texts[place + 1 :]
    assert [one for one in with_se if one != "SE"] == plain and with_se.count("SE") == 1


def test_it_shows_itself_in_a_notebook():
    drawing = drawings.se_block()
    assert drawing._repr_svg_() == str(drawing)
    assert "<title>The SE block. A convolution makes" in str(drawing)


def test_the_drawing_of_the_cover_is_what_the_library_draws():
    assert COVER.read_text(encoding="utf-8") == draw_cover(), "run: make drawings"
