"""The gates in anybody's ONNX file: found, shown as torch has them, set; what cannot be followed is said."""

import warnings
from functools import partial

import numpy as np
import onnx
import onnxruntime
import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from torch import nn

from senet_lib.doctor.__main__ import main as examine_in_ci
from senet_lib.export import reveal_gates
from senet_lib.export.onnx_network import load_onnx
from senet_lib.export.onnx_writer import export_onnx
from senet_lib.gates.modules import find_gates
from senet_lib.networks.attention import EfficientChannelAttention
from senet_lib.networks.models import ResNet
from senet_lib.networks.squeeze_excitation import SqueezeExcitation
from tests.sample_networks import noise, shaken


def export(model, path, size=(3, 32, 32), *, dynamo=False, opset=13, folded=True, free_batch=True, batch=2, half=False):
    """As their authors do, with either of torch's exporters."""
    model = (model.half() if half else model).eval()
    x = noise(batch, *size).to(torch.float16 if half else torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            free = ({0: torch.export.Dim.DYNAMIC},) if free_batch else None
            options = {"dynamic_shapes": free, "optimize": folded, "external_data": False}
        else:
            options = {"dynamic_axes": {"x": {0: "n"}} if free_batch else None, "do_constant_folding": folded}
        names = {"input_names": ["x"], "output_names": ["y"]}
        torch.onnx.export(model, (x,), path, dynamo=dynamo, opset_version=opset, verbose=False, **names, **options)
    return path


def shaken_all(model):
    """No bias is 0, which exporters would leave out."""
    torch.manual_seed(0)
    for parameter in shaken(model).parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter, std=0.1) if parameter.abs().sum() == 0 else None
    return model.eval()


def tiny(attention):
    return ResNet((2,), (8,), (1,), num_classes=3, attention=attention)


NETWORKS = {
    "ours": (lambda: tiny(partial(SqueezeExcitation, reduction=2)), {"dynamo": True, "opset": 18}),
    "ours, one picture": (lambda: tiny(partial(SqueezeExcitation, reduction=2)), {"free_batch": False, "batch": 1}),
    "ours, ECA": (lambda: tiny(EfficientChannelAttention), {"folded": False}),
    "mobilenet": (torchvision.models.mobilenet_v3_small, {"folded": False}),
    "efficientnet": (torchvision.models.efficientnet_b0, {"opset": 16, "half": True}),
    "regnet": (torchvision.models.regnet_y_400mf, {"opset": 17, "free_batch": False}),
    "timm's mobilenet": (partial(timm.create_model, "mobilenetv3_small_050"), {"opset": 18}),
    "timm's nfnet": (partial(timm.create_model, "test_nfnet"), {"dynamo": True, "opset": 20, "folded": False}),
    "timm's regnet": (partial(timm.create_model, "test_byobnet"), {"folded": False, "opset": 9}),
    "timm's old seresnet": (partial(timm.create_model, "legacy_seresnet18"), {}),
    "selective kernels": (partial(timm.create_model, "skresnet18"), {"folded": False, "opset": 11}),
    "split attention": (partial(timm.create_model, "resnest14d"), {"dynamo": True, "opset": 18}),
}  # fmt: skip


def softmaxes(model, kind, gate):
    """What makes the gates where branches compete, by the names of what find_gates does not know."""
    return {name: gate(one) for name, one in model.named_modules() if type(one).__name__ == kind}


