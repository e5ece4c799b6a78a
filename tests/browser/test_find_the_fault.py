"""Find the fault: tests, guesses right and wrong, the hint, what is told, the keyboard alone, and bad states."""

import copy
import re
from typing import Any

import numpy as np
import pytest
from scipy import stats

from senet_lib.book.figures.find_the_fault import FindTheFault
from tests.browser.audit import COLOUR_RULES
from tests.browser.figures import Opened, open_figure, says, serious_violations

pytestmark = pytest.mark.browser

EXAMPLE = FindTheFault.example().specimens
PROBES = {one["name"]: one for one in FindTheFault.example().probes}
SOME = [one["name"] for one in EXAMPLE[::4]]  # all are told by the same lines; their texts are tested in tests/book
START = {"chosen": 0, "tested": {}, "marked": {}, "hinted": [], "revealed": []}
WRONG_AXES, NORM_AFTER_GATE, TWO_LINES = ("wrong-axes", "norm-after-gate", "gated-shortcut")


def training(faulty: list[float], sound: list[float], title: str = "Digits") -> dict[str, Any]:
    return {"title": title, "seeds": list(range(len(faulty))), "faulty": faulty, "sound": sound}


def specimen(name: str = "mine", **parts: Any) -> dict[str, Any]:
    """A small specimen, with a blank line at place 2."""
    return {
        "name": name,
        "title": f"the title of {name}",
        "setting": "",
        "code": ["class A:", "    a = 1", "", "    def forward(self, x):", "        return x"],
        "faulty": [4],
        "method": "forward",
        "fault": "It is wrong.",
        "mend": "Mend it.",
        "difference": [["-", "        return x"], ["+", "        return 2 * x"]],
        "probe": "doubles",
        "says": {"doubles": "AssertionError: it does not double.", "is_there": ""},
        "finding": {"code": "not-doubled", "kind": "fault", "what": "It does not double."},
        "trainings": [],
        "untrained": "",
    } | parts


def probe(name: str, **parts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "what": f"Does it say {name}?",
        "code": [f"def {name}(a):", "    assert a"],
        "helpers": "",
    } | parts


OWN_PROBES = [probe("doubles"), probe("is_there")]
make_figure = FindTheFault.example


def place_of(name: str) -> int:
    return next(place for place, one in enumerate(EXAMPLE) if one["name"] == name)


def go_to(opened: Opened, name: str) -> dict[str, Any]:
    opened.root.get_by_label("listing", exact=True).select_option(index=place_of(name))
    opened.settle()
    return EXAMPLE[place_of(name)]


def click_line(opened: Opened, line: int) -> None:
    opened.click(opened.root.locator(f'[data-line="{line}"]'), force=True)  # also one that does nothing


def wrong_lines(one: dict[str, Any]) -> list[int]:
    return [place for place, line in enumerate(one["code"]) if line and place not in one["faulty"]]


def is_visible(opened: Opened, name: str) -> bool:
    return opened.root.get_by_role("button", name=name, exact=True).is_visible()


def code_in(opened: Opened, selector: str) -> list[str]:
    lines = opened.root.locator(f"{selector} .code-line").evaluate_all("all => all.map((one) => one.textContent)")
    return [str(line) for line in lines]


def is_told(opened: Opened) -> bool:
    return opened.root.locator(".senet-fault-told").is_visible()


def option(opened: Opened) -> str:
    """What the menu shows."""
    return opened.root.locator("select option:checked").inner_text()


# --- guessing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOME)
def test_nothing_is_told_before_the_guess_and_each_faulty_line_is_right(opened, name):
    one = go_to(opened, name)
    assert code_in(opened, ".senet-fault-code") == [line for line in one["code"] if line]
    for line in one["faulty"]:
        opened.set_all(**START | {"chosen": place_of(name)})
        assert option(opened) == f"{place_of(name) + 1} of {len(EXAMPLE)}"
        assert not is_told(opened) and one["fault"] not in opened.root.locator(".senet-live").inner_text()
        assert (
            opened.text("answer").startswith("One thing in this code is wrong.")
            and opened.text("setting") == one["setting"]
        )
        click_line(opened, line)
        assert opened.text("answer") == f"Yes, line {line + 1}: you have found it, at the first try."
        assert is_told(opened)
        assert opened.get("revealed") == [name] and opened.get("marked") == {name: [line]}
        assert option(opened) == f"{place_of(name) + 1} of {len(EXAMPLE)}: {one['title']}"
        assert (opened.number("found"), opened.number("shown")) == (1, 0)


