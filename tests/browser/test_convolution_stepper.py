"""The convolution stepper shows PyTorch's numbers at every place, and its window stays on the picture."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from senet_lib.book.figures.convolution_stepper import ConvolutionStepper

pytestmark = pytest.mark.browser
OPTIONS = {"clock": True}


def close(value):
    return pytest.approx(value, rel=1e-5, abs=1e-5)


def make_figure(**state) -> ConvolutionStepper:
    """Two channels and four filters of random numbers, taller than wide: no symmetry can hide a mistake."""
    random = np.random.default_rng(0)
    parts = {
        "x": random.normal(size=(2, 7, 5)),
        "filters": random.normal(size=(4, 2, 3, 3)),
        "filter_names": ["a", "b", "c", "d"],
        "channel_names": ["left ear", "right ear"],
        "caption": "Two channels.",
    }
    return ConvolutionStepper(**parts | state)


STEPPER = make_figure()


def torch_output(figure: ConvolutionStepper, index: int) -> np.ndarray:
    """u (H - 2, W - 2) of one filter."""
    x, v = torch.tensor(figure.x).double(), torch.tensor(figure.filters).double()
    return F.conv2d(x[None], v)[0, index].numpy()


def choose(opened, index: int) -> None:
    opened.root.locator('select[data-trait="filter"]').select_option(index=index)
    opened.settle()


def place(opened) -> tuple[int, int]:
    return opened.get("row"), opened.get("column")


def shown_places(opened) -> int:
    return opened.root.locator('[data-name^="u-"][data-value]').count()


@pytest.mark.parametrize(("index", "row", "column"), [(0, 0, 0), (1, 4, 2), (2, 1, 2), (3, 3, 1)])
def test_products_sums_and_output_are_those_of_torch(opened, index, row, column):
    choose(opened, index)
    opened.move("row", row)
    opened.move("column", column)
    window = STEPPER.x[:, row : row + 3, column : column + 3].astype(float)
    weights = STEPPER.filters[index].astype(float)
    for s in range(2):
        for tap in range(9):
            assert opened.number(f"x-{s}-{tap}") == close(window[s].flat[tap])
            assert opened.number(f"v-{s}-{tap}") == close(weights[s].flat[tap])
            assert opened.number(f"product-{s}-{tap}") == close(window[s].flat[tap] * weights[s].flat[tap])
        part = F.conv2d(torch.tensor(window[None, s : s + 1]), torch.tensor(weights[None, s : s + 1]))
        assert opened.number(f"sum-{s}") == close(part.item())
    u = torch_output(STEPPER, index)[row, column]
    assert opened.number("u") == close(u)
    assert opened.number(f"u-{row}-{column}") == close(u)


@pytest.mark.parametrize("index", range(4))
def test_the_whole_map_is_the_convolution(opened, index):
    expected = torch_output(STEPPER, index)
    choose(opened, index)
    assert shown_places(opened) == 1
    opened.root.get_by_label("show the whole map").check()
    opened.settle()
    assert shown_places(opened) == expected.size
    for (row, column), value in np.ndenumerate(expected):
        assert opened.number(f"u-{row}-{column}") == close(value)


def test_the_map_fills_row_by_row(opened):
    opened.move("row", 2)
    opened.move("column", 1)
    assert shown_places(opened) == 2 * 3 + 2
    assert opened.root.locator('[aria-current="true"]').get_attribute("data-name") == "u-2-1"
    opened.root.get_by_role("button", name="Next").click()
    opened.click("Next")
    assert place(opened) == (3, 0)
    opened.click("Previous")
    assert place(opened) == (2, 2)
    assert shown_places(opened) == 9


def test_the_steps_end_at_the_first_and_the_last_place(opened):
    previous, following = (opened.root.get_by_role("button", name=name) for name in ("Previous", "Next"))
    assert previous.is_disabled() and following.is_enabled()
    opened.move("row", 4)
    opened.move("column", 2)
    assert previous.is_enabled() and following.is_disabled()


def test_the_sum_is_written_as_one_would_on_paper(opened):
    opened.show(ConvolutionStepper.example())
    line = opened.root.locator(".senet-stepper-sum")

    def written() -> str:
        return re.sub(r"\s+", " ", line.inner_text())

    assert written() == "u(3, 3) = 3 red + 3 green + 0 blue = 6"
    choose(opened, 1)
    assert written() == "u(3, 3) = 3 red + (−3) green + 0 blue = 0"
    assert opened.text("product-1-6") == "−1"
    assert opened.text("v-1-6") == "(−1)"
    assert opened.text("product-1-0") == "0", "0 times −1 is no negative zero"


def test_arrow_keys_move_the_window_and_stay_inside(opened):
    window = opened.root.get_by_role("slider", name="window on left ear")
    window.focus()

    def press(key: str, times: int = 1) -> tuple[int, int]:
        for _ in range(times):
            opened.page.keyboard.press(key)
        opened.settle()
        return place(opened)

    assert press("ArrowLeft") == (0, 0)
    assert press("ArrowUp") == (0, 0)
    assert press("ArrowDown") == (1, 0)
    assert press("ArrowRight") == (1, 1)
    assert window.get_attribute("aria-valuetext") == "row 1, column 1"
    assert press("ArrowRight", 5) == (1, 2)
    assert press("ArrowDown", 9) == (4, 2)
    assert int(window.get_attribute("aria-valuenow")) == int(window.get_attribute("aria-valuemax")) == 14
    assert press("Home") == (4, 0)
    assert press("PageUp") == (0, 0)
    assert press("End") == (0, 2)
    assert press("PageDown") == (4, 2)
    assert opened.problem is None


def test_the_window_follows_the_pointer_on_each_map(opened):
    for name in ("left ear", "right ear"):
        box = opened.root.get_by_role("slider", name=f"window on {name}").bounding_box()
        pixel = box["width"] / 5

        def at(row: int, column: int, box: dict = box, pixel: float = pixel) -> tuple[float, float]:
            return box["x"] + (column + 0.5) * pixel, box["y"] + (row + 0.5) * pixel

        opened.page.mouse.move(*at(3, 2))
        opened.page.mouse.down()
        opened.settle()
        assert place(opened) == (2, 1), "the pointer's pixel is in the middle of the window"
        opened.page.mouse.move(*at(6, 4))
        opened.settle()
        assert place(opened) == (4, 2)
        opened.page.mouse.move(box["x"] - 40, box["y"] - 40)
        opened.settle()
        assert place(opened) == (0, 0)
        opened.page.mouse.up()
        opened.page.mouse.move(*at(3, 2))
        opened.settle()
        assert place(opened) == (0, 0), "without a button held down nothing moves"


def test_the_outline_surrounds_the_window(opened):
    opened.move("row", 3)
    opened.move("column", 1)
    outline = opened.root.locator(".senet-stepper-window").first.bounding_box()
    canvas = opened.root.locator("canvas").first.bounding_box()
    pixel = canvas["width"] / 5
    assert outline["x"] - canvas["x"] == pytest.approx(1 * pixel, abs=1)
    assert outline["y"] - canvas["y"] == pytest.approx(3 * pixel, abs=1)
    assert outline["width"] == pytest.approx(3 * pixel, abs=1)


def test_a_click_on_the_output_goes_there(opened):
    opened.click(opened.root.locator('[data-name="u-3-1"]'))
    assert place(opened) == (3, 1)
    assert opened.number("u") == close(torch_output(STEPPER, 0)[3, 1])


def test_play_stops_at_the_end_and_begins_again_from_there(opened):
    opened.move("row", 4)
    play = opened.root.locator("button[aria-pressed]")
    play.click()
    opened.page.wait_for_function("document.querySelector('[aria-pressed]').textContent === 'Play'")
    assert place(opened) == (4, 2)
    opened.page.clock.run_for(500)
    assert place(opened) == (4, 2)
    play.click()
    opened.page.wait_for_function("document.querySelector('.senet-figure').model.get('row') === 0")
    assert play.inner_text() == "Stop"
    play.click()


def test_the_reader_stops_play_with_the_button_or_by_moving_and_new_data_do(opened):
    play = opened.root.locator("button[aria-pressed]")
    moves = (lambda: opened.move("row", 1), opened.root.get_by_role("button", name="Next").click)
    for stop in (play.click, *moves, lambda: opened.set("channel_names", ["one", "two"])):
        play.click()
        assert play.inner_text() == "Stop"
        stop()
        assert play.inner_text() == "Play"
        before = place(opened)
        opened.page.clock.run_for(450)
        assert place(opened) == before


def test_the_maps_are_painted_anew_when_light_turns_dark(opened):
    paper = "el => el.querySelector('canvas').getContext('2d').getImageData(0, 0, 1, 1).data.join()"
    figure = ConvolutionStepper.example()
    figure.x = figure.x * 0
    opened.show(figure)
    assert opened.root.evaluate(paper) == "244,245,247,255"
    opened.look(1280, "dark")
    assert opened.root.evaluate(paper) == "36,39,46,255"
    opened.look(1280, "light")


def test_one_channel_and_one_place(opened):
    x, v = np.arange(9).reshape(1, 3, 3) - 4.0, np.full((1, 1, 3, 3), 0.5)
    v[0, 0, 0, 0] = 2
    figure = ConvolutionStepper(x=x, filters=v, filter_names=["half"], channel_names=["grey"], caption="One.")
    opened.show(figure)
    assert opened.problem is None
    assert opened.number("u") == close(float((x * v).sum()))
    assert opened.root.get_by_role("button", name="Next").is_disabled()


MISTAKES = [
    ({"filters": np.ones((4, 3, 3, 3))}, "filters has shape (4,3,3,3); it must be (F, 2, 3, 3)"),
    ({"filters": np.ones((4, 2, 5, 5))}, "filters has shape (4,2,5,5)"),
    ({"x": np.ones((4, 7, 5))}, "x has 4 channels; it must have 1 to 3"),
    ({"x": np.ones((2, 2, 5))}, "x has 2 rows and 5 columns; each must be from 3 to 10"),
    ({"x": np.ones((2, 7, 32))}, "x has 7 rows and 32 columns"),
    ({"filter_names": ["only one"]}, "filter_names has 1 texts; it must have 4"),
    ({"channel_names": ["a", "b", "c"]}, "channel_names has 3 texts; it must have 2"),
    ({"row": 5}, "row is 5; it must be from 0 to 4"),
    ({"column": 3}, "column is 3; it must be from 0 to 2"),
    ({"filter": 4}, "filter is 4; it must be one of 0, 1, 2, 3"),
]


def test_state_that_does_not_fit_is_named(opened):
    for change, named in MISTAKES:
        opened.says(make_figure(**change), named)
