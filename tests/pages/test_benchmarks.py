"""Tests of the benchmarks: that all peers compute one function, and that the arithmetic of the ratios is right.

Nothing is timed here.
"""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks import (
    figures,
    input_pipeline,
    networks,
    on_a_gpu,
    se_block,
    se_step_profile,
    stages,
    timing,
    tutorial_loops,
)
from benchmarks.peers import copy_weights, make_blocks
from senet_lib.networks.models import create_model
from tests.sample_networks import noise

CPU = torch.device("cpu")


# --- peers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory_format", timing.LAYOUTS.values(), ids=timing.LAYOUTS)
@pytest.mark.parametrize(("channels", "reduction"), [(64, 16), (24, 5)])
def test_all_blocks_compute_the_same_outputs_and_gradients(channels, reduction, memory_format):
    torch.manual_seed(0)
    blocks = make_blocks(channels, reduction)
    x = noise(3, channels, 7, 5).contiguous(memory_format=memory_format).requires_grad_()
    upstream = noise(3, channels, 7, 5, seed=1)
    ours = blocks["ours"](x)
    (expected,) = torch.autograd.grad(ours, x, upstream)
    assert set(blocks) == {"ours", "torchvision", "timm", "linear tutorial", "conv tutorial"}
    assert (ours / x).std() > 0.001  # the gates differ
    for block in blocks.values():
        y = block(x)
        torch.testing.assert_close(y, ours, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(torch.autograd.grad(y, x, upstream)[0], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["torchvision", "timm", "conv tutorial"])
def test_biases_are_copied_to_those_that_have_some(name):
    blocks = make_blocks(32)
    nn.init.normal_(blocks["ours"].fc1.bias)
    nn.init.normal_(blocks["ours"].fc2.bias)
    copy_weights(blocks["ours"], blocks[name])
    x = noise(2, 32, 4, 4)
    torch.testing.assert_close(blocks[name](x), blocks["ours"](x), atol=1e-5, rtol=1e-5)


def test_all_blocks_have_as_many_weights():
    blocks = make_blocks(64)
    assert {sum(p.numel() for p in block.parameters() if p.dim() > 1) for block in blocks.values()} == {512}


@pytest.mark.parametrize("which", se_block.PASSES)
def test_a_pass_of_a_block_leaves_nothing_behind(which):
    block = make_blocks(16)["ours"]
    x = noise(2, 16, 3, 3).requires_grad_()
    se_block.work(block, x, torch.ones(2, 16, 3, 3), which)()
    assert x.grad is None and all(parameter.grad is None for parameter in block.parameters())


def test_a_step_of_training_changes_the_weights_and_inference_does_not():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 5))
    x, labels = noise(2, 3, 4, 4), torch.arange(2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    networks.work(network, x, labels, "inference")()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    networks.work(network, x, labels, "training")()
    assert not any(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_parts_of_a_network_are_the_whole_network_and_each_is_timed():
    model = create_model("small_resnet").eval()
    x = noise(2, 3, 16, 16)
    torch.testing.assert_close(nn.Sequential(*stages.split(model))(x), model(x))
    times = stages.time_parts("small_resnet", 8, 2, 2, torch.device("cpu"))
    assert [len(times[kind]) for kind in ("ms", "added_ms")] == [4, 4] and min(times["ms"]) > 0


def test_each_ratio_is_of_networks_that_are_timed():
    assert {name for pair in networks.RATIOS for name in pair} == set(networks.NETWORKS)


def test_the_profile_of_a_step_adds_up_the_passes_of_each_form():
    times = se_step_profile.measure(("small_resnet", "se_small_resnet"), batch=2, size=8, repeats=2)
    works = [se_step_profile.PLAIN, se_step_profile.WITH_SE, se_step_profile.BLOCKS]
    works += [se_step_profile.LAYERS, se_step_profile.OPTIMIZER, *se_step_profile.PASSES, *se_step_profile.LEAST]
    assert list(times) == works and all(len(one) == 2 for one in times.values())
    times = {name: [1.0, 1.0] for name in works} | {"resnet50": [100.0, 100.0], "se_resnet50": [107.0, 109.0]}
    summary = se_step_profile.summarise(times)
    assert summary["measured"]["median"] == 1.08
    assert list(summary["ratios"].values()) == [1.08, 1.06, 1.06]  # 6, 4 and 4 passes; layers and optimizer 2
    assert "measured 1.08" in se_step_profile.format_profile(summary)


# --- arithmetic -------------------------------------------------------------------------------------------------------


def test_a_ratio_is_the_median_of_the_pairs_and_not_the_ratio_of_the_medians():
    ours, theirs = [2.0, 30.0, 4.0, 1.0, 10.0], [1.0, 20.0, 8.0, 4.0, 10.0]  # 2, 1.5, 0.5, 0.25, 1
    assert timing.paired_ratio(ours, theirs) == {"median": 1.0, "first_quartile": 0.5, "third_quartile": 1.5}
    assert timing.median_ms({"ours": ours, "theirs": theirs}) == {"ours": 4.0, "theirs": 8.0}


def test_a_slow_moment_of_the_machine_does_not_move_the_ratio():
    assert timing.paired_ratio([1, 1, 100, 1], [2, 2, 200, 2])["median"] == 0.5


@pytest.mark.parametrize(("ours", "theirs"), [([1.0, 2.0], [1.0]), ([1.0], [1.0]), ([], [])])
def test_a_ratio_needs_pairs(ours, theirs, refused):
    with refused(f"there are {len(ours)} times and {len(theirs)} others"):
        timing.paired_ratio(ours, theirs)


def test_all_works_run_in_turn_and_each_round_starts_with_another(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(ticks) / 1000)
    calls = []
    works = {name: lambda name=name: calls.append(name) for name in "abc"}
    times = timing.time_in_turn(works, 4, CPU, warmups=1)
    assert "".join(calls) == "abc" + "abc" + "bca" + "cab" + "abc"
    assert times == {name: pytest.approx([1.0] * 4) for name in "abc"}


def test_a_faster_peer_is_a_miss_in_training_only():
    def row(which, median):
        ratio = {"median": median, "first_quartile": median, "third_quartile": median}
        return {"pass": which, "channels": 64, "layout": "contiguous", "ours_to_peer": {"timm": ratio}}

    kept = [row("forward and backward", 1.0), row("forward", 1.5)]
    assert se_block.find_misses(kept) == []
    (miss,) = se_block.find_misses([*kept, row("forward and backward", 1.001)])
    assert "64 channels, contiguous" in miss and "1.001 times as long as timm" in miss


def test_the_budget_of_a_network_is_of_training_with_channels_last():
    def row(work, layout, median):
        return {"work": work, "layout": layout, "ratios": {"se_resnet50 / resnet50": {"median": median}}}

    kept = [
        row("training", "channels_last", 1.1),
        row("training", "contiguous", 2),
        row("inference", "channels_last", 2),
    ]
    assert networks.find_misses(kept) == []
    (miss,) = networks.find_misses([*kept, row("training", "channels_last", 1.101)])
    assert "1.101 times as long with SE" in miss


def test_without_a_gpu_cuda_is_refused(monkeypatch, refused):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert timing.chosen_device("cpu") == CPU
    with refused("device is 'cuda'", "use cpu"):
        timing.chosen_device("cuda")


def test_a_record_says_where_it_comes_from():
    record = timing.provenance("python -m benchmarks.se_block", CPU)
    assert set(record) == {"command", "date", "machine", "versions"}
    assert record["machine"]["threads"] == torch.get_num_threads()
    assert record["versions"]["torch"] == torch.__version__


# --- input pipelines --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 40])
def test_all_pipelines_deliver_the_same_pictures(size):
    """Without augmentation; each in its own order, and PIL rounds to bytes when it resizes."""
    pictures = input_pipeline.make_pictures(12, channels=3, side=16)
    feed = tutorial_loops.Feed(pictures, batch_size=5, size=size, augment=False, device=CPU)
    totals = {}
    for name, batches in tutorial_loops.make_pipelines(feed).items():
        x, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
        assert x.shape == (12, 3, size, size) and x.dtype == torch.float32
        assert sorted(labels.tolist()) == sorted(pictures.labels.tolist())
        totals[name] = x.sum((1, 2, 3)).sort().values / x[0].numel()
    for total in totals.values():
        torch.testing.assert_close(total, totals["ours"], atol=0.01, rtol=0)


def test_a_pass_counts_its_waiting_and_its_steps():
    seen = []
    one = input_pipeline.Pass([("x", 1), ("y", 2)], lambda x, label: seen.append((x, label)))
    one()
    assert seen == [("x", 1), ("y", 2)] and len(one.waits_ms) == 1 and one.waits_ms[0] >= 0


def test_the_share_of_waiting_leaves_the_warm_up_out():
    assert input_pipeline.waiting_share([900.0, 1.0, 3.0, 2.0], [10.0, 10.0, 10.0]) == 0.2


def test_missed_goals_of_the_pipeline_are_named():
    def rows(ratio, wait):
        resizing = {"part": "pipeline", "setup": input_pipeline.RESIZING}
        resizing["ours_to_peer"] = {input_pipeline.TUTORIAL: {"median": ratio}}
        return [resizing, {"part": "training", "setup": "a network", "waiting_share": {"ours": wait}}]

    assert input_pipeline.find_misses(rows(10.0, 0.049)) == []
    slow, waiting = input_pipeline.find_misses(rows(9.9, 0.05))
    assert "9.9 times" in slow and "a network: 5.0%" in waiting


# --- on a GPU ---------------------------------------------------------------------------------------------------------


def test_the_first_epoch_that_reaches_a_target_counts():
    epochs = [{"epoch": number, "test_accuracy": accuracy} for number, accuracy in ((1, 0.4), (2, 0.6), (3, 0.5))]
    assert on_a_gpu.find_reached(epochs, [0.5, 0.7]) == {"0.5": epochs[1], "0.7": None}


def test_all_that_needs_a_gpu_runs_small_on_a_cpu(monkeypatch, capsys):
    monkeypatch.setattr(timing, "write_record", lambda *_: pytest.fail("a record was written"))
    status = on_a_gpu.main(["--quick", "--device", "cpu"])
    *_, table = capsys.readouterr().out.split("\n\n")
    mixed, full, tutorial, *_, target, minutes = table.splitlines()
    assert mixed.startswith("mixed precision, 4 pictures of 32x32, a step of training: se_resnet8 ")
    assert full.startswith("32 bits") and "with SE / without: " in full
    assert tutorial.startswith("training: tutorial A") and minutes.startswith("in all ")
    assert target.startswith("target 20.00%: ") and status == ("NOT REACHED" in target)


def test_what_is_measured_on_a_gpu_is_kept_before_and_after_the_longest_part(monkeypatch):
    written = []
    monkeypatch.setattr(on_a_gpu, "measure_steps", lambda *_: [])
    monkeypatch.setattr(on_a_gpu.input_pipeline, "measure", lambda *_: {"measured": True})
    monkeypatch.setattr(on_a_gpu.input_pipeline, "format_row", str)
    monkeypatch.setattr(on_a_gpu, "measure_training", lambda _, *asked: {"asked": asked, "reached": {"0.9": None}})
    monkeypatch.setattr(timing, "write_record", lambda name, record: written.append((name, dict(record))))
    where = ["--device", "cpu", "--data", "folder:/somewhere", "--call-it", "CIFAR-10"]
    assert on_a_gpu.main(where) == 1
    (name, first), (_, last) = written
    assert name == "on_a_gpu" and "training" not in first and first["tutorial"]["measured"]
    assert first["command"].endswith("--device cpu --data folder:PATH --call-it CIFAR-10")
    assert last["training"]["asked"] == ("folder:/somewhere", "CIFAR-10", CPU)


def test_the_peaks_of_memory_are_printed():
    step = {"median_ms": {"a": 1.0}, "se_to_plain": {"median": 1, "first_quartile": 1, "third_quartile": 1}}
    row = step | {"peak_bytes": {"a": 2_340_000_000}, "batch": 1, "size": 2, "mixed_precision": True}
    assert on_a_gpu.format_step(row).endswith("; a needs 2.34 GB")


def test_a_machine_with_a_gpu_needs_no_packages_of_the_book():
    missing = ("timm", "torchinfo", "ipywidgets", "anywidget", "traitlets", "matplotlib", "sklearn")
    code = f"import sys; sys.modules.update(dict.fromkeys({missing})); import benchmarks.on_a_gpu"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


# --- networks in the page ---------------------------------------------------------------------------------------------


def test_the_budgets_of_the_networks_in_the_page():
    row = {
        "figure": "Context World",
        "load_median_ms": 2000,
        "load_budget_ms": 2000,
        "answer_quartiles_ms": [9.0, 20.0],
    }
    row |= {"answer_median_ms": 30.0, "answer_budget_ms": 30}
    assert figures.find_slow_networks([row]) == []
    assert "30.0 ms an answer, quartiles 9.0 to 20.0 (budget 30)" in figures.format_network(row)
    load, answer = figures.find_slow_networks([row | {"load_median_ms": 2001, "answer_median_ms": 30.1}])
    assert "load takes 2001 ms, more than 2000" in load and "answer takes 30.1 ms, more than 30" in answer
