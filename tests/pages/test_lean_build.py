"""What the build leaves out of style sheets, how much room it keeps for formulas, and where it breaks no line."""

import re
from types import SimpleNamespace

import pytest
from docutils import nodes

from tools import lean_math, lean_styles, no_breaks

# --- style sheets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sheet", "kept"),
    [
        (".used { color: red }", ".used{color: red;}"),
        (".unused { color: red }", ""),
        (".unused, a .used { color: red }", "a .used{color: red;}"),
        ("#used > .unused { color: red }", ""),
        ("a:not(.unused) { color: red }", "a:not(.unused){color: red;}"),
        ("[data-unused] { color: red }", "[data-unused]{color: red;}"),
        ("@media print { .unused { color: red } }", ""),
        ("@media print { .used { color: red } .unused { color: red } }", "@media print{.used{color: red;}}"),
        ("@font-face { font-family: F }", "@font-face { font-family: F }"),
        ("/* a comment */ p { color: red /* another */ }", "p{color: red;}"),
    ],
)
def test_a_rule_stays_if_its_classes_and_ids_are_somewhere(sheet, kept):
    assert "".join(lean_styles.prune(sheet, {"used"}).split()).replace(";}", "}") == "".join(kept.split()).replace(
        ";}", "}"
    )


def test_values_that_no_rule_asks_for_go_one_after_the_other():
    sheet = "p { --a: var(--b); --b: 1px; --c: 2px; --by-script: 3px; margin: var(--c) !important }"
    pruned = lean_styles.prune(sheet, {"--by-script"})
    assert "--a" not in pruned and "--b:" not in pruned
    assert "--c:2px" in pruned and "--by-script:3px" in pruned and "!important" in pruned


PAGE = """<html><head><link href="../_static/styles/theme.css?v=1" rel="stylesheet" />
<link rel="stylesheet" type="text/css" href="../_static/own.css?v=2" />
<script src="../_static/own.js?v=3"></script></head><body class="by-page"></body></html>"""


def test_pages_load_one_sheet_with_the_rules_of_all_in_their_order(tmp_path):
    (tmp_path / "_static" / "styles").mkdir(parents=True)
    (tmp_path / "part").mkdir()
    (tmp_path / "_static" / "basic.css").write_text(".by-page { background: url(a.png) }")
    (tmp_path / "_static" / "styles" / "theme.css").write_text(
        '@import "../basic.css";\n.by-script { background: url(../vendor/b.png) } .nowhere { color: red }'
    )
    (tmp_path / "_static" / "own.css").write_text(".by-page { background: url(data:c) }")
    (tmp_path / "_static" / "own.js").write_text("body.classList.add('by-script')")
    page = tmp_path / "part" / "page.html"
    page.write_text(PAGE)
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(name="html"))
    for _ in ("a build", "another one that writes no page"):
        lean_styles.write_sheet(app, None)
        text = (tmp_path / "_static" / "lean.css").read_text()
        rules = [line.partition("{")[0] for line in text.splitlines()[1:]]
        assert rules == [".by-page", ".by-script", ".by-page"]
        assert 'url("a.png")' in text and 'url("vendor/b.png")' in text and "url(data:c)" in text
        assert page.read_text().count("stylesheet") == 1
        assert '<link rel="stylesheet" href="../_static/lean.css?v=' in page.read_text()


def test_pages_with_different_sheets_are_reported(tmp_path, caplog):
    (tmp_path / "_static").mkdir()
    for name in "ab":
        (tmp_path / "_static" / f"{name}.css").write_text("p { color: red }")
        (tmp_path / f"{name}.html").write_text(f'<link rel="stylesheet" href="_static/{name}.css">')
    lean_styles.write_sheet(SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(name="html")), None)
    assert "pages have different style sheets" in caplog.text


