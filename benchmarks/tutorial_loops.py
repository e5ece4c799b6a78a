"""Ways to feed and to train a network: ours, and the usual ones, which take one picture at a time.

Written anew after two tutorials on SE. A trains SE-ResNet-50 on CIFAR-10, and resizes each picture to 224x224 with PIL.
E trains an SE-ResNet of basic blocks, whose stem keeps all places, on pictures of 224x224 with one channel.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import v2

from senet_lib.data import Batches, PictureSet, channel_statistics, pad_crop_flip
from senet_lib.training import Recipe, Trainer
from senet_lib.training.evaluation import RunningMean

Batch = tuple[Tensor, Tensor]
Step = Callable[[Tensor, Tensor], object]
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Feed:
    """What all pipelines have to deliver, in an order of their own."""

    picture_set: PictureSet  # the pictures
    batch_size: int  # pictures in a batch
    size: int  # height and width that the network wants
    augment: bool  # whether each picture is padded by 4, cropped, and perhaps flipped
    device: torch.device  # where the network is


def make_pipelines(feed: Feed) -> dict[str, Iterable[Batch]]:
    """Ours, then its peers; each can be iterated again and again. "v2, batched" draws one crop for a whole batch."""
    pil = Pictures(feed, transform_of(feed, transforms, transforms.ToTensor()), as_pil=True)
    of_tensors = transform_of(feed, v2, v2.ToDtype(torch.float32, scale=True))
    tensors = Pictures(feed, of_tensors, as_pil=False)
    return {
        "ours": Batches(
            feed.picture_set,
            feed.batch_size,
            shuffle=True,
            augment=pad_crop_flip if feed.augment else None,
            device=feed.device,
            size=None if feed.size == _side(feed) else feed.size,
        ),
        "PIL, 0 workers": LoadedBatches(feed, pil, workers=0),
        "PIL, 2 workers": LoadedBatches(feed, pil, workers=2),
        "v2, 0 workers": LoadedBatches(feed, tensors, workers=0),
        "v2, 2 workers": LoadedBatches(feed, tensors, workers=2),
        "v2, batched": TransformedBatches(feed, of_tensors),
    }


def transform_of(feed: Feed, kind: Any, to_floats: Any) -> Any:
    """What changes a picture, or a batch of tensors, by torchvision's ``transforms`` or ``v2``, in the usual order."""
    return kind.Compose(
        [
            *([kind.RandomCrop(_side(feed), padding=4), kind.RandomHorizontalFlip()] * feed.augment),
            *([kind.Resize((feed.size, feed.size))] * (feed.size != _side(feed))),
            to_floats,
            kind.Normalize(*channel_statistics(feed.picture_set)),
        ]
    )


class Pictures(Dataset):
    """One picture at a time, from PIL or from a tensor, changed to floats (C, size, size), as torchvision's sets do."""

    def __init__(self, feed: Feed, transform: Any, as_pil: bool):
        self.pictures: Any = feed.picture_set.pictures
        if as_pil:
            self.pictures = self.pictures.permute(0, 2, 3, 1).squeeze(-1).numpy()  # (N, H, W, C), or (N, H, W) of greys
        self.labels = feed.picture_set.labels.tolist()
        self.transform, self.as_pil = transform, as_pil

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = self.pictures[index]
        return self.transform(Image.fromarray(picture) if self.as_pil else picture), self.labels[index]


class LoadedBatches:
    """A DataLoader, and each batch brought to the device. The workers live on from epoch to epoch."""

    def __init__(self, feed: Feed, pictures: Dataset, workers: int):
        self.device = feed.device
        self.loader = DataLoader(
            pictures,
            feed.batch_size,
            shuffle=True,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=feed.device.type == "cuda",
        )

    def __iter__(self) -> Iterator[Batch]:
        for x, labels in self.loader:
            yield x.to(self.device, non_blocking=True), labels.to(self.device, non_blocking=True)


class TransformedBatches:
    """Pictures on the device, transformed by torchvision a batch at a time."""

    def __init__(self, feed: Feed, transform: Any):
        self.pictures, self.labels = feed.picture_set.pictures.to(feed.device), feed.picture_set.labels.to(feed.device)
        self.batch_size = feed.batch_size
        self.transform = transform

    def __iter__(self) -> Iterator[Batch]:
        order = torch.randperm(len(self.pictures)).to(self.pictures.device)
        for chosen in order.split(self.batch_size):
            yield self.transform(self.pictures[chosen]), self.labels[chosen]


def our_step(network: nn.Module) -> Step:
    """Our trainer: channels last, 16 bits where the device is fast at it, sums that stay on the device."""
    network.to(memory_format=torch.channels_last)
    recipe = Recipe(1, LEARNING_RATE, weight_decay=0.0, optimiser="adam", schedule="constant")
    trainer, mean = Trainer(network, recipe, steps_per_epoch=1), RunningMean()
    trainer.start_epoch()

    def step(x: Tensor, labels: Tensor) -> None:
        mean.add(*trainer.step(x, labels), labels)

    return step


def tutorial_step(network: nn.Module) -> Step:
    """The tutorials' loop: Adam, the usual layout, 32 bits, loss and hits read after each step."""
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    criterion = nn.CrossEntropyLoss()
    total = {"loss": 0.0, "hits": 0}
    network.train()

    def step(x: Tensor, labels: Tensor) -> None:
        optimiser.zero_grad()
        logits = network(x)
        loss = criterion(logits, labels)
        loss.backward()
        optimiser.step()
        total["loss"] += loss.item()
        total["hits"] += (logits.argmax(1) == labels).sum().item()

    return step


def _side(feed: Feed) -> int:
    return feed.picture_set.pictures.shape[-1]