def test_two_wrong_lines_bring_a_hint(opened):
    one = go_to(opened, WRONG_AXES)
    first, second, third = wrong_lines(one)[:3]
    click_line(opened, first)
    assert opened.text("answer") == f"Line {first + 1} is good: the sound twin has it too."
    assert not is_told(opened) and not is_visible(opened, "Hint")
    click_line(opened, first)  # once more: that does not count
    assert not is_visible(opened, "Hint") and opened.get("marked") == {WRONG_AXES: [first]}
    click_line(opened, second)
    assert opened.text("answer").endswith("has it too. If you like, there is a hint.") and is_visible(opened, "Hint")
    opened.click("Hint", force=True)
    assert opened.text("answer").endswith("has it too. The hint: look in the method forward.")
    assert opened.get("hinted") == [WRONG_AXES] and not is_told(opened)
    click_line(opened, third)
    assert opened.text("answer").startswith(f"Line {third + 1} is good")
    click_line(opened, one["faulty"][0])
    assert opened.text("answer") == f"Yes, line {one['faulty'][0] + 1}: you have found it, after 3 other lines."
    opened.set("hinted", [])
    opened.click("Hint", force=True)  # too late
    assert opened.get("hinted") == []
    for line in (first, second, third):
        name = opened.root.locator(f'[data-line="{line}"]').get_attribute("aria-label")
        assert name == f"line {line + 1}, not the fault: {one['code'][line].strip()}"


def test_the_hint_for_a_fault_above_the_methods(opened):
    above = specimen(method="", faulty=[1])
    opened.set_all(probes=OWN_PROBES, specimens=[above], chosen=0, marked={"mine": [3, 4]}, hinted=["mine"])
    assert opened.text("answer").endswith("The hint: look above the methods.")


def test_show_me_tells_and_counts_apart(opened):
    one = go_to(opened, TWO_LINES)
    opened.click("Show me", force=True)
    lines = " and ".join(str(line + 1) for line in one["faulty"])
    assert opened.text("answer") == f"Here it is: lines {lines}." and is_told(opened)
    assert (opened.number("found"), opened.number("shown")) == (0, 1)
    before = opened.get("marked")
    click_line(opened, one["faulty"][0])  # too late
    opened.click("Show me", force=True)
    assert opened.get("marked") == before == {} and opened.get("revealed") == [TWO_LINES]
    states = opened.root.locator("[data-line]").evaluate_all("all => all.map((one) => one.dataset.state)")
    assert states.count("fault") == len(one["faulty"]) and states.count("open") == len(states) - len(one["faulty"])


# --- the tests --------------------------------------------------------------------------------------------------------


def run_test(opened: Opened, name: str) -> None:
    opened.click(opened.root.locator(f'[data-probe="{name}"]'), force=True)


def results(opened: Opened) -> tuple[str, str]:
    return opened.text("listing-says"), opened.text("twin-says")


@pytest.mark.parametrize("name", SOME)
def test_a_test_says_what_was_recorded_of_both_and_moves_nothing(opened, name):
    one = go_to(opened, name)
    opened.set_all(tested={}, marked={}, revealed=[])
    buttons = opened.root.locator("[data-probe]")
    assert [text.partition("\n")[2] for text in buttons.all_inner_texts()] == [
        PROBES[each]["what"] for each in one["says"]
    ]
    assert results(opened) == ("What the test says comes here.", "")
    height = opened.root.bounding_box()["height"]
    for each, said in one["says"].items():
        run_test(opened, each)
        passed = ("Both passed: this test does not see the fault.", "")
        assert results(opened) == ((f"This listing: {said}", "Its sound twin: passed.") if said else passed)
        assert opened.root.locator('[data-probe][aria-current="true"]').get_attribute("data-probe") == each
        assert opened.root.bounding_box()["height"] == height
    states = buttons.evaluate_all("all => all.map((one) => one.dataset.state)")
    assert states == ["fails" if said else "passes" for said in one["says"].values()]
    assert not is_told(opened) and opened.get("tested") == {name: list(one["says"])}


