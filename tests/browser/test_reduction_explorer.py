"""The reduction explorer: each number is what numpy makes of the record, its dots stand where they should."""

import copy
import re
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from senet_lib.book.figures.reduction_explorer import (
    NO_SE,
    ReductionExplorer,
    hidden_widths,
    published_series,
    recorded_series,
)
from senet_lib.book.records import Record, load_record
from senet_lib.networks.models import create_model
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests.browser.figures import open_figure, serious_violations
from tests.sample_networks import empty

pytestmark = pytest.mark.browser

RECORDS = {"context-world-reduction": (1, 2, 4, 8, 16), "cifar10-gates": (4, 16)}  # the second with one seed
CHANNELS = {"context-world-reduction": (16, 32), "cifar10-gates": (16, 32, 64)}
STATES = [(name, r) for name, ratios in RECORDS.items() for r in (*ratios, NO_SE)]
SOLVED = 0.97
# The paper's Table 10: ResNet-50 on ImageNet, top-1 error in %, parameters in millions.
ERRORS = {2: 22.29, 4: 22.25, 8: 22.26, 16: 22.28, 32: 22.72, NO_SE: 23.30}
MILLIONS = {2: 45.7, 4: 35.7, 8: 30.7, 16: 28.1, 32: 26.9, NO_SE: 25.6}
# The dots of each column: what they stand for, and their centres in CSS pixels.
DOTS = """root => [...root.querySelectorAll('[data-ratio]:has(text)')].map((column) => [
  Number(column.dataset.ratio), [...column.querySelectorAll('.senet-reduction-dot')].map((dot) => {
    const [x, y] = dot.getAttribute('transform').match(/[-\\d.]+/g).map(Number);
    return [dot.textContent, x, y];
  })])"""


def published() -> dict[str, Any]:
    return published_series(
        "table-10",
        "ImageNet, ResNet-50: the paper",
        errors=ERRORS,
        parameters_millions=MILLIONS,
        channels=(256, 512, 1024, 2048),
        source="Hu et al., Table 10",
    )


def make_figure() -> ReductionExplorer:
    example = ReductionExplorer.example()
    example.series = [*example.series, published()]
    return example


def arm_of(reduction: int) -> str:
    return "plain" if reduction == NO_SE else f"r={reduction}"


@cache
def record_of(name: str) -> Record:
    """Read once: a record may grow while the tests run."""
    return load_record(name)


def finals(name: str, reduction: int) -> np.ndarray:
    """The last test accuracies, in the order of the seeds, straight from the record's runs."""
    runs = [run for run in record_of(name)["runs"] if run["arm"] == arm_of(reduction)]
    ordered = sorted(runs, key=lambda run: run["seed"])
    return np.array([run["epochs"][-1]["test_accuracy"] for run in ordered])


def expected_numbers(name: str, reduction: int) -> dict[str, float]:
    counts, results = record_of(name)["settings"]["parameters"], finals(name, reduction)
    parameters, plain = counts[arm_of(reduction)], counts["plain"]
    numbers = {
        "parameters": parameters,
        "added": parameters - plain,
        "mean": results.mean(),
    }
    if len(results) == 1:
        return numbers
    spread = {"std": results.std(ddof=1)}
    return numbers | spread


def test_a_whole_accuracy_has_as_many_digits_as_the_others(opened):
    opened.set_all(shown="context-world-reduction", reduction=1)
    assert finals("context-world-reduction", 1).mean() == 1
    texts = {name: opened.root.locator(f'[data-name="{name}"]').inner_text() for name in ("mean", "std")}
    assert texts == {"mean": "1.000", "std": "0.000"}


