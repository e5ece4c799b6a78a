"""The receptive-field explorer against the recursion of senet_lib.cost.receptive_field, and against autograd."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from senet_lib.book.draws import normal_draws
from senet_lib.book.figures.receptive_field_explorer import (
    EFFECTIVE_CHANNELS,
    EFFECTIVE_DRAWS,
    ReceptiveFieldExplorer,
    field_sizes,
)
from senet_lib.cost.receptive_field import Layer, main_path, receptive_field
from senet_lib.data.context_world import GLYPH_SIZE, ContextWorld, glyph
from senet_lib.networks.models import create_model

pytestmark = pytest.mark.browser

CHAPTER = [(3, 1, 1), (3, 2, 1), (3, 1, 1), (3, 1, 1), (3, 1, 1)]
STACKS = {
    "the chapter's network": CHAPTER,
    "one layer more": [*CHAPTER, (3, 1, 1)],
    "dilation leaves holes": [(1, 1, 1), (3, 1, 3)],
    "padding cuts a path": [(3, 1, 3), (3, 1, 1)],
    "a stride leaves holes": [(1, 2, 1), (5, 1, 1)],
    "larger than the picture": [(7, 2, 3), (5, 2, 2), (7, 2, 3), (3, 2, 1)],
    "one unit": [(3, 2, 1)] * 6,
}


def traits(stack) -> dict[str, list[int]]:
    return {name: [layer[i] for layer in stack] for i, name in enumerate(("kernels", "strides", "dilations"))}


def build(stack, channels: int, inputs: int, *, relu: bool) -> nn.Sequential:
    modules: list[nn.Module] = []
    for kernel, stride, dilation in stack:
        padding = dilation * (kernel - 1) // 2
        modules.append(nn.Conv2d(inputs, channels, kernel, stride, padding, dilation, bias=False).double())
        modules += [nn.ReLU()] if relu else []
        inputs = channels
    return nn.Sequential(*modules)


def pixels_by_autograd(stack, row: int, column: int) -> np.ndarray:
    """bool (32, 32): where the gradient of a unit is not 0, with weights that are all 1."""
    network = build(stack, channels=1, inputs=1, relu=False)
    for module in network:
        nn.init.ones_(module.weight)
    picture = torch.zeros(1, 1, 32, 32, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(picture)[0, 0, row, column], picture)
    return gradient[0, 0].numpy() != 0


def influence_by_autograd(stack, row: int, column: int) -> np.ndarray:
    """(32, 32): the mean size of the gradient, with the draws that the page uses."""
    network = build(stack, EFFECTIVE_CHANNELS, 3, relu=True)
    total = np.zeros((32, 32))
    for draw in range(EFFECTIVE_DRAWS):
        weights = [parameter for parameter in network.parameters()]
        numbers = torch.tensor(normal_draws(2 * draw + 1, sum(w.numel() for w in weights))).double()
        for weight, part in zip(weights, numbers.split([w.numel() for w in weights]), strict=True):
            fan_in = weight[0].numel()
            weight.data = part.reshape(weight.shape) * (2 / fan_in) ** 0.5
        picture = torch.tensor(normal_draws(2 * draw + 2, 3 * 32 * 32)).double().reshape(1, 3, 32, 32)
        picture.requires_grad_()
        (gradient,) = torch.autograd.grad(network(picture)[:, :, row, column].sum(), picture)
        total += gradient.abs().sum((0, 1)).numpy() / EFFECTIVE_DRAWS
    return total


def half_width(influence: np.ndarray, row: int, column: int) -> int:
    distance = np.maximum(*abs(np.indices((32, 32)) - np.array([row, column])[:, None, None]))
    return next(2 * d + 1 for d in range(32) if influence[distance <= d].sum() >= influence.sum() / 2)


def drawn_pixels(opened) -> np.ndarray:
    """bool (32, 32): what the picture's fog leaves free, read from the drawing itself."""
    found = opened.root.locator("path.fog").evaluate(
        """(path) => Array.from({ length: 1024 }, (_, i) =>
          !path.isPointInFill(new DOMPoint((i % 32) + 0.5, Math.floor(i / 32) + 0.5)))"""
    )
    return np.array(found).reshape(32, 32)


def wait_until_measured(opened) -> None:
    opened.page.wait_for_function("document.querySelector('[data-name=\"half of the influence\"]').dataset.value > 0")


def in_box(box) -> tuple[slice, slice]:
    top, left, height, width = (int(number) for number in box)
    return slice(top, top + height), slice(left, left + width)