# Run each test of each listing; where the figure has another height then.
RUN_ALL = """async (root, start) => {
  const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const height = () => root.getBoundingClientRect().height;
  const found = [];
  for (const [chosen, { name, says }] of root.model.get('specimens').entries()) {
    for (const [trait, value] of Object.entries({ ...start, chosen })) root.model.set(trait, value);
    await drawn();
    const before = height();
    for (const probe of Object.keys(says)) {
      root.querySelector(`[data-probe="${probe}"]`).click();
      await drawn();
      if (height() !== before) found.push([name, probe, height() - before]);
    }
    if (root.querySelectorAll('[data-probe][data-state]').length === 0) found.push([name, 'no test was run']);
  }
  return found;
}"""


@pytest.mark.parametrize("width", [390, 600, 1440])
def test_a_test_and_what_it_says_are_on_one_screen_and_no_result_moves_the_page(opened, width):
    opened.look(width, "light")
    assert opened.root.evaluate(RUN_ALL, START) == []
    first, last = (opened.root.locator(one).bounding_box() for one in ("[data-probe] >> nth=0", ".senet-fault-result"))
    assert last["y"] + last["height"] - first["y"] < 768 - 56
    opened.look(1280, "light")


# --- what is told -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOME)
def test_all_of_a_specimen_is_told(opened, name):
    one = go_to(opened, name)
    opened.click("Show me", force=True)
    exposing = PROBES[one["probe"]]
    told = {"helpers": exposing["helpers"], "says": one["says"][one["probe"]]}
    for part, text in (told | {part: one[part] for part in ("fault", "mend", "untrained")}).items():
        assert opened.root.locator(f'[data-name="{part}"]').text_content() == text
    assert opened.root.get_by_text(f"What is wrong: {one['title']}", exact=True).is_visible()
    assert opened.text("finding") == f"{one['finding']['code']} (a {one['finding']['kind']}): {one['finding']['what']}"
    assert code_in(opened, '[data-name="difference"]') == [line for _, line in one["difference"]]
    assert code_in(opened, ".senet-panel:has([data-name=says])") == exposing["code"]
    charts = opened.root.locator(".senet-fault-told svg")
    assert charts.count() == len(one["trainings"])
    for chart, training in zip(charts.all(), one["trainings"], strict=True):
        assert chart.get_attribute("aria-label").startswith(f"{training['title']}, test accuracy by seed.")
        for arm in ("faulty", "sound"):
            assert chart.locator(f'[data-arm="{arm}"] path').count() == len(training[arm])


def verdict(opened: Opened, faulty: list[float], sound: list[float]) -> str:
    opened.set_all(
        probes=OWN_PROBES, specimens=[specimen(trainings=[training(faulty, sound)])], revealed=["mine"], chosen=0
    )
    return opened.text("verdict").replace("−", "-")


VERDICTS = [
    ([0.55, 0.56, 0.57], [1.0, 0.98, 0.99], "0.430 lower than its sound twin."),
    ([0.9, 0.95, 0.93], [0.8, 0.83, 0.84], "0.103 higher than its sound twin."),
    ([0.9, 0.95, 0.93], [0.93, 0.9, 0.95], "No difference to be seen."),
    ([0.991, 0.992, 0.993, 0.99], [0.993, 0.995, 0.994, 0.9928], "0.0022 lower than its sound twin."),
]
WITHOUT_INTERVAL = [
    ([0.5], [0.75], "With this one seed 0.250 lower. Another seed may say something else."),
    ([0.5], [0.5], "With this one seed it is equal. Another seed may say something else."),
    ([0.5, 0.7], [0.5, 0.7], "No difference to be seen: equal with each of 2 seeds."),
    ([0.5, 0.75], [0.25, 0.5], "0.250 higher with each of 2 seeds."),
]


