"""Paired seeds: each number against NumPy's and SciPy's, the sentence that follows from it, and bad states."""

import copy
import itertools
import math
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from senet_lib.book.figures.paired_seeds import T_QUANTILES, PairedSeeds
from senet_lib.book.records import load_record, summarise
from tests.browser.figures import Opened, open_figure, serious_violations

pytestmark = pytest.mark.browser

DIGITS, CONTEXT_WORLD = load_record("digits"), load_record("context-world")


make_figure = PairedSeeds.example


def choose(opened: Opened, pairing: str) -> None:
    opened.root.get_by_role("radio", name=pairing, exact=True).check(force=True)
    opened.settle()


def accuracies(record: dict, *arms: str) -> tuple[np.ndarray, ...]:
    """Final test accuracies of two arms, seed by seed in the order of the seeds."""
    of_seed = [summarise(record)[arm]["accuracies"] for arm in arms]
    common = sorted(of_seed[0].keys() & of_seed[1].keys())
    return tuple(np.array([one[seed] for seed in common]) for one in of_seed)


def show(opened: Opened, figure: PairedSeeds) -> None:
    opened.set_all(**{name: getattr(figure, name) for name in ("experiments", "without", "with_it")})


def invent(*arms: list[float], seeds: list[list[int]] | None = None) -> PairedSeeds:
    """A figure of two or more arms a, b, c, … with these accuracies."""
    lists = seeds or [list(range(len(arm))) for arm in arms]
    made = [
        {"name": name, "seeds": own, "accuracies": list(values)}
        for name, own, values in zip("abc", lists, arms, strict=False)
    ]
    return PairedSeeds(experiments=[{"title": "mine", "arms": made}], without="a", with_it="b")


def agrees(opened: Opened, before: np.ndarray, after: np.ndarray) -> None:
    """The numbers, paired and unpaired, are those of NumPy and SciPy."""
    gains, count = after - before, len(before)
    assert opened.number("mean-without") == pytest.approx(before.mean(), abs=1e-12)
    assert opened.number("mean-with") == pytest.approx(after.mean(), abs=1e-12)
    counts = [opened.number(name) for name in ("better", "worse", "equal")]
    assert counts == [(gains > 0).sum(), (gains < 0).sum(), (gains == 0).sum()]
    pooled = np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / 2)
    expected = {
        "paired": (gains.std(ddof=1), stats.sem(gains), count - 1, stats.ttest_rel(after, before)),
        "unpaired": (pooled, pooled * np.sqrt(2 / count), 2 * count - 2, stats.ttest_ind(after, before)),
    }
    for way, (deviation, error, freedom, test) in expected.items():
        found = {name: opened.number(f"{way}-{name}") for name in ("mean", "deviation", "error", "t", "low", "high")}
        assert found["mean"] == pytest.approx(gains.mean(), abs=1e-12)
        assert found["deviation"] == pytest.approx(deviation, abs=1e-12)
        assert found["error"] == pytest.approx(error, abs=1e-12)
        assert found["t"] == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)
        interval = test.confidence_interval(0.95)
        assert found["low"] == pytest.approx(interval.low, abs=1e-9)
        assert found["high"] == pytest.approx(interval.high, abs=1e-9)


# --- one seed, then several -------------------------------------------------------------------------------------------


def test_another_seed_turns_the_conclusion(opened):
    before, after = accuracies(DIGITS, "plain", "se")
    verdicts = []
    for seed, gain in enumerate(after - before):
        assert opened.text("seeds") == f"Shown: seed {seed}."
        assert opened.number("paired-mean") == pytest.approx(gain, abs=1e-12)
        word = "better" if gain > 0 else "worse" if gain < 0 else "equal"
        sentence = "just as good as plain." if gain == 0 else f"{word} than plain by {abs(gain):.4f}."
        assert f"One run says: SE is {sentence}" in opened.text("conclusion")
        assert "cannot tell whether another seed would say the same" in opened.text("conclusion")
        assert [opened.number(name) for name in ("better", "worse", "equal")] == [gain > 0, gain < 0, gain == 0]
        assert all(np.isnan(opened.number(f"paired-{name}")) for name in ("deviation", "error", "t", "low", "high"))
        verdicts.append(word)
        opened.click("Another seed")
    assert set(verdicts) == {"better", "worse", "equal"}
    assert opened.text("seeds") == "Shown: seed 0."  # behind the last comes the first again


