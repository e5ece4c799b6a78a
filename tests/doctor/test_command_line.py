"""The doctor from the command line: networks and ONNX files, exit statuses, JSON."""

import json
import runpy
import sys

import onnx
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet_lib.doctor.__main__ import main
from senet_lib.doctor.specimens import SPECIMENS
from senet_lib.doctor.specimens.specimen_networks import ChannelGate, GatedNetwork
from senet_lib.export.onnx_examination import examine_onnx
from tests.export.test_reveal_gates import export

SOUND, FAULTY = "senet_lib.doctor.specimens.specimen_networks:GatedNetwork", "tests.doctor.test_command_line:faulty"


def faulty() -> nn.Module:
    return SPECIMENS["relu-gate"].make_faulty()


def test_exit_statuses_and_text(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open("huge.onnx", "wb") as huge:
        huge.truncate(2**31 + 1)  # a hole: it takes no room, and nobody reads it
    assert main([SOUND, "--input", "3,32,32"]) == 0
    assert capsys.readouterr().out.endswith("No fault was found.\n")
    assert main([FAULTY, "--input", "3,32,32"]) == 1
    assert "FAULT gate-relu" in capsys.readouterr().out
    for wrong, message in {
        SOUND.replace("GatedNetwork", "Nothing"): "gives no network",
        "no_such_module:x": "gives no network",
        "hello": "is no ONNX file and no MODULE:FACTORY",
        "builtins:dict": "it must give a torch.nn.Module",
        "absent.onnx": "absent.onnx cannot be read",
        "huge.onnx": "huge.onnx has 2.1 GB, and an ONNX file must stay below 2 GB",
    }.items():
        assert main([wrong]) == 2
        said = capsys.readouterr().err
        assert message in said and said.count("\n") == 1
    assert main([SOUND, "--input", "1,32,32"]) == 2
    assert "give the size of its pictures" in capsys.readouterr().err


def test_json(capsys):
    assert main([FAULTY, "--input", "3,32,32", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["findings"][0]["code"], told["layers"][0]["gate"]) == ("faults", "gate-relu", "ReLU")
    assert main(["absent.onnx", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["status"] == "cannot run"


def test_the_module_runs(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "senet_lib.doctor.__main__", raising=False)  # which this file has imported
    monkeypatch.setattr(sys, "argv", ["doctor", SOUND, "--input", "3,32"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("senet_lib.doctor", run_name="__main__")
    told = capsys.readouterr().err
    assert (stop.value.code, told.count("\n")) == (2, 1) and "give (channels, height, width)" in told


class Linear(ChannelGate):
    def gates(self, x: Tensor) -> Tensor:
        return self.widen(self.narrow(x.mean((2, 3)))).sigmoid()[:, :, None, None]


class Unlimited(ChannelGate):
    def gate_function(self, t: Tensor) -> Tensor:
        return F.softplus(t)


class Sum(ChannelGate):
    def squeeze(self, x: Tensor) -> Tensor:
        return x.sum((2, 3))


class Mean(ChannelGate):
    def squeeze(self, x: Tensor) -> Tensor:
        return x.sum((2, 3)) / (x.shape[2] * x.shape[3])


class Tenth(ChannelGate):
    def squeeze(self, x: Tensor) -> Tensor:
        return x.sum((2, 3)) / 10


class Shared(ChannelGate):
    """Of all pictures together, but for the shape of their gates."""

    def gates(self, x: Tensor) -> Tensor:
        z = x.mean((0, 2, 3))
        return self.widen(torch.relu(self.narrow(z))).sigmoid()[:, None, None]


@pytest.mark.parametrize(
    ("gate", "code"),
    {
        Linear: "excitation-linear",
        Unlimited: "gates-unlimited",
        Sum: "squeeze-sum",
        Tenth: "squeeze-sum",
        Mean: None,
        Shared: "pictures-mixed",
        ChannelGate: None,
    }.items(),
)
def test_what_a_file_tells(gate, code, tmp_path):
    torch.manual_seed(0)
    report = examine_onnx(export(GatedNetwork(gate=gate), tmp_path / "model.onnx"))
    assert {finding.code for finding in report.faults} == ({code} if code else set())
    assert report.not_examined == ()
    if gate is not Shared:
        assert [(layer.hidden, layer.kind) for layer in report.layers] == [(4, "Linear"), (8, "Linear")]
    assert main([str(tmp_path / "model.onnx")]) == (1 if code else 0)


def test_a_file_without_se_is_no_fault_and_what_is_not_followed_is_said(tmp_path):
    report = examine_onnx(export(nn.Sequential(nn.Conv2d(3, 4, 1), nn.SiLU()), tmp_path / "plain.onnx"))
    assert [finding.code for finding in report.findings] == ["no-se"]
    model = onnx.load(tmp_path / "plain.onnx")
    model.graph.node[0].op_type, model.graph.node[0].domain = "QLinearConv", "com.microsoft"
    onnx.save(model, tmp_path / "plain.onnx")
    report = examine_onnx(tmp_path / "plain.onnx")
    not_followed, not_run = report.not_examined
    assert "int8" in not_followed and "does not run" in not_run
    assert "NOT EXAMINED" in str(report)
