"""Gates that are trained in the page: the same as PyTorch's, step by step, and a hundred of them."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import binomtest

from senet_lib.book.figures.gate_training import GateTraining
from senet_lib.book.miniature import LEARNING_RATE, STEPS, first_weights, read_worlds, train_miniatures, vote
from senet_lib.data.context_world import COLOURS, ContextWorld
from tests.browser.figures import open_figure

pytestmark = pytest.mark.browser

WORLDS = (ContextWorld.generate(count=150, seed=0), ContextWorld.generate(count=250, seed=1))
SCENES = read_worlds(*WORLDS)
CUES = torch.tensor([scene.cue_colour for scene in WORLDS[1].scenes])
# The points of each row, as the accuracies that they stand for.
POINTS = """root => Object.fromEntries([...root.querySelectorAll('[data-hidden]')].map((strip) => [
  strip.dataset.hidden, [...strip.querySelectorAll('title')].map((one) => Number(one.textContent.split(': ')[1]))]))"""


def make_figure() -> GateTraining:
    return GateTraining.from_worlds(*WORLDS, caption="Press Train.")


def train(hidden: int, seed: int, steps: int) -> list[torch.Tensor]:
    """As senet_lib.book.miniature does, but one, and with its weights at the end."""
    weights = [part.requires_grad_() for part in first_weights(hidden, seed)]
    optimiser = torch.optim.Adam(weights, lr=LEARNING_RATE)
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(vote([part[None] for part in weights], SCENES[0])[0], SCENES[0].labels).backward()
        optimiser.step()
    return [part.detach() for part in weights]


@pytest.mark.parametrize(("hidden", "seed", "step"), [(1, 0, 0), (1, 5, 300), (2, 3, 37), (8, 99, 300), (5, 11, 120)])
def test_gates_and_hidden_units_are_pytorchs(opened, hidden, seed, step):
    weights = train(hidden, seed, step)
    test = SCENES[1]
    h = F.relu(test.z @ weights[0].T + weights[1])
    s = torch.sigmoid(h @ weights[2].T + weights[3])
    right = vote([part[None] for part in weights], test)[0].argmax(1) == test.labels
    opened.set_all(hidden=hidden, seed=seed, step=step)
    for cue, name in enumerate(COLOURS):
        those = cue == CUES
        for gate, colour in enumerate(COLOURS):
            assert opened.number(f"{colour}-{name}") == pytest.approx(float(s[those, gate].mean()), abs=1e-5)
        for j in range(hidden):
            assert opened.number(f"h{'₁₂₃₄₅₆₇₈'[j]}-{name}") == pytest.approx(float(h[those, j].mean()), abs=1e-4)
        assert opened.number(f"right-{name}") == pytest.approx(float(right[those].double().mean()), abs=1e-9)
    assert f"After {step} steps" in opened.text("words")
    assert f"{100 * float(right.double().mean()):.1f}%" in opened.text("words")


def test_the_sentence_says_which_cues_are_understood(opened):
    endings = set()
    for hidden, seed in ((6, 0), (1, 0), (1, 9)):
        opened.set_all(hidden=hidden, seed=seed, step=STEPS)
        known = [name for name in COLOURS if opened.number(f"right-{name}") >= 0.97]
        words = opened.text("words")
        endings.add(len(known))
        if len(known) == 3:
            assert words.endswith("Every cue is understood.")
        elif known:
            assert all(name in words for name in known) and words.endswith("the rest is a guess.")
        else:
            assert words.endswith("No cue is understood.")
    assert endings == {3, 1, 0}


def test_train_goes_to_the_last_step_and_begins_anew_from_there(opened):
    train_button = opened.root.get_by_role("button", name="Train", exact=True)
    train_button.click()
    opened.page.wait_for_function("() => document.querySelector('.senet-figure').model.get('step') === 300")
    train_button.click()
    opened.page.wait_for_function("() => document.querySelector('.senet-figure').model.get('step') < 300")
    opened.root.get_by_role("button", name="Stop", exact=True).click()
    assert opened.get("step") < STEPS


def test_with_reduced_motion_train_goes_to_the_end_at_once(browser, tmp_path):
    with open_figure(browser, make_figure(), tmp_path, motion="reduce") as still:
        still.root.get_by_role("button", name="Train", exact=True).click()
        assert still.get("step") == STEPS


def count_all(opened, hidden: int) -> None:
    opened.set_all(hidden=hidden, part="many")
    opened.root.get_by_role("button", name="Train from 100 seeds").click()
    opened.page.wait_for_function(
        "() => /interval/.test(document.querySelector('[data-name=counted]').textContent)", timeout=60_000
    )


def test_a_hundred_trainings_end_where_pytorchs_do(opened):
    for hidden in (1, 3):
        count_all(opened, hidden)
        expected = train_miniatures(hidden, range(100), *SCENES)
        found = np.array(opened.root.evaluate(POINTS)[str(hidden)])
        # A training on the edge may fall to the other side by the last bit of a sum: let one of the hundred do so.
        assert (abs(found - expected) > 1e-9).sum() <= 1
        solved = int((found >= 0.97).sum())
        low, high = (f"{share:.0%}" for share in binomtest(solved, 100).proportion_ci(method="wilson"))
        assert f"{solved} of 100 seeds solve it (95% interval {low} to {high})" in opened.text("counted")
    assert len(opened.root.evaluate(POINTS)["1"]) == 100, "what was counted before stays"


def test_counting_can_be_stopped_and_goes_on_where_it_was(opened):
    opened.set_all(hidden=7, part="many")
    go = opened.root.locator(".training-buttons button").first
    go.click()
    opened.page.wait_for_function("() => document.querySelectorAll('[data-hidden=\"7\"] circle').length > 2")
    opened.click(go)
    done = len(opened.root.evaluate(POINTS)["7"])
    assert 2 < done <= 100 and go.inner_text() == "Train from 100 seeds"
    for _ in range(3):  # frames in which it would have gone on
        opened.settle()
    assert len(opened.root.evaluate(POINTS)["7"]) == done
    count_all(opened, 7)
    assert len(opened.root.evaluate(POINTS)["7"]) == 100


def test_all_rows_are_trained_one_after_the_other(browser, tmp_path):
    few = [ContextWorld.generate(count=20, seed=seed) for seed in (0, 1)]  # eight hundred trainings take their time
    with open_figure(browser, GateTraining.from_worlds(*few), tmp_path) as opened:
        opened.set("part", "many")
        everything = opened.root.get_by_role("button", name="Train all rows")
        everything.click()
        assert everything.get_attribute("aria-disabled") == "true"
        opened.page.wait_for_function(
            "document.querySelector('.senet-chart[aria-label*=\"8: \"]')?.ariaLabel.match(/of 100/g)?.length === 8",
            timeout=300_000,
        )
        opened.page.wait_for_function(
            "[...document.querySelectorAll('button')].some((one) => one.title === 'All rows are trained.')"
        )
        assert opened.faults == []


def test_another_seed_follows_the_last_with_the_first(opened):
    opened.set("seed", 99)
    opened.root.get_by_role("button", name="Another seed").click()
    assert opened.get("seed") == 0


def test_a_click_on_a_row_chooses_it(opened):
    opened.set("part", "many")
    opened.root.locator('[data-hidden="4"] text').first.click()
    assert opened.get("hidden") == 4


def test_a_slow_press_chooses_a_row_also_while_it_is_drawn_anew(opened):
    opened.set_all(hidden=6, part="many")
    go = opened.root.locator(".training-buttons button").first
    place = """(row) => {
      const { x, y, height } = document.querySelector(`[data-hidden="${row}"] .training-strip`).getBoundingClientRect();
      return [x + 60, y + height / 2];
    }"""
    count = "document.querySelectorAll('[data-hidden=\"6\"] circle').length"
    go.click()
    for chosen in (4, 6):
        opened.page.mouse.move(*opened.page.evaluate(place, chosen))
        opened.page.mouse.down()
        before = opened.page.evaluate(count)
        opened.page.wait_for_function(f"{count} > {before} || {count} === 100")
        opened.page.mouse.up()
        assert opened.get("hidden") == chosen
    if go.inner_text() == "Stop":
        opened.click(go)


def test_scenes_that_cannot_be_are_named(opened):
    for name, value, sign in (
        ("cues", 3, "cues holds 3"),
        ("shapes", 4, "shapes holds 4"),
        ("cues", 0, "no green cue"),
    ):
        figure = make_figure()
        figure.test = figure.test | {name: np.full_like(figure.test[name], value)}
        opened.says(figure, sign, f"test.{name}")


def test_the_still_picture_counts_what_it_is_given():
    accuracies = {1: [0.55, 0.75, 1.0], 8: [1.0, 1.0, 0.99]}
    figure = GateTraining.from_worlds(*WORLDS, accuracies=accuracies)
    (axes,) = figure.draw_still().axes
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["9/16", "3/4", "1 of 3 solve it", "3 of 3 solve it"]
    assert "accuracies" not in figure._plain_state()


@pytest.mark.parametrize("width", [390, 822])
def test_neither_the_track_nor_the_height_changes_while_it_trains(browser, tmp_path, width):
    with open_figure(browser, GateTraining.example(), tmp_path, width=width) as opened:
        found = set()
        for step in (0, 9, 66, 300):
            opened.set("step", step)
            track = opened.root.locator('input[data-trait="step"]').bounding_box()
            found.add((track["width"], track["y"], opened.root.bounding_box()["height"]))
        assert len(found) == 1, found
