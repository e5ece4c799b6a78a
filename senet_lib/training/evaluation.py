"""Loss and accuracy of a classifier, averaged over pictures and not over batches.

Where several processes share the work (``senet_lib.training.distributed``), the sums are taken over all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn

from senet_lib.common.torch_modules import evaluating
from senet_lib.data.epoch_plan import Batch
from senet_lib.training.device import memory_advice

TOP = 5


@dataclass(frozen=True)
class Evaluation:
    """Averages over pictures.

    Attributes:
        loss: mean cross-entropy in nats.
        accuracy: share of pictures whose highest logit is the label, 0 to 1.
        top5_accuracy: share of pictures whose label is among the five highest logits, 0 to 1; always 1 with up to
            five classes.
    """

    loss: float
    accuracy: float
    top5_accuracy: float


class RunningMean:
    """Sums over pictures. They stay on the device until a mean is asked for, so that a GPU never waits for them."""

    def __init__(self) -> None:
        self.pictures = 0
        self._loss: Tensor | float = 0.0
        self._correct: Tensor | int = 0
        self._correct_in_five: Tensor | int = 0

    def add(self, mean_loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: its mean loss, logits (B, classes), labels (B,)."""
        self.pictures += len(labels)
        self._loss = self._loss + mean_loss.detach() * len(labels)
        logits = logits.detach()
        self._correct = self._correct + (logits.argmax(1) == labels).sum()
        if logits.shape[1] <= TOP:
            self._correct_in_five = self._correct_in_five + len(labels)
        else:
            self._correct_in_five = self._correct_in_five + (logits.topk(TOP).indices == labels[:, None]).sum()

    def test(self, model: nn.Module, pictures: Tensor, labels: Tensor) -> None:
        """Add what a model says of a batch: pictures (B, C, H, W), labels (B,).

        Raises:
            MemoryError: if the batch does not fit into memory.
        """
        with memory_advice(len(labels)):
            logits = model(pictures)
            self.add(F.cross_entropy(logits, labels), logits, labels)

    def gather(self) -> None:
        """Add up the sums of all processes, if there are several. All of them must call it, once, at the end."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return
        sums = (self.pictures, self._loss, self._correct, self._correct_in_five)
        total = torch.stack([torch.as_tensor(one, dtype=torch.float64, device=_group_device()) for one in sums])
        distributed.all_reduce(total)
        self.pictures = int(total[0])
        self._loss, self._correct, self._correct_in_five = total[1], total[2], total[3]

    @property
    def loss(self) -> float:
        return float(self._loss) / self._count()

    @property
    def accuracy(self) -> float:
        return int(self._correct) / self._count()

    @property
    def top5_accuracy(self) -> float:
        return int(self._correct_in_five) / self._count()

    def _count(self) -> int:
        if self.pictures == 0:
            raise ValueError("there are no pictures to average over")
        return self.pictures


@torch.inference_mode()
def evaluate(model: nn.Module, batches: Iterable[Batch]) -> Evaluation:
    """Loss and accuracies of a classifier in evaluation mode. Afterwards each of its modules has its mode from before.

    Raises:
        ValueError: if there are no pictures.
        MemoryError: if a batch does not fit into memory. The message says which size to try.
    """
    mean = RunningMean()
    with evaluating(model):
        for pictures, labels in batches:
            mean.test(model, pictures, labels)
    mean.gather()
    return Evaluation(mean.loss, mean.accuracy, mean.top5_accuracy)


def _group_device() -> torch.device:
    """Where this process group adds up: the same for all processes, also for one that had no pictures.

    A group may have a backend for each kind of device, such as "cpu:gloo,cuda:nccl"; NCCL alone takes only GPUs.
    """
    return torch.device("cpu" if "cpu:" in distributed.get_backend_config() else "cuda")