def test_a_verdict_follows_from_the_paired_interval(opened):
    for faulty, sound, beginning in VERDICTS:
        said = verdict(opened, faulty, sound)
        interval = stats.ttest_rel(faulty, sound).confidence_interval(0.95)
        low, high = (float(number) for number in re.search(r"seeds: (-?[\d.]+) to (-?[\d.]+)\.$", said).groups())
        digits = 4 if abs(np.mean(np.subtract(faulty, sound))) < 0.01 else 3
        assert (low, high) == pytest.approx(interval, abs=0.6 * 10**-digits)
        assert said.startswith(f"{beginning} The 95% interval of the difference, over {len(sound)} paired seeds: ")
        assert ("No difference" in said) == (interval.low <= 0 <= interval.high)
    for faulty, sound, said in WITHOUT_INTERVAL:
        assert verdict(opened, faulty, sound) == said


def test_dots_stand_at_their_accuracies_on_an_axis_that_all_specimens_share(opened):
    trained = [specimen("a", trainings=[training([0.25, 1.0], [0.5, 0.75])]), specimen("b")]
    trained[1]["trainings"] = [training([0.95], [1.0])]
    opened.set_all(probes=OWN_PROBES, specimens=trained, revealed=["a", "b"], chosen=0)
    places = {}
    for place in (0, 1):
        opened.set("chosen", place)
        for arm in ("faulty", "sound"):
            dots = opened.root.locator(f'[data-arm="{arm}"] path').evaluate_all(
                "all => all.map((one) => Number(/\\((\\S+)/.exec(one.getAttribute('transform'))[1]))"
            )
            places |= dict(zip(trained[place]["trainings"][0][arm], dots, strict=True))
    slope = (places[1.0] - places[0.5]) / 0.5
    for accuracy, x in places.items():
        assert x == pytest.approx(places[0.5] + slope * (accuracy - 0.5), abs=0.1)
    assert slope > 0 and len(places) == 5


# --- from listing to listing ------------------------------------------------------------------------------------------


def test_previous_next_and_the_menu(opened):
    assert opened.root.get_by_role("button", name="Previous").get_attribute("aria-disabled") == "true"
    opened.click("Next", force=True)
    opened.click("Next", force=True)
    assert opened.get("chosen") == 2
    click_line(opened, EXAMPLE[2]["faulty"][0])
    opened.click("Previous", force=True)
    assert opened.get("chosen") == 1 and not is_told(opened)
    opened.click("Next", force=True)
    assert is_told(opened)  # what was found stays found
    opened.set("chosen", len(EXAMPLE) - 1)
    opened.click("Next", force=True)
    assert opened.get("chosen") == len(EXAMPLE) - 1
    opened.click("Show me", force=True)
    assert not is_visible(opened, "Next listing")
    assert (opened.number("found"), opened.number("shown")) == (1, 1)


def test_next_listing_goes_back_to_the_code(opened):
    opened.click("Show me", force=True)
    opened.click("Next listing", force=True)
    assert opened.get("chosen") == 1 and not is_told(opened)
    assert opened.page.evaluate("document.activeElement.dataset.line") == "0"
    assert opened.root.get_by_label("listing", exact=True).bounding_box()["y"] >= 0


def test_with_the_keyboard_alone(opened):
    keyboard = opened.page.keyboard

    def focused() -> str | None:
        return opened.page.evaluate("document.activeElement.dataset.line ?? document.activeElement.innerText")

    opened.root.get_by_label("listing", exact=True).focus()
    opened.press("ArrowDown", on=keyboard)
    one = EXAMPLE[opened.get("chosen")]
    for _ in range(3):
        keyboard.press("Tab")
    assert focused() == "0"  # one stop for the whole listing
    keyboard.press("End")
    assert focused() == str(len(one["code"]) - 1)
    keyboard.press("ArrowDown")
    assert focused() == str(len(one["code"]) - 1)
    keyboard.press("Home")
    for line in wrong_lines(one)[1:3]:
        keyboard.press("ArrowDown")
        assert focused() == str(line)
        opened.press("Enter", on=keyboard)
    for name in one["says"]:
        keyboard.press("Tab")
        opened.press("Enter", on=keyboard)
        assert opened.get("tested")[one["name"]][-1] == name
    keyboard.press("Tab")
    assert focused() == "Hint"
    opened.press("Space", on=keyboard)
    assert opened.get("hinted") == [one["name"]]
    for _ in range(1 + len(one["says"])):
        keyboard.press("Shift+Tab")
    assert focused() == str(wrong_lines(one)[2])  # back where the reader was
    lines = [place for place, line in enumerate(one["code"]) if line]
    for _ in range(lines.index(one["faulty"][0]) - lines.index(wrong_lines(one)[2])):
        keyboard.press("ArrowDown")
    opened.press("Space", on=keyboard)
    assert is_told(opened) and focused() == str(one["faulty"][0])  # the focus stays


