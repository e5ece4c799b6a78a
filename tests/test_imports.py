"""Who may import whom, and what an import loads: a table of the rooms, enforced."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import senet_lib

PACKAGE = Path(senet_lib.__file__).parent

# For each module: what it may import besides the standard library. None: anything.
ROOMS: dict[str, set[str] | None] = {
    "senet_lib": set(),
    "senet_lib.attention": {
        "torch",
        "senet_lib.attention_cost",
        "senet_lib.blocks",
        "senet_lib.map_attention",
        "senet_lib.validation",
    },
    "senet_lib.attention_cost": {"senet_lib.cost", "senet_lib.validation"},
    "senet_lib.blocks": {"torch", "senet_lib.validation"},
    "senet_lib.checks": {
        "senet_lib.checks.answers",
        "senet_lib.checks.attention",
        "senet_lib.checks.block",
        "senet_lib.checks.gates",
        "senet_lib.checks.network",
        "senet_lib.checks.se_code",
        "senet_lib.checks.training",
    },
    "senet_lib.checks.answers": {"numpy", "torch"},
    "senet_lib.checks.attention": {"torch", "senet_lib.checks.answers"},
    "senet_lib.checks.block": {"torch", "senet_lib.blocks", "senet_lib.checks.answers", "senet_lib.receptive_field"},
    "senet_lib.checks.gates": {"torch", "senet_lib.checks.answers"},
    "senet_lib.checks.network": {"torch", "senet_lib.checks.answers"},
    "senet_lib.checks.se_code": {"torch", "senet_lib.checks.answers"},
    "senet_lib.checks.training": {"senet_lib.checks.answers"},
    "senet_lib.context_world": {"numpy", "senet_lib.validation"},
    "senet_lib.cost": {"senet_lib.validation"},
    "senet_lib.data": {"senet_lib.data.batches", "senet_lib.data.images"},
    "senet_lib.data.batches": {"torch", "senet_lib.data.epoch_plan", "senet_lib.data.images", "senet_lib.validation"},
    "senet_lib.data.epoch_plan": {"numpy", "torch", "senet_lib.validation"},
    "senet_lib.data.images": {
        "PIL",
        "numpy",
        "sklearn",
        "torch",
        "torchvision",
        "senet_lib.context_world",
        "senet_lib.messages",
        "senet_lib.validation",
    },
    "senet_lib.data.streaming": {
        "numpy",
        "torch",
        "torchvision",
        "senet_lib.data.batches",
        "senet_lib.data.epoch_plan",
        "senet_lib.data.images",
        "senet_lib.validation",
    },
    "senet_lib.doctor": {
        "senet_lib.doctor.examination",
        "senet_lib.doctor.network_findings",
        "senet_lib.doctor.se_layers",
    },
    "senet_lib.doctor.examination": {
        "torch",
        "senet_lib.doctor.gate_sites",
        "senet_lib.doctor.layer_findings",
        "senet_lib.doctor.network_findings",
        "senet_lib.doctor.operations",
        "senet_lib.doctor.se_layers",
        "senet_lib.messages",
        "senet_lib.torch_modules",
        "senet_lib.validation",
    },
    "senet_lib.doctor.gate_sites": {"torch", "senet_lib.doctor.operations"},
    "senet_lib.doctor.layer_findings": {
        "torch",
        "senet_lib.doctor.gate_sites",
        "senet_lib.doctor.network_findings",
        "senet_lib.doctor.operations",
        "senet_lib.doctor.se_layers",
    },
    "senet_lib.doctor.network_findings": {
        "torch",
        "senet_lib.doctor.gate_sites",
        "senet_lib.doctor.operations",
        "senet_lib.doctor.se_layers",
    },
    "senet_lib.doctor.operations": {"torch"},
    "senet_lib.doctor.se_layers": {"torch", "senet_lib.doctor.gate_sites", "senet_lib.doctor.operations"},
    "senet_lib.drawings": {"senet_lib.plots"},
    "senet_lib.experiments": set(),
    "senet_lib.experiments.__main__": None,
    "senet_lib.experiments.attention_tables": None,
    "senet_lib.experiments.catalogue": None,
    "senet_lib.experiments.class_gates": None,
    "senet_lib.experiments.context_world": None,
    "senet_lib.experiments.digits": None,
    "senet_lib.experiments.experiment": None,
    "senet_lib.experiments.find_the_fault": None,
    "senet_lib.experiments.gate_probe": None,
    "senet_lib.experiments.gate_tables": None,
    "senet_lib.experiments.markdown": {"numpy", "senet_lib.context_world"},
    "senet_lib.experiments.networks": None,
    "senet_lib.experiments.offered_pictures": {"PIL", "numpy", "skimage", "sklearn"},
    "senet_lib.experiments.photographs": None,
    "senet_lib.experiments.report": None,
    "senet_lib.experiments.running": None,
    "senet_lib.experiments.small_attentions": None,
    "senet_lib.experiments.specimen_tables": None,
    "senet_lib.experiments.specimens": None,
    "senet_lib.experiments.tables": None,
    "senet_lib.experiments.tutorials": None,
    "senet_lib.export": set(),
    "senet_lib.export.arrays": {"numpy", "torch", "senet_lib.blocks", "senet_lib.models", "senet_lib.residual_blocks"},
    "senet_lib.export.overridable_network": {"numpy", "torch", "senet_lib.blocks", "senet_lib.weights"},
    "senet_lib.export.onnx_network": {"numpy", "onnxruntime", "senet_lib.messages"},
    "senet_lib.export.onnx_writer": {
        "numpy",
        "onnx",
        "onnx_ir",
        "torch",
        "senet_lib.export.onnx_network",
        "senet_lib.export.overridable_network",
        "senet_lib.files",
        "senet_lib.messages",
        "senet_lib.torch_modules",
        "senet_lib.validation",
    },
    "senet_lib.figures": set(),
    "senet_lib.figures.figure": {"PIL", "anywidget", "matplotlib", "numpy", "traitlets"},
    "senet_lib.figures.parts": set(),
    "senet_lib.files": set(),
    "senet_lib.gates": set(),
    "senet_lib.gates.analysis": {"numpy", "senet_lib.gates.moments", "senet_lib.validation"},
    "senet_lib.gates.files": {"numpy", "senet_lib.files"},
    "senet_lib.gates.interventions": {
        "numpy",
        "torch",
        "senet_lib.data.epoch_plan",
        "senet_lib.gates.modules",
        "senet_lib.gates.recording",
        "senet_lib.gates.statistics",
        "senet_lib.validation",
    },
    "senet_lib.gates.modules": {"torch", "senet_lib.blocks"},
    "senet_lib.gates.moments": {"numpy"},
    "senet_lib.gates.recording": {
        "numpy",
        "torch",
        "senet_lib.gates.files",
        "senet_lib.gates.modules",
        "senet_lib.gates.moments",
        "senet_lib.validation",
    },
    "senet_lib.gates.statistics": {
        "numpy",
        "torch",
        "senet_lib.data.epoch_plan",
        "senet_lib.gates.files",
        "senet_lib.gates.modules",
        "senet_lib.gates.moments",
        "senet_lib.gates.recording",
        "senet_lib.torch_modules",
        "senet_lib.validation",
    },
    "senet_lib.insert": {
        "torch",
        "senet_lib.blocks",
        "senet_lib.messages",
        "senet_lib.residual_branches",
        "senet_lib.torch_modules",
        "senet_lib.validation",
    },
    "senet_lib.live_network": None,
    "senet_lib.live_race": None,
    "senet_lib.machine": {"numpy", "torch", "torchvision", "senet_lib"},
    "senet_lib.map_attention": {"torch", "senet_lib.attention_cost", "senet_lib.blocks", "senet_lib.validation"},
    "senet_lib.measure": {"torch", "senet_lib.messages", "senet_lib.torch_modules", "senet_lib.validation"},
    "senet_lib.messages": set(),
    "senet_lib.miniature": {
        "numpy",
        "torch",
        "senet_lib.context_world",
        "senet_lib.seeded_draws",
        "senet_lib.validation",
    },
    "senet_lib.models": {"torch", "senet_lib.blocks", "senet_lib.residual_blocks", "senet_lib.validation"},
    "senet_lib.notebook": {
        "IPython",
        "matplotlib_inline",
        "torch",
        "senet_lib.data.epoch_plan",
        "senet_lib.plots",
        "senet_lib.training",
        "senet_lib.training.device",
        "senet_lib.validation",
    },
    "senet_lib.paper": set(),
    "senet_lib.plots": {"matplotlib", "numpy"},
    "senet_lib.receptive_field": {"torch", "senet_lib.validation"},
    "senet_lib.records": {"numpy"},
    "senet_lib.residual_blocks": {"torch", "senet_lib.validation"},
    "senet_lib.residual_branches": {"torch", "senet_lib.blocks", "senet_lib.messages", "senet_lib.torch_modules"},
    "senet_lib.seeded_draws": {"numpy"},
    "senet_lib.specimens": {"senet_lib.specimens.catalogue"},
    "senet_lib.specimens.catalogue": {"torch", "senet_lib.specimens.networks", "senet_lib.specimens.tests"},
    "senet_lib.specimens.listings": {"torch", "senet_lib.specimens.catalogue", "senet_lib.specimens.networks"},
    "senet_lib.specimens.networks": {"torch"},
    "senet_lib.specimens.tests": {"torch", "senet_lib.specimens.networks"},
    "senet_lib.student_t": set(),
    "senet_lib.timm_weights": {"torch", "senet_lib.blocks", "senet_lib.models", "senet_lib.residual_blocks"},
    "senet_lib.torch_modules": {"torch"},
    "senet_lib.train": None,
    "senet_lib.training": {
        "senet_lib.torch_modules",
        "senet_lib.training.evaluation",
        "senet_lib.training.loop",
        "senet_lib.training.recipe",
        "senet_lib.training.trainer",
    },
    "senet_lib.training.checkpoints": {"safetensors", "torch", "senet_lib.messages"},
    "senet_lib.training.device": {"torch"},
    "senet_lib.training.distributed": {"torch", "senet_lib.training.device"},
    "senet_lib.training.evaluation": {"torch", "senet_lib.data.epoch_plan", "senet_lib.torch_modules"},
    "senet_lib.training.logs": {"torch", "senet_lib.files"},
    "senet_lib.training.loop": {
        "torch",
        "senet_lib.data.epoch_plan",
        "senet_lib.torch_modules",
        "senet_lib.training.checkpoints",
        "senet_lib.training.device",
        "senet_lib.training.distributed",
        "senet_lib.training.evaluation",
        "senet_lib.training.recipe",
        "senet_lib.training.trainer",
    },
    "senet_lib.training.race": {
        "numpy",
        "torch",
        "tqdm",
        "senet_lib.blocks",
        "senet_lib.data.epoch_plan",
        "senet_lib.training.evaluation",
        "senet_lib.training.loop",
        "senet_lib.training.recipe",
        "senet_lib.training.trainer",
        "senet_lib.validation",
    },
    "senet_lib.training.recipe": {"torch", "senet_lib.validation"},
    "senet_lib.training.trainer": {
        "torch",
        "senet_lib.torch_modules",
        "senet_lib.training.device",
        "senet_lib.training.recipe",
    },
    "senet_lib.validation": set(),
    "senet_lib.weights": {
        "safetensors",
        "torch",
        "senet_lib.files",
        "senet_lib.models",
        "senet_lib.timm_weights",
        "senet_lib.torch_modules",
    },
}
# What any figure may import: arrays and drawing, never torch or a model.
FIGURE_ROOM = {
    "numpy",
    "matplotlib",
    "traitlets",
    "senet_lib.attention_cost",
    "senet_lib.context_world",
    "senet_lib.cost",
    "senet_lib.plots",
    "senet_lib.records",
    "senet_lib.validation",
    "senet_lib.figures.figure",
    "senet_lib.figures.parts.network_state",
    "senet_lib.seeded_draws",
    "senet_lib.student_t",
}
CORE_ROOMS = (
    "attention",
    "attention_cost",
    "blocks",
    "context_world",
    "cost",
    "data",
    "doctor",
    "export",
    "files",
    "gates",
    "insert",
    "map_attention",
    "measure",
    "messages",
    "miniature",
    "models",
    "paper",
    "receptive_field",
    "records",
    "residual_blocks",
    "residual_branches",
    "seeded_draws",
    "specimens",
    "student_t",
    "timm_weights",
    "torch_modules",
    "training",
    "validation",
    "weights",
)
NOT_CORE = {"senet_lib.checks", "senet_lib.experiments", "senet_lib.notebook", "senet_lib.plots", "senet_lib.train"}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
CORE = [name for name in MODULES if name.removeprefix("senet_lib.").split(".")[0] in CORE_ROOMS]
ROOMS = {name: FIGURE_ROOM for name in MODULES if name.startswith("senet_lib.figures.")} | ROOMS


def imports_of(source: str, package: str = "senet_lib") -> set[str]:
    """What a module's text imports, wherever in the text: other packages by their first name, our modules in full."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = ".".join(filter(None, [package if node.level else "", node.module]))
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                names.add(inner if inner in MODULES else origin)
    return {name if name.split(".")[0] == "senet_lib" else name.split(".")[0] for name in names}


