"""The excitation explorer computes what torch computes, counts what torch counts, and names what does not fit."""

import numpy as np
import pytest
import torch
from torch import nn

from senet_lib.book.figures.excitation_explorer import ExcitationExplorer, new_block, new_z
from senet_lib.networks.squeeze_excitation import SqueezeExcitation

pytestmark = pytest.mark.browser

GATES = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}
TRAINED = [(8, 1), (8, 2), (8, 4), (16, 1), (16, 4), (16, 16)]
NEW = [(64, 2), (64, 32), (256, 16), (2048, 16)]
PARTS = ("w1", "b1", "w2", "b2", "z")


make_figure = ExcitationExplorer.example


def close(expected):
    return pytest.approx(np.asarray(expected).tolist(), rel=1e-5, abs=1e-5)


def parts_of(figure: ExcitationExplorer, channels: int, reduction: int, picture: int) -> list[np.ndarray]:
    """w1, b1, w2, b2 and z."""
    if (channels, reduction) in TRAINED:
        *weights, z = (figure.trained[f"{channels}.{reduction}.{part}"] for part in PARTS)
        return [*weights, z[picture]]
    return [*new_block(channels, reduction), new_z(channels, picture)]


def torch_block(channels: int, reduction: int, weights: list[np.ndarray], gate: str) -> SqueezeExcitation:
    block = SqueezeExcitation(channels, reduction, gate=GATES[gate])
    with torch.no_grad():
        targets = (block.fc1.weight, block.fc1.bias, block.fc2.weight, block.fc2.bias)
        for target, values in zip(targets, weights, strict=True):
            target.copy_(torch.tensor(values))
    return block


def press(opened, trait: str, value) -> None:
    opened.click(opened.root.locator(f'label:has(input[data-trait="{trait}"][value="{value}"])'))


def show(opened, channels: int, reduction: int) -> None:
    """Choose both, as a reader would."""
    press(opened, "channels", channels)
    press(opened, "reduction", reduction)
    assert (opened.get("channels"), opened.get("reduction")) == (channels, reduction)


@pytest.mark.parametrize("gate", GATES)
def test_hidden_units_and_gates_are_torchs(opened, gate):
    figure = ExcitationExplorer.example()
    with torch.no_grad():
        opened.root.get_by_label(gate, exact=True).check(force=True)
        opened.move("scale", 1.25)
        for channels, reduction in TRAINED + NEW:
            show(opened, channels, reduction)
            *weights, z = parts_of(figure, channels, reduction, picture=0)
            block = torch_block(channels, reduction, weights, gate)
            scaled = 1.25 * torch.tensor(z)[None]
            s = block.excite(scaled)[0]
            assert opened.values("z, squeezed") == close(scaled[0])
            assert opened.values("hidden") == close(block.activation(block.fc1(scaled))[0])
            assert opened.values("gates s") == close(s)
            assert opened.number("mean") == pytest.approx(s.mean().item(), rel=1e-5, abs=1e-5)
            shares = {"shut": s == 0, "negative": s < 0, "above-one": s > 1}
            for name, found in shares.items():
                assert opened.number(name) == pytest.approx(100 * found.float().mean().item(), abs=1e-4), name


def test_gates_follow_the_picture_and_the_scale(opened):
    figure = ExcitationExplorer.example()
    with torch.no_grad():
        menu = opened.root.get_by_label("picture", exact=True)
        for channels, reduction in ((16, 4), (64, 4)):
            show(opened, channels, reduction)
            for picture, scale in ((2, 1.0), (1, 1.0), (1, 0.5), (1, 0.0), (0, 1.5)):
                another = opened.root.get_by_role("button", name="Another random z")
                assert menu.is_visible() == (channels == 16) != another.is_visible()
                if channels == 16:
                    menu.select_option(label=figure.picture_names[picture])
                while opened.get("picture") != picture:
                    opened.click(another)
                opened.move("scale", scale)
                assert opened.get("picture") == picture
                *weights, z = parts_of(figure, channels, reduction, picture)
                scaled = scale * torch.tensor(z)[None]
                block = torch_block(channels, reduction, weights, "sigmoid")
                assert opened.values("z, squeezed") == close(scaled[0])
                assert opened.values("hidden") == close(block.activation(block.fc1(scaled))[0])
                assert opened.values("gates s") == close(block.excite(scaled)[0])


