"""Who may import whom is in pyproject.toml, for import-linter. Here: that it sees a breach, and what it cannot say."""

import collections
import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

# Each breaks one contract: where a line is planted, and the line.
BREACHES = {
    "floors": ("senet_lib/cost/formulas.py", "import senet_lib.networks.models"),
    "ground": ("senet_lib/book/plots.py", "import tools.notebooks"),
    "figures": ("senet_lib/book/figures/figure.py", "import torch"),
    "arrays": ("senet_lib/gates/analysis.py", "from torch import Tensor"),
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sysconfig.get_path("scripts")) / "lint-imports", "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def loaded_after(names: list[str], root: Path) -> set[str]:
    """First names of all modules that a fresh interpreter has loaded after these imports."""
    code = f"import {', '.join(names)}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True).stdout
    return {name.split(".")[0] for name in json.loads(output)}


def test_the_contracts_are_kept(root):
    result = lint_imports(root)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture
def hollow_house(root, tmp_path):
    """The folders and the names of our modules, without a line in them, and the contracts."""
    for package in ("senet_lib", "tools", "benchmarks"):
        for module in (root / package).rglob("*.py"):
            if "node_modules" not in module.parts:
                hollow = tmp_path / module.relative_to(root)
                hollow.parent.mkdir(parents=True, exist_ok=True)
                hollow.touch()
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def test_forbidden_imports_break_their_contracts(hollow_house):
    assert f"{len(BREACHES)} kept, 0 broken" in lint_imports(hollow_house).stdout
    for place, line in BREACHES.values():
        (hollow_house / place).write_text(line)
    result = lint_imports(hollow_house)
    assert result.returncode == 1 and f"0 kept, {len(BREACHES)} broken" in result.stdout, result.stdout


def test_no_two_modules_share_a_name(root):
    """A figure's .py and .js do; they are two halves of one."""
    for ending in ("py", "js"):
        names = collections.Counter(path.name for path in (root / "senet_lib").rglob(f"*.{ending}"))
        assert {name for name, count in names.items() if count > 1} <= {"__init__.py", "__main__.py"}


def test_the_package_itself_is_light(root):
    assert not loaded_after(["senet_lib"], root) & {"torch", "torchvision", "numpy", "matplotlib", "anywidget"}


def test_figures_and_what_works_on_arrays_load_no_torch(root):
    figures = [path.stem for path in (root / "senet_lib" / "book" / "figures").glob("*.py")]
    names = [f"senet_lib.book.figures.{name}" for name in figures if name != "__init__"]
    exports = [f"senet_lib.export.{name}" for name in ("onnx_network", "reveal_gates")]
    loaded = loaded_after([*names, "senet_lib.gates.analysis", *exports], root)
    assert "anywidget" in loaded and not loaded & {"torch", "torchvision", "safetensors"}


def test_networks_load_nothing_to_draw_with(root):
    rooms = (
        "cost.measure",
        "data.pictures",
        "doctor",
        "networks",
        "training.logs",
        "gates.recording",
        "weights.weight_files",
    )
    loaded = loaded_after([f"senet_lib.{room}" for room in rooms], root)
    assert "torch" in loaded
    heavy = {
        "matplotlib",
        "anywidget",
        "IPython",
        "sklearn",
        "tensorboard",
        "onnx",
        "onnxruntime",
        "timm",
        "torchvision",
    }
    assert not loaded & heavy
