"""What the first cell of a notebook needs: a seed, a device, the book's plot style, and a loop that prints.

Figures and training are ordinary library code; this module adapts them to a notebook.
"""

from collections.abc import Iterable

import torch
from torch import nn

from senet_lib.common.validation import require_whole
from senet_lib.data.epoch_plan import Batch
from senet_lib.training import DivergedError, EpochBatches, EpochStats, Recipe, fit
from senet_lib.training.device import best_device, require_device


def setup(seed: int = 0, device: str | None = None) -> torch.device:
    """Seed torch, choose the device, and give plots the book's style.

    Args:
        seed: at least 0; the same seed gives the same run on the same CPU.
        device: for example "cpu" or "cuda"; None for the best that is there.

    Returns:
        The device: CUDA, Apple's MPS, or the CPU.
    """
    require_whole("seed", seed, least=0)
    chosen = require_device(device) if device else best_device()
    torch.manual_seed(seed)
    _use_crisp_plots()
    # The first optimiser makes torch import its compiler, for a second or two. An interruption in the middle of that
    # would leave torch broken until the kernel restarts, so let it happen here and not in a training cell.
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
    return chosen


def train(model: nn.Module, batches: EpochBatches, test: Iterable[Batch], recipe: Recipe) -> list[EpochStats]:
    """Train, print a line after each epoch, and return the statistics of all epochs.

    If the cell is interrupted, the statistics so far are returned and the model stays usable. If the loss becomes NaN
    or infinite, a line says at which step, and the model keeps its last good weights.
    """
    history: list[EpochStats] = []
    print("epoch   train loss   train accuracy   test accuracy   pictures/s")
    try:
        for stats in fit(model, batches, test, recipe):
            history.append(stats)
            print(
                f"{stats.epoch:5d}   {stats.train_loss:10.3f}   {stats.train_accuracy:14.3f}   "
                f"{stats.test_accuracy:13.3f}   {stats.pictures_per_second:10.0f}"
            )
    except DivergedError as error:
        print(f"Stopped: {error}.")
    except KeyboardInterrupt:
        print(f"Stopped by you after {len(history)} of {recipe.epochs} epochs. The model keeps what it has learned.")
    return history


def _use_crisp_plots() -> None:
    """Book style, and vector graphics where a notebook is running."""
    from IPython import get_ipython
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    from senet_lib.book.plots import use_book_style

    use_book_style()
    if get_ipython() is not None:
        set_matplotlib_formats("svg")
