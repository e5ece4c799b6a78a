"""An ONNX file computes what torch does, shows every gate, lets each be set; a damaged one is refused."""

import json
import math
import os
import re
import subprocess
import sys
from functools import partial

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from senet_lib.export.onnx_network import load_onnx
from senet_lib.export.onnx_writer import export_onnx
from senet_lib.networks.insert import insert_squeeze_excitation
from senet_lib.networks.models import ResNet
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests.sample_networks import noise, shaken

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ABOUT = {"experiment": "none, random weights", "seed": "0"}
BLOCKS = {"layer1.0": 16, "layer1.1": 16, "layer2.0": 32, "layer2.1": 32, "layer3.0": 64}


def seeded_network() -> nn.Module:
    torch.manual_seed(0)
    return shaken(ResNet((2, 2, 1), (16, 32, 64), (1, 2, 2), num_classes=10, attention=SqueezeExcitation)).eval()


def tiny_network(**options) -> nn.Module:
    """Two blocks of 8 channels on pictures of 8x8: quick to export."""
    torch.manual_seed(0)
    return shaken(ResNet((2,), (8,), (1,), num_classes=3, **options)).eval()


def with_se(channels: int) -> SqueezeExcitation:
    return SqueezeExcitation(channels, reduction=2)


tiny_se_network = partial(tiny_network, attention=with_se)
export_tiny = partial(export_onnx, input_size=(3, 8, 8), mean=MEAN, std=STD)


def pictures(batch: int, size: int = 32, seed: int = 1) -> torch.Tensor:
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def in_torch(model: nn.Module, x: torch.Tensor, changes: dict | None = None) -> tuple[np.ndarray, dict]:
    """Logits and the gates that each block computes. changes: from a block to a function of its gates."""
    gates = {}

    def note_and_change(name, module, inputs, s):
        gates[name] = s.numpy()
        return changes[name](s) if changes and name in changes else s

    blocks = {name: module for name, module in model.named_modules() if isinstance(module, SqueezeExcitation)}
    hooks = [
        block.gate.register_forward_hook(partial(note_and_change, name.removesuffix(".attention")))
        for name, block in blocks.items()
    ]
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, STD))
    logits = model((x - mean) / std).numpy()
    for hook in hooks:
        hook.remove()
    return logits, gates


def assert_same(found: tuple[np.ndarray, dict], expected: tuple[np.ndarray, dict]) -> None:
    assert found[0] == pytest.approx(expected[0], abs=1e-4)
    assert list(found[1]) == list(expected[1])
    for name in expected[1]:
        assert found[1][name] == pytest.approx(expected[1][name], abs=1e-4)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A network with random weights: the model and its file."""
    model = seeded_network()
    path = tmp_path_factory.mktemp("onnx") / "new" / "network.onnx"
    assert export_onnx(model, path, (3, 32, 32), MEAN, STD, CLASSES, ABOUT) == path
    return model, path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A tiny network with SE: the model and its file."""
    model = tiny_se_network()
    return model, export_tiny(model, tmp_path_factory.mktemp("onnx") / "tiny.onnx")


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_the_file_gives_torchs_logits_and_gates_for_any_number_of_pictures(exported, batch):
    model, path = exported
    x = pictures(batch)
    expected = in_torch(model, x)
    assert {name: s.shape for name, s in expected[1].items()} == {name: (batch, c) for name, c in BLOCKS.items()}
    assert_same(load_onnx(path).run(x.numpy()), expected)


def test_the_file_says_what_is_in_it(exported):
    _, path = exported
    network = load_onnx(path)
    assert network.input_size == (3, 32, 32)
    assert network.channels == BLOCKS
    assert network.class_names == CLASSES
    assert network.about == ABOUT
    assert (network.mean, network.std) == (MEAN, STD)
    inputs = {value.name: value.shape for value in network.session.get_inputs()}
    outputs = {value.name: value.shape for value in network.session.get_outputs()}
    assert inputs == {
        "picture": ["batch", 3, 32, 32],
        **{f"override/{name}": [f"rows/{name}", channels] for name, channels in BLOCKS.items()},
    }
    assert outputs == {
        "logits": ["batch", 10],
        **{f"gates/{name}": ["batch", channels] for name, channels in BLOCKS.items()},
    }


def test_the_file_is_small_whole_and_says_nothing_about_this_machine(exported, root):
    _, path = exported
    content = path.read_bytes()
    assert len(content) < 800_000
    assert [file.name for file in path.parent.iterdir()] == ["network.onnx"]
    for sign in (str(root), sys.prefix, "site-packages", ".py", "stack_trace"):
        assert sign.encode() not in content


def test_another_process_writes_the_same_bytes(tiny, root, tmp_path):
    code = f"""
import sys
from tests.export.test_onnx import export_tiny, tiny_se_network
export_tiny(tiny_se_network(), {str(tmp_path / "again.onnx")!r})
"""
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, env=environment)
    assert (tmp_path / "again.onnx").read_bytes() == tiny[1].read_bytes()


