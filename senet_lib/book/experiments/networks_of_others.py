"""What doctor, cost and recorder say of the SE networks of other libraries, beside what is known of them.

    python -m senet_lib.book.experiments.networks_of_others

Networks have random weights. One that is on record is left out, and so is a library that is not installed; the largest
come last. Known is how often modules of the classes in ``KNOWN`` run in one pass; which classes gate channels was read
in each library's code.
"""

import argparse
import importlib.util
import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import nn

from senet_lib.book.experiments.markdown import markdown_table
from senet_lib.common.atomic_files import write_atomically
from senet_lib.cost.measure import measure_cost
from senet_lib.doctor import SELayer, examine
from senet_lib.doctor.examination import find_se
from senet_lib.gates.recording import record_excitations

RECORD = Path("results/golden/networks_of_others.json")
SIDE = 96  # pixels: the gates do not depend on them, and time does
PATIENCE = 1800  # seconds for one network
Row = dict[str, Any]

NETWORKS = {
    "timm": (
        "mobilenetv3_small_050 lcnet_050 tinynet_e semnasnet_050 mnasnet_050 efficientnet_b0 "
        "tf_efficientnetv2_b0 regnety_002 test_resnet legacy_seresnet18 legacy_seresnext26_32x4d ghostnet_050 "
        "hardcorenas_a fbnetv3_b rexnet_100 mixnet_s ecaresnet26t gcresnext26ts skresnet18 resnest14d "
        "eca_nfnet_l0 nfnet_l0 repvit_m0_9 fastvit_t8 convnextv2_atto sequencer2d_s seresnet33ts "
        "seresnext26t_32x4d ese_vovnet19b_dw hgnetv2_b0 hgnet_tiny mobilenetv4_conv_small mobilevit_xxs "
        "shvit_s1 efficientvit_m0 repghostnet_050 regnetz_005 resnetrs50 coatnet_pico_rw_224 "
        "maxvit_pico_rw_256 nf_seresnet26 nf_ecaresnet26 visformer_tiny starnet_s050 tresnet_m cs3sedarknet_l "
        "gernet_s efficientnet_cc_b0_4e halonet26t lambda_resnet26t bat_resnext26ts ghostnetv3_050 rdnet_tiny "
        "sebotnet33ts_256 legacy_senet154 seresnextaa201d_32x8d resnetrs420 tf_efficientnetv2_xl dm_nfnet_f6 "
        "tf_efficientnet_l2 regnety_1280"
    ),
    "torchvision": (
        "mobilenet_v3_small mobilenet_v3_large efficientnet_b0 efficientnet_v2_s regnet_y_400mf resnet18 maxvit_t"
    ),
    "pytorchcv": (
        "seresnet10 sepreresnet10 senet16 cbam_resnet18 bam_resnet18 sknet50 regnety002 "
        "mobilenetv3_small_w7d20 ghostnet mnasnet_a1 efficientnet_b0 mixnet_s seresnet20_cifar10 diaresnet10 "
        "resnestabc14 fbnet_cb fishnet99 seresnext50_32x4d"
    ),
    "geffnet": (
        "mobilenetv3_small_100 efficientnet_b0 mixnet_s semnasnet_100 tf_mobilenetv3_small_075 efficientnet_lite0"
    ),
    "efficientnet_pytorch": "efficientnet-b0 efficientnet-b1",
    "segmentation_models_pytorch": (
        "unet/mobileone_s4 unet/timm-efficientnet-b0 unet/resnet18+scse unet/se_resnet50 "
        "fpn/timm-mobilenetv3_small_075 unet/efficientnet-b0"
    ),
    "monai": "SEResNet50 SEResNext50 EfficientNetBN",
    "rapidocr_onnxruntime": "ch_ppocr_mobile_v2.0_cls_infer ch_PP-OCRv4_det_infer ch_PP-OCRv4_rec_infer",
}
# Blocks of PP-OCR's files, from PaddleOCR's code: MobileNetV3-small; PP-LCNetV3 with eight in its neck; PP-LCNetV3.
FILES = {"ch_ppocr_mobile_v2.0_cls_infer": 9, "ch_PP-OCRv4_det_infer": 2 + 8, "ch_PP-OCRv4_rec_infer": 2}
# Of each library the classes whose modules gate channels by what a squeeze and layers make; with a colon the attribute
# that says whether this module does.
KNOWN: dict[str, tuple[str, ...]] = {
    "timm": (
        *("SEModule", "SqueezeExcite", "SqueezeExciteCl", "EffectiveSEModule", "EcaModule", "CecaModule"),
        *("GatherExcite", "GlobalContext", "ChannelAttn", "LightChannelAttn", "EseModule"),
        *("SelectiveKernelAttn", "SplitAttn"),
    ),
    "torchvision": ("SqueezeExcitation",),
    "pytorchcv": ("SEBlock", "cbamresnet.ChannelGate", "PreSEAttBlock", "DIAAttention", "SKConvBlock", "SABlock"),
    "geffnet": ("SqueezeExcite",),
    "efficientnet_pytorch": ("MBConvBlock:has_se",),
    "segmentation_models_pytorch": (*("SEBlock", "SEModule", "SqueezeExcite", "SCSEModule", "MBConvBlock:_has_se"),),
    "monai": ("ChannelSELayer", "ResidualSELayer", "MBConvBlock:has_se"),
}
PACKAGES = {
    "rapidocr_onnxruntime": "rapidocr-onnxruntime",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "efficientnet_pytorch": "efficientnet-pytorch",
}
EXPORTED = {  # to ONNX: each way of writing SE
    ("timm", "mobilenetv3_small_050"),
    *(("timm", name) for name in ("regnety_002", "skresnet18", "resnest14d", "ecaresnet26t", "ese_vovnet19b_dw")),
    ("torchvision", "mobilenet_v3_small"),
    ("pytorchcv", "seresnet10"),
    ("pytorchcv", "cbam_resnet18"),
    ("geffnet", "mobilenetv3_small_100"),
    ("efficientnet_pytorch", "efficientnet-b0"),
    ("segmentation_models_pytorch", "unet/mobileone_s4"),
}
# What a reader should know of a row, read in the library's code.
NOTES = {
    ("timm", "gcresnext26ts"): "GCNet's block adds what it makes of a weighted mean, and gates nothing.",
    ("pytorchcv", "diaresnet10"): "one recurrent layer makes the gates of all blocks of a stage. Their function "
    "cannot be measured block by block, and the doctor says so.",
    ("pytorchcv", "fishnet99"): "it multiplies by the gates and adds them too: x · s + s, one block.",
    ("pytorchcv", "bam_resnet18"): "BAM's gates differ from place to place, so they are not counted.",
    ("timm", "tf_efficientnetv2_xl"): "the note on batches is probably rounding, which so many layers of random "
    "weights amplify. It was not examined further.",
    ("timm", "convnextv2_atto"): "no layers stand between the squeeze and the gates of its global response "
    "normalisation, so they are not counted.",
}
# Why the recorder of gates shows no blocks, or not all, as it finds them itself: read in the library's code.
UNRECORDED = {
    "function": "a function makes its gates, such as `torch.sigmoid(x)`, and a hook sees modules only. In an ONNX "
    "file, `reveal_gates` shows them.",
    "file": "it is an ONNX file: `reveal_gates` shows its gates.",
    "branches": "a softmax over branches makes its gates. In an ONNX file, `reveal_gates` shows them.",
    "idle": "its last block never runs, and the recorder says so: name the others in `blocks=`.",
    "added": "it adds what it computes, and has no gates.",
    "recurrent": "one recurrent layer makes the gates of several blocks.",
    "width": "its squeeze reads a map of another width than the one it scales: name its class and gate in `gates=`.",
}
UNRECORDED_IN = {
    "function": (
        "geffnet/mobilenetv3_small_100 geffnet/efficientnet_b0 geffnet/mixnet_s geffnet/semnasnet_100 "
        "geffnet/tf_mobilenetv3_small_075 efficientnet_pytorch/efficientnet-b0 efficientnet_pytorch/efficientnet-b1 "
        "monai/EfficientNetBN segmentation_models_pytorch/unet/efficientnet-b0 "
        "segmentation_models_pytorch/unet/mobileone_s4"
    ),
    "file": " ".join(f"rapidocr_onnxruntime/{name}" for name in FILES),
    "branches": "timm/skresnet18 timm/resnest14d pytorchcv/sknet50 pytorchcv/resnestabc14",
    "idle": "segmentation_models_pytorch/unet/resnet18+scse",
    "added": "timm/gcresnext26ts",
    "recurrent": "pytorchcv/diaresnet10",
    "width": "pytorchcv/fishnet99",
}
WORDS = {
    "counts": "**{networks} networks of {libraries} libraries, {blocks} blocks.** Found and known agree in {agree} of "
    "{networks} networks; {without} of these have no such block. Networks with a fault: {faults}. In {exported_agree} "
    "of {exported} ONNX files, `reveal_gates` finds all blocks and the doctor no fault. The recorder of gates "
    "shows all blocks of {recorded} of the {with_some} networks with blocks as they are. In the others, the column "
    "“recorder” has a word that says why not:",
    "why": "- *{key}*: {why}",
    "library": "**`{library}` {version}**",
    "more": "What else to know of some:",
    "note": "- {name}: {note}",
    "failed": "- {name} could not be examined: {error}.",
}