@pytest.mark.parametrize("shown", [6, 20])
def test_the_numbers_of_several_seeds_are_numpys_and_scipys(opened, shown):
    opened.set("shown", shown)
    agrees(opened, *(values[:shown] for values in accuracies(DIGITS, "plain", "se")))


# SE is right on all pictures of the Context World: SciPy warns that the numbers of that group do not differ.
@pytest.mark.filterwarnings("ignore:Precision loss")
def test_seeds_behind_the_last_are_the_first_ones(opened):
    opened.set_all(experiment=1, without="plain", with_it="se")
    opened.move("shown", 4)
    for first in (0, 4, 8, 2):
        places = [(first + index) % 10 for index in range(4)]
        assert opened.text("seeds") == f"Shown: seeds {', '.join(map(str, places))}."
        agrees(opened, *(values[places] for values in accuracies(CONTEXT_WORLD, "plain", "se")))
        opened.click("Other seeds")


def test_more_seeds_settle_the_interval(opened):
    opened.set_all(experiment=1, without="plain", with_it="se", shown=2)
    widths = []
    for shown in (2, 4, 10):
        opened.move("shown", shown)
        widths.append(opened.number("paired-high") - opened.number("paired-low"))
        assert "does not hold 0: SE is better than plain, on these data" in opened.text("conclusion")
    assert all(later < earlier / 2 for earlier, later in pairwise(widths))


def test_the_sentence_has_the_numbers_of_the_table(opened):
    opened.move("shown", 3)
    low, high, deviation = (f"{opened.number(f'paired-{name}'):.4f}" for name in ("low", "high", "deviation"))
    mean = f"{opened.number('paired-mean'):.4f}"
    paired = (
        f"From these 3 seeds, in pairs: {mean} (standard deviation {deviation}). "
        f"The 95% interval, {low} to {high}, holds 0: no difference is shown."
    )
    assert opened.text("conclusion") == paired.replace("-", "−")
    choose(opened, "unpaired")
    low, high = (f"{opened.number(f'unpaired-{name}'):.4f}" for name in ("low", "high"))
    unpaired = f"From these 3 seeds, without the pairs: {mean}. The 95% interval, {low} to {high}, holds 0"
    assert unpaired.replace("-", "−") in opened.text("conclusion")


def test_with_all_seeds_there_is_no_other_seed(opened):
    other = opened.root.get_by_role("button", name="Another seed")
    assert other.get_attribute("aria-disabled") == "false"
    opened.move("shown", 20)
    assert other.get_attribute("aria-disabled") == "true"
    other.focus()
    opened.press("Enter")
    assert opened.get("first") == 0


# --- with and without the pairs ---------------------------------------------------------------------------------------


def test_pairs_are_the_difference_between_knowing_and_not(opened):
    """The seeds part the networks by far more than SE does, and SE helps with each of them."""
    before = np.array([0.5, 0.6, 0.7, 0.8])
    after = before + np.array([0.010, 0.012, 0.009, 0.011])
    show(opened, invent(before, after))
    opened.move("shown", 4)
    agrees(opened, before, after)
    assert "does not hold 0: b is better than a" in opened.text("conclusion")
    choose(opened, "unpaired")
    assert "holds 0: no difference is shown" in opened.text("conclusion")


def test_unpaired_hides_the_links_and_shows_both_intervals(opened):
    opened.move("shown", 3)
    links, intervals = (opened.root.locator(f".senet-pairs-{name}") for name in ("pair", "interval"))
    column = opened.root.get_by_role("columnheader", name="unpaired")
    assert (links.count(), intervals.count(), column.is_visible()) == (3, 1, False)
    choose(opened, "unpaired")
    assert (links.count(), intervals.count(), column.is_visible()) == (0, 2, True)
    assert opened.root.locator(".senet-pairs-mean").count() == 2


