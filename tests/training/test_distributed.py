"""Tests of senet_lib.training.distributed."""

import shutil

import pytest
import torch

from senet_lib.training import evaluate
from senet_lib.training.checkpoints import list_checkpoints
from senet_lib.training.distributed import Group, in_group, is_first_process, join_group, require_same, share_gradients
from senet_lib.training.evaluation import _group_device
from tests.torchrun import torchrun
from tests.training.two_processes import TEST_PICTURES, batches, learn, normalised, plain


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where two processes have left their results."""
    folder = tmp_path_factory.mktemp("two")
    run = torchrun("-m", "tests.training.two_processes", folder)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="module")
def results(folder):
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def assert_same_bits(weights, others):
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)


# --- two processes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "normalised"])
def test_both_processes_end_with_the_same_bits(results, name):
    first, second = (result[name]["weights"] for result in results)
    assert_same_bits(first, second)


def test_two_processes_learn_what_one_learns(results):
    alone = learn(plain(), share=(0, 1))
    torch.testing.assert_close(results[0]["plain"]["weights"], alone["weights"], atol=1e-6, rtol=1e-5)
    for together, one in zip(results[0]["plain"]["history"], alone["history"], strict=True):
        for key in ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "test_top5_accuracy"):
            assert together[key] == pytest.approx(one[key], abs=1e-5)


def test_metrics_are_over_all_pictures_once(results):
    assert [result["pictures"] for result in results] == [TEST_PICTURES] * 2
    for name, make in (("plain", plain), ("normalised", normalised)):
        model = make()
        model.load_state_dict(results[0][name]["weights"])
        whole = evaluate(model, batches()[1])
        for result in results:
            last = result[name]["history"][-1]
            assert (last["test_accuracy"], last["test_top5_accuracy"]) == (whole.accuracy, whole.top5_accuracy)
            assert last["test_loss"] == pytest.approx(whole.loss, rel=1e-6)


def test_only_the_first_process_writes(folder):
    assert [path.name for path in list_checkpoints(folder / "run-of-0")] == ["epoch-0002"]
    assert not (folder / "run-of-1").exists()


def test_processes_that_differ_say_so(results):
    assert [result["complaints"][0] for result in results] == ["", ""]
    for result in results:
        assert result["complaints"][1].startswith("the processes have different batches in an epoch: 0, 1; ")


def test_one_process_fails_first(results):
    failures = [failed for result in results for failed in result["failures"]]
    assert sorted(failures) == [False, False, False, True]


def test_a_killed_run_goes_on_and_ends_with_the_same_bits(results, tmp_path):
    run = torchrun("-m", "tests.training.two_processes", tmp_path, "die", restarts=1)
    assert run.returncode == 0, run.stderr
    for one in (torch.load(tmp_path / f"{rank}.pt") for rank in range(2)):
        assert one["attempt"] == 1, "the first attempt was to die"
        assert_same_bits(one["weights"], results[0]["normalised"]["weights"])
        assert [stats["epoch"] for stats in one["history"]] == [1, 2]


def test_a_run_of_two_processes_goes_on_in_one(results, folder, tmp_path):
    run = shutil.copytree(folder / "run-of-0", tmp_path / "run")
    alone = learn(normalised(), share=(0, 1), checkpoints=run)
    assert_same_bits(alone["weights"], results[0]["normalised"]["weights"])
    assert alone["history"] == results[0]["normalised"]["history"]


# --- one process ------------------------------------------------------------------------------------------------------


def test_without_torchrun_the_group_is_one_process():
    with join_group() as group:
        assert (group.share, group.leads, group.fails_first()) == ((0, 1), True, True)
        assert not in_group() and is_first_process()
        model = plain()
        assert share_gradients(model) is model
        require_same("batches in an epoch", 7)


def test_a_device_that_is_not_there_is_refused(refused):
    with refused("device is 'nowhere'", "try", "cpu"):
        Group().device("nowhere")
    with refused("device is 'cuda:99'"):
        Group(rank=99, processes=100, local_rank=99).device("cuda")


@pytest.mark.parametrize("name", ["mps", "cuda:1"])
def test_several_processes_take_one_gpu_each(refused, name):
    with refused(f"device is {name!r}", "'cpu'", "'cuda' with one GPU each"):
        Group(processes=2).device(name)
    assert Group(processes=2).device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(
    ("backend", "device"), [("gloo", "cpu"), ("cpu:gloo", "cpu"), ("cpu:gloo,cuda:gloo", "cpu"), ("cuda:gloo", "cuda")]
)
def test_sums_are_added_where_all_processes_can(backend, device):
    torch.distributed.init_process_group(backend, store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        assert _group_device().type == device
    finally:
        torch.distributed.destroy_process_group()


def test_a_group_that_is_gone_has_failed_before():
    class Gone:
        def add(self, key, amount):
            raise RuntimeError("Connection reset by peer")

    assert not Group(processes=2, store=Gone()).fails_first()