def make(library: str, name: str) -> nn.Module:
    """A network of a library with random weights, in evaluation mode.

    Raises:
        ModuleNotFoundError: if the library is not installed.
    """
    torch.manual_seed(0)
    return _made(library, name).eval()


def _made(library: str, name: str) -> Any:
    if library == "pytorchcv":
        return importlib.import_module("pytorchcv.model_provider").get_model(name)
    if library == "monai":
        nets = importlib.import_module("monai.networks.nets")
        if name == "EfficientNetBN":
            return nets.EfficientNetBN("efficientnet-b0", pretrained=False)
        return getattr(nets, name)(spatial_dims=2, in_channels=3, num_classes=10)
    module = importlib.import_module("torchvision.models" if library == "torchvision" else library)
    if library == "torchvision":
        return module.get_model(name, weights=None)
    if library == "efficientnet_pytorch":
        return module.EfficientNet.from_name(name)
    if library == "segmentation_models_pytorch":
        form, encoder = name.removesuffix("+scse").split("/")
        attention = {"decoder_attention_type": "scse"} if name.endswith("+scse") else {}
        return module.create_model(form, encoder, encoder_weights=None, **attention)
    return module.create_model(name, pretrained=False)


def side_of(library: str, name: str, model: nn.Module) -> int:
    """Pixels of a side: ``SIDE``, or what the network is made for if it takes no other."""
    settings = getattr(model, "pretrained_cfg", None)
    if isinstance(settings, dict) and settings.get("fixed_input_size"):
        return int(settings["input_size"][-1])
    if "cifar10" in name:
        return 32
    if name in ("halonet26t", "bat_resnext26ts"):
        return 256
    return 224 if library == "pytorchcv" or name == "maxvit_t" else SIDE