def test_a_link_goes_from_one_accuracy_to_the_other(opened):
    """Pixels are proportional to the accuracies, upwards."""
    opened.move("shown", 3)
    before, after = (values[:3] for values in accuracies(DIGITS, "plain", "se"))
    lines = opened.root.locator(".senet-pairs-pair").evaluate_all(
        "all => all.map((one) => one.firstChild.getAttribute('d').split(/[MV ]/).slice(2).map(Number))"
    )
    slope, _, correlation, *_ = stats.linregress([*before, *after], [*np.array(lines).T.ravel()])
    assert slope < 0 and correlation == pytest.approx(-1, abs=1e-9)
    marks = opened.root.locator(".senet-pairs-pair > [transform]")
    assert marks.count() == 6
    label = opened.root.locator(".senet-chart").first.get_attribute("aria-label")
    assert all(
        f"seed {seed}: {a:.4f} and {b:.4f}" in label for seed, (a, b) in enumerate(zip(before, after, strict=True))
    )


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow(opened):
    show(opened, invent([0.5] * 6, [0.51, 0.53, 0.52, 0.518, 0.521, 0.519]))
    ends = []
    for shown in (2, 6):
        opened.move("shown", shown)
        ends.append(opened.root.locator(".senet-pairs-interval").get_attribute("d").count("l"))
    assert ends == [4, 0]  # two strokes an arrow


# --- the menus --------------------------------------------------------------------------------------------------------


def test_another_experiment_brings_its_own_networks_and_seeds(opened):
    opened.set_all(shown=3, first=2)
    opened.select("experiment", "Context World")
    assert opened.problem is None
    assert [opened.get(name) for name in ("without", "with_it", "shown", "first")] == ["plain", "se", 3, 2]
    assert "2,000 to test, 6 epochs" in opened.text("note")
    opened.set_all(experiment=0, shown=20, first=19)
    opened.select("experiment", "Context World")
    assert [opened.get(name) for name in ("without", "with_it", "shown", "first")] == ["plain", "se", 10, 0]
    opened.select("experiment", "Digits")
    assert "digits" in opened.text("note") and "360 to test, 6 epochs" in opened.text("note")


def test_the_menus_offer_the_networks_of_the_experiment(opened):
    offered = "el => [...el.options].filter((one) => !one.disabled).map((one) => one.text)"
    menus = [opened.root.get_by_label(label, exact=True) for label in ("compare", "with")]
    assert [menu.evaluate(offered) for menu in menus] == [["plain", "SE"]] * 2
    show(opened, invent([0.5], [0.6], [0.7]))
    assert [menu.evaluate(offered) for menu in menus] == [["a", "b", "c"]] * 2


def test_the_other_way_round_the_sign_turns(opened):
    opened.move("shown", 6)
    before = opened.number("paired-mean")
    opened.select("compare", "SE")
    assert "Both are SE: choose two different networks." in opened.text("conclusion")
    opened.select("with", "plain")
    assert opened.number("paired-mean") == pytest.approx(-before, abs=1e-15)
    agrees(opened, *(values[:6] for values in accuracies(DIGITS, "se", "plain")))


# --- few seeds in common, and no spread -------------------------------------------------------------------------------


def test_only_the_seeds_that_both_have_are_compared(opened):
    show(opened, invent([0.1, 0.2, 0.3, 0.4], [0.45, 0.36, 0.25], seeds=[[5, 3, 8, 1], [1, 8, 3]]))
    opened.move("shown", 3)
    assert opened.text("seeds") == "Shown: seeds 1, 3, 8."
    agrees(opened, np.array([0.4, 0.2, 0.3]), np.array([0.45, 0.25, 0.36]))


def test_equal_networks_and_equal_differences_have_no_interval(opened):
    third = [0.7, 0.8, 0.9]
    show(opened, invent([0.5, 0.6, 0.7], [0.5, 0.6, 0.7], third))
    assert "One run says: b is just as good as a." in opened.text("conclusion")
    opened.move("shown", 3)
    assert opened.text("conclusion") == "With each of these 3 seeds both are equal: no difference is shown."
    assert [opened.number(name) for name in ("better", "worse", "equal")] == [0, 0, 3]
    opened.set("with_it", "c")
    assert opened.text("conclusion").startswith("All 3 seeds say the same: 0.2000. Without any variation there is no")
    assert opened.text("paired-low") == opened.text("paired-high") == "–"