BRANCHES = {
    "selective kernels": partial(softmaxes, kind="SelectiveKernelAttn", gate=lambda one: one),
    "split attention": partial(softmaxes, kind="SplitAttn", gate=lambda one: one.rsoftmax),
}


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_gates_are_those_of_torch_and_can_be_set(name, tmp_path):
    make, options = NETWORKS[name]
    model = shaken_all(make())
    theirs = export(model, tmp_path / "theirs.onnx", **options)
    found = reveal_gates(theirs, tmp_path / "revealed.onnx")
    revealed = load_onnx(found.path)
    x = noise(options.get("batch", 2), 3, 32, 32, seed=1)
    modules = BRANCHES[name](model) if name in BRANCHES else find_gates(model)
    assert found.not_followed == ()
    assert len(found.blocks) == len(modules)
    is_half = options.get("half", False)
    if name not in {"ours, ECA", *BRANCHES} and not options.get("dynamo"):
        assert [block.name for block in found.blocks] == list(modules)
        counts = [sum(p.numel() for p in model.get_submodule(block).parameters()) for block in modules]
        assert [block.parameters for block in found.blocks] == counts
    seen, muted = {}, list(modules)[-1]
    hooks = [
        module.register_forward_hook(lambda _, __, s, block=block: seen.update({block: s.flatten(1).float()}))
        for block, module in modules.items()
    ]
    model(x.half() if is_half else x)
    hooks.append(modules[muted].register_forward_hook(lambda _, __, s: torch.full_like(s, 0.25)))
    logits_muted = model(x.half() if is_half else x).float().numpy()
    for hook in hooks:
        hook.remove()
    feed = x.numpy().astype(np.float16 if is_half else np.float32)
    plain = onnxruntime.InferenceSession(theirs).run(None, {"x": feed})[0]
    logits, gates = revealed.run(x.numpy())
    np.testing.assert_allclose(logits, plain, rtol=0, atol=1e-6)
    for values, wanted in zip(gates.values(), seen.values(), strict=True):
        np.testing.assert_allclose(values, wanted.numpy(), rtol=0, atol=5e-3 if is_half else 1e-4)
    np.testing.assert_allclose(revealed.run(x.numpy(), gates)[0], plain, rtol=0, atol=1e-6)
    last = found.blocks[-1]
    set_, _ = revealed.run(x.numpy(), {last.name: [0.25] * last.gates})
    np.testing.assert_allclose(set_, logits_muted, rtol=0.02 if is_half else 1e-3, atol=0.05 if is_half else 1e-4)
    assert np.abs(set_ - plain).max() > 1e-4


class Gated(nn.Module):
    """A convolution whose channels are gated in some way, and a mean of the result."""

    def __init__(self, gate, channels=12, hidden=3, dims=2):
        super().__init__()
        convolution = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dims]
        self.stem = convolution(3, channels, 1)
        self.a, self.b = nn.Linear(channels, hidden), nn.Linear(hidden, channels, bias=False)
        self.k = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.s = nn.Conv2d(2, 1, 3, padding=1)
        self.gate = gate

    def forward(self, x):
        return self.gate(self, self.stem(x)).flatten(2).mean(2)

    def logits(self, z):
        return self.b(F.relu(self.a(z)))


def ends_in(function):
    return lambda net, x: x * function(net.logits(x.mean((2, 3))))[:, :, None, None]


def turned_and_back(net, x):
    """Channels last, as in files from TensorFlow."""
    last = x.permute(0, 2, 3, 1)
    return (last * torch.sigmoid(net.logits(last.mean((1, 2))))[:, None, None]).permute(0, 3, 1, 2)


def cbam(net, x):
    """Two squeezes, one pair of layers; and a spatial gate after it, which is none of a channel."""
    s = torch.sigmoid(net.logits(x.mean((2, 3))) + net.logits(x.amax((2, 3))))
    x = x * s[:, :, None, None]
    return x * torch.sigmoid(net.s(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)))


def attention(net, x):
    """As in GCNet and CLIP: a mean over places with weights that the map itself gives."""
    places = x.flatten(2)
    context = places @ places[:, :1].softmax(-1).transpose(1, 2)
    return x * net.logits(context[..., 0]).sigmoid()[..., None, None]


def weighted(net, x):
    weights = x[:, :1].flatten(2).softmax(-1).view(-1, 1, *x.shape[2:])
    return x * net.logits((x * weights).sum((2, 3))).sigmoid()[..., None, None]


