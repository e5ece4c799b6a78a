"""Who may import whom, and what an import loads: the plan of the rooms in DESIGN.md, enforced."""

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
    "senet_lib.analysis": {"numpy", "senet_lib.class_moments", "senet_lib.validation"},
    "senet_lib.attention": {
        "torch",
        "senet_lib.attention_cost",
        "senet_lib.blocks",
        "senet_lib.map_attention",
        "senet_lib.validation",
    },
    "senet_lib.attention_cost": {"senet_lib.cost", "senet_lib.validation"},
    "senet_lib.batches": {"torch", "senet_lib.data", "senet_lib.epoch_plan", "senet_lib.validation"},
    "senet_lib.blocks": {"torch", "senet_lib.validation"},
    "senet_lib.checks": {
        "senet_lib.checks.attention",
        "senet_lib.checks.answers",
        "senet_lib.checks.block",
        "senet_lib.checks.gates",
        "senet_lib.checks.network",
        "senet_lib.checks.se_code",
        "senet_lib.checks.training",
    },
    "senet_lib.checks.answers": {"numpy", "torch"},
    "senet_lib.checks.attention": {"torch", "senet_lib.checks.answers"},
    "senet_lib.checks.se_code": {"torch", "senet_lib.checks.answers"},
    "senet_lib.checks.block": {"torch", "senet_lib.blocks", "senet_lib.receptive_field", "senet_lib.checks.answers"},
    "senet_lib.checks.gates": {"torch", "senet_lib.checks.answers"},
    "senet_lib.checks.network": {"torch", "senet_lib.checks.answers"},
    "senet_lib.checks.training": {"senet_lib.checks.answers"},
    "senet_lib.class_moments": {"numpy"},
    "senet_lib.checkpoints": {"safetensors", "torch"},
    "senet_lib.context_world": {"numpy", "senet_lib.validation"},
    "senet_lib.cost": {"senet_lib.validation"},
    "senet_lib.data": {
        "numpy",
        "torch",
        "torchvision",
        "PIL",
        "sklearn",
        "senet_lib.context_world",
        "senet_lib.validation",
    },
    "senet_lib.device": {"torch"},
    "senet_lib.distributed": {"torch", "senet_lib.device"},
    "senet_lib.doctor": {
        "torch",
        "senet_lib.gate_sites",
        "senet_lib.layer_findings",
        "senet_lib.network_findings",
        "senet_lib.operations",
        "senet_lib.residual_branches",
        "senet_lib.se_layers",
        "senet_lib.validation",
    },
    "senet_lib.drawings": {"senet_lib.plots"},
    "senet_lib.epoch_plan": {"numpy", "torch", "senet_lib.validation"},
    "senet_lib.evaluation": {"torch", "senet_lib.epoch_plan"},
    "senet_lib.experiments": set(),
    "senet_lib.experiments.__main__": None,
    "senet_lib.experiments.attention_tables": None,
    "senet_lib.experiments.specimen_tables": None,
    "senet_lib.experiments.catalogue": None,
    "senet_lib.experiments.class_gates": None,
    "senet_lib.experiments.context_world": None,
    "senet_lib.experiments.digits": None,
    "senet_lib.experiments.experiment": None,
    "senet_lib.experiments.find_the_fault": None,
    "senet_lib.experiments.gate_probe": None,
    "senet_lib.experiments.gate_tables": None,
    "senet_lib.experiments.markdown": {"numpy"},
    "senet_lib.experiments.networks": None,
    "senet_lib.experiments.photographs": None,
    "senet_lib.experiments.report": None,
    "senet_lib.experiments.running": None,
    "senet_lib.experiments.small_attentions": None,
    "senet_lib.experiments.specimens": None,
    "senet_lib.experiments.tables": None,
    "senet_lib.experiments.tutorials": None,
    "senet_lib.export": {"numpy", "torch", "senet_lib.blocks", "senet_lib.models", "senet_lib.residual_blocks"},
    "senet_lib.figures": set(),
    "senet_lib.files": set(),
    "senet_lib.figures.draws": {"numpy"},
    "senet_lib.figures.figure": {"numpy", "matplotlib", "PIL", "traitlets", "anywidget"},
    "senet_lib.figures.student": set(),
    "senet_lib.gate_files": {"numpy", "senet_lib.files"},
    "senet_lib.gate_modules": {"torch", "senet_lib.blocks"},
    "senet_lib.gate_sites": {"torch", "senet_lib.operations"},
    "senet_lib.gate_statistics": {
        "numpy",
        "torch",
        "senet_lib.class_moments",
        "senet_lib.epoch_plan",
        "senet_lib.gate_files",
        "senet_lib.gate_modules",
        "senet_lib.recording",
        "senet_lib.residual_branches",
        "senet_lib.validation",
    },
    "senet_lib.gated_network": {"numpy", "torch", "senet_lib.blocks", "senet_lib.weights"},
    "senet_lib.insert": {"torch", "senet_lib.blocks", "senet_lib.residual_branches", "senet_lib.validation"},
    "senet_lib.logs": {"torch", "senet_lib.files"},
    "senet_lib.interventions": {
        "numpy",
        "torch",
        "senet_lib.epoch_plan",
        "senet_lib.gate_modules",
        "senet_lib.gate_statistics",
        "senet_lib.recording",
        "senet_lib.validation",
    },
    "senet_lib.layer_findings": {
        "torch",
        "senet_lib.gate_sites",
        "senet_lib.network_findings",
        "senet_lib.operations",
        "senet_lib.se_layers",
    },
    "senet_lib.live_network": None,
    "senet_lib.live_race": None,
    "senet_lib.race": {
        "numpy",
        "torch",
        "tqdm",
        "senet_lib.blocks",
        "senet_lib.evaluation",
        "senet_lib.recipe",
        "senet_lib.trainer",
        "senet_lib.training",
        "senet_lib.validation",
    },
    "senet_lib.machine": {"numpy", "senet_lib", "torch", "torchvision"},
    "senet_lib.map_attention": {"torch", "senet_lib.attention_cost", "senet_lib.blocks", "senet_lib.validation"},
    "senet_lib.measure": {"torch", "senet_lib.validation"},
    "senet_lib.models": {"torch", "senet_lib.blocks", "senet_lib.residual_blocks", "senet_lib.validation"},
    "senet_lib.network_findings": {"torch", "senet_lib.gate_sites", "senet_lib.operations", "senet_lib.se_layers"},
    "senet_lib.notebook": {
        "torch",
        "IPython",
        "matplotlib_inline",
        "senet_lib.device",
        "senet_lib.training",
        "senet_lib.plots",
        "senet_lib.validation",
    },
    "senet_lib.onnx_export": {
        "numpy",
        "torch",
        "onnx",
        "onnx_ir",
        "senet_lib.files",
        "senet_lib.gated_network",
        "senet_lib.onnx_network",
        "senet_lib.residual_branches",
        "senet_lib.validation",
    },
    "senet_lib.operations": {"torch"},
    "senet_lib.offered_pictures": {"numpy", "PIL", "skimage", "sklearn"},
    "senet_lib.onnx_network": {"numpy", "onnxruntime", "senet_lib.residual_branches"},
    "senet_lib.paper": set(),
    "senet_lib.plots": {"numpy", "matplotlib"},
    "senet_lib.recording": {
        "numpy",
        "torch",
        "senet_lib.class_moments",
        "senet_lib.gate_files",
        "senet_lib.gate_modules",
        "senet_lib.validation",
    },
    "senet_lib.records": {"numpy"},
    "senet_lib.recipe": {"torch", "senet_lib.validation"},
    "senet_lib.receptive_field": {"torch", "senet_lib.validation"},
    "senet_lib.residual_blocks": {"torch", "senet_lib.validation"},
    "senet_lib.residual_branches": {"torch", "senet_lib.blocks"},
    "senet_lib.se_layers": {"torch", "senet_lib.gate_sites", "senet_lib.operations"},
    "senet_lib.specimen_listings": {"torch", "senet_lib.specimen_networks", "senet_lib.specimens"},
    "senet_lib.specimen_networks": {"torch"},
    "senet_lib.specimen_tests": {"torch", "senet_lib.specimen_networks"},
    "senet_lib.specimens": {"torch", "senet_lib.specimen_networks", "senet_lib.specimen_tests"},
    "senet_lib.streaming": {
        "numpy",
        "torch",
        "torchvision",
        "senet_lib.batches",
        "senet_lib.data",
        "senet_lib.epoch_plan",
        "senet_lib.validation",
    },
    "senet_lib.train": None,
    "senet_lib.trainer": {"torch", "senet_lib.device", "senet_lib.recipe"},
    "senet_lib.training": {
        "torch",
        "senet_lib.checkpoints",
        "senet_lib.device",
        "senet_lib.distributed",
        "senet_lib.evaluation",
        "senet_lib.recipe",
        "senet_lib.trainer",
    },
    "senet_lib.validation": set(),
    "senet_lib.timm_weights": {"torch", "senet_lib.blocks", "senet_lib.models", "senet_lib.residual_blocks"},
    "senet_lib.weights": {"safetensors", "torch", "senet_lib.files", "senet_lib.models", "senet_lib.timm_weights"},
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
    "senet_lib.figures.draws",
    "senet_lib.figures.figure",
    "senet_lib.figures.network_state",
    "senet_lib.figures.student",
}
CORE = (
    "analysis",
    "attention",
    "attention_cost",
    "batches",
    "blocks",
    "checkpoints",
    "class_moments",
    "context_world",
    "cost",
    "data",
    "device",
    "distributed",
    "doctor",
    "epoch_plan",
    "evaluation",
    "export",
    "files",
    "gate_files",
    "gate_modules",
    "gate_sites",
    "gate_statistics",
    "gated_network",
    "insert",
    "interventions",
    "layer_findings",
    "logs",
    "map_attention",
    "measure",
    "models",
    "network_findings",
    "onnx_export",
    "onnx_network",
    "operations",
    "paper",
    "receptive_field",
    "race",
    "recipe",
    "recording",
    "records",
    "residual_blocks",
    "residual_branches",
    "se_layers",
    "specimen_listings",
    "specimen_networks",
    "specimen_tests",
    "specimens",
    "streaming",
    "timm_weights",
    "trainer",
    "training",
    "validation",
    "weights",
)
NOT_CORE = {"senet_lib.checks", "senet_lib.experiments", "senet_lib.notebook", "senet_lib.plots", "senet_lib.train"}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
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
    loaded = loaded_after("\n".join(f"import senet_lib.{name}" for name in CORE), root)
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


def test_every_module_has_its_line_in_the_table_of_rooms():
    assert set(MODULES) == set(ROOMS)


@pytest.mark.parametrize("name", [name for name, allowed in ROOMS.items() if allowed is not None])
def test_a_module_imports_only_what_its_room_allows(name):
    imports = imports_of(MODULES[name].read_text(encoding="utf-8"))
    assert imports - ROOMS[name] - set(sys.stdlib_module_names) == set()


@pytest.mark.parametrize("name", CORE)
def test_core_imports_nothing_that_is_not_core(name):
    imports = imports_of(MODULES[f"senet_lib.{name}"].read_text(encoding="utf-8"))
    assert not imports & NOT_CORE
    assert not [other for other in imports if other.startswith("senet_lib.figures")]