def test_what_changes_is_read_out_and_the_parts_have_names(opened):
    assert opened.root.locator('[role="status"][data-name="answer"]').count() == 1
    assert opened.root.get_by_role("list", name="the code: choose the line that is wrong").is_visible()
    first = opened.root.locator('[data-line="0"]')
    assert first.evaluate("el => el.innerText.replace(/\\s+/g, ' ').trim()") == f"1 {EXAMPLE[0]['code'][0]}"


# --- how it looks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["no-return", NORM_AFTER_GATE, "softmax-output"])
def test_axe_targets_and_a_narrow_frame_in_the_states_that_the_example_does_not_show(opened, theme, name):
    wrong = wrong_lines(EXAMPLE[place_of(name)])[:2]
    for width in (390, 1280):
        opened.look(width, theme)
        for revealed in ([], [name]):
            opened.set_all(chosen=place_of(name), marked={name: wrong}, hinted=[name], revealed=revealed)
            if width == 1280:
                assert serious_violations(opened.page, rules=() if theme == "light" else COLOUR_RULES) == []
            assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
            sides = opened.root.locator(".senet-body :not(select)").evaluate_all(
                "all => all.filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1"
                " && getComputedStyle(one).display !== 'inline' && !one.closest('svg')).map((one) => one.className)"
            )
            assert sides == []
            sizes = opened.root.locator(".senet-live :is(button, select)").evaluate_all(
                "all => all.filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().height)"
            )
            assert min(sizes) >= 24
    opened.look(1280, "light")


# --- bad states -------------------------------------------------------------------------------------------------------

BAD_STATES = [
    ({"probes": []}, "probes is not a list, or is empty"),
    ({"probes": [probe("doubles", code="def")]}, "probes has a test without the texts name, what and helpers"),
    (
        {"tested": {"other": ["doubles"]}},
        'tested is {"other":["doubles"]}; give names of tests for names of specimens.',
    ),
    ({"tested": {"mine": ["halves"]}}, 'tested is {"mine":["halves"]}'),
    ({"specimens": []}, "specimens is not a list, or is empty"),
    ({"specimens": [specimen(), specimen()]}, "the name “mine” at place 1"),
    ({"specimens": [specimen(name="")]}, "the name “” at place 0"),
    ({"chosen": 5}, "chosen is 5; it must be one of 0, 1"),
    ({"marked": None}, "marked is null; give lines"),
    ({"marked": {"other": [1]}}, "marked has “other”; there is no such specimen."),
    ({"marked": {"mine": [2]}}, "marked has [2] for “mine”; give lines from 0 to 4 that are not empty."),
    ({"marked": {"mine": [9]}}, "marked has [9] for “mine”"),
    ({"marked": {"mine": 1}}, "marked has 1 for “mine”"),
    ({"revealed": ["other"]}, "revealed has “other”; there is no such specimen."),
    ({"revealed": "mine"}, 'revealed is "mine"; give a list'),
    ({"hinted": [1]}, "hinted is [1]; give a list"),
]
BAD_PARTS = [
    ({"title": ""}, "title of “mine” in specimens is ; give a text."),
    ({"fault": None}, "fault of “mine” in specimens is null"),
    ({"untrained": 1}, 'untrained of “mine” in specimens is 1; give a text, or "".'),
    ({"code": ["a", 1]}, "code of “mine” in specimens is not a list of lines"),
    (
        {"says": {"other": "no"}},
        'says of “mine” in specimens is {"other":"no"}; give a text, or "", for names of probes.',
    ),
    ({"says": None}, "says of “mine” in specimens is null"),
    ({"probe": "is_there"}, "probe of “mine” in specimens is is_there; give a name of says that has a text."),
    ({"faulty": []}, "faulty of “mine” in specimens is []; give one or more lines of the code, from 0 to 4"),
    ({"faulty": [2]}, "faulty of “mine” in specimens is [2]"),
    ({"faulty": [5]}, "faulty of “mine” in specimens is [5]"),
    ({"difference": [["?", "a"]]}, "difference of “mine” in specimens is not a list of pairs"),
    ({"finding": {"code": "a"}}, 'finding of “mine” in specimens is {"code":"a"}'),
    ({"trainings": None}, "trainings of “mine” in specimens is not a list"),
    ({"trainings": [training([0.5], [0.5], "")]}, "a training of “mine” in specimens has the title "),
    ({"trainings": [training([], [])]}, "the training “Digits” of “mine” in specimens has the seeds []; give 1 to 59"),
    (
        {"trainings": [training([0.5, 0.5], [0.5])]},
        "sound in “Digits” of “mine” in specimens has 1 accuracies for 2 seeds.",
    ),
    (
        {"trainings": [training([0.5, 1.5], [0.5, 0.5])]},
        "faulty in “Digits” of “mine” in specimens has the accuracy 1.5; each must be from 0 to 1.",
    ),
    ({"trainings": [training([0.5, None], [0.5, 0.5])]}, "has the accuracy not a number"),
]


