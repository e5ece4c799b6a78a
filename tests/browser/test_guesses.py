"""A guess is taken: before it the figure shows nothing of the answer; after it, how far off it was; and it lasts."""

import numpy as np
import pytest

from senet_lib.book.figures.block_walkthrough import BlockWalkthrough
from senet_lib.book.figures.class_gates import EXAMPLE, ClassGates
from senet_lib.book.figures.convolution_stepper import ConvolutionStepper
from senet_lib.book.figures.cost_calculator import CostCalculator
from senet_lib.book.figures.excitation_explorer import ExcitationExplorer
from senet_lib.book.figures.figure import Figure
from senet_lib.book.figures.find_the_fault import FindTheFault
from senet_lib.book.figures.gate_training import GateTraining
from senet_lib.book.figures.gates_on_a_line import GatesOnALine
from senet_lib.book.figures.paired_seeds import PairedSeeds
from senet_lib.book.figures.photograph_in_page import PhotographInPage
from senet_lib.book.figures.receptive_field_explorer import ReceptiveFieldExplorer
from senet_lib.book.figures.reduction_explorer import ReductionExplorer
from senet_lib.book.figures.rescale_mixer import RescaleMixer
from senet_lib.book.figures.squeeze_explorer import SqueezeExplorer
from senet_lib.book.figures.surgery import Surgery
from senet_lib.book.figures.training_race import TrainingRaceFigure
from tests.browser.figures import Opened, open_figure, serious_violations, unreachable_controls

pytestmark = pytest.mark.browser


def asking(cls: type[Figure]) -> Figure:
    asked_of = "cifar10-gates-r4"  # the second network of the menu
    figure = ClassGates.read(EXAMPLE, network=asked_of) if cls is ClassGates else cls.example()
    figure.asks = True
    if cls in (PhotographInPage, Surgery):
        figure.part = {PhotographInPage: "gates", Surgery: "start"}[cls]
    if cls is FindTheFault:
        figure.revealed = [figure.specimens[0]["name"]]  # then the trainings are to be seen
    return figure


def seeds_won() -> int:
    plain, se = (arm["accuracies"] for arm in PairedSeeds.example().experiments[0]["arms"][:2])
    return int((np.array(se) > np.array(plain)).sum())


def seeds_solved() -> int:
    series = ReductionExplorer.example().series[0]
    return int((np.array(series["entries"][-1]["results"]) >= series["solved"]).sum())


def answers_changed() -> int:
    figure = Surgery.example()
    without_se, with_se = figure.logits[0], figure.logits[1 + figure.start_gates.index(0.9)]
    return int((without_se.argmax(1) != with_se.argmax(1)).sum())


def answers_of_the_opened() -> int:
    figure = PhotographInPage.example()
    best = figure.answers["r4"][:, :, :10].argmax(2)
    return int((best[0] != best[1]).sum())


def gates_moved() -> int:
    figure = ExcitationExplorer.example()
    w1, b1, w2, b2, z = figure._block()
    lifted = z.copy()
    lifted[figure.channel] = 1.5 * figure.trained[f"{figure.channels}.{figure.reduction}.z"].max()
    before, after = (1 / (1 + np.exp(-w2 @ np.maximum(0, w1 @ one + b1) - b2)) for one in (z, lifted))
    return int((abs(after - before) > 0.05).sum())


GATES_APART = """root => {
  const [one, other] = [...root.querySelectorAll('.walk-strip[aria-label^="s, "]')].map((strip) => strip.values);
  return Math.max(...one.map((gate, c) => Math.abs(gate - other[c])));
}"""

# Figure, what is covered, a right guess ("": the figure's largest difference of gates), a wrong one, and what is said.
ASKED = [
    (BlockWalkthrough, ".walk-strip.parts-unknown", "", "0", "gates are computed from the picture"),
    (ClassGates, ".senet-gates-share", "9", "1", "how the gates vary in block 9"),
    (CostCalculator, "[data-name=added]", "4", "1", "Stage 4 of ResNet-50 pays 62.5% of the weights."),
    (ExcitationExplorer, ".excitation-flow .parts-unknown canvas", str(gates_moved()), "0", "has a bar of its own"),
    (FindTheFault, ".senet-fault-trainings svg", "unseen", "seen", "you would not notice it"),
    (GatesOnALine, ".line-chart .line-chosen", "green", "red", "lies between its values at the two ends"),
    (PairedSeeds, ".parts-conclusion", str(seeds_won()), "0", "is better with"),
    (PhotographInPage, ".desk .parts-gates", str(answers_of_the_opened()), "0", "answers change: those for cat, horse"),
    (ReceptiveFieldExplorer, ".unit-map", "none", "few", "need a window of 18"),
    (ReductionExplorer, ".senet-chart .senet-reduction-dot", str(seeds_solved()), "0", "seeds solve it"),
    (RescaleMixer, ".parts-score i", "1", "0", "with the gates of “picture C” give"),
    (SqueezeExplorer, "[data-name=largest-change]", "0", "16", "their order does not matter"),
    (Surgery, ".surgery-points", str(answers_changed()), "40", "are other maps"),
    (TrainingRaceFigure, "[data-trait=moment]", "SE", "plain", "At the end: plain 0.563, SE 1."),
]


