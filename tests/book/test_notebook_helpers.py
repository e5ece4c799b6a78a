"""Tests of senet_lib.book.notebook: the first cell, and the loop that prints."""

import IPython
import matplotlib
import pytest
import torch
from matplotlib_inline import backend_inline
from torch import nn

from senet_lib.book.notebook import setup, train
from senet_lib.book.plots import STYLE
from senet_lib.training import Recipe


@pytest.fixture(autouse=True)
def own_plot_style():
    """What ``setup`` does to later plots ends with the test."""
    with matplotlib.rc_context():
        yield


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 2))


def batch(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(count) % 2
    return labels[:, None, None, None].float().expand(count, 1, 2, 2).clone(), labels


# --- setup ------------------------------------------------------------------------------------------------------------


def test_setup_seeds_torch():
    def draw(*seed: int) -> float:
        setup(*seed)
        return torch.rand(1).item()

    assert draw(7) == draw(7) != draw(8)
    assert draw() == draw(0)


def test_setup_returns_the_device_that_one_asks_for():
    assert setup(device="cpu") == torch.device("cpu")
    assert setup(device="meta") == torch.device("meta")


@pytest.mark.parametrize(
    ("cuda", "mps", "best"), [(True, False, "cuda"), (True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_setup_returns_the_best_device_that_is_there(monkeypatch, cuda, mps, best):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert setup() == torch.device(best)


@pytest.mark.parametrize("seed", [-1, -100])
def test_setup_refuses_a_negative_seed(seed, refused):
    with refused(f"seed is {seed}", "at least 0"):
        setup(seed)


def test_setup_gives_plots_the_books_style():
    matplotlib.rcdefaults()
    assert matplotlib.rcParams["axes.grid"] != STYLE["axes.grid"]
    setup()
    assert all(matplotlib.rcParams[name] == value or name == "figure.figsize" for name, value in STYLE.items())
    assert tuple(matplotlib.rcParams["figure.figsize"]) == STYLE["figure.figsize"]


@pytest.mark.parametrize("in_notebook", [True, False])
def test_setup_asks_for_vector_graphics_only_in_a_notebook(monkeypatch, in_notebook):
    formats = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object() if in_notebook else None)
    monkeypatch.setattr(backend_inline, "set_matplotlib_formats", lambda *names: formats.extend(names))
    setup()
    assert formats == (["svg"] if in_notebook else [])


# --- train ------------------------------------------------------------------------------------------------------------


def test_train_prints_a_header_and_a_line_an_epoch_and_returns_the_history(network, list_batches, capsys):
    history = train(network, list_batches([batch(8), batch(4)]), [batch(6)], Recipe(epochs=3, learning_rate=0.1))
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split("   ") == ["epoch", "train loss", "train accuracy", "test accuracy", "pictures/s"]
    assert [stats.epoch for stats in history] == [1, 2, 3]
    for line, stats in zip(lines, history, strict=True):
        epoch, train_loss, train_accuracy, test_accuracy, speed = line.split()
        assert int(epoch) == stats.epoch
        assert train_loss == f"{stats.train_loss:.3f}"
        assert train_accuracy == f"{stats.train_accuracy:.3f}"
        assert test_accuracy == f"{stats.test_accuracy:.3f}"
        assert speed == f"{stats.pictures_per_second:.0f}"
    assert not network.training


@pytest.mark.parametrize("good_epochs", [0, 1, 2])
def test_stopping_gives_the_history_so_far_and_says_so(network, list_batches, capsys, good_epochs):
    stopped = [batch(8), KeyboardInterrupt()]
    batches = list_batches(*[[batch(8), batch(4)]] * good_epochs, stopped)
    network.train()
    history = train(network, batches, [batch(6)], Recipe(epochs=5, learning_rate=0.1))
    lines = capsys.readouterr().out.splitlines()
    assert [stats.epoch for stats in history] == list(range(1, good_epochs + 1))
    assert len(lines) == 1 + good_epochs + 1
    assert f"Stopped by you after {good_epochs} of 5 epochs." in lines[-1]
    assert not network.training
    assert network(batch(2)[0]).isfinite().all()


def test_a_diverged_training_says_at_which_step_and_keeps_what_there_is(network, list_batches, capsys):
    pictures, labels = batch(4)
    history = train(network, list_batches([batch(4), (pictures / 0, labels)]), [batch(4)], Recipe(2, 0.1))
    assert history == []
    assert "step 2" in capsys.readouterr().out
    assert network(pictures).isfinite().all()