def test_a_bad_state_is_named_and_start_again_mends_it(browser, tmp_path):
    figure = FindTheFault(probes=OWN_PROBES, specimens=[specimen(), specimen("second")])
    with open_figure(browser, figure, tmp_path) as opened:
        for state, sign in BAD_STATES:
            opened.refuses(sign, **state)
        for part, sign in BAD_PARTS:
            opened.refuses(sign, specimens=[specimen("first"), copy.deepcopy(specimen(**part))])
        assert opened.faults == []


def test_a_figure_that_begins_in_a_bad_state_says_so(browser, tmp_path):
    says(browser, FindTheFault(), tmp_path, "probes is not a list, or is empty")


def test_what_is_marked_in_python_counts_and_what_nobody_has_trained_has_no_part_on_training(opened):
    specimens = [specimen(), specimen("second")]
    opened.set_all(probes=OWN_PROBES, specimens=specimens, marked={"mine": [0, 4]}, revealed=["second"], chosen=0)
    assert opened.text("answer") == "Yes, line 5: you have found it, after 1 other line."
    assert (opened.number("found"), opened.number("shown")) == (1, 1)
    assert is_told(opened) and not opened.root.get_by_text("What it does to training").is_visible()
    assert opened.text("setting") == ""


def test_code_is_text_never_markup(browser, tmp_path):
    tricky = "    return '<b>x</b>'  # <i>s</i>"
    shown = specimen(code=["def f():", tricky], faulty=[1])
    figure = FindTheFault(
        probes=[*OWN_PROBES[1:], probe("doubles", code=[tricky])], specimens=[shown], revealed=["mine"]
    )
    with open_figure(browser, figure, tmp_path) as opened:
        assert code_in(opened, ".senet-fault-code") == ["def f():", tricky]
        assert opened.root.locator(".senet-live :is(b, i)").count() == 0
        kinds = opened.root.locator(".senet-fault-code [class^=code-]:not(.code-line)").evaluate_all(
            "all => all.map((one) => [one.className, one.textContent])"
        )
        assert kinds == [
            ["code-keyword", "def"],
            ["code-keyword", "return"],
            ["code-text", "'<b>x</b>'"],
            ["code-comment", "# <i>s</i>"],
        ]


def test_the_score_lasts_over_a_reload(browser, tmp_path):
    with open_figure(browser, make_figure(), tmp_path, way="http") as opened:
        name, line = next((one["name"], one["faulty"][0]) for one in make_figure().specimens[:1])
        opened.click(opened.root.locator(f'[data-line="{line}"]'))
        opened.click("Next")
        opened.click("Show me")
        opened.page.reload()
        opened.page.wait_for_selector('[data-mounted="yes"]')
        opened.settle()
        assert (opened.number("found"), opened.number("shown")) == (1, 1)
        assert opened.get("marked")[name] == [line]
        opened.page.evaluate('localStorage.setItem(\'senet-book/faults\', \'{"marked": {"x": [99]}, "hinted": 3}\')')
        opened.page.reload()
        opened.page.wait_for_selector('[data-mounted="yes"]')
        opened.settle()
        assert opened.problem is None and opened.number("found") == 0
