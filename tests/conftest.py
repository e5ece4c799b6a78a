"""What several test files share: settings for the libraries, and a few small helpers as fixtures."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import torch
from hypothesis import settings

ROOT = Path(__file__).parent.parent

os.environ["MPLBACKEND"] = "Agg"  # no test needs a screen
torch.set_num_threads(1)  # the tests' networks are so small that more threads only wait for each other
settings.register_profile("book", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("book")

# Begun first, so that no worker is left alone with one of them at the end.
LONGEST = [
    *("test_book", "test_pages", "test_all_figures", "test_every_browser", "test_laboratory", "test_training_step"),
    *("test_network_xray", "test_commands", "test_other_browsers", "test_jupyterlab", "test_pdf", "test_distributed"),
    *("test_network_in_page", "test_surgery"),
]

Refused = Callable[..., AbstractContextManager[None]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Twice as many as there are cores: half of the time a test only waits, for a page or a kernel."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {stem: place for place, stem in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(autouse=True)
def no_plot_outlives_its_test() -> Iterator[None]:
    """Figures that a test has left open would be seen by the tests after it."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture
def refused() -> Refused:
    """``with refused("r is 0", "at least 1"):`` expects a ValueError of one line that says all of that, in order."""

    @contextmanager
    def expect(*parts: str) -> Iterator[None]:
        with pytest.raises(ValueError, match=".*".join(map(re.escape, parts))) as caught:
            yield
        assert "\n" not in str(caught.value)

    return expect


class ListBatches:
    """A list of batches as something to train on: the same in each epoch, or for each epoch its own."""

    def __init__(self, *epochs: list):
        self.epochs = epochs

    def __len__(self) -> int:
        return len(self.epochs[0])

    def __iter__(self) -> Iterator:
        return self.epoch(0)

    def epoch(self, number: int) -> Iterator:
        for batch in self.epochs[min(number, len(self.epochs) - 1)]:
            if isinstance(batch, BaseException):
                raise batch
            yield batch


@pytest.fixture
def list_batches() -> type[ListBatches]:
    """The class ``ListBatches``; an exception in the place of a batch is raised."""
    return ListBatches