def branches_apart(net, x):
    """As many write selective kernels: each branch is multiplied by its part of the softmax."""
    s = net.logits(x.mean((2, 3))).view(-1, 2, 6, 1, 1).softmax(1)
    return x[:, :6] * s[:, 0] + x[:, 6:] * s[:, 1]


FORMS = {
    "sigmoid": (ends_in(torch.sigmoid), {}),
    "hard sigmoid": (ends_in(lambda t: F.relu6(t + 3) / 6), {}),
    "hard sigmoid ": (ends_in(F.hardsigmoid), {}),
    "h-swish": (ends_in(lambda t: t * F.relu6(t + 3) / 6), {}),
    "SiLU": (ends_in(F.silu), {}),
    "softmax": (ends_in(lambda t: t.softmax(1)), {}),
    "none": (ends_in(lambda t: t), {}),
    "1 + tanh": (ends_in(lambda t: 1 + torch.tanh(t)), {}),
    "2 * sigmoid": (ends_in(lambda t: 2 * t.sigmoid()), {}),
    "sigmoid of ReLU": (ends_in(lambda t: t.relu().sigmoid()), {}),
    "softplus": (ends_in(F.softplus), {}),
    "sigmoid: expanded": (lambda n, x: x * n.logits(x.mean((2, 3))).sigmoid().view(-1, 12, 1, 1).expand_as(x), {}),
    "sigmoid: two means": (lambda n, x: x * n.logits(x.mean(3).mean(2)).sigmoid()[:, :, None, None], {}),
    "sigmoid: window": (lambda n, x: x * n.logits(F.avg_pool2d(x, 32).flatten(1)).sigmoid()[:, :, None, None], {}),
    "sigmoid: flat": (lambda n, x: (x.flatten(2) * n.logits(x.flatten(2).mean(2)).sigmoid()[:, :, None]), {}),
    "sigmoid: along": (
        lambda n, x: x * n.k(x.mean((2, 3))[:, None]).sigmoid().view(x.shape[0], -1, 1, 1),
        {"kind": "1-d convolution", "hidden": None, "biases": (False,), "parameters": 3},
    ),
    "sigmoid: last": (turned_and_back, {}),
    "sigmoid: cbam": (cbam, {"squeeze": "mean and max"}),
    "sigmoid: sum": (lambda n, x: x * n.logits(x.sum((2, 3))).sigmoid()[:, :, None, None], {"squeeze": "sum"}),
    "sigmoid: attention": (attention, {"squeeze": "attention"}),
    "sigmoid: weighted": (weighted, {"squeeze": "attention"}),
    "softmax over branches: parts": (branches_apart, {"channels": 6, "branches": 2, "same": False}),
    "sigmoid: others": (lambda n, x: x.relu() * n.logits(x.mean((2, 3))).sigmoid()[:, :, None, None], {"same": False}),
    "sigmoid: 1-d": (lambda n, x: x * n.logits(x.mean(2)).sigmoid()[:, :, None], {}),
    "sigmoid: 3-d": (lambda n, x: x * n.logits(x.mean((2, 3, 4))).sigmoid()[:, :, None, None, None], {}),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_found_for_what_it_is(form, tmp_path):
    forward, expected = FORMS[form]
    dims = {"sigmoid: 1-d": 1, "sigmoid: 3-d": 3}.get(form, 2)
    size = (3, *(8,) * dims) if dims != 2 else (3, 32, 32)
    model = Gated(forward, dims=dims).eval()
    theirs = export(model, tmp_path / "theirs.onnx", size, folded=False)
    found = reveal_gates(theirs, tmp_path / "revealed.onnx")
    (block,) = found.blocks
    expected = {
        "channels": 12, "hidden": 3, "kind": "linear", "biases": (True, False), "squeeze": "mean", "same": True,
        "parameters": 12 * 3 + 3 + 3 * 12, "gate": form.split(":")[0].strip(), **expected,
    }  # fmt: skip
    assert {key: getattr(block, key) for key in expected} == expected
    assert 0 < block.share < 1
    x = noise(2, *size, seed=1).numpy()
    network = load_onnx(found.path)
    logits, gates = network.run(x)
    assert gates[block.name].shape == (2, 12)
    again, _ = network.run(x, gates)
    changed, _ = network.run(x, {block.name: [2.0] * 12})
    np.testing.assert_allclose(again, logits, rtol=0, atol=1e-6)
    assert np.abs(changed - logits).max() > 1e-3


def test_the_report_says_what_was_found_and_where(tmp_path):
    theirs = export(shaken_all(NETWORKS["timm's nfnet"][0]()), tmp_path / "theirs.onnx")
    found = reveal_gates(theirs, tmp_path / "revealed.onnx")
    lines = str(found).splitlines()
    assert lines[0] == "4 SE blocks:"
    first = found.blocks[0]
    assert (first.name, first.channels, first.hidden, first.ratio) == ("stages.0.0.attn_last", 32, 8, 4)
    assert lines[1].startswith(
        "  stages.0.0.attn_last: C = 32 -> 8 -> 32 (r = 4), 1x1 convolution, with biases, squeeze mean, gate sigmoid"
    )
    model = onnx.load(theirs)
    assert {first.where[0]} < {node.name for node in model.graph.node}
    onnx.checker.check_model(onnx.load(found.path), full_check=True)
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    for axis in (0, 2, 3):
        sizes[axis].dim_value = -1  # as Paddle's exporter writes what is free
    onnx.save(model, tmp_path / "free.onnx")
    again = reveal_gates(tmp_path / "free.onnx", tmp_path / "revealed.onnx")
    assert [block.where for block in again.blocks] == [block.where for block in found.blocks]


def in_groups(net, x):
    s = net.logits(x.mean((2, 3))).view(-1, 2, 6, 1, 1).repeat(1, 1, 2, 1, 1).sigmoid()
    return (torch.stack([x, -x], 1) * s).sum(1)


NOT_FOLLOWED = {
    "its gates have shape (?, 2, 12, 1, 1), not one number for each channel": in_groups,
    "its gates, (?, 12, 1, 1), come from something that is no pooling of whole maps": lambda net, x: (
        x * net.logits(x[:, :, 0, 0]).sigmoid()[..., None, None].expand(-1, -1, 1, 1)
    ),
    "its gates have shape (12, 1, 1), without an axis for the pictures": lambda net, x: (
        x * net.logits(x.mean((0, 2, 3))).sigmoid()[:, None, None]
    ),
    "no layer stands between its squeeze and its gates": lambda net, x: (
        x * (x.mean((2, 3), keepdim=True) * net.a.weight[0][:, None, None])
    ),
}


@pytest.mark.parametrize("reason", NOT_FOLLOWED)
def test_what_cannot_be_followed_is_said(reason, tmp_path):
    def forward(net, x):
        return ends_in(torch.sigmoid)(net, NOT_FOLLOWED[reason](net, x))

    found = reveal_gates(export(Gated(forward), tmp_path / "theirs.onnx"), tmp_path / "revealed.onnx")
    assert len(found.blocks) == 1
    assert len(found.not_followed) == 1
    assert reason in found.not_followed[0]
    assert found.not_followed[0] in str(found)


class Calibration(CalibrationDataReader):
    def __init__(self):
        self.feeds = iter([{"x": noise(2, 3, 32, 32, seed=seed).numpy()} for seed in range(2)])

    def get_next(self):
        return next(self.feeds, None)


def test_int8_between_floats_is_followed_and_int8_alone_is_named(tmp_path):
    theirs = export(Gated(ends_in(torch.sigmoid)), tmp_path / "theirs.onnx", folded=True)
    for kind in (QuantFormat.QDQ, QuantFormat.QOperator):
        quantize_static(str(theirs), str(tmp_path / f"{kind}.onnx"), Calibration(), quant_format=kind)
    found = reveal_gates(tmp_path / "QDQ.onnx", tmp_path / "revealed.onnx")
    assert [(block.channels, block.hidden, block.gate) for block in found.blocks] == [(12, 3, "sigmoid")]
    x = noise(2, 3, 32, 32).numpy()
    plain, gates = load_onnx(found.path).run(x)
    np.testing.assert_array_equal(load_onnx(found.path).run(x, gates)[0], plain)
    with pytest.raises(ValueError, match=r"int8 without floating-point values between") as caught:
        reveal_gates(tmp_path / "QOperator.onnx", tmp_path / "out.onnx")
    assert "\n" not in str(caught.value)
    assert examine_in_ci([str(tmp_path / "QOperator.onnx")]) == 2, "nothing of it can be examined"


def test_each_bad_file_has_a_message_of_one_line(tmp_path):
    good = export(Gated(ends_in(torch.sigmoid)), tmp_path / "good.onnx")
    content = good.read_bytes()
    bad = {
        "absent.onnx": (None, "cannot be read"),
        "text.onnx": (b"hello, this is no network", "is no ONNX file"),
        "empty.onnx": (b"", "is no ONNX file, or an empty one"),
        "short.onnx": (content[: len(content) // 2], "is no ONNX file, or is cut short"),
    }
    plain = export(nn.Sequential(nn.Conv2d(3, 4, 1), nn.SiLU(), nn.Flatten()), tmp_path / "none.onnx").read_bytes()
    bad["none.onnx"] = (plain, "has no SE block")
    outside = onnx.load(good)
    onnx.save(outside, tmp_path / "outside.onnx", save_as_external_data=True, location="gone.bin", size_threshold=0)
    (tmp_path / "gone.bin").unlink()
    bad["outside.onnx"] = (
        (tmp_path / "outside.onnx").read_bytes(),
        "keeps its weights in other files that are missing",
    )
    wild = onnx.load(good)
    next(node for node in wild.graph.node if node.op_type == "Relu").op_type = "Wild"
    bad["wild.onnx"] = (wild.SerializeToString(), "does not run in ONNX Runtime (it has no operator Wild)")
    old = onnx.load(good)
    old.opset_import[0].version = 8
    bad["old.onnx"] = (old.SerializeToString(), "has opset 8; it must be 9 or later")
    network = shaken_all(NETWORKS["ours"][0]())
    export_onnx(network, tmp_path / "ours.onnx", (3, 8, 8), (0, 0, 0), (1, 1, 1))
    bad["ours.onnx"] = ((tmp_path / "ours.onnx").read_bytes(), "lets them be set already; open it with load_onnx")
    for name, (data, message) in bad.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError) as caught:
            reveal_gates(tmp_path / name, tmp_path / "out.onnx")
        assert message in str(caught.value)
        assert "\n" not in str(caught.value) and (data is not None or "no ONNX file" not in str(caught.value))
        assert not (tmp_path / "out.onnx").exists()


def test_a_revealed_file_says_what_it_takes(tmp_path):
    found = reveal_gates(export(Gated(ends_in(torch.sigmoid)), tmp_path / "theirs.onnx"), tmp_path / "revealed.onnx")
    network = load_onnx(found.path)
    assert (network.input_name, network.output_name, network.input_size) == ("x", "y", (3, 32, 32))
    for pictures, message in (
        (np.zeros((1, 4, 32, 32)), "needs (B, 3, 32, 32)"),
        (np.zeros((1, 3, 32, 32), int), "type"),
    ):
        with pytest.raises(ValueError) as caught:
            network.run(pictures)
        assert message in str(caught.value)
    fixed = export(Gated(ends_in(torch.sigmoid)), tmp_path / "fixed.onnx", free_batch=False, batch=1)
    with pytest.raises(ValueError, match="does not run on these pictures"):
        load_onnx(reveal_gates(fixed, tmp_path / "revealed.onnx").path).run(np.zeros((2, 3, 32, 32)))
    with pytest.raises(ValueError, match=r"show its gates with senet_lib\.export\.reveal_gates"):
        load_onnx(fixed)