def known_blocks(library: str, model: nn.Module, side: int) -> int:
    """How often modules of the library's classes for channel gates run in one pass."""
    ran: list[str] = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
        for name, module in model.named_modules()
        if any(_is_one(module, *entry.partition(":")[::2]) for entry in KNOWN[library])
    ]
    with torch.no_grad():
        model(torch.zeros(2, 3, side, side))
    for hook in hooks:
        hook.remove()
    return len(ran)


def recorded_blocks(model: nn.Module, side: int) -> int:
    """How many blocks the recorder shows in a pass, without being told where they are."""
    try:
        with record_excitations(model) as record, torch.no_grad():
            model(torch.zeros(2, 3, side, side))
    except ValueError:  # it knows none, or cannot follow one
        return 0
    return len(record.blocks)


def _is_one(module: nn.Module, kind: str, attribute: str) -> bool:
    """Whether a module is of a class, named by the end of its full name, and holds what is asked for."""
    whole = f".{type(module).__module__}.{type(module).__qualname__}"
    return whole.endswith(f".{kind}") and (not attribute or getattr(module, attribute, None) not in (None, False))


def row_of(library: str, name: str) -> Row:
    """What is said of one network, and what is known of it."""
    if library == "rapidocr_onnxruntime":
        return _row_of_file(name)
    model = make(library, name)
    side = side_of(library, name, model)
    known = known_blocks(library, model, side)
    size = (3, side, side)
    report = examine(model, size)
    modules = [module for _, modules, _ in find_se(model, size) for module in modules]
    cost = measure_cost(model, size, se=[one for one in dict.fromkeys(modules) if one])
    findings = Counter((one.kind, one.code) for one in report.findings)
    return {
        "library": library,
        "version": version(PACKAGES.get(library, library)),
        "network": name,
        "side": side,
        "found": len(report.layers),
        "known": known,
        "recorded": recorded_blocks(model, side),
        **_layers(report.layers),
        "parameters": cost.parameters,
        "se_parameters": cost.se_parameters,
        "findings": [[kind, code, count] for (kind, code), count in sorted(findings.items())],
        "not_examined": len(report.not_examined),
        **({"in_onnx": _in_onnx(model, size)} if (library, name) in EXPORTED else {}),
        "note": NOTES.get((library, name), ""),
    }