# --- overrides --------------------------------------------------------------------------------------------------------


def test_overrides_of_1_switch_se_off(exported):
    model, path = exported
    x = pictures(3)
    plain = seeded_network()
    for block in plain.blocks():
        block.attention = nn.Identity()
    logits, _ = load_onnx(path).run(x.numpy(), dict.fromkeys(BLOCKS, 1))
    expected, _ = in_torch(plain, x)
    assert logits == pytest.approx(expected, abs=1e-4)
    assert np.abs(logits - in_torch(model, x)[0]).max() > 0.01  # SE does something here


def test_one_channel_is_muted_in_all_pictures_and_the_others_keep_their_gates(exported):
    model, path = exported
    x = pictures(3)
    mute_third = np.full(32, math.nan)
    mute_third[3] = 0
    expected = in_torch(model, x, {"layer2.1": lambda s: s * (torch.arange(32) != 3)})
    network = load_onnx(path)
    for form in (mute_third, mute_third[None], np.tile(mute_third, (3, 1))):  # (C,), (1, C) and (B, C)
        assert_same(network.run(x.numpy(), {"layer2.1": form}), expected)


def test_overrides_of_one_row_and_of_each_picture_go_together(exported):
    model, path = exported
    x = pictures(3)
    own = torch.rand(3, 64, generator=torch.Generator().manual_seed(2)) * 2 - 0.5  # also outside of 0 to 1
    changes = {"layer1.1": lambda s: torch.full_like(s, 0.5), "layer3.0": lambda s: own}
    given = {"layer1.1": np.full((1, 16), 0.5), "layer3.0": own.numpy()}
    assert_same(load_onnx(path).run(x.numpy(), given), in_torch(model, x, changes))


def test_gates_are_those_that_a_block_computes_and_later_blocks_see_the_change(exported):
    _, path = exported
    x = pictures(2).numpy()
    network = load_onnx(path)
    _, before = network.run(x)
    _, after = network.run(x, {"layer2.0": 0.0})
    names = list(BLOCKS)
    changed = names.index("layer2.0")
    for name in names[: changed + 1]:
        assert np.array_equal(before[name], after[name])
    for name in names[changed + 1 :]:
        assert not np.allclose(before[name], after[name], atol=1e-3)


def test_impossible_overrides_and_pictures_are_refused(tiny, refused):
    network = load_onnx(tiny[1])
    x = pictures(2, 8).numpy()
    with refused("no override of 'layer9.0'", "layer1.0, layer1.1"):
        network.run(x, {"layer9.0": 1})
    for shape in ((7,), (3, 8), (1, 1, 8)):
        with refused("override of layer1.1", str(shape), "(8,) or (2, 8)"):
            network.run(x, {"layer1.1": np.zeros(shape)})
    with refused("(3, 8, 8)", "(B, 3, 8, 8)"):
        network.run(x[0])
    with refused("(2, 3, 4, 4)", "(B, 3, 8, 8)"):
        network.run(x[:, :, :4, :4])
    with refused("uint8", "x / 255"):
        network.run((x * 255).astype(np.uint8))
    for bad in (x - 0.5, x * 255, x * math.nan):
        with refused("the pictures go from", "give 0 to 1"):
            network.run(bad)


# --- which networks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [tiny_network(), tiny_se_network()], ids=["plain", "overrides left out"])
def test_a_network_without_overrides(tmp_path, refused, model):
    network = load_onnx(export_tiny(model, tmp_path / "plain.onnx", overrides=False))
    assert [value.name for value in network.session.get_inputs()] == ["picture"]
    assert network.class_names is None and network.about == {}
    assert_same(network.run(pictures(3, 8).numpy()), in_torch(model, pictures(3, 8)))
    with refused("layer1.0", "none at all"):
        network.run(pictures(3, 8).numpy(), {"layer1.0": 1})


def test_se_in_somebody_elses_network_on_grey_pictures(tmp_path):
    torch.manual_seed(0)
    head = [nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)]
    model = shaken(nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3), *head))
    names = insert_squeeze_excitation(model, nn.Conv2d, reduction=2, start_gate=1, input_size=(1, 9, 7))
    x = noise(2, 1, 9, 7).sigmoid()
    with torch.no_grad():
        expected = model.double().eval()((x.double() - 0.5) / 0.25).numpy()
    model.train()
    before, state = {name: tensor.clone() for name, tensor in model.state_dict().items()}, torch.get_rng_state()
    network = load_onnx(export_onnx(model, tmp_path / "mine.onnx", (1, 9, 7), (0.5,), (0.25,)))
    logits, gates = network.run(x.numpy())
    assert list(gates) == names == ["0", "2"]
    assert logits == pytest.approx(expected, abs=1e-4)
    assert all((s == 1).all() for s in gates.values())
    # The model is as it was.
    assert all(module.training and not module._forward_hooks for module in model.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())