@pytest.mark.parametrize(("name", "reduction"), STATES)
def test_every_number_is_that_of_the_record(opened, name, reduction):
    opened.set_all(shown=name, reduction=reduction)
    assert opened.problem is None
    shown = {key: exact for key, (exact, _) in opened.readings([{}])[0].items()}
    expected = expected_numbers(name, reduction)
    widths = ", ".join(str(c // reduction) for c in CHANNELS[name]) if reduction else "–"
    assert shown.pop("hidden") == widths
    if reduction != NO_SE:  # beside it stands the network without SE
        assert shown.pop("plain-hidden") == "–"
        expected |= {f"plain-{key}": value for key, value in expected_numbers(name, NO_SE).items()}
    assert set(shown) == set(expected)
    for key, value in expected.items():
        assert float(shown[key]) == pytest.approx(value, rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize("reduction", ERRORS)
def test_published_numbers_stand_there_as_printed_without_a_spread(opened, reduction):
    opened.set_all(shown="table-10", reduction=reduction)
    names = {"parameters", "added", "hidden", "mean"}
    beside = set() if reduction == NO_SE else {f"plain-{name}" for name in names}
    assert set(opened.readings([{}])[0]) == names | beside
    assert opened.text("mean") == f"{ERRORS[reduction]:.2f}"
    assert opened.text("parameters") == f"{MILLIONS[reduction]:.1f}"
    assert opened.number("added") == pytest.approx(MILLIONS[reduction] - 25.6, abs=1e-9)
    assert opened.root.locator(".senet-chart:visible").count() == 1
    assert opened.text("source") == "Hu et al., Table 10"


def test_the_hidden_widths_are_those_of_the_real_networks():
    for make, channels in (
        (partial(create_model, "se_small_resnet"), (16, 32)),
        (partial(create_model, "se_resnet20"), (16, 32, 64)),
    ):
        for reduction in (1, 2, 4, 8, 16):
            blocks = [one for one in empty(make, reduction=reduction).modules() if isinstance(one, SqueezeExcitation)]
            widths = list(dict.fromkeys((block.fc1.in_features, block.fc1.out_features) for block in blocks))
            assert [hidden for _, hidden in widths] == hidden_widths(channels, reduction)
    assert hidden_widths((16, 32, 64), 32) == [1, 1, 2]


# --- the charts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("width", [390, 1280])
def test_each_seed_is_a_dot_at_its_height_and_the_mean_a_bar(opened, name, width):
    opened.look(width, "light")
    opened.set("shown", name)
    columns = dict(opened.root.evaluate(DOTS))
    assert list(columns) == [*RECORDS[name], NO_SE]
    values, heights, places = [], [], []
    for reduction, dots in columns.items():
        texts, across, down = zip(*dots, strict=True)
        assert [float(text.split(": ")[1]) for text in texts] == finals(name, reduction).tolist()
        assert len(set(across)) == len(across)  # side by side, so that equal ones are seen
        values += finals(name, reduction).tolist()
        heights += down
        places += across
    assert places == sorted(places)
    slope, start = np.polyfit(values, heights, 1)
    assert slope < 0
    assert heights == pytest.approx((slope * np.array(values) + start).tolist(), abs=0.15)
    bars = opened.root.locator("[data-ratio] .senet-reduction-mean").evaluate_all(
        "all => all.map((one) => Number(one.getAttribute('d').match(/ ([\\d.]+)h/)[1]))"
    )
    several = [one for one in (finals(name, r) for r in (*RECORDS[name], NO_SE)) if len(one) > 1]
    means = [one.mean() for one in several]
    assert bars == pytest.approx((slope * np.array(means) + start).tolist(), abs=0.15)
    opened.look(1280, "light")


def test_the_dashed_line_is_at_the_reference_and_only_where_there_is_one(opened):
    line = opened.root.locator(".senet-chart .senet-reduction-reference")
    columns = dict(opened.root.evaluate(DOTS))
    points = [(float(text.split(": ")[1]), y) for dots in columns.values() for text, _, y in dots]
    slope, start = np.polyfit(*zip(*points, strict=True), 1)
    height = float(line.get_attribute("d").split()[1].partition("H")[0])
    assert height == pytest.approx(slope * 9 / 16 + start, abs=0.15)
    assert opened.root.get_by_text("9/16: the blind vote").is_visible()
    opened.set("shown", "cifar10-gates")
    assert line.count() == 0


# --- the sentence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", [1, 2, 4, 8, 16, NO_SE])
def test_the_sentence_counts_the_seeds_that_solve_it(opened, reduction):
    opened.set("reduction", reduction)
    results = finals("context-world-reduction", reduction)
    failed = np.sort(results[results < SOLVED])
    sentence = opened.text("sentence")
    assert sentence.startswith("Without SE: " if reduction == NO_SE else f"r = {reduction}: ")
    assert f"{len(results) - len(failed)} of {len(results)} seeds solve" in sentence
    if len(failed) == 1:
        assert f"One ends at {failed[0]:.3f}." in sentence
    elif len(failed):
        assert f"end between {failed[0]:.3f} and {failed[-1]:.3f}" in sentence
    else:
        assert "end" not in sentence


@pytest.mark.parametrize("reduction", [4, 16])
def test_the_sentence_of_one_run_says_that_it_is_one(opened, reduction):
    opened.set_all(shown="cifar10-gates", reduction=reduction)
    (own,), (plain,) = finals("cifar10-gates", reduction), finals("cifar10-gates", NO_SE)
    assert opened.text("sentence") == (
        f"r = {reduction}: a test accuracy of {own:.3f}, {own - plain:.3f} higher than without SE ({plain:.3f}). "
        "It is one number: nothing here says how far another seed would move it."
    )


def test_the_sentence_of_a_published_number_says_that_it_is_one(opened):
    opened.set("shown", "table-10")
    assert opened.text("sentence") == (
        "r = 16: a top-1 error of 22.28%, 1.02 lower than without SE (23.30%). "
        "It is one number: nothing here says how far another seed would move it."
    )
    opened.set("reduction", NO_SE)
    assert opened.text("sentence").startswith("Without SE: a top-1 error of 23.30%.")


PLAIN = {"parameters": 100, "results": [0.5, 0.6], "seeds": [0, 1]}
WITH_SE = {"results": [0.5, 0.9], "seeds": [1, 2]}
ENTRY = {"r": 4, "parameters": 110, "hidden": [2], **WITH_SE}
GOOD = {"name": "mine", "title": "Mine", "metric": "test accuracy", "plain": PLAIN, "entries": [ENTRY]}


def changed(path: str, value: Any) -> list[dict[str, Any]]:
    """The good series with one thing changed; a path is "plain.results", say, or "entries.0.r"."""
    series: Any = [copy.deepcopy(GOOD)]
    *way, last = ["0", *path.split(".")]
    place = series
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(last) if isinstance(place, list) else last] = value
    return series


SENTENCES = [
    ("solved", 0.7, "r = 4: 1 of 2 seeds solve it (limit: a test accuracy of 0.7). One ends at 0.500."),
    (
        "solved",
        0.95,
        "r = 4: 0 of 2 seeds solve it (limit: a test accuracy of 0.95). The others end between 0.500 and 0.9",
    ),
    ("solved", 0.5, "r = 4: 2 of 2 seeds solve it (limit: a test accuracy of 0.5)."),
    ("plain.seeds", None, "r = 4: a test accuracy of 0.700, 0.150 higher than without SE (0.550). It is the mean of 2"),
    ("plain.results", [0.6, 0.8], "r = 4: a test accuracy of 0.700, as without SE (0.700)."),
]


def test_sentences_of_other_series(opened):
    for path, value, sentence in SENTENCES:
        opened.set_all(series=changed(path, value), shown="mine", reduction=4)
        assert opened.problem is None
        assert sentence in opened.text("sentence")


# --- the controls -----------------------------------------------------------------------------------------------------


def test_the_arrow_keys_move_r_to_the_network_without_se_and_back(opened):
    control = opened.root.locator('input[type="range"]')
    control.press("Home")
    ways = []
    for _ in range(6):
        opened.settle()
        ways.append(opened.get("reduction"))
        control.press("ArrowRight")
    assert ways == [1, 2, 4, 8, 16, NO_SE]
    opened.settle()
    assert opened.get("reduction") == NO_SE
    assert control.get_attribute("aria-valuetext") == "no SE"
    assert opened.root.locator(".senet-reduction-chosen text").text_content() == "no SE"
    opened.press("ArrowLeft", on=control)
    assert opened.get("reduction") == 16


def test_the_menu_keeps_r_where_it_can_and_takes_the_largest_where_not(opened):
    opened.set("reduction", 2)
    opened.select("series", "ImageNet, ResNet-50: the paper")
    assert (opened.get("shown"), opened.get("reduction"), opened.problem) == ("table-10", 2, None)
    opened.select("series", "CIFAR-10 (JPEG-75), ResNet-20")
    assert (opened.get("shown"), opened.get("reduction"), opened.problem) == ("cifar10-gates", 16, None)
    assert "JPEG of quality 75" in opened.text("source")


def test_a_click_into_a_column_chooses_its_r(opened):
    for reduction in (4, NO_SE, 1):
        opened.click(opened.root.locator(f'[data-ratio="{reduction}"] rect'), position={"x": 4, "y": 100})
        assert opened.get("reduction") == reduction


def test_a_single_series_has_no_menu(browser, tmp_path):
    with open_figure(browser, ReductionExplorer(series=[GOOD]), tmp_path) as opened:
        assert (opened.get("shown"), opened.get("reduction"), opened.problem) == ("mine", NO_SE, None)
        assert not opened.root.locator("select").is_visible()
        assert opened.root.locator('input[type="range"]').is_visible()


def test_twenty_seeds_fit(browser, tmp_path):
    draws = np.random.default_rng(0).uniform(0.8, 0.9, (20, 40))
    arm = {"results": draws[:, -1].tolist(), "seeds": list(range(20))}
    entries = [{"r": r, "parameters": 900 + r, "hidden": [1], **arm} for r in (32, 2, 8, 4, 16)]
    series = {
        "name": "many",
        "title": "Many",
        "metric": "test accuracy",
        "plain": {"parameters": 900, **arm},
        "entries": entries,
    }
    with open_figure(browser, ReductionExplorer(series=[series], reduction=8), tmp_path, width=390) as opened:
        assert opened.problem is None
        columns = dict(opened.root.evaluate(DOTS))
        assert list(columns) == [2, 4, 8, 16, 32, NO_SE]  # in order, however they were given
        places = [x for dots in columns.values() for _, x, _ in dots]
        assert len(places) == 120 and places == sorted(places)
        assert opened.number("std") == pytest.approx(draws[:, -1].std(ddof=1))


# --- bad input --------------------------------------------------------------------------------------------------------


BAD_SERIES = [
    ([{"name": ""}], "series has the name ;"),
    ([GOOD, GOOD], "series has the name mine; give another"),
    (changed("metric", "loss"), "series mine has metric loss; it must be one of test accuracy, top-1 error"),
    (changed("entries", []), "series mine has no list of entries"),
    (changed("entries.0.r", 2.5), "series mine has r = 2.5 among its entries"),
    (changed("entries", [GOOD["entries"][0]] * 2), "series mine has r = 4 among its entries"),
    (changed("entries.0.hidden", [0]), "series mine, r = 4, has hidden [0]"),
    (changed("entries.0.parameters", 99), "series mine, r = 4, has 99 parameters"),
    (changed("plain", None), "series mine, plain, has None parameters"),
    (changed("plain.results", [0.5, 1.2]), "series mine, plain, has the result [1.2]; it must be from 0 to 1"),
    (changed("entries.0.results.0", float("nan")), "series mine, r = 4, has the result [nan]"),
    (changed("plain.seeds", [1, 1]), "series mine, plain, has seeds [1, 1]; give another one for each of its 2"),
    (changed("solved", 97), "series mine has solved 97; it must be from 0 to 1"),
    (changed("parameters_unit", "k"), "series mine has parameters_unit k"),
]


@pytest.mark.parametrize(("series", "fault"), BAD_SERIES)
def test_a_bad_series_is_named(series, fault):
    with pytest.raises(ValueError, match=re.escape(fault)):
        ReductionExplorer(series=series)


def test_a_bad_state_is_named_and_can_be_mended(opened):
    for reduction in (3, -1, 32, 2.5, "16", None):
        opened.refuses("reduction is", "one of 1, 2, 4, 8, 16, or 0 for the network without SE", reduction=reduction)
    opened.refuses("shown is imagenet", "context-world-reduction, cifar10-gates, table-10", shown="imagenet")
    opened.refuses("series is not a list", series=[])


# --- Python's side ----------------------------------------------------------------------------------------------------


def test_a_records_arms_are_read_and_others_are_left_out():
    def run(arm: str, seed: int, accuracy: float) -> dict[str, Any]:
        return {"arm": arm, "seed": seed, "epochs": [{"test_accuracy": accuracy, "seconds": 2.0}]}

    arms = [("r=16", 1, 0.7), ("plain", 1, 0.5), ("r=2", 0, 0.8), ("r=16", 0, 0.6), ("plain", 0, 0.4), ("se", 0, 0.1)]
    settings = {"data": "digits", "recipe": {"epochs": 1}, "parameters": {"plain": 5, "r=2": 9, "r=16": 6, "se": 7}}
    record = {
        "experiment": "e",
        "settings": settings,
        "pictures": {"train": 1000, "test": 9},
        "runs": [run(*a) for a in arms],
    }
    series = recorded_series(record, (16, 32), title="t", note="A note.")
    assert [(one["r"], one["hidden"], one["results"]) for one in series["entries"]] == [
        (2, [8, 16], [0.8]),
        (16, [1, 2], [0.6, 0.7]),
    ]
    assert series["plain"]["seeds"] == [0, 1] and series["plain"]["results"] == [0.4, 0.5]
    assert series["source"] == "Recorded: digits, 1,000 pictures to train and 9 to test, 1 epochs. A note."
    record["runs"] = record["runs"][-1:]
    with pytest.raises(ValueError, match='has the arms se; it needs "plain", and some such as "r=4"'):
        recorded_series(record, (16, 32), title="t")


def test_mistakes_in_python_are_named():
    with pytest.raises(ValueError, match="there is no record 'context-world-reductoin'"):
        ReductionExplorer.from_records({"context-world-reductoin": {"channels": (16, 32), "title": "t"}})
    with pytest.raises(ValueError, match="channels is 0"):
        hidden_widths((16, 0), 2)
    with pytest.raises(ValueError, match=r"reduction is 2\.5"):
        hidden_widths((16,), 2.5)
    options = {"parameters_millions": {4: 2.0}, "channels": (8,), "source": "s"}
    with pytest.raises(ValueError, match="give both for the same r, and 0"):
        published_series("n", "t", errors={4: 1.0}, **options)


def test_the_still_picture_draws_the_state():
    figure = ReductionExplorer.example()
    (results,) = figure.draw_still().axes
    dots = [line.get_ydata().tolist() for line in results.lines if line.get_linestyle() == "None"]
    assert dots == [finals("context-world-reduction", r).tolist() for r in (1, 2, 4, 8, 16, NO_SE)]
    paper = ReductionExplorer(series=[published()], reduction=8).draw_still()
    (results,) = paper.axes
    assert [tick.get_text() for tick in results.get_xticklabels()] == ["2", "4", "8", "16", "32", "no SE"]


# --- for every reader -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_and_a_narrow_frame_in_the_states_that_the_example_does_not_show(opened, theme):
    opened.look(390, theme)
    for shown, reduction in (("table-10", 16), ("cifar10-gates", 4), ("context-world-reduction", NO_SE)):
        opened.set_all(shown=shown, reduction=reduction)
        assert serious_violations(opened.page) == []
        opened.fits(".senet-frame", ".senet-body", ".senet-reduction-table")
    opened.look(1280, "light")
