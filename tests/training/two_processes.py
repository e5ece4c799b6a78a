"""What torchrun starts twice in test_distributed.py: train small networks, and leave the results in a folder.

    torchrun --nproc_per_node 2 -m tests.training.two_processes FOLDER [die]

With "die", the second process kills itself after an epoch; what torchrun starts then is to go on.
"""

import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from senet_lib.data import Batches, PictureSet, random_flip, train_and_test_batches
from senet_lib.training import Recipe, fit, unwrap
from senet_lib.training.distributed import join_group, require_same, share_gradients
from senet_lib.training.evaluation import RunningMean

RECIPE = Recipe(epochs=2, learning_rate=0.01, ema_decay=0.9)
TEST_PICTURES = 37
CLASSES = 7


def plain() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, CLASSES))


def normalised() -> nn.Module:
    torch.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1))
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, CLASSES))


def patterns(count: int, seed: int) -> PictureSet:
    """Seven patterns of 8x8 pixels under as much noise."""
    clean = torch.randint(256, (CLASSES, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    pictures = (clean[labels] + torch.randint(256, (count, 1, 8, 8), generator=generator)) // 2
    return PictureSet(pictures.to(torch.uint8), labels, tuple("abcdefg"), "patterns")


def batches(share: tuple[int, int] = (0, 1)) -> tuple[Batches, Batches]:
    """208 pictures in batches of 20, the last one of 8; and 37 to test, the last batch of 17."""
    train, test = patterns(208, seed=1), patterns(TEST_PICTURES, seed=2)
    return train_and_test_batches(train, test, 20, augment=random_flip, share=share)


def learn(model: nn.Module, share: tuple[int, int], checkpoints: Path | None = None, dies: bool = False) -> dict:
    """Train; the weights in the end, and the statistics of each epoch."""
    train, test = batches(share)
    shared = share_gradients(model)
    history = []
    for stats in fit(shared, train, test, RECIPE, checkpoints=checkpoints):
        history.append(asdict(stats))
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
    return {"weights": unwrap(shared).state_dict(), "history": history}


def complaint_about(number: int) -> str:
    try:
        require_same("batches in an epoch", number)
    except ValueError as error:
        return str(error)
    return ""


def count_pictures(share: tuple[int, int]) -> int:
    mean = RunningMean()
    for _, labels in batches(share)[1]:
        mean.add(torch.zeros(()), torch.zeros(len(labels), CLASSES), labels)
    mean.gather()
    return mean.pictures


def main(folder: Path, dies: bool) -> None:
    with join_group() as group:
        if dies:
            attempt = int(os.environ["TORCHELASTIC_RESTART_COUNT"])
            last = group.rank == group.processes - 1
            results = {"attempt": attempt}
            results |= learn(normalised(), group.share, folder / "run", dies=attempt == 0 and last)
        else:
            results = {
                "plain": learn(plain(), group.share),
                "normalised": learn(normalised(), group.share, folder / f"run-of-{group.rank}"),
                "pictures": count_pictures(group.share),
                "complaints": [complaint_about(7), complaint_about(group.rank)],
                "failures": [group.fails_first(), group.fails_first()],
            }
        torch.save(results, folder / f"{group.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] == ["die"])