def loaded_after(statements: str, root: Path) -> set[str]:
    """First names of all modules that a fresh interpreter has loaded after some statements."""
    code = f"{statements}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True).stdout
    return {name.split(".")[0] for name in json.loads(output)}


def test_the_reader_of_imports_sees_all_kinds_of_imports():
    source = """
import os.path, numpy as np
import senet_lib.plots
from torch.nn import functional
from senet_lib import checks, __version__
from senet_lib.blocks import BasicBlock
from . import training
from .models import ResNet
def late():
    import sklearn.datasets
"""
    modules = {f"senet_lib.{name}" for name in ("plots", "checks", "blocks", "training", "models")}
    assert imports_of(source) == modules | {"os", "numpy", "torch", "senet_lib", "sklearn"}


def test_import_senet_lib_is_light(root):
    loaded = loaded_after("import senet_lib", root)
    assert "senet_lib" in loaded
    assert not loaded & {"torch", "torchvision", "numpy", "matplotlib", "ipywidgets", "anywidget", "IPython", "sklearn"}


def test_core_modules_load_nothing_to_draw_with(root):
    loaded = loaded_after("\n".join(f"import {name}" for name in CORE), root)
    assert {"senet_lib", "torch", "numpy"} <= loaded
    assert not loaded & {
        *("matplotlib", "ipywidgets", "anywidget", "IPython", "sklearn", "tensorboard"),
        *("onnx", "onnxscript", "onnxruntime", "timm"),
    }