def test_counts_are_those_of_real_blocks(opened):
    combinations = [*TRAINED, *((c, r) for c in (64, 128, 256, 512, 1024, 2048) for r in (2, 4, 8, 16, 32))]
    for channels, reduction in combinations:
        show(opened, channels, reduction)
        with torch.device("meta"):
            blocks = [SqueezeExcitation(channels, reduction, bias=bias) for bias in (False, True)]
        weights, parameters = (sum(one.numel() for one in block.parameters()) for block in blocks)
        assert opened.number("weights") == weights
        assert opened.number("parameters") == parameters
        assert opened.number("hidden-width") == blocks[0].fc1.out_features
        assert opened.text("weights") == f"{weights:,}"


def test_a_width_that_r_does_not_divide_is_rounded_down(opened):
    figure = ExcitationExplorer.example()
    draw = np.random.default_rng(0).normal
    shapes = {"w1": (3, 10), "b1": (3,), "w2": (10, 3), "b2": (10,), "z": (3, 10)}
    figure.trained = {f"10.3.{part}": draw(size=shape) for part, shape in shapes.items()}
    figure.channels, figure.reduction = 10, 3
    opened.show(figure)
    assert opened.number("hidden-width") == 3
    assert opened.number("parameters") == 2 * 10 * 3 + 3 + 10
    assert "rounded down" in opened.text("division")


def test_the_sum_of_the_chosen_gate_is_written_out(opened):
    figure = ExcitationExplorer.example()
    opened.root.locator("details").evaluate("one => { one.open = true; }")
    with torch.no_grad():
        for channels, reduction in ((16, 4), (2048, 16)):
            show(opened, channels, reduction)
            gates = opened.root.get_by_role("slider", name="gates s")
            gates.focus()
            opened.page.keyboard.press("End")
            opened.press("ArrowLeft")
            chosen = channels - 2
            assert opened.get("channel") == chosen
            *weights, z = parts_of(figure, channels, reduction, picture=0)
            block = torch_block(channels, reduction, weights, "sigmoid")
            hidden = block.activation(block.fc1(torch.tensor(z)))
            logit = block.fc2(hidden)[chosen].item()
            bias = block.fc2.bias[chosen].item()
            assert opened.number("logit") == pytest.approx(logit, rel=1e-5, abs=1e-5)
            assert opened.number("bias") == pytest.approx(bias, rel=1e-5, abs=1e-5)
            assert opened.number("products") == pytest.approx(logit - bias, rel=1e-5, abs=1e-5)
            assert opened.number("gate") == pytest.approx(torch.sigmoid(torch.tensor(logit)).item(), rel=1e-5)
            strongest = (block.fc2.weight[chosen] * hidden).abs().argmax().item()
            assert f"from hidden {strongest}" in opened.text("terms").split(",")[0]


def test_pointing_chooses_a_gate_and_a_smaller_block_keeps_a_gate_it_has(opened):
    opened.root.locator("details").evaluate("one => { one.open = true; }")
    gates = opened.root.get_by_role("slider", name="gates s")
    gates.scroll_into_view_if_needed()
    box = gates.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] * 13.5 / 16, box["y"] + 40)
    opened.settle()
    assert opened.get("channel") == 13 and opened.text("which").startswith("Gate 13 (")
    show(opened, 8, 2)
    assert opened.get("channel") == 7
    assert opened.problem is None