def _row_of_file(name: str) -> Row:
    """As :func:`row_of` for a file of PP-OCR, which somebody else has exported."""
    from senet_lib.export.onnx_examination import examine_onnx
    from senet_lib.export.reveal_gates import reveal_gates

    package = importlib.util.find_spec("rapidocr_onnxruntime")
    assert package is not None and package.origin is not None
    path = Path(package.origin).parent / "models" / f"{name}.onnx"
    report = examine_onnx(path)
    with tempfile.TemporaryDirectory() as folder:
        blocks = reveal_gates(path, Path(folder) / "revealed.onnx").blocks
    of_blocks = sum(block.parameters for block in blocks)
    findings = Counter((one.kind, one.code) for one in report.findings)
    return {
        "library": "rapidocr_onnxruntime",
        "version": version(PACKAGES["rapidocr_onnxruntime"]),
        "network": name,
        "side": 0,
        "found": len(report.layers),
        "known": FILES[name],
        "recorded": 0,
        **_layers(report.layers),
        "parameters": round(blocks[0].parameters / blocks[0].share),
        "se_parameters": of_blocks,
        "findings": [[kind, code, count] for (kind, code), count in sorted(findings.items())],
        "not_examined": len(report.not_examined),
        "in_onnx": {"found": len(blocks), "faults": sorted({one.code for one in report.faults})},
        "note": NOTES.get(("rapidocr_onnxruntime", name), ""),
    }


def _layers(layers: Sequence[SELayer]) -> Row:
    """Channels, hidden widths and ratios from the least to the largest, and the kinds of gates and squeezes."""
    return {
        "channels": _ends([layer.channels for layer in layers]),
        "hidden": _ends([layer.hidden for layer in layers if layer.hidden is not None]),
        "ratios": _ends([round(layer.ratio, 2) for layer in layers if layer.ratio is not None]),
        "gates": sorted({layer.gate for layer in layers}),
        "squeezes": sorted({layer.squeeze for layer in layers}),
    }


def _ends(numbers: Sequence[float]) -> list[float]:
    return [min(numbers), max(numbers)] if numbers else []


def _in_onnx(model: nn.Module, size: tuple[int, int, int]) -> Row:
    """What the rules for files find in what PyTorch's exporter writes."""
    from senet_lib.export.onnx_examination import examine_onnx
    from senet_lib.export.reveal_gates import reveal_gates

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        torch.onnx.export(model, (torch.zeros(1, *size),), path, verbose=False, external_data=False)
        faults = sorted({one.code for one in examine_onnx(path).faults})
        return {"found": len(reveal_gates(path, Path(folder) / "revealed.onnx").blocks), "faults": faults}


def read_record(path: Path = RECORD) -> dict[str, Any]:
    """The record: ``rows``, and ``failed`` with what a network said that could not be built or examined."""
    if not path.exists():
        return {"torch": torch.__version__, "rows": [], "failed": []}
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


# --- the table --------------------------------------------------------------------------------------------------------


def networks_table(results: Path) -> str:
    """Each network of the record, in Markdown: a table for each library."""
    rows = read_record(results / "golden" / RECORD.name)["rows"]
    head = ("network", "found", "known", "recorder", "C", "hidden", "gate", "SE's share", "findings")
    ordered = sorted(rows, key=lambda row: (row["library"] != "timm", row["library"], row["network"]))
    parts: list[str] = []
    for (library, own), group in groupby(ordered, key=lambda row: (row["library"], row["version"])):
        parts.append(WORDS["library"].format(library=library, version=own))
        parts.append(markdown_table(head, [_cells(row) for row in group]))
    return "\n\n".join(parts)