def click_on(opened, selector: str, row: float, column: float) -> None:
    """Press the mouse at a place of an element, 0 to 1."""
    node = opened.root.locator(selector)
    node.scroll_into_view_if_needed()
    box = node.bounding_box()
    opened.page.mouse.click(box["x"] + column * box["width"], box["y"] + row * box["height"])
    opened.settle()


make_figure = ReceptiveFieldExplorer.example


def test_the_default_stack_is_the_networks_own():
    explorer = ReceptiveFieldExplorer()
    layers = [Layer(*layer) for layer in zip(explorer.kernels, explorer.strides, explorer.dilations, strict=True)]
    assert layers == main_path(create_model("small_resnet")) == [Layer(*layer) for layer in CHAPTER]


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_the_still_pictures_sizes_are_the_recursions(stack):
    fields = receptive_field(Layer(*layer) for layer in stack)
    assert field_sizes(*traits(stack).values()) == ([field.size for field in fields[1:]], fields[-1].jump)


def test_boxes_lie_where_cue_and_glyphs_are():
    world = ContextWorld.generate(count=40, seed=4)
    explorer = ReceptiveFieldExplorer.of_world(world)
    assert {scene.quarter_turns for scene in world.scenes} == {0, 1, 2, 3}
    for i, scene in enumerate(world.scenes):
        cue = in_box(explorer.cue_boxes[i])
        assert (world.pictures[i, scene.cue_colour][cue] == 255).all()
        left_over = world.pictures[i].copy()
        left_over[(slice(None), *cue)] = 0
        for colour, shape in enumerate(scene.shapes):
            place = in_box(explorer.glyph_boxes[i, colour])
            mask = np.rot90(glyph(shape), scene.quarter_turns)
            assert mask.shape == (GLYPH_SIZE, GLYPH_SIZE)
            np.testing.assert_array_equal(left_over[(colour, *place)] == 255, mask)
            left_over[(colour, *place)] = 0
        assert (left_over == 0).all()


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_field_and_counts_are_those_of_autograd(opened, stack):
    fields = receptive_field(Layer(*layer) for layer in stack)
    side = build(stack, 1, 1, relu=False)(torch.zeros(1, 1, 32, 32).double()).shape[-1]
    sees = [[pixels_by_autograd(stack, row, column) for column in range(side)] for row in range(side)]
    explorer = make_figure()
    opened.set_all(**traits(stack), row=0, column=0)
    assert opened.problem is None
    for number, field in enumerate(fields[1:], start=1):
        assert opened.number(f"size after layer {number}") == field.size
        assert opened.number(f"jump after layer {number}") == field.jump
    assert opened.number("units") == side**2
    for row, column in {(0, 0), (side // 2, side // 3), (side - 1, side // 2)}:
        opened.move("row", row)
        opened.move("column", column)
        np.testing.assert_array_equal(drawn_pixels(opened), sees[row][column])
        assert opened.number("pixels seen") == sees[row][column].sum()
        assert opened.text("field") == f"{fields[-1].size} × {fields[-1].size} pixels"
    for scene in range(3):
        opened.root.locator('select[data-trait="scene"]').select_option(index=scene)
        opened.settle()
        cue = in_box(explorer.cue_boxes[scene])
        glyphs = [in_box(box) for box in explorer.glyph_boxes[scene]]
        units = itertools.chain.from_iterable(sees)
        both = sum(unit[cue].any() and any(unit[box].any() for box in glyphs) for unit in units)
        assert opened.number("units that see both") == both


def test_no_unit_of_the_chapters_network_sees_both_and_one_layer_more_does(opened):
    world = ContextWorld.generate(count=8, seed=1)
    opened.show(ReceptiveFieldExplorer.of_world(world))
    opened.click("Add a layer")
    with_more = []
    for scene in range(8):
        opened.set("scene", scene)
        with_more.append(opened.number("units that see both"))
    assert max(with_more) > 0
    opened.click("The chapter's network")
    for scene in range(8):
        opened.set("scene", scene)
        assert opened.number("units that see both") == 0


def test_the_unit_in_words(opened):
    explorer = make_figure()
    opened.set("scene", 0)
    cue, glyphs = in_box(explorer.cue_boxes[0]), [in_box(box) for box in explorer.glyph_boxes[0]]
    wanted = {}
    for row, column in itertools.product(range(16), repeat=2):
        sees = pixels_by_autograd(CHAPTER, row, column)
        names = [name for name, box in zip(("red", "green", "blue"), glyphs, strict=True) if sees[box].any()]
        wanted.setdefault((bool(sees[cue].any()), *names), (row, column))
    assert (True,) in wanted and (False,) in wanted and (False, "red") in wanted
    for (has_cue, *names), (row, column) in wanted.items():
        opened.move("row", row)
        opened.move("column", column)
        text = opened.text("what the unit sees")
        assert ("the cue, but no glyph" in text) == has_cue
        assert [name for name in ("red", "green", "blue") if name in text] == names
        assert ("neither" in text) == (not has_cue and not names)


@pytest.mark.parametrize(
    ("stack", "row", "column"),
    [
        (CHAPTER, 8, 8),
        (CHAPTER, 0, 14),
        ([(5, 2, 2), (3, 1, 3), (7, 2, 1)], 3, 7),
    ],
)
def test_influence_is_that_of_autograd(opened, stack, row, column):
    explorer, jump = make_figure(), receptive_field(Layer(*layer) for layer in stack)[-1].jump
    influence = influence_by_autograd(stack, row, column)
    opened.set_all(**traits(stack), row=row, column=column, show="effective")
    wait_until_measured(opened)
    drawn = np.array(opened.values("How much each pixel counts")).reshape(32, 32)
    assert drawn == pytest.approx(influence / influence.max(), abs=1e-5)
    assert opened.number("half of the influence") == half_width(influence, row * jump, column * jump)
    for scene in range(3):
        opened.set("scene", scene)
        share = 100 * influence / influence.sum()
        assert opened.number("influence of the cue") == pytest.approx(
            share[in_box(explorer.cue_boxes[scene])].sum(), abs=1e-5, rel=1e-5
        )
        assert opened.number("influence of the glyphs") == pytest.approx(
            sum(share[in_box(box)].sum() for box in explorer.glyph_boxes[scene]), abs=1e-5, rel=1e-5
        )


def test_newer_layers_drop_the_measurement_under_way(opened):
    longer = traits([(5, 1, 1)] * 5)
    opened.set_all(**longer, show="effective")
    assert opened.text("half of the influence") == "…"
    opened.root.get_by_role("button", name="The chapter's network").click()
    wait_until_measured(opened)
    influence = influence_by_autograd(CHAPTER, opened.get("row"), opened.get("column"))
    drawn = np.array(opened.values("How much each pixel counts")).reshape(32, 32)
    assert drawn == pytest.approx(influence / influence.max(), abs=1e-5)
    opened.root.locator('[data-name="half of the influence"]').evaluate(
        """el => { window.told = [];
          new MutationObserver(() => told.push(el.textContent)).observe(el, { childList: true, subtree: true }); }"""
    )
    opened.set_all(**longer)  # as long as the older one, which would end before it, if it were not dropped
    wait_until_measured(opened)
    assert opened.page.evaluate("told.filter((text) => text !== '…').length") == 1


def test_a_large_stack_does_not_block_the_page(opened):
    opened.set_all(**traits([(7, 1, 1)] * 8), show="effective")
    assert opened.text("half of the influence") == "…"
    for _ in range(3):  # frames that are drawn between its slices
        opened.settle()
        assert opened.text("half of the influence") == "…"
    opened.move("column", 3)  # while it measures
    assert opened.number("size after layer 8") == 49


def test_editing_the_layers(opened):
    root = opened.root
    root.get_by_label("kernel of layer 1").select_option("7")
    root.get_by_label("dilation of layer 2").select_option("2")
    root.get_by_label("stride of layer 3").select_option("2")
    opened.settle()
    stack = [(7, 1, 1), (3, 2, 2), (3, 2, 1), (3, 1, 1), (3, 1, 1)]
    assert {name: opened.get(name) for name in traits(stack)} == traits(stack)
    assert (opened.get("row"), opened.get("column")) == (4, 4), "the unit stays over pixel 16"
    opened.click(root.get_by_label("remove layer 2"))
    assert opened.get("kernels") == [7, 3, 3, 3] and opened.get("strides") == [1, 2, 1, 1]
    assert opened.get("row") == 8
    assert not root.get_by_label("kernel of layer 5").is_visible()
    opened.click(root.get_by_role("button", name="The chapter's network"))
    assert {name: opened.get(name) for name in traits(CHAPTER)} == traits(CHAPTER)


def test_adding_and_removing_from_the_keyboard_keeps_the_focus(opened):
    focused = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
    add = opened.root.get_by_role("button", name="Add a layer")
    add.focus()
    for _ in range(3):
        opened.press("Enter")
    assert opened.get("kernels") == [3] * 8
    assert add.is_disabled() and opened.page.evaluate(focused) == "Add a layer"
    assert add.get_attribute("title") == "More than 8 layers are not drawn here."
    opened.root.get_by_label("remove layer 8").focus()
    opened.press("Enter")
    assert opened.page.evaluate(focused) == "Add a layer"
    opened.root.get_by_label("remove layer 1").focus()
    for _ in range(6):
        opened.press("Enter")
    assert len(opened.get("kernels")) == 1
    assert opened.root.get_by_label("remove layer 1").is_disabled()
    assert opened.page.evaluate(focused) == "remove layer 1"


def test_the_unit_follows_the_pointer(opened):
    click_on(opened, ".field-picture", 6.5 / 32, 20.5 / 32)  # pixel (6, 20)
    assert (opened.get("row"), opened.get("column")) == (3, 10)
    click_on(opened, ".field-picture", 0.999, 0.001)
    assert (opened.get("row"), opened.get("column")) == (15, 0)
    click_on(opened, "svg.units", 2.5 / 16, 9.5 / 16)
    assert (opened.get("row"), opened.get("column")) == (2, 9)
    box = opened.root.locator("svg.units").bounding_box()
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + 12.5 / 16 * box["width"], box["y"] + 7.5 / 16 * box["height"])
    opened.page.mouse.up()
    opened.settle()
    assert (opened.get("row"), opened.get("column")) == (7, 12)
    opened.page.mouse.move(box["x"] + 5, box["y"] + 5)  # no button is pressed
    opened.settle()
    assert (opened.get("row"), opened.get("column")) == (7, 12)


def test_a_smaller_stack_from_python_leaves_the_unit_on_the_map(opened):
    opened.set("row", 15)
    opened.set("strides", [1, 2, 2, 1, 1])
    assert opened.problem is None
    assert (opened.get("row"), opened.get("column")) == (7, 7)


MISTAKES = [
    ({"kernels": [3, 3]}, "kernels has 2, strides has 5"),
    ({"kernels": [3, 3, 2, 3, 3]}, "kernels"),
    ({"strides": [1, 3, 1, 1, 1]}, "strides"),
    ({"dilations": [1, 1, 1, 1, 0]}, "dilations"),
    ({"kernels": [], "strides": [], "dilations": []}, "kernels"),
    ({"kernels": [3] * 9, "strides": [1] * 9, "dilations": [1] * 9}, "kernels"),
    ({"row": 16}, "row"),
    ({"column": -1}, "column"),
    ({"scene": 3}, "scene"),
    ({"show": "both"}, "show"),
]


BAD_ARRAYS = [
    ("cue_boxes", np.array([[0, 0, 8, 8]])),
    ("cue_boxes", np.array([[0, 25, 8, 8]] * 3)),
    ("glyph_boxes", np.zeros((3, 2, 4), int)),
    ("glyph_boxes", np.zeros((3, 3, 4), int)),
    ("pictures", np.zeros((3, 3, 32, 32), np.float32)),
    ("pictures", np.zeros((3, 3, 16, 16), np.uint8)),
]


def test_a_mistake_is_named_in_the_frame(opened):
    for state, name in MISTAKES:
        opened.refuses(name, **state)
    for name, array in BAD_ARRAYS:
        figure = make_figure()
        figure.set_trait(name, array)
        opened.says(figure, name)


INSIDE = """root => {
  const field = root.querySelector('.field-picture .edge').getBBox();
  const over = ({ x, y, width, height }) =>
    x < field.x + field.width && field.x < x + width && y < field.y + field.height && field.y < y + height;
  const names = [...root.querySelectorAll('.field-picture text')];
  return names.filter((one) => over(one.getBBox())).map((one) => one.textContent);
}"""


def test_no_name_stands_in_the_field_of_a_unit_that_does_not_see_it(opened):
    count = len(opened.root.get_by_label("Scene", exact=True).locator("option").all())
    for scene, place in itertools.product(range(count), (0, 4, 8, 11, 15)):
        opened.set_all(scene=scene, row=place, column=15 - place)
        inside = opened.root.evaluate(INSIDE)
        sees = opened.text("what the unit sees").partition(", but")[0]
        assert all(name in sees for name in inside), (scene, place, inside, sees)


def test_a_drag_moves_the_unit_and_selects_no_text(opened):
    box = opened.root.locator(".field-picture").bounding_box()
    mouse = opened.page.mouse
    mouse.move(box["x"] + 20, box["y"] + 20)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    assert opened.get("row") > 3
    mouse.move(box["x"] + box["width"] + 60, box["y"] + box["height"] + 90, steps=4)
    mouse.up()
    assert opened.get("row") == 15
    assert opened.page.evaluate("String(getSelection())") == ""


@pytest.mark.parametrize("width", [320, 480, 540, 600])
def test_the_table_of_layers_fits(opened, width):
    opened.look(width, "light")
    opened.fits(".receptive-field")
    opened.look(1280, "light")
