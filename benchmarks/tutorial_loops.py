"""Ways to feed and to train a network: ours, and the usual ones, which take one picture at a time.

Written anew after two tutorials on SE. A trains SE-ResNet-50 on CIFAR-10, and resizes each picture to 224x224 with PIL.
E trains an SE-ResNet of basic blocks, whose stem keeps all places, on pictures of 224x224 with one channel.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

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
    """What all pipelines have to deliver, in an order of their own.

    Attributes:
        picture_set: the pictures.
        batch_size: pictures in a batch.
        size: height and width that the network wants.
        augment: whether each picture is padded by 4, cropped, and perhaps flipped.
        device: where the network is.
    """

    picture_set: PictureSet
    batch_size: int
    size: int
    augment: bool
    device: torch.device


def make_pipelines(feed: Feed) -> dict[str, Iterable[Batch]]:
    """Ours, then its peers; each can be iterated again and again. "v2, batched" draws one crop for a whole batch."""
    return {
        "ours": Batches(
            feed.picture_set,
            feed.batch_size,
            shuffle=True,
            augment=pad_crop_flip if feed.augment else None,
            device=feed.device,
            size=None if feed.size == feed.picture_set.pictures.shape[-1] else feed.size,
        ),
        "PIL, 0 workers": LoadedBatches(feed, PilPictures(feed), workers=0),
        "PIL, 2 workers": LoadedBatches(feed, PilPictures(feed), workers=2),
        "v2, 0 workers": LoadedBatches(feed, TensorPictures(feed), workers=0),
        "v2, 2 workers": LoadedBatches(feed, TensorPictures(feed), workers=2),
        "v2, batched": TransformedBatches(feed),
    }


class PilPictures(Dataset):
    """One picture at a time: as PIL has it, transformed, as floats (C, size, size), like torchvision's data sets."""

    def __init__(self, feed: Feed):
        pictures = feed.picture_set.pictures.permute(0, 2, 3, 1).numpy()  # -> (N, H, W, C)
        self.pictures = pictures[..., 0] if pictures.shape[-1] == 1 else pictures
        self.labels = feed.picture_set.labels.tolist()
        self.transform = transforms.Compose(
            [
                *([transforms.RandomCrop(_side(feed), padding=4), transforms.RandomHorizontalFlip()] * feed.augment),
                *([transforms.Resize((feed.size, feed.size))] * (feed.size != _side(feed))),
                transforms.ToTensor(),
                transforms.Normalize(*channel_statistics(feed.picture_set)),
            ]
        )

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pictures[index])), self.labels[index]


class TensorPictures(Dataset):
    """One picture at a time, transformed by torchvision's v2 from bytes to floats (C, size, size)."""

    def __init__(self, feed: Feed):
        self.pictures, self.labels = feed.picture_set.pictures, feed.picture_set.labels.tolist()
        self.transform = v2_transform(feed)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.pictures[index]), self.labels[index]


def v2_transform(feed: Feed) -> v2.Compose:
    """Bytes (..., C, H, W) to floats (..., C, size, size), in the order that torchvision advises."""
    return v2.Compose(
        [
            *([v2.RandomCrop(_side(feed), padding=4), v2.RandomHorizontalFlip()] * feed.augment),
            *([v2.Resize((feed.size, feed.size))] * (feed.size != _side(feed))),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(*channel_statistics(feed.picture_set)),
        ]
    )


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

    def __init__(self, feed: Feed):
        self.pictures, self.labels = feed.picture_set.pictures.to(feed.device), feed.picture_set.labels.to(feed.device)
        self.batch_size = feed.batch_size
        self.transform = v2_transform(feed)

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