def test_the_slides_keep_their_own_sheets(tmp_path, caplog):
    """They stand among the pages when a book is built again."""
    for name in ("slides/_static", "slides/slides"):  # a reader's folder may have any name
        (tmp_path / name).mkdir(parents=True)
    book, deck = tmp_path / "slides", tmp_path / "slides" / "slides" / "index.html"
    (book / "_static" / "a.css").write_text("p { color: red }")
    (book / "index.html").write_text('<link rel="stylesheet" href="_static/a.css">')
    deck.write_text('<link rel="stylesheet" href="../_static/b.css">')
    lean_styles.write_sheet(SimpleNamespace(outdir=book, builder=SimpleNamespace(name="html")), None)
    assert "lean.css" in (book / "index.html").read_text() and "b.css" in deck.read_text()
    assert caplog.text == ""


# --- formulas ---------------------------------------------------------------------------------------------------------


# In em, measured in Chromium with MathJax 3.2.2 at the size of the text around it.
@pytest.mark.parametrize(
    ("source", "width"),
    [
        ("C", 0.97),
        (r"\tilde{\mathbf{x}}", 0.77),
        (r"\mathbf{v}_c^s", 1.30),
        ("r = 16", 3.54),
        ("C/r", 2.18),
        (r"C \times \frac{C}{r}", 3.77),
        (r"H \cdot W \cdot C", 5.27),
        (r"\sigma(t) = 1/(1 + e^{-t})", 10.05),
        (r"y = \text{ReLU}(\text{SE}(F(x)) + x)", 14.08),
    ],
)
def test_the_width_of_a_formula_is_roughly_guessed(source, width):
    assert lean_math.estimate_width(source) == pytest.approx(width, rel=0.15, abs=0.35)


def test_a_formula_with_fractions_or_lines_is_higher():
    assert 3 < lean_math.estimate_height("a = b") < lean_math.estimate_height(r"a = \frac{b}{c}")
    assert lean_math.estimate_height("a = b") < lean_math.estimate_height(r"a = b \\ c = d")


def test_formulas_say_their_size_and_keep_the_sign_behind_them():
    span, block = '<span class="math notranslate nohighlight">', '<div class="math notranslate nohighlight">'
    page = rf"<p>{span}\(a &lt; b\)</span>, and {span}\(c\)</span> is</p>{block}\[d\]</div>"
    html = lean_math.reserve_room(page, scale=0.9)
    widths = [re.findall(r"--width: ([\d.]+)em", one) for one in (html, lean_math.reserve_room(page, scale=1.8))]
    assert [float(one) for one in widths[1]] == pytest.approx([2 * float(one) for one in widths[0]], abs=0.02)
    assert html.count('style="--width: ') == 2 and html.count('style="--height: ') == 1
    assert html.count('<span class="unbroken">') == 1
    assert r"\(a &lt; b\)</span>,</span> and" in html


def test_a_page_without_a_text_is_left_alone():
    context: dict = {}
    lean_math.reserve_in_body(None, "search", "search.html", context, None)
    assert context == {}


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("an interval of ± 0.002", "an interval of~±~0.002"),
        ("mean ±\nstandard deviation", "mean~±~standard deviation"),
        ("a map of 56 × 56, in 190 ms", "a map of 56~×~56, in 190~ms"),
        ("two 1×1 convolutions", "two 1×1 convolutions"),
        ("windows of 17 pixels for 3 seeds", "windows of 17~pixels for 3 seeds"),
        ("the 10 smallest", "the 10 smallest"),
    ],
)
def test_no_line_ends_between_a_number_and_its_unit(text, wanted):
    assert no_breaks.unbroken(text) == wanted.replace("~", "\N{NO-BREAK SPACE}")


def test_code_and_formulas_keep_their_spaces_and_a_spread_may_stand_below_its_mean_in_a_table():
    page = nodes.section()
    for kind in (nodes.paragraph, nodes.literal, nodes.literal_block, nodes.math, nodes.entry):
        page += kind("", nodes.Text("3 ± 4 in 5 s"))
    no_breaks.keep_together(None, page, "page")
    kept = [one.astext().replace("\N{NO-BREAK SPACE}", "~") for one in page.children]
    assert kept == ["3~±~4 in 5~s", "3 ± 4 in 5 s", "3 ± 4 in 5 s", "3 ± 4 in 5 s", "3 ± 4 in 5~s"]