def test_plots_draw_without_torch(root):
    loaded = loaded_after("import senet_lib.plots", root)
    assert "matplotlib" in loaded
    assert not loaded & {"torch", "torchvision"}


def test_figures_load_no_torch(root):
    figures = [name for name in MODULES if name.startswith("senet_lib.figures.")]
    loaded = loaded_after("\n".join(f"import {name}" for name in figures), root)
    assert "anywidget" in loaded
    assert not loaded & {"torch", "torchvision", "safetensors"}


@pytest.mark.parametrize("name", ["export.onnx_network", "gates", "gates.analysis"])
def test_what_works_on_arrays_loads_no_torch(name, root):
    loaded = loaded_after(f"import senet_lib.{name}", root)
    assert "senet_lib" in loaded and not loaded & {"torch", "torchvision", "safetensors"}


def test_every_module_has_its_line_in_the_table_of_rooms():
    assert set(MODULES) == set(ROOMS)


@pytest.mark.parametrize("name", [name for name, allowed in ROOMS.items() if allowed is not None])
def test_a_module_imports_only_what_its_room_allows(name):
    imports = imports_of(MODULES[name].read_text(encoding="utf-8"))
    assert imports - ROOMS[name] - set(sys.stdlib_module_names) == set()


@pytest.mark.parametrize("name", CORE)
def test_core_imports_nothing_that_is_not_core(name):
    imports = imports_of(MODULES[name].read_text(encoding="utf-8"))
    assert not imports & NOT_CORE
    assert not [other for other in imports if other.startswith("senet_lib.figures")]