# --- bad input --------------------------------------------------------------------------------------------------------


BAD_STATES = [
    ({"experiment": 2}, "experiment is 2; it must be one of 0, 1"),
    ({"without": "r=32"}, "without is r=32; in “Digits” it must be one of plain, se"),
    ({"with_it": "r=4"}, "with_it is r=4; in “Digits” it must be one of plain, se"),
    ({"shown": 0}, "shown is 0; it must be a whole number from 1 to 20"),
    ({"shown": 21}, "shown is 21; it must be a whole number from 1 to 20"),
    ({"shown": 1.5}, "shown is 1.5; it must be a whole number from 1 to 20"),
    ({"first": 20}, "first is 20; it must be a whole number from 0 to 19"),
    ({"first": -1}, "first is -1; it must be a whole number from 0 to 19"),
    ({"first": None}, "first is not a number; it must be"),
    ({"pairing": "welch"}, "pairing is welch; it must be one of paired, unpaired"),
    ({"experiments": []}, "experiments is not a list, or is empty"),
    ({"experiments": "context-world"}, "experiments is not a list, or is empty"),
    ({"experiments": [None]}, "experiments has the title undefined at place 0"),
    ({"experiments": [{"title": "mine", "arms": []}]}, "fewer than two arms in “mine”"),
]
BAD_ARMS = [
    ({"name": ""}, "the arm name “” at place 1 of “mine”"),
    ({"name": "a"}, "the arm name “a” at place 1 of “mine”; each arm needs one of its own"),
    ({"seeds": []}, "the seeds [] for b of “mine”"),
    ({"seeds": [1, 1]}, "the seeds [1,1] for b of “mine”; give different whole numbers"),
    ({"seeds": [0, 0.5]}, "the seeds [0,0.5] for b of “mine”"),
    ({"accuracies": [0.5]}, "1 accuracies for 2 seeds for b of “mine”"),
    ({"accuracies": None}, "no accuracies for 2 seeds for b of “mine”"),
    ({"accuracies": [0.5, 1.5]}, "the accuracy 1.5 for b of “mine”; each must be from 0 to 1"),
    ({"accuracies": [-0.1, 0.5]}, "the accuracy -0.1 for b of “mine”"),
    ({"accuracies": [0.5, float("nan")]}, "the accuracy NaN for b of “mine”"),
    ({"accuracies": [0.5, None]}, "the accuracy not a number for b of “mine”"),  # how a page without a kernel gets NaN
    ({"accuracies": ["0.5", 0.5]}, "the accuracy 0.5 for b of “mine”"),
    ({"seeds": [7, 8]}, "with_it is b, which shares no seed with a in “mine”; choose another arm"),
    ({"seeds": list(range(31)), "accuracies": [0.5] * 31}, "31 seeds for b of “mine”; this figure shows 30 at most"),
]


def test_a_bad_state_is_named_and_start_again_mends_it(opened):
    for state, sign in BAD_STATES:
        opened.refuses(sign, **state)


def test_an_arm_of_a_wrong_form_is_named(browser, tmp_path):
    figure = invent([0.5, 0.6], [0.5, 0.6])
    with open_figure(browser, figure, tmp_path) as opened:
        for arm, sign in BAD_ARMS:
            experiments = copy.deepcopy(figure.experiments)
            experiments[0]["arms"][1] |= arm
            opened.refuses(sign, experiments=experiments)
        assert opened.faults == []


