"""The notebooks: in step with their sources, without outputs, with right solutions, and running from top to bottom."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from torch import nn

from senet_lib.book import exercises as checks
from senet_lib.book.records import list_records
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tools import notebooks
from tools.addresses import Repository, read_configured

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted((ROOT / "notebooks").glob("*.md"))
NAMES = [source.stem for source in SOURCES]
DETAILS = re.compile(r"<details><summary>Solution</summary>(.*?)</details>", re.DOTALL)
PYTHON_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def test_the_landing_page_and_the_contents_list_every_chapter():
    assert len(NAMES) >= 12
    landing, contents = ((ROOT / name).read_text(encoding="utf-8") for name in ("book/index.md", "_toc.yml"))
    assert [name for name in NAMES if f"(../notebooks/{name}.md)" not in landing.partition("## The chapters")[2]] == []
    assert [name for name in NAMES if f"notebooks/{name}\n" not in contents] == []


@pytest.mark.parametrize("name", NAMES)
def test_notebook_is_in_step_with_its_source(name):
    source = ROOT / "notebooks" / f"{name}.md"
    assert source.with_suffix(".ipynb").read_text(encoding="utf-8") == notebooks.render(source, read_configured())


@pytest.mark.parametrize("name", NAMES)
def test_notebook_has_no_outputs_and_no_directives(name):
    for cell in read(name).cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None
        if cell.cell_type == "markdown":
            assert not re.search(r"^(```|:::)\{", cell.source, re.MULTILINE), "a directive is raw text on Colab"


@pytest.mark.parametrize("name", NAMES)
def test_install_cell_comes_first_and_leaves_torch_alone(name):
    repository = read_configured()
    first_code = next(cell.source for cell in read(name).cells if cell.cell_type == "code")
    assert f"git+{repository.url}@{repository.branch}" in first_code
    assert "--no-deps" in first_code
    assert not re.search(r"\btorch\b", first_code.split("%pip")[1])


def test_address_of_the_repository_stands_in_one_place():
    """Besides _config.yml only the generated notebooks name it."""
    url = read_configured().url
    folders = ("book", "notebooks", "senet_lib", "tests", "tools", ".github")
    files = [*ROOT.glob("*"), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]
    holders = {path.name for path in files if path.is_file() and url in path.read_text(errors="ignore")}
    assert holders == {"_config.yml", *(f"{name}.ipynb" for name in NAMES)}


def test_links_to_other_pages_work_away_from_the_book():
    repository = Repository("https://example.org/book", "main")
    links = notebooks.absolute_links(
        "[a](02_squeeze.md#x) [b](../book/results.md) [c](https://x.y/z.md)", SOURCES[0], repository
    )
    assert links == (
        "[a](https://example.org/book/blob/main/notebooks/02_squeeze.ipynb) "
        "[b](https://example.org/book/blob/main/book/results.md) [c](https://x.y/z.md)"
    )


def solutions() -> dict[str, str]:
    """The code of each folded solution, by the name of its exercise."""
    found = {}
    for source in SOURCES:
        for text in DETAILS.findall(source.read_text(encoding="utf-8")):
            for code in PYTHON_BLOCK.findall(text):
                if match := re.search(r'check\("(\w+)"', code):
                    found[match[1]] = code
    return found


def run_checks(code: str) -> list[checks.CheckResult]:
    """Run code that calls ``check``, and return the verdicts."""
    results: list[checks.CheckResult] = []
    namespace = {
        "check": lambda exercise, answer: results.append(checks.check(exercise, answer)),
        "torch": torch,
        "nn": nn,
        "SqueezeExcitation": SqueezeExcitation,
    }
    exec(code, namespace)
    return results


def test_every_exercise_has_a_solution_and_a_cell_to_fill_in():
    assert set(solutions()) == set(checks.EXERCISES)
    cells = [cell.source for name in NAMES for cell in read(name).cells if cell.cell_type == "code"]
    for exercise in checks.EXERCISES:
        assert sum(f'check("{exercise}"' in cell for cell in cells) == 1


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_each_exercise_has_a_cell_then_a_hint_then_a_solution(source):
    text = source.read_text(encoding="utf-8").partition("\n## Exercises\n")[2].partition("\n## ")[0]
    _, *exercises = re.split(r"^\*\*\d+\. ", text, flags=re.MULTILINE)
    assert len(exercises) >= 2
    for exercise in exercises:
        parts = re.findall(r"^```\{code-cell\}|<summary>(?:Hint|Solution)</summary>", exercise, re.MULTILINE)
        assert parts == ["```{code-cell}", "<summary>Hint</summary>", "<summary>Solution</summary>"], exercise


@pytest.mark.parametrize("exercise", checks.EXERCISES)
def test_solution_passes_its_checker(exercise):
    (result,) = run_checks(solutions()[exercise])
    assert result.passed, result


@pytest.mark.parametrize("name", NAMES)
def test_exercises_start_unanswered(name):
    """The cell to fill in runs, and says that it waits for an answer."""
    for cell in read(name).cells:
        if cell.cell_type == "code" and re.search(r'^check\("', cell.source, re.MULTILINE):
            (result,) = run_checks(cell.source)
            assert not result.passed
            # Finding a bug starts from the bug; everything else starts from nothing.
            bugs = {"find_the_bug": "x twice", "mean_loss": "You still add up one mean"}
            signs = [sign for exercise, sign in bugs.items() if f'check("{exercise}"' in cell.source]
            assert (signs or ["replace the ..."])[0] in result.message


@pytest.fixture(scope="session")
def installed_library(tmp_path_factory) -> Path:
    """A folder with the library as pip installs it, and nothing else of the repository."""
    wheel, site = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "build", "--quiet", "--no-isolation", "--outdir", str(wheel)]
    subprocess.run(build, cwd=ROOT, check=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    subprocess.run([*install, *map(str, wheel.glob("*.whl"))], check=True)
    return site


def test_the_installed_library_holds_the_records(installed_library):
    probe = "from senet_lib.book.records import list_records; print(*list_records())"
    command, environment = [sys.executable, "-c", probe], os.environ | {"PYTHONPATH": str(installed_library)}
    somebodys = installed_library / "results" / "somebodys.json"
    somebodys.parent.mkdir()
    somebodys.touch()
    output = subprocess.run(command, cwd=installed_library, env=environment, check=True, capture_output=True, text=True)
    assert output.stdout.split() == list_records(ROOT / "results"), "a folder named results is not ours"


def test_the_installed_library_holds_every_module(installed_library):
    kinds = {".py", ".pyi", ".js", ".css", ".json", ".safetensors"}
    sources, installed = (
        {path.relative_to(folder) for path in (folder / "senet_lib").rglob("*") if path.suffix in kinds}
        for folder in (ROOT, installed_library)
    )
    records = {Path("senet_lib", "results", path.name) for path in (ROOT / "results").glob("*.json")}
    assert sources and records and installed == sources | records


@pytest.mark.notebooks
@pytest.mark.parametrize("name", ["11_after_se"])
def test_notebook_runs_with_its_install_cell(name, installed_library, tmp_path, monkeypatch):
    """As on Colab: a fresh kernel, the installed library, and no repository around it.

    One that is quick. The build runs the code of all of them in this way (``tools.execute``); only the install cell,
    which is the same in each, is not in the book.
    """
    monkeypatch.setenv("PYTHONPATH", str(installed_library))
    notebook = read(name)
    probe = "import json, senet_lib; print(json.dumps(senet_lib.__file__))"
    notebook.cells.append(nbformat.v4.new_code_cell(probe))
    NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert Path(json.loads(notebook.cells[-1].outputs[0].text)).is_relative_to(installed_library)
    assert os.listdir(tmp_path) == [], "a notebook must not leave files behind"
