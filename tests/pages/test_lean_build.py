"""What the build leaves out of style sheets, what it makes of formulas, and where it breaks no line."""

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from sphinxcontrib import katex

from tools import formulas, lean_scripts, lean_styles, no_breaks

# --- style sheets -----------------------------------------------------------------------------------------------------


def test_a_rule_stays_if_its_classes_and_ids_are_somewhere(tmp_path):
    sheet, page = tmp_path / "sheet.css", tmp_path / "page.html"
    page.write_text('<p id="used">a</p>')
    rules = {
        "#used { top: 1px }": True,
        "#used .unused { top: 2px }": False,
        ".unused, a #used { top: 3px }": True,
        "a:not(.unused) { top: 4px }": True,
        "@media print { .unused { top: 5px } }": False,
        "@media print { #used { top: 6px } }": True,
        "@font-face { font-family: unused; top: 7px }": False,
    }
    sheet.write_text("\n".join([*rules, "p { --theme-unused: 1px; --senet-by-script: 1px }"]))
    kept = lean_styles.shorten(sheet, [page])
    assert [f"top:{number}px" in kept for number in range(1, len(rules) + 1)] == list(rules.values())
    assert "--theme-unused" not in kept and "--senet-by-script" in kept


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
    (tmp_path / "_static" / "own.css").write_text(".by-page { cursor: url(data:c), auto }")
    (tmp_path / "_static" / "own.js").write_text("body.classList.add('by-script')")
    page = tmp_path / "part" / "page.html"
    page.write_text(PAGE)
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(name="html"))
    for _ in ("a build", "another one that writes no page"):
        lean_styles.write_sheet(app, None)
        text = (tmp_path / "_static" / "lean.css").read_text()
        assert re.findall(r"(\.[\w-]+)\{", text) == [".by-page", ".by-script", ".by-page"]
        assert "url(a.png)" in text and "url(vendor/b.png)" in text and "url(data:c)" in text
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


@pytest.fixture
def render(monkeypatch):
    """What the build makes of a formula."""
    config = SimpleNamespace()
    formulas.use_our_katex(SimpleNamespace(srcdir=Path(lean_styles.__file__).parent.parent), config)
    monkeypatch.setattr(katex.KaTeXServer, "katex_path", config.katex_js_path)
    return katex.render_latex


def test_a_formula_is_there_for_eyes_and_for_ears(render):
    html = render(r"\begin{align} a &= b \\ c &= d \end{align}", {"displayMode": True})
    assert html.startswith('<span class="katex-display">')
    assert html.count('<math xmlns="http://www.w3.org/1998/Math/MathML"') == 1
    assert '<span class="katex-html" aria-hidden="true">' in html


def test_a_formula_that_nobody_understands_stops_the_build(render):
    with pytest.raises(katex.KaTeXError, match=r"Undefined control sequence: .nosuchsign"):
        render(r"\nosuchsign")


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


def test_a_comma_behind_a_formula_stays_on_its_line_and_the_words_behind_it_do_not():
    page = nodes.paragraph()
    page += [nodes.math("", "u"), nodes.Text(", and "), nodes.math("", "s"), nodes.Text(" too")]
    no_breaks.keep_together(None, page, "page")
    assert [one.astext() for one in page.children] == ["u,", " and ", "s", " too"]
    assert [one["classes"] for one in page.findall(nodes.inline)] == [["senet-together"]]


# --- scripts ----------------------------------------------------------------------------------------------------------


def test_modules_of_figures_are_shortened_and_keep_the_names_that_they_share(tmp_path):
    text = "const shared = (value) => `<${value} ${`of  ${value}`}>`;\nexport default { render: shared };\n"
    page = f'<script type="application/json" class="senet-module" data-key="a1">{json.dumps(text)}</script>'
    page += '<script data-key="b2">// What mounts them.\n(() => {\n  run();\n})();\n</script>'
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    lean_scripts.shorten_modules(SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(name="html")), None)
    made = (tmp_path / "index.html").read_text(encoding="utf-8")
    made, _, host = made.partition('<script data-key="b2">')
    assert host == "run();</script>"
    short = json.loads(re.search(r'data-key="a1">(.*)</script>', made)[1])
    assert len(short) < len(text) and "const shared=" in short and "of  ${" in short and "export default" in short
    assert "<" not in made.partition(">")[2].removesuffix("</script>")


def test_a_module_that_cannot_be_read_stops_the_build():
    with pytest.raises(subprocess.CalledProcessError):
        lean_scripts.shorten(["const = 1;"])