def excite(figure, channels: int, reduction: int, z: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden units and gates that torch makes of these numbers."""
    *weights, _ = parts_of(figure, channels, reduction, picture=0)
    block = torch_block(channels, reduction, weights, "sigmoid")
    with torch.no_grad():
        given = torch.tensor(z, dtype=torch.float32)[None]
        return block.activation(block.fc1(given))[0], block.excite(given)[0]


def test_the_gates_follow_a_bar_of_z_that_is_dragged_or_moved_by_keys(opened):
    figure = ExcitationExplorer.example()
    for channels, reduction in ((16, 4), (64, 4)):
        show(opened, channels, reduction)
        z = np.array(opened.values("z, squeezed"))
        bars = opened.root.locator('canvas[aria-label^="z, squeezed"]')
        bars.scroll_into_view_if_needed()
        box, mouse = bars.bounding_box(), opened.page.mouse
        x = box["x"] + box["width"] * 5.5 / channels
        mouse.move(x, box["y"] + box["height"] / 2)
        mouse.down()
        mouse.move(x + 60, box["y"] + 2, steps=3)  # also sideways: the bar that was taken stays the one
        mouse.up()
        opened.press("ArrowRight", "ArrowRight", "ArrowDown", on=bars)
        moved = np.array(opened.values("z, squeezed"))
        least, most = (float(bars.get_attribute(f"aria-value{end}")) for end in ("min", "max"))
        assert np.flatnonzero(moved != z).tolist() == [5, 7]
        assert moved[5] == pytest.approx(most - 2 / box["height"] * (most - least), abs=0.03 * (most - least))
        assert moved[7] == pytest.approx(max(least, z[7] - (most - least) / 20), abs=1e-5)
        hidden, s = excite(figure, channels, reduction, moved)
        assert opened.values("hidden") == close(hidden) and opened.values("gates s") == close(s)
        most_moved = int((s - excite(figure, channels, reduction, z)[1]).abs().argmax())
        assert f"You moved 2 bars of z. Gate {most_moved} moves most" in opened.text("moved")
        opened.click("Put z back")
        assert opened.values("z, squeezed") == close(z) and opened.get("moved") == {}
        bars.press("ArrowUp")
        opened.move("scale", 0.5)  # another z: what was moved is no more
        assert opened.values("z, squeezed") == close(0.5 * z)
        opened.move("scale", 1)


def test_no_use_changes_the_height(opened):
    opened.root.locator("details").evaluate("one => { one.open = true; }")
    for width in (1280, 620, 390):
        opened.look(width, "light")
        heights = set()
        for channels, reduction in [*TRAINED, *NEW, (1024, 2)]:
            show(opened, channels, reduction)
            for gate in GATES:
                opened.set_all(gate=gate, channel=channels - 1, moved={"0": 1.5, "7": -2.0})
                heights.add(opened.root.bounding_box()["height"])
        assert len(heights) == 1, (width, sorted(heights))
    opened.look(1280, "light")


def test_what_a_block_lacks_is_disabled_and_says_why(opened):
    show(opened, 16, 4)
    lacking = opened.root.locator('label:has(input[data-trait="reduction"]:disabled)')
    titles = lacking.evaluate_all("all => all.map((one) => one.title)")
    assert titles == [f"There is no block with C = 16 and r = {r}; there are r = 1, 4, 16." for r in (2, 8, 32)]


def test_a_new_width_takes_the_next_smaller_r(opened):
    for channels, before, after in ((64, 16, 16), (16, 8, 4), (64, 1, 2), (8, 32, 4)):
        start = 16 if channels == 64 else 64
        opened.set("reduction", {16: 4, 64: 4}[start])
        opened.set("channels", start)
        opened.set("reduction", before)
        press(opened, "channels", channels)
        assert opened.get("reduction") == after
        assert opened.problem is None


def test_maps_show_the_weights_and_leave_rows_out_of_large_ones(opened):
    figure = ExcitationExplorer.example()
    assert opened.values("W₁, its weights") == close(figure.trained["16.4.w1"].ravel())
    assert opened.values("W₂, its weights") == close(figure.trained["16.4.w2"].ravel())
    show(opened, 256, 16)
    w1, _, w2, _ = new_block(256, 16)
    assert opened.values("W₁, its weights") == close(w1[::4, ::4].ravel())
    assert opened.values("W₂, its weights") == close(w2[::4, ::4].ravel())


def test_the_middle_is_drawn_as_narrow_as_it_is(opened):
    widths = {}
    for reduction in (1, 4, 16):
        show(opened, 16, reduction)
        widths[reduction] = opened.root.locator('canvas[aria-label="hidden units"]').bounding_box()["width"]
    assert widths[1] / widths[4] == pytest.approx(4, rel=0.02)
    assert widths[1] / widths[16] == pytest.approx(16, rel=0.05)


def test_the_reader_is_told_which_weights_these_are(opened):
    figure = ExcitationExplorer.example()
    figure.source = "<b>mine</b>"
    opened.show(figure)
    assert opened.text("origin") == "Trained weights, <b>mine</b>."
    opened.set("gate", "tanh")
    assert opened.text("origin") == "Trained with a sigmoid, <b>mine</b>; here with tanh."
    show(opened, 64, 4)
    assert opened.text("origin").startswith("New, random weights")


def test_html_in_a_picture_name_is_text(opened):
    figure = ExcitationExplorer.example()
    figure.picture_names = ["<img src=x onerror=\"document.title = 'broken'\">", "</select><b>bold</b>", "c"]
    opened.show(figure)
    options = opened.root.get_by_label("picture", exact=True).locator("option").all_text_contents()
    assert options == figure.picture_names
    assert opened.page.title() == "figure"
    assert opened.root.locator(".senet-live :is(option, select) b, .senet-live img").count() == 0


SHAPES = {"16.4.w1": (5, 16), "16.4.b1": (3,), "16.4.w2": (4, 16), "8.2.b2": (9,), "8.2.z": (2, 8)}
BAD_STATES = [
    ({"trained": lambda old: {k: v for k, v in old.items() if k != "16.4.b2"}}, "trained.16.4.b2 has shape (none)"),
    ({"trained": lambda old: {**old, "16.four.w1": old["16.4.w1"]}}, "trained.16.four.w1 must be named"),
    ({"trained": lambda old: {**old, "16.32.w1": old["16.4.w1"]}}, "trained.16.32.w1 has r = 32"),
    ({"picture_names": lambda old: old[:2]}, "picture_names has 2 names for 3 pictures"),
    ({"channel": lambda old: 16}, "channel is 16; it must be a whole number from 0 to 15"),
    ({"channels": lambda old: 48}, "channels is 48"),
    ({"reduction": lambda old: 2}, "reduction is 2; it must be one of 1, 4, 16"),
    ({"gate": lambda old: "softmax"}, "gate is softmax"),
    ({"moved": lambda old: {"16": 1.0}}, "moved.16 is 1; a channel from 0 to 15"),
]


def test_a_state_that_does_not_fit_is_named(opened):
    for name, shape in SHAPES.items():
        figure = make_figure()
        figure.trained = {**figure.trained, name: np.zeros(shape)}
        opened.says(figure, f"trained.{name} has shape ({','.join(map(str, shape))})")
    for change, expected in BAD_STATES:
        figure = make_figure()
        for trait, make in change.items():
            setattr(figure, trait, make(getattr(figure, trait)))
        opened.says(figure, expected)


@pytest.mark.parametrize(("channels", "reduction", "drawn"), [(16, 4, True), (64, 16, True), (10**9, 2, False)])
def test_the_still_picture_shows_each_block_that_there_is(channels, reduction, drawn):
    figure = ExcitationExplorer.example()
    figure.channels, figure.reduction = channels, reduction
    assert (len(figure._still_png()) > 5000) == drawn