def networks_counts(results: Path) -> str:
    """In how many networks found and known agree, and the faults and notes that need a word."""
    record = read_record(results / "golden" / RECORD.name)
    rows, failed = record["rows"], record["failed"]
    exported = [row for row in rows if "in_onnx" in row]
    told = {
        "networks": len(rows),
        "libraries": len({row["library"] for row in rows}),
        "blocks": sum(row["known"] for row in rows),
        "agree": sum(row["found"] == row["known"] for row in rows),
        "without": sum(row["known"] == 0 for row in rows),
        "faults": sum(any(kind == "fault" for kind, _, _ in row["findings"]) for row in rows),
        "exported": len(exported),
        "exported_agree": sum(row["in_onnx"] == {"found": row["known"], "faults": []} for row in exported),
        "recorded": sum(row["recorded"] == row["known"] > 0 for row in rows),
        "with_some": sum(row["known"] > 0 for row in rows),
    }
    lines = [WORDS["counts"].format(**told)]
    reasons = [WORDS["why"].format(key=key, why=why) for key, why in UNRECORDED.items()]
    notes = [WORDS["note"].format(name=_name(row), note=row["note"]) for row in rows if row["note"]]
    notes += [WORDS["failed"].format(name=_name(row), error=row["error"]) for row in failed]
    return "\n".join([*lines, "", *reasons, "", WORDS["more"], "", *notes]).strip()


def _name(row: Row) -> str:
    return f"`{row['library']}`, `{row['network']}`"


def _cells(row: Row) -> tuple[str, ...]:
    findings = ", ".join(f"{code}{'' if kind == 'note' else ' (fault)'}" for kind, code, _ in row["findings"])
    share = f"{row['se_parameters'] / row['parameters']:.1%}" if row["found"] else "–"
    return (
        f"`{row['network']}`",
        str(row["found"]),
        str(row["known"]),
        _recorder(row),
        _range(row["channels"]),
        _range(row["hidden"]),
        ", ".join(row["gates"]) or "–",
        share,
        findings or "none",
    )


def _recorder(row: Row) -> str:
    """How many blocks the recorder shows, or the word for why not all."""
    if row["recorded"] == row["known"]:
        return str(row["recorded"])
    name = f"{row['library']}/{row['network']}"
    return next(key for key, names in UNRECORDED_IN.items() if name in names.split())


def _range(ends: Sequence[float]) -> str:
    if not ends:
        return "–"
    least, most = ends
    return f"{least:,}" if least == most else f"{least:,} to\N{NO-BREAK SPACE}{most:,}"


NETWORKS_OF_OTHERS_TABLES = {"networks-of-others": networks_table, "networks-of-others-counts": networks_counts}


# --- the command ------------------------------------------------------------------------------------------------------


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Stop what takes longer."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _tried(library: str, name: str) -> tuple[str, Row]:
    """To which list of the record it belongs, and the entry."""
    try:
        with _at_most(PATIENCE):
            return "rows", row_of(library, name)
    except Exception as error:  # foreign code may raise anything; what it says is recorded
        return "failed", {"library": library, "network": name, "error": f"{type(error).__name__}: {error}"[:300]}


def _in_turns() -> Iterator[tuple[str, str]]:
    """Networks of all libraries in turn, so that a record cut short has some of each."""
    lists = {library: names.split() for library, names in NETWORKS.items()}
    for place in range(max(map(len, lists.values()))):
        yield from ((library, names[place]) for library, names in lists.items() if place < len(names))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m senet_lib.book.experiments.networks_of_others",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--record", type=Path, default=RECORD, help=f"default: {RECORD}")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    record = read_record(options.record)
    for row in record["rows"]:  # notes are read, not measured
        row["note"] = NOTES.get((row["library"], row["network"]), "")
    done = {(row["library"], row["network"]) for row in [*record["rows"], *record["failed"]]}
    for library, name in _in_turns():
        if (library, name) in done or importlib.util.find_spec(library) is None:
            continue
        kind, entry = _tried(library, name)
        record[kind].append(entry)
        print(json.dumps(entry), flush=True)
        write_atomically(options.record, json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