def test_thirty_seeds_fit(browser, tmp_path):
    generator = np.random.default_rng(0)
    before, after = generator.uniform(0.6, 0.7, (2, 30))
    with open_figure(browser, invent(before, after), tmp_path, width=390) as opened:
        opened.set_all(shown=30, pairing="unpaired")
        agrees(opened, before, after)
        opened.set_all(pairing="paired")
        opened.fits(".senet-frame")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_and_a_narrow_frame_in_the_states_that_the_example_does_not_show(opened, theme):
    opened.look(390, theme)
    for state in ({"shown": 3}, {"pairing": "unpaired"}, {"experiment": 1}):
        opened.set_all(**state)
        assert serious_violations(opened.page) == []
        opened.fits(".senet-frame", ".senet-body", ".senet-pairs-numbers")
    opened.look(1280, "light")


# --- Python's side ----------------------------------------------------------------------------------------------------


def test_the_table_of_t_is_scipys():
    assert stats.t.ppf(0.975, np.arange(1, 2 * 30 - 1)).tolist() == pytest.approx(T_QUANTILES, rel=1e-9)


def test_a_record_becomes_an_experiment():
    record = copy.deepcopy(CONTEXT_WORLD)
    record["runs"] = [run for run in record["runs"] if (run["arm"], run["seed"]) != ("se", 3)]
    figure = PairedSeeds.from_records([record])
    assert (figure.without, figure.with_it) == tuple(summarise(record))
    (experiment,) = figure.experiments
    assert experiment["title"] == "context-world"
    se = next(arm for arm in experiment["arms"] if arm["name"] == "se")
    assert se["title"] == "SE" and se["seeds"] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert dict(zip(se["seeds"], se["accuracies"], strict=True)) == summarise(record)["se"]["accuracies"]


@pytest.mark.parametrize(
    ("records", "options", "sign"),
    [
        ([], {}, "records is empty"),
        ([CONTEXT_WORLD], {"compare": ("plain", "r=4")}, "the second arm of compare is 'r=4'; use one of"),
        ([CONTEXT_WORLD], {"compare": ("none", "se")}, "the first arm of compare is 'none'; use one of"),
        ([CONTEXT_WORLD], {"experiment": 1}, "experiment is 1; it must be a whole number from 0 to 0"),
        ([CONTEXT_WORLD], {"titles": []}, "titles has 0 texts for 1 records"),
        ([CONTEXT_WORLD | {"runs": []}], {}, "the record context-world has the arms none"),
    ],
)
def test_records_that_cannot_be_compared(records, options, sign):
    with pytest.raises(ValueError, match=sign):
        PairedSeeds.from_records(records, **options)


@pytest.mark.parametrize("pairing", ["paired", "unpaired"])
def test_the_still_picture_has_the_interval(pairing):
    figure = PairedSeeds.from_records([DIGITS], compare=("plain", "se"), shown=20, pairing=pairing)
    before, after = accuracies(DIGITS, "plain", "se")
    tests = {"paired": stats.ttest_rel(after, before), "unpaired": stats.ttest_ind(after, before)}
    picture = figure.draw_still()
    labels = [text.get_text().replace("−", "-") for text in picture.axes[1].get_yticklabels()]
    plt.close(picture)
    shown = ["paired"] if pairing == "paired" else ["paired", "unpaired"]
    intervals = [tests[way].confidence_interval(0.95) for way in shown]
    expected = [f"{way}\n{one.low:.4f} to {one.high:.4f}" for way, one in zip(shown, intervals, strict=True)]
    assert labels == ["each seed", *expected]


def test_the_still_picture_of_one_seed_has_no_interval():
    picture = PairedSeeds.example().draw_still()
    labels = [text.get_text() for text in picture.axes[1].get_yticklabels()]
    plt.close(picture)
    assert labels == ["each seed", "paired\n0.0028"]


def test_seeds_with_equal_differences_are_all_seen(opened):
    plain, se = accuracies(DIGITS, "plain", "se")
    opened.set("shown", len(plain))
    places = opened.root.locator("circle[class^=senet-pairs]").evaluate_all(
        "all => all.map((one) => [one.cx.baseVal.value, one.cy.baseVal.value, one.r.baseVal.value])"
    )
    assert len(places) == len(plain) > len(set((se - plain).round(9)))
    for (x, y, r), (other_x, other_y, _) in itertools.combinations(places, 2):
        assert math.hypot(x - other_x, y - other_y) >= 2 * r - 1e-3