class Noisy(nn.Module):
    """A classifier that draws random numbers also in evaluation mode."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)) + torch.rand_like(x[:, :, 0, 0])


class DecidesByValue(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)) * (2 if x.sum() > 0 else 1)


class ReusesItsBlock(nn.Module):
    def __init__(self, times: int):
        super().__init__()
        self.se, self.times = SqueezeExcitation(3, reduction=1), times

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(self.times):
            x = self.se(x)
        return x.mean((2, 3))


def test_a_network_whose_numbers_are_not_torchs_leaves_the_old_file(tmp_path, refused):
    path = tmp_path / "old.onnx"
    path.write_text("old")
    with refused("does not compute what torch does", "logits differs by", "draws random numbers in evaluation mode"):
        export_tiny(Noisy(), path)
    with refused("cannot export"):
        export_tiny(DecidesByValue(), path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["old.onnx"]


@pytest.mark.parametrize("times", [0, 2])
def test_a_block_that_does_not_run_once_is_refused(tmp_path, refused, times):
    with refused(f"se runs {times} times"):
        export_tiny(ReusesItsBlock(times), tmp_path / "se.onnx")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"model": "resnet"}, ("model is 'resnet'", "create_model('se_resnet20')")),
        ({"model": nn.Conv2d(3, 4, 3)}, ("shape (2, 4, 6, 6)", "logits (B, K)")),
        ({"model": nn.Linear(7, 2)}, ("does not run on input_size (3, 8, 8)",)),
        ({"input_size": (8, 8)}, ("input_size is (8, 8)", "such as (3, 32, 32)")),
        ({"input_size": (3, 8, 0)}, ("input_size is (3, 8, 0)",)),
        ({"input_size": 8}, ("input_size is 8",)),
        ({"mean": (0.5,)}, ("mean has 1 numbers", "3 channels")),
        ({"mean": 0.5}, ("mean is 0.5", "3 channels")),
        ({"mean": (0.5, 0.5, math.nan)}, ("mean is", "nan")),
        ({"std": (0.5, 0.5, 0)}, ("std is (0.5, 0.5, 0.0)", "above 0")),
        ({"class_names": ["cat"]}, ("1 names", "3 logits")),
        ({"class_names": "cat"}, ("class_names is 'cat'", "a list of texts")),
        ({"about": {"seed": 0}}, ("'seed': 0", "texts")),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, refused, change, parts):
    good = {"model": tiny_network(), "input_size": (3, 8, 8), "mean": MEAN, "std": STD}
    with refused(*parts):
        export_onnx(path=tmp_path / "new" / "model.onnx", **(good | change))
    assert not list(tmp_path.iterdir())


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_that_is_cut_off_anywhere_is_refused(tiny, tmp_path, refused):
    content = tiny[1].read_bytes()
    path = tmp_path / "cut.onnx"
    # The last bytes are the metadata: cut off between two of them, the file would still be an ONNX file.
    for length in [*range(0, len(content) - 400, 997), *range(len(content) - 400, len(content))]:
        path.write_bytes(content[:length])
        with refused("cut.onnx", "export_onnx"):
            load_onnx(path)
    path.write_bytes(content)
    assert list(load_onnx(path).channels) == ["layer1.0", "layer1.1"]


def test_what_is_no_file_of_export_onnx_is_refused(tmp_path, refused):
    with refused("missing.onnx", "cannot be read"):
        load_onnx(tmp_path / "missing.onnx")
    with refused("cannot be read"):
        load_onnx(tmp_path)
    text = tmp_path / "notes.onnx"
    text.write_text("no network\nat all")
    with refused("notes.onnx", "not a valid ONNX file"):
        load_onnx(text)
    value = partial(onnx.helper.make_tensor_value_info, elem_type=onnx.TensorProto.FLOAT, shape=[1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value("x")], [value("y")])
    stranger = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(stranger, tmp_path / "stranger.onnx")
    with refused("stranger.onnx", "export_onnx did not write it"):
        load_onnx(tmp_path / "stranger.onnx")


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch, tmp_path, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match="pip install onnx onnxscript onnxruntime") as caught:
        export_tiny(tiny_network(), tmp_path / "model.onnx")
    assert "\n" not in str(caught.value)


def test_loading_needs_onnxruntime_only(monkeypatch, tiny):
    for name in ("onnx", "onnxscript", "onnx_ir"):
        monkeypatch.setitem(sys.modules, name, None)
    assert load_onnx(tiny[1]).input_size == (3, 8, 8)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match="pip install onnxruntime"):
        load_onnx(tiny[1])


def test_the_page_and_the_tests_have_the_same_version_of_onnx_runtime(root):
    in_page = json.loads((root / "package.json").read_text(encoding="utf-8"))["dependencies"]["onnxruntime-web"]
    constraints = (root / "constraints.txt").read_text(encoding="utf-8")
    assert re.findall(r"^onnxruntime==(.*)$", constraints, re.MULTILINE) == [in_page]