@pytest.fixture(params=ASKED, ids=lambda one: one[0].__name__)
def asked(request):
    return request.param


def seen(opened: Opened, selector: str) -> list[bool]:
    script = "all => all.map((one) => one.checkVisibility({ visibilityProperty: true }))"
    return opened.root.locator(selector).evaluate_all(script)


def take(opened: Opened, guess: str) -> None:
    slider = opened.root.locator(".parts-guess input")
    if slider.count():
        slider.fill(guess)
        opened.click("Guess")
    else:
        opened.click(opened.root.locator(f'.parts-guess [data-guess="{guess}"]'))


def test_nothing_of_the_answer_stands_there_before_the_guess(browser, tmp_path, asked):
    cls, covered, right, wrong, told = asked
    with open_figure(browser, asking(cls), tmp_path, way="http") as opened:
        height = opened.root.bounding_box()["height"]
        assert not any(seen(opened, covered))
        assert told not in opened.root.inner_text()
        assert unreachable_controls(opened) == []
        take(opened, wrong)
        assert all(seen(opened, covered)) and opened.root.bounding_box()["height"] == height
        assert told in opened.text("guess") and not opened.text("guess").startswith(("Right", "Exactly"))
        assert opened.page.evaluate("document.activeElement.textContent") == "Guess again", "the focus is not lost"
        opened.click("Guess again")
        assert not any(seen(opened, covered))
        take(opened, right or f"{opened.root.evaluate(GATES_APART):.2f}")
        assert opened.text("guess").startswith(("Right", "Exactly"))
        assert serious_violations(opened.page) == []
        opened.page.reload()
        opened.page.wait_for_selector('[data-mounted="yes"]')
        opened.settle()
        assert opened.text("guess").startswith(("Right", "Exactly")) and all(seen(opened, covered))
        assert opened.problem is None and opened.faults == []


def test_without_storage_a_guess_lasts_as_long_as_the_page(browser, tmp_path):
    with open_figure(browser, asking(CostCalculator), tmp_path) as opened:
        opened.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'Denied'); } })"
        )
        opened.page.reload()
        opened.page.wait_for_selector('[data-mounted="yes"]')
        opened.settle()
        take(opened, "4")
        assert opened.text("guess").startswith("Right")
        assert opened.faults == []


def test_who_does_not_want_to_guess_is_shown_the_answer(browser, tmp_path):
    with open_figure(browser, asking(CostCalculator), tmp_path) as opened:
        opened.click("Show me")
        assert opened.text("guess") == "Stage 4 of ResNet-50 pays 62.5% of the weights."
        assert all(seen(opened, "[data-name=added]"))


def test_where_nobody_knows_yet_the_answer_comes_with_the_count(browser, tmp_path):
    with open_figure(browser, asking(GateTraining), tmp_path) as opened:
        opened.set("part", "many")
        assert not any(seen(opened, ".training-buttons button"))
        take(opened, "70")
        assert opened.text("guess").startswith("You said 70. Now look")
        opened.click("Train from 100 seeds")
        opened.root.get_by_role("button", name="Train from 100 seeds").wait_for(timeout=60_000)
        assert " off. " in opened.text("guess") and "of 100 seeds solve it" in opened.text("guess")


def test_the_stepper_asks_for_what_its_second_filter_says(browser, tmp_path):
    figure = asking(ConvolutionStepper)
    with open_figure(browser, figure, tmp_path) as opened:
        assert opened.root.locator(".parts-guess input").input_value() == "4", "not at the answer"
        take(opened, "3")
        opened.set("filter", 1)
        assert f"It is {opened.number('u'):g}" in opened.text("guess")
